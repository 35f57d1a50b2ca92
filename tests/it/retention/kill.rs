//! A sweep that is killed in the middle of its work, again and again: every account is whole or redacted.

use watchkeeper::app::embedded::{Cluster, Durability, state_folder};

use crate::daemon::{Place, until};

const CONFIGURATION: &str = r#"
[engine]
sweep-batch = 4
[[retention]]
name = "old"
object = "account"
rule = "redact"
period = "1d"
from = "creation"
"#;

/// How often it is killed when `WATCHKEEPER_KILLS` does not say.
const CYCLES: usize = 100;

const ACCOUNTS: i64 = 6000;

/// Every account with two inquiries that hold something sealed, and old enough to be due.
const OLD: &str = "
    insert into inquiry_templates (template_id, name, definition, created_at, updated_at)
    values ('01890a5d-ac96-774b-bcce-b302099a8057', 'kyc', '{}', now(), now());
    insert into inquiries (shard, inquiry_id, account_shard, account_id, template_id, template, status, sealed_content,
                           creator, created_at, updated_at)
    select shard, overlay(account_id::text placing 'a' || number::text from 1 for 2)::uuid, shard, account_id,
           '01890a5d-ac96-774b-bcce-b302099a8057', 'kyc', 'completed', 'sealed', 'test', created_at, updated_at
    from accounts cross join generate_series(1, 2) as number;
    insert into data_keys (shard, object_id, key_id, master_key_id, wrapped, created_at)
    select shard, inquiry_id, inquiry_id, 'test', 'wrapped', created_at from inquiries;
    update accounts set created_at = now() - interval '2 days'";

const REDACTED: &str = "select count(*) from accounts where redacted_at is not null";

/// Accounts that are neither whole nor redacted.
const HALF: &str = "
    with inquiry as (
        select account_id, count(sealed_content) as contents, count(object_id) as keys
        from inquiries
        left join data_keys on data_keys.shard = inquiries.shard and object_id = inquiry_id
        group by account_id
    ), told as (
        select account_id, count(*) as times from events where kind = 'account.redacted' group by account_id
    )
    select count(*)
    from accounts as account
    left join data_keys as own on own.shard = account.shard and own.object_id = account.account_id
    left join inquiry using (account_id)
    left join told using (account_id)
    where (account.redacted_at is not null, account.sealed_fields is not null, own.object_id is not null, contents,
           inquiry.keys, coalesce(times, 0))
        not in ((true, false, false, 0, 0, 1), (false, true, true, 2, 2, 0))";

#[test]
#[ignore = "takes minutes; by hand: -- --ignored retention::kill, WATCHKEEPER_KILLS=5 for fewer kills"]
fn a_sweep_that_is_killed_leaves_no_account_half_redacted() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cycles = variable("WATCHKEEPER_KILLS").map_or(CYCLES, |kills| kills.parse().unwrap());
    let state = state_folder(&variable).unwrap();
    let cluster = Cluster::start(&state, "retention-kill", Durability::None).unwrap();
    let place = Place::new(&cluster, "killed", CONFIGURATION);
    let rows: String = (0..ACCOUNTS).map(|number| format!("r{number},individual,Test Person\n")).collect();
    std::fs::write(place.folder().join("people.csv"), format!("reference_id,type,name\n{rows}")).unwrap();
    let imported = place.run(&["import", "people.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    // The policy comes into the database with a daemon.
    place.serve().kill();
    place.tell(OLD);

    let mut before: i64 = place.ask(REDACTED);
    for cycle in 1..=cycles {
        let mut sweep = place.spawn(&["retention", "sweep", "--now"]);
        // Whatever it is at when this is seen, it is in the middle of it.
        let seen = until("the sweep redacts", || {
            let redacted: i64 = place.ask(REDACTED);
            (redacted > before || sweep.try_wait().unwrap().is_some()).then_some(redacted)
        });
        assert!(
            sweep.try_wait().unwrap().is_none(),
            "cycle {cycle}: all {seen} were redacted before the kill"
        );
        sweep.kill().unwrap();
        sweep.wait().unwrap();
        assert_eq!(place.ask::<i64>(HALF), 0, "cycle {cycle}");
        before = place.ask(REDACTED);
    }
    let done = place.run(&["retention", "sweep", "--now"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!((place.ask::<i64>(REDACTED), place.ask::<i64>(HALF)), (ACCOUNTS, 0));
    println!("{cycles} kills, 0 accounts half redacted; {before} were redacted between them");
    std::fs::remove_dir_all(place.folder()).unwrap();
}
