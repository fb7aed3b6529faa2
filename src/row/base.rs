//! What a row was read against, what would be executed, and what has moved since: one type a kind.
//!
//! Never: "the digests differ, so it moved". A digest identifies; moving is judged field by field.

use serde::{Deserialize, Serialize};

use super::{
    Digest, RowId, c1,
    gate::{GateBase, GateEffect},
    page::Page,
    sync::{SyncBase, SyncEffect},
};

/// One thing that is no longer as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    pub what: String,
    pub was: String,
    #[serde(rename = "now")]
    pub is: String,
}

/// What a row was read against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Base {
    Sync(SyncBase),
    Gate(GateBase),
    Runbook(PageBase),
    Postmortem(IncidentBase),
    Policy(PolicyBase),
}

/// A page's version, as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageBase {
    /// As the config names it: `CONF-4711`.
    pub name: String,
    pub page: String,
    pub version: u64,
    pub author: String,
    pub created_at: String,
    pub body: Digest,
    /// The id of the space that it lies in, where its site has spaces: who may read it follows from that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub space: String,
}

impl PageBase {
    /// What is said of another author that moved.
    pub const AUTHOR: &str = "author";

    /// The page that the config calls `name`, as it was read.
    pub fn of(name: &str, page: &Page) -> Self {
        Self {
            name: name.to_owned(),
            page: page.id.clone(),
            version: page.version,
            author: page.author.clone(),
            created_at: page.created_at.clone(),
            body: page.body.digest(),
            space: page.space.clone(),
        }
    }

    /// What differs, field by field.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        let known = !self.space.is_empty() && !now.space.is_empty();
        let space = |base: &Self| if known { base.space.clone() } else { String::new() };
        moved([
            ("page", self.page.clone(), now.page.clone()),
            ("version", self.version.to_string(), now.version.to_string()),
            (Self::AUTHOR, self.author.clone(), now.author.clone()),
            ("written at", self.created_at.clone(), now.created_at.clone()),
            ("body", self.body.short(), now.body.short()),
            ("space", space(self), space(now)),
        ])
    }
}

impl IncidentBase {
    /// What differs, field by field.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        moved([
            ("incident", self.incident.clone(), now.incident.clone()),
            ("last update", self.updated_at.clone(), now.updated_at.clone()),
        ])
    }
}

/// The fields that differ, of those that were read on both sides.
fn moved<const N: usize>(fields: [(&str, String, String); N]) -> Vec<Moved> {
    let differ = fields.into_iter().filter(|(_, was, is)| was != is);
    differ.map(|(what, was, is)| Moved { what: what.to_owned(), was, is }).collect()
}

/// An incident and its last update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentBase {
    pub incident: String,
    pub updated_at: String,
}

/// The version that a policy would replace; 0 where it is the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBase {
    pub policy: String,
    pub replaces: u64,
}

impl Base {
    pub fn digest(&self) -> Digest {
        digest_of("base.v1", self)
    }

    /// In one word, for lists and headers: the revision, run, version.
    pub fn revision(&self) -> String {
        match self {
            Self::Sync(base) => base.revisions.join(","),
            Self::Gate(base) => format!("{}.{}", base.run, base.attempt),
            Self::Runbook(base) if base.version == 0 => base.created_at.clone(),
            Self::Runbook(base) => base.version.to_string(),
            Self::Postmortem(base) => base.updated_at.clone(),
            Self::Policy(base) => base.replaces.to_string(),
        }
    }

    /// The same in words, for who decides: `run 9821.1, head 4f1c9e2, plan run-77`.
    pub fn sentence(&self) -> String {
        let revision = self.revision();
        match self {
            Self::Gate(base) => {
                let head = base.head_sha.get(..7).unwrap_or(&base.head_sha);
                let plan = base.plan.as_ref().map(|plan| format!(", plan {plan}")).unwrap_or_default();
                format!("run {revision}, head {head}{plan}")
            }
            // Notion counts no versions; it says when the page was last edited, to the minute.
            Self::Runbook(base) if base.version == 0 => {
                let at = base.created_at.get(..16).unwrap_or(&base.created_at).replace('T', " ");
                format!("last edited {at} UTC")
            }
            Self::Runbook(_) => format!("version {revision}"),
            Self::Sync(_) | Self::Postmortem(_) | Self::Policy(_) => revision,
        }
    }

