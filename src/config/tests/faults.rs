//! The faults that people read, word for word.

use super::*;

pub(super) fn faults(text: &str) -> Vec<String> {
    faults_with(text, &[])
}

fn faults_with(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let faults = load_with(text, environment).expect_err("there are faults");
    faults.iter().map(Fault::to_string).collect()
}

#[test]
fn every_fault_is_named_at_once_with_its_place() {
    let text = "\
[database]
max-connections = 1
statement_timeout = '10s'

[http]
listen = 'localhost'

[log]
level = 'loud'
format = 'xml'

[engine]
claim-batch = 'many'
run-deadline = '30 parsecs'
retry-base = 5
retry-max = '1s'
reconcile = 'hourly'

[speed]
warp = 9
";
    assert_eq!(
        faults_with(text, &[("WATCHKEEPER__ENGINE__MAX_ATTEMPTS", "-1"), ("WATCHKEEPER__HTTP__PORT", "80")]),
        [
            "environment variable WATCHKEEPER__ENGINE__MAX_ATTEMPTS: engine.max-attempts: \
             accepted is a whole number from 0 up, found \"-1\"",
            "environment variable WATCHKEEPER__HTTP__PORT: http.port: is not a known key; known here are listen, \
             max-connections, client-timeout, requests-per-minute, trusted-proxies",
            "etc/wk.toml:2: database.max-connections: accepted is a whole number from 2 to 1000, found 1",
            "etc/wk.toml:3: database.statement_timeout: is not a known key; known here are \
             url, max-connections, statement-timeout, application-name",
            "etc/wk.toml:6: http.listen: accepted is an IP address and a port, such as 127.0.0.1:8470, \
             found \"localhost\"",
            "etc/wk.toml:9: log.level: accepted is a level (off, error, warn, info, debug, trace) or levels by \
             module, such as info,watchkeeper::engine=debug, found \"loud\"",
            "etc/wk.toml:10: log.format: accepted is one of text, json, found \"xml\"",
            "etc/wk.toml:13: engine.claim-batch: accepted is a whole number from 0 up, found \"many\"",
            "etc/wk.toml:14: engine.run-deadline: accepted is a duration such as 90s, 6h or 1d, \
             found \"30 parsecs\"",
            "etc/wk.toml:15: engine.retry-base: accepted is a duration such as 90s, 6h or 1d, found 5",
            "etc/wk.toml:16: engine.retry-max: accepted is a duration from 5s to 7days, found \"1s\"",
            "etc/wk.toml:17: engine.reconcile: accepted is a cron pattern of five fields (minute, hour, day, \
             month, weekday) that some day answers, found \"hourly\"",
            "etc/wk.toml:19: speed: is not a known key; known here are database, vault, http, log, \
             telemetry, engine, storage, audit, lists, providers, account-types, transaction-types, report-templates, \
             schedules, inquiry-templates, reverifications, retention",
        ]
    );
}

#[test]
fn no_fault_shows_a_secret() {
    let text = "\
[database]
url = 'mysql://u:hunter2@h'
[providers.x]
kind = 'http'
url = 'http://u:hunter2@h'
headers = { Authorization = 'Bearer hunter2', Accept = ['hunter2'] }
method = 'GET'
query = { api_key = 'hunter2' }
body = 'hunter2'
answer = { hits = '', entity = '/id' }
";
    let found = faults(text);
    assert_eq!(
        found,
        [
            "etc/wk.toml:2: database.url: accepted is a URL that starts with postgres://",
            "etc/wk.toml:5: providers.x.url: accepted is a URL that starts with http:// or https:// and holds \
             no user, password or placeholder",
            "etc/wk.toml:6: providers.x.headers.Accept: accepted is a text or { file = \"path\" }",
            "etc/wk.toml:6: providers.x.headers.Authorization: accepted is { file = \"path\" }, for it holds a \
             secret",
            "etc/wk.toml:8: providers.x.query.api_key: accepted is no secret in a URL, which others log: send it \
             as a header from a file",
            "etc/wk.toml:9: providers.x.body: accepted is a table",
        ]
    );
    assert_eq!(faults("database = 'hunter2'"), ["etc/wk.toml:1: database: accepted is a table"]);
    let common = faults_with("", &[("DATABASE_URL", "hunter2")]);
    assert_eq!(
        common,
        ["environment variable DATABASE_URL: database.url: accepted is a URL that starts with postgres://"]
    );
}

