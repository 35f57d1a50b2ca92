//! What a request is answered with: resources in the envelope of JSON:API that Persona's clients read.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON objects: what is not there is null, and what is put there is there"
)]

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{call::Call, errors::ApiError};

/// One object as the API shows it. Keys are in kebab-case here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Resource {
    /// Its type, such as `account`.
    pub(super) kind: String,
    /// Its id.
    pub(super) id: String,
    /// What is told of it.
    pub(super) attributes: Map<String, Value>,
    /// What it is related to, by name: `{"data": …}`.
    pub(super) relationships: Map<String, Value>,
}

impl Resource {
    /// An object with the attributes that a struct holds.
    #[expect(clippy::needless_pass_by_value, reason = "ids are copied, and texts are made")]
    pub(super) fn new(
        kind: impl Into<String>,
        id: impl ToString,
        attributes: &impl Serialize,
    ) -> Result<Self, ApiError> {
        let Ok(Value::Object(attributes)) = serde_json::to_value(attributes) else {
            return Err(ApiError::internal());
        };
        Ok(Self { kind: kind.into(), id: id.to_string(), attributes, relationships: Map::new() })
    }

    /// Relates it to one object, or to none.
    #[expect(clippy::wrong_self_convention, reason = "JSON:API calls the relation to-one")]
    pub(super) fn to_one(mut self, name: &str, kind: &str, id: Option<impl ToString>) -> Self {
        let data = id.map_or(Value::Null, |id| json!({ "type": kind, "id": id.to_string() }));
        self.relationships.insert(name.to_owned(), json!({ "data": data }));
        self
    }

    /// Relates it to several objects: types and ids.
    #[expect(clippy::wrong_self_convention, reason = "JSON:API calls the relation to-many")]
    pub(super) fn to_many<I: ToString>(
        mut self,
        name: &str,
        objects: impl IntoIterator<Item = (String, I)>,
    ) -> Self {
        let objects = objects.into_iter();
        let data: Vec<Value> =
            objects.map(|(kind, id)| json!({ "type": kind, "id": id.to_string() })).collect();
        self.relationships.insert(name.to_owned(), json!({ "data": data }));
        self
    }

    fn into_value(self) -> Value {
        let Self { kind, id, attributes, relationships } = self;
        let mut value = json!({ "type": kind, "id": id, "attributes": attributes });
        if !relationships.is_empty() {
            value["relationships"] = Value::Object(relationships);
        }
        value
    }
}

/// What a handler answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A document, which the foundation writes as the client likes it.
    Json(Value),
    /// Bytes as they are, with their headers.
    Bytes(Vec<(HeaderName, HeaderValue)>, Body),
}

impl Answer {
    /// One object.
    pub(super) fn one(status: StatusCode, resource: Resource) -> Self {
        Self::json(status, json!({ "data": resource.into_value() }))
    }

    /// A page of objects, in the order of the listing; `more` says whether there are further ones in the
    /// direction that was asked for. Links lead on with the same filters.
    pub(super) fn page(call: &Call, resources: Vec<Resource>, more: bool) -> Result<Self, ApiError> {
        let ends = resources.first().zip(resources.last());
        let ends = ends.map(|(first, last)| (first.id.clone(), last.id.clone()));
        Self::page_between(call, resources, ends, more)
    }

    /// All objects of a listing, of which there are few: what comes after any of them is nothing.
    pub(super) fn whole(call: &Call, resources: Vec<Resource>) -> Result<Self, ApiError> {
        let page = call.page()?;
        let is_first = !page.is_after() && !page.is_before();
        Ok(Self::page_with(if is_first { resources } else { Vec::new() }, None, None))
    }

    /// The same, where the ends of the page are named by something else than their ids.
    pub(super) fn page_between(
        call: &Call,
        resources: Vec<Resource>,
        ends: Option<(String, String)>,
        more: bool,
    ) -> Result<Self, ApiError> {
        let page = call.page()?;
        let (first, last) = ends.unzip();
        let backwards = page.is_before();
        let next = last.filter(|_| more || backwards).map(|id| call.link("page[after]", &id));
        let prev = first
            .filter(|_| if backwards { more } else { page.is_after() })
            .map(|id| call.link("page[before]", &id));
        Ok(Self::page_with(resources, prev, next))
    }

    /// A page of objects with its links.
    #[expect(clippy::needless_pass_by_value, reason = "links are made for it")]
    pub(super) fn page_with(resources: Vec<Resource>, prev: Option<String>, next: Option<String>) -> Self {
        let data: Vec<Value> = resources.into_iter().map(Resource::into_value).collect();
        Self::json(StatusCode::OK, json!({ "data": data, "links": { "prev": prev, "next": next } }))
    }

    /// Any other document, with keys in kebab-case.
    pub(super) fn json(status: StatusCode, document: Value) -> Self {
        Self { status, content: Content::Json(document) }
    }

    /// Bytes: a file, a printable page. Browsers neither guess what they are nor run anything in them.
    pub(super) fn bytes(media_type: &'static str, bytes: impl Into<Body>) -> Self {
        let headers = vec![
            (axum::http::header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (axum::http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (axum::http::header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
            (
                axum::http::header::CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
            ),
        ];
        Self { status: StatusCode::OK, content: Content::Bytes(headers, bytes.into()) }
    }

    /// Adds a header to an answer of bytes.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Content::Bytes(headers, _) = &mut self.content {
            headers.push((name, value));
        }
        self
    }

    /// Adds `meta`.
    pub(super) fn meta(mut self, meta: Value) -> Self {
        if let Content::Json(Value::Object(document)) = &mut self.content {
            document.insert("meta".to_owned(), meta);
        }
        self
    }

    /// Adds related objects, each once.
    pub(super) fn include(mut self, resources: impl IntoIterator<Item = Resource>) -> Self {
        if let Content::Json(Value::Object(document)) = &mut self.content {
            let included = document.entry("included").or_insert_with(|| json!([]));
            if let Value::Array(included) = included {
                for resource in resources {
                    let value = resource.into_value();
                    if !included.contains(&value) {
                        included.push(value);
                    }
                }
            }
        }
        self
    }
}
