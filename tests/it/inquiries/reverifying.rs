//! Accounts that are to be verified again: by their last inquiry, or by a date; told of once.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use watchkeeper::{
    domain::id::AccountId,
    engine::{
        reverify::Reverify,
        storage,
        task::{Activation, Task},
    },
};

use super::{KYC, account, complete, edit, inquiry, jane, opened};
use crate::fixtures::{Client, House};

const DAY: Duration = Duration::from_hours(24);

const RULES: &str = r#"
[account-types.individual.fields.passport_expires]
type = "date"
[account-types.individual.fields.visa_expires]
type = "date"
pii = false
[reverifications.yearly]
accounts = { types = ["individual"], tags-none = ["exempt"] }
after-last-inquiry = "365d"
tags = ["reverify"]
status = "under-review"
status-from = ["active"]
[reverifications.passport]
accounts = { types = ["individual"], statuses = ["active", "under-review"] }
date-field = "passport_expires"
before-date = "30d"
[reverifications.visa]
accounts = { types = ["individual"] }
date-field = "visa_expires"
"#;

fn rules() -> String {
    format!("{KYC}{RULES}")
}

/// Looks at changed accounts, walks, and tells of those that are due, until nothing is left.
async fn work(house: &House) {
    house.enrol().await;
    let mut task = Reverify::new(house.engine.clone());
    while task.activate().await.unwrap() == Activation::More {}
}

async fn dates(client: &Client, account: AccountId) -> Vec<String> {
    let shown = client.get(&format!("/accounts/{account}/reverifications")).await.expect(200);
    let text = |one: &Value, key: &str| one["attributes"][key].as_str().unwrap().to_owned();
    let data = shown.body["data"].as_array().unwrap();
    data.iter()
        .map(|one| format!("{} {} {}", text(one, "name"), &text(one, "due-at")[..10], text(one, "status")))
        .collect()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_is_due_so_many_days_after_its_last_completed_inquiry_and_told_of_once(pool: PgPool) {
    let house = House::new(&pool, &rules()).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &jane()).await;
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await, [""; 0], "who was never verified is not due again");
    let id = inquiry(&client, jane.id).await;
    complete(&client, &id, &super::jane()).await.expect(200);
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await, ["yearly 2027-03-01 upcoming"]);

    house.clock.advance(365 * DAY);
    storage::ensure_partitions(&house.engine.context).await.unwrap();
    work(&house).await;
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await, ["yearly 2027-03-01 due"]);
    let due = opened(&house, jane.id).await;
    assert_eq!(
        (due.status.as_str(), due.tags.as_slice()),
        ("under-review", ["reverify".to_owned()].as_slice())
    );
    let told = "select detail ->> 'because' from events where kind = 'account.reverification-due'";
    assert_eq!(house.texts(told).await, ["365 days after the last completed inquiry"], "once");

    // The next completed inquiry settles it, and the date moves on.
    let id = inquiry(&client, jane.id).await;
    complete(&client, &id, &super::jane()).await.expect(200);
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await, ["yearly 2028-02-29 upcoming"]);
    assert_eq!(opened(&house, jane.id).await.tags, [""; 0]);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_is_due_before_a_date_whether_that_is_sealed_or_not(pool: PgPool) {
    let house = House::new(&pool, &rules()).await;
    let client = Client::start(&house).await;
    let values = json!({ "passport_expires": "2026-04-15", "visa_expires": "2026-12-31" });
    let jane = account(&house, "c-1", &values).await;
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await, ["passport 2026-03-16 upcoming", "visa 2026-12-31 upcoming"]);
    house.clock.advance(15 * DAY);
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await[0], "passport 2026-03-16 due");
    // A new passport: another date, told of when its time comes.
    edit(&house, jane.id, &json!({ "passport_expires": "2036-04-15" })).await;
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await[1], "passport 2036-03-16 upcoming");
    edit(&house, jane.id, &json!({ "passport_expires": null })).await;
    work(&house).await;
    assert_eq!(dates(&client, jane.id).await, ["visa 2026-12-31 upcoming"]);
    let told = "select count(*) from events where kind = 'account.reverification-due'";
    assert_eq!(house.count(told).await, 1);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_new_rule_finds_the_accounts_that_were_there_and_a_removed_one_forgets_them(pool: PgPool) {
    let fields = RULES.split("[reverifications").next().unwrap();
    let mut house = House::new(&pool, fields).await;
    let client = Client::start(&house).await;
    for number in 0..50 {
        account(&house, &format!("c-{number}"), &json!({ "passport_expires": "2026-03-20" })).await;
    }
    work(&house).await;
    house.configure(&rules()).await;
    work(&house).await;
    assert_eq!(house.count("select count(*) from account_reverifications").await, 50);
    let told = "select count(*) from events where kind = 'account.reverification-due'";
    assert_eq!(house.count(told).await, 50, "thirty days before the twentieth is past");
    house.configure(fields).await;
    work(&house).await;
    assert_eq!(house.count("select count(*) from account_reverifications").await, 0);
    house.configure(&rules()).await;
    work(&house).await;
    assert_eq!(house.count("select count(*) from account_reverifications").await, 50);
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_that_a_rule_no_longer_selects_is_not_told_of(pool: PgPool) {
    let house = House::new(&pool, &rules()).await;
    let client = Client::start(&house).await;
    let jane = account(&house, "c-1", &json!({ "passport_expires": "2026-04-15" })).await;
    work(&house).await;
    // Without the queue, as if nobody had looked at the change yet.
    sqlx::query("update accounts set status = 'closed'").execute(&pool).await.unwrap();
    house.clock.advance(60 * DAY);
    let mut task = Reverify::new(house.engine.clone());
    while task.activate().await.unwrap() == Activation::More {}
    assert_eq!(dates(&client, jane.id).await, [""; 0]);
    let told = "select count(*) from events where kind = 'account.reverification-due'";
    assert_eq!(house.count(told).await, 0);
    client.get("/accounts/act_01h455vb4pex5vsknk084sn02q/reverifications").await.expect(404);
    client.stop().await;
}
