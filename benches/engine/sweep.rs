//! The sweep of retention: accounts with two inquiries and two reports each, redacted by a policy; as fast as it can, and
//! by a daemon at its share of the time, which monitors meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use watchkeeper::{
    actions::retention::{self, Batch},
    domain::{
        id::Shard,
        retention::{Clock, Period, Policy, RetainedKind, Rule},
    },
    engine::Engine,
    providers::budget::{Budget, Limits},
    store::retention as rows,
};

use super::{
    Failure, Report, Sizes, peak,
    phases::{AS_SHIPPED, Nothing, Running, until_recorded},
    say,
    seed::{Bench, make_due},
};

/// How many accounts one transaction redacts: as many as a daemon's by default.
const BATCH: u32 = 50;

/// Two inquiries with sealed contents and keys; a second report; and of each report a run with a content and a hit.
const ATTACHED: &str = "
    create temporary table chosen as
        select shard, account_id from accounts where redacted_at is null order by account_id limit COUNT;
    insert into inquiry_templates (template_id, name, definition, created_at, updated_at)
    values ('01890a5d-ac96-774b-bcce-b302099a8057', 'bench', '{}', now(), now()) on conflict do nothing;
    insert into inquiries (shard, inquiry_id, account_shard, account_id, template_id, template, status, sealed_content,
                           creator, created_at, updated_at)
    select shard, overlay(gen_random_uuid()::text placing right(account_id::text, 2) from 35)::uuid, shard, account_id,
           '01890a5d-ac96-774b-bcce-b302099a8057', 'bench', 'completed', sha512(account_id::text::bytea), 'bench', now(), now()
    from chosen cross join generate_series(1, 2);
    insert into monitors (shard, monitor_id, account_id, schedule_id, state, created_at, state_changed_at, by_schedule)
    select shard, overlay(gen_random_uuid()::text placing right(account_id::text, 2) from 35)::uuid, account_id,
           (select min(schedule_id) from schedules where by_request), 'paused', now(), now(), null
    from chosen;
    insert into run_bases (digest, detail, created_at) values ('bench', '{}', now()) on conflict do nothing;
    insert into hits (shard, hit_id, account_id, monitor_id, schedule_id, entity, list, state, score, facts_digest,
                      sealed_content, first_seen_at, changed_at)
    select monitors.shard, overlay(gen_random_uuid()::text placing right(account_id::text, 2) from 35)::uuid, account_id,
           monitor_id, schedule_id, 'bench', 'bench', 'open', 0.9, 'facts', sha512(account_id::text::bytea), now(), now()
    from monitors join chosen using (account_id);
    insert into runs (recorded_at, due_at, started_at, run_id, monitor_id, slot, account_version, basis_id, duration_ms,
                      findings, shard, changed, trigger, outcome, sealed_content)
    select now(), now(), now(), gen_random_uuid(), monitor_id, 1000000, 1, (select min(basis_id) from run_bases), 1, 1,
           monitors.shard, true, 'interval', 'match', sha512(account_id::text::bytea)
    from monitors join chosen using (account_id);
    insert into data_keys (shard, object_id, key_id, master_key_id, wrapped, created_at)
    select keyed.shard, keyed.id, gen_random_uuid(), (select min(master_key_id) from data_keys), sha512('key'), now()
    from (
        select shard, inquiry_id as id from inquiries
        union all
        select monitors.shard, monitor_id from monitors join chosen using (account_id)
    ) as keyed
    on conflict do nothing;
    analyze inquiries; analyze monitors; analyze hits; analyze runs; analyze data_keys; analyze accounts";

/// Makes half of the accounts that have something attached, and are not redacted, old enough for the policy.
const AGED: &str = "
    update accounts set created_at = now() - interval '2 days'
    where account_id in (select account_id from inquiries where template = 'bench' and redacted_at is null
                         order by account_id limit COUNT)";

/// How many accounts are redacted.
const REDACTED: &str = "select count(*) from accounts where redacted_at is not null";

