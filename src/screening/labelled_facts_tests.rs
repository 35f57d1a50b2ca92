//! Our own labelled cases of what is known beside the name, each with the reason why.

use super::DEFAULT_THRESHOLD;
use super::index::Index;
use super::keys::{account_keys, entity_keys};
use super::list::{Document, EntityKind, Gender, List, ListEntity, NameQuality, NameUse, ParseFaults};
use crate::domain::answer::Finding;
use crate::domain::personal::Personal;
use crate::domain::subject::{Subject, SubjectKind};
use crate::names::sound::share_key;

fn document(text: &str) -> Option<Document> {
    let mut parts = text.split(':').map(str::to_owned);
    let kind = parts.next().filter(|kind| !kind.is_empty())?;
    Some(Document { kind, number: parts.next()?, country: parts.next() })
}

fn subject(row: &csv::StringRecord) -> Subject {
    Subject {
        birth_date: row[2].parse().ok().map(Personal::new),
        countries: Some(&row[3])
            .filter(|code| !code.is_empty())
            .map(|code| Personal::new(code.to_owned()))
            .into_iter()
            .collect(),
        gender: Gender::from_word(&row[4]).map(Personal::new),
        documents: document(&row[5]).map(Personal::new).into_iter().collect(),
        ..Subject::named(SubjectKind::of_word(&row[0]).unwrap(), &row[1])
    }
}

fn entity(row: &csv::StringRecord) -> ListEntity {
    let kind = match &row[6] {
        "individual" => EntityKind::Individual,
        "entity" => EntityKind::Entity,
        other => {
            assert_eq!(other, "vessel");
            EntityKind::Vessel
        }
    };
    let mut entity = ListEntity::new("own:1", kind);
    entity.add_name(&row[7], NameQuality::Primary, NameUse::Current);
    entity.birth_dates = row[8].split(';').filter_map(|date| date.parse().ok()).collect();
    entity.countries = row[9].split(';').filter(|code| !code.is_empty()).map(str::to_owned).collect();
    entity.gender = Gender::from_word(&row[10]);
    entity.documents = document(&row[11]).into_iter().collect();
    entity
}

#[test]
fn every_labelled_case_of_facts_is_decided_right_adds_up_and_shares_a_key() {
    let mut reader = csv::Reader::from_reader(include_str!("labelled_facts.csv").as_bytes());
    let (mut count, mut wrong) = (0, Vec::new());
    for row in reader.records() {
        let row = row.unwrap();
        let (subject, entity) = (subject(&row), entity(&row));
        let list = List {
            name: "own".to_owned(),
            version: "1".to_owned(),
            entities: vec![entity.clone()],
            faults: ParseFaults::default(),
        };
        let index = Index::build_of(list);
        let found = index.screen(&subject, DEFAULT_THRESHOLD);
        if found.is_empty() == (&row[12] == "true") {
            let all = index.screen(&subject, 0.0);
            let score = all.first().map_or(0.0, |found| found.score);
            wrong.push(format!("{} | {}: {score:.3}, {}", &row[1], &row[7], &row[13]));
        }
        for found in &found {
            let finding = Finding::from(found);
            let told: f64 = finding.reasons.iter().map(|reason| reason.effect).sum();
            assert!((told - finding.score).abs() < 1e-9, "{}: {told} {}", &row[13], finding.score);
            assert!(share_key(&account_keys(&subject), &entity_keys(&entity)), "{}", &row[13]);
        }
        count += 1;
    }
    assert!(count >= 25, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_document_is_a_fact_of_the_decision_and_has_a_line_of_its_own() {
    let mut reader = csv::Reader::from_reader(include_str!("labelled_facts.csv").as_bytes());
    let row = reader.records().map(Result::unwrap).find(|row| &row[1] == "Ivan Petrov").unwrap();
    let mut entities = vec![entity(&row)];
    entities[0].gender = Some(Gender::Female);
    let list =
        List { name: "own".to_owned(), version: "1".to_owned(), entities, faults: ParseFaults::default() };
    let mut subject = subject(&row);
    subject.gender = Some(Personal::new(Gender::Male));
    let index = Index::build_of(list);
    let finding = Finding::from(&index.screen(&subject, DEFAULT_THRESHOLD)[0]);
    assert!((finding.score - 0.9).abs() < 1e-9);
    assert_eq!(
        finding.facts["document"], "Passport (RU)",
        "the number is the account's: not for whoever reads hits"
    );
    let line = |fact: &str| finding.reasons.iter().find(|reason| reason.fact == fact).unwrap();
    assert!((line("gender").effect + 0.06).abs() < 1e-9);
    assert!(line("document").effect > 0.9, "the number alone makes the hit");
    // Those who want more than a number get none.
    assert!(index.screen(&subject, 0.92).is_empty());
}
