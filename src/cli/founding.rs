//! How a record begins: an administrator's key that enrols itself, people with their keys, the agent and its token; and
//! `dock init --backend`, which lays that down for a team of its own.
//!
//! Never: a private key read or made for a person; an entry that the administrator did not sign.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use serde_json::{Value, json};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    init::Init,
    out,
    person::Person,
};
use crate::{
    audit::{
        admin::{AdminChange, AdminStatement, Standing},
        merkle,
        note::{KeyUse, NoteKey},
        sshsig::{PublicKey, Purpose},
        statement::Seen,
    },
    client::{self, decide::new_id, home},
    row::{Digest, Kind, PrincipalId},
    server::tokens::{Token, TokenKind},
};

/// Who signs the first entries, and how.
pub(super) struct Founder<'a> {
    pub(super) org: &'a str,
    pub(super) by: PrincipalId,
    pub(super) now: jiff::Timestamp,
    pub(super) sign: &'a dyn Fn(Purpose, &[u8]) -> Result<String, Failure>,
}

impl Founder<'_> {
    /// The changes, each signed, one JSON object a line: what the server's `bootstrap` names.
    pub(super) fn signed(&self, changes: Vec<AdminChange>) -> Result<String, Failure> {
        let mut lines = String::new();
        for change in changes {
            let statement = AdminStatement {
                org: self.org.to_owned(),
                id: new_id(self.now)?,
                by: self.by.clone(),
                made_at: self.now,
                seen: Seen {
                    origin: format!("{}/dock", self.org),
                    root: Digest(merkle::empty_root()),
                    size: 0,
                },
                change,
            };
            let bytes = statement.to_bytes();
            let signature = (self.sign)(statement.change.purpose(), &bytes)?;
            let line = json!({"statement": String::from_utf8_lossy(&bytes), "signature": signature});
            let _ = writeln!(lines, "{line}");
        }
        Ok(lines)
    }
}

/// A person's key, as an entry.
pub(super) fn enrolled(person: PrincipalId, key: PublicKey) -> AdminChange {
    AdminChange::KeyEnrolled { person, key, valid_after: None, valid_before: None }
}

/// A person who may review, as an entry.
pub(super) fn person(person: PrincipalId, roles: &[&str]) -> AdminChange {
    let roles = roles.iter().map(ToString::to_string).collect();
    AdminChange::Person { person, roles, active: true, attributes: BTreeMap::new() }
}

/// An agent and its token, as entries.
pub(super) fn agent(agent: PrincipalId, owner: PrincipalId, drafts: Kind, token: &Token) -> [AdminChange; 2] {
    let scopes = BTreeSet::from(["read".to_owned(), format!("draft:{}", drafts.word())]);
    let issued = AdminChange::TokenIssued {
        token: token.hash().to_string(),
        principal: agent.clone(),
        scopes,
        expires_at: None,
    };
    [AdminChange::Agent { agent, owner, standing: Standing::Active, attributes: BTreeMap::new() }, issued]
}

