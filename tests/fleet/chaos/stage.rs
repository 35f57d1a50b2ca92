//! Where faults happen: a cluster, a provider, and daemons that a service manager would keep running,
//! each with a network of its own to the database.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use watchkeeper::{
    app::embedded::{Cluster, Durability, state_folder},
    store::StoreError,
};

use super::{
    super::{
        daemon::{Daemon, Place, signal, try_signal, until},
        proxy::Proxy,
    },
    checks::{MAKE_DUE, STILL_DUE, Tally},
    disk::Volumes,
    stub::Stub,
};

/// How long an unrenewed lease stands in these tests.
pub const LEASE_TIME: Duration = Duration::from_secs(1);

/// Accounts, each with one monitor.
pub const MONITORS: i64 = 3000;

/// Calls under way at most, of one process; as many runs again may wait for one.
pub const CONCURRENCY: i64 = 100;

/// How many runs of one process at most have had their call and are not recorded.
pub const UNRECORDED: i64 = CONCURRENCY * 2;

const CONFIGURATION: &str = r#"
[log]
format = "json"
[engine]
drain-deadline = "20s"
LEASE
[providers.stub]
kind = "http"
url = "http://STUB/ask"
body = { name = "{{name}}" }
concurrency = 100
LIMITS
[providers.stub.answer]
hits = "/hits"
entity = "/id"
[report-templates.watchlist]
type = "watchlist"
provider = "stub"
[schedules.all]
template = "watchlist"
every = "365d"
backfill-per-second = 1000000
accounts = { types = ["individual"] }
on-match = { tags = ["match"], status = "under-review", status-from = ["active"] }
on-clear = { status = "active" }
"#;

/// What is special about a stage.
pub struct Scene {
    /// The name of the database.
    pub name: &'static str,
    /// How many processes are started.
    pub processes: usize,
    /// How long a lease stands; as shipped when none.
    pub lease: Option<Duration>,
    /// More keys of the provider.
    pub limits: String,
    /// More variables of the environment, by process.
    pub environment: Vec<Vec<(&'static str, String)>>,
}

impl Scene {
    /// Three processes with a lease time as short as a test wants it.
    pub fn of_three(name: &'static str) -> Self {
        Self {
            name,
            processes: 3,
            lease: Some(LEASE_TIME),
            limits: String::new(),
            environment: vec![Vec::new(); 3],
        }
    }
}

/// A process of the fleet, and its way to the database.
pub struct Member {
    name: String,
    environment: Vec<(&'static str, String)>,
    proxy: Proxy,
    daemon: Option<Daemon>,
    thaw: Option<JoinHandle<()>>,
}

impl Member {
    /// The daemon, which runs or is about to.
    pub fn daemon(&mut self) -> &mut Daemon {
        self.daemon.as_mut().expect("the service manager started it")
    }

    /// The network between it and the database.
    pub fn network(&self) -> &Proxy {
        &self.proxy
    }

    /// Starts it, or starts it again.
    pub fn launch(&mut self, place: &Place) {
        let url = self.proxy.url(place.database());
        let mut environment: Vec<(&str, &str)> =
            self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        environment.push(("DATABASE_URL", &url));
        self.daemon = Some(place.launch(&self.name, &environment));
    }

    /// Waits until it runs; starts it again if its database was away and it ended, as a service manager
    /// does.
    pub fn until_up(&mut self, place: &Place) {
        self.thaw();
        until("the daemon runs", || {
            self.look_after(place);
            self.is_up().then_some(())
        });
    }

    /// Starts it again if it ended before it ran; looks whether it runs.
    fn look_after(&mut self, place: &Place) {
        if self.is_up() {
            return;
        }
        if self.daemon().ended().is_some() {
            self.launch(place);
        }
        if let Some(address) = self.daemon().listens_at() {
            self.daemon().address = address;
        }
    }

