//! A yente server (or `OpenSanctions`' hosted API, or Motiva): `POST /match/{dataset}`.
//!
//! Questions that are asked at the same time go together: while one batch is under way, those that come wait for the
//! next, at most [`YenteSettings::batch`] of them. A batch that the server refuses for what is in it is asked question
//! by question, so that one it cannot read spoils no other's answer. Thresholds are kept here: the server is asked for
//! everything from a little below the lowest of a batch on, for it leaves out what is below its own cutoff of 0.5.
//!
//! Which version of the dataset answered is read from `/catalog` once in ten minutes, beside the calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::{Url, header::HeaderMap};
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use super::{
    Basis, CallError, CallFuture, ListVersion, ReportProvider, Request, SettingsFault,
    beside::Beside,
    client,
    http::{HttpProviderSettings, Wire, read_headers, read_url},
    mapping::AnswerMapping,
    verdict::{Failure, OwnStatuses},
};
use crate::domain::{
    answer::Answer,
    subject::{Subject, SubjectKind},
};

/// How many questions the API takes at once.
pub const LARGEST_BATCH: usize = 100;

/// Refusals that may be of one question of a batch: it is no question, it is too large. Others (no key, no such dataset)
/// are of all, and asking one by one would only be a hundred calls in vain.
const OF_ONE: [u16; 3] = [400, 413, 422];

/// So far below the lowest threshold the server's cutoff is: what it rounds is not lost.
const BELOW: f64 = 0.01;

/// How many batches are under way at once: one is matched while the next is on its way.
const BATCHES: usize = 2;

/// What makes a provider of a yente server.
#[derive(Clone, Debug)]
pub struct YenteSettings {
    /// Name, base address, headers, time-outs and limits; what is sent is said here.
    pub http: HttpProviderSettings,
    /// The dataset to match against, such as `sanctions`.
    pub dataset: String,
    /// The algorithm, in yente's words: `best`, `logic-v2`, …
    pub algorithm: String,
    /// The score from which a match counts where a request does not say, 0 to 1.
    pub threshold: f64,
    /// How many matches of a question are read.
    pub limit: u32,
    /// How many questions go together, at most [`LARGEST_BATCH`].
    pub batch: usize,
}

/// A provider that asks a yente server.
pub struct YenteProvider {
    shared: Arc<Shared>,
}

struct Shared {
    wire: Wire,
    base: Url,
    headers: HeaderMap,
    settings: YenteSettings,
    mapping: AnswerMapping,
    waiting: Mutex<Vec<Question>>,
    sending: Arc<Semaphore>,
    version: Arc<Beside<String>>,
    tasks: TaskTracker,
}

/// A question, and who waits for its answer.
struct Question {
    query: Value,
    threshold: f64,
    answer: oneshot::Sender<Result<Answer, CallError>>,
}

impl std::fmt::Debug for YenteProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("YenteProvider").field("name", &self.shared.wire.name).finish_non_exhaustive()
    }
}

impl YenteProvider {
    /// Builds the provider, or names the first setting that stands in the way.
    pub fn new(settings: YenteSettings) -> Result<Self, SettingsFault> {
        let http = &settings.http;
        let mut base = read_url(&http.url)?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = client::build(http.connect_timeout, http.timeout).map_err(|_| {
            SettingsFault::new("url", "cannot be called: the HTTP client found no TLS set-up")
        })?;
        let texts = |places: &[&str]| places.iter().map(|place| (*place).to_owned()).collect();
        let mapping = AnswerMapping {
            former_ids: Some("/referents".to_owned()),
            list: Some("/datasets".to_owned()),
            name: Some("/caption".to_owned()),
            score: Some("/score".to_owned()),
            facts: texts(&[
                "/datasets",
                "/properties/name",
                "/properties/birthDate",
                "/properties/country",
                "/properties/nationality",
                "/properties/topics",
                "/properties/programId",
            ]),
            ..AnswerMapping::new("/results", "/id")
        };
        Ok(Self {
            shared: Arc::new(Shared {
                wire: Wire {
                    name: http.name.clone(),
                    client,
                    max_answer_bytes: http.max_answer_bytes,
                    statuses: OwnStatuses {
                        retryable: http.retryable_statuses.clone(),
                        quota: http.quota_statuses.clone(),
                    },
                },
                base,
                headers: read_headers(http)?,
                mapping,
                waiting: Mutex::default(),
                sending: Arc::new(Semaphore::new(BATCHES)),
                version: Beside::new(),
                tasks: TaskTracker::new(),
                settings,
            }),
        })
    }