#[test]
fn providers_are_checked() {
    let text = "\
[providers.Here]
kind = 'local'
lists = ['ofac', 'ofac']
threshold = 1.5
url = 'http://x'
[providers.empty]
[providers.there]
kind = 'http'
timeout = '30s'
connect-timeout = '31s'
max-answer-bytes = 1
retryable-statuses = [200]
idempotency-header = 'a b'
lists = []
burst = 5
concurrency = 0
answer = { hits = 'x', score-scale = 0, facts = ['/a', 'b'] }
";
    assert_eq!(
        faults(text),
        [
            "etc/wk.toml:1: providers.Here: accepted are names of small letters, digits and dashes, at most 64",
            "etc/wk.toml:3: providers.Here.lists[0]: accepted is the name of a list (there is none), found \"ofac\"",
            "etc/wk.toml:3: providers.Here.lists[1]: accepted is each text once, found \"ofac\"",
            "etc/wk.toml:3: providers.Here.lists[1]: accepted is the name of a list (there is none), found \"ofac\"",
            "etc/wk.toml:4: providers.Here.threshold: accepted is a number from 0 to 1, found 1.5",
            "etc/wk.toml:5: providers.Here.url: is only for providers of kind \"http\", \"yente\", \"watchman\"",
            "etc/wk.toml:6: providers.empty.kind: is missing; accepted is \"local\", \"http\", \"yente\" or \"watchman\"",
            "etc/wk.toml:7: providers.there.url: is missing; accepted is a URL that starts with http:// or https://",
            "etc/wk.toml:9: providers.there.timeout: accepted is a duration from 10ms to less than \
             engine.run-deadline, which is 30s, found \"30s\"",
            "etc/wk.toml:10: providers.there.connect-timeout: accepted is a duration from 10ms to 30s, found \"31s\"",
            "etc/wk.toml:11: providers.there.max-answer-bytes: accepted is a whole number from 1024 to 67108864, \
             found 1",
            "etc/wk.toml:12: providers.there.retryable-statuses[0]: accepted is a whole number from 300 to 599, \
             found 200",
            "etc/wk.toml:13: providers.there.idempotency-header: accepted is the name of a header, found \"a b\"",
            "etc/wk.toml:14: providers.there.lists: is only for providers of kind \"local\"",
            "etc/wk.toml:15: providers.there.burst: is only for providers with a rate-per-second, found 5",
            "etc/wk.toml:16: providers.there.concurrency: accepted is a whole number from 1 to 10000, found 0",
            "etc/wk.toml:17: providers.there.answer.entity: is missing; accepted is a JSON pointer into a hit",
            "etc/wk.toml:17: providers.there.answer.facts[1]: accepted is a JSON pointer, such as /results/0, \
             found \"b\"",
            "etc/wk.toml:17: providers.there.answer.hits: accepted is a JSON pointer, such as /results/0, \
             found \"x\"",
            "etc/wk.toml:17: providers.there.answer.score-scale: accepted is a number above 0, at most 1000000000, \
             found 0",
        ]
    );
}

#[test]
fn a_body_is_not_sent_with_get() {
    let text = "[lists]\n[providers.x]\nkind = 'http'\nurl = 'https://x'\nmethod = 'GET'\nbody = { a = 1 }\n\
                answer = { hits = '/a', entity = '/b' }";
    assert_eq!(faults(text), ["etc/wk.toml:6: providers.x.body: is not sent with GET; use query"]);
    assert!(load_with(&text.replace("GET", "PUT"), &[]).is_ok());
}

#[test]
fn a_value_of_another_form_is_always_a_fault_with_its_line() {
    let reference = uncommented(DEFAULT);
    let lines: Vec<&str> = reference.lines().collect();
    for (place, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        let mut changed = lines.clone();
        let other = format!("{key} = [[{{ \"no such key\" = 1979-05-27 }}]]");
        changed[place] = &other;
        let found = faults(&changed.join("\n"));
        let start = format!("etc/wk.toml:{}: ", place + 1);
        assert!(found.iter().any(|fault| fault.starts_with(&start)), "{other}: {found:#?}");
    }
}

#[test]
fn account_types_are_checked() {
    let text = "\
[account-types.boat]
statuses = ['afloat', 'sunk']
default-status = 'lost'
screened = { names = ['name', 'length'], birth-date = 'name', countries = ['flag'] }
[account-types.boat.fields]
name = { type = 'string', choices = ['a'] }
length = { type = 'number' }
Keel = { type = 'string' }
sails = { type = 'choices' }
flag = { type = 'cloth' }
";
    assert_eq!(
        faults(text),
        [
            "etc/wk.toml:1: account-types.boat.kind: is missing; accepted is \"person\" or \"organisation\"",
            "etc/wk.toml:3: account-types.boat.default-status: accepted is one of the statuses (afloat, sunk), \
             found \"lost\"",
            "etc/wk.toml:4: account-types.boat.screened.birth-date: accepted is a field of type date \
             (there is none), found \"name\"",
            "etc/wk.toml:4: account-types.boat.screened.names[1]: accepted is a field of names (Keel, name), \
             found \"length\"",
            "etc/wk.toml:6: account-types.boat.fields.name.choices: is only for fields of type choices",
            "etc/wk.toml:8: account-types.boat.fields.Keel: accepted are keys in snake_case, at most 63 characters",
            "etc/wk.toml:9: account-types.boat.fields.sails.choices: is missing; accepted is a list of texts",
            "etc/wk.toml:10: account-types.boat.fields.flag.type: accepted is one of string, integer, number, \
             boolean, date, datetime, choices, multi-choices, array, hash, json, file, email-address, string-list, \
             person-name, found \"cloth\"",
        ]
    );
}

