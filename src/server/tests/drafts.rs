//! What agents may and may not: one row for one drift, claims held against our own read, strict bodies.

use super::*;
use crate::{
    lifecycle::{Health, Ruling, Step},
    row::{
        PrincipalKind, Risk, State,
        stage::{Before, Write},
    },
    server::step::{self, Taken},
    store::Actor,
    wire::WithdrawRequest,
};

#[tokio::test]
async fn one_drift_makes_one_row() {
    let world = World::start().await;
    let draft = draft(&world.drifted("payments-api").await);
    let first = world.post("/v1/rows", "a", &draft, &[]).await;
    assert_eq!((first.0, &first.1["outcome"], &first.1["row"]), (201, &json!("opened"), &json!("sync-8821")));
    assert_eq!(world.post("/v1/rows", "a", &draft, &[]).await, first, "the same key, the same answer");
    let again = world.post("/v1/rows", "b", &draft, &[]).await;
    assert_eq!((again.0, &again.1["outcome"], &again.1["row"]), (200, &json!("exists"), &json!("sync-8821")));
    let other = Draft { title: "another".to_owned(), ..draft.clone() };
    let reused = world.post("/v1/rows", "a", &other, &[]).await;
    assert_eq!((reused.0, &reused.1["code"]), (422, &json!("key_reused")));

    let draft = super::draft(&world.drifted("checkout-web").await);
    let (one, two) =
        tokio::join!(world.post("/v1/rows", "c", &draft, &[]), world.post("/v1/rows", "d", &draft, &[]));
    let mut outcomes = [one.1["outcome"].clone(), two.1["outcome"].clone()];
    outcomes.sort_by_key(Value::to_string);
    assert_eq!(outcomes, [json!("exists"), json!("opened")], "{one:?} {two:?}");
    assert_eq!((&one.1["row"], &two.1["row"]), (&json!("sync-8822"), &json!("sync-8822")));
    let view = world.row("sync-8822").await;
    assert_eq!(view.mismatch(), None, "the digests are those of what is shown");
}

#[tokio::test]
async fn an_agent_that_floods_is_stopped_and_one_that_repeats_itself_is_not() {
    let world = World::start().await;
    let good = draft(&world.drifted("payments-api").await);
    for _ in 0..130 {
        assert_eq!(world.post("/v1/rows", "a", &good, &[]).await.0, 201, "the same words again");
    }
    let other = draft(&world.drifted("checkout-web").await);
    let untrue = Draft { diff: "nothing to see".to_owned(), ..other };
    // As many as two minutes take: the test may run across the end of one.
    for _ in 0..121 {
        let (status, answer) = world.post("/v1/rows", "b", &untrue, &[]).await;
        if status == 429 {
            assert_eq!(answer["code"], "busy", "{answer}");
            return;
        }
        assert_eq!(answer["code"], "claim_mismatch", "{answer}");
    }
    panic!("121 claims that do not hold were all looked into");
}

