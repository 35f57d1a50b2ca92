//! Reading the ledger: what of it the database has not seen, and what is to be redacted again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Act, ENDING, Ledger, Line};
use crate::{
    actions::{ActionError, Context, erasure, inquiries, redact, reports, transactions},
    domain::id::{AccountId, InquiryId, MonitorId, TransactionId},
    store::{
        accounts, audit, data_keys,
        erasures::{self, ErasedKey},
        events, inquiries as inquiry_rows, reports as report_rows, transactions as transaction_rows,
    },
};

/// Who redacts what an older state of the database had again.
const ACTOR: &str = "erasure-ledger";

/// One file of the ledger.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct FileView {
    /// Its name.
    pub file: String,
    /// How many lines it has.
    pub lines: i64,
    /// How many of them the database has seen.
    pub seen: i64,
    /// How many erasures were done.
    pub done: usize,
    /// How many began and did not end yet.
    pub open: usize,
    /// Whether its process lives.
    pub is_in_use: bool,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// What came of looking through the ledger.
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub struct Settled {
    /// How many lines were new to the database.
    pub lines: i64,
    /// How many keys were there again, and were destroyed again.
    pub replayed: usize,
    /// What is wrong with files.
    pub faults: Vec<String>,
}

struct Read {
    path: PathBuf,
    name: String,
    lines: Vec<Line>,
    /// Whether a process holds it.
    is_in_use: bool,
    fault: Option<String>,
}

/// The files of the ledger, and how far the database has seen them.
pub async fn status(context: &Context) -> Result<Vec<FileView>, ActionError> {
    let Some(ledger) = &context.ledger else { return Ok(Vec::new()) };
    let marks = erasures::list_marks(&mut *context.store.connection().await?).await?;
    let files = read_all(ledger)?;
    let view = |file: Read| {
        let count = |act| file.lines.iter().filter(|line| line.act == act).count();
        let ended = count(Act::Done) + count(Act::Abandoned);
        let seen = marks.get(&file.name).copied().unwrap_or(0);
        let lines = last(&file.lines);
        let short =
            (lines < seen).then(|| format!("the database has seen {seen} lines of it, and it has {lines}"));
        FileView {
            lines,
            seen,
            done: count(Act::Done),
            open: count(Act::Intent).saturating_sub(ended),
            is_in_use: file.is_in_use,
            fault: file.fault.or(short),
            file: file.name,
        }
    };
    Ok(files.into_iter().map(view).collect())
}

fn last(lines: &[Line]) -> i64 {
    lines.last().map_or(0, |line| line.line)
}

/// Looks at what the database has not seen of the ledger, and redacts again what is there again; calls `restored`
/// before, with how many keys are. What a dead process left open, and did not commit, is abandoned.
pub async fn settle(context: &Context, mut restored: impl FnMut(usize)) -> Result<Settled, ActionError> {
    let Some(ledger) = &context.ledger else { return Ok(Settled::default()) };
    let mut settled = Settled::default();
    let marks = erasures::list_marks(&mut *context.store.connection().await?).await?;
    let head =
        audit::head(&mut *context.store.connection().await?).await?.map_or(0, |(sequence, _)| sequence);
    for file in read_all(ledger)? {
        let seen = marks.get(&file.name).copied().unwrap_or(0);
        settled.faults.extend(file.fault.iter().map(|fault| format!("{}: {fault}", file.name)));
        let (erasures, until) = unseen(&file, seen, ledger.is_own(&file.path));
        if until <= seen {
            continue;
        }
        let mut again = Vec::new();
        for (keys, act, audit_sequence) in erasures {
            let living = erasures::list_living(&mut *context.store.connection().await?, &keys).await?;
            // What nobody was told of, and the database knows to be later than, did not happen.
            let is_abandoned = act != Act::Done && head >= audit_sequence;
            if act != Act::Abandoned && !is_abandoned {
                again.extend(living);
            }
        }
        if !again.is_empty() {
            restored(again.len());
            replay(context, &again).await?;
            settled.replayed += again.len();
        }
        settled.lines += until - seen;
        let mut transaction = context.store.transaction().await?;
        erasures::save_mark(&mut transaction, &file.name, until, context.now()).await?;
        if !again.is_empty() {
            let event = context.event_of_all("ledger.replayed", ACTOR, json!({ "count": again.len() }));
            events::insert_all(&mut transaction, &[event], context.now()).await?;
        }
        transaction.commit().await?;
    }
    Ok(settled)
}

/// An erasure as a file tells of it: its keys, the last that was said of it, the audit log's number at its beginning.
type Told = (Vec<ErasedKey>, Act, i64);

