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

    /// As [`Rule::keys`], and each of `asked` has to be met, too. One key is then a key of somebody who is asked: anybody
    /// else's counts for nothing but a decline.
    pub fn with(keys: NonZeroU32, asked: Vec<Threshold>) -> Self {
        let mut rule = Self::keys(keys);
        if asked.is_empty() {
            return rule;
        }
        let mut sets: Vec<Vec<Threshold>> = asked.into_iter().map(|one| vec![one]).collect();
        if keys == NonZeroU32::MIN {
            let anybody = rule.sets.drain(..).flatten().map(|any| Threshold { approve: None, ..any });
            sets[0].extend(anybody);
        }
        rule.sets.extend(sets);
        rule
    }

    /// One key of anybody is enough.
    pub fn one_of_anybody(&self) -> bool {
        let enough = |one: &Threshold| one.filter == Filter::Any && one.approve == Some(NonZeroU32::MIN);
        !self.sets.is_empty() && self.sets.iter().all(|set| set.iter().any(enough))
    }

    /// Nothing is asked but keys of anybody: then their number says it all.
    pub fn by_number(&self) -> bool {
        matches!(self.sets.as_slice(), [set] if matches!(set.as_slice(), [one] if one.filter == Filter::Any))
    }

    /// Thresholds that not everybody can meet, each in the set that it stands in.
    pub fn asked(&self) -> impl Iterator<Item = &Threshold> {
        let asked = |one: &&Threshold| one.approve.is_some() && one.filter != Filter::Any;
        self.sets.iter().flatten().filter(asked)
    }

    /// Its words in the record; none where the number of keys says it all.
    pub fn told(&self) -> Option<String> {
        if self.by_number() { None } else { serde_json::to_string(&self.sets).ok() }
    }

    /// The rule that the record tells in these words; none where they are no rule's.
    pub fn of_told(told: &str) -> Option<Self> {
        let sets: Vec<Vec<Threshold>> = serde_json::from_str(told).ok()?;
        let rule = Self { sets, touch: false, note: false };
        (rule.told().as_deref() == Some(told)).then_some(rule)
    }

    /// This rule, and whatever the one before it asked for beside that.
    #[must_use]
    pub fn tightened_by(mut self, before: &Rule) -> Self {
        for set in &before.sets {
            if !self.sets.contains(set) {
                self.sets.push(set.clone());
            }
        }
        self.touch |= before.touch;
        self.note |= before.note;
        self
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

impl Threshold {
    /// So many of these people are admitted; never where no number meets it.
    pub fn is_met<'a>(
        &self,
        needed: Option<NonZeroU32>,
        whose: impl Iterator<Item = &'a Attributes>,
    ) -> bool {
        let admitted = whose.filter(|attributes| self.filter.admits(attributes)).count();
        needed.is_some_and(|needed| needed.get() as usize <= admitted)
    }
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

    /// It looks at this attribute somewhere.
    pub fn names(&self, wanted: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Has { attribute, .. } | Self::HasNot { attribute, .. } => attribute == wanted,
            Self::All(filters) | Self::Either(filters) => filters.iter().any(|filter| filter.names(wanted)),
        }
    }

    /// `role sre or on call as payments primary`.
    pub fn words(&self) -> String {
        let named = |attribute: &str, value: &str| match attribute {
            "on_call" => format!("on call as {value}"),
            other => format!("{other} {value}"),
        };
        let list = |filters: &[Filter], between: &str| {
            filters.iter().map(Filter::words).collect::<Vec<_>>().join(between)
        };
        match self {
            Self::Any => "anybody".to_owned(),
            Self::Has { attribute, value } => named(attribute, value),
            Self::HasNot { attribute, value } => format!("not {}", named(attribute, value)),
            Self::All(filters) => list(filters, " and "),
            Self::Either(filters) => list(filters, " or "),
        }
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

    fn of_role(role: &str) -> Threshold {
        Threshold {
            name: role.to_owned(),
            filter: Filter::role(role),
            approve: NonZeroU32::new(1),
            deny: None,
        }
    }

    #[test]
    fn what_is_asked_stands_beside_the_number_of_keys() {
        let (one, two) = (NonZeroU32::MIN, NonZeroU32::new(2).unwrap());
        let both = || vec![of_role("sre"), of_role("db")];
        let check = |rule: Rule, names: &[&str], fewest: u32, anybody: bool| {
            let asked: Vec<&str> = rule.asked().map(|one| one.name.as_str()).collect();
            assert_eq!((asked.as_slice(), rule.keys_needed()), (names, fewest), "{rule:?}");
            assert_eq!((rule.one_of_anybody(), rule.by_number()), (anybody, names.is_empty()), "{rule:?}");
        };
        check(Rule::keys(one), &[], 1, true);
        check(Rule::with(one, vec![]), &[], 1, true);
        check(Rule::keys(two), &[], 2, false);
        check(Rule::with(one, both()), &["sre", "db"], 1, false);
        check(Rule::with(two, both()), &["sre", "db"], 2, false);
        let words = Filter::Either(vec![
            Filter::role("sre"),
            Filter::Has { attribute: "on_call".to_owned(), value: "payments primary".to_owned() },
        ]);
        assert_eq!(words.words(), "role sre or on call as payments primary");
    }

    #[test]
    fn an_open_row_asks_for_no_less_than_before() {
        let two = NonZeroU32::new(2).unwrap();
        let strict = Rule { note: true, ..Rule::with(two, vec![of_role("db")]) };
        let eased = Rule::keys(NonZeroU32::MIN).tightened_by(&strict);
        assert_eq!((eased.keys_needed(), eased.note, eased.asked().count()), (2, true, 1));
        assert_eq!(strict.clone().tightened_by(&strict), strict);
    }
}
