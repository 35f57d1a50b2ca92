//! Lists of the customer's own that a schedule answers from: whom a change concerns is screened once more, answered from
//! what the change left.

use std::sync::Arc;

use sqlx::PgPool;
use watchkeeper::{
    actions::{apply::Occasion, lists, rescreen},
    app,
    domain::list::{Given, ListKind},
    engine::{Engine, keys::Keys, lists::Watch, rescreen::Rescreens},
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

/// Everybody is enrolled and has keys; only lanes and recorders run, nobody looks at lists in between.
async fn house(pool: &PgPool) -> (House, crate::fixtures::Running) {
    let mut house = House::new(pool, OWN).await;
    let (context, process) = (&house.engine.context, house.engine.process);
    let mut settings = settings(OWN);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample-list");
    settings.lists.get_mut("none").unwrap().folder = Some(sample.into());
    let plan = app::plan(context, &settings, process, Occasion::Change).await.unwrap().0;
    house.engine = Engine { plan: Arc::new(plan), ..house.engine.clone() };
    house.import(ACCOUNTS).await;
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
    let redacted = lists::redact_by_hand(context, ANALYST, ListKind::Names, item.id).await.unwrap();
    assert!(redacted.value.is_none() && redacted.archived_at.is_some());
    assert_eq!(redacted.redacted_at, Some(house.now()));
    house.rescreened(5).await;
    assert_eq!(house.hits().await, ["2 gone"]);
    let again = lists::redact_by_hand(context, ANALYST, ListKind::Names, item.id).await.unwrap();
    assert_eq!(again.redacted_at, redacted.redacted_at);
    house.rescreened(5).await;
    let told = house.texts("select kind from events where kind like 'list-item.%' order by kind").await;
    assert_eq!(told, ["list-item.created", "list-item.redacted"]);
    running.stop().await;
}
