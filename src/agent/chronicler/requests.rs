//! A reviewer's note on a paper, line by line: what it asks for is done to the next draft, or it is said plainly that it is
//! not.
//!
//! [`crate::agent::requests`] is what flows share of it; `grammar` reads a line. Notes are followed in their order on the
//! lines and sentences that their writers saw, found again in what is drafted now.
//! Never: what a note says as the agent's own statement: it is quoted, with who said so; a reviewer's words changed or struck.

mod grammar;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

use super::{
    facts::{Facts, Note},
    words,
};
use crate::{
    agent::{
        finding,
        requests::{self, grammar::Common},
    },
    row::{
        Pointer,
        paper::{HEADINGS, Line, OPEN_QUESTIONS, Paper, Sentence, Standing},
    },
};
use grammar::{Numbered, Request};

pub(super) type Answered = requests::Answered<Shows>;
type Done = requests::Done<Shows>;

/// Bytes of a note's words that a paper quotes.
const SAYS_MAX: usize = 400;
/// The questions that whoever says what set it off answers.
const ASKS_FOR_CAUSE: [&str; 2] = ["What set it off?", "why it happened?"];

/// What the paper shows where a request was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shows {
    Line(Line),
    NoLine(Line),
    /// In the section of this heading.
    Sentence(String, String),
    NoSentence(String, String),
}

/// Follows all notes in their order.
pub(super) fn follow(facts: &Facts, paper: Paper) -> (Paper, Vec<Answered>) {
    let mut table = Table { paper, gone: Vec::new() };
    let answers = facts.notes.iter().flat_map(|note| table.answer(note)).collect();
    (table.paper, answers)
}

/// Compares what was done with the paper that came of it.
pub(super) fn compare(answers: &mut [Answered], paper: &Paper) {
    let says = |heading: &str, text: &str| {
        paper.sentences().any(|(_, section, one)| section.heading == heading && one.drafted() == Some(text))
    };
    requests::compare(answers, "paper", |shows: &Shows| match shows {
        Shows::Line(line) => paper.timeline.iter().any(|is| is.same(line)),
        Shows::NoLine(line) => !paper.timeline.iter().any(|is| is.same(line)),
        Shows::Sentence(heading, text) => says(heading, text),
        Shows::NoSentence(heading, text) => !says(heading, text),
    });
}

/// What is said of the last notes.
pub(super) fn sentences(answers: &[Answered]) -> Vec<String> {
    requests::sentences(answers, grammar::HINT)
}

/// The paper as far as notes were followed, and what went by them.
struct Table {
    paper: Paper,
    gone: Vec<Gone>,
}

/// What went by a note.
struct Gone {
    /// The number by which it went; of a sentence that fell with a line, that line's.
    by: Went,
    what: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Went {
    Line(usize),
    With(usize),
    Sentence(usize),
}

#[derive(Clone)]
enum Part {
    Line(Line),
    Sentence(String, Sentence),
}

/// Who says something, and where that stands.
struct Said<'a> {
    by: &'a str,
    from: Pointer,
    /// The paper that they read.
    of: &'a Paper,
}

impl Table {
    fn answer(&mut self, note: &Note) -> Vec<Answered> {
        let from = finding::pointer("dock_row", "dock", &note.row.to_string(), "");
        let said = Said { by: &note.asks.by, from, of: &note.paper };
        requests::answer(&note.asks, |_, request| self.follow(&said, request))
    }

