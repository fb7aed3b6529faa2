//! The filter language over one home's list: the same words as a backend's search ([`crate::row::search`]), fuzzy over
//! what stands in a list, with what only this reader knows.
//!
//! Words are fuzzy over the names in it (id, subject, agent); a title has them as they are, or with one slip of the finger:
//! in a sentence the letters of most words stand somewhere in order. Quoted ones stand as they are; `key:value` is exact.
//!
//! Never: guesses. A key that is not known is an error that names the nearest.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::listed::Listed;
use crate::config::nearest;
pub use crate::row::search::span;
use crate::row::search::{
    Is, Key, Query, Term, Test, Text, incident_names,
    language::{Form, is_id, long_name},
    words,
};
use crate::row::{Kind, State};

/// A filter, read. The empty one matches every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    query: Query,
    /// For each term that is text, how it is looked for.
    atoms: Vec<Option<Atom>>,
}

/// What a row is to this reader, beyond what its head says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Who asks; `me` in a filter.
    pub me: String,
    /// Never opened here.
    pub new: bool,
    /// Changed since it was opened here.
    pub changed: bool,
    /// A signal could not be read.
    pub unknown: bool,
    /// A decision of the reader's waits here.
    pub unsent: bool,
    /// The reader's own decision came back refused, or was overtaken.
    pub refused: bool,
    pub overtaken: bool,
    /// The same drift is held.
    pub on_hold: bool,
    /// The platforms that its facts come from.
    pub sources: Vec<String>,
}

/// A filter is typed by hand.
pub const FILTER_BYTES_MAX: usize = Query::BYTES_MAX;
/// A slip in a shorter word makes it another one.
const SLIP_LETTERS_MIN: usize = 4;
/// A row expires soon when this is left of its life, or a tenth.
pub const EXPIRING: SignedDuration = SignedDuration::from_mins(15);

/// What is wrong, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl Filter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let query = Query::parse(text).map_err(|error| {
            FilterError(error.sentence(nearest(&error.word, error.among.iter().copied())))
        })?;
        Ok(Self::from(query))
    }

    pub fn is_empty(&self) -> bool {
        self.query.is_empty()
    }

    /// The same, as a backend is asked.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// What a backend cannot tell of it: for the rows that a backend found.
    #[must_use]
    pub fn of_this_reader(&self) -> Self {
        let own = |term: &&Term| matches!(term.test, Test::Is(_) | Test::Left(_));
        Self::from(Query { terms: self.query.terms.iter().filter(own).cloned().collect() })
    }

    /// Whether the row passes. `matcher` is kept by the caller, since it owns memory that is worth keeping.
    pub fn matches(&self, matcher: &mut Matcher, row: &Listed, standing: &Standing, now: Timestamp) -> bool {
        let atoms = self.atoms.iter().map(Option::as_ref);
        self.query
            .terms
            .iter()
            .zip(atoms)
            .all(|(term, atom)| term.not != passes(&term.test, atom, matcher, row, standing, now))
    }

    pub fn matcher() -> Matcher {
        Matcher::new(Config::DEFAULT)
    }
}

impl From<Query> for Filter {
    fn from(query: Query) -> Self {
        let atoms = query.terms.iter().map(|term| match &term.test {
            Test::Text(text) => Some(atom(text, term.not)),
            _ => None,
        });
        Self { atoms: atoms.collect(), query }
    }
}

/// What is typed without quotes is found where its letters stand in order; what must not be there, only where it stands.
fn atom(text: &Text, not: bool) -> Atom {
    let kind = if not || text.form != Form::Word { AtomKind::Substring } else { AtomKind::Fuzzy };
    Atom::new(&text.typed, CaseMatching::Ignore, Normalization::Smart, kind, false)
}

fn passes(
    test: &Test,
    atom: Option<&Atom>,
    matcher: &mut Matcher,
    row: &Listed,
    standing: &Standing,
    now: Timestamp,
) -> bool {
    match test {
        Test::Text(text) => {
            let Some(atom) = atom else { return false };
            let id = row.id.to_string();
            let mut buffer = Vec::new();
            let mut stands = |name: &str| atom.score(Utf32Str::new(name, &mut buffer), matcher).is_some();
            if atom.kind != AtomKind::Fuzzy {
                return [id.as_str(), &*row.title, &*row.subject, row.agent.as_str()].into_iter().any(stands);
            }
            let mut stands = |name: &str| has_numbers(&text.typed, name) && stands(name);
            [id.as_str(), &*row.subject, row.agent.as_str()].into_iter().any(&mut stands)
                || row.title.to_lowercase().contains(&text.typed.to_lowercase())
                || [&*row.title, &*row.subject].into_iter().any(|said| slipped(&text.typed, said))
        }
        Test::Key(key, values) => values.iter().any(|value| has(*key, row, standing, value)),
        Test::Is(all) => all.iter().any(|one| is(*one, row, standing, now)),
        Test::Since(when) => row.changed_at >= when.at(now),
        Test::Before(when) => row.changed_at < when.at(now),
        Test::Left(span) => row.state.undecided() && row.expires_at.duration_since(now) <= *span,
    }
}

