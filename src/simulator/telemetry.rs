//! What the services measure of themselves, as a script of good and bad events: Prometheus and Datadog answer from it, so
//! that both tell the same story.
//!
//! A burn rate is bad events as a multiple of what the error budget allows; every rate here is an average over exact time,
//! so that a scripted 4 is a 4 in whatever window lies within it.
//! Never: chance; a number for a time in which nobody measured.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::world::State;

/// What every service promises, in percent of its requests, and over how long.
pub(super) const TARGET: f64 = 99.9;
pub(super) const BUDGET_DAYS: i64 = 30;
const BUDGET: f64 = 1.0 - TARGET / 100.0;
/// Samples are taken this often.
pub(super) const SCRAPE_S: i64 = 60;
const REQUESTS_PER_SECOND: f64 = 200.0;
/// What burns on a day without trouble.
const CALM: f64 = 0.2;
const DAY_S: i64 = 86_400;

/// An incident shows this long before it is opened, with this burn, until a mitigation takes hold; then it fades.
const NOTICED_S: f64 = 5.0 * 60.0;
const MITIGATED_S: f64 = 15.0 * 60.0;
const FADES_S: f64 = 10.0 * 60.0;
const TROUBLE_BURN: f64 = 62.0;
const TROUBLE_P95_S: f64 = 1.4;

/// One service's script.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Script {
    /// From here on nothing arrives any more.
    quiet_since: Option<Timestamp>,
    /// In order, without overlap; between them it is calm.
    pieces: Vec<Piece>,
    p95_s: f64,
    pub(super) muted: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Piece {
    from: Timestamp,
    until: Option<Timestamp>,
    burn: f64,
}

impl Default for Script {
    fn default() -> Self {
        Self { quiet_since: None, pieces: vec![], p95_s: 0.18, muted: false }
    }
}

impl Script {
    /// From then on the budget burns at this rate.
    pub(super) fn burn(&mut self, since: Timestamp, rate: f64) -> &mut Self {
        self.pieces.retain(|piece| piece.from < since);
        for piece in &mut self.pieces {
            piece.until = Some(piece.until.map_or(since, |until| until.min(since)));
        }
        self.pieces.push(Piece { from: since, until: None, burn: rate });
        self
    }

    /// It burned so between two times, and is calm again.
    pub(super) fn burned(&mut self, since: Timestamp, until: Timestamp, rate: f64) -> &mut Self {
        self.burn(since, rate).burn(until, CALM)
    }

    /// This share of the month's budget is spent, all but the everyday part by one bad day nine days ago.
    pub(super) fn spent(&mut self, now: Timestamp, share: f64) -> &mut Self {
        let day = SignedDuration::from_secs(DAY_S);
        let from = now.saturating_sub(day * 9).unwrap_or(now);
        let burn = share * BUDGET_DAYS as f64 - CALM * (BUDGET_DAYS - 1) as f64;
        self.pieces = vec![Piece { from, until: Some(from.saturating_add(day).unwrap_or(now)), burn }];
        self
    }

    /// Nothing arrives any more.
    pub(super) fn quiet(&mut self, since: Timestamp) -> &mut Self {
        self.quiet_since = Some(since);
        self
    }

    /// How long all but one in twenty requests take, give or take a twentieth.
    pub(super) fn p95(&mut self, seconds: f64) -> &mut Self {
        self.p95_s = seconds;
        self
    }

    /// The burn at each moment between two, added up, in seconds.
    fn burned_s(&self, from: f64, to: f64) -> f64 {
        let pieces = self.pieces.iter().map(|piece| {
            let begin = second(piece.from).max(from);
            let end = piece.until.map_or(to, |until| second(until).min(to));
            (piece.burn - CALM) * (end - begin).max(0.0)
        });
        CALM * (to - from) + pieces.sum::<f64>()
    }

    fn measured_until(&self, to: f64) -> f64 {
        self.quiet_since.map_or(to, |quiet| second(quiet).min(to))
    }
}

fn second(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

/// What was counted in a span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Events {
    pub(super) good: f64,
    pub(super) all: f64,
}

impl State {
    /// Every service that there is: what ArgoCD runs, and what is measured beside it.
    pub(super) fn services(&self) -> impl Iterator<Item = &String> {
        let beside = self.telemetry.keys().filter(|name| !self.apps.contains_key(*name));
        self.apps.keys().chain(beside)
    }

    /// A service's script, to be changed.
    pub(super) fn slo(&mut self, service: &str) -> &mut Script {
        self.telemetry.entry(service.to_owned()).or_default()
    }

    fn script(&self, service: &str) -> Option<&Script> {
        self.telemetry.get(service)
    }

