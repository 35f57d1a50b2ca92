//! A table of an export.

use serde_json::Value;

/// The rows of one table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its rows, as JSON objects: bytes are text that begins with `\x`.
    pub rows: Vec<Value>,
}
