//! `pause`, `resume` and `pauses`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{reason_from_input, say, show, tables, user};
use crate::{
    actions::pause::{self, Changed, Target},
    app,
    config::Settings,
};

/// What to pause.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PauseCommand {
    /// All that runs: no provider is asked anything.
    Everything(PauseOptions),
    /// A provider: it is asked nothing.
    Provider {
        /// Its name, as the configuration says it.
        name: String,
        #[command(flatten)]
        options: PauseOptions,
    },
    /// A schedule: its monitors do not run, and new accounts get none.
    Schedule {
        /// Its name, as the configuration says it.
        name: String,
        #[command(flatten)]
        options: PauseOptions,
    },
    /// An account: no schedule watches it.
    Account {
        /// Its reference id or id.
        #[arg(value_name = "REF")]
        account: String,
        /// Reads the reason from standard input; it is kept encrypted. Not an argument: others could see it.
        #[arg(long)]
        reason: bool,
        #[command(flatten)]
        who: Who,
    },
}

/// Who pauses, and why.
#[derive(Args, Clone, Debug)]
pub(super) struct PauseOptions {
    /// Why, for all who look at /readyz: nothing about a person.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    who: Who,
}

/// What to resume.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ResumeCommand {
    /// What `pause everything` stopped; other pauses stay.
    Everything(Who),
    /// A provider; one that rests because it asked for it is asked again, too.
    Provider {
        /// Its name.
        name: String,
        #[command(flatten)]
        who: Who,
    },
    /// A schedule.
    Schedule {
        /// Its name.
        name: String,
        #[command(flatten)]
        who: Who,
    },
    /// An account.
    Account {
        /// Its reference id or id.
        #[arg(value_name = "REF")]
        account: String,
        #[command(flatten)]
        who: Who,
    },
}

/// Who does it.
#[derive(Args, Clone, Debug)]
pub(super) struct Who {
    /// Who does it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

impl Who {
    fn actor(&self) -> String {
        format!("cli:{}", self.by.clone().unwrap_or_else(user))
    }
}

pub(super) async fn pause(settings: &Settings, command: &PauseCommand) -> anyhow::Result<ExitCode> {
    let (target, options) = match command {
        PauseCommand::Everything(options) => (Target::Everything, options),
        PauseCommand::Provider { name, options } => (Target::Provider(name.clone()), options),
        PauseCommand::Schedule { name, options } => (Target::Schedule(name.clone()), options),
        PauseCommand::Account { account, reason, who } => {
            let reason = if *reason { Some(reason_from_input()?) } else { None };
            let context = app::open(settings).await?;
            let changed = pause::pause_account(&context, &who.actor(), account, reason.as_ref()).await?;
            return paused(who, &changed);
        }
    };
    let context = app::open(settings).await?;
    let who = &options.who;
    let changed = pause::pause(&context, &who.actor(), &target, options.reason.as_deref()).await?;
    paused(who, &changed)
}

fn paused(who: &Who, changed: &Changed) -> anyhow::Result<ExitCode> {
    show(who.json, changed, || {
        if changed.changed {
            format!("Paused: {}. Calls under way are finished; no other begins.", named(changed))
        } else {
            format!("{} is paused already; `watchkeeper pauses` shows since when, and why.", named(changed))
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn resume(settings: &Settings, command: &ResumeCommand) -> anyhow::Result<ExitCode> {
    let (target, who) = match command {
        ResumeCommand::Everything(who) => (Target::Everything, who),
        ResumeCommand::Provider { name, who } => (Target::Provider(name.clone()), who),
        ResumeCommand::Schedule { name, who } => (Target::Schedule(name.clone()), who),
        ResumeCommand::Account { account, who } => {
            let context = app::open(settings).await?;
            return resumed(who, &pause::resume_account(&context, &who.actor(), account).await?);
        }
    };
    let context = app::open(settings).await?;
    resumed(who, &pause::resume(&context, &who.actor(), &target).await?)
}

fn resumed(who: &Who, changed: &Changed) -> anyhow::Result<ExitCode> {
    show(who.json, changed, || {
        let resumed = if changed.changed {
            format!("Resumed: {}. What became due meanwhile runs once.", named(changed))
        } else {
            format!("{} was not paused.", named(changed))
        };
        if changed.rest_ended {
            format!("{resumed} It rested, as it had asked for: that is ended.")
        } else {
            resumed
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn named(changed: &Changed) -> String {
    match &changed.name {
        Some(name) => format!("{} {name}", changed.scope),
        None => changed.scope.to_owned(),
    }
}

/// Shows all that is paused.
pub(super) async fn list(settings: &Settings, limit: i64, json: bool) -> anyhow::Result<ExitCode> {
    let context = app::open(settings).await?;
    let paused = pause::list(&context, limit).await?;
    if !json && paused.pauses.is_empty() && paused.accounts.is_empty() {
        say("Nothing is paused.")?;
    } else {
        show(json, &paused, || tables::paused(&paused))?;
    }
    Ok(ExitCode::SUCCESS)
}
