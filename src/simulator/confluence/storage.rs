//! Storage format as Confluence takes and keeps it: XHTML with its own prefixes, checked, and changed a little on the way in.
//!
//! Never: a change that a second storing would make again.

/// The prefixes that need no declaration.
const PREFIXES: [&str; 4] = ["ac", "at", "ri", "xml"];

/// What is kept of what was sent; else why it cannot be read, in Confluence's words. `id` gives a new id each time, as
/// hexadecimal digits.
pub(super) fn stored(sent: &str, id: &mut dyn FnMut() -> String) -> Result<String, String> {
    let mut reader = Reader { text: sent, at: 0, open: vec![], out: String::with_capacity(sent.len() + 64) };
    let read = reader.read(id);
    read.map_err(|why| {
        let before = &sent[..reader.at.min(sent.len())];
        let row = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("Error parsing xhtml: {why}\n at [row,col {{unknown-source}}]: [{row},{column}]")
    })?;
    Ok(reader.out)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<&'t str>,
    out: String,
}

impl<'t> Reader<'t> {
    fn read(&mut self, id: &mut dyn FnMut() -> String) -> Result<(), String> {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if let Some(after) = rest.strip_prefix("<![CDATA[") {
                self.whole(rest.len() - after.len(), "]]>", "a CDATA section")?;
            } else if rest.starts_with("<!--") {
                self.whole(4, "-->", "a comment")?;
            } else if let Some(after) = rest.strip_prefix("</") {
                self.close(after)?;
            } else if let Some(after) = rest.strip_prefix('<') {
                self.start(after, id)?;
            } else {
                let end = rest.find('<').unwrap_or(rest.len());
                references(&rest[..end])?;
                self.copy(end);
            }
        }
        match self.open.last() {
            Some(name) => Err(format!("Unexpected end of the input; expected </{name}>.")),
            None => Ok(()),
        }
    }

    /// Carries so many bytes over as they are.
    fn copy(&mut self, bytes: usize) {
        self.out.push_str(&self.text[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn whole(&mut self, opening: usize, end: &str, what: &str) -> Result<(), String> {
        let body = &self.text[self.at + opening..];
        let length = body.find(end).ok_or_else(|| format!("Unexpected end of the input in {what}."))?;
        self.copy(opening + length + end.len());
        Ok(())
    }

    fn close(&mut self, after: &'t str) -> Result<(), String> {
        let end = after.find('>').ok_or("Unexpected end of the input in an end tag.")?;
        let name = after[..end].trim_end();
        match self.open.pop() {
            Some(open) if open == name => {
                self.copy(2 + end + 1);
                Ok(())
            }
            Some(open) => Err(format!("Unexpected close tag </{name}>; expected </{open}>.")),
            None => Err(format!("Unexpected close tag </{name}>; nothing is open.")),
        }
    }

    fn start(&mut self, after: &'t str, id: &mut dyn FnMut() -> String) -> Result<(), String> {
        let length = name_length(after);
        let (name, mut rest) = after.split_at(length);
        known(name, after)?;
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        let empty = loop {
            let trimmed = rest.trim_start();
            if let Some(end) = trimmed.strip_prefix("/>") {
                break (true, end);
            }
            if let Some(end) = trimmed.strip_prefix('>') {
                break (false, end);
            }
            if trimmed.len() == rest.len() {
                return Err(unexpected(trimmed, "space, or '>' or \"/>\""));
            }
            let (attribute, value, left) = attribute(trimmed)?;
            if attributes.iter().any(|(other, _)| *other == attribute) {
                return Err(format!("Duplicate attribute '{attribute}'."));
            }
            attributes.push((attribute, value));
            rest = left;
        };
        let (empty, left) = empty;
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in &attributes {
            self.out.push_str(&format!(" {attribute}={value}"));
        }
        let has = |name: &str| attributes.iter().any(|(attribute, _)| *attribute == name);
        if name == "ac:structured-macro" {
            if !has("ac:schema-version") {
                self.out.push_str(" ac:schema-version=\"1\"");
            }
            if !has("ac:macro-id") {
                self.out.push_str(&format!(" ac:macro-id=\"{}\"", uuid(&id())));
            }
        }
        if name == "p" && !has("local-id") {
            self.out.push_str(&format!(" local-id=\"{}\"", id().get(..12).unwrap_or_default()));
        }
        self.out.push_str(if empty { " />" } else { ">" });
        if !empty {
            self.open.push(name);
        }
        self.at = self.text.len() - left.len();
        Ok(())
    }
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || matches!(c, ':' | '-' | '_' | '.'))).unwrap_or(text.len())
}