    fn follow(&mut self, said: &Said<'_>, request: Request) -> Result<Done, String> {
        match request {
            Request::Lines(Common::LeaveOut(numbers)) => self.strike_lines(said, &numbers),
            Request::Sentences(Common::LeaveOut(numbers)) => self.strike_sentences(said, &numbers),
            Request::Lines(Common::Keep(numbers)) => self.lines_stand(said, &numbers, false),
            Request::Lines(Common::BringBack(numbers)) => self.lines_stand(said, &numbers, true),
            Request::Sentences(Common::Keep(numbers)) => self.sentences_stand(said, &numbers, false),
            Request::Sentences(Common::BringBack(numbers)) => self.sentences_stand(said, &numbers, true),
            Request::Lines(Common::Say { .. } | Common::Word { .. }) => {
                Err("a line says what its source says; write that it is wrong, or a line of your own"
                    .to_owned())
            }
            Request::Sentences(Common::Word { number, new }) => {
                let number = number.ok_or("name the sentence by its number")?;
                let new = quoted(&new)?;
                self.replace(said, number, |_, _| Ok(format!("{new} (worded by {} in a note)", said.by)))
            }
            Request::Sentences(Common::Say { number, new, old }) => self.say(said, number, &new, &old),
            Request::Wrong { what: Numbered::Line(number), says } => self.wrong_line(said, number, &says),
            Request::Wrong { what: Numbered::Sentence(number), says } => {
                let says = quoted(&says)?;
                self.replace(said, number, |_, was| {
                    Ok(format!("{} corrects {}: {says}", said.by, words::quoted(was)))
                })
            }
            Request::Answer { number, says } => {
                let says = quoted(&says)?;
                self.replace(said, number, |heading, was| match heading {
                    OPEN_QUESTIONS => Ok(format!("{was} {} answers in a note: {says}", said.by)),
                    _ => Err(format!("sentence {number} is no open question")),
                })
            }
            Request::Cause(says) => self.cause(said, &says),
            Request::Add { section, says } => {
                let text = format!("{} ({}, in a note)", quoted(&says)?, said.by);
                self.tell(section, said, text.clone());
                let says = format!("it is told under {section}, as your words");
                Ok(Done { says, shows: vec![Shows::Sentence(section.to_owned(), text)] })
            }
            Request::AddLine { at, says } => {
                let at = self.on_that_day(at).ok_or("the timeline has no day that it could be on")?;
                let text = format!("{} in a note: {}", said.by, quoted(&says)?);
                Ok(self.put_line(at, text, said))
            }
        }
    }

    /// Where the line with this number is now.
    fn line_at(&self, said: &Said<'_>, number: usize) -> Result<usize, String> {
        let was = number.checked_sub(1).and_then(|at| said.of.timeline.get(at));
        let was = was.ok_or_else(|| format!("there is no line {number}"))?;
        own(number, "line", was.by.as_ref().map(ToString::to_string), "dock timeline")?;
        let found = self.paper.timeline.iter().position(|is| is.same(was));
        found.ok_or_else(|| format!("line {number} is not in it any more"))
    }

    /// Where the sentence with this number is now: its section and its place.
    fn sentence_at(&self, said: &Said<'_>, number: usize) -> Result<(usize, usize), String> {
        let (of, was) = said.of.sentence(number).ok_or_else(|| format!("there is no sentence {number}"))?;
        own(number, "sentence", was.is_reviewed().then(|| was.said()), "dock amend")?;
        let section = self.paper.sections.iter().position(|section| section.heading == of.heading);
        let found = section.and_then(|at| {
            let place = self.paper.sections[at].sentences.iter().position(|is| is.text == was.text)?;
            Some((at, place))
        });
        found.ok_or_else(|| format!("sentence {number} is not in it any more"))
    }

    fn strike_lines(&mut self, said: &Said<'_>, numbers: &[usize]) -> Result<Done, String> {
        let found: Result<Vec<usize>, String> =
            numbers.iter().map(|number| self.line_at(said, *number)).collect();
        let lines: Vec<Line> = found?.into_iter().map(|at| self.paper.timeline[at].clone()).collect();
        self.paper.timeline.retain(|is| !lines.iter().any(|line| line.same(is)));
        let fell = self.fall_with(&lines, numbers.first().copied().unwrap_or_default());
        let quoted: Vec<String> = lines.iter().map(|line| words::quoted(&line.text)).collect();
        let mut says = format!("left out: {}", words::list(&quoted));
        if fell > 0 {
            says.push_str(&format!(
                ", and {} resting on it alone",
                words::plural(fell, "sentence", "sentences")
            ));
        }
        let shows = lines.iter().cloned().map(Shows::NoLine).collect();
        let gone = numbers.iter().zip(lines);
        self.gone.extend(gone.map(|(number, line)| Gone { by: Went::Line(*number), what: Part::Line(line) }));
        Ok(Done { says, shows })
    }

