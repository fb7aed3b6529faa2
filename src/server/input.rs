//! What comes in, read strictly: one form, every field known, no key twice, nothing too deep or too long.
//!
//! Never: a lenient reading. What is refused is named by its field, and nothing of it is stored.

use std::{collections::BTreeSet, fmt};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, request::Parts},
};
use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::problem::Problem;

/// Any request but blobs and drafts.
pub(super) const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// A draft carries its whole difference.
pub(super) const DRAFT_BYTES_MAX: usize = 17 * 1024 * 1024;
pub(super) const BLOB_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How deep a body may nest.
const DEPTH_MAX: usize = 32;

/// A JSON body of exactly the expected form, and the bytes as they came.
pub(super) struct Body<T> {
    pub(super) value: T,
    pub(super) bytes: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Raw::from_request(request, state).await?.0;
        Ok(Self { value: read(&bytes)?, bytes })
    }
}

/// A body that may be left out, and its bytes as they came.
pub(super) struct Optional<T> {
    pub(super) value: Option<T>,
    pub(super) bytes: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Optional<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Raw::from_request(request, state).await?.0;
        let value = if bytes.is_empty() { None } else { Some(read(&bytes)?) };
        Ok(Self { value, bytes })
    }
}

/// A body as it came, within the route's limit.
pub(super) struct Raw(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "the body is longer than is taken here",
            ),
            status => Problem::new(status, "bad_request", "the body could not be read"),
        })
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(Problem::bad_request("body", &format!("not UTF-8 after byte {}", error.valid_up_to())));
    }
    let mut scan = serde_json::Deserializer::from_slice(bytes);
    let scanned = Plain { depth: 0 }.deserialize(&mut scan).and_then(|()| scan.end());
    scanned.map_err(|error| Problem::bad_request("body", &error.to_string()))?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner().to_string());
        let field = unknown_field(&why).unwrap_or(&path).to_owned();
        Problem::bad_request(if field == "." { "body" } else { &field }, &why)
    })
}

/// The name in serde's "unknown field `x`, expected …".
fn unknown_field(why: &str) -> Option<&str> {
    why.strip_prefix("unknown field `")?.split('`').next()
}

/// Looks at any JSON and keeps nothing: no key twice in an object, not too deep.
struct Plain {
    depth: usize,
}

impl Plain {
    fn deeper<E: Error>(&self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(E::custom(format_args!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            fields.next_value_seed(self.deeper()?)?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format_args!("the key `{twice}` stands there twice")));
            }
        }
        Ok(())
    }
}

/// The part of a path that names something, parsed.
pub(super) struct Named<T>(pub(super) T);

impl<S: Send + Sync, T> FromRequestParts<S> for Named<T>
where
    T: std::str::FromStr + Send,
    T::Err: fmt::Display,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = |why: String| Problem::bad_request("path", &why);
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| wrong(error.body_text()))?;
        text.parse().map(Self).map_err(|error: T::Err| wrong(error.to_string()))
    }
}

/// The query's fields in their order; each call takes what it knows, and [`Fields::end`] names what is left.
pub(super) struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        query.map(|query| Self(query.0)).map_err(|error| Problem::bad_request("query", &error.body_text()))
    }
}

impl Fields {
    /// All values of a field, parsed.
    pub(super) fn all<T: std::str::FromStr>(&mut self, name: &str) -> Result<Vec<T>, Problem>
    where
        T::Err: fmt::Display,
    {
        let (mine, rest) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = rest;
        let mine: Vec<(String, String)> = mine;
        let parsed = mine.into_iter().map(|(_, text)| text.parse());
        parsed
            .collect::<Result<_, _>>()
            .map_err(|error: T::Err| Problem::bad_request(name, &error.to_string()))
    }

    /// A field that stands there once at most.
    pub(super) fn one<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: fmt::Display,
    {
        let mut all = self.all(name)?;
        if all.len() > 1 {
            return Err(Problem::bad_request(name, "stands there twice"));
        }
        Ok(all.pop())
    }

    /// A field that has to be there.
    pub(super) fn needed<T: std::str::FromStr>(&mut self, name: &str) -> Result<T, Problem>
    where
        T::Err: fmt::Display,
    {
        self.one(name)?.ok_or_else(|| Problem::bad_request(name, "is missing"))
    }

    /// Nothing that is not known is passed over.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::bad_request(name, "is not known here")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Outer {
        name: String,
        inner: Option<Inner>,
        any: Option<serde_json::Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Inner {
        count: u32,
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let deep = format!(r#"{{"name":"a","any":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        for (body, field) in [
            (r#"{"name":"a","inner":{"count":1}}"#, None),
            (r#"{"name":"a","other":1}"#, Some("other")),
            (r#"{"name":"a","inner":{"count":1,"extra":2}}"#, Some("extra")),
            (r#"{"name":"a","inner":{"count":"1"}}"#, Some("inner.count")),
            (r#"{"name":1}"#, Some("name")),
            (r#"{"inner":null}"#, Some("body")),
            (r#"{"name":"a","name":"b"}"#, Some("body")),
            (r#"{"name":"a","any":{"x":1,"x":2}}"#, Some("body")),
            (r#"{"name":"a"} {}"#, Some("body")),
            (&deep, Some("body")),
            ("[", Some("body")),
            ("", Some("body")),
        ] {
            let found = read::<Outer>(body.as_bytes()).err().map(|problem| problem.body.field.unwrap());
            assert_eq!(found.as_deref(), field, "{body}");
        }
        assert!(read::<Outer>(b"{\"name\":\"\xff\"}").is_err());
        let endless = "[".repeat(1_000_000);
        assert!(read::<Outer>(endless.as_bytes()).is_err());
    }
}
