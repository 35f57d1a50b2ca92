//! Redacting an account: its personal data is destroyed, for good; the account stays, and can be filled again.
//!
//! One transaction: due rows first, so that an answer under way comes too late and leaves a slim superseded run;
//! then the account's data key with all that it sealed, the reports' keys and contents, and whatever else is kept
//! of the account and of those that were consolidated into it. Fields that are not marked pii stay, and those whose
//! type says that they are never redacted, sealed anew. So do tags, status, times and reference id.

use std::collections::{HashMap, hash_map::Entry};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::{
    ActionError, Context,
    accounts::fields,
    erasure, inquiries, reports,
    retire::{self, TRIES},
};
use crate::{
    domain::{
        account_type::AccountType,
        id::{AccountId, AccountTypeId, MonitorId},
        monitor::{MonitorState, PausedBy},
    },
    store::{
        account_actions, account_files, account_tokens, account_types, accounts, data_keys, erasures, events,
        idempotency, monitors, pauses,
        redactions::{self, Kept},
        standings::{self, Standing},
    },
};

/// Redacts an account, with what was consolidated into it. Redacting what is redacted and was not filled since is
/// refused.
pub async fn redact(context: &Context, actor: &str, account: AccountId) -> Result<(), ActionError> {
    let mut tries = 1;
    loop {
        let mut transaction = context.store.transaction().await?;
        match redact_in(context, &mut transaction, actor, account).await {
            Ok(()) => {
                erasure::commit(context, transaction).await?;
                tracing::info!(account.id = %account, actor, "account redacted");
                return Ok(());
            }
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The same inside the caller's transaction, which has locked no account yet.
pub(super) async fn redact_in(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: AccountId,
) -> Result<(), ActionError> {
    let now = context.now();
    erasure::begin(conn).await?;
    // Enrolment must not make a monitor active by what it read before.
    pauses::lock(conn).await?;
    let family = standings::list_family(conn, account).await?;
    let counts = erasures::count(conn, &family).await?;
    let mut active: Vec<MonitorId> = Vec::new();
    for member in &family {
        active.extend(monitors::list_active(conn, *member).await?);
    }
    let by = PausedBy::AccountRedacted.word();
    monitors::save_stopped(conn, &active, MonitorState::Paused, by, now).await?;
    reports::redact_of_accounts(conn, &family, now).await?;
    let members = standings::lock(conn, &family).await?;
    check(&members, account)?;
    let mut types = HashMap::new();
    for member in &members {
        forget(context, conn, member, &mut types, now).await?;
        inquiries::redact_of_account(context, conn, member.account, now).await?;
    }
    redactions::save_reports(conn, &family, now).await?;
    // What was consolidated into it goes with it: the account's own entry tells of all keys.
    let detail = erasure::told(conn, json!({}), counts).await?;
    let told: Vec<_> = family
        .iter()
        .map(|member| {
            let detail = if *member == account {
                detail.clone()
            } else {
                json!({ "destination-account-id": account })
            };
            context.event(*member, "account.redacted", actor, detail)
        })
        .collect();
    events::insert_all(conn, &told, now).await?;
    Ok(())
}

fn check(members: &[Standing], account: AccountId) -> Result<(), ActionError> {
    let own = members.iter().find(|member| member.account == account);
    let own = own.ok_or(ActionError::NotFound(retire::ACCOUNT))?;
    if let Some(destination) = own.consolidated_into {
        let text =
            format!("the account was consolidated into {destination}: redact that one, which redacts both");
        return Err(ActionError::Conflict(text));
    }
    if own.is_empty {
        return Err(ActionError::Refused("the account is redacted already"));
    }
    Ok(())
}

/// Destroys what is sealed of one account, but for what its type keeps.
async fn forget(
    context: &Context,
    conn: &mut PgConnection,
    standing: &Standing,
    types: &mut HashMap<AccountTypeId, AccountType>,
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let account = standing.account;
    let account_type = match types.entry(standing.account_type) {
        Entry::Occupied(known) => &*known.into_mut(),
        Entry::Vacant(place) => &*place.insert(account_types::get(conn, standing.account_type).await?),
    };
    let row = accounts::find(conn, account).await?.ok_or(ActionError::NotFound(retire::ACCOUNT))?;
    let (fields, old_key) = fields::opened(context, &row)?;
    let stays: Map<String, Value> =
        fields.into_iter().filter(|(key, _)| account_type.stays_on_redaction(key)).collect();
    // Opened before their key goes, sealed anew under the next.
    let files = fields::open_files(conn, account_type, &stays, old_key.as_ref()).await?;
    // Before the new key: an object has one.
    data_keys::remove_all(conn, &[account.0]).await?;
    let stays_sealed = fields::kept(context, account_type, account, &stays, None)?;
    let keys: Vec<_> = stays_sealed.new_key.into_iter().map(|key| (account.0, key)).collect();
    data_keys::insert_all(conn, &keys, now).await?;
    account_files::remove_others(conn, account, &[]).await?;
    if !files.is_empty() {
        let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[account.0], now).await?;
        let key = keys.remove(&account.0).expect("`get_or_insert` makes what is missing");
        fields::save_files(conn, (account, account_type), &stays, (&files, Some(&key)), now).await?;
    }
    let tokens = fields::tokens(context, (standing.account_type, account_type), account, &stays);
    account_tokens::save_all(conn, &[account], &tokens).await?;
    let kept = Kept { account, fields: stays_sealed.plain, sealed_fields: stays_sealed.sealed };
    redactions::save_account(conn, &kept, now).await?;
    account_actions::redact_of_account(conn, account).await?;
    idempotency::remove_of_account(conn, account).await?;
    Ok(())
}
