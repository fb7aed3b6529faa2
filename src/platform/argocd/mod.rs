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

/// The one application that is called so: by its name, or as `project/name` or `namespace/name`. Several are nobody's: the
/// first would be any.
pub fn named<'k>(all: impl Iterator<Item = &'k AppKey>, wanted: &str) -> Result<&'k AppKey, String> {
    let (place, name) = wanted.rsplit_once('/').map_or((None, wanted), |(place, name)| (Some(place), name));
    let found: Vec<&AppKey> = all
        .filter(|key| {
            let there = |place| key.project == place || key.namespace.as_deref() == Some(place);
            key.name == name && place.is_none_or(there)
        })
        .collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(format!("ArgoCD shows no application {wanted}")),
        several => {
            let place = |key: &&AppKey| match &key.namespace {
                Some(namespace) => format!("{} of project {} in {namespace}", key.name, key.project),
                None => format!("{} of project {}", key.name, key.project),
            };
            let all: Vec<_> = several.iter().map(place).collect();
            Err(format!(
                "ArgoCD shows {} applications {wanted} ({}); name it as project/name or namespace/name",
                several.len(),
                all.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod naming {
    use super::*;

    #[test]
    fn an_application_is_found_by_a_name_that_is_its_own_alone() {
        let key = |name: &str, project: &str, namespace: Option<&str>| AppKey {
            name: name.to_owned(),
            project: project.to_owned(),
            namespace: namespace.map(str::to_owned),
        };
        let all = [
            key("checkout", "shop", Some("argocd")),
            key("checkout", "shop", Some("team-b")),
            key("checkout", "legacy", Some("argocd")),
            key("search", "shop", None),
        ];
        let of = |wanted: &str| named(all.iter(), wanted);
        assert_eq!(of("search"), Ok(&all[3]));
        assert_eq!(of("legacy/checkout"), Ok(&all[2]));
        assert_eq!(of("team-b/checkout"), Ok(&all[1]));
        assert!(of("checkout").unwrap_err().starts_with("ArgoCD shows 3 applications checkout ("));
        assert!(of("shop/checkout").unwrap_err().starts_with("ArgoCD shows 2 applications"));
        for none in ["web", "legacy/search"] {
            assert_eq!(of(none), Err(format!("ArgoCD shows no application {none}")));
        }
    }
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
