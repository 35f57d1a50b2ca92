//! What is answered: entities in the `FollowTheMoney` model, with scores and why.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::question::{Asked, Parameters};
use crate::{
    domain::{answer::Finding, subject::Subject},
    screening::{
        index::Index,
        list::{EntityKind, ListEntity, NameQuality, NameUse},
    },
};

/// A match of a list, not yet in its form.
struct Scored<'a> {
    list: &'a str,
    entity: &'a ListEntity,
    finding: Finding,
}

/// What is compared, in our words.
pub(super) fn features() -> Value {
    json!({
        "name": { "description": "The names, part by part." },
        "birth-date": { "description": "Dates of birth or foundation." },
        "country": { "description": "Countries of residence, nationality, registration." },
        "kind": { "description": "Person, organisation, ship or aircraft." },
        "gender": { "description": "The gender." },
        "document": { "description": "Numbers of documents." },
    })
}

/// The answer to a question of a batch.
pub(super) fn matches(lists: &[Arc<Index>], asked: &Asked, parameters: &Parameters) -> Value {
    let all = screened(lists, std::slice::from_ref(&asked.subject), parameters, parameters.cutoff);
    let total = all.iter().filter(|one| one.finding.score >= parameters.threshold).count();
    let shown = all.iter().skip(parameters.offset).take(parameters.limit);
    json!({
        "status": 200,
        "results": shown.map(|one| scored(one, parameters.threshold)).collect::<Vec<_>>(),
        "total": { "value": total, "relation": "eq" },
        "query": asked.query,
    })
}

/// The answer to a search.
pub(super) fn found(lists: &[Arc<Index>], subjects: &[Subject], parameters: &Parameters) -> Value {
    // Who searches wants to see more than who screens: parts of names too.
    let all = screened(lists, subjects, parameters, 0.5);
    let shown: Vec<Value> = all
        .iter()
        .skip(parameters.offset)
        .take(parameters.limit)
        .map(|one| shaped(one.list, one.entity))
        .collect();
    json!({
        "results": shown,
        "total": { "value": all.len(), "relation": "eq" },
        "facets": {},
        "limit": parameters.limit,
        "offset": parameters.offset,
    })
}

/// The entity of an id, present or former.
pub(super) fn entity_of(lists: &[Arc<Index>], id: &str) -> Option<Value> {
    let of = |wanted: fn(&ListEntity, &str) -> bool| {
        lists.iter().find_map(|index| {
            let entity = index.entities().iter().find(|entity| wanted(entity, id))?;
            Some(shaped(index.list(), entity))
        })
    };
    of(|entity, id| entity.id == id)
        .or_else(|| of(|entity, id| entity.former_ids.iter().any(|former| former == id)))
}

/// What scores that much or more, the best first, each entity once.
fn screened<'a>(
    lists: &'a [Arc<Index>],
    subjects: &[Subject],
    parameters: &Parameters,
    from: f64,
) -> Vec<Scored<'a>> {
    let mut best: BTreeMap<(&str, &str), Scored<'a>> = BTreeMap::new();
    for index in lists {
        for subject in subjects.iter().filter(|subject| subject.missing().is_none()) {
            for found in index.screen(subject, from) {
                let (entity, list) = (found.entity, index.list());
                if !is_wanted(entity, parameters) {
                    continue;
                }
                let finding = Finding::from(&found);
                let known = best.get(&(list, entity.id.as_str()));
                if known.is_none_or(|known| known.finding.score < finding.score) {
                    best.insert((list, entity.id.as_str()), Scored { list, entity, finding });
                }
            }
        }
    }
    let mut all: Vec<_> = best.into_values().collect();
    all.sort_by(|one, other| match other.finding.score.total_cmp(&one.finding.score) {
        Ordering::Equal => one.entity.id.cmp(&other.entity.id),
        order => order,
    });
    all
}

