//! Asking for a report.

use std::time::Duration;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::{
        answer::Answer,
        call::Call,
        errors::ApiError,
        operation::{Document, Operation},
    },
    answer,
    shown::Attributes,
};
use crate::{
    actions::{
        ActionError,
        reports::{self, About, TemplateView},
    },
    domain::{
        country,
        date::PartialDate,
        id::{AccountId, AccountTypeId, ReportTemplateId},
        personal::Personal,
        report::Query,
        schedule::ReportType,
    },
};

/// How long a request waits for its report to be ready.
const PATIENCE: Duration = Duration::from_secs(25);

/// The longest text of a query, in characters.
const LONGEST: usize = 255;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/reports", "report.write", "Asks for a report about an account")
            .about(
                "A `query` stays as it is, also when the report recurs; without one the account is asked about as it \
                 stands, again whenever it changes. The query may also stand directly in the attributes. Without an \
                 account a new one is made, unless `auto-create-account` is false. The report is pending until it \
                 has run; `processing-mode` `sync` waits for that, up to 25 s: then the answer is 408, and the \
                 report is there all the same.",
            )
            .body::<Document<Create, How>>()
            .answers::<Attributes>(201, "report/*")
            .handled_by(create),
    ]
}

/// A report to ask for.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Create {
    /// The account that it is about.
    account_id: Option<String>,
    /// Its template.
    report_template_id: Option<String>,
    /// Whom to ask about instead of the account as it stands.
    query: Option<Asked>,
    /// The reference id of the account; deprecated in favour of `meta.auto-create-account-reference-id`.
    reference_id: Option<String>,
    // What older clients send in place of `query`.
    name_first: Option<String>,
    name_middle: Option<String>,
    name_last: Option<String>,
    term: Option<String>,
    birthdate: Option<String>,
    address_country_code: Option<String>,
    country_code: Option<String>,
}

/// Whom to ask about: a name in parts or as a whole is needed.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Asked {
    name_first: Option<String>,
    name_middle: Option<String>,
    name_last: Option<String>,
    /// A whole name, of a person or an organisation.
    term: Option<String>,
    /// YYYY-MM-DD, YYYY-MM or YYYY.
    birthdate: Option<String>,
    /// ISO 3166-1 alpha-2.
    address_country_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    country_code: Option<String>,
}

/// How a report is asked for.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct How {
    /// Whether an account is made where none is named; true when not given.
    auto_create_account: Option<bool>,
    /// The type of that account.
    auto_create_account_type_id: Option<String>,
    /// The reference id of the account: it is found by it, or made with it.
    auto_create_account_reference_id: Option<String>,
    /// `async` when not given.
    processing_mode: Option<Mode>,
}

#[derive(Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Sync,
    Async,
}

async fn create(mut call: Call) -> Result<Answer, ApiError> {
    let sent = call.body::<Document<Create, How>>()?;
    let (wanted, how) = (sent.data.attributes, sent.meta);
    if wanted.reference_id.is_some() || how.auto_create_account_reference_id.is_some() {
        call.blocklist.must_not_hide("reference-id", "/data/attributes/reference-id")?;
    }
    let template = template(&call, wanted.report_template_id.as_deref(), sent.data.kind.as_deref()).await?;
    let about = about(&wanted, &how)?;
    let query = query(wanted)?;
    let actor = call.actor();
    let asked = reports::request(&call.context, &actor, template.id, &about, query).await;
    let (id, _) = asked.map_err(|error| match (error, &about) {
        (ActionError::NotFound(_), About::Account(_)) => ApiError::other(
            StatusCode::NOT_FOUND,
            "Record not found",
            "data.attributes.account_id is not found",
        ),
        (ActionError::NotFound(_), About::Known(_)) => ApiError::other(
            StatusCode::NOT_FOUND,
            "Record not found",
            "data.attributes.reference_id is not found",
        ),
        (ActionError::NotFound(_), About::New { account_type: Some(_), .. }) => ApiError::other(
            StatusCode::NOT_FOUND,
            "Record not found",
            "meta.auto_create_account_type_id is not found",
        ),
        (error, _) => error.into(),
    })?;
    if how.processing_mode == Some(Mode::Sync) {
        // Others may use the database meanwhile.
        call.place = None;
        if !reports::wait(&call.context, id, PATIENCE).await? {
            let details = format!("the report is not ready yet; it is there all the same, as {id}");
            return Err(ApiError::other(StatusCode::REQUEST_TIMEOUT, "Request Timeout", details));
        }
    }
    let view = reports::get(&call.context, id).await?;
    answer(&call, StatusCode::CREATED, &view).await
}

