//! `dock why`: from a line of a runbook's page to the row, the reviewer and the incident that put it there.
//!
//! Never: an answer that no published row gives. A line that somebody wrote by hand has none, and that is said.

use jiff::Timestamp;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    search::in_backend,
};
use crate::{
    client::{Cache, bodies},
    row::{
        Decision, Proposal, RowId,
        page::origin::{Deed, Published, Told, Touch, told},
        search::{Key, Query, Term, Test},
    },
    wire::{DecisionView, RowView},
};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock why CONF-4711 rotate redis replica\n  \
    dock why CONF-4711 \"wait 90 s\" --json\n\nThe line is looked for among what rows published on the page: all \
    words have to stand in it, each at least begun. What changed, replaced or deprecated it later is told, too.")]
pub(super) struct Why {
    /// The page, as the config names it, by the platform's own id or by its address: CONF-4711.
    page: String,
    /// Words of the line.
    #[arg(required = true)]
    words: Vec<String>,
}

/// Lines that are told; a reader who gets more asks with more words.
const LINES_MAX: usize = 5;

pub(super) fn run(globals: &Globals, args: &Why) -> Outcome {
    let person = Person::open(globals)?;
    let query = of_page(pages_of(&args.page));
    let views = match block_on(published(&person, &query)) {
        Err(failure) if failure.code == Code::Away => kept(&person, &query, &failure)?,
        found => found?,
    };
    let rows: Vec<Published<'_>> = views.iter().filter_map(of_view).collect();
    let words = args.words.join(" ");
    let lines = told(unmarked(&words), &rows);
    if views.is_empty() {
        return Err(Failure::nothing(format!(
            "no row was ever about {}\nhint: `dock rows --state all --kind runbook` lists the pages that rows are about",
            out::safe(&args.page)
        )));
    }
    if lines.is_empty() {
        return Err(Failure::nothing(format!(
            "nothing that Dock published on {} says “{}” ({} published edits)\nhint: the page's own history has what \
             people wrote by hand; `dock rows --state all --search 'page:{}'` lists the rows",
            out::safe(&args.page),
            out::safe(&words),
            rows.len(),
            out::safe(&args.page)
        )));
    }
    for line in lines.iter().take(LINES_MAX) {
        if globals.json {
            out::json(&json(&args.page, line, &views));
        } else {
            out::text(&text(&args.page, line, &views, person.now()));
        }
    }
    if lines.len() > LINES_MAX {
        out::remark(&format!("{} more lines say that; more words tell them apart", lines.len() - LINES_MAX));
    }
    Ok(Code::Done)
}

/// A line as it is pasted from a difference or a list, without what marks it there.
fn unmarked(line: &str) -> &str {
    let line = line.trim().trim_start_matches(['+', '-', '*', '•']).trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")) {
        Some(text) if rest.len() < line.len() => text.trim_start(),
        _ => line,
    }
}