#[test]
fn schedules_are_checked_against_what_they_name() {
    let text = "\
[report-templates.t]
type = 'watchlist'
provider = 'nobody'
threshold = -1
[schedules.a]
template = 'u'
every = '30s'
backfill-per-second = 0
accounts = { types = ['individual', 'robot'], statuses = ['activ'], tags-any = [''], fields = { name = ['x'], country_code = [7] } }
on-match = { status = 'frozen', mode = 'stop' }
on-clear = { status = 'active' }
[schedules.b]
template = 't'
cron = '0 0 31 2 *'
time-zone = 'Mars/Olympus'
accounts = { types = [] }
on-match = { status-from = ['active'] }
on-clear = { status = 'active' }
[schedules.c]
every = '1h'
cron = '0 0 * * *'
time-zone = 'UTC'
[schedules.d]
template = 't'
every = '1h'
spread = '2h'
time-zone = 'UTC'
accounts = { types = ['individual'] }
[schedules.e]
template = 't'
accounts = { types = ['individual'] }
";
    assert_eq!(
        faults(text),
        [
            "etc/wk.toml:3: report-templates.t.provider: accepted is the name of a provider (there is none), \
             found \"nobody\"",
            "etc/wk.toml:4: report-templates.t.threshold: accepted is a number from 0 to 1, found -1",
            "etc/wk.toml:6: schedules.a.template: accepted is the name of a report template (t), found \"u\"",
            "etc/wk.toml:7: schedules.a.every: accepted is a duration from 1m to 3650d, found \"30s\"",
            "etc/wk.toml:8: schedules.a.backfill-per-second: accepted is a number above 0, at most 1000000, found 0",
            "etc/wk.toml:9: schedules.a.accounts.fields.country_code[0]: accepted is a text of at most 1024 \
             characters without control characters, found 7",
            "etc/wk.toml:9: schedules.a.accounts.fields.name: accepted are fields of individual without pii \
             (country_code, nationality)",
            "etc/wk.toml:9: schedules.a.accounts.statuses[0]: accepted is a status of individual (active, \
             under-review, blocked, closed), found \"activ\"",
            "etc/wk.toml:9: schedules.a.accounts.tags-any[0]: accepted is a text of 1 to 128 characters without \
             blanks around it, found \"\"",
            "etc/wk.toml:9: schedules.a.accounts.types[1]: accepted is the name of an account type (business, \
             individual), found \"robot\"",
            "etc/wk.toml:10: schedules.a.on-match.mode: accepted is one of continue, hold, found \"stop\"",
            "etc/wk.toml:10: schedules.a.on-match.status: accepted is a status of individual (active, \
             under-review, blocked, closed), found \"frozen\"",
            "etc/wk.toml:10: schedules.a.on-match.status-from: is missing; accepted is a list of the statuses \
             that may be changed",
            "etc/wk.toml:14: schedules.b.cron: accepted is a cron pattern of five fields (minute, hour, day, \
             month, weekday) that some day answers, found \"0 0 31 2 *\"",
            "etc/wk.toml:15: schedules.b.time-zone: accepted is a name of the IANA time zone database, such as \
             Europe/Berlin, found \"Mars/Olympus\"",
            "etc/wk.toml:16: schedules.b.accounts.types: is missing; accepted is a list of names of account types",
            "etc/wk.toml:17: schedules.b.on-match.status-from: is only for effects with a status",
            "etc/wk.toml:18: schedules.b.on-clear.status: is only for schedules with on-match.status",
            "etc/wk.toml:19: schedules.c.accounts.types: is missing; accepted is a list of names of account types",
            "etc/wk.toml:19: schedules.c.template: is missing; accepted is the name of a report template",
            "etc/wk.toml:21: schedules.c.cron: accepted is either every or cron, found both",
            "etc/wk.toml:26: schedules.d.spread: accepted is a duration no longer than the interval, at most \
             3650d, found \"2h\"",
            "etc/wk.toml:27: schedules.d.time-zone: is only for schedules with cron, found \"UTC\"",
            "etc/wk.toml:29: schedules.e.every: is missing; accepted is a duration from 1m to 3650d; or else cron",
        ]
    );
}

