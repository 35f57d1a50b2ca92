//! Rescreens: why accounts are screened once more, which, and how far that is.

mod found;
pub mod shown;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::id::{AccountId, MonitorId, RescreenId};
pub use found::{
    Read, clear_accounts, find_accounts, find_accounts_of_entities, list_monitors, list_monitors_after,
    list_questions_after, list_ran, save_missed, save_read, take_accounts,
};

/// Why accounts are screened once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A list changed.
    ListChange,
    /// A list came whose versions nobody knew.
    ListAdded,
    /// Somebody asked for it.
    Asked,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ListChange, Self::ListAdded, Self::Asked];

    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ListChange => "list-change",
            Self::ListAdded => "list-added",
            Self::Asked => "asked",
        }
    }
}

/// How many entities differ between two versions of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that came.
    pub added: usize,
    /// Those that are different.
    pub changed: usize,
    /// Those that went.
    pub removed: usize,
    /// Ids that were merged into others.
    pub merged: usize,
}

/// A list's change, as a rescreen rests on it.
#[derive(Clone, Debug, Default)]
pub struct ListChange {
    /// The list.
    pub list: String,
    /// The number of the version after.
    pub number: i64,
    /// The version before; none when nobody knew any.
    pub before: Option<String>,
    /// The version after.
    pub after: String,
    /// What differs.
    pub counts: Counts,
}

/// A rescreen to begin.
#[derive(Debug)]
pub struct NewRescreen {
    /// Its id.
    pub id: RescreenId,
    /// Why.
    pub reason: Reason,
    /// The change that it rests on.
    pub change: Option<ListChange>,
    /// The schedules whose monitors run.
    pub schedules: Vec<i32>,
    /// Only those of accounts that have one of these tokens; all when none.
    pub tokens: Option<Vec<i64>>,
    /// What came, by ids: an account that has one of the tokens is compared with these before it runs. None when all that
    /// are found run.
    pub gains: Vec<String>,
    /// And those of accounts that have a hit of one of these.
    pub entities: Vec<String>,
    /// The version of the keys that the tokens were made of.
    pub keys_version: i16,
    /// Whether hits that were dismissed under another threshold are opened again.
    pub reopens: bool,
    /// Who.
    pub actor: String,
}

