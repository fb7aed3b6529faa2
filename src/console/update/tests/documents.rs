//! Rows about documents: strikes, words, ticks and lines, as scripts of keys.

use super::super::super::changes::{Changes, Followed};
use super::super::super::dialog::Verb;
use super::super::super::effect::{Answer, Effect, Link, LinkState};
use super::super::super::incident::Told;
use super::super::super::model::{About, Layer, Screen};
use super::super::super::sample::{self, Desk, documents, id, now};
use super::super::super::text;
use crate::client::Begun;
use crate::row::page::since::{Since, Touch, Touched};
use crate::row::paper::Standing;
use crate::row::proposal::{LivePart, PartSort};
use crate::row::search::alike::Shared;
use crate::row::{Amendment, Decision, Moved, Proposal};
use crate::wire::{AlikeView, Fresh, IncidentView, RowHead, RowView};

pub(super) fn desk(row: &str, keys: &str) -> Desk {
    let mut desk = Desk::of_documents(120, 40);
    desk.open(row);
    desk.keys(keys);
    desk
}

pub(super) fn changes<'a>(desk: &'a Desk, row: &str) -> &'a Changes {
    &desk.model.changes[&id(row)]
}

fn sent(desk: &Desk) -> Vec<(u32, Amendment)> {
    let sent = desk.effects.iter().filter_map(|effect| match effect {
        Effect::Amend { revision, amendment, .. } => Some((*revision, amendment.as_ref().clone())),
        _ => None,
    });
    sent.collect()
}

/// The row comes in its next revision.
pub(super) fn next_revision(desk: &mut Desk, row: &str, change: impl FnOnce(&mut crate::row::Draft)) {
    let at = desk.cache.iter().position(|view| view.head.id == id(row)).unwrap();
    let mut draft = desk.cache[at].draft();
    change(&mut draft);
    let mut view: RowView = sample::view(row, desk.cache[at].head.revision + 1, draft, 30, 7 * 24 * 60);
    view.head.changed_at = sample::now();
    let head = (&view.head).into();
    desk.cache[at] = view;
    desk.answer(Answer::Changed { rows: vec![head], gone: vec![] });
    desk.flush();
}

#[test]
fn space_strikes_what_the_cursor_is_on_and_keeps_it_again() {
    let mut desk = desk("rb-8821", "Space");
    assert!(desk.model.changes.is_empty(), "on no operation yet: it only goes to one");
    assert!(desk.notice().contains("now on 1"), "{}", desk.notice());
    desk.keys("Space");
    assert!(changes(&desk, "rb-8821").struck.contains(&1));
    assert!(desk.screen().contains("STRUCK by you, not sent"), "{}", desk.screen());
    desk.keys("n Space p Space");
    assert_eq!(changes(&desk, "rb-8821").struck.iter().copied().collect::<Vec<_>>(), [2]);
    desk.keys("n Space");
    assert!(desk.model.changes.is_empty() && sent(&desk).is_empty(), "nothing is left of nothing");
}

#[test]
fn other_words_and_a_strike_become_one_amendment_once_they_are_confirmed() {
    let mut desk = desk("rb-8821", "n w \"; `WAIT 1` says so\" Esc n Space");
    assert!(desk.screen().contains("REWORDED by you, not sent"), "{}", desk.screen());
    assert!(sent(&desk).is_empty());
    desk.keys("A");
    assert!(
        matches!(desk.model.layers[..], [Layer::Ask(_)]),
        "what would be signed is not what was made of it"
    );
    assert!(desk.screen().contains("1 struck, 1 reworded"), "{}", desk.screen());
    desk.keys("n M y");
    let [(revision, amendment)] = &sent(&desk)[..] else { panic!("{:?}", desk.effects) };
    assert_eq!((*revision, amendment.strike.as_slice()), (1, &[2][..]));
    let words = crate::row::page::markup::text(&amendment.reword[&1]);
    assert!(words.contains("refuses the promotion; `WAIT 1` says so"), "{words}");
    desk.keys("Space");
    assert_eq!(desk.notice(), text::BEING_SENT);
}

