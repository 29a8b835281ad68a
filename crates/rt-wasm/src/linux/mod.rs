//! The Linux ABI: system calls as imports of the module.
//!
//! Two forms lead to the same handlers ([`table`]): `aos.syscall(number, a1..a6)`, and `linux.<name>(a1..)` with one import per
//! call; `syscall` is in `linux` too, for syscall(2) with a number from a variable. Beside them `aos.fork` and `aos.sigpop`, which are not calls of Linux but what the wasm32 port of musl makes fork(2)
//! and signal handlers from.

pub(crate) mod calls;
mod layout;
pub(crate) mod table;

use crate::call::Args;
use crate::process::Process;
use crate::{driver, fork};
use agentos_abi::{Errno, Result};
use table::Syscall;
use wasmtime::{Caller, FuncType, Linker, Val, ValType};

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
    let engine = linker.engine().clone();
    for entry in table::table() {
        let ty = FuncType::new(&engine, vec![ValType::I32; entry.arity as usize], [ValType::I32]);
        linker.func_new_async("linux", entry.name, ty, move |caller, params, results| {
            let mut args: Args = [0; 6];
            for (arg, param) in args.iter_mut().zip(params) {
                *arg = param.i32().unwrap_or(0) as u32;
            }
            Box::new(async move {
                let answer = syscall(caller, entry, args).await?;
                results[0] = Val::I32(answer);
                Ok(())
            })
        })?;
    }
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
