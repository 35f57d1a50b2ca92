//! What people see of rescreens: who has still to run, and which hits a change of a list brought, and how fast.

use std::{fs, time::Duration};

use sqlx::PgPool;
use watchkeeper::{
    actions::rescreen::{self, Brought, RescreenRow, Wanted},
    domain::monitor::Trigger,
    engine::{lists::Watch, rescreen::Rescreens},
};

use super::{house, process, write};
use crate::fixtures::{Client, House};

impl House {
    /// The newest rescreen, and how many monitors wait of all.
    async fn newest(&self) -> (RescreenRow, i64) {
        let mut told = rescreen::list(&self.engine.context, 1).await.unwrap();
        (told.rescreens.remove(0), told.waiting)
    }

    /// Runs an account because a list changed, so many seconds later.
    async fn run_for_list(&self, reference: &str, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        let finished = self.perform_for(self.due(reference).await, Trigger::ListChange).await;
        assert_eq!(self.record(&[finished]).await, [true]);
    }

    async fn brought(&self) -> Brought {
        let (newest, _) = self.newest().await;
        rescreen::brought(&self.engine.context, newest.id, 100).await.unwrap()
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn those_that_wait_for_their_turn_among_routine_work_are_counted_until_they_ran(pool: PgPool) {
    let (mut house, folder) = house(&pool, "waiting", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    let ask = async |house: &House| {
        rescreen::ask(&house.engine.context, "test", &["daily".to_owned()], false).await.unwrap();
        house.finish(Rescreens::new(house.engine.clone())).await;
    };
    ask(&house).await;
    let (asked, waiting) = house.newest().await;
    assert!(asked.finished_at.is_some(), "all are due");
    assert_eq!((asked.monitors, asked.waiting, waiting), (4, 4, 4), "and none ran");
    assert!(house.run("1").await && house.run("2").await);
    let (asked, waiting) = house.newest().await;
    assert_eq!((asked.monitors, asked.waiting, waiting), (4, 2, 2));
    assert!(house.run("3").await && house.run("4").await);
    let (asked, waiting) = house.newest().await;
    assert_eq!((asked.waiting, waiting), (0, 0));

    // Nobody knows the difference: all run.
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana")]);
    house.engine = process(&house.engine, &folder).await;
    let mut watch = Watch::new(house.engine.clone());
    house.changed(&mut watch).await;
    let (complete, waiting) = house.newest().await;
    assert_eq!((complete.complete, complete.waiting, waiting), (true, 4, 4));
    for reference in ["1", "2", "3", "4"] {
        assert!(house.run(reference).await);
    }

    // A difference: who it concerns is urgent, and counted once.
    write(&folder, &[(1, "TARKHANOV, Boris"), (2, "LINDQVIST, Ana"), (3, "VOLKOVA, Yekaterina")]);
    house.changed(&mut watch).await;
    let (urgent, waiting) = house.newest().await;
    assert_eq!((urgent.complete, urgent.waiting, waiting), (false, 1, 1));
    ask(&house).await;
    let (_, waiting) = house.newest().await;
    assert_eq!(waiting, 4, "one of them for both reasons");
    fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_change_of_a_list_brought_is_told_and_how_fast(pool: PgPool) {
    let (house, folder) = house(&pool, "brought", &[(1, "TARKHANOV, Boris")]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    // One comes, one goes.
    write(&folder, &[(2, "LINDQVIST, Ana")]);
    house.changed(&mut watch).await;
    assert_eq!(house.woken().await, ["1", "2"]);
    let begun_at = house.newest().await.0.created_at;
    let early = house.brought().await;
    assert_eq!((early.runs, early.last_recorded_at, early.hits.len()), (0, None, 0));
    assert_eq!(early.taken_at, Some(begun_at));

    house.run_for_list("2", 10).await;
    house.run_for_list("1", 20).await;
    // No change of a list, though against the same version.
    assert!(house.run("3").await);
    let brought = house.brought().await;
    assert_eq!((brought.runs, brought.seconds, brought.rescreen.waiting), (2, Some(30), 0));
    let told: Vec<_> = brought
        .hits
        .iter()
        .map(|one| (one.hit.reference_id.as_deref().unwrap(), one.became.as_str(), one.hit.state))
        .collect();
    assert_eq!(told, [("2", "opened", "open"), ("1", "gone", "gone")]);

    // The next version brings its own.
    write(&folder, &[(2, "LINDQVIST, Ana"), (3, "VOLKOVA, Yekaterina")]);
    house.changed(&mut watch).await;
    house.run_for_list("4", 1).await;
    let next = house.brought().await;
    assert_eq!((next.runs, next.hits.len()), (1, 1));
    let context = &house.engine.context;
    let first = rescreen::brought(context, brought.rescreen.id, 100).await.unwrap();
    assert_eq!((first.runs, first.hits.len()), (2, 2));
    let of_list =
        Wanted { list: Some("none".to_owned()), until: Some(next.rescreen.created_at), ..Wanted::default() };
    let of_list = rescreen::list_wanted(context, &of_list, 10).await.unwrap().rescreens;
    assert_eq!(of_list.iter().map(|one| one.id).collect::<Vec<_>>(), [first.rescreen.id]);

    let client = Client::start(&house).await;
    let page = client.get("/rescreens?page[size]=1").await.expect(200);
    assert_eq!(page.body["data"][0]["id"], next.rescreen.id.to_string());
    assert_eq!(
        (&page.body["data"][0]["attributes"]["added"], &page.body["meta"]["waiting"]),
        (&1.into(), &0.into())
    );
    let older = client.get(&format!("/rescreens?page[after]={}", next.rescreen.id)).await.expect(200);
    assert_eq!(older.body["data"].as_array().unwrap().len(), 1);
    let newer = client.get(&format!("/rescreens?page[before]={}", first.rescreen.id)).await.expect(200);
    assert_eq!(newer.body["data"][0]["id"], next.rescreen.id.to_string());
    let one = client.get(&format!("/rescreens/{}", first.rescreen.id)).await.expect(200);
    let brought = &one.body["data"]["attributes"]["brought"];
    assert_eq!((&brought["seconds"], &brought["hits"][1]["became"]), (&30.into(), &"gone".into()));
    assert_eq!(one.body["included"].as_array().unwrap().len(), 2);
    client.get("/rescreens/rsc_01h455vb4pex5vsknk084sn02q").await.expect(404);
    client.stop().await;
    fs::remove_dir_all(folder).unwrap();
}
