//! Hits: what the findings of an answer change among the hits that a monitor has.

use std::collections::BTreeMap;

use super::monitor::words;

words! {
    /// Where a hit stands.
    HitState {
        /// Nobody has decided on it.
        Open = "open",
        /// A person found that it is somebody else.
        Dismissed = "dismissed",
        /// A person found that it is the account.
        Confirmed = "confirmed",
        /// Runs no longer find it.
        Gone = "gone",
    }
}

/// A hit that a monitor has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<I> {
    /// Its id.
    pub id: I,
    /// Its entity.
    pub entity: String,
    /// Where it stands.
    pub state: HitState,
    /// Where it stood before it was gone.
    pub before_gone: Option<HitState>,
    /// Digest of the facts that its decision rests on.
    pub facts: [u8; 16],
}

/// What became of an entity between the last answer and this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<I> {
    /// Found for the first time.
    New,
    /// Found, and its facts differ: the hit is open again.
    Changed(I),
    /// Found again after it was gone, and nobody had decided on these facts: the hit is open again.
    Back(I),
    /// Found again after it was gone, with the facts that a person had decided on: the decision stands.
    BackDecided(I),
    /// News to this monitor, and decided on already for the account: no alert. The hit, if it has one.
    Decided(Option<I>, HitState),
    /// Found as before.
    Unchanged(I),
}

/// Compares the hits that a monitor has with the entities that an answer found (with the digests of
/// their facts). Returns what became of each found entity, in their order, and the hits that are gone.
///
/// `decided` tells what a person decided about an entity with these facts, whatever report it was about.
pub fn compare<I: Copy>(
    known: &[Known<I>],
    found: &[(&str, [u8; 16])],
    decided: impl Fn(&str, &[u8; 16]) -> Option<HitState>,
) -> (Vec<Change<I>>, Vec<I>) {
    let by_entity: BTreeMap<&str, &Known<I>> = known.iter().map(|hit| (hit.entity.as_str(), hit)).collect();
    let changes = found
        .iter()
        .map(|(entity, facts)| {
            let change = change(by_entity.get(entity).copied(), facts);
            let hit = match change {
                Change::New => None,
                Change::Changed(id) | Change::Back(id) => Some(id),
                Change::BackDecided(_) | Change::Decided(..) | Change::Unchanged(_) => return change,
            };
            decided(entity, facts).map_or(change, |state| Change::Decided(hit, state))
        })
        .collect();
    let gone = known
        .iter()
        .filter(|hit| hit.state != HitState::Gone && !found.iter().any(|(entity, _)| *entity == hit.entity))
        .map(|hit| hit.id)
        .collect();
    (changes, gone)
}

fn change<I: Copy>(known: Option<&Known<I>>, facts: &[u8; 16]) -> Change<I> {
    match known {
        None => Change::New,
        Some(hit) if hit.state == HitState::Gone => match hit.before_gone {
            Some(HitState::Dismissed | HitState::Confirmed) if hit.facts == *facts => {
                Change::BackDecided(hit.id)
            }
            _ => Change::Back(hit.id),
        },
        Some(hit) if hit.facts != *facts => Change::Changed(hit.id),
        Some(hit) => Change::Unchanged(hit.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: u8, state: HitState, facts: u8) -> Known<u8> {
        Known { id, entity: format!("e{id}"), state, before_gone: None, facts: [facts; 16] }
    }

    #[test]
    fn a_decision_outlasts_an_absence_and_not_a_change_of_facts() {
        let gone = |before| Known { before_gone: Some(before), ..known(1, HitState::Gone, 1) };
        let back = |hit: Known<u8>, facts| compare(&[hit], &[("e1", [facts; 16])], |_, _| None).0;
        assert_eq!(back(gone(HitState::Dismissed), 1), [Change::BackDecided(1)]);
        assert_eq!(back(gone(HitState::Confirmed), 1), [Change::BackDecided(1)]);
        assert_eq!(back(gone(HitState::Dismissed), 2), [Change::Back(1)]);
        assert_eq!(back(gone(HitState::Open), 1), [Change::Back(1)]);
    }

    #[test]
    fn each_found_entity_is_new_changed_back_or_unchanged_and_the_rest_is_gone() {
        let hits = [
            known(1, HitState::Open, 1),
            known(2, HitState::Dismissed, 1),
            known(3, HitState::Gone, 1),
            known(4, HitState::Confirmed, 1),
            known(5, HitState::Gone, 1),
        ];
        let found = [("e1", [1; 16]), ("e2", [9; 16]), ("e3", [1; 16]), ("e9", [1; 16])];
        let (changes, gone) = compare(&hits, &found, |_, _| None);
        assert_eq!(changes, [Change::Unchanged(1), Change::Changed(2), Change::Back(3), Change::New]);
        assert_eq!(gone, [4]);
    }

    #[test]
    fn what_was_decided_for_the_account_is_no_news_to_another_of_its_reports() {
        let decided = |entity: &str, facts: &[u8; 16]| {
            (entity != "e9" && *facts == [1; 16]).then_some(HitState::Dismissed)
        };
        let hits = [known(2, HitState::Open, 9), known(3, HitState::Gone, 1), known(4, HitState::Open, 1)];
        let found = [("e1", [1; 16]), ("e2", [1; 16]), ("e3", [1; 16]), ("e4", [1; 16]), ("e9", [1; 16])];
        let (changes, gone) = compare(&hits, &found, decided);
        assert_eq!(
            changes,
            [
                Change::Decided(None, HitState::Dismissed),
                Change::Decided(Some(2), HitState::Dismissed),
                Change::Decided(Some(3), HitState::Dismissed),
                Change::Unchanged(4),
                Change::New
            ]
        );
        assert_eq!(gone, [0_u8; 0]);
    }
}
