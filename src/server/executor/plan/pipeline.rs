//! What to do next about the answer to a pipeline that waits at Dock itself.
//!
//! It is written into our own store, so that what became of it can always be told: class A. It is done once whoever waits
//! has taken it; what nobody took is taken back before anything else may follow from the row.
//! Never: executed, where nobody was told; an answer left lying for an attempt that comes later.

use super::{Next, Written};
use crate::row::{
    DecisionId, Moved,
    waiting::{Waiting, Word},
};

/// What is shown of a run that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::executor) struct Listening {
    /// None where nobody ever told of it, or too long ago.
    pub(in crate::server::executor) waiting: Option<Waiting>,
    /// Why nobody is there to be told; none while somebody is.
    pub(in crate::server::executor) gone: Option<String>,
}

/// What was reviewed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reviewed<'a> {
    pub(super) attempt: u32,
    pub(super) commit: &'a str,
    pub(super) environment: &'a str,
    pub(super) approve: bool,
}

pub(super) fn tell(of: Reviewed<'_>, tag: &DecisionId, shown: &Listening, written: &Written) -> Next {
    let word = if of.approve { Word::Approved } else { Word::Declined };
    let Some(waiting) = &shown.waiting else { return moved("waits", "yes", "no pipeline tells of it") };
    let ours = waiting.told(of.attempt, of.commit).filter(|answer| answer.decision.as_ref() == Some(tag));
    if let Some(answer) = ours {
        let (is, place) = (answer.word.word(), &waiting.place);
        return match (&shown.gone, answer.taken_at) {
            _ if answer.word != word => {
                Next::Fail { detail: format!("run {} was told {is} instead of {}", place.run, word.word()) }
            }
            (_, Some(_)) => Next::Confirm {
                detail: format!(
                    "run {} was told {is} before {}, attempt {}",
                    place.run, of.environment, of.attempt
                ),
            },
            (None, None) => Next::Wait,
            (Some(gone), None) => moved("waits", "yes", gone),
        };
    }
    if waiting.said.attempt != of.attempt {
        return moved("attempt", &of.attempt.to_string(), &waiting.said.attempt.to_string());
    }
    if waiting.said.commit != of.commit {
        return moved("head", of.commit, &waiting.said.commit);
    }
    match (&waiting.answer, &shown.gone, written) {
        (Some(other), _, _) => moved("waits", "yes", &format!("told: {}", other.said)),
        (None, Some(gone), _) => moved("waits", "yes", gone),
        (None, None, Written::Refused { why }) => Next::Fail { detail: why.clone() },
        (None, None, _) => Next::Write,
    }
}

fn moved(what: &str, was: &str, is: &str) -> Next {
    Next::Moved { moved: vec![Moved { what: what.to_owned(), was: was.to_owned(), is: is.to_owned() }] }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{super::word, *};
    use crate::row::waiting::{Said, Turn, example, turn};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    /// What comes of these turns, one a second.
    fn after(turns: Vec<Turn>) -> Waiting {
        let step = |before: Option<Waiting>, (second, what): (i64, Turn)| {
            Some(turn(before.as_ref(), &example::place(), what, at(second)).unwrap())
        };
        (0..).zip(turns).fold(None, step).unwrap()
    }

    #[test]
    fn what_follows_from_who_waits_and_what_they_were_told() {
        let says = || example::says(example::said());
        let again = || example::says(Said { attempt: 2, ..example::said() });
        let answer = |decision| Turn::Answer {
            attempt: 1,
            commit: example::COMMIT.to_owned(),
            answer: example::answer(decision),
        };
        let listening = |turns: Vec<Turn>| Listening { waiting: Some(after(turns)), gone: None };
        let alone = |turns: Vec<Turn>| Listening { gone: Some("no sign".to_owned()), ..listening(turns) };
        let refused = || Written::Refused { why: "no".to_owned() };
        // What is shown; then: nothing written, perhaps, accepted, refused.
        let table: Vec<(&str, Listening, [&str; 4])> = vec![
            ("waits", listening(vec![says()]), ["write", "write", "write", "fail"]),
            ("gone", alone(vec![says()]), ["moved"; 4]),
            ("never told of", Listening { waiting: None, gone: None }, ["moved"; 4]),
            ("ours lies there", listening(vec![says(), answer(1)]), ["wait"; 4]),
            ("ours lies there, and it is gone", alone(vec![says(), answer(1)]), ["moved"; 4]),
            ("ours was taken", listening(vec![says(), answer(1), says()]), ["confirm"; 4]),
            ("ours was taken, and it went", alone(vec![says(), answer(1), says()]), ["confirm"; 4]),
            ("theirs", listening(vec![says(), answer(2)]), ["moved"; 4]),
            ("tried again", listening(vec![says(), again()]), ["moved"; 4]),
            ("tried again, ours not taken", listening(vec![says(), answer(1), again()]), ["moved"; 4]),
            ("tried again, ours taken", listening(vec![says(), answer(1), says(), again()]), ["confirm"; 4]),
        ];
        let tag = DecisionId::new(1, [0; 10]);
        for (name, shown, expected) in table {
            let written =
                [Written::No, Written::Perhaps { since: at(0) }, Written::Yes { since: at(0) }, refused()];
            for (written, expected) in written.iter().zip(expected) {
                let of = Reviewed {
                    attempt: 1,
                    commit: example::COMMIT,
                    environment: "production",
                    approve: true,
                };
                assert_eq!(word(&tell(of, &tag, &shown, written)), expected, "{name}, {written:?}");
            }
        }
        let of = Reviewed { attempt: 1, commit: example::COMMIT, environment: "production", approve: false };
        let shown = listening(vec![says(), answer(1), says()]);
        assert_eq!(word(&tell(of, &tag, &shown, &Written::No)), "fail", "a no that was told as a yes");
    }
}
