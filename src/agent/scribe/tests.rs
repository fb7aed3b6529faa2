//! The scribe against the simulated platforms, over HTTP: what was said and what stands on the page is what it drafts.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use super::*;
use crate::{
    agent::{Told, Wish, incidents::IncidentsError},
    client::api::Api,
    clock::Clock,
    row::{
        Amendment, Decision, Draft, Proposal, State, Verdict,
        page::{Block, Edit, Piece},
    },
    server::tests::{World as ServerWorld, write_private},
    simulator::{Fault, Pace, PageEdit, Scenario, Setting, Simulators, Site},
    wire::RowView,
};

mod closed;
mod live;

const RUNBOOKS: &str = "[runbooks.CONF-4711]\nsite = \"confluence\"\npage = \"4711\"\nservices = [\"session-store\"]\n\
    [runbooks.CONF-3380]\nsite = \"confluence\"\npage = \"3380\"\nservices = [\"api-gw\"]\n\
    [runbooks.NOTION-91a]\nsite = \"notion\"\npage = \"91a4c2d0-5b7e-4f13-9c86-2e0d7a1b3f58\"\n\
    services = [\"edge-routing\"]\n";

struct World {
    simulators: Simulators,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pace = Pace { tick: Duration::from_secs(86_400), refresh: Duration::ZERO, ..Pace::default() };
        let setting = Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace, dir: None };
        let simulators = Simulators::start(setting).await.unwrap();
        Self { simulators, folder: tempfile::tempdir().unwrap() }
    }

    fn token(&self, name: &str, token: &str) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file.display().to_string()
    }

    fn scribe(&self) -> Scribe {
        let world = self.simulators.world();
        let sections = [Site::PagerDuty, Site::Slack, Site::Confluence, Site::Notion].map(|site| {
            let (name, url) = (site.name(), self.simulators.url(site));
            let account = match site {
                Site::Confluence => format!("email = {:?}\n", world.confluence_reader()),
                _ => String::new(),
            };
            let token = self.token(name, &world.token(site));
            format!("[platforms.{name}]\nurl = {url:?}\ntoken_file = {token:?}\n{account}")
        });
        let dock = self.token("dock", "t");
        let text = format!(
            "server = \"http://127.0.0.1:9\"\ntoken_file = {dock:?}\n{}{RUNBOOKS}",
            sections.concat()
        );
        Scribe::open(toml::from_str(&text).unwrap(), Clock::system()).unwrap()
    }

    async fn told(&self, incident: Option<&str>) -> Vec<Told> {
        let mut all = Vec::new();
        let wish = Wish { only: incident.map(str::to_owned), dry_run: true };
        self.scribe().once(&wish, |told| all.push(told)).await.unwrap();
        all
    }

    async fn drafts(&self, incident: Option<&str>) -> Vec<Draft> {
        let told = self.told(incident).await;
        told.into_iter()
            .filter_map(|told| match told {
                Told::Draft(draft) => Some(*draft),
                Told::Answered { .. } | Told::Rest { .. } | Told::Trouble { .. } => None,
            })
            .collect()
    }
}

#[tokio::test]
async fn the_seeds_rows_are_drafted_from_what_was_said_in_their_order() {
    let world = World::start().await;
    let drafts = world.drafts(None).await;
    let said: Vec<_> =
        drafts.iter().map(|d| (d.subject.as_str(), d.incident.as_deref(), d.title.as_str())).collect();
    assert_eq!(
        said,
        [
            ("CONF-4711", Some("INC-2099"), "Add step: rotate Redis replica before failover"),
            (
                "CONF-3380",
                Some("INC-2104"),
                "Mark \"restart api-gw\" as deprecated, link to new GHA workflow"
            ),
            ("NOTION-91a", Some("INC-2108"), "Insert decision tree for partial region outage"),
        ]
    );
    for draft in &drafts {
        assert_eq!(draft.check(), Ok(()));
        assert_eq!(draft.verdict, Verdict::Publish, "{}", draft.rationale);
        assert!(matches!(&draft.proposal, Some(Proposal::Edit(edit)) if edit.operations.len() == 1));
        let names: Vec<_> = draft.pointers.iter().map(|pointer| pointer.name.as_str()).collect();
        assert!(["confluence_page_id", "notion_block_id"].contains(&names[0]));
        assert_eq!(names[1..3], ["pagerduty_incident", "slack_message"]);
    }
    let people = |at: usize| drafts[at].reviewers.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((people(0), people(1)), (vec!["priya".to_owned()], vec!["marcus".to_owned()]));
    assert!(drafts[0].diff.contains('+') && drafts[0].diff.contains("Redis replica"), "{}", drafts[0].diff);
    assert!(drafts[0].diff.contains("BGREWRITEAOF") && drafts[1].diff.contains("actions/runs/77120"));
}

