//! The log's signed head: C2SP signed-note, tlog-checkpoint and tlog-cosignature.
//!
//! A note is a text, an empty line, and lines of signatures. Lines of keys that the reader does not know are passed
//! over, as the format asks; malformed ones are not.
//! Never: a note that the log's own key has not signed; keys other than Ed25519.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use super::merkle::Hash;

/// The longest note that is looked at.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// The most signature lines of a note.
pub const SIGNATURES_MAX: usize = 256;

/// What a key's signatures say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// "This is my log's head" (type 0x01).
    Log,
    /// "I have seen this head, at this time, and it extends all that I saw before" (type 0x04).
    Witness,
}

impl KeyUse {
    fn byte(self) -> u8 {
        match self {
            KeyUse::Log => 1,
            KeyUse::Witness => 4,
        }
    }
}

/// Why a key or a note was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a verifier key of the form name+id+base64")]
    Key,
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    #[error("the log key {0} has not signed this checkpoint")]
    NotSigned(String),
    #[error("the signature of {0} does not fit this checkpoint")]
    Wrong(String),
    #[error("the checkpoint is of the log {found}, not of {wanted}")]
    OtherLog { wanted: String, found: String },
}

/// A key as others know it: `name+id+base64(type ‖ key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    usage: KeyUse,
    key: VerifyingKey,
}

/// What a log's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// A witness's word that it saw a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    pub witness: String,
    /// By the witness's clock, in seconds since 1970.
    pub at_s: u64,
}

/// A checkpoint whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub checkpoint: Checkpoint,
    /// By the witnesses that were named to [`open`].
    pub cosignatures: Vec<Cosignature>,
    /// Signature lines of keys that were not named.
    pub unknown: usize,
}

/// The private half of a log's or a witness's key; wiped when dropped.
pub struct NoteKey {
    public: VerifierKey,
    secret: SigningKey,
}

impl Checkpoint {
    /// The signed text.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    fn parse(text: &str) -> Result<Checkpoint, NoteError> {
        let mut lines = text.strip_suffix('\n').ok_or(NoteError::Malformed("no final line end"))?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteError::Malformed("fewer than three lines"));
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(NoteError::Malformed("an empty line"));
        }
        let size = plain_number(size).ok_or(NoteError::Malformed("the size is not a plain number"))?;
        let root = hash(root).ok_or(NoteError::Malformed("the root is not a hash"))?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }
}

/// Reads a note's checkpoint without checking who signed it, where only what it claims is of interest.
pub fn read_unchecked(note: &[u8]) -> Result<Checkpoint, NoteError> {
    Checkpoint::parse(split(note)?.0)
}

/// Checks a checkpoint: signed by `log`, well-formed throughout, and every signature of a key that is known is good.
pub fn open(note: &[u8], log: &VerifierKey, witnesses: &[VerifierKey]) -> Result<Opened, NoteError> {
    let (text, signatures) = split(note)?;
    let checkpoint = Checkpoint::parse(text)?;
    let mut opened = Opened { checkpoint, cosignatures: Vec::new(), unknown: 0 };
    let (mut signed, mut seen) = (false, Vec::new());
    for line in signatures {
        let (name, id, signature) = signature_line(line)?;
        let known = std::iter::once(log).chain(witnesses).find(|key| key.name == name && key.id == id);
        let Some(key) = known else {
            opened.unknown += 1;
            continue;
        };
        if seen.contains(&(name, id)) {
            return Err(NoteError::Malformed("two signatures of one key"));
        }
        seen.push((name, id));
        match key.check(text, &signature)? {
            None => signed = true,
            Some(at_s) => opened.cosignatures.push(Cosignature { witness: name.to_owned(), at_s }),
        }
    }
    if !signed {
        return Err(NoteError::NotSigned(log.name.clone()));
    }
    if opened.checkpoint.origin != log.name {
        return Err(NoteError::OtherLog { wanted: log.name.clone(), found: opened.checkpoint.origin });
    }
    Ok(opened)
}

/// Adds a signature line to a note. One of the same key that is there already is replaced.
pub fn add_signature(note: &str, line: &str) -> Result<String, NoteError> {
    let (text, signatures) = split(note.as_bytes())?;
    let (name, id, _) = signature_line(line.strip_suffix('\n').unwrap_or(line))?;
    let mut out = format!("{text}\n");
    for other in signatures {
        let (other_name, other_id, _) = signature_line(other)?;
        if (other_name, other_id) != (name, id) {
            out.push_str(other);
            out.push('\n');
        }
    }
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// The signature lines of a note that are not the log's own, each with its line end: what consoles posted.
pub fn cosignature_lines<'a>(note: &'a str, log: &VerifierKey) -> Result<Vec<&'a str>, NoteError> {
    let (_, signatures) = split(note.as_bytes())?;
    let mut lines = Vec::new();
    for line in signatures {
        let (name, id, _) = signature_line(line)?;
        if name != log.name || id != log.id {
            lines.push(line);
        }
    }
    Ok(lines)
}

