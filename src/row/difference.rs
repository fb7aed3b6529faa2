//! The difference as one text: a unified diff that carries every line of both sides.
//!
//! Never: cut. Screens fold what is the same; the bytes that are signed hold it all.

use similar::{Algorithm, TextDiff};

use super::{
    gate::{self, FieldChange},
    page, paper,
    sync::{Reading, settled},
    yaml,
};

/// Both sides of one file, read back from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// `ConfigMap/checkout-flags`.
    pub name: String,
    pub old: String,
    pub new: String,
}

/// Live against git, resource by resource, in the order of the base.
pub fn of_sync(reading: &Reading) -> String {
    let side = |json: &Option<serde_json::Value>| {
        json.as_ref().map(settled).map(|json| yaml::text(&json)).unwrap_or_default()
    };
    let files = reading.touched().into_iter().map(|resource| FileDifference {
        name: format!("{}/{}", resource.key.kind, resource.key.name),
        old: side(&resource.live),
        new: side(&resource.predicted),
    });
    write(&files.collect::<Vec<_>>(), "live", "git")
}

/// In the place of a plan that could not be read.
pub const PLAN_UNKNOWN: &str = "plan unknown";
/// Before a plan that is shown and would not be applied.
pub const PLAN_OVERTAKEN: &str = "plan overtaken";

/// What the run brings against what is deployed: the plan's resources first, then the commits, then the files' patches.
pub fn of_gate(reading: &gate::Reading) -> String {
    let mut files: Vec<FileDifference> = Vec::new();
    let note = |name: &str, new: String| FileDifference { name: name.to_owned(), old: String::new(), new };
    // Why it could not be read is not in it: who reads at another time is told another reason.
    if matches!(reading.plan, gate::Told::Unknown(_)) {
        files.push(note(PLAN_UNKNOWN, "what Terraform would change could not be read\n".to_owned()));
    }
    if let Some(newer) = &reading.overtaken {
        files.push(note(PLAN_OVERTAKEN, format!("{newer} took its place: it would not be applied\n")));
    }
    for change in reading.plan.known().map(|plan| plan.changes.as_slice()).unwrap_or_default() {
        let marked = if change.privileges() { ", IAM" } else { "" };
        let old = fields(&change.fields, |field| field.before.as_deref());
        let mut new = fields(&change.fields, |field| field.after.as_deref());
        if old == new {
            // A resource that the plan touches never goes unseen.
            new.push_str("the plan shows no field\n");
        }
        files.push(FileDifference {
            name: format!("{} ({}{marked})", change.address, change.action.word()),
            old,
            new,
        });
    }
    if let Some(changes) = reading.changes.known() {
        let commit = |commit: &gate::Commit| {
            format!("{} {} ({})\n", short(&commit.sha), commit.subject, commit.author)
        };
        let new: String = changes.commits.iter().map(commit).collect();
        let name = format!("commits since {}", short(&changes.since));
        files.push(FileDifference { name, old: String::new(), new });
        files.extend(changes.files.iter().map(|file| {
            let (old, new) = sides(file);
            FileDifference { name: format!("{} ({})", file.path, file.status), old, new }
        }));
        if !changes.complete {
            let new = "more files changed than GitHub lists\n".to_owned();
            files.push(FileDifference { name: "not shown".to_owned(), old: String::new(), new });
        }
    }
    files.retain(|file| file.old != file.new);
    write(&files, "deployed", &format!("run {}", reading.run.id))
}

/// The page as it would be against the page as it is; of a live runbook, its steps with what the system says.
pub fn of_page(reading: &page::Reading) -> String {
    let name = reading.name.clone();
    if let page::Proposed::Live(live) = &reading.proposed {
        return write(&[FileDifference { name, old: String::new(), new: live.text() }], "page", "live");
    }
    if reading.only_tells() {
        return String::new();
    }
    let side = |body: &page::Body| page::outline::text(body).unwrap_or_else(|why| format!("{why}\n"));
    let old = side(&reading.page.body);
    let new = match reading.next() {
        Some(Ok(next)) => side(&next),
        // Somebody who looks is told; it is no draft's difference, since nothing is there to decide.
        Some(Err(why)) => format!("{old}\nThe edit does not fit the page as it is now: {why}\n"),
        None => return String::new(),
    };
    let file = FileDifference { name, old, new };
    write(&[file], "page", "edit")
}

/// The whole paper: nothing of it stands anywhere yet.
pub fn of_paper(reading: &paper::Reading) -> String {
    let Some(paper) = &reading.paper else { return String::new() };
    let new = page::outline::text(&paper.body()).unwrap_or_else(|why| format!("{why}\n"));
    write(&[FileDifference { name: paper.title.clone(), old: String::new(), new }], "none", "paper")
}

fn fields<'a>(fields: &'a [FieldChange], side: impl Fn(&'a FieldChange) -> Option<&'a str>) -> String {
    let line = |field: &'a FieldChange| side(field).map(|value| format!("{}: {value}\n", field.name));
    fields.iter().filter_map(line).collect()
}

