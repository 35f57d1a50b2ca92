use super::*;
use crate::domain::answer::Finding;
use crate::domain::date::PartialDate;
use crate::domain::personal::Personal;
use crate::names::align;
use crate::screening::DEFAULT_THRESHOLD;
use crate::screening::list::{NameQuality, ParseFaults};
use crate::screening::matching::Preset;

fn entity(id: &str, kind: EntityKind, names: &[(&str, NameQuality)]) -> ListEntity {
    ListEntity {
        names: names.iter().map(|(text, quality)| ListName::new(*text, *quality)).collect(),
        programs: vec!["SDGT".to_owned()],
        ..ListEntity::new(format!("ofac:{id}"), kind)
    }
}

fn list(entities: Vec<ListEntity>) -> List {
    List { name: "ofac-sdn".to_owned(), version: "1".to_owned(), entities, faults: ParseFaults::default() }
}

fn sample() -> List {
    use EntityKind::{Aircraft, Entity, Individual, Vessel};
    use NameQuality::{Primary, Strong, Weak};
    let mut makhlouf = entity(
        "1",
        Individual,
        &[("Rami Muhammad MAKHLOUF", Primary), ("Rami MAKHLUF", Strong), ("Abu Fulan", Weak)],
    );
    makhlouf.birth_dates = vec!["1969-07-10".parse().unwrap()];
    makhlouf.countries = vec!["SY".to_owned()];
    list(vec![
        makhlouf,
        entity("2", Individual, &[("Hafiz MAKHLOUF", Primary)]),
        entity("3", Entity, &[("BANK MELLI IRAN", Primary), ("NATIONAL BANK OF IRAN", Strong)]),
        entity("4", Vessel, &[("ARTAVIL STAR", Primary)]),
        entity("5", Aircraft, &[("EP-MNF", Primary)]),
        entity("6", Individual, &[("Hannibal", Primary)]),
        entity("7", Individual, &[("A. Khamenei", Primary), ("Ali Hosseini KHAMENEI", Strong)]),
    ])
}

fn subject(kind: SubjectKind, name: &str) -> Subject {
    Subject::named(kind, name)
}

fn ids(index: &Index, subject: &Subject) -> Vec<String> {
    index.screen(subject, DEFAULT_THRESHOLD).iter().map(|found| found.entity.id.clone()).collect()
}

#[test]
fn a_listed_person_is_found_under_any_of_the_names_and_only_once() {
    let index = Index::build(&sample());
    for name in ["Rami Makhlouf", "MAKHLOUF, Rami", "Rami Mohammed Makhluf", "RamiMakhlouf", "رامي مخلوف"]
    {
        assert_eq!(ids(&index, &subject(SubjectKind::Person, name)), ["ofac:1"], "{name}");
    }
    assert!(ids(&index, &subject(SubjectKind::Person, "Makhlouf")).is_empty(), "a surname alone");
}

#[test]
fn organisations_and_ships_match_organisations_and_not_people() {
    let index = Index::build(&sample());
    assert_eq!(ids(&index, &subject(SubjectKind::Organisation, "Bank Melli Iran Ltd.")), ["ofac:3"]);
    assert_eq!(ids(&index, &subject(SubjectKind::Organisation, "Artavil Star")), ["ofac:4"]);
    assert!(ids(&index, &subject(SubjectKind::Person, "Artavil Star")).is_empty());
}

#[test]
fn a_weak_alias_needs_more_than_itself() {
    let index = Index::build(&sample());
    let mut account = subject(SubjectKind::Person, "Abu Fulan");
    assert!(ids(&index, &account).is_empty());
    account.birth_date = Some(Personal::new("1969-07-10".parse().unwrap()));
    assert_eq!(ids(&index, &account), ["ofac:1"]);
}

