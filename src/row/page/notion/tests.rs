//! Runbooks as Notion keeps them, and Notion carrying out what it is sent.

use proptest::prelude::*;
use serde_json::json;

use super::super::{Action, Anchor, Block, Piece};
use super::*;

mod steps;

fn rich(text: &str) -> Json {
    json!([{"type": "text", "text": {"content": text, "link": null}, "plain_text": text, "href": null,
        "annotations": {"bold": false, "italic": false, "strikethrough": false, "underline": false, "code": false, "color": "default"}}])
}

/// As Notion gives a block.
fn block(id: &str, kind: &str, text: &str, children: Vec<Json>) -> Json {
    let mut block = json!({
        "object": "block", "id": id, "type": kind, "has_children": !children.is_empty(), "in_trash": false,
        "created_time": "2026-07-04T09:08:00.000Z", "last_edited_time": "2026-07-04T09:08:00.000Z",
        kind: {"rich_text": rich(text), "color": "default", "icon": null},
    });
    if !children.is_empty() {
        block["children"] = Json::Array(children);
    }
    block
}

fn row(id: &str, cells: &[&str]) -> Json {
    let cells: Vec<_> = cells.iter().map(|cell| rich(cell)).collect();
    json!({"id": id, "type": "table_row", "has_children": false, "table_row": {"cells": cells}})
}

fn redis() -> Vec<Json> {
    let table = json!({"id": "t", "type": "table", "has_children": true,
        "table": {"table_width": 2, "has_column_header": true, "has_row_header": false},
        "children": [row("r-0", &["Flag", "Value"]), row("r-1", &["timeout", "30s"])]});
    let mut code = block("code", "code", "redis-cli info\n  exit 3", Vec::new());
    code["code"]["language"] = json!("bash");
    let image = json!({"id": "img", "type": "image", "has_children": false, "image": {"type": "file", "caption": rich("The flow"),
        "file": {"url": "https://s3.example.com/f.png?X-Amz-Signature=1", "expiry_time": "2026-07-04T10:08:00.000Z"}}});
    vec![
        block("h", "heading_1", "Redis failover", Vec::new()),
        block("c", "callout", "Only when the primary is gone.", Vec::new()),
        block("h2", "heading_2", "Steps", Vec::new()),
        block("s-1", "numbered_list_item", "Check the replicas", vec![code]),
        block(
            "s-2",
            "numbered_list_item",
            "Promote",
            vec![block("b-1", "bulleted_list_item", "in eu-west-1 🚀", Vec::new())],
        ),
        block("s-3", "numbered_list_item", "Restart api-gw", Vec::new()),
        table,
        image,
        json!({"id": "d", "type": "divider", "divider": {}, "has_children": false}),
        block("p", "paragraph", "שלום", Vec::new()),
    ]
}

const AS_TEXT: &str = "\
# Redis failover
[macro callout] Only when the primary is gone.
## Steps
1. Check the replicas
  ```bash
  redis-cli info
    exit 3
  ```
2. Promote
  - in eu-west-1 🚀
3. Restart api-gw
Flag | Value
timeout | 30s
[macro image] The flow
שלום
";

fn at(text: &str, action: Action) -> Operation {
    let anchor = Anchor { id: None, path: Vec::new(), text: text.to_owned() };
    Operation { anchor, action, because: "it was so".to_owned(), pointers: Vec::new(), by: None }
}

fn plain(text: &str) -> Vec<Piece> {
    vec![Piece::Plain(text.to_owned())]
}

fn step(text: &str) -> Block {
    Block::Item { ordered: true, depth: 0, text: plain(text) }
}

fn after(text: &str, blocks: Vec<Block>) -> Operation {
    at(text, Action::InsertAfter { blocks })
}

fn value(text: &str, was: &str, is: &str) -> Operation {
    at(text, Action::ReplaceValue { was: was.to_owned(), is: is.to_owned() })
}

