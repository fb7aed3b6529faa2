//! ArgoCD's connector against the simulated ArgoCD, and against answers that it must survive.
//!
//! Never: a wait for real time to pass.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    platform::{Fact, Next, tests::Ground},
    row::c1::sorted_json,
    simulator::{Account, Fault, Site},
};

fn key(name: &str, project: &str) -> AppKey {
    AppKey { name: name.to_owned(), project: project.to_owned(), namespace: None }
}

fn payments() -> AppKey {
    key("payments-api", "payments")
}

fn request(app: &Application) -> SyncRequest {
    SyncRequest {
        app: app.key.clone(),
        pin: Pin::Revision(app.revisions[0].clone()),
        prune: false,
        resources: None,
        tags: vec![Tag { name: "dock.decision".to_owned(), value: "01J".to_owned() }],
    }
}

#[tokio::test]
async fn it_reads_the_drift_and_who_is_asking() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.argocd(Account::Agent)).unwrap();
    let health = source.health().await.unwrap();
    assert_eq!(health.account, Fact::Known("dock-agent".to_owned()));
    let all = source.applications().await.unwrap();
    let drifted: Vec<&str> =
        all.iter().filter(|app| app.sync == SyncStatus::OutOfSync).map(|app| app.key.name.as_str()).collect();
    assert_eq!((all.len(), drifted), (9, vec!["payments-api"]));
    let app = source.application(&payments(), Refresh::Normal).await.unwrap();
    assert_eq!(
        (app.environment(), &app.sync, &app.health),
        (Some("production"), &SyncStatus::OutOfSync, &HealthState::Healthy)
    );
    assert!(app.automation.is_none() && !app.comparison_outdated && app.reconciled_at.is_some());
    assert_eq!(app.sources[0].target_revision, "main");
    let resources = source.managed_resources(&app.key).await.unwrap();
    let changed: Vec<&ManagedResource> = resources.iter().filter(|resource| resource.modified).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].key.kind, "Deployment");
    let form = |state: &Option<serde_json::Value>| sorted_json(&digest_form(state.as_ref().unwrap()));
    assert_ne!(form(&changed[0].normalized_live), form(&changed[0].predicted_live));
    let secret = resources.iter().find(|resource| resource.is_secret()).unwrap();
    assert!(has_masks(secret.normalized_live.as_ref().unwrap()) && secret.uid().is_some());
    let metadata = source.revision_metadata(&app.key, &app.revisions[0]).await.unwrap();
    assert_eq!(metadata.message, "deploy: payments-api 2.14.1");
    assert!(source.sync_windows(&app.key).await.unwrap().can_sync);
    assert!(!source.can_i_sync(&app.key).await.unwrap(), "an agent's token must not sync");
    assert_eq!(source.manifests(&app.key, &app.revisions[0]).await.unwrap().len(), 5);
    assert!(source.link(&app.key).ends_with("/applications/argocd/payments-api"));
}

#[tokio::test]
async fn noes_are_told_apart() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.argocd(Account::Agent)).unwrap();
    let failure =
        async |source: &Source, key: AppKey| source.application(&key, Refresh::No).await.unwrap_err().failure;
    assert_eq!(failure(&source, key("gone", "payments")).await, Failure::NotFound);
    assert_eq!(failure(&source, key("payments-api", "nowhere")).await, Failure::Forbidden);
    let stranger = Source::open(&ground.argocd_with("wrong")).unwrap();
    let error = stranger.application(&payments(), Refresh::No).await.unwrap_err();
    assert_eq!((error.failure, error.said.starts_with("invalid session")), (Failure::Unauthorised, true));
    assert!(
        ground.argocd_with("").token_file.is_some_and(|_| Source::open(&ground.argocd_with("")).is_err())
    );
}

