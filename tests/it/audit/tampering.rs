//! A thousand random tamperings by somebody who may do everything in the database, and lacks the master key.

use sqlx::{Connection, PgConnection, PgPool};
use watchkeeper::actions::audit::{self, Checkpoint, Fault, Wanted};

use super::{entries, verified};
use crate::fixtures::{DAILY, House};

/// How many tamperings.
const TAMPERINGS: u64 = 1000;

/// A small generator: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % end
    }
}

async fn run(conn: &mut PgConnection, statement: &str) {
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(conn).await.unwrap();
}

/// Edits of one part of an entry.
const EDITS: [&str; 14] = [
    "entry_id = gen_random_uuid()",
    "occurred_at = occurred_at + interval '1 microsecond'",
    "operation = operation || 'x'",
    "account_id = case when account_id is null then gen_random_uuid() end",
    "object_id = gen_random_uuid()",
    "objects = objects || gen_random_uuid()",
    "objects = array[gen_random_uuid()]",
    "actor = 'somebody else'",
    "origin_kind = 'user' || origin_kind",
    "origin_id = coalesce(origin_id, '') || 'x'",
    "address = '192.0.2.1'",
    "detail = '{\"a\": 1}'",
    "mac = set_byte(mac, 7, get_byte(mac, 7) # 1)",
    "mac = decode(repeat('00', 32), 'hex')",
];

/// Tampers with a log of `last` entries; tells from which entry on it is not what was written, at the latest.
async fn tamper(conn: &mut PgConnection, dice: &mut Dice, last: i64) -> i64 {
    let one = 1 + dice.below(last);
    let bad = match dice.below(8) {
        0 | 1 => {
            let edit = EDITS[usize::try_from(dice.below(14)).unwrap()];
            run(conn, &format!("update audit_entries set {edit} where sequence = {one}")).await;
            one
        }
        2 => {
            run(conn, &format!("delete from audit_entries where sequence = {one}")).await;
            one
        }
        // Deleted, and the rest moved up.
        3 => {
            run(conn, &format!("delete from audit_entries where sequence = {one}")).await;
            run(conn, &format!("update audit_entries set sequence = -sequence + 1 where sequence > {one}"))
                .await;
            run(conn, "update audit_entries set sequence = -sequence where sequence < 0").await;
            one
        }
        // One entry once more: at its place, in front of all or behind all.
        4 => {
            let copied = "entry_id, occurred_at, operation, account_id, object_id, objects, actor, origin_kind, \
                          origin_id, address, detail, mac";
            let place = [one + 1, 0, last + 1][usize::try_from(dice.below(3)).unwrap()];
            run(
                conn,
                &format!("update audit_entries set sequence = -sequence - 1 where sequence >= {place}"),
            )
            .await;
            run(conn, &format!(
                "insert into audit_entries (sequence, {copied}) select {place}, {copied} from audit_entries \
                 where sequence in ({one}, -{one} - 1)"
            )).await;
            run(conn, "update audit_entries set sequence = -sequence where sequence < 0").await;
            place.max(1)
        }
        // Two change places.
        5 => {
            let other = 1 + (one + dice.below(last - 1)) % last;
            let (one, other) = (one.min(other), one.max(other));
            if one == other {
                run(conn, &format!("delete from audit_entries where sequence = {one}")).await;
            } else {
                run(conn, &format!("update audit_entries set sequence = -1 where sequence = {one}")).await;
                run(conn, &format!("update audit_entries set sequence = {one} where sequence = {other}"))
                    .await;
                run(conn, &format!("update audit_entries set sequence = {other} where sequence = -1")).await;
            }
            one
        }
        // Cut off.
        6 => {
            run(conn, &format!("delete from audit_entries where sequence >= {one}")).await;
            one
        }
        // Everything gone, as if it had never been.
        _ => {
            run(conn, "delete from audit_entries").await;
            1
        }
    };
    // The head says whatever the entries say.
    run(conn, "delete from audit_head").await;
    run(
        conn,
        "insert into audit_head select sequence, mac from audit_entries order by sequence desc limit 1",
    )
    .await;
    run(conn, "insert into audit_head select 0, decode(repeat('00', 32), 'hex') where not exists (select from audit_head)")
        .await;
    bad
}

fn first_bad(fault: &Fault) -> i64 {
    match fault {
        Fault::Altered { sequence }
        | Fault::Missing { sequence }
        | Fault::CutOff { sequence }
        | Fault::Head { sequence }
        | Fault::ShortOfCheckpoint { sequence, .. }
        | Fault::NotOfCheckpoint { sequence, .. } => *sequence,
        Fault::OtherDatabase { .. } => 0,
    }
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_thousand_random_tamperings_are_found_at_the_first_bad_entry(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    let names: Vec<String> = (0..60).map(|number| format!("p{number}")).collect();
    house.people(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let last = entries(&house, Wanted::default()).await.last().unwrap().sequence;
    let context = &house.engine.context;
    let checkpoint = audit::checkpoint(context).await.unwrap();
    let (key, environment) = (context.digest_key.chain(), audit::environment(context).to_string());
    let mut conn = pool.acquire().await.unwrap();
    let mut dice = Dice(42);
    let mut found = 0;
    for number in 0..TAMPERINGS {
        let mut tampered = conn.begin().await.unwrap();
        run(&mut tampered, "set local session_replication_role = replica").await;
        let bad = tamper(&mut tampered, &mut dice, last).await;
        let checkpoints = [checkpoint.clone()];
        let verified =
            audit::verify(&mut tampered, &key, &environment, &checkpoints, |_, _| {}).await.unwrap();
        let fault =
            verified.fault.unwrap_or_else(|| panic!("tampering {number} from entry {bad} on is not found"));
        assert_eq!(first_bad(&fault), bad, "tampering {number}: {fault}");
        found += 1;
        tampered.rollback().await.unwrap();
    }
    assert_eq!(found, TAMPERINGS);
    assert_eq!(verified(&house, &[checkpoint]).await.fault, None, "what was rolled back did no harm");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_log_that_was_cut_off_with_its_head_is_found_by_a_checkpoint(pool: PgPool) {
    let house = House::new(&pool, DAILY).await;
    house.people(&["a", "b", "c"]).await;
    entries(&house, Wanted::default()).await;
    let context = &house.engine.context;
    let taken = audit::checkpoint(context).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    run(&mut conn, "alter table audit_entries disable trigger user").await;
    run(&mut conn, &format!("delete from audit_entries where sequence = {}", taken.sequence)).await;
    run(
        &mut conn,
        "update audit_head as head set sequence = entry.sequence, mac = entry.mac \
                    from audit_entries as entry where entry.sequence = head.sequence - 1",
    )
    .await;
    assert_eq!(verified(&house, &[]).await.fault, None, "without a checkpoint nothing tells");
    let fault = verified(&house, &[taken.clone()]).await.fault;
    assert!(
        matches!(fault, Some(Fault::ShortOfCheckpoint { sequence, .. }) if sequence == taken.sequence),
        "{fault:?}"
    );

    // And goes on from there, as a restored backup does.
    house.people(&["d", "e"]).await;
    entries(&house, Wanted::default()).await;
    let fault = verified(&house, &[taken.clone()]).await.fault;
    assert!(
        matches!(fault, Some(Fault::NotOfCheckpoint { sequence, .. }) if sequence == taken.sequence),
        "{fault:?}"
    );
    let other = Checkpoint { environment: "env_other".to_owned(), ..taken };
    assert!(matches!(verified(&house, &[other]).await.fault, Some(Fault::OtherDatabase { .. })));
}
