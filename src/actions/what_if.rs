//! What other matching would find on the present accounts, against what is recorded. Records nothing and tells nobody.
//!
//! Monitors are read a page at a time, by shard; a page is screened on every core while the next is read.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::Serialize;

use super::{ActionError, Context, subjects};
use crate::{
    ambient::cores::on_all_cores,
    domain::{
        account_type::AccountType,
        answer::Finding,
        hit::HitState,
        id::{AccountId, AccountTypeId, MonitorId},
        subject::{Subject, SubjectKind},
    },
    store::{
        account_types,
        due::{self, Loaded},
        rescreens, schedules,
        what_if::{self, Recorded},
    },
    vault::Keyring,
};

/// How many monitors one page has.
const PAGE: i64 = 4000;

/// What screens a subject.
pub type Screen = Arc<dyn Fn(&Subject) -> Vec<Finding> + Send + Sync>;

/// Which way a hit differs from what is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It would be found and is not recorded, or is recorded as gone.
    Gained,
    /// It is recorded and would not be found.
    Lost,
}

impl Change {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gained => "gained",
            Self::Lost => "lost",
        }
    }
}

/// A hit that would be gained or lost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Which.
    pub change: Change,
    /// The account.
    pub account: AccountId,
    /// The report.
    pub report: MonitorId,
    /// The entity.
    pub entity: String,
    /// The list that it stands on.
    pub list: String,
    /// The entity's name; none of one that would be lost.
    pub name: Option<String>,
    /// What it would score; none of one that would be lost.
    pub score: Option<f64>,
    /// What it scored when it was recorded, if it was.
    pub recorded_score: Option<f64>,
    /// How the recorded hit stands: `open`, `dismissed`, `confirmed`; of one that is gone, how it stood before. A decision
    /// of a person stands when a hit comes back with the facts that it was made on.
    pub recorded_state: Option<&'static str>,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WhatIf {
    /// Reports that were screened.
    pub screened: u64,
    /// Reports that were never answered: nothing is recorded that could be compared.
    pub never_answered: u64,
    /// Reports that are stopped, and so were left out.
    pub stopped: u64,
    /// Reports that cannot be screened: no name, or it does not open.
    pub unscreenable: u64,
    /// Hits that stay.
    pub kept: u64,
    /// Hits that would be gained.
    pub gained: u64,
    /// Reports that have no hit now and would have one.
    pub newly_hit_reports: u64,
    /// Hits that would be lost, by how they stand.
    pub lost: BTreeMap<&'static str, u64>,
    /// Reports that would have no hit any more.
    pub cleared_reports: u64,
}

/// Something of a comparison, as it goes on.
pub enum Told<'a> {
    /// A hit that would be gained or lost.
    Difference(&'a Difference),
    /// All shards below this one are compared; there are 256.
    Shard(u16),
}

