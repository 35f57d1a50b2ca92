//! The embedded screener as a provider: lists, answered from memory.
//!
//! A new version of a list is swapped in without a pause: a call under way finishes with the
//! lists that it began with, the next one takes the new. A caller that keeps evidence reads the
//! [basis](LocalProvider::basis) before the call, so that evidence never names a version newer than
//! the one that answered: at worst the account is screened once more.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use crate::domain::{
    account_type::AccountType,
    answer::{Answer, Finding},
    subject::Subject,
};
use crate::screening::{
    ENGINE_VERSION,
    index::Index,
    matching::{Matching, Preset},
    own::OwnIndex,
};

use super::{
    Basis, CallError, CallFuture, ListVersion, ReportProvider, Request,
    verdict::{Failure, OwnStatuses},
};

/// A list of the customer's own, as it was last read from the database; clones see the same.
#[derive(Clone, Debug)]
pub struct OwnList {
    name: Arc<str>,
    index: Arc<RwLock<Option<Arc<OwnIndex>>>>,
    reading: Arc<tokio::sync::Mutex<()>>,
    late: Arc<AtomicBool>,
    /// That no account type has a field of what is on it.
    in_vain: Arc<AtomicBool>,
}

impl OwnList {
    /// The list that the configuration calls `name`; not read yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            index: Arc::default(),
            reading: Arc::default(),
            late: Arc::default(),
            in_vain: Arc::default(),
        }
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that was last read; none before the first.
    pub fn version(&self) -> Option<String> {
        self.index().map(|index| index.version().to_owned())
    }

    /// Answers from `index` from now on; calls under way keep the old one until they are over.
    pub fn replace(&self, index: OwnIndex) {
        let new = Some(Arc::new(index));
        let old = std::mem::replace(&mut *self.index.write().unwrap_or_else(PoisonError::into_inner), new);
        // Not while others wait for the lock.
        drop(old);
    }

    /// Held by whoever reads it: what is read later is never older.
    pub async fn reading(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// Notes that it was answered from although it had changed.
    pub fn note_late(&self) {
        self.late.store(true, Ordering::Release);
    }

    /// Whether it was answered from although it had changed; once.
    pub fn take_late(&self) -> bool {
        self.late.swap(false, Ordering::AcqRel)
    }

    /// Whether accounts of a type have a field of what is on it, as far as it was read.
    pub fn is_for(&self, account_type: &AccountType) -> bool {
        self.index().is_none_or(|index| index.is_for(account_type))
    }

    /// Notes whether accounts of any type have a field of what is on it; returns whether that is news.
    pub fn set_compared(&self, compared: bool) -> bool {
        self.in_vain.swap(!compared, Ordering::AcqRel) == compared
    }

    /// Whether any account can have what is on it: otherwise nothing rests on it.
    pub fn is_compared(&self) -> bool {
        !self.in_vain.load(Ordering::Acquire)
    }

    fn index(&self) -> Option<Arc<OwnIndex>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A published list in the version that is in force; clones see the same.
#[derive(Clone)]
pub struct PublishedList {
    name: Arc<str>,
    index: Arc<RwLock<Option<Arc<Index>>>>,
    stale: Arc<AtomicBool>,
    number: Arc<AtomicI64>,
    behind: Arc<AtomicBool>,
}

impl PublishedList {
    /// The list that the configuration calls `name`; there is no version of it yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            index: Arc::default(),
            stale: Arc::default(),
            number: Arc::default(),
            behind: Arc::default(),
        }
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version in force; none before the first.
    pub fn version(&self) -> Option<String> {
        self.index().map(|index| index.version().to_owned())
    }

    /// Answers from `index` from now on; calls under way keep the old one until they are over.
    pub fn replace(&self, index: Index) {
        let new = Some(Arc::new(index));
        let old = std::mem::replace(&mut *self.index.write().unwrap_or_else(PoisonError::into_inner), new);
        // Taking a large index apart takes a while: not while others wait for the lock.
        drop(old);
    }

    /// Notes whether it is older than it may be: what rests on it from now on says so.
    pub fn set_stale(&self, stale: bool) {
        self.stale.store(stale, Ordering::Relaxed);
    }

    /// The number that the version in force, or the one before it, has among the list's versions; 0 until it is known.
    pub fn number(&self) -> i64 {
        self.number.load(Ordering::Acquire)
    }

    /// Notes the number of the version in force.
    pub fn set_number(&self, number: i64) {
        self.number.store(number, Ordering::Release);
    }

    /// Notes whether another process has a newer version.
    pub fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Release);
    }

    /// Whether another process has a newer version, or may have: while this one's has no number, nobody knows.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire) || (self.number() == 0 && self.index().is_some())
    }

    /// The version in force, to answer from; calls under way keep it when another comes.
    pub fn index(&self) -> Option<Arc<Index>> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A provider that screens against lists in memory.
