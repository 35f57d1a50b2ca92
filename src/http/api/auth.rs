//! Who asks: the key, from where, how often.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, StatusCode, header};
use ipnet::IpNet;

use super::{errors::ApiError, inflection::Inflection, version::Version};
use crate::{
    actions::{Context, api_keys},
    domain::{api_key::ApiKey, id::ApiKeyId},
};

/// How long a key is taken for what it was: a revoked one is refused within so long.
const REMEMBERED: Duration = Duration::from_secs(1);

/// How many keys are remembered; more are a flood of guesses.
const MOST_REMEMBERED: usize = 10_000;

/// The window in which requests are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// Who asks, and how answers to it are shaped.
#[derive(Clone)]
pub(super) struct Caller {
    /// Its key.
    pub(super) key: Arc<ApiKey>,
    /// The version that it speaks.
    pub(super) version: Version,
    /// How it writes keys.
    pub(super) inflection: Inflection,
}

/// What is left of a caller's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Quota {
    /// How many requests a window has.
    pub(super) limit: u32,
    /// How many are left.
    pub(super) remaining: u32,
    /// When the next window begins, in seconds.
    pub(super) reset: u64,
}

/// A key as it was lately found; none when there was none.
type Remembered = (Instant, Option<Arc<ApiKey>>);

/// What is known of keys and of what they asked lately.
pub(in crate::http) struct Doorkeeper {
    trusted_proxies: Vec<IpNet>,
    requests_per_minute: u32,
    known: Mutex<HashMap<[u8; 32], Remembered>>,
    windows: Mutex<HashMap<ApiKeyId, (Instant, u32)>>,
}

impl Doorkeeper {
    pub(in crate::http) fn new(requests_per_minute: u32, trusted_proxies: Vec<IpNet>) -> Self {
        Self { trusted_proxies, requests_per_minute, known: Mutex::default(), windows: Mutex::default() }
    }

    /// The key of a request that comes from `peer`, and the client's address.
    pub(in crate::http) async fn authenticate(
        &self,
        context: &Context,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<(Arc<ApiKey>, Option<IpAddr>), ApiError> {
        let unauthorised = |title| ApiError::titled(StatusCode::UNAUTHORIZED, title);
        let Some(sent) = headers.get(header::AUTHORIZATION) else {
            return Err(unauthorised("Must be authenticated to access this endpoint"));
        };
        let secret = sent.to_str().ok().and_then(bearer).ok_or_else(|| unauthorised("Token is invalid"))?;
        let hash = api_keys::hash(secret);
        let key = match self.remembered(&hash) {
            Some(found) => found,
            None => {
                let found = api_keys::find(context, &hash).await?.map(|kept| Arc::new(kept.key));
                if let Some(key) = &found
                    && let Err(error) = api_keys::used(context, key.id).await
                {
                    // A note only: on a full disk, what changes nothing is still answered.
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the use of a key was not noted"
                    );
                }
                self.remember(hash, found.clone());
                found
            }
        };
        let key = key.ok_or_else(|| unauthorised("Token is invalid"))?;
        let address = peer.map(|peer| self.client(peer, headers));
        if !key.ip_allowlist.is_empty() && !address.is_some_and(|address| key.is_allowed_from(address)) {
            let details = "the key may not be used from this address";
            return Err(ApiError::other(StatusCode::FORBIDDEN, "Forbidden", details));
        }
        Ok((key, address))
    }

    fn remembered(&self, hash: &[u8; 32]) -> Option<Option<Arc<ApiKey>>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|(at, _)| at.elapsed() < REMEMBERED).map(|(_, key)| key.clone())
    }

    fn remember(&self, hash: [u8; 32], key: Option<Arc<ApiKey>>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_REMEMBERED {
            known.retain(|_, (at, _)| at.elapsed() < REMEMBERED);
        }
        if known.len() < MOST_REMEMBERED {
            known.insert(hash, (Instant::now(), key));
        }
    }

    /// The address of the client: what the nearest proxy that we do not trust, or none, was connected from.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let is_trusted = |address: IpAddr| {
            let address = address.to_canonical();
            self.trusted_proxies.iter().any(|net| net.contains(&address))
        };
        let mut address = peer;
        let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        for hop in hops.iter().rev() {
            if !is_trusted(address) {
                break;
            }
            let Ok(before) = hop.parse() else { break };
            address = before;
        }
        address
    }

    /// Counts a request.
    pub(in crate::http) fn count(&self, key: &ApiKey) -> Result<Quota, (Quota, ApiError)> {
        let limit = key.requests_per_minute.unwrap_or(self.requests_per_minute);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (began, asked) = windows.entry(key.id).or_insert((now, 0));
        if now.duration_since(*began) >= WINDOW {
            (*began, *asked) = (now, 0);
        }
        let reset = WINDOW.saturating_sub(now.duration_since(*began)).as_secs_f64().ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 60")]
        let reset = (reset as u64).max(1);
        if *asked >= limit {
            return Err((Quota { limit, remaining: 0, reset }, ApiError::rate_limited(reset)));
        }
        *asked += 1;
        Ok(Quota { limit, remaining: limit - *asked, reset })
    }
}

/// The token of `Authorization: Bearer TOKEN`, or of `ApiKey TOKEN`, as clients of yente's API send it.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    let is_known = ["bearer", "apikey"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    (is_known && !token.is_empty()).then_some(token)
}

/// How the answer is to be shaped, as the request's headers or else its key say.
pub(super) fn shape(key: Arc<ApiKey>, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let version = match header("persona-version").or(key.version.as_deref()) {
        None => Version::NEWEST,
        Some(text) => Version::of_text(text).ok_or_else(|| {
            let details = format!("there is no such version; accepted is any of: {}", Version::known());
            ApiError::bad_request("Persona-Version", details)
        })?,
    };
    let inflection = match header("key-inflection").or(key.inflection.as_deref()) {
        None => Inflection::Kebab,
        Some(text) => Inflection::of_header(text)
            .ok_or_else(|| ApiError::bad_request("Key-Inflection", "accepted is kebab, camel or snake"))?,
    };
    Ok(Caller { key, version, inflection })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn key(requests_per_minute: Option<u32>) -> ApiKey {
        ApiKey {
            id: ApiKeyId(Uuid::nil()),
            name: "test".to_owned(),
            permissions: Vec::new(),
            ip_allowlist: Vec::new(),
            attributes_blocklist: Vec::new(),
            requests_per_minute,
            version: None,
            inflection: None,
        }
    }

    #[test]
    fn a_key_of_its_own_limit_is_refused_beyond_it() {
        let door = Doorkeeper::new(100, Vec::new());
        let key = key(Some(2));
        assert_eq!(door.count(&key).unwrap().remaining, 1);
        assert_eq!(door.count(&key).unwrap().remaining, 0);
        let (quota, error) = door.count(&key).unwrap_err();
        assert_eq!((quota.limit, quota.remaining), (2, 0));
        assert_eq!(error.status, StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn only_what_trusted_proxies_say_of_a_client_is_believed() {
        let door = Doorkeeper::new(1, vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.2".parse().unwrap());
        let client = |peer: &str| door.client(peer.parse().unwrap(), &headers).to_string();
        assert_eq!(client("10.0.0.1"), "203.0.113.9", "what came before may be the client's own invention");
        assert_eq!(client("198.51.100.1"), "198.51.100.1");
    }

    #[test]
    fn a_token_is_read_whatever_the_scheme_s_case() {
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("ApiKey abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer "), None);
    }
}
