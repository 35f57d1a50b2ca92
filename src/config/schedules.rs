//! How report templates and schedules are checked, also against each other and the account types.

use std::{collections::BTreeMap, time::Duration};

use chrono_tz::Tz;
use serde_json::Value;

use super::{
    checker::Checker,
    key::Key,
    raw::{Human, RawOnClear, RawOnMatch, RawSchedule, RawSelection, RawTemplate},
};
use crate::domain::{
    account_type::{AccountType, Field, FieldFault},
    cadence::{Cadence, CadenceFault},
    schedule::{ClearEffect, MatchEffect, ReportTemplate, Schedule, Selection},
};

const BACKFILL_PER_SECOND: f64 = 500.0;

/// Checks `[report-templates]`.
pub(super) fn templates(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawTemplate>,
) -> BTreeMap<String, ReportTemplate> {
    let mut templates = BTreeMap::new();
    let providers = check.names("providers");
    for (name, raw) in raw {
        let key = Key::of("report-templates").at(&name);
        check.name(&key, &name);
        let types =
            "\"watchlist\", \"politically-exposed-person\", \"adverse-media\" or \"business-watchlist\"";
        let report = check.needed(&key.at("type"), raw.r#type, types);
        let provider = check.needed(&key.at("provider"), raw.provider, "the name of a provider");
        if let Some(provider) = &provider {
            check.known(&key.at("provider"), provider, "the name of a provider", &providers);
        }
        let threshold = raw.threshold.map(|threshold| check.fraction(&key.at("threshold"), threshold));
        let recurrence_days =
            raw.recurrence.and_then(|recurrence| whole_days(check, &key.at("recurrence"), recurrence, YEAR));
        let decisions_expire_days = expiry(check, &key, raw.decisions_expire);
        let on_match = raw.on_match.unwrap_or_default();
        if let (Some(report), Some(provider)) = (report, provider) {
            let template = ReportTemplate {
                name: name.clone(),
                report,
                provider,
                threshold,
                recurrence_days,
                decisions_expire_days,
                on_match,
            };
            templates.insert(name, template);
        }
    }
    templates
}

/// The longest that a report may wait to recur, in days.
const YEAR: u16 = *ReportTemplate::RECURRENCE_DAYS.end();

/// The longest that a decision may hold before it expires, in days.
const LONGEST_DECISION: u16 = 3650;

/// After how many days decisions expire.
fn expiry(check: &mut Checker<'_>, key: &Key, expire: Option<Human>) -> Option<u16> {
    whole_days(check, &key.at("decisions-expire"), expire?, LONGEST_DECISION)
}

/// So many whole days, at least one.
fn whole_days(check: &mut Checker<'_>, key: &Key, Human(duration): Human, most: u16) -> Option<u16> {
    const DAY: u64 = 24 * 60 * 60;
    let days = u16::try_from(duration.as_secs() / DAY).ok();
    let is_whole = duration.as_secs().is_multiple_of(DAY) && duration.subsec_nanos() == 0;
    let days = days.filter(|days| is_whole && (1..=most).contains(days));
    if days.is_none() {
        check.refuse(key, format!("accepted is a number of whole days from 1d to {most}d"));
    }
    days
}

/// Checks `[schedules]`.
pub(super) fn schedules(
    check: &mut Checker<'_>,
    raw: BTreeMap<String, RawSchedule>,
    types: &BTreeMap<String, AccountType>,
) -> BTreeMap<String, Schedule> {
    let mut schedules = BTreeMap::new();
    for (name, raw) in raw {
        let key = Key::of("schedules").at(&name);
        check.name(&key, &name);
        if let Some(schedule) = schedule(check, &key, &name, raw, types) {
            schedules.insert(name, schedule);
        }
    }
    schedules
}

fn schedule(
    check: &mut Checker<'_>,
    key: &Key,
    name: &str,
    raw: RawSchedule,
    types: &BTreeMap<String, AccountType>,
) -> Option<Schedule> {
    let cadence = cadence(check, key, &raw);
    let objective =
        raw.objective.and_then(|objective| self::objective(check, key, &objective, cadence.as_ref()));
    let template = check.needed(&key.at("template"), raw.template, "the name of a report template");
    if let Some(template) = &template {
        let templates = check.names("report-templates");
        check.known(&key.at("template"), template, "the name of a report template", &templates);
    }
    let backfill = raw.backfill_per_second.unwrap_or(BACKFILL_PER_SECOND);
    let backfill_per_second = check.rate(&key.at("backfill-per-second"), backfill, 1e6);
    let decisions_expire_days = expiry(check, key, raw.decisions_expire);
    let (accounts, selected) = selection(check, &key.at("accounts"), raw.accounts.unwrap_or_default(), types);
    let on_match_mode = raw.on_match.as_ref().and_then(|raw| raw.mode).unwrap_or_default();
    let on_match = on_match(check, &key.at("on-match"), raw.on_match.unwrap_or_default(), &selected);
    let on_clear =
        on_clear(check, &key.at("on-clear"), raw.on_clear.unwrap_or_default(), &on_match, &selected);
    Some(Schedule {
        name: name.to_owned(),
        accounts,
        template: template?,
        cadence: Some(cadence?),
        objective,
        backfill_per_second,
        decisions_expire_days,
        on_match_mode,
        on_match,
        on_clear,
    })
}

/// How long after its time a run may be recorded: of what repeats sooner, no run comes about at all.
fn objective(
    check: &mut Checker<'_>,
    key: &Key,
    Human(objective): &Human,
    cadence: Option<&Cadence>,
) -> Option<Duration> {
    let interval = cadence.and_then(Cadence::interval).unwrap_or(Cadence::LONGEST);
    if (Cadence::SHORTEST..=interval).contains(objective) {
        return Some(*objective);
    }
    let text = "accepted is a duration from 1m to 3650d, no longer than the interval";
    check.refuse(&key.at("objective"), text);
    None
}

fn cadence(check: &mut Checker<'_>, key: &Key, raw: &RawSchedule) -> Option<Cadence> {
    let spread = raw.spread.map(|Human(spread)| spread);
    if raw.time_zone.is_some() && raw.cron.is_none() {
        check.refuse(&key.at("time-zone"), "is only for schedules with cron");
    }
    let cadence = match (raw.every, &raw.cron) {
        (Some(Human(every)), None) => Cadence::every(every, spread),
        (None, Some(pattern)) => {
            let pattern = check.pattern(&key.at("cron"), pattern);
            let zone = raw.time_zone.as_deref().unwrap_or("UTC").parse::<Tz>();
            let zone = zone.map_err(|_| {
                let text = "accepted is a name of the IANA time zone database, such as Europe/Berlin";
                check.refuse(&key.at("time-zone"), text);
            });
            Cadence::cron(pattern?, zone.ok()?, spread)
        }
        (None, None) => {
            check.needed::<()>(&key.at("every"), None, "a duration from 1m to 3650d; or else cron");
            return None;
        }
        (Some(_), Some(_)) => {
            check.refuse_name(&key.at("cron"), "accepted is either every or cron, found both");
            return None;
        }
    };
    let refused = match cadence {
        Ok(cadence) => return Some(cadence),
        Err(fault) => fault,
    };
    let name = match refused {
        CadenceFault::Interval => "every",
        CadenceFault::Spread => "spread",
        CadenceFault::Pattern => "cron",
    };
    check.refuse(&key.at(name), refused);
    None
}

/// Checks which accounts; also returns the types that are selected and not themselves at fault.
pub(super) fn selection<'t>(
    check: &mut Checker<'_>,
    key: &Key,
    raw: RawSelection,
    types: &'t BTreeMap<String, AccountType>,
) -> (Selection, Vec<&'t AccountType>) {
    let names = raw.types.filter(|types| !types.is_empty());
    let names = check.needed(&key.at("types"), names, "a list of names of account types").unwrap_or_default();
    let names = check.texts(&key.at("types"), names);
    let (known, mut selected) = (check.names("account-types"), Vec::new());
    for (index, name) in names.iter().enumerate() {
        let key = key.at("types").item(index);
        check.known(&key, name, "the name of an account type", &known);
        if let Some(selectable) = types.get(name) {
            if selectable.screened.names.is_empty() {
                check.refuse(&key, "accepted is an account type with screened names");
            }
            selected.push(selectable);
        }
    }
    let statuses = check.texts(&key.at("statuses"), raw.statuses.unwrap_or_default());
    for (index, status) in statuses.iter().enumerate() {
        known_status(check, &key.at("statuses").item(index), status, &selected);
    }
    let tags_any = check.texts(&key.at("tags-any"), raw.tags_any.unwrap_or_default());
    let tags_none = check.texts(&key.at("tags-none"), raw.tags_none.unwrap_or_default());
    let mut fields = BTreeMap::new();
    for (field, values) in raw.fields.unwrap_or_default() {
        let values = field_values(check, &key.at("fields").at(&field), &field, &values, &selected);
        fields.insert(field, values);
    }
    (Selection { types: names, statuses, tags_any, tags_none, fields }, selected)
}

