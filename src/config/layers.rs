//! The sources of settings, laid over each other into one tree of which every value knows its origin.
//!
//! The tree is made of `config::Value`. The merge is ours and not that crate's, which forgets where a
//! table came from and reads dots in quoted keys as paths: a fault could not be placed.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::{
    faults::Fault,
    key::{Key, Step},
};

/// What a variable of ours begins with.
const PREFIX: &str = "WATCHKEEPER__";

/// The variable that other programs read too.
const DATABASE_URL: &str = "DATABASE_URL";

/// Reads a TOML text; each value's origin is `source:line`.
pub(super) fn parse(source: &str, text: &str) -> Result<Value, Fault> {
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let origin = |at: usize| format!("{source}:{}", line(at));
    match DeTable::parse(text) {
        Ok(table) => Ok(table_value(table.into_inner(), source, &origin)),
        // Only the parser's sentence: its whole message would quote the line, and with it a secret.
        Err(error) => Err(Fault {
            source: source.to_owned(),
            line: error.span().map(|span| line(span.start)),
            key: String::new(),
            text: format!("is not TOML: {}", error.message()),
        }),
    }
}

fn table_value(table: DeTable<'_>, own: &str, origin: &dyn Fn(usize) -> String) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for (key, value) in table {
        let own = origin(key.span().start);
        map.insert(key.into_inner().into_owned(), toml_value(value.into_inner(), &own, origin));
    }
    Value::new(Some(&own.to_owned()), map)
}

fn toml_value(value: DeValue<'_>, own: &String, origin: &dyn Fn(usize) -> String) -> Value {
    let kind = match value {
        DeValue::String(text) => ValueKind::from(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => ValueKind::from(number),
            Err(_) => ValueKind::from(number.as_str()),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) => ValueKind::from(number),
            Err(_) => ValueKind::from(number.as_str()),
        },
        DeValue::Boolean(truth) => ValueKind::from(truth),
        DeValue::Datetime(time) => ValueKind::from(time.to_string()),
        DeValue::Array(list) => {
            let items = list.into_iter().map(|item| {
                let own = origin(item.span().start);
                toml_value(item.into_inner(), &own, origin)
            });
            ValueKind::Array(items.collect())
        }
        DeValue::Table(table) => return table_value(table, own, origin),
    };
    Value::new(Some(own), kind)
}

/// Lays `over` over `under`: tables key by key, anything else as a whole.
pub(super) fn merge(under: &mut Value, over: Value) {
    let origin = over.origin().map(str::to_owned);
    match (&mut under.kind, over.kind) {
        (ValueKind::Table(under_table), ValueKind::Table(over_table)) => {
            for (key, value) in over_table {
                match under_table.get_mut(&key) {
                    Some(under) => merge(under, value),
                    None => {
                        under_table.insert(key, value);
                    }
                }
            }
            *under = Value::new(origin.as_ref(), std::mem::take(&mut under.kind));
        }
        (_, kind) => *under = Value::new(origin.as_ref(), kind),
    }
}

/// The settings in environment variables.
pub(super) struct Environment {
    /// What each variable sets, by the name of the variable.
    variables: BTreeMap<String, String>,
}

/// A text that was taken for something else than a text, in case a text is wanted there after all.
pub(super) type Guesses = BTreeMap<Key, String>;

impl Environment {
    /// Keeps the variables that are ours.
    pub(super) fn new(all: impl Iterator<Item = (String, String)>) -> Self {
        // DATABASE_URL is less particular than our own name for it, and sorts before it.
        let variables = all.filter(|(name, _)| name == DATABASE_URL || name.starts_with(PREFIX)).collect();
        Self { variables }
    }

    /// Lays the variables over `tree`, in the order of their names.
    pub(super) fn lay_over(self, tree: &mut Value, faults: &mut Vec<Fault>) -> Guesses {
        let mut guesses = Guesses::new();
        for (name, text) in self.variables {
            let origin = format!("environment variable {name}");
            let Some(key) = key_of(&name, tree) else {
                faults.push(Fault {
                    source: origin,
                    line: None,
                    key: String::new(),
                    text: "accepted are names such as WATCHKEEPER__SECTION__KEY".to_owned(),
                });
                continue;
            };
            let kind =
                if name == DATABASE_URL { ValueKind::from(text.as_str()) } else { guessed(&text, &origin) };
            if !matches!(kind, ValueKind::String(_)) {
                guesses.insert(key.clone(), text);
            }
            let mut value = Value::new(Some(&origin), kind);
            for step in key.steps().iter().rev() {
                if let Step::Key(step) = step {
                    value = Value::new(Some(&origin), Map::from([(step.clone(), value)]));
                }
            }
            merge(tree, value);
        }
        guesses
    }
}

/// The setting that a variable sets: `-` and `_` are the same in its name, as are small and capital letters.
fn key_of(name: &str, tree: &Value) -> Option<Key> {
    if name == DATABASE_URL {
        return Some(Key::of("database").at("url"));
    }
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    name.strip_prefix(PREFIX)?.split("__").try_fold(Key::default(), |key, word| {
        if word.is_empty() {
            return None;
        }
        let word = plain(word);
        let known = match key.find(tree).map(|value| &value.kind) {
            Some(ValueKind::Table(table)) => table.keys().find(|known| plain(known) == word),
            _ => None,
        };
        // The keys of an account's fields are data, in snake_case; all others are ours.
        let field = key.steps().last() == Some(&Step::Key("fields".to_owned()));
        Some(match known {
            Some(known) => key.at(known),
            None if field => key.at(&word),
            None => key.at(&word.replace('_', "-")),
        })
    })
}

