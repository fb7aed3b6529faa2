//! From a capital letter to a signature: who may open which dialog, when its pin breaks, what it takes to sign.
//!
//! Never: signs anything that was not on the screen, in this revision, for long enough to have been read.

mod sign;

pub use sign::{key_came, sign, unlock_now};

use super::changes::Changes;
use super::conditions::Conditions;
use super::dialog::{BATCH_MAX, Demand, Dialog, Field, SETTLED_MS, Verb};
use super::effect::{Effect, LinkState};
use super::keymap::Command;
use super::model::{Layer, Model, Moved, Pin, RowScreen, Screen};
use super::text;
use super::theme::Slot;
use super::widget::area::text_area;
use super::widget::list::View;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::client::{self, Listed, NoteDraft, Wish, ticks};
use crate::row::{Decision, Note, Proposal, Refusal, RowId, State};
use crate::wire::RowView;

/// How long a row stands beside the list before it counts as read.
const READ_AFTER_MS: u64 = 1_500;

/// The verb that a command opens a dialog for.
pub fn verb(command: Command) -> Option<Verb> {
    Some(match command {
        Command::Approve => Verb::Approve,
        Command::Conditions => Verb::Conditions,
        Command::Decline => Verb::Decline,
        Command::Override => Verb::Override,
        Command::NeedsChanges => Verb::NeedsChanges,
        Command::Withdraw => Verb::Withdraw,
        _ => return None,
    })
}

/// Why a command cannot be done now, in words for footer, help and palette.
pub fn disabled(model: &Model, command: Command) -> Option<String> {
    if command == Command::TakeBack {
        let rests = model.known.entries.iter().any(|entry| entry.fate == client::Fate::Signed);
        return (!rests).then(|| text::NOTHING_TO_TAKE_BACK.to_owned());
    }
    if matches!(command, Command::SendNow | Command::EditDraft)
        && let Some(Screen::Outbox(plain)) = model.screens.last()
    {
        use super::screen::outbox::{Item, items};
        let fits = match items(model).get(plain.view.cursor) {
            Some(Item::Entry(entry)) => command == Command::SendNow && entry.fate.unsent(),
            Some(Item::Draft(_) | Item::Begun(_)) => command == Command::EditDraft,
            None => false,
        };
        let why = if command == Command::SendNow { text::NOTHING_TO_SEND } else { text::NO_DRAFT_HERE };
        if !fits {
            return Some(why.to_owned());
        }
    }
    if matches!(command, Command::Amend | Command::DropChanges) {
        let changed = model.subject().and_then(|row| model.changes.get(&row));
        let nothing = changed.is_none_or(|changes| command == Command::Amend && !changes.amends());
        if nothing {
            return Some(text::NOTHING_CHANGED.to_owned());
        }
    }
    if command == Command::Halt {
        return match (model.read_only, model.link.away()) {
            (true, _) => Some(text::READ_ONLY.to_owned()),
            (_, true) => Some(text::HALTING_ASKS.to_owned()),
            (false, false) => None,
        };
    }
    if marks(command) {
        return model.subject().and_then(|row| over(model, row)).map(|state| decided(model, state, "marked"));
    }
    if command == Command::Merge
        && let Some(why) = cannot_merge(model)
    {
        return Some(why);
    }
    let decides =
        verb(command).is_some() || matches!(command, Command::SendNow | Command::Amend | Command::Merge);
    if !decides {
        return None;
    }
    if model.read_only {
        return Some(text::READ_ONLY.to_owned());
    }
    if let Some(process) = model.elsewhere {
        return Some(text::elsewhere(process));
    }
    if model.too_small_to_decide() {
        return Some(text::too_small(model.size.0, model.size.1));
    }
    if model.link.broken.is_some() {
        return Some(text::BROKEN.to_owned());
    }
    if matches!(command, Command::Amend | Command::Merge) {
        return cannot_amend(model, command == Command::Merge);
    }
    let verb = verb(command)?;
    let Some(head) = model.subject().and_then(|row| model.head(row)) else {
        return Some("no row is meant here".to_owned());
    };
    refusal(model, head, verb)
}

