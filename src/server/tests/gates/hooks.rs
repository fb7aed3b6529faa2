//! Webhooks in: verified each platform's way, told once, and never a fact.

use super::*;

#[tokio::test]
async fn a_hook_is_verified_told_once_and_wakes_who_waits() {
    let gated = Gated::start().await;
    let path = "/v1/hooks/wait?platform=github&after=0&wait=25";
    let url = format!("{}/v1/hooks/github", gated.world.url);
    let token = Some(gated.world.agent_token.as_str());
    let (told, ()) = tokio::join!(gated.world.call("GET", path, token, None), async {
        gated.world.platforms.world().hook_github(&url, SECRET);
        gated.world.platforms.world().run(SERVICE).unwrap();
    });
    assert_eq!(told.0, 200, "{told:?}");
    assert_eq!(told.1["hints"][0]["repository"], "acme/billing-worker", "{told:?}");

    let body = json!({"action": "requested", "repository": {"full_name": "acme/billing-worker"},
        "workflow_run": {"id": 9, "run_attempt": 1, "head_sha": "a"}})
    .to_string();
    let send = async |secret: &str| gated.delivered(&body, secret, "one").await;
    assert_eq!(send("another").await, 401);
    assert_eq!(send(SECRET).await, 202);
    assert_eq!(send(SECRET).await, 409, "a delivery is told once");
    assert_eq!(gated.world.call("POST", "/v1/hooks/jenkins", None, Some(json!({}))).await.0, 404);
    let (_, all) = gated.world.call("GET", "/v1/hooks/wait?platform=github&after=99999", token, None).await;
    assert_eq!(all["missed"], true, "a number of the time before a restart: {all}");
    let lease = SignedDuration::from_secs(15);
    let now = gated.world.app.clock.now();
    let work = gated.world.store().take_work(crate::store::WorkKind::Execute, now, lease).await.unwrap();
    assert!(work.is_none(), "a hook changes nothing");
}

#[tokio::test]
async fn pagerdutys_hook_is_asked_to_come_again_where_the_secret_may_be_ours_to_mend() {
    let world = World::start_telling("memory:", |_, dir| {
        super::write_private(&dir.join("pager-hook"), SECRET);
        format!("[hooks.pagerduty]\nsecret_file = \"{}\"\n", dir.join("pager-hook").display())
    })
    .await;
    let url = format!("{}/v1/hooks/pagerduty", world.url);
    let token = Some(world.agent_token.as_str());
    let path = "/v1/hooks/wait?platform=pagerduty&after=0&wait=25";
    let (told, ()) = tokio::join!(world.call("GET", path, token, None), async {
        world.platforms.world().hook_pagerduty(&url, SECRET);
        world.platforms.world().incident("INC-771", false, None).unwrap();
    });
    assert_eq!(told.0, 200, "{told:?}");
    let hint = &told.1["hints"][0];
    assert_eq!((&hint["incident"], &hint["event"]), (&json!("INC-771"), &json!("incident.resolved")));

    let body = json!({"event": {"id": "01X", "event_type": "incident.resolved", "data": {"number": 7}}});
    let body = body.to_string().into_bytes();
    let tag = |secret: &str| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = ring::hmac::sign(&key, &body);
        tag.as_ref().iter().fold("v1=".to_owned(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    let send = async |signature: Option<String>| {
        let headers: Vec<_> =
            signature.iter().map(|value| ("X-PagerDuty-Signature", value.as_str())).collect();
        world.raw("POST", "/v1/hooks/pagerduty", None, Some(body.clone()), &headers).await.0
    };
    assert_eq!(send(None).await, 401);
    assert_eq!(send(Some(tag("another"))).await, 503, "perhaps ours is the wrong secret");
    let both = format!("{},{}", tag("another"), tag(SECRET));
    assert_eq!(send(Some(both)).await, 202);
    assert_eq!(send(Some(tag(SECRET))).await, 202, "a refusal would count against the subscription");
    let (_, all) = world.call("GET", "/v1/hooks/wait?platform=pagerduty&after=1&wait=0", token, None).await;
    assert_eq!(all["hints"].as_array().map(Vec::len), Some(1), "told once: {all}");
}

#[tokio::test]
async fn a_delivery_that_is_too_large_is_refused_and_tells_nothing() {
    let gated = Gated::start().await;
    let good = json!({"action": "completed", "repository": {"full_name": "acme/billing-worker"},
        "workflow_run": {"id": 9, "run_attempt": 1, "head_sha": "a"}})
    .to_string();
    let body = good.clone() + &" ".repeat(1024 * 1024);
    assert_eq!(gated.delivered(&body, SECRET, "large").await, 413);
    let token = Some(gated.world.agent_token.as_str());
    let (_, told) = gated.world.call("GET", "/v1/hooks/wait?platform=github&after=0", token, None).await;
    assert_eq!(told["hints"], json!([]), "{told}");
    assert_eq!(gated.delivered(&good, SECRET, "large").await, 202, "its id is not used up");
}

#[tokio::test]
async fn a_delivery_that_is_replayed_over_a_restart_is_one_look_and_nothing_else() {
    let mut gated = Gated::start().await;
    let (_, row) = gated.opened().await;
    let body = json!({"action": "completed", "repository": {"full_name": "acme/billing-worker"},
        "workflow_run": {"id": 9, "run_attempt": 1, "head_sha": "a"}})
    .to_string();
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 202);
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 409);
    let before = gated.world.store().head().await.unwrap();
    gated.acting.restarted().await;
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 202, "it is not remembered");
    assert_eq!(gated.delivered(&body, SECRET, "one").await, 409, "but from now on");
    let token = Some(gated.world.agent_token.as_str());
    let (_, told) = gated.world.call("GET", "/v1/hooks/wait?platform=github&after=7", token, None).await;
    assert_eq!((&told["missed"], told["hints"].as_array().unwrap().len()), (&json!(true), 1), "{told}");
    assert_eq!(gated.world.store().head().await.unwrap(), before, "nothing was written");
    assert_eq!(gated.state(row.head.id).await, State::Pending);
}