/// `dock init --backend DIR --org ORG --person ME --reviewer NAME=FILE`: a server's folder, ready for `dock serve`.
pub(super) fn backend(globals: &Globals, args: &Init, dir: &Path) -> Outcome {
    let usage = |what: &str| Failure::usage(format!("{what} is asked for with --backend"));
    let org = args.org.as_deref().ok_or_else(|| usage("--org, the team's domain,"))?;
    let me = args.person.clone().ok_or_else(|| usage("--person, the administrator,"))?;
    if args.reviewer.is_empty() {
        return Err(usage(
            "--reviewer NAME=FILE.pub: nobody decides on a row of their own agent, so another person",
        ));
    }
    if dir.join("dock.toml").exists() {
        return Err(Failure::failed(format!(
            "{} is there already\nhint: nothing was changed",
            dir.join("dock.toml").display()
        )));
    }
    let signer = Person::open(globals)?.signer(org, None)?;
    let token = || Token::new(TokenKind::Agent).map_err(|error| Failure::failed(error.to_string()));
    let (argus, gatekeeper, scribe, chronicler) = (token()?, token()?, token()?, token()?);
    let mut changes = vec![enrolled(me.clone(), signer.public().clone())];
    for reviewer in &args.reviewer {
        let (name, key) = reviewer_key(reviewer)?;
        changes.extend([person(name.clone(), &["reviewer"]), enrolled(name, key)]);
    }
    changes.extend(agent(parsed("argus")?, me.clone(), Kind::Sync, &argus));
    changes.extend(agent(parsed("gatekeeper")?, me.clone(), Kind::Gate, &gatekeeper));
    changes.extend(agent(parsed("scribe")?, me.clone(), Kind::Runbook, &scribe));
    changes.extend(agent(parsed("chronicler")?, me.clone(), Kind::Postmortem, &chronicler));
    let sign = |purpose: Purpose, bytes: &[u8]| Ok(signer.sign(purpose, org, bytes)?);
    let now = crate::clock::Clock::system().now();
    let lines = Founder { org, by: me, now, sign: &sign }.signed(changes)?;

    home::private_folder(dir)?;
    let dir = fs::canonicalize(dir)?;
    let mut seed = [0; 32];
    client::chance(&mut seed).ok_or_else(|| Failure::failed("the system gives no random numbers"))?;
    let log_key = NoteKey::from_seed(&format!("{org}/dock"), KeyUse::Log, &seed)
        .map_err(|error| Failure::failed(error.to_string()))?;
    let write = |name: &str, text: &str| home::write_private(&dir.join(name), text.as_bytes());
    let agent = |name: &str, text: String| write(name, &(text + &model_text(&dir)));
    write("log.key", &format!("{}\n", Digest(seed)))?;
    write("bootstrap.jsonl", &lines)?;
    write("argus.token", argus.reveal())?;
    agent("argus.toml", argus_text(&dir, args.argocd.as_deref()))?;
    write("gatekeeper.token", gatekeeper.reveal())?;
    agent("gatekeeper.toml", gatekeeper_text(&dir, args.argocd.as_deref()))?;
    write("scribe.token", scribe.reveal())?;
    agent("scribe.toml", scribe_text(&dir, args.argocd.as_deref()))?;
    write("chronicler.token", chronicler.reveal())?;
    agent("chronicler.toml", chronicler_text(&dir, args.argocd.as_deref()))?;
    write("dock.toml", &server_text(&dir, org, &signer.public().line(), args.argocd.as_deref()))?;
    let dir = dir.display();
    out::line(format!(
        "Wrote {dir}: dock.toml, a config and a token for each of argus, gatekeeper, scribe and chronicler, log.key and \
         the signed beginning of the record."
    ));
    out::line(format!("Log key, for everybody's console.toml: {}", log_key.public()));
    out::line(format!(
        "Next: put ArgoCD's tokens into {dir}/argocd-agent.token and argocd-executor.token (mode 0600), then"
    ));
    out::line(format!(
        "  dock serve --config {dir}/dock.toml\n  dock agent argus --config {dir}/argus.toml\n  dock agent gatekeeper \
         --config {dir}/gatekeeper.toml   (once [platforms.github] and [gates.*] are filled in, in both files)\n  dock agent \
         scribe --config {dir}/scribe.toml   (once [platforms.pagerduty], the pages' platform and [runbooks.*] are)\n  dock \
         agent chronicler --config {dir}/chronicler.toml   (once [platforms.pagerduty] and [postmortems] are)"
    ));
    Ok(Code::Done)
}

fn parsed(name: &str) -> Result<PrincipalId, Failure> {
    name.parse().map_err(|error: crate::row::principal::NotAName| Failure::usage(error.to_string()))
}

fn reviewer_key(text: &str) -> Result<(PrincipalId, PublicKey), Failure> {
    let (name, file) = text.split_once('=').ok_or_else(|| {
        Failure::usage(format!("`{text}`: --reviewer takes NAME=FILE, a public key's file"))
    })?;
    let line = fs::read_to_string(file).map_err(|error| Failure::failed(format!("{file}: {error}")))?;
    let key = PublicKey::parse(line.trim()).map_err(|error| Failure::failed(format!("{file}: {error}")))?;
    Ok((parsed(name)?, key))
}

