//! Two names side by side: which parts answer each other, and how alike the whole is.
//!
//! Parts are paired greedily, most alike first, in any order; then what is left over is tried as
//! two parts written together, as initials, and as a slip (see `super::pairing`). The score has three factors: how well the paired
//! parts are spelled alike, how much of the better-covered name is paired, and, more gently, how
//! much of the other: `Boris Johnson` is found in a name of five parts, `Boris Yeltsin` is not.
//! Leaving parts out costs more when what remains is common (`Mohammed Ali`) and in organisations. What contradicts
//! (legal forms, father and son exchanged) takes from it.

use super::characters;
pub use super::likeness::How;
use super::likeness::{self, Likeness};
use super::name::{Name, NameKind, Part};
use super::pairing::Pairing;
use super::rules::Rules;
use super::similarity::similarity;
use super::sound::{part_keys, share_key};

/// Names of which only one part answers another never score more than this, unless both are
/// single parts.
pub const SINGLE_PART_CAP: f64 = 0.6;

/// The most that a name scores of which only common parts answer, short of being equal.
pub const FAINT_CAP: f64 = 0.8;

/// The most that names score which answer each other by a slip, by an acronym or as one series: enough for the
/// default threshold, and the first to go when it is raised.
pub const DOUBTFUL_CAP: f64 = 0.86;

/// The most that names score for which two liberties are taken at once.
const TWICE_DOUBTFUL_CAP: f64 = 0.82;

/// What legal forms that contradict each other leave of a score.
const OTHER_FORM: f64 = 0.84;

/// What is left of a score when one name's son is the other's father.
const EXCHANGED_GENERATIONS: f64 = 0.8;

/// What is left of a score when `Abd` on one side stands for another name on the other.
const OTHER_THAN_SERVANT: f64 = 0.88;

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

/// What contradicts, although the parts answer each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Joint-stock on one side, limited liability on the other.
    LegalForms,
    /// The father on one side is the son on the other.
    Generations,
    /// Both are written in the same characters, and these differ.
    Characters,
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
    /// What took from the score beside the parts.
    pub contradiction: Option<Contradiction>,
    /// How much it took.
    pub taken: f64,
}

/// Compares two names by all rules. Symmetric, and 0 unless they share a key of [`Name::keys`].
pub fn align(kind: NameKind, left: &Name, right: &Name) -> Alignment {
    align_by(&Rules::ALL, kind, left, right)
}

/// Compares two names by these rules; never more than [`align`] gives.
pub fn align_by(rules: &Rules, kind: NameKind, left: &Name, right: &Name) -> Alignment {
    align_with(rules, kind, left, right, |one, other| compare_parts(*rules, one.1, other.1))
}

/// The same, where whoever asks may know already how two whole parts, each with its place, are alike by these rules.
pub fn align_with(
    rules: &Rules,
    kind: NameKind,
    left: &Name,
    right: &Name,
    compare: impl Fn((usize, &Part), (usize, &Part)) -> Option<(f64, How)>,
) -> Alignment {
    let mut pairing = Pairing::new(rules, left, right);
    pairing.pair(kind, compare);
    let (left_over, right_over) = (pairing.left_over(), pairing.right_over());
    let complete = left_over.is_empty() && right_over.is_empty();
    let mut score = if complete || rules.omissions { score(kind, &pairing) } else { 0.0 };
    let before = score;
    let mut contradiction = None;
    if left.legal_forms.contradict(right.legal_forms) {
        score *= OTHER_FORM;
        contradiction = Some(Contradiction::LegalForms);
    }
    if pairing.exchanges_generations() {
        score *= EXCHANGED_GENERATIONS;
        contradiction = Some(Contradiction::Generations);
    }
    if let Some(alike) = characters::similarity(&left.characters, &right.characters)
        && alike < score
    {
        score = alike;
        contradiction = Some(Contradiction::Characters);
    }
    Alignment { score, left_over, right_over, contradiction, taken: before - score, pairs: pairing.pairs }
}

/// The most that two names can score when the paired parts weigh these shares of either, and `told`
/// altogether.
pub fn best_score(kind: NameKind, left_share: f64, right_share: f64, told: f64) -> f64 {
    covered(kind, left_share, right_share, told)
}

/// How alike two whole parts are: 0 unless they share a key.
pub fn part_similarity(left: &Part, right: &Part) -> f64 {
    compare_parts(Rules::ALL, left, right).map_or(0.0, |(alike, _)| alike)
}

/// How alike two whole parts are and in which way; none unless they share a key.
pub fn compare_parts(rules: Rules, left: &Part, right: &Part) -> Option<(f64, How)> {
    likeness::compare(&rules, &left.likeness, &right.likeness, || {
        match (left.keys.is_empty(), right.keys.is_empty()) {
            (false, false) => share_key(&left.keys, &right.keys),
            // One that was made without them.
            (_, true) => share_key(&left.keys, &part_keys(&right.letters)),
            (true, false) => share_key(&part_keys(&left.letters), &right.keys),
        }
    })
}

