//! The evidence of an account as a page to read, to print and to file: no scripts, nothing loaded.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::html::escaped;
use crate::actions::evidence::{DecisionView, Evidence, HitEvidence, RunEvidence};

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;max-width:80em;margin:2em auto;padding:0 1em;color:#111}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #999}\
table{border-collapse:collapse;width:100%;margin:0 0 1em}th,td{text-align:left;vertical-align:top;\
padding:.2em .6em .2em 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere}th{font-weight:600}\
.facts th{width:14em}.hit{break-inside:avoid}code{font-size:.85em}@media print{body{margin:0;max-width:none}}";

/// The page. `actor` is who asked for it.
pub fn page(evidence: &Evidence, actor: &str) -> String {
    let mut page = Page(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Evidence {id}</title><style>{STYLE}</style></head>\n<body><h1>What was done about {id}</h1>\n",
        id = evidence.account_id
    ));
    page.facts(&[
        ("Account", evidence.account_id.to_string()),
        ("Reference id", evidence.reference_id.clone().unwrap_or_else(|| "-".to_owned())),
        ("Type", evidence.account_type.clone()),
        ("Made", at(evidence.created_at)),
        ("Period", format!("from {} to before {}", at(evidence.from), at(evidence.until))),
        ("Written", format!("{}, for {actor}", at(evidence.written_at))),
    ]);
    if evidence.created_at >= evidence.until {
        page.text("The account was made after this period.");
    }
    if evidence.is_cut {
        page.text("There is more in this period than stands here: ask for shorter ones.");
    }
    monitors(&mut page, evidence);
    runs(&mut page, evidence);
    page.heading("What matched");
    if evidence.hits.is_empty() {
        page.text("Nothing had matched when the period was over.");
    }
    for hit in &evidence.hits {
        one_hit(&mut page, hit);
    }
    decisions(&mut page, &evidence.decisions);
    page.heading("What happened");
    let events = evidence
        .events
        .iter()
        .map(|event| vec![at(event.at), event.kind.clone(), event.actor.clone(), plain(&event.detail)]);
    page.table(&["When", "What", "By", "About"], events);
    page.0.push_str("</body></html>\n");
    page.0
}

fn monitors(page: &mut Page, evidence: &Evidence) {
    page.heading("Who watches it");
    if evidence.monitors.is_empty() {
        page.text("No schedule watches this account.");
        return;
    }
    let rows = evidence.monitors.iter().map(|monitor| {
        let reason = monitor.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let next = monitor.next_run_at.map_or_else(|| "-".to_owned(), at);
        vec![monitor.schedule.clone(), monitor.id.clone(), format!("{}{reason}", monitor.state), next]
    });
    page.table(&["Schedule", "Report", "State", "Next run"], rows);
}

fn runs(page: &mut Page, evidence: &Evidence) {
    page.heading("Every run");
    page.table(
        &[
            "Recorded",
            "Due",
            "Began",
            "Schedule",
            "Why",
            "Account data",
            "Outcome",
            "Against",
            "Process and run",
        ],
        evidence.runs.iter().map(run),
    );
    if !evidence.months.is_empty() {
        page.text("Months whose clear runs that changed nothing are kept as one line:");
        let rows = evidence.months.iter().map(|month| {
            let against = month.screened.iter().map(|one| against(&one.basis)).collect::<Vec<_>>().join("; ");
            vec![month.month.clone(), month.schedule.clone(), month.runs.to_string(), against]
        });
        page.table(&["Month", "Schedule", "Clear runs", "Against"], rows);
    }
}

fn run(run: &RunEvidence) -> Vec<String> {
    let outcome = match &run.failure {
        Some(failure) => format!("{}: {failure}", run.outcome),
        None if run.findings > 0 => format!("{}, {} entities", run.outcome, run.findings),
        None => run.outcome.clone(),
    };
    vec![
        at(run.recorded_at),
        at(run.due_at),
        format!("{}, {} ms", at(run.started_at), run.duration_ms),
        format!("{} #{}", run.schedule, run.slot),
        run.trigger.clone(),
        format!("version {}", run.account_version),
        outcome,
        against(&run.basis),
        format!("{} {}", word(&run.basis, "process"), run.id),
    ]
}

