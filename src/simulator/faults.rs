//! What goes wrong on a platform, when it is told to.
//!
//! Never: by chance.

use std::{
    io,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::sync::watch;

use super::{Site, World};

/// One way of going wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status, with a body of no use.
    Status(u16),
    /// 429 with the seconds until it is over, in the header that the platform uses for them.
    RateLimited(u64),
    /// 200 with what is not the platform's JSON.
    Garbage,
    /// The right answer, broken off in its middle.
    HalfBody,
    /// The request is carried out, its answer is lost.
    LostAnswer,
    /// No answer ever.
    Hang,
    /// The right answer, late.
    Slow(Duration),
    /// A redirect to there.
    Redirect(String),
}

#[derive(Debug, Clone)]
struct Scripted {
    fault: Fault,
    on: String,
    left: Option<u32>,
}

/// One platform's troubles.
#[derive(Debug, Default)]
pub struct Faults {
    down: watch::Sender<bool>,
    scripted: Mutex<Vec<Scripted>>,
}

impl Faults {
    /// Nothing listens any more, and open connections break.
    pub fn down(&self) {
        self.down.send_replace(true);
    }

    pub fn up(&self) {
        self.down.send_replace(false);
    }

    pub fn is_down(&self) -> bool {
        *self.down.borrow()
    }

    /// Requests whose `METHOD /path?query` contains `on` meet this fault, so many `times` (`None`: until cleared). The
    /// fault that was scripted first is met first.
    pub fn script(&self, on: &str, fault: Fault, times: Option<u32>) {
        let scripted = Scripted { fault, on: on.to_owned(), left: times };
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).push(scripted);
    }

    /// Nothing goes wrong any more; down stays down.
    pub fn clear(&self) {
        self.scripted.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn watch_down(&self) -> watch::Receiver<bool> {
        self.down.subscribe()
    }

    fn meet(&self, request: &str) -> Option<Fault> {
        let mut scripted = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        let index = scripted.iter().position(|one| request.contains(&one.on))?;
        let fault = scripted[index].fault.clone();
        if let Some(left) = &mut scripted[index].left {
            *left -= 1;
            if *left == 0 {
                scripted.remove(index);
            }
        }
        Some(fault)
    }
}

/// Puts a platform's troubles before its API.
pub(super) fn layer(api: Router, world: World, site: Site) -> Router {
    api.layer(middleware::from_fn_with_state((world, site), meet))
}

async fn meet(State((world, site)): State<(World, Site)>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    match world.faults(site).meet(&line) {
        None => next.run(request).await,
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, "simulated").into_response()
        }
        Some(Fault::RateLimited(seconds)) => {
            let wait = [(site.wait_header(), HeaderValue::from(seconds))];
            (StatusCode::TOO_MANY_REQUESTS, wait, "slow down").into_response()
        }
        Some(Fault::Garbage) => "<!doctype html><title>Sign in</title>".into_response(),
        Some(Fault::HalfBody) => cut(next.run(request).await, false).await,
        Some(Fault::LostAnswer) => cut(next.run(request).await, true).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Slow(wait)) => {
            tokio::time::sleep(wait).await;
            next.run(request).await
        }
        Some(Fault::Redirect(to)) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
        }
    }
}

/// The same answer, broken off halfway or before its first byte.
async fn cut(response: Response, at_once: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = if at_once { Bytes::new() } else { whole.slice(..whole.len() / 2) };
    // An empty answer could not be seen to be cut.
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(1)));
    let pieces = stream::iter([Ok(half), Err(io::Error::other("cut"))]);
    Response::from_parts(parts, Body::from_stream(pieces))
}
