//! A table of an export.

use serde_json::Value;

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