pub(crate) async fn measure(bench: &Bench, sizes: &Sizes, report: &mut Report) -> Result<(), Failure> {
    let count = sizes.accounts.min(30_000);
    let mut patient: PgConnection = bench.patient().await?;
    let policy = Policy {
        name: "bench".to_owned(),
        object: RetainedKind::Account,
        rule: Rule::Redact,
        types: Vec::new(),
        statuses: Vec::new(),
        fields: Vec::new(),
        period: Period::Days(1),
        clock: Clock::Creation,
    };
    let attached = ATTACHED.replace("COUNT", &count.to_string());
    patient
        .transaction(|connection| {
            Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(attached)).execute(&mut **connection).await })
        })
        .await?;
    let mut transaction = bench.context.store.transaction().await?;
    let definition = serde_json::to_value(&policy)?;
    rows::save(&mut transaction, &policy.name, &definition, bench.context.now()).await?;
    transaction.commit().await?;
    age(bench, sizes, count, report).await?;
    at_rest(bench, report).await?;
    let whole = "select count(*) from accounts join data_keys on object_id = account_id where accounts.redacted_at is not null";
    let left: i64 = sqlx::query_scalar(whole).fetch_one(&mut patient).await?;
    say(&format!("of those that were redacted, {left} still have a key"));
    age(bench, sizes, count, report).await?;
    monitor(bench, sizes, report, "sweep: runs recorded without one").await?;
    let before: i64 = sqlx::query_scalar(REDACTED).fetch_one(&mut patient).await?;
    retention::ask(&bench.context).await?;
    let took = monitor(bench, sizes, report, "sweep: runs recorded beside one").await?;
    let after: i64 = sqlx::query_scalar(REDACTED).fetch_one(&mut patient).await?;
    let state =
        if retention::is_asked(&bench.context).await? { "at it to the end" } else { "done before that" };
    let share = bench.settings.engine.sweep_load;
    report.add(
        "sweep: accounts redacted beside monitoring",
        usize::try_from(after - before)?,
        took,
        &format!("by a daemon at {share} of the time, {state}"),
    );
    // Others measure without it.
    let mut transaction = bench.context.store.transaction().await?;
    rows::save_removed(&mut transaction, &[], bench.context.now()).await?;
    transaction.commit().await?;
    patient.close().await?;
    Ok(())
}

/// Has half of the accounts fall due.
async fn age(bench: &Bench, sizes: &Sizes, count: usize, report: &mut Report) -> Result<(), Failure> {
    // Of the inquiries there are two an account.
    let aged = AGED.replace("COUNT", &count.to_string());
    sqlx::query(AssertSqlSafe(aged)).execute(&mut bench.patient().await?).await?;
    let mut transaction = bench.context.store.transaction().await?;
    rows::start_walk(&mut transaction).await?;
    transaction.commit().await?;
    let began = Instant::now();
    while retention::refresh(&bench.context).await?.more {}
    report.add("retention: objects looked at", sizes.accounts, began.elapsed(), "each walked over once");
    bench.settle().await
}

/// Sweeps as `retention sweep --now` does.
async fn at_rest(bench: &Bench, report: &mut Report) -> Result<(), Failure> {
    let began = Instant::now();
    let (one, other) = tokio::try_join!(sweep(bench, Shard(0)), sweep(bench, Shard(128)))?;
    let (redacted, longest) = (one.0 + other.0, one.1.max(other.1));
    report.add(
        "sweep: accounts redacted",
        usize::try_from(redacted)?,
        began.elapsed(),
        &format!("2 inquiries and 2 reports each, longest batch {} ms, {}", longest.as_millis(), peak()),
    );
    Ok(())
}

/// Redacts batch after batch, from a shard on. Returns how many accounts, and how long the longest batch took.
async fn sweep(bench: &Bench, from: Shard) -> Result<(u64, Duration), Failure> {
    let (mut next, mut redacted, mut longest) = (from, 0, Duration::ZERO);
    loop {
        let began = Instant::now();
        match retention::batch(&bench.context, next, None, BATCH).await? {
            Batch::Swept(swept) if swept.failed > 0 => {
                return Err(format!("{} could not be redacted", swept.failed).into());
            }
            Batch::Swept(swept) => {
                longest = longest.max(began.elapsed());
                next = Shard(swept.shard.wrapping_add(1));
                redacted += swept.redacted.values().sum::<u64>();
            }
            Batch::Busy(from) => {
                next = from;
                tokio::task::yield_now().await;
            }
            Batch::Done | Batch::NotMine => return Ok((redacted, longest)),
        }
    }
}

/// Has an engine record what is due. Returns how long that took.
async fn monitor(bench: &Bench, sizes: &Sizes, report: &mut Report, name: &str) -> Result<Duration, Failure> {
    let due = sizes.due.min(sizes.accounts / 4);
    make_due(bench, due, false).await?;
    let limits = Limits { rate_per_second: None, burst: 1, concurrency: AS_SHIPPED };
    let engine: Engine = bench.engine(vec![(Arc::new(Nothing), Budget::new(limits)?, limits)]);
    let began = Instant::now();
    let running = Running::start(&engine);
    // Of what is redacted meanwhile nothing runs.
    let wanted = due.saturating_sub(due / 4);
    until_recorded(&engine.metrics, name, wanted).await?;
    let took = began.elapsed();
    running.stop().await;
    report.add(name, wanted, took, "a provider that answers at once");
    Ok(took)
}
