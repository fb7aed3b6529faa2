//! One entry of the log: who did what, when, to which row.
//!
//! What `verify` and `authority` read in a leaf's `body` (other fields may stand there too):
//!
//! | event | fields |
//! | --- | --- |
//! | `row.opened`, `row.revised` | `content_sha256`, `keys_needed` where known; `rule`: who has to sign, where more is asked than keys of anybody; `touch`: `true` where keys have to prove one |
//! | `decision.accepted` | `statement`, `signature`; for approvals `keys_needed`; where known `touch`; under other names what was true of the reviewer, as `on_call` |
//! | `execution.intended` | `decision`: the ids whose keys were counted, a list (or one string with commas); or `policy`: the name of the policy that decided |
//! | `execution.confirmed` | `decision` as above where nothing was intended (done by hand) |
//! | any of a row | `void`: list of ids of decisions that no longer count |
//! | `policy.decided` | `policy`: its name |
//! | administrative events | `statement`, `signature` (see [`super::admin`]); a second admin's `second`: `{"by", "signature"}` |
//!
//! `decision.accepted`, `row.*`, `policy.decided` and `execution.*` leaves carry their `revision`; a decision's is that of
//! its statement.
//!
//! Never: a leaf in another form than the one that is hashed.

use crate::audit::fields::{Fields, FormError};
use crate::row::c1::{self, Value};
use crate::row::{Attributes, Event, PrincipalId, PrincipalKind, RowId};

const VERSION: &str = "1";

/// What an accepted decision's body says beside its reviewer's attributes.
const NOT_ATTRIBUTES: [&str; 15] = [
    "decision_id",
    "decision",
    "reviewer",
    "override",
    "key",
    "touch",
    "keys_needed",
    "statement",
    "signature",
    "from",
    "to",
    "void",
    "code",
    "log",
    "offline",
];

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub id: PrincipalId,
    pub kind: PrincipalKind,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub actor: Actor,
    /// The server's time, never below the previous leaf's.
    pub at: jiff::Timestamp,
    /// An object; what stands in it depends on the event.
    pub body: Value,
    pub event: Event,
    /// The index of the previous leaf of the same row, principal or policy.
    pub prev: Option<u64>,
    pub revision: Option<u32>,
    pub row: Option<RowId>,
}

impl Leaf {
    /// The bytes that are hashed and kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let kind = self.actor.kind.word();
        let actor = c1::map([("id", self.actor.id.as_str().into()), ("kind", kind.into())]);
        let leaf = c1::map([("actor", actor), ("at", self.at.into()), ("body", self.body.clone())])
            .with("event", self.event.name())
            .with_some("prev", self.prev)
            .with_some("revision", self.revision)
            .with_some("row", self.row.map(|row| row.to_string()))
            .with("v", VERSION);
        c1::to_bytes(&leaf)
    }

    /// Reads a leaf, strictly.
    pub fn parse(bytes: &[u8]) -> Result<Leaf, FormError> {
        let mut value = c1::parse(bytes)?;
        let body = value.remove("body").ok_or_else(|| FormError::Missing("body".to_owned()))?;
        let mut fields = Fields::of(&value, "")?;
        let mut actor = fields.object("actor")?;
        let who = Actor { id: actor.exact("id", "a name")?, kind: kind(actor.text("kind")?)? };
        actor.end()?;
        if body.as_map().is_none() {
            return Err(fields.wrong("body", "an object"));
        }
        let leaf = Leaf {
            actor: who,
            at: fields.exact("at", "a time in UTC, as `2026-05-30T02:14:09Z`")?,
            body,
            event: fields.exact("event", "an event of the record")?,
            prev: fields.optional_exact("prev", "a plain number")?,
            revision: fields.optional_exact("revision", "a plain number")?,
            row: fields.optional_exact("row", "a row's id")?,
        };
        if fields.text("v")? != VERSION {
            return Err(fields.wrong("v", "1"));
        }
        fields.end()?;
        Ok(leaf)
    }

    /// A decision's or an administrator's statement and armored signature, byte for byte.
    pub fn signed(&self) -> Option<(&str, &str)> {
        Some((self.body.text("statement")?, self.body.text("signature")?))
    }

    /// What an accepted decision's leaf says was true of its reviewer.
    pub fn attributes(&self) -> Attributes {
        let body = self.body.as_map().into_iter().flatten();
        let other = body.filter(|(name, _)| !NOT_ATTRIBUTES.contains(&name.as_str()));
        let values = |text: &str| text.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect();
        other.filter_map(|(name, value)| Some((name.clone(), values(value.as_text()?)))).collect()
    }

    /// The decisions that an execution names.
    pub fn decisions(&self) -> Vec<&str> {
        match self.body.get("decision") {
            Some(Value::Text(text)) => text.split(',').map(str::trim).filter(|id| !id.is_empty()).collect(),
            Some(Value::List(items)) => items.iter().filter_map(Value::as_text).collect(),
            Some(Value::Map(_)) | None => Vec::new(),
        }
    }
}

