//! For how long personal data is kept: policies, legal holds, and when an object falls due to be redacted.
//!
//! There are two rules. A policy to *redact* sets the longest time: of several the earliest counts. A policy to *keep*
//! sets the shortest: of several the latest counts, and it goes before every policy to redact. A legal hold goes before
//! both. What goes with an object (an account's inquiries and reports, the accounts that were consolidated into it) is
//! redacted with it, so the object waits for what of these must be kept longer.
//!
//! [`due`] is the one place where that is decided: the sweep, the plan, the explanation and the refusal of a redaction
//! by hand all ask it.

mod period;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use self::{
    period::{NotAPeriod, Period, over},
    policy::{Clock, Policy, RetainedKind, Rule},
};
use super::{
    date::PartialDate,
    id::{AccountId, HoldId},
};

/// What is known of an object, or of one field of it, when it is asked whether it is due.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What it is.
    pub object: RetainedKind,
    /// The name of its account type, transaction type or list.
    pub type_name: String,
    /// The name of its status.
    pub status: String,
    /// The field, if the question is about one field only.
    pub field: Option<String>,
    /// The accounts that it is of: their holds are its holds.
    pub accounts: Vec<AccountId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it came to its end.
    pub completed_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub active_at: DateTime<Utc>,
    /// When its account, or itself if it is of none, was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// The names of the statuses that its account had lately, each with since when; the one that it has is the last.
    pub account_statuses: Vec<(String, DateTime<Utc>)>,
    /// Dates that its fields hold, by key.
    pub dates: BTreeMap<String, PartialDate>,
    /// When it was filled again after its last redaction.
    pub filled_at: Option<DateTime<Utc>>,
    /// Whether there is nothing in it to redact.
    pub is_empty: bool,
    /// Whether it is a field that outlasted the redaction of its account, for a policy kept it: it goes as soon as it may.
    pub outlasts: bool,
    /// What is redacted with it.
    pub goes_with: Vec<Facts>,
    /// The account that it is a part or a field of: what keeps that as a whole keeps its parts.
    pub part_of: Option<Box<Facts>>,
}

impl Facts {
    /// The facts of a whole object that is of no account and has no dates.
    pub fn bare(object: RetainedKind, created_at: DateTime<Utc>, active_at: DateTime<Utc>) -> Self {
        Self {
            object,
            type_name: String::new(),
            status: String::new(),
            field: None,
            accounts: Vec::new(),
            created_at,
            completed_at: None,
            active_at,
            archived_at: None,
            account_statuses: Vec::new(),
            dates: BTreeMap::new(),
            filled_at: None,
            is_empty: false,
            outlasts: false,
            goes_with: Vec::new(),
            part_of: None,
        }
    }
}

/// A legal hold on an account: nothing of it is redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The account.
    pub account: AccountId,
    /// Why, as a code: nothing about a person.
    pub reason: String,
    /// When it ends by itself; never when none.
    pub until: Option<DateTime<Utc>>,
}

/// What keeps an object from being redacted before a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// What it is.
    pub cause: Cause,
    /// Until when it stands; without end when none.
    pub until: Option<DateTime<Utc>>,
}

impl Barrier {
    /// Whether it still stands.
    pub fn stands(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Why an object must be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A policy to keep: its name, and whether its date follows from a field, which may be personal.
    Policy(String, bool),
    /// A hold, and the code of its reason.
    Hold(HoldId, String),
}

/// Whether and when an object falls due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// When it is redacted by which policy, or why it is not.
    pub redaction: Redaction,
    /// Everything that keeps it, or has kept it; those that stand longest last.
    pub barriers: Vec<Barrier>,
}

impl Verdict {
    /// What keeps the object now from being redacted, by whomever: of several what stands longest.
    pub fn refusal(&self, now: DateTime<Utc>) -> Option<&Barrier> {
        self.barriers.iter().rev().find(|barrier| barrier.stands(now))
    }

    /// When it falls due; none when nothing says so.
    pub const fn due_at(&self) -> Option<DateTime<Utc>> {
        match &self.redaction {
            Redaction::Due(due) => Some(due.at),
            Redaction::Kept(_) => None,
        }
    }
}

/// What a verdict comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// It falls, or fell, due.
    Due(Due),
    /// It is kept.
    Kept(Kept),
}

/// When an object is redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// From when on.
    pub at: DateTime<Utc>,
    /// By which policy.
    pub policy: String,
    /// When the policy alone would have it redacted; later times are the doing of what keeps it.
    pub by_policy_at: DateTime<Utc>,
}

/// Why an object is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is nothing in it to redact.
    Empty,
    /// No policy to redact is about it.
    NoPolicy,
    /// A policy is about it, and its period has not begun.
    NotBegun(String),
    /// Something keeps it without an end in sight.
    Barred(Barrier),
}

