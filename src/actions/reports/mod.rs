//! Reports that the API makes, and what people do to any report: pause, resume, run now, dismiss, redact.
//!
//! A report is a monitor. Those that schedules keep are read and handled like the others; what a person paused stays
//! so whatever its schedule says.

mod ends;
mod evidence;
mod request;
mod tags;
mod view;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

pub(in crate::actions) use ends::apply_to_open;
pub use ends::{move_to, redact, redact_of_accounts};
pub(in crate::actions) use ends::{redact_again, redact_all};
pub use evidence::{Asked, Evidence, evidence};
pub use request::{About, accounts_of_references, request};
pub use tags::{TagChange, tag};
pub use view::{
    HistoryItem, HistoryKind, Listed, PageOf, ReportView, TemplateView, get, get_all, history, list,
    templates,
};

use super::{
    ActionError, Context,
    decide::{self, Decided, Decision},
};
use crate::{
    domain::{
        hit::HitState,
        id::{AccountId, HitId, MonitorId, ReportActionId, ReportTemplateId},
        monitor::{MonitorState, PausedBy, Trigger, stopped},
        personal::Personal,
        report::{Query, ReportActionKind, ReportEvent},
    },
    store::{
        accounts, data_keys, enrolment, events, hits, monitors, moves, nudges, pauses,
        report_actions::{self, ReportAction},
        reports::{self, ReportRow},
        requested::{self, Requested},
        retention,
        schedules::{self, OfTemplate},
        wakeups::{self, Urgency},
    },
    vault::Purpose,
};

/// What is asked for.
#[derive(Debug)]
pub struct NewReport {
    /// The account that it is about.
    pub account: AccountId,
    /// Of which template.
    pub template: ReportTemplateId,
    /// Whom to ask about instead of the account as it stands: it stays so for ever.
    pub query: Option<Query>,
}

/// Asks for a report; it runs ahead of routine work.
pub async fn create(context: &Context, actor: &str, new: &NewReport) -> Result<MonitorId, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let id = create_in(context, &mut transaction, actor, new).await?;
    nudges::send(&mut transaction).await?;
    transaction.commit().await?;
    Ok(id)
}

/// Asks for a report within the caller's transaction, which may have made the account.
pub async fn create_in(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    new: &NewReport,
) -> Result<MonitorId, ActionError> {
    let now = context.now();
    // Whoever pauses the account or the template meanwhile waits, and then sees the report.
    pauses::lock_shared(conn).await?;
    pauses::lock_shards_shared(conn, &[new.account]).await?;
    let of = find_template(conn, new.template).await?.filter(|of| !of.is_removed);
    let of = of.ok_or(ActionError::NotFound("report template of that id"))?;
    accounts::lock_all(conn, &[new.account]).await?;
    if !moves::list_archived(conn, &[new.account]).await?.is_empty() {
        return Err(ActionError::Archived);
    }
    let id = MonitorId(context.new_uuid(new.account.shard()));
    let sealed_query = match &new.query {
        None => None,
        Some(query) => {
            let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[id.0], now).await?;
            let key = keys.remove(&id.0).expect("`get_or_insert` makes what is missing");
            Some(key.seal(Purpose::ReportQuery, query)?)
        }
    };
    let report = Requested {
        id,
        account: new.account,
        schedule_id: of.id,
        lane: of.lane,
        sealed_query,
        requested_by: actor.to_owned(),
        paused_by: requested::find_blocker(conn, new.account, of.id).await?,
    };
    requested::insert(conn, &report, now).await?;
    retention::insert_joined(conn, &[new.account]).await?;
    if report.paused_by.is_none() {
        wakeups::insert_all(conn, &[id], Trigger::RunNow, Urgency::Urgent, now).await?;
    }
    let detail = json!({ "report": id, "template": of.template.name });
    let mut event =
        context.event(new.account, of.template.report.event(ReportEvent::Submitted), actor, detail);
    event.object = Some(id.0);
    events::insert_all(conn, &[event], now).await?;
    Ok(id)
}

async fn find_template(
    conn: &mut PgConnection,
    id: ReportTemplateId,
) -> Result<Option<OfTemplate>, ActionError> {
    Ok(schedules::list_of_templates(conn).await?.into_iter().find(|of| of.template.id() == id))
}

