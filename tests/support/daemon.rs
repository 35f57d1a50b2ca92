//! The real program: its configuration, its daemon as a process that can be killed, its commands.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection, SqlSafeStr};
use watchkeeper::{
    app::{commands, embedded::Cluster},
    store::databases,
};

/// How long anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Polls until `found` gives something; panics with `what` when that takes too long.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A folder with a configuration for a database of its own, on a cluster of the test's own.
pub struct Place {
    folder: PathBuf,
    database: &'static str,
    url: String,
}

impl Place {
    /// Makes folder, key, database and schema anew. `configuration` is what comes after the parts that
    /// are the same for every test: database, master key, address and form of the log.
    pub fn new(cluster: &Cluster, database: &'static str, configuration: &str) -> Self {
        let folder = cluster.folder().join("place");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        commands::write_key(&folder.join("test.key")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = runtime.block_on(databases::recreate(&cluster.url("postgres"), database)).unwrap();
        let common = "[vault]\ncurrent = \"test\"\nmaster-keys = [{ id = \"test\", file = \"test.key\" }]\n\
             [http]\nlisten = \"127.0.0.1:0\"\n";
        fs::write(folder.join("watchkeeper.toml"), format!("{common}{configuration}")).unwrap();
        let place = Self { folder, database, url };
        let migrated = place.run(&["migrate"]);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        place
    }

    /// The folder of the configuration, for lists and files of the test.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program with this place's configuration and database, and nothing of the tester's own.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
        command.current_dir(&self.folder).args(arguments).stdin(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WATCHKEEPER")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_through(&self.url, arguments)
    }

    /// The same, with another way to the database.
    pub fn run_through(&self, url: &str, arguments: &[&str]) -> Output {
        self.command(arguments).env("DATABASE_URL", url).output().unwrap()
    }

    /// Starts a command, and does not wait for its end.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.env("DATABASE_URL", &self.url).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// What all daemons of a name said so far.
    pub fn said_by(&self, name: &str) -> String {
        let text = fs::read(self.folder.join(format!("{name}.log"))).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Starts a daemon and waits until it runs. Its output is added to the file `daemon.log`.
    pub fn serve(&self) -> Daemon {
        self.serve_with(&[])
    }

    /// The same, with another way to the database.
    pub fn serve_through(&self, url: &str) -> Daemon {
        self.serve_with(&[("DATABASE_URL", url)])
    }

    /// The same with variables in its environment.
    pub fn serve_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let mut daemon = self.launch("daemon", environment);
        daemon.address = until("the daemon says where it listens", || {
            assert!(daemon.ended().is_none(), "the daemon ended: {}", daemon.said());
            daemon.listens_at()
        });
        daemon
    }

    /// Starts a daemon, with more variables in its environment, and does not wait until it runs. Its output
    /// is added to the file `NAME.log`.
    pub fn launch(&self, name: &str, environment: &[(&str, &str)]) -> Daemon {
        let log = self.folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let begins = file.metadata().unwrap().len();
        let mut command = self.command(&["serve"]);
        command.env("DATABASE_URL", &self.url).envs(environment.iter().copied());
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Daemon { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log, begins }
    }

    /// The name of the database.
    pub fn database(&self) -> &'static str {
        self.database
    }

    /// One value that the database tells.
    pub fn ask<T>(&self, statement: impl SqlSafeStr) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let told = sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            told
        })
    }

    /// Has the database do something, a statement at a time: some take no transaction.
    pub fn tell_one_by_one(&self, statements: &'static str) {
        for statement in statements.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            self.tell(statement);
        }
    }

    /// Has the database do something, in one transaction.
    pub fn tell(&self, statements: &'static str) {
        self.try_to_tell(statements).unwrap();
    }

    /// The same where the database may be unable to do it.
    pub fn try_to_tell(&self, statements: &'static str) -> Result<(), sqlx::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await?;
            sqlx::raw_sql(statements).execute(&mut connection).await?;
            connection.close().await
        })
    }
}

/// A running daemon; killed when it is dropped.
pub struct Daemon {
    child: Child,
    /// Where it listens; port 0 before that is known.
    pub address: SocketAddr,
    log: PathBuf,
    begins: u64,
}

impl Daemon {
    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it as a power cut does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop, as service managers do.
    pub fn terminate(&self) {
        signal(self.id(), "TERM");
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        let text = fs::read(&self.log).unwrap();
        String::from_utf8_lossy(&text[usize::try_from(self.begins).unwrap()..]).into_owned()
    }

    /// Where it says that it listens, once it does.
    pub fn listens_at(&self) -> Option<SocketAddr> {
        let said = self.said();
        let line = said.lines().find(|line| line.contains("watchkeeper is running"))?;
        let (_, rest) = line.split_once("127.0.0.1:")?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}").parse().ok()
    }

    /// What it answers, head and body; nothing when it does not.
    pub fn get(&self, path: &str) -> Option<String> {
        self.ask("GET", path, "")
    }

    /// What it answers to a method with more headers, each with its end of line.
    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(8))).ok()?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Whether `/readyz` says that it can be relied on.
    pub fn is_ready(&self) -> bool {
        self.get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }
}

/// Sends a signal to a process of the test's own.
pub fn signal(process: u32, name: &str) {
    assert!(try_signal(process, name), "kill -{name} {process}");
}

/// Whether there was a process to send the signal to.
pub fn try_signal(process: u32, name: &str) -> bool {
    Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap().success()
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
