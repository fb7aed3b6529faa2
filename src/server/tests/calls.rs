//! What calls have come to, told in one place: the server's own and its executor's, and each agent's as it said last.
//!
//! Never: a clock that passes by itself.

use super::*;
use crate::{client::Api, wire::PlatformCalls};

async fn told(world: &World) -> Vec<PlatformCalls> {
    let (status, ready) = world.call("GET", "/readyz", None, None).await;
    assert_eq!(status, 200);
    serde_json::from_value(ready["calls"].clone()).unwrap()
}

#[tokio::test]
async fn an_agents_calls_stand_beside_the_servers_for_a_day() {
    let world = World::start_with("memory:", "").await;
    let by = |all: &[PlatformCalls]| all.iter().map(|one| one.by.clone()).collect::<Vec<_>>();
    assert_eq!(by(&told(&world).await), [None], "the server's own alone");
    let one = |platform: &str| PlatformCalls {
        by: Some("somebody".to_owned()),
        at: None,
        platform: platform.to_owned(),
        made: 7,
        limit: Some(5000),
        left: Some(4993),
    };
    let api = Api::new(&world.url).unwrap().with_token(world.agent_token.clone().into());
    api.tell_calls(&[one("github")]).await.unwrap();
    api.tell_calls(&[one("github"), one("argocd")]).await.unwrap();
    let all = told(&world).await;
    let argus = Some("argus".to_owned());
    assert_eq!(by(&all), [None, argus.clone(), argus], "under its own name, and what it said last");
    assert!(all[1].at.is_some() && (all[1].made, all[1].left) == (7, Some(4993)), "{all:?}");
    assert_eq!(api.tell_calls(&[one("nowhere")]).await.unwrap_err().code(), "bad_request");
    let many = vec![one("github"); 100];
    assert!(api.tell_calls(&many).await.is_err());
    let body = Some(json!([]));
    assert_eq!(world.call("POST", "/v1/agents/calls", None, body).await.0, 401);
    world.advance(25 * 3_600);
    assert_eq!(by(&told(&world).await), [None]);
}

#[tokio::test]
async fn the_executors_calls_are_its_own() {
    let world = World::start_telling("memory:", |platforms, dir| {
        write_private(&dir.join("executor"), &platforms.world().argocd_token(Account::Executor));
        let url = platforms.url(Site::ArgoCd);
        format!("[executor.argocd]\nurl = {url:?}\ntoken_file = \"{}/executor\"\n", dir.display())
    })
    .await;
    let all = told(&world).await;
    let executor = all.iter().find(|one| one.by.as_deref() == Some("executor")).unwrap();
    assert_eq!((executor.platform.as_str(), executor.made), ("argocd", 0));
}
