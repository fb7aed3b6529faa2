//! Shifts that people wrote down: who is on, week by week, in the shift's own time zone; and who stands in for whom.
//!
//! ```toml
//! [[shift]]
//! id = "payments primary"
//! zone = "Europe/Berlin"
//! people = ["sarah", "priya"]  # a week each, in turn
//! since = "2026-05-04"         # sarah's first week begins at the first `from` on or after this day
//! from = "mon 09:00"           # left out with `until`: the whole week, from Monday on
//! until = "fri 17:00"
//!
//! [[override]]
//! shift = "payments primary"
//! who = "govind"
//! from = "2026-05-06T12:00"    # the shift's own clock
//! until = "2026-05-07T09:00"
//! ```
//!
//! Times are what a clock on the wall of that zone shows, so that a shift keeps its hours when summer time begins.
//! Never: somebody on a shift for whom another stands in; a zone that this machine does not know, taken for another.

use std::{collections::BTreeSet, str::FromStr};

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use serde::Deserialize;

use crate::row::PrincipalId;

/// The file as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default, rename = "shift")]
    shifts: Vec<WrittenShift>,
    #[serde(default, rename = "override")]
    overrides: Vec<WrittenOverride>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenShift {
    id: String,
    zone: String,
    people: Vec<PrincipalId>,
    since: Date,
    from: Option<String>,
    until: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOverride {
    shift: String,
    who: PrincipalId,
    from: DateTime,
    until: DateTime,
}

/// Shifts that are sound.
#[derive(Debug, Clone, Default)]
pub struct Rota(Vec<Shift>);

#[derive(Debug, Clone)]
struct Shift {
    id: String,
    zone: TimeZone,
    people: Vec<PrincipalId>,
    since: Date,
    from: WeekTime,
    /// In the same week or the next; equal to `from`: a week later.
    until: WeekTime,
    overrides: Vec<Override>,
}

#[derive(Debug, Clone)]
struct Override {
    who: PrincipalId,
    from: DateTime,
    until: DateTime,
}

/// `mon 09:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WeekTime {
    day: Weekday,
    time: Time,
}

const WEEK_BEGINS: WeekTime = WeekTime { day: Weekday::Monday, time: Time::midnight() };

impl File {
    /// What its shifts are called.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.shifts.iter().map(|shift| shift.id.clone())
    }

    /// Checks everything once, so that nothing is left to find out at night.
    pub(super) fn rota(self) -> Result<Rota, String> {
        let mut ids = BTreeSet::new();
        let mut shifts = Vec::new();
        for written in self.shifts {
            let shift = written.shift()?;
            if !ids.insert(shift.id.clone()) {
                return Err(format!("the shift `{}` stands twice", shift.id));
            }
            shifts.push(shift);
        }
        for WrittenOverride { shift: id, who, from, until } in self.overrides {
            let shift = shifts.iter_mut().find(|shift| shift.id == id);
            let shift =
                shift.ok_or_else(|| format!("an override names the shift `{id}`, which is not here"))?;
            if until <= from {
                return Err(format!("the override of `{id}` by {who} ends before it begins"));
            }
            shift.overrides.push(Override { who, from, until });
        }
        Ok(Rota(shifts))
    }
}

impl WrittenShift {
    fn shift(self) -> Result<Shift, String> {
        let Self { id, zone, people, since, from, until } = self;
        let wrong = |why: String| format!("shift `{id}`: {why}");
        if people.is_empty() {
            return Err(wrong("nobody is on it".to_owned()));
        }
        let zone =
            TimeZone::get(&zone).map_err(|_| wrong(format!("this machine knows no time zone `{zone}`")))?;
        let (from, until) = match (from, until) {
            (None, None) => (WEEK_BEGINS, WEEK_BEGINS),
            (Some(from), Some(until)) => (from.parse().map_err(wrong)?, until.parse().map_err(wrong)?),
            _ => return Err(wrong("`from` and `until` go together".to_owned())),
        };
        Ok(Shift { id, zone, people, since, from, until, overrides: Vec::new() })
    }
}

impl Rota {
    /// The shifts that this person is on at a time, by id.
    pub(super) fn of<'a>(&'a self, who: &'a PrincipalId, at: Timestamp) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |shift| shift.on(at) == Some(who)).map(|shift| shift.id.as_str())
    }
}

impl Shift {
    /// Who is on: whoever stands in, the last that was written first; else whose turn it is.
    fn on(&self, at: Timestamp) -> Option<&PrincipalId> {
        let now = self.zone.to_datetime(at);
        let stands_in = self.overrides.iter().rev().find(|one| one.from <= now && now < one.until);
        if let Some(one) = stands_in {
            return Some(&one.who);
        }
        let begun = self.from.last_before(now)?;
        let ends = self.until.first_after(begun)?;
        let first = self
            .from
            .first_after(self.since.to_datetime(Time::midnight()).checked_sub(1.nanosecond()).ok()?)?;
        if now >= ends || begun < first {
            return None;
        }
        let days = first.date().until(begun.date()).ok()?.get_days();
        let turn = usize::try_from(days / 7).ok()?;
        self.people.get(turn % self.people.len())
    }
}

