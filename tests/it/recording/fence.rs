//! The due row is the fence: of several answers to a slot one counts, and what comes late changes nothing.

use std::time::Duration;

use sqlx::PgPool;
use watchkeeper::{
    actions::{inspect, run_now},
    domain::monitor::MonitorState,
    engine::record,
    store::monitors,
};

use crate::fixtures::{DAILY, House, Reply, finding};

/// Everything but runs and due rows: what a run that does not count must leave as it is.
const ELSEWHERE: &str = "select kept::text from (
    select hits::text from hits union all
    select account_tags::text from account_tags union all
    select accounts::text from accounts union all
    select events::text from events union all
    select data_keys::text from data_keys union all
    select monitors::text from monitors union all
    select enrol_queue::text from enrol_queue
) as kept order by 1";

async fn matched(house: &House) -> watchkeeper::engine::run::Finished {
    house.scripted.find(&[finding("e:1", "A", 0.9)]);
    house.perform(house.due("p1").await).await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_second_answer_to_a_slot_is_superseded_and_changes_nothing(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let late = matched(&house).await;
    house.scripted.find(&[]);
    let first = house.perform(house.due("p1").await).await;
    assert_eq!(house.record(&[first]).await, [true]);
    let (elsewhere, due) = (house.texts(ELSEWHERE).await, house.due("p1").await);
    assert_eq!(house.record(&[late]).await, [false]);

    assert_eq!(
        house.texts("select slot || ' ' || outcome || ' ' || changed from runs order by outcome").await,
        ["0 clear false", "0 superseded false"]
    );
    assert_eq!(house.count("select count(*) from runs where sealed_content is not null").await, 0);
    assert_eq!(house.texts(ELSEWHERE).await, elsewhere);
    assert_eq!(house.due("p1").await, due);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn of_two_answers_to_a_slot_in_one_batch_one_counts(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let (one, other) = (matched(&house).await, matched(&house).await);
    let counts = house.record(&[one, other]).await;
    assert_eq!(counts.iter().filter(|counts| **counts).count(), 1, "{counts:?}");
    assert_eq!(house.texts("select outcome from runs order by outcome").await, ["match", "superseded"]);
    assert_eq!(house.due("p1").await.slot, 1);
    assert_eq!(house.count("select count(*) from hits").await, 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn of_two_answers_recorded_at_the_same_time_one_counts(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    for slot in 0..20 {
        let due = house.due("p1").await;
        assert_eq!(due.slot, slot);
        let mut ends = Vec::new();
        for entity in ["e:1", "e:2"] {
            house.scripted.find(&[finding(entity, &slot.to_string(), 0.9)]);
            ends.push([house.perform(due.clone()).await]);
        }
        let (one, other) = tokio::join!(house.record(&ends[0]), house.record(&ends[1]));
        assert_ne!(one, other, "slot {slot}");
    }
    assert_eq!(house.count("select count(*) from runs where outcome = 'match'").await, 20);
    assert_eq!(house.count("select count(*) from runs where outcome = 'superseded'").await, 20);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_reason_to_run_that_arrives_during_a_run_makes_the_monitor_due_at_once_again(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    let under_way = house.perform(house.due("p1").await).await;
    let account = inspect::find_account(&house.engine.context, "p1").await.unwrap();
    let asked = run_now::request(&house.engine.context, account.id).await.unwrap();
    assert_eq!((asked[0].slot, asked[0].at <= house.now()), (1, true));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.record(&[under_way]).await, [true], "the run is kept as evidence");

    let due = house.due("p1").await;
    assert_eq!((due.slot, due.at), (2, house.now()));
    assert_eq!(house.texts("select reason from wakeups").await, ["run-now"], "and it is still urgent");
    assert!(house.run("p1").await);
    let due = house.due("p1").await;
    assert!(due.slot == 3 && due.at > house.now());
    assert_eq!(house.count("select count(*) from wakeups").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_answer_for_a_monitor_that_ended_meanwhile_is_superseded_also_once_the_monitor_is_back(
    pool: PgPool,
) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    let due = house.due("p1").await;
    let (late, later) = (matched(&house).await, matched(&house).await);
    let mut connection = pool.acquire().await.unwrap();
    let ended = MonitorState::Ended;
    monitors::save_stopped(&mut connection, &[due.monitor], ended, "test", house.now()).await.unwrap();
    let elsewhere = house.texts(ELSEWHERE).await;
    assert_eq!(house.record(&[late]).await, [false]);
    assert_eq!(house.texts(ELSEWHERE).await, elsewhere);
    assert_eq!(house.all_due("p1").await, []);

    let lane = house.engine.plan.providers[0].lane;
    monitors::save_active(&mut connection, &[due.monitor], lane, house.now()).await.unwrap();
    let elsewhere = house.texts(ELSEWHERE).await;
    let back = house.due("p1").await;
    assert!(back.slot > due.slot, "a slot number never comes back");
    assert_eq!(house.record(&[later]).await, [false]);
    assert_eq!(house.texts(ELSEWHERE).await, elsewhere);
    assert_eq!(house.due("p1").await, back);
    assert_eq!(house.texts("select distinct outcome from runs").await, ["superseded"]);
    assert_eq!(house.count("select count(*) from runs where sealed_content is not null").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_batch_whose_commit_is_in_doubt_is_recorded_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2", "p3"]).await;
    let everything = "select kept::text from (
        select runs::text from runs union all
        select hits::text from hits union all
        select events::text from events union all
        select accounts::text from accounts union all
        select account_tags::text from account_tags union all
        select monitor_due::text from monitor_due
    ) as kept order by 1";
    let mut batch = vec![matched(&house).await];
    house.scripted.find(&[]);
    batch.push(house.perform(house.due("p2").await).await);
    house.scripted.reply(Reply::Never);
    batch.push(house.perform(house.due("p3").await).await);

    // In doubt, and it did not happen: it happens now.
    assert_eq!(record::commit(&house.engine, &batch, true).await.unwrap(), [true, true, true]);
    let after = house.texts(everything).await;
    assert_eq!(house.count("select count(*) from runs").await, 3);
    // In doubt, and it did happen: nothing more does.
    house.clock.advance(Duration::from_secs(5));
    assert_eq!(record::commit(&house.engine, &batch, true).await.unwrap(), [true, true, true]);
    assert_eq!(house.texts(everything).await, after);
    // A superseded run that is recorded is not recorded again either, and does not count.
    let late = [house.perform(house.due("p1").await).await];
    house.run("p1").await;
    assert_eq!(house.record(&late).await, [false]);
    record::commit(&house.engine, &late, true).await.unwrap();
    assert_eq!(house.count("select count(*) from runs where outcome = 'superseded'").await, 1);
}
