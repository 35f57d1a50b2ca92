//! Accounts.

use axum::http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    account_view::{resource, type_resource},
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events,
    operation::{Document, Operation},
};
use crate::{
    actions::{
        account_types,
        accounts::{self, Edit, Found, Listed, NewAccount, OpenAccount, Part},
    },
    domain::{
        account_type::AccountType,
        id::{AccountId, AccountTypeId, FileId},
    },
};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/accounts", "account.read", "Lists accounts, the newest first")
            .query("filter[reference-id]", "reference ids, with commas between")
            .query("filter[tag]", "names of tags that accounts have all of, with commas between")
            .query("filter[status]", "names or ids of statuses, with commas between")
            .query("filter[account-type]", "names or ids of account types, with commas between")
            .query("include", "`account-type`")
            .lists::<Attributes>("account")
            .handled_by(list),
        Operation::post("/accounts", "account.write", "Creates an account, or changes the one that is there")
            .about(
                "With `meta.upsert-by`, `reference-id` or the key of a unique field, the account of the type with \
                 the same value is changed, and the answer is 200.",
            )
            .body::<Document<Create, CreateMeta>>()
            .answers::<Attributes>(201, "account")
            .answers::<Attributes>(200, "account")
            .handled_by(create),
        Operation::get("/accounts/{account-id}", "account.read", "Retrieves an account")
            .query("include", "`account-type`")
            .answers::<Attributes>(200, "account")
            .handled_by(retrieve),
        Operation::get(
            "/accounts/by-reference/{reference-id}",
            "account.read",
            "Retrieves the account of a reference id; 409 when several types have it",
        )
        .query("filter[account-type]", "name or id of the account type")
        .query("include", "`account-type`")
        .answers::<Attributes>(200, "account")
        .handled_by(by_reference),
        Operation::patch("/accounts/{account-id}", "account.write", "Changes an account")
            .about(
                "Each key of `fields` replaces that field, null removes it; other fields stay. With \
                 `meta.expected-version` or `If-Match`, an account that changed since is left alone (409).",
            )
            .body::<Document<Change, ChangeMeta>>()
            .answers::<Attributes>(200, "account")
            .handled_by(change),
        Operation::post("/accounts/search", "account.read", "Searches accounts")
            .about(
                "Attributes are type, status (names or ids), tag, reference_id, created_at, updated_at, monitoring, \
                 hits, archived, identifiers.KEY and fields.KEY; fields must be searchable, and sealed ones are \
                 found by their whole value. Operators are eq, gt, gte, lt and lte.",
            )
            .body::<Search>()
            .reads()
            .lists::<Attributes>("account")
            .handled_by(search),
        Operation::get("/accounts/{account-id}/history", "account.read", "Lists what happened to an account")
            .lists::<events::Attributes>("event")
            .handled_by(history),
        Operation::get("/files/{file-id}", "account.read", "Retrieves a file of an account, byte for byte")
            .answers_bytes("application/octet-stream")
            .handled_by(file),
    ]
}

/// What an account is to be. Keys of `fields` are those of its type.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    /// The id of its type; `individual` when not given.
    account_type_id: Option<String>,
    /// The name of its status; the type's default when not given.
    account_status: Option<String>,
    /// The customer's own id of it, unique within the type whatever its case.
    reference_id: Option<String>,
    /// Names of tags.
    tags: Option<Vec<String>>,
    /// Values by the keys of the type's fields.
    fields: Option<Map<String, Value>>,
    /// `{"data": …, "filename": …}`, with the content in base 64.
    selfie_photo: Option<Value>,
    name_first: Option<String>,
    name_middle: Option<String>,
    name_last: Option<String>,
    birthdate: Option<String>,
    phone_number: Option<String>,
    email_address: Option<String>,
    address_street_1: Option<String>,
    address_street_2: Option<String>,
    address_city: Option<String>,
    address_subdivision: Option<String>,
    address_postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    country_code: Option<String>,
    social_security_number: Option<String>,
}