fn quoted(path: &Path) -> String {
    Value::String(path.display().to_string()).to_string()
}

/// The platforms with credentials that only read; what is commented out fires no rule.
fn platforms_text(dir: &Path, argocd: Option<&str>) -> String {
    format!(
        "[platforms.argocd]\nurl = {}\ntoken_file = {}\n\n# [platforms.github]\n# url = \"https://api.github.com\"\n# token_file = {}\n\n\
         # [platforms.pagerduty]\n# url = \"https://api.pagerduty.com\"\n# token_file = {}\n\n\
         # [platforms.prometheus]\n# url = \"https://prometheus.example.com\"\n# token_file = {}\n\n\
         # [platforms.confluence]\n# url = \"https://example.atlassian.net\"\n# email = \"dock-reader@example.com\"\n# token_file = {}\n\
         # executor = \"ACCOUNT ID\"                 # of the account below that edits: a page restricted against it is told\n",
        Value::String(argocd.unwrap_or("https://argocd.example.com").to_owned()),
        quoted(&dir.join("argocd-agent.token")),
        quoted(&dir.join("github.token")),
        quoted(&dir.join("pagerduty.token")),
        quoted(&dir.join("prometheus.token")),
        quoted(&dir.join("confluence.token")),
    )
}

fn server_text(dir: &Path, org: &str, admin: &str, argocd: Option<&str>) -> String {
    format!(
        "# Dock's backend. `dock serve --config` this file.\n\n# Plain HTTP on this machine; put a proxy with TLS before it for others.\n\
         listen = \"127.0.0.1:7373\"\n# url = \"https://dock.example.com\"\ndatabase = {}\norg = {}\nlog_key_file = {}\ncheckpoint_file = {}\n\
         # The first administrator's key must be one of these, whatever the database says.\nadmins = [{}]\nbootstrap = {}\n\n\
         # Who is on call, where PagerDuty is not asked; people with the role `reviewer` may always review.\n# [rota]\n# sarah = \"primary\"\n\n\
         # Who must sign beside how many; the guide signers.md has the rest.\n# [[keys.thresholds]]\n# name = \"sre\"\n# roles = [\"sre\"]\n\
         # kind = \"gate\"\n# environment = \"production\"\n\n{}\n\
         # The one credential that writes. Leave the section out to decide without executing.\n[executor.argocd]\nurl = {}\ntoken_file = {}\n\n\
         # The App or token that owns the protection rules, and the token that may apply plans.\n\
         # [executor.github]\n# token_file = {}\n# [executor.terraform]\n# token_file = {}\n\n\
         # The accounts that may edit pages.\n# [executor.confluence]\n# url = \"https://example.atlassian.net\"\n\
         # email = \"dock@example.com\"\n# token_file = {}\n# [executor.notion]\n# token_file = {}\n\n\
         {GATES}\n{RUNBOOKS}\n{POSTMORTEMS}\n\
         # Who is told that rows ask, run out or went wrong; as many of these as you like. In place of [tell.slack]: [tell.webhook]\n\
         # with url and secret_file, or [tell.ntfy] with topic.\n# [[tell]]\n# name = \"checkout\"\n# kinds = [\"sync\", \"gate\"]\n\
         # [tell.slack]\n# channel = \"#checkout-oncall\"\n# token_file = {}\n",
        quoted(&dir.join("dock.db")),
        Value::String(org.to_owned()),
        quoted(&dir.join("log.key")),
        quoted(&dir.join("checkpoint")),
        Value::String(admin.to_owned()),
        quoted(&dir.join("bootstrap.jsonl")),
        platforms_text(dir, argocd),
        Value::String(argocd.unwrap_or("https://argocd.example.com").to_owned()),
        quoted(&dir.join("argocd-executor.token")),
        quoted(&dir.join("github-executor.token")),
        quoted(&dir.join("terraform-executor.token")),
        quoted(&dir.join("confluence-executor.token")),
        quoted(&dir.join("notion-executor.token")),
        quoted(&dir.join("slack-writer.token")),
    )
}

