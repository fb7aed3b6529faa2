//! Each connector in each trouble, read as an agent or the executor would: one table for all.
//!
//! What one of them makes of a trouble by itself is beside it; that nothing is waited for without an end is shown once, of
//! the client that all share (`http/tests.rs`).
//! Never: a trouble that looks like an answer.

use std::pin::Pin;

use super::*;
use crate::{
    platform::{Failure, PlatformError, argocd::Refresh},
    simulator::Fault,
};

type Reads = Pin<Box<dyn Future<Output = Result<(), PlatformError>>>>;

/// One usual read over a client that was just opened: what went before leaves no mark on it.
struct Connector {
    site: Site,
    read: fn(&Ground) -> Reads,
    /// What this platform means by a status, where that is its own.
    own: Vec<(u16, Failure)>,
}

fn connectors() -> [Connector; 7] {
    [
        Connector {
            site: Site::GitHub,
            read: |ground| {
                let source = github::Source::open(&ground.github()).unwrap();
                Box::pin(
                    async move { source.waiting_runs(&"acme/payments-api".parse().unwrap()).await.map(drop) },
                )
            },
            own: vec![],
        },
        Connector {
            site: Site::Terraform,
            read: |ground| {
                let source = terraform::Source::open(&ground.terraform()).unwrap();
                Box::pin(
                    async move { source.workspace(&"acme/billing-worker".parse().unwrap()).await.map(drop) },
                )
            },
            own: vec![],
        },
        Connector {
            site: Site::Datadog,
            read: |ground| {
                let source = datadog::Source::open(&ground.datadog()).unwrap();
                Box::pin(async move { source.slo_of("search-indexer").await.map(drop) })
            },
            own: vec![],
        },
        Connector {
            site: Site::Prometheus,
            read: |ground| {
                let source = prometheus::Source::open(&ground.prometheus()).unwrap();
                Box::pin(async move { source.value("up").await.map(drop) })
            },
            // A query that took too long.
            own: vec![(503, Failure::Timeout)],
        },
        Connector {
            site: Site::ArgoCd,
            read: |ground| {
                let source = argocd::Source::open(&ground.argocd(Account::Agent)).unwrap();
                let (name, project) = ("payments-api".to_owned(), "payments".to_owned());
                let key = argocd::AppKey { name, project, namespace: None };
                Box::pin(async move { source.application(&key, Refresh::No).await.map(drop) })
            },
            own: vec![],
        },
        Connector {
            site: Site::PagerDuty,
            read: |ground| {
                let source = pagerduty::Source::open(&ground.pagerduty()).unwrap();
                Box::pin(async move { source.on_call().await.map(drop) })
            },
            own: vec![],
        },
        Connector {
            site: Site::Alertmanager,
            read: |ground| {
                let alone = alertmanager::Config { replicas: vec![], ..ground.alertmanager() };
                let source = alertmanager::Source::open(&alone).unwrap();
                Box::pin(async move { source.alerts("identity").await.map(drop) })
            },
            own: vec![],
        },
    ]
}

#[tokio::test]
async fn each_trouble_of_each_connector_has_its_name() {
    let ground = Ground::start().await;
    let statuses = [
        (401, Failure::Unauthorised),
        (403, Failure::Forbidden),
        (404, Failure::NotFound),
        (409, Failure::Conflict),
        (422, Failure::Refused { status: 422 }),
        (500, Failure::ServerError { status: 500 }),
        (502, Failure::ServerError { status: 502 }),
        (503, Failure::ServerError { status: 503 }),
    ];
    let others = [
        (Fault::RateLimited(9), Failure::RateLimited { retry_after: Duration::from_secs(9) }),
        (Fault::Garbage, Failure::Garbage),
        (Fault::HalfBody, Failure::CutOff),
        (Fault::LostAnswer, Failure::CutOff),
        (Fault::Redirect("http://192.0.2.1/elsewhere".to_owned()), Failure::Redirected),
    ];
    for Connector { site, read, own } in connectors() {
        let faults = ground.world().faults(site);
        read(&ground).await.unwrap_or_else(|error| panic!("{}, nothing the matter: {error}", site.name()));
        let of_status = |(status, usual): &(u16, Failure)| {
            let own = own.iter().find(|(one, _)| one == status).map(|(_, failure)| failure.clone());
            (Fault::Status(*status), own.unwrap_or_else(|| usual.clone()))
        };
        for (fault, expected) in statuses.iter().map(of_status).chain(others.clone()) {
            faults.script("", fault.clone(), None);
            let error = read(&ground).await.expect_err(site.name());
            faults.clear();
            assert_eq!(error.failure, expected, "{} {fault:?}: {error}", site.name());
            let said = error.to_string();
            assert!(
                !error.asked.is_empty() && !said.contains("ghp_"),
                "{said}: what was asked, and no secret"
            );
        }
        faults.script("", Fault::Slow(Duration::from_millis(30)), Some(1));
        assert!(read(&ground).await.is_ok(), "{}: late is not never", site.name());
        faults.down();
        let failure = read(&ground).await.expect_err(site.name()).failure;
        assert!(matches!(failure, Failure::Unreachable | Failure::CutOff), "{}: {failure:?}", site.name());
        faults.up();
    }
}
