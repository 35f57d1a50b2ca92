//! What becomes of reports when they, or their accounts, come to an end: redacted, archived, consolidated.
//!
//! Each stops what is under way first, then changes the account's data: an answer that arrives late writes nothing
//! about a person.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{ActionError, Context};
use crate::{
    actions::{erasure, redact, subjects},
    domain::{
        hit::HitState,
        id::{AccountId, MonitorId},
        monitor::{MonitorState, PausedBy, Trigger, stopped},
        personal::Personal,
        retention::RetainedKind,
    },
    store::{
        accounts, data_keys,
        decisions::{self, Basis, Decision},
        due, enrolment, events,
        hits::{self, SavedDecision},
        idempotency, monitors,
        moves::{self, Held},
        pauses, reports, retention,
        wakeups::{self, Urgency},
    },
    vault::Purpose,
};

/// Destroys what one report holds about its account: the question, and the content of its runs and hits. It never
/// runs again; a schedule that kept it watches its account by another. Its account and other reports stay as they
/// are.
pub async fn redact(context: &Context, actor: &str, id: MonitorId) -> Result<(), ActionError> {
    redact_asked(context, actor, id, true).await
}

/// The same of a report that had been redacted lawfully, and is there again: nobody is asked whether it may.
pub(in crate::actions) async fn redact_again(
    context: &Context,
    actor: &str,
    id: MonitorId,
) -> Result<(), ActionError> {
    redact_asked(context, actor, id, false).await
}

async fn redact_asked(
    context: &Context,
    actor: &str,
    id: MonitorId,
    is_asked: bool,
) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::lock_shared(&mut transaction).await?;
    pauses::lock(&mut transaction).await?;
    let row = reports::get_all(&mut transaction, &[id]).await?.pop();
    let row = row.ok_or(ActionError::NotFound("report of that id"))?;
    // All that is looked at for holds, in the order in which everybody locks it.
    redact::lock_families(&mut transaction, &[row.account]).await?;
    // Of two who redact it, the second sees here what the first did.
    let row = reports::get_all(&mut transaction, &[id]).await?.pop();
    let row = row.ok_or(ActionError::NotFound("report of that id"))?;
    if row.redacted_at.is_some() {
        return Err(ActionError::Refused("Report already redacted"));
    }
    if is_asked {
        crate::actions::retention::refuse(context, &mut transaction, actor, RetainedKind::Report, id.0)
            .await?;
    }
    let wanted = BTreeMap::from([(id, (row.account, json!({ "report": id })))]);
    redact_all(context, &mut transaction, actor, &wanted).await?;
    erasure::commit(context, transaction).await
}

/// The same of many inside the caller's transaction, which has asked whether it may, and has locked their due rows and
/// their accounts; each with its account and what its event tells.
pub(in crate::actions) async fn redact_all(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    wanted: &BTreeMap<MonitorId, (AccountId, Value)>,
) -> Result<(), ActionError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let now = context.now();
    let ids: Vec<MonitorId> = wanted.keys().copied().collect();
    monitors::save_stopped(conn, &ids, MonitorState::Ended, stopped::REDACTED, now).await?;
    erasure::begin(conn).await?;
    moves::redact(conn, &ids, now).await?;
    idempotency::remove_of_reports(conn, &ids).await?;
    let counts = json!({ "reports": 1 });
    let details = wanted.iter().map(|(id, (_, detail))| (id.0, (detail.clone(), counts.clone())));
    let mut details = erasure::told_of_all(conn, details.collect()).await?;
    let told: Vec<_> = wanted
        .iter()
        .map(|(id, (account, _))| {
            let detail = details.remove(&id.0).unwrap_or_default();
            let mut event = context.event(*account, "report.redacted", actor, detail);
            event.object = Some(id.0);
            event
        })
        .collect();
    events::insert_all(conn, &told, now).await?;
    let accounts: BTreeSet<AccountId> = wanted.values().map(|(account, _)| *account).collect();
    enrolment::insert_queue(conn, &accounts.into_iter().collect::<Vec<_>>()).await?;
    Ok(())
}

/// Stops the reports of accounts: those that no schedule keeps for good, the others until there is something to ask about
/// again; and destroys the reasons of the accounts' decisions. Within the caller's transaction, which has locked due rows
/// and accounts, and which empties all these reports: the accounts are redacted.
pub async fn redact_of_accounts(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let ending = moves::list_unkept(conn, accounts).await?;
    let mut pausing = monitors::list_active_of_all(conn, accounts).await?;
    pausing.retain(|monitor| !ending.contains(monitor));
    let by = PausedBy::AccountRedacted.word();
    monitors::save_stopped(conn, &pausing, MonitorState::Paused, by, now).await?;
    if !ending.is_empty() {
        monitors::save_stopped(conn, &ending, MonitorState::Ended, stopped::REDACTED, now).await?;
        moves::save_redacted(conn, &ending, now).await?;
    }
    decisions::redact_of_accounts(conn, accounts).await?;
    Ok(())
}

