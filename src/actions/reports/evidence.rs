//! A report as evidence: who was asked about, when, against what; what was found, and what people decided, and why.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    ActionError, Context, ReportView,
    view::{self, HistoryItem},
};
use crate::{
    actions::hits::{self, CommentView},
    domain::{
        id::{HitId, MonitorId, RunId},
        subject::Subject,
    },
    store::{accounts, data_keys, report_history},
    vault::Purpose,
};

/// The most items of a history that are printed.
const MOST: i64 = 1000;

/// Everything about one report.
#[derive(Debug)]
pub struct Evidence {
    /// The report, with its matches.
    pub report: ReportView,
    /// The customer's own id of the account.
    pub reference_id: Option<String>,
    /// Whom the newest answer that differed from the one before was about.
    pub asked: Option<Asked>,
    /// What happened to it, the newest first.
    pub history: Vec<HistoryItem>,
    /// Whether there is more than that.
    pub is_cut: bool,
    /// What people noted on its matches.
    pub comments: Vec<(HitId, Vec<CommentView>)>,
}

/// Whom a run was about.
#[derive(Debug)]
pub struct Asked {
    /// The run.
    pub run: RunId,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Whom.
    pub subject: Subject,
}

#[derive(Deserialize)]
struct Content {
    input: Subject,
}

/// Everything about one report.
pub async fn evidence(context: &Context, id: MonitorId) -> Result<Evidence, ActionError> {
    let report = view::get(context, id).await?;
    let mut history = view::history(context, id, None, MOST + 1).await?;
    let is_cut = history.len() > usize::try_from(MOST).unwrap_or(usize::MAX);
    history.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let mut comments = Vec::new();
    for hit in &report.hits {
        let (_, noted) = hits::get(context, hit.id).await?;
        if !noted.is_empty() {
            comments.push((hit.id, noted));
        }
    }
    let mut connection = context.store.connection().await?;
    let account = accounts::find(&mut connection, report.account).await?;
    let mut asked = None;
    if let Some((run, recorded_at, sealed)) = report_history::find_content(&mut connection, id).await?
        && let Some(key) =
            data_keys::find_all(&mut connection, &context.keyring, &[id.0]).await?.remove(&id.0)
    {
        let Content { input } = key.open(Purpose::RunContent, &sealed)?;
        asked = Some(Asked { run, recorded_at, subject: input });
    }
    let reference_id = account.and_then(|account| account.reference_id);
    Ok(Evidence { report, reference_id, asked, history, is_cut, comments })
}
