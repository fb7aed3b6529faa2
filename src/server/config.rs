//! The server's section: where it listens, what it keeps, whose administrators it believes.
//!
//! Never: a secret in it; the log's key and the platforms' tokens are named by file or variable.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use serde::Deserialize;

use super::{
    executor::Around,
    judge::Asks,
    rota::Rota,
    thresholds::{self, Asked},
};
use crate::{
    audit::{authority, sshsig::PublicKey, statement},
    platform,
    row::{
        Kind, PrincipalId,
        gate::{Canary, Pipeline, Service},
        page::Runbook,
        paper::Place,
    },
};

/// The one organisation that may sign with plain keys, and on loopback alone.
pub const DEMO_ORG: &str = "demo.invalid";

/// A whole config of `dock serve`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    #[serde(default = "loopback")]
    pub listen: SocketAddr,
    /// As clients write it, where that is not `http://` and the address.
    #[serde(default)]
    pub url: Option<String>,
    /// The database: `sqlite:FILE`, a path, or `memory:`.
    pub database: String,
    /// The team's domain; it stands in the log's origin and in every signature's namespace.
    pub org: String,
    /// 32 bytes in hex: the log's own signing key.
    pub log_key_file: PathBuf,
    /// The newest signed checkpoint, kept outside the database.
    pub checkpoint_file: PathBuf,
    /// Public keys of which the first administrator's must be one: lines as in `id_ed25519.pub`.
    #[serde(default)]
    pub admins: Vec<String>,
    /// Already signed administrative statements, one JSON object a line: the first entries of an empty log.
    #[serde(default)]
    pub bootstrap: Option<PathBuf>,
    #[serde(default)]
    pub platforms: platform::Config,
    /// Time moves by the seconds in this file: for tests and the demo.
    #[serde(default)]
    pub clock_file: Option<PathBuf>,
    /// Where the numbers of rows begin, by kind.
    #[serde(default)]
    pub first_numbers: BTreeMap<Kind, u64>,
    /// Keys that prove no touch count for everything: the demo's organisation on loopback alone.
    #[serde(default)]
    pub plain_keys_allowed: bool,
    /// Plain HTTP to other machines, because something before the server keeps it private.
    #[serde(default)]
    pub insecure_http: bool,
    /// How many people approve, by risk.
    #[serde(default)]
    pub keys: Keys,
    /// How deploys are gated, by service. Runs of a service that is not named here are not decided on.
    #[serde(default)]
    pub gates: BTreeMap<String, Service>,
    /// The pages that may be edited, by what people call them.
    #[serde(default)]
    pub runbooks: BTreeMap<String, Runbook>,
    /// Where post-mortems are published.
    pub postmortems: Option<Place>,
    /// The executor, with write credentials of its own; without it, `dock executor` carries out what is approved.
    #[serde(default)]
    pub executor: Option<super::executor::Config>,
    /// Webhooks in, by platform, with the secret that each signs with.
    #[serde(default)]
    pub hooks: super::hooks::Config,
    /// Who is told that rows ask, run out or went wrong.
    #[serde(default)]
    pub tell: Vec<super::telling::Config>,
    /// Who is always on call, where PagerDuty is not asked.
    #[serde(default)]
    pub rota: BTreeMap<PrincipalId, String>,
    /// Shifts that change hands, in a file of their own.
    #[serde(default)]
    pub rota_file: Option<PathBuf>,
}

/// How many people a new row asks for, and which of them must be whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    pub reversible: NonZeroU32,
    pub costly: NonZeroU32,
    pub irreversible: NonZeroU32,
    pub thresholds: Vec<Asked>,
}

impl Default for Keys {
    fn default() -> Self {
        let one = NonZeroU32::MIN;
        Self { reversible: one, costly: one, irreversible: one, thresholds: Vec::new() }
    }
}

/// A config that cannot work, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("server config: {0}")]
pub struct WrongConfig(pub String);

