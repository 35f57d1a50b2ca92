//! What comes back: where in a vendor's JSON the hits are, and what of them we keep.
//!
//! Places are JSON pointers (RFC 6901). Reading is strict where an error could pass for *clear*:
//! hits that are not there, a hit without its entity, a `matched` that is no boolean make the whole
//! answer unreadable. It is lenient where only wording is at stake: a hit without a name is shown
//! by its entity, one without a list by the provider, one without a score counts as certain.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::answer::{Answer, Finding, Reason};

use super::{SettingsFault, verdict::Failure};

/// Where to find what in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerMapping {
    /// From the answer's root to the hits: an array, or an object whose values are the hits.
    pub hits: String,
    /// Whether `null` in that place means no hits (as servers written in Go say it).
    pub null_is_clear: bool,
    /// From a hit to the lasting name of its entity, a text or a number; required in each hit.
    pub entity: String,
    /// From a hit to what its entity's name is unique within, such as its list; unique within the provider if none.
    pub scope: Option<String>,
    /// From a hit to the names that its entity had before: a text, or an array of them.
    pub former_ids: Option<String>,
    /// From a hit to the list that the entity stands on: a text, or an array of them.
    pub list: Option<String>,
    /// From a hit to the entity's main name.
    pub name: Option<String>,
    /// From a hit to its score, a number or a number as text.
    pub score: Option<String>,
    /// The score of certainty, such as 100; scores are divided by it, thresholds multiplied.
    pub score_scale: f64,
    /// From a hit to the values of which a change is news; list and name when empty.
    pub facts: Vec<String>,
    /// From a hit to a boolean that must be true for the hit to count.
    pub matched: Option<String>,
    /// From the answer's root to an error inside a successful answer. A number is a status, and
    /// only 2xx is well; of others, only an absent, null, false or empty value is well.
    pub error: Option<String>,
}

impl AnswerMapping {
    /// The least that an answer needs: where the hits are, and where their entities.
    pub fn new(hits: impl Into<String>, entity: impl Into<String>) -> Self {
        Self {
            hits: hits.into(),
            null_is_clear: false,
            entity: entity.into(),
            scope: None,
            former_ids: None,
            list: None,
            name: None,
            score: None,
            score_scale: 1.0,
            facts: Vec::new(),
            matched: None,
            error: None,
        }
    }

    /// Refuses what cannot be a pointer or a scale.
    pub(super) fn check(&self) -> Result<(), SettingsFault> {
        let optional = [
            ("former-ids", &self.former_ids),
            ("list", &self.list),
            ("name", &self.name),
            ("score", &self.score),
            ("matched", &self.matched),
        ];
        check_pointer("hits", &self.hits)?;
        check_pointer("entity", &self.entity)?;
        for (key, pointer) in optional.into_iter().chain([("error", &self.error)]) {
            pointer.as_deref().map_or(Ok(()), |pointer| check_pointer(key, pointer))?;
        }
        for (index, pointer) in self.facts.iter().enumerate() {
            check_pointer(&format!("facts.{index}"), pointer)?;
        }
        if !(self.score_scale.is_finite() && self.score_scale > 0.0) {
            return Err(SettingsFault::new("answer.score_scale", "must be a number above 0"));
        }
        Ok(())
    }

