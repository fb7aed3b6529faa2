//! The stream of changes, in both its forms, with its traps: nothing is replayed, slow readers lose events silently, a
//! payload that repeats for a name is swallowed, and it ends when it ends.
//!
//! Never: an event that the list right after would not confirm.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    sync::{broadcast, watch},
    time::{Interval, MissedTickBehavior, interval},
};

use super::{Parameters, Refusal, account, find, wanted};
use crate::simulator::world::{Change, End, World};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

struct Reader {
    world: World,
    query: Vec<(String, String)>,
    server_sent: bool,
    /// The initial list, then what was not sent yet.
    waiting: VecDeque<Change>,
    changes: broadcast::Receiver<Change>,
    ends: watch::Receiver<End>,
    beat: Interval,
    last: BTreeMap<String, Value>,
    cut: bool,
}

pub(super) async fn stream(
    State(world): State<World>,
    headers: HeaderMap,
    Query(query): Parameters,
) -> Result<Response, Refusal> {
    account(&world, &headers)?;
    let server_sent = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    // The list comes first and the subscription after it, as in ArgoCD: what happens in between is lost.
    let waiting =
        if find(&query, "resourceVersion").is_none() { world.all_as_added() } else { VecDeque::new() };
    let (changes, ends) = world.subscribe();
    let mut beat = interval(KEEP_ALIVE);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let last = BTreeMap::new();
    let reader = Reader { world, query, server_sent, waiting, changes, ends, beat, last, cut: false };
    let body = Body::from_stream(stream::unfold(reader, next));
    let kind = if server_sent { "text/event-stream" } else { "application/json" };
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

/// The next piece of the body; `None` ends it.
async fn next(mut reader: Reader) -> Option<(io::Result<Bytes>, Reader)> {
    if reader.cut {
        return None;
    }
    loop {
        if let Some(change) = reader.waiting.pop_front() {
            if let Some(frame) = reader.frame(change) {
                return Some((Ok(frame), reader));
            }
            continue;
        }
        tokio::select! {
            change = reader.changes.recv() => match change {
                Ok(change) => reader.waiting.push_back(change),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            },
            ended = reader.ends.changed() => {
                let how = *reader.ends.borrow_and_update();
                if ended.is_err() || how == End::Clean(how.count()) {
                    return None;
                }
                reader.cut = true;
                return Some((Err(io::Error::other("cut")), reader));
            },
            _ = reader.beat.tick() => if reader.server_sent {
                return Some((Ok(Bytes::from_static(b":\n")), reader));
            },
        }
    }
}

impl Reader {
    fn frame(&mut self, change: Change) -> Option<Bytes> {
        let shown =
            self.world.read(|state| state.apps.get(&change.name).is_none_or(|app| wanted(&self.query, app)));
        if !shown || self.last.get(&change.name) == Some(&change.app) {
            return None;
        }
        let frame = json!({"result": {"type": change.kind, "application": change.app}});
        self.last.insert(change.name, change.app);
        let text = if self.server_sent { format!("data: {frame} \n\n") } else { format!("{frame}\n") };
        Some(Bytes::from(text))
    }
}
