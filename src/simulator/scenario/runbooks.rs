//! The nights after which a runbook is wrong: three incidents that are over when the world begins, one after another.
//!
//! INC-2099: a Redis primary is failed over, which works once its replica was rotated. INC-2104: api-gw is restarted by
//! hand, and somebody says that a workflow does that now. INC-2108: one region is half away, and nothing says what to do.
//! Never: a row, or a service that has anything to do with the other scenarios' incidents.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::before;
use crate::simulator::{SimulatorError, pagerduty::Incident, world::State};

/// NOTION-91a, by its whole id.
const REGION_PAGE: &str = "91a4c2d0-5b7e-4f13-9c86-2e0d7a1b3f58";

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

/// What the three nights did to the services' numbers: from when and until when, in minutes before the world begins.
const BURNED: [(&str, i64, i64); 3] =
    [("session-store", 98, 73), ("api-gw", 60, 46), ("edge-routing", 39, 22)];
const NIGHT_BURN: f64 = 62.0;

pub(super) fn measure(state: &mut State, now: Timestamp) {
    for (service, from, until) in BURNED {
        state.slo(service).burned(before(now, from), before(now, until), NIGHT_BURN);
    }
}

/// The runbook of the edge, which knows a region that is gone and no other trouble.
pub(super) fn region_page(state: &mut State, written: Timestamp) -> Result<(), SimulatorError> {
    let rich = |text: &str| json!([{"type": "text", "text": {"content": text}}]);
    let block = |kind: &str, text: &str| json!({"type": kind, kind: {"rich_text": rich(text)}});
    let blocks: Vec<Value> = vec![
        block("paragraph", "For when a region does not answer at the edge. Owned by the platform team."),
        block("heading_2", "A region is gone"),
        block("numbered_list_item", "Look at the edge map: which regions lose packets?"),
        block("numbered_list_item", "Check that the other regions have room for its traffic."),
        block("numbered_list_item", "Drain the region and say so in #incidents."),
        block("heading_2", "Afterwards"),
        block("paragraph", "Take the region back at a tenth of its weight first."),
    ];
    state.notebook.lay((REGION_PAGE, "Region outage"), &json!(blocks), "sarah", written)
}

/// Who said what, so many minutes before the world begins; the channel is named after the incident.
const SAID: &[(u64, i64, &str, &str)] = &[
    (
        2099,
        91,
        "priya",
        "I take it. redis-0 is read-only since its disk is full, looking at the failover runbook.",
    ),
    (2099, 88, "priya", "Stopped the writers, step 1."),
    (
        2099,
        84,
        "marcus",
        "The replica has the old append-only file, too: after a failover its disk is full again.",
    ),
    (
        2099,
        80,
        "priya",
        "ran `redis-cli -h redis-1 BGREWRITEAOF` to rotate the replica first, it is down to 4 GB",
    ),
    (2099, 76, "priya", "`redis-cli -h sessions-sentinel SENTINEL failover sessions` went through"),
    (2099, 72, "jordan", "Logins are back."),
    (
        2099,
        69,
        "priya",
        "The runbook is missing a step: rotate Redis replica before failover. I will not remember that at 3am.",
    ),
    (
        2104,
        54,
        "marcus",
        "Restarting api-gw node by node as the runbook says. Two are still on the old routes.",
    ),
    (
        2104,
        51,
        "govind",
        "please don't restart api-gw by hand any more, use the new GHA workflow: \
        https://github.com/acme/api-gw/actions/runs/77120",
    ),
    (2104, 50, "marcus", "It reloads the routes, too?"),
    (
        2104,
        49,
        "govind",
        "Yes, one node after another. It is defined in \
        https://github.com/acme/api-gw/blob/main/.github/workflows/restart-api-gw.yml",
    ),
    (2104, 45, "marcus", "It ran through, all three serve the new routes."),
    (
        2108,
        35,
        "priya",
        "Two zones of eu-west-2 lose packets, two are fine. The runbook only knows a region that is gone.",
    ),
    (2108, 30, "sarah", "Then do not drain all of it, the other regions cannot take that now."),
    (2108, 24, "priya", "Weights of 2b and 2c are down to 0, errors are falling."),
    (
        2108,
        18,
        "priya",
        "For the runbook, so that nobody has to guess next time:\n\
        Decision tree for partial region outage:\n\
        - One zone is away: take its weight to 0 and wait for 10 minutes.\n\
        - Half of the zones or fewer are away: take their weights to 0, keep the region.\n\
        - More than half are away, and the others have room: drain the region.\n\
        - More than half are away, and the others have none: shed load at the edge, page the lead.",
    ),
];

/// What was said in the incidents' channels, which the others can read.
pub(super) fn talk(state: &mut State, now: Timestamp) {
    let channel = |number: u64| format!("inc-{number}");
    for number in [2099, 2104, 2108] {
        state.chat.add_channel(&channel(number), true);
    }
    for (number, minutes, who, text) in SAID {
        state.chat.say(&channel(*number), who, before(now, *minutes), text, None);
    }
}
