//! Hits as they stood in a period: what became of them after it is told apart.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    actions::{ActionError, hits::HitView},
    domain::{
        hit::HitState,
        id::{AccountId, HitId},
    },
    store::events::{self, Happened, Wanted},
};

/// How many events are read at once, and how many pages of them at the most.
const PAGE: i64 = 1000;
const MOST_PAGES: usize = 100;

/// A hit as it stood when the period was over: state, decision and changes. Score and finding are the last ones.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HitEvidence {
    /// The hit.
    #[serde(flatten)]
    pub hit: HitView,
    /// What became of it after the period; none where nothing did.
    pub later: Option<Later>,
}

/// What became of a hit after a period.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Later {
    /// Where it stands now.
    pub state: &'static str,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether events tell how it stood in the period. Else it is shown as it stands now.
    pub is_told: bool,
}

/// How a hit stood.
struct Stood {
    state: HitState,
    decided: Option<(DateTime<Utc>, String)>,
    changes: Vec<String>,
}

/// Those of the hits of an account that were first seen before a period was over, as they stood then.
pub(super) async fn as_they_stood(
    conn: &mut PgConnection,
    account: AccountId,
    hits: Vec<HitView>,
    until: DateTime<Utc>,
) -> Result<Vec<HitEvidence>, ActionError> {
    let seen = hits.into_iter().filter(|hit| hit.first_seen_at < until);
    let mut seen: Vec<HitEvidence> = seen.map(|hit| HitEvidence { later: later(&hit, until), hit }).collect();
    let changed: HashMap<HitId, String> = seen
        .iter()
        .filter(|one| one.later.is_some())
        .map(|one| (one.hit.id, one.hit.entity.clone()))
        .collect();
    if changed.is_empty() {
        return Ok(seen);
    }
    let from = seen.iter().filter(|one| one.later.is_some()).map(|one| one.hit.first_seen_at).min();
    let mut replay = Replay { sought: changed, back: HashSet::new(), stood: HashMap::new() };
    let wanted = Wanted { objects: vec![account.0], from, until: Some(until), ..Wanted::default() };
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let page = events::list(conn, &Wanted { after, ..wanted.clone() }, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for event in &page {
            replay.read(event);
        }
        if replay.sought.is_empty() {
            break;
        }
    }
    for one in &mut seen {
        if let (Some(later), Some(stood)) = (&mut one.later, replay.stood.remove(&one.hit.id)) {
            later.is_told = true;
            put_back(&mut one.hit, stood, until);
        }
    }
    Ok(seen)
}

/// What became of a hit from a time on; nobody has looked yet how it stood before.
fn later(hit: &HitView, until: DateTime<Utc>) -> Option<Later> {
    // A decision is no change of the hit.
    let since = hit.decided_at.map_or(hit.changed_at, |decided_at| decided_at.max(hit.changed_at));
    (since >= until).then_some(Later { state: hit.state, since, is_told: false })
}

fn put_back(hit: &mut HitView, stood: Stood, until: DateTime<Utc>) {
    hit.state = stood.state.word();
    hit.changes = stood.changes;
    if hit.decided_at.is_none_or(|decided_at| decided_at >= until) {
        (hit.decided_at, hit.decided_by) = stood.decided.unzip();
        // The last one's is kept, and that is another.
        hit.reason = None;
    }
    if hit.assigned_at.is_some_and(|assigned_at| assigned_at >= until) {
        (hit.assigned_at, hit.assignee) = (None, None);
    }
}

/// Events, the newest first, until each hit's last one is found.
struct Replay {
    /// Hits of which nothing is known yet, with their entities.
    sought: HashMap<HitId, String>,
    /// Those that came back as they were decided before they went.
    back: HashSet<HitId>,
    stood: HashMap<HitId, Stood>,
}

impl Replay {
    fn read(&mut self, event: &Happened) {
        match event.kind.as_str() {
            "report.hit-gone" => {
                if let Some(hit) = hit_of(&event.detail).filter(|hit| !self.back.contains(hit)) {
                    self.found(hit, HitState::Gone, None, Vec::new());
                }
            }
            "report.hit-back" => self.back.extend(hit_of(&event.detail)),
            // It names no hits: what it closed is not told.
            "account.decisions-imported" => {
                let entities = texts(event.detail.get("entities"));
                self.sought.retain(|_, entity| !entities.contains(entity));
            }
            kind if kind.starts_with("report/") => {
                let decided = HitState::from_word(kind.rsplit('.').next().unwrap_or_default());
                let by = (event.occurred_at, event.actor.clone());
                for named in event.detail.get("hits").and_then(Value::as_array).into_iter().flatten() {
                    let Some(hit) = hit_of(named) else { continue };
                    match decided {
                        Some(state) => self.found(hit, state, Some(by.clone()), Vec::new()),
                        None => self.found(hit, HitState::Open, None, texts(named.get("changed"))),
                    }
                }
            }
            _ => {}
        }
    }

    fn found(
        &mut self,
        hit: HitId,
        state: HitState,
        decided: Option<(DateTime<Utc>, String)>,
        changes: Vec<String>,
    ) {
        if self.sought.remove(&hit).is_some() {
            self.stood.insert(hit, Stood { state, decided, changes });
        }
    }
}

fn hit_of(detail: &Value) -> Option<HitId> {
    detail.get("hit").and_then(Value::as_str)?.parse().ok()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let texts = value.and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}
