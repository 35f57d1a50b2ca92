//! `dismiss` and `confirm`: what a person found about hits, and why.

use std::{
    collections::HashMap,
    io::{self, IsTerminal},
    process::ExitCode,
};

use super::{BAD_NEWS, actor, arguments::DecisionOptions, reason_from_input, say, tables};
use crate::{
    actions::decide::{self, Decided, Decision, Earlier},
    app,
    config::Settings,
    domain::{id::HitId, personal::Personal},
};

/// The longest reason, as the API takes it.
const LONGEST: usize = 10_000;

pub(super) async fn run(
    settings: &Settings,
    options: &DecisionOptions,
    decision: Decision,
) -> anyhow::Result<ExitCode> {
    let reason = reason(options.reason)?;
    let actor = actor(options.by.as_deref());
    let context = app::open(settings).await?;
    let earlier = decide::list_earlier(&context, &options.hits, decision).await?;
    if let [hit] = options.hits.as_slice() {
        decide::decide(&context, &actor, *hit, decision, Some(&reason)).await?;
        say(&told(decision, earlier.get(hit)))?;
        return Ok(ExitCode::SUCCESS);
    }
    let decided = decide::decide_all(&context, &actor, &options.hits, decision, Some(&reason)).await?;
    let mut code = ExitCode::SUCCESS;
    for (hit, decided) in decided {
        if decided != Decided::Done {
            code = ExitCode::from(BAD_NEWS);
        }
        say(&format!("{hit}: {}", one_of_many(hit, decided, decision, &earlier)))?;
    }
    Ok(code)
}

/// Why, from standard input: nobody decides without a reason. What is no terminal may be open for ever: it is read for
/// who says so.
fn reason(is_there: bool) -> anyhow::Result<Personal<String>> {
    anyhow::ensure!(
        is_there || io::stdin().is_terminal(),
        "a decision needs a reason: give --reason, and the reason on standard input; nothing was decided"
    );
    let reason = reason_from_input()?;
    let length = reason.reveal().chars().count();
    anyhow::ensure!(
        length > 0,
        "the reason is empty: it is read from standard input, and a decision needs one; nothing was decided"
    );
    anyhow::ensure!(
        length <= LONGEST && !reason.reveal().contains('\0'),
        "the reason: accepted is a text of at most {LONGEST} characters; nothing was decided"
    );
    Ok(reason)
}

fn told(decision: Decision, earlier: Option<&Earlier>) -> String {
    let done = match decision {
        Decision::Dismissed => "Dismissed",
        Decision::Confirmed => "Confirmed",
    };
    match earlier {
        None => format!("{done}."),
        Some(earlier) => {
            format!("{done} again: {}. Who, when and why are now as you say.", said(earlier, decision))
        }
    }
}

fn said(earlier: &Earlier, decision: Decision) -> String {
    let done = match decision {
        Decision::Dismissed => "dismissed",
        Decision::Confirmed => "confirmed",
    };
    format!("it was {done} already, by {} on {}", earlier.by, tables::time(earlier.at))
}

fn one_of_many(
    hit: HitId,
    decided: Decided,
    decision: Decision,
    earlier: &HashMap<HitId, Earlier>,
) -> String {
    let word = match (decided, decision) {
        (Decided::Done, Decision::Dismissed) => "dismissed",
        (Decided::Done, Decision::Confirmed) => "confirmed",
        (Decided::NotFound, _) => "there is no such hit",
        (Decided::Gone, _) => "gone: there is nothing to decide",
        (Decided::Archived, _) => "its account is archived",
        (Decided::AlreadyDecided, _) => "somebody decided on it already",
    };
    match earlier.get(&hit).filter(|_| decided == Decided::Done) {
        Some(earlier) => format!("{word} again: {}", said(earlier, decision)),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn who_decides_again_is_told_who_had_decided_and_when() {
        let earlier = Earlier { by: "cli:ann".to_owned(), at: DateTime::UNIX_EPOCH };
        assert_eq!(told(Decision::Confirmed, None), "Confirmed.");
        let again = told(Decision::Dismissed, Some(&earlier));
        assert!(
            again.starts_with("Dismissed again: it was dismissed already, by cli:ann on 1970-01-01"),
            "{again}"
        );
    }
}
