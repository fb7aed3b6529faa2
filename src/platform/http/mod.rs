//! How every platform is called: times, sizes, seats, the circuit breaker, redirects, and what a status means.
//!
//! Reads are repeated by whoever asked, writes only by the executor after a read-back: nothing here tries twice.
//! Never: a redirect to another host, an unbounded body, a wait without an end, a credential in a message.

mod breaker;
mod meter;
mod pages;
mod stranger;
mod stream;
mod wait;

use std::{path::Path, time::Duration};

use reqwest::{
    Method, Response, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::de::DeserializeOwned;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use super::{Failure, Platform, PlatformError};
use breaker::Breaker;
pub use meter::Calls;
use meter::Meter;
pub(super) use stranger::Stranger;
pub(super) use stream::Lines;
pub(super) use wait::{answered_at, retry_after, seconds_until, wait_until};

const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Calls in flight to one platform from one process.
const SEATS: usize = 8;
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
const REDIRECTS_MAX: usize = 3;

/// How long a call may take: between two pieces of the answer, and in all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    piece: Duration,
    whole: Duration,
}

impl Budget {
    pub(super) const CALL: Budget = Budget { piece: Duration::from_secs(10), whole: Duration::from_secs(30) };
    /// A read that makes the platform look again before it answers.
    pub(super) const REFRESH: Budget =
        Budget { piece: Duration::from_secs(60), whole: Duration::from_secs(60) };

    /// So long in all, however long it is silent.
    pub(super) fn of(whole: Duration) -> Self {
        Self { piece: whole, whole }
    }
}

/// One request as data.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// For messages, as in "the application payments-api".
    asked: String,
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Vec<u8>>,
    budget: Budget,
    /// A redirect is an answer for whoever asked, and is not followed.
    redirect_is_answer: bool,
    /// Instead of path and query: where the platform itself said that its next page is, on its own host.
    address: Option<Url>,
}

impl Ask {
    /// `path` in segments; each is escaped, so that no name can leave its place.
    pub(super) fn get(asked: impl Into<String>, path: &[&str]) -> Self {
        Self::new(Method::GET, asked.into(), path)
    }

    pub(super) fn post(asked: impl Into<String>, path: &[&str], body: &serde_json::Value) -> Self {
        let mut ask = Self::new(Method::POST, asked.into(), path);
        ask.body = Some(body.to_string().into_bytes());
        ask
    }

    pub(super) fn put(asked: impl Into<String>, path: &[&str], body: &serde_json::Value) -> Self {
        let mut ask = Self::new(Method::PUT, asked.into(), path);
        ask.body = Some(body.to_string().into_bytes());
        ask
    }

    pub(super) fn patch(asked: impl Into<String>, path: &[&str], body: &serde_json::Value) -> Self {
        let mut ask = Self::new(Method::PATCH, asked.into(), path);
        ask.body = Some(body.to_string().into_bytes());
        ask
    }

    pub(super) fn delete(asked: impl Into<String>, path: &[&str]) -> Self {
        Self::new(Method::DELETE, asked.into(), path)
    }

    fn new(method: Method, asked: String, path: &[&str]) -> Self {
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        let (query, headers) = (vec![], vec![]);
        let (budget, redirect_is_answer) = (Budget::CALL, false);
        Self { asked, method, path, query, headers, body: None, budget, redirect_is_answer, address: None }
    }

    pub(super) fn query(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    pub(super) fn header(self, name: HeaderName, value: &'static str) -> Self {
        self.header_value(name, HeaderValue::from_static(value))
    }

    pub(super) fn header_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What tells this question from others: its path and query.
    pub(super) fn name(&self) -> String {
        match &self.address {
            Some(address) => address.to_string(),
            None => format!("{:?} {:?}", self.path, self.query),
        }
    }

    /// For messages, as in "the application payments-api".
    pub(super) fn asked(&self) -> &str {
        &self.asked
    }

    pub(super) fn within(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Hands a redirect to the caller, who takes no credential to where it leads: see [`Stranger`].
    pub(super) fn redirect_is_answer(mut self) -> Self {
        self.redirect_is_answer = true;
        self
    }
}

/// What came back, whatever the status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What a platform's file says about its own way of answering.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    /// The platform's words in an error body.
    pub(super) said: fn(&Answer) -> String,
    /// Statuses that mean something else here, such as 403 for a rate limit.
    pub(super) failure: fn(&Answer) -> Option<Failure>,
}

/// One platform's client, with one credential.
#[derive(Debug)]
pub(super) struct Http {
    platform: Platform,
    base: Url,
    client: reqwest::Client,
    manners: Manners,
    seats: Semaphore,
    breaker: Breaker,
    meter: Meter,
}

impl Http {
    /// `headers` go with each request, the credential among them.
    pub(super) fn new(
        platform: Platform,
        url: &str,
        headers: HeaderMap,
        ca_file: Option<&Path>,
        manners: Manners,
    ) -> Result<Self, PlatformError> {
        let setup = |why: &str| PlatformError::new(platform, "its set-up", Failure::Setup, why);
        let base = Url::parse(url).map_err(|error| setup(&format!("url {url}: {error}")))?;
        if !matches!(base.scheme(), "https" | "http") || base.host().is_none() {
            return Err(setup(&format!("url {url}: an https address is needed")));
        }
        if base.scheme() == "http" && !is_loopback(&base) {
            return Err(setup(&format!("url {url}: a token goes over https, or to this machine alone")));
        }
        let client = client(platform, &base, headers, ca_file)?;
        let (seats, breaker) = (Semaphore::new(SEATS), Breaker::default());
        Ok(Self { platform, base, client, manners, seats, breaker, meter: Meter::default() })
    }