#[test]
fn a_status_must_be_known_to_each_selected_type() {
    let text = "\n[account-types.business]\nstatuses = ['active']\n[schedules.both]\ntemplate = 'watchlist'\n\
                every = '1h'\naccounts = { types = ['individual', 'business'], statuses = ['blocked'] }";
    let text = sound().replace("[schedules.businesses]", "[schedules.businesses-off]") + text;
    let text = text.replace("statuses = [\"active\", \"under-review\"]", "statuses = [\"active\"]");
    let found = faults(&text);
    assert!(
        found.iter().any(|fault| fault.ends_with(
            "schedules.both.accounts.statuses[0]: accepted is a status of business (active), found \"blocked\""
        )),
        "{found:#?}"
    );
}

#[test]
fn master_keys_are_checked() {
    let text = "\
[[vault.master-keys]]
id = 'a'
file = 'a'
[[vault.master-keys]]
id = 'a'
[[vault.master-keys]]
id = 'B'
file = ''
";
    assert_eq!(
        faults(text),
        [
            "etc/wk.toml:1: vault.current: is missing; accepted is the id of a master key",
            "etc/wk.toml:4: vault.master-keys[1].file: is missing; accepted is a path to a file of 64 hexadecimal \
             digits",
            "etc/wk.toml:7: vault.master-keys[2].id: accepted is an id of small letters, digits and dashes, at \
             most 64, found \"B\"",
            "etc/wk.toml:8: vault.master-keys[2].file: accepted is a path, found \"\"",
        ]
    );
    let text = "[vault]\ncurrent = 'b'\nmaster-keys = [{ id = 'a', file = 'a' }]";
    let found = "etc/wk.toml:2: vault.current: accepted is the id of a master key (a), found \"b\"";
    assert_eq!(faults(text), [found]);
}

#[test]
fn what_cannot_be_read_is_one_fault_and_no_second_one() {
    let text =
        sound().replace("folder = \"lists/ofac\"", "folder = 5").replace("lists = [\"ofac\"]", "lists = [5]");
    let found = faults(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].ends_with("lists.ofac.folder: accepted is a text, found 5"), "{found:#?}");
    assert!(found[1].ends_with("providers.local.lists[0]: accepted is a text, found 5"), "{found:#?}");
    assert_eq!(faults("engine = 5"), ["etc/wk.toml:1: engine: accepted is a table, found 5"]);
    assert_eq!(
        faults("[providers]\nx = 5\ny = 'z'"),
        [
            "etc/wk.toml:2: providers.x: accepted is a table",
            "etc/wk.toml:3: providers.y: accepted is a table",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_a_fault() {
    let found = faults("[engine]\nclaim-batch = = 5");
    assert!(found[0].starts_with("etc/wk.toml:2: is not TOML: "), "{found:?}");
    let gone = load(Some(Path::new("/nowhere/wk.toml")), pairs(&[])).unwrap_err();
    assert_eq!(gone.to_string(), "/nowhere/wk.toml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn a_list_has_one_source_of_the_kind_that_its_format_has() {
    let found = |list: &str| {
        let text = sound().replace("format = \"ofac-csv\"\nfolder = \"lists/ofac\"", list);
        faults(&text).join("\n")
    };
    let cases = [
        ("format = 'un-xml'\nfolder = 'x'", "folder: is not for lists of one file"),
        ("format = 'ofac-csv'\nfile = 'x'", "file: is not for lists of several files"),
        ("format = 'un-xml'", "file: is missing; accepted is the path of a file; or url instead"),
        (
            "format = 'un-xml'\nfile = 'x'\nurl = 'https://x.example'",
            "url: accepted is either this or a path",
        ),
        (
            "format = 'un-xml'\nurl = 'ftp://x.example'",
            "url: accepted is a URL that starts with http:// or https://",
        ),
        ("format = 'un-xml'\nurl = 'https://x.example'", "url: needs a folder to keep versions in"),
        ("format = 'list'\nmax-age = '1d'", "max-age: is not for lists of format \"list\""),
        (
            "format = 'un-xml'\nfile = 'x'\nlargest-shrink = 2.0",
            "largest-shrink: accepted is a number from 0 to 1",
        ),
        ("format = 'un-xml'\nfile = 'x'\nrefresh = 'often'", "refresh: accepted is a cron pattern"),
    ];
    for (list, fault) in cases {
        assert!(found(list).contains(fault), "{list}: {}", found(list));
    }
}
