//! Imports through the API: a file is taken in, kept sealed, and worked off by a daemon, across restarts.

use std::io::{self, Cursor, Read};

use chrono::TimeDelta;
use serde_json::json;
use sqlx::PgConnection;
use tokio::runtime::Handle;

use super::{
    ActionError, Context, erasure,
    import::{self, ImportOptions, Imported, Listener},
};
use crate::{
    domain::id::{ImporterId, Shard},
    store::{
        self, StoreError, account_types, data_keys, events,
        importers::{self, Importer, Progress, Reject},
    },
    vault::{DataKey, Purpose},
};

/// The size of a piece of a file, in bytes.
pub const PIECE: usize = 1 << 20;

/// How long a file may take to come.
const COMING: TimeDelta = TimeDelta::hours(1);

/// A file that is being sent.
pub struct Incoming<'a> {
    context: &'a Context,
    /// The import that it is for.
    pub id: ImporterId,
    key: DataKey,
    pieces: i32,
    buffer: Vec<u8>,
}

/// Begins an import: its file is added piece by piece, and it starts once [`Incoming::finish`] says so.
pub async fn begin<'a>(context: &'a Context, actor: &str) -> Result<Incoming<'a>, ActionError> {
    let now = context.now();
    let id = ImporterId(context.new_uuid(Shard(0)));
    let mut transaction = context.store.transaction().await?;
    // What is said of it may come after it.
    importers::insert(&mut transaction, (id, actor), &json!({}), now).await?;
    let mut keys = data_keys::get_or_insert(&mut transaction, &context.keyring, &[id.0], now).await?;
    let key = keys.remove(&id.0).expect("`get_or_insert` makes what is missing");
    transaction.commit().await?;
    Ok(Incoming { context, id, key, pieces: 0, buffer: Vec::with_capacity(PIECE) })
}

impl Incoming<'_> {
    /// Adds bytes of the file.
    pub async fn add(&mut self, mut bytes: &[u8]) -> Result<(), ActionError> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(PIECE - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = rest;
            if self.buffer.len() == PIECE {
                self.write().await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), ActionError> {
        let sealed = self.key.seal_bytes(Purpose::ImporterPiece, &self.buffer);
        self.buffer.clear();
        let mut connection = self.context.store.connection().await?;
        importers::insert_piece(&mut connection, self.id, self.pieces, &sealed).await?;
        self.pieces += 1;
        Ok(())
    }

    /// The file is whole: the import may start, and goes by these options.
    pub async fn finish(mut self, options: &ImportOptions) -> Result<Importer, ActionError> {
        let options = serde_json::to_value(options)
            .map_err(|_| StoreError::Inconsistent { column: "importers.options" })?;
        if !self.buffer.is_empty() {
            self.write().await?;
        }
        let mut connection = self.context.store.connection().await?;
        importers::save_whole(&mut connection, self.id, self.pieces, &options).await?;
        store::nudges::send(&mut connection).await?;
        importers::find(&mut connection, self.id).await?.ok_or(ActionError::NotFound("importer of that id"))
    }

    /// The file did not come whole: nothing of it is kept.
    pub async fn abandon(self) -> Result<(), ActionError> {
        remove(self.context, self.id).await
    }
}

async fn remove(context: &Context, id: ImporterId) -> Result<(), ActionError> {
    let mut transaction = context.store.transaction().await?;
    // The data key goes with the file, and an older state of the database does not bring it back.
    erasure::begin(&mut transaction).await?;
    importers::save_ended(&mut transaction, id, None, context.now()).await?;
    importers::remove(&mut transaction, id).await?;
    erasure::commit(context, transaction).await
}

/// An import.
pub async fn find(context: &Context, id: ImporterId) -> Result<Importer, ActionError> {
    let mut connection = context.store.connection().await?;
    importers::find(&mut connection, id).await?.ok_or(ActionError::NotFound("importer of that id"))
}

/// A page of imports, the newest first, and whether there are more.
pub async fn list(
    context: &Context,
    (after, before): (Option<ImporterId>, Option<ImporterId>),
    size: u16,
) -> Result<(Vec<Importer>, bool), ActionError> {
    let mut connection = context.store.connection().await?;
    let found = importers::list(&mut connection, (after, before), i64::from(size) + 1).await?;
    Ok(super::one_too_many(found, size, before.is_some()))
}

/// Rows that an import did not take, by line, after a line; at most `limit`.
pub async fn rejects(
    context: &Context,
    id: ImporterId,
    after: i64,
    limit: i64,
) -> Result<Vec<Reject>, ActionError> {
    let mut connection = context.store.connection().await?;
    Ok(importers::list_rejects(&mut connection, id, after, limit).await?)
}

