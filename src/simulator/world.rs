//! The one world behind all simulated platforms: its state, its controls, its passing of time, its memory on disk.
//!
//! The platforms answer from it over HTTP; a demo or a test moves it. Time passes in ticks, so that a clock that jumps
//! neither finishes nor stalls what runs.
//! Never: known to the product.

mod memory;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use super::{
    Account, SimulatorError, Site,
    alertmanager::Alerting,
    argocd::{app::App, reconcile::NOTICED_TICKS},
    confluence::Wiki,
    faults::Faults,
    git::Repository,
    github::Hub,
    manifest,
    notion::Notebook,
    pagerduty::Pager,
    scenario::{self, Scenario},
    slack::{self, Chat},
    telemetry::Script,
    terraform::{self, Cloud},
};
use crate::clock::Clock;

/// Events that a slow reader of the stream may be behind before it loses some.
const CHANGES_MAX: usize = 1_000;
/// After an agent looked at a planned drift, the next one follows by itself after these ticks.
const FOLLOW_TICKS: u32 = 30;
/// Terraform Cloud's own limit.
const TERRAFORM_PER_SECOND: u32 = 30;
/// How often the platforms' controllers get a turn.
const TICK: Duration = Duration::from_millis(100);

/// Under which Datadog's second key is kept.
pub(super) const APPLICATION_KEY: &str = "datadog-application";

/// How fast the platforms work.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub tick: Duration,
    /// What a refresh of an application takes.
    pub refresh: Duration,
    /// How many calls a second Terraform takes from one user.
    pub terraform_per_second: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { tick: TICK, refresh: Duration::from_millis(150), terraform_per_second: TERRAFORM_PER_SECOND }
    }
}

/// A handle on the world; clones are the same world.
#[derive(Debug, Clone)]
pub struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    clock: Clock,
    pace: Pace,
    file: Option<PathBuf>,
    changes: broadcast::Sender<Change>,
    ends: watch::Sender<End>,
    /// Counts what was published.
    edits: watch::Sender<u64>,
    faults: BTreeMap<Site, Faults>,
}

/// All that is remembered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) apps: BTreeMap<String, App>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) pager: Pager,
    /// What each service that is measured measures.
    pub(super) telemetry: BTreeMap<String, Script>,
    pub(super) github: Hub,
    pub(super) terraform: Cloud,
    pub(super) chat: Chat,
    pub(super) notebook: Notebook,
    pub(super) alerting: Alerting,
    #[serde(default)]
    pub(super) confluence: Wiki,
    pub(super) tokens: BTreeMap<String, String>,
    pub(super) ports: BTreeMap<String, u16>,
    pub(super) plan: Plan,
    /// Counts changes.
    pub(super) serial: u64,
    #[serde(skip)]
    touched: BTreeSet<String>,
    /// Something beside the applications went on by itself.
    #[serde(skip)]
    advanced: bool,
}

/// Drifts that follow one another.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) drifts: VecDeque<String>,
    /// The drift that happened last.
    current: Option<String>,
    /// Ticks until the next, once an agent has looked at the last.
    follow_in: Option<u32>,
    pub(super) gates: scenario::gates::Plan,
    /// Ticks until the incident of the night opens.
    pub(super) tonight_in: Option<u32>,
}

/// An event of ArgoCD's stream.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) app: Value,
}

/// How open streams were last told to end; the count tells one ending from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Clean(u64),
    Cut(u64),
}

impl End {
    pub(super) fn count(self) -> u64 {
        match self {
            End::Clean(count) | End::Cut(count) => count,
        }
    }
}

impl World {
    /// The world that `file` remembers, else a new one by `scenario`.
    pub(super) fn open(
        scenario: Scenario,
        clock: Clock,
        pace: Pace,
        file: Option<PathBuf>,
    ) -> Result<Self, SimulatorError> {
        let remembered = match &file {
            Some(file) if file.exists() => Some(memory::load(file)?),
            _ => None,
        };
        let state = match remembered {
            Some(state) => state,
            None => scenario::state(scenario, clock.now())?,
        };
        let (changes, _) = broadcast::channel(CHANGES_MAX);
        let ((ends, _), (edits, _)) = (watch::channel(End::Clean(0)), watch::channel(0));
        let faults = Site::ALL.into_iter().map(|site| (site, Faults::default())).collect();
        let world = Self(Arc::new(Inner {
            state: Mutex::new(state),
            clock,
            pace,
            file,
            changes,
            ends,
            edits,
            faults,
        }));
        world.edit(|_, _| ());
        Ok(world)
    }

    /// What goes wrong on one platform, and its being up or down.
    pub fn faults(&self, site: Site) -> &Faults {
        &self.0.faults[&site]
    }

