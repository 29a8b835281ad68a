//! The operations under `fetch`: same shapes as upstream's.

use super::body::RequestBody;
use super::client::{Client, Options, Response};
use super::decode::Content;
use super::failure::Failure;
use super::limits::Budget;
use super::response::ResponseBody;
use super::{limits, tls};
use crate::kernel::Kernel;
use crate::ops::Environment;
use bytes::Bytes;
use deno_core::convert::{ByteString, Uint8Array};
use deno_core::{CancelFuture, CancelHandle, FromV8, OpDecl, OpState, Resource, ResourceId, ToV8, op2};
use deno_error::JsErrorBox;
use deno_fetch::{FetchCancelHandle, FetchReturn, data_url, extract_authority};
use deno_tls::{TlsKeys, TlsKeysHolder};
use futures::FutureExt;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use std::borrow::Cow;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// `(upstream's name, ours)`: same shape, other implementation.
pub fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![("op_fetch", op_fetch()), ("op_fetch_send", op_fetch_send()), ("op_fetch_custom_client", op_fetch_custom_client())]
}

/// A request that has been made and waits to be sent.
struct PendingRequest {
    response: Pin<Box<dyn Future<Output = Result<Response, Failure>>>>,
    url: Url,
}

impl Resource for PendingRequest {
    fn name(&self) -> Cow<'_, str> {
        "fetchRequest".into()
    }
}

/// A client with options of its own.
struct CustomClient(Client);

impl Resource for CustomClient {
    fn name(&self) -> Cow<'_, str> {
        "httpClient".into()
    }
}

type Headers = Vec<(ByteString, ByteString)>;

#[op2(stack_trace)]
#[allow(clippy::too_many_arguments, reason = "upstream's shape")]
fn op_fetch(
    state: &mut OpState,
    #[scoped] method: ByteString,
    #[string] url: String,
    #[scoped] headers: Headers,
    #[smi] client_rid: Option<u32>,
    has_body: bool,
    data: Option<Uint8Array>,
    #[smi] resource: Option<ResourceId>,
) -> Result<FetchReturn, JsErrorBox> {
    let method = Method::from_bytes(&method).map_err(type_error)?;
    let url = Url::parse(&url).map_err(type_error)?;
    guard(|| match url.scheme() {
        "http" | "https" => {
            let client = client(state, client_rid)?;
            let body = if has_body { Some(source(state, data, resource)?) } else { None };
            start_http(state, client, method, url, &headers, body)
        }
        "data" => {
            let response = data_response(&url)?;
            Ok(start(state, url, None, async { Ok(response) }))
        }
        // JavaScript has looked the blob up already.
        "blob" => Err(JsErrorBox::type_error("Blob for the given URL not found.")),
        // Node's words.
        "file" => Ok(start(state, url, None, async { Err(Failure::message("not implemented... yet...")) })),
        _ => Ok(start(state, url, None, async { Err(Failure::message("unknown scheme")) })),
    })
}

/// Where a body comes from.
enum Source {
    Bytes(Bytes),
    Resource(Rc<dyn Resource>),
}

fn source(state: &mut OpState, data: Option<Uint8Array>, resource: Option<ResourceId>) -> Result<Source, JsErrorBox> {
    match (data, resource) {
        (Some(data), _) => Ok(Source::Bytes(data.0.into())),
        (None, Some(rid)) => Ok(Source::Resource(state.resource_table.take_any(rid).map_err(JsErrorBox::from_err)?)),
        (None, None) => Err(JsErrorBox::type_error("Invalid body")),
    }
}

fn client(state: &mut OpState, rid: Option<ResourceId>) -> Result<Client, JsErrorBox> {
    if let Some(rid) = rid {
        return Ok(state.resource_table.get::<CustomClient>(rid).map_err(JsErrorBox::from_err)?.0.clone());
    }
    if let Some(client) = state.try_borrow::<Client>() {
        return Ok(client.clone());
    }
    let kernel = state.borrow::<Kernel>().clone();
    let certificates = tls::extra_certificates(&kernel, state.borrow::<Environment>());
    let client = Client::new(kernel, budget(state), Options { certificates, ..Options::default() }).map_err(type_error)?;
    state.put(client.clone());
    Ok(client)
}

