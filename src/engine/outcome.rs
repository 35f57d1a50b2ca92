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
    actions::{ActionError, flags},
    domain::{
        hit::{Change, HitState, Known, compare},
        id::{AccountId, HitId, MonitorId},
        monitor::MonitorState,
        report::ReportEvent,
        schedule::MatchMode,
    },
    store::{
        accounts, data_keys,
        decisions::{self, Decision},
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
    let mut matched: BTreeMap<i32, Vec<AccountId>> = BTreeMap::new();
    let (mut quiet, mut held) = (Vec::new(), Vec::new());
    let mut contents = Vec::with_capacity(changed.len());
    for (finished, run) in changed {
        let key = keys.get(&finished.monitor().0).expect("`get_or_insert` makes what is missing");
        let sealed = key.seal(Purpose::RunContent, &content(finished)).map_err(ActionError::from)?;
        contents.push((*run, sealed));
        let before = known.get(&finished.monitor()).map(Vec::as_slice).unwrap_or_default();
        let (news, stands) = written.add(engine, finished, key, before, &decided)?;
        if news {
            matched.entry(finished.schedule.id).or_default().push(finished.account);
            // What runs but once is over as it is.
            if finished.schedule.schedule.on_match_mode == MatchMode::Hold && !finished.schedule.is_once() {
                held.push(finished.monitor());
            }
        } else if stands {
            // No news, and no other account than before: what went away with the hit comes back with it.
            matched.entry(finished.schedule.id).or_default().push(finished.account);
        } else {
            // Nothing was found, or nothing that nobody had decided on: there may be nothing left to look at.
            quiet.push(finished.account);
        }
    }
    runs::insert_changed(conn, &contents, now).await?;
    hits::save_all(conn, &written.found, now).await?;
    decisions::save_facts(conn, &written.first_facts).await?;
    hits::save_gone(conn, &written.gone, now).await?;
    hits::save_back(conn, &written.back, now).await?;
    events::insert_all(conn, &written.events, now).await?;
    flags::set(context, conn, &matched, now).await?;
    flags::take_back(context, conn, &quiet, now).await?;
    if !held.is_empty() {
        monitors::save_stopped(conn, &held, MonitorState::Held, "match", now).await?;
    }
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
    /// Compares one answer with the hits there are. Returns whether it holds anything new, and whether it found again
    /// what was gone and a person had confirmed.
    fn add(
        &mut self,
        engine: &Engine,
        finished: &'a Finished,
        key: &DataKey,
        known: &[Known<HitId>],
        decided: &Decided,
    ) -> Result<(bool, bool), EngineError> {
        let End::Answered { answer, facts, .. } = &finished.end else { return Ok((false, false)) };
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
        let (mut news, mut stands) = (Vec::new(), false);
        let is_confirmed = |entity: &str, facts: &[u8; 16]| {
            decided.on(account, entity, facts).is_some_and(|decision| decision.state == HitState::Confirmed)
        };
        for ((finding, facts), change) in answer.findings.iter().zip(facts).zip(changes) {
            let new_id = || HitId(engine.context.new_uuid(finished.monitor().shard()));
            let (id, word) = match change {
                Change::Unchanged(_) => continue,
                Change::BackDecided(id) => {
                    stands |= is_confirmed(&finding.entity, facts);
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
        Ok((is_news, stands))
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
