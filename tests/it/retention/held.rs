//! What a hold and a policy to keep reach: reports, and transactions whatever becomes of the account that they are of.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError, consolidate, redact as accounts_redact,
        relations::{self, Object},
        reports::{self, NewReport},
        retention::NewHold,
        transactions::{self, TransactionEdit},
    },
    domain::{
        id::{MonitorId, TransactionId},
        schedule::ReportTemplate,
    },
    engine::chores::Chores,
};

use super::*;
use crate::fixtures::DAILY;

pub(super) const PAYMENTS: &str = r#"
[transaction-types.payment]
statuses = ["open"]
[transaction-types.payment.fields]
note = { type = "string", pii = true }
[transaction-types.payment.relations]
payer = { target = "account", target-types = ["individual"], cardinality = "single" }
[account-types.individual.relations]
last_payment = { target = "transaction", target-types = ["payment"], cardinality = "single" }
"#;

pub(super) async fn payment(house: &House, client: &Client) -> TransactionId {
    let kind = client.get("/transaction-types").await.expect(200).ids().remove(0);
    let fields = json!({ "note": "Marksdottir" });
    let edit = TransactionEdit { fields: fields.as_object().unwrap().clone(), ..TransactionEdit::default() };
    let made = transactions::create(&house.engine.context, "test", kind.parse().unwrap(), &edit).await;
    made.unwrap().id
}

async fn hold(house: &House, reference: &str) -> watchkeeper::domain::id::HoldId {
    let new = NewHold { account: id(house, reference).await, reason: "case-1".to_owned(), until: None };
    retention::place_hold(&house.engine.context, "test", &new).await.unwrap().hold.id
}

pub(super) async fn consolidate(house: &House, destination: &str, source: &str) {
    let (destination, source) = (id(house, destination).await, id(house, source).await);
    consolidate::request(&house.engine.context, "test", destination, &[source]).await.unwrap();
    let mut chores = Chores::new(house.engine.clone());
    while chores.activate().await.unwrap() == Activation::More {}
}

