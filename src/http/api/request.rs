//! What was sent, read with care: sizes, depth and characters that PostgreSQL cannot keep.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, StatusCode, header},
};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    PathParts,
    errors::ApiError,
    forms, inflection,
    operation::{Operation, Sent, Shape},
    upload::{media_type, sent_type},
};

/// The largest JSON body: a file of 10 MB in base 64, and what else there is to say.
const LARGEST_BODY: usize = 16 << 20;

/// A body of that many bytes is read whatever else is read.
const SMALL_BODY: usize = 64 << 10;

/// What the room for larger bodies is counted in, and how much of it there is: 256 MiB.
const UNIT: usize = 1 << 20;
const MOST_UNITS: usize = 256;

/// The deepest nesting of a body.
const DEEPEST: usize = 32;

/// What an operation takes: a JSON body with keys in kebab-case, or bytes as they come.
pub(super) async fn body(
    operation: &Operation,
    headers: &HeaderMap,
    body: Body,
    bodies: &Bodies,
) -> Result<(Value, Option<Body>), ApiError> {
    match operation.sent {
        Sent::Stream(_) => Ok((Value::Null, Some(body))),
        // Nothing is expected, and some clients send `{}` or `null` all the same.
        Sent::Nothing => Ok((Value::Null, None)),
        Sent::Json(_) if operation.takes_forms && media_type(headers) == "multipart/form-data" => {
            Ok((form(headers, body, bodies).await?, None))
        }
        Sent::Json(_) => {
            let accepted = if operation.takes_forms {
                "application/json or multipart/form-data"
            } else {
                "application/json"
            };
            Ok((json(headers, body, bodies, accepted).await?, None))
        }
    }
}

/// The memory that large bodies may take while they come, in units of [`UNIT`].
#[derive(Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_UNITS)))
    }
}

impl Bodies {
    /// Waits until there is memory for a body; one that says to be small needs none.
    async fn room_for(&self, headers: &HeaderMap) -> Result<Option<SemaphorePermit<'_>>, ApiError> {
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let length: usize = length.unwrap_or(LARGEST_BODY).min(LARGEST_BODY);
        if length <= SMALL_BODY {
            return Ok(None);
        }
        self.room_of(length).await.map(Some)
    }

    /// Waits until there is memory for so many bytes.
    pub(super) async fn room_of(&self, length: usize) -> Result<SemaphorePermit<'_>, ApiError> {
        let units = u32::try_from(length.div_ceil(UNIT)).map_err(|_| ApiError::internal())?;
        self.0.acquire_many(units).await.map_err(|_| ApiError::internal())
    }
}

/// A JSON body with keys in kebab-case; null when there is none. What says to be of another media type is told which
/// are accepted.
pub(super) async fn json(
    headers: &HeaderMap,
    body: Body,
    bodies: &Bodies,
    accepted: &str,
) -> Result<Value, ApiError> {
    let _room = bodies.room_for(headers).await?;
    let bytes = whole(body).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    is_json(headers, accepted)?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        let details =
            format!("the body is not JSON, from line {} column {} on", error.line(), error.column());
        ApiError::bad_request("", details)
    })?;
    document(value)
}

/// The document that a multipart form says, with keys in kebab-case.
async fn form(headers: &HeaderMap, body: Body, bodies: &Bodies) -> Result<Value, ApiError> {
    let _room = bodies.room_for(headers).await?;
    document(forms::document(sent_type(headers), whole(body).await?).await?)
}