#[test]
fn birth_date_and_country_move_the_score_and_say_so() {
    let index = Index::build(&sample());
    let mut account = subject(SubjectKind::Person, "Rami Makhlouf");
    let alone = index.screen(&account, DEFAULT_THRESHOLD)[0].score;
    account.birth_date = Some(Personal::new(PartialDate::of_year(1969)));
    account.countries = vec![Personal::new("SY".to_owned())];
    let found = index.screen(&account, DEFAULT_THRESHOLD);
    assert!(found[0].score > alone);
    let finding = Finding::from(&found[0]);
    let told: Vec<&str> = finding.reasons.iter().map(|reason| reason.fact.as_str()).collect();
    assert!(told.contains(&"birth-date") && told.contains(&"country"), "{told:?}");
    account.birth_date = Some(Personal::new(PartialDate::of_year(1999)));
    assert!(index.screen(&account, DEFAULT_THRESHOLD).is_empty(), "another birth year clears");
}

#[test]
fn a_finding_explains_each_part_of_the_name() {
    let index = Index::build(&sample());
    let account = subject(SubjectKind::Person, "Rami Makhlout");
    let found = index.screen(&account, 0.8);
    let finding = Finding::from(&found[0]);
    let texts: Vec<&str> = finding.reasons.iter().map(|reason| reason.text.as_str()).collect();
    assert!(texts.contains(&"“Rami” is the same in both names."), "{texts:?}");
    assert!(texts.contains(&"Compared with the list's other name “Rami MAKHLUF”."), "{texts:?}");
    assert!(texts.iter().any(|text| text.starts_with("“Makhlout” is spelled like “MAKHL")), "{texts:?}");
    let total: f64 = finding.reasons.iter().map(|reason| reason.effect).sum();
    assert!((total - finding.score).abs() < 1e-3, "the effects add up to the score");
    assert_eq!((finding.entity.as_str(), finding.list.as_str()), ("ofac:1", "ofac-sdn"));
    assert_eq!(finding.facts["birth-dates"][0], "1969-07-10");
    assert_eq!(finding.facts["names"].as_array().unwrap().len(), 3);
}

/// A small generator of numbers: the same sequence in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    /// A name with a few of the slips that people make.
    fn mutate(&mut self, name: &str) -> String {
        let mut letters: Vec<char> = name.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(letters.len());
            let letter = char::from(b'a' + u8::try_from(self.below(26)).unwrap());
            match self.below(6) {
                0 => drop(letters.splice(at..at, [letter])),
                1 if letters.len() > 3 => drop(letters.remove(at)),
                2 => letters[at] = letter,
                3 if at > 0 => letters.swap(at - 1, at),
                4 => drop(letters.splice(at..at, [' '])),
                _ => {
                    let text: String = letters.iter().collect();
                    let mut words: Vec<&str> = text.split(' ').collect();
                    let turns = self.below(words.len());
                    words.rotate_left(turns);
                    letters = words.join(" ").chars().collect();
                }
            }
        }
        letters.into_iter().collect()
    }
}

const NAMES: &[&str] = &[
    "Rami Muhammad Makhlouf",
    "Usama bin Muhammad bin Awad bin Ladin",
    "Vladimir Vladimirovich Putin",
    "Ali Akbar Velayati",
    "Kim Jong Un",
    "Abd al-Rahman Mustafa al-Qaduli",
    "Juan Carlos Perez Garcia",
    "Hannibal",
    "Bank Melli Iran",
    "Tactical Missiles Corporation JSC",
    "A. Khamenei",
    "Saif al-Din Fulayyih Hassan Taha al-Rawi",
    "William W Frost",
    "Sally Anne Frances Jones",
    "Li Wei",
    "MohammadHasni Haji Asad Khan Zarkari",
];

