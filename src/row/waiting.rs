//! A pipeline that waits at Dock itself, and the answer that its run is given: all that may ever happen to it is [`turn`].
//!
//! GitHub keeps a run that waits and tells of its answer; a pipeline on GitLab, on Jenkins or in a shell has nobody but us.
//! It says that it waits, again with each poll; whoever says so is told the answer, the same one however often it asks.
//! An answer counts once it was taken: until then it can be taken back, which closes the way to it for good.
//!
//! An answer is for who waited for it. A job that is started again days later is another who asks, with the same words:
//! it is told nothing of before, and asks anew, as the next attempt.
//!
//! Never: two answers to one attempt; an answer that was taken, taken back; silence of a pipeline taken for waiting; an
//! approval told to somebody who came after it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DecisionId, PrincipalId, RowId, gate};

mod said;

pub use said::{Asks, Ci, Ended, Reports, Said};

/// A pipeline that gave no sign for so long waits no more. It gives one every 25 seconds.
pub const GONE_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Whoever asks within so long of the first who took an answer had been waiting beside it, or lost it on the way.
pub const TOLD_AGAIN_WITHIN: SignedDuration = SignedDuration::from_secs(60);
/// Runs of one service that may give a first sign within [`SIGNS_WITHIN`]: who has a token may make up their numbers.
pub const RUNS_MAX: usize = 1_000;
pub const SIGNS_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// Earlier attempts whose answer is still told.
const PAST_MAX: usize = 8;

/// Where a run waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The service's name in the config.
    pub service: String,
    pub environment: String,
    /// Its number where it runs; one service has each number once.
    pub run: u64,
}

impl Place {
    pub fn subject(&self) -> String {
        gate::subject(&self.service, self.run, &self.environment)
    }
}

/// A run that waits, or waited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub place: Place,
    pub said: Said,
    /// Whose token it came with.
    pub by: PrincipalId,
    /// When this attempt was first told of.
    pub since: Timestamp,
    /// Its last sign.
    pub seen_at: Timestamp,
    /// Who gave it, by the name of its process ([`Asks::listener`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<String>,
    /// It said that it stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// The decision whose answer was taken back last: it is never given again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<DecisionId>,
    /// What earlier attempts were told, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<(Said, Answer)>,
}

/// What a run is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub word: Word,
    pub row: RowId,
    /// What its execution is tagged with; none where nobody decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
    /// What was signed with it and is left to the pipeline: `canary` → `10%`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    /// One line: `dock gate-7 01J… approved by sarah, log 1182 ROOT16`.
    pub said: String,
    pub given_at: Timestamp,
    /// When whoever waits first asked with it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Who that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// What the pipeline says became of the deploy that it went on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub state: Ended,
    /// When it first said so.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    Approved,
    Declined,
    /// Nobody decided in time.
    Expired,
    /// It was approved and could not be carried out.
    Failed,
}

impl Word {
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// What happens to a run that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It says that it waits: it is there, and takes what answer there is.
    Says { said: Said, by: PrincipalId, listener: Option<String> },
    /// It says that it stops waiting.
    Leaves(Who),
    /// It is to be told; `said` is the attempt and commit that were decided on.
    Answer { attempt: u32, commit: String, answer: Answer },
    /// It says how the deploy ended that it was told to go on with; of the newest such attempt, where none is named.
    Reports { commit: String, attempt: Option<u32>, state: Ended },
    /// An answer that nobody took is not to be taken any more.
    TakeBack { decision: DecisionId },
}

/// Who stops waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Attempt(u32),
    /// Whoever else waits for the same run waits on.
    Listener(String),
}

