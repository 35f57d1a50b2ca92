//! Every row that is held about one account, as it stands: for the person who asks what is known of them.

mod excluded;
mod table;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::id::AccountId;

pub use excluded::ABOUT_NO_ACCOUNT;
pub use table::{MOST, Table};
use table::{column, of, shards_of};

macro_rules! rows {
    ($tables:ident, $conn:ident, $name:literal, $statement:literal, $($argument:expr),+) => {
        let rows: Vec<Value> =
            sqlx::query_scalar!($statement, $($argument),+, MOST + 1).fetch_all(&mut *$conn).await?;
        $tables.push(Table::of($name, rows));
    };
}

/// Everything about an account and those that were consolidated into it.
pub async fn read(conn: &mut PgConnection, family: &[AccountId]) -> Result<Vec<Table>, StoreError> {
    let mut tables = Vec::new();
    let accounts: Vec<Uuid> = family.iter().map(|account| account.0).collect();
    of_accounts(conn, &mut tables, &accounts).await?;
    of_reports(conn, &mut tables, &accounts).await?;
    of_related(conn, &mut tables, &accounts).await?;
    let mut objects = accounts.clone();
    for (table, key) in [
        ("monitors", "monitor_id"),
        ("hits", "hit_id"),
        ("inquiries", "inquiry_id"),
        ("transactions", "transaction_id"),
        ("list_items", "list_item_id"),
        ("idempotency_replies", "reply_id"),
        ("account_files", "file_id"),
        ("action_runs", "action_run_id"),
    ] {
        objects.extend(column(of(&tables, table), key));
    }
    rows!(
        tables,
        conn,
        "data_keys",
        r#"select to_jsonb(kept) - 'wrapped' as "row!" from data_keys as kept
           where shard = any($1) and object_id = any($2) limit $3"#,
        &shards_of(&objects),
        &objects
    );
    rows!(
        tables,
        conn,
        "retention_due",
        r#"select to_jsonb(kept) as "row!" from retention_due as kept
           where shard = any($1) and object_id = any($2) limit $3"#,
        &shards_of(&objects),
        &objects
    );
    rows!(
        tables,
        conn,
        "redaction_overrides",
        r#"select to_jsonb(kept) as "row!" from redaction_overrides as kept where object_id = any($1) limit $2"#,
        &objects
    );
    rows!(
        tables,
        conn,
        "erased_keys",
        r#"select to_jsonb(erased) as "row!" from erased_keys as erased where object_id = any($1) limit $2"#,
        &objects
    );
    rows!(
        tables,
        conn,
        "audit_entries",
        r#"select to_jsonb(kept) - 'objects' as "row!" from audit_entries as kept
           where objects && $1 order by sequence limit $2"#,
        &objects
    );
    Ok(tables)
}