/// The numbers of what is typed stand in the name as they are: one digit more or less is another run, not a slip.
fn has_numbers(typed: &str, name: &str) -> bool {
    let numbers = typed.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    numbers.into_iter().all(|number| name.contains(number))
}

/// A word of the text is the typed one but for one letter: another, one more, one less, or two in the wrong order.
fn slipped(typed: &str, text: &str) -> bool {
    let typed: Vec<char> = typed.to_lowercase().chars().collect();
    typed.len() >= SLIP_LETTERS_MIN
        && !typed.iter().any(char::is_ascii_digit)
        && words(text).any(|word| is_one_slip(&typed, &word.chars().collect::<Vec<_>>()))
}

fn is_one_slip(a: &[char], b: &[char]) -> bool {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([one, two, a @ ..], [first, second, b @ ..]) if (one, two) == (second, first) && a == b => true,
        ([_, rest @ ..], _) if rest == b => true,
        (_, [_, rest @ ..]) if rest == a => true,
        _ => a.is_empty() && b.is_empty(),
    }
}

fn has(key: Key, row: &Listed, standing: &Standing, value: &str) -> bool {
    let is = |text: &str| text.eq_ignore_ascii_case(value);
    let asked = || row.reviewers.iter().any(|reviewer| same_person(reviewer.as_str(), value, standing));
    match key {
        Key::Kind => row.kind().word() == value,
        Key::Env => is(&row.environment) || long_name(value) == Some(&*row.environment),
        Key::State => row.state.word() == value,
        Key::Risk => row.risk.word() == value,
        Key::Service | Key::App => is(row.service()) || is(&row.subject),
        Key::Agent => is(row.agent.as_str()),
        Key::Owner => same_person(row.owner.as_str(), value, standing),
        // A list knows who was asked; who decided or reworded is in the bodies.
        Key::Asked | Key::Reviewer | Key::Who => asked(),
        Key::Incident => row.incident.as_deref().is_some_and(|incident| incident_names(incident).any(is)),
        Key::Source => standing.sources.iter().any(|source| is(source)),
        Key::Id => is_id(row.id, value),
        Key::Page => row.kind() == Kind::Runbook && row.subject.split('@').next().is_some_and(is),
    }
}

fn same_person(person: &str, value: &str, standing: &Standing) -> bool {
    person.eq_ignore_ascii_case(if value == "me" { &standing.me } else { value })
}

fn is(is: Is, row: &Listed, standing: &Standing, now: Timestamp) -> bool {
    match is {
        Is::New => standing.new,
        Is::Changed => standing.changed,
        Is::Stale => row.stale,
        Is::Unknown => standing.unknown,
        Is::Unsent => row.unsent || standing.unsent,
        Is::Refused => standing.refused,
        Is::Expiring => expiring(row, now),
        Is::Mine => {
            row.owner.as_str() == standing.me
                || row.reviewers.iter().any(|reviewer| reviewer.as_str() == standing.me)
        }
        Is::HalfSigned => row.state == State::HalfSigned,
        Is::OnHold => standing.on_hold,
        Is::Overtaken => standing.overtaken,
        Is::Read => !standing.new && !standing.changed,
    }
}

