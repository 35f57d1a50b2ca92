//! `whatif`: the matching of a schedule with something of it changed, on the present accounts.

use std::sync::Arc;

use super::{AppError, lists, providers};
use crate::{
    actions::{
        Context, lists as own_lists,
        what_if::{self, Screen, Told, WhatIf},
    },
    config::{ListFormat, LocalProviderSettings, ProviderKind, Settings},
    domain::{answer::Finding, schedule::ReportTemplate, subject::Subject},
    screening::{
        index::Index,
        matching::{Matching, Preset},
        own::OwnIndex,
    },
};

/// What is to be different.
#[derive(Clone, Debug)]
pub struct Options {
    /// The schedule.
    pub schedule: String,
    /// The score from which a match counts; as configured when none.
    pub threshold: Option<f64>,
    /// The preset of matching; as configured when none.
    pub matching: Option<String>,
    /// Lists in the place of those of the same names, or beside them: `NAME`, `NAME@VERSION`, `NAME@refused`.
    pub lists: Vec<String>,
}

/// A comparison, with what was compared.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The schedule.
    pub schedule: String,
    /// The preset.
    pub matching: &'static str,
    /// The threshold.
    pub threshold: f64,
    /// The lists, each with its version.
    pub lists: Vec<String>,
    /// What came of it.
    #[serde(flatten)]
    pub what_if: WhatIf,
}

/// Screens everybody of a schedule anew, with something changed, and compares with what is recorded. Records nothing.
pub async fn what_if(
    settings: &Settings,
    options: &Options,
    each: impl FnMut(Told<'_>),
) -> Result<Compared, AppError> {
    let (template, local) = matching_of(settings, &options.schedule)?;
    let preset = match &options.matching {
        Some(word) => word.parse::<Preset>().map_err(|fault| refused(format!("--matching: {fault}")))?,
        None => providers::preset(local.matching),
    };
    let configured = template.threshold.or(local.threshold);
    let threshold = options.threshold.or(configured).unwrap_or(Matching::of(preset).threshold);
    let matching = Matching::of(preset).with_threshold(threshold);
    let published = published(settings, local, &options.lists)?;
    let context = super::open(settings).await?;
    let own = own(&context, settings, local).await?;
    let version = |list: &str, version: &str| format!("{list}@{version}");
    let mut names: Vec<String> =
        published.iter().map(|index| version(index.list(), index.version())).collect();
    names.extend(own.iter().map(|index| version(index.list(), index.version())));
    let screen: Screen = Arc::new(move |subject: &Subject| {
        let found = published.iter().flat_map(|index| index.screen_by(subject, &matching));
        let mut findings: Vec<Finding> = found.map(|found| Finding::from(&found)).collect();
        findings.extend(own.iter().flat_map(|index| index.screen(subject, &matching)));
        // One of each entity, as a run has it: the one that scores best.
        findings.sort_by(|a, b| a.entity.cmp(&b.entity).then(b.score.total_cmp(&a.score)));
        findings.dedup_by(|a, b| a.entity == b.entity);
        findings
    });
    let kind = template.report.subject_kind();
    let what_if = what_if::what_if(&context, &options.schedule, kind, &screen, each).await?;
    context.store.close().await;
    Ok(Compared {
        schedule: options.schedule.clone(),
        matching: preset.word(),
        threshold,
        lists: names,
        what_if,
    })
}

fn refused(text: String) -> AppError {
    AppError::Refused(text)
}

/// The template and the provider of a schedule, which has to be a local one.
fn matching_of<'a>(
    settings: &'a Settings,
    schedule: &str,
) -> Result<(&'a ReportTemplate, &'a LocalProviderSettings), AppError> {
    let of_schedule = settings.schedules.get(schedule).map(|schedule| schedule.template.as_str());
    let by_request = || {
        let template = settings.report_templates.values().find(|one| one.schedule_name() == schedule);
        template.map(|template| template.name.as_str())
    };
    let template = of_schedule.or_else(by_request).and_then(|name| settings.report_templates.get(name));
    let template = template.ok_or_else(|| {
        let known: Vec<&str> = settings.schedules.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
        refused(format!("--schedule: the configuration has none of this name; accepted is one of {known}"))
    })?;
    match settings.providers.get(&template.provider).map(|provider| &provider.kind) {
        Some(ProviderKind::Local(local)) => Ok((template, local)),
        _ => Err(refused(format!(
            "--schedule: its provider {} is not of kind local: asking it about everybody would be calls that count; \
             accepted are schedules of local providers",
            template.provider
        ))),
    }
}

/// The published lists of a provider, those that are asked for in their places or beside them.
fn published(
    settings: &Settings,
    local: &LocalProviderSettings,
    asked: &[String],
) -> Result<Vec<Index>, AppError> {
    let name_of = |asked: &str| asked.split('@').next().unwrap_or_default().to_owned();
    let is_published =
        |name: &String| settings.lists.get(name).is_some_and(|list| list.format != ListFormat::List);
    if let Some(unknown) = asked.iter().find(|asked| !is_published(&name_of(asked))) {
        let known: Vec<&str> =
            settings.lists.keys().filter(|name| is_published(name)).map(String::as_str).collect();
        return Err(AppError::UnknownList { name: unknown.clone(), known: known.join(", ") });
    }
    let kept = local.lists.iter().filter(|name| is_published(name));
    let kept = kept.filter(|name| !asked.iter().any(|asked| name_of(asked) == **name));
    kept.chain(asked).map(|asked| lists::find(settings, asked).map(Index::build_of)).collect()
}

/// The lists of the customer's own that a provider answers from, as they are now.
async fn own(
    context: &Context,
    settings: &Settings,
    local: &LocalProviderSettings,
) -> Result<Vec<OwnIndex>, AppError> {
    let mut own = Vec::new();
    for name in &local.lists {
        if settings.lists.get(name).is_none_or(|list| list.format != ListFormat::List) {
            continue;
        }
        // One that nobody made yet matches nobody.
        if let Some((version, items)) = own_lists::load(context, name).await? {
            own.push(OwnIndex::build(name, &version, &items));
        }
    }
    Ok(own)
}
