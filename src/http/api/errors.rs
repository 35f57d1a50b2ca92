//! What a request is refused with, in Persona's envelope; the one map from an action's failure to a status.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON objects: what is not there is null, and what is put there is there"
)]

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{actions::ActionError, store::StoreError};

/// Why a request was not answered as asked. Its texts are for the client: nothing personal, nothing internal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct ApiError {
    /// The status of the answer.
    pub(in crate::http) status: StatusCode,
    faults: Vec<Fault>,
    /// After how many seconds it may be tried again.
    pub(super) retry_after: Option<u64>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    title: &'static str,
    details: Option<String>,
    pointer: Option<String>,
}

impl ApiError {
    fn one(
        status: StatusCode,
        title: &'static str,
        details: Option<String>,
        pointer: Option<String>,
    ) -> Self {
        Self { status, faults: vec![Fault { title, details, pointer }], retry_after: None }
    }

    /// The request is not what it must be; the pointer is a JSON pointer into its body, or a query parameter.
    pub(super) fn bad_request(pointer: &str, details: impl Into<String>) -> Self {
        Self::one(StatusCode::BAD_REQUEST, "Bad Request", Some(details.into()), Some(pointer.to_owned()))
    }

    /// The request is well formed, and what it says is not acceptable.
    pub(super) fn unprocessable(pointer: &str, details: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::one(status, "Record invalid", Some(details.into()), Some(pointer.to_owned()))
    }

    /// Several values are not acceptable: pointers with details.
    pub(super) fn all_unprocessable(faults: impl IntoIterator<Item = (String, String)>) -> Self {
        let faults = faults.into_iter().map(|(pointer, details)| Fault {
            title: "Record invalid",
            details: Some(details),
            pointer: Some(pointer),
        });
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, faults: faults.collect(), retry_after: None }
    }

    /// There is no such thing.
    pub(super) fn not_found() -> Self {
        Self::one(StatusCode::NOT_FOUND, "Record not found", None, None)
    }

    /// The key must not do it; the pointer leads to what asks for it, if it is a part of the request.
    pub(super) fn forbidden(pointer: &str, details: impl Into<String>) -> Self {
        let pointer = (!pointer.is_empty()).then(|| pointer.to_owned());
        Self::one(StatusCode::FORBIDDEN, "Forbidden", Some(details.into()), pointer)
    }

    /// The state of things does not allow it.
    pub(super) fn conflict(title: &'static str, details: impl Into<String>) -> Self {
        Self::one(StatusCode::CONFLICT, title, Some(details.into()), None)
    }

    /// Any other refusal.
    pub(super) fn other(status: StatusCode, title: &'static str, details: impl Into<String>) -> Self {
        Self::one(status, title, Some(details.into()), None)
    }

    /// A refusal whose title says it all.
    pub(super) fn titled(status: StatusCode, title: &'static str) -> Self {
        Self::one(status, title, None, None)
    }

    /// Too many requests.
    pub(super) fn rate_limited(seconds: u64) -> Self {
        let error = Self::one(
            StatusCode::TOO_MANY_REQUESTS,
            "Rate limit exceeded",
            Some(format!("try again in {seconds} s")),
            None,
        );
        Self { retry_after: Some(seconds), ..error }
    }

    /// A fault of ours; the log says more.
    pub(super) fn internal() -> Self {
        Self::titled(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
    }

    /// It took longer than any request may.
    pub(super) fn late() -> Self {
        let details = "the request took too long and was given up; look whether it was carried out";
        Self::other(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable", details)
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> Value {
        let errors: Vec<Value> = self
            .faults
            .iter()
            .map(|fault| {
                let mut error = json!({ "title": fault.title });
                if let Some(details) = &fault.details {
                    error["details"] = json!(details);
                }
                if let Some(pointer) = &fault.pointer {
                    error["source"] = json!({ "pointer": pointer });
                }
                error
            })
            .collect();
        json!({ "errors": errors })
    }
}

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> Self {
        let api_error = match &error {
            ActionError::Store(error) => of_store(error),
            ActionError::NotFound(_) => Self::not_found(),
            ActionError::Vault(_) | ActionError::File { .. } => Self::internal(),
            ActionError::UnknownName { .. } | ActionError::Form { .. } => {
                Self::other(StatusCode::UNPROCESSABLE_ENTITY, "Record invalid", error.to_string())
            }
            ActionError::Ambiguous(_) | ActionError::Refused(_) | ActionError::Conflict(_) => {
                Self::conflict("Conflict", error.to_string())
            }
            ActionError::Archived => Self::conflict("Conflict", "Account is archived"),
            ActionError::Stale => Self::conflict("Stale object error", error.to_string()),
            ActionError::NotUnique(_) => Self::conflict("Record not unique", error.to_string()),
            ActionError::Invalid(faults) => Self::all_unprocessable(
                faults.iter().map(|fault| (fault.pointer.clone(), fault.details.clone())),
            ),
        };
        if api_error.status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
        } else if api_error.status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::debug!(error = &error as &dyn std::error::Error, "a request could not be answered");
        }
        api_error
    }
}

fn of_store(error: &StoreError) -> ApiError {
    if error.is_lost_lock() {
        let details = "somebody else changed the same things at the same time; nothing was done";
        return ApiError::conflict("Stale object error", details);
    }
    if error.duplicate_of().is_some() {
        // Who looked first whether it is taken, and found that it is not, was overtaken.
        let details = "somebody else took the same name or value at the same time; nothing was done";
        return ApiError::conflict("Record not unique", details);
    }
    if error.is_passing() {
        let details = "the database does not answer";
        let error = ApiError::other(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable", details);
        return ApiError { retry_after: Some(5), ..error };
    }
    ApiError::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_personas_envelope() {
        let error = ApiError::unprocessable("/data/attributes/fields/name", "accepted is a text");
        assert_eq!(
            error.body(),
            json!({"errors": [{
                "title": "Record invalid",
                "details": "accepted is a text",
                "source": {"pointer": "/data/attributes/fields/name"},
            }]})
        );
        assert_eq!(ApiError::not_found().body(), json!({"errors": [{"title": "Record not found"}]}));
    }
}
