//! Keeps the house in order: which room may name which, where a library may be used, how long a file
//! may be, what a migration looks like. Each check is also shown a planted fault.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "architecture/source.rs"]
mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use source::{code_of, paths_of, without_tests};

/// Each room of `src/`, and the rooms it may name. Documentation comments may name any.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("names", &[]),
    ("domain", &["names"]),
    ("ambient", &[]),
    ("config", &["domain"]),
    ("telemetry", &["config"]),
    ("planning", &["domain"]),
    ("vault", &["domain", "ambient"]),
    ("store", &["domain", "vault"]),
    ("screening", &["names", "domain"]),
    ("providers", &["domain", "ambient", "config", "screening"]),
    ("actions", &["names", "domain", "ambient", "screening", "store", "vault"]),
    (
        "engine",
        &[
            "names",
            "domain",
            "ambient",
            "config",
            "telemetry",
            "vault",
            "store",
            "screening",
            "providers",
            "actions",
        ],
    ),
    // `/healthz`, `/readyz` and `/metrics` show what telemetry collects.
    ("http", &["names", "domain", "ambient", "config", "telemetry", "screening", "store", "actions"]),
    (
        "app",
        &[
            "names",
            "domain",
            "ambient",
            "config",
            "telemetry",
            "vault",
            "store",
            "screening",
            "providers",
            "planning",
            "actions",
            "engine",
            "http",
        ],
    ),
    // `actions`, `planning` and `domain` for the views that commands print, `telemetry` to set up the log.
    ("cli", &["app", "config", "planning", "actions", "domain", "telemetry"]),
    ("main", &["cli"]),
    // It declares the rooms, and its documentation is their map.
    ("lib", &[]),
];

/// Names that only some rooms may use. A trailing `*` stands for any rest of the word.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx::query*", &["store"]),
    ("sqlx::raw_sql", &["store"]),
    ("sqlx::QueryBuilder", &["store"]),
    ("axum*", &["http"]),
    ("hyper*", &["http"]),
    ("reqwest*", &["providers"]),
];

/// The most lines of a file, its tests apart.
const LONGEST: usize = 400;

/// Files that may be longer, each with the reason.
const LONGER: &[(&str, &str)] = &[];

