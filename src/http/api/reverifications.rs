//! When an account is to be verified again.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::{answer::Answer, call::Call, errors::ApiError, events::time, operation::Operation};
use crate::{
    actions::reverify,
    domain::{id::AccountId, reverification::Due},
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/accounts/{account-id}/reverifications",
            "account.read",
            "Tells when an account is to be verified again",
        )
        .about("One for each reverification of the configuration that the account has a date by, the earliest first.")
        .answers_document::<Reverifications>(200)
        .handled_by(list),
    ]
}

/// When an account is to be verified again.
#[derive(Serialize, JsonSchema)]
struct Reverifications {
    data: Vec<Reverification>,
}

/// By one rule.
#[derive(Serialize, JsonSchema)]
struct Reverification {
    /// `reverification`
    #[serde(rename = "type")]
    kind: &'static str,
    /// The rule's name.
    id: String,
    attributes: Attributes,
    relationships: Value,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// The rule's name.
    name: String,
    /// What the date follows from, in words.
    rule: Option<String>,
    /// When.
    due_at: String,
    /// `upcoming`, or `due` once it was told of.
    status: &'static str,
    /// When that was told of, with tags and status if the rule sets any.
    told_at: Option<String>,
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    let found = reverify::list(&call.context, account).await?;
    let due_of = |definition: &Value| {
        serde_json::from_value::<Due>(definition.get("due").cloned().unwrap_or_default()).ok()
    };
    let found = found.into_iter().map(|one| (due_of(&one.definition), one));
    // The date tells what the field holds that it follows from.
    let may_see = |due: &Option<Due>| match due {
        Some(Due::DateField { field, .. }) => !call.blocklist.hides_field(field),
        Some(Due::LastInquiry { .. }) | None => true,
    };
    let data = found.filter(|(due, _)| may_see(due)).map(|(due, one)| Reverification {
        kind: "reverification",
        id: one.name.clone(),
        attributes: Attributes {
            rule: due.map(|due| due.describe()),
            name: one.name,
            due_at: time(one.due_at),
            status: if one.told_at.is_some() { "due" } else { "upcoming" },
            told_at: one.told_at.map(time),
        },
        relationships: json!({ "account": { "data": { "type": "account", "id": account } } }),
    });
    let document = serde_json::to_value(Reverifications { data: data.collect() });
    Ok(Answer::json(StatusCode::OK, document.map_err(|_| ApiError::internal())?))
}
