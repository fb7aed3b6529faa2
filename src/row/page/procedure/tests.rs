//! Pages as they are found, in Confluence and in Notion, and the steps that are read from them.

use serde_json::{Value as Json, json};

use super::*;
use crate::row::page::{Body, outline};

fn read(storage: &str) -> Live {
    of(&outline::read(&Body::Storage(storage.to_owned())).unwrap())
}

fn blocks(blocks: Vec<Json>) -> Live {
    of(&outline::read(&Body::Blocks(blocks)).unwrap())
}

fn block(kind: &str, text: &str, children: Vec<Json>) -> Json {
    let rich = json!([{"type": "text", "text": {"content": text}, "plain_text": text}]);
    json!({"type": kind, kind: {"rich_text": rich}, "has_children": !children.is_empty(), "children": children})
}

/// `Failover 2: text`, of each step.
fn said(live: &Live) -> Vec<String> {
    live.steps.iter().map(|step| format!("{}: {}", step.label, step.text)).collect()
}

fn texts(parts: &[LivePart]) -> Vec<&str> {
    parts.iter().map(|part| part.text.as_str()).collect()
}

#[test]
fn commands_and_warnings_stand_whole_under_their_step_and_what_comes_before_the_first_above_it() {
    let live = read(
        "<h1>Redis</h1><ac:structured-macro ac:name=\"toc\"/><h2>Before you begin</h2>\
<ul><li><p>The lag is under 5 s.</p></li></ul><h2>Failover</h2>\
<ol><li><p>Stop the writers.</p></li><li><p>Fail over.</p><ac:structured-macro ac:name=\"code\">\
<ac:plain-text-body><![CDATA[one\n  two]]></ac:plain-text-body></ac:structured-macro>\
<ac:structured-macro ac:name=\"warning\"><ac:rich-text-body><p>It loses sessions.</p></ac:rich-text-body>\
</ac:structured-macro></li></ol><h2>Afterwards</h2><p>Say so.</p>",
    );
    assert_eq!(said(&live), ["Failover 1: Stop the writers.", "Failover 2: Fail over."]);
    let [first, second] = live.steps.as_slice() else { panic!() };
    assert_eq!(texts(&first.before), ["Redis", "Before you begin", "- The lag is under 5 s.", "Failover"]);
    assert!(first.under.is_empty() && second.before.is_empty());
    assert_eq!(texts(&second.under), ["one\n  two", "warning: It loses sessions."]);
    assert_eq!([second.under[0].sort, second.under[1].sort], [PartSort::Code, PartSort::Note]);
    assert_eq!(texts(&live.after), ["Afterwards", "Say so."]);
}

#[test]
fn steps_are_numbered_as_on_the_page_and_struck_ones_keep_their_number() {
    let live = read(
        "<h2>Failover</h2><ol><li><p>one</p></li><li><p><del>two</del></p></li><li><p>three</p>\
<ol><li><p>first</p></li><li><p>second</p><ol><li>deep</li><li>deeper</li></ol></li></ol></li></ol>\
<h2>Back</h2><ol start=\"4\"><li><p>four</p></li></ol>",
    );
    assert_eq!(
        said(&live),
        [
            "Failover 1: one",
            "Failover 2: two",
            "Failover 3: three",
            "Failover 3a: first",
            "Failover 3b: second",
            "Failover 3b.i: deep",
            "Failover 3b.ii: deeper",
            "Back 4: four",
        ]
    );
    let struck: Vec<bool> = live.steps.iter().map(|step| step.deprecated).collect();
    assert_eq!(struck, [false, true, false, false, false, false, false, false]);
    assert_eq!(texts(&live.steps[7].before), ["Back"]);
    assert_eq!((letters(26), letters(27), roman(49)), ("z".to_owned(), "aa".to_owned(), "xlix".to_owned()));
}

