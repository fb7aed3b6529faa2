//! Ground for the connectors' tests: the simulated platforms, and sections that lead to them.
//!
//! Never: in the product.

mod troubles;

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use super::{
    alertmanager, argocd, confluence, datadog, github, notion, pagerduty, prometheus, slack, terraform,
};
use crate::{
    clock::Clock,
    simulator::{Account, Pace, Scenario, Setting, Simulators, Site, World},
};

pub(super) struct Ground {
    simulators: Simulators,
    folder: tempfile::TempDir,
}

impl Ground {
    /// Time passes by [`Self::ticks`] alone.
    pub(super) async fn start() -> Self {
        Self::start_at(Clock::system()).await
    }

    /// The platforms live by this clock.
    pub(super) async fn start_at(clock: Clock) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pace = Pace { tick: Duration::from_secs(86_400), refresh: Duration::ZERO, ..Pace::default() };
        let setting = Setting { scenario: Scenario::Seeds, clock, pace, dir: None };
        let simulators = Simulators::start(setting).await.unwrap();
        let ground = Self { simulators, folder: tempfile::tempdir().unwrap() };
        ground.ticks(5);
        ground
    }

    pub(super) fn world(&self) -> &World {
        self.simulators.world()
    }

    pub(super) fn url(&self, site: Site) -> String {
        self.simulators.url(site)
    }

    pub(super) fn ticks(&self, count: usize) {
        (0..count).for_each(|_| self.world().tick());
    }

    /// A file with a token, for its owner alone.
    pub(super) fn token_file(&self, name: &str, token: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        file
    }

    pub(super) fn argocd(&self, account: Account) -> argocd::Config {
        self.argocd_with(&self.world().argocd_token(account))
    }

    pub(super) fn argocd_with(&self, token: &str) -> argocd::Config {
        let file = self.token_file("argocd", token);
        section(&format!("url = {:?}\ntoken_file = {file:?}", self.url(Site::ArgoCd)))
    }

    pub(super) fn github(&self) -> github::Config {
        self.section(Site::GitHub)
    }

    /// GitHub with the executor's token.
    pub(super) fn github_writer(&self) -> github::Config {
        let file = self.token_file("github-writer", &self.world().github_writer());
        section(&format!("url = {:?}\ntoken_file = {file:?}", self.url(Site::GitHub)))
    }

    /// GitHub as the App, with this private key and what else the section says.
    pub(super) fn github_app(&self, key: &str, more: &str) -> github::Config {
        let (app, file) = (self.world().github_app(), self.token_file("app.pem", key));
        let (url, id, installation) = (self.url(Site::GitHub), app.id, app.installation);
        section(&format!(
            "url = {url:?}\napp_id = {id}\ninstallation_id = {installation}\napp_key_file = {file:?}\n{more}"
        ))
    }

    pub(super) fn pagerduty(&self) -> pagerduty::Config {
        self.section(Site::PagerDuty)
    }

    pub(super) fn prometheus(&self) -> prometheus::Config {
        self.section(Site::Prometheus)
    }

    /// Both of its replicas.
    pub(super) fn alertmanager(&self) -> alertmanager::Config {
        let second = format!("{}/replica-2", self.url(Site::Alertmanager));
        alertmanager::Config { replicas: vec![second], ..self.section(Site::Alertmanager) }
    }

    pub(super) fn notion(&self) -> notion::Config {
        self.section(Site::Notion)
    }

    /// Notion with another token, as the executor's.
    pub(super) fn notion_with(&self, token: &str) -> notion::Config {
        let file = self.token_file("notion-other", token);
        section(&format!("url = {:?}\ntoken_file = {file:?}", self.url(Site::Notion)))
    }

    pub(super) fn slack(&self) -> slack::Config {
        self.section(Site::Slack)
    }

    /// Slack with another token, as the posting app's.
    pub(super) fn slack_with(&self, token: &str) -> slack::Config {
        let file = self.token_file("slack-other", token);
        section(&format!("url = {:?}\ntoken_file = {file:?}", self.url(Site::Slack)))
    }

    pub(super) fn terraform(&self) -> terraform::Config {
        self.section(Site::Terraform)
    }

    pub(super) fn terraform_with(&self, token: &str) -> terraform::Config {
        let file = self.token_file("terraform-other", token);
        section(&format!("url = {:?}\ntoken_file = {file:?}", self.url(Site::Terraform)))
    }

    pub(super) fn confluence(&self) -> confluence::Config {
        self.confluence_with(Some(self.world().confluence_reader()), &self.world().token(Site::Confluence))
    }

    /// Confluence with the executor's token.
    pub(super) fn confluence_writer(&self) -> confluence::Config {
        let world = self.world();
        self.confluence_with(Some(world.confluence_executor()), &world.confluence_executor_token())
    }

    pub(super) fn confluence_with(&self, email: Option<&str>, token: &str) -> confluence::Config {
        let file = self.token_file("confluence-other", token);
        let email = email.map(|email| format!("email = {email:?}\n")).unwrap_or_default();
        section(&format!("url = {:?}\n{email}token_file = {file:?}", self.url(Site::Confluence)))
    }

    pub(super) fn datadog(&self) -> datadog::Config {
        let api = self.token_file("datadog-api", &self.world().token(Site::Datadog));
        let application = self.token_file("datadog-application", &self.world().datadog_application_key());
        let url = self.url(Site::Datadog);
        section(&format!("url = {url:?}\napi_key_file = {api:?}\napplication_key_file = {application:?}"))
    }

    fn section<T: serde::de::DeserializeOwned>(&self, site: Site) -> T {
        let file = self.token_file(site.name(), &self.world().token(site));
        section(&format!("url = {:?}\ntoken_file = {file:?}", self.url(site)))
    }
}

fn section<T: serde::de::DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).unwrap()
}