#[tokio::test]
async fn a_claim_that_our_own_read_contradicts_is_refused() {
    let world = World::start().await;
    let good = draft(&world.drifted("payments-api").await);
    let mut pruned = world.reading("payments-api").await.effect();
    pruned.prune = !pruned.prune;
    let mut bumped = good.facts.clone();
    bumped.insert("changelog".to_owned(), "dependencies".to_owned());
    let mut moved = world.reading("payments-api").await;
    moved.resources.retain(|resource| !resource.differs());
    for (draft, expected) in [
        (Draft { environment: "staging".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { risk: Risk::Costly, ..good.clone() }, "claim_mismatch"),
        (Draft { effect: Effect::Argocd(pruned), ..good.clone() }, "claim_mismatch"),
        (Draft { diff: "nothing to see".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { facts: bumped, ..good.clone() }, "claim_mismatch"),
        (Draft { subject: "billing-worker".to_owned(), ..good.clone() }, "claim_mismatch"),
        (Draft { base: Base::Sync(moved.base()), ..good.clone() }, "base_moved"),
        (Draft { rationale: "  ".to_owned(), ..good.clone() }, "bad_request"),
        (Draft { pointers: vec![], ..good.clone() }, "bad_request"),
    ] {
        let (status, answer) = world.post("/v1/rows", "k", &draft, &[]).await;
        assert_eq!(answer["code"], expected, "{status} {answer}");
    }
    let in_sync = draft(&world.reading("billing-worker").await);
    let (_, answer) = world.post("/v1/rows", "k", &in_sync, &[]).await;
    assert_eq!(answer["code"], "claim_mismatch", "{answer}");
    assert_eq!(world.store().head().await.unwrap().next[&crate::row::Kind::Sync], 8821, "nothing was stored");

    world.platforms.world().faults(Site::ArgoCd).down();
    let (status, answer) = world.post("/v1/rows", "k", &good, &[]).await;
    assert_eq!((status, &answer["code"]), (503, &json!("source_unreachable")), "{answer}");
    world.platforms.world().faults(Site::ArgoCd).up();
    assert_eq!(world.post("/v1/rows", "k", &good, &[]).await.0, 201, "a refused key can be used again");
}

#[tokio::test]
async fn an_agent_revises_and_withdraws_its_own_row() {
    let world = World::start().await;
    world.opened("payments-api").await;
    world.platforms.world().move_base("payments-api").unwrap();
    let next = draft(&world.reading("payments-api").await);
    let taken = world.post("/v1/rows", "new", &next, &[]).await;
    assert_eq!((taken.0, &taken.1["code"]), (409, &json!("subject_taken")), "another drift is a revision");
    let path = "/v1/rows/sync-8821/revisions";
    assert_eq!(world.post(path, "r", &next, &[]).await.0, 428, "without If-Match");
    let stale = world.post(path, "r", &next, &[("If-Match", "\"7\"")]).await;
    assert_eq!((stale.0, &stale.1["code"]), (409, &json!("stale_revision")));
    let revised = world.post(path, "r", &next, &[("If-Match", "\"1\"")]).await;
    assert_eq!((revised.0, &revised.1["revision"]), (200, &json!(2)), "{revised:?}");
    assert_eq!(world.post(path, "r", &next, &[("If-Match", "\"1\"")]).await, revised);
    let (_, old) = world.call("GET", "/v1/rows/sync-8821/revisions/1", Some(&world.agent_token), None).await;
    let old: RowView = serde_json::from_value(old).unwrap();
    assert_eq!((old.head.revision, old.mismatch()), (1, None));
    assert_eq!(world.row("sync-8821").await.mismatch(), None);

    let withdraw = |why: String| {
        let body = serde_json::to_vec(&WithdrawRequest { why }).unwrap();
        let path = "/v1/rows/sync-8821/withdraw";
        async {
            world.raw("POST", path, Some(&world.agent_token), Some(body), &[("Idempotency-Key", "w")]).await
        }
    };
    let long = withdraw("x".repeat(WithdrawRequest::WHY_MAX + 1)).await;
    assert_eq!((long.0, &long.1["field"]), (400, &json!("why")), "{long:?}");
    let withdrawn = withdraw("in sync again".to_owned()).await;
    assert_eq!((withdrawn.0, &withdrawn.1["state"]), (200, &json!("withdrawn")));
    assert_eq!(withdraw("in sync again".to_owned()).await, withdrawn);
    assert_eq!(world.row("sync-8821").await.why.as_deref(), Some("in sync again"));
    let (_, told) = world.call("GET", "/v1/rows/sync-8821/history", Some(&world.agent_token), None).await;
    let last: serde_json::Value =
        serde_json::from_str(told.as_array().unwrap().last().unwrap()["leaf"].as_str().unwrap()).unwrap();
    assert_eq!((&last["body"]["to"], &last["body"]["why"]), (&json!("withdrawn"), &json!("in sync again")));
    let reopened = world.post("/v1/rows?supersede=true", "s", &next, &[]).await;
    assert_eq!((reopened.0, &reopened.1["row"]), (201, &json!("sync-8822")));
}

#[tokio::test]
async fn an_agent_supersedes_its_own_undecided_row() {
    let world = World::start().await;
    world.opened("payments-api").await;
    world.platforms.world().move_base("payments-api").unwrap();
    let next = draft(&world.reading("payments-api").await);
    let opened = world.post("/v1/rows?supersede=true", "s", &next, &[]).await;
    assert_eq!((opened.0, &opened.1["row"]), (201, &json!("sync-8822")), "{opened:?}");
    assert_eq!(world.row("sync-8821").await.head.state, State::Superseded);
}

#[tokio::test]
async fn who_may_do_what_at_the_door() {
    let world = World::start().await;
    let draft = draft(&world.drifted("payments-api").await);
    let body = serde_json::to_vec(&draft).unwrap();
    let sarah = world.login("sarah").await;
    let (rest, last) = world.agent_token.split_at(world.agent_token.len() - 1);
    let flipped = format!("{rest}{}", if last == "x" { "y" } else { "x" });
    let key = [("Idempotency-Key", "k")];
    for (token, expected) in [
        (None, 401),
        (Some("dock_agt_nonsense"), 401),
        (Some(flipped.as_str()), 401),
        (Some(sarah.as_str()), 403),
    ] {
        let (status, answer) = world.raw("POST", "/v1/rows", token, Some(body.clone()), &key).await;
        assert_eq!(status, expected, "{token:?} {answer}");
    }
    let page = Draft { kind: crate::row::Kind::Policy, ..draft.clone() };
    assert_eq!(world.post("/v1/rows", "k", &page, &[]).await.0, 403, "a kind outside of its scopes");
    for (method, path) in [("POST", "/v1/halt"), ("GET", "/v1/evidence"), ("GET", "/v1/people")] {
        let body = Some(json!({"note": "stop everything now"}));
        let (status, answer) = world.call(method, path, Some(&world.agent_token), body).await;
        assert_eq!(status, 403, "{path} {answer}");
    }
    let suspended = AdminChange::Agent {
        agent: name("argus"),
        owner: name("admin"),
        standing: Standing::Suspended,
        attributes: BTreeMap::new(),
    };
    assert_eq!(world.change("/v1/agents", "admin", suspended).await.0, 201);
    assert_eq!(world.post("/v1/rows", "k", &draft, &[]).await.0, 403, "suspended");
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let world = World::start().await;
    let token = world.agent_token.clone();
    let draft = serde_json::to_value(draft(&world.drifted("payments-api").await)).unwrap();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = draft.clone();
        change(&mut body);
        body.to_string()
    };
    let twice = draft.to_string().replacen('{', "{\"title\":\"twice\",", 1);
    for (body, field) in [
        (with(&|body| body["extra"] = json!(1)), "extra"),
        (with(&|body| body["base"]["extra"] = json!(1)), "extra"),
        (with(&|body| body["risk"] = json!("none")), "risk"),
        (with(&|body| body["signals"] = json!([{"name": 1}])), "signals[0].name"),
        (with(&|body| body["title"] = Value::Null), "title"),
        (twice, "body"),
        ("[".repeat(100_000), "body"),
        (String::new(), "body"),
    ] {
        let headers = [("Idempotency-Key", "k")];
        let (status, answer) =
            world.raw("POST", "/v1/rows", Some(&token), Some(body.clone().into_bytes()), &headers).await;
        let start: String = body.chars().take(80).collect();
        assert_eq!((status, answer["field"].as_str()), (400, Some(field)), "{start} {answer}");
    }
    let (status, answer) = world
        .raw("POST", "/v1/rows", Some(&token), Some(b"{\"\xff\":1}".to_vec()), &[("Idempotency-Key", "k")])
        .await;
    assert_eq!((status, &answer["field"]), (400, &json!("body")));
    let keyless =
        world.raw("POST", "/v1/rows", Some(&token), Some(draft.to_string().into_bytes()), &[]).await;
    assert_eq!((keyless.0, &keyless.1["field"]), (400, &json!("Idempotency-Key")));
    let large = vec![b' '; 2 * 1024 * 1024];
    let (status, answer) = world.raw("POST", "/v1/login", None, Some(large), &[]).await;
    assert_eq!((status, &answer["code"]), (413, &json!("too_large")));
    for (method, path, expected) in [
        ("GET", "/v1/nothing", 404),
        ("DELETE", "/v1/rows", 405),
        ("GET", "/v1/rows?colour=red", 400),
        ("GET", "/v1/rows?state=happy", 400),
        ("GET", "/v1/rows/sync-08", 400),
        ("GET", "/v1/rows/sync-1", 404),
        ("GET", "/v1/sync", 400),
        ("GET", "/v1/blobs/xyz", 400),
    ] {
        let (status, answer) = world.call(method, path, Some(&token), None).await;
        assert_eq!(
            (status, answer["status"].as_u64()),
            (expected, Some(u64::from(expected))),
            "{path} {answer}"
        );
    }
}

#[tokio::test]
async fn blobs_are_kept_under_their_own_digest() {
    let world = World::start().await;
    let path = |bytes: &[u8]| format!("/v1/blobs/{}", Digest::of(bytes));
    let put = |path: String, bytes: &[u8]| {
        let bytes = Some(bytes.to_vec());
        async { world.raw("PUT", &{ path }, Some(&world.agent_token), bytes, &[]).await.0 }
    };
    assert_eq!(put(path(b"evidence"), b"evidence").await, 201);
    assert_eq!(put(path(b"evidence"), b"evidence").await, 201);
    assert_eq!(put(path(b"other"), b"evidence").await, 400);
    let (status, bytes) = world.call("GET", &path(b"evidence"), Some(&world.agent_token), None).await;
    assert_eq!((status, bytes), (200, json!("evidence")));
    assert_eq!(world.call("GET", &path(b"other"), Some(&world.agent_token), None).await.0, 404);
    let sarah = world.login("sarah").await;
    let stranger = world.raw("PUT", &path(b"x"), Some(&sarah), Some(b"x".to_vec()), &[]).await;
    assert_eq!(stranger.0, 403);
}

#[tokio::test]
async fn a_halt_stops_drafts_at_once_and_never_decisions() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let sarah = world.login("sarah").await;
    let ana = world.login("ana").await;
    let note = json!({"note": "Argus drafts nonsense, stop it."});
    assert_eq!(world.call("POST", "/v1/halt", Some(&ana), Some(note.clone())).await.0, 403, "not on call");
    assert_eq!(world.call("POST", "/v1/halt", Some(&sarah), Some(note)).await.0, 201);
    let next = draft(&world.drifted("checkout-web").await);
    let (status, answer) = world.post("/v1/rows", "k", &next, &[]).await;
    assert_eq!((status, &answer["code"]), (503, &json!("halted")));
    assert_eq!(world.decide("sarah", &row, Decision::Decline).await, "accepted");
    let resumed = AdminChange::Resumed { agent: None, note: "mended".to_owned() };
    assert_eq!(world.change("/v1/resume", "sarah", resumed.clone()).await.0, 403);
    assert_eq!(world.change("/v1/keys", "admin", resumed.clone()).await.0, 400, "at another address");
    assert_eq!(world.change("/v1/resume", "admin", resumed).await.0, 201);
    assert_eq!(world.post("/v1/rows", "k", &next, &[]).await.0, 201);
}

