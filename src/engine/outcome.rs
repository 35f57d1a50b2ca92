//! What a changed answer changes: content, hits, tags, status, hold; with an event for each.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Engine, EngineError,
    record::content,
    run::{End, Finished},
};
use crate::{
    actions::ActionError,
    domain::{
        hit::{Change, HitState, Known, compare},
        id::{AccountId, HitId, MonitorId},
        monitor::MonitorState,
        report::ReportEvent,
        schedule::{MatchMode, Schedule},
    },
    store::{
        account_tags, accounts, data_keys,
        decisions::{self, Decision},
        enrolment,
        events::{self, Event},
        hits::{self, SavedHit},
        monitors,
        runs::{self, NewRun},
    },
    telemetry::metrics::{HitLabels, Metrics},
    vault::{DataKey, Purpose},
};

/// How many hits changed, by schedule and change; counted once committed.
#[derive(Default)]
pub(super) struct Effects(Vec<HitLabels>);

impl Effects {
    pub(super) fn count(self, metrics: &Metrics) {
        for labels in self.0 {
            metrics.hits.get_or_create(&labels).inc();
        }
    }
}

/// What the answers of one schedule did.
#[derive(Default)]
struct Group<'a> {
    schedule: Option<&'a Schedule>,
    matched: Vec<AccountId>,
    cleared: Vec<AccountId>,
    held: Vec<MonitorId>,
}

/// Writes what settled runs with changed answers change.
pub(super) async fn write(
    engine: &Engine,
    conn: &mut PgConnection,
    changed: &[(&Finished, &NewRun)],
    now: DateTime<Utc>,
) -> Result<Effects, EngineError> {
    if changed.is_empty() {
        return Ok(Effects::default());
    }
    let context = &engine.context;
    let mut touched: Vec<AccountId> = changed.iter().map(|(finished, _)| finished.account).collect();
    touched.sort_unstable();
    touched.dedup();
    accounts::lock_all(conn, &touched).await?;

    let monitors: Vec<MonitorId> = changed.iter().map(|(finished, _)| finished.monitor()).collect();
    let objects: Vec<Uuid> = monitors.iter().map(|monitor| monitor.0).collect();
    let keys =
        data_keys::get_or_insert(conn, &context.keyring, &objects, now).await.map_err(ActionError::from)?;
    let mut known: BTreeMap<MonitorId, Vec<Known<HitId>>> = BTreeMap::new();
    for (monitor, hit) in hits::list_known(conn, &monitors).await? {
        known.entry(monitor).or_default().push(hit);
    }

    let decided = Decided::load(conn, changed).await?;

    let mut written = Written::default();
    let mut groups: BTreeMap<i32, Group<'_>> = BTreeMap::new();
    let mut contents = Vec::with_capacity(changed.len());
    for (finished, run) in changed {
        let key = keys.get(&finished.monitor().0).expect("`get_or_insert` makes what is missing");
        let sealed = key.seal(Purpose::RunContent, &content(finished)).map_err(ActionError::from)?;
        contents.push((*run, sealed));
        let before = known.get(&finished.monitor()).map(Vec::as_slice).unwrap_or_default();
        let news = written.add(engine, finished, key, before, &decided)?;
        let group = groups.entry(finished.schedule.id).or_default();
        group.schedule = Some(&finished.schedule.schedule);
        if run.findings == 0 {
            group.cleared.push(finished.account);
        } else if news {
            group.matched.push(finished.account);
            // What runs but once is over as it is.
            if finished.schedule.schedule.on_match_mode == MatchMode::Hold && !finished.schedule.is_once() {
                group.held.push(finished.monitor());
            }
        }
    }
    runs::insert_changed(conn, &contents, now).await?;
    hits::save_all(conn, &written.found, now).await?;
    decisions::save_facts(conn, &written.first_facts).await?;
    hits::save_gone(conn, &written.gone, now).await?;
    hits::save_back(conn, &written.back, now).await?;
    for (id, group) in groups {
        let Some(schedule) = group.schedule else { continue };
        let changed = apply(engine, conn, id, schedule, &group, now).await?;
        written.events.extend(changed);
    }
    events::insert_all(conn, &written.events, now).await?;
    Ok(written.effects)
}