pub struct LocalProvider {
    name: String,
    published: Vec<PublishedList>,
    own: Vec<OwnList>,
    preset: Preset,
    threshold: f64,
}

impl LocalProvider {
    /// A provider that answers from published lists that are looked after elsewhere; `threshold` counts where a request
    /// names none.
    pub fn new(name: impl Into<String>, published: Vec<PublishedList>, threshold: f64) -> Self {
        let preset = Preset::default();
        Self { name: name.into(), published, own: Vec::new(), preset, threshold }
    }

    /// The same, which compares with every list, published and own, by `preset`.
    #[must_use]
    pub fn with_preset(self, preset: Preset) -> Self {
        Self { preset, ..self }
    }

    /// The same, which also answers from lists of the customer's own.
    #[must_use]
    pub fn with_own(self, own: Vec<OwnList>) -> Self {
        Self { own, ..self }
    }

    fn matching(&self, threshold: Option<f64>) -> Matching {
        Matching::of(self.preset).with_threshold(threshold.unwrap_or(self.threshold))
    }

    fn screen(&self, request: &Request) -> Result<Answer, CallError> {
        if request.subject.missing().is_some() {
            return Err(Failure::Unscreenable.into_error(&OwnStatuses::default(), None));
        }
        let matching = self.matching(request.threshold);
        let mut findings: Vec<Finding> = Vec::new();
        // What was not read yet is unknown, and not clear.
        let unread = || Failure::Connection.into_error(&OwnStatuses::default(), None);
        for list in &self.published {
            let index = list.index().ok_or_else(unread)?;
            findings.extend(index.screen_by(&request.subject, &matching).iter().map(Finding::from));
        }
        for own in &self.own {
            let index = own.index().ok_or_else(unread)?;
            findings.extend(index.screen(&request.subject, &matching));
        }
        Ok(Answer { findings })
    }
}

