//! A list in memory, ready to screen against.
//!
//! Its names are arranged (`super::arrangement`) once; each subject is searched for (`super::search`) and what is found
//! compared and weighed in full.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::subject::{Subject, SubjectKind};
use crate::names::align::{align_by, align_with, compare_parts};
use crate::names::{Alignment, Name, NameKind, Rules};

use super::answers::{Answers, Lately};
use super::arrangement::{Arrangement, Place};
use super::evidence::{BirthDate, Country, Papers, Sex, capped, greatest_lift, kind_factor};
use super::keys::document_key;
use super::list::{EntityKind, List, ListEntity, ListName, NameQuality};
use super::marks::Marks;
use super::matching::Matching;
use super::postings::{Postings, small};
use super::search::{self, Found};

/// A list, ready to screen against.
pub struct Index {
    list: String,
    version: String,
    entities: Vec<ListEntity>,
    names: Arrangement,
    /// Which entities have a document of a number, under its key.
    documents: Postings<u32>,
    lately: Lately,
    /// Marks of screenings that are over, for those to come: as many as ever ran at once.
    spare_marks: Mutex<Vec<Marks>>,
}

/// An entity that matches a subject.
pub struct Match<'a> {
    /// The list's name.
    pub list: &'a str,
    /// The entity.
    pub entity: &'a ListEntity,
    /// Which of its names matched best.
    pub listed: &'a ListName,
    /// The same, in parts.
    pub listed_name: Name,
    /// Which of the subject's names matched, in parts.
    pub account_name: Name,
    /// How the parts answer each other.
    pub alignment: Alignment,
    /// What the two kinds leave of the name's score.
    pub kind_factor: f64,
    /// How the birth dates compare.
    pub birth_date: BirthDate,
    /// How the countries compare.
    pub country: Country<'a>,
    /// How the genders compare.
    pub gender: Sex,
    /// How the numbers of documents compare.
    pub papers: Papers<'a>,
    /// What keeps an equal name at the threshold against all but the birth date.
    pub upheld: f64,
    /// Person or organisation.
    pub kind: SubjectKind,
    /// 0 to 1.
    pub score: f64,
    /// From which score on it counts.
    pub threshold: f64,
}

impl std::fmt::Debug for Match<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[match]")
    }
}

impl Index {
    /// Arranges `list`.
    pub fn build(list: &List) -> Self {
        Self::build_of(list.clone())
    }

    /// The same, of a list that is not needed any more.
    pub fn build_of(list: List) -> Self {
        let names = Arrangement::new(&list.entities);
        let List { name, version, entities, .. } = list;
        let documents = entities.iter().enumerate().flat_map(|(number, entity)| {
            entity.documents.iter().filter_map(move |one| Some((document_key(one)?, small(number))))
        });
        let documents = Postings::new(documents.collect());
        Self {
            list: name,
            version,
            entities,
            names,
            documents,
            lately: Lately::new(),
            spare_marks: Mutex::default(),
        }
    }

    /// Which version of the list this is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The list's name.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// Everything that the list names.
    pub fn entities(&self) -> &[ListEntity] {
        &self.entities
    }

