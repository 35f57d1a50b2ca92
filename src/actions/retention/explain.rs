//! Why an object is, or is not, due.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{
    super::{ActionError, Context},
    facts::{self, Rules},
    written,
};
use crate::{
    domain::{
        id::{AccountId, InquiryId, ListItemId, MonitorId, TransactionId},
        retention::{Cause, Kept, Redaction, RetainedKind, Verdict},
    },
    store::retention,
};

/// The id of anything that a policy can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetainedId(RetainedKind, Uuid);

impl RetainedId {
    /// The id of an object of a kind.
    pub const fn new(kind: RetainedKind, id: Uuid) -> Self {
        Self(kind, id)
    }

    /// The kind, and the bare id.
    pub const fn parts(self) -> (RetainedKind, Uuid) {
        (self.0, self.1)
    }
}

impl From<AccountId> for RetainedId {
    fn from(account: AccountId) -> Self {
        Self(RetainedKind::Account, account.0)
    }
}

impl fmt::Display for RetainedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0, self.1))
    }
}

/// Text that is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "accepted is the id of an account (act_), inquiry (inq_), report (rep_), transaction (txn_) or list item (li_)"
)]
pub struct NotRetained;

impl FromStr for RetainedId {
    type Err = NotRetained;

    fn from_str(text: &str) -> Result<Self, NotRetained> {
        let parsed = match text.split_once('_').map(|(prefix, _)| prefix) {
            Some("act") => text.parse::<AccountId>().map(Self::from),
            Some("inq") => text.parse::<InquiryId>().map(|id| Self(RetainedKind::Inquiry, id.0)),
            Some("rep") => text.parse::<MonitorId>().map(|id| Self(RetainedKind::Report, id.0)),
            Some("txn") => text.parse::<TransactionId>().map(|id| Self(RetainedKind::Transaction, id.0)),
            Some("li") => text.parse::<ListItemId>().map(|id| Self(RetainedKind::ListItem, id.0)),
            _ => return Err(NotRetained),
        };
        parsed.map_err(|_| NotRetained)
    }
}

/// Why an object is, or is not, due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// The object.
    pub id: String,
    /// What it is.
    pub kind: &'static str,
    /// The verdict on it as a whole.
    #[serde(flatten)]
    pub whole: Explained,
    /// The verdicts on fields that it has and that have periods of their own.
    pub fields: Vec<Explained>,
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explained {
    /// The field; none for the whole object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// `due`, `upcoming` or `kept`.
    pub state: &'static str,
    /// When it is redacted.
    pub due_at: Option<DateTime<Utc>>,
    /// By which policy.
    pub policy: Option<String>,
    /// In words.
    pub why: String,
    /// What keeps it now.
    pub kept_by: Vec<Obstacle>,
}

/// What keeps an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Obstacle {
    /// `policy` or `hold`.
    pub kind: &'static str,
    /// The policy's name, or the hold's id.
    pub name: String,
    /// The code of the hold's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when; without end when none.
    pub until: Option<DateTime<Utc>>,
}

/// Explains an object, by the facts as they stand now.
pub async fn explain(context: &Context, id: RetainedId) -> Result<Explanation, ActionError> {
    let mut connection = context.store.connection().await?;
    let rules = Rules::load(&mut connection).await?;
    let found = facts::of_object(context, &mut connection, &rules, id.0, id.1).await?;
    let (household, object) = found.ok_or(ActionError::NotFound("object of that id"))?;
    let now = context.now();
    let describe = |name: &str| {
        let policy = rules.policies.iter().find(|policy| policy.name == name);
        policy.map_or_else(String::new, |policy| format!("{name}: {}", policy.describe()))
    };
    let explained = |field: Option<&String>, verdict: &Verdict| said(field, verdict, now, &describe);
    let fields = object.fields.iter();
    let fields =
        fields.map(|(field, facts)| explained(Some(field), &household.judge(&rules, facts))).collect();
    // A source has no verdict of its own: it goes with what took it over.
    let is_source = household.sources.iter().any(|source| source.id == object.id);
    let whole = if is_source { &household.head.facts } else { &object.facts };
    let mut whole = explained(None, &household.judge(&rules, whole));
    if is_source {
        let head = written(RetainedKind::Account, household.head.id);
        whole.why = format!("it was consolidated into {head}, and is redacted with it; {}", whole.why);
    }
    Ok(Explanation { id: id.to_string(), kind: id.0.word(), whole, fields })
}

fn said(
    field: Option<&String>,
    verdict: &Verdict,
    now: DateTime<Utc>,
    describe: &impl Fn(&str) -> String,
) -> Explained {
    let (state, due_at, policy, why) = match &verdict.redaction {
        Redaction::Due(due) => {
            let state = if due.at <= now { "due" } else { "upcoming" };
            let mut why = describe(&due.policy);
            if due.at > due.by_policy_at {
                why.push_str("; something else keeps it for longer");
            }
            (state, Some(due.at), Some(due.policy.clone()), why)
        }
        Redaction::Kept(kept) => {
            let why = match kept {
                Kept::Empty => "it is redacted, and nothing was written to it since".to_owned(),
                Kept::NoPolicy => "no policy redacts it".to_owned(),
                Kept::NotBegun(policy) => format!("{}; that has not begun", describe(policy)),
                Kept::Barred(barrier) => match &barrier.cause {
                    Cause::Policy(policy, _) => format!("{}; that has not begun", describe(policy)),
                    Cause::Hold(id, reason) => format!("legal hold {id} ({reason}), until it is lifted"),
                },
            };
            ("kept", None, None, why)
        }
    };
    let standing = verdict.barriers.iter().filter(|barrier| barrier.stands(now));
    let kept_by = standing.map(|barrier| match &barrier.cause {
        Cause::Policy(name, _) => {
            Obstacle { kind: "policy", name: name.clone(), reason: None, until: barrier.until }
        }
        Cause::Hold(id, reason) => Obstacle {
            kind: "hold",
            name: id.to_string(),
            reason: Some(reason.clone()),
            until: barrier.until,
        },
    });
    Explained { field: field.cloned(), state, due_at, policy, why, kept_by: kept_by.collect() }
}

/// Whether the walk after a change of policies is still under way, so that due rows may be old.
pub(super) async fn is_walking(conn: &mut sqlx::PgConnection) -> Result<bool, ActionError> {
    Ok(retention::get_state(conn).await?.walk.is_some())
}