fn argus_text(dir: &Path, argocd: Option<&str>) -> String {
    format!(
        "# Argus, who reads and drafts. `dock agent argus --config` this file.\n\nserver = \"http://127.0.0.1:7373\"\ntoken_file = {}\n\
         # A drift is drafted once it has stood so long.\nsettle_s = 30\n\n{}",
        quoted(&dir.join("argus.token")),
        platforms_text(dir, argocd),
    )
}

/// The same in the configs of backend and gatekeeper.
const GATES: &str = "# Deploys that wait for an answer: the same tables for backend and gatekeeper.\n\
    # [gates.checkout-api]\n# repository = \"acme/checkout-api\"\n\
    # pipeline = \"github\"                    # or \"elsewhere\": GitLab, Jenkins, a shell wait with `dock gate wait`\n\
    # The environments that wait, each with what a deploy there costs to take back; production alone where it is left out.\n\
    # A table says what is its own: argocd, terraform, datadog_slo, prometheus. A plan belongs to one environment.\n\
    # environments.staging = { risk = \"reversible\", argocd = \"checkout-api-staging\" }\n\
    # environments.production = { risk = \"irreversible\", terraform = \"acme/checkout-api\" }\n\
    # argocd = \"checkout-api\"                # for each environment that names no other\n\
    # canary = { dispatch = { event_type = \"dock-canary\" } }\n\
    # datadog_slo = \"an SLO's id\"            # else the SLO that is tagged service:NAME\n\
    # prometheus = \"checkout-api\"            # where Prometheus measures it and Datadog does not\n\
    # promotes_to = { staging = \"production\" }\n";

/// The same in the configs of backend and scribe.
const RUNBOOKS: &str = "# Pages that the scribe may propose edits of: the same tables for backend and scribe.\n\
    # [runbooks.CONF-4711]                     # what people call the page\n# site = \"confluence\"\n# page = \"4711\"\n\
    # services = [\"checkout-api\"]             # whose incidents it is for\n# keys = 2\n\
    # prometheus = \"checkout-api\"           # or datadog_slo: who measures them, where no gate says so\n";

/// The same in the configs of backend and chronicler.
const POSTMORTEMS: &str = "# Where post-mortems are published: the same for backend and chronicler.\n\
    # [postmortems]\n# site = \"confluence\"\n# space = \"98306\"\n";

/// The same in the configs of all agents.
fn model_text(dir: &Path) -> String {
    format!(
        "\n# A language model may word what the rules decided; without one, all works.\n# [model]\n# api = \"anthropic\"                     \
         # or \"openai\", and what speaks like it\n# model = \"the model's name\"\n# key_file = {}\n",
        quoted(&dir.join("model.key")),
    )
}

/// What the two agents that write about incidents read beside PagerDuty.
fn incidents_text(dir: &Path) -> String {
    format!(
        "# [platforms.notion]\n# token_file = {}\n\n# [platforms.slack]\n# token_file = {}\n\n\
         # [incidents]\n# channel = \"inc-{{number}}\"\n# settle_s = 120\n",
        quoted(&dir.join("notion.token")),
        quoted(&dir.join("slack.token")),
    )
}

fn scribe_text(dir: &Path, argocd: Option<&str>) -> String {
    format!(
        "# The scribe, who proposes edits of runbooks. `dock agent scribe --config` this file; its rules: `--rules`.\n\n\
         server = \"http://127.0.0.1:7373\"\ntoken_file = {}\n# While an incident is on, its runbook is shown beside the system as it \
         is.\n# live = false\n# [numbers.\"replication lag\"]            # as its steps call it\n\
         # prometheus = \"max(redis_replication_lag_seconds)\"\n# unit = \"s\"\n\n{}\n{}\n{RUNBOOKS}",
        quoted(&dir.join("scribe.token")),
        platforms_text(dir, argocd),
        incidents_text(dir),
    )
}

