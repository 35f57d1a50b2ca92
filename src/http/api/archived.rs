//! Archived accounts, and what belongs to them, are shown to keys that may read them: one object is refused to others,
//! and listings leave it out.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{
    answer::{Answer, Content},
    errors::ApiError,
    operation::Operation,
};
use crate::{
    actions::{Context, retire},
    domain::{
        api_key::{ApiKey, READ_ARCHIVED},
        id,
    },
};

/// The parts of a path that are an account, or belong to one.
const OF_ACCOUNTS: [&str; 6] =
    ["account-id", "action-run-id", "file-id", "hit-id", "inquiry-id", "report-id"];

/// What a key is not shown.
pub(super) struct Withheld {
    is_any: bool,
}

impl Withheld {
    /// What an operation does not show to a key. Who changes something is told what came of it.
    pub(super) fn of(operation: &Operation, key: &ApiKey) -> Self {
        let is_search = operation.method == Method::POST && !operation.is_replayed;
        let is_read = operation.method == Method::GET || is_search;
        Self { is_any: is_read && !key.may(READ_ARCHIVED) }
    }

    /// Refuses an object in the path that belongs to an archived account.
    pub(super) async fn refuse(
        &self,
        context: &Context,
        parameters: &[(String, String)],
    ) -> Result<(), ApiError> {
        if !self.is_any {
            return Ok(());
        }
        let named = parameters.iter().filter(|(name, _)| OF_ACCOUNTS.contains(&name.as_str()));
        let objects: Vec<Uuid> = named.filter_map(|(_, value)| id::uuid_of(value)).collect();
        if archived(context, &objects).await?.is_empty() { Ok(()) } else { Err(refused()) }
    }

    /// Leaves out of a listing, and of what is included, what belongs to archived accounts. One object of them is refused.
    pub(super) async fn apply(&self, context: &Context, answer: &mut Answer) -> Result<(), ApiError> {
        let Content::Json(document) = &mut answer.content else { return Ok(()) };
        if !self.is_any || !answer.status.is_success() {
            return Ok(());
        }
        let mut accounts = Vec::new();
        for part in ["data", "included"] {
            match document.get(part) {
                Some(Value::Array(list)) => accounts.extend(list.iter().filter_map(account_of)),
                Some(object) => accounts.extend(account_of(object)),
                None => {}
            }
        }
        let archived = archived(context, &accounts).await?;
        if archived.is_empty() {
            return Ok(());
        }
        let is_kept = |object: &Value| account_of(object).is_none_or(|account| !archived.contains(&account));
        for part in ["data", "included"] {
            match document.get_mut(part) {
                Some(Value::Array(list)) => list.retain(is_kept),
                Some(object) if !is_kept(object) => return Err(refused()),
                _ => {}
            }
        }
        Ok(())
    }
}

async fn archived(context: &Context, objects: &[Uuid]) -> Result<BTreeSet<Uuid>, ApiError> {
    if objects.is_empty() {
        return Ok(BTreeSet::new());
    }
    Ok(retire::list_archived(context, objects).await?.into_iter().collect())
}

/// The account that an object is, or belongs to. Events and legal holds tell nothing about a person, and stay.
fn account_of(object: &Value) -> Option<Uuid> {
    let kind = object.get("type").and_then(Value::as_str)?;
    // `report` stands for `report/watchlist` and its kin.
    let kind = kind.split_once('/').map_or(kind, |(base, _)| base);
    let account = match kind {
        "account" => object.get("id"),
        "action-run" | "hit" | "inquiry" | "report" => object.pointer("/relationships/account/data/id"),
        _ => None,
    };
    account.and_then(Value::as_str).and_then(id::uuid_of)
}

fn refused() -> ApiError {
    ApiError::forbidden(
        "",
        format!("the account is archived, and the key lacks the permission {READ_ARCHIVED}"),
    )
}
