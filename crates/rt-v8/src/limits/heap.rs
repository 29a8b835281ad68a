//! The JavaScript heap: its limit, its charge to the VM, and the end of a process that has none left.

use super::allocator::{Meter, buffer_allocator};
use crate::kernel::Kernel;
use agentos_abi::{Signal, WaitStatus};
use deno_core::{JsRuntime, v8};
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Room that a heap at its limit still gets, so that V8 can unwind to where it notices the termination. Virtual: it is not used
/// but by a program that allocates much in one call.
const HEADROOM_BYTES: usize = 1 << 30;
/// Change of the heap's size that is worth a charge, in bytes.
const CHARGE_STEP: usize = 1 << 20;

/// Heap that may go uncharged in a VM that is full, in bytes.
const SLACK_BYTES: usize = 32 << 20;

thread_local! {
    /// The isolate of this thread, for callbacks that V8 gives no usable context.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
    /// Bytes of heap and foreign memory that the VM is charged for.
    static CHARGED: Cell<usize> = const { Cell::new(0) };
}

#[derive(Clone)]
struct Current {
    kernel: Kernel,
    meter: Arc<Meter>,
    isolate: v8::IsolateHandle,
}

/// Parameters of an isolate with a heap of at most `heap_max_bytes` and buffers charged to `meter`.
pub fn create_params(heap_max_bytes: usize, meter: &Arc<Meter>) -> v8::CreateParams {
    v8::CreateParams::default().heap_limits(0, heap_max_bytes).array_buffer_allocator(buffer_allocator(meter.clone()).make_shared())
}

/// Watches the heap of the isolate that this thread owns.
pub fn install(runtime: &mut JsRuntime, kernel: &Kernel, meter: &Arc<Meter>) {
    let isolate = runtime.v8_isolate().thread_safe_handle();
    CURRENT.replace(Some(Current { kernel: kernel.clone(), meter: meter.clone(), isolate }));
    let isolate = runtime.v8_isolate();
    // SAFETY: the pointer is used by the callback below alone, which V8 calls on this thread while the isolate lives.
    let raw = unsafe { isolate.as_raw_isolate_ptr() };
    runtime.add_near_heap_limit_callback(move |limit, _initial| {
        // SAFETY: as above; reading statistics is allowed in this callback.
        let heap = unsafe { v8::Isolate::from_raw_isolate_ptr(raw) }.get_heap_statistics();
        // V8 asks as well when a buffer was refused, which leaves room in the heap: that is a RangeError.
        if heap.used_heap_size() < limit / 8 * 7 {
            return limit;
        }
        end_without_memory();
        limit.saturating_add(HEADROOM_BYTES)
    });
    let isolate = runtime.v8_isolate();
    isolate.set_oom_error_handler(out_of_memory);
    isolate.add_gc_epilogue_callback(after_gc, std::ptr::null_mut(), v8::GCType::kGCTypeAll);
}

/// After each collection: what the heap and memory outside of it (WebAssembly, resizable buffers) have grown by is charged.
unsafe extern "C" fn after_gc(isolate: v8::UnsafeRawIsolatePtr, _kind: v8::GCType, _flags: v8::GCCallbackFlags, _data: *mut c_void) {
    // SAFETY: V8 passes the isolate that has just collected, on its own thread; reading its statistics is allowed here.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    let heap = isolate.get_heap_statistics();
    let Some(current) = CURRENT.with_borrow(Clone::clone) else { return };
    let foreign = heap.external_memory().saturating_sub(current.meter.buffers());
    let used = heap.total_physical_size().saturating_add(foreign);
    let charged = CHARGED.get();
    if used > charged.saturating_add(CHARGE_STEP) {
        match current.meter.charge(used - charged) {
            Ok(()) => CHARGED.set(used),
            // A little over is the price of learning it late; a refused buffer is a RangeError, not the end.
            Err(_) if used - charged > SLACK_BYTES => end_without_memory(),
            Err(_) => {}
        }
    } else if charged > used.saturating_add(CHARGE_STEP) {
        current.meter.refund(charged - used);
        CHARGED.set(used);
    }
}

/// Ends the process as Node ends without memory, and stops its JavaScript.
fn end_without_memory() {
    end_with(b"\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n");
}

fn end_with(text: &[u8]) {
    let Some(current) = CURRENT.with_borrow(Clone::clone) else { return };
    if !current.kernel.has_ended() {
        if let Ok(task) = current.kernel.task() {
            // No waiting here: a full pipe must not hold the message's writer in a garbage collection.
            let _ = task.write(2, text);
            task.exit(WaitStatus::Signaled { signal: Signal::SIGABRT, core: false });
        }
    }
    current.isolate.terminate_execution();
}

/// V8 has no memory for an allocation that cannot fail and would abort the host process when this returned. The thread stays
/// here; its heap stays mapped.
unsafe extern "C" fn out_of_memory(_location: *const c_char, _details: &v8::OomDetails) {
    end_without_memory();
    park();
}

/// V8 found a state it cannot go on from, such as an array of an impossible size, and is about to abort the host process. On a
/// thread of ours it does not get to.
pub extern "C" fn on_fatal() {
    if CURRENT.with_borrow(Option::is_some) {
        end_without_memory();
        park();
    }
}

/// Runs in the panic hook, before unwinding: a panic outside of [`crate::ops::guard`] on an isolate's thread would unwind into
/// V8's C++ frames, which aborts the host process. The thread stops here instead.
pub fn on_panic() {
    if crate::ops::is_guarded() || !CURRENT.with_borrow(Option::is_some) {
        return;
    }
    end_with(b"\nFATAL ERROR: internal error\n");
    park();
}

/// Gives up this thread for ever.
fn park() -> ! {
    if let Some(current) = CURRENT.with_borrow(Clone::clone) {
        // Its memory is gone for the host, but a VM that has ended it must not stay charged: the VM could not go on.
        current.meter.settle();
        if let Ok(task) = current.kernel.task() {
            task.set_interrupt(None);
        }
    }
    tracing::error!("an isolate cannot go on; its thread is parked");
    loop {
        std::thread::park();
    }
}
