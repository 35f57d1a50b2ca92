//! Whom a difference between two versions of a list concerns.
//!
//! Who has a hit of what is different runs. Of those who share a key with what came, whoever matches it (`super::sieve`).
//! They are found by looking each token up or, where that is quicker, by reading the keys of all accounts.

use std::sync::Arc;

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::{
    Of, PAGE, Rescreens, Step,
    sieve::{Comparing, Held, Sieve},
    wanted::Wanted,
};
use crate::{
    domain::{
        id::{AccountId, RescreenId},
        monitor::Trigger,
    },
    engine::EngineError,
    store::{
        rescreens::{self, Open, Read},
        screening_keys,
        wakeups::Urgency,
    },
};

/// To look a token up takes as long as to read the keys of so many accounts.
const READ_IN_A_LOOKUP: u64 = 8;

/// Up to so many tokens are looked up however few accounts there are.
const ALWAYS_LOOKED_UP: usize = 1000;

/// For each token that a transaction might look up, so many accounts are read.
const READ_A_TOKEN: usize = 10;

/// In so many pages, of which one is compared while the next is read.
const PAGES_A_TRANSACTION: usize = 4;

/// How long those who have not read a list's new version leave its change to those who have.
const LEFT_TO_OTHERS: TimeDelta = TimeDelta::minutes(1);

/// Those whom a change concerns come before routine work while they are so few; more must not stand before what people
/// wait for.
const URGENT: i64 = 50_000;

/// A change that is being worked off.
pub(super) struct Change {
    id: RescreenId,
    wanted: Wanted,
    sieve: Option<Arc<Sieve>>,
    /// Whether the keys of all accounts are read.
    is_read: bool,
}

impl Rescreens {
    /// One page of those that a difference concerns; none when it is left to others.
    pub(super) async fn difference(
        &mut self,
        conn: &mut PgConnection,
        open: &Open,
        limit: usize,
    ) -> Result<Option<Step>, EngineError> {
        // Before the first are looked up, others may join.
        let is_new = open.tokens_done == 0 && open.read_to.is_none();
        if is_new || self.held.as_ref().is_none_or(|held| held.id != open.id) {
            self.held = self.hold(conn, open).await?;
        }
        let Some(held) = &self.held else { return Ok(None) };
        let tokens = held.wanted.sorted().get(open.tokens_done..).unwrap_or_default();
        // All are found before the first is woken: one that several tokens find runs once.
        if !tokens.is_empty() {
            if held.is_read {
                self.read(conn, open, held, limit * READ_A_TOKEN).await?;
            } else {
                self.look_up(conn, open, held, tokens.get(..limit).unwrap_or(tokens)).await?;
            }
            return Ok(Some(Step::more()));
        }
        if !open.entities.is_empty() {
            rescreens::find_accounts_of_entities(conn, open.id, &open.entities).await?;
            return Ok(Some(Step::more()));
        }
        let found = rescreens::take_accounts(conn, open.id, PAGE).await?;
        if found.is_empty() {
            // Nothing tells whom these ask about.
            return Ok(Some(self.walk(conn, open, &Of::Questions).await?));
        }
        let concerned = found.into_iter().filter(|(_, is_concerned)| *is_concerned);
        let concerned: Vec<AccountId> = concerned.map(|(account, _)| account).collect();
        let monitors = rescreens::list_monitors(conn, &concerned, &open.schedules).await?;
        let urgency = if open.accounts <= URGENT { Urgency::Urgent } else { Urgency::Routine };
        let woken = self.wake(conn, (&monitors, &monitors), Trigger::ListChange, urgency).await?;
        rescreens::save_progress(conn, open.id, (woken, 0), None).await?;
        Ok(Some(Step::more()))
    }

    /// Reads a change, and how whom it concerns is found; none when others have to.
    async fn hold(&self, conn: &mut PgConnection, open: &Open) -> Result<Option<Change>, EngineError> {
        let (tokens, gains) = rescreens::load_change(conn, open.id).await?;
        let sieve = match Held::of(&self.engine, open, &gains) {
            Held::Sieve(sieve) => Some(sieve),
            Held::NotYet if self.engine.context.now() < open.created_at + LEFT_TO_OTHERS => return Ok(None),
            // Nobody can compare: it is better that too many run.
            Held::Nothing | Held::NotYet => None,
        };
        let is_read = match (open.read_to, open.tokens_done) {
            (Some(_), _) => true,
            (None, 0) if tokens.len() > ALWAYS_LOOKED_UP => {
                screening_keys::estimate(conn).await? < tokens.len() as u64 * READ_IN_A_LOOKUP
            }
            (None, _) => false,
        };
        Ok(Some(Change { id: open.id, wanted: Wanted::new(tokens), sieve, is_read }))
    }

    async fn look_up(
        &self,
        conn: &mut PgConnection,
        open: &Open,
        held: &Change,
        tokens: &[i64],
    ) -> Result<(), EngineError> {
        let found = rescreens::find_accounts(conn, open.id, tokens).await?;
        let Some(sieve) = held.sieve.as_ref().filter(|_| !found.is_empty()) else { return Ok(()) };
        let concerned = sieve.begin(&self.engine, conn, &found).await?.concerned().await;
        let cleared: Vec<AccountId> =
            found.iter().copied().filter(|account| !concerned.contains(account)).collect();
        Ok(rescreens::clear_accounts(conn, open.id, found.len(), &cleared).await?)
    }

    /// Reads the keys of the next accounts; some are compared while the next are read.
    async fn read(
        &self,
        conn: &mut PgConnection,
        open: &Open,
        held: &Change,
        limit: usize,
    ) -> Result<(), EngineError> {
        let mut read = Read { to: open.read_to, ..Read::default() };
        let mut under_way: Option<Comparing> = None;
        let page_size = limit / PAGES_A_TRANSACTION;
        for _ in 0..PAGES_A_TRANSACTION {
            let limit = i64::try_from(page_size.max(1)).unwrap_or(i64::MAX);
            let page = screening_keys::list_after(conn, read.to, limit).await?;
            let Some((last, _)) = page.last() else {
                read.tokens = held.wanted.sorted().len();
                break;
            };
            read.to = Some(*last);
            let found = page.iter().filter(|(_, tokens)| held.wanted.has_any(tokens));
            let found: Vec<AccountId> = found.map(|(account, _)| *account).collect();
            let Some(sieve) = &held.sieve else {
                read.concerned.extend(found);
                continue;
            };
            read.compared += found.len();
            let next = sieve.begin(&self.engine, conn, &found).await?;
            if let Some(before) = under_way.replace(next) {
                read.concerned.extend(before.concerned().await);
            }
        }
        if let Some(last) = under_way {
            read.concerned.extend(last.concerned().await);
        }
        Ok(rescreens::save_read(conn, open.id, &read).await?)
    }
}
