//! What is measured of a service, by the one name that a signal and a live series of it have, in the order of telling.
//!
//! Agents name their evidence by it, the backend what it reads live, the console joins the two: on one axis.
//!
//! Never: a second name for the same thing.

use serde::Deserialize;

/// One thing that is measured, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// How fast the error budget burns, over the windows that are looked at first.
    Burn1h,
    Burn6h,
    BudgetLeft,
    ErrorRate,
    P95,
    RequestRate,
    ReadyReplicas,
    /// The other windows of the three pairs.
    Burn5m,
    Burn30m,
    Burn3d,
}

impl Measure {
    pub const ALL: [Self; 10] = [
        Self::Burn1h,
        Self::Burn6h,
        Self::BudgetLeft,
        Self::ErrorRate,
        Self::P95,
        Self::RequestRate,
        Self::ReadyReplicas,
        Self::Burn5m,
        Self::Burn30m,
        Self::Burn3d,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Burn1h => "SLO burn 1h",
            Self::Burn6h => "SLO burn 6h",
            Self::BudgetLeft => "error budget left",
            Self::ErrorRate => "error rate",
            Self::P95 => "p95",
            Self::RequestRate => "request rate",
            Self::ReadyReplicas => "ready replicas",
            Self::Burn5m => "SLO burn 5m",
            Self::Burn30m => "SLO burn 30m",
            Self::Burn3d => "SLO burn 3d",
        }
    }

    /// The measure of this name, where it is one.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// It says how fast the error budget burns.
    pub fn is_burn(self) -> bool {
        matches!(self, Self::Burn1h | Self::Burn6h | Self::Burn5m | Self::Burn30m | Self::Burn3d)
    }
}

/// From where on a service's error budget is a concern: the limits that the gate's rules go by, its charts show and its
/// deploy is watched by. The same names and defaults as in the gatekeeper's `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BurnLimits {
    /// The burn over 1 h and 5 min both, from which on a deploy is blocked whatever it brings.
    pub burn_block: f64,
    /// The burn over both windows of a pair, from which on a privilege or schema change is blocked, and from which on a
    /// deploy that was made is degraded.
    pub burn_block_with_change: f64,
    /// The burn over both windows of a pair, from which on a deploy is held.
    pub burn_hold: f64,
    /// From so much of the error budget spent on, in percent, a deploy is held.
    pub budget_spent_hold_percent: f64,
}

impl Default for BurnLimits {
    fn default() -> Self {
        Self {
            // Google's SRE workbook, chapter 5: 2 % of a month's budget in an hour.
            burn_block: 14.4,
            burn_block_with_change: 3.0,
            burn_hold: 1.0,
            budget_spent_hold_percent: 90.0,
        }
    }
}

impl BurnLimits {
    /// Less than this much of the budget is too little, in percent.
    pub fn budget_left_percent(&self) -> f64 {
        100.0 - self.budget_spent_hold_percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_measure_and_burn_is_told_first() {
        for measure in Measure::ALL {
            assert_eq!(Measure::of_name(measure.name()), Some(measure));
        }
        assert!(Measure::ALL.is_sorted());
        assert_eq!(Measure::ALL.map(Measure::is_burn).iter().take_while(|burns| **burns).count(), 2);
        assert_eq!(Measure::of_name("errors"), None);
    }
}
