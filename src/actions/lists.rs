//! Lists of the customer's own, and their items: made, read, looked up, archived, redacted.
//!
//! A value is sealed under a key of its item. It is found again, and known to be there already, by a keyed hash of
//! what it comes down to.

mod redact;
mod watched;

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use self::watched::Change;
use super::{ActionError, Context, Invalid, accounts::is_plain};
use crate::{
    domain::{
        id::{ListId, ListItemId, Shard},
        list::{Given, ListKind, ListValue},
    },
    screening::own,
    store::{
        data_keys, events, list_items,
        list_items::{ItemRow, NewItem},
        lists::{self, ListRow, Part},
    },
    vault::Purpose,
};

pub(super) use redact::redact_item;
pub use redact::{destroy_copies, redact_by_hand};

const LIST: &str = "list of that id";
const ITEM: &str = "list item of that id";

/// An item, opened.
#[derive(Clone)]
pub struct OpenItem {
    /// Its id.
    pub id: ListItemId,
    /// Its list.
    pub list: ListId,
    /// What its list holds.
    pub kind: ListKind,
    /// Its value; none when it cannot be opened any more. Personal data.
    pub value: Option<ListValue>,
    /// How many hits it made.
    pub match_count: i64,
    /// Who put it there.
    pub actor: String,
    /// When it was made.
    pub created_at: chrono::DateTime<chrono::Utc>,
    /// When it last changed.
    pub updated_at: chrono::DateTime<chrono::Utc>,
    /// Since when it matches nobody any more.
    pub archived_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When its value was destroyed.
    pub redacted_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Makes a list. Lists in use have different names, whatever their case.
pub async fn create(
    context: &Context,
    actor: &str,
    kind: ListKind,
    name: &str,
) -> Result<ListRow, ActionError> {
    if !is_plain(name) {
        let details = "accepted is a text of 1 to 255 characters without control characters, and without blanks around it";
        return Err(ActionError::Invalid(vec![Invalid::at("/data/attributes/name", details)]));
    }
    let id = ListId(context.new_uuid(Shard(0)));
    let mut transaction = context.store.transaction().await?;
    if !lists::insert(&mut transaction, id, kind, name, actor, context.now()).await? {
        return Err(ActionError::Conflict("there is a list of that name".to_owned()));
    }
    tell(context, &mut transaction, actor, "list.created", id.0).await?;
    let list = lists::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(LIST))?;
    transaction.commit().await?;
    Ok(list)
}

/// The list of an id.
pub async fn find(context: &Context, id: ListId) -> Result<ListRow, ActionError> {
    let mut connection = context.store.connection().await?;
    lists::find(&mut connection, id).await?.ok_or(ActionError::NotFound(LIST))
}

/// A page of lists, the newest first.
pub async fn list(
    context: &Context,
    archived: Option<bool>,
    part: Part,
) -> Result<Vec<ListRow>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(lists::list(&mut connection, archived, part).await?)
}

/// The newest active items of lists, at most `most` of each, the newest first.
pub async fn newest_items(
    context: &Context,
    of: &[ListId],
    most: i64,
) -> Result<HashMap<ListId, Vec<ListItemId>>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(list_items::list_newest(&mut connection, of, most).await?)
}

/// Archives a list: it can be read, and matches nobody any more.
pub async fn archive(context: &Context, actor: &str, id: ListId) -> Result<ListRow, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let before = lock(&mut transaction, id).await?;
    lists::save_archived(&mut transaction, id, context.now()).await?;
    watched::rescreen(context, &mut transaction, actor, &before, &Change::All).await?;
    tell(context, &mut transaction, actor, "list.archived", id.0).await?;
    let list = lists::find(&mut transaction, id).await?.ok_or(ActionError::NotFound(LIST))?;
    transaction.commit().await?;
    Ok(list)
}

/// Puts a value on a list of `kind`. One that stands there already is refused.
pub async fn add_item(
    context: &Context,
    actor: &str,
    (kind, list): (ListKind, ListId),
    given: &Given,
) -> Result<OpenItem, ActionError> {
    let value = value_of(kind, given)?;
    let mut transaction = context.store.transaction().await?;
    let id = add_in(context, &mut transaction, actor, (Some(kind), list), &value)
        .await?
        .ok_or_else(|| ActionError::Conflict("the value is an active item of the list already".to_owned()))?;
    let item = open_in(context, &mut transaction, id).await?;
    transaction.commit().await?;
    Ok(item)
}

