//! `lists`.

use std::{fmt::Write as _, process::ExitCode};

use clap::{Args, Subcommand};

use super::{say, show, tables};
use crate::{
    app::lists::{self, Changed, Compared, Named},
    config::Settings,
};

/// The published lists of this host.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ListsCommand {
    #[command(subcommand)]
    what: Option<What>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Shows what changed between two versions of a list.
    Diff {
        /// The version before: a file, a folder, NAME, NAME@VERSION or NAME@refused; of a version its first characters are
        /// enough.
        #[arg(value_name = "A")]
        before: String,
        /// The version after.
        #[arg(value_name = "B")]
        after: String,
        /// Shows at most so many of each kind.
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// For programs; everything, whatever the limit.
        #[arg(long)]
        json: bool,
    },
    /// Accepts a version that was refused because too many entities are gone; a running daemon takes it.
    Accept {
        /// The list.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

pub(super) fn run(settings: &Settings, command: &ListsCommand) -> anyhow::Result<ExitCode> {
    match &command.what {
        None => {
            let standings = lists::standings(settings);
            show(command.json, &standings, || tables::lists(&standings))?;
        }
        Some(What::Diff { before, after, limit, json }) => {
            let compared = lists::compare(settings, before, after)?;
            show(*json, &compared, || differences(&compared, *limit))?;
        }
        Some(What::Accept { name }) => {
            let version = lists::accept(settings, name)?;
            say(&format!("Accepted: version {version} of {name} comes into force within seconds."))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn differences(compared: &Compared, limit: usize) -> String {
    let mut text = String::new();
    for (word, side) in [("before", &compared.before), ("after", &compared.after)] {
        line(
            &mut text,
            &format!("{word:<7} {}, version {}: {} entities", side.asked, side.version, side.entities),
        );
    }
    let counts = &compared.counts;
    line(
        &mut text,
        &format!(
            "{} added, {} removed, {} changed, {} merged",
            counts.added, counts.removed, counts.changed, counts.merged
        ),
    );
    if !counts.properties.is_empty() {
        let told: Vec<String> =
            counts.properties.iter().map(|(what, count)| format!("{what} {count}")).collect();
        line(&mut text, &format!("changed: {}", told.join(", ")));
    }
    let difference = &compared.difference;
    part(&mut text, "Added", &difference.added, limit, named);
    part(&mut text, "Removed", &difference.removed, limit, named);
    part(&mut text, "Merged", &difference.merged, limit, |one| format!("{} into {}", one.id, one.into));
    part(&mut text, "Changed", &difference.changed, limit, changed);
    text
}

fn part<T>(text: &mut String, title: &str, all: &[T], limit: usize, one: impl Fn(&T) -> String) {
    if all.is_empty() {
        return;
    }
    line(text, &format!("\n{title}"));
    for item in all.iter().take(limit) {
        line(text, &format!("  {}", one(item)));
    }
    if all.len() > limit {
        line(text, &format!("  … and {} more (--limit)", all.len() - limit));
    }
}

fn named(one: &Named) -> String {
    format!("{}  {}", one.id, one.name)
}

fn changed(one: &Changed) -> String {
    let mut text = format!("{}  {}", one.id, one.name);
    for change in &one.properties {
        for (sign, values) in [('-', &change.removed), ('+', &change.added)] {
            for value in values {
                let _ = write!(text, "\n      {sign} {}: {value}", change.property);
            }
        }
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
