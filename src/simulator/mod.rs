//! The platforms as servers on this machine, with a script, over one world.
//!
//! For `dock demo` and the tests. Each keeps its platform's rules (rights, conflicts, limits, errors, ends of streams) and
//! is met over real HTTP with the product's real connectors. [`World`] has the controls, [`Fault`] what can go wrong.
//! Never: an answer that the real platform could not give; a door that only Dock knows.

mod alertmanager;
mod argocd;
mod confluence;
mod controls;
mod datadog;
mod faults;
mod git;
mod github;
mod listen;
mod manifest;
mod meter;
mod notion;
mod pagerduty;
mod prometheus;
mod scenario;
mod slack;
mod telemetry;
mod terraform;
mod world;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use axum::{
    Router,
    http::{HeaderMap, header},
};
use tokio::task::JoinHandle;

use crate::clock::Clock;

pub use alertmanager::Quiet;
pub use argocd::Account;
pub use confluence::{ConfluenceWrite, PageEdit};
pub use faults::{Fault, Faults};
pub use github::{GithubApp, GithubCalls};
pub use notion::NotionEdit;
pub use pagerduty::PagerAlert;
pub use scenario::Scenario;
pub use world::{Pace, World};

/// Who works at Acme, on every platform.
const PEOPLE: [&str; 5] = ["sarah", "priya", "govind", "jordan", "marcus"];

/// Where a demo's platforms are remembered, in its directory.
const MEMORY: &str = "platforms.json";

/// One simulated platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    Alertmanager,
    ArgoCd,
    Confluence,
    Datadog,
    GitHub,
    Notion,
    PagerDuty,
    Prometheus,
    Slack,
    Terraform,
    /// Where Terraform's plans lie.
    TerraformArchive,
}

impl Site {
    pub const ALL: [Site; 11] = [
        Site::Alertmanager,
        Site::ArgoCd,
        Site::Confluence,
        Site::Datadog,
        Site::GitHub,
        Site::Notion,
        Site::PagerDuty,
        Site::Prometheus,
        Site::Slack,
        Site::Terraform,
        Site::TerraformArchive,
    ];

    /// As the demo's commands and its ready line name it.
    pub fn name(self) -> &'static str {
        match self {
            Site::Alertmanager => "alertmanager",
            Site::ArgoCd => "argocd",
            Site::Confluence => "confluence",
            Site::Datadog => "datadog",
            Site::GitHub => "github",
            Site::Notion => "notion",
            Site::PagerDuty => "pagerduty",
            Site::Prometheus => "prometheus",
            Site::Slack => "slack",
            Site::Terraform => "terraform",
            Site::TerraformArchive => "terraform-archive",
        }
    }

    /// The header in which the platform says how many seconds to wait.
    fn wait_header(self) -> &'static str {
        match self {
            Site::Datadog | Site::Terraform => "x-ratelimit-reset",
            Site::Alertmanager
            | Site::ArgoCd
            | Site::Confluence
            | Site::GitHub
            | Site::Notion
            | Site::PagerDuty
            | Site::Prometheus
            | Site::Slack
            | Site::TerraformArchive => "retry-after",
        }
    }

    pub fn named(name: &str) -> Option<Site> {
        Self::ALL.into_iter().find(|site| site.name() == name)
    }
}

/// What cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    #[error("the simulated platforms know no {0}")]
    Unknown(String),
    #[error("the platforms' memory {0} cannot be read: {1}")]
    Memory(String, String),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    #[error("no random numbers for tokens")]
    Random,
}

/// How the platforms are set up.
#[derive(Debug, Clone)]
pub struct Setting {
    pub scenario: Scenario,
    pub clock: Clock,
    pub pace: Pace,
    /// Where they are remembered, ports and tokens included; `None`: they are forgotten.
    pub dir: Option<PathBuf>,
}

/// The running servers. Dropping it ends them.
#[derive(Debug)]
pub struct Simulators {
    world: World,
    addresses: BTreeMap<Site, SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Simulators {
    /// Starts all platforms on loopback, on the ports that an earlier run in the same directory had.
    pub async fn start(setting: Setting) -> Result<Self, SimulatorError> {
        let file = setting.dir.map(|dir| dir.join(MEMORY));
        let world = World::open(setting.scenario, setting.clock, setting.pace, file)?;
        let mut running = Self { world: world.clone(), addresses: BTreeMap::new(), tasks: vec![] };
        for site in Site::ALL {
            let port = world.read(|state| state.ports.get(site.name()).copied());
            let gate = listen::Gate::open(port.unwrap_or(0), world.faults(site)).await?;
            let address = gate.address();
            running.addresses.insert(site, address);
            world.edit(|state, _| state.ports.insert(site.name().to_owned(), address.port()));
            let app = faults::layer(router(site, world.clone()), world.clone(), site);
            running.tasks.push(tokio::spawn(async move {
                let _ = axum::serve(gate, app).await;
            }));
        }
        running.tasks.push(tokio::spawn(github::deliver(world.clone())));
        running.tasks.push(tokio::spawn(pagerduty::deliver(world.clone())));
        running.tasks.push(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(world.pace().tick);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                world.tick();
            }
        }));
        Ok(running)
    }

    /// The controls.
    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn url(&self, site: Site) -> String {
        self.addresses.get(&site).map(|address| format!("http://{address}")).unwrap_or_default()
    }

    /// What a reader from outside sends to look at a platform through its own API.
    pub fn headers(&self, site: Site) -> BTreeMap<&'static str, String> {
        let value = match site {
            Site::Datadog => {
                let keys = [
                    ("DD-API-KEY", self.world.token(site)),
                    ("DD-APPLICATION-KEY", self.world.datadog_application_key()),
                ];
                return BTreeMap::from(keys);
            }
            Site::ArgoCd => format!("Bearer {}", self.world.argocd_token(Account::Reader)),
            Site::Confluence => confluence::basic(self.world.confluence_reader(), &self.world.token(site)),
            Site::PagerDuty => format!("Token token={}", self.world.token(site)),
            // Its addresses are their own permission.
            Site::TerraformArchive => return BTreeMap::new(),
            Site::Alertmanager
            | Site::GitHub
            | Site::Prometheus
            | Site::Notion
            | Site::Slack
            | Site::Terraform => {
                format!("Bearer {}", self.world.token(site))
            }
        };
        let mut headers = BTreeMap::from([("Authorization", value)]);
        if site == Site::Notion {
            headers.insert("Notion-Version", "2025-09-03".to_owned());
        }
        if site == Site::GitHub {
            headers.insert("User-Agent", "dock-demo-reader".to_owned());
        }
        headers
    }
}

impl Drop for Simulators {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        // Connections are tasks of their own; they end when their platform is down.
        for site in Site::ALL {
            self.world.faults(site).down();
        }
    }
}

fn router(site: Site, world: World) -> Router {
    match site {
        Site::Alertmanager => alertmanager::router(world),
        Site::ArgoCd => argocd::router(world),
        Site::Confluence => confluence::router(world),
        Site::Datadog => datadog::router(world),
        Site::GitHub => github::router(world),
        Site::Notion => notion::router(world),
        Site::PagerDuty => pagerduty::router(world),
        Site::Prometheus => prometheus::router(world),
        Site::Slack => slack::router(world),
        Site::Terraform => terraform::router(world),
        Site::TerraformArchive => terraform::archive::router(world),
    }
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[cfg(test)]
mod tests;
