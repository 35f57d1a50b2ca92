//! The daemon as a service: its units, what it tells systemd, how it ends.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixDatagram,
    time::Duration,
};

use watchkeeper::{
    app::{
        embedded::{Cluster, Durability, state_folder},
        overseer::Patience,
        serve::AFTER_DRAIN,
    },
    config,
};

use super::daemon::{Place, until};

const UNIT: &str = include_str!("../../systemd/watchkeeper.service");

/// A setting of the unit; it must be there once.
fn setting(name: &str) -> &'static str {
    let values: Vec<&str> =
        UNIT.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect();
    assert_eq!(values.len(), 1, "{name} is there once");
    values[0]
}

fn seconds(name: &str) -> Duration {
    Duration::from_secs(setting(name).parse().unwrap())
}

#[test]
fn the_unit_gives_the_daemon_the_time_that_it_takes() {
    let settings = config::load(Some("config/default.toml".as_ref()), std::iter::empty()).unwrap();
    let stop = settings.engine.drain_deadline + AFTER_DRAIN;
    assert!(seconds("TimeoutStopSec") >= stop + Duration::from_secs(5), "a stop takes up to {stop:?}");

    let (watchdog, patience) = (seconds("WatchdogSec"), Patience::default());
    assert!(watchdog >= patience.round * 10, "a few late rounds are no fault");
    // What the overseer would end itself, systemd must not end first: only the former says why.
    assert!(patience.overdue + patience.hanging <= watchdog, "a call that hangs is named before");
    assert_eq!(setting("Type"), "notify", "systemd 252 takes notify-reload for simple");
}

#[test]
fn the_unit_and_its_migration_are_equally_hardened() {
    const MIGRATE: &str = include_str!("../../systemd/watchkeeper-migrate.service");
    let hardening = UNIT.split_once("CapabilityBoundingSet=").unwrap().1.split_once("[Install]").unwrap().0;
    for line in hardening.lines().filter(|line| line.contains('=') && !line.starts_with('#')) {
        assert!(MIGRATE.lines().any(|other| other == line), "the migration lacks {line}");
    }
}

/// A client that stays connected and says no more.
struct Idle(TcpStream);

impl Idle {
    fn after(address: std::net::SocketAddr, sent: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        Self(stream)
    }

    fn answer(&mut self) -> String {
        let mut answer = [0; 1024];
        let length = self.0.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }
}

/// What the daemon has told its service manager since this was last asked.
fn told(manager: &UnixDatagram) -> Vec<String> {
    let mut lines = Vec::new();
    let mut message = [0; 4096];
    while let Ok(length) = manager.recv(&mut message) {
        lines.extend(String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned));
    }
    lines
}

#[test]
fn the_daemon_says_how_it_is_and_stops_at_once_whatever_clients_do() {
    let variable = |name: &str| std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value);
    let cluster = Cluster::start(&state_folder(&variable).unwrap(), "service", Durability::None).unwrap();
    let place = Place::new(&cluster, "watchkeeper_service", "[engine]\ndrain-deadline = \"5m\"\n");
    let socket = place.folder().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_nonblocking(true).unwrap();
    let socket = socket.display().to_string();
    let mut daemon = place.serve_with(&[
        ("NOTIFY_SOCKET", &socket),
        ("WATCHDOG_USEC", "30000000"),
        ("CREDENTIALS_DIRECTORY", ""),
    ]);

    let mut lines = Vec::new();
    until("the watchdog is fed", || {
        lines.extend(told(&manager));
        lines.iter().any(|line| line == "WATCHDOG=1").then_some(())
    });
    assert!(lines.iter().any(|line| line == "READY=1"), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("STATUS=")), "{lines:?}");

    let mut idle = Idle::after(daemon.address, "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(idle.answer().starts_with("HTTP/1.1 200"));
    let silent = Idle::after(daemon.address, "");
    let slow = Idle::after(daemon.address, "GET /healthz HTTP/1.1\r\nHo");
    // All three are accepted: they are before this one in the queue.
    assert!(daemon.is_ready());
    daemon.terminate();
    // Waited for less long than the drain deadline: that is not what ends them.
    let status = until("the daemon has stopped", || daemon.ended());
    assert!(status.success(), "{status}");
    assert!(told(&manager).iter().any(|line| line == "STOPPING=1"));
    drop((idle, silent, slow));
    let log = fs::read_to_string(place.folder().join("daemon.log")).unwrap();
    assert!(!log.contains("cut off"), "{log}");
}
