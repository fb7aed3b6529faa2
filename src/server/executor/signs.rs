//! How a deployed service does, by what is configured to say: its application in ArgoCD, the burn of its error budget.
//!
//! Never: what could not be read, taken for fine.

use jiff::Timestamp;

use super::{Executor, post_check};
use crate::{
    platform::{
        Burn, Fact, PlatformError, Windows,
        argocd::{self, Application, HealthState},
    },
    row::gate::{Measure, Service},
};

const THE_BURN: &str = "the burn";
/// The windows that a deploy is watched over: a longer pair would tell of the time before it.
const WATCHED: [Windows; 2] = [Windows::Fast, Windows::Middle];

/// What one of them says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sign {
    Fine(String),
    Bad(String),
    RolledBack(String),
    Unknown(String),
}

/// What each says that is configured, by its name; nobody where nothing is.
pub(super) async fn of(
    executor: &Executor,
    name: &str,
    service: &Service,
    since: Timestamp,
) -> Vec<(&'static str, Sign)> {
    let mut signs = Vec::new();
    if let Some(app) = &service.argocd {
        let read = application(executor, app).await;
        signs.push(("ArgoCD", read.map_or_else(Sign::Unknown, |app| health(&app, since))));
    }
    signs.extend(burns(executor, name, service).await);
    signs
}

/// When the application was first synced to this very commit since then; none where nobody can say.
pub(super) async fn synced(
    executor: &Executor,
    name: &str,
    commit: &str,
    since: Timestamp,
) -> Option<Timestamp> {
    let app = application(executor, name).await.ok()?;
    let ours = |entry: &&argocd::HistoryEntry| entry.revisions.iter().any(|revision| revision == commit);
    app.history.iter().filter(ours).filter_map(|entry| entry.deployed_at).filter(|at| *at >= since).min()
}

async fn application(executor: &Executor, name: &str) -> Result<Application, String> {
    let argocd = executor.sources.argocd.as_ref().ok_or("it is not configured")?;
    let listed = argocd.applications().await.map_err(|error| error.to_string())?;
    let key = argocd::named(listed.iter().map(|one| &one.key), name)?;
    argocd.application(key, argocd::Refresh::No).await.map_err(|error| error.to_string())
}

/// Its health, and whether its history went back since the answer.
fn health(app: &Application, since: Timestamp) -> Sign {
    if let Some(detail) = went_back(app, since) {
        return Sign::RolledBack(detail);
    }
    match app.health {
        _ if app.is_busy() || !app.health_is_settled() => Sign::Unknown("it is being synced".to_owned()),
        HealthState::Healthy => Sign::Fine("ArgoCD says Healthy".to_owned()),
        HealthState::Degraded | HealthState::Missing => {
            Sign::Bad(format!("ArgoCD says {}", post_check::detail(app)))
        }
        HealthState::Progressing | HealthState::Suspended | HealthState::Other(_) => {
            Sign::Unknown(format!("it says {}", app.health.word()))
        }
    }
}

/// Since then something new was synced, and after it something older again.
fn went_back(app: &Application, since: Timestamp) -> Option<String> {
    let last = app.last_sync()?;
    let mut between = app.history.iter().filter(|entry| entry.id < last.id);
    let brought = between
        .clone()
        .any(|entry| entry.revisions != last.revisions && entry.deployed_at.is_some_and(|at| at >= since));
    let known = between.any(|entry| entry.revisions == last.revisions);
    (brought && known).then(|| {
        let by = if last.by.is_empty() { "somebody" } else { &last.by };
        format!("{by} synced {} back to {}", app.key.name, last.revisions.join(", "))
    })
}

