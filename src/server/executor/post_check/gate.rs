//! After a gate was answered: its deploy, for the watch window.
//!
//! Looked at: how the deployment went on GitHub, where it is GitHub's, whether a later one brought an older commit back,
//! the application's health and history in ArgoCD, the burn of the error budget where the service says who knows it. A
//! deploy that can be taken back is healthy once all of that was fine for a while; any other only once its window is over,
//! since what is healthy is not watched any more. A deploy elsewhere is there once the pipeline reports it, or ArgoCD shows
//! its commit: that all is well says nothing of a commit that never arrived. The window begins with the deploy, not with
//! our answer: GitHub may hold it on for a timer or for reviewers of its own. What cannot be read is neither fine nor bad:
//! at the end of the window the row stays `executed`, is over, and says what could not be read; `unknown` would ask a
//! person whether it was executed, which is known.
//!
//! Never: healthy while something that is configured could not be read, or while a part of what was approved was not
//! carried out; a deploy of another run, or none, taken for ours.

use jiff::{SignedDuration, Timestamp};

use super::{
    super::{
        milliseconds,
        signs::{self, Sign},
    },
    Executor, Lease, Stopped, stamp,
};
use crate::{
    lifecycle::Health,
    platform::{
        Fact, PlatformError,
        github::{self, DeployState, Repository},
        reading,
    },
    row::{
        Key, Risk, Row, Stage,
        gate::{GateBase, Pipeline, Service, Share},
        stage::{Execution, Write},
        waiting::{Ended, Report},
    },
};

/// Looks are so much rarer than at a sync: each is a handful of calls, and the window is long.
const LOOKS_SLOWER: i32 = 10;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    attempt: u32,
    deploy: Deployed,
    went_well: bool,
    /// When it began; none while GitHub holds it for another reason.
    begun: Option<Timestamp>,
    /// How the run ended, in GitHub's word.
    ended: Option<String>,
    /// The newest deploy to the environment after ours that went well.
    later: Option<Later>,
    /// What else is configured, by name: fine, bad, or why it cannot be told.
    others: Vec<(&'static str, Sign)>,
}

/// What GitHub says of the deployment; or of one elsewhere, who deploys it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Deployed {
    Elsewhere(Arrived),
    /// It shows no deployment of the run.
    NotShown,
    Is(DeployState),
}

/// Whether the commit is there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Arrived {
    /// Nobody has said so.
    Untold,
    /// By whose word, as a sentence.
    There(String),
    /// The pipeline says that its deploy failed.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Later {
    sha: String,
    by: String,
    /// It brings an older commit back.
    older: bool,
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    RolledBack {
        detail: String,
    },
    Bad {
        detail: String,
    },
    /// Something cannot be told yet.
    Open {
        why: String,
    },
    Fine {
        detail: String,
    },
    /// Nothing more can be told of this deploy: it was overtaken, or its run begun anew.
    Over {
        /// None where nobody can say any more.
        fine: Option<bool>,
        detail: String,
    },
}

pub(super) async fn follow(
    executor: &Executor,
    lease: &Lease<'_>,
    row: &Row,
    base: &GateBase,
) -> Result<(), Stopped> {
    let (execution, watched_until) = match &row.stage {
        Stage::Executed { execution, outcome: None } => (execution, None),
        Stage::Degraded { execution, watch_until, .. } => (execution, Some(*watch_until)),
        _ => return lease.done().await,
    };
    if watched_until.is_some_and(|until| executor.clock.now() >= until) {
        return lease.done().await;
    }
    let seen = lease.holding(Box::pin(look(executor, base, execution))).await?;
    let now = executor.clock.now();
    let pace = executor.pace;
    let answered = execution.confirmed_at.unwrap_or(execution.intended_at);
    let begun = match &seen {
        Ok(Seen { begun: Some(begun), .. }) => answered.max(*begun),
        Ok(Seen { ended: None, .. }) => now,
        Ok(Seen { ended: Some(_), .. }) | Err(_) => answered,
    };
    // Whoever was told to give it to a part first has all on it only after that, unless it says so later still.
    let begun = begun.max(later(answered, told_to_hold(row, execution, base)));
    let window = Window {
        ends: later(begun, milliseconds(pace.watch_ms)),
        healthy_at: match row.risk {
            Risk::Reversible => later(begun, milliseconds(pace.healthy_after_ms.min(pace.watch_ms))),
            Risk::Costly | Risk::Irreversible => later(begun, milliseconds(pace.watch_ms)),
        },
    };
    let verdict = match seen {
        Ok(seen) => judge(&seen, base.attempt),
        Err(why) if now < window.ends => return Err(Stopped::later(why, executor.retry() * LOOKS_SLOWER)),
        Err(why) => Verdict::Open { why },
    };
    match follows(&verdict, window, watched_until.is_some(), now) {
        Some((health, detail)) => stamp(executor, lease, row.id, health, detail).await,
        None => Err(Stopped::Later { why: None, wait: milliseconds(pace.poll_ms) * LOOKS_SLOWER }),
    }
}

