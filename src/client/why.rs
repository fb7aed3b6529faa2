//! Why a line stands on a page: from the line to the rows that put it there, their reviewers and their incident.
//!
//! Never: an answer that no published row gives. A line that somebody wrote by hand has none, and that is said.

use jiff::Timestamp;

use crate::{
    row::{
        Decision, Kind, Proposal, RowId, difference,
        page::origin::{Deed, Published, Told, Touch, of_line, told},
        paper::{Paper, Standing},
        search::{Key, Query, Term, Test, words},
    },
    wire::{DecisionView, RowView},
};

/// A line of an answer, and the row that it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub text: String,
    pub row: Option<RowId>,
}

/// What is asked about a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Words of the line.
    Words(&'a str),
    /// `step 4`, with words of the heading above it where there are several.
    Step { number: u32, under: &'a str },
}

impl<'a> Asked<'a> {
    pub fn read(words: &'a str) -> Self {
        let words = words.trim();
        let step = || {
            let (first, rest) = words.split_once(char::is_whitespace)?;
            let rest = rest.trim_start();
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let under = &rest[digits..];
            let apart = under.is_empty() || under.starts_with(char::is_whitespace);
            let number =
                rest[..digits].parse().ok().filter(|_| apart && first.eq_ignore_ascii_case("step"))?;
            Some(Self::Step { number, under: under.trim_start_matches(" under ").trim() })
        };
        step().unwrap_or_else(|| Self::Words(unmarked(words)))
    }
}

/// A line as it is pasted from a difference or a list, without what marks it there.
pub fn unmarked(line: &str) -> &str {
    let line = line.trim().trim_start_matches(['+', '-', '*', '•']).trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    match rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")) {
        Some(text) if rest.len() < line.len() => text.trim_start(),
        _ => line,
    }
}

/// A page's address has its id in it: Confluence's behind `/pages/`, Notion's at the end, there without its dashes.
pub fn pages_of(typed: &str) -> Vec<String> {
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
pub fn of_page(ids: Vec<String>) -> Query {
    Query { terms: vec![term(Key::Kind, "runbook"), Term { not: false, test: Test::Key(Key::Page, ids) }] }
}

/// All post-mortems: which of them is meant, [`is_paper`] tells.
pub fn of_papers() -> Query {
    Query { terms: vec![term(Key::Kind, "postmortem")] }
}

fn term(key: Key, value: &str) -> Term {
    Term { not: false, test: Test::Key(key, vec![value.to_owned()]) }
}

/// The row is the post-mortem that somebody typed the id, the incident, the title or the published page of.
pub fn is_paper(view: &RowView, typed: &str) -> bool {
    let same = |own: &str| own.eq_ignore_ascii_case(typed.trim());
    let page = || {
        let url = typed.contains("://");
        let shown = view.outcome.as_ref().map(|outcome| outcome.detail.as_str()).unwrap_or_default();
        url && pages_of(typed).iter().any(|id| id.len() > 3 && shown.contains(id.as_str()))
    };
    let titled = || {
        let Some(Proposal::Paper(paper)) = &view.proposal else { return false };
        let (title, asked): (Vec<String>, Vec<String>) =
            (words(&paper.title).collect(), words(typed).collect());
        asked.len() > 1 && title.windows(asked.len()).any(|at| at == asked)
    };
    view.head.kind == Kind::Postmortem
        && (same(&view.head.id.to_string())
            || view.head.incident.as_deref().is_some_and(same)
            || same(&view.head.title)
            || titled()
            || page())
}

/// Where the page is said as it is in words, and since when: what the newest row about it published, or was read against.
pub fn page_text(views: &[RowView]) -> Option<(Timestamp, String)> {
    let side = |view: &RowView| {
        let Some(Proposal::Edit(_)) = &view.proposal else { return None };
        let file = difference::read(&view.diff).into_iter().next()?;
        let published = view.execution.as_ref().and_then(|execution| execution.confirmed_at);
        Some(published.map_or((view.read_at, file.old), |at| (at, file.new)))
    };
    views.iter().filter_map(side).max_by_key(|(at, _)| *at)
}

/// The edit that a row published, with when that was confirmed.
pub fn of_view(view: &RowView) -> Option<Published<'_>> {
    let at = view.execution.as_ref()?.confirmed_at?;
    match &view.proposal {
        Some(Proposal::Edit(edit)) => Some(Published { row: view.head.id, at, edit }),
        _ => None,
    }
}

