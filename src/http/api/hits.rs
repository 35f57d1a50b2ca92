//! Hits across accounts, as people work them off; and past decisions from elsewhere.

mod bulk;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    includes,
    operation::{Document, Operation},
    reports::reason,
};
use crate::{
    actions::{
        decide::{self, Decision},
        hits::{self, CommentView, Filter, HitView, Page, Sort},
    },
    domain::{
        hit::HitState,
        id::{AccountId, HitId},
        personal::Personal,
    },
};

pub(super) fn operations() -> Vec<Operation> {
    let mut all = of_one_or_a_page();
    all.extend(bulk::operations());
    all
}

fn of_one_or_a_page() -> Vec<Operation> {
    let one = |operation: Operation| operation.answers::<Attributes>(200, "hit");
    vec![
        Operation::get("/hits", "hit.read", "Lists hits across accounts")
            .query("filter[state]", "`open`, `dismissed`, `confirmed`, `gone`, with commas between")
            .query("filter[schedule]", "the name of a schedule; `reports/NAME` for reports that the API made")
            .query("filter[list]", "the list that was matched")
            .query("filter[account-id]", "an account")
            .query("filter[assignee]", "who is to look at it; `none` for nobody")
            .query("filter[score-from]", "at least this score, 0 to 1")
            .query("filter[score-to]", "at most this score")
            .query("filter[first-seen-at-start]", "first seen from this time on (RFC 3339)")
            .query("filter[first-seen-at-end]", "first seen before this time")
            .query("sort", "`newest` when not given, or `score`: the likeliest first")
            .query("include", "`account`, `report`")
            .lists::<Attributes>("hit")
            .handled_by(list),
        one(Operation::get(
            "/hits/{hit-id}",
            "hit.read",
            "Retrieves a hit, with its explanation and comments",
        ))
        .query("include", "`account`, `report`")
        .handled_by(retrieve),
        one(Operation::post("/hits/{hit-id}/assign", "hit.write", "Has somebody look at a hit"))
            .body::<Document<Assign>>()
            .handled_by(assign),
        one(Operation::post("/hits/{hit-id}/comment", "hit.write", "Notes something on a hit"))
            .body::<Document<Comment>>()
            .handled_by(comment),
        one(Operation::post("/hits/{hit-id}/dismiss", "report.dismiss", "Finds that a hit is somebody else"))
            .about(
                "For all reports of the account, until the entity's facts or the account's screened data change, or the \
                 decision expires.",
            )
            .body::<Document<Reason>>()
            .handled_by(dismiss),
        one(Operation::post("/hits/{hit-id}/confirm", "report.dismiss", "Finds that a hit is the account"))
            .body::<Document<Reason>>()
            .handled_by(confirm),
    ]
}

/// A hit.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// `open`, `dismissed`, `confirmed` or `gone`.
    state: String,
    /// The entity, by its provider's lasting name.
    entity_id: String,
    /// The list that it stands on.
    list: String,
    /// 0 to 1, with four digits.
    score: f64,
    /// The schedule whose report found it.
    schedule: String,
    /// The customer's own id of the account.
    account_reference_id: Option<String>,
    account_type_name: String,
    /// The entity's name on the list; null when the report was redacted.
    name: Option<String>,
    /// What the list says of it.
    facts: Option<Value>,
    /// Why it matches, the most telling first.
    reasons: Option<Vec<ReasonLine>>,
    first_seen_at: String,
    changed_at: String,
    assignee: Option<String>,
    assigned_at: Option<String>,
    decided_at: Option<String>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
    /// What changed since somebody looked at it: keys of the entity's facts, `list`, `name`, `merged` (the entity has another
    /// id), `account-data` (the account's screened data), `expired`, `threshold` (it was dismissed under another one, and
    /// somebody asked for such to be open again). Where somebody had decided, the decision ended by it.
    changes: Vec<String>,
    /// What people noted, the oldest first; where one hit is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<Vec<CommentLine>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct ReasonLine {
    /// What was compared: `name`, `birth-date`, `country`, `gender`, `document`.
    fact: String,
    text: String,
    /// What it added to the score.
    effect: f64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct CommentLine {
    id: String,
    creator_name: String,
    text: Option<String>,
    created_at: String,
}

