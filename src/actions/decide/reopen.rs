//! Hits that were dismissed under another threshold are open again, because somebody asks for it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    super::{ActionError, Context},
    OfSchedule,
    open_again::{Because, open_again},
};
use crate::{
    domain::{hit::THRESHOLD, id::MonitorId},
    store::{due, hits},
};

/// Opens the hits of some monitors of a schedule again that were dismissed before `before`, under another threshold than the
/// one that it has now; tells of them as of news. Within the caller's transaction, which holds no locks but of due rows.
/// Returns how many.
pub async fn reopen(
    context: &Context,
    conn: &mut PgConnection,
    of: OfSchedule<'_>,
    (threshold, before): (Option<f64>, DateTime<Utc>),
    monitors: &[MonitorId],
) -> Result<usize, ActionError> {
    // Before the accounts, and all of them: the caller wakes those that are active.
    due::lock(conn, monitors).await?;
    let dismissed = hits::list_dismissed_under_another(conn, monitors, threshold, before).await?;
    open_again(context, conn, of, Because { change: THRESHOLD, before }, &dismissed).await
}
