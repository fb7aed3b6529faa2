//! The conditions of an approval, as a field of the dialog: a list, and a line in which one is written.
//!
//! Never: a condition that the row's effect has no place for.

use std::collections::BTreeMap;

use super::key::{Code, Key};
use super::line::Line;
use crate::row::gate;

/// Whether the row's effect can carry these out.
pub type Can<'a> = &'a dyn Fn(&BTreeMap<String, String>) -> bool;

#[derive(Clone, Debug, Default)]
pub struct Conditions {
    taken: Vec<(String, String)>,
    /// The one that Space changes and Delete takes away.
    at: usize,
    line: Line,
    error: Option<String>,
}

impl Conditions {
    /// As a draft keeps them, one a line; what was still being written is written on.
    pub fn kept(text: &str, can: Can<'_>) -> Self {
        let mut conditions = Self::default();
        for part in text.split('\n').filter(|part| !part.trim().is_empty()) {
            conditions.line = Line::new(part);
            conditions.add(can);
        }
        conditions.error = None;
        conditions
    }

    /// One a line, the begun one last.
    pub fn text(&self) -> String {
        let taken = self.taken.iter().map(|(name, value)| format!("{name}={value}"));
        let begun = Some(self.line.text().to_owned()).filter(|text| !text.trim().is_empty());
        taken.chain(begun).collect::<Vec<_>>().join("\n")
    }

    pub fn taken(&self) -> &[(String, String)] {
        &self.taken
    }

    /// Of those that were added, the one that is meant.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn line(&self) -> &Line {
        &self.line
    }

    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    pub fn map(&self) -> BTreeMap<String, String> {
        self.taken.iter().cloned().collect()
    }

    /// Why these cannot be signed; one that is begun and not added is not signed unseen.
    pub fn missing(&self) -> Option<String> {
        if !self.line.text().trim().is_empty() {
            return Some(format!("Enter adds {}, or empty the line", self.line.text().trim()));
        }
        self.taken.is_empty().then(|| "add at least one condition: canary=10%".to_owned())
    }

    /// Takes what is written into the list; false where it cannot be, with the reason beside the line.
    pub fn add(&mut self, can: Can<'_>) -> bool {
        let text = self.line.text().trim().to_owned();
        if text.is_empty() {
            return true;
        }
        let pair = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = pair.filter(|(name, value)| !name.is_empty() && !value.is_empty()) else {
            self.error = Some("a condition is name=value, as in canary=10% for 15m".to_owned());
            return false;
        };
        let value = &*gate::as_signed(name, value);
        let mut with = self.map();
        with.insert(name.to_owned(), value.to_owned());
        if !can(&with) {
            self.error = Some(no_place(name, value, can));
            return false;
        }
        let known = self.taken.iter().position(|(taken, _)| taken == name);
        self.at = known.unwrap_or(self.taken.len());
        match known {
            Some(at) => value.clone_into(&mut self.taken[at].1),
            None => self.taken.push((name.to_owned(), value.to_owned())),
        }
        self.line.clear();
        self.error = None;
        true
    }

    /// Another than [`Self::add`] would take stands in the line: what is to be known of it where the field is left.
    pub fn left_over(&self) -> Option<String> {
        let text = self.line.text().trim();
        let why = self.error.as_deref().filter(|_| !text.is_empty())?;
        Some(format!("{text} is not added: {why}. Ctrl+U empties the line"))
    }

    /// Space takes one of the list back into the line, Delete takes it away; other keys write. False where the key is
    /// none of the field's.
    pub fn key(&mut self, key: Key) -> bool {
        let last = self.taken.len().saturating_sub(1);
        if key == Key::ctrl('u') {
            self.line.clear();
            self.error = None;
            return true;
        }
        if self.line.text().is_empty() {
            match key.code {
                Code::Char(' ') if key.typed().is_some() => {
                    if self.at < self.taken.len() {
                        let (name, value) = self.taken.remove(self.at);
                        self.line = Line::new(&format!("{name}={value}"));
                    }
                    return true;
                }
                Code::Delete => {
                    if self.at < self.taken.len() {
                        self.taken.remove(self.at);
                        self.at = self.at.min(self.taken.len().saturating_sub(1));
                    }
                    return true;
                }
                Code::Up => {
                    self.at = self.at.saturating_sub(1);
                    return true;
                }
                Code::Down => {
                    self.at = (self.at + 1).min(last);
                    return true;
                }
                _ => {}
            }
        }
        self.error = None;
        key.code != Code::Enter && self.line.key(key)
    }

    pub fn insert(&mut self, text: &str) {
        self.line.insert(text);
    }
}

