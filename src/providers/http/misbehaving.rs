//! A server that misbehaves as told, and remembers what it was sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What the server does with each connection, after it has read the whole request.
pub(super) enum Behaviour {
    /// Writes these bytes and closes.
    Reply(String),
    /// Writes these bytes and then nothing more, with the connection held open.
    Stall(String),
    /// Writes a successful head without a length, and then bytes until the other end has enough.
    Endless,
    /// Breaks the connection off.
    Reset,
}

impl Behaviour {
    /// A successful answer with this body.
    pub(super) fn answer(body: &str) -> Self {
        Self::status("200 OK", "", body)
    }

    /// A status with further header lines (each with its line end) and a body.
    pub(super) fn status(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Reply(format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
    }
}

/// The server; it stops when dropped.
pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, behaviour, Arc::clone(&requests)));
        Self { address, requests, _task: task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/ask", self.address)
    }

    /// The requests so far, head and body as they came.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An address where nobody listens.
pub(super) async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/ask", listener.local_addr().unwrap())
}

async fn serve(listener: TcpListener, behaviour: Behaviour, requests: Arc<Mutex<Vec<String>>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        requests.lock().unwrap().push(request);
        match &behaviour {
            Behaviour::Reply(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
            Behaviour::Stall(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            }
            Behaviour::Endless => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n[";
                stream.write_all(head.as_bytes()).await.unwrap();
                while stream.write_all(&[b' '; 1024]).await.is_ok() {}
            }
            Behaviour::Reset => stream.set_zero_linger().unwrap(),
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "the request ended early");
    }
}
