//! A canary that has its part alone for a while: between the write that begins it and the answer that gives the build to
//! all, its service is watched.
//!
//! Never: all, while something is bad, or while what is configured to say so cannot be read.

use jiff::{SignedDuration, Timestamp};

use super::{
    Executor, milliseconds,
    signs::{self, Sign},
    warrant::{Task, Warrant},
};
use crate::row::{
    Base,
    stage::{Done, Write},
};

/// Looks are so much rarer than at an operation: each is a handful of calls.
const LOOKS_SLOWER: i32 = 10;

/// Whether all may get what a part has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing holds the next write.
    No,
    Yes {
        why: String,
        /// Until the next look.
        wait: SignedDuration,
    },
    /// All will not get it.
    Bad { why: String },
}

/// What holds this write, after those that are done.
pub(super) async fn held(executor: &Executor, warrant: &Warrant, write: Write, done: &[Done]) -> Held {
    let begun = done.iter().find(|done| done.write == Write::Canary).map(|done| done.at);
    let (Some(begun), Write::Answer, Task::Approve(effect), Base::Gate(base)) =
        (begun, write, &warrant.task, &warrant.base)
    else {
        return Held::No;
    };
    let Some(share) = effect.share() else { return Held::No };
    let Some(time) = share.held_for() else { return Held::No };
    let service = executor.hand.service(&base.service).ok().and_then(|all| all.before(&base.environment));
    let signs = match &service {
        Some(service) => signs::of(executor, &base.service, service, begun).await,
        // That it is gated no more is found when the base is read.
        None => Vec::new(),
    };
    let hold = Hold {
        part: share.part(),
        until: begun.saturating_add(time).unwrap_or(Timestamp::MAX),
        told_within: milliseconds(executor.pace.watch_ms),
        look: milliseconds(executor.pace.poll_ms) * LOOKS_SLOWER,
    };
    hold.says(&signs, executor.clock.now())
}

struct Hold {
    part: String,
    until: Timestamp,
    /// What cannot be read at the end is waited for, so long at most.
    told_within: SignedDuration,
    look: SignedDuration,
}

impl Hold {
    fn says(&self, signs: &[(&str, Sign)], now: Timestamp) -> Held {
        let part = &self.part;
        let mut unknown = None;
        for (name, sign) in signs {
            match sign {
                Sign::Bad(why) | Sign::RolledBack(why) => {
                    return Held::Bad { why: format!("{why}: no more than {part} got it") };
                }
                Sign::Unknown(why) => unknown = unknown.or_else(|| Some(format!("{name}: {why}"))),
                Sign::Fine(_) => {}
            }
        }
        if now < self.until {
            let wait = self.until.duration_since(now).min(self.look);
            return Held::Yes { why: format!("{part} has it until {:.0}, then all", self.until), wait };
        }
        let Some(why) = unknown else { return Held::No };
        if now.duration_since(self.until) >= self.told_within {
            let why = format!("it could not be told in time how the canary does ({why})");
            return Held::Bad { why: format!("{why}: no more than {part} got it") };
        }
        Held::Yes { why: format!("how the canary does cannot be told: {why}"), wait: self.look }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_get_it_when_its_time_is_over_and_everything_that_is_asked_is_fine() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let hold = Hold {
            part: "10%".to_owned(),
            until: at(900),
            told_within: SignedDuration::from_secs(1800),
            look: SignedDuration::from_secs(10),
        };
        let (fine, bad) = (Sign::Fine("calm".to_owned()), Sign::Bad("it burns".to_owned()));
        let (back, unknown) = (Sign::RolledBack("back".to_owned()), Sign::Unknown("no data".to_owned()));
        for (name, signs, second, expected) in [
            ("it has just begun", vec![&fine], 0, "10%"),
            ("nearly over", vec![&fine], 899, "1 s"),
            ("over", vec![&fine, &fine], 900, "no"),
            ("nobody is configured who could say", vec![], 899, "1 s"),
            ("nobody, and over", vec![], 900, "no"),
            ("bad at once", vec![&fine, &bad], 0, "it burns: no more than 10% got it"),
            ("bad at the end", vec![&bad], 900, "it burns: no more than 10% got it"),
            ("rolled back by somebody", vec![&back], 10, "back: no more than 10% got it"),
            ("unknown meanwhile", vec![&unknown, &fine], 10, "10%"),
            ("unknown at the end is not fine", vec![&unknown, &fine], 900, "no data"),
            ("unknown for too long", vec![&unknown], 900 + 1800, "could not be told in time"),
            ("unknown, and bad", vec![&unknown, &bad], 900, "it burns"),
        ] {
            let signs: Vec<_> = signs.into_iter().map(|sign| ("the burn", sign.clone())).collect();
            let said = match hold.says(&signs, at(second)) {
                Held::No => "no".to_owned(),
                Held::Yes { why, wait } => format!("{why}; {} s", wait.as_secs()),
                Held::Bad { why } => why,
            };
            assert!(said.contains(expected), "{name}: {said}");
        }
    }
}
