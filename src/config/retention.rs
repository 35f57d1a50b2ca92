//! How `[[retention]]` is checked, against the account types and the transaction types.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{checker::Checker, key::Key, raw::RawRetention, schedules::known_status};
use crate::domain::{
    account_type::{AccountType, FieldKind, RedactionPolicy},
    retention::{Clock, Period, Policy, RetainedKind},
    transaction_type::TransactionType,
};

const OBJECTS: &str = "\"account\", \"inquiry\", \"report\", \"transaction\" or \"list-item\"";
const CLOCKS: &str =
    "\"creation\", \"completion\", \"last-activity\", \"end-of-relationship\" or \"date-field\"";

/// What objects of a kind may be in, for kinds whose states are not the configuration's.
const INQUIRY_STATUSES: [&str; 8] =
    ["created", "pending", "completed", "expired", "failed", "needs_review", "approved", "declined"];
const REPORT_STATUSES: [&str; 5] = ["active", "held", "paused", "ended", "quarantined"];
const ITEM_STATUSES: [&str; 2] = ["active", "archived"];

/// The types that the configuration says.
pub(super) struct Types<'a> {
    pub(super) accounts: &'a BTreeMap<String, AccountType>,
    pub(super) transactions: &'a BTreeMap<String, TransactionType>,
}

/// Checks `[[retention]]`.
pub(super) fn policies(
    check: &mut Checker<'_>,
    raw: Vec<RawRetention>,
    types: &Types<'_>,
) -> BTreeMap<String, Policy> {
    let mut policies = BTreeMap::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let key = Key::of("retention").item(index);
        let name =
            check.needed(&key.at("name"), raw.name.clone(), "a name of small letters, digits and dashes");
        let Some(name) = name else { continue };
        check.name(&key.at("name"), &name);
        match policies.entry(name) {
            Entry::Occupied(_) => check.refuse(&key.at("name"), "accepted is each name once"),
            Entry::Vacant(place) => {
                if let Some(policy) = policy(check, &key, place.key(), &raw, types) {
                    place.insert(policy);
                }
            }
        }
    }
    policies
}

fn policy(
    check: &mut Checker<'_>,
    key: &Key,
    name: &str,
    raw: &RawRetention,
    types: &Types<'_>,
) -> Option<Policy> {
    let object = check.needed(&key.at("object"), raw.object.clone(), OBJECTS);
    let rule = check.needed(&key.at("rule"), raw.rule, "\"redact\" or \"keep\"");
    let object = object.and_then(|word| {
        let known = RetainedKind::from_word(&word);
        if known.is_none() {
            check.refuse(&key.at("object"), format_args!("accepted is {OBJECTS}"));
        }
        known
    });
    let period = period(check, &key.at("period"), raw.period.as_deref());
    let object = object?;
    let (names, about) = about(check, key, object, raw.types.clone().unwrap_or_default(), types);
    let statuses = check.texts(&key.at("statuses"), raw.statuses.clone().unwrap_or_default());
    for (index, status) in statuses.iter().enumerate() {
        let key = key.at("statuses").item(index);
        match object {
            RetainedKind::Account | RetainedKind::Transaction => known_status(check, &key, status, &about),
            RetainedKind::Inquiry => {
                check.known(&key, status, "a status of inquiries", &INQUIRY_STATUSES);
            }
            RetainedKind::Report => check.known(&key, status, "a state of reports", &REPORT_STATUSES),
            RetainedKind::ListItem => check.known(&key, status, "a status of list items", &ITEM_STATUSES),
        }
    }
    let fields = fields(check, key, object, raw.fields.clone().unwrap_or_default(), &about);
    let clock = clock(check, key, object, raw, &about, types);
    Some(Policy {
        name: name.to_owned(),
        object,
        rule: rule?,
        types: names,
        statuses,
        fields,
        period: period?,
        clock: clock?,
    })
}

fn period(check: &mut Checker<'_>, key: &Key, text: Option<&str>) -> Option<Period> {
    let accepted = "a whole number with d, mo or y, such as 30d, 18mo or 5y";
    let period = check.needed(key, text, accepted)?.parse();
    period.map_err(|fault| check.refuse(key, fault)).ok()
}

