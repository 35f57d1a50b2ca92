//! Redacting single fields of accounts, by policies that name them: the rest of each account is sealed anew, for the old
//! key opens the fields in every copy of the database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::types_of;
use crate::{
    actions::{
        ActionError, Context,
        accounts::{NewFile, fields},
        erasure,
        retire::ACCOUNT,
    },
    domain::{
        account_type::AccountType,
        id::{AccountId, AccountTypeId},
        personal::Personal,
    },
    store::{
        account_actions, account_files, account_tokens,
        accounts::{self, AccountRow},
        data_keys, decisions, enrolment, erasures, events, idempotency, moves, pauses,
        redactions::{self, Kept},
        screening_keys,
    },
    vault::{DataKey, Purpose},
};

/// What goes of an account.
pub(in crate::actions) struct Gone {
    /// The fields.
    pub(in crate::actions) fields: BTreeSet<String>,
    /// What else the event tells.
    pub(in crate::actions) detail: Value,
}

/// What stays of an account: opened, for its key goes.
struct Stays {
    account: AccountId,
    account_type: AccountTypeId,
    fields: Map<String, Value>,
    files: Vec<NewFile>,
    /// The reasons of its decisions, by entity.
    reasons: Vec<(String, Personal<String>)>,
}

/// Destroys single fields of locked accounts, of which the due rows are locked, too.
pub(in crate::actions) async fn redact_fields(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    wanted: &BTreeMap<AccountId, Gone>,
) -> Result<(), ActionError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let now = context.now();
    let ids: Vec<AccountId> = wanted.keys().copied().collect();
    let objects: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let gone: BTreeMap<AccountId, &BTreeSet<String>> =
        wanted.iter().map(|(account, gone)| (*account, &gone.fields)).collect();
    let rows = accounts::find_all(conn, &ids).await?;
    if rows.len() < ids.len() {
        return Err(ActionError::NotFound(ACCOUNT));
    }
    let types = types_of(conn, rows.iter().map(|row| row.account_type)).await?;
    let staying = open_all(context, conn, &types, &rows, &gone).await?;
    moves::supersede(conn, &ids).await?;
    decisions::forget_subjects(conn, &ids).await?;
    erasure::begin(conn).await?;
    data_keys::remove_all(conn, &objects).await?;
    erasures::save_fields(conn, &gone).await?;
    account_files::remove_of_accounts(conn, &ids).await?;
    seal_all(context, conn, &types, &staying, &gone).await?;
    // Enrolment makes those of what stays.
    screening_keys::remove_all(conn, &ids).await?;
    // These may quote any field, and are of use to nobody any more.
    pauses::forget_reasons(conn, &ids).await?;
    account_actions::redact_of_accounts(conn, &ids).await?;
    idempotency::remove_of_accounts(conn, &ids).await?;
    enrolment::insert_queue(conn, &ids).await?;
    let details = wanted
        .iter()
        .map(|(account, gone)| (account.0, (gone.detail.clone(), json!({ "fields": gone.fields.len() }))));
    let mut details = erasure::told_of_all(conn, details.collect()).await?;
    let told: Vec<_> = ids
        .iter()
        .map(|account| {
            let detail = details.remove(&account.0).unwrap_or_default();
            context.event(*account, "account.fields-redacted", actor, detail)
        })
        .collect();
    Ok(events::insert_all(conn, &told, now).await?)
}

/// Opens what stays of accounts.
async fn open_all(
    context: &Context,
    conn: &mut PgConnection,
    types: &HashMap<AccountTypeId, AccountType>,
    rows: &[AccountRow],
    gone: &BTreeMap<AccountId, &BTreeSet<String>>,
) -> Result<Vec<Stays>, ActionError> {
    let ids: Vec<AccountId> = rows.iter().map(|row| row.id).collect();
    let mut sealed: HashMap<AccountId, Vec<(String, Vec<u8>)>> = HashMap::new();
    for (account, entity, reason) in decisions::list_reasons(conn, &ids).await? {
        sealed.entry(account).or_default().push((entity, reason));
    }
    let mut staying = Vec::with_capacity(rows.len());
    for row in rows {
        let account_type = type_of(types, row.account_type)?;
        let (mut fields, key) = fields::opened(context, row)?;
        fields.retain(|field, _| gone.get(&row.id).is_none_or(|gone| !gone.contains(field)));
        let files = fields::open_files(conn, account_type, &fields, key.as_ref()).await?;
        let mut reasons = Vec::new();
        if let Some(key) = &key {
            for (entity, reason) in sealed.remove(&row.id).unwrap_or_default() {
                reasons.push((entity, key.open(Purpose::DecisionReason, &reason)?));
            }
        }
        staying.push(Stays { account: row.id, account_type: row.account_type, fields, files, reasons });
    }
    Ok(staying)
}

/// Seals what stays of accounts under new keys.
async fn seal_all(
    context: &Context,
    conn: &mut PgConnection,
    types: &HashMap<AccountTypeId, AccountType>,
    staying: &[Stays],
    gone: &BTreeMap<AccountId, &BTreeSet<String>>,
) -> Result<(), ActionError> {
    let now = context.now();
    let ids: Vec<AccountId> = staying.iter().map(|one| one.account).collect();
    let objects: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let keys = data_keys::get_or_insert(conn, &context.keyring, &objects, now).await?;
    let (mut kept, mut tokens) = (Vec::with_capacity(ids.len()), Vec::new());
    for one in staying {
        let account_type = type_of(types, one.account_type)?;
        let key: &DataKey = keys.get(&one.account.0).expect("`get_or_insert` makes what is missing");
        fields::save_files(conn, (one.account, account_type), &one.fields, (&one.files, Some(key)), now)
            .await?;
        let (plain, sealed) = fields::sealed(account_type, &one.fields, Some(key))?;
        tokens.extend(fields::tokens(context, (one.account_type, account_type), one.account, &one.fields));
        kept.push(Kept { account: one.account, fields: plain, sealed_fields: sealed });
        for (entity, reason) in &one.reasons {
            let sealed = key.seal(Purpose::DecisionReason, reason)?;
            decisions::save_reason(conn, one.account, entity, &sealed).await?;
        }
    }
    account_tokens::save_all(conn, &ids, &tokens).await?;
    Ok(redactions::save_fields(conn, &kept, gone, now).await?)
}

fn type_of(
    types: &HashMap<AccountTypeId, AccountType>,
    id: AccountTypeId,
) -> Result<&AccountType, ActionError> {
    types.get(&id).ok_or(ActionError::NotFound("type of the account"))
}
