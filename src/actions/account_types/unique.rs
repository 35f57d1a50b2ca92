//! Fields that are to be unique, or no longer, when accounts have values of them.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{PAGE, draft::TypeChange};
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::account_type::{AccountType, Field},
    store::{account_tokens, account_types::TypeRow, accounts},
};

/// The fields of which the database knows tokens whose uniqueness changes.
fn changed<'a>(row: &'a TypeRow, after: &'a AccountType) -> impl Iterator<Item = &'a Field> {
    after.fields.iter().filter(|field| {
        row.account_type.any_field(&field.key).is_some_and(|before| before.unique != field.unique)
    })
}

/// Why fields cannot become unique.
pub(super) async fn faults(
    conn: &mut PgConnection,
    (row, after): (&TypeRow, &AccountType),
    change: &TypeChange,
) -> Result<Vec<Invalid>, ActionError> {
    let mut faults = Vec::new();
    for field in changed(row, after).filter(|field| field.unique) {
        let before = row.account_type.any_field(&field.key);
        let is_indexed = before.is_some_and(Field::is_indexed) && !row.indexing.contains(&field.key);
        let mut shared = 0;
        let mut place = Uuid::nil();
        let mut has_accounts = false;
        loop {
            let page = accounts::list_of_type(conn, row.id, place, PAGE).await?;
            let Some(last) = page.last() else { break };
            has_accounts = true;
            if !is_indexed {
                break;
            }
            place = last.id.0;
            let ids: Vec<_> = page.iter().map(|account| account.id).collect();
            shared += account_tokens::count_shared(conn, &ids, &field.key).await?;
        }
        let at = change.pointer_to(&field.key);
        if has_accounts && !is_indexed {
            let details = format!(
                "{}: a field that accounts may hold becomes searchable first, and unique when it is indexed",
                field.key
            );
            faults.push(Invalid::at(at, details));
        } else if shared > 0 {
            let details = format!("{}: {shared} accounts share their value with another", field.key);
            faults.push(Invalid::at(at, details));
        }
    }
    Ok(faults)
}

/// Has the database enforce, or no longer enforce, what changed.
pub(super) async fn mark(context: &Context, row: &TypeRow, after: &AccountType) -> Result<(), ActionError> {
    for field in changed(row, after) {
        if let Err(error) = mark_all(context, row, field, field.unique).await {
            // Somebody took a value twice meanwhile.
            mark_all(context, row, field, !field.unique).await?;
            return Err(error);
        }
    }
    Ok(())
}

async fn mark_all(
    context: &Context,
    row: &TypeRow,
    field: &Field,
    is_unique: bool,
) -> Result<(), ActionError> {
    let mut connection = context.store.connection().await?;
    let mut place = Uuid::nil();
    loop {
        let page = accounts::list_of_type(&mut connection, row.id, place, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        place = last.id.0;
        let ids: Vec<_> = page.iter().map(|account| account.id).collect();
        match account_tokens::save_unique(&mut connection, &ids, &field.key, is_unique).await {
            Err(error) if error.duplicate_of().is_some() => {
                return Err(ActionError::NotUnique(field.key.clone()));
            }
            done => done?,
        }
    }
}