/// Puts a value on a list inside the caller's transaction; none when it stands there already. With a `kind` the list
/// must be of it.
pub(super) async fn add_in(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    (kind, list): (Option<ListKind>, ListId),
    value: &ListValue,
) -> Result<Option<ListItemId>, ActionError> {
    let now = context.now();
    let row = lock_or_invalid(conn, list).await?;
    if kind.is_some_and(|kind| kind != row.kind) {
        let details = format!("is a list of {}", row.kind);
        return Err(ActionError::Invalid(vec![Invalid::at("/data/attributes/list-id", details)]));
    }
    let [shard] = context.random.bytes::<1>();
    let id = ListItemId(context.new_uuid(Shard(shard)));
    let (key, wrapped) = context.keyring.new_data_key(id.0);
    let new = NewItem {
        id,
        list,
        sealed_value: key.seal(Purpose::ListItem, value)?,
        digest: digest(context, list, &value.canonical()),
        actor: actor.to_owned(),
    };
    if !list_items::insert(conn, &new, now).await? {
        return Ok(None);
    }
    data_keys::insert_all(conn, &[(id.0, wrapped)], now).await?;
    lists::save_changed(conn, list, now).await?;
    watched::rescreen(context, conn, actor, &row, &Change::Added(value)).await?;
    tell(context, conn, actor, "list-item.created", id.0).await?;
    Ok(Some(id))
}

/// The item of an id, which is on a list of `kind`.
pub async fn find_item(context: &Context, kind: ListKind, id: ListItemId) -> Result<OpenItem, ActionError> {
    let mut connection = context.store.connection().await?;
    let item = open_in(context, &mut connection, id).await?;
    if item.kind == kind { Ok(item) } else { Err(ActionError::NotFound(ITEM)) }
}

/// A page of a list's active items, the newest first.
pub async fn list_items(context: &Context, of: ListId, part: Part) -> Result<Vec<OpenItem>, ActionError> {
    let mut connection = context.store.connection().await?;
    let list = lists::find(&mut connection, of).await?.ok_or(ActionError::NotFound(LIST))?;
    let rows = list_items::list(&mut connection, of, part).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(opened(context, &mut connection, row, list.kind).await?);
    }
    Ok(items)
}

/// The active items of a list that stand for a value: it, the domain of an address, networks around an address.
pub async fn look_up(context: &Context, of: ListId, given: &Given) -> Result<Vec<OpenItem>, ActionError> {
    let mut connection = context.store.connection().await?;
    let list = lists::find(&mut connection, of).await?.ok_or(ActionError::NotFound(LIST))?;
    let value = value_of(list.kind, given)?;
    let digests: Vec<[u8; 16]> =
        value.covering().iter().map(|canonical| digest(context, of, canonical)).collect();
    let ids = list_items::list_by_digests(&mut connection, of, &digests).await?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(open_in(context, &mut connection, id).await?);
    }
    Ok(items)
}

/// Archives an item: it can be read, and matches nobody any more.
pub async fn archive_item(
    context: &Context,
    actor: &str,
    kind: ListKind,
    id: ListItemId,
) -> Result<OpenItem, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let item = open_in(context, &mut transaction, id).await?;
    if item.kind != kind {
        return Err(ActionError::NotFound(ITEM));
    }
    // An archived list's items may go too: it matches nobody, and its version tells nobody anything.
    let before = lists::lock(&mut transaction, item.list).await?.ok_or(ActionError::NotFound(LIST))?;
    if !list_items::save_archived(&mut transaction, id, now).await? {
        return Err(ActionError::Refused("the item is archived already"));
    }
    lists::save_changed(&mut transaction, item.list, now).await?;
    watched::rescreen(context, &mut transaction, actor, &before, &Change::Removed(id)).await?;
    tell(context, &mut transaction, actor, "list-item.archived", id.0).await?;
    let item = open_in(context, &mut transaction, id).await?;
    transaction.commit().await?;
    Ok(item)
}

/// A list as screening takes it: its version, and the ids and values of its active items. None when no list in use
/// has the name.
pub async fn load(
    context: &Context,
    name: &str,
) -> Result<Option<(String, Vec<(String, ListValue)>)>, ActionError> {
    const PAGE: i64 = 2000;
    let mut connection = context.store.connection().await?;
    // The version first: what changes meanwhile has a later one, and is read again.
    let Some(list) = lists::list_by_names(&mut connection, &[name.to_owned()]).await?.pop() else {
        return Ok(None);
    };
    let mut items = Vec::new();
    let mut part = Part { below: Uuid::max(), above: Uuid::nil(), lowest: false, limit: PAGE };
    loop {
        let page = list_items::list(&mut connection, list.id, part).await?;
        let Some(oldest) = page.last() else { break };
        part.below = oldest.id.0;
        for row in &page {
            items.extend(value(context, row)?.map(|value| (row.id.to_string(), value)));
        }
    }
    Ok(Some((version_of(&list), items)))
}

