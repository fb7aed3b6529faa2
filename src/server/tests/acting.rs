//! A server without executor, and an executor over its store that a test drives step by step.
//!
//! Never: a step that nobody asked for.

use std::{future::Future, pin::Pin};

use tokio::sync::Notify;

use super::*;
use crate::{
    audit::leaf::Leaf,
    row::State,
    server::executor::{self, Executor},
    store::Leaves,
};

/// Where an execution can end.
pub(super) const ENDED: [State; 4] = [State::Executed, State::Failed, State::Unknown, State::Stale];

pub(super) struct Acting {
    pub(super) world: World,
    pub(super) config: Config,
    pub(super) writes: executor::Config,
}

/// Writes a secret and gives its file's name.
pub(super) type Secrets<'a> = &'a dyn Fn(&str, &str) -> String;

impl Acting {
    /// `sections` of the server's config and of the executor's, once the platforms are there.
    pub(super) async fn start(sections: impl FnOnce(&Simulators, Secrets<'_>) -> (String, String)) -> Self {
        const PACE: &str = "[pace]\npoll_ms = 5\nlease_ms = 400\nretry_ms = 5\nwatch_ms = 1800000\nhealthy_after_ms = 300000\n";
        let mut writes = None;
        let world = World::start_telling("memory:", |platforms, dir| {
            let secret = |name: &str, text: &str| {
                let file = dir.join(name);
                write_private(&file, text);
                file.display().to_string()
            };
            let (read, write) = sections(platforms, &secret);
            writes = Some(toml::from_str(&format!("{PACE}{write}")).unwrap());
            read
        })
        .await;
        let text = std::fs::read_to_string(world.dir.path().join("config")).unwrap();
        Self { config: toml::from_str(&text).unwrap(), writes: writes.unwrap(), world }
    }

    pub(super) fn executor(&self) -> Executor {
        self.executor_of(ORG)
    }

    /// Of this organisation: of another than the record's, to which nothing in it is borne out.
    pub(super) fn executor_of(&self, org: &str) -> Executor {
        let (store, clock) = (Arc::clone(&self.world.app.store), self.world.app.clock.clone());
        let admins = self.config.pinned().unwrap();
        Executor::open(store, clock, org, admins, &self.writes, &self.config.around()).unwrap()
    }

    /// The server ends and begins again over the same store.
    pub(super) async fn restarted(&mut self) {
        self.world.running.abort();
        let (clock, store) = (self.world.app.clock.clone(), Arc::clone(&self.world.app.store));
        let server = super::super::bind_over(&self.config, clock, store).await.unwrap();
        self.world.url = format!("http://{}", server.address());
        self.world.app = Arc::clone(&server.app);
        self.world.running = run(server);
    }

    pub(super) async fn state(&self, row: RowId) -> State {
        self.world.store().row(row).await.unwrap().unwrap().state()
    }

    /// Works until the row is in one of these states.
    pub(super) async fn work(&self, executor: &Executor, row: RowId, until: &[State]) -> crate::row::Row {
        loop {
            let worked = executor.turn().await.unwrap();
            let now = self.world.store().row(row).await.unwrap().unwrap();
            if until.contains(&now.state()) {
                return now;
            }
            if !worked {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Works until this place, and no further.
    pub(super) async fn cut(&self, row: RowId, point: &'static str) {
        self.cut_at(row, point, 1).await;
    }

    /// Works until it is at this place for the `nth` time, and no further.
    pub(super) async fn cut_at(&self, row: RowId, point: &'static str, nth: usize) {
        let met = std::sync::atomic::AtomicUsize::new(0);
        let reached = Arc::new(Notify::new());
        let there = Arc::clone(&reached);
        let executor = self.executor().stopping(Arc::new(move |at| {
            let met = |at| at == point && met.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == nth;
            let cut = met(at);
            if cut {
                there.notify_one();
            }
            Box::pin(std::future::ready(cut)) as Pin<Box<dyn Future<Output = bool> + Send>>
        }));
        tokio::select! {
            done = self.work(&executor, row, &ENDED) => panic!("{point} was never reached: {:?}", done.stage),
            () = reached.notified() => {}
        }
        drop(executor);
        self.world.store().reclaim_work().await.unwrap();
    }

    pub(super) async fn leaves(&self, row: RowId) -> Vec<Leaf> {
        let leaves = self.world.store().leaves(Leaves::OfRow(row)).await.unwrap();
        leaves.iter().map(|leaf| Leaf::parse(&leaf.bytes).unwrap()).collect()
    }
}
