//! What was said, run and ticked, as operations on the page.
//!
//! Never: two operations for one thing said twice; an operation that the page does not need.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{Case, Finding, rules, words};
use crate::{
    agent::{
        rule::Rule,
        scribe::{
            chatter::{self, Remark, Side},
            facts::Said,
            place,
        },
    },
    row::{
        Pointer,
        page::{Action, Anchor, Block, Operation, Passage, Piece, outline::PassageKind},
    },
};

/// Commands that were run this close to what somebody said belong to it.
const TOGETHER: SignedDuration = SignedDuration::from_mins(15);
const COMMANDS_MAX: usize = 4;
/// Headings that are inserted are of this level, where the page has none to go by.
const LEVEL: u8 = 2;

/// One operation, and what the row says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::agent::scribe) struct Wanted {
    /// Which it is, while notes are followed.
    pub(in crate::agent::scribe) id: usize,
    pub(in crate::agent::scribe) operation: Operation,
    /// For title and signal: `Add step: rotate Redis replica before failover`.
    pub(in crate::agent::scribe) phrase: String,
    pub(in crate::agent::scribe) rule: Rule,
    /// What it rests on first of all.
    pub(in crate::agent::scribe) from: Pointer,
    /// Where on the page it is, for the order.
    pub(in crate::agent::scribe) at: usize,
}

impl Wanted {
    pub(super) fn name(&self) -> &'static str {
        name(&self.operation.action)
    }
}

/// What is done to the page, in a word or two.
pub(super) fn name(action: &Action) -> &'static str {
    match action {
        Action::InsertBefore { .. } | Action::InsertAfter { .. } => "insert",
        Action::Replace { .. } | Action::ReplaceValue { .. } => "replace",
        Action::MarkDeprecated { .. } => "mark deprecated",
    }
}

/// A message and one thing that it says.
struct Heard {
    said: Said,
    remark: Remark,
}

