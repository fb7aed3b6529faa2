//! The live runbook: the page's steps as they are, each with what the system says now of what it names.
//!
//! `running` and `history` ask, `steps` holds each step against the answers; here it becomes a draft, and is held against the row that
//! is open.
//! Never: IO, a clock; anything that would be executed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    facts::{Asked, Story},
    rules::{self, Limits},
    words,
};
use crate::{
    agent::{
        finding::{self, Finding},
        people,
        story::Ticked,
    },
    platform::pagerduty::{LogEntry, LogKind},
    row::{
        self, Decision, Draft, Kind, PrincipalId, Proposal, Verdict,
        draft::PROSE_BY_RULES,
        page::{self, Page, Proposed, Runbook, outline},
        proposal::{Live, LiveStep, SignedTick},
    },
    wire::RowView,
};

pub(super) mod history;
pub(super) mod running;
pub(super) mod steps;

use history::History;
use steps::{Number, Running, Seen, SignedSteps};

/// A row has no more revisions than 32: the last ones are kept for steps that break.
const REFRESHED_MAX: u32 = 24;
const REVISED_MAX: u32 = 31;
/// What changes while a person reads does not turn the page each second: once a minute at first, then less often, so that
/// the revisions last for a long night.
const REFRESH_S: i64 = 60;
const EASED_AFTER: u32 = 8;

/// All that one live runbook rests on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LiveFacts {
    pub story: Story,
    pub name: String,
    pub runbook: Runbook,
    pub page: Page,
    pub read_at: Timestamp,
    pub on_call: Asked<Vec<PrincipalId>>,
    pub owner: Option<PrincipalId>,
    pub running: Asked<Running>,
    pub numbers: Vec<Number>,
    pub history: History,
    /// What the open row says, where one is open.
    pub before: Option<Live>,
    pub signed: SignedSteps,
}

/// `CONF-3380@INC-2104`.
pub(super) fn subject(name: &str, incident: &str) -> String {
    format!("{name}@{incident}")
}

/// The draft of a live runbook; else why there is none.
pub(super) fn draft(facts: &LiveFacts, limits: &Limits) -> Result<Draft, String> {
    if let Some(shut) = facts.page.shut() {
        return Err(shut);
    }
    let outline = outline::read(&facts.page.body).map_err(|why| why.to_string())?;
    let seen = Seen {
        running: &facts.running,
        numbers: &facts.numbers,
        history: &facts.history,
        before: facts.before.as_ref(),
        signed: &facts.signed,
        read_at: facts.read_at,
    };
    let live = Live { incident: facts.story.incident.clone(), ..steps::live(&outline, &seen) };
    if live.steps.is_empty() {
        return Err("the page is empty: there is nothing to follow".to_owned());
    }
    let broken: Vec<&LiveStep> = live.steps.iter().filter(|step| step.broken.is_some()).collect();
    let site = facts.runbook.site;
    let pointer = finding::pointer(site.pointer(), site.name(), &facts.page.id, &facts.page.url);
    let mut findings: Vec<Finding> = broken
        .iter()
        .map(|step| {
            let why = step.broken.clone().unwrap_or_default();
            let says = format!("{} no longer holds: {why}.", words::quoted(&step.head()));
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
    for (what, why, at) in unread(facts) {
        let finding = Finding::new(rules::UNKNOWN_FACT, what, &why, pointer.clone(), at, limits.fresh_s);
        findings.push(finding.saying(format!("Unknown: {what} ({why}).")).unknown());
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
        many => {
            let broken = words::plural(many, "step no longer holds", "steps no longer hold");
            format!("{} live, for {}: {broken}", facts.page.title, facts.story.incident)
        }
    };
    let reading = row::Reading::Page(Box::new(page::Reading {
        name: facts.name.clone(),
        environment: facts.runbook.environment.clone(),
        risk: facts.runbook.risk,
        keys: facts.runbook.keys,
        page: facts.page.clone(),
        proposed: Proposed::Live(live.clone()),
    }));
    let may = |all: &[PrincipalId]| people::who_may(all, facts.owner.as_ref());
    let reviewers = may(&facts.story.responders).first().cloned().map(|one| vec![one]);
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
        reviewers: reviewers.or_else(|| facts.on_call.known().map(|all| may(all))).unwrap_or_default(),
        risk: reading.risk(),
        base: reading.base(),
        effect: reading.effect(),
        diff: reading.difference(),
        proposal: Some(Proposal::Live(live)),
        amended_by: vec![],
        facts: facts.story.row_facts(),
        read_at: facts.read_at,
    })
}

