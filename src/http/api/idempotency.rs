//! `Idempotency-Key`: a request that is sent again is answered as it was, and nothing is done twice.
//!
//! The answer is kept for a day, sealed under a data key of its own; redacting what it tells of takes it along.
//! Such a request is carried out to its end although its client went away, so that the same again is answered. A
//! request under way makes the same one wait with a 409. One whose process died before it answered is carried out again
//! once [`STALE`] is over: what it did, it did in one transaction, and whether that was
//! committed nobody can tell, so a reference id is what keeps an account from being made twice then. A file that takes
//! longer than that to come may be taken in twice so; its rows find what they say the second time.

use axum::http::HeaderValue;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tracing::Instrument;
use uuid::Uuid;

use super::{
    DEADLINE, STREAM_DEADLINE,
    answer::{Answer, Content},
    call::Call,
    errors::ApiError,
    operation::{Handler, Operation, Sent},
};
use crate::{
    actions::idempotency::{self, Claim},
    domain::id::{AccountId, uuid_of},
};

/// When whoever carries a request out is taken for dead: the longest that one may take, and some more.
const STALE: TimeDelta = TimeDelta::seconds(90);

/// The longest key.
const LONGEST: usize = 255;

/// Carries a call out, or answers it as before; tells whether it did that.
pub(super) async fn replayed(
    operation: &Operation,
    call: Call,
    handler: Handler,
) -> Result<(Answer, bool), ApiError> {
    let Some(key) = call.headers.get("idempotency-key").filter(|_| operation.is_replayed) else {
        return Ok((handler(call).await?, false));
    };
    let key = key.clone();
    let request = json!([operation.method.as_str(), call.path, call.query, call.body]).to_string();
    // Of a file that comes as it is sent, what it says is not compared.
    let is_file = matches!(operation.sent, Sent::Stream(_));
    // A task of its own outlives the connection, and has its own deadline.
    let deadline = if is_file { STREAM_DEADLINE } else { DEADLINE };
    let tasks = call.tasks.clone();
    let carried = tokio::time::timeout(deadline, once((key, request, is_file), call, handler));
    tasks
        .spawn(carried.in_current_span())
        .await
        .map_err(|_| ApiError::internal())?
        .map_err(|_| ApiError::late())?
}

async fn once(
    (key, request, is_file): (HeaderValue, String, bool),
    call: Call,
    handler: Handler,
) -> Result<(Answer, bool), ApiError> {
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST).ok_or_else(|| {
        let details = format!("accepted are 1 to {LONGEST} visible characters of ASCII");
        ApiError::bad_request("Idempotency-Key", details)
    })?;
    let (context, api_key) = (call.context.clone(), call.caller.key.id);
    let claimed = idempotency::claim(&context, api_key, key.as_bytes(), request.as_bytes(), STALE).await?;
    let claimed = match claimed {
        Claim::Ours(claimed) => claimed,
        Claim::Answered(status, body) => {
            let status = status.try_into().map_err(|_| ApiError::internal())?;
            return Ok((Answer::json(status, body), true));
        }
        Claim::UnderWay => {
            let details = "a request with this Idempotency-Key is under way";
            return Err(ApiError::conflict("Conflict", details));
        }
        Claim::Other => {
            let details = "this Idempotency-Key was used for another request";
            return Err(ApiError::unprocessable("Idempotency-Key", details));
        }
    };
    let answered = handler(call).await;
    let (status, body) = match &answered {
        Ok(Answer { status, content: Content::Json(body) }) => (*status, body.clone()),
        // A refusal is the answer too, unless the same request may succeed later without a change: so may a file that
        // was not sent to its end.
        Err(error) if !error.status.is_server_error() && !is_file => (error.status, error.body()),
        Ok(_) | Err(_) => {
            idempotency::release(&context, &claimed).await?;
            return Ok((answered?, false));
        }
    };
    let of = (account_of(&body), object_of(&body));
    if let Err(error) = idempotency::save(&context, &claimed, status.as_u16(), &body, of).await {
        // It is done, and the client is told so: only who asks again meanwhile has to wait.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "an answer could not be kept for a repetition"
        );
    }
    Ok((answered?, false))
}

/// The account that an answer tells of.
fn account_of(body: &Value) -> Option<AccountId> {
    let data = body.get("data")?;
    let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok());
    data.get("id").and_then(id).or_else(|| data.pointer("/relationships/account/data/id").and_then(id))
}

/// The object that an answer tells of, whatever it is.
fn object_of(body: &Value) -> Option<Uuid> {
    uuid_of(body.pointer("/data/id")?.as_str()?)
}
