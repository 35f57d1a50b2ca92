//! Applying the configuration to the database: account types, providers, schedules.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{ActionError, Context, account_actions, account_types, transaction_types};
use crate::{
    domain::{
        account_action::AccountAction,
        account_type::AccountType,
        id::{AccountTypeId, ProcessId},
        inquiry_template::InquiryTemplate,
        retention::Policy,
        reverification::Reverification,
        schedule::{ReportTemplate, Schedule},
        transaction_type::TransactionType,
    },
    store::{
        self, inquiry_templates, processes,
        providers::{self, Lane},
        retention, reverifications, revisions, schedules,
    },
};

/// The database's numbers of what the configuration names.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Account types by name.
    pub types: BTreeMap<String, (AccountTypeId, AccountType)>,
    /// Providers by name.
    pub lanes: BTreeMap<String, Lane>,
    /// Schedules by name.
    pub schedules: BTreeMap<String, i32>,
    /// Reverifications, with their numbers.
    pub reverifications: Vec<(i32, Reverification)>,
    /// The revision of the configuration.
    pub revision: Option<i32>,
}

/// Writes the account types that the configuration says; returns all that there are with their ids, by name.
pub async fn apply_types(
    context: &Context,
    types: impl Iterator<Item = &AccountType>,
) -> Result<BTreeMap<String, (AccountTypeId, AccountType)>, ActionError> {
    let mut transaction = context.store.transaction().await?;
    let written = write_types(context, &mut transaction, types).await?;
    transaction.commit().await?;
    Ok(written)
}

async fn write_types(
    context: &Context,
    conn: &mut sqlx::PgConnection,
    types: impl Iterator<Item = &AccountType>,
) -> Result<BTreeMap<String, (AccountTypeId, AccountType)>, ActionError> {
    for account_type in types {
        account_types::configure(context, conn, account_type).await?;
    }
    let known = store::account_types::list(conn).await?;
    Ok(known.into_iter().map(|(id, one)| (one.name.clone(), (id, one))).collect())
}

/// Why a configuration is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A process starts. It may have been started with an older file than the fleet goes by.
    Start,
    /// Somebody changed it on purpose.
    Change,
}

/// A configuration as the fleet goes by it.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// Tells equal configurations.
    pub digest: &'a str,
    /// All of it, without secrets and without what is one host's own.
    pub settings: &'a serde_json::Value,
    /// What inquiries are made by.
    pub inquiry_templates: &'a BTreeMap<String, InquiryTemplate>,
    /// Which accounts are to be verified again.
    pub reverifications: &'a BTreeMap<String, Reverification>,
    /// What one call can do to accounts, by the name of their type.
    pub account_actions: &'a BTreeMap<String, Vec<AccountAction>>,
    /// What transactions consist of, by name.
    pub transaction_types: &'a BTreeMap<String, TransactionType>,
    /// What is redacted when, and what must be kept how long, by name.
    pub retention: &'a BTreeMap<String, Policy>,
}