/// Who approved the revision that was published.
pub fn approved(view: &RowView) -> impl Iterator<Item = &DecisionView> {
    let counts = |one: &&DecisionView| {
        one.decision == Decision::Approve && one.void.is_none() && one.revision == view.head.revision
    };
    view.decisions.iter().filter(counts)
}

pub fn view_of(views: &[RowView], row: RowId) -> Option<&RowView> {
    views.iter().find(|view| view.head.id == row)
}

/// What rows did to the lines that say this.
pub fn of_words(asked: &str, views: &[RowView]) -> Vec<Told> {
    let rows: Vec<Published<'_>> = views.iter().filter_map(of_view).collect();
    told(asked, &rows)
}

/// What rows did to a line as the page shows it.
pub fn of_shown(line: &str, views: &[RowView]) -> Option<Told> {
    let rows: Vec<Published<'_>> = views.iter().filter_map(of_view).collect();
    of_line(unmarked(line), &rows)
}

/// An answer in lines; `when` says a time as the reader's clock does.
pub fn lines(line: &Told, views: &[RowView], when: &dyn Fn(Timestamp) -> String) -> Vec<Said> {
    let mut lines = vec![plain(format!("“{}”", line.text))];
    if line.origin().is_none() {
        lines.push(plain(
            "  Dock found it on the page; who wrote it, the page's own history tells".to_owned(),
        ));
    }
    for touch in &line.touches {
        let said = of_touch(touch, view_of(views, touch.row), when);
        lines.extend(said.into_iter().map(|text| Said { text, row: Some(touch.row) }));
    }
    lines
}

fn plain(text: String) -> Said {
    Said { text, row: None }
}

fn of_touch(touch: &Touch, view: Option<&RowView>, when: &dyn Fn(Timestamp) -> String) -> Vec<String> {
    let did = match touch.deed {
        Deed::Wrote => "put there by",
        Deed::Changed => "changed by",
        Deed::Replaced => "REPLACED by",
        Deed::Deprecated => "marked as DEPRECATED by",
    };
    let mut lines = vec![format!("  {did} {}, published {}", touch.row, when(touch.at))];
    if matches!(touch.deed, Deed::Changed | Deed::Replaced | Deed::Deprecated) && !touch.line.is_empty() {
        lines.push(format!("    now: {}", touch.line));
    }
    let Some(view) = view else { return lines };
    if let Some(incident) = &view.head.incident {
        lines.push(format!("    incident {incident}"));
    }
    match &touch.by {
        // What the agent gave as its reason was its reason for other words.
        Some(by) if touch.deed == Deed::Wrote => {
            lines.push(format!("    because: {by} wrote these words before it was approved"));
            lines.push(format!("    over what {} drafted, because: {}", view.head.agent, touch.because));
        }
        by => {
            lines.push(format!("    because: {}", touch.because));
            lines.push(format!("    drafted by {}", view.head.agent));
            lines.extend(by.iter().map(|by| format!("    in the words of {by}")));
        }
    }
    lines.extend(approvals(view, when));
    lines
}

fn approvals<'a>(
    view: &'a RowView,
    when: &'a dyn Fn(Timestamp) -> String,
) -> impl Iterator<Item = String> + 'a {
    approved(view).map(move |one| {
        let note = one.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("    approved by {} at {}{note}", one.reviewer, when(one.made_at))
    })
}

/// A line of a post-mortem that has these words, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfPaper {
    /// `Timeline`, or the section's heading.
    pub under: String,
    pub text: String,
    /// What it rests on, and who said so of it.
    pub rests_on: Vec<String>,
}

/// The lines of a paper that have all of these words, each at least begun.
pub fn of_paper(paper: &Paper, asked: &str) -> Vec<OfPaper> {
    let asked: Vec<String> = words(asked).collect();
    let says = |text: &str| {
        let has: Vec<String> = words(text).collect();
        !asked.is_empty() && asked.iter().all(|word| has.iter().any(|one| one.starts_with(word.as_str())))
    };
    let mut found = Vec::new();
    for section in &paper.sections {
        for sentence in section.sentences.iter().filter(|sentence| says(&sentence.text)) {
            // What the agent's words rested on is no ground of a reviewer's.
            let over = sentence.words.as_ref().and_then(|words| words.was.as_ref());
            let over = over.map(|was| format!(", over “{was}”, which rested on ")).unwrap_or_default();
            let rests_on = sentence.pointers.iter().map(|pointer| {
                let told = format!("{} {} {}", pointer.platform, pointer.reference, pointer.url);
                told.trim().to_owned()
            });
            let said = sentence.said();
            let rests_on = match (said.is_empty(), over.is_empty()) {
                (false, false) => {
                    let on: Vec<String> = rests_on.collect();
                    vec![
                        format!("{said}{over}{}", on.join("; "))
                            .trim_end_matches(", which rested on ")
                            .to_owned(),
                    ]
                }
                (is_unsaid, _) => rests_on.chain((!is_unsaid).then_some(said)).collect(),
            };
            let (under, text) = (section.heading.clone(), sentence.text.clone());
            found.push(OfPaper { under, text, rests_on });
        }
    }
    for line in paper.timeline.iter().filter(|line| says(&line.text)) {
        let pointer = line.pointer.as_ref().map(|pointer| format!(" {} {}", pointer.reference, pointer.url));
        let mut rests_on = vec![format!("{}{}", line.source, pointer.unwrap_or_default()).trim().to_owned()];
        if line.standing != Standing::Proposed {
            let by = line.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            rests_on.push(format!("{}{by}", line.standing.word()));
        }
        found.push(OfPaper { under: format!("Timeline, {}", line.at), text: line.text.clone(), rests_on });
    }
    found
}

