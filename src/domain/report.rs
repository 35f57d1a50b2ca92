//! Reports as the API speaks of them: what they ask, how they stand, what people do to them, and what is told.

use serde::{Deserialize, Serialize};

use super::{
    date::PartialDate,
    monitor::words,
    personal::Personal,
    schedule::ReportType,
    subject::{Subject, SubjectKind},
};

words! {
    /// How a report stands.
    ReportStatus {
        /// It has no answer yet.
        Pending = "pending",
        /// It has one.
        Ready = "ready",
        /// Its last run ended without an answer.
        Errored = "errored",
    }
}

words! {
    /// What a person did to a report.
    ReportActionKind {
        /// Matches are somebody else.
        Dismiss = "dismiss",
        /// It stopped.
        Pause = "pause",
        /// It goes on.
        Resume = "resume",
        /// Matches are the account.
        Review = "review",
    }
}

/// What is told of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportEvent {
    /// Somebody asked for it.
    Submitted,
    /// A run that somebody asked for was answered, or an answer differs from the one before.
    Ready,
    /// There was no answer where there was one before, or where somebody asked.
    Errored,
    /// An answer holds something new: an entity, or other facts about one.
    Matched,
    /// A person found that matches are somebody else.
    Dismissed,
    /// A person found that matches are the account.
    Confirmed,
}

impl ReportType {
    /// The name of an event, such as `report/watchlist.ready`.
    pub const fn event(self, event: ReportEvent) -> &'static str {
        macro_rules! names {
            ($word:literal) => {
                match event {
                    ReportEvent::Submitted => concat!("report/", $word, ".submitted"),
                    ReportEvent::Ready => concat!("report/", $word, ".ready"),
                    ReportEvent::Errored => concat!("report/", $word, ".errored"),
                    ReportEvent::Matched => concat!("report/", $word, ".matched"),
                    ReportEvent::Dismissed => concat!("report/", $word, ".dismissed"),
                    ReportEvent::Confirmed => concat!("report/", $word, ".confirmed"),
                }
            };
        }
        match self {
            Self::Watchlist => names!("watchlist"),
            Self::PoliticallyExposedPerson => names!("politically-exposed-person"),
            Self::AdverseMedia => names!("adverse-media"),
            Self::BusinessWatchlist => names!("business-watchlist"),
        }
    }
}

/// Whom a report asks about, when that is not its account as it stands: it never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Query {
    /// First name.
    pub name_first: Option<Personal<String>>,
    /// Middle name.
    pub name_middle: Option<Personal<String>>,
    /// Last name.
    pub name_last: Option<Personal<String>>,
    /// A whole name, of a person or an organisation.
    pub term: Option<Personal<String>>,
    /// Date of birth, whole or in part.
    pub birthdate: Option<Personal<PartialDate>>,
    /// An ISO 3166-1 alpha-2 code.
    pub country_code: Option<Personal<String>>,
}

impl Query {
    /// Whether it asks nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whom it asks about.
    pub fn subject(&self, kind: SubjectKind) -> Subject {
        let parts: Vec<&str> = [&self.name_first, &self.name_middle, &self.name_last]
            .into_iter()
            .filter_map(|part| part.as_ref().map(|part| part.reveal().trim()))
            .filter(|part| !part.is_empty())
            .collect();
        let whole = (!parts.is_empty()).then(|| Personal::new(parts.join(" ")));
        let term = self.term.clone().filter(|term| !term.reveal().trim().is_empty());
        let names = whole.into_iter().chain(term).collect();
        let code = self.country_code.as_ref().map(|code| code.reveal().trim().to_ascii_uppercase());
        let countries = code.into_iter().map(Personal::new).collect();
        Subject {
            kind,
            names,
            birth_date: self.birthdate.clone(),
            countries,
            gender: None,
            documents: Vec::new(),
            contacts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as the parts of a query are written")]
    fn text(text: &str) -> Option<Personal<String>> {
        Some(Personal::new(text.to_owned()))
    }

    #[test]
    fn a_query_asks_about_a_name_in_parts_and_a_whole_one() {
        let query = Query {
            name_first: text("Jane"),
            name_last: text(" Doe "),
            term: text("J. Doe"),
            country_code: text("de"),
            ..Query::default()
        };
        let subject = query.subject(SubjectKind::Person);
        let names: Vec<&str> = subject.names.iter().map(|name| name.reveal().as_str()).collect();
        assert_eq!(names, ["Jane Doe", "J. Doe"]);
        assert_eq!(subject.countries[0].reveal(), "DE");
        assert!(Query::default().is_empty() && !query.is_empty());
        assert_eq!(Query::default().subject(SubjectKind::Person).missing(), Some("name"));
    }

    #[test]
    fn events_have_the_names_that_integrators_know() {
        assert_eq!(ReportType::Watchlist.event(ReportEvent::Ready), "report/watchlist.ready");
        for report in ReportType::ALL {
            let name = report.event(ReportEvent::Matched);
            assert_eq!(name, format!("{report}.matched"));
        }
    }
}
