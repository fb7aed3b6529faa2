//! GitHub's connector against the simulated GitHub, and its readings as tables.
//!
//! Never: a request to the real one.

mod credential;
mod gates;
mod limits;

use super::*;
use crate::{
    platform::{Failure, tests::Ground},
    simulator::{Account, Fault, Site},
};

fn repo(name: &str) -> Repository {
    Repository { owner: "acme".to_owned(), name: name.to_owned() }
}

/// The commit that runs, and the one that git has.
async fn revisions(ground: &Ground) -> (String, String) {
    let argocd = crate::platform::argocd::Source::open(&ground.argocd(Account::Agent)).unwrap();
    let key = crate::platform::argocd::AppKey {
        name: "payments-api".into(),
        project: "payments".into(),
        namespace: None,
    };
    let app = argocd.application(&key, crate::platform::argocd::Refresh::No).await.unwrap();
    (app.last_sync().unwrap().revisions[0].clone(), app.revisions[0].clone())
}

#[tokio::test]
async fn it_reads_what_a_revision_brings() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.github()).unwrap();
    source.health().await.unwrap();
    let (base, head) = revisions(&ground).await;
    let repo = repo("payments-api");
    let comparison = source.compare(&repo, &base, &head).await.unwrap();
    assert_eq!((comparison.total_commits, comparison.commits_complete, comparison.behind_by), (3, true, 0));
    let paths: Vec<&str> = comparison.files.iter().map(|file| file.path.as_str()).collect();
    assert!(
        paths.contains(&"src/capture/idempotency.rs") && paths.contains(&"deploy/deployment.yaml"),
        "{paths:?}"
    );
    let pulls = source.pull_requests(&repo, &comparison.commits[0].sha).await.unwrap();
    assert_eq!((pulls[0].number, pulls[0].merged_at.is_some()), (4412, true));
    assert!(source.pull_requests(&repo, &head).await.unwrap().is_empty(), "it was pushed");
    let ci = source.ci(&repo, &head).await.unwrap();
    assert_eq!((ci.state, ci.checks.len()), (CiState::Green, 3));
    let file = source.file(&repo, "deploy/deployment.yaml", &head).await.unwrap().known().unwrap();
    assert!(file.contains("image: ghcr.io/acme/payments-api:2.14.1"), "{file}");
    // Asked again, it comes from what was kept.
    assert_eq!(source.compare(&repo, &base, &head).await.unwrap(), comparison);
}

#[tokio::test]
async fn a_release_says_its_notes_or_is_unknown() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.github()).unwrap();
    let repo = source.repository_of("https://acme.github.io/ledger-worker").unwrap();
    assert!(matches!(source.release(&repo, "ledger-worker-2.4.2").await.unwrap(), Fact::Unknown(_)));
    while ground.world().drift_next().is_some() {}
    let release = source.release(&repo, "ledger-worker-2.4.2").await.unwrap().known().unwrap();
    assert!(release.notes.contains("Dependencies"), "{release:?}");
    let between = source.compare(&repo, "ledger-worker-2.4.1", "ledger-worker-2.4.2").await.unwrap();
    assert_eq!(between.total_commits, 1);
    assert_eq!(source.ci(&repo, "ledger-worker-2.4.2").await.unwrap().state, CiState::Green);
}

#[tokio::test]
async fn noes_are_told_apart() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.github()).unwrap();
    let hidden = source.compare(&repo("nope"), "main", "main").await.unwrap_err();
    assert_eq!(hidden.failure, Failure::NotFound);
    let file = ground.token_file("stranger", "wrong");
    let stranger = Source::open(&Config { token_file: Some(file), ..ground.github() }).unwrap();
    assert_eq!(stranger.health().await.unwrap_err().failure, Failure::Unauthorised);
    let faults = ground.world().faults(Site::GitHub);
    for (fault, expected) in [
        (Fault::Status(500), Failure::ServerError { status: 500 }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::RateLimited(9), Failure::RateLimited { retry_after: std::time::Duration::from_secs(9) }),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(source.ci(&repo("payments-api"), "main").await.unwrap_err().failure, expected);
    }
}

#[test]
fn checks_mean_what_they_say_together() {
    let check = |words: &[&str], expected: CiState| {
        let checks =
            words.iter().map(|word| Check { name: "c".into(), word: (*word).into(), url: String::new() });
        assert_eq!(ci_state(&checks.collect::<Vec<_>>()), expected, "{words:?}");
    };
    let nothing = || CiState::Unknown("nothing was checked".to_owned());
    check(&[], nothing());
    check(&["skipped", "neutral"], nothing());
    check(&["success", "skipped"], CiState::Green);
    check(&["success", "in_progress"], CiState::Pending);
    check(&["success", "failure", "queued"], CiState::Red);
    check(&["success", "cancelled"], CiState::Red);
    check(&["success", "pondering"], CiState::Unknown("c says pondering".to_owned()));
}

#[test]
fn addresses_lead_to_repositories() {
    let check = |address: &str, expected: Option<&str>| {
        let found = repository_of(address, "github.com").map(|repository| repository.to_string());
        assert_eq!(found.as_deref(), expected, "{address}");
    };
    check("https://github.com/acme/payments-api.git", Some("acme/payments-api"));
    check("https://github.com/acme/payments-api/", Some("acme/payments-api"));
    check("git@github.com:acme/payments-api.git", Some("acme/payments-api"));
    check("ssh://git@github.com/acme/payments-api", Some("acme/payments-api"));
    check("https://user:secret@github.com/acme/a", Some("acme/a"));
    check("https://acme.github.io/ledger-worker", Some("acme/ledger-worker"));
    check("https://gitlab.com/acme/payments-api", None);
    check("https://github.com/acme", None);
    check("https://github.com.evil.example/acme/a", None);
    check("", None);
}

proptest::proptest! {
    #[test]
    fn any_address_is_read_without_harm(address in ".{0,60}") {
        if let Some(repository) = repository_of(&address, "github.com") {
            proptest::prop_assert!(!repository.owner.is_empty() && !repository.name.contains('/'));
        }
        let _ = short(&address);
    }
}
