//! The files of a list, where they are.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use chrono::{DateTime, Utc};

use super::state::FILE;
use crate::screening::parse::Format;

/// When files were last written, and their sizes.
pub(super) type Stamp = (Option<SystemTime>, u64);

/// Where the files of a version of the list that has `folder` are; `refused` stands for the refused one.
pub fn kept(folder: &Path, version: &str, format: Format) -> PathBuf {
    kept_path(&folder.join(version), format)
}

/// The versions that are kept in the folder of a list, by their names.
pub fn kept_versions(folder: &Path) -> Vec<String> {
    let is_version = |name: &String| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let there = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = there.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut versions: Vec<String> = names.filter(is_version).collect();
    versions.sort();
    versions
}

/// Where the files of a kept version are: its folder, or the one file in it.
pub(super) fn kept_path(folder: &Path, format: Format) -> PathBuf {
    if format.files().is_some() { folder.to_owned() } else { folder.join(FILE) }
}

/// The files that make the list at `path`.
pub(super) fn paths(path: &Path, format: Format) -> Vec<PathBuf> {
    match format.files() {
        Some(files) => files.iter().map(|(_, kept)| path.join(kept)).collect(),
        None => vec![path.to_owned()],
    }
}

/// How the files of the list at `path` are now.
pub(super) fn stamp(path: &Path, format: Format) -> std::io::Result<Stamp> {
    let mut stamp: Stamp = (None, 0);
    for (place, path) in paths(path, format).into_iter().enumerate() {
        match std::fs::metadata(path) {
            Ok(found) => {
                stamp.0 = stamp.0.max(found.modified().ok());
                stamp.1 += found.len();
            }
            // All but the first may be absent.
            Err(error) if place > 0 && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(stamp)
}

/// When the files of the list at `path` were last written.
pub(super) fn written_at(path: &Path, format: Format) -> Option<DateTime<Utc>> {
    stamp(path, format).ok()?.0.map(DateTime::<Utc>::from)
}
