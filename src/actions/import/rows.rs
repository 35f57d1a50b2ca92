//! One row of a file, read and checked.

use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::columns::{Column, Columns, part};
use crate::{
    actions::accounts::is_plain,
    domain::{
        account_type::{AccountType, FieldFault, FieldKind},
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

/// What a row says in one of its columns.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    /// A text of a CSV file, trimmed.
    Text(&'a str),
    /// A value of a JSON object.
    Json(&'a Value),
}

impl Cell<'_> {
    fn is_empty(self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Json(value) => value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()),
        }
    }

    /// The text of an attribute; a number counts as the text that it is written as.
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.to_owned()),
            Self::Json(Value::String(text)) => Some(text.trim().to_owned()),
            Self::Json(Value::Number(number)) => Some(number.to_string()),
            Self::Json(_) => None,
        }
    }

    /// Several texts: of a list, or of a text with semicolons, commas or bars between.
    fn texts(self) -> Option<Vec<String>> {
        match self {
            Self::Json(Value::Array(list)) => {
                list.iter().map(|text| text.as_str().map(|text| text.trim().to_owned())).collect()
            }
            cell => {
                let text = cell.text()?;
                let texts = text.split([';', ',', '|']).map(str::trim).filter(|text| !text.is_empty());
                Some(texts.map(str::to_owned).collect())
            }
        }
    }

    fn value(self, kind: &FieldKind) -> Value {
        match self {
            Self::Text(text) => raw_value(kind, text),
            // A list or a name may be given as one text, as in a CSV file.
            Self::Json(Value::String(text)) => raw_value(kind, text.trim()),
            Self::Json(value) => value.clone(),
        }
    }
}

/// The cells of a row: header, what it means, what the row says.
pub(super) type Cells<'a> = Vec<(&'a str, &'a Column, Cell<'a>)>;

/// Reads a row of a CSV file, or says what is wrong with it without quoting it.
pub(super) fn read_csv(
    record: &csv::ByteRecord,
    line: u64,
    width: usize,
    columns: &Columns,
    (types, today): (&[(AccountTypeId, AccountType)], NaiveDate),
) -> Result<Row, String> {
    if record.len() != width {
        return Err(format!("has {} cells; accepted are {width}, as in the header", record.len()));
    }
    let mut cells = Vec::with_capacity(width);
    for (cell, (header, column)) in record.iter().zip(&columns.all) {
        let cell = std::str::from_utf8(cell).map_err(|_| format!("{header}: accepted is UTF-8"))?.trim();
        cells.push((header.as_str(), column, Cell::Text(cell)));
    }
    assemble(&cells, line, columns.default_type, (types, today))
}

/// Makes a row of its cells, or says what is wrong with it without quoting it.
pub(super) fn assemble(
    cells: &Cells<'_>,
    line: u64,
    default_type: Option<usize>,
    (types, today): (&[(AccountTypeId, AccountType)], NaiveDate),
) -> Result<Row, String> {
    let filled = |wanted: &Column| {
        cells.iter().find(|(_, column, cell)| *column == wanted && !cell.is_empty()).map(|(_, _, cell)| *cell)
    };
    let text = |wanted: &Column, accepted: &str| {
        filled(wanted).map(|cell| cell.text().ok_or_else(|| accepted.to_owned())).transpose()
    };
    let type_index = match text(&Column::Type, "type: accepted is a text")? {
        Some(name) => types.iter().position(|(_, known)| known.name == name).ok_or_else(|| {
            let names: Vec<&str> = types.iter().map(|(_, known)| known.name.as_str()).collect();
            format!("type: accepted is one of {}", names.join(", "))
        })?,
        None => default_type.ok_or("type: is empty, and nothing else says which")?,
    };
    let (id, account_type) = types.get(type_index).ok_or("type: is unknown")?;
    let reference_id = text(&Column::ReferenceId, "reference_id: accepted is a text")?
        .ok_or("reference_id: is empty; accepted is a text of 1 to 255 characters")?;
    if !is_plain(&reference_id) {
        return Err(
            "reference_id: accepted is a text of 1 to 255 characters without control characters".to_owned()
        );
    }
    let status = text(&Column::Status, "status: accepted is a text")?;
    let status = match status.as_ref().map(|status| account_type.status_key(status)) {
        None => None,
        Some(Some(key)) => Some(key.to_owned()),
        Some(None) => {
            return Err(format!("status: accepted is one of {}", account_type.status_names().join(", ")));
        }
    };
    let tags = filled(&Column::Tags).map_or(Some(Vec::new()), Cell::texts);
    let tags = tags
        .filter(|tags| tags.iter().all(|tag| is_plain(tag)))
        .ok_or("tags: accepted are texts of 1 to 255 characters, with semicolons between")?;
    let fields = fields(cells, account_type, today)?;
    Ok(Row { line, account_type: *id, type_index, reference_id, status, tags, fields })
}

fn fields(
    cells: &Cells<'_>,
    account_type: &AccountType,
    today: NaiveDate,
) -> Result<Map<String, Value>, String> {
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
        if matches!(cell, Cell::Text(text) if text.contains(['\n', '\r'])) {
            return Err(format!("{header}: accepted is a text of one line"));
        }
        let Some(key) = key else {
            return Err(format!("{header}: accounts of type {} have no such field", account_type.name));
        };
        if account_type.field(key).is_some_and(|field| field.kind == FieldKind::File) {
            return Err(format!("{header}: files are not imported, but sent through the API"));
        }
        if let Some(field) = account_type.field(key) {
            raw.insert(key.to_owned(), cell.value(&field.kind));
        } else if let Some((field, part)) = part(account_type, key) {
            let hash = raw.entry(field).or_insert_with(|| Value::Object(Map::new()));
            if let Some(hash) = hash.as_object_mut() {
                hash.insert(part.to_owned(), cell.value(&FieldKind::TEXT));
            }
        } else {
            return Err(format!("{header}: accounts of type {} have no such field", account_type.name));
        }
    }
    let meanings = account_type.meanings();
    let mut checked = Map::new();
    for (key, value) in raw {
        let Some(field) = account_type.field(&key) else { continue };
        let refused = |faults: Vec<FieldFault>| {
            let faults: Vec<String> = faults.iter().map(|fault| fault_of(&key, fault)).collect();
            faults.join("; ")
        };
        let value = field.check(&value).map_err(refused)?;
        let found = meanings.faults(&key, &value, None, today);
        if !found.is_empty() {
            return Err(refused(found));
        }
        if !value.is_null() {
            checked.insert(key, value);
        }
    }
    Ok(checked)
}

fn fault_of(key: &str, fault: &FieldFault) -> String {
    format!("{key}{}: {}", fault.path.replace('/', "_"), fault.details)
}

/// A cell in the form that the field's check takes: lists by semicolons, a name by its words.
fn raw_value(kind: &FieldKind, cell: &str) -> Value {
    if matches!(kind, FieldKind::Array { .. } | FieldKind::MultiChoices(_)) {
        return cell
            .split([';', '|'])
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(Value::from)
            .collect();
    }
    if !kind.is_person_name() {
        return Value::from(cell);
    }
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