/// A value of each condition that a row may have a place for.
const EXAMPLES: [(&str, &str); 1] = [("canary", "10%")];

/// Whether the row lacks the place, or the place this value.
fn no_place(name: &str, value: &str, can: Can<'_>) -> String {
    let with = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    match EXAMPLES.iter().find(|(known, example)| *known == name && can(&with(known, example))) {
        Some((_, example)) => format!("{name} cannot be {value} here: write it as in {name}={example}"),
        None => format!("this row has no place for {name}={value}: it could not be carried out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn can(conditions: &BTreeMap<String, String>) -> bool {
        conditions.iter().all(|(name, value)| ["canary", "soak"].contains(&name.as_str()) && value != "0%")
    }

    fn typed(conditions: &mut Conditions, text: &str) {
        text.chars().for_each(|c| assert!(conditions.key(Key::char(c))));
    }

    #[test]
    fn several_are_added_changed_and_taken_away() {
        let mut conditions = Conditions::default();
        typed(&mut conditions, "canary=10%");
        assert!(conditions.missing().is_some(), "written, not added");
        assert!(conditions.add(&can) && conditions.missing().is_none());
        typed(&mut conditions, "soak = 1h");
        assert!(conditions.add(&can));
        assert_eq!(conditions.text(), "canary=10%\nsoak=1h");
        conditions.key(Key::new(Code::Up));
        conditions.key(Key::char(' '));
        assert_eq!((conditions.line().text(), conditions.taken().len()), ("canary=10%", 1));
        conditions.key(Key::new(Code::Backspace));
        typed(&mut conditions, "5%");
        assert!(conditions.add(&can));
        assert_eq!(conditions.map()["canary"], "105%");
        typed(&mut conditions, "canary=20%");
        assert!(conditions.add(&can), "the same name again is another value of it");
        assert_eq!((conditions.map()["canary"].as_str(), conditions.taken().len()), ("20%", 2));
        conditions.key(Key::new(Code::Delete));
        assert_eq!(conditions.text(), "soak=1h");
    }

    #[test]
    fn a_canary_is_written_as_people_do_and_shown_as_it_is_signed() {
        let mut conditions = Conditions::default();
        typed(&mut conditions, "canary = 10 % for 15 min, then all");
        assert!(conditions.add(&can));
        assert_eq!(conditions.text(), "canary=10% for 15m");
    }

    #[test]
    fn what_cannot_be_carried_out_is_not_added() {
        for wrong in ["canary", "=10%", "canary=", "canary=0%", "window=night"] {
            let mut conditions = Conditions::default();
            typed(&mut conditions, wrong);
            assert!(!conditions.add(&can) && conditions.error().is_some(), "{wrong}");
            assert_eq!((conditions.taken().len(), conditions.line().text()), (0, wrong), "the words stay");
        }
    }

    #[test]
    fn a_wrong_value_is_told_from_a_place_that_is_not_there_and_the_line_can_be_emptied() {
        for (wrong, said) in
            [("canary=0%", "canary cannot be 0% here"), ("window=night", "no place for window=night")]
        {
            let mut conditions = Conditions::default();
            typed(&mut conditions, wrong);
            assert!(
                !conditions.add(&can) && conditions.error().is_some_and(|why| why.contains(said)),
                "{wrong}"
            );
            assert!(conditions.left_over().is_some_and(|why| why.starts_with(wrong)), "{wrong}");
            assert!(conditions.key(Key::ctrl('u')));
            assert_eq!(
                (conditions.line().text(), conditions.error(), conditions.left_over()),
                ("", None, None)
            );
        }
    }

    #[test]
    fn a_draft_gives_them_back_with_what_was_begun() {
        let conditions = Conditions::kept("canary=10%\nwindow=ni", &can);
        assert_eq!((conditions.taken().len(), conditions.line().text()), (1, "window=ni"));
        assert_eq!(conditions.text(), "canary=10%\nwindow=ni");
    }
}
