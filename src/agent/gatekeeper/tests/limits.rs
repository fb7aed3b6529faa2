//! GitHub asks to slow down, for ten minutes: nothing is asked meanwhile, nothing is lost.

use std::sync::Arc;

use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn while_github_asks_to_slow_down_nothing_is_asked_and_what_waits_is_drafted_afterwards() {
    let world = Loop::start().await;
    let run = world.waiting(SEARCH).await;
    let wish = Wish { only: Some(SEARCH.to_owned()), dry_run: false };
    let asked =
        || -> u32 { world.platforms().github_calls().values().map(|calls| calls.counted + calls.free).sum() };
    world.platforms().slow_github(1, Some(600));
    let enough = Arc::new(Notify::new());
    let mut troubles = Vec::new();
    let told = |told| {
        if let Told::Trouble { error, .. } = told {
            troubles.push((asked(), error));
            if troubles.len() == 2 {
                enough.notify_one();
            }
        }
    };
    world.keeper(1).run(&wish, told, enough.notified()).await.unwrap();
    let [(first, refused), (second, unasked)] = troubles.as_slice() else { panic!("{troubles:?}") };
    assert_eq!(first, second, "it looked again, and asked nothing");
    assert!(refused.contains("secondary rate limit"), "{refused}");
    assert!(unasked.contains("nothing was sent"), "{unasked}");
    assert_eq!(world.rows().await.len(), 0);
    // Another gatekeeper, or this one once the time is over: GitHub refuses no more.
    world.keeper(1).once(&wish, |_| ()).await.unwrap();
    assert_eq!(of(&world.rows().await, run).len(), 1);
}
