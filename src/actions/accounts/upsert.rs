//! Changing the account that has a value, or making it.

use sqlx::PgConnection;

use super::{
    TRIES,
    create::{self, NewAccount},
    edit::{self, Edit},
    fields,
    open::{self, OpenAccount},
};
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::id::{AccountId, AccountTypeId},
    store::{account_tokens, account_types, accounts},
};

/// Changes the account of the type that has the same value under `by`, the reference id or a unique field, or makes
/// it. Returns it, and whether it was made.
pub async fn upsert(
    context: &Context,
    actor: &str,
    account_type: AccountTypeId,
    by: &str,
    new: &NewAccount,
) -> Result<(OpenAccount, bool), ActionError> {
    let mut tries = 1;
    loop {
        let mut transaction = context.store.transaction().await?;
        let done = match find(context, &mut transaction, account_type, by, new).await? {
            Some(account) => {
                let change = Edit {
                    fields: new.fields.clone(),
                    parts: new.parts.clone(),
                    status: new.status.clone(),
                    reference_id: new.reference_id.clone().map(Some),
                    tags_set: (!new.tags.is_empty()).then(|| new.tags.clone()),
                    ..Edit::default()
                };
                let edited = edit::edit(context, &mut transaction, actor, account, &change).await;
                edited.map(|_| (account, false))
            }
            None => create::create(context, &mut transaction, actor, account_type, new)
                .await
                .map(|account| (account, true)),
        };
        match done {
            Ok((account, created)) => {
                let open = open::open(context, &mut transaction, account).await?;
                transaction.commit().await?;
                return Ok((open, created));
            }
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            // Somebody else made it a moment ago.
            Err(ActionError::NotUnique(_)) if tries < 2 => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn find(
    context: &Context,
    conn: &mut PgConnection,
    account_type: AccountTypeId,
    by: &str,
    new: &NewAccount,
) -> Result<Option<AccountId>, ActionError> {
    let lacking = |pointer: &str| {
        let details = "is needed, for accounts are to be found by it";
        ActionError::Invalid(vec![Invalid::at(pointer, details)])
    };
    if by == "reference-id" {
        let reference = new.reference_id.as_ref().ok_or_else(|| lacking("/data/attributes/reference-id"))?;
        let found = accounts::list_by_references(conn, account_type, std::slice::from_ref(reference)).await?;
        return Ok(found.first().map(|account| account.id));
    }
    let schema = account_types::find(conn, account_type).await?;
    let schema = schema.ok_or(ActionError::NotFound("account type of that id"))?;
    let Some(field) = schema.field(by).filter(|field| field.unique) else {
        let details = "accepted is reference-id, or the key of a field that is unique";
        return Err(ActionError::Invalid(vec![Invalid::at("/meta/upsert-by", details)]));
    };
    let at = format!("/data/attributes/fields/{by}");
    let value = new.fields.get(by).filter(|value| !value.is_null()).ok_or_else(|| lacking(&at))?;
    let value = field.check(value).map_err(|faults| {
        let faults = faults.into_iter();
        ActionError::Invalid(
            faults.map(|fault| Invalid::at(format!("{at}{}", fault.path), fault.details)).collect(),
        )
    })?;
    let text = field.index_texts(&value).into_iter().next().ok_or_else(|| lacking(&at))?;
    let token = fields::token(context, account_type, by, &text);
    Ok(account_tokens::list_accounts(conn, token, 1).await?.pop())
}
