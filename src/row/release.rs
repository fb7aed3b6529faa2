//! What a release is: how far a version moved, and what its notes are about. Agent and backend judge by the same words.
//!
//! Never: a guess. What cannot be read as a version, or as a line about a dependency, is not one.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{change::Class, sync::Reading};

/// How far a version moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bump {
    /// Not a step from one release to a later one.
    None,
    Patch,
    Minor,
    Major,
}

impl Bump {
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

/// What release notes speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Changelog {
    /// Every entry moves a dependency, and there is at least one.
    Dependencies,
    Other,
    /// No notes, or none with an entry.
    Unknown,
}

impl Changelog {
    pub fn word(self) -> &'static str {
        match self {
            Self::Dependencies => "dependencies",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// One chart whose version an application would move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartBump {
    pub chart: String,
    /// The chart's repository, as the source names it.
    pub repository: String,
    pub from: String,
    pub to: String,
}

impl ChartBump {
    pub fn bump(&self) -> Bump {
        distance(&self.from, &self.to)
    }
}

impl fmt::Display for ChartBump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to {}", self.chart, self.from, self.to)
    }
}

/// The charts among the sources whose version differs from what was synced last.
pub fn charts(reading: &Reading) -> Vec<ChartBump> {
    let text =
        |source: &Json, name: &str| source.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let versions = reading.synced_revisions.iter().zip(&reading.revisions);
    reading
        .sources
        .iter()
        .zip(versions)
        .filter(|(source, (from, to))| !text(source, "chart").is_empty() && from != to)
        .map(|(source, (from, to))| ChartBump {
            chart: text(source, "chart"),
            repository: text(source, "repoURL"),
            from: from.clone(),
            to: to.clone(),
        })
        .collect()
}

/// How far the application would move as a whole: the widest step of its charts, or of its images where no chart
/// moves. One step that is none makes the whole none.
pub fn bump(reading: &Reading) -> Bump {
    let charts: Vec<_> = charts(reading).iter().map(ChartBump::bump).collect();
    let steps = if charts.is_empty() { images(reading) } else { charts };
    if steps.contains(&Bump::None) {
        return Bump::None;
    }
    steps.into_iter().max().unwrap_or(Bump::None)
}

fn images(reading: &Reading) -> Vec<Bump> {
    let changes = reading.changes();
    let fields = changes.iter().flat_map(|change| &change.fields);
    let images = fields.filter(|field| field.class == Class::ImageTag);
    images
        .map(|field| match (field.live.as_deref().and_then(tag), field.git.as_deref().and_then(tag)) {
            (Some((name, from)), Some((same, to))) if name == same => distance(from, to),
            _ => Bump::None,
        })
        .collect()
}

