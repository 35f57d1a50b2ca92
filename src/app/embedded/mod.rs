//! A PostgreSQL cluster of our own, for the demo, the tests and the benchmarks.
//!
//! It is made from the installed programs in a state folder, listens on a Unix socket that only its
//! owner can reach, and lives no longer than the process that started it: the server is started through
//! `setpriv`, which has the kernel stop it when its parent dies, however it dies. A process started by
//! root hands it to an unprivileged user, since PostgreSQL refuses to run as root.

mod programs;

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use programs::{Programs, User};

use crate::store::{StoreError, databases};

/// Why there is no embedded cluster.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// PostgreSQL is not installed.
    #[error(
        "the programs of PostgreSQL were not found: install them (Debian, Ubuntu: tools/ensure-postgres does), or give DATABASE_URL=postgres://USER@HOST:PORT/DATABASE"
    )]
    NotInstalled,
    /// There is no user that the server could run as.
    #[error("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody")]
    NoUser,
    /// No folder for the cluster.
    #[error("no folder to keep the cluster in: HOME is not set")]
    NoFolder,
    /// A file or folder could not be had.
    #[error("{path}")]
    Folder {
        /// The file or folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program could not be run.
    #[error("{program} could not be run")]
    Run {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed ({status}): {output}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last it said.
        output: String,
    },
    /// The server did not come up.
    #[error("the embedded server did not come up within {0:?}; its log is {1}")]
    Slow(Duration, String),
}

/// How much the cluster is to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// As installed: every commit is on disk.
    Full,
    /// Nothing: for tests that throw their databases away.
    None,
}

/// Where clusters are kept: `/var/lib/watchkeeper` for root, the user's state folder otherwise.
pub fn state_folder(environment: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, EmbeddedError> {
    if programs::is_root() {
        return Ok(PathBuf::from("/var/lib/watchkeeper"));
    }
    let state = environment("XDG_STATE_HOME").filter(|path| Path::new(path).is_absolute()).map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(environment("HOME")?).join(".local/state")));
    Ok(state.ok_or(EmbeddedError::NoFolder)?.join("watchkeeper"))
}

/// A running cluster. Dropping it stops the server.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    folder: PathBuf,
    socket: PathBuf,
    durability: Durability,
    server: Option<Child>,
    _lock: File,
}

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(1);

impl Cluster {
    /// Starts a cluster named `name` under `state`; makes it when it is new. When another process runs
    /// the one of that name, takes the next free: `name-2`, `name-3` and so on.
    ///
    /// Must be called from a thread that lives as long as the cluster is needed: the kernel stops the
    /// server when that thread ends.
    pub fn start(state: &Path, name: &str, durability: Durability) -> Result<Self, EmbeddedError> {
        let programs = Programs::find()?;
        let (folder, lock) = claim_folder(state, name)?;
        let mut cluster = Self {
            socket: socket_folder(&folder, &programs)?,
            programs,
            folder,
            durability,
            server: None,
            _lock: lock,
        };
        cluster.end_stale()?;
        if !cluster.is_of_these_programs() {
            cluster.make()?;
        }
        cluster.launch()?;
        Ok(cluster)
    }

    /// The address of a database of the cluster.
    pub fn url(&self, database: &str) -> String {
        let socket = self.socket.to_string_lossy().replace('%', "%25").replace('/', "%2F");
        format!("postgres://watchkeeper@{socket}/{database}")
    }

    /// The socket that the server listens on.
    pub fn socket(&self) -> PathBuf {
        self.socket.join(".s.PGSQL.5432")
    }

    /// Has new databases begin with the schema: for tests, each of which makes one.
    pub async fn prepare_template(&self) -> Result<(), StoreError> {
        databases::make_template(&self.url("postgres")).await
    }

    /// The folder that holds everything of the cluster.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of the server's own files.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Stops the server at once, without letting it finish anything: what a power cut does.
    pub fn stop_immediately(&mut self) -> Result<(), EmbeddedError> {
        self.control(&["stop", "-m", "immediate", "-w"])?;
        self.reap();
        Ok(())
    }

    /// Starts the server again after [`Cluster::stop_immediately`].
    pub fn restart(&mut self) -> Result<(), EmbeddedError> {
        self.end_stale()?;
        self.launch()
    }

    fn is_of_these_programs(&self) -> bool {
        let made_by = fs::read_to_string(self.data().join("PG_VERSION"));
        made_by.is_ok_and(|version| version.trim() == self.programs.major)
    }

    fn make(&self) -> Result<(), EmbeddedError> {
        // Made beside its place and moved there when whole: what a killed process left is never used,
        // even while its initdb is still at work.
        self.clear_away()?;
        let data = self.folder.join(format!("data.{}", std::process::id()));
        fs::create_dir(&data).map_err(|source| folder_error(&data, source))?;
        hand_over(&self.programs, &data, 0o700)?;
        // Names of all scripts must fold their case: C does so for ASCII only.
        let initdb = |locale: &str| {
            let data = data.to_string_lossy();
            let locale = format!("--locale={locale}");
            self.programs.run(
                "initdb",
                &["-D", &data, "-U", "watchkeeper", "-A", "trust", "-E", "UTF8", "-N", &locale],
            )
        };
        initdb("C.UTF-8").or_else(|_| initdb("C"))?;
        fs::rename(&data, self.data()).map_err(|source| folder_error(&data, source))
    }

