//! Where screens draw: cells of one picture, with styles by slot.
//!
//! Never: takes a bare string; whatever is drawn has become [`Shown`] first, and nothing is drawn outside of its area.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::shown::Shown;
use super::terminal::paint::{Link, Picture};
use super::theme::{Slot, Theme};

/// Text whose parts mean different things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Styled(pub Vec<(Slot, Shown)>);

impl Styled {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn of(slot: Slot, text: impl Into<Shown>) -> Self {
        Self::new().add(slot, text)
    }

    #[must_use]
    pub fn add(mut self, slot: Slot, text: impl Into<Shown>) -> Self {
        self.0.push((slot, text.into()));
        self
    }

    #[must_use]
    pub fn text(self, text: impl Into<Shown>) -> Self {
        self.add(Slot::Text, text)
    }

    #[must_use]
    pub fn join(mut self, other: Styled) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Spaces up to this column; at least one where the text is longer already.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let spaces = column.saturating_sub(self.width()).max(1);
        self.text(" ".repeat(spaces))
    }

    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, shown)| shown.width()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.width() == 0
    }

    /// Cut to `width` columns with `…`.
    #[must_use]
    pub fn fit(&self, width: usize) -> Styled {
        if self.width() <= width {
            return self.clone();
        }
        let mut left = width;
        let mut cut = Styled::new();
        for (slot, shown) in &self.0 {
            if shown.width() < left {
                left -= shown.width();
                cut.0.push((*slot, shown.clone()));
            } else {
                // The sign of the cut stands even where a part ended exactly here.
                let part = if shown.width() == left {
                    shown.columns(0, left.saturating_sub(1))
                } else {
                    shown.fit(left)
                };
                let ends = part.width() < left && shown.width() == left;
                cut.0.push((*slot, part));
                if ends {
                    cut.0.push((*slot, "…".into()));
                }
                break;
            }
        }
        cut
    }

    /// Cut in two at `width` columns.
    pub fn split(&self, width: usize) -> (Styled, Styled) {
        let (mut first, mut second) = (Styled::new(), Styled::new());
        let mut left = width;
        for (slot, shown) in &self.0 {
            let take = shown.width().min(left);
            if take > 0 {
                first.0.push((*slot, shown.columns(0, take)));
            }
            if take < shown.width() {
                second.0.push((*slot, shown.columns(take, shown.width() - take)));
            }
            left -= take;
        }
        (first, second)
    }

    /// In rows of at most `width` columns, cut after a space where one is near; the second and later rows are indented.
    /// Nothing is lost.
    pub fn wrap(&self, width: usize, indent: usize) -> Vec<Styled> {
        let indent = indent.min(width / 2);
        let mut rows = Vec::new();
        let mut rest = self.clone();
        while rest.width() > width.max(1) {
            let (row, more) = rest.split(break_at(&rest, width.max(1), indent));
            rows.push(row);
            rest = Styled::new().text(" ".repeat(indent)).join(more);
        }
        rows.push(rest);
        rows
    }

    pub fn plain(&self) -> String {
        self.0.iter().map(|(_, shown)| shown.as_str()).collect()
    }
}

/// The column behind the last space that fits, or all that fits where none is in its second half.
fn break_at(line: &Styled, width: usize, indent: usize) -> usize {
    let (mut column, mut found) = (0, None);
    for (_, shown) in &line.0 {
        for (symbol, columns) in shown.cells() {
            if column + columns > width {
                // Never within a wide character, and never nothing.
                let whole = if column > indent { column } else { width };
                return found.filter(|at| *at > indent.max(width / 2)).unwrap_or(whole);
            }
            column += columns;
            if symbol == " " {
                found = Some(column);
            }
        }
    }
    width
}

impl From<&str> for Styled {
    fn from(text: &str) -> Self {
        Self::of(Slot::Text, text)
    }
}

impl From<String> for Styled {
    fn from(text: String) -> Self {
        Self::of(Slot::Text, text)
    }
}

/// One picture in the making.
pub struct Canvas<'a> {
    pub picture: &'a mut Picture,
    pub theme: &'a Theme,
}

