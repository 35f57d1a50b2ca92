//! The erasure ledger: what it knows outlives those who ask, its own files, and the database's past.

use std::{fs, path::PathBuf, time::Duration};

use sqlx::{PgPool, Row};
use watchkeeper::{
    actions::{
        audit::Wanted,
        ledger, lists, redact,
        retention::{self, NewHold},
    },
    domain::list::{Given, ListKind},
    engine::{
        retention::{Refresh, Step, Sweep},
        task::{Activation, Task},
    },
};

use super::entries;
use crate::fixtures::{DAILY, House};

/// A house that keeps a ledger, and the ledger's folder, which goes with the value.
struct Kept {
    house: House,
    folder: PathBuf,
}

impl Kept {
    async fn new(pool: &PgPool, configuration: &str) -> Self {
        let mut house = House::new(pool, configuration).await;
        // A database is of one test; random numbers repeat from test to test.
        let database = pool.connect_options().get_database().unwrap_or_default().to_owned();
        let folder =
            std::env::temp_dir().join(format!("watchkeeper-ledger-{}-{database}", std::process::id()));
        house.engine.context = house.engine.context.clone().with_ledger(&folder);
        Self { house, folder }
    }

    /// The same house as another process sees it.
    fn another(&mut self) {
        self.house.engine.context = self.house.engine.context.clone().with_ledger(&self.folder);
    }