/// Has all accounts screened again that are screened against a list of this name, if one is in use.
pub async fn screen_again(context: &Context, actor: &str, name: &str) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    let Some(list) = lists::list_by_names(&mut transaction, &[name.to_owned()]).await?.pop() else {
        return Ok(());
    };
    watched::rescreen(context, &mut transaction, actor, &list, &Change::All).await?;
    transaction.commit().await?;
    Ok(())
}

/// The versions of those lists in use that have one of these names, in lower case.
pub async fn versions(
    conn: &mut PgConnection,
    names: &[String],
) -> Result<Vec<(String, String)>, ActionError> {
    let rows = lists::list_by_names(conn, names).await?;
    Ok(rows.into_iter().map(|row| (row.name.to_lowercase(), version_of(&row))).collect())
}

/// A list and the state of its items: a list of the same name that comes after it is another.
fn version_of(list: &ListRow) -> String {
    format!("{}-{}", list.id, list.version)
}

fn value_of(kind: ListKind, given: &Given) -> Result<ListValue, ActionError> {
    ListValue::of(kind, given).map_err(|(attribute, details)| {
        ActionError::Invalid(vec![Invalid::at(format!("/data/attributes/{attribute}"), details)])
    })
}

async fn lock(conn: &mut PgConnection, id: ListId) -> Result<ListRow, ActionError> {
    let list = lists::lock(conn, id).await?.ok_or(ActionError::NotFound(LIST))?;
    if list.archived_at.is_some() { Err(ActionError::Refused("the list is archived")) } else { Ok(list) }
}

async fn lock_or_invalid(conn: &mut PgConnection, id: ListId) -> Result<ListRow, ActionError> {
    match lock(conn, id).await {
        Err(ActionError::NotFound(_)) => {
            Err(ActionError::Invalid(vec![Invalid::at("/data/attributes/list-id", "is not found")]))
        }
        locked => locked,
    }
}

fn digest(context: &Context, list: ListId, canonical: &str) -> [u8; 16] {
    let whole = context.digest_key.digest(format!("list-item\u{0}{list}\u{0}{canonical}").as_bytes());
    let mut digest = [0; 16];
    digest.copy_from_slice(whole.split_at(16).0);
    digest
}

fn value(context: &Context, row: &ItemRow) -> Result<Option<ListValue>, ActionError> {
    match &row.sealed {
        None => Ok(None),
        Some((sealed, key)) => {
            Ok(Some(context.keyring.unwrap(row.id.0, key)?.open(Purpose::ListItem, sealed)?))
        }
    }
}

async fn open_in(
    context: &Context,
    conn: &mut PgConnection,
    id: ListItemId,
) -> Result<OpenItem, ActionError> {
    let row = list_items::find(conn, id).await?.ok_or(ActionError::NotFound(ITEM))?;
    let list = lists::find(conn, row.list).await?.ok_or(ActionError::NotFound(LIST))?;
    opened(context, conn, row, list.kind).await
}

async fn opened(
    context: &Context,
    conn: &mut PgConnection,
    row: ItemRow,
    kind: ListKind,
) -> Result<OpenItem, ActionError> {
    Ok(OpenItem {
        value: value(context, &row)?,
        match_count: list_items::count_matches(conn, &format!("{}{}", own::PREFIX, row.id)).await?,
        id: row.id,
        list: row.list,
        kind,
        actor: row.actor,
        created_at: row.created_at,
        updated_at: row.updated_at,
        archived_at: row.archived_at,
        redacted_at: row.redacted_at,
    })
}

async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    kind: &'static str,
    object: Uuid,
) -> Result<(), ActionError> {
    tell_detail(context, conn, (actor, kind), object, serde_json::json!({})).await
}

async fn tell_detail(
    context: &Context,
    conn: &mut PgConnection,
    (actor, kind): (&str, &'static str),
    object: Uuid,
    detail: serde_json::Value,
) -> Result<(), ActionError> {
    let mut event = context.event_of_all(kind, actor, detail);
    event.object = Some(object);
    events::insert_all(conn, &[event], context.now()).await?;
    Ok(())
}
