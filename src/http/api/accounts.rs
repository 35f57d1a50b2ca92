//! Accounts.

use std::{fmt, str::FromStr};

use axum::http::{HeaderValue, StatusCode, header};
use chrono::{DateTime, Datelike};
use serde_json::{Value, json};

use super::{
    account_bodies::{Attributes, Change, ChangeMeta, Create, CreateMeta, as_sent},
    account_view::{resource, type_resource},
    answer::{Answer, Resource},
    call::Call,
    conditions,
    errors::ApiError,
    events,
    inflection::to_kebab,
    operation::{Document, Operation},
    search::Search,
};
use crate::{
    actions::{
        ActionError, Context, account_types,
        accounts::{self, Found, Listed, OpenAccount},
        export,
    },
    domain::{
        api_key::READ_ARCHIVED,
        id::{AccountId, AccountTypeId, FileId},
    },
    store::{account_types::TypeRow, accounts::search::Place},
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
                 the same value is changed, and the answer is 200. Also taken is a multipart form with parts such as \
                 `data[attributes][reference-id]`, `data[attributes][tags][]`, and `data[attributes][selfie-photo]` for \
                 a file.",
            )
            .body::<Document<Create, CreateMeta>>()
            .or_form()
            .answers::<Attributes>(201, "account")
            .answers::<Attributes>(200, "account")
            .handled_by(create),
        Operation::get("/accounts/{account-id}", "account.read", "Retrieves an account")
            .about(
                "An archived account, and whatever belongs to it, takes the permission `account.archived.read` as well; \
                 listings leave it out for keys that lack it.",
            )
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
                 `meta.expected-version` or `If-Match`, an account that changed since is left alone (409). Also taken is \
                 a multipart form, as for a new account.",
            )
            .body::<Document<Change, ChangeMeta>>()
            .or_form()
            .answers::<Attributes>(200, "account")
            .handled_by(change),
        Operation::post("/accounts/search", "account.read", "Searches accounts")
            .about(
                "Attributes are type, status (names or ids), tag, reference_id, created_at, updated_at, monitoring, \
                 hits, archived, identifiers.KEY and fields.KEY; fields must be searchable, and sealed ones are \
                 found by their whole value. Operators are eq, gt, gte, lt and lte. Links lead on from where the page \
                 ended, also when its last account has changed since; a `page[after]` of your own making, an \
                 account's id, from where the account stands now.",
            )
            .body::<Search>()
            .reads()
            .lists::<Attributes>("account")
            .handled_by(search),
        Operation::get("/accounts/{account-id}/history", "account.read", "Lists what happened to an account")
            .about("It tells of hits, reports and inquiries, too: a key needs the permission `event.read` as well.")
            .lists::<events::Attributes>("event")
            .handled_by(history),
        Operation::get("/accounts/{account-id}/export", "subject.export", "Exports everything held about an account")
            .about(
                "A ZIP archive: account.json for programs, account.html for people, the account's files. Who exported \
                 what stands in the audit log. It needs a permission of its own: `account.*` does not have it.",
            )
            .answers_bytes("application/zip")
            .handled_by(export),
        Operation::get("/files/{file-id}", "account.read", "Retrieves a file of an account, byte for byte")
            .answers_bytes("application/octet-stream")
            .handled_by(file),
    ]
}

async fn export(call: Call) -> Result<Answer, ApiError> {
    let exported = export::export(&call.context, &call.actor(), call.id("account-id")?).await?;
    let archive = tokio::task::spawn_blocking(move || crate::http::export::archive(&exported));
    Ok(Answer::bytes("application/zip", archive.await.map_err(|_| ApiError::internal())?))
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let sent: Document<Create, CreateMeta> = call.body_or_default()?;
    let by = sent.meta.upsert_by;
    if let Some(by) = &by {
        // Whether there is one with that value is told by the answer.
        let is_reference = ["reference-id", "reference_id"].contains(&by.as_str());
        let attribute = if is_reference { by.clone() } else { format!("fields.{by}") };
        call.blocklist.must_not_hide(&attribute, "/meta/upsert-by")?;
    }
    let sent = sent.data.attributes;
    let context = &call.context;
    let type_row = match &sent.account_type_id {
        None => account_types::get_default(context).await?,
        Some(id) => {
            let gone = || {
                let details = "data.attributes.account_type_id is not found";
                ApiError::other(StatusCode::NOT_FOUND, "Record not found", details)
            };
            let id: AccountTypeId = id.parse().map_err(|_| gone())?;
            match account_types::get(context, id).await {
                Err(ActionError::NotFound(_)) => return Err(gone()),
                row => row?,
            }
        }
    };
    let new = sent.into_new(&type_row.account_type)?;
    let actor = call.actor();
    let (account, created) =
        match by.as_deref().map(|by| if by == "reference_id" { "reference-id" } else { by }) {
            Some(by) => accounts::upsert(context, &actor, type_row.id, by, &new).await,
            None => accounts::create_alone(context, &actor, type_row.id, &new).await.map(|made| (made, true)),
        }
        .map_err(|error| as_sent(&call.body, error))?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    one(call, status, &account).await
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
    let account = accounts::get(context, id).await?;
    let edit = sent.into_edit(&account.account_type, expected_version)?;
    let edited = accounts::edit_alone(context, &call.actor(), id, &edit).await;
    let account = edited.map_err(|error| as_sent(&call.body, error))?;
    one(call, StatusCode::OK, &account).await
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
    let account = accounts::get(&call.context, id).await?;
    one(call, StatusCode::OK, &account).await
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
        [account] => one(call, StatusCode::OK, account).await,
        _ => {
            Err(ApiError::conflict("Conflict", "accounts of several types have that reference id: say which"))
        }
    }
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let listed = Listed {
        references: call.filters("reference-id"),
        tags: call.filters("tag"),
        statuses: call.filters("status"),
        types: call.filters("account-type"),
        without_archived: !call.caller.key.may(READ_ARCHIVED),
    };
    let found = accounts::list(&call.context, &listed, page.ids()?, page.size).await?;
    many(call, &found).await
}