async fn of_accounts(
    conn: &mut PgConnection,
    tables: &mut Vec<Table>,
    accounts: &[Uuid],
) -> Result<(), StoreError> {
    let shards = shards_of(accounts);
    rows!(
        tables,
        conn,
        "accounts",
        r#"select to_jsonb(kept) || jsonb_build_object('account_type', kind.name) as "row!"
           from accounts as kept join account_types as kind using (account_type_id)
           where kept.shard = any($2) and account_id = any($1) order by account_id limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "account_files",
        r#"select to_jsonb(kept) as "row!" from account_files as kept
           where kept.shard = any($2) and account_id = any($1) order by file_id limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "account_tokens",
        r#"select to_jsonb(kept) - 'token' as "row!" from account_tokens as kept where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "screening_keys",
        r#"select to_jsonb(kept) - 'tokens' as "row!" from screening_keys as kept where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "legal_holds",
        r#"select to_jsonb(kept) as "row!" from legal_holds as kept where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "field_redactions",
        r#"select to_jsonb(kept) as "row!" from field_redactions as kept where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "account_tags",
        r#"select to_jsonb(kept) || jsonb_build_object('tag', tag.name) as "row!"
           from account_tags as kept join tags as tag using (tag_id)
           where kept.shard = any($2) and account_id = any($1) order by set_at limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "account_pauses",
        r#"select to_jsonb(kept) as "row!" from account_pauses as kept where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "account_reverifications",
        r#"select to_jsonb(kept) || jsonb_build_object('rule', rule.name) as "row!"
           from account_reverifications as kept join reverifications as rule using (rule_id)
           where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "action_runs",
        r#"select to_jsonb(kept) as "row!" from action_runs as kept
           where kept.shard = any($2) and account_id = any($1) order by action_run_id limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "decisions",
        r#"select to_jsonb(kept) - 'facts_digest' - 'subject_digest' as "row!" from decisions as kept
           where kept.shard = any($2) and account_id = any($1) order by decided_at limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "consolidation_sources",
        r#"select to_jsonb(kept) || to_jsonb(asked) as "row!"
           from consolidation_sources as kept join consolidations as asked using (consolidation_id)
           where account_id = any($1) or destination_id = any($1) limit $2"#,
        accounts
    );
    rows!(
        tables,
        conn,
        "enrol_queue",
        r#"select to_jsonb(kept) as "row!" from enrol_queue as kept where kept.shard = any($2) and account_id = any($1) limit $3"#,
        accounts,
        &shards
    );
    rows!(
        tables,
        conn,
        "events",
        r#"select to_jsonb(kept) as "row!" from events as kept
           where account_id = any($1) order by event_id limit $2"#,
        accounts
    );
    Ok(())
}

async fn of_reports(
    conn: &mut PgConnection,
    tables: &mut Vec<Table>,
    accounts: &[Uuid],
) -> Result<(), StoreError> {
    rows!(
        tables,
        conn,
        "monitors",
        r#"select to_jsonb(kept) || jsonb_build_object('schedule', schedule.name) as "row!"
           from monitors as kept join schedules as schedule using (schedule_id)
           where account_id = any($1) order by monitor_id limit $2"#,
        accounts
    );
    let monitors = column(of(tables, "monitors"), "monitor_id");
    rows!(
        tables,
        conn,
        "monitor_due",
        r#"select to_jsonb(kept) - 'last_digest' as "row!" from monitor_due as kept
           where shard = any($2) and monitor_id = any($1) limit $3"#,
        &monitors,
        &shards_of(&monitors)
    );
    rows!(
        tables,
        conn,
        "wakeups",
        r#"select to_jsonb(kept) as "row!" from wakeups as kept where monitor_id = any($1) limit $2"#,
        &monitors
    );
    rows!(
        tables,
        conn,
        "strikes",
        r#"select to_jsonb(kept) as "row!" from strikes as kept where kept.shard = any($2) and monitor_id = any($1) limit $3"#,
        &monitors,
        &shards_of(&monitors)
    );
    rows!(
        tables,
        conn,
        "runs",
        r#"select to_jsonb(kept) || jsonb_build_object('basis', basis.detail) as "row!"
           from runs as kept left join run_bases as basis using (basis_id)
           where monitor_id = any($1) order by run_id desc limit $2"#,
        &monitors
    );
    rows!(
        tables,
        conn,
        "kept_runs",
        r#"select to_jsonb(kept) || jsonb_build_object('basis', basis.detail) as "row!"
           from kept_runs as kept left join run_bases as basis using (basis_id)
           where monitor_id = any($1) order by run_id desc limit $2"#,
        &monitors
    );
    rows!(
        tables,
        conn,
        "run_months",
        r#"select to_jsonb(kept) as "row!" from run_months as kept
           where monitor_id = any($1) order by month limit $2"#,
        &monitors
    );
    rows!(
        tables,
        conn,
        "report_actions",
        r#"select to_jsonb(kept) as "row!" from report_actions as kept
           where monitor_id = any($1) order by action_id limit $2"#,
        &monitors
    );
    rows!(
        tables,
        conn,
        "hits",
        r#"select to_jsonb(kept) - 'facts_digest' - 'subject_digest' as "row!" from hits as kept
           where account_id = any($1) order by hit_id limit $2"#,
        accounts
    );
    let hits = column(of(tables, "hits"), "hit_id");
    rows!(
        tables,
        conn,
        "hit_comments",
        r#"select to_jsonb(kept) as "row!" from hit_comments as kept
           where hit_id = any($1) order by comment_id limit $2"#,
        &hits
    );
    Ok(())
}

