//! `GET /v1/rows/{id}/series`: what the platforms measure now of what a row is about.
//!
//! However many consoles look at however many rows of one service: each series is fetched once a cadence. What cannot be
//! read is a pane that says why. Reading order: `panes` has which, `read` how, `flights` how often, `marks` what happened.
//!
//! Never: a write; a credential but the backend's reading ones; a series for a row that the caller may not read.

use std::sync::Arc;

use axum::{Json, extract::State};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{
    app::App,
    identity::Caller,
    input::{Fields, Named},
    problem::Problem,
};
use crate::{
    row::{Base, RowId, gate::Service, page::Runbook},
    store::Whole,
    wire::{Pane, Span, Telemetry},
};

mod flights;
mod incident;
mod marks;
mod panes;
mod read;

use flights::{Flights, Kept};
use panes::{About, Ask, Configured, Wanted};
use read::{Between, Got};

/// Series that are kept at once; each is at most some kilobytes.
const SERIES_MAX: usize = 2_048;
const MARKS_MAX: usize = 1_024;
/// Marks move less than series.
const MARKS_CADENCE: SignedDuration = SignedDuration::from_secs(60);
/// A time that is over changes no more; it is asked for again only where a platform was late.
const PAST_CADENCE: SignedDuration = SignedDuration::from_mins(5);
/// The earliest end that may be asked for.
const PAST_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What one server keeps of them.
#[derive(Debug)]
pub(super) struct Readings {
    series: Flights<(Ask, Looked), Got>,
    marks: Flights<RowId, marks::Told>,
    /// By their names.
    incidents: Flights<String, Result<incident::Case, String>>,
}

/// A span that ends now, or one that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Looked {
    Live(Span),
    Past(Span, Timestamp),
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            series: Flights::new(SERIES_MAX),
            marks: Flights::new(MARKS_MAX),
            incidents: Flights::new(MARKS_MAX),
        }
    }
}

/// `GET /v1/rows/{id}/series?span=3h&until=`.
pub(super) async fn of_row(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(id): Named<RowId>,
    mut query: Fields,
) -> Result<Json<Telemetry>, Problem> {
    caller.may_read()?;
    let span: Span = query.one("span")?.unwrap_or_default();
    let until: Option<Timestamp> = query.one("until")?;
    query.end()?;
    let whole = app.store.whole(id, None).await?.ok_or_else(|| Problem::not_found(&format!("row {id}")))?;
    let between = between(span, until, app.clock.now())?;
    let looked = if between.live { Looked::Live(span) } else { Looked::Past(span, between.until) };
    let Whole { row, draft, .. } = &whole;
    let of_incident = match &draft.base {
        Base::Runbook(_) | Base::Postmortem(_) => incident::of(&app, draft.incident.as_deref()).await,
        Base::Gate(_) | Base::Sync(_) | Base::Policy(_) => None,
    };
    let gated = gated(&app, &draft.base);
    let about = about(&app, &draft.base, gated.as_ref(), of_incident.as_ref());
    let wanted = panes::of(&draft.base, &about, &configured(&app));
    let (panes, told) = tokio::join!(
        join_all(wanted.iter().map(|wanted| pane(&app, wanted, looked, between))),
        app.readings.marks.get(
            id,
            MARKS_CADENCE,
            || app.clock.now(),
            async |_| { marks::of_platforms(&app, draft).await }
        )
    );
    let too_much = || marks::Told { marks: Vec::new(), unknown: vec![TOO_MUCH.to_owned()] };
    let told = told.map_or_else(too_much, |kept| kept.value);
    let mut marks: Vec<_> = marks::of_row(row, draft).into_iter().chain(told.marks).collect();
    marks.sort_by_key(|mark| mark.at);
    Ok(Json(Telemetry { row: id, until: between.until, span, panes, marks, marks_unknown: told.unknown }))
}

const TOO_MUCH: &str = "the backend reads too much at once";

async fn pane(app: &App, wanted: &Wanted, looked: Looked, between: Between) -> Pane {
    let cadence = if between.live { read::cadence(&wanted.ask) } else { PAST_CADENCE };
    let key = (wanted.ask.clone(), looked);
    let fetch = async |before| read::read(app, wanted, between, before).await;
    let kept = app.readings.series.get(key, cadence, || app.clock.now(), fetch).await;
    let Kept { at, value } = kept.unwrap_or_else(|| Kept {
        at: app.clock.now(),
        value: Got { pointer: read::no_pointer(&wanted.ask), series: Err(TOO_MUCH.to_owned()) },
    });
    let (series, unknown) = match value.series {
        Ok(series) => (Some(series), None),
        Err(why) => (None, Some(why)),
    };
    Pane {
        name: wanted.measure.name().to_owned(),
        unit: wanted.unit.word().to_owned(),
        pointer: value.pointer,
        fetched_at: at,
        budget_s: read::budget_s(&wanted.ask),
        series,
        unknown,
        bad: wanted.bad,
    }
}

