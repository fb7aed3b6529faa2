//! Drafts as a table: facts in, verdict, title, rationale and the rules that fired out.

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    agent::argus::facts::{
        Asked, CheckVerdict, Checks, Commits, Freeze, Past, Pull, Release, Sample, Windows,
    },
    row::{
        Risk,
        release::ChartBump,
        sync::{Hand, Reading, Resource, ResourceKey},
    },
};

const AT: &str = "2026-05-30T02:09:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn known<T>(value: T) -> Asked<T> {
    Asked::Known { value, at: at(AT) }
}

fn resource(kind: &str, name: &str, live: Option<Json>, predicted: Option<Json>) -> Resource {
    let group = if kind == "Deployment" { "apps" } else { "" };
    let key = ResourceKey {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: "prod".to_owned(),
        name: name.to_owned(),
    };
    Resource { key, live, predicted, hand: None, uid: None, resource_version: None }
}

fn image(tag: &str) -> Json {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "api", "image": format!("r/payments-api:{tag}")}]}}}})
}

/// An application that is healthy and whose platforms all answer that nothing is the matter.
fn facts(app: &str, resources: Vec<Resource>) -> Facts {
    Facts {
        reading: Reading {
            app: app.to_owned(),
            project: "default".to_owned(),
            environment: Some("production".to_owned()),
            sync_status: "OutOfSync".to_owned(),
            health: "Healthy".to_owned(),
            revisions: vec!["9f1c".repeat(10)],
            synced_revisions: vec!["1111".repeat(10)],
            sources: vec![
                json!({"repoURL": "https://github.com/acme/deploy", "path": app, "targetRevision": "main"}),
            ],
            auto_sync: false,
            operation_running: false,
            reconciled_at: Some(at(AT)),
            history_id: Some(3),
            operation_finished_at: None,
            resources,
            hooks: vec![],
        },
        read_at: at(AT),
        app_url: format!("https://argocd.example/applications/{app}"),
        windows: known(Windows { can_sync: true, active: vec![] }),
        commits: Asked::Never,
        checks: Asked::Never,
        releases: vec![],
        incidents: known(vec![]),
        on_call: known(vec!["govind".parse().unwrap()]),
        gauges: vec![],
        past: known(vec![]),
        asks: None,
        freeze: None,
    }
}

/// The seeds' payments-api: three commits ahead, CI green.
fn payments() -> Facts {
    let mut facts = facts(
        "payments-api",
        vec![resource("Deployment", "payments-api", Some(image("1.8.2")), Some(image("1.8.3")))],
    );
    facts.commits = known(Commits {
        branch: "main".to_owned(),
        target: "9f1c".repeat(10),
        target_url: "https://github.com/acme/deploy/commit/9f1c".to_owned(),
        compare_url: "https://github.com/acme/deploy/compare/a...b".to_owned(),
        ahead_by: 3,
        behind_by: 0,
        subjects: vec!["a".to_owned(), "b".to_owned(), "payments-api 1.8.3".to_owned()],
        pulls: vec![pull(4409, "chore: tidy"), pull(4412, "Idempotency fix")],
        paths: Some(vec!["payments-api/deployment.yaml".to_owned()]),
    });
    facts.checks = known(Checks {
        verdict: CheckVerdict::Green,
        summary: "4 of 4 green".to_owned(),
        url: String::new(),
    });
    facts
}

fn pull(number: u64, title: &str) -> Pull {
    Pull { number, title: title.to_owned(), url: format!("https://github.com/acme/deploy/pull/{number}") }
}

/// The seeds' checkout-web: a flag toggled by hand during an incident.
fn checkout() -> Facts {
    let mut flags = resource(
        "ConfigMap",
        "checkout-flags",
        Some(json!({"data": {"express_pay": "off"}})),
        Some(json!({"data": {"express_pay": "on"}})),
    );
    flags.hand = Some(Hand { manager: "kubectl-edit".to_owned(), at: Some(at("2026-05-30T01:52:10Z")) });
    let mut facts = facts("checkout-web", vec![flags]);
    facts.incidents = known(vec![incident("INC-771", "2026-05-30T01:40:00Z", None)]);
    facts.on_call = known(vec!["sarah".parse().unwrap()]);
    facts
}

