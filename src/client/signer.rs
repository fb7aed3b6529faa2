//! The reviewer's key: in ssh-agent, in a file with a passphrase, or, in the demo alone, in a plain file.
//!
//! Never: a plain file outside of the demo's own loopback server; a passphrase kept; a key printed.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

use super::settings::Settings;
use crate::{
    audit::{
        agent_protocol::{self as protocol, AgentError, MESSAGE_BYTES_MAX},
        private_key::{self, KeyError, PrivateKey},
        sshsig::{self, PublicKey, Purpose, SigError},
    },
    config,
};

/// The one organisation whose people may sign with plain files.
pub const DEMO_ORG: &str = "demo.invalid";
/// How long a touch, or the agent's own question, may take.
const AGENT_ANSWERS_WITHIN: Duration = Duration::from_secs(30);
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error(
        "no ssh-agent is running here\nhint: `eval $(ssh-agent); ssh-add`, or name a key file in console.toml"
    )]
    NoAgent,
    #[error(
        "ssh-agent holds no key that can sign{which}\nhint: `ssh-add` adds one; `dock doctor` lists what is accepted"
    )]
    NoKey { which: String },
    #[error("ssh-agent cannot be asked: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error("{}: {error}", file.display())]
    File { file: PathBuf, error: KeyError },
    #[error("{} cannot be read: {why}", file.display())]
    Unreadable { file: PathBuf, why: String },
    #[error("{} has no passphrase; plain key files sign in the demo alone\nhint: add it to ssh-agent, or give it a passphrase: ssh-keygen -p -f {}", file.display(), file.display())]
    Plain { file: PathBuf },
    #[error("no passphrase was given")]
    NoPassphrase,
    #[error("the key's answer does not verify: {0}")]
    Unverified(#[from] SigError),
    #[error(transparent)]
    Config(#[from] config::ConfigError),
}

/// A key that is ready to sign.
pub struct Signer {
    public: PublicKey,
    comment: String,
    way: Way,
}

enum Way {
    Agent(PathBuf),
    File(Box<PrivateKey>),
}

/// Asks for a passphrase: the prompt in, the words out, `None` where nobody can be asked.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> Option<Zeroizing<String>>;

impl Signer {
    /// The key that the settings name. `known` are fingerprints that the server has enrolled for this person: of
    /// several keys in an agent the first of those is taken.
    pub fn open(settings: &Settings, org: &str, known: &[String], ask: Ask<'_>) -> Result<Self, SignError> {
        match settings.key.as_str() {
            Settings::KEY_AGENT => Self::from_agent(None, known),
            wanted if wanted.starts_with("SHA256:") => Self::from_agent(Some(wanted), known),
            path => {
                let plain_allowed = org == DEMO_ORG && settings.loopback();
                Self::from_file(&expand_home(path), plain_allowed, ask)
            }
        }
    }

    /// The keys that the agent at `SSH_AUTH_SOCK` holds and Dock accepts.
    pub fn agent_keys() -> Result<Vec<(PublicKey, String)>, SignError> {
        let socket = agent_socket()?;
        let answer = exchange(&socket, &protocol::agent_request_identities())?;
        let identities = protocol::parse_identities(&answer)?;
        Ok(identities
            .into_iter()
            .filter_map(|id| Some((PublicKey::from_blob(id.key_blob).ok()?, id.comment)))
            .collect())
    }

    /// The public half of the key file that the settings name; none where the key is in an agent.
    pub fn named_in_file(settings: &Settings) -> Option<PublicKey> {
        let path = Some(settings.key.as_str());
        let path = path.filter(|key| *key != Settings::KEY_AGENT && !key.starts_with("SHA256:"))?;
        private_key::public_of(&read_key(&expand_home(path)).ok()?).ok()
    }

    fn from_agent(wanted: Option<&str>, known: &[String]) -> Result<Self, SignError> {
        let keys = Self::agent_keys()?;
        let fits = |key: &PublicKey| wanted.is_none_or(|wanted| key.fingerprint() == wanted);
        let rank = |key: &PublicKey| (known.contains(&key.fingerprint()), key.proves_touch());
        // The first of the best: `max_by_key` would take the last.
        let best = keys.into_iter().filter(|(key, _)| fits(key)).rev().max_by_key(|(key, _)| rank(key));
        let which = wanted.map(|wanted| format!(" as {wanted}")).unwrap_or_default();
        let (public, comment) = best.ok_or(SignError::NoKey { which })?;
        Ok(Self { public, comment, way: Way::Agent(agent_socket()?) })
    }

    fn from_file(file: &Path, plain_allowed: bool, ask: Ask<'_>) -> Result<Self, SignError> {
        let pem = read_key(file)?;
        let wrong = |error| SignError::File { file: file.to_owned(), error };
        let key = if private_key::is_encrypted(&pem).map_err(wrong)? {
            let said = ask(&format!("Passphrase for {}: ", file.display())).ok_or(SignError::NoPassphrase)?;
            PrivateKey::parse(&pem, Some(said.as_bytes())).map_err(wrong)?
        } else if plain_allowed {
            PrivateKey::parse(&pem, None).map_err(wrong)?
        } else {
            return Err(SignError::Plain { file: file.to_owned() });
        };
        let comment = file.display().to_string();
        Ok(Self { public: key.public().clone(), comment, way: Way::File(Box::new(key)) })
    }

    /// The armored signature over `message`. It is checked here before anybody else sees it.
    pub fn sign(&self, purpose: Purpose, org: &str, message: &[u8]) -> Result<String, SignError> {
        let namespace = purpose.namespace(org);
        let armored = match &self.way {
            Way::File(key) => key
                .sign(&namespace, message)
                .map_err(|error| SignError::File { file: PathBuf::from(&self.comment), error })?,
            Way::Agent(socket) => {
                let asked = protocol::sign_request(self.public.blob(), &namespace, message);
                let signature = protocol::parse_signature(&exchange(socket, &asked)?)?;
                sshsig::armor(self.public.blob(), &namespace, &signature)
            }
        };
        self.public.verify(&namespace, message, &armored)?;
        Ok(armored)
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn fingerprint(&self) -> String {
        self.public.fingerprint()
    }

    pub fn proves_touch(&self) -> bool {
        self.public.proves_touch()
    }

    /// Where the key is: for the dialog's first line.
    pub fn origin(&self) -> &'static str {
        match self.way {
            Way::Agent(_) => "ssh-agent",
            Way::File(_) => "key file",
        }
    }

    /// The agent's comment, or the file's name.
    pub fn comment(&self) -> &str {
        &self.comment
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({}, {})", self.fingerprint(), self.origin())
    }
}

fn read_key(file: &Path) -> Result<Zeroizing<Vec<u8>>, SignError> {
    config::private(file)?;
    let unreadable =
        |error: io::Error| SignError::Unreadable { file: file.to_owned(), why: error.to_string() };
    let mut pem = Zeroizing::new(Vec::with_capacity(8 * 1024));
    fs::File::open(file)
        .and_then(|opened| opened.take(KEY_FILE_BYTES_MAX).read_to_end(&mut pem))
        .map_err(unreadable)?;
    Ok(pem)
}

fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), config::environment("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn agent_socket() -> Result<PathBuf, SignError> {
    config::environment("SSH_AUTH_SOCK").map(PathBuf::from).ok_or(SignError::NoAgent)
}

