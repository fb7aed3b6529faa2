//! What a reviewer does to a proposal before deciding on it: from item to item, strikes, ticks, words.
//!
//! Never: sends anything without being asked twice; an item meant that is not under the cursor.

mod words;

use words::{Read, add_line, other_words, read_line, read_sentence, reword};
pub(super) use words::{keep_words, words_command};

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::super::changes::{Changes, WORD_MAX, is_struck_out};
use super::super::decide;
use super::super::dialog::Verb;
use super::super::effect::Effect;
use super::super::keymap::Command;
use super::super::line::Line as Input;
use super::super::model::{About, Ask, Layer, Model, Saving, Say, Saying, Screen, Typing};
use super::super::screen;
use super::super::screen::row::Item;
use super::super::text;
use super::super::theme::Slot;
use super::{push_layer, tell_watch};
use crate::client::{Entry, NoteDraft, ticks};
use crate::row::{Amendment, Proposal, RowId};

/// `None` where the command is none of a proposal's.
pub(super) fn command(model: &mut Model, command: Command) -> Option<Vec<Effect>> {
    if decide::marks(command)
        && let Some(why) = model.disabled(command)
    {
        return Some(tell_watch(model, &why));
    }
    match command {
        Command::ItemNext => Some(step(model, 1)),
        Command::ItemPrevious => Some(step(model, -1)),
        Command::Tick => Some(with_part(model, |model, row, number| {
            let ticked = model.changes.get(&row).is_some_and(|changes| changes.ticks.contains_key(&number));
            let struck_out = proposed(model, row).is_some_and(|of| is_struck_out(of, number));
            match (struck_out, ticked) {
                (true, false) => {
                    return tell_watch(model, "it is struck out on the page: nobody is to follow it");
                }
                // What was said of it before is only taken back.
                (true, true) => change(model, row, |changes| drop(changes.ticks.remove(&number))),
                (false, _) => change(model, row, |changes| changes.tick(number)),
            }
            keep_ticks(model, row, [number].into())
        })),
        Command::StepWord => Some(with_part(model, step_word)),
        Command::Strike => Some(with_part(model, |model, row, number| {
            change(model, row, |changes| changes.strike(number));
            Vec::new()
        })),
        Command::Reword => Some(with_part(model, reword)),
        Command::Stand => Some(with_item(model, stand)),
        Command::AddLine => Some(add_line(model)),
        Command::OwnLine => Some(with_item(model, other_words)),
        Command::Amend => Some(ask(model)),
        Command::Merge => Some(ask_to_merge(model)),
        Command::DropChanges => Some(ask_to_drop(model)),
        _ => None,
    }
}

/// To the next item, or the one before.
fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    let items = screen::row::items(model);
    let Some(here) = screen::cursor(model) else { return Vec::new() };
    let to = if by > 0 {
        items.iter().find(|(_, line)| *line > here)
    } else {
        items.iter().rev().find(|(_, line)| *line < here)
    };
    match to.copied() {
        Some((_, line)) => to_line(model, line),
        None if items.is_empty() => return tell_watch(model, text::NO_ITEM),
        None => return tell_watch(model, if by > 0 { "none below" } else { "none above" }),
    }
    Vec::new()
}

/// The cursor on an item's first line, with some of what follows.
fn to_line(model: &mut Model, line: usize) {
    let Some((len, height)) = screen::extent(model) else { return };
    if let Some(Screen::Row(screen)) = model.screens.last_mut() {
        screen.view.to((line + 4).min(len.saturating_sub(1)), len, height);
        screen.view.to(line, len, height);
    }
}

/// Does it to the item under the cursor. Where none is there, the cursor goes to the next one, and nothing else is done.
fn with_item(model: &mut Model, act: impl FnOnce(&mut Model, RowId, Item) -> Vec<Effect>) -> Vec<Effect> {
    let Some(Screen::Row(screen)) = model.screens.last() else { return Vec::new() };
    let row = screen.row;
    if let Some(here) = screen::row::item_at(model) {
        let effects = act(model, row, here);
        let first = screen::row::items(model).into_iter().find(|(item, _)| *item == here);
        if let Some((_, line)) = first {
            to_line(model, line);
        }
        return effects;
    }
    step(model, 1);
    match screen::row::item_at(model) {
        Some(item) => {
            let number = item.number();
            tell_watch(model, &format!("now on {number}: the same key again means it"))
        }
        None => tell_watch(model, text::NO_ITEM),
    }
}