#[test]
fn names_that_the_scorer_accepts_share_a_blocking_key() {
    let mut dice = Dice(7);
    let mut accepted = 0;
    for round in 0..20_000 {
        let kind = if round % 4 == 0 { NameKind::Organisation } else { NameKind::Person };
        let original = NAMES[dice.below(NAMES.len())];
        let changed = dice.mutate(original);
        let score = align(kind, &Name::new(kind, original), &Name::new(kind, &changed)).score;
        if score >= 0.5 {
            accepted += 1;
            let (left, right) = (Name::new(kind, original).keys(), Name::new(kind, &changed).keys());
            assert!(left.iter().any(|key| right.contains(key)), "{original} / {changed}: {score}");
        }
    }
    assert!(accepted > 10_000, "only {accepted} were accepted: nothing was tested");
}

/// What stands in the names of organisations beside words: numbers, series, acronyms, initials.
const HARD_NAMES: &[&str] = &[
    "Atlantic Mortgage Trust 5",
    "Harbour Equity Partners Fund 12",
    "Harbour Equity Partners Fund XIV",
    "Unit 5 Securities Trust",
    "Brigade Forty-Four",
    "3 Mountain Oil Company",
    "3moc",
    "National Iranian Tanker Company",
    "NITC",
    "J. K. Starkey",
    "W Li",
    "Wang E",
    "王娥",
    "Rarna Vemmel",
    "\u{1f680}\u{1f681} Holdings",
    "Yeraltimadenisletmeciligigenelmudurlugu Ankara",
    "The Very Long Society Of The Friends And Former Pupils And Teachers And Neighbours And Parents Of The Old \
     Grammar School At The Upper Bridge Near The Mill Beside The River Under The Hill Behind The Wood Past The Chapel",
];

/// A name with a slip, another number, another last word, or the first letters for all of it.
fn mutated(dice: &mut Dice, name: &str) -> String {
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    let at = dice.below(words.len());
    match dice.below(6) {
        0 => words[at] = format!("{}", dice.below(30)),
        1 => words[at] = words[at].chars().take(1).collect(),
        2 => return words.iter().filter_map(|word| word.chars().next()).collect(),
        3 => drop(words.remove(at)),
        4 => {}
        _ => return dice.mutate(name),
    }
    if words.is_empty() { name.to_owned() } else { words.join(" ") }
}

#[test]
fn the_index_finds_exactly_what_comparing_with_every_name_finds() {
    let all = || NAMES.iter().chain(HARD_NAMES);
    let kinds = [EntityKind::Individual, EntityKind::Entity, EntityKind::Vessel];
    let entities = kinds.iter().flat_map(|kind| {
        let name = move |(at, name): (usize, &&str)| {
            entity(&format!("{}{at}", kind.word()), *kind, &[(*name, NameQuality::Primary)])
        };
        all().enumerate().map(name)
    });
    let index = Index::build(&list(entities.collect()));
    let names: Vec<&str> = all().copied().collect();
    let mut dice = Dice(11);
    let mut found_any = 0;
    for round in 0..6_000 {
        let kind = if round % 2 == 0 { SubjectKind::Person } else { SubjectKind::Organisation };
        let name = names[dice.below(names.len())];
        let account = subject(kind, &mutated(&mut dice, name));
        let preset = Preset::ALL[round % Preset::ALL.len()];
        let matching = Matching::of(preset).with_threshold([0.5, 0.7, 0.78, 0.85, 0.9][round % 5]);
        let found = said(&index.screen_by(&account, &matching));
        assert_eq!(
            found,
            said(&index.screen_everything(&account, &matching)),
            "{}",
            account.names[0].reveal()
        );
        found_any += found.len();
    }
    assert!(found_any > 2_000, "only {found_any} were found: nothing was tested");
}

