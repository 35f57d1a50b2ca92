//! Monthly partitions of append-only tables, made ahead of time.

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use super::StoreError;

/// The tables that are parted by month, and the column that they are parted by.
pub const TABLES: [(&str, &str); 2] = [("runs", "recorded_at"), ("events", "occurred_at")];

/// How many months ahead of the present one have their partition.
const AHEAD: u32 = 3;

/// Makes the partitions of the present month and the next three. Returns the names of those made.
///
/// A month of which the default partition holds rows already is left to it.
pub async fn ensure(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<String>, StoreError> {
    let mut made = Vec::new();
    // A reader that holds the parent for long must not queue the recorder up behind this.
    sqlx::query("set local lock_timeout = '1s'").execute(&mut *conn).await?;
    for (table, column) in TABLES {
        for (from, to) in (0..=AHEAD).filter_map(|ahead| month(now, ahead)) {
            // Names and bounds are made here from a table's name and a date, never from input.
            let name = format!("{table}_{}_{:02}", from.year(), from.month());
            let within = format!("{column} >= '{from}' and {column} < '{to}'");
            let left = sqlx::query_scalar::<_, bool>(AssertSqlSafe(format!(
                "select to_regclass('{name}') is not null or exists (select from {table}_default where {within})"
            )));
            if left.fetch_one(&mut *conn).await? {
                continue;
            }
            let create =
                format!("create table {name} partition of {table} for values from ('{from}') to ('{to}')");
            sqlx::query(AssertSqlSafe(create)).execute(&mut *conn).await?;
            made.push(name);
        }
    }
    Ok(made)
}

fn month(now: DateTime<Utc>, ahead: u32) -> Option<(NaiveDate, NaiveDate)> {
    let from = now.date_naive().with_day(1)?.checked_add_months(Months::new(ahead))?;
    Some((from, from.checked_add_months(Months::new(1))?))
}