/// What could not be read, why, and when that was.
fn unread(facts: &LiveFacts) -> Vec<(&'static str, String, Timestamp)> {
    let line = |why: &str| words::line(why.lines().next().unwrap_or_default());
    let mut all = Vec::new();
    match &facts.running {
        Asked::Unknown { why, at } => all.push(("what runs now", line(why), *at)),
        Asked::Known { value, at } => {
            all.extend(value.missing.as_deref().map(|why| ("some of what runs now", line(why), *at)));
        }
        Asked::Never => {}
    }
    let numbers = facts.numbers.iter().filter_map(|number| number.value.unknown());
    all.extend(numbers.map(|(why, at)| ("a number that a step names", line(why), at)).next());
    all
}

/// The open row says something else than this draft, and it is time to say so: a step that broke at once, the rest by and
/// by. Another age of the same answer is nothing new.
pub(super) fn is_worth(before: &RowView, draft: &Draft) -> bool {
    let (Some(Proposal::Live(was)), Some(Proposal::Live(is))) = (&before.proposal, &draft.proposal) else {
        return true;
    };
    let revision = before.head.revision;
    let heads = |live: &Live| live.steps.iter().map(LiveStep::head).collect::<Vec<_>>();
    if before.base_read != draft.base || heads(was) != heads(is) {
        return revision < REVISED_MAX;
    }
    let broken = |live: &Live| live.steps.iter().map(|step| step.broken.is_some()).collect::<Vec<_>>();
    let broke = broken(was).into_iter().zip(broken(is)).any(|(was, is)| is && !was);
    if broke {
        return revision < REVISED_MAX;
    }
    let eased = i64::from(revision / EASED_AFTER) + 1;
    let due = draft.read_at.duration_since(before.read_at).as_secs() >= REFRESH_S * eased * eased;
    due && revision < REFRESHED_MAX && (broken(was) != broken(is) || steps::differ(was, is))
}

/// When an incident that is on was opened for the last time, where it was over before: the first that happened after it was
/// resolved last.
pub(super) fn opened_again(log: &[LogEntry]) -> Option<Timestamp> {
    let resolved = log.iter().rposition(|entry| entry.kind == LogKind::Resolve)?;
    log[resolved + 1..].iter().find_map(|entry| entry.at)
}

/// What was signed leaves steps that nobody has said anything of. While the incident is on they come again, in a row of
/// their own, with what is signed beside them. Where nothing was ticked at all the signature was meant as an end.
pub(super) fn goes_on(signed: &RowView) -> bool {
    let Some(Proposal::Live(live)) = &signed.proposal else { return false };
    let approvals = signed.decisions.iter().filter(|one| {
        one.decision == Decision::Approve && one.void.is_none() && one.revision == signed.head.revision
    });
    let said: BTreeSet<usize> =
        approvals.flat_map(|one| one.conditions.keys()).filter_map(|number| number.parse().ok()).collect();
    let mut steps = live.steps.iter().zip(1..);
    !said.is_empty()
        && steps.any(|(step, number)| {
            // What the page has struck out is ticked by nobody.
            !step.deprecated && step.signed.is_none() && !said.contains(&number)
        })
}

