//! Drafts as a table: facts in, verdict, title, rationale and the rules that fired out. The oracle is the table of rules.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    agent::gatekeeper::facts::{
        Alert, Application, Budget, Ci, Freeze, Gauge, Job, Latency, Monitor, Past, Policy, Question, Sample,
        Service, Stand, Windows,
    },
    row::gate::{Action, Canary, Changes, Commit, File, Plan, Run, Told},
};

fn now() -> Timestamp {
    "2026-05-30T14:10:00Z".parse().unwrap()
}

fn known<T>(value: T) -> Asked<T> {
    Asked::Known { value, at: now() }
}

fn unread<T>(why: &str) -> Asked<T> {
    Asked::Unknown { why: why.to_owned(), at: now() }
}

fn place(name: &str) -> Pointer {
    finding::pointer(name, "datadog", "slo-1", "https://app.datadoghq.com/slo?slo_id=slo-1")
}

fn job(name: &str, word: &str) -> Job {
    Job { name: name.to_owned(), word: word.to_owned() }
}

fn burn(windows: Windows, long: f64, short: f64) -> Burn {
    Burn { windows, pointer: place("datadog_slo"), rates: known(Rates { long, short, series: None }) }
}

fn file(path: &str, patch: Option<&str>) -> File {
    File {
        path: path.to_owned(),
        was: None,
        status: "modified".to_owned(),
        added: 1,
        removed: 0,
        patch: patch.map(str::to_owned),
    }
}

fn planned(kind: &str, action: Action) -> Told<Plan> {
    let reading = crate::row::gate::example::reading();
    let Told::Known(mut plan) = reading.plan else { return Told::None };
    plan.changes[0].kind = kind.to_owned();
    plan.changes[0].address = format!("{kind}.x");
    plan.changes[0].action = action;
    Told::Known(plan)
}

/// The seeds' search-indexer: everything was asked, and nothing is the matter.
fn calm() -> Facts {
    let mut reading = crate::row::gate::example::reading();
    reading.service = "search-indexer".to_owned();
    reading.run = Run { id: 9824, ..reading.run };
    reading.plan = Told::None;
    reading.changes = Told::Known(Changes {
        since: "4f1c9e2a0b1c2d3e4f5061728394a5b6c7d8e9f0".to_owned(),
        commits: vec![Commit {
            sha: "9b21c04".to_owned(),
            author: "jordan".to_owned(),
            subject: "Rank".to_owned(),
        }],
        files: vec![file("src/rank.rs", Some("@@ -1 +1 @@\n-a\n+b\n"))],
        complete: true,
    });
    let argocd = Application {
        name: "search-indexer".to_owned(),
        sync: "Synced".to_owned(),
        health: "Healthy".to_owned(),
        url: String::new(),
    };
    Facts {
        reading,
        read_at: now(),
        ci: known(Ci {
            jobs: vec![job("test", "success"), job("deploy", "waiting")],
            checks: vec![job("lint", "success")],
        }),
        pulls: known(vec![]),
        policies: Asked::Never,
        service: Service {
            burns: vec![
                burn(Windows::Fast, 0.2, 0.1),
                burn(Windows::Middle, 0.2, 0.2),
                burn(Windows::Slow, 0.3, 0.2),
            ],
            budget: Some(Question {
                pointer: place("datadog_slo"),
                answer: known(Budget { spent_percent: 31.0, span: "30 d".to_owned(), series: None }),
            }),
            p95: Some(Question { pointer: place("datadog_slo"), answer: known(p95(142.0, Some(3.0))) }),
            gauges: vec![],
            argocd: Some(Question { pointer: place("argocd_application"), answer: known(argocd) }),
            incidents: known(vec![]),
            alerts: known(vec![]),
            monitors: known(vec![Monitor {
                id: 7,
                name: "errors of search-indexer".to_owned(),
                word: "OK".to_owned(),
                quiet: false,
            }]),
            on_call: known(vec!["jordan".parse().unwrap()]),
        },
        past: known(vec![]),
        asks: None,
        freeze: None,
        parent: None,
    }
}

/// What is usual of p95 in these facts.
const USUAL_MS: f64 = 140.0;

fn p95(now_ms: f64, moved_percent: Option<f64>) -> Latency {
    let usual = moved_percent.map(|moved_percent| Usual { ms: USUAL_MS, moved_percent });
    Latency { now_ms, usual, days: 14, series: None }
}

