//! Who may pass at the moment, and how an end of a call is judged.

use std::time::Duration;

use governor::RateLimiter;
use tokio::time::Instant;

use super::{
    Attempt, Refused, Terms,
    fleet::{Fleet, Slot},
    pace::{Pacer, PacingClock},
    retries::Retries,
};
use crate::{
    domain::rest::RestReason,
    providers::{CallError, FailureClass},
};

/// Rests up to this long are waited for with a run in hand; for longer ones it is given up.
const SHORT: Duration = Duration::from_secs(1);

/// A provider that wants fewer calls and asks for a longer rest than this has no more quota.
const LONGEST_BURST_REST: Duration = Duration::from_mins(5);

/// The longest rest that is kept.
const LONGEST_REST: Duration = Duration::from_hours(24 * 366);

/// Whether a caller may pass.
pub(super) enum Pass {
    Now(Option<Slot>),
    At(Instant),
    Ask,
    Never(Refused),
}

pub(super) struct Gate {
    pub(super) clock: PacingClock,
    pub(super) pacer: Option<Pacer>,
    pub(super) terms: Terms,
    /// What this process heard itself.
    pub(super) heard: Option<(Instant, RestReason)>,
    pub(super) retries: Retries,
    /// How many calls one stands for.
    pub(super) stands_for: f64,
    pub(super) fleet: Option<Fleet>,
}

impl Gate {
    /// Lets one caller through, or says when to ask again.
    pub(super) fn try_pass(&mut self, attempt: Attempt, now: Instant) -> Pass {
        if attempt == Attempt::Repeated && !self.retries.has_one(now) {
            return Pass::Never(Refused::TooManyRetries);
        }
        if let Some(until) = self.closed_until(now) {
            return if until - now > SHORT { Pass::Never(Refused::Resting) } else { Pass::At(until) };
        }
        let slot = match &mut self.fleet {
            // Somebody may have heard of a rest, or keep other limits.
            Some(fleet) if !fleet.is_introduced() => return Pass::Ask,
            Some(fleet) if fleet.needs_grant() => match fleet.first(now) {
                None => return Pass::Ask,
                Some(slot) if slot.from > now => return Pass::At(slot.from),
                Some(slot) => Some(slot),
            },
            _ => None,
        };
        if let Some(Err(early)) = self.pacer.as_ref().map(RateLimiter::check) {
            return Pass::At(later(self.clock.start, early.earliest_possible()));
        }
        if let Some(fleet) = self.fleet.as_mut().filter(|_| slot.is_some()) {
            fleet.take();
        }
        match attempt {
            Attempt::First => self.retries.earn(),
            Attempt::Repeated => self.retries.spend(),
        }
        Pass::Now(slot)
    }

    /// Until when nobody passes.
    pub(super) fn closed_until(&mut self, now: Instant) -> Option<Instant> {
        let rest = self.rest(now).map(|(until, _)| until);
        let shut = self.fleet.as_mut().and_then(|fleet| fleet.shut_until(now));
        rest.max(shut)
    }

    /// Until when the provider rests, and why.
    pub(super) fn rest(&self, now: Instant) -> Option<(Instant, RestReason)> {
        let of_fleet = self.fleet.as_ref().and_then(Fleet::rest);
        let rests = [self.heard, of_fleet].into_iter().flatten().filter(|(until, _)| *until > now);
        rests.max_by_key(|(until, _)| *until)
    }
}

/// Why a provider that failed so, and named a time, wants to rest.
pub(super) fn rest_reason(error: &CallError) -> RestReason {
    match error.class {
        FailureClass::QuotaExhausted => RestReason::Quota,
        FailureClass::RateLimited if error.retry_after.is_some_and(|rest| rest > LONGEST_BURST_REST) => {
            RestReason::Quota
        }
        FailureClass::RateLimited
        | FailureClass::Timeout
        | FailureClass::Connection
        | FailureClass::ServerError
        | FailureClass::Refused
        | FailureClass::UnreadableAnswer
        | FailureClass::AnswerTooLarge
        | FailureClass::Unscreenable => RestReason::RetryAfter,
    }
}

/// Whether a failure looks as if the provider were down; none when it says nothing about it.
pub(super) const fn is_outage(class: FailureClass) -> Option<bool> {
    match class {
        FailureClass::Timeout
        | FailureClass::Connection
        | FailureClass::ServerError
        | FailureClass::UnreadableAnswer => Some(true),
        FailureClass::RateLimited
        | FailureClass::QuotaExhausted
        | FailureClass::Refused
        | FailureClass::AnswerTooLarge => Some(false),
        FailureClass::Unscreenable => None,
    }
}

/// `from` plus `wait`, a year at most.
pub(super) fn later(from: Instant, wait: Duration) -> Instant {
    from.checked_add(wait.min(LONGEST_REST)).unwrap_or(from)
}
