//! Field schemas as the API writes them: `{type, key, label, default-value, config}`.

mod config;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use self::config::Config;
use super::{
    field::{
        Field, FieldKind, Item, LONGEST_TEXT, RedactionPolicy, USUAL_TEXT, WritePolicy, is_field_key,
        label_of,
    },
    value::{FieldFault, pointer_part},
};

/// How deep hashes and arrays may lie in each other.
const DEEPEST: usize = 4;

const TYPES: &str = "string, integer, number, boolean, date, datetime, choices, multi-choices, array, hash, \
                     json, file or email-address";

/// Reads the schema of a field, and notes every fault of it; none comes back only with a fault.
pub fn read_field(schema: &Value, at: &str, faults: &mut Vec<FieldFault>) -> Option<Field> {
    let mut reader = Reader::of(schema, at, faults)?;
    let key = reader.key();
    let label = reader.label(key.as_deref());
    let mut config = reader.config();
    let kind = reader.kind(&mut config, 0);
    let mut flag = |name: &str| config.flag(name, reader.faults);
    let (required, identifier, unique) = (flag("required"), flag("identifier"), flag("unique"));
    let (case_sensitive, searchable) = (flag("case-sensitive"), flag("searchable"));
    let pii = !config.has("pii") || config.flag("pii", reader.faults);
    let redaction_policy = match config.word("redaction-policy", &["none", "never"], reader.faults) {
        Some("never") => RedactionPolicy::Never,
        _ => RedactionPolicy::None,
    };
    let write_policy = match config.word("write-policy", &["none", "write_once"], reader.faults) {
        Some("write_once") => WritePolicy::WriteOnce,
        _ => WritePolicy::None,
    };
    let archived_at =
        config.moment("archived-at", reader.faults).or(config.moment("deactivated-at", reader.faults));
    config.finish(reader.faults);
    let default = reader.take("default-value").filter(|value| !value.is_null());
    reader.finish();
    let (key, kind) = (key?, kind?);
    let at = at.to_owned();
    let mut field = Field {
        key,
        label,
        kind,
        pii,
        required,
        default_value: None,
        redaction_policy,
        write_policy,
        identifier,
        unique,
        case_sensitive,
        searchable,
        archived_at,
    };
    if (identifier || unique || searchable) && !field.kind.can_be_indexed() {
        let details = "identifier, unique and searchable are for fields of single values, or lists of them";
        faults.push(FieldFault::at(format!("{at}/config"), details));
    }
    if let Some(default) = default {
        let free = Field { required: false, ..field.clone() };
        match free.check(&default) {
            Ok(value) => field.default_value = Some(value).filter(|value| !value.is_null()),
            Err(refused) => faults.extend(
                refused
                    .into_iter()
                    .map(|fault| FieldFault::at(format!("{at}/default-value{}", fault.path), fault.details)),
            ),
        }
    }
    Some(field)
}

/// Reads a part of a hash, or, with `keyless`, what an item of an array is.
pub fn read_item(
    schema: &Value,
    at: &str,
    depth: usize,
    keyless: bool,
    faults: &mut Vec<FieldFault>,
) -> Option<Item> {
    if depth > DEEPEST {
        faults.push(FieldFault::at(at, format!("accepted are {DEEPEST} levels of hashes and arrays")));
        return None;
    }
    let mut reader = Reader::of(schema, at, faults)?;
    let key = if keyless {
        reader.take("key");
        Some(String::new())
    } else {
        reader.key()
    };
    let label = reader.label(key.as_deref());
    let mut config = reader.config();
    let kind = reader.kind(&mut config, depth);
    let required = config.flag("required", reader.faults);
    config.finish(reader.faults);
    reader.finish();
    Some(Item { key: key?, label, kind: kind?, required })
}

/// The schema of a field, as the API shows it.
pub fn written_field(field: &Field) -> Value {
    let mut schema = written(&field.key, &field.label, &field.kind, field.required);
    let moment = |at: DateTime<Utc>| Value::from(at.to_rfc3339_opts(SecondsFormat::Millis, true));
    let archived_at = field.archived_at.map_or(Value::Null, moment);
    if let Some(config) = schema.get_mut("config").and_then(Value::as_object_mut) {
        config.insert("redaction-policy".to_owned(), json!(field.redaction_policy));
        config.insert("write-policy".to_owned(), json!(field.write_policy));
        config.insert("identifier".to_owned(), json!(field.identifier));
        config.insert("unique".to_owned(), json!(field.unique));
        config.insert("case-sensitive".to_owned(), json!(field.case_sensitive));
        config.insert("searchable".to_owned(), json!(field.searchable));
        config.insert("pii".to_owned(), json!(field.pii));
        config.insert("archived-at".to_owned(), archived_at.clone());
        config.insert("deactivated-at".to_owned(), archived_at);
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("default-value".to_owned(), field.default_value.clone().unwrap_or(Value::Null));
    }
    schema
}

