//! Whether GitHub would hold what `[gates]` names: each repository, each environment, and an App's rule on it.
//!
//! Never: one repository's trouble instead of all of them.

use std::collections::BTreeMap;

use crate::{
    platform::{Fact, github, reading},
    row::gate::Service,
};

/// Every environment of `[gates]` whose runs GitHub holds, as it has it; what is amiss, with what to do.
pub(super) async fn held(
    github: &github::Source,
    gates: &BTreeMap<String, Service>,
) -> Result<String, String> {
    let (mut held, mut amiss) = (Vec::new(), Vec::new());
    for (name, service) in gates.iter().filter(|(_, service)| service.pipeline.is_github()) {
        match of_service(github, service).await {
            Ok(rules) => held.push(format!("{name} ({})", rules.join(", "))),
            Err(troubles) => amiss.extend(troubles.into_iter().map(|trouble| format!("{name}: {trouble}"))),
        }
    }
    if amiss.is_empty() { Ok(format!("held: {}", held.join("; "))) } else { Err(amiss.join("\n")) }
}

async fn of_service(github: &github::Source, service: &Service) -> Result<Vec<String>, Vec<String>> {
    let repo = reading::repository(service).map_err(|error| vec![error.to_string()])?;
    // What a credential may not see is told as absent: the repository first, then what is in it.
    if let Err(error) = github.waiting_runs(&repo).await {
        return Err(vec![format!(
            "{error}\nhint: is {repo} spelled so, and among the repositories that the App or token may read (Actions: read)?"
        )]);
    }
    let (mut rules, mut amiss) = (Vec::new(), Vec::new());
    for environment in service.environments.keys() {
        match of_environment(github, &repo, environment).await {
            Ok(rule) => rules.push(rule),
            Err(trouble) => amiss.push(trouble),
        }
    }
    if amiss.is_empty() { Ok(rules) } else { Err(amiss) }
}

/// `production by dock-gate`.
async fn of_environment(
    github: &github::Source,
    repo: &github::Repository,
    name: &str,
) -> Result<String, String> {
    let environment = match github.environment(repo, name).await {
        Ok(Fact::Known(environment)) => environment,
        Ok(Fact::Unknown(why)) => {
            return Err(format!(
                "{why}\nhint: was it renamed? Correct [gates], or make it in {repo}: Settings → Environments"
            ));
        }
        Err(error) => return Err(error.to_string()),
    };
    let enabled: Vec<&str> =
        environment.custom.iter().filter(|rule| rule.enabled).map(|rule| rule.app.as_str()).collect();
    if enabled.is_empty() {
        return Err(format!(
            "no App's protection rule is enabled on {name} of {repo}: nothing waits for an answer there\nhint: {repo}, \
             Settings → Environments → {name} → Deployment protection rules: enable the executor's App"
        ));
    }
    let others: Vec<&str> =
        environment.rules.iter().map(String::as_str).filter(|rule| *rule != "branch_policy").collect();
    let beside = if others.is_empty() { String::new() } else { format!(", beside {}", others.join(" and ")) };
    Ok(format!("{name} by {}{beside}", enabled.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        simulator::{Pace, Scenario, Setting, Simulators, Site},
    };

    #[tokio::test]
    async fn each_repository_and_environment_is_looked_at() {
        let setting =
            Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace: Pace::default(), dir: None };
        let platforms = Simulators::start(setting).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("github");
        std::fs::write(&token, platforms.world().token(Site::GitHub)).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let section =
            format!("url = \"{}\"\ntoken_file = \"{}\"\n", platforms.url(Site::GitHub), token.display());
        let github = github::Source::open(&toml::from_str(&section).unwrap()).unwrap();
        let gates = |text: &str| toml::from_str::<BTreeMap<String, Service>>(text).unwrap();
        let good = "[identity]\nrepository = \"acme/identity\"\n[search-indexer]\nrepository = \
                    \"acme/search-indexer\"\n";
        let found = held(&github, &gates(good)).await.unwrap();
        assert_eq!(
            found,
            "held: identity (production by dock-gate); search-indexer (production by dock-gate)"
        );

        platforms.world().rename_environment("identity", "production", "live").unwrap();
        let amiss = held(&github, &gates(&format!("{good}[a]\nrepository = \"acme/unheard-of\"\n"))).await;
        let amiss = amiss.unwrap_err();
        for says in [
            "a: ",
            "acme/unheard-of",
            "identity: acme/identity shows no environment production",
            "hint: was it renamed?",
        ] {
            assert!(amiss.contains(says), "{says}: {amiss}");
        }
    }
}
