//! Rows about documents, with the seeds' words: edits of runbooks, one that is live, a post-mortem.

use jiff::{SignedDuration, Timestamp};

use super::{Desk, burning, id, now, pointer, signal, snapshot, view};
use crate::client::sample;
use crate::client::{List, Listed, Me};
use crate::console::effect::Answer;
use crate::row::base::{IncidentBase, NewPage, PageBase, PageEffect};
use crate::row::difference::{FileDifference, write};
use crate::row::page::{Action, Anchor, Block, Edit, Operation, Piece, Site};
use crate::row::paper::{Line, Paper, Section, Sentence, Standing};
use crate::row::proposal::{Live, LiveFact, LiveStep};
use crate::row::{Base, Digest, Draft, Effect, Grade, Hold, Kind, Proposal, Verdict, Weight};
use crate::wire::RowView;

fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

fn plain(text: &str) -> Vec<Piece> {
    vec![Piece::Plain(text.into())]
}

fn anchor(path: &[&str], text: &str) -> Anchor {
    Anchor { id: None, path: path.iter().map(|heading| (*heading).to_owned()).collect(), text: text.into() }
}

fn operation(anchor: Anchor, action: Action, because: &str, from: (&str, &str)) -> Operation {
    Operation {
        anchor,
        action,
        because: because.into(),
        pointers: vec![pointer("source", from.0, from.1)],
        by: None,
    }
}

const PAGE: &str = "# Redis failover\n\
    ## Before you begin\n\
    Announce in #inc-redis that you are about to fail over, and name the shard.\n\
    Check the replication lag: `redis-cli info replication` must say a lag of less than 5 s.\n\
    ## Failover\n\
    1. Pause the writers: `kubectl -n cache scale deploy/cache-writer --replicas=0`\n\
    2. Promote the replica with `redis-cli cluster failover`, and wait until it says that it is the master; this takes up to 40 s and the checkout service answers slowly meanwhile\n\
    3. Start the writers again\n\
    ## Escalation\n\
    Page the cache team in #cache-oncall when the failover takes longer than two minutes.\n\
    Do not restart the sentinels by hand.\n\
    ## Afterwards\n\
    Note the shard and the time in the incident.\n\
    Close the announcement.\n";

/// Where the edit goes in the page's text.
const PROMOTE: &str = "2. Promote the replica";
const ROTATE: &str = "2. Rotate the Redis replica that is to be promoted: `redis-cli -h $REPLICA debug reload`, then wait until `master_link_status` is up again; without it the replica refuses the promotion\n";

fn redis_diff() -> String {
    let new = PAGE
        .replace("3. Start the writers", "4. Start the writers")
        .replace(PROMOTE, &format!("{ROTATE}3. Promote the replica"))
        .replace("#cache-oncall", "#data-oncall");
    write(&[FileDifference::of_page("CONF-4711", PAGE, new)], "page", "edit")
}

fn page_base(name: &str, page: &str, version: u64) -> Base {
    Base::Runbook(PageBase {
        name: name.into(),
        page: page.into(),
        version,
        author: "Maria Holm".into(),
        created_at: "2026-03-02T10:04:00Z".into(),
        body: Digest([3; 32]),
        space: String::new(),
    })
}

fn page_effect(page: &str, version: u64) -> PageEffect {
    PageEffect { page: page.into(), expected_version: version, body: Digest([4; 32]), create: None }
}

fn runbook() -> Draft {
    Draft {
        kind: Kind::Runbook,
        verdict: Verdict::Publish,
        reviewers: vec!["priya".parse().unwrap()],
        read_at: ago(6),
        ..sample::draft()
    }
}

