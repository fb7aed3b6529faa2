//! A night's queue, for the tests of this room: the seeds' rows, with the troubles that screens have to tell.

pub(crate) mod documents;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::effect::{Answer, Effect, KeyState, Link, LinkState, Snapshot};
use super::event::{Event, Moment, What};
use super::key::Key;
use super::keymap::Keymap;
use super::model::{Body, Model, Surroundings};
use super::telemetry::Look;
use super::terminal::FromTerminal;
use super::terminal::input::Input;
use super::theme::{Themes, Wish};
use super::update::{update, wants};
use super::widget::diff::Diff;
use crate::client::sample;
use crate::client::{Entry, Fate, List, Listed, Me, NoteDraft, outbox::Seen};
use crate::row::difference::{FileDifference, read, write};
use crate::row::gate::{
    Action, Canary, Changes, Commit, FieldChange, File, Plan, Reading, ResourceChange, Run, Told,
};
use crate::row::{
    Base, Decision, DecisionId, Draft, Effect as RowEffect, Grade, Hold, Kind, Measure, Pointer, Risk, RowId,
    Series, Signal, State, Verdict, Weight,
};
use crate::wire::{AlikeView, DecisionView, Fresh, IncidentView, Mark, Pane, RowView, Side, Telemetry};

pub(crate) fn now() -> Timestamp {
    "2026-05-30T02:14:31Z".parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

pub(crate) fn id(text: &str) -> RowId {
    text.parse().unwrap()
}

pub(crate) fn pointer(name: &str, platform: &str, reference: &str) -> Pointer {
    Pointer {
        name: name.into(),
        platform: platform.into(),
        reference: reference.into(),
        url: format!("https://{platform}.example.com/{reference}"),
    }
}

pub(crate) fn signal(
    name: &str,
    value: &str,
    verdict: Grade,
    weight: Weight,
    platform: &str,
    age_min: i64,
) -> Signal {
    Signal {
        name: name.into(),
        value: value.into(),
        verdict,
        weight,
        pointer: pointer("source", platform, name),
        rule: format!("{name}/1"),
        fetched_at: ago(age_min),
        budget_s: 300,
        series: None,
    }
}

fn series(points: &[Option<f64>], unit: &str, threshold: &str) -> Series {
    Series {
        unit: unit.into(),
        from: ago(45),
        step_s: 180,
        points: points.iter().map(|point| point.map(|point| point.to_string())).collect(),
        threshold: Some(threshold.into()),
    }
}

/// `checkout-web`, held because of an incident.
pub(crate) fn checkout() -> Draft {
    let flags = |value: &str| {
        format!(
            "apiVersion: v1\ndata:\n  currency: eur\n  express_pay: \"{value}\"\n  retries: \"3\"\nkind: ConfigMap\nmetadata:\n  labels:\n    app: checkout\n    team: shop\n  name: checkout-flags\n  namespace: shop\n"
        )
    };
    let file = FileDifference::of("ConfigMap/checkout-flags", flags("off"), flags("on"));
    let mut burn = signal(Measure::ErrorRate.name(), "0.4 %", Grade::Good, Weight::Note, "datadog", 3);
    let shape = [1.0, 1.0, 2.0, 7.0, 8.0, 6.0, 3.0, 2.0, 1.0, 1.0, 1.0];
    let mut points: Vec<Option<f64>> = shape.iter().copied().map(Some).collect();
    points.extend([None, None, Some(1.0), Some(1.0)]);
    burn.series = Some(series(&points, " %", "1"));
    Draft {
        subject: "checkout-web".into(),
        title: "configmap drift on feature flag".into(),
        rationale:
            "Drift is from a manual toggle during incident INC-771. Reconciling would revert the mitigation."
                .into(),
        signals: vec![
            burn,
            signal(
                "manual-during-incident",
                "kubectl-edit changed ConfigMap/checkout-flags at 01:41 while INC-771 was open",
                Grade::Bad,
                Weight::Hold,
                "argocd",
                2,
            ),
            signal(Measure::P95.name(), "310 ms", Grade::Good, Weight::Note, "datadog", 41),
            signal("INC-771", "open since 01:32", Grade::Bad, Weight::Hold, "pagerduty", 3),
        ],
        pointers: vec![
            pointer("argocd_application", "argocd", "argocd/app/checkout-web"),
            pointer("pagerduty_incident", "pagerduty", "INC-771"),
        ],
        diff: write(&[file], "live", "git"),
        read_at: ago(3),
        ..sample::draft()
    }
}

/// `payments-api`, to be rolled forward.
pub(crate) fn payments() -> Draft {
    let image = |tag: &str| {
        format!(
            "spec:\n  template:\n    spec:\n      containers:\n      - image: registry/payments:{tag}\n        name: api\n"
        )
    };
    let file = FileDifference::of("Deployment/payments-api", image("1.8.0"), image("1.8.3"));
    Draft {
        subject: "payments-api".into(),
        title: "image tag behind main by 3 commits".into(),
        verdict: Verdict::Sync,
        rationale:
            "Roll forward to ship the idempotency fix merged in #4412. Low blast radius, no schema change."
                .into(),
        signals: vec![signal(
            "roll-forward",
            "only images, git ahead, CI green",
            Grade::Good,
            Weight::Go,
            "github",
            1,
        )],
        pointers: vec![pointer("argocd_application", "argocd", "argocd/app/payments-api")],
        incident: None,
        reviewers: vec!["govind".parse().unwrap()],
        diff: write(&[file], "live", "git"),
        read_at: ago(1),
        ..sample::draft()
    }
}

/// One run of a service before production, with a plan, commits and code.
fn run(service: &str, id: u64, changes: Vec<ResourceChange>) -> Reading {
    let base = crate::row::gate::example::reading();
    let commit = |sha: &str, author: &str, subject: &str| Commit {
        sha: format!("{sha}e0c1a2b3d4e5f60718293a4b5c6d7e8f00000"),
        author: author.into(),
        subject: subject.into(),
    };
    let file = |path: &str, status: &str, patch: &str| File {
        path: path.into(),
        was: None,
        status: status.into(),
        added: 1,
        removed: 0,
        patch: Some(patch.into()),
    };
    let changed = Changes {
        since: "4f1c9e2a0b1c2d3e4f5061728394a5b6c7d8e9f0".into(),
        commits: vec![
            commit("9b21c04", "priya", "Export invoices nightly"),
            commit("77ad310", "govind", "Move the ledger to the larger class"),
            commit("c0ffee1", "marcus", "Retry a page of the export once"),
        ],
        files: vec![
            file("src/export.rs", "modified", "@@ -1,1 +1,2 @@\n use ledger;\n+use export;\n"),
            file(
                "migrations/0042_exports.sql",
                "added",
                "@@ -0,0 +1,1 @@\n+create table exports (id bigint);\n",
            ),
        ],
        complete: true,
    };
    let plan = Told::Known(Plan { changes, ..base.plan.known().unwrap().clone() });
    Reading {
        service: service.into(),
        run: Run { id, repository: format!("acme/{service}"), ..base.run },
        plan,
        changes: Told::Known(changed),
        canary: Some(Canary::Dispatch { event_type: "dock-canary".into() }),
        ..base
    }
}

fn resource(address: &str, action: Action, fields: &[(&str, Option<&str>, Option<&str>)]) -> ResourceChange {
    let field = |(name, before, after): &(&str, Option<&str>, Option<&str>)| FieldChange {
        name: (*name).into(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    ResourceChange {
        address: address.into(),
        kind: address.split('.').next().unwrap().into(),
        action,
        fields: fields.iter().map(field).collect(),
    }
}

fn burning(name: &str, value: &str, shape: &[f64], threshold: &str) -> Signal {
    let points: Vec<Option<f64>> = shape.iter().copied().map(Some).collect();
    let mut burn = signal(name, value, Grade::Bad, Weight::Block, "prometheus", 2);
    burn.series = Some(Series { from: ago(45), ..series(&points, "x", threshold) });
    burn
}

/// A pipeline's gate, blocked and irreversible.
pub(crate) fn gate() -> Draft {
    let reading = run(
        "billing-worker",
        9826,
        vec![
            resource(
                "aws_iam_role.billing_export",
                Action::Create,
                &[("name", None, Some("\"billing-export\""))],
            ),
            resource(
                "aws_iam_policy.export_read",
                Action::Update,
                &[("actions", Some("[\"s3:GetObject\"]"), Some("[\"s3:*\"]"))],
            ),
            resource(
                "aws_db_instance.ledger",
                Action::Replace,
                &[("instance_class", Some("\"db.m6g.large\""), Some("\"db.m6g.xlarge\""))],
            ),
            resource(
                "aws_sqs_queue.exports_old",
                Action::Destroy,
                &[("name", Some("\"exports-old\""), None)],
            ),
            resource("aws_ecs_service.worker", Action::Update, &[("desired_count", Some("4"), Some("6"))]),
        ],
    );
    let mut stale = signal(
        Measure::P95.name(),
        "142 ms, within 3% for 14 d",
        Grade::Good,
        Weight::Note,
        "prometheus",
        12,
    );
    stale.budget_s = 600;
    // Days in coarse steps, as the gatekeeper reads them: the last one began before it was read and is not over.
    let p95 = [139.0, 142.0, 140.0, 144.0, 141.0, 142.0].map(Some);
    stale.series = Some(Series {
        from: stale.fetched_at - SignedDuration::from_hours(11),
        step_s: 7_200,
        ..series(&p95, " ms", "213")
    });
    Draft {
        kind: Kind::Gate,
        subject: reading.subject(),
        title: "SLO burn 4x, IAM role widened".into(),
        verdict: Verdict::Block,
        rationale: "The burn rate is over 3 in both windows and the plan widens an IAM role.".into(),
        risk: Risk::Irreversible,
        signals: vec![
            burning(
                Measure::Burn1h.name(),
                "4.1x, 5m 4.6x",
                &[0.3, 0.3, 0.4, 0.3, 0.9, 1.8, 2.9, 3.8, 4.2, 4.4, 4.3, 4.1, 4.2, 4.1],
                "3",
            ),
            signal(
                "privileges",
                "aws_iam_role.billing_export, aws_iam_policy.export_read",
                Grade::Bad,
                Weight::Hold,
                "terraform",
                2,
            ),
            signal("state", "aws_db_instance.ledger is replaced", Grade::Bad, Weight::Hold, "terraform", 2),
            signal(Measure::BudgetLeft.name(), "no data", Grade::Unknown, Weight::Hold, "datadog", 9),
            signal("CI", "14 of 14 green", Grade::Good, Weight::Note, "github", 2),
            stale,
        ],
        pointers: vec![
            pointer("github_run_id", "github", "9826"),
            pointer("terraform_run", "terraform", "run-77"),
        ],
        incident: None,
        reviewers: vec!["sarah".parse().unwrap(), "priya".parse().unwrap()],
        base: Base::Gate(reading.base()),
        effect: RowEffect::Github(reading.effect()),
        diff: crate::row::difference::of_gate(&reading),
        read_at: ago(2),
        ..sample::draft()
    }
}

/// The same service's neighbour, half signed.
fn second_gate() -> Draft {
    let reading = run("checkout-api", 9821, vec![]);
    Draft {
        subject: reading.subject(),
        title: "schema change on orders".into(),
        verdict: Verdict::Hold,
        rationale: "The migration is additive; orders lag is flat since 01:40.".into(),
        base: Base::Gate(reading.base()),
        effect: RowEffect::Github(reading.effect()),
        diff: crate::row::difference::of_gate(&reading),
        ..gate()
    }
}

/// What the backend would read of a row's service now.
pub(crate) fn telemetry(look: Look) -> Telemetry {
    let step = look.span.step_s();
    let until = look.until.unwrap_or_else(now);
    let from = until - look.span.duration();
    let count = u32::try_from(look.span.seconds()).unwrap() / step;
    let wave = |at: u32, of: f64| (of * (1.0 + f64::from((at * 7) % 11) / 20.0) * 100.0).round() / 100.0;
    let pane = |name: &str, unit: &str, of: f64, threshold: Option<&str>| Pane {
        name: name.into(),
        unit: unit.into(),
        pointer: pointer("prometheus_query", "prometheus", name),
        fetched_at: now() - SignedDuration::from_secs(8),
        budget_s: 300,
        series: Some(Series {
            unit: unit.into(),
            from,
            step_s: step,
            points: (0..count)
                .map(|at| (!(count / 2..count / 2 + 6).contains(&at)).then(|| wave(at, of).to_string()))
                .collect(),
            threshold: threshold.map(str::to_owned),
        }),
        unknown: None,
        bad: Side::Over,
    };
    let unknown = Pane {
        series: None,
        unknown: Some("Prometheus did not answer in time".into()),
        ..pane(Measure::Burn6h.name(), "x", 1.0, None)
    };
    let left = Pane { bad: Side::Under, ..pane(Measure::BudgetLeft.name(), " %", 5.0, Some("10")) };
    let mark = |minutes: i64, what: &str, detail: &str| Mark {
        at: ago(minutes),
        what: what.into(),
        detail: detail.into(),
    };
    Telemetry {
        row: look.row,
        until,
        span: look.span,
        panes: vec![
            pane(Measure::ErrorRate.name(), " %", 0.4, Some("1")),
            pane(Measure::Burn1h.name(), "x", 3.0, Some("3")),
            unknown,
            left,
            pane(Measure::P95.name(), " ms", 180.0, None),
            pane(Measure::RequestRate.name(), " /s", 200.0, None),
        ],
        marks: vec![
            mark(122, "last sync", "4f1c9e2"),
            mark(42, "incident", "INC-771"),
            mark(33, "drift seen", "argus"),
        ],
        marks_unknown: vec![],
    }
}

pub(crate) fn view(row: &str, revision: u32, draft: Draft, created_min: i64, life_min: i64) -> RowView {
    let mut view = sample::view(row, revision, draft);
    view.head.created_at = ago(created_min);
    view.head.changed_at = ago(2);
    view.head.expires_at = ago(created_min) + SignedDuration::from_mins(life_min);
    crate::client::cache::refresh(&mut view, now());
    view
}

pub(crate) fn entry(row: &str, decision: Decision, fate: Fate, number: u8) -> Entry {
    Entry {
        id: DecisionId::new(1_780_000_000_000 + u64::from(number), [number; 10]),
        row: id(row),
        revision: 1,
        decision,
        overrides: false,
        note: Some("The toggle is the mitigation.".into()),
        content: crate::row::Digest([0; 32]),
        base: crate::row::Digest([0; 32]),
        offline: false,
        statement: "{}".into(),
        signature: String::new(),
        key: "SHA256:abc".into(),
        made_at: ago(1),
        leaves_at: ago(1),
        fate,
        attempts: 1,
        next_at: ago(1),
        changed_at: ago(1),
        opened: false,
    }
}

pub(crate) fn views() -> Vec<RowView> {
    let mut second = view("gate-9821", 1, second_gate(), 6, 120);
    second.decisions.push(first_key());
    second.head.state = State::HalfSigned;
    second.head.keys_needed = 2;
    second.head.keys_given = 1;
    second.head.second_key_by = Some(ago(4) + crate::row::Row::SECOND_KEY_WITHIN);
    let mut blocked = view("gate-9826", 1, gate(), 109, 120);
    blocked.head.keys_needed = 2;
    for gate in [&mut second, &mut blocked] {
        gate.head.agent = "gatekeeper".parse().unwrap();
        gate.head.owner = "admin".parse().unwrap();
    }
    let mut done = view(
        "sync-8820",
        1,
        Draft { subject: "search-api".into(), environment: "staging".into(), ..payments() },
        90,
        240,
    );
    done.head.state = State::Healthy;
    let mut running = view(
        "sync-8819",
        1,
        Draft { subject: "ledger-worker".into(), environment: "staging".into(), ..payments() },
        20,
        240,
    );
    running.head.state = State::Executing;
    vec![
        view("sync-8822", 2, checkout(), 79, 240),
        view("sync-8821", 1, payments(), 30, 240),
        blocked,
        view(
            "sync-8815",
            3,
            Draft {
                subject: "cart-api".into(),
                title: "values drift".into(),
                risk: Risk::Costly,
                ..payments()
            },
            60,
            240,
        ),
        second,
        running,
        done,
    ]
}

/// The first of two keys.
fn first_key() -> DecisionView {
    DecisionView {
        id: DecisionId::new(1_780_000_000_009, [9; 10]),
        decision: Decision::Approve,
        overrides: true,
        reviewer: "sre-jordan".parse().unwrap(),
        note: Some("The lock is held for less than a second.".into()),
        made_at: ago(4),
        at: ago(4),
        key: "SHA256:def".into(),
        touch: crate::row::Touch::Unproven,
        offline: false,
        revision: 1,
        conditions: std::collections::BTreeMap::new(),
        void: None,
        log_index: Some(48_109),
    }
}

pub(crate) fn snapshot() -> Snapshot {
    let refused = Fate::Refused {
        code: "base_moved".into(),
        message: "the base moved".into(),
        hint: "v shows what moved".into(),
    };
    Snapshot {
        me: Some(Me {
            roles: vec!["reviewer".into()],
            on_call: true,
            on_call_until: Some("2026-05-30T06:00:00Z".parse().unwrap()),
            ..Me::of("sarah".parse().unwrap(), "example.com", None)
        }),
        list: List { rows: views().iter().map(|view| Listed::from(&view.head)).collect(), over: vec![] },
        holds: vec![Hold {
            subject: "media-resizer".into(),
            drift: crate::row::Digest([7; 32]),
            row: id("sync-8790"),
            by: "sre-jordan".parse().unwrap(),
            note: "The memory limit was raised by hand and stays until the leak is found.".into(),
            incident: Some("INC-764".into()),
            since: ago(600),
            lifted: None,
        }],
        seen: vec![Seen { row: id("sync-8822"), revision: 1, base: "{}".into(), at: ago(24) }],
        entries: vec![
            entry("sync-8815", Decision::Approve, refused, 2),
            entry("sync-8821", Decision::Approve, Fate::Signed, 1),
        ],
        drafts: vec![],
        begun: vec![],
        link: Link { state: LinkState::Synced, synced_at: Some(now()), ..Link::default() },
    }
}

pub(crate) fn body(view: RowView) -> Body {
    let files = read(&view.diff);
    let diff = Arc::new(Diff::of(files.clone(), false));
    let fresh = Fresh {
        row: view.head.id,
        read_at: ago(2),
        moved: vec![],
        base: view.base_read.clone(),
        diff: view.diff.clone(),
        since: None,
    };
    Body { view, undecidable: None, files, diff, opened: None, fresh: Some(Ok(fresh)), attempts: None }
}

pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        zone: TimeZone::UTC,
        keymap: Keymap::default(),
        key_errors: vec![],
        themes: Themes::default(),
        wish: Wish { flag: Some("mono".into()), colorterm: Some("truecolor".into()), ..Wish::default() },
        utf8: true,
        charts: None,
        still: false,
        leave_after_ms: 10_000,
        read_only: false,
        elsewhere: None,
        page: super::page::Rules::default(),
        remarks: vec![],
        views: vec![],
    }
}

/// A console with its own clock and a world that answers at once.
pub(crate) struct Desk {
    pub(crate) model: Model,
    pub(crate) ms: u64,
    pub(crate) effects: Vec<Effect>,
    /// The rows as the cache has them now.
    pub(crate) cache: Vec<RowView>,
    /// The backend gives live series.
    pub(crate) measures: bool,
    /// Incidents that the backend calls alike.
    pub(crate) alike: Vec<AlikeView>,
    frame: u64,
}

impl Desk {
    pub(crate) fn new(width: u16, height: u16) -> Desk {
        let mut desk = Desk::empty(width, height);
        desk.answer(Answer::Known(Box::new(snapshot())));
        desk.flush();
        desk
    }

    pub(crate) fn empty(width: u16, height: u16) -> Desk {
        let mut model = Model::new(surroundings(), Moment { now: now(), ms: 0 });
        model.size = (width, height);
        Desk { model, ms: 1_000, effects: vec![], cache: views(), measures: true, alike: vec![], frame: 0 }
    }

    pub(crate) fn what(&mut self, what: What) {
        let now = now() + SignedDuration::from_millis(i64::try_from(self.ms).unwrap());
        let mut effects = update(&mut self.model, Event { at: Moment { now, ms: self.ms }, what });
        effects.extend(wants(&mut self.model));
        for effect in effects {
            self.world(&effect);
            self.effects.push(effect);
        }
    }

    /// The world's answers to what it is asked.
    fn world(&mut self, effect: &Effect) {
        match effect {
            Effect::LoadRow { row } => {
                let found = self.cache.iter().find(|view| view.head.id == *row).cloned();
                let body = found.map(|view| Box::new(body(view))).ok_or_else(|| "not cached".to_owned());
                self.answer(Answer::Row { row: *row, body });
            }
            Effect::Incident { visit, name } => {
                let of = |view: &&RowView| view.head.incident.as_deref() == Some(name.as_str());
                let views: Vec<RowView> = self.cache.iter().filter(of).cloned().collect();
                let known = Ok(super::incident::happened(name, &views, &self.model.known.holds));
                self.answer(Answer::Incident { visit: *visit, known });
            }
            Effect::AskIncident { visit, name } => {
                let heads = self.cache.iter().map(|view| view.head.clone());
                let rows = heads.filter(|head| head.incident.as_deref() == Some(name.as_str())).collect();
                let view =
                    IncidentView { incident: name.clone(), rows, alike: self.alike.clone(), as_of: now() };
                let told = super::incident::Told::Came(Box::new(view));
                self.answer(Answer::IncidentTold { visit: *visit, told });
            }
            Effect::Series { look } if self.measures => {
                self.answer(Answer::Series { look: *look, series: Ok(Box::new(telemetry(*look))) });
            }
            Effect::Key => {
                self.answer(Answer::Key(KeyState::Ready {
                    fingerprint: "SHA256:9f2cAAAAAAAAAAAAAAAA".into(),
                    kind: "ssh-agent".into(),
                    touch: true,
                }));
            }
            Effect::Compare { row, visit, mode, files, loose } => {
                let diff = Arc::new(Diff::of(files.clone(), *loose));
                self.answer(Answer::Compared { row: *row, visit: *visit, mode: *mode, diff });
            }
            _ => {}
        }
    }

    pub(crate) fn answer(&mut self, answer: Answer) {
        self.what(What::Answer(Box::new(answer)));
    }

    /// The next frame is made and stands on the screen.
    pub(crate) fn flush(&mut self) {
        self.frame += 1;
        self.model.standing.pending = Some((self.frame, self.model.facts()));
        self.model.dirty = false;
        self.what(What::Terminal(FromTerminal::Flushed(self.frame)));
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.ms += ms;
        self.what(What::Time);
    }

    pub(crate) fn inputs(&mut self, inputs: Vec<Input>) {
        self.what(What::Terminal(FromTerminal::Input(inputs)));
    }

    /// Keys as a person presses them: each is seen before the next.
    pub(crate) fn keys(&mut self, keys: &str) {
        for key in parse(keys) {
            self.inputs(vec![Input::Key(key)]);
            self.flush();
            self.wait(300);
        }
    }

    /// The same keys in one write.
    pub(crate) fn at_once(&mut self, keys: &str) {
        self.inputs(parse(keys).into_iter().map(Input::Key).collect());
        self.flush();
    }

    pub(crate) fn screen(&self) -> String {
        picture_text(&self.picture())
    }

    pub(crate) fn picture(&self) -> super::terminal::paint::Picture {
        let mut picture = super::terminal::paint::Picture::new(self.model.size.0, self.model.size.1);
        super::screen::draw(&self.model, &mut picture);
        picture
    }

    pub(crate) fn notice(&self) -> String {
        self.model.notice.as_ref().map(|notice| notice.text.to_string()).unwrap_or_default()
    }

    pub(crate) fn orders(&self) -> Vec<&super::effect::Order> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Sign(order) => Some(order.as_ref()),
                _ => None,
            })
            .collect()
    }

    /// What the reader was called for.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.effects.iter().filter_map(|effect| match effect {
            Effect::Page(call) => Some(call.sentence()),
            _ => None,
        });
        calls.collect()
    }

    pub(crate) fn draft(&self) -> Option<&NoteDraft> {
        self.model.known.drafts.first()
    }
}

/// `j`, `Enter`, `"typed text"`: keys apart by spaces, text in quotes letter by letter.
fn parse(keys: &str) -> Vec<Key> {
    let mut parsed = Vec::new();
    for (at, part) in keys.split('"').enumerate() {
        if at % 2 == 1 {
            parsed.extend(part.chars().map(Key::char));
        } else {
            parsed.extend(part.split_whitespace().map(|key| key.parse::<Key>().unwrap()));
        }
    }
    parsed
}

pub(crate) fn picture_text(picture: &super::terminal::paint::Picture) -> String {
    let area = picture.buffer.area;
    let mut text = String::new();
    for y in 0..area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < area.width {
            let symbol = picture.buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol)).unwrap().max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
