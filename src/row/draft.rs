//! What an agent proposes: a claim, with everything that it rests on.
//!
//! Never: trusted for what the backend can read itself. A claim that differs from our own reading is refused.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Base, Decision, Digest, Effect, Kind, Pointer, PrincipalId, Proposal, Risk, RowId, Signal,
    base::digest_of, c1, page::Edit, paper::Paper,
};

/// The agent's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Sync,
    Ship,
    /// A page or a document to publish, a policy to enable.
    Publish,
    Hold,
    Block,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Ship => "ship",
            Self::Publish => "publish",
            Self::Hold => "hold",
            Self::Block => "block",
        }
    }

    /// A plain `decision` goes against this verdict (2-domain, "Decision"). Conditions answer a hold.
    pub fn against(self, decision: Decision, conditions: bool) -> bool {
        match (decision, self) {
            (Decision::Approve, Self::Block) => true,
            (Decision::Approve, Self::Hold) => !conditions,
            (Decision::Decline, verdict) => verdict.goes_ahead(),
            (Decision::Approve, Self::Sync | Self::Ship | Self::Publish)
            | (Decision::NeedsChanges | Decision::Withdraw, _) => false,
        }
    }

    /// The agent would go ahead.
    pub fn goes_ahead(self) -> bool {
        matches!(self, Self::Sync | Self::Ship | Self::Publish)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Who wrote the rationale's prose: `rules`, or the language model's name.
pub const PROSE_BY_RULES: &str = "rules";

/// One proposal, as an agent posts it: revision 1, or the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub kind: Kind,
    /// Service, application, page, incident or policy: at most one open row each.
    pub subject: String,
    pub environment: String,
    pub title: String,
    pub verdict: Verdict,
    pub rationale: String,
    pub prose_by: String,
    pub signals: Vec<Signal>,
    pub pointers: Vec<Pointer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RowId>,
    pub reviewers: Vec<PrincipalId>,
    pub risk: Risk,
    pub base: Base,
    pub effect: Effect,
    /// The unified text of `difference`.
    pub diff: String,
    /// What is to be published, of rows about documents: base, effect and difference follow from it and our own reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// The reviewers who changed it before deciding: their words are in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amended_by: Vec<PrincipalId>,
    /// What the policies may look at, as the agent read it: `bump` → `patch`, `changelog` → `dependencies`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// When the facts were gathered.
    pub read_at: Timestamp,
}

/// Why a draft is refused before anything is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadDraft {
    pub field: &'static str,
    pub why: String,
}

/// No longer than a field may be; it may be empty.
fn short<'a>(field: &'static str, texts: impl IntoIterator<Item = &'a String>) -> Result<(), BadDraft> {
    let longest = texts.into_iter().map(String::len).max().unwrap_or(0);
    if longest <= Draft::FIELD_BYTES_MAX {
        return Ok(());
    }
    let why = format!("has {longest} bytes; {} are the limit", Draft::FIELD_BYTES_MAX);
    Err(BadDraft { field, why })
}

impl Draft {
    pub const SIGNALS_MAX: usize = 64;
    pub const POINTERS_MAX: usize = 64;
    pub const REVIEWERS_MAX: usize = 32;
    pub const FACTS_MAX: usize = 64;
    pub const TITLE_BYTES_MAX: usize = 200;
    pub const RATIONALE_BYTES_MAX: usize = 8 * 1024;
    pub const FIELD_BYTES_MAX: usize = 1024;
    pub const DIFF_BYTES_MAX: usize = 16 * 1024 * 1024;
    pub const RESOURCES_MAX: usize = 2_000;
    pub const STEPS_MAX: usize = 200;
    pub const SECTIONS_MAX: usize = 32;

