//! A backup that is restored forgets again what was redacted since.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use sqlx::PgPool;
use watchkeeper::{
    actions::{ledger, redact},
    app::embedded::{Cluster, Durability, state_folder},
};

use crate::{
    daemon::{Place, until},
    fixtures::{DAILY, House},
};

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{errors}");
    said.into_owned()
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    serde_json::from_str(&run(place, arguments)).unwrap()
}

fn name_of(place: &Place, reference: &str) -> String {
    json(place, &["account", reference, "--json"])["fields"].to_string()
}

#[test]
fn after_a_restore_erased_accounts_are_closed_and_others_are_open() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let mut cluster = Cluster::start(&state_folder(&variable).unwrap(), "restore", Durability::Full).unwrap();
    let place = Place::new(&cluster, "watchkeeper_restore", "[audit]\nledger-folder = \"ledger\"\n");
    let csv = "reference_id,type,name\nerased,individual,Ada Gone\nrefilled,individual,Bea Back\nother,individual,Cleo Stays\n";
    fs::write(place.folder().join("people.csv"), csv).unwrap();
    run(&place, &["import", "people.csv"]);
    let backup = cluster.folder().join("backup");
    let _ = fs::remove_dir_all(&backup);
    cluster.stop_immediately().unwrap();
    copy(&cluster.data(), &backup);
    cluster.restart().unwrap();

    let daemon = place.serve();
    until("the daemon is ready", || daemon.is_ready().then_some(()));
    let key =
        json(&place, &["key", "create", "--permission", "*", "--json"])["value"].as_str().unwrap().to_owned();
    let authorization = format!("authorization: Bearer {key}\r\n");
    for reference in ["erased", "refilled"] {
        let id = json(&place, &["account", reference, "--json"])["id"].as_str().unwrap().to_owned();
        let answer = daemon.ask("DELETE", &format!("/api/v1/accounts/{id}"), &authorization).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    fs::write(place.folder().join("again.csv"), "reference_id,type,name\nrefilled,individual,Bea Anew\n")
        .unwrap();
    run(&place, &["import", "again.csv"]);
    assert!(!name_of(&place, "erased").contains("Ada"));
    let seen = until("the ledger is seen", || {
        let files = json(&place, &["ledger", "status", "--json"]);
        let file = files.as_array().unwrap().first()?.clone();
        (file["seen"] == 4).then_some(file)
    });
    assert_eq!((&seen["lines"], &seen["done"], &seen["open"]), (&4.into(), &2.into(), &0.into()));
    assert!(name_of(&place, "refilled").contains("Anew"), "what was filled anew is not hurt");
    daemon.kill();

    cluster.stop_immediately().unwrap();
    fs::remove_dir_all(cluster.data()).unwrap();
    copy(&backup, &cluster.data());
    cluster.restart().unwrap();
    assert!(name_of(&place, "erased").contains("Gone"), "the backup holds what was erased since");

    let daemon = place.serve();
    until("the daemon is ready", || daemon.is_ready().then_some(()));
    for reference in ["erased", "refilled"] {
        let fields = name_of(&place, reference);
        assert!(!fields.contains("Ada") && !fields.contains("Bea"), "{reference}: {fields}");
    }
    assert!(name_of(&place, "other").contains("Stays"), "what was not erased is open");
    assert!(daemon.said().contains("an older state of the database was restored"), "{}", daemon.said());
    let told = json(&place, &["audit", "list", "--operation", "ledger.replayed", "--json"]);
    assert_eq!(told[0]["detail"]["count"], 2);
    run(&place, &["audit", "verify"]);
    run(&place, &["hits", "--json"]);
    let shown = json(&place, &["audit", "list", "--operation", "account.read", "--json"]);
    assert_eq!(shown[0]["origin"], "user", "who looks at the command line is noted: {shown}");
    run(&place, &["import", "again.csv"]);
    run(&place, &["ledger", "replay"]);
    assert!(name_of(&place, "refilled").contains("Anew"));
    daemon.kill();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_redaction_is_refused_whole_when_the_ledger_cannot_be_written(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a"]).await;
    let account = house.account("a").await.id;
    let blocked = std::env::temp_dir().join(format!("watchkeeper-ledger-{account}"));
    fs::write(&blocked, "in the way").unwrap();
    let context = house.engine.context.clone().with_ledger(&blocked);
    let refused = redact::redact(&context, "test", account).await.unwrap_err().to_string();
    assert!(refused.contains("cannot be written") && refused.ends_with("nothing was redacted"), "{refused}");
    assert!(serde_json::to_string(&house.account("a").await.fields).unwrap().contains("Person-a"));
    fs::remove_file(&blocked).unwrap();

    redact::redact(&context, "test", account).await.unwrap();
    let files = ledger::status(&context).await.unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].lines, files[0].done, files[0].open, files[0].fault.as_deref()), (2, 1, 0, None));
    // Somebody edits a line.
    let file = blocked.join(&files[0].file);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("intent", "abandoned", 1)).unwrap();
    let context = house.engine.context.clone().with_ledger(&blocked);
    let files = ledger::status(&context).await.unwrap();
    assert_eq!(files[0].fault.as_deref(), Some("line 1 was altered, or is of another database"));
    fs::remove_dir_all(&blocked).unwrap();
}
