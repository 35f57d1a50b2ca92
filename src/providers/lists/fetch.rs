//! Fetching a list if it changed, whole or not at all.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{StatusCode, header};
use tokio::io::AsyncWriteExt;

use super::{
    super::client,
    state::{self, Validator, Validators},
};
use crate::screening::parse::Format;

/// The largest file that is taken: 4 GiB, `OpenSanctions`' whole collection with room to grow.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// Why a list could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It could not be asked for, or the answer broke off.
    #[error("{url} could not be fetched")]
    Fetch {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It is larger than any list.
    #[error("{url} is larger than 4 GiB")]
    TooLarge {
        /// The address.
        url: String,
    },
    /// It could not be written.
    #[error("{path} could not be written")]
    Write {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What is to be fetched.
pub struct Fetch {
    /// Where from.
    pub(super) url: String,
    /// How the list is written.
    pub(super) format: Format,
    /// Where to.
    pub(super) folder: PathBuf,
    /// What was said of what is there.
    pub(super) seen: Validators,
    /// How long a file may take.
    pub(super) patience: Duration,
}

impl Fetch {
    /// Fetches it. None when every file is what was there before.
    pub(super) async fn fetch(&self) -> Result<Option<Validators>, FetchError> {
        fetch(&self.url, self.format, &self.folder, &self.seen, self.patience).await
    }
}

/// Fetches every file of a list into a folder, whatever was said of it before.
pub(in crate::providers) async fn fetch_all(
    url: &str,
    format: Format,
    folder: &Path,
    patience: Duration,
) -> Result<(), FetchError> {
    fetch(url, format, folder, &Validators::default(), patience).await.map(|_| ())
}

async fn fetch(
    url: &str,
    format: Format,
    folder: &Path,
    seen: &Validators,
    patience: Duration,
) -> Result<Option<Validators>, FetchError> {
    let files: Vec<(String, &str)> = match format.files() {
        Some(files) => files
            .iter()
            .map(|(published, kept)| (format!("{}/{published}", url.trim_end_matches('/')), *kept))
            .collect(),
        None => vec![(url.to_owned(), state::FILE)],
    };
    let _ = tokio::fs::remove_dir_all(folder).await;
    let written = |path: &Path, source| FetchError::Write { path: path.display().to_string(), source };
    tokio::fs::create_dir_all(folder).await.map_err(|source| written(folder, source))?;
    let mut validators = Validators::default();
    let mut unchanged = Vec::new();
    for (url, kept) in &files {
        match one(url, &folder.join(kept), seen.0.get(*kept), patience).await? {
            Some(validator) => {
                validators.0.insert((*kept).to_owned(), validator);
            }
            None => unchanged.push((url, *kept)),
        }
    }
    if unchanged.len() == files.len() {
        return Ok(None);
    }
    // Of a list of several files each is needed when one is new.
    for (url, kept) in unchanged {
        if let Some(validator) = one(url, &folder.join(kept), None, patience).await? {
            validators.0.insert(kept.to_owned(), validator);
        }
    }
    Ok(Some(validators))
}

/// Fetches one file; none when it is what `seen` was said of.
async fn one(
    url: &str,
    path: &Path,
    seen: Option<&Validator>,
    patience: Duration,
) -> Result<Option<Validator>, FetchError> {
    // Addresses may hold a key in their query: not in a text that is logged.
    let shown = || url.split('?').next().unwrap_or_default().to_owned();
    let failed = |source: reqwest::Error| FetchError::Fetch { url: shown(), source: source.without_url() };
    let client = client::for_downloads(patience.min(Duration::from_secs(10)), patience).map_err(failed)?;
    let mut request = client.get(url);
    if let Some(etag) = seen.and_then(|seen| seen.etag.as_deref()) {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    if let Some(at) = seen.and_then(|seen| seen.last_modified.as_deref()) {
        request = request.header(header::IF_MODIFIED_SINCE, at);
    }
    let mut answer = request.send().await.map_err(failed)?;
    if seen.is_some() && answer.status() == StatusCode::NOT_MODIFIED {
        return Ok(None);
    }
    if let Err(error) = answer.error_for_status_ref() {
        return Err(failed(error));
    }
    let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let validator = Validator { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) };
    let written = |source| FetchError::Write { path: path.display().to_string(), source };
    let mut file = tokio::fs::File::create(path).await.map_err(written)?;
    let mut length = 0;
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        length += chunk.len() as u64;
        if length > LARGEST {
            return Err(FetchError::TooLarge { url: shown() });
        }
        file.write_all(&chunk).await.map_err(written)?;
    }
    file.flush().await.map_err(written)?;
    file.sync_all().await.map_err(written)?;
    Ok(Some(validator))
}