/// Whole steps, so that a series' points stay where they are from one reading to the next.
fn between(span: Span, until: Option<Timestamp>, now: Timestamp) -> Result<Between, Problem> {
    let live = until.is_none_or(|until| until >= now);
    let end = until.filter(|_| !live).unwrap_or(now);
    if now.duration_since(end) > PAST_MAX {
        return Err(Problem::bad_request("until", "is more than 30 days ago"));
    }
    let step = i64::from(span.step_s());
    let second = end.as_second().div_euclid(step) * step;
    let at = |second| Timestamp::from_second(second).map_err(|_| Problem::bad_request("until", "is no time"));
    let (from, until) = (at(second - span.seconds())?, at(second)?);
    Ok(Between { from, until, step_s: span.step_s(), live })
}

fn configured(app: &App) -> Configured<'_> {
    let sources = &app.sources;
    Configured {
        prometheus: sources.prometheus.as_ref().map(crate::platform::prometheus::Source::asks),
        datadog: sources.datadog.is_some(),
        argocd: sources.argocd.is_some(),
    }
}

/// How the deploys of what the row is about are gated, where they are.
fn gated(app: &App, base: &Base) -> Option<Service> {
    match base {
        Base::Gate(base) => app.gates.get(&base.service)?.before(&base.environment),
        Base::Sync(base) => app.gates.values().find_map(|service| service.run_by(&base.application)),
        Base::Runbook(_) | Base::Postmortem(_) | Base::Policy(_) => None,
    }
}

/// Who measures what a row is about, as the tables of gates and runbooks say.
fn about<'a>(
    app: &'a App,
    base: &'a Base,
    gated: Option<&'a Service>,
    incident: Option<&'a Result<incident::Case, String>>,
) -> About<'a> {
    match base {
        Base::Gate(base) => About::Gated { own: &base.service, service: gated },
        Base::Sync(base) => About::Gated { own: &base.application, service: gated },
        Base::Runbook(base) => {
            let page = app.runbooks.get(&base.name);
            let own = page.into_iter().flat_map(|page| page.services.iter().map(String::as_str));
            written(app, incident, own, page)
        }
        Base::Postmortem(_) => written(app, incident, std::iter::empty(), None),
        Base::Policy(_) => About::Nothing,
    }
}

/// What a page or a paper is about: the incident's service where anybody measures it, else the first of the page's own.
fn written<'a>(
    app: &'a App,
    incident: Option<&'a Result<incident::Case, String>>,
    own: impl Iterator<Item = &'a str>,
    page: Option<&'a Runbook>,
) -> About<'a> {
    let told = incident.and_then(|case| case.as_ref().ok()).map(|case| case.service.as_str());
    let names: Vec<&str> = told.into_iter().chain(own).collect();
    let found = names.iter().find_map(|name| {
        let gate = app.gates.get(*name).map(|gate| (gate.prometheus.as_deref(), gate.datadog_slo.as_deref()));
        let pages = page.into_iter().chain(app.runbooks.values());
        let mut pages = pages.filter(|page| page.services.iter().any(|service| service == name));
        let by_page = pages.find(|page| page.prometheus.is_some() || page.datadog_slo.is_some());
        let by_page = by_page.map(|page| (page.prometheus.as_deref(), page.datadog_slo.as_deref()));
        let named = |names: &(Option<&str>, Option<&str>)| names.0.is_some() || names.1.is_some();
        let (prometheus, slo) = gate.filter(named).or(by_page)?;
        Some(About::Measured { own: name, prometheus, slo })
    });
    found.unwrap_or_else(|| match (names.first(), incident) {
        (Some(name), _) => About::Unmeasured(format!(
            "nobody measures {name}: name `prometheus` or `datadog_slo` in [gates.{name}], or in the [runbooks.*] of its page"
        )),
        (None, Some(Err(why))) => About::Unmeasured(format!("which service it was about is unknown: {why}")),
        (None, _) => About::Unmeasured("it is about no incident whose service is known".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_stay_where_they_are() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for span in Span::ALL {
            let step = i64::from(span.step_s());
            let now = 1_780_000_000 / step * step;
            let first = between(span, None, at(now)).unwrap();
            assert_eq!(between(span, None, at(now + step - 1)).unwrap(), first, "{span}");
            assert_eq!(first.until.duration_since(first.from), span.duration());
            let past = between(span, Some(at(now - 5_000)), at(now)).unwrap();
            assert!(!past.live && past.until <= at(now - 5_000), "{span}");
        }
        assert!(between(Span::Hour, Some(at(0)), at(1_780_000_000)).is_err());
        assert!(between(Span::Hour, Some(at(1_790_000_000)), at(1_780_000_000)).unwrap().live);
    }
}