/// The same where a row is made of operations or steps alone.
fn with_part(model: &mut Model, act: impl FnOnce(&mut Model, RowId, usize) -> Vec<Effect>) -> Vec<Effect> {
    with_item(model, |model, row, item| act(model, row, item.number()))
}

/// Changes what the reader has begun on the row; nothing is kept of nothing.
fn change(model: &mut Model, row: RowId, with: impl FnOnce(&mut Changes)) {
    let Some(revision) = model.body(row).map(|body| body.view.head.revision) else { return };
    let changes = model.changes.entry(row).or_insert_with(|| Changes::of(revision));
    if changes.sending {
        model.tell(Slot::Watch, text::BEING_SENT);
        return;
    }
    with(changes);
    changes.error = None;
    if changes.is_empty() {
        model.changes.remove(&row);
    }
}

fn step_word(model: &mut Model, row: RowId, number: usize) -> Vec<Effect> {
    let tick = model.changes.get(&row).and_then(|changes| changes.ticks.get(&number));
    let Some(before) = tick.map(|tick| tick.word.clone()) else {
        return tell_watch(model, "Space says first what became of it: followed, skipped or wrong");
    };
    say(model, row, Saying::Step(number), before);
    Vec::new()
}

fn say(model: &mut Model, row: RowId, about: Saying, before: String) {
    let visit = model.visit();
    let typing = Typing { visit, input: Input::new(&before), before, error: None };
    push_layer(model, Layer::Say(Say { row, about, typing }));
}

/// `Enter` in a line that was typed about one thing.
pub(super) fn said(model: &mut Model) -> Vec<Effect> {
    let Some(Layer::Say(say)) = model.layers.last() else { return Vec::new() };
    let (row, about, typed) = (say.row, say.about, say.typing.input.text().trim().to_owned());
    match about {
        Saying::Line(own) => match read_line(model, row, &typed) {
            Ok(line) => change(model, row, |changes| match own.and_then(|at| changes.own.get_mut(at)) {
                Some(mine) => *mine = line,
                None => changes.own.push(line),
            }),
            Err(why) => return wrong(model, why),
        },
        Saying::Sentence { own, question } => match read_sentence(model, row, question, &typed) {
            Ok(read) => change(model, row, |changes| take_sentence(changes, own, question, read)),
            Err(why) => return wrong(model, why),
        },
        Saying::Step(number) => {
            let long = typed.chars().count();
            if long > WORD_MAX {
                return wrong(model, format!("{long} characters; {WORD_MAX} are the limit"));
            }
            change(model, row, |changes| {
                if let Some(tick) = changes.ticks.get_mut(&number) {
                    tick.word = typed;
                }
            });
        }
    }
    model.layers.pop();
    if let Saying::Step(number) = about { keep_ticks(model, row, [number].into()) } else { Vec::new() }
}

/// What was typed of a sentence: the reader's own, or an answer. An answer of nothing takes it back.
fn take_sentence(changes: &mut Changes, own: Option<usize>, question: Option<usize>, read: Read) {
    match (read, question, own.and_then(|at| changes.told.get_mut(at))) {
        (Read::Own(sentence), _, Some(mine)) => *mine = sentence,
        (Read::Own(sentence), _, None) => changes.told.push(sentence),
        (Read::Answer(answer), Some(question), _) if answer.is_empty() => {
            changes.answers.remove(&question);
        }
        (Read::Answer(answer), Some(question), _) => {
            changes.answers.insert(question, answer);
        }
        (Read::Answer(_), None, _) => {}
    }
}

/// Ticks lie on disk while the incident is on, in the draft of the decision that will sign them.
/// `said`: the steps of which this is the newest word; what another program said of the others meanwhile stays.
fn keep_ticks(model: &mut Model, row: RowId, said: BTreeSet<usize>) -> Vec<Effect> {
    let Some(revision) = model.body(row).map(|body| body.view.head.revision) else { return Vec::new() };
    let conditions = decide::kept_ticks(model, row);
    let begun = model.known.drafts.iter().position(|draft| (draft.row, draft.revision) == (row, revision));
    let begun = begun.map(|at| model.known.drafts.remove(at));
    let now = model.now();
    let draft = NoteDraft {
        row,
        revision,
        verb: begun.as_ref().map_or_else(|| Verb::Approve.word().to_owned(), |draft| draft.verb.clone()),
        note: begun.as_ref().map(|draft| draft.note.clone()).unwrap_or_default(),
        conditions,
        since: begun.as_ref().map_or(now, |draft| draft.since),
        saved_at: now,
    };
    if !draft.note.trim().is_empty() || !draft.conditions.is_empty() {
        model.known.drafts.insert(0, draft.clone());
    }
    vec![save_ticks(model, draft, said)]
}

