//! Asks what concerns a service, whatever is proposed for it: its incidents, who is on call, its numbers.
//!
//! Each answer is dated; each failure is a fact of its own, with its reason.
//! Never: a write, a guess in the place of an answer.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    facts::{Asked, Gauge, Incident, Pull, Sample},
    finding,
    people::{self, People},
};
use crate::{
    clock::Clock,
    platform::{
        self, Fact, PlatformError, Sources,
        github::{self, Repository},
        pagerduty, prometheus,
    },
    row::{Pointer, PrincipalId, Series},
};

/// The incidents whose notes are read.
const NOTES_ASKED_MAX: usize = 5;
/// How far back an incident may lie that a change belongs to.
const INCIDENTS_SINCE: SignedDuration = SignedDuration::from_hours(7 * 24);
const SERIES_SPAN: SignedDuration = SignedDuration::from_hours(1);
const SERIES_STEP: Duration = Duration::from_secs(60);

/// Where answers come from, and what they are dated by.
#[derive(Clone, Copy)]
pub(super) struct Inquiry<'a> {
    pub(super) sources: &'a Sources,
    pub(super) clock: &'a Clock,
    pub(super) people: &'a People,
}

impl Inquiry<'_> {
    /// Incidents on the service, and who is on call for it.
    pub(super) async fn service(&self, name: &str) -> (Asked<Vec<Incident>>, Asked<Vec<PrincipalId>>) {
        let Some(pagerduty) = &self.sources.pagerduty else {
            return (Asked::Never, Asked::Never);
        };
        let service = match self.answered(pagerduty.service(name).await) {
            Asked::Known { value, .. } => value,
            Asked::Unknown { why, at } => {
                return (Asked::Unknown { why: why.clone(), at }, Asked::Unknown { why, at });
            }
            Asked::Never => return (Asked::Never, Asked::Never),
        };
        tokio::join!(self.incidents(pagerduty, &service), self.on_call(pagerduty, &service))
    }

    async fn incidents(
        &self,
        pagerduty: &pagerduty::Source,
        service: &pagerduty::Service,
    ) -> Asked<Vec<Incident>> {
        let now = self.clock.now();
        let since = now.checked_sub(INCIDENTS_SINCE).unwrap_or(now);
        let (open, recent) = tokio::join!(
            pagerduty.open_incidents(&service.id),
            pagerduty.incidents_between(&service.id, since, now)
        );
        let mut found = match (open, recent) {
            (Ok(open), Ok(recent)) => {
                let known: Vec<_> = open.iter().map(|incident| incident.id.clone()).collect();
                let closed = recent.into_iter().filter(|incident| !known.contains(&incident.id));
                open.iter().cloned().chain(closed).collect::<Vec<_>>()
            }
            (Err(error), _) | (_, Err(error)) => return self.unknown(&error),
        };
        // Open ones first, then the newest.
        found.sort_by_key(|incident| (!incident.is_open(), std::cmp::Reverse(incident.created_at)));
        let mut incidents = Vec::new();
        for (at, incident) in found.into_iter().enumerate() {
            let notes =
                if at < NOTES_ASKED_MAX { pagerduty.notes(&incident.id).await } else { Ok(Vec::new()) };
            let notes = match notes {
                Ok(notes) => notes,
                Err(error) => return self.unknown(&error),
            };
            let Some(opened_at) = incident.created_at else {
                return Asked::Unknown { why: format!("{} tells no time", incident.reference), at: now };
            };
            let words: Vec<_> = notes.into_iter().map(|note| note.text).collect();
            incidents.push(Incident {
                text: format!("{}\n{}\n{}", incident.title, incident.details, words.join("\n")),
                closed_at: incident.resolved_at.filter(|_| !incident.is_open()),
                name: incident.reference,
                title: incident.title,
                url: incident.url,
                priority: incident.priority,
                opened_at,
            });
        }
        Asked::Known { value: incidents, at: self.clock.now() }
    }

    /// The first level of the service's escalation policy, as names that Dock knows.
    pub(super) async fn on_call(
        &self,
        pagerduty: &pagerduty::Source,
        service: &pagerduty::Service,
    ) -> Asked<Vec<PrincipalId>> {
        self.told(pagerduty.on_call().await).map(|shifts| {
            let policy = |shift: &&pagerduty::OnCall| {
                service.policy.as_ref().is_none_or(|policy| shift.policy == *policy)
            };
            let first = shifts.iter().filter(policy).map(|shift| shift.level).min();
            let of_first = shifts.iter().filter(policy).filter(|shift| Some(shift.level) == first);
            let mut people: Vec<PrincipalId> =
                of_first.filter_map(|shift| people::person(self.people, shift)).collect();
            people.sort();
            people.dedup();
            people
        })
    }

    /// The merged pull requests that these commits came with, in the commits' order.
    pub(super) async fn pulls<'c>(
        &self,
        github: &github::Source,
        repository: &Repository,
        commits: impl Iterator<Item = &'c str>,
    ) -> Result<Vec<Pull>, PlatformError> {
        let mut pulls: Vec<Pull> = Vec::new();
        for commit in commits {
            let found = github.merged_with(repository, commit).await?;
            let merged = found.into_iter().filter(|pull| pull.merged_at.is_some());
            pulls.extend(merged.map(|pull| Pull { number: pull.number, title: pull.title, url: pull.url }));
        }
        let mut seen = BTreeSet::new();
        pulls.retain(|pull| seen.insert(pull.number));
        Ok(pulls)
    }

    /// One number now, with the hour before it.
    pub(super) async fn gauge(
        &self,
        prometheus: &prometheus::Source,
        name: &str,
        query: String,
        hold_at: Option<String>,
        unit: Unit,
    ) -> Gauge {
        let to = self.clock.now();
        let from = to.checked_sub(SERIES_SPAN).unwrap_or(to);
        let (value, series) =
            tokio::join!(prometheus.value(&query), prometheus.series(&query, from, to, SERIES_STEP));
        // The series only shows the way here; the value is the fact.
        let series = series.ok().and_then(Fact::known).map(|found| unit.series(&found, hold_at.clone()));
        let value = self.answered(value).map(|sample| Sample {
            value: unit.text(sample.value),
            unit: unit.word().to_owned(),
            series,
        });
        let pointer = finding::pointer("prometheus_query", "prometheus", &query, &prometheus.link(&query));
        Gauge { name: name.to_owned(), pointer, hold_at, value }
    }

    /// What a number was from one time to another; its value is the last one there.
    pub(super) async fn gauge_between(
        &self,
        prometheus: &prometheus::Source,
        name: &str,
        query: String,
        unit: Unit,
        (from, to): (Timestamp, Timestamp),
    ) -> Gauge {
        let read = prometheus.series(&query, from, to, SERIES_STEP).await;
        let pointer = finding::pointer("prometheus_query", "prometheus", &query, &prometheus.link(&query));
        Self::gauge_of(name, pointer, unit, self.answered(read))
    }

    /// The same of a series that was read; one without a point is unknown.
    pub(super) fn gauge_of(name: &str, pointer: Pointer, unit: Unit, read: Asked<platform::Series>) -> Gauge {
        let value = match read {
            Asked::Known { value, at } => match value.last() {
                Some(last) => {
                    let series = Some(unit.series(&value, None));
                    let (value, unit) = (unit.text(last.value), unit.word().to_owned());
                    Asked::Known { value: Sample { value, unit, series }, at }
                }
                None => Asked::Unknown { why: "nothing was measured then".to_owned(), at },
            },
            Asked::Unknown { why, at } => Asked::Unknown { why, at },
            Asked::Never => Asked::Never,
        };
        Gauge { name: name.to_owned(), pointer, hold_at: None, value }
    }

    pub(super) fn told<T>(&self, answer: Result<T, PlatformError>) -> Asked<T> {
        match answer {
            Ok(value) => Asked::Known { value, at: self.clock.now() },
            Err(error) => self.unknown(&error),
        }
    }

    pub(super) fn answered<T>(&self, answer: Result<Fact<T>, PlatformError>) -> Asked<T> {
        match answer {
            Ok(Fact::Known(value)) => Asked::Known { value, at: self.clock.now() },
            Ok(Fact::Unknown(why)) => Asked::Unknown { why, at: self.clock.now() },
            Err(error) => self.unknown(&error),
        }
    }

    pub(super) fn unknown<T>(&self, error: &PlatformError) -> Asked<T> {
        Asked::Unknown { why: error.to_string(), at: self.clock.now() }
    }
}

