//! Types of transactions, as the configuration and the API say them.

use sqlx::PgConnection;

use super::{ActionError, Context};
use crate::{
    domain::{
        id::{Shard, TransactionTypeId},
        transaction_type::TransactionType,
    },
    store::transaction_types::{self, TypeRow},
};

/// What there is none of, in the words of refusals.
pub(super) const TRANSACTION: &str = "transaction of that id";
const TRANSACTION_TYPE: &str = "transaction type of that id";

/// Writes the types that the configuration says.
pub async fn apply(
    context: &Context,
    conn: &mut PgConnection,
    types: impl Iterator<Item = &TransactionType>,
) -> Result<(), ActionError> {
    for transaction_type in types {
        let new_id = TransactionTypeId(context.new_uuid(Shard(0)));
        transaction_types::save(conn, new_id, transaction_type, context.now()).await?;
    }
    Ok(())
}

/// Makes a type.
pub async fn create(context: &Context, new: &TransactionType) -> Result<TypeRow, ActionError> {
    let id = TransactionTypeId(context.new_uuid(Shard(0)));
    let mut transaction = context.store.transaction().await?;
    if !transaction_types::insert(&mut transaction, id, new, context.now()).await? {
        return Err(ActionError::Conflict("there is a transaction type of that name".to_owned()));
    }
    let made = get_in(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(made)
}

/// All types, by name.
pub async fn list(context: &Context) -> Result<Vec<TypeRow>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(transaction_types::list(&mut connection, None).await?)
}

/// The type of an id.
pub async fn find(context: &Context, id: TransactionTypeId) -> Result<TypeRow, ActionError> {
    let mut connection = context.store.connection().await?;
    get_in(&mut connection, id).await
}

pub(super) async fn get_in(conn: &mut PgConnection, id: TransactionTypeId) -> Result<TypeRow, ActionError> {
    transaction_types::list(conn, Some(id)).await?.pop().ok_or(ActionError::NotFound(TRANSACTION_TYPE))
}

pub(super) async fn list_in(
    conn: &mut PgConnection,
) -> Result<Vec<(TransactionTypeId, TransactionType)>, ActionError> {
    let rows = transaction_types::list(conn, None).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.definition)).collect())
}
