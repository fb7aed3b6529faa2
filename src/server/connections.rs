//! Connections: so many at once, each with its head in time, and an end that lets answers finish.
//!
//! Never: a connection that is held by saying nothing; a request cut off because the server ends.

use std::{future::Future, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};

/// Connections at once; more wait to be taken.
const CONNECTIONS_MAX: usize = 10_000;
/// A request's head comes within this time. Longer than clients keep an idle connection, so that they end it, not we.
const HEAD_WITHIN: Duration = Duration::from_secs(120);
/// What waits when the server ends gets this long.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptor is left) before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers until `shutdown`, then lets what is under way finish.
pub(super) async fn serve(listener: TcpListener, router: Router, shutdown: impl Future<Output = ()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let draining = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let taken = async {
            let seat = Arc::clone(&seats).acquire_owned().await.ok();
            (seat, listener.accept().await)
        };
        let (seat, accepted) = tokio::select! {
            taken = taken => taken,
            () = &mut shutdown => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = draining.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _seat = seat;
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_WITHIN, draining.shutdown()).await.is_err() {
        tracing::warn!("some requests were not answered before the end");
    }
}
