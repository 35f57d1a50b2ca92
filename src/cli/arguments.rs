//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    audit::AuditCommand,
    evidence::{CoverageCommand, EvidenceCommand},
    export::ExportCommand,
    hits::{AssignCommand, CommentCommand, HitsCommand, ImportDecisionsCommand},
    import::ImportArguments,
    key::KeyCommand,
    keys::KeysCommand,
    ledger::LedgerCommand,
    lists::ListsCommand,
    pause::{PauseCommand, ResumeCommand},
    plan::PlanCommand,
    rescreens::RescreensCommand,
    retention::{HoldCommand, HoldsCommand, RetentionCommand, UnholdCommand},
    screen::ScreenCommand,
    simulate::SimulateCommand,
    what_if::WhatIfCommand,
};
use crate::domain::id::{HitId, MonitorId};

/// A self-hosted store of customer accounts and the daemon that keeps watch over them.
#[derive(Debug, Parser)]
#[command(name = "watchkeeper", version, propagate_version = true)]
pub(super) struct Arguments {
    /// The configuration; without it ./watchkeeper.toml, then /etc/watchkeeper/watchkeeper.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows it all at work: a database of its own, 10,000 invented accounts, a watchlist, hits.
    Demo(DemoOptions),
    /// Writes a commented configuration and a master key.
    Init {
        /// Where to.
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// The folder of OFAC's CSV files (`sdn.csv`, `alt.csv`, `add.csv`, `sdn_comments.csv`).
        #[arg(long, value_name = "FOLDER")]
        list: Option<PathBuf>,
    },
    /// Names every fault of the configuration; asks no database.
    Check,
    /// Plans ahead: load against budgets, lateness, and what to change; from the database, or from numbers given.
    Plan(PlanCommand),
    /// Has the engine live through a month in minutes, with this configuration and simulated providers.
    Simulate(SimulateCommand),
    /// Brings the database to this program's schema.
    Migrate,
    /// Imports accounts from a CSV or NDJSON file: takes the good rows, names every bad one.
    Import(ImportArguments),
    /// Compacts and drops old months, as the daemon does every night.
    Compact {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Runs the daemon until it is told to stop.
    Serve,
    /// Runs every report of an account now, waits, and shows the results.
    Run {
        /// The account's reference id or id.
        #[arg(long, value_name = "REF")]
        account: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Screens a name, a file of names or pairs of names against the configured lists; asks no database.
    Screen(ScreenCommand),
    /// Shows the published lists of this host: version, counts, age, source, what was refused.
    Lists(ListsCommand),
    /// Shows hits across accounts.
    Hits(HitsCommand),
    /// Has somebody look at a hit.
    Assign(AssignCommand),
    /// Notes something on a hit.
    Comment(CommentCommand),
    /// Imports past decisions, so that what was worked off elsewhere does not alert again.
    ImportDecisions(ImportDecisionsCommand),
    /// Decides that a hit is somebody else.
    Dismiss(DecisionOptions),
    /// Decides that a hit is the account.
    Confirm(DecisionOptions),
    /// Lets a quarantined monitor run again.
    Release {
        /// The monitor's id, as `account` and the log show it.
        #[arg(value_name = "MONITOR")]
        monitor: MonitorId,
        /// Who does it; the user of the system when not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Pauses everything, a provider, a schedule or an account, until it is resumed.
    #[command(subcommand)]
    Pause(PauseCommand),
    /// Resumes what was paused.
    #[command(subcommand)]
    Resume(ResumeCommand),
    /// Shows what is paused, by whom, since when, and why.
    Pauses {
        /// At most so many accounts.
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Has every monitor of schedules run once more, in turn with routine work.
    Rescreen {
        /// A schedule, as the configuration names it; again for more. Without any, all of them.
        #[arg(long = "schedule", value_name = "NAME")]
        schedules: Vec<String>,
        /// Also opens hits again that were dismissed under another threshold than their schedule has now; they say so.
        #[arg(long)]
        reopen: bool,
        /// Who does it; the user of the system when not given.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Shows why accounts were screened once more, and how far that is: changes of lists, and what was asked for; of one, or
    /// with --hits, also which hits that brought, and how fast.
    Rescreens(RescreensCommand),
    /// Shows what is redacted when and why, and redacts what is due.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Puts an account under a legal hold: nothing of it is redacted until the hold ends.
    Hold(HoldCommand),
    /// Lifts a legal hold.
    Unhold(UnholdCommand),
    /// Shows legal holds.
    Holds(HoldsCommand),
    /// Prints the document that describes the API (`OpenAPI` 3.1).
    Openapi,
    /// Lists, makes and rotates master keys, which wrap the keys of all personal data.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Shows and replays the erasure ledger, which makes a restored backup forget again.
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Hands out everything that is held about one account: for programs, for people, with its files.
    ExportSubject(ExportCommand),
    /// Shows the audit log and proves it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Makes, lists and revokes keys of the API.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Shows an account: its fields, monitors, runs and hits.
    Account {
        /// The account's reference id or id.
        #[arg(value_name = "REF")]
        account: String,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Shows what was done about an account in a period: every run and all that it rested on, hits, decisions, events.
    Evidence(EvidenceCommand),
    /// Shows who was screened in a period, and of everybody else why not; the last 30 days when none is given.
    Coverage(CoverageCommand),
    /// Screens everybody of a schedule with another threshold, matching or list version, and shows which hits would be
    /// gained and lost against those that are recorded. Records nothing.
    #[command(name = "whatif")]
    WhatIf(WhatIfCommand),
    /// Shows daemons, schedules, what is due and what is behind.
    Status {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Runs a program with `DATABASE_URL` set to a cluster of its own, and stops that again.
    #[command(hide = true)]
    WithPostgres {
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        program: Vec<String>,
    },
}

/// A decision on hits: it holds for all reports of their accounts. It needs a reason, which is kept encrypted; that is
/// not an argument, for others could see it.
#[derive(Args, Clone, Debug)]
pub(super) struct DecisionOptions {
    /// The ids of the hits, as `hits` shows them.
    #[arg(value_name = "HIT", required = true, num_args = 1..=1000)]
    pub(super) hits: Vec<HitId>,
    /// Reads the reason from standard input, also where that is no terminal; a terminal is asked for it anyway.
    #[arg(long)]
    pub(super) reason: bool,
    /// Who decided; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    pub(super) by: Option<String>,
}

/// How to run the demo.
#[derive(Args, Clone, Debug)]
pub(super) struct DemoOptions {
    /// OFAC's CSV files; without it a small invented list.
    #[arg(long, value_name = "FOLDER", conflicts_with = "download")]
    pub(super) list: Option<PathBuf>,
    /// Fetches OFAC's current list.
    #[arg(long)]
    pub(super) download: bool,
    /// How many accounts to invent.
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) accounts: u32,
    /// The same seed invents the same accounts.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Ends after the first round, instead of keeping watch until Ctrl-C.
    #[arg(long)]
    pub(super) exit: bool,
}