/// What was said of each step, the newest word; nothing of what was said before the incident was opened again.
pub(super) fn said_of(ticks: Vec<Ticked>, opened_again: Option<Timestamp>) -> SignedSteps {
    let mut ticks: Vec<Ticked> =
        ticks.into_iter().filter(|tick| opened_again.is_none_or(|again| tick.at > again)).collect();
    ticks.sort_by_key(|tick| tick.at);
    let signed = |tick: Ticked| {
        let Ticked { label, step, word: said, row, at, .. } = tick;
        Some(((label, step), SignedTick { said, by: tick.by.parse().ok()?, row, at }))
    };
    ticks.into_iter().filter_map(signed).collect()
}

/// The same as the open row has it.
pub(super) fn carried(before: &Live) -> SignedSteps {
    let signed = |step: &LiveStep| Some(((step.label.clone(), step.text.clone()), step.signed.clone()?));
    before.steps.iter().filter_map(signed).collect()
}

/// Why the row of an incident that is over stays as it is, while what was ticked can still be signed.
pub(super) fn still_signed(story_over: Option<Timestamp>, within_min: u32, now: Timestamp) -> Option<String> {
    let until = story_over?.checked_add(SignedDuration::from_mins(i64::from(within_min))).ok()?;
    (now < until).then(|| format!("what was ticked can be signed until {}", words::clock(until)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::scribe::draft::tests::example, client::sample, row::page::Body};

    const PAGE: &str = "<h1>api-gw</h1><ol><li><p>Scale deployment api-gw to 6.</p></li>\
<li><p>Look at payments-api</p></li><li><p>Restart it: <code>kubectl rollout restart deploy/payments-api</code></p></li></ol>";

    fn facts(running: Asked<Running>) -> LiveFacts {
        let base = example(PAGE);
        LiveFacts {
            owner: None,
            story: base.story,
            name: base.name,
            runbook: base.runbook,
            page: Page { body: Body::Storage(PAGE.into()), ..base.page },
            read_at: base.read_at,
            on_call: base.on_call,
            running,
            numbers: vec![],
            before: None,
            signed: SignedSteps::new(),
            history: History {
                touched: [("Look at payments-api".to_owned(), "rb-8801".parse().unwrap())].into(),
                ..History::default()
            },
        }
    }

    fn payments(replicas: u64) -> Asked<Running> {
        let one = steps::Workload {
            app: "payments-api".into(),
            kind: "Deployment".into(),
            name: "payments-api".into(),
            replicas: Some(replicas),
            image: Some("ghcr.io/acme/payments-api:2.14.0".into()),
            health: "Healthy".into(),
            deployed_at: None,
        };
        let value = Running { workloads: vec![one], ..Running::default() };
        Asked::Known { value, at: sample::at(3600) }
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
    fn a_step_names_what_stands_in_its_command_and_a_struck_one_nothing() {
        let page = "<h1>Redis</h1><p>The lag is under 5 s.</p><ol><li><p>Restart it.</p><pre>kubectl rollout \
restart deploy/payments-api</pre></li><li><p><del>Scale deployment api-gw to 6.</del></p></li></ol>";
        let mut facts = facts(payments(4));
        facts.page.body = Body::Storage(page.into());
        let made = draft(&facts, &Limits::default()).unwrap();
        let Some(Proposal::Live(live)) = &made.proposal else { panic!() };
        assert_eq!(live.steps[0].facts[0].value, "4 replicas, Healthy");
        assert!(live.steps[1].deprecated && live.steps[1].broken.is_none() && live.steps[1].facts.is_empty());
        let lines = [
            "+## Redis",
            "+\u{b7} The lag is under 5 s.",
            "+1. Redis 1 · Restart it.",
            "+   | kubectl rollout restart deploy/payments-api",
            "+2. Redis 2 · DEPRECATED: Scale deployment api-gw to 6.",
        ];
        for line in lines {
            assert!(made.diff.lines().any(|said| said == line), "{line}: {}", made.diff);
        }
        let presented = row::present::text(&made, "rb-8824".parse().unwrap(), 1);
        assert!(presented.contains("| kubectl rollout restart"), "it is what is signed: {presented}");
        facts.page.body = Body::Storage(String::new());
        assert!(draft(&facts, &Limits::default()).unwrap_err().contains("nothing to follow"));
    }

    #[test]
    fn what_could_not_be_read_breaks_no_step() {
        let unknown = Asked::Unknown { why: "ArgoCD is not reachable".into(), at: sample::at(0) };
        let made = draft(&facts(unknown), &Limits::default()).unwrap();
        let Some(Proposal::Live(live)) = &made.proposal else { panic!() };
        assert!(live.steps.iter().all(|step| step.broken.is_none()));
        assert_eq!(live.steps[0].facts[0].value, "unknown: ArgoCD is not reachable");
        assert!(made.rationale.contains("Unknown: what runs now (ArgoCD is not reachable)."));
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
        let often = crate::client::sample::view("rb-8821", REFRESHED_MAX, first.clone());
        assert!(!at(&often, 5, 6000));
        let late = crate::client::sample::view("rb-8821", 8, first.clone());
        assert!(!at(&late, 5, 239) && at(&late, 5, 240), "less often, the longer it takes");
        let mut gone = facts(payments(4));
        gone.running = Asked::Known { value: Running::default(), at: sample::at(3600) };
        assert!(is_worth(&often, &draft(&gone, &Limits::default()).unwrap()), "a step broke");
    }

    #[test]
    fn an_incident_is_opened_again_by_what_comes_after_it_was_resolved() {
        use LogKind::{Acknowledge, Annotate, Resolve, Trigger};
        let entry = |(at, kind): (i64, &LogKind)| LogEntry {
            id: at.to_string(),
            kind: kind.clone(),
            at: Some(sample::at(at)),
            by: None,
            by_id: None,
            summary: String::new(),
            text: None,
            url: String::new(),
        };
        for (kinds, expected) in [
            (vec![], None),
            (vec![Trigger, Acknowledge, Annotate], None),
            (vec![Trigger, Resolve], None),
            (vec![Trigger, Resolve, Trigger, Acknowledge], Some(2)),
            (vec![Trigger, Resolve, Trigger, Resolve, Annotate, Trigger], Some(4)),
        ] {
            let log: Vec<LogEntry> = (0..).zip(&kinds).map(entry).collect();
            assert_eq!(opened_again(&log), expected.map(sample::at), "{kinds:?}");
        }
    }

    #[test]
    fn what_was_signed_before_the_incident_was_opened_again_is_over() {
        let step = ("Steps 1".to_owned(), "Look at the p95.".to_owned());
        let said = |at: i64| Ticked {
            number: 1,
            label: step.0.clone(),
            step: step.1.clone(),
            word: "followed".to_owned(),
            by: "sarah".to_owned(),
            row: "rb-8824".parse().unwrap(),
            at: sample::at(at),
            received_at: sample::at(at),
            pointer: finding::pointer("dock_row", "dock", "rb-8824", ""),
        };
        let opened_again = Some(sample::at(20));
        let of = |ticks, again| said_of(ticks, again).remove(&step).map(|one| one.at);
        assert_eq!(of(vec![said(30), said(10)], None), Some(sample::at(30)), "the newest word");
        assert_eq!(of(vec![said(10)], opened_again), None, "what was said of it before is over");
        assert_eq!(of(vec![said(30)], opened_again), Some(sample::at(30)));
    }

    #[test]
    fn what_was_ticked_can_be_signed_for_a_while_after_the_incident() {
        let over = Some(sample::at(0));
        let why = still_signed(over, 120, sample::at(7199)).unwrap();
        assert!(why.starts_with("what was ticked can be signed until "), "{why}");
        assert_eq!(still_signed(over, 120, sample::at(7200)), None);
        assert_eq!(still_signed(None, 120, sample::at(0)), None);
    }
}
