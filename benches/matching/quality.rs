//! How well names are matched.

use std::collections::BTreeMap;

use watchkeeper::domain::date::PartialDate;
use watchkeeper::domain::personal::Personal;
use watchkeeper::domain::subject::{Subject, SubjectKind};
use watchkeeper::names::{Name, NameKind, align};
use watchkeeper::screening::DEFAULT_THRESHOLD;
use watchkeeper::screening::countries;
use watchkeeper::screening::index::{Index, name_kind};
use watchkeeper::screening::list::{EntityKind, NameQuality};

use crate::alter::{ALTERATIONS, Dice};
use crate::{data, lists, share};

/// Decisions about pairs, as they came out.
#[derive(Clone, Copy, Default)]
struct Tally {
    right: usize,
    false_alarms: usize,
    missed: usize,
    told_apart: usize,
}

impl Tally {
    fn count(&mut self, matched: bool, wanted: bool) {
        match (matched, wanted) {
            (true, true) => self.right += 1,
            (true, false) => self.false_alarms += 1,
            (false, true) => self.missed += 1,
            (false, false) => self.told_apart += 1,
        }
    }

    fn line(self) -> String {
        let (precision, recall) =
            (share(self.right, self.right + self.false_alarms), share(self.right, self.right + self.missed));
        let f1 = share(2 * self.right, 2 * self.right + self.false_alarms + self.missed);
        let Self { right, false_alarms, missed, told_apart } = self;
        format!("{precision:9.3} {recall:6.3} {f1:6.3} {right:6} {false_alarms:6} {missed:6} {told_apart:6}")
    }
}

/// A person or an organisation with a name and nothing else.
pub(crate) fn subject(kind: SubjectKind, name: &str) -> Subject {
    Subject::named(kind, name)
}

fn rows(path: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_path(data(path)).expect("the file is readable");
    reader.records().collect::<Result<_, _>>().expect("the file is CSV")
}

/// The labelled pairs, by schema and by category.
pub(crate) fn pairs(why: bool) {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut thresholds: BTreeMap<u32, Tally> = BTreeMap::new();
    for row in &rows("matching/name-pairs.csv") {
        let column = |at| row.get(at).unwrap_or_default();
        let (schema, left, right, wanted) = (column(0), column(1), column(2), column(3) == "true");
        let kinds = NameKind::of_schema(schema).iter();
        let scores = kinds.map(|kind| align(*kind, &Name::new(*kind, left), &Name::new(*kind, right)).score);
        let score = scores.fold(0.0, f64::max);
        let matched = score >= DEFAULT_THRESHOLD;
        let category = if column(4).is_empty() { "(none)" } else { column(4) };
        for key in ["all".to_owned(), format!("schema {schema}"), format!("category {category}")] {
            tallies.entry(key).or_default().count(matched, wanted);
        }
        for percent in [75, 80, 83, 84, 85, 86, 87, 90, 95] {
            thresholds.entry(percent).or_default().count(score >= f64::from(percent) / 100.0, wanted);
        }
        if why && matched != wanted {
            println!("  {} {score:.3} {schema}: {left} | {right}", if wanted { "missed" } else { "false " });
        }
    }
    println!("{:52}precision recall     F1  right  false missed  apart", "labelled pairs");
    for (key, tally) in tallies {
        println!("{key:52}{}", tally.line());
    }
    for (percent, tally) in thresholds {
        println!("{:52}{}", format!("all, from 0.{percent} on"), tally.line());
    }
}

/// The people of the UN's list, as listed and as data entry alters them.
pub(crate) fn un_people(why: bool) {
    let list = lists::un();
    let index = Index::build(&list);
    let mut dice = Dice(5);
    let (mut altered, mut found_altered) = (0, 0);
    let people = || list.entities.iter().filter(|entity| entity.kind == EntityKind::Individual);
    let mut as_listed = (0, 0);
    for entity in people() {
        for name in entity.names.iter().filter(|name| name.quality != NameQuality::Weak) {
            let found = is_found(&index, &name.text, &entity.id);
            as_listed = (as_listed.0 + 1, as_listed.1 + usize::from(found));
            if why && !found {
                println!("  missed as listed: {}", name.text);
            }
        }
    }
    println!("UN people, recall, names as listed: {:.4} of {}", share(as_listed.1, as_listed.0), as_listed.0);
    for (what, alteration) in ALTERATIONS {
        let (mut asked, mut found) = (0, 0);
        for entity in people() {
            let Some(name) = alteration(entity.primary_name(), &mut dice) else { continue };
            let right = is_found(&index, &name, &entity.id);
            asked += 1;
            found += usize::from(right);
            if why && !right {
                println!("  missed, {what}: {} | {name}", entity.primary_name());
            }
        }
        println!("  {what:24} {:.4} of {asked}", share(found, asked));
        altered += asked;
        found_altered += found;
    }
    println!("UN people, recall, names altered: {:.4} of {altered}", share(found_altered, altered));
}

