//! The queue's list and the few lines on the row under its cursor.
//!
//! Never: two rows whose marks differ by colour alone.

use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::model::{Body, Model};
use super::super::queue::marks::Marks;
use super::super::queue::{Group, Line};
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use crate::client::{Entry, Fate, Listed};
use crate::row::paper::Standing;
use crate::row::search::Match;
use crate::row::{Decision, Kind, Proposal, Risk, RowId, State, Verdict};
use crate::wire::{DecisionView, RowView};

pub(super) fn list(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if model.queue.lines.is_empty() {
        for (y, line) in (0..area.height).zip(empty(model, area.width)) {
            canvas.line(area.x + 1, area.y + 1 + y, area.width.saturating_sub(1), &line);
        }
        return;
    }
    for y in 0..area.height {
        let at = model.queue.top + isize::try_from(y).unwrap_or(0);
        let Some(line) =
            usize::try_from(at).ok().and_then(|at| model.queue.lines.get(at).map(|line| (at, line)))
        else {
            continue;
        };
        let (at, line) = line;
        canvas.line(area.x, area.y + y, area.width, &self::line(model, line, area.width));
        if at == model.queue.cursor {
            canvas.put(area.x, area.y + y, 1, &">".into(), Slot::Focus);
            canvas.highlight(Rect::new(area.x, area.y + y, area.width, 1), Slot::Cursor);
            canvas.cursor(area.x, area.y + y, false);
        }
    }
}

/// An empty queue says why it is empty.
fn empty(model: &Model, width: u16) -> Vec<Styled> {
    let waits = model.count(Group::Others);
    let at = model.link.synced_at.map(|at| text::when(at, model.now(), &model.zone, false));
    let said = if !model.filter_text.is_empty() {
        let mut environments: Vec<&str> = model.known.rows.values().map(|row| &*row.environment).collect();
        environments.sort_unstable();
        environments.dedup();
        format!(
            "No row matches {}. Environments here: {}. Esc clears the filter.",
            model.filter_text,
            environments.join(", ")
        )
    } else if model.link.state == super::super::effect::LinkState::NoServer {
        return welcome(width);
    } else if let Some(at) = at.filter(|_| model.link.away()) {
        format!("Nothing waited for you at {at}. What came since is unknown.")
    } else if model.link.synced_at.is_none() {
        "Nothing is cached here yet. The first sync fills the list.".to_owned()
    } else {
        let holds = text::plural(model.known.standing_holds(), "hold stands", "holds stand");
        format!(
            "Nothing waits for you. {}, {holds}.",
            text::plural(waits, "row waits for others", "rows wait for others")
        )
    };
    let wrap = |text: &str| Shown::untrusted(text).wrap(usize::from(width).saturating_sub(2));
    let asked = model.queue.asked.iter().flat_map(|asked| wrap(asked));
    wrap(&said).into_iter().chain(asked).map(|line| Styled::of(Slot::Text, line)).collect()
}

/// Nothing is configured: what Dock is, and what to do.
fn welcome(width: u16) -> Vec<Styled> {
    let wrap = |text: &str| -> Vec<Styled> {
        let lines = Shown::untrusted(text).wrap(usize::from(width).saturating_sub(2));
        lines.into_iter().map(|line| Styled::of(Slot::Text, line)).collect()
    };
    text::WELCOME.iter().flat_map(|part| wrap(part)).collect()
}

fn line(model: &Model, line: &Line, width: u16) -> Styled {
    match line {
        Line::Heading { title } => Styled::of(Slot::Title, format!(" {title}")),
        Line::Folded { count } => {
            Styled::of(Slot::Muted, format!("      {}   Enter unfolds", text::plural(*count, "row", "rows")))
        }
        Line::Row(row) => match model.head(*row) {
            Some(head) => row_line(model, head, width),
            None => Styled::of(Slot::Ghost, format!("      {row}   gone")),
        },
    }
}

fn row_line(model: &Model, head: &Listed, width: u16) -> Styled {
    let ghost = model.queue.ghosts.contains_key(&head.id);
    let marks = Marks::of(&model.known, head, model.unknown.contains(&head.id), model.now());
    let marked = model.queue.marked.contains(&head.id);
    let slot = if ghost { Slot::Ghost } else { Slot::Text };
    let mut line = Styled::of(Slot::Marked, if marked { "+" } else { " " })
        .add(Slot::Danger, marks.when.to_string())
        .add(Slot::Info, marks.news.to_string())
        .add(Slot::Unknown, marks.evidence.to_string())
        .add(Slot::Unsent, marks.delivery.to_string())
        .text(" ")
        .add(slot, format!("{:<9}", head.id.to_string()));
    let left = if head.state.undecided() {
        text::left(head.waits_until().duration_since(model.now()))
    } else {
        String::new()
    };
    if width < 60 {
        return line.join(narrow(model, head, marks, slot, usize::from(width)));
    }
    let risk = if head.risk == Risk::Irreversible { Slot::Watch } else { slot };
    line = line
        .add(slot, format!("{left:>8}  "))
        .add(slot, format!("{} ", fixed(text::environment(&head.environment), 4)))
        .add(risk, format!("{} ", fixed(text::risk_short(head.risk), 5)));
    if let Some(sentence) = sentence(model, head) {
        return line.add(slot, sentence);
    }
    let verdict = if head.verdict.goes_ahead() { slot } else { Slot::Watch };
    line.add(verdict, format!("{} ", fixed(call(head), 5)))
        .add(Slot::Info, title_mark(marks))
        .add(slot, head.about())
        .add(slot, ": ")
        .add(slot, &*head.title)
}

