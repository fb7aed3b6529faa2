//! A runbook while its incident is on, over HTTP: opened by itself, redrawn when the system changes, ticked, signed, and
//! what was said of its steps in the edit afterwards.

use tokio::sync::mpsc;

use super::*;
use crate::{
    row::{
        Risk,
        page::{Action, Piece},
        proposal::Live,
    },
    simulator::Account,
};

const PAGE: &str = "9001";
const SERVICE: &str = "search-indexer";
const INCIDENT: &str = "INC-3001";
const STEPS: &str = "<h1>search-indexer</h1><h2>Steps</h2><ol>\
<li><p>Switch synonyms off in configmap/search-indexer-flags.</p></li>\
<li><p>Restart it: <code>kubectl rollout restart deploy/search-indexer</code></p></li>\
<li><p>Scale deployment search-queue to 0.</p></li>\
<li><p>Look at the p95.</p></li></ol>";
const TABLE: &str = "[runbooks.CONF-9001]\nsite = \"confluence\"\npage = \"9001\"\nservices = [\"search-indexer\"]\n\
    risk = \"costly\"\nkeys = 2\n";
const HOOK: &str = "told in confidence";

/// A server, the platforms, a page with steps, and scribes.
struct Night {
    server: ServerWorld,
    config: String,
}

impl Night {
    async fn start() -> Self {
        let mut config = String::new();
        let server = ServerWorld::start_telling("memory:", |platforms, dir| {
            let world = platforms.world();
            world.add_page(PAGE, "RUN", "search-indexer", STEPS, "acc-jordan").unwrap();
            let section = |site: Site, token: &str, more: &str| {
                let file = dir.join(format!("reads-{}", site.name()));
                write_private(&file, token);
                let (name, url, file) = (site.name(), platforms.url(site), file.display().to_string());
                format!("[platforms.{name}]\nurl = {url:?}\ntoken_file = {file:?}\n{more}")
            };
            let account = format!("email = {:?}\n", world.confluence_reader());
            let confluence = section(Site::Confluence, &world.token(Site::Confluence), &account);
            let told = [
                section(Site::PagerDuty, &world.token(Site::PagerDuty), ""),
                section(Site::Slack, &world.token(Site::Slack), ""),
                section(Site::ArgoCd, &world.argocd_token(Account::Agent), ""),
                section(Site::Prometheus, &world.token(Site::Prometheus), ""),
            ];
            let incidents =
                "[incidents]\nsettle_s = 0\n[incidents.prometheus]\nsearch-indexer = \"search-indexer\"\n";
            config = [incidents, TABLE, &confluence, &told.concat()].concat();
            let hook = dir.join("hook");
            write_private(&hook, HOOK);
            format!("{TABLE}{confluence}[hooks.pagerduty]\nsecret_file = {:?}\n", hook.display().to_string())
        })
        .await;
        let file = server.dir.path().join("dock-token");
        write_private(&file, &server.agent_token);
        let head = format!("server = {:?}\ntoken_file = {:?}\n", server.url, file.display().to_string());
        Self { server, config: head + &config }
    }

    fn scribe(&self, more: &str) -> Scribe {
        let clock = Clock::with_offset_file(self.server.dir.path().join("clock"));
        Scribe::open(toml::from_str(&format!("{more}{}", self.config)).unwrap(), clock).unwrap()
    }

    async fn look(&self) -> Vec<Told> {
        let mut all = Vec::new();
        self.scribe("").once(&Wish::default(), |told| all.push(told)).await.unwrap();
        all
    }

    fn incident(&self, open: bool) {
        self.server.platforms.world().incident(INCIDENT, open, Some(SERVICE)).unwrap();
    }

    async fn rows(&self) -> Vec<RowView> {
        let api = Api::new(&self.server.url).unwrap().with_token(self.server.agent_token.clone().into());
        let mut rows = api.snapshot().await.unwrap().rows;
        rows.sort_by_key(|row| row.head.id);
        rows
    }

    /// The one row of this subject.
    async fn row(&self, subject: &str) -> RowView {
        let mut rows = self.rows().await;
        rows.retain(|row| row.head.subject == subject);
        assert_eq!(rows.len(), 1, "{subject}");
        rows.remove(0)
    }

    async fn live(&self) -> RowView {
        self.row("CONF-9001@INC-3001").await
    }
}

