//! How the gatekeeper puts facts into plain English: numbers, plans, lists of jobs.
//!
//! Never: a fact of its own.

pub(super) use crate::agent::words::{answer, cut, declined_before, line, list};
use crate::row::gate::{Action, ResourceChange};

/// Abbreviations that stay in capitals in a resource's name.
const CAPITALS: [&str; 14] =
    ["iam", "rbac", "db", "sql", "s3", "rds", "kms", "ebs", "efs", "vpc", "dns", "sqs", "sns", "api"];
/// Providers, which people leave out.
const PROVIDERS: [&str; 6] = ["aws", "google", "azurerm", "azuread", "kubernetes", "oci"];

/// A number as people say it: `4`, `4.1`, `0.03`; whole from ten on.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "no number".to_owned();
    }
    let text = match value.abs() {
        size if size >= 10.0 => format!("{value:.0}"),
        size if size >= 0.1 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `aws_iam_role` → `IAM role`.
pub(super) fn resource(kind: &str) -> String {
    let words: Vec<&str> = kind.split('_').filter(|word| !word.is_empty()).collect();
    let words = match words.split_first() {
        Some((first, rest)) if !rest.is_empty() && PROVIDERS.contains(first) => rest,
        _ => &words,
    };
    let word = |word: &&str| if CAPITALS.contains(word) { word.to_uppercase() } else { (*word).to_owned() };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// `Terraform adds IAM role`, with how many more there are of the same kind of concern.
pub(super) fn plan(changes: &[&ResourceChange]) -> String {
    let Some(first) = changes.first() else { return "Terraform changes nothing".to_owned() };
    let more = if changes.len() > 1 { format!(" and {} more", changes.len() - 1) } else { String::new() };
    format!("Terraform {} {}{more}", verb(first.action), resource(&first.kind))
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Read => "reads",
        Action::Forget => "forgets",
        Action::Create => "adds",
        Action::Update => "changes",
        Action::Destroy => "destroys",
        Action::Replace => "replaces",
    }
}

/// `aws_iam_role.billing_export (create)`, …
pub(super) fn addresses(changes: &[&ResourceChange]) -> String {
    let one = |change: &&ResourceChange| format!("{} ({})", line(&change.address), change.action.word());
    list(&changes.iter().map(one).collect::<Vec<_>>())
}

/// `` `orders` and `order_lines` ``.
pub(super) fn quoted(names: &[String]) -> String {
    list(&names.iter().map(|name| format!("`{}`", line(name))).collect::<Vec<_>>())
}

/// First letter large.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (value, said) in [
            (4.0, "4"),
            (4.13, "4.1"),
            (0.0, "0"),
            (0.034, "0.03"),
            (92.4, "92"),
            (100.0, "100"),
            (-0.001, "0"),
            (f64::INFINITY, "no number"),
        ] {
            assert_eq!(number(value), said);
        }
    }

    #[test]
    fn resources_are_named_without_their_provider() {
        assert_eq!(resource("aws_iam_role"), "IAM role");
        assert_eq!(resource("google_sql_database_instance"), "SQL database instance");
        assert_eq!(resource("random_id"), "random id");
        assert_eq!(resource("aws"), "aws");
    }
}
