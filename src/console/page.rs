//! Being paged: when the console calls for its reader, and what it says then.
//!
//! [`Pager::look`] decides, from what wants the reader now and where they are; whoever owns the terminal makes the call.
//!
//! Never: a word that an agent wrote, and never a second call for what was heard.

use std::collections::BTreeSet;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};

use crate::row::RowId;

/// A call that nobody heard is made again this long after the first, three times.
pub const REPEATS: [SignedDuration; 3] =
    [SignedDuration::from_mins(5), SignedDuration::from_mins(10), SignedDuration::from_mins(20)];

/// Why the reader is wanted; the later ones are told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Asked,
    HalfLife,
    Refused,
    SecondKey,
    /// A tenth of its life is left.
    NearEnd,
    Broken,
}

/// One thing that wants the reader now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    pub why: Why,
    /// None where it is about no single row.
    pub row: Option<RowId>,
    pub revision: u32,
}

/// Where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// The terminal says that it is looked at.
    pub watches: bool,
    /// It is a time at which only exceptions call.
    pub quiet: bool,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub want: Want,
    /// How many more want the reader for something new.
    pub more: usize,
}

/// What was called for, and whether it was heard.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// Called for, or seen by somebody who was there.
    told: BTreeSet<Want>,
    /// All that wanted the reader at the last look.
    standing: BTreeSet<Want>,
    /// The call that nobody has heard yet, when it was made first, and how often again.
    open: Option<(Call, Timestamp, usize)>,
}

impl Pager {
    /// Whether to call now. Each thing calls once when it is new, then again after 5, 10 and 20 minutes while nobody
    /// was heard and it still stands. In quiet hours what is no exception waits for their end; who watches needs no call.
    pub fn look(
        &mut self,
        wants: &BTreeSet<Want>,
        always: impl Fn(&Want) -> bool,
        reader: Reader,
        now: Timestamp,
    ) -> Option<Call> {
        self.standing.clone_from(wants);
        self.told.retain(|want| wants.contains(want));
        if self.open.as_ref().is_some_and(|(call, ..)| !wants.contains(&call.want)) {
            self.open = None;
        }
        if reader.watches {
            self.heard();
            return None;
        }
        let calls = |want: &Want| !reader.quiet || always(want);
        let new: BTreeSet<Want> =
            wants.iter().filter(|want| !self.told.contains(*want) && calls(want)).copied().collect();
        if let Some(want) = new.last().copied() {
            let call = Call { want, more: new.iter().filter(|other| other.row != want.row).count() };
            self.told.extend(new);
            self.open = Some((call.clone(), now, 0));
            return Some(call);
        }
        let (call, since, made) = self.open.as_mut()?;
        let due = REPEATS.get(*made).is_some_and(|after| now.duration_since(*since) >= *after);
        if !due || !calls(&call.want) {
            return None;
        }
        *made = REPEATS.iter().filter(|after| now.duration_since(*since) >= **after).count();
        Some(call.clone())
    }

    /// A key was pressed: the reader is here.
    pub fn heard(&mut self) {
        self.told.extend(self.standing.iter().copied());
        self.open = None;
    }

    /// What stood there at the start was there for whoever opened the console.
    pub fn begin(&mut self, wants: &BTreeSet<Want>) {
        self.standing.clone_from(wants);
        self.heard();
    }

    /// When the next call may be due, other than by something new.
    pub fn next(&self) -> Option<Timestamp> {
        let (_, since, made) = self.open.as_ref()?;
        since.checked_add(*REPEATS.get(*made)?).ok()
    }
}

impl Call {
    /// Ids and reasons; nothing that somebody else wrote.
    pub fn sentence(&self) -> String {
        let row = self.want.row.map(|row| row.to_string()).unwrap_or_default();
        let said = match self.want.why {
            Why::Asked => format!("{row} asks you"),
            Why::HalfLife => format!("{row} asks you: half of its time is over"),
            Why::NearEnd => format!("{row} asks you: a tenth of its time is left"),
            Why::SecondKey => format!("{row} wants a second key"),
            Why::Refused => format!("{row} came back"),
            Why::Broken => "RECORD BROKEN".to_owned(),
        };
        if self.more > 0 { format!("{said}, and {} more", self.more) } else { said }
    }
}

/// How the reader is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Off,
    Bell,
    /// Desktop notifications by way of the terminal: iTerm2's, urxvt's, kitty's.
    Osc9,
    Osc777,
    Osc99,
    /// A program; the sentence is its last argument.
    Command(Vec<String>),
}