    /// What has moved from `self` to `now`. Bases of two kinds have nothing in common: all moved.
    pub fn moved(&self, now: &Self) -> Vec<Moved> {
        match (self, now) {
            (Self::Sync(was), Self::Sync(is)) => return was.moved(is),
            (Self::Gate(was), Self::Gate(is)) => return was.moved(is),
            (Self::Runbook(was), Self::Runbook(is)) => return was.moved(is),
            (Self::Postmortem(was), Self::Postmortem(is)) => return was.moved(is),
            _ => {}
        }
        if self == now {
            return Vec::new();
        }
        vec![Moved { what: "base".to_owned(), was: self.revision(), is: now.revision() }]
    }
}

/// What will be executed, field by field; tags are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "platform", rename_all = "lowercase")]
pub enum Effect {
    Argocd(SyncEffect),
    Github(GateEffect),
    /// A pipeline that waits at Dock itself is told.
    Pipeline(GateEffect),
    Confluence(PageEffect),
    Notion(PageEffect),
    /// Nothing is written anywhere; what the reviewer says of each step is kept in the record.
    Record(RecordEffect),
    /// Nothing is executed.
    None,
}

/// What became of the steps of a live runbook, by their numbers from 1: `followed`, `skipped`, `wrong`, each with words
/// after a colon where there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordEffect {
    /// So many steps there are.
    pub steps: u32,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub ticks: std::collections::BTreeMap<String, String>,
}

impl RecordEffect {
    const TICKS: [&str; 3] = ["followed", "skipped", "wrong"];

    fn with_ticks(&self, ticks: &std::collections::BTreeMap<String, String>) -> Option<Self> {
        let good = |(number, said): (&String, &String)| {
            let word = said.split_once(':').map_or(said.as_str(), |(word, _)| word);
            let number: Option<u32> = number.parse().ok();
            number.is_some_and(|n| (1..=self.steps).contains(&n)) && Self::TICKS.contains(&word)
        };
        ticks.iter().all(good).then(|| Self { steps: self.steps, ticks: ticks.clone() })
    }

    fn sentence(&self) -> String {
        if self.steps == 0 {
            return "nothing is executed; that it was seen is recorded".to_owned();
        }
        if self.ticks.is_empty() {
            return format!("nothing is executed; what you say of the {} steps is recorded", self.steps);
        }
        let said: Vec<_> = self.ticks.iter().map(|(number, said)| format!("step {number} {said}")).collect();
        format!("nothing is executed; recorded: {}", said.join(", "))
    }
}

/// A page's next body, or a new page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageEffect {
    /// `new` where it is made.
    pub page: String,
    /// Confluence's number of the version that is built on; 0 in Notion, and for a new page.
    pub expected_version: u64,
    /// What is then written on it.
    pub body: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<NewPage>,
}

/// A page that does not exist yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPage {
    /// Confluence's space id; empty in Notion.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub space: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub title: String,
}

impl NewPage {
    /// As the page is called: no page of ours is taken for another, and a repeat finds the first.
    pub fn titled(&self, row: RowId) -> String {
        format!("{} ({row})", self.title)
    }
}

