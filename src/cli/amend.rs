//! `dock amend`: a reviewer strikes operations of an edit or sentences of a post-mortem, puts them in other words, answers an
//! open question, adds a sentence, or takes an edit over to a page that moved, before deciding on it.
//!
//! Never: a decision. The change is the reviewer's own; the backend carries it out on the page as it is now, and the revision
//! that it makes is decided on like any other.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    operations, out,
    person::{Person, block_on},
    show,
    timeline::{self, Numbers},
};
use crate::{
    client::home,
    config,
    row::{
        Amendment, Kind, Proposal, RowId,
        page::{Block, markup},
        paper::{self, Paper, SectionChanges},
    },
    wire::RowView,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock amend rb-8822 --strike 2\n  dock amend rb-8822 --strike 1-2 5\n  dock amend rb-8821 --reword 1=step.md\n  \
    dock amend rb-8821 --edit 1          opens $EDITOR on the operation's text\n  \
    dock amend rb-8821 --merge           its page moved, and the edit lies apart from that\n  \
    dock amend pm-31 --strike 4          a sentence; `dock timeline` has the lines\n  \
    dock amend pm-31 --answer 9=\"About 120 customers could not log in.\"\n  \
    dock amend pm-31 --add \"Actions=Page the cache team before the replica is rotated.\""
)]
pub(super) struct Amend {
    /// The row: rb-8821, pm-31.
    row: String,
    /// Operations that are not carried out, or sentences that are not published, by number, or ranges of them: 3, 5-8.
    #[arg(long, value_name = "N", num_args = 1..)]
    strike: Vec<Numbers>,
    /// Sentences that are so, by number; one that was struck stands again.
    #[arg(long, value_name = "N", num_args = 1..)]
    accept: Vec<Numbers>,
    /// Other text for an operation or a sentence: its number, and a file.
    #[arg(long, value_name = "N=FILE")]
    reword: Vec<Reword>,
    /// Edit an operation's or a sentence's text in $EDITOR.
    #[arg(long, value_name = "N", conflicts_with = "reword")]
    edit: Option<usize>,
    /// What answers an open question: its number, and the answer.
    #[arg(long, value_name = "N=TEXT")]
    answer: Vec<Answer>,
    /// A sentence of your own: its section, and the sentence.
    #[arg(long, value_name = "SECTION=TEXT")]
    add: Vec<Own>,
    /// Take the edit over to its page as it is now, where the page moved. What moved right beside an operation asks for that
    /// operation to be struck, or put in other words, along with it; `dock show ROW --diff --since draft` tells.
    #[arg(long)]
    merge: bool,
}

/// `1=step.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reword {
    number: usize,
    file: PathBuf,
}

impl std::str::FromStr for Reword {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no number and file: 1=step.md");
        let (number, file) = text.split_once('=').ok_or_else(wrong)?;
        let number =
            number.parse().ok().filter(|n| (1..=Paper::SENTENCES_MAX).contains(n)).ok_or_else(wrong)?;
        if file.is_empty() { Err(wrong()) } else { Ok(Self { number, file: file.into() }) }
    }
}

/// `9=About 120 customers could not log in.`
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    number: usize,
    text: String,
}

impl std::str::FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no question and answer: 9=About 120 customers could not log in.");
        let (number, said) = text.split_once('=').ok_or_else(wrong)?;
        let number = number.parse().ok().filter(|n| (1..=Paper::SENTENCES_MAX).contains(n));
        Ok(Self { number: number.ok_or_else(wrong)?, text: paper::own_words(said)? })
    }
}

/// `Actions=Page the cache team first.`
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    section: String,
    text: String,
}

impl std::str::FromStr for Own {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no section and sentence: Actions=Page the cache team first.");
        let (section, said) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self { section: section.trim().to_owned(), text: paper::own_words(said)? })
    }
}

impl Amend {
    fn says_nothing(&self) -> bool {
        let of_any = self.strike.is_empty() && self.reword.is_empty() && self.edit.is_none();
        of_any && self.accept.is_empty() && self.answer.is_empty() && self.add.is_empty() && !self.merge
    }
}

