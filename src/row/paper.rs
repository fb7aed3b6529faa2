//! The kind `postmortem`: what happened in an incident, line by line, and what would be published of it.
//!
//! Never: a sentence without what it rests on; a guess where something is not known: that is an open question.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Moved, Pointer, PrincipalId, Risk,
    base::{IncidentBase, NewPage, PageEffect},
    page::{Block, Body, NotApplicable, Piece, Site, outline},
};

pub mod export;
mod sentence;

pub use sentence::{
    Answer, HEADINGS, OPEN_QUESTIONS, Own, Section, SectionChanges, Sentence, Words, heading, own_words,
};

/// Where post-mortems are published, as `[postmortems]` in the configs of chronicler, server and executor says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub site: Site,
    /// Confluence's space, by its key or id; left out in Notion.
    #[serde(default)]
    pub space: String,
    /// The page that they stand under; Notion needs one.
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default = "production")]
    pub environment: String,
}

fn production() -> String {
    "production".to_owned()
}

impl Place {
    /// What no type can say: Confluence has spaces, in Notion everything lies in a page. What is amiss, and what to do.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match self.site {
            Site::Confluence if self.space.trim().is_empty() => {
                Err(("post-mortems in Confluence need a space", "space = \"KEY\", as in …/wiki/spaces/KEY/…"))
            }
            Site::Notion if self.parent.is_none() => Err((
                "post-mortems in Notion need a page to lie in",
                "parent = the 32 digits at the end of its address",
            )),
            Site::Notion if !self.space.is_empty() => Err(("Notion has no spaces", "leave `space` out")),
            Site::Confluence | Site::Notion => Ok(()),
        }
    }

    /// The paper would be published there.
    pub fn holds(&self, paper: &Paper) -> bool {
        (self.site, &self.space, &self.parent) == (paper.site, &paper.space, &paper.parent)
    }
}

/// The most bytes of a paper's title: Confluence takes 255 letters, a row's title 200 bytes.
const TITLE_MAX: usize = 160;

/// `INC-2099: Redis failover stalled`. A space has each title once, and each incident one paper: the incident's name makes
/// it its own.
pub fn title(incident: &str, about: &str) -> String {
    let about = without_incident(incident, about);
    let text = if about.is_empty() { incident.to_owned() } else { format!("{incident}: {about}") };
    if text.len() <= TITLE_MAX {
        return text;
    }
    let mut end = TITLE_MAX - '…'.len_utf8();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// What an incident is about, where its title begins with its name: `INC-2099: Redis` → `Redis`.
pub fn without_incident<'a>(incident: &str, about: &'a str) -> &'a str {
    let named = about.get(..incident.len()).is_some_and(|head| head.eq_ignore_ascii_case(incident));
    let rest = if named { &about[incident.len()..] } else { return about };
    let apart = rest.is_empty() || rest.starts_with(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
    if apart || rest.starts_with("- ") {
        rest.trim_start_matches([':', '-', '–', '—', ' ', ','])
    } else {
        about
    }
}

/// A post-mortem as it is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    pub incident: String,
    pub title: String,
    pub site: Site,
    /// Confluence's space id; empty in Notion.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub space: String,
    /// The page that it is published under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub sections: Vec<Section>,
    /// In the order of time.
    pub timeline: Vec<Line>,
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub at: Timestamp,
    /// `pagerduty`, `slack`, `dock`, `prometheus`, or a reviewer's id.
    pub source: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<Pointer>,
    #[serde(default)]
    pub standing: Standing,
    /// The reviewer who said so, or whose line it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PrincipalId>,
}

/// What reviewers said of a line. What nobody struck is published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    #[default]
    Proposed,
    Accepted,
    Struck,
}

/// One incident as PagerDuty has it, and the paper about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// As people name it: `INC-2099`.
    pub incident: String,
    /// When PagerDuty last changed it.
    pub updated_at: String,
    /// It is resolved.
    pub closed: bool,
    /// Whose incident it is, by the service's name in PagerDuty; empty where that was not read.
    pub service: String,
    pub environment: String,
    pub paper: Option<Paper>,
}

impl Reading {
    pub fn base(&self) -> IncidentBase {
        IncidentBase { incident: self.incident.clone(), updated_at: self.updated_at.clone() }
    }

    pub fn effect(&self) -> Option<PageEffect> {
        self.paper.as_ref().map(Paper::effect)
    }

