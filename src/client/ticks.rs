//! What its reader ticked of a live runbook, as it lies on disk until it is signed: by number, and with the step's own
//! text, so that it is found again on a revision that came meanwhile.
//!
//! Never: a tick on another step than the one that was read; one lost without being told.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    row::{
        Decision, RowId,
        count::plural,
        proposal::{Live, LiveStep},
    },
    wire::{DecisionView, RowView},
};

use super::NoteDraft;

/// Characters of a word on a step.
pub const WORD_MAX: usize = 200;
/// Between what is said and the step that it is said of.
const OF: char = '\t';

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    Followed,
    Skipped,
    Wrong,
}

/// A step's tick, with a word where one was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    pub followed: Followed,
    pub word: String,
}

/// By the step's number, from 1.
pub type Ticks = BTreeMap<usize, Tick>;

/// What was kept, on the steps as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub ticks: Ticks,
    /// What was said of steps that are not there any more: `step 3: wrong: gone`.
    pub lost: Vec<String>,
    /// The revision that they were made on.
    pub made_on: u32,
}

impl Followed {
    pub const ALL: [Self; 3] = [Self::Followed, Self::Skipped, Self::Wrong];

    pub fn word(self) -> &'static str {
        match self {
            Self::Followed => "followed",
            Self::Skipped => "skipped",
            Self::Wrong => "wrong",
        }
    }

    /// Followed, skipped, wrong, nothing said.
    pub fn next(this: Option<Self>) -> Option<Self> {
        match this {
            None => Some(Self::Followed),
            Some(Self::Followed) => Some(Self::Skipped),
            Some(Self::Skipped) => Some(Self::Wrong),
            Some(Self::Wrong) => None,
        }
    }
}

impl Tick {
    /// As it is signed: `followed`, `wrong: gone`.
    pub fn said(&self) -> String {
        match self.word.trim() {
            "" => self.followed.word().to_owned(),
            word => format!("{}: {word}", self.followed.word()),
        }
    }

    /// What was signed, or kept.
    pub fn read(said: &str) -> Option<Self> {
        let (followed, word) = said.split_once(": ").unwrap_or((said, ""));
        let followed = Followed::ALL.into_iter().find(|known| known.word() == followed)?;
        Some(Self { followed, word: word.to_owned() })
    }
}

/// What is signed of the ticks: `3` → `wrong: gone`.
pub fn conditions(ticks: &Ticks) -> BTreeMap<String, String> {
    ticks.iter().map(|(number, tick)| (number.to_string(), tick.said())).collect()
}

/// The last approval of the row's revision that counts: what it says of the steps is signed.
pub fn signature(view: &RowView) -> Option<&DecisionView> {
    let counts = |one: &&DecisionView| {
        one.decision == Decision::Approve && one.void.is_none() && one.revision == view.head.revision
    };
    view.decisions.iter().rev().find(counts)
}

/// What was signed of a live row's steps.
pub fn signed(view: &RowView) -> Ticks {
    let read = |(number, said): (&String, &String)| Some((number.parse().ok()?, Tick::read(said)?));
    signature(view).map(|last| last.conditions.iter().filter_map(read).collect()).unwrap_or_default()
}

/// What signing these does to the steps that nothing is said of.
pub fn left(live: &Live, conditions: &BTreeMap<String, String>) -> String {
    // What the page has struck out is ticked by nobody.
    let unsaid = |(step, number): &(&LiveStep, usize)| {
        !step.deprecated && step.signed.is_none() && !conditions.contains_key(&number.to_string())
    };
    let numbers: Vec<String> =
        live.steps.iter().zip(1..).filter(unsaid).map(|(_, number)| number.to_string()).collect();
    let (incident, all) = (&live.incident, plural(live.steps.len(), "step", "steps"));
    match numbers.len() {
        count if count > 0 && conditions.is_empty() => format!(
            "None of {all} is ticked: the record will not say what was followed, and signing ends it: no step comes again."
        ),
        0 => format!("Every step is ticked: signing ends it, unless {incident} is opened again."),
        count => format!(
            "NOT TICKED: {} ({}). While {incident} is on, what is left comes again in a row of its own, with what you sign \
             now beside it.",
            plural(count, "step", "steps"),
            numbers.join(", ")
        ),
    }
}

