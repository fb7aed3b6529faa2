//! Which series belong to a row, and how each is asked for. Pure: names in, questions out.
//!
//! Never: a series of another service; a kind of row passed over without a word.

use crate::{
    platform::{Window, argocd::AppKey, prometheus::Queries},
    row::{Base, gate::Service},
    wire::Side,
};

/// One pane that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) threshold: Option<&'static str>,
    pub(super) bad: Side,
    pub(super) ask: Ask,
}

/// What is asked of whom: the cache's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// A series, by its PromQL.
    Prometheus(String),
    /// A series of a service, by its name there.
    DatadogErrors(String),
    DatadogP95(String),
    /// What is left of an SLO's budget, in percent; one number a reading.
    DatadogBudget(String),
    /// How fast it burns over a short and a long window; one number a reading.
    DatadogBurn(String, Window),
    /// Ready replicas of an application, of those that are wanted; one number a reading.
    Ready(AppName),
    /// Nobody can be asked, and why.
    Nobody(&'static str, String),
}

/// An application's name and project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AppName {
    pub(super) name: String,
    pub(super) project: String,
}

impl AppName {
    pub(super) fn key(&self) -> AppKey {
        AppKey { name: self.name.clone(), project: self.project.clone(), namespace: None }
    }
}

/// How a platform's number is shown: the same units as in the agents' signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    Times,
    /// From a ratio.
    Percent,
    /// As it is.
    Percents,
    Milliseconds,
    PerSecond,
    Pods,
}

impl Unit {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Times => "x",
            Self::Percent | Self::Percents => " %",
            Self::Milliseconds => " ms",
            Self::PerSecond => " /s",
            Self::Pods => " pods",
        }
    }

    pub(super) fn text(self, value: f64) -> String {
        match self {
            Self::Times | Self::PerSecond | Self::Pods | Self::Percents => plain(value),
            Self::Percent => plain(value * 100.0),
            Self::Milliseconds => plain((value * 1_000.0).round()),
        }
    }
}

/// Two decimals at most, without zeros at the end.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Who is configured to be asked.
pub(super) struct Configured<'a> {
    /// What Prometheus' section asks, with `$service` still in it.
    pub(super) prometheus: Option<&'a Queries>,
    pub(super) datadog: bool,
    pub(super) argocd: bool,
}

/// The names under which platforms know what a row is about.
struct Names<'a> {
    prometheus: Option<&'a str>,
    /// A service's name in tags.
    datadog: Option<&'a str>,
    slo: Option<&'a str>,
}

impl<'a> Names<'a> {
    /// A service's, as its gate's table has them; without one, its own name is tried.
    fn of(own: &'a str, service: Option<&'a Service>) -> Self {
        match service {
            Some(service) => Self {
                prometheus: service.prometheus.as_deref(),
                datadog: service.datadog_slo.as_ref().map(|_| own),
                slo: service.datadog_slo.as_deref(),
            },
            None => Self { prometheus: Some(own), datadog: Some(own), slo: None },
        }
    }
}

/// From this burn on a window's pair is bad: Google's SRE workbook, chapter 5.
const FAST: &str = "14.4";
const MIDDLE: &str = "6";
const SLOW: &str = "1";
/// Less than this much of the budget is little, in percent.
const BUDGET_LOW: &str = "10";

/// What a row is about, and who measures it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum About<'a> {
    /// A service or an application, with how its deploys are gated, where they are.
    Gated {
        own: &'a str,
        service: Option<&'a Service>,
    },
    /// A service of an incident, by the names that the tables give it.
    Measured {
        own: &'a str,
        prometheus: Option<&'a str>,
        slo: Option<&'a str>,
    },
    /// Nobody is named who would measure it, and why.
    Unmeasured(String),
    Nothing,
}

