//! Why a line stands on a page: what published edits did to its passages, one after the other.
//!
//! It is told from the rows alone, not from the page: what somebody wrote there by hand has no row, and is not found.
//! Never: a row that was not published; a guess at a line that no operation wrote.

use jiff::Timestamp;

use super::{Action, Edit, operation::Block};
use crate::row::{
    PrincipalId, RowId,
    difference::steps,
    search::{
        document::{block_lines, pieces_text},
        words,
    },
};

/// One row that was published.
#[derive(Debug, Clone)]
pub struct Published<'a> {
    pub row: RowId,
    pub at: Timestamp,
    pub edit: &'a Edit,
}

/// What an operation did to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Wrote,
    /// One value in it.
    Changed,
    /// Its block made way for others.
    Replaced,
    Deprecated,
}

impl Deed {
    pub fn word(self) -> &'static str {
        match self {
            Self::Wrote => "wrote",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
            Self::Deprecated => "deprecated",
        }
    }
}

/// One operation of one row on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    pub row: RowId,
    pub at: Timestamp,
    pub deed: Deed,
    /// The line as it was afterwards; where it was replaced, what stands there instead.
    pub line: String,
    pub because: String,
    /// The reviewer whose words these are, where they are not the agent's.
    pub by: Option<PrincipalId>,
}

/// A line that rows wrote or touched, with all they did to it, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    pub touches: Vec<Touch>,
}

impl Told {
    /// The touch that put it there; `None` where Dock found it on the page.
    pub fn origin(&self) -> Option<&Touch> {
        self.touches.iter().find(|touch| touch.deed == Deed::Wrote)
    }

    /// It is on the page still, as far as rows tell, and not marked as deprecated.
    pub fn stands(&self) -> bool {
        self.touches.iter().all(|touch| !matches!(touch.deed, Deed::Replaced | Deed::Deprecated))
    }

    fn newest(&self) -> Option<Timestamp> {
        self.touches.last().map(|touch| touch.at)
    }

    /// Each of the words stands in the line as it is, or as it was, if only as the beginning of one.
    fn says(&self, asked: &[String]) -> bool {
        let has = |line: &str| {
            let has: Vec<String> = words(line).collect();
            asked.iter().all(|word| has.iter().any(|other| other.starts_with(word.as_str())))
        };
        has(&self.text) || self.touches.iter().any(|touch| touch.deed != Deed::Replaced && has(&touch.line))
    }
}

