//! The one map from what a provider did to whether trying again is worth it.
//!
//! Everything that can go wrong with a call becomes a [`Failure`], and [`classify`] alone judges it.
//! Its match has no wildcard arm: a new way to fail does not compile until somebody has judged it.

use std::{fmt, time::Duration};

/// Whether the same call may succeed at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The fault may pass: try again.
    Later,
    /// The same call will fail again: somebody has to change something first.
    Never,
}

/// What sort of failure it was, for evidence, metrics and the person who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// No whole answer came in time.
    Timeout,
    /// The provider could not be reached, or the connection broke.
    Connection,
    /// The provider wants fewer calls.
    RateLimited,
    /// What may be asked of the provider in a day or a month is used up.
    QuotaExhausted,
    /// The provider failed, and said so.
    ServerError,
    /// The provider refused the request (4xx), or sent it elsewhere (3xx, never followed).
    Refused,
    /// An answer came that does not say what the configuration expects.
    UnreadableAnswer,
    /// The answer is larger than the configuration allows.
    AnswerTooLarge,
    /// The subject lacks what the request needs, or does not fit the provider's form.
    Unscreenable,
}

impl FailureClass {
    /// Every class there is.
    pub const ALL: [Self; 9] = [
        Self::Timeout,
        Self::Connection,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::ServerError,
        Self::Refused,
        Self::UnreadableAnswer,
        Self::AnswerTooLarge,
        Self::Unscreenable,
    ];

    /// The word for it in evidence and metrics; never changed once released.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::RateLimited => "rate-limited",
            Self::QuotaExhausted => "quota-exhausted",
            Self::ServerError => "server-error",
            Self::Refused => "refused",
            Self::UnreadableAnswer => "unreadable-answer",
            Self::AnswerTooLarge => "answer-too-large",
            Self::Unscreenable => "unscreenable",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the provider did not answer in time",
            Self::Connection => "the provider could not be reached, or the connection broke",
            Self::RateLimited => "the provider wants fewer calls",
            Self::QuotaExhausted => "the provider's quota is used up",
            Self::ServerError => "the provider failed",
            Self::Refused => "the provider refused the request",
            Self::UnreadableAnswer => "the provider's answer could not be read",
            Self::AnswerTooLarge => "the provider's answer is larger than allowed",
            Self::Unscreenable => "the subject lacks what the request needs",
        })
    }
}

/// Why a call brought no answer. It carries no content of the answer or of the subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CallError {
    /// Whether to try again.
    pub verdict: Verdict,
    /// What sort of failure it was.
    pub class: FailureClass,
    /// How long the provider asks to be left alone; only with [`Verdict::Later`].
    pub retry_after: Option<Duration>,
    /// The HTTP status that told, when one did.
    pub status: Option<u16>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.class.fmt(f)?;
        if let Some(status) = self.status {
            write!(f, " (HTTP {status})")?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, "; it asks for {} s of rest", wait.as_secs())?;
        }
        Ok(())
    }
}

/// What a provider, or the way to it, did instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No whole answer came in time.
    Timeout,
    /// Name resolution, connection, TLS, or a connection that broke.
    Connection,
    /// An HTTP status that is no success: the answer's own, or one reported inside the answer.
    Status(u16),
    /// An error reported in words inside a successful answer.
    Reported,
    /// A successful answer without what it must hold.
    Unreadable,
    /// An answer over the size limit.
    TooLarge,
    /// No request can be made for this subject.
    Unscreenable,
}

/// Statuses to which a provider gives a meaning of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnStatuses {
    /// Worth another try, besides the usual ones.
    pub retryable: Vec<u16>,
    /// The quota is used up, whatever the status means elsewhere.
    pub quota: Vec<u16>,
}

/// How long a provider rests that says that its quota is used up, and not until when.
const WITHOUT_END: Duration = Duration::from_hours(1);

impl Failure {
    /// What a fault of the HTTP client amounts to.
    pub fn of_transport(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_builder() {
            Self::Unscreenable
        } else {
            Self::Connection
        }
    }

    /// The error that a caller sees. `statuses` says which have another meaning than usual.
    pub fn into_error(self, statuses: &OwnStatuses, retry_after: Option<Duration>) -> CallError {
        let (usual, class) = classify(self);
        let status = match self {
            Self::Status(status) => Some(status),
            Self::Timeout
            | Self::Connection
            | Self::Reported
            | Self::Unreadable
            | Self::TooLarge
            | Self::Unscreenable => None,
        };
        if status.is_some_and(|status| statuses.quota.contains(&status)) {
            let retry_after = Some(retry_after.unwrap_or(WITHOUT_END));
            return CallError {
                verdict: Verdict::Later,
                class: FailureClass::QuotaExhausted,
                retry_after,
                status,
            };
        }
        let also = status.is_some_and(|status| statuses.retryable.contains(&status));
        let verdict = if also { Verdict::Later } else { usual };
        let retry_after = retry_after.filter(|_| verdict == Verdict::Later);
        CallError { verdict, class, retry_after, status }
    }
}

