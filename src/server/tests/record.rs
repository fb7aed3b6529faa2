//! The record from outside: sessions, the feed, proofs, evidence, and a database that lost its end.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;
use crate::{
    audit::{
        note::{KeyUse, NoteKey},
        pack,
    },
    row::Hold,
    wire::{EvidenceParts, Position, Snapshot},
};

#[tokio::test]
async fn a_session_reads_and_ends_with_its_key() {
    let world = World::start().await;
    assert_eq!(world.try_login("sarah", "govind").await.0, 401, "another's key");
    assert_eq!(world.try_login("nobody", "nobody").await.0, 401);
    let token = world.login("sarah").await;
    let (status, me) = world.call("GET", "/v1/me", Some(&token), None).await;
    assert_eq!((status, &me["id"], &me["kind"]), (200, &json!("sarah"), &json!("human")));
    assert_eq!((&me["roles"], &me["attributes"]["on_call"]), (&json!(["sre"]), &json!(["rota"])));
    assert_eq!(me["keys"][0]["fingerprint"], json!(key_of("sarah").public().fingerprint()));
    let (_, argus) = world.call("GET", "/v1/me", Some(&world.agent_token), None).await;
    assert_eq!((&argus["kind"], &argus["owner"]), (&json!("agent"), &json!("admin")));

    let body = json!({"person": "sarah"});
    let (_, challenge) = world.call("POST", "/v1/login/challenge", None, Some(body)).await;
    let text = challenge["challenge"].as_str().unwrap();
    assert!(text.contains(&world.url) && text.contains("demo.invalid/dock"), "{text}");
    let signature = key_of("sarah").sign(&Purpose::Login.namespace(ORG), text.as_bytes()).unwrap();
    let body = json!({"person": "sarah", "challenge": text, "signature": signature});
    assert_eq!(world.call("POST", "/v1/login", None, Some(body.clone())).await.0, 200);
    assert_eq!(world.call("POST", "/v1/login", None, Some(body)).await.0, 401, "a challenge counts once");

    let revoked = AdminChange::KeyRevoked {
        person: name("sarah"),
        fingerprint: key_of("sarah").public().fingerprint(),
    };
    assert_eq!(world.change("/v1/keys", "admin", revoked).await.0, 201);
    assert_eq!(
        world.call("GET", "/v1/me", Some(&token), None).await.0,
        401,
        "the key is gone, so is the session"
    );
    let govind = world.login("govind").await;
    world.advance(13 * 60 * 60);
    assert_eq!(world.call("GET", "/v1/me", Some(&govind), None).await.0, 401, "twelve hours are over");
}

