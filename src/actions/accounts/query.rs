//! Conditions of searches of accounts: what each attribute means in the database.

use serde_json::Value;

use super::fields;
use crate::{
    actions::{
        ActionError, Context, Invalid,
        query::{self, Joined, Predicate},
    },
    domain::{
        account_type::{Field, FieldKind},
        hit::HitState,
        id::AccountTypeId,
        monitor::MonitorState,
    },
    store::{account_types::TypeRow, accounts::search::Condition, search::Compare},
};

/// Reads a query, or says all that is wrong with it.
pub(super) fn read(context: &Context, types: &[TypeRow], wanted: &Value) -> Result<Condition, ActionError> {
    let reader = Reader { context, types };
    query::read(wanted, &|predicate| reader.condition(predicate), joined)
}

fn joined(joined: Joined<Condition>) -> Condition {
    match joined {
        Joined::All(all) => Condition::All(all),
        Joined::Any(any) => Condition::Any(any),
        Joined::Not(one) => Condition::Not(Box::new(one)),
    }
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
}

impl Reader<'_> {
    fn condition(&self, predicate: &Predicate<'_>) -> Result<Condition, Invalid> {
        if let Some((of, key)) = predicate.attribute.split_once('.') {
            return match of {
                "fields" | "identifiers" => self.field(of == "identifiers", key, predicate),
                _ => Err(unknown(predicate)),
            };
        }
        let word = predicate.word();
        match word.as_str() {
            "created_at" => return Ok(Condition::Created(predicate.compare, predicate.time()?)),
            "updated_at" => return Ok(Condition::Updated(predicate.compare, predicate.time()?)),
            "archived" => return archived(predicate),
            _ => {}
        }
        let text = predicate.text()?;
        match word.as_str() {
            "type" | "account_type" => Ok(Condition::Types(types(self.types, text))),
            "status" | "account_status" => Ok(Condition::Statuses(statuses(self.types, text))),
            "tag" | "tags" => Ok(Condition::Tag(text.to_owned())),
            "reference_id" => Ok(Condition::References(vec![text.to_owned()])),
            "monitoring" => {
                let states: Vec<&str> = MonitorState::ALL.iter().map(|state| state.word()).collect();
                Ok(Condition::Monitoring(state(predicate, text, &states)?))
            }
            "hits" | "hit" => {
                let states: Vec<&str> = HitState::ALL.iter().map(|state| state.word()).collect();
                Ok(Condition::Hits(state(predicate, text, &states)?))
            }
            _ => Err(unknown(predicate)),
        }
    }

    /// A field of whatever type has it: sealed or not, found by its token; in another order only when it is plain.
    fn field(&self, identifier: bool, key: &str, predicate: &Predicate<'_>) -> Result<Condition, Invalid> {
        let having: Vec<(&TypeRow, &Field)> = self
            .types
            .iter()
            .filter_map(|row| Some((row, row.account_type.field(key)?)))
            .filter(|(_, field)| field.is_indexed() && (!identifier || field.identifier))
            .collect();
        if having.is_empty() {
            let what = if identifier { "an identifier" } else { "searchable" };
            let details = format!("no account type has a field of that key that is {what}");
            return Err(predicate.refuse("attribute", details));
        }
        if having.iter().any(|(row, field)| row.indexing.contains(&field.key)) {
            let details =
                "the field became searchable a moment ago, and is still being indexed: try again later";
            return Err(predicate.refuse("attribute", details));
        }
        if predicate.compare != Compare::Equal {
            return ordered(&having, predicate);
        }
        let value = predicate.value;
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
            return Err(predicate.refuse("value", "no field of that key can hold such a value"));
        }
        Ok(Condition::Tokens(tokens))
    }
}

fn unknown(predicate: &Predicate<'_>) -> Invalid {
    let details = "accepted is type, status, tag, reference_id, created_at, updated_at, monitoring, hits, archived, \
                   identifiers.KEY or fields.KEY";
    predicate.refuse("attribute", details)
}

fn archived(predicate: &Predicate<'_>) -> Result<Condition, Invalid> {
    predicate.must_ask_for_the_same()?;
    let value = predicate.value;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.as_str() {
        "true" => Ok(Condition::Archived),
        "false" => Ok(Condition::Not(Box::new(Condition::Archived))),
        _ => Err(predicate.refuse("value", "accepted is true or false")),
    }
}

/// A state's word, or that there is none in any state.
fn state(predicate: &Predicate<'_>, text: &str, states: &[&str]) -> Result<Option<String>, Invalid> {
    if text == "none" {
        return Ok(None);
    }
    if states.contains(&text) {
        return Ok(Some(text.to_owned()));
    }
    Err(predicate.refuse("value", format!("accepted is {} or none", states.join(", "))))
}

/// Fields whose values are in some order to a value.
fn ordered(having: &[(&TypeRow, &Field)], predicate: &Predicate<'_>) -> Result<Condition, Invalid> {
    let compare = predicate.compare;
    let mut any = Vec::new();
    for (row, field) in having {
        if field.pii {
            let details = "accepted is eq: the field is sealed, and found by its whole value only";
            return Err(predicate.refuse("operator", details));
        }
        let of_value = match (&field.kind, predicate.value) {
            (FieldKind::Integer | FieldKind::Number, Value::Number(number)) => {
                Condition::Number(field.key.clone(), compare, number.clone())
            }
            (
                FieldKind::Date { .. } | FieldKind::Datetime | FieldKind::String { .. },
                Value::String(text),
            ) => Condition::Text(field.key.clone(), compare, text.clone()),
            _ => {
                let details = "accepted is a number, or a text such as a date";
                return Err(predicate.refuse("value", details));
            }
        };
        any.push(Condition::All(vec![Condition::Types(vec![row.id]), of_value]));
    }
    Ok(Condition::Any(any))
}
