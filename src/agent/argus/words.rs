//! How Argus puts facts into plain English: titles, reasons, lists.
//!
//! Never: a fact of its own; a line break or a length that somebody else chose.

use super::facts::{Facts, Pull};
pub(super) use crate::agent::words::{answer, cut, declined_before, line, list, names, plural};
use crate::row::{
    change::{Action, Change, Class},
    release,
};

/// What drifted, as a list shows it: `image tag behind main by 3 commits`.
pub(super) fn title(facts: &Facts, changes: &[Change]) -> String {
    let charts = release::charts(&facts.reading);
    if let [chart] = charts.as_slice() {
        return format!("helm chart bump {} to {}", chart.from, chart.to);
    }
    if !charts.is_empty() {
        let names: Vec<_> = charts.iter().map(ToString::to_string).collect();
        return format!("helm chart bumps: {}", list(&names));
    }
    if let Some(change) = changes.iter().find(|change| change.hand.is_some()) {
        return format!("{} drift on {}", change.key.kind.to_lowercase(), change.class.word());
    }
    let class = leading(changes).map_or("difference", Class::word);
    match facts.commits.known() {
        Some(commits) if commits.ahead_by > 0 => {
            format!("{class} behind {} by {}", line(&commits.branch), self::commits(commits.ahead_by))
        }
        _ => format!("{class} differs in {}", changed(changes)),
    }
}

/// What the drift is about: the riskiest kind of resource, else the plainest field that differs.
fn leading(changes: &[Change]) -> Option<Class> {
    let by_kind = changes.iter().map(|change| change.class).filter(|class| *class >= Class::JobOrHook).max();
    by_kind.or_else(|| {
        let fields = changes.iter().flat_map(|change| &change.fields);
        fields.map(|field| field.class).min().or_else(|| changes.iter().map(|change| change.class).min())
    })
}

/// What somebody did by hand, as a noun.
pub(super) fn manual(class: Class) -> &'static str {
    match class {
        Class::FeatureFlag => "manual toggle",
        Class::Replicas => "manual scaling",
        Class::ImageTag => "manual image change",
        Class::ChartVersion
        | Class::ConfigValue
        | Class::Resources
        | Class::Metadata
        | Class::Other
        | Class::JobOrHook
        | Class::Rbac
        | Class::Secret
        | Class::CustomResourceDefinition
        | Class::Storage
        | Class::Namespace => "manual change",
    }
}

/// `Roll forward to ship the idempotency fix merged in #4412.`: by the pull request that says most, else by the commit.
pub(super) fn roll_forward(pulls: &[&Pull], subject: Option<&str>, target: &str) -> String {
    let short: String = target.chars().take(7).collect();
    // The newest among the most telling.
    let Some(first) =
        pulls.iter().enumerate().max_by_key(|(at, pull)| (telling(&pull.title), *at)).map(|(_, pull)| *pull)
    else {
        return match subject {
            Some(subject) => format!("Roll forward to {short}: {}.", line(subject).trim_end_matches('.')),
            None => format!("Roll forward to {short}."),
        };
    };
    let others: Vec<_> = pulls
        .iter()
        .filter(|pull| pull.number != first.number && telling(&pull.title) > 0)
        .map(|pull| format!("#{}", pull.number))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!(", with {}", list(&others)) };
    format!("Roll forward to ship {} merged in #{}{others}.", noun(&first.title), first.number)
}

/// How much a pull request says about why one would ship: a fix before a feature, upkeep last.
fn telling(title: &str) -> u8 {
    let lower = title.to_lowercase();
    let kind = lower.split(['(', ':', '!', ' ']).next().unwrap_or_default();
    match kind {
        "chore" | "docs" | "ci" | "build" | "test" | "tests" | "style" | "bump" => 0,
        _ if lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "fix" | "fixes" | "hotfix")) =>
        {
            3
        }
        "feat" | "feature" | "add" | "adds" => 2,
        _ => 1,
    }
}

/// A title as the object of a sentence: `Idempotency fix` → `the idempotency fix`, `fix: retry of refunds` → `the fix
/// “retry of refunds”`. A title that gives an order is quoted.
fn noun(title: &str) -> String {
    let title = line(title);
    let title = title.trim_end_matches('.');
    let (kind, rest) = match title.split_once(": ") {
        Some((head, rest)) if !head.contains(' ') => {
            (head.split(['(', '!']).next().unwrap_or_default(), rest)
        }
        _ => ("", title),
    };
    // `Idempotency fix: retries reuse the key`: the head names it already.
    let rest = rest.split_once(": ").map_or(rest, |(head, _)| if ends_as_noun(head) { head } else { rest });
    let what = match kind.to_lowercase().as_str() {
        "fix" => "the fix ",
        "feat" => "the feature ",
        _ => "",
    };
    let first = rest.split(' ').next().unwrap_or_default().to_lowercase();
    let orders = [
        "add", "fix", "make", "use", "remove", "update", "bump", "support", "allow", "retry", "move",
        "handle", "set",
    ];
    if ends_as_noun(rest) && !orders.contains(&first.as_str()) {
        return format!("the {}", lower_first(rest));
    }
    format!("{what}“{rest}”")
}

fn ends_as_noun(title: &str) -> bool {
    let last = title.rsplit(' ').next().unwrap_or_default().to_lowercase();
    title.contains(' ') && matches!(last.as_str(), "fix" | "feature" | "change" | "rollout")
}

/// Small first letter, unless the word is an abbreviation or a name in capitals.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), second) if !second.is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// `ConfigMap/checkout-flags`, or how many where there are many.
pub(super) fn changed(changes: &[Change]) -> String {
    let named = |change: &Change| match change.action {
        Action::Added => format!("{} (new)", change.key),
        Action::Removed => format!("{} (removed)", change.key),
        Action::Changed => change.key.to_string(),
    };
    if changes.is_empty() {
        "no resource".to_owned()
    } else {
        list(&changes.iter().map(named).collect::<Vec<_>>())
    }
}

pub(super) fn commits(count: u32) -> String {
    if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(number: u64, title: &str) -> Pull {
        Pull { number, title: title.to_owned(), url: String::new() }
    }

    #[test]
    fn rolling_forward_names_the_pull_request_that_says_most() {
        let check = |pulls: &[Pull], expected: &str| {
            let pulls: Vec<_> = pulls.iter().collect();
            assert_eq!(roll_forward(&pulls, Some("Bump image"), "9f1c2d3e4f"), expected);
        };
        let fix = pull(4412, "Idempotency fix");
        check(std::slice::from_ref(&fix), "Roll forward to ship the idempotency fix merged in #4412.");
        check(
            &[fix.clone(), pull(4415, "chore: image tag")],
            "Roll forward to ship the idempotency fix merged in #4412.",
        );
        check(
            &[pull(7, "fix(api): retry refunds.")],
            "Roll forward to ship the fix “retry refunds” merged in #7.",
        );
        check(&[pull(8, "fix: idempotency fix")], "Roll forward to ship the idempotency fix merged in #8.");
        let told = pull(4412, "Idempotency fix: a retried capture reuses its key");
        check(&[told], "Roll forward to ship the idempotency fix merged in #4412.");
        check(&[pull(9, "Add a\nfix")], "Roll forward to ship “Add a fix” merged in #9.");
        check(
            &[fix, pull(11, "feat: export")],
            "Roll forward to ship the idempotency fix merged in #4412, with #11.",
        );
        check(&[], "Roll forward to 9f1c2d3: Bump image.");
    }
}
