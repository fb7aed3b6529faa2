//! `dock audit`: packs that prove a part of the record to a stranger, and what this home knows of it.
//!
//! Never: the network while verifying; a pack written over something that is there.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    rows::since,
};
use crate::{
    audit::{
        authority,
        merkle::Hash,
        note::{self, VerifierKey},
        pack::{self, PackError, Source},
        proof,
        verify::{self, Options, Report, Severity},
    },
    client::outbox::Head,
    row::{Digest, RowId},
    wire::EvidenceParts,
};

mod folder;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dock audit export --out pack\n  dock audit export sync-8821 --out sync-8821.tar\n  \
    dock audit verify pack --log-key example.com/dock+1a2b3c4d+AQ…\n  dock audit checkpoint"
)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AuditCommand {
    /// Write an evidence pack: a folder, or a .tar.
    Export(Export),
    /// Check a pack, with no network and no server.
    Verify(Verify),
    /// An entry of the record, or the newest ones.
    Show {
        /// Its number.
        index: Option<u64>,
    },
    /// The newest head that was verified here.
    Checkpoint,
}

#[derive(Debug, clap::Args)]
struct Export {
    /// All of this row; without one, everything.
    row: Option<RowId>,
    /// From then on: 24h, 7d, or a time.
    #[arg(long, value_name = "TIME", conflicts_with = "row")]
    since: Option<String>,
    /// Until then.
    #[arg(long, value_name = "TIME", conflicts_with = "row")]
    until: Option<String>,
    /// A folder that is not there yet, or a file that ends with .tar.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Verify {
    pack: PathBuf,
    /// The log's verifier key, from somewhere else than the pack.
    #[arg(long, value_name = "VKEY")]
    log_key: Option<String>,
    /// Public keys that the first administrator's must be among, one a line.
    #[arg(long, value_name = "FILE")]
    admins: Option<PathBuf>,
    /// A checkpoint that you kept.
    #[arg(long, value_name = "FILE")]
    trusted_checkpoint: Option<PathBuf>,
    /// Heads seen elsewhere, one a line, as the platforms' tags carry them.
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
}

pub(super) fn run(globals: &Globals, args: &Audit) -> Outcome {
    match &args.command {
        AuditCommand::Verify(args) => verify(globals, args),
        AuditCommand::Export(args) => export(globals, args),
        AuditCommand::Show { index } => show(globals, *index),
        AuditCommand::Checkpoint => checkpoint(globals),
    }
}

fn export(globals: &Globals, args: &Export) -> Outcome {
    folder::free(&args.out)?;
    let person = Person::open(globals)?;
    block_on(async {
        let now = person.now();
        let time = |text: &Option<String>| text.as_deref().map(|text| since(text, now)).transpose();
        let mut query = Vec::new();
        let what = match (&args.row, time(&args.since)?, time(&args.until)?) {
            (Some(row), _, _) => {
                query.push(("row", row.to_string()));
                format!("All of {row}")
            }
            (None, None, None) => "The whole record".to_owned(),
            (None, from, until) => {
                query.extend(from.map(|at| ("since", at.to_string())));
                query.extend(until.map(|at| ("until", at.to_string())));
                let word =
                    |at: Option<jiff::Timestamp>, none: &str| at.map_or(none.to_owned(), |at| at.to_string());
                format!("The record from {} to {}", word(from, "its beginning"), word(until, "its end"))
            }
        };
        let parts = match person.online().await?.evidence(&query).await {
            Err(error) if error.signed_out() => person.sign_in().await?.evidence(&query).await?,
            other => other?,
        };
        let files = assemble(&what, &parts)?;
        folder::write(&args.out, &files)?;
        if globals.json {
            out::json(&json!({"out": args.out, "files": files.len(), "entries": parts.entries.len()}));
        } else {
            out::line(format!(
                "{what}: {}, {} in {}.",
                out::plural(parts.entries.len(), "entry", "entries"),
                out::plural(files.len(), "file", "files"),
                args.out.display()
            ));
        }
        Ok(Code::Done)
    })
}

/// The server's parts as the files of a pack. Nothing of it is believed here: `verify` does not, either.
fn assemble(what: &str, parts: &EvidenceParts) -> Result<pack::Files, Failure> {
    let garbage = |why: &str| Failure::failed(format!("the server's evidence cannot be read: {why}"));
    let log_key: VerifierKey = parts.log_key.trim().parse().map_err(|_| garbage("its log key"))?;
    let leaves: Vec<_> =
        parts.entries.iter().map(|entry| (entry.index, entry.leaf.clone().into_bytes())).collect();
    let mut blobs = BTreeMap::new();
    for (digest, text) in &parts.blobs {
        let digest: Digest = digest.parse().map_err(|_| garbage("a blob's digest"))?;
        blobs.insert(digest, STANDARD.decode(text).map_err(|_| garbage("a blob"))?);
    }
    let proofs: BTreeMap<u64, &Vec<String>> =
        parts.entries.iter().map(|entry| (entry.index, &entry.proof)).collect();
    let source =
        Source { what, leaves: &leaves, checkpoint: &parts.checkpoint, log_key: &log_key, blobs: &blobs };
    let inclusion =
        |index: u64| hashes(proofs.get(&index).copied()).ok_or(format!("no proof of entry {index}"));
    let consistency =
        |size: u64| hashes(parts.consistency.get(&size)).ok_or(format!("no proof from size {size}"));
    pack::assemble(&source, inclusion, consistency).map_err(|error| match error {
        PackError::Tree(why) => garbage(&why),
        other => garbage(&other.to_string()),
    })
}