impl Config {
    /// What the executor shares with the server.
    pub fn around(&self) -> Around<'_> {
        Around { gates: &self.gates, runbooks: &self.runbooks, platforms: &self.platforms }
    }

    /// What no type can say.
    pub fn check(&self) -> Result<(), WrongConfig> {
        let wrong = |why: String| Err(WrongConfig(why));
        if !statement::is_domain(&self.org) {
            return wrong(format!("org `{}` is not a domain, as `example.com`", self.org));
        }
        if self.plain_keys_allowed && (self.org != DEMO_ORG || !self.listen.ip().is_loopback()) {
            return wrong(format!("plain_keys_allowed is for {DEMO_ORG} on loopback alone"));
        }
        if !self.listen.ip().is_loopback() && !self.insecure_http {
            return wrong(format!(
                "{} is not loopback, and this is plain HTTP\nhint: let a proxy with TLS forward to loopback, or say \
                 insecure_http = true",
                self.listen
            ));
        }
        thresholds::check(&self.keys.thresholds).map_err(WrongConfig)?;
        for (name, service) in &self.gates {
            if let Err(why) = gated(service) {
                return wrong(format!("gates.{name}: {why}"));
            }
        }
        if let Some(Err((what, hint))) = self.postmortems.as_ref().map(Place::check) {
            return wrong(format!("postmortems: {what}\nhint: {hint}"));
        }
        if let Some(why) = named_twice(&self.runbooks) {
            return wrong(why);
        }
        self.pinned().map(drop)
    }

    /// The administrators' keys that the chain of authority begins with; `None` believes the first that comes.
    pub fn pinned(&self) -> Result<Option<Vec<PublicKey>>, WrongConfig> {
        if self.admins.is_empty() {
            return Ok(None);
        }
        let keys = authority::parse_admins(&self.admins.join("\n"));
        keys.map(Some).map_err(|error| WrongConfig(format!("admins: {error}")))
    }

    pub(super) fn asks(&self) -> Asks {
        let Keys { reversible, costly, irreversible, thresholds } = self.keys.clone();
        let keys = [reversible, costly, irreversible];
        Asks { keys, thresholds, touch_in_production: !self.plain_keys_allowed }
    }

    /// The shifts of the rota file.
    pub(super) fn shifts(&self) -> Result<Rota, WrongConfig> {
        let Some(file) = &self.rota_file else { return Ok(Rota::default()) };
        let wrong = |why: String| WrongConfig(format!("{}: {why}", file.display()));
        let written: super::rota::File =
            crate::config::read(file).map_err(|error| wrong(error.to_string()))?;
        written.rota().map_err(wrong)
    }

    /// Shifts by hand: who, and under which name.
    pub(super) fn rota(&self) -> BTreeMap<PrincipalId, BTreeSet<String>> {
        self.rota.iter().map(|(who, shift)| (who.clone(), BTreeSet::from([shift.clone()]))).collect()
    }
}

/// What no type can say of a gated service.
fn gated(service: &Service) -> Result<(), String> {
    if service.pipeline == Pipeline::Github || !service.repository.is_empty() {
        let repository: Result<platform::github::Repository, _> = service.repository.parse();
        repository.map_err(|error| error.to_string())?;
    }
    match (service.pipeline, &service.canary) {
        (Pipeline::Github, Some(Canary::Told)) => {
            return Err(
                "canary = \"told\" is for pipeline = \"elsewhere\": GitHub tells a run nothing".to_owned()
            );
        }
        (Pipeline::Elsewhere, Some(Canary::Dispatch { .. } | Canary::Workflow { .. }))
            if service.repository.is_empty() =>
        {
            return Err("a canary that GitHub begins needs a repository".to_owned());
        }
        (Pipeline::Elsewhere, Some(Canary::Workflow { branch: None, .. })) => {
            return Err("a canary's workflow needs a branch = \"main\" to begin on: what a pipeline elsewhere says of its \
                        own is not what is signed"
                .to_owned());
        }
        _ => {}
    }
    if service.environments.is_empty() {
        return Err("no environment is gated".to_owned());
    }
    let whole = |text: &&String| text.split('/').filter(|part| !part.is_empty()).count() == 2;
    if let Some(workspace) = service.workspaces().find(|text| !whole(text)) {
        return Err(format!("terraform `{workspace}` is not `organisation/workspace`"));
    }
    service.check_plans()?;
    for name in service.promotes_to.iter().flat_map(|(from, to)| [from, to]) {
        if !service.environments.contains_key(name) {
            return Err(format!("promotes_to names {name}, which is none of its environments"));
        }
    }
    Ok(())
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8300))
}

