//! The HTTP client of an isolate: one request, one response, connections kept for the next.

use super::body::RequestBody;
use super::connect::Connector;
use super::decode::{Coding, Content, coding, decode, negotiate};
use super::failure::Failure;
use super::limits::{self, Budget};
use super::tls;
use crate::kernel::Kernel;
use deno_tls::TlsKey;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::response::Parts;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;

/// What may differ between clients.
pub struct Options {
    /// PEM files of certificates to believe beside the built-in ones.
    pub certificates: Vec<Vec<u8>>,
    /// Certificate to show.
    pub identity: Option<TlsKey>,
    /// Speak HTTP/1.1.
    pub http1: bool,
    /// Speak HTTP/2.
    pub http2: bool,
    /// Requests may set `Host`.
    pub allow_host: bool,
    /// Idle connections kept per server.
    pub idle_per_host: usize,
    /// How long they are kept.
    pub idle_timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            certificates: Vec::new(),
            identity: None,
            http1: true,
            http2: true,
            allow_host: false,
            idle_per_host: usize::MAX,
            idle_timeout: Some(limits::IDLE),
        }
    }
}

/// A client; clones share connections.
#[derive(Clone)]
pub struct Client {
    http: legacy::Client<Connector, RequestBody>,
    budget: Arc<Budget>,
    allow_host: bool,
}

/// A response whose body has not been read.
pub struct Response {
    /// Status code.
    pub status: StatusCode,
    /// Its words, as the server gave them.
    pub reason: String,
    /// Headers as received, also when the body is decoded: they tell of the encoded one.
    pub headers: HeaderMap,
    /// The body.
    pub content: Content,
    /// Its size, if that is known.
    pub size: Option<u64>,
    /// Whether the body was encoded.
    pub decoded: bool,
}

impl Client {
    /// A client without connections.
    ///
    /// # Errors
    /// Options that contradict each other.
    pub fn new(kernel: Kernel, budget: Arc<Budget>, options: Options) -> Result<Client, Failure> {
        let protocols: &[&str] = match (options.http1, options.http2) {
            (true, true) => &["h2", "http/1.1"],
            (true, false) => &["http/1.1"],
            (false, true) => &["h2"],
            (false, false) => return Err(Failure::message("Either HTTP/1.1 or HTTP/2 is needed")),
        };
        let connector = Connector::new(kernel, tls::config(&options.certificates, options.identity, protocols)?, budget.clone());
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(options.idle_per_host.min(limits::CONNECTIONS))
            .http2_only(!options.http1)
            .http1_max_buf_size(limits::RESPONSE_HEAD_BYTES)
            .http1_max_headers(limits::RESPONSE_HEADERS)
            .http2_max_header_list_size(u32::try_from(limits::RESPONSE_HEAD_BYTES).unwrap_or(u32::MAX))
            .http2_initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
            .http2_max_send_buf_size(limits::CHUNK_BYTES);
        Ok(Client { http: builder.build(connector), budget, allow_host: options.allow_host })
    }

    /// What requests are accounted to.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Whether requests may set `Host`.
    pub fn allow_host(&self) -> bool {
        self.allow_host
    }

    /// Sends a request and waits for the head of its response. Dropping the future ends the connection.
    pub async fn send(self, mut request: Request<RequestBody>) -> Result<Response, Failure> {
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("node"));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let may_decode = negotiate(headers);
        let response = self.http.request(request).await.map_err(|error| Failure::of(&error))?;
        let (parts, body) = response.into_parts();
        let coding = if may_decode { coding(&parts.headers) } else { Coding::Identity };
        let size = hyper::body::Body::size_hint(&body).exact().filter(|_| coding == Coding::Identity);
        Ok(Response {
            status: parts.status,
            reason: reason(&parts),
            headers: parts.headers,
            content: decode(body, coding),
            size,
            decoded: coding != Coding::Identity,
        })
    }
}

/// HTTP/2 has no words for a status.
fn reason(parts: &Parts) -> String {
    match parts.extensions.get::<hyper::ext::ReasonPhrase>() {
        Some(words) => words.as_bytes().iter().copied().map(char::from).collect(),
        None => parts.status.canonical_reason().unwrap_or_default().into(),
    }
}
