//! What the row of a budget grants.

use std::time::Duration;

use sqlx::PgPool;
use watchkeeper::store::budgets::{self, Ask, LimitsRow};

use crate::fixtures::House;

/// What a process asks that has limits by a revision of the configuration.
fn ask(revision: i32, rate: f64, burst: u32) -> Ask {
    let interval = Duration::from_secs_f64(1.0 / rate);
    Ask {
        wanted: 1000,
        limits: LimitsRow { revision, rate_per_second: Some(rate), burst, per_day: None, per_month: None },
        pace: Some((interval, interval * (burst - 1))),
        ahead: Duration::from_millis(250),
        probe_every: Duration::from_secs(30),
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn processes_with_other_limits_keep_those_of_the_newest_configuration_and_forget_no_debt(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let lane = house.engine.plan.providers[0].lane;
    let mut connection = house.engine.context.store.connection().await.unwrap();
    budgets::insert_missing(&mut connection, &[lane]).await.unwrap();
    let (older, newer) = (ask(1, 1000.0, 10), ask(2, 0.01, 100));
    budgets::save_limits(&mut connection, lane, &older).await.unwrap();
    let mut grant = async |ask: &Ask| budgets::grant(&mut connection, lane, ask).await.unwrap().unwrap();
    assert_eq!(grant(&Ask { wanted: 1, ..older }).await.permits, 1);
    let mut connection = house.engine.context.store.connection().await.unwrap();
    budgets::save_limits(&mut connection, lane, &newer).await.unwrap();
    let granted = grant(&newer).await.permits;
    assert!((99..=100).contains(&granted), "{granted}");
    // Who has the older one learns of the newer, also when it starts just now; and the debt stands.
    budgets::save_limits(&mut connection, lane, &older).await.unwrap();
    let refused = grant(&older).await;
    assert_eq!((refused.permits, refused.row.limits), (0, newer.limits));
    assert_eq!(grant(&newer).await.permits, 0);

    // The hundred permits take another time to earn now, and are owed as before.
    let newest = ask(3, 50.0, 200);
    budgets::save_limits(&mut connection, lane, &newest).await.unwrap();
    let granted = grant(&newest).await.permits;
    assert!((100..190).contains(&granted), "{granted}");
    assert_eq!(grant(&newer).await.permits, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn under_a_quota_nothing_is_granted_that_could_be_used_when_the_day_is_over(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let lane = house.engine.plan.providers[0].lane;
    let mut connection = house.engine.context.store.connection().await.unwrap();
    budgets::insert_missing(&mut connection, &[lane]).await.unwrap();
    let day = Duration::from_hours(24);
    for (ahead, per_month, permits) in
        [(day, None, 1), (day, Some(10), 0), (Duration::from_millis(1), Some(10), 1)]
    {
        let limits = LimitsRow { per_month, burst: 1, ..LimitsRow::default() };
        let ask = Ask { wanted: 1, limits, pace: None, ahead, probe_every: day };
        budgets::save_limits(&mut connection, lane, &ask).await.unwrap();
        let grant = budgets::grant(&mut connection, lane, &ask).await.unwrap().unwrap();
        assert_eq!(grant.permits, permits, "{ahead:?} {per_month:?}");
    }
}