    /// Takes out the sentences that rest on lines alone of which none is left; how many.
    fn fall_with(&mut self, gone: &[Line], number: usize) -> usize {
        let (incident, timeline) = (self.paper.incident.clone(), self.paper.timeline.clone());
        let lost = |pointer: &Pointer| {
            let on = |line: &Line| line.pointer.as_ref() == Some(pointer);
            pointer.reference != incident && gone.iter().any(on) && !timeline.iter().any(on)
        };
        let mut fell = 0;
        for section in &mut self.paper.sections {
            let (heading, gone) = (section.heading.clone(), &mut self.gone);
            section.sentences.retain(|one| {
                let falls = !one.pointers.is_empty() && one.pointers.iter().all(lost);
                if falls {
                    gone.push(Gone {
                        by: Went::With(number),
                        what: Part::Sentence(heading.clone(), one.clone()),
                    });
                    fell += 1;
                }
                !falls
            });
        }
        self.paper.sections.retain(|section| !section.sentences.is_empty());
        fell
    }

    fn strike_sentences(&mut self, said: &Said<'_>, numbers: &[usize]) -> Result<Done, String> {
        let found: Result<Vec<_>, String> =
            numbers.iter().map(|number| self.sentence_at(said, *number)).collect();
        let told: Vec<(String, Sentence)> = found?
            .into_iter()
            .map(|(at, place)| {
                let section = &self.paper.sections[at];
                (section.heading.clone(), section.sentences[place].clone())
            })
            .collect();
        let quoted: Vec<String> = told.iter().map(|(_, one)| words::quoted(&one.text)).collect();
        let mut shows = Vec::new();
        for ((heading, sentence), number) in told.into_iter().zip(numbers) {
            self.take_out(&heading, &sentence.text);
            shows.push(Shows::NoSentence(heading.clone(), sentence.text.clone()));
            self.gone.push(Gone { by: Went::Sentence(*number), what: Part::Sentence(heading, sentence) });
        }
        Ok(Done { says: format!("left out: {}", words::list(&quoted)), shows })
    }

    fn take_out(&mut self, heading: &str, text: &str) {
        if let Some(section) = self.paper.sections.iter_mut().find(|section| section.heading == heading) {
            section.sentences.retain(|one| one.text != text);
        }
        self.paper.sections.retain(|section| !section.sentences.is_empty());
    }

    /// They are there, or went by this number and come back; where both may be meant, `again` says which.
    fn lines_stand(&mut self, said: &Said<'_>, numbers: &[usize], again: bool) -> Result<Done, String> {
        let mut shows = Vec::new();
        for number in numbers {
            let was = number.checked_sub(1).and_then(|at| said.of.timeline.get(at));
            let here = was.filter(|was| self.paper.timeline.iter().any(|is| is.same(was))).cloned();
            if let Some(here) = here.filter(|_| !(again && self.went(Went::Line(*number)))) {
                shows.push(Shows::Line(here));
            } else {
                let back = self.bring_back(&[Went::Line(*number), Went::With(*number)]);
                if back.is_empty() {
                    return Err(format!("there is no line {number}, and none went by it"));
                }
                shows.extend(back);
            }
        }
        Ok(Done { says: stands(numbers.len(), "line", "lines"), shows })
    }

