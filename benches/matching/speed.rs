//! How fast names are compared and accounts screened. One thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use watchkeeper::domain::personal::Personal;
use watchkeeper::domain::subject::{Subject, SubjectKind};
use watchkeeper::names::{Name, NameKind, align};
use watchkeeper::screening::DEFAULT_THRESHOLD;
use watchkeeper::screening::index::Index;
use watchkeeper::screening::list::List;

use crate::alter::Dice;
use crate::quality::subject;
use crate::{data, lists};

/// One comparison of two prepared names, over the labelled pairs.
pub(crate) fn comparisons() {
    let mut reader = csv::Reader::from_path(data("matching/name-pairs.csv")).expect("the file is readable");
    let pairs: Vec<(NameKind, Name, Name)> = reader
        .records()
        .filter_map(|row| {
            let row = row.expect("the file is CSV");
            let kind = *NameKind::of_schema(row.get(0)?).first()?;
            Some((kind, Name::new(kind, row.get(1)?), Name::new(kind, row.get(2)?)))
        })
        .collect();
    let mut times: Vec<Duration> = Vec::new();
    for (kind, left, right) in &pairs {
        const ROUNDS: u32 = 1_000;
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(align(*kind, black_box(left), black_box(right)));
        }
        times.push(start.elapsed() / ROUNDS);
    }
    times.sort_unstable();
    println!(
        "one comparison of prepared names: median {:?}, 99th percentile {:?}",
        at(&times, 0.5),
        at(&times, 0.99)
    );
}

/// Full screenings, against both lists and against ten times as many entities.
pub(crate) fn screenings() {
    let list = lists::both();
    screen("OFAC and UN", list.clone());
    screen("ten times OFAC and UN", times(&list, 10));
}

/// Full screenings against a million entities.
pub(crate) fn million() {
    let list = lists::both();
    let mut list = times(&list, 1_000_000 / list.entities.len() + 1);
    list.entities.truncate(1_000_000);
    screen("a million entities", list);
}

fn screen(what: &str, list: List) {
    let entities = list.entities.len();
    let before = resident();
    let start = Instant::now();
    let index = Index::build_of(list);
    let built = start.elapsed();
    println!(
        "{what}: {entities} entities arranged in {built:.2?}; memory {} MB before, {} MB after",
        before,
        resident()
    );
    let subjects = subjects();
    // What answers a part of a name is kept: who comes later finds most parts known.
    for round in ["none of whose names were asked for before", "the same again"] {
        screen_all(round, &index, &subjects);
    }
}

fn screen_all(round: &str, index: &Index, subjects: &[Subject]) {
    let mut times: Vec<Duration> = Vec::with_capacity(subjects.len());
    let mut hits = 0;
    let start = Instant::now();
    for subject in subjects {
        let start = Instant::now();
        hits += index.screen(subject, DEFAULT_THRESHOLD).len();
        times.push(start.elapsed());
    }
    let rate = f64::from(u32::try_from(subjects.len()).unwrap_or(u32::MAX)) / start.elapsed().as_secs_f64();
    times.sort_unstable();
    println!(
        "  {round}: {rate:.0} screenings a second, median {:?}, 99th percentile {:?}, longest {:?}; {hits} hits",
        at(&times, 0.5),
        at(&times, 0.99),
        at(&times, 1.0)
    );
}

/// The unlisted people with all that is known of them, and some of the listed ones among them.
fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for file in ["matching/negatives-us.csv", "matching/negatives-global.csv"] {
        let mut reader = csv::Reader::from_path(data(file)).expect("the file is readable");
        for row in reader.records() {
            let row = row.expect("the file is CSV");
            let mut account = subject(SubjectKind::Person, row.get(0).unwrap_or_default());
            account.birth_date = row.get(5).and_then(|date| date.parse().ok()).map(Personal::new);
            subjects.push(account);
        }
    }
    let listed = lists::un();
    subjects.extend(listed.entities.iter().map(|entity| subject(SubjectKind::Person, entity.primary_name())));
    subjects
}

/// So many entities for each of the list's: copies whose names have other vowels and consonants, so that they make new
/// parts as a longer list does.
fn times(list: &List, factor: usize) -> List {
    let mut dice = Dice(17);
    let mut longer = list.clone();
    for copy in 1..factor {
        for entity in &list.entities {
            let mut entity = entity.clone();
            entity.id = format!("{}-{copy}", entity.id);
            for name in &mut entity.names {
                name.text =
                    name.text.split(' ').map(|word| varied(word, &mut dice)).collect::<Vec<_>>().join(" ");
            }
            longer.entities.push(entity);
        }
    }
    longer
}

/// Every other word with two letters changed; the rest as they are, because names repeat.
fn varied(word: &str, dice: &mut Dice) -> String {
    if dice.below(2) == 0 || word.chars().count() < 4 {
        return word.to_owned();
    }
    let mut letters: Vec<char> = word.chars().collect();
    for _ in 0..2 {
        let at = dice.below(letters.len());
        let letter = char::from(b'a' + u8::try_from(dice.below(26)).unwrap_or_default());
        letters.iter_mut().skip(at).take(1).for_each(|slot| *slot = letter);
    }
    letters.into_iter().collect()
}

fn at(times: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let place = ((times.len().saturating_sub(1)) as f64 * share) as usize;
    times.get(place).copied().unwrap_or_default()
}

/// What of this process is in memory, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().split(' ').next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
}
