//! Prometheus: one number now, or a series with its gaps, by PromQL that the section may replace.
//!
//! Never: a missing series as zero, `NaN` as a number, a gap bridged, a partial answer as a whole one.

mod wire;

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::{
    Burn, Fact, Failure, Health, Platform, PlatformError, Window, Windows,
    burn::Rate,
    http::{Answer, Ask, Http, Manners},
    secret,
    series::too_old,
};

pub use super::{Sample, Series};

/// Prometheus gives no more points in a series than these.
const POINTS_MAX: u64 = 11_000;
const SERVICE: &str = "$service";
const WINDOW: &str = "$window";
/// How old the last sample behind a burn rate may be: three evaluations of a rule, below Prometheus' own five minutes, in
/// which it goes on answering with the last one.
const SAMPLE_AGE_MAX: Duration = Duration::from_secs(4 * 60);

/// The section `[prometheus]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// With the path prefix, if there is one.
    pub url: String,
    /// A bearer for the proxy before it, if there is one.
    pub token_env: Option<String>,
    pub token_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// `X-Scope-OrgID`, for Mimir and Cortex.
    pub org_id: Option<String>,
    #[serde(default)]
    pub queries: Queries,
}

/// PromQL with `$service` where the service's name goes. The defaults are recording rules in the manner of Google's SRE
/// workbook; burn is the multiple of the error budget's even spending.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queries {
    pub error_rate: String,
    pub p95_seconds: String,
    pub request_rate: String,
    /// The share of the error budget that is left, over the SLO's own timeframe; negative when overspent.
    pub budget_left: String,
    pub burn_5m: String,
    pub burn_30m: String,
    pub burn_1h: String,
    pub burn_6h: String,
    pub burn_3d: String,
    /// In place of the five rules: one expression with `$window` where the window goes, as in `5m`.
    pub burn_expression: Option<String>,
}

impl Default for Queries {
    fn default() -> Self {
        let rule = |name: &str| format!("{name}{{service=\"{SERVICE}\"}}");
        Self {
            error_rate: rule("service:request_errors:ratio_rate5m"),
            p95_seconds: rule("service:request_duration_seconds:p95_5m"),
            request_rate: rule("service:requests:rate5m"),
            budget_left: rule("service:slo_budget_left:ratio30d"),
            burn_5m: rule("service:slo_burn:ratio_rate5m"),
            burn_30m: rule("service:slo_burn:ratio_rate30m"),
            burn_1h: rule("service:slo_burn:ratio_rate1h"),
            burn_6h: rule("service:slo_burn:ratio_rate6h"),
            burn_3d: rule("service:slo_burn:ratio_rate3d"),
            burn_expression: None,
        }
    }
}

/// Prometheus with what credential its proxy asks for.
#[derive(Debug)]
pub struct Source {
    http: Http,
    queries: Queries,
    url: String,
}

impl Queries {
    /// The same queries for one service, its name escaped as PromQL asks.
    #[must_use]
    pub fn of(&self, service: &str) -> Queries {
        let name = service.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let fill = |query: &String| query.replace(SERVICE, &name);
        Queries {
            error_rate: fill(&self.error_rate),
            p95_seconds: fill(&self.p95_seconds),
            request_rate: fill(&self.request_rate),
            budget_left: fill(&self.budget_left),
            burn_5m: fill(&self.burn_5m),
            burn_30m: fill(&self.burn_30m),
            burn_1h: fill(&self.burn_1h),
            burn_6h: fill(&self.burn_6h),
            burn_3d: fill(&self.burn_3d),
            burn_expression: self.burn_expression.as_ref().map(fill),
        }
    }

    /// What is asked for the burn over one window.
    pub fn burn(&self, window: Window) -> String {
        if let Some(expression) = &self.burn_expression {
            return expression.replace(WINDOW, window.name());
        }
        match window {
            Window::Minutes5 => self.burn_5m.clone(),
            Window::Minutes30 => self.burn_30m.clone(),
            Window::Hour1 => self.burn_1h.clone(),
            Window::Hours6 => self.burn_6h.clone(),
            Window::Days3 => self.burn_3d.clone(),
        }
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let place = secret::Place { env: config.token_env.as_deref(), file: config.token_file.as_ref() };
        let mut headers = HeaderMap::new();
        if let Some(token) = secret::read(Platform::Prometheus, place)? {
            headers.insert(AUTHORIZATION, secret::header(Platform::Prometheus, "Bearer ", &token)?);
        }
        if let Some(org) = &config.org_id {
            let bad = |_| PlatformError::new(Platform::Prometheus, "its org_id", Failure::Setup, org);
            headers
                .insert(HeaderName::from_static("x-scope-orgid"), HeaderValue::from_str(org).map_err(bad)?);
        }
        let manners = Manners { said, failure };
        let http = Http::new(Platform::Prometheus, &config.url, headers, config.ca_file.as_deref(), manners)?;
        Ok(Self { http, queries: config.queries.clone(), url: config.url.clone() })
    }

    /// What the section asks, of no service yet.
    pub fn asks(&self) -> &Queries {
        &self.queries
    }

    /// What the section asks about one service.
    pub fn queries(&self, service: &str) -> Queries {
        self.queries.of(service)
    }

