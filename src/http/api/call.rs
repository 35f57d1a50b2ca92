//! A request as a handler sees it: who asks, what for, and what was sent.

use std::{
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{body::Body, http::HeaderMap};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::TaskTracker;

use super::{
    auth::{Caller, Quota},
    blocklist::Blocklist,
    errors::ApiError,
    inflection::to_kebab,
    request::Bodies,
    strict::Strict,
    version::Version,
    wording,
};
use crate::{actions::Context, domain::date::moment};

/// The most objects of a page.
const LARGEST_PAGE: u16 = 100;

/// How many objects a page has when nobody says.
const PAGE: u16 = 10;

/// A request that may be carried out.
pub(super) struct Call {
    /// What actions work with.
    pub(super) context: Context,
    /// Who asks.
    pub(super) caller: Caller,
    /// What it must not see.
    pub(super) blocklist: Arc<Blocklist>,
    /// What it has left of its requests.
    pub(super) quota: Quota,
    /// The headers that were sent.
    pub(super) headers: HeaderMap,
    /// The path, for links.
    pub(super) path: String,
    /// The parts of the path that stand for something, by name.
    pub(super) parameters: Vec<(String, String)>,
    /// The query, decoded, in its order.
    pub(super) query: Vec<(String, String)>,
    /// What was sent, with keys in kebab-case; null when nothing was.
    pub(super) body: Value,
    /// What is being sent, where an operation takes it as it comes; in a lock, so that a call can be lent to
    /// whatever carries it out.
    pub(super) stream: Mutex<Option<Body>>,
    /// The memory that large bodies may take.
    pub(super) bodies: Bodies,
    /// What goes on although its client went away; a stop waits for it.
    pub(super) tasks: TaskTracker,
    /// Its place among the requests that use the database; who only waits gives it up.
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// Which part of a listing is asked for. Listings are newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// What comes after the object of this id, with the place in the request that says so.
    after: Option<(String, String)>,
    /// What comes before it.
    before: Option<(String, String)>,
    /// At most so many.
    pub(super) size: u16,
}

impl Page {
    /// Whether it is what comes after an object.
    pub(super) const fn is_after(&self) -> bool {
        self.after.is_some()
    }

    /// Whether it is what comes before an object.
    pub(super) const fn is_before(&self) -> bool {
        self.before.is_some()
    }

    /// The ids, where the listing's objects have ids of one kind. Text that is no such id is refused.
    pub(super) fn ids<T: FromStr>(&self) -> Result<(Option<T>, Option<T>), ApiError> {
        self.read(|text| text.parse().ok())
    }

    /// The same, where ids are read by `of`.
    pub(super) fn read<T>(&self, of: impl Fn(&str) -> Option<T>) -> Result<(Option<T>, Option<T>), ApiError> {
        let one = |asked: &Option<(String, String)>| match asked {
            None => Ok(None),
            Some((place, text)) => match of(text) {
                Some(id) => Ok(Some(id)),
                None => Err(ApiError::bad_request(place, "must be the id of an object of this list")),
            },
        };
        Ok((one(&self.after)?, one(&self.before)?))
    }
}

impl Call {
    /// Who does it, for events.
    pub(super) fn actor(&self) -> String {
        self.caller.key.actor()
    }

    /// Refuses a key that lacks a permission.
    pub(super) fn must_be_allowed(&self, permission: &str) -> Result<(), ApiError> {
        if self.caller.key.may(permission) {
            return Ok(());
        }
        Err(ApiError::forbidden("", format!("the key lacks the permission {permission}")))
    }

    /// What is being sent, where an operation takes it as it comes; once.
    pub(super) fn take_stream(&self) -> Option<Body> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The version that the client speaks.
    pub(super) fn version(&self) -> Version {
        self.caller.version
    }

    /// The id in the path. What is no id of the kind names nothing.
    pub(super) fn id<T: FromStr>(&self, name: &str) -> Result<T, ApiError> {
        self.parameter(name).parse().map_err(|_| ApiError::not_found())
    }

    /// A part of the path.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// What was sent, read; the error points at what cannot be read, and never quotes it.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if self.body.is_null() {
            return Err(ApiError::bad_request("", "a body is needed: a JSON object"));
        }
        serde_path_to_error::deserialize(Strict(&self.body)).map_err(|error| {
            let path: String = error.path().iter().map(segment).collect();
            ApiError::bad_request(&path, wording::of_serde(&error.inner().to_string()))
        })
    }

    /// The same, where an empty body stands for the default.
    pub(super) fn body_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, ApiError> {
        if self.body.is_null() { Ok(T::default()) } else { self.body() }
    }

    /// Which part of a listing is asked for: in the query, or in the body of a search.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        // Who follows a link may send the body of the first page again.
        let is_linked = ["page[after]", "page[before]"].iter().any(|name| self.query_value(name).is_some());
        let find = |name: &str| -> Option<(String, String)> {
            let place = format!("page[{name}]");
            if let Some(text) = self.query_value(&place) {
                return Some((place, text.to_owned()));
            }
            if is_linked && name != "size" {
                return None;
            }
            let place = format!("/page/{name}");
            match self.body.pointer(&place)? {
                Value::String(text) => Some((place, text.clone())),
                Value::Number(number) => Some((place, number.to_string())),
                _ => None,
            }
        };
        let (after, before) = (find("after"), find("before"));
        if after.is_some()
            && let Some((place, _)) = &before
        {
            return Err(ApiError::bad_request(
                place,
                "after and before exclude each other: accepted is one of them",
            ));
        }
        let size = match find("size") {
            None => PAGE,
            Some((place, text)) => text
                .trim()
                .parse()
                .ok()
                .filter(|size| (1..=LARGEST_PAGE).contains(size))
                .ok_or_else(|| ApiError::bad_request(&place, "must be a whole number from 1 to 100"))?,
        };
        Ok(Page { after, before, size })
    }

    /// A filter's value, if one was given; several are refused here, and an empty one before.
    pub(super) fn filter(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut given = self.filtered(name);
        let first = given.next();
        if given.next().is_some() {
            let name = format!("filter[{name}]");
            return Err(ApiError::bad_request(&name, format!("{name} must be given once")));
        }
        Ok(first)
    }

    /// What was given for a filter: `filter[x]`, `filter[x][]`, `filter[x][0]`.
    fn filtered(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_it = move |key: &str| filter_name(key).is_some_and(|one| one == name);
        self.query.iter().filter(move |(key, _)| is_it(key)).map(|(_, value)| value.as_str())
    }

    /// All values of a filter: several parameters, or one with commas between; a comma within a value is
    /// written `\,`.
    pub(super) fn filters(&self, name: &str) -> Vec<String> {
        self.filtered(name).flat_map(split).map(|value| value.trim().to_owned()).collect()
    }

    /// A filter that must be of a kind, such as an id or a time.
    pub(super) fn filter_of<T: FromStr>(&self, name: &str, accepted: &str) -> Result<Option<T>, ApiError> {
        self.filter(name)?
            .map(|text| {
                text.parse().map_err(|_| {
                    let name = format!("filter[{name}]");
                    ApiError::bad_request(&name, format!("{name} must be {accepted}"))
                })
            })
            .transpose()
    }

    /// A filter that must be a time.
    pub(super) fn filter_of_time(&self, name: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
        self.filter(name)?
            .map(|text| {
                moment(text).ok_or_else(|| {
                    let name = format!("filter[{name}]");
                    let details = "must be a time as RFC 3339 writes it, such as 2026-03-04T05:06:07Z";
                    ApiError::bad_request(&name, format!("{name} {details}"))
                })
            })
            .transpose()
    }

    /// The names of the filters that were given.
    pub(super) fn filter_names(&self) -> Vec<String> {
        self.query.iter().filter_map(|(key, _)| filter_name(key)).collect()
    }

    /// Which related objects are to be included: those asked for, or all of `by_default` for a client of an old
    /// version that does not say.
    pub(super) fn includes<'a>(
        &self,
        known: &[&'a str],
        by_default: &[&'a str],
    ) -> Result<Vec<&'a str>, ApiError> {
        let Some(asked) = self.query_value("include") else {
            return Ok(if self.version().includes_by_default() { by_default.to_vec() } else { Vec::new() });
        };
        let asked = asked.split(',').map(|name| to_kebab(name.trim())).filter(|name| !name.is_empty());
        asked
            .map(|name| {
                known.iter().find(|known| **known == name).copied().ok_or_else(|| {
                    let details =
                        format!("{name} cannot be included; accepted is any of: {}", known.join(", "));
                    ApiError::bad_request("include", details)
                })
            })
            .collect()
    }

    /// A parameter of the query.
    pub(super) fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| normal(key) == name).map(|(_, value)| value.as_str())
    }

    /// The same listing with another place.
    pub(super) fn link(&self, place: &str, id: &str) -> String {
        let mut link = format!("{}?", self.path);
        let kept = self.query.iter().filter(|(key, _)| {
            let key = normal(key);
            key != "page[after]" && key != "page[before]"
        });
        // A search may say its size in the body; whoever follows a link sends the body again, or not.
        let size = match self.query_value("page[size]") {
            None => self.body.pointer("/page/size").filter(|size| !size.is_null()).map(ToString::to_string),
            Some(_) => None,
        };
        let size = size.as_deref().map(|size| ("page[size]", size));
        let kept = kept.map(|(key, value)| (key.as_str(), value.as_str())).chain(size);
        for (key, value) in kept.chain([(place, id)]) {
            if !link.ends_with('?') {
                link.push('&');
            }
            link.extend(form_urlencoded::byte_serialize(key.as_bytes()));
            link.push('=');
            link.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        }
        link
    }
}

