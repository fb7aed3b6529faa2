//! What a sentence says of how things went: well again, perhaps, not over; tried and taken back; warned against.
//!
//! Never: a good word taken for good news: errors that are back are not.

use crate::agent::chronicler::{
    rules::{DECIDES, RECOVERS, WARNS},
    words,
};

/// How well it is, as far as somebody says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Well {
    Again,
    Perhaps,
    /// It came again, or does not go away.
    NotYet,
}

/// Phrases that say that something is away.
const AWAY: &[&str] = &["is gone", "are gone", "went away"];
/// Phrases that say that something is here again.
const BACK: &[&str] = &["is back", "are back", "came back", "up again"];
/// What nobody wants.
const BAD: &[&str] = &[
    "error",
    "errors",
    "alert",
    "alerts",
    "alarm",
    "alarms",
    "lag",
    "latency",
    "timeout",
    "timeouts",
    "failure",
    "failures",
    "problem",
    "problems",
    "loss",
    "issue",
    "issues",
    "spike",
    "spikes",
    "backlog",
    "crash",
    "crashes",
    "5xx",
    "500s",
    "502",
    "502s",
    "503",
    "503s",
    "504",
    "504s",
    "oom",
    "outage",
    "incident",
    "throttling",
    "pages",
    "warnings",
    "symptom",
    "symptoms",
    "retries",
    "disconnects",
    "packet",
];
const DENIES: &[&str] = &[
    "not", "no", "never", "nothing", "none", "isn't", "aren't", "hasn't", "haven't", "didn't", "doesn't",
    "don't", "won't", "wasn't", "nobody", "cannot", "can't", "yet", "still", "until", "unless", "almost",
    "once", "if", "when",
];
/// Right before a phrase they deny it, `yet` and `still` between them or not: `has not`, `still not`, `not yet`.
const DENIES_IT: &[&str] = &[
    "not", "never", "isn't", "aren't", "hasn't", "haven't", "didn't", "doesn't", "don't", "won't", "wasn't",
];
const DOUBTS: &[&str] = &[
    "maybe",
    "perhaps",
    "seems",
    "seem",
    "seemed",
    "looks",
    "look",
    "think",
    "guess",
    "might",
    "may",
    "probably",
    "hopefully",
    "apparently",
    "unsure",
    "sure",
    "partly",
    "partially",
    "should",
    "hope",
];
/// Something that was done before is undone.
const TAKES_BACK: &[&str] = &[
    "reverted",
    "reverting",
    "revert",
    "undid",
    "undone",
    "undoing",
    "rolled it back",
    "rolled that back",
    "rolling it back",
    "rolling that back",
    "put it back",
    "switched back",
    "switching back",
    "took it back",
    "backed it out",
    "backed out",
    "rolled back",
    "rolling back",
];
/// So said, it is what was done last.
const THE_LAST: &[&str] = &[
    "reverted it",
    "reverted that",
    "reverting it",
    "reverting that",
    "undid it",
    "undid that",
    "undoing it",
    "undoing that",
    "rolled it back",
    "rolled that back",
    "rolling it back",
    "rolling that back",
    "put it back",
    "took it back",
    "backed it out",
    "backed that out",
];
/// Words that two messages share by chance.
const COMMON: &[&str] = &[
    "back", "with", "that", "this", "then", "from", "again", "after", "before", "what", "have", "node",
    "please", "revert", "roll", "switch", "undo", "undid", "undon", "took", "over", "will", "just", "need",
    "them", "they",
];

/// What is said of it, by the sentences; the last that says something stands.
pub(super) fn well(text: &str) -> Option<Well> {
    text.split(['.', '!', '\n', ';']).filter_map(sentence).next_back()
}

fn sentence(text: &str) -> Option<Well> {
    let phrase = RECOVERS.iter().find(|phrase| words::says(text, &[phrase]))?;
    let all = plain(text);
    let has = |known: &[&str]| all.iter().any(|word| known.contains(&word.as_str()));
    let before = &all[..position(&all, phrase)];
    let bad = before.iter().position(|word| BAD.contains(&word.as_str()));
    let denied = is_denied(before);
    if let Some(at) = bad.filter(|_| BACK.contains(phrase)) {
        // `No errors came back` and `the errors never came back` are no bad news; `no, errors are back` is.
        let none = denied || text.to_lowercase().contains(&format!("no {}", before[at]));
        return Some(if none { Well::Perhaps } else { Well::NotYet });
    }
    if text.trim_end().ends_with('?') {
        return None;
    }
    if has(DENIES) {
        // `It has not recovered` is not over, `recovered, no impact any more` may be; `once it has recovered` tells of neither.
        let told = if denied { Well::NotYet } else { Well::Perhaps };
        return (!has(&["once", "if", "when", "until", "unless"])).then_some(told);
    }
    if has(DOUBTS) || (AWAY.contains(phrase) && bad.is_none()) {
        return Some(Well::Perhaps);
    }
    Some(Well::Again)
}

/// What stands right before a phrase denies it.
fn is_denied(before: &[String]) -> bool {
    let last = before.iter().rev().find(|word| !["yet", "still"].contains(&word.as_str()));
    last.is_some_and(|word| DENIES_IT.contains(&word.as_str()))
}

/// Where a phrase begins.
fn position(all: &[String], phrase: &str) -> usize {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    all.windows(phrase.len()).position(|window| window == phrase).unwrap_or(all.len())
}