/// Why a turn is not taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum No {
    #[error("no pipeline waits with this run")]
    Nobody,
    #[error("attempt {now} of this run was told of already")]
    Attempt { now: u32 },
    #[error("attempt {attempt} of this run {what} with commit {commit}")]
    OtherCommit { attempt: u32, commit: String, what: &'static str },
    #[error("attempt {attempt} of this run is over: {said}")]
    Over { attempt: u32, said: String },
    #[error("it waits no more: {0}")]
    Left(String),
    #[error("it was told: {0}")]
    Told(String),
    #[error("its answer was taken at {0}")]
    Taken(Timestamp),
    #[error("this answer was taken back")]
    TakenBack,
    #[error("{max} runs of {0} gave a sign within a day: no more are kept", max = RUNS_MAX)]
    TooMany(String),
    #[error("no attempt of this run was told to go on with commit {0}")]
    NotToldToGoOn(String),
}

/// Whether this turn begins a run of its own: then those of its service are counted before it is taken.
pub fn begins(before: Option<&Waiting>, turn: &Turn) -> bool {
    before.is_none() && matches!(turn, Turn::Says { .. })
}

/// The one function. `now` is the store's caller's clock.
pub fn turn(before: Option<&Waiting>, place: &Place, turn: Turn, now: Timestamp) -> Result<Waiting, No> {
    match (before, turn) {
        (None, Turn::Says { said, by, listener }) => {
            Ok(Waiting { listener, ..begun(place, said, by, Vec::new(), now) })
        }
        (None, Turn::Leaves(_) | Turn::Answer { .. } | Turn::TakeBack { .. } | Turn::Reports { .. }) => {
            Err(No::Nobody)
        }
        (Some(before), Turn::Says { said, by, listener }) => gives_a_sign(before, said, by, listener, now),
        (Some(before), Turn::Leaves(who)) => match who {
            Who::Attempt(attempt) if attempt != before.said.attempt => {
                Err(No::Attempt { now: before.said.attempt })
            }
            Who::Listener(name) if before.listener.as_ref() != Some(&name) => Err(No::Nobody),
            Who::Attempt(_) | Who::Listener(_) => Ok(Waiting { left_at: Some(now), ..before.clone() }),
        },
        (Some(before), Turn::Answer { attempt, commit, answer }) => {
            answered(before, attempt, &commit, answer, now)
        }
        (Some(before), Turn::TakeBack { decision }) => taken_back(before, decision),
        (Some(before), Turn::Reports { commit, attempt, state }) => {
            reported(before, commit, attempt, Report { state, at: now })
        }
    }
}

fn begun(place: &Place, said: Said, by: PrincipalId, past: Vec<(Said, Answer)>, now: Timestamp) -> Waiting {
    let place = place.clone();
    let (listener, left_at, answer, taken_back) = (None, None, None, None);
    Waiting { place, said, by, since: now, seen_at: now, listener, left_at, answer, taken_back, past }
}

fn gives_a_sign(
    before: &Waiting,
    said: Said,
    by: PrincipalId,
    listener: Option<String>,
    now: Timestamp,
) -> Result<Waiting, No> {
    if said.same_run(&before.said) {
        if let Some(answer) = before.answer.as_ref().filter(|_| !before.hears(listener.as_deref(), now)) {
            return Err(No::Over { attempt: said.attempt, said: answer.said.clone() });
        }
        let mut after =
            Waiting { said, by, seen_at: now.max(before.seen_at), left_at: None, ..before.clone() };
        if let Some(answer) = after.answer.as_mut().filter(|answer| answer.taken_at.is_none()) {
            (answer.taken_at, answer.taken_by) = (Some(now), listener.clone());
        }
        after.listener = listener;
        return Ok(after);
    }
    let other = |what| No::OtherCommit { attempt: said.attempt, commit: before.said.commit.clone(), what };
    match said.attempt.cmp(&before.said.attempt) {
        std::cmp::Ordering::Less => return Err(No::Attempt { now: before.said.attempt }),
        std::cmp::Ordering::Equal if before.answer.is_some() => return Err(other("was answered")),
        std::cmp::Ordering::Equal if before.instead(before.since, now).is_none() => {
            return Err(other("waits"));
        }
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => {}
    }
    let mut past = before.past.clone();
    // What nobody took was told to nobody, and never will be.
    let taken = before.answer.clone().filter(|answer| answer.taken_at.is_some());
    past.extend(taken.map(|answer| (before.said.clone(), answer)));
    past.drain(..past.len().saturating_sub(PAST_MAX));
    Ok(Waiting { listener, ..begun(&before.place, said, by, past, now) })
}

