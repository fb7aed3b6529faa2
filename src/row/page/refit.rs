//! An edit on a page that moved, where the page as it was is not at hand: each operation finds its passage, or is left out.
//!
//! Never: an operation on a passage that reads otherwise than its anchor says; one left out without its number and why.

use super::{
    Action, Anchor, Body, Edit, NotApplicable, Operation, Site, Unreadable,
    anchor::{Target, find},
    outline::{self, Outline},
};

/// An edit's operations on the page as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refitted {
    /// Those that fit, in their order; together they can be carried out.
    pub kept: Vec<Fitted>,
    pub left_out: Vec<LeftOut>,
}

/// An operation that fits, anchored on the page as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitted {
    /// In the edit as it was, from 1.
    pub number: usize,
    /// The passage that it is about, from 0.
    pub at: usize,
    pub operation: Operation,
}

/// An operation that no longer fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// In the edit as it was, from 1.
    pub number: usize,
    pub operation: Operation,
    pub why: String,
    /// Its passage is not there, or not told apart: another one may be what it was for.
    pub lost: bool,
}

impl Edit {
    /// The same operations on this page, each by its own anchor. What was written beside them meanwhile is not told apart:
    /// whoever signs the difference sees it.
    pub fn refitted(&self, now: &Body) -> Result<Refitted, Unreadable> {
        let page = outline::read(now)?;
        let (mut refitted, mut edit) = (Refitted::default(), Self::default());
        for (at, operation) in self.operations.iter().enumerate() {
            let number = at + 1;
            match fit(operation, &page, now, &mut edit) {
                Ok((at, operation)) => refitted.kept.push(Fitted { number, at, operation }),
                Err((why, lost)) => {
                    refitted.left_out.push(LeftOut { number, operation: operation.clone(), why, lost });
                }
            }
        }
        Ok(refitted)
    }
}

/// The operation's passage, and the operation as it is added to those that are `kept`; else why it does not fit, and whether its
/// passage is lost.
fn fit(
    operation: &Operation,
    page: &Outline,
    now: &Body,
    kept: &mut Edit,
) -> Result<(usize, Operation), (String, bool)> {
    let target = find(page.passages.iter(), &operation.anchor).map_err(|why| (why, true))?;
    if let Some(why) = stands_already(&operation.action, target, page, now) {
        return Err((why, false));
    }
    let (at, anchor) = match target {
        Target::Top => (0, operation.anchor.clone()),
        // The text stays as it was quoted: white space tells no two passages apart.
        Target::Passage(at) => {
            (at, Anchor { text: operation.anchor.text.clone(), ..page.passages[at].anchor() })
        }
    };
    let operation = Operation { anchor, ..operation.clone() };
    kept.operations.push(operation.clone());
    match kept.apply(now) {
        Ok(_) => Ok((at, operation)),
        Err(why) => {
            kept.operations.pop();
            let why = match why {
                NotApplicable::Operation { why, .. }
                | NotApplicable::Line { why, .. }
                | NotApplicable::Sentence { why, .. } => why,
                NotApplicable::Page(why) => why.to_string(),
            };
            Err((why, false))
        }
    }
}