#[test]
fn a_page_without_a_numbered_list_has_steps_too() {
    let task = |text: &str| {
        format!(
            "<ac:task><ac:task-id>1</ac:task-id><ac:task-status>incomplete</ac:task-status><ac:task-body>{text}</ac:task-body></ac:task>"
        )
    };
    let tasks = format!("<h2>Do</h2><ac:task-list>{}{}</ac:task-list>", task("stop"), task("start"));
    for (name, live, expected) in [
        ("tasks", read(&tasks), vec!["Do task 1: stop", "Do task 2: start"]),
        (
            "bullets alone, with what lies in one",
            read("<h2>Do</h2><ul><li><p>stop</p><ul><li>by hand</li></ul></li><li><p>start</p></li></ul>"),
            vec!["Do bullet 1: stop", "Do bullet 2: start"],
        ),
        (
            "bullets beside a numbered list, where the heading says so",
            read(
                "<h2>Notes</h2><ul><li>old</li></ul><h2>Steps</h2><ol><li>go</li></ol>\
<h2>How to do a rollback</h2><ul><li>back</li></ul>",
            ),
            vec!["Steps 1: go", "How to do a rollback bullet 1: back"],
        ),
        (
            "prose under headings",
            read("<h1>Redis</h1><h2>Stop</h2><p>Scale it to 0.</p><h2>Start</h2><p>Scale it up.</p>"),
            vec!["section 1: Stop", "section 2: Start"],
        ),
        (
            "prose before a heading",
            read("<p>Stay calm.</p><h2>Start</h2><p>Scale it up.</p>"),
            vec!["section 1: Stay calm.", "section 2: Start"],
        ),
        (
            "prose",
            read("<p>Stop it.</p><p>Start it.</p>"),
            vec!["section 1: Stop it.", "section 2: Start it."],
        ),
        (
            "Notion's boxes",
            blocks(vec![
                block("heading_2", "Do", vec![]),
                block("to_do", "stop", vec![block("code", "kubectl", vec![])]),
                block("to_do", "start", vec![]),
            ]),
            vec!["Do task 1: stop", "Do task 2: start"],
        ),
        ("nothing at all", read("<h1>Redis</h1>"), vec![]),
    ] {
        assert_eq!(said(&live), expected, "{name}");
    }
    let live = read("<h1>Redis</h1><h2>Stop</h2><p>Scale it to 0.</p><pre>kubectl scale</pre>");
    assert_eq!(texts(&live.steps[0].under), ["Scale it to 0.", "kubectl scale"]);
    assert_eq!(texts(&live.steps[0].before), ["Redis"]);
    let live = blocks(vec![block("to_do", "stop", vec![block("code", "kubectl", vec![])])]);
    assert_eq!(texts(&live.steps[0].under), ["kubectl"]);
}

#[test]
fn what_there_is_no_room_for_is_told() {
    let many: String = (1..=212).map(|number| format!("<li>step {number}</li>")).collect();
    let live = read(&format!("<ol>{many}</ol><p>end</p>"));
    assert_eq!((live.steps.len(), live.more, live.after.len()), (200, 12, 0));

    let long = "ä".repeat(PART_BYTES_MAX);
    let live = read(&format!("<p>first</p><ol><li>{long}<pre>{long}</pre></li></ol>"));
    let step = &live.steps[0];
    for text in [&step.text, &step.under[0].text] {
        assert!(text.len() <= PART_BYTES_MAX && text.ends_with(CUT), "{}", text.len());
    }
    let page: String = (0..20).map(|_| format!("<pre>{long}</pre>")).collect();
    let live = read(&format!("<p>first</p><ol><li>go{page}</li></ol>"));
    let under = &live.steps[0].under;
    assert_eq!(under.last().unwrap().text, "(4 more, not shown here: see the page)");
    assert!(under.iter().map(|part| part.text.len()).sum::<usize>() < PARTS_BYTES_MAX + 64);
}

#[test]
fn a_live_runbook_says_what_the_page_says_or_is_none_of_it() {
    let body = Body::Storage("<h2>Do</h2><ol><li>stop<pre>kubectl</pre></li><li>start</li></ol>".to_owned());
    let page = of(&outline::read(&body).unwrap());
    assert_eq!(page.differs_from(&body), None);
    let differs = |change: fn(&mut Live)| {
        let mut live = page.clone();
        change(&mut live);
        live.differs_from(&body)
    };
    let bare = |live: &mut Live| live.steps = vec![LiveStep { text: "start".into(), ..LiveStep::default() }];
    assert_eq!(differs(bare), None, "drafted before labels were kept");
    let changes: [fn(&mut Live); 6] = [
        |live| live.steps[0].under[0].text = "rm -rf".to_owned(),
        |live| live.steps[1].label = "Do 3".to_owned(),
        |live| live.steps[0].deprecated = true,
        |live| drop(live.steps.remove(1)),
        |live| live.more = 3,
        |live| live.steps = vec![LiveStep { text: "else".into(), ..LiveStep::default() }],
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert!(differs(change).is_some(), "{number}");
    }
}
