//! The first two lines and the last: what waits, where the truth stands, what can be done here.
//!
//! Never: one word for fresh, stale, unknown and offline.

use jiff::SignedDuration;
use ratatui::layout::Rect;

use super::super::canvas::{Canvas, Styled};
use super::super::effect::LinkState;
use super::super::keymap::{Command, Context};
use super::super::model::{Layer, Model, Notice, Screen, Typing};
use super::super::queue::{Group, Grouping};
use super::super::text::{self, plural};
use super::super::theme::Slot;
use super::{diff, row, telemetry};
use crate::client::{Listed, listed::SIGN_TICKS};

/// From this age on, the last sync is told with its age.
pub const FRESH_FOR: SignedDuration = SignedDuration::from_secs(30);
/// A clock that is off by less is not worth a word.
const CLOCK_OFF_S: i64 = 30;

pub(super) fn header(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let beside = super::super::layout::areas(model).list.is_some();
    match model.screens.last() {
        Some(Screen::Row(screen)) if !beside => {
            let [first, second] = row::heading(model, screen.row, area.width);
            canvas.line(area.x, area.y, area.width, &first);
            with_truth(model, canvas, area.x, area.y + 1, area.width, &second);
        }
        Some(Screen::Telemetry(screen)) => {
            let [first, second] = telemetry::heading(model, screen);
            canvas.line(area.x, area.y, area.width, &first);
            with_truth(model, canvas, area.x, area.y + 1, area.width, &second);
        }
        Some(Screen::Diff(screen)) => {
            let [first, second] = diff::heading(model, screen, area.width);
            canvas.line(area.x, area.y, area.width, &first);
            with_truth(model, canvas, area.x, area.y + 1, area.width, &second);
        }
        screen => {
            let title = match screen {
                Some(Screen::Outbox(_)) => title(model, "outbox"),
                Some(Screen::Record(_)) => title(model, "record"),
                Some(Screen::Holds(_)) => title(model, "holds"),
                Some(Screen::Incident(screen)) => title(model, &screen.name),
                _ => title(model, ""),
            };
            let room = usize::from(area.width).saturating_sub(truth(model).width() + title.width() + 2);
            with_truth(model, canvas, area.x, area.y, area.width, &title.join(counts(model, room)));
            let second = if beside { queue_line(model) } else { subtitle(model) };
            canvas.line(area.x, area.y + 1, area.width, &second);
        }
    }
}

fn title(model: &Model, screen: &str) -> Styled {
    let mut line = Styled::of(Slot::Title, " dock");
    if model.link.demo {
        line = line.add(Slot::Watch, " DEMO");
    }
    // Told on the right where nothing graver is.
    if model.read_only || (model.elsewhere.is_some() && model.link.away()) {
        line = line.add(Slot::Watch, " READ ONLY");
    }
    if !screen.is_empty() {
        line = line.text("  ").add(Slot::Title, screen);
    }
    line.text("   ")
}

