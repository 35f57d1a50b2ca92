//! The `OpenAPI` document, made of the table of operations.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON objects: what is not there is null, and what is put there is there"
)]

use std::{collections::BTreeMap, sync::Arc};

use axum::{http::header, response::IntoResponse};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    ROOT, forms,
    operation::{Operation, Sent, Shape},
    parameters,
    version::Version,
};
use crate::domain::list::ListKind;

/// The document (`OpenAPI` 3.1.1) of the operations, with keys in kebab-case, the default.
pub(super) fn document(operations: &[Operation]) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let described = described(operation, &mut generator);
        paths
            .entry(operation.path)
            .or_default()
            .insert(operation.method.as_str().to_ascii_lowercase(), described);
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Errors".to_owned(), errors());
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Watchkeeper",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "Customer accounts, and the reports that watch over them, in the wire format of Persona's API. \
                 Versions: {}. Keys are written as `Key-Inflection` says (kebab, camel, snake); this document \
                 has them in kebab-case.",
                Version::known()
            ),
        },
        "servers": [{ "url": ROOT }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, shape) in &operation.answers {
        responses.insert(status.to_string(), answer(*shape, generator));
    }
    let refused = json!({
        "description": "Refused; `errors` say why.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Errors" } } },
    });
    responses.insert("4XX".to_owned(), refused.clone());
    responses.insert("503".to_owned(), refused);
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "tags": [operation.path.split('/').nth(1).unwrap_or_default()],
        "description": format!("{}\n\nNeeds the permission `{}`.", operation.about, operation.permission).trim(),
        "parameters": parameters_of(operation),
        "responses": responses,
    });
    match operation.sent {
        Sent::Nothing => {}
        Sent::Json(schema) => {
            let mut content = json!({ "application/json": { "schema": schema(generator) } });
            if operation.takes_forms {
                content["multipart/form-data"] = json!({ "schema": forms::schema(generator) });
            }
            described["requestBody"] = json!({ "content": content });
        }
        Sent::Stream(media_types) => {
            let content: Map<String, Value> = media_types
                .iter()
                .map(|(media_type, schema)| {
                    ((*media_type).to_owned(), json!({ "schema": schema(generator) }))
                })
                .collect();
            described["requestBody"] = json!({ "required": true, "content": content });
        }
    }
    described
}

fn parameters_of(operation: &Operation) -> Vec<Value> {
    let names = operation.path.split(['{', '}']).skip(1).step_by(2);
    let mut parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": path_part(name) }))
        .collect();
    let mut query = |name: &str, schema: Value, description: &str| {
        parameters.push(json!({ "name": name, "in": "query", "schema": schema, "description": description }));
    };
    if operation.is_paged {
        query("page[after]", json!({ "type": "string" }), "what comes after the object of this id");
        query("page[before]", json!({ "type": "string" }), "what comes before it");
        let size = json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 10 });
        query("page[size]", size, "at most so many");
    }
    for (name, meaning) in &operation.queries {
        let commas = if parameters::is_list(meaning) { r"; a comma within one is written `\,`" } else { "" };
        query(name, json!({ "type": "string" }), &format!("{meaning}{commas}"));
    }
    if operation.is_replayed {
        let about = "a request that is sent again with the same key is answered as before, for a day";
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 255 },
            "description": about,
        }));
    }
    parameters
}

/// What may stand in a part of the path.
fn path_part(name: &str) -> Value {
    match name {
        "kind" => {
            let known: Vec<&str> = ListKind::ALL.iter().map(|kind| kind.word()).collect();
            json!({ "type": "string", "enum": known })
        }
        _ => json!({ "type": "string" }),
    }
}

fn answer(shape: Shape, generator: &mut SchemaGenerator) -> Value {
    let schema = match shape {
        Shape::Bytes(media_type) => {
            return json!({ "description": "As asked.", "content": { media_type: {} } });
        }
        Shape::Document(schema) => json!(schema(generator)),
        Shape::One(kind, schema) => json!({
            "type": "object",
            "required": ["data"],
            "properties": { "data": object(kind, &schema(generator).into()), "included": included(), "meta": {} },
        }),
        Shape::Many(kind, schema) => json!({
            "type": "object",
            "required": ["data", "links"],
            "properties": {
                "data": { "type": "array", "items": object(kind, &schema(generator).into()) },
                "included": included(),
                "links": {
                    "type": "object",
                    "properties": {
                        "prev": { "type": ["string", "null"] },
                        "next": { "type": ["string", "null"] },
                    },
                },
            },
        }),
    };
    json!({ "description": "As asked.", "content": { "application/json": { "schema": schema } } })
}

fn object(kind: &str, attributes: &Value) -> Value {
    // `report` stands for `report/watchlist` and its kin.
    let kind = if kind.ends_with("/*") { json!({ "type": "string" }) } else { json!({ "const": kind }) };
    json!({
        "type": "object",
        "required": ["type", "id", "attributes"],
        "properties": {
            "type": kind,
            "id": { "type": "string" },
            "attributes": attributes,
            "relationships": { "type": "object" },
        },
    })
}

fn included() -> Value {
    json!({ "type": "array", "items": { "type": "object", "required": ["type", "id"] } })
}

fn errors() -> Value {
    json!({
        "type": "object",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["title"],
                    "properties": {
                        "title": { "type": "string" },
                        "details": { "type": "string" },
                        "source": { "type": "object", "properties": { "pointer": { "type": "string" } } },
                    },
                },
            },
        },
    })
}

/// A name of the operation for generated clients: `post-accounts-account-id-add-tag`.
fn operation_id(operation: &Operation) -> String {
    let path: String = operation.path.chars().filter(|letter| !matches!(letter, '{' | '}')).collect();
    format!("{}{}", operation.method.as_str().to_ascii_lowercase(), path.replace('/', "-"))
}

/// Serves the document.
#[expect(clippy::unused_async, reason = "handlers of axum are async")]
pub(super) async fn served(document: Arc<Value>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string())
}
