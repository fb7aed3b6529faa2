//! Whose keys a row has, how many it lacks, and who can still give one.
//!
//! Never: says that somebody may decide; that is judged by the backend. It says who cannot.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text;
use crate::row::{Decision, Risk, Row};
use crate::wire::{AskView, DecisionView, RowView};

/// Approvals of this revision that count.
fn given(view: &RowView) -> impl Iterator<Item = &DecisionView> {
    view.decisions.iter().filter(|decision| {
        decision.decision == Decision::Approve
            && decision.void.is_none()
            && decision.revision == view.head.revision
    })
}

/// `1 of 2 keys: sre-jordan 02:05. One more by 02:20, else both are asked for again.`
pub fn keys(view: &RowView, now: Timestamp, zone: &TimeZone) -> String {
    let head = &view.head;
    let told: Vec<String> = given(view)
        .map(|decision| format!("{} {}", decision.reviewer, text::when(decision.at, now, zone, false)))
        .collect();
    let keys = text::plural(usize::try_from(head.keys_needed).unwrap_or(1), "key", "keys");
    if told.is_empty() {
        return if head.keys_needed > 1 {
            format!("needs {keys}, of different people")
        } else {
            format!("needs {keys}")
        };
    }
    let missing = head.keys_needed.saturating_sub(head.keys_given);
    let mut said = format!("{} of {keys}: {}", head.keys_given, told.join(", "));
    if missing > 0 && head.state.undecided() {
        let first = given(view).map(|decision| decision.at).min();
        let until = first
            .filter(|_| head.risk == Risk::Irreversible)
            .and_then(|at| at.checked_add(Row::SECOND_KEY_WITHIN).ok());
        let by = until.map(|until| {
            format!(" by {}, else all are asked for again", text::when(until, now, zone, false))
        });
        said.push_str(&format!(". {missing} more{}", by.unwrap_or_default()));
    }
    said
}

/// `can still: priya, marcus (asked), or whoever is on call; not sre-jordan (has signed), not admin (gatekeeper is theirs)`
pub fn can_still(view: &RowView) -> Option<String> {
    let head = &view.head;
    if !head.state.undecided() {
        return None;
    }
    let signed: Vec<_> = given(view).map(|decision| &decision.reviewer).collect();
    let free = |who: &&crate::row::PrincipalId| !signed.contains(who) && **who != head.owner;
    let asked: Vec<String> = head.reviewers.iter().filter(free).map(ToString::to_string).collect();
    let who = if asked.is_empty() {
        "whoever is on call".to_owned()
    } else {
        format!("{} (asked), or whoever is on call", asked.join(", "))
    };
    let mut not: Vec<String> = signed.iter().map(|who| format!("not {who} (has signed)")).collect();
    not.push(format!("not {} ({} is theirs)", head.owner, head.agent));
    Some(format!("{who}; {}", not.join(", ")))
}

/// Why an approval of this reader's would count for nothing: others are asked for, and nothing else is missing.
pub fn counts_for_nothing(view: &RowView, me: &str) -> Option<String> {
    let open: Vec<_> = view.asks.iter().filter(|ask| ask.missing() > 0).collect();
    let by_number = view.head.keys_needed > 1 && view.head.keys_given < view.head.keys_needed;
    let admits = |ask: &AskView| ask.on_call || ask.can.iter().any(|who| who.as_str() == me);
    if open.is_empty() || by_number || open.iter().any(|ask| admits(ask)) {
        return None;
    }
    let asked: Vec<String> = open.iter().map(|ask| format!("{} ({})", ask.name, ask.who)).collect();
    Some(format!("What is missing is {}: your approval would be refused.", asked.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn who_has_signed_and_who_can_still() {
        let views = sample::views();
        let half = views.iter().find(|view| view.head.id == sample::id("gate-9821")).unwrap();
        let said = keys(half, sample::now(), &TimeZone::UTC);
        assert_eq!(said, "1 of 2 keys: sre-jordan 02:10. 1 more by 02:25, else all are asked for again");
        assert_eq!(
            can_still(half).as_deref(),
            Some(
                "sarah, priya (asked), or whoever is on call; not sre-jordan (has signed), not admin (gatekeeper is theirs)"
            )
        );
        let none = views.iter().find(|view| view.head.id == sample::id("gate-9826")).unwrap();
        assert_eq!(keys(none, sample::now(), &TimeZone::UTC), "needs 2 keys, of different people");
    }

    #[test]
    fn who_is_asked_for_is_told_with_who_has_signed_and_who_can() {
        let ask = |signed: &[&str], can: &[&str], on_call| AskView {
            name: "db".into(),
            who: "role db".into(),
            approve: 1,
            signed: signed.iter().map(|who| who.parse().unwrap()).collect(),
            can: can.iter().map(|who| who.parse().unwrap()).collect(),
            on_call,
        };
        for (ask, says, for_sarah) in [
            (ask(&["govind"], &["sarah"], false), "db (role db): signed by govind", true),
            (ask(&[], &["govind", "sarah"], false), "db (role db): 1 more, of govind or sarah", true),
            (ask(&[], &["govind"], false), "db (role db): 1 more, of govind", false),
            (ask(&[], &[], false), "db (role db): 1 more, and NOBODY ELSE CAN", false),
            (ask(&[], &[], true), "db (role db): 1 more, of whoever is on call", true),
        ] {
            assert_eq!(ask.sentence(), says);
            let mut view = sample::views().remove(0);
            view.asks = vec![ask];
            assert_eq!(counts_for_nothing(&view, "sarah").is_none(), for_sarah, "{says}");
            view.head.keys_needed = 2;
            assert_eq!(counts_for_nothing(&view, "sarah"), None, "{says}: a second key is missing, too");
        }
    }

    #[test]
    fn a_key_that_is_void_or_for_another_revision_is_none() {
        let mut views = sample::views();
        let half = views.iter_mut().find(|view| view.head.id == sample::id("gate-9821")).unwrap();
        half.decisions[0].void = Some("the base moved".into());
        half.head.keys_given = 0;
        assert!(keys(half, sample::now(), &TimeZone::UTC).starts_with("needs 2 keys"));
        assert!(!can_still(half).unwrap().contains("has signed"));
        half.head.state = crate::row::State::Healthy;
        assert_eq!(can_still(half), None);
    }
}