#[test]
fn boxes_to_tick_are_kept_as_they_are_when_something_else_is_edited() {
    let mut ticked =
        block("t-1", "to_do", "Stop the writers", vec![block("c", "code", "scale 0", Vec::new())]);
    ticked["to_do"]["checked"] = json!(true);
    let page =
        vec![ticked, block("t-2", "to_do", "Promote", Vec::new()), block("p", "paragraph", "5s", Vec::new())];
    let next = apply(&page, &[value("5s", "5s", "9s"), after("5s", vec![step("Wait")])]).unwrap();
    assert_eq!(next[..2], page[..2]);
    assert_eq!(next.len(), 4);
}

/// Notion, as far as it keeps one page.
struct Platform {
    blocks: Vec<Json>,
    made: usize,
}

impl Platform {
    fn carry_out(&mut self, calls: &[Call]) {
        for call in calls {
            match call {
                Call::Append { parent, after, children } => {
                    let new = self.made(children);
                    assert!(children.len() <= CHILDREN_MAX);
                    let level = level(&mut self.blocks, parent);
                    let place = after.as_ref().map_or(level.len(), |id| {
                        1 + level
                            .iter()
                            .position(|block| block["id"] == *id)
                            .expect("what it comes after is there")
                    });
                    level.splice(place..place, new);
                }
                Call::Prepend { parent, children } => {
                    let new = self.made(children);
                    level(&mut self.blocks, parent).splice(0..0, new);
                }
                Call::Update { block, kind, payload } => {
                    let found = find(&mut self.blocks, block).expect("what is updated is there");
                    assert_eq!(found["type"], *kind);
                    for (key, value) in payload.as_object().unwrap() {
                        found[kind][key] = value.clone();
                    }
                }
                Call::Delete { block } => {
                    assert!(delete(&mut self.blocks, block), "what is deleted is there");
                }
            }
        }
    }

    /// As it gives back what it took.
    fn made(&mut self, children: &[Json]) -> Vec<Json> {
        let mut out = Vec::new();
        for child in children {
            let mut block = child.clone();
            let kind = block["type"].as_str().unwrap().to_owned();
            self.made += 1;
            block["id"] = json!(format!("new-{}", self.made));
            let within = block[&kind].as_object_mut().unwrap().remove("children");
            block[&kind]["color"] = json!("default");
            for item in block[&kind]["rich_text"].as_array_mut().into_iter().flatten() {
                item["plain_text"] = item["text"]["content"].clone();
                assert!(item["plain_text"].as_str().unwrap().encode_utf16().count() <= TEXT_MAX);
            }
            if let Some(Json::Array(within)) = within {
                assert!(within.len() <= CHILDREN_MAX);
                block["children"] = Json::Array(self.made(&within));
            }
            out.push(block);
        }
        out
    }
}

fn find<'a>(blocks: &'a mut [Json], id: &str) -> Option<&'a mut Json> {
    for block in blocks {
        if block["id"] == id {
            return Some(block);
        }
        if let Some(found) =
            block.get_mut("children").and_then(Json::as_array_mut).and_then(|it| find(it, id))
        {
            return Some(found);
        }
    }
    None
}

fn level<'a>(blocks: &'a mut Vec<Json>, parent: &str) -> &'a mut Vec<Json> {
    if parent == "page" {
        return blocks;
    }
    let block = find(blocks, parent).expect("the parent is there").as_object_mut().unwrap();
    block.entry("children").or_insert_with(|| json!([])).as_array_mut().unwrap()
}

fn delete(blocks: &mut Vec<Json>, id: &str) -> bool {
    let count = blocks.len();
    blocks.retain(|block| block["id"] != id);
    let within = |block: &mut Json| {
        block.get_mut("children").and_then(Json::as_array_mut).is_some_and(|children| delete(children, id))
    };
    blocks.len() < count || blocks.iter_mut().any(within)
}

