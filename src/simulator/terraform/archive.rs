//! Where plans lie: another host than the API's, at addresses that are their own permission, each good for one minute.
//!
//! Never: an answer to a request that brings a token, as object stores refuse two ways of being permitted at once.

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::{
    Site,
    world::{State as WorldState, World},
};

const GOOD_FOR_S: i64 = 60;

pub(in crate::simulator) fn router(world: World) -> Router {
    Router::new()
        .route("/v1/object/{ticket}", get(object))
        .fallback(async || StatusCode::NOT_FOUND)
        .with_state(world)
}

/// The address of a plan's document from now on, for a minute.
pub(super) fn address(state: &WorldState, plan: &str, now: Timestamp) -> String {
    let until = now.as_second() + GOOD_FOR_S;
    let port = state.ports.get(Site::TerraformArchive.name()).copied().unwrap_or_default();
    format!("http://127.0.0.1:{port}/v1/object/{plan}.{until}.{}", seal(state, plan, until))
}

fn seal(state: &WorldState, plan: &str, until: i64) -> String {
    let secret = state.tokens.get(Site::TerraformArchive.name()).map(String::as_str).unwrap_or_default();
    let digest = Sha256::digest(format!("{secret} {plan} {until}").as_bytes());
    digest.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

async fn object(State(world): State<World>, Path(ticket): Path<String>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return (StatusCode::BAD_REQUEST, "Only one auth mechanism allowed").into_response();
    }
    let now = world.now().as_second();
    world.read(|state| {
        let mut parts = ticket.split('.');
        let (Some(plan), Some(until), Some(sealed), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let until: i64 = until.parse().unwrap_or_default();
        if sealed != seal(state, plan, until) || now >= until {
            return (StatusCode::FORBIDDEN, "Request has expired").into_response();
        }
        match state.terraform.planned(plan) {
            Some(run) => run.document().to_string().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    })
}
