//! Import of past decisions, so that a book of customers that was worked off elsewhere does not alert again.
//!
//! A decision is kept for its account and entity before any run has found the entity; the first run that does finds
//! it decided, and fixes the facts that it rests on. Rows go in by batches of one transaction each; the same file
//! can be imported again. Of two decisions on one entity the younger stands.

mod rows;

use std::{
    collections::{BTreeMap, HashMap},
    io::BufRead,
};

use serde::Serialize;
use serde_json::json;

use super::{ActionError, Context};
use crate::{
    actions::{flags, reports::apply_to_open},
    domain::id::{AccountId, AccountTypeId},
    store::{
        account_types, accounts, data_keys,
        decisions::{self, Decision, Found},
        enrolment, events, retention,
    },
    vault::Purpose,
};

/// Rows of one transaction.
const BATCH: usize = 500;

/// How often a batch is tried that lost a lock to somebody else.
const TRIES: u32 = 5;

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadDecision {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The column at fault, if it is one.
    pub column: Option<&'static str>,
    /// Why, with what is accepted; never what the row says.
    pub reason: String,
}

/// What an import of decisions did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportedDecisions {
    /// Decisions that hold from now on.
    pub imported: u64,
    /// Decisions that a younger one outdoes.
    pub unchanged: u64,
    /// Open hits that they closed.
    pub closed_hits: u64,
    /// Rows that were not taken.
    pub bad: Vec<BadDecision>,
}

/// Imports a file of CSV, or of JSON objects line by line. `name` names it in errors; `progress` hears how many rows
/// are done.
pub async fn import(
    context: &Context,
    actor: &str,
    name: &str,
    file: impl BufRead,
    mut progress: impl FnMut(u64),
) -> Result<ImportedDecisions, ActionError> {
    let mut reader = rows::Reader::open(file).map_err(|fault| fault.into_error(name))?;
    let types = {
        let mut connection = context.store.connection().await?;
        account_types::list(&mut connection).await?
    };
    let types: HashMap<String, AccountTypeId> = types.into_iter().map(|(id, one)| (one.name, id)).collect();
    let latest = context.now() + chrono::TimeDelta::days(1);
    let mut done = ImportedDecisions::default();
    let (mut pending, mut count) = (Vec::with_capacity(BATCH), 0);
    loop {
        let row = reader.next(latest).map_err(|fault| fault.into_error(name))?;
        let is_last = row.is_none();
        match row {
            Some(Ok(row)) => pending.push(row),
            Some(Err(bad)) => done.bad.push(bad),
            None => {}
        }
        count += u64::from(!is_last);
        if pending.len() == BATCH || (is_last && !pending.is_empty()) {
            let mut tries = 1;
            loop {
                match write(context, actor, &types, &pending).await {
                    Ok(mut batch) => {
                        done.imported += batch.imported;
                        done.unchanged += batch.unchanged;
                        done.closed_hits += batch.closed_hits;
                        done.bad.append(&mut batch.bad);
                        break;
                    }
                    Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
                    Err(error) => return Err(error),
                }
            }
            pending.clear();
            progress(count);
        }
        if is_last {
            done.bad.sort_by_key(|bad| bad.line);
            return Ok(done);
        }
    }
}