fn chronicler_text(dir: &Path, argocd: Option<&str>) -> String {
    format!(
        "# The chronicler, who drafts post-mortems. `dock agent chronicler --config` this file; its rules: `--rules`.\n\n\
         server = \"http://127.0.0.1:7373\"\ntoken_file = {}\n\n{}\n{}\n{POSTMORTEMS}",
        quoted(&dir.join("chronicler.token")),
        platforms_text(dir, argocd),
        incidents_text(dir),
    )
}

fn gatekeeper_text(dir: &Path, argocd: Option<&str>) -> String {
    format!(
        "# The gatekeeper, who reads and drafts. `dock agent gatekeeper --config` this file; its rules: `--rules`.\n\n\
         server = \"http://127.0.0.1:7373\"\ntoken_file = {}\n# Waiting runs are looked for after so long, in seconds.\n\
         poll_s = 60\n\n{}\n\
         # [platforms.datadog]\n# site = \"datadoghq.com\"\n# api_key_file = {}\n# application_key_file = {}\n\n\
         # [platforms.terraform]\n# token_file = {}\n\n\
         # What its rules go by; `[services.NAME.limits]` for one service alone.\n# [limits]\n# burn_block = 14.4\n\
         # burn_block_with_change = 3.0\n# burn_hold = 1.0\n# budget_spent_hold_percent = 90.0\n# p95_moved_percent = 10.0\n\
         # p95_over_usual_percent = 50.0\n# p95_max_ms = 400.0                   # no limit of its own without it\n\
         # required_jobs = [\"test\", \"build\"]\n# risky_paths = [\"terraform/\", \".tf\", \"secrets/\"]\n\n\
         # [services.checkout-api]\n# reviewers = [\"priya\"]                # else whoever is on call first\n\n\
         # [[freeze]]\n# from = \"2026-12-20T00:00:00Z\"\n# until = \"2027-01-02T00:00:00Z\"\n# why = \"year end\"\n\
         # environments = [\"production\"]\n\n{GATES}",
        quoted(&dir.join("gatekeeper.token")),
        platforms_text(dir, argocd),
        quoted(&dir.join("datadog-api.key")),
        quoted(&dir.join("datadog-application.key")),
        quoted(&dir.join("terraform.token")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::{argus, chronicler, gatekeeper, scribe},
        platform::model,
        server,
    };

    /// What is commented out by one `# ` is TOML once it is not.
    fn uncommented(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with('[')
                    || rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) =>
            {
                rest.to_owned()
            }
            _ => line.to_owned(),
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_written_is_read_with_and_without_its_comments() {
        let dir = Path::new("/srv/dock");
        let text = gatekeeper_text(dir, None);
        let config: gatekeeper::Config = toml::from_str(&text).unwrap();
        assert!(config.gates.is_empty() && config.poll_s == 60);
        let config: gatekeeper::Config = toml::from_str(&uncommented(&text)).unwrap();
        let defaults = gatekeeper::rules::Limits::default();
        assert_eq!(config.limits, gatekeeper::rules::Limits { p95_max_ms: Some(400.0), ..defaults });
        assert_eq!((config.gates.len(), config.services.len(), config.freeze.len()), (1, 1, 1));
        assert_eq!(config.gates.values().map(crate::row::gate::Service::check_plans).next(), Some(Ok(())));
        let server = server_text(dir, "example.com", "key", None);
        assert!(toml::from_str::<server::Config>(&server).is_ok());
        let text = argus_text(dir, None) + &model_text(dir);
        let config: argus::Config = toml::from_str(&uncommented(&text)).unwrap();
        assert_eq!(config.model.unwrap().api, model::Api::Anthropic);
        let text = scribe_text(dir, None);
        let config: scribe::Config = toml::from_str(&text).unwrap();
        assert!(config.runbooks.is_empty() && config.live);
        let config: scribe::Config = toml::from_str(&uncommented(&text)).unwrap();
        assert_eq!((config.runbooks.len(), config.incidents.channel.as_str()), (1, "inc-{number}"));
        let config: chronicler::Config = toml::from_str(&uncommented(&chronicler_text(dir, None))).unwrap();
        assert_eq!(config.postmortems.space, "98306");
    }
}
