//! JavaScript promises for what waits.
//!
//! Everything runs on the threads of `agentos::host`, so that the process has one set of them. A promise keeps the event loop
//! alive until it settles; when its environment goes first (a worker is terminated), the outcome is dropped.

use crate::error::{exception, panicked};
use agentos::{Error, Result, host};
use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

type Resolver<V> = Box<dyn FnOnce(Env) -> napi::Result<V> + Send>;

/// A promise for what `work` answers; `convert` runs on the JavaScript thread.
pub fn promise<T, V>(env: &Env, work: impl Future<Output = Result<T>> + Send + 'static, convert: fn(T) -> V) -> napi::Result<Object<'_>>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    promise_by(env, |task| drop(host::runtime().spawn(task)), work, convert)
}

/// The same, with the work on other threads: `spawn` hands it to them.
pub fn promise_by<T, V>(
    env: &Env,
    spawn: impl FnOnce(Pin<Box<dyn Future<Output = ()> + Send>>),
    work: impl Future<Output = Result<T>> + Send + 'static,
    convert: fn(T) -> V,
) -> napi::Result<Object<'_>>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    let (deferred, promise) = env.create_deferred::<V, Resolver<V>>()?;
    spawn(Box::pin(async move {
        match caught(work).await {
            Ok(value) => deferred.resolve(Box::new(move |_| Ok(convert(value)))),
            Err(error) => deferred.reject(exception(&error)),
        }
    }));
    Ok(promise)
}

/// A panic of `work` is an error like any other.
async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut work = pin!(work);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(poll) => poll,
        Err(payload) => Poll::Ready(Err(panicked(&*payload))),
    })
    .await
}

/// A promise for what `work` answers, which may block its thread for a while.
pub fn blocking<T, V>(env: &Env, work: impl FnOnce() -> Result<T> + Send + 'static, convert: fn(T) -> V) -> napi::Result<Object<'_>>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    promise(env, on_blocking_thread(work), convert)
}

/// Runs `work` on a thread that it may block.
pub async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    settle(host::runtime().spawn_blocking(work).await)
}

/// A task that panicked is an error like any other.
fn settle<T>(outcome: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    outcome.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(payload) => Err(panicked(&*payload)),
        Err(error) => Err(Error::new("ERR_AGENTOS_INTERNAL", format!("internal error: {error}"))),
    })
}