/// How alike two neighbours, read as one, are to a part: 0 unless they sound the same and are spelled
/// nearly alike.
pub fn join_similarity(join: &Likeness, whole: &Likeness) -> f64 {
    if join.sound != whole.sound || join.spelling.len() < 4 {
        return 0.0;
    }
    let alike = similarity(&join.spelling, &whole.spelling);
    if alike >= 0.85 { alike } else { 0.0 }
}

fn score(kind: NameKind, pairing: &Pairing<'_>) -> f64 {
    let full = pairing.pairs.iter().filter(|pair| !pairing.is_of_initials(pair)).count();
    if full == 0 {
        return 0.0;
    }
    let (left, right) = (pairing.left, pairing.right);
    let (mut left_weight, mut right_weight, mut weight, mut alike, mut told) = (0.0, 0.0, 0.0, 0.0, 0.0_f64);
    let (mut doubtful, mut servant, mut forms, mut unlike, mut guessed) = (false, false, false, false, false);
    for pair in &pairing.pairs {
        let (on_left, on_right) = (weigh(left, pair.left), weigh(right, pair.right));
        left_weight += on_left;
        right_weight += on_right;
        weight += on_left + on_right;
        alike += (on_left + on_right) * pair.similarity;
        if pair.how != How::Initial {
            // What is only alike tells less of it.
            told += on_left.min(on_right) * (1.0 - 2.0 * (1.0 - pair.similarity)).max(0.0);
        }
        doubtful |= matches!(pair.how, How::Slip | How::Acronym | How::Series);
        servant |= pair.how == How::Servant;
        forms |= pair.how == How::Nickname;
        unlike |= pair.how == How::Alike && pair.similarity < 0.95;
        guessed |= pair.how == How::Initial;
    }
    let quality = alike / weight;
    let (left_over, right_over) = (pairing.left_over(), pairing.right_over());
    let left_share = share(left, left_weight, &right_over, &left_over);
    let right_share = share(right, right_weight, &left_over, &right_over);
    let score = quality * covered(kind, left_share, right_share, told);
    let told_instead = |name: &Name, over: &[usize]| {
        over.iter().filter_map(|at| name.parts.get(*at)).any(|part| !part.likeness.initial)
    };
    let score = if servant && (told_instead(left, &left_over) || told_instead(right, &right_over)) {
        score * OTHER_THAN_SERVANT
    } else {
        score
    };
    // Another form of the name and a slip in the rest: two doubts are one too many.
    let score = if forms && unlike { score.min(TWICE_DOUBTFUL_CAP) } else { score };
    // A name in characters has no part that could be left out.
    let in_characters = !left.characters.is_empty() || !right.characters.is_empty();
    let left_out = left_over.len() + right_over.len() > 0;
    let score = if in_characters && left_out { score.min(TWICE_DOUBTFUL_CAP) } else { score };
    let score = if doubtful { score.min(DOUBTFUL_CAP) } else { score };
    let parts = left.parts.len().max(right.parts.len());
    let complete = left_share > 0.999 && right_share > 0.999;
    // Either side: two parts written together are two.
    let answered = pairing.answered();
    if parts > 1 && answered < 2 {
        score.min(SINGLE_PART_CAP)
    } else if full == 1 && answered < 3 && guessed {
        // A surname and an initial that may stand for anything: worth a look when the surname is rare.
        score.min(if told >= 1.0 { DOUBTFUL_CAP } else { 0.75 })
    } else if told < 0.7 && !(complete && parts > 1) {
        score.min(FAINT_CAP)
    } else {
        score
    }
}

/// The share of a name that is paired. What the other leaves out counts less than what it has instead.
fn share(name: &Name, paired: f64, other_over: &[usize], over: &[usize]) -> f64 {
    if !other_over.is_empty() {
        return paired / name.weight;
    }
    let left_out: f64 = over.iter().filter_map(|at| name.parts.get(*at)).map(|part| part.omission).sum();
    paired / (paired + left_out)
}

/// The share of both names that is paired, as one factor; `told` is the weight of it.
fn covered(kind: NameKind, left_share: f64, right_share: f64, told: f64) -> f64 {
    let (high, low) = (left_share.max(right_share).min(1.0), left_share.min(right_share).min(1.0));
    let floor = match kind {
        // Two parts of which at least one is rare may stand for the whole name; two common ones
        // hardly.
        NameKind::Person => (0.5 + 0.6 * (told - 1.0)).clamp(0.5, 0.8),
        NameKind::Organisation | NameKind::Craft => 0.45,
    };
    high * (floor + (1.0 - floor) * low)
}

fn weigh(name: &Name, (start, count): (usize, usize)) -> f64 {
    name.parts.iter().skip(start).take(count).map(|part| part.weight).sum()
}

#[cfg(test)]
#[path = "align_tests.rs"]
mod tests;
