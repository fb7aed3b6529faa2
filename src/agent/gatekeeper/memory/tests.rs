//! What is kept, what is forgotten, what is asked again, and in which order.

use super::*;
use crate::{
    agent::gatekeeper::facts::Asked,
    platform::github::Quota,
    row::{
        gate::{Reading, example},
        waiting::{self, Ci, Said},
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn target(service: &str, run: u64) -> Target {
    Target { run, environment: "production".to_owned(), service: service.to_owned() }
}

/// What was gathered about a run that says this of itself.
fn facts(said: &Said, waits: bool) -> Facts {
    let reading = example::reading();
    let run = Run { attempt: said.attempt, head_sha: said.commit.clone(), ..reading.run };
    let service = Service {
        burns: vec![],
        budget: None,
        p95: None,
        gauges: vec![],
        argocd: None,
        incidents: Asked::Never,
        alerts: Asked::Never,
        monitors: Asked::Never,
        on_call: Asked::Never,
    };
    Facts {
        reading: Reading { run, waits, says_ci: said.ci, ..reading },
        read_at: at(0),
        ci: Asked::Never,
        pulls: Asked::Never,
        policies: Asked::Never,
        service,
        past: Asked::Never,
        asks: None,
        freeze: None,
        parent: None,
    }
}

fn listed(runs: impl IntoIterator<Item = (Target, Waits)>, second: i64) -> Listed {
    Listed { runs: runs.into_iter().collect(), at: at(second) }
}

fn elsewhere(said: &Said) -> Waits {
    Waits::Elsewhere(said.clone())
}

fn on_github() -> Waits {
    Waits::Github(Box::new(example::reading().run))
}

/// A memory that read this run at second 10.
fn read(run: &Target, said: &Said, waits: bool) -> Memory {
    let mut memory = Memory::default();
    let seen = Seen { facts: Some(facts(said, waits)), read_at: Some(at(10)), ..Seen::default() };
    memory.gates.insert(run.clone(), seen);
    memory
}

#[test]
fn what_neither_waits_nor_is_open_is_forgotten_and_the_rest_is_there_once() {
    let (listed_one, open_one, both, gone) = (target("a", 1), target("a", 2), target("b", 3), target("b", 4));
    let mut memory = Memory::default();
    for target in [&both, &gone] {
        memory.gates.insert(target.clone(), Seen { failures: 3, ..Seen::default() });
    }
    memory.listed.insert("a".to_owned(), listed([(listed_one.clone(), on_github())], 0));
    memory.listed.insert("b".to_owned(), listed([(both.clone(), on_github())], 0));
    memory.take([open_one.clone(), both.clone()].into());
    let kept: Vec<_> = memory.gates.keys().cloned().collect();
    assert_eq!(kept, [listed_one, open_one, both.clone()]);
    assert_eq!(memory.gates[&both].failures, 3, "what was remembered of it stays");
    memory.listed.clear();
    memory.take(BTreeSet::new());
    assert!(memory.gates.is_empty());
}

#[test]
fn a_run_that_says_something_else_of_itself_is_read_again_at_once() {
    let said = waiting::example::said();
    let run = target("checkout-api", 4711);
    let check = |name: &str, was_waiting: bool, now: Option<Waits>, again: bool| {
        let mut memory = read(&run, &said, was_waiting);
        let runs = now.map(|waits| (run.clone(), waits));
        memory.listed.insert(run.service.clone(), listed(runs, 20));
        memory.take([run.clone()].into());
        assert_eq!(memory.gates[&run].read_at.is_none(), again, "{name}");
        assert!(memory.gates[&run].facts.is_some(), "{name}: what is immutable of it is kept");
    };
    check("the same", true, Some(elsewhere(&said)), false);
    check("tried again", true, Some(elsewhere(&Said { attempt: 2, ..said.clone() })), true);
    let other = "0".repeat(40);
    check("another commit", true, Some(elsewhere(&Said { commit: other, ..said.clone() })), true);
    check("CI ended", true, Some(elsewhere(&Said { ci: Some(Ci::Failed), ..said.clone() })), true);
    check("another page is no other run", true, Some(elsewhere(&Said { url: None, ..said.clone() })), false);
    check("it waits no more, and its row is open", true, None, true);
    check("it did not wait before either", false, None, false);
    check("GitHub's own runs are read when their turn comes", true, Some(on_github()), false);
}

#[test]
fn a_list_is_enough_for_a_moment_and_for_github_alone() {
    let run = target("billing-worker", 9826);
    let memory = |waits: Waits, reread: bool| {
        let mut memory = Memory::default();
        memory.gates.insert(run.clone(), Seen { reread, ..Seen::default() });
        memory.listed.insert(run.service.clone(), listed([(run.clone(), waits)], 0));
        memory
    };
    let just = |memory: &Memory, second| memory.just_listed(&run, at(second)).is_some();
    assert!(just(&memory(on_github(), false), 90));
    assert!(!just(&memory(on_github(), false), 91), "too long ago");
    assert!(!just(&memory(on_github(), true), 0), "it was overtaken");
    assert!(!just(&memory(elsewhere(&waiting::example::said()), false), 0), "what a pipeline says is read");
    assert!(!just(&Memory::default(), 0));
}

#[test]
fn what_people_cannot_see_yet_is_read_first_each_service_in_turn() {
    let mut memory = Memory::default();
    for run in 1..=4 {
        memory.gates.insert(target("busy", run), Seen::default());
    }
    memory.gates.insert(target("calm", 90), Seen::default());
    let resting = Seen { not_before: Some(at(60)), ..Seen::default() };
    memory.gates.insert(target("calm", 91), resting);
    memory.gates.insert(
        target("calm", 92),
        Seen { facts: Some(facts(&waiting::example::said(), true)), ..Seen::default() },
    );
    let order = |shown: &[u64], second| -> Vec<u64> {
        let new = memory.new_ones(at(second), |target| shown.contains(&target.run));
        new.into_iter().map(|target| target.run).collect()
    };
    assert_eq!(order(&[], 0), [1, 90, 2, 3, 4], "one of a hundred, then the other service's one");
    assert_eq!(order(&[1, 2, 90], 0), [3, 4, 1, 90, 2], "what has a row already can wait");
    assert_eq!(order(&[], 60), [1, 90, 2, 91, 3, 4], "what failed comes again in its place");
}

#[test]
fn lists_are_asked_for_where_something_told_of_them_or_the_poll_is_due() {
    let service = |table: &str| -> gate::Service { toml::from_str(table).unwrap() };
    let held = service("repository = \"acme/Search\"");
    let waits_here = service("pipeline = \"elsewhere\"\nrepository = \"acme/search\"");
    let of = |repository: &str| Dirty { repositories: [repository.to_owned()].into(), ..Dirty::default() };
    for (name, dirty, github, here) in [
        ("nothing", Dirty::default(), false, false),
        ("a row was decided", Dirty { subjects: ["x".to_owned()].into(), ..Dirty::default() }, false, false),
        ("a start", Dirty::everything(), true, true),
        ("a pipeline told of itself", Dirty { pipelines: true, ..Dirty::default() }, false, true),
        ("GitHub told of the repository", of("acme/search"), true, false),
        ("GitHub told of another", of("acme/billing"), false, false),
    ] {
        assert_eq!((told_of(&dirty, &held), told_of(&dirty, &waits_here)), (github, here), "{name}");
    }
    let poll = Duration::from_secs(60);
    let mut memory = Memory::default();
    assert!(memory.list_is_old("a", poll, at(0)), "never listed");
    memory.listed.insert("a".to_owned(), listed([], 0));
    assert!(!memory.list_is_old("a", poll, at(59)) && memory.list_is_old("a", poll, at(60)));
    memory.unlisted.insert("a".to_owned(), ("404".to_owned(), at(50)));
    assert!(!memory.list_is_old("a", poll, at(60)), "it failed just now: not at each look");
}

#[test]
fn little_that_is_left_is_saved_until_the_hour_is_over() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let usage = |remaining, reset: Option<i64>| Usage {
        limit: Some(5_000),
        remaining,
        reset: reset.map(at),
        asked: 0,
        quota: Quota::Free,
    };
    for (remaining, reset, expected) in [
        (Some(5_000), Some(60), false),
        (Some(1_000), Some(60), false),
        (Some(999), Some(60), true),
        (Some(0), Some(60), true),
        (Some(0), Some(0), false),
        (None, Some(60), false),
        (Some(0), None, false),
    ] {
        assert_eq!(thrifty(&usage(remaining, reset), at(30)), expected, "{remaining:?} {reset:?}");
    }
}
