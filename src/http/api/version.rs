//! Dated versions of the API: what changed when, for clients that were written before.

use std::fmt;

use chrono::NaiveDate;

/// A version that the API speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(&'static str);

/// All of them, the oldest first.
const KNOWN: [&str; 9] = [
    "2020-05-18",
    "2021-02-21",
    "2021-05-14",
    "2021-07-05",
    "2021-08-18",
    "2022-09-01",
    "2023-01-05",
    "2025-10-27",
    "2025-12-08",
];

impl Version {
    /// The newest, spoken where nothing else is asked for.
    pub(super) const NEWEST: Self = Self("2025-12-08");

    /// The version of a date. Of one that is newer than all that are known, the newest.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_newer = || text > Self::NEWEST.0 && text.parse::<NaiveDate>().is_ok();
        let known = KNOWN.iter().find(|known| **known == text).map(|known| Self(known));
        known.or_else(|| is_newer().then_some(Self::NEWEST))
    }

    /// Whether a key can be pinned to it: a newer one would change what it means when it becomes known.
    pub(super) fn is_known(text: &str) -> bool {
        KNOWN.contains(&text.trim())
    }

    /// All versions in words.
    pub(super) fn known() -> String {
        KNOWN.join(", ")
    }

    /// Whether answers carry personal attributes beside `fields` (`name-first`, `birthdate`, …): until 2023-01-05.
    pub(super) fn has_flat_attributes(self) -> bool {
        self.0 < "2025-10-27"
    }

    /// Whether related objects are included though nobody asks for them: until 2023-01-05.
    pub(super) fn includes_by_default(self) -> bool {
        self.0 < "2025-10-27"
    }

    /// Whether reports carry their `run-history`: until 2025-10-27.
    pub(super) fn has_run_history(self) -> bool {
        self.0 < "2025-12-08"
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_differ_as_their_dates_say() {
        let of = |text| Version::of_text(text).unwrap();
        assert!(of("2023-01-05").has_flat_attributes() && of("2023-01-05").includes_by_default());
        assert!(!of("2025-10-27").has_flat_attributes() && of("2025-10-27").has_run_history());
        assert!(!Version::NEWEST.has_run_history());
        assert_eq!(Version::of_text("2024-01-01"), None);
        assert_eq!(Version::of_text("2026-09-29"), Some(Version::NEWEST));
        assert_eq!(Version::of_text("tomorrow"), None);
        assert!(Version::is_known("2021-07-05") && !Version::is_known("2026-09-29"));
        assert!(KNOWN.is_sorted());
    }
}