fn kind(text: &str) -> Result<PrincipalKind, FormError> {
    let wrong = |_| FormError::Wrong { field: "actor.kind".to_owned(), expected: "a kind of principal" };
    text.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf() -> Leaf {
        Leaf {
            actor: Actor { id: "sarah".parse().unwrap(), kind: PrincipalKind::Human },
            at: "2026-05-30T02:14:09.25Z".parse().unwrap(),
            body: c1::map([("decision", "01J,02J".into())]),
            event: Event::DecisionAccepted,
            prev: Some(7),
            revision: Some(2),
            row: Some("sync-8822".parse().unwrap()),
        }
    }

    const BYTES: &str = r#"{"actor":{"id":"sarah","kind":"human"},"at":"2026-05-30T02:14:09.25Z","body":{"decision":"01J,02J"},"event":"decision.accepted","prev":"7","revision":"2","row":"sync-8822","v":"1"}"#;

    #[test]
    fn a_leaf_has_exact_bytes() {
        assert_eq!(String::from_utf8(leaf().to_bytes()).unwrap(), BYTES);
        assert_eq!(Leaf::parse(BYTES.as_bytes()), Ok(leaf()));
        assert_eq!(leaf().decisions(), ["01J", "02J"]);
        let bare = Leaf { prev: None, revision: None, row: None, ..leaf() };
        assert_eq!(Leaf::parse(&bare.to_bytes()), Ok(bare));
    }

    #[test]
    fn other_forms_are_named() {
        for (from, to, says) in [
            (r#""v":"1""#, r#""v":"2""#, "`v` is not 1"),
            (r#","v":"1""#, "", "`v` is missing"),
            (r#""v":"1""#, r#""v":"1","w":"1""#, "`w` is not known here"),
            (r#""kind":"human""#, r#""kind":"robot""#, "`actor.kind` is not a kind of principal"),
            (r#""prev":"7""#, r#""prev":"07""#, "`prev` is not a plain number"),
            (r#""prev":"7""#, r#""prev":"+7""#, "`prev` is not a plain number"),
            (".25Z", ".250Z", "`at` is not a time in UTC, as `2026-05-30T02:14:09Z`"),
            (".25Z", ".25+00:00", "`at` is not a time in UTC, as `2026-05-30T02:14:09Z`"),
            ("sync-8822", "sync_8822", "`row` is not a row's id"),
            ("decision.accepted", "decision.made", "`event` is not an event of the record"),
            (r#"{"decision":"01J,02J"}"#, r#""""#, "`body` is not an object"),
        ] {
            assert_eq!(Leaf::parse(BYTES.replace(from, to).as_bytes()).unwrap_err().to_string(), says);
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(cut in 0..BYTES.len(), byte: u8) {
            let mut bytes = BYTES.as_bytes().to_vec();
            bytes[cut] = byte;
            if let Ok(leaf) = Leaf::parse(&bytes) {
                prop_assert_eq!(leaf.to_bytes(), bytes);
            }
        }
    }
}