/// Values with commas between; `\,` is a comma within one.
pub(super) fn split(text: &str) -> impl Iterator<Item = String> {
    // No value holds NUL: such a query is refused.
    let text = text.replace("\\,", "\0");
    let values: Vec<String> = text.split(',').map(|value| value.replace('\0', ",")).collect();
    values.into_iter()
}

/// A parameter's name with the words in brackets in kebab-case.
pub(super) fn normal(key: &str) -> String {
    match key.split_once('[') {
        None => to_kebab(key),
        Some((name, rest)) => {
            let rest: Vec<String> = rest
                .split('[')
                .map(|word| {
                    let word = word.trim_end_matches(']');
                    format!("[{}]", to_kebab(word))
                })
                .collect();
            format!("{}{}", to_kebab(name), rest.concat())
        }
    }
}

/// The name of a filter, of which several values may be told apart by nothing or a number: `filter[x]`, `filter[x][]`,
/// `filter[x][0]`. Of anything else that begins so, no listing's filter has the name.
pub(super) fn filter_name(key: &str) -> Option<String> {
    let key = normal(key);
    let rest = key.strip_prefix("filter[").or_else(|| (key == "filter").then_some(""))?;
    let (name, place) = rest.split_once(']').unwrap_or((rest, ""));
    let place = place.strip_prefix('[').and_then(|place| place.strip_suffix(']')).unwrap_or(place);
    let is_place = place.bytes().all(|byte| byte.is_ascii_digit());
    Some(if is_place { name.to_owned() } else { format!("{name}][{place}") })
}

