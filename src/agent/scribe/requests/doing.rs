//! Does to the operations what a line asks for, and says what the edit then shows.
//!
//! Never: a reviewer's own words changed; of several operations one by chance.

use super::{
    super::{
        chatter::{self, Side},
        facts::{Facts, Said},
        place, rules, words,
    },
    Done, Shows, Table, Wanted,
    grammar::Request,
    texts::{link_of, links, pieces, text, texts, with_link},
};
use crate::{
    agent::{finding, requests::grammar::Common},
    row::page::{Action, Block, Operation},
};

/// Characters of an address in an answer.
const ADDRESS_BYTES_MAX: usize = 300;
/// Bytes of an operation's reason, with what was asked of it.
const BECAUSE_BYTES_MAX: usize = 1_000;

impl Table<'_> {
    pub(super) fn follow(&mut self, by: &str, line: &str, request: Request) -> Result<Done, String> {
        let whole = matches!(request, Request::Common(Common::Word { .. }));
        let changes = whole
            || matches!(
                request,
                Request::Common(Common::Say { .. }) | Request::Link { .. } | Request::Move { .. }
            );
        let done = self.done(by, line, request)?;
        if changes {
            self.asked_for((by, line), whole, &done.shows);
        }
        Ok(done)
    }

    /// An operation says whose wish it is that it is as it is.
    fn asked_for(&mut self, (by, line): (&str, &str), whole: bool, shows: &[Shows]) {
        let asked = format!("{by} asked for it so in a note: {}", words::quoted(line));
        let from = self.facts.before.as_ref();
        let from = from.map(|before| finding::pointer("dock_row", "dock", &before.row.to_string(), ""));
        let is_one = |one: &Wanted| {
            shows.iter().any(|shows| match shows {
                Shows::Links(id, _) | Shows::At(id, ..) | Shows::Says { id, .. } => *id == one.id,
                Shows::Gone(_) | Shows::There(_) => false,
            })
        };
        for one in self.places.iter_mut().flatten().filter(|one| is_one(one)) {
            let operation = &mut one.operation;
            operation.because = match &operation.because {
                _ if whole => asked.clone(),
                was if was.contains(&asked) => was.clone(),
                was => words::cut(&format!("{was} {asked}"), BECAUSE_BYTES_MAX),
            };
            operation.pointers.extend(from.clone().filter(|from| !operation.pointers.contains(from)));
        }
    }

    fn done(&mut self, by: &str, line: &str, request: Request) -> Result<Done, String> {
        match request {
            Request::Common(Common::LeaveOut(numbers)) => self.leave_out(&numbers),
            Request::Common(Common::Keep(numbers)) => self.stand(&numbers, false),
            Request::Common(Common::BringBack(numbers)) => self.stand(&numbers, true),
            Request::LeaveOutStep(number) => self.leave_out_step(number),
            Request::Link { number, address } => self.link(number, address),
            Request::Move { number, side, step } => self.move_to(number, side, step),
            Request::Common(Common::Say { number, new, old }) => self.say(number, &new, &old),
            Request::Common(Common::Word { number, new }) => self.word(number, &new),
            Request::Add(text) => self.add(by, line, &text),
        }
    }

    /// Where the operation with this number is; without one, the only one there is.
    fn at(&self, number: Option<usize>) -> Result<usize, String> {
        let left: Vec<usize> = (0..self.places.len()).filter(|at| self.places[*at].is_some()).collect();
        match (number, left.as_slice()) {
            (Some(number), _) => {
                let at = number.checked_sub(1).filter(|at| *at < self.count && left.contains(at));
                at.ok_or_else(|| format!("there is no operation {number}"))
            }
            (None, [only]) => Ok(*only),
            (None, []) => Err("there is no operation left".to_owned()),
            (None, several) => {
                Err(format!("which of the {} operations is meant? Name it by its number", several.len()))
            }
        }
    }

    /// The same, to be changed.
    fn own(&mut self, number: Option<usize>) -> Result<&mut Wanted, String> {
        let at = self.at(number)?;
        let one = self.places.get_mut(at).and_then(Option::as_mut).ok_or("it is gone already")?;
        theirs(one).map_or(Ok(()), Err)?;
        Ok(one)
    }

    fn leave_out(&mut self, numbers: &[usize]) -> Result<Done, String> {
        let found: Vec<usize> =
            numbers.iter().map(|number| self.at(Some(*number))).collect::<Result<_, _>>()?;
        let (mut said, mut shows) = (Vec::new(), Vec::new());
        for (at, number) in found.into_iter().zip(numbers) {
            let Some(one) = self.places.get_mut(at).and_then(Option::take) else { continue };
            said.push(words::small(&one.phrase));
            shows.push(Shows::Gone(one.id));
            self.gone.push((*number, one));
        }
        Ok(Done { says: format!("left out: {}", words::list(&said)), shows })
    }

    /// The step of this number of those that the edit adds, where that is its operation's number too.
    fn leave_out_step(&mut self, number: usize) -> Result<Done, String> {
        let adds = |one: &Wanted| {
            matches!(one.operation.action, Action::InsertBefore { .. } | Action::InsertAfter { .. })
        };
        let mut before = self.places.iter().take(self.count.min(number));
        if self.count < number || !before.all(|one| one.as_ref().is_some_and(adds)) {
            return Err(format!(
                "which operation is meant by step {number}? Name it by its number, as in \u{201c}drop operation {number}\u{201d}"
            ));
        }
        self.leave_out(&[number])
    }

    /// Operations that are to be in the edit: they are, or they went by this number and come back.
    fn stand(&mut self, numbers: &[usize], again: bool) -> Result<Done, String> {
        let (mut said, mut shows) = (Vec::new(), Vec::new());
        for number in numbers {
            let here = self.at(Some(*number)).ok().and_then(|at| self.places.get(at)?.as_ref());
            let went = self.gone.iter().rposition(|(by, _)| by == number);
            match (here, went) {
                (Some(here), None) => {
                    said.push(format!("operation {number} stays: {}", words::small(&here.phrase)));
                    shows.push(Shows::There(here.id));
                }
                (Some(here), Some(_)) if !again => {
                    said.push(format!("operation {number} stays: {}", words::small(&here.phrase)));
                    shows.push(Shows::There(here.id));
                }
                (here, Some(went)) => {
                    let in_its_place = here.is_none() && *number <= self.count;
                    let (_, one) = self.gone.remove(went);
                    said.push(format!("it is in the edit again: {}", words::small(&one.phrase)));
                    shows.push(Shows::There(one.id));
                    match number.checked_sub(1).and_then(|at| self.places.get_mut(at)) {
                        Some(place) if in_its_place => *place = Some(one),
                        _ => self.places.push(Some(one)),
                    }
                }
                (None, None) => return Err(format!("there is no operation {number}, and none went by it")),
            }
        }
        Ok(Done { says: words::list(&said), shows })
    }

    /// To the address that the note gives, else to the file behind the link.
    fn link(&mut self, number: Option<usize>, address: Option<String>) -> Result<Done, String> {
        let facts = self.facts;
        let number = number.or_else(|| {
            let linking = |one: &Option<Wanted>| one.as_ref().is_some_and(|one| !links(one).is_empty());
            let mut all = (0..self.count).filter(|at| self.places.get(*at).is_some_and(linking));
            let only = all.next().filter(|_| all.next().is_none());
            only.map(|at| at + 1)
        });
        let one = self.own(number)?;
        let (id, mut action) = (one.id, one.operation.action.clone());
        let url = link_of(&mut action)?;
        let new = match address {
            Some(address) => address,
            None => {
                file_of(url, facts).ok_or("nobody named the file, and it cannot be told from the link")?
            }
        };
        let word = if *url == new { "already" } else { "now" };
        url.clone_from(&new);
        one.operation.action = action;
        let shown = words::cut(&words::line(&new), ADDRESS_BYTES_MAX);
        Ok(Done { says: format!("it links {shown} {word}"), shows: vec![Shows::Links(id, new)] })
    }

    fn move_to(&mut self, number: Option<usize>, side: Side, step: u32) -> Result<Done, String> {
        let to = place::step(self.outline, step).ok_or_else(|| format!("the page has no step {step}"))?;
        let anchor = place::anchor(&self.outline.passages[to]);
        let one = self.own(number)?;
        let (Action::InsertBefore { blocks } | Action::InsertAfter { blocks }) = &one.operation.action else {
            return Err("the operation inserts nothing that could be moved".to_owned());
        };
        let blocks = blocks.clone();
        one.operation.action = match side {
            Side::Before => Action::InsertBefore { blocks },
            Side::After => Action::InsertAfter { blocks },
        };
        one.operation.anchor = anchor.clone();
        one.at = to;
        let before = [" before ", " after "].iter().filter_map(|cut| one.phrase.rfind(cut)).max();
        let head = before.map_or(one.phrase.as_str(), |at| &one.phrase[..at]).to_owned();
        one.phrase = format!("{head} {} step {step}", side.word());
        let says = format!("it stands {} step {step} now", side.word());
        Ok(Done { says, shows: vec![Shows::At(one.id, anchor, side)] })
    }

    /// Other words within the text of one operation, or of all that have them.
    fn say(&mut self, number: Option<usize>, new: &str, old: &str) -> Result<Done, String> {
        let only = number.map(|number| self.at(Some(number))).transpose()?;
        let (mut shows, mut kept) = (Vec::new(), None);
        for (at, one) in self.places.iter_mut().enumerate() {
            let Some(one) = one.as_mut().filter(|_| only.is_none_or(|only| only == at)) else { continue };
            if !words::holds(&text(&one.operation.action), old) {
                continue;
            }
            if let Some(why) = theirs(one) {
                kept = Some(why);
                continue;
            }
            let mut count = 0;
            for text in texts(&mut one.operation.action) {
                if words::holds(text, old) {
                    *text = words::in_place(text, old, new);
                    count += 1;
                }
            }
            if count > 0 {
                one.phrase = words::in_place(&one.phrase, old, new);
                shows.push(Shows::Says { id: one.id, new: new.to_owned(), old: Some(old.to_owned()) });
            }
        }
        match (shows.is_empty(), kept) {
            (true, Some(why)) => Err(why),
            (true, None) => Err(format!("{} stands in no operation", words::quoted(old))),
            _ => Ok(Done { says: format!("it says {} now", words::quoted(new)), shows }),
        }
    }

    /// The whole text of one operation.
    fn word(&mut self, number: Option<usize>, new: &str) -> Result<Done, String> {
        let one = self.own(number)?;
        let linked = !links(one).is_empty();
        let pieces = with_link(pieces(new)?, &one.operation.action);
        let line = match one.operation.written().as_slice() {
            [Block::Heading { level, .. }] => Block::Heading { level: *level, text: pieces },
            [Block::Item { ordered, depth, .. }] => {
                Block::Item { ordered: *ordered, depth: *depth, text: pieces }
            }
            [Block::Paragraph { .. }] => Block::Paragraph { text: pieces },
            _ => return Err("it is more than a line; reword it with dock amend".to_owned()),
        };
        one.operation.reword(&[line])?;
        one.phrase = one.operation.phrase();
        let lost = if linked && links(one).is_empty() { ", and links nothing any more" } else { "" };
        let new = text(&one.operation.action);
        let says = format!("it says {} now{lost}", words::quoted(&new));
        Ok(Done { says, shows: vec![Shows::Says { id: one.id, new, old: None }] })
    }

    /// A step that the reviewer wants beside what was said and run.
    fn add(&mut self, by: &str, line: &str, text: &str) -> Result<Done, String> {
        let bare = text.trim().trim_end_matches('.').replace(['"', '\u{201c}', '\u{201d}'], "");
        let (text, place) = chatter::named_step(&bare);
        if text.split_whitespace().count() < 2 {
            return Err("a step has two words at least".to_owned());
        }
        if let Some(at) = place::says(self.outline, &text) {
            let there = words::quoted(&self.outline.passages[at].text);
            return Err(format!("the page says so already: {there}"));
        }
        let found = match &place {
            Some((side, phrase)) => {
                let number =
                    phrase.to_lowercase().strip_prefix("step ").and_then(|number| number.parse().ok());
                let at = match number {
                    Some(number) => place::step(self.outline, number),
                    None => place::find_step(self.outline, phrase),
                };
                at.map(|at| (at, *side))
            }
            None => place::find_step(self.outline, &text).map(|at| (at, Side::Before)),
        };
        let (at, side) =
            found.ok_or("no passage of the page is where it belongs; say before or after which step")?;
        let passage = &self.outline.passages[at];
        let blocks = vec![super::super::draft::item_like(passage, pieces(&words::capital(&text))?)];
        let action = match side {
            Side::Before => Action::InsertBefore { blocks },
            Side::After => Action::InsertAfter { blocks },
        };
        let anchor = place::anchor(passage);
        let there = words::quoted(&passage.text);
        let because = format!("{by} asked for it in a note: {}", words::quoted(line));
        let from = match self.facts.before.as_ref() {
            Some(before) => finding::pointer("dock_row", "dock", &before.row.to_string(), ""),
            None => self.facts.story.pointer.clone(),
        };
        let id =
            self.places.iter().flatten().chain(self.gone.iter().map(|(_, one)| one)).map(|one| one.id + 1);
        let id = id.max().unwrap_or_default();
        let operation =
            Operation { anchor: anchor.clone(), action, because, pointers: vec![from.clone()], by: None };
        let phrase = format!("Add step: {} {} {there}", words::small(&text), side.word());
        let says = format!("it is added {} {there}", side.word());
        self.places.push(Some(Wanted { id, operation, phrase, rule: rules::ASKED_FOR, from, at }));
        Ok(Done { says, shows: vec![Shows::At(id, anchor, side)] })
    }
}

