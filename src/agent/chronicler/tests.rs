//! The chronicler against the simulated platforms and a real server: what was told is what its papers say, once.

use super::*;
use crate::{
    agent::{Told, Wish},
    client::{api::Api, sample},
    clock::Clock,
    row::{
        Amendment, Decision, Kind, Proposal, State, Verdict,
        paper::Standing,
        proposal::{Live, LiveStep},
    },
    server::tests::{World as ServerWorld, write_private},
    simulator::{Fault, Site},
    wire::{RowView, Span, Telemetry},
};

const POSTMORTEMS: &str = "[postmortems]\nsite = \"confluence\"\nspace = \"98306\"\n";

struct Ground {
    server: ServerWorld,
    config: String,
}

impl Ground {
    async fn start() -> Self {
        Self::start_with(&[], "", "").await
    }

    /// With more platforms for both, and more tables for the server and for the chronicler.
    async fn start_with(more: &[Site], server: &str, chronicler: &str) -> Self {
        let mut config = String::new();
        let server = ServerWorld::start_telling("memory:", |platforms, dir| {
            let section = |site: Site| {
                let file = dir.join(format!("reads-{}", site.name()));
                write_private(&file, &platforms.world().token(site));
                let (name, url, file) = (site.name(), platforms.url(site), file.display().to_string());
                format!("[platforms.{name}]\nurl = {url:?}\ntoken_file = {file:?}\n")
            };
            let pagerduty = section(Site::PagerDuty);
            let more: String = more.iter().map(|site| section(*site)).collect();
            config = [POSTMORTEMS, chronicler, &pagerduty, &section(Site::Slack), &more].concat();
            [POSTMORTEMS, server, &pagerduty, &more].concat()
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
async fn whoever_answers_for_the_chronicler_is_not_asked_to_decide_on_its_paper() {
    let ground = Ground::start_with(&[], "", "[leads]\nsession-store = [\"admin\"]\n").await;
    let wish = Wish { only: Some("INC-2099".to_owned()), ..Wish::default() };
    ground.look(&wish).await;
    let rows = ground.rows().await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(row.head.owner.as_str(), "admin");
    assert_eq!(
        row.head.reviewers,
        ["priya".parse().unwrap()],
        "who came first, since the lead owns the agent"
    );
}

#[test]
fn ticks_that_are_signed_after_the_paper_was_drafted_are_news() {
    let mut paper = sample::view("pm-31", 1, sample::draft());
    paper.read_at = sample::at(100);
    let mut live = sample::view("rb-8830", 1, sample::draft());
    live.head.kind = Kind::Runbook;
    live.head.subject = "CONF-1@INC-2099".to_owned();
    let step = LiveStep { text: "Wait".to_owned(), ..LiveStep::default() };
    live.proposal =
        Some(Proposal::Live(Live { incident: "INC-2099".to_owned(), steps: vec![step], ..Live::default() }));
    let mut signed = sample::said("priya", Decision::Approve, 1);
    signed.conditions = [("1".to_owned(), "skipped".to_owned())].into();
    let mut news = |second, incident| {
        (signed.made_at, signed.at) = (sample::at(second), sample::at(second));
        live.decisions = vec![signed.clone()];
        run::was_ticked_since(&paper, std::slice::from_ref(&live), incident)
    };
    assert!(news(101, "INC-2099"));
    assert!(!news(99, "INC-2099"), "it was drafted from them");
    assert!(!news(101, "INC-2104"), "another incident's");
    paper.head.state = State::HalfSigned;
    assert!(!run::was_ticked_since(&paper, std::slice::from_ref(&live), "INC-2099"), "somebody signed it");
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

#[tokio::test]
async fn an_incident_without_a_channel_is_told_from_pagerduty_alone_and_says_that_no_chatter_was_read() {
    let ground = Ground::start().await;
    let world = ground.server.platforms.world();
    world.incident("INC-3001", true, Some("session-store")).unwrap();
    world.note("INC-3001", "priya", "Restarted the writers. Logins are back.").unwrap();
    world.incident("INC-3001", false, None).unwrap();
    let told = ground.look(&Wish { only: Some("INC-3001".to_owned()), dry_run: true }).await;
    let [Told::Draft(draft)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((draft.check(), draft.verdict), (Ok(()), Verdict::Publish), "{}", draft.rationale);
    assert!(draft.rationale.contains("There is no channel to read: "), "{}", draft.rationale);
    assert!(draft.diff.contains("What did the incident's channel hold? It is unknown: "), "{}", draft.diff);
    assert!(draft.diff.contains("priya noted: “Restarted the writers."), "{}", draft.diff);
    let Some(Proposal::Paper(paper)) = &draft.proposal else { panic!("{:?}", draft.proposal) };
    assert!(paper.timeline.iter().all(|line| line.source == "pagerduty"), "{:?}", paper.timeline);
}

fn section<'a>(row: &'a RowView, heading: &str) -> Vec<&'a str> {
    let Some(Proposal::Paper(paper)) = &row.proposal else { panic!("{:?}", row.proposal) };
    let found = paper.sections.iter().find(|section| section.heading == heading);
    found.into_iter().flat_map(|one| &one.sentences).map(|sentence| sentence.text.as_str()).collect()
}

async fn telemetry(ground: &Ground, row: &RowView) -> Telemetry {
    let token = ground.server.login("sarah").await;
    let Some(Proposal::Paper(paper)) = &row.proposal else { panic!("{:?}", row.proposal) };
    let last = paper.timeline.iter().map(|line| line.at).max().unwrap();
    let until = last + jiff::SignedDuration::from_mins(10);
    ground.api(&token).series(row.head.id, Span::Hour, Some(until)).await.unwrap()
}

/// What the night of INC-2099 did to the session store, by whoever measures it.
#[tokio::test]
async fn what_an_incident_cost_is_read_from_the_series_and_shown_across_it() {
    let page = |names: &str| {
        format!(
            "[runbooks.CONF-4711]\nsite = \"confluence\"\npage = \"4711\"\nservices = [\"session-store\"]\n{names}"
        )
    };
    let names = "[incidents]\nprometheus = { session-store = \"session-store\" }\n";
    let ground =
        Ground::start_with(&[Site::Prometheus], &page("prometheus = \"session-store\"\n"), names).await;
    let wish = Wish { only: Some("INC-2099".to_owned()), ..Wish::default() };
    ground.look(&wish).await;
    let rows = ground.rows().await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let impact = section(row, "Impact").join("\n");
    // 62 times the budget's pace for 25 minutes of 30 days.
    assert!(
        impact.contains("It spent 3.5")
            && impact.contains(" % of the error budget: error budget left went from "),
        "{impact}"
    );
    assert!(impact.contains("SLO burn 5m was over 1x for "), "{impact}");
    assert!(
        !section(row, "Open questions").join("\n").contains("error budget"),
        "{:?}",
        section(row, "Open questions")
    );
    let told = lines(row);
    for crossing in ["SLO burn 5m went over 1x: ", "SLO burn 5m went under 1x: "] {
        assert!(
            told.iter().any(|(from, text, _)| *from == "prometheus" && text.starts_with(crossing)),
            "{told:?}"
        );
    }
    let shown = telemetry(&ground, row).await;
    let burn = shown.panes.iter().find(|pane| pane.name == "SLO burn 5m").unwrap();
    let highest = burn.series.as_ref().unwrap().numbers().flatten().fold(0.0, f64::max);
    assert!(highest > 55.0, "{burn:?}");
    let marks: Vec<_> = shown.marks.iter().map(|mark| mark.what.as_str()).collect();
    for what in ["incident", "resolved", "pagerduty", "slack", "prometheus"] {
        assert!(marks.contains(&what), "{what}: {marks:?}");
    }
}

#[tokio::test]
async fn datadogs_history_tells_the_cost_too_and_where_nobody_measures_it_is_asked() {
    let ground = Ground::start().await;
    let world = ground.server.platforms.world();
    let secret = |name: &str, text: &str| {
        let file = ground.server.dir.path().join(name);
        write_private(&file, text);
        file.display().to_string()
    };
    let (api, application) = (
        secret("datadog-api", &world.token(Site::Datadog)),
        secret("datadog-application", &world.datadog_application_key()),
    );
    let url = ground.server.platforms.url(Site::Datadog);
    let datadog = format!(
        "[incidents]\ndatadog = {{ session-store = \"session-store\" }}\n[platforms.datadog]\nurl = {url:?}\napi_key_file = \
         {api:?}\napplication_key_file = {application:?}\n"
    );
    let measured = Ground { config: format!("{}{datadog}", ground.config), ..ground };
    let wish = Wish { only: Some("INC-2099".to_owned()), ..Wish::default() };
    measured.look(&wish).await;
    let row = &measured.rows().await[0];
    let impact = section(row, "Impact").join("\n");
    assert!(impact.contains("It spent 3.") && impact.contains("SLO burn was over 1x for "), "{impact}");
    assert!(
        lines(row)
            .iter()
            .any(|(from, text, _)| *from == "datadog" && text.starts_with("SLO burn went under 1x")),
        "{:?}",
        lines(row)
    );
    let shown = telemetry(&measured, row).await;
    let [pane] = &shown.panes[..] else { panic!("{:?}", shown.panes) };
    assert!(pane.unknown.as_ref().unwrap().starts_with("nobody measures session-store: name "), "{pane:?}");
}
