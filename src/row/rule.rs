//! What a row needs before it is decided: sets of thresholds, frozen into the row when it is opened.
//!
//! Never: counts. `policy::count` does; this is only what is asked.

use std::{collections::BTreeMap, num::NonZeroU32};

use serde::{Deserialize, Serialize};

/// How hard what the row proposes is to take back. What has no class is irreversible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    Reversible,
    Costly,
    Irreversible,
}

impl Risk {
    pub fn word(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Costly => "costly",
            Self::Irreversible => "irreversible",
        }
    }
}

/// What was true of a reviewer when the review was made: `role` → sre, lead; `on_call` → the shift's id.
pub type Attributes = BTreeMap<String, Vec<String>>;

/// All that is asked. A rule holds at least one set; without, anything would pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Each set must have one met threshold.
    pub sets: Vec<Vec<Threshold>>,
    /// A key made without touch does not count.
    pub touch: bool,
    /// An approval needs a note.
    pub note: bool,
}

impl Rule {
    /// `keys` people, any of them; one decline ends it.
    pub fn keys(keys: NonZeroU32) -> Self {
        let any = Threshold {
            name: "any".to_owned(),
            filter: Filter::Any,
            approve: Some(keys),
            deny: NonZeroU32::new(1),
        };
        Self { sets: vec![vec![any]], touch: false, note: false }
    }

    /// The fewest keys that can fulfil it, for display: the largest over the sets of their smallest threshold.
    pub fn keys_needed(&self) -> u32 {
        let fewest = |set: &Vec<Threshold>| set.iter().filter_map(|t| t.approve).map(NonZeroU32::get).min();
        self.sets.iter().filter_map(fewest).max().unwrap_or(1)
    }
}

/// So many approvals, or so many declines, by people whom the filter admits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    pub name: String,
    pub filter: Filter,
    /// Absent: no number of approvals meets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<NonZeroU32>,
    /// Absent: no number of declines meets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<NonZeroU32>,
}

/// Whom a threshold admits. A filter over an attribute that is missing never matches, negated or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    Any,
    Has { attribute: String, value: String },
    HasNot { attribute: String, value: String },
    All(Vec<Filter>),
    Either(Vec<Filter>),
}

impl Filter {
    pub fn role(role: &str) -> Self {
        Self::Has { attribute: "role".to_owned(), value: role.to_owned() }
    }

    pub fn admits(&self, attributes: &Attributes) -> bool {
        let values = |name: &String| attributes.get(name).filter(|values| !values.is_empty());
        match self {
            Self::Any => true,
            Self::Has { attribute, value } => values(attribute).is_some_and(|all| all.contains(value)),
            Self::HasNot { attribute, value } => values(attribute).is_some_and(|all| !all.contains(value)),
            Self::All(filters) => filters.iter().all(|filter| filter.admits(attributes)),
            Self::Either(filters) => filters.iter().any(|filter| filter.admits(attributes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_attribute_never_matches() {
        let has = Filter::role("sre");
        let has_not = Filter::HasNot { attribute: "role".to_owned(), value: "sre".to_owned() };
        let dev = Attributes::from([("role".to_owned(), vec!["dev".to_owned()])]);
        let none = Attributes::new();
        let empty = Attributes::from([("role".to_owned(), vec![])]);
        assert_eq!([has.admits(&dev), has_not.admits(&dev)], [false, true]);
        assert_eq!([has.admits(&none), has_not.admits(&none)], [false, false]);
        assert_eq!([has.admits(&empty), has_not.admits(&empty)], [false, false]);
    }
}