fn burning(facts: &mut Facts, rate: f64) {
    facts.service.burns[0] = burn(Windows::Fast, rate, rate);
}

fn spend(facts: &mut Facts, percent: f64) {
    if let Some(budget) = &mut facts.service.budget {
        budget.answer = known(Budget { spent_percent: percent, span: "30 d".to_owned(), series: None });
    }
}

fn migrate(facts: &mut Facts) {
    change(
        facts,
        file(
            "db/migrate/20260530_order_note.sql",
            Some("@@ -0,0 +1 @@\n+ALTER TABLE orders ADD note text;\n"),
        ),
    );
}

fn change(facts: &mut Facts, file: File) {
    if let Told::Known(changes) = &mut facts.reading.changes {
        changes.files.push(file);
    }
}

fn with_canary(facts: &mut Facts) {
    facts.reading.canary = Some(Canary::Dispatch { event_type: "dock-canary".to_owned() });
}

fn ci(facts: &mut Facts, extra: Job) {
    if let Asked::Known { value, .. } = &mut facts.ci {
        value.jobs.push(extra);
    }
}

fn monitor(facts: &mut Facts, word: &str) {
    let (name, word) = ("p95 of search-indexer".to_owned(), word.to_owned());
    facts.service.monitors = known(vec![Monitor { id: 8, name, word, quiet: false }]);
}

fn policy(facts: &mut Facts, stand: Stand) {
    let (name, word) = ("Sentinel polchk-1".to_owned(), "as Terraform says".to_owned());
    facts.policies = known(vec![Policy { name, stand, word }]);
}

/// A plan that changes a queue, whose run stands so.
fn planned_as(facts: &mut Facts, status: &str) {
    facts.reading.plan = planned("aws_sqs_queue", Action::Update);
    if let Told::Known(plan) = &mut facts.reading.plan {
        (plan.status, plan.confirmable) = (status.to_owned(), false);
    }
}

fn application(facts: &mut Facts, sync: &str, health: &str) {
    if let Some(Question { answer: Asked::Known { value, .. }, .. }) = &mut facts.service.argocd {
        (value.sync, value.health) = (sync.to_owned(), health.to_owned());
    }
}

fn incident(priority: Option<&str>) -> Incident {
    Incident {
        name: "INC-771".to_owned(),
        title: "Checkout fails".to_owned(),
        url: "https://acme.pagerduty.com/incidents/Q1".to_owned(),
        priority: priority.map(str::to_owned),
        opened_at: now(),
        closed_at: None,
        text: String::new(),
    }
}

/// The rules that fired and weigh something, without their versions.
fn fired(draft: &Draft) -> Vec<String> {
    let weighs = draft.signals.iter().filter(|signal| signal.weight > Weight::Go);
    let mut fired: Vec<String> =
        weighs.map(|signal| signal.rule.split('/').next().unwrap_or_default().to_owned()).collect();
    fired.sort();
    fired.dedup();
    fired
}

type Edit = fn(&mut Facts);

