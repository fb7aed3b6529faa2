//! Decisions: each refusal by its code, final answers for ever, and no that is always safe.

use jiff::SignedDuration;

use super::*;
use crate::{
    row::{Event, State},
    store::{Leaves, WorkKind},
};

async fn leaves_of(world: &World, row: &str) -> Vec<crate::audit::leaf::Leaf> {
    let leaves = world.store().leaves(Leaves::OfRow(id(row))).await.unwrap();
    leaves.iter().map(|leaf| crate::audit::leaf::Leaf::parse(&leaf.bytes).unwrap()).collect()
}

#[tokio::test]
async fn an_approval_is_accepted_once_and_answered_alike_for_ever() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let statement = world.statement("govind", &row, Decision::Approve).await;
    let first = world.send(&statement).await;
    assert_eq!(
        (first.0, &first.1["outcome"], &first.1["state"]),
        (200, &json!("accepted"), &json!("approved"))
    );
    assert_eq!(world.send(&statement).await, first, "the same bytes, the same answer");
    let other = Statement { on_screen_s: 42, ..statement.clone() };
    let (status, answer) = world.send(&other).await;
    assert_eq!((status, &answer["code"]), (409, &json!("decision_id_taken")), "other bytes under the id");

    let view = world.row("sync-8821").await;
    assert_eq!((view.head.state, view.head.keys_given, view.decisions.len()), (State::Approved, 1, 1));
    assert_eq!(view.decisions[0].log_index, first.1["log_index"].as_u64());
    let leaves = leaves_of(&world, "sync-8821").await;
    assert_eq!(
        leaves.iter().map(|leaf| leaf.event).collect::<Vec<_>>(),
        [Event::RowOpened, Event::DecisionAccepted]
    );
    let text = String::from_utf8(statement.to_bytes()).unwrap();
    assert_eq!(leaves[1].signed().unwrap().0, text, "the statement stands there byte for byte");
    assert_eq!((leaves[1].actor.id.as_str(), leaves[1].body.text("on_call")), ("govind", Some("rota")));
    let lease = SignedDuration::from_secs(15);
    let work = world.store().take_work(WorkKind::Execute, world.app.clock.now(), lease).await.unwrap();
    assert_eq!(work.unwrap().row, id("sync-8821"));
}

#[tokio::test]
async fn what_nobody_known_signed_is_refused_and_not_written_down() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let good = world.statement("sarah", &row, Decision::Approve).await;
    let size = world.store().head().await.unwrap().size;
    let check = async |answer: (u16, Value), expected: &str| {
        assert_eq!(code(&answer), expected, "{answer:?}");
        assert!(answer.1["refusal"]["code"] == expected, "{answer:?}");
    };
    check(world.send_signed(&good, "govind").await, "unknown_key").await;
    check(world.send_signed(&good, "stranger").await, "unknown_key").await;
    let mut wrong = signed(&good, "sarah");
    let other = Statement { on_screen_s: 1, ..good.clone() };
    wrong["signature"] = signed(&other, "sarah")["signature"].clone();
    check(world.put(&good.decision_id, &wrong).await, "bad_signature").await;
    let mut spaced = signed(&good, "sarah");
    spaced["statement"] = json!(spaced["statement"].as_str().unwrap().replacen(':', ": ", 1));
    check(world.put(&good.decision_id, &spaced).await, "bad_statement").await;
    check(world.put(&other_id(&world), &signed(&good, "sarah")).await, "bad_statement").await;
    let elsewhere = Statement { org: "example.com".to_owned(), ..good.clone() };
    check(world.send(&elsewhere).await, "foreign_record").await;
    let extra = json!({"statement": "", "signature": "", "admin": true});
    let (status, answer) = world.put(&good.decision_id, &extra).await;
    assert_eq!((status, &answer["field"]), (400, &json!("admin")));
    assert_eq!(world.store().head().await.unwrap().size, size, "nothing was written");
    let (_, metrics) = world.call("GET", "/metrics", None, None).await;
    assert!(metrics.as_str().unwrap().contains("dock_strangers_total{code=\"unknown_key\"} 2"), "{metrics}");

    let revoked = AdminChange::KeyRevoked {
        person: name("sarah"),
        fingerprint: key_of("sarah").public().fingerprint(),
    };
    assert_eq!(world.change("/v1/keys", "admin", revoked).await.0, 201);
    check(world.send(&good).await, "key_expired").await;
}

