//! A match in words: what an analyst reads, and what a decision rests on.

use serde_json::{Value, json};

use crate::domain::answer::{Finding, Reason};
use crate::names::Alignment;
use crate::names::Name;
use crate::names::align::{Contradiction, How, Pair};

use super::evidence::{BirthDate, Country, Papers, Sex, capped};
use super::index::Match;
use super::list::{EntityKind, ListEntity, NameQuality};

impl From<&Match<'_>> for Finding {
    fn from(found: &Match<'_>) -> Self {
        let mut reasons = name_reasons(found);
        reasons.extend(kind_reason(found));
        reasons.extend(alias_reason(found));
        reasons.extend(birth_reason(found));
        reasons.extend(country_reason(found));
        reasons.extend(gender_reason(found));
        reasons.extend(document_reason(found));
        reasons.extend(upheld_reason(found));
        settle(&mut reasons, found);
        reasons.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        reasons.push(reason(
            "threshold",
            format!("A score is a hit from {} on.", rounded(found.threshold)),
            0.0,
        ));
        Self {
            entity: found.entity.id.clone(),
            former_ids: found.entity.former_ids.clone(),
            list: found.list.to_owned(),
            name: found.entity.primary_name().to_owned(),
            score: rounded(found.score),
            facts: facts_of(found),
            reasons,
        }
    }
}

/// What a decision about the match rests on: beside the entity's facts the document that is the account's, so that one
/// which comes to be listed is news.
fn facts_of(found: &Match<'_>) -> Value {
    let mut facts = facts(found.entity);
    if let (Papers::Own(document) | Papers::Same(document), Some(facts)) =
        (found.papers, facts.as_object_mut())
    {
        // Of which sort: the number is the account's, and shown only with the reasons.
        facts.insert("document".to_owned(), document.of_which_sort().into());
    }
    facts
}

/// The topic of every entity of a list of sanctions.
const SANCTION: &str = "sanction";

/// What a decision about the entity rests on; equal for equal entities, whatever the subject.
pub fn facts(entity: &ListEntity) -> Value {
    let mut names: Vec<&str> = entity.names.iter().map(|name| name.text.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut facts = json!({
        "birth-dates": entity.birth_dates,
        "countries": entity.countries,
        "kind": kind_word(entity.kind),
        "names": names,
        "programs": entity.programs,
    });
    // Only where they say more than that it is a list of sanctions: decisions on entities of others rest on what they
    // always did.
    let says_more = entity.topics.iter().any(|topic| topic != SANCTION);
    if let (Some(facts), true) = (facts.as_object_mut(), says_more) {
        facts.insert("topics".to_owned(), json!(entity.topics));
    }
    facts
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
            How::Initial => "may stand, as an initial, for",
            How::Slip => "is, all else being equal, a letter or two off",
            How::Acronym => "stands, by first letters, for",
            How::Series => "is another number of the same series as",
        };
        // The short one stands for the long one, whichever side it is on.
        let is_turned = match pair.how {
            How::Initial => left.chars().count() > right.chars().count(),
            How::Acronym => pair.left.1 > pair.right.1,
            _ => false,
        };
        let (left, right) = if is_turned { (right, left) } else { (left, right) };
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
    reasons.extend(contradiction_reason(alignment));
    let loss = alignment.score + alignment.taken - quality;
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
        reasons.push(reason("name", doubt(&alignment.pairs).to_owned(), loss));
    }
    reasons
}

fn contradiction_reason(alignment: &Alignment) -> Option<Reason> {
    let text = match alignment.contradiction? {
        Contradiction::LegalForms => "The legal forms contradict each other.",
        Contradiction::Generations => "Who is the father in one name is the son in the other.",
        Contradiction::Characters => "Both names are written in the same characters, and these differ.",
    };
    Some(reason("name", text.to_owned(), -alignment.taken))
}

/// Why a name of which each part is answered scores less than its parts do.
fn doubt(pairs: &[Pair]) -> &'static str {
    let has = |how| pairs.iter().any(|pair| pair.how == how);
    if has(How::Slip) {
        "What may be a slip may be another name."
    } else if has(How::Acronym) {
        "The same first letters may stand for another name."
    } else if has(How::Series) {
        "Another number of a series may belong to somebody else."
    } else if has(How::Nickname) {
        "Another form of one part and another spelling of the next are two doubts at once."
    } else if has(How::Initial) {
        "An initial may stand for another name."
    } else {
        "What the names have in common is too common to tell people apart."
    }
}

/// Lets the effects add up to the score that is shown: it ends at 0 and at 1, and each effect is rounded.
fn settle(reasons: &mut Vec<Reason>, found: &Match<'_>) {
    let beyond = found.score - before_documents(found) - document_effect(found) - found.upheld;
    if beyond.abs() > 1e-9 {
        reasons.push(reason("limit", "A score ends at 1.".to_owned(), beyond));
    }
    let told: f64 = reasons.iter().map(|reason| reason.effect).sum();
    let rest = rounded(found.score) - told;
    if let Some(greatest) = reasons.iter_mut().max_by(|a, b| a.effect.total_cmp(&b.effect)) {
        greatest.effect = rounded(greatest.effect + rest);
    }
}

/// The score of all but the documents.
fn before_documents(found: &Match<'_>) -> f64 {
    capped(found.alignment.score * found.kind_factor, found.listed.quality)
        + found.birth_date.effect(found.kind)
        + found.country.effect()
        + found.gender.effect()
}

/// What the documents add: so much that the score is not below their floor.
fn document_effect(found: &Match<'_>) -> f64 {
    match found.papers {
        Papers::Own(_) | Papers::Same(_) => {
            found.papers.effect().max(document_floor(found) - before_documents(found))
        }
        other => other.effect(),
    }
}

fn document_floor(found: &Match<'_>) -> f64 {
    found.papers.floor(found.alignment.score)
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

fn gender_reason(found: &Match<'_>) -> Option<Reason> {
    let text = match found.gender {
        Sex::Unknown => return None,
        Sex::Same(gender) => format!("The gender is the list's, {}.", gender.word()),
        Sex::Other(gender) => format!("The list says {}; the account does not.", gender.word()),
    };
    Some(reason("gender", text, found.gender.effect()))
}

fn document_reason(found: &Match<'_>) -> Option<Reason> {
    let text = match found.papers {
        Papers::Unknown => return None,
        Papers::Own(listed) | Papers::Same(listed) if document_floor(found) > 0.0 => {
            format!("The account has the document {listed}, which is on the list.")
        }
        Papers::Own(listed) | Papers::Same(listed) => format!(
            "The account has the document {listed}, which is on the list; the names are too unlike for that to suffice."
        ),
        Papers::Alike(listed) => {
            format!("A number of the account's is that of {listed}, which may be another document.")
        }
        Papers::Other(listed) => format!("The account has another number than {listed}."),
    };
    Some(reason("document", text, document_effect(found)))
}

fn upheld_reason(found: &Match<'_>) -> Option<Reason> {
    let text = "An equal name stays a hit unless the birth date contradicts.";
    (found.upheld > 0.0).then(|| reason("name", text.to_owned(), found.upheld))
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
