//! The one write to ArgoCD: a sync of the whole application, pinned to what was reviewed and tagged with its decision.
//!
//! An answer means accepted, not done: follow with [`Actuator::reads`]. ArgoCD takes no precondition, has one operation
//! slot, and forgets tags once another operation followed: after a lost answer read back before anything else.
//! Never: a retry, a partial sync that was not asked for, a pin left out in silence.

use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{AppKey, Application, Config, ResourceKey, Source, Tag, gateway_error};
use crate::platform::{
    Failure, Next, PlatformError,
    http::{Answer, Ask},
};

const FAILED_PRECONDITION: u32 = 9;
const PERMISSION_DENIED: u32 = 7;

/// ArgoCD with the executor's account.
#[derive(Debug)]
pub struct Actuator {
    source: Source,
}

/// A sync as data.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncRequest {
    pub app: AppKey,
    pub pin: Pin,
    pub prune: bool,
    /// `None`: the whole application, hooks and history included. Some: only these, without hooks and history.
    pub resources: Option<Vec<ResourceKey>>,
    /// What the read-back looks for.
    pub tags: Vec<Tag>,
}

/// What is synced to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The one source's revision: a commit, or a chart's version.
    Revision(String),
    /// Each source's revision, in the sources' order.
    Revisions(Vec<String>),
    /// Whatever the target resolves to at that moment: all that an application under auto-sync accepts. Compare
    /// [`Accepted::revisions`] with what was reviewed.
    Target,
}

/// ArgoCD took it into its slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// What ArgoCD resolved and will sync to. If it differs from what was reviewed: terminate and say so.
    pub revisions: Vec<String>,
    pub application: Application,
}

/// Why a sync did not begin, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    #[error("ArgoCD refused to sync {app}: {refusal}")]
    Refused { app: String, refusal: SyncRefusal },
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

/// ArgoCD's own noes. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncRefusal {
    /// Somebody's operation (perhaps ours, after a lost answer) is in the slot.
    #[error("another operation is in progress")]
    Busy,
    #[error("it syncs by itself and takes no pinned revision ({0})")]
    PinnedUnderAutoSync(String),
    #[error("a sync window blocks it")]
    WindowClosed,
    #[error("it is being deleted")]
    Deleting,
    #[error("{0}")]
    Other(String),
}

impl SyncError {
    /// What the executor does next.
    pub fn next(&self) -> Next {
        match self {
            SyncError::Refused { refusal, .. } => match refusal {
                // The slot's operation may be our own, sent before a crash.
                SyncRefusal::Busy => Next::ReadBack,
                SyncRefusal::PinnedUnderAutoSync(_)
                | SyncRefusal::WindowClosed
                | SyncRefusal::Deleting
                | SyncRefusal::Other(_) => Next::GiveUp,
            },
            SyncError::Platform(error) => error.after_write(),
        }
    }

    pub fn hint(&self) -> &'static str {
        match self {
            SyncError::Refused { refusal, .. } => match refusal {
                SyncRefusal::Busy => "it is tried again when that operation is over",
                SyncRefusal::PinnedUnderAutoSync(_) => "turn auto-sync off, or approve a sync to its target",
                SyncRefusal::WindowClosed => "wait for the window, or open it in the project",
                SyncRefusal::Deleting => "there is nothing left to sync",
                SyncRefusal::Other(_) => "ArgoCD's own words say why",
            },
            SyncError::Platform(error) => error.hint(),
        }
    }
}

impl Actuator {
    /// `config` names the executor's token, not the agents'.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { source: Source::open(config)? })
    }

    /// The reads that writing needs, with the executor's own account.
    pub fn reads(&self) -> &Source {
        &self.source
    }

    /// Asks for a sync, once.
    pub async fn sync(&self, request: &SyncRequest) -> Result<Accepted, SyncError> {
        let asked = format!("a sync of {}", request.app.name);
        let path = ["api", "v1", "applications", &request.app.name, "sync"];
        let ask =
            Ask::post(asked.clone(), &path, &sync_body(request)).header(CONTENT_TYPE, "application/json");
        let http = &self.source.http;
        let answer = http.send(ask).await?;
        if let Some(refusal) = refusal(&answer) {
            return Err(SyncError::Refused { app: request.app.name.clone(), refusal });
        }
        let application: Application = http.parse(&asked, &http.accept(&asked, answer)?)?;
        let Some(operation) = &application.operation else {
            return Err(http
                .error(&asked, Failure::Garbage, "accepted, but no operation in the answer")
                .into());
        };
        Ok(Accepted { revisions: operation.revisions.clone(), application })
    }

    /// Ends the running operation. `false`: there was none.
    pub async fn terminate(&self, app: &AppKey) -> Result<bool, PlatformError> {
        let asked = format!("the end of the operation on {}", app.name);
        let path = ["api", "v1", "applications", &app.name, "operation"];
        // ArgoCD wants the content type on every call but GET, body or not.
        let mut ask = Ask::delete(asked.clone(), &path)
            .header(CONTENT_TYPE, "application/json")
            .query("project", &app.project);
        if let Some(namespace) = &app.namespace {
            ask = ask.query("appNamespace", namespace);
        }
        let answer = self.source.http.send(ask).await?;
        let none = answer.status == StatusCode::BAD_REQUEST
            && gateway_error(&answer).message.starts_with("Unable to terminate operation");
        if none {
            return Ok(false);
        }
        self.source.http.accept(&asked, answer).map(|_| true)
    }
}

/// The body of a sync. The application's own sync options stay (leaving them out keeps them); its retries do not, since a
/// retry may move to a newer revision.
pub fn sync_body(request: &SyncRequest) -> Value {
    let infos: Vec<Value> =
        request.tags.iter().map(|tag| json!({"name": tag.name, "value": tag.value})).collect();
    let mut body = json!({
        "name": request.app.name,
        "project": request.app.project,
        "prune": request.prune,
        "dryRun": false,
        "strategy": {"hook": {"force": false}},
        "infos": infos,
        "retryStrategy": {"limit": 0},
    });
    if let Some(namespace) = &request.app.namespace {
        body["appNamespace"] = json!(namespace);
    }
    match &request.pin {
        Pin::Revision(revision) => body["revision"] = json!(revision),
        Pin::Revisions(revisions) => {
            body["revisions"] = json!(revisions);
            body["sourcePositions"] = json!((1..=revisions.len()).collect::<Vec<_>>());
        }
        Pin::Target => {}
    }
    if let Some(resources) = &request.resources {
        let named = |key: &ResourceKey| json!({"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name});
        body["resources"] = resources.iter().map(named).collect();
    }
    body
}

/// Is the answer one of ArgoCD's own noes to a sync?
fn refusal(answer: &Answer) -> Option<SyncRefusal> {
    let error = gateway_error(answer);
    let message = error.message;
    match (answer.status, error.code) {
        (StatusCode::BAD_REQUEST, FAILED_PRECONDITION) => {
            Some(if message.starts_with("another operation is already in progress") {
                SyncRefusal::Busy
            } else if message.contains("auto-sync currently set to") {
                SyncRefusal::PinnedUnderAutoSync(message)
            } else if message.starts_with("application is deleting") {
                SyncRefusal::Deleting
            } else {
                SyncRefusal::Other(message)
            })
        }
        (StatusCode::FORBIDDEN, PERMISSION_DENIED) if message.contains("blocked by sync window") => {
            Some(SyncRefusal::WindowClosed)
        }
        _ => None,
    }
}
