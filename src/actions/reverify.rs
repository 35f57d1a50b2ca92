//! When accounts are to be verified again: worked out where accounts change, told of when the time has come.
//!
//! A date may follow from a field that is sealed, so no statement can look for it. It is worked out by whoever looks
//! at a changed account anyway (enrolment, within seconds of the change), and by a walk over all accounts after a rule
//! has changed; both do the same with a page of accounts.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{ActionError, Context};
use crate::{
    domain::{
        id::AccountId,
        reverification::{Due, Reverification},
    },
    store::{
        account_tags, accounts, enrolment,
        enrolment::Selected,
        events::{self, Event},
        reverifications::{self, DueAccount, Facts, OfAccount},
    },
    vault::Purpose,
};

/// A rule with its number, and its selection in the form that statements compare with.
#[derive(Debug)]
pub struct Rule<'a> {
    /// Its number in the database.
    pub id: i32,
    /// The rule.
    pub rule: &'a Reverification,
    /// Whom it is for.
    pub selected: Selected,
}

/// When an account is to be verified again.
pub async fn list(context: &Context, account: AccountId) -> Result<Vec<OfAccount>, ActionError> {
    let mut connection = context.store.connection().await?;
    accounts::find(&mut connection, account).await?.ok_or(ActionError::NotFound("account of that id"))?;
    Ok(reverifications::list_of_account(&mut connection, account).await?)
}

/// Works out anew when the accounts of a page are due by a rule.
pub async fn refresh(
    context: &Context,
    conn: &mut PgConnection,
    rule: &Rule<'_>,
    page: &[AccountId],
) -> Result<(), ActionError> {
    let field = rule.rule.due.field();
    let facts = reverifications::list_facts(conn, &rule.selected, field, page).await?;
    let sealed = match field {
        Some(field) => sealed(context, conn, field, &facts).await?,
        None => HashMap::new(),
    };
    let due: Vec<(AccountId, DateTime<Utc>)> = facts
        .iter()
        .filter_map(|facts| {
            let field = facts.field.as_ref().or_else(|| sealed.get(&facts.account));
            Some((facts.account, rule.rule.due.at(facts.last_inquiry, field.map(String::as_str))?))
        })
        .collect();
    let is_due: HashSet<AccountId> = due.iter().map(|(account, _)| *account).collect();
    let others: Vec<AccountId> = page.iter().copied().filter(|account| !is_due.contains(account)).collect();
    if !others.is_empty() {
        reverifications::remove(conn, rule.id, &others).await?;
    }
    if !due.is_empty() {
        reverifications::save_due(conn, rule.id, &due).await?;
    }
    Ok(())
}

/// The texts of a sealed field, of those accounts whose plain fields have none of the key.
async fn sealed(
    context: &Context,
    conn: &mut PgConnection,
    field: &str,
    facts: &[Facts],
) -> Result<HashMap<AccountId, String>, ActionError> {
    let wanted: Vec<AccountId> =
        facts.iter().filter(|facts| facts.field.is_none()).map(|facts| facts.account).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let mut found = HashMap::new();
    for (account, sealed, key) in reverifications::list_sealed(conn, &wanted).await? {
        let key = context.keyring.unwrap(account.0, &key)?;
        let fields: Map<String, Value> = key.open(Purpose::AccountFields, &sealed)?;
        if let Some(text) = fields.get(field).and_then(Value::as_str) {
            found.insert(account, text.to_owned());
        }
    }
    Ok(found)
}

/// Takes every account of a page out of a rule that is no longer in force.
pub async fn forget(conn: &mut PgConnection, rule_id: i32, page: &[AccountId]) -> Result<(), ActionError> {
    Ok(reverifications::remove(conn, rule_id, page).await?)
}

/// Tells of accounts that are due by a rule, in the caller's transaction: an event, tags, a status; once for each
/// date. Those that the rule no longer selects are taken out of it. Returns how many were told of.
pub async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    rule: &Rule<'_>,
    due: &[DueAccount],
) -> Result<usize, ActionError> {
    let now = context.now();
    let mut accounts: Vec<AccountId> = due.iter().map(|due| due.account).collect();
    accounts.sort_unstable_by_key(|account| (account.shard(), account.0));
    accounts::lock_all(conn, &accounts).await?;
    let selected = reverifications::list_facts(conn, &rule.selected, Some(""), &accounts).await?;
    let selected: HashSet<AccountId> = selected.iter().map(|facts| facts.account).collect();
    let gone: Vec<AccountId> =
        accounts.iter().copied().filter(|account| !selected.contains(account)).collect();
    if !gone.is_empty() {
        reverifications::remove(conn, rule.id, &gone).await?;
    }
    let told = reverifications::save_told(conn, rule.id, due, now).await?;
    if told.is_empty() {
        return Ok(0);
    }
    let actor = format!("reverification:{}", rule.rule.name);
    let mut events: Vec<Event> = due
        .iter()
        .filter(|due| told.contains(&due.account))
        .map(|due| {
            let detail = match rule.rule.due {
                // The two together would be the date that a field holds.
                Due::DateField { .. } => json!({ "reverification": rule.rule.name }),
                Due::LastInquiry { .. } => json!({
                    "reverification": rule.rule.name,
                    "due-at": due.due_at,
                    "because": rule.rule.due.describe(),
                }),
            };
            context.event(due.account, "account.reverification-due", &actor, detail)
        })
        .collect();
    let tags: Vec<(AccountId, &str)> = told
        .iter()
        .flat_map(|account| rule.rule.tags.iter().map(move |tag| (*account, tag.as_str())))
        .collect();
    for (account, tag) in account_tags::insert_all(conn, &tags, None, now).await? {
        events.push(context.event(account, "account.tag-added", &actor, json!({ "tag": tag })));
    }
    if let Some(status) = &rule.rule.status {
        let from = (rule.rule.status_from.as_slice(), None);
        for (account, before) in accounts::save_status_where(conn, &told, from, (status, None), now).await? {
            let detail = json!({ "from": before, "to": status });
            events.push(context.event(account, "account.status-updated", &actor, detail));
        }
    }
    events::insert_all(conn, &events, now).await?;
    if !rule.rule.tags.is_empty() || rule.rule.status.is_some() {
        // Schedules select by tags and statuses.
        enrolment::insert_queue(conn, &told).await?;
    }
    Ok(told.len())
}