/// Checks that each selected type has the field, plain, and that it takes the values.
fn field_values(
    check: &mut Checker<'_>,
    key: &Key,
    name: &str,
    values: &[Value],
    selected: &[&AccountType],
) -> Vec<Value> {
    let mut kept: Vec<Value> = values.to_vec();
    if values.is_empty() {
        check.refuse(key, "accepted is a list of at least one value");
    }
    for selectable in selected {
        let Some(field) = selectable.field(name).filter(|field| !field.pii) else {
            let plain: Vec<&str> =
                selectable.fields.iter().filter(|field| !field.pii).map(|field| field.key.as_str()).collect();
            let plain = if plain.is_empty() { "there is none".to_owned() } else { plain.join(", ") };
            let text = format!("accepted are fields of {} without pii ({plain})", selectable.name);
            check.refuse_name(key, &text);
            return kept;
        };
        for (index, (value, kept)) in values.iter().zip(&mut kept).enumerate() {
            match check_one(field, value) {
                Ok(value) => *kept = value,
                Err(fault) => check.refuse(&key.item(index), fault),
            }
        }
    }
    kept
}

/// Checks a value that a field is to hold: of a list, one that it is to contain.
fn check_one(field: &Field, value: &Value) -> Result<Value, FieldFault> {
    let first = |mut faults: Vec<FieldFault>| faults.swap_remove(0);
    if !field.kind.is_text_list() {
        return field.check(value).map_err(first);
    }
    let one_of_it = |fault: FieldFault| FieldFault { path: String::new(), ..fault };
    let list = field.check(&Value::from(vec![value.clone()])).map_err(first).map_err(one_of_it)?;
    list.get(0).cloned().ok_or_else(|| FieldFault::at("", "accepted is a text"))
}

