//! `retention`, `hold`, `unhold` and `holds`.

use std::{fmt::Write as _, process::ExitCode};

use chrono::{DateTime, NaiveTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::{BAD_NEWS, actor, objects, say, show, tables, times};
use crate::{
    actions::{
        inspect,
        retention::{self, Explained, Explanation, NewHold, Plan},
    },
    app::{self, commands},
    config::Settings,
    domain::id::HoldId,
};

/// What to do about retention.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum RetentionCommand {
    /// Shows what the next sweeps redact: how much, by policy and day, with some ids.
    Plan {
        /// For so many days from now.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3660))]
        days: u16,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Tells why an object is or is not due: by which policy, when, what keeps it.
    Explain {
        /// The id of an account, inquiry, report, transaction or list item; or an account's reference id.
        #[arg(value_name = "ID")]
        id: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Has the running daemon redact what is due, without waiting for its time.
    Sweep {
        /// Redacts here and now, by the policies in force, as fast as it can; ends when nothing is due.
        #[arg(long)]
        now: bool,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

/// A hold to place.
#[derive(Args, Clone, Debug)]
pub(super) struct HoldCommand {
    /// The account's reference id or id.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// Why, as a code of small letters, digits and dashes, such as case-2026-17: nothing about a person.
    #[arg(long, value_name = "CODE")]
    reason: String,
    /// The last day on which it stands (YYYY-MM-DD, UTC); until it is lifted when not given.
    #[arg(long, value_name = "DATE", value_parser = until)]
    until: Option<DateTime<Utc>>,
    /// Who does it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// A hold to lift.
#[derive(Args, Clone, Debug)]
pub(super) struct UnholdCommand {
    /// The hold's id, as `holds` shows it.
    #[arg(value_name = "HOLD")]
    hold: HoldId,
    /// Who does it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Which holds to show.
#[derive(Args, Clone, Debug)]
pub(super) struct HoldsCommand {
    /// Only those of this account (reference id or id), lifted ones too; all that stand when not given.
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// At most so many, the newest first.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// The end of a day.
fn until(text: &str) -> Result<DateTime<Utc>, String> {
    let next = times::day(text)?.succ_opt().ok_or("is beyond the calendar")?;
    Ok(next.and_time(NaiveTime::MIN).and_utc())
}

pub(super) async fn run(settings: &Settings, command: &RetentionCommand) -> anyhow::Result<ExitCode> {
    match command {
        RetentionCommand::Plan { days, json } => {
            let context = app::open(settings).await?;
            let plan = retention::plan(&context, *days).await?;
            show(*json, &plan, || planned(&plan))?;
        }
        RetentionCommand::Explain { id, json } => {
            let context = app::open(settings).await?;
            let id = objects::find_retained(&context, id).await?;
            let explanation = retention::explain(&context, id).await?;
            show(*json, &explanation, || explained(&explanation))?;
        }
        RetentionCommand::Sweep { now: false, json } => {
            let context = app::open(settings).await?;
            retention::ask(&context).await?;
            show(*json, &json!({ "asked": true }), || {
                "Asked for: a running daemon begins within a second; `watchkeeper status` shows how far it is.".to_owned()
            })?;
        }
        RetentionCommand::Sweep { now: true, json } => {
            let swept = commands::sweep(settings).await?;
            show(*json, &swept, || {
                let mut text = String::new();
                for (policy, count) in &swept.redacted {
                    writeln!(text, "{policy}: {count} redacted").expect("a string takes all");
                }
                if swept.redacted.is_empty() {
                    text.push_str("Nothing was due.\n");
                }
                if swept.failed > 0 {
                    writeln!(
                        text,
                        "{} could not be redacted, and are put off; the log says why",
                        swept.failed
                    )
                    .expect("a string takes all");
                }
                text
            })?;
            if swept.failed > 0 {
                return Ok(ExitCode::from(BAD_NEWS));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn planned(plan: &Plan) -> String {
    let mut text = String::new();
    if plan.is_incomplete {
        text.push_str("Policies changed, and not everything was looked at since: more may be due.\n");
    }
    if plan.policies.is_empty() {
        write!(text, "Nothing falls due before {}.", tables::time(plan.until)).expect("a string takes all");
        return text;
    }
    let mut shown = tables::table(&["policy", "day", "objects", "some of them"]);
    for policy in &plan.policies {
        for (place, day) in policy.days.iter().enumerate() {
            let (name, samples) = match place {
                0 => (policy.policy.clone(), policy.samples.join(" ")),
                _ => (String::new(), String::new()),
            };
            shown.add_row([name, day.day.to_string(), day.count.to_string(), samples]);
        }
    }
    text + &shown.to_string()
}

fn explained(explanation: &Explanation) -> String {
    let mut text = format!("{} {}: ", explanation.kind, explanation.id);
    verdict(&mut text, &explanation.whole);
    for field in &explanation.fields {
        write!(text, "field {}: ", field.field.as_deref().unwrap_or_default()).expect("a string takes all");
        verdict(&mut text, field);
    }
    text
}

fn verdict(text: &mut String, explained: &Explained) {
    let state = match (explained.state, explained.due_at) {
        ("due", Some(at)) => format!("due since {}", tables::time(at)),
        (_, Some(at)) => format!("due at {}", tables::time(at)),
        (state, None) => state.to_owned(),
    };
    writeln!(text, "{state}\n  {}", explained.why).expect("a string takes all");
    for obstacle in &explained.kept_by {
        let until = obstacle
            .until
            .map_or_else(|| "without an end in sight".to_owned(), |at| format!("until {}", tables::time(at)));
        let reason = obstacle.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        writeln!(text, "  kept by {} {}{reason} {until}", obstacle.kind, obstacle.name)
            .expect("a string takes all");
    }
}

/// A hold as the commands show it.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct HoldView {
    id: String,
    account: String,
    reason: String,
    placed_by: String,
    placed_at: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    lifted_at: Option<DateTime<Utc>>,
    lifted_by: Option<String>,
}

impl From<crate::actions::retention::HoldRow> for HoldView {
    fn from(row: crate::actions::retention::HoldRow) -> Self {
        Self {
            id: row.hold.id.to_string(),
            account: row.hold.account.to_string(),
            reason: row.hold.reason,
            placed_by: row.actor,
            placed_at: row.placed_at,
            until: row.hold.until,
            lifted_at: row.lifted_at,
            lifted_by: row.lifted_by,
        }
    }
}

pub(super) async fn hold(settings: &Settings, command: &HoldCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    let account = inspect::find_account(&context, &command.account).await?;
    let new = NewHold { account: account.id, reason: command.reason.clone(), until: command.until };
    let placed = retention::place_hold(&context, &actor(command.by.as_deref()), &new).await?;
    let view = HoldView::from(placed);
    show(command.json, &view, || {
        let until = view
            .until
            .map_or_else(|| "until it is lifted".to_owned(), |at| format!("until {}", tables::time(at)));
        format!("Held: nothing of {} is redacted {until}. The hold is {}.", view.account, view.id)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn unhold(settings: &Settings, command: &UnholdCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    let lifted = retention::lift_hold(&context, &actor(command.by.as_deref()), command.hold).await?;
    let view = HoldView::from(lifted);
    show(command.json, &view, || {
        format!("Lifted. What fell due of {} meanwhile is redacted by the next sweep.", view.account)
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn holds(settings: &Settings, command: &HoldsCommand) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    let account = match &command.account {
        Some(reference) => Some(inspect::find_account(&context, reference).await?.id),
        None => None,
    };
    let (held, _) = retention::list_holds(&context, account, (None, None), command.limit).await?;
    let held: Vec<HoldView> = held.into_iter().map(HoldView::from).collect();
    if held.is_empty() && !command.json {
        say("There are no holds.")?;
        return Ok(ExitCode::SUCCESS);
    }
    show(command.json, &held, || {
        let mut shown = tables::table(&["hold", "account", "reason", "by", "since", "until", "lifted"]);
        let maybe = |at: Option<DateTime<Utc>>| at.map_or_else(String::new, tables::time);
        for one in &held {
            shown.add_row([
                one.id.clone(),
                one.account.clone(),
                one.reason.clone(),
                one.placed_by.clone(),
                tables::time(one.placed_at),
                maybe(one.until),
                maybe(one.lifted_at),
            ]);
        }
        shown.to_string()
    })?;
    Ok(ExitCode::SUCCESS)
}
