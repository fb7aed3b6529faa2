//! The live runbook: the page's steps as they are, each with what the system says now of what it names.
//!
//! A step no longer holds where it names a workload that ArgoCD has nowhere. What could not be read says so beside the
//! step, and breaks nothing.
//! Never: IO, a clock; anything that would be executed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    facts::{Asked, Story},
    rules::{self, Limits},
    words,
};
use crate::{
    agent::finding::{self, Finding},
    row::{
        self, Draft, Kind, PrincipalId, Proposal, Verdict,
        draft::PROSE_BY_RULES,
        page::{self, Outline, Page, Proposed, Runbook, outline, outline::PassageKind},
        proposal::{Live, LiveFact, LiveStep},
    },
    wire::RowView,
};

/// A row has no more revisions than 32: the last ones are kept for steps that break.
const REFRESHED_MAX: u32 = 24;
const REVISED_MAX: u32 = 31;
/// Numbers that change while a person reads do not turn the page each second.
const REFRESH_S: i64 = 60;
/// What a workload is called in commands and prose.
const KINDS: &[(&str, &str)] = &[
    ("deployment", "Deployment"),
    ("deploy", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("sts", "StatefulSet"),
    ("daemonset", "DaemonSet"),
];

/// A workload as ArgoCD has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    /// The application that it belongs to.
    pub app: String,
    pub kind: String,
    pub name: String,
    pub replicas: Option<u64>,
    /// The first container's.
    pub image: Option<String>,
    /// The application's health.
    pub health: String,
    /// When the application was synced last, as ArgoCD wrote it.
    pub deployed_at: Option<String>,
}

/// All that one live runbook rests on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LiveFacts {
    pub story: Story,
    pub name: String,
    pub runbook: Runbook,
    pub page: Page,
    pub read_at: Timestamp,
    pub on_call: Asked<Vec<PrincipalId>>,
    pub workloads: Asked<Vec<Workload>>,
    /// The newest row that touched a step, by the step's text.
    pub touched: BTreeMap<String, row::RowId>,
}

/// `CONF-3380@INC-2104`.
pub(super) fn subject(name: &str, incident: &str) -> String {
    format!("{name}@{incident}")
}

/// The draft of a live runbook; else why there is none.
pub(super) fn draft(facts: &LiveFacts, limits: &Limits) -> Result<Draft, String> {
    let outline = outline::read(&facts.page.body).map_err(|why| why.to_string())?;
    let steps = steps(facts, &outline);
    if steps.is_empty() {
        return Err("the page has no steps".to_owned());
    }
    let broken: Vec<&LiveStep> = steps.iter().filter(|step| step.broken.is_some()).collect();
    let site = facts.runbook.site;
    let pointer = finding::pointer(site.pointer(), site.name(), &facts.page.id, &facts.page.url);
    let mut findings: Vec<Finding> = broken
        .iter()
        .map(|step| {
            let why = step.broken.clone().unwrap_or_default();
            let says = format!("{} no longer holds: {why}.", words::quoted(&step.text));
            let finding = Finding::new(
                rules::STEP_FAILED,
                "no longer holds",
                &why,
                pointer.clone(),
                facts.read_at,
                limits.fresh_s,
            );
            finding.saying(says)
        })
        .collect();
    if let Some((why, at)) = facts.workloads.unknown() {
        let finding =
            Finding::new(rules::UNKNOWN_FACT, "workloads", why, pointer.clone(), at, limits.fresh_s);
        findings.push(finding.saying(format!("Unknown: what runs now ({why}).")).unknown());
    }
    let on = format!("{}, since {}", facts.story.title, words::clock(facts.story.opened_at));
    findings.push(Finding::new(
        rules::READ,
        "incident",
        &on,
        facts.story.pointer.clone(),
        facts.read_at,
        limits.fresh_s,
    ));
    let mut sentences =
        vec![format!("{} is on. Tick each step as followed, skipped or wrong.", facts.story.incident)];
    sentences.extend(findings.iter().filter_map(|finding| finding.sentence.clone()));
    let title = match broken.len() {
        0 => format!("{} live, for {}", facts.page.title, facts.story.incident),
        1 => format!("{} live, for {}: 1 step no longer holds", facts.page.title, facts.story.incident),
        many => {
            format!("{} live, for {}: {many} steps no longer hold", facts.page.title, facts.story.incident)
        }
    };
    let live = Live { incident: facts.story.incident.clone(), steps };
    let reading = row::Reading::Page(Box::new(page::Reading {
        name: facts.name.clone(),
        environment: facts.runbook.environment.clone(),
        risk: facts.runbook.risk,
        keys: facts.runbook.keys,
        page: facts.page.clone(),
        proposed: Proposed::Live(live.clone()),
    }));
    let reviewers = facts.story.responders.first().cloned().map(|one| vec![one]);
    Ok(Draft {
        kind: Kind::Runbook,
        subject: reading.subject(),
        environment: facts.runbook.environment.clone(),
        title: words::cut(&title, Draft::TITLE_BYTES_MAX),
        verdict: Verdict::Publish,
        rationale: words::cut(&sentences.join(" "), Draft::RATIONALE_BYTES_MAX),
        prose_by: PROSE_BY_RULES.to_owned(),
        signals: findings.into_iter().map(|finding| finding.signal).take(Draft::SIGNALS_MAX).collect(),
        pointers: vec![pointer, facts.story.pointer.clone()],
        incident: Some(facts.story.incident.clone()),
        parent: None,
        reviewers: reviewers.or_else(|| facts.on_call.known().cloned()).unwrap_or_default(),
        risk: reading.risk(),
        base: reading.base(),
        effect: reading.effect(),
        diff: reading.difference(),
        proposal: Some(Proposal::Live(live)),
        amended_by: vec![],
        facts: BTreeMap::new(),
        read_at: facts.read_at,
    })
}

