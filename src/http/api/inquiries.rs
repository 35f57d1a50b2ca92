//! Inquiries: made, filled, completed, decided on.

mod bodies;
mod print;
mod shape;

use axum::http::StatusCode;
use serde_json::{Map, Value};

use self::{
    bodies::{Collected, Comment, Create, CreateMeta, Patch},
    shape::Attributes,
};
use super::{
    answer::Answer,
    call::Call,
    conditions,
    errors::ApiError,
    includes, inquiry_templates,
    operation::{Document, Empty, Meta, Operation},
    search::Search,
    tags::{OneTag, SomeTags},
};
use crate::{
    actions::inquiries::{self, Filter, OpenInquiry, TagChange},
    domain::{
        id::{InquiryId, InquiryTemplateId},
        inquiry::{InquiryStatus, Verdict},
    },
};

/// The media type of the printable page.
const PAGE: &str = "text/html; charset=utf-8";

pub(super) fn operations() -> Vec<Operation> {
    [reading(), writing(), deciding()].concat()
}

fn reading() -> Vec<Operation> {
    vec![
        Operation::get("/inquiries", "inquiry.read", "Lists inquiries, the newest first")
            .query("filter[inquiry-id]", "ids of inquiries, with commas between")
            .query("filter[account-id]", "ids of accounts, with commas between")
            .query("filter[reference-id]", "your own ids of accounts, with commas between")
            .query("filter[inquiry-template-id]", "ids of inquiry templates, with commas between")
            .query("filter[template-id]", "the same under its older name")
            .query("filter[status]", "states, with commas between")
            .query("filter[note]", "exactly this note")
            .query("filter[created-at-start]", "inquiries made from this time on (RFC 3339)")
            .query("filter[created-at-end]", "inquiries made before this time (RFC 3339)")
            .query("include", "`account`, `inquiry-template`")
            .lists::<Attributes>("inquiry")
            .handled_by(list),
        Operation::post("/inquiries/search", "inquiry.read", "Searches inquiries")
            .about(
                "Attributes are inquiry_id, account_id, reference_id, inquiry_template_id, status, note, created_at and \
                 updated_at; a note is found by the whole of it. Operators are eq, and for times gt, gte, lt and lte, \
                 too. Inquiries are sorted by created_at.",
            )
            .body::<Search>()
            .reads()
            .query("include", "`account`, `inquiry-template`")
            .lists::<Attributes>("inquiry")
            .handled_by(search),
        Operation::get("/inquiries/{inquiry-id}", "inquiry.read", "Retrieves an inquiry")
            .query("include", "`account`, `inquiry-template`")
            .answers::<Attributes>(200, "inquiry")
            .handled_by(retrieve),
        Operation::get("/inquiries/{inquiry-id}/print", "inquiry.read", "Shows an inquiry as a page to be printed")
            .about(
                "One HTML page that needs nothing else, in whatever alphabet the customer's name is written; a browser \
                 prints it, or saves it as PDF.",
            )
            .answers_bytes(PAGE)
            .handled_by(print),
    ]
}

fn writing() -> Vec<Operation> {
    vec![
        Operation::post("/inquiries", "inquiry.write", "Creates an inquiry")
            .about(
                "For the account of `account-id`; or for that of `meta.auto-create-account-reference-id` (or \
                 `reference-id`), which is made when there is none; or for a new account, unless \
                 `meta.auto-create-account` is false. `fields` are what is known already.",
            )
            .body::<Document<Create, CreateMeta>>()
            .answers::<Attributes>(201, "inquiry")
            .handled_by(create),
        Operation::patch("/inquiries/{inquiry-id}", "inquiry.write", "Changes fields, note or tags of an inquiry")
            .about("Fields merge by key, null takes one away; they can be changed until the inquiry is completed.")
            .body::<Document<Patch>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(patch),
        Operation::post("/inquiries/{inquiry-id}/submit", "inquiry.write", "Takes collected fields into an inquiry")
            .about("The inquiry is pending from then on. Persona does this in the flow that it hosts.")
            .body::<Document<Collected>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(submit),
        Operation::post("/inquiries/{inquiry-id}/complete", "inquiry.write", "Completes an inquiry")
            .about(
                "What it collected, with the `fields` of this call, is compared with the account as that is now. A \
                 required mismatch fails the inquiry; any other is shown among its `checks`. A completed inquiry \
                 fills an account that was empty, and updates the fields that its template names. Persona does this \
                 in the flow that it hosts.",
            )
            .body::<Document<Collected>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(complete),
        Operation::post("/inquiries/{inquiry-id}/add-tag", "inquiry.write", "Adds a tag to an inquiry")
            .body::<Meta<OneTag>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(add_tag),
        Operation::post("/inquiries/{inquiry-id}/remove-tag", "inquiry.write", "Removes a tag from an inquiry")
            .body::<Meta<OneTag>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(remove_tag),
        Operation::post("/inquiries/{inquiry-id}/set-tags", "inquiry.write", "Gives an inquiry exactly these tags")
            .body::<Meta<SomeTags>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(set_tags),
    ]
}

