//! The facts of objects, as [`due`] asks for them, from what the database holds.

mod families;
mod lone;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

pub(in crate::actions) use self::{
    families::{Reports, is_anything_left, of_accounts},
    lone::of_lone,
};
use crate::{
    actions::{ActionError, Context},
    domain::{
        account_type::{AccountType, RedactionPolicy},
        date::PartialDate,
        id::{AccountId, AccountTypeId, InquiryId, MonitorId},
        retention::{Clock, Facts, Hold, Policy, RetainedKind, Verdict, due},
    },
    store::{
        account_types,
        retention::{self, DueRow},
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

    /// The number of any policy; none when there are none.
    pub(in crate::actions) fn any_number(&self) -> Option<i32> {
        self.numbers.values().min().copied()
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
    /// Fields that a policy redacted alone and that were found filled again, with when: not noted yet.
    pub(in crate::actions) filled: Vec<(AccountId, String, DateTime<Utc>)>,
}

impl Household {
    fn alone(head: Object, holds: Vec<Hold>) -> Self {
        Self { head, sources: Vec::new(), parts: Vec::new(), holds, filled: Vec::new() }
    }

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

fn dates(fields: &Map<String, Value>, keys: &BTreeSet<&str>) -> BTreeMap<String, PartialDate> {
    let read = |key: &&str| Some(((*key).to_owned(), fields.get(*key)?.as_str()?.parse().ok()?));
    keys.iter().filter_map(read).collect()
}

/// The household of any object, with all its reports, and the object's place in it; none when there is no such object.
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
        of_accounts(context, conn, rules, &heads, Reports::All).await?.pop()
    };
    Ok(household.and_then(|household| {
        let object = household.objects().find(|object| object.id == id)?.clone();
        Some((household, object))
    }))
}