fn known(name: &str, after: &str) -> Result<(), String> {
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Err(unexpected(after, "a valid start character for a name"));
    }
    match name.split_once(':') {
        Some((prefix, _)) if !PREFIXES.contains(&prefix) => {
            Err(format!("Undeclared namespace prefix \"{prefix}\"."))
        }
        Some(_) | None => Ok(()),
    }
}

/// Name, value with its quotes, and what follows.
fn attribute(text: &str) -> Result<(&str, &str, &str), String> {
    let (name, rest) = text.split_at(name_length(text));
    known(name, text)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').ok_or_else(|| unexpected(rest, "'='"))?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let quote = quote.ok_or_else(|| unexpected(rest, "a quoted value"))?;
    let end = rest[1..].find(quote).ok_or("Unexpected end of the input in an attribute.")?;
    let value = &rest[..end + 2];
    if value.contains('<') {
        return Err("Unexpected character '<' (code 60) in an attribute.".to_owned());
    }
    references(value)?;
    Ok((name, value, &rest[end + 2..]))
}

/// Each `&` begins a reference that ends.
fn references(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('&') {
        let name = text[at + 1..].split_once(';').map(|(name, _)| name.strip_prefix('#').unwrap_or(name));
        if !name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())) {
            return Err(unexpected(&text[at + 1..], "a name for an entity reference"));
        }
    }
    Ok(())
}

fn unexpected(at: &str, expected: &str) -> String {
    match at.chars().next() {
        Some(c) => format!("Unexpected character '{c}' (code {}) expected {expected}", u32::from(c)),
        None => format!("Unexpected end of the input; expected {expected}"),
    }
}

/// 32 digits as a UUID is written.
fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(sent: &str) -> Result<String, String> {
        let mut count = 0_u64;
        stored(sent, &mut || {
            count += 1;
            format!("{count:032x}")
        })
    }

    #[test]
    fn what_is_stored_has_ids_and_is_stored_the_same_again() {
        let sent = "<h1>A</h1><p>b &amp; c&nbsp;&#160;</p><hr/><ac:structured-macro ac:name=\"code\">\
            <ac:plain-text-body><![CDATA[a < b && c > d </p>]]></ac:plain-text-body></ac:structured-macro>\
            <p local-id='x'>y</p><ac:link><ri:page ri:content-title=\"Z\"/></ac:link><!-- <b> -->";
        let once = store(sent).unwrap();
        let expected = "<h1>A</h1><p local-id=\"000000000000\">b &amp; c&nbsp;&#160;</p><hr /><ac:structured-macro \
            ac:name=\"code\" ac:schema-version=\"1\" ac:macro-id=\"00000000-0000-0000-0000-000000000002\">\
            <ac:plain-text-body><![CDATA[a < b && c > d </p>]]></ac:plain-text-body></ac:structured-macro>\
            <p local-id='x'>y</p><ac:link><ri:page ri:content-title=\"Z\" /></ac:link><!-- <b> -->";
        assert_eq!(once, expected);
        assert_eq!(store(&once).unwrap(), once);
    }

    #[test]
    fn what_is_not_xhtml_is_refused_in_its_words() {
        for (sent, why) in [
            ("<p><b>a</p>", "Unexpected close tag </p>; expected </b>."),
            ("<p>a<br></p>", "Unexpected close tag </p>; expected </br>."),
            ("<p>a", "Unexpected end of the input; expected </p>."),
            ("</p>", "Unexpected close tag </p>; nothing is open."),
            ("<p>a & b</p>", "Unexpected character ' ' (code 32) expected a name"),
            ("<p class=a>b</p>", "Unexpected character 'a' (code 97) expected a quoted value"),
            ("<p a='1' a='2'>b</p>", "Duplicate attribute 'a'."),
            ("<x:y/>", "Undeclared namespace prefix \"x\"."),
            ("a < b", "Unexpected character ' ' (code 32)"),
            ("<p>\n<![CDATA[ a</p>", "Unexpected end of the input in a CDATA section."),
        ] {
            let told = store(sent).unwrap_err();
            assert!(told.starts_with(&format!("Error parsing xhtml: {why}")), "{sent}: {told}");
            assert!(told.contains("at [row,col {unknown-source}]: ["), "{told}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_stored_or_refused_and_storing_again_changes_nothing(sent in "[<>/&;pab:=\"'! \\-\\[\\]]{0,40}") {
            if let Ok(once) = store(&sent) {
                proptest::prop_assert_eq!(store(&once), Ok(once.clone()));
            }
        }
    }
}