/// Marks on rows and on what they propose, and words for it: all towards a decision.
pub fn marks(command: Command) -> bool {
    matches!(
        command,
        Command::Mark
            | Command::Tick
            | Command::StepWord
            | Command::Strike
            | Command::Reword
            | Command::Stand
            | Command::AddLine
            | Command::OwnLine
    )
}

/// The row's state, where nothing can be decided on it any more, as far as its line or its body knows.
fn over(model: &Model, row: RowId) -> Option<State> {
    let head = model.head(row).map(|head| head.state);
    let body = model.body(row).map(|body| body.view.head.state);
    [head, body].into_iter().flatten().find(|state| !state.undecided())
}

fn decided(model: &Model, state: State, what: &str) -> String {
    let row = model.subject().map(|row| row.to_string()).unwrap_or_default();
    format!("{row} {}: nothing of it is {what} any more", text::state(state))
}

/// Why the reader's changes cannot be sent now; they stay as they are.
fn cannot_amend(model: &Model, merges: bool) -> Option<String> {
    let row = model.subject()?;
    let (head, body) = (model.head(row)?, model.body(row)?);
    let nothing = Changes::of(body.view.head.revision);
    let changes = model.changes.get(&row).unwrap_or(&nothing);
    if model.link.away() {
        return Some(format!("{} Your changes are kept.", text::AMENDING_ASKS));
    }
    if changes.sending {
        return Some(text::BEING_SENT.to_owned());
    }
    if let Some(state) = over(model, row) {
        return Some(decided(model, state, "amended"));
    }
    if head.revision != changes.revision {
        return Some(format!("revision {} is on its way: read it first", head.revision));
    }
    let moved = matches!(&body.fresh, Some(Ok(fresh)) if fresh.since.is_some());
    if moved && !merges {
        let key = model.keymap.key_of(Command::Merge).unwrap_or_else(|| ":merge".to_owned());
        return Some(format!(
            "the page moved since you read it: {key} merges the edit, your changes with it"
        ));
    }
    let proposal = body.view.proposal.as_ref()?;
    changes.amendment(proposal).err().map(|why| format!("{why}. hint: w goes on with its words"))
}

/// Why the edit cannot be taken over to its page as it is now.
fn cannot_merge(model: &Model) -> Option<String> {
    let row = model.subject()?;
    let since = match model.body(row).map(|body| &body.fresh) {
        None => return Some(text::NO_BODY.to_owned()),
        Some(None) if model.link.away() => return Some(text::AMENDING_ASKS.to_owned()),
        Some(None) => return Some("the page is being read again".to_owned()),
        Some(Some(Err(why))) => return Some(format!("whether the page moved is unknown: {why}")),
        Some(Some(Ok(fresh))) if fresh.moved.is_empty() => return Some(text::NOTHING_TO_MERGE.to_owned()),
        Some(Some(Ok(fresh))) => match &fresh.since {
            Some(since) => since,
            None => return Some("only the edit of a page is merged".to_owned()),
        },
    };
    let nothing = Changes::default();
    let changes = model.changes.get(&row).unwrap_or(&nothing);
    let (struck, words): (Vec<usize>, Vec<usize>) =
        (changes.struck.iter().copied().collect(), changes.words.keys().copied().collect());
    since.against(&struck, &words).into_iter().next()
}

