//! One call over HTTP: sent once, its answer read no further than allowed.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::super::{
    CallError, retry_after,
    verdict::{Failure, OwnStatuses},
};

/// The way to a provider behind HTTP.
pub(in super::super) struct Wire {
    /// The provider's name.
    pub(in super::super) name: String,
    /// What sends.
    pub(in super::super) client: reqwest::Client,
    /// The largest answer that is read, in bytes.
    pub(in super::super) max_answer_bytes: usize,
    /// Statuses to which the provider gives a meaning of its own.
    pub(in super::super) statuses: OwnStatuses,
}

impl Wire {
    /// Sends a request and reads the JSON of its answer.
    pub(in super::super) async fn ask(&self, call: RequestBuilder) -> Result<Value, CallError> {
        let sent = call.send().await.map_err(|error| self.transport_failure(error));
        let response = sent.map_err(|failure| self.error(failure, None))?;
        let status = response.status();
        if !status.is_success() {
            let rest = retry_after::read(response.headers());
            return Err(self.error(Failure::Status(status.as_u16()), rest));
        }
        self.read(response).await.map_err(|failure| self.error(failure, None))
    }

    /// Reads no more than the limit, whatever length the answer announces.
    async fn read(&self, mut response: Response) -> Result<Value, Failure> {
        let over = |bytes: usize| bytes > self.max_answer_bytes;
        if response.content_length().is_some_and(|bytes| usize::try_from(bytes).map_or(true, over)) {
            return Err(Failure::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport_failure(error))? {
            if over(body.len() + chunk.len()) {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| Failure::Unreadable)
    }

    /// The reason goes to the debug log, without the address, since the error text has no room for it.
    fn transport_failure(&self, error: reqwest::Error) -> Failure {
        let failure = Failure::of_transport(&error);
        let error = error.without_url();
        tracing::debug!(
            provider.name = self.name,
            error = &error as &dyn std::error::Error,
            "the call of a provider did not get through"
        );
        failure
    }

    /// A failure, judged.
    pub(in super::super) fn error(&self, failure: Failure, retry_after: Option<Duration>) -> CallError {
        failure.into_error(&self.statuses, retry_after)
    }
}