/// `registry/name:1.4.2` → (`registry/name`, `1.4.2`). A digest names no version.
pub fn tag(image: &str) -> Option<(&str, &str)> {
    let image = image.trim_matches('"');
    if image.contains('@') {
        return None;
    }
    image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

/// From `2.4.1` to `2.4.2` is a patch. Steps back, pre-releases and what is no version are none.
pub fn distance(from: &str, to: &str) -> Bump {
    let (Some(from), Some(to)) = (version(from), version(to)) else { return Bump::None };
    if to <= from {
        Bump::None
    } else if to[0] != from[0] {
        Bump::Major
    } else if to[1] != from[1] {
        // Below 1.0.0 a minor step may break anything (semver.org, item 4).
        if to[0] == 0 { Bump::Major } else { Bump::Minor }
    } else {
        Bump::Patch
    }
}

fn version(text: &str) -> Option<[u64; 3]> {
    let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
    let mut number = || {
        let part = parts.next()?;
        let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
        part.parse().ok().filter(|_| plain)
    };
    let version = [number()?, number()?, number()?];
    parts.next().is_none().then_some(version)
}

/// The tags under which projects release a chart: chart-releaser's own form first.
pub fn tags(chart: &str, version: &str) -> [String; 3] {
    let plain = version.strip_prefix('v').unwrap_or(version);
    [format!("{chart}-{plain}"), format!("v{plain}"), plain.to_owned()]
}

/// The text under `artifacthub.io/changes` in a `Chart.yaml`, where it has one.
pub fn artifacthub_changes(yaml: &str) -> Option<String> {
    let mut lines = yaml.lines().skip_while(|line| !line.trim_start().starts_with("artifacthub.io/changes:"));
    let head = lines.next()?;
    let depth = |line: &str| line.len() - line.trim_start().len();
    let block: Vec<_> =
        lines.take_while(|line| line.trim().is_empty() || depth(line) > depth(head)).collect();
    let text = block.join("\n");
    (!text.trim().is_empty()).then_some(text)
}

/// What the policies look at, under the names that drafts carry: `bump` and `changelog`. `notes` are those of the charts'
/// releases, one each, absent where they could not be read.
pub fn facts(reading: &Reading, notes: &[Option<String>]) -> BTreeMap<String, String> {
    let read = notes.iter().map(|notes| notes.as_deref().map_or(Changelog::Unknown, changelog));
    let unread = notes.is_empty() || notes.len() != charts(reading).len();
    let about = if unread { Changelog::Unknown } else { read.max().unwrap_or(Changelog::Unknown) };
    BTreeMap::from([
        ("bump".to_owned(), bump(reading).word().to_owned()),
        ("changelog".to_owned(), about.word().to_owned()),
    ])
}

/// What the notes of a release are about. Headings, links to comparisons and thanks are passed over; everything else
/// is an entry, and one entry that is no dependency's makes it `Other`.
pub fn changelog(notes: &str) -> Changelog {
    let mut entries = notes.lines().filter_map(entry).peekable();
    if entries.peek().is_none() {
        return Changelog::Unknown;
    }
    if entries.all(|entry| moves_a_dependency(&entry)) { Changelog::Dependencies } else { Changelog::Other }
}

/// The text of a line of notes, in small letters; none where the line says nothing of its own.
/// Also reads `artifacthub.io/changes`: a list of sentences, or of kind, description and links.
fn entry(line: &str) -> Option<String> {
    let line = line.trim();
    let text = line.trim_start_matches(['-', '*', '+', '•']).trim_start();
    let lower = text.to_lowercase();
    let silent = lower.is_empty()
        || line.starts_with('#')
        || line.starts_with("<!--")
        || lower.starts_with("**full changelog**")
        || lower.starts_with("full changelog")
        || (lower.ends_with(':') && lower.split(' ').count() <= 4)
        || ["kind:", "links:", "name:", "url:"].iter().any(|field| lower.starts_with(field));
    if silent {
        return None;
    }
    let described = lower.strip_prefix("description:").map(|text| text.trim().trim_matches('"').to_owned());
    Some(described.unwrap_or(lower))
}

/// `bump hyper from 1.4 to 1.5`, `chore(deps): update tokio to v1.40`, `update dependency serde`.
fn moves_a_dependency(entry: &str) -> bool {
    let (scope, subject) = match entry.split_once(": ") {
        Some((head, subject)) if !head.contains(' ') => (head, subject),
        _ => ("", entry),
    };
    let scoped = ["(deps", "(dependencies", "deps"].iter().any(|mark| scope.contains(mark));
    let mut words = subject.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let moves =
        ["bump", "bumps", "bumped", "update", "updates", "updated", "upgrade", "upgrades", "upgraded"];
    if !moves.contains(&verb) {
        return false;
    }
    let rest: Vec<_> = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).collect();
    let named = rest.iter().any(|word| matches!(*word, "dependency" | "dependencies" | "deps"));
    let numbered = |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit());
    let to_version = rest.iter().zip(rest.iter().skip(1)).any(|(word, next)| *word == "to" && numbered(next));
    scoped || named || to_version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("2.4.1", "2.4.2", Bump::Patch),
            ("v2.4.1", "2.4.10", Bump::Patch),
            ("2.4.1", "2.5.0", Bump::Minor),
            ("2.4.1", "3.0.0", Bump::Major),
            ("0.4.1", "0.5.0", Bump::Major),
            ("0.4.1", "0.4.2", Bump::Patch),
            ("2.4.2", "2.4.1", Bump::None),
            ("2.4.2", "2.4.2", Bump::None),
            ("2.4.1", "2.4.2-rc.1", Bump::None),
            ("2.4.1", "2.4", Bump::None),
            ("2.4.1", "2.4.02", Bump::None),
            ("2.4.1", "2.4.2.1", Bump::None),
            ("main", "2.4.2", Bump::None),
            ("2.4.1", "99999999999999999999.0.0", Bump::None),
        ] {
            assert_eq!(distance(from, to), expected, "{from} to {to}");
        }
    }

    #[test]
    fn images_name_a_tag_or_a_digest() {
        assert_eq!(tag("r:5000/a/b:1.2.3"), Some(("r:5000/a/b", "1.2.3")));
        assert_eq!(tag("\"r/a:1\""), Some(("r/a", "1")));
        assert_eq!(tag("r:5000/a"), None);
        assert_eq!(tag("r/a:1@sha256:00"), None);
    }

    #[test]
    fn changes_are_found_in_a_chart() {
        let yaml = "name: x\nannotations:\n  artifacthub.io/changes: |\n    - Bump a from 1.0 to 1.1\n    - kind: changed\n      \
            description: Bump b to 2.0\n  other: y\n";
        let changes = artifacthub_changes(yaml).unwrap();
        assert!(changes.contains("Bump b") && !changes.contains("other"));
        assert_eq!(changelog(&changes), Changelog::Dependencies);
        assert_eq!(artifacthub_changes("name: x\n"), None);
        assert_eq!(artifacthub_changes("annotations:\n  artifacthub.io/changes: |\n"), None);
    }

    #[test]
    fn notes() {
        for (notes, expected) in [
            ("", Changelog::Unknown),
            ("## What's Changed\n\n**Full Changelog**: https://x/compare/a...b", Changelog::Unknown),
            (
                "## What's Changed\n* Bump hyper from 1.4.0 to 1.4.1\n* chore(deps): update tokio digest",
                Changelog::Dependencies,
            ),
            ("- build(deps): bump serde from 1 to 2 by @bot in #12\r\n", Changelog::Dependencies),
            (
                "- kind: changed\n  description: \"Update dependency redis to v7.2\"\n",
                Changelog::Dependencies,
            ),
            ("- Upgrade postgresql to 16.2", Changelog::Dependencies),
            ("- Bump hyper from 1.4.0 to 1.4.1\n- Fix the retry of refunds", Changelog::Other),
            ("- Update the login page", Changelog::Other),
            ("- fix(deps): drop support of TLS 1.1", Changelog::Other),
            ("Dependency updates only, promise.", Changelog::Other),
            ("- description: Remove everything", Changelog::Other),
        ] {
            assert_eq!(changelog(notes), expected, "{notes:?}");
        }
    }
}
