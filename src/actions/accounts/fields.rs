//! The fields of an account: opened, sealed again, and the tokens and files that go with them.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::patch::NewFile;
use crate::{
    actions::{ActionError, Context},
    domain::{
        account_type::{AccountType, FieldKind},
        id::{AccountId, AccountTypeId, FileId},
    },
    store::{account_files, account_tokens::Token, accounts::AccountRow},
    vault::{DataKey, Purpose, WrappedKey},
};

/// The fields of an account in the form in which they are kept.
pub(crate) struct Kept {
    /// Those that are not marked pii, as a JSON object.
    pub(crate) plain: Value,
    /// Those marked pii, sealed; none when there are none.
    pub(crate) sealed: Option<Vec<u8>>,
    /// The key that was made for them, to be stored.
    pub(crate) new_key: Option<WrappedKey>,
}

/// The fields of an account, plain and sealed together, and the key that opens the sealed ones.
pub(crate) fn opened(
    context: &Context,
    row: &AccountRow,
) -> Result<(Map<String, Value>, Option<DataKey>), ActionError> {
    let key = match &row.key {
        Some(stored) => Some(context.keyring.unwrap(row.id.0, stored)?),
        None => None,
    };
    let mut fields = row.fields.as_object().cloned().unwrap_or_default();
    if let (Some(key), Some(sealed)) = (&key, &row.sealed_fields) {
        fields.extend(key.open::<Map<String, Value>>(Purpose::AccountFields, sealed)?);
    }
    Ok((fields, key))
}

/// Parts fields into plain and sealed ones; makes the key when there is none and one is needed.
pub(crate) fn kept(
    context: &Context,
    account_type: &AccountType,
    id: AccountId,
    fields: &Map<String, Value>,
    key: Option<DataKey>,
) -> Result<Kept, ActionError> {
    let (key, new_key) = match key {
        Some(key) => (Some(key), None),
        None if account_type.split(fields).1.is_empty() => (None, None),
        None => {
            let (key, stored) = context.keyring.new_data_key(id.0);
            (Some(key), Some(stored))
        }
    };
    let (plain, sealed) = sealed(account_type, fields, key.as_ref())?;
    Ok(Kept { plain, sealed, new_key })
}

/// Parts fields into plain and sealed ones.
pub(crate) fn sealed(
    account_type: &AccountType,
    fields: &Map<String, Value>,
    key: Option<&DataKey>,
) -> Result<(Value, Option<Vec<u8>>), ActionError> {
    let (plain, personal) = account_type.split(fields);
    let sealed = match key {
        Some(key) if !personal.is_empty() => Some(key.seal(Purpose::AccountFields, &personal)?),
        _ => None,
    };
    Ok((Value::Object(plain), sealed))
}

/// The tokens by which an account of these fields is found.
pub(crate) fn tokens(
    context: &Context,
    (type_id, account_type): (AccountTypeId, &AccountType),
    account: AccountId,
    fields: &Map<String, Value>,
) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for field in account_type.fields.iter().filter(|field| field.is_indexed()) {
        let Some(value) = fields.get(&field.key) else { continue };
        for text in field.index_texts(value) {
            let token = token(context, type_id, &field.key, &text);
            if !tokens.iter().any(|known| known.token == token) {
                tokens.push(Token { account, field: field.key.clone(), token, is_unique: field.unique });
            }
        }
    }
    tokens
}

/// The token of a value of a field, in the form of [`Field::index_texts`](crate::domain::account_type::Field).
pub(crate) fn token(context: &Context, account_type: AccountTypeId, field: &str, text: &str) -> [u8; 16] {
    let mut content = Vec::with_capacity(16 + field.len() + 1 + text.len());
    content.extend_from_slice(account_type.0.as_bytes());
    content.extend_from_slice(field.as_bytes());
    content.push(0);
    content.extend_from_slice(text.as_bytes());
    context.digest_key.token(&content)
}

/// Stores new files of an account, and removes those that its fields no longer name.
pub(crate) async fn save_files(
    conn: &mut PgConnection,
    (account, account_type): (AccountId, &AccountType),
    fields: &Map<String, Value>,
    (files, key): (&[NewFile], Option<&DataKey>),
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    if !account_type.fields.iter().any(|field| field.kind == FieldKind::File) {
        return Ok(());
    }
    if let Some(key) = key {
        for file in files {
            let sealed = key.seal_bytes(Purpose::AccountFile, &file.content);
            let size = i32::try_from(file.content.len()).unwrap_or(i32::MAX);
            account_files::insert(conn, file.id, account, (size, &sealed), now).await?;
        }
    }
    account_files::remove_others(conn, account, &named_files(account_type, fields)).await?;
    Ok(())
}

/// The files that fields name, opened.
pub(crate) async fn open_files(
    conn: &mut PgConnection,
    account_type: &AccountType,
    fields: &Map<String, Value>,
    key: Option<&DataKey>,
) -> Result<Vec<NewFile>, ActionError> {
    let Some(key) = key else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for id in named_files(account_type, fields) {
        if let Some(row) = account_files::find(conn, id).await? {
            let content = key.open_bytes(Purpose::AccountFile, &row.sealed_content)?;
            files.push(NewFile { id, content: content.clone() });
        }
    }
    Ok(files)
}

/// The files that fields name.
fn named_files(account_type: &AccountType, fields: &Map<String, Value>) -> Vec<FileId> {
    let files = account_type.fields.iter().filter(|field| field.kind == FieldKind::File);
    let values = files.filter_map(|field| fields.get(&field.key)?.get("file-id")?.as_str());
    values.filter_map(|id| id.parse().ok()).collect()
}
