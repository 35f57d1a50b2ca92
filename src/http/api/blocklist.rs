//! What a key must not see is taken out of its answers, and nobody finds it out by asking for what fits it.
//!
//! An entry is a name (`address-*`), or a JSON pointer (`/data/attributes/fields/*-number`), with `*` for any text
//! within one part. A name holds wherever the attribute is told: beside `fields`, in them (`name-last` is
//! `fields.name.value.last`), and where other objects repeat it under a name of their own. A pointer holds at its
//! place, and what it names everywhere else: other versions of the API, and other objects, tell the same elsewhere.

use std::sync::Arc;

use serde_json::Value;

use super::{errors::ApiError, inflection::to_kebab};
use crate::{
    actions::{ActionError, Context, account_types},
    domain::{account_type::AccountType, api_key::blockable},
    screening::own,
};

/// What quotes an account's names, dates and countries: why a hit matches, and whom a report asks about.
const QUOTES: [&str; 3] = ["reasons", "match-types", "term"];

/// What is told of an entity. That of a published list is public; an item of a list of the customer's own is the
/// customer's, and where it matches it is what the account has.
const OF_ENTITIES: [&str; 6] = ["name", "facts", "akas", "birthdates", "locations", "topics"];

/// What a key must not see.
#[derive(Debug, Default)]
pub(super) struct Blocklist {
    entries: Vec<String>,
    /// The attributes that the entries name, those of pointers too.
    names: Vec<String>,
    types: Vec<AccountType>,
    hides_screened: bool,
}

impl Blocklist {
    /// The block-list of a key. What of accounts is screened, their types say.
    pub(super) async fn of(context: &Context, entries: &[String]) -> Result<Arc<Self>, ActionError> {
        if entries.is_empty() {
            return Ok(Arc::default());
        }
        let types = account_types::list(context).await?.into_iter().map(|row| row.account_type);
        Ok(Arc::new(Self::new(entries, types.collect())))
    }

    fn new(entries: &[String], types: Vec<AccountType>) -> Self {
        // A key of before has its entries as they were written.
        let entries: Vec<String> =
            entries.iter().map(|entry| blockable(entry).unwrap_or_else(|| entry.clone())).collect();
        let mut names: Vec<String> =
            entries.iter().map(|entry| name_of(entry)).filter(|name| !name.is_empty()).collect();
        if names.iter().any(|name| name == ALL_FIELDS) {
            // Older clients are told fields beside `fields` too.
            names.extend(types.iter().flat_map(|of| &of.fields).map(|field| to_kebab(&field.key)));
        }
        // Older clients are told the parts of a field beside `fields`, each by a name of its own.
        let fields = types.iter().flat_map(|of| &of.fields).map(|field| to_kebab(&field.key));
        let parts: Vec<String> = fields
            .filter(|key| names.iter().any(|name| fits(name, key)))
            .map(|key| format!("{key}-*"))
            .collect();
        names.extend(parts);
        let mut list = Self { entries, names, types, hides_screened: false };
        let mut screened = list.types.iter().flat_map(AccountType::screened_paths);
        list.hides_screened = screened.any(|path| list.hides(&path, true));
        list
    }

    /// Whether an attribute, or a field (`address.city`), is hidden; what lies below something hidden is too.
    fn hides(&self, path: &str, in_fields: bool) -> bool {
        let path: Vec<String> = path.split('.').map(to_kebab).collect();
        self.names.iter().any(|name| {
            (1..=path.len()).any(|end| path.get(..end).is_some_and(|upto| covers(name, upto, in_fields)))
        })
    }

    /// Whether a field, or a part of it, is hidden.
    pub(super) fn hides_field(&self, path: &str) -> bool {
        let mut parts = self.types.iter().flat_map(|of| of.with_parts(path));
        self.hides(path, true) || parts.any(|part| self.hides(&part, true))
    }

    /// Refuses what would tell something of an attribute (`reference-id`, `fields.address.city`) that is hidden, or
    /// of which a part is: a condition on it, a copy of it. `place` is where the request says it.
    pub(super) fn must_not_hide(&self, attribute: &str, place: &str) -> Result<(), ApiError> {
        let field = attribute.split_once('.').filter(|(of, _)| ["fields", "identifiers"].contains(of));
        let is_hidden = match field {
            None => self.hides(attribute, false),
            Some((_, path)) => self.hides_field(path),
        };
        if is_hidden {
            let details = format!("the key must not see {attribute}, nor what depends on it");
            return Err(ApiError::forbidden(place, details));
        }
        Ok(())
    }

