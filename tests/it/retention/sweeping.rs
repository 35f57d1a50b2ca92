//! The sweep: never early, never forgotten.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        accounts::{self, Edit},
        consolidate, lists,
        retention::{self, Batch, NewHold},
        retire,
    },
    domain::{
        id::Shard,
        list::{Given, ListKind},
    },
    engine::{
        chores::Chores,
        task::{Activation, Task},
    },
    telemetry::metrics::Form,
};

use super::*;
use crate::fixtures::{DAILY, finding};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_goes_when_its_time_is_over_with_all_that_is_its_own(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{KYC}{}", after_archive("30d"))).await;
    let client = Client::start(&house).await;
    house.people(&["p1", "p2"]).await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    house.run("p1").await;
    inquiry(&client, id(&house, "p1").await).await;
    archive(&house, "p1").await;
    sweep_around(&house, 30, async || !is_redacted(&house, "p1").await).await;

    assert!(is_redacted(&house, "p1").await && !is_redacted(&house, "p2").await);
    let sealed = "select count(*) from (select sealed_content from hits union all select sealed_content from runs
                  union all select sealed_content from inquiries) as all_of_them (sealed) where sealed is not null";
    assert_eq!(house.count(sealed).await, 0);
    let told = house
        .texts("select actor || ' ' || (detail ->> 'policy') from events where kind = 'account.redacted'")
        .await;
    assert_eq!(told, ["retention closed"]);
    let redacted = house.texts("select kind from events where kind = 'inquiry.redacted'").await;
    assert_eq!(redacted.len(), 1, "the inquiry went with it");
    assert_eq!(house.count("select count(*) from retention_due").await, 0);
    let text = house.engine.metrics.encode(Form::OpenMetrics);
    assert!(text.contains("retention_redacted_total{policy=\"closed\"} 1"), "{text}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_answer_that_comes_after_the_sweep_writes_nothing_personal(pool: PgPool) {
    let text = policy("old", "account", "redact", "1d", "from = \"creation\"");
    let house = House::new(&pool, &format!("{DAILY}{text}")).await;
    house.people(&["p1"]).await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    let finished = house.perform(house.due("p1").await).await;
    house.clock.advance(DAY);
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await);
    assert_eq!(house.record(&[finished]).await, [false]);
    assert_eq!(house.texts("select outcome from runs where sealed_content is null").await, ["superseded"]);
    assert_eq!(house.count("select count(*) from hits").await, 0);
    // Its monitor has stopped, visibly, and starts again when the account is filled.
    assert_eq!(house.account("p1").await.monitors[0].reason.as_deref(), Some("account-redacted"));
    house.enrol().await;
    assert_eq!(house.all_due("p1").await, []);
    fill(&house, "p1", json!({ "name": { "first": "Jane", "last": "Again" } })).await;
    house.enrol().await;
    assert_eq!(house.all_due("p1").await.len(), 1);

    // Filled again, it is redacted again in its turn: a day after that, not after its creation.
    sweep(&house).await;
    assert!(!is_redacted(&house, "p1").await);
    sweep_around(&house, 1, async || !is_redacted(&house, "p1").await).await;
    assert!(is_redacted(&house, "p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_changed_a_moment_ago_is_not_redacted_by_what_was_known_before(pool: PgPool) {
    let text = policy("idle", "account", "redact", "30d", "from = \"last-activity\"");
    let house = House::new(&pool, &format!("{DAILY}{text}")).await;
    house.people(&["p1", "p2", "p3"]).await;
    refresh(&house).await;
    house.clock.advance(DAY * 30);
    // Nothing is looked at between these and the sweep: the due rows are as they were.
    fill(&house, "p1", json!({ "country_code": "DE" })).await;
    let new = NewHold { account: id(&house, "p2").await, reason: "case-1".to_owned(), until: None };
    retention::place_hold(&house.engine.context, "test", &new).await.unwrap();
    let due = house.count("select count(*) from retention_due where due_at <= '2026-03-31T09:00:00Z'").await;
    assert_eq!(due, 3, "all three look due");
    retention::ask(&house.engine.context).await.unwrap();
    let mut sweeping = Sweep::new(house.engine.clone());
    while sweeping.step().await.unwrap() == Step::More {}
    assert!(!is_redacted(&house, "p1").await, "it was edited");
    assert!(!is_redacted(&house, "p2").await, "it is held");
    assert!(is_redacted(&house, "p3").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn holds_and_restoring_put_off_and_lifting_and_archiving_bring_back(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_archive("10d"))).await;
    house.people(&["p1", "p2", "p3"]).await;
    let context = &house.engine.context;
    for reference in ["p1", "p2", "p3"] {
        archive(&house, reference).await;
    }
    let until = Some(house.now() + DAY * 20);
    let held = NewHold { account: id(&house, "p1").await, reason: "case-1".to_owned(), until: None };
    let held = retention::place_hold(context, "test", &held).await.unwrap();
    let passing = NewHold { account: id(&house, "p2").await, reason: "case-2".to_owned(), until };
    retention::place_hold(context, "test", &passing).await.unwrap();
    house.clock.advance(DAY * 5);
    retire::restore(context, "test", id(&house, "p3").await).await.unwrap();
    house.clock.advance(DAY * 5);
    sweep(&house).await;
    for reference in ["p1", "p2", "p3"] {
        assert!(!is_redacted(&house, reference).await, "{reference}");
    }
    retention::lift_hold(context, "test", held.hold.id).await.unwrap();
    archive(&house, "p3").await;
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await, "lifted, it is due at once");
    // The hold of the second, and the new ten days of the third, end at the same time.
    sweep_around(&house, 10, async || !is_redacted(&house, "p2").await && !is_redacted(&house, "p3").await)
        .await;
    assert!(is_redacted(&house, "p2").await && is_redacted(&house, "p3").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_changed_policy_holds_for_what_is_there_already(pool: PgPool) {
    let mut house = House::new(&pool, &format!("{DAILY}{}", after_archive("10d"))).await;
    house.people(&["p1"]).await;
    archive(&house, "p1").await;
    refresh(&house).await;
    let longer = format!("{DAILY}{}", after_archive("20d"));
    house.configure(&longer).await;
    house.clock.advance(DAY * 10);
    sweep(&house).await;
    assert!(!is_redacted(&house, "p1").await);
    house.configure(DAILY).await;
    house.clock.advance(DAY * 100);
    sweep(&house).await;
    assert!(!is_redacted(&house, "p1").await, "no policy, no redaction");
    house.configure(&longer).await;
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_process_with_an_older_configuration_sweeps_nothing(pool: PgPool) {
    let mut house = House::new(&pool, &format!("{DAILY}{}", after_archive("1d"))).await;
    house.people(&["p1"]).await;
    archive(&house, "p1").await;
    house.clock.advance(DAY);
    refresh(&house).await;
    let context = house.engine.context.clone();
    let old = house.engine.plan.revision;
    house.configure(&format!("{DAILY}{KYC}{}", after_archive("1d"))).await;
    assert_eq!(retention::batch(&context, Shard(0), old, 100).await.unwrap(), Batch::NotMine);
    assert!(!is_redacted(&house, "p1").await);
    let swept = retention::batch(&context, Shard(0), house.engine.plan.revision, 100).await.unwrap();
    let Batch::Swept(swept) = swept else { panic!("{swept:?}") };
    assert_eq!(swept.redacted.get("closed"), Some(&1));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn fields_have_periods_of_their_own_shorter_and_longer(pool: PgPool) {
    let short = policy(
        "birth",
        "account",
        "redact",
        "5d",
        "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"birthdate\"]",
    );
    let whole = policy("whole", "account", "redact", "10d", "from = \"creation\"");
    let long = policy(
        "phone-law",
        "account",
        "keep",
        "20d",
        "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"phone_number\"]",
    );
    let house = House::new(&pool, &format!("{DAILY}{short}{whole}{long}")).await;
    house.import("reference_id,type,name,birthdate,phone_number\np1,individual,Jane Marksdottir,1990-05-21,+4930123456\n").await;
    house.enrol().await;
    let keys = async || house.account("p1").await.fields.keys().cloned().collect::<Vec<_>>();
    let key_id = async || {
        house.texts("select key_id::text from data_keys join accounts on object_id = account_id").await
    };
    let before = key_id().await;
    sweep_around(&house, 5, async || keys().await.len() == 3).await;
    assert_eq!(keys().await, ["name", "phone_number"]);
    assert_ne!(key_id().await, before, "no copy of the database opens what is gone");
    sweep_around(&house, 5, async || keys().await.len() == 2).await;
    assert_eq!(keys().await, ["phone_number"]);
    sweep_around(&house, 10, async || keys().await.len() == 1).await;
    assert_eq!(keys().await, [""; 0]);
    assert_eq!(house.count("select count(*) from retention_due").await, 0);
    assert_eq!(
        house.count("select count(*) from accounts where version = redacted_version").await,
        1,
        "it rests"
    );
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_date_of_a_sealed_field_is_a_clock(pool: PgPool) {
    let text = policy(
        "contract",
        "account",
        "redact",
        "1mo",
        "from = \"date-field\"\ndate-field = \"birthdate\"\ntypes = [\"individual\"]",
    );
    let house = House::new(&pool, &format!("{DAILY}{text}")).await;
    house.import("reference_id,type,name,birthdate\np1,individual,Jane Marksdottir,2026-02-28\n").await;
    // 28 February is over on 1 March; a month later it is 1 April.
    house.clock.advance(
        "2026-03-31T23:59:59Z"
            .parse::<chrono::DateTime<chrono::Utc>>()
            .unwrap()
            .signed_duration_since(house.now())
            .to_std()
            .unwrap(),
    );
    sweep(&house).await;
    assert!(!is_redacted(&house, "p1").await);
    house.clock.advance(Duration::from_secs(1));
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn parts_of_an_account_go_by_their_own_policies_and_the_account_waits_for_what_is_kept(pool: PgPool) {
    let inquiries = policy("inquiries", "inquiry", "redact", "5d", "from = \"completion\"");
    let reports = policy("reports", "report", "redact", "6d", "from = \"creation\"");
    let house = House::new(&pool, &format!("{DAILY}{KYC}{inquiries}{reports}")).await;
    let client = Client::start(&house).await;
    house.people(&["p1"]).await;
    let made = inquiry(&client, id(&house, "p1").await).await;
    let inquiry_gone =
        async || client.get(&format!("/inquiries/{made}")).await.attribute("redacted-at").is_string();
    let before = house.account("p1").await.monitors[0].id.clone();
    sweep_around(&house, 5, async || !inquiry_gone().await).await;
    assert!(inquiry_gone().await);
    house.clock.advance(DAY);
    sweep(&house).await;
    assert!(!is_redacted(&house, "p1").await);
    house.enrol().await;
    let account = house.account("p1").await;
    let watching: Vec<_> = account.monitors.iter().filter(|one| one.state == "active").collect();
    assert!(watching.len() == 1 && watching[0].id != before, "its schedule watches it by another");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_consolidated_goes_with_what_took_it_over_and_its_hold_holds_both(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_archive("10d"))).await;
    house.people(&["p1", "p2"]).await;
    let context = &house.engine.context;
    let (p1, p2) = (id(&house, "p1").await, id(&house, "p2").await);
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    let late = house.perform(house.due("p2").await).await;
    consolidate::request(context, "test", p1, &[p2]).await.unwrap();
    let mut chores = Chores::new(house.engine.clone());
    while chores.activate().await.unwrap() == Activation::More {}
    house.clock.advance(DAY * 50);
    sweep(&house).await;
    assert!(!is_redacted(&house, "p2").await, "the relationship goes on, though this half of it is archived");
    archive(&house, "p1").await;
    let hold = NewHold { account: p2, reason: "case-1".to_owned(), until: None };
    let hold = retention::place_hold(context, "test", &hold).await.unwrap();
    house.clock.advance(DAY * 10);
    sweep(&house).await;
    assert!(!is_redacted(&house, "p1").await && !is_redacted(&house, "p2").await);
    retention::lift_hold(context, "test", hold.hold.id).await.unwrap();
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await && is_redacted(&house, "p2").await);
    assert_eq!(house.record(&[late]).await, [false]);
    assert_eq!(house.count("select count(*) from hits").await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn transactions_list_items_and_inquiries_of_nobody_go_in_their_time(pool: PgPool) {
    let types = "[transaction-types.payment]\nstatuses = [\"open\", \"settled\"]\n[transaction-types.payment.fields]\n\
                 note = { type = \"string\", pii = true }\n";
    let policies = [
        policy(
            "payments",
            "transaction",
            "redact",
            "3d",
            "from = \"last-activity\"\nstatuses = [\"settled\"]",
        ),
        policy("items", "list-item", "redact", "4d", "from = \"end-of-relationship\""),
        policy("lone", "inquiry", "redact", "5d", "from = \"creation\""),
    ];
    let house = House::new(&pool, &format!("{DAILY}{KYC}{types}{}", policies.concat())).await;
    let client = Client::start(&house).await;
    let kind = client.get("/transaction-types").await.expect(200).ids().remove(0);
    let make = async |status: &str| {
        let body = json!({ "data": { "attributes": { "transaction-type-id": kind, "status": status, "fields": { "note": "Marksdottir" } } } });
        client.post("/transactions", &body).await.expect(201).id()
    };
    let (settled, open) = (make("settled").await, make("open").await);
    let template = InquiryTemplate::id_of("kyc").to_string();
    let body = json!({ "data": { "attributes": { "inquiry-template-id": template } }, "meta": { "auto-create-account": false } });
    let lone = client.post("/inquiries", &body).await.expect(201).id();
    let context = &house.engine.context;
    let list = lists::create(context, "test", ListKind::Strings, "watched").await.unwrap();
    let given = Given { value: Some("Marksdottir".to_owned()), ..Given::default() };
    let item = lists::add_item(context, "test", (ListKind::Strings, list.id), &given).await.unwrap();
    lists::archive_item(context, "test", ListKind::Strings, item.id).await.unwrap();

    let note = async |id: &str| {
        client.get(&format!("/transactions/{id}")).await.attribute("fields")["note"]["value"].is_string()
    };
    sweep_around(&house, 3, async || note(&settled).await).await;
    assert!(!note(&settled).await && note(&open).await);
    let value = "select count(*) from list_items where sealed_value is not null or value_digest <> ''";
    sweep_around(&house, 1, async || house.count(value).await == 1).await;
    assert_eq!(house.count(value).await, 0);
    let gone = async || client.get(&format!("/inquiries/{lone}")).await.attribute("redacted-at").is_string();
    sweep_around(&house, 1, async || !gone().await).await;
    assert!(gone().await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_cannot_be_redacted_is_put_off_and_holds_up_nobody(pool: PgPool) {
    let text = policy(
        "birth",
        "account",
        "redact",
        "1d",
        "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"birthdate\"]",
    );
    let house = House::new(&pool, &format!("{DAILY}{text}")).await;
    house.import("reference_id,type,name,birthdate\np1,individual,Jane A,1990-05-21\np2,individual,Jane B,1990-05-22\n").await;
    refresh(&house).await;
    let broken = id(&house, "p1").await;
    sqlx::query("update accounts set sealed_fields = set_byte(sealed_fields, 40, get_byte(sealed_fields, 40) # 1) where account_id = $1")
        .bind(broken.0)
        .execute(&house.pool)
        .await
        .unwrap();
    sqlx::query("delete from retention_queue").execute(&house.pool).await.unwrap();
    house.clock.advance(DAY);
    retention::ask(&house.engine.context).await.unwrap();
    let mut sweeping = Sweep::new(house.engine.clone());
    while sweeping.step().await.unwrap() == Step::More {}
    assert!(!house.account("p2").await.fields.contains_key("birthdate"));
    let standing = retention::standing(&house.engine.context).await.unwrap();
    assert_eq!(standing.failing, [broken.to_string()]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn the_plan_counts_what_the_sweeps_then_redact(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_archive("10d"))).await;
    house.people(&["p1", "p2", "p3"]).await;
    archive(&house, "p1").await;
    archive(&house, "p2").await;
    house.clock.advance(DAY);
    archive(&house, "p3").await;
    refresh(&house).await;
    let context = &house.engine.context;
    let plan = retention::plan(context, 30).await.unwrap();
    let days: Vec<_> = plan.policies[0].days.iter().map(|day| (day.day.to_string(), day.count)).collect();
    assert_eq!(days, [("2026-03-11".to_owned(), 2), ("2026-03-12".to_owned(), 1)]);
    assert!(!plan.is_incomplete && plan.policies[0].samples.len() == 3);
    assert_eq!(retention::plan(context, 5).await.unwrap().policies, []);
    let p1 = id(&house, "p1").await;
    let told = retention::explain(context, p1.into()).await.unwrap();
    assert_eq!((told.whole.state, told.whole.policy.as_deref()), ("upcoming", Some("closed")));
    assert_eq!(told.whole.due_at.unwrap().to_rfc3339(), "2026-03-11T09:00:00+00:00");
    let edit = Edit { tags_add: vec!["x".to_owned()], ..Edit::default() };
    assert!(accounts::edit_alone(context, "test", p1, &edit).await.is_err(), "still archived");
}
