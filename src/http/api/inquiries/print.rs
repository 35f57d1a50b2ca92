//! An inquiry as a page that is printed and filed: everything that is known of it, and why it ended as it did.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::shape::flat;
use crate::{actions::inquiries::OpenInquiry, domain::comparison::CheckStatus, http::html::escaped};

/// No script, no font, no picture: what the page says does not hang on anything else.
const STYLE: &str = "body{font:11pt/1.45 system-ui,sans-serif;margin:2em auto;max-width:48em;color:#111}\
h1{font-size:1.4em;margin:0 0 .2em}h2{font-size:1.1em;margin:1.6em 0 .4em}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3em .6em .3em 0;\
border-bottom:1px solid #ccc}th{font-weight:600}td{white-space:pre-line}td.failed{font-weight:700}footer{margin-top:2em;color:#555}\
@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}";

/// The page.
pub(super) fn page(inquiry: &OpenInquiry, printed_at: DateTime<Utc>) -> String {
    let row = &inquiry.row;
    let mut page = String::with_capacity(4096);
    let title = format!("Inquiry {}", row.id);
    write(
        &mut page,
        format_args!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>{STYLE}</style></head><body><h1>{title}</h1>"
        ),
    );
    let facts = [
        ("Status", Some(row.status.word().replace('_', " "))),
        ("Account", row.account.map(|account| account.to_string())),
        ("Reference id", row.reference_id.clone()),
        ("Template", Some(row.template.clone())),
        ("Created by", Some(row.creator.clone())),
        ("Created", Some(time(row.created_at))),
        ("Started", row.started_at.map(time)),
        ("Completed", row.completed_at.map(time)),
        ("Failed", row.failed_at.map(time)),
        ("Expired", row.expired_at.map(time)),
        ("Marked for review", row.marked_for_review_at.map(time)),
        ("Decided", row.decided_at.map(time)),
        ("Reviewer", row.reviewer.clone()),
        ("Reviewer's comment", inquiry.content.comment.clone()),
        ("Note", inquiry.content.note.clone()),
        ("Tags", Some(row.tags.join(", ")).filter(|tags| !tags.is_empty())),
        ("Redacted", row.redacted_at.map(time)),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    rows(&mut page, facts);

    page.push_str("<h2>What was collected</h2>");
    let fields = flat(&inquiry.content.fields);
    if fields.is_empty() {
        let why = if row.redacted_at.is_some() { "It was redacted." } else { "Nothing." };
        write(&mut page, format_args!("<p>{why}</p>"));
    }
    rows(&mut page, fields.iter().map(|(key, value)| (key.replace('-', " "), text(value))));

    page.push_str("<h2>What it was compared with</h2>");
    if inquiry.checks.is_empty() {
        page.push_str("<p>Nothing was compared.</p>");
    } else {
        page.push_str(
            "<table><tr><th>Check</th><th>Verdict</th><th>Result</th><th>Because</th><th>Needed</th></tr>",
        );
        for check in &inquiry.checks {
            let compared = &check.compared;
            let class = if compared.status() == CheckStatus::Failed { " class=\"failed\"" } else { "" };
            write(
                &mut page,
                format_args!(
                    "<tr><td>{}</td><td{class}>{}</td><td>{} ({})</td><td>{}</td><td>{}, at least {}</td></tr>",
                    escaped(&check.name().replace('_', " ")),
                    compared.status().word().replace('_', " "),
                    compared.result.word(),
                    compared.method.word(),
                    compared.reason.text(),
                    compared.requirement.word().replace('_', " "),
                    compared.level.word(),
                ),
            );
        }
        page.push_str("</table>");
    }
    write(
        &mut page,
        format_args!("<footer>Printed {} by Watchkeeper.</footer></body></html>", time(printed_at)),
    );
    page
}

fn rows(page: &mut String, rows: impl Iterator<Item = (String, String)>) {
    page.push_str("<table>");
    for (name, value) in rows {
        write(page, format_args!("<tr><th>{}</th><td>{}</td></tr>", escaped(&name), escaped(&value)));
    }
    page.push_str("</table>");
}

fn write(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a text takes every write");
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A value as people write it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(parts) => {
            parts.iter().map(|(key, value)| format!("{key}: {}", text(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
