//! The language: words, `key:value`, `is:`, times; a space is and, a comma or, `-` not, quotes keep words together.
//!
//! Never: guesses. A key that is not known is an error that says which there are.

use std::fmt;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::words;
use crate::row::{Kind, Risk, RowId, State};

/// What was typed, read. The empty one takes every row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All of them hold.
    pub terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    pub not: bool,
    pub test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    Text(Text),
    /// One of these values.
    Key(Key, Vec<String>),
    /// One of what only a reader's own list knows.
    Is(Vec<Is>),
    /// Changed at this time or later.
    Since(When),
    Before(When),
    /// Expires within this time; of a reader's own list, as `is:` is.
    Left(SignedDuration),
}

/// Words that stand one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub typed: String,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without quotes: the last of its words may be the beginning of one.
    Word,
    /// Between quotes: exactly these words.
    Phrase,
    /// A quote that was not closed (yet): as between quotes, and the last word may be the beginning of one.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Ago(SignedDuration),
    At(Timestamp),
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $enum:ident { $($(#[$about:meta])* $variant:ident $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $enum { $($(#[$about])* $variant),+ }

        impl $enum {
            pub const WORDS: &'static [(&'static str, $enum)] = &[$(($word, $enum::$variant)),+];

            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

vocabulary! {
    /// What can be asked of a row by a name and a value. Values are compared without regard to small and capital.
    Key {
        Kind "kind", Env "env", State "state", Risk "risk",
        /// The service, application or subject.
        Service "service",
        App "app", Agent "agent", Owner "owner", Asked "asked", Reviewer "reviewer", Incident "incident",
        /// A platform that its facts come from.
        Source "source",
        Id "id",
        /// A person who was asked, decided or reworded.
        Who "who",
        /// A runbook's page, as the config names it.
        Page "page",
    }
}

vocabulary! {
    /// What a row is to one reader.
    Is {
        New "new", Changed "changed", Stale "stale", Unknown "unknown", Unsent "unsent", Refused "refused",
        Expiring "expiring", Mine "mine", HalfSigned "half_signed", OnHold "on_hold", Overtaken "overtaken",
        Read "read",
    }
}

const TIMES: [&str; 3] = ["since", "before", "left"];

/// What is wrong with a text, and which words were possible there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAQuery {
    what: String,
    /// The word that is not known; empty where it is not about a word.
    pub word: String,
    pub among: Vec<&'static str>,
}

impl NotAQuery {
    fn plain(what: String) -> Self {
        Self { what, word: String::new(), among: Vec::new() }
    }

    /// In a sentence, with the known word that is meant where the caller found one.
    pub fn sentence(&self, nearest: Option<&str>) -> String {
        let what = &self.what;
        match nearest {
            _ if self.among.is_empty() => what.clone(),
            Some(nearest) => format!("{what}. Nearest: {nearest}."),
            None => format!("{what}. `?` lists what there is."),
        }
    }
}

impl Query {
    /// A query is typed by hand.
    pub const BYTES_MAX: usize = 1024;

    pub fn parse(text: &str) -> Result<Self, NotAQuery> {
        if text.len() > Self::BYTES_MAX {
            return Err(NotAQuery::plain(format!("A filter has {} bytes at most.", Self::BYTES_MAX)));
        }
        let terms = tokens(text).into_iter().map(term).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The words that a row has to have, term by term.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let text = |term: &Term| !term.not && matches!(&term.test, Test::Text(text) if text.any());
        self.terms.iter().filter(move |term| text(term)).filter_map(|term| match &term.test {
            Test::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Without what only a reader's own list can tell, and with `me` by name: what a backend is asked.
    #[must_use]
    pub fn for_backend(&self, me: &str) -> Self {
        let named = |value: &String| if value == "me" { me.to_owned() } else { value.clone() };
        let kept = |term: &Term| match &term.test {
            Test::Is(_) | Test::Left(_) => None,
            Test::Key(key @ (Key::Owner | Key::Asked | Key::Reviewer | Key::Who), values) => {
                let values = values.iter().map(named).collect();
                Some(Term { not: term.not, test: Test::Key(*key, values) })
            }
            _ => Some(term.clone()),
        };
        Self { terms: self.terms.iter().filter_map(kept).collect() }
    }

    /// What stands after a quotation mark that has no other: it may still be typed.
    pub fn unclosed(&self) -> Option<&str> {
        self.terms.iter().find_map(|term| match &term.test {
            Test::Text(Text { typed, form: Form::Open }) => Some(typed.as_str()),
            _ => None,
        })
    }

    /// The first term that only a reader's own list can tell.
    pub fn own(&self) -> Option<&Term> {
        self.terms.iter().find(|term| matches!(term.test, Test::Is(_) | Test::Left(_)))
    }

    /// What is asked of a row's head alone holds: kind, state, id and time.
    pub fn admits(&self, id: RowId, state: State, changed_at: Timestamp, now: Timestamp) -> bool {
        self.terms.iter().all(|term| {
            let holds = match &term.test {
                Test::Key(Key::Kind, values) => values.iter().any(|value| id.kind.word() == value),
                Test::Key(Key::State, values) => values.iter().any(|value| state.word() == value),
                Test::Key(Key::Id, values) => values.iter().any(|value| is_id(id, value)),
                Test::Since(when) => changed_at >= when.at(now),
                Test::Before(when) => changed_at < when.at(now),
                Test::Key(..) | Test::Text(_) | Test::Is(_) | Test::Left(_) => return true,
            };
            holds != term.not
        })
    }
}

/// `sync_8822` is `sync-8822`.
pub fn is_id(id: RowId, typed: &str) -> bool {
    id.to_string().eq_ignore_ascii_case(&typed.replace('_', "-"))
}

impl Text {
    /// In the order in which they have to stand.
    pub fn words(&self) -> Vec<String> {
        words(&self.typed).collect()
    }

    /// The last word may be only begun.
    pub fn begun(&self) -> bool {
        self.form != Form::Phrase
    }

    fn any(&self) -> bool {
        words(&self.typed).next().is_some()
    }
}

impl When {
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(span) => now.saturating_sub(span).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }

    /// `24h`, `2026-05-01` (its beginning, UTC), `2026-05-01T02:14:00Z`.
    fn parse(text: &str) -> Option<Self> {
        if let Some(span) = span(text) {
            return Some(Self::Ago(span));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some(Self::At(at));
        }
        let day: Date = text.parse().ok().filter(|_| text.len() == "2026-05-01".len())?;
        Some(Self::At(day.to_zoned(TimeZone::UTC).ok()?.timestamp()))
    }
}

/// `30s`, `30m`, `24h`, `7d`.
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

/// One token, without its quotes.
#[derive(Default)]
struct Token {
    text: String,
    /// It begins with a quote, perhaps after a `-`.
    quoted: bool,
    open: bool,
}

/// Splits at spaces outside of quotes.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut token = Token::default();
    for c in text.chars() {
        match c {
            '"' => {
                token.quoted |= token.text.is_empty() || token.text == "-";
                token.open = !token.open;
            }
            c if c.is_whitespace() && !token.open => tokens.push(std::mem::take(&mut token)),
            c => token.text.push(c),
        }
    }
    tokens.push(token);
    tokens.retain(|token| !token.text.is_empty() && token.text != "-");
    tokens
}

fn term(token: Token) -> Result<Term, NotAQuery> {
    let (not, body) = token.text.strip_prefix('-').map_or((false, token.text.as_str()), |body| (true, body));
    let text = |form| Ok(Term { not, test: Test::Text(Text { typed: body.to_owned(), form }) });
    if token.quoted {
        return text(if token.open { Form::Open } else { Form::Phrase });
    }
    // A colon inside of a word, as in an address, is no key.
    let Some((key, values)) =
        body.split_once(':').filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    else {
        return text(match (body.contains(char::is_whitespace), token.open) {
            (_, true) => Form::Open,
            (true, false) => Form::Phrase,
            (false, false) => Form::Word,
        });
    };
    let values: Vec<String> =
        values.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let Some(first) = values.first() else {
        return Err(NotAQuery::plain(format!("`{key}:` wants a value, as in {}.", example(key))));
    };
    let test = match key {
        "is" => Test::Is(values.iter().map(|value| is(value)).collect::<Result<_, _>>()?),
        "left" => Test::Left(span(first).ok_or_else(|| no_time(key))?),
        "since" => Test::Since(When::parse(first).ok_or_else(|| no_time(key))?),
        "before" => Test::Before(When::parse(first).ok_or_else(|| no_time(key))?),
        _ => keyed(key, values)?,
    };
    Ok(Term { not, test })
}

fn no_time(key: &str) -> NotAQuery {
    let date = if key == "left" { "" } else { ", or a date: 2026-05-01" };
    NotAQuery::plain(format!("`{key}:` wants a time: 30m, 24h, 7d{date}."))
}

fn is(value: &str) -> Result<Is, NotAQuery> {
    let found = Is::WORDS.iter().find(|(word, _)| *word == value).map(|(_, found)| *found);
    let among = || Is::WORDS.iter().map(|(word, _)| *word).collect();
    found.ok_or_else(|| NotAQuery {
        what: format!("`is:` knows no `{value}`"),
        word: value.to_owned(),
        among: among(),
    })
}

fn keyed(key: &str, values: Vec<String>) -> Result<Test, NotAQuery> {
    let Some((_, known)) = Key::WORDS.iter().find(|(name, _)| *name == key) else {
        let among = Key::WORDS.iter().map(|(name, _)| *name).chain(["is"]).chain(TIMES).collect();
        return Err(NotAQuery { what: format!("No key is called `{key}`"), word: key.to_owned(), among });
    };
    closed(*known, &values)?;
    Ok(Test::Key(*known, values))
}

/// Keys with a closed list of values say so when a value is not in it.
fn closed(key: Key, values: &[String]) -> Result<(), NotAQuery> {
    let among: Vec<&'static str> = match key {
        Key::Kind => Kind::ALL.iter().map(|kind| kind.word()).collect(),
        Key::State => State::ALL.iter().map(|state| state.word()).collect(),
        Key::Risk => {
            [Risk::Reversible, Risk::Costly, Risk::Irreversible].iter().map(|risk| risk.word()).collect()
        }
        _ => return Ok(()),
    };
    match values.iter().find(|value| !among.contains(&value.as_str())) {
        Some(value) => {
            let what = format!("No {} is called `{value}`", key.word());
            Err(NotAQuery { what, word: value.clone(), among })
        }
        None => Ok(()),
    }
}

fn example(key: &str) -> &'static str {
    match key {
        "is" => "is:stale",
        "since" | "before" | "left" => "since:24h",
        "state" => "state:declined",
        "who" => "who:priya",
        _ => "env:prod",
    }
}

