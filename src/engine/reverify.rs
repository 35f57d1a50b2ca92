//! Accounts that are to be verified again: the walk after a rule has changed, and telling of those that are due.
//!
//! Changed accounts come from [`super::enrol`], which looks at each of them anyway.

use std::time::Duration;

use sqlx::PgConnection;

use super::{
    Engine, EngineError, enrol,
    task::{Activation, Task},
};
use crate::{
    actions::reverify::{self, Rule},
    domain::id::{AccountId, Shard},
    store::{
        self, accounts,
        reverifications::{self, DueAccount},
        revisions,
    },
    telemetry::health::Health,
};

/// How often it is looked for accounts that are due.
pub const EVERY: Duration = Duration::from_secs(5);

/// How many accounts one transaction of the walk looks at.
const PAGE: usize = 1000;

/// How many accounts one transaction tells of.
const DUE: i64 = 200;

/// The task; one process of a fleet does it at a time.
pub struct Reverify {
    engine: Engine,
}

impl Reverify {
    /// Makes the task.
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Whether a newer configuration than this engine's is in force: its rules would be taken for removed.
    async fn is_outdated(&self, conn: &mut PgConnection) -> Result<bool, EngineError> {
        let newest = revisions::find_newest_number(conn).await?;
        Ok(self.engine.plan.revision.is_some() && self.engine.plan.revision < newest)
    }

    /// Looks at the next page of a walk; returns whether there was one.
    async fn walk(&self) -> Result<bool, EngineError> {
        let context = &self.engine.context;
        let mut transaction = context.store.transaction().await?;
        let Some(walk) = reverifications::lock_walk(&mut transaction).await? else { return Ok(false) };
        if self.is_outdated(&mut transaction).await? {
            return Ok(false);
        }
        let (mut shard, mut after) = (walk.shard, walk.after);
        let mut page: Vec<AccountId> = Vec::new();
        let place = loop {
            let limit = PAGE - page.len();
            let found =
                accounts::list_page(&mut transaction, shard, after, i64::try_from(limit).unwrap_or(i64::MAX))
                    .await?;
            after = found.last().map(|account| account.0).or(after);
            let is_whole = found.len() < limit;
            page.extend(found);
            match shard.0.checked_add(1) {
                _ if !is_whole => break Some((shard, after)),
                Some(next) => (shard, after) = (Shard(next), None),
                None => break None,
            }
        };
        match rules(&self.engine).find(|rule| rule.id == walk.rule_id) {
            Some(rule) => reverify::refresh(context, &mut transaction, &rule, &page).await?,
            None => reverify::forget(&mut transaction, walk.rule_id, &page).await?,
        }
        reverifications::save_walk(&mut transaction, walk.rule_id, place).await?;
        transaction.commit().await?;
        if place.is_none() {
            tracing::info!(reverification.name = %walk.name, "every account was looked at for its reverification");
        }
        Ok(true)
    }

    /// Tells of accounts that are due; returns whether there may be more.
    async fn tell(&self) -> Result<bool, EngineError> {
        let context = &self.engine.context;
        let mut transaction = context.store.transaction().await?;
        if self.engine.plan.reverifications.is_empty()
            || !store::lock_task(&mut transaction, "reverify").await?
            || self.is_outdated(&mut transaction).await?
        {
            return Ok(false);
        }
        let due = reverifications::list_due(&mut transaction, context.now(), DUE).await?;
        // Accounts are locked in one order within a transaction, so it is for one rule.
        let Some(rule_id) = due.first().map(|due| due.rule_id) else { return Ok(false) };
        let of_rule: Vec<DueAccount> = due.iter().copied().filter(|due| due.rule_id == rule_id).collect();
        match rules(&self.engine).find(|rule| rule.id == rule_id) {
            Some(rule) => {
                let told = reverify::tell(context, &mut transaction, &rule, &of_rule).await?;
                tracing::info!(reverification.name = %rule.rule.name, count = told, "accounts are to be verified again");
            }
            None => {
                let accounts: Vec<AccountId> = of_rule.iter().map(|due| due.account).collect();
                reverify::forget(&mut transaction, rule_id, &accounts).await?;
            }
        }
        transaction.commit().await?;
        Ok(true)
    }
}

impl Task for Reverify {
    const NAME: &'static str = "reverify";

    fn health(&self) -> &Health {
        &self.engine.health
    }

    async fn activate(&mut self) -> Result<Activation, EngineError> {
        if !self.engine.fleet.is_current() {
            return Ok(Activation::Done);
        }
        let (told, walked) = (self.tell().await?, self.walk().await?);
        Ok(if told || walked { Activation::More } else { Activation::Done })
    }
}

/// Works out anew when changed accounts are due, by every rule.
pub(super) async fn refresh(
    engine: &Engine,
    conn: &mut PgConnection,
    page: &[AccountId],
) -> Result<(), EngineError> {
    for rule in rules(engine) {
        reverify::refresh(&engine.context, conn, &rule, page).await?;
    }
    Ok(())
}

/// The rules of the plan, as statements compare with them.
fn rules(engine: &Engine) -> impl Iterator<Item = Rule<'_>> {
    let rules = engine.plan.reverifications.iter();
    rules.map(|(id, rule)| Rule { id: *id, rule, selected: enrol::selected(engine, &rule.accounts) })
}