impl Canvas<'_> {
    pub fn area(&self) -> Rect {
        self.picture.buffer.area
    }

    /// Draws as much as fits into `width` columns; returns the column behind it.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &Shown, slot: Slot) -> u16 {
        let style = self.theme.style(slot);
        self.put_style(x, y, width, text, style)
    }

    fn put_style(&mut self, x: u16, y: u16, width: u16, text: &Shown, style: Style) -> u16 {
        let area = self.area();
        let end = x.saturating_add(width).min(area.right());
        if y >= area.bottom() {
            return x;
        }
        let mut at = x;
        for (symbol, columns) in text.cells() {
            let columns = u16::try_from(columns).unwrap_or(1);
            if at + columns > end {
                break;
            }
            let cell = &mut self.picture.buffer[(at, y)];
            cell.set_symbol(symbol).set_style(style);
            for more in 1..columns {
                self.picture.buffer[(at + more, y)].reset();
                self.picture.buffer[(at + more, y)].set_style(style);
            }
            at += columns;
        }
        at
    }

    /// One line of styled text, cut with `…` where it is too long.
    pub fn line(&mut self, x: u16, y: u16, width: u16, text: &Styled) -> u16 {
        let fitted = text.fit(usize::from(width));
        let mut at = x;
        for (slot, shown) in &fitted.0 {
            at = self.put(at, y, (x + width).saturating_sub(at), shown, *slot);
        }
        at
    }

    /// One line that ends at the right edge; returns the column that it begins at.
    pub fn line_right(&mut self, x: u16, y: u16, width: u16, text: &Styled) -> u16 {
        let fitted = text.fit(usize::from(width));
        let begin = x + width.saturating_sub(u16::try_from(fitted.width()).unwrap_or(width));
        self.line(begin, y, (x + width).saturating_sub(begin), &fitted);
        begin
    }

    /// Lays a slot's style over what stands there: the line under the cursor.
    pub fn highlight(&mut self, area: Rect, slot: Slot) {
        let style = self.theme.style(slot);
        self.picture.buffer.set_style(area.intersection(self.area()), style);
    }

    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.area());
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.picture.buffer[(x, y)].reset();
            }
        }
        self.picture.links.retain(|link| !(area.top()..area.bottom()).contains(&link.y));
    }

    /// Makes drawn columns a hyperlink. Only pages for people: `http` and `https`.
    pub fn link(&mut self, x: u16, y: u16, width: u16, url: &str) {
        let harmless = Shown::untrusted(url);
        let page = url.starts_with("https://") || url.starts_with("http://");
        if page && harmless.as_str() == url && url.is_ascii() && !url.contains(' ') {
            self.picture.links.push(Link { x, y, width, url: url.to_owned() });
        }
    }

    /// Where the hardware cursor sits.
    pub fn cursor(&mut self, x: u16, y: u16, typing: bool) {
        let area = self.area();
        self.picture.cursor =
            Some((x.min(area.right().saturating_sub(1)), y.min(area.bottom().saturating_sub(1))));
        self.picture.typing = typing;
    }
}

#[cfg(test)]
mod tests {
    use super::super::theme::Depth;
    use super::*;

    #[test]
    fn styled_text_is_cut_once_and_within_its_width() {
        let text = Styled::of(Slot::Title, "HOLD").text(" argus, drafted");
        for width in 0..25 {
            let fitted = text.fit(width);
            assert!(fitted.width() <= width, "{width}: {}", fitted.plain());
            assert_eq!(
                fitted.plain().ends_with('…'),
                width > 0 && width < text.width(),
                "{width}: {}",
                fitted.plain()
            );
        }
    }

    #[test]
    fn a_wrapped_line_breaks_after_spaces_and_loses_nothing() {
        let text = Styled::of(Slot::Title, "rotate the Redis replica")
            .text(" before 漢字漢字漢字漢字漢字 fails over");
        for width in 4..60 {
            let rows = text.wrap(width, 2);
            assert!(rows.iter().all(|row| row.width() <= width.max(2)), "{width}");
            let indent = 2.min(width / 2);
            let joined: String = rows
                .iter()
                .enumerate()
                .map(|(at, row)| row.plain()[if at > 0 { indent } else { 0 }..].to_owned())
                .collect();
            // A half of a wide character is a space.
            assert_eq!(joined.replace(' ', ""), text.plain().replace(' ', ""), "{width}");
        }
        assert_eq!(text.wrap(20, 0)[0].plain(), "rotate the Redis ");
    }

    #[test]
    fn nothing_is_drawn_outside() {
        let theme = Theme::embedded("mono", Depth::None).unwrap();
        let mut picture = Picture::new(10, 2);
        let mut canvas = Canvas { picture: &mut picture, theme: &theme };
        assert_eq!(canvas.put(6, 0, 20, &"漢字かな".into(), Slot::Text), 10);
        assert_eq!(canvas.put(0, 1, 3, &"漢字".into(), Slot::Text), 2, "half a character is none");
        canvas.put(0, 7, 3, &"below".into(), Slot::Text);
        canvas.highlight(Rect::new(0, 0, 50, 50), Slot::Cursor);
        canvas.clear(Rect::new(5, 0, 50, 50));
    }

    #[test]
    fn links_lead_to_pages_only() {
        let theme = Theme::bare();
        let mut picture = Picture::new(10, 2);
        let mut canvas = Canvas { picture: &mut picture, theme: &theme };
        for url in
            ["javascript:alert(1)", "https://a b", "https://x\x1b]", "file:///etc", "https://argo.example/ok"]
        {
            canvas.link(0, 0, 3, url);
        }
        assert_eq!(picture.links.len(), 1);
    }
}