/// How long a pipeline elsewhere was asked to give it to a part alone. Where Dock held it, that was before the answer.
fn told_to_hold(row: &Row, execution: &Execution, base: &GateBase) -> SignedDuration {
    let held_here = execution.done.iter().any(|done| done.write == Write::Canary);
    if base.pipeline.is_github() || held_here {
        return SignedDuration::ZERO;
    }
    let counts = |key: &&Key| key.void.is_none() && execution.approval.decisions.contains(&key.decision_id);
    let share = row.keys.iter().filter(counts).find_map(|key| Share::of(key.conditions.get("canary")?));
    share.and_then(|share| share.held_for()).unwrap_or_default()
}

/// When a deploy's watch ends, and from when on fine is healthy.
#[derive(Debug, Clone, Copy)]
struct Window {
    ends: Timestamp,
    healthy_at: Timestamp,
}

/// What is stamped, if anything is yet. A degraded row can still be rolled back, or be over.
fn follows(verdict: &Verdict, window: Window, degraded: bool, now: Timestamp) -> Option<(Health, String)> {
    let ended = Health::Degraded { watch_until: now };
    match verdict {
        Verdict::RolledBack { detail } => Some((Health::RolledBack, detail.clone())),
        Verdict::Over { fine: Some(true), detail } if !degraded => Some((Health::Healthy, detail.clone())),
        Verdict::Over { fine: None, detail } if !degraded => Some((Health::Untold, detail.clone())),
        Verdict::Over { detail, .. } => Some((ended, detail.clone())),
        _ if degraded => None,
        Verdict::Bad { detail } => Some((Health::Degraded { watch_until: window.ends }, detail.clone())),
        Verdict::Fine { detail } => (now >= window.healthy_at).then(|| (Health::Healthy, detail.clone())),
        Verdict::Open { why } => {
            let says = || format!("it could not be told in time how it does: {why}");
            (now >= window.ends).then(|| (Health::Untold, says()))
        }
    }
}

