//! What is due, against an oracle that was written apart: it replays a history event by event, and counts calendars
//! day by day.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, TimeZone, Utc};
use uuid::Uuid;

use super::*;

/// Numbers that are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()].clone()
    }
}

const STATUSES: [&str; 3] = ["active", "closed", "blocked"];

/// What happens to an account and to the inquiry that goes with it.
#[derive(Clone, Debug)]
enum Event {
    Edited,
    Status(&'static str),
    Archived,
    Restored,
    Dated(NaiveDate),
    Completed,
    Held(u32, Option<DateTime<Utc>>),
    Lifted(u32),
    /// The account with its inquiry.
    Redacted,
    /// The field that it is asked about.
    FieldRedacted,
}

type History = Vec<(DateTime<Utc>, Event)>;

fn account() -> AccountId {
    AccountId(Uuid::from_u128(1))
}

fn policy(dice: &mut Dice, number: u64) -> Policy {
    let object = dice.pick(&[RetainedKind::Account, RetainedKind::Account, RetainedKind::Inquiry]);
    let clock = match dice.roll(5) {
        0 => Clock::Creation,
        1 => Clock::LastActivity,
        2 if object == RetainedKind::Inquiry => Clock::Completion,
        2 | 3 => Clock::EndOfRelationship {
            end_statuses: dice.pick(&[
                vec![],
                vec!["closed".to_owned()],
                vec!["closed".to_owned(), "blocked".to_owned()],
            ]),
        },
        _ => Clock::DateField { date_field: "ends".to_owned() },
    };
    let period = match dice.roll(3) {
        0 => Period::Days(1 + u32::try_from(dice.roll(900)).unwrap()),
        1 => Period::Months(1 + u32::try_from(dice.roll(30)).unwrap()),
        _ => Period::Years(1 + u32::try_from(dice.roll(3)).unwrap()),
    };
    let fields = object == RetainedKind::Account && dice.roll(4) == 0;
    Policy {
        name: format!("p{number}"),
        object,
        rule: if dice.roll(3) == 0 { Rule::Keep } else { Rule::Redact },
        types: if dice.roll(6) == 0 { vec!["business".to_owned()] } else { Vec::new() },
        statuses: if dice.roll(4) == 0 { vec![dice.pick(&STATUSES).to_owned()] } else { Vec::new() },
        fields: if fields { vec![dice.pick(&["ssn", "phone"]).to_owned()] } else { Vec::new() },
        period,
        clock,
    }
}

fn event(dice: &mut Dice, at: DateTime<Utc>) -> Event {
    let hold = u32::try_from(dice.roll(2)).unwrap();
    match dice.roll(10) {
        0 | 1 => Event::Edited,
        2 | 3 => Event::Status(dice.pick(&STATUSES)),
        4 => Event::Archived,
        5 => Event::Restored,
        6 => {
            let days = i64::try_from(dice.roll(800)).unwrap() - 400;
            Event::Dated((at + TimeDelta::days(days)).date_naive())
        }
        7 => Event::Completed,
        8 => {
            let until = at + TimeDelta::days(i64::try_from(dice.roll(700)).unwrap());
            Event::Held(hold, (dice.roll(2) == 0).then_some(until))
        }
        _ => Event::Lifted(hold),
    }
}

/// What the program knows after a history: kept up as the database keeps it.
struct Known {
    facts: Facts,
    /// Whether the field that it is asked about is gone, and when it was filled again.
    field: (bool, Option<DateTime<Utc>>),
    holds: Vec<Hold>,
}

impl Known {
    fn new(born: DateTime<Utc>) -> Self {
        let facts = Facts {
            object: RetainedKind::Account,
            type_name: "individual".to_owned(),
            status: "active".to_owned(),
            field: None,
            accounts: vec![account()],
            created_at: born,
            completed_at: None,
            active_at: born,
            archived_at: None,
            account_statuses: vec![("active".to_owned(), born)],
            dates: BTreeMap::new(),
            filled_at: None,
            is_empty: false,
            outlasts: false,
            goes_with: Vec::new(),
            part_of: None,
        };
        let inquiry = Facts {
            object: RetainedKind::Inquiry,
            status: "created".to_owned(),
            goes_with: Vec::new(),
            ..facts.clone()
        };
        Self { facts: Facts { goes_with: vec![inquiry], ..facts }, field: (false, None), holds: Vec::new() }
    }

