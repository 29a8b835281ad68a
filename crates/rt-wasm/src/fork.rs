//! fork(2): asyncify unwinds the stack into the program's own buffer, memory and globals are copied into a second instance,
//! and both rewind.
//!
//! What a module must keep to (the port's tool chain does): the C stack lies below all data, so that memory under the stack
//! pointer is dead; `__stack_pointer` and asyncify's own state are its only mutable globals; tables do not change.

use crate::engine::Shared;
use crate::process::{Charge, Fork, Process, StartImage};
use crate::run;
use crate::snapshot::{self, Running};
use agentos_abi::Errno;
use std::sync::Arc;
use wasmtime::{Caller, Instance, Val};

/// The size of the header at the start of asyncify's buffer: where it writes, and where it must end.
const HEADER_BYTES: u32 = 8;

/// The import `fork(buffer, len)`. The first time it starts to unwind; when the stack has been rewound it answers.
pub(crate) async fn import(mut caller: Caller<'_, Process>, buffer: u32, len: u32) -> wasmtime::Result<i32> {
    let process = caller.data_mut();
    let Some(asyncify) = process.asyncify.clone() else { return Ok(Errno::ENOSYS.to_return()) };
    if let Fork::Rewinding(answer) = process.fork {
        process.fork = Fork::No;
        asyncify.stop_rewind.call_async(&mut caller, ()).await?;
        return Ok(answer);
    }
    // A vfork child shares its parent's stack: copying the instance would copy the parent.
    if process.parent.is_some() {
        return Ok(Errno::ENOSYS.to_return());
    }
    let Some(slot) = process.slot.another() else { return Ok(Errno::EAGAIN.to_return()) };
    let child = match process.task.fork() {
        Ok(child) => child,
        Err(errno) => return Ok(errno.to_return()),
    };
    let Some(memory) = process.memory else { return Ok(Errno::ENOSYS.to_return()) };
    let header = [buffer.wrapping_add(HEADER_BYTES).to_le_bytes(), buffer.wrapping_add(len).to_le_bytes()].concat();
    let (bytes, process) = memory.data_and_store_mut(&mut caller);
    if crate::memory::Guest(bytes).put(buffer, &header).is_err() || len < HEADER_BYTES {
        return Ok(Errno::EFAULT.to_return());
    }
    process.fork = Fork::Unwinding { buffer, child, slot };
    asyncify.start_unwind.call_async(&mut caller, buffer).await?;
    Ok(0)
}

/// Before the program is entered: prepares to rewind when a fork has been made.
pub(crate) async fn rewind(store: &mut Running) -> wasmtime::Result<()> {
    let process = store.data();
    if let (Fork::Rewinding(_), Some(asyncify)) = (&process.fork, process.asyncify.clone()) {
        let buffer = process.call.fork_buffer;
        asyncify.start_rewind.call_async(&mut **store, buffer).await?;
    }
    Ok(())
}

/// After the program has returned: makes the child if it was for a fork, and says whether it is to be entered again.
pub(crate) async fn unwound(shared: &Arc<Shared>, store: &mut Running, instance: &Instance) -> wasmtime::Result<bool> {
    let process = store.data_mut();
    let Some(asyncify) = process.asyncify.clone() else { return Ok(false) };
    let Fork::Unwinding { buffer, child, slot } = std::mem::take(&mut process.fork) else { return Ok(false) };
    process.call.fork_buffer = buffer;
    asyncify.stop_unwind.call_async(&mut **store, ()).await?;
    let pid = child.getpid();
    let charge = Charge::new(child.clone(), store.data().charge.max_bytes());
    let loaded = store.data().loaded.clone();
    let made = match run::instantiate(shared, child.clone(), loaded, StartImage::default(), charge, slot).await {
        Ok((mut copy, copied)) => clone_state(store, instance, &mut copy, &copied).map(|()| (copy, copied)),
        Err(_) => None,
    };
    let answer = match made {
        Some((mut copy, copied)) => {
            let data = copy.data_mut();
            data.fork = Fork::Rewinding(0);
            data.call = store.data().call.for_child();
            run::watch(shared, &child);
            run::spawn(shared.clone(), child, run::drive(shared.clone(), copy, copied));
            pid
        }
        // The pool or the VM's memory is used up. Dropping the child's last handle ends it.
        None => Errno::ENOMEM.to_return(),
    };
    store.data_mut().fork = Fork::Rewinding(answer);
    Ok(true)
}

/// Copies memory and globals. `None` when the copy cannot have as much memory.
fn clone_state(from: &mut Running, instance: &Instance, to: &mut Running, copied: &Instance) -> Option<()> {
    let (source, target) = (from.data().memory?, to.data().memory?);
    let more = source.size(&**from).checked_sub(target.size(&**to))?;
    if more > 0 {
        target.grow(&mut **to, more).ok()?;
    }
    let stack = instance.get_global(&mut **from, "__stack_pointer")?;
    let Val::I32(pointer) = stack.get(&mut **from) else { return None };
    let shared = snapshot::share(from, source, to, target);
    let bytes = source.data(&**from);
    let end = shared.unwrap_or(bytes.len());
    // Whole pages, so that the copy touches no page twice.
    let live = (pointer as u32 as usize & !4095).min(end);
    target.data_mut(&mut **to)[live..end].copy_from_slice(&bytes[live..end]);
    copied.get_global(&mut **to, "__stack_pointer")?.set(&mut **to, Val::I32(pointer)).ok()
}
