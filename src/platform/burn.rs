//! How fast an error budget burns, over two windows at once: the short one says that it still does, the long one that it
//! matters. The pairs are those of Google's SRE workbook, chapter 5.
//!
//! Never: one window without the other, a rate where nothing was counted.

use std::time::Duration;

use jiff::Timestamp;

use super::Fact;
use crate::row::Measure;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;

/// A short window and the long one that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Windows {
    /// 5 min and 1 h.
    Fast,
    /// 30 min and 6 h.
    Middle,
    /// 6 h and 3 d.
    Slow,
}

impl Windows {
    pub const ALL: [Windows; 3] = [Windows::Fast, Windows::Middle, Windows::Slow];

    pub fn short(self) -> Window {
        match self {
            Windows::Fast => Window::Minutes5,
            Windows::Middle => Window::Minutes30,
            Windows::Slow => Window::Hours6,
        }
    }

    pub fn long(self) -> Window {
        match self {
            Windows::Fast => Window::Hour1,
            Windows::Middle => Window::Hours6,
            Windows::Slow => Window::Days3,
        }
    }
}

/// A span that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    Minutes5,
    Minutes30,
    Hour1,
    Hours6,
    Days3,
}

impl Window {
    pub fn span(self) -> Duration {
        Duration::from_secs(match self {
            Window::Minutes5 => 5 * MINUTE_S,
            Window::Minutes30 => 30 * MINUTE_S,
            Window::Hour1 => HOUR_S,
            Window::Hours6 => 6 * HOUR_S,
            Window::Days3 => 72 * HOUR_S,
        })
    }

    /// The burn over it, by its name.
    pub fn measure(self) -> Measure {
        match self {
            Window::Minutes5 => Measure::Burn5m,
            Window::Minutes30 => Measure::Burn30m,
            Window::Hour1 => Measure::Burn1h,
            Window::Hours6 => Measure::Burn6h,
            Window::Days3 => Measure::Burn3d,
        }
    }

    /// As PromQL and people write it.
    pub fn name(self) -> &'static str {
        match self {
            Window::Minutes5 => "5m",
            Window::Minutes30 => "30m",
            Window::Hour1 => "1h",
            Window::Hours6 => "6h",
            Window::Days3 => "3d",
        }
    }
}

/// The rate over one window: 1 spends the budget evenly, to its end and no more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub rate: f64,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Both windows, each with its own times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burn {
    pub windows: Windows,
    pub short: Rate,
    pub long: Rate,
}

impl Burn {
    /// Known only where both are.
    pub(super) fn of(windows: Windows, short: Fact<Rate>, long: Fact<Rate>) -> Fact<Burn> {
        match (short, long) {
            (Fact::Known(short), Fact::Known(long)) => Fact::Known(Burn { windows, short, long }),
            (Fact::Unknown(why), _) => Fact::Unknown(format!("burn over {}: {why}", windows.short().name())),
            (_, Fact::Unknown(why)) => Fact::Unknown(format!("burn over {}: {why}", windows.long().name())),
        }
    }

    /// What both windows are at or over.
    pub fn at_least(&self) -> f64 {
        self.short.rate.min(self.long.rate)
    }
}

/// (1 - sli / 100) / (1 - target / 100), both in percent. Unknown where the target leaves no budget or a number is none.
pub(super) fn rate(sli: f64, target: f64) -> Fact<f64> {
    if !(0.0..=100.0).contains(&sli) {
        return Fact::Unknown(format!("an SLI of {sli} % is none"));
    }
    if !(0.0..100.0).contains(&target) {
        return Fact::Unknown(format!("a target of {target} % leaves no error budget"));
    }
    Fact::Known((100.0 - sli) / (100.0 - target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burn_is_what_was_lost_over_what_may_be_lost() {
        for (sli, target, expected) in [
            (99.6, 99.9, Some(4.0)),
            (100.0, 99.9, Some(0.0)),
            (99.9, 99.9, Some(1.0)),
            (0.0, 99.0, Some(100.0)),
        ] {
            let found = rate(sli, target).known();
            assert!(
                found.zip(expected).is_some_and(|(found, expected)| (found - expected).abs() < 1e-9),
                "{sli} {target}: {found:?}"
            );
        }
        for (sli, target) in [(99.0, 100.0), (99.0, 101.0), (f64::NAN, 99.9), (101.0, 99.9), (99.0, f64::NAN)]
        {
            assert!(matches!(rate(sli, target), Fact::Unknown(_)), "{sli} {target}");
        }
    }

    #[test]
    fn one_window_that_is_unknown_makes_the_pair_unknown_and_is_named() {
        let rate = Rate { rate: 4.0, from: Timestamp::UNIX_EPOCH, to: Timestamp::UNIX_EPOCH };
        let no_data = || Fact::Unknown("no data".to_owned());
        let unknown = Burn::of(Windows::Fast, Fact::Known(rate), no_data());
        assert_eq!(unknown, Fact::Unknown("burn over 1h: no data".to_owned()));
        let unknown = Burn::of(Windows::Slow, no_data(), Fact::Known(rate));
        assert_eq!(unknown, Fact::Unknown("burn over 6h: no data".to_owned()));
        let both = Burn::of(Windows::Fast, Fact::Known(rate), Fact::Known(Rate { rate: 9.0, ..rate }));
        assert!(both.known().is_some_and(|burn| (burn.at_least() - 4.0).abs() < 1e-9));
    }

    #[test]
    fn every_pair_has_its_shorter_window_first() {
        for windows in Windows::ALL {
            assert!(windows.short().span() < windows.long().span(), "{windows:?}");
        }
    }
}
