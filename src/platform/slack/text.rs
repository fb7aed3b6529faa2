//! Slack's way of writing text, read and written: mentions, links, three entities.
//!
//! Never: a second decoding of what was decoded.

use std::collections::BTreeMap;

use super::Person;

/// The text as people read it: `@name`, `#channel`, `label (address)`. Who is not among `people` keeps the id.
pub fn plain(text: &str, people: &BTreeMap<String, Person>) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Words(words) => out.push_str(&decoded(words)),
            Piece::Marked(mark) => out.push_str(&spelled(mark, people)),
        }
    }
    out
}

/// The ids of the people whom a text mentions.
pub fn mentioned(text: &str) -> Vec<String> {
    let mention = |piece| match piece {
        Piece::Marked(mark) => {
            let id = mark.strip_prefix('@')?;
            Some(id.split_once('|').map_or(id, |(id, _)| id).to_owned())
        }
        Piece::Words(_) => None,
    };
    pieces(text).into_iter().filter_map(mention).filter(|id| !id.is_empty()).collect()
}

/// Plain text as Slack has to be given it, so that nothing in it becomes a mention or a link with another label.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

enum Piece<'t> {
    Words(&'t str),
    /// What stood between `<` and `>`.
    Marked(&'t str),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = vec![];
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let after = &rest[start + 1..];
        let Some(end) = after.find('>') else { break };
        pieces.push(Piece::Words(&rest[..start]));
        pieces.push(Piece::Marked(&after[..end]));
        rest = &after[end + 1..];
    }
    pieces.push(Piece::Words(rest));
    pieces
}

fn spelled(mark: &str, people: &BTreeMap<String, Person>) -> String {
    let (target, label) = match mark.split_once('|') {
        Some((target, label)) => (target, Some(decoded(label)).filter(|label| !label.is_empty())),
        None => (mark, None),
    };
    let mut kinds = target.chars();
    match kinds.next() {
        Some('@') => {
            let id = kinds.as_str();
            let name = people.get(id).map(|person| person.name.clone()).or(label);
            format!("@{}", name.unwrap_or_else(|| id.to_owned()))
        }
        Some('#') => format!("#{}", label.unwrap_or_else(|| kinds.as_str().to_owned())),
        // `!here`, `!subteam^S012|@oncall`, `!date^…|in other words`.
        Some('!') => label.unwrap_or_else(|| {
            let word = kinds.as_str();
            format!("@{}", word.split_once('^').map_or(word, |(word, _)| word))
        }),
        _ => link(&decoded(target), label),
    }
}

fn link(address: &str, label: Option<String>) -> String {
    match label {
        Some(label) if address == label || address.strip_prefix("mailto:") == Some(&label) => label,
        Some(label) => format!("{label} ({address})"),
        None => address.strip_prefix("mailto:").unwrap_or(address).to_owned(),
    }
}

/// Slack escapes these three and nothing else.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let entity = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
        let known = entity.iter().find(|(entity, _)| rest[at..].starts_with(entity));
        let (letter, length) = known.map_or(('&', 1), |(entity, letter)| (*letter, entity.len()));
        out.push(letter);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> BTreeMap<String, Person> {
        let person = Person { id: "U012".to_owned(), name: "sarah".to_owned(), email: None, bot: false };
        BTreeMap::from([(person.id.clone(), person)])
    }

    #[test]
    fn marks_are_spelled_out() {
        for (text, expected) in [
            (
                "rolling back <https://github.com/acme/x/pull/9|#9> &amp; watching",
                "rolling back #9 (https://github.com/acme/x/pull/9) & watching",
            ),
            ("<@U012> look, <@U999> too, <@U998|old.name>", "@sarah look, @U999 too, @old.name"),
            ("in <#C024|inc-771> and <#C025|> and <#C026>", "in #inc-771 and #C025 and #C026"),
            ("<!here> <!subteam^S01|@payments-oncall> <!subteam^S02>", "@here @payments-oncall @subteam"),
            ("<!date^1392734382^{date_num}|2014-02-18>", "2014-02-18"),
            ("<https://a.example/?x=1&amp;y=2>", "https://a.example/?x=1&y=2"),
            ("<mailto:ops@acme.example|ops@acme.example>", "ops@acme.example"),
            ("a &amp;lt; b &nbsp; & c", "a &lt; b &nbsp; & c"),
            ("5 < 6 and no end", "5 < 6 and no end"),
            ("", ""),
        ] {
            assert_eq!(plain(text, &people()), expected, "{text}");
        }
        assert_eq!(mentioned("<@U1> <@U2|x> <#C1> <@>"), ["U1", "U2"]);
    }

    #[test]
    fn what_is_escaped_is_read_back_and_mentions_nobody() {
        let words = "<!channel> & <@U012> said 1 > 0 &amp; left";
        assert!(!escaped(words).contains(['<', '>']) && mentioned(&escaped(words)).is_empty());
        assert_eq!(plain(&escaped(words), &people()), words);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in "[<>@#!|&;amptlgé ]{0,60}") {
            let _ = plain(&text, &people());
            proptest::prop_assert_eq!(plain(&escaped(&text), &people()), text);
        }
    }
}
