//! SHA-256 digests, and the word by which two people say that they read the same content.
//!
//! Never: a digest over anything but the bytes of form `c1`, or of a blob as it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::c1;

/// A SHA-256 digest; in text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// Text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 lower-case hex digits")]
pub struct NotADigest;

impl Digest {
    pub fn of(bytes: impl AsRef<[u8]>) -> Digest {
        Digest(Sha256::digest(bytes.as_ref()).into())
    }

    /// Over the canonical form of `{"name": value}`, so that none of the five digests can pass for another.
    pub fn of_named(name: &str, value: &c1::Value) -> Digest {
        Digest::of(c1::to_bytes(&c1::map([(name, value.clone())])))
    }

    /// The first 16 hex digits, as tags on platforms carry them.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(16);
        text
    }
}

/// The row's word: consonant vowel consonant vowel consonant, from the content digest.
pub fn word(content: &Digest) -> Word {
    const CONSONANTS: &[u8; 16] = b"bdfghklmnprstvzj";
    const VOWELS: &[u8; 4] = b"aeio";
    let hash = Sha256::new().chain_update("dock-word-v1").chain_update(content.0).finalize();
    let bits = u16::from_be_bytes([hash[0], hash[1]]);
    let take =
        |letters: &[u8], shift: u32| char::from(letters[usize::from(bits >> shift) & (letters.len() - 1)]);
    Word([take(CONSONANTS, 12), take(VOWELS, 10), take(CONSONANTS, 6), take(VOWELS, 4), take(CONSONANTS, 0)])
}

/// Five letters, easy to say and to type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word([char; 5]);

impl fmt::Display for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0.iter().collect::<String>())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        out.pad(&text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Digest, NotADigest> {
        let nibble = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotADigest),
        };
        if text.len() != 64 {
            return Err(NotADigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Digest(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl From<Digest> for c1::Value {
    fn from(digest: Digest) -> c1::Value {
        c1::Value::Text(digest.to_string())
    }
}

impl From<&Digest> for c1::Value {
    fn from(digest: &Digest) -> c1::Value {
        (*digest).into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digests_are_named() {
        let value = c1::map([("a", "1".into())]);
        assert_eq!(Digest::of_named("effect.v1", &value), Digest::of(r#"{"effect.v1":{"a":"1"}}"#));
        assert_eq!(
            Digest::of("").to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(Digest::of("").short(), "e3b0c44298fc1c14");
    }

    /// Made by an independent program from the page on formats.
    #[test]
    fn words_are_exact() {
        for (content, expected) in [("", "basek"), ("a", "tehar"), ("sync-8821", "mohat")] {
            assert_eq!(word(&Digest::of(content)).to_string(), expected);
        }
    }

    #[test]
    fn only_lower_case_hex_is_a_digest() {
        let good = Digest::of("x").to_string();
        for bad in
            ["", &good[1..], &good.to_uppercase(), &format!("{good}0"), &good.replacen(&good[..1], "g", 1)]
        {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_and_bytes_are_one(bytes: [u8; 32]) {
            let digest = Digest(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
            prop_assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{digest}\""));
        }
    }
}
