//! Making the tokens of fields that came to be searched by.

use uuid::Uuid;

use super::PAGE;
use crate::{
    actions::{ActionError, Context, accounts::fields},
    domain::id::{AccountId, AccountTypeId},
    store::{self, account_tokens, account_types, accounts},
};

/// Makes the tokens of the next page of accounts whose type has fields without; none when there is nothing to do,
/// or somebody else does it.
pub async fn index(
    context: &Context,
    place: Option<(AccountTypeId, Uuid)>,
) -> Result<Option<(AccountTypeId, Uuid)>, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let rows = account_types::list_rows(&mut transaction).await?;
    let Some(row) = rows.into_iter().find(|row| !row.indexing.is_empty()) else { return Ok(None) };
    if !store::lock_task(&mut transaction, "index").await? {
        return Ok(None);
    }
    let after = place.filter(|(id, _)| *id == row.id).map_or(Uuid::nil(), |(_, after)| after);
    let page = accounts::list_of_type(&mut transaction, row.id, after, PAGE).await?;
    let Some(last) = page.last() else {
        account_types::save_indexed(&mut transaction, row.id, &row.indexing).await?;
        transaction.commit().await?;
        tracing::info!(account_type.name = %row.account_type.name, fields = ?row.indexing, "fields are indexed");
        return Ok(None);
    };
    let next = last.id.0;
    let ids: Vec<AccountId> = page.iter().map(|account| account.id).collect();
    // Locked, so that nobody changes a value between the look and the token.
    accounts::lock_all(&mut transaction, &ids).await?;
    let page = accounts::list_of_ids(&mut transaction, &ids).await?;
    let mut tokens = Vec::new();
    for account in &page {
        let (fields, _) = fields::opened(context, account)?;
        let all = fields::tokens(context, (row.id, &row.account_type), account.id, &fields);
        tokens.extend(all);
    }
    for taken in account_tokens::save_all(&mut transaction, &ids, &tokens).await? {
        tracing::warn!(
            account.id = %taken.account, field = %taken.field,
            "the value of a unique field is another account's too: only that one is found by it"
        );
    }
    transaction.commit().await?;
    Ok(Some((row.id, next)))
}
