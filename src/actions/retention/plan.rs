//! What the next sweeps would redact, and how retention stands.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::{
    super::{ActionError, Context},
    explain::is_walking,
    written,
};
use crate::{domain::retention::Policy, store::retention};

/// How many ids are shown of each policy.
const SAMPLES: i64 = 3;

/// What falls due in the next days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Until when.
    pub until: DateTime<Utc>,
    /// By policy; those by which nothing falls due are not among them.
    pub policies: Vec<PlannedPolicy>,
    /// Whether policies changed lately and not everything was looked at since: the counts are not final.
    pub is_incomplete: bool,
}

/// What falls due by one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedPolicy {
    /// Its name.
    pub policy: String,
    /// How many objects and fields on which day; what is due already on the first.
    pub days: Vec<PlannedDay>,
    /// The ids of some of them.
    pub samples: Vec<String>,
}

/// How much falls due on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedDay {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// How many objects and fields.
    pub count: i64,
}

/// Counts what falls due in the next days, by what was last seen of each object.
pub async fn plan(context: &Context, days: u16) -> Result<Plan, ActionError> {
    let now = context.now();
    let until = now + TimeDelta::days(i64::from(days));
    let mut connection = context.store.connection().await?;
    let mut policies: Vec<PlannedPolicy> = Vec::new();
    for counted in retention::count_by_day(&mut connection, now, until).await? {
        let day = PlannedDay { day: counted.day, count: counted.count };
        match policies.iter_mut().find(|known| known.policy == counted.policy) {
            Some(known) => known.days.push(day),
            None => {
                let (policy, days) = (counted.policy, vec![day]);
                policies.push(PlannedPolicy { policy, days, samples: Vec::new() });
            }
        }
    }
    for policy in &mut policies {
        let samples = retention::list_samples(&mut connection, &policy.policy, until, SAMPLES).await?;
        policy.samples = samples.into_iter().map(|row| written(row.kind, row.object)).collect();
    }
    Ok(Plan { until, policies, is_incomplete: is_walking(&mut connection).await? })
}

/// The policies in force, by name.
pub async fn policies(context: &Context) -> Result<Vec<Policy>, ActionError> {
    let mut connection = context.store.connection().await?;
    let policies = retention::list_policies(&mut connection).await?;
    Ok(policies.into_iter().map(|(_, policy)| policy).collect())
}

/// How retention stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Standing {
    /// How many policies are in force.
    pub policies: usize,
    /// How much is due now, counted up to 400 a shard.
    pub due: i64,
    /// Since when the oldest of it is due.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// When the last sweep had redacted all that was due.
    pub swept_at: Option<DateTime<Utc>>,
    /// Since when a sweep is asked for and not done.
    pub asked_at: Option<DateTime<Utc>>,
    /// Objects that are due and could not be redacted, at most 100.
    pub failing: Vec<String>,
    /// Whether policies changed lately and not everything was looked at since.
    pub is_incomplete: bool,
}

/// Reads how retention stands.
pub async fn standing(context: &Context) -> Result<Standing, ActionError> {
    let mut connection = context.store.connection().await?;
    let policies = retention::list_policies(&mut connection).await?.len();
    let overdue = retention::find_overdue(&mut connection, context.now()).await?;
    let state = retention::get_state(&mut connection).await?;
    let failing = retention::list_failing(&mut connection).await?;
    Ok(Standing {
        policies,
        due: overdue.count,
        oldest_due_at: overdue.oldest_at,
        swept_at: state.swept_at,
        asked_at: state.asked_at,
        failing: failing.into_iter().map(|(kind, id)| written(kind, id)).collect(),
        is_incomplete: state.walk.is_some(),
    })
}