fn incident(name: &str, opened: &str, closed: Option<&str>) -> Incident {
    Incident {
        name: name.to_owned(),
        title: "checkout errors".to_owned(),
        url: "https://acme.pagerduty.com/incidents/P1".to_owned(),
        priority: None,
        opened_at: at(opened),
        closed_at: closed.map(at),
        text: "checkout errors".to_owned(),
    }
}

/// The seeds' ledger-worker: a chart's patch release, in staging.
fn ledger() -> Facts {
    let chart = |version: &str| json!({"metadata": {"labels": {"helm.sh/chart": format!("ledger-worker-{version}")}}});
    let mut facts = facts(
        "ledger-worker",
        vec![resource("Deployment", "ledger-worker", Some(chart("2.4.1")), Some(chart("2.4.2")))],
    );
    facts.reading.environment = Some("staging".to_owned());
    let source = json!({"repoURL": "https://acme.github.io/charts", "chart": "ledger-worker", "targetRevision": "2.4.2"});
    facts.reading.sources = vec![source];
    facts.reading.synced_revisions = vec!["2.4.1".to_owned()];
    facts.reading.revisions = vec!["2.4.2".to_owned()];
    facts.releases = vec![Release {
        chart: ChartBump {
            chart: "ledger-worker".to_owned(),
            repository: "https://acme.github.io/charts".to_owned(),
            from: "2.4.1".to_owned(),
            to: "2.4.2".to_owned(),
        },
        notes: known("- Bump hyper from 1.4.0 to 1.4.1\n- Bump tokio from 1.40.0 to 1.40.1".to_owned()),
        url: "https://github.com/acme/charts/releases/tag/ledger-worker-2.4.2".to_owned(),
    }];
    facts
}

/// The rules that fired, evidence aside.
fn fired(draft: &Draft) -> Vec<&str> {
    let names = draft.signals.iter().map(|signal| signal.rule.split('/').next().unwrap_or_default());
    names.filter(|name| *name != "read").collect()
}

#[track_caller]
fn check(facts: &Facts, verdict: Verdict, rules: &[&str], title: &str, rationale: &str) -> Draft {
    let draft = draft(facts, &Limits::default());
    assert_eq!((draft.verdict, fired(&draft).as_slice()), (verdict, rules), "{}", draft.rationale);
    assert_eq!((draft.title.as_str(), draft.rationale.as_str()), (title, rationale));
    assert_eq!(draft.check(), Ok(()));
    assert!(draft.signals.iter().all(|signal| !signal.pointer.reference.is_empty()));
    draft
}

#[test]
fn an_image_that_is_behind_rolls_forward() {
    let draft = check(
        &payments(),
        Verdict::Sync,
        &["roll-forward"],
        "image tag behind main by 3 commits",
        "Roll forward to ship the idempotency fix merged in #4412. Low blast radius, no schema change.",
    );
    let references: Vec<_> = draft.pointers.iter().map(|p| (p.name.as_str(), p.reference.as_str())).collect();
    assert_eq!(references[0], ("argocd_application", "argocd/app/payments-api"));
    assert!(references.contains(&("github_pull_request", "4412")));
    assert!(references.iter().any(|(name, _)| *name == "github_commit"));
    assert_eq!((draft.risk, draft.incident), (Risk::Reversible, None));
}

#[test]
fn a_manual_change_in_an_incident_is_held() {
    let draft = check(
        &checkout(),
        Verdict::Hold,
        &["manual-during-incident"],
        "configmap drift on feature flag",
        "Hold. Drift is from a manual toggle during incident #INC-771. Reconciling would revert the mitigation.",
    );
    assert_eq!(draft.incident.as_deref(), Some("INC-771"));
    assert_eq!(draft.reviewers, vec!["sarah".parse().unwrap()]);
}

#[test]
fn a_patch_release_of_dependencies_syncs() {
    let draft = check(
        &ledger(),
        Verdict::Sync,
        &["patch-release"],
        "helm chart bump 2.4.1 to 2.4.2",
        "Patch release, changelog is dependency bumps only. Auto-syncing in staging first.",
    );
    let facts: Vec<_> = draft.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(facts, [("bump", "patch"), ("changelog", "dependencies")]);
}