    /// What it is asked about: the account, or a field of it.
    fn asked(&self, field: Option<&str>) -> Facts {
        let Some(field) = field else { return self.facts.clone() };
        Facts {
            field: Some(field.to_owned()),
            is_empty: self.field.0,
            filled_at: self.facts.filled_at.max(self.field.1),
            goes_with: Vec::new(),
            part_of: Some(Box::new(self.facts.clone())),
            ..self.facts.clone()
        }
    }

    fn hear(&mut self, at: DateTime<Utc>, event: &Event) {
        let is_archived = self.facts.archived_at.is_some();
        match event {
            Event::Edited | Event::Dated(_) if is_archived => {}
            Event::Edited => self.fill(at),
            Event::Dated(date) => {
                let date = PartialDate::of_day(date.year(), date.month(), date.day()).unwrap();
                self.facts.dates.insert("ends".to_owned(), date);
                self.fill(at);
            }
            Event::Status(status) => {
                if self.facts.status != *status {
                    (*status).clone_into(&mut self.facts.status);
                    self.facts.account_statuses.push(((*status).to_owned(), at));
                    self.facts.goes_with[0].account_statuses = self.facts.account_statuses.clone();
                }
                self.facts.active_at = at;
            }
            Event::Archived => {
                self.facts.archived_at = self.facts.archived_at.or(Some(at));
                self.facts.goes_with[0].archived_at = self.facts.archived_at;
                self.facts.active_at = at;
            }
            Event::Restored => {
                (self.facts.archived_at, self.facts.goes_with[0].archived_at) = (None, None);
                self.facts.active_at = at;
            }
            Event::Completed => {
                if !self.facts.goes_with[0].is_empty {
                    let inquiry = &mut self.facts.goes_with[0];
                    inquiry.completed_at = inquiry.completed_at.or(Some(at));
                    inquiry.active_at = at;
                    "completed".clone_into(&mut inquiry.status);
                }
                self.facts.active_at = at;
            }
            Event::Held(number, until) => {
                self.holds.retain(|hold| hold.reason != number.to_string());
                self.holds.push(Hold {
                    id: HoldId(Uuid::from_u128(u128::from(*number))),
                    account: account(),
                    reason: number.to_string(),
                    until: *until,
                });
            }
            Event::Lifted(number) => self.holds.retain(|hold| hold.reason != number.to_string()),
            Event::Redacted => {
                (self.facts.is_empty, self.facts.goes_with[0].is_empty) = (true, true);
                self.facts.filled_at = None;
                self.facts.dates.clear();
                self.field = (true, None);
            }
            Event::FieldRedacted => self.field = (true, None),
        }
    }

