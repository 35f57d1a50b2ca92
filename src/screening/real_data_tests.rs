//! Against the real lists and names in `shared/data`, read in place; skipped where they are absent.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::DEFAULT_THRESHOLD;
use super::difference::{Difference, gone_share};
use super::index::{Index, Match, name_kind};
use super::keys::{Key, account_keys, entity_keys};
use super::list::{EntityKind, List, ListEntity, NameQuality};
use super::matching::Matching;
use super::parse::Format;
use crate::domain::answer::Finding;
use crate::domain::date::PartialDate;
use crate::domain::personal::Personal;
use crate::domain::subject::{Subject, SubjectKind};
use crate::names::{Name, NameKind, align};

#[expect(clippy::print_stderr, reason = "a skipped test and a measured figure have to be seen")]
pub(super) fn say(text: &str) {
    eprintln!("{text}");
}

/// A file or folder of the real data; none, with a word, when it is not there.
pub(super) fn real(path: &str) -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data").join(path)).find(|found| found.exists());
    if found.is_none() {
        say(&format!("skipped: there is no shared/data/{path}"));
    }
    found
}

pub(super) fn rows(path: &str) -> Option<Vec<csv::StringRecord>> {
    let path = real(path)?;
    Some(csv::Reader::from_path(path).unwrap().records().collect::<Result<_, _>>().unwrap())
}

pub(super) fn list(folder: &str) -> Option<List> {
    Some(Format::OfacCsv.read("ofac-sdn", &real(folder)?).unwrap())
}

pub(super) fn account(kind: SubjectKind, name: &str) -> Subject {
    Subject::named(kind, name)
}

#[test]
fn both_versions_of_the_list_are_read_with_few_faults() {
    for (folder, at_least) in [("ofac-a", 7_379), ("ofac-b", 8_976)] {
        let Some(list) = list(folder) else { return };
        let dated = list.entities.iter().filter(|entity| !entity.birth_dates.is_empty()).count();
        let names: usize = list.entities.iter().map(|entity| entity.names.len()).sum();
        say(&format!(
            "{folder}: {} entities, {names} names, {dated} with a birth date, faults {:?}",
            list.entities.len(),
            list.faults
        ));
        assert_eq!(list.entities.len(), at_least);
        assert!(list.faults.total() < 30, "{:?}", list.faults);
        assert!(dated > 3_000 && list.entities.iter().any(|entity| entity.countries.len() > 1));
    }
}

#[test]
fn the_uns_list_is_read_with_few_faults() {
    let Some(path) = real("un/UN_consolidated.xml") else { return };
    assert_eq!(Format::guess(&path), Some(Format::UnXml));
    let list = Format::UnXml.read("un", &path).unwrap();
    let count = |has: fn(&ListEntity) -> bool| list.entities.iter().filter(|entity| has(entity)).count();
    say(&format!("un: {} entities, faults {:?}", list.entities.len(), list.faults));
    assert_eq!(count(|entity| entity.kind == EntityKind::Individual), 730);
    assert_eq!(count(|entity| entity.kind == EntityKind::Entity), 273);
    assert!(count(|entity| !entity.birth_dates.is_empty()) > 600);
    assert!(count(|entity| !entity.documents.is_empty()) > 200);
    assert!(count(|entity| !entity.nationalities.is_empty()) > 500);
    assert!(list.faults.total() < 10, "{:?}", list.faults);
}

#[test]
fn two_versions_of_the_list_differ_as_their_publisher_says() {
    let (Some(before), Some(after)) = (list("ofac-a"), list("ofac-b")) else { return };
    let difference = Difference::between(&before.entities, &after.entities);
    say(&format!("ofac-a to ofac-b: {:?}", difference.counts()));
    assert_eq!((difference.added.len(), difference.removed.len()), (1_858, 261));
    assert!(Difference::between(&after.entities, &after.entities).is_empty());
    let ids = before.entities.iter().map(|entity| entity.id.as_str());
    assert!((gone_share(ids, &after.entities) - 261.0 / 7_379.0).abs() < 1e-9);
}

