//! `/docs`: the API for people to read, in one page without scripts.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON objects: what is not there is null, and what is put there is there"
)]

use std::{fmt::Write, sync::Arc};

use axum::{http::header, response::IntoResponse};
use serde_json::Value;

use super::{
    ROOT, openapi,
    operation::{Operation, Sent, Shape},
};
use crate::http::html::escaped;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}\
    h2{margin-top:3rem;border-bottom:1px solid #ccd5dd}h3{margin:2rem 0 .3rem;font-size:1.05rem}\
    code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:#f4f6f8;padding:.8rem;overflow-x:auto;border-radius:6px}\
    .m{display:inline-block;min-width:4.2em;font-weight:700;color:#0b5cad}.p{color:#5b6b7a;font-size:.9rem}\
    nav a{margin-right:1rem}summary{cursor:pointer;color:#0b5cad}td{padding:.1rem 1rem .1rem 0;vertical-align:top}\
    @media(prefers-color-scheme:dark){body{background:#12181f;color:#dde5ec}pre{background:#1c2530}.m,summary,a{color:#6cb3f2}}";

/// Makes the page of the operations.
pub(super) fn page(operations: &[Operation]) -> String {
    let document = openapi::document(operations);
    let mut groups: Vec<(&str, Vec<&Operation>)> = Vec::new();
    for operation in operations {
        let name = operation.path.split('/').nth(1).unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, group)) => group.push(operation),
            None => groups.push((name, vec![operation])),
        }
    }
    groups.sort_by_key(|(name, _)| *name);
    let mut page = String::new();
    let mut write = |text: std::fmt::Arguments<'_>| page.write_fmt(text).expect("a string takes all");
    write(format_args!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Watchkeeper API</title><style>{STYLE}</style><h1>Watchkeeper API</h1>\
         <p>The wire format is that of Persona's API: a program written for it works with another base URL. \
         <a href=\"{ROOT}/openapi.json\">OpenAPI document</a>.</p>\
         <pre>curl -H 'Authorization: Bearer $KEY' -H 'Persona-Version: 2025-12-08' http://127.0.0.1:8470{ROOT}/accounts</pre>\
         <p>A key is made by <code>watchkeeper key create</code>. Keys of a body may be written in kebab-case, camelCase \
         or snake_case; answers are written as <code>Key-Inflection</code> says. A POST with an \
         <code>Idempotency-Key</code> that is sent again is answered as before. Errors are \
         <code>{{\"errors\":[{{\"title\",\"details\",\"source\":{{\"pointer\"}}}}]}}</code>.</p><nav>"
    ));
    for (name, _) in &groups {
        write(format_args!("<a href=\"#{name}\">{name}</a>"));
    }
    write(format_args!("</nav>"));
    for (name, group) in &groups {
        write(format_args!("<h2 id=\"{name}\">{name}</h2>"));
        for operation in group {
            write(format_args!(
                "<h3><span class=\"m\">{}</span> <code>{ROOT}{}</code></h3><div>{}</div><div>{}</div>\
                 <div class=\"p\">needs {}</div>",
                operation.method,
                escaped(operation.path),
                escaped(operation.summary),
                escaped(operation.about),
                escaped(operation.permission),
            ));
            if !operation.queries.is_empty() {
                write(format_args!("<table>"));
                for (name, meaning) in &operation.queries {
                    let (name, meaning) = (escaped(name), escaped(meaning));
                    write(format_args!("<tr><td><code>{name}</code></td><td>{meaning}</td></tr>"));
                }
                write(format_args!("</table>"));
            }
            let method = operation.method.as_str().to_ascii_lowercase();
            let described = &document["paths"][operation.path][&method];
            if matches!(operation.sent, Sent::Json(_)) {
                let schema = &described["requestBody"]["content"]["application/json"]["schema"];
                write(format_args!("<details><summary>body</summary>{}</details>", shown(schema, &document)));
            }
            for (status, shape) in &operation.answers {
                let word = if matches!(shape, Shape::Bytes(_)) { "bytes" } else { "answer" };
                let content = &described["responses"][status.to_string()]["content"];
                let schema = content.as_object().and_then(|content| content.values().next());
                let schema = schema.map_or(&Value::Null, |content| &content["schema"]);
                write(format_args!(
                    "<details><summary>{word} {status}</summary>{}</details>",
                    shown(schema, &document)
                ));
            }
        }
    }
    page
}

/// A schema in full, its references followed once.
fn shown(schema: &Value, document: &Value) -> String {
    let text = serde_json::to_string_pretty(&resolved(schema, document, 0)).unwrap_or_default();
    format!("<pre>{}</pre>", escaped(&text))
}

fn resolved(schema: &Value, document: &Value, depth: usize) -> Value {
    match schema {
        Value::Object(object) => {
            let reference =
                object.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
            if let Some(target) = reference.and_then(|path| document.pointer(path))
                && depth < 6
            {
                return resolved(target, document, depth + 1);
            }
            object.iter().map(|(key, value)| (key.clone(), resolved(value, document, depth))).collect()
        }
        Value::Array(list) => list.iter().map(|value| resolved(value, document, depth)).collect(),
        other => other.clone(),
    }
}

/// Serves the page.
#[expect(clippy::unused_async, reason = "handlers of axum are async")]
pub(super) async fn served(page: Arc<String>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page.to_string())
}