    /// A page of its own, that can be taken down again.
    pub fn risk(&self) -> Risk {
        Risk::Reversible
    }

    pub fn moved(&self, base: &IncidentBase) -> Vec<Moved> {
        base.moved(&self.base())
    }

    pub fn nothing_to_decide(&self) -> Option<String> {
        if !self.closed {
            return Some(format!("{} is not resolved", self.incident));
        }
        self.paper.is_none().then(|| "nothing is proposed".to_owned())
    }
}

impl Paper {
    pub const LINES_MAX: usize = 1_000;
    /// Bytes of a reviewer's own line.
    pub const OWN_LINE_MAX: usize = 1_024;

    /// The lines that are published, with their numbers from 1.
    pub fn standing(&self) -> impl Iterator<Item = (usize, &Line)> {
        let numbered = self.timeline.iter().enumerate().map(|(at, line)| (at + 1, line));
        numbered.filter(|(_, line)| line.standing != Standing::Struck)
    }

    /// What it is made of, in the order of the document.
    pub fn blocks(&self) -> Vec<Block> {
        let plain = |text: &str| vec![Piece::Plain(text.to_owned())];
        let heading = |text: &str| Block::Heading { level: 2, text: plain(text) };
        let mut blocks = Vec::new();
        let mut timeline = Some(self.standing().map(|(_, line)| line.block()).collect::<Vec<_>>());
        for (at, section) in self.sections.iter().enumerate() {
            // The timeline stands after summary and impact.
            if at == TIMELINE_AFTER {
                blocks.push(heading("Timeline"));
                blocks.extend(timeline.take().unwrap_or_default());
            }
            let mut told = section.sentences.iter().filter(|sentence| self.tells(sentence)).peekable();
            if told.peek().is_some() {
                blocks.push(heading(&section.heading));
            }
            blocks.extend(told.map(Sentence::block));
        }
        if let Some(lines) = timeline {
            blocks.push(heading("Timeline"));
            blocks.extend(lines);
        }
        blocks
    }

    pub fn body(&self) -> Body {
        outline::write(self.site, &self.blocks())
    }

    pub fn effect(&self) -> PageEffect {
        let (space, parent, title) = (self.space.clone(), self.parent.clone(), self.title.clone());
        PageEffect {
            page: "new".to_owned(),
            expected_version: 0,
            body: self.body().written(),
            create: Some(NewPage { space, parent, title }),
        }
    }

    /// With a reviewer's word on lines, and lines of their own. Numbers are those that were shown, from 1.
    pub fn amended(
        &self,
        by: &PrincipalId,
        said: &BTreeMap<usize, bool>,
        add: &[Line],
    ) -> Result<Self, NotApplicable> {
        let mut paper = self.clone();
        let count = paper.timeline.len();
        for (number, accepted) in said {
            let line = number.checked_sub(1).and_then(|at| paper.timeline.get_mut(at));
            let line = line.ok_or_else(|| NotApplicable::Line {
                number: *number,
                why: format!("the timeline has {count} lines"),
            })?;
            line.standing = if *accepted { Standing::Accepted } else { Standing::Struck };
            // A reviewer's own line stays theirs, whoever strikes it.
            if line.by.as_ref().is_none_or(|author| line.source != author.as_str()) {
                line.by = Some(by.clone());
            }
        }
        let no = |number: usize, why: String| Err(NotApplicable::Line { number, why });
        if count + add.len() > Self::LINES_MAX {
            let (most, add) = (Self::LINES_MAX, add.len());
            return no(count + add, format!("a timeline has {most} lines at most; strikes make no room"));
        }
        for (at, line) in add.iter().enumerate() {
            let text: String = line.text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.is_empty() || text.len() > Self::OWN_LINE_MAX {
                let why = format!("a line of your own has 1 to {} bytes of text", Self::OWN_LINE_MAX);
                return no(count + at + 1, why);
            }
            paper.timeline.push(Line {
                source: by.to_string(),
                text,
                standing: Standing::Accepted,
                by: Some(by.clone()),
                ..line.clone()
            });
        }
        paper.timeline.sort_by_key(|line| line.at);
        Ok(paper)
    }

