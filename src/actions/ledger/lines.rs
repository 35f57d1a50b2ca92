//! What a line of the erasure ledger says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::vault::ChainKey;

/// The chain's name among those under one key.
const CHAIN: &str = "ledger";

/// The version of lines that are written now. Lines of version 1 have no word of it, no transaction and no parts.
const VERSION: u32 = 2;

/// What a line says.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Keys are about to be destroyed.
    Intent,
    /// They were.
    Done,
    /// They were not, and nobody was told that they were.
    Abandoned,
}

/// What is to be known of a key besides that it was destroyed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Part {
    /// The key.
    pub key: String,
    /// The fields that were destroyed; all of the object when none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// The fields that a policy kept for then, of an object that was redacted whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Vec<String>>,
    /// The key under which the rest of the object was sealed anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
}

/// One line.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Line {
    /// Its number in the file, from 1.
    pub line: i64,
    /// What it says.
    pub act: Act,
    /// Which erasure it is about.
    pub erasure: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The last entry of the audit log at that time.
    pub audit_sequence: i64,
    /// The objects and their keys.
    pub keys: Vec<(String, String)>,
    /// The version of the format.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub version: u32,
    /// The database's number of the transaction that an intent is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// More about some of the keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The keyed hash over it and the line before.
    pub mac: String,
}

/// Whether what cannot be read says that it is of a version that this program does not know.
pub(super) fn is_newer(written: &[u8]) -> bool {
    let line: Option<serde_json::Value> = serde_json::from_slice(written).ok();
    line.and_then(|line| line.get("version")?.as_u64()).is_some_and(|version| version > u64::from(VERSION))
}

const fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks like that")]
const fn is_first(version: &u32) -> bool {
    *version == 1
}

impl Line {
    /// A line that has no place in a file yet.
    pub(super) const fn new(act: Act, erasure: String, at: DateTime<Utc>, audit_sequence: i64) -> Self {
        Self {
            line: 0,
            act,
            erasure,
            at,
            audit_sequence,
            keys: Vec::new(),
            version: VERSION,
            transaction: None,
            parts: Vec::new(),
            mac: String::new(),
        }
    }

    /// The line that says how the erasure ended that this one is about.
    pub(super) fn ended(&self, act: Act, at: DateTime<Utc>) -> Self {
        Self::new(act, self.erasure.clone(), at, self.audit_sequence)
    }

    /// Whether this program knows all that such a line can say.
    pub(super) const fn is_known(&self) -> bool {
        self.version <= VERSION
    }

    /// The keys that were destroyed with those that were made in their place.
    pub(super) fn successors(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        let parse = |part: &Part| Some((part.key.parse().ok()?, part.successor.as_ref()?.parse().ok()?));
        self.parts.iter().filter_map(parse)
    }

    /// Its keyed hash behind the line before.
    pub(super) fn link(&self, key: &ChainKey, previous: &[u8; 32]) -> [u8; 32] {
        let unchained = Self { mac: String::new(), ..self.clone() };
        key.link(CHAIN, previous, &serde_json::to_vec(&unchained).expect("texts and numbers can be written"))
    }
}
