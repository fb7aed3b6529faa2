//! `dock why`: from a line of a runbook's page, or of a post-mortem, to the row, the reviewer and the incident that put it
//! there.
//!
//! Never: an answer that no row gives. A line that somebody wrote by hand has none, and that is said.

use jiff::Timestamp;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    search::in_backend,
};
use crate::{
    client::{
        Cache, bodies,
        why::{self, Asked, OfPaper, Said},
    },
    row::{
        Proposal, difference,
        page::origin::{Numbered, Told, Touch, numbered},
        search::Query,
    },
    wire::RowView,
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock why CONF-4711 rotate redis replica\n  \
    dock why CONF-4711 step 4\n  dock why CONF-4711 step 4 failover\n  \
    dock why CONF-4711 \"wait 90 s\" --json\n  dock why pm-31 replica lag\n\nThe line is looked for among what rows \
    published on the page: all words have to stand in it, each at least begun. `step N` is the step of that number on the \
    page as it is, in every list that has one; words of the heading above tell lists apart. What changed, replaced or \
    deprecated the line later is told, too. Of a post-mortem it is told what its lines rest on, and who approved them.")]
pub(super) struct Why {
    /// The page, as the config names it, by the platform's own id or by its address: CONF-4711. Or a post-mortem, by its
    /// row, its incident, its title or its page's address.
    page: String,
    /// Words of the line, or `step 4`.
    #[arg(required = true)]
    words: Vec<String>,
}

/// Lines that are told; a reader who gets more asks with more words.
const LINES_MAX: usize = 5;

pub(super) fn run(globals: &Globals, args: &Why) -> Outcome {
    let person = Person::open(globals)?;
    let words = args.words.join(" ");
    let views = read(&person, &why::of_page(why::pages_of(&args.page)), |_| true)?;
    if views.is_empty() {
        return of_papers(&person, &args.page, &words);
    }
    let lines = match Asked::read(&words) {
        Asked::Words(words) => why::of_words(words, &views),
        Asked::Step { number, under } => steps(&person, &args.page, number, under, &views)?,
    };
    if lines.is_empty() {
        let published = views.iter().filter_map(why::of_view).count();
        return Err(Failure::nothing(format!(
            "nothing that Dock published on {} says “{}” ({published} published edits)\nhint: the page's own history has what \
             people wrote by hand; `dock rows --state all --search 'page:{}'` lists the rows",
            out::safe(&args.page),
            out::safe(&words),
            out::safe(&args.page)
        )));
    }
    for line in lines.iter().take(LINES_MAX) {
        if globals.json {
            out::json(&json(&args.page, line, &views));
        } else {
            out::text(&text(&args.page, &why::lines(line, &views, &|at| out::when(at, person.now()))));
        }
    }
    more(lines.len());
    Ok(Code::Done)
}

fn more(lines: usize) {
    if lines > LINES_MAX {
        let more = out::plural(lines - LINES_MAX, "more line says that", "more lines say that");
        out::remark(&format!("{more}; more words tell them apart"));
    }
}

/// What rows did to the steps of this number. A step that none of them wrote or touched is named, and who may know.
fn steps(
    person: &Person,
    page: &str,
    number: u32,
    under: &str,
    views: &[RowView],
) -> Result<Vec<Told>, Failure> {
    let kept = why::page_text(views);
    let now = block_on(async { Ok(page_now(person, views).await) })?;
    if now.is_none()
        && let Some((at, _)) = &kept
    {
        let at = out::when(*at, person.now());
        out::remark(&format!("the page is not read now; its steps are numbered as Dock last saw them, {at}"));
    }
    let text = now.or(kept.map(|(_, text)| text)).unwrap_or_default();
    let found: Vec<Numbered> = numbered(&text, number, under);
    let page = out::safe(page);
    if found.is_empty() {
        let under =
            if under.is_empty() { String::new() } else { format!(" under “{}”", out::safe(under)) };
        return Err(Failure::nothing(format!("{page} has no step {number}{under}")));
    }
    let mut lines = Vec::new();
    for step in &found {
        let above = if step.under.is_empty() {
            String::new()
        } else {
            format!(" under “{}”", out::safe(&step.under))
        };
        match why::of_shown(&step.text, views) {
            Some(told) => lines.push(told),
            None => out::remark(&format!(
                "step {number}{above}, “{}”: no row put it there; who wrote it, the page's own history tells",
                out::safe(&step.text)
            )),
        }
    }
    if lines.is_empty() {
        return Err(Failure::nothing(format!("no row of Dock's put step {number} on {page}")));
    }
    Ok(lines)
}

