//! Lists and searches of accounts.

use serde_json::Value;

use super::{
    open::{self, OpenAccount},
    query,
};
use crate::{
    actions::{ActionError, Context, Invalid, query::plain_word},
    domain::id::AccountId,
    store::{
        account_types,
        accounts::search::{Asked, Condition, Order, Place, search as search_accounts},
    },
};

/// A page of accounts.
#[derive(Debug)]
pub struct Found {
    /// The accounts, in the order that was asked for.
    pub accounts: Vec<OpenAccount>,
    /// Whether there are more in the direction of the page.
    pub more: bool,
    /// Where the first and the last of them stood.
    pub ends: Option<(Place, Place)>,
}

/// What a list is to hold: accounts that fit every filter.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// With any of these reference ids.
    pub references: Vec<String>,
    /// With all of these tags.
    pub tags: Vec<String>,
    /// With any of these statuses: names, or ids.
    pub statuses: Vec<String>,
    /// Of any of these types: names, or ids.
    pub types: Vec<String>,
    /// None that is archived.
    pub without_archived: bool,
}

/// Lists accounts, the newest first.
pub async fn list(
    context: &Context,
    listed: &Listed,
    (after, before): (Option<AccountId>, Option<AccountId>),
    size: u16,
) -> Result<Found, ActionError> {
    let mut connection = context.store.connection().await?;
    let types = account_types::list_rows(&mut connection).await?;
    let mut all = Vec::new();
    if listed.without_archived {
        all.push(Condition::Not(Box::new(Condition::Archived)));
    }
    if !listed.references.is_empty() {
        all.push(Condition::References(listed.references.clone()));
    }
    all.extend(listed.tags.iter().cloned().map(Condition::Tag));
    if !listed.statuses.is_empty() {
        let found = listed.statuses.iter().flat_map(|status| query::statuses(&types, status));
        all.push(Condition::Statuses(found.collect()));
    }
    if !listed.types.is_empty() {
        let found = listed.types.iter().flat_map(|name| query::types(&types, name));
        all.push(Condition::Types(found.collect()));
    }
    drop(connection);
    let (after, before) = (after.map(Place::from), before.map(Place::from));
    let asked = Asked { after, before, limit: i64::from(size), ..Asked::default() };
    found(context, &Condition::All(all), asked).await
}

/// Searches accounts by a query as the API writes it; null finds all. `sort` is the attribute, and whether the
/// least comes first. Whoever must not read archived ones finds none.
pub async fn search(
    context: &Context,
    (wanted, without_archived): (&Value, bool),
    sort: Option<(&str, bool)>,
    (after, before): (Option<Place>, Option<Place>),
    size: u16,
) -> Result<Found, ActionError> {
    let order = match sort.map(|(attribute, _)| plain_word(attribute)).as_deref() {
        None | Some("created_at") => Order::Created,
        Some("updated_at") => Order::Updated,
        Some(_) => {
            let fault = Invalid::at("/sort/attribute", "accepted is created_at or updated_at");
            return Err(ActionError::Invalid(vec![fault]));
        }
    };
    let mut connection = context.store.connection().await?;
    let types = account_types::list_rows(&mut connection).await?;
    drop(connection);
    let mut condition = query::read(context, &types, wanted)?;
    if without_archived {
        condition = Condition::All(vec![condition, Condition::Not(Box::new(Condition::Archived))]);
    }
    let ascending = sort.is_some_and(|(_, ascending)| ascending);
    let asked = Asked { order, ascending, after, before, limit: i64::from(size) };
    found(context, &condition, asked).await
}

async fn found(context: &Context, condition: &Condition, asked: Asked) -> Result<Found, ActionError> {
    let mut connection = context.store.connection().await?;
    // One more than the page has: so it is known whether there is another page.
    let more = Asked { limit: asked.limit + 1, ..asked };
    let mut places = match search_accounts(&mut connection, condition, more).await {
        Err(error) if error.is_deadline() => {
            let details = "the search takes too long: add a condition that fewer accounts fit, such as a type, a tag or an identifier";
            return Err(ActionError::Invalid(vec![Invalid::at("/query", details)]));
        }
        places => places?,
    };
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = places.len() > limit;
    if more && asked.before.is_some() {
        places.remove(0);
    }
    places.truncate(limit);
    let ids: Vec<AccountId> = places.iter().map(|place| place.id).collect();
    let accounts = open::open_all(context, &mut connection, &ids).await?;
    Ok(Found { accounts, more, ends: places.first().copied().zip(places.last().copied()) })
}
