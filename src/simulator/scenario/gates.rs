//! The runs that happen by plan, one after another: three that people decide in Dock, three that GitHub's own pages
//! decide while the others are looked at.
//!
//! A run before it is looked at would not have its row's number; the next follows when an agent has looked at the last.
//! Never: a run of the plan that begins before the one before it was looked at.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BILLING, CHECKOUT_API, ESTATE, Estate, SEARCH, before};
use crate::simulator::{
    SimulatorError,
    git::Draft,
    github::{Fate, New, Then, Workflow},
    world::State,
};

/// The first run of the plan; the rows of gates begin with the same number.
const FIRST: u64 = 9_821;
/// Runs that deployed what runs when the world begins.
const OLD: u64 = 9_701;
/// What billing-worker's budget burns at while its broken build runs, and otherwise.
const BROKEN_BURN: f64 = 26.0;
const USUAL_BURN: f64 = 4.0;

/// Runs that follow one another.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::simulator) struct Plan {
    services: VecDeque<String>,
    /// The run that began last.
    pub(in crate::simulator) current: Option<u64>,
    /// Ticks until the next, once an agent has looked at the last.
    pub(in crate::simulator) follow_in: Option<u32>,
}

/// One planned change.
struct Change {
    service: &'static str,
    author: &'static str,
    message: &'static str,
    code: &'static [(&'static str, u64, u64)],
    texts: &'static [(&'static str, &'static str)],
    fate: Fate,
    /// What happens to it outside of Dock.
    then: Option<Then>,
}

const CHANGES: [Change; 6] = [
    Change {
        service: CHECKOUT_API,
        author: "govind",
        message: "Keep the discount with the order",
        code: &[("src/order/discount.rs", 96, 12), ("src/order/mod.rs", 14, 3), ("tests/discount.rs", 61, 0)],
        texts: &[("migrations/20260530_orders_discount.sql", ORDERS)],
        fate: Fate::Well,
        then: None,
    },
    Change {
        service: "notifications",
        author: "marcus",
        message: "Send the digest mail in the reader's own time zone",
        code: &[("src/digest/zone.rs", 41, 8)],
        texts: &[],
        fate: Fate::Well,
        then: Some(Then::AdminApproves),
    },
    Change {
        service: "image-resizer",
        author: "jordan",
        message: "Prefer AVIF for thumbnails",
        code: &[("src/encode/avif.rs", 27, 19)],
        texts: &[],
        fate: Fate::Well,
        then: Some(Then::Cancelled),
    },
    Change {
        service: SEARCH,
        author: "marcus",
        message: "Log the size of each batch",
        code: &[("src/batch.rs", 9, 2), ("tests/batch.rs", 18, 0)],
        texts: &[],
        fate: Fate::Well,
        then: None,
    },
    Change {
        service: "identity",
        author: "priya",
        message: "Name the passkey's device in the audit mail",
        code: &[("src/passkey/mail.rs", 22, 4)],
        texts: &[],
        fate: Fate::Well,
        then: Some(Then::AdminApproves),
    },
    Change {
        service: BILLING,
        author: "govind",
        message: "Export invoices to the finance bucket",
        code: &[("src/export/mod.rs", 143, 0), ("src/main.rs", 6, 1)],
        texts: &[("infra/billing_export.tf", EXPORT_ROLE)],
        fate: Fate::Breaks,
        then: None,
    },
];

const ORDERS: &str = "ALTER TABLE orders ADD COLUMN discount_cents bigint NOT NULL DEFAULT 0;\n\
CREATE INDEX CONCURRENTLY orders_discount_idx ON orders (discount_cents) WHERE discount_cents > 0;\n";

const EXPORT_ROLE: &str = "resource \"aws_iam_role\" \"billing_export\" {\n  name               = \"billing-export\"\n  \
assume_role_policy = data.aws_iam_policy_document.billing_worker.json\n}\n\n\
resource \"aws_iam_role_policy\" \"billing_export\" {\n  name = \"billing-export\"\n  role = aws_iam_role.billing_export.id\n  \
policy = data.aws_iam_policy_document.invoices_write.json\n}\n";

/// What was deployed before the world began, the environments, and the first run of the plan.
pub(super) fn begin(state: &mut State, installed: Timestamp, now: Timestamp) {
    state.github.pipelines.number_from(OLD);
    for estate in &ESTATE {
        let repo = repo(estate.name);
        let environments = match estate.env {
            "production" => vec!["production".to_owned(), "staging".to_owned()],
            other => vec![other.to_owned()],
        };
        state.github.pipelines.environments.insert(repo.clone(), environments);
        let Some(head) = head(state, &repo) else { continue };
        state.run_before(&deploy_of(estate, &repo, &head, ("release-bot", "Deploy"), Fate::Well), installed);
    }
    state.github.pipelines.number_from(FIRST);
    state.plan.gates.services = CHANGES.iter().map(|change| change.service.to_owned()).collect();
    next(state, now);
}

