//! When an account is to be verified again, and what happens then.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{date::PartialDate, schedule::Selection};

/// What a reverification is counted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from")]
pub enum Due {
    /// So many days after the last inquiry of the account that was completed.
    #[serde(rename_all = "kebab-case")]
    LastInquiry {
        /// How many.
        days_after: u32,
    },
    /// So many days before a date that a field holds, such as the expiry of a document.
    #[serde(rename_all = "kebab-case")]
    DateField {
        /// The field's key.
        field: String,
        /// How many.
        days_before: u32,
    },
}

impl Due {
    /// When an account is due whose last inquiry was completed then, and whose field holds this; none when nothing
    /// says so. A date without a day counts from its first day.
    pub fn at(&self, last_inquiry: Option<DateTime<Utc>>, field: Option<&str>) -> Option<DateTime<Utc>> {
        match self {
            Self::LastInquiry { days_after } => {
                last_inquiry?.checked_add_signed(TimeDelta::days(i64::from(*days_after)))
            }
            Self::DateField { days_before, .. } => {
                let date: PartialDate = field?.split('T').next()?.parse().ok()?;
                let date =
                    NaiveDate::from_ymd_opt(date.year(), date.month().unwrap_or(1), date.day().unwrap_or(1))?;
                let due = date.checked_sub_days(Days::new(u64::from(*days_before)))?;
                Some(due.and_time(NaiveTime::MIN).and_utc())
            }
        }
    }

    /// The field that it reads, if any.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::LastInquiry { .. } => None,
            Self::DateField { field, .. } => Some(field),
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Self::LastInquiry { days_after } => format!("{days_after} days after the last completed inquiry"),
            Self::DateField { field, days_before } => format!("{days_before} days before {field}"),
        }
    }
}

/// Which accounts are to be verified again, when, and what is then done to them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reverification {
    /// Its name in the configuration.
    pub name: String,
    /// The accounts that it is for.
    pub accounts: Selection,
    /// When.
    pub due: Due,
    /// Tags that are set.
    pub tags: Vec<String>,
    /// The status that is set, from one of `status_from` only.
    pub status: Option<String>,
    /// The statuses from which the status may be changed.
    pub status_from: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_due_days_after_the_last_inquiry() {
        let due = Due::LastInquiry { days_after: 365 };
        let last = time("2026-03-01T09:00:00Z");
        assert_eq!(due.at(Some(last), None), Some(time("2027-03-01T09:00:00Z")));
        assert_eq!(due.at(None, Some("2026-03-01")), None, "who was never verified is not due again");
    }

    #[test]
    fn it_is_due_days_before_a_date() {
        let due = Due::DateField { field: "passport_expires".to_owned(), days_before: 30 };
        assert_eq!(due.at(None, Some("2026-12-31")), Some(time("2026-12-01T00:00:00Z")));
        assert_eq!(due.at(None, Some("2027")), Some(time("2026-12-02T00:00:00Z")));
        for nothing in [None, Some(""), Some("soon")] {
            assert_eq!(due.at(None, nothing), None);
        }
    }

    #[test]
    fn the_rule_is_kept_as_words() {
        let due = Due::LastInquiry { days_after: 365 };
        let kept = serde_json::to_value(&due).unwrap();
        assert_eq!(kept, serde_json::json!({ "from": "last-inquiry", "days-after": 365 }));
        assert_eq!(serde_json::from_value::<Due>(kept).unwrap(), due);
        assert_eq!(due.describe(), "365 days after the last completed inquiry");
    }
}