/// What people decided about the entities of some answers, for their accounts.
struct Decided(BTreeMap<(AccountId, String), Decision>);

impl Decided {
    async fn load(conn: &mut PgConnection, changed: &[(&Finished, &NewRun)]) -> Result<Self, EngineError> {
        let mut pairs: Vec<(AccountId, &str)> = Vec::new();
        for (finished, _) in changed {
            if let End::Answered { answer, .. } = &finished.end {
                pairs.extend(
                    answer.findings.iter().map(|finding| (finished.account, finding.entity.as_str())),
                );
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let found = decisions::list(conn, &pairs).await?;
        Ok(Self(found.into_iter().map(|one| ((one.account, one.entity.clone()), one)).collect()))
    }

    /// The decision on an entity with these facts.
    fn on(&self, account: AccountId, entity: &str, facts: &[u8; 16]) -> Option<&Decision> {
        // One from elsewhere rests on the facts that are found first.
        let decision = self.0.get(&(account, entity.to_owned()))?;
        (decision.facts.is_none() || decision.facts.as_ref() == Some(facts)).then_some(decision)
    }
}

#[derive(Default)]
struct Written<'a> {
    found: Vec<SavedHit>,
    gone: Vec<HitId>,
    back: Vec<HitId>,
    /// Entities whose decisions did not know their facts.
    first_facts: Vec<(AccountId, &'a str, [u8; 16])>,
    events: Vec<Event>,
    effects: Effects,
}

impl<'a> Written<'a> {
    /// Compares one answer with the hits there are. Returns whether it holds anything new.
    fn add(
        &mut self,
        engine: &Engine,
        finished: &'a Finished,
        key: &DataKey,
        known: &[Known<HitId>],
        decided: &Decided,
    ) -> Result<bool, EngineError> {
        let End::Answered { answer, facts, .. } = &finished.end else { return Ok(false) };
        let account = finished.account;
        let found: Vec<(&str, [u8; 16])> = answer
            .findings
            .iter()
            .zip(facts)
            .map(|(finding, facts)| (finding.entity.as_str(), *facts))
            .collect();
        let (changes, gone) = compare(known, &found, |entity, facts| {
            decided.on(account, entity, facts).map(|decision| decision.state)
        });
        let mut news = Vec::new();
        for ((finding, facts), change) in answer.findings.iter().zip(facts).zip(changes) {
            let new_id = || HitId(engine.context.new_uuid(finished.monitor().shard()));
            let (id, word) = match change {
                Change::Unchanged(_) => continue,
                Change::BackDecided(id) => {
                    self.back.push(id);
                    self.tell(engine, finished, id, "back", "report.hit-back", &finding.entity);
                    continue;
                }
                Change::Decided(id, _) => (id.unwrap_or_else(new_id), "decided"),
                Change::New => (new_id(), "opened"),
                Change::Back(id) => (id, "opened"),
                Change::Changed(id) => (id, "changed"),
            };
            let decision = match change {
                Change::Decided(..) => decided.on(account, &finding.entity, facts),
                _ => None,
            };
            if decision.is_some_and(|decision| decision.facts.is_none()) {
                self.first_facts.push((account, &finding.entity, *facts));
            }
            #[expect(clippy::cast_possible_truncation, reason = "a score needs no more digits")]
            let score = finding.score as f32;
            self.found.push(SavedHit {
                id,
                account,
                monitor: finished.monitor(),
                schedule_id: finished.schedule.id,
                entity: finding.entity.clone(),
                list: finding.list.clone(),
                state: decision.map_or(HitState::Open, |decision| decision.state),
                decided: decision.map(|decision| (decision.decided_at, decision.decided_by.clone())),
                score,
                facts_digest: *facts,
                sealed_content: key.seal(Purpose::HitContent, finding).map_err(ActionError::from)?,
            });
            self.count(finished, word);
            if decision.is_none() {
                news.push(json!({ "hit": id, "entity": finding.entity, "change": word }));
            }
        }
        for id in gone {
            let entity = known.iter().find(|hit| hit.id == id).map_or("", |hit| hit.entity.as_str());
            self.tell(engine, finished, id, "gone", "report.hit-gone", entity);
            self.gone.push(id);
        }
        let is_news = !news.is_empty();
        if is_news {
            self.tell_match(engine, finished, &news);
        }
        Ok(is_news)
    }

    /// Tells of all that is new in one answer.
    fn tell_match(&mut self, engine: &Engine, finished: &Finished, news: &[serde_json::Value]) {
        let (schedule, template) = (&finished.schedule.schedule.name, &finished.schedule.template);
        let detail = json!({
            "report": finished.monitor(),
            "run": finished.id,
            "schedule": schedule,
            "template": template.name,
            "hits": news,
        });
        let kind = template.report.event(ReportEvent::Matched);
        let mut event = engine.context.event(finished.account, kind, &format!("schedule:{schedule}"), detail);
        event.object = Some(finished.monitor().0);
        self.events.push(event);
    }

    fn tell(
        &mut self,
        engine: &Engine,
        finished: &Finished,
        hit: HitId,
        change: &'static str,
        kind: &'static str,
        entity: &str,
    ) {
        let schedule = &finished.schedule.schedule.name;
        let detail = json!({
            "entity": entity,
            "hit": hit,
            "report": finished.monitor(),
            "run": finished.id,
            "schedule": schedule,
        });
        let mut event = engine.context.event(finished.account, kind, &format!("schedule:{schedule}"), detail);
        event.object = Some(hit.0);
        self.events.push(event);
        self.count(finished, change);
    }

    fn count(&mut self, finished: &Finished, change: &'static str) {
        self.effects.0.push(HitLabels { schedule: finished.schedule.schedule.name.clone(), change });
    }
}

/// Tags, statuses and holds of one schedule. A schedule takes back only what it set itself, changes a
/// status only from those that it names, and never overrides a person.
async fn apply(
    engine: &Engine,
    conn: &mut PgConnection,
    id: i32,
    schedule: &Schedule,
    group: &Group<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<Event>, EngineError> {
    let actor = format!("schedule:{}", schedule.name);
    let mut told = Vec::new();
    let mut tell =
        |account: AccountId, kind, detail| told.push(engine.context.event(account, kind, &actor, detail));

    if !schedule.on_match.tags.is_empty() && !group.matched.is_empty() {
        let pairs: Vec<(AccountId, &str)> = group
            .matched
            .iter()
            .flat_map(|account| schedule.on_match.tags.iter().map(|tag| (*account, tag.as_str())))
            .collect();
        for (account, tag) in account_tags::insert_all(conn, &pairs, Some(id), now).await? {
            tell(account, "account.tag-added", json!({ "tag": tag }));
        }
    }
    if let (Some(status), false) = (&schedule.on_match.status, group.matched.is_empty()) {
        let from = &schedule.on_match.status_from;
        for (account, before) in
            accounts::save_status_where(conn, &group.matched, (from, None), (status, Some(id)), now).await?
        {
            tell(account, "account.status-updated", json!({ "from": before, "to": status }));
        }
    }
    if !group.cleared.is_empty() {
        for (account, tag) in account_tags::remove_of_schedule(conn, &group.cleared, id).await? {
            tell(account, "account.tag-removed", json!({ "tag": tag }));
        }
        if let Some(status) = &schedule.on_clear.status {
            // Another schedule may want the status that this one set, and then owns it.
            let heirs: Vec<i32> = engine
                .plan
                .schedules
                .values()
                .filter(|other| other.id != id && other.schedule.on_match.status == schedule.on_match.status)
                .map(|other| other.id)
                .collect();
            accounts::save_status_heirs(conn, &group.cleared, id, &heirs).await?;
            for (account, before) in
                accounts::save_status_where(conn, &group.cleared, (&[], Some(id)), (status, None), now)
                    .await?
            {
                tell(account, "account.status-updated", json!({ "from": before, "to": status }));
            }
        }
    }
    if !group.held.is_empty() {
        monitors::save_stopped(conn, &group.held, MonitorState::Held, "match", now).await?;
    }
    // Tags and statuses decide which schedules an account is in.
    let mut moved: Vec<AccountId> = told.iter().filter_map(|event| event.account).collect();
    moved.sort_unstable();
    moved.dedup();
    if !moved.is_empty() {
        enrolment::insert_queue(conn, &moved).await?;
    }
    Ok(told)
}