impl WeekTime {
    /// The last such time at or before `now`.
    fn last_before(self, now: DateTime) -> Option<DateTime> {
        let back = now.date().weekday().since(self.day);
        let on = now.date().checked_sub(i64::from(back).days()).ok()?.to_datetime(self.time);
        if on <= now { Some(on) } else { on.checked_sub(1.week()).ok() }
    }

    /// The first such time after `then`.
    fn first_after(self, then: DateTime) -> Option<DateTime> {
        self.last_before(then)?.checked_add(1.week()).ok()
    }
}

impl FromStr for WeekTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time of the week, as `mon 09:00`");
        let (day, time) = text.split_once(' ').ok_or_else(wrong)?;
        let day = match day {
            "mon" => Weekday::Monday,
            "tue" => Weekday::Tuesday,
            "wed" => Weekday::Wednesday,
            "thu" => Weekday::Thursday,
            "fri" => Weekday::Friday,
            "sat" => Weekday::Saturday,
            "sun" => Weekday::Sunday,
            _ => return Err(wrong()),
        };
        Ok(Self { day, time: time.parse().map_err(|_| wrong())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[[shift]]
id = "payments primary"
zone = "Europe/Berlin"
people = ["sarah", "priya"]
since = "2026-03-23"
from = "mon 09:00"
until = "fri 17:00"

[[shift]]
id = "all week"
zone = "America/New_York"
people = ["govind", "jordan", "marcus"]
since = "2026-03-23"

[[shift]]
id = "weekend"
zone = "Europe/Berlin"
people = ["marcus"]
since = "2026-03-23"
from = "fri 17:00"
until = "mon 09:00"

[[override]]
shift = "payments primary"
who = "govind"
from = "2026-03-25T12:00"
until = "2026-03-26T09:00"
"#;

    fn rota(text: &str) -> Result<Rota, String> {
        toml::from_str::<File>(text).map_err(|error| error.to_string())?.rota()
    }

    #[track_caller]
    fn check(rota: &Rota, at: &str, shift: &str, expected: Option<&str>) {
        let at: Timestamp = at.parse().unwrap();
        let on = rota.0.iter().find(|one| one.id == shift).unwrap().on(at);
        assert_eq!(on.map(PrincipalId::as_str), expected, "{shift} at {at}");
    }

    #[test]
    fn turns_change_by_the_shifts_own_clock() {
        let rota = rota(FILE).unwrap();
        let primary = |at, expected| check(&rota, at, "payments primary", expected);
        primary("2026-03-23T07:59:59Z", None);
        primary("2026-03-23T08:00:00Z", Some("sarah"));
        primary("2026-03-27T15:59:59Z", Some("sarah"));
        primary("2026-03-27T16:00:00Z", None);
        // Summer time begins on the 29th: nine o'clock is an hour earlier in UTC.
        primary("2026-03-30T06:59:59Z", None);
        primary("2026-03-30T07:00:00Z", Some("priya"));
        primary("2026-04-06T07:00:00Z", Some("sarah"));
        let week = |at, expected| check(&rota, at, "all week", expected);
        week("2026-03-23T03:59:59Z", None);
        week("2026-03-23T04:00:00Z", Some("govind"));
        week("2026-03-30T04:00:00Z", Some("jordan"));
        week("2026-04-13T04:00:00Z", Some("govind"));
        let weekend = |at, expected| check(&rota, at, "weekend", expected);
        weekend("2026-03-28T12:00:00Z", Some("marcus"));
        weekend("2026-03-30T06:59:59Z", Some("marcus"));
        weekend("2026-03-30T07:00:00Z", None);
    }

    #[test]
    fn who_stands_in_is_on_and_nobody_else() {
        let rota = rota(FILE).unwrap();
        let primary = |at, expected| check(&rota, at, "payments primary", expected);
        primary("2026-03-25T10:59:59Z", Some("sarah"));
        primary("2026-03-25T11:00:00Z", Some("govind"));
        primary("2026-03-26T08:00:00Z", Some("sarah"));
        let (sarah, govind): (PrincipalId, PrincipalId) =
            ("sarah".parse().unwrap(), "govind".parse().unwrap());
        let at: Timestamp = "2026-03-25T11:00:00Z".parse().unwrap();
        assert_eq!(rota.of(&sarah, at).count(), 0);
        assert_eq!(rota.of(&govind, at).collect::<Vec<_>>(), ["payments primary", "all week"]);
    }

    #[test]
    fn what_is_not_sound_is_refused_at_the_start() {
        for (from, to, says) in [
            ("Europe/Berlin", "Europe/Atlantis", "no time zone `Europe/Atlantis`"),
            ("[\"sarah\", \"priya\"]", "[]", "nobody is on it"),
            ("mon 09:00", "monday 9", "no time of the week"),
            ("until = \"fri 17:00\"\n", "", "go together"),
            ("\"all week\"", "\"payments primary\"", "stands twice"),
            ("shift = \"payments primary\"", "shift = \"payments\"", "which is not here"),
            ("2026-03-26T09:00", "2026-03-25T09:00", "ends before it begins"),
            ("since = \"2026-03-23\"\nfrom", "sine = 1\nfrom", "unknown field"),
        ] {
            let error = rota(&FILE.replacen(from, to, 1)).map(drop).unwrap_err();
            assert!(error.contains(says), "{from} → {to}: {error}");
        }
    }
}
