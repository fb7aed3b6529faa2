//! Canonical JSON, form `c1`: two programs that mean the same thing write the same bytes.
//!
//! UTF-8, NFC, no white space, keys sorted by code point, only strings, lists and objects. Whatever is signed, hashed
//! or logged passes through here; a reader parses, writes again and compares.
//! Never: numbers, booleans or `null` in the bytes; a lenient reading.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// How deep lists and objects may nest in what is read.
pub const DEPTH_MAX: usize = 64;

/// All that canonical JSON can say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

/// Why bytes were refused as canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    #[error("not the JSON that canonical form allows: {0}")]
    Json(String),
    #[error("nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("differs from its canonical form at byte {0}")]
    Differs(usize),
}

/// An object from pairs: `c1::map([("row", "sync-8821".into())])`.
pub fn map<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Value {
    Value::Map(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// A list of whatever converts into values.
pub fn list<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

/// The canonical bytes. Text is normalised to NFC on the way; of two keys that become equal by that, the later stays.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(value, &mut out);
    out
}

/// Reads canonical bytes and nothing else: refuses duplicates, numbers, booleans, `null`, white space, other escapes.
pub fn parse(bytes: &[u8]) -> Result<Value, NotCanonical> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| NotCanonical::Json(error.to_string()))?;
    if depth(&value) > DEPTH_MAX {
        return Err(NotCanonical::TooDeep);
    }
    let mut again = Vec::with_capacity(bytes.len());
    write(&value, &mut again);
    if again == bytes {
        return Ok(value);
    }
    let at = again.iter().zip(bytes).take_while(|(a, b)| a == b).count();
    Err(NotCanonical::Differs(at))
}

/// What ordinary JSON becomes: numbers and booleans as strings, `null` left out (`None` where it is all there is).
pub fn from_json(json: &serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => Value::Text(number.to_string()),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::List(items.iter().filter_map(from_json).collect()),
        serde_json::Value::Object(fields) => Value::Map(
            fields.iter().filter_map(|(key, value)| Some((key.clone(), from_json(value)?))).collect(),
        ),
    })
}

/// Sorted-key JSON without white space, its scalars as received: for the platforms' own resources inside digests,
/// which have numbers and nulls and must not be normalised.
pub fn sorted_json(json: &serde_json::Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_sorted(json, &mut out);
    out
}

impl Value {
    /// The field of an object; `None` for what is absent or no object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(fields) => fields.get(key),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            Value::Text(_) | Value::Map(_) => None,
        }
    }

    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(fields) => Some(fields),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The string in a field of an object.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }

    /// Takes a field out of an object.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        match self {
            Value::Map(fields) => fields.remove(key),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    /// This object with one more field. On anything but an object it changes nothing.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Value {
        if let Value::Map(fields) = &mut self {
            fields.insert(key.to_owned(), value.into());
        }
        self
    }

    /// This object with one more field where there is a value: what is absent is left out.
    #[must_use]
    pub fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Value {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::Text(text.clone())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::from(if flag { "true" } else { "false" })
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Text(number.to_string())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::from(u64::from(number))
    }
}

/// RFC 3339 in UTC with `Z`.
impl From<jiff::Timestamp> for Value {
    fn from(at: jiff::Timestamp) -> Value {
        Value::Text(at.to_string())
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(items: Vec<V>) -> Value {
        list(items)
    }
}

impl<V: Into<Value>> From<BTreeMap<String, V>> for Value {
    fn from(fields: BTreeMap<String, V>) -> Value {
        map(fields.into_iter().map(|(key, value)| (key, value.into())))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(fields) => serializer.collect_map(fields),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string, a list or an object")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(key) = fields.next_key::<String>()? {
            if all.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} occurs twice")));
            }
            all.insert(key, fields.next_value()?);
        }
        Ok(Value::Map(all))
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Text(_) => 0,
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => write_text(text, out),
        Value::List(items) => {
            out.push(b'[');
            separated(items, out, write);
            out.push(b']');
        }
        Value::Map(fields) if fields.keys().all(|key| normal(key)) => write_fields(fields, out),
        Value::Map(fields) => {
            let fields: BTreeMap<String, &Value> =
                fields.iter().map(|(key, value)| (key.nfc().collect(), value)).collect();
            out.push(b'{');
            separated(&fields, out, |(key, value), out| write_field(key, value, out));
            out.push(b'}');
        }
    }
}

