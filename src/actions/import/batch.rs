//! One batch of rows: one transaction.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{BadRow, ImportOptions, Imported, rows::Row, source};
use crate::{
    actions::{
        ActionError, Context,
        accounts::{fields, with_defaults},
        importers,
    },
    domain::{
        account_type::{AccountType, WritePolicy},
        id::{AccountId, AccountTypeId},
        monitor::Trigger,
    },
    store::{
        self, account_tags,
        account_tokens::{self, Token},
        accounts::{self, AccountRow, NewAccount, NewFields},
        data_keys, enrolment,
        events::{self, Event},
        tags,
        wakeups::{self, Urgency},
    },
    vault::WrappedKey,
};

const ACTOR: &str = "import";

/// Up to so many changed accounts of a batch are screened ahead of routine work.
const AT_ONCE: usize = 100;

/// Writes a batch in one transaction. Returns what it did.
pub(super) async fn write(
    context: &Context,
    types: &[(AccountTypeId, AccountType)],
    options: &ImportOptions,
    batch: &source::Batch,
    from_line: u64,
) -> Result<Imported, ActionError> {
    let mut by_type: BTreeMap<usize, Vec<&Row>> = BTreeMap::new();
    for row in &batch.rows {
        by_type.entry(row.type_index).or_default().push(row);
    }
    let actor = options.importer.as_ref().map_or(ACTOR, |(_, actor)| actor);
    let mut imported = Imported { bad: batch.bad.clone(), ..Imported::default() };
    let mut transaction = context.store.transaction().await?;
    if options.dry_run {
        store::save_point(&mut transaction).await?;
    }
    for (index, rows) in by_type {
        let Some((id, account_type)) = types.get(index) else { continue };
        let batch = Batch { context, id: *id, account_type, actor };
        batch.write(&mut transaction, &rows, &mut imported).await?;
    }
    if options.dry_run {
        store::back_to_save_point(&mut transaction).await?;
    }
    if let Some((importer, _)) = options.importer {
        importers::save_progress(&mut transaction, importer, from_line, (&imported, batch.line)).await?;
    }
    transaction.commit().await?;
    Ok(imported)
}

struct Batch<'a> {
    context: &'a Context,
    id: AccountTypeId,
    account_type: &'a AccountType,
    actor: &'a str,
}

/// How an account that is there changes.
struct Update {
    account: AccountId,
    fields: Option<NewFields>,
    /// A field that the row would write again, and may not.
    written: Option<String>,
    /// Its tokens as they were, and as they are to be; none when they stay.
    tokens: Option<(Vec<Token>, Vec<Token>)>,
    key: Option<(Uuid, WrappedKey)>,
    status: Option<String>,
    screened: bool,
}