fn steps(row: &RowView) -> &Live {
    match &row.proposal {
        Some(Proposal::Live(live)) => live,
        other => panic!("{other:?}"),
    }
}

/// What stands beside a step, from 1.
fn beside(row: &RowView, number: usize) -> Vec<String> {
    let facts = steps(row).steps[number - 1].facts.iter();
    facts.map(|fact| format!("{}: {}", fact.name, fact.value)).collect()
}

/// For which reason nothing was done, of this subject.
fn rested(told: &[Told], about: &str) -> String {
    let why = told.iter().find_map(|told| match told {
        Told::Rest { subject, why } if subject.starts_with(about) => Some(why.clone()),
        _ => None,
    });
    why.unwrap_or_else(|| panic!("{told:?}"))
}

#[tokio::test]
async fn a_night_with_a_live_runbook_from_the_page_to_the_edit() {
    let night = Night::start().await;
    let world = night.server.platforms.world();
    night.look().await;
    assert!(night.rows().await.is_empty(), "no incident of its service is on");

    night.incident(true);
    let (one, two) = tokio::join!(night.look(), night.look());
    let row = night.live().await;
    assert_eq!((row.head.revision, row.head.state), (1, State::Pending), "{one:?} {two:?}");
    assert_eq!((row.head.risk, row.head.keys_needed), (Risk::Reversible, 1), "nothing is executed by it");
    assert_eq!(row.facts.get("service").map(String::as_str), Some(SERVICE));
    assert_eq!(beside(&row, 1), ["synonyms in search-indexer-flags: \"true\""]);
    assert!(
        beside(&row, 2)[0].starts_with("deployment search-indexer: 3 replicas, "),
        "{:?}",
        beside(&row, 2)
    );
    assert_eq!(
        steps(&row).steps[2].broken.as_deref(),
        Some("names deployment search-queue: ArgoCD has none")
    );
    let [p95] = beside(&row, 4).try_into().unwrap();
    assert!(
        p95.starts_with("p95 of search-indexer: 1") && p95.ends_with(" ms"),
        "slow while it is on: {p95}"
    );
    assert!(row.head.title.ends_with("1 step no longer holds"), "{}", row.head.title);

    // The same again is no news, however old it gets; another value is, by and by.
    night.server.advance(61);
    assert_eq!(rested(&night.look().await, "CONF-9001@"), "its row is open");
    world.move_base(SERVICE).unwrap();
    night.look().await;
    let row = night.live().await;
    assert_eq!(
        (row.head.revision, beside(&row, 1)),
        (2, vec!["synonyms in search-indexer-flags: \"false\"".to_owned()])
    );

    // What cannot be read says so, with what it was; then it is read again.
    world.faults(Site::ArgoCd).down();
    night.server.advance(130);
    night.look().await;
    let row = night.live().await;
    assert_eq!(beside(&row, 1), ["synonyms in search-indexer-flags: unknown now, \"false\" before"]);
    assert!(row.rationale.contains("Unknown: what runs now"), "{}", row.rationale);
    assert!(steps(&row).steps[2].broken.is_some(), "it has not come back unseen");
    world.faults(Site::ArgoCd).up();
    night.server.advance(200);
    night.look().await;
    let row = night.live().await;
    assert_eq!((row.head.revision, beside(&row, 1).len()), (4, 1));
    assert!(!row.rationale.contains("Unknown"), "{}", row.rationale);

    // Signed by one, recorded, and the best that the scribe has afterwards.
    let ticks = [
        ("1", "followed"),
        ("2", "skipped: it restarts itself"),
        ("3", "wrong: search-queue went with 1.20"),
    ];
    assert_eq!(night.server.tick("sarah", &row, &ticks).await, "accepted");
    assert_eq!(night.live().await.decisions[0].conditions.len(), 3);
    night.incident(false);
    let told = night.look().await;
    let edit = night.row("CONF-9001").await;
    let [operation] = super::edit(&edit).operations.as_slice() else { panic!("{told:?} {}", edit.diff) };
    assert_eq!(operation.anchor.text, "Scale deployment search-queue to 0.");
    let Action::MarkDeprecated { instead } = &operation.action else { panic!("{operation:?}") };
    let said = format!("Found wrong in {INCIDENT}: search-queue went with 1.20");
    assert_eq!(instead, &[Piece::Plain(said)]);
    assert!(operation.because.contains("sarah ticked it as wrong"), "{}", operation.because);
    assert!(edit.signals.iter().any(|one| one.signal.name == "skipped"), "{:?}", edit.signals);
    assert_eq!(
        (edit.head.keys_needed, edit.head.risk),
        (2, Risk::Costly),
        "an edit of the page needs what the page asks for"
    );
    assert_eq!(edit.facts.get("service").map(String::as_str), Some(SERVICE));
}

