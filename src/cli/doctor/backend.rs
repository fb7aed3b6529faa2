//! A server's config against the world: files, the platforms that it reads, what its credentials may do.
//!
//! The reading credentials are the agents' own kind: that ArgoCD would let them sync is a fault, and so is an executor
//! that could not.
//! Never: the database opened for writing beside a server that runs; a token on the screen.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{Check, needs::told, places};
use crate::{
    agent::platform_calls,
    audit::note::{KeyUse, NoteKey},
    cli::exit::Failure,
    client::Api,
    config,
    platform::{
        Fact, Health, PlatformError, Sources, argocd, confluence, github, notion, pagerduty, reading, slack,
        terraform,
    },
    row::{
        Digest, Kind,
        gate::Pipeline,
        page::{Runbook, Says, Site, outline},
    },
    server::{Config, config::Keys, rota, telling},
};

pub(super) async fn checks(file: &Path) -> Result<Vec<Check>, Failure> {
    let read: Result<Config, _> = config::read(file);
    let config = match read {
        Ok(config) => config,
        Err(error) => return Ok(vec![Check { name: "config", found: Err(error.to_string()) }]),
    };
    let sound = config.check().map(|()| file.display().to_string()).map_err(|error| error.to_string());
    let mut checks = vec![Check { name: "config", found: sound }];
    let mut add = |name, found| checks.push(Check { name, found });
    add("log key", log_key(&config));
    add("administrators", administrators(&config));
    match Sources::open(&config.platforms) {
        Ok(sources) => {
            for (name, found) in platforms(&sources).await {
                add(name, found);
            }
            add("calls", running(&config, &sources).await);
            if let Some(argocd) = &sources.argocd {
                add("agents' right", may(argocd, false).await);
            }
            if let Some(github) = sources
                .github
                .as_ref()
                .filter(|_| config.gates.values().any(|gate| gate.pipeline.is_github()))
            {
                add("gates", super::gates::held(github, &config.gates).await);
            }
            if let Some(found) = pipelines(&config) {
                add("pipelines", found);
            }
            if !config.runbooks.is_empty() {
                add("runbooks", pages(&sources, &config.runbooks).await);
                if let Some(confluence) = &sources.confluence {
                    add("agents' pages", only_reads(confluence, &config.runbooks).await);
                }
            }
        }
        Err(error) => add("platforms", Err(error.to_string())),
    }
    for found in telling::check(&config.tell).await {
        add("telling", found);
    }
    match &config.executor {
        None => add("executor", Ok("none here: approvals wait for `dock executor`".to_owned())),
        Some(section) => {
            if let Some(section) = &section.argocd {
                match argocd::Source::open(section) {
                    Ok(argocd) => add("executor", may(&argocd, true).await),
                    Err(error) => add("executor", Err(error.to_string())),
                }
            }
            if let Some(section) = &section.github {
                match github::Actuator::open(section) {
                    Ok(actuator) => add("answers", on_github(actuator.reads()).await),
                    Err(error) => add("answers", Err(error.to_string())),
                }
            }
            if let Some(section) = &section.terraform {
                match terraform::Actuator::open(section) {
                    Ok(actuator) => add("applies", said(actuator.reads().health().await)),
                    Err(error) => add("applies", Err(error.to_string())),
                }
            }
            if let Some(section) = &section.confluence {
                match confluence::Actuator::open(section) {
                    Ok(actuator) => {
                        let read = config.platforms.confluence.as_ref();
                        let named = read.and_then(|section| section.executor.as_deref());
                        add("edits", editable(actuator.reads(), &config.runbooks, named).await);
                    }
                    Err(error) => add("edits", Err(error.to_string())),
                }
            }
            if let Some(section) = &section.notion {
                match notion::Actuator::open(section) {
                    Ok(actuator) => {
                        add("edits in Notion", places::in_notion(actuator.reads(), &config.runbooks).await);
                    }
                    Err(error) => add("edits in Notion", Err(error.to_string())),
                }
            }
        }
    }
    let named: Vec<&str> =
        config.keys.thresholds.iter().flat_map(|asked| &asked.on_call).map(String::as_str).collect();
    if !named.is_empty() {
        add("shifts", shifts(&config, &named).await);
    }
    if let Some(place) = &config.postmortems {
        let found = places::of_papers(config.executor.as_ref(), place).await;
        add("post-mortems", found.map(|found| format!("{found}; {}", whose_word(&config.keys))));
    }
    Ok(checks)
}