/// Which entities were found, with which score.
fn said(found: &[Match<'_>]) -> Vec<(String, String)> {
    found.iter().map(|found| (found.entity.id.clone(), format!("{:.6}", found.score))).collect()
}

#[test]
fn another_number_of_one_series_is_found_where_the_scorer_accepts_it() {
    let index = Index::build(&list(vec![entity(
        "1",
        EntityKind::Entity,
        &[("Atlantic Mortgage Trust 5", NameQuality::Primary)],
    )]));
    assert_eq!(ids(&index, &subject(SubjectKind::Organisation, "Atlantic Mortgage Trust 6")), ["ofac:1"]);
}

fn told(index: &Index, subject: &Subject, threshold: f64) -> (Vec<String>, Finding) {
    let finding = Finding::from(&index.screen(subject, threshold)[0]);
    let total: f64 = finding.reasons.iter().map(|reason| reason.effect).sum();
    assert!((total - finding.score).abs() < 1e-9, "{total} {}: {:?}", finding.score, finding.reasons);
    (finding.reasons.iter().map(|reason| reason.text.clone()).collect(), finding)
}

#[test]
fn effects_add_up_to_a_score_that_ends_at_one() {
    let index = Index::build(&sample());
    let mut account = subject(SubjectKind::Person, "Rami Muhammad Makhlouf");
    account.birth_date = Some(Personal::new("1969-07-10".parse().unwrap()));
    account.countries = vec![Personal::new("SY".to_owned())];
    let (texts, finding) = told(&index, &account, DEFAULT_THRESHOLD);
    assert!((finding.score - 1.0).abs() < 1e-9);
    assert!(texts.contains(&"A score ends at 1.".to_owned()), "{texts:?}");
    assert!(texts.contains(&"A score is a hit from 0.85 on.".to_owned()), "{texts:?}");
}

#[test]
fn each_doubt_has_its_sentence_and_the_short_one_stands_for_the_long_one() {
    use EntityKind::{Entity, Individual};
    let named = |kind, name| list(vec![entity("1", kind, &[(name, NameQuality::Primary)])]);
    for (kind, listed_as, listed, name, sentences) in [
        (
            SubjectKind::Person,
            Individual,
            "Keir STARMER",
            "Keir Starkey",
            &["What may be a slip may be another name."][..],
        ),
        (
            SubjectKind::Person,
            Individual,
            "Ali KHAMENEI",
            "A. Khamenei",
            &["“A” may stand, as an initial, for “Ali”.", "An initial may stand for another name."],
        ),
        (
            SubjectKind::Person,
            Individual,
            "A. KHAMENEI",
            "Ali Khamenei",
            &["“A” may stand, as an initial, for “Ali”."],
        ),
        (
            SubjectKind::Organisation,
            Entity,
            "ZUBAIR QUARRY TIMBER OFFICE",
            "ZQTO",
            &[
                "“ZQTO” stands, by first letters, for “ZUBAIR QUARRY TIMBER OFFICE”.",
                "The same first letters may stand for another name.",
            ],
        ),
        (
            SubjectKind::Organisation,
            Entity,
            "Atlantic Mortgage Trust 5",
            "Atlantic Mortgage Trust 6",
            &["Another number of a series may belong to somebody else."],
        ),
        (
            SubjectKind::Organisation,
            Entity,
            "Velkorov Trading GmbH",
            "Velkorov Trading AG",
            &["The legal forms contradict each other."],
        ),
    ] {
        let (texts, _) = told(&Index::build(&named(listed_as, listed)), &subject(kind, name), 0.6);
        for sentence in sentences {
            assert!(texts.iter().any(|text| text == sentence), "{name}: {texts:?}");
        }
    }
}

#[test]
fn that_a_list_is_of_sanctions_is_no_fact_about_one_of_its_entities() {
    let facts = |topics: &[&str]| {
        let mut listed = entity("1", EntityKind::Individual, &[("Rami MAKHLOUF", NameQuality::Primary)]);
        listed.topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        crate::screening::explain::facts(&listed)
    };
    assert_eq!(facts(&["sanction"]), facts(&[]), "decisions of before topics were read rest on these");
    assert_ne!(facts(&["role.pep", "sanction"]), facts(&["sanction"]));
}
