//! Asking for a run now, outside the schedule.

use super::{ActionError, Context};
use crate::{
    domain::{
        id::{AccountId, MonitorId},
        monitor::Trigger,
    },
    store::{due, due::Due, nudges, processes, runs, wakeups},
};

/// Makes every active monitor of an account due at once. Returns their due rows as they then stand.
///
/// The request is durable: whoever runs next does it, also after a crash.
pub async fn request(context: &Context, account: AccountId) -> Result<Vec<Due>, ActionError> {
    let mut transaction = context.store.transaction().await?;
    wakeups::insert_of_accounts(
        &mut transaction,
        &[account],
        Trigger::RunNow,
        wakeups::Urgency::Urgent,
        context.now(),
    )
    .await?;
    let due = due::list_of_account(&mut transaction, account).await?;
    nudges::send(&mut transaction).await?;
    transaction.commit().await?;
    Ok(due)
}

/// Whether a daemon runs that will take requested work up.
pub async fn is_daemon_running(context: &Context) -> Result<bool, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(!processes::list_running(&mut connection, context.now()).await?.is_empty())
}

/// Whether the slot of a requested run is recorded.
pub async fn is_settled(context: &Context, monitor: MonitorId, slot: i64) -> Result<bool, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(runs::has_settled(&mut connection, monitor, slot).await?)
}