    /// Events between two times in seconds; none is what a service had that nobody measured then.
    pub(super) fn events(&self, service: &str, from: f64, to: f64) -> Events {
        let Some(script) = self.script(service) else { return Events { good: 0.0, all: 0.0 } };
        let to = script.measured_until(to);
        if to <= from {
            return Events { good: 0.0, all: 0.0 };
        }
        // Counted from the beginning of time, so that the parts of a span add up to the span.
        let bad_until = |at: f64| {
            let lost = script.burned_s(0.0, at) + self.trouble_s(service, at);
            (lost * BUDGET * REQUESTS_PER_SECOND).round()
        };
        let all = ((to - from) * REQUESTS_PER_SECOND).round();
        let bad = (bad_until(to) - bad_until(from)).clamp(0.0, all);
        Events { good: all - bad, all }
    }

    /// The burn over a window that ends at `at`.
    pub(super) fn burn_over(&self, service: &str, at: i64, window_s: f64) -> Option<f64> {
        let events = self.events(service, at as f64 - window_s, at as f64);
        (events.all > 0.0).then(|| (1.0 - events.good / events.all) / BUDGET)
    }

    pub(super) fn error_rate(&self, service: &str, at: i64) -> Option<f64> {
        self.burn_over(service, at, 300.0).map(|burn| burn * BUDGET)
    }

    /// Requests a second over five minutes.
    pub(super) fn request_rate(&self, service: &str, at: i64) -> Option<f64> {
        let events = self.events(service, at as f64 - 300.0, at as f64);
        (events.all > 0.0).then_some(events.all / 300.0)
    }

    /// The share of the budget that is left over its whole time; negative when overspent.
    pub(super) fn budget_left(&self, service: &str, at: i64) -> Option<f64> {
        self.burn_over(service, at, (BUDGET_DAYS * DAY_S) as f64).map(|burn| 1.0 - burn)
    }

    pub(super) fn p95(&self, service: &str, at: i64) -> Option<f64> {
        let script = self.script(service)?;
        let jitter = f64::from(noise(service, at.div_euclid(SCRAPE_S))) / f64::from(u16::MAX) - 0.5;
        let trouble = self.trouble(service, at as f64);
        Some(script.p95_s * (1.0 + 0.1 * jitter) + TROUBLE_P95_S * trouble)
    }

    pub(super) fn is_muted(&self, service: &str) -> bool {
        self.script(service).is_some_and(|script| script.muted)
    }

    /// Was a sample taken in the scrape that `at` falls into? One is missed now and then, twice in a row; none is taken
    /// of what is quiet.
    pub(super) fn is_scraped(&self, service: &str, at: i64) -> bool {
        let slot = at.div_euclid(SCRAPE_S);
        let missed = (slot + i64::from(noise(service, 0))).rem_euclid(97) < 2;
        let quiet = self.script(service).is_none_or(|script| script.measured_until(at as f64) < at as f64);
        !missed && !quiet
    }

    /// How much an incident shows at a time, from 0 to 1.
    fn trouble(&self, service: &str, at: f64) -> f64 {
        let ages = self.incident_ages(service, at).map(|age| match age {
            age if age < -NOTICED_S => 0.0,
            age if age < MITIGATED_S => 1.0,
            age => (-(age - MITIGATED_S) / FADES_S).exp(),
        });
        ages.fold(0.0, f64::max)
    }

    /// What incidents burned until a time, in seconds.
    fn trouble_s(&self, service: &str, at: f64) -> f64 {
        let shown = self.incident_ages(service, at).map(|age| match age {
            age if age < -NOTICED_S => 0.0,
            age if age < MITIGATED_S => age + NOTICED_S,
            age => MITIGATED_S + NOTICED_S + FADES_S * (1.0 - (-(age - MITIGATED_S) / FADES_S).exp()),
        });
        TROUBLE_BURN * shown.sum::<f64>()
    }

    fn incident_ages(&self, service: &str, at: f64) -> impl Iterator<Item = f64> {
        let open = self.pager.incidents.iter().filter(move |incident| incident.is_on(service));
        open.map(move |incident| at - second(incident.created_at()))
    }
}

/// The scripts of services that all have a calm day; some nobody measures.
pub(super) fn calm<'a>(
    services: impl Iterator<Item = &'a str>,
    unmeasured: &[&str],
) -> BTreeMap<String, Script> {
    services
        .filter(|name| !unmeasured.contains(name))
        .map(|name| (name.to_owned(), Script::default()))
        .collect()
}

/// The same for the same slot, without a pattern.
fn noise(service: &str, slot: i64) -> u16 {
    let digest = Sha256::digest(format!("{service} {slot}").as_bytes());
    u16::from_be_bytes([digest[0], digest[1]])
}
