//! The relations that an account type says its accounts may have, through the API.
//!
//! Things are related by them for years, so none is taken away or made narrower: relations are added, named anew,
//! and opened to more types.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::PgConnection;

use super::{ActionError, Context, Invalid, transaction_types};
use crate::{
    domain::{
        account_type::is_field_key,
        id::AccountTypeId,
        relation::{Cardinality, ObjectKind, Relation},
    },
    store::{account_types, events},
};

const TYPE: &str = "account type of that id";
const POINTER: &str = "/data/attributes/relation-schemas";

/// The most relations of a type.
const MOST: usize = 100;

/// The relations of a type.
pub async fn list(context: &Context, id: AccountTypeId) -> Result<Vec<Relation>, ActionError> {
    let mut connection = context.store.connection().await?;
    let account_type = account_types::find(&mut connection, id).await?;
    Ok(account_type.ok_or(ActionError::NotFound(TYPE))?.relations)
}

/// Has a type have these relations: all that it has, as they are to be, and new ones.
pub async fn save(
    context: &Context,
    actor: &str,
    id: AccountTypeId,
    relations: Vec<Relation>,
) -> Result<Vec<Relation>, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let row = account_types::lock(&mut transaction, id).await?.ok_or(ActionError::NotFound(TYPE))?;
    if row.is_configured {
        return Err(ActionError::Refused("the configuration says what the type is"));
    }
    check(&mut transaction, &row.account_type.relations, &relations).await?;
    let mut account_type = row.account_type;
    if account_type.relations != relations {
        account_type.relations = relations;
        account_types::save(&mut transaction, id, &account_type, &row.indexing, now).await?;
        let mut event =
            context.event_of_all("account-type.updated", actor, json!({ "relation-schemas": true }));
        event.object = Some(id.0);
        events::insert_all(&mut transaction, &[event], now).await?;
    }
    transaction.commit().await?;
    Ok(account_type.relations)
}

async fn check(conn: &mut PgConnection, before: &[Relation], after: &[Relation]) -> Result<(), ActionError> {
    let mut faults = Vec::new();
    if after.len() > MOST {
        faults.push(Invalid::at(POINTER, "accepted are at most 100 relations"));
    }
    for relation in before {
        if !after.iter().any(|one| one.key == relation.key) {
            let details = format!("lacks {}: a relation is not taken away", relation.key);
            faults.push(Invalid::at(POINTER, details));
        }
    }
    let accounts: Vec<String> =
        account_types::list(conn).await?.into_iter().map(|(_, one)| one.name).collect();
    let transactions: Vec<String> =
        transaction_types::list_in(conn).await?.into_iter().map(|(_, one)| one.name().to_owned()).collect();
    let mut keys = BTreeSet::new();
    for (place, relation) in after.iter().enumerate() {
        let mut fault = |attribute: &str, details: &str| {
            faults.push(Invalid::at(format!("{POINTER}/{place}/{attribute}"), details));
        };
        let keys_are = "accepted are keys in snake_case, at most 63 characters, each once";
        if !is_field_key(&relation.key) || !keys.insert(relation.key.as_str()) {
            fault("key", keys_are);
        }
        if relation.inverse.as_deref().is_some_and(|inverse| !is_field_key(inverse)) {
            fault("inverse", keys_are);
        }
        if relation.label.trim().is_empty() || relation.label.chars().count() > 255 {
            fault("label", "accepted is a text of 1 to 255 characters");
        }
        let known = match relation.target {
            ObjectKind::Account => &accounts,
            ObjectKind::Transaction => &transactions,
        };
        if relation.target_types.iter().any(|name| !known.contains(name)) {
            fault("target-types", "accepted are names of types of the target");
        }
        if let Some(old) = before.iter().find(|old| old.key == relation.key) {
            if old.target != relation.target {
                fault("target", "stays what it is");
            }
            if old.cardinality == Cardinality::Many && relation.cardinality == Cardinality::Single {
                fault("cardinality", "is not made narrower");
            }
            let narrower = !relation.target_types.is_empty()
                && (old.target_types.is_empty()
                    || old.target_types.iter().any(|name| !relation.target_types.contains(name)));
            if narrower {
                fault("target-types", "are not made fewer");
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(ActionError::Invalid(faults)) }
}
