//! A list changes: exactly those whom the change concerns are screened once more, by whichever process, and nobody is
//! left with an answer of the version before.

mod compared;
mod shown;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::PgPool;
use watchkeeper::{
    actions::{apply::Occasion, pause, redact, rescreen, retire},
    app,
    domain::id::{ProcessId, Shard},
    engine::{Engine, keys::Keys, lists::Watch, record, rescreen::Rescreens},
};

use crate::fixtures::{DAILY, House, settings};

const REST: &str = "-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ";

const ACCOUNTS: &str = "reference_id,type,name\n1,individual,Boris Tarkhanov\n2,individual,Anna Lindqvist\n\
                        3,individual,Carlos Mendes Ferreira\n4,individual,Ekaterina Volkova\n";

/// Writes a list of these people, by id and name, beside ten others.
fn write(folder: &Path, people: &[(u32, &str)]) {
    let others = ["Ulrich Zanger", "Oyelaran Ibe", "Thuy Pham Linh", "Jacek Wrona", "Ines Quispe"];
    let others = others.into_iter().zip(900..);
    let row = |(name, id): (&str, u32)| format!("{id},\"{name}\",\"individual\",\"X\",{REST}\r\n");
    let rows = people.iter().map(|(id, name)| (*name, *id)).chain(others);
    fs::write(folder.join("sdn.csv"), rows.map(row).collect::<String>()).unwrap();
}

