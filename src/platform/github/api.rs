//! How GitHub is called: credential, limits, ETags, pages; for the source and the actuator alike.
//!
//! Never: a write sent twice, a list that was cut short passed off as whole.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LINK},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Config, Repository,
    credential::{Credential, Purpose},
    limits::{Limits, SLOW_MIN, Told, Usage, told},
    said,
};
use crate::platform::{
    Failure, Platform, PlatformError,
    http::{Answer, Ask, Http, Manners},
};

/// Pages of any list that are read at most.
const PAGES_MAX: usize = 10;
/// Answers kept for their ETag, the largest that is, and what they may come to: some hundred gates ask for thousands,
/// and what is kept costs nothing of the hour's calls.
const KEPT_MAX: usize = 8 * 1024;
const KEPT_BYTES_MAX: usize = 64 * 1024;
const KEPT_BYTES_IN_ALL: usize = 48 * 1024 * 1024;

/// Whose credential it is: an App's tokens are narrowed to what each needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
}

#[derive(Debug)]
pub(super) struct Api {
    http: Http,
    credential: Credential,
    limits: Limits,
    kept: Mutex<Keep>,
}

/// Answers by what was asked.
#[derive(Debug, Default)]
struct Keep {
    answers: BTreeMap<String, Kept>,
    bytes: usize,
    /// Counts the uses, so that the one that was used longest ago is known.
    uses: u64,
}

#[derive(Debug, Clone)]
struct Kept {
    etag: HeaderValue,
    link: Option<HeaderValue>,
    body: Vec<u8>,
    used: u64,
}

/// Items of a list, newest first as GitHub gives them.
#[derive(Debug)]
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    /// There are none beyond these.
    pub(super) whole: bool,
}

impl Api {
    pub(super) fn open(config: &Config, role: Role) -> Result<Self, PlatformError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers
            .insert(HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));
        let manners = Manners { said, failure };
        let http = Http::new(Platform::GitHub, &config.url, headers, config.ca_file.as_deref(), manners)?;
        let credential = Credential::open(config, role)?;
        Ok(Self { http, credential, limits: Limits::default(), kept: Mutex::default() })
    }

    pub(super) fn error(&self, asked: &str, failure: Failure, said: &str) -> PlatformError {
        self.http.error(asked, failure, said)
    }

    pub(super) fn calls(&self) -> crate::platform::Calls {
        self.http.calls()
    }

    pub(super) fn usage(&self) -> Usage {
        self.limits.usage(Instant::now())
    }

    /// An answer's JSON, by its ETag from what is kept where GitHub says that it still holds.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        repo: Option<&Repository>,
        ask: Ask,
    ) -> Result<T, PlatformError> {
        let asked = ask.asked().to_owned();
        let answer = self.get(repo, ask).await?;
        self.http.parse(&asked, &answer)
    }

    /// A whole list; `list` names it where it stands in an object. More pages than we read are an error, since a list
    /// that is cut short is no answer.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        repo: &Repository,
        ask: Ask,
        list: Option<&str>,
    ) -> Result<Vec<T>, PlatformError> {
        let asked = ask.asked().to_owned();
        let listed = self.until(repo, ask, list, |_| false).await?;
        if !listed.whole {
            return Err(self.error(&asked, Failure::TooLarge, "more pages than are read"));
        }
        Ok(listed.items)
    }

    /// The items of a list up to the first that is `enough`; that one and all after it are left out.
    pub(super) async fn until<T: DeserializeOwned>(
        &self,
        repo: &Repository,
        ask: Ask,
        list: Option<&str>,
        enough: impl Fn(&T) -> bool,
    ) -> Result<Listed<T>, PlatformError> {
        let asked = ask.asked().to_owned();
        let garbage = |why: &str| self.error(&asked, Failure::Garbage, why);
        let mut items: Vec<T> = vec![];
        let mut next = Some(ask);
        for _ in 0..PAGES_MAX {
            let Some(ask) = next else { break };
            let answer = self.get(Some(repo), ask.clone()).await?;
            next = self.http.next_page(&ask, &answer)?;
            let mut page: Value = self.http.parse(&asked, &answer)?;
            if let Some(list) = list {
                page = page.get_mut(list).map(Value::take).ok_or_else(|| garbage("no list in it"))?;
            }
            let page: Vec<T> = serde_json::from_value(page).map_err(|error| garbage(&error.to_string()))?;
            for item in page {
                if enough(&item) {
                    return Ok(Listed { items, whole: true });
                }
                items.push(item);
            }
        }
        Ok(Listed { items, whole: next.is_none() })
    }

    /// A write, sent once. GitHub's answer where it took it.
    pub(super) async fn write(
        &self,
        repo: &Repository,
        purpose: Purpose,
        ask: Ask,
    ) -> Result<Answer, PlatformError> {
        let asked = ask.asked().to_owned();
        self.admit(&asked)?;
        let pass = self.credential.fresh(&self.http, purpose, repo).await?;
        let answer = self.sent(ask, pass.as_ref()).await?;
        self.take(&asked, answer)
    }

    /// What is left of the hour; asking costs nothing of it.
    pub(super) async fn look_at_limits(&self) -> Result<(), PlatformError> {
        let ask = Ask::get("our rate limit", &["rate_limit"]);
        let answer = self.authorised(None, ask).await?;
        let _: Value = self.http.parse("our rate limit", &self.take("our rate limit", answer)?)?;
        Ok(())
    }

    async fn get(&self, repo: Option<&Repository>, ask: Ask) -> Result<Answer, PlatformError> {
        let (name, asked) = (ask.name(), ask.asked().to_owned());
        self.admit(&asked)?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&name);
        let ask = match &kept {
            Some(kept) => ask.header_value(IF_NONE_MATCH, kept.etag.clone()),
            None => ask,
        };
        let answer = self.authorised(repo, ask).await?;
        if let (StatusCode::NOT_MODIFIED, Some(kept)) = (answer.status, kept) {
            let mut headers = answer.headers;
            if let Some(link) = kept.link {
                headers.insert(LINK, link);
            }
            return Ok(Answer { body: kept.body, headers, ..answer });
        }
        let answer = self.take(&asked, answer)?;
        if let Some(etag) = answer.headers.get(ETAG).filter(|_| answer.body.len() <= KEPT_BYTES_MAX) {
            let (link, body) = (answer.headers.get(LINK).cloned(), answer.body.clone());
            let kept = Kept { etag: etag.clone(), link, body, used: 0 };
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(name, kept);
        }
        Ok(answer)
    }

    /// A read with our credential; a token that ran out in the middle is renewed once.
    async fn authorised(&self, repo: Option<&Repository>, ask: Ask) -> Result<Answer, PlatformError> {
        let pass = self.credential.pass(&self.http, repo).await?;
        let answer = self.sent(ask.clone(), pass.as_ref()).await?;
        let (StatusCode::UNAUTHORIZED, Some(used)) = (answer.status, &pass) else { return Ok(answer) };
        if !self.credential.forget(used).await {
            return Ok(answer);
        }
        let pass = self.credential.pass(&self.http, repo).await?;
        self.sent(ask, pass.as_ref()).await
    }

    async fn sent(&self, ask: Ask, pass: Option<&HeaderValue>) -> Result<Answer, PlatformError> {
        let ask = match pass {
            Some(pass) => ask.header_value(AUTHORIZATION, pass.clone()),
            None => ask,
        };
        let answer = self.http.send(ask).await?;
        self.limits.note(&answer, Instant::now());
        Ok(answer)
    }

    /// Nothing is sent while a limit holds.
    fn admit(&self, asked: &str) -> Result<(), PlatformError> {
        match self.limits.quota(Instant::now()).wait() {
            Some(retry_after) => {
                Err(self.error(asked, Failure::RateLimited { retry_after }, "nothing was sent"))
            }
            None => Ok(()),
        }
    }

    /// The answer, if its status is 2xx; a limit says how long it holds by all that we know of it.
    fn take(&self, asked: &str, answer: Answer) -> Result<Answer, PlatformError> {
        self.http.accept(asked, answer).map_err(|mut error| {
            let wait = self.limits.quota(Instant::now()).wait();
            if let (Failure::RateLimited { retry_after }, Some(wait)) = (&mut error.failure, wait) {
                *retry_after = Duration::from_secs(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
            }
            error
        })
    }
}

