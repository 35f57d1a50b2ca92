//! The installed programs of PostgreSQL, and the user that they run as.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::EmbeddedError;

/// A user of the system.
#[derive(Clone, Debug)]
pub(super) struct User {
    name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Where the programs are, and whom they run as.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    /// The major version, as `PG_VERSION` has it.
    pub(super) major: String,
    /// None when this process is not root.
    pub(super) user: Option<User>,
}

/// Whether this process runs as root.
pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

impl Programs {
    /// Finds the newest installed version: where Debian puts it, or where `pg_config` says.
    pub(super) fn find() -> Result<Self, EmbeddedError> {
        let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let major = path.file_name()?.to_str()?.parse().ok()?;
                Some((major, path.join("bin")))
            })
            .filter(|(_, folder)| is_complete(folder))
            .collect();
        found.sort();
        let folder = match found.pop() {
            Some((_, folder)) => folder,
            None => from_pg_config().ok_or(EmbeddedError::NotInstalled)?,
        };
        let user = if is_root() { Some(unprivileged_user().ok_or(EmbeddedError::NoUser)?) } else { None };
        let mut programs = Self { folder, major: String::new(), user };
        programs.major = programs.version()?;
        Ok(programs)
    }

    fn version(&self) -> Result<String, EmbeddedError> {
        let output = Command::new(self.folder.join("postgres")).arg("--version").output();
        let output =
            output.map_err(|source| EmbeddedError::Run { program: "postgres".to_owned(), source })?;
        // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
        let text = String::from_utf8_lossy(&output.stdout);
        let number =
            text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        let major = number.and_then(|number| number.split(|digit: char| !digit.is_ascii_digit()).next());
        Ok(major.unwrap_or_default().to_owned())
    }

    /// A program, as the unprivileged user, interrupted by the kernel when its parent dies.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(user) = &self.user {
            command.args(["--reuid", &user.name, "--regid", &user.gid.to_string(), "--init-groups"]);
        }
        command.args(["--pdeathsig", "INT"]);
        command.arg("--").arg(self.folder.join(program));
        command
    }

    /// Runs a program to its end.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Result<(), EmbeddedError> {
        let mut command = self.command(program);
        command.args(arguments).current_dir("/").stdin(Stdio::null());
        let output =
            command.output().map_err(|source| EmbeddedError::Run { program: program.to_owned(), source })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().rev().take(3).collect();
        let output_text = said.into_iter().rev().collect::<Vec<_>>().join("; ");
        Err(EmbeddedError::Failed { program: program.to_owned(), status: output.status, output: output_text })
    }
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "pg_ctl", "pg_isready"].iter().all(|program| folder.join(program).is_file())
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    is_complete(&folder).then_some(folder)
}

fn unprivileged_user() -> Option<User> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let user = |wanted: &str| {
        passwd.lines().find_map(|line| {
            let mut parts = line.split(':');
            let name = parts.next().filter(|name| *name == wanted)?;
            Some(User {
                name: name.to_owned(),
                uid: parts.nth(1)?.parse().ok()?,
                gid: parts.next()?.parse().ok()?,
            })
        })
    };
    user("postgres").or_else(|| user("nobody"))
}
