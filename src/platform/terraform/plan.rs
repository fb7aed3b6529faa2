//! A plan's document: which resources it touches, and what of them differs. Sensitive values were removed before it was
//! handed out; what is marked so is not shown even then.
//!
//! Never: a plan without `resource_changes` as one that changes nothing; a version, a word or an end that is not known as
//! one that is; a sensitive field that stays unsaid because both its sides look alike.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    platform::Fact,
    row::{
        Digest, c1,
        gate::{Action, FieldChange, ResourceChange},
    },
};

/// Versions of the form by their first number: 0.1, 0.2, 1.0 to 1.2 are about.
const MAJORS: [&str; 2] = ["0", "1"];
const SENSITIVE: &str = "(sensitive)";
const UNKNOWN_YET: &str = "(known after apply)";

/// What a plan changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Over the resource changes as received, keys sorted.
    pub digest: Digest,
    /// In the plan's order; what is not touched is left out.
    pub changes: Vec<ResourceChange>,
}

#[derive(Debug, Deserialize)]
struct Wire {
    format_version: Option<String>,
    resource_changes: Option<Value>,
    #[serde(default)]
    errored: bool,
    complete: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    address: String,
    #[serde(rename = "type")]
    kind: String,
    change: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    actions: Vec<String>,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    before_sensitive: Value,
    #[serde(default)]
    after_sensitive: Value,
}

/// Reads a document; `Err` for what is no plan at all.
pub(super) fn read(bytes: &[u8]) -> Result<Fact<Changes>, String> {
    let unknown = |why: String| Ok(Fact::Unknown(why));
    let text = decode(bytes)?;
    let wire: Wire = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let Some(version) = wire.format_version else {
        return Err("no format_version in it".to_owned());
    };
    if !MAJORS.contains(&version.split('.').next().unwrap_or_default()) {
        return unknown(format!("plans of the form {version} are not known here"));
    }
    if wire.errored {
        return unknown("the plan ended in an error".to_owned());
    }
    if wire.complete == Some(false) {
        return unknown("the plan is not complete: more changes follow after an apply".to_owned());
    }
    let Some(listed) = wire.resource_changes else {
        return unknown("the plan has no list of resource changes".to_owned());
    };
    let resources = Vec::<Resource>::deserialize(&listed).map_err(|error| error.to_string())?;
    let mut changes = Vec::new();
    for resource in resources {
        match action(&resource.change.actions) {
            Ok(None) => {}
            Ok(Some(action)) => changes.push(resource.touched(action)),
            Err(actions) => {
                return unknown(format!(
                    "what the plan does with {} is not known here: {actions}",
                    resource.address
                ));
            }
        }
    }
    Ok(Fact::Known(Changes { digest: Digest::of(c1::sorted_json(&listed)), changes }))
}

/// UTF-8, or UTF-16 as Windows makes it, with a byte order mark or without.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, String> {
    let wide = |bytes: &[u8], number: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| number(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.ok().filter(|_| rest.is_empty()).map(Cow::Owned).ok_or_else(|| "broken UTF-16".to_owned())
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [b'{', 0, ..] => wide(bytes, u16::from_le_bytes),
        [0, b'{', ..] => wide(bytes, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] | rest => {
            std::str::from_utf8(rest).map(Cow::Borrowed).map_err(|error| error.to_string())
        }
    }
}

/// `None`: it is not touched. Fails with words that nobody here knows.
fn action(actions: &[String]) -> Result<Option<Action>, String> {
    let words: Vec<&str> = actions.iter().map(String::as_str).collect();
    Ok(match words.as_slice() {
        ["no-op"] => None,
        ["read"] => Some(Action::Read),
        ["create"] => Some(Action::Create),
        ["update"] => Some(Action::Update),
        ["delete"] => Some(Action::Destroy),
        ["forget"] => Some(Action::Forget),
        ["delete", "create"] | ["create", "delete"] => Some(Action::Replace),
        _ => return Err(words.join(", ")),
    })
}

impl Resource {
    fn touched(self, action: Action) -> ResourceChange {
        let fields = self.change.fields();
        ResourceChange { address: self.address, kind: self.kind, action, fields }
    }
}