impl fmt::Debug for LocalProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ReportProvider for LocalProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn basis(&self) -> Basis {
        let own = self.own.iter().map(|own| ListVersion {
            name: own.name().to_owned(),
            version: own.version().unwrap_or_default(),
            stale: false,
            number: None,
            compared: own.is_compared(),
        });
        let mut lists: Vec<ListVersion> = own.collect();
        lists.extend(self.published.iter().map(|list| {
            // Before the version: what is said to be of a number is of that, or newer.
            let number = Some(list.number());
            ListVersion {
                name: list.name().to_owned(),
                version: list.version().unwrap_or_default(),
                stale: list.stale.load(Ordering::Relaxed),
                number,
                compared: true,
            }
        }));
        lists.sort();
        let engine = match self.preset {
            Preset::Standard => ENGINE_VERSION.to_owned(),
            preset => format!("{ENGINE_VERSION} {}", preset.word()),
        };
        Basis { engine, lists }
    }

    fn is_behind(&self) -> bool {
        self.published.iter().any(PublishedList::is_behind)
    }

    fn threshold(&self) -> Option<f64> {
        Some(self.threshold)
    }

    fn would_match(&self, subject: &Subject, threshold: Option<f64>, entities: &Index) -> bool {
        subject.missing().is_none() && !entities.screen_by(subject, &self.matching(threshold)).is_empty()
    }

    /// Screens when it is first polled, without waiting for anything: a call has no use for its
    /// deadline.
    fn call<'a>(&'a self, request: &'a Request) -> CallFuture<'a> {
        Box::pin(async move { self.screen(request) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::domain::subject::SubjectKind;
    use crate::screening::list::{EntityKind, List, ListEntity, ListName, NameQuality, ParseFaults};

    use super::super::{FailureClass, Verdict};
    use super::*;

    fn index(version: &str, names: &[&str]) -> Index {
        let entity = |(number, name): (usize, &&str)| {
            let mut entity = ListEntity::new(format!("own:{number}"), EntityKind::Individual);
            entity.names.push(ListName::new(*name, NameQuality::Primary));
            entity
        };
        Index::build(&List {
            name: "own".to_owned(),
            version: version.to_owned(),
            entities: names.iter().enumerate().map(entity).collect(),
            faults: ParseFaults::default(),
        })
    }

    fn list(version: &str, names: &[&str]) -> PublishedList {
        let list = PublishedList::new("own");
        list.replace(index(version, names));
        list.set_number(1);
        list
    }

    fn one(names: &[&str]) -> Vec<PublishedList> {
        vec![list("1", names)]
    }

    fn request(name: &str, threshold: Option<f64>) -> Request {
        Request {
            subject: Subject::named(SubjectKind::Person, name),
            threshold,
            idempotency_key: "5eed".to_owned(),
            deadline: Duration::from_secs(1),
        }
    }

    async fn found(provider: &dyn ReportProvider, request: Request) -> Vec<String> {
        provider.call(&request).await.unwrap().findings.into_iter().map(|finding| finding.name).collect()
    }

    #[tokio::test]
    async fn a_listed_name_is_found_and_an_unlisted_one_is_clear() {
        let provider: Arc<dyn ReportProvider> =
            Arc::new(LocalProvider::new("local", one(&["Boris Tarkhanov"]), 0.85));
        assert_eq!(found(&*provider, request("Boris Tarkhanov", None)).await, ["Boris Tarkhanov"]);
        assert_eq!(found(&*provider, request("Maria Lindqvist", None)).await, [""; 0]);
    }

    #[tokio::test]
    async fn the_threshold_of_a_request_goes_before_the_providers_own() {
        let provider = LocalProvider::new("local", one(&["Boris Tarkhanov"]), 1.1);
        assert_eq!(found(&provider, request("Boris Tarkhanov", None)).await, [""; 0]);
        assert_eq!(found(&provider, request("Boris Tarkhanov", Some(0.85))).await, ["Boris Tarkhanov"]);
    }

    #[tokio::test]
    async fn a_preset_decides_what_names_may_differ_by_and_shows_in_the_basis() {
        let provider =
            |preset| LocalProvider::new("local", one(&["Boris Tarkhanov"]), 0.85).with_preset(preset);
        let (standard, exact) = (provider(Preset::Standard), provider(Preset::Exact));
        assert_eq!(found(&standard, request("Boriss Tarkhanov", None)).await, ["Boris Tarkhanov"]);
        assert_eq!(found(&exact, request("Boriss Tarkhanov", None)).await, [""; 0]);
        assert_eq!(found(&exact, request("Tarkhanov, Boris", None)).await, ["Boris Tarkhanov"]);
        assert_eq!(exact.basis().engine, format!("{ENGINE_VERSION} exact"));
    }

    #[tokio::test]
    async fn a_new_list_answers_the_next_call_and_shows_in_the_basis() {
        let list = list("1", &["Boris Tarkhanov"]);
        let provider = LocalProvider::new("local", vec![list.clone()], 0.85);
        let version = |version: &str| Basis {
            engine: ENGINE_VERSION.to_owned(),
            lists: vec![ListVersion {
                name: "own".to_owned(),
                version: version.to_owned(),
                stale: false,
                number: Some(1),
                compared: true,
            }],
        };
        assert_eq!(provider.basis(), version("1"));
        list.replace(index("2", &["Maria Lindqvist"]));
        assert_eq!(provider.basis(), version("2"));
        assert_eq!(found(&provider, request("Boris Tarkhanov", None)).await, [""; 0]);
        assert_eq!(found(&provider, request("Maria Lindqvist", None)).await, ["Maria Lindqvist"]);
    }

    #[tokio::test]
    async fn an_own_list_counts_once_it_is_read_and_in_the_version_that_was_read() {
        let own = OwnList::new("blocked");
        let provider = LocalProvider::new("local", Vec::new(), 0.85).with_own(vec![own.clone()]);
        let error = provider.call(&request("Boris Tarkhanov", None)).await.unwrap_err();
        assert_eq!(error.verdict, Verdict::Later, "what was not read is not clear");
        let name = crate::domain::list::ListValue::Name {
            first: Some("Boris".to_owned()),
            last: Some("Tarkhanov".to_owned()),
        };
        own.replace(OwnIndex::build("blocked", "2", &[("li_1".to_owned(), name)]));
        assert_eq!(found(&provider, request("Boris Tarkhanov", None)).await, ["Boris Tarkhanov"]);
        assert_eq!(provider.basis().lists[0].version, "2");
        // The preset counts for it too.
        let slip = request("Boriss Tarkhanov", Some(0.85));
        assert_eq!(found(&provider, slip.clone()).await, ["Boris Tarkhanov"]);
        let exact = LocalProvider::new("local", Vec::new(), 0.85).with_own(vec![own]);
        assert_eq!(found(&exact.with_preset(Preset::Exact), slip).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_list_of_what_no_account_has_a_field_for_is_said_not_to_be_compared() {
        let own = OwnList::new("blocked");
        let provider = LocalProvider::new("local", Vec::new(), 0.85).with_own(vec![own.clone()]);
        assert!(provider.basis().lists[0].compared);
        assert!(own.set_compared(false) && !own.set_compared(false), "news once");
        assert!(!provider.basis().lists[0].compared);
        assert!(own.set_compared(true) && provider.basis().lists[0].compared);
    }

    #[tokio::test]
    async fn a_subject_without_a_name_is_unscreenable_and_not_clear() {
        let provider = LocalProvider::new("local", one(&["Boris Tarkhanov"]), 0.85);
        let error = provider.call(&request(" ", None)).await.unwrap_err();
        assert_eq!((error.verdict, error.class), (Verdict::Never, FailureClass::Unscreenable));
    }
}
