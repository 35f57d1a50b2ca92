//! The whole exposition, read back by the rules of the format.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// One series of every family.
fn filled() -> Metrics {
    let metrics = Metrics::new();
    let (schedule, provider) = (|| "daily".to_owned(), || "local".to_owned());
    let of_provider = ProviderLabels { provider: provider() };
    let of_schedule = ScheduleLabels { schedule: schedule() };
    metrics.runs.get_or_create(&RunLabels { schedule: schedule(), outcome: "clear" }).inc();
    metrics.calls.get_or_create(&CallLabels { provider: provider(), verdict: "answered" }).inc();
    metrics.hits.get_or_create(&HitLabels { schedule: schedule(), change: "opened" }).inc();
    metrics.retention_redacted.get_or_create(&PolicyLabels { policy: "aml".to_owned() }).inc();
    metrics.postponed.get_or_create(&of_provider).inc();
    metrics.enrolled.get_or_create(&of_schedule).inc();
    metrics.lateness.get_or_create(&of_schedule).observe(0.5);
    metrics.beyond_objective.get_or_create(&of_schedule).inc();
    metrics.objective.get_or_create(&of_schedule).set(3600.0);
    metrics.objective_missed.get_or_create(&of_schedule).set(1);
    metrics.longest_wait.get_or_create(&of_schedule).set(0.5);
    metrics.call_duration.get_or_create(&of_provider).observe(0.5);
    metrics.record_batch.observe(3.0);
    metrics.record_duration.observe(0.5);
    for gauge in [
        &metrics.in_flight,
        &metrics.due,
        &metrics.overdue,
        &metrics.places_left,
        &metrics.permits_left,
        &metrics.rest,
        &metrics.breaker_open,
    ] {
        gauge.get_or_create(&of_provider).set(1);
    }
    metrics.permits.get_or_create(&of_provider).inc();
    metrics.retries_held_back.get_or_create(&of_provider).inc();
    metrics.oldest_due_age.get_or_create(&of_provider).set(0.5);
    metrics.blind_spots.get_or_create(&BlindSpotLabels { reason: "overdue" }).set(1);
    metrics.pauses.get_or_create(&ScopeLabels { scope: "everything" }).set(1);
    metrics.quota_left.get_or_create(&QuotaLabels { provider: provider(), period: "day" }).set(1);
    let version = "with \"quotes\",\nand a line".to_owned();
    metrics.lists.get_or_create(&ListVersionLabels { list: "ofac".to_owned(), version }).set(1);
    let of_list = ListLabels { list: "ofac".to_owned() };
    metrics.list_loaded_at.get_or_create(&of_list).set(1.0);
    metrics.list_age.get_or_create(&of_list).set(1.0);
    for gauge in [&metrics.list_stale, &metrics.list_refused, &metrics.list_entities] {
        gauge.get_or_create(&of_list).set(1);
    }
    metrics.list_refusals.get_or_create(&of_list).inc();
    metrics.list_failures.get_or_create(&of_list).inc();
    metrics.connections.get_or_create(&ConnectionLabels { state: "idle" }).set(1);
    metrics
}

#[test]
fn what_a_reload_removed_is_shown_no_more_and_what_was_counted_stays() {
    let metrics = filled();
    metrics.forget_providers();
    let text = metrics.encode(Form::Plain);
    let left: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let of_provider: Vec<&&str> = left.iter().filter(|line| line.contains("provider=")).collect();
    let is_counted = |line: &&&str| {
        ["_total{", "_bucket{", "_sum{", "_count{"].iter().any(|counted| line.contains(counted))
    };
    assert!(of_provider.iter().all(is_counted), "{of_provider:#?}");
    assert!(!of_provider.is_empty());
    assert!(
        left.iter().filter(|line| line.contains("list=")).all(|line| line.contains("_total{")),
        "{left:#?}"
    );
}

#[derive(Debug, Default)]
struct Read {
    kind: String,
    help: String,
    unit: Option<String>,
    samples: Vec<String>,
}

