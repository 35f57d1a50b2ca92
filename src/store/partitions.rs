//! Monthly partitions of append-only tables: made ahead of time, taken away when they are old.
//!
//! Nothing here makes a writer wait behind a long reader. A partition is made as a table of its own and
//! attached, which locks its parent against nobody who reads or writes; it leaves by DETACH CONCURRENTLY,
//! which waits for readers without a queue behind it, and may be cut off and finished another time.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use super::StoreError;

/// A table that is parted by month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parted {
    /// Runs, by when they were recorded.
    Runs,
    /// Events, by when they occurred.
    Events,
}

impl Parted {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Runs, Self::Events];

    /// The table's name.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Events => "events",
        }
    }

    /// The name of a month's partition, such as `runs_2026_11`.
    pub fn partition(self, month: NaiveDate) -> String {
        format!("{}_{}_{:02}", self.table(), month.year(), month.month())
    }
}

/// A partition that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The first day of its month.
    pub month: NaiveDate,
    /// Whether it has begun to leave: its rows are no longer seen.
    pub is_leaving: bool,
}

/// How many months ahead of the present one have their partition.
const AHEAD: u32 = 12;

/// Makes the partitions of the present month and the next twelve. Returns the names of those made.
pub async fn ensure(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
    let mut made = Vec::new();
    // Vacuum of the parent, or somebody else who attaches, holds this up for a moment only.
    sqlx::query("set local lock_timeout = '2s'").execute(&mut *conn).await?;
    for parted in Parted::ALL {
        let there = list(conn, parted).await?;
        for month in (0..=AHEAD).filter_map(|ahead| month_of(now).checked_add_months(Months::new(ahead))) {
            if there.iter().any(|partition| partition.month == month) {
                continue;
            }
            let Some(end) = end_of(month) else { continue };
            // Names and bounds are made here from a table's name and a date, never from input.
            let (name, table) = (parted.partition(month), parted.table());
            let create = format!(
                "create table {name} (like {table} including defaults including constraints including indexes)"
            );
            sqlx::query(AssertSqlSafe(create)).execute(&mut *conn).await?;
            let attach = format!(
                "alter table {table} attach partition {name}
                     for values from ('{month} 00:00:00+00') to ('{end} 00:00:00+00')"
            );
            sqlx::query(AssertSqlSafe(attach)).execute(&mut *conn).await?;
            made.push(name);
        }
    }
    Ok(made)
}

/// The attached partitions of a table, the oldest first.
pub async fn list(conn: &mut PgConnection, parted: Parted) -> Result<Vec<Partition>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select child.relname::text as "name!", link.inhdetachpending
        from pg_inherits as link
        join pg_class as child on child.oid = link.inhrelid
        where link.inhparent = to_regclass($1)
        "#,
        parted.table(),
    )
    .fetch_all(conn)
    .await?;
    let mut partitions: Vec<Partition> = rows
        .into_iter()
        .filter_map(|row| {
            let month = month_of_name(parted, &row.name)?;
            Some(Partition { month, is_leaving: row.inhdetachpending })
        })
        .collect();
    partitions.sort_unstable_by_key(|partition| partition.month);
    Ok(partitions)
}

/// The months whose tables have left their parent and are still there.
pub async fn list_detached(conn: &mut PgConnection, parted: Parted) -> Result<Vec<NaiveDate>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"
        select relname::text as "name!"
        from pg_class
        where relnamespace = (select relnamespace from pg_class where oid = to_regclass($1))
          and relname like $1 || '\_____\___'
          and relkind = 'r'
          and not relispartition
        order by relname
        "#,
        parted.table(),
    )
    .fetch_all(conn)
    .await?;
    Ok(names.iter().filter_map(|name| month_of_name(parted, name)).collect())
}

/// For how many months after the present one, without a gap, every table has its partition; less than
/// nothing when the present one is missing.
pub async fn months_ahead(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let mut least = i64::MAX;
    for parted in Parted::ALL {
        let there = list(conn, parted).await?;
        let is_there = |month: &NaiveDate| there.iter().any(|partition| partition.month == *month);
        let months = std::iter::successors(Some(month_of(now)), |month| end_of(*month));
        let count = months.take_while(is_there).count();
        least = least.min(i64::try_from(count).unwrap_or(i64::MAX) - 1);
    }
    Ok(least)
}

/// Takes a partition out of its table; finishes what an earlier attempt began. Not in a transaction.
///
/// Fails, with an error that passes, while somebody reads who began before: the rows are then no longer
/// seen, and another attempt finishes it.
pub async fn detach(
    conn: &mut PgConnection,
    parted: Parted,
    partition: &Partition,
) -> Result<(), StoreError> {
    be_impatient(conn).await?;
    let (table, name) = (parted.table(), parted.partition(partition.month));
    let how = if partition.is_leaving { "finalize" } else { "concurrently" };
    sqlx::query(AssertSqlSafe(format!("alter table {table} detach partition {name} {how}")))
        .execute(conn)
        .await?;
    Ok(())
}

/// Drops a month's table that is no longer attached, if it is there.
pub async fn drop_detached(
    conn: &mut PgConnection,
    parted: Parted,
    month: NaiveDate,
) -> Result<(), StoreError> {
    if list(conn, parted).await?.iter().all(|partition| partition.month != month) {
        be_impatient(conn).await?;
        let drop = format!("drop table if exists {}", parted.partition(month));
        sqlx::query(AssertSqlSafe(drop)).execute(conn).await?;
    }
    Ok(())
}

fn month_of_name(parted: Parted, name: &str) -> Option<NaiveDate> {
    let month = name.strip_prefix(parted.table())?;
    NaiveDate::parse_from_str(&format!("{month}_01"), "_%Y_%m_%d").ok()
}

/// The first day of the month in which `at` lies.
pub fn month_of(at: DateTime<Utc>) -> NaiveDate {
    at.date_naive().with_day(1).expect("every month has a first day")
}

/// The first day of the month after that of `month`, as far as the calendar goes.
pub fn end_of(month: NaiveDate) -> Option<NaiveDate> {
    month.checked_add_months(Months::new(1))
}

/// A reader may hold things up for long: the next time is as good.
async fn be_impatient(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query(
        "select set_config('lock_timeout', '5s', false), set_config('statement_timeout', '1min', false)",
    )
    .execute(conn)
    .await?;
    Ok(())
}
