//! What an operator sees of a running daemon without a login: `/healthz`, `/readyz`, `/metrics`, `/status`;
//! and `pause`, `resume` and `status` on the command line.

use std::{fs, path::Path, time::Duration};

use serde_json::Value;
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use watchkeeper::{
    app::embedded::{Cluster, Durability, state_folder},
    engine::{
        sampler::Sampler,
        task::{Activation, Task},
    },
    http::{self, Served},
    telemetry::metrics::ProviderLabels,
};

use super::{
    daemon::{Daemon, Place, until},
    fixtures::{self, DAILY, House},
};

const CONFIGURATION: &str = r#"
[lists.own]
format = "ofac-csv"
folder = "list"
[providers.local]
kind = "local"
lists = ["own"]
[report-templates.own]
type = "watchlist"
provider = "local"
[schedules.own]
template = "own"
every = "365d"
accounts = { types = ["individual"] }
"#;

fn write_list(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for file in ["sdn.csv", "alt.csv", "add.csv", "sdn_comments.csv"] {
        fs::copy(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample-list").join(file),
            folder.join(file),
        )
        .unwrap();
    }
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

fn get(daemon: &Daemon, path: &str) -> Value {
    body(&daemon.get(path).unwrap())
}

fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The value of a series of the exposition.
fn metric(daemon: &Daemon, series: &str) -> Option<f64> {
    let text = daemon.get("/metrics")?;
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn an_operator_sees_what_goes_on_and_can_stop_it_across_a_restart() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cluster = Cluster::start(&state_folder(&variable).unwrap(), "operations", Durability::None).unwrap();
    let place = Place::new(&cluster, "watchkeeper_operations", CONFIGURATION);
    write_list(&place.folder().join("list"));
    let people = place.folder().join("people.csv");
    fs::write(&people, "reference_id,type,name\nC-1,individual,Nobody Special\n").unwrap();
    run(&place, &["import", people.to_str().unwrap()]);

    let daemon = place.serve();
    until("the first run is recorded", || (place.ask::<i64>("select count(*) from runs") == 1).then_some(()));
    until("what is due was read", || metric(&daemon, r#"watchkeeper_monitors_due{provider="local"}"#));
    let status = get(&daemon, "/status");
    assert_eq!(status["processes"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(status["schedules"][0]["name"], "own");
    assert_eq!(status["open-hits"]["count"], 0);
    assert_eq!(status["this-process"]["details"]["providers"][0]["name"], "local");
    assert_eq!(metric(&daemon, "watchkeeper_ready"), Some(1.0));
    assert_eq!(metric(&daemon, "watchkeeper_shards_held"), Some(256.0));
    assert_eq!(metric(&daemon, "watchkeeper_configuration_revision"), Some(1.0));
    assert_eq!(
        (&status["processes"][0]["shards"], &status["processes"][0]["revision"]),
        (&256.into(), &1.into())
    );
    assert!(metric(&daemon, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(metric(&daemon, "watchkeeper_database_acquires_total").unwrap() >= 1.0);
    assert_eq!(metric(&daemon, "watchkeeper_record_batch_runs_sum"), Some(1.0));

    // Heads without bodies, and methods that nothing takes.
    for path in ["/healthz", "/readyz", "/metrics", "/status"] {
        let head = daemon.ask("HEAD", path, "").unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{path}: {head}");
        let post = daemon.ask("POST", path, "").unwrap();
        assert!(post.starts_with("HTTP/1.1 405"), "{path}: {post}");
        assert!(post.to_lowercase().contains("\r\nallow: get,head\r\n"), "{path}: {post}");
        assert_eq!(body(&post)["errors"][0]["title"], "Method not allowed");
    }
    let unknown = daemon.get("/nothing").unwrap();
    assert!(
        unknown.starts_with("HTTP/1.1 404") && body(&unknown)["errors"][0]["title"] == "Record not found"
    );
    let open =
        daemon.ask("GET", "/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n").unwrap();
    assert!(open.contains("application/openmetrics-text") && open.ends_with("# EOF\n"));
    assert!(!daemon.get("/metrics").unwrap().contains("# EOF"));

    // A pause: seen by the daemon, by whoever starts next, and by the command line.
    let reason = "their maintenance";
    run(&place, &["pause", "provider", "local", "--by", "jo", "--reason", reason]);
    until("the daemon says so", || {
        (get(&daemon, "/readyz")["details"]["pauses"][0]["name"] == "local").then_some(())
    });
    assert!(daemon.is_ready(), "a paused daemon is ready");
    assert_eq!(metric(&daemon, r#"watchkeeper_pauses{scope="provider"}"#), Some(1.0));
    daemon.kill();
    let daemon = place.serve();
    let ready = until("the next one knows", || {
        let ready = get(&daemon, "/readyz");
        ready["details"]["pauses"][0].is_object().then_some(ready)
    });
    let pause = &ready["details"]["pauses"][0];
    assert_eq!((&pause["actor"], &pause["reason"]), (&"cli:jo".into(), &reason.into()), "{pause}");
    let shown = run(&place, &["status"]);
    assert!(shown.contains("PAUSED: provider local, by cli:jo since ") && shown.contains(reason), "{shown}");
    assert!(shown.contains(", last seen "), "a daemon that died is told from one that lives: {shown}");
    assert!(run(&place, &["pauses"]).contains("provider local"));
    assert!(run(&place, &["pause", "provider", "local"]).contains("is paused already"));
    let wrong = place.run(&["resume", "provider", "locla"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains(r#"no provider "locla"; there are: local"#), "{said}");
    let resumed: Value =
        serde_json::from_str(&run(&place, &["resume", "provider", "local", "--json"])).unwrap();
    assert_eq!(
        resumed,
        serde_json::json!({ "scope": "provider", "name": "local", "changed": true, "rest-ended": false })
    );
    assert!(run(&place, &["pauses"]).contains("Nothing is paused."));
    run(&place, &["pause", "account", "C-1"]);
    let refused = place.run(&["run", "--account", "C-1"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("the account is paused, by cli:"), "{said}");
    run(&place, &["resume", "account", "C-1"]);

    // An account is named by its reference id wherever its id is taken; what is no id is said to be none.
    let listed = run(&place, &["audit", "list", "--object", "C-1", "--json"]);
    assert!(listed.contains("account.created"), "{listed}");
    assert!(run(&place, &["retention", "explain", "C-1"]).starts_with("account act_"));
    for arguments in [
        ["audit", "certificate", "act_zz"].as_slice(),
        &["audit", "list", "--object", "act_zz"],
        &["retention", "explain", "act_zz"],
    ] {
        let refused = place.run(arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("accepted is act_ and 26 characters"), "{said}");
    }
    let certificate = place.run(&["audit", "certificate", "C-1"]);
    let said = String::from_utf8_lossy(&certificate.stderr).into_owned();
    assert!(said.contains("no redaction of that object"), "{said}");

    // Without its database: what is asked from memory is answered, what is not says so in time.
    drop(cluster);
    let status = daemon.get("/status").unwrap();
    assert!(status.starts_with("HTTP/1.1 503"), "{status}");
    let status = body(&status);
    assert!(status["errors"][0]["title"].as_str().unwrap().starts_with("the database did not answer"));
    assert!(status["this-process"]["details"]["pauses"].is_array());
    assert!(daemon.get("/healthz").unwrap().starts_with("HTTP/1.1 200"));
    until("/readyz says why", || {
        let ready = get(&daemon, "/readyz");
        (ready["reasons"][0]["concern"] == "database").then_some(())
    });
    assert_eq!(metric(&daemon, "watchkeeper_ready"), Some(0.0));
}

/// What `/monitors_due` and its like say of the provider of most tests: due, overdue, the age of the oldest.
fn due(house: &House) -> (i64, i64, f64) {
    let metrics = &house.engine.metrics;
    let labels = ProviderLabels { provider: "scripted".to_owned() };
    let of = |gauge: &prometheus_client::metrics::family::Family<
        ProviderLabels,
        prometheus_client::metrics::gauge::Gauge,
    >| { gauge.get_or_create(&labels).get() };
    (of(&metrics.due), of(&metrics.overdue), metrics.oldest_due_age.get_or_create(&labels).get())
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_is_due_is_read_and_a_reading_that_takes_too_long_is_given_up(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["p1", "p2"]).await;
    house.clock.advance(Duration::from_secs(90));
    house.people(&["p3"]).await;
    house.import("reference_id,type,name\nb1,business,Test b1\n").await;
    let mut sampler = Sampler::new(house.engine.clone());
    assert_eq!(sampler.activate().await.unwrap(), Activation::Done);
    assert_eq!(due(&house), (3, 2, 90.0));
    assert_eq!(house.engine.metrics.enrol_queue.get(), 1);
    assert_eq!(house.engine.metrics.urgent.get(), 3);
    assert_eq!(house.engine.health.details()["providers"][0]["overdue"], 2);

    for reference in ["p1", "p2", "p3"] {
        house.run(reference).await;
    }
    let mut locked = pool.begin().await.unwrap();
    sqlx::query("lock table monitor_due in access exclusive mode").execute(&mut *locked).await.unwrap();
    let mut sampler = Sampler::new(house.engine.clone());
    assert_eq!(sampler.activate().await.unwrap(), Activation::Done);
    assert_eq!(house.engine.metrics.sample_failures.get(), 1);
    assert_eq!(due(&house), (3, 2, 90.0), "the gauges stay as they were");
    locked.rollback().await.unwrap();
    let mut sampler = Sampler::new(house.engine.clone());
    sampler.activate().await.unwrap();
    assert_eq!(due(&house), (0, 0, 0.0));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_state_that_the_database_does_not_tell_in_time_is_an_answer_that_says_so(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let listener = http::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let served =
        Served::new(house.engine.health.clone(), house.engine.metrics.clone(), house.engine.context.clone());
    let (running, stop) = (tokio_util::task::TaskTracker::new(), CancellationToken::new());
    running.spawn(http::serve(listener, served, fixtures::settings("").http, stop.clone()));
    let mut locked = pool.begin().await.unwrap();
    sqlx::query("lock table hits in access exclusive mode").execute(&mut *locked).await.unwrap();

    let ask = async || {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /status HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    // More than may ask at once: those who wait for their turn are answered in time too.
    let answers = tokio::time::timeout(fixtures::PATIENCE, async { tokio::join!(ask(), ask(), ask()) });
    let (one, two, three) = answers.await.unwrap();
    for answer in [one, two, three] {
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert_eq!(body(&answer)["this-process"]["status"], "ready");
    }
    locked.rollback().await.unwrap();
    let answer = ask().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(body(&answer)["schedules"][0]["name"], "daily");
    stop.cancel();
    running.close();
    running.wait().await;
}