/// Screens everybody whom a schedule watches by `screen`, and compares with what is recorded.
pub async fn what_if(
    context: &Context,
    schedule: &str,
    kind: SubjectKind,
    screen: &Screen,
    mut each: impl FnMut(Told<'_>),
) -> Result<WhatIf, ActionError> {
    let mut connection = context.store.connection().await?;
    let known = schedules::list_ids(&mut connection).await?;
    let id = known.into_iter().find(|(name, _)| name == schedule).map(|(_, id)| id);
    let id = id.ok_or(ActionError::NotFound("schedule of that name in the database"))?;
    let types: HashMap<AccountTypeId, AccountType> =
        account_types::list(&mut connection).await?.into_iter().collect();
    drop(connection);
    let work = Arc::new(Work { keyring: context.keyring.clone(), types, kind, screen: Arc::clone(screen) });
    let mut told = WhatIf::default();
    let mut page = Page::read(context, id, None).await?;
    while let Some(last) = page.last {
        told.never_answered += page.never_answered;
        told.stopped += page.stopped;
        let Page { loaded, recorded, .. } = page;
        let at_work = Arc::clone(&work);
        let screening =
            tokio::task::spawn_blocking(move || on_all_cores(&loaded, |one| at_work.screen_one(one)));
        let (screened, next) = tokio::join!(screening, Page::read(context, id, Some(last)));
        page = next?;
        let screened = screened.map_err(|_| ActionError::Refused("the screening broke off"))?;
        told.compare(screened, &recorded, &mut each);
        each(Told::Shard(last.shard().0.into()));
    }
    each(Told::Shard(256));
    Ok(told)
}

/// Monitors with what is recorded of them.
struct Page {
    last: Option<MonitorId>,
    never_answered: u64,
    stopped: u64,
    loaded: Vec<Loaded>,
    recorded: HashMap<MonitorId, Vec<Recorded>>,
}

impl Page {
    async fn read(context: &Context, schedule: i32, after: Option<MonitorId>) -> Result<Self, ActionError> {
        let mut connection = context.store.connection().await?;
        let page = rescreens::list_monitors_after(&mut connection, schedule, after, PAGE).await?;
        let all = page.len();
        let last = page.last().map(|(monitor, _)| *monitor);
        let ran: Vec<MonitorId> = page.into_iter().filter(|(_, ran)| *ran).map(|(id, _)| id).collect();
        let loaded = due::load(&mut connection, &ran).await?;
        let mut recorded: HashMap<MonitorId, Vec<Recorded>> = HashMap::new();
        for hit in what_if::list_hits(&mut connection, &ran).await? {
            recorded.entry(hit.monitor).or_default().push(hit);
        }
        let (never_answered, stopped) = ((all - ran.len()) as u64, (ran.len() - loaded.len()) as u64);
        Ok(Self { last, never_answered, stopped, loaded, recorded })
    }
}

/// What every core needs.
struct Work {
    keyring: Keyring,
    types: HashMap<AccountTypeId, AccountType>,
    kind: SubjectKind,
    screen: Screen,
}

/// A monitor with what would be found; none where nobody can be asked about.
struct Screened {
    account: AccountId,
    monitor: MonitorId,
    found: Option<Vec<Finding>>,
}

impl Work {
    fn screen_one(&self, loaded: &Loaded) -> Screened {
        let account_type = self.types.get(&loaded.account_type);
        let subject = account_type
            .and_then(|of_type| subjects::open(&self.keyring, loaded, of_type, self.kind).ok())
            .filter(|subject| subject.missing().is_none());
        let found = subject.map(|subject| (self.screen)(&subject));
        Screened { account: loaded.account, monitor: loaded.monitor, found }
    }
}

/// Whether a hit is of the entity of a finding, under its present id or a former one.
fn is_of(hit: &Recorded, finding: &Finding) -> bool {
    hit.entity == finding.entity || finding.former_ids.contains(&hit.entity)
}

impl WhatIf {
    fn compare(
        &mut self,
        screened: Vec<Screened>,
        recorded: &HashMap<MonitorId, Vec<Recorded>>,
        each: &mut impl FnMut(Told<'_>),
    ) {
        for Screened { account, monitor, found } in screened {
            let Some(found) = found else {
                self.unscreenable += 1;
                continue;
            };
            self.screened += 1;
            let known = recorded.get(&monitor).map(Vec::as_slice).unwrap_or_default();
            let stands = |hit: &&Recorded| hit.state != HitState::Gone;
            let had = known.iter().filter(stands).count();
            self.newly_hit_reports += u64::from(had == 0 && !found.is_empty());
            self.cleared_reports += u64::from(had > 0 && found.is_empty());
            for finding in &found {
                let before = known.iter().find(|hit| is_of(hit, finding));
                if before.as_ref().is_some_and(stands) {
                    self.kept += 1;
                    continue;
                }
                self.gained += 1;
                each(Told::Difference(&Difference {
                    change: Change::Gained,
                    account,
                    report: monitor,
                    entity: finding.entity.clone(),
                    list: finding.list.clone(),
                    name: Some(finding.name.clone()),
                    score: Some(finding.score),
                    recorded_score: before.map(|hit| hit.score.into()),
                    recorded_state: before.and_then(|hit| hit.before_gone).map(HitState::word),
                }));
            }
            for hit in known.iter().filter(stands) {
                if found.iter().any(|finding| is_of(hit, finding)) {
                    continue;
                }
                *self.lost.entry(hit.state.word()).or_default() += 1;
                each(Told::Difference(&Difference {
                    change: Change::Lost,
                    account,
                    report: monitor,
                    entity: hit.entity.clone(),
                    list: hit.list.clone(),
                    name: None,
                    score: None,
                    recorded_score: Some(hit.score.into()),
                    recorded_state: Some(hit.state.word()),
                }));
            }
        }
    }
}