/// The page's text, read now through the newest row about it.
async fn page_now(person: &Person, views: &[RowView]) -> Option<String> {
    let edits = views.iter().filter(|view| matches!(view.proposal, Some(Proposal::Edit(_))));
    let newest = edits.max_by_key(|view| view.read_at)?;
    let fresh = person.online().await.ok()?.fresh(newest.head.id).await.ok()?;
    let file = difference::read(&fresh.diff).into_iter().next()?;
    (!file.old.is_empty()).then_some(file.old)
}

/// The same of post-mortems.
fn of_papers(person: &Person, page: &str, asked: &str) -> Outcome {
    let views = read(person, &why::of_papers(), |view| why::is_paper(view, page))?;
    if views.is_empty() {
        return Err(Failure::nothing(format!(
            "no row was ever about {}\nhint: `dock rows --state all --kind runbook` lists the pages that rows are about, \
             `--kind postmortem` the post-mortems",
            out::safe(page)
        )));
    }
    let mut count = 0;
    for view in &views {
        let Some(Proposal::Paper(paper)) = &view.proposal else { continue };
        for line in why::of_paper(paper, why::unmarked(asked)) {
            count += 1;
            if count > LINES_MAX {
                continue;
            }
            if person.globals.json {
                out::json(&paper_json(page, &line, view));
            } else {
                out::text(&text(page, &why::paper_lines(&line, view, &|at| out::when(at, person.now()))));
            }
        }
    }
    if count == 0 {
        return Err(Failure::nothing(format!("{} does not say “{}”", out::safe(page), out::safe(asked))));
    }
    more(count);
    Ok(Code::Done)
}

/// The rows that a query fits, whole; from what is kept here where the backend is away.
fn read(person: &Person, query: &Query, wanted: impl Fn(&RowView) -> bool) -> Result<Vec<RowView>, Failure> {
    let mut views = match block_on(bodies_of(person, query)) {
        Err(failure) if failure.code == Code::Away => kept(person, query, &failure)?,
        found => found?,
    };
    views.retain(wanted);
    Ok(views)
}

async fn bodies_of(person: &Person, query: &Query) -> Result<Vec<RowView>, Failure> {
    let api = person.online().await?;
    let mut views = Vec::new();
    for found in in_backend(&api, query, &[]).await? {
        views.push(api.row(found.head.id).await?);
    }
    Ok(views)
}

/// The same from what is kept here, which is not everything.
fn kept(person: &Person, query: &Query, why: &Failure) -> Result<Vec<RowView>, Failure> {
    let Some((cache, _)) = Cache::open_if_there(&person.home.cache_file())? else { return Err(why.clone()) };
    let now = person.now();
    let as_of = cache.as_of()?.ok_or_else(|| why.clone())?;
    out::remark(&format!(
        "{}; told from what is kept here, as of {}",
        why.words.lines().next().unwrap_or_default(),
        out::when(as_of.as_of, now)
    ));
    let found = bodies::find(&cache, query, Timestamp::MIN, now)?;
    let views = found.into_iter().filter_map(|(row, _)| cache.unchecked(row, now).transpose());
    Ok(views.collect::<Result<_, _>>()?)
}

fn text(page: &str, said: &[Said]) -> String {
    let lines: Vec<String> = said.iter().map(|line| out::safe(&line.text)).collect();
    format!("{}: {}\n", out::safe(page), lines.join("\n"))
}

fn approvals(view: &RowView) -> Vec<serde_json::Value> {
    let one = |one: &crate::wire::DecisionView| {
        serde_json::json!({"id": one.id, "reviewer": one.reviewer, "at": one.made_at, "note": one.note,
            "log_index": one.log_index})
    };
    why::approved(view).map(one).collect()
}

fn json(page: &str, line: &Told, views: &[RowView]) -> serde_json::Value {
    let touch = |touch: &Touch| {
        let view = why::view_of(views, touch.row);
        serde_json::json!({"row": touch.row, "published_at": touch.at, "did": touch.deed.word(), "line": touch.line,
            "because": touch.because, "by": touch.by, "incident": view.and_then(|view| view.head.incident.as_ref()),
            "agent": view.map(|view| &view.head.agent), "approved": view.map(approvals).unwrap_or_default()})
    };
    serde_json::json!({"page": page, "line": line.text, "stands": line.stands(),
        "touches": line.touches.iter().map(touch).collect::<Vec<_>>()})
}

