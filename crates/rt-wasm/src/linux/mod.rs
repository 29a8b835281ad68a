//! The Linux ABI: system calls as imports of the module.
//!
//! Two forms lead to the same handlers ([`table`]): `linux.<name>(a1..)` with one import per call, and `linux.syscall(number, a1..a6)`
//! for syscall(2) with a number from a variable. Beside them `linux.fork` and `linux.sigpop`, which are not calls of Linux but
//! what the wasm32 port of musl makes fork(2) and signal handlers from. Older programs import the last three from `aos`.

pub(crate) mod calls;
mod layout;
pub(crate) mod table;

use crate::call::Args;
use crate::process::Process;
use crate::{driver, fork};
use agentos_abi::{Errno, Result};
use table::Syscall;
use wasmtime::{Caller, Linker};

/// Import modules of this ABI.
pub(crate) const MODULES: [&str; 2] = ["aos", "linux"];

/// Defines the imports.
pub(crate) fn add_to_linker(linker: &mut Linker<Process>) -> wasmtime::Result<()> {
    for module in MODULES {
        linker.func_wrap_async(module, "syscall", |caller, (number, a, b, c, d, e, f): (i32, u32, u32, u32, u32, u32, u32)| {
            Box::new(async move {
                match usize::try_from(number).ok().and_then(table::find) {
                    Some(entry) => syscall(caller, entry, [a, b, c, d, e, f]).await,
                    None => Ok(Errno::ENOSYS.to_return()),
                }
            })
        })?;
        linker.func_wrap_async(module, "fork", |caller, (buffer, len): (u32, u32)| Box::new(fork::import(caller, buffer, len)))?;
        linker.func_wrap(module, "sigpop", calls::signal::sigpop)?;
    }
    table::table().iter().try_for_each(|entry| add_call(linker, entry))
}

/// One import per number of arguments: wasmtime makes the fastest code for functions whose type it knows.
macro_rules! import {
    ($linker:ident, $entry:ident, $($name:ident),*) => {
        $linker.func_wrap_async("linux", $entry.name, move |caller, ($($name,)*): ($(import!(@type $name),)*)| {
            let given = [$($name),*];
            let mut args: Args = [0; 6];
            args[..given.len()].copy_from_slice(&given);
            Box::new(syscall(caller, $entry, args))
        })
    };
    (@type $name:ident) => { u32 };
}

fn add_call(linker: &mut Linker<Process>, entry: &'static Syscall) -> wasmtime::Result<()> {
    match entry.arity {
        0 => linker.func_wrap_async("linux", entry.name, move |caller, (): ()| Box::new(syscall(caller, entry, [0; 6])))?,
        1 => import!(linker, entry, a)?,
        2 => import!(linker, entry, a, b)?,
        3 => import!(linker, entry, a, b, c)?,
        4 => import!(linker, entry, a, b, c, d)?,
        5 => import!(linker, entry, a, b, c, d, e)?,
        _ => import!(linker, entry, a, b, c, d, e, f)?,
    };
    Ok(())
}

/// One system call, from decoded registers to what the guest sees.
async fn syscall(mut caller: Caller<'_, Process>, entry: &'static Syscall, args: Args) -> wasmtime::Result<i32> {
    let result = driver::perform(&mut caller, entry.handler, &args).await?;
    trace(&caller, entry, &args, &result);
    Ok(match result {
        Ok(value) => value,
        Err(errno) => errno.to_return(),
    })
}

fn trace(caller: &Caller<'_, Process>, entry: &Syscall, args: &Args, result: &Result<i32>) {
    if tracing::enabled!(target: "agentos::syscall", tracing::Level::TRACE) {
        let pid = caller.data().task.getpid();
        let args = &args[..entry.arity as usize];
        tracing::trace!(target: "agentos::syscall", pid, "{}({args:x?}) = {result:?}", entry.name);
    }
}