    /// The one number that a query gives now. None, several, `NaN`, infinite or partial is unknown, with the reason.
    pub async fn value(&self, query: &str) -> Result<Fact<Sample>, PlatformError> {
        let ask = Ask::get("a value", &["api", "v1", "query"]).query("query", query);
        let answer: wire::Answer<wire::Instant> = self.http.json(ask).await?;
        let partial = answer.partial();
        Ok(match (partial, answer.data.result.as_slice()) {
            (Some(why), _) => Fact::Unknown(why),
            (None, []) => Fact::Unknown("no data".to_owned()),
            (None, [one]) => one.value.sample().map_or_else(
                || Fact::Unknown(format!("the value is {}", one.value.1)),
                |(at, value)| Fact::Known(Sample { value, at }),
            ),
            (None, many) => Fact::Unknown(format!("{} series where one is needed", many.len())),
        })
    }

    /// The burn of a service's error budget over both windows. An old sample is unknown, as is one without a number.
    pub async fn burn(
        &self,
        service: &str,
        windows: Windows,
        now: Timestamp,
    ) -> Result<Fact<Burn>, PlatformError> {
        let queries = self.queries.of(service);
        let short = self.burn_over(&queries, windows.short(), now).await?;
        let long = self.burn_over(&queries, windows.long(), now).await?;
        Ok(Burn::of(windows, short, long))
    }

    async fn burn_over(
        &self,
        queries: &Queries,
        window: Window,
        now: Timestamp,
    ) -> Result<Fact<Rate>, PlatformError> {
        let query = queries.burn(window);
        let sample = match self.value(&query).await? {
            Fact::Known(sample) => sample,
            Fact::Unknown(why) => return Ok(Fact::Unknown(why)),
        };
        if let Some(why) = too_old("the answer", sample.at, now, SAMPLE_AGE_MAX) {
            return Ok(Fact::Unknown(why));
        }
        // An instant query is dated to its evaluation; only `timestamp` tells how old a rule's last sample is. An
        // expression has no sample of its own, and is as new as its evaluation.
        if queries.burn_expression.is_none() {
            let taken = match self.value(&format!("timestamp({query})")).await? {
                Fact::Known(taken) => taken.value,
                Fact::Unknown(why) => return Ok(Fact::Unknown(format!("its age: {why}"))),
            };
            let taken = jiff::SignedDuration::try_from_secs_f64(taken).ok();
            let Some(taken) = taken.and_then(|taken| Timestamp::from_duration(taken).ok()) else {
                return Ok(Fact::Unknown("its age is no time".to_owned()));
            };
            if let Some(why) = too_old("the last sample", taken, now, SAMPLE_AGE_MAX) {
                return Ok(Fact::Unknown(why));
            }
        }
        let from = sample.at.checked_sub(window.span()).unwrap_or(sample.at);
        Ok(Fact::Known(Rate { rate: sample.value, from, to: sample.at }))
    }

    /// The one series that a query gives between two times. Gaps, `NaN` and infinities are `None`.
    pub async fn series(
        &self,
        query: &str,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
    ) -> Result<Fact<Series>, PlatformError> {
        let span = u64::try_from(end.duration_since(start).as_secs()).unwrap_or(0);
        let count = span / step.as_secs().max(1) + 1;
        if step.as_secs() == 0 || count > POINTS_MAX {
            return Err(self.http.error("a series", Failure::Setup, "the step is too small for the span"));
        }
        let ask = Ask::get("a series", &["api", "v1", "query_range"])
            .query("query", query)
            .query("start", start.as_second().to_string())
            .query("end", end.as_second().to_string())
            .query("step", step.as_secs().to_string());
        let answer: wire::Answer<wire::Range> = self.http.json(ask).await?;
        let partial = answer.partial();
        Ok(match (partial, answer.data.result.as_slice()) {
            (Some(why), _) => Fact::Unknown(why),
            (None, []) => Fact::Unknown("no data".to_owned()),
            (None, [one]) => {
                let samples = one.values.iter().filter_map(wire::Value::sample);
                let samples = samples.map(|(at, value)| Sample { value, at });
                Fact::Known(Series::spread(samples, start, step, count))
            }
            (None, many) => Fact::Unknown(format!("{} series where one is needed", many.len())),
        })
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Is it ready, and which version?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let asked = "whether it is ready";
        let answer = self.http.send(Ask::get(asked, &["-", "ready"])).await?;
        self.http.accept(asked, answer)?;
        let build: wire::BuildInfo =
            self.http.json(Ask::get("its version", &["api", "v1", "status", "buildinfo"])).await?;
        let account = Fact::Unknown("Prometheus has no accounts".to_owned());
        Ok(Health { platform: Platform::Prometheus, version: Fact::Known(build.data.version), account })
    }

    /// The page that shows a query.
    pub fn link(&self, query: &str) -> String {
        let base = format!("{}/graph", self.url.trim_end_matches('/'));
        let parameters = [("g0.expr", query), ("g0.tab", "0")];
        reqwest::Url::parse_with_params(&base, parameters).map_or(base, Into::into)
    }
}

fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        error: String,
    }
    serde_json::from_slice::<Wire>(&answer.body).map(|wire| wire.error).unwrap_or_default()
}

/// 503 is its own timeout, and passes; 422 is a query that cannot be executed.
fn failure(answer: &Answer) -> Option<Failure> {
    (answer.status.as_u16() == 503).then_some(Failure::Timeout)
}

#[cfg(test)]
mod tests;