/// `[page]` of the config, read.
#[derive(Clone, Debug)]
pub struct Rules {
    pub by: By,
    /// From and to, in local time; over midnight where `to` is the earlier.
    pub quiet: Option<(Time, Time)>,
    /// A filter: what calls in quiet hours too.
    pub except: Option<crate::client::filter::Filter>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { by: By::Bell, quiet: None, except: None }
    }
}

impl Rules {
    /// What the config says, and what is wrong with it. What cannot be read calls rather than not.
    pub fn of(page: &crate::client::settings::Page) -> (Self, Vec<String>) {
        let mut wrong = Vec::new();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let by = match (page.by.as_str(), page.command.as_deref().map(words)) {
            ("off", _) => By::Off,
            ("bell", _) => By::Bell,
            ("osc9", _) => By::Osc9,
            ("osc777", _) => By::Osc777,
            ("osc99", _) => By::Osc99,
            ("command", Some(words)) if !words.is_empty() => By::Command(words),
            ("command", _) => {
                wrong.push("page.by is \"command\" and page.command names none; the bell rings".to_owned());
                By::Bell
            }
            (other, _) => {
                wrong.push(format!(
                    "page.by = \"{other}\" is none of bell, off, osc9, osc777, osc99, command; the bell rings"
                ));
                By::Bell
            }
        };
        let hours = |text: &str| {
            let (from, to) = text.split_once('-')?;
            let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
            Some((time(from)?, time(to)?))
        };
        let quiet = page.quiet.as_deref().and_then(|text| {
            let hours = hours(text);
            if hours.is_none() {
                wrong.push(format!("page.quiet = \"{text}\" is not as in 22:00-06:00; no hours are quiet"));
            }
            hours
        });
        let except = page.except.as_deref().and_then(|text| {
            let filter = crate::client::filter::Filter::parse(text);
            filter.map_err(|error| wrong.push(format!("page.except: {error}"))).ok()
        });
        (Self { by, quiet, except }, wrong)
    }

    pub fn is_quiet(&self, at: Time) -> bool {
        self.quiet.is_some_and(
            |(from, to)| {
                if from <= to { from <= at && at < to } else { at >= from || at < to }
            },
        )
    }
}

