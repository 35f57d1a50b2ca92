//! Evidence: everything that shows what was done about one account in a period; and for a period, who was screened, and
//! of everybody else why not.

mod difference;
mod stood;

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    ActionError, Context,
    inspect::{self, MonitorView, MonthView},
};
use crate::{
    domain::id::{AccountId, AccountTypeId, Shard},
    store::{
        account_types, data_keys, decisions,
        events::{self, Happened},
        evidence::{self, EvidenceRun},
        schedules, summary,
    },
    vault::Purpose,
};

pub use crate::store::evidence::{Period, Unscreened};
pub use difference::{ChangedFinding, Differing, FoundDifference, RunDifference, difference};
pub use stood::{HitEvidence, Later};

/// How many runs and events are read at once.
const PAGE: i64 = 1000;

/// All that shows what was done about an account in a period.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// The account.
    pub account_id: AccountId,
    /// The customer's own id of it.
    pub reference_id: Option<String>,
    /// The name of its type.
    pub account_type: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Before when.
    pub until: DateTime<Utc>,
    /// When this was written.
    pub written_at: DateTime<Utc>,
    /// Who watches it now.
    pub monitors: Vec<MonitorView>,
    /// Every run, the oldest first, but for those that a line of their month stands for.
    pub runs: Vec<RunEvidence>,
    /// Old months: clear runs that changed nothing, a line for each monitor and month that reaches into the period.
    pub months: Vec<MonthView>,
    /// Its hits as they stood when the period was over, with who decided on them, when and why.
    pub hits: Vec<HitEvidence>,
    /// What people had decided about its entities, for all its reports: the last decisions; also what ended since.
    pub decisions: Vec<DecisionView>,
    /// What happened, the oldest first.
    pub events: Vec<EventView>,
    /// Whether there are more runs or events of the period than are told.
    pub is_cut: bool,
}

/// A decision on an entity: the last one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DecisionView {
    /// The entity.
    pub entity: String,
    /// `dismissed` or `confirmed`.
    pub state: &'static str,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Who.
    pub decided_by: String,
    /// Why; none when nobody said, or it was redacted.
    pub reason: Option<String>,
    /// When it ended, if it did: it holds no more.
    pub ended_at: Option<DateTime<Utc>>,
    /// What ended it, as the changes of hits.
    pub ended_for: Vec<String>,
}

/// A run, with all that it rested on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunEvidence {
    /// Its id.
    pub id: String,
    /// The report that it is of.
    pub report: String,
    /// The report's schedule.
    pub schedule: String,
    /// Which run of the report it is.
    pub slot: i64,
    /// Why it ran.
    pub trigger: String,
    /// When it was to run.
    pub due_at: DateTime<Utc>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// How long the provider took.
    pub duration_ms: i32,
    /// What it ended with.
    pub outcome: String,
    /// How many entities matched.
    pub findings: i32,
    /// Whether the answer, or with a match the data asked about, differed from the one before.
    pub changed: bool,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// The version of the account's data that it saw.
    pub account_version: i64,
    /// What it rested on: provider, engine, template, threshold, lists and their versions, process.
    pub basis: Value,
    /// What was asked and what was answered, where the answer differed from the one before and is not redacted.
    pub content: Option<Value>,
}

/// Something that happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EventView {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// References and plain words.
    pub detail: Value,
}

