//! Which part of a list or text is on the screen, and which line the cursor is on.
//!
//! The view is kept, not derived from the cursor: a resize or a new order does not move what the reader looks at.
//!
//! Never: moves by itself further than it must to keep the cursor visible.

/// A window over lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    pub top: usize,
    pub cursor: usize,
}

impl View {
    /// Moves the cursor by lines, up is negative, and the window as little as possible.
    pub fn by(&mut self, lines: isize, len: usize, height: usize) {
        self.keep(len, height);
        self.cursor = self.cursor.saturating_add_signed(lines).min(len.saturating_sub(1));
        self.keep(len, height);
    }

    pub fn to(&mut self, line: usize, len: usize, height: usize) {
        self.keep(len, height);
        self.cursor = line.min(len.saturating_sub(1));
        self.keep(len, height);
    }

    /// After a change of the list or of the height: the cursor is visible, the window is not beyond the end.
    pub fn keep(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.cursor = self.cursor.min(len.saturating_sub(1));
        self.top = self.top.min(len.saturating_sub(height.min(len)));
        if self.cursor < self.top {
            self.top = self.cursor;
        } else if self.cursor >= self.top + height {
            self.top = self.cursor + 1 - height;
        }
    }

    /// Scrolls a text without cursor: the window itself moves.
    pub fn scroll(&mut self, lines: isize, len: usize, height: usize) {
        let height = height.max(1);
        self.keep(len, height);
        self.top = self.top.saturating_add_signed(lines).min(len.saturating_sub(height.min(len)));
        self.cursor = self.cursor.clamp(self.top, (self.top + height).min(len.max(1)) - 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_moves_no_more_than_it_must() {
        let mut view = View::default();
        view.by(5, 100, 10);
        assert_eq!(view, View { top: 0, cursor: 5 });
        view.by(6, 100, 10);
        assert_eq!(view, View { top: 2, cursor: 11 });
        view.by(-3, 100, 10);
        assert_eq!(view, View { top: 2, cursor: 8 });
        view.keep(100, 20);
        assert_eq!(view, View { top: 2, cursor: 8 }, "a larger window keeps its first line");
        view.keep(100, 3);
        assert_eq!(view, View { top: 6, cursor: 8 });
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_visible(steps in prop::collection::vec((-50isize..50, 0usize..80, 0usize..30), 0..40)) {
            let mut view = View::default();
            for (by, len, height) in steps {
                view.by(by, len, height);
                prop_assert!(view.top <= view.cursor && view.cursor < view.top + height.max(1));
                view.scroll(by, len, height);
                prop_assert!(view.top <= view.cursor && view.cursor < view.top + height.max(1));
                prop_assert!(view.cursor < len.max(1));
            }
        }
    }
}