/// The erasures in lines that the database has not seen, and up to which line that is all of them: one that a living
/// process has under way is looked at when it ended.
fn unseen(file: &Read, seen: i64, is_own: bool) -> (Vec<Told>, i64) {
    let mut told: BTreeMap<&str, (i64, Told)> = BTreeMap::new();
    for line in &file.lines {
        if line.act == Act::Intent {
            let parse = |(object, key): &(String, String)| {
                Some(ErasedKey { object: object.parse().ok()?, key_id: key.parse().ok()? })
            };
            let keys = line.keys.iter().filter_map(parse).collect();
            told.insert(&line.erasure, (line.line, (keys, Act::Intent, line.audit_sequence)));
        } else if let Some((at, (_, act, _))) = told.get_mut(line.erasure.as_str()) {
            (*at, *act) = (line.line, line.act);
        }
    }
    let is_under_way = |act| act == Act::Intent && (file.is_in_use || is_own);
    let first_under_way =
        told.values().filter(|(_, (_, act, _))| is_under_way(*act)).map(|(line, _)| line - 1).min();
    let until = first_under_way.unwrap_or_else(|| last(&file.lines));
    let new = told.into_values().filter(|(line, _)| *line > seen && *line <= until);
    (new.map(|(_, told)| told).collect(), until)
}

/// Redacts what living keys belong to, whole, as it was redacted before; what is left of the keys goes by itself.
async fn replay(context: &Context, living: &[ErasedKey]) -> Result<(), ActionError> {
    let mut left = living.to_vec();
    // An account takes its reports and inquiries along: it comes first.
    for kind in [Kind::Account, Kind::Other] {
        for key in left.clone() {
            if erasures::list_living(&mut *context.store.connection().await?, &[key]).await?.is_empty() {
                continue;
            }
            match redact_object(context, key.object, kind).await {
                // It was redacted as a part of another, or has nothing but the key.
                Ok(())
                | Err(ActionError::NotFound(_) | ActionError::Refused(_) | ActionError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        left = erasures::list_living(&mut *context.store.connection().await?, &left).await?;
    }
    let mut transaction = context.store.transaction().await?;
    erasures::begin(&mut transaction).await?;
    let objects: Vec<Uuid> = left.iter().map(|key| key.object).collect();
    data_keys::remove_all(&mut transaction, &objects).await?;
    erasure::commit(context, transaction).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Account,
    Other,
}

async fn redact_object(context: &Context, object: Uuid, kind: Kind) -> Result<(), ActionError> {
    let mut connection = context.store.connection().await?;
    let account = accounts::find(&mut connection, AccountId(object)).await?;
    if let Some(account) = account {
        drop(connection);
        let whole = account.consolidated_into.unwrap_or(account.id);
        return if kind == Kind::Account { redact::redact(context, ACTOR, whole).await } else { Ok(()) };
    }
    if kind == Kind::Account {
        return Ok(());
    }
    let inquiry = inquiry_rows::find(&mut connection, InquiryId(object)).await?;
    let report = report_rows::get_all(&mut connection, &[MonitorId(object)]).await?.pop();
    let transaction = transaction_rows::find(&mut connection, TransactionId(object)).await?;
    drop(connection);
    if inquiry.is_some() {
        inquiries::redact(context, ACTOR, InquiryId(object)).await?;
    } else if report.is_some() {
        reports::redact(context, ACTOR, MonitorId(object)).await?;
    } else if transaction.is_some() {
        transactions::redact(context, ACTOR, TransactionId(object)).await?;
    }
    Ok(())
}

fn read_all(ledger: &Ledger) -> Result<Vec<Read>, ActionError> {
    let unreadable =
        |path: &Path, source: io::Error| ActionError::File { path: path.display().to_string(), source };
    let folder = ledger.folder();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing was redacted yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let Some(name) =
            path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(ENDING))
        else {
            continue;
        };
        let name = name.to_owned();
        let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
        let is_in_use = file.try_lock().is_err();
        drop(file);
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        let (lines, fault) = parse(ledger, &text);
        files.push(Read { path, name, lines, is_in_use, fault });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// The lines that follow each other, and the first that does not. What a crash left of a last line is none.
fn parse(ledger: &Ledger, text: &str) -> (Vec<Line>, Option<String>) {
    let whole = text.rfind('\n').map_or("", |end| text.split_at(end).0);
    let (mut lines, mut mac) = (Vec::new(), [0; 32]);
    for (number, written) in whole.lines().enumerate() {
        let broken = || Some(format!("line {} was altered, or is of another database", number + 1));
        let Ok(line) = serde_json::from_str::<Line>(written) else { return (lines, broken()) };
        let link = line.link(&ledger.key, &mac);
        if line.mac != super::hex(&link) || i64::try_from(number + 1) != Ok(line.line) {
            return (lines, broken());
        }
        mac = link;
        lines.push(line);
    }
    (lines, None)
}
