//! What is done to an account as a whole: tags, archiving, redaction, consolidation.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    account_bodies::Attributes as Account,
    account_view,
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    operation::{Meta, Operation},
    tags::{OneTag, SomeTags},
    version::Version,
};
use crate::{
    actions::{
        ActionError, Context,
        accounts::{self, Edit},
        consolidate, redact, retire,
    },
    domain::id::AccountId,
    store::consolidations::Consolidation,
};

pub(super) fn operations() -> Vec<Operation> {
    let act = |path, summary| Operation::post(path, "account.write", summary);
    vec![
        act("/accounts/{account-id}/add-tag", "Adds a tag to an account")
            .body::<Meta<OneTag>>()
            .answers::<Account>(200, "account")
            .handled_by(add_tag),
        act("/accounts/{account-id}/remove-tag", "Removes a tag from an account")
            .body::<Meta<OneTag>>()
            .answers::<Account>(200, "account")
            .handled_by(remove_tag),
        act("/accounts/{account-id}/set-tags", "Has an account have these tags and no others")
            .body::<Meta<SomeTags>>()
            .answers::<Account>(200, "account")
            .handled_by(set_tags),
        act("/accounts/{account-id}/archive", "Archives an account")
            .about(
                "Nothing runs for it and nothing can be written to it until it is restored; keys with the permission \
                 `account.archived.read` can read it.",
            )
            .answers::<Account>(200, "account")
            .handled_by(archive),
        act("/accounts/{account-id}/restore", "Restores an archived account")
            .about("Its reports go on from where they stood.")
            .answers::<Account>(200, "account")
            .handled_by(restore),
        Operation::delete("/accounts/{account-id}", "account.redact", "Redacts an account")
            .about(
                "Its personal data is destroyed for good, with that of its inquiries and reports, and of accounts that \
                 were consolidated into it. Reference id, status, tags and fields that are not marked pii stay. It can \
                 be filled again; until then nothing runs for it.",
            )
            .answers::<Account>(200, "account")
            .handled_by(redact_account),
        act("/accounts/{account-id}/consolidate", "Consolidates other accounts into this one")
            .about(
                "It takes over what they have: inquiries, reports, hits with their decisions, relations, tags; not \
                 their attributes. They are archived. The daemon does it soon after; `/consolidations/{consolidation-id}` \
                 tells what came of it.",
            )
            .body::<Meta<Sources>>()
            .answers::<Account>(202, "account")
            .handled_by(consolidate_into),
        Operation::get("/consolidations/{consolidation-id}", "account.read", "Retrieves a consolidation")
            .answers::<Attributes>(200, "consolidation")
            .handled_by(retrieve_consolidation),
    ]
}

/// Which accounts are consolidated.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sources {
    /// Their ids: 1 to 100.
    source_account_ids: Vec<String>,
}

/// A consolidation.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// `pending`, `done` or `refused`.
    status: &'static str,
    /// Why it was not done.
    refusal: Option<String>,
    /// Who asked for it.
    creator_name: String,
    /// When.
    created_at: String,
    /// When it was done, or refused.
    completed_at: Option<String>,
}

fn resource(consolidation: &Consolidation) -> Result<Resource, ApiError> {
    let attributes = Attributes {
        status: consolidation.state.word(),
        refusal: consolidation.refusal.clone(),
        creator_name: consolidation.actor.clone(),
        created_at: time(consolidation.created_at),
        completed_at: consolidation.ended_at.map(time),
    };
    let sources = consolidation.sources.iter().map(|source| ("account".to_owned(), *source));
    Ok(Resource::new("consolidation", consolidation.id, &attributes)?
        .to_one("destination", "account", Some(consolidation.destination))
        .to_many("sources", sources))
}

async fn add_tag(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<OneTag> = call.body()?;
    let tag = body.meta.name(&call.context).await?;
    edit(call, Edit { tags_add: vec![tag], ..Edit::default() }).await
}

async fn remove_tag(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<OneTag> = call.body()?;
    let tag = body.meta.name(&call.context).await?;
    edit(call, Edit { tags_remove: vec![tag], ..Edit::default() }).await
}

async fn set_tags(call: Call) -> Result<Answer, ApiError> {
    let body: Meta<SomeTags> = call.body()?;
    let tags = body.meta.names(&call.context).await?;
    edit(call, Edit { tags_set: Some(tags), ..Edit::default() }).await
}

async fn edit(call: Call, edit: Edit) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    accounts::edit_alone(&call.context, &call.actor(), account, &edit).await?;
    answered((&call.context, call.version()), StatusCode::OK, account).await
}

async fn archive(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    retire::archive(&call.context, &call.actor(), account).await?;
    answered((&call.context, call.version()), StatusCode::OK, account).await
}

async fn restore(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    retire::restore(&call.context, &call.actor(), account).await?;
    answered((&call.context, call.version()), StatusCode::OK, account).await
}

async fn redact_account(call: Call) -> Result<Answer, ApiError> {
    let account: AccountId = call.id("account-id")?;
    redact::redact(&call.context, &call.actor(), account).await?;
    answered((&call.context, call.version()), StatusCode::OK, account).await
}

async fn consolidate_into(call: Call) -> Result<Answer, ApiError> {
    let destination: AccountId = call.id("account-id")?;
    let body: Meta<Sources> = call.body()?;
    let sources = body
        .meta
        .source_account_ids
        .iter()
        .enumerate()
        .map(|(place, text)| {
            let pointer = format!("/meta/source-account-ids/{place}");
            text.parse().map_err(|error| ApiError::unprocessable(&pointer, format!("{error}")))
        })
        .collect::<Result<Vec<AccountId>, _>>()?;
    let asked = consolidate::request(&call.context, &call.actor(), destination, &sources).await?;
    let answer = answered((&call.context, call.version()), StatusCode::ACCEPTED, destination).await?;
    Ok(answer.meta(json!({ "consolidation-id": asked.id })))
}

async fn retrieve_consolidation(call: Call) -> Result<Answer, ApiError> {
    let found = consolidate::find_one(&call.context, call.id("consolidation-id")?).await?;
    Ok(Answer::one(StatusCode::OK, resource(&found)?))
}

/// The account as it now is.
async fn answered(
    (context, version): (&Context, Version),
    status: StatusCode,
    account: AccountId,
) -> Result<Answer, ApiError> {
    Ok(Answer::one(status, shown(context, version, account).await?))
}

/// An account as a client of a version is shown it.
pub(super) async fn shown(
    context: &Context,
    version: Version,
    account: AccountId,
) -> Result<Resource, ApiError> {
    let mut connection = context.store.connection().await.map_err(ActionError::from)?;
    let account = accounts::open(context, &mut connection, account).await?;
    account_view::resource(context, version, &account)
}