/// A page's address has its id in it: Confluence's behind `/pages/`, Notion's at the end, there without its dashes.
fn pages_of(typed: &str) -> Vec<String> {
    let Some((_, path)) = typed.split_once("://") else { return vec![typed.to_owned()] };
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_end_matches('/');
    let id = match path.split_once("/pages/") {
        Some((_, behind)) => behind.split('/').next().unwrap_or(behind),
        None => path.rsplit(['/', '-']).next().unwrap_or(path),
    };
    let mut ids = vec![id.to_owned()];
    if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        ids.push([&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-"));
    }
    ids
}

/// The runbook rows of a page.
fn of_page(ids: Vec<String>) -> Query {
    let term = |key, values| Term { not: false, test: Test::Key(key, values) };
    Query { terms: vec![term(Key::Kind, vec!["runbook".to_owned()]), term(Key::Page, ids)] }
}

async fn published(person: &Person, query: &Query) -> Result<Vec<RowView>, Failure> {
    let api = person.online().await?;
    let mut views = Vec::new();
    for found in in_backend(&api, query, &[]).await? {
        // What is not over was not published; what is over may have failed: its body says.
        if !found.head.state.undecided() {
            views.push(api.row(found.head.id).await?);
        }
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

/// The edit that a row published, with when that was confirmed.
fn of_view(view: &RowView) -> Option<Published<'_>> {
    let at = view.execution.as_ref()?.confirmed_at?;
    match &view.proposal {
        Some(Proposal::Edit(edit)) => Some(Published { row: view.head.id, at, edit }),
        _ => None,
    }
}

/// Who approved the revision that was published.
fn approved(view: &RowView) -> impl Iterator<Item = &DecisionView> {
    let counts = |one: &&DecisionView| {
        one.decision == Decision::Approve && one.void.is_none() && one.revision == view.head.revision
    };
    view.decisions.iter().filter(counts)
}

fn view_of(views: &[RowView], row: RowId) -> Option<&RowView> {
    views.iter().find(|view| view.head.id == row)
}

fn text(page: &str, line: &Told, views: &[RowView], now: Timestamp) -> String {
    let mut lines = vec![format!("{}: “{}”", out::safe(page), out::safe(&line.text))];
    if line.origin().is_none() {
        lines.push("  Dock found it on the page; who wrote it, the page's own history tells".to_owned());
    }
    for touch in &line.touches {
        lines.extend(of_touch(touch, view_of(views, touch.row), now));
    }
    lines.join("\n") + "\n"
}

fn of_touch(touch: &Touch, view: Option<&RowView>, now: Timestamp) -> Vec<String> {
    let did = match touch.deed {
        Deed::Wrote => "put there by",
        Deed::Changed => "changed by",
        Deed::Replaced => "REPLACED by",
        Deed::Deprecated => "marked as DEPRECATED by",
    };
    let mut lines = vec![format!("  {did} {}, published {}", touch.row, out::when(touch.at, now))];
    if matches!(touch.deed, Deed::Changed | Deed::Replaced | Deed::Deprecated) && !touch.line.is_empty() {
        lines.push(format!("    now: {}", out::safe(&touch.line)));
    }
    let Some(view) = view else { return lines };
    if let Some(incident) = &view.head.incident {
        lines.push(format!("    incident {}", out::safe(incident)));
    }
    lines.push(format!("    because: {}", out::safe(&touch.because)));
    lines.push(format!("    drafted by {}", view.head.agent));
    lines.extend(touch.by.iter().map(|by| format!("    in the words of {by}")));
    for one in approved(view) {
        let note = one.note.as_ref().map(|note| format!(": {}", out::safe(note))).unwrap_or_default();
        lines.push(format!("    approved by {} at {}{note}", one.reviewer, out::when(one.made_at, now)));
    }
    lines
}

fn json(page: &str, line: &Told, views: &[RowView]) -> serde_json::Value {
    let touch = |touch: &Touch| {
        let view = view_of(views, touch.row);
        let approved: Vec<_> = view
            .into_iter()
            .flat_map(approved)
            .map(|one| {
                serde_json::json!({"id": one.id, "reviewer": one.reviewer, "at": one.made_at, "note": one.note,
                    "log_index": one.log_index})
            })
            .collect();
        serde_json::json!({"row": touch.row, "published_at": touch.at, "did": touch.deed.word(), "line": touch.line,
            "because": touch.because, "by": touch.by, "incident": view.and_then(|view| view.head.incident.as_ref()),
            "agent": view.map(|view| &view.head.agent), "approved": approved})
    };
    serde_json::json!({"page": page, "line": line.text, "stands": line.stands(),
        "touches": line.touches.iter().map(touch).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::{
            Base, DecisionId, Digest, Draft, Effect, Kind, Touch as Presence,
            base::PageBase,
            page::{Action, Anchor, Block, Edit, Operation, Piece},
        },
        wire::ExecutionView,
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
        let rows: Vec<_> = views.iter().filter_map(of_view).collect();
        told(asked, &rows)
    }

    #[test]
    fn a_step_names_its_row_its_reviewer_its_incident_and_what_came_after() {
        let anchor = "Rotate Redis replica before failover";
        let gone = published("rb-8840", 20, anchor, Action::MarkDeprecated { instead: vec![] });
        let views = [rotate(), gone];
        let found = lines(&views, "rotate redis replica");
        let text = text("CONF-4711", &found[0], &views, sample::at(30));
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
}