/// The isolate's, whichever client a request uses.
fn budget(state: &mut OpState) -> Arc<Budget> {
    if !state.has::<Arc<Budget>>() {
        state.put(Arc::new(Budget::default()));
    }
    state.borrow::<Arc<Budget>>().clone()
}

fn start_http(
    state: &mut OpState,
    client: Client,
    method: Method,
    mut url: Url,
    given: &[(ByteString, ByteString)],
    body: Option<Source>,
) -> Result<FetchReturn, JsErrorBox> {
    let authority = extract_authority(&mut url);
    let uri: Uri = url.as_str().parse().map_err(|_| JsErrorBox::type_error(format!("Invalid URL {url}")))?;
    if given.len() > limits::REQUEST_HEADERS {
        return Err(JsErrorBox::type_error("Too many headers"));
    }
    let mut headers = HeaderMap::new();
    if let Some((user, password)) = authority {
        headers.insert(AUTHORIZATION, deno_fetch::basic_auth(&user, password.as_deref()));
    }
    if let Some(length) = content_length(&method, body.as_ref()) {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    let mut size = url.as_str().len();
    for (name, value) in given {
        size = size.saturating_add(name.len()).saturating_add(value.len());
        let name = HeaderName::from_bytes(name).map_err(type_error)?;
        if (name != HOST || client.allow_host()) && name != CONTENT_LENGTH {
            headers.append(name, HeaderValue::from_bytes(value).map_err(type_error)?);
        }
    }
    if let Some(Source::Bytes(bytes)) = &body {
        size = size.saturating_add(bytes.len());
    }
    let charge = match client.budget().charge(size) {
        Ok(charge) => charge,
        Err(failure) => return Ok(start(state, url, None, async { Err(failure) })),
    };
    let body = match body {
        None => RequestBody::whole(Bytes::new(), charge),
        Some(Source::Bytes(bytes)) => RequestBody::whole(bytes, charge),
        Some(Source::Resource(resource)) => RequestBody::streamed(resource, charge),
    };
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
    Ok(start(state, url, Some(CancelHandle::new_rc()), client.send(request)))
}

/// A body of known size says so, and methods that have one say when it is empty
/// (<https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>).
fn content_length(method: &Method, body: Option<&Source>) -> Option<u64> {
    match body {
        Some(Source::Bytes(bytes)) => Some(bytes.len() as u64),
        Some(Source::Resource(resource)) => match resource.size_hint() {
            (least, Some(most)) if least == most && most > 0 => Some(most),
            _ => None,
        },
        None => (method == Method::POST || method == Method::PUT).then_some(0),
    }
}

/// Puts a request where `op_fetch_send` finds it, and a handle to cancel it with.
fn start(state: &mut OpState, url: Url, cancel: Option<Rc<CancelHandle>>, response: impl Future<Output = Result<Response, Failure>> + 'static) -> FetchReturn {
    let response: Pin<Box<dyn Future<Output = Result<Response, Failure>>>> = match cancel.clone() {
        Some(cancel) => Box::pin(response.or_cancel(cancel).map(|sent| sent.unwrap_or_else(|_| Err(Failure::message("Request was cancelled"))))),
        None => Box::pin(response),
    };
    FetchReturn {
        request_rid: state.resource_table.add(PendingRequest { response, url }),
        cancel_handle_rid: cancel.map(|cancel| state.resource_table.add(FetchCancelHandle(cancel))),
    }
}

fn data_response(url: &Url) -> Result<Response, JsErrorBox> {
    let invalid = || JsErrorBox::type_error("Invalid data URL");
    let data = data_url::DataUrl::process(url.as_str()).map_err(|_| invalid())?;
    let (body, _) = data.decode_to_vec().map_err(|_| invalid())?;
    let kind = HeaderValue::from_str(&data.mime_type().to_string()).map_err(type_error)?;
    let size = Some(body.len() as u64);
    let content: Content = Box::pin(futures::stream::once(async { Ok(Bytes::from(body)) }));
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
    Ok(Response { status: StatusCode::OK, reason: "OK".into(), headers, content, size, decoded: false })
}

/// What JavaScript makes a `Response` of.
#[derive(Default, ToV8)]
struct FetchResponse {
    status: u16,
    status_text: String,
    headers: Headers,
    url: String,
    response_rid: ResourceId,
    content_length: Option<u64>,
    body_decoded: bool,
    /// When there is none: what happened, the message of the cause, and its properties as JSON.
    error: Option<(String, String, String)>,
}

#[op2]
async fn op_fetch_send(state: Rc<RefCell<OpState>>, #[smi] rid: ResourceId) -> Result<FetchResponse, JsErrorBox> {
    let request = state.borrow_mut().resource_table.take::<PendingRequest>(rid).map_err(JsErrorBox::from_err)?;
    let request = Rc::try_unwrap(request).map_err(|_| JsErrorBox::type_error("The request is being sent already"))?;
    let sent = AssertUnwindSafe(request.response).catch_unwind().await.map_err(|_| internal_error())?;
    let response = match sent {
        Ok(response) => response,
        Err(failure) => {
            let error = Some((format!("fetch failed: {failure}"), failure.message.clone(), failure.properties()));
            return Ok(FetchResponse { error, ..FetchResponse::default() });
        }
    };
    let headers = response.headers.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect();
    let body = ResponseBody::new(response.content, response.size);
    Ok(FetchResponse {
        status: response.status.as_u16(),
        status_text: response.reason,
        headers,
        url: request.url.into(),
        response_rid: state.borrow_mut().resource_table.add(body),
        content_length: response.size,
        body_decoded: response.decoded,
        error: None,
    })
}

/// Options of `createHttpClient`.
#[derive(FromV8)]
struct ClientArguments {
    ca_certs: Vec<String>,
    #[from_v8(serde)]
    proxy: Option<serde_json::Value>,
    pool_max_idle_per_host: Option<usize>,
    #[from_v8(serde)]
    pool_idle_timeout: Option<serde_json::Value>,
    #[from_v8(default = true)]
    http1: bool,
    #[from_v8(default = true)]
    http2: bool,
    #[from_v8(default)]
    allow_host: bool,
    local_address: Option<String>,
}

#[op2(stack_trace)]
#[smi]
fn op_fetch_custom_client(state: &mut OpState, #[scoped] arguments: ClientArguments, #[cppgc] keys: &TlsKeysHolder) -> Result<ResourceId, JsErrorBox> {
    if arguments.proxy.is_some() || arguments.local_address.is_some() {
        return Err(JsErrorBox::type_error("Proxies and local addresses are not supported"));
    }
    if arguments.ca_certs.iter().map(String::len).sum::<usize>() > limits::CERTIFICATE_FILE_BYTES {
        return Err(JsErrorBox::type_error("Too many certificates"));
    }
    guard(|| {
        let options = Options {
            certificates: arguments.ca_certs.into_iter().map(String::into_bytes).collect(),
            identity: match keys.take() {
                TlsKeys::Static(key) => Some(key),
                _ => None,
            },
            http1: arguments.http1,
            http2: arguments.http2,
            allow_host: arguments.allow_host,
            idle_per_host: arguments.pool_max_idle_per_host.unwrap_or(usize::MAX),
            idle_timeout: idle_timeout(arguments.pool_idle_timeout),
        };
        let client = Client::new(state.borrow::<Kernel>().clone(), budget(state), options).map_err(type_error)?;
        Ok(state.resource_table.add(CustomClient(client)))
    })
}

/// `true` and nothing are the default, `false` is for ever, a number is milliseconds.
fn idle_timeout(given: Option<serde_json::Value>) -> Option<Duration> {
    match given {
        Some(serde_json::Value::Bool(false)) => None,
        Some(serde_json::Value::Number(number)) => Some(Duration::from_millis(number.as_u64().unwrap_or_default())),
        _ => Some(limits::IDLE),
    }
}

fn type_error(error: impl std::fmt::Display) -> JsErrorBox {
    JsErrorBox::type_error(error.to_string())
}

fn internal_error() -> JsErrorBox {
    tracing::error!("an operation panicked");
    JsErrorBox::generic("internal error")
}

/// See [`crate::ops`]: no panic may reach V8.
fn guard<T>(body: impl FnOnce() -> Result<T, JsErrorBox>) -> Result<T, JsErrorBox> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(internal_error()))
}
