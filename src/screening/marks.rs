//! Which parts of an account's name each name of a list answers, one bit a part, and what a name could
//! score for it: the sieve between the index and the scorer.

use crate::names::align::{SINGLE_PART_CAP, best_score};
use crate::names::{Name, NameKind};

/// Which parts of the account's name each name of the list answers.
pub(super) struct Marks {
    of: Vec<u16>,
    touched: Vec<u32>,
}

/// Set when two neighbours of the list's name, read as one, answer a part.
pub(super) const LISTED_JOIN: u16 = 1 << 15;

/// Parts from here on share a mark.
const LAST_MARK: usize = 14;

impl Marks {
    /// The names that answer anything, with what they answer.
    pub(super) fn answered(&self) -> impl Iterator<Item = (usize, u16)> {
        let touched = self.touched.iter().map(|name| *name as usize);
        touched.filter_map(|name| Some((name, self.of.get(name).copied()?)))
    }

    /// Whether any of `names` answers anything.
    pub(super) fn any(&self, names: &[u32]) -> bool {
        names.iter().any(|name| self.of.get(*name as usize).is_some_and(|mark| *mark != 0))
    }

    /// For so many names.
    pub(super) fn new(names: usize) -> Self {
        Self { of: vec![0; names], touched: Vec::new() }
    }

    /// Notes that `names` answer the parts in `answered`.
    pub(super) fn set(&mut self, names: &[u32], answered: u16) {
        for name in names {
            if let Some(mark) = self.of.get_mut(*name as usize) {
                if *mark == 0 {
                    self.touched.push(*name);
                }
                *mark |= answered;
            }
        }
    }
}

/// The mark of the part at `place`.
pub(super) const fn mark_of(place: usize) -> u16 {
    if place < LAST_MARK { 1 << place } else { 1 << LAST_MARK }
}

/// Whether a name that answers the parts in `mark` could score `least`; errs towards yes.
pub(super) fn could_score(kind: NameKind, account: &Name, listed: &Name, mark: u16, least: f64) -> bool {
    // Initials answer parts without being marked, and shared marks stand for many: no bound.
    if account.has_initials || listed.has_initials || account.parts.len() > LAST_MARK {
        return true;
    }
    let answered = mark & !LISTED_JOIN;
    let joined = mark & LISTED_JOIN != 0;
    if answered.count_ones() < 2 && !joined && account.parts.len().max(listed.parts.len()) > 1 {
        return SINGLE_PART_CAP >= least;
    }
    let told: f64 = (0..LAST_MARK)
        .zip(&account.parts)
        .filter(|(place, _)| answered & mark_of(*place) != 0)
        .map(|(_, part)| part.weight)
        .sum();
    // A part tells 1 at most; two that are joined could be any two.
    let listed_share = if joined { 1.0 } else { f64::from(answered.count_ones()) / listed.weight };
    best_score(kind, told / account.weight, listed_share, told) >= least
}