/// rb-8821: a step that responders had to find by themselves.
pub(crate) fn redis() -> Draft {
    let operations = vec![
        operation(
            anchor(
                &["Redis failover", "Failover"],
                "Promote the replica with redis-cli cluster failover, and wait until it says that it is the master",
            ),
            Action::InsertBefore {
                blocks: vec![Block::Item {
                    ordered: true,
                    depth: 0,
                    text: vec![
                        Piece::Plain("Rotate the Redis replica that is to be promoted: ".into()),
                        Piece::Code("redis-cli -h $REPLICA debug reload".into()),
                        Piece::Plain(", then wait until ".into()),
                        Piece::Code("master_link_status".into()),
                        Piece::Plain(" is up again; without it the replica refuses the promotion".into()),
                    ],
                }],
            },
            "priya ran it at 04:02 after two refused promotions; the next one went through and the alert resolved at 04:09",
            ("slack", "C0INC2099/1780027320.000200"),
        ),
        operation(
            anchor(
                &["Redis failover", "Escalation"],
                "Page the cache team in #cache-oncall when the failover takes longer than two minutes.",
            ),
            Action::ReplaceValue { was: "#cache-oncall".into(), is: "#data-oncall".into() },
            "the page to #cache-oncall was not read: the channel is archived since March",
            ("slack", "C0INC2099/1780026720.000100"),
        ),
    ];
    Draft {
        subject: "CONF-4711".into(),
        title: "Add step: rotate Redis replica before failover".into(),
        rationale: "The promotion was refused twice during INC-2099 until the replica was rotated by hand. The runbook does not name that step, and its escalation names a channel that is archived.".into(),
        signals: vec![
            signal("followed by recovery", "alert resolved 04:09, 7 min after the command", Grade::Good, Weight::Go, "pagerduty", 6),
            signal("page read", "version 14, 312 words", Grade::Good, Weight::Note, "confluence", 6),
        ],
        pointers: vec![
            crate::row::Pointer {
                name: "confluence_page_id".into(),
                platform: "confluence".into(),
                reference: "884711".into(),
                url: "https://wiki.example.com/spaces/OPS/pages/884711".into(),
            },
            pointer("pagerduty_incident", "pagerduty", "INC-2099"),
        ],
        incident: Some("INC-2099".into()),
        base: page_base("CONF-4711", "884711", 14),
        effect: Effect::Confluence(page_effect("884711", 14)),
        diff: redis_diff(),
        proposal: Some(Proposal::Edit(Edit { operations })),
        ..runbook()
    }
}

/// rb-8822: a step that is not to be followed any more.
fn deprecated() -> Draft {
    let old = "# API gateway down\n1. Check the dashboards\n2. Restart api-gw\n3. Watch the error rate\n";
    let new = old.replace("Restart api-gw", "~~Restart api-gw~~ Run the workflow restart-api-gw");
    let link = Piece::Link {
        text: "restart-api-gw".into(),
        url: "https://github.example.com/acme/ops/actions/workflows/restart-api-gw.yml".into(),
    };
    Draft {
        subject: "CONF-3380".into(),
        title: "Mark \"restart api-gw\" as deprecated, link to new GHA workflow".into(),
        rationale: "The deployment api-gw is gone since the move to the workflow; a restart by hand fails."
            .into(),
        signals: vec![signal(
            "contradicted",
            "\"don't restart api-gw, use the workflow\"",
            Grade::Bad,
            Weight::Go,
            "slack",
            7,
        )],
        pointers: vec![pointer("confluence_page_id", "confluence", "883380")],
        incident: Some("INC-2104".into()),
        reviewers: vec!["marcus".parse().unwrap()],
        base: page_base("CONF-3380", "883380", 9),
        effect: Effect::Confluence(page_effect("883380", 9)),
        diff: write(&[FileDifference::of_page("CONF-3380", old, new)], "page", "edit"),
        proposal: Some(Proposal::Edit(Edit {
            operations: vec![operation(
                anchor(&["API gateway down"], "Restart api-gw"),
                Action::MarkDeprecated { instead: vec![Piece::Plain("Run the workflow ".into()), link] },
                "marcus in the channel: \"don't restart api-gw, use the workflow\"",
                ("slack", "C0INC2104/1780040000.000300"),
            )],
        })),
        ..runbook()
    }
}

/// rb-8823, in Notion.
fn outage() -> Draft {
    let blocks = vec![
        Block::Heading { level: 2, text: plain("Which part of the region is out?") },
        Block::Item {
            ordered: false,
            depth: 0,
            text: plain("One zone: drain it, then watch p95 for ten minutes"),
        },
        Block::Item { ordered: false, depth: 1, text: plain("p95 stays over 400 ms: go on with two zones") },
        Block::Item { ordered: false, depth: 0, text: plain("Two zones: fail over to the other region") },
        Block::Code {
            language: "shell".into(),
            code: "region drain --zone $ZONE\nregion failover --to eu-west\n".into(),
        },
    ];
    let new = "# Partial region outage\n## Which part of the region is out?\n- One zone: drain it\n";
    Draft {
        subject: "NOTION-91a".into(),
        title: "Insert decision tree for partial region outage".into(),
        rationale: "INC-2108 took 40 minutes to decide between a drain and a failover.".into(),
        signals: vec![],
        pointers: vec![pointer("notion_block_id", "notion", "91a0c2d4-0000-4000-8000-000000000001")],
        incident: Some("INC-2108".into()),
        base: page_base("NOTION-91a", "91a0c2d4-0000-4000-8000-000000000001", 0),
        effect: Effect::Notion(page_effect("91a0c2d4", 0)),
        diff: write(
            &[FileDifference::of_page("NOTION-91a", "# Partial region outage\n", new)],
            "page",
            "edit",
        ),
        proposal: Some(Proposal::Edit(Edit {
            operations: vec![operation(
                anchor(&["Partial region outage"], ""),
                Action::InsertAfter { blocks },
                "40 minutes of INC-2108 went into this question",
                ("slack", "C0INC2108/1780050000.000100"),
            )],
        })),
        ..runbook()
    }
}

