//! `dock tick`: what became of the steps of a live runbook, said one by one and kept here until it is signed.
//!
//! Never: sends anything. `dock approve` signs what was ticked, in the console or here.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    timeline::Numbers,
};
use crate::{
    client::{
        NoteDraft, Outbox,
        ticks::{self, Followed, Kept, Tick, Ticks},
    },
    row::{
        Proposal,
        proposal::{Live, LivePart, LiveStep, SignedTick},
    },
    wire::RowView,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock tick rb-8824                       the steps, and what the system says now\n  \
    dock tick rb-8824 1-2 followed\n  dock tick rb-8824 3 wrong --word \"the sentinel is gone since the move\"\n  \
    dock tick rb-8824 3 nothing             takes it back\n  dock approve rb-8824                    signs them"
)]
pub(super) struct Ticking {
    /// The live runbook's row.
    row: String,
    /// The step, or several: 3, 5-8.
    #[arg(requires = "said")]
    steps: Option<Numbers>,
    /// What became of it.
    said: Option<Said>,
    /// Why, in a word or two.
    #[arg(long, value_name = "TEXT", requires = "said")]
    word: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Said {
    Followed,
    Skipped,
    Wrong,
    /// Takes back what was said of it.
    Nothing,
}

impl Said {
    fn followed(self) -> Option<Followed> {
        match self {
            Self::Followed => Some(Followed::Followed),
            Self::Skipped => Some(Followed::Skipped),
            Self::Wrong => Some(Followed::Wrong),
            Self::Nothing => None,
        }
    }
}

pub(super) fn run(globals: &Globals, args: &Ticking) -> Outcome {
    let word = word(args)?;
    let person = Person::open(globals)?;
    block_on(async {
        let (outbox, mut cache) = (person.outbox()?, person.cache()?);
        let id = Person::row_id(&args.row, &cache)?;
        let read = person.row(&outbox, &mut cache, id).await?;
        if let Some(why) = &read.offline {
            let as_of = out::when(read.cached.view.head.as_of, person.now());
            out::remark(&format!("{}; {id} as of {as_of}", why.lines().next().unwrap_or_default()));
        }
        let view = &read.cached.view;
        let live = live(view)?;
        if !view.head.state.undecided() && args.steps.is_none() {
            tell_signed(&person, view, live);
            return Ok(Code::Done);
        }
        let mut kept = of_row(&outbox, view, live)?;
        if let Some((steps, said)) = args.steps.zip(args.said) {
            tick(view, live, &mut kept, steps, Tick::of(said, &word).as_ref())?;
            keep(&outbox, view, live, &kept, (steps.first..=steps.last).collect(), person.now())?;
            // With what was ticked in a console meanwhile.
            kept = of_row(&outbox, view, live)?;
        }
        tell(&person, view, live, &kept);
        Ok(Code::Done)
    })
}

impl Tick {
    fn of(said: Said, word: &str) -> Option<Self> {
        said.followed().map(|followed| Self { followed, word: word.to_owned() })
    }
}

fn word(args: &Ticking) -> Result<String, Failure> {
    let word = args.word.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let long = word.chars().count();
    if long > ticks::WORD_MAX {
        return Err(Failure::usage(format!("{long} characters; {} are the limit", ticks::WORD_MAX)));
    }
    Ok(word)
}

fn live(view: &RowView) -> Result<&Live, Failure> {
    match &view.proposal {
        Some(Proposal::Live(live)) => Ok(live),
        _ => Err(Failure::usage(format!("{} is no live runbook: it has no steps to tick", view.head.id))),
    }
}

fn tick(
    view: &RowView,
    live: &Live,
    kept: &mut Kept,
    steps: Numbers,
    tick: Option<&Tick>,
) -> Result<(), Failure> {
    let (id, count) = (view.head.id, live.steps.len());
    if !view.head.state.undecided() {
        return Err(Failure::new(
            Code::Refused,
            format!("{id} is {}: its ticks are signed, or over", view.head.state),
        ));
    }
    if steps.last > count {
        return Err(Failure::usage(format!("there is no step {}; {id} has {count}", steps.last)));
    }
    // What was said of a step before it was struck out is only taken back.
    let may = |number: &usize| {
        !ticks::is_struck_out(live, *number) || (tick.is_none() && kept.ticks.contains_key(number))
    };
    let numbers: Vec<usize> = (steps.first..=steps.last).filter(may).collect();
    if numbers.is_empty() {
        return Err(Failure::usage(format!(
            "step {} is struck out on the page: nobody is to follow it, and it is not ticked",
            steps.first
        )));
    }
    for number in numbers {
        match tick {
            Some(tick) => drop(kept.ticks.insert(number, tick.clone())),
            None => drop(kept.ticks.remove(&number)),
        }
    }
    Ok(())
}

/// What was ticked of a row here, on its steps as they are now. What fits none of them any more is told.
pub(super) fn of_row(outbox: &Outbox, view: &RowView, live: &Live) -> Result<Kept, Failure> {
    let kept = ticks::kept(&outbox.drafts()?, view.head.id, view.head.revision, live);
    for lost in &kept.lost {
        let (made_on, id) = (kept.made_on, view.head.id);
        out::remark(&out::safe(&format!(
            "{id}: not on the page any more, and not signed: {lost} (revision {made_on})"
        )));
    }
    Ok(kept)
}

/// The same again, where another program may have ticked meanwhile: what that says nothing of is said by these.
pub(super) fn keep_the_rest(
    outbox: &Outbox,
    view: &RowView,
    live: &Live,
    kept: &Kept,
    now: jiff::Timestamp,
) -> Result<(), Failure> {
    let of = (view.head.id, view.head.revision);
    let disk = outbox.drafts()?.into_iter().find(|draft| (draft.row, draft.revision) == of);
    let disk = disk.map(|draft| draft.conditions).unwrap_or_default();
    keep(outbox, view, live, kept, ticks::unsaid(&disk, &kept.ticks), now)
}

/// Under the revision that it is of now. Of the steps in `said` this is the newest word.
pub(super) fn keep(
    outbox: &Outbox,
    view: &RowView,
    live: &Live,
    kept: &Kept,
    said: BTreeSet<usize>,
    now: jiff::Timestamp,
) -> Result<(), Failure> {
    let (row, revision) = (view.head.id, view.head.revision);
    let begun = outbox.drafts()?.into_iter().find(|draft| (draft.row, draft.revision) == (row, revision));
    let (verb, note, since) = begun.map_or_else(
        || ("approve".to_owned(), String::new(), now),
        |draft| (draft.verb, draft.note, draft.since),
    );
    let conditions = ticks::text(&kept.ticks, live);
    outbox.save_ticks(&NoteDraft { row, revision, verb, note, conditions, since, saved_at: now }, &said)?;
    if kept.made_on != revision {
        outbox.drop_draft(row, kept.made_on)?;
    }
    Ok(())
}

/// A row that is over: what was signed of its steps is what counts, and what was not signed is gone.
fn tell_signed(person: &Person, view: &RowView, live: &Live) {
    let ticks = ticks::signed(view);
    tell_steps(person, view, live, (&ticks, true));
    if !person.globals.json {
        out::line(out::safe(&signed(view, live, person.now())));
    }
}

/// `rb-8824 r2: 2 of 3 steps ticked, signed by priya at 02:31`
fn signed(view: &RowView, live: &Live, now: jiff::Timestamp) -> String {
    let (id, revision, state) = (view.head.id, view.head.revision, view.head.state);
    let Some(one) = ticks::signature(view) else {
        return format!("{id} r{revision} is {state}: no tick was signed");
    };
    let (by, at) = (&one.reviewer, out::when(one.made_at, now));
    let ticked = ticks::signed(view).len();
    format!(
        "{id} r{revision}: {ticked} of {} ticked, signed by {by}, {at}",
        out::plural(live.steps.len(), "step", "steps")
    )
}

fn tell_steps(person: &Person, view: &RowView, live: &Live, (ticks, signed): (&Ticks, bool)) {
    for (at, step) in live.steps.iter().enumerate() {
        let tick = ticks.get(&(at + 1));
        if person.globals.json {
            out::json(
                &json!({"row": view.head.id, "revision": view.head.revision, "step": at + 1, "label": step.label,
                "text": step.text, "before": step.before, "under": step.under, "deprecated": step.deprecated, "facts": step.facts, "broken": step.broken, "touched_by": step.row, "ticked": tick.map(Tick::said),
                "signed": signed, "signed_before": step.signed}),
            );
        } else {
            out::text(&out::safe_lines(&said(at + 1, step, tick, person.now())));
        }
    }
}

fn tell(person: &Person, view: &RowView, live: &Live, kept: &Kept) {
    tell_steps(person, view, live, (&kept.ticks, false));
    if person.globals.json {
        return;
    }
    out::text(&out::safe_lines(&behind(live)));
    let (id, ticked) = (view.head.id, kept.ticks.len());
    out::line(match ticked {
        0 => format!("{id} r{}: no step is ticked", view.head.revision),
        _ => format!(
            "{id} r{}: {ticked} of {} ticked, NOT SIGNED: dock approve {id}",
            view.head.revision,
            out::plural(live.steps.len(), "step", "steps")
        ),
    });
}

fn said(number: usize, step: &LiveStep, tick: Option<&Tick>, now: jiff::Timestamp) -> String {
    let said = tick.map(Tick::said).unwrap_or_default();
    let mut text = parts(&step.before, "");
    text += &format!("{number:>3} [{said}] {}\n", step.head());
    text += &parts(&step.under, "      ");
    if let Some(why) = &step.broken {
        text += &format!("      NO LONGER HOLDS: {why}\n");
    }
    for fact in &step.facts {
        text += &format!("      {}: {} ({})\n", fact.name, fact.value, out::when(fact.read_at, now));
    }
    if let Some(row) = step.row {
        text += &format!("      last touched by {row}\n");
    }
    if let Some(SignedTick { said, by, row, at }) = &step.signed {
        text += &format!("      signed: {said}, by {by} in {row} ({})\n", out::when(*at, now));
    }
    text
}

/// What the page has behind its last step, and that it has more steps, where it has.
fn behind(live: &Live) -> String {
    let more = live.not_shown().map(|said| said + "\n").unwrap_or_default();
    parts(&live.after, "") + &more
}

fn parts(parts: &[LivePart], indent: &str) -> String {
    parts.iter().flat_map(LivePart::lines).map(|line| format!("{indent}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::sample, row::proposal::PartSort};

    fn step(text: &str) -> LiveStep {
        LiveStep { text: text.to_owned(), ..LiveStep::default() }
    }

    fn ground() -> (tempfile::TempDir, Outbox, RowView, Live) {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&folder.path().join("outbox")).unwrap();
        let steps = vec![step("stop"), step("fail over"), step("wait")];
        let live = Live { incident: "INC-1".to_owned(), steps, ..Live::default() };
        let mut view = sample::view("rb-8824", 2, sample::draft());
        view.proposal = Some(Proposal::Live(live.clone()));
        (folder, outbox, view, live)
    }

    #[test]
    fn ticks_are_kept_and_go_to_the_next_revision() {
        let (_folder, outbox, mut view, live) = ground();
        let mut kept = of_row(&outbox, &view, &live).unwrap();
        let steps: Numbers = "2-3".parse().unwrap();
        tick(&view, &live, &mut kept, steps, Tick::of(Said::Wrong, "gone").as_ref()).unwrap();
        keep(&outbox, &view, &live, &kept, [2, 3].into(), sample::at(1)).unwrap();

        view.head.revision = 3;
        let next = Live { steps: vec![step("say it"), step("stop"), step("fail over")], ..live.clone() };
        let mut kept = of_row(&outbox, &view, &next).unwrap();
        assert_eq!(kept.ticks.keys().copied().collect::<Vec<_>>(), [3]);
        assert_eq!(kept.lost, ["step 3: wrong: gone"]);
        tick(&view, &next, &mut kept, "1".parse().unwrap(), Tick::of(Said::Followed, "").as_ref()).unwrap();
        keep(&outbox, &view, &next, &kept, [1].into(), sample::at(2)).unwrap();
        let drafts = outbox.drafts().unwrap();
        assert_eq!(drafts.len(), 1, "{drafts:?}");
        assert_eq!(
            (drafts[0].revision, drafts[0].conditions.as_str()),
            (3, "1=followed\tsay it\n3=wrong: gone\tfail over")
        );

        for one in [1, 3] {
            let steps = one.to_string().parse().unwrap();
            tick(&view, &next, &mut kept, steps, Tick::of(Said::Nothing, "").as_ref()).unwrap();
        }
        keep(&outbox, &view, &next, &kept, [1, 3].into(), sample::at(3)).unwrap();
        assert!(outbox.drafts().unwrap().is_empty(), "nothing is kept of nothing");
    }

    #[test]
    fn a_row_that_is_over_tells_what_was_signed_and_by_whom() {
        let (_folder, _, mut view, mut live) = ground();
        view.head.state = crate::row::State::Healthy;
        assert!(signed(&view, &live, sample::at(60)).ends_with("is healthy: no tick was signed"));
        let mut approval = sample::said("priya", crate::row::Decision::Approve, 2);
        approval.conditions = [("2".to_owned(), "wrong: gone".to_owned())].into();
        view.decisions = vec![approval];
        let told = signed(&view, &live, sample::at(60));
        assert!(told.starts_with("rb-8824 r2: 1 of 3 steps ticked, signed by priya, "), "{told}");
        live.steps[0].signed = Some(SignedTick {
            said: "followed".to_owned(),
            by: "sarah".parse().unwrap(),
            row: "rb-8823".parse().unwrap(),
            at: sample::at(0),
        });
        let step = said(1, &live.steps[0], None, sample::at(60));
        assert!(step.contains("signed: followed, by sarah in rb-8823 ("), "{step}");
    }

    #[test]
    fn a_step_is_told_with_its_command_its_warning_and_its_number_on_the_page() {
        let part = |sort, text: &str| LivePart { sort, text: text.to_owned() };
        let one = LiveStep {
            label: "Failover 2".to_owned(),
            before: vec![part(PartSort::Heading, "Failover"), part(PartSort::Text, "Lag under 5 s.")],
            under: vec![
                part(PartSort::Code, "redis-cli \\\n  failover"),
                part(PartSort::Note, "warning: slow"),
            ],
            ..step("Fail over")
        };
        let told = "## Failover\n\u{b7} Lag under 5 s.\n  4 [] Failover 2 · Fail over\n      | redis-cli \\\n      |   failover\n      ! warning: slow\n";
        assert_eq!(said(4, &one, None, sample::at(0)), told);
        let live = Live { after: vec![part(PartSort::Text, "Say so.")], more: 12, ..Live::default() };
        assert_eq!(behind(&live), "\u{b7} Say so.\n12 more steps are not shown: see the page\n");
    }

    #[test]
    fn what_is_struck_out_on_the_page_is_not_ticked() {
        let (_folder, outbox, view, mut live) = ground();
        live.steps[1].deprecated = true;
        assert!(said(2, &live.steps[1], None, sample::at(0)).contains("DEPRECATED: fail over"));
        let mut kept = of_row(&outbox, &view, &live).unwrap();
        let followed = Tick::of(Said::Followed, "");
        let why = tick(&view, &live, &mut kept, "2".parse().unwrap(), followed.as_ref()).unwrap_err();
        assert!(why.words.contains("struck out"), "{}", why.words);
        tick(&view, &live, &mut kept, "1-3".parse().unwrap(), followed.as_ref()).unwrap();
        assert_eq!(kept.ticks.keys().copied().collect::<Vec<_>>(), [1, 3]);
        // One that was made before the step was struck out can be taken back.
        kept.ticks.insert(2, followed.unwrap());
        tick(&view, &live, &mut kept, "2".parse().unwrap(), None).unwrap();
        assert_eq!(kept.ticks.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert!(tick(&view, &live, &mut kept, "2".parse().unwrap(), None).is_err());
    }

    #[test]
    fn what_came_back_is_kept_beside_what_was_ticked_meanwhile() {
        let (_folder, outbox, view, live) = ground();
        let mut signed = of_row(&outbox, &view, &live).unwrap();
        tick(&view, &live, &mut signed, "1-2".parse().unwrap(), Tick::of(Said::Followed, "").as_ref())
            .unwrap();
        let mut meanwhile = of_row(&outbox, &view, &live).unwrap();
        tick(&view, &live, &mut meanwhile, "2-3".parse().unwrap(), Tick::of(Said::Wrong, "").as_ref())
            .unwrap();
        keep(&outbox, &view, &live, &meanwhile, [2, 3].into(), sample::at(1)).unwrap();
        keep_the_rest(&outbox, &view, &live, &signed, sample::at(2)).unwrap();
        let said: Vec<String> =
            of_row(&outbox, &view, &live).unwrap().ticks.values().map(Tick::said).collect();
        assert_eq!(said, ["followed", "wrong", "wrong"]);
    }

    #[test]
    fn what_cannot_be_ticked_is_told() {
        let (_folder, outbox, mut view, live) = ground();
        let mut kept = of_row(&outbox, &view, &live).unwrap();
        let four: Numbers = "3-4".parse().unwrap();
        assert_eq!(tick(&view, &live, &mut kept, four, None).unwrap_err().code, Code::Usage);
        view.head.state = crate::row::State::Healthy;
        let one: Numbers = "1".parse().unwrap();
        assert_eq!(tick(&view, &live, &mut kept, one, None).unwrap_err().code, Code::Refused);
        view.proposal = None;
        assert_eq!(super::live(&view).unwrap_err().code, Code::Usage);
    }
}