#[tokio::test]
async fn ticks_are_signed_after_the_incident_too_and_the_edit_hears_of_them() {
    let night = Night::start().await;
    let world = night.server.platforms.world();
    world.open_channel("inc-3001", false, true);
    night.incident(true);
    night.look().await;
    let missing = "The runbook is missing a step: warm the cache before switching synonyms off";
    world.say("inc-3001", "priya", Clock::system().now(), missing).unwrap();
    night.incident(false);
    let told = night.look().await;
    let first = night.row("CONF-9001").await;
    assert_eq!((first.head.revision, super::edit(&first).operations.len()), (1, 1), "{told:?}");
    let why = rested(&told, "CONF-9001@");
    assert!(why.starts_with("what was ticked can be signed until "), "{why}");

    // Steps that were followed are no news; a wrong one is, once.
    let live = night.live().await;
    assert_eq!(live.head.state, State::Pending);
    assert_eq!(night.server.tick("sarah", &live, &[("1", "followed"), ("3", "wrong")]).await, "accepted");
    night.look().await;
    let second = night.row("CONF-9001").await;
    assert_eq!((second.head.revision, super::edit(&second).operations.len()), (2, 2), "{}", second.diff);
    let told = night.look().await;
    assert!(told.iter().all(|told| matches!(told, Told::Rest { .. })), "{told:?}");
    assert_eq!(night.row("CONF-9001").await.head.revision, 2);
}

#[tokio::test]
async fn what_is_signed_while_the_incident_is_on_leaves_the_other_steps_to_be_ticked() {
    let night = Night::start().await;
    let world = night.server.platforms.world();
    night.incident(true);
    night.look().await;
    let first = night.live().await;
    assert!(steps(&first).steps.iter().all(|step| step.signed.is_none()));
    assert_eq!(
        night.server.tick("sarah", &first, &[("1", "followed"), ("3", "wrong: gone")]).await,
        "accepted"
    );

    night.server.carried_out(first.head.id).await;
    let told = night.look().await;
    let live = async || {
        let mut rows = night.rows().await;
        rows.retain(|row| row.head.subject == "CONF-9001@INC-3001");
        rows
    };
    let rows = live().await;
    let [signed, next] = rows.as_slice() else { panic!("{told:?}") };
    assert_eq!((signed.head.state, next.head.state), (State::Healthy, State::Pending));
    let said: Vec<_> =
        steps(next).steps.iter().map(|step| step.signed.as_ref().map(|one| one.said.as_str())).collect();
    assert_eq!(said, [Some("followed"), None, Some("wrong: gone"), None]);
    let one = steps(next).steps[0].signed.clone().unwrap();
    let signed_at = signed.decisions[0].made_at.min(signed.decisions[0].at);
    assert_eq!((one.by.as_str(), one.row, one.at), ("sarah", signed.head.id, signed_at));

    // It stands on the next revision, too; the last steps end it.
    world.move_base(SERVICE).unwrap();
    night.server.advance(61);
    night.look().await;
    let rows = live().await;
    let next = rows.last().unwrap();
    assert_eq!((rows.len(), next.head.revision, steps(next).steps[0].signed.as_ref()), (2, 2, Some(&one)));
    assert_eq!(night.server.tick("sarah", next, &[("2", "skipped"), ("4", "followed")]).await, "accepted");
    night.server.carried_out(next.head.id).await;
    night.look().await;
    assert_eq!(live().await.len(), 2, "all steps are said: nothing comes again");
}

#[tokio::test]
async fn a_signature_without_a_tick_ends_it() {
    let night = Night::start().await;
    night.incident(true);
    night.look().await;
    let first = night.live().await;
    assert_eq!(night.server.tick("sarah", &first, &[]).await, "accepted");
    night.server.carried_out(first.head.id).await;
    night.look().await;
    assert_eq!(night.live().await.head.id, first.head.id, "the one row of it");
}

