//! How inquiry templates and reverifications are checked, against the account types.

use std::{collections::BTreeMap, time::Duration};

use super::{
    checker::Checker,
    key::Key,
    raw::{Human, RawAlternative, RawInquiryTemplate, RawReverification, RawRule},
    schedules::{known_status, selection},
};
use crate::domain::{
    account_type::{AccountType, FieldKind},
    comparison::{Alternative, Rule},
    inquiry_template::{Expiration, InquiryTemplate, has_parts},
    reverification::{Due, Reverification},
};

const DAY: u64 = 24 * 60 * 60;

/// The longest times, in days.
const LONGEST_EXPIRATION: u64 = 3650;
const LONGEST_REVERIFICATION: u64 = 36500;

/// Checks `[inquiry-templates]`.
pub(super) fn templates(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawInquiryTemplate>,
    types: &BTreeMap<String, AccountType>,
) -> BTreeMap<String, InquiryTemplate> {
    let mut templates = BTreeMap::new();
    let known = check.names("account-types");
    for (name, raw) in raw {
        let key = Key::of("inquiry-templates").at(&name);
        check.name(&key, &name);
        let what = "the name of an account type";
        let Some(account_type) = check.needed(&key.at("account-type"), raw.account_type.clone(), what) else {
            continue;
        };
        check.known(&key.at("account-type"), &account_type, what, &known);
        // A type that is at fault itself has its own fault.
        if let Some(account_type) = types.get(&account_type) {
            let template = template(check, &key, &name, raw, account_type);
            templates.insert(name, template);
        }
    }
    templates
}

fn template(
    check: &mut Checker<'_>,
    key: &Key,
    name: &str,
    raw: RawInquiryTemplate,
    account_type: &AccountType,
) -> InquiryTemplate {
    let every: Vec<&str> = account_type.fields.iter().map(|field| field.key.as_str()).collect();
    let what = format!("a field of {}", account_type.name);
    let fields = match raw.fields {
        None => every.iter().map(|key| (*key).to_owned()).collect(),
        Some(fields) => keys(check, &key.at("fields"), fields, &what, &every),
    };
    let collected: Vec<&str> = fields.iter().map(String::as_str).collect();
    let updates = raw.updates.unwrap_or_default();
    let updates = keys(check, &key.at("updates"), updates, "a field that it collects", &collected);
    let mut compare = Vec::new();
    for (field, raw) in raw.compare.unwrap_or_default() {
        let at = key.at("compare").at(&field);
        if !has_parts(account_type, &field) {
            let text = format!("accepted is {what} ({})", every.join(", "));
            check.refuse_name(&at, &text);
        }
        compare.extend(rule(check, &at, field, raw, account_type));
    }
    let mut expiration = |name: &str, raw: Option<Human>| {
        let Some(raw) = raw else { return Expiration::default().after_create };
        let longest = Duration::from_secs(LONGEST_EXPIRATION * DAY);
        let seconds = check.duration(&key.at(name), raw, Duration::ZERO..=longest).as_secs();
        u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
    };
    let expiration = Expiration {
        after_create: expiration("expire-after-create", raw.expire_after_create),
        after_start: expiration("expire-after-start", raw.expire_after_start),
        after_resume: expiration("expire-after-resume", raw.expire_after_resume),
    };
    InquiryTemplate {
        name: name.to_owned(),
        account_type: account_type.name.clone(),
        fields,
        compare,
        compare_with_last: raw.compare_with_last.unwrap_or(false),
        updates,
        expiration,
    }
}

fn keys(check: &mut Checker<'_>, key: &Key, keys: Vec<String>, what: &str, known: &[&str]) -> Vec<String> {
    let keys = check.texts(key, keys);
    for (index, field) in keys.iter().enumerate() {
        check.known(&key.item(index), field, what, known);
    }
    keys
}

