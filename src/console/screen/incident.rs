//! An incident: rows, signals, decisions, holds and post-mortem lines of it, one under the other in time; then what was like
//! it.
//!
//! Never: what is not cached passed off as what did not happen.

use super::super::canvas::Styled;
use super::super::incident::{Happening, Told, What};
use super::super::model::{IncidentScreen, Model};
use super::super::shown::Shown;
use super::super::text::{self, plural};
use super::super::theme::Slot;

/// Columns of who or what said it.
const BY: usize = 11;

/// What the cursor is on.
pub fn happening(screen: &IncidentScreen) -> Option<&Happening> {
    screen.all.get(screen.view.cursor)
}

pub(super) fn subtitle(screen: &IncidentScreen) -> Styled {
    let count = |what: What| screen.all.iter().filter(|happening| happening.what == what).count();
    let counted = [
        plural(count(What::Drafted), "row", "rows"),
        plural(count(What::Decided), "decision", "decisions"),
        plural(count(What::Line), "timeline line", "timeline lines"),
    ];
    let (slot, told) = match &screen.told {
        Told::Asked => (Slot::Muted, "asking the backend for more".to_owned()),
        Told::Came(view) => {
            (Slot::Muted, format!("{} like it", plural(view.alike.len(), "incident", "incidents")))
        }
        Told::Nothing => (Slot::Muted, "the backend knows of no more".to_owned()),
        Told::Away => (Slot::Unknown, "offline: what is cached here, incidents like it UNKNOWN".to_owned()),
        Told::Failed(why) => {
            let why = why.lines().next().unwrap_or_default();
            (Slot::Unknown, format!("what is cached here, incidents like it UNKNOWN: {why}"))
        }
    };
    Styled::of(Slot::Muted, format!(" {}: ", counted.join(" · "))).add(slot, Shown::untrusted(&told))
}

pub fn lines(model: &Model, screen: &IncidentScreen, width: u16) -> Vec<Styled> {
    let unread = match &screen.cached {
        Some(Err(why)) => Some(Styled::of(Slot::Unknown, format!("UNKNOWN: {why}"))),
        None => Some(Styled::of(Slot::Muted, "…")),
        Some(Ok(_)) => None,
    };
    if screen.all.is_empty() {
        let nothing = match &screen.told {
            Told::Nothing | Told::Came(_) => "Nothing of it is known, here or to the backend.",
            Told::Asked | Told::Away | Told::Failed(_) => {
                "Nothing of it is cached here; what the backend knows may be more."
            }
        };
        return vec![unread.unwrap_or_else(|| Styled::from(nothing))];
    }
    screen.all.iter().map(|happening| line(model, happening, width)).collect()
}

fn slot(what: What) -> Slot {
    match what {
        What::Line => Slot::Text,
        What::Signal => Slot::Danger,
        What::Alike => Slot::Link,
        What::Drafted => Slot::Info,
        What::Decided => Slot::Title,
        What::Executed | What::Ended => Slot::Ok,
        What::Hold => Slot::Watch,
    }
}

fn line(model: &Model, happening: &Happening, width: u16) -> Styled {
    let at = happening.at.to_zoned(model.zone.clone()).strftime("%m-%d %H:%M:%S").to_string();
    let row = happening.row.map(|row| row.to_string()).unwrap_or_default();
    let by = Shown::untrusted(&happening.by).fit(BY - 1);
    let head = Styled::of(Slot::Muted, format!("{at}  "))
        .add(slot(happening.what), format!("{:<9}", happening.what.word()))
        .add(Slot::Info, by)
        .to(16 + 9 + BY)
        .add(Slot::Title, format!("{row:<10}"));
    let room = usize::from(width).saturating_sub(head.width() + 3);
    head.text(Shown::untrusted(&happening.text.replace('\n', " ")).fit(room))
}

/// What the cursor is on, in full.
pub(super) fn detail(model: &Model, screen: &IncidentScreen) -> Vec<(Slot, String)> {
    let Some(happening) = happening(screen) else { return Vec::new() };
    let at = text::when(happening.at, model.now(), &model.zone, true);
    let row = happening.row.map(|row| format!(", {row}")).unwrap_or_default();
    let by = if happening.what == What::Alike { ":" } else { " by" };
    vec![
        (Slot::Title, format!("{}{by} {} at {at}{row}", happening.what.word(), happening.by)),
        (Slot::Text, happening.text.clone()),
    ]
}
