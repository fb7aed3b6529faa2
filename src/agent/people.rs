//! Who is who, and when nothing is to be touched: what every agent's config says alike.
//!
//! Never: a person whom Dock could not know.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::facts;
use crate::{client::api::Api, platform::pagerduty::OnCall, row::PrincipalId};

/// Dock's name of a person, by e-mail address or by a platform's own id of the account (PagerDuty, Slack, Confluence,
/// Notion), where it is not the part before the `@`.
pub type People = BTreeMap<String, PrincipalId>;

/// A time in which nothing is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    pub from: Timestamp,
    pub until: Timestamp,
    pub why: String,
    /// All where it is empty.
    #[serde(default)]
    pub environments: Vec<String>,
}

/// Who a shift's person is in Dock; none where the name cannot be one.
pub(super) fn person(people: &People, shift: &OnCall) -> Option<PrincipalId> {
    named(people, Some(&shift.user_id), shift.email.as_deref(), &shift.user)
}

/// Who a platform's person is in Dock, by id, address or name; none where the name cannot be one.
pub(super) fn named(
    people: &People,
    id: Option<&str>,
    email: Option<&str>,
    name: &str,
) -> Option<PrincipalId> {
    let told = email.and_then(|email| people.get(email));
    if let Some(person) = told.or_else(|| id.and_then(|id| people.get(id))) {
        return Some(person.clone());
    }
    let name = email.and_then(|email| email.split('@').next()).unwrap_or(name);
    name.to_lowercase().replace(['.', '_', ' '], "-").parse().ok()
}

/// Who answers for this agent, and may therefore decide on none of its rows. Dock says it once.
#[derive(Debug, Default)]
pub(super) struct Owner(tokio::sync::OnceCell<Option<PrincipalId>>);

impl Owner {
    /// None while Dock does not say.
    pub(super) async fn ask(&self, api: &Api) -> Option<PrincipalId> {
        let owner = self.0.get_or_try_init(|| async { api.me().await.map(|me| me.owner) });
        owner.await.ok().cloned().flatten()
    }
}

/// Those of them who may decide on what an agent of this owner proposes.
pub(super) fn who_may(people: &[PrincipalId], owner: Option<&PrincipalId>) -> Vec<PrincipalId> {
    people.iter().filter(|person| Some(*person) != owner).cloned().collect()
}

/// The first freeze that covers an environment now. One whose environment is unknown is covered by all.
pub(super) fn frozen(all: &[Freeze], environment: Option<&str>, now: Timestamp) -> Option<facts::Freeze> {
    let covers = |freeze: &&Freeze| {
        let here = freeze.environments.is_empty()
            || environment.is_none_or(|e| freeze.environments.iter().any(|f| f == e));
        here && freeze.from <= now && now < freeze.until
    };
    all.iter().find(covers).map(|freeze| facts::Freeze { until: freeze.until, why: freeze.why.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_by_address_unless_told_otherwise() {
        let shift = |email: Option<&str>, user: &str| OnCall {
            user_id: "P1".to_owned(),
            user: user.to_owned(),
            email: email.map(str::to_owned),
            schedule: None,
            policy: "payments".to_owned(),
            level: 1,
            start: None,
            end: None,
        };
        let name = |people: &People, shift: OnCall| person(people, &shift).map(|person| person.to_string());
        let mut people = People::new();
        assert_eq!(name(&people, shift(Some("Govind@acme.example"), "G")).as_deref(), Some("govind"));
        assert_eq!(name(&people, shift(None, "Ana Lee")).as_deref(), Some("ana-lee"));
        assert_eq!(name(&people, shift(None, "Łukasz")), None);
        people.insert("P1".to_owned(), "gk".parse().unwrap());
        assert_eq!(name(&people, shift(Some("govind@acme.example"), "G")).as_deref(), Some("gk"));
    }

    #[test]
    fn a_freeze_covers_its_environments_from_its_beginning_to_its_end() {
        let at = |minute: i64| Timestamp::from_second(60 * minute).unwrap();
        let all = [Freeze {
            from: at(1),
            until: at(2),
            why: "year end".to_owned(),
            environments: vec!["production".to_owned()],
        }];
        let covered = |environment, minute| frozen(&all, environment, at(minute)).is_some();
        assert!(covered(Some("production"), 1) && covered(None, 1));
        assert!(!covered(Some("staging"), 1) && !covered(Some("production"), 0));
        assert!(!covered(Some("production"), 2));
    }
}
