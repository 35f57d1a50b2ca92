//! What the configuration asks for, with the database's numbers and the providers that answer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tokio::sync::Semaphore;

use chrono::{DateTime, TimeDelta, Utc};

use super::types::Types;
use crate::{
    actions::{apply::Applied, decide::OfSchedule},
    domain::{
        id::{MonitorId, ProcessId, made_at_millis},
        reverification::Reverification,
        schedule::{MatchMode, ReportTemplate, Schedule},
    },
    providers::{
        Basis, ListVersion, ReportProvider,
        budget::{Budget, Limits},
        lists::Keepers,
        local::{OwnList, PublishedList},
    },
    store::{StoreError, providers::Lane, runs},
};

/// What makes a provider of the plan: who answers, and what may be asked.
pub type PlannedParts = (Arc<dyn ReportProvider>, Budget, Limits);

/// A provider with its budget and its lane.
pub struct PlannedProvider {
    /// Its lane.
    pub lane: Lane,
    /// Who answers.
    pub provider: Arc<dyn ReportProvider>,
    /// What it may be asked.
    pub budget: Budget,
    /// The limits that the budget holds.
    pub limits: Limits,
    /// Calls that were begun and whose results are not recorded: twice as many as may be under way. That
    /// is what a kill has asked in vain, and what is asked again after it.
    pub unrecorded: Arc<Semaphore>,
    latency_micros: AtomicU64,
}

impl PlannedProvider {
    /// How long its calls lately took, on average; none before the first.
    pub fn latency(&self) -> Option<Duration> {
        match self.latency_micros.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// Takes a call into the average, as one of about eight.
    pub fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.latency_micros.load(Ordering::Relaxed);
        let after = if before == 0 { took } else { before - before / 8 + took / 8 };
        // Of two calls that end at once one may be left out: it is an average.
        self.latency_micros.store(after.max(1), Ordering::Relaxed);
    }
}

/// A schedule with its template and its provider.
pub struct PlannedSchedule {
    /// Its number in the database.
    pub id: i32,
    /// What it asks for.
    pub schedule: Schedule,
    /// The report that it repeats.
    pub template: ReportTemplate,
    /// Who answers.
    pub provider: Arc<PlannedProvider>,
    basis: Mutex<Option<(Basis, RunBasis)>>,
}

/// What a run rests on.
#[derive(Clone)]
pub struct RunBasis {
    /// Its number, by which the evidence names it.
    pub id: i32,
    /// The published lists, each with the number of its version.
    pub lists: Arc<[(String, i64)]>,
}

impl PlannedSchedule {
    /// When a monitor of the schedule runs next after `after`, on its own place of the grid; a report of the API,
    /// so many days after it was asked for. Never, when it runs but once.
    pub fn next_due(&self, monitor: MonitorId, after: DateTime<Utc>) -> DateTime<Utc> {
        match (&self.schedule.cadence, self.template.recurrence_days) {
            (Some(cadence), _) => cadence.next_due(place_in_spread(monitor), after),
            (None, Some(days)) => recurrence(monitor, days, after),
            (None, None) => DateTime::<Utc>::MAX_UTC,
        }
    }

    /// The score from which a match counts: the template's, or else the provider's; none when neither says.
    pub fn threshold(&self) -> Option<f64> {
        self.template.threshold.or_else(|| self.provider.provider.threshold())
    }

    /// Decisions on its hits that were made before this have expired; none when they never do.
    pub fn expired_before(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = self.schedule.decisions_expire_days.or(self.template.decisions_expire_days)?;
        now.checked_sub_signed(TimeDelta::days(i64::from(days)))
    }

    /// Whether an open hit holds the monitor that found it. What runs but once is over as it is.
    pub fn holds(&self) -> bool {
        self.schedule.on_match_mode == MatchMode::Hold && !self.is_once()
    }

    /// It, as hits of it are opened again.
    pub fn reopening(&self) -> OfSchedule<'_> {
        OfSchedule {
            id: self.id,
            name: &self.schedule.name,
            template: &self.template.name,
            report: self.template.report,
            holds: self.holds(),
        }
    }

    /// Whether its monitors are reports of the API, which begin one by one.
    pub const fn is_by_request(&self) -> bool {
        self.schedule.cadence.is_none()
    }

    /// Whether its monitors run once.
    pub const fn is_once(&self) -> bool {
        self.is_by_request() && self.template.recurrence_days.is_none()
    }

    /// What a run rests on now: provider, engine, lists, template, threshold, process.
    ///
    /// Writes only when something of it is new.
    pub async fn basis(
        &self,
        conn: &mut PgConnection,
        process: ProcessId,
        now: DateTime<Utc>,
    ) -> Result<RunBasis, StoreError> {
        let basis = self.provider.provider.basis();
        {
            let cached = self.basis.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, kept)) = &*cached
                && *known == basis
            {
                return Ok(kept.clone());
            }
        }
        let version = |list: &ListVersion| {
            if list.stale {
                json!({ "name": list.name, "version": list.version, "stale": true })
            } else {
                json!({ "name": list.name, "version": list.version })
            }
        };
        // What nobody compared is nothing that an answer rests on.
        let lists: Vec<_> = basis.lists.iter().filter(|list| list.compared).map(version).collect();
        let mut detail = json!({
            "provider": self.provider.provider.name(),
            "engine": basis.engine,
            "lists": lists,
            "schedule": self.schedule.name,
            "template": self.template.name,
            "report": self.template.report.word(),
            "threshold": self.threshold(),
            "program": env!("CARGO_PKG_VERSION"),
            "process": process,
        });
        // Said only where it is so: bases from before lists had an age stay what they are.
        if basis.lists.iter().any(|list| list.stale)
            && let Some(detail) = detail.as_object_mut()
        {
            detail.insert("stale_list".to_owned(), json!(true));
        }
        let digest = Sha256::digest(detail.to_string().as_bytes());
        let id = runs::get_or_insert_basis(conn, &digest, &detail, now).await?;
        let numbered = basis.lists.iter().filter_map(|list| Some((list.name.clone(), list.number?)));
        let kept = RunBasis { id, lists: numbered.collect() };
        *self.basis.lock().unwrap_or_else(PoisonError::into_inner) = Some((basis, kept.clone()));
        Ok(kept)
    }
}