    /// Ends every open stream in good order.
    pub fn end_streams(&self) {
        self.0.ends.send_modify(|end| *end = End::Clean(end.count() + 1));
    }

    /// Breaks every open stream off.
    pub fn cut_streams(&self) {
        self.0.ends.send_modify(|end| *end = End::Cut(end.count() + 1));
    }

    /// The token of one of ArgoCD's accounts.
    pub fn argocd_token(&self, account: Account) -> String {
        self.read(|state| state.tokens.get(account.username()).cloned().unwrap_or_default())
    }

    /// The reading token of a platform; ArgoCD's is the agents'.
    pub fn token(&self, site: Site) -> String {
        match site {
            Site::ArgoCd => self.argocd_token(Account::Agent),
            _ => self.read(|state| state.tokens.get(site.name()).cloned().unwrap_or_default()),
        }
    }

    /// The second of Datadog's keys.
    pub fn datadog_application_key(&self) -> String {
        self.read(|state| state.tokens.get(APPLICATION_KEY).cloned().unwrap_or_default())
    }

    /// The token of the app that may post in Slack.
    pub fn slack_writer(&self) -> String {
        self.read(|state| state.tokens.get(slack::WRITER).cloned().unwrap_or_default())
    }

    /// The id of the SLO that Datadog keeps of a service.
    pub fn datadog_slo(&self, service: &str) -> String {
        super::datadog::slo_id(service)
    }

    /// The token that may apply a Terraform run.
    pub fn terraform_executor_token(&self) -> String {
        self.read(|state| state.tokens.get(terraform::EXECUTOR).cloned().unwrap_or_default())
    }

