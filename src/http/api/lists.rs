//! Lists of the customer's own, and their items.

mod shape;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use self::shape::{ItemAttributes, ListAttributes, item_resource, list_resource};
use super::{
    answer::Answer,
    call::Call,
    conditions,
    errors::ApiError,
    operation::{Document, Operation},
    paging,
};
use crate::{
    actions::lists,
    domain::{
        id::{ListId, ListItemId},
        list::{EmailMatch, Given, ListKind},
    },
    store::lists::{ListRow, Part},
};

/// How many items a list shows among its relationships.
const NEWEST: i64 = 100;

pub(super) fn operations() -> Vec<Operation> {
    let create_about = "`{kind}` is names, email-addresses, phone-numbers, countries, government-id-numbers, ip-addresses \
                        or strings. A list that the configuration names (`[lists.NAME]` with format \"list\") is matched against \
                        accounts by local providers: names and strings as names are; countries, e-mail addresses and \
                        domains, phone numbers, IP addresses and networks, and numbers of documents where an account has \
                        them in the fields that its type names as `screened`. A list of what no account type has a field \
                        for is compared with nobody: no run rests on it, and the log warns of it.";
    let create_at = |path| {
        Operation::post(path, "list.write", "Creates a list")
            .about(create_about)
            .body::<Document<NewList>>()
            .answers::<ListAttributes>(201, "list")
            .handled_by(create)
    };
    vec![
        create_at("/list/{kind}"),
        Operation::get("/lists", "list.read", "Lists lists, the newest first")
            .query("filter[status]", "`active` or `archived`; both when not given")
            .lists::<ListAttributes>("list")
            .handled_by(list),
        // Older clients write the plural, where the newer ones' lists have their ids.
        Operation::post("/lists/{list-id}", "list.write", "Creates a list; the older form of `/list/{kind}`")
            .about(create_about)
            .body::<Document<NewList>>()
            .answers::<ListAttributes>(201, "list")
            .handled_by(create_older),
        Operation::get("/lists/{list-id}", "list.read", "Retrieves a list")
            .about("Its relationship `list-items` has the newest 100 of its active items; `/lists/{list-id}/items` has all.")
            .answers::<ListAttributes>(200, "list")
            .handled_by(retrieve),
        Operation::delete("/lists/{list-id}", "list.write", "Archives a list")
            .about("It can be retrieved, and matches nobody any more.")
            .answers::<ListAttributes>(200, "list")
            .handled_by(archive),
        Operation::get("/lists/{list-id}/items", "list.read", "Lists a list's active items, the newest first")
            .lists::<ItemAttributes>("list-item")
            .handled_by(items),
        Operation::post("/lists/{list-id}/look-up", "list.read", "Looks a value up")
            .about(
                "Answers with the active items that stand for the value: the value itself, the domain of an e-mail \
                 address, networks around an IP address.",
            )
            .reads()
            .body::<Document<Value>>()
            .lists::<ItemAttributes>("list-item")
            .handled_by(look_up),
        Operation::post("/list-item/{kind}", "list.write", "Puts a value on a list")
            .about(
                "Attributes beside `list-id`: name-first and name-last; value and match-type (email_address or domain); \
                 value (a phone number, an IP address or network, a string); country-code; id-class and id-number.",
            )
            .body::<Document<NewItem>>()
            .answers::<ItemAttributes>(201, "list-item")
            .handled_by(add_item),
        Operation::get("/list-item/{kind}/{list-item-id}", "list.read", "Retrieves an item of a list")
            .answers::<ItemAttributes>(200, "list-item")
            .handled_by(retrieve_item),
        Operation::delete("/list-item/{kind}/{list-item-id}", "list.write", "Archives an item of a list")
            .about("It can be retrieved, and matches nobody any more.")
            .answers::<ItemAttributes>(200, "list-item")
            .handled_by(archive_item),
        Operation::post("/list-item/{kind}/{list-item-id}/redact", "list.redact", "Redacts an item of a list")
            .about(
                "Its value is destroyed for good: it can be retrieved without, and matches nobody any more. The hits that it \
                 made lose what they have of it, all of them within minutes. What the answers of runs have of it is sealed \
                 with whatever else they found: it stays readable in the evidence of the accounts that matched until they, \
                 or their reports, are redacted. Refused while a retention policy keeps it (409); what is redacted already \
                 stays as it is.",
            )
            .answers::<ItemAttributes>(200, "list-item")
            .handled_by(redact_item),
    ]
}