/// It says not to do what was done: the first thing that it warns of is named there.
pub(super) fn warns_against(warning: &str, done: &str) -> bool {
    let all = plain(warning);
    let done = stems(done);
    WARNS.iter().any(|phrase| {
        let at = position(&all, phrase) + phrase.split(' ').count();
        all.get(at..).unwrap_or_default().iter().find(|word| word.len() > 2).is_some_and(|word| {
            let what = stem(word);
            // `don't` warns of what follows; `the runbook is wrong` of nothing that was done.
            !phrase.ends_with("wrong") && !phrase.ends_with("outdated") && done.contains(&what)
        })
    })
}

/// It says what is done, or undone.
pub(super) fn says_done(text: &str) -> bool {
    words::says(text, DECIDES) || takes_back(text)
}

/// It undoes something.
pub(super) fn takes_back(text: &str) -> bool {
    words::says(text, TAKES_BACK)
}

/// It says of what was done last that it is undone.
pub(super) fn takes_back_what_was_last(text: &str) -> bool {
    words::says(text, THE_LAST)
}

/// It undoes this, by a word that both have.
pub(super) fn takes_back_of(text: &str, done: &str) -> bool {
    let done = stems(done);
    stems(text).iter().any(|stem| stem.len() > 3 && !COMMON.contains(&stem.as_str()) && done.contains(stem))
}

fn plain(text: &str) -> Vec<String> {
    let part = |c: char| c.is_alphanumeric() || c == '\'' || c == '-' || c == '_';
    let lower = text.to_lowercase().replace('’', "'");
    lower.split(|c: char| !part(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn stems(text: &str) -> Vec<String> {
    plain(text).iter().map(|word| stem(word)).collect()
}

/// `restarting`, `restarted` and `restart` are one word.
fn stem(word: &str) -> String {
    let bare = ["ing", "ed", "es", "s", "e"].iter().find_map(|end| word.strip_suffix(end));
    let bare = bare.filter(|bare| bare.len() > 2).unwrap_or(word);
    let mut letters = bare.chars().rev();
    match (letters.next(), letters.next()) {
        // `stopping` is `stop`.
        (Some(last), Some(before)) if last == before && bare.len() > 3 && word.len() > bare.len() => {
            bare[..bare.len() - last.len_utf8()].to_owned()
        }
        _ => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_that_it_is_well_or_it_does_not() {
        let (again, perhaps, not_yet) = (Some(Well::Again), Some(Well::Perhaps), Some(Well::NotYet));
        for (text, expected) in [
            ("Failed over to redis-1 after its replica was rotated. Logins are back.", again),
            ("Logins are back.", again),
            ("Routes are fresh again since the workflow ran.", again),
            ("Drained eu-west-2b and -2c by weight, kept the region. Errors are gone.", again),
            ("Recovered. The alert went away", again),
            ("that fixed it", again),
            ("the errors are back", not_yet),
            ("latency came back after the restart", not_yet),
            ("it has not recovered", not_yet),
            ("still not back to normal", not_yet),
            ("Logins are back. No, the errors are back!", not_yet),
            ("it has not yet recovered", not_yet),
            ("It hasn't recovered", not_yet),
            ("it is not back to normal", not_yet),
            ("No errors came back", perhaps),
            ("the errors never came back", perhaps),
            ("no, errors are back", not_yet),
            ("no errors came back, all is calm", perhaps),
            ("Recovered, no customer impact any more.", perhaps),
            ("No more errors, back to normal", perhaps),
            ("recovered, nothing left to do", perhaps),
            ("back to normal, still watching it", perhaps),
            ("recovered, not closing it yet", perhaps),
            ("looks like that fixed it", perhaps),
            ("maybe recovered", perhaps),
            ("the old leader is gone", perhaps),
            ("is it back to normal?", None),
            ("we close it once it has recovered", None),
            ("Weights of 2b and 2c are down to 0, errors are falling.", None),
            ("Restarting api-gw node by node as the runbook says.", None),
            ("", None),
        ] {
            assert_eq!(well(text), expected, "{text}");
        }
    }

    #[test]
    fn a_warning_is_against_what_it_names_first() {
        let by_hand = "please don't restart api-gw by hand any more, use the new GHA workflow";
        for (warning, done, expected) in [
            (by_hand, "Restarting api-gw node by node as the runbook says.", true),
            (by_hand, "`redis-cli -h redis-1 BGREWRITEAOF`", false),
            (
                "Then do not drain all of it, the other regions cannot take that now.",
                "draining eu-west-2",
                true,
            ),
            ("stop restarting it", "restarted api-gw", true),
            ("the runbook is wrong", "ran the runbook", false),
            ("don't", "don't", false),
        ] {
            assert_eq!(warns_against(warning, done), expected, "{warning}: {done}");
        }
    }

    #[test]
    fn what_is_taken_back_is_named_or_was_the_last() {
        assert!(
            takes_back("reverted that, no change") && takes_back_what_was_last("reverted that, no change")
        );
        assert!(takes_back_of("reverted the replicas", "scaled checkout to 12 replicas"));
        assert!(!takes_back_of("rolled back the deploy", "scaled checkout to 12 replicas"));
        assert!(!takes_back("scaled checkout to 12 replicas"));
        assert_eq!(
            (stem("stopping"), stem("stopped"), stem("rotates")),
            ("stop".into(), "stop".into(), "rotat".into())
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "(?s).{0,80}", other in "(?s).{0,80}") {
            let _ = (well(&text), warns_against(&text, &other), takes_back_of(&text, &other));
        }
    }
}
