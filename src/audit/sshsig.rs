//! SSH signatures over anything but a login to a host (OpenSSH `PROTOCOL.sshsig`, `PROTOCOL.u2f`).
//!
//! Everything that `ssh-keygen -Y verify` refuses is refused here, and more: an sk- signature whose key says that
//! nobody touched it, which ssh-keygen lets pass.
//! Never: another namespace than the one asked for; RSA below 3072 bits; SHA-1; an armor in any other form than
//! OpenSSH writes, so that one signature has one text.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::signature as ring_signature;
use sha2::{Digest as _, Sha256, Sha512};

use super::ssh_wire::{Malformed, Reader, put_string};
use crate::row::Touch;

/// The longest armored signature that is looked at; RSA with 16,384 bits stays below.
pub const ARMOR_BYTES_MAX: usize = 16 * 1024;
/// The longest public key line that is looked at.
pub const KEY_LINE_BYTES_MAX: usize = 16 * 1024;
const RSA_BITS_MIN: usize = 3072;
const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
const ARMOR_COLUMNS: usize = 70;
const FLAG_PRESENT: u8 = 1;
const FLAG_VERIFIED: u8 = 4;

/// What a signature is for. A signature made for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Admin,
    Decision,
    Login,
    Witness,
}

impl Purpose {
    /// As in `ssh-keygen -n`: `decision.v1@ORG`.
    pub fn namespace(self, org: &str) -> String {
        let name = match self {
            Purpose::Admin => "admin",
            Purpose::Decision => "decision",
            Purpose::Login => "login",
            Purpose::Witness => "witness",
        };
        format!("{name}.v1@{org}")
    }
}

/// Why a signature or a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigError {
    #[error("not an armored SSH signature, or not in the form that OpenSSH writes")]
    Armor,
    #[error("the signature's inside is malformed")]
    Malformed,
    #[error("not an OpenSSH public key line")]
    KeyLine,
    #[error(
        "keys of type {0} are not accepted; use ed25519, ecdsa-p256, rsa with 3072 bits or more, or an sk- key"
    )]
    KeyType(String),
    #[error("this RSA key has {0} bits; 3072 are the least")]
    WeakKey(usize),
    #[error("the signature was made by another key")]
    OtherKey,
    #[error("the signature was made for {found}, not for {wanted}")]
    Namespace { wanted: String, found: String },
    #[error("the signature does not fit these bytes")]
    Wrong,
    #[error("the security key says that nobody touched it")]
    NoPresence,
}

impl From<Malformed> for SigError {
    fn from(_: Malformed) -> SigError {
        SigError::Malformed
    }
}

/// What a good signature proves beyond itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub touch: Touch,
    pub key_type: &'static str,
}

/// A public key of a kind that Dock accepts, decoded once.
#[derive(Clone)]
pub struct PublicKey {
    blob: Vec<u8>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    P256(Vec<u8>),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    SkEd25519 { key: Box<ed25519_dalek::VerifyingKey>, application: Vec<u8> },
    SkP256 { point: Vec<u8>, application: Vec<u8> },
}

/// Checks an armored signature against a public key line, as `ssh-keygen -Y verify` would.
pub fn verify(key_line: &str, namespace: &str, message: &[u8], armored: &str) -> Result<Verified, SigError> {
    PublicKey::parse(key_line)?.verify(namespace, message, armored)
}

/// The blob that a key signs for these bytes, with SHA-512 as OpenSSH does.
pub fn to_be_signed(namespace: &str, message: &[u8]) -> Vec<u8> {
    signed_data(namespace, "sha512", &Sha512::digest(message))
}

/// The text of a signature: `signature` is the key's answer in SSH's own form (type, bytes), as agents return it.
pub fn armor(key_blob: &[u8], namespace: &str, signature: &[u8]) -> String {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&1_u32.to_be_bytes());
    put_string(&mut out, key_blob);
    put_string(&mut out, namespace);
    put_string(&mut out, "");
    put_string(&mut out, "sha512");
    put_string(&mut out, signature);
    armor_bytes(&out)
}

/// The key by which a signature says that it was made; nothing of it is checked.
pub fn key_blob(armored: &str) -> Result<Vec<u8>, SigError> {
    let bytes = unarmor(armored)?;
    let mut reader = Reader(&bytes);
    if reader.take(MAGIC.len())? != MAGIC || reader.u32()? != 1 {
        return Err(SigError::Malformed);
    }
    Ok(reader.string()?.to_vec())
}