/// The panes of a row, the most telling first.
pub(super) fn of(base: &Base, about: &About<'_>, configured: &Configured<'_>) -> Vec<Wanted> {
    let untold = |why: &str| nobody("SLO burn", "prometheus", why.to_owned());
    match (base, about) {
        (_, About::Nothing) => Vec::new(),
        (_, About::Unmeasured(why)) => vec![untold(why)],
        (_, About::Measured { own, prometheus, slo }) => {
            let names = Names { prometheus: *prometheus, datadog: slo.map(|_| *own), slo: *slo };
            let mut panes = measured(&names, configured, true);
            if panes.is_empty() {
                panes.push(untold(&format!("the backend is not configured to read who measures {own}")));
            }
            panes
        }
        (Base::Sync(base), About::Gated { own, service }) => {
            // An application is known by its own name, where its deploys are not gated under another.
            let names = Names {
                prometheus: service.and_then(|service| service.prometheus.as_deref()).or(Some(own)),
                datadog: Some(own),
                slo: service.and_then(|service| service.datadog_slo.as_deref()),
            };
            let mut panes = measured(&names, configured, false);
            if configured.argocd {
                let app = AppName { name: base.application.clone(), project: base.project.clone() };
                panes.push(plain_pane("ready replicas", Unit::Pods, Ask::Ready(app)));
            }
            panes
        }
        (_, About::Gated { own, service }) => {
            let mut panes = measured(&Names::of(own, *service), configured, true);
            if panes.is_empty() {
                panes.push(untold(&format!(
                    "nobody measures {own}: name `prometheus` or `datadog_slo` in [gates.{own}]"
                )));
            }
            panes
        }
    }
}

/// What measures a service: Prometheus where it is named there, else Datadog; the SLO where Datadog has it.
fn measured(names: &Names<'_>, configured: &Configured<'_>, whole: bool) -> Vec<Wanted> {
    let mut panes = Vec::new();
    let slo = names.slo.filter(|_| configured.datadog);
    if let (Some(queries), Some(name)) = (configured.prometheus, names.prometheus) {
        let asks = queries.of(name);
        panes.extend(burns(&asks, whole));
        match slo {
            Some(slo) => panes.push(budget(slo)),
            None if whole => {
                let ask = Ask::Prometheus(asks.budget_left.clone());
                let left = plain_pane("error budget left", Unit::Percent, ask);
                panes.push(Wanted { threshold: Some(BUDGET_LOW), bad: Side::Under, ..left });
            }
            None => {}
        }
        panes.push(plain_pane("errors", Unit::Percent, Ask::Prometheus(asks.error_rate.clone())));
        panes.push(plain_pane("p95", Unit::Milliseconds, Ask::Prometheus(asks.p95_seconds.clone())));
        panes.push(plain_pane("requests", Unit::PerSecond, Ask::Prometheus(asks.request_rate.clone())));
    } else {
        panes.extend(slo.into_iter().flat_map(datadog_burns));
        panes.extend(slo.map(budget));
        if let Some(name) = names.datadog.filter(|_| configured.datadog) {
            panes.push(plain_pane("errors", Unit::Percent, Ask::DatadogErrors(name.to_owned())));
            panes.push(plain_pane("p95", Unit::Milliseconds, Ask::DatadogP95(name.to_owned())));
        }
    }
    // The two windows that are looked at first stand first, the others behind everything.
    panes.sort_by_key(|pane| match pane.name.as_str() {
        "SLO burn over 1 h" => 0,
        "SLO burn over 6 h" => 1,
        name if name.starts_with("SLO burn") => 3,
        _ => 2,
    });
    panes
}

fn burns(asks: &Queries, whole: bool) -> Vec<Wanted> {
    let windows: &[Window] = if whole {
        &[Window::Hour1, Window::Hours6, Window::Minutes5, Window::Minutes30, Window::Days3]
    } else {
        &[Window::Hour1]
    };
    windows.iter().map(|window| burn(*window, Ask::Prometheus(asks.burn(*window)))).collect()
}

fn datadog_burns(slo: &str) -> Vec<Wanted> {
    let windows = [Window::Hour1, Window::Hours6, Window::Minutes5, Window::Minutes30, Window::Days3];
    windows.into_iter().map(|window| burn(window, Ask::DatadogBurn(slo.to_owned(), window))).collect()
}