/// Such a line in lines to read, with the row that it is of.
pub fn paper_lines(line: &OfPaper, view: &RowView, when: &dyn Fn(Timestamp) -> String) -> Vec<Said> {
    let row = Some(view.head.id);
    let mut lines = vec![format!("“{}”", line.text), format!("  in {}, {}", view.head.id, line.under)];
    lines.extend(line.rests_on.iter().map(|on| format!("    rests on: {on}")));
    if line.rests_on.is_empty() {
        lines.push("    rests on nothing: it is an open question".to_owned());
    }
    lines.extend(view.head.incident.iter().map(|incident| format!("    incident {incident}")));
    lines.push(format!("    drafted by {}", view.head.agent));
    let published = view.execution.as_ref().and_then(|execution| execution.confirmed_at);
    lines.extend(approvals(view, when));
    lines.push(match published {
        Some(at) => format!("    published {}", when(at)),
        None => format!("    NOT published: the row is {}", view.head.state),
    });
    lines.into_iter().map(|text| Said { text, row }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::sample,
        row::{
            Pointer,
            paper::{Section, Sentence, Words, tests as example},
        },
    };

    fn touch(deed: Deed, by: Option<&str>) -> Touch {
        Touch {
            row: "rb-8821".parse().unwrap(),
            at: sample::at(60),
            deed,
            line: "Wait for the replica.".to_owned(),
            because: "priya said so at 02:41 UTC: “rotate it”".to_owned(),
            by: by.map(|by| by.parse().unwrap()),
        }
    }

    #[test]
    fn a_reviewers_words_stand_there_because_the_reviewer_wrote_them() {
        let view = sample::view("rb-8821", 2, sample::draft());
        let said = |deed, by| of_touch(&touch(deed, by), Some(&view), &|at| at.to_string()).join("\n");
        let theirs = said(Deed::Wrote, Some("sarah"));
        assert!(theirs.contains("    because: sarah wrote these words before it was approved"), "{theirs}");
        assert!(theirs.contains("    over what argus drafted, because: priya said so"), "{theirs}");
        let agents = said(Deed::Wrote, None);
        assert!(agents.contains("    because: priya said so") && !agents.contains("wrote these"), "{agents}");
        // That a line was struck out is the agent's reason still, whoever worded what stands beside it.
        let struck = said(Deed::Deprecated, Some("sarah"));
        assert!(struck.contains("    because: priya said so") && struck.contains("in the words of sarah"));
    }

    #[test]
    fn what_a_reviewer_worded_in_a_paper_does_not_rest_on_what_the_agent_read() {
        let pointer = |reference: &str| Pointer {
            name: "slack_message".to_owned(),
            platform: "slack".to_owned(),
            reference: reference.to_owned(),
            url: String::new(),
        };
        let mut worded = Sentence::of("The cache was cold for an hour.", vec![pointer("p1")]);
        let was = Some("Something was cold.".to_owned());
        worded.words = Some(Words { by: "sarah".parse().unwrap(), was });
        let drafted = Sentence::of("The cache came back.", vec![pointer("p2")]);
        let section = Section { heading: "Impact".to_owned(), sentences: vec![worded, drafted] };
        let paper = Paper { sections: vec![section], timeline: vec![], ..example::paper() };
        let on = |asked| of_paper(&paper, asked).remove(0).rests_on;
        assert_eq!(
            on("cold hour"),
            ["worded by sarah, over “Something was cold.”, which rested on slack p1"]
        );
        assert_eq!(on("came back"), ["slack p2"]);
    }
}