/// Works off the oldest import, if there is one and nobody else does. Returns whether there was one.
///
/// Safe to be given up at any moment: rows and the place in the file move in one transaction.
pub async fn work(context: &Context) -> Result<bool, ActionError> {
    let mut connection = context.store.connection().await?;
    for id in importers::list_abandoned(&mut connection, context.now() - COMING).await? {
        remove(context, id).await?;
    }
    let Some(importer) = importers::find_pending(&mut connection).await? else { return Ok(false) };
    drop(connection);
    // The connection holds the right to it, and is nobody else's.
    let mut right = context.store.patient_connection().await?;
    if !store::lock_long_task(&mut right, "importer").await? {
        return Ok(false);
    }
    let done = carry_out(context, &importer).await;
    store::unlock_long_tasks(&mut right).await?;
    let fault = match done {
        Ok(Some(_)) => None,
        Ok(None) => Some(GONE.to_owned()),
        Err(error @ (ActionError::Form { .. } | ActionError::UnknownName { .. })) => Some(error.to_string()),
        Err(error) => return Err(error),
    };
    let now = context.now();
    let mut transaction = context.store.transaction().await?;
    erasure::begin(&mut transaction).await?;
    importers::save_ended(&mut transaction, importer.id, fault.as_deref(), now).await?;
    let kind = if fault.is_none() { "importer.completed" } else { "importer.errored" };
    let detail = json!({ "importer": importer.id });
    let detail = erasure::told(&mut transaction, &[importer.id.0], detail, json!({ "files": 1 })).await?;
    let mut event = context.event_of_all(kind, &importer.actor, detail);
    event.object = Some(importer.id.0);
    events::insert_all(&mut transaction, &[event], now).await?;
    erasure::commit(context, transaction).await?;
    Ok(true)
}

/// What an import ends with whose file was destroyed before it was done.
const GONE: &str = "the file is gone: it was destroyed before an older state of the database was restored";

/// Goes on with an import; none when its key is gone.
async fn carry_out(context: &Context, importer: &Importer) -> Result<Option<Imported>, ActionError> {
    let options: ImportOptions = serde_json::from_value(importer.options.clone())
        .map_err(|_| StoreError::Inconsistent { column: "importers.options" })?;
    let mut connection = context.store.connection().await?;
    let types = account_types::list(&mut connection).await?;
    let mut keys = data_keys::find_all(&mut connection, &context.keyring, &[importer.id.0]).await?;
    drop(connection);
    let Some(key) = keys.remove(&importer.id.0) else { return Ok(None) };
    let file = Pieces {
        context: context.clone(),
        runtime: Handle::current(),
        id: importer.id,
        key,
        next: 0,
        piece: Cursor::default(),
    };
    let options = ImportOptions {
        after_line: u64::try_from(importer.done_line).unwrap_or(0),
        importer: Some((importer.id, importer.actor.clone())),
        ..options
    };
    import::import(context, &types, &options, "the file", file, &mut Quiet).await.map(Some)
}

/// What came of a batch is written with it.
struct Quiet;

impl Listener for Quiet {}

/// Writes down, in the transaction of a batch, how far an import has come.
pub(super) async fn save_progress(
    conn: &mut PgConnection,
    id: ImporterId,
    from_line: u64,
    (imported, line): (&Imported, u64),
) -> Result<(), ActionError> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let progress = Progress {
        created: number(imported.created),
        updated: number(imported.updated),
        unchanged: number(imported.unchanged),
        rejects: imported
            .bad
            .iter()
            .map(|bad| Reject {
                line: number(bad.line),
                column: bad.column.clone(),
                reason: bad.reason.clone(),
            })
            .collect(),
        line: number(line),
    };
    if importers::save_progress(conn, id, number(from_line), &progress).await? {
        Ok(())
    } else {
        Err(ActionError::Refused("another process goes on with this import"))
    }
}

/// A file out of the database, piece by piece; read on a thread that may wait.
struct Pieces {
    context: Context,
    runtime: Handle,
    id: ImporterId,
    key: DataKey,
    next: i32,
    piece: Cursor<Vec<u8>>,
}

impl Pieces {
    async fn load(&self) -> Result<Option<Vec<u8>>, ActionError> {
        let mut connection = self.context.store.connection().await?;
        let Some(sealed) = importers::find_piece(&mut connection, self.id, self.next).await? else {
            return Ok(None);
        };
        Ok(Some(self.key.open_bytes(Purpose::ImporterPiece, &sealed)?))
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.piece.read(into)?;
        if read > 0 || into.is_empty() {
            return Ok(read);
        }
        match self.runtime.block_on(self.load()).map_err(io::Error::other)? {
            None => Ok(0),
            Some(piece) => {
                self.next += 1;
                self.piece = Cursor::new(piece);
                self.piece.read(into)
            }
        }
    }
}
