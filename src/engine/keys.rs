//! What accounts could match, kept as keyed hashes: by them a changed list finds the accounts that it concerns.
//!
//! Enrolment sees to accounts that changed, in the transaction that makes their monitors: so an account that is found
//! by nobody yet was not screened yet either. The task here sees to all others, when the keys are of a new version.

use std::time::Duration;

use sqlx::PgConnection;

use super::{
    Engine, EngineError,
    task::{Activation, Task},
};
use crate::{
    actions::{Context, accounts::fields},
    domain::id::{AccountId, Shard},
    screening::keys,
    store::{
        self, accounts, pauses,
        screening_keys::{self, AccountKeys, Build},
    },
    telemetry::health::Health,
};

/// How often it is looked whether keys are to be made for all accounts.
pub(super) const EVERY: Duration = Duration::from_secs(10);

/// How many accounts one transaction sees to.
const PAGE: i64 = 1000;

/// Makes the keys of accounts anew, from what they hold now.
pub(super) async fn refresh(
    engine: &Engine,
    conn: &mut PgConnection,
    page: &[AccountId],
) -> Result<(), EngineError> {
    let mut made = Vec::with_capacity(page.len());
    for row in accounts::list_of_ids(conn, page).await? {
        let Some(account_type) = engine.plan.types.get(row.account_type) else { continue };
        let fields = match fields::opened(&engine.context, &row) {
            Ok((fields, _)) => fields,
            Err(error) => {
                // Its runs say so, too; it must not keep others from their keys.
                tracing::error!(account.id = %row.id, error = &error as &dyn std::error::Error, "an account does not open");
                continue;
            }
        };
        let keys = keys::account_keys(&account_type.subject(&fields));
        made.push(AccountKeys {
            account: row.id,
            account_version: row.version,
            tokens: tokens(&engine.context, &keys),
        });
    }
    let (keyed, without): (Vec<_>, Vec<_>) = made.into_iter().partition(|one| !one.tokens.is_empty());
    let without: Vec<AccountId> = without.into_iter().map(|one| one.account).collect();
    if !without.is_empty() {
        screening_keys::remove_all(conn, &without).await?;
    }
    if !keyed.is_empty() {
        screening_keys::save_all(conn, keys::VERSION, &keyed).await?;
    }
    Ok(())
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
