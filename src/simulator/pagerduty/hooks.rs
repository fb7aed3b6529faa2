//! PagerDuty's webhooks (v3): every entry of an incident's log is told to one address, signed, in order.
//!
//! Never: an event before the one before it was taken; one of another kind than the log has.

use std::time::Duration;

use ring::hmac;
use serde_json::{Value, json};

use super::{Incident, Pager, World, id, reference, user};
use crate::simulator::manifest::seconds;

/// PagerDuty waits no longer for an answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// After no answer, 429 or 5xx; the real one waits longer each time, for two days.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl World {
    /// What happens from now on is told to this address, signed with this secret.
    pub fn hook_pagerduty(&self, url: &str, secret: &str) {
        self.edit(|state, _| {
            state.pager.hook = Some((url.to_owned(), secret.to_owned()));
            state.pager.incidents.iter_mut().for_each(|incident| incident.told = incident.log.len());
        });
    }
}

struct Due {
    incident: u64,
    told: usize,
    /// None of entries that nobody is told of.
    body: Option<String>,
}

impl Pager {
    fn due(&self) -> Option<Due> {
        let incident = self.incidents.iter().find(|incident| incident.told < incident.log.len())?;
        let told = incident.told;
        Some(Due { incident: incident.number, told, body: incident.event(told).map(|body| body.to_string()) })
    }
}

impl Incident {
    fn event(&self, index: usize) -> Option<Value> {
        let entry = self.log.get(index)?;
        let name = entry.kind.event()?;
        let data = if name == "incident.annotated" {
            json!({"id": id("N", &format!("{} {index}", self.number)), "type": "incident_note",
                "content": entry.text, "incident": reference("incident", &self.id())})
        } else {
            json!({"id": self.id(), "type": "incident", "number": self.number, "status": self.status(),
                "title": self.title, "urgency": "high", "service": reference("service", &self.service),
                "priority": reference("priority", &self.priority), "resolve_reason": null,
                "html_url": format!("https://acme.pagerduty.com/incidents/{}", self.id())})
        };
        Some(json!({"event": {"id": id("01", &format!("event {} {index}", self.number)), "event_type": name,
            "resource_type": "incident", "occurred_at": seconds(entry.at), "client": null,
            "agent": entry.by.as_deref().map(|by| user(by, false)), "data": data}}))
    }
}

/// Tells what is due, one after another, for as long as it is polled. What was refused for good is dropped.
pub(in crate::simulator) async fn deliver(world: World) {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(DEADLINE).build();
    let Ok(client) = client else { return };
    let mut edits = world.edits();
    loop {
        let next = world.read(|state| Some((state.pager.due()?, state.pager.hook.clone()?)));
        let Some((due, (url, secret))) = next else {
            if edits.changed().await.is_err() {
                return;
            }
            continue;
        };
        if let Some(body) = due.body {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
            let hex = tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            let request = client
                .post(url)
                .header("content-type", "application/json")
                .header("user-agent", "PagerDuty-Webhook/V3.0")
                .header("x-pagerduty-signature", format!("v1={hex}"))
                .body(body);
            let status = request.send().await.ok().map(|answer| answer.status().as_u16());
            if status.is_none_or(|status| status == 429 || status >= 500) {
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
        }
        world.quietly(|state, _| {
            let mut incidents = state.pager.incidents.iter_mut();
            if let Some(incident) = incidents.find(|incident| incident.number == due.incident) {
                incident.told = due.told + 1;
            }
        });
    }
}
