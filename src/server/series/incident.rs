//! The incident that a page or a paper is about, as PagerDuty has it: which service it was on.
//!
//! Never: asked for each console; a service guessed from words.

use std::time::Duration;

use jiff::SignedDuration;

use super::super::app::App;

/// A service does not change; that it could not be asked does.
const CADENCE: SignedDuration = SignedDuration::from_secs(60);
const WITHIN: Duration = Duration::from_secs(8);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// PagerDuty's name of it.
    pub(super) service: String,
}

/// None where there is none, or nobody is configured to be asked.
pub(super) async fn of(app: &App, name: Option<&str>) -> Option<Result<Case, String>> {
    let (Some(pagerduty), Some(name)) = (&app.sources.pagerduty, name) else { return None };
    let ask = async |_| match tokio::time::timeout(WITHIN, pagerduty.incident(name)).await {
        Ok(Ok(incident)) => Ok(Case { service: incident.service }),
        Ok(Err(error)) => Err(error.sentence()),
        Err(_) => Err(format!("PagerDuty did not answer within {} s", WITHIN.as_secs())),
    };
    let kept = app.readings.incidents.get(name.to_owned(), CADENCE, || app.clock.now(), ask).await;
    Some(kept.map_or_else(|| Err(super::TOO_MUCH.to_owned()), |kept| kept.value))
}
