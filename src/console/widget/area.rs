//! A text of several lines that is written: what a key does to it, and how it is laid out with its cursor.
//!
//! Never: takes what is not printable, or more than it may hold.

use tui_textarea::{CursorMove, TextArea};

use super::super::key::{Code, Key};
use super::super::shown::Shown;

/// One with this text, the cursor behind it.
pub fn text_area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(text.split('\n').map(str::to_owned).collect());
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

/// Takes text in: what is not printable is left out; more than `max` bytes in all is cut. Returns what went.
pub fn insert(area: &mut TextArea<'static>, text: &str, max: usize) -> usize {
    let mut kept = String::new();
    let mut gone = 0;
    let room = max.saturating_sub(area.lines().join("\n").len());
    for c in text.chars() {
        let printable = c == '\n' || Shown::untrusted(c.encode_utf8(&mut [0; 4])).hidden() == 0;
        let c = if c == '\t' { ' ' } else { c };
        if printable && kept.len() + c.len_utf8() <= room { kept.push(c) } else { gone += 1 }
    }
    area.insert_str(kept);
    gone
}

/// A key that writes or moves; false where it is none of those.
pub fn press(area: &mut TextArea<'static>, key: Key, max: usize) -> bool {
    if let Some(c) = key.typed() {
        insert(area, c.encode_utf8(&mut [0; 4]), max);
        return true;
    }
    match key.code {
        Code::Enter => {
            insert(area, "\n", max);
        }
        Code::Backspace => {
            area.delete_char();
        }
        Code::Delete => {
            area.delete_next_char();
        }
        Code::Left => area.move_cursor(CursorMove::Back),
        Code::Right => area.move_cursor(CursorMove::Forward),
        Code::Up => area.move_cursor(CursorMove::Up),
        Code::Down => area.move_cursor(CursorMove::Down),
        Code::Home => area.move_cursor(CursorMove::Head),
        Code::End => area.move_cursor(CursorMove::End),
        _ => return false,
    }
    true
}

/// Its rows in so many columns; one of them has the cursor, at that column. Broken behind a space where one is near.
pub fn rows(area: &TextArea<'static>, width: usize) -> Vec<(Shown, Option<usize>)> {
    let cursor = area.cursor();
    let mut rows: Vec<(Shown, Option<usize>)> = Vec::new();
    for (at, line) in area.lines().iter().enumerate() {
        let shown = Shown::untrusted(line);
        let before: String = line.chars().take(cursor.1).collect();
        let mut left = Shown::untrusted(&before).width();
        let mut from = 0;
        loop {
            let part = row(&shown, from, width.saturating_sub(1).max(1));
            let full = part.width().max(1);
            let last = from + full >= shown.width();
            let here = at == cursor.0 && (left < full || last);
            rows.push((part, here.then_some(left)));
            if here {
                left = usize::MAX;
            } else if left != usize::MAX {
                left = left.saturating_sub(full);
            }
            from += full;
            if last {
                break;
            }
        }
    }
    rows
}

/// What stands on one row from this column on.
fn row(shown: &Shown, from: usize, width: usize) -> Shown {
    let part = shown.columns(from, width);
    if from + part.width() >= shown.width() {
        return part;
    }
    let (mut column, mut space) = (0, 0);
    for (symbol, columns) in part.cells() {
        column += columns;
        if symbol == " " {
            space = column;
        }
    }
    if space > width / 2 { shown.columns(from, space) } else { part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stands_once_and_every_letter_on_some_row() {
        let text = "rotate the replica, then wait until it is up\n\nlongwordwithoutanyspaceinitatall";
        for width in 2..40 {
            let area = text_area(text);
            let rows = rows(&area, width);
            assert_eq!(rows.iter().filter(|(_, cursor)| cursor.is_some()).count(), 1, "{width}");
            let whole: String = rows.iter().map(|(row, _)| row.to_string()).collect();
            assert_eq!(whole, text.replace('\n', ""), "{width}");
            assert!(rows.iter().all(|(row, _)| row.width() < width), "{width}");
        }
        assert_eq!(rows(&text_area(text), 20)[0].0.as_str(), "rotate the ");
    }

    #[test]
    fn what_is_not_printable_or_too_much_is_left_out() {
        let mut area = text_area("");
        assert_eq!(insert(&mut area, "a\u{202e}b\tc", 3), 2);
        assert_eq!(area.lines(), ["ab "]);
    }
}
