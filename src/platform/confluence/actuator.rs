//! The writes to Confluence: a page's next version, and a new page; each once.
//!
//! The lock is the version's number: exactly one more than the version that was reviewed, so whoever wrote in between is
//! met as a conflict and never overwritten. Where an answer is lost, a version is found again by its message
//! ([`Source::versions`]), a new page by its title ([`Source::find`]): Confluence takes no message with a new page.
//! A page in the trash is not to be published: that would bring it back. Whoever publishes reads the page right before.
//! Never: a second try; a number that was read off a conflict.

use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{API, Config, Source, Version, said, wire};
use crate::platform::{
    Failure, Next, PlatformError,
    http::{Answer, Ask},
};

/// A larger body is not sent.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A longer message is not sent: what Confluence does with it is not told.
pub const MESSAGE_CHARS_MAX: usize = 255;

/// Confluence with the executor's token, which may write pages.
#[derive(Debug)]
pub struct Actuator {
    source: Source,
}

/// A page's next version as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub page: String,
    /// Confluence takes the title with each version; the page's own keeps it.
    pub title: String,
    /// The version that was reviewed.
    pub expected_version: u64,
    /// Storage format.
    pub body: String,
    /// At most [`MESSAGE_CHARS_MAX`] characters. What the read-back looks for stands in its first hundred.
    pub message: String,
}

/// A new page as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The space's id or key.
    pub space: String,
    /// The page above it; the space's home page where there is none.
    pub parent: Option<String>,
    pub title: String,
    /// Storage format.
    pub body: String,
}

/// A page that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub page: String,
    pub version: Version,
    /// The page that a person would open.
    pub url: String,
}

/// Why nothing was published, or why that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("Confluence has another version of it than was reviewed{}: {text}", at(*current))]
    Conflict { current: Option<u64>, text: String },
    #[error("Confluence cannot read the page's body: {why}")]
    Malformed { why: String },
    #[error("the space has a page of this title: {why}")]
    TitleTaken { why: String },
    #[error("the page is restricted: Dock's executor may not edit it ({why})")]
    Restricted { why: String },
    #[error("the page's body has more bytes than are published ({BODY_BYTES_MAX}), or than Confluence takes")]
    TooLarge,
    #[error("the version's message has {chars} characters, {MESSAGE_CHARS_MAX} are sent at most")]
    MessageTooLong { chars: usize },
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

fn at(current: Option<u64>) -> String {
    current.map(|number| format!(" (it is at {number})")).unwrap_or_default()
}

impl PublishError {
    /// What the executor does next. A conflict, and a title that is taken, may both be our own write whose answer was lost.
    pub fn next(&self) -> Next {
        match self {
            Self::Conflict { .. } | Self::TitleTaken { .. } => Next::ReadBack,
            Self::Malformed { .. }
            | Self::Restricted { .. }
            | Self::TooLarge
            | Self::MessageTooLong { .. } => Next::GiveUp,
            Self::Platform(error) => error.after_write(),
        }
    }

    pub fn hint(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => {
                "somebody edited the page meanwhile; the edit has to be reviewed on what is there now"
            }
            Self::Malformed { .. } => "the page stays as it was; the edit has to be drafted again",
            Self::TitleTaken { .. } => "open the page of that title, or choose another",
            Self::Restricted { .. } => {
                "let the executor's account edit the page in its restrictions, and its space"
            }
            Self::TooLarge => "split the page",
            Self::MessageTooLong { .. } => "shorten the note that goes into the message",
            Self::Platform(error) => error.hint(),
        }
    }
}

impl Actuator {
    /// `config` names the executor's token, not the agents'.
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        Ok(Self { source: Source::open(config)? })
    }

    /// The reads that writing needs, with the executor's own token.
    pub fn reads(&self) -> &Source {
        &self.source
    }

    /// Publishes the version after the one that was reviewed, once. What is stored then is read separately: Confluence
    /// changes details of it.
    pub async fn publish(&self, publish: &Publish) -> Result<Version, PublishError> {
        let Publish { page, title, expected_version, body, message } = publish;
        fits(body, message)?;
        let number = expected_version.saturating_add(1);
        let asked = format!("version {number} of the page {page}");
        let content = json!({
            "id": page, "status": "current", "title": title, "body": storage(body),
            "version": {"number": number, "message": message, "minorEdit": false},
        });
        let path = [&API[..], &["pages", page.as_str()]].concat();
        let ask = Ask::put(asked.clone(), &path, &content).header(CONTENT_TYPE, "application/json");
        let (_, version) = self.written(&asked, ask).await?;
        if version.number == number {
            return Ok(version);
        }
        let other = format!("version {} in the answer", version.number);
        Err(self.source.garbage(&asked, &other).into())
    }

    /// Makes a page, once.
    pub async fn create(&self, create: &Create) -> Result<Created, PublishError> {
        let Create { space, parent, title, body } = create;
        fits(body, "")?;
        let space = self.source.space_id(space).await?;
        let asked = format!("the new page {title}");
        let mut content =
            json!({"spaceId": space, "status": "current", "title": title, "body": storage(body)});
        if let Some(parent) = parent {
            content["parentId"] = json!(parent);
        }
        let path = [&API[..], &["pages"]].concat();
        let ask = Ask::post(asked.clone(), &path, &content).header(CONTENT_TYPE, "application/json");
        let (page, version) = self.written(&asked, ask).await?;
        Ok(Created { page: page.id().to_owned(), version, url: self.source.url_of(&page) })
    }

    async fn written(&self, asked: &str, ask: Ask) -> Result<(wire::Page, Version), PublishError> {
        let answer = self.source.http.send(ask).await?;
        if !answer.status.is_success() {
            return Err(self.refusal(asked, answer));
        }
        let page: wire::Page = self.source.http.parse(asked, &answer)?;
        let version = page.version().map_err(|why| self.source.garbage(asked, &why))?;
        Ok((page, version))
    }

    fn refusal(&self, asked: &str, answer: Answer) -> PublishError {
        let (status, words, text) = (answer.status.as_u16(), said::words(&answer), said::said(&answer));
        let error = |failure| PublishError::Platform(self.source.http.error(asked, failure, &text));
        let quoted = || self.source.http.error(asked, Failure::Conflict, &text).said;
        if said::is_conflict(status, &words) {
            return PublishError::Conflict { current: said::current_version(&words), text: quoted() };
        }
        match answer.status {
            StatusCode::BAD_REQUEST | StatusCode::CONFLICT if said::is_title_taken(&words) => {
                PublishError::TitleTaken { why: quoted() }
            }
            StatusCode::BAD_REQUEST if said::is_malformed(&words) => {
                PublishError::Malformed { why: quoted() }
            }
            StatusCode::PAYLOAD_TOO_LARGE => PublishError::TooLarge,
            StatusCode::FORBIDDEN => PublishError::Restricted { why: quoted() },
            // With a time or without: whether it was carried out is not told.
            StatusCode::SERVICE_UNAVAILABLE => error(Failure::ServerError { status }),
            _ => match self.source.http.accept(asked, answer) {
                Err(failed) => failed.into(),
                Ok(_) => error(Failure::Garbage),
            },
        }
    }
}

fn storage(body: &str) -> Value {
    json!({"representation": "storage", "value": body})
}

fn fits(body: &str, message: &str) -> Result<(), PublishError> {
    let chars = message.chars().count();
    if chars > MESSAGE_CHARS_MAX {
        return Err(PublishError::MessageTooLong { chars });
    }
    if body.len() > BODY_BYTES_MAX { Err(PublishError::TooLarge) } else { Ok(()) }
}
