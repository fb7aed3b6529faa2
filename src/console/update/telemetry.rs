//! The telemetry screen's keys, and what comes of reading.
//!
//! Never: takes an answer for a row or a screen that went, or into a frozen picture.

use jiff::{SignedDuration, Timestamp};

use super::super::effect::Effect;
use super::super::keymap::Command;
use super::super::layout;
use super::super::model::{Frozen, Model, Screen, TelemetryScreen};
use super::super::screen;
use super::super::telemetry::{self, Look};
use super::super::widget::list::View;
use super::{layers, push_screen, tell_watch};
use crate::wire::{Span, Telemetry};

/// No further back than the backend reads.
const BACK_MAX: SignedDuration = SignedDuration::from_hours(29 * 24);

/// `t` on a row.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(row) = model.subject() else { return Vec::new() };
    let now = model.now();
    let (span, until) =
        model.body(row).map_or((Span::default(), None), |body| telemetry::time_of(&body.view, now));
    let visit = model.visit();
    let screen = TelemetryScreen {
        visit,
        row,
        view: View::default(),
        span,
        until,
        frozen: None,
        table: false,
        table_top: 0,
    };
    push_screen(model, Screen::Telemetry(screen));
    due(model)
}

/// What is to be read now.
pub(super) fn due(model: &mut Model) -> Vec<Effect> {
    telemetry::due(model).map(|look| Effect::Series { look }).into_iter().collect()
}

pub(super) fn came(model: &mut Model, look: Look, answer: Result<Telemetry, String>) {
    let wanted = telemetry::look(model);
    let same = |wanted: &Look| (wanted.row, wanted.visit) == (look.row, look.visit);
    if wanted.as_ref().is_some_and(same) {
        let at_ms = model.at.ms;
        model.telemetry.take(look, answer, at_ms);
    }
}

pub(super) fn command(model: &mut Model, command: Command) -> Vec<Effect> {
    let now = model.now();
    let row = model.subject();
    let draft = row.and_then(|row| model.body(row)).map(|body| body.view.read_at);
    let told = row.and_then(|row| model.telemetry.live(row)).map(|live| live.told.clone());
    let Some(Screen::Telemetry(screen)) = model.screens.last_mut() else { return Vec::new() };
    match command {
        Command::SpanShorter => zoom(screen, -1),
        Command::SpanLonger => zoom(screen, 1),
        Command::PanEarlier => pan(screen, now, -1),
        Command::PanLater => pan(screen, now, 1),
        Command::Freeze => {
            screen.frozen = match screen.frozen.take() {
                Some(_) => None,
                None => Some(Box::new(Frozen { at: now, told })),
            };
        }
        Command::DraftTime => {
            let Some(draft) = draft else { return Vec::new() };
            if screen.until.take().is_none() {
                let half = screen.span.duration() / 2;
                let until = draft.saturating_add(half).unwrap_or(draft);
                if until >= latest(screen, now) {
                    return tell_watch(model, "the draft's time is in sight: it is where ┆ stands");
                }
                screen.until = Some(until);
            }
        }
        Command::AsTable => {
            screen.table = !screen.table;
            screen.table_top = 0;
        }
        _ => return layers::run(model, command),
    }
    due(model)
}

/// Movement: between the series, and through a table by pages.
pub(super) fn movement(model: &mut Model, command: Command) -> bool {
    let Some(main) = layout::areas(model).main else { return false };
    let height = usize::from(screen::telemetry::parts(model, main).chart.height);
    let rows = screen::telemetry::drawn_of(model)
        .and_then(|drawn| {
            let Some(Screen::Telemetry(open)) = model.screens.last() else { return None };
            drawn.panes.get(open.view.cursor).map(|pane| pane.points.len())
        })
        .unwrap_or(0);
    let Some(Screen::Telemetry(open)) = model.screens.last_mut() else { return false };
    let page = height.saturating_sub(3).max(1);
    if !open.table {
        return false;
    }
    open.table_top = match command {
        Command::PageDown => (open.table_top + page).min(rows.saturating_sub(1)),
        Command::HalfDown => (open.table_top + page / 2).min(rows.saturating_sub(1)),
        Command::PageUp => open.table_top.saturating_sub(page),
        Command::HalfUp => open.table_top.saturating_sub(page / 2),
        _ => return false,
    };
    true
}

fn zoom(screen: &mut TelemetryScreen, by: isize) {
    let at = Span::ALL.iter().position(|span| *span == screen.span).unwrap_or(0);
    let at = at.saturating_add_signed(by).min(Span::ALL.len() - 1);
    screen.span = Span::ALL[at];
}

fn pan(screen: &mut TelemetryScreen, now: Timestamp, way: i32) {
    let quarter = screen.span.duration() / 4 * way;
    let latest = latest(screen, now);
    let until = screen.until.unwrap_or(latest).saturating_add(quarter).unwrap_or(latest);
    let earliest = latest.saturating_sub(BACK_MAX).unwrap_or(latest);
    screen.until = (until < latest).then_some(until.max(earliest));
}

fn latest(screen: &TelemetryScreen, now: Timestamp) -> Timestamp {
    screen.frozen.as_ref().map_or(now, |frozen| frozen.at)
}

