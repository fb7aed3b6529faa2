//! ArgoCD: applications, both sides of a drift, the stream of changes; and the one write, a pinned and tagged sync.
//!
//! [`Source`] reads with an account that may only `get`; [`Actuator`] syncs with the executor's account. Facts that shape
//! this: an application that is asked for without its project answers 403 for "gone"; managed resources are as old as
//! `reconciled_at`; the stream replays nothing, so its end means "list again"; a sync's answer means accepted, not done.
//! Never: a partial sync that nobody asked for, a write without tags, Secret values (ArgoCD masks them before we see them).

mod actuator;
mod application;
mod reading;
mod resource;
mod source;
mod watch;
mod wire;

use std::path::PathBuf;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;

use super::{
    Failure, Platform, PlatformError,
    http::{Answer, Http, Manners},
    secret,
};

pub use actuator::{Accepted, Actuator, Pin, SyncError, SyncRefusal, SyncRequest, sync_body};
pub use application::{
    AppKey, AppSummary, Application, Automation, Condition, Destination, HealthState, HistoryEntry,
    Operation, OperationState, Phase, Progress, ResourceResult, ResourceState, SourceSpec, SyncStatus, Tag,
};
pub use reading::reading;
pub use resource::{ManagedResource, Manager, ResourceKey, digest_form, has_masks, is_hook, managers};
pub use source::{Refresh, RevisionMetadata, Source, SyncWindow, SyncWindows};
pub use watch::{Change, ChangeKind, Watch};

/// The section `[argocd]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// As in `https://argocd.example`, without `/api`.
    pub url: String,
    /// Where people open it, if that is another address.
    pub public_url: Option<String>,
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    /// A PEM file with the authority that signed ArgoCD's certificate, beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// Only applications of these projects; all that the token may see where it is empty.
    #[serde(default)]
    pub projects: Vec<String>,
    /// Only applications that this label selector matches, as in `team=payments`.
    pub selector: Option<String>,
}

fn open(config: &Config) -> Result<Http, PlatformError> {
    let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
    let token = secret::read(Platform::ArgoCd, place)?.ok_or_else(|| {
        PlatformError::new(Platform::ArgoCd, "its token", Failure::Setup, "token_env or token_file is needed")
    })?;
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, secret::header(Platform::ArgoCd, "Bearer ", &token)?);
    let manners = Manners { said, failure: |_| None };
    Http::new(Platform::ArgoCd, &config.url, headers, config.ca_file.as_deref(), manners)
}

/// The grpc-gateway's error: `{"error","code","message"}`; 415 is plain text.
#[derive(Debug, Default, Deserialize)]
struct GatewayError {
    #[serde(default)]
    code: u32,
    #[serde(default)]
    message: String,
}

fn gateway_error(answer: &Answer) -> GatewayError {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

fn said(answer: &Answer) -> String {
    let error = gateway_error(answer);
    if error.message.is_empty() { String::from_utf8_lossy(&answer.body).into_owned() } else { error.message }
}

#[cfg(test)]
mod tests;