/// How a number is shown. Prometheus gives seconds and ratios.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Times,
    Percent,
    /// As it is, where a platform gives percents.
    Percents,
    Milliseconds,
}

impl Unit {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Times => "x",
            Self::Percent | Self::Percents => " %",
            Self::Milliseconds => " ms",
        }
    }

    pub(super) fn text(self, value: f64) -> String {
        match self {
            Self::Times | Self::Percents => plain(value),
            Self::Percent => plain(value * 100.0),
            Self::Milliseconds => format!("{:.0}", value * 1000.0),
        }
    }

    /// A series as it is shown: where it has more points than a signal takes, several become their mean.
    pub(super) fn series(self, found: &platform::Series, threshold: Option<String>) -> Series {
        let together = found.points.len().div_ceil(Series::POINTS_MAX).max(1);
        let step = found.step.as_secs().saturating_mul(u64::try_from(together).unwrap_or(1));
        Series {
            unit: self.word().to_owned(),
            from: found.start,
            step_s: u32::try_from(step).unwrap_or(u32::MAX),
            points: found
                .points
                .chunks(together)
                .map(|points| mean(points).map(|mean| self.text(mean)))
                .collect(),
            threshold,
        }
    }
}

/// Of what is there; a gap where nothing is.
fn mean(points: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = points.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// Two decimals at most, without zeros at the end.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_is_shown_whole_and_its_gaps_stay() {
        let count = Series::POINTS_MAX * 2;
        let mut points: Vec<Option<f64>> = (0..count).map(|n| Some((n % 2) as f64)).collect();
        (points[0], points[1], points[2]) = (None, None, None);
        let long = platform::Series { start: Timestamp::UNIX_EPOCH, step: Duration::from_mins(1), points };
        let shown = Unit::Times.series(&long, None);
        assert_eq!((shown.points.len(), shown.step_s), (Series::POINTS_MAX, 120));
        let first: Vec<_> = shown.points.iter().take(3).map(Option::as_deref).collect();
        assert_eq!(first, [None, Some("1"), Some("0.5")]);
    }
}
