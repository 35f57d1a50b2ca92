//! Retention: the policies, the plan, why an object is or is not due; legal holds; exceptions.

use axum::http::StatusCode;
use chrono::{DateTime, Datelike, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    evidence,
    operation::{Document, Operation},
};
use crate::{
    actions::retention::{self, HoldRow, NewHold, OverrideRow, RetainedId},
    domain::id::AccountId,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/retention-policies", "retention.read", "Lists the retention policies in force")
            .about("As the configuration of the fleet says them; `GET /retention-plan` counts what falls due by them.")
            .answers_document::<Value>(200)
            .handled_by(policies),
        Operation::get("/retention-plan", "retention.read", "Counts what is redacted in the next days")
            .about("By policy and day, with the ids of some; by what was last seen of each object.")
            .query("days", "For so many days from now: 1 to 3660; 30 when not given.")
            .answers_document::<Value>(200)
            .handled_by(plan),
        Operation::get(
            "/retention-explanations/{object-id}",
            "retention.read",
            "Tells why an object is or is not due to be redacted",
        )
        .about("Of an account, inquiry, report, transaction or list item: which policy, when, and what keeps it.")
        .answers_document::<Value>(200)
        .handled_by(explain),
        Operation::get("/legal-holds", "hold.read", "Lists legal holds, the newest first")
            .query("filter[account-id]", "Only those of this account, lifted ones too; all that stand when not given.")
            .lists::<HoldAttributes>("legal-hold")
            .handled_by(list_holds),
        Operation::post("/legal-holds", "hold.write", "Places a legal hold on an account")
            .about(
                "Nothing of the account is redacted until the hold ends, by hand or by policy, nor of transactions \
                 that it is related to.",
            )
            .body::<Document<NewHoldAttributes>>()
            .answers::<HoldAttributes>(201, "legal-hold")
            .handled_by(place_hold),
        Operation::get("/legal-holds/{hold-id}", "hold.read", "Retrieves a legal hold")
            .answers::<HoldAttributes>(200, "legal-hold")
            .handled_by(get_hold),
        Operation::post("/legal-holds/{hold-id}/lift", "hold.write", "Lifts a legal hold")
            .answers::<HoldAttributes>(200, "legal-hold")
            .handled_by(lift_hold),
        Operation::post(
            "/redaction-overrides",
            "retention.override",
            "Asks for an exception: to redact an object although a policy keeps it",
        )
        .about(
            "Somebody else must approve it, with a key of another owner. Then the object can be redacted as ever, once, \
             for seven days from the request. It gets around no legal hold.",
        )
        .body::<Document<NewOverride>>()
        .answers::<OverrideAttributes>(201, "redaction-override")
        .handled_by(request_override),
        Operation::get(
            "/redaction-overrides/{override-id}",
            "retention.read",
            "Retrieves an exception that was asked for",
        )
        .answers::<OverrideAttributes>(200, "redaction-override")
        .handled_by(get_override),
        Operation::post(
            "/redaction-overrides/{override-id}/approve",
            "retention.approve",
            "Approves an exception that a key of another owner asked for",
        )
        .answers::<OverrideAttributes>(200, "redaction-override")
        .handled_by(approve_override),
    ]
}

/// A hold to place.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct NewHoldAttributes {
    /// The account.
    account_id: String,
    /// Why, as a code of small letters, digits and dashes: nothing about a person.
    reason: String,
    /// When it ends by itself (RFC 3339); never when not given.
    until: Option<DateTime<Utc>>,
}

/// A legal hold.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct HoldAttributes {
    /// `standing`, `over` or `lifted`.
    status: &'static str,
    /// The code of its reason.
    reason: String,
    until: Option<String>,
    /// Who placed it.
    creator_name: String,
    created_at: String,
    lifted_at: Option<String>,
    lifted_by: Option<String>,
}

/// An exception to ask for.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct NewOverride {
    /// The account, inquiry, report or transaction.
    object_id: String,
    /// Why, as a code of small letters, digits and dashes: nothing about a person.
    reason: String,
}

/// An exception that was asked for.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct OverrideAttributes {
    /// `requested`, `approved`, `used` or `expired`.
    status: &'static str,
    object_id: String,
    /// The code of its reason.
    reason: String,
    /// Who asked for it.
    requested_by: String,
    /// Whose key that was.
    requested_by_owner: String,
    created_at: String,
    /// Who approved it.
    approved_by: Option<String>,
    /// Whose key that was: never the same owner's.
    approved_by_owner: Option<String>,
    approved_at: Option<String>,
    expires_at: String,
    used_at: Option<String>,
}

fn of_hold(call: &Call, row: &HoldRow) -> Result<Resource, ApiError> {
    let now = call.context.now();
    let status = match (row.lifted_at, row.hold.until) {
        (Some(_), _) => "lifted",
        (None, Some(until)) if until <= now => "over",
        (None, _) => "standing",
    };
    let attributes = HoldAttributes {
        status,
        reason: row.hold.reason.clone(),
        until: row.hold.until.map(time),
        creator_name: row.actor.clone(),
        created_at: time(row.placed_at),
        lifted_at: row.lifted_at.map(time),
        lifted_by: row.lifted_by.clone(),
    };
    let resource = Resource::new("legal-hold", row.hold.id, &attributes)?;
    Ok(resource.to_one("account", "account", Some(row.hold.account)))
}