impl Case<'_> {
    /// Everything that could be proposed, in the order of the page. What is not is found.
    pub(super) fn wanted(&self, found: &mut Vec<Finding>) -> Vec<Wanted> {
        let heard = self.heard();
        let mut wanted: Vec<Wanted> = Vec::new();
        for one in &heard {
            let next = match &one.remark {
                Remark::Step { text, place } => self.step(&one.said, text, place.as_ref(), &heard, found),
                Remark::Instead { what, instead, link } => {
                    self.instead(&one.said, what, instead.as_deref(), link.as_deref(), found)
                }
                Remark::Value { about, was, is } => self.value(&one.said, about, was, is, found),
                Remark::Section { heading, lines } => self.section(&one.said, heading, lines, found),
                Remark::Skipped { step } | Remark::Failed { step } => {
                    self.numbered(&one.said, &one.remark, *step, found);
                    None
                }
                Remark::Instruction => {
                    found.push(self.instruction(&one.said));
                    None
                }
                Remark::Ran { .. } | Remark::Disputed => None,
            };
            wanted.extend(next);
        }
        wanted.extend(self.ran(&heard, &wanted));
        wanted.extend(self.ticked(&wanted, found));
        let mut seen = BTreeSet::new();
        wanted.retain(|one| seen.insert(one.phrase.to_lowercase()));
        wanted.sort_by_key(|one| one.at);
        wanted.truncate(self.limits.operations_max);
        wanted
    }

    /// What was said against any of these.
    pub(super) fn disputes(&self, wanted: &[Wanted], found: &mut Vec<Finding>) {
        let heard = self.heard();
        found.extend(wanted.iter().filter_map(|one| self.disputed(one, &heard)));
    }

    fn heard(&self) -> Vec<Heard> {
        let marked = |said: &Said| said.reactions.iter().any(|reaction| self.limits.marks.contains(reaction));
        let of_one = |said: Said| {
            let remarks = chatter::remarks(&said, marked(&said));
            remarks.into_iter().map(move |remark| Heard { said: said.clone(), remark })
        };
        self.facts.story.spoken().into_iter().flat_map(of_one).collect()
    }

    fn step(
        &self,
        said: &Said,
        text: &str,
        place: Option<&(Side, String)>,
        heard: &[Heard],
        found: &mut Vec<Finding>,
    ) -> Option<Wanted> {
        if let Some(at) = place::says(self.outline, text) {
            found.push(self.says_so(said, text, at));
            return None;
        }
        let bare = words::small(chatter::without_article(text)).replace(" the ", " ");
        let phrase = match place {
            Some((side, at)) => format!("Add step: {bare} {} {at}", side.word()),
            None => format!("Add step: {bare}"),
        };
        let placed = match place {
            Some((side, phrase)) => place::find_step(self.outline, phrase).map(|at| (at, *side)),
            // Without a place it stands before the step that it shares most with.
            None => place::find_step(self.outline, text).map(|at| (at, Side::Before)),
        };
        let Some((at, side)) = placed else {
            found.push(self.not_placed(said, &phrase));
            return None;
        };
        let passage = self.outline.passages.get(at)?;
        let commands = self.commands_about(said, text, heard);
        let mut pieces = vec![Piece::Plain(words::capital(&bare))];
        for (number, command) in commands.iter().enumerate() {
            pieces.push(Piece::Plain(if number == 0 { ": " } else { ", then " }.to_owned()));
            pieces.push(Piece::Code(command.0.to_owned()));
        }
        let blocks = vec![item_like(passage, pieces)];
        let action = match side {
            Side::Before => Action::InsertBefore { blocks },
            Side::After => Action::InsertAfter { blocks },
        };
        let mut pointers = vec![said.pointer.clone()];
        pointers.extend(commands.iter().map(|(_, ran)| ran.pointer.clone()));
        let because = self.because(said, commands.first().map(|(_, ran)| *ran));
        Some(self.wants(place::anchor(passage), action, because, pointers, (phrase, rules::STEP_SAID, at)))
    }

    /// Commands that were run around what was said and share a word with it, in their order.
    fn commands_about<'h>(&self, said: &Said, text: &str, heard: &'h [Heard]) -> Vec<(&'h str, &'h Said)> {
        let near = |one: &&Heard| one.said.at.duration_since(said.at).abs() <= TOGETHER;
        let told = heard.iter().filter(near).filter_map(|one| match &one.remark {
            Remark::Ran { commands } => Some((commands, &one.said)),
            _ => None,
        });
        let about = |message: &Said| {
            let shares = text.to_lowercase();
            let mut words = shares.split_whitespace().filter(|word| word.len() > 3);
            let message = message.text.to_lowercase();
            words.any(|word| message.contains(word))
        };
        told.filter(|(_, message)| about(message))
            .flat_map(|(commands, message)| commands.iter().map(move |command| (command.as_str(), message)))
            .filter(|(command, _)| place::holds(self.outline, command).is_none())
            .take(COMMANDS_MAX)
            .collect()
    }

    fn instead(
        &self,
        said: &Said,
        what: &str,
        instead: Option<&str>,
        link: Option<&str>,
        found: &mut Vec<Finding>,
    ) -> Option<Wanted> {
        let at = place::find_step(self.outline, what);
        let at = at.filter(|at| {
            let kind = &self.outline.passages[*at].kind;
            !matches!(kind, PassageKind::Heading(_) | PassageKind::Opaque(_))
        });
        let phrase = match instead {
            Some(instead) => {
                let how = if link.is_some() { "link to" } else { "name" };
                format!("Mark \"{what}\" as deprecated, {how} {instead}")
            }
            None => format!("Mark \"{what}\" as deprecated"),
        };
        // Most things that people tell each other not to do stand on no page.
        let passage = self.outline.passages.get(at?)?;
        let Some(instead) = instead else {
            let says = format!("{} said not to {what}, and not what to do instead.", said.by);
            found.push(self.finding(rules::STEP_FAILED, "advice", &said.text, said.pointer.clone(), &says));
            return None;
        };
        let replacement = match link {
            Some(link) => Piece::Link { text: instead.to_owned(), url: link.to_owned() },
            None => Piece::Plain(instead.to_owned()),
        };
        let action =
            Action::MarkDeprecated { instead: vec![Piece::Plain("Use the ".to_owned()), replacement] };
        let (because, pointers) = (self.because(said, None), vec![said.pointer.clone()]);
        Some(self.wants(
            place::anchor(passage),
            action,
            because,
            pointers,
            (phrase, rules::CONTRADICTED, at?),
        ))
    }

    fn value(
        &self,
        said: &Said,
        about: &str,
        was: &str,
        is: &str,
        found: &mut Vec<Finding>,
    ) -> Option<Wanted> {
        let whole = |passage: &Passage| {
            passage.text.split_whitespace().any(|word| word.trim_matches(['`', '.', ',', ':', ';']) == was)
        };
        let named = place::find(self.outline, about).filter(|at| whole(&self.outline.passages[*at]));
        let only = || {
            let mut all =
                self.outline.passages.iter().enumerate().filter(|(_, one)| whole(one)).map(|(at, _)| at);
            all.next().filter(|_| all.next().is_none())
        };
        let phrase = format!("Replace {was} with {is}");
        let Some(at) = named.or_else(only) else {
            if place::holds(self.outline, was).is_some() {
                found.push(self.not_placed(said, &phrase));
            }
            return None;
        };
        let passage = self.outline.passages.get(at)?;
        let action = Action::ReplaceValue { was: was.to_owned(), is: is.to_owned() };
        let (because, pointers) = (self.because(said, None), vec![said.pointer.clone()]);
        Some(self.wants(
            place::anchor(passage),
            action,
            because,
            pointers,
            (phrase, rules::VALUE_CHANGED, at),
        ))
    }

    fn section(
        &self,
        said: &Said,
        heading: &str,
        lines: &[String],
        found: &mut Vec<Finding>,
    ) -> Option<Wanted> {
        let there = self.outline.passages.iter().position(|passage| {
            matches!(passage.kind, PassageKind::Heading(_)) && passage.text.eq_ignore_ascii_case(heading)
        });
        if let Some(at) = there {
            found.push(self.says_so(said, heading, at));
            return None;
        }
        let phrase = format!("Insert {}", words::small(heading));
        let Some((at, side)) = place::new_section(self.outline, heading) else {
            found.push(self.not_placed(said, &phrase));
            return None;
        };
        let passage = self.outline.passages.get(at)?;
        let levels = self.outline.passages.iter().filter_map(|passage| match passage.kind {
            PassageKind::Heading(level) if level >= LEVEL => Some(level),
            _ => None,
        });
        let level = levels.min().unwrap_or(LEVEL);
        let plain = |text: &str| vec![Piece::Plain(text.to_owned())];
        let mut blocks = vec![Block::Heading { level, text: plain(&words::capital(heading)) }];
        blocks.extend(lines.iter().map(|line| Block::Item { ordered: false, depth: 0, text: pieces(line) }));
        let (because, pointers) = (self.because(said, None), vec![said.pointer.clone()]);
        let action = match side {
            Side::Before => Action::InsertBefore { blocks },
            Side::After => Action::InsertAfter { blocks },
        };
        Some(self.wants(place::anchor(passage), action, because, pointers, (phrase, rules::SECTION_SAID, at)))
    }

    /// Commands that the page does not have, run after one that it has, and followed by recovery.
    fn ran(&self, heard: &[Heard], already: &[Wanted]) -> Vec<Wanted> {
        let Some(recovered) = self.facts.story.recovered_at() else { return Vec::new() };
        let within = SignedDuration::from_mins(i64::from(self.limits.recovers_within_min));
        let mut before: Option<usize> = None;
        let mut wanted = Vec::new();
        for one in heard {
            let Remark::Ran { commands } = &one.remark else { continue };
            for command in commands {
                if let Some(at) = place::holds(self.outline, command) {
                    before = Some(place::owner(self.outline, at));
                    continue;
                }
                let age = recovered.duration_since(one.said.at);
                let helped = SignedDuration::ZERO <= age && age <= within;
                let proposed =
                    already.iter().any(|wanted| wanted.operation.pointers.contains(&one.said.pointer));
                let Some(passage) =
                    before.filter(|_| helped && !proposed).and_then(|at| self.outline.passages.get(at))
                else {
                    continue;
                };
                let text = vec![Piece::Plain("Run ".to_owned()), Piece::Code(command.clone())];
                let action = Action::InsertAfter { blocks: vec![item_like(passage, text)] };
                let because = format!(
                    "{} ran it at {}, and {} later it was over.",
                    one.said.by,
                    words::clock(one.said.at),
                    words::minutes(one.said.at, recovered)
                );
                let phrase = format!("Add step: run {command}");
                let about = (phrase, rules::COMMAND_BEFORE_RECOVERY, before.unwrap_or_default());
                wanted.push(self.wants(
                    place::anchor(passage),
                    action,
                    because,
                    vec![one.said.pointer.clone()],
                    about,
                ));
            }
        }
        wanted
    }

    pub(super) fn wants(
        &self,
        anchor: Anchor,
        action: Action,
        because: String,
        pointers: Vec<Pointer>,
        (phrase, rule, at): (String, Rule, usize),
    ) -> Wanted {
        let from = pointers.first().cloned().unwrap_or_else(|| self.facts.story.pointer.clone());
        Wanted {
            id: 0,
            operation: Operation { anchor, action, because, pointers, by: None },
            phrase,
            rule,
            from,
            at,
        }
    }

    /// `priya said so at 02:41 UTC: “…”. It was run at 02:44 UTC, and 14 minutes later it was over.`
    fn because(&self, said: &Said, ran: Option<&Said>) -> String {
        let mut text =
            format!("{} said so at {}: {}", said.by, words::clock(said.at), words::quoted(&said.text));
        let recovered = self.facts.story.recovered_at();
        let over = |from: Timestamp| {
            let after = recovered.filter(|at| *at >= from)?;
            Some(format!("{} later it was over", words::minutes(from, after)))
        };
        let rest = match ran {
            Some(ran) => {
                let over = over(ran.at).map(|over| format!(", and {over}")).unwrap_or_default();
                Some(format!("{} ran it at {}{over}.", ran.by, words::clock(ran.at)))
            }
            None => over(said.at).map(|over| format!("{}.", words::capital(&over))),
        };
        if let Some(rest) = rest {
            text = format!("{text} {rest}");
        }
        text
    }

    /// Somebody said later, in the same breath or thread, that it was no help.
    fn disputed(&self, one: &Wanted, heard: &[Heard]) -> Option<Finding> {
        let origin = heard.iter().find(|heard| one.operation.pointers.contains(&heard.said.pointer))?;
        let no = heard.iter().find(|heard| {
            heard.remark == Remark::Disputed
                && heard.said.at > origin.said.at
                && heard.said.at.duration_since(origin.said.at) <= TOGETHER
        })?;
        let says = format!(
            "{} said at {}: {} Perhaps of {}.",
            no.said.by,
            words::clock(no.said.at),
            words::quoted(&no.said.text),
            words::small(&one.phrase)
        );
        Some(self.finding(rules::DISPUTED, "disputed", &no.said.text, no.said.pointer.clone(), &says))
    }

    fn numbered(&self, said: &Said, remark: &Remark, number: u32, found: &mut Vec<Finding>) {
        let Some(at) = place::step(self.outline, number) else { return };
        let step = words::quoted(&self.outline.passages[at].text);
        let (rule, name, says) = match remark {
            Remark::Skipped { .. } => {
                (rules::STEP_SKIPPED, "skipped", format!("{} skipped step {number} ({step}).", said.by))
            }
            _ => (
                rules::STEP_FAILED,
                "failed",
                format!("{} said that step {number} failed ({step}).", said.by),
            ),
        };
        found.push(self.finding(rule, name, &said.text, said.pointer.clone(), &says));
    }

    fn instruction(&self, said: &Said) -> Finding {
        let (rule, what) = match said.pointer.platform.as_str() {
            "pagerduty" => (rules::INSTRUCTIONS_IN_NOTES, "note"),
            _ => (rules::INSTRUCTIONS_IN_CHAT, "message"),
        };
        let says = format!("A {what} by {} gives instructions; they are shown and not followed.", said.by);
        let name = if what == "note" { "instructions in a note" } else { "instructions in chat" };
        self.finding(rule, name, &said.text, said.pointer.clone(), &says)
    }

    fn says_so(&self, said: &Said, text: &str, at: usize) -> Finding {
        let there = words::quoted(&self.outline.passages[at].text);
        let says = format!("The page says so already: {there}.");
        self.finding(rules::PAGE_SAYS_SO, "on the page", text, said.pointer.clone(), &says)
    }

    fn not_placed(&self, said: &Said, phrase: &str) -> Finding {
        let heard = format!("{} said at {}: {}", said.by, words::clock(said.at), words::quoted(&said.text));
        let says = format!("{phrase}: no passage of the page belongs to it. {heard}");
        self.finding(rules::NOT_PLACED, "no place", phrase, said.pointer.clone(), &says)
    }
}

/// A new line of the same list as this passage, or a line of its own.
pub(in crate::agent::scribe) fn item_like(passage: &Passage, text: Vec<Piece>) -> Block {
    match passage.kind {
        PassageKind::Step(_) => Block::Item { ordered: true, depth: passage.depth, text },
        PassageKind::Bullet => Block::Item { ordered: false, depth: passage.depth, text },
        _ => Block::Paragraph { text },
    }
}

/// Text with what stands between backticks as code.
fn pieces(text: &str) -> Vec<Piece> {
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts
        .map(
            |(at, part)| {
                if at % 2 == 1 { Piece::Code(part.to_owned()) } else { Piece::Plain(part.to_owned()) }
            },
        )
        .collect()
}