#[tokio::test]
async fn a_pinned_and_tagged_sync_is_accepted_and_can_be_followed() {
    let ground = Ground::start().await;
    let actuator = Actuator::open(&ground.argocd(Account::Executor)).unwrap();
    let reads = actuator.reads();
    let app = reads.application(&payments(), Refresh::Normal).await.unwrap();
    let last = app.last_sync().unwrap().id;
    let accepted = actuator.sync(&request(&app)).await.unwrap();
    assert_eq!(accepted.revisions, app.revisions);
    assert_eq!(
        (accepted.application.progress(), accepted.application.tag("dock.decision")),
        (Progress::Accepted, Some("01J"))
    );
    let busy = actuator.sync(&request(&app)).await.unwrap_err();
    assert_eq!(busy.next(), Next::ReadBack, "{busy}");
    ground.ticks(4);
    assert_eq!(reads.application(&app.key, Refresh::No).await.unwrap().progress(), Progress::Running);
    ground.ticks(5);
    let fresh = reads.application(&app.key, Refresh::No).await.unwrap();
    assert_eq!(fresh.progress(), Progress::Finished(Phase::Succeeded));
    assert!(!fresh.health_is_settled(), "its health is of before the sync");
    ground.ticks(2);
    let done = reads.application(&app.key, Refresh::No).await.unwrap();
    assert_eq!(
        (done.progress(), &done.health),
        (Progress::Finished(Phase::Succeeded), &HealthState::Progressing)
    );
    assert_eq!(
        (done.last_sync().unwrap().id, &done.last_sync().unwrap().revisions),
        (last + 1, &app.revisions)
    );
    assert_eq!(
        (done.tag("dock.decision"), done.last_sync().unwrap().by.as_str()),
        (Some("01J"), "dock-executor")
    );
    ground.ticks(10);
    let settled = reads.application(&app.key, Refresh::No).await.unwrap();
    assert_eq!((&settled.health, settled.health_is_settled()), (&HealthState::Healthy, true));
}

#[tokio::test]
async fn argocds_own_noes_to_a_sync_are_named() {
    let ground = Ground::start().await;
    let (world, agent) = (ground.world(), Actuator::open(&ground.argocd(Account::Agent)).unwrap());
    let executor = Actuator::open(&ground.argocd(Account::Executor)).unwrap();
    let app = executor.reads().application(&payments(), Refresh::No).await.unwrap();
    let refusal =
        async |actuator: &Actuator, request: &SyncRequest| actuator.sync(request).await.unwrap_err();
    let error = refusal(&agent, &request(&app)).await;
    assert!(matches!(&error, SyncError::Platform(error) if error.failure == Failure::Forbidden), "{error}");
    world.set_window_closed("payments-api", true).unwrap();
    let error = refusal(&executor, &request(&app)).await;
    assert!(matches!(error, SyncError::Refused { refusal: SyncRefusal::WindowClosed, .. }), "{error}");
    world.set_window_closed("payments-api", false).unwrap();
    world.set_auto_sync("payments-api", true).unwrap();
    let error = refusal(&executor, &request(&app)).await;
    assert!(
        matches!(error, SyncError::Refused { refusal: SyncRefusal::PinnedUnderAutoSync(_), .. }),
        "{error}"
    );
    assert_eq!(error.next(), Next::GiveUp);
    let automated = executor.reads().application(&payments(), Refresh::No).await.unwrap();
    assert!(automated.refuses_pin(&automated.revisions) && !app.refuses_pin(&app.revisions));
    let target = SyncRequest { pin: Pin::Target, ..request(&app) };
    assert_eq!(executor.sync(&target).await.unwrap().revisions, app.revisions);
}

