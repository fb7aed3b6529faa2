//! A canary that has its part alone for a while: begun, watched, and only then all; or not.

use super::*;
use crate::row::Stage;

const HELD: &str = r#"
[gates.identity]
repository = "acme/identity"
environments = { production = "reversible" }
argocd = "identity"
prometheus = "identity"
canary = { dispatch = { event_type = "dock-canary" } }
"#;

/// A run of identity's, approved for a tenth of the traffic, alone for a quarter of an hour.
struct Canary {
    gated: Gated,
    run: u64,
    row: RowView,
}

impl std::ops::Deref for Canary {
    type Target = Gated;

    fn deref(&self) -> &Gated {
        &self.gated
    }
}

impl Canary {
    async fn approved() -> Self {
        let gated = Gated::start_with(HELD).await;
        let reading = gated.waiting("identity", "production").await;
        let (status, answer) = gated.post("/v1/rows", "open", &drafted(&reading)).await;
        assert_eq!(status, 201, "{answer}");
        let row = gated.world.row(answer["row"].as_str().unwrap()).await;
        let (_, no) = gated.send(&gated.asking("govind", &row, Some("10 % for 15 min")).await).await;
        assert_eq!(no["code"], "content_mismatch", "what is signed has one form: {no}");
        let (_, answer) = gated.send(&gated.asking("govind", &row, Some("10% for 15m")).await).await;
        assert_eq!(
            (&answer["outcome"], &answer["state"]),
            (&json!("accepted"), &json!("approved")),
            "{answer}"
        );
        Self { gated, run: reading.run.id, row }
    }

