//! `hits`, `assign`, `comment`, `import-decisions`: working off what runs matched.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use super::{BAD_NEWS, actor, evidence::time, note_all_shown, reason_from_input, say, show, tables, times};
use crate::{
    actions::{
        hits::{self, Filter, Page, Sort},
        import::decisions,
        inspect,
    },
    app,
    config::Settings,
    domain::{hit::HitState, id::HitId},
};

/// Which hits, in which order.
#[derive(Args, Clone, Debug)]
pub(super) struct HitsCommand {
    /// Only those that nobody has decided on.
    #[arg(long, conflicts_with = "state")]
    open: bool,
    /// Only those in any of these states: open, dismissed, confirmed, gone.
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    state: Vec<HitState>,
    /// Only those of a schedule; `reports/TEMPLATE` for reports that the API made.
    #[arg(long, value_name = "NAME")]
    schedule: Option<String>,
    /// Only those on a list.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
    /// Only those of an account, by its reference id or id.
    #[arg(long, value_name = "REF")]
    account: Option<String>,
    /// Only those of at least this score, 0 to 1.
    #[arg(long, value_name = "SCORE")]
    min_score: Option<f32>,
    /// Only those of at most this score, 0 to 1.
    #[arg(long, value_name = "SCORE")]
    max_score: Option<f32>,
    /// Only those first seen within this time, such as 7d.
    #[arg(long, value_name = "DURATION", value_parser = times::length, conflicts_with = "from")]
    newer_than: Option<Duration>,
    /// Only those first seen longer ago than this.
    #[arg(long, value_name = "DURATION", value_parser = times::length, conflicts_with = "until")]
    older_than: Option<Duration>,
    /// Only those first seen from this day or time on, in UTC, as 2026-03-04 or 2026-03-04T05:06:07Z.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<DateTime<Utc>>,
    /// Only those first seen before this day or time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<DateTime<Utc>>,
    /// Only those that somebody is to look at.
    #[arg(long, value_name = "NAME", conflicts_with = "unassigned")]
    assignee: Option<String>,
    /// Only those that nobody is to look at.
    #[arg(long)]
    unassigned: bool,
    /// The newest first, or the likeliest.
    #[arg(long, value_enum, default_value_t = Order::Newest)]
    sort: Order,
    /// Only those behind this one: the last of the page before.
    #[arg(long, value_name = "HIT")]
    after: Option<HitId>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: i64,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Newest,
    Score,
}

/// Who is to look at a hit.
#[derive(Args, Clone, Debug)]
pub(super) struct AssignCommand {
    /// The hit's id, as `hits` shows it.
    #[arg(value_name = "HIT")]
    hit: HitId,
    /// Who is to look at it; nobody when not given.
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// Who assigns it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// A note on a hit.
#[derive(Args, Clone, Debug)]
pub(super) struct CommentCommand {
    /// The hit's id, as `hits` shows it. What to note is read from standard input, and kept encrypted.
    #[arg(value_name = "HIT")]
    hit: HitId,
    /// Who writes it; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// A file of past decisions.
#[derive(Args, Clone, Debug)]
pub(super) struct ImportDecisionsCommand {
    /// CSV with the headers `reference_id`, `entity`, `decision` (dismissed or confirmed), and if you like `type`,
    /// `reason`, `reviewer`, `date`; or JSON objects with these keys, one a line.
    file: PathBuf,
    /// Who decided where a row does not say; the user of the system when not given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

fn state(word: &str) -> Result<HitState, String> {
    HitState::from_word(word).ok_or_else(|| "accepted is open, dismissed, confirmed or gone".to_owned())
}

pub(super) async fn list(settings: &Settings, command: &HitsCommand) -> anyhow::Result<()> {
    let context = app::open(settings).await?;
    let ago = |duration: Option<Duration>| {
        let duration = chrono::TimeDelta::from_std(duration?).ok()?;
        context.now().checked_sub_signed(duration)
    };
    let account = match &command.account {
        Some(reference) => Some(inspect::find_account(&context, reference).await?.id),
        None => None,
    };
    let filter = Filter {
        account,
        schedule_id: None,
        list: command.list.clone(),
        states: if command.open { vec![HitState::Open] } else { command.state.clone() },
        score_from: command.min_score,
        score_to: command.max_score,
        seen_from: command.from.or_else(|| ago(command.newer_than)),
        seen_to: command.until.or_else(|| ago(command.older_than)),
        assignee: if command.unassigned { Some(String::new()) } else { command.assignee.clone() },
    };
    let sort = match command.sort {
        Order::Newest => Sort::Newest,
        Order::Score => Sort::Score,
    };
    let page = Page { sort, after: command.after, before: None, limit: command.limit };
    let hits = hits::list(&context, &filter, command.schedule.as_deref(), page).await?;
    let shown = hits.iter().flat_map(|hit| [("hit", hit.id.0), ("act", hit.account_id.0)]).collect();
    note_all_shown(&context, "hit.read", shown).await?;
    show(command.json, &hits, || tables::hits(&hits))
}

pub(super) async fn assign(settings: &Settings, command: &AssignCommand) -> anyhow::Result<()> {
    let context = app::open(settings).await?;
    let actor = actor(command.by.as_deref());
    hits::assign(&context, &actor, command.hit, command.to.as_deref()).await?;
    say(if command.to.is_some() { "Assigned." } else { "Assigned to nobody." })
}

pub(super) async fn comment(settings: &Settings, command: &CommentCommand) -> anyhow::Result<()> {
    let text = reason_from_input()?;
    anyhow::ensure!(!text.reveal().is_empty(), "there is nothing to note: standard input is empty");
    let context = app::open(settings).await?;
    hits::comment(&context, &actor(command.by.as_deref()), command.hit, &text).await?;
    say("Noted.")
}

pub(super) async fn import_decisions(
    settings: &Settings,
    command: &ImportDecisionsCommand,
) -> anyhow::Result<ExitCode> {
    let (name, actor) = (command.file.display().to_string(), actor(command.by.as_deref()));
    let file = open(&command.file)?;
    let context = app::open(settings).await?;
    let progress = |rows| {
        // A terminal shows how far it is; whoever reads the output of a program is not disturbed.
        let _ = write!(io::stderr(), "\r{rows} rows");
    };
    let imported = decisions::import(&context, &actor, &name, file, progress).await;
    let _ = write!(io::stderr(), "\r");
    let imported = imported?;
    show(command.json, &imported, || tables::imported_decisions(&imported))?;
    Ok(if imported.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BAD_NEWS) })
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("{} could not be read", path.display()))?;
    Ok(BufReader::with_capacity(1 << 16, file))
}