    /// Takes everything out that an entry names.
    pub(super) fn apply(&self, document: &mut Value) {
        // First, while each entity says whose it is.
        if self.hides_screened {
            without_own_entities(document);
        }
        for entry in &self.entries {
            if let Some(pointer) = entry.strip_prefix('/') {
                let parts: Vec<&str> = pointer.split('/').collect();
                by_pointer(&parts, document);
            }
        }
        for name in &self.names {
            by_name(name, document, Place::Outside, &mut Vec::new());
        }
        for quoting in QUOTES.iter().filter(|_| self.hides_screened) {
            by_name(quoting, document, Place::Outside, &mut Vec::new());
        }
    }
}

/// Takes out what items of lists of the customer's own say, wherever one was matched.
fn without_own_entities(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let entity = object.get("entity-id").and_then(Value::as_str);
            if entity.is_some_and(|entity| entity.starts_with(own::PREFIX)) {
                object.retain(|key, _| !OF_ENTITIES.contains(&key.as_str()));
            }
            object.values_mut().for_each(without_own_entities);
        }
        Value::Array(list) => list.iter_mut().for_each(without_own_entities),
        _ => {}
    }
}

/// The name of all fields together.
const ALL_FIELDS: &str = "fields";

/// The name of the attribute that an entry is about; empty when a pointer leads elsewhere.
fn name_of(entry: &str) -> String {
    let Some(pointer) = entry.strip_prefix('/') else { return to_kebab(entry) };
    if let Some((_, below)) = pointer.split_once("attributes/fields")
        && below.split('/').all(|part| ["", "*"].contains(&part))
    {
        return ALL_FIELDS.to_owned();
    }
    let inside = pointer.split('/').skip_while(|part| *part != "attributes").skip(1);
    let is_name =
        |part: &&str| !["fields", "value", "*"].contains(part) && !part.bytes().all(|b| b.is_ascii_digit());
    inside.filter(is_name).map(to_kebab).collect::<Vec<_>>().join("-")
}

/// The names that what is told under a key has elsewhere.
fn also_known(key: &str) -> &'static [&'static str] {
    match key {
        "account-reference-id" => &["reference-id"],
        "tag" | "tag-name" | "added-tags" | "removed-tags" => &["tags"],
        "account-status" => &["status"],
        // Of events: which status became which.
        "from" | "to" => &["account-status", "status"],
        "hashed-identification-number" => &["identification-number"],
        _ => &[],
    }
}

/// Whether a name means what a path of keys leads to.
fn covers(name: &str, path: &[String], in_fields: bool) -> bool {
    let by_path = (0..path.len()).any(|from| {
        let joined = path.get(from..).unwrap_or_default().join("-");
        // With all of its parts the whole is hidden: `address-*` is `fields.address`.
        fits(name, &joined) || (in_fields && fits(name, &format!("{joined}-")))
    });
    by_path || path.last().is_some_and(|key| also_known(key).iter().any(|other| fits(name, other)))
}

/// Where in a document something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Attributes,
    Fields,
}

/// Removes attributes of a name, wherever an object has attributes, and below them. `path` holds the keys below
/// `attributes`, without those that only wrap values.
fn by_name(name: &str, value: &mut Value, place: Place, path: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let is_typed = object.len() == 2 && object.contains_key("type") && object.contains_key("value");
            object.retain(|key, value| {
                if place == Place::Outside {
                    let place = if key == "attributes" { Place::Attributes } else { place };
                    by_name(name, value, place, path);
                    return true;
                }
                if key == "fields" || (is_typed && key == "value") {
                    let place = if key == "fields" { Place::Fields } else { place };
                    by_name(name, value, place, path);
                    return !fits(name, key);
                }
                path.push(to_kebab(key));
                let is_hidden = covers(name, path, place == Place::Fields);
                by_name(name, value, place, path);
                path.pop();
                !is_hidden
            });
        }
        Value::Array(list) => list.iter_mut().for_each(|value| by_name(name, value, place, path)),
        _ => {}
    }
}

