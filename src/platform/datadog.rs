//! Datadog: what an SLO lost over a window and what is left of its budget, how fast it burns, monitors, metric series.
//!
//! No data is not green. Datadog says 200 and 100 % where nothing arrived, 200 where a query failed, and 403 where the keys
//! belong to another of its sites: each is told apart here, by the facts beside the number.
//! Never: a write (the API key alone could post events); a number that rests on nothing counted; a muted monitor's state
//! without its being muted.

mod wire;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Burn, Fact, Failure, Health, Platform, PlatformError, Rate, Series, Window, Windows, burn,
    http::{self, Answer, Ask, Http, Manners},
    secret,
};

/// What the application key may, and no more.
pub const READER_SCOPES: [&str; 3] = ["monitors_read", "slos_read", "timeseries_query"];

const PAGE: usize = 100;
/// Pages of any list that are read at most.
const PAGES_MAX: usize = 10;
const SERVICE: &str = "$service";
const OWN_SITE: &str = "datadoghq.com";

/// The section `[datadog]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the account lives, as in `datadoghq.eu` or `us5.datadoghq.com`; `datadoghq.com` where it is left out.
    pub site: Option<String>,
    /// In place of `site`: the API's whole address, for a proxy before it.
    pub url: Option<String>,
    pub api_key_env: Option<String>,
    pub api_key_file: Option<PathBuf>,
    /// A scoped key with `slos_read`, `monitors_read` and `timeseries_query`, and no more.
    pub application_key_env: Option<String>,
    pub application_key_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    /// The SLO's id by service; else the one SLO that is tagged `service:NAME`.
    #[serde(default)]
    pub slos: BTreeMap<String, String>,
    #[serde(default)]
    pub queries: Queries,
}

/// Metric queries with `$service` where the service's name goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queries {
    pub p95_seconds: String,
    pub error_rate: String,
}

impl Default for Queries {
    fn default() -> Self {
        let requests = |what: &str| format!("sum:trace.http.request.{what}{{service:{SERVICE}}}.as_count()");
        Self {
            p95_seconds: format!("p95:trace.http.request{{service:{SERVICE}}}"),
            error_rate: format!("{} / {}", requests("errors"), requests("hits")),
        }
    }
}

/// Datadog with two reading keys.
#[derive(Debug)]
pub struct Source {
    http: Http,
    /// For messages: keys of one site are refused by all others.
    host: String,
    site: Option<String>,
    slos: BTreeMap<String, String>,
    queries: Queries,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    pub id: String,
    pub name: String,
    pub kind: SloKind,
    pub tags: Vec<String>,
    /// The one that Datadog shows first.
    pub timeframe: Timeframe,
    /// In percent, over the timeframe.
    pub target: f64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SloKind {
    /// Good events over all events.
    Metric,
    /// Time in which monitors did not alert.
    Monitor,
    TimeSlice,
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timeframe {
    Days7,
    Days30,
    Days90,
}

impl Timeframe {
    pub fn name(self) -> &'static str {
        match self {
            Timeframe::Days7 => "7d",
            Timeframe::Days30 => "30d",
            Timeframe::Days90 => "90d",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Days7, Self::Days30, Self::Days90].into_iter().find(|timeframe| timeframe.name() == name)
    }

    fn span(self) -> Duration {
        let days = match self {
            Timeframe::Days7 => 7,
            Timeframe::Days30 => 30,
            Timeframe::Days90 => 90,
        };
        Duration::from_secs(days * 24 * 60 * 60)
    }
}

/// What an SLO came to between two times.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    pub from: Timestamp,
    pub to: Timestamp,
    /// In percent.
    pub sli: f64,
    /// How many decimals of `sli` mean something, where Datadog says so.
    pub decimals: Option<f64>,
    /// What is left of the budget in percent, by timeframe, as if this span were the timeframe; negative when overspent.
    pub budget_left: BTreeMap<String, f64>,
    /// What was counted, of an SLO that counts.
    pub events: Option<f64>,
}