/// A page under two names would be two subjects, and two edits of it could be decided on at once.
fn named_twice(runbooks: &BTreeMap<String, Runbook>) -> Option<String> {
    let mut seen = BTreeMap::new();
    runbooks.iter().find_map(|(name, runbook)| {
        let page = (runbook.site, runbook.page.trim().replace('-', "").to_lowercase());
        let first = seen.insert(page, name)?;
        Some(format!(
            "runbooks.{first} and runbooks.{name} are one page of {}\nhint: keep one of them, with the services of both",
            runbook.site.title()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str =
        "database = \"memory:\"\norg = \"example.com\"\nlog_key_file = \"k\"\ncheckpoint_file = \"c\"\n";

    #[test]
    fn plain_keys_are_for_the_demo_alone() {
        let with = |more: &str| toml::from_str::<Config>(&format!("{LEAST}{more}")).unwrap().check();
        assert_eq!(with(""), Ok(()));
        assert!(with("plain_keys_allowed = true\n").is_err());
        let demo = LEAST.replace("example.com", DEMO_ORG) + "plain_keys_allowed = true\n";
        assert_eq!(toml::from_str::<Config>(&demo).unwrap().check(), Ok(()));
        let open = format!("{demo}listen = \"0.0.0.0:1\"\ninsecure_http = true\n");
        assert!(toml::from_str::<Config>(&open).unwrap().check().is_err());
        assert!(with("listen = \"0.0.0.0:1\"\n").is_err());
        assert_eq!(with("listen = \"0.0.0.0:1\"\ninsecure_http = true\n"), Ok(()));
        assert!(with("admins = [\"not a key\"]\n").is_err());
        assert!(toml::from_str::<Config>(&format!("{LEAST}lisen = \"x\"\n")).is_err());
    }

    #[test]
    fn post_mortems_have_a_place_that_there_can_be() {
        let with =
            |more: &str| toml::from_str::<Config>(&format!("{LEAST}[postmortems]\n{more}")).unwrap().check();
        let page = "393abc1e-edcd-8124-b37c-f7cb2f21e2d3";
        assert_eq!(with("site = \"confluence\"\nspace = \"INC\"\n"), Ok(()));
        assert_eq!(with(&format!("site = \"notion\"\nparent = \"{page}\"\n")), Ok(()));
        for wrong in [
            "site = \"confluence\"\nparent = \"4700\"\n".to_owned(),
            "site = \"notion\"\n".to_owned(),
            format!("site = \"notion\"\nspace = \"INC\"\nparent = \"{page}\"\n"),
        ] {
            let why = with(&wrong).unwrap_err().to_string();
            assert!(why.contains("postmortems: ") && why.contains("\nhint: "), "{why}");
        }
    }

    #[test]
    fn a_page_has_one_name() {
        let with = |site: &str, page: &str| {
            let one = "[runbooks.RUN-7]\nsite = \"notion\"\npage = \"91a4c2d0-5b7e-4f13-9c86-2e0d7a1b3f58\"\nservices = [\"edge\"]\n";
            let two = format!("[runbooks.RUN-8]\nsite = {site:?}\npage = {page:?}\nservices = [\"api\"]\n");
            toml::from_str::<Config>(&format!("{LEAST}{one}{two}")).unwrap().check()
        };
        assert_eq!(with("notion", "91a4c2d0-5b7e-4f13-9c86-2e0d7a1b3f59"), Ok(()));
        assert_eq!(with("confluence", "91a4c2d05b7e4f139c862e0d7a1b3f58"), Ok(()));
        let error = with("notion", "91A4C2D05B7E4F139C862E0D7A1B3F58").unwrap_err().to_string();
        assert!(error.contains("runbooks.RUN-7 and runbooks.RUN-8 are one page of Notion"), "{error}");
    }

    #[test]
    fn a_gated_service_is_named_in_full() {
        let with = |more: &str| {
            toml::from_str::<Config>(&format!("{LEAST}[gates.billing-worker]\n{more}")).unwrap().check()
        };
        let repository = "repository = \"acme/billing-worker\"\n";
        assert_eq!(with(repository), Ok(()));
        let both = "environments = { staging = \"reversible\", production = \"irreversible\" }\n";
        let promoted = "promotes_to = { staging = \"production\" }\n";
        assert_eq!(with(&format!("{repository}{both}{promoted}")), Ok(()));
        assert_eq!(with("pipeline = \"elsewhere\"\n"), Ok(()), "nothing of GitHub's is needed");
        assert_eq!(with(&format!("pipeline = \"elsewhere\"\ncanary = \"told\"\n{repository}")), Ok(()));
        for wrong in [
            "repository = \"billing-worker\"\n".to_owned(),
            format!("{repository}environments = {{}}\n"),
            format!("{repository}terraform = \"billing-worker\"\n"),
            format!("{repository}environments = {{ production = {{ terraform = \"billing-worker\" }} }}\n"),
            format!("{repository}terraform = \"acme/billing-worker\"\n{both}"),
            format!("{repository}{promoted}"),
            format!("{repository}canary = \"told\"\n"),
            "pipeline = \"elsewhere\"\ncanary = { dispatch = { event_type = \"x\" } }\n".to_owned(),
        ] {
            let error = with(&wrong).unwrap_err().to_string();
            assert!(error.contains("gates.billing-worker: "), "{error}");
        }
    }
}
