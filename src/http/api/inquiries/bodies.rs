//! What is sent about inquiries.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    actions::inquiries::{Home, NewInquiry, Update},
    domain::{id::AccountId, inquiry_template::Expiration},
    http::api::{errors::ApiError, tags::given},
};

/// An inquiry to make.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Create {
    /// The template that it is made by (`itmpl_…`).
    inquiry_template_id: Option<String>,
    /// The same under its older name.
    template_id: Option<String>,
    /// The account that it is of (`act_…`).
    account_id: Option<String>,
    /// Your own id of the account; `meta.auto-create-account-reference-id` says the same.
    reference_id: Option<String>,
    /// A note of yours.
    note: Option<String>,
    /// What is known already, by field.
    fields: Option<Map<String, Value>>,
    /// Its tags.
    tags: Option<Vec<String>>,
    /// Taken, and without effect: of the flow that Persona hosts.
    redirect_uri: Option<String>,
    /// Taken, and without effect: of the flow that Persona hosts.
    creator_email_address: Option<String>,
    /// Taken, and without effect: of the flow that Persona hosts.
    theme_id: Option<String>,
    /// Taken, and without effect: of the flow that Persona hosts.
    theme_set_id: Option<String>,
    /// Taken, and without effect: of the flow that Persona hosts.
    initial_step_name: Option<String>,
}

impl Create {
    /// Whether an account is named by its reference id: the answer tells whether there is one.
    pub(super) fn names_a_reference(&self, meta: &CreateMeta) -> bool {
        self.reference_id.is_some() || meta.auto_create_account_reference_id.is_some()
    }
}

/// How an inquiry is made.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct CreateMeta {
    /// Whether an account is made when none is named; true when not given.
    auto_create_account: Option<bool>,
    /// The type of that account; it must be the template's.
    auto_create_account_type_id: Option<String>,
    /// Your own id of the account, which is made when there is none.
    auto_create_account_reference_id: Option<String>,
    /// After how many seconds it expires when nobody begins it; as the template says when not given.
    #[schemars(range(min = 1))]
    expiration_after_create_interval_seconds: Option<u32>,
    /// After how many seconds it expires when it is begun and not completed.
    #[schemars(range(min = 1))]
    expiration_after_start_interval_seconds: Option<u32>,
    /// After how many seconds it expires when it is resumed and not completed.
    #[schemars(range(min = 1))]
    expiration_after_resume_interval_seconds: Option<u32>,
    /// False: there is no hosted flow to open a session of.
    auto_create_inquiry_session: Option<bool>,
    /// False: there is no hosted flow to link to.
    auto_create_one_time_link: Option<bool>,
    /// Taken, and without effect without such a link.
    one_time_link_expiration_seconds: Option<u32>,
}

/// What to change about an inquiry.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Patch {
    /// Fields by key; null takes one away.
    fields: Option<Map<String, Value>>,
    /// The note; null takes it away.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Option<String>")]
    note: Option<Option<String>>,
    /// Exactly these tags.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Option<Vec<String>>")]
    tags: Option<Option<Vec<String>>>,
}

/// What was collected.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Collected {
    /// Fields by key; a part of a field may be sent alone, such as `name-first`.
    pub(super) fields: Map<String, Value>,
}

/// What the reviewer says.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Comment {
    /// A word on the decision.
    pub(super) comment: Option<String>,
}

impl From<Patch> for Update {
    fn from(patch: Patch) -> Self {
        Self {
            fields: patch.fields.unwrap_or_default(),
            note: patch.note,
            tags: patch.tags.map(Option::unwrap_or_default),
        }
    }
}

/// What is to be made of a request.
pub(super) fn new_inquiry(attributes: Create, meta: &CreateMeta) -> Result<NewInquiry, ApiError> {
    for (asked, name) in [
        (meta.auto_create_inquiry_session, "auto-create-inquiry-session"),
        (meta.auto_create_one_time_link, "auto-create-one-time-link"),
    ] {
        if asked == Some(true) {
            let details =
                "there is no hosted flow; submit what was collected to /inquiries/{inquiry-id}/complete";
            return Err(ApiError::unprocessable(&format!("/meta/{name}"), details));
        }
    }
    let (at, template) = match (&attributes.inquiry_template_id, &attributes.template_id) {
        (Some(template), _) => ("inquiry-template-id", template),
        (None, Some(template)) => ("template-id", template),
        (None, None) => {
            let details = "`data.attributes.inquiry_template_id` is missing";
            return Err(ApiError::bad_request("/data/attributes/inquiry-template-id", details));
        }
    };
    let template = id(&format!("/data/attributes/{at}"), "itmpl", template)?;
    let account_type = meta
        .auto_create_account_type_id
        .as_deref()
        .map(|text| id("/meta/auto-create-account-type-id", "acttp", text))
        .transpose()?;
    Ok(NewInquiry {
        template,
        home: home(&attributes, meta)?,
        account_type,
        fields: attributes.fields.unwrap_or_default(),
        note: attributes.note.filter(|note| !note.is_empty()),
        tags: attributes.tags.unwrap_or_default(),
        expiration: Expiration {
            after_create: seconds(
                "/meta/expiration-after-create-interval-seconds",
                meta.expiration_after_create_interval_seconds,
            )?,
            after_start: seconds(
                "/meta/expiration-after-start-interval-seconds",
                meta.expiration_after_start_interval_seconds,
            )?,
            after_resume: seconds(
                "/meta/expiration-after-resume-interval-seconds",
                meta.expiration_after_resume_interval_seconds,
            )?,
        },
    })
}

