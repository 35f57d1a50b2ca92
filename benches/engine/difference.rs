//! Changes of a list against a filled database: until the last account that one concerns is recorded, and all accounts
//! screened once more beside it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use tokio::time::sleep;
use watchkeeper::{
    actions::rescreen,
    engine::{
        Engine,
        keys::Keys,
        lists::Watch,
        task::{Activation, Task},
    },
    providers::{
        budget::{Budget, Limits},
        local::{LocalProvider, PublishedList},
    },
    screening::{
        index::Index,
        list::{List, ListName, NameQuality},
        ofac,
    },
};

use super::{
    Failure, Report, Sizes,
    phases::{AS_SHIPPED, Running, recorded, until_recorded},
    say,
    seed::{Bench, make_due},
};

/// How many entities change.
const CHANGED: usize = 500;

/// The list that the configuration knows.
const LIST: &str = "sample";

/// How often it is looked how far the rescreen is.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let Some(folder) = &bench.ofac else {
        say("No folder with OFAC's list: differences are left out.");
        return Ok(());
    };
    let before = List { name: LIST.to_owned(), ..ofac::read_folder(folder)? };
    let published = PublishedList::new(LIST);
    published.replace(Index::build(&before));
    let limits = Limits { rate_per_second: None, burst: 1, concurrency: AS_SHIPPED };
    let provider = LocalProvider::new("local", vec![published.clone()], 0.85);
    let parts = (Arc::new(provider) as _, Budget::new(limits)?, limits);
    let engine = bench.engine_of(vec![parts], vec![published.clone()]);
    make_keys(bench, sizes, &engine, report).await?;
    begin(bench, &engine).await?;

    rescreen::ask(&bench.context, "bench", &[], false).await?;
    let began = Instant::now();
    let running = Running::start(&engine);
    until_recorded(&engine.metrics, "all accounts once more", sizes.accounts).await?;
    report.add("rescreen: all accounts", sizes.accounts, began.elapsed(), "against OFAC");
    bench.settle().await?;

    let after = Index::build(&changed(&before));
    let so_far = usize::try_from(recorded(&engine.metrics))?;
    let (began, begun_at) = (Instant::now(), bench.context.now());
    published.replace(after);
    let (accounts, monitors) = until_found(bench, begun_at).await?;
    let found = began.elapsed();
    until_recorded(&engine.metrics, "a difference", so_far + monitors).await?;
    let took = began.elapsed();
    running.stop().await;
    let found = found.as_secs_f64();
    let note =
        format!("{CHANGED} entities changed, {accounts} accounts concerned, all found after {found:.1} s");
    report.add("rescreen: a difference", monitors, took, &note);
    Ok(())
}

/// By what accounts are found, as the daemon makes it of all of them.
async fn make_keys(
    bench: &Bench,
    sizes: &Sizes,
    engine: &Engine,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut connection = bench.patient().await?;
    sqlx::query("truncate screening_keys, key_builds").execute(&mut connection).await?;
    let (mut task, began) = (Keys::new(engine.clone()), Instant::now());
    while task.activate().await? == Activation::More {}
    let took = began.elapsed();
    bench.settle().await?;
    let size = "select pg_total_relation_size('screening_keys')::float8 / count(*) from screening_keys";
    let size: f64 = sqlx::query_scalar(size).fetch_one(&mut connection).await?;
    report.add("keys: accounts", sizes.accounts, took, &format!("{size:.0} bytes each on the disk"));
    Ok(())
}

/// The list's version has its number, every account was screened, and nothing is left to do.
async fn begin(bench: &Bench, engine: &Engine) -> Result<(), Failure> {
    make_due(bench, 0, false).await?;
    let mut connection = bench.patient().await?;
    // Of a database that is kept, nobody knows the versions any more.
    sqlx::query("truncate list_versions, list_debts, schedule_lists").execute(&mut connection).await?;
    Watch::new(engine.clone()).look().await?;
    for statement in [
        "truncate wakeups, rescreen_accounts",
        "update rescreens set finished_at = now() where finished_at is null",
        "update monitor_due set slot = 1 where slot = 0",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    bench.settle().await
}

/// Some of the list, spread over it: one has a programme more, the next another name, the next another date of birth.
fn changed(before: &List) -> List {
    let mut after = before.clone();
    "changed".clone_into(&mut after.version);
    let every = (after.entities.len() / CHANGED).max(1);
    let names: Vec<String> = before.entities.iter().map(|entity| entity.primary_name().to_owned()).collect();
    let others = names.iter().rev();
    let chosen = after.entities.iter_mut().step_by(every).take(CHANGED);
    for (number, (entity, other)) in chosen.zip(others).enumerate() {
        match number % 3 {
            0 => entity.programs.push("ZZ-BENCH".to_owned()),
            1 => entity.names.push(ListName::new(other.as_str(), NameQuality::Strong)),
            _ => entity.birth_dates.push("1961-04-05".parse().expect("it is a date")),
        }
    }
    after
}

/// Waits until every account that the change concerns is found. Returns how many accounts and monitors.
async fn until_found(bench: &Bench, since: DateTime<Utc>) -> Result<(usize, usize), Failure> {
    let mut connection = bench.patient().await?;
    let finished =
        "select accounts, monitors from rescreens where created_at >= $1 and finished_at is not null";
    loop {
        let found: Option<(i64, i64)> =
            sqlx::query_as(finished).bind(since).fetch_optional(&mut connection).await?;
        if let Some((accounts, monitors)) = found {
            return Ok((usize::try_from(accounts)?, usize::try_from(monitors)?));
        }
        sleep(LOOK).await;
    }
}
