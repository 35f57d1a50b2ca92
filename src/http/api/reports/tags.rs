//! Tags of reports.

use super::{
    super::{
        answer::Answer,
        call::Call,
        errors::ApiError,
        operation::{Meta, Operation},
        tags::{OneTag, SomeTags},
    },
    show,
    shown::Attributes,
};
use crate::actions::reports::{self, TagChange};

pub(super) fn operations() -> Vec<Operation> {
    let tagging =
        |path, summary| Operation::post(path, "report.write", summary).answers::<Attributes>(200, "report/*");
    vec![
        tagging("/reports/{report-id}/add-tag", "Adds a tag to a report")
            .body::<Meta<OneTag>>()
            .handled_by(add),
        tagging("/reports/{report-id}/remove-tag", "Takes a tag off a report")
            .body::<Meta<OneTag>>()
            .handled_by(remove),
        tagging("/reports/{report-id}/set-tags", "Gives a report exactly these tags")
            .body::<Meta<SomeTags>>()
            .handled_by(set),
    ]
}

async fn add(call: Call) -> Result<Answer, ApiError> {
    let tag = call.body::<Meta<OneTag>>()?.meta.name(&call.context).await?;
    change(&call, &TagChange::Add(tag)).await
}

async fn remove(call: Call) -> Result<Answer, ApiError> {
    let tag = call.body::<Meta<OneTag>>()?.meta.name(&call.context).await?;
    change(&call, &TagChange::Remove(tag)).await
}

async fn set(call: Call) -> Result<Answer, ApiError> {
    let tags = call.body::<Meta<SomeTags>>()?.meta.names(&call.context).await?;
    change(&call, &TagChange::Set(tags)).await
}

async fn change(call: &Call, tags: &TagChange) -> Result<Answer, ApiError> {
    let id = call.id("report-id")?;
    reports::tag(&call.context, &call.actor(), id, tags).await?;
    show(call, id).await
}
