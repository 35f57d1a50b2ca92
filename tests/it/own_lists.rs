//! Lists of the customer's own that a schedule answers from: whom a change concerns is screened once more, answered from
//! what the change left.

use std::sync::Arc;

use sqlx::PgPool;
use watchkeeper::{
    actions::{apply::Occasion, lists, rescreen},
    app,
    domain::list::{EmailMatch, Given, ListKind},
    engine::{Engine, chores::Chores, keys::Keys, lists::Watch, own_lists, rescreen::Rescreens},
};

use crate::fixtures::{House, settings, until};

const OWN: &str = r#"
[lists.blocked]
format = "list"
[lists.countries]
format = "list"
[lists.unused]
format = "list"
[providers.own]
kind = "local"
lists = ["blocked", "countries"]
[report-templates.own]
type = "watchlist"
provider = "own"
[schedules.own]
template = "own"
every = "30d"
accounts = { types = ["individual"] }
"#;

const ACCOUNTS: &str = "reference_id,type,name,country_code\n1,individual,Boris Tarkhanov,KG\n2,individual,Anna Lindqvist,SE\n\
                        3,individual,Carlos Mendes Ferreira,PT\n";

const ANALYST: &str = "analyst";

async fn house(pool: &PgPool) -> (House, crate::fixtures::Running) {
    house_of(pool, OWN, ACCOUNTS).await
}

/// Everybody is enrolled and has keys; only lanes and recorders run, nobody looks at lists in between.
async fn house_of(pool: &PgPool, text: &str, accounts: &str) -> (House, crate::fixtures::Running) {
    let mut house = House::new(pool, text).await;
    let (context, process) = (&house.engine.context, house.engine.process);
    let mut settings = settings(text);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample-list");
    settings.lists.get_mut("none").unwrap().folder = Some(sample.into());
    let plan = app::plan(context, &settings, process, Occasion::Change).await.unwrap().0;
    house.engine = Engine { plan: Arc::new(plan), ..house.engine.clone() };
    house.import(accounts).await;
    house.enrol().await;
    house.finish(Keys::new(house.engine.clone())).await;
    Watch::new(house.engine.clone()).look().await.unwrap();
    let running = house.start_runs();
    house.until_run(3).await;
    (house, running)
}

impl House {
    async fn until_run(&self, count: i64) {
        until("they have run", async || self.count("select count(*) from runs").await >= count).await;
        assert_eq!(self.count("select count(*) from runs").await, count);
    }

    async fn rescreened(&self, runs: i64) {
        self.finish(Rescreens::new(self.engine.clone())).await;
        self.until_run(runs).await;
    }

    async fn hits(&self) -> Vec<String> {
        self.texts(
            "select reference_id || ' ' || state from hits join accounts using (account_id) order by 1",
        )
        .await
    }
}

fn name(first: &str, last: &str) -> Given {
    Given { name_first: Some(first.to_owned()), name_last: Some(last.to_owned()), ..Given::default() }
}