    /// Reads the findings out of an answer of `provider`.
    pub(super) fn read(&self, provider: &str, answer: &Value) -> Result<Answer, Failure> {
        self.check_error(answer)?;
        let mut findings = BTreeMap::new();
        match answer.pointer(&self.hits) {
            Some(Value::Array(hits)) => self.collect(provider, hits, &mut findings)?,
            Some(Value::Object(hits)) => self.collect(provider, hits.values(), &mut findings)?,
            Some(Value::Null) if self.null_is_clear => {}
            None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                return Err(Failure::Unreadable);
            }
        }
        Ok(Answer { findings: findings.into_values().map(merge).collect() })
    }

    fn check_error(&self, answer: &Value) -> Result<(), Failure> {
        match self.error.as_deref().and_then(|pointer| answer.pointer(pointer)) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(()),
            Some(Value::String(text)) if text.is_empty() => Ok(()),
            Some(Value::Array(entries)) if entries.is_empty() => Ok(()),
            Some(Value::Object(members)) if members.is_empty() => Ok(()),
            Some(Value::Number(number)) => {
                match number.as_u64().and_then(|number| u16::try_from(number).ok()) {
                    Some(200..=299) => Ok(()),
                    Some(status) => Err(Failure::Status(status)),
                    None => Err(Failure::Reported),
                }
            }
            Some(Value::Bool(true) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Failure::Reported)
            }
        }
    }

    fn collect<'a>(
        &self,
        provider: &str,
        hits: impl IntoIterator<Item = &'a Value>,
        findings: &mut BTreeMap<String, Vec<Finding>>,
    ) -> Result<(), Failure> {
        for hit in hits {
            if self.counts(hit)? {
                let finding = self.finding(provider, hit)?;
                findings.entry(finding.entity.clone()).or_default().push(finding);
            }
        }
        Ok(())
    }

    fn counts(&self, hit: &Value) -> Result<bool, Failure> {
        let Some(pointer) = &self.matched else { return Ok(true) };
        hit.pointer(pointer).and_then(Value::as_bool).ok_or(Failure::Unreadable)
    }

    fn finding(&self, provider: &str, hit: &Value) -> Result<Finding, Failure> {
        let entity = match hit.pointer(&self.entity) {
            Some(Value::String(entity)) if !entity.trim().is_empty() => entity.clone(),
            Some(Value::Number(entity)) => entity.to_string(),
            _ => return Err(Failure::Unreadable),
        };
        let scope = match &self.scope {
            None => None,
            Some(scope) => Some(words(hit, Some(scope)).ok_or(Failure::Unreadable)?),
        };
        let scoped = |entity: String| match &scope {
            None => entity,
            Some(scope) => format!("{scope}:{entity}"),
        };
        let former =
            all_words(hit, self.former_ids.as_deref()).into_iter().filter(|former| *former != entity);
        let former_ids: Vec<String> = former.map(scoped).collect();
        let entity = scoped(entity);
        let list = words(hit, self.list.as_deref()).unwrap_or_else(|| provider.to_owned());
        let name = words(hit, self.name.as_deref()).unwrap_or_else(|| entity.clone());
        let score = self.score(hit)?;
        let facts = self.facts(hit, &list, &name);
        let text = format!("{provider} matched {name} ({list})");
        let reasons = vec![Reason { fact: "provider".to_owned(), text, effect: score }];
        Ok(Finding { entity, former_ids, list, name, score, facts, reasons })
    }

    fn score(&self, hit: &Value) -> Result<f64, Failure> {
        let score = match self.score.as_deref().and_then(|pointer| hit.pointer(pointer)) {
            None | Some(Value::Null) => return Ok(1.0),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        let score = score.filter(|score: &f64| score.is_finite()).ok_or(Failure::Unreadable)?;
        Ok((score / self.score_scale).clamp(0.0, 1.0))
    }

    fn facts(&self, hit: &Value, list: &str, name: &str) -> Value {
        let mut facts = Map::new();
        if self.facts.is_empty() {
            facts.insert("list".to_owned(), list.into());
            facts.insert("name".to_owned(), name.into());
        }
        for pointer in &self.facts {
            if let Some(value) = hit.pointer(pointer).filter(|value| !value.is_null()) {
                facts.insert(pointer.clone(), unordered(value));
            }
        }
        Value::Object(facts)
    }
}

fn check_pointer(key: &str, pointer: &str) -> Result<(), SettingsFault> {
    let rooted = pointer.is_empty() || pointer.starts_with('/');
    let escaped = pointer.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if rooted && escaped {
        return Ok(());
    }
    Err(SettingsFault::new(format!("answer.{key}"), "must be a JSON pointer, such as /results/0"))
}

/// A text, a number, or an array of them in order of the alphabet.
fn words(hit: &Value, pointer: Option<&str>) -> Option<String> {
    let words = all_words(hit, pointer);
    (!words.is_empty()).then(|| words.join(", "))
}