/// How fast the error budget burns, by the same whom the gatekeeper asks. `None`: nobody knows it.
async fn burns(executor: &Executor, name: &str, service: &Service) -> Option<(&'static str, Sign)> {
    let now = executor.clock.now();
    let (datadog, prometheus) = (executor.sources.datadog.as_ref(), executor.sources.prometheus.as_ref());
    let mut read = Vec::new();
    match (service.measured_by(datadog.is_some(), prometheus.is_some()), datadog, prometheus) {
        (Measure::Datadog(id), Some(datadog), _) => {
            let slo = match id {
                Some(id) => datadog.slo(id).await,
                None => datadog.slo_of(name).await,
            };
            let slo = match slo.unwrap_or_else(|error| Fact::Unknown(error.to_string())) {
                Fact::Known(slo) => slo,
                Fact::Unknown(why) => return Some((THE_BURN, Sign::Unknown(why))),
            };
            for windows in WATCHED {
                read.push(datadog.burn(&slo, windows, now).await);
            }
        }
        (Measure::Prometheus(name), _, Some(prometheus)) => {
            for windows in WATCHED {
                read.push(prometheus.burn(name, windows, now).await);
            }
        }
        (Measure::Nobody, ..) => return None,
        (Measure::Absent(platform), ..) => {
            return Some((THE_BURN, Sign::Unknown(format!("{platform} is not configured"))));
        }
        (Measure::Datadog(_) | Measure::Prometheus(_), ..) => {
            return Some((THE_BURN, Sign::Unknown("nobody is configured who measures it".to_owned())));
        }
    }
    let told = |burn: Result<Fact<Burn>, PlatformError>| {
        burn.unwrap_or_else(|error| Fact::Unknown(error.to_string()))
    };
    let read: Vec<_> = read.into_iter().map(told).collect();
    // A deploy is a change: what blocks one that is to be made is bad of one that was.
    Some((THE_BURN, burning(&read, service.limits.unwrap_or_default().burn_block_with_change)))
}

/// Bad where both windows of one pair are at the limit or over it, fine only where all are known.
fn burning(read: &[Fact<Burn>], at_most: f64) -> Sign {
    let mut unknown = None;
    let mut most = 0.0_f64;
    for burn in read {
        match burn {
            Fact::Unknown(why) => unknown = Some(why.clone()),
            Fact::Known(burn) if burn.at_least() >= at_most => {
                let (short, long) = (burn.windows.short().name(), burn.windows.long().name());
                return Sign::Bad(format!(
                    "the error budget burns at {:.1} over {short} and {:.1} over {long}",
                    burn.short.rate, burn.long.rate
                ));
            }
            Fact::Known(burn) => most = most.max(burn.at_least()),
        }
    }
    match unknown {
        Some(why) => Sign::Unknown(why),
        None => Sign::Fine(format!("the error budget burns at {most:.1}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::Rate, row::measure::BurnLimits};

    #[test]
    fn a_burn_is_bad_over_one_pair_and_fine_only_over_both() {
        let rate = |rate| Rate { rate, from: Timestamp::UNIX_EPOCH, to: Timestamp::UNIX_EPOCH };
        let burn = |windows, short, long| Fact::Known(Burn { windows, short: rate(short), long: rate(long) });
        let of = |fast: Fact<Burn>, middle: Fact<Burn>| {
            burning(&[fast, middle], BurnLimits::default().burn_block_with_change)
        };
        let unknown = || Fact::Unknown("no data".to_owned());
        let calm = |windows| burn(windows, 0.4, 0.3);
        let (fast, middle) = (Windows::Fast, Windows::Middle);
        assert_eq!(of(calm(fast), calm(middle)), Sign::Fine("the error budget burns at 0.3".to_owned()));
        assert!(matches!(of(burn(fast, 20.0, 15.0), calm(middle)), Sign::Bad(_)));
        assert!(matches!(of(burn(fast, 4.0, 4.0), calm(middle)), Sign::Bad(_)), "what blocks a gate");
        assert!(matches!(of(burn(fast, 20.0, 2.0), calm(middle)), Sign::Fine(_)), "one window is not both");
        assert!(matches!(of(unknown(), burn(middle, 7.0, 6.0)), Sign::Bad(_)));
        assert_eq!(of(unknown(), calm(middle)), Sign::Unknown("no data".to_owned()));
    }
}