/// Removes what a pointer leads to; a list stands aside: the pointer goes into each of its objects.
fn by_pointer(parts: &[&str], value: &mut Value) {
    let Some((first, rest)) = parts.split_first() else { return };
    match value {
        Value::Object(object) if rest.is_empty() => object.retain(|key, _| !fits(first, key)),
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                if fits(first, key) {
                    by_pointer(rest, value);
                }
            }
        }
        Value::Array(list) => {
            let is_index = *first == "*" || first.parse::<usize>().is_ok();
            for (index, value) in list.iter_mut().enumerate() {
                if !is_index {
                    by_pointer(parts, value);
                } else if fits(first, &index.to_string()) {
                    by_pointer(rest, value);
                }
            }
        }
        _ => {}
    }
}

/// Whether a key fits a pattern, however the two are inflected, and whatever their case.
fn fits(pattern: &str, key: &str) -> bool {
    let (pattern, key) = (to_kebab(pattern).to_ascii_lowercase(), to_kebab(key).to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = key.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(place) = rest.find(part) else { return false };
        rest = rest.get(place + part.len()..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{
        account_type::{Field, FieldKind, Item, Screened},
        subject::SubjectKind,
    };

    fn individual() -> AccountType {
        let item = |key: &str| Item {
            key: key.to_owned(),
            label: String::new(),
            kind: FieldKind::TEXT,
            required: false,
        };
        let parts = |keys: &[&str]| FieldKind::Hash {
            items: keys.iter().map(|key| item(key)).collect(),
            ignore_unknown_keys: false,
        };
        AccountType {
            name: "individual".to_owned(),
            kind: SubjectKind::Person,
            fields: vec![
                Field::new("name", FieldKind::person_name()),
                Field::new("address", parts(&["city", "country_code"])),
                Field::new("tax_number", FieldKind::TEXT),
            ],
            statuses: Vec::new(),
            default_status: String::new(),
            screened: Screened {
                names: vec!["name".to_owned()],
                birth_date: Some("birthdate".to_owned()),
                countries: vec!["address.country_code".to_owned()],
                ..Screened::default()
            },
            relations: Vec::new(),
        }
    }

    fn list(entry: &str) -> Blocklist {
        Blocklist::new(&[entry.to_owned()], vec![individual()])
    }

    fn without(entry: &str, attributes: &Value) -> Value {
        let mut document = json!({ "data": [{ "type": "x", "attributes": attributes }] });
        list(entry).apply(&mut document);
        document["data"][0]["attributes"].take()
    }

    fn blocked(entry: &str) -> Value {
        let fields = json!({"tax_number": 1, "name": 2});
        without(entry, &json!({"address-city": "X", "reference-id": "r", "fields": fields}))
    }

    #[test]
    fn names_and_pointers_take_attributes_out() {
        let rest = json!({"reference-id": "r", "fields": {"tax_number": 1, "name": 2}});
        assert_eq!(blocked("address-*"), rest);
        let rest = json!({"address-city": "X", "reference-id": "r", "fields": {"name": 2}});
        assert_eq!(blocked("/data/attributes/fields/*-number"), rest);
        assert_eq!(blocked("tax-number"), rest);
        assert_eq!(blocked("/data/*/attributes/fields/tax_number"), rest);
    }

    #[test]
    fn a_name_holds_for_parts_of_fields_and_with_all_of_its_parts_the_whole_is_hidden() {
        let text = |text: &str| json!({"type": "string", "value": text});
        let hash = |parts: Value| json!({"type": "hash", "value": parts});
        let name = hash(json!({"first": text("Jane"), "last": text("Doe")}));
        let address = hash(json!({"city": text("X")}));
        let fields = json!({"fields": {"name": name, "address": address, "name_last": text("Doe")}});
        let rest = json!({"fields": {"name": hash(json!({"first": text("Jane")})), "address": address}});
        assert_eq!(without("name-last", &fields), rest);
        assert_eq!(without("nameLast", &fields), rest);
        assert_eq!(without("address-*", &fields)["fields"]["address"], Value::Null);
        assert_eq!(without("name-*", &fields), json!({"fields": {"address": address}}));
        let numbers = json!([hash(json!({"identification_number": text("1"), "kind": text("visa"),
            "hashed_identification_number": text("f")}))]);
        let fields = json!({"fields": {"identification_numbers": {"type": "array", "value": numbers}}});
        let rest = json!([hash(json!({"kind": text("visa")}))]);
        assert_eq!(
            without("identification-number", &fields)["fields"]["identification_numbers"]["value"],
            rest
        );
    }

    #[test]
    fn an_entry_blocks_in_whichever_spelling_it_was_given() {
        let name =
            json!({"first": {"type": "string", "value": "Jane"}, "last": {"type": "string", "value": "Doe"}});
        let fields = json!({"name-last": "Doe", "fields": {"name": {"type": "hash", "value": name}}});
        for entry in ["name-last ", "NAME-LAST", "fields.name.last", "Name_Last"] {
            let told = without(entry, &fields).to_string();
            assert!(told.contains("Jane") && !told.contains("Doe"), "{entry}: {told}");
            assert!(list(entry).hides_screened, "{entry}");
        }
        for entry in ["fields.*", "fields", "/data/attributes/fields", "/data/attributes/fields/*"] {
            let told = without(entry, &fields).to_string();
            assert!(!told.contains("Jane") && !told.contains("Doe"), "{entry}: {told}");
            assert!(list(entry).hides_screened, "{entry}");
        }
    }

    #[test]
    fn what_other_objects_repeat_under_other_names_is_hidden_too() {
        let hit = json!({"account-reference-id": "r", "state": "open"});
        assert_eq!(without("reference-id", &hit), json!({"state": "open"}));
        let event = json!({"name": "account.tag-added", "context": {"tag": "vip"}});
        assert_eq!(without("tags", &event), json!({"name": "account.tag-added", "context": {}}));
        let event = json!({"context": {"from": "active", "to": "blocked"}, "account-status": "blocked"});
        assert_eq!(without("status", &event), json!({"context": {}}));
        assert_eq!(without("account-status", &event), json!({"context": {}}));
    }

    #[test]
    fn reasons_are_told_to_who_may_see_all_that_is_screened() {
        let hit = json!({"score": 0.9, "reasons": [{"text": "“Doe” is the same in both names."}]});
        for entry in
            ["name-last", "name", "name-*", "birthdate", "address-*", "*-code", "/data/attributes/name-last"]
        {
            assert_eq!(without(entry, &hit), json!({"score": 0.9}), "{entry}");
        }
        assert_eq!(without("tags", &hit), hit);
        assert_eq!(without("address-city", &hit), hit);
    }

    #[test]
    fn what_an_own_list_says_is_told_to_who_may_see_all_that_is_screened() {
        let entity = |id: &str| json!({"entity-id": id, "name": "Jane Doe", "score": 1.0});
        let hit =
            |id: &str| json!({"entity-id": id, "name": "Jane Doe", "facts": {"names": ["Doe"]}, "list": "x"});
        let report = json!({"matched-lists": [{"entities": [entity("own:1"), entity("e:1")]}]});
        for entry in ["name-last", "birthdate", "fields.name.last"] {
            assert_eq!(without(entry, &hit("own:1")), json!({"entity-id": "own:1", "list": "x"}), "{entry}");
            assert_eq!(
                without(entry, &hit("e:1"))["name"],
                "Jane Doe",
                "what is published is public: {entry}"
            );
            let told = without(entry, &report);
            let own = json!({"entity-id": "own:1", "score": 1.0});
            assert_eq!(told["matched-lists"][0]["entities"], json!([own, entity("e:1")]), "{entry}");
        }
        assert_eq!(without("tags", &hit("own:1")), hit("own:1"));
    }

    #[test]
    fn conditions_on_what_is_hidden_are_refused() {
        for (entry, attribute) in [
            ("name-last", "fields.name.last"),
            ("name-last", "fields.name"),
            ("name", "fields.name.last"),
            ("*-last", "fields.name"),
            ("address-*", "fields.address"),
            ("address-*", "identifiers.address.city"),
            ("/data/attributes/fields/tax_number", "fields.tax_number"),
            ("/data/attributes/fields/name/value/last", "fields.name.last"),
            ("status", "account-status"),
            ("tags", "tag"),
            ("reference-*", "reference-id"),
        ] {
            let refused = list(entry).must_not_hide(attribute, "/query").unwrap_err();
            assert_eq!(refused.status, axum::http::StatusCode::FORBIDDEN);
            assert!(refused.body().to_string().contains(attribute), "{entry} {attribute}");
        }
        for (entry, attribute) in [
            ("name-last", "fields.name.first"),
            ("name-last", "name"),
            ("name-*", "name"),
            ("address-*", "fields.tax_number"),
            ("account-status", "status"),
            ("/data/id", "reference-id"),
        ] {
            list(entry).must_not_hide(attribute, "/query").unwrap();
        }
    }

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(fits("*-number", "tax_number") && fits("a*c*e", "abcde") && fits("*", "x"));
        assert!(!fits("a*c", "abd") && !fits("name", "names") && !fits("*-number", "number-x"));
    }
}