/// `local (local-1), template watchlist, threshold 0.9, ofac 1a2b3c`
fn against(basis: &Value) -> String {
    let mut text = format!("{} ({})", word(basis, "provider"), word(basis, "engine"));
    let template = word(basis, "template");
    if !template.is_empty() {
        write!(text, ", template {template}").expect("a string takes all");
    }
    match basis.get("threshold").and_then(Value::as_f64) {
        Some(threshold) => write!(text, ", threshold {threshold}").expect("a string takes all"),
        None => text.push_str(", the provider's own threshold"),
    }
    for list in basis.get("lists").and_then(Value::as_array).into_iter().flatten() {
        let stale = if list.get("stale") == Some(&Value::Bool(true)) { " (stale)" } else { "" };
        write!(text, ", {} {}{stale}", word(list, "name"), word(list, "version"))
            .expect("a string takes all");
    }
    text
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn one_hit(page: &mut Page, stood: &HitEvidence) {
    let hit = &stood.hit;
    let is_told = stood.later.as_ref().is_none_or(|later| later.is_told);
    let mut facts = vec![
        ("Entity", hit.entity.clone()),
        ("List", hit.list.clone()),
        ("Found by", format!("{} {}", hit.schedule, hit.report)),
        ("Score", format!("{:.3}", hit.score)),
        ("First seen", at(hit.first_seen_at)),
        ("Last changed", at(hit.changed_at)),
        ("State", if is_told { hit.state.to_owned() } else { "not known".to_owned() }),
    ];
    match &hit.finding {
        Some(finding) => {
            facts.push(("Name on the list", finding.name.clone()));
            facts.push(("Facts on the list", plain(&finding.facts)));
            facts.extend(finding.reasons.iter().map(|reason| ("Why", reason.text.clone())));
        }
        None => facts.push(("Content", "redacted".to_owned())),
    }
    if !hit.changes.is_empty() {
        facts.push(("Changed since somebody looked", hit.changes.join(", ")));
    }
    if let Some(by) = &hit.decided_by {
        let when = hit.decided_at.map_or_else(|| "-".to_owned(), at);
        facts.push(("Decided", format!("{when}, by {by}")));
        facts.push(("Reason", hit.reason.clone().unwrap_or_else(|| "-".to_owned())));
    }
    if let Some(later) = &stood.later {
        let since = format!("{} since {}", later.state, at(later.since));
        let told = if later.is_told { "" } else { "; nothing tells how it stood in the period" };
        facts.push(("After the period", format!("{since}{told}")));
    }
    page.0.push_str("<div class=\"hit\">\n");
    page.facts(&facts);
    page.0.push_str("</div>\n");
}

fn decisions(page: &mut Page, decisions: &[DecisionView]) {
    page.heading("What people decided");
    if decisions.is_empty() {
        page.text("Nobody had decided on anything when the period was over.");
        return;
    }
    let rows = decisions.iter().map(|one| {
        let ended = match one.ended_at {
            Some(ended) => format!("ended {}: {}", at(ended), one.ended_for.join(", ")),
            None => "holds".to_owned(),
        };
        let reason = one.reason.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            one.entity.clone(),
            one.state.to_owned(),
            at(one.decided_at),
            one.decided_by.clone(),
            reason,
            ended,
        ]
    });
    page.table(&["Entity", "Decision", "When", "By", "Reason", "Since then"], rows);
}

fn at(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `programs: SDGT; countries: IR`
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| format!("{key}: {}", plain(value)))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

/// A page that is being written.
struct Page(String);

impl Page {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes all");
    }

    fn heading(&mut self, text: &str) {
        self.add(format_args!("<h2>{}</h2>\n", escaped(text)));
    }

    fn text(&mut self, text: &str) {
        self.add(format_args!("<p>{}</p>\n", escaped(text)));
    }

    fn facts(&mut self, facts: &[(&str, String)]) {
        self.0.push_str("<table class=\"facts\">\n");
        for (name, value) in facts {
            self.add(format_args!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value)));
        }
        self.0.push_str("</table>\n");
    }

    fn table(&mut self, headers: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        self.0.push_str("<table><thead><tr>");
        for header in headers {
            self.add(format_args!("<th>{}</th>", escaped(header)));
        }
        self.0.push_str("</tr></thead>\n");
        for row in rows {
            self.0.push_str("<tr>");
            for cell in row {
                self.add(format_args!("<td>{}</td>", escaped(&cell)));
            }
            self.0.push_str("</tr>\n");
        }
        self.0.push_str("</table>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_rested_on_and_facts_read_as_words() {
        let basis = serde_json::json!({
            "provider": "local", "engine": "local-1", "template": "watchlist", "threshold": 0.9,
            "lists": [{ "name": "ofac", "version": "abc", "stale": true }],
        });
        assert_eq!(against(&basis), "local (local-1), template watchlist, threshold 0.9, ofac abc (stale)");
        let facts = serde_json::json!({ "countries": ["IR", "SY"], "kind": "individual" });
        assert_eq!(plain(&facts), "countries: IR, SY; kind: individual");
    }

    #[test]
    fn nothing_that_anybody_wrote_is_markup() {
        let mut page = Page(String::new());
        page.facts(&[("Reason", "<script>alert(1)</script>".to_owned())]);
        page.table(&["x"], std::iter::once(vec!["<b>".to_owned()]));
        assert!(!page.0.contains("<script>") && !page.0.contains("<b>"), "{}", page.0);
    }
}