/// Whether the shifts that thresholds ask for are anybody's: else nobody could ever give that key.
async fn shifts(config: &Config, named: &[&str]) -> Found {
    let mut known: BTreeSet<String> = config.rota.values().cloned().collect();
    if let Some(file) = &config.rota_file {
        let rota: rota::File = config::read(file).map_err(|error| error.to_string())?;
        known.extend(rota.names());
    }
    let mut schedules = BTreeSet::new();
    if let Some(section) = &config.platforms.pagerduty {
        let pagerduty = pagerduty::Source::open(section).map_err(|error| told(&error))?;
        let all = pagerduty.schedules().await.map_err(|error| told(&error))?;
        schedules.extend(all.into_iter().map(|schedule| schedule.name));
        let now = pagerduty.on_call().await.map_err(|error| told(&error))?;
        known.extend(now.iter().map(pagerduty::OnCall::shift));
    }
    let has = |name: &&&str| {
        let of_schedule = name.rsplit_once(" level ").is_some_and(|(of, _)| schedules.contains(of));
        known.contains(**name) || of_schedule
    };
    match named.iter().find(|name| !has(name)) {
        None => Ok(named.join(", ")),
        Some(odd) => Err(format!(
            "`{odd}`, which keys.thresholds asks for, is no shift: nobody could give that key\nhint: those of PagerDuty are \
             called by schedule and level, as `Payments primary level 1`{}",
            schedules.first().map(|one| format!("; there is `{one} level 1`")).unwrap_or_default()
        )),
    }
}

/// Who has to approve what is published of an incident.
fn whose_word(keys: &Keys) -> String {
    let asked = keys.thresholds.iter().filter(|asked| asked.kind.is_none_or(|kind| kind == Kind::Postmortem));
    let names: Vec<&str> = asked.map(|asked| asked.name.as_str()).collect();
    if names.is_empty() {
        "ANYBODY who may review publishes one: [[keys.thresholds]] with kind = \"postmortem\", roles = [\"lead\"] asks for a lead"
            .to_owned()
    } else {
        format!("approved by {}", names.join(", "))
    }
}

fn log_key(config: &Config) -> Result<String, String> {
    let file = &config.log_key_file;
    let seed = config::secret(file).map_err(|error| error.to_string())?;
    let seed: Digest = seed.parse().map_err(|_| format!("{} holds no 32 bytes in hex", file.display()))?;
    let origin = format!("{}/dock", config.org);
    let key = NoteKey::from_seed(&origin, KeyUse::Log, &seed.0).map_err(|error| error.to_string())?;
    Ok(key.public().to_string())
}

fn administrators(config: &Config) -> Result<String, String> {
    match config.pinned().map_err(|error| error.to_string())? {
        Some(keys) => Ok(format!("{} pinned", keys.len())),
        None => {
            Err("none is pinned: whoever comes first would be believed\nhint: admins = [\"ssh-ed25519 …\"]"
                .to_owned())
        }
    }
}

pub(super) type Found = Result<String, String>;

/// Every platform that has a section, asked who we are to it.
async fn platforms(sources: &Sources) -> Vec<(&'static str, Found)> {
    let mut found = Vec::new();
    if let Some(argocd) = &sources.argocd {
        found.push(("argocd", said(argocd.health().await)));
    }
    if let Some(github) = &sources.github {
        found.push(("github", on_github(github).await));
    }
    if let Some(pagerduty) = &sources.pagerduty {
        found.push(("pagerduty", said(pagerduty.health().await)));
    }
    if let Some(prometheus) = &sources.prometheus {
        found.push(("prometheus", said(prometheus.health().await)));
    }
    if let Some(alertmanager) = &sources.alertmanager {
        found.push(("alertmanager", said(alertmanager.health().await)));
    }
    if let Some(datadog) = &sources.datadog {
        found.push(("datadog", said(datadog.health().await)));
    }
    if let Some(confluence) = &sources.confluence {
        found.push(("confluence", said(confluence.health().await)));
    }
    if let Some(notion) = &sources.notion {
        found.push(("notion", said(notion.health().await)));
    }
    if let Some(slack) = &sources.slack {
        found.push(("slack", on_slack(slack).await));
    }
    if let Some(terraform) = &sources.terraform {
        found.push(("terraform", said(terraform.health().await)));
    }
    found
}