/// A score with the four digits that it is kept with.
pub(super) fn score(kept: f32) -> f64 {
    (f64::from(kept) * 10_000.0).round() / 10_000.0
}

pub(super) fn resource(hit: &HitView, comments: Option<&[CommentView]>) -> Result<Resource, ApiError> {
    let reasons = |finding: &crate::domain::answer::Finding| {
        let line = |reason: &crate::domain::answer::Reason| ReasonLine {
            fact: reason.fact.clone(),
            text: reason.text.clone(),
            effect: reason.effect,
        };
        finding.reasons.iter().map(line).collect()
    };
    let comment = |comment: &CommentView| CommentLine {
        id: comment.id.to_string(),
        creator_name: comment.actor.clone(),
        text: comment.text.clone(),
        created_at: time(comment.created_at),
    };
    let attributes = Attributes {
        state: hit.state.to_owned(),
        entity_id: hit.entity.clone(),
        list: hit.list.clone(),
        score: score(hit.score),
        schedule: hit.schedule.clone(),
        account_reference_id: hit.reference_id.clone(),
        account_type_name: hit.account_type.clone(),
        name: hit.finding.as_ref().map(|finding| finding.name.clone()),
        facts: hit.finding.as_ref().map(|finding| finding.facts.clone()),
        reasons: hit.finding.as_ref().map(reasons),
        first_seen_at: time(hit.first_seen_at),
        changed_at: time(hit.changed_at),
        assignee: hit.assignee.clone(),
        assigned_at: hit.assigned_at.map(time),
        decided_at: hit.decided_at.map(time),
        decided_by: hit.decided_by.clone(),
        decision_reason: hit.reason.clone(),
        changes: hit.changes.clone(),
        comments: comments.map(|comments| comments.iter().map(comment).collect()),
    };
    Ok(Resource::new("hit", hit.id, &attributes)?.to_one("account", "account", Some(hit.account_id)).to_one(
        "report",
        "report",
        Some(hit.report),
    ))
}

fn states(words: &[String], pointer: &str) -> Result<Vec<HitState>, ApiError> {
    let state = |word: &String| {
        HitState::from_word(word).ok_or_else(|| {
            ApiError::bad_request(pointer, "accepted is any of: open, dismissed, confirmed, gone")
        })
    };
    words.iter().map(state).collect()
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let filter = Filter {
        account: call.filter_of::<AccountId>("account-id", "the id of an account")?,
        schedule_id: None,
        list: call.filter("list")?.map(str::to_owned),
        states: states(&call.filters("state"), "filter[state]")?,
        score_from: score_of(&call, "score-from")?,
        score_to: score_of(&call, "score-to")?,
        seen_from: call.filter_of_time("first-seen-at-start")?,
        seen_to: call.filter_of_time("first-seen-at-end")?,
        assignee: call.filter("assignee")?.map(nobody_or),
    };
    let sort = match call.query_value("sort") {
        None | Some("newest") => Sort::Newest,
        Some("score") => Sort::Score,
        Some(_) => return Err(ApiError::bad_request("sort", "accepted is newest or score")),
    };
    let page = call.page()?;
    let (after, before) = page.ids::<HitId>()?;
    let size = usize::from(page.size);
    let wanted = Page { sort, after, before, limit: i64::from(page.size) + 1 };
    let mut found = hits::list(&call.context, &filter, call.filter("schedule")?, wanted).await?;
    let more = found.len() > size;
    if more {
        if before.is_some() { drop(found.remove(0)) } else { found.truncate(size) }
    }
    let resources = found.iter().map(|hit| resource(hit, None)).collect::<Result<_, _>>()?;
    let answer = Answer::page(&call, resources, more)?;
    included(&call, answer, &found).await
}

