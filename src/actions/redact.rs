//! Redacting accounts: their personal data is destroyed, for good; the accounts stay, and can be filled again.
//!
//! One transaction: due rows first, so that an answer under way comes too late and leaves a slim superseded run;
//! then the account's data key with all that it sealed, the reports' keys and contents, and whatever else is kept
//! of the account and of those that were consolidated into it. Fields that are not marked pii stay, and those whose
//! type says that they are never redacted, or that a policy keeps for now, sealed anew. So do tags, status, times and
//! reference id.
//!
//! By hand it is one account; the sweep of [`retention`] redacts many in one transaction, by the same steps.

mod single;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

pub(super) use single::{Gone, redact_fields};

use super::{
    ActionError, Context,
    accounts::fields,
    erasure, inquiries, reports, retention,
    retire::{self, TRIES},
};
use crate::{
    domain::{
        account_type::{AccountType, RedactionPolicy},
        id::{AccountId, AccountTypeId},
    },
    store::{
        account_actions, account_files, account_tokens, account_types,
        accounts::{self, AccountRow},
        data_keys, erasures, events, idempotency, moves, pauses,
        redactions::{self, Kept},
        screening_keys,
        standings::{self, Standing},
    },
};

/// Redacts an account, with what was consolidated into it. Redacting what is redacted and was not filled since is
/// refused; so is what a policy or a hold keeps.
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

/// Redacts again what an older state of the database has again: an account whole, but for fields that a policy kept, or
/// only `fields` of it. It had been redacted lawfully: nobody is asked whether it may.
pub(super) async fn redact_again(
    context: &Context,
    actor: &str,
    account: AccountId,
    (fields, kept): (Option<&BTreeSet<String>>, &HashMap<AccountId, BTreeSet<String>>),
) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    retention::lock_policies(&mut transaction).await?;
    let members = lock_families(&mut transaction, &[account]).await?;
    if let Some(fields) = fields {
        let gone = Gone { fields: fields.clone(), detail: json!({}) };
        redact_fields(context, &mut transaction, actor, &BTreeMap::from([(account, gone)])).await?;
    } else {
        let told = members.iter().map(|member| (member.account, json!({}))).collect();
        let wanted =
            Wanted { members, keeps: kept.clone(), told: (actor.to_owned(), told), is_activity: false };
        redact_locked(context, &mut transaction, &wanted).await?;
    }
    erasure::commit(context, transaction).await
}

/// As [`redact`], inside the caller's transaction, which has locked no account yet.
pub(super) async fn redact_in(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    account: AccountId,
) -> Result<(), ActionError> {
    retention::lock_policies(conn).await?;
    let members = lock_families(conn, &[account]).await?;
    check(&members, account)?;
    let keeps = retention::refuse_account(context, conn, actor, account).await?;
    let told = members.iter().map(|member| (member.account, json!({}))).collect();
    let wanted = Wanted { members, keeps, told: (actor.to_owned(), told), is_activity: true };
    redact_locked(context, conn, &wanted).await
}

/// Locks accounts and all that were consolidated into them: their due rows first, and enrolment on their shards is held
/// up.
pub(super) async fn lock_families(
    conn: &mut PgConnection,
    accounts: &[AccountId],
) -> Result<Vec<Standing>, ActionError> {
    // Nobody archives or consolidates meanwhile, and enrolment must not make a monitor active by what it read before.
    pauses::lock_shared(conn).await?;
    let members = standings::list_families(conn, accounts).await?;
    pauses::lock_shards(conn, &members).await?;
    moves::lock_due_of_accounts(conn, &members).await?;
    Ok(standings::lock(conn, &members).await?)
}

fn check(members: &[Standing], account: AccountId) -> Result<(), ActionError> {
    let own = members.iter().find(|member| member.account == account);
    let own = own.ok_or(ActionError::NotFound(retire::ACCOUNT))?;
    if let Some(destination) = own.consolidated_into {
        let text =
            format!("the account was consolidated into {destination}: redact that one, which redacts both");
        return Err(ActionError::Conflict(text));
    }
    Ok(())
}

/// What is to be redacted: whole families, locked.
pub(super) struct Wanted {
    /// The accounts.
    pub(super) members: Vec<Standing>,
    /// Fields that a policy keeps for now, by account.
    pub(super) keeps: HashMap<AccountId, BTreeSet<String>>,
    /// Who redacts, and what else the event of each account tells.
    pub(super) told: (String, HashMap<AccountId, Value>),
    /// Whether the accounts change by it: they do not when a sweep does it, which nobody waits for.
    pub(super) is_activity: bool,
}

