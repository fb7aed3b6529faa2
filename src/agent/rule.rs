//! What a rule is: an id, a version, what it fires on, what it says, how much it weighs, where it looks.
//!
//! Never: judges. A flow's `draft` does, naming the rule and its version on every signal it makes.

use crate::row::Weight;

/// One rule. Its version rises when what it fires on changes: a key over the old one's signal is then void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub id: &'static str,
    pub version: u32,
    pub fires_on: &'static str,
    pub says: &'static str,
    pub weight: Weight,
    pub source: &'static str,
}

/// The rule of what was read and raises no concern.
pub(super) const READ_ID: &str = "read";

impl Rule {
    /// As signals carry it: `manual-change/1`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.id, self.version)
    }
}

/// A flow's rules as constants, and `TABLE` of all, the weightiest concerns first.
macro_rules! rules {
    ($($constant:ident $id:literal v $version:literal $weight:ident from $source:literal: $fires_on:literal => $says:literal;)+) => {
        $(pub const $constant: $crate::agent::rule::Rule = $crate::agent::rule::Rule {
            id: $id, version: $version, fires_on: $fires_on, says: $says,
            weight: $crate::row::Weight::$weight, source: $source,
        };)+
        /// All rules, the weightiest concerns first.
        pub const TABLE: &[$crate::agent::rule::Rule] = &[$($constant),+];
    };
}

pub(super) use rules;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::agent::{argus, chronicler, gatekeeper, scribe};

    #[test]
    fn every_rule_of_a_flow_has_its_own_id() {
        let own = [argus::rules::TABLE, gatekeeper::rules::TABLE];
        for table in own.into_iter().chain([chronicler::rules::TABLE, scribe::rules::TABLE]) {
            let ids: BTreeSet<_> = table.iter().map(|rule| rule.id).collect();
            assert_eq!(ids.len(), table.len());
            assert!(ids.contains(READ_ID));
        }
    }
}