/// What is to change; what is not given stays, and null removes.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Change {
    /// The name of the status.
    account_status: Option<String>,
    #[serde(deserialize_with = "given")]
    reference_id: Option<Option<String>>,
    /// All tags that the account is to have.
    tags: Option<Vec<String>>,
    /// Values by the keys of the type's fields.
    fields: Option<Map<String, Value>>,
    /// `{"data": …, "filename": …}`, with the content in base 64.
    #[serde(deserialize_with = "given")]
    selfie_photo: Option<Option<Value>>,
    #[serde(deserialize_with = "given")]
    name_first: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    name_middle: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    name_last: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    birthdate: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    phone_number: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    email_address: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    address_street_1: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    address_street_2: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    address_city: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    address_subdivision: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    address_postal_code: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    country_code: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    social_security_number: Option<Option<String>>,
}

/// Tells null from what was not sent.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct CreateMeta {
    /// `reference-id`, or the key of a unique field: an account that has the same value is changed.
    upsert_by: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct ChangeMeta {
    /// The version that the change was made for.
    expected_version: Option<i64>,
}

/// A search.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Search {
    /// `{and: […]}`, `{or: […]}`, `{not: …}` or `{attribute, operator, value}`; all accounts when empty.
    query: Option<Value>,
    sort: Option<Sort>,
    /// `{after, before, size}`, as in a query.
    #[serde(rename = "page")]
    _page: Option<SearchPage>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct SearchPage {
    #[serde(rename = "after")]
    _after: Option<String>,
    #[serde(rename = "before")]
    _before: Option<String>,
    #[serde(rename = "size")]
    _size: Option<u16>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sort {
    /// `created_at` or `updated_at`.
    attribute: String,
    #[serde(default)]
    direction: Direction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Asc,
    #[default]
    Desc,
}

/// An account.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Attributes {
    /// The customer's own id of it.
    pub(super) reference_id: Option<String>,
    pub(super) account_type_name: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    /// When its personal data was destroyed; it may have been filled again since.
    pub(super) redacted_at: Option<String>,
    /// When it was retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) archived_at: Option<String>,
    /// The account that took over what it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consolidated_into: Option<String>,
    /// The name of its status.
    pub(super) account_status: String,
    pub(super) tags: Vec<String>,
    /// Its fields by key, each as `{type, value}`.
    pub(super) fields: Map<String, Value>,
    /// For clients of versions up to 2023-01-05: `name-first`, `birthdate`, …
    #[serde(flatten)]
    pub(super) flat: Map<String, Value>,
}