impl VerifierKey {
    pub fn new(name: &str, usage: KeyUse, key: VerifyingKey) -> Result<VerifierKey, NoteError> {
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(NoteError::Key);
        }
        let hash =
            Sha256::new().chain_update(name).chain_update([b'\n', usage.byte()]).chain_update(key).finalize();
        Ok(VerifierKey { name: name.to_owned(), id: [hash[0], hash[1], hash[2], hash[3]], usage, key })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn usage(&self) -> KeyUse {
        self.usage
    }

    /// Checks one cosignature line (without line end) over a checkpoint; gives the witness's time.
    pub fn check_cosignature(&self, checkpoint: &Checkpoint, line: &str) -> Result<u64, NoteError> {
        let (name, id, signature) = signature_line(line)?;
        if name != self.name || id != self.id {
            return Err(NoteError::NotSigned(self.name.clone()));
        }
        let at_s = self.check(&checkpoint.text(), &signature)?;
        at_s.ok_or(NoteError::Malformed("not a witness's signature"))
    }

    /// A witness's time, or `None` for the log's own signature.
    fn check(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, NoteError> {
        let wrong = || NoteError::Wrong(self.name.clone());
        let (at_s, message, bytes) = match self.usage {
            KeyUse::Log => (None, text.as_bytes().to_vec(), signature),
            KeyUse::Witness => {
                let (stamp, bytes) = signature.split_first_chunk::<8>().ok_or_else(wrong)?;
                let at_s = u64::from_be_bytes(*stamp);
                (Some(at_s), cosigned(text, at_s), bytes)
            }
        };
        let signature = Signature::from_slice(bytes).map_err(|_| wrong())?;
        self.key.verify_strict(&message, &signature).map_err(|_| wrong())?;
        Ok(at_s)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.usage.byte()][..], self.key.as_bytes()].concat();
        write!(out, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), STANDARD.encode(material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<VerifierKey, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let material = STANDARD.decode(material).map_err(|_| NoteError::Key)?;
        let usage = match material.first() {
            Some(1) => KeyUse::Log,
            Some(4) => KeyUse::Witness,
            _ => return Err(NoteError::Key),
        };
        let bytes: &[u8; 32] = material[1..].try_into().map_err(|_| NoteError::Key)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| NoteError::Key)?;
        let key = VerifierKey::new(name, usage, key)?;
        if format!("{:08x}", u32::from_be_bytes(key.id)) == id { Ok(key) } else { Err(NoteError::Key) }
    }
}

impl NoteKey {
    /// From 32 bytes of chance. A log's `name` is its origin, `ORG/dock`.
    pub fn from_seed(name: &str, usage: KeyUse, seed: &[u8; 32]) -> Result<NoteKey, NoteError> {
        let secret = SigningKey::from_bytes(seed);
        Ok(NoteKey { public: VerifierKey::new(name, usage, secret.verifying_key())?, secret })
    }

    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The checkpoint of a tree of this log, signed: a whole note. For a log's key.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint { origin: self.public.name.clone(), size, root };
        let text = checkpoint.text();
        let signature = self.secret.sign(text.as_bytes()).to_bytes();
        format!("{text}\n{}", self.line(&signature))
    }

    /// A witness's signature line, with its line end, over a head that it checked. `at_s` is its clock's time.
    pub fn cosign(&self, checkpoint: &Checkpoint, at_s: u64) -> String {
        let signature = self.secret.sign(&cosigned(&checkpoint.text(), at_s)).to_bytes();
        self.line(&[&at_s.to_be_bytes()[..], &signature].concat())
    }

    fn line(&self, signature: &[u8]) -> String {
        let bytes = [&self.public.id[..], signature].concat();
        format!("\u{2014} {} {}\n", self.public.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NoteKey({})", self.public)
    }
}

/// A number without sign or leading zeros.
pub(super) fn plain_number(text: &str) -> Option<u64> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { text.parse().ok() } else { None }
}