#[tokio::test]
async fn a_chat_that_cannot_be_read_is_a_named_unknown_and_proposes_nothing_by_itself() {
    let world = World::start().await;
    world.simulators.world().faults(Site::Slack).script("", Fault::Status(500), None);
    let told = world.told(Some("INC-2099")).await;
    let why = told.iter().find_map(|told| match told {
        Told::Rest { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(why.unwrap().contains("not all could be read"), "{told:?}");
}

#[tokio::test]
async fn an_incident_is_asked_for_by_name() {
    let world = World::start().await;
    let drafts = world.drafts(Some("INC-2104")).await;
    assert_eq!(drafts.len(), 1);
    assert!(world.drafts(Some("INC-771")).await.is_empty(), "it is open, and no runbook is for its service");
    let wish = Wish { only: Some("INC-1".to_owned()), dry_run: true };
    let error = world.scribe().once(&wish, |_| ()).await.unwrap_err();
    assert!(matches!(error, IncidentsError::NoSuchIncident(_)));
}

/// A server between the simulated platforms and scribes.
struct Loop {
    server: ServerWorld,
    config: String,
}

impl Loop {
    /// Its scribe leaves no time for a merge.
    async fn start() -> Self {
        Self::start_with(0).await
    }

    async fn start_with(merge_min: u32) -> Self {
        let mut config = String::new();
        let server = ServerWorld::start_telling("memory:", |platforms, dir| {
            let world = platforms.world();
            let section = |site: Site, more: &str| {
                let file = dir.join(format!("reads-{}", site.name()));
                write_private(&file, &world.token(site));
                let (name, url, file) = (site.name(), platforms.url(site), file.display().to_string());
                format!("[platforms.{name}]\nurl = {url:?}\ntoken_file = {file:?}\n{more}")
            };
            let account = format!("email = {:?}\n", world.confluence_reader());
            let confluence = section(Site::Confluence, &account);
            let confluence = confluence + &section(Site::Notion, "");
            let told = [section(Site::PagerDuty, ""), section(Site::Slack, "")].concat();
            config = [RUNBOOKS, &confluence, &told, "[incidents]\nsettle_s = 0\n"].concat();
            [RUNBOOKS, &confluence].concat()
        })
        .await;
        let file = server.dir.path().join("dock-token");
        write_private(&file, &server.agent_token);
        let config = format!(
            "server = {:?}\ntoken_file = {:?}\n{config}[limits]\nmerge_min = {merge_min}\n",
            server.url,
            file.display().to_string()
        );
        Self { server, config }
    }

    async fn look(&self) -> Vec<Told> {
        self.look_for(None).await
    }

    /// At one incident alone, as somebody asks for it.
    async fn look_for(&self, incident: Option<&str>) -> Vec<Told> {
        let scribe = Scribe::open(toml::from_str(&self.config).unwrap(), Clock::system()).unwrap();
        let mut all = Vec::new();
        let wish = Wish { only: incident.map(str::to_owned), dry_run: false };
        scribe.once(&wish, |told| all.push(told)).await.unwrap();
        all
    }

    /// The row is sent back with this note, and drafted again.
    async fn noted(&self, at: usize, note: &str) -> RowView {
        let row = self.rows().await[at].clone();
        let answer = self.server.decide_saying("sarah", &row, Decision::NeedsChanges, note).await;
        assert_eq!(answer, "accepted");
        self.look().await;
        self.rows().await[at].clone()
    }

    async fn rows(&self) -> Vec<RowView> {
        let api = Api::new(&self.server.url).unwrap().with_token(self.server.agent_token.clone().into());
        let mut rows = api.snapshot().await.unwrap().rows;
        rows.sort_by_key(|row| row.head.id);
        rows
    }
}

#[tokio::test]
async fn two_scribes_make_one_row_each_and_a_note_or_a_moved_page_makes_the_next_revision() {
    let ground = Loop::start().await;
    let (one, two) = tokio::join!(ground.look(), ground.look());
    let rows = ground.rows().await;
    let said: Vec<_> =
        rows.iter().map(|row| (row.head.subject.as_str(), row.head.incident.as_deref())).collect();
    let expected =
        [("CONF-4711", Some("INC-2099")), ("CONF-3380", Some("INC-2104")), ("NOTION-91a", Some("INC-2108"))];
    assert_eq!(said, expected, "{one:?} {two:?}");
    assert!(
        rows.iter().all(|row| row.head.revision == 1 && !row.claim && row.head.verdict == Verdict::Publish)
    );

    // Nothing new: nothing is done.
    let again = ground.look().await;
    assert!(again.iter().all(|told| matches!(told, Told::Rest { .. })), "{again:?}");

    // A note is answered, even one that the rules cannot follow.
    assert_eq!(ground.server.decide("sarah", &rows[1], Decision::NeedsChanges).await, "accepted");
    ground.look().await;
    let row = &ground.rows().await[1];
    assert_eq!((row.head.revision, row.head.state), (2, State::Pending), "{:?}", row.why);
    assert!(
        row.rationale.starts_with("sarah asked:") && row.rationale.contains("Not followed"),
        "{}",
        row.rationale
    );

    // Somebody edits the other page: the next revision is for the page as it is now.
    let edit = PageEdit::Paragraph("For when the primary takes no writes.".into());
    ground.server.platforms.world().edit_page("4711", "acc-jordan", &edit).unwrap();
    ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!((row.head.revision, row.head.state), (2, State::Pending), "{:?}", row.why);
    assert!(row.rationale.starts_with("The page has moved since revision 1"), "{}", row.rationale);
    assert!(row.diff.contains("Redis replica") && row.diff.contains("takes no writes"), "{}", row.diff);
}

fn edit(row: &RowView) -> &Edit {
    match &row.proposal {
        Some(Proposal::Edit(edit)) => edit,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_reviewer_struck_and_reworded_stays_so_when_the_page_moves_and_when_more_is_asked() {
    let ground = Loop::start().await;
    let world = ground.server.platforms.world();
    let during = Clock::system().now() - jiff::SignedDuration::from_mins(70);
    let support = "The runbook is missing a step: tell support before scaling session-writer.";
    world.say("inc-2099", "jordan", during, support).unwrap();
    ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!((edit(row).operations.len(), row.head.revision), (2, 1), "{}", row.diff);
    assert!(row.diff.contains("ell support"), "{}", row.diff);

    let own = vec![Piece::Plain("Rewrite the replica's append-only file.".to_owned())];
    let own = vec![Block::Item { ordered: true, depth: 0, text: own }];
    let change = Amendment { strike: vec![1], reword: [(2, own)].into(), ..Amendment::default() };
    let sarah = ground.server.login("sarah").await;
    let sarah = Api::new(&ground.server.url).unwrap().with_token(sarah.into());
    let amended = sarah.amend_row(row.head.id, 1, &change).await.unwrap();
    assert_eq!((amended.head.revision, edit(&amended).operations.len()), (2, 1));
    let again = ground.look().await;
    assert!(again.iter().all(|told| matches!(told, Told::Rest { .. })), "{again:?}");

    let paragraph = PageEdit::Paragraph("For when the primary takes no writes.".into());
    world.edit_page("4711", "acc-jordan", &paragraph).unwrap();
    let told = ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!((row.head.revision, row.head.state), (3, State::Pending), "{told:?}");
    assert_eq!((edit(row), &row.amended_by), (edit(&amended), &amended.amended_by));
    assert_eq!((row.head.verdict, row.mismatch()), (Verdict::Publish, None), "{}", row.rationale);
    assert!(row.diff.contains("append-only file") && row.diff.contains("takes no writes"), "{}", row.diff);
    assert!(!row.diff.contains("ell support"), "{}", row.diff);
    for says in ["The edit is kept as sarah amended it.", "Not proposed: add step: tell support"] {
        assert!(row.rationale.contains(says), "{}", row.rationale);
    }

    assert_eq!(ground.server.decide("sarah", row, Decision::NeedsChanges).await, "accepted");
    ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!((row.head.revision, edit(row)), (4, edit(&amended)), "{:?}", row.why);
    assert!(row.rationale.starts_with("sarah asked:"), "{}", row.rationale);
}

#[tokio::test]
async fn a_page_that_moved_apart_is_left_to_its_reviewers_whose_merge_is_what_the_scribe_would_draft() {
    let ground = Loop::start_with(10).await;
    ground.look().await;
    let world = ground.server.platforms.world();
    let row = ground.rows().await[0].clone();
    let paragraph = PageEdit::Paragraph("For when the primary takes no writes.".into());
    world.edit_page("4711", "acc-jordan", &paragraph).unwrap();
    let statement = ground.server.decide("sarah", &row, Decision::Approve).await;
    assert_eq!(statement, "base_moved");
    let told = ground.look().await;
    let rests = |told: &[Told]| {
        told.iter().any(
            |one| matches!(one, Told::Rest { why, .. } if why.contains("its reviewers can merge it until")),
        )
    };
    assert!(rests(&told), "whoever decides on it is not overtaken: {told:?}");

    let sarah = ground.server.login("sarah").await;
    let sarah = Api::new(&ground.server.url).unwrap().with_token(sarah.into());
    let merge = Amendment { merge: true, ..Amendment::default() };
    let merged = sarah.amend_row(row.head.id, row.head.revision, &merge).await.unwrap();
    assert_eq!((merged.head.revision, merged.head.state), (2, State::Pending));
    assert_eq!(merged.mismatch(), None);
    let again = ground.look().await;
    assert!(again.iter().all(|told| matches!(told, Told::Rest { .. })), "one revision, not two: {again:?}");

    let scribe = Scribe::open(toml::from_str(&ground.config).unwrap(), Clock::system()).unwrap();
    let mut drafts = Vec::new();
    let wish = Wish { only: Some("INC-2099".to_owned()), dry_run: true };
    let keep = |told| drafts.extend(if let Told::Draft(draft) = told { Some(*draft) } else { None });
    scribe.once(&wish, keep).await.unwrap();
    let [draft] = &drafts[..] else { panic!("{drafts:?}") };
    assert_eq!((&draft.diff, &draft.effect), (&merged.diff, &merged.effect), "one result, whoever makes it");
    let Some(Proposal::Edit(fresh)) = &draft.proposal else { panic!() };
    assert_eq!(fresh, edit(&merged));
}

#[tokio::test]
async fn a_page_that_moved_right_there_is_drafted_anew_at_once() {
    let ground = Loop::start_with(10).await;
    ground.look().await;
    let row = ground.rows().await[0].clone();
    let world = ground.server.platforms.world();
    let body = world.confluence_body("4711").unwrap();
    let anchor = &edit(&row).operations[0].anchor.text;
    let place = body.find(&anchor.split('.').next().unwrap()[..12]).unwrap();
    let item = body[..place].rfind("<li").unwrap();
    let beside = format!("{}<li><p>Look at the clock.</p></li>{}", &body[..item], &body[item..]);
    world.edit_page("4711", "acc-jordan", &PageEdit::Body(beside)).unwrap();
    let sarah = ground.server.login("sarah").await;
    let sarah = Api::new(&ground.server.url).unwrap().with_token(sarah.into());
    let merge = Amendment { merge: true, ..Amendment::default() };
    let refused = sarah.amend_row(row.head.id, 1, &merge).await.unwrap_err();
    assert_eq!(refused.code(), "edit_touched");
    let told = ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!((row.head.revision, row.head.state), (2, State::Pending), "{told:?}");
}

#[tokio::test]
async fn a_merged_edit_whose_step_is_reworded_is_placed_again_in_the_same_row() {
    let ground = Loop::start_with(10).await;
    ground.look().await;
    let world = ground.server.platforms.world();
    let row = ground.rows().await[1].clone();
    let paragraph = PageEdit::Paragraph("For 5xx from the edge, and for timeouts.".into());
    world.edit_page("3380", "acc-jordan", &paragraph).unwrap();
    let sarah = ground.server.login("sarah").await;
    let sarah = Api::new(&ground.server.url).unwrap().with_token(sarah.into());
    let merge = Amendment { merge: true, ..Amendment::default() };
    let merged = sarah.amend_row(row.head.id, 1, &merge).await.unwrap();
    assert_eq!((merged.head.revision, merged.head.state), (2, State::Pending));

    let body = world.confluence_body("3380").unwrap();
    assert!(body.contains("on each node"), "{body}");
    let reworded = body.replacen("on each node", "on two nodes", 1);
    world.edit_page("3380", "acc-jordan", &PageEdit::Body(reworded)).unwrap();
    let told = ground.look().await;
    let rows = ground.rows().await;
    assert_eq!(rows.len(), 3, "no second row: {told:?}");
    let row = &rows[1];
    assert_eq!(
        (row.head.id, row.head.revision, row.head.state),
        (merged.head.id, 3, State::Pending),
        "{told:?}"
    );
    let [operation] = edit(row).operations.as_slice() else { panic!("{}", row.diff) };
    assert_eq!(operation.anchor.text, "Restart api-gw on two nodes by hand.");
    assert_eq!((&row.amended_by, row.mismatch()), (&merged.amended_by, None));
    assert!(row.rationale.contains("Placed again: operation 1"), "{}", row.rationale);
}

fn rests(told: &[Told], about: &str) -> String {
    let why = told.iter().find_map(|told| match told {
        Told::Rest { subject, why } if subject.contains(about) => Some(why.clone()),
        _ => None,
    });
    why.unwrap_or_else(|| panic!("{about}: {told:?}"))
}

#[tokio::test]
async fn a_note_that_leaves_nothing_withdraws_the_row_and_who_asks_by_name_gets_another() {
    let ground = Loop::start().await;
    ground.look().await;
    let page = "https://github.com/acme/api-gw/actions/workflows/restart.yml";
    let note = format!("Please do not remove operation 1; link the workflow's page, not a run: {page}");
    let row = ground.noted(1, &note).await;
    assert_eq!((row.head.revision, row.head.state), (2, State::Pending), "{:?}", row.why);
    assert!(row.diff.contains(page) && row.diff.contains("Deprecated: Use the"), "{}", row.diff);
    assert_eq!(row.rationale.matches("Done: ").count(), 2, "{}", row.rationale);

    let row = ground.noted(1, "Drop operation 1").await;
    assert_eq!(row.head.state, State::Withdrawn);
    let why = row.why.clone().unwrap();
    assert!(
        why.contains("nothing is left of the edit: sarah asked: \u{201c}Drop operation 1\u{201d}"),
        "{why}"
    );
    let why = rests(&ground.look().await, "INC-2104");
    assert!(
        why.contains("that is over") && why.contains("withdrawn: nothing is left of the edit: sarah"),
        "{why}"
    );
    assert_eq!(ground.rows().await.len(), 3);

    // A person asks: once more, until the very same is declined.
    ground.look_for(Some("INC-2104")).await;
    let rows = ground.rows().await;
    let new = rows.last().unwrap();
    assert_eq!((rows.len(), new.head.incident.as_deref()), (4, Some("INC-2104")));
    let answer = ground.server.decide_saying("sarah", new, Decision::Decline, "We keep it as it is.").await;
    assert_eq!(answer, "accepted");
    let why = rests(&ground.look_for(Some("INC-2104")).await, "INC-2104");
    assert!(
        why.starts_with("the same difference was declined by sarah") && why.ends_with("We keep it as it is."),
        "{why}"
    );
    let why = rests(&ground.look().await, "INC-2104");
    assert!(why.ends_with("declined by sarah"), "{why}");
    assert_eq!(ground.rows().await.len(), 4);
}

#[tokio::test]
async fn a_second_incident_on_a_page_is_named_on_its_open_row_and_drafted_once_that_is_over() {
    let ground = Loop::start().await;
    ground.look().await;
    let world = ground.server.platforms.world();
    for (incident, note) in [
        ("INC-3001", "The runbook is missing a step: tell support before scaling session-writer."),
        ("INC-3002", "All is well, thanks."),
    ] {
        world.incident(incident, true, Some("session-store")).unwrap();
        world.note(incident, "priya", note).unwrap();
        world.incident(incident, false, None).unwrap();
    }
    ground.look().await;
    let rows = ground.rows().await;
    let named: Vec<_> = rows[0].signals.iter().map(|view| &view.signal).collect();
    let named: Vec<_> = named.iter().filter(|one| one.rule == rules::ANOTHER_INCIDENT.name()).collect();
    assert_eq!((rows.len(), rows[0].head.revision, named.len()), (3, 2, 1), "{}", rows[0].rationale);
    assert_eq!(named[0].pointer.reference, "INC-3001");
    assert!(rows[0].rationale.contains("INC-3001 speaks of this page as well"), "{}", rows[0].rationale);
    assert_eq!(rows[0].head.verdict, Verdict::Publish, "no rule moves");

    // It is told once, and stays told when the row is revised for another reason.
    let why = rests(&ground.look().await, "INC-3001");
    assert!(why.contains("names it; it is drafted after that"), "{why}");
    let row = ground.noted(0, "Paint it green.").await;
    assert_eq!(row.head.revision, 3);
    assert!(row.rationale.contains("INC-3001 speaks of this page as well"), "{}", row.rationale);

    assert_eq!(ground.server.decide("sarah", &row, Decision::Decline).await, "accepted");
    ground.look().await;
    let rows = ground.rows().await;
    let new = rows.last().unwrap();
    assert_eq!((rows.len(), new.head.incident.as_deref()), (4, Some("INC-3001")), "{rows:?}");
    assert!(new.diff.contains("ell support"), "{}", new.diff);
    assert_eq!(new.head.verdict, Verdict::Hold, "it has no channel, which is unknown: {}", new.rationale);
}

#[tokio::test]
async fn what_has_no_place_on_the_page_is_a_row_that_publishes_nothing() {
    let ground = Loop::start().await;
    let step = "<li><p>Fail over to the replica.</p></li>";
    let twice = format!("<h1>Redis failover</h1><ol>{step}{step}</ol>");
    ground.server.platforms.world().edit_page("4711", "acc-jordan", &PageEdit::Body(twice)).unwrap();
    let told = ground.look().await;
    let row = &ground.rows().await[0];
    assert_eq!(
        (row.head.state, row.head.verdict, row.claim),
        (State::Pending, Verdict::Hold, false),
        "{told:?}"
    );
    assert!(edit(row).operations.is_empty() && row.diff.is_empty(), "{}", row.diff);
    assert!(row.rationale.contains("found 2 times"), "{}", row.rationale);
    assert_eq!(row.effect.sentence(), "nothing is executed; that it was seen is recorded");
    assert_eq!(ground.server.decide("sarah", row, Decision::Decline).await, "accepted");
}
