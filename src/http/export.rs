//! What subject access hands out: a document for programs, a page for people, the files; in one archive.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use serde_json::{Map, Value};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::html::escaped;
use crate::actions::{audit::Certificate, export::Exported};

/// What each table is called on the page, in the page's order. A table without a name here comes last, under its own.
const TITLES: [(&str, &str); 30] = [
    ("accounts", "The account"),
    ("account_tags", "Tags"),
    ("account_files", "Files"),
    ("relations", "Relations"),
    ("inquiries", "Inquiries, with what was compared"),
    ("account_reverifications", "Verifications that fall due"),
    ("monitors", "Reports"),
    ("hits", "Hits"),
    ("decisions", "Decisions"),
    ("hit_comments", "Comments on hits"),
    ("report_actions", "What people did to reports"),
    ("runs", "Runs"),
    ("kept_runs", "Runs of compacted months"),
    ("run_months", "Compacted months"),
    ("transactions", "Transactions"),
    ("transaction_tags", "Tags of transactions"),
    ("list_items", "Items of own lists that matched"),
    ("action_runs", "Runs of account actions"),
    ("account_pauses", "Pauses"),
    ("consolidation_sources", "Consolidations"),
    ("idempotency_replies", "Answers kept for a day"),
    ("events", "Events"),
    ("audit_entries", "Audit log"),
    ("data_keys", "Keys"),
    ("erased_keys", "Keys that redaction destroyed"),
    ("account_tokens", "Search tokens"),
    ("monitor_due", "When reports run next"),
    ("wakeups", "Reports that were woken"),
    ("strikes", "Runs that did not end"),
    ("enrol_queue", "Waiting for enrolment"),
];

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#111}\
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #999}\
table{border-collapse:collapse;width:100%;margin:0 0 1em}th,td{text-align:left;vertical-align:top;\
padding:.2em .6em .2em 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere}th{width:14em;font-weight:600}\
td table{margin:0}@media print{body{margin:0;max-width:none}}";

/// A certificate of erasure as a page to print and to file.
pub fn certificate_page(certificate: &Certificate) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Certificate of erasure</title><style>{STYLE}</style></head><body><h1>Certificate of erasure</h1>\
         <p>The keys below were destroyed in this database: what they sealed cannot be opened in it again. A backup \
         from before the redaction still has them; it opens for whoever holds the master key that it was made under, \
         until that key is destroyed, and is redacted again by the erasure ledger when it is restored here. Proof: \
         watchkeeper audit verify --certificate FILE, with the JSON form of this certificate.</p>"
    );
    if let Ok(Value::Object(row)) = serde_json::to_value(certificate) {
        table(&mut page, &row);
    }
    page.push_str("</body></html>\n");
    page
}

/// The files of an export: names, and what is in them.
pub fn files(exported: &Exported) -> Vec<(String, Vec<u8>)> {
    let document =
        serde_json::to_vec_pretty(&exported.document()).expect("a document of JSON values can be written");
    let mut files =
        vec![("account.json".to_owned(), document), ("account.html".to_owned(), page(exported).into_bytes())];
    files.extend(exported.files.iter().map(|(id, content)| (format!("files/{id}"), content.clone())));
    files
}

/// The same as one ZIP archive. Nothing is compressed: files mostly are already.
pub fn archive(exported: &Exported) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files(exported) {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let stored = archive.start_file(name, options).map_err(std::io::Error::from);
        stored.and_then(|()| archive.write_all(&content)).expect("memory takes all");
    }
    archive.finish().expect("memory takes all").into_inner()
}

/// The page: complete in itself, without scripts, whatever is in the data.
pub fn page(exported: &Exported) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Everything held about {account}</title><style>{STYLE}</style></head><body>\
         <h1>Everything held about {account}</h1><p>Read at {at}. The same is in account.json, for programs; the \
         content of files lies in the folder files.</p>",
        account = escaped(&exported.account.to_string()),
        at = exported.made_at.format("%Y-%m-%d %H:%M:%S UTC"),
    );
    if !exported.cut.is_empty() {
        let _ = write!(
            page,
            "<p><strong>Not all is here: there are more rows of {}.</strong></p>",
            escaped(&exported.cut.join(", "))
        );
    }
    let place = |name: &str| TITLES.iter().position(|(known, _)| *known == name).unwrap_or(TITLES.len());
    let mut tables: Vec<_> = exported.tables.iter().collect();
    tables.sort_by_key(|(name, _)| place(name));
    for (name, rows) in tables {
        let title = TITLES.iter().find(|(known, _)| known == name).map_or(*name, |(_, title)| title);
        let _ = write!(page, "<h2>{} ({})</h2>", escaped(title), rows.len());
        for row in rows {
            table(&mut page, row);
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn table(page: &mut String, row: &Map<String, Value>) {
    page.push_str("<table>");
    for (name, value) in row {
        let _ = write!(page, "<tr><th>{}</th><td>", escaped(name));
        cell(page, value);
        page.push_str("</td></tr>");
    }
    page.push_str("</table>");
}

fn cell(page: &mut String, value: &Value) {
    match value {
        Value::Object(row) => table(page, row),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    page.push_str("<br>");
                }
                cell(page, item);
            }
        }
        Value::String(text) => page.push_str(&escaped(text)),
        Value::Null => {}
        other => page.push_str(&escaped(&other.to_string())),
    }
}
