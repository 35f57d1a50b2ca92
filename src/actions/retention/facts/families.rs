//! The households of accounts: with what was consolidated into them, their inquiries and their reports.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::{Household, Object, Rules, dates};
use crate::{
    actions::{ActionError, Context, accounts::fields},
    domain::{
        id::AccountId,
        monitor::MonitorState,
        retention::{Facts, RetainedKind},
    },
    store::{
        accounts, holds,
        retention::{self, AccountFacts, FieldRedaction, InquiryFacts, ReportFacts},
    },
};

/// Of which accounts the reports are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actions) enum Reports {
    /// Where they can decide when something falls due: a policy is about them, or the account itself is redacted and
    /// they may hold what came after.
    Deciding,
    /// Of all.
    All,
}

/// What was read of accounts.
struct Read {
    opened: HashMap<AccountId, Map<String, Value>>,
    redacted: Vec<(AccountId, FieldRedaction)>,
}

/// The households of accounts that stand for themselves.
pub(in crate::actions) async fn of_accounts(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    heads: &[AccountId],
    wanted: Reports,
) -> Result<Vec<Household>, ActionError> {
    let all = retention::list_accounts(conn, heads).await?;
    let members: Vec<AccountId> = all.iter().map(|account| account.id).collect();
    let held = holds::list_of_accounts(conn, &members).await?;
    let read = read(context, conn, rules, &all).await?;
    let mut by_head: HashMap<AccountId, Vec<&AccountFacts>> = HashMap::new();
    for account in &all {
        by_head.entry(account.consolidated_into.unwrap_or(account.id)).or_default().push(account);
    }
    let mut inquiries: HashMap<AccountId, Vec<InquiryFacts>> = HashMap::new();
    for inquiry in retention::list_inquiries(conn, heads, &[]).await? {
        if let Some(account) = inquiry.account {
            inquiries.entry(account).or_default().push(inquiry);
        }
    }
    let mut reports: HashMap<AccountId, Vec<ReportFacts>> = HashMap::new();
    for report in list_reports(conn, rules, heads, &all, wanted).await? {
        reports.entry(report.account).or_default().push(report);
    }
    let mut found = Vec::with_capacity(heads.len());
    for head in heads {
        let Some(family) = by_head.get(head) else { continue };
        let Some(own) = family.iter().find(|account| account.id == *head) else { continue };
        let accounts: Vec<AccountId> = family.iter().map(|account| account.id).collect();
        let mut filled = Vec::new();
        let mut object = of_account(rules, own, &accounts, &read, &mut filled);
        let sources = family.iter().filter(|account| account.id != *head);
        let mut sources: Vec<Object> =
            sources.map(|source| of_account(rules, source, &accounts, &read, &mut filled)).collect();
        // What was done to a source, its consolidation among it, was done to the account.
        for source in &sources {
            object.facts.active_at = object.facts.active_at.max(source.facts.active_at);
        }
        let mut parts = Vec::new();
        for inquiry in inquiries.remove(head).unwrap_or_default() {
            object.facts.active_at = object.facts.active_at.max(inquiry.updated_at);
            parts.push((of_inquiry(&inquiry, Some(&object.facts)), true));
        }
        for report in reports.remove(head).unwrap_or_default() {
            // Those of schedules were emptied with their account, and are filled with it.
            parts.push((of_report(&report, own, &object.facts), !report.by_schedule || own.is_empty));
        }
        join(own, &mut object.facts, &sources, &parts);
        let parts: Vec<Object> = parts.into_iter().map(|(part, _)| part).collect();
        let holds = held.iter().filter(|hold| accounts.contains(&hold.account)).cloned().collect();
        let parts = tie(&mut object, &mut sources, parts);
        found.push(Household { head: object, sources, parts, holds, filled });
    }
    Ok(found)
}

