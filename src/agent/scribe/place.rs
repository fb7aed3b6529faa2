//! Where on a page something belongs: the passage that a phrase names, and whether the page says so already.
//!
//! Words are compared without their endings, and two words that stand together as one: `fail over` is `failover`.
//! Never: a place by chance. A phrase of which less than half is found names no passage.

use std::collections::BTreeSet;

use super::chatter::Side;
use crate::row::page::{Anchor, Outline, Passage, outline::PassageKind};

/// Of a phrase's words this share has to stand in a passage for it to be meant, in hundredths.
const MEANT: usize = 50;
/// And this share for the passage to say the same.
const SAME: usize = 85;
/// Words that name nothing.
const PLAIN: &[&str] = &[
    "the", "a", "an", "to", "of", "and", "or", "in", "on", "at", "it", "is", "are", "be", "by", "for",
    "with", "from", "before", "after", "then", "now", "this", "that", "its", "our", "we", "you", "if", "new",
];

/// The passage that a phrase names: of equals a step before a line of a list, before text, before a heading; then the first.
pub(super) fn find(outline: &Outline, phrase: &str) -> Option<usize> {
    let wanted = words(phrase);
    let scored = outline.passages.iter().enumerate().filter(|(_, passage)| !passage.deprecated);
    let scored = scored.filter_map(|(at, passage)| {
        let share = share(&wanted, &joined(&passage.text))?;
        (share >= MEANT).then_some((share, rank(&passage.kind), std::cmp::Reverse(at)))
    });
    scored.max().map(|(_, _, at)| at.0)
}

/// As [`find`], among steps and lines of lists alone; a heading that is named more closely means the first step under it.
pub(super) fn find_step(outline: &Outline, phrase: &str) -> Option<usize> {
    let at = find(outline, phrase)?;
    let passage = outline.passages.get(at)?;
    if let PassageKind::Heading(_) = passage.kind {
        let is_step = |passage: &Passage| matches!(passage.kind, PassageKind::Step(_) | PassageKind::Bullet);
        let under = |other: &(usize, &Passage)| other.1.path.contains(&passage.text) && is_step(other.1);
        return outline.passages.iter().enumerate().skip(at).find(under).map(|(at, _)| at).or(Some(at));
    }
    Some(at)
}

/// The step with this number; of several lists the longest is the procedure.
pub(super) fn step(outline: &Outline, number: u32) -> Option<usize> {
    let is = |passage: &Passage| passage.kind == PassageKind::Step(number) && passage.depth == 0;
    let found: Vec<usize> =
        outline.passages.iter().enumerate().filter(|(_, passage)| is(passage)).map(|(at, _)| at).collect();
    let length = |at: usize| {
        let path = &outline.passages[at].path;
        outline
            .passages
            .iter()
            .filter(|one| one.path == *path && matches!(one.kind, PassageKind::Step(_)))
            .count()
    };
    found.into_iter().max_by_key(|at| (length(*at), std::cmp::Reverse(*at)))
}

/// The passage that says the same, if one does.
pub(super) fn says(outline: &Outline, text: &str) -> Option<usize> {
    let wanted = words(text);
    let same = |passage: &Passage| share(&wanted, &joined(&passage.text)).is_some_and(|share| share >= SAME);
    outline.passages.iter().position(|passage| !passage.deprecated && same(passage))
}

/// The passage that has this command or value in it, letter by letter.
pub(super) fn holds(outline: &Outline, exact: &str) -> Option<usize> {
    outline.passages.iter().position(|passage| passage.text.contains(exact))
}

/// The last passage of the section that a phrase names, else of the page.
pub(super) fn end_of_section(outline: &Outline, phrase: &str) -> Option<usize> {
    let wanted = words(phrase);
    let mut best: Option<(usize, String)> = None;
    for passage in &outline.passages {
        if let (PassageKind::Heading(_), Some(share)) =
            (&passage.kind, share(&wanted, &joined(&passage.text)))
            && share >= MEANT
            && best.as_ref().is_none_or(|(most, _)| share > *most)
        {
            best = Some((share, passage.text.clone()));
        }
    }
    let within = best.and_then(|(_, heading)| {
        outline.passages.iter().rposition(|one| one.path.contains(&heading) || one.text == heading)
    });
    within.or_else(|| outline.passages.len().checked_sub(1))
}

/// Where a new section goes: behind the section that it belongs to. A list has no room for a heading behind its last line:
/// then it is before the next heading, or before all sections.
pub(super) fn new_section(outline: &Outline, phrase: &str) -> Option<(usize, Side)> {
    let end = end_of_section(outline, phrase)?;
    let in_list = |at: usize| matches!(outline.passages[at].kind, PassageKind::Step(_) | PassageKind::Bullet);
    if !in_list(owner(outline, end)) {
        return Some((end, Side::After));
    }
    let heading = |passage: &Passage| matches!(passage.kind, PassageKind::Heading(level) if level > 1);
    let next = outline.passages.iter().enumerate().skip(end + 1).find(|(_, passage)| heading(passage));
    let any = || outline.passages.iter().enumerate().find(|(_, passage)| heading(passage));
    next.or_else(any).map(|(at, _)| (at, Side::Before)).or(Some((end, Side::After)))
}

