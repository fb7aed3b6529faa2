//! Makes a home with many cached rows and one 5,000-line difference, for measuring the console from outside:
//! `cargo bench --bench home -- DIR [ROWS]`, then `DOCK_HOME=DIR dock`. Its server answers nothing.
//!
//! Prints how long the cache took to fill. Never asserts a time.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to say")]

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use dock::{
    client::{cache::Cache, home::Home},
    row::{
        Base, Digest, Draft, Effect, Grade, Kind, Pointer, Risk, RowId, Signal, State, Verdict, Weight,
        difference::{self, FileDifference},
        digest,
        sync::{SyncBase, SyncEffect},
    },
    wire::{BaseHead, Position, RowHead, RowView, SignalView, Snapshot},
};
use jiff::{SignedDuration, Timestamp};

const ROWS: u64 = 10_000;
/// Of these, so many wait; the others are history.
const OPEN: u64 = 2_000;
const LINES: usize = 5_000;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let dir = words.next().map_or_else(|| std::env::temp_dir().join("dock-bench-home"), PathBuf::from);
    let rows = words.next().and_then(|word| word.parse().ok()).unwrap_or(ROWS);
    let home = Home::at(&dir);
    home.config_folder().expect("a config folder");
    home.cache_folder().expect("a cache folder");
    home.state_folder().expect("a state folder");
    let settings = "server = \"http://127.0.0.1:9\"\nperson = \"sarah\"\n";
    std::fs::write(home.settings_file(), settings).expect("settings");
    let now = dock::clock::Clock::system().now();
    let views: Vec<_> = (0..rows).map(|number| view(number, now)).collect();
    let snapshot = Snapshot {
        position: Position { epoch: 1, size: rows },
        as_of: now,
        rows: views,
        holds: Vec::new(),
        checkpoint: String::new(),
        log_key: String::new(),
        org: "demo.invalid".to_owned(),
        halted: None,
        halted_agents: BTreeMap::default(),
        untold: Vec::new(),
    };
    let (mut cache, _) = Cache::open(&home.cache_file()).expect("a cache");
    let start = Instant::now();
    cache.replace(&snapshot, 256 * 1024 * 1024, now).expect("filled");
    #[expect(clippy::print_stdout, reason = "a bench says what it measured")]
    {
        println!("{rows} rows into {} in {:.0} ms", dir.display(), start.elapsed().as_secs_f64() * 1e3);
    }
}

fn view(number: u64, now: Timestamp) -> RowView {
    let id = RowId { kind: Kind::Sync, number: number + 1 };
    let open = number < OPEN;
    // Whole minutes: what is told in minutes changes once a minute, not with each row.
    let age = SignedDuration::from_mins(i64::try_from(number).unwrap_or(0) % 230);
    let at = now.saturating_sub(age).unwrap_or(now);
    let draft = draft(number, at);
    let digests = draft.digests(id, 1);
    let head = RowHead {
        id,
        kind: id.kind,
        subject: draft.subject.clone(),
        environment: draft.environment.clone(),
        title: draft.title.clone(),
        state: if open { State::Pending } else { State::Healthy },
        how: None,
        verdict: draft.verdict,
        risk: draft.risk,
        revision: 1,
        word: digest::word(&digests.content).to_string(),
        content_sha256: digests.content,
        base: BaseHead { revision: draft.base.revision(), sha256: digests.base },
        agent: "argus".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        reviewers: draft.reviewers.clone(),
        keys_needed: 1,
        keys_given: u32::from(!open),
        second_key_by: None,
        void: Vec::new(),
        incident: draft.incident.clone(),
        created_at: at,
        changed_at: at,
        expires_at: at.saturating_add(SignedDuration::from_hours(4)).unwrap_or(at),
        as_of: now,
        stale: false,
        unsent: false,
    };
    RowView {
        head,
        rationale: draft.rationale.clone(),
        prose_by: draft.prose_by.clone(),
        claim: false,
        signals: draft
            .signals
            .iter()
            .map(|signal| SignalView { fresh: true, signal: signal.clone().into(), again: None })
            .collect(),
        pointers: draft.pointers.clone(),
        diff: draft.diff.clone(),
        proposal: None,
        amended_by: Vec::new(),
        revised_by: None,
        effect: draft.effect.clone(),
        effect_sha256: digests.effect,
        evidence_sha256: digests.evidence,
        presented_sha256: digests.presented,
        base_read: draft.base.clone(),
        read_at: at,
        parent: None,
        touch_needed: false,
        note_needed: false,
        asks: vec![],
        decisions: Vec::new(),
        execution: None,
        outcome: None,
        why: None,
        drift_sha256: None,
        declined_before: Vec::new(),
        facts: BTreeMap::new(),
        policy: None,
    }
}

fn draft(number: u64, at: Timestamp) -> Draft {
    let app = format!("service-{:04}", number % 1_700);
    let revision = Digest::of(number.to_string()).to_string()[..40].to_owned();
    let pointer = Pointer {
        name: "argocd_application".to_owned(),
        platform: "argocd".to_owned(),
        reference: format!("argocd/app/{app}"),
        url: format!("https://argocd.demo.invalid/applications/{app}"),
    };
    let signal = Signal {
        name: "error rate".to_owned(),
        value: "0.4 %".to_owned(),
        verdict: Grade::Good,
        weight: Weight::Note,
        pointer: pointer.clone(),
        rule: "read/1".to_owned(),
        fetched_at: at,
        budget_s: 300,
        series: None,
    };
    let lines = if number == 0 { LINES } else { 40 };
    Draft {
        kind: Kind::Sync,
        subject: app.clone(),
        environment: if number.is_multiple_of(3) { "staging" } else { "production" }.to_owned(),
        title: format!("image tag behind main by {} commits", number % 9 + 1),
        verdict: if number.is_multiple_of(4) { Verdict::Hold } else { Verdict::Sync },
        rationale: "Roll forward to ship what was merged. Low blast radius, no schema change.".to_owned(),
        prose_by: "rules".to_owned(),
        signals: vec![signal],
        pointers: vec![pointer],
        incident: None,
        parent: None,
        reviewers: vec!["sarah".parse().expect("a name")],
        risk: Risk::Reversible,
        base: Base::Sync(SyncBase {
            application: app.clone(),
            project: "default".to_owned(),
            revisions: vec![revision.clone()],
            sources: Vec::new(),
            resources: Vec::new(),
            hooks: Vec::new(),
        }),
        proposal: None,
        amended_by: Vec::new(),
        effect: Effect::Argocd(SyncEffect {
            application: app,
            project: "default".to_owned(),
            revisions: vec![revision],
            prune: false,
            resources: "all".to_owned(),
            hooks: Vec::new(),
        }),
        diff: diff(lines),
        facts: BTreeMap::new(),
        read_at: at,
    }
}

/// Every second line differs.
fn diff(lines: usize) -> String {
    let line = |at: usize, word: &str| match at % 2 {
        0 => format!("key_{at}: same\n"),
        _ => format!("key_{at}: {word} {at}\n"),
    };
    let side = |word: &str| (0..lines).map(|at| line(at, word)).collect::<String>();
    let file = FileDifference::of("ConfigMap/settings", side("before"), side("after"));
    difference::write(&[file], "live", "git")
}
