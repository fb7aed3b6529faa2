//! Who must sign beside how many: `[[keys.thresholds]]`, by kind, environment, risk and the files that a run changes.
//!
//! What applies to a row is frozen into its rule when it is opened; `policy::count` counts.
//! Never: IO; a row let off because what it changes is not known.

use std::{collections::BTreeSet, num::NonZeroU32};

use serde::Deserialize;

use crate::row::{
    Filter, Kind, Reading, Risk, Threshold,
    gate::{File, Told},
};

/// The name of the threshold that counts anybody's key.
const ANYBODY: &str = "any";

/// So many approvals by people of these roles, or on these shifts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// As the console and the record call it.
    pub name: String,
    /// Roles that administrators gave; one of them is enough.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Shifts by id, of PagerDuty or the rota; being on one of them is enough, too.
    #[serde(default)]
    pub on_call: Vec<String>,
    #[serde(default = "one")]
    pub approve: NonZeroU32,
    /// Rows of this kind; left out: of every kind.
    pub kind: Option<Kind>,
    pub environment: Option<String>,
    /// Rows of this class, or of a harder one.
    pub risk: Option<Risk>,
    /// Runs that change a file of this kind, as `migrations/**` or `**/*.sql`: `*` stands for anything but `/`, `**` for
    /// anything. Where what a run changes is not known in full, it may be one of these.
    #[serde(default)]
    pub paths: Vec<String>,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// What a row is, by the backend's own reading.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) kind: Kind,
    pub(super) environment: &'a str,
    pub(super) risk: Risk,
    pub(super) reading: Option<&'a Reading>,
}

impl Asked {
    /// Whether a row has to be signed by these.
    pub(super) fn applies(&self, about: About<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == about.kind)
            && self.environment.as_ref().is_none_or(|environment| environment == about.environment)
            && self.risk.is_none_or(|risk| about.risk >= risk)
            && (self.paths.is_empty() || self.touches(about.reading))
    }

    fn touches(&self, reading: Option<&Reading>) -> bool {
        let Some(Reading::Gate(reading)) = reading else { return true };
        let Told::Known(changes) = &reading.changes else { return true };
        let one = |path: &str| self.paths.iter().any(|pattern| matches(pattern, path));
        !changes.complete || changes.files.iter().flat_map(File::paths).any(one)
    }

    /// As it is frozen into a rule.
    pub(super) fn threshold(&self) -> Threshold {
        let has = |attribute: &str, values: &[String]| {
            let has = |value: &String| Filter::Has { attribute: attribute.to_owned(), value: value.clone() };
            values.iter().map(has).collect::<Vec<_>>()
        };
        let mut filters = [has("role", &self.roles), has("on_call", &self.on_call)].concat();
        let filter = if filters.len() == 1 { filters.remove(0) } else { Filter::Either(filters) };
        Threshold { name: self.name.clone(), filter, approve: Some(self.approve), deny: None }
    }
}

/// What no type can say of all of them; the message names the one that is meant.
pub(super) fn check(all: &[Asked]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for (at, asked) in all.iter().enumerate() {
        let Asked { name, roles, on_call, kind, paths, .. } = asked;
        let named = if name.is_empty() { format!("number {}", at + 1) } else { format!("`{name}`") };
        let wrong = |why: &str| Err(format!("keys.thresholds {named}: {why}"));
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return wrong("it needs a name, as the console will call it");
        }
        if name == ANYBODY {
            return wrong("that name is taken by the keys of anybody; call it by who is asked");
        }
        if !names.insert(name) {
            return wrong("the name stands twice");
        }
        if roles.is_empty() && on_call.is_empty() {
            return wrong("nobody is asked\nhint: roles = [\"sre\"], or on_call = [\"payments primary\"]");
        }
        // Record and rule name several with commas between them.
        if let Some(odd) = roles.iter().chain(on_call).find(|one| one.trim().is_empty() || one.contains(','))
        {
            return wrong(&format!("`{odd}` is no name of a role or shift"));
        }
        if !paths.is_empty() && *kind != Some(Kind::Gate) {
            return wrong("paths are those that a run changes\nhint: kind = \"gate\" beside them");
        }
        if let Some(odd) = paths.iter().find(|path| path.is_empty() || path.starts_with('/')) {
            return wrong(&format!("`{odd}` is no path in a repository, as `migrations/**`"));
        }
    }
    Ok(())
}

