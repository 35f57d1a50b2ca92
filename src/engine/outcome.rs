//! What a changed answer changes: content, hits, tags, status, hold; with an event for each.

mod decided;
mod marks;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use self::decided::Decided;
use super::{
    Engine, EngineError, digests,
    record::content,
    run::{End, Finished},
};
use crate::{
    actions::{ActionError, flags},
    domain::{
        answer::Finding,
        hit::{Became, Change, Found, HitState, Known, Terms, compare},
        id::{AccountId, HitId, MonitorId},
        monitor::MonitorState,
        report::ReportEvent,
    },
    store::{
        accounts, data_keys,
        decisions::{self, Basis, Decision, Ended, Renamed},
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
    let mut compared = Vec::with_capacity(changed.len());
    for (finished, run) in changed {
        let before = known.get(&finished.monitor()).map(Vec::as_slice).unwrap_or_default();
        compared.push(Compared::of(engine, finished, run, before, &decided, now));
    }
    let former = load_former(conn, &keys, &compared).await?;

    let mut written = Written::default();
    let mut matched: BTreeMap<i32, Vec<AccountId>> = BTreeMap::new();
    let (mut quiet, mut held) = (Vec::new(), Vec::new());
    let mut contents = Vec::with_capacity(changed.len());
    for one in &compared {
        let finished = one.finished;
        let key = keys.get(&finished.monitor().0).expect("`get_or_insert` makes what is missing");
        let sealed = key.seal(Purpose::RunContent, &content(finished)).map_err(ActionError::from)?;
        contents.push((one.run, sealed));
        let (news, stands) = written.add(engine, one, key, &former, &decided)?;
        if news {
            matched.entry(finished.schedule.id).or_default().push(finished.account);
            if finished.schedule.holds() {
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
    // Before the hits of the same entities are written under the ids that these have now.
    hits::save_gone(conn, &written.gone, now).await?;
    hits::save_entities(conn, &written.renamed).await?;
    decisions::save_entities(conn, &written.followed).await?;
    hits::save_all(conn, &written.found, now).await?;
    decisions::save_bases(conn, &written.bases).await?;
    decisions::save_ended(conn, &written.ended, now).await?;
    hits::save_back(conn, &written.back, now).await?;
    events::insert_all(conn, &written.events, now).await?;
    flags::set(context, conn, &matched, now).await?;
    flags::take_back(context, conn, &quiet, now).await?;
    if !held.is_empty() {
        monitors::save_stopped(conn, &held, MonitorState::Held, "match", now).await?;
    }
    Ok(written.effects)
}

/// An answer beside what was known.
struct Compared<'a> {
    finished: &'a Finished,
    run: &'a NewRun,
    known: &'a [Known<HitId>],
    terms: Terms,
    found: Vec<(&'a Finding, Found<'a>)>,
    became: Vec<Became<HitId>>,
    gone: Vec<HitId>,
}

impl<'a> Compared<'a> {
    fn of(
        engine: &Engine,
        finished: &'a Finished,
        run: &'a NewRun,
        known: &'a [Known<HitId>],
        decided: &Decided,
        now: DateTime<Utc>,
    ) -> Self {
        let mut compared = Self {
            finished,
            run,
            known,
            terms: Terms::default(),
            found: Vec::new(),
            became: Vec::new(),
            gone: Vec::new(),
        };
        let End::Answered { answer, facts, subject, .. } = &finished.end else { return compared };
        compared.terms = Terms { subject: *subject, expired_before: finished.schedule.expired_before(now) };
        let present: BTreeSet<&str> = answer.findings.iter().map(|finding| finding.entity.as_str()).collect();
        for (finding, facts) in answer.findings.iter().zip(facts) {
            // An entity that is there still is no former self of another.
            let former = finding.former_ids.iter().filter(|id| !present.contains(id.as_str()));
            let former = former.map(|id| (id.as_str(), digests::of_facts(engine, finding, id))).collect();
            compared.found.push((finding, Found { entity: &finding.entity, facts: *facts, former }));
        }
        let found: Vec<Found<'_>> = compared.found.iter().map(|(_, found)| found.clone()).collect();
        let state = |found: &Found<'_>| {
            decided.on(finished.account, found, compared.terms).map(|decision| decision.state)
        };
        (compared.became, compared.gone) = compare(known, &found, compared.terms, state);
        compared
    }
}

/// What was found of the entities whose facts are others now.
async fn load_former(
    conn: &mut PgConnection,
    keys: &HashMap<Uuid, DataKey>,
    compared: &[Compared<'_>],
) -> Result<HashMap<HitId, Finding>, EngineError> {
    let changed = compared.iter().flat_map(|one| &one.became).filter(|became| became.ends.facts);
    let changed: Vec<HitId> = changed.filter_map(|became| became.hit).collect();
    let mut former = HashMap::new();
    for (hit, monitor, sealed) in hits::list_contents(conn, &changed).await? {
        if let Some(key) = keys.get(&monitor.0) {
            former.insert(hit, key.open(Purpose::HitContent, &sealed).map_err(ActionError::from)?);
        }
    }
    Ok(former)
}

#[derive(Default)]
struct Written<'a> {
    found: Vec<SavedHit>,
    gone: Vec<HitId>,
    back: Vec<HitId>,
    /// Hits whose entities have other ids now.
    renamed: Vec<(HitId, &'a str)>,
    /// Decisions on such entities.
    followed: Vec<Renamed<'a>>,
    /// Entities whose decisions did not know all that they rest on.
    bases: Vec<(AccountId, &'a str, Basis)>,
    ended: Vec<Ended<'a>>,
    events: Vec<Event>,
    effects: Effects,
}

impl<'a> Written<'a> {
    /// Writes what one answer changes. Returns whether it holds anything new, and whether it found again what was gone and
    /// a person had confirmed.
    fn add(
        &mut self,
        engine: &Engine,
        compared: &Compared<'a>,
        key: &DataKey,
        former: &HashMap<HitId, Finding>,
        decided: &Decided,
    ) -> Result<(bool, bool), EngineError> {
        let (finished, account) = (compared.finished, compared.finished.account);
        let (mut news, mut stands) = (Vec::new(), false);
        for ((finding, found), became) in compared.found.iter().zip(&compared.became) {
            self.follow(account, finding, found, became, decided);
            let new_id = || HitId(engine.context.new_uuid(finished.monitor().shard()));
            let id = became.hit.unwrap_or_else(new_id);
            let standing = compared.known.iter().find(|hit| hit.id == id).map(Known::standing);
            let word = match became.change {
                Change::Unchanged => None,
                Change::BackDecided => {
                    let is_confirmed = |one: &Decision| one.state == HitState::Confirmed;
                    stands |= decided.on(account, found, compared.terms).is_some_and(is_confirmed);
                    self.back.push(id);
                    self.tell(engine, finished, id, "back", "report.hit-back", &finding.entity);
                    None
                }
                Change::Decided(_) => Some("decided"),
                Change::New | Change::Back => Some("opened"),
                Change::Changed => Some("changed"),
            };
            if word.is_none() && !became.is_touched {
                continue;
            }
            let holds = || decided.on(account, found, compared.terms);
            let decision = if matches!(became.change, Change::Decided(_)) { holds() } else { None };
            // Also of one that stands: else it would hold for whomever the account becomes.
            let stands_on = if became.was_decided && word.is_none() { holds() } else { decision };
            if stands_on.is_some_and(|one| one.facts.is_none() || one.subject.is_none()) {
                let basis = Basis { facts: found.facts, subject: compared.terms.subject };
                self.bases.push((account, &finding.entity, basis));
            }
            let state = match (word, decision) {
                (_, Some(decision)) => decision.state,
                (None, None) => standing.unwrap_or(HitState::Open),
                (Some(_), None) => HitState::Open,
            };
            let changes = word.map(|_| marks::of(became, former.get(&id), finding));
            if let (Some(word), None) = (word, decision) {
                let said = changes.clone().unwrap_or_default();
                if became.was_decided {
                    let known = compared.known.iter().find(|hit| hit.id == id);
                    // As the decision would rest on it if it had followed its entity already.
                    let facts = if became.renamed_from.is_some() { None } else { known.map(|hit| hit.facts) };
                    let facts = facts.filter(|_| !became.ends.expired);
                    let entity = finding.entity.as_str();
                    self.ended.push(Ended {
                        account,
                        entity,
                        facts,
                        made_before: None,
                        changes: said.clone(),
                    });
                }
                let mut one = json!({ "hit": id, "entity": finding.entity, "change": word });
                if let (Some(one), false) = (one.as_object_mut(), said.is_empty()) {
                    one.insert("changed".to_owned(), json!(said));
                }
                news.push(one);
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
                state,
                decided: decision.map(|decision| (decision.decided_at, decision.decided_by.clone())),
                score,
                facts_digest: found.facts,
                subject_digest: compared.terms.subject,
                changes: if decision.is_some() { Some(Vec::new()) } else { changes },
                sealed_content: key.seal(Purpose::HitContent, finding).map_err(ActionError::from)?,
            });
            if let Some(word) = word {
                self.count(finished, word);
            }
        }
        for id in &compared.gone {
            let known = compared.known.iter().find(|hit| hit.id == *id);
            let entity = known.map_or("", |hit| hit.entity.as_str());
            self.tell(engine, finished, *id, "gone", "report.hit-gone", entity);
            self.gone.push(*id);
        }
        let is_news = !news.is_empty();
        if is_news {
            self.tell_match(engine, finished, &news);
        }
        Ok((is_news, stands))
    }

    /// Hits and decisions follow an entity that has another id now.
    fn follow(
        &mut self,
        account: AccountId,
        finding: &'a Finding,
        found: &Found<'_>,
        became: &Became<HitId>,
        decided: &Decided,
    ) {
        if let (Some(hit), Some(_)) = (became.hit, &became.renamed_from) {
            self.renamed.push((hit, &finding.entity));
        }
        if let Some((decision, facts)) = decided.of(account, found)
            && decision.entity != finding.entity
        {
            self.followed.push(Renamed {
                account,
                from: decision.entity.clone(),
                to: &finding.entity,
                facts: (facts, found.facts),
            });
        }
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
