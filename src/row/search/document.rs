//! What of a row is looked through: its texts part by part, and the tokens that an index keeps of them.
//!
//! Never: unbounded. A difference of sixteen megabytes gives its first lines.

use std::borrow::Cow;

use super::{Key, incident_names, words};
use crate::row::{
    Base, Draft, Kind, Note, Proposal, Risk, Row, RowId, gate,
    page::{Action, Block, Edit, Piece},
    paper::Paper,
    proposal::Live,
};

/// Where in a row a text stands. The order is that of an index's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    Title,
    /// Id, subject, incident, agent, the platforms' own names.
    About,
    /// What people said when they decided.
    Note,
    Rationale,
    /// What is to be published: operations, steps, sentences, lines.
    Proposal,
    Signal,
    /// Lines that come or go.
    Difference,
}

impl Part {
    pub const ALL: [Self; 7] = [
        Self::Title,
        Self::About,
        Self::Note,
        Self::Rationale,
        Self::Proposal,
        Self::Signal,
        Self::Difference,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::About => "about",
            Self::Note => "note",
            Self::Rationale => "rationale",
            Self::Proposal => "proposal",
            Self::Signal => "signal",
            Self::Difference => "difference",
        }
    }

    /// How much one occurrence counts: a row is about what its title and its reviewers say, less about what changes.
    pub fn weight(self) -> f64 {
        match self {
            Self::Title | Self::About => 8.0,
            Self::Proposal => 5.0,
            Self::Note => 4.0,
            Self::Rationale => 3.0,
            Self::Signal | Self::Difference => 1.0,
        }
    }
}

/// A row's head, as far as it is looked through, from wherever it comes.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    pub id: RowId,
    pub environment: &'a str,
    pub risk: Risk,
    pub incident: Option<&'a str>,
    pub agent: &'a str,
    pub owner: &'a str,
    pub asked: Vec<&'a str>,
    /// Who decided, and with which note.
    pub said: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Head<'a> {
    pub fn of(row: &'a Row) -> Self {
        let said = |key: &'a crate::row::Key| (key.reviewer.as_str(), key.note.as_ref().map(Note::as_str));
        Self {
            id: row.id,
            environment: &row.environment,
            risk: row.risk,
            incident: row.incident.as_deref(),
            agent: row.agent.as_str(),
            owner: row.owner.as_str(),
            asked: row.reviewers.iter().map(crate::row::PrincipalId::as_str).collect(),
            said: row.keys.iter().map(said).collect(),
        }
    }
}

impl Head<'_> {
    /// Everybody who is named by the row: its agent, its owner, who was asked and who decided.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        let said = self.said.iter().map(|(who, _)| *who);
        [self.agent, self.owner].into_iter().chain(self.asked.iter().copied()).chain(said)
    }
}

/// A row with the body that is looked through.
#[derive(Clone, Debug)]
pub struct Looked<'a> {
    pub head: Head<'a>,
    pub draft: &'a Draft,
}

impl<'a> Looked<'a> {
    pub fn of(row: &'a Row, draft: &'a Draft) -> Self {
        Self { head: Head::of(row), draft }
    }
}

/// One text of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage<'a> {
    pub part: Part,
    pub text: Cow<'a, str>,
}

/// The texts of one row, in the order of [`Part`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    pub passages: Vec<Passage<'a>>,
}

impl<'a> Document<'a> {
    /// Bytes of one part that are looked through.
    pub const PART_BYTES_MAX: usize = 64 * 1024;
    pub const DIFFERENCE_BYTES_MAX: usize = 16 * 1024;

    pub fn of(looked: &Looked<'a>) -> Self {
        let draft = looked.draft;
        let mut all = Gathered { passages: Vec::new(), part: Part::Title, left: Self::PART_BYTES_MAX };
        all.add(&draft.title);
        all.begin(Part::About, Self::PART_BYTES_MAX);
        all.add(looked.head.id.to_string());
        all.add(&draft.subject);
        draft.incident.iter().for_each(|incident| all.add(incident));
        all.add(looked.head.agent);
        draft.pointers.iter().for_each(|pointer| all.add(&pointer.reference));
        all.begin(Part::Note, Self::PART_BYTES_MAX);
        looked.head.said.iter().filter_map(|(_, note)| *note).for_each(|note| all.add(note));
        all.begin(Part::Rationale, Self::PART_BYTES_MAX);
        all.add(&draft.rationale);
        all.begin(Part::Proposal, Self::PART_BYTES_MAX);
        match &draft.proposal {
            Some(Proposal::Edit(edit)) => of_edit(edit, &mut all),
            Some(Proposal::Live(live)) => of_live(live, &mut all),
            Some(Proposal::Paper(paper)) => of_paper(paper, &mut all),
            None => {}
        }
        all.begin(Part::Signal, Self::PART_BYTES_MAX);
        draft.signals.iter().for_each(|signal| all.add(format!("{}: {}", signal.name, signal.value)));
        all.begin(Part::Difference, Self::DIFFERENCE_BYTES_MAX);
        changed_lines(&draft.diff).for_each(|line| all.add(line));
        Self { passages: all.passages }
    }
}

