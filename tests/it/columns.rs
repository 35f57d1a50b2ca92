//! `migrations/columns.toml` against the live schema: a column that nobody classified is a column that
//! redaction forgets.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sqlx::PgPool;
use watchkeeper::vault::Purpose;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Class {
    Id,
    Operational,
    CustomerPlain,
    Reference,
    Sealed,
    WrappedKey,
    Digest,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    class: Class,
    purpose: Option<String>,
}

impl Column {
    /// Whether it holds bytes that only a key, or nothing, gives a meaning to.
    fn is_opaque(&self) -> bool {
        match self.class {
            Class::Sealed | Class::WrappedKey | Class::Digest => true,
            Class::Id | Class::Operational | Class::CustomerPlain | Class::Reference => false,
        }
    }
}

fn classified() -> BTreeMap<String, Column> {
    let text = include_str!("../../migrations/columns.toml");
    let tables: BTreeMap<String, BTreeMap<String, Column>> = toml::from_str(text).unwrap();
    let columns = tables.into_iter().flat_map(|(table, columns)| {
        columns.into_iter().map(move |(column, class)| (format!("{table}.{column}"), class))
    });
    columns.collect()
}

/// The columns of the live schema with their types; partitions hold what their table says.
async fn live(pool: &PgPool) -> BTreeMap<String, String> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        r"
        select class.relname || '.' || attribute.attname, attribute.atttypid::regtype::text
        from pg_class as class
        join pg_attribute as attribute on attribute.attrelid = class.oid
        where class.relnamespace = 'public'::regnamespace
          and class.relkind in ('r', 'p')
          and not class.relispartition
          and class.relname <> '_sqlx_migrations'
          and attribute.attnum > 0
          and not attribute.attisdropped
        ",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    columns.into_iter().collect()
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn every_column_is_classified_and_every_classified_column_is_there(pool: PgPool) {
    let live: BTreeSet<String> = live(&pool).await.into_keys().collect();
    let classified: BTreeSet<String> = classified().into_keys().collect();
    assert_eq!(classified, live);

    sqlx::query("alter table accounts add column nickname text").execute(&pool).await.unwrap();
    let live: BTreeSet<String> = self::live(&pool).await.into_keys().collect();
    let forgotten: Vec<&String> = live.difference(&classified).collect();
    assert_eq!(forgotten, ["accounts.nickname"], "a new column is noticed");
}

#[sqlx::test(migrator = "watchkeeper::store::MIGRATIONS")]
async fn a_column_holds_bytes_if_and_only_if_it_is_sealed_wrapped_or_a_digest(pool: PgPool) {
    let classified = classified();
    for (name, kind) in live(&pool).await {
        let column = &classified[&name];
        // Screening keys are short keyed hashes, many to a row.
        let is_keys = column.purpose.as_deref() == Some(Purpose::ScreeningKeys.label());
        let expected = if is_keys { "bigint[]" } else { "bytea" };
        assert_eq!(column.is_opaque(), kind == expected, "{name} is {kind}");
    }
}

#[test]
fn every_sealed_column_names_a_purpose_of_the_vault_and_every_purpose_has_its_column() {
    let digests = [Purpose::Digest, Purpose::BlindIndex, Purpose::ScreeningKeys, Purpose::AuditChain];
    let digests = digests.map(Purpose::label);
    let labels: BTreeSet<&str> = Purpose::ALL.iter().map(|purpose| purpose.label()).collect();
    let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, column) in classified() {
        let needs_one = matches!(column.class, Class::Sealed | Class::WrappedKey);
        assert!(!needs_one || column.purpose.is_some(), "{name} is sealed for no purpose");
        assert!(column.is_opaque() || column.purpose.is_none(), "{name} is plain and has a purpose");
        if let Some(purpose) = column.purpose {
            let is_digest = digests.contains(&purpose.as_str());
            assert_eq!(is_digest, column.class == Class::Digest, "{name} has the purpose {purpose}");
            used.entry(purpose).or_default().push(name);
        }
    }
    assert_eq!(used.keys().map(String::as_str).collect::<BTreeSet<_>>(), labels);
    for (purpose, columns) in used.iter().filter(|(purpose, _)| !digests.contains(&purpose.as_str())) {
        // A row that moves takes its sealed content with it as it is.
        let origins: BTreeSet<String> =
            columns.iter().map(|column| column.replace("kept_runs.", "runs.")).collect();
        assert_eq!(origins.len(), 1, "{purpose} is the purpose of {columns:?}");
    }
}