#[test]
#[expect(clippy::too_many_lines, reason = "one table of facts and verdicts")]
fn every_rule_alone_and_the_pairs_that_escalate() {
    let table: Vec<(&str, Edit, Verdict, &[&str])> = vec![
        ("nothing is the matter", |_| {}, Verdict::Ship, &[]),
        ("a job failed", |f| ci(f, job("deploy check", "failure")), Verdict::Block, &["ci-failed"]),
        ("a check was cancelled", |f| ci(f, job("scan", "cancelled")), Verdict::Block, &["ci-failed"]),
        (
            "a required job was skipped",
            |f| ci(f, job("Unit Tests", "skipped")),
            Verdict::Block,
            &["required-job-skipped"],
        ),
        ("a job that nobody requires was skipped", |f| ci(f, job("notify", "skipped")), Verdict::Ship, &[]),
        ("a job still runs", |f| ci(f, job("scan", "in_progress")), Verdict::Hold, &["ci-unfinished"]),
        ("a job says a new word", |f| ci(f, job("scan", "mystified")), Verdict::Hold, &["ci-unfinished"]),
        ("burn 14.4 over 1 h and 5 min", |f| burning(f, 14.4), Verdict::Block, &["burn-fast"]),
        (
            "burn 14.4 over 1 h, calm for 5 min",
            |f| f.service.burns[0] = burn(Windows::Fast, 14.4, 0.9),
            Verdict::Ship,
            &[],
        ),
        (
            "burn 14.4 over 6 h and 30 min",
            |f| f.service.burns[1] = burn(Windows::Middle, 15.0, 15.0),
            Verdict::Hold,
            &["slo-burning"],
        ),
        ("burn 1", |f| burning(f, 1.0), Verdict::Hold, &["slo-burning"]),
        ("burn just below 1", |f| burning(f, 0.99), Verdict::Ship, &[]),
        (
            "slow burn 1",
            |f| f.service.burns[2] = burn(Windows::Slow, 1.0, 1.2),
            Verdict::Hold,
            &["slo-burning"],
        ),
        (
            "an open sev-1",
            |f| f.service.incidents = known(vec![incident(Some("SEV-1"))]),
            Verdict::Block,
            &["open-sev1"],
        ),
        (
            "an open sev-2",
            |f| f.service.incidents = known(vec![incident(Some("sev 2"))]),
            Verdict::Hold,
            &["open-sev2"],
        ),
        ("an open sev-3", |f| f.service.incidents = known(vec![incident(Some("SEV-3"))]), Verdict::Ship, &[]),
        (
            "an open incident that nobody rated",
            |f| f.service.incidents = known(vec![incident(None)]),
            Verdict::Hold,
            &["incident-unrated"],
        ),
        ("a monitor that alerts", |f| monitor(f, "Alert"), Verdict::Ship, &[]),
        ("a monitor without data", |f| monitor(f, "No Data"), Verdict::Ship, &[]),
        (
            "Datadog does not tell its monitors",
            |f| f.service.monitors = unread("HTTP 502"),
            Verdict::Hold,
            &["unknown-fact"],
        ),
        ("a policy that failed", |f| policy(f, Stand::Failed), Verdict::Block, &["policy-failed"]),
        (
            "a policy that failed softly",
            |f| policy(f, Stand::SoftFailed),
            Verdict::Hold,
            &["policy-soft-failed"],
        ),
        ("a policy that was overridden", |f| policy(f, Stand::Overridden), Verdict::Ship, &[]),
        ("a policy that is still checked", |f| policy(f, Stand::Pending), Verdict::Hold, &["unknown-fact"]),
        ("a plan that was discarded", |f| planned_as(f, "discarded"), Verdict::Hold, &["plan-not-waiting"]),
        ("a plan that errored", |f| planned_as(f, "errored"), Verdict::Hold, &["plan-not-waiting"]),
        (
            "a plan that a policy stopped",
            |f| planned_as(f, "policy_soft_failed"),
            Verdict::Hold,
            &["plan-not-waiting"],
        ),
        ("a plan that was applied", |f| planned_as(f, "applied"), Verdict::Ship, &[]),
        ("budget spent 90 %", |f| spend(f, 90.0), Verdict::Hold, &["budget-spent"]),
        ("budget spent 89.9 %", |f| spend(f, 89.9), Verdict::Ship, &[]),
        (
            "IAM role added",
            |f| {
                f.reading.plan = planned("aws_iam_role", Action::Create);
                with_canary(f);
            },
            Verdict::Hold,
            &["privilege-widened"],
        ),
        (
            "IAM role added, no canary",
            |f| f.reading.plan = planned("aws_iam_role", Action::Create),
            Verdict::Hold,
            &["no-canary", "privilege-widened"],
        ),
        (
            "IAM role destroyed",
            |f| {
                f.reading.plan = planned("aws_iam_role", Action::Destroy);
                with_canary(f);
            },
            Verdict::Hold,
            &[],
        ),
        (
            "a database replaced",
            |f| {
                f.reading.plan = planned("aws_db_instance", Action::Replace);
                with_canary(f);
            },
            Verdict::Hold,
            &["stateful-destroyed"],
        ),
        ("a queue added", |f| f.reading.plan = planned("aws_sqs_queue", Action::Create), Verdict::Ship, &[]),
        (
            "RBAC in a manifest",
            |f| {
                change(f, file("deploy/rbac.yaml", None));
                with_canary(f);
            },
            Verdict::Hold,
            &["privilege-widened"],
        ),
        (
            "IAM while burning",
            |f| {
                f.reading.plan = planned("aws_iam_role", Action::Create);
                with_canary(f);
                burning(f, 1.0);
            },
            Verdict::Block,
            &["danger-while-burning", "slo-burning"],
        ),
        (
            "a database destroyed while burning",
            |f| {
                f.reading.plan = planned("aws_db_instance", Action::Destroy);
                with_canary(f);
                burning(f, 2.0);
            },
            Verdict::Block,
            &["danger-while-burning", "slo-burning"],
        ),
        (
            "burn 3 with a schema change",
            |f| {
                migrate(f);
                with_canary(f);
                burning(f, 3.0);
            },
            Verdict::Block,
            &["burn-with-change", "schema-migration"],
        ),
        (
            "burn 2.9 with a schema change",
            |f| {
                migrate(f);
                with_canary(f);
                burning(f, 2.9);
            },
            Verdict::Hold,
            &["schema-migration", "slo-burning"],
        ),
        (
            "burn 3 with privileges taken",
            |f| {
                f.reading.plan = planned("aws_iam_role", Action::Destroy);
                with_canary(f);
                burning(f, 3.0);
            },
            Verdict::Block,
            &["burn-with-change"],
        ),
        ("burn 4 with nothing of it", |f| burning(f, 4.0), Verdict::Hold, &["slo-burning"]),
        (
            "a migration",
            |f| {
                migrate(f);
                with_canary(f);
            },
            Verdict::Hold,
            &["schema-migration"],
        ),
        ("a migration without canary", |f| migrate(f), Verdict::Hold, &["no-canary", "schema-migration"]),
        (
            "ArgoCD out of sync",
            |f| application(f, "OutOfSync", "Healthy"),
            Verdict::Hold,
            &["argocd-out-of-sync"],
        ),
        ("ArgoCD degraded", |f| application(f, "Synced", "Degraded"), Verdict::Hold, &["degraded-now"]),
        ("ArgoCD cannot tell", |f| application(f, "Unknown", "Healthy"), Verdict::Hold, &["unknown-fact"]),
        (
            "frozen",
            |f| f.freeze = Some(Freeze { until: now(), why: "year end".to_owned() }),
            Verdict::Hold,
            &["freeze"],
        ),
        (
            "p95 moved",
            |f| {
                f.service.p95.as_mut().unwrap().answer = known(p95(190.0, Some(23.0)));
            },
            Verdict::Hold,
            &[],
        ),
        (
            "too few days of p95",
            |f| {
                f.service.p95.as_mut().unwrap().answer = known(p95(190.0, None));
            },
            Verdict::Hold,
            &["unknown-fact"],
        ),
        ("nobody tells p95", |f| f.service.p95 = None, Verdict::Hold, &[]),
        ("a risky path", |f| change(f, file("terraform/main.tf", None)), Verdict::Hold, &[]),
        (
            "no CI at all",
            |f| f.ci = known(Ci { jobs: vec![job("deploy", "waiting")], checks: vec![] }),
            Verdict::Hold,
            &["unknown-fact"],
        ),
        ("the first deploy", |f| f.reading.changes = Told::None, Verdict::Hold, &["unknown-fact"]),
        (
            "the plan cannot be read",
            |f| f.reading.plan = Told::Unknown("HTTP 502".to_owned()),
            Verdict::Hold,
            &["unknown-fact"],
        ),
        (
            "incidents cannot be read",
            |f| f.service.incidents = unread("no answer"),
            Verdict::Hold,
            &["unknown-fact"],
        ),
        (
            "burn has no data",
            |f| f.service.burns[0].rates = unread("no data"),
            Verdict::Hold,
            &["unknown-fact"],
        ),
        (
            "burn is stale",
            |f| {
                f.service.burns[0].rates = Asked::Known {
                    value: Rates { long: 0.0, short: 0.0, series: None },
                    at: now() - SignedDuration::from_mins(6),
                }
            },
            Verdict::Hold,
            &["stale-fact"],
        ),
        (
            "an alert fires",
            |f| {
                f.service.alerts = known(vec![Alert {
                    name: "High".to_owned(),
                    severity: "page".to_owned(),
                    since: Some(now()),
                    quiet: false,
                    pointer: place("alertmanager_alert"),
                }]);
            },
            Verdict::Ship,
            &[],
        ),
        (
            "nobody watches",
            |f| {
                f.service.burns.clear();
                f.service.budget = None;
                f.service.alerts = Asked::Never;
            },
            Verdict::Ship,
            &[],
        ),
    ];
    for (name, edit, verdict, expected) in table {
        let mut facts = calm();
        edit(&mut facts);
        let draft = draft(&facts, &Limits::default());
        assert_eq!(
            (draft.verdict, fired(&draft)),
            (verdict, expected.iter().map(|id| (*id).to_owned()).collect()),
            "{name}"
        );
        assert_eq!(draft.check(), Ok(()), "{name}");
        // The table of rules is the oracle: the weight that its rules have, and no other, makes the verdict.
        let weight = |id: &&str| rules::TABLE.iter().find(|rule| rule.id == *id).unwrap().weight;
        let blocks = expected.iter().map(weight).max() == Some(Weight::Block);
        assert_eq!(blocks, verdict == Verdict::Block, "{name}");
        assert!(draft.rationale.starts_with(&words::capital(verdict.word())), "{name}: {}", draft.rationale);
        assert!(draft.rationale.contains(&draft.title) && !draft.title.is_empty(), "{name}");
    }
}