    pub(super) fn account(&self, token: &str) -> Option<Account> {
        let all = [Account::Agent, Account::Executor, Account::Reader];
        self.read(|state| {
            all.into_iter()
                .find(|account| state.tokens.get(account.username()).map(String::as_str) == Some(token))
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(super) fn pace(&self) -> Pace {
        self.0.pace
    }

    /// An agent has read both sides of this application: its row is on the way, the plan may go on.
    pub(super) fn note_look(&self, app: &str) {
        let mut state = self.lock();
        let plan = &mut state.plan;
        if plan.current.as_deref() == Some(app) && plan.follow_in.is_none() && !plan.drifts.is_empty() {
            plan.follow_in = Some(FOLLOW_TICKS);
        }
    }

    pub(super) fn subscribe(&self) -> (broadcast::Receiver<Change>, watch::Receiver<End>) {
        (self.0.changes.subscribe(), self.0.ends.subscribe())
    }

    pub(super) fn all_as_added(&self) -> VecDeque<Change> {
        let added = |app: &App| Change { kind: "ADDED", name: app.name.clone(), app: app.json() };
        self.read(|state| state.apps.values().map(added).collect())
    }

    /// Time passes by one tick.
    pub fn tick(&self) {
        self.edit_quietly(|state, now| {
            let names: Vec<String> = state.apps.keys().cloned().collect();
            for name in names {
                if state.with_app(&name, |app, repository| app.tick(repository, now)) == Some(true) {
                    state.touch(&name);
                }
            }
            state.tick_plan(now);
            state.tick_pipelines(now);
            scenario::gates::tick(state, now);
            state.advanced |= scenario::tonight::tick(state, now);
            state.advanced |= state.terraform.tick(now);
        });
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the world, tells the stream what changed, and remembers it before anyone is answered.
    pub(super) fn edit<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let out = change(&mut state, self.now());
        state.serial += 1;
        self.publish(&mut state);
        out
    }

    /// As [`Self::edit`], but without a trace where nothing was touched.
    fn edit_quietly(&self, change: impl FnOnce(&mut State, Timestamp)) {
        let mut state = self.lock();
        change(&mut state, self.now());
        let advanced = std::mem::take(&mut state.advanced) | state.github.take_changed();
        if !state.touched.is_empty() || advanced {
            self.publish(&mut state);
        }
    }

    /// Changes what nobody is told and what is not worth remembering by itself.
    pub(super) fn quietly<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        change(&mut self.lock(), self.now())
    }

    /// Changes whenever the world did.
    pub(super) fn edits(&self) -> watch::Receiver<u64> {
        self.0.edits.subscribe()
    }

    fn publish(&self, state: &mut State) {
        for name in std::mem::take(&mut state.touched) {
            let Some(app) = state.apps.get_mut(&name) else { continue };
            app.next_version();
            // Nobody listening is no fault.
            let _ = self.0.changes.send(Change { kind: "MODIFIED", app: app.json(), name });
        }
        if let Some(file) = &self.0.file {
            memory::save(file, state);
        }
        self.0.edits.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn new(apps: Vec<App>, repositories: Vec<Repository>, pager: Pager, drifts: &[&str]) -> Self {
        let drifts = drifts.iter().map(|&name| name.to_owned()).collect();
        Self {
            apps: apps.into_iter().map(|app| (app.name.clone(), app)).collect(),
            repositories: repositories.into_iter().map(|repo| (repo.full_name.clone(), repo)).collect(),
            pager,
            telemetry: BTreeMap::new(),
            github: Hub::default(),
            terraform: Cloud::default(),
            chat: Chat::default(),
            notebook: Notebook::default(),
            alerting: Alerting::default(),
            confluence: Wiki::default(),
            tokens: BTreeMap::new(),
            ports: BTreeMap::new(),
            plan: Plan { drifts, ..Plan::default() },
            serial: 0,
            touched: BTreeSet::new(),
            advanced: false,
        }
    }

    /// The stream will tell that this application changed.
    pub(super) fn touch(&mut self, app: &str) {
        self.touched.insert(app.to_owned());
    }

    pub(super) fn repository(&self, app: &App) -> &Repository {
        &self.repositories[&app.repository]
    }

    pub(super) fn with_app<T>(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut App, &Repository) -> T,
    ) -> Option<T> {
        let app = self.apps.get_mut(name)?;
        let repository = self.repositories.get(&app.repository)?;
        Some(act(app, repository))
    }

    pub(super) fn reconcile(&mut self, name: &str, now: Timestamp) {
        self.with_app(name, |app, repository| app.reconcile(repository, now));
        self.touch(name);
    }

    pub(super) fn app(&self, name: &str) -> Result<&App, SimulatorError> {
        self.apps.get(name).ok_or_else(|| SimulatorError::Unknown(format!("application {name}")))
    }

    pub(super) fn app_mut(&mut self, name: &str) -> Result<&mut App, SimulatorError> {
        self.apps.get_mut(name).ok_or_else(|| SimulatorError::Unknown(format!("application {name}")))
    }

    /// The first drift is there from the beginning; the others follow when it is looked at.
    pub(super) fn begin_plan(&mut self, now: Timestamp) {
        self.drift_next(now);
        self.plan.tonight_in = Some(scenario::tonight::OPENS_AFTER_TICKS);
    }

    pub(super) fn drift_next(&mut self, now: Timestamp) -> Option<String> {
        let app = self.plan.drifts.pop_front()?;
        self.plan.current = Some(app.clone());
        self.plan.follow_in = None;
        scenario::drift(self, &app, now);
        self.notice(&app);
        Some(app)
    }

    fn tick_plan(&mut self, now: Timestamp) {
        match self.plan.follow_in {
            Some(0) => {
                self.drift_next(now);
            }
            Some(left) => self.plan.follow_in = Some(left - 1),
            None => {}
        }
    }

    /// ArgoCD will look at this application in a moment.
    pub(super) fn notice(&mut self, app: &str) {
        if let Some(app) = self.apps.get_mut(app) {
            app.notice(NOTICED_TICKS);
        }
    }

    /// A new version by green commits.
    pub(super) fn roll(&mut self, name: &str, now: Timestamp) -> Result<(), SimulatorError> {
        let app = self.app(name)?;
        let (repository, is_chart) = (app.repository.clone(), app.source["chart"].is_string());
        let unknown = || SimulatorError::Unknown(format!("repository {repository}"));
        let repository = self.repositories.get_mut(&repository).ok_or_else(unknown)?;
        if is_chart {
            scenario::next_chart(repository, now);
        } else {
            scenario::next_image(repository, name, now);
        }
        self.notice(name);
        Ok(())
    }

    /// Somebody flips the last flag of an application by hand, one way or the other.
    pub(super) fn flip_by_hand(&mut self, name: &str, now: Timestamp) -> Result<(), SimulatorError> {
        let flags = self.app_mut(name)?.live_of_kind("ConfigMap").and_then(|flags| flags["data"].as_object());
        let last = flags.and_then(|flags| flags.iter().next_back());
        let (flag, on) = last.map(|(flag, value)| (flag.clone(), value == "true")).unwrap_or_default();
        self.toggle_by_hand(name, &flag, if on { "false" } else { "true" }, now)
    }

    pub(super) fn toggle_by_hand(
        &mut self,
        name: &str,
        flag: &str,
        value: &str,
        now: Timestamp,
    ) -> Result<(), SimulatorError> {
        let app = self.app_mut(name)?;
        let serial = app.next_version();
        if let Some(flags) = app.live_of_kind("ConfigMap") {
            manifest::edit_by_hand(flags, ("data", flag), value, serial, now);
        }
        self.notice(name);
        Ok(())
    }
}