/// On its way to the disk: until that is answered, what is read there is older.
pub fn save_ticks(model: &mut Model, draft: NoteDraft, said: BTreeSet<usize>) -> Effect {
    let unanswered = model.saving.get(&draft.row).map_or(0, |saving| saving.unanswered);
    model.saving.insert(draft.row, Saving { unanswered: unanswered + 1, last: draft.saved_at });
    Effect::SaveTicks { draft, said }
}

pub(super) fn ticks_kept(model: &mut Model, row: RowId) {
    if let Some(saving) = model.saving.get_mut(&row) {
        saving.unanswered = saving.unanswered.saturating_sub(1);
    }
}

/// Kept again, where the disk may hold what another program ticked meanwhile: what that says nothing of is said by ours.
fn keep_the_rest(model: &mut Model, row: RowId) -> Vec<Effect> {
    let Some(revision) = model.body(row).map(|body| body.view.head.revision) else { return Vec::new() };
    let disk = model.known.drafts.iter().find(|draft| (draft.row, draft.revision) == (row, revision));
    let disk = disk.map(|draft| draft.conditions.as_str()).unwrap_or_default();
    let said = model.changes.get(&row).map(|changes| ticks::unsaid(disk, &changes.ticks));
    keep_ticks(model, row, said.unwrap_or_default())
}

/// The ticks that were kept of this row, where the reader has made none since. Those of an earlier revision go with their
/// steps, and lie under this one from now on.
pub(super) fn restore(model: &mut Model, row: RowId) -> Vec<Effect> {
    let Some(body) = model.body(row) else { return Vec::new() };
    let Some(Proposal::Live(live)) = &body.view.proposal else { return Vec::new() };
    let revision = body.view.head.revision;
    if model.changes.contains_key(&row) || !body.view.head.state.undecided() {
        return Vec::new();
    }
    let kept = ticks::kept(&model.known.drafts, row, revision, live);
    let made_on = kept.made_on;
    let changes = Changes::of(revision).with_kept(kept);
    if changes.is_empty() {
        return Vec::new();
    }
    model.changes.insert(row, changes);
    if made_on == revision { Vec::new() } else { rekeep_ticks(model, row, made_on) }
}

/// The ticks of a decision that did not count. `disk`: the drafts that lie there now.
pub(super) fn keep_again(model: &mut Model, row: RowId, disk: &[NoteDraft]) -> Vec<Effect> {
    if model.changes.get(&row).is_none_or(|changes| changes.ticks.is_empty()) {
        return Vec::new();
    }
    model.known.drafts.retain(|draft| draft.row != row);
    model.known.drafts.extend(disk.iter().filter(|draft| draft.row == row).cloned());
    keep_the_rest(model, row)
}

/// What was kept under the revision before is kept under this one.
fn rekeep_ticks(model: &mut Model, row: RowId, before: u32) -> Vec<Effect> {
    model.known.drafts.retain(|draft| (draft.row, draft.revision) != (row, before));
    let mut effects = vec![Effect::DropDraft { row, revision: before }];
    effects.extend(keep_the_rest(model, row));
    effects
}

/// A draft of ours may be on its way to the disk for as long.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(2);

/// What lies on the disk now is taken over where another program ticked meanwhile: the newest of each row's drafts counts.
pub(super) fn drafts_came(model: &mut Model, mut drafts: Vec<NoteDraft>) {
    let live: Vec<(RowId, u32)> = model
        .bodies
        .values()
        .filter(|body| decide::is_live(&body.view) && body.view.head.state.undecided())
        .map(|body| (body.view.head.id, body.view.head.revision))
        .collect();
    let mut ticked = Vec::new();
    for (row, revision) in live {
        let of = |draft: &&NoteDraft| (draft.row, draft.revision) == (row, revision);
        let ours = model.known.drafts.iter().find(of).cloned();
        let disk = drafts.iter().position(|draft| of(&draft));
        if is_behind(model, row, ours.as_ref(), disk.map(|at| &drafts[at])) {
            drafts.retain(|draft| !of(&draft));
            drafts.splice(0..0, ours);
            continue;
        }
        match (ours, disk) {
            // What was written here is newer than what was read there.
            (Some(ours), Some(at))
                if ours.saved_at.as_millisecond() > drafts[at].saved_at.as_millisecond() =>
            {
                drafts[at] = ours;
            }
            (Some(ours), None) => {
                let signed =
                    model.known.entries.iter().any(|entry| (entry.row, entry.revision) == (row, revision));
                if model.now().duration_since(ours.saved_at) < ON_ITS_WAY && !signed {
                    drafts.insert(0, ours);
                } else if !signed {
                    ticked.push((row, revision));
                }
            }
            (Some(ours), Some(at)) if ours.conditions == drafts[at].conditions => {}
            (_, Some(_)) => ticked.push((row, revision)),
            (None, None) => {}
        }
    }
    model.known.drafts = drafts;
    for (row, revision) in ticked {
        ticked_elsewhere(model, row, revision);
    }
}

