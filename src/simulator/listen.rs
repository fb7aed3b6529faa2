//! A listener that can be taken away: while its platform is down nothing listens on the port and open lines break.
//!
//! Never: another port after it comes back.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{Faults, SimulatorError};

const REBIND_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Gate {
    address: SocketAddr,
    listener: Option<TcpListener>,
    down: watch::Receiver<bool>,
}

impl Gate {
    pub(super) async fn open(port: u16, faults: &Faults) -> Result<Self, SimulatorError> {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let failed = |error| SimulatorError::Listen(wanted, error);
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { address, listener: Some(listener), down: faults.watch_down() })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl axum::serve::Listener for Gate {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            if *self.down.borrow_and_update() {
                self.listener = None;
                if self.down.wait_for(|down| !down).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            let Some(listener) = &self.listener else {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => self.listener = Some(listener),
                    Err(_) => tokio::time::sleep(REBIND_PAUSE).await,
                }
                continue;
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => return (Line::new(tcp, self.down.clone()), peer),
                    Err(_) => tokio::time::sleep(REBIND_PAUSE).await,
                },
                changed = self.down.changed() => if changed.is_err() {
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that breaks when its platform goes down.
pub(super) struct Line {
    tcp: TcpStream,
    broken: bool,
    down: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Line {
    fn new(tcp: TcpStream, mut down: watch::Receiver<bool>) -> Self {
        let down = Box::pin(async move {
            let _ = down.wait_for(|down| *down).await;
        });
        Self { tcp, broken: false, down }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.broken = self.broken || self.down.as_mut().poll(context).is_ready();
        if self.broken { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
