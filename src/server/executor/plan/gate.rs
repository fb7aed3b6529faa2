//! What to do next about a gate's writes, from what GitHub and Terraform show.
//!
//! The answer to a protection rule is class B: its comment is found in the run's review log, with the attempt that it
//! met. So is the apply of a Terraform run: it keeps the comment. A dispatch is class C: GitHub tells of none which event
//! began what, so it goes first, and a lost one is unknown.
//! Never: an answer to an attempt that nobody reviewed; a canary that is dispatched twice.

use jiff::{SignedDuration, Timestamp};

use super::{Applied, Next, Written, waited};
use crate::{
    platform::github::{ApprovalState, Reviewed},
    row::{Moved, gate::Run},
};

/// How many times the lease an accepted answer may be missing from the log.
const SHOWN_WITHIN: i32 = 4;

/// The answer to the rule that holds a run.
pub(super) fn answer(
    attempt: u32,
    environment: &str,
    approve: bool,
    reviewed: &Reviewed,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    let due = if approve { ApprovalState::Approved } else { ApprovalState::Rejected };
    match reviewed {
        Reviewed::Ours { state } if *state == due => Next::Confirm {
            detail: format!("{} in GitHub before {environment}, attempt {attempt}", due.word()),
        },
        Reviewed::Ours { state } => Next::Fail {
            detail: format!("GitHub shows our answer as {} instead of {}", state.word(), due.word()),
        },
        Reviewed::Theirs { state, by } => answered(&format!("{} in GitHub by {by}", state.word()), written),
        Reviewed::NotYet => match written {
            Written::No => Next::Write,
            Written::Refused { why } => Next::Fail { detail: why.clone() },
            Written::Perhaps { since } if waited(*since, repeat_after, now) => Next::Write,
            Written::Perhaps { .. } => Next::Wait,
            Written::Yes { since } if waited(*since, repeat_after * SHOWN_WITHIN, now) => Next::CannotTell {
                detail: format!(
                    "GitHub accepted the answer, and still shows none; look at the run's reviews before {environment}"
                ),
            },
            Written::Yes { .. } => Next::Wait,
        },
        Reviewed::NothingPends { status, conclusion, others } => {
            let ended = conclusion.as_deref().map_or(String::new(), |word| format!(", {word}"));
            // It waits on, and nobody answers it: the environment has another name now.
            let before = if others.is_empty() { "" } else { " before " };
            let words = format!("the run is {status}{ended}{before}{}", others.join(" and "));
            nothing_pends(&words, environment, written)
        }
        Reviewed::AttemptMoved { now: is, ours: true } => Next::CannotTell {
            detail: format!(
                "the run was started again (attempt {is}), and which attempt our answer met is not told; look at its \
                 reviews"
            ),
        },
        Reviewed::AttemptMoved { now: is, ours: false } => again(attempt, *is, written, repeat_after, now),
    }
}

/// Somebody answered, and ours is not in the log.
fn answered(by: &str, written: &Written) -> Next {
    match written {
        Written::No => moved("waits", "yes", by),
        Written::Refused { .. } | Written::Perhaps { .. } | Written::Yes { .. } => {
            Next::Fail { detail: format!("it was {by}; our answer is not in GitHub's log") }
        }
    }
}

/// Nothing waits, and nobody's answer is there.
fn nothing_pends(ended: &str, environment: &str, written: &Written) -> Next {
    match written {
        Written::No => moved("waits", "yes", ended),
        Written::Refused { why } => {
            Next::Fail { detail: format!("{why}; nothing waits before {environment}, {ended}") }
        }
        Written::Perhaps { .. } | Written::Yes { .. } => Next::CannotTell {
            detail: format!(
                "nothing waits before {environment} and no answer is shown: {ended}; look at the run"
            ),
        },
    }
}

/// It was started again, and no answer of ours is in the log: one that is under way could still meet the new attempt.
fn again(was: u32, is: u32, written: &Written, repeat_after: SignedDuration, now: Timestamp) -> Next {
    let detail = format!("the run was started again as attempt {is}; attempt {was} was reviewed");
    match written {
        Written::No => moved("attempt", &was.to_string(), &is.to_string()),
        Written::Refused { .. } => Next::Fail { detail },
        Written::Perhaps { since } if waited(*since, repeat_after, now) => {
            Next::Fail { detail: format!("{detail}, and no answer of ours is in GitHub's log") }
        }
        Written::Perhaps { .. } => Next::Wait,
        Written::Yes { .. } => Next::CannotTell {
            detail: format!("{detail}; GitHub had accepted our answer and shows none; look at its reviews"),
        },
    }
}