async fn list_reports(
    conn: &mut PgConnection,
    rules: &Rules,
    heads: &[AccountId],
    all: &[AccountFacts],
    wanted: Reports,
) -> Result<Vec<ReportFacts>, ActionError> {
    let of: Vec<AccountId> = if wanted == Reports::All || rules.has(RetainedKind::Report) {
        heads.to_vec()
    } else {
        let redacted =
            all.iter().filter(|account| account.redacted_at.is_some() && account.consolidated_into.is_none());
        redacted.map(|account| account.id).collect()
    };
    if of.is_empty() {
        return Ok(Vec::new());
    }
    Ok(retention::list_reports(conn, &of, rules.counts_runs()).await?)
}

/// Whether the accounts of a household, which were redacted, hold fields that a policy kept then and that none keeps now:
/// `kept` says which are.
pub(in crate::actions) async fn is_anything_left(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    (household, kept): (&Household, &HashMap<AccountId, BTreeSet<String>>),
) -> Result<bool, ActionError> {
    let accounts = std::iter::once(&household.head).chain(&household.sources);
    let accounts: Vec<AccountId> = accounts.map(|account| AccountId(account.id)).collect();
    for row in accounts::find_all(conn, &accounts).await? {
        let Some(account_type) = rules.types.get(&row.account_type) else { continue };
        let stays = |key: &String| {
            account_type.stays_on_redaction(key) || kept.get(&row.id).is_some_and(|kept| kept.contains(key))
        };
        if !fields::opened(context, &row)?.0.keys().all(stays) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What came to an account since it was redacted, although nothing was written to the account itself, fills it again:
/// from when the first of that came. Some parts do not count for that.
fn join(own: &AccountFacts, facts: &mut Facts, sources: &[Object], parts: &[(Object, bool)]) {
    let Some(redacted_at) = own.redacted_at else { return };
    let of_sources = sources.iter().map(|source| source.facts.archived_at.unwrap_or(redacted_at));
    let moved_at = of_sources.filter(|at| *at >= redacted_at).max().unwrap_or(redacted_at);
    // What is older may have come with an account that was consolidated into this one: late, never early.
    let came = |at: DateTime<Utc>| at.max(moved_at);
    let full = sources.iter().filter(|source| !source.facts.is_empty);
    let of_sources = full.map(|source| came(source.facts.archived_at.unwrap_or(redacted_at)));
    let full = parts.iter().filter(|(part, counts)| *counts && !part.facts.is_empty);
    let of_parts = full.map(|(part, _)| came(part.facts.created_at));
    let joined = of_sources.chain(of_parts).chain(own.rest_at.map(came)).min();
    facts.is_empty = own.is_empty && joined.is_none();
    facts.filled_at = joined.into_iter().chain(own.filled_at).min();
}

/// Has all know what goes with the account, and what they are part of. Plain copies: there is no ring in these.
fn tie(head: &mut Object, sources: &mut [Object], mut parts: Vec<Object>) -> Vec<Object> {
    let account = head.facts.clone();
    head.facts.goes_with = sources.iter().chain(&parts).map(|one| one.facts.clone()).collect();
    for part in &mut parts {
        part.facts.part_of = Some(Box::new(account.clone()));
    }
    let fields = sources.iter_mut().flat_map(|source| source.fields.values_mut());
    for field in head.fields.values_mut().chain(fields) {
        field.part_of = Some(Box::new(head.facts.clone()));
    }
    parts
}

/// The fields of accounts, where a policy counts from one or is about one, and which of them a policy redacted alone.
async fn read(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    all: &[AccountFacts],
) -> Result<Read, ActionError> {
    let of_fields = rules.policies.iter().any(|policy| !policy.fields.is_empty());
    if !of_fields && rules.date_fields(RetainedKind::Account).is_empty() {
        return Ok(Read { opened: HashMap::new(), redacted: Vec::new() });
    }
    let ids: Vec<AccountId> = all.iter().map(|account| account.id).collect();
    let mut opened = HashMap::with_capacity(ids.len());
    for row in accounts::find_all(conn, &ids).await? {
        opened.insert(row.id, fields::opened(context, &row)?.0);
    }
    let redacted = if of_fields { retention::list_field_redactions(conn, &ids).await? } else { Vec::new() };
    Ok(Read { opened, redacted })
}

fn of_account(
    rules: &Rules,
    account: &AccountFacts,
    accounts: &[AccountId],
    read: &Read,
    filled: &mut Vec<(AccountId, String, DateTime<Utc>)>,
) -> Object {
    let account_type = rules.types.get(&account.account_type);
    let name = |key: &str| account_type.map_or(key, |one| one.status_name(key)).to_owned();
    let fields = read.opened.get(&account.id);
    let before = account.past_statuses.iter().map(|(key, since)| (name(key), *since));
    let facts = Facts {
        type_name: account_type.map_or_else(String::new, |one| one.name.clone()),
        status: name(&account.status),
        accounts: accounts.to_vec(),
        archived_at: account.archived_at,
        account_statuses: before.chain([(name(&account.status), account.status_since)]).collect(),
        dates: fields
            .map(|fields| dates(fields, &rules.date_fields(RetainedKind::Account)))
            .unwrap_or_default(),
        filled_at: account.filled_at,
        is_empty: account.is_empty && account.rest_at.is_none(),
        ..Facts::bare(RetainedKind::Account, account.created_at, account.updated_at)
    };
    let mut object = Object::new(account.id.0, facts);
    if let (Some(account_type), Some(fields)) = (account_type, fields) {
        for key in rules.own_fields(account_type).into_iter().filter(|key| fields.contains_key(*key)) {
            let mut facts = Facts {
                field: Some(key.to_owned()),
                is_empty: false,
                outlasts: account.is_empty,
                ..object.facts.clone()
            };
            let redacted = read.redacted.iter();
            let mut redacted = redacted.filter(|(of, redacted)| *of == account.id && redacted.field == key);
            if let Some((_, redacted)) = redacted.next() {
                // Whoever looks first after it was filled knows no better than that it was not later.
                let filled_at = redacted.filled_at.unwrap_or(account.updated_at);
                facts.filled_at = facts.filled_at.max(Some(filled_at));
                if redacted.filled_at.is_none() {
                    filled.push((account.id, key.to_owned(), filled_at));
                }
            }
            object.fields.insert(key.to_owned(), facts);
        }
    }
    object
}

/// A part of an account: of its type, held with it, ended with it.
fn part_of(account: &Facts, object: RetainedKind) -> Facts {
    Facts {
        object,
        dates: BTreeMap::new(),
        filled_at: None,
        goes_with: Vec::new(),
        part_of: None,
        ..account.clone()
    }
}

fn of_report(report: &ReportFacts, own: &AccountFacts, account: &Facts) -> Object {
    let mut facts = part_of(account, RetainedKind::Report);
    facts.status.clone_from(&report.state);
    facts.created_at = report.created_at;
    let is_ended = report.state == MonitorState::Ended.word();
    facts.completed_at = is_ended.then_some(report.state_changed_at);
    facts.active_at = report.state_changed_at.max(report.created_at);
    facts.active_at = report.active_at.map_or(facts.active_at, |at| at.max(facts.active_at));
    // Those of schedules were emptied with their account, and go on with it.
    facts.filled_at = own.filled_at.filter(|_| report.by_schedule);
    facts.is_empty = report.is_redacted || (report.by_schedule && own.is_empty && !report.is_sealed);
    Object::new(report.id.0, facts)
}

pub(super) fn of_inquiry(inquiry: &InquiryFacts, account: Option<&Facts>) -> Object {
    let lone = || Facts::bare(RetainedKind::Inquiry, inquiry.created_at, inquiry.updated_at);
    let mut facts = account.map_or_else(lone, |account| part_of(account, RetainedKind::Inquiry));
    facts.status.clone_from(&inquiry.status);
    facts.created_at = inquiry.created_at;
    facts.completed_at = inquiry.completed_at;
    facts.active_at = inquiry.updated_at;
    facts.is_empty = inquiry.is_redacted;
    Object::new(inquiry.id.0, facts)
}