#[tokio::test]
async fn a_lost_answer_hides_a_done_write_and_its_tag_is_found() {
    let ground = Ground::start().await;
    let actuator = Actuator::open(&ground.argocd(Account::Executor)).unwrap();
    let app = actuator.reads().application(&payments(), Refresh::No).await.unwrap();
    ground.world().faults(Site::ArgoCd).script("/sync", Fault::LostAnswer, Some(1));
    let error = actuator.sync(&request(&app)).await.unwrap_err();
    assert_eq!(error.next(), Next::ReadBack, "{error}");
    let after = actuator.reads().application(&app.key, Refresh::No).await.unwrap();
    assert_eq!(after.tag("dock.decision"), Some("01J"));
    ground.world().faults(Site::ArgoCd).down();
    let error = actuator.sync(&request(&app)).await.unwrap_err();
    // A pooled connection that breaks may have carried it; a new one that is refused has not.
    assert!(matches!(error.next(), Next::ReadBack | Next::Retry { .. }), "{error}");
    let error = actuator.sync(&request(&app)).await.unwrap_err();
    assert!(matches!(error.next(), Next::Retry { .. }), "{error}");
}

#[tokio::test]
async fn an_operation_can_be_terminated_once_it_runs() {
    let ground = Ground::start().await;
    let actuator = Actuator::open(&ground.argocd(Account::Executor)).unwrap();
    assert!(!actuator.terminate(&payments()).await.unwrap(), "nothing runs");
    let app = actuator.reads().application(&payments(), Refresh::No).await.unwrap();
    actuator.sync(&request(&app)).await.unwrap();
    ground.ticks(4);
    assert!(actuator.terminate(&payments()).await.unwrap());
    ground.ticks(3);
    let ended = actuator.reads().application(&payments(), Refresh::No).await.unwrap();
    assert_eq!(ended.progress(), Progress::Finished(Phase::Failed));
    assert_eq!(ended.last_sync(), app.last_sync());
}

#[tokio::test]
async fn a_failed_and_a_degraded_sync_say_what_of() {
    let ground = Ground::start().await;
    let actuator = Actuator::open(&ground.argocd(Account::Executor)).unwrap();
    let app = actuator.reads().application(&payments(), Refresh::No).await.unwrap();
    ground.world().fail_syncs("payments-api", 1, "admission webhook denied the request").unwrap();
    actuator.sync(&request(&app)).await.unwrap();
    ground.ticks(10);
    let failed = actuator.reads().application(&app.key, Refresh::No).await.unwrap();
    let state = failed.operation_state.unwrap();
    assert_eq!((state.phase, state.results[0].status.as_str()), (Phase::Failed, "SyncFailed"));
    assert!(state.message.contains("admission webhook"));
    ground.world().set_outlook("payments-api", "Degraded", "0 of 4 pods are ready").unwrap();
    actuator.sync(&request(&app)).await.unwrap();
    ground.ticks(30);
    let degraded = actuator.reads().application(&app.key, Refresh::No).await.unwrap();
    assert_eq!(
        (degraded.health, degraded.health_message.as_str()),
        (HealthState::Degraded, "0 of 4 pods are ready")
    );
}

#[tokio::test]
async fn the_stream_lists_all_first_tells_changes_and_ends() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.argocd(Account::Agent)).unwrap();
    let mut watch = source.watch().await.unwrap();
    for _ in 0..9 {
        assert_eq!(watch.next().await.unwrap().unwrap().kind, ChangeKind::Added);
    }
    ground.world().drift("search-indexer").unwrap();
    ground.ticks(5);
    let change = watch.next().await.unwrap().unwrap();
    assert_eq!((change.kind, change.application.name()), (ChangeKind::Modified, "search-indexer"));
    assert_eq!(change.application.sync, SyncStatus::OutOfSync);
    ground.world().end_streams();
    assert_eq!(watch.next().await.unwrap(), None);
    let mut again = source.watch().await.unwrap();
    again.next().await.unwrap().unwrap();
    ground.world().cut_streams();
    let broken = loop {
        match again.next().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(broken.unwrap_err().failure, Failure::CutOff);
    ground.world().faults(Site::ArgoCd).script("/stream", Fault::Status(403), Some(1));
    assert_eq!(source.watch().await.unwrap_err().failure, Failure::Forbidden);
}

