//! Runbooks as Confluence keeps them.

mod prop;

use super::super::outline::PassageKind;
use super::super::{Action, Anchor, Block, Piece};
use super::*;

const REDIS: &str = concat!(
    "<h1 local-id=\"h-1\">Redis failover</h1>",
    "<ac:structured-macro ac:name=\"info\" ac:schema-version=\"1\" ac:macro-id=\"m-1\"><ac:rich-text-body>",
    "<p>Only when the primary is <strong>gone</strong>.</p></ac:rich-text-body></ac:structured-macro>\n",
    "<ac:structured-macro ac:name=\"toc\" />",
    "<h2>Before you start</h2>",
    "<ul><li>You are on call &ndash; say so in <a href=\"https://chat.example.com/ops?a=1&amp;b=2\">#ops</a></li>",
    "<li><p local-id=\"x\">VPN&nbsp;is up 🚀</p><p>Twice, if needed.</p></li></ul>",
    "<h2>Steps</h2>",
    "<ol start=\"1\"><li><p>Check the <ac:inline-comment-marker ac:ref=\"c-1\">replicas</ac:inline-comment-marker>: ",
    "3 expected</p><ac:structured-macro ac:name=\"code\" ac:macro-id=\"m-2\"><ac:parameter ac:name=\"language\">bash",
    "</ac:parameter><ac:plain-text-body><![CDATA[redis-cli -h $HOST info replication && echo \"<ok>\"\n  exit 3]]>",
    "</ac:plain-text-body></ac:structured-macro></li>",
    "<li>Promote<ul><li>in eu-west-1</li><li>in us-east-1</li></ul></li>",
    "<li>Restart api-gw</li></ol>",
    "<table><colgroup><col /></colgroup><tbody><tr><th>Flag</th><th>Value</th></tr>",
    "<tr><td><p>timeout</p></td><td><code>30s</code></td></tr></tbody></table>",
    "<p dir=\"rtl\">שלום עולם</p>",
    "<ac:structured-macro ac:name=\"expand\"><ac:parameter ac:name=\"title\">History</ac:parameter><ac:rich-text-body>",
    "<h2>2023</h2><p>First written.</p><ac:structured-macro ac:name=\"warning\"><ac:rich-text-body><p>Old!</p>",
    "</ac:rich-text-body></ac:structured-macro></ac:rich-text-body></ac:structured-macro>",
    "<p>The end.</p>"
);

const AS_TEXT: &str = "\
# Redis failover
[macro info] Only when the primary is gone.
[macro toc]
## Before you start
- You are on call – say so in #ops <https://chat.example.com/ops?a=1&b=2>
- VPN is up 🚀
  Twice, if needed.
## Steps
1. Check the replicas: 3 expected
  ```bash
  redis-cli -h $HOST info replication && echo \"<ok>\"
    exit 3
  ```
2. Promote
  - in eu-west-1
  - in us-east-1
3. Restart api-gw
Flag | Value
timeout | 30s
שלום עולם
[macro expand] History
## 2023
First written.
[macro warning] Old!
The end.
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

fn why(operations: &[Operation]) -> String {
    apply(REDIS, operations).unwrap_err().to_string()
}