/// What waits, as many of the counts as there is room for.
fn counts(model: &Model, room: usize) -> Styled {
    let of = |group: Group| model.count(group);
    let mut parts = vec![format!("{} for you", of(Group::ForYou))];
    let more = [(of(Group::CameBack), "came back"), (of(Group::SecondKey), "second key")];
    parts.extend(more.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let holds = model.known.standing_holds();
    if holds > 0 {
        parts.push(plural(holds, "hold", "holds"));
    }
    while parts.len() > 1 && parts.join(" · ").chars().count() > room {
        parts.pop();
    }
    Styled::of(Slot::Text, parts.join(" · "))
}

fn with_truth(model: &Model, canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, left: &Styled) {
    let truth = truth(model);
    let begin = canvas.line_right(x, y, width.saturating_sub(1), &truth);
    canvas.line(x, y, begin.saturating_sub(x + 1), left);
}

/// Where the truth stands, always one of these.
pub fn truth(model: &Model) -> Styled {
    let link = &model.link;
    let now = model.now();
    let when = |at| text::when(at, now, &model.zone, false);
    let unsent = model.known.unsent();
    let tail = if unsent > 0 { format!(" · {unsent} unsent") } else { String::new() };
    if let Some(at) = link.broken {
        let said =
            format!("RECORD BROKEN: the server cannot prove what you saw at {} · deciding is off", when(at));
        return Styled::of(Slot::Danger, said);
    }
    match link.state {
        LinkState::NoServer => return Styled::of(Slot::Offline, format!("NO SERVER configured{tail}")),
        LinkState::SignedOut { since } => {
            return Styled::of(Slot::Offline, format!("SIGNED OUT since {} · decisions wait", when(since)));
        }
        LinkState::Offline { since } => {
            return Styled::of(Slot::Offline, format!("OFFLINE since {}{tail}", when(since)));
        }
        LinkState::Starting | LinkState::Synced => {}
    }
    if let Some(halted) = &link.halts.all {
        let said = format!("HALTED {} by {}: clocks stand still", when(halted.at), halted.by);
        return Styled::of(Slot::Watch, said);
    }
    if !link.halts.agents.is_empty() {
        let agents: Vec<_> = link.halts.agents.keys().map(ToString::to_string).collect();
        return Styled::of(Slot::Watch, format!("HALTED: {}", agents.join(", ")));
    }
    if model.elsewhere.is_some() {
        return Styled::of(Slot::Watch, text::ELSEWHERE);
    }
    if link.clock_ahead_s.abs() >= CLOCK_OFF_S {
        let (by, way) = (link.clock_ahead_s.abs(), if link.clock_ahead_s > 0 { "ahead" } else { "behind" });
        return Styled::of(
            Slot::Watch,
            format!("your clock is {by} s {way}: times left and ages are wrong by it"),
        );
    }
    let Some(at) = link.synced_at else { return Styled::of(Slot::Muted, format!("never synced yet{tail}")) };
    let age = now.duration_since(at);
    if link.state == LinkState::Synced && age < FRESH_FOR {
        return Styled::of(Slot::Ok, format!("synced {}", text::when(at, now, &model.zone, true)))
            .add(Slot::Unsent, tail)
            .join(untold(model));
    }
    let again = link.next_at.map(|next| next.duration_since(now).as_secs()).filter(|seconds| *seconds > 0);
    let again = again.map(|seconds| format!(", again in {seconds} s")).unwrap_or_default();
    Styled::of(Slot::Stale, format!("last sync {} ago{again}{tail}", text::age(age)))
}

/// ` · ops not told since 02:10`: who reads this is asked by nobody else meanwhile.
fn untold(model: &Model) -> Styled {
    let all = &model.link.untold;
    let Some(first) = all.iter().min_by_key(|one| one.since) else { return Styled::new() };
    let more = if all.len() > 1 { format!(" and {} more", all.len() - 1) } else { String::new() };
    let since = text::when(first.since, model.now(), &model.zone, false);
    Styled::of(Slot::Watch, format!(" · {}{more} not told since {since}", first.to))
}

/// ` view now   filter env:prod         2 new: . to settle   by want   3 of 92`
fn queue_line(model: &Model) -> Styled {
    let view = if model.view_name.is_empty() { "all" } else { &model.view_name };
    let mut left = Styled::of(Slot::Muted, " view ").text(view);
    if !model.filter_text.is_empty() {
        left = left.add(Slot::Muted, "   filter ").add(Slot::Title, model.filter_text.as_str());
    }
    let mut right = Styled::new();
    if model.queue.new > 0 {
        right = right.add(Slot::Watch, format!("{} new: . to settle   ", model.queue.new));
    } else if model.queue.unsettled {
        right = right.add(Slot::Muted, "moved: . to settle   ");
    }
    if !model.queue.marked.is_empty() {
        right = right.add(Slot::Marked, format!("{} marked   ", model.queue.marked.len()));
    }
    let by = match model.queue.grouping {
        Grouping::ByWant => "by time left",
        Grouping::BySubject => "by service",
        Grouping::None => "ungrouped",
    };
    // A filter is not done before it saw what was only counted.
    let more = if model.filter.is_empty() || model.known.over.is_empty() { "" } else { "…" };
    right = right.add(Slot::Muted, format!("{by}   {}{more} of {}", model.queue.matching, model.known.len()));
    let width = usize::from(model.size.0);
    let gap = width.saturating_sub(left.width() + right.width() + 1);
    left.text(" ".repeat(gap.max(2))).join(right)
}

fn subtitle(model: &Model) -> Styled {
    match model.screens.last() {
        Some(Screen::Outbox(_)) => {
            let unsent = model.known.unsent();
            let begun = model.known.begun.values().filter(|begun| !begun.what.is_empty()).count();
            let drafts = model.known.drafts.len() + begun;
            Styled::of(
                Slot::Muted,
                format!(
                    " {unsent} unsent · {} · {} signed here",
                    plural(drafts, "draft", "drafts"),
                    model.known.entries.len()
                ),
            )
        }
        Some(Screen::Record(record)) => match record.row {
            Some(row) => Styled::of(Slot::Muted, format!(" every attempt on {row}, accepted and refused")),
            None => Styled::of(Slot::Muted, " what you signed here; open a row and press g r for all of it"),
        },
        Some(Screen::Incident(screen)) => super::incident::subtitle(screen),
        Some(Screen::Holds(_)) => {
            Styled::of(Slot::Muted, " the same drift does not page again while its hold stands")
        }
        _ => Styled::new(),
    }
}

pub(super) fn footer(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    canvas.clear(area);
    if let Some(notice) = &model.notice {
        self::notice(model, notice, canvas, area);
        return;
    }
    if model.too_small_to_decide() {
        let line = Styled::of(Slot::Watch, format!(" {}", text::too_small(model.size.0, model.size.1)));
        canvas.line(area.x, area.y, area.width, &line);
        return;
    }
    if let Some(first) = model.key_errors.first()
        && model.layers.is_empty()
        && model.screens.is_empty()
    {
        canvas.line(
            area.x,
            area.y,
            area.width,
            &Styled::of(Slot::Watch, format!(" keys: the default map holds. {first}")),
        );
        return;
    }
    canvas.line(area.x, area.y, area.width, &hints(model, area.width));
}

/// Lines that a notice may take.
const NOTICE_LINES: u16 = 3;

/// A notice is read whole: where one line is too short for it, those above are its, too.
fn notice(model: &Model, notice: &Notice, canvas: &mut Canvas<'_>, area: Rect) {
    let lines = notice.says(model.now()).wrap(usize::from(area.width).saturating_sub(2));
    let typing = matches!(model.layers.last(), Some(Layer::Filter(_) | Layer::Search(_) | Layer::Say(_)));
    let most = if typing { 1 } else { NOTICE_LINES };
    let height = u16::try_from(lines.len()).unwrap_or(most).clamp(1, most).min(area.y + 1);
    let area = Rect { y: area.y + 1 - height, height, ..area };
    canvas.clear(area);
    for (y, line) in (0..height).zip(lines) {
        canvas.line(area.x, area.y + y, area.width, &Styled::new().text(" ").add(notice.slot, line));
    }
}

/// Keys that matter here, as many as fit; help always.
fn hints(model: &Model, width: u16) -> Styled {
    if let Some(Layer::Ask(_)) = model.layers.last() {
        let line = Styled::of(Slot::Key, " y").text(" yes  ").add(Slot::Key, "n  Esc");
        return line.text(" leaves it as it is");
    }
    let contexts = model.contexts();
    let prefix = model.prefix;
    let mut line = Styled::new();
    let help = Styled::new().text("  ").add(Slot::Key, "?").text(" keys ");
    let in_dialog = matches!(model.layers.last(), Some(Layer::Decision(_)));
    let in_text = in_dialog || matches!(model.layers.last(), Some(Layer::Reword(_)));
    let help = if in_text { Styled::of(Slot::Key, "  F1").text(" ") } else { help };
    let room = usize::from(width).saturating_sub(help.width());
    // Inside of a row what decides comes first; in a list what reads.
    let mut bound: Vec<_> =
        model.keymap.within(contexts).filter(|bound| !bound.binding.footer.is_empty()).collect();
    if model.screens.is_empty() && model.layers.is_empty() {
        bound.sort_by_key(|bound| match bound.binding.command {
            Command::Open => 0,
            _ if bound.binding.dangerous => 2,
            _ => 1,
        });
    } else {
        // What is done to the thing under the cursor, then what decides, then the rest.
        bound.sort_by_key(|bound| match bound.binding.context {
            Context::Operations | Context::Steps | Context::Timeline => 0,
            _ if bound.binding.dangerous => 1,
            _ => 2,
        });
    }
    let live = model.subject().and_then(|row| model.head(row)).is_some_and(Listed::is_live);
    for bound in bound {
        let chord = bound.keys.iter().find(|chord| chord.prefix == prefix);
        let Some(chord) = chord.filter(|_| model.disabled(bound.binding.command).is_none()) else { continue };
        let told_elsewhere =
            matches!(bound.binding.command, Command::Help | Command::DialogHelp | Command::WordsHelp)
                || (bound.binding.command == Command::Open
                    && matches!(
                        model.screens.last(),
                        Some(Screen::Row(_) | Screen::Diff(_) | Screen::Telemetry(_))
                    ));
        if told_elsewhere {
            continue;
        }
        let word = match bound.binding.command {
            Command::Approve if live => SIGN_TICKS,
            _ => bound.binding.footer,
        };
        let part = Styled::of(Slot::Key, format!(" {}", chord.key)).text(format!(" {word} "));
        if line.width() + part.width() <= room {
            line = line.join(part);
        }
    }
    if prefix.is_some() {
        return Styled::of(Slot::Key, " g ").text("then  ").join(after_prefix(model));
    }
    let gap = room.saturating_sub(line.width());
    line.text(" ".repeat(gap)).join(help)
}

fn after_prefix(model: &Model) -> Styled {
    let mut line = Styled::new();
    for bound in model.keymap.within(model.contexts()) {
        if let Some(chord) =
            bound.keys.iter().find(|chord| chord.prefix.is_some() && chord.prefix == model.prefix)
        {
            line = line.add(Slot::Key, chord.key.to_string()).text(format!(" {}   ", bound.binding.name));
        }
    }
    line
}

/// A line that is typed, in the footer's place but one.
pub(super) fn typing(model: &Model, canvas: &mut Canvas<'_>, label: &str, typing: &Typing) {
    let y = model.size.1.saturating_sub(2);
    let area = Rect::new(0, y, model.size.0, 1);
    canvas.clear(area);
    let mut line = Styled::of(Slot::Key, format!(" {label}")).text(typing.input.text());
    let column = label.len() + 1 + typing.input.column();
    if let Some(error) = &typing.error {
        line = line.text("   ").add(Slot::Watch, error.as_str());
    }
    canvas.line(0, y, model.size.0, &line);
    canvas.cursor(u16::try_from(column).unwrap_or(0), y, true);
}
