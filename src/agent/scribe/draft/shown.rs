//! What is shown beside the operations: what was read, what is unknown, what was said before.
//!
//! Never: unknown taken for fine.

use super::{Case, Finding, rules, words};
use crate::{
    agent::{
        scribe::{
            chatter,
            facts::{Asked, Facts},
        },
        story::EventKind,
    },
    row::page::{Editing, WRITTEN_BY},
};

impl Case<'_> {
    pub(super) fn shown(&self, found: &mut Vec<Finding>) {
        self.unknowns(found);
        self.instructions(found);
        self.also(found);
        self.evidence(found);
        let past = self.facts.past.known().map(Vec::as_slice).unwrap_or_default();
        if let Some((value, says)) = words::declined_before(past, "edit") {
            let pointer = self.page_pointer();
            found.push(self.finding(rules::DECLINED_BEFORE, "earlier decision", &value, pointer, &says));
        }
    }

    /// What the page itself tells its reader to do.
    fn instructions(&self, found: &mut Vec<Finding>) {
        let told = self.outline.passages.iter().filter(|passage| chatter::instructs(&passage.text));
        found.extend(told.map(|passage| {
            let says = format!(
                "The page gives instructions to its reader ({}); they are shown and not followed.",
                words::quoted(&passage.text)
            );
            let pointer = self.page_pointer();
            self.finding(
                rules::INSTRUCTIONS_ON_PAGE,
                "instructions on the page",
                &passage.text,
                pointer,
                &says,
            )
        }));
    }

    /// Other incidents that wait for this row to be over.
    fn also(&self, found: &mut Vec<Finding>) {
        found.extend(self.facts.also.iter().map(|also| {
            let incident = &also.pointer.reference;
            let says =
                format!("{incident} speaks of this page as well; it is drafted once this row is over.");
            self.finding(
                rules::ANOTHER_INCIDENT,
                "another incident",
                &also.title,
                also.pointer.clone(),
                &says,
            )
        }));
    }

    fn unknowns(&self, found: &mut Vec<Finding>) {
        let Facts { story, on_call, past, .. } = self.facts;
        found.extend(self.unknown("the incident's log", &story.events, story.pointer.clone()));
        found.extend(self.unknown("what was said", &story.said, story.pointer.clone()));
        found.extend(self.unknown("who is on call", on_call, story.pointer.clone()));
        found.extend(self.unknown("earlier decisions", past, self.page_pointer()));
        match &self.facts.page.editing {
            Editing::Open => {}
            Editing::Restricted(who) => {
                let says = format!(
                    "The page may be edited by {who}: Dock cannot publish on it before that is changed."
                );
                found.push(self.finding(
                    rules::RESTRICTED,
                    "who may edit the page",
                    who,
                    self.page_pointer(),
                    &says,
                ));
            }
            Editing::Unknown(why) => {
                let asked = Asked::<()>::Unknown { why: why.clone(), at: self.facts.read_at };
                found.extend(self.unknown("who may edit the page", &asked, self.page_pointer()));
            }
        }
        if let Some(why) = self.facts.page.says.unknown() {
            let asked = Asked::<()>::Unknown { why: why.to_owned(), at: self.facts.read_at };
            found.extend(self.unknown("what the page says of itself", &asked, self.page_pointer()));
        }
        if let Some(unread) = &story.unread {
            let says = format!("Not all that was said could be read: {unread}.");
            found.push(self.finding(rules::CHAT_CUT, "chat", unread, story.pointer.clone(), &says).unknown());
        }
    }

    fn evidence(&self, found: &mut Vec<Finding>) {
        let Facts { story, page, .. } = self.facts;
        let read = |name: &str, value: &str, pointer, at| {
            Finding::new(rules::READ, name, value, pointer, at, self.limits.fresh_s)
        };
        let over = match story.closed_at {
            Some(at) => format!("{}, over at {}", story.title, words::clock(at)),
            None => format!("{}, still on", story.title),
        };
        found.push(read("incident", &over, story.pointer.clone(), self.facts.read_at));
        let version = if page.version == 0 {
            format!("as of {}", page.created_at)
        } else {
            format!("version {}, {}", page.version, page.created_at)
        };
        found.push(read("page", &version, self.page_pointer(), self.facts.read_at));
        if let Some(by) = &self.facts.written_by {
            found.push(read(WRITTEN_BY, by, self.page_pointer(), self.facts.read_at));
        }
        if let Some(words) = page.says.words() {
            found.push(read("the page's own word", &words, self.page_pointer(), self.facts.read_at));
        }
        if let Asked::Known { value, at } = &story.events {
            let notes = value.iter().filter(|event| event.kind == EventKind::Note).count();
            let counted = format!(
                "{}, {}",
                words::plural(value.len(), "entry", "entries"),
                words::plural(notes, "note", "notes")
            );
            found.push(read("log", &counted, story.pointer.clone(), *at));
        }
        if let Asked::Known { value, at } = &story.said {
            let pointer = value.first().map_or_else(|| story.pointer.clone(), |said| said.pointer.clone());
            let mut counted = words::plural(value.len(), "message", "messages");
            let by_programs = value.iter().filter(|said| said.bot).count();
            if by_programs > 0 {
                counted.push_str(&format!(", of which {by_programs} are by programs and left out"));
            }
            found.push(read("chat", &counted, pointer, *at));
        }
        for gauge in &story.gauges {
            if let Asked::Known { value, at } = &gauge.value {
                let text = format!("{}{}", value.value, value.unit);
                let finding = read(&gauge.name, &text, gauge.pointer.clone(), *at);
                found.push(finding.with_series(value.series.clone()));
            } else if let Some((why, at)) = gauge.value.unknown() {
                // It only informs: its absence is shown, and holds nothing.
                found.push(read(&gauge.name, why, gauge.pointer.clone(), at).unknown());
            }
        }
    }
}
