//! After a page was published: what its platform stored, against what was approved.
//!
//! The read-back said it already, right after the write; here it becomes the row's end.
//! Never: a page that came out otherwise passed off as fine.

use super::{Executor, Health, Lease, Stopped, plan::page::DIFFERS, stamp};
use crate::row::{Row, Stage, stage::Write};

pub(super) async fn follow(executor: &Executor, lease: &Lease<'_>, row: &Row) -> Result<(), Stopped> {
    let Stage::Executed { execution, outcome: None } = &row.stage else { return lease.done().await };
    let published = execution.done.iter().find(|done| done.write == Write::Publish);
    let (health, detail) = match published {
        Some(done) if done.detail.contains(DIFFERS) => {
            // Nobody can roll it back but a person who looks: there is nothing to watch.
            (Health::Degraded { watch_until: executor.clock.now() }, done.detail.clone())
        }
        // What stands there by now may be a version later: the one that names the decision.
        Some(done) => {
            let named = execution.done.iter().find(|done| done.write == Write::Comment);
            let named = named.map(|named| format!("; {}", named.detail)).unwrap_or_default();
            (Health::Healthy, format!("{}{named}", done.detail))
        }
        // A person attested it.
        None => (Health::Healthy, "published, as a person attested".to_owned()),
    };
    stamp(executor, lease, row.id, health, detail).await
}
