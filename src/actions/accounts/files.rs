//! Files of accounts.

use serde_json::Value;

use super::open;
use crate::{
    actions::{ActionError, Context},
    domain::{
        account_type::FieldKind,
        id::{AccountId, FileId},
    },
    store::account_files,
    vault::Purpose,
};

/// A file, opened.
pub struct File {
    /// The account that it is of.
    pub account: AccountId,
    /// Its name. Personal data.
    pub filename: String,
    /// Its content. Personal data.
    pub content: Vec<u8>,
}

/// The file of an id; none that no field names any more.
pub async fn file(context: &Context, id: FileId) -> Result<File, ActionError> {
    let mut connection = context.store.connection().await?;
    let gone = ActionError::NotFound("file of that id");
    let Some(row) = account_files::find(&mut connection, id).await? else { return Err(gone) };
    let account = open::open(context, &mut connection, row.account).await?;
    let kept = account.account_type.fields.iter().filter(|field| field.kind == FieldKind::File);
    let kept = kept.filter_map(|field| account.fields.get(&field.key));
    let is_it = |value: &&Value| value.get("file-id").and_then(Value::as_str) == Some(&id.to_string());
    let Some(value) = kept.into_iter().find(is_it) else { return Err(gone) };
    let filename = value.get("filename").and_then(Value::as_str).unwrap_or("file").to_owned();
    let key = context.keyring.unwrap(row.account.0, &row.key)?;
    let content = key.open_bytes(Purpose::AccountFile, &row.sealed_content)?;
    Ok(File { account: row.account, filename, content })
}