    fn text(&self) -> String {
        let files = fs::read_dir(&self.folder).into_iter().flatten();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    async fn settle(&self) -> ledger::Settled {
        ledger::settle(&self.house.engine.context, |_| {}).await.unwrap()
    }

    async fn fields(&self, reference: &str) -> Vec<String> {
        self.house.account(reference).await.fields.keys().cloned().collect()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a backup holds, for these tests.
const TABLES: [&str; 6] =
    ["accounts", "account_tokens", "data_keys", "erased_keys", "erasure_ledgers", "list_items"];

async fn run(pool: &PgPool, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(pool).await.unwrap();
}

async fn back_up(pool: &PgPool) {
    for table in TABLES {
        run(pool, &format!("create table kept_{table} as table {table}")).await;
    }
}

/// Puts back what the backup holds: keys, what they seal, and how far the ledger was seen.
async fn restore(pool: &PgPool) {
    let mut statements = "begin; set local session_replication_role = replica;".to_owned();
    for table in TABLES {
        let row = sqlx::query(
            "select string_agg(quote_ident(attname), ', ') from pg_attribute where attrelid = $1::regclass \
             and attnum > 0 and not attisdropped and attgenerated = ''",
        )
        .bind(table)
        .fetch_one(pool)
        .await
        .unwrap();
        let columns: String = row.get(0);
        statements.extend([
            format!("delete from {table};"),
            format!(
                "insert into {table} ({columns}) overriding system value select {columns} from kept_{table};"
            ),
        ]);
    }
    run(pool, &format!("{statements} commit;")).await;
}

async fn sweep_after(house: &House, days: u32) {
    house.clock.advance(Duration::from_hours(24) * days);
    let mut refresh = Refresh::new(house.engine.clone());
    while refresh.activate().await.unwrap() == Activation::More {}
    retention::ask(&house.engine.context).await.unwrap();
    let mut sweep = Sweep::new(house.engine.clone());
    while sweep.step().await.unwrap() == Step::More {}
}

async fn hold(house: &House, reference: &str) {
    let account = house.account(reference).await.id;
    let new = NewHold { account, reason: "litigation".to_owned(), until: None };
    retention::place_hold(&house.engine.context, "test", &new).await.unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn an_erasure_that_began_is_carried_to_its_end_when_nobody_waits_for_it(pool: PgPool) {
    let kept = Kept::new(&pool, DAILY).await;
    kept.house.people(&["a"]).await;
    let account = kept.house.account("a").await.id;
    let context = kept.house.engine.context.clone();
    let intended = async {
        while !kept.text().contains("intent") {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = intended => {}
        done = redact::redact(&context, "test", account) => done.unwrap(),
    }
    // The client is gone. What was begun is not.
    context.ledger.as_ref().unwrap().finish().await;
    assert!(kept.text().contains("\"act\":\"done\""), "{}", kept.text());
    assert!(kept.fields("a").await.is_empty());
    let settled = kept.settle().await;
    assert_eq!((settled.lines, settled.replayed, settled.faults), (2, 0, vec![]));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_nobody_saw_the_end_of_is_decided_by_what_the_database_says(pool: PgPool) {
    let mut kept = Kept::new(&pool, DAILY).await;
    kept.house.people(&["a", "b"]).await;
    let (a, b) = (kept.house.account("a").await.id, kept.house.account("b").await.id);
    // The commit fails: the intent stands, and nothing was redacted.
    run(
        &pool,
        "create function no_commit() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$; \
         create constraint trigger no_commit after delete on data_keys deferrable initially deferred \
         for each row execute function no_commit();",
    )
    .await;
    redact::redact(&kept.house.engine.context, "test", a).await.unwrap_err();
    run(&pool, "drop trigger no_commit on data_keys").await;
    assert_eq!(ledger::status(&kept.house.engine.context).await.unwrap()[0].open, 1);
    ledger::decide(&kept.house.engine.context).await.unwrap();
    assert!(kept.text().contains("\"act\":\"abandoned\""), "{}", kept.text());
    let status = ledger::status(&kept.house.engine.context).await.unwrap();
    assert_eq!((status[0].open, status[0].done), (0, 1));
    assert_eq!(kept.settle().await.replayed, 0);
    assert!(!kept.fields("a").await.is_empty(), "what was not redacted is not redacted by the ledger");

    // A process dies after its commit, before it says so.
    redact::redact(&kept.house.engine.context, "test", b).await.unwrap();
    let file = fs::read_dir(&kept.folder).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&file).unwrap();
    let cut = text.trim_end().rsplit_once('\n').unwrap().0.to_owned() + "\n";
    kept.another();
    fs::write(&file, cut).unwrap();
    assert_eq!(ledger::status(&kept.house.engine.context).await.unwrap()[0].open, 1);
    let settled = kept.settle().await;
    assert_eq!((settled.replayed, settled.faults.len()), (0, 0));
    let status = ledger::status(&kept.house.engine.context).await.unwrap();
    assert!(status.iter().all(|file| file.open == 0), "{status:?}");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_ledger_that_is_missing_or_cut_short_is_told_of_and_gets_no_second_one(pool: PgPool) {
    let mut kept = Kept::new(&pool, DAILY).await;
    kept.house.people(&["a", "b"]).await;
    let (a, b) = (kept.house.account("a").await.id, kept.house.account("b").await.id);
    redact::redact(&kept.house.engine.context, "test", a).await.unwrap();
    assert_eq!(kept.settle().await.faults, Vec::<String>::new());
    let file = fs::read_dir(&kept.folder).unwrap().next().unwrap().unwrap().path();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read_to_string(&file).unwrap();
    kept.another();

    let first = whole.lines().next().unwrap().to_owned() + "\n";
    fs::write(&file, first).unwrap();
    let faults = kept.settle().await.faults;
    assert!(
        faults[0].contains("has seen 2 lines of it, and it has 1: put the whole file back"),
        "{faults:?}"
    );
    fs::remove_dir_all(&kept.folder).unwrap();
    let faults = kept.settle().await.faults;
    assert!(faults[0].starts_with(&name) && faults[0].contains("it is not there"), "{faults:?}");
    assert!(faults[0].contains("put it back"), "{faults:?}");
    let refused = redact::redact(&kept.house.engine.context, "test", b).await.unwrap_err().to_string();
    assert!(refused.contains(&name) && refused.ends_with("nothing was redacted"), "{refused}");
    assert!(!kept.folder.exists(), "no second ledger is begun where one was known");
    let mut without = kept.house.engine.context.clone();
    without.ledger = None;
    let told = ledger::given_up(&without).await.unwrap().unwrap();
    assert!(told.contains("no ledger-folder") && told.contains(&name), "{told}");

    fs::create_dir_all(&kept.folder).unwrap();
    fs::write(&file, &whole).unwrap();
    assert_eq!(kept.settle().await.faults, Vec::<String>::new(), "put back, all is well");
    let refused = ledger::forget(&kept.house.engine.context, "test", &name).await.unwrap_err().to_string();
    assert!(refused.contains("moved away or is lost"), "{refused}");
    fs::remove_file(&file).unwrap();
    ledger::forget(&kept.house.engine.context, "test", &name).await.unwrap();
    assert_eq!(kept.settle().await.faults, Vec::<String>::new());
    let wanted = Wanted { operation: Some("ledger.forgotten".to_owned()), ..Wanted::default() };
    assert_eq!(entries(&kept.house, wanted).await[0].detail["ledger-file"], name);
    redact::redact(&kept.house.engine.context, "test", b).await.unwrap();
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_replay_closes_accounts_and_list_items_whatever_holds_say(pool: PgPool) {
    let items = "[[retention]]\nname = \"items\"\nobject = \"list-item\"\nrule = \"redact\"\nperiod = \"4d\"\n\
                 from = \"end-of-relationship\"\n";
    let kept = Kept::new(&pool, &format!("{DAILY}{items}")).await;
    let house = &kept.house;
    let context = &house.engine.context;
    house.people(&["a"]).await;
    let list = lists::create(context, "test", ListKind::Strings, "watched").await.unwrap();
    let given = Given { value: Some("Marksdottir".to_owned()), ..Given::default() };
    let item = lists::add_item(context, "test", (ListKind::Strings, list.id), &given).await.unwrap();
    lists::archive_item(context, "test", ListKind::Strings, item.id).await.unwrap();
    back_up(&pool).await;
    redact::redact(context, "test", house.account("a").await.id).await.unwrap();
    sweep_after(house, 4).await;
    let values = "select count(*) from list_items where sealed_value is not null or value_digest <> ''";
    assert_eq!(house.count(values).await, 0);

    restore(&pool).await;
    assert_eq!(house.count(values).await, 1);
    assert!(!kept.fields("a").await.is_empty());
    hold(house, "a").await;
    let settled = kept.settle().await;
    assert_eq!((settled.replayed, settled.faults), (2, vec![]));
    assert!(kept.fields("a").await.is_empty(), "it had been redacted lawfully");
    assert_eq!(house.count(values).await, 0);
    for operation in ["account.redacted", "list-item.redacted"] {
        let wanted = Wanted {
            operation: Some(operation.to_owned()),
            actor: Some("erasure-ledger".to_owned()),
            ..Wanted::default()
        };
        assert_eq!(entries(house, wanted).await.len(), 1, "{operation}");
    }
    assert_eq!(kept.settle().await.replayed, 0);
}

fn policy(name: &str, rule: &str, period: &str, rest: &str) -> String {
    format!(
        "[[retention]]\nname = \"{name}\"\nobject = \"account\"\nrule = \"{rule}\"\nperiod = \"{period}\"\n\
         from = \"creation\"\n{rest}\n"
    )
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_replay_takes_the_fields_that_had_gone_and_leaves_those_that_had_stayed(pool: PgPool) {
    let birth = policy("birth", "redact", "5d", "types = [\"individual\"]\nfields = [\"birthdate\"]");
    let whole = policy("whole", "redact", "10d", "");
    let phone = policy("phone-law", "keep", "20d", "types = [\"individual\"]\nfields = [\"phone_number\"]");
    let kept = Kept::new(&pool, &format!("{DAILY}{birth}{whole}{phone}")).await;
    let house = &kept.house;
    house.import("reference_id,type,name,birthdate,phone_number\np1,individual,Jane Marksdottir,1990-05-21,+4930123456\n").await;
    back_up(&pool).await;
    sweep_after(house, 5).await;
    assert_eq!(kept.fields("p1").await, ["name", "phone_number"]);

    restore(&pool).await;
    hold(house, "p1").await;
    let settled = kept.settle().await;
    assert_eq!((settled.replayed, settled.faults), (1, vec![]));
    assert_eq!(kept.fields("p1").await, ["name", "phone_number"], "only what had gone");
    run(&pool, "delete from legal_holds").await;

    // The rest of it went later: under a key that the backup never had.
    sweep_after(house, 5).await;
    assert_eq!(kept.fields("p1").await, ["phone_number"]);
    restore(&pool).await;
    assert_eq!(kept.fields("p1").await, ["birthdate", "name", "phone_number"]);
    let settled = kept.settle().await;
    assert_eq!(settled.faults, Vec::<String>::new());
    assert_eq!(kept.fields("p1").await, ["phone_number"]);

    // Filled anew, it is another's matter.
    house.import("reference_id,type,name\np1,individual,Jane Anew\n").await;
    assert_eq!(kept.settle().await.replayed, 0);
    assert_eq!(kept.fields("p1").await, ["name", "phone_number"]);
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn what_a_later_file_says_of_a_key_holds_for_the_one_that_a_replay_put_in_its_place(pool: PgPool) {
    let birth = policy("birth", "redact", "5d", "types = [\"individual\"]\nfields = [\"birthdate\"]");
    let whole = policy("whole", "redact", "10d", "");
    let mut kept = Kept::new(&pool, &format!("{DAILY}{birth}{whole}")).await;
    kept.house.import("reference_id,type,name,birthdate\np1,individual,Jane Marksdottir,1990-05-21\n").await;
    back_up(&pool).await;
    sweep_after(&kept.house, 5).await;
    assert_eq!(kept.fields("p1").await, ["name"]);
    let first: Vec<PathBuf> = files(&kept);
    kept.another();
    sweep_after(&kept.house, 5).await;
    assert!(kept.fields("p1").await.is_empty());
    let later = files(&kept).into_iter().find(|file| !first.contains(file)).unwrap();
    kept.another();

    restore(&pool).await;
    let aside = later.with_extension("aside");
    fs::rename(&later, &aside).unwrap();
    assert_eq!(kept.settle().await.replayed, 1);
    assert_eq!(kept.fields("p1").await, ["name"], "only that the fields went is known");
    // Somebody finds the other file; this process was begun anew meanwhile.
    kept.another();
    kept.settle().await;
    fs::rename(&aside, &later).unwrap();
    let settled = kept.settle().await;
    assert_eq!((settled.replayed, settled.faults), (1, vec![]));
    assert!(kept.fields("p1").await.is_empty());
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_process_whose_file_was_removed_begins_another_and_what_a_dead_one_left_keeps_nobody(pool: PgPool) {
    let mut kept = Kept::new(&pool, DAILY).await;
    kept.house.people(&["a", "b", "c"]).await;
    let ids = [
        kept.house.account("a").await.id,
        kept.house.account("b").await.id,
        kept.house.account("c").await.id,
    ];
    let context = kept.house.engine.context.clone();
    redact::redact(&context, "test", ids[0]).await.unwrap();
    fs::remove_file(&files(&kept)[0]).unwrap();
    redact::redact(&context, "test", ids[1]).await.unwrap();
    let text = kept.text();
    assert_eq!((text.matches("intent").count(), text.matches("done").count()), (1, 1), "{text}");

    // One dies after its commit, and who decided about it died, too, before the first line was whole.
    kept.another();
    redact::redact(&kept.house.engine.context, "test", ids[2]).await.unwrap();
    let open =
        files(&kept).into_iter().find(|file| !text.contains(&fs::read_to_string(file).unwrap())).unwrap();
    let whole = fs::read_to_string(&open).unwrap();
    kept.another();
    fs::write(&open, whole.lines().next().unwrap().to_owned() + "\n").unwrap();
    let name = open.file_name().unwrap().to_str().unwrap().replace(".erasures", "-ended.erasures");
    fs::write(kept.folder.join(name), "{\"line\":1,").unwrap();
    kept.settle().await;
    let status = ledger::status(&kept.house.engine.context).await.unwrap();
    assert!(status.iter().all(|file| file.open == 0), "{status:?}");
}

fn files(kept: &Kept) -> Vec<PathBuf> {
    fs::read_dir(&kept.folder).unwrap().map(|file| file.unwrap().path()).collect()
}