fn written(key: &str, label: &str, kind: &FieldKind, required: bool) -> Value {
    let mut config = json!({ "required": required });
    let mut set = |name: &str, value: Value| {
        if let Some(config) = config.as_object_mut() {
            config.insert(name.to_owned(), value);
        }
    };
    match kind {
        FieldKind::String { max_char_length } => set("max-char-length", json!(max_char_length)),
        FieldKind::Date { min_date, max_date } => {
            set("min-date", json!(min_date));
            set("max-date", json!(max_date));
        }
        FieldKind::Choices(options) | FieldKind::MultiChoices(options) => {
            let label = |option: &String| options.labels.get(option).unwrap_or(option).clone();
            set("options", json!(options.options));
            set("option-labels", options.options.iter().map(label).collect());
        }
        FieldKind::Array { item } => set("item-schema", written_item(item)),
        FieldKind::Hash { items, ignore_unknown_keys } => {
            set("item-schemas", items.iter().map(written_item).collect());
            set("ignore-unknown-keys", json!(ignore_unknown_keys));
        }
        FieldKind::Integer
        | FieldKind::Number
        | FieldKind::Boolean
        | FieldKind::Datetime
        | FieldKind::Json
        | FieldKind::EmailAddress => {}
        FieldKind::File => {
            set("min-file-size-bytes", json!(1));
            set("max-file-size-bytes", json!(super::value::LONGEST_FILE));
        }
    }
    json!({ "type": kind.word(), "key": key, "label": label, "config": config })
}

fn written_item(item: &Item) -> Value {
    written(&item.key, &item.label, &item.kind, item.required)
}

/// A schema under way: what was read of it is taken out.
struct Reader<'f> {
    rest: Map<String, Value>,
    at: String,
    faults: &'f mut Vec<FieldFault>,
}

impl<'f> Reader<'f> {
    fn of(schema: &Value, at: &str, faults: &'f mut Vec<FieldFault>) -> Option<Self> {
        let Some(rest) = schema.as_object().cloned() else {
            faults.push(FieldFault::at(
                at,
                "accepted is an object of type, key, label, default-value and config",
            ));
            return None;
        };
        Some(Self { rest, at: at.to_owned(), faults })
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name)
    }

    fn key(&mut self) -> Option<String> {
        let key = self.take("key");
        let key = key.as_ref().and_then(Value::as_str).filter(|key| is_field_key(key)).map(str::to_owned);
        if key.is_none() {
            let details = "accepted is a key in snake_case, from a letter on, of at most 63 characters";
            self.faults.push(FieldFault::at(format!("{}/key", self.at), details));
        }
        key
    }

    fn label(&mut self, key: Option<&str>) -> String {
        let default = || label_of(key.unwrap_or_default());
        match self.take("label") {
            None | Some(Value::Null) => default(),
            Some(Value::String(text))
                if (1..=128).contains(&text.trim().chars().count()) && !text.contains(char::is_control) =>
            {
                text.trim().to_owned()
            }
            Some(_) => {
                let details = "accepted is a text of 1 to 128 characters without control characters";
                self.faults.push(FieldFault::at(format!("{}/label", self.at), details));
                default()
            }
        }
    }

    fn config(&mut self) -> Config {
        let at = format!("{}/config", self.at);
        let rest = match self.take("config") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(rest)) => rest,
            Some(_) => {
                self.faults.push(FieldFault::at(&at, "accepted is an object"));
                Map::new()
            }
        };
        Config { rest, at }
    }

    fn kind(&mut self, config: &mut Config, depth: usize) -> Option<FieldKind> {
        let word = self.take("type");
        let kind = match word.as_ref().and_then(Value::as_str).unwrap_or_default() {
            "string" => {
                let length = config.count("max-char-length", 1..=LONGEST_TEXT, self.faults);
                // Persona's filter of markup: nothing here is ever taken for markup.
                config.take("sanitize");
                FieldKind::String { max_char_length: length.unwrap_or(USUAL_TEXT) }
            }
            "integer" => FieldKind::Integer,
            "number" => FieldKind::Number,
            "boolean" => FieldKind::Boolean,
            "date" => FieldKind::Date {
                min_date: config.date("min-date", self.faults),
                max_date: config.date("max-date", self.faults),
            },
            "datetime" => FieldKind::Datetime,
            "choices" => FieldKind::Choices(config.options(self.faults)?),
            "multi-choices" => FieldKind::MultiChoices(config.options(self.faults)?),
            "array" => {
                let at = format!("{}/item-schema", config.at);
                let schema = config.take("item-schema").unwrap_or(Value::Null);
                let item = read_item(&schema, &at, depth + 1, true, self.faults)?;
                FieldKind::Array { item: Box::new(item) }
            }
            "hash" => FieldKind::Hash {
                ignore_unknown_keys: config.flag("ignore-unknown-keys", self.faults),
                items: config.items(depth + 1, self.faults)?,
            },
            "json" => FieldKind::Json,
            "file" => {
                for bound in ["min-file-size-bytes", "max-file-size-bytes"] {
                    config.take(bound);
                }
                FieldKind::File
            }
            "email-address" => FieldKind::EmailAddress,
            _ => {
                self.faults.push(FieldFault::at(format!("{}/type", self.at), format!("accepted is {TYPES}")));
                config.rest.clear();
                return None;
            }
        };
        if depth > 0 && kind == FieldKind::File {
            let details = "accepted are files as fields of their own, and not in hashes and arrays";
            self.faults.push(FieldFault::at(format!("{}/type", self.at), details));
        }
        Some(kind)
    }

    fn finish(self) {
        for key in self.rest.keys() {
            let details = "is unknown; accepted are type, key, label, default-value and config";
            self.faults.push(FieldFault::at(format!("{}/{}", self.at, pointer_part(key)), details));
        }
    }
}