fn exchange(socket: &Path, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut stream = UnixStream::connect(socket).map_err(|_| SignError::NoAgent)?;
    stream.set_read_timeout(Some(AGENT_ANSWERS_WITHIN))?;
    stream.set_write_timeout(Some(AGENT_ANSWERS_WITHIN))?;
    stream.write_all(&protocol::framed(message))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(AgentError::Malformed.into());
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const PLAIN: &str = include_str!("../../tests/vectors/key_ed25519");
    const LOCKED: &str = include_str!("../../tests/vectors/key_ed25519_passphrase");

    fn settings(pem: &str, server: &str) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, pem).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let key = file.display().to_string();
        (folder, Settings { server: Some(server.to_owned()), key, ..Settings::default() })
    }

    #[test]
    fn plain_keys_sign_in_the_demo_alone() {
        for (server, org, signs) in [
            ("http://127.0.0.1:4000", "demo.invalid", true),
            ("http://10.0.0.7:4000", "demo.invalid", false),
            ("http://127.0.0.1:4000", "example.com", false),
        ] {
            let (_folder, settings) = settings(PLAIN, server);
            let signer = Signer::open(&settings, org, &[], &mut |_| None);
            assert_eq!(signer.is_ok(), signs, "{server} {org}");
            assert_eq!(matches!(signer, Err(SignError::Plain { .. })), !signs);
        }
    }

    #[test]
    fn a_passphrase_is_asked_for() {
        let (_folder, settings) = settings(LOCKED, "https://dock.example.com");
        let mut asked = 0;
        let signer = Signer::open(&settings, "example.com", &[], &mut |_| {
            asked += 1;
            Some(Zeroizing::new("open sesame".to_owned()))
        })
        .unwrap();
        assert!(signer.sign(Purpose::Decision, "example.com", b"bytes").is_ok());
        assert_eq!(asked, 1);
        let nobody = Signer::open(&settings, "example.com", &[], &mut |_| None);
        assert!(matches!(nobody, Err(SignError::NoPassphrase)));
    }
}