async fn write(
    context: &Context,
    actor: &str,
    types: &HashMap<String, AccountTypeId>,
    rows: &[rows::Row],
) -> Result<ImportedDecisions, ActionError> {
    let now = context.now();
    let mut done = ImportedDecisions::default();
    let mut transaction = context.store.transaction().await?;
    let references: Vec<String> = rows.iter().map(|row| row.reference_id.clone()).collect();
    let mut by_reference: HashMap<String, Vec<Found>> = HashMap::new();
    for found in decisions::list_accounts(&mut transaction, &references).await? {
        by_reference.entry(found.reference_id.to_lowercase()).or_default().push(found);
    }
    // Of the rows on one account and entity, the youngest.
    let mut wanted: BTreeMap<(AccountId, &str), &rows::Row> = BTreeMap::new();
    for row in rows {
        let found = by_reference.get(&row.reference_id.to_lowercase()).map_or(&[][..], Vec::as_slice);
        match account_of(row, found, types) {
            Ok(account) => {
                let place = wanted.entry((account, row.entity.as_str())).or_insert(row);
                if place.line != row.line {
                    done.unchanged += 1;
                    if place.decided_at <= row.decided_at {
                        *place = row;
                    }
                }
            }
            Err((column, reason)) => {
                done.bad.push(BadDecision { line: row.line, column: Some(column), reason });
            }
        }
    }
    let mut about: Vec<AccountId> = wanted.keys().map(|(account, _)| *account).collect();
    about.dedup();
    accounts::lock_all(&mut transaction, &about).await?;
    let with_reason: Vec<_> =
        wanted.iter().filter(|(_, row)| row.reason.is_some()).map(|((account, _), _)| account.0).collect();
    let keys = data_keys::get_or_insert(&mut transaction, &context.keyring, &with_reason, now).await?;
    let mut new = Vec::with_capacity(wanted.len());
    for ((account, entity), row) in &wanted {
        let sealed_reason = match (&row.reason, keys.get(&account.0)) {
            (Some(reason), Some(key)) => Some(key.seal(Purpose::DecisionReason, reason)?),
            _ => None,
        };
        new.push(Decision {
            account: *account,
            entity: (*entity).to_owned(),
            state: row.state,
            facts: None,
            subject: None,
            ended_at: None,
            ended_for: Vec::new(),
            decided_at: row.decided_at,
            decided_by: row.reviewer.clone().unwrap_or_else(|| actor.to_owned()),
            sealed_reason,
            imported_at: Some(now),
        });
    }
    let saved = decisions::save_all(&mut transaction, &new).await?;
    // A reason fills what was redacted.
    retention::insert_joined(&mut transaction, &about).await?;
    new.retain(|decision| saved.contains(&(decision.account, decision.entity.clone())));
    let mut closed = apply_to_open(&mut transaction, &new).await?;
    done.imported = saved.len() as u64;
    done.unchanged += (wanted.len() - saved.len()) as u64;
    done.closed_hits = closed.len() as u64;

    let mut by_account: BTreeMap<AccountId, Vec<&str>> = BTreeMap::new();
    for (account, entity) in &saved {
        by_account.entry(*account).or_default().push(entity);
    }
    let told: Vec<_> = by_account
        .iter()
        .map(|(account, entities)| {
            context.event(*account, "account.decisions-imported", actor, json!({ "entities": entities }))
        })
        .collect();
    events::insert_all(&mut transaction, &told, now).await?;
    enrolment::insert_queue(&mut transaction, &closed).await?;
    closed.sort_unstable();
    closed.dedup();
    flags::take_back(context, &mut transaction, &closed, now).await?;
    transaction.commit().await?;
    Ok(done)
}

/// The account that a row is about, or the column at fault and why.
fn account_of(
    row: &rows::Row,
    found: &[Found],
    types: &HashMap<String, AccountTypeId>,
) -> Result<AccountId, (&'static str, String)> {
    let wanted = match &row.account_type {
        None => None,
        Some(name) => {
            let mut known: Vec<&str> = types.keys().map(String::as_str).collect();
            known.sort_unstable();
            let fault = || ("type", format!("accepted is one of {}", known.join(", ")));
            Some(*types.get(name).ok_or_else(fault)?)
        }
    };
    let mut fitting = found.iter().filter(|one| wanted.is_none_or(|wanted| one.account_type == wanted));
    let account = fitting.next().ok_or_else(|| ("reference_id", "no account has it".to_owned()))?;
    if fitting.next().is_some() {
        let reason = "accounts of several types have it: say which in a column type".to_owned();
        return Err(("reference_id", reason));
    }
    if account.is_archived {
        return Err(("reference_id", "its account is archived".to_owned()));
    }
    Ok(account.account)
}
