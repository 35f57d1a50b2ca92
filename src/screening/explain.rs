//! A match in words: what an analyst reads, and what a decision rests on.

use serde_json::{Value, json};

use crate::domain::answer::{Finding, Reason};
use crate::names::Name;
use crate::names::align::{How, Pair};

use super::evidence::{BirthDate, Country, capped};
use super::index::Match;
use super::list::{EntityKind, ListEntity, NameQuality};

impl From<&Match<'_>> for Finding {
    fn from(found: &Match<'_>) -> Self {
        let mut reasons = name_reasons(found);
        reasons.extend(kind_reason(found));
        reasons.extend(alias_reason(found));
        reasons.extend(birth_reason(found));
        reasons.extend(country_reason(found));
        reasons.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        Self {
            entity: found.entity.id.clone(),
            list: found.list.to_owned(),
            name: found.entity.primary_name().to_owned(),
            score: rounded(found.score),
            facts: facts(found.entity),
            reasons,
        }
    }
}

/// What a decision about the entity rests on; equal for equal entities, whatever the subject.
pub fn facts(entity: &ListEntity) -> Value {
    let mut names: Vec<&str> = entity.names.iter().map(|name| name.text.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    json!({
        "birth-dates": entity.birth_dates,
        "countries": entity.countries,
        "kind": kind_word(entity.kind),
        "names": names,
        "programs": entity.programs,
    })
}

const fn kind_word(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Individual => "individual",
        EntityKind::Entity => "entity",
        EntityKind::Vessel => "vessel",
        EntityKind::Aircraft => "aircraft",
    }
}

/// The parts' effects add up to the score of the name.
fn name_reasons(found: &Match<'_>) -> Vec<Reason> {
    let (account, listed, alignment) = (&found.account_name, &found.listed_name, &found.alignment);
    let weight = |pair: &Pair| parts_weight(account, pair.left) + parts_weight(listed, pair.right);
    let paired: f64 = alignment.pairs.iter().map(weight).sum();
    let mut reasons = Vec::new();
    if found.listed.text != found.entity.primary_name() {
        let text = format!("Compared with the list's other name \u{201c}{}\u{201d}.", found.listed.text);
        reasons.push(reason("name", text, 0.0));
    }
    let mut quality = 0.0;
    let (mut same, mut same_effect) = (Vec::new(), 0.0);
    for pair in &alignment.pairs {
        let effect = weight(pair) / paired * pair.similarity;
        quality += effect;
        let (left, right) = (written(account, pair.left), written(listed, pair.right));
        let how = match pair.how {
            How::Equal => {
                same.push((pair.left, format!("\u{201c}{left}\u{201d}")));
                same_effect += effect;
                continue;
            }
            How::Alike => "is spelled like",
            How::Nickname => "is a form of the same name as",
            How::Servant => "is, but for \u{201c}Abd\u{201d}, the same as",
            How::Joined => "is, with other spaces, the same as",
            How::Initial => "may stand for, as an initial,",
            How::Slip => "is, all else being equal, a letter or two off",
            How::Acronym => "stands, by first letters, for",
            How::Series => "is another number of the same series as",
        };
        let text = format!("\u{201c}{left}\u{201d} {how} \u{201c}{right}\u{201d}.");
        reasons.push(reason("name", text, effect));
    }
    if !same.is_empty() {
        same.sort();
        let parts: Vec<String> = same.into_iter().map(|(_, part)| part).collect();
        let verb = if parts.len() == 1 { "is" } else { "are" };
        let text = format!("{} {verb} the same in both names.", parts.join(", "));
        reasons.push(reason("name", text, same_effect));
    }
    let over =
        |name: &Name, places: &[usize]| -> f64 { places.iter().map(|at| parts_weight(name, (*at, 1))).sum() };
    let unpaired = over(account, &alignment.left_over) + over(listed, &alignment.right_over);
    let loss = alignment.score - quality;
    let sides = [
        (account, &alignment.left_over, "of the account's name is not in the list's name"),
        (listed, &alignment.right_over, "of the list's name is not in the account's name"),
    ];
    for (name, places, what) in sides {
        for at in places {
            let effect = loss * parts_weight(name, (*at, 1)) / unpaired;
            reasons.push(reason(
                "name",
                format!("\u{201c}{}\u{201d} {what}.", written(name, (*at, 1))),
                effect,
            ));
        }
    }
    if unpaired == 0.0 && loss < -1e-9 {
        reasons.push(reason(
            "name",
            "What the names have in common is too common to tell people apart.".to_owned(),
            loss,
        ));
    }
    reasons
}

fn kind_reason(found: &Match<'_>) -> Option<Reason> {
    let effect = found.alignment.score * (found.kind_factor - 1.0);
    let kind = match found.entity.kind {
        EntityKind::Individual => "a person",
        EntityKind::Entity => "an organisation",
        EntityKind::Vessel => "a ship",
        EntityKind::Aircraft => "an aircraft",
    };
    (effect < 0.0)
        .then(|| reason("kind", format!("The list's entity is {kind}; the account is not."), effect))
}

fn alias_reason(found: &Match<'_>) -> Option<Reason> {
    let score = found.alignment.score * found.kind_factor;
    let effect = capped(score, found.listed.quality) - score;
    (found.listed.quality == NameQuality::Weak && effect < 0.0).then(|| {
        let text = format!("The list itself calls \u{201c}{}\u{201d} a weak alias.", found.listed.text);
        reason("name", text, effect)
    })
}

fn birth_reason(found: &Match<'_>) -> Option<Reason> {
    let text = match found.birth_date {
        BirthDate::Unknown => return None,
        BirthDate::SameDay(listed) => format!("The birth date is the list's, {listed}."),
        BirthDate::Swapped(listed) => {
            format!("The birth date is the list's, {listed}, with month and day exchanged.")
        }
        BirthDate::SameYear(listed) => format!("The birth date agrees with the list's, {listed}."),
        BirthDate::OtherDay(listed) => format!("The birth year is the list's, the day is not: {listed}."),
        BirthDate::Apart(listed, 1) => format!("The birth date is a year off the list's nearest, {listed}."),
        BirthDate::Apart(listed, years) => {
            format!("The birth date is {years} years off the list's nearest, {listed}.")
        }
    };
    Some(reason("birth-date", text, found.birth_date.effect(found.kind)))
}

fn country_reason(found: &Match<'_>) -> Option<Reason> {
    let text = match found.country {
        Country::Unknown => return None,
        Country::Shared(code) => format!("The account and the list's entity share the country {code}."),
        Country::NoneShared => {
            format!(
                "None of the account's countries is among the list's: {}.",
                found.entity.countries.join(", ")
            )
        }
    };
    Some(reason("country", text, found.country.effect()))
}

fn reason(fact: &str, text: String, effect: f64) -> Reason {
    Reason { fact: fact.to_owned(), text, effect: rounded(effect) }
}

fn parts_weight(name: &Name, (start, count): (usize, usize)) -> f64 {
    name.parts.iter().skip(start).take(count).map(|part| part.weight).sum()
}

fn written(name: &Name, (start, count): (usize, usize)) -> String {
    let parts: Vec<&str> =
        name.parts.iter().skip(start).take(count).map(|part| part.written.as_str()).collect();
    parts.join(" ")
}

/// Four digits: what is beyond them is arithmetic, not evidence.
fn rounded(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
