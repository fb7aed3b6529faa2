//! `dock show`: one row, readable by a screen reader. Its middle is the text whose digest is signed, with the lines of the
//! difference that stay the same folded unless all are asked for.
//!
//! Never: a second wording of what is signed.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    marked, operations, out, page,
    person::{Person, block_on},
    plain,
};
use crate::{
    client::{Cache, Cached, Outbox, outbox::Seen, why},
    row::{
        Base, Kind, Moved, Proposal, RowId, difference, paper, present,
        search::{
            Looked,
            alike::{self, Traits},
        },
    },
    wire::{Mark, Pane, RowView, Span},
};

/// How long the text of a row waits for what is measured beside it.
pub(super) const MEASURED_WITHIN: std::time::Duration = std::time::Duration::from_secs(3);

/// Lines that stay the same around each change of a difference.
const AROUND: usize = 3;

/// Papers like this one that are named.
const SIMILAR_MAX: usize = 3;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
#[command(after_help = "Examples:\n  dock show sync-8822\n  dock show sync-8822 --diff --since opened\n  \
    dock show sync-8822 --history --json\n  dock show rb-8823 --diff --whole\n  dock show pm-31 --html > pm-31.html")]
pub(super) struct Show {
    /// The row: sync-8822, with a hyphen or an underscore, or a prefix that only one row has.
    row: String,
    /// An earlier revision.
    #[arg(long, value_name = "N")]
    revision: Option<u32>,
    /// The difference alone.
    #[arg(long)]
    diff: bool,
    /// With --diff: what moved since the draft, or since you opened it.
    #[arg(long, value_name = "WHEN", requires = "diff")]
    since: Option<Since>,
    /// The difference with every line that stays the same, byte for byte as it is signed. Else those lines are folded, and
    /// the words that changed are marked: [-off-], {+on+}.
    #[arg(long)]
    whole: bool,
    /// Its entries in the record.
    #[arg(long)]
    history: bool,
    /// A post-mortem as Markdown.
    #[arg(long, conflicts_with_all = ["diff", "history", "html"])]
    markdown: bool,
    /// A post-mortem as one HTML file, to print or to send.
    #[arg(long, conflicts_with_all = ["diff", "history"])]
    html: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Since {
    Draft,
    Opened,
}

pub(super) fn run(globals: &Globals, args: &Show) -> Outcome {
    let person = Person::open(globals)?;
    block_on(show(&person, args))
}

async fn show(person: &Person, args: &Show) -> Outcome {
    let (outbox, mut cache) = (person.outbox()?, person.cache()?);
    let id = match Person::row_id(&args.row, &cache) {
        // A prefix can only be resolved once something is cached.
        Err(_) if cache.as_of()?.is_none() => {
            person.pull(&outbox, &mut cache, std::time::Duration::ZERO).await?;
            Person::row_id(&args.row, &cache)?
        }
        found => found?,
    };
    if args.history {
        return history(person, id).await;
    }
    let mut offline = None;
    let read = if let Some(revision) = args.revision {
        revision_of(person, &cache, id, revision).await?
    } else {
        let read = person.row(&outbox, &mut cache, id).await?;
        if let Some(why) = &read.offline {
            let as_of = out::when(read.cached.view.head.as_of, person.now());
            out::remark(&format!("{}; {id} as of {as_of}", why.lines().next().unwrap_or_default()));
        }
        offline = read.offline;
        read.cached
    };
    if args.markdown || args.html {
        return export(&read.view, args.html);
    }
    if let Some(since) = args.since {
        return moved(person, &outbox, &read.view, since).await;
    }
    let whole = !args.diff && !person.globals.json && args.revision.is_none();
    let mut telemetry =
        if whole { telemetry(person, &read.view, offline.clone()).await } else { String::new() };
    if whole {
        telemetry.push_str(&similar(&cache, &read.view, person.now())?);
        telemetry.push_str(&page::moved(person, &read.view, offline).await);
    }
    print(person, read, args, &telemetry)
        .and_then(|view| if args.revision.is_none() { mark_seen(person, &outbox, &view) } else { Ok(()) })
        .map(|()| Code::Done)
}

/// Incidents like this one, as far as this home has their papers.
fn similar(cache: &Cache, view: &RowView, now: Timestamp) -> Result<String, Failure> {
    if view.head.kind != Kind::Postmortem {
        return Ok(String::new());
    }
    let traits = |view: &RowView| {
        let mut traits = Traits::default();
        traits.add(&Looked { head: view.searched(), draft: &view.draft() });
        traits
    };
    let mut others = Vec::new();
    for id in cache.ids()?.into_iter().filter(|id| id.kind == Kind::Postmortem && *id != view.head.id) {
        others.extend(
            cache.row(id, now)?.map(|cached| (id, cached.view.head.title.clone(), traits(&cached.view))),
        );
    }
    let all: Vec<_> = others.iter().map(|(.., traits)| traits.clone()).collect();
    let line = |alike: &alike::Alike| {
        let (id, title, _) = others.get(alike.place)?;
        let shared = [alike.shared.services.as_slice(), &alike.shared.words].concat().join(", ");
        Some(format!(
            "similar: {id} {} ({:.0} %: {})\n",
            out::safe(title),
            alike.score * 100.0,
            out::safe(&shared)
        ))
    };
    Ok(alike::alike(&traits(view), &all).iter().take(SIMILAR_MAX).filter_map(line).collect())
}

/// The paper to take away, with the row, the revision and the digest that it can be checked by.
fn export(view: &RowView, html: bool) -> Outcome {
    let head = &view.head;
    let Some(Proposal::Paper(paper)) = &view.proposal else {
        return Err(Failure::usage(format!("{} is no post-mortem: there is nothing to export", head.id)));
    };
    let write = if html { paper::export::html } else { paper::export::markdown };
    out::exact(&out::safe_lines(&write(paper, &colophon(view))));
    Ok(Code::Done)
}

/// Which revision it is, who approved it and when, and what it can be checked by. A page that is taken away says its zone.
fn colophon(view: &RowView) -> String {
    let head = &view.head;
    let at = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC");
    let approvals: Vec<String> =
        why::approved(view).map(|one| format!("{}, {}", one.reviewer, at(one.made_at))).collect();
    let approved = match (approvals.as_slice(), &view.policy) {
        ([], Some(policy)) => format!("passed by policy {policy}"),
        ([], None) => "NOT APPROVED".to_owned(),
        (all, _) => format!("approved by {}", all.join(" and ")),
    };
    format!(
        "{} revision {}, {}; {approved}; as of {}; content sha256 {}",
        head.id,
        head.revision,
        head.state,
        at(head.as_of),
        head.content_sha256
    )
}

async fn revision_of(person: &Person, cache: &Cache, id: RowId, revision: u32) -> Result<Cached, Failure> {
    if let Some(cached) = cache.revision(id, revision, person.now())? {
        return Ok(cached);
    }
    let view = person.online().await?.revision(id, revision).await.map_err(|error| {
        let none = || Failure::nothing(format!("{id} has no revision {revision}"));
        if error.not_found() { none() } else { error.into() }
    })?;
    Ok(Cached::of(view))
}

fn print(person: &Person, mut cached: Cached, args: &Show, telemetry: &str) -> Result<RowView, Failure> {
    cached.view.head.unsent = person.unsent()?.contains(&cached.view.head.id);
    if let Some(why) = &cached.undecidable {
        out::remark(why);
    }
    let view = cached.view;
    match (person.globals.json, args.diff) {
        (true, false) => out::json(&view),
        (true, true) => out::json(
            &serde_json::json!({"id": view.head.id, "revision": view.head.revision, "diff": view.diff}),
        ),
        (false, true) if args.whole => out::exact(&out::safe_lines(&view.diff)),
        (false, true) => out::text(&out::safe_lines(&folded(&view.diff, false))),
        (false, false) if args.whole => {
            out::exact(&(text(&view, person.now(), person.globals.plain, true) + telemetry));
        }
        (false, false) => {
            out::text(&(text(&view, person.now(), person.globals.plain, false) + telemetry));
        }
    }
    Ok(view)
}

/// What is measured now, label first, one series a line; or why that is not known.
async fn telemetry(person: &Person, view: &RowView, offline: Option<String>) -> String {
    let ask = async {
        let api = person.online().await.map_err(|failure| failure.words)?;
        api.series(view.head.id, Span::default(), None).await.map_err(|error| error.to_string())
    };
    let told = match offline {
        Some(why) => Err(why),
        None => tokio::time::timeout(MEASURED_WITHIN, ask)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", MEASURED_WITHIN.as_secs()))),
    };
    let mut lines = vec!["\nMEASURED NOW".to_owned()];
    match told {
        Ok(told) if told.panes.is_empty() => lines.push("nothing is measured of this row".to_owned()),
        Ok(told) => {
            lines.extend(
                told.panes
                    .iter()
                    .map(|pane| out::safe(&measured(pane, limit(view, &pane.name), person.now()))),
            );
            let mark =
                |mark: &Mark| format!("{}: {} {}", mark.what, out::when(mark.at, person.now()), mark.detail);
            lines.extend(told.marks.iter().map(|one| out::safe(&mark(one))));
            lines.extend(
                told.marks_unknown.iter().map(|why| out::safe(&format!("what happened: UNKNOWN, {why}"))),
            );
        }
        Err(why) => {
            lines.push(out::safe(&format!("live is off: {}", why.lines().next().unwrap_or_default())));
        }
    }
    lines.join("\n") + "\n"
}

/// The limit that the row itself was judged by, where it says one: what is measured now is held against the same.
fn limit<'a>(view: &'a RowView, name: &str) -> Option<&'a str> {
    let own = view.signals.iter().find(|signal| signal.signal.name == name)?;
    own.signal.series.as_ref()?.threshold.as_deref()
}

