//! The settings as they are written, before they are checked.
//!
//! What has a default in `config/default.toml` is plain here, for the defaults are always read first.
//! What has none is an `Option`. A test holds these structs and that file to each other.

mod words;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{
    Deserialize,
    de::{Error, Unexpected, Visitor},
};
use serde_json::Value;

pub(super) use words::{RawFieldType, RawProviderKind};

use crate::domain::{
    account_action::Step,
    account_type::{RedactionPolicy, WritePolicy},
    comparison::{Level, Method as ComparisonMethod, Requirement},
    document::DocumentKind,
    relation::{Cardinality, ObjectKind},
    schedule::{MatchMode, ReportType},
    subject::SubjectKind,
};

/// A duration as people write it: `90s`, `6h`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Human(pub(super) Duration);

impl<'de> Deserialize<'de> for Human {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Human;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 90s, 6h or 1d")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Human, E> {
                let duration = humantime::parse_duration(text.trim());
                duration.map(Human).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Written)
    }
}

#[cfg(test)]
impl serde::Serialize for Human {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

/// Declares structs whose every key is known, in kebab-case; tests also write them.
macro_rules! sections {
    ($($(#[$about:meta])* struct $name:ident { $($(#[$with:meta])* $key:ident: $kind:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Deserialize)]
        #[cfg_attr(test, derive(serde::Serialize))]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub(super) struct $name { $($(#[$with])* pub(super) $key: $kind,)* }
    )*};
}

sections! {
    /// The whole configuration.
    struct Raw {
        database: RawDatabase,
        vault: RawVault,
        http: RawHttp,
        log: RawLog,
        telemetry: RawTelemetry,
        engine: RawEngine,
        storage: RawStorage,
        audit: RawAudit,
        #[serde(default)]
        lists: BTreeMap<String, RawList>,
        #[serde(default)]
        providers: BTreeMap<String, RawProvider>,
        #[serde(default)]
        account_types: BTreeMap<String, RawAccountType>,
        #[serde(default)]
        transaction_types: BTreeMap<String, RawTransactionType>,
        #[serde(default)]
        report_templates: BTreeMap<String, RawTemplate>,
        #[serde(default)]
        schedules: BTreeMap<String, RawSchedule>,
        #[serde(default)]
        inquiry_templates: BTreeMap<String, RawInquiryTemplate>,
        #[serde(default)]
        reverifications: BTreeMap<String, RawReverification>,
        #[serde(default)]
        retention: Vec<RawRetention>,
    }

    struct RawDatabase {
        url: Option<String>,
        max_connections: u64,
        statement_timeout: Human,
        application_name: String,
    }

    struct RawVault {
        current: Option<String>,
        #[serde(default)]
        master_keys: Vec<RawMasterKey>,
    }

    struct RawMasterKey {
        id: Option<String>,
        file: Option<String>,
    }

    struct RawHttp {
        listen: String,
        max_connections: u64,
        client_timeout: Human,
        requests_per_minute: u64,
        trusted_proxies: Vec<String>,
    }

    struct RawLog {
        level: String,
        format: super::settings::LogFormat,
        to: super::settings::LogTarget,
    }

    struct RawTelemetry {
        otlp_endpoint: Option<String>,
    }

    struct RawEngine {
        claim_batch: u64,
        record_batch: u64,
        record_linger: Human,
        max_in_flight: u64,
        run_deadline: Human,
        max_attempts: u64,
        retry_base: Human,
        retry_max: Human,
        reconcile: String,
        drain_deadline: Human,
        walk_interval: Human,
        longest_write_transaction: Human,
        partitions: String,
        lease_time: Human,
        sweep: String,
        sweep_load: f64,
        sweep_batch: u64,
    }

    struct RawStorage {
        compact: String,
        keep_clear_runs: Human,
        keep_events: Option<Human>,
        folder: Option<String>,
    }

    struct RawAudit {
        checkpoint: String,
        checkpoint_folder: Option<String>,
        ledger_folder: Option<String>,
    }

    struct RawList {
        format: Option<super::lists::ListFormat>,
        folder: Option<String>,
        file: Option<String>,
        url: Option<String>,
        refresh: Option<String>,
        max_age: Option<Human>,
        largest_shrink: Option<f64>,
    }

    /// Either kind of provider: which keys belong to which is checked later, so that each fault has its key.
    #[derive(Default)]
    struct RawProvider {
        kind: Option<RawProviderKind>,
        lists: Option<Vec<String>>,
        threshold: Option<f64>,
        matching: Option<super::providers::MatchingPreset>,
        dataset: Option<String>,
        algorithm: Option<String>,
        matches: Option<u64>,
        batch: Option<u64>,
        method: Option<super::providers::Method>,
        url: Option<String>,
        headers: Option<BTreeMap<String, Value>>,
        query: Option<BTreeMap<String, String>>,
        body: Option<BTreeMap<String, Value>>,
        kind_words: Option<RawKindWords>,
        retryable_statuses: Option<Vec<u64>>,
        quota_statuses: Option<Vec<u64>>,
        timeout: Option<Human>,
        connect_timeout: Option<Human>,
        max_answer_bytes: Option<u64>,
        idempotency_header: Option<String>,
        answer: Option<RawAnswer>,
        rate_per_second: Option<f64>,
        burst: Option<u64>,
        concurrency: Option<u64>,
        calls_per_day: Option<u64>,
        calls_per_month: Option<u64>,
        probe_every: Option<Human>,
    }

    struct RawKindWords {
        person: Option<String>,
        organisation: Option<String>,
    }

    #[derive(Default)]
    struct RawAnswer {
        hits: Option<String>,
        null_is_clear: Option<bool>,
        entity: Option<String>,
        former_ids: Option<String>,
        list: Option<String>,
        name: Option<String>,
        score: Option<String>,
        score_scale: Option<f64>,
        facts: Option<Vec<String>>,
        matched: Option<String>,
        error: Option<String>,
    }

    struct RawAccountType {
        from_api: Option<bool>,
        kind: Option<SubjectKind>,
        statuses: Option<Vec<String>>,
        default_status: Option<String>,
        status_colours: Option<BTreeMap<String, String>>,
        screened: Option<RawScreened>,
        #[serde(default)]
        fields: BTreeMap<String, RawField>,
        #[serde(default)]
        relations: BTreeMap<String, RawRelation>,
        #[serde(default)]
        actions: BTreeMap<String, RawAction>,
    }

    struct RawAction {
        steps: Option<Vec<Step>>,
    }

    struct RawRelation {
        label: Option<String>,
        target: Option<ObjectKind>,
        target_types: Option<Vec<String>>,
        cardinality: Option<Cardinality>,
        inverse: Option<String>,
    }

    struct RawTransactionType {
        statuses: Option<Vec<String>>,
        default_status: Option<String>,
        #[serde(default)]
        fields: BTreeMap<String, RawField>,
        #[serde(default)]
        relations: BTreeMap<String, RawRelation>,
    }

    #[derive(Default)]
    struct RawScreened {
        #[serde(default)]
        names: Vec<String>,
        birth_date: Option<String>,
        #[serde(default)]
        countries: Vec<String>,
        gender: Option<String>,
        #[serde(default)]
        documents: Vec<RawScreenedDocument>,
        email_addresses: Option<Vec<String>>,
        phone_numbers: Option<Vec<String>>,
        ip_addresses: Option<Vec<String>>,
    }

    struct RawScreenedDocument {
        field: Option<String>,
        kind: Option<DocumentKind>,
        country: Option<String>,
    }

    struct RawField {
        r#type: Option<RawFieldType>,
        label: Option<String>,
        pii: Option<bool>,
        required: Option<bool>,
        default: Option<Value>,
        choices: Option<Vec<String>>,
        max_char_length: Option<u64>,
        min_date: Option<String>,
        max_date: Option<String>,
        item_schema: Option<Value>,
        item_schemas: Option<Vec<Value>>,
        ignore_unknown_keys: Option<bool>,
        redaction_policy: Option<RedactionPolicy>,
        write_policy: Option<WritePolicy>,
        identifier: Option<bool>,
        unique: Option<bool>,
        case_sensitive: Option<bool>,
        searchable: Option<bool>,
    }

    struct RawTemplate {
        r#type: Option<ReportType>,
        provider: Option<String>,
        threshold: Option<f64>,
        recurrence: Option<Human>,
        decisions_expire: Option<Human>,
        on_match: Option<MatchMode>,
    }

    struct RawSchedule {
        template: Option<String>,
        every: Option<Human>,
        cron: Option<String>,
        time_zone: Option<String>,
        spread: Option<Human>,
        objective: Option<Human>,
        backfill_per_second: Option<f64>,
        decisions_expire: Option<Human>,
        accounts: Option<RawSelection>,
        on_match: Option<RawOnMatch>,
        on_clear: Option<RawOnClear>,
    }

    #[derive(Default)]
    struct RawSelection {
        types: Option<Vec<String>>,
        statuses: Option<Vec<String>>,
        tags_any: Option<Vec<String>>,
        tags_none: Option<Vec<String>>,
        fields: Option<BTreeMap<String, Vec<Value>>>,
    }

    #[derive(Default)]
    struct RawOnMatch {
        tags: Option<Vec<String>>,
        status: Option<String>,
        status_from: Option<Vec<String>>,
        mode: Option<MatchMode>,
    }

    #[derive(Default)]
    struct RawOnClear {
        status: Option<String>,
    }

    struct RawInquiryTemplate {
        account_type: Option<String>,
        fields: Option<Vec<String>>,
        updates: Option<Vec<String>>,
        compare_with_last: Option<bool>,
        expire_after_create: Option<Human>,
        expire_after_start: Option<Human>,
        expire_after_resume: Option<Human>,
        compare: Option<BTreeMap<String, RawRule>>,
    }

    struct RawRule {
        requirement: Option<Requirement>,
        any: Option<Vec<RawAlternative>>,
    }

    struct RawAlternative {
        method: Option<ComparisonMethod>,
        level: Option<Level>,
        with: Option<String>,
    }

    struct RawReverification {
        accounts: Option<RawSelection>,
        after_last_inquiry: Option<Human>,
        date_field: Option<String>,
        before_date: Option<Human>,
        tags: Option<Vec<String>>,
        status: Option<String>,
        status_from: Option<Vec<String>>,
    }

    struct RawRetention {
        name: Option<String>,
        object: Option<String>,
        rule: Option<crate::domain::retention::Rule>,
        types: Option<Vec<String>>,
        statuses: Option<Vec<String>>,
        fields: Option<Vec<String>>,
        period: Option<String>,
        from: Option<String>,
        end_statuses: Option<Vec<String>>,
        date_field: Option<String>,
    }
}