/// A body, to its end.
async fn whole(body: Body) -> Result<Bytes, ApiError> {
    to_bytes(body, LARGEST_BODY).await.map_err(|_| {
        let details = "the body is larger than 16 MiB, or was not sent to its end";
        ApiError::other(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large", details)
    })
}

/// A document with keys in kebab-case, if it is one that can be carried out.
fn document(value: Value) -> Result<Value, ApiError> {
    if !value.is_object() {
        return Err(ApiError::bad_request("", "the body must be a JSON object"));
    }
    let mut path = String::new();
    acceptable(&value, &mut path, 0)?;
    if let Some(key) = inflection::doubled(&value) {
        return Err(ApiError::bad_request(
            &key,
            "is given twice, in two spellings; accepted is each key once",
        ));
    }
    Ok(inflection::inward(value))
}

/// Refuses a document that says to be of another type than what it makes or changes.
pub(super) fn of_type(operation: &Operation, body: &Value) -> Result<(), ApiError> {
    let made = operation.answers.iter().find_map(|(status, shape)| match shape {
        Shape::One(kind, _) if *status == 201 || operation.method != Method::POST => Some(*kind),
        _ => None,
    });
    let (Some(kind), Some(sent)) = (made, body.pointer("/data/type").and_then(Value::as_str)) else {
        return Ok(());
    };
    // `report` stands for `report/watchlist` and its kin.
    let kind = kind.trim_end_matches("/*");
    let sent = inflection::to_kebab(sent);
    let rest = sent.strip_prefix(kind);
    if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(());
    }
    Err(ApiError::bad_request("/data/type", format!("must be {kind}")))
}

/// Refuses a body that says to be something else than JSON.
fn is_json(headers: &HeaderMap, accepted: &str) -> Result<(), ApiError> {
    let Some(sent) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media_type = sent.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json")
        || media_type.to_ascii_lowercase().ends_with("+json");
    if is_json {
        Ok(())
    } else {
        let details = format!("accepted is {accepted}");
        Err(ApiError::other(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", details))
    }
}

/// Refuses what no object of ours can hold: NUL characters and deep nesting.
fn acceptable(value: &Value, path: &mut String, depth: usize) -> Result<(), ApiError> {
    let nul = |path: &str| Err(ApiError::bad_request(path, "must not contain the character NUL"));
    if depth > DEEPEST {
        return Err(ApiError::bad_request(path, format!("is nested deeper than {DEEPEST} levels")));
    }
    match value {
        Value::String(text) if text.contains('\0') => nul(path),
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                within(path, &index.to_string(), |path| acceptable(value, path, depth + 1))?;
            }
            Ok(())
        }
        Value::Object(object) => {
            for (key, value) in object {
                if key.contains('\0') {
                    return nul(path);
                }
                within(path, key, |path| acceptable(value, path, depth + 1))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn within<T>(path: &mut String, part: &str, then: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    path.push('/');
    path.push_str(&part.replace('~', "~0").replace('/', "~1"));
    let done = then(path);
    path.truncate(length);
    done
}

/// The parts of the path that stand for something.
pub(super) fn parameters(parameters: &PathParts) -> Result<Vec<(String, String)>, ApiError> {
    let parameters = parameters.as_ref().map_err(|_| ApiError::not_found())?;
    let pairs = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let pairs: Vec<(String, String)> = pairs.collect();
    if pairs.iter().any(|(_, value)| value.contains('\0')) { Err(ApiError::not_found()) } else { Ok(pairs) }
}

/// The query, decoded.
pub(super) fn query(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    match pairs.iter().find(|(key, value)| key.contains('\0') || value.contains('\0')) {
        Some(_) => Err(ApiError::bad_request("", "the query must not contain the character NUL")),
        None => Ok(pairs),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_and_deep_nesting_are_refused_with_their_place() {
        let error = acceptable(&json!({"data": {"a/b": ["x", "y\0"]}}), &mut String::new(), 0).unwrap_err();
        assert_eq!(error, ApiError::bad_request("/data/a~1b/1", "must not contain the character NUL"));
        let deep = (0..40).fold(json!(1), |value, _| json!([value]));
        assert_eq!(acceptable(&deep, &mut String::new(), 0).unwrap_err().status, StatusCode::BAD_REQUEST);
        assert!(acceptable(&json!({"a": [1, {"b": null}]}), &mut String::new(), 0).is_ok());
    }
}
