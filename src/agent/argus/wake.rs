//! ArgoCD's stream as an alarm clock.
//!
//! Never: a fact. What woke Argus is read again.

use tokio::time;

use crate::{
    agent::wake::{PAUSE_MAX, PAUSE_MIN, Wake},
    platform::argocd,
};

/// Follows ArgoCD's stream for ever. Its end means: list again, nothing is replayed.
pub(super) async fn follow_argocd(wake: &Wake, argocd: &argocd::Source) {
    let mut pause = PAUSE_MIN;
    loop {
        match argocd.watch().await {
            Ok(mut watch) => {
                wake.all();
                while let Ok(Some(change)) = watch.next().await {
                    pause = PAUSE_MIN;
                    wake.subject(change.application.name());
                }
            }
            Err(error) => tracing::warn!(%error, "ArgoCD's stream is not open; the poll goes on"),
        }
        wake.all();
        time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