impl Change {
    /// By name, in order. A sensitive field of both sides is always among them: nobody here can tell whether it differs.
    fn fields(&self) -> Vec<FieldChange> {
        let sides = [&self.before, &self.after, &self.after_unknown];
        let mut names: Vec<&String> =
            sides.into_iter().filter_map(Value::as_object).flat_map(|o| o.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let fields = names.into_iter().filter_map(|name| {
            let (was_secret, is_secret) = (&self.before_sensitive[name], &self.after_sensitive[name]);
            // `true` in the place of a whole side means all of it.
            let (all_was, all_is) = (&self.before_sensitive, &self.after_sensitive);
            let pick = |whole: &Value, part: &Value| {
                if whole == &Value::Bool(true) { whole.clone() } else { part.clone() }
            };
            let (was_secret, is_secret) = (pick(all_was, was_secret), pick(all_is, is_secret));
            let not_known = pick(&self.after_unknown, &self.after_unknown[name]);
            let before = shown(self.before.get(name), &was_secret, &Value::Null);
            let after = shown(self.after.get(name), &is_secret, &not_known);
            let hidden = before.is_some() && after.is_some() && (marks(&was_secret) || marks(&is_secret));
            (before != after || hidden).then(|| FieldChange { name: name.clone(), before, after })
        });
        fields.collect()
    }
}

/// A value as compact JSON; `None` for none, which is null as well. What is sensitive or not known yet is said in words.
fn shown(value: Option<&Value>, secret: &Value, not_known: &Value) -> Option<String> {
    match masked(value.unwrap_or(&Value::Null), secret, not_known) {
        Value::Null => None,
        Value::String(words) if words == SENSITIVE || words == UNKNOWN_YET => Some(words),
        value => Some(value.to_string()),
    }
}

/// The value with words where `secret` or `not_known` has `true`.
fn masked(value: &Value, secret: &Value, not_known: &Value) -> Value {
    if secret == &Value::Bool(true) {
        return Value::String(SENSITIVE.to_owned());
    }
    if not_known == &Value::Bool(true) {
        return Value::String(UNKNOWN_YET.to_owned());
    }
    match (value, not_known) {
        (Value::Object(fields), _) => {
            let mut out = serde_json::Map::new();
            for (name, field) in fields {
                out.insert(name.clone(), masked(field, &secret[name], &not_known[name]));
            }
            // What is not known yet is not among the values.
            for (name, mark) in not_known.as_object().into_iter().flatten().filter(|(_, mark)| marks(mark)) {
                if !fields.contains_key(name) {
                    out.insert(name.clone(), masked(&Value::Null, &secret[name], mark));
                }
            }
            Value::Object(out)
        }
        (Value::Array(items), _) => {
            let each = items.iter().enumerate().map(|(at, item)| masked(item, &secret[at], &not_known[at]));
            Value::Array(each.collect())
        }
        (Value::Null, mark) if marks(mark) => Value::String(UNKNOWN_YET.to_owned()),
        (value, _) => value.clone(),
    }
}

/// Is something in it marked?
fn marks(marks_of: &Value) -> bool {
    match marks_of {
        Value::Bool(mark) => *mark,
        Value::Array(items) => items.iter().any(marks),
        Value::Object(fields) => fields.values().any(marks),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(changes: &Value) -> Value {
        json!({"format_version": "1.2", "terraform_version": "1.9.5", "errored": false, "complete": true,
            "resource_changes": changes})
    }

    fn parsed(document: &Value) -> Fact<Changes> {
        read(document.to_string().as_bytes()).unwrap()
    }

    fn sample() -> Value {
        let change = |kind: &str, actions: Value, mut change: Value| {
            change["actions"] = actions;
            json!({"address": format!("{kind}.one"), "mode": "managed", "type": kind, "name": "one", "change": change})
        };
        json!([
            change(
                "aws_iam_role",
                json!(["create"]),
                json!({"before": null,
                "after": {"name": "billing-worker", "tags": null, "inline": [{"rule": "r"}]},
                "after_unknown": {"arn": true, "id": true, "inline": [{"id": true}]}, "before_sensitive": false,
                "after_sensitive": {}})
            ),
            change(
                "aws_db_parameter_group",
                json!(["delete", "create"]),
                json!({
                "before": {"name": "orders-old", "family": "postgres15", "port": 5432},
                "after": {"name": "orders", "family": "postgres16", "port": 5432}, "after_unknown": {"arn": true},
                "before_sensitive": false, "after_sensitive": {}})
            ),
            change(
                "aws_lambda_function",
                json!(["update"]),
                json!({
                "before": {"memory_size": 256, "environment": [{"variables": {"KEY": "REDACTED"}}]},
                "after": {"memory_size": 512, "environment": [{"variables": {"KEY": "REDACTED"}}]},
                "after_unknown": {}, "before_sensitive": {"environment": [{"variables": true}]},
                "after_sensitive": {"environment": [{"variables": true}]}})
            ),
            change(
                "aws_s3_bucket",
                json!(["no-op"]),
                json!({"before": {"bucket": "logs"}, "after": {"bucket": "logs"}})
            ),
            change(
                "aws_kms_key",
                json!(["delete"]),
                json!({"before": {"id": "k", "key": "x"}, "after": null,
                "before_sensitive": true, "after_sensitive": false})
            ),
            change("aws_iam_policy_document", json!(["read"]), json!({"before": null, "after": {}})),
            change("aws_old", json!(["forget"]), json!({"before": {"id": "o"}, "after": null})),
        ])
    }

    #[test]
    fn it_tells_what_is_touched_and_what_of_it_differs() {
        let found = parsed(&document(&sample())).known().unwrap();
        let actions: Vec<Action> = found.changes.iter().map(|change| change.action).collect();
        use Action::{Create, Destroy, Forget, Read, Replace, Update};
        assert_eq!(actions, [Create, Replace, Update, Destroy, Read, Forget]);
        let told = |index: usize| -> Vec<String> {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".to_owned());
            let fields = found.changes[index].fields.iter();
            fields
                .map(|field| format!("{}: {} > {}", field.name, side(&field.before), side(&field.after)))
                .collect()
        };
        assert_eq!(
            told(0),
            [
                "arn: - > (known after apply)",
                "id: - > (known after apply)",
                r#"inline: - > [{"rule":"r","id":"(known after apply)"}]"#,
                r#"name: - > "billing-worker""#
            ]
        );
        assert_eq!(
            told(1),
            [
                "arn: - > (known after apply)",
                r#"family: "postgres15" > "postgres16""#,
                r#"name: "orders-old" > "orders""#
            ]
        );
        let masked = r#"[{"variables":"(sensitive)"}]"#;
        assert_eq!(
            told(2),
            [format!("environment: {masked} > {masked}"), "memory_size: 256 > 512".to_owned()]
        );
        assert_eq!(told(3), ["id: (sensitive) > -", "key: (sensitive) > -"]);
    }

    #[test]
    fn the_digest_is_over_the_changes_alone_and_keeps_no_order_of_keys() {
        let digest = |document: &Value| parsed(document).known().unwrap().digest;
        let mut later = document(&sample());
        later["timestamp"] = json!("2026-08-22T14:04:01Z");
        assert_eq!(digest(&document(&sample())), digest(&later));
        let [ab, ba] = [r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#].map(|after| {
            let one = r#"{"address":"x.y","type":"x","change":{"actions":["create"],"after":AFTER}}"#;
            let text =
                format!(r#"{{"format_version":"1.0","resource_changes":[{}]}}"#, one.replace("AFTER", after));
            read(text.as_bytes()).unwrap().known().unwrap()
        });
        assert_eq!(ab, ba);
        assert_ne!(ab.digest, digest(&later));
    }

    #[test]
    fn what_is_not_said_is_unknown_never_no_change() {
        let cases: [(&str, Value, &str); 6] = [
            ("/resource_changes", json!(null), "no list"),
            ("/format_version", json!("2.0"), "2.0"),
            ("/format_version", json!("10.1"), "10.1"),
            ("/errored", json!(true), "error"),
            ("/complete", json!(false), "not complete"),
            ("/resource_changes/0/change/actions", json!(["destroy-later"]), "aws_iam_role.one"),
        ];
        for (place, value, words) in cases {
            let mut odd = document(&sample());
            *odd.pointer_mut(place).unwrap() = value;
            assert!(matches!(parsed(&odd), Fact::Unknown(why) if why.contains(words)), "{place}");
        }
        let mut without = document(&sample());
        without.as_object_mut().unwrap().remove("resource_changes");
        assert!(matches!(parsed(&without), Fact::Unknown(_)));
        assert_eq!(parsed(&document(&json!([]))).known().unwrap().changes, []);
        for garbage in
            ["", "[]", "{}", "<html>", r#"{"format_version":"1.2","resource_changes":[{"type":1}]}"#]
        {
            assert!(read(garbage.as_bytes()).is_err(), "{garbage}");
        }
    }

    #[test]
    fn files_from_windows_are_read() {
        let text = document(&sample()).to_string();
        let expected = read(text.as_bytes()).unwrap();
        let wide = |number: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(number).collect() };
        let (little, big) = (wide(u16::to_le_bytes), wide(u16::to_be_bytes));
        let with = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            with(&[0xEF, 0xBB, 0xBF], text.as_bytes()),
            with(&[0xFF, 0xFE], &little),
            with(&[0xFE, 0xFF], &big),
            little.clone(),
            big,
        ] {
            assert_eq!(read(&bytes).unwrap(), expected);
        }
        assert!(read(&little[..little.len() - 1]).is_err(), "cut in the middle of a character");
    }
}
