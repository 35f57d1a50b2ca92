//! The work on retention: beside others, past what is broken, and no longer than there is something to do.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        lists,
        retention::{Batch, Looked},
    },
    domain::{
        id::Shard,
        list::{Given, ListKind},
    },
    store::{self, pauses, retention as rows},
    telemetry::metrics::Form,
};

use super::*;
use crate::fixtures::{DAILY, until};

async fn batch(house: &House) -> Batch {
    retention::batch(&house.engine.context, Shard(0), None, 100).await.unwrap()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_that_cannot_be_opened_stops_no_other_and_is_told_of(pool: PgPool) {
    let rest = "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"birthdate\"]";
    let house =
        House::new(&pool, &format!("{DAILY}{}", policy("birth", "account", "redact", "1d", rest))).await;
    refresh(&house).await;
    house.import("reference_id,type,name,birthdate\np1,individual,Jane A,1990-05-21\np2,individual,Jane B,1990-05-22\n").await;
    let broken = id(&house, "p1").await;
    let swap = "update accounts set sealed_fields = set_byte(sealed_fields, 40, get_byte(sealed_fields, 40) # 1) where account_id = $1";
    sqlx::query(swap).bind(broken.0).execute(&house.pool).await.unwrap();
    // Nobody has looked at either before.
    refresh(&house).await;
    let standing = retention::standing(&house.engine.context).await.unwrap();
    assert_eq!(standing.failing, [broken.to_string()]);
    let text = house.engine.metrics.encode(Form::OpenMetrics);
    assert!(text.contains("retention_failed_total 1"), "{text}");
    assert!(house.texts("select object_kind from retention_queue").await.is_empty());
    house.clock.advance(DAY);
    sweep(&house).await;
    assert!(!house.account("p2").await.fields.contains_key("birthdate"));
    // Repaired, it goes when it is looked at again.
    sqlx::query(swap).bind(broken.0).execute(&house.pool).await.unwrap();
    refresh(&house).await;
    sweep(&house).await;
    assert!(!house.account("p1").await.fields.contains_key("birthdate"));
    assert_eq!(retention::standing(&house.engine.context).await.unwrap().failing, [""; 0]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_sweep_is_not_done_while_another_process_is_at_it(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_archive("1d"))).await;
    house.people(&["p1"]).await;
    archive(&house, "p1").await;
    house.clock.advance(DAY);
    refresh(&house).await;
    let context = &house.engine.context;
    retention::ask(context).await.unwrap();
    let mut other = context.store.transaction().await.unwrap();
    assert!(rows::lock_shard(&mut other, id(&house, "p1").await.shard()).await.unwrap());
    assert!(matches!(batch(&house).await, Batch::Busy(_)));
    let mut sweeping = Sweep::new(house.engine.clone());
    assert_eq!(sweeping.step().await.unwrap(), Step::Idle);
    assert!(retention::is_asked(context).await.unwrap(), "it is not done");
    assert_eq!(house.count("select count(swept_at) from retention_state").await, 0);
    other.commit().await.unwrap();
    assert_eq!(sweeping.step().await.unwrap(), Step::More);
    assert_eq!(sweeping.step().await.unwrap(), Step::Idle);
    assert!(!retention::is_asked(context).await.unwrap() && is_redacted(&house, "p1").await);
    assert_eq!(batch(&house).await, Batch::Done);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_sweep_gives_way_when_enrolment_is_at_work(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_archive("1d"))).await;
    house.people(&["p1"]).await;
    archive(&house, "p1").await;
    house.clock.advance(DAY);
    refresh(&house).await;
    let account = id(&house, "p1").await;
    let mut enrolment = house.engine.context.store.transaction().await.unwrap();
    pauses::lock_shared(&mut enrolment).await.unwrap();
    pauses::lock_shards_shared(&mut enrolment, &[account]).await.unwrap();
    // It would hold up all who enrol on that shard after that, as long as it waited.
    assert!(matches!(batch(&house).await, Batch::Busy(_)));
    assert!(!is_redacted(&house, "p1").await);
    enrolment.commit().await.unwrap();
    // One that is at work on other shards is in nobody's way.
    let elsewhere = AccountId(watchkeeper::domain::id::version_7(1, [7; 10], Shard(account.shard().0 ^ 1)));
    let mut enrolment = house.engine.context.store.transaction().await.unwrap();
    pauses::lock_shared(&mut enrolment).await.unwrap();
    pauses::lock_shards_shared(&mut enrolment, &[elsewhere]).await.unwrap();
    assert!(matches!(batch(&house).await, Batch::Swept(_)));
    assert!(is_redacted(&house, "p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_walk_goes_on_while_things_change(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_archive("1d"))).await;
    house.people(&["p1"]).await;
    refresh(&house).await;
    let mut transaction = house.engine.context.store.transaction().await.unwrap();
    rows::start_walk(&mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
    // There is always something on the queue when it is looked at.
    let mut looks = 0;
    while retention::standing(&house.engine.context).await.unwrap().is_incomplete {
        sqlx::query("insert into retention_queue (object_kind, shard, object_id) select 'account', shard, account_id from accounts")
            .execute(&house.pool)
            .await
            .unwrap();
        let looked = retention::refresh(&house.engine.context).await.unwrap();
        assert_eq!(looked, Looked { more: true, failed: 0 });
        looks += 1;
        assert!(looks < 10, "the walk does not end");
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn without_policies_nobody_walks_and_what_was_due_is_forgotten(pool: PgPool) {
    let mut house = House::new(&pool, &format!("{DAILY}{}", after_archive("1d"))).await;
    house.people(&["p1"]).await;
    archive(&house, "p1").await;
    refresh(&house).await;
    assert_eq!(house.count("select count(*) from retention_due").await, 1);
    house.configure(DAILY).await;
    refresh(&house).await;
    assert_eq!(house.count("select count(*) from retention_due").await, 0);
    watchkeeper::engine::upkeep::start_walks(&house.engine).await.unwrap();
    assert!(!retention::standing(&house.engine.context).await.unwrap().is_incomplete);
    // With one, the night starts a walk; and leaves one alone that is under way.
    house.configure(&format!("{DAILY}{}", after_archive("1d"))).await;
    let mut transaction = house.engine.context.store.transaction().await.unwrap();
    let place = rows::Walk {
        kind: watchkeeper::domain::retention::RetainedKind::Transaction,
        shard: Shard(7),
        after: None,
    };
    rows::save_walk(&mut transaction, Some(place)).await.unwrap();
    rows::start_repair(&mut transaction).await.unwrap();
    assert_eq!(rows::get_state(&mut transaction).await.unwrap().walk, Some(place));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn lists_are_locked_in_one_order_whatever_the_order_of_their_items(pool: PgPool) {
    let items = policy("items", "list-item", "redact", "4d", "from = \"end-of-relationship\"");
    let house = House::new(&pool, &format!("{DAILY}{items}")).await;
    let context = &house.engine.context;
    let first = lists::create(context, "test", ListKind::Strings, "first").await.unwrap().id;
    let second = lists::create(context, "test", ListKind::Strings, "second").await.unwrap().id;
    // Two items of one shard; the older one is of the list that is locked second.
    let mut made = Vec::new();
    for (place, list) in [second, first].into_iter().enumerate() {
        let given = Given { value: Some(format!("value {place}")), ..Given::default() };
        let item = lists::add_item(context, "test", (ListKind::Strings, list), &given).await.unwrap();
        lists::archive_item(context, "test", ListKind::Strings, item.id).await.unwrap();
        made.push(item.id);
    }
    let shard = "update list_items set shard = 9, list_item_id = overlay(list_item_id::text placing '09' from 35)::uuid";
    sqlx::query(shard).execute(&house.pool).await.unwrap();
    let ids = house.texts("select list_item_id::text from list_items order by list_item_id").await;
    let ids: Vec<_> = ids.iter().map(|id| watchkeeper::domain::id::ListItemId(id.parse().unwrap())).collect();
    let mut other = context.store.transaction().await.unwrap();
    store::lists::lock(&mut other, first).await.unwrap().unwrap();
    let mut sweeping = context.store.transaction().await.unwrap();
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let (locked, ()) = tokio::join!(store::lists::lock_of_items(&mut sweeping, &ids), async {
        until("the sweep waits", async || house.count(waiting).await == 1).await;
        // For the first, and has not the second yet: whoever has the first gets that.
        rows::begin_batch(&mut other).await.unwrap();
        store::lists::lock(&mut other, second).await.unwrap().unwrap();
        other.commit().await.unwrap();
    });
    locked.unwrap();
}
