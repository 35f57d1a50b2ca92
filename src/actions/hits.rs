//! Hits across accounts, as people work them off: list, look at, assign, comment. Deciding is
//! [`decide`](super::decide).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::{ActionError, Context};
use crate::{
    domain::{
        answer::Finding,
        id::{AccountId, CommentId, HitId, MonitorId},
        personal::Personal,
    },
    store::{
        data_keys, events, hit_comments,
        hit_work::{self, HitRow},
        hits, moves, schedules,
    },
    vault::{DataKey, Purpose},
};

pub use crate::store::hit_work::{Filter, Page, Sort};

/// The most comments that are shown of one hit.
const MOST_COMMENTS: i64 = 1000;

/// A hit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HitView {
    /// Its id.
    pub id: HitId,
    /// The account.
    pub account_id: AccountId,
    /// The customer's own id of the account.
    pub reference_id: Option<String>,
    /// The name of the account's type.
    pub account_type: String,
    /// The report whose run found it.
    pub report: MonitorId,
    /// The report's schedule.
    pub schedule: String,
    /// The entity.
    pub entity: String,
    /// The list.
    pub list: String,
    /// Where it stands.
    pub state: &'static str,
    /// 0 to 1.
    pub score: f32,
    /// The entity's name, facts and the reasons; none when the report was redacted.
    pub finding: Option<Finding>,
    /// When a run first found it.
    pub first_seen_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// Who is to look at it.
    pub assignee: Option<String>,
    /// Since when.
    pub assigned_at: Option<DateTime<Utc>>,
    /// When somebody decided on it.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who.
    pub decided_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What changed since somebody looked at it: keys of the entity's facts, `list`, `name`, `merged`, `account-data`,
    /// `expired`, `threshold`. An open hit with somebody who decided on it is open again because of these.
    pub changes: Vec<String>,
}

/// A comment on a hit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommentView {
    /// Its id.
    pub id: CommentId,
    /// Who wrote it.
    pub actor: String,
    /// What; none when the report was redacted.
    pub text: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Hits that a filter lets through, page by page. A schedule is given by its name beside the filter.
pub async fn list(
    context: &Context,
    filter: &Filter,
    schedule: Option<&str>,
    page: Page,
) -> Result<Vec<HitView>, ActionError> {
    let mut connection = context.store.connection().await?;
    let filter = with_schedule(&mut connection, filter, schedule).await?;
    let ids = hit_work::list(&mut connection, &filter, page).await?;
    open_all(context, hit_work::get_all(&mut connection, &ids).await?)
}

/// The ids of hits that a filter lets through, the newest first.
pub async fn list_ids(
    context: &Context,
    filter: &Filter,
    schedule: Option<&str>,
    limit: usize,
) -> Result<Vec<HitId>, ActionError> {
    let mut connection = context.store.connection().await?;
    let filter = with_schedule(&mut connection, filter, schedule).await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let page = Page { sort: Sort::Newest, after: None, before: None, limit };
    Ok(hit_work::list(&mut connection, &filter, page).await?)
}

async fn with_schedule(
    conn: &mut sqlx::PgConnection,
    filter: &Filter,
    schedule: Option<&str>,
) -> Result<Filter, ActionError> {
    let mut filter = filter.clone();
    if let Some(name) = schedule {
        let all = schedules::list(conn).await?;
        let found = all.iter().find(|one| one.name == name).map(|one| one.id);
        if found.is_none() {
            let known = schedules::list_names(conn).await?;
            return Err(ActionError::UnknownName { what: "schedule", name: name.to_owned(), known });
        }
        filter.schedule_id = found;
    }
    Ok(filter)
}

/// One hit, with what people noted on it.
pub async fn get(context: &Context, id: HitId) -> Result<(HitView, Vec<CommentView>), ActionError> {
    let mut connection = context.store.connection().await?;
    let row = hit_work::get_all(&mut connection, &[id]).await?.pop();
    let row = row.ok_or(ActionError::NotFound("hit of that id"))?;
    let key = match &row.key {
        Some(stored) => Some(context.keyring.unwrap(row.monitor.0, stored)?),
        None => None,
    };
    let mut comments = Vec::new();
    for comment in hit_comments::list(&mut connection, &[id], MOST_COMMENTS).await? {
        let text = match (&key, &comment.sealed_text) {
            (Some(key), Some(sealed)) => Some(key.open(Purpose::HitComment, sealed)?),
            _ => None,
        };
        comments.push(CommentView {
            id: comment.id,
            actor: comment.actor,
            text,
            created_at: comment.created_at,
        });
    }
    let hit = open_all(context, vec![row])?.pop().ok_or(ActionError::NotFound("hit of that id"))?;
    Ok((hit, comments))
}