    fn fill(&mut self, at: DateTime<Utc>) {
        if self.facts.is_empty {
            self.facts.is_empty = false;
            self.facts.filled_at = Some(at);
        }
        if self.field.0 {
            self.field = (false, Some(at));
        }
        self.facts.active_at = at;
    }
}

/// What the oracle makes of a history when it is asked at `now`: whether the account must be gone by then.
fn must_be_gone(
    policies: &[Policy],
    born: DateTime<Utc>,
    history: &History,
    field: Option<&str>,
    now: DateTime<Utc>,
) -> bool {
    let past: Vec<&(DateTime<Utc>, Event)> = history.iter().filter(|(at, _)| *at <= now).collect();
    let (mut full, mut since, mut inquiry_full) = (true, None, true);
    let (mut field_full, mut field_since) = (true, None);
    let (mut status, mut statuses) = ("active", vec![("active", born)]);
    let (mut archived, mut active, mut inquiry_active) = (None, born, born);
    let (mut date, mut completed, mut inquiry_status): (Option<NaiveDate>, Option<DateTime<Utc>>, &str) =
        (None, None, "created");
    let mut held: BTreeMap<u32, Option<DateTime<Utc>>> = BTreeMap::new();
    for (at, event) in past {
        match event {
            Event::Edited | Event::Dated(_) => {
                if archived.is_none() {
                    if !full {
                        (full, since) = (true, Some(*at));
                    }
                    if !field_full {
                        (field_full, field_since) = (true, Some(*at));
                    }
                    active = *at;
                    if let Event::Dated(day) = event {
                        date = Some(*day);
                    }
                }
            }
            Event::Status(next) => {
                if status != *next {
                    status = next;
                    statuses.push((next, *at));
                }
                active = *at;
            }
            Event::Archived => {
                if archived.is_none() {
                    archived = Some(*at);
                }
                active = *at;
            }
            Event::Restored => {
                archived = None;
                active = *at;
            }
            Event::Completed => {
                if inquiry_full {
                    completed = completed.or(Some(*at));
                    inquiry_status = "completed";
                    inquiry_active = *at;
                }
                active = *at;
            }
            Event::Held(number, until) => drop(held.insert(*number, *until)),
            Event::Lifted(number) => drop(held.remove(number)),
            Event::Redacted => {
                (full, field_full, inquiry_full, date) = (false, false, false, None);
            }
            Event::FieldRedacted => field_full = false,
        }
    }
    let is_there = if field.is_some() { field_full } else { full };
    if !is_there || held.values().any(|until| until.is_none_or(|until| now < until)) {
        return false;
    }
    let over = |policy: &Policy, of_inquiry: bool, since: Option<DateTime<Utc>>| {
        let from = match &policy.clock {
            Clock::Creation => Some(born),
            Clock::Completion => completed.filter(|_| of_inquiry),
            Clock::LastActivity => Some(if of_inquiry { inquiry_active } else { active }),
            Clock::EndOfRelationship { end_statuses } => {
                let mut ended = None;
                for (status, at) in &statuses {
                    if !end_statuses.iter().any(|end| end == status) {
                        ended = None;
                    } else if ended.is_none() {
                        ended = Some(*at);
                    }
                }
                match (archived, ended) {
                    (Some(archived), Some(ended)) => Some(if archived < ended { archived } else { ended }),
                    (archived, ended) => archived.or(ended),
                }
            }
            Clock::DateField { .. } => date
                .filter(|_| !of_inquiry)
                .map(|day| (day + TimeDelta::days(1)).and_hms_opt(0, 0, 0).unwrap().and_utc()),
        };
        // Filled again, nothing is counted from before that.
        let from = from.map(|from| match since {
            Some(since) if !of_inquiry && from < since => since,
            _ => from,
        });
        from.is_some_and(|from| counted(policy.period, from) <= now)
    };
    let hits = |policy: &Policy, of_inquiry: bool| {
        let kind = if of_inquiry { RetainedKind::Inquiry } else { RetainedKind::Account };
        let status = if of_inquiry { inquiry_status } else { status };
        policy.object == kind
            && (policy.types.is_empty() || policy.types.iter().any(|one| one == "individual"))
            && (policy.statuses.is_empty() || policy.statuses.iter().any(|one| one == status))
            && (policy.fields.is_empty()
                || field.is_some_and(|field| !of_inquiry && policy.fields.iter().any(|one| one == field)))
    };
    let own_since = if field.is_some() && field_since > since { field_since } else { since };
    let keeping = || policies.iter().filter(|policy| policy.rule == Rule::Keep);
    if keeping().any(|policy| hits(policy, false) && !over(policy, false, own_since)) {
        return false;
    }
    let redacting = || policies.iter().filter(|policy| policy.rule == Rule::Redact && hits(policy, false));
    // A field by what names it, whatever becomes of the rest.
    let mut named = redacting().filter(|policy| !policy.fields.is_empty());
    if named.any(|policy| over(policy, false, own_since)) {
        return true;
    }
    // All of it, when nothing keeps what goes with it.
    let is_inquiry_kept =
        inquiry_full && keeping().any(|policy| hits(policy, true) && !over(policy, true, None));
    let is_whole_kept = full
        && keeping()
            .any(|policy| policy.fields.is_empty() && hits(policy, false) && !over(policy, false, since));
    let mut whole = redacting().filter(|policy| policy.fields.is_empty());
    !is_inquiry_kept && !is_whole_kept && whole.any(|policy| over(policy, false, since))
}

/// The end of a period, counted on a calendar one month at a time.
fn counted(period: Period, from: DateTime<Utc>) -> DateTime<Utc> {
    let months = match period {
        Period::Days(days) => return from + TimeDelta::hours(i64::from(days) * 24),
        Period::Months(months) => months,
        Period::Years(years) => years * 12,
    };
    let (mut year, mut month) = (from.year(), from.month());
    for _ in 0..months {
        (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    }
    match NaiveDate::from_ymd_opt(year, month, from.day()) {
        Some(day) => day.and_time(from.time()).and_utc(),
        None => {
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            NaiveDate::from_ymd_opt(year, month, 1).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc()
        }
    }
}

#[test]
fn nothing_is_redacted_early_and_nothing_is_missed() {
    let cases = 100_000;
    let (mut redactions, mut kept, mut early, mut missed) = (0, 0, 0, 0);
    for case in 0..cases {
        let mut dice = Dice(case);
        let policies: Vec<Policy> = (0..=dice.roll(4)).map(|number| policy(&mut dice, number)).collect();
        let field = dice.pick(&[None, None, Some("ssn")]);
        let born: DateTime<Utc> = "2020-01-31T07:30:00Z".parse().unwrap();
        let born = born + TimeDelta::hours(i64::try_from(dice.roll(20_000)).unwrap());
        let (mut history, mut known, mut now) = (History::new(), Known::new(born), born);
        for _ in 0..dice.roll(8) {
            now += TimeDelta::hours(1 + i64::try_from(dice.roll(10_000)).unwrap());
            // The moments before the next event at which something could be wrong.
            let verdict = due(&known.asked(field), &policies, &known.holds);
            let mut looks = vec![now - TimeDelta::seconds(1)];
            if let Some(at) = verdict.due_at().filter(|at| *at < now) {
                let earliest = history.last().map_or(born, |(at, _)| *at);
                looks.splice(0..0, [(at - TimeDelta::seconds(1)).max(earliest), at.max(earliest)]);
            }
            for look in looks {
                let verdict = due(&known.asked(field), &policies, &known.holds);
                let redacts = verdict.due_at().is_some_and(|at| at <= look);
                let by = |name: &str| policies.iter().find(|policy| policy.name == name).unwrap();
                let event = match &verdict.redaction {
                    Redaction::Due(due) if !by(&due.policy).fields.is_empty() => Event::FieldRedacted,
                    _ => Event::Redacted,
                };
                match (redacts, must_be_gone(&policies, born, &history, field, look)) {
                    (true, true) => {
                        redactions += 1;
                        known.hear(look, &event);
                        history.push((look, event));
                    }
                    (true, false) => early += 1,
                    (false, true) => missed += 1,
                    (false, false) => kept += 1,
                }
                // By hand it is refused exactly while something keeps it.
                if redacts {
                    assert!(verdict.refusal(look).is_none(), "case {case}");
                }
            }
            let event = event(&mut dice, now);
            known.hear(now, &event);
            history.push((now, event));
        }
    }
    assert_eq!((early, missed), (0, 0));
    assert!(redactions > 10_000 && kept > 100_000, "{redactions} redactions, {kept} times kept");
}

fn facts() -> Facts {
    Known::new("2026-01-01T00:00:00Z".parse().unwrap()).facts
}

fn rule(name: &str, rule: Rule, period: Period, clock: Clock) -> Policy {
    let (types, statuses, fields) = (Vec::new(), Vec::new(), Vec::new());
    Policy {
        name: name.to_owned(),
        object: RetainedKind::Account,
        rule,
        types,
        statuses,
        fields,
        period,
        clock,
    }
}

#[test]
fn a_field_that_outlasted_its_account_goes_when_the_last_that_kept_it_is_over() {
    let of_field = |name: &str, days: u32| Policy {
        fields: vec!["phone".to_owned()],
        ..rule(name, Rule::Keep, Period::Days(days), Clock::Creation)
    };
    let mut policies = vec![of_field("long", 20), of_field("short", 10)];
    let account = Facts { is_empty: true, ..facts() };
    let mut field = Facts { field: Some("phone".to_owned()), part_of: Some(Box::new(account)), ..facts() };
    assert_eq!(due(&field, &policies, &[]).redaction, Redaction::Kept(Kept::NoPolicy), "nobody asked for it");
    field.outlasts = true;
    let at: DateTime<Utc> = "2026-01-21T00:00:00Z".parse().unwrap();
    let gone = |at, by_policy_at| Redaction::Due(Due { at, policy: "long".to_owned(), by_policy_at });
    assert_eq!(due(&field, &policies, &[]).redaction, gone(at, at));
    let hold = |until| Hold {
        id: HoldId(Uuid::nil()),
        account: account_of(&field),
        reason: "case".to_owned(),
        until,
    };
    let later = at + TimeDelta::days(9);
    assert_eq!(due(&field, &policies, &[hold(Some(later))]).redaction, gone(later, at));
    assert_eq!(due(&field, &policies, &[hold(None)]).due_at(), None);
    // One that asks for it later does not put it off.
    policies.push(Policy { rule: Rule::Redact, ..of_field("redact", 90) });
    assert_eq!(due(&field, &policies, &[]).redaction, gone(at, at));
}

fn account_of(facts: &Facts) -> AccountId {
    facts.accounts[0]
}

#[test]
fn what_must_be_kept_longer_puts_off_what_is_due() {
    let policies = [
        rule("short", Rule::Redact, Period::Days(30), Clock::Creation),
        rule("law", Rule::Keep, Period::Years(5), Clock::EndOfRelationship { end_statuses: Vec::new() }),
    ];
    let mut facts = facts();
    let verdict = due(&facts, &policies, &[]);
    let barrier = Barrier { cause: Cause::Policy("law".to_owned(), false), until: None };
    assert_eq!(verdict.redaction, Redaction::Kept(Kept::Barred(barrier)), "the relationship goes on");
    facts.archived_at = Some("2026-06-01T00:00:00Z".parse().unwrap());
    let Redaction::Due(found) = due(&facts, &policies, &[]).redaction else { panic!("it is due some day") };
    assert_eq!(found.at.to_rfc3339(), "2031-06-01T00:00:00+00:00");
    assert_eq!(found.by_policy_at.to_rfc3339(), "2026-01-31T00:00:00+00:00");
    assert_eq!(found.policy, "short");
}

#[test]
fn a_hold_on_what_goes_with_an_object_is_a_hold_on_the_object() {
    let policies = [rule("short", Rule::Redact, Period::Days(30), Clock::Creation)];
    let mut facts = facts();
    let other = AccountId(Uuid::from_u128(2));
    facts.goes_with[0].accounts = vec![other];
    let hold = Hold { id: HoldId(Uuid::nil()), account: other, reason: "court".to_owned(), until: None };
    assert!(matches!(due(&facts, &policies, &[hold]).redaction, Redaction::Kept(Kept::Barred(_))));
}

#[test]
fn what_keeps_an_account_keeps_its_parts_and_what_keeps_a_field_of_it_does_not() {
    let mut short = rule("short", Rule::Redact, Period::Days(30), Clock::Creation);
    short.object = RetainedKind::Inquiry;
    let law = rule("law", Rule::Keep, Period::Years(5), Clock::Creation);
    let account = facts();
    let mut inquiry = account.goes_with[0].clone();
    inquiry.part_of = Some(Box::new(account));
    let at = |policies: &[Policy]| due(&inquiry, policies, &[]).due_at().unwrap().to_rfc3339();
    assert_eq!(at(&[short.clone(), law.clone()]), "2031-01-01T00:00:00+00:00");
    let of_field = Policy { fields: vec!["ssn".to_owned()], ..law };
    assert_eq!(at(&[short, of_field]), "2026-01-31T00:00:00+00:00");
}

#[test]
fn a_field_goes_early_by_what_names_it_alone_and_else_with_its_account() {
    let whole = rule("short", Rule::Redact, Period::Days(30), Clock::Creation);
    let mut of_inquiries = rule("law", Rule::Keep, Period::Years(5), Clock::Creation);
    of_inquiries.object = RetainedKind::Inquiry;
    let known = Known::new("2026-01-01T00:00:00Z".parse().unwrap());
    let field = known.asked(Some("ssn"));
    let at = |policies: &[Policy]| due(&field, policies, &[]).due_at().unwrap().to_rfc3339();
    // The account waits for its inquiry, and the field for the account.
    assert_eq!(at(&[whole.clone(), of_inquiries.clone()]), "2031-01-01T00:00:00+00:00");
    let named = Policy { name: "ssn".to_owned(), fields: vec!["ssn".to_owned()], ..whole };
    assert_eq!(at(&[named, of_inquiries]), "2026-01-31T00:00:00+00:00");
}

#[test]
fn a_relationship_ends_once_however_often_its_end_is_given_another_name() {
    let end_statuses = vec!["closed".to_owned(), "declined".to_owned()];
    let policies = [rule("law", Rule::Redact, Period::Days(10), Clock::EndOfRelationship { end_statuses })];
    let day = |day: u32| Utc.with_ymd_and_hms(2026, 1, day, 0, 0, 0).unwrap();
    let mut facts = facts();
    let mut at = |statuses: &[(&str, u32)]| {
        facts.account_statuses =
            statuses.iter().map(|(status, since)| ((*status).to_owned(), day(*since))).collect();
        due(&facts, &policies, &[]).due_at()
    };
    assert_eq!(at(&[("active", 1), ("closed", 5), ("declined", 8)]), Some(day(15)));
    assert_eq!(at(&[("closed", 5), ("active", 6), ("declined", 8)]), Some(day(18)), "it began again");
    assert_eq!(at(&[("closed", 5), ("active", 6)]), None);
}

#[test]
fn a_part_that_is_made_after_the_end_is_counted_from_when_it_was_made() {
    let mut law =
        rule("law", Rule::Redact, Period::Days(10), Clock::EndOfRelationship { end_statuses: vec![] });
    law.object = RetainedKind::Inquiry;
    let mut inquiry = facts().goes_with.remove(0);
    inquiry.archived_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
    inquiry.created_at = "2026-03-01T00:00:00Z".parse().unwrap();
    let at = due(&inquiry, &[law], &[]).due_at().unwrap();
    assert_eq!(at.to_rfc3339(), "2026-03-11T00:00:00+00:00");
}

#[test]
fn policies_are_kept_as_words() {
    let clock = Clock::EndOfRelationship { end_statuses: vec!["closed".to_owned()] };
    let policy = rule("law", Rule::Keep, Period::Years(5), clock);
    let written = serde_json::to_value(&policy).unwrap();
    assert_eq!(written["from"], "end-of-relationship");
    assert_eq!(written["period"], "5y");
    assert_eq!(serde_json::from_value::<Policy>(written).unwrap(), policy);
    assert_eq!(policy.describe(), "keep for at least 5y from the end of the relationship");
}
