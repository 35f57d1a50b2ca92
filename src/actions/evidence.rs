//! Evidence: everything that shows what was done about one account in a period; and for a period, who was screened, and
//! of everybody else why not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    ActionError, Context,
    hits::HitView,
    inspect::{self, MonitorView, MonthView},
};
use crate::{
    domain::id::{AccountId, Shard},
    store::{
        events::{self, Happened},
        evidence::{self, EvidenceRun},
        summary,
    },
    vault::Purpose,
};

pub use crate::store::evidence::{Period, Unscreened};

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
    /// Its hits, with who decided on them, when and why.
    pub hits: Vec<HitView>,
    /// What happened, the oldest first.
    pub events: Vec<EventView>,
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
    /// Whether the answer differed from the one before.
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

/// Everything that shows what was done about the account that `reference` names.
pub async fn of_account(context: &Context, reference: &str, period: Period) -> Result<Evidence, ActionError> {
    let view = inspect::account(context, reference, 0).await?;
    let mut connection = context.store.connection().await?;
    let mut runs: Vec<RunEvidence> = Vec::new();
    let mut after = (DateTime::<Utc>::UNIX_EPOCH, Uuid::nil());
    loop {
        let page = evidence::list_runs(&mut connection, view.id, period, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = (last.recorded_at, last.id.0);
        for run in page {
            runs.push(run_evidence(context, run)?);
        }
    }
    let wanted = events::Wanted {
        objects: vec![view.id.0],
        from: Some(period.from),
        until: Some(period.until),
        ..events::Wanted::default()
    };
    let mut happened: Vec<Happened> = Vec::new();
    loop {
        let wanted = events::Wanted { after: happened.last().map(|event| event.id), ..wanted.clone() };
        let page = events::list(&mut connection, &wanted, PAGE).await?;
        if page.is_empty() {
            break;
        }
        happened.extend(page);
    }
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
        hits: view.hits,
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

/// Looks at every account, a shard at a time; tells `each` of those that had no answer.
pub async fn coverage<F: FnMut(&Unscreened)>(
    context: &Context,
    period: Period,
    schedule: Option<&str>,
    mut each: F,
) -> Result<Coverage, ActionError> {
    let mut schedules: BTreeMap<String, ScheduleCoverage> = BTreeMap::new();
    let mut unwatched: BTreeMap<String, u64> = BTreeMap::new();
    for shard in (0..=u8::MAX).map(Shard) {
        let mut transaction = context.store.transaction().await?;
        summary::allow_long_counts(&mut transaction).await?;
        let (unscreened, screened) =
            evidence::list_unscreened(&mut transaction, shard, period, schedule).await?;
        let alone = match schedule {
            Some(_) => Vec::new(),
            None => evidence::list_unwatched(&mut transaction, shard, period).await?,
        };
        drop(transaction);
        for (name, count) in screened {
            of(&mut schedules, name).screened += count.unsigned_abs();
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
    Ok(Coverage { from: period.from, until: period.until, schedules, unwatched })
}

fn of(schedules: &mut BTreeMap<String, ScheduleCoverage>, name: String) -> &mut ScheduleCoverage {
    schedules.entry(name.clone()).or_insert_with(|| ScheduleCoverage { schedule: name, ..Default::default() })
}