fn is_wanted(entity: &ListEntity, parameters: &Parameters) -> bool {
    let ids = || std::iter::once(&entity.id).chain(&entity.former_ids);
    let excluded = ids().any(|id| parameters.exclude_entities.contains(id));
    let topics = &parameters.topics;
    !excluded && (topics.is_empty() || entity.topics.iter().any(|topic| topics.contains(topic)))
}

fn scored(one: &Scored<'_>, threshold: f64) -> Value {
    let mut shown = shaped(one.list, one.entity);
    let mut reasons: BTreeMap<&str, (f64, Vec<&str>)> = BTreeMap::new();
    // The threshold of a search is the question's, and stands in its answer.
    for reason in one.finding.reasons.iter().filter(|reason| reason.fact != "threshold") {
        let (effect, texts) = reasons.entry(&reason.fact).or_default();
        *effect += reason.effect;
        texts.push(&reason.text);
    }
    let explanations: Map<String, Value> = reasons
        .iter()
        .map(|(fact, (effect, texts))| {
            ((*fact).to_owned(), json!({ "score": effect, "detail": texts.join(" ") }))
        })
        .collect();
    let features: Map<String, Value> =
        reasons.iter().map(|(fact, (effect, _))| ((*fact).to_owned(), json!(effect))).collect();
    let told = [
        ("score", json!(one.finding.score)),
        ("match", json!(one.finding.score >= threshold)),
        ("features", features.into()),
        ("explanations", explanations.into()),
    ];
    if let Value::Object(shown) = &mut shown {
        shown.extend(told.map(|(key, value)| (key.to_owned(), value)));
    }
    shown
}

/// An entity in the `FollowTheMoney` model.
fn shaped(list: &str, entity: &ListEntity) -> Value {
    let (schema, date) = match entity.kind {
        EntityKind::Individual => ("Person", "birthDate"),
        EntityKind::Entity => ("LegalEntity", "incorporationDate"),
        EntityKind::Vessel => ("Vessel", "buildDate"),
        EntityKind::Aircraft => ("Airplane", "buildDate"),
    };
    let names = |wanted: fn(&crate::screening::list::ListName) -> bool| -> Vec<&str> {
        entity.names.iter().filter(|name| wanted(name)).map(|name| name.text.as_str()).collect()
    };
    let lower = |codes: &[String]| codes.iter().map(|code| code.to_lowercase()).collect::<Vec<_>>();
    let mut properties = Map::new();
    let mut put = |name: &str, values: Value| {
        if values.as_array().is_some_and(|values| !values.is_empty()) {
            properties.insert(name.to_owned(), values);
        }
    };
    put("name", json!(names(|name| name.quality == NameQuality::Primary)));
    put("alias", json!(names(|name| name.quality == NameQuality::Strong && name.usage != NameUse::Former)));
    put(
        "previousName",
        json!(names(|name| name.quality == NameQuality::Strong && name.usage == NameUse::Former)),
    );
    put("weakAlias", json!(names(|name| name.quality == NameQuality::Weak)));
    put(date, json!(entity.birth_dates.iter().map(ToString::to_string).collect::<Vec<_>>()));
    put("country", json!(lower(&entity.countries)));
    if entity.kind == EntityKind::Individual {
        put("nationality", json!(lower(&entity.nationalities)));
        put("gender", json!(entity.gender.iter().map(|gender| gender.word()).collect::<Vec<_>>()));
    }
    let numbers: Vec<&str> = entity.documents.iter().map(|document| document.number.as_str()).collect();
    put(
        if entity.kind == EntityKind::Individual { "idNumber" } else { "registrationNumber" },
        json!(numbers),
    );
    put("address", json!(entity.addresses));
    put("program", json!(entity.programs));
    put("topics", json!(entity.topics));
    put("sourceUrl", json!(entity.source.iter().collect::<Vec<_>>()));
    json!({
        "id": entity.id,
        "caption": entity.primary_name(),
        "schema": schema,
        "properties": properties,
        "datasets": [list],
        "referents": entity.former_ids,
        "target": true,
        "first_seen": null,
        "last_seen": null,
        "last_change": null,
    })
}