/// An attribute that is a field, or a part of one, under an older name.
enum Meant {
    Field(&'static str),
    Part(&'static str, &'static str),
    Country,
}

type Flat = [(&'static str, Meant, Option<Option<String>>); 13];

/// Lays the attributes of older clients into fields and parts.
fn lay(flat: Flat, account_type: &AccountType, fields: &mut Map<String, Value>, parts: &mut Vec<Part>) {
    for (_, meant, value) in flat {
        let Some(value) = value else { continue };
        let value = value.map_or(Value::Null, Value::String);
        let part = |field: &str, key: &str| Part {
            field: field.to_owned(),
            key: key.to_owned(),
            value: value.clone(),
        };
        match meant {
            Meant::Field(key) => drop(fields.insert(key.to_owned(), value)),
            Meant::Part(field, key) => parts.push(part(field, key)),
            // Plain beside the address, where schedules select by it.
            Meant::Country => {
                let in_address = account_type.field("address").is_some();
                if in_address {
                    parts.push(part("address", "country_code"));
                }
                if !in_address || account_type.field("country_code").is_some() {
                    fields.insert("country_code".to_owned(), value);
                }
            }
        }
    }
}

/// A file as `{data, filename}`, or one level deeper, as Persona's clients send it.
fn photo(sent: Option<Value>) -> Value {
    match sent {
        Some(Value::Object(mut parts)) if !parts.contains_key("filename") => {
            parts.remove("data").unwrap_or(Value::Null)
        }
        sent => sent.unwrap_or(Value::Null),
    }
}

macro_rules! flat {
    ($sent:expr, $wrap:expr) => {
        [
            ("name-first", Meant::Part("name", "first"), $wrap($sent.name_first)),
            ("name-middle", Meant::Part("name", "middle"), $wrap($sent.name_middle)),
            ("name-last", Meant::Part("name", "last"), $wrap($sent.name_last)),
            ("birthdate", Meant::Field("birthdate"), $wrap($sent.birthdate)),
            ("phone-number", Meant::Field("phone_number"), $wrap($sent.phone_number)),
            ("email-address", Meant::Field("email_address"), $wrap($sent.email_address)),
            ("address-street-1", Meant::Part("address", "street_1"), $wrap($sent.address_street_1)),
            ("address-street-2", Meant::Part("address", "street_2"), $wrap($sent.address_street_2)),
            ("address-city", Meant::Part("address", "city"), $wrap($sent.address_city)),
            ("address-subdivision", Meant::Part("address", "subdivision"), $wrap($sent.address_subdivision)),
            ("address-postal-code", Meant::Part("address", "postal_code"), $wrap($sent.address_postal_code)),
            ("country-code", Meant::Country, $wrap($sent.country_code)),
            (
                "social-security-number",
                Meant::Field("social_security_number"),
                $wrap($sent.social_security_number),
            ),
        ]
    };
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let sent: Document<Create, CreateMeta> = call.body_or_default()?;
    let by = sent.meta.upsert_by;
    let sent = sent.data.attributes;
    let context = &call.context;
    let type_row = match &sent.account_type_id {
        None => {
            let mut connection =
                context.store.connection().await.map_err(crate::actions::ActionError::from)?;
            account_types::default(&mut connection).await?
        }
        Some(id) => {
            let id: Option<AccountTypeId> = id.parse().ok();
            let found = match id {
                Some(id) => account_types::get(context, id).await.ok(),
                None => None,
            };
            found.ok_or_else(|| {
                let details = "data.attributes.account_type_id is not found";
                ApiError::other(StatusCode::NOT_FOUND, "Record not found", details)
            })?
        }
    };
    let mut fields = sent.fields.unwrap_or_default();
    let mut parts = Vec::new();
    lay(
        flat!(sent, |value: Option<String>| value.map(Some)),
        &type_row.account_type,
        &mut fields,
        &mut parts,
    );
    if sent.selfie_photo.is_some() {
        fields.insert("selfie_photo".to_owned(), photo(sent.selfie_photo));
    }
    let new = NewAccount {
        reference_id: sent.reference_id,
        status: sent.account_status,
        tags: sent.tags.unwrap_or_default(),
        fields,
        parts,
    };
    let actor = call.actor();
    let (account, created) =
        match by.as_deref().map(|by| if by == "reference_id" { "reference-id" } else { by }) {
            Some(by) => accounts::upsert(context, &actor, type_row.id, by, &new).await?,
            None => (accounts::create_alone(context, &actor, type_row.id, &new).await?, true),
        };
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    one(&call, status, &account).await
}

async fn change(call: Call) -> Result<Answer, ApiError> {
    let id: AccountId = call.id("account-id")?;
    let sent: Document<Change, ChangeMeta> = call.body_or_default()?;
    let expected_version = match sent.meta.expected_version {
        Some(version) => Some(version),
        None => if_match(&call)?,
    };
    let sent = sent.data.attributes;
    let context = &call.context;
    let mut connection = context.store.connection().await.map_err(crate::actions::ActionError::from)?;
    let account = accounts::open(context, &mut connection, id).await?;
    drop(connection);
    let mut fields = sent.fields.unwrap_or_default();
    let mut parts = Vec::new();
    lay(flat!(sent, |value| value), &account.account_type, &mut fields, &mut parts);
    if let Some(sent) = sent.selfie_photo {
        fields.insert("selfie_photo".to_owned(), photo(sent));
    }
    let edit = Edit {
        fields,
        parts,
        status: sent.account_status,
        reference_id: sent.reference_id,
        tags_set: sent.tags,
        expected_version,
        ..Edit::default()
    };
    let account = accounts::edit_alone(context, &call.actor(), id, &edit).await?;
    one(&call, StatusCode::OK, &account).await
}

/// The version in `If-Match`: a number, as `meta.version` says it, with or without quotation marks.
fn if_match(call: &Call) -> Result<Option<i64>, ApiError> {
    let Some(sent) = call.headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = sent.to_str().unwrap_or_default().trim().trim_start_matches("W/").trim_matches('"');
    if text == "*" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request("If-Match", "If-Match must be the version that meta.version says, or *")
    })
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let id: AccountId = call.id("account-id")?;
    let mut connection = call.context.store.connection().await.map_err(crate::actions::ActionError::from)?;
    let account = accounts::open(&call.context, &mut connection, id).await?;
    drop(connection);
    one(&call, StatusCode::OK, &account).await
}

async fn by_reference(call: Call) -> Result<Answer, ApiError> {
    let listed = Listed {
        references: vec![call.parameter("reference-id").to_owned()],
        types: call.filters("account-type"),
        ..Listed::default()
    };
    let found = accounts::list(&call.context, &listed, (None, None), 2).await?;
    match found.accounts.as_slice() {
        [] => Err(ApiError::not_found()),
        [account] => one(&call, StatusCode::OK, account).await,
        _ => {
            Err(ApiError::conflict("Conflict", "accounts of several types have that reference id: say which"))
        }
    }
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    call.only_filters(&["reference-id", "tag", "status", "account-type"])?;
    let page = call.page()?;
    let listed = Listed {
        references: call.filters("reference-id"),
        tags: call.filters("tag"),
        statuses: call.filters("status"),
        types: call.filters("account-type"),
    };
    let found = accounts::list(&call.context, &listed, page.ids()?, page.size).await?;
    many(&call, &found).await
}

async fn search(call: Call) -> Result<Answer, ApiError> {
    let sent: Search = call.body_or_default()?;
    let page = call.page()?;
    let sort = sent.sort.as_ref().map(|sort| (sort.attribute.as_str(), sort.direction == Direction::Asc));
    let query = sent.query.unwrap_or(Value::Null);
    let found = accounts::search(&call.context, &query, sort, page.ids()?, page.size).await?;
    many(&call, &found).await
}

async fn history(call: Call) -> Result<Answer, ApiError> {
    let id: AccountId = call.id("account-id")?;
    let mut connection = call.context.store.connection().await.map_err(crate::actions::ActionError::from)?;
    accounts::open(&call.context, &mut connection, id).await?;
    drop(connection);
    events::of_object(&call, &id.to_string()).await
}

async fn file(call: Call) -> Result<Answer, ApiError> {
    let id: FileId = call.id("file-id")?;
    let file = accounts::file(&call.context, id).await?;
    let disposition = format!("attachment; filename*=UTF-8''{}", percent(&file.filename));
    let disposition = HeaderValue::from_str(&disposition).map_err(|_| ApiError::internal())?;
    Ok(Answer::bytes("application/octet-stream", file.content.to_vec())
        .header(header::CONTENT_DISPOSITION, disposition))
}

/// A file's name as a header may hold it (RFC 8187).
fn percent(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

fn digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase()
}

async fn one(call: &Call, status: StatusCode, account: &OpenAccount) -> Result<Answer, ApiError> {
    let answer = Answer::one(status, resource(&call.context, call.version(), account)?);
    let answer = answer.meta(json!({ "version": account.version }));
    included(call, answer, std::slice::from_ref(account)).await
}

async fn many(call: &Call, found: &Found) -> Result<Answer, ApiError> {
    let resources = found.accounts.iter().map(|account| resource(&call.context, call.version(), account));
    let answer = Answer::page(call, resources.collect::<Result<_, _>>()?, found.more)?;
    included(call, answer, &found.accounts).await
}

async fn included(call: &Call, answer: Answer, accounts: &[OpenAccount]) -> Result<Answer, ApiError> {
    if call.includes(&["account-type"], &["account-type"])?.is_empty() {
        return Ok(answer);
    }
    let rows = account_types::list(&call.context).await?;
    let wanted = rows.iter().filter(|row| accounts.iter().any(|account| account.type_id == row.id));
    let types: Vec<Resource> = wanted.map(type_resource).collect::<Result<_, _>>()?;
    Ok(answer.include(types))
}