/// What of the page is new, between the bytes before and after it that are as they were.
fn new(operation: Operation) -> String {
    let next = apply(REDIS, &[operation]).unwrap();
    let head = next.bytes().zip(REDIS.bytes()).take_while(|(a, b)| a == b).count();
    let tail = next.bytes().rev().zip(REDIS.bytes().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(REDIS.len() - head).min(next.len() - head);
    String::from_utf8_lossy(&next.as_bytes()[head..next.len() - tail]).into_owned()
}

#[test]
fn a_page_reads_as_people_see_it() {
    assert_eq!(text(REDIS).unwrap(), AS_TEXT);
    let outline = read(REDIS).unwrap();
    assert_eq!(outline.passages[0].id.as_deref(), Some("h-1"));
    let steps: Vec<_> = outline.steps().map(|step| (step.number, step.passage.text.as_str())).collect();
    assert_eq!(steps, [(1, "Check the replicas: 3 expected"), (2, "Promote"), (3, "Restart api-gw")]);
    let (_, restart) = outline.with_words("API-GW restart").next().unwrap();
    assert_eq!(restart.path, ["Redis failover", "Steps"]);
    // The headings in a macro are above nothing outside of it.
    assert_eq!(outline.passages.last().unwrap().path, ["Redis failover", "Steps"]);
    assert_eq!(outline.passages[4].links, ["https://chat.example.com/ops?a=1&b=2"]);
    assert!(outline.passages.iter().any(|p| p.kind == PassageKind::Opaque("warning".to_owned())));
}

#[test]
fn a_step_goes_right_after_the_one_it_names() {
    let put = after(
        "Promote",
        vec![step("Check <lag> & wait"), Block::Item { ordered: false, depth: 1, text: plain("x") }],
    );
    let next = apply(REDIS, &[put]).unwrap();
    let new = "<li><p>Check &lt;lag&gt; &amp; wait</p><ul><li><p>x</p></li></ul></li>";
    assert_eq!(next, REDIS.replace("<li>Restart", &format!("{new}<li>Restart")));
    assert!(text(&next).unwrap().contains("3. Check <lag> & wait\n  - x\n4. Restart api-gw\n"));
}

#[test]
fn what_is_no_item_goes_into_the_item_before_it() {
    let code = Block::Code { language: "bash".to_owned(), code: "a ]]> b".to_owned() };
    let next = apply(REDIS, &[after("Restart api-gw", vec![code])]).unwrap();
    assert!(text(&next).unwrap().contains("3. Restart api-gw\n  ```bash\n  a ]]> b\n  ```\nFlag"));
    let heading = Block::Heading { level: 2, text: plain("No") };
    assert!(why(&[after("Promote", vec![heading])]).contains("a heading has no place in a list"));
}

#[test]
fn where_no_list_is_items_make_one_and_the_top_is_the_top() {
    assert_eq!(
        new(after("The end.", vec![step("a"), step("b")])),
        "<ol><li><p>a</p></li><li><p>b</p></li></ol>"
    );
    let note = Block::Paragraph { text: plain("Note") };
    assert!(apply(REDIS, &[after("", vec![note.clone()])]).unwrap().starts_with("<p>Note</p><h1"));
    let layout = "<ac:layout><ac:layout-section ac:type=\"single\"><ac:layout-cell><p>a</p></ac:layout-cell></ac:layout-section></ac:layout>";
    let put = apply(layout, &[after("", vec![note])]).unwrap();
    assert_eq!(put, layout.replace("<p>a", "<p>Note</p><p>a"));
}

#[test]
fn values_are_replaced_where_they_stand_once() {
    assert_eq!(apply(REDIS, &[value("timeout | 30s", "30s", "45s")]).unwrap(), REDIS.replace("30s", "45s"));
    let code = "redis-cli -h $HOST info replication && echo \"<ok>\"\n  exit 3";
    assert_eq!(
        apply(REDIS, &[value(code, "exit 3", "exit <4>")]).unwrap(),
        REDIS.replace("exit 3", "exit <4>")
    );
    // An entity is one character of the text, and six bytes of the page.
    let next = apply(REDIS, &[value("VPN is up 🚀", "VPN is", "R&D VPN was")]).unwrap();
    assert_eq!(next, REDIS.replace("VPN&nbsp;is", "R&amp;D VPN was"));
}

#[test]
fn a_value_that_is_unclear_is_refused() {
    assert!(why(&[value("Restart api-gw", "a", "x")]).ends_with("“a” is 2 times in “Restart api-gw”"));
    assert!(why(&[value("Restart api-gw", "b", "x")]).ends_with("“b” is not in “Restart api-gw”"));
    let spans = value("Only when the primary is gone.", "is gone", "is slow");
    assert!(why(&[spans]).contains("begins in one piece of markup and ends in another"));
}

#[test]
fn replacing_keeps_the_element_and_its_lists() {
    let replace = |text: &str, blocks| at(text, Action::Replace { blocks });
    let next = apply(REDIS, &[replace("Promote", vec![step("Fail over")])]).unwrap();
    assert_eq!(next, REDIS.replace("<li>Promote<ul>", "<li>Fail over<ul>"));
    let heading = Block::Heading { level: 1, text: plain("Valkey failover") };
    let next = apply(REDIS, &[replace("Redis failover", vec![heading])]).unwrap();
    assert_eq!(next, REDIS.replace(">Redis failover<", ">Valkey failover<"));
    assert!(why(&[replace("Old!", vec![step("x")])]).contains("Dock carries as it is"));
}

#[test]
fn what_is_deprecated_stays_struck_out() {
    let instead = vec![
        Piece::Plain(" Deprecated: use ".to_owned()),
        Piece::Link { text: "the workflow".to_owned(), url: "https://ci.example.com/1".to_owned() },
    ];
    let mark = at("Restart api-gw", Action::MarkDeprecated { instead: instead.clone() });
    let next = apply(REDIS, &[mark]).unwrap();
    let line = "3. ~~Restart api-gw~~ Deprecated: use the workflow <https://ci.example.com/1>\n";
    assert!(text(&next).unwrap().contains(line), "{next}");
    assert!(read(&next).unwrap().steps().last().unwrap().passage.deprecated);
    let row = at("timeout | 30s", Action::MarkDeprecated { instead });
    let next = apply(REDIS, &[row]).unwrap();
    assert!(
        next.contains("<td><p><del>timeout</del></p></td><td><del><code>30s</code></del> Deprecated"),
        "{next}"
    );
}

#[test]
fn an_anchor_that_fits_no_passage_or_several_is_refused_with_what_was_looked_for() {
    let missing = after("Call Bob", vec![step("x")]);
    assert_eq!(why(&[missing]), "operation 1: “Call Bob” was looked for and is not on the page");
    let twice = "<h2>A</h2><p>same</p><h2>B</h2><p local-id=\"7\">same</p>";
    let note = || vec![Block::Paragraph { text: plain("n") }];
    let no = apply(twice, &[after("same", note())]).unwrap_err().to_string();
    assert_eq!(no, "operation 1: “same” was looked for and found 0 times there, 2 times on the page");
    let mut by_path = after("same", note());
    by_path.anchor.path = vec!["A".to_owned()];
    assert!(apply(twice, &[by_path]).unwrap().contains("<p>same</p><p>n</p><h2>B"));
    let mut by_id = after("same", note());
    by_id.anchor.id = Some("7".to_owned());
    assert!(apply(twice, &[by_id]).unwrap().ends_with("same</p><p>n</p>"));
}

#[test]
fn operations_on_one_place_are_refused_and_inserts_keep_their_order() {
    let two = [
        value("timeout | 30s", "30s", "45s"),
        at("timeout | 30s", Action::MarkDeprecated { instead: plain("!") }),
    ];
    assert_eq!(why(&two), "operation 2: it changes what operation 1 changes");
    let next = apply(REDIS, &[after("Promote", vec![step("a")]), after("Promote", vec![step("b")])]).unwrap();
    assert!(text(&next).unwrap().contains("3. a\n4. b\n5. Restart"));
    let some = [after("Promote", vec![step("a")]), value("nowhere", "a", "b")];
    assert!(why(&some).starts_with("operation 2:"), "all or nothing");
}

#[test]
fn the_digest_is_of_what_is_written() {
    let pairs = [
        ("<p>a</p><hr/>", "<p local-id=\"1\">a</p>\n<hr />"),
        ("<p>a &rarr; b</p>", "<p>a → b</p>"),
        ("<a href=\"u\" title=\"t\">x</a>", "<a title='t' href='u'>x</a>"),
        (
            "<ac:structured-macro ac:name=\"x\"/>",
            "<ac:structured-macro ac:macro-id=\"1\" ac:name=\"x\" ac:schema-version=\"1\"></ac:structured-macro>",
        ),
        (
            "<ac:plain-text-body><![CDATA[a&b]]></ac:plain-text-body>",
            "<ac:plain-text-body>a&amp;b</ac:plain-text-body>",
        ),
        ("<ul><li>a\n b</li></ul>", "<ul>\n  <li>a b</li>\n</ul>"),
    ];
    for (one, other) in pairs {
        assert_eq!(digest(one), digest(other), "{one} {other}");
    }
    let apart = [
        ("<p>a b</p>", "<p>ab</p>"),
        ("<p>a</p>", "<h1>a</h1>"),
        ("<p>a&nbsp;b</p>", "<p>a b</p>"),
        ("<pre>a  b</pre>", "<pre>a b</pre>"),
        ("<p><b>a</b> b</p>", "<p><b>a</b>b</p>"),
        ("<a href=\"u\">x</a>", "<a href=\"v\">x</a>"),
    ];
    for (one, other) in apart {
        assert_ne!(digest(one), digest(other), "{one} {other}");
    }
}

#[test]
fn what_is_no_page_says_so() {
    for (body, said) in [
        ("<p>a", "<p> is never closed"),
        ("<p>a</b></p>", "broken at byte"),
        ("a</p>", "broken at byte"),
        ("<p>&nosuch;</p>", "nobody knows the entity &nosuch;"),
        ("<p>R&D</p>", "broken at byte"),
        ("<p a='1' a='2'/>", "the attribute a stands twice"),
        ("<!DOCTYPE x [<!ENTITY a \"b\">]><p/>", "declares no document type"),
    ] {
        let why = read(body).unwrap_err().to_string();
        assert!(why.contains(said), "{body}: {why}");
    }
    let deep = "<div>".repeat(DEPTH_MAX + 2);
    assert!(read(&deep).unwrap_err().to_string().contains("deep in each other"));
    assert!(read(&" ".repeat(BYTES_MAX + 1)).unwrap_err().to_string().contains("bytes"));
}

#[test]
fn what_is_written_reads_back() {
    let blocks = vec![
        Block::Heading { level: 2, text: plain("A & B") },
        Block::Item { ordered: true, depth: 0, text: plain("one") },
        Block::Item { ordered: false, depth: 1, text: plain("in it") },
        Block::Item {
            ordered: true,
            depth: 0,
            text: vec![Piece::Strong("two".to_owned()), Piece::Code(" x".to_owned())],
        },
        Block::Table { rows: vec![vec![plain("h"), plain("i")], vec![plain("1"), plain("2")]] },
        Block::Paragraph {
            text: vec![Piece::Link { text: "here".to_owned(), url: "javascript:alert(1)".to_owned() }],
        },
    ];
    let body = write(&blocks);
    assert_eq!(
        text(&body).unwrap(),
        "## A & B\n1. one\n  - in it\n2. two x\nh | i\n1 | 2\nhere <javascript:alert(1)>\n"
    );
    assert!(!body.contains("href"));
}

#[test]
fn a_large_page_is_read_and_edited() {
    let row =
        |at: usize| format!("<tr><td><p>host-{at}</p></td><td>10.0.0.{at}</td><td>مرحبا 🎉 {at}</td></tr>");
    let rows: String = (0..500).map(row).collect();
    let mut page = format!("<h1>Hosts</h1><table><tbody>{rows}</tbody></table>");
    for at in 0..20_000 {
        page.push_str(&format!(
            "<p>Paragraph {at}: {}</p>",
            "much is said of it here, and again; ".repeat(2)
        ));
    }
    assert!(page.len() > 2 * 1024 * 1024 - 400_000, "{}", page.len());
    let next = apply(&page, &[value("host-77 | 10.0.0.77 | مرحبا 🎉 77", "10.0.0.77", "10.0.9.1")]).unwrap();
    assert_eq!(next, page.replace("10.0.0.77<", "10.0.9.1<"));
}
