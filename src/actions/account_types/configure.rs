//! Types that the configuration says.

use sqlx::PgConnection;

use super::change::to_index;
use crate::{
    actions::{ActionError, Context},
    domain::{
        account_type::{AccountType, keep_archived},
        id::{AccountTypeId, Shard},
    },
    store::account_types,
};

/// Writes a type as the configuration says it. One of that name that was made through the API is left alone.
///
/// A field that the configuration no longer has is archived. What accounts hold is not looked at: it stays, and
/// their next changes go by the new rules.
pub(in crate::actions) async fn configure(
    context: &Context,
    conn: &mut PgConnection,
    account_type: &AccountType,
) -> Result<(), ActionError> {
    let now = context.now();
    let id = AccountTypeId(context.new_uuid(Shard(0)));
    if account_types::insert(conn, id, account_type, true, now).await? {
        return Ok(());
    }
    let mut row = account_types::list_rows(conn).await?.into_iter();
    let row = row.rfind(|row| row.account_type.name == account_type.name);
    let Some(row) = row else { return Ok(()) };
    if !row.is_configured {
        tracing::warn!(
            account_type.name = %account_type.name,
            "the configuration says an account type that was made through the API: the API's stands"
        );
        return Ok(());
    }
    let mut after = account_type.clone();
    keep_archived(&row.account_type, &mut after, now);
    if after != row.account_type {
        let indexing = to_index(&row, &after);
        account_types::save(conn, row.id, &after, &indexing, now).await?;
    }
    Ok(())
}
