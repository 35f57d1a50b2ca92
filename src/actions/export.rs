//! Subject access: everything that is held about one account, opened, for the person who asks what is known of them.
//!
//! Row by row, as the tables have it: a summary would be a choice of what to tell. Only what is about somebody else is
//! left out. The export is itself an entry of
//! the audit log, written before anything is read.

mod others;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    ActionError, Context,
    audit::{self, Reading},
    retire,
};
use crate::{
    domain::id::{self, AccountId},
    store::{
        accounts, data_keys,
        export::{self, Table},
        standings,
    },
    vault::{DataKey, Purpose},
};

/// Everything that is held about one account.
#[derive(Debug)]
pub struct Exported {
    /// The account.
    pub account: AccountId,
    /// When it was read.
    pub made_at: DateTime<Utc>,
    /// Tables that have more rows than an export takes: the rest of them is lacking.
    pub cut: Vec<&'static str>,
    /// What was read, by table: rows as JSON objects, opened.
    pub tables: Vec<(&'static str, Vec<Map<String, Value>>)>,
    /// The account's files, by the id under which a row names them.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Exported {
    /// All of it, but for the content of files, as one document.
    pub fn document(&self) -> Value {
        let tables: Map<String, Value> =
            self.tables.iter().map(|(name, rows)| (name.replace('_', "-"), json!(rows))).collect();
        let cut: Vec<String> = self.cut.iter().map(|name| name.replace('_', "-")).collect();
        json!({ "account": self.account, "made-at": self.made_at, "lacks-rows-of": cut, "held": tables })
    }
}

/// Reads everything about an account, with what was consolidated into it, and notes that somebody did.
pub async fn export(context: &Context, actor: &str, account: AccountId) -> Result<Exported, ActionError> {
    let mut connection = context.store.connection().await?;
    accounts::find(&mut connection, account).await?.ok_or(ActionError::NotFound(retire::ACCOUNT))?;
    let family = standings::list_families(&mut connection, &[account]).await?;
    drop(connection);
    let reading = Reading {
        operation: "account.exported".to_owned(),
        objects: family.iter().map(|member| ("act", member.0)).collect(),
        actor: actor.to_owned(),
        detail: json!({}),
    };
    audit::note_reading(context, reading).await?;
    audit::settle(context).await?;
    let mut transaction = context.store.transaction().await?;
    let tables = export::read(&mut transaction, &family).await?;
    let objects: Vec<Uuid> = tables
        .iter()
        .filter(|table| table.name == "data_keys")
        .flat_map(|table| &table.rows)
        .filter_map(|row| row.get("object_id")?.as_str()?.parse().ok())
        .collect();
    let keys = data_keys::find_all(&mut transaction, &context.keyring, &objects).await?;
    transaction.commit().await?;
    let made_at = context.now();
    let mut opener = Opener {
        keys: keys.into_iter().collect(),
        others: others::of_rows(
            tables.iter().filter(|table| table.name == "hits").flat_map(|table| &table.rows),
        ),
        files: Vec::new(),
    };
    // Thousands of rows take a while to open: no worker of the runtime waits for them.
    let opened = tokio::task::spawn_blocking(move || {
        let cut: Vec<&'static str> =
            tables.iter().filter(|table| table.is_cut).map(|table| table.name).collect();
        let tables = tables.into_iter().map(|table| opener.open_all(table)).collect();
        Exported { account, made_at, cut, tables, files: opener.files }
    });
    opened.await.map_err(|_| ActionError::Conflict("the export was broken off by a fault".to_owned()))
}

/// What is sealed where.
const SEALED: [(&str, &str, Purpose); 14] = [
    ("account_files", "sealed_content", Purpose::AccountFile),
    ("account_pauses", "sealed_reason", Purpose::PauseReason),
    ("accounts", "sealed_fields", Purpose::AccountFields),
    ("action_runs", "sealed_parameters", Purpose::ActionParameters),
    ("decisions", "sealed_reason", Purpose::DecisionReason),
    ("hit_comments", "sealed_text", Purpose::HitComment),
    ("hits", "sealed_content", Purpose::HitContent),
    ("hits", "sealed_reason", Purpose::HitReason),
    ("idempotency_replies", "sealed_body", Purpose::IdempotencyReply),
    ("inquiries", "sealed_content", Purpose::InquiryContent),
    ("list_items", "sealed_value", Purpose::ListItem),
    ("monitors", "sealed_query", Purpose::ReportQuery),
    ("runs", "sealed_content", Purpose::RunContent),
    ("transactions", "sealed_fields", Purpose::TransactionFields),
];

/// Prefixes of ids by the column that holds them.
const PREFIXES: [(&str, &str); 22] = [
    ("account_action_id", "accac"),
    ("account_id", "act"),
    ("account_type_id", "acttp"),
    ("action_id", "ract"),
    ("action_run_id", "wfr"),
    ("api_key_id", "api"),
    ("comment_id", "cmt"),
    ("consolidated_into", "act"),
    ("consolidation_id", "cons"),
    ("destination_id", "act"),
    ("entry_id", "evt"),
    ("event_id", "evt"),
    ("file_id", "file"),
    ("hit_id", "hit"),
    ("inquiry_id", "inq"),
    ("list_id", "lst"),
    ("list_item_id", "li"),
    ("monitor_id", "rep"),
    ("process_id", "proc"),
    ("run_id", "rpr"),
    ("template_id", "itmpl"),
    ("transaction_id", "txn"),
];

/// What a row shows of content whose key is gone.
const DESTROYED: &str = "destroyed by redaction";

struct Opener {
    keys: Vec<(Uuid, DataKey)>,
    /// Entities that are somebody else.
    others: BTreeSet<String>,
    files: Vec<(String, Vec<u8>)>,
}

impl Opener {
    fn open_all(&mut self, table: Table) -> (&'static str, Vec<Map<String, Value>>) {
        let name = table.name;
        let rows = table.rows.into_iter().filter_map(|row| match row {
            Value::Object(row) => Some(self.open(name, row)),
            _ => None,
        });
        (name, rows.collect())
    }