/// `errors: 1.2 % at 02:13, OVER 1 %; prometheus, read 8 s ago`.
fn measured(pane: &Pane, limit: Option<&str>, now: Timestamp) -> String {
    let read = out::span(now.duration_since(pane.fetched_at).as_secs().max(0));
    let source = format!("{}, read {read} ago", pane.pointer.platform);
    let unknown = |why: &str| format!("{}: UNKNOWN, {why}; {source}", pane.name);
    let Some(series) = &pane.series else {
        return unknown(pane.unknown.as_deref().unwrap_or("no reason given"));
    };
    let numbers: Vec<Option<f64>> = series.numbers().collect();
    let Some((at, last)) = numbers.iter().enumerate().rev().find_map(|(at, value)| Some((at, (*value)?)))
    else {
        return unknown("no data");
    };
    let into = i64::from(series.step_s).saturating_mul(i64::try_from(at).unwrap_or(0));
    let at = series.from.saturating_add(jiff::SignedDuration::from_secs(into)).unwrap_or(series.from);
    let threshold = limit.or(series.threshold.as_deref()).and_then(|text| text.parse::<f64>().ok());
    let bad = threshold.filter(|threshold| pane.bad.is_bad(last, *threshold));
    let bad =
        bad.map(|threshold| format!(", {} {threshold}{}", pane.bad.word(), pane.unit)).unwrap_or_default();
    let age = now.duration_since(at).as_secs() - i64::from(series.step_s);
    let stale =
        if age > i64::from(pane.budget_s) { format!(", STALE {}", out::span(age)) } else { String::new() };
    format!("{}: {last}{} at {}{bad}{stale}; {source}", pane.name, pane.unit, out::when(at, now))
}

