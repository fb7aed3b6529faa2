//! What reviewers change of a post-mortem: a revision of theirs, by their session, of undecided rows alone.

use super::*;
use crate::{
    platform::reading as read,
    row::{Reading as AnyReading, State, paper},
};

const POSTMORTEMS: &str = "[postmortems]\nsite = \"confluence\"\nspace = \"98310\"\nparent = \"4700\"\n";

async fn world() -> World {
    World::start_telling("memory:", |platforms, dir| {
        let file = dir.join("pagerduty");
        write_private(&file, &platforms.world().token(Site::PagerDuty));
        let (url, file) = (platforms.url(Site::PagerDuty), file.display().to_string());
        format!("{POSTMORTEMS}[platforms.pagerduty]\nurl = \"{url}\"\ntoken_file = \"{file}\"\n")
    })
    .await
}

/// The paper, over the incident as PagerDuty has it.
async fn drafted(world: &World) -> Draft {
    let mut draft = paper::tests::draft();
    let pagerduty = world.app.sources.pagerduty.as_ref().unwrap();
    let now = read::incident(pagerduty, "INC-2099").await.unwrap();
    let reading = AnyReading::Paper(Box::new(paper::Reading {
        incident: "INC-2099".to_owned(),
        updated_at: now.updated_at,
        closed: now.closed,
        service: now.service,
        environment: "production".to_owned(),
        paper: Some(paper::tests::paper()),
    }));
    draft.base = reading.base();
    draft
}

async fn opened(world: &World) -> RowView {
    let (status, answer) = world.post("/v1/rows", "open", &drafted(world).await, &[]).await;
    assert_eq!(status, 201, "{answer}");
    world.row(answer["row"].as_str().unwrap()).await
}

async fn amend(world: &World, row: &str, revision: &str, token: &str, body: Value) -> (u16, Value) {
    let (path, body) = (format!("/v1/rows/{row}/amendments"), serde_json::to_vec(&body).unwrap());
    world.raw("POST", &path, Some(token), Some(body), &[("If-Match", revision)]).await
}

