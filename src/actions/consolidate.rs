//! Consolidating accounts: one takes over what others have. Attributes stay where they are.
//!
//! It is asked for, checked and answered at once, and done by the daemon, in one transaction: readers see before or
//! after, and whoever is killed in between leaves it to be done. What an account has keeps its id and its shard
//! for ever, also when the account that it then belongs to lives on another.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{
    ActionError, Context, Invalid, flags, inquiries, reports, retention,
    retire::{self, TRIES},
};
use crate::{
    domain::{
        id::{AccountId, ConsolidationId},
        relation::{Cardinality, ObjectKind},
    },
    store::{
        account_types,
        consolidations::{self, Consolidation},
        due, enrolment, events, pauses,
        relations::{self, End},
        standings::{self, Standing},
    },
};

/// Where the request names the sources.
const POINTER: &str = "/meta/source-account-ids";

/// The most sources of one consolidation: it is one transaction.
const MOST_SOURCES: usize = 100;

/// Asks for a consolidation of `sources` into `destination`. Refuses what could not be done: accounts that are
/// archived, of another type, the destination itself, or about to be consolidated already.
pub async fn request(
    context: &Context,
    actor: &str,
    destination: AccountId,
    sources: &[AccountId],
) -> Result<Consolidation, ActionError> {
    let now = context.now();
    if sources.is_empty() || sources.len() > MOST_SOURCES {
        return Err(invalid(POINTER.to_owned(), "accepted are 1 to 100 account ids"));
    }
    if let Some(place) = sources.iter().position(|source| *source == destination) {
        return Err(invalid(at(place), "is the destination itself"));
    }
    let mut sources = sources.to_vec();
    let asked = sources.clone();
    sources.sort_unstable();
    sources.dedup();
    let mut transaction = context.store.transaction().await?;
    let involved: Vec<AccountId> = sources.iter().copied().chain([destination]).collect();
    let standings = standings::lock(&mut transaction, &involved).await?;
    let own = find(&standings, destination).ok_or(ActionError::NotFound(retire::ACCOUNT))?;
    check(&standings, own, &asked)?;
    let (as_source, as_destination) = consolidations::list_pending(&mut transaction, &involved).await?;
    if let Some(busy) = as_source.first().or_else(|| as_destination.iter().find(|one| sources.contains(one)))
    {
        return Err(ActionError::Conflict(format!("{busy} is about to be consolidated")));
    }
    let id = ConsolidationId(context.new_uuid(destination.shard()));
    consolidations::insert(&mut transaction, id, destination, &sources, actor, now).await?;
    let asked_for = get(&mut transaction, id).await?;
    transaction.commit().await?;
    tracing::info!(account.id = %destination, sources = sources.len(), actor, "a consolidation is asked for");
    Ok(asked_for)
}

/// A consolidation, and what came of it.
pub async fn find_one(context: &Context, id: ConsolidationId) -> Result<Consolidation, ActionError> {
    let mut connection = context.store.connection().await?;
    get(&mut connection, id).await
}

async fn get(conn: &mut PgConnection, id: ConsolidationId) -> Result<Consolidation, ActionError> {
    consolidations::find(conn, id).await?.ok_or(ActionError::NotFound("consolidation of that id"))
}

