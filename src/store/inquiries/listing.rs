//! Listings of inquiries: ids first, in pages by id, so that each statement walks one index and nothing else.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{InquiryRow, find_all};
use crate::{
    domain::{
        id::{AccountId, InquiryId, InquiryTemplateId},
        inquiry::InquiryStatus,
    },
    store::StoreError,
};

/// Which inquiries a listing is of; what is empty asks nothing.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Any of these.
    pub ids: Vec<InquiryId>,
    /// Of any of these accounts; none means of any, an empty list of none.
    pub accounts: Option<Vec<AccountId>>,
    /// Of any of these templates.
    pub templates: Vec<InquiryTemplateId>,
    /// In any of these states.
    pub statuses: Vec<InquiryStatus>,
    /// With a note of this keyed hash.
    pub note_digest: Option<Vec<u8>>,
    /// Ids from this one on: a time, since ids grow with it.
    pub from: Option<Uuid>,
    /// Ids before this one.
    pub until: Option<Uuid>,
    /// What comes after this inquiry, in the order of the listing: older ones.
    pub after: Option<InquiryId>,
    /// What comes before it: newer ones.
    pub before: Option<InquiryId>,
    /// At most so many.
    pub limit: i64,
}

/// The inquiries that are wanted, the newest first; with `before` those next to it.
pub async fn list(conn: &mut PgConnection, wanted: &Wanted) -> Result<Vec<InquiryRow>, StoreError> {
    let ids = match &wanted.accounts {
        Some(accounts) => list_of_accounts(conn, wanted, accounts).await?,
        None => list_of_all(conn, wanted).await?,
    };
    let ids: Vec<InquiryId> = ids.into_iter().map(InquiryId).collect();
    if ids.is_empty() { Ok(Vec::new()) } else { find_all(conn, &ids).await }
}

async fn list_of_all(conn: &mut PgConnection, wanted: &Wanted) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<Uuid> = wanted.ids.iter().map(|id| id.0).collect();
    let templates: Vec<Uuid> = wanted.templates.iter().map(|id| id.0).collect();
    let statuses: Vec<String> = wanted.statuses.iter().map(|status| status.word().to_owned()).collect();
    let lower = wanted.before.map(|before| before.0);
    let found = if lower.is_some() {
        sqlx::query_scalar!(
            r#"
            select inquiry_id
            from inquiries
            where inquiry_id > $1
              and ($2::uuid is null or inquiry_id >= $2)
              and ($3::uuid is null or inquiry_id < $3)
              and (cardinality($4::uuid[]) = 0 or inquiry_id = any($4))
              and (cardinality($5::uuid[]) = 0 or template_id = any($5))
              and (cardinality($6::text[]) = 0 or status = any($6))
              and ($7::bytea is null or note_digest = $7)
            order by inquiry_id
            limit $8
            "#,
            lower,
            wanted.from,
            wanted.until,
            &ids,
            &templates,
            &statuses,
            wanted.note_digest.as_deref(),
            wanted.limit,
        )
        .fetch_all(conn)
        .await?
    } else {
        sqlx::query_scalar!(
            r#"
            select inquiry_id
            from inquiries
            where ($1::uuid is null or inquiry_id < $1)
              and ($2::uuid is null or inquiry_id >= $2)
              and ($3::uuid is null or inquiry_id < $3)
              and (cardinality($4::uuid[]) = 0 or inquiry_id = any($4))
              and (cardinality($5::uuid[]) = 0 or template_id = any($5))
              and (cardinality($6::text[]) = 0 or status = any($6))
              and ($7::bytea is null or note_digest = $7)
            order by inquiry_id desc
            limit $8
            "#,
            wanted.after.map(|after| after.0),
            wanted.from,
            wanted.until,
            &ids,
            &templates,
            &statuses,
            wanted.note_digest.as_deref(),
            wanted.limit,
        )
        .fetch_all(conn)
        .await?
    };
    Ok(found)
}

async fn list_of_accounts(
    conn: &mut PgConnection,
    wanted: &Wanted,
    accounts: &[AccountId],
) -> Result<Vec<Uuid>, StoreError> {
    let shards: Vec<i16> = accounts.iter().map(|id| id.shard().column()).collect();
    let accounts: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
    let ids: Vec<Uuid> = wanted.ids.iter().map(|id| id.0).collect();
    let templates: Vec<Uuid> = wanted.templates.iter().map(|id| id.0).collect();
    let statuses: Vec<String> = wanted.statuses.iter().map(|status| status.word().to_owned()).collect();
    // An account has few inquiries: they are sorted, whichever way.
    let found = sqlx::query_scalar!(
        r#"
        select inquiry_id
        from unnest($1::smallint[], $2::uuid[]) as wanted (account_shard, account_id)
        join inquiries using (account_shard, account_id)
        where ($3::uuid is null or inquiry_id < $3)
          and ($4::uuid is null or inquiry_id > $4)
          and ($5::uuid is null or inquiry_id >= $5)
          and ($6::uuid is null or inquiry_id < $6)
          and (cardinality($7::uuid[]) = 0 or inquiry_id = any($7))
          and (cardinality($8::uuid[]) = 0 or template_id = any($8))
          and (cardinality($9::text[]) = 0 or status = any($9))
          and ($10::bytea is null or note_digest = $10)
        order by case when $4 is not null then inquiry_id end, inquiry_id desc
        limit $11
        "#,
        &shards,
        &accounts,
        wanted.after.map(|after| after.0),
        wanted.before.map(|before| before.0),
        wanted.from,
        wanted.until,
        &ids,
        &templates,
        &statuses,
        wanted.note_digest.as_deref(),
        wanted.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(found)
}

/// The accounts of the customer's own ids, whatever their type and the ids' case.
pub async fn list_accounts_by_reference(
    conn: &mut PgConnection,
    references: &[String],
) -> Result<Vec<AccountId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"
        select account.account_id
        from unnest($1::text[]) as wanted (reference)
        join accounts as account on lower(account.reference_id) = lower(wanted.reference)
        "#,
        references,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AccountId).collect())
}