/// Everything that shows what was done about the account that `reference` names; of runs the oldest `most`, of events the newest.
pub async fn of_account(
    context: &Context,
    reference: &str,
    period: Period,
    most: usize,
) -> Result<Evidence, ActionError> {
    let view = inspect::account(context, reference, 0).await?;
    let mut connection = context.store.connection().await?;
    let mut runs: Vec<RunEvidence> = Vec::new();
    let mut after = (DateTime::<Utc>::UNIX_EPOCH, Uuid::nil());
    while runs.len() <= most {
        let page = evidence::list_runs(&mut connection, view.id, period, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.recorded_at, last.id.0);
        for run in page {
            runs.push(run_evidence(context, run)?);
        }
    }
    let mut is_cut = runs.len() > most || view.hits.len() >= inspect::MOST_HITS;
    runs.truncate(most);
    let hits = stood::as_they_stood(&mut connection, view.id, view.hits, period.until).await?;
    let decisions = decisions_of(context, &mut connection, view.id, period.until).await?;
    let wanted = events::Wanted {
        objects: vec![view.id.0],
        from: Some(period.from),
        until: Some(period.until),
        ..events::Wanted::default()
    };
    let mut happened: Vec<Happened> = Vec::new();
    while happened.len() <= most {
        let wanted = events::Wanted { after: happened.last().map(|event| event.id), ..wanted.clone() };
        let page = events::list(&mut connection, &wanted, PAGE).await?;
        if page.is_empty() {
            break;
        }
        happened.extend(page);
    }
    // The newest are read first, and kept.
    is_cut |= happened.len() > most;
    happened.truncate(most);
    happened.reverse();
    let months = view.months.into_iter();
    Ok(Evidence {
        account_id: view.id,
        reference_id: view.reference_id,
        account_type: view.account_type,
        created_at: view.created_at,
        from: period.from,
        until: period.until,
        written_at: context.now(),
        monitors: view.monitors,
        runs,
        months: months.filter(|line| line.last_at >= period.from && line.first_at < period.until).collect(),
        hits,
        decisions,
        is_cut,
        events: happened
            .into_iter()
            .map(|event| EventView {
                at: event.occurred_at,
                kind: event.kind,
                actor: event.actor,
                detail: event.detail,
            })
            .collect(),
    })
}

async fn decisions_of(
    context: &Context,
    conn: &mut PgConnection,
    account: AccountId,
    until: DateTime<Utc>,
) -> Result<Vec<DecisionView>, ActionError> {
    let mut decided = decisions::list_of_account(conn, account).await?;
    // Nobody knew of it here before.
    decided.retain(|one| one.imported_at.unwrap_or(one.decided_at) < until);
    if decided.is_empty() {
        return Ok(Vec::new());
    }
    let key = data_keys::find_all(conn, &context.keyring, &[account.0]).await?.remove(&account.0);
    let mut views = Vec::with_capacity(decided.len());
    for one in decided {
        let reason = match (&key, &one.sealed_reason) {
            (Some(key), Some(sealed)) => Some(key.open(Purpose::DecisionReason, sealed)?),
            _ => None,
        };
        views.push(DecisionView {
            entity: one.entity,
            state: one.state.word(),
            decided_at: one.decided_at,
            decided_by: one.decided_by,
            reason,
            ended_at: one.ended_at,
            ended_for: one.ended_for,
        });
    }
    Ok(views)
}

fn run_evidence(context: &Context, run: EvidenceRun) -> Result<RunEvidence, ActionError> {
    let content = match (&run.content, &run.key) {
        (Some(sealed), Some(stored)) => {
            let key = context.keyring.unwrap(run.monitor.0, stored)?;
            Some(key.open(Purpose::RunContent, sealed)?)
        }
        _ => None,
    };
    Ok(RunEvidence {
        id: run.id.to_string(),
        report: run.monitor.to_string(),
        schedule: run.schedule,
        slot: run.slot,
        trigger: run.trigger,
        due_at: run.due_at,
        started_at: run.started_at,
        recorded_at: run.recorded_at,
        duration_ms: run.duration_ms,
        outcome: run.outcome,
        findings: run.findings,
        changed: run.changed,
        failure: run.failure,
        account_version: run.account_version,
        basis: run.basis,
        content,
    })
}

/// Who was screened in a period, and who was not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Coverage {
    /// From when on.
    pub from: DateTime<Utc>,
    /// Before when.
    pub until: DateTime<Utc>,
    /// Before when was asked for, where that has not come: nobody is late who is due later than now.
    pub asked_until: Option<DateTime<Utc>>,
    /// Every schedule.
    pub schedules: Vec<ScheduleCoverage>,
    /// Accounts that no schedule watched, by the reason.
    pub unwatched: BTreeMap<String, u64>,
}