    /// A row as it is shown: what is sealed is opened, ids have their prefixes, what says nothing is left out.
    fn open(&mut self, table: &'static str, row: Map<String, Value>) -> Map<String, Value> {
        let of_row: Vec<Uuid> = row.values().filter_map(|value| value.as_str()?.parse().ok()).collect();
        let mut shown = Map::new();
        for (column, value) in row {
            // What the customer keeps of the account is about the account.
            let is_own = table == "accounts" || column == "fields";
            let without_addresses = |value| if is_own { value } else { others::without_addresses(value) };
            // A shard is the last byte of any id beside it; a hash of the chain says nothing about anybody.
            if value.is_null() || ["shard", "account_shard", "mac"].contains(&column.as_str()) {
                continue;
            }
            let origin = if table == "kept_runs" { "runs" } else { table };
            let sealed = SEALED.iter().find(|(of, sealed, _)| *of == origin && *sealed == column);
            let (name, value) = match (sealed, &value) {
                (Some((_, _, purpose)), Value::String(text)) => {
                    let name = column.trim_start_matches("sealed_").to_owned();
                    let opened = self.opened(*purpose, &bytes(text), &of_row, &shown);
                    let opened = if is_said(*purpose) { others::without_addresses(opened) } else { opened };
                    (name, others::left_out(opened, &self.others))
                }
                (None, Value::String(text)) => {
                    let prefix = PREFIXES.iter().find(|(known, _)| *known == column);
                    let written =
                        prefix.zip(text.parse().ok()).map(|((_, prefix), id)| id::with_prefix(prefix, id));
                    let written = written.map_or_else(|| without_addresses(value), Value::String);
                    (column, written)
                }
                _ => (column, without_addresses(value)),
            };
            shown.insert(name.replace('_', "-"), value);
        }
        shown
    }

    fn opened(
        &mut self,
        purpose: Purpose,
        sealed: &[u8],
        of_row: &[Uuid],
        shown: &Map<String, Value>,
    ) -> Value {
        let (likely, others): (Vec<_>, Vec<_>) =
            self.keys.iter().partition(|(object, _)| of_row.contains(object));
        // The wrong key opens nothing: the ciphertext says so.
        let plain =
            likely.into_iter().chain(others).find_map(|(_, key)| key.open_bytes(purpose, sealed).ok());
        let Some(plain) = plain else { return DESTROYED.into() };
        if purpose == Purpose::AccountFile {
            let id = shown.get("file-id").and_then(Value::as_str).unwrap_or("file").to_owned();
            let told = format!("files/{id}");
            self.files.push((id, plain));
            return told.into();
        }
        serde_json::from_slice(&plain).unwrap_or_else(|_| "not readable".into())
    }
}

/// Whether it is what colleagues say: addresses in it are theirs.
const fn is_said(purpose: Purpose) -> bool {
    matches!(
        purpose,
        Purpose::HitComment | Purpose::HitReason | Purpose::DecisionReason | Purpose::PauseReason
    )
}

/// The bytes that PostgreSQL writes as `\x…`.
fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").unwrap_or_default();
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
