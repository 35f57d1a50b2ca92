//! Searching inquiries: any combination of conditions, a page at a time, in the order in which they were made.
//!
//! As with accounts the statement is built, and every value is bound. A condition is true or false of every inquiry, also
//! of one that has no account or no note, so that `not` of it is the other.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{InquiryRow, find_all};
use crate::{
    domain::{
        id::{AccountId, InquiryId, InquiryTemplateId},
        inquiry::InquiryStatus,
    },
    store::{
        StoreError,
        search::{Compare, push_made},
    },
};

/// What an inquiry must be to be found.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of these; with none, any inquiry.
    All(Vec<Self>),
    /// Any of these; with none, no inquiry.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
    /// This one.
    Id(InquiryId),
    /// Of this account.
    Account(AccountId),
    /// Of an account with this id of the customer's own, whatever its case.
    Reference(String),
    /// Made by this template.
    Template(InquiryTemplateId),
    /// In this state.
    Status(InquiryStatus),
    /// With a note of this keyed hash.
    Note(Vec<u8>),
    /// Made at a time.
    Created(Compare, DateTime<Utc>),
    /// Last changed at a time.
    Updated(Compare, DateTime<Utc>),
}

/// Which page of what is found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Whether the oldest comes first.
    pub ascending: bool,
    /// Behind this inquiry.
    pub after: Option<InquiryId>,
    /// Before this inquiry.
    pub before: Option<InquiryId>,
    /// At most so many.
    pub limit: i64,
}

/// Finds inquiries; of those before another, those next to it, in the order that was asked for.
pub async fn search(
    conn: &mut PgConnection,
    condition: &Condition,
    page: Page,
) -> Result<Vec<InquiryRow>, StoreError> {
    let mut sql = QueryBuilder::<Postgres>::new("select inquiry.inquiry_id from inquiries as inquiry where ");
    push(&mut sql, condition);
    let ascending = page.ascending != page.before.is_some();
    if let Some(place) = page.before.or(page.after) {
        sql.push(" and inquiry.inquiry_id").push(if ascending { " > " } else { " < " }).push_bind(place.0);
    }
    sql.push(" order by inquiry.inquiry_id").push(if ascending { " asc" } else { " desc" });
    sql.push(" limit ").push_bind(page.limit);
    // Not kept: each statement is planned for its values.
    let found: Vec<(Uuid,)> = sql.build_query_as().persistent(false).fetch_all(&mut *conn).await?;
    let ids: Vec<InquiryId> = found.into_iter().map(|(id,)| InquiryId(id)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = find_all(conn, &ids).await?;
    if page.ascending {
        rows.reverse();
    }
    Ok(rows)
}

fn push(sql: &mut QueryBuilder<Postgres>, condition: &Condition) {
    match condition {
        Condition::All(all) => several(sql, all, " and ", "true"),
        Condition::Any(any) => several(sql, any, " or ", "false"),
        Condition::Not(one) => {
            sql.push("not (");
            push(sql, one);
            sql.push(")");
        }
        Condition::Id(id) => {
            sql.push("inquiry.inquiry_id = ").push_bind(id.0);
        }
        Condition::Account(id) => {
            sql.push("(inquiry.account_id is not null and inquiry.account_shard = ");
            sql.push_bind(id.shard().column()).push(" and inquiry.account_id = ").push_bind(id.0).push(")");
        }
        Condition::Reference(reference) => {
            sql.push(
                "exists (select from accounts as account where account.shard = inquiry.account_shard \
                 and account.account_id = inquiry.account_id and lower(account.reference_id) = lower(",
            );
            sql.push_bind(reference.clone()).push("))");
        }
        Condition::Template(id) => {
            sql.push("inquiry.template_id = ").push_bind(id.0);
        }
        Condition::Status(status) => {
            sql.push("inquiry.status = ").push_bind(status.word());
        }
        Condition::Note(digest) => {
            sql.push("(inquiry.note_digest is not null and inquiry.note_digest = ");
            sql.push_bind(digest.clone()).push(")");
        }
        Condition::Created(compare, time) => {
            push_made(sql, ("inquiry.created_at", "inquiry.inquiry_id"), *compare, *time);
        }
        Condition::Updated(compare, time) => {
            sql.push("inquiry.updated_at").push(compare.operator()).push_bind(*time);
        }
    }
}

fn several(sql: &mut QueryBuilder<Postgres>, conditions: &[Condition], between: &str, none: &str) {
    if conditions.is_empty() {
        sql.push(none);
        return;
    }
    for (index, condition) in conditions.iter().enumerate() {
        sql.push(if index == 0 { "(" } else { between });
        push(sql, condition);
    }
    sql.push(")");
}
