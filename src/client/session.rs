//! Signing in: a nonce of the server, signed with the reviewer's key; the token that comes back only reads.
//!
//! Never: a token that others can read; a challenge signed that is for another log or another server.

use std::{fs, path::Path};

use zeroize::Zeroizing;

use super::{
    api::{Api, ApiError},
    home::{Home, HomeError, write_private},
    settings::Settings,
    signer::{SignError, Signer},
};
use crate::{
    audit::sshsig::Purpose,
    config,
    row::{PrincipalId, c1},
    wire::{LoginRequest, Session},
};

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("no server is configured\nhint: `dock init` writes a console.toml, `dock demo` needs none")]
    NoServer,
    #[error("console.toml does not say who you are\nhint: person = \"sarah\"")]
    NoPerson,
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error("the server's challenge is not for this login: {0}")]
    Challenge(String),
}

/// The server as this home's person: with the kept token, if there is one.
pub fn connect(home: &Home, settings: &Settings) -> Result<Api, LoginError> {
    let server = settings.server.as_deref().ok_or(LoginError::NoServer)?;
    let api = Api::new(server)?;
    Ok(match kept(&home.session_file(), server) {
        Some(token) => api.with_token(token),
        None => api,
    })
}

/// Signs in and keeps the token.
pub async fn login(
    home: &Home,
    settings: &Settings,
    api: &Api,
    signer: &Signer,
) -> Result<Session, LoginError> {
    let person = settings.person.clone().ok_or(LoginError::NoPerson)?;
    let challenge = api.challenge(&person).await?;
    check(&challenge.challenge, &challenge.org, settings)?;
    let signature = signer.sign(Purpose::Login, &challenge.org, challenge.challenge.as_bytes())?;
    let session = api.login(&LoginRequest { person, challenge: challenge.challenge, signature }).await?;
    keep(home, settings, &session)?;
    Ok(session)
}

/// Forgets the token. True if there was one.
pub fn logout(home: &Home) -> Result<bool, HomeError> {
    let file = home.session_file();
    match fs::remove_file(&file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(HomeError::Unwritable { file, error }),
    }
}

/// The token lies beside the server that gave it, so that it is never shown to another.
fn keep(home: &Home, settings: &Settings, session: &Session) -> Result<(), HomeError> {
    home.state_folder()?;
    let server = settings.server.as_deref().unwrap_or_default();
    let text = Zeroizing::new(format!("{server}\n{}\n", session.token));
    write_private(&home.session_file(), text.as_bytes())
}

fn kept(file: &Path, server: &str) -> Option<Zeroizing<String>> {
    let text = config::secret(file).ok()?;
    let (gave, token) = text.split_once('\n')?;
    (gave == server).then(|| Zeroizing::new(token.trim().to_owned()))
}

/// The bytes are canonical, and name our server and our log where we know them.
fn check(challenge: &str, org: &str, settings: &Settings) -> Result<(), LoginError> {
    let wrong = |why: &str| LoginError::Challenge(why.to_owned());
    let value = c1::parse(challenge.as_bytes()).map_err(|error| LoginError::Challenge(error.to_string()))?;
    let said = |name: &str| value.text(name).map(|text| text.trim_end_matches('/'));
    let server = settings.server.as_deref().map(|server| server.trim_end_matches('/'));
    if said("server").is_some_and(|said| Some(said) != server) {
        return Err(wrong("it names another server's address"));
    }
    if let Some(key) = &settings.log_key {
        let origin = key.split('+').next().unwrap_or_default();
        if said("origin").is_some_and(|said| said != origin) || format!("{org}/dock") != origin {
            return Err(wrong("it is for another log"));
        }
    }
    Ok(())
}

/// Who this home's person is to the server; the settings' word where the server is away.
pub fn person(settings: &Settings) -> Result<PrincipalId, LoginError> {
    settings.person.clone().ok_or(LoginError::NoPerson)
}
