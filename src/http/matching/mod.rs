//! The matching API in the words of a yente server (<https://www.opensanctions.org/docs/yente/>): `POST
//! /match/{dataset}`, `GET /search/{dataset}`, `GET /entities/{id}`, `GET /catalog`, `GET /algorithms`, answered by the
//! embedded screener from the published lists. A dataset is a list; `default` and `all` are all of them.
//!
//! A client shows a key of ours with the permission `match.read`, as `Authorization: ApiKey KEY`, which is how
//! `OpenSanctions`' hosted API wants it, or as `Bearer KEY`. Nothing of a question is kept or logged.

mod answer;
mod question;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{api::Doorkeeper, server::Peer};
use crate::{
    actions::Context,
    domain::subject::Subject,
    screening::{ENGINE_VERSION, index::Index},
};
use question::{Asked, Parameters};

/// The published lists in force.
pub type Lists = Arc<dyn Fn() -> Vec<Arc<Index>> + Send + Sync>;

/// What a key needs.
const PERMISSION: &str = "match.read";

/// How many questions a request may have, as with yente.
const MOST_QUESTIONS: usize = 100;

/// What questions are answered from.
#[derive(Clone)]
struct Matcher {
    context: Context,
    door: Arc<Doorkeeper>,
    lists: Lists,
    /// How many may ask the database for their key at the same time.
    asking: Arc<Semaphore>,
    /// Comparing takes a core: one less than there are stays for the rest.
    room: Arc<Semaphore>,
}

/// A refusal: a status, and a word on why.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "detail": self.1 }))).into_response()
    }
}

/// The routes; `asking` bounds who asks the database at the same time.
pub(super) fn router(
    context: Context,
    door: Arc<Doorkeeper>,
    lists: Lists,
    asking: Arc<Semaphore>,
) -> Router {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let room = Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)));
    Router::new()
        .route("/match/{dataset}", post(matched))
        .route("/search/{dataset}", get(search))
        .route("/entities/{entity}", get(entity))
        .route("/catalog", get(catalog))
        .route("/algorithms", get(algorithms))
        .with_state(Matcher { context, door, lists, asking, room })
}

impl Matcher {
    async fn let_in(&self, headers: &HeaderMap, peer: Option<Peer>) -> Result<(), Refused> {
        let asking = self.asking.acquire().await.expect("nothing closes the semaphore");
        let key = self.door.authenticate(&self.context, headers, peer.map(|peer| peer.0.ip())).await;
        drop(asking);
        let (key, _) = key.map_err(|error| {
            let details = match error.status {
                StatusCode::UNAUTHORIZED => "a key is needed, as Authorization: ApiKey KEY",
                StatusCode::FORBIDDEN => "the key is not for this address",
                _ => "the key cannot be checked now",
            };
            Refused(error.status, details.to_owned())
        })?;
        if !key.may(PERMISSION) {
            return Err(Refused(StatusCode::FORBIDDEN, format!("the key lacks the permission {PERMISSION}")));
        }
        let counted = self.door.count(&key);
        counted
            .map(|_| ())
            .map_err(|(_, error)| Refused(error.status, "too many requests of this key".to_owned()))
    }

    /// The lists of a dataset that the parameters leave.
    fn lists(&self, dataset: &str, parameters: &Parameters) -> Result<Vec<Arc<Index>>, Refused> {
        let all = (self.lists)();
        let is_all = ["default", "all"].contains(&dataset);
        if !is_all && !all.iter().any(|index| index.list() == dataset) {
            let known: Vec<&str> = all.iter().map(|index| index.list()).collect();
            let details = format!("no such dataset; there are default and {}", known.join(", "));
            return Err(Refused(StatusCode::NOT_FOUND, details));
        }
        let wanted = |index: &Arc<Index>| {
            let name = index.list().to_owned();
            (is_all || name == dataset)
                && (parameters.include.is_empty() || parameters.include.contains(&name))
                && !parameters.exclude.contains(&name)
        };
        Ok(all.into_iter().filter(wanted).collect())
    }

    /// Answers questions beside the runtime's threads, which wait for nobody.
    async fn answered<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let failed =
            || Refused(StatusCode::INTERNAL_SERVER_ERROR, "the question was not answered".to_owned());
        let place = Arc::clone(&self.room).acquire_owned().await.map_err(|_| failed())?;
        let work = move || {
            let _place = place;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| failed())
    }
}