struct Gathered<'a> {
    passages: Vec<Passage<'a>>,
    part: Part,
    /// Bytes that this part may still have.
    left: usize,
}

impl<'a> Gathered<'a> {
    fn begin(&mut self, part: Part, left: usize) {
        (self.part, self.left) = (part, left);
    }

    fn add(&mut self, text: impl Into<Cow<'a, str>>) {
        let mut text = text.into();
        if text.len() > self.left {
            let end = (0..=self.left).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text = Cow::Owned(text[..end].to_owned());
        }
        self.left -= text.len();
        if !text.trim().is_empty() {
            self.passages.push(Passage { part: self.part, text });
        }
    }
}

/// The files that a difference names and the lines that come or go.
fn changed_lines(diff: &str) -> impl Iterator<Item = &str> {
    diff.lines().filter_map(|line| {
        let file = line.strip_prefix("+++ ").map(|name| name.split_once('/').map_or(name, |(_, name)| name));
        if line.starts_with("--- ") {
            return None;
        }
        file.or_else(|| line.strip_prefix('+')).or_else(|| line.strip_prefix('-'))
    })
}

fn of_edit<'a>(edit: &'a Edit, all: &mut Gathered<'a>) {
    for operation in &edit.operations {
        match &operation.action {
            Action::InsertBefore { blocks } | Action::InsertAfter { blocks } | Action::Replace { blocks } => {
                blocks.iter().flat_map(block_lines).for_each(|line| all.add(line));
            }
            Action::ReplaceValue { was, is } => all.add(format!("{was} → {is}")),
            Action::MarkDeprecated { instead } => all.add(pieces_text(instead)),
        }
        all.add(&operation.because);
        all.add(&operation.anchor.text);
    }
}

fn of_live<'a>(live: &'a Live, all: &mut Gathered<'a>) {
    for step in &live.steps {
        all.add(&step.text);
        step.before.iter().chain(&step.under).for_each(|part| all.add(&part.text));
        step.broken.iter().for_each(|broken| all.add(broken));
        step.facts.iter().for_each(|fact| all.add(format!("{}: {}", fact.name, fact.value)));
    }
    live.after.iter().for_each(|part| all.add(&part.text));
}

fn of_paper<'a>(paper: &'a Paper, all: &mut Gathered<'a>) {
    all.add(&paper.title);
    for section in &paper.sections {
        for sentence in section.sentences.iter().filter(|sentence| paper.tells(sentence)) {
            all.add(&sentence.text);
            sentence.answer.iter().for_each(|answer| all.add(&answer.text));
        }
    }
    paper.standing().for_each(|(_, line)| all.add(&line.text));
}

/// A block's text, line by line: cells of a table's row are joined by ` | `, as people are shown them.
pub fn block_lines(block: &Block) -> Vec<String> {
    match block {
        Block::Heading { text, .. } | Block::Paragraph { text } | Block::Item { text, .. } => {
            vec![pieces_text(text)]
        }
        Block::Code { code, .. } => code.lines().map(str::to_owned).collect(),
        Block::Table { rows } => {
            let line = |cells: &Vec<Vec<Piece>>| {
                cells.iter().map(|cell| pieces_text(cell)).collect::<Vec<_>>().join(" | ")
            };
            rows.iter().map(line).collect()
        }
    }
}

pub fn pieces_text(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Plain(text) | Piece::Strong(text) | Piece::Code(text) | Piece::Link { text, .. } => {
            text.clone()
        }
    };
    pieces.iter().map(text).collect()
}

/// What an index keeps of a row: tokens, separated by spaces, a column for each [`Part`] and two for what is asked by
/// key: what comes with the body, and what may change without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    pub columns: [String; Self::COLUMNS],
}

/// Between two texts of one part: no phrase reaches over it. Private characters are in no word.
const BETWEEN: &str = "\u{e000}";
/// In every row: what "all but" begins from.
pub const EVERY: &str = "\u{e004}";