/// That this reader had it open, for "what moved since you opened it".
fn mark_seen(person: &Person, outbox: &Outbox, view: &RowView) -> Result<(), Failure> {
    let base = serde_json::to_string(&view.base_read).map_err(|error| Failure::failed(error.to_string()))?;
    let seen = Seen { row: view.head.id, revision: view.head.revision, base, at: person.now() };
    outbox.mark_seen(&seen)?;
    Ok(outbox.mark_opened(view.head.id)?)
}

/// A difference for reading: what stays the same is folded, what changed within a line is marked.
pub(super) fn folded(diff: &str, whole: bool) -> Cow<'_, str> {
    if whole {
        return Cow::Borrowed(diff);
    }
    let folded = difference::folded(diff, AROUND);
    // Programs that read it see no marks that the text does not have.
    Cow::Owned(if out::columns().is_some() { marked::words_of(&folded) } else { folded })
}

/// Where it stands, what is proposed (the text that is signed), what was decided, what became of it.
fn text(view: &RowView, now: Timestamp, plain: bool, whole: bool) -> String {
    let head = &view.head;
    let mut lines = if plain { plain::shown(view, now) } else { above(view, now) };
    lines.push(String::new());
    let mut draft = view.draft();
    draft.diff = folded(&draft.diff, whole).into_owned();
    let present = present::text(&draft, head.id, head.revision);
    lines.push(out::safe_lines(&present).trim_end().to_owned());
    lines.push("\nSIGNALS' AGE".to_owned());
    for signal in &view.signals {
        let age = out::span(now.duration_since(signal.read_at()).as_secs());
        let budget = out::span(i64::from(signal.signal.budget_s));
        let word = if signal.fresh { format!("{age} old") } else { format!("STALE {age} (budget {budget})") };
        let value = signal.again.as_ref().and_then(|again| again.value.as_deref());
        let value = value.map(|value| format!(", says now: {}", out::safe(value))).unwrap_or_default();
        lines.push(format!("{}: {word}{value}", out::safe(&signal.signal.name)));
    }
    if let Some(Proposal::Paper(paper)) = &view.proposal {
        lines.push(format!(
            "\nSECTIONS, sentence by sentence (`dock amend {} --strike N`, `--edit N`, `--answer N=TEXT`)",
            head.id
        ));
        lines.push(out::safe_lines(&paper.sections_text()).trim_end().to_owned());
        let (accepted, proposed, struck) = paper.tally();
        lines.push(format!(
            "\nTIMELINE, line by line ({accepted} accepted, {proposed} proposed, {struck} struck; `dock timeline {} strike N`)",
            head.id
        ));
        lines.push(out::safe_lines(&paper.timeline_text()).trim_end().to_owned());
    }
    let operations = operations::lines(view);
    if !operations.is_empty() {
        lines.push(String::new());
        lines.extend(operations);
    }
    lines.push("\nDECIDED SO FAR".to_owned());
    decided(view, now, &mut lines);
    became(view, now, &mut lines);
    lines.join("\n") + "\n"
}

