//! Hooks: what happens is told to one address, signed; what was told is kept and can be told again.
//!
//! Never: a second try by itself; GitHub does not.

use std::{collections::VecDeque, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Answer, No,
    access::{Caller, only_app},
};
use crate::simulator::{
    manifest::seconds,
    world::{State as WorldState, World},
};

/// Deliveries that are kept.
const KEPT_MAX: usize = 200;
/// GitHub waits no longer for an answer.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Hooks {
    /// Where to, and the secret; `None`: nobody is told.
    pub(super) to: Option<(String, String)>,
    next: u64,
    kept: VecDeque<Delivery>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Delivery {
    id: u64,
    /// The same when it is told again.
    guid: String,
    event: String,
    action: String,
    body: String,
    at: Timestamp,
    redelivery: bool,
    sent: bool,
    /// What was answered; `None`: nothing came.
    status: Option<u16>,
}

impl WorldState {
    /// Something happened that hooks tell.
    pub(super) fn tell(&mut self, event: &str, action: &str, body: Option<Value>, at: Timestamp) {
        let hooks = &mut self.github.hooks;
        let (Some(body), true) = (body, hooks.to.is_some()) else { return };
        let guid = crate::simulator::manifest::uid(&format!("{event} {action} {} {body}", hooks.next));
        let (event, action, body) = (event.to_owned(), action.to_owned(), body.to_string());
        let (id, redelivery, sent, status) = (0, false, false, None);
        hooks.push(Delivery { id, guid, event, action, body, at, redelivery, sent, status });
    }
}

impl Hooks {
    fn push(&mut self, delivery: Delivery) {
        self.next += 1;
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(Delivery { id: self.next, ..delivery });
    }

    fn is_due(&self) -> bool {
        self.kept.iter().any(|delivery| !delivery.sent)
    }
}

/// Tells what is due, one after another, for as long as it is polled.
pub(in crate::simulator) async fn deliver(world: World) {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(DEADLINE).build();
    let Ok(client) = client else { return };
    let mut edits = world.edits();
    loop {
        let next = world.quietly(|state, _| {
            let hooks = &mut state.github.hooks;
            let delivery = hooks.kept.iter_mut().find(|delivery| !delivery.sent)?;
            delivery.sent = true;
            Some((delivery.clone(), hooks.to.clone()?))
        });
        let Some((delivery, (url, secret))) = next else {
            if world.read(|state| state.github.hooks.is_due()) {
                continue;
            }
            if edits.changed().await.is_err() {
                return;
            }
            continue;
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, delivery.body.as_bytes());
        let hex = tag.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let request = client
            .post(url)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/simulated")
            .header("x-github-event", &delivery.event)
            .header("x-github-delivery", &delivery.guid)
            .header("x-github-hook-installation-target-id", super::access::APP.to_string())
            .header("x-hub-signature-256", format!("sha256={hex}"))
            .body(delivery.body);
        let status = request.send().await.ok().map(|answer| answer.status().as_u16());
        world.quietly(|state, _| {
            let mut kept = state.github.hooks.kept.iter_mut();
            if let Some(told) = kept.find(|one| one.id == delivery.id) {
                told.status = status;
            }
        });
    }
}

pub(super) fn routes() -> Router<World> {
    Router::new()
        .route("/app/hook/deliveries", get(deliveries))
        .route("/app/hook/deliveries/{id}/attempts", post(again))
}

async fn deliveries(State(world): State<World>, caller: axum::Extension<Caller>) -> Answer {
    only_app(&caller)?;
    let shown = |one: &Delivery| {
        json!({"id": one.id, "guid": one.guid, "delivered_at": seconds(one.at), "redelivery": one.redelivery,
            "event": one.event, "action": one.action, "status_code": one.status.unwrap_or(0), "duration": 0.1,
            "status": if one.status.is_some_and(|status| status < 300) { "OK" } else { "failed to connect to host" },
            "installation_id": super::access::INSTALLATION, "repository_id": null})
    };
    Ok(Json(world.read(|state| state.github.hooks.kept.iter().rev().map(shown).collect())))
}

async fn again(
    State(world): State<World>,
    caller: axum::Extension<Caller>,
    Path(id): Path<u64>,
) -> Result<(StatusCode, Json<Value>), No> {
    only_app(&caller)?;
    world.edit(|state, now| {
        let hooks = &mut state.github.hooks;
        let old = hooks.kept.iter().find(|one| one.id == id).cloned().ok_or(No::NotFound)?;
        hooks.push(Delivery { at: now, redelivery: true, sent: false, status: None, ..old });
        Ok((StatusCode::ACCEPTED, Json(json!({}))))
    })
}
