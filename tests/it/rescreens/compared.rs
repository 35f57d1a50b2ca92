//! Who shares a key with what came to a list is compared with it, and runs if it matches.

use std::{fs, time::Duration};

use sqlx::PgPool;
use watchkeeper::{
    actions::rescreen,
    engine::{
        lists::Watch,
        rescreen::Rescreens,
        task::{Activation, Task as _},
    },
};

use super::{house, process, write};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_shares_a_key_with_what_came_and_does_not_match_it_is_compared_and_not_run(pool: PgPool) {
    let (house, folder) = house(&pool, "compared", &[]).await;
    let mut watch = Watch::new(house.engine.clone());
    house.settle(&["1", "2", "3", "4"], &mut watch).await;
    let other = process(&house.engine, &folder).await;
    Watch::new(other.clone()).look().await.unwrap();
    let newest = async || rescreen::list(&house.engine.context, 1).await.unwrap().rescreens.remove(0);

    // Few tokens, each of which is looked up.
    write(&folder, &[(1, "TARKHASHVILI, Boris")]);
    house.changed(&mut watch).await;
    let told = newest().await;
    assert_eq!((told.compared, told.accounts, told.monitors, told.complete), (1, 0, 0, false));
    assert_eq!(house.woken().await, [] as [String; 0]);

    // So many that the keys of all accounts are read.
    let many = "VOLKOVSKAYA, Ekaterina Alexandrovna Nikolaevna Konstantinovna";
    let people = [(1, "TARKHASHVILI, Boris"), (2, many), (3, "LINDQVIST, Ana"), (4, "TARKHADZE, Boris")];
    write(&folder, &people);
    house.clock.advance(Duration::from_mins(2));
    watch.look().await.unwrap();
    assert_eq!(house.count("select count(*) from rescreens where cardinality(tokens) > 1000").await, 1);

    // Who has not read the version cannot compare, and leaves it to those who have; not for ever.
    let mut elsewhere = Rescreens::new(other.clone());
    assert_eq!(elsewhere.activate().await.unwrap(), Activation::Done);
    assert_eq!(newest().await.finished_at, None);
    house.finish(Rescreens::new(house.engine.clone())).await;
    assert_eq!(house.count("select count(*) from rescreens where read_to is not null").await, 1);
    let told = newest().await;
    assert!(told.compared > told.accounts, "{told:?}");
    assert_eq!((told.accounts, told.monitors), (1, 1));
    assert_eq!(house.woken().await, ["2"]);
    assert_eq!(house.count("select count(*) from rescreen_accounts").await, 0);
    assert!(house.run("2").await);
    assert_eq!(house.states("2").await, ["open"]);

    write(&folder, &[people.as_slice(), &[(5, "TARKHANIDZE, Boris")]].concat());
    house.clock.advance(Duration::from_mins(2));
    watch.look().await.unwrap();
    assert_eq!(elsewhere.activate().await.unwrap(), Activation::Done);
    house.clock.advance(Duration::from_mins(2));
    house.finish(elsewhere).await;
    let told = newest().await;
    assert_eq!((told.compared, told.finished_at.is_some()), (0, true));
    assert_eq!(house.woken().await, ["1"], "rather one too many than one too few");
    fs::remove_dir_all(folder).unwrap();
}