#[test]
fn the_seeds_rows_have_the_seeds_words() {
    let mut checkout = calm();
    spend(&mut checkout, 92.0);
    migrate(&mut checkout);
    with_canary(&mut checkout);
    let checkout = draft(&checkout, &Limits::default());
    assert_eq!(
        (checkout.verdict, checkout.title.as_str()),
        (Verdict::Hold, "error budget 92%, schema touches `orders`")
    );
    assert_eq!(
        checkout.rationale,
        "Hold: error budget 92%, schema touches `orders`. 92% of the error budget of 30 d is spent. A migration touches \
         `orders`: `db/migrate/20260530_order_note.sql`."
    );
    let search = draft(&calm(), &Limits::default());
    assert_eq!((search.verdict, search.title.as_str()), (Verdict::Ship, "green CI, p95 stable 14d"));
    assert_eq!(
        search.rationale,
        "Ship: green CI, p95 stable 14d. CI is 2 of 2 green, p95 stayed within 3% of its median for 14 days, and no path \
         among 1 changed file is risky."
    );
    let mut billing = calm();
    billing.reading.plan = planned("aws_iam_role", Action::Create);
    burning(&mut billing, 4.0);
    let billing = draft(&billing, &Limits::default());
    assert_eq!(
        (billing.verdict, billing.title.as_str()),
        (Verdict::Block, "SLO burn 4x, Terraform adds IAM role, no canary config")
    );
    assert_eq!(
        billing.rationale,
        "Block: SLO burn 4x, Terraform adds IAM role, no canary config. The error budget burns 4x over 1h and 4x over 5m, while privileges change. Privileges would change: aws_iam_role.x (create). No canary is configured, and what \
         this changes is costly to take back."
    );
}

