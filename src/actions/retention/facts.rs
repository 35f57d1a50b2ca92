//! The facts of objects, as [`due`] asks for them, from what the database holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    actions::{ActionError, Context, accounts::fields, transactions},
    domain::{
        account_type::{AccountType, RedactionPolicy},
        date::PartialDate,
        id::{AccountId, AccountTypeId, InquiryId, ListItemId, MonitorId, TransactionId},
        monitor::MonitorState,
        retention::{Clock, Facts, Hold, Policy, RetainedKind, Verdict, due},
    },
    store::{
        account_types, accounts, holds,
        retention::{self, AccountFacts, DueRow, InquiryFacts},
        transaction_types,
    },
};

/// The policies in force, and what it takes to judge by them.
pub(in crate::actions) struct Rules {
    pub(in crate::actions) policies: Vec<Policy>,
    numbers: HashMap<String, i32>,
    types: HashMap<AccountTypeId, AccountType>,
    transaction_types: HashMap<String, AccountType>,
}

impl Rules {
    /// Reads the policies.
    pub(in crate::actions) async fn load(conn: &mut PgConnection) -> Result<Self, ActionError> {
        let (mut policies, mut numbers) = (Vec::new(), HashMap::new());
        for (number, policy) in retention::list_policies(conn).await? {
            numbers.insert(policy.name.clone(), number);
            policies.push(policy);
        }
        let types = account_types::list(conn).await?.into_iter().collect();
        let of_transactions = transaction_types::list(conn, None).await?;
        let transaction_types = of_transactions
            .into_iter()
            .map(|row| (row.definition.name().to_owned(), row.definition.as_schema().clone()))
            .collect();
        Ok(Self { policies, numbers, types, transaction_types })
    }

    /// Whether there is a policy about a kind of object.
    pub(in crate::actions) fn has(&self, kind: RetainedKind) -> bool {
        self.policies.iter().any(|policy| policy.object == kind)
    }

    /// The date fields that policies on a kind of object count from.
    fn date_fields(&self, kind: RetainedKind) -> BTreeSet<&str> {
        let of_kind = self.policies.iter().filter(|policy| policy.object == kind);
        let fields = of_kind.filter_map(|policy| match &policy.clock {
            Clock::DateField { date_field } => Some(date_field.as_str()),
            _ => None,
        });
        fields.collect()
    }

    /// The fields of a type that policies name, and that redaction destroys.
    fn own_fields(&self, of: &AccountType) -> BTreeSet<&str> {
        let named = self.policies.iter().flat_map(|policy| &policy.fields);
        let destroyed = |key: &&str| {
            of.any_field(key)
                .is_some_and(|field| field.pii && field.redaction_policy != RedactionPolicy::Never)
        };
        named.map(String::as_str).filter(destroyed).collect()
    }

    fn counts_runs(&self) -> bool {
        let mut policies = self.policies.iter();
        policies.any(|policy| policy.object == RetainedKind::Report && policy.clock == Clock::LastActivity)
    }

    fn row(&self, object: &Object, field: Option<&str>, verdict: &Verdict) -> Option<DueRow> {
        let crate::domain::retention::Redaction::Due(due) = &verdict.redaction else { return None };
        Some(DueRow {
            kind: object.kind,
            object: object.id,
            field: field.unwrap_or_default().to_owned(),
            policy_id: *self.numbers.get(&due.policy)?,
            due_at: due.at,
        })
    }
}

/// An object with its facts.
#[derive(Clone, Debug)]
pub(in crate::actions) struct Object {
    pub(in crate::actions) kind: RetainedKind,
    pub(in crate::actions) id: Uuid,
    pub(in crate::actions) facts: Facts,
    /// Fields with periods of their own that the object has.
    pub(in crate::actions) fields: BTreeMap<String, Facts>,
}

impl Object {
    fn new(id: Uuid, facts: Facts) -> Self {
        Self { kind: facts.object, id, facts, fields: BTreeMap::new() }
    }
}