/// The first time after `after` that lies a number of whole recurrences after the monitor was made, which its id
/// says: an extra run does not move it.
fn recurrence(monitor: MonitorId, days: u16, after: DateTime<Utc>) -> DateTime<Utc> {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let made_at = i64::try_from(made_at_millis(monitor.0)).unwrap_or(0);
    let step = i64::from(days) * DAY;
    let passed = (after.timestamp_millis() - made_at).max(0).div_euclid(step);
    DateTime::from_timestamp_millis(made_at + (passed + 1) * step).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Where in its schedule's spread a monitor lies: the random bits of its id, the shard's aside, spread over
/// the whole number.
fn place_in_spread(monitor: MonitorId) -> u64 {
    let bits = (monitor.0.as_u128() >> 8) & u128::from(u64::MAX >> 10);
    u64::try_from(bits).unwrap_or(0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Everything that the engine runs.
#[derive(Default)]
pub struct Plan {
    /// Schedules by their number.
    pub schedules: HashMap<i32, Arc<PlannedSchedule>>,
    /// Providers, one lane each.
    pub providers: Vec<Arc<PlannedProvider>>,
    /// The lists of the customer's own that providers answer from.
    pub own_lists: Vec<OwnList>,
    /// The published lists that the providers answer from.
    pub lists: Keepers,
    /// The same, to be read by whoever answers from them beside the providers.
    pub published: Vec<PublishedList>,
    /// Account types, those that the API made too.
    pub types: Types,
    /// Reverifications by their number.
    pub reverifications: Vec<(i32, Reverification)>,
    /// The revision of the configuration that it is made of.
    pub revision: Option<i32>,
}

impl Plan {
    /// Joins the checked configuration with what applying it returned. Schedules, templates and
    /// providers were checked against each other, so what does not fit together is left out.
    pub fn new(
        applied: &Applied,
        schedules: impl Iterator<Item = Schedule>,
        templates: &[ReportTemplate],
        providers: Vec<PlannedParts>,
    ) -> Self {
        let reverifications = applied.reverifications.clone();
        let mut plan = Self { revision: applied.revision, reverifications, ..Self::default() };
        let mut by_name: HashMap<String, Arc<PlannedProvider>> = HashMap::new();
        for (provider, budget, limits) in providers {
            let Some(lane) = applied.lanes.get(provider.name()) else { continue };
            let name = provider.name().to_owned();
            let planned = Arc::new(PlannedProvider {
                lane: *lane,
                provider,
                budget,
                limits,
                unrecorded: Arc::new(Semaphore::new(limits.concurrency as usize * 2)),
                latency_micros: AtomicU64::new(0),
            });
            by_name.insert(name, Arc::clone(&planned));
            plan.providers.push(planned);
        }
        let schedules = schedules.chain(templates.iter().map(Schedule::by_request));
        for schedule in schedules {
            let template = templates.iter().find(|template| template.name == schedule.template);
            let Some(template) = template else { continue };
            let provider = by_name.get(&template.provider);
            let id = applied.schedules.get(&schedule.name);
            let (Some(provider), Some(id)) = (provider, id) else { continue };
            let planned = PlannedSchedule {
                id: *id,
                schedule,
                template: template.clone(),
                provider: Arc::clone(provider),
                basis: Mutex::new(None),
            };
            plan.schedules.insert(*id, Arc::new(planned));
        }
        plan.types.set(applied.types.values().cloned(), None);
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Shard, version_7};

    #[test]
    fn a_report_recurs_at_whole_days_after_it_was_asked_for() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let made = at("2026-03-01T09:30:00Z");
        let millis = u64::try_from(made.timestamp_millis()).unwrap();
        let monitor = MonitorId(version_7(millis, [7; 10], Shard(3)));
        assert_eq!(recurrence(monitor, 30, made), at("2026-03-31T09:30:00Z"));
        assert_eq!(recurrence(monitor, 30, at("2026-03-20T00:00:00Z")), at("2026-03-31T09:30:00Z"));
        // After an outage of a hundred days: once, and back on the grid.
        assert_eq!(recurrence(monitor, 30, at("2026-06-09T12:00:00Z")), at("2026-06-29T09:30:00Z"));
        assert_eq!(recurrence(monitor, 1, at("2026-02-01T00:00:00Z")), at("2026-03-02T09:30:00Z"));
    }
}