/// The services whose pipelines wait at Dock itself, and what nobody can tell of them.
fn pipelines(config: &Config) -> Option<Found> {
    let mut found = Vec::new();
    for (name, gate) in config.gates.iter().filter(|(_, gate)| gate.pipeline == Pipeline::Elsewhere) {
        if !gate.repository.is_empty() && config.platforms.github.is_none() {
            return Some(Err(format!(
                "{name} names a repository that nobody reads\nhint: a section [platforms.github], or no repository"
            )));
        }
        let unread = gate.repository.is_empty().then_some("what changed");
        let measured = gate.argocd.is_some() || gate.datadog_slo.is_some() || gate.prometheus.is_some();
        let unseen = (!measured).then_some("how a deploy does");
        let unknown: Vec<_> = unread.into_iter().chain(unseen).collect();
        let said =
            if unknown.is_empty() { String::new() } else { format!(" (unknown: {})", unknown.join(", ")) };
        found.push(format!("{name}{said}"));
    }
    (!found.is_empty()).then(|| Ok(format!("wait here: {}", found.join("; "))))
}

/// Every page of `[runbooks]`, read as an agent would.
async fn pages(sources: &Sources, runbooks: &BTreeMap<String, Runbook>) -> Found {
    let mut found = Vec::new();
    for (name, runbook) in runbooks {
        let page =
            reading::page(sources.pages(), runbook).await.map_err(|error| format!("{name}: {error}"))?;
        if let Some(shut) = page.shut() {
            let (state, hint) = shut.split_once(": ").unwrap_or((&shut, ""));
            return Err(format!("{name}: {state}\nhint: {hint}"));
        }
        outline::read(&page.body).map_err(|why| format!("{name}: {why}"))?;
        found.push(match says(name, &page.says)? {
            Some(says) => format!("{name} ({says})"),
            None => name.clone(),
        });
    }
    Ok(format!("{} read: {}", found.len(), found.join(", ")))
}

/// What a page says of itself; whoever prints it makes it harmless.
fn says(name: &str, says: &Says) -> Result<Option<String>, String> {
    match says {
        Says::Unknown(why) | Says::Unread(why) => Err(format!(
            "{name}: what the page says of itself is not known, so that each edit takes two people: {why}\nhint: correct \
             the property on the page, or let the token read properties"
        )),
        Says::Nothing | Says::Known(_) => Ok(says.words()),
    }
}

/// Whether the executor's account may edit each page in Confluence, and is the one that the reading section names.
async fn editable(
    confluence: &confluence::Source,
    runbooks: &BTreeMap<String, Runbook>,
    named: Option<&str>,
) -> Found {
    let (may, not) = rights(confluence, runbooks).await?;
    if let Some(name) = not.first() {
        return Err(format!(
            "the executor's account may not edit {name}\nhint: let it edit the space, and the page where that is \
             restricted"
        ));
    }
    for (name, runbook) in runbooks.iter().filter(|(_, runbook)| runbook.site == Site::Confluence) {
        let told = confluence.says(&runbook.page).await.map_err(|error| format!("{name}: {error}"))?;
        says(name, &told)?;
    }
    let may = format!("the executor's account may edit {}", may.join(", "));
    match (confluence.account().await.map_err(|error| error.to_string())?, named) {
        (Fact::Known(account), Some(named)) if account != named => Err(format!(
            "the executor's account is {account}, and [platforms.confluence] names {named}\nhint: executor = \"{account}\" \
             there and in scribe.toml, or a page that is restricted is judged by another's rights"
        )),
        (Fact::Known(account), None) => Ok(format!(
            "{may}; executor = \"{account}\" in [platforms.confluence] tells a restricted page before anybody signs"
        )),
        (Fact::Known(_) | Fact::Unknown(_), _) => Ok(may),
    }
}

