//! The operations of the API: one table is the router, the check of permissions and the documentation.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{answer::Answer, call::Call, errors::ApiError};

type Handled = Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send>>;
pub(super) type Handler = Arc<dyn Fn(Call) -> Handled + Send + Sync>;

/// Describes a type to the documentation.
pub(super) type Described = fn(&mut SchemaGenerator) -> Schema;

/// What an operation answers when all goes well.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// One object of a type, with these attributes.
    One(&'static str, Described),
    /// A page of them.
    Many(&'static str, Described),
    /// Another document.
    Document(Described),
    /// Bytes of a media type.
    Bytes(&'static str),
}

/// How an operation takes what is sent.
#[derive(Clone, Copy)]
pub(super) enum Sent {
    /// Nothing.
    Nothing,
    /// A JSON document.
    Json(Described),
    /// Any bytes, as they come: media types, and what is in them.
    Stream(&'static [(&'static str, Described)]),
}

/// One thing that a client can ask for.
#[derive(Clone)]
pub(super) struct Operation {
    /// Its method.
    pub(super) method: Method,
    /// Its path below `/api/v1`, with `{names}`.
    pub(super) path: &'static str,
    /// What a key must be allowed to do.
    pub(super) permission: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// What else is to be known.
    pub(super) about: &'static str,
    /// What is sent.
    pub(super) sent: Sent,
    /// What comes back, by status.
    pub(super) answers: Vec<(u16, Shape)>,
    /// Parameters of the query: names, and what they mean.
    pub(super) queries: Vec<(&'static str, &'static str)>,
    /// Whether it is a listing with pages.
    pub(super) is_paged: bool,
    /// Whether what is sent may be a multipart form instead of a JSON document.
    pub(super) takes_forms: bool,
    /// Whether the answer is kept for a client that sends the same request again.
    pub(super) is_replayed: bool,
    pub(super) handler: Option<Handler>,
}

impl Operation {
    fn new(method: Method, path: &'static str, permission: &'static str, summary: &'static str) -> Self {
        let is_replayed = method == Method::POST;
        Self {
            method,
            path,
            permission,
            summary,
            about: "",
            sent: Sent::Nothing,
            answers: Vec::new(),
            queries: Vec::new(),
            is_paged: false,
            takes_forms: false,
            is_replayed,
            handler: None,
        }
    }

    /// An operation that changes nothing.
    pub(super) fn get(path: &'static str, permission: &'static str, summary: &'static str) -> Self {
        Self::new(Method::GET, path, permission, summary)
    }

    /// An operation that makes something or acts; a client may repeat it under an `Idempotency-Key`.
    pub(super) fn post(path: &'static str, permission: &'static str, summary: &'static str) -> Self {
        Self::new(Method::POST, path, permission, summary)
    }

    /// An operation that changes a part.
    pub(super) fn patch(path: &'static str, permission: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PATCH, path, permission, summary)
    }

    /// An operation that replaces something whole.
    pub(super) fn put(path: &'static str, permission: &'static str, summary: &'static str) -> Self {
        Self::new(Method::PUT, path, permission, summary)
    }

    /// An operation that redacts, archives or removes.
    pub(super) fn delete(path: &'static str, permission: &'static str, summary: &'static str) -> Self {
        Self::new(Method::DELETE, path, permission, summary)
    }

    /// What else is to be known of it.
    pub(super) fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Takes a JSON body of a type.
    pub(super) fn body<T: JsonSchema>(self) -> Self {
        Self { sent: Sent::Json(schemars::SchemaGenerator::subschema_for::<T>), ..self }
    }

    /// Takes a multipart form instead of the JSON body, too: it says the same, with files as they are.
    pub(super) fn or_form(self) -> Self {
        Self { takes_forms: true, ..self }
    }

    /// Takes bytes as they come, in [`Call::stream`].
    pub(super) fn stream(self, media_types: &'static [(&'static str, Described)]) -> Self {
        Self { sent: Sent::Stream(media_types), ..self }
    }

    /// Only reads, though it is a POST: its answers are not kept.
    pub(super) fn reads(self) -> Self {
        Self { is_replayed: false, ..self }
    }

    /// A parameter of the query.
    pub(super) fn query(mut self, name: &'static str, meaning: &'static str) -> Self {
        self.queries.push((name, meaning));
        self
    }

    /// Answers with an object of a type, whose attributes are an `A`.
    pub(super) fn answers<A: JsonSchema>(mut self, status: u16, kind: &'static str) -> Self {
        self.answers.push((status, Shape::One(kind, schemars::SchemaGenerator::subschema_for::<A>)));
        self
    }

    /// Answers with a page of objects.
    pub(super) fn lists<A: JsonSchema>(mut self, kind: &'static str) -> Self {
        self.answers.push((200, Shape::Many(kind, schemars::SchemaGenerator::subschema_for::<A>)));
        Self { is_paged: true, ..self }
    }

    /// Answers with another document.
    pub(super) fn answers_document<T: JsonSchema>(mut self, status: u16) -> Self {
        self.answers.push((status, Shape::Document(schemars::SchemaGenerator::subschema_for::<T>)));
        self
    }

    /// Answers with bytes.
    pub(super) fn answers_bytes(mut self, media_type: &'static str) -> Self {
        self.answers.push((200, Shape::Bytes(media_type)));
        self
    }

    /// Whether it answers with what is no document, whose attributes cannot be taken out.
    pub(super) fn answers_with_bytes(&self) -> bool {
        self.answers.iter().any(|(_, shape)| matches!(shape, Shape::Bytes(_)))
    }

    /// Says who carries it out; the last word of every operation.
    pub(super) fn handled_by<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        Self { handler: Some(Arc::new(move |call| Box::pin(handler(call)))), ..self }
    }
}

/// A request's document: `{"data": {"attributes": A}, "meta": M}`.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    bound(deserialize = "A: Deserialize<'de> + Default, M: Deserialize<'de> + Default")
)]
pub(super) struct Document<A, M = Empty> {
    /// The object.
    #[serde(default)]
    pub(super) data: Data<A>,
    /// How it is to be done.
    #[serde(default)]
    pub(super) meta: M,
}

impl<A: JsonSchema, M: JsonSchema> JsonSchema for Document<A, M> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}Document", A::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "data": {
                    "type": "object",
                    "properties": {
                        "type": { "type": ["string", "null"] },
                        "id": { "type": ["string", "null"] },
                        "attributes": generator.subschema_for::<A>(),
                    },
                    "additionalProperties": false,
                },
                "meta": generator.subschema_for::<M>(),
            },
            "additionalProperties": false,
        })
    }
}

/// The object of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "A: Deserialize<'de> + Default"))]
pub(super) struct Data<A> {
    /// Its type, if anybody says.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    /// Its id, where the path has it already.
    #[serde(default, rename = "id")]
    _id: Option<String>,
    /// What it is to be.
    #[serde(default)]
    pub(super) attributes: A,
}

/// A request of which only `meta` says something: `{"meta": M}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta<M> {
    /// How it is to be done.
    pub(super) meta: M,
}

/// Nothing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}