    /// With what people said of the revision before: what they accepted and struck, and their own lines. What somebody
    /// accepted stays even where it is not drafted again; what was struck and is not drafted again is gone.
    #[must_use]
    pub fn keeping(mut self, before: &Self) -> Self {
        for line in before.timeline.iter().filter(|line| line.by.is_some()) {
            let same = |new: &&mut Line| new.by.is_none() && new.same(line);
            if let Some(new) = self.timeline.iter_mut().find(same) {
                new.standing = line.standing;
                new.by.clone_from(&line.by);
            } else if line.standing == Standing::Accepted || line.own() {
                self.timeline.push(line.clone());
            }
        }
        self.timeline.sort_by_key(|line| line.at);
        self.keep_sentences(before);
        self
    }

    /// Words that are said to be a person's and were not in the revision before: only that person may put them there.
    pub fn put_in_mouths(&self, before: Option<&Self>) -> Option<String> {
        let stood = |line: &Line| before.is_some_and(|before| before.timeline.contains(line));
        let claims = |line: &&Line| line.by.is_some() || line.standing != Standing::Proposed;
        if let Some(foreign) = self.timeline.iter().filter(claims).find(|line| !stood(line)) {
            let by = foreign.by.as_ref().map_or("somebody", PrincipalId::as_str);
            return Some(format!("the line at {} is {by}'s word, and {by} has not said it", foreign.at));
        }
        let (section, _) = self.foreign_sentence(before)?;
        Some(format!("a sentence of “{}” carries a reviewer's word that nobody has said", section.heading))
    }

    /// The timeline for reading: number, time, standing, source, text; one line each.
    pub fn timeline_text(&self) -> String {
        let mut out = String::new();
        for (at, line) in self.timeline.iter().enumerate() {
            let (number, time) = (at + 1, line.at.strftime("%Y-%m-%d %H:%M:%S UTC"));
            let by = line.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let (standing, source, text) = (line.standing.word(), &line.source, line.text.replace('\n', " "));
            let _ = writeln!(out, "{number:>4}  {time}  {standing}{by}  [{source}]  {text}");
        }
        out
    }

    /// How many lines stand each way: accepted, proposed, struck.
    pub fn tally(&self) -> (usize, usize, usize) {
        let count = |standing| self.timeline.iter().filter(|line| line.standing == standing).count();
        (count(Standing::Accepted), count(Standing::Proposed), count(Standing::Struck))
    }
}

impl Standing {
    pub fn is_proposed(&self) -> bool {
        *self == Self::Proposed
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Accepted => "accepted",
            Self::Struck => "struck",
        }
    }
}

/// What stands between backticks is code, as in a chat; a backtick that is never closed is a sign like any other.
fn pieces(text: &str) -> Vec<Piece> {
    let (mut found, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find('`') {
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let (before, behind) = (&rest[..at], &rest[at + run..]);
        plain.push_str(before);
        let end = behind
            .match_indices(&rest[at..at + run])
            .map(|(end, _)| end)
            .find(|end| !behind[..*end].ends_with('`') && !behind[end + run..].starts_with('`'));
        match end.map(|end| (&behind[..end], &behind[end + run..])) {
            Some((code, after)) if !code.trim().is_empty() => {
                if !plain.is_empty() {
                    found.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                found.push(Piece::Code(code.trim().to_owned()));
                rest = after;
            }
            _ => {
                plain.push_str(&rest[at..at + run]);
                rest = behind;
            }
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        found.push(Piece::Plain(plain));
    }
    found
}

/// So many sections stand before the timeline.
const TIMELINE_AFTER: usize = 2;

impl Line {
    /// It tells the same, whatever people said of it.
    pub fn same(&self, other: &Self) -> bool {
        let told = |line: &Self| (line.at, line.source.clone(), line.text.clone(), line.pointer.clone());
        told(self) == told(other)
    }

    /// A reviewer wrote it.
    pub fn own(&self) -> bool {
        self.by.as_ref().is_some_and(|by| by.as_str() == self.source)
    }

    fn block(&self) -> Block {
        let mut text = vec![
            Piece::Strong(self.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
            Piece::Plain(" ".to_owned()),
        ];
        text.extend(pieces(&self.text));
        text.push(Piece::Plain(" ".to_owned()));
        text.push(match &self.pointer {
            Some(pointer) if !pointer.url.is_empty() => {
                Piece::Link { text: self.source.clone(), url: pointer.url.clone() }
            }
            _ => Piece::Plain(format!("({})", self.source)),
        });
        Block::Item { ordered: false, depth: 0, text }
    }
}

#[cfg(test)]
pub(crate) mod tests;