fn deciding() -> Vec<Operation> {
    let decision = |path: &'static str, summary: &'static str, verdict: Verdict| {
        Operation::post(path, "inquiry.write", summary)
            .about("Of an inquiry that was completed, whatever came of that. A decision can be changed.")
            .body::<Document<Empty, Comment>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(move |call| decide(call, verdict))
    };
    vec![
        decision("/inquiries/{inquiry-id}/approve", "Approves an inquiry", Verdict::Approved),
        decision("/inquiries/{inquiry-id}/decline", "Declines an inquiry", Verdict::Declined),
        decision(
            "/inquiries/{inquiry-id}/mark-for-review",
            "Marks an inquiry for another person to look at",
            Verdict::NeedsReview,
        ),
        Operation::post("/inquiries/{inquiry-id}/resume", "inquiry.write", "Takes an expired inquiry up again")
            .body::<Document<Empty>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(resume),
        Operation::post("/inquiries/{inquiry-id}/expire", "inquiry.write", "Ends an inquiry that is not completed")
            .body::<Document<Empty>>()
            .answers::<Attributes>(200, "inquiry")
            .handled_by(expire),
        Operation::delete("/inquiries/{inquiry-id}", "inquiry.redact", "Redacts an inquiry")
            .about("Its personal data is destroyed for good; its state and its checks stay, and so does the account.")
            .answers::<Attributes>(200, "inquiry")
            .handled_by(redact),
    ]
}

/// The answer that is one inquiry, with what is to be included.
async fn shown(call: Call, status: StatusCode, inquiry: &OpenInquiry) -> Result<Answer, ApiError> {
    let answer = Answer::one(status, shape::resource(inquiry, &call)?);
    included(&call, answer, std::slice::from_ref(inquiry)).await
}

