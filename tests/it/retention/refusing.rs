//! What must be kept is kept, whoever asks: by hand, by the API; and exceptions take two people.

use sqlx::PgPool;
use watchkeeper::actions::{
    ActionError,
    api_keys::{self, NewKey},
    redact,
};

use super::*;
use crate::fixtures::DAILY;

fn attributes(attributes: Value) -> Value {
    json!({ "data": { "attributes": attributes } })
}

fn details(answer: &crate::fixtures::Answered) -> String {
    answer.body["errors"][0]["details"].as_str().unwrap().to_owned()
}

async fn key(house: &House, name: &str, owner: Option<&str>) -> String {
    let new = NewKey {
        name: name.to_owned(),
        permissions: vec!["*".to_owned()],
        owner: owner.map(str::to_owned),
        ..NewKey::default()
    };
    api_keys::create(&house.engine.context, "test", new).await.unwrap().1.into_revealed()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_policy_keeps_is_refused_with_its_name_and_date(pool: PgPool) {
    let law =
        policy("aml", "account", "keep", "5y", "from = \"end-of-relationship\"\nend-statuses = [\"closed\"]");
    let house = House::new(&pool, &format!("{DAILY}{KYC}{law}")).await;
    let client = Client::start(&house).await;
    house.people(&["p1"]).await;
    let account = id(&house, "p1").await;
    let made = inquiry(&client, account).await;
    let not_begun = client.delete(&format!("/accounts/{account}")).await.expect(409);
    assert_eq!(details(&not_begun), "the retention policy aml keeps it, and its period has not begun");
    client
        .patch(&format!("/accounts/{account}"), &attributes(json!({ "account-status": "closed" })))
        .await
        .expect(200);
    let refused = client.delete(&format!("/accounts/{account}")).await.expect(409);
    assert_eq!(details(&refused), "the retention policy aml keeps it until 2031-03-01T09:00:00Z");
    let refused = client.delete(&format!("/inquiries/{made}")).await.expect(409);
    assert_eq!(details(&refused), "the retention policy aml keeps it until 2031-03-01T09:00:00Z");
    let report = &house.account("p1").await.monitors[0].id;
    let refused = client.delete(&format!("/reports/{report}")).await.expect(409);
    assert_eq!(details(&refused), "the retention policy aml keeps it until 2031-03-01T09:00:00Z");
    assert!(!is_redacted(&house, "p1").await);
    let told = client.get(&format!("/retention-explanations/{account}")).await.expect(200);
    assert_eq!(told.attribute("state"), "kept");
    assert_eq!(told.attribute("kept-by")[0]["name"], "aml");
    house.clock.advance(DAY * (5 * 365 + 2));
    let mut transaction = house.engine.context.store.transaction().await.unwrap();
    watchkeeper::store::partitions::ensure(&mut transaction, house.now()).await.unwrap();
    transaction.commit().await.unwrap();
    client.delete(&format!("/inquiries/{made}")).await.expect(200);
    client.delete(&format!("/accounts/{account}")).await.expect(200);
    assert!(is_redacted(&house, "p1").await);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_exception_takes_two_owners_is_used_once_and_expires(pool: PgPool) {
    let law = policy("aml", "account", "keep", "5y", "from = \"creation\"");
    let house = House::new(&pool, &format!("{DAILY}{law}")).await;
    let client = Client::start(&house).await;
    house.people(&["p1", "p2"]).await;
    let (p1, p2) = (id(&house, "p1").await, id(&house, "p2").await);
    let ann = client.with_key(&key(&house, "ann", Some("ann")).await);
    let other_of_ann = client.with_key(&key(&house, "ann-2", Some("ann")).await);
    let bob = client.with_key(&key(&house, "bob", Some("bob")).await);
    let ask = |account| attributes(json!({ "object-id": account, "reason": "gdpr-17" }));
    let nobody = client.post("/redaction-overrides", &ask(p1)).await.expect(409);
    assert!(details(&nobody).contains("no owner"), "{}", details(&nobody));
    let asked = ann.post("/redaction-overrides", &ask(p1)).await.expect(201);
    assert_eq!(asked.attribute("status"), "requested");
    ann.delete(&format!("/accounts/{p1}")).await.expect(409);
    let approve = format!("/redaction-overrides/{}/approve", asked.id());
    ann.post(&approve, &Value::Null).await.expect(409);
    other_of_ann.post(&approve, &Value::Null).await.expect(409);
    let approved = bob.post(&approve, &Value::Null).await.expect(200);
    for (who, actor, owner) in [("requested-by", "api-key:ann", "ann"), ("approved-by", "api-key:bob", "bob")]
    {
        assert_eq!(
            (approved.attribute(who), approved.attribute(&format!("{who}-owner"))),
            (&json!(actor), &json!(owner))
        );
    }
    ann.delete(&format!("/accounts/{p2}")).await.expect(409);
    ann.delete(&format!("/accounts/{p1}")).await.expect(200);
    let used = ann.get(&format!("/redaction-overrides/{}", asked.id())).await;
    assert_eq!(used.attribute("status"), "used");
    let events =
        house.texts("select kind from events where kind like 'redaction-override.%' order by kind").await;
    assert_eq!(
        events,
        ["redaction-override.approved", "redaction-override.requested", "redaction-override.used"]
    );
    // Filled again, it is kept again; and what is approved too late is of no use.
    fill(&house, "p1", json!({ "name": { "first": "Jane", "last": "Again" } })).await;
    ann.delete(&format!("/accounts/{p1}")).await.expect(409);
    let asked = ann.post("/redaction-overrides", &ask(p2)).await.expect(201);
    bob.post(&format!("/redaction-overrides/{}/approve", asked.id()), &Value::Null).await.expect(200);
    house.clock.advance(DAY * 7);
    ann.delete(&format!("/accounts/{p2}")).await.expect(409);
    // A key that a key makes is of the same owner.
    let made = ann
        .post("/api-keys", &attributes(json!({ "name": "third", "permissions": ["*"] })))
        .await
        .expect(201);
    assert_eq!(made.attribute("owner"), "ann");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_hold_stops_everybody_and_no_exception_gets_around_it(pool: PgPool) {
    let house = House::new(
        &pool,
        &format!("{DAILY}{KYC}{}", policy("law", "account", "keep", "5y", "from = \"creation\"")),
    )
    .await;
    let client = Client::start(&house).await;
    house.people(&["p1"]).await;
    let account = id(&house, "p1").await;
    let made = inquiry(&client, account).await;
    let refused = client
        .post("/legal-holds", &attributes(json!({ "account-id": account, "reason": "He is ill" })))
        .await
        .expect(422);
    assert!(details(&refused).starts_with("accepted is a code"), "{}", details(&refused));
    let hold = client
        .post("/legal-holds", &attributes(json!({ "account-id": account, "reason": "case-17" })))
        .await
        .expect(201);
    let text = format!("legal hold {} (case-17) keeps it until the hold is lifted", hold.id());
    let (ann, bob) = (
        client.with_key(&key(&house, "ann", Some("ann")).await),
        client.with_key(&key(&house, "bob", Some("bob")).await),
    );
    let asked = ann
        .post("/redaction-overrides", &attributes(json!({ "object-id": account, "reason": "gdpr-17" })))
        .await
        .expect(201);
    bob.post(&format!("/redaction-overrides/{}/approve", asked.id()), &Value::Null).await.expect(200);
    assert_eq!(details(&client.delete(&format!("/accounts/{account}")).await.expect(409)), text);
    assert_eq!(details(&client.delete(&format!("/inquiries/{made}")).await.expect(409)), text);
    assert_eq!(client.get("/legal-holds").await.expect(200).ids(), [hold.id()]);
    client.post(&format!("/legal-holds/{}/lift", hold.id()), &Value::Null).await.expect(200);
    assert_eq!(client.get("/legal-holds").await.expect(200).ids(), [""; 0]);
    let of_account = client.get(&format!("/legal-holds?filter[account-id]={account}")).await.expect(200);
    assert_eq!(of_account.ids(), [hold.id()]);
    client.delete(&format!("/accounts/{account}")).await.expect(200);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_field_that_a_policy_keeps_outlasts_a_redaction_by_hand(pool: PgPool) {
    let law = policy(
        "phone",
        "account",
        "keep",
        "20d",
        "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"phone_number\"]",
    );
    let house = House::new(&pool, &format!("{DAILY}{law}")).await;
    house.import("reference_id,type,name,phone_number\np1,individual,Jane Marksdottir,+4930123456\n").await;
    redact::redact(&house.engine.context, "test", id(&house, "p1").await).await.unwrap();
    let left = async || house.account("p1").await.fields.keys().cloned().collect::<Vec<_>>();
    assert_eq!(left().await, ["phone_number"]);
    let again = redact::redact(&house.engine.context, "test", id(&house, "p1").await).await;
    assert!(matches!(again, Err(ActionError::Refused(_))), "{again:?}");
    // It goes by itself when nothing keeps it any more, though no policy asks for that.
    sweep_around(&house, 20, async || left().await == ["phone_number"]).await;
    assert_eq!(left().await, [""; 0]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_field_that_a_policy_kept_goes_by_hand_when_the_policy_is_no_more(pool: PgPool) {
    let rest = "from = \"creation\"\ntypes = [\"individual\"]\nfields = [\"phone_number\"]";
    let law = policy("phone", "account", "keep", "20d", rest);
    let mut house = House::new(&pool, &format!("{DAILY}{law}")).await;
    house.import("reference_id,type,name,phone_number\np1,individual,Jane Marksdottir,+4930123456\n").await;
    let account = id(&house, "p1").await;
    redact::redact(&house.engine.context, "test", account).await.unwrap();
    house.configure(DAILY).await;
    redact::redact(&house.engine.context, "test", account).await.unwrap();
    assert!(house.account("p1").await.fields.is_empty());
    let again = redact::redact(&house.engine.context, "test", account).await;
    assert!(matches!(again, Err(ActionError::Refused(_))), "{again:?}");
}