    async fn ask(&self, request: &Request) -> Result<Answer, CallError> {
        let shared = &self.shared;
        let failed = |failure| shared.wire.error(failure, None);
        if request.subject.missing().is_some() {
            return Err(failed(Failure::Unscreenable));
        }
        shared.read_catalog();
        let (answer, mut answered) = oneshot::channel();
        let threshold = request.threshold.unwrap_or(shared.settings.threshold);
        shared.waiting().push(Question { query: query(&request.subject), threshold, answer });
        let asked = async {
            loop {
                tokio::select! {
                    // An answer before a turn: who has one sends nothing for others.
                    biased;
                    answer = &mut answered => return answer.unwrap_or_else(|_| Err(failed(Failure::Connection))),
                    turn = Arc::clone(&shared.sending).acquire_owned() => {
                        let batch = shared.next_batch();
                        let Ok(turn) = turn else { return Err(failed(Failure::Connection)) };
                        if batch.is_empty() {
                            // Ours is under way in another's batch.
                            drop(turn);
                            return answered.await.unwrap_or_else(|_| Err(failed(Failure::Connection)));
                        }
                        let shared = Arc::clone(shared);
                        // Whoever of the batch gives up meanwhile leaves the others their answers.
                        let tasks = shared.tasks.clone();
                        tasks.spawn(async move {
                            shared.send(batch).await;
                            drop(turn);
                        });
                    }
                }
            }
        };
        tokio::time::timeout(request.deadline, asked).await.unwrap_or_else(|_| Err(failed(Failure::Timeout)))
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Question>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The questions that waited longest; those whose askers gave up are dropped.
    fn next_batch(&self) -> Vec<Question> {
        let mut waiting = self.waiting();
        waiting.retain(|question| !question.answer.is_closed());
        let most = waiting.len().min(self.settings.batch.clamp(1, LARGEST_BATCH));
        waiting.drain(..most).collect()
    }

    async fn send(&self, batch: Vec<Question>) {
        match self.matched(&batch).await {
            // One of them cannot be read, and the server does not say which.
            Err(error) if batch.len() > 1 && error.status.is_some_and(|status| OF_ONE.contains(&status)) => {
                // A server that wants to be left alone, or fails, is not asked about the others.
                let mut refused: Option<CallError> = None;
                for question in batch {
                    if question.answer.is_closed() {
                        continue;
                    }
                    let one = [question];
                    let answered = match &refused {
                        None => self.matched(&one).await,
                        Some(error) => Err(error.clone()),
                    };
                    let [question] = one;
                    if let Err(error) = &answered
                        && !error.status.is_some_and(|status| OF_ONE.contains(&status))
                    {
                        refused = Some(error.clone());
                    }
                    let answer = answered.and_then(|answer| self.answer(&answer, 0, question.threshold));
                    let _ = question.answer.send(answer);
                }
            }
            Err(error) => {
                for question in batch {
                    let _ = question.answer.send(Err(error.clone()));
                }
            }
            Ok(answer) => {
                for (number, question) in batch.into_iter().enumerate() {
                    let answer = self.answer(&answer, number, question.threshold);
                    let _ = question.answer.send(answer);
                }
            }
        }
    }

    async fn matched(&self, batch: &[Question]) -> Result<Value, CallError> {
        let lowest = batch.iter().map(|question| question.threshold).fold(1.0, f64::min);
        let queries: BTreeMap<String, &Value> =
            batch.iter().enumerate().map(|(number, question)| (key(number), &question.query)).collect();
        let mut url = self.base.clone();
        let failed = || self.wire.error(Failure::Unreadable, None);
        url.path_segments_mut()
            .map_err(|()| failed())?
            .pop_if_empty()
            .extend(["match", &self.settings.dataset]);
        url.query_pairs_mut()
            .append_pair("algorithm", &self.settings.algorithm)
            .append_pair("threshold", &lowest.to_string())
            .append_pair("cutoff", &format!("{:.4}", (lowest - BELOW).max(0.0)))
            .append_pair("limit", &self.settings.limit.to_string());
        let call =
            self.wire.client.post(url).headers(self.headers.clone()).json(&json!({ "queries": queries }));
        self.wire.ask(call.timeout(self.settings.http.timeout)).await
    }

    /// The answer to the question of that number, from its threshold on.
    fn answer(&self, answer: &Value, number: usize, threshold: f64) -> Result<Answer, CallError> {
        let failed = |failure| self.wire.error(failure, None);
        let response = answer.pointer(&format!("/responses/{}", key(number)));
        let response = response.ok_or_else(|| failed(Failure::Unreadable))?;
        if let Some(status) = response.get("status").and_then(Value::as_u64).filter(|status| *status != 200) {
            return Err(failed(Failure::Status(u16::try_from(status).unwrap_or(500))));
        }
        let mut answer = self.mapping.read(&self.wire.name, response).map_err(failed)?;
        answer.findings.retain(|finding| finding.score >= threshold);
        Ok(answer)
    }

    /// Has the version of the dataset read, if that is long ago.
    fn read_catalog(self: &Arc<Self>) {
        self.version.refresh(|| {
            let shared = Arc::clone(self);
            async move { shared.catalog().await }
        });
    }

    async fn catalog(&self) -> Option<String> {
        let mut url = self.base.clone();
        url.path_segments_mut().ok()?.pop_if_empty().push("catalog");
        let call = self.wire.client.get(url).headers(self.headers.clone());
        let catalog = self.wire.ask(call.timeout(self.settings.http.timeout)).await.ok()?;
        let datasets = catalog.get("datasets")?.as_array()?;
        let named =
            |dataset: &&Value| dataset.get("name").is_some_and(|name| *name == *self.settings.dataset);
        let dataset = datasets.iter().find(named)?;
        ["index_version", "version", "updated_at"]
            .iter()
            .find_map(|key| dataset.get(key)?.as_str())
            .map(str::to_owned)
    }
}

fn key(number: usize) -> String {
    format!("q{number}")
}

/// The subject in the words of the `FollowTheMoney` model.
/// Gender and documents stay here: who asks another's server has not said that it is to know them.
fn query(subject: &Subject) -> Value {
    let names: Vec<&str> = subject.names.iter().map(|name| name.reveal().as_str()).collect();
    let countries: Vec<&str> = subject.countries.iter().map(|country| country.reveal().as_str()).collect();
    let date = subject.birth_date.as_ref().map(|date| date.reveal().to_string());
    let (schema, date_key) = match subject.kind {
        SubjectKind::Person => ("Person", "birthDate"),
        SubjectKind::Organisation => ("Organization", "incorporationDate"),
    };
    let mut properties = Map::new();
    properties.insert("name".to_owned(), json!(names));
    if let Some(date) = date {
        properties.insert(date_key.to_owned(), json!([date]));
    }
    if !countries.is_empty() {
        let countries: Vec<String> = countries.iter().map(|code| code.to_lowercase()).collect();
        properties.insert("country".to_owned(), json!(countries));
    }
    json!({ "schema": schema, "properties": properties })
}

impl ReportProvider for YenteProvider {
    fn name(&self) -> &str {
        &self.shared.wire.name
    }

    fn basis(&self) -> Basis {
        let version = self.shared.version.value();
        let list = |version| ListVersion {
            name: self.shared.settings.dataset.clone(),
            version,
            stale: false,
            number: None,
            compared: true,
        };
        Basis {
            engine: format!("yente {}", self.shared.settings.algorithm),
            lists: version.map(list).into_iter().collect(),
        }
    }

    fn threshold(&self) -> Option<f64> {
        Some(self.shared.settings.threshold)
    }

    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a> {
        Box::pin(self.ask(request))
    }
}