/// Opens what is sealed of hits.
pub(super) fn open_all(context: &Context, rows: Vec<HitRow>) -> Result<Vec<HitView>, ActionError> {
    let mut keys: HashMap<_, DataKey> = HashMap::new();
    rows.into_iter()
        .map(|row| {
            if let (Some(stored), false) = (&row.key, keys.contains_key(&row.monitor)) {
                keys.insert(row.monitor, context.keyring.unwrap(row.monitor.0, stored)?);
            }
            let key = keys.get(&row.monitor);
            let finding = match (key, &row.sealed_content) {
                (Some(key), Some(sealed)) => Some(key.open(Purpose::HitContent, sealed)?),
                _ => None,
            };
            let reason = match (key, &row.sealed_reason, &row.account_reason) {
                (Some(key), Some(sealed), _) => Some(key.open(Purpose::HitReason, sealed)?),
                // Decided before this report found it; a redacted report shows no more of it.
                (_, None, Some((sealed, stored))) if row.decided_at.is_some() && finding.is_some() => Some(
                    context.keyring.unwrap(row.account.0, stored)?.open(Purpose::DecisionReason, sealed)?,
                ),
                _ => None,
            };
            Ok(HitView {
                id: row.id,
                account_id: row.account,
                reference_id: row.reference_id,
                account_type: row.account_type,
                report: row.monitor,
                schedule: row.schedule,
                entity: row.entity,
                list: row.list,
                state: row.state.word(),
                score: row.score,
                finding,
                first_seen_at: row.first_seen_at,
                changed_at: row.changed_at,
                assignee: row.assignee,
                assigned_at: row.assigned_at,
                decided_at: row.decided_at,
                decided_by: row.decided_by,
                reason,
                changes: row.changes,
            })
        })
        .collect()
}

/// Has somebody look at a hit, or nobody.
pub async fn assign(
    context: &Context,
    actor: &str,
    id: HitId,
    assignee: Option<&str>,
) -> Result<(), ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let of = hits::save_assignee(&mut transaction, id, assignee, now).await?;
    let (monitor, account) = of.ok_or(ActionError::NotFound("hit of that id"))?;
    refuse_archived(&mut transaction, account).await?;
    let detail = json!({ "hit": id, "report": monitor, "assignee": assignee });
    let mut event = context.event(account, "hit.assigned", actor, detail);
    event.object = Some(id.0);
    events::insert_all(&mut transaction, &[event], now).await?;
    transaction.commit().await?;
    Ok(())
}

/// Notes something on a hit.
pub async fn comment(
    context: &Context,
    actor: &str,
    id: HitId,
    text: &Personal<String>,
) -> Result<CommentId, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let row = hit_work::get_all(&mut transaction, &[id]).await?.pop();
    let row = row.ok_or(ActionError::NotFound("hit of that id"))?;
    refuse_archived(&mut transaction, row.account).await?;
    // A redacted report gets no other key. Its row is held, so that nobody redacts it meanwhile.
    let key = data_keys::lock(&mut transaction, &context.keyring, row.monitor.0).await?;
    let key = key.ok_or(ActionError::Refused("Report is redacted"))?;
    let comment = hit_comments::Comment {
        id: CommentId(context.new_uuid(id.shard())),
        hit: id,
        actor: actor.to_owned(),
        sealed_text: Some(key.seal(Purpose::HitComment, text)?),
        created_at: now,
    };
    hit_comments::insert(&mut transaction, &comment).await?;
    let detail = json!({ "hit": id, "report": row.monitor, "comment": comment.id });
    let mut event = context.event(row.account, "hit.commented", actor, detail);
    event.object = Some(id.0);
    events::insert_all(&mut transaction, &[event], now).await?;
    transaction.commit().await?;
    Ok(comment.id)
}

async fn refuse_archived(conn: &mut sqlx::PgConnection, account: AccountId) -> Result<(), ActionError> {
    if moves::list_archived(conn, &[account]).await?.is_empty() { Ok(()) } else { Err(ActionError::Archived) }
}