/// Somebody did by hand what the operation would do.
fn stands_already(action: &Action, target: Target, page: &Outline, now: &Body) -> Option<String> {
    let site = match now {
        Body::Storage(_) => Site::Confluence,
        Body::Blocks(_) => Site::Notion,
    };
    match (action, target) {
        (Action::InsertBefore { blocks } | Action::InsertAfter { blocks }, _) => {
            let new = outline::read(&outline::write(site, blocks)).ok()?.passages;
            let count = new.len().max(1);
            let same =
                |there: &[outline::Passage]| there.iter().map(|p| &p.text).eq(new.iter().map(|p| &p.text));
            let stands = page.passages.windows(count).any(same);
            stands.then(|| "the page says so already".to_owned())
        }
        (Action::MarkDeprecated { .. }, Target::Passage(at)) if page.passages[at].deprecated => {
            Some("it is marked as deprecated already".to_owned())
        }
        (Action::Replace { .. } | Action::ReplaceValue { .. } | Action::MarkDeprecated { .. }, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::page::{Block, Piece};

    const WAS: &str =
        "<h2>Steps</h2><ol><li>Check</li><li>Promote</li><li>Restart api-gw</li></ol><p>The lag is 5s.</p>";

    fn at(path: &[&str], text: &str, action: Action) -> Operation {
        let path = path.iter().map(|one| (*one).to_owned()).collect();
        let anchor = Anchor { id: None, path, text: text.to_owned() };
        let by = Some("sarah".parse().unwrap());
        Operation { anchor, action, because: "it was so".to_owned(), pointers: Vec::new(), by }
    }

    fn edit() -> Edit {
        let text = vec![Piece::Plain("Wait".to_owned())];
        let wait = vec![Block::Item { ordered: true, depth: 0, text: text.clone() }];
        let value = Action::ReplaceValue { was: "5s".to_owned(), is: "9s".to_owned() };
        Edit {
            operations: vec![
                at(&["Steps"], "Promote", Action::InsertAfter { blocks: wait }),
                at(&["Steps"], "Restart api-gw", Action::MarkDeprecated { instead: text }),
                at(&["Steps"], "The lag is 5s.", value),
            ],
        }
    }

    #[test]
    fn what_still_fits_is_kept_as_it_was_said_and_the_rest_is_named() {
        let missing = |text: &str| format!("“{text}” under Steps was looked for and is not on the page");
        let table: [(&str, String, Vec<(usize, String)>); 6] = [
            ("nothing moved", WAS.to_owned(), vec![]),
            ("the heading", WAS.replace("<h2>Steps", "<h2>How"), vec![]),
            ("a step before", WAS.replace("<li>Check", "<li>First</li><li>Check"), vec![]),
            ("its passage", WAS.replace("Promote", "Fail over"), vec![(1, missing("Promote"))]),
            (
                "done by hand",
                WAS.replace("<li>Restart", "<li>Wait</li><li>Restart"),
                vec![(1, "the page says so already".to_owned())],
            ),
            (
                "two at once",
                WAS.replace("Promote", "Fail over").replace("5s", "7s"),
                vec![(1, missing("Promote")), (3, missing("The lag is 5s."))],
            ),
        ];
        for (name, now, expected) in table {
            let refitted = edit().refitted(&Body::Storage(now.clone())).unwrap();
            let left: Vec<_> = refitted.left_out.iter().map(|out| (out.number, out.why.clone())).collect();
            assert_eq!(left, expected, "{name}");
            assert_eq!(refitted.kept.len() + left.len(), 3, "{name}");
            let lost = |out: &LeftOut| out.lost == out.why.ends_with("is not on the page");
            assert!(refitted.left_out.iter().all(lost), "{name}");
            for one in &refitted.kept {
                assert!(one.operation.says_as(&edit().operations[one.number - 1]), "{name}: {one:?}");
            }
            let operations = refitted.kept.into_iter().map(|one| one.operation).collect();
            let again = Edit { operations };
            let same = again.refitted(&Body::Storage(now.clone())).unwrap();
            let anchors = same.kept.iter().map(|one| &one.operation);
            assert!(anchors.eq(&again.operations), "{name}: its anchors are those of the page");
        }
        assert!(edit().refitted(&Body::Storage("<p>".to_owned())).is_err());
    }

    #[test]
    fn what_is_marked_already_is_not_marked_again() {
        let one = Edit { operations: vec![edit().operations[1].clone()] };
        let marked = one.apply(&Body::Storage(WAS.to_owned())).unwrap();
        let refitted = one.refitted(&marked).unwrap();
        assert_eq!((refitted.kept.len(), refitted.left_out.len()), (0, 1), "{refitted:?}");
    }

    #[test]
    fn the_same_words_are_the_same_wherever_their_passage_went() {
        let was = edit().operations.remove(0);
        let mut moved = was.clone();
        moved.anchor.path = vec!["How".to_owned()];
        moved.anchor.id = Some("b1".to_owned());
        assert!(moved.says_as(&was));
        let changes: [fn(&mut Operation); 3] = [
            |one| one.anchor.text.push('!'),
            |one| one.action = Action::Replace { blocks: Vec::new() },
            |one| one.by = Some("ben".parse().unwrap()),
        ];
        for change in changes {
            let mut other = was.clone();
            change(&mut other);
            assert!(!other.says_as(&was), "{other:?}");
        }
    }
}
