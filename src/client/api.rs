//! The typed calls of `/v1`, for a person's commands and console, and for agents.
//!
//! Never: a retry, a decision about what an answer means, or a token on a plain connection to another machine.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use reqwest::{
    Method, StatusCode,
    header::{self, HeaderMap},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::settings::loopback;
use crate::{
    row::{
        Amendment, DecisionId, Digest, Draft, PrincipalId, Refusal, RowId,
        search::Query,
        waiting::{Asks, Place, Reports, Seen},
    },
    wire::{
        AgentView, AttestRequest, Challenge, ChallengeRequest, ConfirmAnswer, ConfirmRequest, DecisionAnswer,
        DraftAnswer, EvidenceParts, ExtendRequest, Fresh, HaltRequest, Hints, HistoryEntry, IncidentView,
        LiftRequest, LoginRequest, Me, PersonView, PlatformCalls, Position, Problem, ProofBody, Ready,
        RowPage, RowView, Session, SignedDecision, Snapshot, Span, Telemetry, Waited, WithdrawRequest,
    },
};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Any call but a long poll.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// What a long poll gets beyond the time that it asked the server to wait.
const POLL_MARGIN: Duration = Duration::from_secs(10);
/// The longest long poll.
pub const POLL_MAX: Duration = Duration::from_secs(25);
/// The largest answer that is read: a snapshot with every open row whole.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The longest pause that a `Retry-After` is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Why a call brought no answer of the wanted kind.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(
        "{server} is no server's URL: {why}\nhint: `server = \"https://dock.example.com\"` in console.toml"
    )]
    BadServer { server: String, why: String },
    #[error("{server} is not reachable: {why}")]
    Unreachable { server: String, why: String },
    /// Something was sent: it may have arrived.
    #[error("{server} gave no answer: {why}")]
    NoAnswer { server: String, why: String },
    #[error("{}", said(.problem))]
    Problem { problem: Box<Problem>, retry_after: Option<Duration> },
    #[error("{server} answered what no Dock answers: {why}")]
    Garbage { server: String, why: String },
}

impl ApiError {
    /// Nobody is there, for now: reads fall back to what is cached.
    pub fn away(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => true,
            Self::Problem { problem, .. } => problem.status >= 500,
            Self::BadServer { .. } | Self::Garbage { .. } => false,
        }
    }

    pub fn signed_out(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.status == 401)
    }

    pub fn not_found(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.status == 404)
    }

    pub fn code(&self) -> &str {
        match self {
            Self::BadServer { .. } => "bad_server",
            Self::Unreachable { .. } => "unreachable",
            Self::NoAnswer { .. } => "no_answer",
            Self::Problem { problem, .. } => &problem.code,
            Self::Garbage { .. } => "garbage",
        }
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Problem { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Problem { problem, .. } => problem.refusal.as_ref(),
            _ => None,
        }
    }
}

fn said(problem: &Problem) -> String {
    let hint = problem.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{}{hint}", problem.detail)
}

/// One server, as one principal.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    server: String,
    token: Option<Zeroizing<String>>,
}

impl Api {
    /// Makes the HTTP client; nothing is sent yet. TLS is made ready for `https` alone.
    pub fn new(server: &str) -> Result<Self, ApiError> {
        let server = server.trim_end_matches('/').to_owned();
        let bad = |why: &str| ApiError::BadServer { server: server.clone(), why: why.to_owned() };
        let here = loopback(&server);
        // Whoever comes first installs it; they are all the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("dock/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .redirect(reqwest::redirect::Policy::none());
        let builder = match server.split_once("://") {
            Some(("https", _)) => builder.https_only(true),
            Some(("http", _)) if here => builder.no_proxy().tls_certs_only([]),
            Some(("http", _)) => return Err(bad("plain HTTP is for this machine alone; use https")),
            _ => return Err(bad("it begins with https://")),
        };
        let http = builder.build().map_err(|error| bad(&sentence(&error)))?;
        Ok(Self { http, server, token: None })
    }