/// The same, each by itself.
fn all_words(hit: &Value, pointer: Option<&str>) -> Vec<String> {
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match pointer.and_then(|pointer| hit.pointer(pointer)) {
        Some(Value::Array(entries)) => {
            let mut entries: Vec<_> = entries.iter().filter_map(word).collect();
            entries.sort();
            entries.dedup();
            entries
        }
        Some(single) => word(single).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The value with its arrays sorted: vendors send aliases in any order, and order is no news.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(entries) => {
            let mut entries: Vec<_> = entries.iter().map(unordered).collect();
            entries.sort_by_cached_key(Value::to_string);
            Value::Array(entries)
        }
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.iter().map(|(name, member)| (name.clone(), unordered(member))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect())
        }
        plain => plain.clone(),
    }
}

/// One finding for hits of the same entity: the best of them, with the facts of all. Which facts
/// it has depends neither on scores nor on order, so that neither can pass for news.
fn merge(mut findings: Vec<Finding>) -> Finding {
    findings.sort_by(|one, other| {
        let same_score = || (&one.list, &one.name).cmp(&(&other.list, &other.name));
        other.score.total_cmp(&one.score).then_with(same_score)
    });
    let mut facts: Vec<_> = findings.iter().map(|finding| finding.facts.clone()).collect();
    facts.sort_by_cached_key(Value::to_string);
    facts.dedup();
    let mut former_ids: Vec<String> = findings.iter().flat_map(|one| one.former_ids.clone()).collect();
    former_ids.sort();
    former_ids.dedup();
    let mut best = findings.into_iter().next().expect("an entity is entered with its first finding");
    best.former_ids = former_ids;
    if facts.len() > 1 {
        best.facts = Value::Array(facts);
    }
    best
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping() -> AnswerMapping {
        AnswerMapping {
            list: Some("/list".to_owned()),
            name: Some("/name".to_owned()),
            score: Some("/score".to_owned()),
            ..AnswerMapping::new("/hits", "/id")
        }
    }

    fn read(mapping: &AnswerMapping, answer: &Value) -> Result<Vec<Finding>, Failure> {
        mapping.read("vendor", answer).map(|answer| answer.findings)
    }

    #[test]
    fn hits_may_be_an_array_an_object_or_the_answer_itself() {
        let hit = json!({"id": "a"});
        for (pointer, answer) in [
            ("/hits", json!({"hits": [hit]})),
            ("/hits", json!({"hits": {"first": hit}})),
            ("", json!([hit])),
        ] {
            let mapping = AnswerMapping { hits: pointer.to_owned(), ..mapping() };
            assert_eq!(read(&mapping, &answer).unwrap()[0].entity, "a", "{answer}");
        }
    }

    #[test]
    fn a_hit_that_says_little_is_shown_by_its_entity_and_provider() {
        let finding =
            read(&mapping(), &json!({"hits": [{"id": 7, "name": " ", "score": null}]})).unwrap().remove(0);
        assert_eq!(
            (finding.entity.as_str(), finding.list.as_str(), finding.name.as_str()),
            ("7", "vendor", "7")
        );
        assert!((finding.score - 1.0).abs() < f64::EPSILON);
        assert_eq!(finding.facts, json!({"list": "vendor", "name": "7"}));
        assert_eq!(finding.reasons[0].fact, "provider");
    }

    #[test]
    fn what_could_hide_a_hit_makes_the_answer_unreadable() {
        let matched = AnswerMapping { matched: Some("/match".to_owned()), ..mapping() };
        for (mapping, hit) in [
            (mapping(), json!({})),
            (mapping(), json!({"id": " "})),
            (mapping(), json!({"id": null})),
            (mapping(), json!("a")),
            (mapping(), json!({"id": "a", "score": "high"})),
            (mapping(), json!({"id": "a", "score": [1]})),
            (matched.clone(), json!({"id": "a"})),
            (matched, json!({"id": "a", "match": "yes"})),
        ] {
            assert_eq!(read(&mapping, &json!({"hits": [hit]})).err(), Some(Failure::Unreadable), "{hit}");
        }
    }

    #[test]
    fn null_is_clear_only_where_the_settings_say_so() {
        let answer = json!({"hits": null});
        assert_eq!(read(&mapping(), &answer).err(), Some(Failure::Unreadable));
        let lenient = AnswerMapping { null_is_clear: true, ..mapping() };
        assert_eq!(read(&lenient, &answer), Ok(Vec::new()));
        assert_eq!(read(&lenient, &json!({})).err(), Some(Failure::Unreadable));
    }

    #[test]
    fn scores_are_scaled_and_kept_between_0_and_1() {
        let mapping = AnswerMapping { score_scale: 100.0, ..mapping() };
        for (score, expected) in
            [(json!(85), 0.85), (json!("42.5"), 0.425), (json!(140), 1.0), (json!(-3), 0.0)]
        {
            let finding = read(&mapping, &json!({"hits": [{"id": "a", "score": score}]})).unwrap().remove(0);
            assert!((finding.score - expected).abs() < 1e-12, "{score}");
        }
    }

    #[test]
    fn an_entity_found_twice_is_one_finding_whose_facts_ignore_score_and_order() {
        let hit = |list: &str, score: f64| json!({"id": "a", "list": list, "name": "A", "score": score});
        let one =
            read(&mapping(), &json!({"hits": [hit("un", 0.9), hit("eu", 0.8), hit("un", 0.7)]})).unwrap();
        let other = read(&mapping(), &json!({"hits": [hit("eu", 0.95), hit("un", 0.6)]})).unwrap();
        assert_eq!((one.len(), one[0].list.as_str(), other[0].list.as_str()), (1, "un", "eu"));
        assert_eq!(one[0].facts, other[0].facts);
        assert_eq!(one[0].facts, json!([{"list": "eu", "name": "A"}, {"list": "un", "name": "A"}]));
    }

    #[test]
    fn facts_do_not_depend_on_the_order_in_which_a_vendor_sends_them() {
        let mapping = AnswerMapping { facts: vec!["/aka".to_owned(), "/gone".to_owned()], ..mapping() };
        let facts =
            |aka: Value| read(&mapping, &json!({"hits": [{"id": 1, "aka": aka}]})).unwrap().remove(0).facts;
        assert_eq!(facts(json!([{"n": ["x", "y"]}, "b"])), facts(json!(["b", {"n": ["y", "x"]}])));
        assert_ne!(facts(json!(["b"])), facts(json!(["c"])));
    }

    #[test]
    fn an_error_value_that_says_nothing_is_no_error() {
        let mapping = AnswerMapping { error: Some("/error".to_owned()), ..mapping() };
        let read = |error: Value| read(&mapping, &json!({"hits": [], "error": error}));
        for error in [json!(null), json!(false), json!(""), json!([]), json!({}), json!(204)] {
            assert_eq!(read(error.clone()), Ok(Vec::new()), "{error}");
        }
        assert_eq!(read(json!(429)), Err(Failure::Status(429)));
        for error in [json!(true), json!("no index"), json!(["x"]), json!({"code": 1}), json!(-1), json!(1.5)]
        {
            assert_eq!(read(error.clone()), Err(Failure::Reported), "{error}");
        }
    }

    #[test]
    fn places_that_are_no_pointers_are_refused_by_their_key() {
        let refused = |mapping: AnswerMapping| mapping.check().unwrap_err().key;
        assert_eq!(refused(AnswerMapping::new("hits", "/id")), "answer.hits");
        assert_eq!(refused(AnswerMapping::new("/hits", "/i~d")), "answer.entity");
        assert_eq!(refused(AnswerMapping { facts: vec!["aka".to_owned()], ..mapping() }), "answer.facts.0");
        assert_eq!(refused(AnswerMapping { error: Some("e".to_owned()), ..mapping() }), "answer.error");
        for score_scale in [0.0, -1.0, f64::NAN] {
            assert_eq!(refused(AnswerMapping { score_scale, ..mapping() }), "answer.score_scale");
        }
        assert_eq!(AnswerMapping::new("", "/a~1b").check(), Ok(()));
    }
}
