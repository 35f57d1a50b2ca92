//! A person's decision on hits: it is about an account and an entity, and holds for all reports of the account.

mod earlier;
mod expire;
mod open_again;
mod reopen;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;

use super::{ActionError, Context, flags};
use crate::{
    domain::{
        hit::HitState,
        id::{AccountId, HitId, MonitorId, ReportActionId},
        personal::Personal,
        report::{ReportActionKind, ReportEvent},
        schedule::ReportType,
    },
    store::{
        accounts, data_keys,
        decisions::{self, Basis, Decision as SavedForAccount},
        enrolment, events,
        hits::{self, SavedDecision, Target},
        moves,
        report_actions::{self, ReportAction},
        reports,
    },
    vault::Purpose,
};

pub use earlier::{Earlier, list_earlier};
pub use expire::{Expired, Expiring, expire};
pub use open_again::OfSchedule;
pub use reopen::reopen;

/// The most hits that are decided on at once.
pub const MOST: usize = 1000;

/// Hits of one transaction.
const BATCH: usize = 100;

/// How often a batch is tried that lost a lock to somebody else.
const TRIES: u32 = 5;

/// What a person found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The entity is somebody else.
    Dismissed,
    /// The entity is the account.
    Confirmed,
}

impl Decision {
    const fn state(self) -> HitState {
        match self {
            Self::Dismissed => HitState::Dismissed,
            Self::Confirmed => HitState::Confirmed,
        }
    }

    const fn event(self) -> ReportEvent {
        match self {
            Self::Dismissed => ReportEvent::Dismissed,
            Self::Confirmed => ReportEvent::Confirmed,
        }
    }

    const fn action(self) -> ReportActionKind {
        match self {
            Self::Dismissed => ReportActionKind::Dismiss,
            Self::Confirmed => ReportActionKind::Review,
        }
    }
}

/// What became of one hit that was to be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decided {
    /// It was decided on.
    Done,
    /// There is no such hit.
    NotFound,
    /// Runs no longer find it: there is nothing to decide.
    Gone,
    /// Its account is archived.
    Archived,
    /// Somebody decided on it meanwhile, and only what is open was to be decided on.
    AlreadyDecided,
}

/// Decides on a hit, or decides again. The decision stands for all reports of the account, until the entity's facts or
/// the account's screened data change, or it expires.
///
/// A monitor that a match holds is taken up again when its last open hit is decided: the account is
/// queued for enrolment, which sees to it. When none is open or confirmed any more, schedules take back what they
/// set on the account.
pub async fn decide(
    context: &Context,
    actor: &str,
    id: HitId,
    decision: Decision,
    reason: Option<&Personal<String>>,
) -> Result<(), ActionError> {
    let decided = decide_all(context, actor, &[id], decision, reason).await?;
    match decided.first().map(|(_, decided)| *decided) {
        Some(Decided::Done) => Ok(()),
        Some(Decided::NotFound) | None => Err(ActionError::NotFound("hit of that id")),
        Some(Decided::Gone) => Err(ActionError::Refused(
            "the hit is gone: runs no longer find it, and there is nothing to decide",
        )),
        Some(Decided::Archived) => Err(ActionError::Archived),
        Some(Decided::AlreadyDecided) => Err(ActionError::Refused("somebody decided on the hit already")),
    }
}

/// Decides on hits, with one reason; at most [`MOST`]. Tells of each what became of it. Batches are committed one
/// after the other: who is cut off has decided on the first.
pub async fn decide_all(
    context: &Context,
    actor: &str,
    ids: &[HitId],
    decision: Decision,
    reason: Option<&Personal<String>>,
) -> Result<Vec<(HitId, Decided)>, ActionError> {
    By { context, actor, decision, reason, only_open: false }.all(ids).await
}

/// The same for hits that were found open: what somebody else decided on since stays as it is.
pub async fn decide_open(
    context: &Context,
    actor: &str,
    ids: &[HitId],
    decision: Decision,
    reason: Option<&Personal<String>>,
) -> Result<Vec<(HitId, Decided)>, ActionError> {
    By { context, actor, decision, reason, only_open: true }.all(ids).await
}

