//! What is said to ssh-agent and what it answers (draft-miller-ssh-agent), as bytes without a socket.
//!
//! A message is what follows its four-byte length; [`framed`] puts the length before it.
//! Never: a connection; a key's private half.

use super::ssh_wire::{Malformed, Reader, put_string};
use super::sshsig;

/// The longest answer that a client should read: OpenSSH's own limit.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// The most identities that are looked at; OpenSSH's agent holds fewer.
pub const IDENTITIES_MAX: usize = 2048;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const FAILURE: u8 = 5;
/// For RSA keys: without it the agent would sign with SHA-1. Others ignore it.
const RSA_SHA2_512: u32 = 4;

/// One key that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub key_blob: Vec<u8>,
    pub comment: String,
}

/// Why an agent's answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    #[error("ssh-agent refused: it is locked, does not hold the key, or the touch did not come")]
    Refused,
    #[error("ssh-agent answered something that is not part of its protocol")]
    Malformed,
}

impl From<Malformed> for AgentError {
    fn from(_: Malformed) -> AgentError {
        AgentError::Malformed
    }
}

/// A message with its length before it, as it goes over the socket.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 4);
    put_string(&mut out, message);
    out
}

/// Asks which keys there are.
pub fn agent_request_identities() -> Vec<u8> {
    vec![REQUEST_IDENTITIES]
}

/// Asks for a signature over `data` (see [`sshsig::to_be_signed`]) by one of the agent's keys.
pub fn agent_sign_request(key_blob: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = vec![SIGN_REQUEST];
    put_string(&mut out, key_blob);
    put_string(&mut out, data);
    out.extend_from_slice(&RSA_SHA2_512.to_be_bytes());
    out
}

/// Reads the answer to [`agent_request_identities`].
pub fn parse_identities(message: &[u8]) -> Result<Vec<Identity>, AgentError> {
    let mut reader = answer(message, IDENTITIES_ANSWER)?;
    let count = usize::try_from(reader.u32()?).map_err(|_| AgentError::Malformed)?;
    if count > IDENTITIES_MAX {
        return Err(AgentError::Malformed);
    }
    let mut all = Vec::new();
    for _ in 0..count {
        let key_blob = reader.string()?.to_vec();
        all.push(Identity { key_blob, comment: String::from_utf8_lossy(reader.string()?).into_owned() });
    }
    reader.end()?;
    Ok(all)
}

/// Reads the answer to [`agent_sign_request`]: the signature in SSH's own form, for [`sshsig::armor`].
pub fn parse_signature(message: &[u8]) -> Result<Vec<u8>, AgentError> {
    let mut reader = answer(message, SIGN_RESPONSE)?;
    let signature = reader.string()?.to_vec();
    reader.end()?;
    Ok(signature)
}

/// What to send to sign `message` for `namespace`.
pub fn sign_request(key_blob: &[u8], namespace: &str, message: &[u8]) -> Vec<u8> {
    agent_sign_request(key_blob, &sshsig::to_be_signed(namespace, message))
}

fn answer(message: &[u8], expected: u8) -> Result<Reader<'_>, AgentError> {
    let mut reader = Reader(message);
    match reader.byte()? {
        kind if kind == expected => Ok(reader),
        FAILURE => Err(AgentError::Refused),
        _ => Err(AgentError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn speaks_the_protocol() {
        assert_eq!(framed(&agent_request_identities()), [0, 0, 0, 1, 11]);
        assert_eq!(
            agent_sign_request(b"k", b"data"),
            [13, 0, 0, 0, 1, b'k', 0, 0, 0, 4, b'd', b'a', b't', b'a', 0, 0, 0, 4]
        );
        let identities = parse_identities(&[12, 0, 0, 0, 1, 0, 0, 0, 1, b'k', 0, 0, 0, 1, b'c']).unwrap();
        assert_eq!(identities, [Identity { key_blob: b"k".to_vec(), comment: "c".into() }]);
        assert_eq!(parse_signature(&[14, 0, 0, 0, 1, b's']), Ok(b"s".to_vec()));
        assert_eq!(parse_signature(&[5]), Err(AgentError::Refused));
        for bad in [
            &[][..],
            &[12],
            &[12, 0, 0, 0, 1],
            &[12, 255, 255, 255, 255],
            &[14, 0, 0, 0, 0, 9],
            &[12, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(
                parse_identities(bad).and(parse_signature(bad).map(drop)),
                Err(AgentError::Malformed),
                "{bad:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = (parse_identities(&bytes), parse_signature(&bytes));
        }
    }
}
