//! What searches of different objects have in common.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It is the same.
    Equal,
    /// It is greater.
    Greater,
    /// It is greater, or the same.
    AtLeast,
    /// It is less.
    Less,
    /// It is less, or the same.
    AtMost,
}

impl Compare {
    /// Its sign in a statement.
    pub(super) const fn operator(self) -> &'static str {
        match self {
            Self::Equal => " = ",
            Self::Greater => " > ",
            Self::AtLeast => " >= ",
            Self::Less => " < ",
            Self::AtMost => " <= ",
        }
    }
}

/// Asks when objects were made, by the columns of that time and of their ids: the time stands at the beginning of an id, so
/// an index of ids answers both.
pub(super) fn push_made(
    sql: &mut QueryBuilder<Postgres>,
    (created_at, id): (&'static str, &'static str),
    compare: Compare,
    time: DateTime<Utc>,
) {
    let millis = u128::try_from(time.timestamp_millis()).unwrap_or(0).min((1 << 48) - 1);
    let first = Uuid::from_u128(millis << 80);
    let last = Uuid::from_u128((millis << 80) | (u128::MAX >> 48));
    sql.push("(").push(created_at).push(compare.operator()).push_bind(time);
    if matches!(compare, Compare::Equal | Compare::Greater | Compare::AtLeast) {
        sql.push(" and ").push(id).push(" >= ").push_bind(first);
    }
    if matches!(compare, Compare::Equal | Compare::Less | Compare::AtMost) {
        sql.push(" and ").push(id).push(" <= ").push_bind(last);
    }
    sql.push(")");
}