/// What all that was seen comes to; `attempt` was answered.
fn judge(seen: &Seen, attempt: u32) -> Verdict {
    if let Some(later) = seen.later.as_ref().filter(|later| later.older) {
        let detail = format!("{} deployed the older {} after it", later.by, short(&later.sha));
        return Verdict::RolledBack { detail };
    }
    let mut fine = Vec::new();
    let mut open = None;
    let mut bad = None;
    for (name, sign) in &seen.others {
        match sign {
            Sign::RolledBack(detail) => return Verdict::RolledBack { detail: detail.clone() },
            Sign::Bad(detail) => bad = bad.or_else(|| Some(detail.clone())),
            Sign::Unknown(why) => open = open.or_else(|| Some(format!("{name}: {why}"))),
            Sign::Fine(detail) => fine.push(detail.clone()),
        }
    }
    let failed = match &seen.deploy {
        Deployed::Is(state @ (DeployState::Failure | DeployState::Error)) => {
            Some(format!("GitHub says {} of the deployment", state.word()))
        }
        Deployed::Elsewhere(Arrived::Failed) => Some("the pipeline says that its deploy failed".to_owned()),
        _ => None,
    };
    if seen.attempt != attempt {
        return begun_anew(seen, failed.or(bad));
    }
    if let (None, None, Some(how)) =
        (&failed, seen.begun, seen.ended.as_deref().filter(|how| *how != "success"))
    {
        let detail = format!("the run ended before it deployed: {how}");
        return Verdict::Over { fine: Some(false), detail };
    }
    if let (None, None, None) = (&failed, seen.begun, &seen.later) {
        let state = match &seen.deploy {
            Deployed::Is(state) => state.word(),
            Deployed::NotShown | Deployed::Elsewhere(_) => "not shown by GitHub",
        };
        return Verdict::Open { why: format!("the deploy has not begun; the deployment is {state}") };
    }
    if let Some(detail) = failed.or(bad) {
        return Verdict::Bad { detail };
    }
    if let Some(later) = &seen.later {
        let detail = format!("overtaken: {} deployed {} after it", later.by, short(&later.sha));
        return Verdict::Over { fine: Some(seen.went_well), detail };
    }
    match (&seen.deploy, open) {
        (_, Some(why)) => Verdict::Open { why },
        (Deployed::NotShown, None) => {
            Verdict::Open { why: "GitHub shows no deployment of the run".to_owned() }
        }
        (Deployed::Elsewhere(Arrived::Untold | Arrived::Failed), None) => Verdict::Open {
            why: "nobody has said that its commit is there: the pipeline does with `dock gate report --state deployed`, or \
                  ArgoCD where it syncs that very commit"
                .to_owned(),
        },
        // Nothing that could have said otherwise was asked.
        (Deployed::Elsewhere(_), None) if fine.is_empty() => Verdict::Open {
            why: "neither ArgoCD nor a measure of its error budget is configured, and nobody else tells of a deploy \
                  elsewhere"
                .to_owned(),
        },
        (Deployed::Elsewhere(Arrived::There(said)), None) => {
            fine.insert(0, said.clone());
            Verdict::Fine { detail: fine.join("; ") }
        }
        (Deployed::Is(DeployState::Success), None) => {
            fine.insert(0, "GitHub says success of the deployment".to_owned());
            Verdict::Fine { detail: fine.join("; ") }
        }
        (Deployed::Is(state), None) => {
            Verdict::Open { why: format!("the deployment is {}", state.word()) }
        }
    }
}

/// What is left to say of an attempt whose run was started again. Of one elsewhere nobody looks any more at what the
/// earlier attempt brought: it may be there, or be why somebody tries again.
fn begun_anew(seen: &Seen, bad: Option<String>) -> Verdict {
    let again = format!("the run was started again as attempt {}", seen.attempt);
    let (fine, how) = match (&seen.deploy, bad) {
        (Deployed::Elsewhere(_), None) => (None, "whether it went well before was not told".to_owned()),
        (Deployed::Elsewhere(_), Some(bad)) => (Some(false), bad),
        (Deployed::NotShown | Deployed::Is(_), bad) => {
            let how = if seen.went_well { "it had succeeded" } else { "it had not succeeded" };
            (Some(seen.went_well && bad.is_none()), how.to_owned())
        }
    };
    Verdict::Over { fine, detail: format!("{again}; {how}") }
}

/// One look at everything. GitHub has to answer, where it is GitHub that deploys.
async fn look(executor: &Executor, base: &GateBase, execution: &Execution) -> Result<Seen, String> {
    let service = executor.hand.service(&base.service)?;
    let not_gated = || format!("{} has no gate before {} any more", base.service, base.environment);
    let service = &service.before(&base.environment).ok_or_else(not_gated)?;
    let mut seen = match base.pipeline {
        Pipeline::Github => on_github(executor, service, base).await?,
        Pipeline::Elsewhere => {
            let run = executor.hand.run_elsewhere(base).await?;
            let report = run.as_ref().and_then(|run| run.told(base.attempt, &base.head_sha)?.report);
            let (deploy, begun) = arrived(report, base, execution);
            Seen {
                attempt: run.map_or(base.attempt, |run| run.said.attempt),
                deploy: Deployed::Elsewhere(deploy),
                went_well: false,
                begun: Some(begun),
                ended: None,
                later: None,
                others: Vec::new(),
            }
        }
    };
    let since = execution.intended_at;
    if let (Deployed::Elsewhere(Arrived::Untold), Some(app)) = (&seen.deploy, &service.argocd)
        && let Some(at) = signs::synced(executor, app, &base.head_sha, since).await
    {
        let said = format!("ArgoCD synced {}", short(&base.head_sha));
        (seen.deploy, seen.begun) = (Deployed::Elsewhere(Arrived::There(said)), Some(at));
    }
    seen.others = signs::of(executor, &base.service, service, since).await;
    if let Some(undone) = &execution.undone {
        seen.others.push(("what was approved", Sign::Bad(undone.detail.clone())));
    }
    Ok(seen)
}

