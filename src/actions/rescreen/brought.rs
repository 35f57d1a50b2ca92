//! What a rescreen brought, and how fast: the runs that a change of a list began against its new version, and the hits
//! that came, changed or went in them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::{RescreenRow, Wanted, list_wanted};
use crate::{
    actions::{
        ActionError, Context,
        hits::{self, HitView},
    },
    domain::id::{HitId, RescreenId},
    screening::own,
    store::{
        hit_work,
        rescreens::shown::{self, Told},
        summary,
    },
};

/// More runs than this are not counted.
const MOST_RUNS: i64 = 1_000_000;

/// A rescreen, and what it brought.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Brought {
    /// The rescreen.
    #[serde(flatten)]
    pub rescreen: RescreenRow,
    /// When the version came into force; none of a list of one's own, and where no list changed.
    pub taken_at: Option<DateTime<Utc>>,
    /// How many runs were recorded that the change began and that rested on this very version, counted up to a million. Of
    /// old months those that are kept whole.
    pub runs: i64,
    /// When the first of them was recorded.
    pub first_recorded_at: Option<DateTime<Utc>>,
    /// When the last of them was recorded; so far, while any wait.
    pub last_recorded_at: Option<DateTime<Utc>>,
    /// How many seconds that was after the version came into force, or the rescreen was begun.
    pub seconds: Option<i64>,
    /// The hits on the list that came, changed or went in these runs, the oldest change first.
    pub hits: Vec<BroughtHit>,
    /// Whether there are more runs with changed answers than were looked at.
    pub is_cut: bool,
}

/// A hit, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BroughtHit {
    /// `opened`, `changed`, `gone` or `back`.
    pub became: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The hit, as it stands now.
    pub hit: HitView,
}

/// The rescreen of an id, with what it brought.
pub async fn brought(context: &Context, id: RescreenId, most: usize) -> Result<Brought, ActionError> {
    let wanted = Wanted { id: Some(id), ..Wanted::default() };
    let rescreen = list_wanted(context, &wanted, 1).await?.rescreens.pop();
    brought_by(context, rescreen.ok_or(ActionError::NotFound("rescreen of that id"))?, most).await
}

/// A rescreen, with what it brought in the oldest `most` of its runs whose answers changed. What somebody asked for is told
/// without: its runs are no others than routine ones.
pub async fn brought_by(
    context: &Context,
    rescreen: RescreenRow,
    most: usize,
) -> Result<Brought, ActionError> {
    let mut brought = Brought {
        taken_at: None,
        runs: 0,
        first_recorded_at: None,
        last_recorded_at: None,
        seconds: None,
        hits: Vec::new(),
        is_cut: false,
        rescreen,
    };
    let rescreen = &brought.rescreen;
    let (Some(used_as), Some(number), Some(version)) =
        (rescreen.list.clone(), rescreen.number, rescreen.version.clone())
    else {
        return Ok(brought);
    };
    let begun_at = rescreen.created_at;
    let list = used_as.strip_prefix(own::PREFIX).unwrap_or(&used_as);
    let mut transaction = context.store.transaction().await?;
    summary::allow_long_counts(&mut transaction).await?;
    let taken_at = shown::version_taken_at(&mut transaction, &used_as, number).await?;
    let until = shown::next_taken_at(&mut transaction, &used_as, number, &version).await?;
    let bases = shown::list_bases(&mut transaction, list, &version).await?;
    let period = (begun_at, until);
    let recorded = shown::count_recorded(&mut transaction, &bases, period, MOST_RUNS).await?;
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut changed = shown::list_changed(&mut transaction, &bases, period, limit.saturating_add(1)).await?;
    brought.is_cut = changed.len() > most;
    changed.truncate(most);
    let runs: HashSet<String> = changed.iter().map(|run| run.id.to_string()).collect();
    let mut places: Vec<_> = changed.iter().map(|run| (run.account, run.recorded_at)).collect();
    places.sort_unstable();
    places.dedup();
    let told = shown::list_told(&mut transaction, &places).await?;
    let mut known: HashSet<HitId> = HashSet::new();
    let changes = told.iter().filter(|told| is_of(told, &runs)).flat_map(changes);
    let changes: Vec<Became> = changes.filter(|became| known.insert(became.hit)).collect();
    let ids: Vec<HitId> = changes.iter().map(|became| became.hit).collect();
    let rows = hit_work::get_all(&mut transaction, &ids).await?;
    drop(transaction);
    let opened = hits::open_all(context, rows)?.into_iter();
    brought.hits = opened
        // Others that the same runs found are other lists'.
        .filter(|hit| hit.list.to_lowercase() == list.to_lowercase())
        .filter_map(|hit| {
            let became = changes.iter().find(|became| became.hit == hit.id)?;
            Some(BroughtHit { became: became.word.clone(), at: became.at, hit })
        })
        .collect();
    brought.taken_at = taken_at;
    brought.runs = recorded.runs;
    brought.first_recorded_at = recorded.first_at;
    brought.last_recorded_at = recorded.last_at;
    brought.seconds = recorded.last_at.map(|last| (last - taken_at.unwrap_or(begun_at)).num_seconds());
    Ok(brought)
}

/// What became of a hit.
struct Became {
    hit: HitId,
    at: DateTime<Utc>,
    word: String,
}

fn is_of(told: &Told, runs: &HashSet<String>) -> bool {
    told.detail.get("run").and_then(Value::as_str).is_some_and(|run| runs.contains(run))
}

/// The hits that something that was told names.
fn changes(told: &Told) -> Vec<Became> {
    let hit = |value: &Value| value.get("hit").and_then(Value::as_str)?.parse::<HitId>().ok();
    let one = |hit: HitId, word: &str| Became { hit, at: told.at, word: word.to_owned() };
    if let Some(word) = told.kind.strip_prefix("report.hit-") {
        return hit(&told.detail).map(|hit| one(hit, word)).into_iter().collect();
    }
    let named = told.detail.get("hits").and_then(Value::as_array).into_iter().flatten();
    named
        .filter_map(|named| {
            let word = named.get("change").and_then(Value::as_str)?;
            Some(one(hit(named)?, word))
        })
        .collect()
}
