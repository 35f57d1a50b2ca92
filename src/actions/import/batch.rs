//! One batch of rows: one transaction.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{BadRow, ImportOptions, Imported, rows::Row, source};
use crate::{
    actions::{ActionError, Context, accounts::fields, importers},
    domain::{
        account_type::AccountType,
        id::{AccountId, AccountTypeId, Shard},
        monitor::Trigger,
    },
    store::{
        account_tags,
        accounts::{self, AccountRow, NewAccount, NewFields},
        data_keys, enrolment,
        events::{self, Event},
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
    for (index, rows) in by_type {
        let Some((id, account_type)) = types.get(index) else { continue };
        let batch = Batch { context, id: *id, account_type, actor };
        batch.write(&mut transaction, &rows, &mut imported).await?;
    }
    if let Some((importer, _)) = options.importer {
        importers::save_progress(&mut transaction, importer, from_line, (&imported, batch.line)).await?;
    }
    if !options.dry_run {
        transaction.commit().await?;
    }
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
        let mut archived = 0;
        for (row, account) in pair(rows, &present) {
            if account.archived_at.is_some() {
                let reason = "reference_id: the account is archived".to_owned();
                done.bad.push(BadRow::new(row.line, reason));
                archived += 1;
                continue;
            }
            let update = self.update(row, account)?;
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

        let (new, new_keys, by_account) = self.new_accounts(rows, &present, &mut done.bad)?;
        let inserted = accounts::insert_all(transaction, &new, now).await?;
        let inserted: std::collections::HashSet<AccountId> = inserted.into_iter().collect();
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
        done.unchanged = (present.len() - changed.len() - archived) as u64;
        moved.extend(changed);
        events::insert_all(transaction, &told, now).await?;
        enrolment::insert_queue(transaction, &moved).await?;
        imported.created += done.created;
        imported.updated += done.updated;
        imported.unchanged += done.unchanged;
        imported.bad.append(&mut done.bad);
        Ok(())
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
            return Ok(Update { account: account.id, fields: None, key: None, status, screened: false });
        }
        let kept = fields::kept(self.context, self.account_type, account.id, &after, open)?;
        Ok(Update {
            account: account.id,
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
    ) -> Result<NewAccounts<'r>, ActionError> {
        let (mut new, mut keys, mut by_account) = (Vec::new(), Vec::new(), Vec::new());
        let present: std::collections::HashSet<String> = present
            .iter()
            .filter_map(|account| account.reference_id.as_ref())
            .map(|id| id.to_lowercase())
            .collect();
        for row in rows.iter().filter(|row| !present.contains(&row.reference_id.to_lowercase())) {
            if let Some(field) = self.account_type.lacking(&row.fields).next() {
                bad.push(BadRow::new(row.line, format!("{}: is required", field.key)));
                continue;
            }
            let [shard] = self.context.random.bytes::<1>();
            let id = AccountId(self.context.new_uuid(Shard(shard)));
            let kept = fields::kept(self.context, self.account_type, id, &row.fields, None)?;
            keys.extend(kept.new_key.map(|key| (id.0, key)));
            new.push(NewAccount {
                id,
                account_type: self.id,
                reference_id: Some(row.reference_id.clone()),
                status: row.status.clone().unwrap_or_else(|| self.account_type.default_status.clone()),
                fields: kept.plain,
                sealed_fields: kept.sealed,
            });
            by_account.push((id, *row));
        }
        Ok((new, keys, by_account))
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

type NewAccounts<'r> = (Vec<NewAccount>, Vec<(Uuid, WrappedKey)>, Vec<(AccountId, &'r Row)>);

/// Rows with the accounts that have their reference ids.
fn pair<'a>(rows: &'a [&Row], accounts: &'a [AccountRow]) -> Vec<(&'a Row, &'a AccountRow)> {
    let by_reference: HashMap<String, &AccountRow> = accounts
        .iter()
        .filter_map(|account| Some((account.reference_id.as_ref()?.to_lowercase(), account)))
        .collect();
    rows.iter().filter_map(|row| Some((*row, *by_reference.get(&row.reference_id.to_lowercase())?))).collect()
}