impl PageEffect {
    /// A new page is called after its row, too, where that is known.
    fn sentence(&self, site: &str, row: Option<RowId>) -> String {
        let body = self.body.short();
        match &self.create {
            Some(new) => {
                let title = row.map_or_else(|| new.title.clone(), |row| new.titled(row));
                format!("{site}: publish the new page “{title}”, body {body}")
            }
            // Notion counts no versions.
            None if self.expected_version == 0 => {
                format!("{site}: edit page {}, body then {body}", self.page)
            }
            None => {
                format!(
                    "{site}: publish page {} as version {}, body {body}",
                    self.page,
                    self.expected_version + 1
                )
            }
        }
    }
}

impl Effect {
    pub fn digest(&self) -> Digest {
        digest_of("effect.v1", self)
    }

    /// The effect once these conditions are in it; absent where such conditions cannot be carried out. A condition is
    /// carried out or not approved at all, never dropped.
    pub fn with_conditions(&self, conditions: &std::collections::BTreeMap<String, String>) -> Option<Self> {
        match self {
            _ if conditions.is_empty() => Some(self.clone()),
            Self::Github(effect) => effect.with_conditions(conditions).map(Self::Github),
            Self::Pipeline(effect) => effect.with_conditions(conditions).map(Self::Pipeline),
            Self::Record(effect) => effect.with_ticks(conditions).map(Self::Record),
            Self::Argocd(_) | Self::Confluence(_) | Self::Notion(_) | Self::None => None,
        }
    }

    /// In words, for dialog, `show` and the signed text of this row.
    pub fn sentence_of(&self, row: RowId) -> String {
        match self {
            Self::Confluence(effect) => effect.sentence("Confluence", Some(row)),
            Self::Notion(effect) => effect.sentence("Notion", Some(row)),
            Self::Argocd(_) | Self::Github(_) | Self::Pipeline(_) | Self::Record(_) | Self::None => {
                self.sentence()
            }
        }
    }

    /// The same, where no row is known.
    pub fn sentence(&self) -> String {
        match self {
            Self::Argocd(effect) => {
                let prune = if effect.prune { ", pruning what git no longer has" } else { "" };
                let hooks = if effect.hooks.is_empty() {
                    String::new()
                } else {
                    format!(", running {}", effect.hooks.join(", "))
                };
                format!(
                    "ArgoCD: sync {} ({} resources) to revision {}{prune}{hooks}",
                    effect.application,
                    effect.resources,
                    effect.revisions.join(", ")
                )
            }
            Self::Github(effect) => effect.sentence("GitHub"),
            Self::Pipeline(effect) => effect.sentence("The pipeline"),
            Self::Confluence(effect) => effect.sentence("Confluence", None),
            Self::Notion(effect) => effect.sentence("Notion", None),
            Self::Record(effect) => effect.sentence(),
            Self::None => "nothing is executed".to_owned(),
        }
    }
}

/// SHA-256 over `c1` of `{name: value}`; numbers and booleans become strings, what is absent is left out.
pub(super) fn digest_of(name: &str, value: &impl Serialize) -> Digest {
    // Our own types always serialise; were one not to, it would equal nothing that was ever signed.
    let json = serde_json::to_value(value).unwrap_or_default();
    Digest::of_named(name, &c1::from_json(&json).unwrap_or_else(|| c1::Value::Text(String::new())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_page_is_announced_by_the_title_that_it_gets() {
        let new = NewPage { space: "98310".to_owned(), parent: None, title: "INC-2099: Redis".to_owned() };
        let (body, row) = (Digest::of(b"x"), "pm-32".parse().unwrap());
        let page =
            PageEffect { page: "new".to_owned(), expected_version: 0, body, create: Some(new.clone()) };
        assert_eq!(new.titled(row), "INC-2099: Redis (pm-32)");
        for effect in [Effect::Confluence(page.clone()), Effect::Notion(page.clone())] {
            let sentence = effect.sentence_of(row);
            assert!(sentence.contains("publish the new page “INC-2099: Redis (pm-32)”"), "{sentence}");
        }
        let kept = Effect::Confluence(PageEffect { create: None, expected_version: 3, ..page });
        assert_eq!(kept.sentence_of(row), kept.sentence());
    }
}
