//! The wrapper that keeps personal data out of logs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Data about a person. Readable only by asking, so it cannot slip into a log.
///
/// It has no `Display`, and its `Debug` hides the value. Serialising it writes the value: what is
/// serialised is sealed by the vault or printed for the person who asked.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Marks `value` as data about a person.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Hands out the value. Each caller is a place to review.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// Gives the value up. Each caller is a place to review.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_value() {
        let name = Personal::new("Jane Doe".to_owned());
        assert_eq!(format!("{name:?}"), "[personal]");
    }
}