/// rb-8824: the gateway's runbook while INC-2104 is on.
pub(crate) fn live() -> Draft {
    let fact = |name: &str, value: &str, minutes: i64| LiveFact {
        name: name.into(),
        value: value.into(),
        read_at: ago(minutes),
    };
    let step =
        |text: &str, facts: Vec<LiveFact>| LiveStep { text: text.into(), facts, ..LiveStep::default() };
    let live = Live {
        incident: "INC-2104".into(),
        steps: vec![
            step(
                "Check the dashboards: the error rate of the gateway, and p95 of checkout",
                vec![fact("error rate", "6.1 %, over 1 %", 1), fact("p95 checkout", "1,240 ms", 12)],
            ),
            LiveStep {
                broken: Some("names deployment api-gw: gone since 2024-11".into()),
                row: Some(id("rb-8790")),
                ..step("Restart api-gw", vec![fact("deployment api-gw", "not found", 1)])
            },
            step(
                "Watch the error rate for ten minutes; where it stays over 1 %, fail over to the second gateway as in the runbook of the region",
                vec![fact("gateway-b", "3 of 3 replicas, image 2.14.1, Healthy, deployed 2 d ago", 1)],
            ),
        ],
        ..Live::default()
    };
    Draft {
        subject: "CONF-3380@INC-2104".into(),
        title: "API gateway down, beside the system as it is".into(),
        rationale: "INC-2104 is open on api-gateway since 02:01; CONF-3380 is its runbook. 1 of 3 steps no longer holds.".into(),
        signals: vec![signal("INC-2104", "open since 02:01", Grade::Bad, Weight::Note, "pagerduty", 1)],
        pointers: vec![pointer("confluence_page_id", "confluence", "883380"), pointer("pagerduty_incident", "pagerduty", "INC-2104")],
        incident: Some("INC-2104".into()),
        base: page_base("CONF-3380", "883380", 9),
        effect: Effect::Record(live.effect()),
        diff: write(&[FileDifference::of_page("CONF-3380", "", live.text())], "page", "live"),
        proposal: Some(Proposal::Live(live)),
        read_at: ago(1),
        ..runbook()
    }
}

fn at(time: &str) -> Timestamp {
    format!("2026-05-29T{time}Z").parse().unwrap()
}

fn lines() -> Vec<Line> {
    let line = |time: &str, source: &str, text: &str| Line {
        at: at(time),
        source: source.into(),
        text: text.into(),
        pointer: Some(pointer("source", source, time)),
        standing: Standing::Proposed,
        by: None,
    };
    let mut lines = vec![
        line("03:31:02", "pagerduty", "redis-failover-stalled triggered, high urgency"),
        line("03:33:40", "pagerduty", "acknowledged by priya"),
        line(
            "03:40:11",
            "slack",
            "First promotion of cache-7 refused: the replica's link to its master was down",
        ),
        line("03:52:00", "slack", "Page to #cache-oncall; nobody reads there any more"),
        line(
            "04:02:00",
            "slack",
            "Replica rotated by hand with `debug reload`, promotion tried again and taken after 38 s; checkout answers slowly meanwhile",
        ),
        line("04:05:00", "prometheus", "burn rate of checkout under 1 for the first time since 03:29"),
        line("04:09:12", "pagerduty", "resolved"),
        line("04:12:00", "dock", "rb-8821 approved by priya"),
    ];
    lines[1].standing = Standing::Accepted;
    lines[1].by = Some("priya".parse().unwrap());
    lines[3].standing = Standing::Struck;
    lines[3].by = Some("priya".parse().unwrap());
    lines
}

