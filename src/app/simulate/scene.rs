//! What is simulated: the configuration on a smaller scale, with providers that are simulated and invented accounts.

use std::{collections::BTreeMap, io::Cursor, sync::Arc, time::Duration};

use super::{
    super::{AppError, demo},
    Of, Options,
    budget::Watched,
    list::{InventedList, NAME},
    provider::{Behaviour, Simulated},
};
use crate::{
    actions::{
        Context,
        import::{self, ImportOptions},
    },
    config::{ProviderKind, ProviderLimits, ProviderSettings, Settings},
    domain::{
        account_type::AccountType,
        id::AccountTypeId,
        schedule::{Schedule, Selection},
        subject::SubjectKind,
    },
    engine::plan::PlannedParts,
    providers::{
        SettingsFault,
        budget::{Budget, Limits, Terms},
        local::{LocalProvider, PublishedList},
    },
};

/// The score from which a simulated provider finds somebody, where the template does not say.
const THRESHOLD: f64 = 0.9;

/// How long a provider takes that answers from memory.
const LOCAL: Duration = Duration::from_millis(1);

/// How many accounts are imported at once: one batch, so that batches come in their order.
const BATCH: usize = 1000;

/// The configuration as it is simulated, and what is not as it says.
pub(super) struct Scene {
    pub(super) settings: Settings,
    pub(super) notes: Vec<String>,
}

impl Scene {
    /// Selects the invented accounts where the configuration selects by more than their types, and takes budgets and
    /// backfills down to the scale.
    pub(super) fn new(settings: &Settings, options: &Options) -> Result<Self, AppError> {
        if settings.schedules.is_empty() {
            let text = "the configuration has no schedules: nothing is due. [schedules.NAME] makes one";
            return Err(AppError::Refused(text.to_owned()));
        }
        known(settings, options)?;
        let mut settings = settings.clone();
        let (mut conditions, mut other_types) = (Vec::new(), Vec::new());
        let scale = options.scale();
        for schedule in settings.schedules.values_mut() {
            let template = settings.report_templates.get(&schedule.template);
            let kind = template.map(|template| template.report.subject_kind());
            if simplify(schedule, kind) {
                other_types.push(schedule.name.clone());
            }
            if has_conditions(&schedule.accounts) {
                conditions.push(schedule.name.clone());
                let types = std::mem::take(&mut schedule.accounts.types);
                schedule.accounts = Selection { types, ..Selection::default() };
            }
            schedule.backfill_per_second /= scale;
        }
        for provider in settings.providers.values_mut() {
            scaled(&mut provider.limits, scale);
        }
        // A walk looks as far ahead as the lanes rest.
        settings.engine.walk_interval = settings.engine.walk_interval.max(options.rest);
        let mut notes = Vec::new();
        if !conditions.is_empty() {
            notes.push(format!(
                "simulated for all accounts of their types, though they have conditions: {}",
                conditions.join(", ")
            ));
        }
        if !other_types.is_empty() {
            notes.push(format!(
                "simulated for invented individuals or businesses, which stand for the types that they name: {}",
                other_types.join(", ")
            ));
        }
        Ok(Self { settings, notes })
    }

    /// Every provider that a schedule asks, simulated, with its budget.
    pub(super) fn providers(
        &self,
        options: &Options,
        context: &Context,
        list: &PublishedList,
    ) -> Result<Vec<(Arc<Simulated>, PlannedParts)>, AppError> {
        let asked = self.settings.providers.values().filter(|provider| asks(&self.settings, provider));
        asked.map(|provider| simulated(provider, options, context, list)).collect()
    }
}

fn has_conditions(accounts: &Selection) -> bool {
    !(accounts.statuses.is_empty()
        && accounts.tags_any.is_empty()
        && accounts.tags_none.is_empty()
        && accounts.fields.is_empty())
}

/// Whether a schedule asks the provider.
fn asks(settings: &Settings, provider: &ProviderSettings) -> bool {
    let mut templates =
        settings.schedules.values().filter_map(|schedule| settings.report_templates.get(&schedule.template));
    templates.any(|template| template.provider == provider.name)
}

const fn is_local(provider: &ProviderSettings) -> bool {
    matches!(provider.kind, ProviderKind::Local(_))
}

/// Has the schedule select the invented accounts that its report can be about, if it names none of their types. Returns
/// whether it does.
fn simplify(schedule: &mut Schedule, kind: Option<SubjectKind>) -> bool {
    let invented = demo::ACCOUNT_TYPES;
    if schedule.accounts.types.iter().any(|name| invented.contains(&name.as_str())) {
        return false;
    }
    let [individual, business] = invented;
    let name = if kind == Some(SubjectKind::Organisation) { business } else { individual };
    schedule.accounts.types = vec![name.to_owned()];
    // Its statuses may be none of theirs.
    schedule.on_match.status = None;
    schedule.on_clear.status = None;
    true
}

