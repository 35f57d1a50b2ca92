//! A provider that is simulated: it answers from an invented list, after a while, unless it fails.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::budget::Watched;
use crate::{
    ambient::Clock,
    providers::{
        Basis, CallError, CallFuture, FailureClass, ReportProvider, Request, Verdict, local::LocalProvider,
    },
};

/// How a simulated provider behaves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Behaviour {
    /// How long a call takes on average: each between a half and one and a half of it.
    pub(super) latency: Duration,
    /// The share of calls that fail, 0 to 1: two of three with a server's error, the third by no answer in time.
    pub(super) errors: f64,
    /// From when to when it cannot be reached.
    pub(super) outages: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Whether it says which lists it answers from, as one does that keeps them here.
    pub(super) tells_lists: bool,
}

/// What was asked of a provider, as it saw it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Calls by what became of them.
    pub(super) verdicts: BTreeMap<&'static str, u64>,
    /// Calls that repeated one that had failed.
    pub(super) repeated: u64,
    /// Calls by hours of the calendar, as seconds since 1970.
    pub(super) hours: BTreeMap<i64, u64>,
    /// What it watches of its budget.
    pub(super) budget: Watched,
    /// Questions that failed and were not asked again.
    failed: HashSet<u64>,
}

/// The provider.
pub(super) struct Simulated {
    name: String,
    answers: LocalProvider,
    behaviour: Behaviour,
    clock: Arc<dyn Clock>,
    seed: u64,
    tally: Mutex<Tally>,
}

impl Simulated {
    /// One that was not asked yet. Its answers are those of `answers`; the same seed has the same calls fail.
    pub(super) fn new(
        name: &str,
        answers: LocalProvider,
        behaviour: Behaviour,
        budget: Watched,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let tally = Mutex::new(Tally { budget, ..Tally::default() });
        Self { name: name.to_owned(), answers, behaviour, clock, seed, tally }
    }

    /// What was asked so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally_mut().clone()
    }

    fn tally_mut(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Three numbers from 0 up to 1 that this call alone has, and the number of its question.
    fn drawn(&self, question: &str, now: DateTime<Utc>) -> ([f64; 3], u64) {
        let number = |digest: &[u8], place: usize| {
            let bytes = digest.iter().skip(place * 8).take(8);
            bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let of_question = number(&Sha256::digest(question), 0);
        let of_call = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(of_question.to_be_bytes())
            .chain_update(now.timestamp_millis().to_be_bytes())
            .finalize();
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in a double")]
        let fraction = |place| (number(&of_call, place) >> 11) as f64 / (1_u64 << 53) as f64;
        ([fraction(0), fraction(1), fraction(2)], of_question)
    }

    /// How the call fails, if it does.
    fn failure(&self, [_, fails, how]: [f64; 3], now: DateTime<Utc>) -> Option<FailureClass> {
        if self.behaviour.outages.iter().any(|(from, until)| (*from..*until).contains(&now)) {
            return Some(FailureClass::Connection);
        }
        let class = if how < 2.0 / 3.0 { FailureClass::ServerError } else { FailureClass::Timeout };
        (fails < self.behaviour.errors).then_some(class)
    }

    fn begun(&self, question: u64, now: DateTime<Utc>) {
        let mut tally = self.tally_mut();
        *tally.hours.entry(now.timestamp().div_euclid(3600)).or_default() += 1;
        tally.budget.take(now);
        tally.repeated += u64::from(tally.failed.remove(&question));
    }

    fn ended(&self, question: u64, verdict: &'static str, failed: bool) {
        let mut tally = self.tally_mut();
        *tally.verdicts.entry(verdict).or_default() += 1;
        if failed {
            tally.failed.insert(question);
        }
    }
}

impl ReportProvider for Simulated {
    fn name(&self) -> &str {
        &self.name
    }

    fn basis(&self) -> Basis {
        let basis = self.answers.basis();
        if self.behaviour.tells_lists { basis } else { Basis { lists: Vec::new(), ..basis } }
    }

    fn is_behind(&self) -> bool {
        self.behaviour.tells_lists && self.answers.is_behind()
    }

    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a> {
        Box::pin(async move {
            let now = self.clock.now();
            let (drawn, question) = self.drawn(&request.idempotency_key, now);
            self.begun(question, now);
            let failure = self.failure(drawn, now);
            let took = match failure {
                Some(FailureClass::Timeout) => request.deadline,
                _ => self.behaviour.latency.mul_f64(0.5 + drawn[0]).min(request.deadline),
            };
            tokio::time::sleep(took).await;
            let answer = match failure {
                Some(class) => {
                    Err(CallError { verdict: Verdict::Later, class, retry_after: None, status: None })
                }
                None => self.answers.call(request).await,
            };
            let verdict = answer.as_ref().map_or_else(|error| error.class.as_str(), |_| "answered");
            self.ended(question, verdict, answer.is_err());
            answer
        })
    }
}