fn of_override(call: &Call, row: &OverrideRow) -> Result<Resource, ApiError> {
    let status = match (row.used_at, row.approved_at) {
        (Some(_), _) => "used",
        (None, _) if row.expires_at <= call.context.now() => "expired",
        (None, Some(_)) => "approved",
        (None, None) => "requested",
    };
    let attributes = OverrideAttributes {
        status,
        object_id: RetainedId::new(row.kind, row.object).to_string(),
        reason: row.reason.clone(),
        requested_by: row.requested_by.clone(),
        requested_by_owner: row.requester.clone(),
        created_at: time(row.requested_at),
        approved_by: row.approved_by.clone(),
        approved_by_owner: row.approver.clone(),
        approved_at: row.approved_at.map(time),
        expires_at: time(row.expires_at),
        used_at: row.used_at.map(time),
    };
    Resource::new("redaction-override", row.id, &attributes)
}

async fn policies(call: Call) -> Result<Answer, ApiError> {
    let found = retention::policies(&call.context).await?;
    let data: Vec<Value> = found
        .iter()
        .map(|policy| {
            let mut attributes = serde_json::to_value(policy).unwrap_or_default();
            if let Value::Object(attributes) = &mut attributes {
                attributes.insert("description".to_owned(), policy.describe().into());
            }
            json!({ "type": "retention-policy", "id": policy.name, "attributes": attributes })
        })
        .collect();
    Ok(Answer::json(StatusCode::OK, json!({ "data": data })))
}

async fn plan(call: Call) -> Result<Answer, ApiError> {
    let days = call.query.iter().find(|(name, _)| name == "days").map(|(_, value)| value.as_str());
    let days: Option<u16> =
        days.map_or(Some(30), |text| text.parse().ok()).filter(|days| (1..=3660).contains(days));
    let days =
        days.ok_or_else(|| ApiError::bad_request("days", "accepted is a whole number from 1 to 3660"))?;
    let plan = retention::plan(&call.context, days).await?;
    answered("retention-plan", "plan", &plan)
}

async fn explain(call: Call) -> Result<Answer, ApiError> {
    let id: RetainedId = call.id("object-id")?;
    // A date that follows from one that a field holds tells of it.
    call.must_be_allowed("account.read")?;
    evidence::must_see_all(&call)?;
    let explanation = retention::explain(&call.context, id).await?;
    answered("retention-explanation", &id.to_string(), &explanation)
}

fn answered(kind: &str, id: &str, attributes: &impl Serialize) -> Result<Answer, ApiError> {
    let attributes = serde_json::to_value(attributes).map_err(|_| ApiError::internal())?;
    let data = json!({ "type": kind, "id": id, "attributes": attributes });
    Ok(Answer::json(StatusCode::OK, json!({ "data": data })))
}

async fn list_holds(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let account = call.filter_of::<AccountId>("account-id", "the id of an account")?;
    let (found, more) = retention::list_holds(&call.context, account, page.ids()?, page.size).await?;
    let resources = found.iter().map(|row| of_hold(&call, row)).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn place_hold(call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<NewHoldAttributes>>()?.data.attributes;
    let account = sent
        .account_id
        .parse()
        .map_err(|error| ApiError::unprocessable("/data/attributes/account-id", format!("{error}")))?;
    if sent.until.is_some_and(|until| until.year() > 9999) {
        return Err(ApiError::unprocessable("/data/attributes/until", "must lie in the years up to 9999"));
    }
    let new = NewHold { account, reason: sent.reason, until: sent.until };
    let placed = retention::place_hold(&call.context, &call.actor(), &new).await?;
    Ok(Answer::one(StatusCode::CREATED, of_hold(&call, &placed)?))
}

async fn get_hold(call: Call) -> Result<Answer, ApiError> {
    let found = retention::get_hold(&call.context, call.id("hold-id")?).await?;
    Ok(Answer::one(StatusCode::OK, of_hold(&call, &found)?))
}

async fn lift_hold(call: Call) -> Result<Answer, ApiError> {
    let lifted = retention::lift_hold(&call.context, &call.actor(), call.id("hold-id")?).await?;
    Ok(Answer::one(StatusCode::OK, of_hold(&call, &lifted)?))
}

async fn request_override(call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<NewOverride>>()?.data.attributes;
    let object = sent
        .object_id
        .parse()
        .map_err(|error| ApiError::unprocessable("/data/attributes/object-id", format!("{error}")))?;
    let by = (call.actor(), call.caller.key.id);
    let asked = retention::request_override(&call.context, (&by.0, by.1), object, &sent.reason).await?;
    Ok(Answer::one(StatusCode::CREATED, of_override(&call, &asked)?))
}

async fn get_override(call: Call) -> Result<Answer, ApiError> {
    let found = retention::get_override(&call.context, call.id("override-id")?).await?;
    Ok(Answer::one(StatusCode::OK, of_override(&call, &found)?))
}

async fn approve_override(call: Call) -> Result<Answer, ApiError> {
    let by = (call.actor(), call.caller.key.id);
    let approved = retention::approve_override(&call.context, (&by.0, by.1), call.id("override-id")?).await?;
    Ok(Answer::one(StatusCode::OK, of_override(&call, &approved)?))
}
