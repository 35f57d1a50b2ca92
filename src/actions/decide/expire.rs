//! Decisions that hold for so many days: then their hits are open again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::{ActionError, Context, flags};
use crate::{
    domain::{
        hit::EXPIRED,
        id::{AccountId, HitId, MonitorId},
        report::ReportEvent,
        schedule::ReportType,
    },
    store::{
        accounts,
        decisions::{self, Ended},
        events, hits,
    },
};

/// A schedule whose decisions expire.
#[derive(Clone, Copy, Debug)]
pub struct Expiring<'a> {
    /// Its number.
    pub schedule_id: i32,
    /// Its name.
    pub schedule: &'a str,
    /// The name of its template.
    pub template: &'a str,
    /// What its reports ask.
    pub report: ReportType,
    /// What was decided before this has expired.
    pub before: DateTime<Utc>,
}

/// Opens at most `limit` hits of a schedule whose decisions expired, in one transaction, and tells of them as of news.
/// Returns how many. What an archived account had decided stays: nothing of it runs.
pub async fn expire(context: &Context, of: Expiring<'_>, limit: i64) -> Result<usize, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let overdue = hits::list_expired(&mut transaction, of.schedule_id, of.before, limit).await?;
    if overdue.is_empty() {
        return Ok(0);
    }
    let ids: Vec<HitId> = overdue.iter().map(|(hit, _)| *hit).collect();
    let mut about: Vec<AccountId> = overdue.into_iter().map(|(_, account)| account).collect();
    about.sort_unstable_by_key(|account| (account.shard(), *account));
    about.dedup();
    accounts::lock_all(&mut transaction, &about).await?;
    // Behind the locks: somebody may have decided anew meanwhile.
    let opened = hits::save_expired(&mut transaction, &ids, of.before, EXPIRED, now).await?;

    let mut ended: Vec<Ended<'_>> = Vec::with_capacity(opened.len());
    let mut by_report: BTreeMap<(MonitorId, AccountId), Vec<serde_json::Value>> = BTreeMap::new();
    for hit in &opened {
        let changes = vec![EXPIRED.to_owned()];
        ended.push(Ended {
            account: hit.account,
            entity: &hit.entity,
            facts: None,
            made_before: Some(of.before),
            changes,
        });
        by_report
            .entry((hit.monitor, hit.account))
            .or_default()
            .push(json!({ "hit": hit.id, "entity": hit.entity, "change": "changed", "changed": [EXPIRED] }));
    }
    ended.sort_by_key(|one| (one.account, one.entity));
    ended.dedup_by_key(|one| (one.account, one.entity));
    decisions::save_ended(&mut transaction, &ended, now).await?;
    let mut told = Vec::with_capacity(by_report.len());
    for ((monitor, account), hits) in by_report {
        let detail = json!({
            "report": monitor,
            "schedule": of.schedule,
            "template": of.template,
            "hits": hits,
        });
        let actor = format!("schedule:{}", of.schedule);
        let mut event = context.event(account, of.report.event(ReportEvent::Matched), &actor, detail);
        event.object = Some(monitor.0);
        told.push(event);
    }
    events::insert_all(&mut transaction, &told, now).await?;
    let mut accounts: Vec<AccountId> = opened.iter().map(|hit| hit.account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    flags::set(context, &mut transaction, &BTreeMap::from([(of.schedule_id, accounts)]), now).await?;
    transaction.commit().await?;
    Ok(opened.len())
}