type Change = fn(&mut Facts);

/// A change, the rules that fire then beside or instead of `roll-forward`, and what the rationale says.
const CONCERNS: &[(Change, &[&str], &str)] = &[
    (
        |f| f.reading.health = "Degraded".to_owned(),
        &["degraded-now", "roll-forward"],
        "payments-api is Degraded now.",
    ),
    (|f| checks(f, CheckVerdict::Red, "test failed"), &["ci-not-green"], "CI is not green: test failed."),
    (|f| checks(f, CheckVerdict::Running, "2 run"), &["ci-not-green"], "CI is not green: 2 run."),
    (
        |f| f.windows = known(Windows { can_sync: false, active: vec!["deny 0 2 * * *".to_owned()] }),
        &["window-closed", "roll-forward"],
        "No sync window is open (deny 0 2 * * *).",
    ),
    (
        |f| f.freeze = Some(Freeze { until: at("2026-06-01T00:00:00Z"), why: "month end.".to_owned() }),
        &["freeze", "roll-forward"],
        "Frozen until 2026-06-01T00:00:00Z: month end.",
    ),
    (|f| f.gauges = vec![burn("3.2")], &["slo-burning", "roll-forward"], "SLO burn is 3.2x."),
    (
        |f| f.gauges = vec![Gauge { value: unread("no data"), ..burn("") }],
        &["unknown-fact", "roll-forward"],
        "Unknown: SLO burn (no data).",
    ),
    (|f| f.commits = unread("GitHub is away"), &["unknown-fact"], "Unknown: commits (GitHub is away)."),
    (
        |f| f.incidents = unread("PagerDuty does not accept our token (401)"),
        &["unknown-fact", "roll-forward"],
        "Unknown: incidents (PagerDuty does not accept our token (401)).",
    ),
    (
        |f| f.reading.environment = None,
        &["unknown-fact", "roll-forward"],
        "Unknown: environment (the application has no label `env`).",
    ),
    (
        |f| commits(f, |c| c.paths = None),
        &["unknown-fact", "roll-forward"],
        "Unknown: changed paths (GitHub cut the list off).",
    ),
    (
        |f| commits(f, |c| c.paths = Some(vec!["db/migrate/7.rb".to_owned()])),
        &["schema-migration", "roll-forward"],
        "A migration comes with it: db/migrate/7.rb.",
    ),
    (
        |f| commits(f, |c| c.behind_by = 1),
        &["step-back"],
        "Live has 1 commit that main has not; a sync takes them back.",
    ),
];

fn checks(facts: &mut Facts, verdict: CheckVerdict, summary: &str) {
    facts.checks = known(Checks { verdict, summary: summary.to_owned(), url: String::new() });
}

fn commits(facts: &mut Facts, change: fn(&mut Commits)) {
    if let Asked::Known { value, .. } = &mut facts.commits {
        change(value);
    }
}

fn unread<T>(why: &str) -> Asked<T> {
    Asked::Unknown { why: why.to_owned(), at: at(AT) }
}

#[test]
fn one_concern_turns_a_sync_into_a_hold() {
    for (change, rules, says) in CONCERNS {
        let mut facts = payments();
        change(&mut facts);
        let draft = draft(&facts, &Limits::default());
        assert_eq!((draft.verdict, fired(&draft).as_slice()), (Verdict::Hold, *rules), "{says}");
        assert!(
            draft.rationale.starts_with("Hold. ") && draft.rationale.contains(says),
            "{}",
            draft.rationale
        );
    }
}

fn burn(value: &str) -> Gauge {
    Gauge {
        name: "SLO burn".to_owned(),
        pointer: finding::pointer("prometheus_query", "prometheus", "service:slo_burn:ratio_rate1h", ""),
        hold_at: Some("1".to_owned()),
        value: known(Sample { value: value.to_owned(), unit: "x".to_owned(), series: None }),
    }
}