impl Batch<'_> {
    async fn write(
        &self,
        transaction: &mut PgConnection,
        rows: &[&Row],
        imported: &mut Imported,
    ) -> Result<(), ActionError> {
        let context = self.context;
        let now = context.now();
        let rows = &self.without_retired(transaction, rows, &mut imported.bad).await?[..];
        let references: Vec<String> = rows.iter().map(|row| row.reference_id.clone()).collect();

        // Due rows are locked before accounts, everywhere: so look, wake, and only then lock. An account
        // that somebody else changes in between is woken by that change.
        let before = accounts::list_by_references(transaction, self.id, &references).await?;
        let mut screened = Vec::new();
        for (row, account) in pair(rows, &before) {
            if account.archived_at.is_none() && self.update(row, account)?.screened {
                screened.push(account.id);
            }
        }
        if !screened.is_empty() {
            wake(transaction, &screened, now).await?;
        }
        let present = if before.is_empty() {
            Vec::new()
        } else {
            let ids: Vec<AccountId> = before.iter().map(|account| account.id).collect();
            accounts::lock_all(transaction, &ids).await?;
            accounts::list_by_references(transaction, self.id, &references).await?
        };

        let mut done = Imported::default();
        let mut told: Vec<Event> = Vec::new();
        let mut moved: Vec<AccountId> = Vec::new();
        let mut tagged: Vec<(AccountId, &str)> = Vec::new();
        let mut fields = Vec::new();
        let mut statuses: Vec<(AccountId, String)> = Vec::new();
        let mut keys = Vec::new();
        let mut changed: Vec<AccountId> = Vec::new();
        let mut unwoken = Vec::new();
        let mut refused = 0;
        for (row, account) in pair(rows, &present) {
            if account.archived_at.is_some() {
                let reason = "reference_id: the account is archived".to_owned();
                done.bad.push(BadRow::new(row.line, reason));
                refused += 1;
                continue;
            }
            let update = self.update(row, account)?;
            if let Some(field) = &update.written {
                done.bad.push(BadRow::new(row.line, format!("{field}: is written once, and has a value")));
                refused += 1;
                continue;
            }
            if let Some(field) = retoken(transaction, account.id, update.tokens.as_ref()).await? {
                done.bad.push(BadRow::new(row.line, taken(&field)));
                refused += 1;
                continue;
            }
            if update.screened && !screened.contains(&account.id) {
                unwoken.push(account.id);
            }
            tagged.extend(row.tags.iter().map(|tag| (account.id, tag.as_str())));
            if update.fields.is_some() || update.status.is_some() {
                changed.push(account.id);
            }
            keys.extend(update.key);
            fields.extend(update.fields);
            statuses.extend(update.status.map(|status| (update.account, status)));
        }
        // Changed by somebody else between the look and the lock, and now changed back.
        if !unwoken.is_empty() {
            wake(transaction, &unwoken, now).await?;
        }
        data_keys::insert_all(transaction, &keys, now).await?;
        accounts::save_fields(transaction, &fields, now).await?;
        accounts::save_statuses(transaction, &statuses, now).await?;

        let made = self.new_accounts(rows, &present, &mut done.bad)?;
        let Made { mut new, keys: new_keys, mut by_account, tokens } = made;
        // Before the accounts: of one whose unique value is taken, nothing is written.
        let not_unique = account_tokens::insert_all(transaction, &tokens).await?;
        for taken in &not_unique {
            new.retain(|account| account.id != taken.account);
            by_account.retain(|(account, row)| {
                if *account == taken.account {
                    done.bad.push(BadRow::new(row.line, self::taken(&taken.field)));
                }
                *account != taken.account
            });
        }
        let inserted = accounts::insert_all(transaction, &new, now).await?;
        let inserted: std::collections::HashSet<AccountId> = inserted.into_iter().collect();
        let left_out: Vec<AccountId> =
            tokens.iter().map(|token| token.account).filter(|account| !inserted.contains(account)).collect();
        account_tokens::remove_all(transaction, &left_out).await?;
        let new_keys: Vec<_> =
            new_keys.into_iter().filter(|(id, _)| inserted.contains(&AccountId(*id))).collect();
        data_keys::insert_all(transaction, &new_keys, now).await?;
        for (account, row) in by_account {
            if inserted.contains(&account) {
                done.created += 1;
                moved.push(account);
                tagged.extend(row.tags.iter().map(|tag| (account, tag.as_str())));
                told.push(context.event(
                    account,
                    "account.created",
                    self.actor,
                    json!({ "type": self.account_type.name }),
                ));
            } else {
                let reason =
                    "reference_id: was taken by somebody else during the import; import the row again";
                done.bad.push(BadRow::new(row.line, reason.to_owned()));
            }
        }
        for (account, tag) in account_tags::insert_all(transaction, &tagged, None, now).await? {
            if !inserted.contains(&account) && !changed.contains(&account) {
                changed.push(account);
            }
            told.push(context.event(account, "account.tag-added", self.actor, json!({ "tag": tag })));
        }
        for account in &changed {
            told.push(context.event(*account, "account.updated-fields", self.actor, json!({})));
        }
        done.updated = changed.len() as u64;
        done.unchanged = (present.len() - changed.len() - refused) as u64;
        moved.extend(changed);
        events::insert_all(transaction, &told, now).await?;
        enrolment::insert_queue(transaction, &moved).await?;
        imported.created += done.created;
        imported.updated += done.updated;
        imported.unchanged += done.unchanged;
        imported.bad.append(&mut done.bad);
        Ok(())
    }

    /// The rows that give no account a tag that is retired; what an account has already, it keeps.
    async fn without_retired<'r>(
        &self,
        conn: &mut PgConnection,
        rows: &[&'r Row],
        bad: &mut Vec<BadRow>,
    ) -> Result<Vec<&'r Row>, ActionError> {
        let mut names: Vec<String> = rows.iter().flat_map(|row| row.tags.iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        let retired = if names.is_empty() { names } else { tags::list_retired(conn, &names).await? };
        if retired.is_empty() {
            return Ok(rows.to_vec());
        }
        let references: Vec<String> = rows.iter().map(|row| row.reference_id.clone()).collect();
        let present = accounts::list_by_references(conn, self.id, &references).await?;
        let ids: Vec<AccountId> = present.iter().map(|account| account.id).collect();
        let kept = account_tags::list_all(conn, &ids).await?;
        let accounts: HashMap<u64, AccountId> =
            pair(rows, &present).into_iter().map(|(row, account)| (row.line, account.id)).collect();
        let has = |row: &Row, tag: &String| {
            accounts.get(&row.line).is_some_and(|id| kept.iter().any(|(of, name)| of == id && name == tag))
        };
        let (refused, taken): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| row.tags.iter().any(|tag| retired.contains(tag) && !has(row, tag)));
        bad.extend(refused.iter().map(|row| {
            BadRow::new(
                row.line,
                "tags: one of them is retired; accepted are tags in use, and new ones".to_owned(),
            )
        }));
        Ok(taken)
    }

    /// What a row changes about an account that is there.
    fn update(&self, row: &Row, account: &AccountRow) -> Result<Update, ActionError> {
        let (before, open) = fields::opened(self.context, account)?;
        let mut after = before.clone();
        after.extend(row.fields.clone());
        // The same status, said by a person, is no longer a schedule's to take back.
        let is_news = |status: &String| *status != account.status || account.status_schedule_id.is_some();
        let status = row.status.clone().filter(is_news);
        if after == before {
            return Ok(Update {
                account: account.id,
                fields: None,
                written: None,
                tokens: None,
                key: None,
                status,
                screened: false,
            });
        }
        let kept = fields::kept(self.context, self.account_type, account.id, &after, open)?;
        let of = |fields| fields::tokens(self.context, (self.id, self.account_type), account.id, fields);
        let tokens = (of(&before), of(&after));
        let is_rewritten = |key: &&String| before.get(*key).is_some_and(|old| after.get(*key) != Some(old));
        let once = |key: &&String| {
            self.account_type.field(key).is_some_and(|field| field.write_policy == WritePolicy::WriteOnce)
        };
        Ok(Update {
            account: account.id,
            written: row.fields.keys().filter(once).find(is_rewritten).cloned(),
            tokens: Some(tokens).filter(|(before, after)| before != after),
            fields: Some(NewFields { id: account.id, fields: kept.plain, sealed_fields: kept.sealed }),
            key: kept.new_key.map(|key| (account.id.0, key)),
            status,
            screened: self.account_type.subject(&before) != self.account_type.subject(&after),
        })
    }

    /// The accounts that rows make, with their keys and rows; rows that lack a required field are bad.
    fn new_accounts<'r>(
        &self,
        rows: &[&'r Row],
        present: &[AccountRow],
        bad: &mut Vec<BadRow>,
    ) -> Result<Made<'r>, ActionError> {
        let mut made = Made::default();
        let present: std::collections::HashSet<String> = present
            .iter()
            .filter_map(|account| account.reference_id.as_ref())
            .map(|id| id.to_lowercase())
            .collect();
        for row in rows.iter().filter(|row| !present.contains(&row.reference_id.to_lowercase())) {
            let mut values = row.fields.clone();
            with_defaults(self.account_type, &row.fields, &mut values);
            if let Some(field) = self.account_type.lacking(&values).next() {
                bad.push(BadRow::new(row.line, format!("{}: is required", field.key)));
                continue;
            }
            let id = AccountId(self.context.new_uuid(self.context.new_shard()));
            let kept = fields::kept(self.context, self.account_type, id, &values, None)?;
            made.tokens.extend(fields::tokens(self.context, (self.id, self.account_type), id, &values));
            made.keys.extend(kept.new_key.map(|key| (id.0, key)));
            made.new.push(NewAccount {
                id,
                account_type: self.id,
                reference_id: Some(row.reference_id.clone()),
                status: row.status.clone().unwrap_or_else(|| self.account_type.default_status.clone()),
                fields: kept.plain,
                sealed_fields: kept.sealed,
            });
            made.by_account.push((id, *row));
        }
        Ok(made)
    }
}