/// As a draft keeps them, one a line: `3=wrong: gone`, then the step's text.
pub fn text(ticks: &Ticks, live: &Live) -> String {
    let line = |(number, tick): (&usize, &Tick)| {
        let step = number.checked_sub(1).and_then(|at| live.steps.get(at));
        let step = step.map(|step| one_line(&step.text)).unwrap_or_default();
        format!("{number}={}{OF}{step}", one_line(&tick.said()))
    };
    ticks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Ticks of two programs, as drafts keep them: of the steps in `said` the word of `ours` is the newest, of all others what
/// lies on the disk.
pub fn merged(disk: &str, ours: &str, said: &BTreeSet<usize>) -> String {
    let of = |text: &str, said_here: bool| -> BTreeMap<usize, String> {
        let number = |line: &str| line.split_once('=')?.0.parse::<usize>().ok();
        let lines = text.lines().filter_map(|line| Some((number(line)?, line.to_owned())));
        lines.filter(|(number, _)| said.contains(number) == said_here).collect()
    };
    let mut all = of(disk, false);
    all.extend(of(ours, true));
    all.into_values().collect::<Vec<_>>().join("\n")
}

/// The steps of which ours say something, and the draft on the disk nothing.
pub fn unsaid(disk: &str, ours: &Ticks) -> BTreeSet<usize> {
    let there: BTreeSet<usize> = lines(disk).map(|(number, _)| number).collect();
    ours.keys().copied().filter(|number| !there.contains(number)).collect()
}

/// The steps of which a draft says something else than what is signed.
pub fn unsigned(disk: &str, signed: &BTreeMap<String, String>) -> Vec<usize> {
    let signed = |number: usize| signed.get(&number.to_string()).map(|said| one_line(said));
    let said = |(number, said): (usize, &str)| {
        let said = said.split_once(OF).map_or(said, |(said, _)| said);
        (Tick::read(said).is_some() && signed(number) != Some(one_line(said))).then_some(number)
    };
    lines(disk).filter_map(said).collect()
}

/// Of a draft, each step's number and what stands after it.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().filter_map(|line| {
        let (number, said) = line.split_once('=')?;
        Some((number.parse().ok()?, said))
    })
}

/// The page itself says that this step is over.
pub fn is_struck_out(live: &Live, number: usize) -> bool {
    number.checked_sub(1).and_then(|at| live.steps.get(at)).is_some_and(|step| step.deprecated)
}

/// The ticks that were kept of a row, on its steps as they are now: those of this revision, else of the newest before it.
pub fn kept(drafts: &[NoteDraft], row: RowId, revision: u32, live: &Live) -> Kept {
    let of_row = drafts.iter().filter(|draft| draft.row == row && draft.revision <= revision);
    let newest = of_row.filter(|draft| !draft.conditions.is_empty()).max_by_key(|draft| draft.revision);
    let Some(draft) = newest else { return Kept { made_on: revision, ..Kept::default() } };
    let mut kept = Kept { made_on: draft.revision, ..Kept::default() };
    for line in draft.conditions.lines() {
        let Some((number, said)) = line.split_once('=') else { continue };
        let (said, step) = said.split_once(OF).unwrap_or((said, ""));
        let (Ok(number), Some(tick)) = (number.parse::<usize>(), Tick::read(said)) else { continue };
        let there = if draft.revision == revision { Some(number) } else { still(live, number, step) };
        match there {
            Some(number) => drop(kept.ticks.insert(number, tick)),
            None => kept.lost.push(format!("step {number}: {}", tick.said())),
        }
    }
    kept
}

/// The number in `after` of the step that stands at `number` in `before`. Where several read the same, the one that is as
/// many after the first.
pub fn moved(before: &Live, after: &Live, number: usize) -> Option<usize> {
    let at = number.checked_sub(1)?;
    let was = before.steps.get(at)?;
    let earlier = before.steps.iter().take(at).filter(|step| step.text == was.text).count();
    let same = after.steps.iter().enumerate().filter(|(_, step)| step.text == was.text);
    same.map(|(at, _)| at + 1).nth(earlier)
}

