//! GitHub's limits and pages against the simulated GitHub.
//!
//! Never: a wait for a limit's end.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn the_hours_calls_are_counted_and_none_goes_out_once_they_are_spent() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.github()).unwrap();
    let repo = repo("checkout-api");
    source.run(&repo, 9821).await.unwrap();
    let usage = source.usage();
    assert_eq!((usage.limit, usage.remaining, usage.asked), (Some(5_000), Some(4_999), 1));
    source.run(&repo, 9821).await.unwrap();
    assert_eq!(source.usage().remaining, Some(4_999), "what did not change costs nothing");
    ground.world().limit_github(3);
    source.jobs(&repo, 9821, 1).await.unwrap();
    source.approvals(&repo, 9821).await.unwrap();
    assert_eq!((source.usage().remaining, source.usage().quota.wait().is_some()), (Some(0), true));
    let asked = source.usage().asked;
    let no = source.pending_deployments(&repo, 9821).await.unwrap_err();
    let Failure::RateLimited { retry_after } = no.failure else { panic!("{no}") };
    assert!(
        retry_after > Duration::from_secs(3_500) && matches!(source.usage().quota, Quota::Spent { .. }),
        "{no}"
    );
    assert_eq!(source.usage().asked, asked, "nothing was sent");
    // A client that does not know yet is told so by GitHub itself.
    let other = Source::open(&ground.github()).unwrap();
    let no = other.run(&repo, 9821).await.unwrap_err();
    assert!(
        matches!(no.failure, Failure::RateLimited { retry_after } if retry_after > Duration::from_secs(3_500))
    );
    assert!(matches!(other.usage().quota, Quota::Spent { .. }));
    other.health().await.unwrap();
}

#[tokio::test]
async fn slowing_down_is_obeyed_with_a_time_and_without() {
    let ground = Ground::start().await;
    let repo = repo("checkout-api");
    for (told, expected) in [(Some(7), 7), (None, 60)] {
        ground.world().slow_github(1, told);
        let source = Source::open(&ground.github()).unwrap();
        let no = source.run(&repo, 9821).await.unwrap_err();
        assert_eq!(no.failure, Failure::RateLimited { retry_after: Duration::from_secs(expected) });
        assert!(no.said.contains("secondary rate limit"), "{no}");
        assert!(matches!(source.usage().quota, Quota::Slowed { times: 1, .. }));
        assert!(source.run(&repo, 9821).await.unwrap_err().said.contains("nothing was sent"));
    }
    // An answer that is limited was not taken, and is sent again after the wait.
    ground.world().slow_github(1, Some(7));
    let actuator = Actuator::open(&ground.github_writer()).unwrap();
    let comment = "dock".to_owned();
    let environment = "production".to_owned();
    let review = Review { repo, run: 9821, environment, answer: Answered::Approved, comment };
    let no = actuator.review(&review).await.unwrap_err();
    assert_eq!(no.next(), crate::platform::Next::Retry { wait: Duration::from_secs(7) });
}

#[tokio::test]
async fn lists_are_read_page_by_page_to_their_end() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.github()).unwrap();
    let first = ground.world().run("identity").unwrap();
    for _ in 0..64 {
        ground.world().run("identity").unwrap();
    }
    let repo = repo("identity");
    for _ in 0..2 {
        let runs = source.runs_after(&repo, "main", first).await.unwrap();
        assert_eq!(runs.len(), 64, "the second time, from what was kept");
        assert!(runs.windows(2).all(|pair| pair[0].id > pair[1].id));
    }
    ground.ticks(10);
    assert_eq!(source.waiting_runs(&repo).await.unwrap().len(), 65);
}
