//! Letting a quarantined monitor go.

use serde_json::json;

use super::{ActionError, Context};
use crate::{
    domain::id::MonitorId,
    store::{enrolment, events, monitors, nudges, strikes},
};

/// Releases a monitor that was quarantined because its runs killed processes: it runs again, watched as one
/// that nothing is known of.
pub async fn release(context: &Context, actor: &str, monitor: MonitorId) -> Result<(), ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let account = monitors::save_released(&mut transaction, monitor, now)
        .await?
        .ok_or(ActionError::NotFound("quarantined monitor of that id"))?;
    strikes::remove_all(&mut transaction, &[monitor]).await?;
    enrolment::insert_queue(&mut transaction, &[account]).await?;
    let detail = json!({ "report": monitor });
    let mut event = context.event(account, "report.released", actor, detail);
    event.object = Some(monitor.0);
    events::insert_all(&mut transaction, &[event], now).await?;
    nudges::send(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}
