use std::collections::{HashMap, HashSet};

use super::super::list::{EntityKind, NameQuality};
use super::super::real_data_tests::{account, list, real, rows, say, treated};
use super::*;
use crate::screening::index::Index;
use crate::screening::matching::Matching;
use crate::screening::parse::Format;

fn listed(kind: EntityKind, name: &str) -> ListEntity {
    let mut entity = ListEntity::new("own:1", kind);
    entity.add_name(name, NameQuality::Primary, super::super::list::NameUse::Current);
    entity
}

fn share(left: &[Key], right: &[Key]) -> bool {
    crate::names::sound::share_key(left, right)
}

#[test]
fn an_account_and_the_entity_that_it_matches_share_a_key() {
    let person = (SubjectKind::Person, EntityKind::Individual);
    let organisation = (SubjectKind::Organisation, EntityKind::Entity);
    for ((kind, entity_kind), account_name, listed_name) in [
        (person, "Rami Makhlouf", "Rami Muhammad MAKHLOUF"),
        (person, "Rami Makhlout", "Rami MAKHLOUF"),
        (person, "Ramimakhlouf", "Rami MAKHLOUF"),
        (person, "Rami Makhlouf", "RAMIMAKHLOUF Muhammad"),
        (person, "Bob Li", "Robert Li"),
        (person, "Muhamad Aly", "Mohammed ALI"),
        (person, "Aziz Tahiri", "Abd al-Aziz TAHIRI"),
        (person, "Abd al-Aziz Tahiri", "Aziz TAHIRI"),
        (person, "A. Khamenei", "Ali KHAMENEI"),
        (person, "Ali Khamenei", "A. KHAMENEI"),
        (person, "王娥", "Wang E"),
        (person, "Hannibal", "HANNIBAL"),
        (person, "Hanibal", "HANNIBAL"),
        (organisation, "Gazprom", "GAZPROM OAO"),
        (organisation, "IRGC", "Islamic Revolutionary Guard Corps"),
        (organisation, "Islamic Revolutionary Guard Corps", "IRGC"),
        (organisation, "Atlantic Mortgage Trust 6", "Atlantic Mortgage Trust 5"),
    ] {
        let account = account_keys(&account(kind, account_name));
        assert!(
            share(&account, &entity_keys(&listed(entity_kind, listed_name))),
            "{account_name} {listed_name}"
        );
        assert!(
            account.is_sorted_by(|a, b| a < b) && account.len() <= 40,
            "{account_name}: {}",
            account.len()
        );
    }
    let other = entity_keys(&listed(EntityKind::Individual, "Vladimir PUTIN"));
    assert!(!share(&account_keys(&account(SubjectKind::Person, "Rami Makhlouf")), &other));
}

/// So many invented accounts.
const ACCOUNTS: usize = 100_000;

/// People put together of the given and family names of invented people of one file.
fn invented() -> Option<Vec<Subject>> {
    let mut accounts = Vec::with_capacity(ACCOUNTS);
    let mut dice = 1_u64;
    let mut below = |limit: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).unwrap() % limit
    };
    for file in ["matching/negatives-us.csv", "matching/negatives-global.csv"] {
        let rows = rows(file)?;
        for turn in 0..ACCOUNTS / 2 {
            let (given, family) = (&rows[turn % rows.len()], &rows[below(rows.len())]);
            // One alphabet a name.
            let family = if given[1].is_ascii() == family[3].is_ascii() { family } else { given };
            let name = [&given[1], &given[2], &family[3]].join(" ");
            accounts.push(account(SubjectKind::Person, &name));
        }
    }
    Some(accounts)
}

#[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
#[test]
fn keys_are_few_and_each_belongs_to_few_accounts() {
    let (Some(list), Some(accounts)) = (list("ofac-b"), invented()) else { return };
    let mut holders: HashMap<Key, Vec<u32>> = HashMap::new();
    let mut keys = 0;
    for (number, account) in (0_u32..).zip(&accounts) {
        let of_account = account_keys(account);
        keys += of_account.len();
        for key in of_account {
            holders.entry(key).or_default().push(number);
        }
    }
    let most = holders.values().map(Vec::len).max().unwrap();
    let (mut asked, mut found, mut entities) = (0, 0, 0);
    for entity in list.entities.iter().step_by(100) {
        let of_entity = entity_keys(entity);
        asked += of_entity.len();
        found += of_entity.iter().filter_map(|key| holders.get(key)).flatten().collect::<HashSet<_>>().len();
        entities += 1;
    }
    say(&format!(
        "{} accounts: {:.1} keys each, at most {most} accounts with one; one entity of OFAC: {} keys, {:.1} accounts",
        accounts.len(),
        keys as f64 / accounts.len() as f64,
        asked / entities,
        found as f64 / entities as f64,
    ));
    assert!(keys <= 18 * accounts.len() && most * 50 <= accounts.len());
    assert!(found <= 1_000 * entities);
}

#[test]
fn accounts_share_a_key_with_the_listed_whom_the_scorer_accepts() {
    let (Some(mut list), Some(un)) = (list("ofac-b"), real("un/UN_consolidated.xml")) else { return };
    list.entities.extend(Format::UnXml.read("un", &un).unwrap().entities);
    let (Some(us), Some(global)) = (rows("matching/negatives-us.csv"), rows("matching/negatives-global.csv"))
    else {
        return;
    };
    let mut keys: HashMap<&str, Vec<Key>> = HashMap::new();
    let index = Index::build(&list);
    let altered = list.entities.iter().step_by(50).enumerate().map(|(round, entity)| {
        let is_person = entity.kind == EntityKind::Individual;
        let kind = if is_person { SubjectKind::Person } else { SubjectKind::Organisation };
        account(kind, &treated(entity.primary_name(), round))
    });
    let strangers = us.iter().chain(&global).step_by(50).map(|row| account(SubjectKind::Person, &row[0]));
    for (what, accounts) in
        [("altered", altered.collect::<Vec<_>>()), ("strangers", strangers.collect::<Vec<_>>())]
    {
        for threshold in [0.7, 0.85] {
            let (mut accepted, mut shared) = (0, 0);
            for subject in &accounts {
                let of_account = account_keys(subject);
                for found in index.screen_by(subject, &Matching::default().with_threshold(threshold)) {
                    let of_entity = keys.entry(&found.entity.id).or_insert_with(|| entity_keys(found.entity));
                    let is_shared = share(&of_account, of_entity);
                    accepted += 1;
                    shared += usize::from(is_shared);
                    if !is_shared {
                        say(&format!(
                            "  {what} {threshold} {:.3}: {} | {}",
                            found.score,
                            subject.names[0].reveal(),
                            found.listed.text
                        ));
                    }
                }
            }
            say(&format!("{what}, from {threshold} on: {shared} of {accepted} accepted share a key"));
            assert!(shared * 100 >= accepted * 94, "{shared} of {accepted}");
        }
    }
}
