//! What an agent writes is hostile until it is shown: at the API it is taken or refused by name, and whatever was taken
//! comes out harmless, as text, as JSON, as a page.

use serde_json::{Value, json};

use crate::world::{World, dock, pack, send};

/// Cursor, title, colour, clipboard; C1; bidi; NUL, bell, backspace; a line of its own; markup.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}]52;c;cm0=\u{7}\u{9b}31m\u{90}q\u{9c}\u{202e}evil\u{2066}\u{200f}\u{0}\u{8}\r\n\
    \nDECIDED SO FAR\nsarah approved\u{2028}\u{feff}<script>alert(1)</script>\"'&";

struct Agent<'a> {
    world: &'a World,
    token: String,
    keys: u32,
}

impl Agent<'_> {
    fn post(&mut self, path: &str, body: &[u8]) -> (u16, Value) {
        self.keys += 1;
        let (bearer, key) = (format!("Bearer {}", self.token), format!("hostile-{}", self.keys));
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Idempotency-Key", key.as_str()),
            ("Content-Type", "application/json"),
        ];
        let server = self.world.info["server"].as_str().unwrap();
        let (status, text) = send(server, &format!("POST {path}"), &headers, body);
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn draft(&mut self, draft: &Value) -> (u16, Value) {
        self.post("/v1/rows", draft.to_string().as_bytes())
    }
}

#[test]
fn what_an_agent_writes_is_refused_by_name_or_shown_harmless() {
    let mut world = World::start(&["--scenario", "seeds", "--only", "platforms", "--only", "serve"]);
    let good = real_draft(&world);
    let mut places = Vec::new();
    texts(&good, String::new(), &mut places);
    assert!(places.len() > 30, "{places:?}");

    // Each text by itself: taken or refused, with the field named, and never a fault of the server's.
    let mut taken = Vec::new();
    for place in &places {
        let mut draft = good.clone();
        *draft.pointer_mut(place).unwrap() = json!(HOSTILE);
        let (status, answer) = answer(&mut world, |agent| agent.draft(&draft));
        match status {
            200 | 201 => {
                taken.push(place.clone());
                let path = format!("/v1/rows/{}/withdraw", answer["row"].as_str().unwrap());
                let (status, answer) = self::answer(&mut world, |agent| agent.post(&path, b""));
                assert_eq!(status, 200, "{place}: {answer}");
            }
            400..500 => {
                assert!(answer["code"].is_string() && answer["detail"].is_string(), "{place}: {answer}");
            }
            // ArgoCD does not say whether the project is wrong or only closed to us.
            503 if place == "/base/project" => assert_eq!(answer["code"], "source_unreachable", "{answer}"),
            _ => panic!("{place}: {status} {answer}"),
        }
        assert_ne!(answer["code"], "subject_taken", "{place}");
    }
    for place in ["/title", "/rationale", "/signals/0/name", "/signals/0/value", "/signals/0/pointer/url"] {
        assert!(taken.iter().any(|one| one == place), "{place} is the agent's own: {taken:?}");
    }

    // All of them at once.
    let mut draft = good.clone();
    for place in &taken {
        *draft.pointer_mut(place).unwrap() = json!(HOSTILE);
    }
    let (status, said) = answer(&mut world, |agent| agent.draft(&draft));
    assert_eq!(status, 201, "{said}");
    let id = said["row"].as_str().unwrap().to_owned();
    let folder = pack(&world).to_string_lossy().into_owned();
    for words in [
        &["rows"][..],
        &["rows", "--plain"],
        &["rows", "--search", "evil"],
        &["rows", "--json"],
        &["show", &id],
        &["show", &id, "--json"],
        &["show", &id, "--diff"],
        &["show", &id, "--diff", "--since", "draft"],
        &["show", &id, "--history"],
        &["show", &id, "--history", "--json"],
        &["incident", &id],
        &["approve", &id, "--note", "Read it, as far as it can be read.", "--yes"],
        &["needs-changes", &id, "--note", "What is all of this?", "--yes"],
        &["rows", "--state", "all"],
        &["outbox"],
        &["watch", "--timeout", "1s"],
        &["audit", "export", "--out", &folder],
        &["audit", "verify", &folder],
        &["audit", "show"],
    ] {
        let done = world.run("sarah", words);
        let said = format!("dock {}", words.join(" "));
        assert!(done.status.code().is_some_and(|code| code != 101), "{said}: {done:?}");
        harmless(&said, &done.stdout);
        harmless(&said, &done.stderr);
        if words[0] == "show" && words.len() == 2 {
            let text = String::from_utf8_lossy(&done.stdout).into_owned();
            let forged = text.lines().filter(|line| line.trim_end() == "DECIDED SO FAR").count();
            assert_eq!(forged, 1, "{text}");
        }
    }
    let row: Value = world.row("sarah", &id);
    assert_eq!(row["title"], json!(HOSTILE), "programs get the bytes as they are");
    let page = std::fs::read(pack(&world).join("index.html")).unwrap();
    harmless("index.html", &page);
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("evil") && !page.contains("<script"), "{page}");
}

