//! What a gated run brings: the plan's resources, the most dangerous first, the commits, the files; and since when.
//!
//! Never: a plan that is not there passed off as one without changes.

use super::super::super::canvas::Styled;
use super::super::super::model::Body;
use super::super::super::shown::Shown;
use super::super::super::text;
use super::super::super::theme::Slot;
use super::{Doc, Pane};
use crate::row::difference::{FileDifference, PLAN_OVERTAKEN, PLAN_UNKNOWN};
use crate::row::{Base, Grade};

/// Commits and resources that the row itself lists; the difference has all.
const LISTED: usize = 12;

/// A resource of the plan, by its name in the difference: `aws_iam_role.x (create, IAM)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned<'a> {
    pub address: &'a str,
    pub action: &'a str,
    pub privileges: bool,
}

/// Actions as the difference names them, the most dangerous first.
const ACTIONS: [&str; 6] = ["destroy", "replace", "change", "create", "forget", "read"];

/// `None` where the file is none of the plan's.
pub fn planned(name: &str) -> Option<Planned<'_>> {
    let (address, rest) = name.rsplit_once(" (")?;
    let said = rest.strip_suffix(')')?;
    let (action, marked) = said.split_once(", ").unwrap_or((said, ""));
    let known = ACTIONS.contains(&action) && matches!(marked, "" | "IAM");
    known.then_some(Planned { address, action, privileges: marked == "IAM" })
}

impl Planned<'_> {
    /// What takes away comes first, then what changes who may do what.
    fn rank(&self) -> (bool, bool, usize) {
        let at = ACTIONS.iter().position(|action| *action == self.action).unwrap_or(ACTIONS.len());
        (at > 1, !self.privileges, at)
    }

    fn slot(&self) -> Slot {
        match self.action {
            "destroy" | "replace" => Slot::Danger,
            _ if self.privileges => Slot::Watch,
            "create" => Slot::Added,
            "change" => Slot::Changed,
            _ => Slot::Text,
        }
    }
}

pub(super) fn brings(body: &Body, doc: &mut Doc) {
    let Base::Gate(base) = &body.view.base_read else { return };
    doc.heading(
        Pane::Difference,
        &format!("WHAT RUN {} BRINGS", base.run),
        &format!("attempt {}", base.attempt),
    );
    let files = &body.files;
    let mut resources: Vec<Planned<'_>> = files.iter().filter_map(|file| planned(&file.name)).collect();
    resources.sort_by_key(|resource| (resource.rank(), resource.address));
    match (&base.plan, unknown_plan(body)) {
        (Some(run), _) => plan(&format!("plan {run}"), &resources, doc),
        (None, Some(why)) => {
            doc.wrapped(Pane::Difference, Slot::Watch, 1, &format!("Terraform plan unknown: {why}"));
        }
        (None, None) => match overtaken(files) {
            Some(by) => {
                doc.wrapped(Pane::Difference, Slot::Watch, 1, &format!("Terraform plan overtaken: {by}"));
                plan("the overtaken plan", &resources, doc);
            }
            None => {
                doc.push(Pane::Difference, Styled::of(Slot::Muted, " no Terraform plan belongs to this run"));
            }
        },
    }
    commits(files, doc);
    let changed: Vec<&FileDifference> = files.iter().filter(|file| is_code(file)).collect();
    if !changed.is_empty() {
        let names: Vec<&str> = changed.iter().map(|file| file.name.as_str()).collect();
        let said = format!("{}: {}", text::plural(changed.len(), "file", "files"), names.join(", "));
        doc.wrapped(Pane::Difference, Slot::Text, 1, &said);
    }
    if files.iter().any(|file| file.name == "not shown") {
        doc.wrapped(
            Pane::Difference,
            Slot::Watch,
            1,
            "more files changed than GitHub lists: read the comparison there",
        );
    }
}

/// Why the plan could not be read, where it could not: as the signal about it says, else that it was not.
fn unknown_plan(body: &Body) -> Option<String> {
    let told = body.view.signals.iter().map(|view| &view.signal);
    let reason = told
        .filter(|signal| signal.verdict == Grade::Unknown && signal.name == "Terraform plan")
        .map(|signal| signal.value.clone())
        .next();
    let marked = body.files.iter().any(|file| file.name == PLAN_UNKNOWN);
    reason.or_else(|| marked.then(|| "it could not be read".to_owned()))
}

fn overtaken(files: &[FileDifference]) -> Option<&str> {
    files.iter().find(|file| file.name == PLAN_OVERTAKEN).map(|file| file.new.trim_end())
}

