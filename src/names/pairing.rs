//! Which parts of two names answer each other.

use super::align::{How, Pair, join_similarity};
use super::name::{Name, NameKind, Part};
use super::rules::Rules;
use super::slip;
use super::sound::acronym_key;

/// How alike a name and its first letters are taken to be.
const ACRONYM: f64 = 0.9;

/// How alike the readings of characters have to be: another vowel is another sign.
const SAME_SYLLABLES: f64 = 0.92;

/// A ship's only word has to be this long, in letters, to bear a slip.
const LONG_FOR_ONE: usize = 8;

/// Two names under comparison, and what of them is paired.
pub(super) struct Pairing<'a> {
    rules: &'a Rules,
    pub(super) left: &'a Name,
    pub(super) right: &'a Name,
    left_taken: u64,
    right_taken: u64,
    pub(super) pairs: Vec<Pair>,
}

impl<'a> Pairing<'a> {
    pub(super) fn new(rules: &'a Rules, left: &'a Name, right: &'a Name) -> Self {
        Self { rules, left, right, left_taken: 0, right_taken: 0, pairs: Vec::with_capacity(4) }
    }

    /// Pairs what can be paired: the surest ways first.
    ///
    /// `compare` says how two whole parts, each with its place, are alike.
    pub(super) fn pair(
        &mut self,
        kind: NameKind,
        compare: impl Fn((usize, &Part), (usize, &Part)) -> Option<(f64, How)>,
    ) {
        self.pair_whole_parts(compare);
        if kind == NameKind::Craft {
            self.drop_short_slip();
        }
        if self.rules.joins {
            self.pair_joins();
            self.pair_all_as_one();
        }
        if kind == NameKind::Person {
            if self.rules.initials && !self.pairs.is_empty() {
                self.pair_initials();
            }
            if self.rules.slips {
                self.pair_slip();
            }
        } else {
            if self.rules.acronyms {
                self.pair_acronym();
            }
            if self.rules.series && kind == NameKind::Organisation {
                self.pair_series();
            }
        }
    }

    /// Parts of the left name that nothing answers.
    pub(super) fn left_over(&self) -> Vec<usize> {
        over(self.left_taken, &self.left.parts)
    }

    /// Parts of the right name that nothing answers.
    pub(super) fn right_over(&self) -> Vec<usize> {
        over(self.right_taken, &self.right.parts)
    }

    /// How many parts are answered, on the side that has more of them.
    pub(super) const fn answered(&self) -> u32 {
        let (left, right) = (self.left_taken.count_ones(), self.right_taken.count_ones());
        if left > right { left } else { right }
    }

    /// Whether an initial is on either side of the pair, guessed or equal.
    pub(super) fn is_of_initials(&self, pair: &Pair) -> bool {
        let initial = |name: &Name, (start, count): (usize, usize)| {
            count == 1 && name.parts.get(start).is_some_and(|part| part.likeness.initial)
        };
        initial(self.left, pair.left) || initial(self.right, pair.right)
    }

    /// Whether a father and a son of one name are son and father in the other.
    pub(super) fn exchanges_generations(&self) -> bool {
        let descends = |name: &Name, at: usize| name.parts.get(at).is_some_and(|part| part.descends);
        let single = |pair: &&Pair| pair.left.1 == 1 && pair.right.1 == 1;
        self.pairs.iter().filter(single).any(|son| {
            let (left, right) = (son.left.0, son.right.0);
            descends(self.left, left)
                && right > 0
                && descends(self.right, right - 1)
                && self
                    .pairs
                    .iter()
                    .filter(single)
                    .any(|pair| pair.left.0 == left + 1 && pair.right.0 == right - 1)
        })
    }

    fn pair_whole_parts(&mut self, compare: impl Fn((usize, &Part), (usize, &Part)) -> Option<(f64, How)>) {
        let mut found: Vec<(f64, usize, usize, How)> = Vec::with_capacity(8);
        let in_characters = !self.left.characters.is_empty() || !self.right.characters.is_empty();
        let least = if in_characters { SAME_SYLLABLES } else { 0.0 };
        for (i, left) in self.left.parts.iter().enumerate() {
            for (j, right) in self.right.parts.iter().enumerate() {
                if let Some((alike, how)) = compare((i, left), (j, right))
                    && (how != How::Alike || alike >= least)
                {
                    found.push((alike, i, j, how));
                }
            }
        }
        // Ties go to parts that stand at like places, seen from either side alike.
        found.sort_by(|a, b| {
            let place = |(_, i, j, _): &(f64, usize, usize, How)| (i.abs_diff(*j), i + j, (*i).min(*j));
            b.0.total_cmp(&a.0).then_with(|| place(a).cmp(&place(b)))
        });
        for (alike, i, j, how) in found {
            self.take((i, 1), (j, 1), alike, how);
        }
    }

