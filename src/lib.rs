//! The Node-API skin: converts between JavaScript values and the Rust API of the `agentos` crate, and does nothing else.
//!
//! The only reader of this surface is `ts/binding.ts`; users see the TypeScript layer. One file per concern: [`vm`], [`files`],
//! [`process`], [`run`], [`session`] and [`terminal`] are the classes, [`promise`] runs what waits, [`callback`] calls back, [`error`] and [`convert`]
//! translate.
//!
//! Invariant: nothing here keeps the event loop alive but a promise that JavaScript waits for.

mod callback;
mod convert;
mod error;
mod files;
mod process;
mod promise;
mod run;
mod session;
mod terminal;
mod tools;
mod vm;