/// Limits for a sample: the same share of them is used.
fn scaled(limits: &mut ProviderLimits, scale: f64) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "below what was divided; a quota of more than 2^52 calls is none"
    )]
    let part = |whole: u64| ((whole as f64 / scale).round() as u64).max(1);
    let small = |whole: u32| u32::try_from(part(u64::from(whole))).unwrap_or(whole);
    limits.rate_per_second = limits.rate_per_second.map(|rate| rate / scale);
    limits.burst = small(limits.burst);
    limits.concurrency = small(limits.concurrency);
    limits.calls_per_day = limits.calls_per_day.map(part);
    limits.calls_per_month = limits.calls_per_month.map(part);
}

fn simulated(
    provider: &ProviderSettings,
    options: &Options,
    context: &Context,
    list: &PublishedList,
) -> Result<(Arc<Simulated>, PlannedParts), AppError> {
    let fault = |fault: SettingsFault| AppError::Refused(format!("providers.{}.{fault}", provider.name));
    let limits = &provider.limits;
    let behaviour = behaviour(provider, options);
    let answers = LocalProvider::new(&provider.name, vec![list.clone()], THRESHOLD);
    let watched =
        Watched::new(limits.rate_per_second, limits.burst, limits.calls_per_day, limits.calls_per_month);
    let clock = Arc::clone(&context.clock);
    let simulated =
        Arc::new(Simulated::new(&provider.name, answers, behaviour, watched, clock, options.seed));
    let kept = Limits {
        rate_per_second: limits.rate_per_second,
        burst: limits.burst,
        concurrency: limits.concurrency,
    };
    let terms = Terms {
        calls_per_day: limits.calls_per_day,
        calls_per_month: limits.calls_per_month,
        probe_every: limits.probe_every,
    };
    let budget = Budget::new(kept).map_err(fault)?.with_terms(terms).of_sample(options.scale());
    Ok((Arc::clone(&simulated), (simulated, budget, kept)))
}

/// How the provider behaves. What is said of none in particular is meant for those elsewhere: one that answers from
/// this process's memory does not fail like that.
fn behaviour(provider: &ProviderSettings, options: &Options) -> Behaviour {
    let is_local = is_local(provider);
    let of = |name: &Option<String>| match name {
        Some(name) => *name == provider.name,
        None => !is_local,
    };
    let latency = options.latency.iter().rev().find(|one| of(&one.provider)).map(|one| one.value);
    let errors = options.errors.iter().rev().find(|one| of(&one.provider)).map(|one| one.value);
    let outages = options.outages.iter().filter(|one| of(&one.provider)).map(|one| {
        let from = options.from + one.value.after;
        (from, from + one.value.lasts)
    });
    Behaviour {
        latency: latency.unwrap_or(if is_local { LOCAL } else { Options::LATENCY }),
        errors: errors.unwrap_or(if is_local { 0.0 } else { Options::ERRORS }),
        outages: outages.collect(),
        tells_lists: is_local,
    }
}

/// Refuses what is said of providers that nobody asks.
fn known(settings: &Settings, options: &Options) -> Result<(), AppError> {
    fn named<'a, T>(option: &'a str, all: &'a [Of<T>]) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        all.iter().map(move |one| (option, one.provider.as_deref()))
    }
    let asked: Vec<_> = settings.providers.values().filter(|provider| asks(settings, provider)).collect();
    let names: Vec<&str> = asked.iter().map(|provider| provider.name.as_str()).collect();
    let said = named("--latency", &options.latency)
        .chain(named("--errors", &options.errors))
        .chain(named("--outage", &options.outages));
    for (option, provider) in said {
        let text = match provider {
            Some(name) if names.contains(&name) => continue,
            None if asked.iter().any(|provider| !is_local(provider)) => continue,
            Some(name) => {
                format!("{option}: no schedule asks a provider {name:?}; asked are {}", names.join(", "))
            }
            None => format!(
                "{option}: every provider answers from this program's memory, and is taken to be always there; name \
                 one to have it behave like one elsewhere, as {option} {}=VALUE",
                names.first().copied().unwrap_or("NAME"),
            ),
        };
        return Err(AppError::Refused(text));
    }
    Ok(())
}

/// Invents accounts and imports them as a user's file would be; returns the list that some of them come to stand on.
pub(super) async fn fill(
    context: &Context,
    options: &Options,
    types: &BTreeMap<String, (AccountTypeId, AccountType)>,
) -> Result<InventedList, AppError> {
    let accounts: Vec<_> = demo::people::generate(options.accounts as usize, options.seed, &[]).collect();
    let types: Vec<_> = types.values().cloned().collect();
    for batch in accounts.chunks(BATCH) {
        let file = Cursor::new(demo::csv(batch)?);
        let imported =
            import::import(context, &types, &ImportOptions::default(), NAME, file, &mut ()).await?;
        if let Some(bad) = imported.bad.first() {
            return Err(AppError::Refused(format!(
                "the configured account types do not take the accounts that are invented: {}",
                bad.reason
            )));
        }
    }
    Ok(InventedList::new(&accounts, options.hits, options.seed))
}