/// Reads an exposition strictly; panics where it breaks the format.
fn read(text: &str, form: Form) -> BTreeMap<String, Read> {
    let mut families: BTreeMap<String, Read> = BTreeMap::new();
    let mut current = String::new();
    let mut lines: Vec<&str> = text.lines().collect();
    if form == Form::OpenMetrics {
        assert_eq!(lines.pop(), Some("# EOF"));
    }
    for line in lines {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut parts = rest.splitn(3, ' ');
            let (word, name, said) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            if name != current {
                assert!(!families.contains_key(name), "{name} is in two places");
                name.clone_into(&mut current);
            }
            let family = families.entry(name.to_owned()).or_default();
            assert!(family.samples.is_empty(), "{line} comes after its samples");
            match word {
                "HELP" => family.help = said.to_owned(),
                "TYPE" => family.kind = said.to_owned(),
                "UNIT" => family.unit = Some(said.to_owned()),
                other => panic!("{other}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert!(labels.ends_with('}'), "{line}");
        let accepted = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(accepted), "{line}");
        let family = families.get_mut(&current).unwrap();
        let suffix = name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line} in {current}"));
        let suffixes: &[&str] = match (family.kind.as_str(), form) {
            ("counter", Form::OpenMetrics) => &["_total"],
            ("gauge" | "counter", _) => &[""],
            ("histogram", _) => &["_sum", "_count", "_bucket"],
            other => panic!("{other:?}"),
        };
        assert!(suffixes.contains(&suffix), "{line}");
        family.samples.push(name.to_owned());
    }
    families
}

#[test]
fn the_exposition_keeps_the_rules_of_both_formats() {
    let metrics = filled();
    for form in [Form::OpenMetrics, Form::Plain] {
        let families = read(&metrics.encode(form), form);
        for (name, family) in &families {
            assert!(!family.help.is_empty() && !family.help.ends_with(".."), "{name}: {}", family.help);
            assert!(!family.samples.is_empty(), "{name} has no samples");
            match (form, &family.unit) {
                (Form::OpenMetrics, Some(unit)) => assert!(name.ends_with(&format!("_{unit}")), "{name}"),
                (Form::OpenMetrics, None) => {
                    assert!(!name.ends_with("_seconds") && !name.ends_with("_bytes"), "{name}");
                }
                (Form::Plain, unit) => assert_eq!(unit, &None, "{name}"),
            }
            let is_counter = family.kind == "counter";
            assert_eq!(name.ends_with("_total"), is_counter && form == Form::Plain, "{name}");
        }
    }
}

#[test]
fn each_metric_of_the_table_is_there_once_by_its_name_and_no_other() {
    let suffix =
        |unit: &Option<Unit>| unit.as_ref().map_or(String::new(), |unit| format!("_{}", unit.as_str()));
    let named = NAMES.iter().map(|(name, unit)| format!("{PREFIX}_{name}{}", suffix(unit)));
    let expected: BTreeSet<String> = named.collect();
    assert_eq!(expected.len(), NAMES.len());
    let there = read(&filled().encode(Form::OpenMetrics), Form::OpenMetrics).into_keys();
    let (of_process, ours): (Vec<String>, Vec<String>) = there.partition(|name| name.starts_with("process_"));
    assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), expected);
    for name in ["process_cpu_seconds", "process_resident_memory_bytes", "process_start_time_seconds"] {
        assert!(of_process.iter().any(|there| there == name), "{name} of {of_process:?}");
    }
}

/// The words of an expression that could be metrics.
fn metrics_of(rule: &str) -> impl Iterator<Item = &str> {
    rule.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("watchkeeper_") || word.starts_with("process_"))
}

#[test]
fn each_alert_asks_for_metrics_that_there_are() {
    let exposition = filled().encode(Form::Plain);
    let there: BTreeSet<String> =
        read(&exposition, Form::Plain).into_values().flat_map(|family| family.samples).collect();
    let rules = include_str!("../../../docs/alerts.yml");
    let alerts = rules.lines().filter(|line| line.trim_start().starts_with("- alert: ")).count();
    let expressions: Vec<&str> =
        rules.lines().filter_map(|line| line.trim_start().strip_prefix("expr: ")).collect();
    assert!(
        alerts >= 12 && expressions.len() == alerts,
        "{alerts} alerts, {} expressions",
        expressions.len()
    );
    for expression in expressions {
        assert!(metrics_of(expression).next().is_some(), "{expression} asks for none of ours");
        for metric in metrics_of(expression) {
            assert!(there.contains(metric), "{metric} of {expression}");
        }
    }
}

#[test]
fn the_form_is_the_better_of_those_accepted() {
    let prometheus =
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    assert_eq!(Form::accepted(prometheus), Form::OpenMetrics);
    assert_eq!(Form::accepted("application/openmetrics-text; version=1.0.0"), Form::OpenMetrics);
    for plain in [
        "",
        "*/*",
        "text/html",
        "text/plain, application/openmetrics-text;q=0.9",
        "application/openmetrics-text;q=0",
    ] {
        assert_eq!(Form::accepted(plain), Form::Plain, "{plain}");
    }
}
