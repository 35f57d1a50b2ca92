//! Forms that say what a JSON document would, with files as they are: the part `data[attributes][name-first]` is that
//! attribute, `data[attributes][tags][]` or `data[attributes][tags][0]` one of several values, and a part with a file's
//! name is a file.

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::stream;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::errors::ApiError;

/// The most words of a part's name.
const DEEPEST: usize = 8;

/// Describes such a form.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "data[attributes][selfie-photo]": { "type": "string", "format": "binary" } },
        "additionalProperties": { "type": "string" },
    })
}

/// The document that a form says. A file becomes `{data, filename}`, with its content in base 64; whatever else is a text.
pub(super) async fn document(content_type: &str, form: Bytes) -> Result<Value, ApiError> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| no_form())?;
    let whole = stream::once(async move { Ok::<Bytes, std::convert::Infallible>(form) });
    let mut form = multer::Multipart::new(whole, boundary);
    let mut document = Value::Null;
    while let Some(part) = form.next_field().await.map_err(|_| no_form())? {
        let name = part.name().unwrap_or_default().to_owned();
        let filename = part.file_name().map(str::to_owned);
        let content = part.bytes().await.map_err(|_| no_form())?;
        let value = match filename {
            // As browsers send the input of a file that nobody chose.
            Some(_) if content.is_empty() => {
                let pointer: String = keys(&name).iter().flatten().flat_map(|key| ["/", key]).collect();
                let details = "the file is empty; accepted is one of at least a byte, or no such part";
                return Err(ApiError::bad_request(&pointer, details));
            }
            Some(filename) => json!({ "data": STANDARD.encode(&content), "filename": filename }),
            None => String::from_utf8(content.to_vec())
                .map(Value::String)
                .map_err(|_| ApiError::bad_request("", "a part of the form that is no file is not UTF-8"))?,
        };
        keys(&name).and_then(|keys| put(&mut document, &keys, value)).ok_or_else(|| {
            let details =
                "a part of the form is given twice, or has no name such as data[attributes][name-first]";
            ApiError::bad_request("", details)
        })?;
    }
    if document.is_null() { Err(no_form()) } else { Ok(document) }
}

/// The words of a part's name: `data[attributes][tags][]` has four, of which the last is empty.
fn keys(name: &str) -> Option<Vec<&str>> {
    let (first, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    let mut keys = vec![first];
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('[')?.split_once(']')?;
        keys.push(key);
        rest = after;
    }
    (!first.is_empty() && keys.len() <= DEEPEST).then_some(keys)
}

/// Puts a value where its keys lead to; none when something else is there already.
fn put(place: &mut Value, keys: &[&str], value: Value) -> Option<()> {
    match keys {
        [] => {
            if !place.is_null() {
                return None;
            }
            *place = value;
        }
        [""] => {
            if place.is_null() {
                *place = json!([]);
            }
            place.as_array_mut()?.push(value);
        }
        // One of several, by its number, from 0 on.
        [number, rest @ ..] if !place.is_object() && is_number(number) => {
            if place.is_null() {
                *place = json!([]);
            }
            let list = place.as_array_mut()?;
            let index: usize = number.parse().ok()?;
            if index == list.len() {
                list.push(Value::Null);
            }
            put(list.get_mut(index)?, rest, value)?;
        }
        [key, rest @ ..] => {
            if place.is_null() {
                *place = json!({});
            }
            put(place.as_object_mut()?.entry(*key).or_insert(Value::Null), rest, value)?;
        }
    }
    Some(())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn no_form() -> ApiError {
    ApiError::bad_request("", "the body is no multipart form with a part, or was not sent to its end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_in_each_other_as_their_names_say() {
        let mut document = Value::Null;
        for (name, text) in [
            ("data[attributes][tags][]", "a"),
            ("data[attributes][tags][]", "b"),
            ("data[attributes][fields][name][first]", "Jane"),
            ("data[attributes][fields][names][0]", "Ann"),
            ("data[attributes][fields][names][1]", "Bo"),
            ("data[attributes][fields][numbers][0][kind]", "visa"),
            ("data[attributes][fields][numbers][0][number]", "7"),
            ("meta[upsert-by]", "reference-id"),
        ] {
            put(&mut document, &keys(name).unwrap(), json!(text)).unwrap();
        }
        let fields = json!({
            "name": { "first": "Jane" }, "names": ["Ann", "Bo"], "numbers": [{ "kind": "visa", "number": "7" }],
        });
        let attributes = json!({ "tags": ["a", "b"], "fields": fields });
        let whole = json!({ "data": { "attributes": attributes }, "meta": { "upsert-by": "reference-id" } });
        assert_eq!(document, whole);
        for twice in [
            "meta[upsert-by]",
            "meta",
            "meta[]",
            "data[attributes][tags][x]",
            "data[attributes][tags][0]",
            "data[attributes][tags][7]",
            "data[attributes][fields][numbers][0]",
        ] {
            assert_eq!(put(&mut document, &keys(twice).unwrap(), json!("x")), None, "{twice}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_part_is_none() {
        let deep = format!("data{}", "[a]".repeat(100_000));
        for name in ["", "[data]", "data[", "data]x[", "data[a]b", "data[a", deep.as_str()] {
            assert_eq!(keys(name), None, "{}", name.get(..20).unwrap_or(name));
        }
    }
}