/// The sentence that the backend would refuse with, computed before it is asked. What the dialog itself asks for (a
/// note, conditions, a touch) is not looked at here.
pub fn refusal(model: &Model, head: &Listed, verb: Verb) -> Option<String> {
    let entry = model.known.entry(head.id);
    if let Some(entry) = entry.filter(|entry| entry.fate.unsent() && entry.revision == head.revision) {
        return Some(format!(
            "You {} r{}; it is signed and unsent. u takes it back.",
            entry.decision.past(),
            entry.revision
        ));
    }
    let Some(body) = model.body(head.id) else { return rough(model, head, verb) };
    // Its line may know of its end before its body does.
    if !head.state.undecided() && body.view.head.state.undecided() {
        return rough(model, head, verb);
    }
    if let Some(why) = &body.undecidable {
        return Some(why.clone());
    }
    let view = &body.view;
    if verb == Verb::Conditions && is_live(view) {
        return Some(text::TICKS_ARE_SIGNED.to_owned());
    }
    if verb == Verb::Conditions && !takes_conditions(view) {
        return Some(text::NO_CONDITIONS.to_owned());
    }
    let Some(me) = model.known.me.as_ref() else { return rough(model, head, verb) };
    let wish = Wish {
        decision: verb.decision(head.verdict),
        // Conditions, and the ticks of a live runbook, answer a hold.
        overrides: matches!(verb, Verb::Override | Verb::Conditions) || !ticks(model, head.id).is_empty(),
        note: Note::parse("a note is asked for in the dialog").ok(),
        conditions: BTreeMap::new(),
        pin: client::Pin::of(view),
        on_screen_s: 0,
        offline: model.link.away(),
        rests: SignedDuration::ZERO,
    };
    // Halted clocks and a wrong clock of ours are the backend's to judge: while it is away nothing lapses here.
    let now = if model.link.away() { view.head.created_at } else { model.now() };
    let refusal = client::decide::check(view, me, &wish, true, now).err()?;
    Some(format!("{} hint: {}", said(model, &refusal), hint(model, view, &refusal)))
}

/// What can be told from a line of the list, before the row is opened.
fn rough(model: &Model, head: &Listed, verb: Verb) -> Option<String> {
    if model.known.own(head) {
        return Some(sentence(model, &Refusal::OwnProposal { agent: head.agent.clone() }));
    }
    let step = verb.decision(head.verdict).word().replace('_', " ");
    let withdraws = verb == Verb::Withdraw;
    (!withdraws && !head.state.undecided())
        .then(|| sentence(model, &Refusal::OutOfStep { state: head.state, step }))
}

/// Conditions change what is executed; only some platforms have a place for them.
fn takes_conditions(view: &RowView) -> bool {
    let example = BTreeMap::from([("canary".to_owned(), "10%".to_owned())]);
    view.effect.with_conditions(&example).is_some()
}

/// Whether the effect of the row, as it is pinned, has a place for these.
fn can_carry(model: &Model, pin: &Pin, conditions: &BTreeMap<String, String>) -> bool {
    model.body(pin.row).is_some_and(|body| body.view.effect.with_conditions(conditions).is_some())
}

/// `Enter` in the conditions' field, or leaving it: what is written there joins the list. True where nothing is left.
pub fn add_condition(model: &mut Model) -> bool {
    let Some(dialog) = model.dialog() else { return true };
    let Some(pin) = dialog.pins.first().cloned() else { return true };
    let mut conditions = dialog.conditions.clone();
    let added = conditions.add(&|conditions| can_carry(model, &pin, conditions));
    let now = model.at.ms;
    if let Some(dialog) = model.dialog_mut() {
        dialog.conditions = conditions;
        dialog.touched_ms.get_or_insert(now);
    }
    added
}

fn sentence(model: &Model, refusal: &Refusal) -> String {
    format!("{} hint: {}", said(model, refusal), refusal.hint())
}

/// Why not, of what was not sent, at the reader's own time.
fn said(model: &Model, refusal: &Refusal) -> String {
    refusal.unsent(&|at| text::when(at, model.now(), &model.zone, false))
}

/// What can be done instead, here and with this row.
fn hint(model: &Model, view: &RowView, refusal: &Refusal) -> String {
    let key = |command, name: &str| model.keymap.key_of(command).unwrap_or_else(|| format!(":{name}"));
    match refusal {
        Refusal::GoesAgainstVerdict { .. } => {
            let over = format!("{} overrides in writing", key(Command::Override, "override"));
            let with = format!("{} approves with conditions, ", key(Command::Conditions, "conditions"));
            if takes_conditions(view) { with + &over } else { over }
        }
        Refusal::OutOfStep { .. } => "what became of it stands under DECIDED SO FAR".to_owned(),
        Refusal::Expired { .. } => match next_of(model, view) {
            Some(next) => format!("{next} is open for the same"),
            None => refusal.hint().into_owned(),
        },
        _ => refusal.hint().into_owned(),
    }
}