fn country(code: &str) -> Given {
    Given { country_code: Some(code.to_owned()), ..Given::default() }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn those_whom_a_value_concerns_that_comes_or_goes_are_screened_and_nobody_else(pool: PgPool) {
    let (house, running) = house(&pool).await;
    let context = &house.engine.context;
    let list = lists::create(context, ANALYST, ListKind::Names, "blocked").await.unwrap().id;
    let item =
        lists::add_item(context, ANALYST, (ListKind::Names, list), &name("Ana", "Lindqvist")).await.unwrap();
    house.rescreened(4).await;
    assert_eq!(house.hits().await, ["2 open"]);
    lists::archive_item(context, ANALYST, ListKind::Names, item.id).await.unwrap();
    house.rescreened(5).await;
    assert_eq!(house.hits().await, ["2 gone"]);

    // A list that no schedule answers from concerns nobody; neither does who is nobody's namesake.
    let unused = lists::create(context, ANALYST, ListKind::Names, "unused").await.unwrap().id;
    lists::add_item(context, ANALYST, (ListKind::Names, unused), &name("Boris", "Tarkhanov")).await.unwrap();
    lists::add_item(context, ANALYST, (ListKind::Names, list), &name("Chidi", "Okonkwo")).await.unwrap();
    house.rescreened(5).await;
    let mut told = rescreen::list(context, 10).await.unwrap().rescreens;
    told.sort_by_key(|one| one.number);
    let told: Vec<_> = told.iter().map(|one| (one.added, one.removed, one.complete, one.accounts)).collect();
    assert_eq!(told, [(1, 0, false, 1), (0, 1, false, 1), (1, 0, false, 0)]);
    assert_eq!(
        house.count("select count(*) from rescreens where tokens <> '{}'").await,
        0,
        "nothing of a name stays"
    );
    running.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn changes_that_nobody_has_seen_to_are_one_rescreen_and_a_country_or_a_whole_list_concerns_everybody(
    pool: PgPool,
) {
    let (house, running) = house(&pool).await;
    let context = &house.engine.context;
    let list = lists::create(context, ANALYST, ListKind::Names, "blocked").await.unwrap().id;
    for (first, last) in [("Ana", "Lindqvist"), ("Boris", "Tarkhanov")] {
        lists::add_item(context, ANALYST, (ListKind::Names, list), &name(first, last)).await.unwrap();
    }
    let open = rescreen::list(context, 10).await.unwrap().rescreens;
    assert_eq!((open.len(), open[0].added, open[0].accounts), (1, 2, 0));
    house.rescreened(5).await;
    assert_eq!(house.hits().await, ["1 open", "2 open"]);

    let countries = lists::create(context, ANALYST, ListKind::Countries, "countries").await.unwrap().id;
    lists::add_item(context, ANALYST, (ListKind::Countries, countries), &country("PT")).await.unwrap();
    house.rescreened(8).await;
    assert_eq!(house.hits().await, ["1 open", "2 open", "3 open"]);
    lists::archive(context, ANALYST, list).await.unwrap();
    house.rescreened(11).await;
    assert_eq!(house.hits().await, ["1 gone", "2 gone", "3 open"]);
    let because = "select count(*) from runs where trigger = 'list-change'";
    assert_eq!(house.count(because).await, 8, "also of those that nobody waits for");
    running.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn those_whom_an_item_matched_that_is_redacted_by_hand_are_screened_once(pool: PgPool) {
    let (house, running) = house(&pool).await;
    let context = &house.engine.context;
    let list = lists::create(context, ANALYST, ListKind::Names, "blocked").await.unwrap().id;
    let item =
        lists::add_item(context, ANALYST, (ListKind::Names, list), &name("Ana", "Lindqvist")).await.unwrap();
    house.rescreened(4).await;
    assert_eq!(house.hits().await, ["2 open"]);
    let copy: Vec<u8> =
        sqlx::query_scalar("select sealed_content from hits").fetch_one(&house.pool).await.unwrap();
    let redacted = lists::redact_by_hand(context, ANALYST, ListKind::Names, item.id).await.unwrap();
    assert!(redacted.value.is_none() && redacted.archived_at.is_some());
    let copies = "select count(*) from hits where sealed_content is not null";
    assert_eq!(house.count(copies).await, 0, "nor is it readable where it matched");
    assert_eq!(redacted.redacted_at, Some(house.now()));
    house.rescreened(5).await;
    assert_eq!(house.hits().await, ["2 gone"]);
    let again = lists::redact_by_hand(context, ANALYST, ListKind::Names, item.id).await.unwrap();
    assert_eq!(again.redacted_at, redacted.redacted_at);
    house.rescreened(5).await;
    assert_eq!(house.count(copies).await, 0);
    // As a run leaves it that was under way.
    sqlx::query("update hits set sealed_content = $1").bind(copy).execute(&house.pool).await.unwrap();
    house.finish(Chores::new(house.engine.clone())).await;
    assert_eq!(house.count(copies).await, 1, "others may be under way");
    house.clock.advance(std::time::Duration::from_mins(10));
    house.finish(Chores::new(house.engine.clone())).await;
    assert_eq!(house.count(copies).await, 0);
    let settled = "select count(*) from list_items where copies_destroyed_at is not null";
    assert_eq!(house.count(settled).await, 1, "and is looked at no more");
    let told = house.texts("select kind from events where kind like 'list-item.%' order by kind").await;
    assert_eq!(told, ["list-item.created", "list-item.redacted"]);
    running.stop().await;
}

/// Lists of what an account has besides its name.
fn contact_lists() -> String {
    let names = ["mail", "phones", "ids", "networks"];
    let lists: String = names.map(|name| format!("[lists.{name}]\nformat = \"list\"\n")).concat();
    let used = "lists = [\"mail\", \"phones\", \"ids\", \"networks\"]";
    format!("{}{lists}", OWN.replace("lists = [\"blocked\", \"countries\"]", used))
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn addresses_and_numbers_on_a_list_match_those_accounts_that_have_them(pool: PgPool) {
    let accounts = "reference_id,type,name,country_code,email_address,phone_number,social_security_number\n\
                    1,individual,Boris Tarkhanov,DE,Boris@mail.invalid,030/1234567,\n\
                    2,individual,Anna Lindqvist,SE,anna@work.invalid,,\n\
                    3,individual,Carlos Mendes Ferreira,US,,,078-05-1120\n";
    let (house, running) = house_of(&pool, &contact_lists(), accounts).await;
    let context = &house.engine.context;
    let value = |value: &str| Given { value: Some(value.to_owned()), ..Given::default() };
    let domain = Given { match_type: Some(EmailMatch::Domain), ..value("work.invalid") };
    let number = Given {
        id_class: Some("ssn".to_owned()),
        id_number: Some("078051120".to_owned()),
        ..Given::default()
    };
    let mut runs = 3;
    let mut made = Vec::new();
    for (kind, name, given, hits) in [
        (ListKind::EmailAddresses, "mail", value("boris@MAIL.invalid"), vec!["1 open"]),
        (ListKind::PhoneNumbers, "phones", value("+49 30 1234567"), vec!["1 open", "1 open"]),
        (ListKind::GovernmentIdNumbers, "ids", number, vec!["1 open", "1 open", "3 open"]),
    ] {
        let list = lists::create(context, ANALYST, kind, name).await.unwrap().id;
        lists::add_item(context, ANALYST, (kind, list), &given).await.unwrap();
        made.push(list);
        runs += 1;
        house.rescreened(runs).await;
        assert_eq!(house.hits().await, hits, "{name}: nobody else was screened");
    }
    let kind = ListKind::EmailAddresses;
    let item = lists::add_item(context, ANALYST, (kind, made[0]), &domain).await.unwrap();
    house.rescreened(runs + 1).await;
    assert_eq!(house.hits().await, ["1 open", "1 open", "2 open", "3 open"]);
    lists::archive_item(context, ANALYST, kind, item.id).await.unwrap();
    house.rescreened(runs + 2).await;
    assert_eq!(house.hits().await, ["1 open", "1 open", "2 gone", "3 open"]);
    running.stop().await;
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn no_run_rests_on_a_list_of_what_no_account_has_a_field_for(pool: PgPool) {
    let (house, running) = house_of(&pool, &contact_lists(), ACCOUNTS).await;
    let context = &house.engine.context;
    let list = lists::create(context, ANALYST, ListKind::IpAddresses, "networks").await.unwrap().id;
    let network = Given { value: Some("192.0.2.0/24".to_owned()), ..Given::default() };
    lists::add_item(context, ANALYST, (ListKind::IpAddresses, list), &network).await.unwrap();
    let own = &house.engine.plan.own_lists;
    own_lists::refresh(context, own).await.unwrap();
    own_lists::note_compared(&house.engine.plan.types, own);
    let compared = |name: &str| own.iter().find(|list| list.name() == name).unwrap().is_compared();
    assert!(compared("mail") && !compared("networks"));
    house.rescreened(3).await;
    lists::screen_again(context, ANALYST, "networks").await.unwrap();
    house.rescreened(6).await;
    let against = "select distinct basis.detail ->> 'lists' from runs join run_bases as basis using (basis_id) \
                   where runs.trigger = 'list-change'";
    let against = house.texts(against).await;
    assert!(!against.is_empty());
    for lists in against {
        assert!(lists.contains("mail") && !lists.contains("networks"), "{lists}");
    }
    running.stop().await;
}
