//! What must hold whatever happened, asked of the database itself.

use super::{super::daemon::Place, stage::Stage};

/// One more reason to run for every monitor, as an edit of every account gives: the runs that answer
/// it must have seen the accounts' new version.
pub const MAKE_DUE: &str = "
    with locked as (select shard, monitor_id from monitor_due order by shard, monitor_id for update)
    update monitor_due as due
        set wanted = wanted + 1, attempts = 0, next_run_at = least(next_run_at, clock_timestamp())
        from locked
        where due.shard = locked.shard and due.monitor_id = locked.monitor_id;
    insert into wakeups (shard, lane, monitor_id, reason, created_at)
        select shard, lane, monitor_id, 'account-change', clock_timestamp() from monitor_due
        on conflict on constraint wakeups_pkey do nothing;
    update accounts set version = version + 1;
";

/// How much is left to do.
pub const STILL_DUE: &str = "
    select (select count(*) from monitor_due where next_run_at <= clock_timestamp())
         + (select count(*) from wakeups) + (select count(*) from enrol_queue)";

/// Up to which slot each monitor has been checked: a checkpoint looks at what is new.
const CHECKED: &str = "create table chaos_checked (monitor_id uuid primary key, slot bigint not null)";

/// Slots without a run, runs of a slot that has one already, runs of slots that are not settled.
const LOST_DOUBLED_ASTRAY: &str = "
    select array[
        coalesce(sum(due.slot - due.begins - recorded.slots), 0),
        coalesce(sum(recorded.runs - recorded.slots), 0),
        count(*) filter (where recorded.first < 0 or recorded.last >= due.slot)
    ]::bigint[]
    from (
        select due.monitor_id, due.slot, coalesce(checked.slot, 0) as begins
        from monitor_due as due
        left join chaos_checked as checked using (monitor_id)
    ) as due
    cross join lateral (
        select count(*) as runs, count(distinct slot) as slots, min(slot) as first, max(slot) as last
        from runs
        where runs.monitor_id = due.monitor_id
          and runs.slot >= due.begins
          and outcome <> 'superseded'
    ) as recorded";

const SAVE_CHECKED: &str = "
    insert into chaos_checked (monitor_id, slot) select monitor_id, slot from monitor_due
    on conflict (monitor_id) do update set slot = excluded.slot";

/// Monitors whose last run did not see what it was asked to look at again.
const UNANSWERED: &str = "
    select count(*)
    from monitors as monitor
    join accounts as account using (shard, account_id)
    cross join lateral (
        select account_version
        from runs
        where runs.monitor_id = monitor.monitor_id
          and outcome <> 'superseded'
        order by slot desc
        limit 1
    ) as last
    where last.account_version <> account.version";

/// Monitors whose hits, tags and statuses are not what their last answer said.
const EFFECTS_ASTRAY: &str = "
    select count(*)
    from monitors as monitor
    join accounts as account using (shard, account_id)
    cross join lateral (
        select outcome
        from runs
        where runs.monitor_id = monitor.monitor_id
          and outcome <> 'superseded'
        order by slot desc
        limit 1
    ) as last
    where (last.outcome = 'match') <> exists (
              select from hits where hits.monitor_id = monitor.monitor_id and state = 'open')
       or (last.outcome = 'match') <> exists (
              select from account_tags where account_tags.account_id = account.account_id)
       or (last.outcome = 'match') <> (account.status = 'under-review')";

/// Runs that ended without an answer: the provider always gives one.
const ERRORS: &str = "select count(*) from runs where outcome = 'error'";

/// A slot is the count of its monitor's recorded runs.
const RECORDED: &str = "select sum(slot)::bigint from monitor_due";

const SUPERSEDED: &str = "select count(*) from runs where outcome = 'superseded'";

const CHANGED_MATCHES: &str = "select count(*) from runs where outcome = 'match' and changed";

/// What came of the runs so far, when all is quiet.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// Runs that count.
    pub runs: i64,
    /// Slots without a run.
    pub lost: i64,
    /// Slots with more than one.
    pub doubled: i64,
    /// Calls beyond one for each run.
    pub repeated: i64,
}

impl Tally {
    /// Makes ready to check a place.
    pub fn prepare(place: &Place) {
        place.tell(CHECKED);
    }

    /// Waits until all is quiet, and counts what is new since the checkpoint before; panics at the first
    /// thing that does not hold.
    pub fn at_checkpoint(stage: &Stage) -> Self {
        stage.until_settled();
        let place = &stage.place;
        let counted: Vec<i64> = place.ask(LOST_DOUBLED_ASTRAY);
        let runs = place.ask::<i64>(RECORDED);
        let tally = Self { runs, lost: counted[0], doubled: counted[1], repeated: stage.stub.total() - runs };
        assert_eq!(counted[2], 0, "no run of a slot that is not settled");
        assert_eq!((tally.lost, tally.doubled), (0, 0), "a run for every slot, and only one");
        assert_eq!(place.ask::<i64>(UNANSWERED), 0, "every reason to run is answered");
        assert_eq!(
            place.ask::<i64>(EFFECTS_ASTRAY),
            0,
            "hits, tags and statuses are those of the last answer"
        );
        assert!(tally.repeated >= 0, "no run without a call");
        place.tell(SAVE_CHECKED);
        tally
    }

    /// The same over all there is, from the first slot on.
    pub fn at_end(stage: &Stage) -> Self {
        stage.until_settled();
        stage.place.tell("truncate chaos_checked");
        let tally = Self::at_checkpoint(stage);
        assert_eq!(stage.place.ask::<i64>(ERRORS), 0);
        assert!(stage.place.ask::<i64>(CHANGED_MATCHES) > 0, "some answers have hits");
        tally
    }
}

/// How many runs came too late to count.
pub fn superseded(place: &Place) -> i64 {
    place.ask(SUPERSEDED)
}
