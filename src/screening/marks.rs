//! Which parts of an account's name each name of a list answers, one bit a part, and what a name could
//! score for it: the sieve between the index and the scorer.

use crate::names::align::{DOUBTFUL_CAP, SINGLE_PART_CAP, best_score};
use crate::names::name::MOST_PARTS;
use crate::names::similarity::{could_be_two_off, signature_of};
use crate::names::{Name, NameKind, Part};

/// Which parts of the account's name each name of the list answers.
#[derive(Default)]
pub(super) struct Marks {
    of: Vec<u64>,
    touched: Vec<u32>,
}

/// Set when two neighbours of the list's name, read as one, answer a part.
pub(super) const LISTED_JOIN: u64 = 1 << 31;

/// Set when the name has to be scored whatever parts it answers.
pub(super) const WHOLE: u64 = u64::MAX;

/// Each part of a name has a mark of its own, and one more when an equal part answers it.
const _: () = assert!(MOST_PARTS < 31);

/// Sums of weights are rounded: a bound has to err towards yes.
const ROUNDING: f64 = 1e-6;

/// What the sieve knows of a name of the list.
#[derive(Clone, Copy)]
pub(super) struct Summary {
    /// The sum of what leaving out its parts costs.
    pub(super) omission: f32,
    /// Which letters stand in it once, and which twice.
    pub(super) letters: u64,
    /// How many letters it has.
    pub(super) length: u16,
    /// How many parts it has.
    pub(super) parts: u16,
    /// Whether no bound holds: initials answer parts without being marked.
    pub(super) unbounded: bool,
}

impl Summary {
    /// Of this name.
    pub(super) fn of(name: &Name) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a bound that errs towards yes by more than the rounding"
        )]
        let omission = name.omission as f32;
        Self {
            omission,
            letters: letters_of(name),
            length: u16::try_from(name.parts.iter().map(|part| part.letters.len()).sum::<usize>())
                .unwrap_or(u16::MAX),
            parts: u16::try_from(name.parts.len()).unwrap_or(u16::MAX),
            unbounded: name.has_initials,
        }
    }

    /// Whether this name and that one may be equal but for two letters of one part: they share all other parts.
    pub(super) fn may_be_a_slip(self, account: Self) -> bool {
        self.parts == account.parts
            && self.length.abs_diff(account.length) <= 2
            && could_be_two_off(self.letters, account.letters)
    }
}

/// The letters of the whole name as a signature.
fn letters_of(name: &Name) -> u64 {
    let parts = name.parts.iter().flat_map(|part| part.likeness.spelling.letters());
    signature_of(&parts.copied().collect::<Vec<u8>>())
}

impl Marks {
    /// The names that answer anything, with what they answer.
    pub(super) fn answered(&self) -> impl Iterator<Item = (u32, u64)> {
        let touched = self.touched.iter().copied();
        touched.filter_map(|name| Some((name, self.of.get(name as usize).copied()?)))
    }

    /// Ready for a list of so many names, none of which answers anything.
    pub(super) fn clear(&mut self, names: usize) {
        for name in self.touched.drain(..) {
            if let Some(mark) = self.of.get_mut(name as usize) {
                *mark = 0;
            }
        }
        self.of.resize(names, 0);
    }

    /// Notes that those of `names` that answer anything answer the parts in `answered`, too.
    pub(super) fn add(&mut self, names: &[u32], answered: u64) {
        for name in names {
            if let Some(mark) = self.of.get_mut(*name as usize)
                && *mark != 0
            {
                *mark |= answered;
            }
        }
    }

    /// Notes that `names` answer the parts in `answered`.
    pub(super) fn set(&mut self, names: impl IntoIterator<Item = u32>, answered: u64) {
        for name in names {
            if let Some(mark) = self.of.get_mut(name as usize) {
                if *mark == 0 {
                    self.touched.push(name);
                }
                *mark |= answered;
            }
        }
    }
}

/// The mark of the part at `place`.
pub(super) const fn mark_of(place: usize) -> u64 {
    1 << place
}

/// The mark that the part at `place` is answered by an equal one.
pub(super) const fn equal_mark_of(place: usize) -> u64 {
    mark_of(place) << 32
}

/// An account's name as the sieve sees it.
pub(super) struct Sieve<'a> {
    kind: NameKind,
    account: &'a Name,
    summary: Summary,
    /// The marks of all parts, and of those that may be the number of a series.
    all: u64,
    numbers: u64,
    least: f64,
}

impl<'a> Sieve<'a> {
    /// Lets names through that could score `least` or more with `account`.
    pub(super) fn new(kind: NameKind, account: &'a Name, least: f64) -> Self {
        let marks = |wanted: fn(&Part) -> bool| {
            let parts = account.parts.iter().enumerate().filter(|(_, part)| wanted(part));
            parts.fold(0, |marks, (place, _)| marks | mark_of(place))
        };
        let (all, numbers) = (marks(|_| true), marks(Part::may_number_a_series));
        Self { kind, account, summary: Summary::of(account), all, numbers, least: least - ROUNDING }
    }

    /// What a name has to be able to score.
    pub(super) const fn least(&self) -> f64 {
        self.least
    }

    /// Whether a name that answers one part of the account's may pass: with the others being slips.
    pub(super) fn may_be_a_slip(&self, listed: Summary) -> bool {
        self.kind == NameKind::Person && self.least <= DOUBTFUL_CAP && listed.may_be_a_slip(self.summary)
    }

    /// Whether a part of the account's name may be a number of a series.
    pub(super) fn may_be_numbered(&self) -> bool {
        self.kind == NameKind::Organisation && self.numbers != 0
    }

    /// Whether a name that answers these parts may be another number of the account's series.
    fn may_be_of_a_series(&self, answered: u64) -> bool {
        let open = self.all & !answered;
        self.kind == NameKind::Organisation
            && self.least <= DOUBTFUL_CAP
            && open.is_power_of_two()
            && open & self.numbers != 0
    }

    /// Whether a name that answers the parts in `mark` could score enough; errs towards yes.
    pub(super) fn passes(&self, listed: Summary, mark: u64) -> bool {
        let account = self.account;
        if self.summary.unbounded || listed.unbounded || mark == WHOLE {
            return true;
        }
        let answered = mark & (LISTED_JOIN - 1);
        let joined = mark & LISTED_JOIN != 0;
        let count = answered.count_ones();
        let equal = usize::try_from((mark >> 32).count_ones()).unwrap_or_default();
        if equal + 1 >= account.parts.len() && self.may_be_a_slip(listed) || self.may_be_of_a_series(answered)
        {
            return true;
        }
        let parts = account.parts.len().max(usize::from(listed.parts));
        if count < 2 && !joined && parts > 1 {
            return SINGLE_PART_CAP >= self.least;
        }
        let (mut told, mut lost) = (0.0, 0.0);
        for (place, part) in account.parts.iter().enumerate() {
            if answered & mark_of(place) == 0 {
                lost += part.omission;
            } else {
                told += part.weight;
            }
        }
        // A part tells 1 at most; two that are joined could be any two.
        let listed_share = if joined {
            1.0
        } else {
            f64::from(answered.count_ones()) / f64::from(listed.omission).max(1e-6)
        };
        best_score(self.kind, told / (told + lost), listed_share, told) >= self.least
    }
}