/// What begins a canary. `runs`: those that its workflow began since the intent, where that can be seen.
pub(super) fn canary(
    what: &str,
    runs: Option<&[Run]>,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    let by_hand = "the gate was not answered; look, answer it in GitHub, then attest";
    match written {
        Written::No => Next::Write,
        Written::Refused { why } => Next::Fail { detail: why.clone() },
        Written::Yes { .. } => Next::Confirm { detail: format!("GitHub accepted the {what}") },
        Written::Perhaps { since } => match runs {
            Some([]) if waited(*since, repeat_after, now) => Next::Write,
            Some([]) => Next::Wait,
            Some(some) => {
                let begun: Vec<_> = some.iter().map(|run| format!("{} by {}", run.id, run.actor)).collect();
                Next::CannotTell {
                    detail: format!(
                        "whether the {what} was ours cannot be told (runs since: {}); {by_hand}",
                        begun.join(", ")
                    ),
                }
            }
            None => {
                Next::CannotTell { detail: format!("whether the {what} arrived cannot be told; {by_hand}") }
            }
        },
    }
}

/// The apply of the reviewed Terraform run.
pub(super) fn apply(
    run: &str,
    applied: &Applied,
    written: &Written,
    repeat_after: SignedDuration,
    now: Timestamp,
) -> Next {
    let Applied { status, waits, ours } = applied;
    if *waits {
        return match written {
            Written::No => Next::Write,
            Written::Refused { why } => Next::Fail { detail: why.clone() },
            Written::Perhaps { since } if waited(*since, repeat_after, now) => Next::Write,
            Written::Yes { since } if waited(*since, repeat_after * SHOWN_WITHIN, now) => Next::CannotTell {
                detail: format!("Terraform accepted the apply of {run}, and it still waits; look at the run"),
            },
            Written::Perhaps { .. } | Written::Yes { .. } => Next::Wait,
        };
    }
    match (written, status.as_str()) {
        (Written::No | Written::Refused { .. }, _) if !ours => {
            Next::Fail { detail: format!("Terraform's {run} no longer waited for us, it is {status}") }
        }
        (Written::Perhaps { .. }, _) if !ours => Next::CannotTell {
            detail: format!("Terraform's {run} is {status} and no comment of ours is on it; look at the run"),
        },
        (_, "applied") => Next::Confirm { detail: format!("applied {run}") },
        (_, "errored" | "canceled" | "force_canceled" | "discarded") => {
            Next::Fail { detail: format!("the apply of {run} ended {status}") }
        }
        _ => Next::Wait,
    }
}

fn moved(what: &str, was: &str, is: &str) -> Next {
    Next::Moved { moved: vec![Moved { what: what.to_owned(), was: was.to_owned(), is: is.to_owned() }] }
}

#[cfg(test)]
mod tests {
    use super::{super::word, *};

    const SENT: &str = "2026-05-30T02:14:00Z";

