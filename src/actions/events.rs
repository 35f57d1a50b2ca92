//! Looking at what happened.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{ActionError, Context};
use crate::{
    domain::id::{self, EventId},
    store::events::{self, Happened},
};

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names; any when empty.
    pub names: Vec<String>,
    /// Ids of objects that they are about, as the API writes them; any when empty.
    pub objects: Vec<String>,
    /// Ids of events; any when empty.
    pub ids: Vec<EventId>,
    /// From when on.
    pub from: Option<DateTime<Utc>>,
    /// Before when.
    pub until: Option<DateTime<Utc>>,
    /// Only older ones than this.
    pub after: Option<EventId>,
    /// Only newer ones than this.
    pub before: Option<EventId>,
    /// At most so many.
    pub size: u16,
}

/// A page of events, the newest first, and whether there are more.
pub async fn list(context: &Context, wanted: &Wanted) -> Result<(Vec<Happened>, bool), ActionError> {
    let objects: Vec<Uuid> = wanted.objects.iter().filter_map(|text| id::uuid_of(text)).collect();
    if objects.is_empty() && !wanted.objects.is_empty() {
        // What is no id of anything has no events.
        return Ok((Vec::new(), false));
    }
    let asked = events::Wanted {
        kinds: wanted.names.clone(),
        objects,
        ids: wanted.ids.iter().map(|id| id.0).collect(),
        from: wanted.from,
        until: wanted.until,
        after: wanted.after,
        before: wanted.before,
    };
    let mut connection = context.store.connection().await?;
    let found = events::list(&mut connection, &asked, i64::from(wanted.size) + 1).await?;
    Ok(super::one_too_many(found, wanted.size, wanted.before.is_some()))
}

/// An event.
pub async fn find(context: &Context, id: EventId) -> Result<Option<Happened>, ActionError> {
    Ok(events::find(&mut *context.store.connection().await?, id).await?)
}