/// Environments as people type them.
pub fn long_name(short: &str) -> Option<&'static str> {
    Some(match short {
        "prod" => "production",
        "stage" | "stg" => "staging",
        "dev" => "development",
        _ => return None,
    })
}

/// As it would be typed: what is written is read as the same query.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Term { not, test }) in self.terms.iter().enumerate() {
            let (space, not) = (if at == 0 { "" } else { " " }, if *not { "-" } else { "" });
            write!(f, "{space}{not}")?;
            let values = |words: &mut dyn Iterator<Item = &str>| words.collect::<Vec<_>>().join(",");
            match test {
                Test::Text(Text { typed, form: Form::Word }) => write!(f, "{typed}"),
                Test::Text(Text { typed, form: Form::Phrase }) => write!(f, "\"{typed}\""),
                Test::Text(Text { typed, form: Form::Open }) => write!(f, "\"{typed}"),
                Test::Key(key, named) => {
                    write!(f, "{}:\"{}\"", key.word(), values(&mut named.iter().map(String::as_str)))
                }
                Test::Is(all) => write!(f, "is:{}", values(&mut all.iter().map(|is| is.word()))),
                Test::Since(when) => write!(f, "since:{when}"),
                Test::Before(when) => write!(f, "before:{when}"),
                Test::Left(span) => write!(f, "left:{}", When::Ago(*span)),
            }?;
        }
        Ok(())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The largest unit that says it exactly: seconds have no more than five digits.
            Self::Ago(span) => {
                let seconds = span.as_secs();
                let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
                let unit = units.into_iter().find(|(each, _)| seconds > 0 && seconds % each == 0);
                let (each, unit) = unit.unwrap_or((1, 's'));
                write!(f, "{}{unit}", seconds / each)
            }
            Self::At(at) => write!(f, "{at}"),
        }
    }
}
