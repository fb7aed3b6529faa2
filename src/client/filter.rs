//! The filter language, the same in the console, in `[views]` and in `dock rows --search`.
//!
//! Words are fuzzy over id, title, subject and agent; `key:value` is exact; a space is and, a comma or, `-` not, quotes
//! keep spaces together.
//!
//! Never: guesses. A key that is not known is an error that names the nearest.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::listed::Listed;
use crate::config::nearest;
use crate::row::{Kind, Risk, State};

/// A filter, read. The empty one matches every row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    terms: Vec<Term>,
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

#[derive(Clone, Debug, PartialEq)]
struct Term {
    not: bool,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Word(Atom),
    Field(Field, Vec<String>),
    Is(Vec<Is>),
    /// Changed within this time.
    Since(SignedDuration),
    Before(SignedDuration),
    /// Expires within this time.
    Left(SignedDuration),
}

macro_rules! words {
    ($enum:ident { $($variant:ident $word:literal),+ $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $enum { $($variant),+ }

        impl $enum {
            const WORDS: &'static [(&'static str, $enum)] = &[$(($word, $enum::$variant)),+];
        }
    };
}

words!(Field {
    Kind "kind", Env "env", State "state", Risk "risk", Service "service", App "app", Agent "agent", Owner "owner",
    Asked "asked", Reviewer "reviewer", Incident "incident", Source "source", Id "id",
});

words!(Is {
    New "new", Changed "changed", Stale "stale", Unknown "unknown", Unsent "unsent", Refused "refused",
    Expiring "expiring", Mine "mine", HalfSigned "half_signed", OnHold "on_hold", Overtaken "overtaken", Read "read",
});

const TIMES: [&str; 3] = ["since", "before", "left"];
/// A filter is typed by hand.
pub const FILTER_BYTES_MAX: usize = 1024;
/// A row expires soon when this is left of its life, or a tenth.
pub const EXPIRING: SignedDuration = SignedDuration::from_mins(15);

/// What is wrong, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(String);

impl Filter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(FilterError(format!("A filter has {FILTER_BYTES_MAX} bytes at most.")));
        }
        let terms = tokens(text).into_iter().map(|token| term(&token)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether the row passes. `matcher` is kept by the caller, since it owns memory that is worth keeping.
    pub fn matches(&self, matcher: &mut Matcher, row: &Listed, standing: &Standing, now: Timestamp) -> bool {
        self.terms.iter().all(|term| term.not != term.test.passes(matcher, row, standing, now))
    }

    pub fn matcher() -> Matcher {
        Matcher::new(Config::DEFAULT)
    }
}

impl Test {
    fn passes(&self, matcher: &mut Matcher, row: &Listed, standing: &Standing, now: Timestamp) -> bool {
        match self {
            Test::Word(atom) => {
                let id = row.id.to_string();
                let mut buffer = Vec::new();
                [id.as_str(), &*row.title, &*row.subject, row.agent.as_str()]
                    .into_iter()
                    .any(|text| atom.score(Utf32Str::new(text, &mut buffer), matcher).is_some())
            }
            Test::Field(field, values) => values.iter().any(|value| field.is(row, standing, value)),
            Test::Is(all) => all.iter().any(|is| is.of(row, standing, now)),
            Test::Since(span) => now.duration_since(row.changed_at) <= *span,
            Test::Before(span) => now.duration_since(row.changed_at) > *span,
            Test::Left(span) => row.state.undecided() && row.expires_at.duration_since(now) <= *span,
        }
    }
}

impl Field {
    fn is(self, row: &Listed, standing: &Standing, value: &str) -> bool {
        match self {
            Field::Kind => row.kind().word() == value,
            Field::Env => *row.environment == *value || long_name(value) == Some(&*row.environment),
            Field::State => row.state.word() == value,
            Field::Risk => row.risk.word() == value,
            Field::Service | Field::App => row.service() == value || *row.subject == *value,
            Field::Agent => row.agent.as_str() == value,
            Field::Owner => row.owner.as_str() == me(value, standing),
            Field::Asked | Field::Reviewer => {
                row.reviewers.iter().any(|reviewer| reviewer.as_str() == me(value, standing))
            }
            Field::Incident => row.incident.as_deref() == Some(value),
            Field::Source => standing.sources.iter().any(|source| source == value),
            Field::Id => row.id.to_string() == value.replace('_', "-"),
        }
    }
}

