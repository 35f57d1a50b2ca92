//! What the columns of a file mean.

use std::collections::BTreeMap;

use super::{ImportOptions, Spoken};
use crate::domain::{account_type::AccountType, id::AccountTypeId};

/// What headers of a file mean: header to field key; an empty key leaves the column out.
pub type HeaderMap = BTreeMap<String, String>;

/// Headers that mean the same in every type, and the words for them.
const COMMON: [(&str, Column); 9] = [
    ("reference_id", Column::ReferenceId),
    ("reference", Column::ReferenceId),
    ("id", Column::ReferenceId),
    ("customer_id", Column::ReferenceId),
    ("type", Column::Type),
    ("account_type", Column::Type),
    ("status", Column::Status),
    ("account_status", Column::Status),
    ("tags", Column::Tags),
];

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    ReferenceId,
    Type,
    Status,
    Tags,
    /// A field, or a part of a person's name: `name_first`.
    Field(String),
    /// Whatever the row's type screens as its name, date of birth, country.
    Name,
    BirthDate,
    Country,
    Ignored,
}

/// The columns of a file, in its order, with their headers.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) all: Vec<(String, Column)>,
    pub(super) default_type: Option<usize>,
}

impl Columns {
    pub(super) fn find(
        headers: &csv::ByteRecord,
        types: &[(AccountTypeId, AccountType)],
        options: &ImportOptions,
    ) -> Result<Self, String> {
        let default_type = default_type(types, options)?;
        let mut all = Vec::with_capacity(headers.len());
        let mut unknown: Vec<String> = Vec::new();
        for (number, header) in (1..).zip(headers) {
            let header =
                std::str::from_utf8(header).map_err(|_| "the header line is not UTF-8".to_owned())?.trim();
            match meaning(header, types, options) {
                Some(column) => all.push((header.to_owned(), column)),
                // By number: in a file without a header line it would be somebody's name.
                None => unknown.push(format!("{number}")),
            }
        }
        let spoken = options.spoken();
        let map = spoken.map();
        if let Some(key) = options.headers.values().find(|key| !key.is_empty() && named(key, types).is_none())
        {
            return Err(format!(
                "{map} names {key:?}, which no account type has; accepted are {}",
                accepted(types)
            ));
        }
        if let Some(header) =
            options.headers.keys().find(|header| !all.iter().any(|(known, _)| known == *header))
        {
            return Err(format!("{map} names the header {header:?}, which the file does not have"));
        }
        let separator = headers.get(0).filter(|_| headers.len() == 1).and_then(other_separator);
        if let Some(separator) = separator.filter(|_| !unknown.is_empty()) {
            return Err(format!(
                "the first line is one column, with {separator} in it; accepted are columns with commas between them"
            ));
        }
        if !unknown.is_empty() {
            return Err(format!(
                "unknown headers in columns {} of the first line; accepted are {}. Say what a header means with {}, or leave its column out with {}",
                unknown.join(", "),
                accepted(types),
                spoken.mapping("FIELD"),
                spoken.mapping(""),
            ));
        }
        once(&all, spoken)?;
        if !all.iter().any(|(_, column)| *column == Column::ReferenceId) {
            return Err(format!(
                "no column holds the reference id; accepted is a header reference_id, or {}",
                spoken.mapping("reference_id")
            ));
        }
        if default_type.is_none() && !all.iter().any(|(_, column)| *column == Column::Type) {
            return Err(format!(
                "no column holds the account type; accepted is a header type, or {} with one of {}",
                spoken.account_type(),
                names(types)
            ));
        }
        Ok(Self { all, default_type })
    }
}

/// What seems to stand between columns instead of commas.
fn other_separator(header: &[u8]) -> Option<&'static str> {
    let others = [(b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")];
    others.into_iter().find(|(separator, _)| header.contains(separator)).map(|(_, name)| name)
}

/// Refuses two columns of one meaning: which of their cells would count, nobody said. They are named by number, as
/// a file without a header line would have somebody's data there.
fn once(all: &[(String, Column)], spoken: Spoken) -> Result<(), String> {
    for (place, (_, column)) in all.iter().enumerate().filter(|(_, (_, column))| *column != Column::Ignored) {
        if let Some(first) = all.iter().take(place).position(|(_, other)| other == column) {
            return Err(format!(
                "the columns {} and {} of the first line mean the same; accepted is each once. Leave one out with {}",
                first + 1,
                place + 1,
                spoken.mapping(""),
            ));
        }
    }
    Ok(())
}

/// The type of rows that do not say, where that is clear.
pub(super) fn default_type(
    types: &[(AccountTypeId, AccountType)],
    options: &ImportOptions,
) -> Result<Option<usize>, String> {
    match &options.account_type {
        None if types.len() == 1 => Ok(Some(0)),
        None => Ok(None),
        Some(wanted) => match types.iter().position(|(_, known)| known.name == *wanted) {
            Some(place) => Ok(Some(place)),
            None => Err(format!("there is no account type of that name; accepted are {}", names(types))),
        },
    }
}

/// What a header means.
pub(super) fn meaning(
    header: &str,
    types: &[(AccountTypeId, AccountType)],
    options: &ImportOptions,
) -> Option<Column> {
    match options.headers.get(header) {
        Some(key) if key.is_empty() => Some(Column::Ignored),
        Some(key) => named(key, types),
        None => named(&snake(header), types),
    }
}

fn named(key: &str, types: &[(AccountTypeId, AccountType)]) -> Option<Column> {
    if let Some((_, column)) = COMMON.iter().find(|(word, _)| *word == key) {
        return Some(column.clone());
    }
    // Which field a plain `name` is depends on the row's type.
    match key {
        "name" | "full_name" => return Some(Column::Name),
        "birthdate" | "birth_date" | "date_of_birth" | "dob" => return Some(Column::BirthDate),
        "country" | "country_code" => return Some(Column::Country),
        _ => {}
    }
    let known = types
        .iter()
        .any(|(_, account_type)| account_type.field(key).is_some() || part(account_type, key).is_some());
    known.then(|| Column::Field(key.to_owned()))
}

/// `name_first` is the part `first` of the field `name`, `address_street_1` that of `address`.
pub(super) fn part<'t>(account_type: &'t AccountType, key: &str) -> Option<(&'t str, &'t str)> {
    account_type.active_fields().find_map(|field| {
        let part = key.strip_prefix(&field.key)?.strip_prefix(['_', '.'])?;
        let item = field.kind.item(part)?;
        Some((field.key.as_str(), item.key.as_str()))
    })
}

fn snake(header: &str) -> String {
    let words: Vec<String> =
        header.split([' ', '-', '_']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("_")
}

fn names(types: &[(AccountTypeId, AccountType)]) -> String {
    types.iter().map(|(_, account_type)| account_type.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn accepted(types: &[(AccountTypeId, AccountType)]) -> String {
    let mut words: Vec<String> =
        ["reference_id", "type", "name", "birthdate", "country", "tags", "status"].map(str::to_owned).into();
    for (_, account_type) in types {
        for field in account_type.active_fields() {
            let parts = field.kind.items();
            words.extend(parts.iter().map(|part| format!("{}_{}", field.key, part.key)));
            if parts.is_empty() {
                words.push(field.key.clone());
            }
        }
    }
    let mut once = Vec::new();
    words.retain(|word| {
        let new = !once.contains(word);
        once.push(word.clone());
        new
    });
    words.join(", ")
}