    /// Shape and limits. A draft without rationale or pointer is refused: nobody could go back to the platform.
    pub fn check(&self) -> Result<(), BadDraft> {
        let text = |field: &'static str, value: &str, max: usize| match value.len() {
            0 => Err(BadDraft { field, why: "is empty".to_owned() }),
            bytes if bytes > max => {
                Err(BadDraft { field, why: format!("has {bytes} bytes; {max} are the limit") })
            }
            _ => Ok(()),
        };
        let count = |field: &'static str, is: usize, max: usize| {
            if is > max {
                Err(BadDraft { field, why: format!("has {is} items; {max} are the limit") })
            } else {
                Ok(())
            }
        };
        text("subject", &self.subject, Self::FIELD_BYTES_MAX)?;
        text("environment", &self.environment, Self::FIELD_BYTES_MAX)?;
        text("title", &self.title, Self::TITLE_BYTES_MAX)?;
        text("rationale", self.rationale.trim(), Self::RATIONALE_BYTES_MAX)?;
        text("prose_by", &self.prose_by, Self::FIELD_BYTES_MAX)?;
        count("signals", self.signals.len(), Self::SIGNALS_MAX)?;
        count("pointers", self.pointers.len(), Self::POINTERS_MAX)?;
        count("reviewers", self.reviewers.len(), Self::REVIEWERS_MAX)?;
        if self.pointers.is_empty() {
            return Err(BadDraft {
                field: "pointers",
                why: "has none; name at least one record of a platform".to_owned(),
            });
        }
        for pointer in &self.pointers {
            let Pointer { name, platform, reference, url } = pointer;
            short("pointers", [name, platform, reference, url])?;
        }
        short("incident", &self.incident)?;
        count("facts", self.facts.len(), Self::FACTS_MAX)?;
        short("facts", self.facts.iter().flat_map(|(name, value)| [name, value]))?;
        for signal in &self.signals {
            text("signals.name", &signal.name, Self::FIELD_BYTES_MAX)?;
            text("signals.value", &signal.value, Self::FIELD_BYTES_MAX)?;
            text("signals.pointer.ref", &signal.pointer.reference, Self::FIELD_BYTES_MAX)?;
            short("signals.rule", [&signal.rule])?;
            short("signals.pointer", [&signal.pointer.name, &signal.pointer.platform, &signal.pointer.url])?;
            if let Some(series) = &signal.series {
                short("signals.series", series.points.iter().flatten().chain(&series.threshold))?;
                short("signals.series", [&series.unit])?;
            }
            count(
                "signals.series.points",
                signal.series.as_ref().map_or(0, |s| s.points.len()),
                super::Series::POINTS_MAX,
            )?;
        }
        if self.diff.len() > Self::DIFF_BYTES_MAX {
            return Err(BadDraft {
                field: "diff",
                why: format!("has {} bytes; 16 MiB are the limit", self.diff.len()),
            });
        }
        if let Base::Sync(base) = &self.base {
            count("base.resources", base.resources.len(), Self::RESOURCES_MAX)?;
        }
        self.check_proposal()?;
        self.check_kinds()
    }

    fn check_proposal(&self) -> Result<(), BadDraft> {
        let bad = |why: String| Err(BadDraft { field: "proposal", why });
        let count = |is: usize, max: usize, what: &str| match is {
            0 => bad(format!("has no {what}")),
            many if many > max => bad(format!("has {many} {what}; {max} are the limit")),
            _ => Ok(()),
        };
        match (self.kind, &self.proposal) {
            (Kind::Sync | Kind::Gate | Kind::Policy, None) => Ok(()),
            // Nothing that could be published: it tells people what is theirs to place.
            (Kind::Runbook, Some(Proposal::Edit(edit))) if edit.operations.is_empty() => {
                match (self.verdict, &self.effect) {
                    (Verdict::Hold, Effect::Record(_)) => Ok(()),
                    _ => bad("has no operations, and is not merely told on hold".to_owned()),
                }
            }
            (Kind::Runbook, Some(Proposal::Edit(edit))) => {
                count(edit.operations.len(), Edit::OPERATIONS_MAX, "operations")
            }
            (Kind::Runbook, Some(Proposal::Live(live))) => count(live.steps.len(), Self::STEPS_MAX, "steps"),
            (Kind::Postmortem, Some(Proposal::Paper(paper))) => {
                count(paper.sections.len(), Self::SECTIONS_MAX, "sections")?;
                count(paper.sentences().count(), Paper::SENTENCES_MAX, "sentences")?;
                count(paper.timeline.len(), Paper::LINES_MAX, "timeline lines")
            }
            _ => bad(format!("is not that of a {} row", self.kind.word())),
        }
    }

    fn check_kinds(&self) -> Result<(), BadDraft> {
        let fits = matches!(
            (self.kind, &self.base, &self.effect),
            (Kind::Sync, Base::Sync(_), Effect::Argocd(_))
                | (Kind::Gate, Base::Gate(_), Effect::Github(_) | Effect::Pipeline(_))
                | (
                    Kind::Runbook,
                    Base::Runbook(_),
                    Effect::Confluence(_) | Effect::Notion(_) | Effect::Record(_)
                )
                | (Kind::Postmortem, Base::Postmortem(_), Effect::Confluence(_) | Effect::Notion(_))
                | (Kind::Policy, Base::Policy(_), Effect::None)
        );
        if fits {
            return Ok(());
        }
        Err(BadDraft {
            field: "base",
            why: format!("base and effect are not those of a {} row", self.kind.word()),
        })
    }

    /// The digests of this draft as revision `revision` of `row`, with the text that is presented to the reviewer.
    pub fn digests(&self, row: RowId, revision: u32) -> Digests {
        let effect = self.effect.digest();
        let base = self.base.digest();
        let content = c1::map([
            ("kind", c1::Value::from(self.kind.word())),
            ("row", row.to_string().into()),
            ("revision", revision.into()),
            ("verdict", self.verdict.word().into()),
            ("rationale", self.rationale.as_str().into()),
            ("diff_sha256", Digest::of(&self.diff).into()),
            ("effect_sha256", effect.into()),
            ("base_sha256", base.into()),
        ]);
        let content = Digest::of_named("content.v1", &content);
        let presented = Digest::of(super::present::text(self, row, revision));
        Digests { content, base, effect, evidence: evidence(&self.signals), presented }
    }
}

/// The digest of the signals: name, value, verdict, pointer, rule; sorted; not when they were read.
pub fn evidence(signals: &[Signal]) -> Digest {
    let mut items: Vec<_> = signals.iter().map(|signal| {
        serde_json::json!({"name": signal.name, "value": signal.value, "verdict": signal.verdict.word(), "pointer": signal.pointer, "rule": signal.rule})
    }).collect();
    items.sort_by_key(c1::sorted_json);
    digest_of("evidence.v1", &items)
}

/// The five digests of a row's revision (9-formats).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    pub content: Digest,
    pub base: Digest,
    pub effect: Digest,
    pub evidence: Digest,
    pub presented: Digest,
}