    fn is_up(&mut self) -> bool {
        self.daemon().address.port() != 0
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        self.thaw();
        self.daemon.take().expect("the service manager started it").kill();
    }

    /// Tells it to stop, waits until it has, and starts it again.
    pub fn restart(&mut self, place: &Place) {
        self.until_up(place);
        self.daemon().terminate();
        let status = until("the daemon has stopped", || self.daemon().ended());
        assert!(status.success(), "{status}: {}", self.daemon().said());
        self.launch(place);
        self.until_up(place);
    }

    /// Freezes it; it goes on after `pause`, whatever the test does meanwhile.
    pub fn freeze(&mut self, pause: Duration) {
        self.thaw();
        let process = self.daemon().id();
        signal(process, "STOP");
        self.thaw = Some(thread::spawn(move || {
            thread::sleep(pause);
            signal(process, "CONT");
        }));
    }

    /// Waits until it is not frozen.
    pub fn thaw(&mut self) {
        if let Some(thaw) = self.thaw.take() {
            thaw.join().unwrap();
        }
    }

    /// Whether it is frozen still.
    pub fn is_frozen(&self) -> bool {
        self.thaw.as_ref().is_some_and(|thaw| !thaw.is_finished())
    }

    /// Whether it says that it can be relied on; it must not have ended.
    pub fn is_ready(&mut self) -> bool {
        let daemon = self.daemon();
        assert!(daemon.ended().is_none(), "the daemon survives its server: {}", daemon.said());
        daemon.is_ready()
    }
}

/// A fleet under load, and everything it depends on.
pub struct Stage {
    /// The processes.
    pub fleet: Vec<Member>,
    /// Their configuration and database.
    pub place: Place,
    /// Whom they ask.
    pub stub: Stub,
    /// The server.
    pub cluster: Cluster,
    /// The server's volumes, where it has any of its own.
    pub volumes: Option<Volumes>,
    _alone: MutexGuard<'static, ()>,
}

/// One stage at a time.
static ALONE: Mutex<()> = Mutex::new(());

impl Stage {
    /// Sets the scene: accounts are imported, no process runs yet.
    pub fn set(scene: &Scene) -> Self {
        let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
        let state = state_folder(&variable).unwrap();
        Self::set_on(Cluster::start(&state, "chaos", Durability::Full).unwrap(), scene)
    }

    /// Sets the scene on a cluster.
    pub fn set_on(cluster: Cluster, scene: &Scene) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let stub = Stub::start(!scene.limits.is_empty());
        let lease =
            scene.lease.map_or_else(String::new, |time| format!("lease-time = \"{}ms\"", time.as_millis()));
        let configuration = CONFIGURATION
            .replace("STUB", &stub.address().to_string())
            .replace("LEASE", &lease)
            .replace("LIMITS", &scene.limits);
        let place = Place::new(&cluster, scene.name, &configuration);
        import(&place);
        let socket = cluster.socket();
        let fleet = (0..scene.processes).map(|number| Member {
            name: format!("daemon-{number}"),
            environment: scene.environment.get(number).cloned().unwrap_or_default(),
            proxy: Proxy::start(socket.as_path()),
            daemon: None,
            thaw: None,
        });
        let fleet = fleet.collect();
        Self { fleet, place, stub, cluster, volumes: None, _alone: alone }
    }

    /// Starts every process, and waits until all is quiet.
    pub fn start(&mut self) {
        Tally::prepare(&self.place);
        for member in &mut self.fleet {
            member.launch(&self.place);
        }
        self.until_up();
        self.until_settled();
    }

    /// Starts processes again that ended before they ran, since their database was away.
    pub fn look_after(&mut self) {
        for member in &mut self.fleet {
            member.look_after(&self.place);
        }
    }

    /// Waits until every process runs.
    pub fn until_up(&mut self) {
        for member in &mut self.fleet {
            member.until_up(&self.place);
        }
    }

