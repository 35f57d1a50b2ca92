//! A marked text in every personal field is found nowhere that the program or the server writes to:
//! neither in table files nor in the write-ahead log nor in any log, metric or error text.
//!
//! The marks are words invented anew for each run, so that nothing an earlier run left is found.

mod api;
mod marks;

use std::{fmt::Write as _, fs, path::Path};

use marks::{Marks, nearly};
use watchkeeper::{
    app::embedded::{Cluster, Durability, state_folder},
    config,
};

use super::{
    daemon::{Place, until},
    echo::Echo,
};

const CONFIGURATION: &str = r#"
[log]
level = "trace,sqlx=trace,hyper=trace,reqwest=trace"
format = "json"
[engine]
max-attempts = 2
retry-base = "100ms"
retry-max = "200ms"
[lists.own]
format = "ofac-csv"
folder = "list"
[providers.local]
kind = "local"
lists = ["own"]
[providers.echo]
kind = "http"
url = "http://ECHO/ask"
query = { name = "{{name}}" }
body = { names = "{{names}}", born = "{{birth_date}}" }
[providers.echo.answer]
hits = "/hits"
entity = "/id"
name = "/caption"
error = "/problem"
[report-templates.own]
type = "watchlist"
provider = "local"
threshold = 0.7
[report-templates.echo]
type = "watchlist"
provider = "echo"
[schedules.own]
template = "own"
every = "365d"
backfill-per-second = 1000000
accounts = { types = ["individual", "business"] }
on-match = { tags = ["match"], status = "under-review", status-from = ["active"] }
[schedules.echo]
template = "echo"
every = "365d"
backfill-per-second = 1000000
accounts = { types = ["individual", "business"] }
[transaction-types.payment]
statuses = ["open"]
[transaction-types.payment.fields]
note = { type = "string", pii = true }
"#;

/// Everything the server can say, parameters of statements included.
const TALKATIVE: &str = "
    alter system set log_statement = 'all';
    alter system set log_min_duration_statement = 0;
    alter system set log_parameter_max_length = -1;
    alter system set log_parameter_max_length_on_error = -1;
    alter system set log_error_verbosity = 'verbose';
    alter system set log_min_messages = 'debug1';
    alter system set log_min_error_statement = 'debug1';
    alter system set log_lock_waits = on;
    select pg_reload_conf();
";