fn write_fields(fields: &BTreeMap<String, Value>, out: &mut Vec<u8>) {
    out.push(b'{');
    separated(fields, out, |(key, value), out| write_field(key, value, out));
    out.push(b'}');
}

fn write_field(key: &str, value: &Value, out: &mut Vec<u8>) {
    write_text(key, out);
    out.push(b':');
    write(value, out);
}

fn write_sorted(json: &serde_json::Value, out: &mut Vec<u8>) {
    match json {
        serde_json::Value::Null => out.extend_from_slice(b"null"),
        serde_json::Value::Bool(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
        serde_json::Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        serde_json::Value::String(text) => write_escaped(text, out),
        serde_json::Value::Array(items) => {
            out.push(b'[');
            separated(items, out, write_sorted);
            out.push(b']');
        }
        serde_json::Value::Object(fields) => {
            let fields: BTreeMap<&String, &serde_json::Value> = fields.iter().collect();
            out.push(b'{');
            separated(fields, out, |(key, value), out| {
                write_escaped(key, out);
                out.push(b':');
                write_sorted(value, out);
            });
            out.push(b'}');
        }
    }
}

fn separated<T>(items: impl IntoIterator<Item = T>, out: &mut Vec<u8>, each: impl Fn(T, &mut Vec<u8>)) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(item, out);
    }
}

fn normal(text: &str) -> bool {
    text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    if normal(text) {
        write_escaped(text, out);
    } else {
        write_escaped(&text.nfc().collect::<String>(), out);
    }
}

fn write_escaped(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    // Plain bytes are copied in runs: nearly all text is one run.
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_exact_bytes() {
        for (value, bytes) in [
            (map([("b", "2".into()), ("a", true.into())]), r#"{"a":"true","b":"2"}"#),
            (list(["x"]), r#"["x"]"#),
            (
                "\u{8}\u{c}\n\r\t\"\\/\u{1}\u{1f}\u{7f}".into(),
                "\"\\b\\f\\n\\r\\t\\\"\\\\/\\u0001\\u001f\u{7f}\"",
            ),
            ("e\u{301}".into(), "\"é\""),
            (map([("e\u{301}", "z".into()), ("f", "y".into())]), "{\"f\":\"y\",\"é\":\"z\"}"),
            (
                map([("\u{ffff}", "1".into()), ("\u{10000}", "2".into())]),
                "{\"\u{ffff}\":\"1\",\"\u{10000}\":\"2\"}",
            ),
        ] {
            assert_eq!(String::from_utf8(to_bytes(&value)).unwrap(), bytes);
            assert!(parse(bytes.as_bytes()).is_ok(), "{bytes}");
        }
    }

    #[test]
    fn refuses_all_other_forms() {
        let deep = "[".repeat(DEPTH_MAX + 1) + &"]".repeat(DEPTH_MAX + 1);
        for bytes in [
            r#"{"b":"1","a":"2"}"#,
            r#"{"a":"1","a":"1"}"#,
            r#"{"a":1}"#,
            r#"{"a":true}"#,
            r#"{"a":null}"#,
            r#"{"a": "1"}"#,
            "{\"a\":\"1\"}\n",
            r#""\u0041""#,
            r#""\/""#,
            r#""\u001F""#,
            "\"e\u{301}\"",
            "",
            "{",
            "\"\u{1}\"",
            "\"a\"\"b\"",
            &deep,
        ] {
            assert!(parse(bytes.as_bytes()).is_err(), "{bytes}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn ordinary_json_becomes_strings_and_resources_stay_as_they_are() {
        let json = serde_json::json!({"z": null, "n": 2, "b": false, "l": [null, 1.5]});
        assert_eq!(to_bytes(&from_json(&json).unwrap()), br#"{"b":"false","l":["1.5"],"n":"2"}"#);
        assert_eq!(sorted_json(&json), br#"{"b":false,"l":[null,1.5],"n":2,"z":null}"#);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = any::<String>().prop_map(Value::from);
        text.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any_value()) {
            let bytes = to_bytes(&value);
            let again = parse(&bytes).unwrap();
            prop_assert_eq!(to_bytes(&again), bytes.clone());
            let plain: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(sorted_json(&plain), bytes);
        }

        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = parse(&bytes) {
                prop_assert_eq!(to_bytes(&value), bytes);
            }
        }
    }
}