fn answered(
    before: &Waiting,
    attempt: u32,
    commit: &str,
    answer: Answer,
    now: Timestamp,
) -> Result<Waiting, No> {
    if before.said.attempt != attempt {
        return Err(No::Attempt { now: before.said.attempt });
    }
    if before.said.commit != commit {
        let commit = before.said.commit.clone();
        return Err(No::OtherCommit { attempt, commit, what: "waits" });
    }
    match &before.answer {
        Some(given)
            if (given.word, given.row, &given.decision) == (answer.word, answer.row, &answer.decision) =>
        {
            return Ok(before.clone());
        }
        Some(given) => return Err(No::Told(given.said.clone())),
        None => {}
    }
    // A no is safe to tell however late, and by whom.
    let yes = answer.word == Word::Approved;
    if yes && answer.decision.is_some() && answer.decision == before.taken_back {
        return Err(No::TakenBack);
    }
    if let Some(at) = before.left_at {
        return Err(No::Left(format!("it stopped at {at}")));
    }
    let answer = Answer { given_at: now, taken_at: None, taken_by: None, report: None, ..answer };
    Ok(Waiting { answer: Some(answer), ..before.clone() })
}

fn taken_back(before: &Waiting, decision: DecisionId) -> Result<Waiting, No> {
    let mut after = before.clone();
    let ours = |answer: &&Answer| answer.decision.as_ref() == Some(&decision);
    if let Some(at) = before
        .answer
        .iter()
        .chain(before.past.iter().map(|(_, answer)| answer))
        .filter(ours)
        .find_map(|answer| answer.taken_at)
    {
        return Err(No::Taken(at));
    }
    after.answer = after.answer.filter(|answer| answer.decision.as_ref() != Some(&decision));
    after.taken_back = Some(decision);
    Ok(after)
}

fn reported(before: &Waiting, commit: String, attempt: Option<u32>, report: Report) -> Result<Waiting, No> {
    let mut after = before.clone();
    let Waiting { said, answer, past, .. } = &mut after;
    let past = past.iter_mut().rev().map(|(said, answer)| (&*said, answer));
    let mut told = answer.iter_mut().map(|answer| (&*said, answer)).chain(past).filter(|(said, answer)| {
        said.commit == commit
            && attempt.is_none_or(|attempt| said.attempt == attempt)
            && (answer.word, answer.taken_at.is_some()) == (Word::Approved, true)
    });
    let Some((_, answer)) = told.next() else { return Err(No::NotToldToGoOn(commit)) };
    if answer.report.is_none_or(|known| known.state != report.state) {
        answer.report = Some(report);
    }
    Ok(after)
}

impl Waiting {
    /// Why it does not wait; none while it does. Who began to watch at `watched_since` counts silence from then on.
    pub fn instead(&self, watched_since: Timestamp, now: Timestamp) -> Option<String> {
        if let Some(answer) = &self.answer {
            return Some(format!("told: {} ({})", answer.word.word(), answer.row));
        }
        self.gone(watched_since, now)
    }

    /// Why nobody is there to be told anything; none while somebody is.
    pub fn gone(&self, watched_since: Timestamp, now: Timestamp) -> Option<String> {
        if let Some(at) = self.left_at {
            return Some(format!("the pipeline stopped waiting at {at:.0}"));
        }
        let heard = self.seen_at.max(watched_since);
        let silent = now.duration_since(heard) >= GONE_AFTER;
        silent.then(|| format!("the pipeline has given no sign since {:.0}", self.seen_at))
    }