impl PublicKey {
    /// From a line as in `id_ed25519.pub`; the comment is ignored.
    pub fn parse(line: &str) -> Result<PublicKey, SigError> {
        if line.len() > KEY_LINE_BYTES_MAX || line.trim_end().contains(['\n', '\r']) {
            return Err(SigError::KeyLine);
        }
        let mut parts = line.split_ascii_whitespace();
        let (Some(name), Some(base64)) = (parts.next(), parts.next()) else { return Err(SigError::KeyLine) };
        let blob = STANDARD.decode(base64).map_err(|_| SigError::KeyLine)?;
        if Reader(&blob).string()? != name.as_bytes() {
            return Err(SigError::KeyLine);
        }
        PublicKey::from_blob(blob)
    }

    /// From SSH's binary form, as agents give it.
    pub fn from_blob(blob: Vec<u8>) -> Result<PublicKey, SigError> {
        let mut reader = Reader(&blob);
        let name = reader.text()?;
        let material = match name {
            "ssh-ed25519" => Material::Ed25519(ed25519(&mut reader)?),
            "ecdsa-sha2-nistp256" => Material::P256(p256(&mut reader)?),
            "ssh-rsa" => {
                let (exponent, modulus) = (reader.positive()?.to_vec(), reader.positive()?.to_vec());
                Material::Rsa { modulus: strong(modulus)?, exponent }
            }
            "sk-ssh-ed25519@openssh.com" => {
                Material::SkEd25519 { key: ed25519(&mut reader)?, application: application(&mut reader)? }
            }
            "sk-ecdsa-sha2-nistp256@openssh.com" => {
                Material::SkP256 { point: p256(&mut reader)?, application: application(&mut reader)? }
            }
            other => return Err(SigError::KeyType(other.chars().take(40).collect())),
        };
        reader.end()?;
        Ok(PublicKey { blob, material })
    }

    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// The line without a comment: the one text that a key has.
    pub fn line(&self) -> String {
        format!("{} {}", self.key_type(), STANDARD.encode(&self.blob))
    }

    /// As `ssh-keygen -l` prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&self.blob)))
    }

    /// OpenSSH's name of the kind.
    pub fn key_type(&self) -> &'static str {
        match self.material {
            Material::Ed25519(_) => "ssh-ed25519",
            Material::P256(_) => "ecdsa-sha2-nistp256",
            Material::Rsa { .. } => "ssh-rsa",
            Material::SkEd25519 { .. } => "sk-ssh-ed25519@openssh.com",
            Material::SkP256 { .. } => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Whether its signatures prove a touch (an sk- key).
    pub fn proves_touch(&self) -> bool {
        matches!(self.material, Material::SkEd25519 { .. } | Material::SkP256 { .. })
    }

    /// Checks an armored signature by this key over `message`, made for `namespace`.
    pub fn verify(&self, namespace: &str, message: &[u8], armored: &str) -> Result<Verified, SigError> {
        let bytes = unarmor(armored)?;
        let mut reader = Reader(&bytes);
        if reader.take(MAGIC.len())? != MAGIC || reader.u32()? != 1 {
            return Err(SigError::Malformed);
        }
        if reader.string()? != self.blob {
            return Err(SigError::OtherKey);
        }
        let found = reader.text()?;
        if found != namespace {
            let found = found.chars().take(80).collect();
            return Err(SigError::Namespace { wanted: namespace.to_owned(), found });
        }
        if !reader.string()?.is_empty() {
            return Err(SigError::Malformed);
        }
        let signed = match reader.string()? {
            b"sha512" => to_be_signed(namespace, message),
            b"sha256" => signed_data(namespace, "sha256", &Sha256::digest(message)),
            _ => return Err(SigError::Malformed),
        };
        let signature = reader.string()?;
        reader.end()?;
        let touch = self.check(&signed, signature)?;
        Ok(Verified { touch, key_type: self.key_type() })
    }

    /// Checks a signature in SSH's own form (type, bytes; for sk- keys flags and counter).
    fn check(&self, signed: &[u8], signature: &[u8]) -> Result<Touch, SigError> {
        let mut reader = Reader(signature);
        let name = reader.string()?;
        let bytes = reader.string()?;
        let type_fits = match self.material {
            Material::Rsa { .. } => name == b"rsa-sha2-512" || name == b"rsa-sha2-256",
            _ => name == self.key_type().as_bytes(),
        };
        if !type_fits {
            return Err(SigError::Malformed);
        }
        let touch = match &self.material {
            Material::Ed25519(key) => check_ed25519(key, signed, bytes).map(|()| Touch::Unproven),
            Material::P256(point) => check_p256(point, signed, bytes).map(|()| Touch::Unproven),
            Material::Rsa { modulus, exponent } => {
                check_rsa(modulus, exponent, name, signed, bytes).map(|()| Touch::Unproven)
            }
            Material::SkEd25519 { key, application } => {
                let (flags, counter) = (reader.byte()?, reader.u32()?);
                check_ed25519(key, &sk_signed(application, flags, counter, signed), bytes)?;
                touch(flags)
            }
            Material::SkP256 { point, application } => {
                let (flags, counter) = (reader.byte()?, reader.u32()?);
                check_p256(point, &sk_signed(application, flags, counter, signed), bytes)?;
                touch(flags)
            }
        }?;
        reader.end()?;
        Ok(touch)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.blob == other.blob
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({} {})", self.key_type(), self.fingerprint())
    }
}