/// The map itself.
///
/// A page that cannot be read is worth another try, since it may be a proxy's; an answer that is
/// too large is not, since it will be again. 501 and 505 say that the server will never be able to.
pub const fn classify(failure: Failure) -> (Verdict, FailureClass) {
    match failure {
        Failure::Timeout | Failure::Status(408) => (Verdict::Later, FailureClass::Timeout),
        Failure::Connection => (Verdict::Later, FailureClass::Connection),
        Failure::Status(429) => (Verdict::Later, FailureClass::RateLimited),
        Failure::Status(425) => (Verdict::Later, FailureClass::Refused),
        Failure::Status(300..=407 | 409..=424 | 426..=428 | 430..=499) => {
            (Verdict::Never, FailureClass::Refused)
        }
        Failure::Status(501 | 505) => (Verdict::Never, FailureClass::ServerError),
        Failure::Status(500 | 502..=504 | 506..=599) | Failure::Reported => {
            (Verdict::Later, FailureClass::ServerError)
        }
        // No server sends these as a failure; inside an answer they are not a status at all.
        Failure::Status(0..=299 | 600..=u16::MAX) | Failure::Unreadable => {
            (Verdict::Later, FailureClass::UnreadableAnswer)
        }
        Failure::TooLarge => (Verdict::Never, FailureClass::AnswerTooLarge),
        Failure::Unscreenable => (Verdict::Never, FailureClass::Unscreenable),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn statuses_that_may_pass_are_tried_again_and_others_are_not() {
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(classify(Failure::Status(status)).0, Verdict::Later, "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451, 501, 505] {
            assert_eq!(classify(Failure::Status(status)).0, Verdict::Never, "{status}");
        }
    }

    #[test]
    fn faults_of_the_way_are_tried_again_and_faults_of_the_question_are_not() {
        for failure in [Failure::Timeout, Failure::Connection, Failure::Unreadable, Failure::Reported] {
            assert_eq!(classify(failure).0, Verdict::Later, "{failure:?}");
        }
        for failure in [Failure::TooLarge, Failure::Unscreenable] {
            assert_eq!(classify(failure).0, Verdict::Never, "{failure:?}");
        }
    }

    #[test]
    fn a_configured_status_is_tried_again_and_keeps_its_class() {
        let usual = Failure::Status(423).into_error(&OwnStatuses::default(), None);
        assert_eq!((usual.verdict, usual.class), (Verdict::Never, FailureClass::Refused));
        let own = OwnStatuses { retryable: vec![423], quota: Vec::new() };
        let also = Failure::Status(423).into_error(&own, None);
        assert_eq!((also.verdict, also.class), (Verdict::Later, FailureClass::Refused));
    }

    #[test]
    fn a_status_of_a_used_up_quota_asks_for_an_hours_rest_unless_it_says_for_how_long() {
        let own = OwnStatuses { retryable: Vec::new(), quota: vec![402, 429] };
        let error = Failure::Status(402).into_error(&own, None);
        assert_eq!((error.verdict, error.class), (Verdict::Later, FailureClass::QuotaExhausted));
        assert_eq!(error.retry_after, Some(Duration::from_hours(1)));
        let rest = Some(Duration::from_secs(30));
        let error = Failure::Status(429).into_error(&own, rest);
        assert_eq!((error.class, error.retry_after), (FailureClass::QuotaExhausted, rest));
        let elsewhere = Failure::Status(402).into_error(&OwnStatuses::default(), None);
        assert_eq!((elsewhere.verdict, elsewhere.class), (Verdict::Never, FailureClass::Refused));
    }

    #[test]
    fn a_rest_is_kept_only_where_trying_again_is_worth_it() {
        let rest = Some(Duration::from_secs(30));
        assert_eq!(Failure::Status(503).into_error(&OwnStatuses::default(), rest).retry_after, rest);
        assert_eq!(Failure::Status(404).into_error(&OwnStatuses::default(), rest).retry_after, None);
    }

    #[test]
    fn every_class_has_its_own_kebab_case_word() {
        let words: BTreeSet<_> = FailureClass::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(words.len(), FailureClass::ALL.len());
        assert!(words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }

    #[test]
    fn an_error_says_what_failed_with_its_status_and_rest() {
        let error = Failure::Status(429).into_error(&OwnStatuses::default(), Some(Duration::from_secs(30)));
        assert_eq!(error.to_string(), "the provider wants fewer calls (HTTP 429); it asks for 30 s of rest");
    }
}
