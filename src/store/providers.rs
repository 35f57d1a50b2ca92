//! Providers: the small numbers that lanes go by.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;

/// A provider's number: the lane of its due rows.
pub type Lane = i16;

/// The names of all providers there ever were.
pub async fn list_names(conn: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar!("select name from providers order by name").fetch_all(conn).await?)
}

/// The lane of the provider `name`, made when it is new.
pub async fn get_or_insert(
    conn: &mut PgConnection,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Lane, StoreError> {
    let lane = sqlx::query_scalar!(
        r#"
        insert into providers as kept (name, created_at) values ($1, $2)
        on conflict on constraint providers_name_key do update set name = kept.name
        returning provider_id
        "#,
        name,
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok(lane)
}