fn other_id(world: &World) -> DecisionId {
    super::super::decisions::new_id(world.app.clock.now()).unwrap()
}

#[tokio::test]
async fn each_refusal_of_somebody_known_has_its_code_and_its_entry() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let good = world.statement("sarah", &row, Decision::Approve).await;
    let wrong = Digest::of("something else");
    let late = Seen { size: 10_000, ..good.seen.clone() };
    let forked = Seen { root: wrong, ..good.seen.clone() };
    let staged = Seen { origin: "example.com/dock".to_owned(), ..good.seen.clone() };
    let with_canary = BTreeMap::from([("canary".to_owned(), "10%".to_owned())]);
    let blank = |decision| Statement { note: ".".to_owned(), decision, ..good.clone() };
    let admin = world.statement("admin", &row, Decision::Approve).await;
    let ana = world.statement("ana", &row, Decision::Approve).await;
    let table = [
        (Statement { seen: late, ..good.clone() }, "foreign_record"),
        (Statement { seen: forked, ..good.clone() }, "foreign_record"),
        (Statement { seen: staged, ..good.clone() }, "foreign_record"),
        (Statement { row: id("sync-9999"), ..good.clone() }, "bad_statement"),
        (Statement { revision: 2, ..good.clone() }, "content_mismatch"),
        (Statement { content: wrong, ..good.clone() }, "content_mismatch"),
        (Statement { base: wrong, ..good.clone() }, "content_mismatch"),
        (Statement { effect: wrong, ..good.clone() }, "content_mismatch"),
        (Statement { presented: wrong, ..good.clone() }, "content_mismatch"),
        (Statement { conditions: with_canary, ..good.clone() }, "content_mismatch"),
        (Statement { evidence: wrong, ..good.clone() }, "evidence_moved"),
        (admin, "own_proposal"),
        (ana, "not_on_call"),
        (blank(Decision::Decline), "note_required"),
        (blank(Decision::NeedsChanges), "note_required"),
        (Statement { decision: Decision::Withdraw, ..good.clone() }, "out_of_step"),
    ];
    for (statement, expected) in table {
        let statement = Statement { decision_id: other_id(&world), ..statement };
        let size = world.store().head().await.unwrap().size;
        let answer = world.send(&statement).await;
        assert_eq!(code(&answer), expected, "{answer:?}");
        if expected != "bad_statement" {
            assert_eq!(answer.1["log_index"], json!(size), "{expected} is an entry");
            assert_eq!(world.send(&statement).await, answer, "{expected} is final");
        }
    }
    assert_eq!(world.row("sync-8821").await.head.state, State::Pending, "nothing moved");
    assert_eq!(code(&world.send(&good).await), "accepted");
    assert_eq!(world.decide("govind", &row, Decision::Approve).await, "already_decided");
}

#[tokio::test]
async fn a_plain_approval_against_a_hold_is_refused_and_an_override_is_written() {
    let world = World::start().await;
    let draft = Draft { verdict: Verdict::Hold, ..draft(&world.drifted("checkout-web").await) };
    assert_eq!(world.post("/v1/rows", "k", &draft, &[]).await.0, 201);
    let row = world.row("sync-8821").await;
    assert_eq!(world.decide("sarah", &row, Decision::Approve).await, "goes_against_verdict");
    let over = Statement { overrides: true, ..world.statement("sarah", &row, Decision::Approve).await };
    assert_eq!(code(&world.send(&over).await), "accepted");
    assert_eq!(world.row("sync-8821").await.head.how.unwrap().word(), "overridden");
}