/// The page after an edit, which Notion comes to as well.
fn edited(blocks: &[Json], operations: &[Operation]) -> Vec<Json> {
    let next = apply(blocks, operations).unwrap();
    let mut platform = Platform { blocks: blocks.to_vec(), made: 0 };
    platform.carry_out(&calls("page", blocks, operations).unwrap());
    assert_eq!(text(&platform.blocks).unwrap(), text(&next).unwrap());
    assert_eq!(digest(&platform.blocks, false), digest(&next, false));
    next
}

fn why(operations: &[Operation]) -> String {
    apply(&redis(), operations).unwrap_err().to_string()
}

#[test]
fn a_page_reads_as_people_see_it() {
    assert_eq!(text(&redis()).unwrap(), AS_TEXT);
    let outline = read(&redis()).unwrap();
    let promote = outline.with_words("promote").next().unwrap().1;
    assert_eq!(
        (promote.id.as_deref(), promote.path.as_slice()),
        (Some("s-2"), ["Redis failover".to_owned(), "Steps".to_owned()].as_slice())
    );
}

#[test]
fn an_edit_is_carried_out_as_it_was_computed() {
    let code = Block::Code { language: "sh".to_owned(), code: "valkey-cli".to_owned() };
    let next = edited(
        &redis(),
        &[
            after("", vec![Block::Paragraph { text: plain("Reviewed.") }]),
            after(
                "Promote",
                vec![step("Wait"), Block::Item { ordered: false, depth: 1, text: plain("for lag 0") }],
            ),
            at("Check the replicas", Action::InsertBefore { blocks: vec![step("Page the owner")] }),
            after("Restart api-gw", vec![code]),
            value("timeout | 30s", "30s", "45s"),
            at("Only when the primary is gone.", Action::InsertAfter { blocks: vec![step("not in a list")] }),
            at("שלום", Action::Replace { blocks: vec![Block::Heading { level: 2, text: plain("End") }] }),
        ],
    );
    let expected = AS_TEXT
        .replace("# Redis", "Reviewed.\n# Redis")
        .replace("gone.\n", "gone.\n1. not in a list\n")
        .replace("1. Check", "1. Page the owner\n2. Check")
        .replace("2. Promote\n  - in eu-west-1 🚀\n3. Restart api-gw\n", "3. Promote\n  - in eu-west-1 🚀\n4. Wait\n  - for lag 0\n5. Restart api-gw\n  ```shell\n  valkey-cli\n  ```\n")
        .replace("30s", "45s")
        .replace("שלום", "## End");
    assert_eq!(text(&next).unwrap(), expected);
    // What nothing names is the very same.
    assert!(next.contains(&redis()[2]) && next.contains(&redis()[7]));
}

#[test]
fn struck_out_steps_keep_their_words() {
    let instead =
        vec![Piece::Link { text: " use the workflow".to_owned(), url: "https://ci.example.com".to_owned() }];
    let next = edited(&redis(), &[at("Restart api-gw", Action::MarkDeprecated { instead })]);
    assert!(
        text(&next)
            .unwrap()
            .contains("3. ~~Restart api-gw~~ Deprecated: use the workflow <https://ci.example.com>\n")
    );
    assert!(read(&next).unwrap().steps().last().unwrap().passage.deprecated);
}

#[test]
fn what_notion_cannot_hold_is_refused_or_written_as_several() {
    let heading = Block::Heading { level: 2, text: plain("No") };
    assert!(why(&[after("Promote", vec![heading.clone()])]).ends_with("a heading has no place in a list"));
    let wide = Block::Table { rows: vec![vec![plain("a"), plain("b"), plain("c")]] };
    assert!(why(&[after("timeout | 30s", vec![wide])]).contains("the table has 2 columns"));
    assert!(why(&[at("The flow", Action::Replace { blocks: vec![heading] })]).contains("Dock carries"));
    let two = [value("Promote", "Pro", "De"), value("Promote", "mote", "x")];
    assert_eq!(why(&two), "operation 2: it changes what operation 1 changes");
    let rows = (0..250).map(|at| vec![plain(&at.to_string())]).collect();
    let long = Block::Paragraph { text: plain(&"🎉".repeat(1_500)) };
    let many = (0..230).map(|at| step(&format!("step {at}"))).collect::<Vec<_>>();
    edited(
        &redis(),
        &[after("", vec![Block::Table { rows }, long]), after("Promote", many.clone()), after("שלום", many)],
    );
}

