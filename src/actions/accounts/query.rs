//! Queries of searches, as the API writes them: `and`, `or`, `not`, or an attribute with an operator and a value.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::fields;
use crate::{
    actions::{ActionError, Context, Invalid},
    domain::{
        account_type::{Field, FieldKind},
        date::moment,
        hit::HitState,
        id::AccountTypeId,
        monitor::MonitorState,
    },
    store::{
        account_types::TypeRow,
        accounts::search::{Compare, Condition},
    },
};

/// How deep `and`, `or` and `not` may lie in each other, and how many conditions there may be.
const DEEPEST: usize = 2;
const MOST: usize = 50;

/// Reads a query, or says all that is wrong with it.
pub(super) fn read(context: &Context, types: &[TypeRow], query: &Value) -> Result<Condition, ActionError> {
    let mut reader = Reader { context, types, count: 0, faults: Vec::new() };
    let condition = match query {
        Value::Null => Condition::All(Vec::new()),
        Value::Object(parts) if parts.is_empty() => Condition::All(Vec::new()),
        query => reader.node(query, "/query", 0),
    };
    if reader.count > MOST {
        reader.refuse("/query", &format!("accepted are at most {MOST} conditions"));
    }
    if reader.faults.is_empty() { Ok(condition) } else { Err(ActionError::Invalid(reader.faults)) }
}

/// A word of ours in whatever spelling: `createdAt`, `created-at`.
pub(super) fn plain_word(word: &str) -> String {
    let mut plain = String::with_capacity(word.len() + 2);
    for letter in word.trim().chars() {
        if letter.is_ascii_uppercase() {
            plain.push('_');
        }
        plain.push(if letter == '-' { '_' } else { letter.to_ascii_lowercase() });
    }
    plain
}

/// The types of a name or an id.
pub(super) fn types(types: &[TypeRow], word: &str) -> Vec<AccountTypeId> {
    let id = word.parse::<AccountTypeId>().ok();
    let wanted = types.iter().filter(|row| Some(row.id) == id || row.account_type.name == word);
    wanted.map(|row| row.id).collect()
}

/// The statuses of a name, in whatever type, or of an id.
pub(super) fn statuses(types: &[TypeRow], word: &str) -> Vec<(AccountTypeId, String)> {
    let is_id = word.starts_with("actst_");
    let all = types.iter().flat_map(|row| row.account_type.statuses.iter().map(move |status| (row, status)));
    let wanted = all.filter(|(row, status)| {
        if is_id { status.id(row.id).to_string() == word } else { status.name == word || status.key == word }
    });
    wanted.map(|(row, status)| (row.id, status.key.clone())).collect()
}

struct Reader<'a> {
    context: &'a Context,
    types: &'a [TypeRow],
    count: usize,
    faults: Vec<Invalid>,
}

const NOTHING: Condition = Condition::Any(Vec::new());