/// Objects that are redacted together or are judged by each other: an account with all that is its own; or a lone
/// object of another kind.
#[derive(Clone, Debug)]
pub(in crate::actions) struct Household {
    /// The account that stands for all, or the lone object.
    pub(in crate::actions) head: Object,
    /// Accounts that were consolidated into it.
    pub(in crate::actions) sources: Vec<Object>,
    /// Its inquiries and reports.
    pub(in crate::actions) parts: Vec<Object>,
    /// The holds on its accounts that nobody lifted.
    pub(in crate::actions) holds: Vec<Hold>,
}

impl Household {
    /// The verdict on one of its objects, or a field of one.
    pub(in crate::actions) fn judge(&self, rules: &Rules, facts: &Facts) -> Verdict {
        due(facts, &rules.policies, &self.holds)
    }

    /// All its objects.
    pub(in crate::actions) fn objects(&self) -> impl Iterator<Item = &Object> {
        std::iter::once(&self.head).chain(&self.sources).chain(&self.parts)
    }

    /// When everything in it falls due.
    pub(in crate::actions) fn due_rows(&self, rules: &Rules) -> Vec<DueRow> {
        let mut rows = Vec::new();
        let whole = self.judge(rules, &self.head.facts);
        rows.extend(rules.row(&self.head, None, &whole));
        for account in std::iter::once(&self.head).chain(&self.sources) {
            for (field, facts) in &account.fields {
                let verdict = self.judge(rules, facts);
                // What goes with the whole needs no row of its own.
                if verdict.due_at() != whole.due_at() {
                    rows.extend(rules.row(account, Some(field), &verdict));
                }
            }
        }
        for part in &self.parts {
            rows.extend(rules.row(part, None, &self.judge(rules, &part.facts)));
        }
        rows
    }
}

/// The households of accounts that stand for themselves.
pub(in crate::actions) async fn of_accounts(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    heads: &[AccountId],
) -> Result<Vec<Household>, ActionError> {
    let all = retention::list_accounts(conn, heads).await?;
    let members: Vec<AccountId> = all.iter().map(|account| account.id).collect();
    let held = holds::list_of_accounts(conn, &members).await?;
    let opened = opened(context, conn, rules, &all).await?;
    let mut by_head: HashMap<AccountId, Vec<&AccountFacts>> = HashMap::new();
    for account in &all {
        by_head.entry(account.consolidated_into.unwrap_or(account.id)).or_default().push(account);
    }
    let inquiries = retention::list_inquiries(conn, heads, &[]).await?;
    let reports = if rules.has(RetainedKind::Report) {
        retention::list_reports(conn, heads, rules.counts_runs()).await?
    } else {
        Vec::new()
    };
    let mut found = Vec::with_capacity(heads.len());
    for head in heads {
        let Some(family) = by_head.get(head) else { continue };
        let accounts: Vec<AccountId> = family.iter().map(|account| account.id).collect();
        let Some(own) = family.iter().find(|account| account.id == *head) else { continue };
        let mut object = of_account(rules, own, &accounts, opened.get(head));
        let sources = family.iter().filter(|account| account.id != *head);
        let sources: Vec<Object> =
            sources.map(|source| of_account(rules, source, &accounts, opened.get(&source.id))).collect();
        let mut parts = Vec::new();
        for inquiry in inquiries.iter().filter(|inquiry| inquiry.account == Some(*head)) {
            object.facts.active_at = object.facts.active_at.max(inquiry.updated_at);
            parts.push(of_inquiry(inquiry, Some(&object.facts)));
        }
        for report in reports.iter().filter(|report| report.account == *head) {
            let mut facts = part_of(&object.facts, RetainedKind::Report);
            facts.status.clone_from(&report.state);
            facts.created_at = report.created_at;
            let is_ended = report.state == MonitorState::Ended.word();
            facts.completed_at = is_ended.then_some(report.state_changed_at);
            facts.active_at = report.state_changed_at.max(report.created_at);
            facts.active_at = report.active_at.map_or(facts.active_at, |at| at.max(facts.active_at));
            // Those of schedules were emptied with their account, and go on with it.
            facts.filled_at = object.facts.filled_at.filter(|_| report.by_schedule);
            facts.is_empty = report.is_redacted || (report.by_schedule && object.facts.is_empty);
            parts.push(Object::new(report.id.0, facts));
        }
        // Plain copies first: what goes with the account is no part of it in these.
        let goes_with = sources.iter().chain(&parts).map(|one| one.facts.clone()).collect();
        let whole = object.facts.clone();
        for part in &mut parts {
            part.facts.part_of = Some(Box::new(whole.clone()));
        }
        object.facts.goes_with = goes_with;
        let holds = held.iter().filter(|hold| accounts.contains(&hold.account)).cloned().collect();
        found.push(Household { head: object, sources, parts, holds });
    }
    Ok(found)
}

