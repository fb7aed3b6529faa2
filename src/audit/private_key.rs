//! Signing with a private key that Dock itself has read: an OpenSSH key file with a passphrase, or the demo's plain one.
//!
//! Never: reads a file, asks for a passphrase, or keeps either; the inner key is wiped when dropped (by `ssh-key`).

use std::fmt;

use ed25519_dalek::Signer as _;
use ssh_key::{Algorithm, EcdsaCurve};

use super::ssh_wire::put_string;
use super::sshsig::{self, PublicKey, SigError};

/// Why a private key is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("not an OpenSSH private key")]
    NotAKey,
    #[error("the key is protected by a passphrase")]
    PassphraseNeeded,
    #[error("the passphrase does not open this key")]
    WrongPassphrase,
    #[error("keys of type {0} can only sign through ssh-agent")]
    AgentOnly(String),
    #[error(transparent)]
    Public(#[from] SigError),
    #[error("the key did not sign")]
    NotSigned,
}

/// A private key, ready to sign: ed25519 or ecdsa-p256. Others sign through ssh-agent.
pub struct PrivateKey {
    inner: ssh_key::PrivateKey,
    public: PublicKey,
}

/// Whether a key file asks for a passphrase.
pub fn is_encrypted(pem: &[u8]) -> Result<bool, KeyError> {
    Ok(ssh_key::PrivateKey::from_openssh(pem).map_err(|_| KeyError::NotAKey)?.is_encrypted())
}

/// The public half of a key file, which no passphrase hides.
pub fn public_of(pem: &[u8]) -> Result<PublicKey, KeyError> {
    let key = ssh_key::PrivateKey::from_openssh(pem).map_err(|_| KeyError::NotAKey)?;
    Ok(PublicKey::from_blob(key.public_key().to_bytes().map_err(|_| KeyError::NotAKey)?)?)
}

impl PrivateKey {
    /// Reads the text of an OpenSSH private key.
    pub fn parse(pem: &[u8], passphrase: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
        let key = ssh_key::PrivateKey::from_openssh(pem).map_err(|_| KeyError::NotAKey)?;
        if !key.is_encrypted() {
            return PrivateKey::from_inner(key);
        }
        let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
        PrivateKey::from_inner(key.decrypt(passphrase).map_err(|_| KeyError::WrongPassphrase)?)
    }

    /// An ed25519 key from its 32 bytes of chance, for the demo's people and for `dock init`.
    pub fn from_seed(seed: &[u8; 32], comment: &str) -> Result<PrivateKey, KeyError> {
        let pair = ssh_key::private::Ed25519Keypair::from_seed(seed);
        PrivateKey::from_inner(ssh_key::PrivateKey::new(pair.into(), comment).map_err(|_| KeyError::NotAKey)?)
    }

    fn from_inner(inner: ssh_key::PrivateKey) -> Result<PrivateKey, KeyError> {
        match inner.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => {}
            other => return Err(KeyError::AgentOnly(other.to_string())),
        }
        let blob = inner.public_key().to_bytes().map_err(|_| KeyError::NotAKey)?;
        Ok(PrivateKey { inner, public: PublicKey::from_blob(blob)? })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The public key as a line with its comment, as a `.pub` file has it.
    pub fn public_line(&self) -> String {
        format!("{} {}", self.public.line(), self.inner.comment()).trim_end().to_owned()
    }

    /// The text of the plain key file.
    pub fn to_openssh(&self) -> Result<zeroize::Zeroizing<String>, KeyError> {
        self.inner.to_openssh(ssh_key::LineEnding::LF).map_err(|_| KeyError::NotAKey)
    }

    /// The armored signature over `message` for `namespace`, as `ssh-keygen -Y sign` makes it.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, KeyError> {
        let signed = sshsig::to_be_signed(namespace, message);
        let signature = self.inner.try_sign(&signed).map_err(|_| KeyError::NotSigned)?;
        let mut blob = Vec::with_capacity(128);
        put_string(&mut blob, signature.algorithm().as_str());
        put_string(&mut blob, signature.as_bytes());
        Ok(sshsig::armor(self.public.blob(), namespace, &blob))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PrivateKey({:?})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_what_verifies() {
        for (pem, passphrase) in [
            (include_str!("../../tests/vectors/key_ed25519"), None),
            (include_str!("../../tests/vectors/key_ed25519_passphrase"), Some(&b"open sesame"[..])),
            (include_str!("../../tests/vectors/key_ecdsa"), None),
        ] {
            let key = PrivateKey::parse(pem.as_bytes(), passphrase).unwrap();
            let armored = key.sign("decision.v1@example.com", b"message").unwrap();
            assert!(
                sshsig::verify(&key.public_line(), "decision.v1@example.com", b"message", &armored).is_ok()
            );
            assert_eq!(is_encrypted(pem.as_bytes()), Ok(passphrase.is_some()));
            if passphrase.is_some() {
                assert_eq!(PrivateKey::parse(pem.as_bytes(), None).unwrap_err(), KeyError::PassphraseNeeded);
                assert_eq!(
                    PrivateKey::parse(pem.as_bytes(), Some(b"no")).unwrap_err(),
                    KeyError::WrongPassphrase
                );
            }
        }
        assert_eq!(PrivateKey::parse(b"nonsense", None).unwrap_err(), KeyError::NotAKey);
    }

    #[test]
    fn a_seed_becomes_a_file_that_reads_back() {
        let key = PrivateKey::from_seed(&[7; 32], "sarah").unwrap();
        let again = PrivateKey::parse(key.to_openssh().unwrap().as_bytes(), None).unwrap();
        assert_eq!(again.public_line(), key.public_line());
        assert!(key.public_line().ends_with(" sarah"));
    }
}
