//! Fetching from an address that a platform handed out, as a stranger: with no credential of ours.
//!
//! Such an address is a secret of its own (whoever has it may read), so it is never shown, logged or kept.
//! Never: a header of ours beyond who we are, a second redirect, an address in a message.

use std::path::Path;

use reqwest::{
    StatusCode, Url,
    header::{HeaderMap, LOCATION},
};
use tokio::time::timeout;

use super::{Answer, Budget, Http, client, collect, is_loopback, way_failure};
use crate::platform::{Failure, Platform, PlatformError};

/// A client without a credential.
#[derive(Debug)]
pub(in crate::platform) struct Stranger {
    platform: Platform,
    /// The platform's own address, which a relative one is relative to.
    base: Url,
    client: reqwest::Client,
}

impl Stranger {
    /// For what `http`'s platform hands out; `ca_file` as there.
    pub(in crate::platform) fn beside(http: &Http, ca_file: Option<&Path>) -> Result<Self, PlatformError> {
        let client = client(http.platform, &http.base, HeaderMap::new(), ca_file)?;
        Ok(Self { platform: http.platform, base: http.base.clone(), client })
    }

    /// Does this answer lead elsewhere?
    pub(in crate::platform) fn is_led_by(answer: &Answer) -> bool {
        answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED
    }

    /// What is at the address that `answer` leads to, whatever its status.
    pub(in crate::platform) async fn follow(
        &self,
        asked: &str,
        answer: &Answer,
    ) -> Result<Answer, PlatformError> {
        let fail = |failure, why: &str| PlatformError::new(self.platform, asked, failure, why);
        let place = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let Some(place) = place.and_then(|place| self.base.join(place).ok()) else {
            return Err(fail(Failure::Redirected, "to nowhere"));
        };
        // Both on this machine (a demo, a test), or both with a certificate.
        let here = is_loopback(&place) && is_loopback(&self.base);
        if place.scheme() != "https" && !here {
            return Err(fail(Failure::Redirected, "to an address without a certificate"));
        }
        let budget = Budget::CALL;
        let fetched = timeout(budget.whole, async {
            let response = self.client.get(place).send().await;
            let response = response.map_err(|error| (way_failure(&error), super::cause(error)))?;
            collect(response, budget.piece).await
        });
        let fetched = fetched.await.unwrap_or_else(|_| Err((Failure::Timeout, String::new())));
        let fetched = fetched.map_err(|(failure, why)| fail(failure, &why))?;
        if Self::is_led_by(&fetched) {
            return Err(fail(Failure::Redirected, "a second time"));
        }
        Ok(fetched)
    }
}