/// The row that is open for the same subject now.
fn next_of(model: &Model, view: &RowView) -> Option<RowId> {
    let same = |row: &&Listed| *row.subject == *view.head.subject && row.id != view.head.id;
    model.known.rows.values().filter(same).find(|row| row.state.open()).map(|row| row.id)
}

/// A capital was pressed: a dialog opens for what stood on the screen, or a reason is told.
pub fn open(model: &mut Model, verb: Verb, command: Command) -> Vec<Effect> {
    if !model.queue.marked.is_empty() && model.screens.is_empty() {
        return open_batch(model, verb, command);
    }
    let Some(row) = model.standing.facts.row else {
        model.tell(Slot::Watch, text::BEHIND);
        return Vec::new();
    };
    if model.subject() != Some(row) {
        model.tell(Slot::Watch, text::BEHIND);
        return Vec::new();
    }
    if let Some(reason) = disabled(model, command) {
        model.tell(Slot::Watch, &reason);
        return Vec::new();
    }
    let changed = model.changes.get(&row).is_some_and(super::changes::Changes::amends);
    if changed && matches!(verb, Verb::Approve | Verb::Conditions | Verb::Override) {
        // What would be signed is not what its reader has made of it.
        return super::update::ask_to_amend(model);
    }
    let on_row = matches!(model.screens.last(), Some(Screen::Row(_) | Screen::Diff(_)));
    let mut effects = Vec::new();
    // Beside the list a row counts as read once it has stood there for a moment.
    if !on_row && model.at.ms.saturating_sub(model.standing.facts.since_ms) >= READ_AFTER_MS {
        effects = super::update::mark_read(model);
    }
    let shown = if on_row { model.standing.facts.body.clone() } else { model.read.get(&row).cloned() };
    let Some(pin) = shown.filter(|pin| model.read.get(&row) == Some(pin) && is_current(model, pin)) else {
        if on_row {
            model.tell(Slot::Watch, text::BEHIND);
            return vec![Effect::LoadRow { row }];
        }
        // Where it stands whole beside the list already, its reader stays there.
        if !(super::layout::is_wide(model) && model.screens.is_empty()) {
            effects.extend(super::update::open_row(model, row));
        }
        model.tell(Slot::Watch, text::READ_FIRST);
        return effects;
    };
    effects.extend(push_dialog(model, verb, vec![pin]));
    // Nobody signs by what its base was when the row was opened.
    model.base_asked = None;
    effects
}

fn open_batch(model: &mut Model, verb: Verb, command: Command) -> Vec<Effect> {
    let rows: Vec<RowId> = model.queue.marked.iter().copied().collect();
    let heads: Vec<&Listed> = rows.iter().filter_map(|row| model.head(*row)).collect();
    let pins: Vec<Pin> = rows
        .iter()
        .filter_map(|row| model.read.get(row))
        .filter(|pin| is_current(model, pin))
        .cloned()
        .collect();
    let alike = heads.windows(2).all(|pair| {
        pair[0].kind() == pair[1].kind()
            && pair[0].environment == pair[1].environment
            && pair[0].verdict.goes_ahead() == pair[1].verdict.goes_ahead()
    });
    let reversible = heads.iter().all(|head| head.risk == crate::row::Risk::Reversible);
    if rows.len() > BATCH_MAX || !alike || !reversible || pins.len() != rows.len() || verb == Verb::Override {
        model.tell(Slot::Watch, text::MIXED_BATCH);
        return Vec::new();
    }
    let first =
        heads.iter().find_map(|head| refusal(model, head, verb).map(|why| format!("{}: {why}", head.id)));
    if let Some(reason) = first.or_else(|| general(model, command)) {
        model.tell(Slot::Watch, &reason);
        return Vec::new();
    }
    push_dialog(model, verb, pins)
}

