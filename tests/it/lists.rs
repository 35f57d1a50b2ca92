//! Published lists under a running engine: swapped in, refused, stale, and what runs and events say of it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use sqlx::PgPool;
use watchkeeper::{actions::apply::Occasion, app, engine::lists, telemetry::metrics::Form};

use crate::fixtures::{DAILY, House, settings, until};

const AFTER: [&str; 8] = ["-0- "; 8];

/// Writes a list of so many people, as if it had been written at `at`.
fn write(folder: &Path, people: usize, at: SystemTime) {
    let row = |number: usize| {
        format!("{number},\"TARKHANOV, Boris{number}\",\"individual\",\"X\",{}\r\n", AFTER.join(","))
    };
    let file = folder.join("sdn.csv");
    fs::write(&file, (1..=people).map(row).collect::<String>()).unwrap();
    fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
}

fn shown(house: &House) -> Value {
    house.engine.health.details()["lists"][0].clone()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_new_version_counts_without_a_restart_and_what_is_refused_or_stale_is_told(pool: PgPool) {
    let mut house = House::new(&pool, DAILY).await;
    let folder: PathBuf = std::env::temp_dir().join(format!("watchkeeper-it-lists-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let start = SystemTime::from(house.now());
    write(&folder, 10, start);
    let mut configured = settings(DAILY);
    let list = configured.lists.get_mut("none").unwrap();
    list.folder = Some(folder.clone());
    list.max_age = Some(Duration::from_hours(24));
    let planned = app::plan(&house.engine.context, &configured, house.engine.process, Occasion::Change);
    house.engine.plan = std::sync::Arc::new(planned.await.unwrap().0);
    house.people(&["1"]).await;
    house.enrol().await;

    house.run("1").await;
    let basis = house.account("1").await.runs[0].basis.clone();
    let first = basis["lists"][0]["version"].clone();
    assert_eq!((basis["lists"][0]["name"].as_str(), basis.get("stale_list")), (Some("none"), None));
    let mut watch = lists::Watch::new(house.engine.clone());
    watch.look().await.unwrap();
    assert_eq!(
        (shown(&house)["version"].clone(), shown(&house)["entities"].as_u64()),
        (first.clone(), Some(10))
    );

    write(&folder, 11, start);
    house.clock.advance(Duration::from_mins(2));
    watch.look().await.unwrap();
    house.run("1").await;
    let second = house.account("1").await.runs[0].basis["lists"][0]["version"].clone();
    assert_ne!(second, first, "the next run answers from the new version");

    write(&folder, 3, start);
    for _ in 0..2 {
        house.clock.advance(Duration::from_mins(2));
        watch.look().await.unwrap();
    }
    assert_eq!(shown(&house)["version"], second, "the one before stays in force");
    assert!(shown(&house)["refused"]["reason"].as_str().unwrap().contains("72.7 %"), "{}", shown(&house));
    house.clock.advance(Duration::from_hours(25));
    watch.look().await.unwrap();
    house.run("1").await;
    let basis = house.account("1").await.runs[0].basis.clone();
    assert_eq!(
        (basis["stale_list"].as_bool(), basis["lists"][0]["stale"].as_bool()),
        (Some(true), Some(true))
    );

    // A reload begins another watch on the same list: it has nothing to tell.
    lists::Watch::new(house.engine.clone()).look().await.unwrap();
    let told: Vec<String> =
        house.events().await.into_iter().filter(|kind| kind.starts_with("list.")).collect();
    assert_eq!(told, ["list.updated", "list.refused", "list.stale"]);
    let metrics = house.engine.metrics.encode(Form::Plain);
    for line in [
        "watchkeeper_list_refused{list=\"none\"} 1",
        "watchkeeper_list_stale{list=\"none\"} 1",
        "watchkeeper_list_entities{list=\"none\"} 11",
        "watchkeeper_list_refusals_total{list=\"none\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_list_does_not_wait_for_another_that_takes_long(pool: PgPool) {
    const SECOND: &str = "[lists.second]\nformat = \"ofac-csv\"\nfolder = \"second\"\n[providers.third]\nkind = \"local\"\n\
                          lists = [\"second\"]\n[report-templates.third]\ntype = \"watchlist\"\nprovider = \"third\"\n";
    let mut house = House::new(&pool, DAILY).await;
    let folder = std::env::temp_dir().join(format!("watchkeeper-it-lists-of-two-{}", std::process::id()));
    let mut configured = settings(&format!("{DAILY}{SECOND}"));
    for list in ["none", "second"] {
        fs::create_dir_all(folder.join(list)).unwrap();
        write(&folder.join(list), 10, SystemTime::from(house.now()));
        configured.lists.get_mut(list).unwrap().folder = Some(folder.join(list));
    }
    let plan = app::plan(&house.engine.context, &configured, house.engine.process, Occasion::Change).await;
    house.engine.plan = std::sync::Arc::new(plan.unwrap().0);
    // Somebody is about to give one of them its number, and does not come to an end.
    let mut other = pool.begin().await.unwrap();
    sqlx::query(
        "insert into list_versions (list, number, version, entities, names, taken_at, process_id) \
         values ('none', 1, 'another', 1, 1, now(), gen_random_uuid())",
    )
    .execute(&mut *other)
    .await
    .unwrap();
    let mut watch = lists::Watch::new(house.engine.clone());
    let number = |name: &str| {
        let found = house.engine.plan.published.iter().find(|list| list.name() == name);
        found.map(watchkeeper::providers::local::PublishedList::number)
    };
    until("the second list has its number", async || {
        watch.round().await;
        number("second") == Some(1)
    })
    .await;
    assert_eq!(number("none"), Some(0), "the first waits still");
    other.rollback().await.unwrap();
    watch.look().await.unwrap();
    assert_eq!(number("none"), Some(1));
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn runs_rest_on_a_versions_number_as_soon_as_it_has_one(pool: PgPool) {
    let mut house = House::new(&pool, DAILY).await;
    let folder = std::env::temp_dir().join(format!("watchkeeper-it-lists-numbered-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    write(&folder, 10, SystemTime::from(house.now()));
    let mut configured = settings(DAILY);
    configured.lists.get_mut("none").unwrap().folder = Some(folder.clone());
    let plan = app::plan(&house.engine.context, &configured, house.engine.process, Occasion::Change).await;
    house.engine.plan = std::sync::Arc::new(plan.unwrap().0);
    let mut watch = lists::Watch::new(house.engine.clone());
    watch.look().await.unwrap();
    let list = house.engine.plan.published.first().unwrap();
    let (version, number) = (list.version(), list.number());

    house.clock.advance(Duration::from_mins(2));
    write(&folder, 11, SystemTime::from(house.now()));
    until("the new version is in force", async || {
        watch.round().await;
        list.version() != version
    })
    .await;
    // Nobody looks again until then: what would run meanwhile would be run twice.
    until("it has its number", async || list.number() == number + 1).await;
    fs::remove_dir_all(folder).unwrap();
}
