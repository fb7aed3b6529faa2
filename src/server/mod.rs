//! The backend: keeps rows, judges decisions, seals history. It holds no platform's truth.
//!
//! Reading order: [`router`] has the API on one screen; `drafts` and `decisions` are the two ways in, `judge` and `claim`
//! what an agent's word is held against, `step` the one way from the lifecycle to the store; `standing` who may do what,
//! `record` the log's signed head, `feed` what consoles live on, `timers` what time does alone, `telling` whom news reach
//! where they are.
//! Never: names client or console; a write but through [`crate::store::Store::commit`]; an agent's decision.

use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    audit::authority::Authority,
    clock::Clock,
    platform::{PlatformError, Sources},
    policy::{Engine, PolicyError},
    store::{Setup, Store, StoreError, memory::Memory, sqlite::Sqlite},
};

mod admin;
mod again;
mod amendments;
mod app;
mod aside;
mod automatic;
mod blobs;
mod calls;
mod claim;
pub mod config;
mod connections;
mod decisions;
mod drafts;
mod evidence;
pub mod executor;
mod feed;
mod health;
mod holds;
pub mod hooks;
mod identity;
mod incidents;
mod input;
mod judge;
mod limits;
mod log;
mod login;
mod problem;
mod record;
pub mod reload;
pub mod rota;
mod router;
mod rows;
mod series;
mod shifts;
mod standing;
mod step;
pub mod telling;
#[cfg(test)]
pub(crate) mod tests;
mod thresholds;
mod ticks;
mod timers;
pub mod tokens;
mod view;
mod waiting;

pub use admin::SignedChange;
pub use app::App;
pub use config::Config;
pub use record::RecordError;

use executor::{Executor, ExecutorError};

/// How long a server that ends waits for its executor.
const EXECUTOR_STOPS_WITHIN: Duration = Duration::from_secs(2);