/// The names of the types that a policy is for, and of those the schemas that are known.
fn about<'t>(
    check: &mut Checker<'_>,
    key: &Key,
    object: RetainedKind,
    names: Vec<String>,
    types: &Types<'t>,
) -> (Vec<String>, Vec<&'t AccountType>) {
    let key = key.at("types");
    let names = check.texts(&key, names);
    let (section, what) = match object {
        RetainedKind::Account | RetainedKind::Inquiry | RetainedKind::Report => {
            ("account-types", "the name of an account type")
        }
        RetainedKind::Transaction => ("transaction-types", "the name of a transaction type"),
        // Lists are made through the API.
        RetainedKind::ListItem => return (names, Vec::new()),
    };
    let known = check.names(section);
    for (index, name) in names.iter().enumerate() {
        check.known(&key.item(index), name, what, &known);
    }
    let is_about = |name: &&String| names.is_empty() || names.contains(name);
    let about = if object == RetainedKind::Transaction {
        types.transactions.iter().filter(|(name, _)| is_about(name)).map(|(_, one)| one.as_schema()).collect()
    } else {
        types.accounts.iter().filter(|(name, _)| is_about(name)).map(|(_, one)| one).collect()
    };
    (names, about)
}

fn fields(
    check: &mut Checker<'_>,
    key: &Key,
    object: RetainedKind,
    fields: Vec<String>,
    about: &[&AccountType],
) -> Vec<String> {
    let key = key.at("fields");
    let fields = check.texts(&key, fields);
    if !fields.is_empty() && object != RetainedKind::Account {
        check.refuse_name(&key, "is only for policies on accounts");
        return fields;
    }
    for (index, field) in fields.iter().enumerate() {
        for of in about {
            let redacted = of
                .fields
                .iter()
                .filter(|field| field.pii && field.redaction_policy != RedactionPolicy::Never);
            let redacted: Vec<&str> = redacted.map(|field| field.key.as_str()).collect();
            let what = format!("a field of {} with pii that redaction destroys", of.name);
            check.known(&key.item(index), field, &what, &redacted);
        }
    }
    fields
}

fn clock(
    check: &mut Checker<'_>,
    key: &Key,
    object: RetainedKind,
    raw: &RawRetention,
    about: &[&AccountType],
    types: &Types<'_>,
) -> Option<Clock> {
    let from = check.needed(&key.at("from"), raw.from.as_deref(), CLOCKS)?;
    if raw.end_statuses.is_some() && from != "end-of-relationship" {
        check.refuse_name(&key.at("end-statuses"), "is only for policies from \"end-of-relationship\"");
    }
    if raw.date_field.is_some() && from != "date-field" {
        check.refuse_name(&key.at("date-field"), "is only for policies from \"date-field\"");
    }
    let mut refuse =
        |what: &str| check.refuse(&key.at("from"), format_args!("accepted for {object} is {what}"));
    match from {
        "creation" => Some(Clock::Creation),
        "last-activity" => Some(Clock::LastActivity),
        "completion" if [RetainedKind::Inquiry, RetainedKind::Report].contains(&object) => {
            Some(Clock::Completion)
        }
        "completion" => {
            refuse("any clock but completion: only inquiries and reports are completed");
            None
        }
        "end-of-relationship" if object == RetainedKind::Transaction => {
            refuse("any clock but end-of-relationship: a transaction is of no one account");
            None
        }
        "end-of-relationship" => {
            let end_statuses = raw.end_statuses.clone().unwrap_or_default();
            let end_statuses = check.texts(&key.at("end-statuses"), end_statuses);
            for (index, status) in end_statuses.iter().enumerate() {
                // Of the account, whatever the policy is about.
                let accounts: Vec<&AccountType> =
                    if about.is_empty() { types.accounts.values().collect() } else { about.to_vec() };
                known_status(check, &key.at("end-statuses").item(index), status, &accounts);
            }
            Some(Clock::EndOfRelationship { end_statuses })
        }
        "date-field" if [RetainedKind::Account, RetainedKind::Transaction].contains(&object) => {
            let at = key.at("date-field");
            let field = check.needed(&at, raw.date_field.clone(), "the key of a field of type date")?;
            for of in about {
                let dates = of.fields.iter().filter(|field| matches!(field.kind, FieldKind::Date { .. }));
                let dates: Vec<&str> = dates.map(|field| field.key.as_str()).collect();
                check.known(&at, &field, &format!("a field of type date of {}", of.name), &dates);
            }
            Some(Clock::DateField { date_field: field })
        }
        "date-field" => {
            refuse("any clock but date-field: only accounts and transactions have fields");
            None
        }
        _ => {
            check.refuse(&key.at("from"), format_args!("accepted is {CLOCKS}"));
            None
        }
    }
}