    /// Removes an old cluster, and what is left of unfinished ones.
    fn clear_away(&self) -> Result<(), EmbeddedError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| folder_error(&self.folder, source))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with("data.") {
                // Somebody may be dying in it: then the next start removes it.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let data = self.data();
        if data.exists() {
            fs::remove_dir_all(&data).map_err(|source| folder_error(&data, source))?;
        }
        Ok(())
    }

    fn launch(&mut self) -> Result<(), EmbeddedError> {
        let log = self.log();
        let output = File::create(&log).map_err(|source| folder_error(&log, source))?;
        let errors = output.try_clone().map_err(|source| folder_error(&log, source))?;
        let mut server = self.programs.command("postgres");
        server.arg("-D").arg(self.data()).current_dir("/");
        server.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut set = |setting: String| {
            server.arg("-c").arg(setting);
        };
        set("listen_addresses=".to_owned());
        set(format!("unix_socket_directories={}", self.socket.display()));
        set("unix_socket_permissions=0700".to_owned());
        set("max_connections=300".to_owned());
        set("shared_buffers=512MB".to_owned());
        set("max_wal_size=4GB".to_owned());
        if self.durability == Durability::None {
            for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
                set(format!("{setting}=off"));
            }
        }
        let started = server.spawn();
        self.server =
            Some(started.map_err(|source| EmbeddedError::Run { program: "postgres".to_owned(), source })?);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.server.as_mut().and_then(|server| server.try_wait().ok().flatten()) {
                let output = last_lines(&log);
                return Err(EmbeddedError::Failed { program: "postgres".to_owned(), status, output });
            }
            let socket = self.socket.to_string_lossy();
            if self.programs.run("pg_isready", &["-q", "-h", &socket, "-U", "watchkeeper"]).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(EmbeddedError::Slow(PATIENCE, log.display().to_string()))
    }

    /// Waits for a server whose process was killed to be gone; helps it after a while.
    fn end_stale(&self) -> Result<(), EmbeddedError> {
        let deadline = Instant::now() + Duration::from_secs(15);
        while let Some(pid) = self.running() {
            if Instant::now() > deadline {
                tracing::warn!(pid, "a server of an earlier process is still there: stopping it");
                return self.control(&["stop", "-m", "immediate", "-w"]);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The process number of a server that runs on this cluster's files.
    fn running(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let pid: u32 = file.lines().next()?.trim().parse().ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let data = self.data();
        let data = data.as_os_str().as_encoded_bytes();
        command.windows(data.len()).any(|window| window == data).then_some(pid)
    }

    fn control(&self, arguments: &[&str]) -> Result<(), EmbeddedError> {
        let data = self.data();
        let data = data.to_string_lossy();
        let mut all = vec!["-D", &*data, "-s"];
        all.extend(arguments);
        self.programs.run("pg_ctl", &all)
    }

    fn reap(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            if self.control(&["stop", "-m", "fast", "-w"]).is_err() {
                let _ = self.control(&["stop", "-m", "immediate", "-w"]);
            }
            self.reap();
        }
    }
}

/// Takes the first folder of that name that no living process has; the lock goes with the process.
fn claim_folder(state: &Path, name: &str) -> Result<(PathBuf, File), EmbeddedError> {
    for number in 1.. {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let folder = state.join(name);
        fs::create_dir_all(&folder).map_err(|source| folder_error(&folder, source))?;
        if programs::is_root() {
            // The server's user must be able to pass through, whatever the umask is.
            for passed in [state, &folder] {
                fs::set_permissions(passed, fs::Permissions::from_mode(0o711))
                    .map_err(|source| folder_error(passed, source))?;
            }
        }
        let path = folder.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|source| folder_error(&path, source))?;
        match lock.try_lock() {
            Ok(()) => return Ok((folder, lock)),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(source)) => return Err(folder_error(&path, source)),
        }
    }
    unreachable!("there is always a next number")
}

/// The folder of the socket. The kernel takes 107 bytes for its path.
fn socket_folder(folder: &Path, programs: &Programs) -> Result<PathBuf, EmbeddedError> {
    let mut socket = folder.join("socket");
    if socket.as_os_str().len() > 80 {
        let inode = fs::metadata(folder).map_err(|source| folder_error(folder, source))?.ino();
        socket = PathBuf::from(format!("/tmp/watchkeeper-{inode}"));
    }
    fs::create_dir_all(&socket).map_err(|source| folder_error(&socket, source))?;
    hand_over(programs, &socket, 0o700)?;
    Ok(socket)
}

fn hand_over(programs: &Programs, folder: &Path, mode: u32) -> Result<(), EmbeddedError> {
    if let Some(User { uid, gid, .. }) = &programs.user {
        chown(folder, Some(*uid), Some(*gid)).map_err(|source| folder_error(folder, source))?;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
        .map_err(|source| folder_error(folder, source))
}

fn folder_error(path: &Path, source: io::Error) -> EmbeddedError {
    EmbeddedError::Folder { path: path.display().to_string(), source }
}

fn last_lines(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}

/// Runs `program` with `DATABASE_URL` set to `url`, and ends it when this process dies.
pub fn run_beside(url: &str, program: &[String]) -> Result<ExitStatus, EmbeddedError> {
    let run = |source| EmbeddedError::Run { program: program.first().cloned().unwrap_or_default(), source };
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).args(program).env("DATABASE_URL", url);
    command.status().map_err(run)
}
