//! Who of those that share a key with what came to a list could match it.
//!
//! Keys find far more accounts than match: two names that sound alike share one. So whoever they find is compared with
//! the few entities that came, by the rules of the schedules that use the list, and only who matches one of them runs. All
//! others would find what they found before.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use sqlx::PgConnection;
use tokio::task::JoinHandle;

use super::super::{Engine, EngineError, PlannedSchedule};
use crate::{
    actions::subjects,
    ambient::cores::on_all_cores,
    domain::id::AccountId,
    providers::local::PublishedList,
    screening::{
        index::Index,
        list::{List, ParseFaults},
    },
    store::{
        accounts::{self, AccountRow},
        rescreens::Open,
    },
};

/// The entities that came, and who asks about the list.
pub(super) struct Sieve {
    came: Index,
    schedules: Vec<Arc<PlannedSchedule>>,
}

/// What this process can compare accounts with.
pub(super) enum Held {
    /// Nothing was noted of what came: all that are found run.
    Nothing,
    /// It has not read the list's version yet.
    NotYet,
    /// What came.
    Sieve(Arc<Sieve>),
}

impl Held {
    /// What came, of the ids `gains`, in the change that began `open`.
    pub(super) fn of(engine: &Engine, open: &Open, gains: &[String]) -> Self {
        let Some((name, number)) = open.change.as_ref().filter(|_| !gains.is_empty()) else {
            return Self::Nothing;
        };
        let list = engine.plan.published.iter().find(|list| list.name() == name);
        // The number first: what is read after it is of that version or a newer one, whose own change has its own.
        let list = list.filter(|list| list.number() >= *number);
        let Some(index) = list.and_then(PublishedList::index) else { return Self::NotYet };
        let gains: HashSet<&str> = gains.iter().map(String::as_str).collect();
        let came = index.entities().iter().filter(|entity| gains.contains(entity.id.as_str()));
        let came = List {
            name: name.clone(),
            version: index.version().to_owned(),
            entities: came.cloned().collect(),
            faults: ParseFaults::default(),
        };
        let schedules = open.schedules.iter().filter_map(|id| engine.plan.schedules.get(id));
        Self::Sieve(Arc::new(Sieve { came: Index::build_of(came), schedules: schedules.cloned().collect() }))
    }
}

impl Sieve {
    /// Reads `accounts` as they stand now, and begins to compare them with what came.
    pub(super) async fn begin(
        self: &Arc<Self>,
        engine: &Engine,
        conn: &mut PgConnection,
        accounts: &[AccountId],
    ) -> Result<Comparing, EngineError> {
        engine.plan.types.refresh(conn).await?;
        let rows =
            if accounts.is_empty() { Vec::new() } else { accounts::list_of_ids(conn, accounts).await? };
        let all = rows.iter().map(|row| row.id).collect();
        let (sieve, at_work) = (Arc::clone(self), engine.clone());
        let concerned = tokio::task::spawn_blocking(move || {
            let concerned = on_all_cores(&rows, |row| sieve.may_match(&at_work, row));
            rows.iter().zip(concerned).filter(|(_, concerned)| *concerned).map(|(row, _)| row.id).collect()
        });
        Ok(Comparing { concerned, all })
    }

    /// Of an account that does not open, or whose names cannot be compared, its runs say so.
    fn may_match(&self, engine: &Engine, row: &AccountRow) -> bool {
        let Some(account_type) = engine.plan.types.get(row.account_type) else { return true };
        let matches = catch_unwind(AssertUnwindSafe(|| {
            let subject = subjects::of_account(&engine.context, &account_type, row).ok()?;
            Some(self.schedules.iter().any(|schedule| {
                schedule.provider.provider.would_match(&subject, schedule.threshold(), &self.came)
            }))
        }));
        matches.ok().flatten().unwrap_or(true)
    }
}

/// A comparison under way.
pub(super) struct Comparing {
    concerned: JoinHandle<HashSet<AccountId>>,
    all: HashSet<AccountId>,
}

impl Comparing {
    /// Those that match something that came.
    pub(super) async fn concerned(self) -> HashSet<AccountId> {
        // What breaks off leaves nobody out.
        self.concerned.await.unwrap_or(self.all)
    }
}
