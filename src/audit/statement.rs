//! What a reviewer signs: the decision, over exactly what was read and exactly what will be done.
//!
//! Never: a field that is guessed; bytes other than those signed are never made from a parsed statement for checking.

use std::collections::BTreeMap;

use crate::audit::fields::{Fields, FormError};
use crate::row::c1::{self, Value};
use crate::row::{Decision, DecisionId, Digest, PrincipalId, RowId};

const TYPE: &str = "https://in-toto.io/Statement/v1";

/// The head of the log that its author had seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub origin: String,
    pub root: Digest,
    pub size: u64,
}

/// A decision as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The team's domain; it also stands in the signature's namespace.
    pub org: String,
    pub decision_id: DecisionId,
    pub decision: Decision,
    pub row: RowId,
    pub revision: u32,
    pub reviewer: PrincipalId,
    pub base: Digest,
    pub content: Digest,
    /// After conditions; unless it approves, the row's own.
    pub effect: Digest,
    pub evidence: Digest,
    pub presented: Digest,
    /// `canary` → `10%`; empty where there are none.
    pub conditions: BTreeMap<String, String>,
    /// Left out where empty.
    pub note: String,
    /// By the author's clock.
    pub made_at: jiff::Timestamp,
    pub offline: bool,
    /// How long the row was on screen, in seconds.
    pub on_screen_s: u64,
    /// It goes against the agent's verdict.
    pub overrides: bool,
    pub seen: Seen,
}

impl Statement {
    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let predicate = c1::map([
            ("base_sha256", self.base.into()),
            ("conditions", self.conditions.clone().into()),
            ("content_sha256", self.content.into()),
            ("decision", self.decision.word().into()),
            ("decision_id", self.decision_id.as_str().into()),
            ("effect_sha256", self.effect.into()),
            ("evidence_sha256", self.evidence.into()),
            ("made_at", self.made_at.into()),
            ("offline", self.offline.into()),
            ("on_screen_s", self.on_screen_s.into()),
            ("override", self.overrides.into()),
            ("presented_sha256", self.presented.into()),
            ("reviewer", self.reviewer.as_str().into()),
            ("revision", self.revision.into()),
            ("row", self.row.to_string().into()),
            ("seen", self.seen.to_value()),
        ])
        .with_some("note", (!self.note.is_empty()).then_some(&self.note));
        c1::to_bytes(&c1::map([
            ("_type", TYPE.into()),
            ("predicate", predicate),
            ("predicateType", predicate_type(&self.org).into()),
            ("subject", self.subject()),
        ]))
    }

    /// Reads a statement, strictly: every field is there, in its one form, and nothing else.
    pub fn parse(bytes: &[u8]) -> Result<Statement, FormError> {
        let value = c1::parse(bytes)?;
        let mut fields = Fields::of(&value, "")?;
        if fields.text("_type")? != TYPE {
            return Err(fields.wrong("_type", TYPE));
        }
        let mut predicate = fields.object("predicate")?;
        let statement = Statement {
            org: org(fields.text("predicateType")?)
                .ok_or_else(|| fields.wrong("predicateType", "https://ORG/dock/decision/v1"))?,
            decision_id: predicate.exact("decision_id", "a ULID")?,
            decision: decision(&mut predicate)?,
            row: predicate.exact("row", "a row's id")?,
            revision: predicate.exact("revision", "a plain number")?,
            reviewer: predicate.exact("reviewer", "a name")?,
            base: predicate.exact("base_sha256", "a digest")?,
            content: predicate.exact("content_sha256", "a digest")?,
            effect: predicate.exact("effect_sha256", "a digest")?,
            evidence: predicate.exact("evidence_sha256", "a digest")?,
            presented: predicate.exact("presented_sha256", "a digest")?,
            conditions: predicate.texts("conditions")?,
            note: note(&mut predicate)?,
            made_at: predicate.exact("made_at", "a time in UTC, as `2026-05-30T02:14:09Z`")?,
            offline: predicate.exact("offline", "`true` or `false`")?,
            on_screen_s: predicate.exact("on_screen_s", "a plain number")?,
            overrides: predicate.exact("override", "`true` or `false`")?,
            seen: Seen::parse(predicate.object("seen")?)?,
        };
        predicate.end()?;
        if *fields.value("subject")? != statement.subject() {
            return Err(fields.wrong("subject", "the row, revision and content of the predicate"));
        }
        fields.end()?;
        Ok(statement)
    }

    /// The subject follows from the predicate: the content, under the name of row and revision.
    fn subject(&self) -> Value {
        Value::List(vec![c1::map([
            ("digest", c1::map([("sha256", self.content.into())])),
            ("name", format!("{}/{}", self.row, self.revision).into()),
        ])])
    }
}

impl Seen {
    pub(super) fn to_value(&self) -> Value {
        c1::map([("origin", (&self.origin).into()), ("root", self.root.into()), ("size", self.size.into())])
    }

    pub(super) fn parse(mut fields: Fields<'_>) -> Result<Seen, FormError> {
        let seen = Seen {
            origin: fields.text("origin")?.to_owned(),
            root: fields.exact("root", "a digest")?,
            size: fields.exact("size", "a plain number")?,
        };
        fields.end()?;
        Ok(seen)
    }
}