    /// What our calls have come to.
    pub(super) fn calls(&self) -> Calls {
        self.meter.calls()
    }

    /// The answer's JSON as `T`; every status but 2xx, and JSON of another shape, is an error.
    pub(super) async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, PlatformError> {
        let asked = ask.asked.clone();
        let answer = self.send(ask).await?;
        self.parse(&asked, &self.accept(&asked, answer)?)
    }

    /// The answer, if its status is 2xx.
    pub(super) fn accept(&self, asked: &str, answer: Answer) -> Result<Answer, PlatformError> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let failure = (self.manners.failure)(&answer).unwrap_or_else(|| failure_of(&answer));
        Err(self.error(asked, failure, &(self.manners.said)(&answer)))
    }

    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        asked: &str,
        answer: &Answer,
    ) -> Result<T, PlatformError> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| self.error(asked, Failure::Garbage, &error.to_string()))
    }

    pub(super) fn error(&self, asked: &str, failure: Failure, said: &str) -> PlatformError {
        PlatformError::new(self.platform, asked, failure, said)
    }

    /// The answer, whatever its status. Errors are those of the way, not of the platform.
    pub(super) async fn send(&self, ask: Ask) -> Result<Answer, PlatformError> {
        self.breaker
            .admit(Instant::now())
            .map_err(|wait| self.error(&ask.asked, Failure::Resting { wait }, ""))?;
        let seat = timeout(ask.budget.whole, self.seats.acquire()).await;
        let Ok(Ok(_seat)) = seat else {
            return Err(self.error(&ask.asked, Failure::Busy, ""));
        };
        let result = match timeout(ask.budget.whole, self.exchange(&ask)).await {
            Ok(result) => result,
            Err(_) => Err((Failure::Timeout, format!("nothing in {} s", ask.budget.whole.as_secs()))),
        };
        let well = match &result {
            Ok(answer) => !answer.status.is_server_error(),
            Err((failure, _)) => matches!(failure, Failure::Redirected | Failure::TooLarge),
        };
        self.breaker.record(Instant::now(), well);
        result.map_err(|(failure, said)| self.error(&ask.asked, failure, &said))
    }

    /// An answer that is read as it comes, line by line, for as long as bytes keep coming within `silence`.
    pub(super) async fn lines(&self, ask: Ask, silence: Duration) -> Result<Lines, PlatformError> {
        self.breaker
            .admit(Instant::now())
            .map_err(|wait| self.error(&ask.asked, Failure::Resting { wait }, ""))?;
        let url = self.url(&ask);
        self.meter.made();
        let begun = timeout(ask.budget.whole, self.request(&ask, url).send()).await;
        let response = match begun {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                self.breaker.record(Instant::now(), false);
                return Err(self.error(&ask.asked, way_failure(&error), &cause(error)));
            }
            Err(_) => {
                self.breaker.record(Instant::now(), false);
                return Err(self.error(&ask.asked, Failure::Timeout, ""));
            }
        };
        self.breaker.record(Instant::now(), !response.status().is_server_error());
        if !response.status().is_success() {
            let answer = timeout(ask.budget.whole, collect(response, ask.budget.piece)).await;
            let answer = answer.unwrap_or(Err((Failure::Timeout, String::new())));
            let answer = answer.map_err(|(failure, said)| self.error(&ask.asked, failure, &said))?;
            self.accept(&ask.asked, answer)?;
            return Err(self.error(&ask.asked, Failure::Garbage, "no stream"));
        }
        Ok(Lines::new(self.platform, ask.asked, response, silence))
    }

    async fn exchange(&self, ask: &Ask) -> Result<Answer, (Failure, String)> {
        let mut url = self.url(ask);
        for _ in 0..=REDIRECTS_MAX {
            self.meter.made();
            let sent = timeout(ask.budget.piece, self.request(ask, url.clone()).send()).await;
            let response = match sent {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err((way_failure(&error), cause(error))),
                Err(_) => {
                    return Err((Failure::Timeout, format!("nothing in {} s", ask.budget.piece.as_secs())));
                }
            };
            self.meter.told(response.headers());
            let answered = !response.status().is_redirection()
                || response.status() == StatusCode::NOT_MODIFIED
                || ask.redirect_is_answer;
            if answered {
                return collect(response, ask.budget.piece).await;
            }
            url = self.same_host(ask, &url, &response)?;
        }
        Err((Failure::Redirected, format!("more than {REDIRECTS_MAX} times")))
    }

    fn same_host(&self, ask: &Ask, from: &Url, response: &Response) -> Result<Url, (Failure, String)> {
        let place = response.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
        let next = place.and_then(|place| from.join(place).ok());
        match next {
            Some(next) if next.origin() == self.base.origin() && ask.method == Method::GET => Ok(next),
            Some(next) => Err((Failure::Redirected, format!("to {}", next.host_str().unwrap_or("nowhere")))),
            None => Err((Failure::Redirected, "to nowhere".to_owned())),
        }
    }

    fn url(&self, ask: &Ask) -> Url {
        if let Some(address) = &ask.address {
            return address.clone();
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        url
    }

    fn request(&self, ask: &Ask, url: Url) -> reqwest::RequestBuilder {
        let mut request = self.client.request(ask.method.clone(), url);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        request
    }
}