/// The lines that say this, with what became of each: those that stand first, then those touched last.
pub fn told(asked: &str, rows: &[Published<'_>]) -> Vec<Told> {
    let asked: Vec<String> = words(asked).collect();
    let mut lines = history(rows);
    lines.retain(|line| !asked.is_empty() && line.says(&asked));
    lines.sort_by_key(|line| (!line.stands(), std::cmp::Reverse(line.newest())));
    lines
}

/// What rows did to one line of the page, given as it is shown there: the line that has all of its words, else the longest
/// one whose words all stand in it. What stands goes before what is gone.
pub fn of_line(shown: &str, rows: &[Published<'_>]) -> Option<Told> {
    let shown: Vec<String> = words(shown).collect();
    let fits = |line: &Told| {
        let own: Vec<String> = words(&line.text).collect();
        let is = own == shown || own.len() >= OF_LINE_MIN && shown.windows(own.len()).any(|at| at == own);
        is.then(|| (line.stands(), own.len()))
    };
    let found = history(rows).into_iter().filter_map(|line| Some((fits(&line)?, line)));
    found.max_by_key(|(rank, _)| *rank).map(|(_, line)| line)
}

/// So few words say too little to be sought within a longer line.
const OF_LINE_MIN: usize = 3;

/// A numbered step of a page, as its text shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The heading above it; empty where there is none.
    pub under: String,
    pub text: String,
}

/// The steps of this number, in the page's order. Each list has its own; `under` leaves those whose heading has these words.
pub fn numbered(page: &str, number: u32, under: &str) -> Vec<Numbered> {
    let under: Vec<String> = words(under).collect();
    let lines: Vec<&str> = page.split_terminator('\n').collect();
    let (mut found, mut heading) = (Vec::new(), "");
    for (line, step) in lines.iter().zip(steps::numbers(&lines)) {
        if let Some((is, text)) = step {
            let above: Vec<String> = words(heading).collect();
            if is == number && under.iter().all(|word| above.iter().any(|one| one.starts_with(word.as_str())))
            {
                found.push(Numbered { under: heading.to_owned(), text: text.to_owned() });
            }
        } else if let Some(text) = line.trim_start().trim_start_matches('#').strip_prefix(' ')
            && line.trim_start().starts_with('#')
        {
            heading = text.trim();
        }
    }
    found
}

/// Every line that rows wrote or touched.
fn history(rows: &[Published<'_>]) -> Vec<Told> {
    let mut in_time: Vec<&Published<'_>> = rows.iter().collect();
    in_time.sort_by_key(|row| (row.at, row.row));
    let mut lines: Vec<Told> = Vec::new();
    for row in in_time {
        for operation in &row.edit.operations {
            let touch = |deed, line: &str| Touch {
                row: row.row,
                at: row.at,
                deed,
                line: line.to_owned(),
                because: operation.because.clone(),
                by: operation.by.clone(),
            };
            let mut wrote = Vec::new();
            match &operation.action {
                Action::InsertBefore { blocks } | Action::InsertAfter { blocks } => wrote = texts(blocks),
                Action::Replace { blocks } => {
                    let instead = texts(blocks);
                    at(&mut lines, &operation.anchor.text)
                        .touches
                        .push(touch(Deed::Replaced, &instead.join(" / ")));
                    wrote = instead;
                }
                Action::ReplaceValue { was, is } => {
                    let line = at(&mut lines, &operation.anchor.text);
                    line.text = line.text.replace(was.as_str(), is);
                    let now = line.text.clone();
                    line.touches.push(touch(Deed::Changed, &now));
                }
                Action::MarkDeprecated { instead } => {
                    let instead = pieces_text(instead);
                    at(&mut lines, &operation.anchor.text).touches.push(touch(Deed::Deprecated, &instead));
                    wrote = vec![instead];
                }
            }
            let wrote = wrote.into_iter().filter(|text| !text.trim().is_empty());
            let new = wrote.map(|text| Told { touches: vec![touch(Deed::Wrote, &text)], text });
            lines.extend(new.collect::<Vec<_>>());
        }
    }
    lines
}

fn texts(blocks: &[Block]) -> Vec<String> {
    blocks.iter().flat_map(block_lines).collect()
}

/// The newest line with this text that stands; where Dock did not write it, it begins here.
fn at<'a>(lines: &'a mut Vec<Told>, text: &str) -> &'a mut Told {
    let same = |line: &Told| line.stands() && words(&line.text).eq(words(text));
    let place = lines.iter().rposition(same).unwrap_or(lines.len());
    if place == lines.len() {
        lines.push(Told { text: text.to_owned(), touches: Vec::new() });
    }
    &mut lines[place]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::page::{Anchor, Operation, Piece};

    fn operation(anchor: &str, action: Action) -> Operation {
        let anchor = Anchor { id: None, path: vec![], text: anchor.to_owned() };
        Operation { anchor, action, because: "INC-2099 showed it.".to_owned(), pointers: vec![], by: None }
    }

    fn step(text: &str) -> Vec<Block> {
        vec![Block::Item { ordered: true, depth: 0, text: vec![Piece::Plain(text.to_owned())] }]
    }

    fn edit(operations: Vec<Operation>) -> Edit {
        Edit { operations }
    }

    fn ask(asked: &str, edits: &[(&str, i64, &Edit)]) -> Vec<Told> {
        let published = |(row, at, edit): &(&str, i64, &'static Edit)| Published {
            row: row.parse().unwrap(),
            at: Timestamp::from_second(*at).unwrap(),
            edit,
        };
        // The rows come in any order.
        let edits: Vec<(&str, i64, &'static Edit)> = edits
            .iter()
            .rev()
            .map(|(row, at, edit)| (*row, *at, &*Box::leak(Box::new((*edit).clone()))))
            .collect();
        let rows: Vec<_> = edits.iter().map(published).collect();
        told(asked, &rows)
    }

    fn said(told: &Told) -> Vec<(String, Deed)> {
        told.touches.iter().map(|touch| (touch.row.to_string(), touch.deed)).collect()
    }

    #[test]
    fn a_step_leads_to_the_row_that_put_it_there() {
        let rotate = edit(vec![operation(
            "Fail over to the standby.",
            Action::InsertBefore { blocks: step("Rotate Redis replica before failover") },
        )]);
        let other = edit(vec![operation("", Action::InsertAfter { blocks: step("Call the lead") })]);
        let found = ask("rotate redis replica", &[("rb-8821", 10, &rotate), ("rb-8822", 20, &other)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].origin().unwrap().row.to_string(), "rb-8821");
        assert!(found[0].stands());
        assert_eq!(ask("fail over", &[("rb-8821", 10, &rotate)]), [], "Dock did not write that line");
        assert_eq!(ask("...", &[("rb-8821", 10, &rotate)]), []);
    }

    #[test]
    fn what_later_rows_did_to_it_is_told() {
        let wait =
            edit(vec![operation("", Action::InsertAfter { blocks: step("Wait 30 s for the replica") })]);
        let longer = edit(vec![operation(
            "Wait 30 s for the replica",
            Action::ReplaceValue { was: "30 s".into(), is: "90 s".into() },
        )]);
        let gone = edit(vec![operation(
            "Wait 90 s for the replica",
            Action::MarkDeprecated { instead: vec![Piece::Plain("Run the failover workflow".into())] },
        )]);
        let all = [("rb-1", 10, &wait), ("rb-2", 20, &longer), ("rb-3", 30, &gone)];
        let found = ask("wait 90", &all);
        let expected = [("rb-1", Deed::Wrote), ("rb-2", Deed::Changed), ("rb-3", Deed::Deprecated)];
        assert_eq!(said(&found[0]), expected.map(|(row, deed)| (row.to_owned(), deed)));
        assert!(!found[0].stands());
        assert_eq!(said(&ask("wait 30", &all)[0]).len(), 3, "as it was before, too");
        let workflow = ask("failover workflow", &all);
        assert_eq!(workflow[0].text, "Run the failover workflow", "what stands comes first");
        assert!(workflow[0].stands());
    }

    #[test]
    fn a_line_that_dock_found_is_told_by_what_it_did_to_it() {
        let mark = edit(vec![operation("restart api-gw", Action::MarkDeprecated { instead: vec![] })]);
        let found = ask("restart api-gw", &[("rb-8822", 10, &mark)]);
        assert_eq!(said(&found[0]), [("rb-8822".to_owned(), Deed::Deprecated)]);
        assert!(found[0].origin().is_none());
    }

    proptest! {
        #[test]
        fn what_is_told_says_what_was_asked(texts in prop::collection::vec("[ab]{1,2}( [ab]{1,2}){0,2}", 1..5), asked in "[ab]{1,2}") {
            let edits: Vec<Edit> = texts.iter().map(|text| edit(vec![operation("", Action::InsertAfter { blocks: step(text) })])).collect();
            let rows: Vec<_> = edits.iter().zip(1..).map(|(edit, number)| Published {
                row: format!("rb-{number}").parse().unwrap(), at: Timestamp::from_second(number).unwrap(), edit,
            }).collect();
            let found = told(&asked, &rows);
            let expected = texts.iter().filter(|text| text.split(' ').any(|word| word.starts_with(&asked))).count();
            prop_assert_eq!(found.len(), expected);
            prop_assert!(found.windows(2).all(|pair| pair[0].newest() >= pair[1].newest()), "newest first");
        }
    }
}
