//! The one hand that writes: reads the base again, sends what a warrant is for, and shows what became of it. What differs
//! from platform to platform is here; when which of it happens is the worker's.
//!
//! Never: a write without a warrant; a retry.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::{
    Around, Config, ExecutorError,
    plan::{Shown, sync::DECISION_TAG},
    warrant::{Task, Warrant},
};
use crate::{
    clock::Clock,
    platform::{
        self, Failure, PlatformError,
        argocd::{self, AppKey, Pin, Refresh, SyncError, SyncRefusal, SyncRequest, Tag, sync_body},
        confluence, github, notion, pagerduty, terraform,
    },
    row::{
        Base, Digest, Moved, Reading, c1,
        gate::{GateBase, Service},
        page::Runbook,
        stage::{Before, Write},
        sync::SyncEffect,
    },
    store::Store,
};

mod gate;
mod page;
mod pipeline;

/// A refusal of our own token passes: it is renewed by somebody.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// The platforms, each with the executor's own account.
pub(super) struct Hand {
    argocd: Option<argocd::Actuator>,
    github: Option<github::Actuator>,
    terraform: Option<terraform::Actuator>,
    confluence: Option<confluence::Actuator>,
    notion: Option<notion::Actuator>,
    /// Read, never written.
    pagerduty: Option<pagerduty::Source>,
    gates: BTreeMap<String, Service>,
    runbooks: BTreeMap<String, Runbook>,
    /// Where pipelines wait that nobody else holds.
    store: Arc<dyn Store>,
    clock: Clock,
    /// Their silence is counted from then on at the earliest.
    since: Timestamp,
}

/// The base as it is now, against the reviewed one.
pub(super) enum BaseNow {
    As(Box<Reading>),
    /// Nothing is written that it could matter for.
    Needless,
    /// Somebody else's operation has to end first.
    Busy,
    Moved(Vec<Moved>),
    Away(String),
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Accepted,
    /// Accepted, and on its way to other revisions than the reviewed ones.
    Elsewhere {
        revisions: Vec<String>,
    },
    /// Nothing was written, and nothing will be.
    No {
        why: String,
    },
    /// The platform said no; it may be because it was done already.
    Refused {
        why: String,
    },
    /// Nothing was written yet.
    Later {
        why: String,
        wait: Option<SignedDuration>,
    },
    /// The answer is lost, and may hide a done write.
    Lost,
}

impl Hand {
    pub(super) fn open(
        config: &Config,
        around: &Around<'_>,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Self, ExecutorError> {
        Ok(Self {
            argocd: config.argocd.as_ref().map(argocd::Actuator::open).transpose()?,
            github: config.github.as_ref().map(github::Actuator::open).transpose()?,
            terraform: config.terraform.as_ref().map(terraform::Actuator::open).transpose()?,
            confluence: config.confluence.as_ref().map(confluence::Actuator::open).transpose()?,
            notion: config.notion.as_ref().map(notion::Actuator::open).transpose()?,
            pagerduty: around.platforms.pagerduty.as_ref().map(pagerduty::Source::open).transpose()?,
            gates: around.gates.clone(),
            runbooks: around.runbooks.clone(),
            store,
            since: clock.now(),
            clock,
        })
    }

    /// What calls with each credential have come to.
    pub(super) fn calls(&self) -> Vec<(platform::Platform, platform::Calls)> {
        use platform::Platform;
        let all = [
            (Platform::ArgoCd, self.argocd.as_ref().map(|one| one.reads().calls())),
            (Platform::Confluence, self.confluence.as_ref().map(|one| one.reads().calls())),
            (Platform::GitHub, self.github.as_ref().map(|one| one.reads().calls())),
            (Platform::Notion, self.notion.as_ref().map(|one| one.reads().calls())),
            (Platform::Terraform, self.terraform.as_ref().map(|one| one.reads().calls())),
        ];
        all.into_iter().filter_map(|(platform, calls)| Some((platform, calls?))).collect()
    }

    pub(super) fn argocd(&self) -> Result<&argocd::Actuator, String> {
        self.argocd.as_ref().ok_or_else(|| missing("argocd"))
    }

    pub(super) fn github(&self) -> Result<&github::Actuator, String> {
        self.github.as_ref().ok_or_else(|| missing("github"))
    }

    fn terraform(&self) -> Result<&terraform::Actuator, String> {
        self.terraform.as_ref().ok_or_else(|| missing("terraform"))
    }

    /// How a service is gated now.
    pub(super) fn service(&self, name: &str) -> Result<&Service, String> {
        self.gates.get(name).ok_or_else(|| format!("{name} is no service of the section [gates] any more"))
    }

