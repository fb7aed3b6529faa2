//! Takes a canonical object apart, strictly: what is missing, unknown or in another form is named.
//!
//! Never: a default for what is not there.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::row::c1::{NotCanonical, Value};

/// Why bytes are not in the form that they should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error(transparent)]
    Canonical(#[from] NotCanonical),
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{0}` is not known here")]
    Unknown(String),
    #[error("`{field}` is not {expected}")]
    Wrong { field: String, expected: &'static str },
}

/// The fields of one object that were not taken yet.
pub(super) struct Fields<'a> {
    place: String,
    rest: BTreeMap<&'a str, &'a Value>,
}

impl<'a> Fields<'a> {
    /// `place` says where the object stands, for errors: empty at the top.
    pub(super) fn of(value: &'a Value, place: &str) -> Result<Fields<'a>, FormError> {
        let map = value
            .as_map()
            .ok_or_else(|| FormError::Wrong { field: place.to_owned(), expected: "an object" })?;
        let rest = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
        Ok(Fields { place: place.to_owned(), rest })
    }

    pub(super) fn optional(&mut self, key: &str) -> Option<&'a Value> {
        self.rest.remove(key)
    }

    pub(super) fn value(&mut self, key: &str) -> Result<&'a Value, FormError> {
        self.optional(key).ok_or_else(|| FormError::Missing(self.path(key)))
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Fields<'a>, FormError> {
        Fields::of(self.value(key)?, &self.path(key))
    }

    pub(super) fn text(&mut self, key: &str) -> Result<&'a str, FormError> {
        let value = self.value(key)?;
        value.as_text().ok_or_else(|| self.wrong(key, "a string"))
    }

    pub(super) fn optional_text(&mut self, key: &str) -> Result<Option<&'a str>, FormError> {
        if self.rest.contains_key(key) { self.text(key).map(Some) } else { Ok(None) }
    }

    /// A value in the one text form that it has.
    pub(super) fn exact<T: FromStr + Display>(
        &mut self,
        key: &str,
        expected: &'static str,
    ) -> Result<T, FormError> {
        let text = self.text(key)?;
        exact(text).ok_or_else(|| self.wrong(key, expected))
    }

    pub(super) fn optional_exact<T: FromStr + Display>(
        &mut self,
        key: &str,
        expected: &'static str,
    ) -> Result<Option<T>, FormError> {
        if self.rest.contains_key(key) { self.exact(key, expected).map(Some) } else { Ok(None) }
    }

    /// An object whose values are strings.
    pub(super) fn texts(&mut self, key: &str) -> Result<BTreeMap<String, String>, FormError> {
        let map = self.value(key)?.as_map().ok_or_else(|| self.wrong(key, "an object"))?;
        let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_text()?.to_owned()));
        map.iter().map(text).collect::<Option<_>>().ok_or_else(|| self.wrong(key, "an object of strings"))
    }

    /// A list of strings, sorted and without doubles.
    pub(super) fn set(&mut self, key: &str) -> Result<std::collections::BTreeSet<String>, FormError> {
        let wrong = || self.wrong(key, "a sorted list of strings");
        let list = self.rest.get(key).ok_or_else(|| FormError::Missing(self.path(key)))?;
        let list = list.as_list().ok_or_else(wrong)?;
        let texts = list.iter().map(Value::as_text).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
        if !texts.is_sorted_by(|a, b| a < b) {
            return Err(wrong());
        }
        self.rest.remove(key);
        Ok(texts.into_iter().map(str::to_owned).collect())
    }

    pub(super) fn wrong(&self, key: &str, expected: &'static str) -> FormError {
        FormError::Wrong { field: self.path(key), expected }
    }

    /// Nothing else may be there.
    pub(super) fn end(self) -> Result<(), FormError> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(key) => Err(FormError::Unknown(self.path(key))),
        }
    }

    fn path(&self, key: &str) -> String {
        let key: String = key.chars().take(64).collect();
        if self.place.is_empty() { key } else { format!("{}.{key}", self.place) }
    }
}

/// What has one text form only.
pub(super) fn exact<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse::<T>().ok().filter(|value| value.to_string() == text)
}