#[test]
fn a_row_leads_back_to_every_platform() {
    let mut facts = calm();
    facts.reading.plan = planned("aws_iam_role", Action::Create);
    facts.service.incidents = known(vec![incident(Some("SEV-2"))]);
    let gauge = |name: &str, value| Gauge {
        name: name.to_owned(),
        pointer: place("datadog_query"),
        hold_at: None,
        value,
    };
    let sample = Sample { value: "0.4".to_owned(), unit: " %".to_owned(), series: None };
    facts.service.gauges = vec![gauge("error rate", known(sample)), gauge("request rate", unread("no data"))];
    let draft = draft(&facts, &Limits::default());
    let names: Vec<&str> = draft.pointers.iter().map(|pointer| pointer.name.as_str()).collect();
    for name in [
        "github_run_id",
        "github_commit",
        "argocd_application",
        "terraform_run",
        "datadog_slo",
        "pagerduty_incident",
    ] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    let run = &draft.pointers[0];
    assert_eq!(
        (run.reference.as_str(), run.url.as_str()),
        ("9824", "https://github.com/acme/billing-worker/actions/runs/9826")
    );
    assert_eq!(draft.incident.as_deref(), Some("INC-771"));
    assert!(draft.rationale.contains("INC-771 SEV-2 is open since"));
    let grade =
        |name: &str| draft.signals.iter().find(|signal| signal.name == name).map(|signal| signal.verdict);
    assert_eq!([grade("error rate"), grade("request rate")], [Some(Grade::Good), Some(Grade::Unknown)]);
}