fn paper_json(page: &str, line: &OfPaper, view: &RowView) -> serde_json::Value {
    serde_json::json!({"page": page, "line": line.text, "under": line.under, "rests_on": line.rests_on,
        "row": view.head.id, "incident": view.head.incident, "agent": view.head.agent, "state": view.head.state,
        "published_at": view.execution.as_ref().and_then(|execution| execution.confirmed_at),
        "approved": approvals(view)})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{
            sample,
            why::{of_page, pages_of, unmarked},
        },
        row::{
            Base, Decision, DecisionId, Digest, Draft, Effect, Kind, Touch as Presence,
            base::PageBase,
            page::{Action, Anchor, Block, Edit, Operation, Piece},
        },
        wire::{DecisionView, ExecutionView},
    };

    /// A runbook row with one operation, published by its reviewer's word.
    fn published(id: &str, second: i64, anchor: &str, action: Action) -> RowView {
        let base = PageBase {
            name: "CONF-4711".into(),
            page: "4711".into(),
            version: 7,
            author: "mei".into(),
            created_at: "2026-05-01".into(),
            body: Digest::of("body"),
            space: String::new(),
        };
        let operation = Operation {
            anchor: Anchor { id: None, path: vec![], text: anchor.into() },
            action,
            because: "The failover stood until the replica was rotated.".into(),
            pointers: vec![],
            by: None,
        };
        let draft = Draft {
            kind: Kind::Runbook,
            subject: "CONF-4711".into(),
            incident: Some("INC-2099".into()),
            base: Base::Runbook(base),
            effect: Effect::None,
            proposal: Some(Proposal::Edit(Edit { operations: vec![operation] })),
            ..sample::draft()
        };
        let mut view = sample::view(id, 1, draft);
        let tag = DecisionId::new(1, [0; 10]);
        view.execution = Some(ExecutionView {
            tag: tag.clone(),
            intended_at: sample::at(second),
            confirmed_at: Some(sample::at(second)),
        });
        view.decisions.push(DecisionView {
            id: tag,
            decision: Decision::Approve,
            overrides: false,
            reviewer: "priya".parse().unwrap(),
            note: Some("Confirmed on the\u{1b}[2J standby.".into()),
            made_at: sample::at(second),
            at: sample::at(second),
            key: "SHA256:x".into(),
            touch: Presence::Unproven,
            offline: false,
            revision: 1,
            conditions: std::collections::BTreeMap::new(),
            void: None,
            log_index: Some(1_181),
        });
        view
    }

    fn rotate() -> RowView {
        let text = vec![Piece::Plain("Rotate Redis replica before failover".into())];
        let blocks = vec![Block::Item { ordered: true, depth: 0, text }];
        published("rb-8821", 10, "Fail over.", Action::InsertBefore { blocks })
    }

    fn lines(views: &[RowView], asked: &str) -> Vec<Told> {
        why::of_words(asked, views)
    }

    #[test]
    fn a_step_names_its_row_its_reviewer_its_incident_and_what_came_after() {
        let anchor = "Rotate Redis replica before failover";
        let gone = published("rb-8840", 20, anchor, Action::MarkDeprecated { instead: vec![] });
        let views = [rotate(), gone];
        let found = lines(&views, "rotate redis replica");
        let said = why::lines(&found[0], &views, &|at| out::when(at, sample::at(30)));
        assert_eq!(said.last().and_then(|line| line.row), Some("rb-8840".parse().unwrap()));
        let text = text("CONF-4711", &said);
        for said in [
            "CONF-4711: “Rotate Redis replica before failover”\n  put there by rb-8821, published ",
            "\n    incident INC-2099\n    because: The failover stood until the replica was rotated.\n    drafted by argus\n",
            "\n    approved by priya at ",
            "\n  marked as DEPRECATED by rb-8840, published ",
        ] {
            assert!(text.contains(said), "{said} in {text}");
        }
        assert!(text.chars().all(|c| !c.is_control() || c == '\n'), "{text:?}");
        let json = json("CONF-4711", &found[0], &views);
        assert_eq!(json["stands"], false);
        assert_eq!(json["touches"][0]["row"], "rb-8821");
        assert_eq!(json["touches"][0]["approved"][0]["reviewer"], "priya");
        assert_eq!(json["touches"][0]["approved"][0]["log_index"], 1_181);
    }

    #[test]
    fn a_line_and_a_page_may_be_pasted() {
        for (typed, line) in [
            ("2. Rotate Redis replica", "Rotate Redis replica"),
            ("+ 12. Wait 90 s", "Wait 90 s"),
            ("- Fail over.", "Fail over."),
            ("90 s is enough", "90 s is enough"),
            ("3.5 GB are free", "3.5 GB are free"),
            ("", ""),
        ] {
            assert_eq!(unmarked(typed), line);
        }
        for (typed, pages) in [
            ("CONF-4711", vec!["CONF-4711"]),
            ("https://acme.atlassian.net/wiki/spaces/OPS/pages/4711/Fail+over?focus=1", vec!["4711"]),
            (
                "https://www.notion.so/acme/Outage-0123456789abcdef0123456789abcdef",
                vec!["0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"],
            ),
        ] {
            assert_eq!(pages_of(typed), pages);
        }
    }

    #[test]
    fn what_was_not_published_put_nothing_anywhere() {
        let mut view = rotate();
        if let Some(execution) = &mut view.execution {
            execution.confirmed_at = None;
        }
        assert_eq!(lines(&[view], "rotate redis replica"), []);
        let asked = of_page(vec!["CONF-4711".to_owned()]);
        assert_eq!(Query::parse(&asked.to_string()), Ok(asked.clone()), "{asked}");
    }

    #[test]
    fn a_step_is_asked_for_by_its_number_and_the_heading_above_it() {
        for (typed, asked) in [
            ("step 4", Asked::Step { number: 4, under: "" }),
            ("Step 12 under Fail over", Asked::Step { number: 12, under: "Fail over" }),
            ("step 2 failover", Asked::Step { number: 2, under: "failover" }),
            ("step down", Asked::Words("step down")),
            ("step 4th of them", Asked::Words("step 4th of them")),
            ("2. Rotate", Asked::Words("Rotate")),
        ] {
            assert_eq!(Asked::read(typed), asked);
        }
        let mut view = rotate();
        let page = |numbers: &str| format!("# Failover\n1. Check\n{numbers}# After\n1. Tell\n2. Note it\n");
        let (old, new) =
            (page("2. Fail over.\n"), page("2. Rotate Redis replica before failover\n3. Fail over.\n"));
        view.diff =
            difference::write(&[difference::FileDifference::of_page("CONF-4711", old, new)], "page", "edit");
        let views = [view];
        let (at, text) = why::page_text(&views).unwrap();
        assert_eq!(at, sample::at(10));
        let texts = |number, under| {
            numbered(&text, number, under).into_iter().map(|step| step.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(2, ""), ["Rotate Redis replica before failover", "Note it"]);
        assert_eq!(texts(2, "fail"), ["Rotate Redis replica before failover"]);
        assert_eq!((texts(3, ""), texts(4, "")), (vec!["Fail over.".to_owned()], vec![]));
        let told = why::of_shown("2. Rotate Redis replica before failover", &views).unwrap();
        assert_eq!(told.origin().unwrap().row, views[0].head.id);
        assert_eq!(why::of_shown("Note it", &views), None);
    }

    #[test]
    fn a_line_of_a_post_mortem_names_what_it_rests_on_and_who_approved_it() {
        let mut view = published("pm-31", 10, "", Action::InsertAfter { blocks: vec![] });
        let paper = crate::row::paper::tests::paper();
        let word = paper.timeline[0].text.split_whitespace().next().unwrap_or_default().to_owned();
        view.head.kind = Kind::Postmortem;
        view.outcome = Some(crate::wire::OutcomeView {
            state: crate::row::State::Healthy,
            checked_at: sample::at(11),
            detail: "https://acme.atlassian.net/wiki/spaces/OPS/pages/90031/INC, as approved".into(),
        });
        let title = paper.title.clone();
        view.proposal = Some(Proposal::Paper(paper.clone()));
        for (typed, is) in [
            ("pm-31", true),
            ("inc-2099", true),
            (title.as_str(), true),
            ("https://acme.atlassian.net/wiki/spaces/OPS/pages/90031", true),
            ("https://acme.atlassian.net/wiki/spaces/OPS/pages/90032", false),
            ("CONF-4711", false),
        ] {
            assert_eq!(why::is_paper(&view, typed), is, "{typed}");
        }
        let found = why::of_paper(&paper, &word);
        let said = why::paper_lines(&found[0], &view, &|at| at.to_string());
        let text = text("pm-31", &said);
        assert!(text.contains("rests on: ") && text.contains("approved by priya"), "{text}");
        assert_eq!(why::of_paper(&paper, "no such words at all"), []);
    }
}