impl Keep {
    fn get(&mut self, name: &str) -> Option<Kept> {
        self.uses += 1;
        let kept = self.answers.get_mut(name)?;
        kept.used = self.uses;
        Some(kept.clone())
    }

    /// Keeps one more; what was used longest ago makes way, a quarter at a time.
    fn put(&mut self, name: String, kept: Kept) {
        self.uses += 1;
        self.bytes += kept.body.len();
        let before = self.answers.insert(name, Kept { used: self.uses, ..kept });
        self.bytes -= before.map_or(0, |before| before.body.len());
        while self.answers.len() > KEPT_MAX || self.bytes > KEPT_BYTES_IN_ALL {
            self.forget();
        }
    }

    fn forget(&mut self) {
        let mut uses: Vec<u64> = self.answers.values().map(|kept| kept.used).collect();
        uses.sort_unstable();
        let oldest = uses.get(uses.len() / 4).copied().unwrap_or_default();
        self.answers.retain(|_, kept| kept.used > oldest);
        self.bytes = self.answers.values().map(|kept| kept.body.len()).sum();
    }
}

fn failure(answer: &Answer) -> Option<Failure> {
    let retry_after = match told(answer)? {
        Told::Spent(wait) | Told::Slow(Some(wait)) => wait,
        Told::Slow(None) => SLOW_MIN,
    };
    Some(Failure::RateLimited { retry_after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_makes_way() {
        let mut keep = Keep::default();
        let answer = |bytes: usize| Kept {
            etag: HeaderValue::from_static("\"1\""),
            link: None,
            body: vec![0; bytes],
            used: 0,
        };
        for n in 0..KEPT_MAX {
            keep.put(n.to_string(), answer(1));
        }
        assert!(keep.get("0").is_some());
        keep.put("more".to_owned(), answer(1));
        assert!(keep.get("0").is_some() && keep.get("more").is_some() && keep.get("1").is_none());
        assert_eq!(keep.bytes, keep.answers.len());
        for n in 0..KEPT_BYTES_IN_ALL / KEPT_BYTES_MAX + 9 {
            keep.put(format!("large {n}"), answer(KEPT_BYTES_MAX));
            assert!(keep.bytes <= KEPT_BYTES_IN_ALL);
        }
        keep.put("more".to_owned(), answer(2));
        keep.put("more".to_owned(), answer(3));
        assert_eq!(keep.bytes, keep.answers.values().map(|kept| kept.body.len()).sum::<usize>());
    }
}