/// Why no server runs. The sentence says what, and what now.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(transparent)]
    Config(#[from] config::WrongConfig),
    #[error("the database `{0}` is of no kind that is known here: `sqlite:FILE`, a file, or `memory:`")]
    Database(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the first entries: {0}")]
    Bootstrap(String),
    #[error(transparent)]
    Platform(#[from] PlatformError),
    #[error("policies: {0}")]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    #[error("the machine's source of randomness failed")]
    NoRandomness,
    #[error("cannot listen on {address}: {why}")]
    Listen { address: SocketAddr, why: String },
}

/// A server that listens and does not answer yet.
pub struct Server {
    app: Arc<App>,
    executor: Option<Arc<Executor>>,
    listener: TcpListener,
    address: SocketAddr,
}

/// Opens everything and serves until `shutdown`.
pub async fn serve(
    config: &Config,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    bind(config, clock).await?.run(shutdown).await
}

/// Opens everything and binds the address.
pub async fn bind(config: &Config, clock: Clock) -> Result<Server, ServerError> {
    bind_over(config, clock, open_store(config)?).await
}

/// The same over a store that is open already.
async fn bind_over(config: &Config, clock: Clock, store: Arc<dyn Store>) -> Result<Server, ServerError> {
    config.check()?;
    let listen = |why: std::io::Error| ServerError::Listen { address: config.listen, why: why.to_string() };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let url = config.url.clone().unwrap_or_else(|| format!("http://{address}"));
    let mut app = open(config, clock.clone(), Arc::clone(&store), url).await?;
    let executor = match (&config.executor, &app.read_only) {
        (Some(section), None) => {
            let around = config.around();
            Some(Arc::new(Executor::open(store, clock, &config.org, config.pinned()?, section, &around)?))
        }
        _ => None,
    };
    if let Some(executor) = &executor {
        app.troubles = executor.troubles();
    }
    app.executor.clone_from(&executor);
    Ok(Server { app: Arc::new(app), executor, listener, address })
}

/// The database that a config names.
pub fn open_store(config: &Config) -> Result<Arc<dyn Store>, ServerError> {
    let setup = Setup { first_numbers: config.first_numbers.clone() };
    let file = match config.database.split_once(':') {
        Some(("memory", "")) => return Ok(Arc::new(Memory::new(&setup))),
        Some(("sqlite", file)) => PathBuf::from(file.strip_prefix("//").unwrap_or(file)),
        Some(_) => return Err(ServerError::Database(config.database.clone())),
        None => PathBuf::from(&config.database),
    };
    Ok(Arc::new(Sqlite::open(&file, &setup)?))
}

/// The state of a server over a store, with the first entries written where there are none.
async fn open(config: &Config, clock: Clock, store: Arc<dyn Store>, url: String) -> Result<App, ServerError> {
    let record =
        record::Record::open(&format!("{}/dock", config.org), &config.log_key_file, &config.checkpoint_file)?;
    let authority = Authority::new(&config.org, config.pinned()?);
    let read_only = record.behind(&*store).await?;
    if let (Some(file), None) = (&config.bootstrap, &read_only) {
        let first = standing::Standing::new(authority.clone());
        admin::bootstrap(&*store, file, &first, clock.now()).await.map_err(ServerError::Bootstrap)?;
    }
    if let Some(why) = &read_only {
        tracing::error!(why, "nothing will be written");
    }
    let app = App {
        store,
        since: clock.now(),
        clock,
        org: config.org.clone(),
        url,
        record,
        standings: standing::Standings::new(authority),
        sources: Sources::open(&config.platforms)?,
        hooks: hooks::Hooks::open(
            &config.hooks,
            config.platforms.github.as_ref().map(|section| section.url.as_str()),
            &config.gates,
        )?,
        gates: config.gates.clone(),
        runbooks: config.runbooks.clone(),
        postmortems: config.postmortems.clone(),
        shifts: shifts::Shifts::new(config.rota(), config.shifts()?),
        readings: series::Readings::default(),
        challenges: login::Challenges::new().ok_or(ServerError::NoRandomness)?,
        limits: limits::Limits::default(),
        asks: config.asks(),
        engine: Engine::embedded().map_err(Clone::clone)?,
        counters: app::Counters::default(),
        telling: telling::Telling::open(&config.tell)?,
        executor: None,
        agent_calls: calls::AgentCalls::default(),
        troubles: executor::Troubles::default(),
        closing: watch::Sender::new(false),
        read_only,
    };
    app.standing().await?;
    Ok(app)
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The log's verifier key, as readers pin it.
    pub fn log_key(&self) -> String {
        self.app.record.key().to_string()
    }

    /// Answers until `shutdown`, then lets what runs come to its end.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        // What runs beside the API ends with this future, however it ends.
        let (mut timing, mut executing) = (JoinSet::new(), JoinSet::new());
        timing.spawn(timers::run(Arc::clone(&self.app)));
        if self.app.read_only.is_none() {
            timing.spawn(telling::run(Arc::clone(&self.app)));
        }
        let stopping = Arc::new(Notify::new());
        if let Some(executor) = self.executor {
            executing.spawn(execute(executor, Arc::clone(&stopping)));
        }
        let (router, app) = (router::router(Arc::clone(&self.app)), Arc::clone(&self.app));
        let shutdown = async move {
            shutdown.await;
            // Long polls end at once; their consoles ask the next server.
            app.closing.send_replace(true);
        };
        connections::serve(self.listener, router, shutdown).await;
        stopping.notify_one();
        // A write under way is left to the next start, which reads back what became of it.
        let _ = tokio::time::timeout(EXECUTOR_STOPS_WITHIN, executing.join_next()).await;
        Ok(())
    }
}

/// Runs the executor, and begins it again where the store failed under it.
async fn execute(executor: Arc<Executor>, stopping: Arc<Notify>) {
    let stopped = stopping.notified();
    tokio::pin!(stopped);
    loop {
        match Arc::clone(&executor).run(stopped.as_mut()).await {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, "the executor begins again"),
        }
        tokio::time::sleep(EXECUTOR_STOPS_WITHIN).await;
    }
}
