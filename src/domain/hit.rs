//! Hits: what the findings of an answer change among the hits that a monitor has.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

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

/// The word for what ended a decision by its time.
pub const EXPIRED: &str = "expired";

/// The word for what ended a decision that was made when another score made a hit, once somebody asked for it.
pub const THRESHOLD: &str = "threshold";

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
    /// Digest of the account's screened data when it was last found; none when nobody knows, or when the report asks a
    /// question of its own.
    pub subject: Option<[u8; 16]>,
    /// When somebody decided on it.
    pub decided_at: Option<DateTime<Utc>>,
}

impl<I> Known<I> {
    /// Where it stands, or stood before it was gone.
    pub fn standing(&self) -> HitState {
        match self.state {
            HitState::Gone => self.before_gone.unwrap_or(HitState::Open),
            standing => standing,
        }
    }
}

/// An entity that an answer found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its lasting name.
    pub entity: &'a str,
    /// Digest of its facts.
    pub facts: [u8; 16],
    /// Its former ids, each with the digest that the same facts would have under it.
    pub former: Vec<(&'a str, [u8; 16])>,
}

/// What an answer is compared under.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// Digest of the account's screened data; none when the report asks a question of its own.
    pub subject: Option<[u8; 16]>,
    /// Decisions that were made before this expired.
    pub expired_before: Option<DateTime<Utc>>,
}

/// What became of an entity between the last answer and this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Found for the first time.
    New,
    /// Found, and its facts differ, or what was decided ended: the hit is open again.
    Changed,
    /// Found again after it was gone, and no decision holds: the hit is open again.
    Back,
    /// Found again after it was gone, with all that a person's decision rests on: the decision stands.
    BackDecided,
    /// News to this monitor, and decided on already for the account: no alert.
    Decided(HitState),
    /// Found as before.
    Unchanged,
}

/// Why a hit is open again, or why what was decided on it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The entity's facts, or the lists that it stands on, are others.
    pub facts: bool,
    /// The account's screened data are others.
    pub subject: bool,
    /// The decision expired.
    pub expired: bool,
}

impl Ends {
    /// Whether anything ended it.
    pub const fn any(self) -> bool {
        self.facts || self.subject || self.expired
    }
}

/// What became of one found entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became<I> {
    /// What.
    pub change: Change,
    /// The hit that there was.
    pub hit: Option<I>,
    /// The id that the entity had when it was last found, if that was another.
    pub renamed_from: Option<String>,
    /// What differs from what the hit rested on.
    pub ends: Ends,
    /// Whether a decision of the hit ended.
    pub was_decided: bool,
    /// Whether the hit is to be written although nothing became of it: it has another name, or other data were asked
    /// about.
    pub is_touched: bool,
}

