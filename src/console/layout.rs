//! Where things stand at which size.
//!
//! Never: looks at what is drawn there. The same size gives the same places, so keys and frames agree.

use ratatui::layout::Rect;

use super::model::{Model, Screen};

/// From this width on the list stands beside the row.
pub const BESIDE: u16 = 110;
/// From this size on there is room for the series too, and one may decide without leaving the queue.
pub const WIDE: (u16, u16) = (180, 40);
/// A difference is shown side by side from this width on, unless the reader says otherwise.
pub const SIDE_BY_SIDE: u16 = 100;

/// With this many lines there is room for charts below the row.
const CHARTS_FROM: u16 = 34;
const LIST_WIDTH: u16 = 38;
const LIST_WIDTH_WIDE: u16 = 44;
const ROW_WIDTH_WIDE: u16 = 96;
/// A line on the row, three of its rationale, and a blank one.
const PREVIEW_HEIGHT: u16 = 5;

/// A blank line, and the line that was found in three.
const FOUND_HEIGHT: u16 = 4;

/// The screen, cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub footer: Rect,
    /// The queue's lines.
    pub list: Option<Rect>,
    /// What the screen is about: the row, the difference, a list of its own.
    pub main: Option<Rect>,
    /// Series, where there is room.
    pub side: Option<Rect>,
    /// Series below the row, where there is no room beside it.
    pub charts: Option<Rect>,
    /// A few lines on the row under the cursor, below a narrow list; beside the row, where it was found.
    pub preview: Option<Rect>,
}

pub fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    let header = Rect::new(0, 0, width, 2.min(height));
    let footer = Rect::new(0, height.saturating_sub(1), width, 1);
    let body = Rect::new(0, 2, width, height.saturating_sub(3));
    let none = Areas { header, footer, list: None, main: None, side: None, charts: None, preview: None };
    let split = |width: u16| {
        let (left, rest) = (Rect { width, ..body }, body.width.saturating_sub(width + 1));
        (left, Rect { x: width + 1, width: rest, ..body })
    };
    match model.screens.last() {
        None | Some(Screen::Row(_)) if is_wide(model) => {
            let (list, rest) = split(LIST_WIDTH_WIDE);
            let (list, preview) = above_found(model, list);
            let main = Rect { width: ROW_WIDTH_WIDE, ..rest };
            let side_x = main.x + main.width + 1;
            let side = Rect { x: side_x, width: width.saturating_sub(side_x), ..body };
            Areas { list: Some(list), main: Some(main), side: Some(side), preview, ..none }
        }
        None | Some(Screen::Row(_)) if width >= BESIDE => {
            let (list, main) = split(LIST_WIDTH);
            let (list, preview) = above_found(model, list);
            let below = if body.height >= CHARTS_FROM { (body.height * 3 / 10).clamp(11, 16) } else { 0 };
            let charts = Rect { y: main.bottom() - below, height: below, ..main };
            let main = Rect { height: main.height - below, ..main };
            let charts = (below > 0).then_some(charts);
            Areas { list: Some(list), main: Some(main), charts, preview, ..none }
        }
        None if model.preview && height >= 24 => {
            let list = Rect { height: body.height - PREVIEW_HEIGHT, ..body };
            let preview = Rect { y: list.y + list.height, height: PREVIEW_HEIGHT, ..body };
            Areas { list: Some(list), preview: Some(preview), ..none }
        }
        None => Areas { list: Some(body), ..none },
        Some(_) => Areas { main: Some(body), ..none },
    }
}

/// While the backend's finds stand in a list beside the row, the line that was found stands below it.
fn above_found(model: &Model, list: Rect) -> (Rect, Option<Rect>) {
    if model.queue.found.is_empty() || list.height < 4 * FOUND_HEIGHT {
        return (list, None);
    }
    let above = Rect { height: list.height - FOUND_HEIGHT, ..list };
    (above, Some(Rect { y: above.bottom(), height: FOUND_HEIGHT, ..list }))
}

pub fn is_wide(model: &Model) -> bool {
    model.size.0 >= WIDE.0 && model.size.1 >= WIDE.1
}

/// The body of the row under the cursor is on the screen, or a part of it.
pub fn shows_row(model: &Model) -> bool {
    let areas = areas(model);
    areas.main.is_some() || areas.preview.is_some()
}

/// Where a layer of text or choices lies: over the middle, or everywhere where that is too small.
pub fn layer(model: &Model, width: u16, height: u16) -> Rect {
    let (w, h) = (model.size.0, model.size.1.saturating_sub(1));
    let (width, height) = (width.min(w), height.min(h));
    Rect::new((w - width) / 2, (h - height) / 2, width, height)
}

/// The decision dialog: 80×20 in the middle, or the whole screen but the footer.
pub fn dialog(model: &Model) -> Rect {
    let height = if model.size.1 <= 28 { model.size.1 } else { 24 };
    layer(model, 80, height)
}