fn steps(facts: &LiveFacts, outline: &Outline) -> Vec<LiveStep> {
    let is_step = |kind: &PassageKind| matches!(kind, PassageKind::Step(_));
    let passages = outline
        .passages
        .iter()
        .enumerate()
        .filter(|(_, passage)| is_step(&passage.kind) && !passage.deprecated);
    passages
        .map(|(at, passage)| {
            // What stands under a step as code belongs to it.
            let code = outline.passages.iter().skip(at + 1).take_while(|next| next.kind == PassageKind::Code);
            let whole = code.fold(passage.text.clone(), |text, code| text + "\n" + &code.text);
            let (named, broken) = named(&whole, &facts.workloads);
            LiveStep {
                text: passage.text.clone(),
                facts: named
                    .into_iter()
                    .flat_map(|one| told(one, facts.workloads.at().unwrap_or(facts.read_at)))
                    .collect(),
                broken,
                row: facts.touched.get(&passage.text).copied(),
            }
        })
        .take(Draft::STEPS_MAX)
        .collect()
}

/// The workloads that a step names, and why it no longer holds if it does not: it names one that is nowhere.
fn named<'w>(text: &str, workloads: &'w Asked<Vec<Workload>>) -> (Vec<&'w Workload>, Option<String>) {
    let Asked::Known { value: known, .. } = workloads else { return (Vec::new(), None) };
    let mentioned: Vec<&Workload> =
        known.iter().filter(|one| crate::agent::words::names(text, &one.name)).collect();
    let gone = mentions(text)
        .into_iter()
        .find(|(kind, name)| known.iter().all(|one| one.name != *name || one.kind != *kind));
    let broken = gone.map(|(kind, name)| format!("names {} {name}: ArgoCD has none", kind.to_lowercase()));
    (mentioned, broken)
}

/// `deployment/api-gw`, `deploy api-gw`: kind and name.
fn mentions(text: &str) -> BTreeSet<(&'static str, String)> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '/' | '.');
    let all: Vec<&str> = text.split(|c: char| !part(c)).filter(|word| !word.is_empty()).collect();
    let kind =
        |word: &str| KINDS.iter().find(|(short, _)| word.eq_ignore_ascii_case(short)).map(|(_, kind)| *kind);
    let is_name = |word: &str| {
        let inner = word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        inner && word.contains('-')
    };
    let slashed = all.iter().filter_map(|word| {
        let (short, name) = word.split_once('/')?;
        Some((kind(short)?, name.trim_matches('.').to_owned()))
    });
    let spaced = all.windows(2).filter_map(|pair| match pair {
        [short, name] if is_name(name.trim_end_matches('.')) => {
            Some((kind(short)?, name.trim_end_matches('.').to_owned()))
        }
        _ => None,
    });
    slashed.chain(spaced).filter(|(_, name)| !name.is_empty()).collect()
}

fn told(one: &Workload, read_at: Timestamp) -> Vec<LiveFact> {
    let kind = one.kind.to_lowercase();
    let replicas = one.replicas.map(|replicas| format!("{replicas} replicas, ")).unwrap_or_default();
    let mut facts = vec![(format!("{kind} {}", one.name), format!("{replicas}{}", one.health))];
    facts.extend(one.image.clone().map(|image| (format!("image of {}", one.name), image)));
    facts.extend(one.deployed_at.clone().map(|at| (format!("last sync of {}", one.app), at)));
    facts.into_iter().map(|(name, value)| LiveFact { name, value, read_at }).collect()
}