#[tokio::test]
async fn argocd_is_read_whole_once_for_all_that_are_live() {
    let night = Night::start().await;
    let (world, scribe) = (night.server.platforms.world(), night.scribe(""));
    let look = async || scribe.once(&Wish::default(), |_| ()).await.unwrap();
    night.incident(true);
    look().await;
    world.faults(Site::ArgoCd).down();
    let read = beside(&night.live().await, 1);
    // What was read a moment ago is not asked for again.
    world.incident("INC-3002", true, Some(SERVICE)).unwrap();
    look().await;
    assert_eq!(beside(&night.row("CONF-9001@INC-3002").await, 1), read);
    night.server.advance(31);
    world.incident("INC-3003", true, Some(SERVICE)).unwrap();
    look().await;
    let third = beside(&night.row("CONF-9001@INC-3003").await, 1);
    assert!(third[0].contains("unknown"), "{third:?}");
}

#[tokio::test]
async fn a_live_row_that_nobody_signs_goes_and_a_page_that_goes_takes_it_along() {
    let night = Night::start().await;
    night.incident(true);
    night.look().await;
    night.incident(false);
    night.look().await;
    assert_eq!(night.live().await.head.state, State::Pending);
    night.server.advance(121 * 60);
    night.look().await;
    let row = night.live().await;
    assert_eq!(row.head.state, State::Withdrawn, "{:?}", row.why);

    let night = Night::start().await;
    night.incident(true);
    night.look().await;
    night.server.platforms.world().trash_page(PAGE).unwrap();
    let told = night.look().await;
    let row = night.live().await;
    assert_eq!(row.head.state, State::Withdrawn, "{told:?}");
}

#[tokio::test]
async fn a_page_that_is_edited_while_it_is_ticked_is_drawn_again_even_after_the_incident() {
    let night = Night::start().await;
    let world = night.server.platforms.world();
    night.incident(true);
    night.look().await;
    let row = night.live().await;
    night.incident(false);
    let body = STEPS.replace("<ol>", "<ol><li><p>Say in #incidents that you take it.</p></li>");
    world.edit_page(PAGE, "acc-jordan", &PageEdit::Body(body)).unwrap();
    assert_eq!(night.server.tick("sarah", &row, &[("1", "followed")]).await, "base_moved");
    let told = night.look().await;
    let row = night.live().await;
    assert_eq!((row.head.revision, row.head.state), (2, State::Pending), "{told:?}");
    assert_eq!(steps(&row).steps.len(), 5);
    assert_eq!(night.server.tick("sarah", &row, &[("2", "followed")]).await, "accepted");
}

#[tokio::test]
async fn it_is_off_where_it_is_turned_off_and_no_runbook_is_none() {
    let night = Night::start().await;
    night.incident(true);
    night.server.platforms.world().incident("INC-3002", true, Some("notifications")).unwrap();
    night.scribe("live = false\n").once(&Wish::default(), |_| ()).await.unwrap();
    assert!(night.rows().await.is_empty());
    let mut all = Vec::new();
    let wish = Wish { only: Some("INC-3002".to_owned()), dry_run: false };
    night.scribe("").once(&wish, |told| all.push(told)).await.unwrap();
    assert_eq!(rested(&all, "INC-3002"), "no runbook is for its service");
}

#[tokio::test]
async fn an_incident_that_pagerduty_tells_of_wakes_the_scribe_at_once() {
    let night = Night::start().await;
    let world = night.server.platforms.world();
    world.hook_pagerduty(&format!("{}/v1/hooks/pagerduty", night.server.url), HOOK);
    let scribe = night.scribe("poll_s = 86400\n");
    let (tell, mut told) = mpsc::channel(256);
    let running = tokio::spawn(async move {
        scribe.run(&Wish::default(), |one| drop(tell.try_send(one)), std::future::pending()).await.unwrap();
    });
    // The seeds' incidents have no runbook here: each is told once, at the first look.
    for _ in 0..3 {
        told.recv().await.unwrap();
    }
    night.incident(true);
    loop {
        if let Told::Answered { subject, .. } = told.recv().await.unwrap() {
            assert_eq!(subject, "CONF-9001@INC-3001");
            break;
        }
    }
    running.abort();
    assert_eq!(night.live().await.head.state, State::Pending);
}
