//! What changes at the moment of a redaction: the object is judged as it is once nobody else can change it, and locks are
//! taken in the order in which everybody takes them.

use sqlx::{PgConnection, PgPool};
use watchkeeper::{
    actions::{ActionError, inquiries, reports, transactions},
    domain::id::{InquiryId, MonitorId},
    store::{pauses, redactions},
};

use super::{
    held::{PAYMENTS, consolidate, payment, refused},
    *,
};
use crate::fixtures::{DAILY, until};

/// Comes when a statement of the test's database waits for a lock.
async fn until_blocked(house: &House) {
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    until("a statement waits for a lock", async || house.count(waiting).await == 1).await;
}

/// Makes a change, which is committed only once `redact` waits for it. Returns what that came to.
async fn redact_beside<T>(
    house: &House,
    change: &str,
    redact: impl Future<Output = Result<T, ActionError>>,
) -> Result<T, ActionError> {
    let mut other = house.pool.begin().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(change.to_owned())).execute(&mut *other).await.unwrap();
    let commit = async {
        until_blocked(house).await;
        other.commit().await.unwrap();
    };
    tokio::join!(redact, commit).0
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_changes_while_it_is_redacted_by_hand_is_judged_as_it_is_then(pool: PgPool) {
    let laws = [
        policy("payments", "transaction", "keep", "3d", "from = \"last-activity\""),
        policy("inquiries", "inquiry", "keep", "3d", "from = \"last-activity\""),
    ];
    let house = House::new(&pool, &format!("{DAILY}{KYC}{PAYMENTS}{}", laws.concat())).await;
    let client = Client::start(&house).await;
    house.people(&["p1"]).await;
    let paid = payment(&house, &client).await;
    let of_account: InquiryId = inquiry(&client, id(&house, "p1").await).await.parse().unwrap();
    let template = InquiryTemplate::id_of("kyc").to_string();
    let body = json!({ "data": { "attributes": { "inquiry-template-id": template } }, "meta": { "auto-create-account": false } });
    let lone: InquiryId = client.post("/inquiries", &body).await.expect(201).id().parse().unwrap();
    house.clock.advance(DAY * 4);
    let now = house.now().to_rfc3339();
    let context = &house.engine.context;

    let change = format!("update transactions set updated_at = '{now}'");
    let text = refused(redact_beside(&house, &change, transactions::redact(context, "test", paid)).await);
    assert!(text.starts_with("the retention policy payments keeps it until"), "{text}");
    for inquiry in [of_account, lone] {
        let change = format!("update inquiries set updated_at = '{now}' where inquiry_id = '{}'", inquiry.0);
        let text = refused(redact_beside(&house, &change, inquiries::redact(context, "test", inquiry)).await);
        assert!(text.starts_with("the retention policy inquiries keeps it until"), "{text}");
    }
    house.clock.advance(DAY * 4);
    transactions::redact(context, "test", paid).await.unwrap();
    for inquiry in [of_account, lone] {
        inquiries::redact(context, "test", inquiry).await.unwrap();
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_report_is_redacted_with_its_whole_family_locked_in_order(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let mut family = [id(&house, "p1").await, id(&house, "p2").await];
    family.sort_unstable_by_key(|account| (account.shard(), *account));
    let [first, last] = family;
    let (into, source) = if last == id(&house, "p1").await { ("p1", "p2") } else { ("p2", "p1") };
    consolidate(&house, into, source).await;
    let report: MonitorId = house
        .texts("select monitor_id::text from monitors where state <> 'ended'")
        .await
        .first()
        .map(|id| MonitorId(id.parse().unwrap()))
        .unwrap();
    let mut other = house.pool.begin().await.unwrap();
    lock(&mut other, first).await.unwrap();
    let context = &house.engine.context;
    let look = async {
        until_blocked(&house).await;
        // It waits for the first, and does not hold the last meanwhile.
        let mut third = house.pool.begin().await.unwrap();
        lock(&mut third, last).await.expect("nobody holds it");
        third.rollback().await.unwrap();
        other.commit().await.unwrap();
    };
    let (redacted, ()) = tokio::join!(reports::redact(context, "test", report), look);
    redacted.unwrap();
}

async fn lock(conn: &mut PgConnection, account: AccountId) -> Result<(), sqlx::Error> {
    let statement = "select from accounts where account_id = $1 for no key update nowait";
    sqlx::query(statement).bind(account.0).execute(conn).await.map(drop)
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_sweep_redacts_together_is_told_of_each_with_its_own_key_and_looked_at_once(pool: PgPool) {
    let policies = [
        policy("inquiries", "inquiry", "redact", "2d", "from = \"creation\""),
        policy("reports", "report", "redact", "2d", "from = \"creation\""),
    ];
    let house = House::new(&pool, &format!("{DAILY}{KYC}{}", policies.concat())).await;
    let client = Client::start(&house).await;
    house.people(&["p1", "p2"]).await;
    for person in ["p1", "p1", "p2"] {
        inquiry(&client, id(&house, person).await).await;
    }
    house.clock.advance(DAY * 2);
    sweep(&house).await;
    let told = "select count(*) from events
                where kind = 'inquiry.redacted' and detail ->> 'policy' = 'inquiries' and detail -> 'counts' is not null
                  and jsonb_array_length(detail -> 'keys') = 1 and detail -> 'keys' -> 0 ->> 0 = object_id::text";
    assert_eq!(house.count(told).await, 3);
    assert_eq!(house.count("select count(*) from inquiries where redacted_at is null").await, 0);
    let reports = "select count(*) from events where kind = 'report.redacted' and object_id is not null";
    assert_eq!(house.count(reports).await, 2);
    assert_eq!(house.count("select count(*) from retention_queue").await, 0);
    assert_eq!(house.count("select count(*) from retention_due").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_answers_that_go_with_an_account_are_counted(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1"]).await;
    house.run("p1").await;
    sqlx::query("update runs set sealed_content = '\\x00'").execute(&pool).await.unwrap();
    let kept = house.count("select count(*) from runs").await;
    let account = id(&house, "p1").await;
    let mut transaction = house.engine.context.store.transaction().await.unwrap();
    pauses::lock_shared(&mut transaction).await.unwrap();
    let answers = redactions::save_reports(&mut transaction, &[account], house.now()).await.unwrap();
    assert!(kept > 0);
    assert_eq!(answers.get(&account), Some(&kept));
}