/// The step or line that code stands under, else the passage itself.
pub(super) fn owner(outline: &Outline, at: usize) -> usize {
    let Some(passage) = outline.passages.get(at).filter(|one| one.kind == PassageKind::Code) else {
        return at;
    };
    let before = outline.passages[..at].iter().rposition(|one| one.kind != PassageKind::Code);
    let is_item = |at: &usize| {
        let one = &outline.passages[*at];
        one.path == passage.path && matches!(one.kind, PassageKind::Step(_) | PassageKind::Bullet)
    };
    before.filter(is_item).unwrap_or(at)
}

pub(super) fn anchor(passage: &Passage) -> Anchor {
    Anchor { id: passage.id.clone(), path: passage.path.clone(), text: passage.text.clone() }
}

fn rank(kind: &PassageKind) -> u8 {
    match kind {
        PassageKind::Step(_) => 4,
        PassageKind::Bullet => 3,
        PassageKind::Paragraph | PassageKind::TableRow => 2,
        PassageKind::Heading(_) => 1,
        PassageKind::Code | PassageKind::Opaque(_) => 0,
    }
}

/// How many hundredths of the words are there; none where there are no words.
fn share(wanted: &[String], there: &BTreeSet<String>) -> Option<usize> {
    let found = wanted.iter().filter(|word| there.contains(*word)).count();
    (found * 100).checked_div(wanted.len())
}

fn words(text: &str) -> Vec<String> {
    let split = text.split(|c: char| !c.is_alphanumeric());
    let words = split.filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.filter(|word| !PLAIN.contains(&word.as_str())).map(|word| stem(&word)).collect()
}

/// The words, and each two neighbours as one.
fn joined(text: &str) -> BTreeSet<String> {
    let plain: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let pairs = plain.windows(2).map(|pair| stem(&pair.concat())).collect::<Vec<_>>();
    plain.iter().map(|word| stem(word)).chain(pairs).collect()
}

/// Without the endings of English, roughly: compared with nothing but other stems.
fn stem(word: &str) -> String {
    let cut = ["ing", "ed", "es", "s", "e"].into_iter().find_map(|end| {
        let stem = word.strip_suffix(end)?;
        (stem.chars().count() >= 3).then_some(stem)
    });
    cut.unwrap_or(word).to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::agent::scribe) fn outline(lines: &[(PassageKind, &str)]) -> Outline {
        let mut path: Vec<String> = vec![];
        let mut passages = Vec::new();
        for (kind, text) in lines {
            if let PassageKind::Heading(level) = kind {
                path.truncate(usize::from(*level).saturating_sub(1));
            }
            passages.push(Passage {
                id: None,
                kind: kind.clone(),
                path: path.clone(),
                depth: 0,
                text: (*text).to_owned(),
                links: vec![],
                deprecated: false,
            });
            if let PassageKind::Heading(_) = kind {
                path.push((*text).to_owned());
            }
        }
        Outline { passages }
    }

    fn page() -> Outline {
        use PassageKind::{Bullet, Heading, Paragraph, Step};
        outline(&[
            (Heading(1), "Redis failover"),
            (Paragraph, "What to do when the primary does not take writes."),
            (Heading(2), "Steps"),
            (Step(1), "Check which node is primary: redis-cli role"),
            (Step(2), "Fail over to the replica"),
            (Step(3), "Watch the login rate"),
            (Heading(2), "Afterwards"),
            (Bullet, "Tell the channel"),
        ])
    }

    #[test]
    fn a_phrase_names_its_passage() {
        let found = |phrase: &str| find_step(&page(), phrase).map(|at| page().passages[at].text.clone());
        assert_eq!(found("failover").as_deref(), Some("Fail over to the replica"));
        assert_eq!(found("watching the logins").as_deref(), Some("Watch the login rate"));
        assert_eq!(
            found("afterwards").as_deref(),
            Some("Tell the channel"),
            "a heading means its first step"
        );
        assert_eq!(found("restart api-gw"), None);
        assert_eq!(found(""), None);
        assert_eq!(step(&page(), 3), Some(5));
        assert_eq!(step(&page(), 9), None);
    }

    #[test]
    fn what_the_page_says_already_is_seen() {
        assert!(says(&page(), "watch the login rate").is_some());
        assert!(says(&page(), "rotate the replica").is_none());
        assert!(holds(&page(), "redis-cli role").is_some());
        assert_eq!(end_of_section(&page(), "steps"), Some(5));
        assert_eq!(end_of_section(&page(), "partial region outage"), Some(7));
        assert_eq!(new_section(&page(), "more steps"), Some((6, Side::Before)), "no heading within a list");
        assert_eq!(new_section(&page(), "partial region outage"), Some((2, Side::Before)));
        let code = outline(&[
            (PassageKind::Step(1), "Run"),
            (PassageKind::Code, "x y"),
            (PassageKind::Paragraph, "z"),
        ]);
        assert_eq!((owner(&code, 1), owner(&code, 2)), (0, 2));
        assert_eq!(new_section(&code, "anything"), Some((2, Side::After)));
    }
}
