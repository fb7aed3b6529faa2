//! Very many runs wait at once: all become rows, and GitHub's calls are counted.

use std::collections::BTreeMap;

use super::*;
use crate::simulator::GithubCalls;

const SERVICES: [&str; 3] = [SEARCH, "identity", "notifications"];
/// Of each service. The bounds below are calls for each run, whatever their number: 500 come to 3,500 and 2,500.
const RUNS: usize = 24;
const KEEPER_CALLS_A_RUN: u32 = 7;
const SERVER_CALLS_A_RUN: u32 = 5;
/// Lists, and what is asked about a repository once.
const CALLS_A_SERVICE: u32 = 12;
const CALLS_AN_HOUR: u32 = 5_000;

/// What was asked by whose calls are counted as this, in all and by path.
fn by(world: &Loop, who: &str) -> (GithubCalls, BTreeMap<String, GithubCalls>) {
    let all = world.platforms().github_calls();
    let mine: BTreeMap<String, GithubCalls> = all
        .into_iter()
        .filter(|((caller, _), _)| caller.starts_with(who))
        .map(|((_, path), calls)| (path, calls))
        .collect();
    let sum = |of: fn(&GithubCalls) -> u32| mine.values().map(of).sum();
    (GithubCalls { counted: sum(|calls| calls.counted), free: sum(|calls| calls.free) }, mine)
}

/// Looks until nothing is new. Dock takes so many drafts a minute: each time that it says so, minutes pass.
async fn all_drafted(world: &Loop, keeper: &Gatekeeper, minutes: &mut i64) {
    let mut troubles = Vec::new();
    let keep = |told| match told {
        Told::Rest { subject, .. } if subject == "all" => {
            *minutes += 1;
            world.server.advance(*minutes * 61);
        }
        Told::Trouble { what, error } => troubles.push(format!("{what}: {error}")),
        Told::Draft(_) | Told::Answered { .. } | Told::Rest { .. } => (),
    };
    keeper.once(&Wish::default(), keep).await.unwrap();
    assert_eq!(troubles, Vec::<String>::new());
}

#[tokio::test]
async fn very_many_waiting_runs_become_rows_within_githubs_limits() {
    let world = Loop::start().await;
    let platforms = world.platforms();
    let mut runs: Vec<u64> = Vec::new();
    for _ in 0..RUNS {
        runs.extend(SERVICES.map(|service| platforms.run(service).unwrap()));
    }
    while !runs.iter().all(|run| platforms.run_waits(*run)) {
        platforms.tick();
    }
    let at = world.config.find("[platforms.github]").unwrap();
    let keeper = world.keeper_over(60, &(world.config[..at].to_owned() + &world.app));
    let mut minutes = 0;
    all_drafted(&world, &keeper, &mut minutes).await;
    assert_eq!(minutes, 0, "more than an agent may draft in a minute otherwise, and each is news");
    let rows = world.rows().await;
    assert!(runs.iter().all(|run| of(&rows, *run).len() == 1), "{} rows of {}", rows.len(), runs.len());

    let (number, services) = (u32::try_from(runs.len()).unwrap(), u32::try_from(SERVICES.len()).unwrap());
    for (who, a_run) in [("installation", KEEPER_CALLS_A_RUN), ("user ID 2", SERVER_CALLS_A_RUN)] {
        let (calls, paths) = by(&world, who);
        let most = a_run * number + CALLS_A_SERVICE * services;
        assert!(calls.counted <= most, "{who}: {} of {most}: {paths:#?}", calls.counted);
        assert!(a_run * 500 < CALLS_AN_HOUR * 4 / 5, "500 runs fit into an hour, and leave a part of it");
    }

    // The same again: whoever asked before pays for nothing but what changed.
    let (before, _) = by(&world, "installation");
    minutes += 1;
    world.server.advance(minutes * 61);
    all_drafted(&world, &keeper, &mut minutes).await;
    let (after, paths) = by(&world, "installation");
    assert!(after.free > before.free, "it did look");
    let more = after.counted - before.counted;
    assert!(more <= CALLS_A_SERVICE * services, "{more} more: {paths:#?}");
    assert_eq!(world.rows().await.len(), rows.len());
}
