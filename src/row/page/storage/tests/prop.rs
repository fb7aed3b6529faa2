//! Pages of all sorts: what an edit leaves alone, and what the platform's own normalisation does not change.

use proptest::prelude::*;

use super::super::passages::{Sort, passages};
use super::super::tree::Tree;
use super::{at, plain};
use crate::row::page::storage::{apply, digest, read, text};
use crate::row::page::{Action, Block, Operation, Passage, outline::PassageKind};

fn inline() -> impl Strategy<Value = String> {
    let words = "[a-e]{1,4}( [a-e]{1,3})?";
    let bit = prop_oneof![
        4 => words.prop_map(|text| text),
        1 => prop::sample::select(vec![
            "&nbsp;", "&rarr;", "&amp;", "&#x1F680;", "🎉", "שלום", " ", "<br/>", "<!-- c -->", "<![CDATA[ <c> ]]>",
            "<ac:emoticon ac:name=\"tick\"/>", "<ac:image><ri:attachment ri:filename=\"f.png\"/></ac:image>",
            "<ac:structured-macro ac:name=\"status\"><ac:parameter ac:name=\"title\">UP</ac:parameter></ac:structured-macro>",
            "<time datetime=\"2026-01-01\"/>", "<ac:link><ri:page ri:content-title=\"Other\"/></ac:link>",
        ]).prop_map(str::to_owned),
        1 => words.prop_map(|text| format!("<strong>{text}</strong>")),
        1 => words.prop_map(|text| format!("<a title=\"t\" href=\"https://x.example/?a&amp;b\">{text}</a>")),
        1 => words.prop_map(|text| format!("<ac:inline-comment-marker ac:ref=\"r\">{text}</ac:inline-comment-marker>")),
        1 => words.prop_map(|text| format!("<del>{text}</del>")),
    ];
    prop::collection::vec(bit, 0..4).prop_map(|bits| bits.concat())
}

fn page() -> impl Strategy<Value = String> {
    let code = "[a-e\\n &<]{0,9}".prop_map(|code| {
        format!("<ac:structured-macro ac:name=\"code\"><ac:plain-text-body><![CDATA[{code}]]></ac:plain-text-body></ac:structured-macro>")
    });
    let leaf = prop_oneof![
        4 => inline().prop_map(|text| format!("<p>{text}</p>")),
        1 => (1..7, inline()).prop_map(|(level, text)| format!("<h{level}>{text}</h{level}>")),
        1 => code,
        1 => prop::sample::select(vec!["<hr/>", "\n", "loose text", "<!-- note -->", "<ac:structured-macro ac:name=\"toc\"/>"]).prop_map(str::to_owned),
        1 => prop::collection::vec(prop::collection::vec(inline(), 1..3), 1..3).prop_map(|rows| {
            let row = |cells: &Vec<String>| format!("<tr>{}</tr>", cells.iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>());
            format!("<table><tbody>{}</tbody></table>", rows.iter().map(row).collect::<String>())
        }),
    ];
    let block = leaf.prop_recursive(3, 24, 4, |inner| {
        let within = || prop::collection::vec(inner.clone(), 0..4).prop_map(|blocks| blocks.concat());
        prop_oneof![
            (any::<bool>(), prop::collection::vec((inline(), within()), 1..4)).prop_map(|(ordered, items)| {
                let tag = if ordered { "ol" } else { "ul" };
                let items: String = items.iter().map(|(text, below)| format!("<li>{text}{below}</li>")).collect();
                format!("<{tag}>{items}</{tag}>")
            }),
            within().prop_map(|body| format!("<ac:structured-macro ac:name=\"panel\"><ac:rich-text-body>{body}</ac:rich-text-body></ac:structured-macro>")),
            within().prop_map(|body| format!("<ac:layout><ac:layout-section ac:type=\"single\"><ac:layout-cell>{body}</ac:layout-cell></ac:layout-section></ac:layout>")),
            within().prop_map(|body| format!("<blockquote>{body}</blockquote>")),
        ]
    });
    prop::collection::vec(block, 0..6).prop_map(|blocks| blocks.concat())
}

fn new_blocks() -> impl Strategy<Value = Vec<Block>> {
    let text = || "[f-j&<>\"]{1,5}".prop_map(|text| plain(&text));
    let one = prop_oneof![
        text().prop_map(|text| Block::Paragraph { text }),
        (0_u8..9, text()).prop_map(|(level, text)| Block::Heading { level, text }),
        (any::<bool>(), 0_u8..5, text()).prop_map(|(ordered, depth, text)| Block::Item {
            ordered,
            depth,
            text
        }),
        "[f-j\\]>&\\n\\x00]{0,9}".prop_map(|code| Block::Code { language: "go".to_owned(), code }),
        prop::collection::vec(prop::collection::vec(text(), 1..3), 1..3)
            .prop_map(|rows| Block::Table { rows }),
    ];
    prop::collection::vec(one, 1..4)
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        new_blocks().prop_map(|blocks| Action::InsertAfter { blocks }),
        new_blocks().prop_map(|blocks| Action::InsertBefore { blocks }),
        new_blocks().prop_map(|blocks| Action::Replace { blocks }),
        ("[a-e]( [a-e])?", "[f-j\\]>&]{0,4}").prop_map(|(was, is)| Action::ReplaceValue { was, is }),
        Just(Action::MarkDeprecated { instead: plain(" use x") }),
    ]
}

