//! What somebody did to the page since the last revision, as it is told at two in the morning: who, when, in which sections.
//!
//! Never: a digest; a section that reads as it did.

use super::{Case, words};
use crate::row::page::outline;

impl Case<'_> {
    /// Where the page is no longer what the last revision was made for.
    pub(super) fn moved(&self) -> Option<String> {
        let before = self.facts.before.as_ref().filter(|before| !before.moved.is_empty())?;
        let page = &self.facts.page;
        let what = match page.version {
            0 => "wrote on it".to_owned(),
            version => format!("wrote version {version}"),
        };
        let at = page.created_at.parse().map_or_else(|_| page.created_at.clone(), words::day);
        let now = outline::text(&page.body).unwrap_or_default();
        let sections = match (before.text.is_empty(), changed(&before.text, &now)) {
            (true, _) => String::new(),
            (false, changed) if changed.is_empty() => " Its text reads as it did.".to_owned(),
            (false, changed) => format!(" What changed: {}.", words::list(&changed)),
        };
        let stood = before.edit.operations.iter().map(|one| &one.anchor.text).filter(|text| !text.is_empty());
        let there = |text: &&String| self.outline.passages.iter().any(|one| one.text == **text);
        let gone: Vec<_> = stood.filter(|text| !there(text)).map(|text| words::quoted(text)).collect();
        let gone = match gone.as_slice() {
            [] => String::new(),
            gone => format!(" The edit stood at {}, which no longer reads so.", words::list(gone)),
        };
        let anchors = before.edit.operations.iter().map(|one| &one.anchor);
        let elsewhere: String =
            anchors.filter_map(|one| self.outline.elsewhere(one)).map(|says| format!(" {says}.")).collect();
        Some(format!(
            "The page has moved since revision {}: {} {what} at {at}.{sections}{gone}{elsewhere} This is made for the page as it is now.",
            before.revision, before.moved_by
        ))
    }
}

/// The sections that read otherwise, by their headings.
fn changed(was: &str, is: &str) -> Vec<String> {
    let (was, is) = (sections(was), sections(is));
    let now = is.iter().filter(|section| !was.contains(section)).map(|(heading, _)| heading);
    let gone = was.iter().filter(|(heading, _)| is.iter().all(|(one, _)| one != heading)).map(|(one, _)| one);
    let now = now.map(|heading| match *heading {
        "" => "what stands before the first heading".to_owned(),
        heading => words::quoted(heading),
    });
    let gone = gone.map(|heading| format!("{} is gone", words::quoted(heading)));
    now.chain(gone).collect()
}

/// Headings, each with the lines under it; a heading within code is none.
fn sections(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut all = vec![("", Vec::new())];
    let mut in_code = false;
    for line in text.lines() {
        let bare = line.trim_start_matches('#');
        in_code ^= line.trim_start().starts_with("```");
        if !in_code && bare.len() < line.len() && bare.starts_with(' ') {
            all.push((bare.trim(), Vec::new()));
        } else if let Some((_, lines)) = all.last_mut() {
            lines.push(line.trim_end());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_that_read_otherwise_are_named() {
        let was = "intro\n\n# A\n1. x\n```\n# no heading\n```\n## B\ny\n# C\n";
        let table: [(&str, &[&str]); 5] = [
            (was, &[]),
            (
                "new\n\n# A\n1. x\n```\n# no heading\n```\n## B\ny\n# C\n",
                &["what stands before the first heading"],
            ),
            ("intro\n\n# A\n1. x\n```\n# none\n```\n## B\ny\n# C\n", &["“A”"]),
            ("intro\n\n# A\n1. x\n```\n# no heading\n```\n## B\nz\n# C\nw\n", &["“B”", "“C”"]),
            ("intro\n\n# A\n1. x\n```\n# no heading\n```\n## D\ny\n# C\n", &["“D”", "“B” is gone"]),
        ];
        for (is, expected) in table {
            assert_eq!(changed(was, is), expected, "{is}");
        }
    }
}
