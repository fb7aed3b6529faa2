//! A line from left to right: what stands there is taken, or nothing is.
//!
//! Never: a number that stands behind none of what is counted.

use super::{
    grammar::{DROPS, Noun, TAIL},
    tokens::Token,
};

const ORDINALS: &[&str] =
    &["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/// What is left of a line.
#[derive(Clone, Copy)]
pub(in crate::agent) struct Rest<'a> {
    pub(in crate::agent) left: &'a [Token],
    /// What its numbers count.
    pub(in crate::agent) noun: &'static Noun,
}

impl<'a> Rest<'a> {
    pub(in crate::agent) fn word(&self) -> Option<&'a str> {
        self.left.first().and_then(Token::word)
    }

    pub(in crate::agent) fn step(&mut self) {
        self.left = self.left.get(1..).unwrap_or_default();
    }

    pub(in crate::agent) fn take(&mut self, words: &[&str]) -> Option<&'a str> {
        let word = self.word().filter(|word| words.contains(word))?;
        self.step();
        Some(word)
    }

    pub(in crate::agent) fn skip(&mut self, words: &[&str]) {
        while self.take(words).is_some() || self.mark().is_some() {}
    }

    pub(in crate::agent) fn mark(&mut self) -> Option<char> {
        let Some(Token::Mark(mark)) = self.left.first() else { return None };
        self.step();
        Some(*mark)
    }

    /// `not`, `do not`, `don't`, `never`.
    pub(in crate::agent) fn denial(&mut self) -> bool {
        let mut ahead = *self;
        ahead.take(&["do"]);
        let denied = ahead.take(&["not", "don't", "dont", "never"]).is_some();
        if denied {
            *self = ahead;
        }
        denied
    }

    /// `in operation 2,`
    pub(in crate::agent) fn prefix(&mut self) -> Option<usize> {
        let mut ahead = *self;
        ahead.take(&["in", "for", "of"]);
        let numbers = ahead.numbers()?;
        let [number] = numbers.as_slice() else { return None };
        *self = ahead;
        Some(*number)
    }

    /// `operations 1, 2 and 4`, `#3`.
    pub(in crate::agent) fn numbers(&mut self) -> Option<Vec<usize>> {
        let mut ahead = *self;
        ahead.take(&["the", "this"]);
        let mut nth = ahead;
        if let Some(number) = nth.ordinal()
            && nth.take(self.noun.words).is_some()
        {
            *self = nth;
            return Some(vec![number]);
        }
        if ahead.take(self.noun.words).is_none() && !(self.noun.bare && ahead.word()?.starts_with('#')) {
            return None;
        }
        let mut numbers = vec![ahead.number()?];
        loop {
            let mut next = ahead;
            let joined = next.mark() == Some(',');
            let joined = next.take(&["and"]).is_some() || joined;
            let _ = next.take(self.noun.words);
            match next.number().filter(|_| joined) {
                Some(number) => numbers.push(number),
                None => break,
            }
            ahead = next;
        }
        *self = ahead;
        Some(numbers)
    }

    pub(in crate::agent) fn number(&mut self) -> Option<usize> {
        let number = self.word()?.trim_start_matches('#').parse().ok()?;
        self.step();
        Some(number)
    }

    /// `second`, as a number.
    pub(in crate::agent) fn ordinal(&mut self) -> Option<usize> {
        let at = ORDINALS.iter().position(|ordinal| self.word() == Some(ordinal))?;
        self.step();
        Some(at + 1)
    }

    /// Nothing is left but marks and politeness.
    pub(in crate::agent) fn is_over(mut self) -> bool {
        self.skip(TAIL);
        self.left.is_empty()
    }

    /// `drop operation 2`, `leave operation 2 out`; `it`, where the line began with the operation.
    pub(in crate::agent) fn dropping(mut self, named: Option<usize>) -> Option<Vec<usize>> {
        let out = if self.take(DROPS).is_some() {
            true
        } else {
            self.take(&["leave", "take", "cross"])?;
            self.take(&["out"]).is_some()
        };
        let numbers = self.numbers_or(named)?;
        let out = self.take(&["out"]).is_some() || out;
        (out && self.is_over()).then_some(numbers)
    }

    pub(in crate::agent) fn numbers_or(&mut self, named: Option<usize>) -> Option<Vec<usize>> {
        self.numbers().or_else(|| {
            let number = named?;
            self.take(&["it", "this", "that"]);
            Some(vec![number])
        })
    }
}
