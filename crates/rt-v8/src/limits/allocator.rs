//! Memory of ArrayBuffers, which V8 does not count into its heap limit: charged to the VM byte by byte.

use agentos_abi::{Errno, Result};
use agentos_syscall::Syscalls;
use deno_core::v8;
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Largest single buffer, in bytes; V8's own bound is far above what a VM has.
const BUFFER_MAX: usize = 4 << 30;
/// Buffers of an isolate that has no program yet. It needs a few kilobytes.
const UNBOUND_MAX: usize = 16 << 20;

/// What one isolate owes the VM.
#[derive(Default)]
pub struct Meter {
    task: OnceLock<Arc<dyn Syscalls>>,
    /// Bytes in buffers.
    buffers: AtomicUsize,
    /// Bytes charged to the VM, heap included.
    charged: AtomicI64,
}

impl Meter {
    /// Begins to charge; what the isolate uses already is charged now.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn bind(&self, task: Arc<dyn Syscalls>, base_bytes: usize) -> Result<()> {
        let _ = self.task.set(task);
        self.charge(base_bytes.saturating_add(self.buffers()))
    }

    /// Bytes in buffers.
    pub fn buffers(&self) -> usize {
        self.buffers.load(Ordering::Relaxed)
    }

    /// Charges the VM. ENOMEM over its limit.
    pub fn charge(&self, bytes: usize) -> Result<()> {
        let bytes = i64::try_from(bytes).map_err(|_| Errno::ENOMEM)?;
        if let Some(task) = self.task.get() {
            task.charge_memory(bytes)?;
            self.charged.fetch_add(bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives back.
    pub fn refund(&self, bytes: usize) {
        if let (Some(task), Ok(bytes)) = (self.task.get(), i64::try_from(bytes)) {
            let _ = task.charge_memory(-bytes);
            self.charged.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Gives everything back, at the end of the process.
    pub fn settle(&self) {
        if let Some(task) = self.task.get() {
            let _ = task.charge_memory(-self.charged.swap(0, Ordering::Relaxed));
        }
    }

    fn take(&self, len: usize) -> bool {
        if len > BUFFER_MAX || (self.task.get().is_none() && self.buffers().saturating_add(len) > UNBOUND_MAX) || self.charge(len).is_err() {
            return false;
        }
        self.buffers.fetch_add(len, Ordering::Relaxed);
        true
    }

    fn give(&self, len: usize) {
        self.buffers.fetch_sub(len, Ordering::Relaxed);
        self.refund(len);
    }
}

/// An allocator that charges `meter`. V8 makes a RangeError of a refusal.
pub fn buffer_allocator(meter: Arc<Meter>) -> v8::UniqueRef<v8::Allocator> {
    // SAFETY: the pointer comes from Arc::into_raw and is turned back exactly once, in `drop_meter`, which V8 calls last; Meter
    // is Send and Sync, and the functions below call nothing of V8.
    unsafe { v8::new_rust_allocator(Arc::into_raw(meter), &VTABLE) }
}

static VTABLE: v8::RustAllocatorVtable<Meter> = v8::RustAllocatorVtable { allocate, allocate_uninitialized, free, drop: drop_meter };

/// V8 wants an address for an empty buffer too; 16 bytes of alignment are what malloc(3) gives.
fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.max(1), 16).ok()
}

unsafe extern "C" fn allocate(meter: &Meter, len: usize) -> *mut c_void {
    // SAFETY: a layout of [`layout`] has a size above zero.
    obtain(meter, len, |layout| unsafe { alloc_zeroed(layout) })
}

unsafe extern "C" fn allocate_uninitialized(meter: &Meter, len: usize) -> *mut c_void {
    // SAFETY: as above.
    obtain(meter, len, |layout| unsafe { alloc(layout) })
}

fn obtain(meter: &Meter, len: usize, get: impl FnOnce(Layout) -> *mut u8) -> *mut c_void {
    let Some(layout) = layout(len) else { return std::ptr::null_mut() };
    if !meter.take(len) {
        return std::ptr::null_mut();
    }
    let memory = get(layout);
    if memory.is_null() {
        meter.give(len);
    }
    memory.cast()
}

unsafe extern "C" fn free(meter: &Meter, data: *mut c_void, len: usize) {
    if let Some(layout) = layout(len) {
        // SAFETY: V8 gives back what `obtain` gave it, with the same length, hence the same layout.
        unsafe { dealloc(data.cast(), layout) };
        meter.give(len);
    }
}

unsafe extern "C" fn drop_meter(meter: *const Meter) {
    // SAFETY: see `buffer_allocator`.
    drop(unsafe { Arc::from_raw(meter) });
}