#[test]
fn what_is_not_known_is_said_once_with_its_reason() {
    let mut facts = calm();
    for burn in &mut facts.service.burns {
        burn.rates = unread("Datadog did not answer");
    }
    facts.service.budget.as_mut().unwrap().answer = unread("Datadog did not answer");
    let draft = draft(&facts, &Limits::default());
    assert_eq!(draft.title, "unknown: SLO burn 1h, SLO burn 6h, SLO burn 3d and error budget left");
    assert_eq!(draft.rationale.matches("Datadog did not answer").count(), 1);
    assert_eq!(draft.signals.iter().filter(|signal| signal.verdict == Grade::Unknown).count(), 4);
}

#[test]
fn a_note_is_answered_and_an_earlier_no_is_remembered() {
    let mut facts = calm();
    facts.asks = Some(crate::agent::facts::Asks {
        by: "priya".to_owned(),
        note: "Which\nqueue?".to_owned(),
        same: true,
    });
    let past = |same| Past {
        row: "gate-9801".to_owned(),
        decision: "decline".to_owned(),
        by: "jordan".to_owned(),
        at: now(),
        note: "not before the weekend".to_owned(),
        same,
    };
    facts.past = known(vec![past(false), past(true)]);
    let draft = draft(&facts, &Limits::default());
    assert!(draft.rationale.contains("The same change was declined by jordan"), "{}", draft.rationale);
    assert!(
        draft
            .rationale
            .ends_with("priya asked: “Which queue?” Everything was read again; it is the same change.")
    );
}

#[test]
fn a_workspace_that_applies_by_itself_is_told() {
    let mut facts = calm();
    facts.reading.plan = planned("aws_sqs_queue", Action::Create);
    if let Told::Known(plan) = &mut facts.reading.plan {
        plan.auto_apply = true;
    }
    let draft = draft(&facts, &Limits::default());
    assert_eq!(draft.verdict, Verdict::Ship);
    assert!(draft.rationale.contains("applies by itself"));
}

#[test]
fn a_plan_that_was_overtaken_is_not_shipped() {
    let mut facts = calm();
    facts.reading.plan = planned("aws_sqs_queue", Action::Create);
    facts.reading.overtaken = Some("run-78\u{1b}[2J".to_owned());
    let draft = draft(&facts, &Limits::default());
    assert_eq!((draft.verdict, fired(&draft)), (Verdict::Hold, vec!["plan-overtaken".to_owned()]));
    assert_eq!(draft.title, "plan overtaken");
    assert!(
        draft.rationale.contains("was overtaken by run-78 [2J: it would not be applied"),
        "{}",
        draft.rationale
    );
}

#[test]
fn named_jobs_must_have_run() {
    let limits = Limits { must_run: vec!["test".to_owned(), "e2e".to_owned()], ..Limits::default() };
    let draft = draft(&calm(), &limits);
    assert_eq!((draft.verdict, fired(&draft)), (Verdict::Block, vec!["required-job-skipped".to_owned()]));
    assert_eq!(draft.title, "required job skipped: e2e");
}

/// How a fact is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    Well,
    Unknown,
    Stale,
}

fn tell<T>(fact: &mut Asked<T>, telling: Telling) {
    match telling {
        Telling::Well => {}
        Telling::Unknown => *fact = unread("no answer"),
        Telling::Stale => {
            if let Asked::Known { at, .. } = fact {
                *at = now() - SignedDuration::from_mins(6);
            }
        }
    }
}

