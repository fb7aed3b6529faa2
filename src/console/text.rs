//! The console's sentences, in one place: present tense, short, no blame.
//!
//! Never: what an agent or a platform wrote; those words come from the row.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::row::{Decision, State, Verdict};

pub use crate::row::count::plural;

pub const TOO_SMALL: &str = "too small to decide";
pub const TOO_SOON: &str = "too soon: the screen had only just changed";
pub const BEHIND: &str = "too soon: this line was not on the screen yet";
pub const CAPS_LOCK: &str = "Caps Lock?";
pub const BURST: &str = "ignored: too many keys at once to be typed by hand";
pub const PASTE_IGNORED: &str = "paste ignored here";
pub const READ_FIRST: &str = "Read it first";
pub const READ_ONLY: &str = "read-only: `:read-only` switches deciding on";
pub const ELSEWHERE: &str = "READ ONLY: another console holds the outbox";
pub const ALONE: &str = "the other console has ended: deciding is on";
pub const QUIET: &str = "you are here: no call until something new asks for you";
pub const UNLOCKED: &str = "your key is open";
pub const WRONG_PASSPHRASE: &str = "that is not this key's passphrase";
pub const NO_CONDITIONS: &str = "This row takes no conditions: nothing here could carry one out. hint: O approves it all the same, in writing";
pub const TICKS_ARE_SIGNED: &str = "The ticks are this row's conditions: Space on a step, then A signs them";
pub const NOTHING_CHANGED: &str = "nothing of it is changed here";
pub const NOTHING_TO_MERGE: &str = "nothing moved on the page since the draft: there is nothing to merge";
pub const HALTING_ASKS: &str = "a halt asks the backend, which does not answer; nothing is halted";
pub const AMENDING_ASKS: &str = "Amending needs the backend, and it is away.";
pub const NO_ITEM: &str = "nothing here can be ticked or changed";
pub const BEING_SENT: &str = "your changes are being sent: wait for the answer";
pub const NOTHING_TO_TAKE_BACK: &str = "nothing to take back: all that you signed has left";
pub const NOTHING_TO_SEND: &str = "nothing here is signed and resting";
pub const NO_DRAFT_HERE: &str = "nothing here is begun and unsigned";
pub const TAKEN_BACK: &str = "Taken back. Nothing was sent.";
pub const LEFT_ALREADY: &str = "It has left already; W withdraws an approval until it executes.";
pub const DRAFT_KEPT: &str = "Not signed. The note is kept as a draft.";
pub const NO_BODY: &str = "its text is not in the cache yet";
pub const BROKEN: &str = "RECORD BROKEN: deciding is off";
pub const SYNCING: &str = "asking the backend";
pub const WELCOME: [&str; 9] = [
    "Dock is where you judge what agents propose: you read the draft, its evidence and what moved, and you decide in your own name.",
    "Every decision is signed with your SSH key and kept in a record that anybody can check.",
    "",
    "`dock demo`    tries it on this machine; nothing to configure",
    "`dock init`    writes a commented config and asks for your server",
    "`dock doctor`  says what is missing, and what to do",
    "",
    "?  keys and rules        :  all commands        q  quit",
    "",
];
pub const COPIED: &str = "copied, where the terminal allows it";
pub const LINES_ONLY: &str = "lines only, too large for words";
pub const TOO_LONG: &str = "cut at 50,000 lines: `dock show --diff` prints all";
pub const NOTHING_MOVED_DRAFT: &str = "Nothing moved since the draft.";
pub const NOTHING_MOVED_OPENED: &str = "Nothing moved since you opened it.";
pub const NOT_OPENED_BEFORE: &str = "You had not opened it before.";
pub const CLAIM: &str = "AGENT'S CLAIM: the backend could not compute this difference itself";
pub const QUIT_UNSENT: &str = "Leave Dock?";
pub const MIXED_BATCH: &str =
    "Several rows are decided at once only where all are reversible, of one kind and environment, and read.";

/// `2h41m`, `11m`, `13d`: what is left, in five columns.
pub fn left(span: SignedDuration) -> String {
    let minutes = span.as_mins();
    match minutes {
        i64::MIN..=-1 => "over".to_owned(),
        0 => format!("{}s", span.as_secs().max(0)),
        1..=59 => format!("{minutes}m"),
        60..=599 => format!("{}h{:02}m", minutes / 60, minutes % 60),
        600..=2_879 => format!("{}h", minutes / 60),
        _ => format!("{}d", minutes / 60 / 24),
    }
}

