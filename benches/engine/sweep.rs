//! The sweep of retention: accounts with two inquiries and two reports each, redacted by a policy.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use watchkeeper::{
    actions::retention::{self, Batch},
    domain::{
        id::Shard,
        retention::{Clock, Period, Policy, RetainedKind, Rule},
    },
    store::retention as rows,
};

use super::{Failure, Report, Sizes, peak, say, seed::Bench};

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
    update accounts set created_at = now() - interval '2 days'
    from chosen where accounts.shard = chosen.shard and accounts.account_id = chosen.account_id;
    analyze inquiries; analyze monitors; analyze hits; analyze runs; analyze data_keys; analyze accounts";

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
    rows::start_walk(&mut transaction).await?;
    transaction.commit().await?;
    let began = Instant::now();
    while retention::refresh(&bench.context).await?.more {}
    report.add("retention: objects looked at", sizes.accounts, began.elapsed(), "each walked over once");
    bench.settle().await?;

    let (began, mut next, mut redacted) = (Instant::now(), Shard(0), 0);
    let mut longest = Duration::ZERO;
    loop {
        let batch_began = Instant::now();
        let Batch::Swept(swept) = retention::batch(&bench.context, next, None, BATCH).await? else { break };
        longest = longest.max(batch_began.elapsed());
        next = Shard(swept.shard.wrapping_add(1));
        redacted += swept.redacted.values().sum::<u64>();
        if swept.failed > 0 {
            return Err(format!("{} could not be redacted", swept.failed).into());
        }
    }
    let took = began.elapsed();
    let whole = "select count(*) from accounts join data_keys on object_id = account_id where accounts.redacted_at is not null";
    let left: i64 = sqlx::query_scalar(whole).fetch_one(&mut patient).await?;
    say(&format!("{redacted} accounts were redacted, {left} of them still have a key"));
    report.add(
        "sweep: accounts redacted",
        usize::try_from(redacted)?,
        took,
        &format!(
            "2 inquiries and 2 reports each, longest transaction {} ms, {}",
            longest.as_millis(),
            peak()
        ),
    );
    // Others measure without it.
    let mut transaction = bench.context.store.transaction().await?;
    rows::save_removed(&mut transaction, &[], bench.context.now()).await?;
    transaction.commit().await?;
    patient.close().await?;
    Ok(())
}
