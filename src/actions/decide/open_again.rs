//! Hits that people had decided on are open again, all of one schedule: what goes with it, as when they were found.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::super::{ActionError, Context, flags};
use crate::{
    domain::{
        id::{AccountId, HitId, MonitorId},
        monitor::MonitorState,
        report::ReportEvent,
        schedule::ReportType,
    },
    store::{
        accounts,
        decisions::{self, Ended},
        due, events, hits, monitors,
    },
};

/// A schedule of which hits are opened again.
#[derive(Clone, Copy, Debug)]
pub struct OfSchedule<'a> {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: &'a str,
    /// The name of its template.
    pub template: &'a str,
    /// What its reports ask.
    pub report: ReportType,
    /// Whether an open hit holds the monitor that found it.
    pub holds: bool,
}

/// Why hits are opened again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Because {
    /// What changed, in a word.
    pub(super) change: &'static str,
    /// Only what was decided before this.
    pub(super) before: DateTime<Utc>,
}

/// Opens those of `decided`, hits with their accounts and monitors, that still stand as they were decided; ends the
/// decisions, tells of the hits as of news, sets what the schedule sets on a match, and holds their monitors where it holds.
/// Within the caller's transaction, which holds no locks but of due rows. Returns how many hits are open again.
pub(super) async fn open_again(
    context: &Context,
    conn: &mut PgConnection,
    of: OfSchedule<'_>,
    because: Because,
    decided: &[(HitId, AccountId, MonitorId)],
) -> Result<usize, ActionError> {
    if decided.is_empty() {
        return Ok(0);
    }
    let now = context.now();
    if of.holds {
        // Due rows before accounts, as everybody locks them.
        let monitors: Vec<MonitorId> = decided.iter().map(|(_, _, monitor)| *monitor).collect();
        due::lock(conn, &monitors).await?;
    }
    let mut about: Vec<AccountId> = decided.iter().map(|(_, account, _)| *account).collect();
    about.sort_unstable_by_key(|account| (account.shard(), *account));
    about.dedup();
    accounts::lock_all(conn, &about).await?;
    // Behind the locks: somebody may have decided anew meanwhile.
    let ids: Vec<HitId> = decided.iter().map(|(hit, _, _)| *hit).collect();
    let opened = hits::save_opened(conn, &ids, because.before, because.change, now).await?;
    end_decisions(conn, because, &opened, now).await?;
    tell(context, conn, of, because, &opened).await?;
    let mut accounts: Vec<AccountId> = opened.iter().map(|hit| hit.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    flags::set(context, conn, &BTreeMap::from([(of.id, accounts)]), now).await?;
    if of.holds {
        let mut held: Vec<MonitorId> = opened.iter().map(|hit| hit.monitor).collect();
        held.sort_unstable();
        held.dedup();
        monitors::save_stopped(conn, &held, MonitorState::Held, "match", now).await?;
    }
    Ok(opened.len())
}

async fn end_decisions(
    conn: &mut PgConnection,
    because: Because,
    opened: &[hits::Target],
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let mut ended: Vec<Ended<'_>> = opened
        .iter()
        .map(|hit| Ended {
            account: hit.account,
            entity: &hit.entity,
            facts: None,
            made_before: Some(because.before),
            changes: vec![because.change.to_owned()],
        })
        .collect();
    ended.sort_by_key(|one| (one.account, one.entity));
    ended.dedup_by_key(|one| (one.account, one.entity));
    decisions::save_ended(conn, &ended, now).await?;
    Ok(())
}

/// One event for each report.
async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    of: OfSchedule<'_>,
    because: Because,
    opened: &[hits::Target],
) -> Result<(), ActionError> {
    let mut by_report: BTreeMap<(MonitorId, AccountId), Vec<serde_json::Value>> = BTreeMap::new();
    for hit in opened {
        let changed = [because.change];
        by_report
            .entry((hit.monitor, hit.account))
            .or_default()
            .push(json!({ "hit": hit.id, "entity": hit.entity, "change": "changed", "changed": changed }));
    }
    let actor = format!("schedule:{}", of.name);
    let mut told = Vec::with_capacity(by_report.len());
    for ((monitor, account), hits) in by_report {
        let detail = json!({ "report": monitor, "schedule": of.name, "template": of.template, "hits": hits });
        let mut event = context.event(account, of.report.event(ReportEvent::Matched), &actor, detail);
        event.object = Some(monitor.0);
        told.push(event);
    }
    events::insert_all(conn, &told, context.now()).await?;
    Ok(())
}
