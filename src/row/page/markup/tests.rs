//! What a reviewer is given to edit, and what is read back.

use proptest::prelude::*;

use super::super::{Block, Piece};
use super::*;

fn plain(text: &str) -> Vec<Piece> {
    vec![Piece::Plain(text.to_owned())]
}

#[test]
fn blocks_are_written_as_people_write_them() {
    let blocks = [
        Block::Heading { level: 2, text: plain("Steps #1") },
        Block::Paragraph {
            text: vec![
                Piece::Plain("1. is no step, ".to_owned()),
                Piece::Strong("this".to_owned()),
                Piece::Plain(" runs ".to_owned()),
                Piece::Code("a|b *.yaml".to_owned()),
                Piece::Link { text: "here".to_owned(), url: "https://x.example/(1)".to_owned() },
            ],
        },
        Block::Item { ordered: true, depth: 0, text: plain("one") },
        Block::Item { ordered: false, depth: 1, text: plain("in it") },
        Block::Item { ordered: true, depth: 0, text: plain("two") },
        Block::Code { language: "bash".to_owned(), code: "a\n  ```\n".to_owned() },
        Block::Table { rows: vec![vec![plain("a|b"), plain("c")], vec![plain("---"), Vec::new()]] },
    ];
    let written = "\
## Steps #1

1\\. is no step, **this** runs `a|b *.yaml`[here](https://x.example/\\(1\\))

1. one
  - in it
2. two

````bash
a
  ```

````

| a\\|b | c |
| \\--- |  |
";
    assert_eq!(text(&blocks), written);
    assert_eq!(parse(written).unwrap(), blocks);
}

#[test]
fn what_people_write_otherwise_is_understood() {
    let read =
        parse("A line\nand its rest\n- one\n  goes on\n\n| a | b |\n|---|:--|\n| 1 | [x] |\r\n").unwrap();
    let table = vec![vec![plain("a"), plain("b")], vec![plain("1"), plain("[x]")]];
    assert_eq!(
        read,
        [
            Block::Paragraph { text: plain("A line and its rest") },
            Block::Item { ordered: false, depth: 0, text: plain("one goes on") },
            Block::Table { rows: table },
        ]
    );
}

#[test]
fn what_is_no_markup_says_where_and_why() {
    for (text, said) in [
        ("a\n\n**b", "line 3: `**` is opened and never closed"),
        ("`a", "line 1: a backtick is opened and never closed"),
        ("a\n```\nb", "line 2: the code that begins here has no end"),
        ("- a\n   - b", "line 2: an item is indented by two spaces a depth"),
        ("####### a", "line 1: a heading has at most six"),
    ] {
        let no = parse(text).unwrap_err().to_string();
        assert!(no.starts_with(said), "{no}");
    }
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let text = "[a-c1.*`\\[\\]()|#\\\\ :é🎉-]{1,7}";
    let piece = prop_oneof![
        text.prop_map(Piece::Plain),
        text.prop_map(Piece::Strong),
        text.prop_map(Piece::Code),
        (text, text).prop_map(|(text, url)| Piece::Link { text, url }),
    ];
    prop::collection::vec(piece, 0..4).prop_map(settled)
}

/// White space at a line's ends is none, and plain text beside plain text is one.
fn settled(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Piece::Plain(last)), Piece::Plain(text)) => last.push_str(&text),
            (_, piece) => out.push(piece),
        }
    }
    if let Some(Piece::Plain(text)) = out.first_mut() {
        *text = text.trim_start().to_owned();
    }
    if let Some(Piece::Plain(text)) = out.last_mut() {
        *text = text.trim_end().to_owned();
    }
    out.retain(|piece| !matches!(piece, Piece::Plain(text) if text.is_empty()));
    out
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let full = || pieces().prop_map(|text| if text.is_empty() { plain("x") } else { text });
    let one = prop_oneof![
        (1_u8..7, pieces()).prop_map(|(level, text)| Block::Heading { level, text }),
        full().prop_map(|text| Block::Paragraph { text }),
        (any::<bool>(), 0..=DEEPEST, pieces()).prop_map(|(ordered, depth, text)| Block::Item {
            ordered,
            depth,
            text
        }),
        ("[a-z]{0,4}", "[a`\\n é-]{0,12}").prop_map(|(language, code)| Block::Code { language, code }),
        prop::collection::vec(prop::collection::vec(pieces(), 0..3), 1..4)
            .prop_map(|rows| Block::Table { rows }),
    ];
    prop::collection::vec(one, 0..5)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(blocks in blocks()) {
        let written = text(&blocks);
        prop_assert_eq!(parse(&written), Ok(blocks), "{}", written);
    }

    #[test]
    fn any_text_is_read_or_refused(any in "[-#|`*\\[\\]()\\\\1. a\\n]{0,40}") {
        if let Ok(blocks) = parse(&any) {
            // White space at the ends of what was typed may go; what is written then stays.
            let settled = parse(&text(&blocks)).unwrap();
            prop_assert_eq!(parse(&text(&settled)), Ok(settled));
        }
    }
}
