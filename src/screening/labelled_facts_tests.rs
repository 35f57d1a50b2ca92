//! Our own labelled cases of what is known beside the name, each with the reason why.

use super::DEFAULT_THRESHOLD;
use super::index::Index;
use super::keys::{account_keys, entity_keys};
use super::list::{Document, EntityKind, Gender, List, ListEntity, NameQuality, NameUse, ParseFaults};
use super::matching::{Matching, Preset};
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
    let row = reader.records().map(Result::unwrap).find(|row| row[13].contains("half the name")).unwrap();
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
    assert!(line("document").effect > 0.3, "the number makes the hit");
    // Those who want more than a number get none.
    assert!(index.screen(&subject, 0.92).is_empty());
}

#[test]
fn an_equal_number_under_another_name_says_in_its_line_that_it_does_not_suffice() {
    let mut reader = csv::Reader::from_reader(include_str!("labelled_facts.csv").as_bytes());
    let row = reader.records().map(Result::unwrap).find(|row| row[13].starts_with("a number alone")).unwrap();
    let list = List {
        name: "own".to_owned(),
        version: "1".to_owned(),
        entities: vec![entity(&row)],
        faults: ParseFaults::default(),
    };
    let index = Index::build_of(list);
    let found = index.screen(&subject(&row), 0.0);
    let finding = Finding::from(&found[0]);
    assert!(found[0].alignment.score < 0.5 && finding.score < 0.7, "{}", finding.score);
    let line = finding.reasons.iter().find(|reason| reason.fact == "document").unwrap();
    assert!((line.effect - 0.1).abs() < 1e-9, "{}", line.effect);
    assert!(line.text.ends_with("too unlike for that to suffice."), "{}", line.text);
    let told: f64 = finding.reasons.iter().map(|reason| reason.effect).sum();
    assert!((told - finding.score).abs() < 1e-9);
}

#[test]
fn an_equal_name_stays_a_hit_of_exact_unless_the_birth_date_contradicts() {
    let mut listed = ListEntity::new("own:1", EntityKind::Individual);
    listed.add_name("Boris TARKHANOV", NameQuality::Primary, NameUse::Current);
    listed.gender = Some(Gender::Male);
    listed.countries = vec!["RU".to_owned()];
    listed.birth_dates = vec!["1970-05-21".parse().unwrap()];
    listed.documents = document("Tax ID No.:77889900:RU").into_iter().collect();
    let list = List {
        name: "own".to_owned(),
        version: "1".to_owned(),
        entities: vec![listed],
        faults: ParseFaults::default(),
    };
    let index = Index::build_of(list);
    let exact = Matching::of(Preset::Exact);
    let subject = |name: &str, born: &str| Subject {
        gender: Some(Personal::new(Gender::Female)),
        countries: vec![Personal::new("DE".to_owned())],
        documents: document("tax-id:11223344:RU").map(Personal::new).into_iter().collect(),
        birth_date: born.parse().ok().map(Personal::new),
        ..Subject::named(SubjectKind::Person, name)
    };
    for born in ["", "1970", "1970-05-21"] {
        let found = index.screen_by(&subject("Tarkhanov, Boris", born), &exact);
        assert_eq!(found.len(), 1, "{born:?}");
        let finding = Finding::from(&found[0]);
        let told: f64 = finding.reasons.iter().map(|reason| reason.effect).sum();
        assert!((told - finding.score).abs() < 1e-9, "{born:?}: {told} {}", finding.score);
    }
    let text = "An equal name stays a hit unless the birth date contradicts.";
    let finding = Finding::from(&index.screen_by(&subject("Boris Tarkhanov", ""), &exact)[0]);
    assert!(finding.reasons.iter().any(|reason| reason.text == text && reason.effect > 0.0));
    // A birth date of another year does; and another name is no equal one.
    for (name, born) in
        [("Boris Tarkhanov", "1972"), ("Boris Tarkhanov", "1990-05-21"), ("Boriss Tarkhanov", "")]
    {
        assert!(index.screen_by(&subject(name, born), &exact).is_empty(), "{name} {born}");
    }
    // The other presets weigh all that is known, as before.
    assert!(index.screen_by(&subject("Boris Tarkhanov", ""), &Matching::of(Preset::Strict)).is_empty());
}