/// The fields of accounts, where a policy counts from one or is about one.
async fn opened(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    all: &[AccountFacts],
) -> Result<HashMap<AccountId, Map<String, Value>>, ActionError> {
    let of_fields = rules.policies.iter().any(|policy| !policy.fields.is_empty());
    if !of_fields && rules.date_fields(RetainedKind::Account).is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<AccountId> = all.iter().map(|account| account.id).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for row in accounts::find_all(conn, &ids).await? {
        found.insert(row.id, fields::opened(context, &row)?.0);
    }
    Ok(found)
}

fn of_account(
    rules: &Rules,
    account: &AccountFacts,
    accounts: &[AccountId],
    fields: Option<&Map<String, Value>>,
) -> Object {
    let account_type = rules.types.get(&account.account_type);
    let status = account_type.map_or(account.status.as_str(), |one| one.status_name(&account.status));
    let facts = Facts {
        type_name: account_type.map_or_else(String::new, |one| one.name.clone()),
        status: status.to_owned(),
        accounts: accounts.to_vec(),
        archived_at: account.archived_at,
        account_status: Some((status.to_owned(), account.status_since)),
        dates: fields
            .map(|fields| dates(fields, &rules.date_fields(RetainedKind::Account)))
            .unwrap_or_default(),
        filled_at: account.filled_at,
        is_empty: account.is_empty,
        ..Facts::bare(RetainedKind::Account, account.created_at, account.updated_at)
    };
    let mut object = Object::new(account.id.0, facts);
    if let (Some(account_type), Some(fields)) = (account_type, fields) {
        for key in rules.own_fields(account_type).into_iter().filter(|key| fields.contains_key(*key)) {
            let facts = Facts { field: Some(key.to_owned()), is_empty: false, ..object.facts.clone() };
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

fn of_inquiry(inquiry: &InquiryFacts, account: Option<&Facts>) -> Object {
    let lone = || Facts::bare(RetainedKind::Inquiry, inquiry.created_at, inquiry.updated_at);
    let mut facts = account.map_or_else(lone, |account| part_of(account, RetainedKind::Inquiry));
    facts.status.clone_from(&inquiry.status);
    facts.created_at = inquiry.created_at;
    facts.completed_at = inquiry.completed_at;
    facts.active_at = inquiry.updated_at;
    facts.is_empty = inquiry.is_redacted;
    Object::new(inquiry.id.0, facts)
}

fn dates(fields: &Map<String, Value>, keys: &BTreeSet<&str>) -> BTreeMap<String, PartialDate> {
    let read = |key: &&str| Some(((*key).to_owned(), fields.get(*key)?.as_str()?.parse().ok()?));
    keys.iter().filter_map(read).collect()
}

/// The households of objects that belong to no account.
pub(in crate::actions) async fn of_lone(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    kind: RetainedKind,
    ids: &[Uuid],
) -> Result<Vec<Household>, ActionError> {
    let alone = |head: Object| Household { head, sources: Vec::new(), parts: Vec::new(), holds: Vec::new() };
    match kind {
        RetainedKind::Inquiry => {
            let ids: Vec<InquiryId> = ids.iter().copied().map(InquiryId).collect();
            let found = retention::list_inquiries(conn, &[], &ids).await?;
            let lone = found.iter().filter(|inquiry| inquiry.account.is_none());
            Ok(lone.map(|inquiry| alone(of_inquiry(inquiry, None))).collect())
        }
        RetainedKind::Transaction => of_transactions(context, conn, rules, ids).await,
        RetainedKind::ListItem => {
            let ids: Vec<ListItemId> = ids.iter().copied().map(ListItemId).collect();
            let found = retention::list_items(conn, &ids).await?;
            let of_item = |item: retention::ItemFacts| {
                let status = if item.archived_at.is_some() { "archived" } else { "active" };
                let facts = Facts {
                    type_name: item.list,
                    status: status.to_owned(),
                    archived_at: item.archived_at,
                    is_empty: item.is_redacted,
                    ..Facts::bare(RetainedKind::ListItem, item.created_at, item.updated_at)
                };
                alone(Object::new(item.id.0, facts))
            };
            Ok(found.into_iter().map(of_item).collect())
        }
        // These are of accounts.
        RetainedKind::Account | RetainedKind::Report => Ok(Vec::new()),
    }
}

async fn of_transactions(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    ids: &[Uuid],
) -> Result<Vec<Household>, ActionError> {
    let ids: Vec<TransactionId> = ids.iter().copied().map(TransactionId).collect();
    let found = retention::list_transactions(conn, &ids).await?;
    let related: HashSet<AccountId> = found.iter().flat_map(|one| one.accounts.iter().copied()).collect();
    let related: Vec<AccountId> = related.into_iter().collect();
    let held = holds::list_of_accounts(conn, &related).await?;
    let keys = rules.date_fields(RetainedKind::Transaction);
    let mut households = Vec::with_capacity(found.len());
    for one in found {
        let dates = if keys.is_empty() {
            BTreeMap::new()
        } else {
            dates(&transactions::fields_of(context, conn, one.id).await?, &keys)
        };
        let schema = rules.transaction_types.get(&one.type_name);
        let status = schema.map_or(one.status.as_str(), |schema| schema.status_name(&one.status)).to_owned();
        let holds = held.iter().filter(|hold| one.accounts.contains(&hold.account)).cloned().collect();
        let facts = Facts {
            type_name: one.type_name,
            status,
            accounts: one.accounts,
            dates,
            filled_at: one.filled_at,
            is_empty: one.is_empty,
            ..Facts::bare(RetainedKind::Transaction, one.created_at, one.updated_at)
        };
        let head = Object::new(one.id.0, facts);
        households.push(Household { head, sources: Vec::new(), parts: Vec::new(), holds });
    }
    Ok(households)
}

/// The household of any object, and the object's place in it; none when there is no such object.
pub(in crate::actions) async fn of_object(
    context: &Context,
    conn: &mut PgConnection,
    rules: &Rules,
    kind: RetainedKind,
    id: Uuid,
) -> Result<Option<(Household, Object)>, ActionError> {
    let heads = match kind {
        RetainedKind::Account => retention::list_heads(conn, &[AccountId(id)], &[], &[]).await?,
        RetainedKind::Inquiry => retention::list_heads(conn, &[], &[InquiryId(id)], &[]).await?,
        RetainedKind::Report => retention::list_heads(conn, &[], &[], &[MonitorId(id)]).await?,
        RetainedKind::Transaction | RetainedKind::ListItem => Vec::new(),
    };
    let household = if heads.is_empty() {
        of_lone(context, conn, rules, kind, &[id]).await?.pop()
    } else {
        of_accounts(context, conn, rules, &heads).await?.pop()
    };
    Ok(household.and_then(|household| {
        let object = household.objects().find(|object| object.id == id)?.clone();
        Some((household, object))
    }))
}