/// Has accounts screened again: a few ahead of routine work, many in turn with it.
async fn wake(
    conn: &mut PgConnection,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    let urgency = if accounts.len() <= AT_ONCE { Urgency::Urgent } else { Urgency::Routine };
    wakeups::insert_of_accounts(conn, accounts, Trigger::AccountChange, urgency, now).await?;
    Ok(())
}

/// The accounts that rows make, with what goes with them.
#[derive(Default)]
struct Made<'r> {
    new: Vec<NewAccount>,
    keys: Vec<(Uuid, WrappedKey)>,
    tokens: Vec<Token>,
    by_account: Vec<(AccountId, &'r Row)>,
}

/// Puts an account's tokens in step with its fields; says which unique field's value another has, and then
/// leaves them as they were.
async fn retoken(
    conn: &mut PgConnection,
    account: AccountId,
    tokens: Option<&(Vec<Token>, Vec<Token>)>,
) -> Result<Option<String>, ActionError> {
    let Some((before, after)) = tokens else { return Ok(None) };
    let Some(taken) = account_tokens::save_all(conn, &[account], after).await?.pop() else { return Ok(None) };
    account_tokens::save_all(conn, &[account], before).await?;
    Ok(Some(taken.field))
}

fn taken(field: &str) -> String {
    format!("{field}: another account of the type has the same")
}

/// Rows with the accounts that have their reference ids.
fn pair<'a>(rows: &'a [&Row], accounts: &'a [AccountRow]) -> Vec<(&'a Row, &'a AccountRow)> {
    let by_reference: HashMap<String, &AccountRow> = accounts
        .iter()
        .filter_map(|account| Some((account.reference_id.as_ref()?.to_lowercase(), account)))
        .collect();
    rows.iter().filter_map(|row| Some((*row, *by_reference.get(&row.reference_id.to_lowercase())?))).collect()
}
