//! Two names side by side: which parts answer each other, and how alike the whole is.
//!
//! Parts are paired greedily, most alike first, in any order; then what is left over is tried as
//! two parts written together, and as initials. The score has three factors: how well the paired
//! parts are spelled alike, how much of the better-covered name is paired, and, more gently, how
//! much of the other: `Boris Johnson` is found in a name of five parts, `Boris Yeltsin` is not.
//! Leaving parts out costs more when what remains is common (`Mohammed Ali`) and in organisations.

use super::name::{Name, NameKind, Part};
use super::similarity::similarity;
use super::sound::share_key;

/// Names of which only one part answers another never score more than this, unless both are
/// single parts.
pub const SINGLE_PART_CAP: f64 = 0.6;

/// The most that a name scores of which only common parts answer, short of being equal.
pub const FAINT_CAP: f64 = 0.8;

/// How a pair of parts answers each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The same letters.
    Equal,
    /// Spelled or sounding alike.
    Alike,
    /// One is the first letter of the other.
    Initial,
}

/// Parts of two names that answer each other; more than one part when they are written together.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The first part on the left, and how many.
    pub left: (usize, usize),
    /// The first part on the right, and how many.
    pub right: (usize, usize),
    /// How alike, up to 1.
    pub similarity: f64,
    /// In which way.
    pub how: How,
}

/// What came of putting two names side by side.
#[derive(Clone, Debug)]
pub struct Alignment {
    /// 0 to 1; 1 is equal.
    pub score: f64,
    /// The parts that answer each other.
    pub pairs: Vec<Pair>,
    /// Parts of the left name that nothing answers.
    pub left_over: Vec<usize>,
    /// Parts of the right name that nothing answers.
    pub right_over: Vec<usize>,
}

/// Compares two names. Symmetric, and 0 unless they share a key of [`Name::keys`].
pub fn align(kind: NameKind, left: &Name, right: &Name) -> Alignment {
    let mut pairing = Pairing::new(left, right);
    pairing.pair_whole_parts();
    pairing.pair_joins();
    let full = pairing.pairs.len();
    if full > 0 {
        pairing.pair_initials();
    }
    let score = pairing.score(kind, full);
    let over = |taken: u64, parts: &[Part]| (0..parts.len()).filter(|at| taken & bit(*at) == 0).collect();
    Alignment {
        score,
        left_over: over(pairing.left_taken, &left.parts),
        right_over: over(pairing.right_taken, &right.parts),
        pairs: pairing.pairs,
    }
}

/// The most that two names can score when the paired parts weigh these shares of either, and `told`
/// altogether.
pub fn best_score(kind: NameKind, left_share: f64, right_share: f64, told: f64) -> f64 {
    covered(kind, left_share, right_share, told)
}

/// How alike two whole parts are: 0 unless they share a key.
pub fn part_similarity(left: &Part, right: &Part) -> f64 {
    if left.initial || right.initial {
        return if left.initial && right.initial && left.letters == right.letters { 1.0 } else { 0.0 };
    }
    let alike = similarity(&left.spelling, &right.spelling);
    if alike > 0.0 && share_key(&left.keys, &right.keys) { alike } else { 0.0 }
}

/// How alike two neighbours, read as one, are to a part: 0 unless they sound the same and are spelled
/// nearly alike.
pub fn join_similarity(join: &Part, whole: &Part) -> f64 {
    if join.sound != whole.sound || join.letters.len() < 5 {
        return 0.0;
    }
    let alike = similarity(&join.spelling, &whole.spelling);
    if alike >= 0.85 { alike } else { 0.0 }
}

struct Pairing<'a> {
    left: &'a Name,
    right: &'a Name,
    left_taken: u64,
    right_taken: u64,
    pairs: Vec<Pair>,
}

impl<'a> Pairing<'a> {
    fn new(left: &'a Name, right: &'a Name) -> Self {
        Self { left, right, left_taken: 0, right_taken: 0, pairs: Vec::with_capacity(4) }
    }

    fn pair_whole_parts(&mut self) {
        let mut found: Vec<(f64, usize, usize)> = Vec::with_capacity(8);
        for (i, left) in self.left.parts.iter().enumerate() {
            for (j, right) in self.right.parts.iter().enumerate() {
                let alike = if left.initial { 0.0 } else { part_similarity(left, right) };
                if alike > 0.0 {
                    found.push((alike, i, j));
                }
            }
        }
        // Ties go to parts that stand at like places, seen from either side alike.
        found.sort_by(|a, b| {
            let place = |(_, i, j): &(f64, usize, usize)| (i.abs_diff(*j), i + j, (*i).min(*j));
            b.0.total_cmp(&a.0).then_with(|| place(a).cmp(&place(b)))
        });
        for (alike, i, j) in found {
            let how = if alike >= 1.0 { How::Equal } else { How::Alike };
            self.take((i, 1), (j, 1), alike, how);
        }
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
        if !self.free(left, right) || whole.initial {
            return;
        }
        let alike = join_similarity(join, whole);
        if alike > 0.0 {
            // The gap between the words differs, so it is alike and not equal.
            self.take(left, right, alike.min(0.98), How::Alike);
        }
    }

    fn pair_initials(&mut self) {
        for (i, left) in self.left.parts.iter().enumerate() {
            for (j, right) in self.right.parts.iter().enumerate() {
                if (left.initial || right.initial) && left.letters.first() == right.letters.first() {
                    self.take((i, 1), (j, 1), 0.9, How::Initial);
                }
            }
        }
    }

    fn free(&self, left: (usize, usize), right: (usize, usize)) -> bool {
        self.left_taken & bits(left) == 0 && self.right_taken & bits(right) == 0
    }