/// Whose inquiry it is to be: one account is named, in one way.
fn home(attributes: &Create, meta: &CreateMeta) -> Result<Home, ApiError> {
    let creates = meta.auto_create_account.unwrap_or(true);
    let by_meta = meta.auto_create_account_reference_id.as_deref();
    if by_meta.is_some() && !creates {
        let details = "must not be sent while auto-create-account is false";
        return Err(ApiError::bad_request("/meta/auto-create-account-reference-id", details));
    }
    let reference = match (by_meta, attributes.reference_id.as_deref()) {
        (Some(one), Some(other)) if one != other => {
            let details = "names another account than meta.auto-create-account-reference-id";
            return Err(ApiError::bad_request("/data/attributes/reference-id", details));
        }
        (one, other) => one.or(other).filter(|reference| !reference.is_empty()),
    };
    match (attributes.account_id.as_deref(), reference) {
        (Some(_), Some(_)) => {
            let details = "must not be sent together with a reference id: the account would be named twice";
            Err(ApiError::bad_request("/data/attributes/account-id", details))
        }
        (Some(account), None) => {
            Ok(Home::Account(id::<AccountId>("/data/attributes/account-id", "act", account)?))
        }
        (None, Some(reference)) if creates => Ok(Home::Reference(reference.to_owned())),
        (None, Some(reference)) => Ok(Home::Known(reference.to_owned())),
        (None, None) if creates => Ok(Home::New),
        (None, None) => Ok(Home::Nobody),
    }
}

fn id<T: FromStr>(pointer: &str, prefix: &str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| {
        let details = format!("must be an id that begins with {prefix}_");
        ApiError::bad_request(pointer, details)
    })
}

/// The most seconds of an interval: ten years.
const LONGEST: u32 = 3650 * 24 * 60 * 60;

fn seconds(pointer: &str, seconds: Option<u32>) -> Result<Option<u32>, ApiError> {
    match seconds {
        Some(seconds) if !(1..=LONGEST).contains(&seconds) => {
            let details = format!("accepted is a whole number from 1 to {LONGEST}");
            Err(ApiError::bad_request(pointer, details))
        }
        seconds => Ok(seconds),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(attributes: Value, meta: Value) -> Result<NewInquiry, ApiError> {
        let mut attributes: Create = serde_json::from_value(attributes).unwrap();
        let template = "itmpl_01h455vb4pex5vsknk084sn02q".to_owned();
        attributes.inquiry_template_id = attributes.inquiry_template_id.or(Some(template));
        new_inquiry(attributes, &serde_json::from_value(meta).unwrap())
    }

    #[test]
    fn an_account_is_named_in_one_way_or_made() {
        let home = |attributes, meta| made(attributes, meta).unwrap().home;
        assert!(matches!(home(json!({}), json!({})), Home::New));
        assert!(matches!(home(json!({}), json!({ "auto-create-account": false })), Home::Nobody));
        let reference = json!({ "auto-create-account-reference-id": "c-1" });
        assert!(matches!(home(json!({}), reference.clone()), Home::Reference(id) if id == "c-1"));
        assert!(matches!(home(json!({ "reference-id": "c-1" }), reference.clone()), Home::Reference(_)));
        let account = json!({ "account-id": "act_01h455vb4pex5vsknk084sn02q" });
        assert!(matches!(home(account.clone(), json!({})), Home::Account(_)));
        made(account, reference).unwrap_err();
        made(json!({ "account-id": "rep_01h455vb4pex5vsknk084sn02q" }), json!({})).unwrap_err();
    }

    #[test]
    fn a_reference_id_to_create_by_contradicts_no_creation() {
        let meta = json!({ "auto-create-account": false, "auto-create-account-reference-id": "c-1" });
        let wanted = ApiError::bad_request(
            "/meta/auto-create-account-reference-id",
            "must not be sent while auto-create-account is false",
        );
        assert_eq!(made(json!({}), meta).unwrap_err(), wanted);
    }

    #[test]
    fn what_there_is_no_flow_for_is_refused() {
        made(json!({}), json!({ "auto-create-inquiry-session": true })).unwrap_err();
        made(json!({}), json!({ "expiration-after-create-interval-seconds": 0 })).unwrap_err();
        let sent = made(json!({}), json!({ "expiration-after-create-interval-seconds": 60 })).unwrap();
        assert_eq!(sent.expiration.after_create, Some(60));
    }
}
