//! Connections: from a URL to a byte stream.

use super::failure::Failure;
use super::limits::Budget;
use super::stream::{KernelStream, OwnedFd};
use crate::kernel::Kernel;
use agentos_abi::fcntl::OpenFlags;
use agentos_abi::socket::{Family, SockAddr, SockOpt, SocketType};
use agentos_abi::{Errno, Events};
use agentos_syscall::WaitOn;
use deno_tls::rustls::ClientConfig;
use deno_tls::rustls::pki_types::ServerName;
use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsConnector;

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub struct Connector {
    kernel: Kernel,
    tls: Arc<ClientConfig>,
    budget: Arc<Budget>,
}

impl Connector {
    /// A connector that speaks TLS as `tls` says and takes its connections from `budget`.
    pub fn new(kernel: Kernel, tls: ClientConfig, budget: Arc<Budget>) -> Connector {
        Connector { kernel, tls: Arc::new(tls), budget }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<Transport>, Failure> {
        let slot = self.budget.connection().await?;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        // A literal IPv6 address is in brackets in a URL only.
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let stream = open(&self.kernel, host, uri.port_u16().unwrap_or(if secure { 443 } else { 80 })).await?;
        if !secure {
            return Ok(TokioIo::new(Transport { io: Box::new(stream), is_http2: false, _slot: slot }));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| Failure::message(error.to_string()))?;
        let stream = TlsConnector::from(self.tls).connect(name, stream).await.map_err(|error| Failure::of(&error))?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(TokioIo::new(Transport { io: Box::new(stream), is_http2, _slot: slot }))
    }
}

/// Connects to the first address of `host` that answers. The failure is that of the preferred address, as Node's is.
async fn open(kernel: &Kernel, host: &str, port: u16) -> Result<KernelStream, Failure> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let lookup = kernel.wait_async(WaitOn::Resolve(host), None, |task| task.resolve(host)).await;
            lookup.map_err(|errno| Failure::resolve(host, errno))?.addresses
        }
    };
    let mut first_failure = None;
    for address in addresses {
        let address = SocketAddr::new(address, port);
        match open_address(kernel, address).await {
            Ok(stream) => return Ok(stream),
            Err(errno) => {
                first_failure.get_or_insert_with(|| Failure::connect(address, errno));
            }
        }
    }
    Err(first_failure.unwrap_or_else(|| Failure::resolve(host, Errno::ENOENT)))
}

async fn open_address(kernel: &Kernel, address: SocketAddr) -> agentos_abi::Result<KernelStream> {
    let family = if address.is_ipv4() { Family::Inet } else { Family::Inet6 };
    let task = kernel.task()?;
    let socket = OwnedFd::new(kernel.clone(), task.socket(family, SocketType::Stream, 0, OpenFlags::CLOEXEC)?);
    let fd = socket.fd();
    let target = SockAddr::Inet(address);
    kernel.wait_async(WaitOn::Fd(fd, Events::OUT), None, |task| task.connect(fd, &target)).await?;
    // Requests and streamed answers are latency-bound; a network without the option works as well.
    let _ = task.setsockopt(fd, SockOpt::NoDelay, 1);
    Ok(KernelStream::new(socket))
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Transport>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Transport>, Failure>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection, with or without TLS, and its slot.
pub struct Transport {
    io: Box<dyn Duplex>,
    is_http2: bool,
    _slot: OwnedSemaphorePermit,
}

impl Connection for Transport {
    fn connected(&self) -> Connected {
        if self.is_http2 { Connected::new().negotiated_h2() } else { Connected::new() }
    }
}

impl AsyncRead for Transport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