/// `https://ORG/dock/decision/v1`.
pub fn predicate_type(org: &str) -> String {
    format!("https://{org}/dock/decision/v1")
}

fn org(predicate_type: &str) -> Option<String> {
    let org = predicate_type.strip_prefix("https://")?.strip_suffix("/dock/decision/v1")?;
    is_domain(org).then(|| org.to_owned())
}

/// Whether a team's domain can stand in namespaces and in `allowed_signers`.
pub fn is_domain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    !text.is_empty() && text.len() <= 253 && text.bytes().all(plain)
}

fn decision(predicate: &mut Fields<'_>) -> Result<Decision, FormError> {
    let text = predicate.text("decision")?;
    text.parse().map_err(|_| predicate.wrong("decision", "approve, decline, needs_changes or withdraw"))
}

fn note(predicate: &mut Fields<'_>) -> Result<String, FormError> {
    match predicate.optional_text("note")? {
        None => Ok(String::new()),
        Some("") => Err(predicate.wrong("note", "a text (it is left out where there is none)")),
        Some(note) => Ok(note.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn statement() -> Statement {
        Statement {
            org: "example.com".into(),
            decision_id: DecisionId::new(1_780_107_249_000, [1; 10]),
            decision: Decision::Decline,
            row: "sync-8822".parse().unwrap(),
            revision: 2,
            reviewer: "sarah".parse().unwrap(),
            base: Digest::of("base"),
            content: Digest::of("content"),
            effect: Digest::of("effect"),
            evidence: Digest::of("evidence"),
            presented: Digest::of("presented"),
            conditions: BTreeMap::from([("canary".into(), "10%".into())]),
            note: "Manual mitigation of INC-771 stays.".into(),
            made_at: "2026-05-30T02:14:09Z".parse().unwrap(),
            offline: false,
            on_screen_s: 41,
            overrides: false,
            seen: Seen { origin: "example.com/dock".into(), root: Digest::of("root"), size: 1182 },
        }
    }

    #[test]
    fn a_statement_has_exact_bytes() {
        let expected = format!(
            concat!(
                r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{"base_sha256":"{}","conditions":{{"canary":"10%"}},"#,
                r#""content_sha256":"{c}","decision":"decline","decision_id":"{}","effect_sha256":"{}","evidence_sha256":"{}","#,
                r#""made_at":"2026-05-30T02:14:09Z","note":"Manual mitigation of INC-771 stays.","offline":"false","on_screen_s":"41","#,
                r#""override":"false","presented_sha256":"{}","reviewer":"sarah","revision":"2","row":"sync-8822","#,
                r#""seen":{{"origin":"example.com/dock","root":"{}","size":"1182"}}}},"predicateType":"https://example.com/dock/decision/v1","#,
                r#""subject":[{{"digest":{{"sha256":"{c}"}},"name":"sync-8822/2"}}]}}"#
            ),
            Digest::of("base"),
            statement().decision_id,
            Digest::of("effect"),
            Digest::of("evidence"),
            Digest::of("presented"),
            Digest::of("root"),
            c = Digest::of("content"),
        );
        assert_eq!(String::from_utf8(statement().to_bytes()).unwrap(), expected);
        assert_eq!(Statement::parse(expected.as_bytes()), Ok(statement()));
        let silent = Statement { note: String::new(), conditions: BTreeMap::new(), ..statement() };
        assert_eq!(Statement::parse(&silent.to_bytes()), Ok(silent));
    }

    #[test]
    fn other_forms_are_named() {
        let good = String::from_utf8(statement().to_bytes()).unwrap();
        for (from, to, says) in [
            (r#""offline":"false","#, "", "`predicate.offline` is missing"),
            (r#""offline":"false","#, r#""offline":"no","#, "`predicate.offline` is not `true` or `false`"),
            (
                r#""offline":"false","#,
                r#""offline":"false","offside":"1","#,
                "`predicate.offside` is not known here",
            ),
            (r#""size":"1182""#, r#""size":"1182","x":"1""#, "`predicate.seen.x` is not known here"),
            (
                r#""decision":"decline""#,
                r#""decision":"yes""#,
                "`predicate.decision` is not approve, decline, needs_changes or withdraw",
            ),
            ("sync-8822/2", "sync-8821/2", "`subject` is not the row, revision and content of the predicate"),
            (
                "//example.com/dock/decision",
                "//example com/dock/decision",
                "`predicateType` is not https://ORG/dock/decision/v1",
            ),
            (
                "Manual mitigation of INC-771 stays.",
                "",
                "`predicate.note` is not a text (it is left out where there is none)",
            ),
        ] {
            assert_eq!(Statement::parse(good.replace(from, to).as_bytes()).unwrap_err().to_string(), says);
        }
    }

    proptest! {
        #[test]
        fn any_note_travels(note in "\\PC{1,80}", screen: u64, conditions in prop::collection::btree_map("[a-z]{1,8}", "\\PC{0,8}", 0..3)) {
            let one = Statement { note, on_screen_s: screen, conditions, ..statement() };
            let bytes = one.to_bytes();
            let again = Statement::parse(&bytes).unwrap();
            prop_assert_eq!(again.to_bytes(), bytes);
        }
    }
}
