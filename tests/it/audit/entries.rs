//! Who did what to which object, when, from where, by which key or user.

use serde_json::json;
use sqlx::PgPool;
use watchkeeper::{
    actions::audit::Wanted,
    domain::{audit::Origin, id},
    engine::{
        audit::Sequencer,
        task::{Activation, Task},
    },
};

use super::{entries, verified};
use crate::fixtures::{Client, DAILY, House, Reply, finding};

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn who_dismissed_a_hit_from_where_and_by_which_key_is_found_by_the_hit(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    house.scripted.reply(Reply::Found(vec![finding("one", "A", 0.9)]));
    assert!(house.run("a").await);
    let hit = house.account("a").await.hits.remove(0).id;
    let client = Client::start(&house).await;
    let because = json!({ "data": { "attributes": { "reason": "Somebody else of that name." } } });
    client.post(&format!("/hits/{hit}/dismiss"), &because).await.expect(200);

    let found = entries(&house, Wanted { object: id::uuid_of(&hit.to_string()), ..Wanted::default() }).await;
    let dismissed = found.iter().find(|entry| entry.operation == "report/watchlist.dismissed").unwrap();
    assert_eq!(dismissed.actor, "api-key:test");
    assert_eq!(dismissed.origin, "api-key");
    assert!(dismissed.origin_id.as_ref().unwrap().starts_with("api_"));
    assert_eq!(dismissed.address.as_deref(), Some("127.0.0.1"));
    assert_eq!(dismissed.account, Some(house.account("a").await.id.to_string()));
    assert!(!dismissed.detail.to_string().contains("one"), "the matched entity is not in it");
    let listed = client.get(&format!("/audit-entries?filter[object-id]={hit}")).await.expect(200);
    let listed = &listed.body["data"][0]["attributes"];
    assert_eq!(listed["operation"], "report/watchlist.dismissed");
    assert!(listed["object-ids"].as_array().unwrap().contains(&json!(hit.to_string())), "{listed}");
    client.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_user_of_the_host_does_and_what_the_daemon_does_by_itself_are_told_apart(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    let account = house.account("a").await.id;
    let by_user = house.engine.context.clone().by(Origin::User("root (0)".to_owned()));
    watchkeeper::actions::retire::archive(&by_user, "cli:ann", account).await.unwrap();
    let found = entries(&house, Wanted { object: Some(account.0), ..Wanted::default() }).await;
    let told: Vec<_> = found
        .iter()
        .map(|entry| (entry.operation.as_str(), entry.origin.as_str(), entry.origin_id.as_deref()))
        .collect();
    assert_eq!(told, [("account.created", "system", None), ("account.archived", "user", Some("root (0)"))]);
    for who in ["root", "root (0)", "ann", "cli:ann"] {
        let by = Wanted { actor: Some(who.to_owned()), ..Wanted::default() };
        let found = entries(&house, by).await;
        assert!(found.iter().any(|entry| entry.operation == "account.archived"), "{who}: {found:?}");
        assert!(found.iter().all(|entry| entry.origin == "user"), "{who}: {found:?}");
    }
    let nobody = Wanted { actor: Some("roo".to_owned()), ..Wanted::default() };
    assert!(entries(&house, nobody).await.is_empty());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn reads_of_personal_data_are_noted_and_none_is_lost_by_an_orderly_stop(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a", "b"]).await;
    let (a, b) = (house.account("a").await.id, house.account("b").await.id);
    let client = Client::start(&house).await;
    for _ in 0..3 {
        client.get(&format!("/accounts/{a}")).await.expect(200);
    }
    client.get("/accounts").await.expect(200);
    client.get("/accounts/act_00000000000000000000000000").await.expect(404);
    client.get("/events").await.expect(200);
    // What was answered once is shown again.
    for _ in 0..2 {
        let body = json!({ "data": { "attributes": { "reference-id": "c" } } });
        let request = client.request("POST", "/accounts").header("idempotency-key", "one");
        let request = request.header("content-type", "application/json").body(body.to_string());
        client.send(request).await.expect(201);
    }
    // A change of nothing shows all of it.
    client.patch(&format!("/accounts/{b}"), &json!({})).await.expect(200);
    client.stop().await;

    let read = |object| Wanted {
        object: Some(object),
        operation: Some("account.read".to_owned()),
        ..Wanted::default()
    };
    let of_a = entries(&house, read(a.0)).await;
    let counts: i64 = of_a.iter().filter_map(|entry| entry.detail["count"].as_i64()).sum();
    assert_eq!(counts, 4, "three times by itself, once in the listing: {of_a:?}");
    assert!(of_a.iter().all(|entry| entry.address.as_deref() == Some("127.0.0.1")), "{of_a:?}");
    assert!(of_a.iter().any(|entry| entry.objects == [a.to_string()]), "it says what was read: {of_a:?}");
    let listing = of_a.iter().find(|entry| entry.objects.len() > 1).unwrap();
    assert!(
        listing.objects.contains(&a.to_string()) && listing.objects.contains(&b.to_string()),
        "{listing:?}"
    );
    let c = house.account("c").await.id;
    assert_eq!(entries(&house, read(c.0)).await.len(), 1, "only who repeats it reads");
    let of_b = entries(&house, read(b.0)).await;
    assert_eq!(of_b.len(), 2, "once in the listing, once by a change: {of_b:?}");
    let all = entries(&house, Wanted { operation: Some("*.read".to_owned()), ..Wanted::default() }).await;
    assert!(all.is_empty(), "a star stands at the end only");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn numbers_have_no_gaps_though_transactions_commit_late_or_never(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let context = &house.engine.context;
    let event = |kind| context.event_of_all(kind, "test", json!({}));
    let mut late = context.store.transaction().await.unwrap();
    watchkeeper::store::events::insert_all(&mut late, &[event("test.late")], house.now()).await.unwrap();
    let mut never = context.store.transaction().await.unwrap();
    watchkeeper::store::events::insert_all(&mut never, &[event("test.never")], house.now()).await.unwrap();
    drop(never);
    house.people(&["a"]).await;
    assert_eq!(Sequencer::new(house.engine.clone()).activate().await.unwrap(), Activation::Done);
    late.commit().await.unwrap();
    let found = entries(&house, Wanted::default()).await;
    let numbers: Vec<i64> = found.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, (1..=i64::try_from(found.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(found.last().unwrap().operation, "test.late");
    assert!(found.iter().all(|entry| entry.operation != "test.never"));
    assert_eq!(house.count("select count(*) from audit_pending").await, 0);
    assert_eq!(verified(&house, &[]).await.fault, None);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn two_sequencers_at_once_give_each_number_once(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let names: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    house.people(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let context = &house.engine.context;
    let (one, other) = tokio::join!(
        watchkeeper::actions::audit::settle(context),
        watchkeeper::actions::audit::settle(context)
    );
    one.unwrap();
    other.unwrap();
    let verified = verified(&house, &[]).await;
    assert_eq!(verified.fault, None);
    assert!(verified.entries >= 300, "{verified:?}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_entry_is_neither_changed_nor_deleted_by_a_slip(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    entries(&house, Wanted::default()).await;
    for statement in
        ["update audit_entries set actor = 'x'", "delete from audit_entries", "truncate audit_entries"]
    {
        let refused = sqlx::query(statement).execute(&pool).await.unwrap_err();
        assert!(refused.to_string().contains("the audit log is append-only"), "{statement}: {refused}");
    }
}