fn above(view: &RowView, now: Timestamp) -> Vec<String> {
    let head = &view.head;
    let mut lines = vec![format!("{} r{} · {} · {}", head.id, head.revision, head.word, standing(view, now))];
    let asked: Vec<_> = head.reviewers.iter().map(ToString::to_string).collect();
    lines.push(format!(
        "by {} ({} answers for it) · asked: {} · keys {} of {}",
        head.agent,
        head.owner,
        if asked.is_empty() { "nobody by name".to_owned() } else { asked.join(", ") },
        head.keys_given,
        head.keys_needed
    ));
    if !view.amended_by.is_empty() {
        let by: Vec<_> = view.amended_by.iter().map(ToString::to_string).collect();
        let last = view.revised_by.as_ref().map(|last| {
            let (at, agent) = (out::when(view.read_at, now), &head.agent);
            format!(
                "; r{} is {last}'s, made {at}: what {agent} says below is of its own draft",
                head.revision
            )
        });
        lines.push(format!("amended by {}{}", by.join(", "), last.unwrap_or_default()));
    }
    lines.extend(view.asks.iter().map(|ask| format!("asked for: {}", out::safe(&ask.sentence()))));
    if view.claim {
        lines.push("AGENT'S CLAIM: the backend could not compute this difference itself.".to_owned());
    }
    for hold in &view.declined_before {
        let at = out::when(hold.since, now);
        lines.push(format!("declined before by {}, {at}: {}", hold.by, out::safe(&hold.note)));
    }
    lines
}

fn standing(view: &RowView, now: Timestamp) -> String {
    let head = &view.head;
    let how = head.how.map(|how| format!(" ({})", how.word())).unwrap_or_default();
    let left = if head.state.undecided() {
        format!(" · {} left", out::span(head.expires_at.duration_since(now).as_secs()))
    } else {
        format!(" · since {}", out::when(head.changed_at, now))
    };
    let unsent = if head.unsent { " · your decision is signed and unsent" } else { "" };
    let why = view.why.as_deref().map(|why| format!(" · {}", out::safe(why))).unwrap_or_default();
    format!("{}{how}{left}{unsent}{why}", head.state)
}