    #[must_use]
    pub fn with_token(self, token: Zeroizing<String>) -> Self {
        Self { token: Some(token), ..self }
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub async fn challenge(&self, person: &PrincipalId) -> Result<Challenge, ApiError> {
        self.send(Method::POST, "/v1/login/challenge", &ChallengeRequest { person: person.clone() }).await
    }

    pub async fn login(&self, request: &LoginRequest) -> Result<Session, ApiError> {
        self.send(Method::POST, "/v1/login", request).await
    }

    pub async fn me(&self) -> Result<Me, ApiError> {
        self.get("/v1/me", &[]).await
    }

    /// Everything a console needs, with the position that it is true at.
    pub async fn snapshot(&self) -> Result<Snapshot, ApiError> {
        self.get("/v1/snapshot", &[]).await
    }

    /// What changed after `position`; waits up to `wait` for something to change.
    pub async fn changes(&self, position: Position, wait: Duration) -> Result<Snapshot, ApiError> {
        let wait = wait.min(POLL_MAX);
        let query = [("after", position.to_string()), ("wait", wait.as_secs().to_string())];
        let request =
            self.request(Method::GET, "/v1/sync").query(&query).timeout(wait + ANSWER_WITHIN + POLL_MARGIN);
        self.json(request).await
    }

    /// A page of what the backend finds: `query` in the language of filters, without what only this reader knows. Further
    /// pages go on at `cursor`.
    pub async fn find(
        &self,
        query: &Query,
        more: &[(&str, String)],
        cursor: Option<&str>,
    ) -> Result<RowPage, ApiError> {
        let mut asked = vec![("q", query.to_string())];
        asked.extend(more.iter().cloned());
        asked.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.get("/v1/rows", &asked).await
    }

    /// An incident's rows, and the incidents that were like it.
    pub async fn incident(&self, incident: &str) -> Result<IncidentView, ApiError> {
        let name: String = incident
            .bytes()
            .filter(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
            .map(char::from)
            .collect();
        self.get(&format!("/v1/incidents/{name}"), &[]).await
    }

    pub async fn row(&self, row: RowId) -> Result<RowView, ApiError> {
        self.get(&format!("/v1/rows/{row}"), &[]).await
    }

    pub async fn revision(&self, row: RowId, revision: u32) -> Result<RowView, ApiError> {
        self.get(&format!("/v1/rows/{row}/revisions/{revision}"), &[]).await
    }

    pub async fn history(&self, row: RowId) -> Result<Vec<HistoryEntry>, ApiError> {
        self.get(&format!("/v1/rows/{row}/history"), &[]).await
    }

    /// Waits until the row is decided, `wait` at most; answers with the row as it is then.
    pub async fn wait(&self, row: RowId, wait: Duration) -> Result<RowView, ApiError> {
        let wait = wait.min(POLL_MAX);
        let query = [("until", "decided".to_owned()), ("wait", wait.as_secs().to_string())];
        let path = format!("/v1/rows/{row}/wait");
        let request =
            self.request(Method::GET, &path).query(&query).timeout(wait + ANSWER_WITHIN + POLL_MARGIN);
        self.json(request).await
    }

    /// Base and difference as the platform gives them now.
    pub async fn fresh(&self, row: RowId) -> Result<Fresh, ApiError> {
        self.json(
            self.request(Method::POST, &format!("/v1/rows/{row}/fresh")).timeout(Duration::from_secs(60)),
        )
        .await
    }

    /// The live telemetry of what a row is about, up to now or to `until`.
    pub async fn series(
        &self,
        row: RowId,
        span: Span,
        until: Option<Timestamp>,
    ) -> Result<Telemetry, ApiError> {
        let mut query = vec![("span", span.word().to_owned())];
        query.extend(until.map(|until| ("until", until.to_string())));
        self.get(&format!("/v1/rows/{row}/series"), &query).await
    }

    /// Delivers a signed decision. The same bytes under the same id count once.
    pub async fn decide(&self, id: &DecisionId, signed: &SignedDecision) -> Result<DecisionAnswer, ApiError> {
        self.send(Method::PUT, &format!("/v1/decisions/{id}"), signed).await
    }

    /// An agent's draft. The key makes a repetition harmless.
    pub async fn open_row(&self, draft: &Draft, idempotency_key: &str) -> Result<DraftAnswer, ApiError> {
        let request = self.request(Method::POST, "/v1/rows").header("Idempotency-Key", idempotency_key);
        self.json(request.json(draft).timeout(Duration::from_secs(90))).await
    }

    /// An agent's draft; a row of its own on the same subject that nobody has decided yet makes way.
    pub async fn supersede_row(&self, draft: &Draft, idempotency_key: &str) -> Result<DraftAnswer, ApiError> {
        let request = self.request(Method::POST, "/v1/rows?supersede=true");
        let request = request.header("Idempotency-Key", idempotency_key);
        self.json(request.json(draft).timeout(Duration::from_secs(90))).await
    }

    /// The next revision, if the row is still at `revision`.
    pub async fn revise_row(
        &self,
        row: RowId,
        revision: u32,
        draft: &Draft,
        idempotency_key: &str,
    ) -> Result<DraftAnswer, ApiError> {
        let request = self
            .request(Method::POST, &format!("/v1/rows/{row}/revisions"))
            .header("Idempotency-Key", idempotency_key)
            .header(header::IF_MATCH, format!("\"{revision}\""));
        self.json(request.json(draft).timeout(Duration::from_secs(90))).await
    }

    /// An agent read its row's facts again and judges them the same.
    pub async fn confirm_row(&self, row: RowId, found: &ConfirmRequest) -> Result<ConfirmAnswer, ApiError> {
        self.send(Method::POST, &format!("/v1/rows/{row}/confirm"), found).await
    }

    /// An agent takes its row back, and says why.
    pub async fn withdraw_row(
        &self,
        row: RowId,
        why: &str,
        idempotency_key: &str,
    ) -> Result<DraftAnswer, ApiError> {
        let path = format!("/v1/rows/{row}/withdraw");
        let request = self.request(Method::POST, &path).header("Idempotency-Key", idempotency_key);
        self.json(request.json(&WithdrawRequest { why: why.to_owned() })).await
    }

    /// What a platform's hooks told of since `after`; waits for something where nothing did.
    pub async fn hints(&self, platform: &str, after: u64, wait: Duration) -> Result<Hints, ApiError> {
        let wait = wait.min(POLL_MAX);
        let query = [
            ("platform", platform.to_owned()),
            ("after", after.to_string()),
            ("wait", wait.as_secs().to_string()),
        ];
        let request = self.request(Method::GET, "/v1/hooks/wait").query(&query);
        self.json(request.timeout(wait + ANSWER_WITHIN + POLL_MARGIN)).await
    }

    /// A pipeline says that it waits; answers when it is told something, or after `wait`.
    pub async fn wait_at(&self, place: &Place, asks: &Asks, wait: Duration) -> Result<Waited, ApiError> {
        let wait = wait.min(POLL_MAX);
        let request = self.request(Method::PUT, &at(place)).query(&[("wait", wait.as_secs().to_string())]);
        self.json(request.json(asks).timeout(wait + ANSWER_WITHIN + POLL_MARGIN)).await
    }

    /// A pipeline says that it stops waiting.
    pub async fn leave(&self, place: &Place, listener: &str) -> Result<(), ApiError> {
        let query = [("listener", listener)];
        self.bytes(self.request(Method::DELETE, &at(place)).query(&query)).await.map(drop)
    }

    /// A pipeline says how the deploy ended that it was told to go on with.
    pub async fn report(&self, place: &Place, reports: &Reports) -> Result<(), ApiError> {
        let request = self.request(Method::PUT, &format!("{}/report", at(place)));
        self.bytes(request.json(reports)).await.map(drop)
    }

    /// The runs that gave a sign at Dock itself within a day.
    pub async fn pipelines(&self) -> Result<Vec<Seen>, ApiError> {
        self.get("/v1/gates", &[]).await
    }

    pub async fn pipeline(&self, place: &Place) -> Result<Seen, ApiError> {
        self.get(&at(place), &[]).await
    }

    pub async fn put_blob(&self, bytes: Vec<u8>) -> Result<(), ApiError> {
        let path = format!("/v1/blobs/{}", Digest::of(&bytes));
        self.bytes(self.request(Method::PUT, &path).body(bytes)).await.map(drop)
    }

    /// A blob, if the bytes are those of its digest.
    pub async fn blob(&self, digest: &Digest) -> Result<Vec<u8>, ApiError> {
        let bytes = self.bytes(self.request(Method::GET, &format!("/v1/blobs/{digest}"))).await?;
        if Digest::of(&bytes) == *digest {
            return Ok(bytes);
        }
        Err(ApiError::Garbage { server: self.server.clone(), why: format!("other bytes under {digest}") })
    }

    /// The newest signed note.
    pub async fn checkpoint(&self) -> Result<String, ApiError> {
        let bytes = self.bytes(self.request(Method::GET, "/v1/log/checkpoint")).await?;
        String::from_utf8(bytes).map_err(|_| ApiError::Garbage {
            server: self.server.clone(),
            why: "a checkpoint that is no UTF-8".to_owned(),
        })
    }

    pub async fn inclusion(&self, index: u64, size: u64) -> Result<ProofBody, ApiError> {
        self.get("/v1/log/proof/inclusion", &[("index", index.to_string()), ("size", size.to_string())]).await
    }

    pub async fn consistency(&self, from: u64, to: u64) -> Result<ProofBody, ApiError> {
        self.get("/v1/log/proof/consistency", &[("from", from.to_string()), ("to", to.to_string())]).await
    }

    /// Posts a checkpoint with this home's cosignature.
    pub async fn witness(&self, cosigned: &str) -> Result<(), ApiError> {
        let request =
            self.request(Method::POST, "/v1/log/witness").header(header::CONTENT_TYPE, "text/plain");
        self.bytes(request.body(cosigned.to_owned())).await.map(drop)
    }

    /// Makes this home's witness key known; the body is its owner's signed statement.
    pub async fn enrol_witness(&self, signed: &SignedDecision) -> Result<(), ApiError> {
        self.bytes(self.request(Method::POST, "/v1/log/witnesses").json(signed)).await.map(drop)
    }

    /// The parts of an evidence pack: of one row, of a period, or of everything.
    pub async fn evidence(&self, query: &[(&str, String)]) -> Result<EvidenceParts, ApiError> {
        let request =
            self.request(Method::GET, "/v1/evidence").query(query).timeout(Duration::from_secs(120));
        self.json(request).await
    }

    pub async fn halt(&self, request: &HaltRequest) -> Result<(), ApiError> {
        self.bytes(self.request(Method::POST, "/v1/halt").json(request)).await.map(drop)
    }

    /// Ends a halt; the body is an administrator's signed statement.
    pub async fn resume(&self, signed: &SignedDecision) -> Result<(), ApiError> {
        self.bytes(self.request(Method::POST, "/v1/resume").json(signed)).await.map(drop)
    }

    pub async fn lift_hold(&self, request: &LiftRequest) -> Result<(), ApiError> {
        self.bytes(self.request(Method::POST, "/v1/holds/lift").json(request)).await.map(drop)
    }

    /// More time for a row, before it lapses.
    pub async fn extend_row(&self, row: RowId, request: &ExtendRequest) -> Result<RowView, ApiError> {
        self.send(Method::POST, &format!("/v1/rows/{row}/extend"), request).await
    }

    /// A reviewer changes what is proposed: the next revision, if the row is still at `revision`.
    pub async fn amend_row(
        &self,
        row: RowId,
        revision: u32,
        amendment: &Amendment,
    ) -> Result<RowView, ApiError> {
        let request = self
            .request(Method::POST, &format!("/v1/rows/{row}/amendments"))
            .header(header::IF_MATCH, format!("\"{revision}\""));
        // The backend reads the platforms again before it answers.
        self.json(request.json(amendment).timeout(Duration::from_secs(90))).await
    }

    /// What a person saw on the platform, where Dock cannot tell.
    pub async fn attest_row(&self, row: RowId, request: &AttestRequest) -> Result<RowView, ApiError> {
        self.send(Method::POST, &format!("/v1/rows/{row}/attest"), request).await
    }

    pub async fn people(&self) -> Result<Vec<PersonView>, ApiError> {
        self.get("/v1/people", &[]).await
    }

    /// An agent tells what its own calls to the platforms have come to.
    pub async fn tell_calls(&self, calls: &[PlatformCalls]) -> Result<(), ApiError> {
        self.bytes(self.request(Method::POST, "/v1/agents/calls").json(calls)).await.map(drop)
    }

    pub async fn agents(&self) -> Result<Vec<AgentView>, ApiError> {
        self.get("/v1/agents", &[]).await
    }

    /// An administrator's signed statement; `of` is what it changes: `people`, `keys`, `agents`, `tokens`.
    pub async fn administer(&self, of: &str, signed: &SignedDecision) -> Result<(), ApiError> {
        self.bytes(self.request(Method::POST, &format!("/v1/{of}")).json(signed)).await.map(drop)
    }

    /// What readiness says, problem or not: for `dock doctor`.
    pub async fn ready(&self) -> Result<Ready, ApiError> {
        self.json(self.request(Method::GET, "/readyz")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, ApiError> {
        self.json(self.request(Method::GET, path).query(query)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.json(self.request(method, path).json(body)).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.server)).timeout(ANSWER_WITHIN);
        match &self.token {
            Some(token) => request.bearer_auth(token.as_str()),
            None => request,
        }
    }

    async fn json<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ApiError> {
        let bytes = self.bytes(request).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::Garbage { server: self.server.clone(), why: error.to_string() })
    }

    async fn bytes(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, ApiError> {
        let no_answer = |error: &reqwest::Error| {
            let (server, why) = (self.server.clone(), sentence(error));
            if error.is_connect() {
                ApiError::Unreachable { server, why }
            } else {
                ApiError::NoAnswer { server, why }
            }
        };
        let mut answer = request.send().await.map_err(|error| no_answer(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| no_answer(&error))? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                let why = format!("more than {ANSWER_BYTES_MAX} bytes");
                return Err(ApiError::Garbage { server: self.server.clone(), why });
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() { Ok(bytes) } else { Err(self.problem(status, &headers, &bytes)) }
    }

    fn problem(&self, status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> ApiError {
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
        let problem = serde_json::from_slice::<Problem>(bytes).unwrap_or_else(|_| Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("an error").to_owned(),
            status: status.as_u16(),
            code: format!("http_{}", status.as_u16()),
            detail: format!("{} answered {status}", self.server),
            hint: None,
            field: None,
            refusal: None,
        });
        // The status line is what proxies keep; the body may say anything.
        let problem = Box::new(Problem { status: status.as_u16(), ..problem });
        ApiError::Problem { problem, retry_after }
    }
}

/// Names are as a config has them: what no path holds is written as URLs write it.
fn at(place: &Place) -> String {
    let part = |text: &str| {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect::<String>()
    };
    format!("/v1/gates/{}/{}/{}", part(&place.service), part(&place.environment), place.run)
}

impl fmt::Debug for Api {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Api({}, {})", self.server, if self.has_token() { "with a token" } else { "no token" })
    }
}

/// The innermost cause: reqwest's own sentence names the URL and little else.
fn sentence(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