/// pm-31, of INC-2099.
pub(crate) fn paper() -> Draft {
    let section = |heading: &str, sentences: &[(&str, &[&str])]| Section {
        heading: heading.into(),
        sentences: sentences
            .iter()
            .map(|(text, refs)| {
                let rests = refs.iter().map(|reference| pointer("source", "pagerduty", reference));
                Sentence::of(*text, rests.collect())
            })
            .collect(),
    };
    let paper = Paper {
        incident: "INC-2099".into(),
        title: "INC-2099: Redis failover stalled".into(),
        site: Site::Confluence,
        space: "OPS".into(),
        parent: Some("880001".into()),
        sections: vec![
            section(
                "Summary",
                &[(
                    "The failover of cache-7 was refused twice; checkout was slow for 36 minutes.",
                    &["INC-2099"],
                )],
            ),
            section(
                "Impact",
                &[(
                    "The burn rate of checkout was over 1 from 03:29 to 04:05; 11 % of the month's error budget is spent.",
                    &["slo:checkout"],
                )],
            ),
            section(
                "Contributing factors",
                &[
                    ("gate-9821 was executed 6 minutes before the first alert.", &["gate-9821"]),
                    ("The runbook did not name the rotation of the replica.", &["CONF-4711 version 14"]),
                ],
            ),
            section("Open questions", &[("Why did the replica lose its link to the master?", &[])]),
        ],
        timeline: lines(),
    };
    let new: String = lines().iter().map(|line| format!("{}\n", line.text)).collect();
    Draft {
        kind: Kind::Postmortem,
        subject: "INC-2099".into(),
        title: "Redis failover stalled: 8 timeline lines".into(),
        verdict: Verdict::Publish,
        rationale: "INC-2099 was resolved at 04:09. 8 lines from PagerDuty, Slack, Prometheus and Dock, each with its source.".into(),
        signals: vec![burning("burn rate of checkout over 1 h", "2.9x at its worst", &[0.4, 0.4, 1.8, 2.9, 2.9, 2.7, 2.4, 1.2, 0.9, 0.5, 0.4], "1")],
        pointers: vec![pointer("pagerduty_incident", "pagerduty", "INC-2099")],
        incident: Some("INC-2099".into()),
        base: Base::Postmortem(IncidentBase { incident: "INC-2099".into(), updated_at: "2026-05-29T04:09:12Z".into() }),
        effect: Effect::Confluence(PageEffect {
            create: Some(NewPage { space: "OPS".into(), parent: Some("880001".into()), title: paper.title.clone() }),
            ..page_effect("new", 0)
        }),
        diff: write(&[FileDifference::of_page(&paper.title, "", new)], "none", "paper"),
        proposal: Some(Proposal::Paper(paper)),
        ..runbook()
    }
}

pub(crate) fn views() -> Vec<RowView> {
    let days = 24 * 60;
    let mut all = vec![
        view("rb-8824", 1, live(), 13, 4 * 60),
        view("rb-8823", 1, outage(), 60, 7 * days),
        view("rb-8821", 1, redis(), 90, 7 * days),
        view("rb-8822", 2, deprecated(), 120, 7 * days),
        view("pm-31", 1, paper(), 150, 14 * days),
    ];
    for view in &mut all {
        view.head.agent =
            if view.head.kind == Kind::Postmortem { "chronicler" } else { "scribe" }.parse().unwrap();
        view.drift_sha256 = None;
    }
    all
}

impl Desk {
    /// A desk of priya's, with rows about documents alone.
    pub(crate) fn of_documents(width: u16, height: u16) -> Desk {
        let mut desk = Desk::empty(width, height);
        desk.cache = views();
        let mut snapshot = snapshot();
        snapshot.me = Some(Me::of("priya".parse().unwrap(), "example.com", None));
        snapshot.list =
            List { rows: desk.cache.iter().map(|view| Listed::from(&view.head)).collect(), over: vec![] };
        (snapshot.seen, snapshot.entries) = (vec![], vec![]);
        snapshot.holds = vec![Hold { incident: Some("INC-2099".into()), ..snapshot.holds[0].clone() }];
        desk.answer(Answer::Known(Box::new(snapshot)));
        desk.flush();
        desk
    }

    /// Opens a row's own screen.
    pub(crate) fn open(&mut self, row: &str) {
        self.keys(&format!("/ \"id:{row}\" Enter Enter"));
        assert_eq!(self.model.subject(), Some(id(row)));
    }
}