proptest! {
    /// Never `ship` with an unknown or stale fact that a configured platform should have told.
    #[test]
    fn nothing_ships_on_a_fact_that_was_not_told(
        tellings in prop::collection::vec(prop::sample::select(vec![Telling::Well, Telling::Well, Telling::Well, Telling::Unknown, Telling::Stale]), 11),
        burn_rate in 0.0..20.0_f64, spent in 0.0..120.0_f64, moved in prop::option::of(0.0..30.0_f64),
        now_ms in 1.0..2_000.0_f64,
        plan in 0..3_u8, complete in any::<bool>(), migrates in any::<bool>(),
    ) {
        let mut facts = calm();
        burning(&mut facts, burn_rate);
        spend(&mut facts, spent);
        if migrates { migrate(&mut facts); }
        if let Told::Known(changes) = &mut facts.reading.changes { changes.complete = complete; }
        facts.reading.plan = match plan {
            0 => Told::None,
            1 => Told::Unknown("no answer".to_owned()),
            _ => planned("aws_sqs_queue", Action::Create),
        };
        let latency = p95(now_ms, moved);
        facts.service.p95.as_mut().unwrap().answer = known(latency);
        let [a, b, c, d, e, g, h, i, j, k, l] = tellings[..] else { unreachable!() };
        for (burn, telling) in facts.service.burns.iter_mut().zip([a, b, c]) { tell(&mut burn.rates, telling); }
        tell(&mut facts.service.budget.as_mut().unwrap().answer, d);
        tell(&mut facts.service.p95.as_mut().unwrap().answer, e);
        tell(&mut facts.service.argocd.as_mut().unwrap().answer, g);
        tell(&mut facts.service.incidents, h);
        tell(&mut facts.service.alerts, i);
        tell(&mut facts.service.on_call, j);
        tell(&mut facts.ci, k);
        tell(&mut facts.past, l);
        let draft = draft(&facts, &Limits::default());
        prop_assert_eq!(draft.check(), Ok(()));
        let all_told = tellings.iter().all(|telling| *telling == Telling::Well) && plan != 1 && complete && moved.is_some();
        if draft.verdict == Verdict::Ship {
            prop_assert!(all_told && burn_rate < 1.0 && spent < 90.0 && moved.is_some_and(|moved| moved <= 10.0) && now_ms < USUAL_MS * 1.5 && !migrates);
        }
        let unknown = draft.signals.iter().any(|signal| signal.verdict == Grade::Unknown);
        prop_assert_eq!(unknown, !all_told);
        // A limit that is met by more never makes a milder verdict.
        let rank = |verdict: Verdict| [Verdict::Ship, Verdict::Hold, Verdict::Block].iter().position(|v| *v == verdict);
        burning(&mut facts, burn_rate + 15.0);
        prop_assert!(rank(super::draft(&facts, &Limits::default()).verdict) >= rank(draft.verdict));
    }
}

#[test]
fn what_was_calm_for_two_weeks_and_is_slow_now_is_not_shipped() {
    let told = |now_ms: f64, limits: &Limits| {
        let mut facts = calm();
        facts.service.p95.as_mut().unwrap().answer = known(p95(now_ms, Some(2.3)));
        let draft = draft(&facts, limits);
        let p95 = draft.signals.iter().find(|signal| signal.name == "p95").unwrap();
        assert_eq!(p95.verdict == Grade::Bad, draft.verdict != Verdict::Ship, "{now_ms}");
        (draft.verdict, draft.title.clone(), p95.value.clone())
    };
    let limits = Limits::default();
    assert_eq!(
        told(1_620.0, &limits),
        (Verdict::Hold, "p95 1620 ms".to_owned(), "1620 ms, 1057% over its usual 140 ms".to_owned())
    );
    assert_eq!(told(209.0, &limits).0, Verdict::Ship, "less than half over the usual");
    assert_eq!(told(210.0, &limits).0, Verdict::Hold);
    let strict = Limits { p95_over_usual_percent: 10.0, ..Limits::default() };
    assert_eq!(told(160.0, &strict).0, Verdict::Hold, "as configured");
    let own = Limits { p95_max_ms: Some(150.0), ..Limits::default() };
    assert_eq!(told(150.0, &own).2, "150 ms, its limit is 150 ms");
    assert_eq!(told(149.0, &own).0, Verdict::Ship);
    let lenient = Limits { p95_max_ms: Some(5_000.0), ..Limits::default() };
    assert_eq!(told(1_620.0, &lenient).0, Verdict::Hold, "a limit of its own makes no sudden slowness usual");
}

#[test]
fn limits_are_as_configured() {
    let limits: Limits = toml::from_str("burn_hold = 0.1\nmigration_paths = [\"ddl/\"]").unwrap();
    let draft = draft(&calm(), &limits);
    assert_eq!((draft.verdict, draft.title.as_str()), (Verdict::Hold, "SLO burn 0.2x"));
    assert!(toml::from_str::<Limits>("burn_holds = 1").is_err());
    assert_eq!(draft.facts, BTreeMap::new());
}
