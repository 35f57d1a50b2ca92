//! Account types and their layouts.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    account_view::type_resource,
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Document, Operation},
    strict::Strict,
};
use crate::{
    actions::account_types::{self, NewType, StatusDraft, TypeChange},
    domain::{
        account_type::{Layout, Screened, ScreenedDocument},
        document::DocumentKind,
        id::AccountTypeId,
        subject::SubjectKind,
    },
    store::account_type_layouts::LayoutRow,
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/account-types", "account-type.read", "Lists account types")
            .lists::<Attributes>("account-type")
            .handled_by(list),
        Operation::post("/account-types", "account-type.write", "Creates an account type")
            .body::<Document<Create>>()
            .answers::<Attributes>(201, "account-type")
            .handled_by(create),
        Operation::get("/account-types/{account-type-id}", "account-type.read", "Retrieves an account type")
            .answers::<Attributes>(200, "account-type")
            .handled_by(retrieve),
        Operation::patch("/account-types/{account-type-id}", "account-type.write", "Changes an account type")
            .about(
                "Schemas replace those of the same keys, other fields stay; `removed-fields` takes fields out of \
                 use. A change that accounts would not fit is refused, with their number. Types of the \
                 configuration are changed there (409).",
            )
            .body::<Document<Change>>()
            .answers::<Attributes>(200, "account-type")
            .handled_by(change),
        Operation::get(
            "/account-types/{account-type-id}/layout",
            "account-type.read",
            "Retrieves the layout of a type",
        )
        .query("version", "an older version; the newest when not given")
        .answers::<LayoutAttributes>(200, "account-type-layout")
        .handled_by(layout),
        Operation::put(
            "/account-types/{account-type-id}/layout",
            "account-type.write",
            "Makes the next version of a type's layout",
        )
        .body::<Document<PutLayout, PutMeta>>()
        .answers::<LayoutAttributes>(200, "account-type-layout")
        .handled_by(put_layout),
    ]
}

/// A status of a type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StatusSent {
    /// The id of the status that is there: it is renamed.
    id: Option<String>,
    name: String,
    /// `#rrggbb`
    #[serde(alias = "colour")]
    color: Option<String>,
}

/// What reports ask about: keys of fields, or of parts of hashes as `address.country_code`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct ScreenedFields {
    /// Fields with names, the main one first.
    pub(super) names: Vec<String>,
    /// The field with the date of birth or foundation.
    pub(super) birth_date: Option<String>,
    /// Fields with countries.
    pub(super) countries: Vec<String>,
    /// The field with the gender: `F`, `female`, `M` or `male`.
    pub(super) gender: Option<String>,
    /// Fields with numbers of documents.
    pub(super) documents: Vec<DocumentField>,
    /// Fields with e-mail addresses, for lists of your own; when not given, those of type `email-address` and those with
    /// the key `email_address` or `email_addresses`.
    pub(super) email_addresses: Option<Vec<String>>,
    /// Fields with phone numbers, for lists of your own; when not given, `phone_number` and `phone_numbers`.
    pub(super) phone_numbers: Option<Vec<String>>,
    /// Fields with IP addresses, for lists of your own; when not given, `ip_address` and `ip_addresses`.
    pub(super) ip_addresses: Option<Vec<String>>,
}

/// A field with numbers of documents or registrations.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct DocumentField {
    /// A field of texts; or of hashes with `identification_class`, `identification_number` and `issuing_country`.
    pub(super) field: String,
    /// `passport`, `national-id`, `tax-id`, `drivers-license`, `registration` or `imo`; needed of texts.
    #[schemars(with = "Option<String>")]
    pub(super) kind: Option<DocumentKind>,
    /// The field with the country of issue.
    pub(super) country: Option<String>,
}

/// A type to make.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    /// Its name.
    name: String,
    /// `person` or `organisation`; a person when not given.
    kind: Option<Kind>,
    /// Its fields: `{type, key, label, default-value, config}`.
    field_schemas: Vec<Value>,
    /// Its statuses; `active` alone when there are none.
    statuses: Vec<StatusSent>,
    /// The name of the status of new accounts; the first when not given.
    default_account_status: Option<String>,
    /// What reports ask about; guessed from the keys of fields when not given.
    screened: Option<ScreenedFields>,
}

/// What to change about a type.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Change {
    /// Fields that are new, or replace those of the same keys.
    field_schemas: Vec<Value>,
    /// Keys of fields to take out of use; what accounts hold of them stays readable.
    removed_fields: Vec<String>,
    /// All statuses; those that accounts have cannot go.
    statuses: Option<Vec<StatusSent>>,
    /// The name of the status of new accounts.
    default_account_status: Option<String>,
    /// What reports ask about.
    screened: Option<ScreenedFields>,
}

/// Whom the accounts of a type stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Person,
    Organisation,
}

/// An account type.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    pub(super) name: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    /// `person` or `organisation`
    #[schemars(with = "String")]
    pub(super) kind: SubjectKind,
    /// Its fields, archived ones too: `{type, key, label, default-value, config}`.
    pub(super) field_schemas: Vec<Value>,
    /// Its statuses: `{id, name, color}`.
    pub(super) statuses: Vec<Value>,
    /// The name of the status of new accounts.
    pub(super) default_account_status: String,
    pub(super) screened: ScreenedFields,
    /// Whether the configuration made it, and so changes it.
    pub(super) is_configured: bool,
    /// Keys of fields that became searchable, and are still being indexed.
    pub(super) indexing: Vec<String>,
}

