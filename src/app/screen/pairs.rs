//! Pairs of names: their scores, and how decisions by these agree with labels.

use std::{fs::File, io::BufReader, path::Path};

use serde::Serialize;

use super::{FileFault, RecordFault, headers, next};
use crate::{
    actions::import::records::Records,
    app::AppError,
    names::{Name, NameKind, align},
};

/// Two names, their score, and what they are if the file knows it.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// The line of the file.
    pub line: u64,
    /// What the two are.
    pub schema: String,
    /// One name.
    pub name1: String,
    /// The other.
    pub name2: String,
    /// 0 to 1.
    pub score: f64,
    /// Whether the score reaches the threshold.
    pub decision: bool,
    /// Whether they are the same, as the file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_match: Option<bool>,
}

/// Scores every pair of a CSV file with the columns `schema`, `name1`, `name2` and perhaps `is_match`.
pub fn pairs(file: &Path, threshold: f64) -> Result<Vec<Pair>, AppError> {
    const ACCEPTED: &str = "schema, name1, name2 and perhaps is_match";
    let fault = |fault| AppError::Screened { path: file.display().to_string(), fault };
    let opened = File::open(file).map_err(|error| fault(RecordFault::Read(error).into()))?;
    let mut records = Records::new(BufReader::new(opened));
    let headers = headers(&mut records).map_err(fault)?;
    let column = |word| headers.get(word).copied().ok_or(FileFault::NoColumn(word, ACCEPTED)).map_err(fault);
    let (schema, one, other) = (column("schema")?, column("name1")?, column("name2")?);
    let label = headers.get("is_match").copied();
    let mut pairs = Vec::new();
    while let Some((line, record)) = next(&mut records).map_err(fault)? {
        let get = |at: usize| record.get(at).unwrap_or_default();
        // A schema that leaves it open is compared by the customs of several kinds: the best counts.
        let kinds = NameKind::of_schema(get(schema)).iter();
        let score =
            |kind: &NameKind| align(*kind, &Name::new(*kind, get(one)), &Name::new(*kind, get(other))).score;
        let score = kinds.map(score).fold(0.0, f64::max);
        pairs.push(Pair {
            line,
            schema: get(schema).to_owned(),
            name1: get(one).to_owned(),
            name2: get(other).to_owned(),
            score,
            decision: score >= threshold,
            is_match: label.and_then(|at| match get(at).to_lowercase().as_str() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            }),
        });
    }
    Ok(pairs)
}

/// How decisions agree with labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// Matches that are told.
    pub true_positives: u32,
    /// Strangers that are told.
    pub false_positives: u32,
    /// Matches that are missed.
    pub false_negatives: u32,
    /// Strangers that are left alone.
    pub true_negatives: u32,
}

impl Tally {
    /// Counts the labelled ones of `pairs`.
    pub fn of<'p>(pairs: impl IntoIterator<Item = &'p Pair>) -> Self {
        let mut tally = Self::default();
        for pair in pairs {
            let Some(label) = pair.is_match else { continue };
            *match (pair.decision, label) {
                (true, true) => &mut tally.true_positives,
                (true, false) => &mut tally.false_positives,
                (false, true) => &mut tally.false_negatives,
                (false, false) => &mut tally.true_negatives,
            } += 1;
        }
        tally
    }

    /// The part of what is told that is a match.
    pub fn precision(&self) -> f64 {
        f64::from(self.true_positives) / f64::from((self.true_positives + self.false_positives).max(1))
    }

    /// The part of the matches that is told.
    pub fn recall(&self) -> f64 {
        f64::from(self.true_positives) / f64::from((self.true_positives + self.false_negatives).max(1))
    }

    /// The harmonic mean of both.
    pub fn f1(&self) -> f64 {
        let wrong = self.false_positives + self.false_negatives;
        f64::from(2 * self.true_positives) / f64::from((2 * self.true_positives + wrong).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_knows_precision_recall_and_f1() {
        let tally = Tally { true_positives: 6, false_positives: 2, false_negatives: 4, true_negatives: 9 };
        assert!((tally.precision() - 0.75).abs() < 1e-9);
        assert!((tally.recall() - 0.6).abs() < 1e-9);
        assert!((tally.f1() - 12.0 / 18.0).abs() < 1e-9);
        assert!(Tally::default().f1().abs() < 1e-9);
    }
}