/// What the pipeline reported, and since when it is watched: from the answer on while nobody tells of its beginning.
fn arrived(report: Option<Report>, base: &GateBase, execution: &Execution) -> (Arrived, Timestamp) {
    match report {
        None => (Arrived::Untold, execution.intended_at),
        Some(Report { state: Ended::Failed, .. }) => (Arrived::Failed, execution.intended_at),
        Some(Report { state: Ended::Deployed, at }) => {
            (Arrived::There(format!("the pipeline says that {} is deployed", short(&base.head_sha))), at)
        }
    }
}

async fn on_github(executor: &Executor, service: &Service, base: &GateBase) -> Result<Seen, String> {
    let github = match &executor.sources.github {
        Some(source) => source,
        None => executor.hand.github()?.reads(),
    };
    let repo = reading::repository(service).map_err(|error| error.to_string())?;
    let run = base.run.parse().map_err(|_| "it is about no run".to_owned())?;
    deployed(github, &repo, run, base).await.map_err(|error| error.to_string())
}

async fn deployed(
    github: &github::Source,
    repo: &Repository,
    run: u64,
    base: &GateBase,
) -> Result<Seen, PlatformError> {
    let run = github.run(repo, run).await?;
    let nothing = Seen {
        attempt: run.attempt,
        deploy: Deployed::NotShown,
        went_well: false,
        begun: None,
        ended: run.conclusion.clone(),
        later: None,
        others: Vec::new(),
    };
    let Fact::Known(ours) = github.deploy_of(repo, &run, &base.environment).await? else {
        return Ok(nothing);
    };
    let mut later = None;
    for one in github.deployments_after(repo, &base.environment, ours.deployment.id).await? {
        let statuses = github.deployment_statuses(repo, one.id).await?;
        if one.sha != base.head_sha && statuses.iter().any(|status| status.state == DeployState::Success) {
            let between = github.compare(repo, &base.head_sha, &one.sha).await?;
            let older = between.total_commits == 0 && between.behind_by > 0;
            later = Some(Later { sha: one.sha, by: one.creator, older });
            break;
        }
    }
    let deploy = ours.state().cloned().map_or(Deployed::NotShown, Deployed::Is);
    Ok(Seen { deploy, went_well: ours.went_well(), begun: ours.begun_at(), later, ..nothing })
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(deploy: Option<DeployState>) -> Seen {
        let went_well = deploy == Some(DeployState::Success);
        let begun = deploy.is_some().then_some(Timestamp::UNIX_EPOCH);
        let deploy = deploy.map_or(Deployed::NotShown, Deployed::Is);
        Seen { attempt: 1, deploy, went_well, begun, ended: None, later: None, others: vec![] }
    }

    fn later_of(older: bool) -> Later {
        Later { sha: "4f1c9e2a".to_owned(), by: "govind".to_owned(), older }
    }

    #[test]
    fn what_was_seen_comes_to_one_verdict() {
        let good = || seen(Some(DeployState::Success));
        let with = |sign: Sign| Seen { others: vec![("ArgoCD", sign)], ..good() };
        let there = |seen: Seen| Seen {
            deploy: Deployed::Elsewhere(Arrived::There("it is there".to_owned())),
            ..seen
        };
        let elsewhere = |arrived: Arrived| Seen {
            deploy: Deployed::Elsewhere(arrived),
            went_well: false,
            ..with(Sign::Fine("Healthy".to_owned()))
        };
        for (name, seen, expected) in [
            ("not there yet", seen(None), "open"),
            ("held by a timer", Seen { begun: None, ..seen(Some(DeployState::Waiting)) }, "open"),
            (
                "held, while something else goes wrong",
                Seen { begun: None, deploy: Deployed::NotShown, ..with(Sign::Bad("burns".to_owned())) },
                "open",
            ),
            (
                "cancelled before it deployed",
                Seen { begun: None, ended: Some("cancelled".to_owned()), ..seen(Some(DeployState::Waiting)) },
                "over",
            ),
            ("rejected by another reviewer", Seen { begun: None, ..seen(Some(DeployState::Failure)) }, "bad"),
            ("under way", seen(Some(DeployState::InProgress)), "open"),
            ("a word that nobody knows", seen(Some(DeployState::Other("odd".to_owned()))), "open"),
            ("failed", seen(Some(DeployState::Failure)), "bad"),
            ("went well", good(), "fine"),
            ("and the application too", with(Sign::Fine("Healthy".to_owned())), "fine"),
            ("the application is bad", with(Sign::Bad("Degraded".to_owned())), "bad"),
            ("the application cannot be read", with(Sign::Unknown("away".to_owned())), "open"),
            ("synced back", with(Sign::RolledBack("back".to_owned())), "rolled back"),
            ("an older commit after it", Seen { later: Some(later_of(true)), ..good() }, "rolled back"),
            ("a newer commit after it", Seen { later: Some(later_of(false)), ..good() }, "over, fine"),
            (
                "failed, and fixed",
                Seen { later: Some(later_of(true)), ..seen(Some(DeployState::Failure)) },
                "rolled back",
            ),
            ("elsewhere, and nothing measures it", there(good()), "open"),
            ("elsewhere, and fine", there(with(Sign::Fine("Healthy".to_owned()))), "fine"),
            ("elsewhere, and bad", there(with(Sign::Bad("Degraded".to_owned()))), "bad"),
            ("elsewhere, and away", there(with(Sign::Unknown("away".to_owned()))), "open"),
            ("elsewhere, all is well, and nobody said that it is there", elsewhere(Arrived::Untold), "open"),
            ("elsewhere, all is well, and it failed", elsewhere(Arrived::Failed), "bad"),
            ("elsewhere, tried again", Seen { attempt: 2, ..elsewhere(Arrived::Untold) }, "over, untold"),
            (
                "elsewhere, there, tried again",
                Seen { attempt: 2, ..there(with(Sign::Fine("Healthy".to_owned()))) },
                "over, untold",
            ),
            ("elsewhere, failed, tried again", Seen { attempt: 2, ..elsewhere(Arrived::Failed) }, "over"),
            (
                "elsewhere, bad, tried again",
                Seen { attempt: 2, ..there(with(Sign::Bad("Degraded".to_owned()))) },
                "over",
            ),
            ("begun anew", Seen { attempt: 2, ..good() }, "over, fine"),
            ("begun anew after it failed", Seen { attempt: 2, ..seen(Some(DeployState::Failure)) }, "over"),
        ] {
            let word = match judge(&seen, 1) {
                Verdict::RolledBack { .. } => "rolled back",
                Verdict::Bad { .. } => "bad",
                Verdict::Open { .. } => "open",
                Verdict::Fine { .. } => "fine",
                Verdict::Over { fine: Some(true), .. } => "over, fine",
                Verdict::Over { fine: Some(false), .. } => "over",
                Verdict::Over { fine: None, .. } => "over, untold",
            };
            assert_eq!(word, expected, "{name}");
        }
    }

    #[test]
    fn fine_is_healthy_only_when_its_time_has_come_and_unknown_never_is() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let window = Window { ends: at(1800), healthy_at: at(300) };
        let text = String::new;
        let fine = Verdict::Fine { detail: text() };
        let open = Verdict::Open { why: text() };
        let bad = Verdict::Bad { detail: text() };
        let over = Verdict::Over { fine: Some(true), detail: text() };
        let untold = Verdict::Over { fine: None, detail: text() };
        let back = Verdict::RolledBack { detail: text() };
        let until = |second| Some(Health::Degraded { watch_until: at(second) });
        for (verdict, degraded, now, expected) in [
            (&fine, false, 299, None),
            (&fine, false, 300, Some(Health::Healthy)),
            (&fine, true, 300, None),
            (&open, false, 1799, None),
            (&open, false, 1800, Some(Health::Untold)),
            (&open, true, 1800, None),
            (&bad, false, 10, until(1800)),
            (&bad, true, 10, None),
            (&over, false, 10, Some(Health::Healthy)),
            (&over, true, 10, until(10)),
            (&untold, false, 10, Some(Health::Untold)),
            (&untold, true, 10, until(10)),
            (&back, false, 10, Some(Health::RolledBack)),
            (&back, true, 10, Some(Health::RolledBack)),
        ] {
            let got = follows(verdict, window, degraded, at(now)).map(|(health, _)| health);
            assert_eq!(got, expected, "{verdict:?} {degraded} {now}");
        }
    }
}