#[test]
fn an_amendment_that_is_refused_keeps_everything_and_one_that_is_taken_nothing() {
    let mut desk = desk("rb-8821", "n Space M y");
    desk.answer(Answer::Amended { row: id("rb-8821"), revision: Err("the page moved".into()) });
    assert!(changes(&desk, "rb-8821").struck.contains(&1) && !changes(&desk, "rb-8821").sending);
    assert!(desk.notice().contains("not amended: the page moved"), "{}", desk.notice());
    assert_eq!(changes(&desk, "rb-8821").error.as_deref(), Some("the page moved"));
    assert!(desk.screen().contains("1 struck, NOT SENT"), "{}", desk.screen());
    desk.keys("M y");
    assert_eq!(sent(&desk).len(), 2);
    next_revision(&mut desk, "rb-8821", |draft| {
        let Some(Proposal::Edit(edit)) = &mut draft.proposal else { panic!() };
        edit.operations.remove(0);
        draft.amended_by = vec!["priya".parse().unwrap()];
    });
    assert!(desk.model.changes.is_empty(), "it came by the feed before its own answer did");
    desk.answer(Answer::Amended { row: id("rb-8821"), revision: Ok(2) });
    assert!(desk.notice().contains("revision 2 is yours"), "{}", desk.notice());
    assert!(desk.screen().contains("amended by priya"), "{}", desk.screen());
}

#[test]
fn a_revision_that_comes_meanwhile_takes_over_what_fits_it_and_tells_the_rest() {
    let mut desk = desk("rb-8821", "n Space n Space");
    next_revision(&mut desk, "rb-8821", |draft| {
        let Some(Proposal::Edit(edit)) = &mut draft.proposal else { panic!() };
        edit.operations.remove(0);
    });
    let now = changes(&desk, "rb-8821");
    assert_eq!((now.revision, now.struck.iter().copied().collect::<Vec<_>>()), (2, vec![1]));
    assert_eq!(now.lost, ["operation 1: struck"]);
    assert!(desk.notice().contains("1 change of yours fits none of it"), "{}", desk.notice());
}

#[test]
fn nothing_is_amended_without_the_backend_or_with_words_that_cannot_be_read() {
    let mut desk = desk("rb-8821", "n Space");
    desk.model.link.state = LinkState::Offline { since: sample::now() };
    desk.keys("M");
    assert!(desk.notice().contains(text::AMENDING_ASKS), "{}", desk.notice());
    assert!(desk.model.layers.is_empty() && changes(&desk, "rb-8821").amends());
    desk.model.link.state = LinkState::Synced;
    desk.keys("Space w Enter Enter \"```\" Enter \"never closed\" Esc M");
    assert!(desk.notice().contains("operation 1"), "{}", desk.notice());
    assert!(desk.screen().contains("CANNOT BE READ"), "{}", desk.screen());
    assert!(desk.model.layers.is_empty() && sent(&desk).is_empty());
    desk.keys("w Ctrl+R Esc");
    assert!(desk.model.changes.is_empty(), "the row's own words again");
}

#[test]
fn small_letters_send_nothing_and_leaving_asks() {
    for letter in 'a'..='z' {
        let mut desk = desk("rb-8821", "n");
        desk.keys(&format!("\"{letter}\""));
        assert!(sent(&desk).is_empty() && desk.model.changes.is_empty(), "{letter}");
    }
    let mut desk = desk("rb-8821", "n Space q q");
    let asked = |desk: &Desk| matches!(desk.model.layers.last(), Some(Layer::Ask(ask)) if matches!(ask.about, About::Quit { changed: 1, .. }));
    assert!(asked(&desk) && desk.screen().contains("stays on disk as you left it"), "{}", desk.screen());
    desk.keys("n");
    assert!(!desk.model.quitting && changes(&desk, "rb-8821").amends());
}

#[test]
fn a_new_value_and_what_replaces_a_struck_step_are_reworded_like_any_other() {
    let mut desk = desk("rb-8821", "n n w");
    assert!(matches!(desk.model.layers.last(), Some(Layer::Reword(_))), "{}", desk.notice());
    desk.keys("\"x\" Esc");
    assert!(changes(&desk, "rb-8821").words.contains_key(&2), "{}", desk.screen());
}

#[test]
fn ticks_are_signed_with_the_approval_and_with_nothing_else() {
    let ticks = "n Space n Space Space Space w \"gone\" Enter";
    let mut desk = desk("rb-8824", ticks);
    assert_eq!(changes(&desk, "rb-8824").ticks[&2].followed, Followed::Wrong);
    desk.keys("A Tab \"y\" Enter");
    let [order] = desk.orders()[..] else { panic!("{:?}", desk.effects) };
    let conditions: Vec<_> =
        order.conditions.iter().map(|(name, said)| (name.as_str(), said.as_str())).collect();
    assert_eq!(
        (order.decision, conditions),
        (Decision::Approve, vec![("1", "followed"), ("2", "wrong: gone")])
    );
    let body = &desk.model.bodies[&id("rb-8824")];
    assert!(
        body.view.effect.with_conditions(&order.conditions.iter().cloned().collect()).is_some(),
        "the backend takes them"
    );

    let mut declined = self::desk("rb-8824", ticks);
    declined.keys("D \"It is another page.\" Tab \"y\" Enter");
    assert!(declined.orders()[0].conditions.is_empty());
}