/// Columns that the marks and the id take in a list beside a row.
const NARROW_BEGINS: usize = 15;

/// The rest of a line beside a row: time left and the agent's call, or what became of it; a run's number is never cut.
fn narrow(model: &Model, head: &Listed, marks: Marks, slot: Slot, width: usize) -> Styled {
    let came_back = model.known.group(head) == Group::CameBack;
    let why = match model.known.entry(head.id).map(|entry| &entry.fate) {
        Some(Fate::Refused { .. }) if came_back => Some("refused"),
        Some(Fate::Overtaken { .. }) if came_back => Some("overtaken"),
        _ if came_back && head.state.undecided() => Some("void"),
        _ if head.state.undecided() => None,
        _ => Some(state_in_a_word(head.state)),
    };
    let left = text::left(head.waits_until().duration_since(model.now()));
    let verdict = if head.verdict.goes_ahead() { slot } else { Slot::Watch };
    let line = match why {
        Some(why) => Styled::of(slot, format!(" {why:<11} ")),
        None => Styled::of(slot, format!("{left:>6} ")).add(verdict, format!("{} ", fixed(call(head), 5))),
    };
    let line = line.add(Slot::Link, title_mark(marks));
    let room = width.saturating_sub(NARROW_BEGINS + line.width());
    let number = head.run().map(|run| format!(" {run}")).unwrap_or_default();
    let service = Shown::untrusted(head.service()).fit(room.saturating_sub(number.len()));
    line.add(slot, service).add(slot, number)
}

fn state_in_a_word(state: State) -> &'static str {
    match state {
        State::NeedsChanges => "sent back",
        State::RolledBack => "rolled back",
        State::Stale => "base moved",
        State::HalfSigned => "half signed",
        State::Unknown => "UNKNOWN",
        other => other.word(),
    }
}

/// The agent's call in the five columns that lists have for it; of a document, what is to be published.
fn call(head: &Listed) -> &'static str {
    match (head.verdict, head.kind()) {
        (Verdict::Publish, Kind::Runbook) if head.is_live() => "live",
        (Verdict::Publish, Kind::Runbook) => "edit",
        (Verdict::Publish, Kind::Postmortem) => "paper",
        (verdict, _) => verdict.word(),
    }
}

fn title_mark(marks: Marks) -> String {
    if marks.title == ' ' { String::new() } else { marks.title.to_string() }
}

/// Exactly so many columns.
fn fixed(text: &str, width: usize) -> String {
    let shown = Shown::untrusted(text);
    let cut = shown.fit(width);
    format!("{cut}{}", " ".repeat(width - cut.width()))
}

/// What is said in the title's place where the row does not simply wait for its reader.
fn sentence(model: &Model, head: &Listed) -> Option<String> {
    if let Some(entry) = model.known.entry(head.id)
        && let Some(said) = about_entry(entry)
    {
        return Some(said);
    }
    if let Some(entry) = model.known.voided(head).filter(|_| head.state.undecided()) {
        let decisions = model.body(head.id).map(|body| body.view.decisions.as_slice()).unwrap_or_default();
        let why = decisions.iter().find(|own| own.id == entry.id).and_then(|own| own.void.as_deref());
        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
        return Some(format!("your {} is void{why}", called(entry.decision)));
    }
    if head.state.open() {
        return None;
    }
    let body = model.body(head.id);
    let by = body.map(|body| who_decided(model, &body.view)).unwrap_or_default();
    Some(format!("{}: {}{by}", head.about(), text::state(head.state)))
}

/// Whose word it was: of a decision itself, or of the approval that what happened since followed from.
fn who_decided(model: &Model, view: &RowView) -> String {
    let stood = |one: &&DecisionView| one.void.is_none() && one.revision == view.head.revision;
    let approves = |one: &&DecisionView| one.decision == Decision::Approve;
    let Some(last) = view.decisions.iter().rfind(stood) else { return String::new() };
    let at = text::when(last.at, model.now(), &model.zone, false);
    match view.head.state {
        State::Declined | State::NeedsChanges => format!(" by {} {at}", last.reviewer),
        State::Approved
        | State::Executing
        | State::Executed
        | State::Healthy
        | State::Degraded
        | State::RolledBack
        | State::Failed
        | State::Unknown => {
            let who: Vec<String> = view
                .decisions
                .iter()
                .filter(stood)
                .filter(approves)
                .map(|one| one.reviewer.to_string())
                .collect();
            if who.is_empty() { String::new() } else { format!("; approved by {} {at}", who.join(" and ")) }
        }
        _ => String::new(),
    }
}