fn segment(segment: &serde_path_to_error::Segment) -> String {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_known_in_every_spelling() {
        for key in ["filter[reference-id]", "filter[reference_id]", "filter[referenceId]"] {
            assert_eq!(normal(key), "filter[reference-id]");
        }
        assert_eq!(normal("page[after]"), "page[after]");
        assert_eq!(normal("filter[a][]"), "filter[a][]");
    }

    #[test]
    fn several_values_are_told_apart_by_nothing_or_a_number() {
        for key in ["filter[a]", "filter[a][]", "filter[a][0]", "filter[a][12]"] {
            assert_eq!(filter_name(key).as_deref(), Some("a"), "{key}");
        }
        for key in ["filter[a][b]", "filter[a][0][1]", "filter[a]0", "filter[a][-1]", "filter[]", "filter"] {
            assert_ne!(filter_name(key).as_deref(), Some("a"), "{key}");
        }
    }

    #[test]
    fn a_comma_within_a_value_is_written_with_a_backslash() {
        let split = |text: &str| split(text).collect::<Vec<_>>();
        assert_eq!(split("a,b"), ["a", "b"]);
        assert_eq!(split(r"Muster\, Ada,b"), ["Muster, Ada", "b"]);
        assert_eq!(split(r"a\b"), [r"a\b"]);
        assert_eq!(split(""), [""]);
    }
}