    /// How often a process of the fleet left runs under way to another: since its leases were over, as with one that the
    /// machine leaves waiting, or since what it was to hand over took too long.
    pub fn interruptions(&self) -> i64 {
        const SAID: [&str; 2] = ["took shards over from a process that died", "handed shards over before"];
        let said = self.fleet.iter().map(|member| self.place.said_by(&member.name));
        let lines =
            |said: String| said.lines().filter(|line| SAID.iter().any(|of| line.contains(of))).count();
        i64::try_from(said.map(lines).sum::<usize>()).unwrap()
    }

    /// Gives every monitor a reason to run, unless there is much to do anyway.
    pub fn feed(&self) {
        if self.place.ask::<i64>(STILL_DUE) < MONITORS {
            until("every account is edited", || match self.place.try_to_tell(MAKE_DUE) {
                Ok(()) => Some(()),
                // As an import does.
                Err(error) => {
                    let error = StoreError::from(error);
                    assert!(error.is_lost_lock(), "{error:?}");
                    None
                }
            });
        }
    }

    /// Waits until the fleet is in the middle of things: some calls of this load are done, others are not.
    pub fn until_under_load(&self) {
        self.feed();
        let (before, mut fed) = (self.stub.total(), Instant::now());
        until("the provider is under load", || {
            if fed.elapsed() > Duration::from_secs(1) {
                self.feed();
                fed = Instant::now();
            }
            let done = self.stub.total() - before;
            (done > MONITORS / 10 && self.stub.under_way() > 0).then_some(())
        });
    }

    /// Waits until every reason to run is answered and nothing is under way.
    pub fn until_settled(&self) {
        until("every monitor has run", || {
            let enrolled = self.place.ask::<i64>("select count(*) from monitor_due") == MONITORS;
            let quiet = enrolled && self.place.ask::<i64>(STILL_DUE) == 0 && self.stub.under_way() == 0;
            quiet.then_some(())
        });
    }

    /// Stops the server as a power cut does, waits until every process says so, and starts it again.
    pub fn stop_server(&mut self) {
        self.cluster.stop_immediately().unwrap();
        self.until_all(false, "the daemons say that the database is away");
        self.cluster.restart().unwrap();
    }

    /// Waits until every process that runs and is not frozen is ready, or says that it is not.
    pub fn until_all(&mut self, ready: bool, what: &str) {
        for member in self.fleet.iter_mut().filter_map(|member| member.is_up().then_some(member)) {
            until(what, || (member.is_frozen() || member.is_ready() == ready).then_some(()));
        }
    }

    /// Has the server stand still until what is returned is dropped.
    pub fn stall_server(&self) -> Stall {
        let first = std::fs::read_to_string(self.cluster.data().join("postmaster.pid")).unwrap();
        let first: u32 = first.lines().next().unwrap().trim().parse().unwrap();
        // The first starts the others: while it is stopped there are no new ones.
        let mut stall = Stall(vec![first]);
        signal(first, "STOP");
        let children = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        for child in children.split_whitespace().map(|child| child.parse().unwrap()) {
            // One that ended just now has nothing to stall.
            if try_signal(child, "STOP") {
                stall.0.push(child);
            }
        }
        stall
    }
}

/// A server that stands still.
pub struct Stall(Vec<u32>);

impl Drop for Stall {
    fn drop(&mut self) {
        for process in self.0.iter().rev() {
            try_signal(*process, "CONT");
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for member in &mut self.fleet {
            member.thaw();
        }
    }
}

fn import(place: &Place) {
    use std::fmt::Write;
    let mut file = String::from("reference_id,type,name\n");
    for number in 0..MONITORS {
        writeln!(file, "C-{number},individual,Invented Person{number}").unwrap();
    }
    std::fs::write(place.folder().join("accounts.csv"), file).unwrap();
    let imported = place.run(&["import", "accounts.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
}