/// How often it is looked whether a report is ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until a run of a report that was just asked for is recorded, for at most `patience`. Returns whether it is.
pub async fn wait(context: &Context, id: MonitorId, patience: Duration) -> Result<bool, ActionError> {
    let ready = async {
        loop {
            let row = {
                let mut connection = context.store.connection().await?;
                reports::get_all(&mut connection, &[id]).await?.pop()
            };
            if row.is_none_or(|row| row.last.is_some()) {
                return Ok::<_, ActionError>(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(patience, ready).await {
        Ok(ready) => ready.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// What is done to one report: it is found, changed, noted in its history and told of, in one transaction.
struct Change<'a> {
    context: &'a Context,
    actor: &'a str,
    id: MonitorId,
    now: DateTime<Utc>,
}

impl Change<'_> {
    async fn begin(&self) -> Result<(crate::store::Transaction, ReportRow), ActionError> {
        let mut transaction = self.context.store.transaction().await?;
        // Enrolment must not take it up by what it read before.
        pauses::lock(&mut transaction).await?;
        let row = reports::get_all(&mut transaction, &[self.id]).await?.pop();
        let row = row.ok_or(ActionError::NotFound("report of that id"))?;
        if row.redacted_at.is_some() {
            return Err(ActionError::Refused("Report is redacted"));
        }
        if !moves::list_archived(&mut transaction, &[row.account]).await?.is_empty() {
            return Err(ActionError::Archived);
        }
        Ok((transaction, row))
    }

    async fn finish(
        &self,
        mut transaction: crate::store::Transaction,
        account: AccountId,
        kind: &'static str,
        action: Option<ReportActionKind>,
    ) -> Result<(), ActionError> {
        if let Some(kind) = action {
            let action = ReportAction {
                id: ReportActionId(self.context.new_uuid(self.id.shard())),
                monitor: self.id,
                kind,
                actor: self.actor.to_owned(),
                entities: Vec::new(),
                created_at: self.now,
            };
            report_actions::insert_all(&mut transaction, &[action]).await?;
        }
        let mut event = self.context.event(account, kind, self.actor, json!({ "report": self.id }));
        event.object = Some(self.id.0);
        events::insert_all(&mut transaction, &[event], self.now).await?;
        nudges::send(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Pauses a report until somebody resumes it. An answer under way no longer counts. Pausing a paused report succeeds
/// and changes nothing.
pub async fn pause(context: &Context, actor: &str, id: MonitorId) -> Result<(), ActionError> {
    let change = Change { context, actor, id, now: context.now() };
    let (mut transaction, row) = change.begin().await?;
    match row.state {
        MonitorState::Active | MonitorState::Paused => {}
        MonitorState::Held => {
            return Err(ActionError::Refused("Report is stopped by a match until it is decided"));
        }
        MonitorState::Ended => return Err(ActionError::Refused("Report does not run again")),
        MonitorState::Quarantined => return Err(ActionError::Refused("Report is quarantined")),
    }
    if row.state_reason.as_deref() == Some(stopped::BY_PERSON) {
        return Ok(());
    }
    let paused = MonitorState::Paused;
    monitors::save_stopped(&mut transaction, &[id], paused, stopped::BY_PERSON, change.now).await?;
    change.finish(transaction, row.account, "report.paused", Some(ReportActionKind::Pause)).await
}

/// Resumes a report that somebody paused: it keeps its place, and runs at once if that has passed. Where its account
/// or schedule is paused too, it goes on when that is resumed.
pub async fn resume(context: &Context, actor: &str, id: MonitorId) -> Result<(), ActionError> {
    let change = Change { context, actor, id, now: context.now() };
    let (mut transaction, row) = change.begin().await?;
    if row.state_reason.as_deref() != Some(stopped::BY_PERSON) || row.state != MonitorState::Paused {
        return Err(ActionError::Refused("Report is not paused"));
    }
    let blocker = requested::find_blocker(&mut transaction, row.account, row.schedule_id).await?;
    match (blocker, row.by_request) {
        (None, true) => {
            let lane = lane_of(&mut transaction, &row).await?;
            let due = monitors::save_active(&mut transaction, &[id], lane, change.now).await?;
            wakeups::insert_all(&mut transaction, &due, Trigger::Resumed, Urgency::Urgent, change.now)
                .await?;
        }
        (blocker, _) => {
            let by = blocker.unwrap_or(PausedBy::Released).word();
            monitors::save_stopped(&mut transaction, &[id], MonitorState::Paused, by, change.now).await?;
            enrolment::insert_queue(&mut transaction, &[row.account]).await?;
        }
    }
    change.finish(transaction, row.account, "report.resumed", Some(ReportActionKind::Resume)).await
}

async fn lane_of(
    conn: &mut PgConnection,
    row: &ReportRow,
) -> Result<crate::store::providers::Lane, ActionError> {
    let of = schedules::list_of_templates(conn).await?.into_iter().find(|of| of.id == row.schedule_id);
    Ok(of.ok_or(ActionError::Refused("Report template is no longer configured"))?.lane)
}

/// Runs a report now, outside its rhythm; one that was to run once runs again.
pub async fn run(context: &Context, actor: &str, id: MonitorId) -> Result<(), ActionError> {
    let change = Change { context, actor, id, now: context.now() };
    let (mut transaction, row) = change.begin().await?;
    let is_done = row.state_reason.as_deref() == Some(stopped::DONE);
    match row.state {
        MonitorState::Active => {}
        MonitorState::Ended if is_done && row.by_request => {
            if requested::find_blocker(&mut transaction, row.account, row.schedule_id).await?.is_some() {
                return Err(ActionError::Refused("Report, its account or its template is paused"));
            }
            let lane = lane_of(&mut transaction, &row).await?;
            monitors::save_active(&mut transaction, &[id], lane, change.now).await?;
        }
        MonitorState::Ended => return Err(ActionError::Refused("Report does not run again")),
        MonitorState::Held => {
            return Err(ActionError::Refused("Report is stopped by a match until it is decided"));
        }
        MonitorState::Paused => {
            return Err(ActionError::Refused("Report, its account or its template is paused"));
        }
        MonitorState::Quarantined => return Err(ActionError::Refused("Report is quarantined")),
    }
    wakeups::insert_all(&mut transaction, &[id], Trigger::RunNow, Urgency::Urgent, change.now).await?;
    change.finish(transaction, row.account, "report.run-requested", None).await
}

/// Decides on what a report matched: on one entity, or on all its open hits. For all reports of the account.
pub async fn decide(
    context: &Context,
    actor: &str,
    id: MonitorId,
    entity: Option<&str>,
    decision: Decision,
    reason: &Personal<String>,
) -> Result<Vec<(HitId, Decided)>, ActionError> {
    let found = {
        let mut connection = context.store.connection().await?;
        let row = reports::get_all(&mut connection, &[id]).await?.pop();
        if row.ok_or(ActionError::NotFound("report of that id"))?.redacted_at.is_some() {
            return Err(ActionError::Refused("Report is redacted"));
        }
        hits::list_targets_of(&mut connection, id).await?
    };
    let wanted: Vec<HitId> = found
        .into_iter()
        .filter(|hit| match entity {
            Some(entity) => hit.entity == entity && hit.state != HitState::Gone,
            None => hit.state == HitState::Open,
        })
        .map(|hit| hit.id)
        .collect();
    if wanted.is_empty() {
        return Err(match entity {
            Some(_) => ActionError::NotFound("match of that entity"),
            None => ActionError::Refused("Report has no match to decide on"),
        });
    }
    let decided = if entity.is_some() {
        decide::decide_all(context, actor, &wanted, decision, Some(reason)).await?
    } else {
        decide::decide_open(context, actor, &wanted, decision, Some(reason)).await?
    };
    if decided.iter().all(|(_, decided)| *decided == Decided::AlreadyDecided) {
        return Err(ActionError::Refused("Report has no match to decide on"));
    }
    if decided.iter().any(|(_, decided)| *decided == Decided::Archived) {
        return Err(ActionError::Archived);
    }
    Ok(decided)
}
