//! `--plain`: the label first, one fact a line, words for marks. For screen readers, and for `grep`.
//!
//! Never: a box, a chart, a colour, or a fact that the other form does not tell.

use jiff::Timestamp;

use super::out;
use crate::{client::Listed, wire::RowView};

fn fact(lines: &mut Vec<String>, label: &str, value: impl std::fmt::Display) {
    lines.push(format!("{label}: {}", out::safe(&value.to_string())));
}

/// A row of a list, with an empty line behind it.
pub(super) fn listed(row: &Listed, now: Timestamp) -> String {
    let mut lines = Vec::new();
    let mut say = |label: &str, value: &dyn std::fmt::Display| fact(&mut lines, label, value);
    say("row", &row.id);
    say("state", &row.state);
    if row.state.undecided() {
        say("time left", &out::span(row.expires_at.duration_since(now).as_secs()));
    } else {
        say("changed", &out::when(row.changed_at, now));
    }
    say("about", &row.subject);
    say("environment", &row.environment);
    say("title", &row.title);
    say("verdict", &row.call());
    say("risk", &row.risk.word());
    say("keys", &format!("{} of {}", row.keys_given, row.keys_needed));
    if let Some(incident) = &row.incident {
        say("incident", incident);
    }
    if row.stale {
        say("evidence", &"STALE: something that it rests on is older than its budget");
    }
    if row.unsent {
        say("delivery", &"your decision is signed and unsent");
    }
    lines.join("\n") + "\n"
}

/// What stands above the text of one row.
pub(super) fn shown(view: &RowView, now: Timestamp) -> Vec<String> {
    let head = &view.head;
    let mut lines = Vec::new();
    let mut say = |label: &str, value: &dyn std::fmt::Display| fact(&mut lines, label, value);
    say("row", &head.id);
    say("revision", &head.revision);
    say("word", &head.word);
    say("state", &head.state);
    if let Some(how) = head.how {
        say("how", &how.word());
    }
    if head.state.undecided() {
        say("time left", &out::span(head.expires_at.duration_since(now).as_secs()));
    } else {
        say("changed", &out::when(head.changed_at, now));
    }
    if let Some(why) = &view.why {
        say("why", why);
    }
    say("agent", &head.agent);
    say("answers for it", &head.owner);
    for reviewer in &head.reviewers {
        say("asked", reviewer);
    }
    say("keys given", &head.keys_given);
    say("keys needed", &head.keys_needed);
    for ask in &view.asks {
        say("asked for", &ask.sentence());
    }
    if view.claim {
        say("difference", &"AGENT'S CLAIM: the backend could not compute it itself");
    }
    if head.unsent {
        say("delivery", &"your decision is signed and unsent");
    }
    for hold in &view.declined_before {
        say("declined before", &format!("by {}, {}: {}", hold.by, out::when(hold.since, now), hold.note));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    #[test]
    fn each_line_is_a_label_and_one_fact_and_nothing_steers() {
        let mut draft = sample::draft();
        draft.title = "a\u{1b}[2Jb\nowner: you".to_owned();
        let view = sample::view("sync-8822", 1, draft);
        let now = view.head.created_at;
        let shown = shown(&view, now);
        let list = listed(&Listed::from(&view.head), now);
        for line in list.lines().chain(shown.iter().map(String::as_str)).filter(|line| !line.is_empty()) {
            let (label, fact) = line.split_once(": ").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(!label.is_empty() && !fact.is_empty() && line.chars().all(|c| !c.is_control()), "{line}");
        }
        assert!(list.starts_with("row: sync-8822\nstate: pending\n"), "{list}");
        assert!(!list.contains("\nowner: you"), "no line of an agent's passes for one of ours");
    }
}