#[test]
fn whoever_matches_otherwise_after_a_change_is_found_by_it() {
    let (Some(before), Some(after)) = (list("ofac-a"), list("ofac-b")) else { return };
    let difference = Difference::between(&before.entities, &after.entities);
    let gains = difference.gains(&before.entities, &after.entities);
    let keys: HashSet<Key> = gains.iter().flat_map(entity_keys).collect();
    let hit_ids: HashSet<String> = difference.hit_ids(&after.entities).into_iter().collect();
    let (was, is) = (Index::build(&before), Index::build(&after));
    let (touched, mut asked, mut otherwise, mut missed) = (difference.touched(), 0, 0, 0);
    let people =
        before.entities.iter().chain(&after.entities).filter(|one| touched.contains(one.id.as_str()));
    for (round, entity) in people.step_by(15).enumerate() {
        let kind = match entity.kind {
            EntityKind::Individual => SubjectKind::Person,
            _ => SubjectKind::Organisation,
        };
        let names = entity.names.iter().filter(|name| name.quality != NameQuality::Weak);
        for name in names.map(|name| treated(&name.text, round)) {
            let subject = account(kind, &name);
            let told = |index: &Index| -> BTreeSet<String> {
                let found = index.screen(&subject, DEFAULT_THRESHOLD);
                found
                    .iter()
                    .map(|found| format!("{} {}", found.entity.id, Finding::from(found).facts))
                    .collect()
            };
            let (had, has) = (told(&was), told(&is));
            asked += 1;
            if had == has {
                continue;
            }
            otherwise += 1;
            let has_hit = had.iter().any(|one| one.split(' ').next().is_some_and(|id| hit_ids.contains(id)));
            missed += usize::from(!has_hit && !account_keys(&subject).iter().any(|key| keys.contains(key)));
        }
    }
    say(&format!(
        "of {asked} names {otherwise} matched otherwise, and {missed} of these were not found by the change"
    ));
    assert!(otherwise * 2 > asked && missed == 0);
}

/// What a clerk, a passport office or a hurried customer makes of a name.
pub(super) fn treated(name: &str, round: usize) -> String {
    let mut words: Vec<String> = name.split_whitespace().map(str::to_lowercase).collect();
    match round % 5 {
        0 => {}
        1 => words.reverse(),
        2 => {
            // A letter of the longest word goes.
            if let Some(word) = words.iter_mut().max_by_key(|word| word.chars().count()) {
                let at = word.char_indices().nth(word.chars().count() / 2).map_or(0, |(at, _)| at);
                word.remove(at);
            }
        }
        3 => {
            // Two neighbours in it change places.
            if let Some(word) = words.iter_mut().max_by_key(|word| word.chars().count()) {
                let mut letters: Vec<char> = word.chars().collect();
                let at = letters.len() / 2;
                letters.swap(at.saturating_sub(1), at);
                *word = letters.into_iter().collect();
            }
        }
        _ => {
            // One of four or more words is left out.
            if words.len() > 3 {
                words.remove(1);
            }
        }
    }
    words.join(" ")
}

#[test]
fn listed_names_are_found_again_after_the_usual_slips() {
    let Some(list) = list("ofac-b") else { return };
    let index = Index::build(&list);
    let (mut found, mut asked) = ([0_usize; 5], [0_usize; 5]);
    let ordinary =
        list.entities.iter().filter(|e| matches!(e.kind, EntityKind::Individual | EntityKind::Entity));
    for (round, entity) in ordinary.enumerate() {
        let kind = if entity.kind == EntityKind::Individual {
            SubjectKind::Person
        } else {
            SubjectKind::Organisation
        };
        // A single word treated is another word: not what is measured here.
        let name = entity.primary_name();
        if Name::new(name_kind(entity.kind), name).parts.len() < 2 {
            continue;
        }
        if round % 10 == 0 {
            // The other names too, in small letters: how a name is written is not what it is.
            for listed in entity.names.iter().filter(|listed| listed.quality != NameQuality::Weak) {
                let parts = Name::new(name_kind(entity.kind), &listed.text).parts.len();
                let matches = index.screen(&account(kind, &listed.text.to_lowercase()), DEFAULT_THRESHOLD);
                let is_found = matches.iter().any(|found| found.entity.id == entity.id);
                assert!(parts < 2 || is_found, "{}: {}", entity.id, listed.text);
            }
        }
        let subject = account(kind, &treated(name, round / 2));
        let matches = index.screen(&subject, DEFAULT_THRESHOLD);
        asked[round / 2 % 5] += 1;
        found[round / 2 % 5] += usize::from(matches.iter().any(|found| found.entity.id == entity.id));
    }
    say(&format!(
        "found {found:?} of {asked:?} (as it is, turned round, letter lost, letters swapped, word left out)"
    ));
    assert_eq!(found[0], asked[0], "an equal name is always found");
    assert!(found.iter().sum::<usize>() * 100 > asked.iter().sum::<usize>() * 93);
}