#[tokio::test]
async fn a_moved_base_is_told_and_nothing_executes() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let statement = world.statement("govind", &row, Decision::Approve).await;
    world.platforms.world().move_base("payments-api").unwrap();
    world.reading("payments-api").await;
    let answer = world.send(&statement).await;
    assert_eq!(code(&answer), "base_moved", "{answer:?}");
    assert!(!answer.1["refusal"]["moved"].as_array().unwrap().is_empty(), "it says what moved");
    assert_eq!(world.row("sync-8821").await.head.state, State::Pending);
    let events: Vec<_> = leaves_of(&world, "sync-8821").await.iter().map(|leaf| leaf.event).collect();
    assert_eq!(events, [Event::RowOpened, Event::DecisionRefused, Event::RowState]);
    let lease = SignedDuration::from_secs(15);
    let work = world.store().take_work(WorkKind::Execute, world.app.clock.now(), lease).await.unwrap();
    assert_eq!(work, None);
}

#[tokio::test]
async fn an_approval_is_for_one_revision_and_a_no_to_what_was_seen_still_counts() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let approval = world.statement("govind", &row, Decision::Approve).await;
    let decline = world.statement("sarah", &row, Decision::Decline).await;
    world.platforms.world().move_base("payments-api").unwrap();
    let next = draft(&world.reading("payments-api").await);
    let path = "/v1/rows/sync-8821/revisions";
    assert_eq!(world.post(path, "r", &next, &[("If-Match", "\"1\"")]).await.0, 200);
    let answer = world.send(&approval).await;
    assert_eq!(code(&answer), "stale_revision", "{answer:?}");
    assert_eq!(answer.1["refusal"]["current"], json!(2), "it says which one stands there now");
    assert_eq!(code(&world.send(&decline).await), "accepted");
    let view = world.row("sync-8821").await;
    assert_eq!((view.head.state, view.decisions[0].revision), (State::Declined, 1));
}

#[tokio::test]
async fn an_unreachable_platform_is_passing_for_an_approval_and_nothing_to_a_decline() {
    let world = World::start().await;
    let one = world.opened("payments-api").await;
    let two = world.opened("checkout-web").await;
    let approval = world.statement("govind", &one, Decision::Approve).await;
    let size = world.store().head().await.unwrap().size;
    world.platforms.world().faults(Site::ArgoCd).down();
    let answer = world.send(&approval).await;
    assert_eq!((answer.0, code(&answer).as_str()), (503, "source_unreachable"), "{answer:?}");
    assert_eq!(world.store().head().await.unwrap().size, size, "passing, not written");
    assert_eq!(world.decide("sarah", &two, Decision::Decline).await, "accepted");
    world.platforms.world().faults(Site::ArgoCd).up();
    assert_eq!(code(&world.send(&approval).await), "accepted", "the same bytes later");
}

#[tokio::test]
async fn a_declined_drift_is_held_until_somebody_lifts_it() {
    let world = World::start().await;
    let row = world.opened("checkout-web").await;
    let decline = Statement {
        note: "The toggle is the mitigation of INC-771.".to_owned(),
        ..world.statement("ana", &row, Decision::Decline).await
    };
    let answer = world.send(&decline).await;
    assert_eq!(
        (code(&answer).as_str(), &answer.1["state"]),
        ("accepted", &json!("declined")),
        "no needs no shift"
    );
    let again = draft(&world.reading("checkout-web").await);
    let attached = world.post("/v1/rows", "again", &again, &[]).await;
    assert_eq!(
        (attached.0, &attached.1["outcome"], &attached.1["row"]),
        (200, &json!("on_hold"), &json!("sync-8821"))
    );
    let sarah = world.login("sarah").await;
    let (_, holds) = world.call("GET", "/v1/holds", Some(&sarah), None).await;
    let hold = &holds[0];
    assert_eq!((&hold["subject"], &hold["by"]), (&json!("checkout-web"), &json!("ana")));
    let lift = |note: &str| json!({"subject": "checkout-web", "drift": hold["drift"], "note": note});
    assert_eq!(world.call("POST", "/v1/holds/lift", Some(&sarah), Some(lift("."))).await.0, 400);
    assert_eq!(
        world.call("POST", "/v1/holds/lift", Some(&sarah), Some(lift("Promoted the flag to git."))).await.0,
        204
    );
    assert_eq!(
        world.call("POST", "/v1/holds/lift", Some(&sarah), Some(lift("Promoted the flag to git."))).await.0,
        404
    );
    let opened = world.post("/v1/rows", "again", &again, &[]).await;
    assert_eq!((opened.0, &opened.1["row"]), (201, &json!("sync-8822")), "{opened:?}");
    let last = leaves_of(&world, "sync-8821").await.pop().unwrap();
    assert_eq!(last.event, Event::HoldLifted);
}