/// A list to create.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NewList {
    /// Its name, unique among lists in use.
    #[serde(default)]
    name: String,
    /// Of a list of names: whether alike first names match. They always do, as names of published lists do.
    allow_fuzzy_name_first: Option<bool>,
}

/// A value to put on a list.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct NewItem {
    /// The list.
    list_id: Option<String>,
    /// A first name.
    name_first: Option<String>,
    /// A last name, or the whole name of what is no person.
    name_last: Option<String>,
    /// An e-mail address or domain, a phone number, an IP address or network, a string.
    value: Option<String>,
    /// Whether `value` is an address or a domain.
    #[schemars(with = "Option<String>")]
    match_type: Option<EmailMatch>,
    /// An ISO 3166-1 alpha-2 code.
    country_code: Option<String>,
    /// What sort of document, such as `pp` or `dl`.
    id_class: Option<String>,
    /// The number of the document.
    id_number: Option<String>,
}

/// A value to look up, written as for an item.
type Value = NewItem;

impl From<NewItem> for Given {
    fn from(item: NewItem) -> Self {
        Self {
            name_first: item.name_first,
            name_last: item.name_last,
            value: item.value,
            match_type: item.match_type,
            country_code: item.country_code,
            id_class: item.id_class,
            id_number: item.id_number,
        }
    }
}

/// The kind that a part of the path names. What is none names nothing.
fn kind(call: &Call, parameter: &str) -> Result<ListKind, ApiError> {
    ListKind::from_word(call.parameter(parameter)).ok_or_else(|| {
        let known: Vec<&str> = ListKind::ALL.iter().map(|kind| kind.word()).collect();
        let details = format!("there is no such kind of list; there are {}", known.join(", "));
        ApiError::other(StatusCode::NOT_FOUND, "Record not found", details)
    })
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let kind = kind(&call, "kind")?;
    create_of(call, kind).await
}

async fn create_older(call: Call) -> Result<Answer, ApiError> {
    let kind = kind(&call, "list-id")?;
    create_of(call, kind).await
}

async fn create_of(call: Call, kind: ListKind) -> Result<Answer, ApiError> {
    let body: Document<NewList> = call.body()?;
    let new = body.data.attributes;
    match (new.allow_fuzzy_name_first, kind) {
        (None, _) | (Some(true), ListKind::Names) => {}
        (Some(false), ListKind::Names) => {
            let details = "first names of lists match when they are alike; accepted is true, or nothing";
            return Err(ApiError::unprocessable("/data/attributes/allow-fuzzy-name-first", details));
        }
        (Some(_), _) => {
            let details = "is for lists of names; accepted is nothing here";
            return Err(ApiError::unprocessable("/data/attributes/allow-fuzzy-name-first", details));
        }
    }
    let list = lists::create(&call.context, &call.actor(), kind, &new.name).await?;
    one(&call, StatusCode::CREATED, &list).await
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let archived = match call.filter("status")? {
        None => None,
        Some("active") => Some(false),
        Some("archived") => Some(true),
        Some(_) => {
            return Err(ApiError::bad_request("filter[status]", "filter[status] must be active or archived"));
        }
    };
    let page = call.page()?;
    let (after, before) = page.ids::<ListId>()?;
    let (below, above, lowest) = paging::bounds(after.map(|id| id.0), before.map(|id| id.0));
    let part = Part { below, above, lowest, limit: paging::limit(&page) };
    let (found, more) = paging::cut(lists::list(&call.context, archived, part).await?, &page);
    let ids: Vec<ListId> = found.iter().map(|list| list.id).collect();
    let items = lists::newest_items(&call.context, &ids, NEWEST).await?;
    let resources = found.iter().map(|list| list_resource(list, &items)).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let list = lists::find(&call.context, call.id("list-id")?).await?;
    one(&call, StatusCode::OK, &list).await
}