/// The template that is named; or the only one of the type that is named.
async fn template(call: &Call, id: Option<&str>, kind: Option<&str>) -> Result<TemplateView, ApiError> {
    let pointer = "/data/attributes/report-template-id";
    let report = match kind {
        None => None,
        Some(kind) => Some(ReportType::from_word(kind).ok_or_else(|| {
            let known: Vec<String> = ReportType::ALL.iter().map(ToString::to_string).collect();
            ApiError::bad_request("/data/type", format!("accepted is one of: {}", known.join(", ")))
        })?),
    };
    let known = reports::templates(&call.context).await?;
    let Some(id) = id else {
        let mut fitting = known.into_iter().filter(|view| Some(view.template.report) == report);
        let only = fitting.next().filter(|_| fitting.next().is_none());
        return only.ok_or_else(|| {
            ApiError::bad_request(pointer, "`data.attributes.report_template_id` is missing")
        });
    };
    let id: ReportTemplateId = id.parse().map_err(|error| {
        ApiError::bad_request(pointer, format!("`data.attributes.report_template_id` {error}"))
    })?;
    let view = known.into_iter().find(|view| view.id == id).ok_or_else(|| {
        let details = "data.attributes.report_template_id is not found";
        ApiError::other(StatusCode::NOT_FOUND, "Record not found", details)
    })?;
    if report.is_some_and(|report| report != view.template.report) {
        let details = format!("the template is of another type: {}", view.template.report);
        return Err(ApiError::unprocessable("/data/type", details));
    }
    Ok(view)
}

fn about(wanted: &Create, how: &How) -> Result<About, ApiError> {
    if let Some(id) = &wanted.account_id {
        let pointer = "/data/attributes/account-id";
        let id = id.parse::<AccountId>().map_err(|error| {
            ApiError::bad_request(pointer, format!("`data.attributes.account_id` {error}"))
        })?;
        return Ok(About::Account(id));
    }
    if how.auto_create_account == Some(false) {
        if how.auto_create_account_reference_id.is_some() {
            let details = "is only for requests that may make an account";
            return Err(ApiError::bad_request("/meta/auto-create-account-reference-id", details));
        }
        return wanted.reference_id.clone().map(About::Known).ok_or_else(|| {
            let details = "`data.attributes.account_id` is missing";
            ApiError::bad_request("/data/attributes/account-id", details)
        });
    }
    let account_type = match &how.auto_create_account_type_id {
        None => None,
        Some(id) => Some(id.parse::<AccountTypeId>().map_err(|error| {
            let details = format!("`meta.auto_create_account_type_id` {error}");
            ApiError::bad_request("/meta/auto-create-account-type-id", details)
        })?),
    };
    let reference = how.auto_create_account_reference_id.as_ref().or(wanted.reference_id.as_ref());
    Ok(About::New { account_type, reference_id: reference.cloned() })
}

fn query(wanted: Create) -> Result<Option<Query>, ApiError> {
    let Create {
        query,
        name_first,
        name_middle,
        name_last,
        term,
        birthdate,
        address_country_code,
        country_code,
        ..
    } = wanted;
    let (asked, place) = match query {
        Some(asked) => (asked, "/data/attributes/query"),
        None => (
            Asked { name_first, name_middle, name_last, term, birthdate, address_country_code, country_code },
            "/data/attributes",
        ),
    };
    let filled =
        |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut faults = Vec::new();
    let mut text = |key: &str, value: Option<String>| {
        let value = filled(value)?;
        if value.chars().count() > LONGEST || value.contains(char::is_control) {
            let details = "accepted is a text of at most 255 characters without control characters";
            faults.push((format!("{place}/{key}"), details.to_owned()));
        }
        Some(Personal::new(value))
    };
    let (name_first, name_middle) =
        (text("name-first", asked.name_first), text("name-middle", asked.name_middle));
    let (name_last, term) = (text("name-last", asked.name_last), text("term", asked.term));
    let country_key =
        if asked.address_country_code.is_some() { "address-country-code" } else { "country-code" };
    let country_code = filled(asked.address_country_code.or(asked.country_code));
    if country_code.as_ref().is_some_and(|code| !country::is_code(code)) {
        let details = "accepted is an ISO 3166-1 alpha-2 code, such as US";
        faults.push((format!("{place}/{country_key}"), details.to_owned()));
    }
    let birthdate = match filled(asked.birthdate).map(|date| date.parse::<PartialDate>()) {
        None => None,
        Some(Ok(date)) => Some(Personal::new(date)),
        Some(Err(_)) => {
            let details = "accepted is a date: YYYY-MM-DD, YYYY-MM or YYYY";
            faults.push((format!("{place}/birthdate"), details.to_owned()));
            None
        }
    };
    let country_code = country_code.map(Personal::new);
    let query = Query { name_first, name_middle, name_last, term, birthdate, country_code };
    let has_name = [&query.name_first, &query.name_middle, &query.name_last, &query.term]
        .iter()
        .any(|part| part.is_some());
    if !query.is_empty() && !has_name {
        let details = "one of name-first, name-middle, name-last and term must be filled";
        faults.push((place.to_owned(), details.to_owned()));
    }
    if !faults.is_empty() {
        return Err(ApiError::all_unprocessable(faults));
    }
    Ok((!query.is_empty()).then_some(query))
}