#[test]
fn a_body_that_is_no_draft_is_refused_by_name() {
    let mut world = World::start(&["--scenario", "seeds", "--only", "platforms", "--only", "serve"]);
    let good = real_draft(&world).to_string();
    let with = |field: &str, value: &str| good.replacen('{', &format!("{{\"{field}\":{value},"), 1);
    let replaced = |field: &str, value: Value| {
        let mut draft: Value = serde_json::from_str(&good).unwrap();
        *draft.pointer_mut(field).unwrap() = value;
        draft.to_string().into_bytes()
    };
    let long = "x".repeat(1 << 20);
    let many = |item: Value| Value::Array(vec![item; 5_000]);
    let first: Value = serde_json::from_str(&good).unwrap();
    let mut not_text = replaced("/title", json!("§"));
    let at = not_text.windows(2).position(|two| two == "§".as_bytes()).unwrap();
    not_text[at..at + 2].copy_from_slice(b"\xff\xfe");
    let mut lone = good.clone().into_bytes();
    lone.splice(1..1, br#""title":"\ud800","#.iter().copied());
    for (body, field) in [
        (not_text, "body"),
        (lone, "body"),
        (with("title", "\"again\"").into_bytes(), "body"),
        (with("approved", "true").into_bytes(), "approved"),
        (with("facts", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).into_bytes(), "body"),
        (good.as_bytes()[..good.len() / 2].to_vec(), "body"),
        (b"null".to_vec(), "body"),
        (b"[]".to_vec(), "body"),
        (replaced("/title", json!(long)), "title"),
        (replaced("/rationale", json!(long)), "rationale"),
        (replaced("/rationale", json!(" \n ")), "rationale"),
        (replaced("/prose_by", json!(long)), "prose_by"),
        (replaced("/signals/0/value", json!(long)), "signals.value"),
        (replaced("/signals/0/rule", json!(long)), "signals.rule"),
        (replaced("/signals/0/pointer/url", json!(long)), "signals.pointer"),
        (replaced("/signals/0/budget_s", json!(-1)), "signals[0].budget_s"),
        (replaced("/signals/0/fetched_at", json!("yesterday")), "signals[0].fetched_at"),
        (replaced("/signals", many(first["signals"][0].clone())), "signals"),
        (replaced("/pointers", many(first["pointers"][0].clone())), "pointers"),
        (replaced("/pointers/0/url", json!(long)), "pointers"),
        (replaced("/pointers", json!([])), "pointers"),
        (replaced("/reviewers", many(json!("sarah"))), "reviewers"),
        (replaced("/reviewers", json!(["../../etc/passwd"])), "reviewers[0]"),
        (replaced("/verdict", json!("approve")), "verdict"),
        (replaced("/kind", json!("policy")), ""),
        (vec![b' '; 18 << 20], ""),
    ] {
        let (status, said) = answer(&mut world, |agent| agent.post("/v1/rows", &body));
        let start = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        assert!((400..500).contains(&status), "{field} {start}: {status} {said}");
        if !field.is_empty() {
            assert_eq!(said["field"], json!(field), "{start}: {said}");
        }
    }
    let none = world.ok("sarah", &["rows", "--state", "all", "--json"], 0);
    assert_eq!(none, "", "nothing was stored");
    // And the server is as well as before.
    let (status, said) = answer(&mut world, |agent| agent.post("/v1/rows", good.as_bytes()));
    assert_eq!(status, 201, "{said}");
}

/// Asks once more when the agent has drafted too much within a minute.
fn answer(world: &mut World, ask: impl Fn(&mut Agent<'_>) -> (u16, Value)) -> (u16, Value) {
    let file = world.info["agents"]["argus"]["token_file"].as_str().unwrap();
    let token = std::fs::read_to_string(file).unwrap().trim().to_owned();
    let keys = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let first = ask(&mut Agent { world, token: token.clone(), keys });
    if first.0 != 429 {
        return first;
    }
    world.move_world(&json!({"do": "clock", "advance": "2m"}));
    ask(&mut Agent { world, token, keys: keys + 1 })
}

/// What Argus itself would post, read from the platforms.
fn real_draft(world: &World) -> Value {
    let draft = |app: &str| {
        let config = world.info["configs"]["argus"].as_str().unwrap();
        let done = dock()
            .args(["agent", "argus", "--dry-run", "--json", "--app", app, "--config", config])
            .output()
            .unwrap();
        let line = String::from_utf8_lossy(&done.stdout).into_owned();
        serde_json::from_str::<Value>(line.lines().next().unwrap_or_default()).ok()
    };
    crate::world::until("the drift of payments-api", || draft("payments-api"))
}

/// Where a draft has text; of a list, its first item only.
fn texts(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(place),
        Value::Array(items) => {
            items.first().into_iter().for_each(|item| texts(item, format!("{place}/0"), found));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                texts(value, format!("{place}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Nothing in it moves a cursor, hides or turns text.
#[track_caller]
fn harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what} is UTF-8"));
    let bad = text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    });
    assert_eq!(bad, None, "{what}: {text}");
}