async fn archive(call: Call) -> Result<Answer, ApiError> {
    let list = lists::archive(&call.context, &call.actor(), call.id("list-id")?).await?;
    one(&call, StatusCode::OK, &list).await
}

/// The answer that is one list.
async fn one(call: &Call, status: StatusCode, list: &ListRow) -> Result<Answer, ApiError> {
    let items = lists::newest_items(&call.context, &[list.id], NEWEST).await?;
    Ok(Answer::one(status, list_resource(list, &items)?))
}

async fn items(call: Call) -> Result<Answer, ApiError> {
    let list = call.id("list-id")?;
    let page = call.page()?;
    let (after, before) = page.ids::<ListItemId>()?;
    let (below, above, lowest) = paging::bounds(after.map(|id| id.0), before.map(|id| id.0));
    let part = Part { below, above, lowest, limit: paging::limit(&page) };
    let (found, more) = paging::cut(lists::list_items(&call.context, list, part).await?, &page);
    let resources = found.into_iter().map(item_resource).collect::<Result<_, _>>()?;
    Answer::page(&call, resources, more)
}

async fn look_up(call: Call) -> Result<Answer, ApiError> {
    let list = call.id("list-id")?;
    let body: Document<Value> = call.body()?;
    if let Some(given) = call.body.pointer("/data/attributes").and_then(serde_json::Value::as_object) {
        for name in given.keys() {
            conditions::of_filter(&call, name, &format!("/data/attributes/{name}"))?;
        }
    }
    let found = lists::look_up(&call.context, list, &body.data.attributes.into()).await?;
    Answer::whole(&call, found.into_iter().map(item_resource).collect::<Result<_, _>>()?)
}

async fn add_item(call: Call) -> Result<Answer, ApiError> {
    const POINTER: &str = "/data/attributes/list-id";
    let kind = kind(&call, "kind")?;
    let mut body: Document<NewItem> = call.body()?;
    let list = body.data.attributes.list_id.take();
    let list = list.ok_or_else(|| ApiError::bad_request(POINTER, "is required"))?;
    let list: ListId = list.parse().map_err(|error| ApiError::unprocessable(POINTER, format!("{error}")))?;
    let given = body.data.attributes.into();
    let item = lists::add_item(&call.context, &call.actor(), (kind, list), &given).await?;
    Ok(Answer::one(StatusCode::CREATED, item_resource(item)?))
}

async fn retrieve_item(call: Call) -> Result<Answer, ApiError> {
    let kind = kind(&call, "kind")?;
    let item = lists::find_item(&call.context, kind, call.id("list-item-id")?).await?;
    Ok(Answer::one(StatusCode::OK, item_resource(item)?))
}

async fn archive_item(call: Call) -> Result<Answer, ApiError> {
    let kind = kind(&call, "kind")?;
    let id = call.id("list-item-id")?;
    let item = lists::archive_item(&call.context, &call.actor(), kind, id).await?;
    Ok(Answer::one(StatusCode::OK, item_resource(item)?))
}

async fn redact_item(call: Call) -> Result<Answer, ApiError> {
    let kind = kind(&call, "kind")?;
    let id = call.id("list-item-id")?;
    let item = lists::redact_by_hand(&call.context, &call.actor(), kind, id).await?;
    Ok(Answer::one(StatusCode::OK, item_resource(item)?))
}
