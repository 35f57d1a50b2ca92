//! What of the ledger the database has not seen, how erasures ended that nobody saw to, and what is to be redacted
//! again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    sync::{Arc, PoisonError},
};

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    Act, Ledger, Line,
    again::{self, Again},
    reader::Told,
    write,
};
use crate::{
    actions::{ActionError, Context},
    store::{
        StoreError, audit,
        erasures::{self, ErasedKey, TransactionState},
        events,
    },
};

/// Who redacts what an older state of the database had again.
pub(super) const ACTOR: &str = "erasure-ledger";

/// How many keys are looked for at once.
const KEYS: usize = 5000;

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
    /// How many erasures it has that ended.
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
    /// What is wrong with files, and what could not be redacted again.
    pub faults: Vec<String>,
}

/// A file as it was read, and what of it the database has not seen.
struct Seen {
    view: FileView,
    is_own: bool,
    told: Vec<Told>,
}

/// The files of the ledger, and how far the database has seen them.
pub async fn status(context: &Context) -> Result<Vec<FileView>, ActionError> {
    let Some(ledger) = &context.ledger else { return Ok(Vec::new()) };
    Ok(look(context, ledger).await?.into_iter().map(|seen| seen.view).collect())
}

/// Reads what is new in the files.
async fn look(context: &Context, ledger: &Arc<Ledger>) -> Result<Vec<Seen>, ActionError> {
    let marks = erasures::list_marks(&mut *context.store.connection().await?).await?;
    let of = Arc::clone(ledger);
    // It waits for the disk.
    let read = tokio::task::spawn_blocking(move || of.look(&marks)).await;
    let read = read.unwrap_or_else(|_| Err(io::Error::other("the reader ended")));
    let path = || ledger.folder().display().to_string();
    read.map_err(|source| ActionError::File { path: path(), source })
}

impl Ledger {
    /// The keys of all erasures that were read, those before among them.
    fn kin(&self) -> Kin {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kin = Kin::default();
        for (key, successor) in &reader.successors {
            kin.insert(*key, *successor);
        }
        kin
    }

    fn look(&self, marks: &BTreeMap<String, i64>) -> io::Result<Vec<Seen>> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.refresh(self, marks)?;
        let own = self.own_name();
        let seen = reader.files.iter().map(|(name, place)| Seen {
            view: FileView {
                file: name.clone(),
                lines: place.lines,
                seen: place.seen,
                done: place.ended,
                open: place.begun.saturating_sub(place.ended),
                is_in_use: place.is_in_use || own.as_ref() == Some(name),
                fault: place.fault.clone(),
            },
            is_own: own.as_ref() == Some(name),
            told: place.told.values().cloned().collect(),
        });
        Ok(seen.collect())
    }
}

/// Decides about what this process left open: its connection may have ended while it committed. What died with another
/// is decided by [`settle`].
pub async fn decide(context: &Context) -> Result<(), ActionError> {
    let Some(ledger) = &context.ledger else { return Ok(()) };
    if ledger.own_name().is_none() {
        return Ok(());
    }
    let files = look(context, ledger).await?;
    decide_all(context, ledger, files.iter().filter(|file| file.is_own).collect()).await.map(drop)
}

/// Decides about erasures that began, and of which nobody living is to say how they ended. Returns how many.
async fn decide_all(
    context: &Context,
    ledger: &Arc<Ledger>,
    files: Vec<&Seen>,
) -> Result<usize, ActionError> {
    let mut decided = 0;
    let are_left = |file: &&Seen| (file.is_own || !file.view.is_in_use) && file.view.fault.is_none();
    for file in files.into_iter().filter(are_left) {
        for told in file.told.iter().filter(|told| told.act == Act::Intent) {
            if ledger.is_under_way(&told.intent.erasure) {
                continue;
            }
            let Some(act) = ended(context, &told.intent).await? else { continue };
            let marks = erasures::list_marks(&mut *context.store.connection().await?).await?;
            // A file that is missing is said by itself, and keeps nobody from deciding about others.
            let known = marks.into_keys().filter(|name| ledger.folder().join(name).exists()).collect();
            let known = ledger.own_name().is_none().then_some(known);
            write(ledger, known, told.intent.ended(act, context.now()), "it is decided later").await?;
            decided += 1;
        }
    }
    Ok(decided)
}

