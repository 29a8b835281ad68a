//! Calls from host threads into JavaScript.
//!
//! All of them are weak: a callback that is registered does not keep the process alive.

use agentos::process::{OnChunk, Stream};
use agentos::session::log::Listener;
use napi::bindgen_prelude::{FnArgs, Function, Uint8Array};
use napi::threadsafe_function::{ThreadsafeCallContext, ThreadsafeFunctionCallMode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A listener that calls `callback` without arguments soon after it was called itself, once for any number of calls in between.
/// What is new is then read at JavaScript's own pace, so that no queue grows.
pub fn nudge(callback: &Function<'_, (), ()>) -> napi::Result<Listener> {
    let waiting = Arc::new(AtomicBool::new(false));
    let seen = waiting.clone();
    let tell = callback.build_threadsafe_function::<()>().callee_handled::<false>().weak::<true>().build_callback(move |_: ThreadsafeCallContext<()>| {
        seen.store(false, Ordering::Release);
        Ok(())
    })?;
    Ok(Arc::new(move || {
        if !waiting.swap(true, Ordering::AcqRel) {
            tell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }))
}

/// Hands each chunk of output to `callback(descriptor, bytes)` and waits until it has returned: output waits in its pipe while
/// JavaScript is busy.
pub fn on_chunk(callback: &Function<'_, FnArgs<(i32, Uint8Array)>, ()>) -> napi::Result<OnChunk> {
    let tell = callback.build_threadsafe_function::<FnArgs<(i32, Uint8Array)>>().callee_handled::<false>().weak::<true>().build()?;
    let tell = Arc::new(tell);
    Ok(Arc::new(move |stream, chunk| {
        let tell = tell.clone();
        let descriptor = match stream {
            Stream::Stdout => 1,
            Stream::Stderr => 2,
        };
        Box::pin(async move {
            // The TypeScript layer's callbacks never throw; a closing environment wants no more.
            let _ = tell.call_async_catch((descriptor, Uint8Array::from(chunk)).into()).await;
        })
    }))
}