fn burn(window: Window, ask: Ask) -> Wanted {
    let (span, threshold) = match window {
        Window::Minutes5 => ("5 min", FAST),
        Window::Hour1 => ("1 h", FAST),
        Window::Minutes30 => ("30 min", MIDDLE),
        Window::Hours6 => ("6 h", MIDDLE),
        Window::Days3 => ("3 d", SLOW),
    };
    let pane = plain_pane(&format!("SLO burn over {span}"), Unit::Times, ask);
    Wanted { threshold: Some(threshold), ..pane }
}

fn budget(slo: &str) -> Wanted {
    let pane = plain_pane("error budget left", Unit::Percents, Ask::DatadogBudget(slo.to_owned()));
    Wanted { threshold: Some(BUDGET_LOW), bad: Side::Under, ..pane }
}

fn nobody(name: &str, platform: &'static str, why: String) -> Wanted {
    plain_pane(name, Unit::Times, Ask::Nobody(platform, why))
}

fn plain_pane(name: &str, unit: Unit, ask: Ask) -> Wanted {
    Wanted { name: name.to_owned(), unit, threshold: None, bad: Side::Over, ask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::gate::example;

    fn names(panes: &[Wanted]) -> Vec<&str> {
        panes.iter().map(|pane| pane.name.as_str()).collect()
    }

    fn gate(more: &str) -> Vec<Wanted> {
        let service: Service =
            toml::from_str(&format!("repository = \"acme/billing-worker\"\n{more}")).unwrap();
        let queries = Queries::default();
        let configured = Configured { prometheus: Some(&queries), datadog: true, argocd: true };
        let about = About::Gated { own: "billing-worker", service: Some(&service) };
        of(&Base::Gate(example::reading().base()), &about, &configured)
    }

    #[test]
    fn a_gate_is_measured_where_its_service_is_configured() {
        let prometheus = gate("prometheus = \"billing\"\n");
        assert_eq!(
            names(&prometheus),
            [
                "SLO burn over 1 h",
                "SLO burn over 6 h",
                "error budget left",
                "errors",
                "p95",
                "requests",
                "SLO burn over 5 min",
                "SLO burn over 30 min",
                "SLO burn over 3 d"
            ]
        );
        assert!(
            prometheus
                .iter()
                .all(|pane| matches!(&pane.ask, Ask::Prometheus(query) if query.contains("\"billing\"")))
        );
        let datadog = gate("datadog_slo = \"abc\"\n");
        assert!(datadog.iter().all(|pane| !matches!(pane.ask, Ask::Prometheus(_))));
        assert_eq!(names(&datadog)[..3], ["SLO burn over 1 h", "SLO burn over 6 h", "error budget left"]);
        let both = gate("datadog_slo = \"abc\"\nprometheus = \"billing\"\n");
        let of_slo: Vec<_> = both.iter().filter(|pane| !matches!(pane.ask, Ask::Prometheus(_))).collect();
        assert_eq!(of_slo.len(), 1, "{of_slo:?}");
    }

    #[test]
    fn a_gate_that_nobody_measures_says_so() {
        let panes = gate("");
        assert!(
            matches!(&panes[..], [Wanted { ask: Ask::Nobody(_, why), .. }] if why.contains("[gates.billing-worker]"))
        );
    }

    #[test]
    fn numbers_are_shown_as_agents_show_them() {
        for (unit, value, text) in [
            (Unit::Percent, 0.004, "0.4"),
            (Unit::Times, 14.400_000_1, "14.4"),
            (Unit::Milliseconds, 0.3104, "310"),
            (Unit::Percents, -12.0, "-12"),
            (Unit::Times, -0.000_1, "0"),
            (Unit::Pods, 4.0, "4"),
        ] {
            assert_eq!(unit.text(value), text, "{unit:?} {value}");
        }
    }
}
