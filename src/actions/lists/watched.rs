//! Lists of the customer's own that schedules answer from: whom a change concerns is screened again.

use sqlx::PgConnection;

use super::version_of;
use crate::{
    actions::{ActionError, Context},
    domain::{
        id::{ListItemId, RescreenId, Shard},
        list::ListValue,
    },
    screening::{
        keys,
        own::{self, Concerned},
    },
    store::{
        list_versions,
        lists::ListRow,
        rescreens::{self, Counts, ListChange, NewRescreen, Reason},
        screening_keys,
    },
};

/// What became of a list.
pub(super) enum Change<'a> {
    /// A value came.
    Added(&'a ListValue),
    /// An item went.
    Removed(ListItemId),
    /// All of it went.
    All,
}

/// Begins the rescreen of those whom a change of a locked list concerns, or joins it to one that nobody works off yet.
/// Whom a value concerns is looked up later, by what stands for it until then; an item that went concerns those who have
/// a hit of it. `before` is the list as it was before the change.
pub(super) async fn rescreen(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    before: &ListRow,
    change: &Change<'_>,
) -> Result<(), ActionError> {
    let used_as = own::used_as(&before.name);
    let schedules = list_versions::list_users(conn, &used_as).await?;
    if schedules.is_empty() || before.archived_at.is_some() {
        return Ok(());
    }
    let (added, removed) = match change {
        Change::Added(_) => (1, 0),
        Change::Removed(_) => (0, 1),
        Change::All => (0, 0),
    };
    let tokens = match change {
        Change::Added(value) => match Concerned::by(value) {
            // Until every account has its keys, none may be left out for having none.
            Concerned::Some(keys) if screening_keys::is_built(conn, keys::VERSION).await? => {
                Some(context.screening_tokens(&keys))
            }
            Concerned::Some(_) | Concerned::Everybody => None,
        },
        Change::Removed(_) => Some(Vec::new()),
        Change::All => None,
    };
    let mut after = before.clone();
    after.version += 1;
    let new = NewRescreen {
        id: RescreenId(context.new_uuid(Shard(0))),
        reason: Reason::ListChange,
        change: Some(ListChange {
            list: used_as,
            number: after.version,
            before: Some(version_of(before)),
            after: version_of(&after),
            counts: Counts { added, removed, ..Counts::default() },
        }),
        schedules,
        tokens,
        gains: Vec::new(),
        entities: match change {
            Change::Removed(item) => vec![format!("{}{item}", own::PREFIX)],
            Change::Added(_) | Change::All => Vec::new(),
        },
        keys_version: keys::VERSION,
        reopens: false,
        actor: actor.to_owned(),
    };
    if rescreens::join(conn, &new).await?.is_none() {
        rescreens::insert(conn, &new, context.now()).await?;
    }
    Ok(())
}

/// As [`rescreen`], of an item whose value is destroyed: nothing that stands for it is kept.
pub(super) async fn forget(
    context: &Context,
    conn: &mut PgConnection,
    (actor, before): (&str, &ListRow),
    item: ListItemId,
) -> Result<(), ActionError> {
    rescreens::forget_tokens(conn, &own::used_as(&before.name)).await?;
    rescreen(context, conn, actor, before, &Change::Removed(item)).await
}