/// The open row says something else than this draft, and it is time to say so.
pub(super) fn is_worth(before: &RowView, draft: &Draft) -> bool {
    let (Some(Proposal::Live(was)), Some(Proposal::Live(is))) = (&before.proposal, &draft.proposal) else {
        return true;
    };
    let broken = |live: &Live| {
        live.steps.iter().map(|step| (step.text.clone(), step.broken.clone())).collect::<Vec<_>>()
    };
    if broken(was) != broken(is) {
        return before.head.revision < REVISED_MAX;
    }
    let values = |live: &Live| {
        let facts = live.steps.iter().flat_map(|step| step.facts.iter());
        facts.map(|fact| (fact.name.clone(), fact.value.clone())).collect::<Vec<_>>()
    };
    let old = draft.read_at.duration_since(before.read_at).as_secs() >= REFRESH_S;
    values(was) != values(is) && old && before.head.revision < REFRESHED_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::scribe::draft::tests::example, client::sample, row::page::Body};

    const PAGE: &str = "<h1>api-gw</h1><ol><li><p>Scale deployment api-gw to 6.</p></li>\
<li><p>Look at payments-api</p></li><li><p>Restart it: <code>kubectl rollout restart deploy/payments-api</code></p></li></ol>";

    fn facts(workloads: Asked<Vec<Workload>>) -> LiveFacts {
        let base = example(PAGE);
        LiveFacts {
            story: base.story,
            name: base.name,
            runbook: base.runbook,
            page: Page { body: Body::Storage(PAGE.into()), ..base.page },
            read_at: base.read_at,
            on_call: base.on_call,
            workloads,
            touched: BTreeMap::from([("Look at payments-api".to_owned(), "rb-8801".parse().unwrap())]),
        }
    }

    fn payments(replicas: u64) -> Asked<Vec<Workload>> {
        let one = Workload {
            app: "payments-api".into(),
            kind: "Deployment".into(),
            name: "payments-api".into(),
            replicas: Some(replicas),
            image: Some("ghcr.io/acme/payments-api:2.14.0".into()),
            health: "Healthy".into(),
            deployed_at: None,
        };
        Asked::Known { value: vec![one], at: sample::at(3600) }
    }

    #[test]
    fn steps_say_what_runs_now_and_which_no_longer_hold() {
        let made = draft(&facts(payments(4)), &Limits::default()).unwrap();
        assert_eq!(made.check(), Ok(()));
        assert_eq!(made.subject, "CONF-4711@INC-2099");
        assert!(matches!(made.effect, row::Effect::Record(_)), "ticks, and nothing else: {:?}", made.effect);
        let Some(Proposal::Live(live)) = &made.proposal else { panic!() };
        let broken: Vec<_> = live.steps.iter().map(|step| step.broken.as_deref()).collect();
        assert_eq!(broken, [Some("names deployment api-gw: ArgoCD has none"), None, None]);
        assert_eq!(live.steps[1].facts[0].value, "4 replicas, Healthy");
        assert_eq!(live.steps[1].row, Some("rb-8801".parse().unwrap()));
        assert_eq!(live.steps[2].facts.len(), 2);
        assert!(made.diff.contains("NO LONGER HOLDS") && made.title.contains("1 step no longer holds"));
    }

    #[test]
    fn what_could_not_be_read_breaks_no_step() {
        let unknown = Asked::Unknown { why: "ArgoCD is not reachable".into(), at: sample::at(0) };
        let made = draft(&facts(unknown), &Limits::default()).unwrap();
        let Some(Proposal::Live(live)) = &made.proposal else { panic!() };
        assert!(live.steps.iter().all(|step| step.broken.is_none() && step.facts.is_empty()));
        assert!(made.rationale.contains("Unknown: what runs now"));
    }

    #[test]
    fn it_is_refreshed_by_the_minute_and_at_once_where_a_step_breaks() {
        let first = draft(&facts(payments(4)), &Limits::default()).unwrap();
        let at = |row: &RowView, replicas: u64, second: i64| {
            let mut facts = facts(payments(replicas));
            facts.read_at = sample::at(3600 + second);
            is_worth(row, &draft(&facts, &Limits::default()).unwrap())
        };
        let row = crate::client::sample::view("rb-8821", 1, first.clone());
        assert!(!at(&row, 4, 600), "nothing new");
        assert!(!at(&row, 5, 59) && at(&row, 5, 60));
        let often = crate::client::sample::view("rb-8821", REFRESHED_MAX, first);
        assert!(!at(&often, 5, 600));
        let mut gone = facts(payments(4));
        gone.workloads = Asked::Known { value: vec![], at: sample::at(3600) };
        assert!(is_worth(&often, &draft(&gone, &Limits::default()).unwrap()), "a step broke");
    }
}
