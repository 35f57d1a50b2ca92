//! The world outside: talking to whoever answers reports.
//!
//! A [`ReportProvider`] takes a [`Request`] and gives an answer of the domain, or a [`CallError`]
//! that says whether trying again is worth it. [`local`] asks the embedded screener,
//! [`yente`] and [`watchman`] servers of these names, [`http`] any HTTP API, described by configuration. Three rules hold for all of them:
//!
//! - *Unknown is never clear.* What cannot be read for certain is a failure, not an empty answer.
//! - *Failures carry no content.* Neither the subject nor the provider's words nor an address with
//!   a query reach an error text or a log line; a failure is a [`FailureClass`] and perhaps a status.
//! - *One call is one call.* Nothing here repeats a call: the engine decides that, by the
//!   [`Verdict`], which [`verdict`] alone gives.
//!
//! A caller takes a [`budget::Permit`] before each call and keeps it until the call is over.

use std::{pin::Pin, time::Duration};

use crate::{
    domain::{answer::Answer, subject::Subject},
    screening::index::Index,
};

mod beside;
pub mod budget;
pub mod client;
pub mod download;
pub mod http;
pub mod lists;
pub mod local;
pub mod mapping;
mod retry_after;
mod template;
pub mod verdict;
pub mod watchman;
pub mod yente;

pub use verdict::{CallError, FailureClass, Verdict};

/// What a call gives back when it is over.
pub type CallFuture<'a> = Pin<Box<dyn Future<Output = Result<Answer, CallError>> + Send + 'a>>;

/// Someone who answers reports.
///
/// A call may be repeated with the same idempotency key; a provider that charges or counts calls
/// can so tell a repetition from a new question.
pub trait ReportProvider: Send + Sync {
    /// The name that the configuration gives it, as findings and evidence show it.
    fn name(&self) -> &str;

    /// What the answers rest on at this moment, for the evidence of a run.
    fn basis(&self) -> Basis;

    /// Whether something newer than what it answers from is known: what it answered now would have to be asked
    /// again.
    fn is_behind(&self) -> bool {
        false
    }

    /// The score from which a match counts where a question names none; none when the provider does not say.
    fn threshold(&self) -> Option<f64> {
        None
    }

    /// Whether `subject` would be a hit of one of `entities`, some of a list that this answers from; `threshold` as a
    /// question has it. Who cannot say without asking says yes.
    fn would_match(&self, _subject: &Subject, _threshold: Option<f64>, _entities: &Index) -> bool {
        true
    }

    /// Asks once. It is over by the request's deadline, with an answer or with a failure.
    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a>;
}

/// One question about one subject.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who is asked about.
    pub subject: Subject,
    /// The score, 0 to 1, from which a match counts; the provider's own when absent.
    pub threshold: Option<f64>,
    /// The same for every repetition of this question; without meaning to an outsider.
    pub idempotency_key: String,
    /// How long the call may take altogether.
    pub deadline: Duration,
}

/// What an answer rests on: when it changes, an unchanged account may get another answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The name and version of what compares.
    pub engine: String,
    /// The lists compared with, sorted by name; none when the provider does not say.
    pub lists: Vec<ListVersion>,
}

/// One list in the version that was used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListVersion {
    /// The list's name, such as `ofac-sdn`.
    pub name: String,
    /// Its version, in the words of whoever publishes it.
    pub version: String,
    /// Whether it is older than the configuration lets it become.
    pub stale: bool,
    /// Of a published list that this program keeps, the number of the version; 0 until it has one.
    pub number: Option<i64>,
    /// Whether any account can have what is on it: otherwise it is compared with nothing, and no answer rests on it.
    pub compared: bool,
}

/// A setting that no provider can be built from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} {reason}")]
pub struct SettingsFault {
    /// The setting's key below the provider's own, such as `body.queries.q1.schema`.
    pub key: String,
    /// What is wrong with it; completes a sentence that begins with the key, quotes no secret.
    pub reason: String,
}

impl SettingsFault {
    fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }
}
