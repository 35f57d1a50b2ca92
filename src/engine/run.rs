//! One run: a call under a permit and a deadline, and what its end means.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Engine, digests,
    in_flight::Ticket,
    plan::{PlannedSchedule, RunBasis},
};
use crate::{
    actions::subjects,
    domain::{
        answer::{Answer, Finding},
        id::{AccountId, MonitorId, RunId},
        monitor::Trigger,
        subject::Subject,
    },
    providers::{
        CallError, FailureClass, Request, Verdict,
        budget::{Attempt, Refused},
    },
    store::due::{Due, Loaded},
    telemetry::metrics::{CallLabels, ProviderLabels, ScheduleLabels},
};

/// The class of failure when an account's sealed fields do not open.
const SEALED: &str = "sealed-data";

/// The class of failure when an attempt failed and there was no other until the next run was due.
pub(super) const HELD_BACK: &str = "retries-held-back";

/// How far a run is put off that the provider refused, at most. The provider rests for as long as it asked for;
/// this only lets others go first, and is not in the way when somebody ends the rest.
const LONGEST_PUT_OFF: Duration = Duration::from_mins(5);

/// A run about to be made.
pub struct Job {
    /// The due row that it answers.
    pub due: Due,
    /// Why it runs.
    pub trigger: Trigger,
    /// Its account, as loaded.
    pub loaded: Loaded,
    /// Its schedule.
    pub schedule: Arc<PlannedSchedule>,
    /// What it rests on.
    pub basis: RunBasis,
}

/// A run's place in its lane; given back when it is dropped.
pub struct Place {
    pub(super) _ticket: Ticket,
    pub(super) _room: OwnedSemaphorePermit,
}

/// A run that was made.
pub struct Finished {
    /// Its id.
    pub id: RunId,
    /// The due row that it answers.
    pub due: Due,
    /// Why it ran.
    pub trigger: Trigger,
    /// Its account.
    pub account: AccountId,
    /// The account's data version that it saw.
    pub account_version: i64,
    /// Its schedule.
    pub schedule: Arc<PlannedSchedule>,
    /// What it rested on.
    pub basis: RunBasis,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How long the provider took.
    pub duration: Duration,
    /// What came of it.
    pub end: End,
    /// Its place among what is under way, held until it is recorded; none when it is made outside a lane.
    pub place: Option<Place>,
    /// It had a strike before it began, which it loses when it is recorded.
    pub is_suspect: bool,
    /// Held until it is recorded, if a call was made.
    pub call: Option<OwnedSemaphorePermit>,
}

/// What came of a run.
#[derive(Debug)]
pub enum End {
    /// The provider answered.
    Answered {
        /// What was asked about.
        input: Subject,
        /// The answer; its findings in the order of their entities, each entity once.
        answer: Answer,
        /// Digest of each finding's facts, in the same order.
        facts: Vec<[u8; 16]>,
        /// Digest of the account's screened data; none when the report asks a question of its own.
        subject: Option<[u8; 16]>,
        /// Digest of the findings, 16 bytes, and of the account's screened data behind it; none when it is
        /// clear.
        digest: Option<Vec<u8>>,
    },
    /// There is no answer, and will be none: an errored run.
    Failed {
        /// The class of failure.
        class: &'static str,
    },
    /// Attempts failed, and no other was to be had before the next run of its schedule: an errored run.
    Lapsed {
        /// When that run is due.
        next_run_at: DateTime<Utc>,
    },
    /// The attempt failed; another may not.
    Postponed {
        /// How long to wait.
        wait: Duration,
        /// Whether it counts: not when the provider refused it and said when to come back, nor when no call was
        /// made.
        attempted: bool,
    },
}

impl Finished {
    /// Its monitor.
    pub fn monitor(&self) -> MonitorId {
        self.due.monitor
    }
}

