//! What changed, in words: a hit that is open again says why.

use crate::domain::{
    answer::{FACTS, Finding},
    hit::{Became, EXPIRED},
};

/// The account's screened data are others.
const ACCOUNT_DATA: &str = "account-data";

/// The entity has another id, and other facts with it.
const MERGED: &str = "merged";

/// What changed since a hit was found as `before`: `list`, `name`, keys of facts, and what else ended its decision.
pub(super) fn of<I>(became: &Became<I>, before: Option<&Finding>, now: &Finding) -> Vec<String> {
    let mut changes = Vec::new();
    if became.ends.facts {
        match before {
            None => changes.push(FACTS.to_owned()),
            Some(before) => changes.extend(before.differences(now)),
        }
        if became.renamed_from.is_some() {
            changes.push(MERGED.to_owned());
        }
    }
    if became.ends.subject {
        changes.push(ACCOUNT_DATA.to_owned());
    }
    if became.ends.expired {
        changes.push(EXPIRED.to_owned());
    }
    changes
}
