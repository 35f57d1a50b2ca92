//! Deciding on many hits at once.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    super::{
        answer::Answer,
        call::Call,
        conditions,
        errors::ApiError,
        operation::{Document, Operation},
        reports::reason,
    },
    nobody_or,
};
use crate::{
    actions::{
        decide::{self, Decided, Decision},
        hits::{self, Filter},
    },
    domain::{
        date::read_moment,
        hit::HitState,
        id::{AccountId, HitId},
    },
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/hits/dismiss", "report.dismiss", "Finds that many hits are somebody else")
            .about(
                "By their ids or by a filter, at most 1000 at once; the answer says of each what was done. By a \
                 filter, hits that somebody decides on meanwhile stay as they are: `already-decided`.",
            )
            .body::<Document<Bulk>>()
            .answers_document::<Value>(200)
            .handled_by(dismiss_all),
        Operation::post("/hits/confirm", "report.dismiss", "Finds that many hits are their accounts")
            .about(
                "By their ids or by a filter, at most 1000 at once; the answer says of each what was done. By a \
                 filter, hits that somebody decides on meanwhile stay as they are: `already-decided`.",
            )
            .body::<Document<Bulk>>()
            .answers_document::<Value>(200)
            .handled_by(confirm_all),
    ]
}

/// Which hits to decide on, and why: ids, or a filter.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Bulk {
    /// Why; it is kept encrypted.
    #[schemars(length(min = 1, max = 10000))]
    reason: Option<String>,
    /// The hits, at most 1000.
    hit_ids: Option<Vec<String>>,
    /// Open hits that fit all of it.
    filter: Option<Which>,
}

/// Which open hits.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Which {
    schedule: Option<String>,
    list: Option<String>,
    account_id: Option<String>,
    /// `none` for nobody.
    assignee: Option<String>,
    score_from: Option<f32>,
    score_to: Option<f32>,
    #[serde(deserialize_with = "read_moment")]
    first_seen_at_start: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "read_moment")]
    first_seen_at_end: Option<DateTime<Utc>>,
}

async fn dismiss_all(call: Call) -> Result<Answer, ApiError> {
    decide_all(&call, Decision::Dismissed).await
}

async fn confirm_all(call: Call) -> Result<Answer, ApiError> {
    decide_all(&call, Decision::Confirmed).await
}

async fn decide_all(call: &Call, decision: Decision) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<Bulk>>()?.data.attributes;
    let reason = reason(sent.reason)?;
    let by_filter = sent.filter.is_some();
    let (ids, more) = match (sent.hit_ids, sent.filter) {
        (Some(ids), None) => {
            let pointer = "/data/attributes/hit-ids";
            if ids.is_empty() || ids.len() > decide::MOST {
                return Err(ApiError::bad_request(pointer, "accepted are 1 to 1000 ids"));
            }
            let mut read = Vec::with_capacity(ids.len());
            for (index, id) in ids.iter().enumerate() {
                let id: HitId = id.parse().map_err(|error| {
                    ApiError::bad_request(&format!("{pointer}/{index}"), format!("{error}"))
                })?;
                if !read.contains(&id) {
                    read.push(id);
                }
            }
            (read, false)
        }
        (None, Some(which)) => filtered(call, which).await?,
        _ => {
            let details = "accepted is either hit-ids or filter";
            return Err(ApiError::bad_request("/data/attributes", details));
        }
    };
    let (context, actor, reason) = (&call.context, call.actor(), Some(&reason));
    let decided = if by_filter {
        decide::decide_open(context, &actor, &ids, decision, reason).await?
    } else {
        decide::decide_all(context, &actor, &ids, decision, reason).await?
    };
    let count = |wanted: Decided| decided.iter().filter(|(_, decided)| *decided == wanted).count();
    let (done, already) = (count(Decided::Done), count(Decided::AlreadyDecided));
    let rows: Vec<Value> = decided
        .iter()
        .map(|(id, decided)| {
            let word = match (decided, decision) {
                (Decided::Done, Decision::Dismissed) => "dismissed",
                (Decided::Done, Decision::Confirmed) => "confirmed",
                (Decided::NotFound, _) => "not-found",
                (Decided::Gone, _) => "gone",
                (Decided::Archived, _) => "account-archived",
                (Decided::AlreadyDecided, _) => "already-decided",
            };
            json!({ "type": "hit", "id": id, "attributes": { "result": word } })
        })
        .collect();
    let meta = json!({
        "decided": done,
        "refused": decided.len() - done,
        "already-decided": already,
        "more": more,
    });
    Ok(Answer::json(StatusCode::OK, json!({ "data": rows, "meta": meta })))
}

/// The open hits of a filter, and whether there are more than may be decided on at once.
async fn filtered(call: &Call, which: Which) -> Result<(Vec<HitId>, bool), ApiError> {
    let given = call.body.pointer("/data/attributes/filter").and_then(Value::as_object);
    for name in given.into_iter().flat_map(Map::keys) {
        conditions::of_filter(call, name, &format!("/data/attributes/filter/{name}"))?;
    }
    let pointer = "/data/attributes/filter/account-id";
    let account = which.account_id.as_ref().map(|id| {
        id.parse::<AccountId>().map_err(|error| ApiError::bad_request(pointer, format!("{error}")))
    });
    let filter = Filter {
        account: account.transpose()?,
        schedule_id: None,
        list: which.list,
        states: vec![HitState::Open],
        score_from: which.score_from,
        score_to: which.score_to,
        seen_from: which.first_seen_at_start,
        seen_to: which.first_seen_at_end,
        assignee: which.assignee.as_deref().map(nobody_or),
    };
    let mut ids = hits::list_ids(&call.context, &filter, which.schedule.as_deref(), decide::MOST + 1).await?;
    let more = ids.len() > decide::MOST;
    ids.truncate(decide::MOST);
    Ok((ids, more))
}