/// Makes a run; none when no permit was to be had soon: the due row then stands as it is, and is found
/// again. What was loaded for a call must not be sent long after, when it may no longer be so.
#[tracing::instrument(level = "debug", name = "run", skip_all, fields(monitor.id = %job.due.monitor, account.id = %job.loaded.account, schedule.name = job.schedule.schedule.name))]
pub async fn perform(engine: &Engine, job: Job, stop: &CancellationToken) -> Option<Finished> {
    let Job { due, trigger, loaded, schedule, basis } = job;
    let labels = ScheduleLabels { schedule: schedule.schedule.name.clone() };
    let subject = open_subject(engine, &loaded, &schedule);
    let mut call = Called { started_at: engine.context.now(), duration: Duration::ZERO, unrecorded: None };
    let end = match subject {
        Err(class) => End::Failed { class },
        Ok(subject) if subject.missing().is_some() => {
            End::Failed { class: FailureClass::Unscreenable.as_str() }
        }
        Ok(subject) => {
            let rests_on = if loaded.query.is_some() { RestsOn::Question } else { RestsOn::Account };
            ask(engine, (&due, rests_on), &schedule, subject, &mut call, stop).await?
        }
    };
    let late = (call.started_at - due.at).to_std().unwrap_or_default();
    engine.metrics.lateness.get_or_create(&labels).observe(late.as_secs_f64());
    Some(Finished {
        id: RunId(engine.context.new_uuid(due.monitor.shard())),
        due,
        trigger,
        account: loaded.account,
        account_version: loaded.account_version,
        schedule,
        basis,
        started_at: call.started_at,
        ended_at: engine.context.now(),
        duration: call.duration,
        end,
        place: None,
        is_suspect: false,
        call: call.unrecorded,
    })
}

/// What a run asks about.
#[derive(Clone, Copy)]
enum RestsOn {
    /// The account as it stands.
    Account,
    /// What the request for the report said.
    Question,
}

struct Called {
    started_at: DateTime<Utc>,
    duration: Duration,
    unrecorded: Option<OwnedSemaphorePermit>,
}

fn open_subject(
    engine: &Engine,
    loaded: &Loaded,
    schedule: &PlannedSchedule,
) -> Result<Subject, &'static str> {
    let kind = schedule.template.report.subject_kind();
    let keyring = &engine.context.keyring;
    let opened = match subjects::question(keyring, loaded, kind) {
        Some(question) => question,
        None => match engine.plan.types.get(loaded.account_type) {
            Some(account_type) => subjects::open(keyring, loaded, &account_type, kind),
            None => return Err(FailureClass::Unscreenable.as_str()),
        },
    };
    opened.map_err(|error| {
        tracing::error!(account.id = %loaded.account, monitor.id = %loaded.monitor, error = &error as &dyn std::error::Error, "nobody can be asked about");
        SEALED
    })
}

/// How long a run may wait for its permit.
const PATIENCE: Duration = Duration::from_secs(5);

