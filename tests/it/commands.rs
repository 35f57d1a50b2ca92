//! What the command line refuses before it asks a database.

use std::process::{Command, Stdio};

const CONFIGURATION: &str = r#"
[lists.none]
format = "ofac-csv"
folder = "none"
[providers.local]
kind = "local"
lists = ["none"]
[report-templates.watchlist]
type = "watchlist"
provider = "local"
"#;

/// Runs a command with nothing on its standard input; what it said on standard error.
fn refused(arguments: &[&str]) -> String {
    let folder = std::env::temp_dir().join(format!("watchkeeper-commands-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("wk.toml");
    std::fs::write(&file, CONFIGURATION).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
    command.env_clear().arg("--config").arg(&file).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{arguments:?} was taken");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn nobody_decides_without_a_reason() {
    let hit = "hit_01h455vb4pex5vsknk084sn02q";
    for decision in ["dismiss", "confirm"] {
        let said = refused(&[decision, hit, "--reason"]);
        assert!(said.contains("the reason is empty"), "{said}");
        let said = refused(&[decision, hit]);
        assert!(said.contains("a decision needs a reason: give --reason"), "{said}");
    }
}

#[test]
fn what_is_no_day_and_no_length_of_time_is_refused_with_an_example() {
    let cases: [(&[&str], &str); 5] = [
        (&["coverage", "--on", "yesterday"], "YYYY-MM-DD, such as 2026-03-31"),
        (&["evidence", "C-1", "--on", "2026-13-40"], "YYYY-MM-DD, such as 2026-03-31"),
        (&["hold", "C-1", "--reason", "case-1", "--until", "2026-13-40"], "such as 2026-03-31"),
        (&["hits", "--newer-than", "yesterday"], "such as 90d"),
        (&["key", "create", "--permission", "*", "--expires", "yesterday"], "such as 90d"),
    ];
    for (arguments, accepted) in cases {
        let said = refused(arguments);
        assert!(said.contains(accepted), "{arguments:?}: {said}");
    }
}
