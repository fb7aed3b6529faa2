//! What moved between two states of a row, in lines to read.
//!
//! Never: silent about a difference that a digest tells. Where no words are found for it, it says that something moved.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text;
use crate::row::difference::{FileDifference, read};
use crate::row::{self, Base};
use crate::wire::RowView;

/// From what was seen to what is now.
pub fn between(before: Option<&RowView>, after: &RowView, now: Timestamp, zone: &TimeZone) -> Vec<String> {
    let Some(before) = before else {
        return vec![format!(
            "{} is at revision {} now; what you read is not in the cache any more.",
            after.head.id, after.head.revision
        )];
    };
    let mut lines = Vec::new();
    let (was, is) = (&before.head, &after.head);
    if was.revision != is.revision {
        let at = text::when(is.changed_at, now, zone, false);
        let amended = before.amended_by != after.amended_by || before.proposal != after.proposal;
        let said = match after.revised_by.as_ref().filter(|_| amended) {
            Some(by) => format!("{by} amended it: r{} at {at}; you read r{}.", is.revision, was.revision),
            None => format!("{} drafted r{} at {at}; you read r{}.", is.agent, is.revision, was.revision),
        };
        lines.push(said);
    }
    let mut changed = |what: &str, was: &str, is: &str| {
        if was != is {
            lines.push(format!("{what}: {was} → {is}"));
        }
    };
    changed("verdict", was.verdict.word(), is.verdict.word());
    changed("state", text::state(was.state), text::state(is.state));
    changed("risk", was.risk.word(), is.risk.word());
    changed("title", &was.title, &is.title);
    changed("incident", was.incident.as_deref().unwrap_or("none"), is.incident.as_deref().unwrap_or("none"));
    changed("effect", &before.effect.sentence_of(before.head.id), &after.effect.sentence_of(after.head.id));
    if before.rationale != after.rationale {
        lines.push("rationale reworded".to_owned());
    }
    for signal in &after.signals {
        let old = before.signals.iter().find(|old| old.signal.name == signal.signal.name);
        match old {
            None => lines.push(format!("new signal {}: {}", signal.signal.name, signal.signal.value)),
            Some(old)
                if old.signal.value != signal.signal.value || old.signal.verdict != signal.signal.verdict =>
            {
                lines.push(format!("{}: {} → {}", signal.signal.name, old.signal.value, signal.signal.value));
            }
            Some(_) => {}
        }
    }
    for gone in
        before.signals.iter().filter(|old| after.signals.iter().all(|new| new.signal.name != old.signal.name))
    {
        lines.push(format!("signal gone: {}", gone.signal.name));
    }
    lines.extend(
        before.base_read.moved(&after.base_read).iter().map(|moved| in_words(&after.base_read, moved)),
    );
    if before.diff != after.diff {
        lines.push(format!(
            "the difference changed: {}",
            text::plural(files(&after.base_read, &before.diff, &after.diff).len(), "text", "texts")
        ));
    }
    if lines.is_empty() && before.digests() != after.digests() {
        lines.push("something moved that has no words here; read the row again".to_owned());
    }
    lines
}

/// One thing that moved. A digest says nothing to a reader.
pub fn in_words(base: &Base, moved: &row::Moved) -> String {
    match (base, moved.what.as_str()) {
        (Base::Runbook(_), "body") => "its text: changed".to_owned(),
        _ => format!("{}: {} → {}", moved.what, moved.was, moved.is),
    }
}

/// Two differences against each other: both sides of each text, where they are not what they were.
pub fn files(base: &Base, before: &str, after: &str) -> Vec<FileDifference> {
    let sides = match base {
        Base::Sync(_) => ["live", "in git"],
        Base::Gate(_) => ["deployed", "in the run"],
        Base::Runbook(_) | Base::Postmortem(_) | Base::Policy(_) => ["as it is", "as proposed"],
    };
    let (before, after) = (read(before), read(after));
    let mut files = Vec::new();
    let names =
        before.iter().chain(after.iter().filter(|file| before.iter().all(|old| old.name != file.name)));
    for name in names.map(|file| &file.name) {
        let old = before.iter().find(|file| file.name == *name);
        let new = after.iter().find(|file| file.name == *name);
        let side = |file: Option<&FileDifference>, live: bool| {
            file.map(|file| if live { file.old.clone() } else { file.new.clone() }).unwrap_or_default()
        };
        for (live, label) in [true, false].into_iter().zip(sides) {
            let (was, is) = (side(old, live), side(new, live));
            if was != is {
                let numbered = new.or(old).is_some_and(|file| file.numbered);
                let name = format!("{name} {label}");
                files.push(FileDifference { name, old: was, new: is, numbered });
            }
        }
    }
    files
}
