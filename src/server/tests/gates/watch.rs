//! A deploy that was answered, followed for its watch window: healthy, degraded, rolled back, or not to be told.

use super::*;

#[tokio::test]
async fn a_deploy_is_healthy_when_its_watch_is_over_and_rolled_back_when_an_older_one_follows() {
    let gated = Gated::start().await;
    let reading = gated.waiting("notifications", "staging").await;
    let (status, answer) = gated.world.post("/v1/rows", "open", &drafted(&reading), &[]).await;
    assert_eq!(status, 201, "{answer}");
    let row = gated.world.row(answer["row"].as_str().unwrap()).await;
    assert_eq!(gated.world.decide("govind", &row, Decision::Approve).await, "accepted", "one key is enough");
    let executor = gated.executor();
    gated.work(&executor, row.head.id, &[State::Executed]).await;
    for _ in 0..20 {
        gated.world.platforms.world().tick();
    }
    executor.turn().await.unwrap();
    assert_eq!(gated.state(row.head.id).await, State::Executed, "fine is not healthy before its time");
    gated.world.advance(301);
    let done = gated.work(&executor, row.head.id, &[State::Healthy, State::Degraded]).await;
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!((done.state(), detail.as_str()), (State::Healthy, "GitHub says success of the deployment"));
}

#[tokio::test]
async fn a_deploy_that_is_rolled_back_on_github_is_stamped_so() {
    let gated = Gated::start().await;
    let platforms = gated.world.platforms.world();
    // The last run of the plan breaks what it deploys.
    let mut run = 0;
    while let Some(next) = platforms.run_next() {
        run = next;
    }
    let reading = gated.waits(SERVICE, run, "production").await;
    let (status, answer) = gated.post("/v1/rows", "open", &drafted(&reading)).await;
    assert_eq!(status, 201, "{answer}");
    let row = gated.world.row(answer["row"].as_str().unwrap()).await;
    gated.approved(&row, false).await;
    let executor = gated.executor();
    gated.work(&executor, row.head.id, &[State::Executed]).await;
    let done = loop {
        platforms.tick();
        executor.turn().await.unwrap();
        let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
        if now.state() != State::Executed {
            break now;
        }
    };
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!(done.state(), State::RolledBack, "{detail}");
    assert!(detail.contains("deployed the older"), "{detail}");
}

#[tokio::test]
async fn a_watch_whose_github_never_answers_again_has_an_end_and_says_so() {
    let gated = Gated::start().await;
    let executor = gated.executor();
    let row = gated.executed("notifications", "staging", &executor).await;
    gated.world.platforms.world().faults(Site::GitHub).down();
    executor.turn().await.unwrap();
    let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert_eq!(now.stage.outcome(), None, "its window is not over");
    gated.world.advance(1801);
    let (state, detail) = gated.told_at_last(&executor, &row).await;
    assert_eq!(state, State::Executed, "neither degraded nor healthy is known: {detail}");
    assert!(detail.starts_with("it could not be told in time how it does: "), "{detail}");
    assert!(detail.contains("GitHub"), "{detail}");
    let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert!(now.stage.terminal(gated.world.app.clock.now()), "nothing is awaited any more");
    let shown = gated.world.row(&row.head.id.to_string()).await.outcome.unwrap();
    assert_eq!((shown.state, shown.detail), (State::Executed, detail.clone()));
    let last = gated.leaves(row.head.id).await.pop().unwrap();
    assert_eq!((last.event, last.body.text("detail")), (Event::HealthStamped, Some(detail.as_str())));
    gated.world.platforms.world().faults(Site::GitHub).up();
    assert!(!executor.turn().await.unwrap(), "no work is left");
}

#[tokio::test]
async fn a_watch_reads_argocd_and_the_burn() {
    let gated = Gated::start().await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    let row = gated.executed("identity", "production", &executor).await;
    for _ in 0..20 {
        platforms.tick();
    }
    gated.world.advance(301);
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Healthy, "{}", told.1);
    let begins = "GitHub says success of the deployment; ArgoCD says Healthy; the error budget burns at ";
    assert!(told.1.starts_with(begins), "{}", told.1);

    // Nobody can say how the application is: that is not fine, and not bad either.
    let row = gated.executed("identity", "production", &executor).await;
    platforms.faults(Site::ArgoCd).script("GET /api/v1/applications", Fault::Status(500), None);
    gated.world.advance(301 + 1801);
    let told = gated.told_at_last(&executor, &row).await;
    platforms.faults(Site::ArgoCd).clear();
    assert_eq!(told.0, State::Executed, "{}", told.1);
    assert!(told.1.contains("ArgoCD"), "{}", told.1);

    let row = gated.executed("identity", "production", &executor).await;
    let since = gated.world.app.clock.now().saturating_sub(SignedDuration::from_hours(7)).unwrap();
    platforms.burn("identity", since, 26.0).unwrap();
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Degraded, "{}", told.1);
    assert!(told.1.starts_with("the error budget burns at 26.0 over "), "{}", told.1);
}