/// Publishes the configuration as a revision, if it is not the newest, and writes what it says. Schedules
/// that it no longer has are marked removed; a new or changed one starts a walk of enrolment over all
/// accounts.
///
/// A process that *starts* with a configuration that the fleet had before, while others run with a newer one,
/// was left behind: nothing is written, and it holds its old revision.
pub async fn apply(
    context: &Context,
    process: ProcessId,
    occasion: Occasion,
    published: Published<'_>,
    types: impl Iterator<Item = &AccountType>,
    provider_names: impl Iterator<Item = &str>,
    (templates, wanted): (impl Iterator<Item = &ReportTemplate>, impl Iterator<Item = &Schedule>),
) -> Result<Applied, ActionError> {
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    revisions::lock(&mut transaction).await?;
    let (revision, is_behind) = revision(&mut transaction, process, occasion, published, now).await?;
    let mut applied = Applied {
        types: BTreeMap::new(),
        lanes: BTreeMap::new(),
        schedules: BTreeMap::new(),
        reverifications: Vec::new(),
        revision: Some(revision),
    };
    for name in provider_names {
        let lane = providers::get_or_insert(&mut transaction, name, now).await?;
        applied.lanes.insert(name.to_owned(), lane);
    }
    if is_behind {
        let known = store::account_types::list(&mut transaction).await?;
        applied.types = known.into_iter().map(|(id, one)| (one.name.clone(), (id, one))).collect();
        applied.schedules = schedules::list_ids(&mut transaction).await?.into_iter().collect();
        let known: BTreeMap<_, _> = reverifications::list_ids(&mut transaction).await?.into_iter().collect();
        let rules = published.reverifications.values();
        applied.reverifications =
            rules.filter_map(|rule| Some((*known.get(&rule.name)?, rule.clone()))).collect();
        transaction.commit().await?;
        return Ok(applied);
    }
    applied.types = write_types(context, &mut transaction, types).await?;
    let actions: Vec<(AccountTypeId, AccountAction)> = published
        .account_actions
        .iter()
        .filter_map(|(name, actions)| Some((applied.types.get(name)?.0, actions)))
        .flat_map(|(id, actions)| actions.iter().map(move |action| (id, action.clone())))
        .collect();
    account_actions::apply(context, &mut transaction, &actions).await?;
    transaction_types::apply(context, &mut transaction, published.transaction_types.values()).await?;
    for schedule in wanted {
        let definition = serde_json::to_value(schedule).expect("a schedule is plain data");
        let of = (schedule.template.as_str(), false);
        let (id, changed) = schedules::save(&mut transaction, &schedule.name, &definition, of, now).await?;
        if changed {
            tracing::info!(schedule.name = %schedule.name, "schedule is new or changed: enrolling its accounts");
        }
        applied.schedules.insert(schedule.name.clone(), id);
    }
    for template in templates {
        let (name, of) = (template.schedule_name(), (template.name.as_str(), true));
        let definition = serde_json::json!({ "report-template": template });
        let (id, _) = schedules::save(&mut transaction, &name, &definition, of, now).await?;
        applied.schedules.insert(name, id);
    }
    let names: Vec<String> = applied.schedules.keys().cloned().collect();
    for name in schedules::save_removed(&mut transaction, &names, now).await? {
        tracing::warn!(schedule.name = %name, "schedule is no longer configured: pausing its monitors");
    }
    applied.reverifications = write_verification(&mut transaction, published, now).await?;
    write_retention(&mut transaction, published, now).await?;
    transaction.commit().await?;
    Ok(applied)
}

