//! Relations of accounts and transactions: added, removed, listed.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    account_acts,
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    operation::{Meta, Operation},
    paging, transactions,
    version::Version,
};
use crate::{
    actions::{
        Context,
        relations::{self, Object, Wanted},
        transactions as transaction_actions,
    },
    domain::id::{AccountId, TransactionId},
};

pub(super) fn operations() -> Vec<Operation> {
    let listed = |path, permission, summary| {
        Operation::get(path, permission, summary)
            .about(
                "`filter[key]` is a relation's key, or the name by which a relation is read from its other end. \
                 Accounts or transactions are listed, as the key says.",
            )
            .query("filter[key]", "the relation's key; needed")
            .query("filter[created-at-start]", "relations made from this time on (RFC 3339)")
            .query("filter[created-at-end]", "relations made up to this time (RFC 3339)")
            .lists::<serde_json::Value>("account")
    };
    let written =
        |path, permission, summary| Operation::post(path, permission, summary).body::<Meta<Change>>();
    vec![
        listed("/accounts/{account-id}/relations", "account.read", "Lists what an account is related to")
            .handled_by(list_of_account),
        written("/accounts/{account-id}/add-relation", "account.write", "Adds a relation to an account")
            .about(
                "Adding one that is there changes nothing. A relation that leads to one object only is not led \
                 elsewhere by it: remove what it has first.",
            )
            .answers::<serde_json::Value>(200, "account")
            .handled_by(add_to_account),
        written("/accounts/{account-id}/remove-relation", "account.write", "Removes a relation from an account")
            .answers::<serde_json::Value>(200, "account")
            .handled_by(remove_from_account),
        listed(
            "/transactions/{transaction-id}/relations",
            "transaction.read",
            "Lists what a transaction is related to",
        )
        .handled_by(list_of_transaction),
        written(
            "/transactions/{transaction-id}/add-relation",
            "transaction.write",
            "Adds a relation to a transaction",
        )
        .answers::<serde_json::Value>(200, "transaction")
        .handled_by(add_to_transaction),
        written(
            "/transactions/{transaction-id}/remove-relation",
            "transaction.write",
            "Removes a relation from a transaction",
        )
        .answers::<serde_json::Value>(200, "transaction")
        .handled_by(remove_from_transaction),
    ]
}

/// One relation of an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Change {
    /// The relation's key, as the object's type says it.
    relation_schema_key: String,
    /// The id of the account or transaction that it leads to.
    target_object_id: String,
}

impl Change {
    fn target(&self) -> Result<Object, ApiError> {
        Object::from_text(&self.target_object_id).ok_or_else(|| {
            ApiError::unprocessable(
                "/meta/target-object-id",
                "accepted is the id of an account or a transaction",
            )
        })
    }
}

async fn add_to_account(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    write(call, Object::Account(account), true).await
}

async fn remove_from_account(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    write(call, Object::Account(account), false).await
}

async fn add_to_transaction(call: Call) -> Result<Answer, ApiError> {
    let transaction: TransactionId = call.id("transaction-id")?;
    write(call, Object::Transaction(transaction), true).await
}

async fn remove_from_transaction(call: Call) -> Result<Answer, ApiError> {
    let transaction: TransactionId = call.id("transaction-id")?;
    write(call, Object::Transaction(transaction), false).await
}

async fn write(call: Call, from: Object, adds: bool) -> Result<Answer, ApiError> {
    let body: Meta<Change> = call.body()?;
    let (key, to) = (body.meta.relation_schema_key.as_str(), body.meta.target()?);
    if adds {
        relations::add(&call.context, &call.actor(), from, key, to).await?;
    } else {
        relations::remove(&call.context, &call.actor(), from, key, to).await?;
    }
    let resource = shown(&call.context, call.version(), from).await?;
    Ok(Answer::one(StatusCode::OK, resource))
}

async fn list_of_account(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    list(call, Object::Account(account)).await
}

async fn list_of_transaction(call: Call) -> Result<Answer, ApiError> {
    let transaction: TransactionId = call.id("transaction-id")?;
    list(call, Object::Transaction(transaction)).await
}

async fn list(call: Call, of: Object) -> Result<Answer, ApiError> {
    call.only_filters(&["key", "created-at-start", "created-at-end"])?;
    let key =
        call.filter("key").ok_or_else(|| ApiError::bad_request("filter[key]", "filter[key] is needed"))?;
    let page = call.page()?;
    let cursor = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => Object::from_text(text).map(Some).ok_or_else(|| {
            ApiError::bad_request(name, format!("{name} must be the id of an object of this list"))
        }),
    };
    let times = "a time as RFC 3339 writes it, such as 2026-03-04T05:06:07Z";
    let wanted = Wanted {
        key,
        from: call.filter_of("created-at-start", times)?,
        until: call.filter_of("created-at-end", times)?,
        after: cursor("page[after]", &page.after)?,
        before: cursor("page[before]", &page.before)?,
        limit: paging::limit(&page),
    };
    let (found, more) = paging::cut(relations::list(&call.context, of, wanted).await?, &page);
    let mut resources = Vec::with_capacity(found.len());
    for object in found {
        resources.push(shown(&call.context, call.version(), object).await?);
    }
    Answer::page(&call, resources, more)
}

async fn shown(context: &Context, version: Version, object: Object) -> Result<Resource, ApiError> {
    match object {
        Object::Account(id) => account_acts::shown(context, version, id).await,
        Object::Transaction(id) => transactions::resource(&transaction_actions::open(context, id).await?),
    }
}