#[test]
fn ticks_are_kept_on_disk_and_are_there_again_at_the_next_start() {
    let mut desk = desk("rb-8824", "n Space n Space Space Space w \"gone\" Enter");
    let kept = desk.draft().unwrap().clone();
    let said: Vec<_> = kept.conditions.lines().filter_map(|line| line.split_once('\t')).collect();
    assert_eq!(said.iter().map(|(said, _)| *said).collect::<Vec<_>>(), ["1=followed", "2=wrong: gone"]);
    assert!(matches!(desk.effects.last(), Some(Effect::SaveTicks { draft, .. }) if *draft == kept));
    let before = changes(&desk, "rb-8824").clone();
    desk.keys("q q");
    assert!(desk.screen().contains("1 draft"), "{}", desk.screen());

    let mut again = Desk::of_documents(120, 40);
    again.model.known.drafts = vec![kept];
    again.open("rb-8824");
    assert_eq!(*changes(&again, "rb-8824"), before);
    again.keys("n Space Space Space n Space");
    assert!(again.model.changes.is_empty() && again.model.known.drafts.is_empty());
    assert!(
        matches!(again.effects.last(), Some(Effect::SaveTicks { draft, .. }) if draft.conditions.is_empty())
    );
}

#[test]
fn a_live_runbook_without_a_tick_says_so_before_it_is_signed() {
    let mut desk = desk("rb-8824", "A");
    assert_eq!(desk.model.dialog().map(|dialog| dialog.verb), Some(Verb::Approve));
    assert!(desk.screen().contains("None of 3 steps is ticked"), "{}", desk.screen());
    desk.keys("Esc n Space Space Space Space");
    assert!(desk.model.changes.is_empty(), "the fourth time nothing is said");
}

/// Past the five sentences of pm-31: the next `n` is on its first line.
const TO_LINES: &str = "n n n n n";

#[test]
fn lines_are_accepted_struck_and_added() {
    let mut desk = desk("pm-31", &format!("{TO_LINES} n Space n n Space Space n n a"));
    assert!(
        desk.screen().contains("time and what happened: 04:02"),
        "the time of the line under the cursor: {}",
        desk.screen()
    );
    desk.keys("\"Writers were paused by hand\" Enter M y");
    let [(1, amendment)] = &sent(&desk)[..] else { panic!("{:?}", desk.effects) };
    assert_eq!(amendment.lines.iter().collect::<Vec<_>>(), [(&1, &true), (&3, &false)]);
    let [line] = &amendment.add[..] else { panic!() };
    assert_eq!(
        (line.at.to_string().as_str(), line.text.as_str()),
        ("2026-05-29T04:02:00Z", "Writers were paused by hand")
    );
    let Some(Proposal::Paper(paper)) = documents::paper().proposal else { panic!() };
    assert!(paper.amended(&"priya".parse().unwrap(), &amendment.lines, &amendment.add).is_ok());
}

#[test]
fn a_line_has_a_time_and_goes_with_space() {
    let mut desk = desk("pm-31", &format!("{TO_LINES} n a Ctrl+U \"soon\" Enter"));
    assert!(matches!(desk.model.layers[..], [Layer::Say(_)]), "the words stay");
    desk.keys("Ctrl+U \"2026-05-28 23:59 The deploy before\" Enter");
    let own = &changes(&desk, "pm-31").own;
    assert_eq!(
        (own[0].at.to_string().as_str(), own[0].standing),
        ("2026-05-28T23:59:00Z", Standing::Accepted)
    );
    assert!(desk.screen().contains("YOUR LINE, not sent"), "{}", desk.screen());
    desk.keys(&format!("g g {TO_LINES} n w Ctrl+U \"23:58 The deploy before\" Enter"));
    assert_eq!(changes(&desk, "pm-31").own[0].at.to_string(), "2026-05-28T23:58:00Z", "the day that is near");
    desk.keys(&format!("g g {TO_LINES} n Space"));
    assert!(desk.model.changes.is_empty());
}

/// What the third section says, and its question; the words of `w`, the answer and a sentence of `a`.
const JUDGED: &str = "n Space Space n w \" It hurt.\" Esc n n n a \"The cable.\" Enter a Ctrl+U \"actions: Page first.\" Enter";