    /// How many entities it holds.
    pub const fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// The entities that match `subject` with at least `threshold`, best first; each once, by its
    /// best name. By the rules of the default matching.
    pub fn screen(&self, subject: &Subject, threshold: f64) -> Vec<Match<'_>> {
        self.screen_by(subject, &Matching::default().with_threshold(threshold))
    }

    /// The entities that match `subject` by `matching`, best first; each once, by its best name.
    pub fn screen_by(&self, subject: &Subject, matching: &Matching) -> Vec<Match<'_>> {
        let least = matching.threshold - greatest_lift(subject);
        let mut marks =
            self.spare_marks.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let matches = self.best_of(subject, matching, |kind, account| {
            search::candidates(&self.names, kind, account, least, (&self.lately, &mut marks))
        });
        self.spare_marks.lock().unwrap_or_else(PoisonError::into_inner).push(marks);
        matches
    }

    /// What [`Self::screen_by`] finds when each name of the list is compared: what it is held to.
    #[cfg(test)]
    pub(super) fn screen_everything(&self, subject: &Subject, matching: &Matching) -> Vec<Match<'_>> {
        self.best_of(subject, matching, |_, _| Found {
            names: (0..small(self.names.len())).collect(),
            ..Found::default()
        })
    }

    /// The entities of which one of the `candidates` matches, best first; each once, by its best name.
    fn best_of(
        &self,
        subject: &Subject,
        matching: &Matching,
        mut candidates: impl FnMut(NameKind, &Name) -> Found,
    ) -> Vec<Match<'_>> {
        let kind = match subject.kind {
            SubjectKind::Person => NameKind::Person,
            SubjectKind::Organisation => NameKind::Organisation,
        };
        let mut matches: Vec<Match<'_>> = Vec::new();
        // Those with the number of a document of the account's are compared however little their names are alike.
        let keys = subject.documents.iter().filter_map(|document| document_key(document.reveal()));
        let mut by_document: Vec<u32> = keys.flat_map(|key| self.documents.under(key)).copied().collect();
        by_document.sort_unstable();
        by_document.dedup();
        for name in &subject.names {
            let account = Name::new(kind, name.reveal());
            let Found { names: mut candidates, answers } = candidates(kind, &account);
            if !by_document.is_empty() {
                candidates.extend(by_document.iter().flat_map(|entity| self.names.names_of(*entity)));
                candidates.sort_unstable();
                candidates.dedup();
            }
            for candidate in candidates {
                if let Some(place) = self.names.place(candidate)
                    && let Some(found) = {
                        let has_number = by_document.binary_search(&place.entity).is_ok();
                        self.weigh(subject, (&account, &answers), (candidate, place, has_number), matching)
                    }
                {
                    matches.push(found);
                }
            }
        }
        matches.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.entity.id.cmp(&b.entity.id)));
        // Best first, so the first of each entity stays.
        let mut seen: HashSet<&str> = HashSet::with_capacity(matches.len());
        matches.retain(|found| seen.insert(&found.entity.id));
        matches
    }

    /// Compares one name in full; none when it stays below the threshold.
    fn weigh<'a>(
        &'a self,
        subject: &Subject,
        (account, answers): (&Name, &[Option<Arc<Answers>>]),
        (number, place, has_number): (u32, Place, bool),
        matching: &Matching,
    ) -> Option<Match<'a>> {
        let entity = self.entities.get(place.entity as usize)?;
        let listed = entity.names.get(place.name as usize)?;
        // Of an entity that has none of the account's numbers no document adds anything.
        let compare_papers = || Papers::compare(&subject.documents, &entity.documents);
        let papers = has_number.then(compare_papers);
        let raised = papers.map_or(0.0, Papers::effect);
        let papers_floor = |likeness: f64| papers.map_or(0.0, |papers| papers.floor(likeness));
        let (threshold, lift) = (matching.threshold, greatest_lift(subject) + raised);
        if papers_floor(1.0) < threshold && kind_factor(subject.kind, entity.kind, 2) < threshold - lift
            || listed.quality == NameQuality::Weak && !matching.weak_aliases
        {
            return None;
        }
        let listed_name = self.names.apart(number, || {
            let take_apart = if self.names.keeps_keys() { Name::new } else { Name::without_keys };
            take_apart(name_kind(entity.kind), &listed.text)
        });
        let parts = account.parts.len().min(listed_name.parts.len());
        let kind_factor = kind_factor(subject.kind, entity.kind, parts);
        let alignment = self.aligned(
            matching.rules,
            compared_as(subject.kind, entity.kind),
            (account, answers),
            (&listed_name, number),
        );
        let name_score = capped(alignment.score * kind_factor, listed.quality);
        if papers_floor(alignment.score) < threshold && name_score + lift < threshold {
            return None;
        }
        let birth_date = subject.birth_date.as_ref().map(|date| *date.reveal());
        let birth_date = BirthDate::compare(birth_date, &entity.birth_dates);
        let countries = subject.countries.iter().map(|country| country.reveal().as_str());
        let country = Country::compare(countries, &entity.countries);
        let gender = subject.gender.as_ref().map(|gender| *gender.reveal());
        let gender = Sex::compare(gender, entity.gender);
        let papers = papers.unwrap_or_else(compare_papers);
        let birth_effect = birth_date.effect(subject.kind);
        let score = name_score + birth_effect + country.effect() + gender.effect();
        let score = (score + papers.effect()).max(papers.floor(alignment.score));
        // Without the birth date nothing clears an equal name where only equal names are wanted.
        let stands = matching.equal_stands && name_score + birth_effect >= threshold;
        let upheld = if stands { (threshold - score).max(0.0) } else { 0.0 };
        let score = if stands { score.max(threshold) } else { score }.clamp(0.0, 1.0);
        (score >= threshold).then(|| Match {
            list: &self.list,
            entity,
            listed,
            listed_name: listed_name.into_owned(),
            account_name: account.clone(),
            alignment,
            kind_factor,
            birth_date,
            country,
            gender,
            papers,
            upheld,
            kind: subject.kind,
            score,
            threshold,
        })
    }

    /// How two names answer each other; `answers`, where it is known, is what answers the account's parts by all rules.
    fn aligned(
        &self,
        rules: Rules,
        kind: NameKind,
        (account, answers): (&Name, &[Option<Arc<Answers>>]),
        (listed, number): (&Name, u32),
    ) -> Alignment {
        if !rules.compare_as_all() {
            return align_by(&rules, kind, account, listed);
        }
        let units = self.names.units_in(number);
        align_with(&rules, kind, account, listed, |(i, one), (j, other)| {
            match (answers.get(i), units.get(j)) {
                (Some(Some(answers)), Some(unit)) if !other.likeness.initial => answers.of(*unit),
                _ => compare_parts(rules, one, other),
            }
        })
    }
}

/// By whose customs the names of an account and of an entity are compared.
const fn compared_as(account: SubjectKind, listed: EntityKind) -> NameKind {
    match (account, listed) {
        (SubjectKind::Person, _) => NameKind::Person,
        (SubjectKind::Organisation, EntityKind::Vessel | EntityKind::Aircraft) => NameKind::Craft,
        (SubjectKind::Organisation, EntityKind::Individual | EntityKind::Entity) => NameKind::Organisation,
    }
}

/// By whose customs an entity's names are read.
pub const fn name_kind(kind: EntityKind) -> NameKind {
    match kind {
        EntityKind::Individual => NameKind::Person,
        EntityKind::Entity => NameKind::Organisation,
        EntityKind::Vessel | EntityKind::Aircraft => NameKind::Craft,
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
