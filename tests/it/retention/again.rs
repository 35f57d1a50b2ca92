//! What was redacted and is filled again, with fields or by what joins it, is redacted again in its turn.

use sqlx::PgPool;
use watchkeeper::{
    actions::{
        ActionError, consolidate, pause, redact,
        reports::{self, NewReport},
    },
    domain::{personal::Personal, report::Query, schedule::ReportTemplate},
    engine::chores::Chores,
};

use super::*;
use crate::fixtures::{DAILY, finding};

/// Accounts go ten days after they were made.
fn after_creation() -> String {
    policy("old", "account", "redact", "10d", "from = \"creation\"")
}

async fn is_refused_as_redacted(house: &House, reference: &str) -> bool {
    let again = redact::redact(&house.engine.context, "test", id(house, reference).await).await;
    matches!(again, Err(ActionError::Refused("the account is redacted already")))
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_account_that_is_consolidated_into_a_redacted_one_is_redacted_ten_days_later(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_creation())).await;
    house.people(&["p1"]).await;
    house.clock.advance(DAY * 9);
    house.people(&["p2"]).await;
    house.scripted.find(&[finding("own:1", "a", 0.9)]);
    assert!(house.run("p2").await);
    house.clock.advance(DAY);
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await && !is_redacted(&house, "p2").await);
    assert!(is_refused_as_redacted(&house, "p1").await);
    consolidate_p2_into_p1(&house).await;
    sweep_around(&house, 10, async || !is_redacted(&house, "p2").await).await;
    assert!(is_redacted(&house, "p2").await);
    let sealed =
        "select count(*) from (select sealed_content from hits union all select sealed_content from runs)
                  as all_of_them (sealed) where sealed is not null";
    assert_eq!(house.count(sealed).await, 0);
    assert!(is_refused_as_redacted(&house, "p1").await, "nothing is left of either");
    assert_eq!(house.count("select count(*) from retention_due").await, 0);
}