/// A filter that is a score.
fn score_of(call: &Call, name: &str) -> Result<Option<f32>, ApiError> {
    const ACCEPTED: &str = "a number from 0 to 1";
    match call.filter_of::<f32>(name, ACCEPTED)? {
        Some(score) if !(0.0..=1.0).contains(&score) => {
            let name = format!("filter[{name}]");
            Err(ApiError::bad_request(&name, format!("{name} must be {ACCEPTED}")))
        }
        score => Ok(score),
    }
}

/// The answer with what is to be included.
async fn included(call: &Call, answer: Answer, hits: &[HitView]) -> Result<Answer, ApiError> {
    let names = call.includes(&["account", "report"], &[])?;
    let mut included = Vec::new();
    if names.contains(&"account") {
        included.extend(includes::accounts(call, hits.iter().map(|hit| hit.account_id)).await?);
    }
    if names.contains(&"report") {
        included.extend(includes::reports(call, hits.iter().map(|hit| hit.report)).await?);
    }
    Ok(if names.is_empty() { answer } else { answer.include(included) })
}

/// `none` stands for nobody.
fn nobody_or(assignee: &str) -> String {
    if assignee == "none" { String::new() } else { assignee.to_owned() }
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    show(&call).await
}

async fn show(call: &Call) -> Result<Answer, ApiError> {
    let (hit, comments) = hits::get(&call.context, call.id("hit-id")?).await?;
    let answer = Answer::one(StatusCode::OK, resource(&hit, Some(&comments))?);
    included(call, answer, std::slice::from_ref(&hit)).await
}

/// Who is to look at a hit.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Assign {
    /// A name; null for nobody.
    #[schemars(length(min = 1, max = 255))]
    assignee: Option<String>,
}

async fn assign(call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<Assign>>()?.data.attributes;
    let assignee = sent.assignee.as_deref().map(str::trim);
    if assignee.is_some_and(|name| {
        name.is_empty() || name == "none" || name.chars().count() > 255 || name.contains(char::is_control)
    }) {
        let details =
            "accepted is a text of 1 to 255 characters without control characters, or null for nobody";
        return Err(ApiError::unprocessable("/data/attributes/assignee", details));
    }
    hits::assign(&call.context, &call.actor(), call.id("hit-id")?, assignee).await?;
    show(&call).await
}

/// A note.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Comment {
    /// What to note; it is kept encrypted.
    #[schemars(length(min = 1, max = 10000))]
    text: String,
}

async fn comment(call: Call) -> Result<Answer, ApiError> {
    let text = call.body::<Document<Comment>>()?.data.attributes.text.trim().to_owned();
    if text.is_empty() || text.chars().count() > 10_000 || text.contains('\0') {
        let details = "accepted is a text of 1 to 10000 characters";
        return Err(ApiError::unprocessable("/data/attributes/text", details));
    }
    hits::comment(&call.context, &call.actor(), call.id("hit-id")?, &Personal::new(text)).await?;
    show(&call).await
}

/// Why.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Reason {
    /// Why; it is kept encrypted.
    #[schemars(length(min = 1, max = 10000))]
    reason: Option<String>,
}

async fn dismiss(call: Call) -> Result<Answer, ApiError> {
    decide_one(&call, Decision::Dismissed).await
}

async fn confirm(call: Call) -> Result<Answer, ApiError> {
    decide_one(&call, Decision::Confirmed).await
}

async fn decide_one(call: &Call, decision: Decision) -> Result<Answer, ApiError> {
    let id = call.id("hit-id")?;
    let reason = reason(call.body::<Document<Reason>>()?.data.attributes.reason)?;
    decide::decide(&call.context, &call.actor(), id, decision, Some(&reason)).await?;
    show(call).await
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn a_score_has_four_digits() {
        for (kept, told) in [(0.97_f32, "0.97"), (0.123_45, "0.1235"), (1.0, "1.0"), (0.0, "0.0")] {
            assert_eq!(serde_json::json!(score(kept)).to_string(), told);
        }
    }
}
