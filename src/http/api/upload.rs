//! Files as clients send them: encoded in JSON, as a part of a form, or as the body itself; and what is said of them
//! beside, in attributes, parts or the query.

use axum::{
    body::{BodyDataStream, Bytes},
    http::{HeaderMap, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{
    call::{Call, normal},
    errors::ApiError,
    inflection::to_kebab,
    operation::{Described, Document},
    request,
};
use crate::actions::import::{Format, HeaderMap as Headers};

/// The longest part of a form that is no file, in bytes.
const LONGEST_PART: usize = 1 << 16;

/// The most bytes of all parts of a form that are no file, with their names.
const MOST_BESIDE: usize = 1 << 20;

/// What may be said of a file.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Attributes {
    /// The file.
    file: File,
    /// The type of rows that do not say, by name.
    pub(super) account_type: Option<String>,
    /// What headers mean: field keys, or nothing to leave a column out.
    pub(super) mapping: Headers,
    /// `csv` or `ndjson`; told by the file's name when not given.
    #[schemars(with = "Option<String>")]
    pub(super) format: Option<Format>,
    /// Whether it is only to be told what would be done.
    pub(super) dry_run: bool,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct File {
    /// The file, in base 64.
    data: String,
    /// Its name.
    filename: Option<String>,
}

/// Describes a body that is the file itself.
pub(super) fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

/// The forms of a file that operations take, with the schema of the two that hold more than it.
pub(super) const fn media_types(document: Described, form: Described) -> [(&'static str, Described); 4] {
    [
        ("application/json", document),
        ("multipart/form-data", form),
        ("text/csv", text),
        ("application/x-ndjson", text),
    ]
}

/// A file that comes, piece by piece.
pub(super) struct Upload {
    /// What is said of it; whole once it has come.
    pub(super) said: Attributes,
    known: &'static [&'static str],
    source: Source,
    has_file: bool,
    /// How many bytes of parts that are no file have come, with their names.
    beside: usize,
}

/// The media types of a file, and of what has one in it.
const MEDIA_TYPES: &str = "text/csv, application/x-ndjson, multipart/form-data or application/json";

enum Source {
    Whole(BodyDataStream),
    Decoded(Option<Bytes>),
    Parts(Box<multer::Multipart<'static>>, Option<Box<multer::Field<'static>>>),
}

impl Upload {
    /// Begins to take a file. Of what may be said of it, `known` is accepted.
    pub(super) async fn open(call: &mut Call, known: &'static [&'static str]) -> Result<Self, ApiError> {
        let body = call.take_stream().ok_or_else(ApiError::internal)?;
        // The file may come slowly, and uses a connection only now and then.
        call.place = None;
        let mut said = Attributes::default();
        for (key, value) in &call.query {
            let name = normal(key);
            if known.contains(&name.as_str()) {
                say(&mut said, &name, value).map_err(|details| ApiError::bad_request(&name, details))?;
            } else if !name.starts_with("fields[") {
                let details = format!("{name} is unknown; {}", accepted(known));
                return Err(ApiError::bad_request(&name, details));
            }
        }
        let (source, has_file) = match media_type(&call.headers).as_str() {
            "text/csv" | "application/csv" => {
                said.format = Some(Format::Csv);
                (Source::Whole(body.into_data_stream()), true)
            }
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                said.format = Some(Format::Ndjson);
                (Source::Whole(body.into_data_stream()), true)
            }
            "multipart/form-data" => {
                let boundary = multer::parse_boundary(sent_type(&call.headers)).map_err(|_| no_form())?;
                let form = multer::Multipart::new(body.into_data_stream(), boundary);
                (Source::Parts(Box::new(form), None), false)
            }
            _ => {
                call.body = request::json(&call.headers, body, &call.bodies.clone(), MEDIA_TYPES).await?;
                let attributes = call.body.pointer("/data/attributes").and_then(|sent| sent.as_object());
                if let Some(key) = attributes
                    .and_then(|sent| sent.keys().find(|key| *key != "file" && !known.contains(&key.as_str())))
                {
                    let details = format!("is unknown; {}", accepted(known));
                    return Err(ApiError::bad_request(&format!("/data/attributes/{key}"), details));
                }
                let sent = call.body::<Document<Attributes>>()?.data.attributes;
                let data = STANDARD.decode(sent.file.data.trim()).map_err(|_| {
                    ApiError::bad_request("/data/attributes/file/data", "accepted is the file in base 64")
                })?;
                said = Attributes {
                    account_type: sent.account_type.or(said.account_type),
                    mapping: if sent.mapping.is_empty() { said.mapping } else { sent.mapping },
                    format: sent.format.or(said.format),
                    dry_run: sent.dry_run || said.dry_run,
                    file: sent.file,
                };
                (Source::Decoded(Some(data.into())), true)
            }
        };
        Ok(Self { said, known, source, has_file, beside: 0 })
    }

    /// The next piece of the file; none at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            match &mut self.source {
                Source::Decoded(data) => return Ok(data.take()),
                Source::Whole(body) => return body.next().await.transpose().map_err(|_| cut_off()),
                Source::Parts(form, file) => {
                    if let Some(field) = file {
                        match field.chunk().await {
                            Ok(Some(piece)) => return Ok(Some(piece)),
                            Ok(None) => *file = None,
                            Err(_) => return Err(cut_off()),
                        }
                        continue;
                    }
                    let Some(field) = form.next_field().await.map_err(|_| no_form())? else {
                        return if self.has_file { Ok(None) } else { Err(no_form()) };
                    };
                    let part = field.name().unwrap_or_default().to_owned();
                    let (name, header) = attribute(&part);
                    if name == "file" && header.is_none() {
                        if self.has_file {
                            let details = "the form has more than one file; accepted is one";
                            return Err(ApiError::bad_request("/data/attributes/file", details));
                        }
                        self.has_file = true;
                        self.said.file.filename = field.file_name().map(str::to_owned);
                        *file = Some(Box::new(field));
                    } else {
                        let value = part_text(field).await?;
                        self.beside += part.len() + value.len();
                        if self.beside > MOST_BESIDE {
                            let details =
                                "the parts of the form that are no file are longer than 1 MiB together";
                            return Err(ApiError::bad_request("", details));
                        }
                        take_part(&mut self.said, self.known, (&part, &name, header), value)?;
                    }
                }
            }
        }
    }

    /// How the file is written.
    pub(super) fn format(&self) -> Format {
        self.said
            .format
            .unwrap_or_else(|| Format::of_name(self.said.file.filename.as_deref().unwrap_or_default()))
    }

    /// What the file is called.
    pub(super) fn filename(&self) -> Option<&str> {
        self.said.file.filename.as_deref()
    }
}