/// What was read from the disk does not know yet what was written here last. Of a row of which nothing is left here, only
/// the time tells.
fn is_behind(model: &Model, row: RowId, ours: Option<&NoteDraft>, disk: Option<&NoteDraft>) -> bool {
    let Some(saving) = model.saving.get(&row) else { return false };
    let lately = model.now().duration_since(saving.last) < ON_ITS_WAY;
    let older = disk.is_some_and(|disk| disk.saved_at.as_millisecond() < saving.last.as_millisecond());
    saving.unanswered > 0 || (ours.is_none() && lately && older)
}

fn ticked_elsewhere(model: &mut Model, row: RowId, revision: u32) {
    let Some(Proposal::Live(live)) = model.body(row).and_then(|body| body.view.proposal.as_ref()) else {
        return;
    };
    let mut kept = ticks::kept(&model.known.drafts, row, revision, live).ticks;
    let nothing = Changes::of(revision);
    let changes = model.changes.get(&row).unwrap_or(&nothing);
    // What is signed and waits is on the disk no more as a draft: it stays, for it may come back.
    let of_row = |entry: &&Entry| (entry.row, entry.revision) == (row, revision);
    if model.known.entries.iter().filter(of_row).any(|entry| entry.fate.unsent()) {
        for (number, tick) in &changes.ticks {
            kept.entry(*number).or_insert_with(|| tick.clone());
        }
    }
    if changes.revision != revision || changes.ticks == kept {
        return;
    }
    let next = Changes { ticks: kept, ..changes.clone() };
    let said = format!(
        "{row}: ticked outside of this console: {}",
        text::plural(next.ticks.len(), "step is", "steps are")
    );
    let signs = next.conditions();
    if next.is_empty() {
        model.changes.remove(&row);
    } else {
        model.changes.insert(row, next);
    }
    model.tell(Slot::Info, &format!("{said} said of now"));
    // What is signed is what stands there, and nothing that was typed before it.
    if let Some(dialog) = model.dialog_mut().filter(|dialog| dialog.pins.iter().any(|pin| pin.row == row)) {
        dialog.ticks = signs;
        dialog.typed.clear();
        dialog.error = Some("ticked outside of this console meanwhile: read again what is signed".to_owned());
    }
}

fn wrong(model: &mut Model, why: String) -> Vec<Effect> {
    if let Some(Layer::Say(say)) = model.layers.last_mut() {
        say.typing.error = Some(why);
    }
    Vec::new()
}

fn proposed(model: &Model, row: RowId) -> Option<&Proposal> {
    model.body(row)?.view.proposal.as_ref()
}

/// The line or sentence under the cursor. One of the reader's own is taken away.
fn stand(model: &mut Model, row: RowId, item: Item) -> Vec<Effect> {
    let Some(Proposal::Paper(paper)) = proposed(model, row) else { return Vec::new() };
    let (was, count) = match item {
        Item::Part(number) => {
            (paper.timeline.get(number - 1).map(|line| line.standing), paper.timeline.len())
        }
        Item::Sentence(number) => {
            (paper.sentence(number).map(|(_, sentence)| sentence.standing), paper.sentences().count())
        }
    };
    if let Some(was) = was {
        change(model, row, |changes| match item {
            Item::Part(number) => changes.stand(number, was),
            Item::Sentence(number) => changes.stand_sentence(number, was),
        });
        return Vec::new();
    }
    let own = item.number() - count - 1;
    change(model, row, |changes| match item {
        Item::Part(_) if own < changes.own.len() => drop(changes.own.remove(own)),
        Item::Sentence(_) if own < changes.told.len() => drop(changes.told.remove(own)),
        Item::Part(_) | Item::Sentence(_) => {}
    });
    let what = if matches!(item, Item::Part(_)) { "line" } else { "sentence" };
    model.tell(Slot::Info, &format!("your {what} is taken away"));
    Vec::new()
}