#[tokio::test]
async fn a_moved_base_shows_in_the_digest_form_and_an_unrelated_reconcile_does_not() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.argocd(Account::Agent)).unwrap();
    let forms = async || {
        let resources = source.managed_resources(&payments()).await.unwrap();
        let side =
            |state: &Option<serde_json::Value>| state.as_ref().map(|state| sorted_json(&digest_form(state)));
        resources
            .iter()
            .map(|r| (r.key.clone(), side(&r.normalized_live), side(&r.predicted_live)))
            .collect::<Vec<_>>()
    };
    let before = forms().await;
    source.application(&payments(), Refresh::Normal).await.unwrap();
    assert_eq!(forms().await, before);
    ground.world().move_base("payments-api").unwrap();
    assert_ne!(forms().await, before);
}

#[test]
fn the_body_of_a_sync_is_the_contracts() {
    let request = SyncRequest {
        app: AppKey { namespace: Some("argocd".to_owned()), ..payments() },
        pin: Pin::Revision("8f2c1d0e9b7a6c5d4e3f2a1b0c9d8e7f6a5b4c3d".to_owned()),
        prune: false,
        resources: None,
        tags: vec![Tag { name: "dock.row".to_owned(), value: "sync-8821".to_owned() }],
    };
    let whole = json!({"name": "payments-api", "project": "payments", "appNamespace": "argocd",
        "revision": "8f2c1d0e9b7a6c5d4e3f2a1b0c9d8e7f6a5b4c3d", "prune": false, "dryRun": false,
        "strategy": {"hook": {"force": false}}, "infos": [{"name": "dock.row", "value": "sync-8821"}],
        "retryStrategy": {"limit": 0}});
    assert_eq!(sync_body(&request), whole);
    let several =
        sync_body(&SyncRequest { pin: Pin::Revisions(vec!["a".into(), "b".into()]), ..request.clone() });
    assert_eq!((&several["revisions"], &several["sourcePositions"]), (&json!(["a", "b"]), &json!([1, 2])));
    assert!(several.get("revision").is_none());
    let partial = SyncRequest {
        resources: Some(vec![ResourceKey {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "p".into(),
            name: "a".into(),
        }]),
        ..request
    };
    assert_eq!(sync_body(&partial)["resources"][0]["kind"], "Deployment");
}

#[test]
fn what_is_absent_null_or_new_does_not_break_reading() {
    let odd = json!({"metadata": {"name": "a", "labels": null}, "spec": {"project": "p", "sources": null, "syncPolicy": null},
        "status": {"sync": {"status": "Pondering"}, "health": null, "history": null, "operationState":
            {"phase": "Running", "finishedAt": "2026-05-30T02:14:09Z", "retryCount": 2, "operation": {"info": null}}},
        "operation": {}});
    let app: Application = serde_json::from_value(odd).unwrap();
    assert_eq!((app.sync.clone(), app.health.word()), (SyncStatus::Other("Pondering".to_owned()), "Unknown"));
    assert_eq!(app.progress(), Progress::WaitingToRetry { retries: 2 });
    assert!(app.sources.is_empty() && !app.health_is_settled());
    let off = json!({"spec": {"syncPolicy": {"automated": {"enabled": false}}}});
    assert_eq!(serde_json::from_value::<Application>(off).unwrap().automation, None);
    let on = json!({"spec": {"syncPolicy": {"automated": {}}}});
    assert!(serde_json::from_value::<Application>(on).unwrap().automation.is_some());
}

#[tokio::test]
async fn a_slow_read_is_given_up_only_after_its_time() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.argocd(Account::Agent)).unwrap();
    ground.world().faults(Site::ArgoCd).script(
        "/payments-api",
        Fault::Slow(Duration::from_millis(30)),
        Some(1),
    );
    assert!(source.application(&payments(), Refresh::No).await.is_ok());
}
