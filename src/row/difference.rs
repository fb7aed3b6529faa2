//! The difference as one text: a unified diff that carries every line of both sides.
//!
//! Never: cut. Screens fold what is the same; the bytes that are signed hold it all.
//!
//! ## Design notes
//!
//! A page's steps number themselves, so one that is inserted moves the numbers of all below it. Those stand as context, with
//! the number that they get; by how much it moved is told behind the hunk's `@@`, `steps renumbered: 5-9 by 1` in lines of the
//! new side, so that both sides are read back as they were. Texts written before that tell each such line as changed; they
//! are read, and compared for the eye, the same way.

use similar::{Algorithm, TextDiff};

use super::{
    gate::{self, FieldChange},
    page, paper,
    sync::{Reading, settled},
    yaml,
};

pub mod steps;
mod unified;

pub use unified::{folded, in_hunks, within_ends};

/// Both sides of one file, read back from the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// `ConfigMap/checkout-flags`.
    pub name: String,
    pub old: String,
    pub new: String,
    /// It is a page, or text that is to be one: its lists number their steps by themselves.
    pub numbered: bool,
}

impl FileDifference {
    /// What numbers its own lines: code, manifests, plans.
    pub fn of(name: impl Into<String>, old: impl Into<String>, new: impl Into<String>) -> Self {
        Self { name: name.into(), old: old.into(), new: new.into(), numbered: false }
    }

    pub fn of_page(name: impl Into<String>, old: impl Into<String>, new: impl Into<String>) -> Self {
        Self { numbered: true, ..Self::of(name, old, new) }
    }
}

/// How the two sides of a page's difference are called. Whoever reads one knows by it that lists number themselves.
const OF_PAGES: [(&str, &str); 3] = [(PAGE, "edit"), (PAGE, "live"), ("none", "paper")];
const PAGE: &str = "page";