async fn of_related(
    conn: &mut PgConnection,
    tables: &mut Vec<Table>,
    accounts: &[Uuid],
) -> Result<(), StoreError> {
    rows!(
        tables,
        conn,
        "inquiries",
        r#"select to_jsonb(kept) - 'note_digest' as "row!" from inquiries as kept
           where account_shard = any($2) and account_id = any($1) order by inquiry_id limit $3"#,
        accounts,
        &shards_of(accounts)
    );
    rows!(
        tables,
        conn,
        "relations",
        r#"select to_jsonb(kept) as "row!" from relations as kept
           where (shard = any($2) and object_id = any($1)) or target_id = any($1)
           order by created_at limit $3"#,
        accounts,
        &shards_of(accounts)
    );
    let mut ends = column(of(tables, "relations"), "object_id");
    ends.extend(column(of(tables, "relations"), "target_id"));
    rows!(
        tables,
        conn,
        "transactions",
        r#"select to_jsonb(kept) || jsonb_build_object('transaction_type', kind.name) as "row!"
           from transactions as kept join transaction_types as kind using (transaction_type_id)
           where kept.shard = any($2) and transaction_id = any($1) order by transaction_id limit $3"#,
        &ends,
        &shards_of(&ends)
    );
    rows!(
        tables,
        conn,
        "transaction_tags",
        r#"select to_jsonb(kept) || jsonb_build_object('tag', tag.name) as "row!"
           from transaction_tags as kept join tags as tag using (tag_id)
           where kept.shard = any($2) and transaction_id = any($1) order by set_at limit $3"#,
        &ends,
        &shards_of(&ends)
    );
    // Items of the customer's own lists that the account matched; whom a dismissed hit names is somebody else.
    let items: Vec<Uuid> = of(tables, "hits")
        .iter()
        .filter(|hit| !is_dismissed(hit))
        .filter_map(|hit| hit.get("entity")?.as_str()?.strip_prefix("own:"))
        .filter_map(crate::domain::id::uuid_of)
        .collect();
    rows!(
        tables,
        conn,
        "list_items",
        r#"select to_jsonb(kept) - 'value_digest' || jsonb_build_object('list', list.name) as "row!"
           from list_items as kept join lists as list using (list_id)
           where kept.shard = any($2) and list_item_id = any($1) order by list_item_id limit $3"#,
        &items,
        &shards_of(&items)
    );
    let mut told = accounts.to_vec();
    for (table, key) in
        [("monitors", "monitor_id"), ("inquiries", "inquiry_id"), ("transactions", "transaction_id")]
    {
        told.extend(column(of(tables, table), key));
    }
    rows!(
        tables,
        conn,
        "idempotency_replies",
        r#"select to_jsonb(kept) - 'key_digest' - 'request_digest' as "row!" from idempotency_replies as kept
           where account_id = any($1) or object_id = any($1) order by created_at limit $2"#,
        &told
    );
    Ok(())
}

/// Whether a hit was found to be somebody else, also if nothing finds it any more.
pub fn is_dismissed(hit: &Value) -> bool {
    let word = |name: &str| hit.get(name).and_then(Value::as_str);
    word("state") == Some("dismissed")
        || word("state") == Some("gone") && word("state_before_gone") == Some("dismissed")
}
