//! What an auditor asks: what was done about one account, what differs between two runs, and who was not screened.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{answer::Answer, call::Call, errors::ApiError, operation::Operation};
use crate::{
    actions::evidence::{self, Evidence, Period, Walk},
    domain::{
        date::moment,
        id::{AccountId, RunId, Shard},
    },
    http::evidence::page,
};

/// The most runs, and events, that one answer tells of.
const MOST: usize = 10_000;

/// The most accounts that coverage lists in one answer.
const MOST_ACCOUNTS: usize = 1000;

const FROM: &str = "from this day or time on (RFC 3339), as 2026-03-04 or 2026-03-04T05:06:07Z";
const UNTIL: &str = "before this day or time; until now when not given";

pub(super) fn operations() -> Vec<Operation> {
    let all = "Every run with when it was due, when and why it ran, by which process, against which versions of which \
               lists, with which engine, template and threshold, on which version of the account's data; hits as they \
               stood when the period was over, and in `later` what became of them since; decisions, \
               also those that ended since; events. Where there are more than 10000 runs or events, `is-cut` is true: \
               the oldest runs and the newest events are told, and shorter periods tell the rest. The key may also read \
               hits, reports and events.";
    vec![
        Operation::get("/accounts/{account-id}/evidence", "account.read", "Retrieves what was done about an account")
            .about(all)
            .query("from", FROM)
            .query("until", UNTIL)
            .answers_document::<Value>(200)
            .handled_by(of_account),
        Operation::get(
            "/accounts/{account-id}/evidence/print",
            "account.read",
            "Prints what was done about an account",
        )
        .about("The same as a page without scripts, which loads nothing.")
        .query("from", FROM)
        .query("until", UNTIL)
        .answers_bytes("text/html")
        .handled_by(print),
        Operation::get(
            "/accounts/{account-id}/evidence/difference",
            "account.read",
            "Tells what differs between two runs of a report of an account",
        )
        .about(
            "What was asked, what it rested on, which entities came, went and are different. Scores are no difference. \
             `found` is null where the answer of one of the runs is not known: it failed, or was redacted. The key may also \
             read hits and reports.",
        )
        .query("from", "the id of the one run")
        .query("to", "the id of the other")
        .answers_document::<Value>(200)
        .handled_by(difference),
        Operation::get("/coverage", "account.read", "Tells who was screened in a period, and who was not and why")
            .about(
                "Counts monitors by schedule. The accounts are walked over shard by shard for some seconds: where `next` \
                 is not null, the counts are of the shards before it, and a request with `shard` set to it goes on. Of \
                 those that were not screened up to 1000 are listed. `from` must not be in the future; where `until` is, \
                 `asked-until` says so, and `until` is now.",
            )
            .query("from", FROM)
            .query("until", UNTIL)
            .query("schedule", "only this schedule, by its name")
            .query("shard", "from this shard on, 0 to 255")
            .answers_document::<Value>(200)
            .handled_by(coverage),
    ]
}

fn time(call: &Call, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    let Some(text) = call.query_value(name) else { return Ok(None) };
    // A day is the moment with which it begins.
    let time = moment(text).or_else(|| moment(&format!("{text}T00:00:00Z")));
    let fault = || {
        ApiError::bad_request(
            name,
            format!("{name} must be a day or time, as 2026-03-04 or 2026-03-04T05:06:07Z"),
        )
    };
    time.map(Some).ok_or_else(fault)
}

fn period(call: &Call, from: DateTime<Utc>) -> Result<Period, ApiError> {
    let from = time(call, "from")?.unwrap_or(from);
    let until = time(call, "until")?.unwrap_or(call.context.now() + TimeDelta::seconds(1));
    if from >= until {
        return Err(ApiError::bad_request("until", "until must be later than from"));
    }
    Ok(Period { from, until })
}

/// Evidence quotes what accounts hold in other words than attributes: nothing of it can be left out.
pub(super) fn must_see_all(call: &Call) -> Result<(), ApiError> {
    if call.caller.key.attributes_blocklist.is_empty() {
        return Ok(());
    }
    let details = "the key must not see every attribute, and none can be left out here";
    Err(ApiError::forbidden("", details))
}

/// Evidence is of hits, reports and events: nobody reads by the way what they may not read.
fn must_read(call: &Call, permissions: &[&str]) -> Result<(), ApiError> {
    permissions.iter().try_for_each(|permission| call.must_be_allowed(permission))
}

async fn read(call: &Call) -> Result<Evidence, ApiError> {
    must_read(call, &["hit.read", "report.read", "event.read"])?;
    must_see_all(call)?;
    let account: AccountId = call.id("account-id")?;
    let period = period(call, DateTime::<Utc>::UNIX_EPOCH)?;
    Ok(evidence::of_account(&call.context, &account.to_string(), period, MOST).await?)
}

async fn of_account(call: Call) -> Result<Answer, ApiError> {
    let evidence = read(&call).await?;
    document(&evidence)
}

async fn print(call: Call) -> Result<Answer, ApiError> {
    let evidence = read(&call).await?;
    Ok(Answer::bytes("text/html; charset=utf-8", page(&evidence, &call.actor())))
}

async fn difference(call: Call) -> Result<Answer, ApiError> {
    must_read(&call, &["hit.read", "report.read"])?;
    let run = |name: &str| {
        let fault = || ApiError::bad_request(name, format!("{name} must be the id of a run"));
        call.query_value(name).and_then(|text| text.parse::<RunId>().ok()).ok_or_else(fault)
    };
    must_see_all(&call)?;
    let (from, to) = (run("from")?, run("to")?);
    document(&evidence::difference(&call.context, call.id("account-id")?, from, to).await?)
}

async fn coverage(call: Call) -> Result<Answer, ApiError> {
    let now = call.context.now();
    let period = period(&call, now - TimeDelta::days(30))?;
    if period.from > now {
        let details = "from must not be in the future: nobody was to be screened in such a period yet";
        return Err(ApiError::bad_request("from", details));
    }
    let fault = || ApiError::bad_request("shard", "shard must be a number from 0 to 255");
    let first = match call.query_value("shard") {
        None => Shard(0),
        Some(text) => text.parse().map(Shard).map_err(|_| fault())?,
    };
    let mut listed: Vec<Value> = Vec::new();
    let mut is_cut = false;
    let walk = Walk { first, budget: Some(evidence::BRIEF) };
    let schedule = call.query_value("schedule");
    let (coverage, next) = evidence::walk(&call.context, period, schedule, walk, |one| {
        if listed.len() < MOST_ACCOUNTS {
            listed.push(json!({
                "account-id": one.account,
                "account-reference-id": one.reference_id,
                "schedule": one.schedule,
                "reason": one.reason,
            }));
        } else {
            is_cut = true;
        }
    })
    .await?;
    let mut told = serde_json::to_value(&coverage).map_err(|_| ApiError::internal())?;
    if let Some(told) = told.as_object_mut() {
        told.insert("next".to_owned(), json!(next.map(|shard| shard.0)));
        told.insert("unscreened-accounts".to_owned(), Value::from(listed));
        told.insert("is-cut".to_owned(), json!(is_cut));
    }
    Ok(Answer::json(StatusCode::OK, json!({ "data": told })))
}

fn document(of: &impl serde::Serialize) -> Result<Answer, ApiError> {
    let told = serde_json::to_value(of).map_err(|_| ApiError::internal())?;
    Ok(Answer::json(StatusCode::OK, json!({ "data": told })))
}