#[test]
fn what_is_dangerous_is_held_and_classed() {
    let object = || Some(json!({"a": 1}));
    let table = [
        ("PersistentVolumeClaim", object(), None, "prune-stateful", Risk::Irreversible),
        ("Namespace", object(), None, "prune-stateful", Risk::Irreversible),
        ("ClusterRole", object(), Some(json!({"a": 2})), "rbac-widened", Risk::Costly),
        ("Secret", object(), Some(json!({"a": 2})), "secret-changed", Risk::Costly),
        ("Job", None, object(), "schema-migration", Risk::Costly),
    ];
    for (kind, live, predicted, rule, risk) in table {
        let draft = draft(&facts("x", vec![resource(kind, "thing", live, predicted)]), &Limits::default());
        assert_eq!((draft.verdict, fired(&draft), draft.risk), (Verdict::Hold, vec![rule], risk), "{kind}");
    }
}

#[test]
fn where_nothing_fires_the_agent_holds() {
    let config =
        resource("ConfigMap", "limits", Some(json!({"data": {"a": "1"}})), Some(json!({"data": {"a": "2"}})));
    check(
        &facts("x", vec![config]),
        Verdict::Hold,
        &[],
        "config value differs in ConfigMap/limits",
        "Hold. No rule speaks for a sync of ConfigMap/limits.",
    );
    let mut unasked = payments();
    unasked.commits = Asked::Never;
    unasked.checks = Asked::Never;
    assert_eq!(draft(&unasked, &Limits::default()).verdict, Verdict::Hold, "GitHub is not configured");
}

#[test]
fn an_incident_counts_where_it_covers_or_names_the_change() {
    let rule =
        |facts: &Facts| fired(&draft(facts, &Limits::default())).first().map(|name| (*name).to_owned());
    let mut facts = checkout();
    facts.incidents = known(vec![incident("INC-1", "2026-05-30T02:00:00Z", None)]);
    assert_eq!(rule(&facts).as_deref(), Some("manual-change"), "opened after the change");
    facts.incidents = known(vec![incident("INC-1", "2026-05-29T00:00:00Z", Some("2026-05-29T01:00:00Z"))]);
    assert_eq!(rule(&facts).as_deref(), Some("manual-change"), "closed before the change");
    let mut naming = incident("INC-1", "2026-05-30T02:00:00Z", None);
    naming.text = "toggled checkout-flags as a mitigation".to_owned();
    facts.incidents = known(vec![naming]);
    assert_eq!(rule(&facts).as_deref(), Some("manual-during-incident"), "its text names the object");
}

#[test]
fn a_patch_release_needs_notes_that_speak_of_dependencies_only() {
    for (notes, bump_to, rules) in [
        (known("- Fix refunds".to_owned()), "2.4.2", vec![]),
        (known(String::new()), "2.4.2", vec![]),
        (known("- Bump a from 1.0 to 1.1".to_owned()), "2.5.0", vec![]),
        (Asked::Unknown { why: "no release".to_owned(), at: at(AT) }, "2.4.2", vec!["unknown-fact"]),
    ] {
        let mut facts = ledger();
        facts.releases[0].notes = notes;
        facts.reading.revisions = vec![bump_to.to_owned()];
        let draft = draft(&facts, &Limits::default());
        assert_eq!((draft.verdict, fired(&draft)), (Verdict::Hold, rules), "{bump_to}");
    }
}

#[test]
fn what_people_said_before_is_said_again() {
    let mut facts = checkout();
    facts.past = known(vec![Past {
        row: "sync-8801".to_owned(),
        decision: "decline".to_owned(),
        by: "sarah".to_owned(),
        at: at("2026-05-28T02:00:00Z"),
        note: "the toggle\nstays".to_owned(),
        same: true,
    }]);
    let draft = draft(&facts, &Limits::default());
    assert!(
        draft
            .rationale
            .ends_with("The same drift was declined by sarah at 2026-05-28T02:00:00Z: the toggle stays")
    );
    facts.reading.auto_sync = true;
    assert!(super::draft(&facts, &Limits::default()).rationale.contains("syncs by itself"));
}

#[test]
fn hostile_text_stays_text() {
    let mut facts = payments();
    if let Asked::Known { value, .. } = &mut facts.commits {
        value.pulls = vec![pull(1, &"\u{1b}[2J\n\u{202e}fix ".repeat(4096))];
    }
    let draft = draft(&facts, &Limits::default());
    assert_eq!(draft.check(), Ok(()));
    assert!(!draft.rationale.contains(['\n', '\u{1b}']));
}
