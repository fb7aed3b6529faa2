//! Other words for an operation or a sentence, while they are written: a text, and whether it can be read.
//!
//! Never: a mark that cannot be read passed over in silence.

use super::super::canvas::{Canvas, Styled};
use super::super::changes;
use super::super::layout;
use super::super::model::{Model, Reword};
use super::super::shown::Shown;
use super::super::text;
use super::super::theme::Slot;
use super::super::widget::area;
use super::row::edit;
use crate::row::{Proposal, paper::own_words};

const HEIGHT: u16 = 22;
/// What the signs mean, for whoever has not written any.
const SIGNS: &str =
    "## heading   1. step   - bullet   `code`   **strong**   [text](https://…)   ``` around code";

/// A sentence has no marks but these.
const PLAIN: &str = "one sentence, published under your name   `code`";

pub(super) fn draw(model: &Model, reword: &Reword, canvas: &mut Canvas<'_>) {
    let area = layout::layer(model, 96, HEIGHT);
    let proposal = model.body(reword.row).and_then(|body| body.view.proposal.as_ref());
    let about = match proposal {
        Some(Proposal::Edit(edit)) => edit.operations.get(reword.number - 1).map(edit::short),
        Some(Proposal::Paper(paper)) => {
            paper.sentence(reword.number).map(|(section, _)| section.heading.clone())
        }
        _ => None,
    };
    let about = about.unwrap_or_default();
    super::boxed(canvas, area, &format!("Your words for {} of {}: {about}", reword.number, reword.row));
    let inside = super::inside(area);
    let of_paper = matches!(proposal, Some(Proposal::Paper(_)));
    let said = match can_be_read(&reword.text(), of_paper) {
        Err(why) => (Slot::Danger, format!("cannot be read, {why}")),
        Ok(_) if reword.text().trim_end() == reword.before.trim_end() => {
            (Slot::Muted, "the row's own words".to_owned())
        }
        Ok(read) => (Slot::Ok, format!("can be read: {read}")),
    };
    let below = 2.min(inside.height);
    let height = usize::from(inside.height - below);
    let rows = area::rows(&reword.area, usize::from(inside.width));
    let at = rows.iter().position(|(_, cursor)| cursor.is_some()).unwrap_or(0);
    let top = (at + 1).saturating_sub(height);
    for (y, (line, cursor)) in (inside.y..).zip(rows.into_iter().skip(top).take(height)) {
        canvas.line(inside.x, y, inside.width, &Styled::of(Slot::Text, line));
        if let Some(column) = cursor {
            canvas.cursor(inside.x + u16::try_from(column).unwrap_or(0), y, true);
        }
    }
    let y = inside.bottom().saturating_sub(below);
    canvas.line(
        inside.x,
        y,
        inside.width,
        &Styled::of(Slot::Muted, Shown::untrusted(if of_paper { PLAIN } else { SIGNS })),
    );
    canvas.line(inside.x, y + 1, inside.width, &Styled::of(said.0, said.1));
}

/// What came of the text, in words.
fn can_be_read(typed: &str, of_paper: bool) -> Result<String, String> {
    if of_paper {
        return own_words(typed).map(|_| "one sentence".to_owned());
    }
    changes::read(typed).map(|blocks| text::plural(blocks.len(), "block", "blocks"))
}