/// Whether the reading account, which is the agents' kind, may edit no page in Confluence.
async fn only_reads(confluence: &confluence::Source, runbooks: &BTreeMap<String, Runbook>) -> Found {
    let (may, not) = rights(confluence, runbooks).await?;
    match may.first() {
        Some(name) => Err(format!(
            "the reading account may edit {name}\nhint: give agents an account that only views; what a token with \
             scopes lacks beside its account is not told here"
        )),
        None => Ok(format!("the reading account can not edit {}", not.join(", "))),
    }
}

/// The pages in Confluence that an account may edit, and those that it may not.
async fn rights<'a>(
    confluence: &confluence::Source,
    runbooks: &'a BTreeMap<String, Runbook>,
) -> Result<(Vec<&'a str>, Vec<&'a str>), String> {
    let (mut may, mut not) = (Vec::new(), Vec::new());
    for (name, runbook) in runbooks.iter().filter(|(_, runbook)| runbook.site == Site::Confluence) {
        let told = confluence.may_edit(&runbook.page).await.map_err(|error| format!("{name}: {error}"))?;
        match told {
            Fact::Known(true) => may.push(name.as_str()),
            Fact::Known(false) => not.push(name.as_str()),
            Fact::Unknown(why) => return Err(format!("{name}: {why}")),
        }
    }
    Ok((may, not))
}

/// What calls have come to: a server's that runs by this config, where one answers; else what these checks alone saw.
async fn running(config: &Config, sources: &Sources) -> Found {
    let url = config.url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    let api = Api::new(&url).map_err(|error| error.to_string())?;
    if let Ok(ready) = api.ready().await {
        return super::calls(&ready.calls).map(|told| format!("the server at {url}:\n{told}"));
    }
    super::calls(&platform_calls(sources.calls()))
        .map(|told| format!("no server answers at {url}; these checks alone:\n{told}"))
}

/// GitHub, with what is left of the calls that it takes in an hour.
async fn on_github(github: &github::Source) -> Found {
    let answers = said(github.health().await)?;
    let usage = github.usage();
    Ok(match (usage.remaining, usage.limit) {
        (Some(remaining), Some(limit)) => format!("{answers}, {remaining} of {limit} calls left this hour"),
        _ => answers,
    })
}

/// Slack, whose token must not be able to do more than reading takes.
async fn on_slack(slack: &slack::Source) -> Found {
    let identity = slack.identity().await.map_err(|error| told(&error))?;
    let who = format!("as {} in {}", identity.user, identity.team);
    let beyond = identity.beyond(&slack::READER_SCOPES);
    if beyond.is_empty() {
        return Ok(who);
    }
    let needed = slack::READER_SCOPES.join(", ");
    Err(format!(
        "{who}: the reading token may more than it needs: {}\nhint: an app with {needed} alone",
        beyond.join(", ")
    ))
}

pub(super) fn said(health: Result<Health, PlatformError>) -> Found {
    let health = health.map_err(|error| told(&error))?;
    let known = |what: &str, fact: Fact<String>| fact.known().map(|value| format!("{what}{value}"));
    let parts = [known("version ", health.version), known("as ", health.account)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    Ok(if parts.is_empty() { "answers".to_owned() } else { parts.join(", ") })
}

/// Whether this token may sync the first application that it sees, which must be as it `should`.
async fn may(argocd: &argocd::Source, should: bool) -> Found {
    let applications = argocd.applications().await.map_err(|error| error.to_string())?;
    let Some(first) = applications.first() else { return Err("it sees no application".to_owned()) };
    let can = argocd.can_i_sync(&first.key).await.map_err(|error| error.to_string())?;
    let app = &first.key.name;
    match (can, should) {
        (false, false) => Ok(format!("the reading token can not sync {app}")),
        (true, true) => Ok(format!("the executor's token may sync {app}")),
        (true, false) => Err(format!(
            "the reading token may sync {app}\nhint: give agents an account with `applications, get` alone"
        )),
        (false, true) => Err(format!(
            "the executor's token may not sync {app}\nhint: `applications, sync` for its account"
        )),
    }
}