impl Is {
    fn of(self, row: &Listed, standing: &Standing, now: Timestamp) -> bool {
        match self {
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
}

/// Fifteen minutes or a tenth of its life are left.
pub fn expiring(row: &Listed, now: Timestamp) -> bool {
    let left = row.expires_at.duration_since(now);
    let life = row.expires_at.duration_since(row.created_at);
    row.state.undecided() && (left <= EXPIRING || left.as_millis() * 10 <= life.as_millis())
}

/// Environments as people type them.
fn long_name(short: &str) -> Option<&'static str> {
    Some(match short {
        "prod" => "production",
        "stage" | "stg" => "staging",
        "dev" => "development",
        _ => return None,
    })
}

fn me<'a>(value: &'a str, standing: &'a Standing) -> &'a str {
    if value == "me" { &standing.me } else { value }
}

/// Splits at spaces outside of quotes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let (mut token, mut quoted, mut any) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            c if c.is_whitespace() && !quoted => {
                if any || !token.is_empty() {
                    tokens.push(std::mem::take(&mut token));
                }
                any = false;
            }
            c => token.push(c),
        }
    }
    if any || !token.is_empty() {
        tokens.push(token);
    }
    tokens.retain(|token| !token.is_empty() && token != "-");
    tokens
}

fn term(token: &str) -> Result<Term, FilterError> {
    let (not, body) = token.strip_prefix('-').map_or((false, token), |body| (true, body));
    // A colon inside of a word, as in an address, is no key.
    let Some((key, values)) =
        body.split_once(':').filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    else {
        let kind = if not { AtomKind::Substring } else { AtomKind::Fuzzy };
        let atom = Atom::new(body, CaseMatching::Ignore, Normalization::Smart, kind, false);
        return Ok(Term { not, test: Test::Word(atom) });
    };
    let values: Vec<String> =
        values.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    if values.is_empty() {
        return Err(FilterError(format!("`{key}:` wants a value, as in {}.", example(key))));
    }
    let test = if key == "is" {
        Test::Is(values.iter().map(|value| known(Is::WORDS, value, "is:")).collect::<Result<_, _>>()?)
    } else if TIMES.contains(&key) {
        let span = values.first().and_then(|value| span(value));
        let span = span.ok_or_else(|| FilterError(format!("`{key}:` wants a time: 30m, 24h, 7d.")))?;
        match key {
            "since" => Test::Since(span),
            "before" => Test::Before(span),
            _ => Test::Left(span),
        }
    } else {
        let names = Field::WORDS.iter().map(|(name, _)| *name);
        let Some((_, field)) = Field::WORDS.iter().find(|(name, _)| *name == key) else {
            let all = names.chain(["is"]).chain(TIMES);
            return Err(unknown(&format!("No key is called `{key}`"), nearest(key, all)));
        };
        closed(*field, &values)?;
        Test::Field(*field, values)
    };
    Ok(Term { not, test })
}

/// Fields with a closed list of values say so when a value is not in it.
fn closed(field: Field, values: &[String]) -> Result<(), FilterError> {
    let check =
        |all: Vec<&'static str>, name: &str| match values.iter().find(|value| !all.contains(&value.as_str()))
        {
            Some(value) => {
                Err(unknown(&format!("No {name} is called `{value}`"), nearest(value, all.iter().copied())))
            }
            None => Ok(()),
        };
    match field {
        Field::Kind => check(Kind::ALL.iter().map(|kind| kind.word()).collect(), "kind"),
        Field::State => check(State::ALL.iter().map(|state| state.word()).collect(), "state"),
        Field::Risk => {
            let all = [Risk::Reversible, Risk::Costly, Risk::Irreversible];
            check(all.iter().map(|risk| risk.word()).collect(), "risk")
        }
        _ => Ok(()),
    }
}

fn known<T: Copy>(words: &'static [(&'static str, T)], value: &str, key: &str) -> Result<T, FilterError> {
    let found = words.iter().find(|(word, _)| *word == value).map(|(_, found)| *found);
    found.ok_or_else(|| {
        unknown(&format!("`{key}` knows no `{value}`"), nearest(value, words.iter().map(|(word, _)| *word)))
    })
}

fn unknown(what: &str, nearest: Option<&str>) -> FilterError {
    FilterError(match nearest {
        Some(nearest) => format!("{what}. Nearest: {nearest}."),
        None => format!("{what}. `?` lists what there is."),
    })
}

fn example(key: &str) -> &'static str {
    match key {
        "is" => "is:stale",
        "since" | "before" | "left" => "since:24h",
        "state" => "state:declined",
        _ => "env:prod",
    }
}

/// `30m`, `24h`, `7d`.
pub fn span(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().last()?;
    let number: i64 =
        text[..text.len() - unit.len_utf8()].parse().ok().filter(|n| (0..100_000).contains(n))?;
    Some(match unit {
        's' => SignedDuration::from_secs(number),
        'm' => SignedDuration::from_mins(number),
        'h' => SignedDuration::from_hours(number),
        'd' => SignedDuration::from_hours(24 * number),
        _ => return None,
    })
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} terms", self.terms.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row::Digest;
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
        ] {
            assert_eq!(passes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_known_names_the_nearest() {
        for (text, said) in [
            ("evn:prod", "No key is called `evn`. Nearest: env."),
            ("is:stael", "`is:` knows no `stael`. Nearest: stale."),
            ("state:declnied", "No state is called `declnied`. Nearest: declined."),
            ("kind:zzzzzzz", "No kind is called `zzzzzzz`. `?` lists what there is."),
            ("since:soon", "`since:` wants a time: 30m, 24h, 7d."),
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