#[test]
fn rooms_name_only_rooms_below_them() {
    let faults: Vec<String> =
        sources("src").iter().flat_map(|(path, text)| room_faults(&below(path, "src"), text)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn libraries_stay_in_their_rooms() {
    let faults: Vec<String> =
        sources("src").iter().flat_map(|(path, text)| library_faults(&below(path, "src"), text)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_file_is_too_long() {
    let files: Vec<_> = ["src", "tests"].into_iter().flat_map(sources).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (below(path, "."), text.as_str())).collect();
    let faults = length_faults(&files, LONGER);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_migration_is_one_change_and_begins_with_a_sentence() {
    let mut names = BTreeSet::new();
    let mut faults = Vec::new();
    for (path, text) in files("migrations", "sql") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !names.insert(name.split('_').next().unwrap().to_owned()) {
            faults.push(format!("{name}: another migration has its number"));
        }
        faults.extend(migration_faults(&name, &text));
    }
    assert!(!names.is_empty(), "no migrations were found");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_room_is_known_and_every_known_room_is_there() {
    let there: BTreeSet<String> =
        sources("src").iter().map(|(path, _)| room_of(&below(path, "src")).to_owned()).collect();
    let known: BTreeSet<String> = MAY_NAME.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(there, known);
}

/// The rooms that a file names and may not.
fn room_faults(path: &str, text: &str) -> Vec<String> {
    let rules: BTreeMap<_, _> = MAY_NAME.iter().copied().collect();
    let room = room_of(path);
    let Some(allowed) = rules.get(room) else { return vec![format!("{path}: room {room} is not known")] };
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    let mut named: BTreeSet<String> = BTreeSet::new();
    for parts in paths_of(&code_of(text)) {
        if ["crate", "watchkeeper"].contains(&parts[0].as_str()) {
            named.extend(parts.into_iter().nth(1));
        }
    }
    // An inline test module is one step deeper, so its `super` leads nowhere above.
    for parts in paths_of(&code_of(&without_tests(text))) {
        let climbs = parts.iter().take_while(|part| *part == "super").count();
        if climbs >= depth {
            named.extend(parts.into_iter().nth(climbs));
        }
    }
    let mut faults = Vec::new();
    for named in named {
        if named == "*" {
            faults.push(format!("{path}: names everything"));
        } else if rules.contains_key(named.as_str()) && named != room && !allowed.contains(&named.as_str()) {
            faults.push(format!("{path}: names {named}"));
        }
    }
    faults
}

/// The libraries that a file uses outside their rooms.
fn library_faults(path: &str, text: &str) -> Vec<String> {
    let room = room_of(path);
    let mut faults = Vec::new();
    for named in paths_of(&code_of(text)) {
        let named = named.join("::");
        for (library, rooms) in ONLY_IN {
            let is_it = match library.strip_suffix('*') {
                Some(start) => named.starts_with(start),
                None => named == *library || named.starts_with(&format!("{library}::")),
            };
            // `use sqlx::*` brings the statements too.
            let whole = library.split_once("::").is_some_and(|(of, _)| named == format!("{of}::*"));
            if (is_it || whole) && !rooms.contains(&room) {
                faults.push(format!("{path}: uses {named}"));
            }
        }
    }
    faults
}

/// The files that are too long, and the exceptions that no longer are any.
fn length_faults(files: &[(String, &str)], longer: &[(&str, &str)]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut excepted: BTreeSet<&str> = longer.iter().map(|(path, _)| *path).collect();
    for (path, text) in files {
        let name = path.rsplit('/').next().unwrap_or_default();
        if path.starts_with("src/") && (name == "tests.rs" || name.ends_with("_tests.rs")) {
            continue;
        }
        let lines = without_tests(text).lines().filter(|line| *line != source::CUT).count();
        let is_excepted = excepted.remove(path.as_str());
        if lines > LONGEST && !is_excepted {
            faults.push(format!("{path}: {lines} lines"));
        } else if lines <= LONGEST && is_excepted {
            faults.push(format!("{path}: is no longer too long, and still an exception"));
        }
    }
    faults.extend(excepted.iter().map(|path| format!("{path}: is an exception, and not there")));
    faults
}

/// What is wrong with a migration.
fn migration_faults(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: &str| faults.push(format!("{name}: {what}"));
    let (number, rest) = name.split_once('_').unwrap_or_default();
    let words = rest.strip_suffix(".sql").unwrap_or_default();
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if number.len() != 14
        || !number.bytes().all(|byte| byte.is_ascii_digit())
        || words.is_empty()
        || !words.bytes().all(is_word)
    {
        fault("accepted is a name of 14 digits, _ and words in snake_case");
    }
    let lines = text.lines().skip_while(|line| *line == "-- no-transaction");
    let opening: Vec<&str> = lines.map_while(|line| line.strip_prefix("-- ")).collect();
    let opening = opening.join(" ");
    if !opening.starts_with(|first: char| first.is_ascii_uppercase()) || !opening.ends_with('.') {
        fault("does not begin with a sentence that says why");
    }
    let statements: String =
        text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let statements = statements.to_lowercase();
    let words: Vec<&str> = statements.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let after = |start: &[&str]| -> BTreeSet<&str> {
        let places = words.windows(start.len() + 1).filter(|window| window.starts_with(start));
        places.map(|window| window[start.len()]).collect()
    };
    let created = after(&["create", "table"]);
    let mut touched = after(&["alter", "table"]);
    touched.extend(after(&["drop", "table"]));
    if touched.difference(&created).count() > usize::from(created.is_empty()) {
        fault("changes more than one thing");
    }
    if words.contains(&"concurrently") && !text.starts_with("-- no-transaction\n") {
        fault("builds an index concurrently inside a transaction: begin with -- no-transaction");
    }
    faults
}

/// `store/mod.rs` is in the room `store`, `main.rs` in `main`.
fn room_of(path: &str) -> &str {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn below(path: &Path, folder: &str) -> String {
    let folder = root().join(folder);
    let base = folder.canonicalize().unwrap();
    path.strip_prefix(base).unwrap().to_str().unwrap().to_owned()
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let found = files(folder, "rs");
    assert!(!found.is_empty(), "no sources were found in {folder}");
    found
}

/// The files of a kind under a folder, however deep.
fn files(folder: &str, kind: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder).canonicalize().unwrap()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == kind) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

mod shown_to_fail {
    use super::*;

    #[test]
    fn a_room_that_names_one_above_it_is_found_however_it_is_written() {
        for text in [
            "use crate::store::runs;",
            "use crate::{domain::{id, hit::{Change, compare}}, store::{runs, due}};",
            "use crate::{\n    domain::id::Shard,\n    store,\n};",
            "use watchkeeper::store;",
            "fn a() { let x = crate::store::now(); }",
            "fn a(x: Vec<crate::store::Store>) {}",
            "use super::super::store;",
            "pub(in crate::store) fn a() {}",
            "const A: &str = \"\\\"\"; use crate::store;",
        ] {
            assert_eq!(
                room_faults("screening/index.rs", text),
                ["screening/index.rs: names store"],
                "{text}"
            );
        }
        assert_eq!(room_faults("names/mod.rs", "use super::domain::id;"), ["names/mod.rs: names domain"]);
        assert_eq!(room_faults("store/due.rs", "use crate::*;"), ["store/due.rs: names everything"]);
        assert_eq!(room_faults("cellar/mod.rs", ""), ["cellar/mod.rs: room cellar is not known"]);
    }

    #[test]
    fn a_room_that_names_those_below_it_is_not_found() {
        for text in [
            "use crate::{domain::id::Shard, names};",
            "use super::list::List;",
            "use super::super::screening;",
            "//! Above is [`crate::store`].\nfn a() {}",
            "/* crate::store /* crate::store */ crate::store */",
            "const A: &str = \"crate::store\"; const B: &str = r#\"\"crate::store\"#;",
            "fn a<'a>(b: &'a str) -> char { '\"' } // \"crate::store",
            "pub(crate) fn store() {}",
        ] {
            assert_eq!(room_faults("screening/index.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_library_outside_its_room_is_found() {
        for (text, named) in [
            ("sqlx::query!(\"select\")", "sqlx::query"),
            ("sqlx::query_scalar::<_, i32>(\"\")", "sqlx::query_scalar"),
            ("use sqlx::{PgConnection, query_as};", "sqlx::query_as"),
            ("use sqlx::*;", "sqlx::*"),
            ("use axum::{Router, routing::get};", "axum::Router"),
            ("use reqwest::Client;", "reqwest::Client"),
        ] {
            let faults = library_faults("engine/run.rs", text);
            assert!(faults.contains(&format!("engine/run.rs: uses {named}")), "{text}: {faults:?}");
        }
        assert!(library_faults("engine/run.rs", "use sqlx::PgConnection; // sqlx::query").is_empty());
        assert!(library_faults("store/runs.rs", "sqlx::query!(\"\")").is_empty());
        assert!(library_faults("http/mod.rs", "use axum::Router;").is_empty());
    }

    #[test]
    fn a_file_that_is_too_long_is_found_and_so_is_an_exception_that_is_none() {
        let long = "fn a() {}\n".repeat(LONGEST + 1);
        let tests = format!("fn a() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        let found = |path: &str, text: &str, longer: &[(&str, &str)]| {
            length_faults(&[(path.to_owned(), text)], longer)
        };
        assert_eq!(found("src/a.rs", &long, &[]), ["src/a.rs: 401 lines"]);
        assert_eq!(found("src/a.rs", &tests, &[]), [""; 0]);
        assert_eq!(found("src/a/tests.rs", &long, &[]), [""; 0]);
        assert_eq!(found("tests/it/tests.rs", &long, &[]), ["tests/it/tests.rs: 401 lines"]);
        assert_eq!(found("src/a.rs", &long, &[("src/a.rs", "a table")]), [""; 0]);
        assert_eq!(
            found("src/a.rs", "fn a() {}", &[("src/a.rs", "a table"), ("src/b.rs", "a table")]),
            [
                "src/a.rs: is no longer too long, and still an exception",
                "src/b.rs: is an exception, and not there"
            ]
        );
    }

    #[test]
    fn a_migration_of_another_form_is_found() {
        let faults = |name: &str, text: &str| migration_faults(name, text).len();
        let (name, why) = ("20261122000001_a.sql", "-- Why it is.\n");
        assert_eq!(faults(name, "-- Why\n-- it is.\ncreate table a (b int);\nalter table a add c int;"), 0);
        assert_eq!(faults("1_a.sql", why), 1);
        assert_eq!(faults("20261122000001_A.sql", why), 1);
        assert_eq!(faults(name, "create table a (b int); -- Why it is."), 1);
        assert_eq!(faults(name, "-- why it is\ncreate table a (b int);"), 1);
        assert_eq!(faults(name, &format!("{why}alter table a add c int; alter table b add c int;")), 1);
        assert_eq!(faults(name, &format!("{why}create table a (b int);\ndrop table b;")), 1);
        assert_eq!(faults(name, &format!("{why}create index concurrently a on b (c);")), 1);
        let outside = format!("-- no-transaction\n{why}create index concurrently a on b (c);");
        assert_eq!(faults(name, &outside), 0);
    }
}