/// Who decides what, and why.
struct By<'a> {
    context: &'a Context,
    actor: &'a str,
    decision: Decision,
    reason: Option<&'a Personal<String>>,
    only_open: bool,
}

impl By<'_> {
    async fn all(&self, ids: &[HitId]) -> Result<Vec<(HitId, Decided)>, ActionError> {
        let mut done = Vec::with_capacity(ids.len());
        for batch in ids.get(..MOST.min(ids.len())).unwrap_or_default().chunks(BATCH) {
            let mut tries = 1;
            loop {
                match self.batch(batch).await {
                    Ok(decided) => break done.extend(decided),
                    Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(done)
    }

    async fn batch(&self, ids: &[HitId]) -> Result<Vec<(HitId, Decided)>, ActionError> {
        let mut transaction = self.context.store.transaction().await?;
        let named = hits::list_targets(&mut transaction, ids).await?;
        let mut about: Vec<AccountId> = named.iter().map(|hit| hit.account).collect();
        about.sort_unstable_by_key(|account| (account.shard(), *account));
        about.dedup();
        accounts::lock_all(&mut transaction, &about).await?;
        let archived = moves::list_archived(&mut transaction, &about).await?;
        let mut pairs: Vec<(AccountId, &str)> =
            named.iter().map(|hit| (hit.account, hit.entity.as_str())).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let locked = hits::lock_of_entities(&mut transaction, &pairs).await?;

        let by_id: HashMap<HitId, &Target> = locked.iter().map(|hit| (hit.id, hit)).collect();
        let mut bases: BTreeMap<(AccountId, &str), Basis> = BTreeMap::new();
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            let decided = match by_id.get(id) {
                None => Decided::NotFound,
                Some(hit) if archived.contains(&hit.account) => Decided::Archived,
                Some(hit) if hit.state == HitState::Gone => Decided::Gone,
                Some(hit) if !self.takes(hit) => Decided::AlreadyDecided,
                Some(hit) => {
                    // A report with a question of its own knows nothing of the account's data; another may.
                    let same = |one: &&Target| one.account == hit.account && one.entity == hit.entity;
                    let of_others = || locked.iter().filter(same).find_map(|one| one.subject);
                    let basis = Basis { facts: hit.facts, subject: hit.subject.or_else(of_others) };
                    bases.insert((hit.account, hit.entity.as_str()), basis);
                    Decided::Done
                }
            };
            results.push((*id, decided));
        }
        let decided: Vec<&Target> = locked
            .iter()
            .filter(|hit| hit.state != HitState::Gone && self.takes(hit))
            .filter(|hit| bases.contains_key(&(hit.account, hit.entity.as_str())))
            .collect();
        if !decided.is_empty() {
            self.save(&mut transaction, &bases, &decided).await?;
            self.tell(&mut transaction, &decided).await?;
            self.flag(&mut transaction, &decided).await?;
        }
        transaction.commit().await?;
        Ok(results)
    }

    fn takes(&self, hit: &Target) -> bool {
        !self.only_open || hit.state == HitState::Open
    }

    /// An account of which nothing is left to look at loses what schedules set on it; who finds that it is the
    /// entity after all gives it back.
    async fn flag(&self, conn: &mut PgConnection, decided: &[&Target]) -> Result<(), ActionError> {
        let (context, now) = (self.context, self.context.now());
        if self.decision == Decision::Confirmed {
            let mut matched: BTreeMap<i32, Vec<AccountId>> = BTreeMap::new();
            for hit in decided.iter().filter(|hit| hit.state == HitState::Dismissed) {
                if let Some(schedule) = hit.schedule_id {
                    matched.entry(schedule).or_default().push(hit.account);
                }
            }
            return flags::set(context, conn, &matched, now).await;
        }
        let mut accounts: Vec<AccountId> = decided.iter().map(|hit| hit.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        flags::take_back(context, conn, &accounts, now).await
    }

    async fn save(
        &self,
        conn: &mut PgConnection,
        bases: &BTreeMap<(AccountId, &str), Basis>,
        decided: &[&Target],
    ) -> Result<(), ActionError> {
        let (now, keyring) = (self.context.now(), &self.context.keyring);
        let (mut of_accounts, mut of_reports) = (HashMap::new(), HashMap::new());
        if self.reason.is_some() {
            let objects: BTreeSet<_> = bases.keys().map(|(account, _)| account.0).collect();
            let objects: Vec<_> = objects.into_iter().collect();
            of_accounts = data_keys::get_or_insert(conn, keyring, &objects, now).await?;
            // A report with a hit has a key, unless it was redacted: then it gets no other.
            let monitors: Vec<_> = decided.iter().map(|hit| hit.monitor.0).collect();
            of_reports = data_keys::find_all(conn, keyring, &monitors).await?;
        }
        let mut for_accounts = Vec::with_capacity(bases.len());
        for ((account, entity), basis) in bases {
            let sealed_reason = match (self.reason, of_accounts.get(&account.0)) {
                (Some(reason), Some(key)) => Some(key.seal(Purpose::DecisionReason, reason)?),
                _ => None,
            };
            for_accounts.push(SavedForAccount {
                account: *account,
                entity: (*entity).to_owned(),
                state: self.decision.state(),
                facts: Some(basis.facts),
                subject: basis.subject,
                ended_at: None,
                ended_for: Vec::new(),
                decided_at: now,
                decided_by: self.actor.to_owned(),
                sealed_reason,
                imported_at: None,
            });
        }
        decisions::save_all(conn, &for_accounts).await?;
        let mut for_hits = Vec::with_capacity(decided.len());
        for hit in decided {
            let sealed_reason = match (self.reason, of_reports.get(&hit.monitor.0)) {
                (Some(reason), Some(key)) => Some(key.seal(Purpose::HitReason, reason)?),
                _ => None,
            };
            for_hits.push(SavedDecision {
                id: hit.id,
                state: self.decision.state(),
                decided_at: now,
                decided_by: self.actor.to_owned(),
                sealed_reason,
            });
        }
        hits::save_decisions(conn, &for_hits).await?;
        Ok(())
    }

    /// Notes it in the reports' histories, tells of it, and has those looked at that a match holds.
    async fn tell(&self, conn: &mut PgConnection, decided: &[&Target]) -> Result<(), ActionError> {
        let (context, now) = (self.context, self.context.now());
        let mut by_report: BTreeMap<MonitorId, Vec<&Target>> = BTreeMap::new();
        for hit in decided {
            by_report.entry(hit.monitor).or_default().push(hit);
        }
        let monitors: Vec<MonitorId> = by_report.keys().copied().collect();
        let types: HashMap<MonitorId, ReportType> =
            reports::list_types(conn, &monitors).await?.into_iter().collect();
        let (mut actions, mut told, mut queued) = (Vec::new(), Vec::new(), Vec::new());
        for (monitor, hits) in by_report {
            let Some(first) = hits.first() else { continue };
            let entities: Vec<String> = hits.iter().map(|hit| hit.entity.clone()).collect();
            let changed: Vec<_> = hits
                .iter()
                .map(|hit| json!({ "hit": hit.id, "entity": hit.entity, "from": hit.state.word() }))
                .collect();
            let report = types.get(&monitor).copied().unwrap_or(ReportType::Watchlist);
            let kind = report.event(self.decision.event());
            let detail = json!({ "report": monitor, "hits": changed });
            let mut event = context.event(first.account, kind, self.actor, detail);
            event.object = Some(monitor.0);
            told.push(event);
            queued.push(first.account);
            actions.push(ReportAction {
                id: ReportActionId(context.new_uuid(monitor.shard())),
                monitor,
                kind: self.decision.action(),
                actor: self.actor.to_owned(),
                entities,
                created_at: now,
            });
        }
        queued.dedup();
        report_actions::insert_all(conn, &actions).await?;
        events::insert_all(conn, &told, now).await?;
        enrolment::insert_queue(conn, &queued).await?;
        Ok(())
    }
}