    /// Who asks may be told what this attempt's answer is, or there is none yet.
    fn hears(&self, listener: Option<&str>, now: Timestamp) -> bool {
        self.answer.as_ref().is_none_or(|answer| match answer.taken_at {
            Some(_) => answer.told_again(listener, now),
            // A no is safe to tell whoever comes for it.
            None if answer.word != Word::Approved => true,
            None => same(listener, self.listener.as_deref()) || now < later(self.seen_at, GONE_AFTER),
        })
    }

    /// What an earlier attempt was told, for who may still be told it.
    pub fn told_before(&self, said: &Said, listener: Option<&str>, now: Timestamp) -> Option<&Answer> {
        let earlier = self.past.iter().rev().find(|(earlier, _)| earlier.same_run(said));
        earlier.map(|(_, answer)| answer).filter(|answer| answer.told_again(listener, now))
    }

    /// What this attempt of this commit was told, now or before another attempt came.
    pub fn told(&self, attempt: u32, commit: &str) -> Option<&Answer> {
        let same = |said: &Said| said.attempt == attempt && said.commit == commit;
        let now = self.answer.as_ref().filter(|_| same(&self.said));
        now.or_else(|| self.past.iter().rev().find(|(said, _)| same(said)).map(|(_, answer)| answer))
    }
}

impl Answer {
    /// Once it was taken it is told to who took it, and to who had been waiting beside them.
    fn told_again(&self, listener: Option<&str>, now: Timestamp) -> bool {
        let soon = self.taken_at.is_some_and(|at| now < later(at, TOLD_AGAIN_WITHIN));
        soon || same(listener, self.taken_by.as_deref())
    }
}

fn same(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_some() && one == other
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Which attempt it is that asks without a number: the one that waits or that it was told of, or the next, where the
/// answer was for somebody else.
pub fn attempt_of(before: Option<&Waiting>, commit: &str, listener: Option<&str>, now: Timestamp) -> u32 {
    let Some(before) = before else { return first() };
    let told = |(said, answer): &&(Said, Answer)| {
        said.commit == commit && same(listener, answer.taken_by.as_deref())
    };
    if let Some((said, _)) = before.past.iter().rev().find(told) {
        return said.attempt;
    }
    let over = before.said.commit == commit && !before.hears(listener, now);
    before.said.attempt.saturating_add(u32::from(over))
}

fn first() -> u32 {
    1
}

/// A run that waits, as the backend sees it at one moment: what an agent and the backend's own check read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    #[serde(flatten)]
    pub waiting: Waiting,
    /// Why it does not wait; none while it does.
    #[serde(default)]
    pub instead: Option<String>,
    /// The commit of the newest deploy to this environment that its pipeline reported, or that Dock saw there and healthy.
    #[serde(default)]
    pub deployed: Option<String>,
}

#[cfg(test)]
pub(crate) mod example {
    //! A pipeline for the tests of several rooms: checkout-api's run 4711.

    use super::*;

    pub(crate) const COMMIT: &str = "9b21c047e0c1a2b3d4e5f60718293a4b5c6d7e8f";

    pub(crate) fn place() -> Place {
        Place { service: "checkout-api".to_owned(), environment: "production".to_owned(), run: 4711 }
    }

    pub(crate) fn said() -> Said {
        let (branch, url) = (Some("main".to_owned()), Some("https://gitlab.invalid/p/4711".to_owned()));
        Said { commit: COMMIT.to_owned(), attempt: 1, branch, url, ci: Some(Ci::Passed) }
    }

    pub(crate) fn says(said: Said) -> Turn {
        Turn::Says { said, by: "pipeline".parse().unwrap(), listener: None }
    }

    /// The same words, out of another process.
    pub(crate) fn says_as(listener: &str, said: Said) -> Turn {
        Turn::Says { said, by: "pipeline".parse().unwrap(), listener: Some(listener.to_owned()) }
    }