pub(super) fn refused<T: std::fmt::Debug>(what: Result<T, ActionError>) -> String {
    let Err(ActionError::Conflict(text)) = what else { panic!("it was not refused: {what:?}") };
    text
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_report_is_kept_by_a_hold_and_by_a_policy_on_its_account(pool: PgPool) {
    let law = policy("aml", "account", "keep", "5y", "from = \"creation\"");
    let mut house = House::new(&pool, &format!("{DAILY}{law}")).await;
    house.people(&["p1"]).await;
    let context = house.engine.context.clone();
    let new = NewReport {
        account: id(&house, "p1").await,
        template: ReportTemplate::id_of("watchlist"),
        query: None,
    };
    let asked = reports::create(&context, "test", &new).await.unwrap();
    let scheduled: MonitorId = house.account("p1").await.monitors[0].id.parse().unwrap();
    for report in [asked, scheduled] {
        let text = refused(reports::redact(&context, "test", report).await);
        assert!(text.starts_with("the retention policy aml keeps it until"), "{text}");
    }
    // Without any policy a hold is enough.
    house.configure(DAILY).await;
    let held = hold(&house, "p1").await;
    for report in [asked, scheduled] {
        let text = refused(reports::redact(&context, "test", report).await);
        assert_eq!(text, format!("legal hold {held} (case-1) keeps it until the hold is lifted"));
    }
    retention::lift_hold(&context, "test", held).await.unwrap();
    reports::redact(&context, "test", asked).await.unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_same_hold_is_placed_once_and_prolonged_by_another(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    let context = &house.engine.context;
    let (p1, p2) = (id(&house, "p1").await, id(&house, "p2").await);
    let of = |account, reason: &str, days: Option<u32>| NewHold {
        account,
        reason: reason.to_owned(),
        until: days.map(|days| house.now() + DAY * days),
    };
    let first = retention::place_hold(context, "test", &of(p1, "case-1", Some(10))).await.unwrap().hold;
    for days in [10, 5] {
        let text = refused(retention::place_hold(context, "test", &of(p1, "case-1", Some(days))).await);
        assert!(text.starts_with(&format!("legal hold {} (case-1) stands on", first.id)), "{text}");
    }
    let longer = retention::place_hold(context, "test", &of(p1, "case-1", None)).await.unwrap().hold;
    for new in [of(p1, "case-2", Some(10)), of(p2, "case-1", Some(10))] {
        retention::place_hold(context, "test", &new).await.unwrap();
    }
    refused(retention::place_hold(context, "test", &of(p1, "case-1", None)).await);
    // What is lifted, or over, is in nobody's way.
    retention::lift_hold(context, "test", longer.id).await.unwrap();
    house.clock.advance(DAY * 10);
    retention::place_hold(context, "test", &of(p1, "case-1", Some(5))).await.unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_not_known_is_refused(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let client = Client::start(&house).await;
    for path in ["reports/rep", "inquiries/inq", "transactions/txn", "accounts/act"] {
        client.delete(&format!("/{path}_01h45ytscbebyvny4gc8cr8ma2")).await.expect(404);
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_hold_covers_the_transactions_of_what_was_consolidated(pool: PgPool) {
    let payments = policy("payments", "transaction", "redact", "3d", "from = \"creation\"");
    let house = House::new(&pool, &format!("{DAILY}{PAYMENTS}{payments}")).await;
    let client = Client::start(&house).await;
    let context = &house.engine.context;
    house.people(&["p1", "p2", "p3"]).await;
    let (before, after) = (payment(&house, &client).await, payment(&house, &client).await);
    for (transaction, account) in [(before, "p2"), (after, "p1")] {
        let account = Object::Account(id(&house, account).await);
        relations::add(context, "test", Object::Transaction(transaction), "payer", account).await.unwrap();
    }
    let held = hold(&house, "p2").await;
    consolidate(&house, "p1", "p2").await;
    // And of what that is consolidated into.
    consolidate(&house, "p3", "p1").await;
    for transaction in [before, after] {
        let text = refused(transactions::redact(context, "test", transaction).await);
        assert!(text.starts_with(&format!("legal hold {held}")), "{text}");
    }
    house.clock.advance(DAY * 3);
    sweep(&house).await;
    let redacted = "select count(*) from transactions where redacted_at is not null";
    assert_eq!(house.count(redacted).await, 0);
    // It is lifted from an account that has no relations any more.
    retention::lift_hold(context, "test", held).await.unwrap();
    sweep(&house).await;
    assert_eq!(house.count(redacted).await, 2);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_transaction_does_not_get_out_of_a_hold_by_losing_its_relation(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{PAYMENTS}")).await;
    let client = Client::start(&house).await;
    let context = &house.engine.context;
    house.people(&["p1", "p2"]).await;
    let (first, second) = (payment(&house, &client).await, payment(&house, &client).await);
    let (p1, p2) = (Object::Account(id(&house, "p1").await), Object::Account(id(&house, "p2").await));
    let (first, second) = (Object::Transaction(first), Object::Transaction(second));
    relations::add(context, "test", first, "payer", p1).await.unwrap();
    relations::add(context, "test", p1, "last_payment", first).await.unwrap();
    relations::add(context, "test", p2, "last_payment", second).await.unwrap();
    let held = hold(&house, "p1").await;
    for (from, key, to) in [(first, "payer", p1), (p1, "last_payment", first)] {
        let text = refused(relations::remove(context, "test", from, key, to).await);
        assert_eq!(text, format!("legal hold {held} (case-1) keeps it until the hold is lifted"));
    }
    // A consolidation keeps one of two relations that there may be once: not while one of them is held.
    consolidate(&house, "p2", "p1").await;
    assert_eq!(
        house.texts("select refusal from consolidations").await,
        ["a transaction that is under a legal hold would lose its relation to an account"]
    );
    retention::lift_hold(context, "test", held).await.unwrap();
    assert!(relations::remove(context, "test", first, "payer", p1).await.unwrap());
    consolidate(&house, "p2", "p1").await;
    assert_eq!(house.count("select count(*) from accounts where consolidated_into is not null").await, 1);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_an_account_told_of_itself_is_counted_with_its_reports_on_other_shards(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&[crate::fixtures::finding("own:1", "a", 0.9)]);
    assert!(house.run("p2").await);
    // A report keeps its shard for ever, and its hits stay beside it.
    let shards = "select count(distinct shard) from accounts";
    assert_eq!(house.count(shards).await, 2, "the two accounts live on different shards");
    consolidate(&house, "p1", "p2").await;
    accounts_redact::redact(&house.engine.context, "test", id(&house, "p1").await).await.unwrap();
    let hits = "select detail #>> '{counts,hits}' from events
                where kind = 'account.redacted' and detail ? 'counts'";
    assert_eq!(house.texts(hits).await, ["1"]);
}
