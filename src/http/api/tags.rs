//! Tags as things of their own, and how requests name tags.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Document, Meta, Operation},
    paging,
};
use crate::{
    actions::{
        Context,
        tags::{self, TagEdit},
    },
    domain::id::TagId,
    store::tags::TagRow,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/tags", "tag.read", "Lists tags, the newest first")
            .query("filter[retired]", "`true` to list retired tags too")
            .lists::<Attributes>("tag")
            .handled_by(list),
        Operation::post("/tags", "tag.write", "Creates a tag")
            .about("A tag that is added by a name nobody has used yet is created too.")
            .body::<Document<Change>>()
            .answers::<Attributes>(201, "tag")
            .handled_by(create),
        Operation::get("/tags/{tag-id}", "tag.read", "Retrieves a tag")
            .answers::<Attributes>(200, "tag")
            .handled_by(retrieve),
        Operation::patch("/tags/{tag-id}", "tag.write", "Changes a tag's name, colour or description")
            .about("Whatever has the tag has it as it then is. A tag that the configuration names keeps its name.")
            .body::<Document<Change>>()
            .answers::<Attributes>(200, "tag")
            .handled_by(change),
        Operation::delete("/tags/{tag-id}", "tag.write", "Retires a tag")
            .about("Whatever has the tag keeps it, and nothing else is given it.")
            .answers::<Attributes>(200, "tag")
            .handled_by(retire),
        Operation::post("/tags/{tag-id}/merge", "tag.write", "Merges tags into this one")
            .about(
                "The others are retired, and what had one of them has this one. With many accounts the daemon goes on \
                 with that: the answer is then 202.",
            )
            .body::<Meta<Sources>>()
            .answers::<Attributes>(200, "tag")
            .answers::<Attributes>(202, "tag")
            .handled_by(merge),
    ]
}

/// A tag.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// Its name.
    name: String,
    /// Its colour, such as `#1f77b4`.
    color: Option<String>,
    /// What it means.
    description: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
    /// Since when nothing is given it any more.
    retired_at: Option<String>,
}

/// What a tag is to be; what is not given stays as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::option_option, reason = "not given, null, or a value")]
struct Change {
    /// Its name.
    name: Option<String>,
    /// Its colour, such as `#1f77b4`; null takes it away.
    #[serde(default, alias = "colour", deserialize_with = "given")]
    color: Option<Option<String>>,
    /// What it means; null takes it away.
    #[serde(default, deserialize_with = "given")]
    description: Option<Option<String>>,
}

/// Which tags are merged.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sources {
    /// The ids of the others.
    source_tag_ids: Vec<String>,
}

/// A value that may be null: present, whatever it is.
pub(super) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl From<Change> for TagEdit {
    fn from(change: Change) -> Self {
        Self { name: change.name, colour: change.color, description: change.description }
    }
}

fn resource(tag: &TagRow) -> Result<Resource, ApiError> {
    let attributes = Attributes {
        name: tag.name.clone(),
        color: tag.colour.clone(),
        description: tag.description.clone(),
        created_at: time(tag.created_at),
        updated_at: time(tag.updated_at),
        retired_at: tag.retired_at.map(time),
    };
    Ok(Resource::new("tag", tag.id, &attributes)?.to_one("merged-into", "tag", tag.merged_into))
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let retired = call.filter_of("retired", "true or false")?.unwrap_or(false);
    let page = call.page()?;
    let cursors = page.ids::<TagId>()?;
    let found = tags::list(&call.context, cursors, retired, paging::limit(&page)).await?;
    let (found, more) = paging::cut(found, &page);
    let resources = found.iter().map(resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let body: Document<Change> = call.body()?;
    let tag = tags::create(&call.context, &call.actor(), &body.data.attributes.into()).await?;
    Ok(Answer::one(StatusCode::CREATED, resource(&tag)?))
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let tag = tags::find(&call.context, call.id("tag-id")?).await?;
    Ok(Answer::one(StatusCode::OK, resource(&tag)?))
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let id = call.id("tag-id")?;
    let body: Document<Change> = call.body()?;
    let tag = tags::change(&call.context, &call.actor(), id, &body.data.attributes.into()).await?;
    Ok(Answer::one(StatusCode::OK, resource(&tag)?))
}

async fn retire(call: Call) -> Result<Answer, ApiError> {
    let tag = tags::retire(&call.context, &call.actor(), call.id("tag-id")?).await?;
    Ok(Answer::one(StatusCode::OK, resource(&tag)?))
}

async fn merge(call: Call) -> Result<Answer, ApiError> {
    let target = call.id("tag-id")?;
    let body: Meta<Sources> = call.body()?;
    let sources = ids(&body.meta.source_tag_ids, "/meta/source-tag-ids")?;
    let (tag, left) = tags::merge(&call.context, &call.actor(), target, &sources).await?;
    let status = if left { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Answer::one(status, resource(&tag)?).meta(json!({ "accounts-left": left })))
}

/// Names one tag, by name or by id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OneTag {
    /// Its name; a tag that is added by a name nobody has used yet is created.
    tag_name: Option<String>,
    /// Its id.
    tag_id: Option<String>,
}

impl OneTag {
    /// The tag's name.
    pub(super) async fn name(self, context: &Context) -> Result<String, ApiError> {
        match (self.tag_name, self.tag_id) {
            (Some(name), None) => Ok(name),
            (None, Some(id)) => {
                let id = ids(&[id], "/meta/tag-id")?;
                Ok(tags::names_of(context, &id, "/meta/tag-id").await?.pop().unwrap_or_default())
            }
            _ => Err(ApiError::bad_request("/meta", "accepted is either tag-name or tag-id")),
        }
    }
}

/// Names several tags, by name or by id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct SomeTags {
    /// Their names.
    tag_name: Option<Vec<String>>,
    /// Their ids.
    tag_id: Option<Vec<String>>,
}

impl SomeTags {
    /// The tags' names.
    pub(super) async fn names(self, context: &Context) -> Result<Vec<String>, ApiError> {
        match (self.tag_name, self.tag_id) {
            (Some(names), None) => Ok(names),
            (None, Some(texts)) => {
                let ids = ids(&texts, "/meta/tag-id")?;
                Ok(tags::names_of(context, &ids, "/meta/tag-id").await?)
            }
            _ => Err(ApiError::bad_request("/meta", "accepted is either tag-name or tag-id, a list each")),
        }
    }
}

/// Ids of tags; what is none is refused where it stands.
fn ids(texts: &[String], pointer: &str) -> Result<Vec<TagId>, ApiError> {
    texts
        .iter()
        .enumerate()
        .map(|(place, text)| {
            text.parse().map_err(|error| {
                let pointer = if texts.len() > 1 { format!("{pointer}/{place}") } else { pointer.to_owned() };
                ApiError::unprocessable(&pointer, format!("{error}"))
            })
        })
        .collect()
}
