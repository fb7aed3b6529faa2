//! Asks the platforms for an incident's story. Each answer is dated; each failure is a fact of its own, with its reason.
//!
//! Never: a write; a list that is cut short and does not say so; a message's words obeyed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::Config;
use crate::{
    agent::{
        facts::{Asked, Gauge},
        finding,
        inquiry::{Inquiry, Unit},
        people,
        story::{Around, Channel, Event, EventKind, Said, Story, Ticked},
    },
    platform::{
        Fact, Series, Window, datadog,
        pagerduty::{self, LogEntry, LogKind},
        prometheus, slack,
    },
    row::{Decision, Kind, Measure, Pointer, PrincipalId, Proposal},
    wire::{DecisionView, RowView},
};

/// A row that was decided this long before an incident may have caused it.
const CAUSES_WITHIN: SignedDuration = SignedDuration::from_hours(6);
const ROWS_MAX: usize = 50;
/// Ticks that a story holds.
const TICKS_MAX: usize = 200;

/// Where a story comes from.
#[derive(Clone, Copy)]
pub(in crate::agent) struct Gatherer<'a> {
    pub(in crate::agent) inquiry: Inquiry<'a>,
    pub(in crate::agent) config: &'a Config,
}

impl Gatherer<'_> {
    /// One incident, with what Dock knows around it.
    pub(in crate::agent) async fn story(&self, incident: &pagerduty::Incident, rows: &[RowView]) -> Story {
        let now = self.inquiry.clock.now();
        let opened_at = incident.created_at.unwrap_or(now);
        let closed_at = incident.resolved_at.filter(|_| !incident.is_open());
        let margin = SignedDuration::from_mins(i64::from(self.config.margin_min));
        let from = opened_at.saturating_sub(margin).unwrap_or(opened_at);
        let until = closed_at.and_then(|at| at.checked_add(margin).ok()).unwrap_or(now).min(now);
        let ((events, responders), (channel, said, unread), gauges) = tokio::join!(
            self.events(incident, opened_at, until),
            self.said(incident, from, until),
            self.gauges(&incident.service, from, until),
        );
        Story {
            incident: incident.reference.clone(),
            title: incident.title.clone(),
            url: incident.url.clone(),
            service: incident.service.clone(),
            priority: incident.priority.clone(),
            opened_at,
            closed_at,
            updated_at: incident.updated_at.map_or_else(|| "unknown".to_owned(), |at| at.to_string()),
            pointer: pointer(incident),
            events,
            channel,
            said,
            unread,
            rows: around(rows, incident, opened_at, until),
            ticks: ticked(rows, &incident.reference),
            gauges,
            responders,
        }
    }

    /// The incident's log and alerts, and who responded: who took it, wrote on it or closed it, the first first.
    async fn events(
        &self,
        incident: &pagerduty::Incident,
        opened_at: Timestamp,
        until: Timestamp,
    ) -> (Asked<Vec<Event>>, Vec<PrincipalId>) {
        let Some(pagerduty) = &self.inquiry.sources.pagerduty else { return (Asked::Never, Vec::new()) };
        let (log, alerts) = tokio::join!(
            pagerduty.log_entries(&incident.id, None, Some(until)),
            pagerduty.alerts(&incident.id)
        );
        let (log, alerts) = match (log, alerts) {
            (Ok(log), Ok(alerts)) => (log, alerts),
            (Err(error), _) | (_, Err(error)) => return (self.inquiry.unknown(&error), Vec::new()),
        };
        let responders = self.responders(&log);
        let mut events: Vec<Event> =
            log.into_iter().filter_map(|entry| self.event(incident, entry)).collect();
        // The first alert opened the incident, and stands in the log as that.
        events.extend(alerts.into_iter().skip(1).filter_map(|alert| {
            let pointer = finding::pointer("pagerduty_alert", "pagerduty", &alert.id, &alert.url);
            let at = alert.at.filter(|at| *at >= opened_at)?;
            Some(Event { at, kind: EventKind::Alert, text: alert.summary, by: None, pointer })
        }));
        events.sort_by_key(|event| event.at);
        (Asked::Known { value: events, at: self.inquiry.clock.now() }, responders)
    }

    /// Who was told is no news once somebody came.
    fn event(&self, incident: &pagerduty::Incident, entry: LogEntry) -> Option<Event> {
        let by = self.person(&entry);
        let LogEntry { id, kind, at, by: name, summary, text, url, .. } = entry;
        let kind = match kind {
            LogKind::Trigger => EventKind::Triggered,
            LogKind::Acknowledge => EventKind::Acknowledged,
            LogKind::Escalate | LogKind::ExhaustEscalationPath | LogKind::RepeatEscalationPath => {
                EventKind::Escalated
            }
            LogKind::Assign | LogKind::Delegate => EventKind::Assigned,
            LogKind::Annotate => EventKind::Note,
            LogKind::Resolve => EventKind::Resolved,
            LogKind::UrgencyChange | LogKind::Snooze | LogKind::Unacknowledge => EventKind::Status,
            LogKind::Notify => return None,
            LogKind::ReachAckLimit
            | LogKind::ReachTriggerLimit
            | LogKind::FieldValueChange
            | LogKind::CustomFieldValueChange
            | LogKind::Other(_) => EventKind::Other,
        };
        let said = matches!(kind, EventKind::Triggered | EventKind::Note);
        let text = text.filter(|_| said).unwrap_or(summary);
        let url = if url.is_empty() { incident.url.clone() } else { url };
        let pointer = finding::pointer("pagerduty_log_entry", "pagerduty", &id, &url);
        Some(Event { at: at?, kind, text, by: by.map(|by| by.to_string()).or(name), pointer })
    }

    fn responders(&self, log: &[LogEntry]) -> Vec<PrincipalId> {
        let acts = |entry: &&LogEntry| {
            matches!(entry.kind, LogKind::Acknowledge | LogKind::Annotate | LogKind::Resolve)
        };
        let mut seen = BTreeSet::new();
        let people = log.iter().filter(acts).filter_map(|entry| self.person(entry));
        people.filter(|person| seen.insert(person.clone())).collect()
    }

    fn person(&self, entry: &LogEntry) -> Option<PrincipalId> {
        people::named(self.inquiry.people, entry.by_id.as_deref(), None, entry.by.as_deref()?)
    }

    /// What was said in its channel, and what of it could not be read. A channel that the app is not in is unknown: what was
    /// said there is not nothing.
    async fn said(
        &self,
        incident: &pagerduty::Incident,
        from: Timestamp,
        until: Timestamp,
    ) -> (Channel, Asked<Vec<Said>>, Option<String>) {
        let own = if self.config.own_channel() { Channel::Own } else { Channel::Shared };
        let Some(slack) = &self.inquiry.sources.slack else { return (Channel::Shared, Asked::Never, None) };
        let name = self.config.channel_of(&incident.reference, &incident.service);
        let failed = |error| (own.clone(), self.inquiry.unknown(&error), None);
        let channel = match slack.channel(&name).await {
            Ok(Fact::Known(channel)) if channel.member => channel,
            Ok(Fact::Known(_)) => {
                let why = format!("our app is not in #{name}: invite it");
                return (own, Asked::Unknown { why, at: self.inquiry.clock.now() }, None);
            }
            Ok(Fact::Unknown(why)) => {
                let unknown = Asked::Unknown { why: why.clone(), at: self.inquiry.clock.now() };
                return (Channel::Missing(why), unknown, None);
            }
            Err(error) => return failed(error),
        };
        let history = match slack.messages(&channel.id, from, until).await {
            Ok(history) => history,
            Err(error) => return failed(error),
        };
        let people = match slack.people(&history.messages).await {
            Ok(people) => people,
            Err(error) => return failed(error),
        };
        let spoken = history.messages.iter().filter(|message| !message.is_notice());
        let said = spoken.map(|message| self.one_said(&channel.id, message, &people)).collect();
        (own, Asked::Known { value: said, at: self.inquiry.clock.now() }, history.missing)
    }

    fn one_said(
        &self,
        channel: &str,
        message: &slack::Message,
        people: &BTreeMap<String, slack::Person>,
    ) -> Said {
        let author = message.user.as_ref().and_then(|id| people.get(id));
        let known = author.and_then(|one| {
            people::named(self.inquiry.people, Some(&one.id), one.email.as_deref(), &one.name)
        });
        let called = author.map(|one| one.name.clone()).or_else(|| message.name.clone());
        let reference = format!("{channel} {}", message.ts);
        Said {
            at: message.at,
            by: known.map(|known| known.to_string()).or(called).unwrap_or_else(|| "somebody".to_owned()),
            text: slack::text::plain(&message.text, people),
            reactions: message.reactions.iter().map(|(name, _)| name.clone()).collect(),
            in_thread: message.thread_ts.as_ref().is_some_and(|thread| *thread != message.ts),
            bot: message.bot || author.is_some_and(|one| one.bot),
            pointer: finding::pointer("slack_message", "slack", &reference, &message.permalink),
        }
    }

    /// Who is configured to measure the service: Prometheus, else Datadog; nobody is asked where neither is.
    async fn gauges(&self, service: &str, from: Timestamp, until: Timestamp) -> Vec<Gauge> {
        let sources = self.inquiry.sources;
        let prometheus = sources.prometheus.as_ref().zip(self.config.prometheus.get(service));
        let datadog = sources.datadog.as_ref().zip(self.config.datadog.get(service));
        match (prometheus, datadog) {
            (Some((prometheus, name)), _) => self.of_prometheus(prometheus, name, from, until).await,
            (None, Some((datadog, name))) => self.of_datadog(datadog, name, from, until).await,
            (None, None) => Vec::new(),
        }
    }

    async fn of_prometheus(
        &self,
        prometheus: &prometheus::Source,
        name: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<Gauge> {
        let queries = prometheus.queries(name);
        let ask =
            |name, query, unit| self.inquiry.gauge_between(prometheus, name, query, unit, (from, until));
        let (burn, left, errors, p95) = tokio::join!(
            // The shortest window: when it began and ended shows best there.
            ask(Measure::Burn5m.name(), queries.burn(Window::Minutes5), Unit::Times),
            ask(Measure::BudgetLeft.name(), queries.budget_left, Unit::Percent),
            ask(Measure::ErrorRate.name(), queries.error_rate, Unit::Percent),
            ask(Measure::P95.name(), queries.p95_seconds, Unit::Milliseconds),
        );
        vec![burn, left, errors, p95]
    }

    /// Datadog's SLO at both ends of the time, and the service's series between them; the burn is the share of errors as a
    /// multiple of what the SLO allows.
    async fn of_datadog(
        &self,
        datadog: &datadog::Source,
        name: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<Gauge> {
        let (slo, errors, p95) = tokio::join!(
            datadog.slo_of(name),
            datadog.error_rate(name, from, until),
            datadog.p95(name, from, until)
        );
        let series = |what| finding::pointer(what, "datadog", name, "");
        let gauge = Inquiry::gauge_of;
        let (slo, errors) = (self.inquiry.answered(slo), self.inquiry.answered(errors));
        let burn = match (&slo, &errors) {
            (Asked::Known { value: slo, at }, Asked::Known { value: errors, .. }) => {
                Asked::Known { value: burning(errors, slo.target), at: *at }
            }
            (Asked::Known { .. }, other) => other.clone(),
            (other, _) => other.clone().map(|_| Series::default()),
        };
        let (mut pointer, mut left) = (series("datadog_slo"), slo.clone().map(|_| Series::default()));
        if let Asked::Known { value: slo, .. } = &slo {
            pointer =
                finding::pointer("datadog_slo", "datadog", &slo.id, &datadog.link(slo).unwrap_or_default());
            left = self.budget(datadog, slo, from, until).await;
        }
        vec![
            gauge("SLO burn", pointer.clone(), Unit::Times, burn),
            gauge(Measure::BudgetLeft.name(), pointer, Unit::Percent, left),
            gauge(Measure::ErrorRate.name(), series("datadog_error_rate"), Unit::Percent, errors),
            gauge(Measure::P95.name(), series("datadog_p95"), Unit::Milliseconds, self.inquiry.answered(p95)),
        ]
    }

    /// What was left of the budget at two times: a series of two points.
    async fn budget(
        &self,
        datadog: &datadog::Source,
        slo: &datadog::Slo,
        from: Timestamp,
        until: Timestamp,
    ) -> Asked<Series> {
        let (before, after) = tokio::join!(datadog.budget(slo, from), datadog.budget(slo, until));
        let left = |read| self.inquiry.answered(read).map(|left: datadog::Budget| left.left_percent / 100.0);
        match (left(before), left(after)) {
            (Asked::Known { value: before, .. }, Asked::Known { value: after, at }) => {
                let step = Duration::try_from(until.duration_since(from)).unwrap_or_default();
                let points = vec![Some(before), Some(after)];
                Asked::Known { value: Series { start: from, step, points }, at }
            }
            (Asked::Known { .. }, other) | (other, _) => other.map(|_| Series::default()),
        }
    }
}

/// Errors as a multiple of what the target, in percent, allows.
fn burning(errors: &Series, target: f64) -> Series {
    let allowed = 1.0 - target / 100.0;
    let points = errors.points.iter().map(|point| point.map(|share| share / allowed)).collect();
    Series { points, ..errors.clone() }
}

pub(in crate::agent) fn pointer(incident: &pagerduty::Incident) -> Pointer {
    finding::pointer("pagerduty_incident", "pagerduty", &incident.reference, &incident.url)
}

/// Rows of the incident itself, and rows of its service that were decided or carried out shortly before or during it.
fn around(
    rows: &[RowView],
    incident: &pagerduty::Incident,
    opened_at: Timestamp,
    until: Timestamp,
) -> Vec<Around> {
    let from = opened_at.saturating_sub(CAUSES_WITHIN).unwrap_or(opened_at);
    let concerns = |row: &&RowView| {
        let service = row.head.subject.split('/').next().unwrap_or_default();
        row.head.incident.as_deref() == Some(&incident.reference) || service == incident.service
    };
    let mut around: Vec<Around> = rows
        .iter()
        .filter(concerns)
        .filter_map(|row| {
            let (at, what) = what_became(row)?;
            let pointer = finding::pointer("dock_row", "dock", &row.head.id.to_string(), "");
            let title = row.head.title.clone();
            (from <= at && at <= until).then_some(Around { row: row.head.id, title, at, what, pointer })
        })
        .collect();
    around.sort_by_key(|around| around.at);
    around.truncate(ROWS_MAX);
    around
}

/// What was ticked and signed on the live runbooks of this incident.
pub(in crate::agent) fn ticked(rows: &[RowView], incident: &str) -> Vec<Ticked> {
    let of_it = |row: &&RowView| {
        row.head.kind == Kind::Runbook
            && row.head.subject.split_once('@').is_some_and(|(_, of)| of == incident)
    };
    let mut all: Vec<Ticked> = rows.iter().filter(of_it).flat_map(ticks_of).collect();
    all.sort_by_key(|tick| (tick.at, tick.row, tick.number));
    // The last word said of a step is the one that counts.
    all.drain(..all.len().saturating_sub(TICKS_MAX));
    all
}

/// Of the steps as they are in the row: what was signed of another revision's counted otherwise.
pub(in crate::agent) fn ticks_of(row: &RowView) -> Vec<Ticked> {
    let Some(Proposal::Live(live)) = &row.proposal else { return Vec::new() };
    let pointer = finding::pointer("dock_row", "dock", &row.head.id.to_string(), "");
    let signed = row.decisions.iter().filter(|one| {
        one.decision == Decision::Approve && one.void.is_none() && one.revision == row.head.revision
    });
    let of_one = |one: &DecisionView| {
        let tick = |(number, word): (&String, &String)| {
            let number: usize = number.parse().ok()?;
            let step = live.steps.get(number.checked_sub(1)?)?;
            Some(Ticked {
                at: one.made_at.min(one.at),
                received_at: one.at,
                number,
                label: step.label.clone(),
                step: step.text.clone(),
                word: word.clone(),
                by: one.reviewer.to_string(),
                row: row.head.id,
                pointer: pointer.clone(),
            })
        };
        one.conditions.iter().filter_map(tick).collect::<Vec<_>>()
    };
    signed.flat_map(of_one).collect()
}

/// `executed, overridden by priya`; none of a row that nobody has decided.
fn what_became(row: &RowView) -> Option<(Timestamp, String)> {
    // What was said of a runbook's steps changed nothing, neither there nor on the page.
    if matches!(row.proposal, Some(Proposal::Live(_))) {
        return None;
    }
    let decision = row.decisions.iter().rev().find(|decision| decision.void.is_none())?;
    let executed = row.execution.as_ref().and_then(|execution| execution.confirmed_at);
    let how = if decision.overrides { "overridden" } else { decision.decision.word() };
    let state = row.head.state.word();
    Some((executed.unwrap_or(decision.at), format!("{state}, {how} by {}", decision.reviewer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::{
            DecisionId, State, Touch,
            proposal::{Live, LiveStep},
        },
    };

    fn incident(service: &str) -> pagerduty::Incident {
        pagerduty::Incident {
            id: "Q1".into(),
            reference: "INC-9".into(),
            title: "it fails".into(),
            status: pagerduty::IncidentStatus::Resolved,
            urgency: "high".into(),
            priority: None,
            service_id: "P1".into(),
            service: service.into(),
            created_at: Some(sample::at(7200)),
            resolved_at: Some(sample::at(9000)),
            updated_at: Some(sample::at(9000)),
            details: String::new(),
            url: "https://acme.pagerduty.com/incidents/Q1".into(),
        }
    }

    fn decided(id: &str, second: i64, overrides: bool) -> RowView {
        let mut row = sample::view(id, 1, sample::draft());
        row.head.state = State::Executed;
        row.head.incident = None;
        row.decisions.push(DecisionView {
            id: DecisionId::new(0, [0; 10]),
            decision: Decision::Approve,
            overrides,
            reviewer: "priya".parse().unwrap(),
            note: None,
            made_at: sample::at(second),
            at: sample::at(second),
            key: String::new(),
            touch: Touch::Unproven,
            offline: false,
            revision: 1,
            conditions: std::collections::BTreeMap::new(),
            void: None,
            log_index: None,
        });
        row
    }

    #[test]
    fn a_live_runbooks_signed_ticks_are_told_and_the_row_itself_is_no_change() {
        let step = |text: &str| LiveStep { text: text.to_owned(), ..LiveStep::default() };
        let mut row = decided("rb-8830", 7300, false);
        row.head.kind = Kind::Runbook;
        row.head.subject = "CONF-1@INC-9".to_owned();
        row.head.incident = Some("INC-9".to_owned());
        row.proposal = Some(Proposal::Live(Live {
            incident: "INC-9".to_owned(),
            steps: vec![step("Wait"), step("Restart sentinel")],
            ..Live::default()
        }));
        row.decisions[0].conditions =
            [("1", "skipped"), ("2", "wrong: gone since the move"), ("7", "followed"), ("x", "followed")]
                .map(|(number, word)| (number.to_owned(), word.to_owned()))
                .into();
        let told = |row: &RowView, incident: &str| -> Vec<String> {
            ticked(std::slice::from_ref(row), incident).iter().map(Ticked::told).collect()
        };
        let expected = [
            "step 1 skipped: \u{201c}Wait\u{201d} (priya, rb-8830)",
            "step 2 wrong (\u{201c}gone since the move\u{201d}): \u{201c}Restart sentinel\u{201d} (priya, rb-8830)",
        ];
        assert_eq!(told(&row, "INC-9"), expected);
        assert!(told(&row, "INC-10").is_empty(), "another incident's");
        assert!(
            around(std::slice::from_ref(&row), &incident("x"), sample::at(7200), sample::at(9000)).is_empty()
        );
        row.head.revision = 2;
        assert!(told(&row, "INC-9").is_empty(), "signed of another revision's steps");
        row.head.revision = 1;
        row.decisions[0].void = Some("taken back".to_owned());
        assert!(told(&row, "INC-9").is_empty(), "taken back");
    }

    #[test]
    fn rows_around_an_incident_are_those_that_were_decided_then() {
        let told = |service: &str, rows: &[RowView]| {
            let found = around(rows, &incident(service), sample::at(7200), sample::at(9000));
            found.into_iter().map(|around| (around.row.to_string(), around.what)).collect::<Vec<_>>()
        };
        let rows = [decided("sync-8822", 7000, true), decided("sync-8821", 6900, false)];
        let both = [
            ("sync-8821".to_owned(), "executed, approve by priya".to_owned()),
            ("sync-8822".to_owned(), "executed, overridden by priya".to_owned()),
        ];
        assert_eq!(told("checkout-web", &rows), both, "in the order of time");
        assert!(told("another", &rows).is_empty());
        let named = RowView {
            head: crate::wire::RowHead { incident: Some("INC-9".into()), ..rows[0].head.clone() },
            ..rows[0].clone()
        };
        assert_eq!(told("another", &[named]).len(), 1, "a row that names it");
        assert!(told("checkout-web", &[decided("sync-8823", 9001, false)]).is_empty(), "after it");
        assert!(
            told("checkout-web", &[sample::view("sync-8824", 1, sample::draft())]).is_empty(),
            "undecided"
        );
    }
}