/// What a variable's text most likely means: a truth, a number, a list or table of TOML, or the text.
fn guessed(text: &str, origin: &String) -> ValueKind {
    let trimmed = text.trim();
    if let Ok(truth) = trimmed.parse::<bool>() {
        return truth.into();
    }
    if let Ok(number) = trimmed.parse::<i64>() {
        return number.into();
    }
    if let Some(number) = trimmed.parse::<f64>().ok().filter(|number| number.is_finite()) {
        return number.into();
    }
    if trimmed.starts_with(['[', '{'])
        && let Ok(value) = DeValue::parse(trimmed)
    {
        return toml_value(value.into_inner(), origin, &|_| origin.clone()).kind;
    }
    text.into()
}

/// The tree without its origins, for serde.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match &value.kind {
        ValueKind::Nil => serde_json::Value::Null,
        ValueKind::Boolean(truth) => (*truth).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::U64(number) => (*number).into(),
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => text.as_str().into(),
        ValueKind::Array(list) => list.iter().map(to_json).collect(),
        ValueKind::Table(table) => table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn origin(tree: &Value, key: &Key) -> String {
        key.find(tree).unwrap().origin().unwrap().to_owned()
    }

    fn over(tree: &mut Value, pairs: &[(&str, &str)]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let pairs = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Environment::new(pairs).lay_over(tree, &mut faults);
        faults
    }

    #[test]
    fn every_value_knows_its_line() {
        let tree = parse("a.toml", "[one]\ntwo = 2\n\nthree = [\n 1,\n 2]\n[[four]]\nfive = 5").unwrap();
        let one = Key::of("one");
        assert_eq!(origin(&tree, &one), "a.toml:1");
        assert_eq!(origin(&tree, &one.at("two")), "a.toml:2");
        assert_eq!(origin(&tree, &one.at("three").item(1)), "a.toml:6");
        assert_eq!(origin(&tree, &Key::of("four").item(0).at("five")), "a.toml:8");
    }

    #[test]
    fn a_later_layer_wins_key_by_key_and_replaces_lists() {
        let mut tree = parse("a", "x = 1\n[t]\na = 1\nb = [1, 2]").unwrap();
        merge(&mut tree, parse("b", "[t]\nb = [3]\n\"c.d\" = 4").unwrap());
        assert_eq!(to_json(&tree), json!({"x": 1, "t": {"a": 1, "b": [3], "c.d": 4}}));
        assert_eq!(origin(&tree, &Key::of("t").at("a")), "a:3");
        assert_eq!(origin(&tree, &Key::of("t").at("b")), "b:2");
    }

    #[test]
    fn a_fault_of_syntax_does_not_quote_the_line() {
        let fault = parse("a.toml", "[database]\nurl = \"postgres://u:hunter2@h").unwrap_err();
        assert_eq!((fault.source.as_str(), fault.line), ("a.toml", Some(2)));
        assert!(fault.text.starts_with("is not TOML: "), "{fault}");
        assert!(!fault.to_string().contains("hunter2"), "{fault}");
    }

    #[test]
    fn variables_find_the_keys_that_they_mean() {
        let text = "[engine]\nclaim-batch = 1\n[account-types.individual.fields]\nother_names = 1";
        let mut tree = parse("a", text).unwrap();
        let pairs = [
            ("WATCHKEEPER__ENGINE__CLAIM_BATCH", "7"),
            ("WATCHKEEPER__ACCOUNT_TYPES__INDIVIDUAL__FIELDS__OTHER_NAMES", "true"),
            ("WATCHKEEPER__ACCOUNT_TYPES__INDIVIDUAL__FIELDS__TAX_ID", "{ type = 'string' }"),
            ("WATCHKEEPER__VAULT__MASTER_KEYS", "[{ id = 'a' }]"),
            ("WATCHKEEPER__HTTP__LISTEN", "0.0.0.0:80"),
            ("WATCHKEEPER_HOME", "/x"),
            ("PATH", "/bin"),
        ];
        assert_eq!(over(&mut tree, &pairs), []);
        assert_eq!(
            to_json(&tree),
            json!({
                "engine": {"claim-batch": 7},
                "account-types": {"individual": {"fields": {"other_names": true, "tax_id": {"type": "string"}}}},
                "vault": {"master-keys": [{"id": "a"}]},
                "http": {"listen": "0.0.0.0:80"},
            })
        );
        let batch = Key::of("engine").at("claim-batch");
        assert_eq!(origin(&tree, &batch), "environment variable WATCHKEEPER__ENGINE__CLAIM_BATCH");
    }

    #[test]
    fn our_own_name_for_the_database_goes_before_the_common_one() {
        let mut tree = parse("a", "").unwrap();
        over(&mut tree, &[("WATCHKEEPER__DATABASE__URL", "ours"), ("DATABASE_URL", "common")]);
        assert_eq!(to_json(&tree), json!({"database": {"url": "ours"}}));
    }

    #[test]
    fn a_variable_without_a_key_is_a_fault() {
        let mut tree = parse("a", "").unwrap();
        let faults = over(&mut tree, &[("WATCHKEEPER__", "1"), ("WATCHKEEPER__A____B", "1")]);
        let texts: Vec<String> = faults.iter().map(Fault::to_string).collect();
        assert_eq!(
            texts,
            [
                "environment variable WATCHKEEPER__: accepted are names such as WATCHKEEPER__SECTION__KEY",
                "environment variable WATCHKEEPER__A____B: accepted are names such as WATCHKEEPER__SECTION__KEY",
            ]
        );
    }
}