    fn sentences_stand(&mut self, said: &Said<'_>, numbers: &[usize], again: bool) -> Result<Done, String> {
        let mut shows = Vec::new();
        for number in numbers {
            let here = said.of.sentence(*number).map(|(of, one)| (of.heading.clone(), one.text.clone()));
            let says = |(heading, text): &(String, String)| {
                self.paper
                    .sentences()
                    .any(|(_, section, one)| section.heading == *heading && one.text == *text)
            };
            if let Some((heading, text)) =
                here.filter(says).filter(|_| !(again && self.went(Went::Sentence(*number))))
            {
                shows.push(Shows::Sentence(heading, text));
            } else {
                let back = self.bring_back(&[Went::Sentence(*number)]);
                if back.is_empty() {
                    return Err(format!("there is no sentence {number}, and none went by it"));
                }
                shows.extend(back);
            }
        }
        Ok(Done { says: stands(numbers.len(), "sentence", "sentences"), shows })
    }

    fn went(&self, by: Went) -> bool {
        self.gone.iter().any(|gone| gone.by == by)
    }

    /// What went so stands again.
    fn bring_back(&mut self, by: &[Went]) -> Vec<Shows> {
        let gone = std::mem::take(&mut self.gone);
        let (back, left): (Vec<Gone>, Vec<Gone>) = gone.into_iter().partition(|gone| by.contains(&gone.by));
        self.gone = left;
        let mut shows = Vec::new();
        for gone in back {
            match gone.what {
                Part::Line(line) => {
                    self.paper.timeline.push(line.clone());
                    shows.push(Shows::Line(line));
                }
                Part::Sentence(heading, sentence) => {
                    shows.push(Shows::Sentence(heading.clone(), sentence.text.clone()));
                    self.put(&heading, sentence);
                }
            }
        }
        self.paper.timeline.sort_by_key(|line| line.at);
        shows
    }

    /// Another sentence in its place, which says who says so.
    fn replace(
        &mut self,
        said: &Said<'_>,
        number: usize,
        with: impl FnOnce(&str, &str) -> Result<String, String>,
    ) -> Result<Done, String> {
        let (at, place) = self.sentence_at(said, number)?;
        let section = &mut self.paper.sections[at];
        let (heading, sentence) = (section.heading.clone(), &mut section.sentences[place]);
        let was = sentence.text.clone();
        let text = with(&heading, &was)?;
        sentence.text.clone_from(&text);
        if !sentence.pointers.contains(&said.from) {
            sentence.pointers.push(said.from.clone());
        }
        let shows = vec![Shows::Sentence(heading.clone(), text.clone()), Shows::NoSentence(heading, was)];
        Ok(Done { says: format!("it says now: {}", words::quoted(&text)), shows })
    }

    /// `new` in the place of `old`: the sentence says whose word it is.
    fn say(&mut self, said: &Said<'_>, number: Option<usize>, new: &str, old: &str) -> Result<Done, String> {
        let number = if let Some(number) = number {
            number
        } else {
            let holds = said.of.sentences().filter(|(_, _, one)| words::holds(&one.text, old));
            match holds.map(|(number, ..)| number).collect::<Vec<_>>().as_slice() {
                [only] => *only,
                [] => return Err("no sentence says that".to_owned()),
                several => {
                    return Err(format!("{} sentences say that: name one by its number", several.len()));
                }
            }
        };
        let (new_words, old_words) = (quoted(new)?, quoted(old)?);
        self.replace(said, number, |_, was| {
            let text = words::in_place(was, old, new);
            if text == was {
                return Err(format!("sentence {number} does not say that"));
            }
            Ok(format!("{text} ({new_words} is {}'s word for {old_words}.)", said.by))
        })
    }

    /// The line goes, and in its place stands who says that it is wrong, and what they say. At another time of that day,
    /// where they say one.
    fn wrong_line(&mut self, said: &Said<'_>, number: usize, says: &str) -> Result<Done, String> {
        let at = self.line_at(said, number)?;
        let says_quoted = quoted(says)?;
        let was = self.paper.timeline.remove(at);
        let clock = words::clock(was.at);
        let text = format!("{} corrects {} ({clock}): {says_quoted}", said.by, words::quoted(&was.text));
        let other = only_time(says).and_then(|time| nearest(time, was.at));
        let mut done = self.put_line(other.unwrap_or(was.at), text, said);
        done.shows.push(Shows::NoLine(was));
        Ok(done)
    }