fn decided(view: &RowView, now: Timestamp, lines: &mut Vec<String>) {
    if view.decisions.is_empty() && view.policy.is_none() {
        lines.push("nothing yet".to_owned());
    }
    if let Some(policy) = &view.policy {
        lines.push(format!("auto ({})", out::safe(policy)));
    }
    for decision in &view.decisions {
        let over = if decision.overrides { ", an override" } else { "" };
        let offline = if decision.offline { ", decided offline" } else { "" };
        let void = decision.counts_no_more().map(|why| format!(", {}", out::safe(&why))).unwrap_or_default();
        let (who, what, at) = (&decision.reviewer, decision.decision.past(), out::when(decision.at, now));
        lines.push(format!("{who} {what} r{} at {at}{over}{offline}{void}", decision.revision));
        if let Some(note) = &decision.note {
            lines.extend(out::safe_lines(note).lines().map(|line| format!("  {line}")));
        }
    }
}

fn became(view: &RowView, now: Timestamp, lines: &mut Vec<String>) {
    if let Some(execution) = &view.execution {
        let confirmed = execution.confirmed_at.map(|at| format!("confirmed {}", out::when(at, now)));
        let confirmed = confirmed.unwrap_or_else(|| "not confirmed yet".to_owned());
        lines.push(format!("\nEXECUTION\ntagged {}, {confirmed}", execution.tag));
    }
    if let Some(outcome) = &view.outcome {
        let (at, detail) = (out::when(outcome.checked_at, now), out::safe(&outcome.detail));
        lines.push(format!("\nOUTCOME\n{} at {at}: {detail}", outcome.state));
    }
}

async fn history(person: &Person, id: RowId) -> Outcome {
    let entries = person.online().await?.history(id).await.map_err(|error| {
        if error.not_found() { Failure::nothing(format!("no row {id}")) } else { error.into() }
    })?;
    for entry in entries {
        let leaf: serde_json::Value = serde_json::from_str(&entry.leaf).unwrap_or_default();
        if person.globals.json {
            out::json(&serde_json::json!({"index": entry.index, "leaf": leaf}));
            continue;
        }
        let field = |pointer: &str| leaf.pointer(pointer).and_then(|value| value.as_str()).unwrap_or("");
        out::line(out::safe(&format!(
            "{:>6}  {}  {:<20} {:<12} {}",
            entry.index,
            field("/at"),
            field("/event"),
            field("/actor/id"),
            field("/body/to")
        )));
    }
    Ok(Code::Done)
}

/// What is no longer as it was, in the words of both sides.
async fn moved(person: &Person, outbox: &Outbox, view: &RowView, since: Since) -> Outcome {
    let id = view.head.id;
    let mut page = None;
    let (moved, read_at) = match since {
        Since::Draft => {
            let fresh = person.online().await?.fresh(id).await?;
            page = fresh.since;
            (fresh.moved, fresh.read_at)
        }
        Since::Opened => {
            let seen = outbox.seen()?.into_iter().find(|seen| seen.row == id);
            let seen = seen.ok_or_else(|| Failure::nothing(format!("you have not opened {id} before")))?;
            let was: Base =
                serde_json::from_str(&seen.base).map_err(|error| Failure::failed(error.to_string()))?;
            (was.moved(&view.base_read), view.read_at)
        }
    };
    if person.globals.json {
        out::json(&serde_json::json!({"id": id, "moved": moved, "read_at": read_at, "page": page}));
    } else if moved.is_empty() {
        let since = if since == Since::Draft { "the draft" } else { "you opened it" };
        out::line(format!("Nothing moved since {since}. Base read {}.", out::when(read_at, person.now())));
    } else {
        for moved in &moved {
            out::line(sentence(moved));
        }
        if let Some(since) = page {
            out::text(&page::text(id, &since, true));
        }
    }
    Ok(Code::Done)
}