/// Does the oldest consolidation that is to be done. Returns whether there was one.
pub async fn do_next(context: &Context) -> Result<bool, ActionError> {
    let mut tries = 1;
    loop {
        match try_next(context).await {
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_next(context: &Context) -> Result<bool, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let Some(id) = consolidations::lock_next(&mut transaction).await? else { return Ok(false) };
    let asked = get(&mut transaction, id).await?;
    // Enrolment must not make a monitor of a source by what it read before.
    pauses::lock(&mut transaction).await?;
    let refusal = take_over(context, &mut transaction, &asked, now).await?;
    consolidations::save_ended(&mut transaction, id, refusal.as_deref(), now).await?;
    transaction.commit().await?;
    match refusal {
        None => tracing::info!(account.id = %asked.destination, "accounts are consolidated"),
        Some(reason) => {
            tracing::warn!(account.id = %asked.destination, reason, "a consolidation is refused after all");
        }
    }
    Ok(true)
}

/// Has the destination take over what the sources have; or says why not: an account may have changed since it was
/// asked for.
async fn take_over(
    context: &Context,
    conn: &mut PgConnection,
    asked: &Consolidation,
    now: DateTime<Utc>,
) -> Result<Option<String>, ActionError> {
    let (sources, destination) = (asked.sources.as_slice(), asked.destination);
    // Due rows before accounts, all in one order.
    let involved: Vec<AccountId> = sources.iter().copied().chain([destination]).collect();
    let mut of_all = Vec::new();
    for account in &involved {
        of_all.extend(due::list_of_account(conn, *account).await?.into_iter().map(|due| due.monitor));
    }
    due::lock(conn, &of_all).await?;
    let standings = standings::lock(conn, &involved).await?;
    let Some(own) = find(&standings, destination) else {
        return Ok(Some("the destination is gone".to_owned()));
    };
    if let Err(error) = check(&standings, own, sources) {
        return Ok(Some(error.to_string()));
    }

    let single = single_relations(conn).await?;
    let families = standings::list_families(conn, &involved).await?;
    if relations::is_any_transaction_lost(conn, sources, destination, &single).await?
        && retention::standing_hold(context, conn, &families).await?.is_some()
    {
        let text = "a transaction that is under a legal hold would lose its relation to an account";
        return Ok(Some(text.to_owned()));
    }
    for source in sources {
        // Reports with what they found and what was decided; of a schedule that both have the destination's stays.
        reports::move_to(context, conn, *source, destination, now).await?;
        pauses::remove_account(conn, *source).await?;
    }

    let added = consolidations::save_tags(conn, sources, destination).await?;
    let ids: Vec<_> = sources.iter().map(|source| source.0).collect();
    let end = End { kind: ObjectKind::Account, id: destination.0 };
    relations::save_moved(conn, &ids, end, &single).await?;
    inquiries::move_to(conn, sources, destination).await?;
    standings::save_consolidated(conn, sources, destination, now).await?;

    let actor = asked.actor.as_str();
    let mut told = Vec::with_capacity(sources.len() + added.len() + 1);
    for source in sources {
        let detail = json!({ "destination-account-id": destination, "consolidation": asked.id });
        told.push(context.event(*source, "account.consolidated", actor, detail));
    }
    let detail = json!({ "source-account-ids": sources, "consolidation": asked.id });
    told.push(context.event(destination, "account.consolidated-with", actor, detail));
    for tag in added {
        told.push(context.event(destination, "account.tag-added", actor, json!({ "tag": tag })));
    }
    events::insert_all(conn, &told, now).await?;
    // What one of them had decided may have left nothing to look at.
    flags::take_back(context, conn, &[destination], now).await?;
    enrolment::insert_queue(conn, &[destination]).await?;
    Ok(None)
}

fn find(standings: &[Standing], account: AccountId) -> Option<&Standing> {
    standings.iter().find(|standing| standing.account == account)
}

/// Refuses accounts that cannot be consolidated as they stand.
fn check(standings: &[Standing], destination: &Standing, sources: &[AccountId]) -> Result<(), ActionError> {
    if destination.is_archived() {
        return Err(ActionError::Archived);
    }
    for (place, source) in sources.iter().enumerate() {
        let Some(standing) = find(standings, *source) else {
            return Err(invalid(at(place), "is not found"));
        };
        if let Some(before) = standing.consolidated_into {
            return Err(ActionError::Conflict(format!("{source} was consolidated into {before}")));
        }
        if standing.is_archived() {
            return Err(ActionError::Conflict(format!("{source} is archived")));
        }
        if standing.account_type != destination.account_type {
            return Err(invalid(at(place), "is of another account type than the destination"));
        }
    }
    Ok(())
}

/// The keys of relations that lead to one object only.
async fn single_relations(conn: &mut PgConnection) -> Result<Vec<String>, ActionError> {
    let types = account_types::list(conn).await?;
    let relations = types.iter().flat_map(|(_, one)| &one.relations);
    let single = relations.filter(|relation| relation.cardinality == Cardinality::Single);
    Ok(single.map(|relation| relation.key.clone()).collect())
}

fn at(place: usize) -> String {
    format!("{POINTER}/{place}")
}

fn invalid(pointer: String, details: &str) -> ActionError {
    ActionError::Invalid(vec![Invalid::at(pointer, details)])
}