/// What Confluence does to a page by itself.
fn normalised(page: &str) -> String {
    page.replace("<hr/>", "<hr />")
        .replace("<p>", "<p local-id=\"l\">")
        .replace("<li>", "<li ac:local-id=\"l\">")
        .replace(
            "<ac:structured-macro ac:name",
            "<ac:structured-macro ac:macro-id=\"m\" ac:schema-version=\"1\" ac:name",
        )
        .replace(
            "<a title=\"t\" href=\"https://x.example/?a&amp;b\">",
            "<a href='https://x.example/?a&amp;b' title='t'>",
        )
        .replace("<br/>", "<br></br>")
        .replace("&rarr;", "→")
        .replace("</tr><tr>", "</tr>\n  <tr>")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Before and after what an operation names, every byte is as it was; passages that it does not name read as before.
    #[test]
    fn an_edit_changes_what_it_names(page in page(), index: prop::sample::Index, action in actions()) {
        let tree = Tree::parse(&page).unwrap();
        let found = passages(&tree).unwrap();
        prop_assume!(!found.is_empty());
        let seen = index.get(&found);
        prop_assume!(!seen.passage.text.is_empty());
        let operation = Operation { anchor: seen.passage.anchor(), ..at("", action.clone()) };
        if let Ok(next) = apply(&page, &[operation]) {
            let mut whole = seen.place.whole.clone();
            if let Sort::Row { table } = &seen.place.sort {
                whole = table.clone();
            }
            prop_assert_eq!(&next[..whole.start], &page[..whole.start]);
            prop_assert!(next.ends_with(&page[whole.end..]));
            let (before, after) = (read(&page).unwrap().passages, read(&next).unwrap().passages);
            // A macro's own passage says more once all it holds is one paragraph.
            let texts = |passages: &[Passage]| {
                let read = passages.iter().filter(|passage| !matches!(passage.kind, PassageKind::Opaque(_)));
                read.map(|passage| passage.text.clone()).collect::<Vec<_>>()
            };
            let at = found.iter().position(|other| other.place.whole.start >= whole.start).unwrap();
            prop_assert!(texts(&after).starts_with(&texts(&before[..at])), "{}", next);
            if matches!(action, Action::InsertAfter { .. } | Action::InsertBefore { .. }) {
                prop_assert!(next.len() > page.len() && digest(&next) != digest(&page));
                let mut left = texts(&after).into_iter();
                prop_assert!(texts(&before).iter().all(|text| left.any(|other| other == *text)));
            }
        }
    }

    #[test]
    fn one_impossible_operation_leaves_none(page in page(), index: prop::sample::Index, action in actions()) {
        let outline = read(&page).unwrap();
        prop_assume!(!outline.passages.is_empty());
        let good = Operation { anchor: index.get(&outline.passages).anchor(), ..at("", action) };
        let bad = at("what no page says", Action::MarkDeprecated { instead: Vec::new() });
        prop_assert!(apply(&page, &[good, bad]).is_err());
        prop_assert_eq!(apply(&page, &[]).unwrap(), page);
    }

    #[test]
    fn the_platforms_normalisation_changes_no_digest(page in page()) {
        let stored = normalised(&page);
        prop_assert_eq!(digest(&stored), digest(&page), "{}", stored);
        prop_assert_eq!(text(&stored).unwrap(), text(&page).unwrap());
    }

    #[test]
    fn no_text_ends_it(soup in prop::collection::vec(prop::sample::select(vec![
        "<p>", "</p>", "<li>", "</li>", "<ol>", "</ol>", "<td", ">", "<", "&", "&nbsp;", "&#0;", "a", "=\"", "\"", "<![CDATA[", "]]>", "<!--", "-->",
        "<ac:structured-macro ac:name=\"code\">", "</ac:structured-macro>", "\u{feff}", "<?x?>", "/>", "é", "<tr>", "</tr>", "<table>", "</table>",
    ]), 0..24), any in "\\PC{0,24}") {
        for body in [soup.concat(), any, format!("<p>{}</p>", soup.concat())] {
            let _ = (text(&body), digest(&body));
            if let Ok(outline) = read(&body) {
                for passage in outline.passages {
                    let after = Action::InsertAfter { blocks: vec![Block::Paragraph { text: plain("x") }] };
                    let _ = apply(&body, &[Operation { anchor: passage.anchor(), ..at("", after) }]);
                }
            }
        }
    }
}
