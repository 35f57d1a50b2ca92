//! Searching accounts: any combination of conditions, from the newest on, a page at a time.
//!
//! The statement is built, for no fixed one has a plan that fits every combination; every value is bound. Each
//! condition on another table is an `exists`: the planner may begin with that table when it holds few accounts, or
//! walk accounts in their order and probe it when it holds many; and what is denied is an anti-join, where a
//! `not in` over many rows would be read anew for every account.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    domain::id::{AccountId, AccountTypeId},
    store::{
        StoreError,
        search::{Compare, push_made},
    },
};

/// What an account must be to be found.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of these; with none, any account.
    All(Vec<Self>),
    /// Any of these; with none, no account.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// Of any of these types.
    Types(Vec<AccountTypeId>),
    /// Of any of these statuses of types, by their keys.
    Statuses(Vec<(AccountTypeId, String)>),
    /// With a tag of this name.
    Tag(String),
    /// Made at a time.
    Created(Compare, DateTime<Utc>),
    /// Last changed at a time.
    Updated(Compare, DateTime<Utc>),
    /// With any of these reference ids, whatever their case.
    References(Vec<String>),
    /// With any of these tokens.
    Tokens(Vec<[u8; 16]>),
    /// With a number in a plain field; compared as it is written, digit by digit.
    Number(String, Compare, serde_json::Number),
    /// With a text in a plain field, such as a date.
    Text(String, Compare, String),
    /// With a monitor in this state; without any when none.
    Monitoring(Option<String>),
    /// With a hit in this state; without any when none.
    Hits(Option<String>),
    /// Archived.
    Archived,
}

impl Condition {
    fn add_tags(&self, names: &mut Vec<String>) {
        match self {
            Self::All(several) | Self::Any(several) => {
                for one in several {
                    one.add_tags(names);
                }
            }
            Self::Not(one) => one.add_tags(names),
            Self::Tag(name) => names.push(name.clone()),
            _ => {}
        }
    }
}

/// The order of what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By the time they were made: ids begin with it.
    #[default]
    Created,
    /// By the time of their last change.
    Updated,
}

/// A place in an order: an account, and the time by which it stood there when it was shown.
///
/// The account may have changed since, and stand elsewhere now: the place stays where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The account.
    pub id: AccountId,
    /// The time of its last change then; the present one when none.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<AccountId> for Place {
    fn from(id: AccountId) -> Self {
        Self { id, updated_at: None }
    }
}

/// Which page of what is found, in which order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The order.
    pub order: Order,
    /// Whether the oldest comes first.
    pub ascending: bool,
    /// Behind this place.
    pub after: Option<Place>,
    /// Before this place.
    pub before: Option<Place>,
    /// At most so many.
    pub limit: i64,
}

/// Finds accounts, each at its place; of those before another, those next to it, in the order that was asked for.
pub async fn search(
    conn: &mut PgConnection,
    condition: &Condition,
    asked: Asked,
) -> Result<Vec<Place>, StoreError> {
    let tags = tags(conn, condition).await?;
    let mut sql = QueryBuilder::<Postgres>::new(
        "select account.account_id, account.updated_at from accounts as account where ",
    );
    push(&mut sql, condition, &tags);
    let backwards = asked.before.is_some();
    let ascending = asked.ascending != backwards;
    if let Some(place) = asked.before.or(asked.after) {
        sql.push(match asked.order {
            Order::Created => " and account.account_id",
            Order::Updated => " and (account.updated_at, account.account_id)",
        });
        sql.push(if ascending { " > " } else { " < " });
        if asked.order == Order::Updated {
            sql.push("(coalesce(").push_bind(place.updated_at);
            sql.push(", (select updated_at from accounts where shard = ");
            sql.push_bind(place.id.shard().column());
            sql.push(" and account_id = ").push_bind(place.id.0).push(")), ");
            sql.push_bind(place.id.0).push(")");
        } else {
            sql.push_bind(place.id.0);
        }
    }
    let direction = if ascending { " asc" } else { " desc" };
    sql.push(" order by ");
    if asked.order == Order::Updated {
        sql.push("account.updated_at").push(direction).push(", ");
    }
    sql.push("account.account_id").push(direction).push(" limit ").push_bind(asked.limit);
    // Not kept: each statement is planned for its values.
    let mut found: Vec<(Uuid, DateTime<Utc>)> =
        sql.build_query_as().persistent(false).fetch_all(conn).await?;
    if backwards {
        found.reverse();
    }
    Ok(found.into_iter().map(|(id, at)| Place { id: AccountId(id), updated_at: Some(at) }).collect())
}

/// The numbers of tags by name.
type Tags = HashMap<String, i32>;

