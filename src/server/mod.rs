//! The backend.

pub mod executor;
//! The backend: keeps rows, judges decisions, seals history. It holds no platform's truth.
//!
//! Reading order: [`router`] has the API on one screen; `drafts` and `decisions` are the two ways in, `judge` and `claim`
//! what an agent's word is held against, `step` the one way from the lifecycle to the store; `standing` who may do what,
//! `record` the log's signed head, `feed` what consoles live on, `timers` what time does alone.
//! Never: names client or console; a write but through [`crate::store::Store::commit`]; an agent's decision.

use std::{
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};

use tokio::net::TcpListener;

use crate::{
    audit::authority::Authority,
    clock::Clock,
    platform::{PlatformError, Sources},
    policy::{Engine, PolicyError},
    store::{Setup, Store, StoreError, memory::Memory, sqlite::Sqlite},
};

mod admin;
mod app;
mod automatic;
mod blobs;
mod claim;
pub mod config;
mod decisions;
mod drafts;
mod evidence;
mod feed;
mod health;
mod holds;
mod identity;
mod input;
mod judge;
mod limits;
mod log;
mod login;
mod problem;
mod record;
mod router;
mod rows;
mod shifts;
mod standing;
mod step;
#[cfg(test)]
mod tests;
mod timers;
pub mod tokens;
mod view;

pub use admin::SignedChange;
pub use app::App;
pub use config::Config;
pub use record::RecordError;

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
    #[error("cannot listen on {address}: {why}")]
    Listen { address: SocketAddr, why: String },
    #[error("the server stopped: {0}")]
    Stopped(String),
}

/// A server that listens and does not answer yet.
pub struct Server {
    app: Arc<App>,
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
    config.check()?;
    let store = open_store(config)?;
    let listen = |why: std::io::Error| ServerError::Listen { address: config.listen, why: why.to_string() };
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let url = config.url.clone().unwrap_or_else(|| format!("http://{address}"));
    let app = open(config, clock, store, url).await?;
    Ok(Server { app: Arc::new(app), listener, address })
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
    } else {
        store.reclaim_work().await?;
    }
    let app = App {
        store,
        clock,
        org: config.org.clone(),
        url,
        record,
        standings: standing::Standings::new(authority),
        sources: Sources::open(&config.platforms)?,
        shifts: shifts::Shifts::new(config.rota()),
        challenges: login::Challenges::default(),
        limits: limits::Limits::default(),
        asks: config.asks(),
        engine: engine(&config.policies)?,
        counters: app::Counters::default(),
        read_only,
    };
    app.standing().await?;
    Ok(app)
}

/// The policies in force: those that come with Dock, and the files that the config names.
fn engine(files: &[PathBuf]) -> Result<Engine, ServerError> {
    let mut texts = vec![text("default.cedar", crate::policy::engine::DEFAULT)];
    for file in files {
        let wrong = |why: std::io::Error| PolicyError {
            policy: file.display().to_string(),
            line: None,
            why: why.to_string(),
        };
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        texts.push(text(&name, &std::fs::read_to_string(file).map_err(wrong)?));
    }
    if files.is_empty() {
        texts.push(text("staging-patch.cedar", crate::policy::engine::STAGING_PATCH));
    }
    Ok(Engine::load(&texts)?)
}

fn text(name: &str, text: &str) -> crate::policy::PolicyText {
    crate::policy::PolicyText { name: name.to_owned(), text: text.to_owned() }
}

impl Server {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The log's verifier key, as readers pin it.
    pub fn log_key(&self) -> String {
        self.app.record.key().to_string()
    }

    /// What the executor, and whatever else runs beside the API, works on.
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.app)
    }

    /// Answers until `shutdown`, then lets what runs come to its end.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let timers = tokio::spawn(timers::run(Arc::clone(&self.app)));
        let router = router::router(Arc::clone(&self.app));
        let served = axum::serve(self.listener, router).with_graceful_shutdown(shutdown).await;
        timers.abort();
        served.map_err(|error| ServerError::Stopped(error.to_string()))
    }
}
