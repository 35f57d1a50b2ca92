//! What becomes of an account's fields by what somebody hands in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::edit::Part;
use crate::{
    actions::{Context, Invalid},
    domain::{
        account_type::{AccountType, Field, FieldFault, FieldKind, LONGEST_FILE, WritePolicy, pointer_part},
        id::{AccountId, FileId},
    },
};

/// A file that came with a patch.
pub(crate) struct NewFile {
    pub(crate) id: FileId,
    pub(crate) content: Vec<u8>,
}

/// What a patch makes of an account's fields.
#[derive(Default)]
pub(super) struct Patched {
    /// All fields, as they are to be.
    pub(super) after: Map<String, Value>,
    /// Files that fields name now.
    pub(super) files: Vec<NewFile>,
}

/// Lays a patch over the fields `before`; what it may not do is a fault each.
pub(super) fn patched(
    context: &Context,
    (account, account_type): (AccountId, &AccountType),
    before: &Map<String, Value>,
    (patch, parts): (&Map<String, Value>, &[Part]),
    faults: &mut Vec<Invalid>,
) -> Patched {
    let mut whole = patch.clone();
    for part in parts {
        let kept = before.get(&part.field).filter(|value| value.is_object());
        let hash =
            whole.entry(part.field.clone()).or_insert_with(|| kept.cloned().unwrap_or_else(|| json!({})));
        if let Some(hash) = hash.as_object_mut() {
            hash.insert(part.key.clone(), part.value.clone());
        }
    }
    let (meanings, today) = (account_type.meanings(), context.now().date_naive());
    let mut patched = Patched { after: before.clone(), files: Vec::new() };
    for (key, value) in whole {
        let at = format!("/data/attributes/fields/{}", pointer_part(&key));
        let Some(field) = account_type.field(&key) else {
            let details = format!("accounts of type {} have no such field", account_type.name);
            faults.push(Invalid::at(at, details));
            continue;
        };
        let old = before.get(&key);
        let value = if field.kind == FieldKind::File && !value.is_null() {
            match file(context, account, &value) {
                Some((value, file)) => {
                    patched.files.push(file);
                    value
                }
                // What it takes is said by the check below.
                None => json!({}),
            }
        } else {
            value
        };
        let accepted = checked(field, old, &value).and_then(|value| {
            let found = meanings.faults(&key, &value, old, today);
            if found.is_empty() { Ok(value) } else { Err(parted(found)) }
        });
        match accepted {
            Ok(Value::Null) => drop(patched.after.remove(&key)),
            Ok(value) => drop(patched.after.insert(key, value)),
            Err(refused) => faults.extend(
                refused.into_iter().map(|(path, details)| Invalid::at(format!("{at}{path}"), details)),
            ),
        }
    }
    patched
}

fn parted(faults: Vec<FieldFault>) -> Vec<(String, String)> {
    faults.into_iter().map(|fault| (fault.path, fault.details)).collect()
}

fn checked(field: &Field, old: Option<&Value>, value: &Value) -> Result<Value, Vec<(String, String)>> {
    let value = field.check(value).map_err(parted)?;
    if field.write_policy == WritePolicy::WriteOnce && old.is_some_and(|old| *old != value) {
        return Err(vec![(String::new(), "is written once, and has a value".to_owned())]);
    }
    Ok(value)
}

/// Takes a file that was handed in as `{data, filename}` apart: what the field keeps, and the content.
fn file(context: &Context, account: AccountId, value: &Value) -> Option<(Value, NewFile)> {
    let filename = value.get("filename")?.as_str()?.trim();
    let is_name = (1..=255).contains(&filename.chars().count())
        && !filename.contains(|letter: char| letter.is_control() || letter == '/' || letter == '\\');
    let data = value.get("data")?.as_str()?;
    // Longer by a third than what it stands for.
    let content = (data.len() <= LONGEST_FILE / 3 * 4 + 4).then(|| STANDARD.decode(data).ok())??;
    if !is_name || content.is_empty() || content.len() > LONGEST_FILE {
        return None;
    }
    let id = FileId(context.new_uuid(account.shard()));
    let kept = json!({ "file-id": id, "filename": filename, "byte-size": content.len() });
    Some((kept, NewFile { id, content }))
}

/// Gives a new account the values that its type has for what nobody said.
pub(crate) fn with_defaults(
    account_type: &AccountType,
    patch: &Map<String, Value>,
    after: &mut Map<String, Value>,
) {
    for field in account_type.active_fields() {
        if let Some(default) = &field.default_value
            && !patch.contains_key(&field.key)
            && !after.contains_key(&field.key)
        {
            after.insert(field.key.clone(), default.clone());
        }
    }
}

/// The keys of the fields that differ.
pub(super) fn changed_keys(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut keys: Vec<String> = after
        .iter()
        .filter(|(key, value)| before.get(*key) != Some(value))
        .map(|(key, _)| key.clone())
        .collect();
    keys.extend(before.keys().filter(|key| !after.contains_key(*key)).cloned());
    keys.sort_unstable();
    keys
}
