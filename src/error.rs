//! Errors of the Rust API as JavaScript exceptions.
//!
//! Node-API can only throw plain errors with a code of its own, so the fields travel as JSON in the message, behind a tag;
//! `ts/errors.ts` makes an `AgentOsError` of it.

use agentos::Error;
use napi::Status;
use serde_json::json;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts the message of every error of the Rust API.
const TAG: &str = "agentos:";

/// The exception for an error.
pub fn exception(error: &Error) -> napi::Error {
    let fields = json!({
        "code": error.code,
        "message": error.message,
        "errno": error.errno,
        "syscall": error.syscall,
        "path": error.path,
        "limit": error.limit,
        "configured": error.configured,
    });
    napi::Error::new(Status::GenericFailure, format!("{TAG}{fields}"))
}

/// The error for a panic: a defect of ours, never of the caller.
pub fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new("ERR_AGENTOS_INTERNAL", format!("internal error: {text}"))
}

/// Runs `body`; errors and panics become exceptions.
pub fn guarded<T>(body: impl FnOnce() -> agentos::Result<T>) -> napi::Result<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => outcome.map_err(|error| exception(&error)),
        Err(payload) => Err(exception(&panicked(&*payload))),
    }
}
