//! Why accounts are screened once more, how far that is, and what it brought.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{
    answer::{Answer, Resource},
    call::Call,
    errors::ApiError,
    events::time,
    hits,
    operation::Operation,
    paging,
};
use crate::{
    actions::rescreen::{self, Brought, BroughtHit, RescreenRow, Wanted},
    domain::id::RescreenId,
};

/// The most runs with changed answers that one answer tells the hits of.
const MOST: usize = 1000;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/rescreens", "account.read", "Lists why accounts were screened once more, the newest first")
            .about(
                "Changes of lists, and what somebody asked for: what differs, whom that concerns, and how many of the \
                 monitors that were made due have still to run. `meta` counts those that wait of all rescreens.",
            )
            .query("filter[list]", "the list that changed")
            .query("filter[created-at-start]", "begun from this time on (RFC 3339)")
            .query("filter[created-at-end]", "begun before this time (RFC 3339)")
            .lists::<Attributes>("rescreen")
            .handled_by(list),
        Operation::get("/rescreens/{rescreen-id}", "account.read", "Retrieves a rescreen, with what it brought")
            .about(
                "How fast the runs that a change of a list began were recorded, and the hits that came, changed or went \
                 in those of them that rested on its very version. These are included. The key may also read hits.",
            )
            .answers::<Attributes>(200, "rescreen")
            .handled_by(retrieve),
    ]
}

/// A rescreen.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Attributes {
    /// `list-change`, `list-added` or `asked`.
    reason: String,
    /// The list that changed; `own:NAME` for a list of one's own.
    list: Option<String>,
    /// The number of its version after.
    number: Option<i64>,
    /// Its version before.
    version_before: Option<String>,
    /// Its version after.
    version: Option<String>,
    /// Entities that came.
    added: i32,
    /// Entities that are different.
    changed: i32,
    /// Entities that went.
    removed: i32,
    /// Ids that were merged into others.
    merged: i32,
    /// The schedules whose monitors run.
    schedules: Vec<String>,
    /// Whether all of them do, and not only those of accounts that the difference concerns.
    complete: bool,
    /// How many accounts that share a key with what came were compared with it before anything ran.
    compared: i64,
    /// How many accounts the change concerns.
    accounts: i64,
    /// How many monitors were made due.
    monitors: i64,
    /// How many of them have still to run, at the most.
    waiting: i64,
    /// How many hits it opened again.
    reopened: i64,
    /// Who began it.
    creator_name: String,
    created_at: String,
    /// When every monitor was made due: not when the last of them ran.
    all_due_at: Option<String>,
    /// What it brought; where one rescreen is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    brought: Option<BroughtLine>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct BroughtLine {
    /// When the version came into force; null of a list of one's own, and where no list changed.
    version_taken_at: Option<String>,
    /// How many runs were recorded that the change began and that rested on this very version.
    runs: i64,
    first_recorded_at: Option<String>,
    /// When the last of them was recorded; so far, while any wait.
    last_recorded_at: Option<String>,
    /// How many seconds that was after the version came into force, or the rescreen was begun.
    seconds: Option<i64>,
    /// The hits that came, changed or went in them.
    hits: Vec<HitLine>,
    /// Whether there are more than are told.
    is_cut: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct HitLine {
    /// The hit, which is included.
    hit_id: String,
    /// `opened`, `changed`, `gone` or `back`.
    became: String,
    /// When.
    at: String,
}

fn resource(one: &RescreenRow, brought: Option<BroughtLine>) -> Result<Resource, ApiError> {
    let attributes = Attributes {
        reason: one.reason.clone(),
        list: one.list.clone(),
        number: one.number,
        version_before: one.version_before.clone(),
        version: one.version.clone(),
        added: one.added,
        changed: one.changed,
        removed: one.removed,
        merged: one.merged,
        schedules: one.schedules.clone(),
        complete: one.complete,
        compared: one.compared,
        accounts: one.accounts,
        monitors: one.monitors,
        waiting: one.waiting,
        reopened: one.reopened,
        creator_name: one.actor.clone(),
        created_at: time(one.created_at),
        all_due_at: one.finished_at.map(time),
        brought,
    };
    Resource::new("rescreen", one.id, &attributes)
}

fn brought_line(brought: &Brought) -> BroughtLine {
    let hit = |one: &BroughtHit| HitLine {
        hit_id: one.hit.id.to_string(),
        became: one.became.clone(),
        at: time(one.at),
    };
    BroughtLine {
        version_taken_at: brought.taken_at.map(time),
        runs: brought.runs,
        first_recorded_at: brought.first_recorded_at.map(time),
        last_recorded_at: brought.last_recorded_at.map(time),
        seconds: brought.seconds,
        hits: brought.hits.iter().map(hit).collect(),
        is_cut: brought.is_cut,
    }
}

async fn list(call: Call) -> Result<Answer, ApiError> {
    let page = call.page()?;
    let (after, before) = page.ids::<RescreenId>()?;
    let wanted = Wanted {
        id: None,
        list: call.filter("list")?.map(str::to_owned),
        from: call.filter_of_time("created-at-start")?,
        until: call.filter_of_time("created-at-end")?,
        after,
        before,
    };
    let found = rescreen::list_wanted(&call.context, &wanted, paging::limit(&page)).await?;
    let meta = json!({ "waiting": found.waiting, "waiting-is-cut": found.waiting_is_cut });
    let (shown, more) = paging::cut(found.rescreens, &page);
    let resources = shown.iter().map(|one| resource(one, None)).collect::<Result<_, _>>()?;
    Ok(Answer::page(&call, resources, more)?.meta(meta))
}

async fn retrieve(call: Call) -> Result<Answer, ApiError> {
    call.must_be_allowed("hit.read")?;
    let brought = rescreen::brought(&call.context, call.id("rescreen-id")?, MOST).await?;
    let answer = Answer::one(StatusCode::OK, resource(&brought.rescreen, Some(brought_line(&brought)))?);
    let hits =
        brought.hits.iter().map(|one| hits::resource(&one.hit, None)).collect::<Result<Vec<_>, _>>()?;
    Ok(answer.include(hits))
}