/// Both sides of a patch's hunks; their headers stand on both. A file without a patch says how much changed.
fn sides(file: &gate::File) -> (String, String) {
    let Some(patch) = &file.patch else {
        let (added, removed) = (file.added, file.removed);
        let said = format!("GitHub shows no text of it: {added} lines added, {removed} removed\n");
        return (String::new(), said);
    };
    let (mut old, mut new) = (String::new(), String::new());
    for line in patch.lines().filter(|line| !line.starts_with('\\')) {
        let (mark, rest) = line.split_at_checked(1).unwrap_or(("", ""));
        let text = if mark == "@" { line } else { rest };
        if mark != "+" {
            old.push_str(&format!("{text}\n"));
        }
        if mark != "-" {
            new.push_str(&format!("{text}\n"));
        }
    }
    (old, new)
}

/// A commit as people write it.
fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// One `---`, `+++` and `@@` a file, all lines as context.
pub fn write(files: &[FileDifference], old: &str, new: &str) -> String {
    let mut out = String::new();
    for file in files {
        let diff = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(&file.old, &file.new);
        let name = file.name.replace('\n', " ");
        let (a, b) = (format!("{old}/{name}"), format!("{new}/{name}"));
        let whole = file.old.lines().count() + file.new.lines().count() + 1;
        out.push_str(
            &diff.unified_diff().context_radius(whole).header(&a, &b).missing_newline_hint(false).to_string(),
        );
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

/// Reads the text back. What is no such diff comes back as one file whose old side is empty.
pub fn read(text: &str) -> Vec<FileDifference> {
    let mut files: Vec<FileDifference> = Vec::new();
    let mut lines = text.lines().peekable();
    let mut left = (0_usize, 0_usize);
    while let Some(line) = lines.next() {
        if left == (0, 0) {
            if let (Some(_), Some(next)) =
                (line.strip_prefix("--- "), lines.peek().and_then(|next| next.strip_prefix("+++ ")))
            {
                let name = next.split_once('/').map_or(next, |(_, name)| name).to_owned();
                files.push(FileDifference { name, old: String::new(), new: String::new() });
                lines.next();
                continue;
            }
            if let Some(counts) = line.strip_prefix("@@ ").and_then(counts) {
                left = counts;
                continue;
            }
        }
        let Some(file) = files.last_mut() else { break };
        let (mark, rest) = line.split_at_checked(1).unwrap_or(("", ""));
        if mark != "+" {
            file.old.push_str(rest);
            file.old.push('\n');
            left.0 = left.0.saturating_sub(1);
        }
        if mark != "-" {
            file.new.push_str(rest);
            file.new.push('\n');
            left.1 = left.1.saturating_sub(1);
        }
    }
    if files.is_empty() && !text.is_empty() {
        files.push(FileDifference {
            name: "difference".to_owned(),
            old: String::new(),
            new: text.to_owned(),
        });
    }
    files
}

/// `-1,3 +1,4 @@` → (3, 4).
fn counts(header: &str) -> Option<(usize, usize)> {
    let mut parts = header.split(' ');
    let count = |part: &str| part.get(1..)?.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some((count(parts.next()?)?, count(parts.next()?)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gate_shows_plan_commits_and_patches() {
        let text = of_gate(&gate::example::reading());
        let read = read(&text);
        let names: Vec<_> = read.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "aws_iam_role.billing_export (create, IAM)",
                "commits since 4f1c9e2",
                "src/export.rs (modified)"
            ]
        );
        assert_eq!(read[1].new, "9b21c04 Export invoices nightly (priya)\n");
        assert_eq!((read[2].old.lines().count(), read[2].new.lines().count()), (2, 3));
    }

    #[test]
    fn a_plan_that_is_unknown_or_overtaken_is_no_absent_plan() {
        let reading = gate::example::reading();
        let first = |reading: &gate::Reading| read(&of_gate(reading)).remove(0);
        let unknown = gate::Reading { plan: gate::Told::Unknown("timed out".to_owned()), ..reading.clone() };
        assert_eq!(first(&unknown).name, PLAN_UNKNOWN);
        let overtaken = gate::Reading { overtaken: Some("run-78".to_owned()), ..reading };
        let told = first(&overtaken);
        let says = "run-78 took its place: it would not be applied\n";
        assert_eq!((told.name.as_str(), told.new.as_str()), (PLAN_OVERTAKEN, says));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(sides in prop::collection::vec(("[a-zA-Z]{1,8}/[a-z]{1,8}", "([ +@a-c-]{0,4}\n){0,9}", "([ +@a-c-]{0,4}\n){0,9}"), 0..4)) {
            let files: Vec<_> = sides.into_iter().filter(|(_, old, new)| old != new)
                .map(|(name, old, new)| FileDifference { name, old, new }).collect();
            prop_assert_eq!(read(&write(&files, "live", "git")), files);
        }
    }
}