/// The numbers of the tags that a condition names: bound as they are, the planner knows how many accounts have
/// each, and begins with a rare one.
async fn tags(conn: &mut PgConnection, condition: &Condition) -> Result<Tags, StoreError> {
    let mut names = Vec::new();
    condition.add_tags(&mut names);
    if names.is_empty() {
        return Ok(Tags::new());
    }
    let found = sqlx::query_as("select name, tag_id from tags where name = any($1)").bind(names);
    let found: Vec<(String, i32)> = found.fetch_all(conn).await?;
    Ok(found.into_iter().collect())
}

fn push(sql: &mut QueryBuilder<Postgres>, condition: &Condition, tags: &Tags) {
    match condition {
        Condition::All(all) => several(sql, (all, tags), " and ", "true"),
        Condition::Any(any) => several(sql, (any, tags), " or ", "false"),
        Condition::Not(one) => {
            sql.push("not (");
            push(sql, one, tags);
            sql.push(")");
        }
        Condition::Types(types) if types.len() == 1 => {
            sql.push("account.account_type_id = ").push_bind(types.first().map(|id| id.0));
        }
        Condition::Types(types) => {
            let ids: Vec<Uuid> = types.iter().map(|id| id.0).collect();
            sql.push("account.account_type_id = any(").push_bind(ids).push(")");
        }
        Condition::Statuses(statuses) => {
            for (index, (account_type, status)) in statuses.iter().enumerate() {
                sql.push(if index == 0 { "(" } else { " or " });
                sql.push("account.account_type_id = ").push_bind(account_type.0);
                sql.push(" and account.status = ").push_bind(status.clone());
            }
            sql.push(if statuses.is_empty() { "false" } else { ")" });
        }
        Condition::Tag(name) => match tags.get(name) {
            Some(tag) => {
                sql.push(
                    "exists (select from account_tags as tagged where tagged.shard = account.shard \
                     and tagged.account_id = account.account_id and tagged.tag_id = ",
                );
                sql.push_bind(*tag).push(")");
            }
            None => {
                sql.push("false");
            }
        },
        Condition::Created(compare, time) => {
            push_made(sql, ("account.created_at", "account.account_id"), *compare, *time);
        }
        Condition::Updated(compare, time) => {
            sql.push("account.updated_at").push(compare.operator()).push_bind(*time);
        }
        Condition::References(references) => {
            // Of an account without one it is false, so that `not` of it is true.
            sql.push("coalesce(lower(account.reference_id) in (select lower(wanted) from unnest(");
            sql.push_bind(references.clone()).push("::text[]) as wanted), false)");
        }
        Condition::Tokens(tokens) => {
            let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.to_vec()).collect();
            sql.push(
                "exists (select from account_tokens as found where found.account_id = account.account_id \
                 and found.token = any(",
            );
            sql.push_bind(tokens).push("))");
        }
        Condition::Number(key, compare, number) => {
            // The cast of another value would fail, so it is made of numbers only.
            sql.push("case when jsonb_typeof(account.fields -> ").push_bind(key.clone());
            sql.push(") = 'number' then (account.fields ->> ").push_bind(key.clone());
            // A double would take whole numbers of 64 bits for their neighbours.
            sql.push(")::numeric").push(compare.operator()).push_bind(number.to_string());
            sql.push("::numeric else false end");
        }
        Condition::Text(key, compare, text) => {
            sql.push("coalesce(account.fields ->> ").push_bind(key.clone()).push(" collate \"C\"");
            sql.push(compare.operator()).push_bind(text.clone()).push(", false)");
        }
        Condition::Monitoring(state) => among(sql, "monitors", state.as_deref()),
        Condition::Hits(state) => among(sql, "hits", state.as_deref()),
        Condition::Archived => {
            sql.push("account.archived_at is not null");
        }
    }
}

fn several(
    sql: &mut QueryBuilder<Postgres>,
    (conditions, tags): (&[Condition], &Tags),
    between: &str,
    none: &str,
) {
    if conditions.is_empty() {
        sql.push(none);
        return;
    }
    for (index, condition) in conditions.iter().enumerate() {
        sql.push(if index == 0 { "(" } else { between });
        push(sql, condition, tags);
    }
    sql.push(")");
}

/// Among the accounts of a table in some state, or of none of it. Rows are found by the account alone: they may be of
/// another shard than it.
fn among(sql: &mut QueryBuilder<Postgres>, table: &'static str, state: Option<&str>) {
    sql.push(if state.is_some() { "exists (select from " } else { "not exists (select from " }).push(table);
    sql.push(" as other where other.account_id = account.account_id");
    if let Some(state) = state {
        sql.push(" and other.state = ").push_bind(state.to_owned());
    }
    sql.push(")");
}