impl Reader<'_> {
    fn refuse(&mut self, at: &str, details: &str) -> Condition {
        self.faults.push(Invalid::at(at, details));
        NOTHING
    }

    fn node(&mut self, node: &Value, at: &str, depth: usize) -> Condition {
        self.count += 1;
        let Some(parts) = node.as_object() else {
            return self
                .refuse(at, "accepted is an object of and, or, not, or attribute, operator and value");
        };
        let mut keys = parts.iter();
        match (keys.next(), keys.next()) {
            (Some((word, inner)), None) if ["and", "or", "not"].contains(&word.as_str()) => {
                let at = format!("{at}/{word}");
                if depth == DEEPEST {
                    return self.refuse(&at, &format!("accepted are {DEEPEST} levels of and, or and not"));
                }
                if word == "not" {
                    return Condition::Not(Box::new(self.node(inner, &at, depth + 1)));
                }
                let Some(list) = inner.as_array().filter(|list| (1..=MOST).contains(&list.len())) else {
                    return self.refuse(&at, &format!("accepted is a list of 1 to {MOST} conditions"));
                };
                let inner = list.iter().enumerate();
                let inner: Vec<Condition> =
                    inner.map(|(index, node)| self.node(node, &format!("{at}/{index}"), depth + 1)).collect();
                if word == "and" { Condition::All(inner) } else { Condition::Any(inner) }
            }
            _ => self.predicate(parts, at),
        }
    }

    fn predicate(&mut self, parts: &Map<String, Value>, at: &str) -> Condition {
        let known = ["attribute", "operator", "value"];
        if let Some(key) = parts.keys().find(|key| !known.contains(&key.as_str())) {
            let at = format!("{at}/{}", crate::domain::account_type::pointer_part(key));
            return self
                .refuse(&at, "is unknown; accepted is and, or, not, or attribute, operator and value");
        }
        let compare = match parts.get("operator").map_or(Some("eq"), Value::as_str) {
            Some("eq") => Compare::Equal,
            Some("gt") => Compare::Greater,
            Some("gte") => Compare::AtLeast,
            Some("lt") => Compare::Less,
            Some("lte") => Compare::AtMost,
            _ => return self.refuse(&format!("{at}/operator"), "accepted is eq, gt, gte, lt or lte"),
        };
        let Some(attribute) = parts.get("attribute").and_then(Value::as_str) else {
            return self.refuse(&format!("{at}/attribute"), "accepted is the name of an attribute");
        };
        let value = parts.get("value").unwrap_or(&Value::Null);
        if let Some((of, key)) = attribute.split_once('.') {
            return match of {
                "fields" | "identifiers" => self.field(of == "identifiers", key, compare, value, at),
                _ => self.unknown(at),
            };
        }
        let word = plain_word(attribute);
        if let "created_at" | "updated_at" = word.as_str() {
            let Some(time) = value.as_str().and_then(time) else {
                let details = "accepted is a time as 2026-01-31T12:00:00Z (RFC 3339), or a date";
                return self.refuse(&format!("{at}/value"), details);
            };
            return if word == "created_at" {
                Condition::Created(compare, time)
            } else {
                Condition::Updated(compare, time)
            };
        }
        if compare != Compare::Equal {
            return self.refuse(&format!("{at}/operator"), "accepted is eq for this attribute");
        }
        if word == "archived" {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            return match text.as_str() {
                "true" => Condition::Archived,
                "false" => Condition::Not(Box::new(Condition::Archived)),
                _ => self.refuse(&format!("{at}/value"), "accepted is true or false"),
            };
        }
        let Some(text) = value.as_str() else {
            return self.refuse(&format!("{at}/value"), "accepted is a text");
        };
        match word.as_str() {
            "type" | "account_type" => Condition::Types(types(self.types, text)),
            "status" | "account_status" => Condition::Statuses(statuses(self.types, text)),
            "tag" | "tags" => Condition::Tag(text.to_owned()),
            "reference_id" => Condition::References(vec![text.to_owned()]),
            "monitoring" => {
                let states: Vec<&str> = MonitorState::ALL.iter().map(|state| state.word()).collect();
                self.state(text, &states, at).map_or(NOTHING, Condition::Monitoring)
            }
            "hits" | "hit" => {
                let states: Vec<&str> = HitState::ALL.iter().map(|state| state.word()).collect();
                self.state(text, &states, at).map_or(NOTHING, Condition::Hits)
            }
            _ => self.unknown(at),
        }
    }

    fn unknown(&mut self, at: &str) -> Condition {
        let details = "accepted is type, status, tag, reference_id, created_at, updated_at, monitoring, hits, \
                       archived, identifiers.KEY or fields.KEY";
        self.refuse(&format!("{at}/attribute"), details)
    }

    /// A state's word, or that there is none in any state.
    fn state(&mut self, text: &str, states: &[&str], at: &str) -> Option<Option<String>> {
        if text == "none" {
            return Some(None);
        }
        if states.contains(&text) {
            return Some(Some(text.to_owned()));
        }
        let details = format!("accepted is {} or none", states.join(", "));
        self.refuse(&format!("{at}/value"), &details);
        None
    }

    /// A field of whatever type has it: sealed or not, found by its token; in another order only when it is plain.
    fn field(&mut self, identifier: bool, key: &str, compare: Compare, value: &Value, at: &str) -> Condition {
        let having: Vec<(&TypeRow, &Field)> = self
            .types
            .iter()
            .filter_map(|row| Some((row, row.account_type.field(key)?)))
            .filter(|(_, field)| field.is_indexed() && (!identifier || field.identifier))
            .collect();
        if having.is_empty() {
            let what = if identifier { "an identifier" } else { "searchable" };
            let details = format!("no account type has a field of that key that is {what}");
            return self.refuse(&format!("{at}/attribute"), &details);
        }
        if having.iter().any(|(row, field)| row.indexing.contains(&field.key)) {
            let details =
                "the field became searchable a moment ago, and is still being indexed: try again later";
            return self.refuse(&format!("{at}/attribute"), details);
        }
        if compare != Compare::Equal {
            return self.ordered(&having, compare, value, at);
        }
        let mut tokens = Vec::new();
        for (row, field) in &having {
            // Of a list, one that it holds.
            let kept = match &field.kind {
                FieldKind::Array { item } => Field::new(key, item.kind.clone()).check(value),
                FieldKind::MultiChoices(options) => {
                    Field::new(key, FieldKind::Choices(options.clone())).check(value)
                }
                _ => Field { required: false, ..(*field).clone() }.check(value),
            };
            // What one type's field cannot hold, no account of it has.
            let Ok(kept) = kept else { continue };
            let texts = field.index_texts(&kept);
            tokens.extend(texts.iter().map(|text| fields::token(self.context, row.id, key, text)));
        }
        if tokens.is_empty() {
            return self.refuse(&format!("{at}/value"), "no field of that key can hold such a value");
        }
        Condition::Tokens(tokens)
    }

    fn ordered(
        &mut self,
        having: &[(&TypeRow, &Field)],
        compare: Compare,
        value: &Value,
        at: &str,
    ) -> Condition {
        let mut any = Vec::new();
        for (row, field) in having {
            if field.pii {
                let details = "accepted is eq: the field is sealed, and found by its whole value only";
                return self.refuse(&format!("{at}/operator"), details);
            }
            let of_value = match (&field.kind, value) {
                (FieldKind::Integer | FieldKind::Number, Value::Number(number)) => {
                    Some(Condition::Number(field.key.clone(), compare, number.clone()))
                }
                (
                    FieldKind::Date { .. } | FieldKind::Datetime | FieldKind::String { .. },
                    Value::String(text),
                ) => Some(Condition::Text(field.key.clone(), compare, text.clone())),
                _ => None,
            };
            let Some(of_value) = of_value else {
                return self.refuse(&format!("{at}/value"), "accepted is a number, or a text such as a date");
            };
            any.push(Condition::All(vec![Condition::Types(vec![row.id]), of_value]));
        }
        Condition::Any(any)
    }
}

/// A time, or the beginning of a day in UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    moment(text).or_else(|| moment(&format!("{text}T00:00:00Z")))
}