/// A client for one base address. Redirects are never followed by it.
fn client(
    platform: Platform,
    base: &Url,
    headers: HeaderMap,
    ca_file: Option<&Path>,
) -> Result<reqwest::Client, PlatformError> {
    let setup = |why: &str| PlatformError::new(platform, "its set-up", Failure::Setup, why);
    // Whoever comes first installs it; they are all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = reqwest::Client::builder()
        .connect_timeout(CONNECT_MAX)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("dock/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers);
    if is_loopback(base) {
        client = client.no_proxy();
    }
    if base.scheme() == "http" {
        // No certificate will be looked at: reading the machine's takes long.
        client = client.tls_certs_only([]);
    }
    if let Some(file) = ca_file {
        let pem = std::fs::read(file).map_err(|error| setup(&format!("{}: {error}", file.display())))?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|error| setup(&format!("{}: {error}", file.display())))?;
        client = client.tls_certs_merge(roots);
    }
    client.build().map_err(|error| setup(&error.to_string()))
}

async fn collect(mut response: Response, piece: Duration) -> Result<Answer, (Failure, String)> {
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    loop {
        let next = timeout_at(Instant::now() + piece, response.chunk()).await;
        match next {
            Ok(Ok(Some(bytes))) if body.len() + bytes.len() > BODY_BYTES_MAX => {
                return Err((Failure::TooLarge, format!("over {BODY_BYTES_MAX} bytes")));
            }
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            Ok(Ok(None)) => return Ok(Answer { status, headers, body }),
            Ok(Err(error)) => return Err((Failure::CutOff, cause(error))),
            Err(_) => return Err((Failure::Timeout, format!("silent for {} s", piece.as_secs()))),
        }
    }
}

fn way_failure(error: &reqwest::Error) -> Failure {
    if error.is_connect() {
        Failure::Unreachable
    } else if error.is_timeout() {
        Failure::Timeout
    } else if error.is_builder() {
        Failure::Setup
    } else {
        Failure::CutOff
    }
}

/// The innermost cause, never with the address: that can be a secret of its own.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut at: &dyn std::error::Error = &error;
    while let Some(deeper) = at.source() {
        at = deeper;
    }
    at.to_string()
}

/// What a status means on most platforms.
pub(super) fn failure_of(answer: &Answer) -> Failure {
    match answer.status.as_u16() {
        401 => Failure::Unauthorised,
        403 => Failure::Forbidden,
        404 | 410 => Failure::NotFound,
        408 => Failure::Timeout,
        409 | 412 => Failure::Conflict,
        429 => Failure::RateLimited { retry_after: retry_after(answer).unwrap_or(Duration::from_secs(60)) },
        status @ 500.. => Failure::ServerError { status },
        status => Failure::Refused { status },
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests;
