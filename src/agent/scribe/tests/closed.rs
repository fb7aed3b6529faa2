//! Pages that nobody could publish on when they are drafted for: named, and nothing is drafted against nothing.

use super::*;

type Change = fn(&crate::simulator::World);

#[tokio::test]
async fn a_page_that_is_closed_is_no_draft_and_its_state_is_named() {
    let table: [(&str, Change); 2] = [
        ("the page is archived", |world| world.archive_page("4711").unwrap()),
        ("the page is trashed", |world| world.trash_page("4711").unwrap()),
    ];
    for (why, change) in table {
        let world = World::start().await;
        change(world.simulators.world());
        let told = world.told(Some("INC-2099")).await;
        assert!(told.iter().all(|one| !matches!(one, Told::Draft(_))), "{why}: {told:?}");
        let rests = rests(&told, "CONF-4711");
        assert!(rests.starts_with(why) && rests.contains("take it out of [runbooks]"), "{rests}");
    }
    // One that is gone may be one that is hidden from us: nothing is said of it but that.
    let world = World::start().await;
    world.simulators.world().purge_page("4711").unwrap();
    let told = world.told(Some("INC-2099")).await;
    let gone =
        |one: &Told| matches!(one, Told::Trouble { error, .. } if error.contains("does not have it (404)"));
    assert!(!told.is_empty() && told.iter().all(gone), "{told:?}");
}

#[tokio::test]
async fn a_row_whose_page_is_thrown_away_is_taken_back_and_says_so() {
    let ground = Loop::start().await;
    ground.look().await;
    assert_eq!(ground.rows().await[0].head.state, State::Pending);
    ground.server.platforms.world().trash_page("4711").unwrap();
    let told = ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!(row.head.state, State::Withdrawn, "{told:?}");
    assert_eq!(row.why.as_deref(), Some("the page is trashed"));

    // It lies in another space by now, and is the same page.
    let other = &ground.rows().await[1];
    ground.server.platforms.world().move_page("3380", "INC").unwrap();
    let told = ground.look().await;
    let moved = &ground.rows().await[1];
    assert_eq!((moved.head.id, moved.head.state), (other.head.id, State::Pending), "{told:?}");
    assert!(told.iter().all(|one| !matches!(one, Told::Trouble { .. })), "{told:?}");
    assert_eq!(moved.mismatch(), None);
}

#[tokio::test]
async fn an_incident_without_a_channel_is_drafted_from_its_notes_and_says_that_no_chatter_was_read() {
    let world = World::start().await;
    let platforms = world.simulators.world();
    platforms.incident("INC-3001", true, Some("session-store")).unwrap();
    let note = "The runbook is missing a step: tell support before scaling session-writer.";
    platforms.note("INC-3001", "priya", note).unwrap();
    platforms.incident("INC-3001", false, None).unwrap();
    let drafts = world.drafts(Some("INC-3001")).await;
    let [draft] = drafts.as_slice() else { panic!("{drafts:?}") };
    assert_eq!((draft.check(), draft.verdict), (Ok(()), Verdict::Hold));
    assert!(draft.diff.contains("ell support"), "{}", draft.diff);
    assert!(draft.rationale.contains("Unknown: what was said ("), "{}", draft.rationale);
    let said = draft.signals.iter().find(|signal| signal.name == "what was said").unwrap();
    assert!(said.value.contains("inc-3001"), "{said:?}");
}
