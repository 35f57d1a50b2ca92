//! What accounts could match, kept as keyed hashes: by them a changed list finds the accounts that it concerns.
//!
//! Enrolment sees to accounts that changed, in the transaction that makes their monitors: so a new account that is found
//! by nobody yet was not screened yet either, and one that was edited runs again where a list changed in between. The
//! task here sees to all others, when the keys are of a new version, or a type came to screen other fields.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::{ActionError, subjects},
    ambient::cores::on_all_cores,
    domain::{
        id::{AccountId, Shard},
        monitor::Trigger,
    },
    screening::keys,
    store::{
        self, StoreError,
        accounts::{self, AccountRow},
        pauses, rescreens,
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

/// Makes the keys of accounts that changed anew, each with when it was queued for that. A list that changed between the
/// edit and its keys looked for what the account held before: such accounts run again.
pub(super) async fn follow(
    engine: &Engine,
    conn: &mut PgConnection,
    queued: &[(AccountId, DateTime<Utc>)],
) -> Result<(), EngineError> {
    let page: Vec<AccountId> = queued.iter().map(|(account, _)| *account).collect();
    let edited: HashSet<AccountId> = refresh(engine, conn, &page).await?.into_iter().collect();
    let Some(changed_at) = rescreens::last_begun_at(conn).await? else { return Ok(()) };
    // It was begun in a transaction, and is seen from its end on.
    let seen_by = changed_at + engine.settings.longest_write_transaction;
    let missed = queued.iter().filter(|(account, at)| *at <= seen_by && edited.contains(account));
    let missed: Vec<AccountId> = missed.map(|(account, _)| *account).collect();
    if !missed.is_empty() {
        let urgency = if missed.len() <= AT_ONCE { Urgency::Urgent } else { Urgency::Routine };
        let now = engine.context.now();
        wakeups::insert_of_accounts(conn, &missed, Trigger::ListChange, urgency, now).await?;
    }
    Ok(())
}

/// Makes the keys of accounts anew, from what they hold now. Returns those that were edited and whose keys are others.
async fn refresh(
    engine: &Engine,
    conn: &mut PgConnection,
    page: &[AccountId],
) -> Result<Vec<AccountId>, EngineError> {
    let rows = accounts::list_of_ids(conn, page).await?;
    let engine = engine.clone();
    // Thousands of names take a while: no worker of the runtime waits for them.
    let made = tokio::task::spawn_blocking(move || on_all_cores(&rows, |row| made_of(&engine, row)));
    let made = made.await.map_err(|_| StoreError::Inconsistent { column: "accounts.sealed_fields" })?;
    let (keyed, without): (Vec<_>, Vec<_>) =
        made.into_iter().flatten().partition(|one| !one.tokens.is_empty());
    let without: Vec<(AccountId, i64)> =
        without.into_iter().map(|one| (one.account, one.account_version)).collect();
    if !without.is_empty() {
        screening_keys::remove_older(conn, keys::VERSION, &without).await?;
    }
    let edited = keyed.iter().filter(|one| one.account_version > 1);
    let edited: HashSet<AccountId> = edited.map(|one| one.account).collect();
    let mut changed = if keyed.is_empty() {
        Vec::new()
    } else {
        screening_keys::save_all(conn, keys::VERSION, &keyed).await?
    };
    changed.retain(|account| edited.contains(account));
    Ok(changed)
}

/// The keys of an account. One of which none can be made must not keep others from theirs; its runs say so, too.
fn made_of(engine: &Engine, row: &AccountRow) -> Option<AccountKeys> {
    let account_type = engine.plan.types.get(row.account_type)?;
    let keys = catch_unwind(AssertUnwindSafe(|| {
        let subject = subjects::of_account(&engine.context, &account_type, row)?;
        Ok::<_, ActionError>(keys::account_keys(&subject))
    }));
    match keys {
        Ok(Ok(keys)) => {
            let tokens = engine.context.screening_tokens(&keys);
            Some(AccountKeys { account: row.id, account_version: row.version, tokens })
        }
        Ok(Err(error)) => {
            tracing::error!(account.id = %row.id, error = &error as &dyn std::error::Error, "an account does not open");
            None
        }
        Err(_) => {
            tracing::error!(account.id = %row.id, "an account's keys cannot be made");
            None
        }
    }
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
