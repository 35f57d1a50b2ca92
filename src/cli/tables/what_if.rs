//! What other matching would find.

use super::{line, table};
use crate::{actions::what_if::Difference, app::what_if::Compared};

/// The comparison, and the first of the hits that would be gained or lost.
pub(crate) fn what_if(compared: &Compared, shown: &[Difference]) -> String {
    let mut text = String::new();
    let told = &compared.what_if;
    line(
        &mut text,
        format_args!(
            "{}: matching {}, threshold {}, against {}",
            compared.schedule,
            compared.matching,
            compared.threshold,
            compared.lists.join(", ")
        ),
    );
    let lost: Vec<String> = told.lost.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let lost = if lost.is_empty() { "0".to_owned() } else { lost.join(", ") };
    let mut totals = table(&["hits", "", "reports", ""]);
    totals.add_row([
        "gained".to_owned(),
        told.gained.to_string(),
        "screened".to_owned(),
        told.screened.to_string(),
    ]);
    totals.add_row([
        "lost".to_owned(),
        lost,
        "with a first hit".to_owned(),
        told.newly_hit_reports.to_string(),
    ]);
    totals.add_row([
        "kept".to_owned(),
        told.kept.to_string(),
        "without a hit any more".to_owned(),
        told.cleared_reports.to_string(),
    ]);
    let left_out = format!(
        "{} never answered, {} stopped, {} without a name or that do not open",
        told.never_answered, told.stopped, told.unscreenable
    );
    totals.add_row([String::new(), String::new(), "left out".to_owned(), left_out]);
    line(&mut text, format_args!("{totals}"));
    if !shown.is_empty() {
        let mut rows = table(&["", "account", "score", "recorded", "stands", "list", "entity", "name"]);
        let score = |score: Option<f64>| score.map_or_else(String::new, |score| format!("{score:.4}"));
        for one in shown {
            rows.add_row([
                one.change.word().to_owned(),
                one.account.to_string(),
                score(one.score),
                score(one.recorded_score),
                one.recorded_state.unwrap_or("new").to_owned(),
                one.list.clone(),
                one.entity.clone(),
                one.name.clone().unwrap_or_default(),
            ]);
        }
        line(&mut text, format_args!("{rows}"));
    }
    let all = told.gained + told.lost.values().sum::<u64>();
    if all > shown.len() as u64 {
        line(&mut text, format_args!("{} of {all} are shown; --out FILE has all of them.", shown.len()));
    }
    text
}