/// Writes what inquiries are made by, and which accounts are to be verified again.
async fn write_verification(
    conn: &mut sqlx::PgConnection,
    published: Published<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<(i32, Reverification)>, ActionError> {
    let templates: Vec<&InquiryTemplate> = published.inquiry_templates.values().collect();
    inquiry_templates::save_all(conn, &templates, now).await?;
    let mut written = Vec::new();
    for rule in published.reverifications.values() {
        let definition = serde_json::to_value(rule).expect("a reverification is plain data");
        let (id, changed) = reverifications::save(conn, &rule.name, &definition, now).await?;
        if changed {
            tracing::info!(reverification.name = %rule.name, "reverification is new or changed: looking at every account");
        }
        written.push((id, rule.clone()));
    }
    let names: Vec<String> = written.iter().map(|(_, rule)| rule.name.clone()).collect();
    for name in reverifications::save_removed(conn, &names, now).await? {
        tracing::warn!(reverification.name = %name, "reverification is no longer configured: forgetting its dates");
    }
    Ok(written)
}

/// Writes the policies of retention; when one is new, changed or removed, everything is looked at again.
async fn write_retention(
    conn: &mut sqlx::PgConnection,
    published: Published<'_>,
    now: DateTime<Utc>,
) -> Result<(), ActionError> {
    retention::lock(conn).await?;
    let mut is_changed = false;
    for policy in published.retention.values() {
        let definition = serde_json::to_value(policy).expect("a policy is plain data");
        if retention::save(conn, &policy.name, &definition, now).await? {
            is_changed = true;
            tracing::info!(policy.name = %policy.name, "retention policy is new or changed: looking at everything");
        }
    }
    let names: Vec<String> = published.retention.keys().cloned().collect();
    for name in retention::save_removed(conn, &names, now).await? {
        is_changed = true;
        tracing::warn!(policy.name = %name, "retention policy is no longer configured");
    }
    if is_changed {
        retention::start_walk(conn).await?;
    }
    Ok(())
}

/// The number of the configuration, and whether others hold a newer one.
async fn revision(
    conn: &mut sqlx::PgConnection,
    process: ProcessId,
    occasion: Occasion,
    published: Published<'_>,
    now: DateTime<Utc>,
) -> Result<(i32, bool), ActionError> {
    let newest = revisions::find_newest(conn).await?;
    if let Some(newest) = &newest {
        if newest.digest == published.digest {
            return Ok((newest.revision, false));
        }
        if occasion == Occasion::Start
            && let Some(known) = revisions::find_by_digest(conn, published.digest).await?
        {
            // Who published it a moment ago may not have said yet that it holds it.
            let is_fresh = newest.published_at > now - processes::SEEN_WITHIN
                && !processes::has_stopped(conn, newest.publisher).await?;
            let running = processes::list_running(conn, now).await?;
            let is_held = |other: &processes::Process| {
                other.id != process && !other.leaving && other.revision == Some(newest.revision)
            };
            if is_fresh || running.iter().any(is_held) {
                return Ok((known, true));
            }
        }
    }
    let before = newest.map_or(serde_json::Value::Null, |newest| newest.settings);
    let difference = difference(&before, published.settings);
    let number =
        revisions::insert(conn, published.digest, published.settings, &difference, process, now).await?;
    let (changes, first) = in_brief(&difference);
    tracing::info!(revision = number, changes, first, "the configuration is published");
    Ok((number, false))
}

/// The keys that two configurations do not have in common.
fn difference(before: &serde_json::Value, after: &serde_json::Value) -> serde_json::Value {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves(before, String::new(), &mut old);
    leaves(after, String::new(), &mut new);
    let keys = |keys: Vec<&String>| keys.into_iter().map(String::as_str).collect::<serde_json::Value>();
    serde_json::json!({
        "added": keys(new.keys().filter(|key| !old.contains_key(*key)).collect()),
        "removed": keys(old.keys().filter(|key| !new.contains_key(*key)).collect()),
        "changed": keys(new.iter().filter(|(key, value)| old.get(*key).is_some_and(|old| old != *value)).map(|(key, _)| key).collect()),
    })
}

/// How many changes of a log line are named.
const NAMED: usize = 10;

/// How many keys differ, and the first of them: the revision has all.
fn in_brief(difference: &serde_json::Value) -> (usize, String) {
    let all: Vec<String> = ["changed", "added", "removed"]
        .into_iter()
        .flat_map(|what| {
            let keys = difference.get(what).and_then(serde_json::Value::as_array).into_iter().flatten();
            keys.filter_map(move |key| Some(format!("{what} {}", key.as_str()?)))
        })
        .collect();
    let first = all.get(..NAMED.min(all.len())).unwrap_or_default().join(", ");
    (all.len(), first)
}

fn leaves<'a>(
    value: &'a serde_json::Value,
    key: String,
    found: &mut BTreeMap<String, &'a serde_json::Value>,
) {
    match value {
        serde_json::Value::Object(table) => {
            for (name, value) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                leaves(value, key, found);
            }
        }
        serde_json::Value::Null => {}
        other => {
            found.insert(key, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_the_keys_that_came_went_and_changed() {
        let before = json!({ "a": 1, "b": { "c": [1], "d": null, "e": 2 } });
        let after = json!({ "a": 1, "b": { "c": [2], "d": 3 } });
        assert_eq!(
            difference(&before, &after),
            json!({ "added": ["b.d"], "removed": ["b.e"], "changed": ["b.c"] })
        );
        assert_eq!(difference(&json!(null), &json!({ "a": 1 }))["added"], json!(["a"]));
    }

    #[test]
    fn a_log_line_counts_the_changes_and_names_the_first() {
        let differs = json!({ "added": ["b.d"], "removed": ["b.e"], "changed": ["b.c"] });
        assert_eq!(in_brief(&differs), (3, "changed b.c, added b.d, removed b.e".to_owned()));
        let many: Vec<String> = (0..500).map(|number| format!("k{number}")).collect();
        let (changes, first) = in_brief(&json!({ "added": many }));
        assert_eq!((changes, first.split(", ").count()), (500, NAMED));
    }
}