/// What is left of an error budget over its own timeframe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    pub timeframe: Timeframe,
    /// Negative when overspent.
    pub left_percent: f64,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Budget {
    pub fn spent_percent(&self) -> f64 {
        100.0 - self.left_percent
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    pub id: u64,
    pub name: String,
    pub state: MonitorState,
    /// While there is one, the monitor tells its state and pages nobody.
    pub mutes: Vec<Mute>,
    pub tags: Vec<String>,
}

/// What is muted: `*` is everything. Without `until`, until somebody ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    pub scope: String,
    pub until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MonitorState {
    Ok,
    Warn,
    Alert,
    NoData,
    Other(String),
}

impl Queries {
    /// The same queries for one service. A name that no tag can have is refused, since it would change the query.
    fn of(&self, service: &str) -> Option<Self> {
        let service = tag_value(service)?;
        let fill = |query: &String| query.replace(SERVICE, service);
        Some(Self { p95_seconds: fill(&self.p95_seconds), error_rate: fill(&self.error_rate) })
    }
}

impl Source {
    pub fn open(config: &Config) -> Result<Self, PlatformError> {
        let setup = |why: &str| PlatformError::new(Platform::Datadog, "its set-up", Failure::Setup, why);
        let url = match (&config.url, &config.site) {
            (Some(_), Some(_)) => return Err(setup("both url and site are given")),
            (Some(url), None) => url.clone(),
            (None, site) => format!("https://api.{}", site.as_deref().unwrap_or(OWN_SITE)),
        };
        let key = |name: &str, env: &Option<String>, file: &Option<PathBuf>| {
            let place = secret::Place { env: env.as_deref(), file: file.as_ref() };
            let key = secret::read_named(Platform::Datadog, name, place)?;
            let key = key.ok_or_else(|| setup(&format!("{name}_env or {name}_file is needed")))?;
            secret::header(Platform::Datadog, "", &key)
        };
        let mut headers = HeaderMap::new();
        let api_key = key("api_key", &config.api_key_env, &config.api_key_file)?;
        headers.insert(HeaderName::from_static("dd-api-key"), api_key);
        let application_key =
            key("application_key", &config.application_key_env, &config.application_key_file)?;
        headers.insert(HeaderName::from_static("dd-application-key"), application_key);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let manners = Manners { said, failure };
        let http = Http::new(Platform::Datadog, &url, headers, config.ca_file.as_deref(), manners)?;
        let host = reqwest::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let site = config.url.is_none().then(|| config.site.clone().unwrap_or_else(|| OWN_SITE.to_owned()));
        let (slos, queries) = (config.slos.clone(), config.queries.clone());
        Ok(Self { http, host: host.unwrap_or_default(), site, slos, queries })
    }

    /// One SLO.
    pub async fn slo(&self, id: &str) -> Result<Fact<Slo>, PlatformError> {
        let ask = Ask::get(format!("the SLO {id}"), &["api", "v1", "slo", id]);
        let answer: wire::Data<wire::Slo> = self.json(ask).await?;
        Ok(answer.data.slo())
    }

    /// The SLO of a service: as configured, else the one that is tagged with its name.
    pub async fn slo_of(&self, service: &str) -> Result<Fact<Slo>, PlatformError> {
        if let Some(id) = self.slos.get(service) {
            return self.slo(id).await;
        }
        let Some(tag) = tag_value(service) else { return Ok(no_tag(service)) };
        let asked = format!("the SLO of {service}");
        let ask = Ask::get(asked, &["api", "v1", "slo"])
            .query("tags_query", format!("service:{tag}"))
            // One is wanted; two say that it is not clear which.
            .query("limit", "2");
        let answer: wire::Data<Vec<wire::Slo>> = self.json(ask).await?;
        Ok(match <[wire::Slo; 1]>::try_from(answer.data) {
            Ok([one]) => one.slo(),
            Err(none) if none.is_empty() => Fact::Unknown(format!("no SLO is tagged service:{tag}")),
            Err(_) => Fact::Unknown(format!("several SLOs are tagged service:{tag}; name one in the config")),
        })
    }

    /// What an SLO came to between two times, whole seconds.
    pub async fn history(
        &self,
        slo: &Slo,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Fact<History>, PlatformError> {
        let asked = format!("the history of {}", slo.name);
        let ask = Ask::get(asked, &["api", "v1", "slo", &slo.id, "history"])
            .query("from_ts", from.as_second().to_string())
            .query("to_ts", to.as_second().to_string());
        let answer: wire::History = self.json(ask).await?;
        Ok(answer.history(&slo.kind, from, to))
    }

    /// What is left of an SLO's budget over its own timeframe, up to now.
    pub async fn budget(&self, slo: &Slo, now: Timestamp) -> Result<Fact<Budget>, PlatformError> {
        let from = now.checked_sub(slo.timeframe.span()).unwrap_or(now);
        let history = self.history(slo, from, now).await?;
        Ok(match history {
            Fact::Unknown(why) => Fact::Unknown(why),
            Fact::Known(history) => match history.budget_left.get(slo.timeframe.name()) {
                Some(&left_percent) => Fact::Known(Budget {
                    timeframe: slo.timeframe,
                    left_percent,
                    from: history.from,
                    to: history.to,
                }),
                None => Fact::Unknown(format!("no budget for {} in the answer", slo.timeframe.name())),
            },
        })
    }

    /// How fast an SLO's budget burns, over both windows: two calls.
    pub async fn burn(
        &self,
        slo: &Slo,
        windows: Windows,
        now: Timestamp,
    ) -> Result<Fact<Burn>, PlatformError> {
        let short = self.burn_over(slo, windows.short(), now).await?;
        let long = self.burn_over(slo, windows.long(), now).await?;
        Ok(Burn::of(windows, short, long))
    }

    async fn burn_over(
        &self,
        slo: &Slo,
        window: Window,
        now: Timestamp,
    ) -> Result<Fact<Rate>, PlatformError> {
        let from = now.checked_sub(window.span()).unwrap_or(now);
        Ok(match self.history(slo, from, now).await? {
            Fact::Unknown(why) => Fact::Unknown(why),
            Fact::Known(History { sli, from, to, .. }) => {
                burn::rate(sli, slo.target).map(|rate| Rate { rate, from, to })
            }
        })
    }

    /// The monitors that are tagged with a service's name. None at all is unknown: nobody watches it, or not by its name.
    pub async fn monitors(&self, service: &str) -> Result<Fact<Vec<Monitor>>, PlatformError> {
        let Some(tag) = tag_value(service) else { return Ok(no_tag(service)) };
        let asked = format!("the monitors of {service}");
        let mut all: Vec<Monitor> = vec![];
        for page in 0..PAGES_MAX {
            let ask = Ask::get(asked.clone(), &["api", "v1", "monitor"])
                .query("monitor_tags", format!("service:{tag}"))
                .query("with_downtimes", "true")
                .query("page", page.to_string())
                .query("page_size", PAGE.to_string());
            let found: Vec<wire::Monitor> = self.json(ask).await?;
            let is_last = found.len() < PAGE;
            all.extend(found.into_iter().map(Into::into));
            if is_last {
                let none = || Fact::Unknown(format!("no monitor is tagged service:{tag}"));
                return Ok(if all.is_empty() { none() } else { Fact::Known(all) });
            }
        }
        Err(self.http.error(&asked, Failure::TooLarge, "more pages than are read"))
    }

    /// How long all but one in twenty of a service's requests took, in seconds.
    pub async fn p95(
        &self,
        service: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Fact<Series>, PlatformError> {
        match self.queries.of(service) {
            Some(queries) => self.series(&queries.p95_seconds, from, to).await,
            None => Ok(no_tag(service)),
        }
    }

    /// Which share of a service's requests failed, from 0 to 1.
    pub async fn error_rate(
        &self,
        service: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Fact<Series>, PlatformError> {
        match self.queries.of(service) {
            Some(queries) => self.series(&queries.error_rate, from, to).await,
            None => Ok(no_tag(service)),
        }
    }

    /// The one series that a metric query gives between two times; nulls are gaps. How old its last point is, ask
    /// [`Series::latest`].
    pub async fn series(
        &self,
        query: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Fact<Series>, PlatformError> {
        let asked = "a series";
        let ask = Ask::get(asked, &["api", "v1", "query"])
            .query("from", from.as_second().to_string())
            .query("to", to.as_second().to_string())
            .query("query", query);
        let answer: wire::Query = self.json(ask).await?;
        // A query that failed is an answer of 200 that says so inside.
        if let Some(why) = answer.trouble() {
            return Err(self.http.error(asked, Failure::Refused { status: 200 }, &why));
        }
        Ok(answer.series())
    }

    /// What our calls have come to.
    pub fn calls(&self) -> super::Calls {
        self.http.calls()
    }

    /// Does it take both keys?
    pub async fn health(&self) -> Result<Health, PlatformError> {
        let asked = "whether it takes the API key";
        let valid: wire::Valid = self.json(Ask::get(asked, &["api", "v1", "validate"])).await?;
        if !valid.valid {
            return Err(self.http.error(asked, Failure::Unauthorised, "the API key is not valid"));
        }
        let asked = "whether it takes the application key";
        let ask = Ask::get(asked, &["api", "v1", "slo"]).query("limit", "1");
        let _: wire::Data<Vec<serde_json::Value>> = self.json(ask).await?;
        let untold = || Fact::Unknown("Datadog does not tell".to_owned());
        Ok(Health { platform: Platform::Datadog, version: untold(), account: untold() })
    }

    /// The page of an SLO, where the section names a site.
    pub fn link(&self, slo: &Slo) -> Option<String> {
        let site = self.site.as_deref()?;
        // Sites with a region in their name are their own host; the others have one for people.
        let host = if site.matches('.').count() > 1 { site.to_owned() } else { format!("app.{site}") };
        let query = [("slo_id", slo.id.as_str())];
        reqwest::Url::parse_with_params(&format!("https://{host}/slo/manage"), query).ok().map(Into::into)
    }

    /// A refusal says which site it was, since keys of another look just the same.
    async fn json<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, PlatformError> {
        self.http.json(ask).await.map_err(|mut error| {
            if error.failure == Failure::Forbidden {
                let said = std::mem::take(&mut error.said);
                let colon = if said.is_empty() { "" } else { ": " };
                error.said = format!("{said}{colon}a scope is missing, or the keys are not of {}", self.host);
            }
            error
        })
    }
}

/// A service's name as a tag's value; `None` if it has characters that no tag has, and that could leave a query's braces.
fn tag_value(service: &str) -> Option<&str> {
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    (!service.is_empty() && service.chars().all(good)).then_some(service)
}

fn no_tag<T>(service: &str) -> Fact<T> {
    Fact::Unknown(format!("{service:?} cannot be a tag's value"))
}

/// Words, or objects with a title, by the version of the endpoint.
fn said(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Wire {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum One {
        Words(String),
        Object { title: Option<String>, detail: Option<String> },
    }
    let wire = serde_json::from_slice::<Wire>(&answer.body).ok();
    let words = wire.into_iter().flat_map(|wire| wire.errors).map(|one| match one {
        One::Words(words) => words,
        One::Object { title, detail } => [title, detail].into_iter().flatten().collect::<Vec<_>>().join(": "),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Its 429 counts in `X-RateLimit-Reset`, in seconds from now.
fn failure(answer: &Answer) -> Option<Failure> {
    if answer.status.as_u16() != 429 {
        return None;
    }
    let told = http::seconds_until(answer, "x-ratelimit-reset").or_else(|| http::retry_after(answer));
    Some(Failure::RateLimited { retry_after: told.unwrap_or(Duration::from_secs(60)) })
}

#[cfg(test)]
mod tests;
