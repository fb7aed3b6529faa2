//! People are told over real HTTP: a receiver of webhooks of the test's own, and the simulated Slack.
//!
//! Never: a wait for anything but a message that comes.

use std::collections::VecDeque;

use axum::{
    Router,
    body::Bytes,
    extract::State as Of,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use tokio::sync::mpsc;

use super::*;
use crate::simulator::{Fault, PagerAlert};

const SECRET: &[u8] = b"thirty-two bytes of a secret key";

/// One delivery: its id and its body, after its signature was checked.
type Delivery = (String, Value);

/// What the receiver answers, one after the other; afterwards 204. None: nothing, ever.
type Answers = Arc<std::sync::Mutex<VecDeque<Option<(u16, Option<&'static str>)>>>>;

struct Receiver {
    url: String,
    answers: Answers,
    came: mpsc::Receiver<Delivery>,
}

impl Receiver {
    async fn start() -> Self {
        let (tell, came) = mpsc::channel(256);
        let answers = Answers::default();
        let api = Router::new().route("/dock", post(take)).with_state((tell, Arc::clone(&answers)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/dock", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, api).await.unwrap() });
        Self { url, answers, came }
    }

    fn will(&self, answer: Option<(u16, Option<&'static str>)>) {
        self.answers.lock().unwrap().push_back(answer);
    }

    async fn next(&mut self) -> Delivery {
        self.came.recv().await.unwrap()
    }
}

async fn take(
    Of((tell, answers)): Of<(mpsc::Sender<Delivery>, Answers)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signed =
        [text("webhook-id").as_bytes(), b".", text("webhook-timestamp").as_bytes(), b".", &body].concat();
    let tag = STANDARD.decode(text("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), &signed, &tag).unwrap();
    tell.try_send((text("webhook-id"), serde_json::from_slice(&body).unwrap())).unwrap();
    let answer = answers.lock().unwrap().pop_front();
    match answer {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(None) => std::future::pending().await,
        Some(Some((status, wait))) => {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            if let Some(wait) = wait {
                response.headers_mut().insert("retry-after", wait.parse().unwrap());
            }
            response
        }
    }
}

async fn told_by_webhook(more: &str) -> (World, Receiver) {
    let receiver = Receiver::start().await;
    let table = format!(
        "[[tell]]\nname = \"hook\"\n{more}[tell.webhook]\nurl = \"{}\"\nsecret_file = \"DIR/hook\"\n",
        receiver.url
    );
    let world = World::start_telling("memory:", |_, dir| {
        write_private(&dir.join("hook"), &format!("whsec_{}", STANDARD.encode(SECRET)));
        table.replace("DIR", &dir.display().to_string())
    })
    .await;
    (world, receiver)
}

async fn troubles(world: &World) -> Vec<String> {
    let (_, ready) = world.call("GET", "/readyz", None, None).await;
    let all = ready["missing"].as_array().unwrap().iter().map(|what| what.as_str().unwrap().to_owned());
    all.filter(|what| what.starts_with("telling ")).collect()
}

#[tokio::test]
async fn a_row_that_asks_is_told_and_told_again_when_half_of_its_time_is_over() {
    let (world, mut receiver) = told_by_webhook("").await;
    let row = world.opened("checkout-web").await;
    world.advance(3);
    let (id, body) = receiver.next().await;
    assert!(id.starts_with("msg_sync-8821_"), "{id}");
    assert_eq!(
        (body["type"].as_str(), &body["data"]["row"], &body["data"]["kind"], &body["data"]["command"]),
        (Some("row.asks"), &json!("sync-8821"), &json!("sync"), &json!("dock open sync-8821"))
    );
    assert_eq!(body["data"]["asks"], json!(["sarah"]));
    let text = body.to_string();
    assert!(
        !text.contains(&row.rationale) && !text.contains(&row.head.title) && !text.contains("http"),
        "{text}"
    );
    // What was opened before, and is decided by then, is told to nobody any more.
    let other = world.opened("payments-api").await;
    world.advance(4);
    assert_eq!(world.decide("sarah", &other, Decision::Decline).await, "accepted");
    world.advance(2 * 3_600 + 5);
    let (half, body) = receiver.next().await;
    assert_eq!((body["type"].as_str(), &body["data"]["row"]), (Some("row.half_over"), &json!("sync-8821")));
    assert_ne!(half, id);
    assert_eq!(body["data"]["asks"], json!(["sarah", "govind"]), "the draft named one; the next is on call");
    world.advance(4 * 3_600 - 1_000);
    let (_, body) = receiver.next().await;
    assert_eq!((body["type"].as_str(), &body["data"]["row"]), (Some("row.almost_over"), &json!("sync-8821")));
    assert_eq!(receiver.came.try_recv().ok(), None);
}

#[tokio::test]
async fn what_fails_is_sent_again_under_the_same_id_and_not_before_it_may() {
    let (world, mut receiver) = told_by_webhook("about = [\"asks\"]\n").await;
    receiver.will(Some((503, None)));
    receiver.will(Some((429, Some("600"))));
    world.opened("checkout-web").await;
    world.advance(3);
    let (id, _) = receiver.next().await;
    world.advance(10);
    assert_eq!(receiver.next().await.0, id);
    let told = loop {
        let told = troubles(&world).await;
        if told.iter().any(|what| what.contains("429")) {
            break told;
        }
        tokio::task::yield_now().await;
    };
    assert!(told[0].starts_with("telling hook, since "), "{told:?}");
    // Another row's news wait, too; the rate is the target's.
    world.opened("payments-api").await;
    world.advance(60);
    assert_eq!(receiver.came.try_recv().ok(), None);
    world.advance(700);
    let (first, second) = (receiver.next().await.0, receiver.next().await.0);
    assert!(first != second && [&first, &second].contains(&&id), "{first} {second}");
    while !troubles(&world).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_ends_while_it_sends_sends_again_when_it_is_back() {
    let (mut world, mut receiver) = told_by_webhook("about = [\"asks\"]\n").await;
    receiver.will(None);
    world.opened("checkout-web").await;
    world.advance(3);
    let (id, _) = receiver.next().await;
    world.running.abort();
    let text = std::fs::read_to_string(world.dir.path().join("config")).unwrap();
    let config: Config = toml::from_str(&text).unwrap();
    let clock = Clock::with_offset_file(world.dir.path().join("clock"));
    let server = super::super::bind_over(&config, clock, Arc::clone(&world.app.store)).await.unwrap();
    world.running = run(server);
    world.advance(200);
    assert_eq!(receiver.next().await.0, id);
}

/// A server that tells the channel of a row's incident, and another.
async fn told_by_slack(channel: &str) -> World {
    World::start_telling("memory:", |platforms, dir| {
        write_private(&dir.join("slack"), &platforms.world().slack_writer());
        format!(
            "[[tell]]\nname = \"chat\"\nabout = [\"asks\"]\n[tell.slack]\nchannel = {channel:?}\nurl = {:?}\ntoken_file = \
             \"{}/slack\"\n",
            platforms.url(Site::Slack),
            dir.display()
        )
    })
    .await
}

/// What Dock's own app said in a channel.
async fn said(world: &World, channel: &str) -> Vec<String> {
    let config = crate::platform::slack::Config::at(
        Some(world.platforms.url(Site::Slack)),
        None,
        Some(world.dir.path().join("slack")),
        None,
    );
    let slack = crate::platform::slack::Source::open(&config).unwrap();
    let id = slack.channel(channel).await.unwrap().known().unwrap().id;
    let history = slack.messages(&id, jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX).await.unwrap();
    history.messages.into_iter().filter(|message| message.tag.is_some()).map(|message| message.text).collect()
}

async fn until_told(world: &World, count: u64) {
    loop {
        let told: u64 = world
            .app
            .counters
            .all()
            .into_iter()
            .filter(|((name, _), _)| *name == "dock_told_total")
            .map(|(_, count)| count)
            .sum();
        if told >= count {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn slack_is_told_once_though_its_answer_was_lost_or_said_no_in_a_200() {
    let world = told_by_slack("#ops").await;
    world.platforms.world().open_channel("ops", false, true);
    let faults = world.platforms.world().faults(Site::Slack);
    faults.script("postMessage", Fault::LostAnswer, Some(1));
    world.opened("checkout-web").await;
    world.advance(3);
    while troubles(&world).await.is_empty() {
        tokio::task::yield_now().await;
    }
    world.advance(30);
    until_told(&world, 1).await;
    let all = said(&world, "ops").await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert!(all[0].starts_with("sync-8821 (sync) waits for a decision of sarah, until "), "{all:?}");
    assert!(all[0].ends_with("\ndock open sync-8821"), "{all:?}");
    world.platforms.world().slack_says("chat.postMessage", "internal_error", false);
    world.opened("payments-api").await;
    world.advance(40);
    while troubles(&world).await.is_empty() {
        tokio::task::yield_now().await;
    }
    world.advance(400);
    until_told(&world, 2).await;
    assert_eq!(said(&world, "ops").await.len(), 2);
}

#[tokio::test]
async fn a_channel_that_is_not_there_is_told_by_doctor_and_an_incidents_rows_alone_go_to_its_channel() {
    let world = told_by_slack("inc-{number}").await;
    world.opened("checkout-web").await;
    let mut draft = draft(&world.drifted("payments-api").await);
    draft.incident = Some("INC-4242".to_owned());
    assert_eq!(world.post("/v1/rows", "of the incident", &draft, &[]).await.0, 201);
    world.advance(3);
    let told = untold(&world).await;
    assert!(told[0].contains("inc-4242"), "{told:?}");
    world.platforms.world().open_channel("inc-4242", false, true);
    world.advance(11 * 60);
    until_told(&world, 1).await;
    let all = said(&world, "inc-4242").await;
    assert!(matches!(&all[..], [one] if one.starts_with("sync-8822 ")), "{all:?}");
}

/// What cannot be told, once there is any.
async fn untold(world: &World) -> Vec<String> {
    until("nothing is in trouble", async || Some(troubles(world).await).filter(|all| !all.is_empty())).await
}

/// The alerts in PagerDuty, once they are as they should be.
async fn alerts(world: &World, good: impl Fn(&[PagerAlert]) -> bool) -> Vec<PagerAlert> {
    let now = || world.platforms.world().pagerduty_alerts();
    let found = async || Some(now()).filter(|all| good(all));
    let all = tokio::time::timeout(PATIENCE, until("", found)).await.ok();
    all.unwrap_or_else(|| panic!("not as they should be: {:?}", now()))
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Looks until there is something to see: a test that waits for what never comes fails, and says for what.
async fn until<T>(otherwise: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, looking).await.expect(otherwise)
}

async fn told_by_pagerduty() -> World {
    World::start_telling("memory:", |platforms, dir| {
        write_private(&dir.join("pager"), &platforms.world().pagerduty_routing_key());
        let url = platforms.url(Site::PagerDuty);
        let key = dir.join("pager");
        format!("[[tell]]\nname = \"pager\"\n[tell.pagerduty]\nurl = {url:?}\nrouting_key_file = {key:?}\n")
    })
    .await
}

#[tokio::test]
async fn a_row_is_one_alert_in_pagerduty_from_its_question_to_its_answer() {
    let world = told_by_pagerduty().await;
    let lost = world.platforms.world().faults(Site::PagerDuty);
    lost.script("enqueue", Fault::Status(502), Some(1));
    let row = world.opened("checkout-web").await;
    world.advance(3);
    untold(&world).await;
    world.advance(10);
    let all = alerts(&world, |all| !all.is_empty()).await;
    assert_eq!((all.len(), all[0].times), (1, 1), "sent again: {all:?}");
    assert_eq!((all[0].dedup_key.as_str(), all[0].severity.as_str()), ("dock sync-8821", "warning"));
    assert!(all[0].summary.starts_with("sync-8821 (sync) waits for a decision of sarah, until "), "{all:?}");
    assert!(!all[0].summary.contains(&row.head.title));
    world.advance(2 * 3_600 + 5);
    let all = alerts(&world, |all| all[0].times == 2).await;
    assert_eq!(all.len(), 1, "told again under its key: {all:?}");
    assert_eq!(world.decide("sarah", &row, Decision::Decline).await, "accepted");
    let all = alerts(&world, |all| all[0].status == "resolved").await;
    assert_eq!(all.len(), 1);

    let other = world.opened("payments-api").await;
    world.advance(2 * 3_600 + 9);
    alerts(&world, |all| all.len() == 2).await;
    assert_eq!(world.decide("sarah", &other, Decision::NeedsChanges).await, "accepted");
    let all = alerts(&world, |all| all[1].status == "acknowledged").await;
    assert_eq!(all[1].dedup_key, "dock sync-8822", "it waits for its agent");
}

#[tokio::test]
async fn a_wrong_integration_key_is_told_where_people_look() {
    let world = World::start_telling("memory:", |platforms, dir| {
        write_private(&dir.join("pager"), &"a".repeat(32));
        let (url, key) = (platforms.url(Site::PagerDuty), dir.join("pager"));
        format!("[[tell]]\nname = \"pager\"\n[tell.pagerduty]\nurl = {url:?}\nrouting_key_file = {key:?}\n")
    })
    .await;
    world.opened("checkout-web").await;
    world.advance(3);
    let told = untold(&world).await;
    assert!(told[0].contains("Event object is invalid: Invalid routing key"), "{told:?}");
    assert!(!told[0].contains("aaaa"), "{told:?}");
    let (_, snapshot) = world.call("GET", "/v1/snapshot", Some(&world.agent_token), None).await;
    assert_eq!(snapshot["untold"][0]["to"], "pager");
    assert_eq!(world.platforms.world().pagerduty_alerts(), []);
}

#[tokio::test]
async fn a_topic_of_ntfy_is_told_once_it_takes_the_token() {
    let (tell, mut came) = mpsc::channel::<(String, Value)>(16);
    let refusals = Arc::new(std::sync::Mutex::new(1_u32));
    let publish = move |headers: HeaderMap, body: Bytes| {
        let (tell, refusals) = (tell.clone(), Arc::clone(&refusals));
        async move {
            let bearer = headers["authorization"].to_str().unwrap().to_owned();
            tell.try_send((bearer, serde_json::from_slice(&body).unwrap())).unwrap();
            let mut left = refusals.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                let no = json!({"code": 40_301, "http": 403, "error": "forbidden"}).to_string();
                return (StatusCode::FORBIDDEN, no).into_response();
            }
            axum::Json(json!({"id": "sPs71M8A2T", "event": "message"})).into_response()
        }
    };
    let api = Router::new().route("/", post(publish));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, api).await.unwrap() });
    let world = World::start_telling("memory:", |_, dir| {
        write_private(&dir.join("ntfy"), "tk_oncall");
        let token = dir.join("ntfy");
        format!(
            "[[tell]]\nname = \"phones\"\nabout = [\"asks\"]\n[tell.ntfy]\nurl = {url:?}\ntopic = \"dock-oncall\"\ntoken_file \
             = {token:?}\n"
        )
    })
    .await;
    let row = world.opened("checkout-web").await;
    world.advance(3);
    let (bearer, body) = came.recv().await.unwrap();
    assert_eq!((bearer.as_str(), &body["topic"]), ("Bearer tk_oncall", &json!("dock-oncall")));
    assert_eq!(body["title"], "sync-8821 (sync)");
    let text = body["message"].as_str().unwrap();
    assert!(text.ends_with("\ndock open sync-8821") && !text.contains(&row.head.title), "{text}");
    let told = loop {
        let told = troubles(&world).await;
        if !told.is_empty() {
            break told;
        }
        tokio::task::yield_now().await;
    };
    assert!(told[0].starts_with("telling phones, since ") && told[0].contains("forbidden"), "{told:?}");
    world.advance(11 * 60);
    assert_eq!(came.recv().await.unwrap().1, body, "the same again");
    while !troubles(&world).await.is_empty() {
        tokio::task::yield_now().await;
    }
}
