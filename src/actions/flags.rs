//! What schedules set on accounts: tags and a status, set on a match, and taken back when no hit of the schedule is
//! open or confirmed any more, whether runs no longer find any or people found that all are somebody else.
//!
//! A schedule takes back only what it set itself, changes a status only from those that it names, and never
//! overrides a person. The accounts are locked by the caller.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{ActionError, Context};
use crate::{
    domain::id::AccountId,
    store::{
        account_tags, accounts, enrolment,
        events::{self, Event},
        schedules::{self, Effects},
    },
};

/// Sets what schedules set on a match, on the accounts that each matched.
pub async fn set(
    context: &Context,
    conn: &mut PgConnection,
    matched: &BTreeMap<i32, Vec<AccountId>>,
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    if matched.is_empty() {
        return Ok(());
    }
    let mut told = Vec::new();
    for effects in schedules::list_effects(conn).await?.iter().filter(|effects| !effects.is_removed) {
        let Some(accounts) = matched.get(&effects.id) else { continue };
        let pairs: Vec<(AccountId, &str)> = accounts
            .iter()
            .flat_map(|account| effects.tags.iter().map(|tag| (*account, tag.as_str())))
            .collect();
        for (account, tag) in account_tags::insert_all(conn, &pairs, Some(effects.id), now).await? {
            told.push(event(context, effects, account, "account.tag-added", json!({ "tag": tag })));
        }
        if let Some(status) = &effects.status {
            let (from, to) = ((effects.status_from.as_slice(), None), (status.as_str(), Some(effects.id)));
            for (account, before) in accounts::save_status_where(conn, accounts, from, to, now).await? {
                told.push(status_event(context, effects, account, &before, status));
            }
        }
    }
    tell(conn, &told, now).await
}

/// Takes back what schedules set on the accounts of which they have no open or confirmed hit any more.
pub async fn take_back(
    context: &Context,
    conn: &mut PgConnection,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let mut settled: BTreeMap<i32, Vec<AccountId>> = BTreeMap::new();
    for (account, schedule) in account_tags::list_settled(conn, accounts).await? {
        settled.entry(schedule).or_default().push(account);
    }
    if settled.is_empty() {
        return Ok(());
    }
    let all = schedules::list_effects(conn).await?;
    let mut told = Vec::new();
    for effects in &all {
        let Some(accounts) = settled.get(&effects.id) else { continue };
        for (account, tag) in account_tags::remove_of_schedule(conn, accounts, effects.id).await? {
            told.push(event(context, effects, account, "account.tag-removed", json!({ "tag": tag })));
        }
        let Some(status) = &effects.status_when_clear else { continue };
        // Another schedule may want the status that this one set, and then owns it.
        let wants =
            |other: &&Effects| other.id != effects.id && !other.is_removed && other.status == effects.status;
        let heirs: Vec<i32> = all.iter().filter(wants).map(|other| other.id).collect();
        accounts::save_status_heirs(conn, accounts, effects.id, &heirs).await?;
        let (from, to) = ((&[][..], Some(effects.id)), (status.as_str(), None));
        for (account, before) in accounts::save_status_where(conn, accounts, from, to, now).await? {
            told.push(status_event(context, effects, account, &before, status));
        }
    }
    tell(conn, &told, now).await
}

async fn tell(conn: &mut PgConnection, told: &[Event], now: DateTime<Utc>) -> Result<(), ActionError> {
    events::insert_all(conn, told, now).await?;
    // Tags and statuses decide which schedules an account is in.
    let mut moved: Vec<AccountId> = told.iter().filter_map(|event| event.account).collect();
    moved.sort_unstable();
    moved.dedup();
    if !moved.is_empty() {
        enrolment::insert_queue(conn, &moved).await?;
    }
    Ok(())
}

fn status_event(context: &Context, effects: &Effects, account: AccountId, from: &str, to: &str) -> Event {
    event(context, effects, account, "account.status-updated", json!({ "from": from, "to": to }))
}

fn event(
    context: &Context,
    effects: &Effects,
    account: AccountId,
    kind: &'static str,
    detail: serde_json::Value,
) -> Event {
    context.event(account, kind, &format!("schedule:{}", effects.name), detail)
}