/// Live against git, resource by resource, in the order of the base.
pub fn of_sync(reading: &Reading) -> String {
    let side = |json: &Option<serde_json::Value>| {
        json.as_ref().map(settled).map(|json| yaml::text(&json)).unwrap_or_default()
    };
    let files = reading.touched().into_iter().map(|resource| {
        let name = format!("{}/{}", resource.key.kind, resource.key.name);
        FileDifference::of(name, side(&resource.live), side(&resource.predicted))
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
    let note = |name: &str, new: String| FileDifference::of(name, "", new);
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
        files.push(FileDifference::of(
            format!("{} ({}{marked})", change.address, change.action.word()),
            old,
            new,
        ));
    }
    if let Some(changes) = reading.changes.known() {
        let commit = |commit: &gate::Commit| {
            format!("{} {} ({})\n", short(&commit.sha), commit.subject, commit.author)
        };
        let new: String = changes.commits.iter().map(commit).collect();
        let name = format!("commits since {}", short(&changes.since));
        files.push(FileDifference::of(name, "", new));
        files.extend(changes.files.iter().map(|file| {
            let (old, new) = sides(file);
            let was = file.was.as_ref().map(|was| format!("{was} → ")).unwrap_or_default();
            FileDifference::of(format!("{was}{} ({})", file.path, file.status), old, new)
        }));
        if !changes.complete {
            files.push(FileDifference::of("not shown", "", "more files changed than GitHub lists\n"));
        }
    }
    files.retain(|file| file.old != file.new);
    write(&files, "deployed", &format!("run {}", reading.run.id))
}

/// The page as it would be against the page as it is; of a live runbook, its steps with what the system says.
pub fn of_page(reading: &page::Reading) -> String {
    let name = reading.name.clone();
    if let page::Proposed::Live(live) = &reading.proposed {
        return write(&[FileDifference::of_page(name, "", live.text())], PAGE, "live");
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
    write(&[FileDifference::of_page(name, old, new)], PAGE, "edit")
}

/// The whole paper: nothing of it stands anywhere yet.
pub fn of_paper(reading: &paper::Reading) -> String {
    let Some(paper) = &reading.paper else { return String::new() };
    let new = page::outline::text(&paper.body()).unwrap_or_else(|why| format!("{why}\n"));
    write(&[FileDifference::of_page(&paper.title, "", new)], "none", "paper")
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
        if file.numbered {
            out.push_str(&unified::whole(file, old, new));
        } else {
            write_plain(file, old, new, &mut out);
        }
    }
    out
}

fn write_plain(file: &FileDifference, old: &str, new: &str, out: &mut String) {
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

/// The same difference as it was written before pages' steps were renumbered in it, and as agents of that time write it.
pub fn plain(text: &str) -> String {
    let mut out = String::new();
    for (file, (old, new)) in labelled(text) {
        write_plain(&file, old, new, &mut out);
    }
    out
}

/// Both say the same, however it was written.
pub fn same(a: &str, b: &str) -> bool {
    a == b || read(a) == read(b)
}

/// Reads the text back. What is no such diff comes back as one file whose old side is empty.
pub fn read(text: &str) -> Vec<FileDifference> {
    labelled(text).into_iter().map(|(file, _)| file).collect()
}

/// The same, each with how its sides are called.
fn labelled(text: &str) -> Vec<(FileDifference, (&str, &str))> {
    let mut files: Vec<(FileDifference, (&str, &str))> = Vec::new();
    // Not `lines`: a carriage return before the break is part of the text.
    let mut lines = text.split_terminator('\n').peekable();
    let mut left = (0_usize, 0_usize);
    let mut renumbered = unified::Renumbered::default();
    while let Some(line) = lines.next() {
        if left == (0, 0) {
            if let (Some(before), Some(next)) =
                (line.strip_prefix("--- "), lines.peek().and_then(|next| next.strip_prefix("+++ ")))
            {
                let (is, name) = next.split_once('/').unwrap_or(("", next));
                let was = before.split_once('/').map_or("", |(was, _)| was);
                let numbered = OF_PAGES.contains(&(was, is));
                files.push((FileDifference { numbered, ..FileDifference::of(name, "", "") }, (was, is)));
                lines.next();
                continue;
            }
            if let Some((counts, behind)) = line.strip_prefix("@@ ").and_then(counts) {
                left = counts;
                renumbered = unified::Renumbered::read(behind);
                continue;
            }
        }
        let Some((file, _)) = files.last_mut() else { break };
        let (mark, rest) = line.split_at_checked(1).unwrap_or(("", ""));
        if mark != "+" {
            let by = if mark == "-" || !file.numbered { 0 } else { renumbered.of_next() };
            file.old.push_str(&steps::renumbered(rest, -by));
            file.old.push('\n');
            left.0 = left.0.saturating_sub(1);
        }
        if mark != "-" {
            file.new.push_str(rest);
            file.new.push('\n');
            left.1 = left.1.saturating_sub(1);
            renumbered.pass();
        }
    }
    if files.is_empty() && !text.is_empty() {
        files.push((FileDifference::of("difference", "", text), ("", "")));
    }
    files
}

/// `-1,3 +1,4 @@ steps renumbered: 3 by 1` → (3, 4), and what stands behind.
fn counts(header: &str) -> Option<((usize, usize), &str)> {
    let (ranges, behind) = header.split_once(" @@").unwrap_or((header, ""));
    let mut parts = ranges.split(' ');
    let count = |part: &str| part.get(1..)?.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some(((count(parts.next()?)?, count(parts.next()?)?), behind))
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

    /// As every row's difference was written before steps were renumbered in it.
    const OLD_FORM: &str = "--- page/CONF-4711\n+++ edit/CONF-4711\n@@ -1,4 +1,5 @@\n # Failover\n 1. Check\n-2. Promote\n-3. Tell \
                            them\n+2. Rotate\n+3. Promote\n+4. Tell them\n";

    fn steps() -> FileDifference {
        let old = "# Failover\n1. Check\n2. Promote\n3. Tell them\n";
        let new = "# Failover\n1. Check\n2. Rotate\n3. Promote\n4. Tell them\n";
        FileDifference::of_page("CONF-4711", old, new)
    }

    #[test]
    fn steps_below_an_inserted_one_stay_and_both_sides_are_read_back() {
        let text = write(&[steps()], "page", "edit");
        let expected = "--- page/CONF-4711\n+++ edit/CONF-4711\n@@ -1,4 +1,5 @@ steps renumbered: 4-5 by 1\n # Failover\n \
                        1. Check\n+2. Rotate\n 3. Promote\n 4. Tell them\n";
        assert_eq!(text, expected);
        assert_eq!(read(&text), [steps()]);
    }

    #[test]
    fn a_row_of_before_is_read_and_folded_like_one_of_today() {
        assert_eq!(read(OLD_FORM), [steps()]);
        assert_eq!(plain(&write(&[steps()], "page", "edit")), OLD_FORM);
        assert!(same(OLD_FORM, &write(&[steps()], "page", "edit")) && !same(OLD_FORM, ""));
        let expected = "--- page/CONF-4711\n+++ edit/CONF-4711\n@@ -2,2 +2,3 @@ after 1 line the same\n 1. Check\n+2. Rotate\n \
                        3. Promote\n@@ then 1 line the same @@\n";
        assert_eq!(folded(OLD_FORM, 1), expected);
        // Elsewhere a number is what somebody wrote.
        let code = FileDifference { numbered: false, ..steps() };
        let text = write(std::slice::from_ref(&code), "live", "git");
        assert!(text.contains("-2. Promote\n") && read(&text) == [code], "{text}");
        assert_eq!(folded("no difference\n", 3), "no difference\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(sides in prop::collection::vec(("[a-zA-Z]{1,8}/[a-z]{1,8}", "([ +@a-c-]{0,4}\n){0,9}", "([ +@a-c-]{0,4}\n){0,9}"), 0..4)) {
            let files: Vec<_> = sides.into_iter().filter(|(_, old, new)| old != new)
                .map(|(name, old, new)| FileDifference::of(name, old, new)).collect();
            prop_assert_eq!(read(&write(&files, "live", "git")), files);
        }

        #[test]
        fn a_page_is_read_back_whatever_stands_on_it(old in "(( ){0,4}([0-9]{1,2}\\. |- |```|)[a-c]{0,2}\r?\n){0,9}", new in "(( ){0,4}([0-9]{1,2}\\. |- |```|)[a-c]{0,2}\r?\n){0,9}") {
            let file = FileDifference::of_page("CONF-4711", old, new);
            let text = write(std::slice::from_ref(&file), "page", "edit");
            if text.is_empty() {
                prop_assert_eq!(file.old, file.new);
            } else {
                prop_assert_eq!(read(&text), vec![file]);
            }
        }
    }
}