pub(super) fn run(globals: &Globals, args: &Amend) -> Outcome {
    let person = Person::open(globals)?;
    block_on(async {
        let row = Person::row_id(&args.row, &person.cache()?)?;
        if args.says_nothing() {
            return list(&person, &person.online().await?.row(row).await?);
        }
        let amendment = match row.kind {
            Kind::Postmortem => of_paper(&person, row, args).await?,
            _ => of_edit(&person, row, args).await?,
        };
        let view = timeline::amend(&person, row, &amendment).await?;
        told(&person, &view);
        Ok(Code::Done)
    })
}

async fn of_edit(person: &Person, row: RowId, args: &Amend) -> Result<Amendment, Failure> {
    if !(args.accept.is_empty() && args.answer.is_empty() && args.add.is_empty()) {
        let why = format!("{row} is no post-mortem: --accept, --answer and --add are for its sentences");
        return Err(Failure::usage(why));
    }
    let mut reword = BTreeMap::new();
    for one in &args.reword {
        reword.insert(one.number, blocks(&read(&one.file)?, &shown(&one.file))?);
    }
    if let Some(number) = args.edit {
        let now = markup::text(&own_blocks(&in_terminal(person, row).await?, number)?);
        reword.insert(number, blocks(&edited(person, &now)?, "your text")?);
    }
    let (strike, merge) = (timeline::numbers(&args.strike).collect(), args.merge);
    Ok(Amendment { strike, reword, merge, ..Amendment::default() })
}

async fn of_paper(person: &Person, row: RowId, args: &Amend) -> Result<Amendment, Failure> {
    if args.merge {
        return Err(Failure::usage(format!("{row} is no edit of a page: there is nothing to merge")));
    }
    let wrong = |what: &str, why: String| Failure::usage(format!("{what}: {why}"));
    let mut words = BTreeMap::new();
    for one in &args.reword {
        let text = paper::own_words(&read(&one.file)?).map_err(|why| wrong(&shown(&one.file), why))?;
        words.insert(one.number, text);
    }
    if let Some(number) = args.edit {
        let now = own_sentence(&in_terminal(person, row).await?, number)?;
        let text = paper::own_words(&edited(person, &format!("{now}\n"))?);
        words.insert(number, text.map_err(|why| wrong("your text", why))?);
    }
    let said = |all: &[Numbers], accepted: bool| -> Vec<(usize, bool)> {
        timeline::numbers(all).map(|number| (number, accepted)).collect()
    };
    let standing = said(&args.accept, true).into_iter().chain(said(&args.strike, false)).collect();
    let answers = args.answer.iter().map(|one| (one.number, one.text.clone())).collect();
    let add = args.add.iter().map(|own| paper::Own { section: own.section.clone(), text: own.text.clone() });
    let sections = SectionChanges { standing, words, answers, add: add.collect() };
    Ok(Amendment { sections, ..Amendment::default() })
}

/// What can be changed, where nothing was said to be.
fn list(person: &Person, view: &RowView) -> Outcome {
    if let Some(Proposal::Paper(paper)) = &view.proposal {
        sentences(person, paper);
        let ways = "--strike N, --accept N, --reword N=FILE, --edit N, --answer N=TEXT or --add SECTION=TEXT";
        return Err(Failure::usage(format!("say what to change: {ways}")));
    }
    let lines = operations::lines(view);
    if lines.is_empty() {
        return Err(no_edit(view));
    }
    lines.iter().for_each(out::line);
    Err(Failure::usage("say what to change: --strike N, --reword N=FILE, --edit N or --merge"))
}

/// The sentences with their numbers.
fn sentences(person: &Person, paper: &Paper) {
    if !person.globals.json {
        out::text(&out::safe_lines(&paper.sections_text()));
        return;
    }
    for (number, section, sentence) in paper.sentences() {
        out::json(&serde_json::json!({"number": number, "section": section.heading, "sentence": sentence,
            "published": paper.tells(sentence)}));
    }
}

fn no_edit(view: &RowView) -> Failure {
    let id = view.head.id;
    Failure::usage(format!("{id} proposes no edit of a page\nhint: `dock timeline {id}` for a post-mortem"))
}

