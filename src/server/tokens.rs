//! Tokens: `dock_` + `agt`, `svc` or `ses` + `_` + 32 random bytes in base 62 + CRC-32 of what stands before, in base 62.
//!
//! The checksum lets a scanner tell a token from noise; it is no secret and proves nothing.
//! Never: a token in a row, a log or an answer but the one that shows it first. What is stored is its hash.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::row::{Digest, Kind};

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 32 bytes in base 62 have this many letters at most.
const SECRET_LETTERS: usize = 43;
const CHECK_LETTERS: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Agent,
    Service,
    Session,
}

impl TokenKind {
    fn word(self) -> &'static str {
        match self {
            Self::Agent => "agt",
            Self::Service => "svc",
            Self::Session => "ses",
        }
    }
}

/// Whether a scope says anything here: `read`, `wait`, `wait:SERVICE`, `draft:KIND`, `draft:KIND:SUBJECT`.
pub fn is_scope(text: &str) -> bool {
    let named = |name: &str| !name.trim().is_empty();
    match text.split_once(':') {
        None => matches!(text, "read" | "wait"),
        Some(("wait", service)) => named(service),
        Some(("draft", what)) => {
            let (kind, subject) =
                what.split_once(':').map_or((what, None), |(kind, subject)| (kind, Some(subject)));
            kind.parse::<Kind>().is_ok() && subject.is_none_or(named)
        }
        Some(_) => false,
    }
}

/// A token in the clear. Shown once; its memory is wiped.
pub struct Token(Zeroizing<String>);

/// The machine gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the machine's source of randomness failed")]
pub struct NoRandomness;

impl Token {
    pub fn new(kind: TokenKind) -> Result<Self, NoRandomness> {
        let mut secret = Zeroizing::new([0_u8; 32]);
        SystemRandom::new().fill(secret.as_mut()).map_err(|_| NoRandomness)?;
        let body = format!("dock_{}_{}", kind.word(), base62(secret.as_ref(), SECRET_LETTERS));
        let check = base62(&crc32(body.as_bytes()).to_be_bytes(), CHECK_LETTERS);
        Ok(Self(Zeroizing::new(body + &check)))
    }

    /// The text is a token, by form and checksum: whose it is, the store knows by its hash.
    pub fn parse(text: &str) -> Option<(TokenKind, Digest)> {
        let kind = [TokenKind::Agent, TokenKind::Service, TokenKind::Session]
            .into_iter()
            .find(|kind| text.strip_prefix("dock_").is_some_and(|rest| rest.starts_with(kind.word())))?;
        let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK_LETTERS)?)?;
        let right = text.len() == 9 + SECRET_LETTERS + CHECK_LETTERS;
        let sound = base62(&crc32(body.as_bytes()).to_be_bytes(), CHECK_LETTERS) == check;
        (right && sound).then(|| (kind, Self::hash_of(text)))
    }

    pub fn hash_of(text: &str) -> Digest {
        Digest::of(text)
    }

    pub fn hash(&self) -> Digest {
        Self::hash_of(&self.0)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The bytes as one big number, in `width` letters, the highest first.
fn base62(bytes: &[u8], width: usize) -> String {
    let mut number = bytes.to_vec();
    let mut letters = vec![LETTERS[0]; width];
    for place in letters.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = (rest << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *place = LETTERS[rest as usize];
    }
    letters.into_iter().map(char::from).collect()
}

/// CRC-32 as in zip and PNG (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_scope_that_opens_nothing_is_none() {
        for scope in ["read", "wait", "wait:checkout-api", "draft:gate", "draft:sync:payments-api"] {
            assert!(is_scope(scope), "{scope}");
        }
        for scope in
            ["", "write", "Read", "wait:", "draft", "draft:", "draft:gates", "draft:gate:", "read:gate"]
        {
            assert!(!is_scope(scope), "{scope}");
        }
    }

    #[test]
    fn a_token_is_known_by_its_form() {
        let token = Token::new(TokenKind::Agent).unwrap();
        let text = token.reveal().to_owned();
        assert!(text.starts_with("dock_agt_"));
        assert_eq!(Token::parse(&text), Some((TokenKind::Agent, token.hash())));
        let other = if text.ends_with('0') { "1" } else { "0" };
        assert_eq!(Token::parse(&format!("{}{other}", &text[..text.len() - 1])), None, "another checksum");
        for wrong in ["", "dock_", "dock_agt_", "é", "dock_xyz_aaaaaaaaaaaaaaa"] {
            assert_eq!(Token::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
