//! Enrolment: every account that a schedule selects has a monitor, and no other has.

use chrono::TimeDelta;
use sqlx::PgPool;
use watchkeeper::actions::decide::{self, Decision};
use watchkeeper::engine::{
    enrol::Enrol,
    task::{Activation, Task},
};

use crate::fixtures::{DAILY, House, finding};

/// Accounts of two types, of some statuses, tags and fields.
const PEOPLE: &str = "reference_id,type,name,status,tags,risk_rating,score,markets,country
a,individual,Test A,active,onboarded,high,1,de;at,DE
b,individual,Test B,under-review,onboarded;test,low,2,at,AT
c,individual,Test C,blocked,,high,2,,FR
d,individual,Test D,active,other;test,,,de;at,DE
e,business,Test E,active,onboarded,,,,DE
";

/// The accounts that have an active monitor, by reference id.
async fn watched(house: &House) -> String {
    let references = house.texts(
        "select reference_id from monitors join accounts using (shard, account_id)
         where state = 'active' order by reference_id",
    );
    references.await.concat()
}

fn schedule(accounts: &str) -> String {
    format!("[schedules.daily]\ntemplate = \"watchlist\"\nevery = \"1d\"\naccounts = {{ {accounts} }}\n")
}

/// An active monitor has a due row, and no other has.
async fn assert_sound(house: &House) {
    let unsound = house.count(
        "select count(*) from monitors full join monitor_due using (shard, monitor_id)
         where (state = 'active') is distinct from (slot is not null)",
    );
    assert_eq!(unsound.await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_selects_by_type_status_tags_and_plain_fields(pool: PgPool) {
    let mut house = House::new(&pool, "").await;
    house.import(PEOPLE).await;
    for (accounts, expected) in [
        (r#"types = ["individual"]"#, "abcd"),
        (r#"types = ["individual", "business"]"#, "abcde"),
        (r#"types = ["individual"], statuses = ["active", "blocked"]"#, "acd"),
        (r#"types = ["individual"], tags-any = ["onboarded"]"#, "ab"),
        (r#"types = ["individual"], tags-any = ["onboarded", "other"]"#, "abd"),
        (r#"types = ["individual"], tags-none = ["test"]"#, "ac"),
        (r#"types = ["individual"], tags-any = ["onboarded"], tags-none = ["test", "other"]"#, "a"),
        (r#"types = ["individual"], tags-any = ["nobody-has-it"]"#, ""),
        (r#"types = ["individual"], fields = { risk_rating = ["high"] }"#, "ac"),
        (r#"types = ["individual"], fields = { risk_rating = ["high", "low"] }"#, "abc"),
        (r#"types = ["individual"], fields = { score = [2] }"#, "bc"),
        (r#"types = ["individual"], fields = { markets = ["at"] }"#, "abd"),
        (r#"types = ["individual"], fields = { markets = ["fr", "de"] }"#, "ad"),
        (r#"types = ["individual"], fields = { risk_rating = ["high"], score = [2] }"#, "c"),
        (r#"types = ["individual", "business"], fields = { country_code = ["DE", "FR"] }"#, "acde"),
        (
            r#"types = ["individual"], statuses = ["active"], tags-none = ["test"], fields = { score = [1, 2] }"#,
            "a",
        ),
    ] {
        house.configure(&schedule(accounts)).await;
        house.enrol().await;
        assert_eq!(watched(&house).await, expected, "{accounts}");
        assert_sound(&house).await;
    }
    // However often the selection changed, there is one monitor an account and schedule.
    assert_eq!(house.count("select count(*) from monitors").await, 5);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_changed_schedule_ends_and_makes_monitors_and_an_unchanged_one_walks_no_more(pool: PgPool) {
    let mut house = House::new(&pool, &schedule(r#"types = ["individual"], statuses = ["active"]"#)).await;
    house.import(PEOPLE).await;
    house.enrol().await;
    assert_eq!(watched(&house).await, "ad");
    let changed = schedule(
        r#"types = ["individual"], statuses = ["under-review", "active"], tags-any = ["onboarded"]"#,
    );
    house.configure(&changed).await;
    house.enrol().await;
    assert_eq!(watched(&house).await, "ab");
    assert_sound(&house).await;
    let ended = house.texts(
        "select reference_id || ' ' || state || ' ' || state_reason
         from monitors join accounts using (shard, account_id) where state <> 'active'",
    );
    assert_eq!(ended.await, ["d ended not-selected"]);

    house.configure(&changed).await;
    assert_eq!(house.count("select count(*) from schedules where enrol_shard is not null").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_removed_schedule_pauses_its_monitors_and_takes_them_up_when_it_is_back(pool: PgPool) {
    let mut house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.run("p1").await;
    let before = house.due("p1").await;
    house.configure("").await;
    house.enrol().await;
    assert_eq!(watched(&house).await, "");
    assert_sound(&house).await;
    assert_eq!(
        house.texts("select distinct state || ' ' || state_reason from monitors").await,
        ["paused schedule-removed"]
    );
    assert_eq!(house.count("select count(*) from schedules where removed_at is not null").await, 1);

    house.configure(DAILY).await;
    house.enrol().await;
    assert_eq!(watched(&house).await, "p1p2");
    assert_sound(&house).await;
    assert_eq!(house.count("select count(*) from schedules where removed_at is not null").await, 0);
    let after = house.due("p1").await;
    assert_eq!(after.monitor, before.monitor);
    assert!(after.slot > before.slot && after.at <= house.now(), "{after:?}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn slot_numbers_never_come_back_after_an_end_and_a_return(pool: PgPool) {
    let house = House::new(&pool, &schedule(r#"types = ["individual"], statuses = ["active"]"#)).await;
    house.people(&["p1"]).await;
    let mut highest = -1;
    for _ in 0..3 {
        let begins = house.due("p1").await.slot;
        assert!(begins > highest, "{begins} is above {highest}");
        house.run("p1").await;
        house.run("p1").await;
        // The slot of the due row that goes may be under way: it is used up too.
        highest = house.due("p1").await.slot;
        house.import("reference_id,type,status\np1,individual,closed\n").await;
        house.enrol().await;
        assert_eq!(house.all_due("p1").await, []);
        house.import("reference_id,type,status\np1,individual,active\n").await;
        house.enrol().await;
    }
    let repeated = house.count("select count(*) - count(distinct slot) from runs");
    assert_eq!((repeated.await, house.count("select count(*) from runs").await), (0, 6));
    assert_eq!(house.count("select count(*) from monitors").await, 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_tag_moves_its_account_in_and_out_within_one_activation(pool: PgPool) {
    let text = schedule(r#"types = ["individual"], tags-any = ["in"], tags-none = ["out"]"#);
    let house = House::new(&pool, &text).await;
    house.people(&["p1", "p2"]).await;
    assert_eq!(watched(&house).await, "");
    let mut enrol = Enrol::new(house.engine.clone());
    assert_eq!(enrol.activate().await.unwrap(), Activation::Done);

    house.import("reference_id,type,tags\np1,individual,in\n").await;
    enrol.activate().await.unwrap();
    assert_eq!(watched(&house).await, "p1");
    house.import("reference_id,type,tags\np1,individual,out\n").await;
    enrol.activate().await.unwrap();
    assert_eq!(watched(&house).await, "");
    assert_sound(&house).await;
    assert_eq!(enrol.activate().await.unwrap(), Activation::Done);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_new_account_is_urgent_and_due_at_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&[]).await;
    house.people(&["p1", "p2"]).await;
    assert_eq!(house.texts("select reason from wakeups").await, ["new-account", "new-account"]);
    assert_eq!(house.due("p1").await.at, house.now());
    assert_eq!(house.due("p2").await.at, house.now());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn accounts_that_were_there_before_their_schedule_are_a_backfill_at_its_rate(pool: PgPool) {
    let mut house = House::new(&pool, "").await;
    house.people(&["p1", "p2", "p3", "p4", "p5"]).await;
    house.configure(&DAILY.replace("every", "backfill-per-second = 2\nevery")).await;
    house.enrol().await;

    assert_eq!(house.count("select count(*) from wakeups").await, 0);
    let mut first: Vec<TimeDelta> = Vec::new();
    for reference in ["p1", "p2", "p3", "p4", "p5"] {
        first.push(house.due(reference).await.at - house.now());
    }
    first.sort();
    assert_eq!(first, [0, 500, 1000, 1500, 2000].map(TimeDelta::milliseconds));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_large_import_is_a_backfill_behind_the_one_before(pool: PgPool) {
    let house = House::new(&pool, &DAILY.replace("every", "backfill-per-second = 100\nevery")).await;
    house.enrol().await;
    for import in ["a", "b"] {
        let references: Vec<String> = (0..600).map(|number| format!("{import}{number}")).collect();
        house.people(&references.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
    // No second has more first runs than the rate.
    let seconds: Vec<(i32, i64)> = sqlx::query_as(
        "select floor(extract(epoch from next_run_at - $1))::integer as second, count(*)
         from monitor_due group by second order by second",
    )
    .bind(house.now())
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(seconds, (0..12).map(|second| (second, 100)).collect::<Vec<_>>());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn another_provider_moves_the_due_rows_to_its_lane_and_leaves_the_rest_of_them(pool: PgPool) {
    let mut house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.run("p1").await;
    let lanes = [house.engine.plan.providers[0].lane, house.engine.plan.providers[1].lane];
    assert_ne!(lanes[0], lanes[1]);
    let before = [house.due("p1").await, house.due("p2").await];
    let lane_of_all = async |house: &House| -> Vec<i16> {
        sqlx::query_scalar("select distinct lane from monitor_due").fetch_all(&house.pool).await.unwrap()
    };
    assert_eq!(lane_of_all(&house).await, [lanes[0]]);
    house.configure(&DAILY.replace("watchlist\"\nevery", "elsewhere\"\nevery")).await;
    house.enrol().await;

    assert_eq!(lane_of_all(&house).await, [lanes[1]]);
    assert_eq!([house.due("p1").await, house.due("p2").await], before);
    assert_eq!(house.other.calls().len(), 0);
    house.run("p1").await;
    assert_eq!(house.other.calls().len(), 1);
}

fn holding(accounts: &str) -> String {
    DAILY
        .replace("status-from", "mode = \"hold\"\nstatus-from")
        .replace(r#"types = ["individual"]"#, accounts)
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_held_monitor_stays_held_when_its_schedule_goes_and_comes_back(pool: PgPool) {
    let text = holding(r#"types = ["individual"]"#);
    let mut house = House::new(&pool, &text).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    house.configure("").await;
    house.enrol().await;
    house.configure(&text).await;
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors[0].state, "held");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_held_monitor_whose_own_match_took_its_account_out_of_the_selection_ends_once_confirmed(
    pool: PgPool,
) {
    let house = House::new(&pool, &holding(r#"types = ["individual"], statuses = ["active"]"#)).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    house.enrol().await;
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.monitors[0].state), ("under-review", "held"));
    let hit = account.hits[0].id;
    decide::decide(&house.engine.context, "ann", hit, Decision::Confirmed, None).await.unwrap();
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors[0].state, "ended");
    // Who finds that it is somebody else has the schedule take back what it set, and select the account again.
    decide::decide(&house.engine.context, "ann", hit, Decision::Dismissed, None).await.unwrap();
    house.enrol().await;
    let account = house.account("p1").await;
    assert_eq!((account.status.as_str(), account.monitors[0].state), ("active", "active"));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_held_monitor_is_taken_up_when_its_last_open_hit_is_decided(pool: PgPool) {
    let house = House::new(&pool, &holding(r#"types = ["individual"]"#)).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9), finding("e:2", "B", 0.9)]);
    house.run("p1").await;
    let hits = house.account("p1").await.hits;
    house.decide(&hits[0].id).await;
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors[0].state, "held");
    house.decide(&hits[1].id).await;
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors[0].state, "active");
    assert_eq!(house.texts("select reason from wakeups").await, ["resumed"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_that_is_back_ends_the_monitors_of_accounts_that_left_its_selection(pool: PgPool) {
    let text = schedule(r#"types = ["individual"], statuses = ["active"]"#);
    let mut house = House::new(&pool, &text).await;
    house.people(&["p1"]).await;
    house.configure("").await;
    house.enrol().await;
    house.import("reference_id,type,status\np1,individual,closed\n").await;
    house.configure(&text).await;
    house.enrol().await;
    assert_eq!(house.account("p1").await.monitors[0].state, "ended");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_monitor_that_is_taken_up_finds_that_its_hits_are_gone(pool: PgPool) {
    let mut house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.run("p1").await;
    house.scripted.find(&[]);
    house.run("p2").await;
    house.configure("").await;
    house.enrol().await;
    house.configure(DAILY).await;
    house.enrol().await;
    house.run("p1").await;
    house.run("p2").await;
    let account = house.account("p1").await;
    assert_eq!(account.hits[0].state, "gone");
    assert_eq!((account.status.as_str(), account.tags.len()), ("active", 0));
    assert_eq!(house.count("select count(*) from runs where changed").await, 2, "p2 was clear all along");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_schedule_that_became_more_frequent_counts_from_now(pool: PgPool) {
    let every = |interval: &str| DAILY.replace("every = \"1d\"", &format!("every = \"{interval}\""));
    let mut house = House::new(&pool, &every("300d")).await;
    house.people(&["p1", "p2"]).await;
    house.run("p1").await;
    let first = house.due("p2").await;
    house.configure(&every("1h")).await;
    house.enrol().await;
    let due = house.due("p1").await;
    assert!(due.at > house.now() && due.at <= house.now() + TimeDelta::hours(1), "{}", due.at);
    assert_eq!(house.due("p2").await.at, first.at, "a first run keeps its place");

    house.configure(&every("300d")).await;
    house.enrol().await;
    assert_eq!(house.due("p1").await.at, due.at, "nothing is put off");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_engine_of_an_older_configuration_leaves_the_walk_of_a_new_schedule_to_those_who_know_it(
    pool: PgPool,
) {
    let mut house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let older = house.engine.clone();
    let weekly = DAILY.replace("daily", "weekly").replace("1d", "7d");
    house.configure(&format!("{DAILY}{weekly}")).await;
    // It has not heard of the change yet: another process, or this one before it has drained.
    let mut enrol = Enrol::new(older);
    while enrol.activate().await.unwrap() == Activation::More {}
    house.import("reference_id,type,name\np3,individual,Test Person-p3\n").await;
    while enrol.activate().await.unwrap() == Activation::More {}
    house.enrol().await;
    let of_weekly = "select count(*) from monitors join schedules using (schedule_id) where name = 'weekly'";
    assert_eq!(house.count(of_weekly).await, 3);
}