#[tokio::test]
async fn a_withdrawn_approval_can_be_followed_by_a_decline_and_not_by_an_older_approval() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let early = world.statement("sarah", &row, Decision::Approve).await;
    assert_eq!(world.decide("sarah", &row, Decision::Approve).await, "accepted");
    assert_eq!(world.decide("sarah", &row, Decision::Withdraw).await, "accepted");
    assert_eq!(world.row("sync-8821").await.head.state, State::Pending);
    let late = Statement { decision_id: other_id(&world), ..early };
    assert_eq!(code(&world.send(&late).await), "overtaken");
    assert_eq!(world.decide("sarah", &row, Decision::Decline).await, "accepted");
}

#[tokio::test]
async fn time_is_judged_by_the_servers_clock() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let statement = world.statement("sarah", &row, Decision::Approve).await;
    world.advance(5 * 60 * 60);
    assert_eq!(code(&world.send(&statement).await), "expired");
    let path = "/v1/rows/sync-8821/wait?until=decided&wait=25";
    let (_, woken) = world.call("GET", path, Some(&world.agent_token), None).await;
    assert_eq!(woken["state"], "expired", "silence is never a no");
    let last = leaves_of(&world, "sync-8821").await.pop().unwrap();
    assert_eq!((last.event, last.actor.id.as_str()), (Event::RowState, "system"));
}

#[tokio::test]
async fn a_reviewer_gives_a_row_more_time_in_writing() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let later = row.head.expires_at + SignedDuration::from_hours(4);
    let ask = |until: jiff::Timestamp, note: &str| Some(json!({"until": until.to_string(), "note": note}));
    let path = "/v1/rows/sync-8821/extend";
    let (sarah, ana) = (world.login("sarah").await, world.login("ana").await);
    let note = "The release train leaves at noon.";
    assert_eq!(world.call("POST", path, Some(&world.agent_token), ask(later, note)).await.0, 403);
    assert_eq!(world.call("POST", path, Some(&ana), ask(later, note)).await.1["code"], "not_on_call");
    assert_eq!(world.call("POST", path, Some(&sarah), ask(later, "ok")).await.0, 400);
    let (_, earlier) = world.call("POST", path, Some(&sarah), ask(row.head.created_at, note)).await;
    assert_eq!(earlier["code"], "out_of_step");
    let (status, view) = world.call("POST", path, Some(&sarah), ask(later, note)).await;
    assert_eq!((status, view["expires_at"].as_str()), (200, Some(later.to_string().as_str())), "{view}");
    let attest = Some(json!({"executed": true, "note": note}));
    let (_, nothing) = world.call("POST", "/v1/rows/sync-8821/attest", Some(&sarah), attest).await;
    assert_eq!(nothing["code"], "out_of_step", "nothing is unknown here");
}

#[tokio::test]
async fn of_two_at_once_one_settles_it() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let (one, two) = (
        world.statement("sarah", &row, Decision::Approve).await,
        world.statement("govind", &row, Decision::Decline).await,
    );
    let (one, two) = tokio::join!(world.send(&one), world.send(&two));
    let mut codes = [code(&one), code(&two)];
    codes.sort();
    assert_eq!(codes, ["accepted", "already_decided"], "{one:?} {two:?}");
}
