//! A post-mortem that its reviewer sends back with a note, through the chronicler and the server: drafted, sent back,
//! drafted again as asked, approved, published.

use super::*;
use crate::{
    agent::{Told, Wish, chronicler::Chronicler},
    clock::Clock,
};

/// The chronicler beside this server, which looks once at one incident.
async fn look(acting: &Acting, incident: &str) -> Vec<Told> {
    let (world, platforms) = (&acting.world, &acting.world.platforms);
    let secret = |name: &str, text: &str| {
        let file = world.dir.path().join(name);
        write_private(&file, text);
        file.display().to_string()
    };
    let section = |site: Site| {
        let file = secret(&format!("chronicler-{}", site.name()), &platforms.world().token(site));
        format!("[platforms.{}]\nurl = {:?}\ntoken_file = {file:?}\n", site.name(), platforms.url(site))
    };
    let config = format!(
        "server = {:?}\ntoken_file = {:?}\n[postmortems]\nsite = \"confluence\"\nspace = \"98306\"\n{}{}",
        world.url,
        secret("chronicler-dock", &world.agent_token),
        section(Site::PagerDuty),
        section(Site::Slack)
    );
    let chronicler = Chronicler::open(toml::from_str(&config).unwrap(), Clock::system()).unwrap();
    let mut told = Vec::new();
    let wish = Wish { only: Some(incident.to_owned()), dry_run: false };
    chronicler.once(&wish, |one| told.push(one)).await.unwrap();
    told
}

fn told_by(row: &RowView) -> &Paper {
    match &row.proposal {
        Some(Proposal::Paper(paper)) => paper,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_note_is_answered_point_by_point_and_what_it_asked_for_is_what_is_published() {
    let acting = start().await;
    let told = look(&acting, "INC-2099").await;
    let id = told.iter().find_map(|one| match one {
        Told::Answered { answer, .. } => Some(answer.row.to_string()),
        Told::Draft(_) | Told::Rest { .. } | Told::Trouble { .. } => None,
    });
    let id = id.unwrap_or_else(|| panic!("{told:?}"));
    let row = acting.world.row(&id).await;
    assert_eq!((row.head.revision, row.head.state, row.mismatch()), (1, State::Pending, None), "{told:?}");
    let paper = told_by(&row);
    let (at, struck) = paper
        .timeline
        .iter()
        .enumerate()
        .find(|(_, line)| line.source == "slack")
        .map(|(at, line)| (at + 1, line.text.clone()))
        .unwrap();

    let note = format!(
        "strike line {at}, and add to Impact: 120 customers could not log in\n\
         what set it off was the disk that was full\n\
         strike line 1, and paint sentence 2 green"
    );
    let answer = acting.world.decide_saying("sarah", &row, Decision::NeedsChanges, &note).await;
    assert_eq!(answer, "accepted");
    let told = look(&acting, "INC-2099").await;
    let next = acting.world.row(&id).await;
    assert_eq!((next.head.revision, next.head.state, next.mismatch()), (2, State::Pending, None), "{told:?}");
    for says in [
        format!("sarah asked (1 of 2): “strike line {at}” Done: "),
        "sarah asked (2 of 2): “add to Impact: 120 customers could not log in” Done: ".to_owned(),
        "sarah asked: “what set it off was the disk that was full” Done: ".to_owned(),
        "sarah asked: “strike line 1, and paint sentence 2 green” Not followed: ".to_owned(),
    ] {
        assert!(next.rationale.contains(&says), "{says}: {}", next.rationale);
    }
    let after = told_by(&next);
    assert!(after.timeline.iter().all(|line| line.text != struck), "{:?}", after.timeline);
    assert_eq!(after.timeline[0].text, paper.timeline[0].text, "of what is not understood nothing is done");

    assert_eq!(acting.world.decide("sarah", &row, Decision::Approve).await, "stale_revision");
    approved(&acting, &next).await;
    let done = acting.work(&acting.executor(), next.head.id, &[State::Healthy, State::Failed]).await;
    let detail = done.stage.outcome().unwrap().detail.clone();
    assert_eq!(done.state(), State::Healthy, "{detail}");
    assert!(detail.starts_with("version 1 of http"), "{detail}");

    let title = format!("{} ({})", after.title, next.head.id);
    let effect = next.effect.sentence_of(next.head.id);
    assert!(effect.contains(&format!("publish the new page “{title}”")), "{effect}");
    let source = acting.world.app.sources.confluence.as_ref().unwrap();
    let found = source.find("98306", &title).await.unwrap().unwrap();
    let body = acting.world.platforms.world().confluence_body(&found.id).unwrap();
    for says in ["120 customers could not log in", "the disk that was full", "sarah"] {
        assert!(body.contains(says), "{says}: {body}");
    }
    let struck: String = struck.chars().skip_while(|c| *c != '“').skip(1).take(30).collect();
    assert!(!body.contains(&struck), "{struck}: {body}");
}
