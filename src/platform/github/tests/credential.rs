//! An App against the simulated GitHub: its keys, its tokens, what they reach, how they end.
//!
//! Never: a key that opens anything but the simulated platforms.

use super::*;
use crate::clock::Clock;

const PKCS8: &str = include_str!("../app.pkcs8.pem");

fn pkcs1(ground: &Ground) -> &'static str {
    ground.world().github_app().key
}

fn issued(ground: &Ground) -> usize {
    ground.world().github_tokens_issued()
}

#[tokio::test]
async fn an_app_reads_with_either_kind_of_key_and_buys_one_token_for_many_reads() {
    let ground = Ground::start().await;
    ground.ticks(10);
    for key in [pkcs1(&ground), PKCS8] {
        let before = issued(&ground);
        let source = Source::open(&ground.github_app(key, "")).unwrap();
        let repo = repo("checkout-api");
        let (run, jobs, pending) = tokio::join!(
            source.run(&repo, 9821),
            source.jobs(&repo, 9821, 1),
            source.pending_deployments(&repo, 9821)
        );
        assert_eq!((run.unwrap().attempt, jobs.unwrap().len(), pending.unwrap().len()), (1, 4, 1));
        assert_eq!(issued(&ground) - before, 1);
        source.run(&super::repo("identity"), 9825).await.unwrap_err();
        assert_eq!(issued(&ground) - before, 2, "another repository, another token");
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_renewed_once_for_a_read() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.github_app(pkcs1(&ground), "")).unwrap();
    let repo = repo("checkout-api");
    source.run(&repo, 9821).await.unwrap();
    let before = issued(&ground);
    ground.world().expire_github_tokens();
    source.run(&repo, 9821).await.unwrap();
    assert_eq!(issued(&ground) - before, 1);
    // Whatever is bought is refused: it is said so, not tried on and on.
    ground.world().faults(Site::GitHub).script("GET /repos", Fault::Status(401), None);
    let asked = source.usage().asked;
    assert_eq!(source.run(&repo, 9821).await.unwrap_err().failure, Failure::Unauthorised);
    assert_eq!(source.usage().asked - asked, 2);
}

#[tokio::test]
async fn tokens_reach_what_they_were_narrowed_to() {
    let ground = Ground::start().await;
    ground.ticks(10);
    let config = ground.github_app(pkcs1(&ground), "repositories = [\"acme/checkout-api\"]");
    let source = Source::open(&config).unwrap();
    source.run(&repo("checkout-api"), 9821).await.unwrap();
    let hidden = source.deployments(&repo("billing-worker"), "production").await.unwrap_err();
    assert_eq!(hidden.failure, Failure::NotFound);
    let actuator = Actuator::open(&ground.github_app(pkcs1(&ground), "")).unwrap();
    let review = Review {
        repo: repo("checkout-api"),
        run: 9821,
        environment: "production".to_owned(),
        answer: Answered::Approved,
        comment: "dock gate-9821 01J approved by sarah".to_owned(),
    };
    actuator.review(&review).await.unwrap();
    let reviewed = actuator.reviewed(&review.repo, 9821, 1, "production", "01J").await.unwrap();
    assert_eq!(reviewed, Reviewed::Ours { state: ApprovalState::Approved });
    actuator.dispatch(&review.repo, "dock-canary", &serde_json::json!({})).await.unwrap();
    // What a writer reads is narrower than what a reader does.
    let no = actuator.reads().compare(&review.repo, "main", "main").await.unwrap_err();
    assert_eq!(no.failure, Failure::Forbidden);
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_by_githubs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clock");
    for off in ["5400\n", "-5400\n"] {
        std::fs::write(&file, off).unwrap();
        let ground = Ground::start_at(Clock::with_offset_file(file.clone())).await;
        let source = Source::open(&ground.github_app(pkcs1(&ground), "")).unwrap();
        source.run(&repo("checkout-api"), 9821).await.unwrap();
    }
}

#[tokio::test]
async fn who_is_not_the_app_is_turned_away_and_a_section_that_cannot_work_says_so() {
    let ground = Ground::start().await;
    let mut config = ground.github_app(pkcs1(&ground), "");
    config.app_id = Some(AppId::Text("Iv1.another".to_owned()));
    let stranger = Source::open(&config).unwrap();
    assert_eq!(stranger.run(&repo("checkout-api"), 9821).await.unwrap_err().failure, Failure::Unauthorised);
    config.app_id = Some(AppId::Number(ground.world().github_app().id));
    config.installation_id = Some(1);
    let elsewhere = Source::open(&config).unwrap();
    assert_eq!(elsewhere.run(&repo("checkout-api"), 9821).await.unwrap_err().failure, Failure::NotFound);
    let check = |config: Config, words: &str| {
        let no = Source::open(&config).unwrap_err();
        assert!(no.failure == Failure::Setup && no.said.contains(words), "{no}");
        assert!(!no.to_string().contains("PRIVATE KEY"), "{no}");
    };
    check(ground.github_app("no key at all", ""), "no private key in PEM");
    let ec = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
    check(ground.github_app(ec, ""), "not an RSA key");
    check(ground.github_app(PKCS8, "repositories = [\"checkout-api\"]"), "is no repository");
    let file = ground.token_file("both", "abc");
    check(Config { token_file: Some(file), ..ground.github_app(PKCS8, "") }, "both a token and an App");
    check(Config { installation_id: None, ..ground.github_app(PKCS8, "") }, "installation_id");
}