fn timeline(view: &RowView) -> Vec<(String, &'static str)> {
    match &view.proposal {
        Some(crate::row::Proposal::Paper(paper)) => {
            paper.timeline.iter().map(|line| (line.source.clone(), line.standing.word())).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reviewer_strikes_a_line_and_the_row_is_another_revision_with_digests_of_its_own() {
    let world = world().await;
    let before = opened(&world).await;
    let id = before.head.id.to_string();
    let sarah = world.login("sarah").await;
    let own = json!({"at": "2026-05-29T03:05:00Z", "source": "nobody", "text": "the pager was mute"});
    let change = json!({"lines": {"1": true, "3": false}, "add": [own]});
    let (status, answer) = amend(&world, &id, "\"1\"", &sarah, change.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let view = world.row(&id).await;
    assert_eq!((view.head.revision, view.head.state, view.mismatch()), (2, State::Pending, None));
    assert_eq!(view.amended_by, [name("sarah")]);
    let expected = [
        ("pagerduty", "accepted"),
        ("sarah", "accepted"),
        ("pagerduty", "proposed"),
        ("pagerduty", "struck"),
    ];
    let told: Vec<_> = timeline(&view);
    assert_eq!(told.iter().map(|(source, word)| (source.as_str(), *word)).collect::<Vec<_>>(), expected);
    assert_ne!(view.effect_sha256, before.effect_sha256, "what is published is another text");
    assert_ne!(view.head.word, before.head.word);

    let (_, told) = world.call("GET", &format!("/v1/rows/{id}/history"), Some(&sarah), None).await;
    let leaf: Value =
        serde_json::from_str(told.as_array().unwrap().last().unwrap()["leaf"].as_str().unwrap()).unwrap();
    assert_eq!((&leaf["event"], &leaf["actor"]["id"]), (&json!("row.revised"), &json!("sarah")));
    assert_eq!((&leaf["actor"]["kind"], &leaf["body"]["amended_by"]), (&json!("human"), &json!("sarah")));

    let again = amend(&world, &id, "\"1\"", &sarah, change).await;
    assert_eq!(code(&again), "stale_revision", "the numbers of another revision");
    assert_eq!(world.decide("sarah", &before, Decision::Approve).await, "stale_revision");
    assert_eq!(
        world.decide("sarah", &view, Decision::Approve).await,
        "accepted",
        "whoever changed it may approve it"
    );
    let late = amend(&world, &id, "\"2\"", &sarah, json!({"lines": {"1": false}})).await;
    assert_eq!(code(&late), "out_of_step", "{late:?}");
}

/// The text that would be published.
fn text_of(view: &RowView) -> &str {
    view.diff.as_str()
}

#[tokio::test]
async fn a_reviewer_words_answers_and_adds_sentences_in_their_own_name() {
    let world = world().await;
    let before = opened(&world).await;
    let id = before.head.id.to_string();
    let sarah = world.login("sarah").await;
    let sections = json!({
        "standing": {"1": false},
        "words": {"2": "Checkout was slow for 42 minutes."},
        "add": [{"section": "open questions", "text": "Who else uses the replica?"}],
    });
    let (status, answer) = amend(&world, &id, "\"1\"", &sarah, json!({"sections": sections})).await;
    assert_eq!(status, 200, "{answer}");
    let govind = world.login("govind").await;
    let said = json!({"sections": {"answers": {"4": "The session store."}}});
    let (status, answer) = amend(&world, &id, "\"2\"", &govind, said).await;
    assert_eq!(status, 200, "{answer}");
    let view = world.row(&id).await;
    assert_eq!((view.head.revision, view.head.state, view.mismatch()), (3, State::Pending, None));
    assert_eq!(view.amended_by, [name("sarah"), name("govind")]);
    assert_ne!(view.effect_sha256, before.effect_sha256);
    assert_ne!(view.head.word, before.head.word);
    for there in [
        "(worded by sarah)",
        "Who else uses the replica? (added by sarah) Answered by govind: The session store.",
    ] {
        assert!(text_of(&view).contains(there), "{there}: {}", view.diff);
    }
    assert!(!text_of(&view).contains("It opened.") && !text_of(&view).contains("It lasted"), "{}", view.diff);
    for (change, why) in [
        (json!({"sections": {"standing": {"1": false}}}), "it is struck by her already"),
        (json!({"sections": {"answers": {"3": "Yes."}}}), "no open question"),
        (json!({"sections": {"standing": {"9": true}}}), "no such sentence"),
        (json!({"sections": {"words": {"2": "Checkout was slow for 42 minutes."}}}), "the same words"),
        (json!({"sections": {"add": [{"section": "Blame", "text": "It was marcus."}]}}), "no such section"),
        (json!({"sections": {"by": "priya"}}), "nobody names another"),
    ] {
        assert_eq!(amend(&world, &id, "\"3\"", &sarah, change).await.0, 400, "{why}");
    }
    let drift = world.opened("payments-api").await.head.id.to_string();
    let added = json!({"sections": {"add": [{"section": "Actions", "text": "x"}]}});
    assert_eq!(amend(&world, &drift, "\"1\"", &sarah, added).await.0, 400, "a drift has no sections");

    // What they said is theirs in the agent's next draft, or it is refused.
    assert_eq!(world.decide("sarah", &view, Decision::NeedsChanges).await, "accepted");
    let path = format!("/v1/rows/{id}/revisions");
    let mut forged = view.draft();
    let Some(crate::row::Proposal::Paper(paper)) = &mut forged.proposal else { panic!() };
    paper.sections[1].sentences[0].text = "Checkout was down.".to_owned();
    let refused = world.post(&path, "f", &forged, &[("If-Match", "\"3\"")]).await;
    assert_eq!((refused.0, &refused.1["field"]), (400, &json!("proposal")), "{refused:?}");
    let kept = world.post(&path, "k", &view.draft(), &[("If-Match", "\"3\"")]).await;
    assert_eq!((kept.0, &kept.1["revision"]), (200, &json!(4)), "{kept:?}");
}

#[tokio::test]
async fn who_may_not_change_what_is_proposed() {
    let world = world().await;
    let id = opened(&world).await.head.id.to_string();
    let strike = || json!({"lines": {"1": false}});
    let sarah = world.login("sarah").await;
    assert_eq!(amend(&world, &id, "\"1\"", &world.agent_token.clone(), strike()).await.0, 403, "an agent");
    let ana = world.login("ana").await;
    assert_eq!(code(&amend(&world, &id, "\"1\"", &ana, strike()).await), "not_on_call");
    for (change, why) in [
        (json!({}), "nothing"),
        (json!({"lines": {"9": false}}), "no such line"),
        (json!({"strike": [1]}), "no operation"),
        (json!({"lines": {"1": false}, "why": "x"}), "an unknown field"),
    ] {
        assert_eq!(amend(&world, &id, "\"1\"", &sarah, change).await.0, 400, "{why}");
    }
    assert_eq!(amend(&world, &id, "1", &sarah, strike()).await.0, 428, "no revision named");
    assert_eq!(amend(&world, "pm-99", "\"1\"", &sarah, strike()).await.0, 404);
    let drift = world.opened("payments-api").await.head.id.to_string();
    assert_eq!(amend(&world, &drift, "\"1\"", &sarah, strike()).await.0, 400, "a drift has no lines");
    world.platforms.world().faults(Site::PagerDuty).down();
    assert_eq!(code(&amend(&world, &id, "\"1\"", &sarah, strike()).await), "source_unreachable");
    assert_eq!(world.row(&id).await.head.revision, 1, "nothing was changed");
}

#[tokio::test]
async fn the_agents_next_draft_keeps_a_reviewers_words_and_invents_none() {
    let world = world().await;
    let id = opened(&world).await.head.id.to_string();
    let sarah = world.login("sarah").await;
    assert_eq!(amend(&world, &id, "\"1\"", &sarah, json!({"lines": {"3": false}})).await.0, 200);
    let amended = world.row(&id).await.draft();
    assert_eq!(world.decide("sarah", &world.row(&id).await, Decision::NeedsChanges).await, "accepted");
    let path = format!("/v1/rows/{id}/revisions");
    let mut forged = amended.clone();
    forged.amended_by.push(name("govind"));
    let refused = world.post(&path, "f", &forged, &[("If-Match", "\"2\"")]).await;
    assert_eq!((refused.0, &refused.1["field"]), (400, &json!("amended_by")));
    let mut undone = drafted(&world).await;
    undone.amended_by.clear();
    let refused = world.post(&path, "u", &undone, &[("If-Match", "\"2\"")]).await;
    assert_eq!((refused.0, code(&refused).as_str()), (422, "claim_mismatch"), "{refused:?}");
    let (told, hint) = (refused.1["detail"].to_string(), refused.1["hint"].to_string());
    assert!(told.contains("who amended it is nobody; our own read says sarah"), "{}", refused.1);
    assert!(hint.contains("keep what its reviewers changed"), "{}", refused.1);
    let fresh = drafted(&world).await;
    let refused = world.post("/v1/rows?supersede=true", "s", &fresh, &[]).await;
    assert_eq!(code(&refused), "subject_taken", "a row with a reviewer's words makes no way: {refused:?}");
    let kept = world.post(&path, "k", &amended, &[("If-Match", "\"2\"")]).await;
    assert_eq!((kept.0, &kept.1["revision"]), (200, &json!(3)), "{kept:?}");
    let mut opened = drafted(&world).await;
    opened.proposal = amended.proposal;
    let refused = world.post("/v1/rows", "o", &opened, &[]).await;
    assert_eq!(
        (refused.0, &refused.1["field"]),
        (400, &json!("proposal")),
        "words of a revision that is not its own"
    );
}