/// A reviewer's words are changed by reviewers alone.
fn theirs(one: &Wanted) -> Option<String> {
    let by = one.operation.by.as_ref()?;
    Some(format!("it holds {by}'s words, which are a reviewer's to change; amend it yourself"))
}

/// The address of a workflow's file: as somebody gave it, else its page on GitHub by the name that somebody gave.
fn file_of(link: &str, facts: &Facts) -> Option<String> {
    let is_file = |text: &str| {
        let path = text.split(['?', '#']).next().unwrap_or(text);
        std::path::Path::new(path).extension().is_some_and(|end| end == "yml" || end == "yaml")
    };
    if is_file(link) {
        return Some(link.to_owned());
    }
    // The same repository: an address that only looks like it is another one.
    let repository = link.split("/actions/").next().filter(|before| before.len() < link.len())?;
    let ours = |url: &&str| url.strip_prefix(repository).is_some_and(|rest| rest.starts_with('/'));
    let said: Vec<Said> = facts.story.spoken();
    let texts: Vec<&str> =
        said.iter().rev().filter(|said| !said.bot).map(|said| said.text.as_str()).collect();
    let given = texts.iter().find_map(|text| chatter::links(text).filter(ours).find(|url| is_file(url)));
    given.map(str::to_owned).or_else(|| {
        let words =
            texts.iter().flat_map(|text| text.split(|c: char| c.is_whitespace() || "`(),".contains(c)));
        let mut named = words.filter(|word| !word.contains("://") && is_file(word));
        let name = named.find_map(|word| word.rsplit('/').next())?;
        Some(format!("{repository}/actions/workflows/{name}"))
    })
}