pub(super) fn sentence(moved: &Moved) -> String {
    format!("{}: was {}, is {}", out::safe(&moved.what), out::safe(&moved.was), out::safe(&moved.is))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::{Pointer, Series},
        wire::Side,
    };

    #[test]
    fn a_revision_is_told_as_whose_it_is_and_its_evidence_as_old_as_its_oldest() {
        let now: Timestamp = "2026-05-30T02:14:00Z".parse().unwrap();
        let mut view = sample::view("rb-8821", 2, sample::draft());
        let told = |view: &RowView| above(view, now).join("\n");
        assert!(!told(&view).contains("amended by") && view.made().0 == "drafted", "{}", told(&view));
        view.amended_by = vec!["sarah".parse().unwrap()];
        assert!(told(&view).ends_with("\namended by sarah"), "the agent drafted on top: {}", told(&view));
        view.revised_by = Some("sarah".parse().unwrap());
        assert!(told(&view).contains("amended by sarah; r2 is sarah's, made "), "{}", told(&view));
        assert!(told(&view).contains("what argus says below is of its own draft"), "{}", told(&view));
        assert_eq!(view.made(), ("amended by sarah".to_owned(), view.read_at));

        // What is amended later is read no later.
        view.read_at = now;
        let oldest = view.signals.iter().map(|signal| signal.signal.fetched_at).min();
        assert_eq!(Some(view.evidence_at()), oldest.filter(|at| *at < now));
        view.signals.clear();
        assert_eq!(view.evidence_at(), now);
    }

    #[test]
    fn what_is_taken_away_names_who_approved_it_and_when() {
        let mut view = crate::client::sample::view("pm-31", 2, crate::client::sample::draft());
        assert!(colophon(&view).contains("; NOT APPROVED; "), "{}", colophon(&view));
        let mut one = crate::client::sample::said("priya", crate::row::Decision::Approve, 2);
        one.made_at = "2026-05-30T04:12:59Z".parse().unwrap();
        let earlier = crate::client::sample::said("sarah", crate::row::Decision::Approve, 1);
        view.decisions = vec![earlier, one];
        let told = colophon(&view);
        assert!(
            told.contains("; approved by priya, 2026-05-30 04:12 UTC; as of ") && !told.contains("sarah"),
            "{told}"
        );
    }

    #[test]
    fn a_series_is_told_in_words() {
        let now: Timestamp = "2026-05-30T02:14:00Z".parse().unwrap();
        let pane = |points: &[Option<&str>]| Pane {
            name: "errors".into(),
            unit: " %".into(),
            pointer: Pointer {
                name: "prometheus_query".into(),
                platform: "prometheus".into(),
                reference: "q".into(),
                url: "https://prometheus.example.com".into(),
            },
            fetched_at: "2026-05-30T02:13:52Z".parse().unwrap(),
            budget_s: 300,
            series: Some(Series {
                unit: " %".into(),
                from: "2026-05-30T02:00:00Z".parse().unwrap(),
                step_s: 60,
                points: points.iter().map(|point| point.map(str::to_owned)).collect(),
                threshold: Some("1".into()),
            }),
            unknown: None,
            bad: Side::Over,
        };
        let said = measured(&pane(&[Some("0.4"), None, Some("1.5"), None]), None, now);
        assert!(said.starts_with("errors: 1.5 % at ") && said.contains("OVER 1 %"), "{said}");
        let own = measured(&pane(&[Some("3.5")]), Some("3"), now);
        assert!(own.contains("OVER 3 %"), "the row's own limit, as in the console: {own}");
        assert!(!measured(&pane(&[Some("1.5")]), Some("3"), now).contains("OVER"));
        assert!(said.contains("STALE") && said.ends_with("prometheus, read 8s ago"), "{said}");
        assert!(measured(&pane(&[None]), None, now).starts_with("errors: UNKNOWN, no data"));
        let gone = Pane { series: None, unknown: Some("Prometheus is not reachable".into()), ..pane(&[]) };
        assert!(measured(&gone, None, now).starts_with("errors: UNKNOWN, Prometheus is not reachable"));
    }
}