/// How an erasure ended, as the database has it; none while its transaction goes on.
async fn ended(context: &Context, intent: &Line) -> Result<Option<Act>, ActionError> {
    let mut connection = context.store.connection().await?;
    if erasures::list_living(&mut connection, &keys_of(intent)).await?.is_empty() {
        return Ok(Some(Act::Done));
    }
    let number = intent.transaction.as_ref().and_then(|number| number.parse().ok());
    let state = match number {
        Some(number) => erasures::state(&mut connection, number).await?,
        None => TransactionState::Forgotten,
    };
    Ok(match state {
        TransactionState::InProgress => None,
        TransactionState::Aborted => Some(Act::Abandoned),
        // The keys are there all the same: an older state was restored.
        TransactionState::Committed | TransactionState::Unknown => Some(Act::Done),
        TransactionState::Forgotten => {
            let head = audit::head(&mut connection).await?.map_or(0, |(sequence, _)| sequence);
            Some(if head >= intent.audit_sequence { Act::Abandoned } else { Act::Done })
        }
    })
}

/// Looks at what the database has not seen of the ledger, and redacts again what is there again; calls `restored`
/// before, with how many keys are. What a dead process left open is decided first.
pub async fn settle(context: &Context, mut restored: impl FnMut(usize)) -> Result<Settled, ActionError> {
    let Some(ledger) = &context.ledger else { return Ok(Settled::default()) };
    let mut files = look(context, ledger).await?;
    if decide_all(context, ledger, files.iter().collect()).await? > 0 {
        files = look(context, ledger).await?;
    }
    let mut settled = Settled::default();
    let fault = |file: &Seen| file.view.fault.as_ref().map(|fault| format!("{}: {fault}", file.view.file));
    settled.faults.extend(files.iter().filter_map(fault));
    let (mut new, mut marks) = (Vec::new(), Vec::new());
    for file in files {
        let open = file.told.iter().filter(|told| told.act == Act::Intent).map(|told| told.intent.line - 1);
        let until = open.min().unwrap_or(file.view.lines);
        if until > file.view.seen {
            settled.lines += until - file.view.seen;
            let is_new = |told: &Told| told.act == Act::Done && told.intent.line <= until;
            new.extend(file.told.into_iter().filter(is_new));
            marks.push((file.view.file, until));
        }
    }
    if marks.is_empty() {
        return Ok(settled);
    }
    new.sort_unstable_by_key(|told| (told.intent.at, told.intent.audit_sequence));
    let failed = replay(context, (&new, ledger.kin()), &mut restored, &mut settled).await?;
    let mut transaction = context.store.transaction().await?;
    // What could not be redacted again is looked at again.
    if failed == 0 {
        for (file, until) in marks {
            erasures::save_mark(&mut transaction, &file, until, context.now()).await?;
        }
    }
    if settled.replayed > 0 {
        let event = context.event_of_all("ledger.replayed", ACTOR, json!({ "count": settled.replayed }));
        events::insert_all(&mut transaction, &[event], context.now()).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(settled)
}

/// Redacts again, in their order, what erasures destroyed and is there again. Tells how many could not be.
async fn replay(
    context: &Context,
    (new, mut kin): (&[Told], Kin),
    restored: &mut impl FnMut(usize),
    settled: &mut Settled,
) -> Result<usize, ActionError> {
    let mut living: HashSet<ErasedKey> = HashSet::new();
    let in_place =
        |key: ErasedKey| kin.of_key(key.key_id).into_iter().map(move |key_id| ErasedKey { key_id, ..key });
    let all: Vec<ErasedKey> = new.iter().flat_map(|told| keys_of(&told.intent)).flat_map(in_place).collect();
    for keys in all.chunks(KEYS) {
        living.extend(erasures::list_living(&mut *context.store.connection().await?, keys).await?);
    }
    if living.is_empty() {
        return Ok(0);
    }
    restored(living.len());
    let mut failed = 0;
    for told in new {
        let mut again = Vec::new();
        for key in keys_of(&told.intent) {
            let part = told.intent.parts.iter().find(|part| part.key == key.key_id.to_string());
            let there = kin.of_key(key.key_id).into_iter().map(|key_id| ErasedKey { key_id, ..key });
            again.extend(there.filter(|key| living.contains(key)).map(|living| Again {
                key: living,
                fields: part.and_then(|part| part.fields.clone()),
                kept: part.and_then(|part| part.kept.clone()),
            }));
        }
        if again.is_empty() {
            continue;
        }
        let faults = again::redact(context, &again).await?;
        failed += faults.len();
        settled.faults.extend(faults);
        let mut connection = context.store.connection().await?;
        let keys: Vec<ErasedKey> = again.iter().map(|one| one.key).collect();
        let left = erasures::list_living(&mut connection, &keys).await?;
        for key in keys.iter().filter(|key| !left.contains(key)) {
            living.remove(key);
            settled.replayed += 1;
            // What stays was sealed anew, as it was then: a later erasure destroyed that, too.
            if let Some(key_id) = erasures::find_key(&mut connection, key.object).await? {
                kin.insert(key.key_id, key_id);
                living.insert(ErasedKey { key_id, ..*key });
            }
        }
    }
    Ok(failed)
}

fn keys_of(intent: &Line) -> Vec<ErasedKey> {
    let parse = |(object, key): &(String, String)| {
        Some(ErasedKey { object: object.parse().ok()?, key_id: key.parse().ok()? })
    };
    intent.keys.iter().filter_map(parse).collect()
}

/// Which keys sealed the same: each was made in the place of another that was destroyed, and of that there are two where
/// it was destroyed again.
#[derive(Default)]
struct Kin {
    predecessors: HashMap<Uuid, Uuid>,
    successors: HashMap<Uuid, Vec<Uuid>>,
}

impl Kin {
    fn insert(&mut self, key: Uuid, successor: Uuid) {
        self.predecessors.insert(successor, key);
        self.successors.entry(key).or_default().push(successor);
    }

    /// A key with those that are in its place.
    fn of_key(&self, key: Uuid) -> Vec<Uuid> {
        let mut line = vec![key];
        while let Some(before) = line.last().and_then(|key| self.predecessors.get(key)) {
            if line.contains(before) {
                break;
            }
            line.push(*before);
        }
        // From the first of the line down, a generation at a time.
        let mut generation: Vec<Uuid> = line.last().copied().into_iter().collect();
        for _ in 1..line.len() {
            generation =
                generation.iter().filter_map(|key| self.successors.get(key)).flatten().copied().collect();
        }
        generation
    }
}

/// What is wrong where no ledger is kept, and the database knows of one.
pub async fn given_up(context: &Context) -> Result<Option<String>, ActionError> {
    if context.ledger.is_some() {
        return Ok(None);
    }
    let marks = erasures::list_marks(&mut *context.store.connection().await?).await?;
    Ok(marks.first_key_value().map(|(file, _)| {
        format!(
            "[audit] has no ledger-folder, and the database knows {} files of an erasure ledger, such as {file}: set \
             ledger-folder as it was; where the ledger is given up, `watchkeeper ledger forget` each of them",
            marks.len()
        )
    }))
}

/// Forgets a file of the ledger that is lost for good, or was put away: what it says is not redacted again any more after
/// a restore.
pub async fn forget(context: &Context, actor: &str, file: &str) -> Result<(), ActionError> {
    if context.ledger.as_ref().is_some_and(|ledger| ledger.folder().join(file).exists()) {
        let text =
            format!("{file} is in the ledger's folder: accepted is a file that was moved away or is lost");
        return Err(ActionError::Conflict(text));
    }
    let mut transaction = context.store.transaction().await?;
    if !erasures::remove_mark(&mut transaction, file).await? {
        return Err(ActionError::NotFound("file of that name that the database knows of the ledger"));
    }
    let event = context.event_of_all("ledger.forgotten", actor, json!({ "ledger-file": file }));
    events::insert_all(&mut transaction, &[event], context.now()).await?;
    Ok(transaction.commit().await.map_err(StoreError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_made_in_a_replay_stands_for_the_one_that_was_made_then() {
        let key = Uuid::from_u128;
        let mut kin = Kin::default();
        kin.insert(key(1), key(2));
        kin.insert(key(2), key(3));
        assert_eq!(kin.of_key(key(2)), [key(2)]);
        kin.insert(key(1), key(12));
        assert_eq!(kin.of_key(key(2)), [key(2), key(12)]);
        assert_eq!(kin.of_key(key(3)), [key(3)]);
        kin.insert(key(12), key(13));
        assert_eq!(kin.of_key(key(3)), [key(3), key(13)]);
        assert_eq!(kin.of_key(key(7)), [key(7)]);
    }
}