fn touch(flags: u8) -> Result<Touch, SigError> {
    match (flags & FLAG_PRESENT != 0, flags & FLAG_VERIFIED != 0) {
        (false, _) => Err(SigError::NoPresence),
        (true, false) => Ok(Touch::Present),
        (true, true) => Ok(Touch::Verified),
    }
}

fn signed_data(namespace: &str, hash_name: &str, hash: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    out.extend_from_slice(MAGIC);
    put_string(&mut out, namespace);
    put_string(&mut out, "");
    put_string(&mut out, hash_name);
    put_string(&mut out, hash);
    out
}

fn sk_signed(application: &[u8], flags: u8, counter: u32, signed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(69);
    out.extend_from_slice(&Sha256::digest(application));
    out.push(flags);
    out.extend_from_slice(&counter.to_be_bytes());
    out.extend_from_slice(&Sha256::digest(signed));
    out
}

fn check_ed25519(key: &ed25519_dalek::VerifyingKey, signed: &[u8], bytes: &[u8]) -> Result<(), SigError> {
    let signature = ed25519_dalek::Signature::from_slice(bytes).map_err(|_| SigError::Malformed)?;
    key.verify_strict(signed, &signature).map_err(|_| SigError::Wrong)
}

fn check_p256(point: &[u8], signed: &[u8], bytes: &[u8]) -> Result<(), SigError> {
    let mut reader = Reader(bytes);
    let (r, s) = (reader.positive()?, reader.positive()?);
    reader.end()?;
    let mut fixed = [0; 64];
    for (part, half) in [r, s].into_iter().zip(fixed.chunks_exact_mut(32)) {
        let start = half.len().checked_sub(part.len()).ok_or(SigError::Malformed)?;
        half[start..].copy_from_slice(part);
    }
    ring_signature::UnparsedPublicKey::new(&ring_signature::ECDSA_P256_SHA256_FIXED, point)
        .verify(signed, &fixed)
        .map_err(|_| SigError::Wrong)
}

fn check_rsa(
    modulus: &[u8],
    exponent: &[u8],
    name: &[u8],
    signed: &[u8],
    bytes: &[u8],
) -> Result<(), SigError> {
    let parameters = match name {
        b"rsa-sha2-512" => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
        _ => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
    };
    // Some signers leave out leading zeros; ring wants the modulus's own length.
    let missing = modulus.len().checked_sub(bytes.len()).ok_or(SigError::Malformed)?;
    let padded = [vec![0; missing].as_slice(), bytes].concat();
    ring_signature::RsaPublicKeyComponents { n: modulus, e: exponent }
        .verify(parameters, signed, &padded)
        .map_err(|_| SigError::Wrong)
}

fn ed25519(reader: &mut Reader<'_>) -> Result<Box<ed25519_dalek::VerifyingKey>, SigError> {
    let bytes: &[u8; 32] = reader.string()?.try_into().map_err(|_| SigError::KeyLine)?;
    ed25519_dalek::VerifyingKey::from_bytes(bytes).map(Box::new).map_err(|_| SigError::KeyLine)
}

fn p256(reader: &mut Reader<'_>) -> Result<Vec<u8>, SigError> {
    let curve = reader.string()?;
    let point = reader.string()?;
    if curve == b"nistp256" && point.len() == 65 && point[0] == 4 {
        Ok(point.to_vec())
    } else {
        Err(SigError::KeyLine)
    }
}

