//! What an agent's own calls have come to, told to Dock: whoever looks after its limits looks at one place.
//!
//! Never: a look that waits for it to be taken; told oftener than once a minute.

use jiff::{SignedDuration, Timestamp};

use crate::{
    client::api::Api,
    clock::Clock,
    platform::{Calls, Platform, Sources},
    wire::PlatformCalls,
};

const EVERY: SignedDuration = SignedDuration::from_secs(60);

/// When it was told last.
#[derive(Debug, Default)]
pub(super) struct Tally {
    told_at: Option<Timestamp>,
}

impl Tally {
    /// Tells Dock, if a minute is over. What is not taken now is told the next time.
    pub(super) async fn tell(&mut self, api: &Api, sources: &Sources, clock: &Clock) {
        let now = clock.now();
        if self.told_at.is_some_and(|at| now.duration_since(at).abs() < EVERY) {
            return;
        }
        self.told_at = Some(now);
        if let Err(error) = api.tell_calls(&platform_calls(sources.calls())).await {
            tracing::debug!(%error, "what our calls have come to was not taken");
        }
    }
}

/// Calls as they are told, by platform.
pub fn platform_calls(all: Vec<(Platform, Calls)>) -> Vec<PlatformCalls> {
    let told = |(platform, calls): (Platform, Calls)| PlatformCalls {
        by: None,
        at: None,
        platform: platform.name().to_owned(),
        made: calls.made,
        limit: calls.told.map(|(limit, _)| limit),
        left: calls.told.map(|(_, left)| left),
    };
    all.into_iter().map(told).collect()
}