/// Where a step that is to be followed still reads so.
fn still(live: &Live, number: usize, text: &str) -> Option<usize> {
    place(live, number, text).filter(|number| !is_struck_out(live, *number))
}

/// The step that reads so. Where several do, only one that has kept its number.
fn place(live: &Live, number: usize, text: &str) -> Option<usize> {
    let same = live.steps.iter().enumerate().filter(|(_, step)| one_line(&step.text) == text);
    let same: Vec<usize> = same.map(|(at, _)| at + 1).collect();
    match same.as_slice() {
        [one] => Some(*one),
        many => many.contains(&number).then_some(number),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    fn live(steps: &[&str]) -> Live {
        let step = |text: &&str| LiveStep { text: (*text).to_owned(), ..LiveStep::default() };
        Live { incident: "INC-2104".to_owned(), steps: steps.iter().map(step).collect(), ..Live::default() }
    }

    fn draft(revision: u32, conditions: String) -> NoteDraft {
        NoteDraft {
            row: row(),
            revision,
            verb: "approve".to_owned(),
            note: String::new(),
            conditions,
            since: sample::at(0),
            saved_at: sample::at(0),
        }
    }

    fn row() -> RowId {
        "rb-8824".parse().unwrap()
    }

    fn ticks(said: &[(usize, &str)]) -> Ticks {
        said.iter().map(|(number, said)| (*number, Tick::read(said).unwrap())).collect()
    }

    #[test]
    fn ticks_are_found_again_by_their_steps_text_on_whatever_revision_came() {
        let before = live(&["stop the\nwriters", "fail over", "wait", "wait"]);
        let made = ticks(&[(1, "followed"), (2, "wrong: a=b gone"), (4, "skipped")]);
        let drafts = [draft(2, text(&made, &before))];
        let table: [(&str, u32, Live, &[(usize, &str)], &[&str]); 5] = [
            ("the same", 2, before.clone(), &[(1, "followed"), (2, "wrong: a=b gone"), (4, "skipped")], &[]),
            (
                "facts alone",
                3,
                before.clone(),
                &[(1, "followed"), (2, "wrong: a=b gone"), (4, "skipped")],
                &[],
            ),
            (
                "one before them",
                3,
                live(&["say it", "stop the writers", "fail over", "wait"]),
                &[(2, "followed"), (3, "wrong: a=b gone"), (4, "skipped")],
                &[],
            ),
            (
                "one gone",
                4,
                live(&["fail over", "wait"]),
                &[(1, "wrong: a=b gone"), (2, "skipped")],
                &["step 1: followed"],
            ),
            ("an earlier revision", 1, before, &[], &[]),
        ];
        for (name, revision, live, expected, lost) in table {
            let kept = kept(&drafts, row(), revision, &live);
            assert_eq!(kept.ticks, ticks(expected), "{name}");
            assert_eq!(kept.lost, lost, "{name}");
        }
    }

    #[test]
    fn what_was_signed_is_read_from_the_approval_that_counts() {
        let mut view = sample::view("rb-8824", 2, sample::draft());
        assert_eq!(signed(&view), ticks(&[]));
        let said = ticks(&[(1, "followed"), (2, "wrong: sentinel is gone")]);
        let mut approval = sample::said("priya", Decision::Approve, 2);
        approval.conditions = conditions(&said);
        let earlier = sample::said("sarah", Decision::Approve, 1);
        view.decisions = vec![earlier, approval];
        assert_eq!(signed(&view), said);
        view.decisions[1].void = Some("taken back".to_owned());
        assert_eq!(signed(&view), ticks(&[]));
    }

    #[test]
    fn of_two_programs_the_newest_word_on_each_step_counts() {
        let table: [(&str, &str, &[usize], &str); 5] = [
            ("", "1=followed\tone", &[1], "1=followed\tone"),
            ("2=wrong: a=b\ttwo", "1=followed\tone", &[1], "1=followed\tone\n2=wrong: a=b\ttwo"),
            ("1=skipped\tone\n2=wrong\ttwo", "1=followed\tone", &[1], "1=followed\tone\n2=wrong\ttwo"),
            ("1=skipped\tone\n2=wrong\ttwo", "2=wrong\ttwo", &[1], "2=wrong\ttwo"),
            ("1=skipped\tone\n12=wrong\ttwo", "1=followed\tone", &[], "1=skipped\tone\n12=wrong\ttwo"),
        ];
        for (disk, ours, said, expected) in table {
            assert_eq!(merged(disk, ours, &said.iter().copied().collect()), expected, "{disk:?} {ours:?}");
        }
    }

    #[test]
    fn what_a_draft_holds_beside_what_is_signed_is_told_by_number() {
        let signed = conditions(&ticks(&[(1, "followed"), (2, "wrong: a  b")]));
        let table: [(&str, &[usize]); 5] = [
            ("", &[]),
            ("1=followed\tone\n2=wrong: a b\ttwo", &[]),
            ("2=wrong\ttwo\n3=skipped\tthree", &[2, 3]),
            ("1=skipped\tone", &[1]),
            ("3=perhaps\tthree", &[]),
        ];
        for (disk, expected) in table {
            assert_eq!(unsigned(disk, &signed), expected, "{disk:?}");
        }
        assert_eq!(unsaid("2=wrong\ttwo", &ticks(&[(1, "followed"), (2, "followed")])), [1].into());
    }

    #[test]
    fn what_signing_leaves_is_said_before_it_is_signed() {
        let mut steps = live(&["one", "two", "three"]);
        let said = |numbers: &[usize]| -> BTreeMap<String, String> {
            numbers.iter().map(|number| (number.to_string(), "followed".to_owned())).collect()
        };
        assert!(left(&steps, &said(&[])).starts_with("None of 3 steps is ticked: "));
        assert!(left(&steps, &said(&[2])).starts_with("NOT TICKED: 2 steps (1, 3). While INC-2104 is on, "));
        assert!(left(&steps, &said(&[1, 2, 3])).starts_with("Every step is ticked: signing ends it"));
        steps.steps[0].signed = Some(crate::row::proposal::SignedTick {
            said: "followed".to_owned(),
            by: "priya".parse().unwrap(),
            row: "rb-8823".parse().unwrap(),
            at: sample::at(0),
        });
        assert!(left(&steps, &said(&[2])).starts_with("NOT TICKED: 1 step (3)."), "what is signed is said");
    }

    #[test]
    fn the_newest_draft_counts_and_another_rows_does_not() {
        let steps = live(&["one", "two"]);
        let made = |said: &str| text(&ticks(&[(1, said)]), &steps);
        let mut foreign = draft(3, made("wrong"));
        foreign.row = "rb-9000".parse().unwrap();
        let drafts = [draft(1, made("followed")), draft(2, made("skipped")), foreign];
        assert_eq!(kept(&drafts, row(), 3, &steps).ticks, ticks(&[(1, "skipped")]));
        assert_eq!(kept(&drafts, row(), 1, &steps).made_on, 1);
    }

    #[test]
    fn steps_that_read_the_same_keep_their_order() {
        let (before, after) = (live(&["wait", "look", "wait"]), live(&["say", "wait", "look", "wait"]));
        assert_eq!([1, 2, 3].map(|number| moved(&before, &after, number)), [Some(2), Some(3), Some(4)]);
        assert_eq!([0, 4].map(|number| moved(&before, &after, number)), [None, None]);
        assert_eq!(moved(&before, &live(&["wait"]), 3), None);
    }

    #[test]
    fn what_is_signed_is_one_of_three_words() {
        for said in ["followed", "skipped: no time", "wrong: it: scales itself"] {
            assert_eq!(Tick::read(said).unwrap().said(), said);
        }
        assert_eq!(Tick::read("perhaps"), None);
        assert_eq!(
            conditions(&ticks(&[(3, "wrong: gone")])),
            [("3".to_owned(), "wrong: gone".to_owned())].into()
        );
    }
}