/// Compares the hits that a monitor has with the entities that an answer found. Returns what became of each found
/// entity, in their order, and the hits that are gone. An entity whose id changed is the one that it was, by its former
/// ids.
///
/// `decided` tells what a person decided about an entity with these facts, whatever report it was about, where the
/// decision holds.
pub fn compare<I: Copy + PartialEq>(
    known: &[Known<I>],
    found: &[Found<'_>],
    terms: Terms,
    decided: impl Fn(&Found<'_>) -> Option<HitState>,
) -> (Vec<Became<I>>, Vec<I>) {
    let by_entity: BTreeMap<&str, &Known<I>> = known.iter().map(|hit| (hit.entity.as_str(), hit)).collect();
    let present: BTreeSet<&str> = found.iter().map(|one| one.entity).collect();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let became: Vec<Became<I>> = found
        .iter()
        .map(|one| {
            let former = || {
                let former = one.former.iter().filter(|(id, _)| {
                    !present.contains(id) && !taken.contains(id) && by_entity.contains_key(id)
                });
                // Of several that became one, what a person confirmed goes before what waits, and that before what was
                // dismissed; then the first by id.
                former.min_by_key(|(id, _)| {
                    let standing = by_entity.get(id).map(|hit| match hit.standing() {
                        HitState::Confirmed => 0,
                        HitState::Dismissed => 2,
                        HitState::Open | HitState::Gone => 1,
                    });
                    (standing, *id)
                })
            };
            let (hit, facts) = match (by_entity.get(one.entity), former()) {
                (Some(hit), _) => (Some(*hit), one.facts),
                (None, Some((id, facts))) => (by_entity.get(id).copied(), *facts),
                (None, None) => (None, one.facts),
            };
            if let Some(hit) = hit {
                taken.insert(hit.entity.as_str());
            }
            became(hit, one, facts, terms, &decided)
        })
        .collect();
    let gone = known
        .iter()
        .filter(|hit| hit.state != HitState::Gone && !became.iter().any(|one| one.hit == Some(hit.id)))
        .map(|hit| hit.id)
        .collect();
    (became, gone)
}

/// `facts` is the digest under the id that the hit has.
fn became<I: Copy>(
    hit: Option<&Known<I>>,
    found: &Found<'_>,
    facts: [u8; 16],
    terms: Terms,
    decided: &impl Fn(&Found<'_>) -> Option<HitState>,
) -> Became<I> {
    let Some(hit) = hit else {
        return Became {
            change: decided(found).map_or(Change::New, Change::Decided),
            hit: None,
            renamed_from: None,
            ends: Ends::default(),
            was_decided: false,
            is_touched: false,
        };
    };
    let (is_gone, standing) = (hit.state == HitState::Gone, hit.standing());
    let was_decided = standing != HitState::Open;
    let is_renamed = hit.entity != found.entity;
    let ends = Ends {
        facts: hit.facts != facts,
        subject: was_decided && differs(hit.subject, terms.subject),
        expired: was_decided
            && terms.expired_before.zip(hit.decided_at).is_some_and(|(before, at)| at < before),
    };
    let open_again = if is_gone { Change::Back } else { Change::Changed };
    let change = match (was_decided, ends.any()) {
        (true, false) if is_gone => Change::BackDecided,
        (false, false) if !is_gone && !is_renamed => Change::Unchanged,
        (true, false) => Change::Unchanged,
        // Another report of the account may have brought somebody to decide on it.
        (_, true) => decided(found).map_or(open_again, Change::Decided),
        (false, false) => {
            let stays = if is_gone { Change::Back } else { Change::Unchanged };
            decided(found).map_or(stays, Change::Decided)
        }
    };
    Became {
        change,
        hit: Some(hit.id),
        renamed_from: is_renamed.then(|| hit.entity.clone()),
        ends,
        was_decided,
        is_touched: is_renamed || terms.subject.is_some() && hit.subject != terms.subject,
    }
}

/// Whether two digests are known, and differ.
pub fn differs(before: Option<[u8; 16]>, after: Option<[u8; 16]>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before != after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: u8, state: HitState, facts: u8) -> Known<u8> {
        Known {
            id,
            entity: format!("e{id}"),
            state,
            before_gone: None,
            facts: [facts; 16],
            subject: Some([1; 16]),
            decided_at: (state != HitState::Open).then_some(DateTime::UNIX_EPOCH),
        }
    }

    fn found(entity: &str, facts: u8) -> Found<'_> {
        Found { entity, facts: [facts; 16], former: Vec::new() }
    }

    fn terms() -> Terms {
        Terms { subject: Some([1; 16]), expired_before: None }
    }

    fn nobody(_: &Found<'_>) -> Option<HitState> {
        None
    }

    fn changes(became: &[Became<u8>]) -> Vec<(Change, Option<u8>)> {
        became.iter().map(|one| (one.change, one.hit)).collect()
    }

    #[test]
    fn a_decision_outlasts_an_absence_and_not_a_change_of_facts() {
        let gone = |before| Known {
            before_gone: Some(before),
            decided_at: Some(DateTime::UNIX_EPOCH),
            ..known(1, HitState::Gone, 1)
        };
        let back =
            |hit: Known<u8>, facts| compare(&[hit], &[found("e1", facts)], terms(), nobody).0[0].change;
        assert_eq!(back(gone(HitState::Dismissed), 1), Change::BackDecided);
        assert_eq!(back(gone(HitState::Confirmed), 1), Change::BackDecided);
        assert_eq!(back(gone(HitState::Dismissed), 2), Change::Back);
        assert_eq!(back(gone(HitState::Open), 1), Change::Back);
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
        let all = [found("e1", 1), found("e2", 9), found("e3", 1), found("e9", 1)];
        let (became, gone) = compare(&hits, &all, terms(), nobody);
        assert_eq!(
            changes(&became),
            [
                (Change::Unchanged, Some(1)),
                (Change::Changed, Some(2)),
                (Change::Back, Some(3)),
                (Change::New, None)
            ]
        );
        assert_eq!(gone, [4]);
    }

    #[test]
    fn what_was_decided_for_the_account_is_no_news_to_another_of_its_reports() {
        let decided =
            |one: &Found<'_>| (one.entity != "e9" && one.facts == [1; 16]).then_some(HitState::Dismissed);
        let hits = [known(2, HitState::Open, 9), known(3, HitState::Gone, 1), known(4, HitState::Open, 1)];
        let all = ["e1", "e2", "e3", "e4", "e9"].map(|entity| found(entity, 1));
        let (became, gone) = compare(&hits, &all, terms(), decided);
        assert_eq!(
            changes(&became),
            [
                (Change::Decided(HitState::Dismissed), None),
                (Change::Decided(HitState::Dismissed), Some(2)),
                (Change::Decided(HitState::Dismissed), Some(3)),
                (Change::Unchanged, Some(4)),
                (Change::New, None)
            ]
        );
        assert_eq!(gone, [0_u8; 0]);
    }

    #[test]
    fn an_entity_whose_id_changed_is_the_one_that_it_was() {
        let merged =
            |facts| Found { former: vec![("e1", [facts; 16]), ("e2", [facts; 16])], ..found("e9", 7) };
        let (became, gone) = compare(&[known(1, HitState::Dismissed, 1)], &[merged(1)], terms(), nobody);
        assert_eq!(changes(&became), [(Change::Unchanged, Some(1))], "the same facts under another id");
        assert_eq!((became[0].renamed_from.as_deref(), became[0].is_touched), (Some("e1"), true));
        assert_eq!(gone, [0_u8; 0]);

        // Others under the new id: the decision ends. Of two that became one, one goes.
        let two = [known(1, HitState::Dismissed, 1), known(2, HitState::Dismissed, 1)];
        let (became, gone) = compare(&two, &[merged(2)], terms(), nobody);
        assert_eq!(changes(&became), [(Change::Changed, Some(1))]);
        assert!(became[0].ends.facts && became[0].was_decided);
        assert_eq!(gone, [2]);

        // An id that another entity still has is no former one.
        let (became, _) = compare(&two, &[merged(1), found("e1", 1)], terms(), nobody);
        assert_eq!(changes(&became), [(Change::Unchanged, Some(2)), (Change::Unchanged, Some(1))]);
    }

    #[test]
    fn a_decision_ends_when_other_data_are_screened_and_when_it_expires() {
        let hits = [known(1, HitState::Dismissed, 1), known(2, HitState::Open, 1)];
        let all = [found("e1", 1), found("e2", 1)];
        let other = Terms { subject: Some([2; 16]), ..terms() };
        let (became, _) = compare(&hits, &all, other, nobody);
        assert_eq!(changes(&became), [(Change::Changed, Some(1)), (Change::Unchanged, Some(2))]);
        assert_eq!(became[0].ends, Ends { subject: true, ..Ends::default() });
        assert!(became[1].is_touched, "it is to rest on the new data");
        // Whoever decided on the new data in another report meanwhile decided here too.
        let (became, _) = compare(&hits, &all[..1], other, |_| Some(HitState::Confirmed));
        assert_eq!(became[0].change, Change::Decided(HitState::Confirmed));
        // A report with a question of its own, and hits from before, know nothing of the account's data.
        let (became, _) = compare(&hits, &all[..1], Terms::default(), nobody);
        assert_eq!((became[0].change, became[0].is_touched), (Change::Unchanged, false));
        let before = Known { subject: None, ..known(1, HitState::Dismissed, 1) };
        let (became, _) = compare(&[before], &all[..1], other, nobody);
        assert_eq!((became[0].change, became[0].is_touched), (Change::Unchanged, true));

        let expired_before = DateTime::from_timestamp(1, 0);
        let (became, _) = compare(&hits, &all, Terms { expired_before, ..terms() }, nobody);
        assert_eq!(changes(&became), [(Change::Changed, Some(1)), (Change::Unchanged, Some(2))]);
        assert_eq!(became[0].ends, Ends { expired: true, ..Ends::default() });
    }
}