    /// Reads the base again, right before this write of a warrant; `before` of a write of several calls that is under way.
    pub(super) async fn base(&self, warrant: &Warrant, write: Write, before: Option<&Before>) -> BaseNow {
        if write == Write::Answer && warrant.waits_here() {
            match self.was_told(warrant).await {
                Ok(true) => return BaseNow::Needless,
                Ok(false) => {}
                Err(why) => return BaseNow::Away(why),
            }
        }
        let read = match (&warrant.base, &warrant.task) {
            (_, Task::Record(_)) => return BaseNow::Needless,
            (Base::Sync(_), _) => self.application(warrant).await,
            // A no is told whatever became of the plan, and whoever cannot tell.
            (Base::Gate(base), Task::Reject(_)) => {
                self.run(&GateBase { plan: None, ..base.clone() }, &warrant.tag).await
            }
            (Base::Gate(base), _) => self.run(base, &warrant.tag).await,
            (base, Task::Publish(it)) => self.page(base, it).await,
            (Base::Runbook(_) | Base::Postmortem(_) | Base::Policy(_), _) => {
                Err(BaseNow::Away("nothing of this kind is carried out here".to_owned()))
            }
        };
        let reading = match read {
            Ok(reading) => reading,
            Err(now) => return now,
        };
        if matches!(&reading, Reading::Sync(reading) if reading.operation_running) {
            return BaseNow::Busy;
        }
        let mut moved = reading.moved(&warrant.base);
        if let Some(more) = reading.asks_more(warrant.keys) {
            // What this account may not read is no word of the page's: the row would be drafted and approved for ever.
            if let Reading::Page(page) = &reading
                && let Some(why) = page.unread()
            {
                return BaseNow::Away(why.to_owned());
            }
            moved.push(more);
        }
        // All that will be written has to be as reviewed before the first of it is: an answer is not taken back.
        if let (Reading::Gate(reading), Task::Approve(effect), true) =
            (&reading, &warrant.task, moved.is_empty())
        {
            moved.extend(reading.no_apply(effect));
        }
        if matches!(warrant.task, Task::Reject(_)) {
            moved.retain(|moved| !moved.what.starts_with("plan"));
        }
        if write == Write::Apply {
            // The answer was given: what is left to compare is the plan.
            moved.retain(|moved| moved.what.starts_with("plan"));
        }
        if write == Write::Comment {
            // It was we who moved the page.
            moved.clear();
        }
        if before.is_some_and(|before| page::is_ours_so_far(warrant, &reading, before)) {
            moved.retain(|moved| !page::OURS.contains(&moved.what.as_str()));
        }
        if moved.is_empty() { BaseNow::As(Box::new(reading)) } else { BaseNow::Moved(moved) }
    }

    async fn application(&self, warrant: &Warrant) -> Result<Reading, BaseNow> {
        let Task::Sync(effect) = &warrant.task else {
            return Err(BaseNow::Away("it is no sync".to_owned()));
        };
        let app = app_of(effect);
        let argocd = self.argocd().map_err(BaseNow::Away)?;
        match argocd.reads().reading(&app, Refresh::Normal).await {
            Ok(reading) => Ok(Reading::Sync(Box::new(reading))),
            Err(error) if error.failure == Failure::NotFound => {
                let gone = Moved { what: "application".to_owned(), was: app.name, is: "absent".to_owned() };
                Err(BaseNow::Moved(vec![gone]))
            }
            Err(error) => Err(BaseNow::Away(error.to_string())),
        }
    }

    /// What the platform showed before a write: how a read-back tells ours from theirs.
    pub(super) async fn before(
        &self,
        warrant: &Warrant,
        write: Write,
        reading: Option<&Reading>,
    ) -> Result<Before, String> {
        match (write, reading) {
            (Write::Sync, Some(Reading::Sync(reading))) => Ok(Before {
                history_id: reading.history_id,
                operation_finished_at: reading.operation_finished_at.clone(),
                ..Before::default()
            }),
            (Write::Canary, _) => self.before_canary(warrant).await,
            (Write::Publish, Some(Reading::Page(reading))) => page::before(reading),
            _ => Ok(Before::default()),
        }
    }

    /// What the platform shows of a write now.
    pub(super) async fn shown(
        &self,
        warrant: &Warrant,
        write: Write,
        before: &Before,
    ) -> Result<Shown, String> {
        match (write, &warrant.task) {
            (Write::Sync, Task::Sync(effect)) => {
                let app = self.argocd()?.reads().application(&app_of(effect), Refresh::No).await;
                app.map(|app| Shown::Application(Box::new(app))).map_err(|error| error.to_string())
            }
            (Write::Canary, _) => self.canary_runs(warrant, before).await.map(Shown::Dispatched),
            (Write::Answer, _) if warrant.waits_here() => self.listening(warrant).await.map(Shown::Listening),
            (Write::Answer, _) => self.reviewed(warrant).await.map(Shown::Reviewed),
            (Write::Apply, _) => self.applied(warrant).await.map(Shown::Applied),
            (Write::Publish, Task::Publish(it)) => {
                self.published(warrant, it, before).await.map(Shown::Published)
            }
            (Write::Comment, Task::Publish(it)) => {
                self.commented(warrant, it).await.map(|ours| Shown::Commented { ours })
            }
            (Write::Record, _) => Ok(Shown::Nothing),
            _ => Err("nothing is shown of it".to_owned()),
        }
    }

