//! Decisions that hold for so many days: then their hits are open again.

use chrono::{DateTime, Utc};

use super::{
    super::{ActionError, Context},
    OfSchedule,
    open_again::{Because, open_again},
};
use crate::{
    domain::hit::EXPIRED,
    store::hits::{self, DecidedPlace},
};

/// A schedule whose decisions expire.
#[derive(Clone, Copy, Debug)]
pub struct Expiring<'a> {
    /// The schedule.
    pub of: OfSchedule<'a>,
    /// What was decided before this has expired.
    pub before: DateTime<Utc>,
}

/// What one page of decisions came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// How many hits are open again.
    pub opened: usize,
    /// Where the next page begins.
    pub place: DecidedPlace,
    /// Whether there may be one.
    pub is_more: bool,
}

/// Looks at the next `limit` decided hits of a schedule behind `after` that are past their time, and opens them, in one
/// transaction; tells of them as of news. What an archived account had decided stays: nothing of it runs.
pub async fn expire(
    context: &Context,
    expiring: Expiring<'_>,
    after: DecidedPlace,
    limit: i64,
) -> Result<Expired, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let page = hits::list_expired(&mut transaction, expiring.of.id, expiring.before, after, limit).await?;
    let opening: Vec<_> =
        page.iter().filter(|hit| hit.opens).map(|hit| (hit.place.hit, hit.account, hit.monitor)).collect();
    let because = Because { change: EXPIRED, before: expiring.before };
    let opened = open_again(context, &mut transaction, expiring.of, because, &opening).await?;
    transaction.commit().await?;
    Ok(Expired {
        opened,
        place: page.last().map_or(after, |hit| hit.place),
        is_more: i64::try_from(page.len()).unwrap_or(i64::MAX) >= limit,
    })
}
