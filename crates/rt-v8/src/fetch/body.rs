//! Bodies of requests.

use super::limits::{CHUNK_BYTES, Charge};
use bytes::Bytes;
use deno_core::Resource;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// What a request sends.
pub struct RequestBody {
    content: Content,
    /// The request's part of the isolate's budget, until the connection is done with it.
    _charge: Charge,
}

enum Content {
    Whole(Bytes),
    Streamed(mpsc::Receiver<Result<Bytes, StreamError>>),
}

/// The program's stream failed; its message.
#[derive(Debug)]
pub struct StreamError(String);

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StreamError {}

impl RequestBody {
    /// A body that is there already; empty for none.
    pub fn whole(bytes: Bytes, charge: Charge) -> RequestBody {
        RequestBody { content: Content::Whole(bytes), _charge: charge }
    }

    /// A body that is read from `resource` as fast as the server takes it. The resource is closed when the body has ended, or
    /// is not wanted any more.
    ///
    /// Resources stay on the thread of the isolate while hyper wants a body that could be sent to another: a task of the isolate
    /// reads, and one chunk is under way between them.
    pub fn streamed(resource: Rc<dyn Resource>, charge: Charge) -> RequestBody {
        let (sender, receiver) = mpsc::channel(1);
        deno_core::unsync::spawn(async move {
            pump(&resource, &sender).await;
            resource.close();
        });
        RequestBody { content: Content::Streamed(receiver), _charge: charge }
    }
}

async fn pump(resource: &Rc<dyn Resource>, sender: &mpsc::Sender<Result<Bytes, StreamError>>) {
    loop {
        let read = tokio::select! {
            biased;
            () = sender.closed() => return,
            read = resource.clone().read(CHUNK_BYTES) => read,
        };
        let chunk = match read {
            Ok(chunk) if chunk.is_empty() => return,
            Ok(chunk) => Ok(Bytes::copy_from_slice(&chunk)),
            Err(error) => Err(StreamError(error.to_string())),
        };
        let last = chunk.is_err();
        if sender.send(chunk).await.is_err() || last {
            return;
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        match &mut self.content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Streamed(receiver) => receiver.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Streamed(_) => SizeHint::default(),
        }
    }
}