#[cfg(test)]
mod tests {
    use super::super::super::effect::{Answer, LinkState};
    use super::super::super::event::What;
    use super::super::super::sample::{self, Desk, id};
    use super::super::super::terminal::FromTerminal;
    use super::super::super::terminal::input::Input;
    use super::*;

    fn asked(desk: &Desk) -> Vec<Look> {
        let look = |effect: &Effect| if let Effect::Series { look } = effect { Some(*look) } else { None };
        desk.effects.iter().filter_map(look).collect()
    }

    #[test]
    fn only_what_is_on_the_screen_is_read_and_once_a_while() {
        let mut desk = Desk::new(80, 24);
        desk.keys("j j Enter");
        assert_eq!(asked(&desk), [], "no pane is to be seen");
        desk.keys("t");
        desk.wait(300);
        assert_eq!(asked(&desk).len(), 1);
        assert_eq!(asked(&desk)[0].row, id("sync-8822"));
        desk.wait(5_000);
        assert_eq!(asked(&desk).len(), 1);
        desk.wait(6_500);
        assert_eq!(asked(&desk).len(), 2, "every ten seconds");
        desk.what(What::Terminal(FromTerminal::Input(vec![Input::Focus(false)])));
        desk.wait(20_000);
        assert_eq!(asked(&desk).len(), 2, "nobody looks");
        desk.wait(47_000);
        assert_eq!(asked(&desk).len(), 3);
        desk.keys("q");
        desk.wait(120_000);
        assert_eq!(asked(&desk).len(), 3, "it is not on the screen any more");
    }

    #[test]
    fn an_answer_for_what_went_is_dropped() {
        let mut desk = Desk::new(80, 24);
        desk.measures = false;
        desk.keys("j j Enter t");
        desk.wait(300);
        let look = asked(&desk)[0];
        let answer = Answer::Series { look, series: Ok(Box::new(sample::telemetry(look))) };
        desk.keys("q");
        desk.answer(answer.clone());
        assert!(desk.model.telemetry.live(look.row).is_none(), "its screen went");
        desk.keys("t");
        desk.answer(answer);
        assert!(desk.model.telemetry.live(look.row).is_none(), "another visit");
    }

    #[test]
    fn a_frozen_picture_stands_still_and_says_so() {
        let mut desk = Desk::new(80, 24);
        desk.keys("j j Enter t");
        desk.wait(300);
        desk.keys("f");
        // All but the line that says where the truth stands.
        let picture = |desk: &Desk| desk.screen().lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
        let (frozen, count) = (picture(&desk), asked(&desk).len());
        assert!(desk.screen().contains("FROZEN 02:14"), "{}", desk.screen());
        desk.wait(60_000);
        assert_eq!((picture(&desk), asked(&desk).len()), (frozen, count));
        desk.keys("f");
        desk.wait(300);
        assert!(!desk.screen().contains("FROZEN") && asked(&desk).len() > count);
    }

    #[test]
    fn offline_there_is_evidence_and_no_reading() {
        let mut desk = Desk::new(120, 40);
        desk.keys("j j");
        desk.wait(300);
        let count = asked(&desk).len();
        desk.model.link.state = LinkState::Offline { since: sample::now() };
        desk.wait(120_000);
        assert_eq!(asked(&desk).len(), count);
        assert!(desk.screen().contains("evidence of 02:11:31; live is off"), "{}", desk.screen());
    }

    #[test]
    fn who_is_not_answered_is_told_and_asks_less_often() {
        let mut desk = Desk::new(80, 24);
        desk.measures = false;
        desk.keys("j j Enter t");
        desk.wait(300);
        for (count, pause) in [(1, 20_000), (2, 40_000), (3, 80_000)] {
            let look = *asked(&desk).last().unwrap();
            desk.answer(Answer::Series { look, series: Err("the server is away".into()) });
            desk.wait(pause * 8 / 10);
            assert_eq!(asked(&desk).len(), count, "not before {pause} ms");
            desk.wait(pause * 4 / 10);
            assert_eq!(asked(&desk).len(), count + 1);
        }
        assert!(desk.screen().contains("live UNKNOWN: the server is away"), "{}", desk.screen());
    }

    #[test]
    fn time_is_zoomed_and_panned_and_comes_back_to_now() {
        let mut desk = Desk::new(80, 24);
        desk.keys("j j Enter t");
        let screen = |desk: &Desk| match desk.model.screens.last() {
            Some(Screen::Telemetry(screen)) => (screen.span, screen.until.is_some()),
            _ => panic!("not on the telemetry screen"),
        };
        assert_eq!(screen(&desk), (Span::Hours3, false));
        desk.keys("+ + -");
        assert_eq!(screen(&desk), (Span::Hours3, false));
        desk.keys("- - - -");
        assert_eq!(screen(&desk), (Span::Days3, false));
        desk.keys("h h");
        assert_eq!(screen(&desk), (Span::Days3, true));
        desk.wait(300);
        assert!(asked(&desk).last().unwrap().until.is_some());
        desk.keys("l l l");
        assert_eq!(screen(&desk), (Span::Days3, false));
    }
}