#[test]
fn the_digest_is_of_what_is_written() {
    let mut other = redis();
    other[0]["last_edited_time"] = json!("2027-01-01T00:00:00.000Z");
    other[7]["image"]["file"]["url"] = json!("https://s3.example.com/f.png?X-Amz-Signature=2");
    other[9]["paragraph"] = json!({"rich_text": [{"type": "text", "text": {"content": "של"}}, {"type": "text", "text": {"content": "ום"}}]});
    assert_eq!(digest(&redis(), true), digest(&other, true));
    other[0]["id"] = json!("another");
    assert_eq!(digest(&redis(), false), digest(&other, false));
    assert_ne!(digest(&redis(), true), digest(&other, true));
    other[9]["paragraph"]["rich_text"][0]["annotations"] = json!({"bold": true});
    assert_ne!(digest(&redis(), false), digest(&other, false));
}

#[test]
fn a_block_whose_own_blocks_were_not_read_is_no_page() {
    let mut page = redis();
    page[4].as_object_mut().unwrap().remove("children");
    assert!(read(&page).unwrap_err().to_string().contains("has blocks of its own that were not read"));
    assert!(read(&[json!({"id": "x", "type": "paragraph"})]).is_err());
}

fn pages() -> impl Strategy<Value = Vec<Json>> {
    let kinds = prop::sample::select(vec![
        "paragraph",
        "heading_2",
        "numbered_list_item",
        "toggle",
        "callout",
        "code",
    ]);
    let one = (kinds, "[a-d🎉ש ]{0,6}").prop_map(|(kind, text)| block("", kind, &text, Vec::new()));
    let nested = one.prop_recursive(3, 24, 4, |inner| {
        let kinds = prop::sample::select(vec!["numbered_list_item", "bulleted_list_item", "toggle"]);
        let children = prop::collection::vec(inner, 0..4);
        (kinds, "[a-d]{0,4}", children).prop_map(|(kind, text, children)| block("", kind, &text, children))
    });
    let table = prop::collection::vec("[a-d]{0,3}", 1..4).prop_map(|cells| {
        let rows: Vec<_> = cells.iter().map(|cell| row("", &[cell, "x"])).collect();
        json!({"id": "", "type": "table", "has_children": true, "table": {"table_width": 2}, "children": rows})
    });
    prop::collection::vec(prop_oneof![4 => nested, 1 => table], 1..6).prop_map(|mut blocks| {
        name(&mut blocks, &mut 0);
        blocks
    })
}

fn name(blocks: &mut [Json], next: &mut usize) {
    for block in blocks {
        *next += 1;
        block["id"] = json!(format!("b-{next}"));
        if let Some(children) = block.get_mut("children").and_then(Json::as_array_mut) {
            name(children, next);
        }
    }
}