/// A layout to make.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct PutLayout {
    /// Sections: `{title, columns, fields: [{key, width, visibility}]}`.
    sections: Value,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct PutMeta {
    /// The version that the layout rests on: when there is a newer one, it is refused.
    expected_version: Option<i32>,
}

/// A version of a layout.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct LayoutAttributes {
    /// 0 for all fields in one section, before anybody made a layout.
    version: i32,
    /// Sections: `{title, columns, fields: [{key, width, visibility}]}`.
    sections: Value,
    /// Who made it.
    actor: String,
    created_at: String,
}

fn drafts(sent: Vec<StatusSent>) -> Vec<StatusDraft> {
    let drafts = sent.into_iter();
    drafts.map(|sent| StatusDraft { id: sent.id, name: sent.name, colour: sent.color }).collect()
}

fn screened(sent: ScreenedFields) -> Screened {
    let documents = sent.documents.into_iter().map(|sent| ScreenedDocument {
        field: sent.field,
        kind: sent.kind,
        country: sent.country,
    });
    Screened {
        names: sent.names,
        birth_date: sent.birth_date,
        countries: sent.countries,
        gender: sent.gender,
        documents: documents.collect(),
        email_addresses: sent.email_addresses,
        phone_numbers: sent.phone_numbers,
        ip_addresses: sent.ip_addresses,
    }
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<AccountTypeId>()?;
    let mut rows = account_types::list(&call.context).await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows.retain(|row| after.is_none_or(|id| row.id < id) && before.is_none_or(|id| row.id > id));
    let size = usize::from(page.size);
    let more = rows.len() > size;
    if before.is_some() {
        rows.drain(..rows.len().saturating_sub(size));
    }
    rows.truncate(size);
    let resources = rows.iter().map(type_resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<Create>>()?.data.attributes;
    let new = NewType {
        name: sent.name,
        kind: match sent.kind {
            None | Some(Kind::Person) => SubjectKind::Person,
            Some(Kind::Organisation) => SubjectKind::Organisation,
        },
        field_schemas: sent.field_schemas,
        statuses: drafts(sent.statuses),
        default_status: sent.default_account_status,
        screened: sent.screened.map(screened),
    };
    let row = account_types::create(&call.context, &call.actor(), &new).await?;
    Ok(Answer::one(StatusCode::CREATED, type_resource(&row)?))
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let row = account_types::get(&call.context, call.id("account-type-id")?).await?;
    Ok(Answer::one(StatusCode::OK, type_resource(&row)?))
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let id: AccountTypeId = call.id("account-type-id")?;
    let sent = call.body::<Document<Change>>()?.data.attributes;
    let change = TypeChange {
        field_schemas: sent.field_schemas,
        removed_fields: sent.removed_fields,
        statuses: sent.statuses.map(drafts),
        default_status: sent.default_account_status,
        screened: sent.screened.map(screened),
    };
    let row = account_types::change(&call.context, &call.actor(), id, &change).await?;
    Ok(Answer::one(StatusCode::OK, type_resource(&row)?))
}

async fn layout(call: Call) -> Result<Answer, ApiError> {
    let id: AccountTypeId = call.id("account-type-id")?;
    let version = match call.query_value("version") {
        None => None,
        Some(text) => Some(
            text.parse().map_err(|_| ApiError::bad_request("version", "version must be a whole number"))?,
        ),
    };
    let row = account_types::layout(&call.context, id, version).await?;
    Ok(Answer::one(StatusCode::OK, layout_resource(id, &row)?))
}

async fn put_layout(call: Call) -> Result<Answer, ApiError> {
    let id: AccountTypeId = call.id("account-type-id")?;
    let sent = call.body::<Document<PutLayout, PutMeta>>()?;
    let layout = json!({ "sections": sent.data.attributes.sections });
    let layout: Layout = serde_path_to_error::deserialize(Strict(&layout)).map_err(|error| {
        let path = error.path().to_string();
        let path = path.replace('[', "/").replace(['.', ']'], "").replace("sections", "");
        let details = "accepted are sections of title, columns and fields, each of key, width and visibility (always, filled or hidden)";
        ApiError::unprocessable(&format!("/data/attributes/sections{path}"), details)
    })?;
    let expected = sent.meta.expected_version;
    let row = account_types::save_layout(&call.context, &call.actor(), id, &layout, expected).await?;
    Ok(Answer::one(StatusCode::OK, layout_resource(id, &row)?))
}

fn layout_resource(id: AccountTypeId, row: &LayoutRow) -> Result<Resource, ApiError> {
    let attributes = LayoutAttributes {
        version: row.version,
        sections: serde_json::to_value(&row.layout.sections).map_err(|_| ApiError::internal())?,
        actor: row.actor.clone(),
        created_at: time(row.created_at),
    };
    let resource = Resource::new("account-type-layout", format!("{id}/layout/{}", row.version), &attributes)?;
    Ok(resource.to_one("account-type", "account-type", Some(id)))
}