/// Begins a rescreen.
pub async fn insert(
    conn: &mut PgConnection,
    new: &NewRescreen,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let column = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let change = new.change.as_ref();
    let counts = change.map(|change| change.counts).unwrap_or_default();
    sqlx::query!(
        r#"
        insert into rescreens (
            rescreen_id, reason, list, number, version_before, version, added, changed, removed, merged,
            schedule_ids, is_complete, tokens, keys_version, actor, created_at, reopens, entities,
            gains
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        "#,
        new.id.0,
        new.reason.word(),
        change.map(|change| change.list.as_str()),
        change.map(|change| change.number),
        change.and_then(|change| change.before.as_deref()),
        change.map(|change| change.after.as_str()),
        column(counts.added),
        column(counts.changed),
        column(counts.removed),
        column(counts.merged),
        &new.schedules,
        new.tokens.is_none(),
        new.tokens.as_deref().unwrap_or_default(),
        new.keys_version,
        new.actor,
        now,
        new.reopens,
        &new.entities,
        &new.gains,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Joins a change to an open rescreen of the same list and schedules that nobody began to work off. None where there is no
/// such, or somebody is at it.
pub async fn join(conn: &mut PgConnection, new: &NewRescreen) -> Result<Option<RescreenId>, StoreError> {
    let Some(change) = &new.change else { return Ok(None) };
    let column = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let joined = sqlx::query_scalar!(
        r#"
        update rescreens
        set number = $5, version = $6, added = added + $7, removed = removed + $8, tokens = tokens || $9,
            entities = entities || $10
        where rescreen_id = (
            select rescreen_id
            from rescreens
            where finished_at is null
              and list = $1
              and schedule_ids = $2
              and is_complete = $3
              and keys_version = $4
              and place_schedule is null
              and tokens_done = 0
              and entities_done = 0
              and cardinality(tokens) < 2000
            order by created_at, rescreen_id
            limit 1
            for no key update skip locked
        )
        returning rescreen_id
        "#,
        change.list,
        &new.schedules,
        new.tokens.is_none(),
        new.keys_version,
        change.number,
        change.after,
        column(change.counts.added),
        column(change.counts.removed),
        new.tokens.as_deref().unwrap_or_default(),
        &new.entities,
    )
    .fetch_optional(conn)
    .await?;
    Ok(joined.map(RescreenId))
}

/// All tokens of a rescreen, and what came: read once, for a part of an array costs as much as the whole.
pub async fn load_change(
    conn: &mut PgConnection,
    id: RescreenId,
) -> Result<(Vec<i64>, Vec<String>), StoreError> {
    let change = sqlx::query!("select tokens, gains from rescreens where rescreen_id = $1", id.0);
    let change = change.fetch_one(conn).await?;
    Ok((change.tokens, change.gains))
}

/// When the last change of a list began a rescreen, by the database's clock.
pub async fn last_begun_at(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, StoreError> {
    let last = sqlx::query_scalar!("select max(begun_at) from rescreens where list is not null");
    Ok(last.fetch_one(conn).await?)
}

/// Has all accounts screened again, as tokens of one find more than can be found at once.
pub async fn save_complete(conn: &mut PgConnection, id: RescreenId) -> Result<(), StoreError> {
    sqlx::query!("delete from rescreen_accounts where rescreen_id = $1", id.0).execute(&mut *conn).await?;
    sqlx::query!(
        "update rescreens set is_complete = true, tokens = '{}', tokens_done = 0, accounts = 0 where rescreen_id = $1",
        id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Has all accounts screened again by open rescreens of a list, of which no token is to stay.
pub async fn forget_tokens(conn: &mut PgConnection, list: &str) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update rescreens
        set is_complete = true,
            tokens = '{}',
            tokens_done = 0
        where list = $1
          and finished_at is null
          and cardinality(tokens) > 0
        "#,
        list,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the changes of a list after `number` concern.
#[derive(Debug, Default)]
pub struct Concerned {
    /// Accounts that have one of these tokens,
    pub tokens: Vec<i64>,
    /// of which those run that match one of these; all, when none is named.
    pub gains: Vec<String>,
    /// And accounts that have a hit of one of these.
    pub entities: Vec<String>,
}

/// Whom the changes of a list after `number` concern; none when one of them concerned every account.
pub async fn list_concerned_after(
    conn: &mut PgConnection,
    list: &str,
    number: i64,
) -> Result<Option<Concerned>, StoreError> {
    let rows = sqlx::query!(
        r#"
        -- So many that they were not kept stand for all.
        select is_complete or tokens_done > cardinality(tokens) as "is_complete!", tokens, entities, gains
        from rescreens
        where list = $1
          and number > $2
        "#,
        list,
        number,
    )
    .fetch_all(conn)
    .await?;
    if rows.is_empty() || rows.iter().any(|row| row.is_complete) {
        return Ok(None);
    }
    // Nobody noted what came in one of them: nobody can be left out.
    let is_known = rows.iter().all(|row| row.tokens.is_empty() || !row.gains.is_empty());
    let mut concerned = Concerned::default();
    for row in rows {
        concerned.tokens.extend(row.tokens);
        concerned.gains.extend(row.gains.into_iter().filter(|_| is_known));
        concerned.entities.extend(row.entities);
    }
    concerned.tokens.sort_unstable();
    concerned.tokens.dedup();
    for names in [&mut concerned.gains, &mut concerned.entities] {
        names.sort_unstable();
        names.dedup();
    }
    Ok(Some(concerned))
}

/// A rescreen under way.
#[derive(Debug)]
pub struct Open {
    /// Its id.
    pub id: RescreenId,
    /// The schedules whose monitors run.
    pub schedules: Vec<i32>,
    /// Whether all of them do.
    pub is_complete: bool,
    /// How many of its tokens were looked up.
    pub tokens_done: usize,
    /// The entities of whose hits the accounts are not looked up yet, a page of them.
    pub entities: Vec<String>,
    /// The monitor that was woken last, in a complete one.
    pub place: Option<(i32, MonitorId)>,
    /// The list whose change began it, and the number of its version after.
    pub change: Option<(String, i64)>,
    /// The account up to which the keys of all were read.
    pub read_to: Option<AccountId>,
    /// How many accounts were found so far.
    pub accounts: i64,
    /// Whether hits that were dismissed under another threshold are opened again.
    pub reopens: bool,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
}

/// The oldest rescreen that is not finished and that nobody else is at, with at most `limit` entities; locked. A complete
/// one comes after those that somebody waits for; one whose tokens are of other keys than `keys_version` is complete.
pub async fn lock_next(
    conn: &mut PgConnection,
    keys_version: i16,
    limit: i32,
) -> Result<Option<Open>, StoreError> {
    let row = sqlx::query!(
        r#"
        select rescreen_id, schedule_ids, is_complete or keys_version <> $2 as "is_complete!",
               tokens_done, entities[entities_done + 1 : entities_done + $1] as "entities!",
               place_schedule, place_monitor, list, number, read_to, accounts, reopens, created_at
        from rescreens
        where finished_at is null
        order by is_complete, created_at, rescreen_id
        limit 1
        for no key update skip locked
        "#,
        limit,
        keys_version,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Open {
        id: RescreenId(row.rescreen_id),
        schedules: row.schedule_ids,
        is_complete: row.is_complete,
        tokens_done: usize::try_from(row.tokens_done).unwrap_or(0),
        entities: row.entities,
        place: row.place_schedule.zip(row.place_monitor.map(MonitorId)),
        change: row.list.map(|list| (list, row.number.unwrap_or_default())),
        read_to: row.read_to.map(AccountId),
        accounts: row.accounts,
        reopens: row.reopens,
        created_at: row.created_at,
    }))
}

/// Notes how far a rescreen is: so many monitors more were woken, and hits opened again, up to `place`.
pub async fn save_progress(
    conn: &mut PgConnection,
    id: RescreenId,
    (woken, reopened): (usize, usize),
    place: Option<(i32, MonitorId)>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update rescreens
        set monitors = monitors + $2,
            reopened = reopened + $5,
            place_schedule = coalesce($3, place_schedule),
            place_monitor = coalesce($4, place_monitor)
        where rescreen_id = $1
        "#,
        id.0,
        i64::try_from(woken).unwrap_or(i64::MAX),
        place.map(|(schedule, _)| schedule),
        place.map(|(_, monitor)| monitor.0),
        i64::try_from(reopened).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that every monitor is woken.
pub async fn save_finished(
    conn: &mut PgConnection,
    id: RescreenId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // What stands for values of one's own lists goes; of published lists it is kept for debts, unless that is very much.
    sqlx::query!(
        r#"
        update rescreens
        set finished_at = $2,
            tokens = case when list like 'own:%' or tokens_done > 200000 then '{}' else tokens end
        where rescreen_id = $1
        "#,
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether any monitor that is active ran before.
pub async fn has_any_run(conn: &mut PgConnection) -> Result<bool, StoreError> {
    let ran = sqlx::query_scalar!(r#"select exists (select from monitor_due where slot > 0) as "ran!""#)
        .fetch_one(conn)
        .await?;
    Ok(ran)
}
