//! Tags: made, changed, retired, merged.
//!
//! Schedules and reverifications of the configuration name tags by name. A tag that one of them names is therefore
//! neither renamed nor retired nor merged away: the configuration changes first.

use serde_json::json;
use sqlx::PgConnection;

use super::{ActionError, Context, Invalid, accounts::is_plain, inquiries, retire::TRIES};
use crate::{
    domain::id::{Shard, TagId},
    store::{
        account_actions, accounts, enrolment, events, revisions,
        tagged::{self, Rename},
        tags::{self, TagRow},
    },
};

const TAG: &str = "tag of that id";

/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 1024;

/// Who gives things another tag when theirs was merged.
const MERGE: &str = "tag-merge";

/// How many accounts one transaction gives another tag.
const PAGE: i64 = 1000;

/// What to make of a tag, or to change about it; what is not given stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TagEdit {
    /// Its name.
    pub name: Option<String>,
    /// Its colour, `#rrggbb`; none inside takes it away.
    pub colour: Option<Option<String>>,
    /// What it means; none inside takes it away.
    pub description: Option<Option<String>>,
}

impl TagEdit {
    fn check(&self) -> Result<(), ActionError> {
        let mut faults = Vec::new();
        if self.name.as_deref().is_some_and(|name| !is_plain(name)) {
            let details = "accepted is a text of 1 to 255 characters without control characters, and without blanks around it";
            faults.push(Invalid::at("/data/attributes/name", details));
        }
        if self.colour.as_ref().and_then(Option::as_deref).is_some_and(|colour| !is_colour(colour)) {
            faults.push(Invalid::at("/data/attributes/color", "accepted is a colour such as #1f77b4"));
        }
        let description = self.description.as_ref().and_then(Option::as_deref);
        if description.is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION || text.contains('\0')) {
            let details = "accepted is a text of at most 1024 characters";
            faults.push(Invalid::at("/data/attributes/description", details));
        }
        if faults.is_empty() { Ok(()) } else { Err(ActionError::Invalid(faults)) }
    }
}