/// `40 s`, `3 min`, `5 h`, `2 d`: how old a fact is.
pub fn age(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=5_399 => format!("{} min", seconds / 60),
        5_400..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// `1 min 52 s`.
pub fn read_for(ms: u64) -> String {
    let seconds = ms / 1000;
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

/// Local time within a day, else ISO with zone. Seconds where `precise`.
pub fn when(at: Timestamp, now: Timestamp, zone: &TimeZone, precise: bool) -> String {
    let local = at.to_zoned(zone.clone());
    let near = now.duration_since(at).abs() < SignedDuration::from_hours(24);
    let format = match (near, precise) {
        (true, true) => "%H:%M:%S",
        (true, false) => "%H:%M",
        (false, _) => "%Y-%m-%dT%H:%M%:z",
    };
    local.strftime(format).to_string()
}

/// `48,112`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Why nothing is decided here while another console of this home runs.
pub fn elsewhere(process: u32) -> String {
    let which = if process > 0 { format!(" (process {process})") } else { String::new() };
    format!("another console holds the outbox{which}: end it to decide here")
}

pub fn too_small(width: u16, height: u16) -> String {
    format!("{TOO_SMALL}: needs 60×18, is {width}×{height}")
}

/// Environments in the four columns that lists have for them.
pub fn environment(name: &str) -> &str {
    match name {
        "production" => "prod",
        "staging" => "stag",
        "development" => "dev",
        other => other,
    }
}

pub fn risk_short(risk: crate::row::Risk) -> &'static str {
    match risk {
        crate::row::Risk::Reversible => "rev",
        crate::row::Risk::Costly => "cost",
        crate::row::Risk::Irreversible => "irrev",
    }
}

pub fn risk_medium(risk: crate::row::Risk) -> &'static str {
    match risk {
        crate::row::Risk::Reversible => "revers.",
        crate::row::Risk::Costly => "costly",
        crate::row::Risk::Irreversible => "irrevers.",
    }
}

/// What an override does, spelled out.
pub fn override_direction(verdict: Verdict) -> String {
    let deed = if verdict.goes_ahead() {
        "declines what the agent would do"
    } else {
        "approves it all the same, without conditions"
    };
    format!("The agent says {}. This {deed}. The row says \"overridden\" for ever.", verdict.word())
}

/// A state in a sentence part.
pub fn state(state: State) -> &'static str {
    match state {
        State::Pending => "waits for a decision",
        State::HalfSigned => "waits for a second key",
        State::NeedsChanges => "sent back to its agent",
        State::Approved => "approved, not begun",
        State::Executing => "executing",
        State::Executed => "executed, health is awaited",
        State::Healthy => "healthy",
        State::Degraded => "degraded",
        State::RolledBack => "rolled back",
        State::Failed => "failed",
        State::Unknown => "UNKNOWN whether it was executed: a person looks, then `dock attest`",
        State::Declined => "declined",
        State::Expired => "expired, nobody decided",
        State::Superseded => "superseded",
        State::Withdrawn => "withdrawn by its agent",
        State::Stale => "its base moved, the agent drafts again",
    }
}

/// The same in the corner of a heading.
pub fn state_short(state_: State) -> &'static str {
    match state_ {
        State::Unknown => "UNKNOWN: attest it",
        State::Stale => "its base moved",
        other => state(other),
    }
}

/// What became of an execution: as the state, but for one whose watch is over and could not tell.
pub fn outcome(state_: State) -> &'static str {
    match state_ {
        State::Executed => "executed, how it does is not known",
        other => state(other),
    }
}

pub fn decision_title(decision: Decision, overrides: bool, conditions: bool) -> &'static str {
    match (decision, overrides, conditions) {
        (Decision::Approve, true, _) => "Override: approve",
        (Decision::Approve, false, true) => "Approve with conditions",
        (Decision::Approve, false, false) => "Approve",
        (Decision::Decline, true, _) => "Override: decline",
        (Decision::Decline, false, _) => "Decline",
        (Decision::NeedsChanges, ..) => "Send back",
        (Decision::Withdraw, ..) => "Withdraw your approval of",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_few_columns() {
        let mins = SignedDuration::from_mins;
        for (span, text) in [
            (mins(-3), "over"),
            (SignedDuration::from_secs(40), "40s"),
            (mins(11), "11m"),
            (mins(161), "2h41m"),
            (mins(700), "11h"),
            (mins(60 * 24 * 13), "13d"),
        ] {
            assert_eq!(left(span), text);
        }
        assert_eq!(age(SignedDuration::from_secs(185)), "3 min");
        assert_eq!(age(mins(41)), "41 min");
        assert_eq!(read_for(112_000), "1 min 52 s");
        assert_eq!(grouped(48_112), "48,112");
        assert_eq!(grouped(7), "7");
    }

    #[test]
    fn a_day_ago_is_told_with_its_date() {
        let zone = TimeZone::UTC;
        let now: Timestamp = "2026-05-30T02:14:31Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(when(at("2026-05-30T02:11:40Z"), now, &zone, true), "02:11:40");
        assert_eq!(when(at("2026-05-30T02:11:40Z"), now, &zone, false), "02:11");
        assert_eq!(when(at("2026-05-27T10:00:00Z"), now, &zone, false), "2026-05-27T10:00+00:00");
    }
}