/// `*` for anything within a name, `**` for anything, `**/` for no folder, too. In steps of pattern times path, whatever
/// they are: who pushes chooses the path.
fn matches(pattern: &str, path: &str) -> bool {
    let path = path.as_bytes();
    // How much of the path the pattern so far can have met.
    let mut met = vec![false; path.len() + 1];
    met[0] = true;
    let mut rest = pattern.as_bytes();
    while let Some(one) = rest.first() {
        let (len, goes_on): (usize, fn(u8) -> bool) = match rest {
            [b'*', b'*', b'/', ..] => (3, |_| true),
            [b'*', b'*', ..] => (2, |_| true),
            [b'*', ..] => (1, |byte| byte != b'/'),
            _ => (1, |_| false),
        };
        let mut next = vec![false; met.len()];
        if *one == b'*' {
            let mut open = false;
            for at in 0..met.len() {
                open = met[at] || (open && goes_on(path[at - 1]));
                next[at] = if len == 3 { met[at] || (open && at > 0 && path[at - 1] == b'/') } else { open };
            }
        } else {
            for at in 0..path.len() {
                next[at + 1] = met[at] && path[at] == *one;
            }
        }
        (met, rest) = (next, &rest[len..]);
    }
    met[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::gate::example;

    fn asked(more: &str) -> Asked {
        toml::from_str(&format!("name = \"db\"\nroles = [\"db\"]\n{more}")).unwrap()
    }

    #[test]
    fn patterns_are_of_whole_paths() {
        for (pattern, path, expected) in [
            ("migrations/**", "migrations/20260530_orders.sql", true),
            ("migrations/**", "src/migrations/a.sql", false),
            ("**/migrations/**", "src/migrations/a.sql", true),
            ("**/migrations/**", "migrations/a.sql", true),
            ("**/*.sql", "a.sql", true),
            ("**/*.sql", "db/schema/a.sql", true),
            ("**/*.sql", "db/schema/a.sql.md", false),
            ("*.sql", "db/a.sql", false),
            ("db/*.sql", "db/a.sql", true),
            ("db/*.sql", "db/more/a.sql", false),
            ("schema.rb", "schema.rb", true),
            ("schema.rb", "db/schema.rb", false),
            ("**", "anything/at/all", true),
            ("é*", "élan", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_path_that_was_made_to_be_hard_is_answered_too() {
        let pattern = format!("**/{}b", "*a".repeat(12));
        assert!(!matches(&pattern, &"a".repeat(4096)));
        assert!(!matches(&format!("{}x", "**/".repeat(12)), &"a/".repeat(2000)));
        assert!(matches(&pattern, &format!("{}b", "a".repeat(4000))));
    }

    #[test]
    fn what_is_renamed_out_of_a_guarded_folder_was_in_it() {
        let mut reading = example::reading();
        let Told::Known(changes) = &mut reading.changes else { panic!("{reading:?}") };
        changes.files[0].path = "attic/a.txt".to_owned();
        changes.files[0].was = Some("migrations/a.sql".to_owned());
        let reading = Reading::Gate(Box::new(reading));
        let (kind, environment, risk) = (Kind::Gate, "production", Risk::Irreversible);
        let about = About { kind, environment, risk, reading: Some(&reading) };
        assert!(asked("kind = \"gate\"\npaths = [\"migrations/**\"]").applies(about));
        assert!(!asked("kind = \"gate\"\npaths = [\"src/**\"]").applies(about));
    }

    #[test]
    fn what_applies_is_said_by_kind_environment_risk_and_files() {
        let reading = |paths: &[&str], complete: bool| {
            let mut reading = example::reading();
            let Told::Known(changes) = &mut reading.changes else { panic!("{reading:?}") };
            changes.complete = complete;
            let like = changes.files[0].clone();
            let file = |path: &&str| crate::row::gate::File { path: (*path).to_owned(), ..like.clone() };
            changes.files = paths.iter().map(file).collect();
            Reading::Gate(Box::new(reading))
        };
        let plain = reading(&["src/main.rs"], true);
        let check = |more: &str, (kind, environment, risk), reading: Option<&Reading>, expected: bool| {
            let about = About { kind, environment, risk, reading };
            assert_eq!(asked(more).applies(about), expected, "{more} {about:?}");
        };
        let gate = (Kind::Gate, "production", Risk::Irreversible);
        check("", gate, Some(&plain), true);
        check("kind = \"gate\"", gate, Some(&plain), true);
        check("kind = \"postmortem\"", gate, Some(&plain), false);
        check("environment = \"production\"", gate, Some(&plain), true);
        check("environment = \"staging\"", gate, Some(&plain), false);
        check("risk = \"costly\"", gate, Some(&plain), true);
        check("risk = \"costly\"", (Kind::Gate, "production", Risk::Reversible), Some(&plain), false);
        let sql = "kind = \"gate\"\npaths = [\"**/*.sql\"]";
        check(sql, gate, Some(&plain), false);
        check(sql, gate, Some(&reading(&["src/main.rs", "migrations/a.sql"], true)), true);
        check(sql, gate, Some(&reading(&["src/main.rs"], false)), true);
        check(sql, gate, None, true);
        let mut unread = example::reading();
        unread.changes = Told::Unknown("GitHub did not answer".to_owned());
        check(sql, gate, Some(&Reading::Gate(Box::new(unread))), true);
    }

    #[test]
    fn what_cannot_be_meant_is_said_with_its_name() {
        let read = |text: &str| {
            let all: toml::Table = toml::from_str(text).unwrap();
            let all: Result<Vec<Asked>, _> = all["thresholds"].clone().try_into();
            all.map_err(|error| error.to_string()).and_then(|all| check(&all))
        };
        let one = |more: &str| read(&format!("[[thresholds]]\nname = \"db\"\n{more}"));
        assert_eq!(one("roles = [\"db\"]"), Ok(()));
        assert_eq!(one("on_call = [\"payments primary\"]\napprove = 2"), Ok(()));
        for (wrong, says) in [
            ("", "`db`: nobody is asked"),
            ("roles = [\"a,b\"]", "`a,b` is no name"),
            ("roles = [\" \"]", "is no name"),
            ("roles = [\"db\"]\napprove = 0", "nonzero"),
            ("roles = [\"db\"]\nkind = \"gates\"", "unknown variant `gates`"),
            ("roles = [\"db\"]\nrisk = \"high\"", "unknown variant `high`"),
            ("roles = [\"db\"]\nrole = \"db\"", "unknown field `role`"),
            ("roles = [\"db\"]\npaths = [\"**/*.sql\"]", "kind = \"gate\""),
            ("roles = [\"db\"]\nkind = \"gate\"\npaths = [\"/etc\"]", "is no path in a repository"),
            ("roles = [\"db\"]\n[[thresholds]]\nname = \"db\"\nroles = [\"sre\"]", "stands twice"),
            ("roles = [\"db\"]\n[[thresholds]]\nname = \"any\"\nroles = [\"sre\"]", "that name is taken"),
            ("roles = [\"db\"]\n[[thresholds]]\nname = \"\"\nroles = [\"sre\"]", "number 2: it needs a name"),
        ] {
            let error = one(wrong).unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }
}