#[tokio::test]
async fn a_halt_of_one_agent_is_told_to_everybody_who_reads_its_rows() {
    let world = World::start().await;
    let sarah = world.login("sarah").await;
    let halts = async |world: &World| {
        world.call("GET", "/v1/snapshot", Some(&sarah), None).await.1["halted_agents"].clone()
    };
    assert_eq!(halts(&world).await, Value::Null);
    let note = json!({"note": "Argus drafts nonsense, stop it.", "agent": "argus"});
    assert_eq!(world.call("POST", "/v1/halt", Some(&sarah), Some(note)).await.0, 201);
    let told = halts(&world).await;
    assert_eq!(
        (&told["argus"]["by"], &told["argus"]["note"]),
        (&json!("sarah"), &json!("Argus drafts nonsense, stop it."))
    );
    let resumed = AdminChange::Resumed { agent: Some(name("argus")), note: "mended".to_owned() };
    assert_eq!(world.change("/v1/resume", "admin", resumed).await.0, 201);
    assert_eq!(halts(&world).await, Value::Null);
}

#[tokio::test]
async fn the_mend_of_a_degraded_row_does_not_wait_for_its_watch() {
    let world = World::start().await;
    let sarah = name("sarah");
    let row = world.opened("payments-api").await;
    assert_eq!(world.decide("sarah", &row, Decision::Approve).await, "accepted");
    let (store, now) = (world.store(), world.store().head().await.unwrap().at);
    let actor = Actor { id: sarah, kind: PrincipalKind::Service };
    let before = Before::default();
    let tag = store.row(id("sync-8821")).await.unwrap().unwrap().keys[0].decision_id.clone();
    let request = Digest::of("request");
    let watch_until = now.checked_add(jiff::SignedDuration::from_mins(30)).unwrap();
    for step in [
        Step::Intend { tag, write: Write::Sync, before, request },
        Step::Confirm { detail: "synced".to_owned() },
        Step::Health { health: Health::Degraded { watch_until }, detail: "it crashes".to_owned() },
    ] {
        let taken = step::take(store, id("sync-8821"), &actor, &Ruling::default(), &step, now).await;
        assert!(matches!(taken, Ok(Taken::Done(_))), "{taken:?}");
    }
    world.platforms.world().move_base("payments-api").unwrap();
    let mend = draft(&world.reading("payments-api").await);
    let opened = world.post("/v1/rows", "mend", &mend, &[]).await;
    assert_eq!((opened.0, &opened.1["row"]), (201, &json!("sync-8822")), "{opened:?}");
    assert_eq!(world.row("sync-8821").await.head.state, State::Degraded, "what it came to stays");
}