fn rule(
    check: &mut Checker<'_>,
    key: &Key,
    field: String,
    raw: RawRule,
    account_type: &AccountType,
) -> Option<Rule> {
    let any = raw.any.filter(|any| !any.is_empty());
    let any = check.needed(&key.at("any"), any, "a list of at least one { method = … }")?;
    let mut alternatives = Vec::new();
    for (index, raw) in any.into_iter().enumerate() {
        let at = key.at("any").item(index);
        let RawAlternative { method, level, with } = raw;
        let method = check.needed(&at.at("method"), method, "the name of a method of comparison");
        if let Some(with) = with.as_deref().filter(|with| !has_parts(account_type, with)) {
            let every: Vec<&str> = account_type.fields.iter().map(|field| field.key.as_str()).collect();
            check.known(&at.at("with"), with, &format!("a field of {}", account_type.name), &every);
        }
        alternatives.extend(method.map(|method| Alternative {
            method,
            level: level.unwrap_or_default(),
            with,
        }));
    }
    let requirement = raw.requirement.unwrap_or_default();
    (!alternatives.is_empty()).then_some(Rule { field, requirement, any: alternatives })
}

/// Checks `[reverifications]`.
pub(super) fn reverifications(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawReverification>,
    types: &BTreeMap<String, AccountType>,
) -> BTreeMap<String, Reverification> {
    let mut rules = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("reverifications").at(&name);
        check.name(&key, &name);
        if let Some(rule) = reverification(check, &key, &name, raw, types) {
            rules.insert(name, rule);
        }
    }
    rules
}

fn reverification(
    check: &mut Checker<'_>,
    key: &Key,
    name: &str,
    raw: RawReverification,
    types: &BTreeMap<String, AccountType>,
) -> Option<Reverification> {
    let (accounts, selected) = selection(check, &key.at("accounts"), raw.accounts.unwrap_or_default(), types);
    let due = match (raw.after_last_inquiry, raw.date_field) {
        (Some(after), None) => {
            if raw.before_date.is_some() {
                check.refuse_name(&key.at("before-date"), "is only for reverifications with date-field");
            }
            Some(Due::LastInquiry { days_after: days(check, &key.at("after-last-inquiry"), after, 1)? })
        }
        (None, Some(field)) => {
            for of in &selected {
                let dates = of.fields.iter().filter(|field| matches!(field.kind, FieldKind::Date { .. }));
                let dates: Vec<&str> = dates.map(|field| field.key.as_str()).collect();
                check.known(
                    &key.at("date-field"),
                    &field,
                    &format!("a field of type date of {}", of.name),
                    &dates,
                );
            }
            let days_before =
                raw.before_date.map_or(Some(0), |before| days(check, &key.at("before-date"), before, 0))?;
            Some(Due::DateField { field, days_before })
        }
        (None, None) => {
            let accepted = "a number of whole days such as 365d; or else date-field";
            check.needed(&key.at("after-last-inquiry"), None, accepted)
        }
        (Some(_), Some(_)) => {
            let text = "accepted is either after-last-inquiry or date-field, found both";
            check.refuse_name(&key.at("date-field"), text);
            None
        }
    };
    let tags = check.texts(&key.at("tags"), raw.tags.unwrap_or_default());
    let status_from = check.texts(&key.at("status-from"), raw.status_from.unwrap_or_default());
    for (index, status) in status_from.iter().enumerate() {
        known_status(check, &key.at("status-from").item(index), status, &selected);
    }
    match &raw.status {
        Some(status) => {
            known_status(check, &key.at("status"), status, &selected);
            let named = (!status_from.is_empty()).then_some(());
            check.needed(&key.at("status-from"), named, "a list of the statuses that may be changed");
        }
        None if !status_from.is_empty() => {
            check.refuse_name(&key.at("status-from"), "is only for reverifications with a status");
        }
        None => {}
    }
    Some(Reverification { name: name.to_owned(), accounts, due: due?, tags, status: raw.status, status_from })
}

fn days(check: &mut Checker<'_>, key: &Key, Human(time): Human, least: u64) -> Option<u32> {
    let days = time.as_secs() / DAY;
    let is_whole = time.as_secs().is_multiple_of(DAY) && time.subsec_nanos() == 0;
    if !is_whole || !(least..=LONGEST_REVERIFICATION).contains(&days) {
        let text = format!("accepted is a number of whole days from {least}d to {LONGEST_REVERIFICATION}d");
        check.refuse(key, text);
        return None;
    }
    u32::try_from(days).ok()
}
