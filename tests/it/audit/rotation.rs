//! Certificates of erasure, and master keys that come and go.

use serde_json::json;
use sqlx::PgPool;
use watchkeeper::{
    actions::{
        Context,
        audit::{self, Certificate, Doubt},
        master_keys, redact,
    },
    ambient::Random,
    store::{data_keys, master_keys as rows},
    vault::{Keyring, MasterKey},
};

use super::{entries, verified};
use crate::fixtures::{DAILY, House, Reply, finding};

/// A keyring of the master keys `first` and `second`, or of one of them.
fn keyring(ids: &[&str], current: &str) -> Keyring {
    let keys = ids.iter().map(|id| {
        let digit = if *id == "first" { "a" } else { "b" };
        MasterKey::from_text(id, &digit.repeat(64)).unwrap()
    });
    Keyring::new(keys.collect(), current, Random::from_seed(11)).unwrap()
}

async fn open(house: &House, keyring: Keyring) -> Result<Context, watchkeeper::actions::ActionError> {
    let context = &house.engine.context;
    Context::open(context.store.clone(), context.clock.clone(), context.random.clone(), keyring).await
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_redaction_has_a_certificate_that_proves_itself_and_nothing_else(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    house.scripted.reply(Reply::Found(vec![finding("one", "A", 0.9)]));
    assert!(house.run("a").await);
    let account = house.account("a").await.id;
    let context = &house.engine.context;
    let kept: Vec<String> = house.texts("select key_id::text from data_keys where object_id <> '00000000-0000-0000-0000-000000000000' order by 1").await;
    assert_eq!(kept.len(), 2, "of the account and of its report");
    redact::redact(context, "test", account).await.unwrap();
    entries(&house, audit::Wanted::default()).await;

    let made = audit::certificate(context, &account.to_string()).await.unwrap();
    let keys: Vec<String> = made.keys.iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(keys, kept);
    assert_eq!(made.operation, "account.redacted");
    assert_eq!(
        (&made.counts["accounts"], &made.counts["hits"], &made.counts["answers"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(audit::doubt(context, &made).await.unwrap(), None);
    let read: Certificate = serde_json::from_str(&serde_json::to_string_pretty(&made).unwrap()).unwrap();
    assert_eq!(read, made);
    let by_number = audit::certificate(context, &made.audit_sequence.to_string()).await.unwrap();
    assert_eq!(by_number, made);

    let forged = Certificate { actor: "somebody else".to_owned(), ..made.clone() };
    assert_eq!(audit::doubt(context, &forged).await.unwrap(), Some(Doubt::Forged));
    let (object, key) = &made.keys[0];
    sqlx::query(
        "insert into data_keys (shard, object_id, key_id, master_key_id, wrapped, created_at) \
         values (get_byte(uuid_send($1::uuid), 15), $1::uuid, $2::uuid, 'first', '', now()) \
         on conflict (shard, object_id) do update set key_id = excluded.key_id",
    )
    .bind(object.parse::<uuid::Uuid>().unwrap())
    .bind(key.parse::<uuid::Uuid>().unwrap())
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(audit::doubt(context, &made).await.unwrap(), Some(Doubt::KeysAreBack { count: 1 }));
    let not_redacted = audit::certificate(context, "act_00000000000000000000000000").await.unwrap_err();
    assert_eq!(not_redacted.to_string(), "there is no redaction of that object in the audit log");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_rotation_that_was_interrupted_goes_on_and_the_old_key_is_of_no_more_use(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let names: Vec<String> = (0..40).map(|number| format!("p{number}")).collect();
    house.people(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    entries(&house, audit::Wanted::default()).await;
    let checkpoint = audit::checkpoint(&house.engine.context).await.unwrap();
    assert_eq!(master_keys::fault(&house.engine.context).await.unwrap(), None);

    let both = open(&house, keyring(&["first", "second"], "second")).await.unwrap();
    let told = master_keys::fault(&house.engine.context).await.unwrap();
    assert_eq!(
        told.as_deref(),
        Some("this process lacks master key second: what others seal under it, it cannot open")
    );
    // As a killed rotation leaves it: some keys are wrapped anew, the rest is not.
    let mut transaction = both.store.transaction().await.unwrap();
    let one = watchkeeper::domain::id::Shard::all()
        .nth(usize::from(house.account("p0").await.id.shard().0))
        .unwrap();
    rows::rewrap(&mut transaction, &both.keyring, (one, None), 1).await.unwrap().unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(house.count("select count(*) from data_keys where master_key_id = 'second'").await, 1);

    let rotated = master_keys::rotate(&both, "test", false, |_, _| {}).await.unwrap();
    assert_eq!(rotated.rewrapped, 40, "the database's own key and those of 40 accounts, but for the one");
    assert_eq!(rotated.destroyable, ["first"]);
    let refused = open(&house, keyring(&["first", "second"], "first")).await.err().unwrap().to_string();
    assert!(refused.contains("master key first is retired, and current in [vault]"), "{refused}");

    // A daemon of the old configuration cannot seal anything, and says so.
    let told = master_keys::fault(&house.engine.context).await.unwrap().unwrap();
    assert!(told.starts_with("master key first is retired"), "{told}");
    let id = uuid::Uuid::from_u128(77);
    let (_, stored) = keyring(&["first", "second"], "first").new_data_key(id);
    let mut connection = both.store.connection().await.unwrap();
    let late = data_keys::insert_all(&mut connection, &[(id, stored)], house.now()).await.unwrap_err();
    let chain: Vec<String> =
        std::iter::successors(Some(&late as &dyn std::error::Error), |error| error.source())
            .map(ToString::to_string)
            .collect();
    assert!(chain.iter().any(|text| text.contains("master key first is retired")), "{chain:?}");
    drop(connection);

    // With the new key alone, all opens, and the audit log is the same chain.
    let emptied = "select count(*) from master_key_checks where emptied_at is not null";
    assert_eq!(house.count(emptied).await, 1, "no start looks for keys under it again");
    let alone = open(&house, keyring(&["second"], "second")).await.unwrap();
    let view = watchkeeper::actions::inspect::account(&alone, "p39", 10).await.unwrap();
    assert!(serde_json::to_string(&view.fields).unwrap().contains("Person-p39"));
    let proved = audit::verify_all(&alone, &[checkpoint], |_, _| {}).await.unwrap();
    assert_eq!((proved.fault, proved.checkpoints), (None, 1));
    assert_eq!(verified(&house, &[]).await.fault, None);
    let again = master_keys::rotate(&alone, "test", false, |_, _| {}).await.unwrap();
    assert_eq!(again.rewrapped, 0);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_host_with_an_older_configuration_does_not_rotate_back(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    house.clock.advance(std::time::Duration::from_secs(1));
    open(&house, keyring(&["first", "second"], "second")).await.unwrap();
    let older = open(&house, keyring(&["first", "second"], "first")).await.unwrap();
    let refused = master_keys::rotate(&older, "test", false, |_, _| {}).await.unwrap_err().to_string();
    assert!(refused.contains("second is younger") && refused.contains("current = \"second\""), "{refused}");
    assert_eq!(house.count("select count(*) from master_key_checks where retired_at is not null").await, 0);
    let meant = master_keys::rotate(&older, "test", true, |_, _| {}).await.unwrap();
    assert_eq!(meant.destroyable, ["second"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_change_of_a_field_named_keys_is_no_redaction(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    let account = house.account("a").await.id;
    let context = &house.engine.context;
    redact::redact(context, "test", account).await.unwrap();
    let event = context.event(account, "account.edited", "test", json!({ "fields": ["keys"], "keys": [] }));
    let mut connection = context.store.connection().await.unwrap();
    watchkeeper::store::events::insert_all(&mut connection, &[event], house.now()).await.unwrap();
    drop(connection);
    let all = entries(&house, audit::Wanted::default()).await;
    let made = audit::certificate(context, &account.to_string()).await.unwrap();
    assert_eq!(made.operation, "account.redacted");
    let edited = all.iter().find(|entry| entry.operation == "account.edited").unwrap();
    assert!(audit::certificate(context, &edited.sequence.to_string()).await.is_err());
    let page = watchkeeper::http::export::certificate_page(&made);
    assert!(page.contains("A backup") && !page.contains("any copy"), "{page}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_ciphertext_that_is_moved_to_another_row_does_not_open(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a", "b"]).await;
    sqlx::query(
        "update accounts set sealed_fields = (select sealed_fields from accounts where reference_id = 'a') \
         where reference_id = 'b'",
    )
    .execute(&pool)
    .await
    .unwrap();
    let context = &house.engine.context;
    let refused = watchkeeper::actions::inspect::account(context, "b", 10).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sealed data of account-fields does not open: it was altered, moved, or is of another key"
    );
    assert!(watchkeeper::actions::inspect::account(context, "a", 10).await.is_ok());
}
