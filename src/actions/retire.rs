//! Taking accounts out of use, and back: archived, nothing runs and nothing can be written; restored, all goes
//! on from where it stood.

use serde_json::json;
use uuid::Uuid;

use super::{ActionError, Context};
use crate::{
    domain::{
        id::AccountId,
        monitor::{MonitorState, PausedBy},
    },
    store::{
        accounts, enrolment, events, monitors, pauses,
        standings::{self, Standing},
    },
};

/// How often a transaction is tried that lost a lock to somebody else.
pub(super) const TRIES: u32 = 5;

/// What there is none of, in the words of refusals.
pub(super) const ACCOUNT: &str = "account of that id";

/// Archives an account: its due rows go, and an answer under way no longer counts. It can be read, and restored.
pub async fn archive(context: &Context, actor: &str, account: AccountId) -> Result<(), ActionError> {
    let mut tries = 1;
    loop {
        match try_archive(context, actor, account).await {
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_archive(context: &Context, actor: &str, account: AccountId) -> Result<(), ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    // Enrolment must not make a monitor active by what it read before.
    pauses::lock(&mut transaction).await?;
    let active = monitors::list_active(&mut transaction, account).await?;
    let by = PausedBy::AccountArchived.word();
    monitors::save_stopped(&mut transaction, &active, MonitorState::Paused, by, now).await?;
    let standing = lock(&mut transaction, account).await?;
    if standing.is_archived() {
        return Err(ActionError::Archived);
    }
    standings::save_archived(&mut transaction, account, now).await?;
    let event = context.event(account, "account.archived", actor, json!({}));
    events::insert_all(&mut transaction, &[event], now).await?;
    transaction.commit().await?;
    tracing::info!(account.id = %account, actor, "account archived");
    Ok(())
}

/// Restores an archived account: enrolment takes its monitors up again within a second, and they run. One that was
/// consolidated into another stays archived.
pub async fn restore(context: &Context, actor: &str, account: AccountId) -> Result<(), ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let standing = lock(&mut transaction, account).await?;
    if let Some(destination) = standing.consolidated_into {
        return Err(ActionError::Conflict(format!("the account was consolidated into {destination}")));
    }
    if !standing.is_archived() {
        return Err(ActionError::Refused("the account is not archived"));
    }
    standings::save_restored(&mut transaction, account, now).await?;
    let event = context.event(account, "account.restored", actor, json!({}));
    events::insert_all(&mut transaction, &[event], now).await?;
    enrolment::insert_queue(&mut transaction, &[account]).await?;
    transaction.commit().await?;
    tracing::info!(account.id = %account, actor, "account restored");
    Ok(())
}

/// Locks an account; its due rows are locked before.
pub(super) async fn lock(conn: &mut sqlx::PgConnection, account: AccountId) -> Result<Standing, ActionError> {
    standings::lock(conn, &[account]).await?.pop().ok_or(ActionError::NotFound(ACCOUNT))
}

/// Which of these are archived accounts, or belong to one: reports, hits, inquiries, files, runs of actions.
pub async fn list_archived(context: &Context, objects: &[Uuid]) -> Result<Vec<Uuid>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(accounts::archived::list(&mut connection, objects).await?)
}

/// Locks an account that is about to be written to; refuses an archived one.
pub(super) async fn lock_usable(
    conn: &mut sqlx::PgConnection,
    account: AccountId,
) -> Result<Standing, ActionError> {
    let standing = lock(conn, account).await?;
    if standing.is_archived() { Err(ActionError::Archived) } else { Ok(standing) }
}
