//! What the demo lays down before anything starts: people with keys and homes, the first administrative statements,
//! tokens, ports, configs. What an earlier demo left in the folder is used again.
//!
//! Never: a key or a token that others can read; a statement that an administrator did not sign.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{Clock, Failure, Simulators, Site, gates, pages};
use crate::{
    audit::{
        admin::AdminChange,
        note::{KeyUse, NoteKey},
        private_key::PrivateKey,
        sshsig::Purpose,
    },
    cli::founding::{self, Founder},
    client::{self, home},
    config,
    row::{Digest, Kind, PrincipalId},
    server::tokens::{Token, TokenKind},
    simulator::{Account, GithubApp},
};

pub(super) const ORG: &str = crate::client::signer::DEMO_ORG;
/// All but the administrator, who owns the agents, are on call.
pub(super) const PEOPLE: [&str; 6] = ["sarah", "priya", "govind", "jordan", "marcus", ADMIN];
const ADMIN: &str = "admin";
/// Who leads incidents, and so approves what is published of them.
const LEADS: [&str; 2] = ["priya", "sarah"];
/// The agents, each with the kind of row that it drafts.
pub(super) const AGENTS: [(&str, Kind); 4] =
    [(ARGUS, Kind::Sync), (GATEKEEPER, Kind::Gate), (SCRIBE, Kind::Runbook), (CHRONICLER, Kind::Postmortem)];
/// Who tells Dock at once what happens.
const HOOKED: [&str; 2] = [GITHUB, PAGERDUTY];
pub(super) const GITHUB: &str = "github";
pub(super) const PAGERDUTY: &str = "pagerduty";
const ARGUS: &str = "argus";
const GATEKEEPER: &str = "gatekeeper";
const SCRIBE: &str = "scribe";
const CHRONICLER: &str = "chronicler";
/// Where the seeds' rows begin.
const FIRST_NUMBERS: &str =
    "[first_numbers]\nsync = 8821\ngate = 9821\nrunbook = 8821\npostmortem = 31\npolicy = 7\n";

/// The demo's folder: one that was named, or one that goes when the demo goes.
pub(super) struct Place {
    dir: PathBuf,
    own: bool,
}

impl Place {
    pub(super) fn open(named: Option<&Path>) -> Result<Self, Failure> {
        if let Some(dir) = named {
            let unmakable = |error| Failure::failed(format!("{}: {error}", dir.display()));
            fs::create_dir_all(dir).map_err(unmakable)?;
            return Ok(Self { dir: dir.canonicalize()?, own: false });
        }
        let name = client::random_name().ok_or_else(no_chance)?;
        let dir = std::env::temp_dir().join(format!("dock-demo-{name}"));
        home::private_folder(&dir)?;
        Ok(Self { dir: dir.canonicalize()?, own: true })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn clock_file(&self) -> PathBuf {
        self.dir.join("clock")
    }

    /// Removes the folder if the demo made it.
    pub(super) fn leave(&self) {
        if self.own
            && let Err(error) = fs::remove_dir_all(&self.dir)
        {
            super::out::remark(&format!("{} is still there: {error}", self.dir.display()));
        }
    }
}

/// Everything that the parts and the ready line name.
pub(super) struct Estate {
    pub(super) dir: PathBuf,
    pub(super) server: String,
    pub(super) log_key: String,
}

impl Estate {
    pub(super) fn make(
        place: &Place,
        simulators: &Simulators,
        clock: &Clock,
        store: Option<&str>,
        chosen: Option<u64>,
    ) -> Result<Self, Failure> {
        let dir = place.dir().to_owned();
        for folder in ["people", "keys", "server"] {
            home::private_folder(&dir.join(folder))?;
        }
        if !place.clock_file().exists() {
            home::write_private(&place.clock_file(), b"0\n")?;
        }
        let port = port(&dir)?;
        let log = NoteKey::from_seed(&format!("{ORG}/dock"), KeyUse::Log, &log_seed(&dir, chosen)?)
            .map_err(|error| Failure::failed(error.to_string()))?;
        let estate =
            Self { server: format!("http://127.0.0.1:{port}"), log_key: log.public().to_string(), dir };
        let keys = PEOPLE.iter().map(|person| Ok((*person, person_key(&estate.dir, person, chosen)?)));
        let keys: BTreeMap<&str, PrivateKey> = keys.collect::<Result<_, Failure>>()?;
        estate.write_bootstrap(&keys, clock)?;
        estate.write_homes()?;
        estate.write_configs(simulators, port, store, &keys)?;
        Ok(estate)
    }

