//! What differs between two runs of one report: what was asked, what it rested on, and what was found.

use serde::Serialize;
use serde_json::Value;

use super::{RunEvidence, run_evidence};
use crate::{
    actions::{ActionError, Context},
    domain::{
        answer::{Answer, Finding},
        id::{AccountId, MonitorId, RunId},
        subject::Subject,
    },
    store::evidence::{self as store_evidence, EvidenceRun},
    vault::Purpose,
};

/// What differs between two runs of a report, from the one to the other.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunDifference {
    /// The account.
    pub account_id: AccountId,
    /// The report.
    pub report: String,
    /// The one run.
    pub from: RunEvidence,
    /// The other.
    pub to: RunEvidence,
    /// What the runs rested on and that differs: `account-version`, `provider`, `engine`, `threshold`, `lists`, …
    pub basis: Vec<Differing>,
    /// Which of what was asked about differs; none when it is not known any more.
    pub asked: Option<Vec<Differing>>,
    /// What was found, and was not before; none when an answer is not known (any more): it failed, or was redacted.
    pub found: Option<FoundDifference>,
}

/// A value that differs.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Differing {
    /// Which.
    pub name: String,
    /// What it was.
    pub from: Value,
    /// What it is.
    pub to: Value,
}

/// What differs between two answers.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoundDifference {
    /// Entities that came.
    pub added: Vec<Finding>,
    /// Entities that went.
    pub removed: Vec<Finding>,
    /// Entities whose facts differ, or that have another id.
    pub changed: Vec<ChangedFinding>,
    /// How many were found as before; of them the score may differ, which is no news.
    pub unchanged: usize,
}

/// An entity that was found in both.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangedFinding {
    /// Its id.
    pub entity: String,
    /// The id that it had before, where that was another.
    pub former_id: Option<String>,
    /// What differs of its facts.
    pub facts: Vec<Differing>,
}

#[derive(serde::Deserialize)]
struct Content {
    input: Subject,
    answer: Answer,
}

/// What differs between two runs of one report of the account that is given; which of them is the older does not matter.
pub async fn difference(
    context: &Context,
    account: AccountId,
    from: RunId,
    to: RunId,
) -> Result<RunDifference, ActionError> {
    let mut connection = context.store.connection().await?;
    let mut both = Vec::with_capacity(2);
    for run in [from, to] {
        let found = store_evidence::find_run(&mut connection, account, run).await?;
        let found =
            found.ok_or(ActionError::NotFound("run of that id of this account that is kept whole"))?;
        let content = content_of(context, &mut connection, &found).await?;
        both.push((found, content));
    }
    let Ok([(one, before), (another, after)]) = <[_; 2]>::try_from(both) else {
        return Err(ActionError::NotFound("run of that id of this account that is kept whole"));
    };
    if one.monitor != another.monitor {
        return Err(ActionError::Refused(
            "the runs are of two reports: only runs of one report can be compared",
        ));
    }
    let report: MonitorId = one.monitor;
    let (basis, asked) = (basis(&one, &another), asked(before.as_ref(), after.as_ref()));
    let found = match (findings(&one, before), findings(&another, after)) {
        (Some(before), Some(after)) => Some(compare(before, after)),
        _ => None,
    };
    Ok(RunDifference {
        account_id: account,
        report: report.to_string(),
        from: run_evidence(context, one)?,
        to: run_evidence(context, another)?,
        basis,
        asked,
        found,
    })
}

/// What a run asked and was answered: its own, or that of the last run before it that differed.
async fn content_of(
    context: &Context,
    conn: &mut sqlx::PgConnection,
    run: &EvidenceRun,
) -> Result<Option<Content>, ActionError> {
    let sealed = match (run.outcome.as_str(), &run.content) {
        ("clear" | "match", Some(own)) => Some(own.clone()),
        // It would have one of its own if anything differed.
        ("match", None) => store_evidence::find_content(conn, run.monitor, run.slot).await?,
        _ => None,
    };
    Ok(match (sealed, &run.key) {
        (Some(sealed), Some(stored)) => {
            Some(context.keyring.unwrap(run.monitor.0, stored)?.open(Purpose::RunContent, &sealed)?)
        }
        _ => None,
    })
}

/// What a run found; a clear one found nothing, whatever is kept of it.
fn findings(run: &EvidenceRun, content: Option<Content>) -> Option<Vec<Finding>> {
    match run.outcome.as_str() {
        "clear" => Some(Vec::new()),
        "match" => content.map(|content| content.answer.findings),
        _ => None,
    }
}

fn basis(one: &EvidenceRun, another: &EvidenceRun) -> Vec<Differing> {
    let mut differing = of_objects(&one.basis, &another.basis);
    let versions = (Value::from(one.account_version), Value::from(another.account_version));
    if versions.0 != versions.1 {
        differing
            .insert(0, Differing { name: "account-version".to_owned(), from: versions.0, to: versions.1 });
    }
    differing
}

/// A clear run keeps what it asked only where there was a match before it: of others nothing can be said.
fn asked(before: Option<&Content>, after: Option<&Content>) -> Option<Vec<Differing>> {
    let json = |content: &Content| serde_json::to_value(&content.input).ok();
    Some(of_objects(&json(before?)?, &json(after?)?))
}

fn compare(before: Vec<Finding>, after: Vec<Finding>) -> FoundDifference {
    let mut difference = FoundDifference::default();
    let mut left = before;
    for now in after {
        let same = left.iter().position(|was| was.entity == now.entity);
        let same = same.or_else(|| left.iter().position(|was| now.former_ids.contains(&was.entity)));
        let Some(place) = same else {
            difference.added.push(now);
            continue;
        };
        let was = left.remove(place);
        let mut facts: Vec<Differing> = Vec::new();
        for name in was.differences(&now) {
            let of = |finding: &Finding| match name.as_str() {
                "list" => Value::from(finding.list.clone()),
                "name" => Value::from(finding.name.clone()),
                key => finding.facts.get(key).cloned().unwrap_or(Value::Null),
            };
            let (from, to) = (of(&was), of(&now));
            facts.push(Differing { name, from, to });
        }
        let former_id = (was.entity != now.entity).then_some(was.entity);
        if facts.is_empty() && former_id.is_none() {
            difference.unchanged += 1;
        } else {
            difference.changed.push(ChangedFinding { entity: now.entity, former_id, facts });
        }
    }
    difference.removed = left;
    difference
}

fn of_objects(one: &Value, another: &Value) -> Vec<Differing> {
    let (Some(one), Some(another)) = (one.as_object(), another.as_object()) else { return Vec::new() };
    let keys: std::collections::BTreeSet<&String> = one.keys().chain(another.keys()).collect();
    let value =
        |of: &serde_json::Map<String, Value>, key: &String| of.get(key).cloned().unwrap_or(Value::Null);
    keys.into_iter()
        .map(|key| Differing { name: key.clone(), from: value(one, key), to: value(another, key) })
        .filter(|one| one.from != one.to)
        .collect()
}
