//! A report as a page to print and to file.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::super::{answer::Answer, call::Call, errors::ApiError, operation::Operation};
use crate::{
    actions::{
        hits::HitView,
        reports::{self, Evidence, HistoryKind},
    },
    domain::{
        id::{ReportActionId, RunId},
        report::Query,
        subject::Subject,
    },
    http::html::escaped,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/reports/{report-id}/print", "report.read", "Prints a report as evidence")
            .about(
                "Who was asked about, when, against which version of which list, with which engine and threshold; \
                 what matched and why; who decided what, when and why.",
            )
            .answers_bytes("text/html")
            .handled_by(print),
    ]
}

async fn print(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    let evidence = reports::evidence(&call.context, id).await?;
    Ok(Answer::bytes("text/html; charset=utf-8", page(&evidence, call.context.now(), &call.actor())))
}

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #999}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3em .6em .3em 0;\
border-bottom:1px solid #ddd}th{width:14em;font-weight:600}thead th{width:auto}\
.hit{break-inside:avoid;margin-top:1.5em}code{font-size:.9em}@media print{body{margin:0;max-width:none}}";

fn at(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A page that is being written.
struct Page(String);

impl Page {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a string takes all");
    }

    /// A line of a table of facts.
    fn fact(&mut self, name: &str, value: &str) {
        self.add(format_args!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value)));
    }
}

fn page(evidence: &Evidence, now: DateTime<Utc>, actor: &str) -> String {
    let report = &evidence.report;
    let mut page = Page(String::new());
    page.add(format_args!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{id}</title><style>{STYLE}</style></head>\
         <body>\n<h1>{kind}</h1>\n<table>\n",
        id = report.id,
        kind = escaped(&report.report.to_string()),
    ));
    page.fact("Report", &report.id.to_string());
    page.fact("Account", &report.account.to_string());
    page.fact("Reference id", evidence.reference_id.as_deref().unwrap_or("-"));
    page.fact("Template", report.template.as_ref().map_or("-", |template| template.name.as_str()));
    page.fact("Schedule", &report.schedule);
    page.fact("Asked for", &at(report.created_at));
    page.fact("Asked for by", report.requested_by.as_deref().unwrap_or("its schedule"));
    page.fact("Status", report.status.word());
    page.fact("Last run", &report.completed_at.map_or_else(|| "-".to_owned(), at));
    page.fact("Next run", &report.next_run_at.map_or_else(|| "-".to_owned(), at));
    if let Some(redacted) = report.redacted_at {
        page.fact("Redacted", &at(redacted));
    }
    page.fact("Printed", &format!("{}, for {actor}", at(now)));
    page.add(format_args!("</table>\n"));
    about(&mut page, evidence);
    matches(&mut page, evidence);
    history(&mut page, evidence);
    page.add(format_args!("</body></html>\n"));
    page.0
}

fn about(page: &mut Page, evidence: &Evidence) {
    page.add(format_args!("<h2>Who was asked about</h2>\n<table>\n"));
    match (&evidence.report.query, &evidence.asked) {
        (Some(query), _) => {
            page.fact("Asked about", "what the request said, which never changes");
            question(page, query);
        }
        (None, Some(asked)) => {
            page.fact("Asked about", "the account as it stood");
            subject(page, &asked.subject);
            page.fact("As of run", &format!("{}, {}", asked.run, at(asked.recorded_at)));
        }
        (None, None) if evidence.report.redacted_at.is_some() => page.fact("Asked about", "redacted"),
        (None, None) => {
            page.fact("Asked about", "the account as it stood; the runs below say in which version");
        }
    }
    page.add(format_args!("</table>\n"));
}

fn question(page: &mut Page, query: &Query) {
    let parts = [
        ("First name", &query.name_first),
        ("Middle name", &query.name_middle),
        ("Last name", &query.name_last),
        ("Name", &query.term),
        ("Country", &query.country_code),
    ];
    for (name, part) in parts {
        if let Some(part) = part {
            page.fact(name, part.reveal());
        }
    }
    if let Some(date) = &query.birthdate {
        page.fact("Date of birth", &date.reveal().to_string());
    }
}

fn subject(page: &mut Page, subject: &Subject) {
    for name in &subject.names {
        page.fact("Name", name.reveal());
    }
    if let Some(date) = &subject.birth_date {
        page.fact("Date of birth", &date.reveal().to_string());
    }
    for country in &subject.countries {
        page.fact("Country", country.reveal());
    }
}

