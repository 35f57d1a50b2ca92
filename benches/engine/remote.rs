//! A provider behind HTTP, in a process of its own: answers after some milliseconds that there is nothing.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use watchkeeper::providers::{
    http::{HttpProvider, HttpProviderSettings, Method},
    mapping::AnswerMapping,
};

use super::Failure;

/// The variable that tells a process to be the provider.
pub(crate) const SERVE: &str = "WATCHKEEPER_BENCH_PROVIDER";

/// How long it takes to answer.
const THINKS: Duration = Duration::from_millis(20);

/// How many calls it is asked at the same time.
pub(crate) const CONCURRENCY: u32 = 200;

/// The provider's process; killed when it is dropped.
pub(crate) struct Remote {
    process: Child,
    address: String,
}

impl Remote {
    /// Starts the process and waits until it listens.
    pub(crate) fn start() -> Result<Self, Failure> {
        let mut process =
            Command::new(std::env::current_exe()?).env(SERVE, "1").stdout(Stdio::piped()).spawn()?;
        let said = process.stdout.take().ok_or("the provider's output is a pipe")?;
        let mut remote = Self { process, address: String::new() };
        BufReader::new(said).read_line(&mut remote.address)?;
        remote.address = remote.address.trim().to_owned();
        if remote.address.is_empty() {
            return Err("the provider did not start".into());
        }
        Ok(remote)
    }

    /// The daemon's own way to ask it.
    pub(crate) fn provider(&self) -> Result<Arc<HttpProvider>, Failure> {
        let url = format!("http://{}/ask", self.address);
        let mut settings =
            HttpProviderSettings::new("local", Method::Post, url, AnswerMapping::new("/hits", "/id"));
        settings.body = Some(json!({ "name": "{{name}}", "born": "{{birth_date}}" }));
        Ok(Arc::new(HttpProvider::new(settings).map_err(|fault| fault.to_string())?))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is the provider, until the process is killed.
pub(crate) async fn serve() -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", listener.local_addr()?)?;
    output.flush()?;
    let answer = async |_question: Json<Value>| {
        tokio::time::sleep(THINKS).await;
        Json(json!({ "hits": [] }))
    };
    axum::serve(listener, Router::new().route("/ask", post(answer))).await?;
    Ok(())
}