#[tokio::test]
async fn only_signed_changes_of_administrators_count() {
    let world = World::start().await;
    let enrol = || enrolment("sarah", "sarah-2");
    assert_eq!(world.change("/v1/keys", "sarah", enrol()).await.0, 403, "no administrator");
    assert_eq!(world.change("/v1/keys", "admin", enrol()).await.0, 201);
    let statement =
        admin_statement("admin", enrolment("sarah", "sarah-3"), world.app.clock.now(), world.seen().await);
    let forged = serde_json::to_value(sign_change(&statement, "govind")).unwrap();
    assert_eq!(world.call("POST", "/v1/keys", None, Some(forged)).await.0, 403);
    let body = serde_json::to_value(sign_change(&statement, "admin")).unwrap();
    assert_eq!(world.call("POST", "/v1/keys", None, Some(body.clone())).await.0, 201);
    assert_eq!(world.call("POST", "/v1/keys", None, Some(body)).await.0, 403, "said before");
    let sarah = world.login("sarah").await;
    let (_, people) = world.call("GET", "/v1/people", Some(&sarah), None).await;
    let found = people.as_array().unwrap().iter().find(|one| one["id"] == "sarah").unwrap();
    assert_eq!(found["keys"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_feed_tells_what_changed_since_and_wakes_who_waits() {
    let world = World::start().await;
    world.opened("payments-api").await;
    let sarah = world.login("sarah").await;
    let (status, first) = world.call("GET", "/v1/snapshot", Some(&sarah), None).await;
    assert_eq!(status, 200, "{first}");
    let first: Snapshot = serde_json::from_value(first).unwrap();
    assert_eq!(first.rows.len(), 1);
    let key = world.log_key.parse().unwrap();
    let head = note::open(first.checkpoint.as_bytes(), &key, &[]).unwrap().checkpoint;
    assert_eq!((head.size, first.log_key.as_str()), (first.position.size, world.log_key.as_str()));

    let after = |position: Position, wait: u32| format!("/v1/sync?after={position}&wait={wait}");
    let nothing: Snapshot =
        serde_json::from_value(world.call("GET", &after(first.position, 0), Some(&sarah), None).await.1)
            .unwrap();
    assert_eq!((nothing.rows.len(), nothing.position), (0, first.position));
    let path = after(first.position, 25);
    let waiting = world.call("GET", &path, Some(&sarah), None);
    let (changed, second) = tokio::join!(waiting, world.opened("checkout-web"));
    let changed: Snapshot = serde_json::from_value(changed.1).unwrap();
    assert_eq!(changed.rows.iter().map(|row| row.head.id).collect::<Vec<_>>(), [second.head.id]);
    let (from, to) = (first.position.size, changed.position.size);
    let (_, proof) = world
        .call("GET", &format!("/v1/log/proof/consistency?from={from}&to={to}"), Some(&sarah), None)
        .await;
    let proof: Vec<merkle::Hash> = hashes(&proof["hashes"]);
    let new = note::open(changed.checkpoint.as_bytes(), &key, &[]).unwrap().checkpoint;
    merkle::check_consistency((from, &head.root), (to, &new.root), &proof).unwrap();
    for lost in ["1.999", "2.1"] {
        let (status, answer) = world.call("GET", &format!("/v1/sync?after={lost}"), Some(&sarah), None).await;
        assert_eq!((status, &answer["code"]), (410, &json!("unknown_position")));
    }
    assert_eq!(first.holds, Vec::<Hold>::new());
}

fn hashes(list: &Value) -> Vec<merkle::Hash> {
    let hash = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap().try_into().unwrap();
    list.as_array().unwrap().iter().map(hash).collect()
}

#[tokio::test]
async fn an_agent_is_woken_by_the_outcome() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    let path = "/v1/rows/sync-8821/wait?until=decided&wait=25";
    let decide = async {
        let statement = world.statement("sarah", &row, Decision::NeedsChanges).await;
        world.send(&statement).await
    };
    let ((status, woken), _) = tokio::join!(world.call("GET", path, Some(&world.agent_token), None), decide);
    assert_eq!((status, &woken["state"]), (200, &json!("needs_changes")));
    let wrong =
        world.call("GET", "/v1/rows/sync-8821/wait?until=monday", Some(&world.agent_token), None).await;
    assert_eq!(wrong.0, 400);
}

#[tokio::test]
async fn a_server_that_ends_answers_who_waits() {
    let world = World::start().await;
    world.opened("payments-api").await;
    let (end, ended) = tokio::sync::oneshot::channel();
    let config = config(world.dir.path(), &world.platforms.url(Site::ArgoCd), "memory:", "");
    let _ = std::fs::remove_file(&config.checkpoint_file);
    let server = bind(&config, Clock::system()).await.unwrap();
    let url = format!("http://{}/v1/sync?after=1.9&wait=25", server.address());
    assert_eq!(server.app.store.head().await.unwrap().size, 9);
    let app = Arc::clone(&server.app);
    let running = tokio::spawn(server.run(async { drop(ended.await) }));
    let waiting = world.http.get(url).bearer_auth(&world.agent_token).send();
    let ending = async {
        while app.closing.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
        end.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(waiting, ending);
    assert_eq!(answer.unwrap().status().as_u16(), 200);
    tokio::time::timeout(std::time::Duration::from_secs(5), running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let world = World::start().await;
    for app in ["payments-api", "checkout-web", "ledger-worker"] {
        world.opened(app).await;
    }
    let ids = async |query: &str| {
        let (status, page) =
            world.call("GET", &format!("/v1/rows?{query}"), Some(&world.agent_token), None).await;
        assert_eq!(status, 200, "{page}");
        let ids: Vec<_> = page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        (ids, page["next"].clone())
    };
    let (first, next) = ids("limit=2").await;
    assert_eq!(first, ["sync-8823", "sync-8822"]);
    let (rest, end) = ids(&format!("limit=2&cursor={}", next.as_str().unwrap())).await;
    assert_eq!((rest, end), (vec!["sync-8821".to_owned()], Value::Null));
    for (query, expected) in [
        ("q=checkout", vec!["sync-8822"]),
        ("q=service:ledger-worker%20kind:sync", vec!["sync-8823"]),
        ("state=pending&state=approved", vec!["sync-8823", "sync-8822", "sync-8821"]),
        ("state=declined", vec![]),
        ("kind=gate", vec![]),
        ("subject=payments-api", vec!["sync-8821"]),
    ] {
        assert_eq!(ids(query).await.0, expected, "{query}");
    }
}

#[tokio::test]
async fn a_search_is_ranked_and_shows_where_it_was_found() {
    let world = World::start().await;
    for app in ["payments-api", "checkout-web", "ledger-worker"] {
        world.opened(app).await;
    }
    let get = async |query: &str| {
        world.call("GET", &format!("/v1/rows?{query}"), Some(&world.agent_token), None).await
    };
    let (status, page) = get("q=checkout-web&limit=1").await;
    assert_eq!((status, &page["rows"][0]["id"]), (200, &Value::from("sync-8822")), "{page}");
    let found: crate::wire::RowPage = serde_json::from_value(page).unwrap();
    assert!(
        found.rows[0].matches.iter().any(|one| one.pieces().contains(&(true, "checkout-web"))),
        "{found:?}"
    );
    let (_, first) = get("q=kind:sync&limit=2").await;
    let (_, second) = get(&format!("q=kind:sync&limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((first["rows"].as_array().unwrap().len(), second["rows"].as_array().unwrap().len()), (2, 1));
    let (status, none) = world.call("GET", "/v1/incidents/INC-9", Some(&world.agent_token), None).await;
    assert_eq!(status, 404, "{none}");
    for (query, said) in [
        ("q=knid:sync", "Nearest: kind."),
        ("q=is:new", "a reader's own list"),
        ("q=a&cursor=x", "no cursor of this search"),
    ] {
        let (status, problem) = get(query).await;
        assert_eq!(status, 400, "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
}

#[tokio::test]
async fn the_log_is_read_in_tiles_and_cosigned() {
    let world = World::start().await;
    world.opened("payments-api").await;
    let seen = world.seen().await;
    let get = async |path: String| world.call("GET", &path, Some(&world.agent_token), None).await;
    let (status, _) = get(format!("/v1/log/tile/0/000.p/{}", seen.size)).await;
    assert_eq!(status, 200);
    assert_eq!(get("/v1/log/tile/0/000".to_owned()).await.0, 404, "not whole yet");
    assert_eq!(get(format!("/v1/log/tile/entries/000.p/{}", seen.size)).await.0, 200);
    let (_, proof) = get(format!("/v1/log/proof/inclusion?index=0&size={}", seen.size)).await;
    let leaf = &world.store().leaves(crate::store::Leaves::From { index: 0, limit: 1 }).await.unwrap()[0];
    let hash = merkle::leaf_hash(&leaf.bytes);
    merkle::check_inclusion(0, seen.size, hash, &hashes(&proof["hashes"]), &seen.root.0).unwrap();
    assert_eq!(get("/v1/log/proof/inclusion?index=0&size=9999".to_owned()).await.0, 400);

    let witness = NoteKey::from_seed("home-1", KeyUse::Witness, &[7; 32]).unwrap();
    let (_, head) = get("/v1/log/checkpoint".to_owned()).await;
    let head = head.as_str().unwrap().to_owned();
    let checkpoint = note::read_unchecked(head.as_bytes()).unwrap();
    let cosigned = note::add_signature(&head, &witness.cosign(&checkpoint, 1)).unwrap();
    let sarah = world.login("sarah").await;
    let post = async || {
        world.raw("POST", "/v1/log/witness", Some(&sarah), Some(cosigned.clone().into_bytes()), &[]).await.0
    };
    assert_eq!(post().await, 403, "not enrolled");
    let enrol = AdminChange::WitnessEnrolled { person: name("sarah"), key: witness.public().clone() };
    assert_eq!(world.change("/v1/log/witnesses", "sarah", enrol).await.0, 201);
    assert_eq!(post().await, 201);
    assert_eq!(world.store().cosignatures(checkpoint.size).await.unwrap().len(), 1);
}

#[tokio::test]
async fn evidence_convinces_an_auditor() {
    let world = World::start().await;
    let row = world.opened("payments-api").await;
    assert_eq!(world.decide("sarah", &row, Decision::Decline).await, "accepted");
    world.opened("checkout-web").await;
    let sarah = world.login("sarah").await;
    // Opened, declined, held; and the other row's opening.
    for (query, of_rows) in [("", 4), ("?row=sync-8821", 3), ("?since=2020-01-01T00:00:00Z", 4)] {
        let (status, parts) = world.call("GET", &format!("/v1/evidence{query}"), Some(&sarah), None).await;
        assert_eq!(status, 200, "{parts}");
        let parts: EvidenceParts = serde_json::from_value(parts).unwrap();
        let found = parts.entries.iter().filter(|entry| entry.leaf.contains("\"row\":")).count();
        assert_eq!(found, of_rows, "{query}");
        let files = assembled(&parts);
        assert!(files.keys().any(|path| path.starts_with("decisions/")), "{query}");
        assert!(files.keys().filter(|path| path.starts_with("blobs/")).count() >= 2, "{query}");
        let key = parts.log_key.parse().unwrap();
        let options = crate::audit::verify::Options { log_key: Some(key), ..Default::default() };
        let report = crate::audit::verify::verify(&files, &options);
        assert_eq!(report.worst(), None, "{query} {report:?}");
    }
}

fn assembled(parts: &EvidenceParts) -> pack::Files {
    let leaves: Vec<_> =
        parts.entries.iter().map(|entry| (entry.index, entry.leaf.clone().into_bytes())).collect();
    let blobs =
        parts.blobs.iter().map(|(digest, bytes)| (digest.parse().unwrap(), STANDARD.decode(bytes).unwrap()));
    let source = pack::Source {
        what: "a test",
        leaves: &leaves,
        checkpoint: &parts.checkpoint,
        log_key: &parts.log_key.parse().unwrap(),
        blobs: &blobs.collect(),
    };
    let of = |list: &Vec<String>| -> Vec<merkle::Hash> {
        list.iter().map(|text| STANDARD.decode(text).unwrap().try_into().unwrap()).collect()
    };
    let inclusion = |index: u64| -> Result<Vec<merkle::Hash>, String> {
        Ok(of(&parts.entries.iter().find(|entry| entry.index == index).unwrap().proof))
    };
    let consistency =
        |size: u64| parts.consistency.get(&size).map(of).ok_or_else(|| format!("no proof from {size}"));
    pack::assemble(&source, inclusion, consistency).unwrap()
}

#[tokio::test]
async fn a_server_begins_once_and_finds_out_a_restored_database() {
    let world = World::start_with("sqlite:DIR/dock.db", "").await;
    let begun = world.store().head().await.unwrap().size;
    world.opened("payments-api").await;
    let seen = world.seen().await;
    assert_eq!(seen.size, begun + 1);
    let dir = world.dir.path();
    let again = config(dir, &world.platforms.url(Site::ArgoCd), "sqlite:DIR/dock.db", "");
    let server = bind(&again, Clock::system()).await.unwrap();
    assert_eq!(server.app.store.head().await.unwrap().size, seen.size, "the first entries are written once");
    assert_eq!(server.app.read_only, None);

    let older = config(dir, &world.platforms.url(Site::ArgoCd), "sqlite:DIR/older.db", "");
    let server = bind(&older, Clock::system()).await.unwrap();
    let why = server.app.read_only.clone().unwrap();
    assert!(why.contains(&format!("{} were signed", seen.size)), "{why}");
    let url = format!("http://{}", server.address());
    let running = run(server);
    let (status, text) = {
        let answer = world.http.get(format!("{url}/readyz")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(status, 503);
    assert!(text.contains("restored"), "{text}");
    running.abort();
}