fn matches(page: &mut Page, evidence: &Evidence) {
    page.add(format_args!("<h2>What matches</h2>\n"));
    if evidence.report.hits.is_empty() {
        page.add(format_args!("<p>Nothing matches as of the last run.</p>\n"));
    }
    for hit in &evidence.report.hits {
        page.add(format_args!("<div class=\"hit\"><table>\n"));
        one_match(page, hit);
        let noted = evidence.comments.iter().filter(|(id, _)| *id == hit.id).flat_map(|(_, noted)| noted);
        for comment in noted {
            let text = comment.text.as_deref().unwrap_or("redacted");
            page.fact("Note", &format!("{text} ({}, {})", comment.actor, at(comment.created_at)));
        }
        page.add(format_args!("</table></div>\n"));
    }
}

fn one_match(page: &mut Page, hit: &HitView) {
    page.fact("Entity", &hit.entity);
    page.fact("List", &hit.list);
    page.fact("Score", &format!("{:.3}", hit.score));
    page.fact("First seen", &at(hit.first_seen_at));
    if let Some(finding) = &hit.finding {
        page.fact("Name on the list", &finding.name);
        for reason in &finding.reasons {
            page.fact(&format!("Why: {} ({:+.2})", reason.fact, reason.effect), &reason.text);
        }
        page.fact("Facts on the list", &facts(&finding.facts));
    } else {
        page.fact("Content", "redacted");
    }
    page.fact("State", hit.state);
    if let Some(by) = &hit.decided_by {
        page.fact("Decided by", by);
        page.fact("Decided", &hit.decided_at.map_or_else(|| "-".to_owned(), at));
        page.fact("Reason", hit.reason.as_deref().unwrap_or("-"));
    }
}

/// `programs: SDGT; countries: IR`
fn facts(facts: &Value) -> String {
    fn words(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        }
    }
    let Value::Object(facts) = facts else { return words(facts) };
    facts.iter().map(|(key, value)| format!("{key}: {}", words(value))).collect::<Vec<_>>().join("; ")
}

fn history(page: &mut Page, evidence: &Evidence) {
    page.add(format_args!(
        "<h2>What happened</h2>\n<table><thead><tr><th>When</th><th>What</th><th>Against</th><th>Id</th></tr></thead>\n"
    ));
    for item in &evidence.history {
        let (what, against, id) = match &item.kind {
            HistoryKind::Run { trigger, outcome, findings, failure, account_version, basis, .. } => {
                let failure = failure.as_deref().map(|failure| format!(" ({failure})")).unwrap_or_default();
                (
                    format!(
                        "Run, {trigger}: {outcome}{failure}, {findings} entities, account version {account_version}"
                    ),
                    against(basis),
                    RunId(item.id).to_string(),
                )
            }
            HistoryKind::Month { month, runs, first_at } => (
                format!("{runs} clear runs in {month}, the first {}", at(*first_at)),
                String::new(),
                RunId(item.id).to_string(),
            ),
            HistoryKind::Action { kind, actor, entities } => (
                format!(
                    "{kind} by {actor}{}{}",
                    if entities.is_empty() { "" } else { ": " },
                    entities.join(", ")
                ),
                String::new(),
                ReportActionId(item.id).to_string(),
            ),
        };
        page.add(format_args!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
            at(item.at),
            escaped(&what),
            escaped(&against),
            escaped(&id),
        ));
    }
    page.add(format_args!("</table>\n"));
    if evidence.is_cut {
        page.add(format_args!("<p>What is older is not printed; the history has it.</p>\n"));
    }
}

/// `local (local-1), threshold 0.9, ofac 1a2b3c`
fn against(basis: &Value) -> String {
    let word = |value: &Value, key: &str| {
        let word = value.get(key).and_then(Value::as_str).unwrap_or("?");
        word.to_owned()
    };
    let mut text = format!("{} ({})", word(basis, "provider"), word(basis, "engine"));
    match basis.get("threshold").and_then(Value::as_f64) {
        Some(threshold) => write!(text, ", threshold {threshold}").expect("a string takes all"),
        None => text.push_str(", the provider's own threshold"),
    }
    for list in basis.get("lists").and_then(Value::as_array).into_iter().flatten() {
        write!(text, ", {} {}", word(list, "name"), word(list, "version")).expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_lists_say_is_text_and_not_markup() {
        assert_eq!(escaped("<b onclick='x'>&\""), "&lt;b onclick=&#39;x&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn what_a_run_rested_on_reads_as_words() {
        let basis = serde_json::json!({
            "provider": "local", "engine": "local-1", "threshold": 0.9,
            "lists": [{ "name": "ofac", "version": "abc" }],
        });
        assert_eq!(against(&basis), "local (local-1), threshold 0.9, ofac abc");
    }
}