fn plan(title: &str, resources: &[Planned<'_>], doc: &mut Doc) {
    let count = |action: &str| resources.iter().filter(|resource| resource.action == action).count();
    let words =
        [("destroy", "destroyed"), ("replace", "replaced"), ("change", "changed"), ("create", "created")];
    let mut counted: Vec<String> = words
        .iter()
        .filter_map(|(action, word)| Some((count(action), word)).filter(|(count, _)| *count > 0))
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let privileges = resources.iter().filter(|resource| resource.privileges).count();
    if privileges > 0 {
        counted.push(format!("{privileges} IAM"));
    }
    let said = if counted.is_empty() { "changes no resource".to_owned() } else { counted.join(", ") };
    doc.push(Pane::Difference, Styled::of(Slot::Title, format!(" {title}")).text(format!("  {said}")));
    for resource in resources.iter().take(LISTED) {
        let mut line = Styled::from("   ").add(resource.slot(), format!("{:<8} ", resource.action));
        line = line.text(resource.address);
        if resource.privileges {
            line = line.add(Slot::Watch, "   IAM");
        }
        doc.push(Pane::Difference, line);
    }
    more(resources.len(), "resource", "resources", doc);
}

fn commits(files: &[FileDifference], doc: &mut Doc) {
    let found = files.iter().find_map(|file| Some((file.name.strip_prefix("commits since ")?, &file.new)));
    let Some((since, commits)) = found else {
        doc.push(
            Pane::Difference,
            Styled::of(Slot::Watch, " the commits since the last good deploy did not come with this draft"),
        );
        return;
    };
    let commits: Vec<&str> = commits.lines().collect();
    let title = format!(" {}", text::plural(commits.len(), "commit", "commits"));
    doc.push(
        Pane::Difference,
        Styled::of(Slot::Title, title).text(format!(" since {since}, the last good deploy here")),
    );
    for commit in commits.iter().take(LISTED) {
        let (sha, rest) = commit.split_once(' ').unwrap_or(("", commit));
        doc.push(
            Pane::Difference,
            Styled::from("   ").add(Slot::Muted, format!("{sha} ")).text(Shown::untrusted(rest)),
        );
    }
    more(commits.len(), "commit", "commits", doc);
}

fn more(count: usize, one: &str, many: &str, doc: &mut Doc) {
    if count > LISTED {
        let said = format!("   ┄ {} more: v shows all of it", text::plural(count - LISTED, one, many));
        doc.push(Pane::Difference, Styled::of(Slot::Fold, said));
    }
}

/// A file of the repository.
fn is_code(file: &FileDifference) -> bool {
    let said = ["not shown", PLAN_UNKNOWN, PLAN_OVERTAKEN];
    planned(&file.name).is_none()
        && !file.name.starts_with("commits since ")
        && !said.contains(&file.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_resources_are_told_from_the_repositorys_files() {
        for (name, expected) in [
            ("aws_iam_role.x (create, IAM)", Some(("aws_iam_role.x", "create", true))),
            (
                "module.a[\"b (c)\"].aws_sqs_queue.q (destroy)",
                Some(("module.a[\"b (c)\"].aws_sqs_queue.q", "destroy", false)),
            ),
            ("src/export.rs (modified)", None),
            ("docs/(create) (added)", None),
            ("commits since 4f1c9e2", None),
            ("not shown", None),
        ] {
            let found = planned(name).map(|found| (found.address, found.action, found.privileges));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_plan_that_is_unknown_or_overtaken_is_not_said_to_be_absent() {
        use crate::row::{gate, gate::Told};
        let reading = gate::example::reading();
        let shown = |reading: &gate::Reading| {
            let mut view = crate::console::sample::views().remove(0);
            view.base_read = Base::Gate(reading.base());
            view.diff = crate::row::difference::of_gate(reading);
            let mut doc = Doc { lines: Vec::new(), width: 120, airy: false, item: None };
            brings(&crate::console::sample::body(view), &mut doc);
            doc.lines.iter().map(|line| line.text.plain() + "\n").collect::<String>()
        };
        let unknown = gate::Reading { plan: Told::Unknown("timed out".to_owned()), ..reading.clone() };
        let overtaken = gate::Reading { overtaken: Some("run-78".to_owned()), ..reading.clone() };
        let none = gate::Reading { plan: Told::None, ..reading.clone() };
        assert!(shown(&unknown).contains("Terraform plan unknown: it could not be read"));
        let text = shown(&overtaken);
        assert!(text.contains("overtaken: run-78 took its place") && text.contains("aws_iam_role"), "{text}");
        assert!(shown(&none).contains("no Terraform plan belongs to this run"));
        assert!(shown(&reading).contains("plan run-77"));
    }

    #[test]
    fn what_takes_away_comes_first() {
        let mut all: Vec<_> =
            ["a (create)", "b (change, IAM)", "c (destroy)", "d (read)", "e (replace, IAM)", "f (change)"]
                .into_iter()
                .filter_map(planned)
                .collect();
        all.sort_by_key(Planned::rank);
        let order: String = all.iter().map(|planned| planned.address).collect();
        assert_eq!(order, "ecbfad");
    }
}