fn is_found(index: &Index, name: &str, id: &str) -> bool {
    let hits = index.screen(&subject(SubjectKind::Person, name), DEFAULT_THRESHOLD);
    hits.iter().any(|hit| hit.entity.id == id)
}

/// People who are on no list, screened against OFAC's and the UN's.
pub(crate) fn strangers(why: bool) {
    let index = Index::build(&lists::both());
    for file in ["matching/negatives-us.csv", "matching/negatives-global.csv"] {
        let rows = rows(file);
        let (mut by_name, mut with_date, mut with_all) = (0, 0, 0);
        for row in &rows {
            let column = |at| row.get(at).unwrap_or_default();
            let mut subject = subject(SubjectKind::Person, column(0));
            let hits = index.screen(&subject, DEFAULT_THRESHOLD);
            by_name += usize::from(!hits.is_empty());
            if let Some(hit) = hits.first().filter(|_| why) {
                let how: Vec<_> = hit.alignment.pairs.iter().map(|pair| pair.how).collect();
                let left = (hit.alignment.left_over.len(), hit.alignment.right_over.len());
                println!("  {:.3} {} | {} {how:?} {left:?}", hit.score, column(0), hit.listed.text);
            }
            subject.birth_date = column(5).parse::<PartialDate>().ok().map(Personal::new);
            with_date += usize::from(!index.screen(&subject, DEFAULT_THRESHOLD).is_empty());
            let country = countries::code(column(7)).map(|code| Personal::new(code.to_owned()));
            subject.countries = country.into_iter().collect();
            with_all += usize::from(!index.screen(&subject, DEFAULT_THRESHOLD).is_empty());
        }
        println!(
            "unlisted people, {file}: of {}, {by_name} have a hit by name, {with_date} with birth date, {with_all} with country too",
            rows.len()
        );
    }
}

/// What the index finds, beside what comparing with every name finds.
pub(crate) fn index_recall() {
    let list = lists::both();
    let index = Index::build(&list);
    let names: Vec<(usize, Name, NameKind)> = list
        .entities
        .iter()
        .enumerate()
        .flat_map(|(at, entity)| {
            let kind = name_kind(entity.kind);
            entity.names.iter().map(move |name| (at, Name::new(kind, &name.text), kind))
        })
        .collect();
    let strangers = rows("matching/negatives-global.csv");
    let listed = list.entities.iter().step_by(40).enumerate().filter_map(|(turn, entity)| {
        let (_, alteration) = ALTERATIONS.get(turn % ALTERATIONS.len())?;
        let kind = if entity.kind == EntityKind::Individual {
            SubjectKind::Person
        } else {
            SubjectKind::Organisation
        };
        Some((kind, alteration(entity.primary_name(), &mut Dice(3))?))
    });
    let strangers = strangers
        .iter()
        .step_by(25)
        .map(|row| (SubjectKind::Person, row.get(0).unwrap_or_default().to_owned()));
    let (mut expected, mut found, mut asked) = (0, 0, 0);
    for (kind, name) in listed.chain(strangers) {
        let as_kind = if kind == SubjectKind::Person { NameKind::Person } else { NameKind::Organisation };
        let account = Name::new(as_kind, &name);
        let hits = index.screen(&subject(kind, &name), DEFAULT_THRESHOLD);
        asked += 1;
        let mut last = usize::MAX;
        for (at, listed, listed_kind) in &names {
            let same = (as_kind == NameKind::Person) == (*listed_kind == NameKind::Person);
            let Some(entity) = list.entities.get(*at).filter(|_| same && *at != last) else { continue };
            let compared = if as_kind == NameKind::Person { as_kind } else { *listed_kind };
            // Ships and weak aliases are held lower than their names score.
            let is_full = entity.names.iter().all(|name| name.quality != NameQuality::Weak)
                && *listed_kind != NameKind::Craft;
            if is_full && align(compared, &account, listed).score >= DEFAULT_THRESHOLD {
                last = *at;
                expected += 1;
                found += usize::from(hits.iter().any(|hit| hit.entity.id == entity.id));
            }
        }
    }
    println!(
        "index recall against comparing with each name: {:.4} ({found} of {expected} hits of {asked} names)",
        share(found, expected)
    );
}