#[tokio::test]
async fn an_application_that_degrades_during_the_watch_degrades_the_row_in_its_own_words() {
    let gated = Gated::start().await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    let row = gated.executed("identity", "production", &executor).await;
    for _ in 0..20 {
        platforms.tick();
    }
    executor.turn().await.unwrap();
    assert_eq!(gated.state(row.head.id).await, State::Executed, "fine so far, and watched");
    gated.world.advance(120);
    platforms.set_health("identity", "Degraded", "CrashLoopBackOff: back-off 40s restarting").unwrap();
    let (state, detail) = gated.told_at_last(&executor, &row).await;
    assert_eq!(state, State::Degraded, "{detail}");
    let expected = "ArgoCD says Degraded: CrashLoopBackOff: back-off 40s restarting; Deployment/identity Degraded: \
                    CrashLoopBackOff: back-off 40s restarting";
    assert_eq!(detail, expected);
    let shown = gated.world.row(&row.head.id.to_string()).await;
    assert_eq!(shown.head.state, State::Degraded);
    assert_eq!(
        shown.outcome.map(|outcome| outcome.detail).as_deref(),
        Some(expected),
        "as the console shows it"
    );
    let last = gated.leaves(row.head.id).await.pop().unwrap();
    assert_eq!((last.event, last.body.text("detail")), (Event::HealthStamped, Some(expected)));
    // It recovers: what was seen stays said, and the watch goes on to its end.
    platforms.set_health("identity", "Healthy", "").unwrap();
    gated.world.advance(120 + 1801);
    for _ in 0..3 {
        executor.turn().await.unwrap();
    }
    assert_eq!(gated.state(row.head.id).await, State::Degraded);
}

#[tokio::test]
async fn the_watch_begins_with_the_deploy_and_not_with_our_answer() {
    let gated = Gated::start().await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    platforms.hold_on("notifications");
    let row = gated.executed("notifications", "staging", &executor).await;
    gated.world.advance(2 * 1801);
    executor.turn().await.unwrap();
    let now = gated.world.store().row(row.head.id).await.unwrap().unwrap();
    assert_eq!(
        (now.state(), now.stage.outcome()),
        (State::Executed, None),
        "a reviewer of GitHub's own holds it"
    );
    let Base::Gate(base) = &row.base_read else { panic!("{:?}", row.base_read) };
    platforms.answer_run(base.run.parse().unwrap(), true, "govind").unwrap();
    for _ in 0..20 {
        platforms.tick();
    }
    executor.turn().await.unwrap();
    assert_eq!(gated.state(row.head.id).await, State::Executed, "fine is not healthy before its time");
    gated.world.advance(2 * 1801 + 301);
    assert_eq!(gated.told_at_last(&executor, &row).await.0, State::Healthy);
}

#[tokio::test]
async fn a_service_whose_slo_is_found_by_its_tag_is_watched_by_it() {
    let gated = Gated::start_beside(|platforms, token| {
        let world = platforms.world();
        let key = token("datadog", &world.token(Site::Datadog));
        let application = token("datadog-application", &world.datadog_application_key());
        format!(
            "[platforms.datadog]\nurl = \"{}\"\napi_key_file = \"{key}\"\napplication_key_file = \"{application}\"\n",
            platforms.url(Site::Datadog)
        )
    })
    .await;
    let (executor, platforms) = (gated.executor(), gated.world.platforms.world());
    let deployed = async || {
        let row = gated.executed("notifications", "staging", &executor).await;
        for _ in 0..20 {
            platforms.tick();
        }
        row
    };
    let calm = gated.world.app.clock.now().saturating_sub(SignedDuration::from_hours(48)).unwrap();
    platforms.burn("notifications", calm, 0.5).unwrap();
    let row = deployed().await;
    gated.world.advance(301);
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Healthy, "{}", told.1);
    assert!(told.1.contains("; the error budget burns at "), "{}", told.1);

    let row = deployed().await;
    platforms.faults(Site::Datadog).down();
    gated.world.advance(301 + 1801);
    let told = gated.told_at_last(&executor, &row).await;
    platforms.faults(Site::Datadog).up();
    assert_eq!(told.0, State::Executed, "what was not read is not fine: {}", told.1);
    assert!(told.1.contains("the burn: "), "{}", told.1);

    let row = deployed().await;
    let since = gated.world.app.clock.now().saturating_sub(SignedDuration::from_hours(7)).unwrap();
    platforms.burn("notifications", since, 26.0).unwrap();
    gated.world.advance(301 + 1801 + 120);
    let told = gated.told_at_last(&executor, &row).await;
    assert_eq!(told.0, State::Degraded, "{}", told.1);
}