/// Fifteen minutes or a tenth of its life are left.
pub fn expiring(row: &Listed, now: Timestamp) -> bool {
    let left = row.expires_at.duration_since(now);
    let life = row.expires_at.duration_since(row.created_at);
    row.state.undecided() && (left <= EXPIRING || left.as_millis() * 10 <= life.as_millis())
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.query)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::{Digest, Risk};
    use crate::wire::{BaseHead, RowHead};

    const NOW: &str = "2026-05-30T02:14:00Z";

    fn row() -> Listed {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let head = RowHead {
            id: "sync-8822".parse().unwrap(),
            kind: Kind::Sync,
            subject: "checkout-web".into(),
            environment: "production".into(),
            title: "configmap drift on feature flag".into(),
            state: State::Pending,
            how: None,
            verdict: crate::row::Verdict::Hold,
            risk: Risk::Reversible,
            revision: 2,
            word: "losab".into(),
            content_sha256: Digest([0; 32]),
            base: BaseHead { revision: "4f1c9e2".into(), sha256: Digest([1; 32]) },
            agent: "argus".parse().unwrap(),
            owner: "admin".parse().unwrap(),
            reviewers: vec!["sarah".parse().unwrap()],
            keys_needed: 1,
            keys_given: 0,
            second_key_by: None,
            void: vec![],
            incident: Some("INC-771".into()),
            created_at: at("2026-05-30T01:50:00Z"),
            changed_at: at("2026-05-30T02:12:00Z"),
            expires_at: at("2026-05-30T05:50:00Z"),
            as_of: at(NOW),
            stale: true,
            unsent: false,
        };
        Listed::from(&head)
    }

    fn passes(text: &str) -> bool {
        let standing =
            Standing { me: "sarah".into(), new: true, sources: vec!["argocd".into()], ..Standing::default() };
        let filter = Filter::parse(text).unwrap();
        filter.matches(&mut Filter::matcher(), &row(), &standing, NOW.parse().unwrap())
    }

    #[test]
    fn what_passes_and_what_does_not() {
        for (text, expected) in [
            ("", true),
            ("  - ", true),
            ("checkout", true),
            ("chkweb", true),
            // In a sentence a word stands, or all but stands.
            ("configmap", true),
            ("conf", true),
            ("8822", true),
            ("882", true),
            ("syn8822", true),
            ("8823", false),
            ("88822", false),
            ("confgimap", true),
            ("configmp", true),
            ("configmapp", true),
            ("drixt", true),
            ("cfgmap", false),
            ("dtr", false),
            ("felt", false),
            ("payments", false),
            ("-payments", true),
            ("-checkout", false),
            ("argus flag", true),
            ("\"feature flag\"", true),
            ("env:prod", true),
            ("env:production", true),
            ("env:staging", false),
            ("-env:staging", true),
            ("env:staging,prod", true),
            ("kind:sync state:pending risk:reversible", true),
            ("state:declined", false),
            ("asked:me", true),
            ("asked:jordan", false),
            ("owner:admin agent:argus app:checkout-web", true),
            ("incident:INC-771", true),
            ("incident:771", true),
            ("incident:77", false),
            ("id:sync_8822", true),
            ("source:argocd", true),
            ("is:stale", true),
            ("is:new is:mine", true),
            ("is:read", false),
            ("is:unsent,new", true),
            ("is:expiring", false),
            ("since:5m", true),
            ("since:1m", false),
            ("before:1m", true),
            ("left:4h", true),
            ("left:1h", false),
            ("before:2026-05-30", false),
            ("since:2026-05-30 before:2026-05-31", true),
            ("who:me", true),
            ("page:CONF-4711", false),
            ("\"flag feature\"", false),
            ("\"drift: on\"", false),
        ] {
            assert_eq!(passes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_number_is_the_one_that_is_typed() {
        let gate = Listed {
            id: "gate-9841".parse().unwrap(),
            subject: "billing-worker#9832@production".into(),
            title: "run 9832 was read at 2031".into(),
            ..row()
        };
        let passes = |text: &str| {
            let filter = Filter::parse(text).unwrap();
            filter.matches(&mut Filter::matcher(), &gate, &Standing::default(), NOW.parse().unwrap())
        };
        for (text, expected) in
            [("9832", true), ("wrk9832", true), ("9836", false), ("9823", false), ("run 9836", false)]
        {
            assert_eq!(passes(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_names_the_nearest() {
        for (text, said) in [
            ("evn:prod", "No key is called `evn`. Nearest: env."),
            ("is:stael", "`is:` knows no `stael`. Nearest: stale."),
            ("state:declnied", "No state is called `declnied`. Nearest: declined."),
            ("kind:zzzzzzz", "No kind is called `zzzzzzz`. `?` lists what there is."),
            ("since:soon", "`since:` wants a time: 30m, 24h, 7d, or a date: 2026-05-01."),
            ("env:", "`env:` wants a value, as in env:prod."),
        ] {
            assert_eq!(Filter::parse(text).unwrap_err().to_string(), said);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            if let Ok(filter) = Filter::parse(&text) {
                filter.matches(&mut Filter::matcher(), &row(), &Standing::default(), NOW.parse().unwrap());
            }
        }
    }
}