/// 32 bytes in the one base64 form that they have.
pub(super) fn hash(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn cosigned(text: &str, at_s: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {at_s}\n{text}").into_bytes()
}

/// The text with its final line end, and the signature lines without theirs.
fn split(note: &[u8]) -> Result<(&str, impl Iterator<Item = &str>), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed("too long"));
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed("not UTF-8"))?;
    if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
        return Err(NoteError::Malformed("a control character"));
    }
    let (text, tail) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed("no signatures"))?;
    let tail = tail.strip_suffix('\n').ok_or(NoteError::Malformed("no final line end"))?;
    if tail.matches('\n').count() >= SIGNATURES_MAX {
        return Err(NoteError::Malformed("too many signatures"));
    }
    Ok((&note[..=text.len()], tail.split('\n')))
}

fn signature_line(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), NoteError> {
    let malformed = NoteError::Malformed("a signature line");
    let parts = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
    let Some((name, base64)) = parts.filter(|(name, _)| !name.is_empty()) else { return Err(malformed) };
    let Ok(bytes) = STANDARD.decode(base64) else { return Err(malformed) };
    match bytes.split_first_chunk::<4>() {
        Some((id, signature)) if !signature.is_empty() => Ok((name, *id, signature.to_vec())),
        _ => Err(malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Vectors {
        log: NoteKey,
        witness: NoteKey,
        note: String,
    }

    fn vectors() -> (serde_json::Value, Vectors) {
        let all: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/record.json")).unwrap();
        let all = all["note"].clone();
        let seed = |name: &str| all[name].as_str().unwrap().parse::<crate::row::Digest>().unwrap().0;
        let log = NoteKey::from_seed("dock.example.com/log", KeyUse::Log, &seed("log_seed_hex")).unwrap();
        let name = "dock.example.com/witness/sarah";
        let witness = NoteKey::from_seed(name, KeyUse::Witness, &seed("witness_seed_hex")).unwrap();
        let note = all["checkpoint"].as_str().unwrap().to_owned();
        (all, Vectors { log, witness, note })
    }

    #[test]
    fn the_vectors_hold() {
        let (all, Vectors { log, witness, note }) = vectors();
        assert_eq!(log.public().to_string(), all["log_vkey"].as_str().unwrap());
        assert_eq!(witness.public().to_string(), all["witness_vkey"].as_str().unwrap());
        for key in [&log, &witness] {
            assert_eq!(key.public().to_string().parse::<VerifierKey>().as_ref(), Ok(key.public()));
        }
        let opened = open(note.as_bytes(), log.public(), &[witness.public().clone()]).unwrap();
        assert_eq!((opened.checkpoint.size, opened.unknown), (21, 0));
        let at_s = opened.cosignatures[0].at_s;
        let mine = log.sign(21, opened.checkpoint.root);
        let mine = add_signature(&mine, &witness.cosign(&opened.checkpoint, at_s)).unwrap();
        assert_eq!(mine, note);
        assert_eq!(add_signature(&mine, &witness.cosign(&opened.checkpoint, at_s)).unwrap(), note, "once");
        let lines = cosignature_lines(&note, log.public()).unwrap();
        assert_eq!(witness.public().check_cosignature(&opened.checkpoint, lines[0]), Ok(at_s));
    }

    #[test]
    fn no_flipped_byte_passes() {
        let (_, Vectors { log, witness, note }) = vectors();
        let unknown_from = note.find("\u{2014} dock.example.com/witness").unwrap();
        for bit in 0..8 {
            for at in 0..note.len() {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if at < unknown_from {
                    assert!(open(&bytes, log.public(), &[]).is_err(), "byte {at} bit {bit}");
                }
                let strict = open(&bytes, log.public(), &[witness.public().clone()]);
                assert!(
                    strict.is_err() || strict.is_ok_and(|o| o.cosignatures.is_empty()),
                    "byte {at} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn malformed_notes_are_refused() {
        let (_, Vectors { log, note, .. }) = vectors();
        for bad in [
            note.trim_end().to_owned(),
            format!("{note}\n"),
            note.replacen("\n21\n", "\n021\n", 1),
            note.replace('\u{2014}', "-"),
            format!("{note}\u{2014} other AAAA\n"),
            format!("{note}{}", &note[note.find('\u{2014}').unwrap()..]),
            format!("\n{note}"),
            note.replacen('\n', "\r\n", 1),
            String::new(),
            "\n\n".into(),
        ] {
            assert!(open(bad.as_bytes(), log.public(), &[]).is_err(), "{bad:?}");
        }
        for bad in ["", "a+b", "a+00000000+AT8D", &log.public().to_string().replace("+b3", "+B3")] {
            assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[\u{2014}a0+= \n]{0,60}") {
            let _ = (read_unchecked(&bytes), read_unchecked(text.as_bytes()), text.parse::<VerifierKey>());
        }
    }
}