/// Redacts locked families.
pub(super) async fn redact_locked(
    context: &Context,
    conn: &mut PgConnection,
    wanted: &Wanted,
) -> Result<(), ActionError> {
    let now = context.now();
    let family: Vec<AccountId> = wanted.members.iter().map(|member| member.account).collect();
    erasure::begin(conn).await?;
    let mut counts = erasures::count(conn, &family).await?;
    reports::redact_of_accounts(conn, &family, now).await?;
    forget_all(context, conn, wanted, now).await?;
    inquiries::redact_of_accounts(context, conn, &family, wanted.is_activity).await?;
    let answers = redactions::save_reports(conn, &family, now).await?;
    for (account, counts) in &mut counts {
        counts.answers = answers.get(account).copied().unwrap_or(0);
    }
    // What was consolidated into an account goes with it: the account's own entry tells of all keys.
    let erased = erasure::of_accounts(conn, &wanted.members, &counts).await?;
    let (actor, details) = &wanted.told;
    let tell = |member: &Standing| {
        let mut detail = details.get(&member.account).cloned().unwrap_or_else(|| json!({}));
        if let (Some(detail), Some(Value::Object(told))) =
            (detail.as_object_mut(), erased.get(&member.account).cloned())
        {
            detail.extend(told);
        }
        context.event(member.account, "account.redacted", actor, detail)
    };
    let told: Vec<_> = wanted.members.iter().map(tell).collect();
    events::insert_all(conn, &told, now).await?;
    Ok(())
}

/// Destroys what is sealed of accounts, but for what their types keep.
async fn forget_all(
    context: &Context,
    conn: &mut PgConnection,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let members: Vec<AccountId> = wanted.members.iter().map(|member| member.account).collect();
    let types = types_of(conn, wanted.members.iter().map(|member| member.account_type)).await?;
    let rows = accounts::find_all(conn, &members).await?;
    let none = BTreeSet::new();
    let mut sealed_stays = Vec::new();
    for row in &rows {
        let account_type =
            types.get(&row.account_type).ok_or(ActionError::NotFound("type of the account"))?;
        let keeps = wanted.keeps.get(&row.id).unwrap_or(&none);
        sealed_stays.push(kept_sealed(context, conn, row, account_type, keeps).await?);
    }
    // Before the new keys: an object has one.
    let ids: Vec<_> = members.iter().map(|member| member.0).collect();
    data_keys::remove_all(conn, &ids).await?;
    erasures::save_kept(conn, wanted.keeps.iter()).await?;
    account_files::remove_of_accounts(conn, &members).await?;
    let (mut kept, mut keys, mut tokens, mut files) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, (stays, own_files)) in rows.iter().zip(sealed_stays) {
        let account_type =
            types.get(&row.account_type).ok_or(ActionError::NotFound("type of the account"))?;
        let sealed = fields::kept(context, account_type, row.id, &stays, None)?;
        keys.extend(sealed.new_key.map(|key| (row.id.0, key)));
        tokens.extend(fields::tokens(context, (row.account_type, account_type), row.id, &stays));
        kept.push(Kept { account: row.id, fields: sealed.plain, sealed_fields: sealed.sealed });
        if !own_files.is_empty() {
            files.push((row.id, account_type, stays, own_files));
        }
    }
    data_keys::insert_all(conn, &keys, now).await?;
    for (account, account_type, stays, own_files) in files {
        let mut keys = data_keys::get_or_insert(conn, &context.keyring, &[account.0], now).await?;
        let key = keys.remove(&account.0).expect("`get_or_insert` makes what is missing");
        fields::save_files(conn, (account, account_type), &stays, (&own_files, Some(&key)), now).await?;
    }
    account_tokens::save_all(conn, &members, &tokens).await?;
    screening_keys::remove_all(conn, &members).await?;
    redactions::save_accounts(conn, &kept, wanted.is_activity, now).await?;
    account_actions::redact_of_accounts(conn, &members).await?;
    idempotency::remove_of_accounts(conn, &members).await?;
    Ok(())
}

async fn types_of(
    conn: &mut PgConnection,
    ids: impl Iterator<Item = AccountTypeId>,
) -> Result<HashMap<AccountTypeId, AccountType>, ActionError> {
    let mut types = HashMap::new();
    for id in ids.collect::<HashSet<_>>() {
        types.insert(id, account_types::get(conn, id).await?);
    }
    Ok(types)
}

/// The fields that outlast the redaction of an account, with the files among them, opened: their key goes.
async fn kept_sealed(
    context: &Context,
    conn: &mut PgConnection,
    row: &AccountRow,
    account_type: &AccountType,
    keeps: &BTreeSet<String>,
) -> Result<(Map<String, Value>, Vec<super::accounts::NewFile>), ActionError> {
    let never = |field: &crate::domain::account_type::Field| {
        field.pii && field.redaction_policy == RedactionPolicy::Never
    };
    let stays = |key: &String| account_type.stays_on_redaction(key) || keeps.contains(key);
    if keeps.is_empty() && !account_type.fields.iter().any(never) {
        // Nothing sealed stays: nothing is opened.
        let mut plain = row.fields.as_object().cloned().unwrap_or_default();
        plain.retain(|key, _| stays(key));
        return Ok((plain, Vec::new()));
    }
    let (mut fields, old_key) = fields::opened(context, row)?;
    fields.retain(|key, _| stays(key));
    let files = fields::open_files(conn, account_type, &fields, old_key.as_ref()).await?;
    Ok((fields, files))
}
