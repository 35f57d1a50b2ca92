//! The API: requests per second and how long one takes, beside a request that only asks the database `select 1`.
//! Clients, daemon and PostgreSQL share the machine.

#![expect(clippy::indexing_slicing, reason = "places are within what was counted")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use watchkeeper::{
    actions::{
        api_keys::{self, NewKey},
        retention,
    },
    app::serve::Daemon,
    domain::id::AccountId,
    engine::{
        keys::Keys,
        task::{Activation, Task},
    },
    providers::client,
};

use super::{Failure, Report, Sizes, say, seed::Bench};

/// Clients that ask at the same time, each on a connection of its own.
const CLIENTS: usize = 16;

/// For how long each kind of request is asked.
const WHILE: Duration = Duration::from_secs(10);

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The request of a number.
type Asked = Arc<dyn Fn(&reqwest::Client, u64) -> reqwest::RequestBuilder + Send + Sync>;

/// A kind of request: its name, and the request of a number.
type Kind = (&'static str, Asked);

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    if !["api: select 1", "api: read", "api: create", "api: list"].iter().any(|phase| sizes.wants(phase)) {
        return Ok(());
    }
    let new = NewKey {
        name: "bench".to_owned(),
        permissions: vec!["*".to_owned()],
        requests_per_minute: Some(100_000_000),
        ..NewKey::default()
    };
    let (_, secret) = api_keys::create(&bench.context, "bench", new).await?;
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("select account_id from accounts tablesample system (1) limit 10000")
            .fetch_all(&mut bench.patient().await?)
            .await?;
    let ids: Vec<String> = ids.into_iter().map(|id| AccountId(id).to_string()).collect();
    until_quiet(bench).await?;
    let listen = "127.0.0.1:0".parse()?;
    let daemon = Daemon::start(bench.context.clone(), &bench.settings, listen).await?;
    let base = format!("http://{}/api/v1", daemon.address);
    let run = std::process::id();
    let kinds: [Kind; 4] = [
        kind("api: select 1", &base, |client, base, _| client.get(format!("{base}/ping"))),
        kind("api: read", &base, move |client, base, number| {
            let id = usize::try_from(number).map_or("", |number| &ids[number % ids.len()]);
            client.get(format!("{base}/accounts/{id}"))
        }),
        kind("api: list", &base, |client, base, _| client.get(format!("{base}/accounts?page[size]=10"))),
        kind("api: create", &base, move |client, base, number| {
            let body = format!(
                r#"{{"data":{{"attributes":{{"reference-id":"bench-{run}-{number}","fields":{{"name":{{"first":"Jane","last":"Doe"}},"birthdate":"1990-01-01","country_code":"DE"}}}}}}}}"#
            );
            client.post(format!("{base}/accounts")).header("content-type", "application/json").body(body)
        }),
    ];
    for (name, request) in kinds {
        if !sizes.wants(name) {
            continue;
        }
        let (times, took) = ask(Arc::clone(&request), secret.reveal()).await?;
        let place = |part: usize| times[(times.len() * part / 1000).min(times.len() - 1)];
        let note = format!("p50 {:.1} ms, p99 {:.1} ms", milliseconds(place(500)), milliseconds(place(990)));
        report.add(name, times.len(), took, &note);
    }
    daemon.stop().await;
    say("api: done");
    Ok(())
}

/// Does what a daemon does of accounts that are new to it: that is over long before the millionth.
async fn until_quiet(bench: &Bench) -> Result<(), Failure> {
    let mut keys = Keys::new(bench.engine(Vec::new()));
    while keys.activate().await? == Activation::More {}
    while retention::refresh(&bench.context).await?.more {}
    bench.settle().await
}

fn kind(
    name: &'static str,
    base: &str,
    request: impl Fn(&reqwest::Client, &str, u64) -> reqwest::RequestBuilder + Send + Sync + 'static,
) -> Kind {
    let base = base.to_owned();
    (name, Arc::new(move |client, number| request(client, &base, number)))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Asks for a while; returns how long each request took, in order of length, and how long it all took.
async fn ask(request: Asked, key: &str) -> Result<(Vec<Duration>, Duration), Failure> {
    let began = Instant::now();
    let number = Arc::new(AtomicU64::new(0));
    let mut clients: JoinSet<Result<Vec<Duration>, reqwest::Error>> = JoinSet::new();
    for _ in 0..CLIENTS {
        let (request, number, key) = (Arc::clone(&request), Arc::clone(&number), key.to_owned());
        let client = client::build(PATIENCE, PATIENCE)?;
        clients.spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < WHILE {
                let asked = Instant::now();
                let number = number.fetch_add(1, Ordering::Relaxed);
                let answer = request(&client, number).bearer_auth(&key).send().await?.error_for_status()?;
                answer.bytes().await?;
                times.push(asked.elapsed());
            }
            Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = clients.join_next().await {
        all.extend(times??);
    }
    let took = began.elapsed();
    all.sort_unstable();
    Ok((all, took))
}
