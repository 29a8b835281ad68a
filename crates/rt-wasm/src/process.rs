//! What a running program carries: the data of its wasmtime store.

use crate::call::CallState;
use crate::executor;
use crate::modules::Loaded;
use crate::snapshot::Mapped;
use agentos_abi::WaitStatus;
use agentos_syscall::Syscalls;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wasmtime::{Memory, ResourceLimiter, TypedFunc};

/// Data of a store.
pub(crate) struct Process {
    /// In whose name calls are made: this process, or between vfork and exec the child.
    pub task: Arc<dyn Syscalls>,
    /// The program's own process while `task` is a vfork child.
    pub parent: Option<Arc<dyn Syscalls>>,
    /// The program.
    pub loaded: Arc<Loaded>,
    /// Arguments and environment, until the program has fetched them.
    pub image: StartImage,
    /// Its linear memory and its fork functions, known after instantiation.
    pub memory: Option<Memory>,
    /// What a fork has laid over its memory.
    pub mapped: Option<Mapped>,
    /// The functions that unwind and rewind its stack, when it has them.
    pub asyncify: Option<Asyncify>,
    /// Where a fork stands.
    pub fork: Fork,
    /// State of the call in progress.
    pub call: CallState,
    /// Memory accounting.
    pub charge: Charge,
    /// The place in the pool; given back when the store is gone.
    pub slot: Slot,
}

impl Process {
    /// The program's own process, whoever calls at the moment.
    pub fn own(&self) -> &Arc<dyn Syscalls> {
        self.parent.as_ref().unwrap_or(&self.task)
    }

    /// Ends the process. Its time is charged and its memory given back before, because the parent may look at once; dropping the
    /// store takes longer and happens after.
    pub fn end(&mut self, status: WaitStatus) {
        self.charge.give_back();
        self.own().charge_cpu(executor::take_slice());
        self.own().exit(status);
    }

    /// vfork: calls are the child's from now on.
    pub fn enter_child(&mut self, child: Arc<dyn Syscalls>) {
        self.parent = Some(std::mem::replace(&mut self.task, child));
    }

    /// The vfork child has its own program or has ended: calls are the parent's again.
    pub fn leave_child(&mut self) {
        if let Some(parent) = self.parent.take() {
            self.task = parent;
        }
    }
}

/// What execve(2) passed.
#[derive(Clone, Default)]
pub(crate) struct StartImage {
    /// Absolute path of the file.
    pub path: Vec<u8>,
    /// Arguments.
    pub argv: Vec<Vec<u8>>,
    /// Environment.
    pub envp: Vec<Vec<u8>>,
}

/// What asyncify exports.
#[derive(Clone)]
pub(crate) struct Asyncify {
    pub start_unwind: TypedFunc<u32, ()>,
    pub stop_unwind: TypedFunc<(), ()>,
    pub start_rewind: TypedFunc<u32, ()>,
    pub stop_rewind: TypedFunc<(), ()>,
}

/// Where a fork stands.
#[derive(Default)]
pub(crate) enum Fork {
    /// None in progress.
    #[default]
    No,
    /// The stack unwinds into `buffer`; then the instance is copied for `child`.
    Unwinding { buffer: u32, child: Arc<dyn Syscalls>, slot: Slot },
    /// The stack rewinds; the fork call then answers this.
    Rewinding(i32),
}

/// One of the places in the instance pool.
pub(crate) struct Slot(Arc<Slots>);

/// How many instances there may be and are.
pub(crate) struct Slots {
    max: u32,
    used: AtomicU32,
}

impl Slots {
    /// Room for `max`.
    pub fn new(max: u32) -> Arc<Slots> {
        Arc::new(Slots { max, used: AtomicU32::new(0) })
    }

    /// Takes one, when there is one.
    pub fn take(self: &Arc<Slots>) -> Option<Slot> {
        self.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |used| (used < self.max).then_some(used + 1)).ok()?;
        Some(Slot(self.clone()))
    }

    /// How many are taken.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Slot {
    /// Another place in the same pool.
    pub fn another(&self) -> Option<Slot> {
        self.0.take()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Charges the memory of one instance to its process' VM and gives it back at the end.
pub(crate) struct Charge {
    task: Arc<dyn Syscalls>,
    bytes: i64,
    max_bytes: usize,
}

impl Charge {
    /// For an instance that runs in `task`, of at most `max_bytes`.
    pub fn new(task: Arc<dyn Syscalls>, max_bytes: usize) -> Charge {
        Charge { task, bytes: 0, max_bytes }
    }

    /// Ends the charge, once.
    pub fn give_back(&mut self) {
        // Giving back cannot fail.
        let _ = self.task.charge_memory(-std::mem::take(&mut self.bytes));
    }

    /// The ceiling that was given.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }
}

impl ResourceLimiter for Charge {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.max_bytes || maximum.is_some_and(|max| desired > max) {
            return Ok(false);
        }
        let Ok(more) = i64::try_from(desired.saturating_sub(current)) else { return Ok(false) };
        if self.task.charge_memory(more).is_err() {
            return Ok(false);
        }
        self.bytes += more;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // The pool bounds tables.
        Ok(true)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_bounded_and_come_back() {
        let slots = Slots::new(2);
        let first = slots.take().expect("one");
        let second = first.another().expect("two");
        assert!(slots.take().is_none());
        drop(second);
        assert!(slots.take().is_some());
        drop(first);
        assert_eq!(slots.used(), 0);
    }
}