/// Decides whether and when an object is redacted, by all policies and all holds of its accounts.
///
/// No date that it returns is earlier than a policy to keep or a hold allows, and none is later than the earliest
/// policy to redact says unless one of these asks for it. A field goes with its account, when nothing keeps what goes
/// with that; before that only by a policy that names it. One that outlasted the redaction of its account, for policies
/// kept it, goes when the last of these is over.
pub fn due(facts: &Facts, policies: &[Policy], holds: &[Hold]) -> Verdict {
    let whole = |policy: &&Policy| policy.fields.is_empty();
    if facts.field.is_none() {
        let kept = std::iter::once(facts).chain(&facts.goes_with).chain(facts.part_of.as_deref());
        let barriers = barriers(kept, policies, holds);
        return verdict(facts, facts.is_empty, policies.iter().filter(whole), barriers);
    }
    let named = policies.iter().filter(|policy| !policy.fields.is_empty());
    let kept = std::iter::once(facts).chain(facts.part_of.as_deref());
    let alone = verdict(facts, facts.is_empty, named, barriers(kept, policies, holds));
    let Some(account) = facts.part_of.as_deref() else { return alone };
    if let Some(last) = left_over(facts, &alone) {
        return Verdict { redaction: Redaction::Due(last), barriers: alone.barriers };
    }
    let kept = [facts, account].into_iter().chain(&account.goes_with);
    let policies_on_all = policies.iter().filter(whole);
    let with_all = verdict(account, facts.is_empty, policies_on_all, barriers(kept, policies, holds));
    let is_first = match (alone.due_at(), with_all.due_at()) {
        (Some(alone), Some(with_all)) => alone <= with_all,
        (None, None) => alone.redaction != Redaction::Kept(Kept::NoPolicy),
        (alone, _) => alone.is_some(),
    };
    if is_first { alone } else { with_all }
}

/// When a field goes that outlasted its account; none when it did not, or when something keeps it without an end in sight,
/// or no policy kept it.
fn left_over(facts: &Facts, alone: &Verdict) -> Option<Due> {
    if !facts.outlasts || facts.is_empty {
        return None;
    }
    let at = alone.barriers.last()?.until?;
    let kept_by = |barrier: &Barrier| match &barrier.cause {
        Cause::Policy(name, _) => Some((barrier.until?, name.clone())),
        Cause::Hold(..) => None,
    };
    let (by_policy_at, policy) = alone.barriers.iter().filter_map(kept_by).next_back()?;
    Some(Due { at, policy, by_policy_at })
}

/// When the first of `policies` that is about an object has it redacted.
fn verdict<'a>(
    facts: &Facts,
    is_empty: bool,
    policies: impl Iterator<Item = &'a Policy>,
    barriers: Vec<Barrier>,
) -> Verdict {
    let redaction = if is_empty {
        Redaction::Kept(Kept::Empty)
    } else {
        match (earliest(facts, policies), barriers.last()) {
            (Err(kept), _) => Redaction::Kept(kept),
            (Ok(_), Some(barrier)) if barrier.until.is_none() => {
                Redaction::Kept(Kept::Barred(barrier.clone()))
            }
            (Ok((by_policy_at, policy)), barrier) => {
                let until = barrier.and_then(|barrier| barrier.until);
                let at = until.map_or(by_policy_at, |until| until.max(by_policy_at));
                Redaction::Due(Due { at, policy: policy.name.clone(), by_policy_at })
            }
        }
    };
    Verdict { redaction, barriers }
}

/// The policy to redact whose period is over first.
fn earliest<'a>(
    facts: &Facts,
    policies: impl Iterator<Item = &'a Policy>,
) -> Result<(DateTime<Utc>, &'a Policy), Kept> {
    let about: Vec<&Policy> =
        policies.filter(|policy| policy.rule == Rule::Redact && policy.is_about(facts)).collect();
    let ends = about.iter().filter_map(|policy| Some((policy.end(facts)?, *policy)));
    let earliest = ends.min_by(|one, other| (one.0, &one.1.name).cmp(&(other.0, &other.1.name)));
    earliest.ok_or_else(|| match about.first() {
        Some(policy) => Kept::NotBegun(policy.name.clone()),
        None => Kept::NoPolicy,
    })
}

/// What keeps any of several things; what stands longest is last.
fn barriers<'a>(kept: impl Iterator<Item = &'a Facts>, policies: &[Policy], holds: &[Hold]) -> Vec<Barrier> {
    let mut barriers = Vec::new();
    let mut accounts = Vec::new();
    for one in kept {
        // What is redacted already needs keeping no more.
        let keeping = policies.iter().filter(|policy| policy.rule == Rule::Keep && !one.is_empty);
        for policy in keeping.filter(|policy| policy.is_about(one)) {
            let of_field = matches!(policy.clock, Clock::DateField { .. });
            barriers.push(Barrier {
                cause: Cause::Policy(policy.name.clone(), of_field),
                until: policy.end(one),
            });
        }
        accounts.extend(&one.accounts);
    }
    let held = holds.iter().filter(|hold| accounts.contains(&hold.account));
    barriers.extend(
        held.map(|hold| Barrier { cause: Cause::Hold(hold.id, hold.reason.clone()), until: hold.until }),
    );
    barriers.sort_by_key(|barrier| (barrier.until.is_none(), barrier.until));
    barriers.dedup();
    barriers
}
