//! Who is on call: PagerDuty's shifts, a rota in the config, or shifts in a file; with a person's roles, what a decision records of its
//! author.
//!
//! A shift that was read within a day counts while PagerDuty is away, dated as such.
//! Never: somebody on call because nobody could be asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{PoisonError, RwLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{app::App, rota::Rota, standing::Standing};
use crate::{
    audit::authority::Person,
    platform::pagerduty::OnCall,
    row::{Attributes, PrincipalId},
};

/// How long an answer is taken for now.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// How long one counts while nobody answers.
const COUNTS: SignedDuration = SignedDuration::from_hours(24);
/// How long a decision waits for PagerDuty; then the last answer counts.
const WITHIN: Duration = Duration::from_secs(3);
/// How long PagerDuty is left alone after it did not answer.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

type ByPerson = BTreeMap<PrincipalId, BTreeSet<String>>;

/// The last answer, and when it was given.
#[derive(Debug)]
pub(super) struct Shifts {
    rota: ByPerson,
    file: RwLock<Rota>,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    shifts: Vec<OnCall>,
    read_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

impl Shifts {
    pub(super) fn new(rota: ByPerson, file: Rota) -> Self {
        Self { rota, file: RwLock::new(file), last: Mutex::new(Last::default()) }
    }

    /// From now on the file says this.
    pub(super) fn take(&self, file: Rota) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = file;
    }

    /// Roles from the record, shifts as of now.
    pub(super) async fn attributes(
        &self,
        app: &App,
        standing: &Standing,
        who: &PrincipalId,
        now: Timestamp,
    ) -> Attributes {
        let mut attributes = Attributes::new();
        let Some(person) = standing.authority.people().get(who).filter(|person| person.active) else {
            return attributes;
        };
        if !person.roles.is_empty() {
            attributes.insert("role".to_owned(), person.roles.iter().cloned().collect());
        }
        let mut shifts: BTreeSet<String> = self.rota.get(who).cloned().unwrap_or_default();
        {
            let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
            shifts.extend(file.of(who, now).map(str::to_owned));
        }
        if let Some(read_at) = self.refresh(app, now).await {
            let last = self.last.lock().await;
            shifts.extend(last.shifts.iter().filter(|shift| is(shift, who, person)).map(OnCall::shift));
            if now.duration_since(read_at) > FRESH && !shifts.is_empty() {
                attributes.insert("on_call_read_at".to_owned(), vec![read_at.to_string()]);
            }
        }
        if !shifts.is_empty() {
            attributes.insert("on_call".to_owned(), shifts.into_iter().collect());
        }
        attributes
    }

    /// Who is on call now, first called first: PagerDuty's shifts by level, then the rota, then the file.
    pub(super) async fn in_order(&self, app: &App, standing: &Standing, now: Timestamp) -> Vec<PrincipalId> {
        let people = standing.authority.people();
        let mut found = Vec::new();
        if self.refresh(app, now).await.is_some() {
            let last = self.last.lock().await;
            let mut shifts: Vec<&OnCall> = last.shifts.iter().collect();
            shifts.sort_by_key(|shift| shift.level);
            let whose = |shift: &&OnCall| people.iter().find(|(who, person)| is(shift, who, person));
            found.extend(shifts.iter().filter_map(whose).map(|(who, _)| who.clone()));
        }
        found.extend(self.rota.keys().cloned());
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        found.extend(people.keys().filter(|who| file.of(who, now).next().is_some()).cloned());
        found
    }

    /// When the last of these shifts of theirs ends, where the end of each is known: as PagerDuty said last.
    pub(super) async fn until(
        &self,
        standing: &Standing,
        who: &PrincipalId,
        shifts: &[String],
    ) -> Option<Timestamp> {
        let person = standing.authority.people().get(who)?;
        let last = self.last.lock().await;
        let own = last.shifts.iter().filter(|shift| is(shift, who, person));
        let ends: BTreeMap<String, Option<Timestamp>> = own.map(|shift| (shift.shift(), shift.end)).collect();
        let ends: Option<Vec<Timestamp>> =
            shifts.iter().map(|shift| ends.get(shift).copied().flatten()).collect();
        ends?.into_iter().max()
    }

    /// Asks PagerDuty where the last answer is old; gives the time of the answer that counts, if one does.
    async fn refresh(&self, app: &App, now: Timestamp) -> Option<Timestamp> {
        let pagerduty = app.sources.pagerduty.as_ref()?;
        let mut last = self.last.lock().await;
        let within = |at: Option<Timestamp>, time| at.is_some_and(|at| now.duration_since(at).abs() <= time);
        if !within(last.read_at, FRESH) && !within(last.asked_at, PAUSE) {
            last.asked_at = Some(now);
            match tokio::time::timeout(WITHIN, pagerduty.on_call()).await {
                Ok(Ok(shifts)) => *last = Last { shifts, read_at: Some(now), asked_at: Some(now) },
                Ok(Err(error)) => tracing::warn!(%error, "who is on call could not be read"),
                Err(_) => tracing::warn!("PagerDuty did not say in time who is on call"),
            }
        }
        last.read_at.filter(|at| within(Some(*at), COUNTS))
    }
}

/// A person is known to PagerDuty by what an administrator signed (`pagerduty` or `email` among the attributes); where
/// neither is given, by the name before the `@`.
fn is(shift: &OnCall, who: &PrincipalId, person: &Person) -> bool {
    let (id, email) = (person.attributes.get("pagerduty"), person.attributes.get("email"));
    if id.is_some() || email.is_some() {
        return id == Some(&shift.user_id) || (email.is_some() && email == shift.email.as_ref());
    }
    let name = shift.email.as_deref().and_then(|email| email.split('@').next()).unwrap_or(&shift.user);
    name.to_lowercase().replace(['.', '_', ' '], "-") == who.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_whose_the_record_says() {
        let shift = |user_id: &str, email: Option<&str>, user: &str| OnCall {
            user_id: user_id.to_owned(),
            user: user.to_owned(),
            email: email.map(str::to_owned),
            schedule: None,
            policy: "payments".to_owned(),
            level: 1,
            start: None,
            end: None,
        };
        let person = |attributes: &[(&str, &str)]| {
            let mut person = Person::default();
            person.attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            person
        };
        let sarah: PrincipalId = "sarah".parse().unwrap();
        for (shift, person, expected) in [
            (shift("P1", Some("Sarah@acme.example"), "S"), person(&[]), true),
            (shift("P1", None, "Sarah"), person(&[]), true),
            (shift("P1", Some("priya@acme.example"), "Sarah"), person(&[]), false),
            (shift("P1", Some("priya@acme.example"), "P"), person(&[("pagerduty", "P1")]), true),
            (shift("P2", Some("sarah@acme.example"), "Sarah"), person(&[("pagerduty", "P1")]), false),
            (shift("P2", Some("s@acme.example"), "S"), person(&[("email", "s@acme.example")]), true),
            (shift("P2", None, "Sarah"), person(&[("email", "s@acme.example")]), false),
        ] {
            assert_eq!(is(&shift, &sarah, &person), expected, "{shift:?} {:?}", person.attributes);
        }
    }
}