    fn cause(&mut self, said: &Said<'_>, says: &str) -> Result<Done, String> {
        let text = format!("What set it off, in the words of {}: {}.", said.by, quoted(says)?);
        let asked = self.paper.sentences().filter(|(_, section, _)| section.heading == OPEN_QUESTIONS);
        let asked = asked.filter(|(.., one)| ASKS_FOR_CAUSE.iter().any(|asks| one.text.contains(asks)));
        let answered: Vec<String> = asked.map(|(.., one)| one.text.clone()).collect();
        let mut shows = Vec::new();
        for question in answered {
            self.take_out(OPEN_QUESTIONS, &question);
            shows.push(Shows::NoSentence(OPEN_QUESTIONS.to_owned(), question));
        }
        let factors = HEADINGS[2];
        self.tell(factors, said, text.clone());
        let asked = if shows.is_empty() { "" } else { ", and is asked no more" };
        shows.push(Shows::Sentence(factors.to_owned(), text));
        Ok(Done { says: format!("it is told under {factors}, as your words{asked}"), shows })
    }

    fn put_line(&mut self, at: Timestamp, text: String, said: &Said<'_>) -> Done {
        let (source, pointer) = (said.from.platform.clone(), Some(said.from.clone()));
        let line = Line { at, source, text, pointer, standing: Standing::Proposed, by: None };
        self.paper.timeline.push(line.clone());
        self.paper.timeline.sort_by_key(|line| line.at);
        let says = format!("a line at {} says so, as your words", words::clock(at));
        Done { says, shows: vec![Shows::Line(line)] }
    }

    fn tell(&mut self, heading: &str, said: &Said<'_>, text: String) {
        self.put(heading, Sentence::of(text, vec![said.from.clone()]));
    }

    fn put(&mut self, heading: &str, sentence: Sentence) {
        self.paper.section_mut(heading).sentences.push(sentence);
    }

    /// The day of the timeline on which a time lies, nearest to its middle.
    fn on_that_day(&self, time: Time) -> Option<Timestamp> {
        let middle = self.paper.timeline.get(self.paper.timeline.len() / 2)?;
        nearest(time, middle.at)
    }
}

/// What a reviewer said something of is theirs to change.
fn own(number: usize, what: &str, said: Option<String>, with: &str) -> Result<(), String> {
    match said {
        Some(said) => {
            Err(format!("{what} {number} carries a reviewer's word ({said}), which {with} changes"))
        }
        None => Ok(()),
    }
}

fn stands(count: usize, one: &str, many: &str) -> String {
    let stands = if count == 1 { "stands" } else { "stand" };
    format!("{} {stands} in it", words::plural(count, one, many))
}

/// Somebody's words, whole.
fn quoted(says: &str) -> Result<String, String> {
    let says = says.trim().trim_matches(['"', '\u{201c}', '\u{201d}']);
    match words::line(says).len() {
        0 => Err("it says nothing".to_owned()),
        1..=SAYS_MAX => Ok(words::quoted(says)),
        long => {
            Err(format!("it has {long} bytes, of which a paper quotes {SAYS_MAX}; write it with dock amend"))
        }
    }
}

/// The one time of day that a text names.
fn only_time(says: &str) -> Option<Time> {
    let words = says.split(|c: char| !c.is_ascii_digit() && c != ':');
    let mut times = words.filter_map(|word| {
        let word = word.trim_matches(':');
        ["%H:%M", "%H:%M:%S"].iter().find_map(|shape| Time::strptime(shape, word).ok())
    });
    times.next().filter(|_| times.next().is_none())
}

/// That time of day, in UTC as papers tell time, nearest to a moment.
fn nearest(time: Time, to: Timestamp) -> Option<Timestamp> {
    let today = to.to_zoned(TimeZone::UTC).date();
    let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
    let times =
        days.into_iter().flatten().filter_map(|day| day.to_datetime(time).to_zoned(TimeZone::UTC).ok());
    times.map(|at| at.timestamp()).min_by_key(|at| at.duration_since(to).abs())
}
