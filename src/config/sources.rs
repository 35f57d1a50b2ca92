//! Where settings are written besides the environment: the file, `conf.d` beside it, and systemd's
//! credentials.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use config::{Map, Value, ValueKind};
use serde::Serialize;

use super::{FILES, faults::Fault};

/// The folder beside the configuration file whose files are laid over it.
const FOLDER: &str = "conf.d";

/// The variable in which systemd hands over the folder of a unit's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What the name of a file begins with where a credential is meant.
const PREFIX: &str = "credential:";

/// The credential that holds the address of the database.
const DATABASE_URL: &str = "database-url";

/// A configuration file and its text.
pub(super) type Text = (PathBuf, String);

/// Reads `file`, or the first of [`FILES`] that is there, and then `conf.d` beside it by name.
pub(super) fn read(file: Option<&Path>, faults: &mut Vec<Fault>) -> Vec<Text> {
    let (file, text) = match file {
        Some(file) => (file, fs::read_to_string(file)),
        None => match first_file() {
            Some(found) => found,
            None => return Vec::new(),
        },
    };
    let mut texts = Vec::new();
    keep(file, text, &mut texts, faults);
    let folder = file.parent().unwrap_or(Path::new("")).join(FOLDER);
    match names_in(&folder) {
        Ok(paths) => {
            for path in paths {
                let text = fs::read_to_string(&path);
                keep(&path, text, &mut texts, faults);
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => faults.push(unreadable(&folder, &error)),
    }
    texts
}

/// The first of [`FILES`] that is there, with its text.
fn first_file() -> Option<(&'static Path, io::Result<String>)> {
    FILES.map(Path::new).into_iter().find_map(|file| match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        read => Some((file, read)),
    })
}

/// The folder's `*.toml` by name, without those whose names begin with a dot: editors leave such files.
fn names_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn keep(file: &Path, text: io::Result<String>, texts: &mut Vec<Text>, faults: &mut Vec<Fault>) {
    if file.to_str().is_none() {
        faults.push(at(file.display().to_string(), "accepted are paths in UTF-8".to_owned()));
        return;
    }
    match text {
        Ok(text) => texts.push((file.to_owned(), text)),
        Err(error) => faults.push(unreadable(file, &error)),
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    at(path.display().to_string(), format!("cannot be read: {error}"))
}

fn at(source: String, text: String) -> Fault {
    Fault { source, line: None, key: String::new(), text }
}

/// A file that holds a secret, or the credential that stands for one.
///
/// A credential is known by its name, so that processes to which systemd gives different folders have
/// the same settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct SecretFile {
    path: PathBuf,
    credential: Option<String>,
}

impl SecretFile {
    /// An ordinary file.
    pub const fn at(path: PathBuf) -> Self {
        Self { path, credential: None }
    }

    /// Where the secret is to be read.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// As it is written in the configuration.
impl From<SecretFile> for String {
    fn from(file: SecretFile) -> Self {
        file.credential
            .map_or_else(|| file.path.to_string_lossy().into_owned(), |name| format!("{PREFIX}{name}"))
    }
}

/// What systemd's `LoadCredential=` hands over.
#[derive(Default)]
pub(super) struct Credentials(Option<PathBuf>);

impl Credentials {
    /// Finds the folder that the environment names.
    pub(super) fn of(environment: &BTreeMap<String, String>) -> Self {
        Self(environment.get(CREDENTIALS).filter(|folder| !folder.is_empty()).map(PathBuf::from))
    }

    /// The credential that a text means, if it means one; or why it cannot be had.
    pub(super) fn meant_by(&self, text: &str) -> Option<Result<SecretFile, String>> {
        let name = text.strip_prefix(PREFIX)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
            return Some(Err(
                "accepted are names of credentials of letters, digits, dashes and dots".to_owned()
            ));
        }
        Some(self.0.as_ref().map_or_else(
            || {
                Err(format!(
                    "there are no credentials: {CREDENTIALS} is not set, which systemd sets for units with LoadCredential={name}"
                ))
            },
            |folder| Ok(SecretFile { path: folder.join(name), credential: Some(name.to_owned()) }),
        ))
    }

    /// What credentials set of themselves: the address of the database.
    pub(super) fn layer(&self, faults: &mut Vec<Fault>) -> Option<Value> {
        let path = self.0.as_ref()?.join(DATABASE_URL);
        let origin = format!("credential {DATABASE_URL}");
        match fs::read_to_string(path) {
            Ok(text) => {
                let url = Value::new(Some(&origin), ValueKind::from(text.trim_end()));
                let table = Value::new(Some(&origin), Map::from([("url".to_owned(), url)]));
                Some(Value::new(Some(&origin), Map::from([("database".to_owned(), table)])))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                faults.push(at(origin, format!("cannot be read: {error}")));
                None
            }
        }
    }
}