/// Refuses a status that one of the types lacks.
pub(super) fn known_status(check: &mut Checker<'_>, key: &Key, status: &str, selected: &[&AccountType]) {
    if let Some(lacking) = selected.iter().find(|selected| !selected.has_status(status)) {
        check.known(key, status, &format!("a status of {}", lacking.name), &lacking.status_names());
    }
}

fn on_match(check: &mut Checker<'_>, key: &Key, raw: RawOnMatch, selected: &[&AccountType]) -> MatchEffect {
    let tags = check.texts(&key.at("tags"), raw.tags.unwrap_or_default());
    let status_from = check.texts(&key.at("status-from"), raw.status_from.unwrap_or_default());
    for (index, status) in status_from.iter().enumerate() {
        known_status(check, &key.at("status-from").item(index), status, selected);
    }
    match &raw.status {
        Some(status) => {
            known_status(check, &key.at("status"), status, selected);
            let named = (!status_from.is_empty()).then_some(());
            check.needed(&key.at("status-from"), named, "a list of the statuses that may be changed");
        }
        None if !status_from.is_empty() => {
            check.refuse_name(&key.at("status-from"), "is only for effects with a status");
        }
        None => {}
    }
    MatchEffect { tags, status: raw.status, status_from }
}

fn on_clear(
    check: &mut Checker<'_>,
    key: &Key,
    raw: RawOnClear,
    on_match: &MatchEffect,
    selected: &[&AccountType],
) -> ClearEffect {
    if let Some(status) = &raw.status {
        known_status(check, &key.at("status"), status, selected);
        if on_match.status.is_none() {
            check.refuse_name(&key.at("status"), "is only for schedules with on-match.status");
        }
    }
    ClearEffect { status: raw.status }
}
