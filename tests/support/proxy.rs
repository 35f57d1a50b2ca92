//! A network of our own between the daemon and PostgreSQL, that a test can cut without a word.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Where a proxy forwards to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A socket of the file system, as an embedded cluster has.
    Socket(PathBuf),
    /// An address.
    Address(SocketAddr),
}

impl From<&Path> for Target {
    fn from(path: &Path) -> Self {
        Self::Socket(path.to_owned())
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

/// One end of a connection.
enum End {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl End {
    fn of(target: &Target) -> std::io::Result<Self> {
        match target {
            Target::Socket(path) => UnixStream::connect(path).map(Self::Unix),
            Target::Address(address) => TcpStream::connect(address).map(Self::Tcp),
        }
    }

    fn again(&self) -> Self {
        match self {
            Self::Unix(stream) => Self::Unix(stream.try_clone().unwrap()),
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().unwrap()),
        }
    }

    fn end(&self) {
        // The other side may have ended it before.
        let _ = match self {
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Unix(stream) => stream.write_all(bytes),
            Self::Tcp(stream) => stream.write_all(bytes),
        }
    }
}

/// A connection through the proxy. Once it is dead nothing passes any more, and neither side is told.
struct Link {
    dead: Arc<AtomicBool>,
    /// A side ended it, and the other was told.
    ended: Arc<AtomicBool>,
    ends: Vec<End>,
}

#[derive(Default)]
struct State {
    cut: bool,
    links: Vec<Link>,
}

/// Forwards connections to a server until the network is cut.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Starts to listen on a port of its own, for as long as the test's process lives.
    pub fn start(target: impl Into<Target>) -> Self {
        let (target, listener) = (target.into(), TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                link(client.unwrap(), &target, &mut shared.lock().unwrap());
            }
        });
        Self { address, state }
    }

    /// The address of a database of an embedded cluster, through the proxy.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://watchkeeper@{}/{database}", self.address)
    }

    /// Cuts the network: nothing passes in either direction, no connection ends, new ones are never
    /// answered.
    pub fn cut(&self) {
        let mut state = self.state();
        state.cut = true;
        for link in &state.links {
            link.dead.store(true, Ordering::SeqCst);
        }
    }

    /// Mends the network for new connections. The old ones stay dead, and are not told.
    pub fn heal(&self) {
        self.state().cut = false;
    }

    /// Ends every connection, dead or not, as a firewall that resets them does.
    pub fn sever(&self) {
        for link in self.state().links.drain(..) {
            link.dead.store(true, Ordering::SeqCst);
            link.ends.iter().for_each(End::end);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.sever();
    }
}

fn link(client: TcpStream, target: &Target, state: &mut State) {
    state.links.retain(|link| !link.ended.load(Ordering::SeqCst));
    let (dead, ended) = (Arc::new(AtomicBool::new(state.cut)), Arc::new(AtomicBool::new(false)));
    let client = End::Tcp(client);
    if state.cut {
        state.links.push(Link { dead, ended, ends: vec![client] });
        return;
    }
    // A server that is away: the client sees that its connection ends.
    let Ok(server) = End::of(target) else { return };
    for (from, to) in [(client.again(), server.again()), (server.again(), client.again())] {
        let (dead, ended) = (Arc::clone(&dead), Arc::clone(&ended));
        thread::spawn(move || {
            forward(from, to, &dead);
            ended.fetch_or(!dead.load(Ordering::SeqCst), Ordering::SeqCst);
        });
    }
    state.links.push(Link { dead, ended, ends: vec![client, server] });
}

fn forward(mut from: End, mut to: End, dead: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer);
        if dead.load(Ordering::SeqCst) {
            // What was on its way is lost; the link keeps both sockets open.
            return;
        }
        match read {
            Ok(length) if length > 0 && to.write(&buffer[..length]).is_ok() => {}
            Ok(_) | Err(_) => {
                from.end();
                to.end();
                return;
            }
        }
    }
}
