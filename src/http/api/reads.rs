//! Reads of personal data, noted in the audit log: gathered for a second, written together.
//!
//! A read is answered when it is gathered, not when it is written: an orderly stop writes what is left, a process that
//! is killed loses the reads of its last second. Where too many wait, because the database takes none, reads are
//! refused: none is answered that nobody will know of.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Answer, Content},
    errors::ApiError,
    operation::Operation,
};
use crate::{
    actions::{
        Context,
        audit::{self, Reading, Shown},
    },
    domain::{audit::Origin, id},
    store,
};

/// How long reads are gathered.
const EVERY: Duration = Duration::from_secs(1);

/// How many different reads may wait.
const MOST: usize = 50_000;

/// What reads of these permissions show is personal.
const PERSONAL: [&str; 6] =
    ["account.read", "hit.read", "inquiry.read", "list.read", "report.read", "transaction.read"];

/// Prefixes of the ids of what is about a person.
const OF_PERSONS: [&str; 7] = ["act", "file", "hit", "inq", "li", "rep", "txn"];

/// One read, as often as it is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Read {
    permission: &'static str,
    path: &'static str,
    actor: String,
    origin: Origin,
    objects: Vec<Shown>,
}

impl Read {
    /// What an answer shows, if that is personal.
    pub(super) fn of(
        operation: &Operation,
        (actor, origin): (String, Origin),
        parameters: &[(String, String)],
        (answer, is_repeated): (&Answer, bool),
    ) -> Option<Self> {
        let is_post = operation.method == Method::POST;
        // What a change answers is the whole of it, also to who changes nothing; and a repeated answer is only that. Of
        // what was made there is an entry that says so.
        let is_change = operation.method == Method::PATCH
            || operation.method == Method::PUT
            || is_post && answer.status != StatusCode::CREATED;
        let is_read = operation.method == Method::GET || is_post && !operation.is_replayed;
        if !(is_read || answer.status.is_success() && (is_change || is_repeated)) {
            return None;
        }
        let room = |permission: &'static str| permission.split_once('.').map(|(room, _)| room);
        let read = if is_read { operation.permission } else { "" };
        let permission = PERSONAL
            .into_iter()
            .find(|known| *known == read || !is_read && room(known) == room(operation.permission))?;
        let objects = shown(parameters, &answer.content);
        (!objects.is_empty()).then_some(Self { permission, path: operation.path, actor, origin, objects })
    }
}

/// The reads that wait to be written.
#[derive(Clone)]
pub(in crate::http) struct Reads {
    context: Context,
    /// When each was first made, and how often.
    waiting: Arc<Mutex<Waiting>>,
}

type Waiting = HashMap<Read, (DateTime<Utc>, u32)>;

impl Reads {
    pub(in crate::http) fn new(context: Context) -> Self {
        Self { context, waiting: Arc::default() }
    }

    /// Notes a read. Refuses where too many wait and cannot be written.
    pub(super) async fn note(&self, read: Read) -> Result<(), ApiError> {
        if self.add(read) >= MOST {
            self.write().await.map_err(|_| ApiError::late())?;
        }
        Ok(())
    }

    fn add(&self, read: Read) -> usize {
        let now = self.context.now();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(read).or_insert((now, 0)).1 += 1;
        waiting.len()
    }

    /// Writes what waits; what cannot be written waits on.
    async fn write(&self) -> Result<(), crate::actions::ActionError> {
        let taken = mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.is_empty() {
            return Ok(());
        }
        // What is given up in between is put back too.
        let mut unwritten = Unwritten { waiting: &self.waiting, taken };
        let entries: Vec<_> = unwritten.taken.iter().map(|(read, made)| self.entry(read, *made)).collect();
        store::within(audit::note(&self.context, &entries)).await?;
        unwritten.taken.clear();
        Ok(())
    }

    fn entry(&self, read: &Read, (at, count): (DateTime<Utc>, u32)) -> crate::domain::audit::Entry {
        let context = self.context.clone().by(read.origin.clone());
        let reading = Reading {
            operation: read.permission.to_owned(),
            objects: read.objects.clone(),
            actor: read.actor.clone(),
            detail: json!({ "path": read.path, "count": count }),
        };
        audit::entry_of_reading(&context, reading, at)
    }

    /// Writes what was gathered every second, and what is left when `stop` is cancelled.
    pub(in crate::http) async fn keep_writing(self, stop: CancellationToken) {
        loop {
            let is_last = stop.is_cancelled();
            if let Err(error) = self.write().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "reads could not be noted in the audit log yet"
                );
            }
            if is_last {
                return;
            }
            let _ = stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
        }
    }
}

/// Puts back what was taken and not written.
struct Unwritten<'a> {
    waiting: &'a Mutex<HashMap<Read, (DateTime<Utc>, u32)>>,
    taken: HashMap<Read, (DateTime<Utc>, u32)>,
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (read, (at, count)) in self.taken.drain() {
            let found = waiting.entry(read).or_insert((at, 0));
            *found = (found.0.min(at), found.1 + count);
        }
    }
}

/// The objects of persons in an answer and in its path.
fn shown(parameters: &[(String, String)], content: &Content) -> Vec<Shown> {
    let mut found = Vec::new();
    for (_, value) in parameters {
        add(value, &mut found);
    }
    if let Content::Json(document) = content {
        for name in ["data", "included"] {
            match document.get(name) {
                Some(Value::Array(resources)) => {
                    for one in resources {
                        of_resource(one, &mut found);
                    }
                }
                Some(resource) => of_resource(resource, &mut found),
                None => {}
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn of_resource(resource: &Value, found: &mut Vec<Shown>) {
    let mut id_of = |object: &Value| {
        if let Some(id) = object.get("id").and_then(Value::as_str) {
            add(id, found);
        }
    };
    id_of(resource);
    // Whose it is.
    if let Some(owner) = resource.pointer("/relationships/account/data") {
        id_of(owner);
    }
}

fn add(text: &str, found: &mut Vec<Shown>) {
    let of = |prefix: &&str| text.strip_prefix(*prefix).is_some_and(|rest| rest.starts_with('_'));
    if let (Some(prefix), Some(id)) = (OF_PERSONS.into_iter().find(of), id::uuid_of(text)) {
        found.push((prefix, id));
    }
}
