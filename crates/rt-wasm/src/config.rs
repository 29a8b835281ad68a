//! What a host may choose, and the wasmtime configuration that follows from it.

use std::path::PathBuf;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

/// Choices of the host. The defaults suit a host with many VMs.
#[derive(Clone, Debug)]
pub struct WasmConfig {
    /// Host directory of compiled modules. Its content is executed: only the host may be able to write there. `None` keeps
    /// compiled code in memory.
    pub cache_dir: Option<PathBuf>,
    /// Programs that exist at once, over all VMs. Each takes 4 GiB of address space (not memory). exec and fork answer
    /// ENOMEM and EAGAIN beyond it.
    pub max_instances: u32,
    /// Largest linear memory of one program in bytes, at most 4 GiB; `memory.grow` beyond it fails.
    pub max_memory_bytes: usize,
    /// Bytes of each memory slot that stay resident between two programs, so that a fork copies into warm pages.
    pub keep_resident_bytes: usize,
    /// Slots that stay warm.
    pub max_warm_slots: u32,
    /// Threads of each of the two kinds that run programs; 0 means one per CPU, at least 2.
    pub threads: usize,
    /// Largest module in bytes that is compiled when it is first executed; larger ones are ENOEXEC.
    pub max_module_bytes: usize,
}

impl Default for WasmConfig {
    fn default() -> WasmConfig {
        WasmConfig {
            cache_dir: None,
            max_instances: 10_500,
            max_memory_bytes: 4 << 30,
            keep_resident_bytes: 2 << 20,
            max_warm_slots: 100,
            threads: 0,
            max_module_bytes: 64 << 20,
        }
    }
}

/// Stack of a fiber in bytes: the program's frames and the host's below them. Beside linear memory, this is what a program can make
/// the host hold. The C stack proper lives in linear memory; bash fills both at about the same depth.
const FIBER_STACK: usize = 4 << 20;
/// The part of it that wasm frames may use; what is left is for the kernel's own calls.
const WASM_STACK: usize = 3 << 20;
/// The part of a stack that is wiped and stays resident for the next program; what lies deeper is given back to the host.
const WARM_STACK: usize = 48 << 10;
/// Entries of one table: functions whose address is taken.
const TABLE_ELEMENTS: usize = 100_000;
/// Bytes of one instance record: grows with a module's functions and globals.
const INSTANCE_BYTES: usize = 4 << 20;

/// The settings that compiled code depends on, and the pool.
fn wasmtime_config(config: &WasmConfig, instances: u32, copy_on_write: bool) -> Config {
    let mut c = Config::new();
    // Compiled code: these must be the same for the tool that precompiles and for the engine.
    c.cranelift_opt_level(OptLevel::Speed);
    c.epoch_interruption(true);
    c.wasm_exceptions(true);
    // Shared memories cannot be pooled or forked; without atomics a module with one is malformed (ENOEXEC).
    c.wasm_threads(false);
    c.wasm_backtrace_max_frames(None);
    c.native_unwind_info(false);
    c.generate_address_map(false);
    c.debug_symbols(false);
    // A whole 32-bit address space per memory: no bounds checks in the code.
    c.memory_reservation(4 << 30);
    c.memory_guard_size(32 << 20);
    // What follows concerns only the running engine.
    c.memory_init_cow(copy_on_write);
    c.concurrency_support(false);
    c.async_stack_size(FIBER_STACK);
    c.async_stack_zeroing(true);
    c.max_wasm_stack(WASM_STACK);
    let mut pool = PoolingAllocationConfig::new();
    // Exception objects live in a heap that takes a memory slot of its own; a fork or exec from a nested call takes a second stack.
    pool.total_core_instances(instances)
        .total_memories(instances.saturating_mul(2))
        .total_gc_heaps(instances)
        .total_tables(instances)
        .total_stacks(instances.saturating_mul(2))
        .max_memory_size(config.max_memory_bytes)
        .table_elements(TABLE_ELEMENTS)
        .max_core_instance_size(INSTANCE_BYTES)
        .linear_memory_keep_resident(config.keep_resident_bytes)
        .table_keep_resident(1 << 20)
        .async_stack_keep_resident(WARM_STACK)
        .max_unused_warm_slots(config.max_warm_slots)
        // Wiping only what was touched, where the host (Linux 6.7) can tell: otherwise every slot grows to what is kept resident.
        .pagemap_scan(Enabled::Auto);
    c.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    c
}

/// Makes the engine and says how many instances it has room for: hosts with little address space get fewer.
pub(crate) fn make_engine(config: &WasmConfig) -> wasmtime::Result<(Engine, u32)> {
    let mut instances = config.max_instances.max(4);
    loop {
        match Engine::new(&wasmtime_config(config, instances, memfd_works())) {
            Ok(engine) => return Ok((engine, instances)),
            Err(error) if instances <= 16 => return Err(error),
            Err(_) => instances /= 2,
        }
    }
}

/// An engine that only compiles. Its code fits [`make_engine`]'s: the pool's size is no part of it.
pub(crate) fn make_compiler() -> wasmtime::Result<Engine> {
    Engine::new(&wasmtime_config(&WasmConfig::default(), 16, memfd_works()))
}

/// Copy-on-write images of modules that are not mapped from a file need memfd_create(2), which hardened hosts may deny.
#[allow(unsafe_code, reason = "one libc call whose result is owned at once")]
fn memfd_works() -> bool {
    use std::os::fd::{FromRawFd, OwnedFd};
    // SAFETY: the name is a NUL-terminated literal; a non-negative answer is a descriptor that nobody else owns.
    let fd = unsafe { libc::memfd_create(c"agentos-probe".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return false;
    }
    // SAFETY: as above.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    true
}
