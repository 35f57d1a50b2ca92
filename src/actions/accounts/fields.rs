//! The fields of an account: opened, and sealed again.

use serde_json::{Map, Value};

use crate::{
    actions::{ActionError, Context},
    domain::{account_type::AccountType, id::AccountId},
    store::accounts::AccountRow,
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
    let (plain, personal) = account_type.split(fields);
    if personal.is_empty() {
        return Ok(Kept { plain: Value::Object(plain), sealed: None, new_key: None });
    }
    let (key, new_key) = match key {
        Some(key) => (key, None),
        None => {
            let (key, stored) = context.keyring.new_data_key(id.0);
            (key, Some(stored))
        }
    };
    let sealed = key.seal(Purpose::AccountFields, &personal)?;
    Ok(Kept { plain: Value::Object(plain), sealed: Some(sealed), new_key })
}
