//! The tools with which each section is checked; they note a fault and go on.

use std::{
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Value, ValueKind};

use super::{
    faults::{Fault, fault, found},
    key::Key,
    raw::Human,
    sources::{Credentials, SecretFile},
};
use crate::domain::cadence::CronPattern;

/// Where relative paths and credentials are to be found.
pub(super) struct Places<'a> {
    /// The files that were read, the configuration file first.
    pub(super) files: &'a [PathBuf],
    /// What systemd handed over.
    pub(super) credentials: Credentials,
}

/// The tree with its origins, and the faults found so far.
pub(super) struct Checker<'a> {
    tree: &'a Value,
    places: Places<'a>,
    broken: Vec<Key>,
    faults: Vec<Fault>,
}

impl<'a> Checker<'a> {
    /// Goes on where reading the tree has ended; `broken` are the keys that could not be read.
    pub(super) fn new(tree: &'a Value, places: Places<'a>, faults: Vec<Fault>, broken: Vec<Key>) -> Self {
        Self { tree, places, broken, faults }
    }

    /// All faults, in the order in which they were found.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Notes a fault of the setting at `key`, with what was found there; one fault a setting is enough.
    pub(super) fn refuse(&mut self, key: &Key, text: impl fmt::Display) {
        if !self.is_broken(key) {
            let text = format!("{text}{}", found(self.tree, key));
            self.faults.push(fault(self.tree, key, text));
        }
    }

    /// Whether the setting, something in it or something around it could not be read.
    pub(super) fn is_broken(&self, key: &Key) -> bool {
        self.broken.iter().any(|broken| broken.overlaps(key))
    }

    /// Whether something at or in `key` is written down, readable or not.
    pub(super) fn is_written(&self, key: &Key) -> bool {
        key.find(self.tree).is_some()
    }

    /// The names that are written in a section, whether or not what they name is at fault.
    pub(super) fn names(&self, section: &str) -> Vec<&'a str> {
        let Some(Value { kind: ValueKind::Table(table), .. }) = Key::of(section).find(self.tree) else {
            return Vec::new();
        };
        let mut names: Vec<&str> = table.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The value, or a fault that says that it is missing and what is accepted.
    pub(super) fn needed<T>(&mut self, key: &Key, value: Option<T>, accepted: &str) -> Option<T> {
        if value.is_none() {
            self.refuse(key, format_args!("is missing; accepted is {accepted}"));
        }
        value
    }

    /// A whole number within bounds.
    pub(super) fn count<T>(&mut self, key: &Key, value: u64, bounds: RangeInclusive<T>) -> T
    where
        T: TryFrom<u64> + PartialOrd + Copy + fmt::Display,
    {
        match T::try_from(value) {
            Ok(count) if bounds.contains(&count) => count,
            _ => {
                let (least, most) = (bounds.start(), bounds.end());
                self.refuse(key, format_args!("accepted is a whole number from {least} to {most}"));
                *least
            }
        }
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&mut self, key: &Key, value: f64) -> f64 {
        if !(0.0..=1.0).contains(&value) {
            self.refuse(key, "accepted is a number from 0 to 1");
        }
        value
    }

    /// A number above 0 and at most `most`.
    pub(super) fn rate(&mut self, key: &Key, value: f64, most: f64) -> f64 {
        if !(value > 0.0 && value <= most) {
            self.refuse(key, format_args!("accepted is a number above 0, at most {most}"));
        }
        value
    }

    /// A duration within bounds.
    pub(super) fn duration(&mut self, key: &Key, value: Human, bounds: RangeInclusive<Duration>) -> Duration {
        if !bounds.contains(&value.0) {
            let (least, most) =
                (humantime::format_duration(*bounds.start()), humantime::format_duration(*bounds.end()));
            self.refuse(key, format_args!("accepted is a duration from {least} to {most}"));
        }
        value.0
    }

    /// A cron pattern.
    pub(super) fn pattern(&mut self, key: &Key, text: &str) -> Option<CronPattern> {
        text.parse().map_err(|fault| self.refuse(key, fault)).ok()
    }

    /// A path; a relative one starts from the folder of the configuration file, where a file holds it.
    pub(super) fn path(&mut self, key: &Key, text: &str) -> PathBuf {
        if text.trim().is_empty() || text.contains('\0') {
            self.refuse(key, "accepted is a path");
        }
        let origin = key.find(self.tree).and_then(Value::origin).unwrap_or_default();
        let is_origin = |file: &PathBuf| {
            let rest = origin.strip_prefix(&*file.to_string_lossy());
            rest.is_some_and(|rest| rest.starts_with(':'))
        };
        let main = self.places.files.first().filter(|_| self.places.files.iter().any(is_origin));
        main.and_then(|file| file.parent()).unwrap_or(Path::new("")).join(text)
    }

    /// A file that holds a secret: a path, or `credential:NAME` for one that systemd hands over.
    pub(super) fn secret_file(&mut self, key: &Key, text: &str) -> SecretFile {
        match self.places.credentials.meant_by(text) {
            None => SecretFile::at(self.path(key, text)),
            Some(Ok(file)) => file,
            Some(Err(fault)) => {
                self.refuse(key, fault);
                SecretFile::at(PathBuf::new())
            }
        }
    }

    /// Refuses a name that is not of small letters, digits and dashes.
    pub(super) fn name(&mut self, key: &Key, name: &str) {
        if !is_name(name) {
            self.refuse_name(key, "accepted are names of small letters, digits and dashes, at most 64");
        }
    }

    /// Notes a fault of the name of a setting, and not of what is in it.
    pub(super) fn refuse_name(&mut self, key: &Key, text: &str) {
        self.faults.push(fault(self.tree, key, text.to_owned()));
    }

    /// Refuses a word that is not among `known`.
    pub(super) fn known(&mut self, key: &Key, word: &str, what: &str, known: &[&str]) {
        if !known.contains(&word) {
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            self.refuse(key, format_args!("accepted is {what} ({known})"));
        }
    }

    /// Texts that are neither empty nor twice in their list.
    pub(super) fn texts(&mut self, key: &Key, texts: Vec<String>) -> Vec<String> {
        let mut kept: Vec<String> = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            let plain = !text.trim().is_empty() && text.trim() == text && !text.contains(char::is_control);
            if !plain || text.chars().count() > 128 {
                self.refuse(
                    &key.item(index),
                    "accepted is a text of 1 to 128 characters without blanks around it",
                );
            } else if kept.contains(&text) {
                self.refuse(&key.item(index), "accepted is each text once");
            }
            kept.push(text);
        }
        kept
    }
}

/// Whether a text is a name: small letters, digits and dashes, at most 64.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
}
