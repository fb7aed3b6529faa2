//! What Dock reads of ArgoCD.
//!
//! Never: anything but GET.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{AppKey, AppSummary, Application, Config, ManagedResource, Watch, open, resource, wire};
use crate::platform::{
    Fact, Failure, Health, Platform, PlatformError,
    http::{Ask, Budget, Http},
};

/// What a list carries; other names vanish silently there.
const LIST_FIELDS: &str = "items.metadata.name,items.metadata.namespace,items.metadata.labels,items.spec.project,\
    items.status.sync.status,items.status.health,items.operation.sync,items.status.operationState.phase,\
    items.status.operationState.startedAt,items.status.operationState.finishedAt";

/// ArgoCD with a reading account.
#[derive(Debug)]
pub struct Source {
    pub(super) http: Http,
    config: Config,
}

/// Whether ArgoCD looks at git and the cluster again before it answers. That writes an annotation and takes seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// As ArgoCD has it, as of `reconciled_at`.
    No,
    Normal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionMetadata {
    pub author: String,
    pub date: Option<Timestamp>,
    pub message: String,
    pub tags: Vec<String>,
}

/// When this application may be synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncWindows {
    /// May a person (or the executor) sync it now?
    pub can_sync: bool,
    pub active: Vec<SyncWindow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncWindow {
    /// `allow` or `deny`.
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub schedule: String,
    #[serde(default)]
    pub duration: String,
    #[serde(default)]
    pub manual_sync: bool,
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { http: open(config)?, config: config.clone() })
    }

    /// Every application that the token and the section let us see.
    pub async fn applications(&self) -> Result<Vec<AppSummary>, PlatformError> {
        let asked = "the list of applications";
        let ask = self.narrowed(Ask::get(asked, &["api", "v1", "applications"])).query("fields", LIST_FIELDS);
        let list: wire::List = self.http.json(ask).await?;
        let items = list.into_items().into_iter().map(AppSummary::deserialize);
        items
            .collect::<Result<_, _>>()
            .map_err(|error| self.http.error(asked, Failure::Garbage, &error.to_string()))
    }

    /// One application. With `Refresh::Normal` ArgoCD reconciles first, which can take most of a minute.
    pub async fn application(&self, app: &AppKey, refresh: Refresh) -> Result<Application, PlatformError> {
        let ask = about(app, format!("the application {}", app.name), &[]);
        let ask = match refresh {
            Refresh::No => ask,
            Refresh::Normal => ask.query("refresh", "normal").within(Budget::REFRESH),
        };
        self.http.json(ask).await
    }

    /// Both sides of the drift, hooks left out. As old as the application's `reconciled_at`: refresh first.
    pub async fn managed_resources(&self, app: &AppKey) -> Result<Vec<ManagedResource>, PlatformError> {
        let asked = format!("the managed resources of {}", app.name);
        let ask = about(app, asked.clone(), &["managed-resources"]).within(Budget::REFRESH);
        let list: wire::List = self.http.json(ask).await?;
        let read = |item: Value| ManagedResource::try_from(resource::Wire::deserialize(item)?);
        list.into_items()
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|error| self.http.error(&asked, Failure::Garbage, &error.to_string()))
    }

    /// What git says at a revision, rendered, hooks included (see [`super::is_hook`]). Slow.
    pub async fn manifests(&self, app: &AppKey, revision: &str) -> Result<Vec<Value>, PlatformError> {
        #[derive(Deserialize)]
        struct Rendered {
            manifests: Option<Vec<String>>,
        }
        let asked = format!("the manifests of {} at {revision}", app.name);
        let ask = about(app, asked.clone(), &["manifests"]).query("revision", revision);
        let rendered: Rendered = self.http.json(ask.within(Budget::REFRESH)).await?;
        let manifests = rendered.manifests.unwrap_or_default();
        manifests
            .iter()
            .map(|text| serde_json::from_str(text))
            .collect::<Result<_, _>>()
            .map_err(|error| self.http.error(&asked, Failure::Garbage, &error.to_string()))
    }

    /// Who wrote a commit, when, with which words.
    pub async fn revision_metadata(
        &self,
        app: &AppKey,
        revision: &str,
    ) -> Result<RevisionMetadata, PlatformError> {
        #[derive(Deserialize)]
        struct Wire {
            author: Option<String>,
            date: Option<Timestamp>,
            message: Option<String>,
            tags: Option<Vec<String>>,
        }
        let asked = format!("the revision {revision} of {}", app.name);
        let wire: Wire = self.http.json(about(app, asked, &["revisions", revision, "metadata"])).await?;
        Ok(RevisionMetadata {
            author: wire.author.unwrap_or_default(),
            date: wire.date,
            message: wire.message.unwrap_or_default(),
            tags: wire.tags.unwrap_or_default(),
        })
    }

    pub async fn sync_windows(&self, app: &AppKey) -> Result<SyncWindows, PlatformError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            // The gateway leaves out what is false.
            #[serde(default)]
            can_sync: bool,
            active_windows: Option<Vec<SyncWindow>>,
        }
        let asked = format!("the sync windows of {}", app.name);
        let wire: Wire = self.http.json(about(app, asked, &["syncwindows"])).await?;
        Ok(SyncWindows { can_sync: wire.can_sync, active: wire.active_windows.unwrap_or_default() })
    }

    /// Changes as they happen; every application comes first as `Added`. When it ends, list again: nothing is replayed.
    pub async fn watch(&self) -> Result<Watch, PlatformError> {
        Watch::open(&self.http, self.narrowed(Ask::get("the stream of changes", &Watch::PATH))).await
    }

    /// May this token sync the application? For an agent's token the answer must be no.
    pub async fn can_i_sync(&self, app: &AppKey) -> Result<bool, PlatformError> {
        #[derive(Deserialize)]
        struct Wire {
            value: String,
        }
        let asked = format!("whether this token may sync {}", app.name);
        let path = ["api", "v1", "account", "can-i", "applications", "sync", &app.project, &app.name];
        let wire: Wire = self.http.json(Ask::get(asked.clone(), &path)).await?;
        match wire.value.as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            other => Err(self.http.error(&asked, Failure::Garbage, other)),
        }
    }

    /// What our calls have come to.
    pub fn calls(&self) -> crate::platform::Calls {
        self.http.calls()
    }

    /// Does it answer, with which version, and whom does it take us for?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(rename = "Version")]
            version: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct User {
            #[serde(default)]
            logged_in: bool,
            username: Option<String>,
        }
        let version: Version = self.http.json(Ask::get("its version", &["api", "version"])).await?;
        let user: User =
            self.http.json(Ask::get("our account", &["api", "v1", "session", "userinfo"])).await?;
        if !user.logged_in {
            return Err(self.http.error("our account", Failure::Unauthorised, "not logged in"));
        }
        let told = |value: Option<String>, what: &str| {
            value
                .filter(|text| !text.is_empty())
                .map_or_else(|| Fact::Unknown(format!("no {what} told")), Fact::Known)
        };
        Ok(Health {
            platform: Platform::ArgoCd,
            version: told(version.version, "version"),
            account: told(user.username, "account"),
        })
    }

    /// The page that a person would open.
    pub fn link(&self, app: &AppKey) -> String {
        let base = self.config.public_url.as_deref().unwrap_or(&self.config.url);
        let base = base.trim_end_matches('/');
        match &app.namespace {
            Some(namespace) => format!("{base}/applications/{namespace}/{}", app.name),
            None => format!("{base}/applications/{}", app.name),
        }
    }

    fn narrowed(&self, mut ask: Ask) -> Ask {
        for project in &self.config.projects {
            ask = ask.query("projects", project);
        }
        match &self.config.selector {
            Some(selector) => ask.query("selector", selector),
            None => ask,
        }
    }
}

fn about(app: &AppKey, asked: String, rest: &[&str]) -> Ask {
    let path: Vec<&str> =
        ["api", "v1", "applications", &app.name].into_iter().chain(rest.iter().copied()).collect();
    let ask = Ask::get(asked, &path).query("project", &app.project);
    match &app.namespace {
        Some(namespace) => ask.query("appNamespace", namespace),
        None => ask,
    }
}
