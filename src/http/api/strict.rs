//! A body as its types say it: `serde` takes a list for an object, by the order of its fields, and so would make an
//! empty account of `{"data": []}`. Here an object is an object.

use serde::{
    Deserializer,
    de::{
        Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Map, Value};

/// A document, or a part of one, to be read.
#[derive(Clone, Copy)]
pub(super) struct Strict<'de>(pub(super) &'de Value);

impl<'de> IntoDeserializer<'de, Error> for Strict<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The entries of an object, each to be read so.
fn entries(object: &Map<String, Value>) -> impl Iterator<Item = (&str, Strict<'_>)> {
    object.iter().map(|(key, value)| (key.as_str(), Strict(value)))
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(list) => {
                let mut list = SeqDeserializer::<_, Error>::new(list.iter().map(Strict));
                let value = visitor.visit_seq(&mut list)?;
                list.end()?;
                Ok(value)
            }
            Value::Object(object) => {
                let mut entries = MapDeserializer::<_, Error>::new(entries(object));
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(object) if object.len() == 1 => visitor
                .visit_enum(MapAccessDeserializer::new(MapDeserializer::<_, Error>::new(entries(object)))),
            other => other.deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        word: Option<String>,
        number: Option<u16>,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    enum Step {
        Plain,
        Of(Inner),
    }

    #[derive(Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Outer {
        inner: Inner,
        list: Vec<Inner>,
        by_name: BTreeMap<String, Inner>,
        steps: Vec<Step>,
        any: Option<Value>,
    }

    fn read(value: &Value) -> Result<Outer, String> {
        serde_path_to_error::deserialize(Strict(value)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_right_is_read_as_ever() {
        let sent = json!({
            "inner": { "word": "a", "number": 7 },
            "list": [{ "word": null }],
            "by_name": { "x": {} },
            "steps": ["Plain", { "Of": { "number": 1 } }],
            "any": [1, -2, 1.5, { "a": [true, null] }],
        });
        let expected = Outer {
            inner: Inner { word: Some("a".to_owned()), number: Some(7) },
            list: vec![Inner::default()],
            by_name: BTreeMap::from([("x".to_owned(), Inner::default())]),
            steps: vec![Step::Plain, Step::Of(Inner { word: None, number: Some(1) })],
            any: Some(json!([1, -2, 1.5, { "a": [true, null] }])),
        };
        assert_eq!(read(&sent), Ok(expected));
    }

    #[test]
    fn a_list_is_no_object_wherever_it_stands() {
        for sent in [
            json!([]),
            json!([{}]),
            json!({ "inner": [] }),
            json!({ "inner": ["a", 7] }),
            json!({ "list": [[]] }),
            json!({ "by_name": { "x": [] } }),
            json!({ "steps": [{ "Of": [] }] }),
        ] {
            let error = read(&sent).unwrap_err();
            assert!(error.contains("invalid type: sequence, expected struct"), "{sent}: {error}");
        }
    }

    #[test]
    fn other_faults_are_told_as_ever() {
        for (sent, expected) in [
            (
                json!({ "inner": { "number": 70_000 } }),
                "inner.number: invalid value: integer `70000`, expected u16",
            ),
            (json!({ "inner": { "word": 1 } }), "inner.word: invalid type: integer `1`, expected a string"),
            (json!({ "steps": ["Other"] }), "unknown variant `Other`, expected `Plain` or `Of`"),
        ] {
            let error = read(&sent).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(read(&json!({ "inner": { "other": 1 } })).unwrap_err().contains("unknown field `other`"));
    }
}
