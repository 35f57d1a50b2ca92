//! Tags of reports: by name, the report's own, without a meaning to schedules.

use serde_json::json;

use super::{ActionError, Change, Context};
use crate::{
    actions::{
        Invalid,
        accounts::{is_plain, refuse_retired},
    },
    domain::id::MonitorId,
    store::{accounts, events, reports, tagged},
};

/// The most tags of one report.
const MOST: usize = 100;

/// What to do about the tags of a report.
#[derive(Clone, Debug)]
pub enum TagChange {
    /// Adds one.
    Add(String),
    /// Takes one off.
    Remove(String),
    /// Gives it exactly these.
    Set(Vec<String>),
}

/// Changes the tags of a report. What is so already changes nothing.
pub async fn tag(context: &Context, actor: &str, id: MonitorId, tags: &TagChange) -> Result<(), ActionError> {
    let named = match tags {
        TagChange::Add(name) | TagChange::Remove(name) => std::slice::from_ref(name),
        TagChange::Set(names) => names,
    };
    if named.len() > MOST || !named.iter().all(|name| is_plain(name)) {
        let details = "accepted are at most 100 texts of 1 to 255 characters without control characters";
        return Err(ActionError::Invalid(vec![Invalid::at("/meta/tag-name", details)]));
    }
    let change = Change { context, actor, id, now: context.now() };
    let (mut transaction, row) = change.begin().await?;
    // Whoever else tags it, or renames a tag of it, waits, and then sees these.
    accounts::lock_all(&mut transaction, &[row.account]).await?;
    tagged::lock_report(&mut transaction, id).await?;
    let row = reports::get_all(&mut transaction, &[id]).await?.pop();
    let row = row.ok_or(ActionError::NotFound("report of that id"))?;
    let mut after = match tags {
        TagChange::Add(name) => [row.tags.as_slice(), std::slice::from_ref(name)].concat(),
        TagChange::Remove(name) => row.tags.iter().filter(|tag| *tag != name).cloned().collect(),
        TagChange::Set(names) => names.clone(),
    };
    after.sort_unstable();
    after.dedup();
    if after.len() > MOST {
        return Err(ActionError::Refused("Report has 100 tags already"));
    }
    if after == row.tags {
        return Ok(());
    }
    let without = |these: &[String], others: &[String]| -> Vec<String> {
        these.iter().filter(|tag| !others.contains(tag)).cloned().collect()
    };
    let added = without(&after, &row.tags);
    refuse_retired(&mut transaction, &added).await?;
    reports::save_tags(&mut transaction, id, &after).await?;
    let detail = json!({
        "report": id,
        "added-tags": added,
        "removed-tags": without(&row.tags, &after),
    });
    let mut event = context.event(row.account, "report.updated-tags", actor, detail);
    event.object = Some(id.0);
    events::insert_all(&mut transaction, &[event], change.now).await?;
    transaction.commit().await?;
    Ok(())
}
