//! What accounts could match, kept as keyed hashes: by them a changed list finds the accounts that it concerns.
//!
//! Enrolment sees to accounts that changed, in the transaction that makes their monitors: so a new account that is found
//! by nobody yet was not screened yet either, and one that was edited runs again where a list changed in between. The
//! task here sees to all others, when the keys are of a new version, or a type came to screen other fields.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::{Context, accounts::fields},
    domain::{
        id::{AccountId, Shard},
        monitor::Trigger,
    },
    screening::keys,
    store::{
        self, StoreError,
        accounts::{self, AccountRow},
        list_versions, pauses,
        screening_keys::{self, AccountKeys, Build},
        wakeups::{self, Urgency},
    },
    telemetry::health::Health,
};

/// How often it is looked whether keys are to be made for all accounts.
pub(super) const EVERY: Duration = Duration::from_secs(10);

/// How many accounts one transaction sees to.
const PAGE: i64 = 1000;

/// Up to so many accounts of a page run ahead of routine work.
const AT_ONCE: usize = 500;

/// Makes the keys of accounts that changed anew. A list that changed between the edit and its keys looked for what the
/// account held before: such accounts run again.
pub(super) async fn follow(
    engine: &Engine,
    conn: &mut PgConnection,
    page: &[AccountId],
) -> Result<(), EngineError> {
    let edited = refresh(engine, conn, page).await?;
    let Some(taken_at) = list_versions::last_taken_at(conn).await? else { return Ok(()) };
    let missed: Vec<AccountId> =
        edited.into_iter().filter(|(_, at)| *at <= taken_at).map(|(account, _)| account).collect();
    if !missed.is_empty() {
        let urgency = if missed.len() <= AT_ONCE { Urgency::Urgent } else { Urgency::Routine };
        let now = engine.context.now();
        wakeups::insert_of_accounts(conn, &missed, Trigger::ListChange, urgency, now).await?;
    }
    Ok(())
}

/// Makes the keys of accounts anew, from what they hold now. Returns those whose keys are others, with when they were
/// edited.
async fn refresh(
    engine: &Engine,
    conn: &mut PgConnection,
    page: &[AccountId],
) -> Result<Vec<(AccountId, DateTime<Utc>)>, EngineError> {
    let rows = accounts::list_of_ids(conn, page).await?;
    let engine = engine.clone();
    // Thousands of names take a while: no worker of the runtime waits for them.
    let made = tokio::task::spawn_blocking(move || made_of(&engine, &rows));
    let made = made.await.map_err(|_| StoreError::Inconsistent { column: "accounts.sealed_fields" })?;
    let edited: HashMap<AccountId, DateTime<Utc>> =
        made.iter().filter_map(|(keys, at)| Some((keys.account, (*at)?))).collect();
    let made = made.into_iter().map(|(keys, _)| keys);
    let (keyed, without): (Vec<_>, Vec<_>) = made.partition(|one| !one.tokens.is_empty());
    let without: Vec<(AccountId, i64)> =
        without.into_iter().map(|one| (one.account, one.account_version)).collect();
    if !without.is_empty() {
        screening_keys::remove_older(conn, keys::VERSION, &without).await?;
    }
    let changed = if keyed.is_empty() {
        Vec::new()
    } else {
        screening_keys::save_all(conn, keys::VERSION, &keyed).await?
    };
    Ok(changed.into_iter().filter_map(|account| Some((account, *edited.get(&account)?))).collect())
}

/// The keys of accounts, each with when it was edited.
fn made_of(engine: &Engine, rows: &[AccountRow]) -> Vec<(AccountKeys, Option<DateTime<Utc>>)> {
    let mut made = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(account_type) = engine.plan.types.get(row.account_type) else { continue };
        let fields = match fields::opened(&engine.context, row) {
            Ok((fields, _)) => fields,
            Err(error) => {
                // Its runs say so, too; it must not keep others from their keys.
                tracing::error!(account.id = %row.id, error = &error as &dyn std::error::Error, "an account does not open");
                continue;
            }
        };
        let keys = keys::account_keys(&account_type.subject(&fields));
        let tokens = tokens(&engine.context, &keys);
        let keys = AccountKeys { account: row.id, account_version: row.version, tokens };
        made.push((keys, (row.version > 1).then_some(row.updated_at)));
    }
    made
}

/// The tokens of keys, sorted, each once.
pub(super) fn tokens(context: &Context, keys: &[keys::Key]) -> Vec<i64> {
    let mut tokens = context.digest_key.screening_tokens(keys);
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}

/// The task.
pub struct Keys {
    engine: Engine,
}

impl Keys {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Task for Keys {
    const NAME: &'static str = "keys";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        if !self.engine.fleet.is_current() {
            // Others know better what of an account is screened.
            return Ok(Activation::Done);
        }
        let mut transaction = self.engine.context.store.transaction().await?;
        if !store::lock_task(&mut transaction, "screening-keys").await? {
            return Ok(Activation::Done);
        }
        let now = self.engine.context.now();
        let place = screening_keys::begin_build(&mut transaction, keys::VERSION, now).await?;
        let Build::At(shard, after) = place else { return Ok(Activation::Done) };
        // Nothing is made of what is redacted meanwhile.
        pauses::lock_shared(&mut transaction).await?;
        let (mut shard, mut after) = (shard, after.map(|account| account.0));
        let mut page: Vec<AccountId> = Vec::new();
        let next = loop {
            let room = PAGE - i64::try_from(page.len()).unwrap_or(PAGE);
            let found = accounts::list_page(&mut transaction, shard, after, room).await?;
            let is_whole = i64::try_from(found.len()).unwrap_or(i64::MAX) < room;
            page.extend(found);
            match shard.0.checked_add(1) {
                _ if !is_whole => break Build::At(shard, page.last().copied()),
                Some(further) => (shard, after) = (Shard(further), None),
                None => break Build::Finished,
            }
        };
        pauses::lock_shards_shared(&mut transaction, &page).await?;
        self.engine.plan.types.refresh(&mut transaction).await?;
        refresh(&self.engine, &mut transaction, &page).await?;
        screening_keys::save_build(&mut transaction, keys::VERSION, next, now).await?;
        transaction.commit().await?;
        if next == Build::Finished {
            tracing::info!(keys.version = keys::VERSION, "every account has its keys for changes of lists");
        }
        Ok(Activation::More)
    }
}