async fn consolidate_p2_into_p1(house: &House) {
    let (into, from) = (id(house, "p1").await, id(house, "p2").await);
    consolidate::request(&house.engine.context, "test", into, &[from]).await.unwrap();
    let mut chores = Chores::new(house.engine.clone());
    while chores.activate().await.unwrap() == Activation::More {}
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_was_made_after_a_redaction_counts_from_the_consolidation_that_brought_it(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{}", after_creation())).await;
    house.people(&["p1"]).await;
    house.clock.advance(DAY * 10);
    sweep(&house).await;
    assert!(is_redacted(&house, "p1").await);
    house.clock.advance(DAY);
    house.people(&["p2"]).await;
    assert!(house.run("p2").await);
    house.clock.advance(DAY * 4);
    consolidate_p2_into_p1(&house).await;
    sweep_around(&house, 10, async || !is_redacted(&house, "p2").await).await;
    assert!(is_redacted(&house, "p2").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_consolidation_is_the_last_activity_of_the_account_that_it_is_into(pool: PgPool) {
    let idle = policy("idle", "account", "redact", "10d", "from = \"last-activity\"");
    let house = House::new(&pool, &format!("{DAILY}{idle}")).await;
    house.people(&["p1"]).await;
    house.clock.advance(DAY * 9);
    house.people(&["p2"]).await;
    consolidate_p2_into_p1(&house).await;
    sweep_around(&house, 10, async || !is_redacted(&house, "p1").await).await;
    assert!(is_redacted(&house, "p1").await && is_redacted(&house, "p2").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn inquiries_reports_and_reasons_that_come_after_a_redaction_are_redacted_in_their_turn(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{KYC}{}", after_creation())).await;
    let client = Client::start(&house).await;
    let context = &house.engine.context;
    house.people(&["p1", "p2", "p3"]).await;
    house.clock.advance(DAY * 10);
    sweep(&house).await;
    let body = json!({ "data": { "attributes": {
        "inquiry-template-id": InquiryTemplate::id_of("kyc").to_string(),
        "account-id": id(&house, "p1").await,
        "note": "about Marksdottir",
    } } });
    client.post("/inquiries", &body).await.expect(201);
    let query = Some(Query { term: Some(Personal::new("Marksdottir".to_owned())), ..Query::default() });
    let template = ReportTemplate::id_of("watchlist");
    let new = NewReport { account: id(&house, "p2").await, template, query };
    reports::create(context, "test", &new).await.unwrap();
    let reason = Personal::new("Marksdottir asked for it".to_owned());
    pause::pause_account(context, "test", "p3", Some(&reason)).await.unwrap();
    // The night's walk finds what no change of an account tells of.
    watchkeeper::engine::upkeep::start_walks(&house.engine).await.unwrap();
    let sealed = async || {
        let sealed = "select count(*) from (select sealed_content from inquiries union all select sealed_query from monitors
                      union all select sealed_reason from account_pauses) as all_of_them (sealed) where sealed is not null";
        house.count(sealed).await
    };
    sweep_around(&house, 10, async || sealed().await == 3).await;
    assert_eq!(sealed().await, 0);
    for reference in ["p1", "p2", "p3"] {
        assert!(is_refused_as_redacted(&house, reference).await, "{reference}");
    }
    // By hand it is no more refused.
    client.post("/inquiries", &body).await.expect(201);
    redact::redact(context, "test", id(&house, "p1").await).await.unwrap();
    assert_eq!(sealed().await, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_joins_a_redacted_account_is_looked_at_without_waiting_for_the_night(pool: PgPool) {
    let house = House::new(&pool, &format!("{DAILY}{KYC}{}", after_creation())).await;
    let client = Client::start(&house).await;
    house.people(&["p1", "p2"]).await;
    house.clock.advance(DAY * 10);
    sweep(&house).await;
    refresh(&house).await;
    inquiry_of(&client, id(&house, "p1").await).await;
    let template = ReportTemplate::id_of("watchlist");
    let new = NewReport { account: id(&house, "p2").await, template, query: None };
    reports::create(&house.engine.context, "test", &new).await.unwrap();
    refresh(&house).await;
    assert_eq!(house.count("select count(*) from retention_due where object_kind = 'account'").await, 2);
}

async fn inquiry_of(client: &Client, account: AccountId) {
    let template = InquiryTemplate::id_of("kyc").to_string();
    let body =
        json!({ "data": { "attributes": { "inquiry-template-id": template, "account-id": account } } });
    client.post("/inquiries", &body).await.expect(201);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_field_that_is_filled_again_is_kept_for_a_whole_period_again(pool: PgPool) {
    let rest = "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"birthdate\"]";
    let house =
        House::new(&pool, &format!("{DAILY}{}", policy("birth", "account", "redact", "5d", rest))).await;
    house.import("reference_id,type,name,birthdate\np1,individual,Jane Marksdottir,1990-05-21\n").await;
    let has = async || house.account("p1").await.fields.contains_key("birthdate");
    sweep_around(&house, 5, has).await;
    assert!(!has().await);
    house.clock.advance(DAY);
    fill(&house, "p1", json!({ "birthdate": "1990-05-22" })).await;
    sweep_around(&house, 5, has).await;
    assert!(!has().await);
    // Later changes of the rest do not put it off once it is known when it was filled.
    fill(&house, "p1", json!({ "birthdate": "1990-05-23" })).await;
    refresh(&house).await;
    house.clock.advance(DAY * 4);
    fill(&house, "p1", json!({ "country_code": "DE" })).await;
    sweep_around(&house, 1, has).await;
    assert!(!has().await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_sweep_does_itself_is_no_activity(pool: PgPool) {
    let policies = [
        policy("inquiries", "inquiry", "redact", "5d", "from = \"creation\""),
        policy(
            "birth",
            "account",
            "redact",
            "6d",
            "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"birthdate\"]",
        ),
        policy("idle", "account", "redact", "10d", "from = \"last-activity\""),
    ];
    let house = House::new(&pool, &format!("{DAILY}{KYC}{}", policies.concat())).await;
    let client = Client::start(&house).await;
    house.import("reference_id,type,name,birthdate\np1,individual,Jane Marksdottir,1990-05-21\n").await;
    inquiry_of(&client, id(&house, "p1").await).await;
    house.clock.advance(DAY * 5);
    sweep(&house).await;
    assert_eq!(house.count("select count(*) from inquiries where redacted_at is not null").await, 1);
    house.clock.advance(DAY);
    sweep(&house).await;
    assert!(!house.account("p1").await.fields.contains_key("birthdate"));
    sweep_around(&house, 4, async || !is_redacted(&house, "p1").await).await;
    assert!(is_redacted(&house, "p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_field_waits_for_its_account_which_waits_for_its_inquiry(pool: PgPool) {
    // A policy that names the field, but as one to keep, so that the field is looked at alone.
    let policies = [
        policy("whole", "account", "redact", "5d", "from = \"creation\"\ntypes = [\"individual\"]"),
        policy(
            "birth-law",
            "account",
            "keep",
            "1d",
            "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"birthdate\"]",
        ),
        policy("inquiry-law", "inquiry", "keep", "8d", "from = \"creation\""),
    ];
    let house = House::new(&pool, &format!("{DAILY}{KYC}{}", policies.concat())).await;
    let client = Client::start(&house).await;
    house.import("reference_id,type,name,birthdate\np1,individual,Jane Marksdottir,1990-05-21\n").await;
    inquiry_of(&client, id(&house, "p1").await).await;
    let whole = async || house.account("p1").await.fields.len() == 2;
    sweep_around(&house, 5, whole).await;
    assert!(whole().await, "all of it waits for the inquiry");
    sweep_around(&house, 3, whole).await;
    assert_eq!(house.account("p1").await.fields.len(), 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_relationship_ends_once(pool: PgPool) {
    let text = policy(
        "closed",
        "account",
        "redact",
        "10d",
        "from = \"end-of-relationship\"\ntypes = [\"individual\"]\nend-statuses = [\"closed\", \"blocked\"]",
    );
    let house = House::new(&pool, &format!("{DAILY}{text}")).await;
    house.people(&["p1", "p2"]).await;
    let become_of = async |reference: &str, status: &str| {
        let edit = Edit { status: Some(status.to_owned()), ..Edit::default() };
        accounts::edit_alone(&house.engine.context, "test", id(&house, reference).await, &edit)
            .await
            .unwrap();
    };
    for reference in ["p1", "p2"] {
        become_of(reference, "closed").await;
    }
    house.clock.advance(DAY * 4);
    // From one end into another; and back into use, and to an end again.
    become_of("p1", "blocked").await;
    become_of("p2", "active").await;
    become_of("p2", "blocked").await;
    sweep_around(&house, 6, async || !is_redacted(&house, "p1").await).await;
    assert!(is_redacted(&house, "p1").await && !is_redacted(&house, "p2").await);
    sweep_around(&house, 4, async || !is_redacted(&house, "p2").await).await;
    assert!(is_redacted(&house, "p2").await);
}
