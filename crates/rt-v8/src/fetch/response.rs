//! The resource that JavaScript reads a response's body from.

use super::decode::Content;
use bytes::Bytes;
use deno_core::{AsyncRefCell, AsyncResult, BufView, CancelHandle, CancelTryFuture, RcRef, Resource};
use deno_error::JsErrorBox;
use futures::StreamExt;
use std::borrow::Cow;
use std::rc::Rc;

/// The body of a response. Closing it before its end ends the connection (or the HTTP/2 stream).
pub struct ResponseBody {
    reader: AsyncRefCell<Reader>,
    cancel: CancelHandle,
    size: Option<u64>,
}

struct Reader {
    /// `None` when it has ended, so that the connection is free before the program closes the body.
    content: Option<Content>,
    /// What was left of the last chunk.
    rest: Bytes,
}

impl ResponseBody {
    /// A body of `size` bytes, if that is known.
    pub fn new(content: Content, size: Option<u64>) -> ResponseBody {
        ResponseBody { reader: AsyncRefCell::new(Reader { content: Some(content), rest: Bytes::new() }), cancel: CancelHandle::default(), size }
    }
}

impl Reader {
    /// The next bytes, at most `limit`; none at the end.
    async fn read(&mut self, limit: usize) -> Result<Bytes, JsErrorBox> {
        while self.rest.is_empty() {
            let Some(content) = &mut self.content else { return Ok(Bytes::new()) };
            match content.next().await {
                Some(Ok(chunk)) => self.rest = chunk,
                Some(Err(_)) => {
                    self.content = None;
                    // Undici's word for a body that broke off.
                    return Err(JsErrorBox::type_error("terminated"));
                }
                None => self.content = None,
            }
        }
        Ok(self.rest.split_to(limit.min(self.rest.len())))
    }
}

impl Resource for ResponseBody {
    fn name(&self) -> Cow<'_, str> {
        "fetchResponse".into()
    }

    fn read(self: Rc<Self>, limit: usize) -> AsyncResult<BufView> {
        Box::pin(async move {
            let mut reader = RcRef::map(&self, |body| &body.reader).borrow_mut().await;
            let cancel = RcRef::map(self, |body| &body.cancel);
            let chunk = reader.read(limit).try_or_cancel(cancel).await?;
            Ok(BufView::from(chunk))
        })
    }

    fn size_hint(&self) -> (u64, Option<u64>) {
        (self.size.unwrap_or(0), self.size)
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }
}
