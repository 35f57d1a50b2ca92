//! `examples/persona.sh`: a client written from Persona's documentation, against the real daemon.

use std::process::Command;

use watchkeeper::app::embedded::{Cluster, Durability, state_folder};

use super::daemon::Place;

const CONFIGURATION: &str = concat!(
    r#"
[lists.sample]
format = "ofac-csv"
folder = ""#,
    env!("CARGO_MANIFEST_DIR"),
    r#"/config/sample-list"
[providers.local]
kind = "local"
lists = ["sample"]
[report-templates.watchlist]
type = "watchlist"
provider = "local"
recurrence = "1d"
[account-types.individual.relations]
household = { target = "account" }
[schedules.individuals]
template = "watchlist"
every = "1d"
accounts = { types = ["individual"] }
"#
);

#[test]
fn a_client_of_personas_accounts_finds_everything_as_documented() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cluster = Cluster::start(&state_folder(&variable).unwrap(), "example", Durability::None).unwrap();
    let place = Place::new(&cluster, "example", CONFIGURATION);
    let daemon = place.serve();
    let made = place.run(&["key", "create", "--permission", "*", "--json"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let client = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/persona.sh"))
        .env("BASE", format!("http://{}/api/v1", daemon.address))
        .env("KEY", made["value"].as_str().unwrap())
        .output()
        .unwrap();
    let (said, refused) = (String::from_utf8_lossy(&client.stdout), String::from_utf8_lossy(&client.stderr));
    assert!(client.status.success() && said.ends_with("all as documented\n"), "{said}\n{refused}");
}
