//! A million entries: how long it takes to write, to number and to prove them. Run by hand:
//!
//! ```sh
//! target/debug/watchkeeper with-postgres -- cargo test --test it -- --ignored --nocapture a_million_entries
//! ```

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;
use watchkeeper::actions::audit::{self, Reading};

use super::verified;
use crate::fixtures::{DAILY, House};

const ENTRIES: usize = 1_000_000;

#[ignore = "takes minutes: it measures"]
#[expect(clippy::print_stdout, reason = "what was measured is what it is for")]
#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_million_entries_are_proved(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    let (mut noting, mut numbering) = (Duration::ZERO, Duration::ZERO);
    for batch in 0..ENTRIES / 10_000 {
        let entries: Vec<_> = (0..10_000)
            .map(|number| {
                let reading = Reading {
                    operation: "account.read".to_owned(),
                    objects: vec![("act", Uuid::from_u128((batch * 10_000 + number) as u128))],
                    actor: "api-key:test".to_owned(),
                    detail: json!({ "path": "/accounts/{account-id}", "count": 1 }),
                };
                audit::entry_of_reading(context, reading, house.now())
            })
            .collect();
        let began = Instant::now();
        audit::note(context, &entries).await.unwrap();
        noting += began.elapsed();
        let began = Instant::now();
        audit::settle(context).await.unwrap();
        numbering += began.elapsed();
    }
    let began = Instant::now();
    let verified = verified(&house, &[]).await;
    let proving = began.elapsed();
    println!("{ENTRIES} entries: noted in {noting:?}, numbered in {numbering:?}, proved in {proving:?}");
    assert_eq!(verified.fault, None);
    assert!(verified.entries >= 1_000_000);
}