async fn ask(
    engine: &Engine,
    (due, rests_on): (&Due, RestsOn),
    schedule: &PlannedSchedule,
    input: Subject,
    call: &mut Called,
    stop: &CancellationToken,
) -> Option<End> {
    let planned = &schedule.provider;
    let request = Request {
        idempotency_key: digests::idempotency_key(engine, due, &input),
        subject: input,
        threshold: schedule.template.threshold,
        deadline: engine.settings.run_deadline,
    };
    let asked_at = Instant::now();
    let attempt = if due.attempts == 0 { Attempt::First } else { Attempt::Repeated };
    let provider = planned.provider.name().to_owned();
    let both = async {
        let unrecorded = Arc::clone(&planned.unrecorded).acquire_owned().await;
        (unrecorded.expect("nothing closes the semaphore"), planned.budget.permit(attempt).await)
    };
    let both = tokio::time::timeout(PATIENCE, both);
    let (unrecorded, permit) = stop.run_until_cancelled(both).await?.ok()?;
    if asked_at.elapsed() > PATIENCE * 2 {
        // This process was frozen: what it loaded is old, and its shards may be somebody else's.
        return None;
    }
    if engine.pauses.provider(planned.lane) || engine.pauses.schedule(schedule.id) {
        // Paused while it waited: no call is begun any more, and the due row stands.
        return None;
    }
    let permit = match permit {
        Ok(permit) => permit,
        Err(Refused::Resting) => return None,
        Err(Refused::TooManyRetries) => {
            engine.metrics.retries_held_back.get_or_create(&ProviderLabels { provider }).inc();
            let made = u32::from(due.attempts.unsigned_abs());
            let wait = backoff(made, engine.context.random.fraction(), &engine.settings);
            let next_run_at = schedule.next_due(due.monitor, due.at);
            return Some(held_back(wait, next_run_at, engine.context.now()));
        }
    };
    call.unrecorded = Some(unrecorded);
    // What follows has the deadline, unless it holds its thread: then the overseer sees it.
    let _under_way = engine.progress.call(due.monitor, engine.settings.run_deadline);
    call.started_at = engine.context.now();
    let clock = Instant::now();
    if permit.is_over() {
        // Sent now, the call would be one too many for somebody: the run is found again.
        return None;
    }
    // A provider keeps the deadline itself; one that does not is given up here.
    let answer = tokio::time::timeout(engine.settings.run_deadline, planned.provider.call(&request)).await;
    call.duration = clock.elapsed();
    planned.observe(call.duration);

    let answer = answer.unwrap_or(Err(CallError {
        verdict: Verdict::Later,
        class: FailureClass::Timeout,
        retry_after: None,
        status: None,
    }));
    planned.budget.observe(permit, answer.as_ref().err());
    let verdict = answer.as_ref().map_or_else(|error| error.class.as_str(), |_| "answered");
    engine.metrics.calls.get_or_create(&CallLabels { provider: provider.clone(), verdict }).inc();
    engine
        .metrics
        .call_duration
        .get_or_create(&ProviderLabels { provider: provider.clone() })
        .observe(call.duration.as_secs_f64());
    Some(match answer {
        Ok(answer) => answered(engine, rests_on, request.subject, answer),
        Err(error) => {
            tracing::debug!(provider.name = %provider, monitor.id = %due.monitor, error = %error, "a call failed");
            let end = failed(&error, due.attempts, engine.context.random.fraction(), &engine.settings);
            if let End::Postponed { .. } = end {
                engine.metrics.postponed.get_or_create(&ProviderLabels { provider }).inc();
            }
            end
        }
    })
}

/// What a failed attempt means: another attempt later, or an errored run.
///
/// A provider that says when to come back is obeyed, however often: that uses up no attempts. The wait is not
/// longer than a few minutes, since the provider itself rests. Otherwise the wait doubles from attempt to attempt,
/// and a random part of up to a half is taken off it, so that those that failed together do not come back together.
fn failed(error: &CallError, attempts: i16, fraction: f64, settings: &crate::config::EngineSettings) -> End {
    let made = u32::from(attempts.unsigned_abs()) + 1;
    match (error.verdict, error.retry_after) {
        (Verdict::Never, _) => End::Failed { class: error.class.as_str() },
        (Verdict::Later, Some(rest)) => {
            // The provider is one; its clients shall not all knock at the same instant.
            let wait = rest.min(LONGEST_PUT_OFF) + settings.retry_base.mul_f64(fraction);
            End::Postponed { wait, attempted: false }
        }
        (Verdict::Later, None) if made >= settings.max_attempts => {
            End::Failed { class: error.class.as_str() }
        }
        (Verdict::Later, None) => End::Postponed { wait: backoff(made, fraction, settings), attempted: true },
    }
}