/// Reasons that hold for every row.
fn general(model: &Model, command: Command) -> Option<String> {
    let off = model.read_only
        || model.elsewhere.is_some()
        || model.too_small_to_decide()
        || model.link.broken.is_some();
    if off { disabled(model, command) } else { None }
}

fn push_dialog(model: &mut Model, verb: Verb, pins: Vec<Pin>) -> Vec<Effect> {
    let Some((pin, head)) = pins.first().and_then(|pin| Some((pin.clone(), model.head(pin.row)?.clone())))
    else {
        return Vec::new();
    };
    let asks = |pin: &Pin| model.body(pin.row).is_some_and(|body| body.view.note_needed);
    let note_wanted = verb.decision(head.verdict) == Decision::Approve && pins.iter().any(asks);
    let draft =
        model.known.drafts.iter().filter(|_| pins.len() == 1).find(|draft| draft.row == pin.row).cloned();
    let since = draft.as_ref().map_or(model.now(), |draft| draft.since);
    // What is kept of a live runbook are its ticks.
    let live = model.body(pin.row).is_some_and(|body| is_live(&body.view));
    let kept = draft.as_ref().filter(|_| !live).map(|draft| draft.conditions.clone()).unwrap_or_default();
    let conditions = Conditions::kept(&kept, &|conditions| can_carry(model, &pin, conditions));
    let pin_row = pin.row;
    let visit = model.visit();
    let dialog = Dialog {
        visit,
        verb,
        verdict: head.verdict,
        demand: if pins.len() > 1 {
            Demand::Yes
        } else {
            Demand::of(verb, head.risk, &pin.word().to_string())
        },
        pins,
        note: text_area(draft.as_ref().map_or("", |draft| &draft.note)),
        note_wanted,
        conditions,
        ticks: ticks(model, pin_row),
        typed: String::new(),
        focus: if verb == Verb::Conditions { Field::Conditions } else { Field::Note },
        top: 0,
        since,
        touched_ms: None,
        broken: false,
        over: false,
        signing: 0,
        error: None,
    };
    super::update::push_layer(model, Layer::Decision(Box::new(dialog)));
    vec![Effect::Key]
}

/// What its reader ticked of a live runbook.
fn ticks(model: &Model, row: RowId) -> BTreeMap<String, String> {
    let live = model.body(row).is_some_and(|body| is_live(&body.view));
    let changes = model.changes.get(&row).filter(|_| live);
    changes.map(super::changes::Changes::conditions).unwrap_or_default()
}

/// The same as it lies on disk, each with its step's text.
pub fn kept_ticks(model: &Model, row: RowId) -> String {
    let Some(Proposal::Live(live)) = model.body(row).and_then(|body| body.view.proposal.as_ref()) else {
        return String::new();
    };
    model.changes.get(&row).map(|changes| ticks::text(&changes.ticks, live)).unwrap_or_default()
}

/// A runbook while its incident is on: what is approved is what was done.
pub fn is_live(view: &RowView) -> bool {
    matches!(view.proposal, Some(Proposal::Live(_)))
}

/// The row is still exactly what the pin says, as far as this home knows.
pub fn is_current(model: &Model, pin: &Pin) -> bool {
    let Some(head) = model.head(pin.row) else { return false };
    let head_is = head.revision == pin.revision
        && head.content_sha256 == pin.digests.content
        && head.base_sha256 == pin.digests.base;
    let body_is = model
        .body(pin.row)
        .is_some_and(|body| Pin::of(&body.view) == *pin && body.view.head.changed_at >= head.changed_at);
    head_is && body_is
}

/// A body came in: a dialog over another revision of it loses its pin, visibly.
pub fn check_pin(model: &mut Model, row: RowId, before: Option<&RowView>) {
    let Some(now) = model.body(row).map(|body| body.view.clone()) else { return };
    let current = Pin::of(&now);
    let Some(dialog) = model.dialog() else { return };
    let another = dialog.pins.iter().any(|pin| pin.row == row && *pin != current);
    // Expired, decided by somebody else, or begun: what the dialog is for is over.
    let over = dialog.pins.iter().any(|pin| pin.row == row)
        && before.is_some_and(|before| before.head.state != now.head.state)
        && !takes(dialog, &now);
    let Some(dialog) = model.dialog_mut().filter(|dialog| (another || over) && !dialog.broken) else {
        return;
    };
    dialog.broken = true;
    dialog.over = over;
    dialog.typed.clear();
    let visit = model.visit();
    let lines = super::moved::between(before, &now, model.now(), &model.zone);
    super::update::push_layer(model, Layer::Moved(Moved { visit, lines, view: View::default() }));
}