fn hashes(lines: Option<&Vec<String>>) -> Option<Vec<Hash>> {
    let mut text = lines?.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    proof::parse_hash_lines(text.as_bytes()).ok()
}

fn verify(globals: &Globals, args: &Verify) -> Outcome {
    let options = match options(args) {
        Ok(options) => options,
        Err(why) => return Err(Failure::new(Code::Unchecked, why)),
    };
    let files = folder::Pack::open(&args.pack).map_err(|why| Failure::new(Code::Unchecked, why))?;
    let report = verify::verify(&files, &options);
    if globals.json {
        tell_json(&report);
    } else {
        tell(&report);
    }
    match report.worst() {
        None => Ok(Code::Done),
        Some(Severity::Unchecked) => Err(Failure::new(Code::Unchecked, "")),
        Some(Severity::Disproved) => Err(Failure::new(Code::Failed, "")),
    }
}

fn options(args: &Verify) -> Result<Options, String> {
    let read = |file: &Path| fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
    let text =
        |file: &Path| String::from_utf8(read(file)?).map_err(|_| format!("{} is not UTF-8", file.display()));
    let admins = args.admins.as_deref().map(|file| {
        authority::parse_admins(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))
    });
    let log_key =
        args.log_key.as_deref().map(|key| key.trim().parse().map_err(|error| format!("--log-key: {error}")));
    Ok(Options {
        log_key: log_key.transpose()?,
        admins: admins.transpose()?,
        trusted_checkpoint: args.trusted_checkpoint.as_deref().map(read).transpose()?,
        anchors: args.anchors.as_deref().map(text).transpose()?,
    })
}

fn tell(report: &Report) {
    let sentences = |title: &str, items: &[String]| {
        if !items.is_empty() {
            out::line(title);
            for item in items {
                out::line(format!("  {}", out::safe(item)));
            }
        }
    };
    sentences("Proved:", &report.proved);
    sentences("Not proved, by this pack or by any:", &report.unproved);
    let words = |severity| if severity == Severity::Disproved { "NOT TRUE" } else { "could not be checked" };
    for problem in &report.problems {
        out::line(format!(
            "{}: {}: {}",
            words(problem.severity),
            out::safe(&problem.place),
            out::safe(&problem.text)
        ));
    }
    if report.more_problems > 0 {
        out::line(format!("and {} problems more", report.more_problems));
    }
    out::line(match report.worst() {
        None => "The pack holds.",
        Some(Severity::Unchecked) => "Something could not be checked.",
        Some(Severity::Disproved) => "The pack does NOT hold.",
    });
}

fn tell_json(report: &Report) {
    let problems = report.problems.iter().map(|problem| {
        let severity = if problem.severity == Severity::Disproved { "disproved" } else { "unchecked" };
        json!({"severity": severity, "place": problem.place, "text": problem.text})
    });
    let counts = report.counts;
    out::json(&json!({
        "holds": report.worst().is_none(), "proved": report.proved, "unproved": report.unproved,
        "problems": problems.collect::<Vec<_>>(), "more_problems": report.more_problems,
        "counts": {"size": counts.size, "entries": counts.entries, "decisions": counts.decisions,
            "executions": counts.executions, "blobs": counts.blobs, "signatures": counts.signatures},
    }));
}

/// Entries as the server has them; the proof of an entry is in a pack.
fn show(globals: &Globals, index: Option<u64>) -> Outcome {
    const NEWEST: usize = 20;
    let person = Person::open(globals)?;
    block_on(async {
        let api = person.online().await?;
        let parts = match api.evidence(&[]).await {
            Err(error) if error.signed_out() => person.sign_in().await?.evidence(&[]).await?,
            other => other?,
        };
        let from = parts.entries.len().saturating_sub(NEWEST);
        let wanted: Vec<_> = match index {
            Some(index) => parts.entries.iter().filter(|entry| entry.index == index).collect(),
            None => parts.entries.iter().skip(from).collect(),
        };
        if wanted.is_empty() {
            return Err(Failure::nothing("the record has no such entry"));
        }
        for entry in wanted {
            if globals.json {
                let leaf: serde_json::Value = serde_json::from_str(&entry.leaf).unwrap_or_default();
                out::json(&json!({"index": entry.index, "leaf": leaf}));
            } else {
                out::exact(&format!("{:>6}  {}\n", entry.index, out::safe(&entry.leaf)));
            }
        }
        Ok(Code::Done)
    })
}

fn checkpoint(globals: &Globals) -> Outcome {
    let person = Person::open(globals)?;
    let outbox = person.outbox()?;
    let head = outbox
        .head()?
        .ok_or_else(|| Failure::nothing("no head was verified here yet\nhint: `dock sync --once`"))?;
    let broken = outbox.broken()?;
    if globals.json {
        out::json(&json!({"verified": head_json(&head), "broken": broken.as_ref().map(head_json)}));
    } else {
        out::exact(&out::safe_lines(&head.note));
        if let Some(broken) = &broken {
            out::warn(
                "RECORD BROKEN: this head was given and not proved to extend the one above",
                globals.color,
            );
            out::exact(&out::safe_lines(&broken.note));
        }
    }
    if broken.is_some() { Err(Failure::failed("")) } else { Ok(Code::Done) }
}

fn head_json(head: &Head) -> serde_json::Value {
    let root = note::read_unchecked(head.note.as_bytes()).map(|checkpoint| Digest(checkpoint.root)).ok();
    json!({"origin": head.origin, "epoch": head.epoch, "size": head.size, "root": root, "at": head.at, "note": head.note})
}
