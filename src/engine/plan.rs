//! What the configuration asks for, with the database's numbers and the providers that answer.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use chrono::{DateTime, Utc};

use crate::{
    actions::apply::Applied,
    domain::{
        account_type::AccountType,
        id::{AccountTypeId, ProcessId},
        schedule::{ReportTemplate, Schedule},
    },
    providers::{
        Basis, ReportProvider,
        budget::{Budget, Limits},
    },
    store::{StoreError, providers::Lane, runs},
};

/// What makes a provider of the plan: who answers, and what may be asked.
pub type PlannedParts = (Arc<dyn ReportProvider>, Budget, Limits);

/// A provider with its budget and its lane.
pub struct PlannedProvider {
    /// Its lane.
    pub lane: Lane,
    /// Who answers.
    pub provider: Arc<dyn ReportProvider>,
    /// What it may be asked.
    pub budget: Budget,
    /// The limits that the budget holds.
    pub limits: Limits,
    latency_micros: AtomicU64,
}

impl PlannedProvider {
    /// How long its calls lately took, on average; none before the first.
    pub fn latency(&self) -> Option<Duration> {
        match self.latency_micros.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    /// Takes a call into the average, as one of about eight.
    pub fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let before = self.latency_micros.load(Ordering::Relaxed);
        let after = if before == 0 { took } else { before - before / 8 + took / 8 };
        // Of two calls that end at once one may be left out: it is an average.
        self.latency_micros.store(after.max(1), Ordering::Relaxed);
    }
}

/// A schedule with its template and its provider.
pub struct PlannedSchedule {
    /// Its number in the database.
    pub id: i32,
    /// What it asks for.
    pub schedule: Schedule,
    /// The report that it repeats.
    pub template: ReportTemplate,
    /// Who answers.
    pub provider: Arc<PlannedProvider>,
    basis: Mutex<Option<(Basis, i32)>>,
}

impl PlannedSchedule {
    /// The number of what a run rests on now: provider, engine, lists, template, threshold, process.
    ///
    /// Asked once a batch; writes only when something of it is new.
    pub async fn basis_id(
        &self,
        conn: &mut PgConnection,
        process: ProcessId,
        now: DateTime<Utc>,
    ) -> Result<i32, StoreError> {
        let basis = self.provider.provider.basis();
        {
            let cached = self.basis.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((known, id)) = &*cached
                && *known == basis
            {
                return Ok(*id);
            }
        }
        let lists: Vec<_> =
            basis.lists.iter().map(|list| json!({ "name": list.name, "version": list.version })).collect();
        let detail = json!({
            "provider": self.provider.provider.name(),
            "engine": basis.engine,
            "lists": lists,
            "schedule": self.schedule.name,
            "template": self.template.name,
            "report": self.template.report.word(),
            "threshold": self.template.threshold,
            "program": env!("CARGO_PKG_VERSION"),
            "process": process,
        });
        let digest = Sha256::digest(detail.to_string().as_bytes());
        let id = runs::get_or_insert_basis(conn, &digest, &detail, now).await?;
        *self.basis.lock().unwrap_or_else(PoisonError::into_inner) = Some((basis, id));
        Ok(id)
    }
}

/// Everything that the engine runs.
#[derive(Default)]
pub struct Plan {
    /// Schedules by their number.
    pub schedules: HashMap<i32, Arc<PlannedSchedule>>,
    /// Providers, one lane each.
    pub providers: Vec<Arc<PlannedProvider>>,
    /// Account types by id.
    pub types: HashMap<AccountTypeId, AccountType>,
    /// Ids of account types by name.
    pub type_ids: HashMap<String, AccountTypeId>,
}

impl Plan {
    /// Joins the checked configuration with what applying it returned. Schedules, templates and
    /// providers were checked against each other, so what does not fit together is left out.
    pub fn new(
        applied: &Applied,
        schedules: impl Iterator<Item = Schedule>,
        templates: &[ReportTemplate],
        providers: Vec<PlannedParts>,
    ) -> Self {
        let mut plan = Self::default();
        let mut by_name: HashMap<String, Arc<PlannedProvider>> = HashMap::new();
        for (provider, budget, limits) in providers {
            let Some(lane) = applied.lanes.get(provider.name()) else { continue };
            let name = provider.name().to_owned();
            let planned = Arc::new(PlannedProvider {
                lane: *lane,
                provider,
                budget,
                limits,
                latency_micros: AtomicU64::new(0),
            });
            by_name.insert(name, Arc::clone(&planned));
            plan.providers.push(planned);
        }
        for schedule in schedules {
            let template = templates.iter().find(|template| template.name == schedule.template);
            let Some(template) = template else { continue };
            let provider = by_name.get(&template.provider);
            let id = applied.schedules.get(&schedule.name);
            let (Some(provider), Some(id)) = (provider, id) else { continue };
            let planned = PlannedSchedule {
                id: *id,
                schedule,
                template: template.clone(),
                provider: Arc::clone(provider),
                basis: Mutex::new(None),
            };
            plan.schedules.insert(*id, Arc::new(planned));
        }
        for (id, account_type) in applied.types.values() {
            plan.type_ids.insert(account_type.name.clone(), *id);
            plan.types.insert(*id, account_type.clone());
        }
        plan
    }
}
