//! The nights after which a runbook is wrong: three incidents that are over when the world begins, one after another.
//!
//! INC-2099: a Redis primary is failed over, which works once its replica was rotated. INC-2104: api-gw is restarted by
//! hand, and somebody says that a workflow does that now. INC-2108: one region is half away, and nothing says what to do.
//! Never: a row, or a service that has anything to do with the other scenarios' incidents.

use jiff::Timestamp;

use super::before;
use crate::simulator::pagerduty::Incident;

/// Services of PagerDuty alone, each with its escalation policy.
pub(super) const SERVICES: [(&str, &str); 3] =
    [("session-store", "Platform"), ("api-gw", "Gateway"), ("edge-routing", "Platform")];

/// Marcus is called first for the gateway.
pub(super) const GATEWAY: (&str, &[&str]) = ("Gateway", &["marcus", "jordan"]);

/// The incidents, in the order in which they were resolved.
pub(super) fn incidents(now: Timestamp) -> Vec<Incident> {
    vec![redis(now), gateway(now), region(now)]
}

fn redis(now: Timestamp) -> Incident {
    let at = |minutes| before(now, minutes);
    let mut incident = Incident::new(
        2099,
        "session-store",
        "Redis primary of session-store is read-only, logins fail",
        "redis-0 answers READONLY to every write since its disk filled up. Sessions cannot be made.",
        at(94),
    )
    .of_priority("SEV-3");
    incident.acknowledge("priya", at(92));
    incident.alert(at(90), "session-store: login errors over 20 %");
    incident.note("priya", at(70), "Failed over to redis-1 after its replica was rotated. Logins are back.");
    incident.resolve("priya", at(66));
    incident
}

fn gateway(now: Timestamp) -> Incident {
    let at = |minutes| before(now, minutes);
    let mut incident = Incident::new(
        2104,
        "api-gw",
        "api-gw serves 502 on a third of its routes",
        "Two of three gateways hold routes from before the last release.",
        at(58),
    )
    .of_priority("SEV-3");
    incident.escalate("jordan", at(56));
    incident.acknowledge("marcus", at(55));
    incident.note("marcus", at(44), "Routes are fresh again since the workflow ran.");
    incident.resolve("marcus", at(42));
    incident
}

fn region(now: Timestamp) -> Incident {
    let at = |minutes| before(now, minutes);
    let mut incident = Incident::new(
        2108,
        "edge-routing",
        "eu-west-2 answers for half of its zones",
        "Two of four zones of eu-west-2 lose packets; the others serve.",
        at(38),
    )
    .of_priority("SEV-3");
    incident.acknowledge("priya", at(36));
    incident.note("priya", at(20), "Drained eu-west-2b and -2c by weight, kept the region. Errors are gone.");
    incident.resolve("priya", at(15));
    incident
}