async fn search(call: Call) -> Result<Answer, ApiError> {
    let sent: Search = call.body_or_default()?;
    conditions::of_search(&call)?;
    let page = call.page()?;
    let (sort, query) = (sent.sort(), sent.query.as_ref().unwrap_or(&Value::Null));
    let by_change = sort.is_some_and(|(attribute, _)| to_kebab(attribute) == "updated-at");
    let (after, before) = page.ids::<Cursor>()?;
    let places = (after.map(|cursor| cursor.0), before.map(|cursor| cursor.0));
    let wanted = (query, !call.caller.key.may(READ_ARCHIVED));
    let found = accounts::search(&call.context, wanted, sort, places, page.size).await?;
    if !by_change {
        return many(call, &found).await;
    }
    let ends = found.ends.map(|(first, last)| (Cursor(first).to_string(), Cursor(last).to_string()));
    many_between(call, &found, ends).await
}

/// A place in a search: an account's id, and, by the time of the last change, that time in microseconds before it. A
/// bare id stands where its account stands now.
struct Cursor(Place);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time_given, id) = match text.split_once('.') {
            None => (None, text),
            Some((time, id)) => (Some(time), id),
        };
        let time = |text: &str| {
            let time = text.parse().ok().and_then(DateTime::from_timestamp_micros);
            // What no database can hold is no time of a change.
            time.filter(|time| (1..=9999).contains(&time.year())).ok_or(())
        };
        let updated_at = time_given.map(time).transpose()?;
        Ok(Self(Place { id: id.parse().map_err(|_| ())?, updated_at }))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(time) = self.0.updated_at {
            write!(f, "{}.", time.timestamp_micros())?;
        }
        self.0.id.fmt(f)
    }
}

async fn history(call: Call) -> Result<Answer, ApiError> {
    let id: AccountId = call.id("account-id")?;
    // It tells of hits, reports and inquiries, too.
    call.must_be_allowed("event.read")?;
    accounts::get(&call.context, id).await?;
    events::of_object(call, &id.to_string()).await
}

async fn file(call: Call) -> Result<Answer, ApiError> {
    let id: FileId = call.id("file-id")?;
    let file = accounts::file(&call.context, id).await?;
    let disposition = format!("attachment; filename*=UTF-8''{}", percent(&file.filename));
    let disposition = HeaderValue::from_str(&disposition).map_err(|_| ApiError::internal())?;
    Ok(Answer::bytes("application/octet-stream", file.content)
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

async fn one(call: Call, status: StatusCode, account: &OpenAccount) -> Result<Answer, ApiError> {
    let types = types(&call.context, wants_types(&call)?).await?;
    let answer = Answer::one(status, resource(&call.context, call.version(), account)?);
    let answer = answer.meta(json!({ "version": account.version }));
    included(answer, types.as_deref(), std::slice::from_ref(account))
}

async fn many(call: Call, found: &Found) -> Result<Answer, ApiError> {
    let ends = found.ends.map(|(first, last)| (first.id.to_string(), last.id.to_string()));
    many_between(call, found, ends).await
}

async fn many_between(call: Call, found: &Found, ends: Option<(String, String)>) -> Result<Answer, ApiError> {
    let types = types(&call.context, wants_types(&call)?).await?;
    let resources = found.accounts.iter().map(|account| resource(&call.context, call.version(), account));
    let answer = Answer::page_between(&call, resources.collect::<Result<_, _>>()?, ends, found.more)?;
    included(answer, types.as_deref(), &found.accounts)
}

fn wants_types(call: &Call) -> Result<bool, ApiError> {
    Ok(!call.includes(&["account-type"], &["account-type"])?.is_empty())
}

/// All types, if they are wanted.
async fn types(context: &Context, wanted: bool) -> Result<Option<Vec<TypeRow>>, ApiError> {
    Ok(if wanted { Some(account_types::list(context).await?) } else { None })
}

fn included(answer: Answer, types: Option<&[TypeRow]>, accounts: &[OpenAccount]) -> Result<Answer, ApiError> {
    let Some(types) = types else { return Ok(answer) };
    let wanted = types.iter().filter(|row| accounts.iter().any(|account| account.type_id == row.id));
    let types: Vec<Resource> = wanted.map(type_resource).collect::<Result<_, _>>()?;
    Ok(answer.include(types))
}
