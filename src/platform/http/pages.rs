//! Pages that name the next one in a `Link` header: followed as given, on the platform's own host alone.
//!
//! Never: our credential taken to where a header points.

use reqwest::{Url, header::LINK};

use super::{Answer, Ask, Http};
use crate::platform::{Failure, PlatformError};

impl Http {
    /// The ask for the page after this answer; `None`: it was the last.
    pub(in crate::platform) fn next_page(
        &self,
        ask: &Ask,
        answer: &Answer,
    ) -> Result<Option<Ask>, PlatformError> {
        let mut links = answer.headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
        let Some(next) = links.find_map(next) else { return Ok(None) };
        let wrong = |failure, why: &str| self.error(ask.asked(), failure, why);
        let next = self.base.join(next).map_err(|_| wrong(Failure::Garbage, "a next page at no address"))?;
        if !same_place(&next, &self.base) {
            return Err(wrong(Failure::Redirected, "its next page is on another host"));
        }
        Ok(Some(Ask { address: Some(next), ..ask.clone() }))
    }
}

fn same_place(next: &Url, base: &Url) -> bool {
    next.origin() == base.origin() && next.username().is_empty() && next.password().is_none()
}

/// The address of `rel="next"` in `<https://…>; rel="next", <https://…>; rel="last"`.
fn next(links: &str) -> Option<&str> {
    let mut rest = links;
    while let Some(start) = rest.find('<') {
        let (address, after) = rest[start + 1..].split_once('>')?;
        let end = after.find('<').unwrap_or(after.len());
        let is_next = after[..end].split(';').any(|part| {
            let part: String =
                part.chars().filter(|c| !c.is_whitespace() && *c != ',' && *c != '"').collect();
            part.eq_ignore_ascii_case("rel=next")
        });
        if is_next {
            return Some(address);
        }
        rest = &after[end..];
    }
    None
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn the_next_page_is_the_one_that_is_called_so() {
        for (links, expected) in [
            (
                "<https://a/x?page=2>; rel=\"next\", <https://a/x?page=5>; rel=\"last\"",
                Some("https://a/x?page=2"),
            ),
            (
                "<https://a/x?page=1>; rel=\"prev\", <https://a/x?a,b;c>; rel=\"next\"",
                Some("https://a/x?a,b;c"),
            ),
            ("<https://a/x>; title=\"t\"; rel=next", Some("https://a/x")),
            ("<https://a/x?page=1>; rel=\"first\"", None),
            ("https://a/x; rel=next", None),
            ("<https://a/x", None),
            ("", None),
        ] {
            assert_eq!(next(links), expected, "{links}");
        }
    }

    #[test]
    fn a_next_page_elsewhere_is_not_asked_for() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let manners = super::super::Manners { said: |_| String::new(), failure: |_| None };
        let platform = crate::platform::Platform::GitHub;
        let http =
            Http::new(platform, "https://github.example/api/v3", HeaderMap::new(), None, manners).unwrap();
        let page = |to: &str| {
            let links = HeaderValue::from_str(&format!("<{to}>; rel=\"next\"")).unwrap();
            let headers = HeaderMap::from_iter([(LINK, links)]);
            let answer = Answer { status: reqwest::StatusCode::OK, headers, body: vec![] };
            let next = http.next_page(&Ask::get("a list", &["x"]), &answer);
            next.map(|ask| ask.map(|ask| ask.name())).map_err(|error| error.failure)
        };
        let here = "https://github.example/api/v3/repositories/1/x?page=2";
        assert_eq!(page(here), Ok(Some(here.to_owned())));
        assert_eq!(
            page("/repositories/1/x?page=2"),
            Ok(Some("https://github.example/repositories/1/x?page=2".to_owned()))
        );
        for elsewhere in [
            "https://evil.example/x?page=2",
            "http://github.example/x?page=2",
            "https://github.example:8443/x",
            "https://user@github.example/x",
        ] {
            assert_eq!(page(elsewhere), Err(Failure::Redirected), "{elsewhere}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_harm(links in "[<>;,=\"a-z]{0,60}") {
            let _ = next(&links);
        }
    }
}
