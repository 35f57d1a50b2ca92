//! What another threshold would find, against what is recorded; and what a threshold that changes does to decisions.

use std::sync::Arc;

use sqlx::PgPool;
use watchkeeper::{
    actions::what_if::{self, Change, Difference, Screen, Told},
    domain::{answer::Finding, subject::SubjectKind},
};

use crate::fixtures::{DAILY, House, Reply, finding};

/// A finding that scores so much.
fn scoring(entity: &str, score: f64) -> Finding {
    finding(entity, "SDGT", score)
}

/// Everybody is screened by `found`, as another matching would.
async fn compared(
    house: &House,
    found: impl Fn(&str) -> Vec<Finding> + Send + Sync + 'static,
) -> (what_if::WhatIf, Vec<Difference>) {
    let screen: Screen = Arc::new(move |subject| found(subject.names[0].reveal()));
    let mut differences = Vec::new();
    let told = what_if::what_if(&house.engine.context, "daily", SubjectKind::Person, &screen, |told| {
        if let Told::Difference(difference) = told {
            differences.push(difference.clone());
        }
    });
    (told.await.unwrap(), differences)
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn hits_that_would_be_gained_and_lost_are_told_and_nothing_is_recorded(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house
        .import("reference_id,type,name\n1,individual,Anna Berg\n2,individual,Boris Tarkhanov\n3,individual,Carl Dahl\n")
        .await;
    house.enrol().await;
    house.scripted.reply_about("Anna Berg", Reply::Found(vec![scoring("e1", 0.9), scoring("e2", 0.8)]));
    house.scripted.reply_about("Boris Tarkhanov", Reply::Found(vec![scoring("e3", 0.86)]));
    for reference in ["1", "2"] {
        assert!(house.run(reference).await);
    }
    let dismissed = house.account("2").await.hits[0].id;
    house.decide(&dismissed).await;
    let before = (house.events().await.len(), house.count("select count(*) from whole_runs").await);

    let (told, differences) = compared(&house, |name| match name {
        "Anna Berg" => vec![scoring("e1", 0.9), scoring("e9", 0.95)],
        _ => Vec::new(),
    })
    .await;
    assert_eq!((told.screened, told.never_answered, told.kept, told.gained), (2, 1, 1, 1));
    assert_eq!((told.cleared_reports, told.newly_hit_reports), (1, 0));
    let of = |change: Change| -> Vec<(&str, Option<&str>)> {
        let all = differences.iter().filter(|one| one.change == change);
        let mut all: Vec<_> = all.map(|one| (one.entity.as_str(), one.recorded_state)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(of(Change::Gained), [("e9", None)]);
    assert_eq!(of(Change::Lost), [("e2", Some("open")), ("e3", Some("dismissed"))]);
    assert_eq!(told.lost.values().sum::<u64>(), 2);
    let after = (house.events().await.len(), house.count("select count(*) from whole_runs").await);
    assert_eq!(before, after, "nothing is recorded");
    let nobody: Screen = Arc::new(|_| Vec::new());
    let context = &house.engine.context;
    let unknown = what_if::what_if(context, "weekly", SubjectKind::Person, &nobody, |_| {});
    assert!(unknown.await.is_err(), "there is no such schedule");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_threshold_that_changes_reopens_nothing_that_was_decided(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["1"]).await;
    house.enrol().await;
    house.scripted.find(&[scoring("e1", 0.86)]);
    assert!(house.run("1").await);
    let hit = house.account("1").await.hits[0].id;
    house.decide(&hit).await;
    // The threshold rises above the score: runs find it no longer. Then it falls again, and the score is another.
    house.scripted.find(&[]);
    assert!(house.run("1").await);
    assert_eq!(house.account("1").await.hits[0].state, "gone");
    let told = house.events().await.len();
    house.scripted.find(&[scoring("e1", 0.9)]);
    assert!(house.run("1").await);
    assert_eq!(house.account("1").await.hits[0].state, "dismissed");
    let alerts = house.events().await.split_off(told);
    assert!(!alerts.iter().any(|kind| kind.ends_with(".matched")), "{alerts:?}");
}