fn new_blocks() -> impl Strategy<Value = Vec<Block>> {
    let text = || "[e-h]{1,5}".prop_map(|text| plain(&text));
    let one = prop_oneof![
        text().prop_map(|text| Block::Paragraph { text }),
        (1_u8..7, text()).prop_map(|(level, text)| Block::Heading { level, text }),
        (any::<bool>(), 0_u8..5, text()).prop_map(|(ordered, depth, text)| Block::Item {
            ordered,
            depth,
            text
        }),
        "[e-h`\n]{0,9}".prop_map(|code| Block::Code { language: "go".to_owned(), code }),
        prop::collection::vec(prop::collection::vec(text(), 1..3), 1..3)
            .prop_map(|rows| Block::Table { rows }),
    ];
    prop::collection::vec(one, 1..5)
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        new_blocks().prop_map(|blocks| Action::InsertAfter { blocks }),
        new_blocks().prop_map(|blocks| Action::InsertBefore { blocks }),
        new_blocks().prop_map(|blocks| Action::Replace { blocks }),
        ("[a-d]", "[e-h]{0,3}").prop_map(|(was, is)| Action::ReplaceValue { was, is }),
        Just(Action::MarkDeprecated { instead: plain(" use x") }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever can be edited comes out of Notion as it was computed, and no block that nothing names is another.
    #[test]
    fn calls_come_to_what_was_computed(page in pages(), edits in prop::collection::vec((any::<prop::sample::Index>(), actions()), 1..4)) {
        let outline = read(&page).unwrap();
        prop_assume!(!outline.passages.is_empty());
        let operations: Vec<_> = edits.into_iter().map(|(index, action)| {
            Operation { anchor: index.get(&outline.passages).anchor(), ..at("", action) }
        }).collect();
        if apply(&page, &operations).is_ok() {
            let next = edited(&page, &operations);
            prop_assert_eq!(read(&next).unwrap().passages.is_empty(), false);
            let named: Vec<_> = operations.iter().map(|it| it.anchor.id.clone().unwrap()).collect();
            let mut next = next;
            for block in &page {
                let id = block["id"].as_str().unwrap();
                let inner = serde_json::to_string(block).unwrap();
                if !named.iter().any(|named| inner.contains(&format!("\"{named}\""))) {
                    prop_assert_eq!(find(&mut next, id).map(|found| &*found), Some(block));
                }
            }
        }
    }

    /// A body of any shape is read or refused.
    #[test]
    fn no_shape_of_body_ends_it(kind in "[a-z_]{0,9}", text in "\\PC{0,9}", payload in 0..4) {
        let payload = match payload { 0 => json!(text), 1 => json!({"rich_text": text}), 2 => json!({"rich_text": [text]}), _ => json!({"cells": [[{"text": text}]]}) };
        for kind in [kind.as_str(), "paragraph", "table_row", "code"] {
            let page = [json!({"id": "x", "type": kind, kind: payload})];
            let _ = (super::text(&page), digest(&page, true));
            if let Ok(outline) = read(&page) {
                for passage in outline.passages {
                    let _ = apply(&page, &[Operation { anchor: passage.anchor(), ..value("", "a", "b") }]);
                }
            }
        }
    }
}

#[test]
fn a_page_that_was_cut_off_between_two_requests_is_told_from_one_that_somebody_edited() {
    let line = |number: usize| json!({"type": "paragraph", "paragraph": {"rich_text": [{"type": "text", "text": {"content": format!("line {number}")}}]}});
    let approved: Vec<Json> = (0..230).map(line).collect();
    let first = |many: usize| {
        let mut there = approved[..many].to_vec();
        for (at, block) in there.iter_mut().enumerate() {
            block["id"] = json!(format!("made-{at}"));
            block["paragraph"]["color"] = json!("default");
        }
        there
    };
    assert_eq!(begun(&approved, &first(100)), Some(100));
    assert_eq!(begun(&approved, &first(200)), Some(200));
    assert_eq!(begun(&approved, &first(230)), None, "it is whole");
    assert_eq!(begun(&approved, &[]), None, "the first come with the page");
    assert_eq!(begun(&approved, &first(150)), None, "no request ends there: somebody took some away");
    let mut other = first(100);
    other[50] = line(999);
    assert_eq!(begun(&approved, &other), None, "somebody put a line in other words");
    other = first(99);
    other.push(line(999));
    assert_eq!(begun(&approved, &other), None);
    other = first(230);
    other.push(line(999));
    assert_eq!(begun(&approved, &other), None);
}