    pub(crate) fn answer(decision: u64) -> Answer {
        Answer {
            word: Word::Approved,
            row: "gate-7".parse().unwrap(),
            decision: Some(DecisionId::new(decision, [0; 10])),
            conditions: BTreeMap::from([("canary".to_owned(), "10%".to_owned())]),
            said: "dock gate-7 approved by sarah".to_owned(),
            given_at: Timestamp::UNIX_EPOCH,
            taken_at: None,
            taken_by: None,
            report: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{example::*, *};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn step(before: Option<&Waiting>, what: Turn, second: i64) -> Result<Waiting, No> {
        turn(before, &place(), what, at(second))
    }

    fn tells(attempt: u32, decision: u64) -> Turn {
        Turn::Answer { attempt, commit: COMMIT.to_owned(), answer: answer(decision) }
    }

    fn back(decision: u64) -> Turn {
        Turn::TakeBack { decision: DecisionId::new(decision, [0; 10]) }
    }

    /// A run that waits since second 0.
    fn waits() -> Waiting {
        step(None, says(said()), 0).unwrap()
    }

    #[test]
    fn who_asks_again_gets_the_same_answer_and_nobody_gets_another() {
        let told = step(Some(&waits()), tells(1, 1), 10).unwrap();
        assert_eq!(told.answer.as_ref().unwrap().taken_at, None, "it was given, not taken");
        assert_eq!(step(Some(&told), tells(1, 1), 20), Ok(told.clone()), "told twice is told once");
        assert!(matches!(step(Some(&told), tells(1, 2), 20), Err(No::Told(_))));
        let taken = step(Some(&told), says(said()), 30).unwrap();
        assert_eq!(taken.answer.as_ref().unwrap().taken_at, Some(at(30)));
        let again = step(Some(&taken), says(said()), 89).unwrap();
        assert_eq!(again.answer, taken.answer);
        assert_eq!(step(Some(&again), back(1), 9_999), Err(No::Taken(at(30))));
    }

    #[test]
    fn an_answer_is_for_who_waited_for_it_and_a_job_that_is_started_again_asks_anew() {
        let waits = step(None, says_as("one", said()), 0).unwrap();
        let told = step(Some(&waits), tells(1, 1), 10).unwrap();
        let taken = step(Some(&told), says_as("one", said()), 30).unwrap();
        let over = |before: &Waiting, what: Turn, second| {
            matches!(step(Some(before), what, second), Err(No::Over { attempt: 1, .. }))
        };
        for (who, second, expected) in
            [("one", 9_999, false), ("two", 89, false), ("two", 90, true), ("two", 9_999_999, true)]
        {
            assert_eq!(over(&taken, says_as(who, said()), second), expected, "{who}, {second}");
            let next = 1 + u32::from(expected);
            assert_eq!(attempt_of(Some(&taken), COMMIT, Some(who), at(second)), next, "{who}, {second}");
        }
        assert!(over(&taken, says(said()), 90), "who has no name is nobody's like");
        assert_eq!(attempt_of(Some(&taken), COMMIT, None, at(90)), 2);
        assert_eq!(
            attempt_of(Some(&taken), "4f1c9e2a", Some("two"), at(999)),
            1,
            "another commit is no retry"
        );
        assert_eq!(attempt_of(None, COMMIT, None, at(0)), 1);

        // Nobody took it: the pipeline was killed, and the executor has not taken it back yet.
        assert!(over(&told, says_as("two", said()), 60), "an approval that lay there for another");
        assert!(!over(&told, says_as("one", said()), 999), "the server was away meanwhile");
        assert!(!over(&told, says_as("two", said()), 59), "two wait for it");
        let mut no = told.clone();
        no.answer.as_mut().unwrap().word = Word::Declined;
        assert!(!over(&no, says_as("two", said()), 999), "no is always safe");

        let again = step(Some(&taken), says_as("two", Said { attempt: 2, ..said() }), 999).unwrap();
        assert_eq!(again.answer, None);
        let before = |who, second| again.told_before(&said(), Some(who), at(second)).is_some();
        assert_eq!((before("one", 9_999), before("two", 89), before("two", 90)), (true, true, false));
        assert_eq!(attempt_of(Some(&again), COMMIT, Some("one"), at(9_999)), 1);
        assert_eq!(attempt_of(Some(&again), COMMIT, Some("three"), at(9_999)), 2, "it waits beside it");
    }

    #[test]
    fn how_a_deploy_ended_is_said_of_the_attempt_that_was_told_to_go_on() {
        let says = |attempt, state| Turn::Reports { commit: COMMIT.to_owned(), attempt, state };
        let nobody = Err(No::NotToldToGoOn(COMMIT.to_owned()));
        assert_eq!(step(None, says(None, Ended::Deployed), 5), Err(No::Nobody));
        assert_eq!(step(Some(&waits()), says(None, Ended::Deployed), 5), nobody);
        let told = step(Some(&waits()), tells(1, 1), 10).unwrap();
        assert_eq!(step(Some(&told), says(None, Ended::Deployed), 15), nobody, "nobody took it");
        let taken = step(Some(&told), example::says(said()), 20).unwrap();
        assert_eq!(step(Some(&taken), says(Some(2), Ended::Deployed), 25), nobody);
        let other = Turn::Reports { commit: "4f1c9e2a".to_owned(), attempt: None, state: Ended::Deployed };
        assert!(step(Some(&taken), other, 25).is_err(), "another commit");
        let of = |waiting: &Waiting| waiting.told(1, COMMIT).unwrap().report;
        let failed = step(Some(&taken), says(None, Ended::Failed), 30).unwrap();
        assert_eq!(of(&failed), Some(Report { state: Ended::Failed, at: at(30) }));
        let well = step(Some(&failed), says(Some(1), Ended::Deployed), 40).unwrap();
        let again = step(Some(&well), says(None, Ended::Deployed), 50).unwrap();
        assert_eq!(
            of(&again),
            Some(Report { state: Ended::Deployed, at: at(40) }),
            "said twice is said once"
        );
        let next = step(Some(&taken), example::says(Said { attempt: 2, ..said() }), 99).unwrap();
        let late = step(Some(&next), says(None, Ended::Deployed), 100).unwrap();
        assert_eq!(of(&late), Some(Report { state: Ended::Deployed, at: at(100) }), "of an earlier attempt");
        let no = Answer { word: Word::Declined, ..answer(1) };
        let no = Turn::Answer { attempt: 1, commit: COMMIT.to_owned(), answer: no };
        let no = step(Some(&step(Some(&waits()), no, 10).unwrap()), example::says(said()), 20).unwrap();
        assert_eq!(step(Some(&no), says(None, Ended::Deployed), 25), nobody, "it was told not to");
    }

    #[test]
    fn who_stops_stops_for_itself_alone() {
        let leaves = |name: &str| Turn::Leaves(Who::Listener(name.to_owned()));
        let two =
            step(Some(&step(None, says_as("one", said()), 0).unwrap()), says_as("two", said()), 5).unwrap();
        assert_eq!(step(Some(&two), leaves("one"), 6), Err(No::Nobody), "the other waits on");
        assert_eq!(step(Some(&two), leaves("two"), 6).unwrap().left_at, Some(at(6)));
    }

    #[test]
    fn an_answer_that_nobody_took_can_be_taken_back_once_and_for_all() {
        let told = step(Some(&waits()), tells(1, 1), 10).unwrap();
        let back_again = step(Some(&told), back(1), 80).unwrap();
        assert_eq!(back_again.answer, None);
        assert_eq!(step(Some(&back_again), tells(1, 1), 81), Err(No::TakenBack), "a late writer is refused");
        assert!(step(Some(&back_again), tells(1, 2), 81).is_ok(), "another decision may answer");
        let no = Answer { word: Word::Declined, ..answer(1) };
        let no = Turn::Answer { attempt: 1, commit: COMMIT.to_owned(), answer: no };
        assert!(step(Some(&back_again), no, 81).is_ok(), "a pipeline that comes back is told a no");
        let early = step(Some(&waits()), back(1), 5).unwrap();
        assert_eq!(
            step(Some(&early), tells(1, 1), 6),
            Err(No::TakenBack),
            "even where it had not been given"
        );
    }

    #[test]
    fn one_attempt_is_of_one_commit_and_a_newer_attempt_takes_its_place() {
        let other = Said { commit: "4f1c9e2a".to_owned(), ..said() };
        let next = Said { attempt: 2, ..other.clone() };
        let waiting = waits();
        assert!(matches!(step(Some(&waiting), says(other.clone()), 10), Err(No::OtherCommit { .. })));
        let gone = step(Some(&waiting), says(other.clone()), 60).unwrap();
        assert_eq!((gone.said.commit.as_str(), gone.since), ("4f1c9e2a", at(60)), "the former was gone");
        let again = step(Some(&waiting), says(next.clone()), 10).unwrap();
        assert_eq!((again.said.attempt, again.since), (2, at(10)));
        assert_eq!(step(Some(&again), says(said()), 11), Err(No::Attempt { now: 2 }));
        assert_eq!(step(Some(&again), tells(1, 1), 11), Err(No::Attempt { now: 2 }));
        let wrong = Turn::Answer { attempt: 2, commit: COMMIT.to_owned(), answer: answer(1) };
        assert!(matches!(step(Some(&again), wrong, 11), Err(No::OtherCommit { .. })));

        let told = step(Some(&waiting), tells(1, 1), 10).unwrap();
        assert!(matches!(step(Some(&told), says(other), 999), Err(No::OtherCommit { .. })), "it is answered");
        let after = step(Some(&told), says(next.clone()), 20).unwrap();
        assert_eq!(after.told(1, COMMIT), None, "what nobody took was told to nobody");
        let taken = step(Some(&told), says(said()), 15).unwrap();
        let after = step(Some(&taken), says(next), 20).unwrap();
        assert_eq!(after.told(1, COMMIT).and_then(|answer| answer.taken_at), Some(at(15)));
        assert_eq!(after.told(2, "4f1c9e2a"), None);
        assert_eq!(step(Some(&after), back(1), 30), Err(No::Taken(at(15))));
    }

    #[test]
    fn silence_is_not_waiting() {
        let waiting = waits();
        let never = Timestamp::UNIX_EPOCH;
        assert_eq!(waiting.instead(never, at(59)), None);
        let silent = waiting.instead(never, at(60)).unwrap();
        assert!(silent.starts_with("the pipeline has given no sign since 2026-"), "{silent}");
        assert_eq!(waiting.instead(at(50), at(109)), None, "who just began to listen has heard nothing yet");
        assert!(waiting.instead(at(50), at(110)).is_some());
        let left = step(Some(&waiting), Turn::Leaves(Who::Attempt(1)), 5).unwrap();
        assert!(left.instead(never, at(6)).unwrap().starts_with("the pipeline stopped waiting at 2026-"));
        assert!(matches!(step(Some(&left), tells(1, 1), 7), Err(No::Left(_))));
        assert_eq!(step(Some(&left), says(said()), 7).unwrap().instead(never, at(7)), None, "it came back");
        assert_eq!(step(Some(&waiting), Turn::Leaves(Who::Attempt(2)), 5), Err(No::Attempt { now: 1 }));
        let told = step(Some(&waiting), tells(1, 1), 10).unwrap();
        assert_eq!(told.instead(never, at(11)).as_deref(), Some("told: approved (gate-7)"));
        assert_eq!(told.gone(never, at(11)), None);
    }

    #[test]
    fn what_a_pipeline_says_is_looked_at() {
        assert_eq!(said().check(), Ok(()));
        for (field, wrong) in [
            ("commit", Said { commit: "main".to_owned(), ..said() }),
            ("commit", Said { commit: "a".repeat(65), ..said() }),
            ("attempt", Said { attempt: 0, ..said() }),
            ("branch", Said { branch: Some("a\u{1b}[31m".to_owned()), ..said() }),
            ("url", Said { url: Some("javascript:alert(1)".to_owned()), ..said() }),
        ] {
            assert_eq!(wrong.check().map_err(|(field, _)| field), Err(field), "{wrong:?}");
        }
    }
}