/// The answer with what is to be included. Relations that lead nowhere are known, and nothing comes of them.
async fn included(call: &Call, answer: Answer, inquiries: &[OpenInquiry]) -> Result<Answer, ApiError> {
    let known = [&["account", "inquiry-template"][..], &shape::NOWHERE].concat();
    let names = call.includes(&known, &["inquiry-template"])?;
    let mut included = Vec::new();
    if names.contains(&"inquiry-template") {
        let mut ids: Vec<InquiryTemplateId> = inquiries.iter().map(|one| one.row.template_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut templates = inquiries::list_templates(&call.context).await?;
        templates.retain(|one| ids.contains(&one.template.id()));
        for id in ids {
            // Those that the configuration no longer has are few.
            if !templates.iter().any(|one| one.template.id() == id) {
                templates.extend(inquiries::find_template(&call.context, id).await?);
            }
        }
        included.extend(templates.iter().map(inquiry_templates::resource).collect::<Result<Vec<_>, _>>()?);
    }
    if names.contains(&"account") {
        let accounts = inquiries.iter().filter_map(|one| one.row.account);
        included.extend(includes::accounts(call, accounts).await?);
    }
    Ok(if names.is_empty() { answer } else { answer.include(included) })
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<InquiryId>()?;
    let mut templates: Vec<InquiryTemplateId> = each(&call, "inquiry-template-id")?;
    templates.extend(each::<InquiryTemplateId>(&call, "template-id")?);
    let statuses = call.filters("status");
    let statuses = statuses.iter().map(|word| {
        InquiryStatus::of_word(&word.replace('-', "_")).ok_or_else(|| {
            let known = InquiryStatus::ALL.map(InquiryStatus::word).join(", ");
            ApiError::bad_request("filter[status]", format!("accepted is any of: {known}"))
        })
    });
    let filter = Filter {
        ids: each(&call, "inquiry-id")?,
        accounts: each(&call, "account-id")?,
        references: call.filters("reference-id"),
        templates,
        statuses: statuses.collect::<Result<_, _>>()?,
        note: call.filter("note")?.map(str::to_owned),
        from: call.filter_of_time("created-at-start")?,
        until: call.filter_of_time("created-at-end")?,
        after,
        before,
        size: page.size,
    };
    let (found, more) = inquiries::list(&call.context, &filter).await?;
    many(call, &found, more).await
}

async fn search(call: Call) -> Result<Answer, ApiError> {
    let sent: Search = call.body_or_default()?;
    conditions::of_search(&call)?;
    let page = call.page()?;
    let (sort, query) = (sent.sort(), sent.query.as_ref().unwrap_or(&Value::Null));
    let (found, more) = inquiries::search(&call.context, query, sort, page.ids()?, page.size).await?;
    many(call, &found, more).await
}

/// The answer that is a page of inquiries, with what is to be included.
async fn many(call: Call, found: &[OpenInquiry], more: bool) -> Result<Answer, ApiError> {
    let resources = found.iter().map(|inquiry| shape::resource(inquiry, &call)).collect::<Result<_, _>>()?;
    let answer = Answer::page(&call, resources, more)?;
    included(&call, answer, found).await
}

/// The values of a filter of ids.
fn each<T: std::str::FromStr>(call: &Call, name: &str) -> Result<Vec<T>, ApiError> {
    let read = |text: &String| {
        text.parse().map_err(|_| {
            let name = format!("filter[{name}]");
            ApiError::bad_request(&name, format!("{name} must be ids of that kind"))
        })
    };
    call.filters(name).iter().map(read).collect()
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    let found =
        inquiries::find(&call.context, call.id("inquiry-id")?).await?.ok_or_else(ApiError::not_found)?;
    shown(call, StatusCode::OK, &found).await
}

async fn print(call: Call) -> Result<Answer, ApiError> {
    let found =
        inquiries::find(&call.context, call.id("inquiry-id")?).await?.ok_or_else(ApiError::not_found)?;
    Ok(Answer::bytes(PAGE, print::page(&found, call.context.now())))
}

async fn create(call: Call) -> Result<Answer, ApiError> {
    let body: Document<Create, CreateMeta> = call.body()?;
    if body.data.attributes.names_a_reference(&body.meta) {
        call.blocklist.must_not_hide("reference-id", "/data/attributes/reference-id")?;
    }
    let new = bodies::new_inquiry(body.data.attributes, &body.meta)?;
    let inquiry = inquiries::create(&call.context, &call.actor(), &new).await?;
    shown(call, StatusCode::CREATED, &inquiry).await
}

async fn patch(call: Call) -> Result<Answer, ApiError> {
    let body: Document<Patch> = call.body()?;
    let id = call.id("inquiry-id")?;
    let inquiry = inquiries::update(&call.context, &call.actor(), id, &body.data.attributes.into()).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

async fn submit(call: Call) -> Result<Answer, ApiError> {
    let (id, fields) = (call.id("inquiry-id")?, fields(&call)?);
    let inquiry = inquiries::submit(&call.context, &call.actor(), id, &fields).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

async fn complete(call: Call) -> Result<Answer, ApiError> {
    let (id, fields) = (call.id("inquiry-id")?, fields(&call)?);
    let inquiry = inquiries::complete(&call.context, &call.actor(), id, &fields).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

fn fields(call: &Call) -> Result<Map<String, Value>, ApiError> {
    let body: Document<Collected> = call.body_or_default()?;
    Ok(body.data.attributes.fields)
}

async fn add_tag(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<OneTag> = call.body()?;
    let name = body.meta.name(&call.context).await?;
    tagged(call, TagChange::Add(name)).await
}

async fn remove_tag(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<OneTag> = call.body()?;
    let name = body.meta.name(&call.context).await?;
    tagged(call, TagChange::Remove(name)).await
}

async fn set_tags(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<SomeTags> = call.body()?;
    let names = body.meta.names(&call.context).await?;
    tagged(call, TagChange::Set(names)).await
}

async fn tagged(call: Call, change: TagChange) -> Result<Answer, ApiError> {
    let id = call.id("inquiry-id")?;
    let inquiry = inquiries::change_tags(&call.context, &call.actor(), id, change).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

async fn decide(call: Call, verdict: Verdict) -> Result<Answer, ApiError> {
    let id = call.id("inquiry-id")?;
    let body: Document<Empty, Comment> = call.body_or_default()?;
    let comment = body.meta.comment.as_deref();
    let inquiry = inquiries::decide(&call.context, &call.actor(), id, verdict, comment).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

async fn resume(call: Call) -> Result<Answer, ApiError> {
    let _: Document<Empty> = call.body_or_default()?;
    let inquiry = inquiries::resume(&call.context, &call.actor(), call.id("inquiry-id")?).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

async fn expire(call: Call) -> Result<Answer, ApiError> {
    let _: Document<Empty> = call.body_or_default()?;
    let inquiry = inquiries::expire(&call.context, &call.actor(), call.id("inquiry-id")?).await?;
    shown(call, StatusCode::OK, &inquiry).await
}

async fn redact(call: Call) -> Result<Answer, ApiError> {
    let inquiry = inquiries::redact(&call.context, &call.actor(), call.id("inquiry-id")?).await?;
    shown(call, StatusCode::OK, &inquiry).await
}
