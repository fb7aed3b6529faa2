//! `dock amend`: a reviewer strikes operations of an edit, puts them in other words, or takes the edit over to a page that
//! moved, before deciding on it.
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
    timeline,
};
use crate::{
    client::home,
    config,
    row::{
        Amendment, Proposal, RowId,
        page::{Block, Edit, markup},
    },
    wire::RowView,
};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock amend rb-8822 --strike 2\n  dock amend rb-8821 --reword 1=step.md\n  \
    dock amend rb-8821 --edit 1          opens $EDITOR on the operation's text\n  \
    dock amend rb-8821 --merge           its page moved, and the edit lies apart from that"
)]
pub(super) struct Amend {
    /// The row: rb-8821.
    row: String,
    /// Operations that are not carried out, by number.
    #[arg(long, value_name = "N", num_args = 1..)]
    strike: Vec<usize>,
    /// Other text for an operation: its number, and a file.
    #[arg(long, value_name = "N=FILE")]
    reword: Vec<Reword>,
    /// Edit an operation's text in $EDITOR.
    #[arg(long, value_name = "N", conflicts_with = "reword")]
    edit: Option<usize>,
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
        let wrong = || format!("`{text}` is no operation and file: 1=step.md");
        let (number, file) = text.split_once('=').ok_or_else(wrong)?;
        let number =
            number.parse().ok().filter(|n| (1..=Edit::OPERATIONS_MAX).contains(n)).ok_or_else(wrong)?;
        if file.is_empty() { Err(wrong()) } else { Ok(Self { number, file: file.into() }) }
    }
}

pub(super) fn run(globals: &Globals, args: &Amend) -> Outcome {
    let mut reword = BTreeMap::new();
    for one in &args.reword {
        reword.insert(one.number, blocks(&one.file)?);
    }
    let person = Person::open(globals)?;
    block_on(async {
        let row = Person::row_id(&args.row, &person.cache()?)?;
        if args.strike.is_empty() && reword.is_empty() && args.edit.is_none() && !args.merge {
            return list(&person.online().await?.row(row).await?);
        }
        if let Some(number) = args.edit {
            reword.insert(number, edited(&person, row, number).await?);
        }
        let (strike, merge) = (args.strike.clone(), args.merge);
        let amendment = Amendment { strike, reword, merge, ..Amendment::default() };
        let view = timeline::amend(&person, row, &amendment).await?;
        told(&person, &view);
        Ok(Code::Done)
    })
}

/// What can be changed, where nothing was said to be.
fn list(view: &RowView) -> Outcome {
    let lines = operations::lines(view);
    if lines.is_empty() {
        return Err(no_edit(view));
    }
    out::lines(lines.into_iter());
    Err(Failure::usage("say what to change: --strike N, --reword N=FILE, --edit N or --merge"))
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
    out::text(&out::safe_lines(&view.diff));
    let by: Vec<_> = view.amended_by.iter().map(ToString::to_string).collect();
    out::line(format!("{} r{} · {} · changed by {}", head.id, head.revision, head.word, by.join(", ")));
}

fn blocks(file: &Path) -> Result<Vec<Block>, Failure> {
    let shown = out::safe(&file.display().to_string());
    let text = std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    let blocks = markup::parse(&text).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    if blocks.is_empty() {
        return Err(Failure::usage(format!("{shown} is empty\nhint: --strike N leaves an operation out")));
    }
    Ok(blocks)
}

/// The operation's blocks, as the reviewer's editor leaves them.
async fn edited(person: &Person, row: RowId, number: usize) -> Result<Vec<Block>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("--edit needs a terminal\nhint: --reword N=FILE"));
    }
    let view = person.online().await?.row(row).await?;
    let text = markup::text(&own_blocks(&view, number)?);
    let editor =
        ["VISUAL", "EDITOR"].into_iter().find_map(config::environment).unwrap_or_else(|| "vi".into());
    let file = person.home.state_folder()?.join(format!("amend-{}.md", std::process::id()));
    home::write_private(&file, text.as_bytes())?;
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or("vi")).args(words).arg(&file).status();
    let read = blocks(&file);
    let unchanged = std::fs::read_to_string(&file).is_ok_and(|now| now == text);
    let _ = std::fs::remove_file(&file);
    match status {
        Ok(status) if !status.success() => {
            Err(Failure::failed(format!("{editor} ended with {status}; nothing was changed")))
        }
        Err(error) => Err(Failure::failed(format!("{editor} cannot be started: {error}\nhint: set EDITOR"))),
        Ok(_) if unchanged => Err(Failure::usage("the text is as it was; nothing was changed")),
        Ok(_) => read,
    }
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
        for wrong in ["0=a", "65=a", "a", "1=", "=a", "x=a"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