/// Moves everything that watches `from`, and what it found, to `to`: reports with their ids, hits, decisions. Within
/// the caller's transaction, before `from` is archived.
///
/// A schedule that both have keeps the destination's monitor, with the earlier due time; the source's ends, and is
/// read through the destination. A report without a question of its own asks about `to` from now on, at once. Of two
/// decisions on one entity the younger stands.
pub async fn move_to(
    context: &Context,
    conn: &mut PgConnection,
    from: AccountId,
    to: AccountId,
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    pauses::lock_shared(conn).await?;
    let moved = moves::list_of_account(conn, from).await?;
    let there = moves::list_of_account(conn, to).await?;
    let all: Vec<MonitorId> = moved.iter().chain(&there).map(|one| one.monitor).collect();
    due::lock(conn, &all).await?;
    let mut both = [from, to];
    both.sort_unstable_by_key(|account| (account.shard(), *account));
    accounts::lock_all(conn, &both).await?;

    let kept_there = |one: &Held| {
        there
            .iter()
            .find(|other| one.by_schedule && other.by_schedule && other.schedule_id == one.schedule_id)
    };
    let (mut ending, mut earlier) = (Vec::new(), Vec::new());
    for one in &moved {
        if let Some(other) = kept_there(one) {
            ending.push(one.monitor);
            earlier.extend(one.next_run_at.map(|at| (other.monitor, at)));
        }
    }
    monitors::save_stopped(conn, &ending, MonitorState::Ended, stopped::CONSOLIDATED, now).await?;
    moves::save_unkept(conn, &ending).await?;
    due::save_earlier(conn, &earlier).await?;
    let moved: Vec<MonitorId> = moved.iter().map(|one| one.monitor).collect();
    let subject = subjects::digest_of_account(context, conn, to).await?;
    moves::save_account(conn, &moved, to, subject).await?;
    let asking = moves::list_asking_about_accounts(conn, &moved).await?;
    wakeups::insert_all(conn, &asking, Trigger::AccountChange, Urgency::Urgent, now).await?;
    move_decisions(context, conn, from, (to, subject), now).await?;
    enrolment::insert_queue(conn, &[to]).await?;
    Ok(())
}

/// The reasons are sealed anew, under the destination's key. `subject` is the digest of the destination's screened data: on
/// them the decisions rest from now on, and end when they change.
async fn move_decisions(
    context: &Context,
    conn: &mut PgConnection,
    from: AccountId,
    (to, subject): (AccountId, Option<[u8; 16]>),
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let decided = decisions::list_of_account(conn, from).await?;
    if !decided.is_empty() {
        let old = data_keys::find_all(conn, &context.keyring, &[from.0]).await?.remove(&from.0);
        let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[to.0], now).await?;
        let new = keys.remove(&to.0).expect("`get_or_insert` makes what is missing");
        let mut taken = Vec::with_capacity(decided.len());
        for decision in decided {
            let sealed_reason = match (&old, &decision.sealed_reason) {
                (Some(old), Some(sealed)) => {
                    let reason: Personal<String> = old.open(Purpose::DecisionReason, sealed)?;
                    Some(new.seal(Purpose::DecisionReason, &reason)?)
                }
                _ => None,
            };
            // Whoever finds that two accounts are one knows that their data differ. One that rested on no account's
            // data, as it came from elsewhere, rests on what is found first.
            let subject = decision.subject.and(subject);
            taken.push(Decision { account: to, sealed_reason, subject, ..decision });
        }
        decisions::save_all(conn, &taken).await?;
        decisions::remove_of_account(conn, from).await?;
    }
    // What one of the two had decided holds for what the other had open.
    let standing = decisions::list_of_account(conn, to).await?;
    apply_to_open(conn, &standing).await?;
    Ok(())
}

/// Decisions of accounts close their open hits; the accounts are locked by the caller. Returns the account of each
/// hit that was closed.
pub(in crate::actions) async fn apply_to_open(
    conn: &mut PgConnection,
    standing: &[Decision],
) -> Result<Vec<AccountId>, ActionError> {
    let pairs: Vec<(AccountId, &str)> =
        standing.iter().map(|decision| (decision.account, decision.entity.as_str())).collect();
    let by_pair: BTreeMap<(AccountId, &str), &Decision> =
        standing.iter().map(|decision| ((decision.account, decision.entity.as_str()), decision)).collect();
    let locked = hits::lock_of_entities(conn, &pairs).await?;
    let (mut closed, mut bases, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    for hit in &locked {
        let decision = by_pair
            .get(&(hit.account, hit.entity.as_str()))
            .filter(|decision| decision.ended_at.is_none())
            .filter(|decision| decision.facts.is_none_or(|facts| facts == hit.facts));
        if let Some(decision) = decision.filter(|_| hit.state == HitState::Open) {
            if decision.facts.is_none() || decision.subject.is_none() {
                let basis = Basis { facts: hit.facts, subject: hit.subject };
                bases.push((hit.account, hit.entity.as_str(), basis));
            }
            accounts.push(hit.account);
            closed.push(SavedDecision {
                id: hit.id,
                state: decision.state,
                decided_at: decision.decided_at,
                decided_by: decision.decided_by.clone(),
                sealed_reason: None,
            });
        }
    }
    hits::save_decisions(conn, &closed).await?;
    // Of several with different facts any one will do: the others were decided on here too.
    bases.sort_unstable();
    bases.dedup_by_key(|(account, entity, _)| (*account, *entity));
    decisions::save_bases(conn, &bases).await?;
    Ok(accounts)
}