#[test]
fn sentences_are_struck_worded_answered_and_added_and_leave_as_one_amendment() {
    let mut desk = desk("pm-31", JUDGED);
    let screen = {
        desk.keys("g g n");
        desk.screen()
    };
    for said in ["STRUCK by you, not sent", "REWORDED by you, not sent"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    desk.keys("n n n n");
    assert!(desk.screen().contains("YOUR ANSWER, not sent"), "{}", desk.screen());
    assert!(desk.screen().contains("YOUR SENTENCE, not sent"), "{}", desk.screen());
    desk.keys("M");
    for said in [
        "1 struck, 1 reworded, 1 answered, 1 sentence added",
        "struck     1 The failover",
        "answered   5 The cable.",
        "added        Actions: Page first.",
    ] {
        assert!(desk.screen().contains(said), "{said}: {}", desk.screen());
    }
    desk.keys("y");
    let [(1, amendment)] = &sent(&desk)[..] else { panic!("{:?}", desk.effects) };
    let Some(Proposal::Paper(paper)) = documents::paper().proposal else { panic!() };
    let amended = paper.with_sections(&"priya".parse().unwrap(), &amendment.sections).unwrap();
    let told: Vec<_> =
        amended.sentences().map(|(_, section, one)| (section.heading.as_str(), one.said())).collect();
    let said = |text: &str| text.to_owned();
    assert_eq!(
        told,
        [
            ("Summary", said("struck by priya")),
            ("Impact", said("worded by priya")),
            ("Contributing factors", said("")),
            ("Contributing factors", said("")),
            ("Actions", said("added by priya")),
            ("Open questions", said("")),
        ]
    );
    let (_, last) = amended.sentence(6).unwrap();
    assert_eq!(last.answer.as_ref().map(|answer| answer.text.as_str()), Some("The cable."));
    assert!(amended.sentence(2).unwrap().1.text.ends_with(" It hurt."));
}

#[test]
fn what_is_typed_of_a_sentence_is_taken_back_like_a_line() {
    let mut desk = desk("pm-31", JUDGED);
    desk.keys("g g n Space n w Ctrl+R Esc n n n a Ctrl+U \"Answer:\" Enter");
    assert_eq!(changes(&desk, "pm-31").summary(), "1 sentence added", "{}", desk.screen());
    desk.keys("n w");
    assert!(desk.screen().contains("section and sentence: Actions: Page first."), "{}", desk.screen());
    desk.keys("Ctrl+U \"Blame: marcus\" Enter");
    assert!(desk.screen().contains("there is no section"), "{}", desk.screen());
    desk.keys("Ctrl+U \"Impact: Nobody noticed.\" Enter g g n n n w Ctrl+U \"Impact: Some noticed.\" Enter");
    assert_eq!(changes(&desk, "pm-31").told[0].text, "Some noticed.", "{}", desk.screen());
    desk.keys("Space");
    assert!(desk.model.changes.is_empty(), "{:?}", desk.model.changes);
}

#[test]
fn what_was_begun_of_sentences_is_kept_and_goes_to_the_next_revision() {
    let mut desk = desk("pm-31", JUDGED);
    let before = changes(&desk, "pm-31").clone();
    let mut again = started_again(on_disk(&desk));
    again.open("pm-31");
    assert_eq!(*changes(&again, "pm-31"), before);
    next_revision(&mut desk, "pm-31", |draft| {
        let Some(Proposal::Paper(paper)) = &mut draft.proposal else { panic!() };
        paper.sections.remove(0);
    });
    let now = changes(&desk, "pm-31");
    assert_eq!(now.lost, ["sentence 1: struck"]);
    assert!(now.words[&1].ends_with(" It hurt.") && now.answers[&4] == "The cable.", "{now:?}");
    assert_eq!(now.told, before.told);
}

#[test]
fn what_is_decided_is_marked_no_more_and_says_why() {
    for (row, keys) in
        [("rb-8821", ["n Space", "n w"]), ("rb-8824", ["n Space", "n w"]), ("pm-31", ["n Space", "n a"])]
    {
        for keys in keys {
            let mut desk = Desk::of_documents(120, 40);
            desk.open(row);
            let at = desk.cache.iter().position(|view| view.head.id == id(row)).unwrap();
            desk.cache[at].head.state = crate::row::State::Healthy;
            let head = (&desk.cache[at].head).into();
            desk.answer(Answer::Changed { rows: vec![head], gone: vec![] });
            desk.wait(300);
            desk.keys(keys);
            assert!(desk.notice().contains("of it is marked any more"), "{row} {keys}: {}", desk.notice());
            assert!(desk.model.changes.is_empty() && desk.model.layers.is_empty(), "{row} {keys}");
        }
    }
}

#[test]
fn the_footer_offers_nothing_that_a_row_which_is_over_refuses() {
    use super::super::super::keymap::Command as Key;
    for row in ["rb-8821", "rb-8824", "pm-31"] {
        for (state, listed) in [
            (crate::row::State::Healthy, true),
            (crate::row::State::Healthy, false),
            (crate::row::State::Expired, true),
            (crate::row::State::Declined, false),
        ] {
            let mut desk = desk(row, "n");
            let at = desk.cache.iter().position(|view| view.head.id == id(row)).unwrap();
            desk.cache[at].head.state = state;
            if listed {
                let head = (&desk.cache[at].head).into();
                desk.answer(Answer::Changed { rows: vec![head], gone: vec![] });
            } else {
                // A row that came by its body alone, as from an incident.
                desk.model.known.rows.remove(&id(row));
                desk.model.bodies.get_mut(&id(row)).unwrap().view.head.state = state;
            }
            desk.model.known.me = desk.model.known.me.take().filter(|_| listed);
            for command in [
                Key::Approve,
                Key::Decline,
                Key::NeedsChanges,
                Key::Override,
                Key::Strike,
                Key::Reword,
                Key::Merge,
                Key::Tick,
                Key::StepWord,
                Key::Stand,
                Key::AddLine,
                Key::OwnLine,
                Key::Amend,
            ] {
                assert!(desk.model.disabled(command).is_some(), "{row} {state} {listed}: {command:?}");
            }
            desk.wait(10_000);
            let screen = desk.screen();
            let footer = screen.lines().last().unwrap();
            for offer in [" A ", " D ", " N ", " w ", "Space", " M ", " J "] {
                assert!(!footer.contains(offer), "{row} {state} {listed}: {offer} in {footer}");
            }
        }
    }
}

#[test]
fn what_was_said_of_a_line_is_taken_back_by_going_on() {
    let mut desk = desk("pm-31", &format!("{TO_LINES} n n Space"));
    assert!(!changes(&desk, "pm-31").lines[&2], "it was accepted before");
    desk.keys("Space");
    assert!(desk.model.changes.is_empty(), "as it was");
}

#[test]
fn an_incident_leads_to_its_rows_and_back() {
    let mut desk = desk("pm-31", "i");
    assert!(matches!(desk.model.screens.last(), Some(Screen::Incident(_))));
    let screen = desk.screen();
    for said in ["INC-2099", "rb-8821", "pm-31", "drafted", "hold"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    desk.keys("G Enter");
    assert!(matches!(desk.model.screens.last(), Some(Screen::Row(_))), "{}", desk.screen());
    desk.keys("q q q g i");
    assert!(matches!(desk.model.screens.last(), Some(Screen::Incident(_))), "from the queue too");
    let mut plain = Desk::new(80, 24);
    plain.keys("G k g i");
    let linked = matches!(plain.model.screens.last(), Some(Screen::Incident(_)));
    assert!(linked || plain.notice().contains("linked to no incident"), "{}", plain.notice());
}

/// The live runbook without its first step, in its next revision.
fn without_first(draft: &mut crate::row::Draft) {
    let Some(Proposal::Live(live)) = &mut draft.proposal else { panic!() };
    live.steps.remove(0);
    let live = live.clone();
    draft.effect = crate::row::Effect::Record(live.effect());
}

#[test]
fn a_live_step_is_shown_as_on_the_page_and_not_ticked_where_it_is_struck_out_there() {
    let mut desk = Desk::of_documents(120, 60);
    next_revision(&mut desk, "rb-8824", |draft| {
        let Some(Proposal::Live(live)) = &mut draft.proposal else { panic!() };
        let part = |sort, text: &str| LivePart { sort, text: text.to_owned() };
        let step = &mut live.steps[0];
        step.label = "Steps 4b".to_owned();
        step.before =
            vec![part(PartSort::Heading, "Before you begin"), part(PartSort::Text, "lag under 5 s")];
        step.under =
            vec![part(PartSort::Code, "redis-cli \\\n  failover"), part(PartSort::Note, "warning: slow")];
        live.steps[1].deprecated = true;
        live.more = 12;
    });
    desk.open("rb-8824");
    let screen = desk.screen();
    for said in [
        "## Before you begin",
        "lag under 5 s",
        "Steps 4b · Check the dashboards",
        "| redis-cli \\",
        "|   failover",
        "! warning: slow",
        "DEPRECATED: Restart api-gw",
        "12 more steps are not shown",
    ] {
        assert!(screen.contains(said), "{said}\n{screen}");
    }
    desk.keys("n n Space");
    assert!(desk.notice().contains("struck out"), "{}", desk.notice());
    assert!(!desk.model.changes.contains_key(&id("rb-8824")));
}

#[test]
fn ticks_go_with_their_steps_to_the_next_revision_now_and_at_the_next_start() {
    let ticks = "n Space n Space Space Space w \"gone\" Enter";
    let mut running = desk("rb-8824", ticks);
    let kept = running.draft().unwrap().clone();
    next_revision(&mut running, "rb-8824", without_first);

    let mut again = Desk::of_documents(120, 40);
    next_revision(&mut again, "rb-8824", without_first);
    again.model.known.drafts = vec![kept];
    again.open("rb-8824");
    for desk in [&running, &again] {
        let now = changes(desk, "rb-8824");
        let said: Vec<_> = now.conditions().into_iter().collect();
        assert_eq!((now.revision, said), (2, vec![("1".to_owned(), "wrong: gone".to_owned())]));
        assert_eq!(now.lost, ["step 1: followed"]);
        let drafts: Vec<_> = desk.model.known.drafts.iter().map(|draft| draft.revision).collect();
        assert_eq!(drafts, [2], "kept under the revision that it is of");
    }
}

#[test]
fn a_note_that_is_written_beside_them_keeps_the_ticks() {
    let mut desk = desk("rb-8824", "n Space A \"Not all of it.\" Esc");
    let kept = desk.draft().unwrap().clone();
    assert_eq!(
        (kept.note.as_str(), kept.conditions.split('\t').next()),
        ("Not all of it.", Some("1=followed"))
    );
    desk.keys("A");
    assert!(
        desk.model.dialog().unwrap().conditions.taken().is_empty(),
        "a live runbook has ticks, and no conditions"
    );
}

/// The page was read again, and it moved.
fn page_moved(desk: &mut Desk, row: &str, touched: Vec<Touched>) {
    let view = &desk.cache.iter().find(|view| view.head.id == id(row)).unwrap();
    let since = Since {
        diff: "--- then/page\n+++ now/page\n@@ -1,2 +1,3 @@\n # Redis failover\n+Owned by the cache team.\n"
            .into(),
        touched,
        closed: None,
    };
    let moved = vec![Moved { what: "version".into(), was: "12".into(), is: "13".into() }];
    let (base, diff) = (view.base_read.clone(), view.diff.clone());
    let fresh = Fresh { row: id(row), read_at: sample::now(), moved, base, diff, since: Some(since) };
    desk.answer(Answer::Fresh { row: id(row), fresh: Ok(Box::new(fresh)) });
    desk.flush();
}

fn beside(number: usize) -> Touched {
    let says = "“Look at the clock.” was written right there (line 9)".to_owned();
    Touched { number, how: Touch::Beside, says }
}

#[test]
fn a_page_that_moved_apart_is_shown_and_merged_once_it_is_confirmed() {
    let mut desk = Desk::of_documents(120, 120);
    desk.open("rb-8821");
    desk.keys("J");
    assert!(desk.notice().contains(text::NOTHING_TO_MERGE), "{}", desk.notice());
    desk.wait(5_000);
    page_moved(&mut desk, "rb-8821", vec![]);
    let screen = desk.screen();
    for said in ["+Owned by the cache team.", "J merges the edit with it: a revision of yours"] {
        assert!(screen.contains(said), "{said}: {screen}");
    }
    desk.keys("J");
    assert!(desk.screen().contains("Merge rb-8821: revision 2, yours"), "{}", desk.screen());
    assert!(sent(&desk).is_empty());
    desk.keys("y");
    let [(1, amendment)] = &sent(&desk)[..] else { panic!("{:?}", desk.effects) };
    assert_eq!(*amendment, Amendment { merge: true, ..Amendment::default() });
    desk.answer(Answer::Amended { row: id("rb-8821"), revision: Err("it moved again".into()) });
    assert!(desk.model.changes.is_empty() && desk.notice().contains("it moved again"), "{}", desk.notice());
}

#[test]
fn what_moved_right_beside_an_operation_asks_for_that_operation() {
    let mut desk = Desk::of_documents(120, 120);
    desk.open("rb-8821");
    page_moved(&mut desk, "rb-8821", vec![beside(1)]);
    let why = "operation 1: “Look at the clock.” was written right there (line 9)";
    assert!(desk.screen().contains(&format!("TOUCHES {why}")), "{}", desk.screen());
    desk.keys("J");
    assert_eq!(desk.notice(), why);
    assert!(desk.model.layers.is_empty());
    desk.wait(5_000);
    desk.keys("g g n Space M");
    assert!(desk.notice().contains("J merges the edit, your changes with it"), "{}", desk.notice());
    desk.wait(5_000);
    desk.keys("J y");
    let [(1, amendment)] = &sent(&desk)[..] else { panic!("{:?}", desk.effects) };
    assert_eq!(*amendment, Amendment { merge: true, strike: vec![1], ..Amendment::default() });

    let mut desk = Desk::of_documents(120, 120);
    desk.open("rb-8821");
    page_moved(&mut desk, "rb-8821", vec![beside(1)]);
    desk.model.link.state = LinkState::Offline { since: sample::now() };
    desk.keys("g g n Space J");
    assert!(desk.notice().contains(text::AMENDING_ASKS), "{}", desk.notice());
}

/// What lies on the disk after all that was done.
fn on_disk(desk: &Desk) -> Vec<Begun> {
    let mut kept: Vec<Begun> = Vec::new();
    for effect in &desk.effects {
        match effect {
            Effect::SaveBegun(begun) => {
                kept.retain(|one| one.row != begun.row);
                kept.push(begun.clone());
            }
            Effect::DropBegun { row } => kept.retain(|one| one.row != *row),
            _ => {}
        }
    }
    kept
}

/// The console anew, with what the disk has.
fn started_again(begun: Vec<Begun>) -> Desk {
    let mut again = Desk::of_documents(120, 40);
    again.model.known.begun = begun.into_iter().map(|begun| (begun.row, begun)).collect();
    again
}

#[test]
fn what_was_struck_and_reworded_is_there_again_after_a_crash() {
    let mut desk = desk("rb-8821", "n w \"; and wait\" Esc n Space");
    let before = changes(&desk, "rb-8821").clone();
    let [kept] = &on_disk(&desk)[..] else { panic!("{:?}", desk.effects) };
    assert_eq!((kept.revision, kept.what.as_str()), (1, "1 struck, 1 reworded"));
    desk.keys("q q");
    assert!(desk.screen().contains("stays on disk as you left it"), "{}", desk.screen());

    let mut again = started_again(on_disk(&desk));
    again.keys("q");
    assert!(
        matches!(again.model.layers.last(), Some(Layer::Ask(_))),
        "asked about before its row was opened, too"
    );
    again.keys("n g o");
    assert!(again.screen().contains("1 struck, 1 reworded. Not sent."), "{}", again.screen());
    again.keys("e");
    assert_eq!(*changes(&again, "rb-8821"), before);
    assert!(again.screen().contains("NOT SENT"), "{}", again.screen());
    again.keys("g g n w Ctrl+R Esc n Space");
    assert!(again.model.changes.is_empty(), "{:?}", again.model.changes);
    assert!(again.effects.iter().any(|effect| matches!(effect, Effect::DropBegun { .. })));
}

#[test]
fn words_that_are_being_typed_lie_on_disk_before_they_are_left() {
    let mut desk = desk("rb-8821", "n w \"; and wait\"");
    desk.wait(2_000);
    let [kept] = &on_disk(&desk)[..] else { panic!("{:?}", desk.effects) };
    assert!(kept.changes.contains("; and wait"), "{}", kept.changes);
    let writes = desk.effects.iter().filter(|effect| matches!(effect, Effect::SaveBegun(_))).count();
    assert!(writes < 6, "not each key is a write: {writes}");
    let mut again = started_again(on_disk(&desk));
    again.open("rb-8821");
    assert!(changes(&again, "rb-8821").words[&1].ends_with("; and wait"));
}

#[test]
fn lines_are_kept_and_go_with_the_row_to_its_next_revision() {
    let lines = format!("{TO_LINES} n Space n n Space Space n n a \"Writers were paused by hand\" Enter");
    let desk = desk("pm-31", &lines);
    let before = changes(&desk, "pm-31").clone();
    let mut again = started_again(on_disk(&desk));
    again.open("pm-31");
    assert_eq!(*changes(&again, "pm-31"), before);

    let desk = self::desk("rb-8821", "n Space n Space");
    let mut again = started_again(on_disk(&desk));
    let at = again.cache.iter().position(|view| view.head.id == id("rb-8821")).unwrap();
    let mut draft = again.cache[at].draft();
    let Some(Proposal::Edit(edit)) = &mut draft.proposal else { panic!() };
    edit.operations.remove(0);
    again.cache[at] = sample::view("rb-8821", 2, draft, 30, 7 * 24 * 60);
    again.open("rb-8821");
    let now = changes(&again, "rb-8821");
    assert_eq!((now.revision, now.struck.iter().copied().collect::<Vec<_>>()), (2, vec![1]));
    assert_eq!(now.lost, ["operation 1: struck"], "what fits no more is there to be read");
    assert_eq!(on_disk(&again)[0].revision, 2, "and is kept under its new numbers");
}

#[test]
fn what_had_been_sent_when_the_console_died_is_not_sent_again() {
    let desk = desk("rb-8821", "n Space M y");
    assert_eq!(sent(&desk).len(), 1);
    let kept = on_disk(&desk);
    let mut refused = started_again(kept.clone());
    refused.open("rb-8821");
    assert!(
        changes(&refused, "rb-8821").amends() && !changes(&refused, "rb-8821").sending,
        "it did not arrive"
    );

    let mut again = started_again(kept);
    let at = again.cache.iter().position(|view| view.head.id == id("rb-8821")).unwrap();
    let mut draft = again.cache[at].draft();
    let Some(Proposal::Edit(edit)) = &mut draft.proposal else { panic!() };
    edit.operations.remove(0);
    draft.amended_by = vec!["priya".parse().unwrap()];
    again.cache[at] = sample::view("rb-8821", 2, draft, 30, 7 * 24 * 60);
    again.open("rb-8821");
    assert!(again.model.changes.is_empty(), "{:?}", again.model.changes);
    assert!(again.effects.iter().any(|effect| matches!(effect, Effect::DropBegun { .. })));
}

/// INC-1988 had a Redis replica that lagged, too; its post-mortem is in the record alone.
fn lagged(desk: &Desk) -> AlikeView {
    let paper = desk.cache.iter().find(|view| view.head.id == id("pm-31")).unwrap();
    let head = RowHead {
        id: id("pm-12"),
        incident: Some("INC-1988".into()),
        title: "Post-mortem: sessions lost".into(),
        ..paper.head.clone()
    };
    AlikeView {
        incident: "INC-1988".into(),
        row: head.id,
        title: head.title.clone(),
        changed_at: head.changed_at - jiff::SignedDuration::from_hours(24 * 90),
        score: 0.74,
        shared: Shared {
            services: vec!["session-store".into()],
            words: vec!["replica".into(), "redis".into()],
        },
        head: Some(head),
    }
}

#[test]
fn an_incident_shows_those_like_it_and_rows_that_only_the_backend_has() {
    let mut desk = Desk::of_documents(120, 40);
    desk.alike = vec![lagged(&desk)];
    desk.open("pm-31");
    desk.keys("i");
    let screen = desk.screen();
    assert!(screen.contains("1 incident like it") && screen.contains("like it"), "{screen}");
    assert!(screen.contains("74 %: Post-mortem: sessions lost; the same service: session-store"), "{screen}");
    desk.keys("G");
    assert!(desk.screen().contains("both say replica, redis"), "in full below: {}", desk.screen());
    desk.keys("Enter");
    assert!(matches!(desk.model.screens.last(), Some(Screen::Row(screen)) if screen.row == id("pm-12")));
    // A row that was never cached here.
    let mut desk = Desk::of_documents(120, 40);
    desk.open("pm-31");
    desk.keys("i");
    let Some(Screen::Incident(open)) = desk.model.screens.last() else { panic!() };
    let (visit, name) = (open.visit, open.name.clone());
    let head =
        RowHead { id: id("sync-8790"), title: "cache has drifted".into(), ..desk.cache[0].head.clone() };
    let view = IncidentView { incident: name, rows: vec![head], alike: vec![], as_of: now() };
    desk.answer(Answer::IncidentTold { visit: visit + 7, told: Told::Nothing });
    desk.answer(Answer::IncidentTold { visit, told: Told::Came(Box::new(view)) });
    let screen = desk.screen();
    assert!(screen.contains("cache has drifted") && screen.contains("not cached here"), "{screen}");
    assert!(screen.contains("0 incidents like it"), "{screen}");
}

#[test]
fn offline_an_incident_says_what_is_unknown_and_asks_when_the_backend_is_back() {
    let mut desk = Desk::of_documents(120, 40);
    desk.answer(Answer::Link(Link { state: LinkState::Offline { since: now() }, ..Link::default() }));
    desk.alike = vec![lagged(&desk)];
    desk.open("pm-31");
    desk.keys("i");
    let screen = desk.screen();
    assert!(screen.contains("incidents like it UNKNOWN") && screen.contains("rb-8821"), "{screen}");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::AskIncident { .. })));
    let back = Link { state: LinkState::Synced, synced_at: Some(now()), ..Link::default() };
    desk.answer(Answer::Link(back));
    assert!(desk.screen().contains("1 incident like it"), "{}", desk.screen());
}