/// Asks whether the changes are to be sent.
pub fn ask(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = model.disabled(Command::Amend) {
        return tell_watch(model, &reason);
    }
    let Some(row) = model.subject() else { return Vec::new() };
    let Some(revision) = model.changes.get(&row).map(|changes| changes.revision) else { return Vec::new() };
    let visit = model.visit();
    push_layer(model, Layer::Ask(Ask { visit, about: About::Amend { row, revision, merge: false } }));
    Vec::new()
}

/// Asks whether the edit is to be taken over to its page as it is now, with what was begun to be changed of it.
fn ask_to_merge(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = model.disabled(Command::Merge) {
        return tell_watch(model, &reason);
    }
    let Some(row) = model.subject() else { return Vec::new() };
    let Some(revision) = model.body(row).map(|body| body.view.head.revision) else { return Vec::new() };
    let visit = model.visit();
    push_layer(model, Layer::Ask(Ask { visit, about: About::Amend { row, revision, merge: true } }));
    Vec::new()
}

fn ask_to_drop(model: &mut Model) -> Vec<Effect> {
    if let Some(reason) = model.disabled(Command::DropChanges) {
        return tell_watch(model, &reason);
    }
    let Some(row) = model.subject() else { return Vec::new() };
    let visit = model.visit();
    push_layer(model, Layer::Ask(Ask { visit, about: About::DropChanges { row } }));
    Vec::new()
}

/// `y`: they leave, if they still are what was asked about.
pub(super) fn send(model: &mut Model, row: RowId, revision: u32, merge: bool) -> Vec<Effect> {
    if let Some(reason) = model.disabled(if merge { Command::Merge } else { Command::Amend }) {
        return tell_watch(model, &reason);
    }
    if model.body(row).is_none_or(|body| body.view.head.revision != revision) {
        return tell_watch(model, text::NOTHING_CHANGED);
    }
    let Some(proposal) = proposed(model, row).cloned() else { return Vec::new() };
    let changes = model.changes.entry(row).or_insert_with(|| Changes::of(revision));
    let Ok(amendment) = changes.amendment(&proposal) else { return Vec::new() };
    let amendment = Amendment { merge, ..amendment };
    (changes.sending, changes.error) = (true, None);
    vec![Effect::Amend { row, revision, amendment: Box::new(amendment) }]
}

/// The backend has answered.
pub(super) fn amended(model: &mut Model, row: RowId, revision: Result<u32, String>) {
    match revision {
        Ok(revision) => {
            if let Some(changes) = model
                .changes
                .remove(&row)
                .map(|changes| if changes.sending { changes.taken() } else { changes })
                && !changes.is_empty()
            {
                model.changes.insert(row, changes);
            }
            model.tell(Slot::Ok, &format!("{row}: revision {revision} is yours. Read it, then decide."));
        }
        Err(why) => {
            if let Some(changes) = model.changes.get_mut(&row) {
                changes.sending = false;
                changes.error = Some(why.clone());
                if changes.is_empty() {
                    model.changes.remove(&row);
                }
            }
            model.tell(Slot::Danger, &format!("{row}: not amended: {why}"));
        }
    }
}

/// A row came in another revision: what was begun on the one before goes with it as far as it fits.
pub(super) fn moved(model: &mut Model, row: RowId, before: Option<&crate::wire::RowView>) -> Vec<Effect> {
    let Some(body) = model.body(row) else { return Vec::new() };
    let (now, revision) = (body.view.proposal.clone(), body.view.head.revision);
    let Some(changes) = model.changes.remove(&row) else { return Vec::new() };
    if changes.revision == revision {
        model.changes.insert(row, changes);
        return Vec::new();
    }
    let was_at = changes.revision;
    // What was sent is in it: the answer itself may come later.
    let me = model.known.me.as_ref().map(|me| &me.id);
    let mine = model.body(row).is_some_and(|body| body.view.revised_by.as_ref() == me && me.is_some());
    let changes = if changes.sending && mine { changes.taken() } else { changes };
    let lost = changes.lost.len();
    let was = before.and_then(|view| view.proposal.as_ref());
    let nothing = Proposal::Edit(crate::row::page::Edit::default());
    let next = changes.carried(was.unwrap_or(&nothing), now.as_ref().unwrap_or(&nothing), revision);
    if next.lost.len() > lost {
        let gone = text::plural(next.lost.len() - lost, "change of yours fits", "changes of yours fit");
        model.tell(
            Slot::Watch,
            &format!("{row}: revision {revision} came; {gone} none of it, see below the proposal"),
        );
    }
    let ticked = !next.ticks.is_empty();
    if !next.is_empty() {
        model.changes.insert(row, next);
    }
    if !ticked {
        return Vec::new();
    }
    // Kept under their new numbers.
    rekeep_ticks(model, row, was_at)
}
