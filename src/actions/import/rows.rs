//! One row of a file, read and checked.

use serde_json::{Map, Value};

use super::columns::{Column, Columns, name_part};
use crate::{
    actions::accounts::is_plain,
    domain::{
        account_type::{AccountType, FieldKind},
        id::AccountTypeId,
    },
};

/// A row that can be taken.
pub(super) struct Row {
    pub(super) line: u64,
    pub(super) account_type: AccountTypeId,
    pub(super) type_index: usize,
    pub(super) reference_id: String,
    pub(super) status: Option<String>,
    pub(super) tags: Vec<String>,
    /// Checked values of the cells that hold one.
    pub(super) fields: Map<String, Value>,
}

/// Reads a row, or says what is wrong with it without quoting it.
pub(super) fn read(
    record: &csv::ByteRecord,
    line: u64,
    width: usize,
    columns: &Columns,
    types: &[(AccountTypeId, AccountType)],
) -> Result<Row, String> {
    if record.len() != width {
        return Err(format!("has {} cells; accepted are {width}, as in the header", record.len()));
    }
    let mut cells = Vec::with_capacity(width);
    for (cell, (header, column)) in record.iter().zip(&columns.all) {
        let cell = std::str::from_utf8(cell).map_err(|_| format!("{header}: accepted is UTF-8"))?.trim();
        cells.push((header.as_str(), column, cell));
    }
    let filled = |wanted: &Column| {
        cells.iter().find(|(_, column, cell)| *column == wanted && !cell.is_empty()).map(|(_, _, cell)| *cell)
    };
    let type_index = match filled(&Column::Type) {
        Some(name) => types.iter().position(|(_, known)| known.name == name).ok_or_else(|| {
            let names: Vec<&str> = types.iter().map(|(_, known)| known.name.as_str()).collect();
            format!("type: accepted is one of {}", names.join(", "))
        })?,
        None => columns.default_type.ok_or("type: is empty, and no --type says which")?,
    };
    let (id, account_type) = types.get(type_index).ok_or("type: is unknown")?;
    let reference_id = filled(&Column::ReferenceId)
        .ok_or("reference_id: is empty; accepted is a text of 1 to 255 characters")?;
    if !is_plain(reference_id) {
        return Err(
            "reference_id: accepted is a text of 1 to 255 characters without control characters".to_owned()
        );
    }
    let status = filled(&Column::Status);
    if status.is_some_and(|status| !account_type.has_status(status)) {
        return Err(format!("status: accepted is one of {}", account_type.statuses.join(", ")));
    }
    let tags: Vec<String> = filled(&Column::Tags)
        .map(|tags| {
            tags.split([';', ',', '|'])
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    if !tags.iter().all(|tag| is_plain(tag)) {
        return Err("tags: accepted are texts of 1 to 255 characters, with semicolons between".to_owned());
    }
    let fields = fields(&cells, account_type)?;
    Ok(Row {
        line,
        account_type: *id,
        type_index,
        reference_id: reference_id.to_owned(),
        status: status.map(str::to_owned),
        tags,
        fields,
    })
}

fn fields(cells: &[(&str, &Column, &str)], account_type: &AccountType) -> Result<Map<String, Value>, String> {
    let mut raw: Map<String, Value> = Map::new();
    for (header, column, cell) in cells {
        let screened = &account_type.screened;
        let key = match column {
            Column::Field(key) => Some(key.as_str()),
            Column::Name => screened.names.first().map(String::as_str),
            Column::BirthDate => screened.birth_date.as_deref(),
            Column::Country => screened.countries.first().map(String::as_str),
            Column::ReferenceId | Column::Type | Column::Status | Column::Tags | Column::Ignored => continue,
        };
        if cell.is_empty() {
            continue;
        }
        // A quotation mark that nobody closed makes one cell of many lines.
        if cell.contains(['\n', '\r']) {
            return Err(format!("{header}: accepted is a text of one line"));
        }
        let Some(key) = key else {
            return Err(format!("{header}: accounts of type {} have no such field", account_type.name));
        };
        if let Some(field) = account_type.field(key) {
            raw.insert(key.to_owned(), raw_value(&field.kind, cell));
        } else if let Some((field, part)) = name_part(key)
            && account_type.field(field).is_some_and(|field| field.kind == FieldKind::PersonName)
        {
            let name = raw.entry(field).or_insert_with(|| Value::Object(Map::new()));
            if let Some(name) = name.as_object_mut() {
                name.insert(part.to_owned(), Value::from(*cell));
            }
        } else {
            return Err(format!("{header}: accounts of type {} have no such field", account_type.name));
        }
    }
    let mut checked = Map::new();
    for (key, value) in raw {
        let Some(field) = account_type.field(&key) else { continue };
        let value = field.check(&value).map_err(|fault| format!("{key}: {fault}"))?;
        if !value.is_null() {
            checked.insert(key, value);
        }
    }
    Ok(checked)
}

/// A cell in the form that the field's check takes: lists by semicolons, a name by its words.
fn raw_value(kind: &FieldKind, cell: &str) -> Value {
    match kind {
        FieldKind::StringList => {
            cell.split([';', '|']).map(str::trim).filter(|text| !text.is_empty()).map(Value::from).collect()
        }
        FieldKind::PersonName => {
            let words: Vec<&str> = cell.split_whitespace().collect();
            let mut name = Map::new();
            if let Some((last, rest)) = words.split_last() {
                name.insert("last".to_owned(), Value::from(*last));
                if let Some((first, middle)) = rest.split_first() {
                    name.insert("first".to_owned(), Value::from(*first));
                    if !middle.is_empty() {
                        name.insert("middle".to_owned(), Value::from(middle.join(" ")));
                    }
                }
            }
            Value::Object(name)
        }
        FieldKind::String
        | FieldKind::Integer
        | FieldKind::Number
        | FieldKind::Boolean
        | FieldKind::Date
        | FieldKind::Choices(_) => Value::from(cell),
    }
}