/// Rows as CSV under the union of their headers.
fn csv(rows: &[Vec<(String, String)>]) -> String {
    let mut headers: Vec<&str> = Vec::new();
    for (header, _) in rows.iter().flatten() {
        if !headers.contains(&header.as_str()) {
            headers.push(header);
        }
    }
    let mut text = format!("{}\n", headers.join(","));
    for row in rows {
        let cell = |header: &&str| {
            row.iter().find(|(known, _)| known == header).map_or("", |(_, cell)| cell.as_str())
        };
        text.push_str(&headers.iter().map(cell).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

fn row(
    reference: &str,
    account_type: &str,
    tag: &str,
    cells: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let mut row: Vec<(String, String)> = [("reference_id", reference), ("type", account_type), ("tags", tag)]
        .map(|(header, cell)| (header.to_owned(), cell.to_owned()))
        .into();
    row.extend(cells);
    row
}

/// A list in OFAC's format that names almost the same people as the accounts.
fn write_list(folder: &Path, people: &[(String, &str)]) {
    fs::create_dir_all(folder).unwrap();
    let mut sdn = String::new();
    for (number, (name, kind)) in people.iter().enumerate() {
        let nothing = "-0- ,".repeat(7);
        writeln!(sdn, "{},\"{name}\",\"{kind}\",\"SAMPLE\",{nothing}\"Sample entry.\"", 800_001 + number)
            .unwrap();
    }
    fs::write(folder.join("sdn.csv"), sdn).unwrap();
    for file in ["alt.csv", "add.csv", "sdn_comments.csv"] {
        fs::write(folder.join(file), "").unwrap();
    }
}

fn cell<'a>(cells: &'a [(String, String)], header: &str) -> &'a str {
    cells.iter().find(|(known, _)| known == header).map(|(_, cell)| cell.as_str()).unwrap()
}

#[test]
fn personal_data_is_in_no_file_log_or_metric_but_is_shown_to_who_asks() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cluster = Cluster::start(&state_folder(&variable).unwrap(), "canary", Durability::Full).unwrap();
    let echo = Echo::start();
    let place = Place::new(&cluster, "watchkeeper_canary", &CONFIGURATION.replace("ECHO", &echo.address()));
    place.tell_one_by_one(TALKATIVE);
    let outputs = place.folder().join("outputs");
    fs::create_dir_all(&outputs).unwrap();

    // Three of each type, so that each behaviour of the provider meets each type.
    let shipped = config::load(Some(&place.folder().join("watchkeeper.toml")), std::iter::empty()).unwrap();
    let (mut marks, mut plain) = (Marks::default(), Marks::default());
    let (reference, tag) = (plain.word("reference id"), plain.word("tag"));
    let (mut rows, mut listed, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for account_type in shipped.account_types.values() {
        for number in 0..3 {
            let before = marks.all.len();
            let cells = marks.cells(account_type);
            if account_type.name == "business" {
                listed.push((nearly(cell(&cells, "business_name")), "-0- "));
            } else {
                let last = nearly(cell(&cells, "name_last")).to_uppercase();
                let rest = [cell(&cells, "name_first"), cell(&cells, "name_middle")].map(nearly).join(" ");
                listed.push((format!("{last}, {rest}"), "individual"));
            }
            let reference = format!("{reference}-{}-{number}", account_type.name);
            shown.push((reference.clone(), before..marks.all.len()));
            rows.push(row(&reference, &account_type.name, &tag, cells));
        }
    }
    write_list(&place.folder().join("list"), &listed);
    fs::write(place.folder().join("good.csv"), csv(&rows)).unwrap();
    let good = place.run(&["import", "good.csv", "--json"]);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stdout));

    let mut daemon = place.serve();
    until_settled(&place);

    // The same again with another name, and rows with all sorts of faults.
    let mut changed = rows[0].clone();
    for (header, cell) in &mut changed {
        if header == "name_middle" || header == "business_name" {
            *cell = marks.word("changed name");
        }
    }
    fs::write(place.folder().join("bad.csv"), bad_rows(&mut marks, &changed)).unwrap();
    let bad = place.run(&["import", "bad.csv"]);
    assert_eq!(bad.status.code(), Some(2), "the bad rows are named");
    fs::write(outputs.join("import"), [good.stdout, good.stderr, bad.stdout.clone(), bad.stderr].concat())
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&bad.stdout).matches("accepted").count(),
        5,
        "a reason for each bad row"
    );

    until("the changed account has run again", || {
        (place.ask::<i64>("select count(*) from runs where trigger = 'account-change'") >= 2).then_some(())
    });
    until_settled(&place);

    let ran = place.run(&["run", "--account", &shown[0].0]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    fs::write(outputs.join("run's errors"), ran.stderr).unwrap();
    assert!(place.ask::<i64>("select count(*) from hits where list = 'own'") == 6, "the list's hits");
    assert!(place.ask::<i64>("select count(*) from hits where list = 'echo'") >= 2, "the provider's hits");
    assert!(place.ask::<i64>("select count(*) from runs where outcome = 'error'") >= 2, "failed runs");
    assert!(echo.failures() > 0 && echo.broken() > 0, "the provider failed in both ways");

    let redacted = format!("{reference}-individual-1");
    api::fill(&place, &daemon, &mut marks, &redacted, &outputs);
    for path in ["/metrics", "/readyz"] {
        fs::write(outputs.join(path.trim_start_matches('/')), daemon.get(path).unwrap()).unwrap();
    }
    place.tell("checkpoint");
    daemon.terminate();
    until("the daemon has stopped", || daemon.ended());

    for (reference, range) in shown.into_iter().filter(|(reference, _)| *reference != redacted) {
        let account = place.run(&["account", &reference, "--json"]);
        fs::write(outputs.join("account's errors"), &account.stderr).unwrap();
        let text = String::from_utf8_lossy(&account.stdout).to_lowercase();
        for (mark, field) in &marks.all[range] {
            let away =
                field.ends_with("transliterated") || (field.contains("middle") && reference == rows[0][0].1);
            assert!(
                away || text.contains(&mark.to_lowercase()),
                "{field} of {reference} is shown to who asks"
            );
        }
    }

    let log = fs::read_to_string(cluster.log()).unwrap();
    assert!(log.contains("parameters: $1") && log.contains("insert into accounts"), "the server told all");
    let (data, scratch) = (cluster.data(), place.folder().join("patterns"));
    let searched = [data.clone(), cluster.log(), place.folder().join("daemon.log"), outputs];
    // Stopped, so that everything is in its file.
    drop(cluster);
    let found = plain.found_in(&searched, &scratch);
    for file in ["data/base/", "data/pg_wal/", "server.log"] {
        let seen = |place: &str| found.iter().any(|found| found.starts_with(place) && found.contains(file));
        assert!(seen("reference id"), "the search finds a plain word in {file}: {found:?}");
        assert!(seen("tag"), "the search finds a plain word in {file}: {found:?}");
    }
    assert_eq!(marks.found_in(&searched, &scratch), [""; 0], "personal data was written in the clear");
    fs::remove_dir_all(place.folder()).unwrap();
}

/// Waits until every account has run under both schedules, and nothing is left to do.
fn until_settled(place: &Place) {
    until("every monitor has run", || {
        let monitors = place.ask::<i64>("select count(*) from monitor_due where slot > 0");
        let left = place.ask::<i64>(
            "select (select count(*) from monitor_due where next_run_at <= clock_timestamp())
                 + (select count(*) from enrol_queue)",
        );
        (monitors == 12 && left == 0).then_some(())
    });
}

/// A good row, and five bad ones, all with marked names.
fn bad_rows(marks: &mut Marks, good: &[(String, String)]) -> String {
    let mut spoiled = |header: &str, cell: &str, number: usize| {
        let mut row = good.to_vec();
        row.iter_mut().find(|(known, _)| known == "reference_id").unwrap().1 = format!("bad-{number}");
        for (known, name) in &mut row {
            if known.starts_with("name") || known.ends_with("name") {
                *name = marks.word("name of a bad row");
            }
        }
        let cell = format!("{cell}{}", marks.word("cell of a bad row"));
        match row.iter_mut().find(|(known, _)| known == header) {
            Some((_, found)) => *found = cell,
            None => row.push((header.to_owned(), cell)),
        }
        row
    };
    let rows = [
        good.to_vec(),
        spoiled("birthdate", "", 1),
        spoiled("status", "", 2),
        spoiled("type", "", 3),
        spoiled("email_address", "\u{7}", 4),
    ];
    let mut text = csv(&rows);
    // One that has too many cells.
    let cells = format!("{},", marks.word("cell of a bad row")).repeat(99);
    writeln!(text, "bad-5,individual,{cells}").unwrap();
    text
}
