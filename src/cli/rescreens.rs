//! `rescreens`.

use anyhow::ensure;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::{evidence::PeriodOptions, note_all_shown, show, tables};
use crate::{
    actions::rescreen::{self, Wanted},
    app,
    config::Settings,
    domain::id::RescreenId,
};

/// The most runs with changed answers that are looked at of one rescreen.
const MOST: usize = 10_000;

/// Which rescreens, and whether what they brought is told.
#[derive(Args, Clone, Debug)]
pub(super) struct RescreensCommand {
    /// One rescreen, by its id, with what it brought.
    #[arg(value_name = "RESCREEN", conflicts_with_all = ["list", "from", "until", "on", "limit"])]
    rescreen: Option<RescreenId>,
    /// Only those that a change of this list began.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
    #[command(flatten)]
    period: PeriodOptions,
    /// Also tells what each brought: how fast its runs were recorded, and the hits that came, changed or went in them.
    #[arg(long)]
    hits: bool,
    /// At most so many, the newest first.
    #[arg(long, default_value_t = 20)]
    limit: i64,
    /// For programs.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(settings: &Settings, command: &RescreensCommand) -> anyhow::Result<()> {
    let context = app::open(settings).await?;
    let until = context.now() + TimeDelta::seconds(1);
    let period = command.period.period(DateTime::<Utc>::UNIX_EPOCH, until)?;
    let wanted = Wanted {
        id: command.rescreen,
        list: command.list.clone(),
        from: Some(period.from),
        until: Some(period.until),
        ..Wanted::default()
    };
    let shown = rescreen::list_wanted(&context, &wanted, command.limit).await?;
    ensure!(
        command.rescreen.is_none() || !shown.rescreens.is_empty(),
        "there is no rescreen of that id; `watchkeeper rescreens` shows them"
    );
    if command.rescreen.is_none() && !command.hits {
        return show(command.json, &shown, || tables::rescreens(&shown));
    }
    let mut all = Vec::with_capacity(shown.rescreens.len());
    for one in shown.rescreens {
        all.push(rescreen::brought_by(&context, one, MOST).await?);
    }
    let hits = all.iter().flat_map(|one| &one.hits);
    let objects = hits.flat_map(|one| [("hit", one.hit.id.0), ("act", one.hit.account_id.0)]).collect();
    note_all_shown(&context, "hit.read", objects).await?;
    show(command.json, &all, || tables::brought(&all))
}