    pub(super) fn home(&self, person: &str) -> PathBuf {
        self.dir.join("people").join(person)
    }

    pub(super) fn config(&self, part: &str) -> PathBuf {
        self.dir.join(format!("{part}.toml"))
    }

    pub(super) fn configs(&self) -> Value {
        let parts = ["serve", "executor"].into_iter().chain(AGENTS.map(|(agent, _)| agent));
        parts
            .map(|part| (part.to_owned(), json!(self.config(part))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// By name, where each agent's own token is.
    pub(super) fn agents(&self) -> Value {
        let agents =
            AGENTS.map(|(agent, _)| (agent.to_owned(), json!({"token_file": self.token_file(agent)})));
        agents.into_iter().collect::<serde_json::Map<_, _>>().into()
    }

    fn clock_file(&self) -> PathBuf {
        self.dir.join("clock")
    }

    /// The first entries of the log: the administrator's own key, people, keys, the agent and its token. They are
    /// signed once; a log that has them takes them no second time.
    fn write_bootstrap(&self, keys: &BTreeMap<&str, PrivateKey>, clock: &Clock) -> Result<(), Failure> {
        let file = self.dir.join("server/bootstrap.jsonl");
        if file.exists() && AGENTS.iter().all(|(agent, _)| self.token_file(agent).exists()) {
            return Ok(());
        }
        let token = |(agent, kind)| {
            let token = Token::new(TokenKind::Agent).map_err(|error| Failure::failed(error.to_string()))?;
            Ok((agent, kind, token))
        };
        let agents: Vec<(&str, Kind, Token)> =
            AGENTS.into_iter().map(token).collect::<Result<_, Failure>>()?;
        let admin = keys.get(ADMIN).ok_or_else(|| Failure::failed("the demo's administrator has no key"))?;
        let sign = |purpose: Purpose, bytes: &[u8]| {
            admin.sign(&purpose.namespace(ORG), bytes).map_err(|error| Failure::failed(error.to_string()))
        };
        let founder = Founder { org: ORG, by: name(ADMIN)?, now: clock.now(), sign: &sign };
        let lines = founder.signed(changes(keys, &agents)?)?;
        for (agent, _, token) in &agents {
            home::write_private(&self.token_file(agent), token.reveal().as_bytes())?;
        }
        Ok(home::write_private(&file, lines.as_bytes())?)
    }

    fn write_homes(&self) -> Result<(), Failure> {
        for person in PEOPLE {
            let folder = self.home(person).join("config");
            home::private_folder(&self.home(person))?;
            home::private_folder(&folder)?;
            let text = format!(
                "# Written by `dock demo`.\nserver = {}\nperson = {}\nlog_key = {}\nkey = {}\nclock_offset_file = {}\n",
                quoted(&self.server),
                quoted(person),
                quoted(&self.log_key),
                quoted(self.dir.join("keys").join(person)),
                quoted(self.clock_file()),
            );
            home::write_private(&folder.join("console.toml"), text.as_bytes())?;
        }
        Ok(())
    }

    fn write_configs(
        &self,
        simulators: &Simulators,
        port: u16,
        store: Option<&str>,
        keys: &BTreeMap<&str, PrivateKey>,
    ) -> Result<(), Failure> {
        let world = simulators.world();
        let tokens = [
            ("argocd-agent", world.argocd_token(Account::Agent)),
            ("argocd-executor", world.argocd_token(Account::Executor)),
            ("confluence", world.token(Site::Confluence)),
            ("confluence-executor", world.confluence_executor_token()),
            ("datadog-api", world.token(Site::Datadog)),
            ("datadog-application", world.datadog_application_key()),
            ("github", world.github_reading_app().key.to_owned()),
            ("github-executor", world.github_app().key.to_owned()),
            ("notion", world.token(Site::Notion)),
            ("notion-executor", world.notion_executor_token()),
            ("pagerduty", world.token(Site::PagerDuty)),
            ("prometheus", world.token(Site::Prometheus)),
            ("alertmanager", world.token(Site::Alertmanager)),
            ("slack", world.token(Site::Slack)),
            ("slack-writer", world.slack_writer()),
            ("terraform", world.token(Site::Terraform)),
            ("terraform-executor", world.terraform_executor_token()),
        ];
        for platform in HOOKED {
            if !self.hook_file(platform).exists() {
                let secret = client::random_name().ok_or_else(no_chance)?;
                home::write_private(&self.hook_file(platform), secret.as_bytes())?;
            }
        }
        for (name, token) in &tokens {
            home::write_private(&self.token_file(name), token.as_bytes())?;
        }
        let database = store
            .map_or_else(|| format!("sqlite:{}", self.dir.join("server/dock.db").display()), str::to_owned);
        let admin = keys.get(ADMIN).map(PrivateKey::public_line).unwrap_or_default();
        let server = format!(
            "# Written by `dock demo`.\nlisten = {}\nurl = {}\ndatabase = {}\norg = {}\nlog_key_file = {}\n\
             checkpoint_file = {}\nadmins = [{}]\nbootstrap = {}\nclock_file = {}\nplain_keys_allowed = true\n\n{FIRST_NUMBERS}\n{}",
            quoted(format!("127.0.0.1:{port}")),
            quoted(&self.server),
            quoted(database),
            quoted(ORG),
            quoted(self.dir.join("server/log.key")),
            quoted(self.dir.join("server/checkpoint")),
            quoted(admin),
            quoted(self.dir.join("server/bootstrap.jsonl")),
            quoted(self.clock_file()),
            self.platforms(simulators),
        );
        let executor = [
            (Site::ArgoCd, "argocd-executor"),
            (Site::Notion, "notion-executor"),
            (Site::Terraform, "terraform-executor"),
        ];
        let executor =
            executor.map(|(site, token)| self.section("executor", simulators, site, token)).concat();
        let tables = gates::tables(simulators.world());
        let github = self.github("executor", simulators, &world.github_app(), "github-executor");
        let executor = executor + &github + &self.confluence("executor", simulators);
        let hook =
            |platform| format!("[hooks.{platform}]\nsecret_file = {}\n\n", quoted(self.hook_file(platform)));
        let hooks = HOOKED.map(hook).concat();
        let papers = format!("{}{}{}", pages::RUNBOOKS, pages::POSTMORTEMS, pages::LEAD_APPROVES);
        let told = self.told(simulators);
        let server = format!("{server}{executor}{hooks}{tables}{papers}{told}");
        home::write_private(&self.config("serve"), server.as_bytes())?;
        home::write_private(&self.config("executor"), server.as_bytes())?;
        self.write_agent(simulators, ARGUS, "settle_s = 2\npoll_s = 5\n", "")?;
        self.write_agent(
            simulators,
            GATEKEEPER,
            // What waits is told by GitHub's hook; the poll finds what was told while the backend was away.
            "poll_s = 10\nservice_s = 20\n",
            &format!("{tables}{}", gates::SERVICES),
        )?;
        self.write_agent(
            simulators,
            SCRIBE,
            "poll_s = 5\n",
            &format!("{}{}", pages::INCIDENTS, pages::RUNBOOKS),
        )?;
        let tables = format!("{}{}{}", pages::INCIDENTS, pages::POSTMORTEMS, pages::LEADS);
        self.write_agent(simulators, CHRONICLER, "poll_s = 5\n", &tables)
    }

    /// Dock's own app says in #deploys what asks, and in an incident's channel what was published.
    fn told(&self, simulators: &Simulators) -> String {
        let table = |name: &str, channel: &str, about: &str| {
            format!(
                "[[tell]]\nname = {}\nabout = [{about}]\n[tell.slack]\nchannel = {}\nurl = {}\ntoken_file = {}\n\n",
                quoted(name),
                quoted(channel),
                quoted(simulators.url(Site::Slack)),
                quoted(self.token_file("slack-writer")),
            )
        };
        let asks = "\"asks\", \"half_over\", \"almost_over\", \"second_key\", \"outcome\"";
        table("deploys", "deploys", asks) + &table("incidents", "inc-{number}", "\"published\"")
    }

    fn write_agent(
        &self,
        simulators: &Simulators,
        agent: &str,
        pace: &str,
        tables: &str,
    ) -> Result<(), Failure> {
        let text = format!(
            "# Written by `dock demo`.\nserver = {}\ntoken_file = {}\n{pace}clock_file = {}\n\n{}{tables}",
            quoted(&self.server),
            quoted(self.token_file(agent)),
            quoted(self.clock_file()),
            self.platforms(simulators),
        );
        Ok(home::write_private(&self.config(agent), text.as_bytes())?)
    }

    fn hook_file(&self, platform: &str) -> PathBuf {
        self.dir.join(format!("keys/{platform}-hook.secret"))
    }

    /// Where a platform tells Dock what happens, and the secret that it signs with.
    pub(super) fn hook(&self, platform: &str) -> Result<(String, String), Failure> {
        let secret = config::secret(&self.hook_file(platform))?;
        Ok((format!("{}/v1/hooks/{platform}", self.server), secret.to_string()))
    }

    fn token_file(&self, name: &str) -> PathBuf {
        self.dir.join("keys").join(format!("{name}.token"))
    }

    /// The platforms with credentials that only read.
    fn platforms(&self, simulators: &Simulators) -> String {
        let names = [
            (Site::ArgoCd, "argocd-agent"),
            (Site::Notion, "notion"),
            (Site::PagerDuty, "pagerduty"),
            (Site::Prometheus, "prometheus"),
            (Site::Slack, "slack"),
            (Site::Terraform, "terraform"),
        ];
        names.map(|(site, token)| self.section("platforms", simulators, site, token)).concat()
            + &self.github("platforms", simulators, &simulators.world().github_reading_app(), "github")
            + &self.alertmanager(simulators)
            + &self.datadog(simulators)
            + &self.confluence("platforms", simulators)
    }

    /// Alertmanager alone is two of a cluster.
    fn alertmanager(&self, simulators: &Simulators) -> String {
        let url = simulators.url(Site::Alertmanager);
        format!(
            "[platforms.alertmanager]\nurl = {}\nreplicas = [{}]\ntoken_file = {}\n\n",
            quoted(&url),
            quoted(format!("{url}/replica-2")),
            quoted(self.token_file("alertmanager")),
        )
    }

    fn section(&self, of: &str, simulators: &Simulators, site: Site, token: &str) -> String {
        let (url, token) = (quoted(simulators.url(site)), quoted(self.token_file(token)));
        format!("[{of}.{}]\nurl = {url}\ntoken_file = {token}\n\n", site.name())
    }

    /// GitHub as the guide has it: an App that reads, and another that owns the rules and answers.
    fn github(&self, of: &str, simulators: &Simulators, app: &GithubApp, key: &str) -> String {
        let (url, key) = (quoted(simulators.url(Site::GitHub)), quoted(self.token_file(key)));
        let (id, installation) = (app.id, app.installation);
        format!(
            "[{of}.github]\nurl = {url}\napp_id = {id}\ninstallation_id = {installation}\napp_key_file = {key}\n\n"
        )
    }

    /// Confluence takes a token with its account's address.
    fn confluence(&self, of: &str, simulators: &Simulators) -> String {
        let world = simulators.world();
        let (account, token) = match of {
            "executor" => (world.confluence_executor(), "confluence-executor"),
            _ => (world.confluence_reader(), "confluence"),
        };
        let writes = match of {
            "executor" => String::new(),
            _ => format!("executor = {}\n", quoted(world.confluence_executor_id())),
        };
        format!(
            "[{of}.confluence]\nurl = {}\nemail = {}\ntoken_file = {}\n{writes}\n",
            quoted(simulators.url(Site::Confluence)),
            quoted(account),
            quoted(self.token_file(token)),
        )
    }

    /// Datadog alone has two keys.
    fn datadog(&self, simulators: &Simulators) -> String {
        format!(
            "[platforms.datadog]\nurl = {}\napi_key_file = {}\napplication_key_file = {}\n\n",
            quoted(simulators.url(Site::Datadog)),
            quoted(self.token_file("datadog-api")),
            quoted(self.token_file("datadog-application")),
        )
    }
}

/// A string in TOML: JSON's escapes are TOML's.
fn quoted(text: impl AsRef<Path>) -> String {
    Value::String(text.as_ref().display().to_string()).to_string()
}

fn name(text: &str) -> Result<PrincipalId, Failure> {
    text.parse().map_err(|error: crate::row::principal::NotAName| Failure::failed(error.to_string()))
}

/// In the record's order: the administrator's key enrols itself, then everybody is made.
fn changes(
    keys: &BTreeMap<&str, PrivateKey>,
    agents: &[(&str, Kind, Token)],
) -> Result<Vec<AdminChange>, Failure> {
    let mut changes = Vec::new();
    if let Some(key) = keys.get(ADMIN) {
        changes.push(founding::enrolled(name(ADMIN)?, key.public().clone()));
    }
    for (person, key) in keys.iter().filter(|(person, _)| **person != ADMIN) {
        let roles: &[&str] = if LEADS.contains(person) { &["sre", "lead"] } else { &["sre"] };
        changes.push(founding::person(name(person)?, roles));
        changes.push(founding::enrolled(name(person)?, key.public().clone()));
    }
    for (agent, kind, token) in agents {
        changes.extend(founding::agent(name(agent)?, name(ADMIN)?, *kind, token));
    }
    Ok(changes)
}

/// The same key each time the folder is used: made once, plain, for its owner alone.
fn person_key(dir: &Path, person: &str, chosen: Option<u64>) -> Result<PrivateKey, Failure> {
    let file = dir.join("keys").join(person);
    let wrong =
        |error: crate::audit::private_key::KeyError| Failure::failed(format!("{}: {error}", file.display()));
    if file.exists() {
        let pem = config::secret(&file)?;
        return PrivateKey::parse(format!("{}\n", pem.as_str()).as_bytes(), None).map_err(wrong);
    }
    let key = PrivateKey::from_seed(&seed(chosen, person)?, person).map_err(wrong)?;
    home::write_private(&file, key.to_openssh().map_err(wrong)?.as_bytes())?;
    let public = format!("{}\n", key.public_line());
    home::write_private(&file.with_extension("pub"), public.as_bytes())?;
    Ok(key)
}

fn log_seed(dir: &Path, chosen: Option<u64>) -> Result<[u8; 32], Failure> {
    let file = dir.join("server/log.key");
    if !file.exists() {
        home::write_private(&file, format!("{}\n", Digest(seed(chosen, "log")?)).as_bytes())?;
    }
    let text = config::secret(&file)?;
    let seed: Digest = text.parse().map_err(|_| Failure::failed(format!("{} is no key", file.display())))?;
    Ok(seed.0)
}

/// 32 bytes for a key: by chance, or the same for the same `--seed` and name.
fn seed(chosen: Option<u64>, name: &str) -> Result<[u8; 32], Failure> {
    if let Some(chosen) = chosen {
        return Ok(Digest::of(format!("dock-demo-key-v1 {chosen} {name}")).0);
    }
    let mut seed = [0; 32];
    client::chance(&mut seed).ok_or_else(no_chance)?;
    Ok(seed)
}

fn no_chance() -> Failure {
    Failure::failed("the system gives no random numbers")
}

/// The port that an earlier demo in this folder had, if it is free; else any.
fn port(dir: &Path) -> Result<u16, Failure> {
    let file = dir.join("server/port");
    let before = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
    let taken = |port: u16| TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr());
    let address = match before.map(taken) {
        Some(Ok(address)) => address,
        Some(Err(_)) | None => taken(0)?,
    };
    home::write_private(&file, format!("{}\n", address.port()).as_bytes())?;
    Ok(address.port())
}