/// Makes a tag.
pub async fn create(context: &Context, actor: &str, new: &TagEdit) -> Result<TagRow, ActionError> {
    new.check()?;
    let name = new
        .name
        .as_deref()
        .ok_or_else(|| ActionError::Invalid(vec![Invalid::at("/data/attributes/name", "is required")]))?;
    let now = context.now();
    let id = TagId(context.new_uuid(Shard(0)));
    let mut transaction = context.store.transaction().await?;
    let colour = new.colour.as_ref().and_then(Option::as_deref);
    let description = new.description.as_ref().and_then(Option::as_deref);
    if tags::insert(&mut transaction, id, name, colour, description, now).await?.is_none() {
        return Err(taken());
    }
    tell(context, &mut transaction, actor, "tag.created", id, json!({})).await?;
    let tag = find_in(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(tag)
}

/// The tag of an id.
pub async fn find(context: &Context, id: TagId) -> Result<TagRow, ActionError> {
    let mut connection = context.store.connection().await?;
    find_in(&mut connection, id).await
}

async fn find_in(conn: &mut PgConnection, id: TagId) -> Result<TagRow, ActionError> {
    tags::find(conn, id).await?.ok_or(ActionError::NotFound(TAG))
}

/// A page of tags, the newest first: those after `after` in that order, or those before `before`. A cursor that
/// names no tag is the end.
pub async fn list(
    context: &Context,
    (after, before): (Option<TagId>, Option<TagId>),
    retired: bool,
    limit: i64,
) -> Result<Vec<TagRow>, ActionError> {
    let mut connection = context.store.connection().await?;
    let mut numbers = [None, None];
    for (number, cursor) in numbers.iter_mut().zip([after, before]) {
        if let Some(cursor) = cursor {
            let Some(tag) = tags::find(&mut connection, cursor).await? else { return Ok(Vec::new()) };
            *number = Some(tag.number);
        }
    }
    let [older_than, newer_than] = numbers;
    Ok(tags::list(&mut connection, (older_than, newer_than), retired, limit).await?)
}

/// Changes a tag; whatever has it has it as it then is.
pub async fn change(
    context: &Context,
    actor: &str,
    id: TagId,
    edit: &TagEdit,
) -> Result<TagRow, ActionError> {
    edit.check()?;
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    // Nobody else's configuration may come to name it meanwhile.
    revisions::lock(&mut transaction).await?;
    let mut tag = lock(&mut transaction, id).await?;
    let before = tag.clone();
    if let Some(name) = edit.name.as_ref().filter(|name| **name != tag.name) {
        refuse_named(&mut transaction, &tag.name).await?;
        tag.name.clone_from(name);
    }
    if let Some(colour) = &edit.colour {
        tag.colour.clone_from(colour);
    }
    if let Some(description) = &edit.description {
        tag.description.clone_from(description);
    }
    if tag != before {
        if !tags::save(&mut transaction, &tag, now).await? {
            return Err(taken());
        }
        if tag.name != before.name {
            // Accounts and transactions have it by number.
            let rename = Rename { from: before.name.clone(), to: tag.name.clone(), is_merge: false };
            tagged::insert_rename(&mut transaction, &rename, now).await?;
        }
        let detail = json!({ "from": before.name, "to": tag.name });
        tell(context, &mut transaction, actor, "tag.updated", id, detail).await?;
    }
    let tag = find_in(&mut transaction, id).await?;
    transaction.commit().await?;
    // What one page does not do, the daemon does.
    rename_page(context).await?;
    Ok(tag)
}

/// Retires a tag: what has it keeps it, and nobody can set it any more.
pub async fn retire(context: &Context, actor: &str, id: TagId) -> Result<TagRow, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    revisions::lock(&mut transaction).await?;
    let mut tag = lock(&mut transaction, id).await?;
    if tag.retired_at.is_some() {
        return Err(ActionError::Refused("the tag is retired already"));
    }
    refuse_named(&mut transaction, &tag.name).await?;
    tag.retired_at = Some(now);
    tags::save(&mut transaction, &tag, now).await?;
    tell(context, &mut transaction, actor, "tag.retired", id, json!({})).await?;
    let tag = find_in(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(tag)
}

/// Merges tags into another: they are retired, and whatever has one of them is given that one instead.
/// Returns the tag, and whether accounts or transactions are left for the daemon to see to.
pub async fn merge(
    context: &Context,
    actor: &str,
    target: TagId,
    sources: &[TagId],
) -> Result<(TagRow, bool), ActionError> {
    const POINTER: &str = "/meta/source-tag-ids";
    let now = context.now();
    if sources.is_empty() || sources.len() > 100 || sources.contains(&target) {
        let details = "accepted are the ids of 1 to 100 other tags";
        return Err(ActionError::Invalid(vec![Invalid::at(POINTER, details)]));
    }
    let mut transaction = context.store.transaction().await?;
    revisions::lock(&mut transaction).await?;
    let asked: Vec<TagId> = sources.iter().copied().chain([target]).collect();
    let locked = tags::lock(&mut transaction, &asked).await?;
    let into = locked.iter().find(|tag| tag.id == target).ok_or(ActionError::NotFound(TAG))?;
    if into.retired_at.is_some() {
        return Err(ActionError::Refused("the tag is retired"));
    }
    let mut numbers = Vec::with_capacity(sources.len());
    for (place, id) in sources.iter().enumerate() {
        let tag = locked.iter().find(|tag| tag.id == *id).ok_or_else(|| {
            ActionError::Invalid(vec![Invalid::at(format!("{POINTER}/{place}"), "is not found")])
        })?;
        if tag.merged_into.is_some() {
            return Err(ActionError::Conflict(format!("{id} was merged already")));
        }
        refuse_named(&mut transaction, &tag.name).await?;
        let rename = Rename { from: tag.name.clone(), to: into.name.clone(), is_merge: true };
        tagged::insert_rename(&mut transaction, &rename, now).await?;
        numbers.push(tag.number);
    }
    tags::save_merged(&mut transaction, &numbers, into.number, now).await?;
    tell(context, &mut transaction, actor, "tag.merged", target, json!({ "tags": sources })).await?;
    transaction.commit().await?;
    // What one page does not do, the daemon does.
    let left = merge_page(context).await? | rename_page(context).await?;
    Ok((find(context, target).await?, left))
}

/// Gives some inquiries and reports, which have their tags by name, the name that took the place of theirs. Returns
/// whether there may be more.
pub async fn rename_page(context: &Context) -> Result<bool, ActionError> {
    let mut tries = 1;
    loop {
        match try_rename_page(context).await {
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_rename_page(context: &Context) -> Result<bool, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let Some(rename) = tagged::lock_rename(&mut transaction).await? else { return Ok(false) };
    let inquiries = tagged::rename_in_inquiries(&mut transaction, &rename, PAGE).await?;
    let reports = tagged::rename_in_reports(&mut transaction, &rename, PAGE).await?;
    let is_short = |length: usize| i64::try_from(length).is_ok_and(|length| length < PAGE);
    if is_short(inquiries.len()) && is_short(reports.len()) {
        // Nobody has set the former name since the rename was noted.
        tagged::remove_rename(&mut transaction, &rename.from).await?;
    }
    let mut told = Vec::new();
    if rename.is_merge {
        let change = json!({ "added-tags": [rename.to], "removed-tags": [rename.from] });
        for (inquiry, account) in inquiries {
            told.push(inquiries::event(
                context,
                inquiry,
                account,
                "inquiry.updated-tags",
                MERGE,
                change.clone(),
            ));
        }
        for (report, account) in reports {
            let mut detail = change.clone();
            detail.as_object_mut().expect("it is one").insert("report".to_owned(), json!(report));
            let mut event = context.event(account, "report.updated-tags", MERGE, detail);
            event.object = Some(report.0);
            told.push(event);
        }
    }
    events::insert_all(&mut transaction, &told, context.now()).await?;
    let are_more = tagged::has_renames(&mut transaction).await?;
    transaction.commit().await?;
    Ok(are_more)
}

/// Gives some accounts and transactions the tag that took the place of theirs. Returns whether there may be more.
pub async fn merge_page(context: &Context) -> Result<bool, ActionError> {
    let mut tries = 1;
    loop {
        match try_merge_page(context).await {
            Err(ActionError::Store(error)) if error.is_lost_lock() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_merge_page(context: &Context) -> Result<bool, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    let Some((from, to)) = tags::find_merging(&mut transaction).await? else { return Ok(false) };
    let page = tags::list_accounts(&mut transaction, from, PAGE).await?;
    accounts::lock_all(&mut transaction, &page).await?;
    // Somebody else may have done the same page meanwhile.
    let page = tags::save_moved(&mut transaction, &page, from, to).await?;
    let transactions = tagged::move_transactions(&mut transaction, from, to, PAGE).await?;
    let (from, to) =
        (tags::name_of(&mut transaction, from).await?, tags::name_of(&mut transaction, to).await?);
    let mut told: Vec<_> = page
        .iter()
        .map(|account| {
            let detail = json!({ "added-tags": [to], "removed-tags": [from] });
            context.event(*account, "account.updated-tags", MERGE, detail)
        })
        .collect();
    told.extend(transactions.iter().map(|id| {
        let detail = json!({ "added-tags": [to], "removed-tags": [from] });
        let mut event = context.event_of_all("transaction.updated-tags", MERGE, detail);
        event.object = Some(id.0);
        event
    }));
    events::insert_all(&mut transaction, &told, now).await?;
    // Tags decide which schedules an account is in.
    enrolment::insert_queue(&mut transaction, &page).await?;
    transaction.commit().await?;
    Ok(true)
}

/// The names of tags that somebody gave by id. None of them may be unknown.
pub async fn names_of(context: &Context, ids: &[TagId], pointer: &str) -> Result<Vec<String>, ActionError> {
    let mut connection = context.store.connection().await?;
    let known = tags::list_by_ids(&mut connection, ids).await?;
    ids.iter()
        .enumerate()
        .map(|(place, id)| {
            let tag = known.iter().find(|tag| tag.id == *id);
            tag.map(|tag| tag.name.clone()).ok_or_else(|| {
                let pointer = if ids.len() > 1 { format!("{pointer}/{place}") } else { pointer.to_owned() };
                ActionError::Invalid(vec![Invalid::at(pointer, "is not found")])
            })
        })
        .collect()
}

async fn lock(conn: &mut PgConnection, id: TagId) -> Result<TagRow, ActionError> {
    tags::lock(conn, &[id]).await?.pop().ok_or(ActionError::NotFound(TAG))
}

/// Refuses when somebody goes by the tag's name: schedules, reverifications, account actions.
async fn refuse_named(conn: &mut PgConnection, name: &str) -> Result<(), ActionError> {
    let schedules = tags::list_schedules(conn, name).await?;
    if !schedules.is_empty() {
        let text = format!("the configuration names the tag, in schedule {}", schedules.join(", "));
        return Err(ActionError::Conflict(text));
    }
    let rules = tags::list_reverifications(conn, name).await?;
    if !rules.is_empty() {
        let text = format!("the configuration names the tag, in reverification {}", rules.join(", "));
        return Err(ActionError::Conflict(text));
    }
    let actions = account_actions::list_naming_tag(conn, name).await?;
    if !actions.is_empty() {
        let text = format!("an account action names the tag: {}", actions.join(", "));
        return Err(ActionError::Conflict(text));
    }
    Ok(())
}

fn taken() -> ActionError {
    ActionError::Conflict("there is a tag of that name".to_owned())
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

async fn tell(
    context: &Context,
    conn: &mut PgConnection,
    actor: &str,
    kind: &'static str,
    tag: TagId,
    detail: serde_json::Value,
) -> Result<(), ActionError> {
    let mut event = context.event_of_all(kind, actor, detail);
    event.object = Some(tag.0);
    events::insert_all(conn, &[event], context.now()).await?;
    Ok(())
}