    /// Works until nothing more is done before its time; why nothing goes on.
    async fn rests(&self, executor: &Executor, why: &str) {
        for _ in 0..TURNS_MAX {
            executor.turn().await.unwrap();
            let told = executor.troubles().lock().unwrap().get(&self.row.head.id).cloned();
            if told.is_some_and(|told| told.contains(why)) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{why}: {:?}", self.world.store().row(self.row.head.id).await);
    }

    async fn answered(&self) -> usize {
        self.answers("identity", self.run).await.len()
    }

    async fn writes(&self) -> Vec<(Event, String)> {
        let leaves = self.leaves(self.row.head.id).await;
        leaves.iter().filter_map(|leaf| Some((leaf.event, leaf.body.text("write")?.to_owned()))).collect()
    }
}

fn writes(of: &[&str]) -> Vec<(Event, String)> {
    let each = |write: &&str| {
        [Event::ExecutionIntended, Event::ExecutionConfirmed].map(|event| (event, (*write).to_owned()))
    };
    of.iter().flat_map(each).collect()
}

#[tokio::test]
async fn all_get_it_once_the_part_had_it_for_its_time() {
    let canary = Box::pin(Canary::approved()).await;
    let executor = canary.executor();
    canary.rests(&executor, "10% has it until ").await;
    assert_eq!((canary.answered().await, canary.writes().await), (0, writes(&["canary"])));
    assert_eq!(canary.state(canary.row.head.id).await, State::Executing);
    // Whoever begins again knows it from the record.
    drop(executor);
    canary.world.advance(14 * 60);
    let executor = canary.executor();
    canary.rests(&executor, "10% has it until ").await;
    assert_eq!(canary.answered().await, 0);
    canary.world.advance(15 * 60 + 1);
    let done = canary.work(&executor, canary.row.head.id, &ENDED).await;
    assert_eq!(done.state(), State::Executed, "{:?}", done.stage);
    assert_eq!((canary.answered().await, canary.writes().await), (1, writes(&["canary", "answer"])));
    let said = &canary.answers("identity", canary.run).await[0].comment;
    assert!(said.contains("approved by govind with canary=10% for 15m, log "), "{said}");
    let done = &done.stage.execution().unwrap().done;
    let apart = done[1].at.duration_since(done[0].at);
    assert!(apart >= SignedDuration::from_mins(15), "{apart}");
}

#[tokio::test]
async fn what_burns_under_a_part_is_not_given_to_all() {
    let canary = Box::pin(Canary::approved()).await;
    let executor = canary.executor();
    canary.rests(&executor, "10% has it until ").await;
    let since = canary.world.app.clock.now().saturating_sub(SignedDuration::from_hours(7)).unwrap();
    canary.world.platforms.world().burn("identity", since, 26.0).unwrap();
    canary.world.advance(60);
    let done = canary.work(&executor, canary.row.head.id, &ENDED).await;
    let Stage::Failed { outcome, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert!(
        outcome
            .detail
            .starts_with("GitHub accepted the repository dispatch dock-canary; then the error budget burns")
            && outcome.detail.ends_with("no more than 10% got it"),
        "{}",
        outcome.detail
    );
    assert_eq!(canary.answered().await, 0, "its run waits on");
    let again = drafted(&canary.read("identity", canary.run, "production").await);
    assert_eq!(canary.post("/v1/rows", "again", &again).await.0, 201, "and is drafted anew");
}

#[tokio::test]
async fn what_cannot_be_told_of_a_part_is_not_given_to_all_either() {
    let canary = Box::pin(Canary::approved()).await;
    let executor = canary.executor();
    canary.rests(&executor, "10% has it until ").await;
    canary.world.platforms.world().faults(Site::Prometheus).down();
    canary.world.advance(15 * 60 + 1);
    canary.rests(&executor, "how the canary does cannot be told: the burn: ").await;
    assert_eq!(canary.answered().await, 0);
    canary.world.platforms.world().faults(Site::Prometheus).up();
    canary.world.advance(16 * 60);
    let done = canary.work(&executor, canary.row.head.id, &ENDED).await;
    assert_eq!((done.state(), canary.answered().await), (State::Executed, 1), "{:?}", done.stage);
}

#[tokio::test]
async fn a_run_that_is_answered_in_github_while_a_part_has_it_is_not_answered_by_us() {
    let canary = Box::pin(Canary::approved()).await;
    let executor = canary.executor();
    canary.rests(&executor, "10% has it until ").await;
    canary.world.platforms.world().answer_run(canary.run, false, "priya").unwrap();
    canary.world.advance(15 * 60 + 1);
    let done = canary.work(&executor, canary.row.head.id, &ENDED).await;
    let Stage::Failed { outcome, .. } = &done.stage else { panic!("{:?}", done.stage) };
    assert!(outcome.detail.contains("rejected in GitHub by priya"), "{}", outcome.detail);
}

#[tokio::test]
async fn a_halt_while_a_part_has_it_keeps_it_from_all() {
    let canary = Box::pin(Canary::approved()).await;
    let executor = canary.executor();
    canary.rests(&executor, "10% has it until ").await;
    let sarah = canary.world.login("sarah").await;
    let note = json!({"note": "something is odd with all of these"});
    assert_eq!(canary.world.call("POST", "/v1/halt", Some(&sarah), Some(note)).await.0, 201);
    canary.world.advance(15 * 60 + 1);
    canary.rests(&executor, "halted by sarah").await;
    assert_eq!(canary.answered().await, 0);
}

#[tokio::test]
async fn a_canary_that_may_have_been_dispatched_is_not_dispatched_again() {
    for (point, expected) in [
        ("canary.warrant.verified", State::Executed),
        ("canary.base.read", State::Executed),
        ("canary.intent.committed", State::Unknown),
        ("canary.write.sent", State::Unknown),
        ("canary.write.answered", State::Unknown),
        ("canary.readback.done", State::Unknown),
        ("canary.confirmed.committed", State::Executed),
    ] {
        let gated = Gated::start().await;
        let (reading, row) = gated.opened().await;
        gated.approved(&row, true).await;
        gated.cut(row.head.id, point).await;
        let done = gated.work(&gated.executor(), row.head.id, &ENDED).await;
        assert_eq!(done.state(), expected, "{point}: {:?}", done.stage);
        let answered = usize::from(expected == State::Executed);
        assert_eq!(gated.answers(SERVICE, reading.run.id).await.len(), answered, "{point}");
    }
}
