//! Lists of the customer's own, kept in memory as the database has them.
//!
//! Every process asks twice a second for the lists' versions, and reads those anew that changed. A lane asks once more
//! before it begins runs: who runs because of a change is answered from what the change left. The version that a process
//! answers from is part of what its runs rest on.

use std::time::Duration;

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{Engine, progress::Part, task, types::Types};
use crate::{
    actions::{ActionError, Context, lists},
    providers::local::OwnList,
    screening::own::OwnIndex,
};

/// How often the database is asked.
const EVERY: Duration = Duration::from_millis(500);

/// How long runs wait for lists that changed.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Who begins rescreens.
const ACTOR: &str = "lists";

/// The version of a list that is not there: nobody made it yet, or it is archived. It matches nobody.
const ABSENT: &str = "absent";

/// The lists whose versions changed since they were read.
async fn list_outdated<'a>(
    conn: &mut PgConnection,
    own: &'a [OwnList],
) -> Result<Vec<&'a OwnList>, ActionError> {
    let names: Vec<String> = own.iter().map(|list| list.name().to_owned()).collect();
    let versions = lists::versions(conn, &names).await?;
    let is_outdated = |list: &&OwnList| {
        let name = list.name().to_lowercase();
        let now =
            versions.iter().find(|(one, _)| *one == name).map_or(ABSENT, |(_, version)| version.as_str());
        list.version().as_deref() != Some(now)
    };
    Ok(own.iter().filter(is_outdated).collect())
}

/// Whether a list changed since it was read.
pub(super) async fn are_outdated(conn: &mut PgConnection, own: &[OwnList]) -> Result<bool, ActionError> {
    Ok(!own.is_empty() && !list_outdated(conn, own).await?.is_empty())
}

/// Reads the lists whose versions changed.
pub async fn refresh(context: &Context, own: &[OwnList]) -> Result<(), ActionError> {
    if own.is_empty() {
        return Ok(());
    }
    let mut connection = context.store.connection().await?;
    let outdated = list_outdated(&mut connection, own).await?;
    drop(connection);
    for list in outdated {
        let _reading = list.reading().await;
        let loaded = lists::load(context, list.name()).await?;
        if loaded.is_none() {
            tracing::warn!(
                list.name = list.name(),
                "there is no list of this name in use: it matches nobody"
            );
        }
        let (version, items) = loaded.unwrap_or_else(|| (ABSENT.to_owned(), Vec::new()));
        tracing::info!(list.name = list.name(), list.version = version, items = items.len(), "own list read");
        let name = list.name().to_owned();
        // A large list takes a moment to arrange: no worker of the runtime waits for it.
        let index = tokio::task::spawn_blocking(move || OwnIndex::build(&name, &version, &items)).await;
        if let Ok(index) = index {
            list.replace(index);
            if list.take_late() {
                lists::screen_again(context, ACTOR, list.name()).await?;
            }
        }
    }
    Ok(())
}

/// Notes which lists hold what no account type has a field for, and warns of each once: it is compared with nothing, and
/// no run rests on it.
pub fn note_compared(types: &Types, own: &[OwnList]) {
    for list in own {
        let compared = types.any(|account_type| list.is_for(account_type));
        if list.set_compared(compared) && !compared {
            tracing::warn!(
                list.name = list.name(),
                "no account type has a field of what is on the list: it is compared with nothing, and no run rests on it; \
                 `screened` of an account type says in which fields accounts have such"
            );
        }
    }
}

/// Reads the lists anew, if that does not take long. Where it does, runs go on with what was read before, and all are
/// screened again once the lists are read.
pub(super) async fn catch_up(context: &Context, own: &[OwnList]) {
    let read = tokio::time::timeout(CATCH_UP, refresh(context, own)).await;
    if !matches!(read, Ok(Ok(()))) {
        own.iter().for_each(OwnList::note_late);
    }
}

/// Keeps the lists up to date until `stop` is cancelled. A large list takes as long as it takes.
pub(super) async fn drive(engine: Engine, part: Part, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let read = refresh(&engine.context, &engine.plan.own_lists);
        match part.waiting(stop.run_until_cancelled(Box::pin(read))).await {
            None => {}
            Some(Ok(())) => note_compared(&engine.plan.types, &engine.plan.own_lists),
            Some(Err(error)) => task::report(&engine.health, "own lists", &error.into()),
        }
        let _ = part.waiting(stop.run_until_cancelled(tokio::time::sleep(EVERY))).await;
    }
}