/// `ssh:…`, as OpenSSH makes them. Another application's signatures come from web pages.
fn application(reader: &mut Reader<'_>) -> Result<Vec<u8>, SigError> {
    let application = reader.string()?;
    if application.starts_with(b"ssh:") { Ok(application.to_vec()) } else { Err(SigError::KeyLine) }
}

fn strong(modulus: Vec<u8>) -> Result<Vec<u8>, SigError> {
    let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = modulus.len() * 8 - unused;
    if bits < RSA_BITS_MIN { Err(SigError::WeakKey(bits)) } else { Ok(modulus) }
}

fn armor_bytes(bytes: &[u8]) -> String {
    let base64 = STANDARD.encode(bytes);
    let mut out = String::with_capacity(base64.len() + base64.len() / ARMOR_COLUMNS + 80);
    out.push_str(BEGIN);
    for (index, letter) in base64.chars().enumerate() {
        if index > 0 && index % ARMOR_COLUMNS == 0 {
            out.push('\n');
        }
        out.push(letter);
    }
    out.push('\n');
    out.push_str(END);
    out
}

fn unarmor(armored: &str) -> Result<Vec<u8>, SigError> {
    if armored.len() > ARMOR_BYTES_MAX {
        return Err(SigError::Armor);
    }
    let body = armored.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(SigError::Armor)?;
    let bytes = STANDARD.decode(body.replace('\n', "")).map_err(|_| SigError::Armor)?;
    if armor_bytes(&bytes) == armored { Ok(bytes) } else { Err(SigError::Armor) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(include_str!("../../tests/vectors/record.json")).unwrap()["sshsig"].clone()
    }

    #[test]
    fn the_vectors_decide() {
        let all = vectors();
        let (namespace, statement) = (all["namespace"].as_str().unwrap(), all["statement"].as_str().unwrap());
        for case in all["signatures"].as_array().unwrap() {
            let (kind, key) = (case["type"].as_str().unwrap(), case["public_key"].as_str().unwrap());
            let armored = case["signature"].as_str().unwrap();
            let got = verify(key, namespace, statement.as_bytes(), armored);
            assert_eq!(got.is_ok(), case["verifies"].as_bool().unwrap(), "{kind}: {got:?}");
            assert!(verify(key, namespace, b"other", armored).is_err(), "{kind}");
            assert!(verify(key, "decision.v1@example.org", statement.as_bytes(), armored).is_err(), "{kind}");
            let touch = match kind {
                kind if kind.contains("verified") => Touch::Verified,
                kind if kind.contains("present") => Touch::Present,
                _ => Touch::Unproven,
            };
            assert!(got.is_err() || got.is_ok_and(|good| good.touch == touch), "{kind}");
        }
    }

    #[test]
    fn no_flipped_byte_passes() {
        let all = vectors();
        let (namespace, statement) = (all["namespace"].as_str().unwrap(), all["statement"].as_str().unwrap());
        for case in all["signatures"].as_array().unwrap().iter().filter(|case| case["verifies"] == true) {
            let key = PublicKey::parse(case["public_key"].as_str().unwrap()).unwrap();
            let armored = case["signature"].as_str().unwrap().as_bytes();
            for at in 0..armored.len() {
                let mut bytes = armored.to_vec();
                bytes[at] ^= 1 << (at % 7);
                let text = String::from_utf8(bytes).unwrap();
                assert!(
                    key.verify(namespace, statement.as_bytes(), &text).is_err(),
                    "{} at {at}",
                    case["type"]
                );
            }
        }
    }

    #[test]
    fn keys_have_one_text_and_a_fingerprint() {
        let all = vectors();
        let line = all["signatures"][0]["public_key"].as_str().unwrap();
        let key = PublicKey::parse(line).unwrap();
        assert_eq!(key.line(), line.strip_suffix(" sarah ed25519").unwrap());
        assert_eq!(key.fingerprint(), "SHA256:8sa2HdbYkQluxdGJWjlX0++C5jKSKEF42+7+8IWyeNk");
        for bad in [
            "",
            "ssh-ed25519",
            "ssh-rsa AAAA",
            &line.replacen("ssh-ed25519 ", "ssh-rsa ", 1),
            "ssh-dss AAAAB3NzaC1kc3M=",
        ] {
            assert!(PublicKey::parse(bad).is_err(), "{bad}");
        }
    }
}