/// The row's state still has a place for what the dialog is for.
fn takes(dialog: &Dialog, view: &RowView) -> bool {
    match dialog.verb {
        Verb::Withdraw => view.head.state.undecided() || view.head.state == State::Approved,
        _ => view.head.state.undecided(),
    }
}

/// The layer on top has stood on the screen long enough for a key to be meant for it.
pub fn settled(model: &Model) -> bool {
    let visit = model
        .layers
        .last()
        .map(Layer::visit)
        .or_else(|| model.screens.last().map(Screen::visit))
        .unwrap_or(0);
    let first = model.standing.first_ms.get(&visit);
    first.is_some_and(|first| model.at.ms >= first + SETTLED_MS)
}

/// The note as it is kept while it is written.
pub fn draft(model: &Model) -> Option<NoteDraft> {
    let dialog = model.dialog().filter(|dialog| !dialog.is_batch())?;
    let pin = dialog.pins.first()?;
    Some(NoteDraft {
        row: pin.row,
        revision: pin.revision,
        verb: dialog.verb.word().to_owned(),
        note: dialog.note_text(),
        conditions: match model.body(pin.row) {
            Some(body) if is_live(&body.view) => kept_ticks(model, pin.row),
            Some(_) | None => dialog.conditions.text(),
        },
        since: dialog.since,
        saved_at: model.now(),
    })
}

/// Saves the note where it was touched; drops the draft where nothing is left of it.
pub fn save(model: &mut Model) -> Option<Effect> {
    let draft = draft(model)?;
    model.dialog_mut()?.touched_ms.take()?;
    model.known.drafts.retain(|kept| (kept.row, kept.revision) != (draft.row, draft.revision));
    if model.body(draft.row).is_some_and(|body| is_live(&body.view)) {
        if !draft.note.trim().is_empty() || !draft.conditions.is_empty() {
            model.known.drafts.insert(0, draft.clone());
        }
        // The note is new; of its steps nothing is said by it.
        return Some(super::update::save_ticks(model, draft, BTreeSet::new()));
    }
    if draft.note.trim().is_empty() && draft.conditions.trim().is_empty() {
        return Some(Effect::DropDraft { row: draft.row, revision: draft.revision });
    }
    model.known.drafts.insert(0, draft.clone());
    Some(Effect::SaveDraft(draft))
}

/// What the dialog says about delivery, under its frame.
pub fn delivery(model: &Model) -> String {
    match model.link.state {
        LinkState::Synced | LinkState::Starting => {
            "Your decision is judged again by the backend; the base is read again before execution."
                .to_owned()
        }
        LinkState::Offline { .. } | LinkState::NoServer => {
            "OFFLINE: it waits unsent until the backend answers, and is judged then.".to_owned()
        }
        LinkState::SignedOut { .. } => {
            "SIGNED OUT: it waits unsent until you are signed in again.".to_owned()
        }
    }
}

/// Reading goes on: how long which revision was looked at.
pub fn count_looking(model: &mut Model, until_ms: u64) {
    let facts = &model.standing.facts;
    let Some(pin) = facts.body.clone() else { return };
    let spent = until_ms.saturating_sub(facts.counted_ms);
    *model.looked_ms.entry((pin.row, pin.revision)).or_default() += spent;
    model.standing.facts.counted_ms = until_ms;
}

/// The row screen below a dialog, where there is one.
pub fn row_screen(model: &mut Model, row: RowId) -> Option<&mut RowScreen> {
    model.screens.iter_mut().rev().find_map(|screen| match screen {
        Screen::Row(screen) if screen.row == row => Some(screen),
        _ => None,
    })
}