/// The fresh difference, and the word that whoever approves it says.
fn told(person: &Person, view: &RowView) {
    let head = &view.head;
    if person.globals.json {
        let (id, revision, word) = (head.id, head.revision, &head.word);
        out::json(&serde_json::json!({"id": id, "revision": revision, "word": word, "state": head.state,
            "content_sha256": head.content_sha256, "amended_by": view.amended_by, "diff": view.diff}));
        return;
    }
    match &view.proposal {
        // The whole paper is new: what was changed of it is found by the sentences.
        Some(Proposal::Paper(paper)) => out::text(&out::safe_lines(&paper.sections_text())),
        _ => out::text(&out::safe_lines(&show::folded(&view.diff, false))),
    }
    let by: Vec<_> = view.amended_by.iter().map(ToString::to_string).collect();
    out::line(format!("{} r{} · {} · changed by {}", head.id, head.revision, head.word, by.join(", ")));
}

fn shown(file: &Path) -> String {
    out::safe(&file.display().to_string())
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{}: {error}", shown(file))))
}

fn blocks(text: &str, from: &str) -> Result<Vec<Block>, Failure> {
    let blocks = markup::parse(text).map_err(|error| Failure::usage(format!("{from}: {error}")))?;
    if blocks.is_empty() {
        return Err(Failure::usage(format!("{from} is empty\nhint: --strike N leaves an operation out")));
    }
    Ok(blocks)
}

/// The row, for whoever has a terminal to edit in.
async fn in_terminal(person: &Person, row: RowId) -> Result<RowView, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("--edit needs a terminal\nhint: --reword N=FILE"));
    }
    Ok(person.online().await?.row(row).await?)
}

/// The text as the reviewer's editor leaves it.
fn edited(person: &Person, text: &str) -> Result<String, Failure> {
    let editor =
        ["VISUAL", "EDITOR"].into_iter().find_map(config::environment).unwrap_or_else(|| "vi".into());
    let file = person.home.state_folder()?.join(format!("amend-{}.md", std::process::id()));
    home::write_private(&file, text.as_bytes())?;
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or("vi")).args(words).arg(&file).status();
    let left = read(&file);
    let _ = std::fs::remove_file(&file);
    match status {
        Ok(status) if !status.success() => {
            Err(Failure::failed(format!("{editor} ended with {status}; nothing was changed")))
        }
        Err(error) => Err(Failure::failed(format!("{editor} cannot be started: {error}\nhint: set EDITOR"))),
        Ok(_) if left.as_ref().is_ok_and(|left| left == text) => {
            Err(Failure::usage("the text is as it was; nothing was changed"))
        }
        Ok(_) => left,
    }
}

fn own_sentence(view: &RowView, number: usize) -> Result<String, Failure> {
    let Some(Proposal::Paper(paper)) = &view.proposal else { return Err(no_edit(view)) };
    let sentence = paper.sentence(number).map(|(_, sentence)| sentence.text.clone());
    let count = paper.sentences().count();
    sentence
        .ok_or_else(|| Failure::usage(format!("there is no sentence {number}; the sections have {count}")))
}

/// What an operation writes.
fn own_blocks(view: &RowView, number: usize) -> Result<Vec<Block>, Failure> {
    let Some(Proposal::Edit(edit)) = &view.proposal else { return Err(no_edit(view)) };
    let operation = number.checked_sub(1).and_then(|at| edit.operations.get(at));
    let operation = operation.ok_or_else(|| {
        Failure::usage(format!("there is no operation {number}; it has {}", edit.operations.len()))
    })?;
    Ok(operation.written())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_and_its_file() {
        let read = |text: &str| text.parse::<Reword>().ok().map(|one| (one.number, one.file));
        assert_eq!(read("1=step.md"), Some((1, "step.md".into())));
        assert_eq!(read("2=a=b"), Some((2, "a=b".into())));
        for wrong in ["0=a", "1001=a", "a", "1=", "=a", "x=a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_question_and_its_answer_a_section_and_its_sentence() {
        let answer = |text: &str| text.parse::<Answer>().ok().map(|one| (one.number, one.text));
        assert_eq!(answer("9= About 120 = many "), Some((9, "About 120 = many".to_owned())));
        for wrong in ["0=a", "9", "9= ", "x=a"] {
            assert_eq!(answer(wrong), None, "{wrong}");
        }
        let own = |text: &str| text.parse::<Own>().ok().map(|one| (one.section, one.text));
        assert_eq!(
            own("What helped = The pager."),
            Some(("What helped".to_owned(), "The pager.".to_owned()))
        );
        assert_eq!((own("Actions"), own("Actions=")), (None, None));
    }
}