/// How many monitors of a schedule had an answer.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScheduleCoverage {
    /// Its name.
    pub schedule: String,
    /// Those that had at least one answer.
    pub screened: u64,
    /// Those that had none, by the reason.
    pub unscreened: BTreeMap<String, u64>,
}

/// Where a walk over all accounts begins, and how long it may go on.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// The first shard.
    pub first: Shard,
    /// It ends before a shard that it would begin later; at the end of all when none is given.
    pub budget: Option<Duration>,
}

/// How long somebody who waits for the answer should wait.
pub const BRIEF: Duration = Duration::from_secs(5);

/// Why nobody can tell who was screened.
const NOT_BEGUN: &str = "the period begins in the future: nobody was to be screened in it yet";

/// How a run fails that has nothing to ask about.
const UNSCREENABLE: &str = "errored:unscreenable";

/// Looks at every account, a shard at a time; tells `each` of those that had no answer.
pub async fn coverage<F: FnMut(&Unscreened)>(
    context: &Context,
    period: Period,
    schedule: Option<&str>,
    each: F,
) -> Result<Coverage, ActionError> {
    let whole = Walk { first: Shard(0), budget: None };
    walk(context, period, schedule, whole, each).await.map(|(coverage, _)| coverage)
}

/// The same for a part of all; also returns the shard to go on with, if there is one.
pub async fn walk<F: FnMut(&Unscreened)>(
    context: &Context,
    period: Period,
    schedule: Option<&str>,
    walk: Walk,
    mut each: F,
) -> Result<(Coverage, Option<Shard>), ActionError> {
    let began_at = Instant::now();
    let (asked, period) = (period, period.over_by(context.now()).ok_or(ActionError::Refused(NOT_BEGUN))?);
    let mut schedules: BTreeMap<String, ScheduleCoverage> = BTreeMap::new();
    let mut unwatched: BTreeMap<String, u64> = BTreeMap::new();
    let mut connection = context.store.connection().await?;
    if let Some(name) = schedule {
        let known = schedules::list_names(&mut connection).await?;
        if !known.iter().any(|one| one == name) {
            return Err(ActionError::UnknownName { what: "schedule", name: name.to_owned(), known });
        }
    }
    let names: HashMap<AccountTypeId, String> = account_types::list(&mut connection)
        .await?
        .into_iter()
        .map(|(id, of)| (id, of.screened.names.join("/")))
        .collect();
    drop(connection);
    let mut next = None;
    for shard in (walk.first.0..=u8::MAX).map(Shard) {
        if shard != walk.first && walk.budget.is_some_and(|budget| began_at.elapsed() >= budget) {
            next = Some(shard);
            break;
        }
        let mut transaction = context.store.transaction().await?;
        summary::allow_long_counts(&mut transaction).await?;
        let (mut unscreened, screened) =
            evidence::list_unscreened(&mut transaction, shard, period, schedule).await?;
        let alone = match schedule {
            Some(_) => Vec::new(),
            None => evidence::list_unwatched(&mut transaction, shard, period).await?,
        };
        drop(transaction);
        for (name, count) in screened {
            of(&mut schedules, name).screened += count.unsigned_abs();
        }
        for one in unscreened.iter_mut().filter(|one| one.reason == UNSCREENABLE) {
            // Which field it takes.
            let missing = names.get(&one.account_type).map_or("name", String::as_str);
            one.reason = format!("unscreenable:{missing}");
        }
        for one in unscreened.iter().chain(&alone) {
            each(one);
            let reasons = match &one.schedule {
                Some(name) => &mut of(&mut schedules, name.clone()).unscreened,
                None => &mut unwatched,
            };
            *reasons.entry(one.reason.clone()).or_default() += 1;
        }
    }
    let schedules = schedules.into_values().collect();
    let asked_until = (asked.until > period.until).then_some(asked.until);
    Ok((Coverage { from: period.from, until: period.until, asked_until, schedules, unwatched }, next))
}

fn of(schedules: &mut BTreeMap<String, ScheduleCoverage>, name: String) -> &mut ScheduleCoverage {
    schedules.entry(name.clone()).or_insert_with(|| ScheduleCoverage { schedule: name, ..Default::default() })
}
