//! PagerDuty's connector against the simulated PagerDuty.
//!
//! Never: a request to the real one.

use super::*;
use crate::{
    platform::tests::Ground,
    simulator::{Fault, Site},
};

#[tokio::test]
async fn it_reads_incidents_notes_and_shifts() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.pagerduty()).unwrap();
    source.health().await.unwrap();
    let service = source.service("checkout-web").await.unwrap().known().unwrap();
    let open = source.open_incidents(&service.id).await.unwrap();
    assert_eq!(
        (open.len(), open[0].reference.as_str(), open[0].service.as_str()),
        (1, "INC-771", "checkout-web")
    );
    assert!(open[0].details.contains("express_checkout") && open[0].url.contains(&open[0].id));
    while ground.world().drift_next().is_some() {}
    let notes = source.notes(&open[0].id).await.unwrap();
    assert!(
        notes.len() == 2 && notes[1].by == "Sarah" && notes[1].text.contains("kubectl edit"),
        "{notes:?}"
    );
    let shifts = source.on_call().await.unwrap();
    let mut all: Vec<String> = shifts.iter().map(|shift| shift.user.clone()).collect();
    let shifts: Vec<OnCall> =
        shifts.into_iter().filter(|shift| Some(&shift.policy) == service.policy.as_ref()).collect();
    assert_eq!((shifts[0].email.as_deref(), shifts[0].level), (Some("sarah@demo.invalid"), 1));
    assert_eq!(shifts[0].shift(), "Checkout primary level 1");
    all.sort();
    all.dedup();
    assert_eq!(all, ["Govind", "Jordan", "Marcus", "Priya", "Sarah"]);
    let schedules = source.schedules().await.unwrap();
    let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"Checkout primary"), "{names:?}");
    assert!(shifts[0].schedule.as_deref().is_some_and(|schedule| names.contains(&schedule)));
    let quiet = source.service("payments-api").await.unwrap().known().unwrap();
    assert!(source.open_incidents(&quiet.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_incident_is_found_by_its_reference_and_was_open_when_it_was() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.pagerduty()).unwrap();
    ground.world().incident("INC-771", false, None).unwrap();
    let incident = source.incident("INC-771").await.unwrap();
    assert_eq!((incident.is_open(), incident.status.clone()), (false, IncidentStatus::Resolved));
    let (created, resolved) = (incident.created_at.unwrap(), incident.resolved_at.unwrap());
    let minute = jiff::SignedDuration::from_mins(1);
    assert_eq!(incident.was_open_at(created + minute), Some(true));
    assert_eq!(incident.was_open_at(created - minute), Some(false));
    assert_eq!(incident.was_open_at(resolved + minute), Some(false));
    assert!(source.open_incidents(&incident.service_id).await.unwrap().is_empty());
    let window =
        source.incidents_between(&incident.service_id, created - minute, created + minute).await.unwrap();
    assert_eq!(window.len(), 1);
    assert_eq!(source.incident("INC-1").await.unwrap_err().failure, Failure::NotFound);
}

#[tokio::test]
async fn what_happened_in_an_incident_is_read_in_order() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.pagerduty()).unwrap();
    let open = source.incident("INC-771").await.unwrap();
    let minute = jiff::SignedDuration::from_mins(1);
    let before = source.resolved_since(open.created_at.unwrap() - minute).await.unwrap();
    assert!(before.iter().all(|incident| incident.reference != "INC-771"));
    ground.world().incident("INC-771", false, None).unwrap();
    let incident = source.incident("INC-771").await.unwrap();
    assert!(incident.updated_at > open.updated_at);
    let (created, resolved) = (incident.created_at.unwrap(), incident.resolved_at.unwrap());
    let log = source.log_entries(&incident.id, None, None).await.unwrap();
    let kinds: Vec<_> = log.iter().map(|entry| entry.kind.clone()).collect();
    assert_eq!(
        kinds,
        [LogKind::Trigger, LogKind::Notify, LogKind::Acknowledge, LogKind::Annotate, LogKind::Resolve]
    );
    assert!(log[3].text.as_deref().is_some_and(|text| text.contains("no estimate")), "{log:?}");
    assert_eq!((log[0].by.as_deref(), log[4].by.as_deref()), (None, Some("Sarah")));
    let last = source.log_entries(&incident.id, Some(resolved - minute), None).await.unwrap();
    assert_eq!(last.last().map(|entry| &entry.kind), Some(&LogKind::Resolve));
    assert!(source.log_entries(&incident.id, None, Some(created - minute)).await.unwrap().is_empty());
    let alerts = source.alerts(&incident.id).await.unwrap();
    assert!(alerts.len() == 1 && alerts[0].resolved && alerts[0].summary.contains("Express checkout"));
    let resolved = source.resolved_since(resolved - minute).await.unwrap();
    assert!(resolved.iter().any(|incident| incident.reference == "INC-771"));
    assert_eq!(source.alerts("PNOBODY").await.unwrap_err().failure, Failure::NotFound);
}

#[tokio::test]
async fn a_service_that_it_does_not_know_is_unknown_and_noes_are_told_apart() {
    let ground = Ground::start().await;
    let source = Source::open(&ground.pagerduty()).unwrap();
    assert!(
        matches!(source.service("checkout").await.unwrap(), Fact::Unknown(_)),
        "a part of a name is another name"
    );
    let file = ground.token_file("stranger", "wrong");
    let stranger = Source::open(&Config { token_file: Some(file), ..ground.pagerduty() }).unwrap();
    assert_eq!(stranger.on_call().await.unwrap_err().failure, Failure::Unauthorised);
    let faults = ground.world().faults(Site::PagerDuty);
    for (fault, expected) in [
        (Fault::Status(403), Failure::Forbidden),
        (Fault::Status(500), Failure::ServerError { status: 500 }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::Status(429), Failure::RateLimited { retry_after: Duration::from_secs(60) }),
    ] {
        faults.script("", fault, Some(1));
        assert_eq!(source.on_call().await.unwrap_err().failure, expected);
    }
}
