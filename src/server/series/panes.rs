//! Which series belong to a row, and how each is asked for. Pure: names in, questions out.
//!
//! Never: a series of another service; a kind of row passed over without a word.

use crate::{
    platform::{Window, argocd::AppKey, prometheus::Queries},
    row::{Base, Measure, gate::Service, measure::BurnLimits},
    wire::Side,
};

/// One pane that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) measure: Measure,
    pub(super) unit: Unit,
    pub(super) threshold: Option<String>,
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
    /// Where Datadog keeps an SLO of it, errors and p95 are its too: as the gatekeeper reads its evidence.
    slo_first: bool,
    limits: BurnLimits,
}

impl<'a> Names<'a> {
    /// A service's, as its gate's table has them; without one, its own name is tried.
    fn of(own: &'a str, service: Option<&'a Service>) -> Self {
        match service {
            Some(service) => Self {
                prometheus: service.prometheus.as_deref(),
                datadog: service.datadog_slo.as_ref().map(|_| own),
                slo: service.datadog_slo.as_deref(),
                slo_first: true,
                limits: service.limits.unwrap_or_default(),
            },
            None => Self {
                prometheus: Some(own),
                datadog: Some(own),
                slo: None,
                slo_first: true,
                limits: BurnLimits::default(),
            },
        }
    }
}

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
    let untold = |why: &str| pane(Measure::Burn1h, Unit::Times, Ask::Nobody("prometheus", why.to_owned()));
    match (base, about) {
        (_, About::Nothing) => Vec::new(),
        (_, About::Unmeasured(why)) => vec![untold(why)],
        (_, About::Measured { own, prometheus, slo }) => {
            // Its evidence is by Prometheus where that knows the service.
            let names = Names {
                prometheus: *prometheus,
                datadog: slo.map(|_| *own),
                slo: *slo,
                slo_first: false,
                limits: BurnLimits::default(),
            };
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
                slo_first: false,
                limits: service.and_then(|service| service.limits).unwrap_or_default(),
            };
            let mut panes = measured(&names, configured, false);
            if configured.argocd {
                let app = AppName { name: base.application.clone(), project: base.project.clone() };
                panes.push(pane(Measure::ReadyReplicas, Unit::Pods, Ask::Ready(app)));
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

/// What measures a service: its burn by Prometheus where it is named there, since Datadog tells one number a window; the
/// rest by whoever agents ask for their evidence.
fn measured(names: &Names<'_>, configured: &Configured<'_>, whole: bool) -> Vec<Wanted> {
    let mut panes = Vec::new();
    let slo = names.slo.filter(|_| configured.datadog);
    let asks = configured.prometheus.zip(names.prometheus).map(|(queries, name)| queries.of(name));
    match &asks {
        Some(asks) => panes.extend(burns(asks, whole)),
        None => panes.extend(slo.into_iter().flat_map(datadog_burns)),
    }
    match (slo, &asks) {
        (Some(slo), _) => {
            panes.push(pane(Measure::BudgetLeft, Unit::Percents, Ask::DatadogBudget(slo.to_owned())));
        }
        (None, Some(asks)) if whole => {
            panes.push(pane(Measure::BudgetLeft, Unit::Percent, Ask::Prometheus(asks.budget_left.clone())));
        }
        (None, _) => {}
    }
    let datadog = names.datadog.filter(|_| configured.datadog);
    let datadog = datadog.filter(|_| asks.is_none() || slo.is_some() && names.slo_first);
    let (errors, p95) = match (datadog, &asks) {
        (Some(name), _) => {
            (Some(Ask::DatadogErrors(name.to_owned())), Some(Ask::DatadogP95(name.to_owned())))
        }
        (None, Some(asks)) => {
            (Some(Ask::Prometheus(asks.error_rate.clone())), Some(Ask::Prometheus(asks.p95_seconds.clone())))
        }
        (None, None) => (None, None),
    };
    panes.extend(errors.map(|ask| pane(Measure::ErrorRate, Unit::Percent, ask)));
    panes.extend(p95.map(|ask| pane(Measure::P95, Unit::Milliseconds, ask)));
    let requests = asks.map(|asks| Ask::Prometheus(asks.request_rate));
    panes.extend(requests.map(|ask| pane(Measure::RequestRate, Unit::PerSecond, ask)));
    for pane in &mut panes {
        (pane.threshold, pane.bad) = limit(pane.measure, &names.limits);
    }
    panes.sort_by_key(|pane| pane.measure);
    panes
}

/// From where on a measure is a concern, and on which side. The gate's rules hold from there on.
fn limit(measure: Measure, limits: &BurnLimits) -> (Option<String>, Side) {
    match measure {
        Measure::BudgetLeft => (Some(limits.budget_left_percent().to_string()), Side::Under),
        burn if burn.is_burn() => (Some(limits.burn_hold.to_string()), Side::Over),
        _ => (None, Side::Over),
    }
}

fn burns(asks: &Queries, whole: bool) -> Vec<Wanted> {
    let windows: &[Window] = if whole { &WINDOWS } else { &[Window::Hour1] };
    windows.iter().map(|window| burn(*window, Ask::Prometheus(asks.burn(*window)))).collect()
}

fn datadog_burns(slo: &str) -> Vec<Wanted> {
    WINDOWS.into_iter().map(|window| burn(window, Ask::DatadogBurn(slo.to_owned(), window))).collect()
}

const WINDOWS: [Window; 5] =
    [Window::Hour1, Window::Hours6, Window::Minutes5, Window::Minutes30, Window::Days3];

fn burn(window: Window, ask: Ask) -> Wanted {
    pane(window.measure(), Unit::Times, ask)
}

fn pane(measure: Measure, unit: Unit, ask: Ask) -> Wanted {
    Wanted { measure, unit, threshold: None, bad: Side::Over, ask }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::gate::example;

    fn names(panes: &[Wanted]) -> Vec<&str> {
        panes.iter().map(|pane| pane.measure.name()).collect()
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
                "SLO burn 1h",
                "SLO burn 6h",
                "error budget left",
                "error rate",
                "p95",
                "request rate",
                "SLO burn 5m",
                "SLO burn 30m",
                "SLO burn 3d"
            ]
        );
        assert!(
            prometheus
                .iter()
                .all(|pane| matches!(&pane.ask, Ask::Prometheus(query) if query.contains("\"billing\"")))
        );
        let datadog = gate("datadog_slo = \"abc\"\n");
        assert!(datadog.iter().all(|pane| !matches!(pane.ask, Ask::Prometheus(_))));
        assert_eq!(names(&datadog)[..3], ["SLO burn 1h", "SLO burn 6h", "error budget left"]);
        // As the gatekeeper reads: the SLO's numbers by Datadog, the way of its burn by Prometheus.
        let both = gate("datadog_slo = \"abc\"\nprometheus = \"billing\"\n");
        let of_datadog: Vec<_> = both
            .iter()
            .filter(|pane| !matches!(pane.ask, Ask::Prometheus(_)))
            .map(|pane| pane.measure)
            .collect();
        assert_eq!(of_datadog, [Measure::BudgetLeft, Measure::ErrorRate, Measure::P95]);
        assert_eq!(names(&both), names(&prometheus));
    }

    #[test]
    fn thresholds_are_those_of_the_gates_rules() {
        let limits = |panes: &[Wanted]| -> Vec<Option<String>> {
            panes.iter().take(3).map(|pane| pane.threshold.clone()).collect()
        };
        let text = |limit: &str| Some(limit.to_owned());
        assert_eq!(limits(&gate("prometheus = \"billing\"\n")), [text("1"), text("1"), text("10")]);
        let own = "prometheus = \"billing\"\nlimits = { burn_hold = 2.5, budget_spent_hold_percent = 70 }\n";
        assert_eq!(limits(&gate(own)), [text("2.5"), text("2.5"), text("30")]);
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
