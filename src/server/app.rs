//! What all handlers share: the store, the clock, the record's key, the platforms, who may do what.
//!
//! Never: a row or an authority kept beyond what the store can be asked about again.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    executor::Troubles,
    hooks::Hooks,
    judge::Asks,
    limits::Limits,
    login::Challenges,
    record::Record,
    series::Readings,
    shifts::Shifts,
    standing::{Standing, Standings},
    telling::Telling,
};
use crate::{
    clock::Clock,
    platform::Sources,
    policy::Engine,
    row::{gate::Service, page::Runbook, paper::Place},
    store::{Store, StoreError},
};

/// One server's state, shared by its handlers and background tasks.
pub struct App {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    /// When it began: a pipeline's silence is counted from then on at the earliest.
    pub(super) since: jiff::Timestamp,
    pub(super) org: String,
    /// As clients write it; login challenges name it.
    pub(super) url: String,
    pub(super) record: Record,
    pub(super) standings: Standings,
    pub(super) sources: Sources,
    pub(super) hooks: Hooks,
    /// How deploys are gated, by service.
    pub(super) gates: BTreeMap<String, Service>,
    pub(super) runbooks: BTreeMap<String, Runbook>,
    /// Where post-mortems are published.
    pub(super) postmortems: Option<Place>,
    pub(super) shifts: Shifts,
    pub(super) readings: Readings,
    pub(super) challenges: Challenges,
    pub(super) limits: Limits,
    pub(super) asks: Asks,
    pub(super) engine: &'static Engine,
    pub(super) counters: Counters,
    /// Who is told what happens to rows.
    pub(super) telling: Telling,
    /// The executor that runs in this process, where one does.
    pub(super) executor: Option<Arc<super::executor::Executor>>,
    pub(super) agent_calls: super::calls::AgentCalls,
    /// Why the executor does not go on with which row, while it does not.
    pub(super) troubles: Troubles,
    /// True once the server ends: what waits, waits no longer.
    pub(super) closing: watch::Sender<bool>,
    /// Why nothing may be written, if so.
    pub(super) read_only: Option<String>,
}

impl App {
    /// Who may do what, as of the newest entry.
    pub(super) async fn standing(&self) -> Result<Arc<Standing>, StoreError> {
        self.standings.newest(&*self.store).await
    }

    /// Waits for `what`, `within` at most, and not beyond the server's end.
    pub(super) async fn wait_for(&self, what: impl Future<Output = ()>, within: Duration) {
        let mut closing = self.closing.subscribe();
        tokio::select! {
            () = what => {}
            () = tokio::time::sleep(within) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}

/// What `/metrics` counts, by name and label.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<BTreeMap<(&'static str, String), u64>>);

impl Counters {
    pub(super) fn count(&self, name: &'static str, label: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry((name, label.to_owned())).or_default() += 1;
    }

    pub(super) fn all(&self) -> BTreeMap<(&'static str, String), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