/// Takes a part of a form in that is no file: one attribute, or what one header means.
fn take_part(
    said: &mut Attributes,
    known: &[&str],
    (part, name, header): (&str, &str, Option<&str>),
    value: String,
) -> Result<(), ApiError> {
    // What the whole is, as a JSON document says it too.
    if matches!(part, "data[type]" | "data[id]") {
        return Ok(());
    }
    let is_header = name == "mapping" && header.is_some();
    if !known.contains(&name) || (header.is_some() && !is_header) {
        let details = format!("the form has a part {part:?}, which is unknown; {}", accepted(known));
        return Err(ApiError::bad_request("", details));
    }
    match header {
        Some(header) => drop(said.mapping.insert(header.to_owned(), value)),
        None => say(said, name, &value)
            .map_err(|details| ApiError::bad_request(&format!("/data/attributes/{name}"), details))?,
    }
    Ok(())
}

/// The attribute that a part of a form is, and the header that it is about: `data[attributes][mapping][HEADER]`.
fn attribute(part: &str) -> (String, Option<&str>) {
    let inner = part.strip_prefix("data[attributes][").and_then(|rest| rest.split_once(']'));
    let (name, rest) = inner.unwrap_or((part, ""));
    let header = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    (if rest.is_empty() || header.is_some() { to_kebab(name) } else { part.to_owned() }, header)
}

/// Takes in what is said as a text.
fn say(said: &mut Attributes, name: &str, value: &str) -> Result<(), &'static str> {
    let value = value.trim();
    match name {
        "account-type" => said.account_type = Some(value.to_owned()).filter(|name| !name.is_empty()),
        "mapping" => {
            said.mapping = serde_json::from_str(value)
                .map_err(|_| "accepted is a JSON object of headers and the fields that they mean")?;
        }
        "format" => {
            said.format = Some(match value {
                "csv" => Format::Csv,
                "ndjson" => Format::Ndjson,
                _ => return Err("accepted is csv or ndjson"),
            });
        }
        _ => said.dry_run = value.parse().map_err(|_| "accepted is true or false")?,
    }
    Ok(())
}

async fn part_text(mut field: multer::Field<'static>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| cut_off())? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LONGEST_PART {
            return Err(ApiError::bad_request(
                "",
                "a part of the form that is no file is longer than 64 KiB",
            ));
        }
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| ApiError::bad_request("", "a part of the form that is no file is not UTF-8"))
}

fn accepted(known: &[&str]) -> String {
    if known.is_empty() {
        "accepted is file".to_owned()
    } else {
        format!("accepted are file, {}", known.join(", "))
    }
}

/// The media type of what is sent, with its parameters.
pub(super) fn sent_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The media type of what is sent, without them.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    sent_type(headers).split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn no_form() -> ApiError {
    ApiError::bad_request("", "the body is no multipart form with a file data[attributes][file]")
}

fn cut_off() -> ApiError {
    ApiError::bad_request("", "the file was not sent to its end; nothing of it was kept")
}

/// Says that a file must be there.
pub(super) fn empty() -> ApiError {
    ApiError::bad_request("/data/attributes/file", "must be filled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_form_are_known_in_every_spelling() {
        assert_eq!(attribute("data[attributes][accountType]"), ("account-type".to_owned(), None));
        assert_eq!(attribute("dry_run"), ("dry-run".to_owned(), None));
        assert_eq!(attribute("data[attributes][mapping][No. 1]"), ("mapping".to_owned(), Some("No. 1")));
        let mut said = Attributes::default();
        let known = &["mapping"];
        let sent = ("data[attributes][mapping][No. 1]", "mapping", Some("No. 1"));
        take_part(&mut said, known, sent, "reference_id".to_owned()).unwrap();
        assert_eq!(said.mapping["No. 1"], "reference_id");
        let refused = take_part(&mut said, known, ("colour", "colour", None), String::new()).unwrap_err();
        let details = "the form has a part \"colour\", which is unknown; accepted are file, mapping";
        assert_eq!(refused, ApiError::bad_request("", details));
    }
}
