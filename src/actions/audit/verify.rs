//! Proving that the log is as it was written.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::PgConnection;

use super::{ActionError, Checkpoint, hex};
use crate::{store::audit, vault::ChainKey};

/// How many entries are read at once.
const PAGE: i64 = 10_000;

/// What is wrong with the log, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum Fault {
    /// An entry, or its place, is not what was written.
    #[error(
        "entry {sequence} was altered, inserted or moved: its hash does not follow from the entry before"
    )]
    Altered {
        /// The first such entry.
        sequence: i64,
    },
    /// An entry is not there.
    #[error("entry {sequence} is missing")]
    Missing {
        /// The first such entry.
        sequence: i64,
    },
    /// The log ends before its head says.
    #[error(
        "entries from {sequence} on are missing: the head of the log is ahead of its last entry, or gone"
    )]
    CutOff {
        /// The first that is missing.
        sequence: i64,
    },
    /// The log's end and its head do not agree.
    #[error("the head of the log was altered: it does not agree with entry {sequence}")]
    Head {
        /// The head's number.
        sequence: i64,
    },
    /// The log ends before a checkpoint says.
    #[error("entries from {sequence} on are missing: the checkpoint of {taken_at} saw {last} entries")]
    ShortOfCheckpoint {
        /// The first that is missing.
        sequence: i64,
        /// How many the checkpoint saw.
        last: i64,
        /// When.
        taken_at: String,
    },
    /// The log is another than that of a checkpoint.
    #[error(
        "entry {sequence} is not the one that the checkpoint of {taken_at} saw: the log was replaced up to there"
    )]
    NotOfCheckpoint {
        /// The checkpoint's entry.
        sequence: i64,
        /// When.
        taken_at: String,
    },
    /// A checkpoint is of another database.
    #[error("the checkpoint of {taken_at} is of the database {environment}, and this is another")]
    OtherDatabase {
        /// The checkpoint's database.
        environment: String,
        /// When.
        taken_at: String,
    },
}

/// What came of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    /// How many entries are as they were written, from the first on.
    pub entries: i64,
    /// How many checkpoints agree.
    pub checkpoints: usize,
    /// The first fault.
    pub fault: Option<Fault>,
}

/// Follows the chain from its first entry, past every checkpoint, to its head; calls `progress` with how far it is.
pub async fn verify(
    conn: &mut PgConnection,
    key: &ChainKey,
    environment: &str,
    checkpoints: &[Checkpoint],
    mut progress: impl FnMut(i64, i64),
) -> Result<Verified, ActionError> {
    let taken_at = |checkpoint: &Checkpoint| checkpoint.taken_at.to_rfc3339();
    let mut verified = Verified { entries: 0, checkpoints: 0, fault: None };
    if let Some(other) = checkpoints.iter().find(|checkpoint| checkpoint.environment != environment) {
        verified.fault =
            Some(Fault::OtherDatabase { environment: other.environment.clone(), taken_at: taken_at(other) });
        return Ok(verified);
    }
    let mut ahead: BTreeMap<i64, Vec<&Checkpoint>> = BTreeMap::new();
    for checkpoint in checkpoints {
        ahead.entry(checkpoint.sequence).or_default().push(checkpoint);
    }
    // Before the entries: what is numbered meanwhile lies beyond it.
    let head = audit::head(conn).await?;
    let mut chain = Chain { key, mac: [0; 32], sequence: 0 };
    let mut head_mac = head.filter(|(sequence, _)| *sequence == 0).map(|_| chain.mac);
    // Nothing is in front of the first.
    let mut after = i64::MIN;
    loop {
        let page = audit::page(conn, after, PAGE).await?;
        let is_last = i64::try_from(page.len()).is_ok_and(|read| read < PAGE);
        // Where a page ends, another of the same number would be left to none.
        if after > 0 && audit::count(conn, after).await? != 1 {
            verified.fault = Some(Fault::Altered { sequence: after });
            return Ok(verified);
        }
        for found in page {
            if let Some(fault) = chain.follow(&found) {
                verified.fault = Some(fault);
                return Ok(verified);
            }
            verified.entries = chain.sequence;
            if head.is_some_and(|(sequence, _)| sequence == chain.sequence) {
                head_mac = Some(chain.mac);
            }
            for checkpoint in ahead.remove(&chain.sequence).unwrap_or_default() {
                if checkpoint.mac != hex(&chain.mac) {
                    let (sequence, taken_at) = (chain.sequence, taken_at(checkpoint));
                    verified.fault = Some(Fault::NotOfCheckpoint { sequence, taken_at });
                    return Ok(verified);
                }
                verified.checkpoints += 1;
            }
        }
        after = chain.sequence;
        progress(chain.sequence, head.map_or(0, |(sequence, _)| sequence));
        if is_last {
            break;
        }
    }
    // A checkpoint of the empty log agrees with every log.
    verified.checkpoints += ahead.remove(&0).map_or(0, |empty| empty.len());
    let beyond = ahead.values().flatten().next();
    verified.fault = match (head, head_mac, beyond) {
        (Some((sequence, _)), None, _) if sequence > chain.sequence => {
            Some(Fault::CutOff { sequence: chain.sequence + 1 })
        }
        (None, _, _) => Some(Fault::CutOff { sequence: chain.sequence + 1 }),
        (Some((sequence, mac)), reached, _) if reached != Some(mac) => Some(Fault::Head { sequence }),
        (_, _, Some(checkpoint)) => Some(Fault::ShortOfCheckpoint {
            sequence: chain.sequence + 1,
            last: checkpoint.sequence,
            taken_at: taken_at(checkpoint),
        }),
        _ => None,
    };
    // Behind the head there is nothing, unless it moved meanwhile.
    if verified.fault.is_none() && head.is_some_and(|(sequence, _)| sequence < chain.sequence) {
        let now = audit::head(conn).await?;
        if now.is_none_or(|(sequence, _)| sequence < chain.sequence) {
            verified.fault = Some(Fault::Head { sequence: now.map_or(0, |(sequence, _)| sequence) });
        }
    }
    Ok(verified)
}

/// How far a chain was followed.
struct Chain<'a> {
    key: &'a ChainKey,
    mac: [u8; 32],
    sequence: i64,
}

impl Chain<'_> {
    /// Takes the next entry; what is wrong with it, if something is.
    fn follow(&mut self, found: &crate::domain::audit::Chained) -> Option<Fault> {
        let sequence = self.sequence + 1;
        if found.sequence != sequence {
            return Some(Fault::Missing { sequence });
        }
        if audit::link(self.key, &self.mac, sequence, &found.entry) != found.mac {
            return Some(Fault::Altered { sequence });
        }
        (self.sequence, self.mac) = (sequence, found.mac);
        None
    }
}