    /// Sends a write, once, or its next call. `log` is the head that the intent made, as `SIZE ROOT16`.
    pub(super) async fn send(
        &self,
        warrant: &Warrant,
        (write, before): (Write, &Before),
        reading: &Reading,
        log: &str,
    ) -> Sent {
        let sent = match (write, &warrant.task, reading) {
            (Write::Sync, Task::Sync(effect), Reading::Sync(reading)) => {
                self.sync(warrant, effect, reading.auto_sync, log).await
            }
            (Write::Canary, _, Reading::Gate(reading)) => self.begin_canary(warrant, reading, log).await,
            (Write::Answer, ..) if warrant.waits_here() => self.tell(warrant, log).await,
            (Write::Answer, ..) => self.answer(warrant, log).await,
            (Write::Apply, ..) => self.apply(warrant, log).await,
            (Write::Publish, Task::Publish(it), _) => self.publish(warrant, it, before, reading, log).await,
            (Write::Comment, Task::Publish(it), _) => self.comment(warrant, it, log).await,
            _ => Err("the warrant is not for this".to_owned()),
        };
        sent.unwrap_or_else(|why| Sent::No { why })
    }

    /// The digest that the intent names: of the whole request but the log's head, which names the intent's own entry.
    pub(super) fn request_digest(warrant: &Warrant, write: Write, reading: Option<&Reading>) -> Digest {
        let request = match (write, &warrant.task, reading) {
            (Write::Sync, Task::Sync(effect), Some(Reading::Sync(reading))) => {
                sync_body(&sync_request(warrant, effect, reading.auto_sync, None))
            }
            (Write::Canary, _, Some(Reading::Gate(reading))) => gate::canary_request(warrant, reading, None),
            (Write::Answer, ..) if warrant.waits_here() => pipeline::request(warrant),
            (Write::Answer, ..) => gate::answer_request(warrant, None),
            (Write::Apply, ..) => gate::apply_request(warrant, None),
            (Write::Publish | Write::Comment, Task::Publish(it), _) => page::publish_request(warrant, it),
            _ => Json::Null,
        };
        Digest::of(c1::sorted_json(&request))
    }

    async fn sync(
        &self,
        warrant: &Warrant,
        effect: &SyncEffect,
        auto_sync: bool,
        log: &str,
    ) -> Result<Sent, String> {
        let request = sync_request(warrant, effect, auto_sync, Some(log));
        Ok(match self.argocd()?.sync(&request).await {
            Ok(accepted) if accepted.revisions == effect.revisions => Sent::Accepted,
            Ok(accepted) => Sent::Elsewhere { revisions: accepted.revisions },
            Err(SyncError::Refused { refusal: SyncRefusal::Busy, .. }) => {
                Sent::Later { why: "another operation is in progress".to_owned(), wait: None }
            }
            Err(error) => after(
                &error,
                match &error {
                    SyncError::Platform(error) => Some(error),
                    SyncError::Refused { .. } => None,
                },
                error.next(),
            ),
        })
    }

    /// Ends an operation that went another way than the warrant says; false: there was none to end.
    pub(super) async fn terminate(&self, warrant: &Warrant) -> Result<bool, PlatformError> {
        match (&warrant.task, &self.argocd) {
            (Task::Sync(effect), Some(argocd)) => argocd.terminate(&app_of(effect)).await,
            _ => Ok(false),
        }
    }
}

/// What an error of a write comes to.
fn after(error: &impl std::fmt::Display, platform: Option<&PlatformError>, next: platform::Next) -> Sent {
    let why = error.to_string();
    if platform.is_some_and(|error| error.failure == Failure::Unauthorised) {
        return Sent::Later { why, wait: Some(RENEWED_AFTER) };
    }
    match next {
        platform::Next::GiveUp => Sent::No { why },
        platform::Next::Retry { wait } => Sent::Later { why, wait: SignedDuration::try_from(wait).ok() },
        platform::Next::ReadBack => Sent::Lost,
    }
}

fn missing(platform: &str) -> String {
    format!("the executor has no section [executor.{platform}]")
}

fn app_of(effect: &SyncEffect) -> AppKey {
    AppKey { name: effect.application.clone(), project: effect.project.clone(), namespace: None }
}

/// What will be sent.
fn sync_request(warrant: &Warrant, effect: &SyncEffect, auto_sync: bool, log: Option<&str>) -> SyncRequest {
    let tag = |name: &str, value: String| Tag { name: name.to_owned(), value };
    let mut tags = vec![tag("dock.row", warrant.row.to_string()), tag(DECISION_TAG, warrant.tag.to_string())];
    tags.extend(log.map(|log| tag("dock.log", log.to_owned())));
    let pin = match effect.revisions.as_slice() {
        // ArgoCD takes no pin there; its answer is compared instead.
        _ if auto_sync => Pin::Target,
        [one] => Pin::Revision(one.clone()),
        many => Pin::Revisions(many.to_vec()),
    };
    SyncRequest { app: app_of(effect), pin, prune: effect.prune, resources: None, tags }
}
