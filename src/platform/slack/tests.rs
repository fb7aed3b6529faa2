//! Slack's connector against the simulated Slack.
//!
//! Never: a request to the real one.

use super::*;
use crate::{
    platform::{Next, tests::Ground},
    simulator::{Fault, Site},
};
use jiff::{SignedDuration, Timestamp};

const ROOM: &str = "inc-900";

fn at(minute: i64) -> Timestamp {
    "2026-05-30T02:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

async fn ground() -> (Ground, Source, String) {
    let ground = Ground::start().await;
    ground.world().open_channel(ROOM, false, true);
    let source = Source::open(&ground.slack()).unwrap();
    let channel = source.channel(ROOM).await.unwrap().known().unwrap().id;
    (ground, source, channel)
}

fn texts(history: &History) -> Vec<&str> {
    history.messages.iter().map(|message| message.text.as_str()).collect()
}

fn post(channel: &str, text: &str) -> Post {
    let tag = Tag { row: "gate-9821".to_owned(), digest: "sha256:9f86d081884c7d65".to_owned() };
    Post { channel: channel.to_owned(), text: text.to_owned(), thread: None, tag }
}

#[tokio::test]
async fn it_reads_a_channel_with_its_threads_in_the_order_of_time() {
    let (ground, source, channel) = ground().await;
    let world = ground.world();
    let first = world.say(ROOM, "sarah", at(0), "errors at 6 %, <@U0NOBODY> &amp; me look").unwrap();
    world.come_in(ROOM, "marcus", at(1)).unwrap();
    let wrong = world.say(ROOM, "priya", at(2), "it is the cache").unwrap();
    let gone = world.say(ROOM, "priya", at(3), "never mind").unwrap();
    world.say(ROOM, "govind", at(6), "rolled back").unwrap();
    world.reply(ROOM, &first, "govind", at(4), "is <https://g.example/9|#9> to blame?").unwrap();
    world.reply(ROOM, &first, "sarah", at(5), "yes").unwrap();
    world.say(ROOM, "sarah", at(60), "the day after").unwrap();
    world.react(ROOM, &first, "priya", "eyes").unwrap();
    world.react(ROOM, &first, "govind", "eyes").unwrap();
    world.reword(ROOM, &wrong, "it was not the cache").unwrap();
    world.delete_message(ROOM, &gone).unwrap();
    let history = source.messages(&channel, at(0), at(30)).await.unwrap();
    assert_eq!(history.missing, None);
    let said: Vec<&str> =
        history.messages.iter().filter(|one| !one.is_notice()).map(|one| &*one.text).collect();
    assert_eq!(
        said,
        [
            "errors at 6 %, <@U0NOBODY> &amp; me look",
            "it was not the cache",
            "is <https://g.example/9|#9> to blame?",
            "yes",
            "rolled back"
        ]
    );
    let [one, notice, edited, reply, ..] = &history.messages[..] else { panic!("{history:?}") };
    assert_eq!((one.ts.as_str(), one.at, one.bot), (first.as_str(), at(0), false));
    assert_eq!(one.reactions, [("eyes".to_owned(), 2)]);
    assert_eq!(one.thread_ts, None, "it begins its thread, and is not in it");
    assert_eq!(
        one.permalink,
        format!("https://acme.slack.com/archives/{channel}/p{}", first.replace('.', ""))
    );
    assert!(notice.is_notice() && edited.edited && !one.edited);
    assert_eq!(reply.thread_ts.as_deref(), Some(first.as_str()));
    assert!(reply.permalink.ends_with(&format!("?thread_ts={first}&cid={channel}")), "{}", reply.permalink);
    let people = source.people(&history.messages).await.unwrap();
    assert_eq!(people.len(), 4, "three who spoke and one who came; whom Slack does not know is left out");
    let sarah = &people[one.user.as_ref().unwrap()];
    assert_eq!((sarah.name.as_str(), sarah.email.as_deref()), ("sarah", Some("sarah@demo.invalid")));
    assert_eq!(text::plain(&one.text, &people), "errors at 6 %, @U0NOBODY & me look");
    ground.world().faults(Site::Slack).down();
    assert_eq!(source.user(&sarah.id).await.unwrap(), *sarah, "asked once");
}

#[tokio::test]
async fn a_flood_of_five_thousand_is_read_whole_and_one_more_is_told() {
    let (ground, source, channel) = ground().await;
    let world = ground.world();
    world.say(ROOM, "sarah", at(0), "first").unwrap();
    world.flood(ROOM, 4_998, at(90)).unwrap();
    world.say(ROOM, "priya", at(91), "last").unwrap();
    let history = source.messages(&channel, at(0), at(100)).await.unwrap();
    assert_eq!((history.messages.len(), history.missing), (5_000, None));
    assert_eq!((history.messages[0].text.as_str(), history.messages[4_999].text.as_str()), ("first", "last"));
    assert_eq!(history.messages.iter().filter(|one| one.bot).count(), 4_998);
    assert_eq!(history.messages[1].name.as_deref(), Some("alert-relay"));
    world.say(ROOM, "priya", at(92), "one more").unwrap();
    // Another token: a minute has fifty calls for each.
    let other = Source::open(&ground.slack_with(&world.slack_writer())).unwrap();
    let history = other.messages(&channel, at(0), at(100)).await.unwrap();
    let missing = history.missing.unwrap();
    assert_eq!(history.messages.len(), 5_000);
    assert!(missing.contains("over 5000 messages") && missing.contains("was said before"), "{missing}");
    assert_ne!(history.messages[0].text, "first", "what is missing is the oldest");
}

#[tokio::test]
async fn short_and_empty_pages_end_nothing() {
    let (ground, source, channel) = ground().await;
    let world = ground.world();
    let first = world.say(ROOM, "sarah", at(0), "first").unwrap();
    world.flood(ROOM, 450, at(20)).unwrap();
    for minute in 0..250 {
        world.reply(ROOM, &first, "priya", at(30 + minute), "still here").unwrap();
    }
    for name in 0..450 {
        world.open_channel(&format!("team-{name:03}"), false, false);
    }
    world.slack_stutters(true);
    let history = source.messages(&channel, at(0), at(400)).await.unwrap();
    assert_eq!((history.messages.len(), history.missing), (701, None));
    let last = source.channel("#team-449").await.unwrap().known().unwrap();
    assert!(!last.member && !last.private);
    assert!(
        matches!(source.channel("team-450").await.unwrap(), Fact::Unknown(why) if why.contains("team-450"))
    );
}

#[tokio::test]
async fn a_pause_is_waited_out_and_a_long_one_leaves_a_history_that_says_so() {
    let (ground, source, channel) = ground().await;
    let world = ground.world();
    world.flood(ROOM, 300, at(10)).unwrap();
    let faults = world.faults(Site::Slack);
    faults.script("cursor=", Fault::RateLimited(1), Some(1));
    let history = source.messages(&channel, at(0), at(20)).await.unwrap();
    assert_eq!((history.messages.len(), history.missing), (300, None));
    faults.script("cursor=", Fault::RateLimited(600), Some(1));
    let history = source.messages(&channel, at(0), at(20)).await.unwrap();
    assert_eq!(history.messages.len(), 200);
    assert!(
        history.missing.as_ref().unwrap().starts_with("Slack limits our rate: what was said before 2026-")
    );
    faults.script("history", Fault::RateLimited(600), Some(1));
    let error = source.messages(&channel, at(0), at(20)).await.unwrap_err();
    assert_eq!(error.failure, Failure::RateLimited { retry_after: Duration::from_secs(600) });
}

#[tokio::test]
async fn a_channel_that_we_are_not_in_is_a_no_and_never_silence() {
    let (ground, source, _) = ground().await;
    let random = source.channel("random").await.unwrap().known().unwrap();
    assert!(!random.member);
    let error = source.messages(&random.id, at(0), at(9)).await.unwrap_err();
    assert_eq!(error.failure, Failure::Forbidden);
    assert!(error.said.starts_with("not_in_channel: invite the app"), "{error}");
    ground.world().open_channel("secret", true, false);
    assert!(matches!(source.channel("secret").await.unwrap(), Fact::Unknown(_)));
    let error = source.messages("C0NONE", at(0), at(9)).await.unwrap_err();
    assert_eq!((error.failure, error.said.as_str()), (Failure::NotFound, "channel_not_found"));
    ground.world().set_slack_member("random", true).unwrap();
    assert_eq!(source.messages(&random.id, at(0), at(9)).await.unwrap(), History::default());
}

#[tokio::test]
async fn a_message_is_posted_once_with_its_tag_and_mentions_nobody() {
    let (ground, source, channel) = ground().await;
    let writer = Actuator::open(&ground.slack_with(&ground.world().slack_writer())).unwrap();
    let since = crate::clock::Clock::system().now() - SignedDuration::from_secs(5);
    let wanted = post(&channel, "gate-9821 waits <!channel> & <@U012>");
    assert_eq!(writer.find(&wanted, since).await.unwrap(), None);
    let posted = writer.post(&wanted).await.unwrap();
    assert_eq!(writer.find(&wanted, since).await.unwrap(), Some(posted.clone()));
    let other = Post { tag: Tag { digest: "sha256:00".to_owned(), ..wanted.tag.clone() }, ..wanted.clone() };
    assert_eq!(writer.find(&other, since).await.unwrap(), None, "another state of the row is other news");
    let history = source.messages(&channel, since, Timestamp::MAX).await.unwrap();
    let [message] = &history.messages[..] else { panic!("{history:?}") };
    assert_eq!(message.text, "gate-9821 waits &lt;!channel&gt; &amp; &lt;@U012&gt;");
    assert!(
        message.bot && message.tag.as_ref() == Some(&wanted.tag) && message.permalink == posted.permalink
    );
    let answer = Post { thread: Some(posted.ts.clone()), text: "approved".to_owned(), ..other };
    let below = writer.post(&answer).await.unwrap();
    assert_eq!(writer.find(&answer, since).await.unwrap(), Some(below));
    let lost = Post { thread: Some("1.000001".to_owned()), ..answer };
    assert_eq!(writer.post(&lost).await.unwrap_err().failure, Failure::NotFound);
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found_and_not_repeated() {
    let (ground, source, channel) = ground().await;
    let world = ground.world();
    let writer = Actuator::open(&ground.slack_with(&world.slack_writer())).unwrap();
    let since = crate::clock::Clock::system().now() - SignedDuration::from_secs(5);
    let wanted = post(&channel, "gate-9821 was approved");
    world.slack_says("chat.postMessage", "internal_error", true);
    let error = writer.post(&wanted).await.unwrap_err();
    assert_eq!(
        (error.failure.clone(), error.after_write()),
        (Failure::ServerError { status: 200 }, Next::ReadBack)
    );
    assert!(writer.find(&wanted, since).await.unwrap().is_some());
    let other = post(&channel, "gate-9822 was approved");
    let other = Post { tag: Tag { row: "gate-9822".to_owned(), ..other.tag.clone() }, ..other };
    world.slack_says("chat.postMessage", "fatal_error", false);
    assert_eq!(writer.post(&other).await.unwrap_err().after_write(), Next::ReadBack);
    assert_eq!(writer.find(&other, since).await.unwrap(), None);
    world.faults(Site::Slack).script("postMessage", Fault::LostAnswer, Some(1));
    assert_eq!(writer.post(&other).await.unwrap_err().after_write(), Next::ReadBack);
    assert!(writer.find(&other, since).await.unwrap().is_some());
    assert_eq!(source.messages(&channel, since, Timestamp::MAX).await.unwrap().messages.len(), 2);
}

#[tokio::test]
async fn scopes_are_told_and_what_they_lack() {
    let (ground, source, channel) = ground().await;
    let identity = source.identity().await.unwrap();
    assert_eq!((identity.team.as_str(), identity.team_url.as_str()), ("Acme", "https://acme.slack.com/"));
    assert!(identity.beyond(&READER_SCOPES).is_empty());
    let Health { account, .. } = source.health().await.unwrap();
    assert!(account.known().unwrap().starts_with("dock_reader in Acme, with channels:history, "));
    let error = Actuator::open(&ground.slack()).unwrap().post(&post(&channel, "x")).await.unwrap_err();
    assert_eq!((error.failure.clone(), error.after_write()), (Failure::Forbidden, Next::GiveUp));
    assert!(error.said.starts_with("missing_scope: it needs chat:write, the token has channels:history,"));
    let writer = Actuator::open(&ground.slack_with(&ground.world().slack_writer())).unwrap();
    let identity = writer.reads().identity().await.unwrap();
    assert_eq!(identity.beyond(&READER_SCOPES), ["chat:write"]);
    assert!(identity.beyond(&WRITER_SCOPES).is_empty());
    let stranger = Source::open(&ground.slack_with("xoxb-wrong")).unwrap();
    assert_eq!(stranger.health().await.unwrap_err().failure, Failure::Unauthorised);
}

#[tokio::test]
async fn each_no_is_its_own_whatever_the_status() {
    let (ground, source, channel) = ground().await;
    let world = ground.world();
    for (word, expected) in [
        ("token_revoked", Failure::Unauthorised),
        ("account_inactive", Failure::Unauthorised),
        ("missing_scope", Failure::Forbidden),
        ("channel_not_found", Failure::NotFound),
        ("ratelimited", Failure::RateLimited { retry_after: PAUSE }),
        ("internal_error", Failure::ServerError { status: 200 }),
        ("a_new_word", Failure::Refused { status: 200 }),
    ] {
        world.slack_says("users.info", word, false);
        let error = source.user("U1").await.unwrap_err();
        assert_eq!((error.failure, error.said.as_str()), (expected, word));
    }
    let faults = world.faults(Site::Slack);
    for (fault, expected) in [
        (Fault::Status(400), Failure::Refused { status: 400 }),
        (Fault::Status(401), Failure::Unauthorised),
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(404), Failure::NotFound),
        (Fault::Status(409), Failure::Conflict),
        (Fault::Status(503), Failure::ServerError { status: 503 }),
        (Fault::RateLimited(9), Failure::RateLimited { retry_after: Duration::from_secs(9) }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::Redirect("http://192.0.2.1/".to_owned()), Failure::Redirected),
    ] {
        faults.script("users.info", fault, Some(1));
        assert_eq!(source.user("U1").await.unwrap_err().failure, expected);
    }
    faults.script("history", Fault::Slow(Duration::from_millis(20)), Some(1));
    assert_eq!(source.messages(&channel, at(0), at(1)).await.unwrap(), History::default());
    world.say(ROOM, "sarah", at(0), "still there").unwrap();
    let history = source.messages(&channel, at(0), at(1)).await.unwrap();
    assert_eq!(texts(&history), ["still there"]);
}

#[test]
fn a_ts_is_never_a_number() {
    for (ts, expected) in [
        ("1512104434.000490", Some("2017-12-01T05:00:34.00049Z")),
        ("1755842400.000001", Some("2025-08-22T06:00:00.000001Z")),
        ("1755842400", None),
        ("1755842400.49", None),
        ("-5.000001", None),
        ("1e9.000000", None),
        ("99999999999999999999.000000", None),
    ] {
        assert_eq!(history::time_of(ts).map(|at| at.to_string()).as_deref(), expected, "{ts}");
    }
    let at = history::time_of("1512104434.000490").unwrap();
    assert_eq!(history::ts_of(at), "1512104434.000490", "no digit is lost");
}

#[test]
fn slacks_recorded_answers_are_read() {
    let said: Vec<wire::Said> = serde_json::from_str(
        r#"[{"type": "message", "user": "U012", "text": "rolling back", "ts": "1755842400.000490",
            "thread_ts": "1755842400.000490", "reply_count": 2},
          {"type": "message", "subtype": "bot_message", "bot_id": "B01", "text": "Dock gate-9821 opened",
            "ts": "1755842300.000100", "metadata": {"event_type": "dock_row",
            "event_payload": {"row": "gate-9821", "digest": "sha256:9f86d081884c7d65"}}}]"#,
    )
    .unwrap();
    let messages: Vec<Message> = said
        .into_iter()
        .map(|one| (one.at().unwrap(), one))
        .map(|(at, one)| one.message(at, String::new()))
        .collect();
    assert_eq!((messages[0].thread_ts.as_ref(), messages[0].bot), (None, false));
    assert_eq!(messages[1].tag.as_ref().map(|tag| tag.row.as_str()), Some("gate-9821"));
    assert!(messages[1].bot && !messages[1].is_notice() && messages[1].user.is_none());
    let lacking: wire::Verdict = serde_json::from_str(
        r#"{"ok": false, "error": "missing_scope", "needed": "channels:history", "provided": "chat:write"}"#,
    )
    .unwrap();
    assert_eq!(lacking.words(), "missing_scope: it needs channels:history, the token has chat:write");
}
