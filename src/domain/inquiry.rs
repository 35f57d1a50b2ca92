//! One verification interaction of an account: what state it is in, and what may become of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::comparison::Compared;

/// The state of an inquiry, in Persona's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InquiryStatus {
    /// Made; nobody has begun it.
    Created,
    /// Begun: something was submitted.
    Pending,
    /// Completed, and nothing that is required contradicts the account.
    Completed,
    /// Nobody completed it in time.
    Expired,
    /// Completed, and something that is required contradicts the account.
    Failed,
    /// A person is to look at it.
    NeedsReview,
    /// A person accepted it.
    Approved,
    /// A person refused it.
    Declined,
}

impl InquiryStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Pending,
        Self::Completed,
        Self::Expired,
        Self::Failed,
        Self::NeedsReview,
        Self::Approved,
        Self::Declined,
    ];

    /// Its word in the database and the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::NeedsReview => "needs_review",
            Self::Approved => "approved",
            Self::Declined => "declined",
        }
    }

    /// The status of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether it still collects.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Pending)
    }

    /// Whether a person may decide on it: it was completed, whatever came of that.
    pub const fn is_decidable(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::NeedsReview | Self::Approved | Self::Declined => true,
            Self::Created | Self::Pending | Self::Expired => false,
        }
    }
}

/// What a person found in an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is accepted.
    Approved,
    /// It is refused.
    Declined,
    /// Another person is to look.
    NeedsReview,
}

impl Verdict {
    /// The status that it gives.
    pub const fn status(self) -> InquiryStatus {
        match self {
            Self::Approved => InquiryStatus::Approved,
            Self::Declined => InquiryStatus::Declined,
            Self::NeedsReview => InquiryStatus::NeedsReview,
        }
    }

    /// The event that tells of it.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Approved => "inquiry.approved",
            Self::Declined => "inquiry.declined",
            Self::NeedsReview => "inquiry.marked-for-review",
        }
    }
}

/// What is personal about an inquiry; sealed under its own key, and destroyed by its redaction.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct InquiryContent {
    /// What was collected, by field key; in the form of the account's fields.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// What the customer noted.
    #[serde(default)]
    pub note: Option<String>,
    /// What the reviewer said.
    #[serde(default)]
    pub comment: Option<String>,
}

impl InquiryContent {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.note.is_none() && self.comment.is_none()
    }
}

/// Nothing personal.
impl std::fmt::Debug for InquiryContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InquiryContent").field("fields", &self.fields.keys()).finish_non_exhaustive()
    }
}

/// What an inquiry was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    /// The account as it was then.
    Account,
    /// The account's last inquiry that was completed.
    LastInquiry,
}

/// One comparison as it is kept and shown; no values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was compared with.
    pub against: Against,
    /// What came of it.
    #[serde(flatten)]
    pub compared: Compared,
}

impl Check {
    /// Its name, in the manner of Persona's checks: `account_name_comparison`.
    pub fn name(&self) -> String {
        let against = match self.against {
            Against::Account => "account",
            Against::LastInquiry => "inquiry",
        };
        format!("{against}_{}_comparison", self.compared.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_word_of_its_own() {
        for status in InquiryStatus::ALL {
            assert_eq!(InquiryStatus::of_word(status.word()), Some(status));
        }
        assert_eq!(InquiryStatus::of_word("gone"), None);
    }

    #[test]
    fn an_inquiry_is_open_or_decidable_or_expired() {
        for status in InquiryStatus::ALL {
            let kinds = [status.is_open(), status.is_decidable(), status == InquiryStatus::Expired];
            assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "{status:?}");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let fields = serde_json::json!({ "name": "Zaphod" }).as_object().cloned().unwrap();
        let content = InquiryContent { fields, note: Some("Beeblebrox".to_owned()), comment: None };
        let text = format!("{content:?}");
        assert!(text.contains("name") && !text.contains("Zaphod") && !text.contains("Beeblebrox"), "{text}");
    }
}
