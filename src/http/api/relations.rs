//! Relations of accounts and transactions: added, removed, listed.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account_acts,
    account_bodies::Attributes as Account,
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    operation::{Document, Meta, Operation},
    paging, transactions,
    version::Version,
};
use crate::{
    actions::{
        Context, relation_schemas,
        relations::{self, Object, Wanted},
        transactions as transaction_actions,
    },
    domain::{
        account_type::label_of,
        id::{AccountId, TransactionId},
        relation::{Cardinality, ObjectKind, Relation},
    },
};

pub(super) fn operations() -> Vec<Operation> {
    let listed = |path, permission, summary| {
        Operation::get(path, permission, summary)
            .about(
                "`filter[key]` is a relation's key, or the name by which a relation is read from its other end. \
                 Accounts or transactions are listed, as the key says: it takes the permission to read them.",
            )
            .query("filter[key]", "the relation's key; needed")
            .query("filter[created-at-start]", "relations made from this time on (RFC 3339)")
            .query("filter[created-at-end]", "relations made up to this time (RFC 3339)")
            .lists::<Account>("account")
    };
    let act = |path, permission, summary| Operation::post(path, permission, summary).body::<Meta<Change>>();
    let schemas = "/account-types/{account-type-id}/relation-schemas";
    vec![
        Operation::get(schemas, "account-type.read", "Lists the relations that accounts of a type may have")
            .answers_document::<Schemas>(200)
            .handled_by(list_schemas),
        Operation::put(schemas, "account-type.write", "Says the relations that accounts of a type may have")
            .about(
                "All of them: those that there are, and new ones. None is taken away or made narrower. Types of the \
                 configuration have theirs there.",
            )
            .body::<Document<NewSchemas>>()
            .answers_document::<Schemas>(200)
            .handled_by(save_schemas),
        listed("/accounts/{account-id}/relations", "account.read", "Lists what an account is related to")
            .handled_by(list_of_account),
        act("/accounts/{account-id}/add-relation", "account.write", "Adds a relation to an account")
            .about(
                "Adding one that is there changes nothing. A relation that leads to one object only is not led \
                 elsewhere by it: remove what it has first.",
            )
            .answers::<Account>(200, "account")
            .handled_by(add_to_account),
        act("/accounts/{account-id}/remove-relation", "account.write", "Removes a relation from an account")
            .about(HELD)
            .answers::<Account>(200, "account")
            .handled_by(remove_from_account),
        listed(
            "/transactions/{transaction-id}/relations",
            "transaction.read",
            "Lists what a transaction is related to",
        )
        .handled_by(list_of_transaction),
        act(
            "/transactions/{transaction-id}/add-relation",
            "transaction.write",
            "Adds a relation to a transaction",
        )
        .answers::<transactions::Attributes>(200, "transaction")
        .handled_by(add_to_transaction),
        act(
            "/transactions/{transaction-id}/remove-relation",
            "transaction.write",
            "Removes a relation from a transaction",
        )
        .about(HELD)
        .answers::<transactions::Attributes>(200, "transaction")
        .handled_by(remove_from_transaction),
    ]
}

/// What holds relations.
const HELD: &str =
    "A relation of a transaction to an account that is under a legal hold stays: the hold covers both.";

/// The relations of a type.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NewSchemas {
    /// All of them.
    #[serde(default)]
    relation_schemas: Vec<NewSchema>,
}

/// A relation that accounts of a type may have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NewSchema {
    /// Its key, in `snake_case`.
    key: String,
    /// Its name on screens; made from the key when not given.
    label: Option<String>,
    /// `account` (when not given) or `transaction`.
    #[schemars(with = "Option<String>")]
    target: Option<ObjectKind>,
    /// The names of the types that its targets may be of; any when empty.
    #[serde(default)]
    target_types: Vec<String>,
    /// `many` (when not given) or `single`.
    #[schemars(with = "Option<String>")]
    cardinality: Option<Cardinality>,
    /// The key by which it is read from its target.
    inverse: Option<String>,
}

/// The relations of a type.
#[derive(Serialize, JsonSchema)]
struct Schemas {
    data: Vec<Schema>,
}

/// A relation of a type.
#[derive(Serialize, JsonSchema)]
struct Schema {
    /// `relation-schema`.
    r#type: &'static str,
    /// Its key.
    id: String,
    attributes: SchemaAttributes,
}

/// What a relation is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct SchemaAttributes {
    /// Its key.
    key: String,
    /// Its name on screens.
    label: String,
    /// `account` or `transaction`.
    target: &'static str,
    /// The names of the types that its targets may be of; any when empty.
    target_types: Vec<String>,
    /// `many` or `single`.
    cardinality: &'static str,
    /// The key by which it is read from its target.
    inverse: Option<String>,
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

fn written(relations: Vec<Relation>) -> Result<Answer, ApiError> {
    let data = relations.into_iter().map(|relation| Schema {
        r#type: "relation-schema",
        id: relation.key.clone(),
        attributes: SchemaAttributes {
            key: relation.key,
            label: relation.label,
            target: relation.target.word(),
            target_types: relation.target_types,
            cardinality: match relation.cardinality {
                Cardinality::Single => "single",
                Cardinality::Many => "many",
            },
            inverse: relation.inverse,
        },
    });
    let document = serde_json::to_value(Schemas { data: data.collect() });
    Ok(Answer::json(StatusCode::OK, document.map_err(|_| ApiError::internal())?))
}

async fn list_schemas(call: Call) -> Result<Answer, ApiError> {
    written(relation_schemas::list(&call.context, call.id("account-type-id")?).await?)
}

async fn save_schemas(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("account-type-id")?;
    let body: Document<NewSchemas> = call.body()?;
    let relations = body.data.attributes.relation_schemas.into_iter().map(|new| Relation {
        label: new.label.unwrap_or_else(|| label_of(&new.key)),
        key: new.key,
        target: new.target.unwrap_or_default(),
        target_types: new.target_types,
        cardinality: new.cardinality.unwrap_or_default(),
        inverse: new.inverse,
    });
    written(relation_schemas::save(&call.context, &call.actor(), id, relations.collect()).await?)
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
    let key =
        call.filter("key")?.ok_or_else(|| ApiError::bad_request("filter[key]", "filter[key] is needed"))?;
    let page = call.page()?;
    let (after, before) = page.read(Object::from_text)?;
    let wanted = Wanted {
        key,
        from: call.filter_of_time("created-at-start")?,
        until: call.filter_of_time("created-at-end")?,
        after,
        before,
        limit: paging::limit(&page),
    };
    let (kind, found) = relations::list(&call.context, of, wanted).await?;
    // Nobody reads accounts or transactions by the way.
    call.must_be_allowed(match kind {
        ObjectKind::Account => "account.read",
        ObjectKind::Transaction => "transaction.read",
    })?;
    let (found, more) = paging::cut(found, &page);
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
