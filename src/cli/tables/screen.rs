//! What one-off screening finds.

use super::{line, table};
use crate::{
    app::screen::{Pair, Tally},
    domain::answer::Finding,
};

/// Matches with everything that was weighed, and what it did to the score.
pub(in super::super) fn findings(findings: &[Finding], threshold: f64) -> String {
    if findings.is_empty() {
        return format!("Clear: nothing on the lists scores {threshold} or more.");
    }
    let mut shown = table(&["score", "listed as", "why (what it did to the score)"]);
    for finding in findings {
        let why: Vec<String> = finding
            .reasons
            .iter()
            .map(|reason| {
                // What says only what was compared has no effect of its own.
                let effect =
                    if reason.effect == 0.0 { "     ".to_owned() } else { format!("{:+.2}", reason.effect) };
                format!("{effect}  {}", reason.text)
            })
            .collect();
        shown.add_row([
            format!("{:.2}", finding.score),
            format!("{}\n{}\n{}", finding.name, finding.list, finding.entity),
            why.join("\n"),
        ]);
    }
    format!("{shown}\nThreshold: {threshold}")
}

/// Scores of pairs, and how they agree with their labels.
pub(in super::super) fn pairs(pairs: &[Pair], tallies: &[(String, Tally)]) -> String {
    let mut shown = table(&["line", "score", "decision", "label", "schema", "name 1", "name 2"]);
    for pair in pairs {
        let word = |is_match: bool| if is_match { "match" } else { "other" };
        shown.add_row([
            pair.line.to_string(),
            format!("{:.3}", pair.score),
            word(pair.decision).to_owned(),
            pair.is_match.map_or_else(String::new, |label| word(label).to_owned()),
            pair.schema.clone(),
            pair.name1.clone(),
            pair.name2.clone(),
        ]);
    }
    let mut text = format!("{shown}\n");
    if pairs.iter().any(|pair| pair.is_match.is_some()) {
        let mut judged =
            table(&["schema", "precision", "recall", "F1", "found", "false alarms", "missed", "left alone"]);
        for (name, tally) in tallies {
            judged.add_row([
                name.clone(),
                format!("{:.3}", tally.precision()),
                format!("{:.3}", tally.recall()),
                format!("{:.3}", tally.f1()),
                tally.true_positives.to_string(),
                tally.false_positives.to_string(),
                tally.false_negatives.to_string(),
                tally.true_negatives.to_string(),
            ]);
        }
        line(&mut text, format_args!("{judged}"));
    }
    text
}