impl Indexed {
    pub const COLUMNS: usize = 9;
    /// In the order of the columns.
    pub const NAMES: [&'static str; Self::COLUMNS] =
        ["title", "about", "note", "rationale", "proposal", "signal", "difference", "facts", "given"];
    /// The columns that a decision may change: `note` and `given`.
    pub const CHANGING: [usize; 2] = [2, 8];

    pub fn of(looked: &Looked<'_>) -> Self {
        let mut columns: [String; Self::COLUMNS] = Default::default();
        for Passage { part, text } in Document::of(looked).passages {
            append(&mut columns[part as usize], &text);
        }
        columns[Part::ALL.len()] = of_body(looked.draft);
        let [note, given] = Self::of_head(&looked.head);
        (columns[Self::CHANGING[0]], columns[Self::CHANGING[1]]) = (note, given);
        Self { columns }
    }

    /// The columns that a decision may change, without the body being read.
    pub fn of_head(head: &Head<'_>) -> [String; 2] {
        let mut note = String::new();
        head.said.iter().filter_map(|(_, said)| *said).for_each(|said| append(&mut note, said));
        [note, of_given(head)]
    }
}

fn append(column: &mut String, text: &str) {
    for (at, word) in words(text).enumerate() {
        if !column.is_empty() {
            column.push(' ');
        }
        if at == 0 && !column.is_empty() {
            column.push_str(BETWEEN);
            column.push(' ');
        }
        column.push_str(&word);
    }
}

/// What is asked by key and stands in the head.
fn of_given(head: &Head<'_>) -> String {
    let mut all = vec![
        token(Key::Env, head.environment),
        token(Key::Risk, head.risk.word()),
        token(Key::Agent, head.agent),
        token(Key::Owner, head.owner),
    ];
    let names = head.incident.into_iter().flat_map(incident_names);
    all.extend(names.map(|name| token(Key::Incident, name)));
    all.extend(head.asked.iter().flat_map(|one| [token(Key::Asked, one), token(Key::Who, one)]));
    all.extend(head.said.iter().map(|(who, _)| token(Key::Who, who)));
    all.sort();
    all.dedup();
    all.join(" ")
}

/// The services that a row is about: its subject's, and those that its agent names among the facts.
pub(super) fn services(draft: &Draft) -> impl Iterator<Item = &str> {
    let own = match draft.kind {
        Kind::Gate => Some(gate::of_subject(&draft.subject).0),
        Kind::Sync => Some(draft.subject.as_str()),
        Kind::Runbook | Kind::Postmortem | Kind::Policy => None,
    };
    let named = draft.facts.iter().filter(|(name, _)| matches!(name.as_str(), "service" | "services"));
    let named = named.flat_map(|(_, value)| value.split([',', ' ']).filter(|one| !one.is_empty()));
    own.into_iter().chain(named)
}

/// What is asked by key and comes with the body.
fn of_body(draft: &Draft) -> String {
    let mut all = vec![EVERY.to_owned(), token(Key::Service, &draft.subject)];
    all.extend(services(draft).map(|service| token(Key::Service, service)));
    if draft.kind == Kind::Runbook {
        all.push(token(Key::Page, draft.subject.split('@').next().unwrap_or(&draft.subject)));
    }
    if let Base::Runbook(base) = &draft.base {
        all.push(token(Key::Page, &base.page));
    }
    let platforms = draft.signals.iter().map(|signal| &signal.pointer).chain(&draft.pointers);
    all.extend(platforms.map(|pointer| token(Key::Source, &pointer.platform)));
    all.extend(draft.amended_by.iter().map(|who| token(Key::Who, who.as_str())));
    all.sort();
    all.dedup();
    all.join(" ")
}

/// A key with its value as one token that no word is: whatever is no small letter or digit is written as its number
/// between private characters.
pub fn token(key: Key, value: &str) -> String {
    let key = match key {
        Key::App => Key::Service,
        Key::Reviewer => Key::Asked,
        key => key,
    };
    let mut out = format!("\u{e001}{}\u{e002}", key.word());
    for c in value.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else {
            out.push_str(&format!("\u{e003}{:x}\u{e003}", u32::from(c)));
        }
    }
    out
}

/// The tokens that a value asked for by key may be.
pub fn asked(key: Key, value: &str) -> Vec<String> {
    let long = if key == Key::Env { super::language::long_name(value) } else { None };
    std::iter::once(value).chain(long).map(|value| token(key, value)).collect()
}
