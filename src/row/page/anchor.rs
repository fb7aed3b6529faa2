//! Finding the passage that an operation means, on a page as it is.
//!
//! Never: the first of several; a passage that reads otherwise than the anchor says.

use super::{
    Anchor,
    outline::{HEADING_MAX, Passage, PassageKind},
};

/// Where an operation is to take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Before everything.
    Top,
    /// A passage, by its place from 0.
    Passage(usize),
}

/// By its id where the text agrees; else by the headings above and the text; else by the text alone: whoever carries an edit
/// over to a page that moved asks [`under_another`], too. Otherwise what was looked for, and how often it was found.
pub(super) fn find<'a>(
    passages: impl Iterator<Item = &'a Passage> + Clone,
    anchor: &Anchor,
) -> Result<Target, String> {
    if anchor.text.trim().is_empty() {
        return Ok(Target::Top);
    }
    let same = passages.enumerate().filter(|(_, passage)| alike(&passage.text, &anchor.text));
    let same: Vec<_> = same.collect();
    let one = |found: Vec<usize>| (found.len() == 1).then(|| Target::Passage(found[0]));
    if let Some(id) = &anchor.id {
        let by_id =
            same.iter().filter(|(_, passage)| passage.id.as_ref().is_some_and(|own| alike_id(own, id)));
        if let Some(found) = one(by_id.map(|(at, _)| *at).collect()) {
            return Ok(found);
        }
    }
    let under = same.iter().filter(|(_, passage)| {
        passage.path.len() == anchor.path.len()
            && passage.path.iter().zip(&anchor.path).all(|(is, was)| alike(is, was))
    });
    let under: Vec<_> = under.map(|(at, _)| *at).collect();
    let (count, in_path) = (same.len(), under.len());
    if let Some(found) = one(under) {
        return Ok(found);
    }
    if let [(at, _)] = same.as_slice() {
        return Ok(Target::Passage(*at));
    }
    let above =
        if anchor.path.is_empty() { String::new() } else { format!(" under {}", anchor.path.join(" › ")) };
    let text = cut(&anchor.text);
    Err(match count {
        0 => format!("“{text}”{above} was looked for and is not on the page"),
        _ => format!(
            "“{text}”{above} was looked for and found {in_path} times there, {count} times on the page"
        ),
    })
}

/// Where the passage stands by now, where that is another place than the operation was meant for: it was moved from under
/// its heading, or a new heading came above it. A heading that was renamed moved nothing.
pub(super) fn under_another(anchor: &Anchor, at: usize, passages: &[Passage]) -> Option<String> {
    let path = &passages.get(at)?.path;
    let same = |is: &[String], was: &[String]| {
        is.len() == was.len() && is.iter().zip(was).all(|(is, was)| alike(is, was))
    };
    if anchor.text.trim().is_empty() || same(path, &anchor.path) {
        return None;
    }
    let stands = |level: usize| {
        let heading = |one: &Passage| {
            matches!(one.kind, PassageKind::Heading(_))
                && one.path.len() == level
                && alike(&one.text.chars().take(HEADING_MAX).collect::<String>(), &anchor.path[level])
        };
        passages.iter().any(heading)
    };
    let differs = |level: &usize| path.get(*level).is_none_or(|is| !alike(is, &anchor.path[*level]));
    let left = (0..anchor.path.len()).filter(differs).any(stands);
    if path.len() == anchor.path.len() && !left {
        return None;
    }
    let told = |path: &[String]| match path.last() {
        Some(heading) => format!("under “{}”", cut(heading)),
        None => "under no heading".to_owned(),
    };
    let text = cut(&anchor.text);
    Some(format!("“{text}” stands {} now, the edit was for it {}", told(path), told(&anchor.path)))
}

/// White space does not tell two texts apart.
fn alike(a: &str, b: &str) -> bool {
    a == b || a.split_whitespace().eq(b.split_whitespace())
}

/// Notion writes ids with and without dashes.
fn alike_id(a: &str, b: &str) -> bool {
    let bare = |id: &str| id.chars().filter(|c| *c != '-').flat_map(char::to_lowercase).collect::<String>();
    a == b || bare(a) == bare(b)
}

/// As sentences name a text.
pub(super) fn cut(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= NAMED_MAX {
        return flat;
    }
    format!("{}…", flat.chars().take(NAMED_MAX).collect::<String>())
}

const NAMED_MAX: usize = 80;
