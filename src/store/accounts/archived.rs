//! What is archived with its account.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::store::StoreError;

/// Which of these are archived accounts, or reports, hits, inquiries, files and runs of actions of archived ones.
pub async fn list(conn: &mut PgConnection, objects: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let shards: Vec<i16> = objects.iter().map(|object| i16::from(object.as_bytes()[15])).collect();
    let archived = sqlx::query_scalar!(
        r#"
        select wanted.id as "id!"
        from unnest($1::smallint[], $2::uuid[]) as wanted (shard, id)
        where exists (
            select from accounts as account
            where account.shard = wanted.shard and account.account_id = wanted.id and account.archived_at is not null
        ) or exists (
            select
            from (
                select account_id from monitors where shard = wanted.shard and monitor_id = wanted.id
                union all
                select account_id from hits where shard = wanted.shard and hit_id = wanted.id
                union all
                select account_id from inquiries where shard = wanted.shard and inquiry_id = wanted.id
                union all
                select account_id from account_files where shard = wanted.shard and file_id = wanted.id
                union all
                select account_id from action_runs where shard = wanted.shard and action_run_id = wanted.id
            ) as object
            -- After a consolidation an account may be on another shard than what it took over.
            join accounts as account
                on account.shard = get_byte(uuid_send(object.account_id), 15)
                and account.account_id = object.account_id
            where account.archived_at is not null
        )
        "#,
        &shards,
        objects,
    )
    .fetch_all(conn)
    .await?;
    Ok(archived)
}