/// A house that screens against the list of a folder of its own.
async fn house(pool: &PgPool, name: &str, people: &[(u32, &str)]) -> (House, PathBuf) {
    let mut house = House::new(pool, DAILY).await;
    let folder = std::env::temp_dir().join(format!("watchkeeper-it-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    write(&folder, people);
    house.engine = process(&house.engine, &folder).await;
    (house, folder)
}

/// Another process on the same database, with its own look at the list.
async fn process(engine: &Engine, folder: &Path) -> Engine {
    let mut configured = settings(DAILY);
    configured.lists.get_mut("none").unwrap().folder = Some(folder.to_owned());
    let process = ProcessId(engine.context.new_uuid(Shard(0)));
    let plan = app::plan(&engine.context, &configured, process, Occasion::Change).await.unwrap().0;
    Engine { plan: Arc::new(plan), process, ..engine.clone() }
}

impl House {
    /// Everybody is enrolled, has keys, and was screened once.
    async fn settle(&self, references: &[&str], watch: &mut Watch) {
        self.import(ACCOUNTS).await;
        self.enrol().await;
        self.finish(Keys::new(self.engine.clone())).await;
        watch.look().await.unwrap();
        self.finish(Rescreens::new(self.engine.clone())).await;
        for reference in references {
            assert!(self.run(reference).await);
        }
        assert_eq!(self.woken().await, [] as [String; 0]);
    }

    /// A new version of the list is looked at, and what it asks for is made due.
    async fn changed(&self, watch: &mut Watch) {
        self.clock.advance(Duration::from_mins(2));
        watch.look().await.unwrap();
        self.finish(Rescreens::new(self.engine.clone())).await;
    }

    /// Who is to be screened because the list changed.
    async fn woken(&self) -> Vec<String> {
        self.texts(
            "select reference_id from wakeups join monitors using (shard, monitor_id) \
             join accounts using (shard, account_id) where reason = 'list-change' order by reference_id",
        )
        .await
    }

    async fn states(&self, reference: &str) -> Vec<String> {
        self.account(reference).await.hits.into_iter().map(|hit| hit.state.to_owned()).collect()
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn those_whom_a_change_concerns_are_screened_and_nobody_else(pool: PgPool) {
    let (house, folder) = house(&pool, "concerns", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    assert_eq!(house.states("1").await, ["open"]);

    // One comes, of whom there is another spelling; one that is nobody's.
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana"), (3, "OKONKWO, Chidi")]);
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, ["2"]);
    assert!(house.run("2").await);
    assert_eq!(house.states("2").await, ["open"]);
    assert_eq!(house.woken().await, [] as [String; 0]);

    // One goes, another gets a second name.
    write(&folder, &[(2, "LINDQVIST, Ana"), (3, "VOLKOVA, Yekaterina")]);
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, ["1", "4"]);
    assert!(house.run("1").await && house.run("4").await);
    assert_eq!(
        (house.states("1").await, house.states("4").await),
        (vec!["gone".to_owned()], vec!["open".to_owned()])
    );
    let runs = house.account("1").await.runs;
    assert_eq!((runs[0].outcome.as_str(), runs.len()), ("clear", 2));

    let told = rescreen::list(&house.engine.context, 10).await.unwrap();
    let counts: Vec<_> = told
        .rescreens
        .iter()
        .map(|one| {
            (one.number, one.complete, one.added, one.changed, one.removed, one.accounts, one.monitors)
        })
        .collect();
    assert_eq!(
        counts,
        [(Some(3), false, 0, 1, 1, 2, 2), (Some(2), false, 2, 0, 0, 1, 1)],
        "of the first version nobody had an answer without it"
    );
    assert!(told.rescreens.iter().all(|one| one.finished_at.is_some()));
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_edited_account_is_found_by_what_it_holds_now_and_a_redacted_one_not_at_all(pool: PgPool) {
    let (house, folder) = house(&pool, "edited", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    house.import("reference_id,type,name\n3,individual,Hedvig Rasmussen\n").await;
    house.enrol().await;
    assert!(house.run("3").await);
    let account = house.account("2").await.id;
    redact::redact(&house.engine.context, "test", account).await.unwrap();
    assert_eq!(house.count("select count(*) from screening_keys").await, 3);
    write(
        &folder,
        &[
            (1, "TARKHANOV, Boris"),
            (2, "MENDES FERREIRA, Carlos"),
            (3, "RASMUSSEN, Hedvig"),
            (4, "LINDQVIST, Anna"),
        ],
    );
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, ["3"]);
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_process_with_an_older_version_waits_and_what_it_had_under_way_is_repeated(pool: PgPool) {
    let (mut house, folder) = house(&pool, "behind", &[(1, "TARKHANOV, Boris")]).await;
    let mut first = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut first).await;
    let other = process(&house.engine, &folder).await;
    let mut second = Watch::new(other.clone());
    second.look().await.unwrap();
    let provider = Arc::clone(&other.plan.providers[0].provider);
    assert!(!provider.is_behind());

    // What the other process has under way rests on the version before.
    let newest = std::mem::replace(&mut house.engine, other.clone());
    let under_way = house.perform(house.due("2").await).await;
    house.engine = newest;
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]);
    house.clock.advance(Duration::from_mins(2));
    first.look().await.unwrap();
    assert_eq!(house.woken().await, [] as [String; 0], "nobody was looked for yet");
    assert_eq!(record::commit(&other, &[under_way], false).await.unwrap(), [true], "it is evidence");
    assert_eq!(house.woken().await, ["2"], "and is no answer");
    assert!(provider.is_behind(), "nothing else is begun with that version");
    second.look().await.unwrap();
    assert!(!provider.is_behind(), "it looks at its source out of turn");
    assert!(house.run("2").await);
    assert_eq!(house.states("2").await, ["open"]);
    assert_eq!(house.count("select max(number) from list_versions").await, 2, "one version, one number");
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_version_from_before_the_start_is_compared_with_nothing_and_all_are_screened(pool: PgPool) {
    let (mut house, folder) = house(&pool, "restart", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2"], &mut watch).await;
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]);
    house.engine = process(&house.engine, &folder).await;
    let mut watch = Watch::new(house.engine.clone());
    house.changed(&mut watch).await;
    let now = house.now();
    for (reference, due) in [("1", true), ("2", true), ("3", true)] {
        assert_eq!(house.due(reference).await.at <= now, due, "{reference}");
    }
    let told = rescreen::list(&house.engine.context, 1).await.unwrap().rescreens;
    assert_eq!(
        (told[0].complete, told[0].monitors),
        (true, 2),
        "the others never ran: they are due as they are"
    );
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn keys_are_made_for_accounts_that_had_none_and_until_then_all_are_screened(pool: PgPool) {
    let (house, folder) = house(&pool, "unkeyed", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.import(ACCOUNTS).await;
    house.enrol().await;
    watch.look().await.unwrap();
    house.finish(Rescreens::new(house.engine.clone())).await;
    assert!(house.run("3").await);
    sqlx::query("delete from screening_keys").execute(&house.pool).await.unwrap();
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]);
    house.changed(&mut watch).await;
    let told = rescreen::list(&house.engine.context, 1).await.unwrap().rescreens;
    assert_eq!((told[0].complete, told[0].monitors), (true, 1));
    house.finish(Keys::new(house.engine.clone())).await;
    assert_eq!(house.count("select count(*) from screening_keys").await, 4);
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_asks_for_it_has_a_schedule_run_once_more(pool: PgPool) {
    let (house, folder) = house(&pool, "asked", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    let context = &house.engine.context;
    let refused = rescreen::ask(context, "test", &["weekly".to_owned()], false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no schedule \"weekly\"; there are: daily, reports/elsewhere, reports/watchlist"
    );
    rescreen::ask(context, "test", &["daily".to_owned()], false).await.unwrap();
    house.finish(Rescreens::new(house.engine.clone())).await;
    let now = house.now();
    for reference in ["1", "2", "3", "4"] {
        assert!(house.due(reference).await.at <= now);
    }
    assert!(house.events().await.contains(&"rescreen.asked".to_owned()));
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_process_that_is_gone_ran_with_an_older_version_is_run_again(pool: PgPool) {
    let (house, folder) = house(&pool, "debt", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]);
    house.changed(&mut watch).await;
    assert!(house.run("2").await);
    let gone = "insert into list_debts values ('none', '01890a5d-ac96-774b-bcce-b302099a8057', 1, now())";
    sqlx::query(gone).execute(&house.pool).await.unwrap();
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, ["2"], "whom the changes since its version concern");
    assert_eq!(house.count("select count(*) from list_debts").await, 0);
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_edit_that_a_change_of_a_list_overtook_is_screened_once_more(pool: PgPool) {
    let (house, folder) = house(&pool, "overtaken", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    // It runs with the list as it was, and is found by what it held before: enrolment has not seen it yet.
    house.import("reference_id,type,name\n3,individual,Hedvig Rasmussen\n").await;
    assert!(house.run("3").await);
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "RASMUSSEN, Hedvig")]);
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, [] as [String; 0]);
    house.enrol().await;
    assert_eq!(house.woken().await, ["3"]);
    assert!(house.run("3").await);
    assert_eq!(house.states("3").await, ["open"]);
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_that_gained_a_list_is_screened_whole_and_one_that_screens_other_fields_loses_its_keys(
    pool: PgPool,
) {
    let (mut house, folder) = house(&pool, "gained", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    // As if it had not been of the schedule's provider until now.
    sqlx::query("delete from schedule_lists").execute(&house.pool).await.unwrap();
    house.engine = process(&house.engine, &folder).await;
    house.changed(&mut Watch::new(house.engine.clone())).await;
    let told = rescreen::list(&house.engine.context, 10).await.unwrap().rescreens;
    assert_eq!((told.len(), told[0].reason.as_str(), told[0].monitors), (1, "list-added", 4));

    let built = "select count(*) from key_builds where finished_at is not null";
    assert_eq!(house.count(built).await, 1);
    let same = "update account_types set definition = definition || '{\"default-status\": \"active\"}'";
    sqlx::query(same).execute(&house.pool).await.unwrap();
    assert_eq!(house.count(built).await, 1, "the same is screened");
    let other = "update account_types set definition = jsonb_set(definition, '{screened,countries}', '[\"nowhere\"]')";
    sqlx::query(other).execute(&house.pool).await.unwrap();
    assert_eq!(house.count(built).await, 0);
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_makes_an_entity_nobody_elses_concerns_those_who_have_a_hit_of_it_alone(pool: PgPool) {
    let (house, folder) = house(&pool, "programs", &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    assert_eq!(
        (house.states("1").await, house.states("2").await),
        (vec!["open".to_owned()], vec!["open".to_owned()])
    );

    let file = folder.join("sdn.csv");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, before.replacen("\"X\"", "\"Y\"", 1)).unwrap();
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, ["1"]);
    assert_eq!(house.count("select count(*) from rescreens where cardinality(tokens) > 0").await, 0);
    assert!(house.run("1").await);
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_is_paused_or_archived_while_a_list_changes_is_screened_when_that_ends(pool: PgPool) {
    let (house, folder) = house(&pool, "paused", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    let context = &house.engine.context;
    for reference in ["2", "3"] {
        pause::pause_account(context, "operator", reference, None).await.unwrap();
    }
    retire::archive(context, "operator", house.account("4").await.id).await.unwrap();
    house.enrol().await;

    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]);
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, [] as [String; 0]);
    for reference in ["2", "3"] {
        pause::resume_account(context, "operator", reference).await.unwrap();
    }
    retire::restore(context, "operator", house.account("4").await.id).await.unwrap();
    house.enrol().await;
    assert!(house.due("2").await.at <= house.now(), "it missed a change that may concern it");
    assert!(house.due("3").await.at > house.now(), "nothing changed that concerns it: it keeps its place");
    assert!(house.due("4").await.at <= house.now(), "who is restored is screened");
    fs::remove_dir_all(folder).unwrap();
}