    fn at(seconds: i64) -> Timestamp {
        SENT.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    fn written() -> [Written; 4] {
        let since = at(0);
        let refused = Written::Refused { why: "GitHub refused (422)".to_owned() };
        [Written::No, refused, Written::Perhaps { since }, Written::Yes { since }]
    }

    #[test]
    fn what_follows_from_what_github_shows_of_an_answer() {
        let ours = |state| Reviewed::Ours { state };
        let theirs = |state| Reviewed::Theirs { state, by: "govind".to_owned() };
        let gone = |conclusion: Option<&str>| Reviewed::NothingPends {
            status: "completed".to_owned(),
            conclusion: conclusion.map(str::to_owned),
            others: vec![],
        };
        let again = |ours| Reviewed::AttemptMoved { now: 2, ours };
        // What is shown; seconds since it was sent; then: nothing sent, refused, perhaps sent, accepted.
        let table: Vec<(&str, Reviewed, i64, [&str; 4])> = vec![
            ("ours", ours(ApprovalState::Approved), 1, ["confirm", "confirm", "confirm", "confirm"]),
            ("ours says no", ours(ApprovalState::Rejected), 1, ["fail", "fail", "fail", "fail"]),
            ("theirs", theirs(ApprovalState::Approved), 1, ["moved", "fail", "fail", "fail"]),
            ("theirs says no", theirs(ApprovalState::Rejected), 99, ["moved", "fail", "fail", "fail"]),
            ("not yet, early", Reviewed::NotYet, 14, ["write", "fail", "wait", "wait"]),
            ("not yet, late", Reviewed::NotYet, 15, ["write", "fail", "write", "wait"]),
            ("not yet, long", Reviewed::NotYet, 60, ["write", "fail", "write", "cannot tell"]),
            ("cancelled", gone(Some("cancelled")), 1, ["moved", "fail", "cannot tell", "cannot tell"]),
            ("nothing pends", gone(None), 99, ["moved", "fail", "cannot tell", "cannot tell"]),
            ("run again, early", again(false), 14, ["moved", "fail", "wait", "cannot tell"]),
            ("run again, late", again(false), 15, ["moved", "fail", "fail", "cannot tell"]),
            (
                "run again with ours",
                again(true),
                99,
                ["cannot tell", "cannot tell", "cannot tell", "cannot tell"],
            ),
        ];
        for (name, shown, seconds, expected) in table {
            for (written, expected) in written().iter().zip(expected) {
                let lease = SignedDuration::from_secs(15);
                let next = answer(1, "production", true, &shown, written, lease, at(seconds));
                assert_eq!(word(&next), expected, "{name}, {written:?}");
            }
        }
        let (lease, no) = (SignedDuration::from_secs(15), Written::No);
        let rejected = answer(1, "production", false, &ours(ApprovalState::Rejected), &no, lease, at(0));
        assert_eq!(word(&rejected), "confirm", "a decline's answer is a no");
    }

    #[test]
    fn what_follows_from_what_terraform_shows_of_an_apply() {
        let shown = |status: &str, waits, ours| Applied { status: status.to_owned(), waits, ours };
        // Nothing sent, refused, perhaps sent, accepted.
        let table: Vec<(&str, Applied, i64, [&str; 4])> = vec![
            ("waits, early", shown("planned", true, false), 14, ["write", "fail", "wait", "wait"]),
            ("waits, late", shown("planned", true, false), 15, ["write", "fail", "write", "wait"]),
            ("waits, long", shown("planned", true, false), 60, ["write", "fail", "write", "cannot tell"]),
            ("ours runs", shown("applying", false, true), 1, ["wait", "wait", "wait", "wait"]),
            ("ours is done", shown("applied", false, true), 1, ["confirm", "confirm", "confirm", "confirm"]),
            ("ours went wrong", shown("errored", false, true), 1, ["fail", "fail", "fail", "fail"]),
            ("theirs is done", shown("applied", false, false), 1, ["fail", "fail", "cannot tell", "confirm"]),
            ("discarded", shown("discarded", false, false), 1, ["fail", "fail", "cannot tell", "fail"]),
        ];
        for (name, applied, seconds, expected) in table {
            for (written, expected) in written().iter().zip(expected) {
                let next = apply("run-77", &applied, written, SignedDuration::from_secs(15), at(seconds));
                assert_eq!(word(&next), expected, "{name}, {written:?}");
            }
        }
    }

    #[test]
    fn a_dispatch_is_repeated_only_where_its_workflow_shows_that_none_came() {
        let run = crate::row::gate::example::reading().run;
        let none: Option<&[Run]> = Some(&[]);
        let one: Option<&[Run]> = Some(std::slice::from_ref(&run));
        let table: Vec<(&str, Option<&[Run]>, i64, [&str; 4])> = vec![
            ("shows nothing", None, 99, ["write", "fail", "cannot tell", "confirm"]),
            ("no run, early", none, 14, ["write", "fail", "wait", "confirm"]),
            ("no run, late", none, 15, ["write", "fail", "write", "confirm"]),
            ("a run", one, 99, ["write", "fail", "cannot tell", "confirm"]),
        ];
        for (name, runs, seconds, expected) in table {
            for (written, expected) in written().iter().zip(expected) {
                let next = canary("dispatch", runs, written, SignedDuration::from_secs(15), at(seconds));
                assert_eq!(word(&next), expected, "{name}, {written:?}");
            }
        }
    }
}