/// The next planned run begins: its number.
pub(in crate::simulator) fn next(state: &mut State, now: Timestamp) -> Option<u64> {
    let service = state.plan.gates.services.pop_front()?;
    let change = CHANGES.iter().find(|change| change.service == service)?;
    let repository = state.repositories.get_mut(&repo(change.service))?;
    let number = repository.next_pull();
    let message = format!("{} (#{number})", change.message);
    let sha = repository.commit(Draft {
        author: change.author,
        date: before(now, 7),
        message: &message,
        pull: Some(number),
        code: change.code,
        texts: change.texts,
        manifests: None,
    });
    let run = begin_run(state, change.service, &sha, (change.author, &message), change.fate, now).ok()?;
    state.plan.gates.current = Some(run);
    state.plan.gates.follow_in = None;
    Some(run)
}

/// Time passes by one tick.
pub(in crate::simulator) fn tick(state: &mut State, now: Timestamp) {
    match state.plan.gates.follow_in {
        Some(0) => {
            let last = state.plan.gates.current.take();
            state.plan.gates.follow_in = None;
            let then = last.and_then(|run| state.github.service_of(run)).and_then(planned);
            if let (Some(run), Some(then)) = (last, then) {
                state.later(run, Then::BY_AND_BY, then);
            }
            next(state, now);
        }
        Some(left) => state.plan.gates.follow_in = Some(left - 1),
        None if state.plan.gates.current.is_some_and(|run| state.github.is_over(run)) => {
            state.plan.gates.follow_in = Some(0);
        }
        None => {}
    }
}

fn planned(service: &str) -> Option<Then> {
    CHANGES.iter().find(|change| change.service == service)?.then
}

/// A change of no risk is pushed to a service, and its pipeline begins.
pub(in crate::simulator) fn push(
    state: &mut State,
    service: &str,
    now: Timestamp,
) -> Result<u64, SimulatorError> {
    let unknown = || SimulatorError::Unknown(format!("service {service}"));
    let repository = state.repositories.get_mut(&repo(service)).ok_or_else(unknown)?;
    let number = repository.next_pull();
    let message = format!("Log the retries of outgoing calls (#{number})");
    let sha = repository.commit(Draft {
        author: "marcus",
        date: now,
        message: &message,
        pull: Some(number),
        code: &[("src/client/retry.rs", 7, 1), ("tests/retry.rs", 16, 0)],
        texts: &[],
        manifests: None,
    });
    begin_run(state, service, &sha, ("marcus", &message), Fate::Well, now)
}

/// The head of a service's main is replaced, and its pipeline begins anew.
pub(in crate::simulator) fn force_push(
    state: &mut State,
    service: &str,
    now: Timestamp,
) -> Result<u64, SimulatorError> {
    let unknown = || SimulatorError::Unknown(format!("service {service}"));
    let repository = state.repositories.get_mut(&repo(service)).ok_or_else(unknown)?;
    let sha = repository.force_push().ok_or_else(unknown)?;
    begin_run(state, service, &sha, ("marcus", "Reworded"), Fate::Well, now)
}

/// A broken build of this service runs: what it measures of itself tells.
pub(in crate::simulator) fn breaks(state: &mut State, service: &str, now: Timestamp) {
    state.slo(service).burn(now, BROKEN_BURN);
}

/// What ran before runs again.
pub(in crate::simulator) fn mended(state: &mut State, service: &str, now: Timestamp) {
    state.slo(service).burn(now, USUAL_BURN);
}

fn begin_run(
    state: &mut State,
    service: &str,
    sha: &str,
    by: (&str, &str),
    fate: Fate,
    now: Timestamp,
) -> Result<u64, SimulatorError> {
    let unknown = || SimulatorError::Unknown(format!("service {service}"));
    let estate = ESTATE.iter().find(|estate| estate.name == service).ok_or_else(unknown)?;
    if service == BILLING {
        // Its infrastructure is planned for the same commit, at the same time.
        super::plan_for(state, sha, now);
    }
    Ok(state.begin_run(&deploy_of(estate, &repo(service), sha, by, fate), now))
}

fn deploy_of<'a>(
    estate: &'a Estate,
    repo: &'a str,
    sha: &'a str,
    (actor, title): (&'a str, &'a str),
    fate: Fate,
) -> New<'a> {
    let (file, event, gated) = (Workflow::Deploy, "push", true);
    New { repo, file, environment: Some(estate.env), gated, sha, event, actor, title, fate }
}

fn repo(service: &str) -> String {
    format!("acme/{service}")
}

fn head(state: &State, repo: &str) -> Option<String> {
    state.repositories.get(repo)?.named("HEAD").map(|commit| commit.sha.clone())
}