fn called(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approval",
        Decision::Decline => "decline",
        Decision::NeedsChanges => "request for changes",
        Decision::Withdraw => "withdrawal",
    }
}

fn about_entry(entry: &Entry) -> Option<String> {
    let what = called(entry.decision);
    match &entry.fate {
        Fate::Signed | Fate::Sending | Fate::Unknown { .. } => {
            Some(format!("your {what} is signed and unsent"))
        }
        Fate::Refused { message, .. } if !entry.opened => Some(format!("your {what} was refused: {message}")),
        Fate::Overtaken { .. } if !entry.opened => Some(format!("your {what} was overtaken: the row moved")),
        _ => None,
    }
}

/// The row under the cursor in four lines.
pub(super) fn preview(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(row) = model.queue.row() else { return };
    let beside = super::super::layout::areas(model).main.is_some();
    let lines =
        if beside { found_below(model, row, area.width) } else { preview_lines(model, row, area.width) };
    for (y, line) in (0..area.height).zip(lines) {
        canvas.line(area.x, area.y + y, area.width, &line);
    }
}

fn preview_lines(model: &Model, row: RowId, width: u16) -> Vec<Styled> {
    let Some(head) = model.head(row) else { return Vec::new() };
    let changed = text::when(head.changed_at, model.now(), &model.zone, false);
    let seen = model.known.seen.get(&row).map(|seen| {
        format!(", you saw r{} at {}", seen.revision, text::when(seen.at, model.now(), &model.zone, false))
    });
    let right = format!("changed {changed}{} ", seen.unwrap_or_default());
    let left = Styled::of(Slot::Title, format!(" {} r{} · {}", head.id, head.revision, head.word));
    let gap = usize::from(width).saturating_sub(left.width() + right.chars().count()).max(1);
    let mut lines = vec![left.text(" ".repeat(gap)).add(Slot::Muted, right)];
    let Some(body) = model.body(row) else {
        lines.extend(model.found.shows(row).map(found_line));
        lines.push(Styled::of(Slot::Muted, " …"));
        return lines;
    };
    let view = &body.view;
    let call = Listed::from(&view.head).call();
    let claim = format!("{}. {}", call.to_uppercase(), view.rationale.replace('\n', " "));
    let wrapped = Shown::untrusted(&claim).wrap(usize::from(width).saturating_sub(2));
    let cut = wrapped.len() > 2;
    lines.extend(wrapped.into_iter().take(2).enumerate().map(|(at, line)| {
        let more = if cut && at == 1 { " …" } else { "" };
        Styled::of(Slot::Text, format!(" {line}{more}"))
    }));
    if let Some(found) = model.found.shows(row) {
        lines.push(found_line(found));
    }
    let stale = view.signals.iter().filter(|signal| !signal.fresh).count();
    let facts = format!(
        " {}, {} · signals {}, {stale} stale · {}",
        made_of(body),
        text::plural(body.diff.changed(), "line", "lines"),
        view.signals.len(),
        super::row::moved_in_short(body),
    );
    lines.push(Styled::of(Slot::Muted, facts));
    lines
}

/// Where it was found, below a list that the whole row stands beside.
fn found_below(model: &Model, row: RowId, width: u16) -> Vec<Styled> {
    let Some(found) = model.found.shows(row) else { return Vec::new() };
    let said = Shown::untrusted(&format!("found in {}: {}", found.field, found.text));
    let wrapped = said.wrap(usize::from(width).saturating_sub(2)).into_iter();
    std::iter::once(Styled::new())
        .chain(wrapped.map(|line| Styled::of(Slot::Text, format!(" {line}"))))
        .collect()
}

/// Where the backend found it, with the words that were asked for.
fn found_line(found: &Match) -> Styled {
    let line = Styled::of(Slot::Muted, format!(" found in {}: ", found.field));
    let slot = |marked| if marked { Slot::Title } else { Slot::Text };
    found.pieces().into_iter().fold(line, |line, (marked, text)| line.add(slot(marked), text))
}

/// What the proposal is made of, counted.
fn made_of(body: &Body) -> String {
    match &body.view.proposal {
        None => text::plural(body.files.len(), "resource", "resources"),
        Some(Proposal::Edit(edit)) => text::plural(edit.operations.len(), "operation", "operations"),
        Some(Proposal::Live(live)) => {
            let broken = live.steps.iter().filter(|step| step.broken.is_some()).count();
            format!("{}, {broken} BROKEN", text::plural(live.steps.len(), "step", "steps"))
        }
        Some(Proposal::Paper(paper)) => {
            let accepted = paper.timeline.iter().filter(|line| line.standing == Standing::Accepted).count();
            format!(
                "{}, {accepted} accepted",
                text::plural(paper.timeline.len(), "timeline line", "timeline lines")
            )
        }
    }
}