type Connection = Option<axum::Extension<Peer>>;

async fn matched(
    State(matcher): State<Matcher>,
    Path(dataset): Path<String>,
    RawQuery(query): RawQuery,
    peer: Connection,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    matcher.let_in(&headers, peer.map(|peer| peer.0)).await?;
    let bad = |details: String| Refused(StatusCode::BAD_REQUEST, details);
    let parameters = Parameters::read(query.as_deref().unwrap_or_default()).map_err(bad)?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| bad("the body is no JSON".to_owned()))?;
    let queries = body.get("queries").and_then(Value::as_object);
    let queries =
        queries.ok_or_else(|| bad("queries: accepted is an object of questions by key".to_owned()))?;
    if queries.is_empty() || queries.len() > MOST_QUESTIONS {
        return Err(bad(format!("queries: accepted are 1 to {MOST_QUESTIONS} questions")));
    }
    let asked: Vec<(String, Asked)> = queries
        .iter()
        .map(|(key, query)| {
            Ok((key.clone(), Asked::read(query).map_err(|fault| format!("queries.{key}: {fault}"))?))
        })
        .collect::<Result<_, String>>()
        .map_err(bad)?;
    let lists = matcher.lists(&dataset, &parameters)?;
    let (count, limit) = (asked.len(), parameters.limit);
    let responses = matcher
        .answered(move || {
            let answer = |(key, asked): (String, Asked)| (key, answer::matches(&lists, &asked, &parameters));
            asked.into_iter().map(answer).collect::<serde_json::Map<_, _>>()
        })
        .await?;
    let told = json!({ "responses": responses, "matcher": answer::features(), "limit": limit });
    Ok(([("x-batch-size", count.to_string())], Json(told)).into_response())
}

async fn search(
    State(matcher): State<Matcher>,
    Path(dataset): Path<String>,
    RawQuery(query): RawQuery,
    peer: Connection,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    matcher.let_in(&headers, peer.map(|peer| peer.0)).await?;
    let bad = |details: String| Refused(StatusCode::BAD_REQUEST, details);
    let parameters = Parameters::read(query.as_deref().unwrap_or_default()).map_err(bad)?;
    let lists = matcher.lists(&dataset, &parameters)?;
    let subjects: Vec<Subject> = parameters.searched().map_err(bad)?;
    Ok(Json(matcher.answered(move || answer::found(&lists, &subjects, &parameters)).await?))
}

async fn entity(
    State(matcher): State<Matcher>,
    Path(id): Path<String>,
    peer: Connection,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    matcher.let_in(&headers, peer.map(|peer| peer.0)).await?;
    let lists = (matcher.lists)();
    let found = matcher.answered(move || answer::entity_of(&lists, &id)).await?;
    found.map(Json).ok_or_else(|| Refused(StatusCode::NOT_FOUND, "no such entity".to_owned()))
}

async fn catalog(
    State(matcher): State<Matcher>,
    peer: Connection,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    matcher.let_in(&headers, peer.map(|peer| peer.0)).await?;
    let lists = (matcher.lists)();
    let names: Vec<&str> = lists.iter().map(|index| index.list()).collect();
    let mut datasets: Vec<Value> = lists
        .iter()
        .map(|index| {
            json!({
                "name": index.list(), "title": index.list(), "version": index.version(), "load": true,
                "index_version": index.version(), "index_current": true,
                "entity_count": index.entities().len(), "children": [],
            })
        })
        .collect();
    let versions: Vec<&str> = lists.iter().map(|index| index.version()).collect();
    datasets.push(json!({
        "name": "default", "title": "All lists", "version": versions.join("+"), "load": true, "children": names,
    }));
    Ok(Json(json!({ "datasets": datasets, "current": names, "outdated": [], "index_stale": false })))
}

async fn algorithms(
    State(matcher): State<Matcher>,
    peer: Connection,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
    matcher.let_in(&headers, peer.map(|peer| peer.0)).await?;
    let own = json!({
        "name": ENGINE_VERSION, "description": "The embedded screener of Watchkeeper.", "features": answer::features(),
    });
    Ok(Json(json!({ "algorithms": [own], "default": ENGINE_VERSION, "best": ENGINE_VERSION })))
}