    /// A ship of one short word is another ship when a letter is.
    fn drop_short_slip(&mut self) {
        let short =
            |name: &Name| matches!(name.parts.as_slice(), [only] if only.letters.len() < LONG_FOR_ONE);
        if short(self.left) && short(self.right) && self.pairs.iter().any(|pair| pair.how != How::Equal) {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.pairs.clear();
        self.left_taken = 0;
        self.right_taken = 0;
    }

    fn pair_joins(&mut self) {
        for (i, join) in self.left.joins.iter().enumerate() {
            for (j, whole) in self.right.parts.iter().enumerate() {
                self.take_join(join.as_ref(), whole, (i, 2), (j, 1));
            }
        }
        for (j, join) in self.right.joins.iter().enumerate() {
            for (i, whole) in self.left.parts.iter().enumerate() {
                self.take_join(join.as_ref(), whole, (i, 1), (j, 2));
            }
        }
    }

    fn take_join(&mut self, join: Option<&Part>, whole: &Part, left: (usize, usize), right: (usize, usize)) {
        let Some(join) = join else { return };
        if !self.free(left, right) || whole.likeness.initial {
            return;
        }
        let alike = join_similarity(&join.likeness, &whole.likeness);
        if alike > 0.0 && (self.rules.spelling || alike >= 1.0) {
            // The gap between the words differs, so it is alike and not equal.
            self.take(left, right, alike.min(0.98), How::Joined);
        }
    }

    /// Names whose letters are the same but for the spaces, however many.
    fn pair_all_as_one(&mut self) {
        let (left, right) = (self.left.parts.len(), self.right.parts.len());
        let complete = self.left_over().is_empty() && self.right_over().is_empty();
        if self.left.whole == self.right.whole && !complete && left > 0 {
            self.clear();
            self.take((0, left), (0, right), 0.96, How::Joined);
        }
    }

    fn pair_initials(&mut self) {
        for (i, left) in self.left.parts.iter().enumerate() {
            for (j, right) in self.right.parts.iter().enumerate() {
                if (left.likeness.initial || right.likeness.initial)
                    && left.letters.first() == right.letters.first()
                {
                    self.take((i, 1), (j, 1), 0.9, How::Initial);
                }
            }
        }
    }

    /// The one part that is left on either side, when all others are equal.
    fn pair_slip(&mut self) {
        // Another syllable is another character.
        let in_characters = !self.left.characters.is_empty() || !self.right.characters.is_empty();
        let certain = !in_characters
            && self.pairs.iter().any(|pair| !self.is_of_initials(pair))
            && self.pairs.iter().all(|pair| pair.how == How::Equal);
        if !certain {
            return;
        }
        if let ([i], [j]) = (self.left_over().as_slice(), self.right_over().as_slice())
            && let (Some(left), Some(right)) = (self.left.parts.get(*i), self.right.parts.get(*j))
            && let Some(alike) = slip::similarity(left, right, slip::Rest::of(self.left, self.right))
        {
            self.take((*i, 1), (*j, 1), alike, How::Slip);
        }
    }

    fn pair_acronym(&mut self) {
        if self.left.acronyms.is_empty()
            || self.right.acronyms.is_empty()
            || self.pairs.iter().any(|pair| pair.similarity > 0.9)
        {
            return;
        }
        let names = [(self.left, self.right), (self.right, self.left)];
        let found = names.map(|(short, long)| {
            let fits = |part: &Part| {
                let letters: String = part.letters.iter().collect();
                short.parts.len() <= 2
                    && long.parts.len() > 2
                    && (3..=8).contains(&letters.len())
                    && long.acronyms.binary_search(&acronym_key(&letters)).is_ok()
            };
            short.parts.iter().position(fits)
        });
        let (left, right) = match found {
            [Some(at), _] => ((at, 1), (0, self.right.parts.len())),
            [None, Some(at)] => ((0, self.left.parts.len()), (at, 1)),
            [None, None] => return,
        };
        self.clear();
        self.take(left, right, ACRONYM, How::Acronym);
    }

    /// Two funds or trusts of one house that differ by a number alone.
    fn pair_series(&mut self) {
        let ([i], [j]) = (&self.left_over()[..], &self.right_over()[..]) else { return };
        let number = |name: &Name, at: usize| name.parts.get(at).is_some_and(Part::may_number_a_series);
        let rest = &self.pairs;
        let is_of_series = |name: &Name, at: usize| {
            name.parts
                .get(at)
                .is_some_and(|part| super::words::is_of_series(&part.letters.iter().collect::<String>()))
        };
        let is_series =
            |pair: &Pair| is_of_series(self.left, pair.left.0) || is_of_series(self.right, pair.right.0);
        if number(self.left, *i)
            && number(self.right, *j)
            && rest.len() > 1
            && rest.iter().all(|pair| pair.similarity > 0.95)
            && rest.iter().any(is_series)
        {
            self.take((*i, 1), (*j, 1), 0.85, How::Series);
        }
    }

    const fn free(&self, left: (usize, usize), right: (usize, usize)) -> bool {
        self.left_taken & bits(left) == 0 && self.right_taken & bits(right) == 0
    }

    fn take(&mut self, left: (usize, usize), right: (usize, usize), similarity: f64, how: How) {
        if self.free(left, right) {
            self.left_taken |= bits(left);
            self.right_taken |= bits(right);
            self.pairs.push(Pair { left, right, similarity, how });
        }
    }
}

fn over(taken: u64, parts: &[Part]) -> Vec<usize> {
    (0..parts.len()).filter(|at| taken & bits((*at, 1)) == 0).collect()
}

/// Parts past the 64th are never paired.
const fn bits((start, count): (usize, usize)) -> u64 {
    let mut bits = 0;
    let mut at = start;
    while at < start + count {
        bits |= if at < 64 { 1 << at } else { u64::MAX };
        at += 1;
    }
    bits
}