/// What becomes of a run that may not be repeated now: it waits, until the next run of its schedule would be due
/// before it. That one is new, and a first attempt: so none waits longer than its schedule would have it wait, and
/// what a provider failed to answer is asked again with the schedules, not on top of them.
fn held_back(wait: Duration, next_run_at: DateTime<Utc>, now: DateTime<Utc>) -> End {
    if now + wait < next_run_at {
        End::Postponed { wait, attempted: false }
    } else {
        End::Lapsed { next_run_at }
    }
}

/// The wait after so many attempts.
fn backoff(made: u32, fraction: f64, settings: &crate::config::EngineSettings) -> Duration {
    let doubled = settings.retry_base.saturating_mul(1 << made.saturating_sub(1).min(20));
    doubled.min(settings.retry_max).mul_f64(0.5 + fraction / 2.0)
}

fn answered(engine: &Engine, rests_on: RestsOn, input: Subject, mut answer: Answer) -> End {
    answer.findings.sort_by(|one, other| one.entity.cmp(&other.entity));
    answer.findings.dedup_by(|one, other| one.entity == other.entity);
    let of = |finding: &Finding| digests::of_facts(engine, finding, &finding.entity);
    let facts: Vec<[u8; 16]> = answer.findings.iter().map(of).collect();
    let subject = match rests_on {
        RestsOn::Account => Some(subjects::digest(&engine.context, &input)),
        RestsOn::Question => None,
    };
    let digest = digests::of_answer(engine, &answer, &facts, subject);
    End::Answered { input, answer, facts, subject, digest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> crate::config::EngineSettings {
        let settings = crate::config::load(None, std::iter::empty()).unwrap();
        crate::config::EngineSettings {
            max_attempts: 3,
            retry_base: Duration::from_secs(10),
            retry_max: Duration::from_secs(15),
            ..settings.engine
        }
    }

    fn error(verdict: Verdict, retry_after: Option<u64>) -> CallError {
        CallError {
            verdict,
            class: FailureClass::ServerError,
            retry_after: retry_after.map(Duration::from_secs),
            status: None,
        }
    }

    fn wait(end: &End) -> Option<Duration> {
        match end {
            End::Postponed { wait, .. } => Some(*wait),
            End::Failed { .. } | End::Lapsed { .. } | End::Answered { .. } => None,
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_the_last_attempt_errs() {
        let failed = |attempts| failed(&error(Verdict::Later, None), attempts, 1.0, &settings());
        assert_eq!(wait(&failed(0)), Some(Duration::from_secs(10)));
        assert_eq!(wait(&failed(1)), Some(Duration::from_secs(15)));
        assert!(matches!(failed(2), End::Failed { class: "server-error" }));
    }

    #[test]
    fn what_will_fail_again_errs_at_once() {
        let end = failed(&error(Verdict::Never, None), 0, 0.0, &settings());
        assert!(matches!(end, End::Failed { class: "server-error" }));
    }

    #[test]
    fn a_provider_that_says_when_to_come_back_is_obeyed_however_often() {
        for (rest, put_off) in [(40, 40), (3600, 300), (u64::MAX, 300)] {
            let end = failed(&error(Verdict::Later, Some(rest)), 99, 0.0, &settings());
            assert!(matches!(end, End::Postponed { attempted: false, .. }), "{end:?}");
            assert_eq!(wait(&end), Some(Duration::from_secs(put_off)));
        }
    }

    #[test]
    fn a_run_that_may_not_be_repeated_waits_no_longer_than_its_next_one() {
        let now: DateTime<Utc> = "2026-03-01T09:00:00Z".parse().unwrap();
        let minutes = |count| Duration::from_mins(count);
        let end = held_back(minutes(10), now + minutes(11), now);
        assert!(matches!(end, End::Postponed { attempted: false, .. }));
        for next in [now + minutes(10), now - minutes(1)] {
            let end = held_back(minutes(10), next, now);
            assert!(matches!(end, End::Lapsed { next_run_at } if next_run_at == next), "{end:?}");
        }
    }
}