#[test]
fn the_index_finds_all_that_comparing_with_every_listed_name_finds() {
    let (Some(mut list), Some(un)) = (list("ofac-b"), real("un/UN_consolidated.xml")) else { return };
    list.entities.extend(Format::UnXml.read("un", &un).unwrap().entities);
    let Some(strangers) = rows("matching/negatives-global.csv") else { return };
    let index = Index::build(&list);
    let listed = list.entities.iter().step_by(90).enumerate().map(|(round, entity)| {
        let is_person = entity.kind == EntityKind::Individual;
        let kind = if is_person { SubjectKind::Person } else { SubjectKind::Organisation };
        account(kind, &treated(entity.primary_name(), round))
    });
    let strangers = strangers.iter().step_by(200).map(|row| account(SubjectKind::Person, &row[0]));
    let (mut asked, mut hits) = (0, 0);
    for subject in listed.chain(strangers) {
        for threshold in [0.7, DEFAULT_THRESHOLD] {
            let matching = Matching::default().with_threshold(threshold);
            let ids = |found: &[Match<'_>]| -> Vec<String> {
                found.iter().map(|found| found.entity.id.clone()).collect()
            };
            let found = ids(&index.screen_by(&subject, &matching));
            assert_eq!(found, ids(&index.screen_everything(&subject, &matching)));
            hits += found.len();
            asked += 1;
        }
    }
    say(&format!("index and comparing with each name agree on {hits} hits of {asked} screenings"));
    assert!(hits > 100);
}

#[test]
fn invented_people_seldom_match() {
    let Some(list) = list("ofac-b") else { return };
    let index = Index::build(&list);
    for file in ["matching/negatives-us.csv", "matching/negatives-global.csv"] {
        let Some(rows) = rows(file) else { return };
        let (mut by_name, mut by_all) = (0, 0);
        for row in &rows {
            let mut subject = account(SubjectKind::Person, &row[0]);
            let hits = index.screen(&subject, DEFAULT_THRESHOLD);
            by_name += usize::from(!hits.is_empty());
            subject.birth_date = row[5].parse::<PartialDate>().ok().map(Personal::new);
            subject.countries = super::countries::code(&row[7])
                .map(|code| Personal::new(code.to_owned()))
                .into_iter()
                .collect();
            by_all += usize::from(!index.screen(&subject, DEFAULT_THRESHOLD).is_empty());
        }
        say(&format!(
            "{file}: {by_name} of {} match by name alone, {by_all} with date and country",
            rows.len()
        ));
        assert!(by_name * 50 < rows.len() && by_all * 200 < rows.len(), "{by_name} {by_all}");
    }
}

#[test]
fn labelled_pairs_of_names_are_mostly_told_apart() {
    let Some(rows) = rows("matching/name-pairs.csv") else { return };
    let (mut right, mut false_alarms, mut missed) = (0_u32, 0_u32, 0_u32);
    for row in &rows {
        let kind = if &row[0] == "Person" { NameKind::Person } else { NameKind::Organisation };
        let score = align(kind, &Name::new(kind, &row[1]), &Name::new(kind, &row[2])).score;
        match (score >= DEFAULT_THRESHOLD, &row[3] == "true") {
            (true, true) => right += 1,
            (true, false) => false_alarms += 1,
            (false, true) => missed += 1,
            (false, false) => {}
        }
    }
    let (right, wrong) = (f64::from(right), f64::from(false_alarms + missed));
    let f1 = 2.0 * right / (2.0 * right + wrong);
    say(&format!("F1 {f1:.3}: {right} right, {false_alarms} false alarms, {missed} missed"));
    assert!(f1 > 0.92, "{f1}");
}

#[test]
fn weak_aliases_are_read_from_the_remarks() {
    let Some(list) = list("ofac-b") else { return };
    let weak = list
        .entities
        .iter()
        .flat_map(|entity| &entity.names)
        .filter(|name| name.quality == NameQuality::Weak);
    assert!(weak.count() > 500);
}
