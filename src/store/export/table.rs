//! A table of an export.

use serde_json::Value;
use uuid::Uuid;

use crate::domain::id::AccountId;

/// The most rows of one table, for memory is bounded. Where there are more, the export says so.
pub const MOST: i64 = 200_000;

/// The rows of one table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its rows, as JSON objects: bytes are text that begins with `\x`.
    pub rows: Vec<Value>,
    /// Whether there are more.
    pub is_cut: bool,
}

impl Table {
    /// What was read, of which one more than is handed out.
    pub(super) fn of(name: &'static str, mut rows: Vec<Value>) -> Self {
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        let is_cut = rows.len() > most;
        rows.truncate(most);
        Self { name, rows, is_cut }
    }
}

/// The uuids of a column of rows that were read.
pub(super) fn column(rows: &[Value], name: &str) -> Vec<Uuid> {
    rows.iter().filter_map(|row| row.get(name)?.as_str()?.parse().ok()).collect()
}

/// The shards of objects: the last byte of any id.
pub(super) fn shards_of(objects: &[Uuid]) -> Vec<i16> {
    objects.iter().map(|object| AccountId(*object).shard().column()).collect()
}

/// The rows of a table that was read.
pub(super) fn of<'a>(tables: &'a [Table], name: &str) -> &'a [Value] {
    tables.iter().find(|table| table.name == name).map_or(&[], |table| table.rows.as_slice())
}