/// The bytes that make the terminal call; none where a program does, or nothing. In tmux they are wrapped to pass
/// through it; the bell needs no wrapping, tmux has its own use for it.
pub fn bytes(by: &By, sentence: &str, in_tmux: bool) -> Vec<u8> {
    // Ids and words of ours; whatever else came in is not sent.
    let safe: String = sentence.chars().filter(|c| !c.is_control() && *c != ';').collect();
    let sequence = match by {
        By::Off | By::Command(_) => return Vec::new(),
        By::Bell => return vec![0x07],
        By::Osc9 => format!("\x1b]9;{safe}\x1b\\"),
        By::Osc777 => format!("\x1b]777;notify;dock;{safe}\x1b\\"),
        By::Osc99 => format!("\x1b]99;;{safe}\x1b\\"),
    };
    if in_tmux {
        return format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")).into_bytes();
    }
    sequence.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::settings::Page;

    const AWAY: Reader = Reader { watches: false, quiet: false };

    fn want(why: Why, row: &str) -> Want {
        Want { why, row: row.parse().ok(), revision: 1 }
    }

    fn at(minutes: i64) -> Timestamp {
        "2026-05-30T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    fn look(pager: &mut Pager, wants: &[Want], reader: Reader, minute: i64) -> Option<String> {
        let always = |want: &Want| want.why == Why::Broken;
        pager.look(&wants.iter().copied().collect(), always, reader, at(minute)).map(|call| call.sentence())
    }

    #[test]
    fn a_call_is_repeated_after_5_10_and_20_minutes_until_a_key() {
        let asked = [want(Why::Asked, "sync-8822")];
        let mut pager = Pager::default();
        let calls = |pager: &mut Pager, to: i64| {
            (0..to).filter(|minute| look(pager, &asked, AWAY, *minute).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(calls(&mut pager, 120), [0, 5, 10, 20]);
        assert_eq!(pager.next(), None, "and no more");

        let mut pager = Pager::default();
        assert_eq!(calls(&mut pager, 7), [0, 5]);
        assert_eq!(pager.next(), Some(at(10)));
        pager.heard();
        assert_eq!(calls(&mut pager, 120), [] as [i64; 0], "heard is heard");
    }

    #[test]
    fn each_thing_calls_once_and_the_gravest_is_told() {
        let mut pager = Pager::default();
        pager.begin(&BTreeSet::from([want(Why::Asked, "sync-1")]));
        assert_eq!(
            look(&mut pager, &[want(Why::Asked, "sync-1")], AWAY, 0),
            None,
            "it stood there at the start"
        );
        let wants = [want(Why::Asked, "sync-1"), want(Why::Asked, "sync-2"), want(Why::SecondKey, "gate-3")];
        assert_eq!(
            look(&mut pager, &wants, AWAY, 1).as_deref(),
            Some("gate-3 wants a second key, and 1 more")
        );
        assert_eq!(look(&mut pager, &wants, AWAY, 2), None);
        let late = [want(Why::Asked, "sync-1"), want(Why::HalfLife, "sync-1"), want(Why::NearEnd, "sync-1")];
        assert_eq!(
            look(&mut pager, &late, AWAY, 3).as_deref(),
            Some("sync-1 asks you: a tenth of its time is left")
        );
        let again = [Want { revision: 2, ..want(Why::Asked, "sync-1") }];
        assert_eq!(look(&mut pager, &again, AWAY, 4).as_deref(), Some("sync-1 asks you"), "another revision");
        assert_eq!(look(&mut pager, &[], AWAY, 9), None, "what is gone is not called for again");
        assert_eq!(pager.next(), None);
    }

    #[test]
    fn quiet_hours_hold_a_call_back_and_the_watching_need_none() {
        let quiet = Reader { watches: false, quiet: true };
        let asked = want(Why::Asked, "sync-1");
        let mut pager = Pager::default();
        assert_eq!(look(&mut pager, &[asked], quiet, 0), None);
        let broken = Want { row: None, ..want(Why::Broken, "-") };
        assert_eq!(
            look(&mut pager, &[asked, broken], quiet, 1).as_deref(),
            Some("RECORD BROKEN"),
            "an exception"
        );
        assert_eq!(
            look(&mut pager, &[asked], AWAY, 60).as_deref(),
            Some("sync-1 asks you"),
            "when they are over"
        );

        let mut pager = Pager::default();
        assert_eq!(look(&mut pager, &[asked], Reader { watches: true, quiet: false }, 0), None);
        assert_eq!(look(&mut pager, &[asked], AWAY, 30), None, "it was seen");
    }

    #[test]
    fn hours_go_over_midnight_and_what_is_wrong_is_told() {
        let page = |by: &str, quiet: &str| Page {
            by: by.into(),
            quiet: Some(quiet.into()).filter(|text: &String| !text.is_empty()),
            ..Page::default()
        };
        let (rules, wrong) = Rules::of(&page("osc9", "22:00-06:00"));
        assert_eq!((rules.by.clone(), wrong), (By::Osc9, vec![]));
        let quiet = |hour| rules.is_quiet(Time::constant(hour, 30, 0, 0));
        assert_eq!([21, 22, 2, 5, 6].map(quiet), [false, true, true, true, false]);
        for (by, quiet) in [("bel", ""), ("command", ""), ("bell", "late")] {
            let (rules, wrong) = Rules::of(&page(by, quiet));
            assert_eq!((rules.by, rules.quiet, wrong.len()), (By::Bell, None, 1), "{by} {quiet}");
        }
    }

    #[test]
    fn the_terminal_is_asked_in_its_own_words() {
        let sent = |by: By, tmux| String::from_utf8(bytes(&by, "sync-1 asks you", tmux)).unwrap();
        assert_eq!(sent(By::Bell, true), "\x07");
        assert_eq!(sent(By::Osc9, false), "\x1b]9;sync-1 asks you\x1b\\");
        assert_eq!(sent(By::Osc777, false), "\x1b]777;notify;dock;sync-1 asks you\x1b\\");
        assert_eq!(sent(By::Osc99, false), "\x1b]99;;sync-1 asks you\x1b\\");
        assert_eq!(sent(By::Osc9, true), "\x1bPtmux;\x1b\x1b]9;sync-1 asks you\x1b\x1b\\\x1b\\");
        assert_eq!(sent(By::Off, false), "");
        assert_eq!(bytes(&By::Osc9, "a\x1b]52;c\x07b", false), b"\x1b]9;a]52cb\x1b\\");
    }
}
