//! `watchkeeper plan`, on a filled database and by hand.

use std::{collections::BTreeMap, process::Command};

use sqlx::PgPool;
use watchkeeper::{
    app::forecast::{self, Assumed, PlanView},
    planning::picture,
};

use crate::fixtures::{House, settings};

const SCHEDULES: &str = r#"
[schedules.daily]
template = "watchlist"
every = "1d"
objective = "2h"
accounts = { types = ["individual"] }
[schedules.weekly]
template = "elsewhere"
every = "7d"
accounts = { types = ["individual", "business"], statuses = ["active"] }
"#;

fn assumed(days: u16) -> Assumed {
    Assumed { days, latencies: BTreeMap::new(), processes: 1, steady: false }
}

fn near(found: f64, right: f64, tolerance: f64) {
    assert!((found - right).abs() <= tolerance, "{found} is not {right}, give or take {tolerance}");
}

async fn plan(house: &House, text: &str, days: u16) -> PlanView {
    forecast::from_database(&house.engine.context, &settings(text), &assumed(days)).await.unwrap()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_filled_database_is_planned_from_its_monitors_due_times_and_accounts(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let rows: String = (0..240)
        .map(|number| {
            let kind = if number < 200 { "individual" } else { "business" };
            format!("{number},{kind},Test Person-{number}\n")
        })
        .collect();
    house.import(&format!("reference_id,type,name\n{rows}")).await;
    // Before it is deployed: the accounts are counted, and first runs made at their rate.
    let before = plan(&house, SCHEDULES, 7).await;
    let schedule = |plan: &PlanView, provider: usize| plan.forecast.providers[provider].schedules[0].clone();
    assert_eq!((schedule(&before, 1).monitors, schedule(&before, 0).monitors), (200, 240));
    near(schedule(&before, 1).due, 200.0 + 7.0 * 200.0, 2.0);
    assert!(before.forecast.fits);
    assert_eq!(
        before.forecast.from,
        "2026-03-01T09:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    );

    // Deployed: some wait for their first run, some are overdue, the others run by the day.
    let mut house = house;
    house.configure(SCHEDULES).await;
    house.enrol().await;
    for (first, until, slot, at) in [
        (0, 150, 1, "2026-03-02T03:00:00Z"),
        (150, 190, 1, "2026-03-01T05:10:00Z"),
        (190, 200, 0, "2026-03-01T12:00:00Z"),
    ] {
        sqlx::query(
            "update monitor_due as due set next_run_at = $4::timestamptz, slot = $3
             from monitors join accounts using (account_id) join schedules using (schedule_id)
             where due.monitor_id = monitors.monitor_id and schedules.name = 'daily'
               and reference_id::integer >= $1 and reference_id::integer < $2",
        )
        .bind(first)
        .bind(until)
        .bind(slot)
        .bind(at)
        .execute(&pool)
        .await
        .unwrap();
    }
    let deployed = plan(&house, SCHEDULES, 1).await;
    let daily = schedule(&deployed, 1);
    assert_eq!(daily.monitors, 200);
    let hours = &deployed.forecast.providers[1].hours;
    near(hours[0].due, 150.0 / 24.0 + 40.0 / 24.0, 1.0);
    near(hours[3].due, 190.0 / 24.0 + 10.0, 1.5);
    // What was due at five was four hours late at nine: its objective is two.
    near(daily.lateness_largest, 4.0 * 3600.0 - 1800.0, 120.0);
    assert!(!daily.fits && !deployed.forecast.fits);

    // A quota of which some is used; and a schedule that only the new configuration has.
    let lane = house.engine.plan.providers.iter().find(|one| one.provider.name() == "other").unwrap().lane;
    sqlx::query(
        "insert into provider_budgets (provider_id, day, granted_on_day, updated_at, limits_revision, burst)
         values ($1, (now() at time zone 'UTC')::date, 15, now(), 1, 1)
         on conflict (provider_id) do update set day = excluded.day, granted_on_day = 15",
    )
    .bind(lane)
    .execute(&pool)
    .await
    .unwrap();
    let text = SCHEDULES.replace("schedules.weekly", "schedules.other");
    let mut settings = settings(&text);
    settings.providers.get_mut("other").unwrap().limits.calls_per_day = Some(20);
    let plan = forecast::from_database(&house.engine.context, &settings, &assumed(3)).await.unwrap();
    let other = &plan.forecast.providers[0];
    assert_eq!((other.provider.as_str(), other.schedules[0].monitors), ("other", 240));
    let of_today: f64 = other.hours.iter().take(15).map(|hour| hour.done).sum();
    near(of_today, 5.0, 0.1);
    assert!(other.proposals[0].settings[0].starts_with("providers.other.calls-per-day = "), "{other:?}");
    let picture = picture(&plan.forecast);
    assert!(picture.contains("does not fit") && picture.contains(">other "));
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn accounts_that_are_archived_are_not_counted_among_those_that_a_new_schedule_enrols(pool: PgPool) {
    let house = House::new(&pool, "").await;
    let rows: String = (0..30).map(|number| format!("{number},individual,Test Person-{number}\n")).collect();
    house.import(&format!("reference_id,type,name\n{rows}")).await;
    sqlx::query("update accounts set archived_at = now() where reference_id::integer < 12")
        .execute(&pool)
        .await
        .unwrap();
    let before = plan(&house, SCHEDULES, 1).await;
    let planned = before.forecast.providers.iter().flat_map(|one| &one.schedules);
    let monitors: Vec<u64> = planned.map(|schedule| schedule.monitors).collect();
    assert_eq!(monitors, [18, 18]);
    let mut house = house;
    house.configure(SCHEDULES).await;
    house.enrol().await;
    assert_eq!(house.count("select count(*) from monitors").await, 36, "as enrolment sees it");
}

#[test]
fn the_command_plans_by_hand_without_a_database_and_says_by_its_exit_code_whether_it_fits() {
    let folder = std::env::temp_dir().join(format!("watchkeeper-plan-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, svg) = (folder.join("wk.toml"), folder.join("plan.svg"));
    let text = r#"
[lists.none]
format = "ofac-csv"
folder = "none"
[providers.local]
kind = "local"
lists = ["none"]
rate-per-second = 100
burst = 10
[report-templates.watchlist]
type = "watchlist"
provider = "local"
[schedules.daily]
template = "watchlist"
every = "1d"
objective = "6h"
accounts = { types = ["individual"] }
"#;
    std::fs::write(&file, text).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
        command.env_clear().arg("--config").arg(&file).arg("plan").args(arguments);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let svg_text = svg.display().to_string();
    let (code, shown, faults) = run(&["--accounts", "individual=10000000", "--steady", "--svg", &svg_text]);
    assert_eq!((code, faults.as_str()), (Some(2), ""), "{shown}");
    for part in
        ["10 000 000", "NOT everything is done in time", "providers.local.rate-per-second = 1", "every = \""]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg "));
    let (code, shown, _) = run(&["--accounts", "individual=1000000", "--days", "30", "--json", "--steady"]);
    assert_eq!(code, Some(0), "{shown}");
    let json: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&json["fits"], json["providers"][0]["hours"].as_array().unwrap().len()), (&true.into(), 720));
    for (arguments, fault) in [
        (vec!["--accounts", "persons=1"], "--accounts: the configuration has no account type \"persons\""),
        (
            vec!["--monitors", "weekly=1"],
            "--monitors: the configuration has no schedule \"weekly\"; it has daily",
        ),
        (vec![], "no database is configured to count in; give the numbers: --accounts TYPE=N"),
    ] {
        let (code, _, faults) = run(&arguments);
        assert!(code == Some(1) && faults.contains(fault), "{faults}");
    }
    let (code, _, faults) = run(&["--accounts", "individual"]);
    assert!(code == Some(2) && faults.contains("a name and a whole number"), "{faults}");
    std::fs::remove_dir_all(folder).unwrap();
}