    fn take(&mut self, left: (usize, usize), right: (usize, usize), similarity: f64, how: How) {
        if self.free(left, right) {
            self.left_taken |= bits(left);
            self.right_taken |= bits(right);
            self.pairs.push(Pair { left, right, similarity, how });
        }
    }

    /// `full` is how many of the pairs are more than initials.
    fn score(&self, kind: NameKind, full: usize) -> f64 {
        if full == 0 {
            return 0.0;
        }
        let (mut left_weight, mut right_weight, mut weight, mut alike, mut told) =
            (0.0, 0.0, 0.0, 0.0, 0.0_f64);
        for pair in &self.pairs {
            let (left, right) = (weigh(self.left, pair.left), weigh(self.right, pair.right));
            left_weight += left;
            right_weight += right;
            weight += left + right;
            alike += (left + right) * pair.similarity;
            if pair.how != How::Initial {
                told += left.min(right);
            }
        }
        let quality = alike / weight;
        let score =
            quality * covered(kind, left_weight / self.left.weight, right_weight / self.right.weight, told);
        let parts = self.left.parts.len().max(self.right.parts.len());
        let equal = score > 1.0 - 1e-9;
        // Either side: two parts written together are two.
        let answered = self.left_taken.count_ones().max(self.right_taken.count_ones());
        if parts > 1 && answered < 2 {
            score.min(SINGLE_PART_CAP)
        } else if full == 1 && answered < 3 && self.pairs.len() > 1 {
            // A surname and an initial: worth a look when the surname is rare.
            score.min(if told >= 1.0 { 0.86 } else { 0.75 })
        } else if told < 0.7 && !(equal && parts > 1) {
            score.min(FAINT_CAP)
        } else {
            score
        }
    }
}

/// The share of both names that is paired, as one factor; `told` is the weight of it.
fn covered(kind: NameKind, left_share: f64, right_share: f64, told: f64) -> f64 {
    let (high, low) = (left_share.max(right_share).min(1.0), left_share.min(right_share).min(1.0));
    let floor = match kind {
        // Two parts of which at least one is rare may stand for the whole name; two common ones
        // hardly.
        NameKind::Person => (0.5 + 0.6 * (told - 1.0)).clamp(0.5, 0.8),
        NameKind::Organisation => 0.5,
    };
    high * (floor + (1.0 - floor) * low)
}

fn weigh(name: &Name, (start, count): (usize, usize)) -> f64 {
    name.parts.iter().skip(start).take(count).map(|part| part.weight).sum()
}

/// Parts past the 64th are never paired.
const fn bit(at: usize) -> u64 {
    if at < 64 { 1 << at } else { u64::MAX }
}

const fn bits((start, count): (usize, usize)) -> u64 {
    if count == 2 { bit(start) | bit(start + 1) } else { bit(start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(left: &str, right: &str) -> f64 {
        let of = |text| Name::new(NameKind::Person, text);
        let forth = align(NameKind::Person, &of(left), &of(right)).score;
        let back = align(NameKind::Person, &of(right), &of(left)).score;
        assert!((forth - back).abs() < 1e-9, "{left} / {right}: {forth} {back}");
        forth
    }

    fn organisation(left: &str, right: &str) -> f64 {
        let of = |text| Name::new(NameKind::Organisation, text);
        align(NameKind::Organisation, &of(left), &of(right)).score
    }

    #[test]
    fn equal_names_in_any_order_and_alphabet_score_one() {
        for (left, right) in [
            ("Vladimir Putin", "PUTIN, Vladimir"),
            ("Владимир Путин", "Vladimir Putin"),
            ("Mr. Mohammed Ali", "Mohammed Ali"),
        ] {
            assert!(person(left, right) > 0.999, "{left} {right} {}", person(left, right));
        }
    }

    #[test]
    fn slips_and_left_out_parts_lower_the_score_a_little() {
        for (left, right) in [
            ("Vladimir Pudin", "Vladimir Putin"),
            ("Ali Velayati", "Ali Akbar Velayati"),
            ("RamiMakhlouf", "Rami Makhlouf"),
            ("Osama bin Laden", "Usama bin Muhammad bin Awad bin Ladin"),
            ("A. Khamenei", "Ali Khamenei"),
        ] {
            let score = person(left, right);
            assert!((0.85..0.999).contains(&score), "{left} {right} {score}");
        }
    }

    #[test]
    fn other_people_score_low() {
        for (left, right) in [
            ("Octavian Scholz", "Olaf Scholz"),
            ("Hafez Makhlouf", "Rami Makhlouf"),
            ("Geoffrey Boris Johnson", "Alexandre Boris de Pfeffel Johnson"),
            ("Nazarbayev", "Nursultan Nazarbayev"),
            ("Mohammed Ali", "Mohammed Ali Tariq Makhlouf"),
            ("J. Smith", "John Smith"),
        ] {
            assert!(person(left, right) < 0.85, "{left} {right} {}", person(left, right));
        }
    }

    #[test]
    fn organisations_differ_by_what_they_add() {
        assert!(organisation("Siemens AG", "Siemens Aktiengesellschaft") > 0.999);
        assert!(organisation("Gazprom", "Gazprom Neft") < 0.85);
        assert!(organisation("LXC Aviation", "LAU Aviation") < 0.85);
        assert!(organisation("1st International Bank", "First International Bank") > 0.999);
    }

    #[test]
    fn names_without_parts_match_nothing() {
        assert!(person("", "").abs() < 1e-9);
        assert!(person("?!", "Vladimir Putin").abs() < 1e-9);
    }
}
