//! The chronicler against the simulated platforms and a real server: what was told is what its papers say, once.

use super::*;
use crate::{
    agent::{Told, Wish},
    client::api::Api,
    clock::Clock,
    row::{Amendment, Decision, Proposal, State, Verdict, paper::Standing},
    server::tests::{World as ServerWorld, write_private},
    simulator::{Fault, Site},
    wire::RowView,
};

const POSTMORTEMS: &str = "[postmortems]\nsite = \"confluence\"\nspace = \"98306\"\n";

struct Ground {
    server: ServerWorld,
    config: String,
}

impl Ground {
    async fn start() -> Self {
        let mut config = String::new();
        let server = ServerWorld::start_telling("memory:", |platforms, dir| {
            let section = |site: Site| {
                let file = dir.join(format!("reads-{}", site.name()));
                write_private(&file, &platforms.world().token(site));
                let (name, url, file) = (site.name(), platforms.url(site), file.display().to_string());
                format!("[platforms.{name}]\nurl = {url:?}\ntoken_file = {file:?}\n")
            };
            let pagerduty = section(Site::PagerDuty);
            config = [POSTMORTEMS, &pagerduty, &section(Site::Slack)].concat();
            [POSTMORTEMS, &pagerduty].concat()
        })
        .await;
        let file = server.dir.path().join("dock-token");
        write_private(&file, &server.agent_token);
        let config =
            format!("server = {:?}\ntoken_file = {:?}\n{config}", server.url, file.display().to_string());
        Self { server, config }
    }

    async fn look(&self, wish: &Wish) -> Vec<Told> {
        let chronicler = Chronicler::open(toml::from_str(&self.config).unwrap(), Clock::system()).unwrap();
        let mut all = Vec::new();
        chronicler.once(wish, |told| all.push(told)).await.unwrap();
        all
    }

    fn api(&self, token: &str) -> Api {
        Api::new(&self.server.url).unwrap().with_token(token.to_owned().into())
    }

    async fn rows(&self) -> Vec<RowView> {
        let mut rows = self.api(&self.server.agent_token).snapshot().await.unwrap().rows;
        rows.sort_by_key(|row| row.head.id);
        rows
    }
}

fn lines(row: &RowView) -> Vec<(&str, &str, Standing)> {
    match &row.proposal {
        Some(Proposal::Paper(paper)) => paper
            .timeline
            .iter()
            .map(|line| (line.source.as_str(), line.text.as_str(), line.standing))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_paper_for_each_incident_and_what_a_person_said_of_it_stays() {
    let ground = Ground::start().await;
    let wish = Wish::default();
    let (one, two) = tokio::join!(ground.look(&wish), ground.look(&wish));
    let rows = ground.rows().await;
    let about: Vec<_> = rows.iter().map(|row| row.head.subject.as_str()).collect();
    assert_eq!(about, ["INC-2099", "INC-2104", "INC-2108"], "{one:?} {two:?}");
    let row = &rows[0];
    assert!(row.head.title.starts_with("Post-mortem: Redis primary of session-store"), "{}", row.head.title);
    assert_eq!(
        (row.head.verdict, row.claim, row.mismatch()),
        (Verdict::Publish, false, None),
        "{}",
        row.rationale
    );
    assert_eq!(row.head.reviewers, ["priya".parse().unwrap()], "who came first leads");
    let told = lines(row);
    for source in ["pagerduty", "slack"] {
        assert!(told.iter().any(|(from, ..)| *from == source), "{source}: {told:?}");
    }
    assert!(told.iter().any(|(_, text, _)| *text == "Acknowledged by priya"), "{told:?}");
    assert!(row.diff.contains("Timeline") && row.diff.contains("Open questions"), "{}", row.diff);

    let again = ground.look(&wish).await;
    assert!(again.iter().all(|told| matches!(told, Told::Rest { .. })), "{again:?}");

    let sarah = ground.api(&ground.server.login("sarah").await);
    let strike = Amendment { lines: [(1, false)].into_iter().collect(), ..Amendment::default() };
    let amended = sarah.amend_row(row.head.id, 1, &strike).await.unwrap();
    assert_eq!((amended.head.revision, amended.amended_by.len()), (2, 1));
    assert_eq!(ground.server.decide("sarah", &amended, Decision::NeedsChanges).await, "accepted");
    ground.look(&wish).await;
    let row = &ground.rows().await[0];
    assert_eq!((row.head.revision, row.head.state), (3, State::Pending), "{:?}", row.why);
    assert_eq!(lines(row), lines(&amended), "a struck line stays struck");
    assert_eq!(row.amended_by, amended.amended_by);
    assert!(row.rationale.contains("sarah asked"), "{}", row.rationale);
}

#[tokio::test]
async fn a_chat_that_cannot_be_read_holds_the_paper_and_is_an_open_question() {
    let ground = Ground::start().await;
    ground.server.platforms.world().faults(Site::Slack).script("", Fault::Status(500), None);
    let wish = Wish { only: Some("INC-2099".to_owned()), dry_run: true };
    let told = ground.look(&wish).await;
    let [Told::Draft(draft)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((draft.check(), draft.verdict), (Ok(()), Verdict::Hold), "{}", draft.rationale);
    assert!(draft.diff.contains("What did the incident's channel hold? It is unknown"), "{}", draft.diff);
    let open = Wish { only: Some("INC-771".to_owned()), dry_run: true };
    assert!(matches!(ground.look(&open).await.as_slice(), [Told::Rest { .. }]), "it is on");
}
