//! Ten thousand processes that wait: no thread each, and all of them end.

mod common;

use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::wait::WaitTarget;
use agentos_abi::{Signal, WaitOptions};
use agentos_kernel::{Account, Bounds, Limit, Limits};
use agentos_rt_wasm::{WasmConfig, WasmEngine};
use agentos_syscall::{WaitOn, block_on, blocking};
use common::{Vm, guest};

const PROCESSES: u32 = 10_000;
const PPOLL_TIME64: u32 = 414;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("proc").count()
}

#[test]
fn waiting_processes_have_no_thread() {
    let engine = WasmEngine::new(WasmConfig { max_instances: PROCESSES + 16, ..WasmConfig::default() }).expect("room");
    let bounds = Bounds::default().with(Limit::Processes, u64::from(PROCESSES) + 16).with(Limit::Memory, 16 << 30);
    let limits = Limits { account: Account::new(bounds), ..Limits::default() };
    let vm = Vm::with_engine(engine.clone(), limits);
    vm.write("/tmp/wait", &guest::calls(&[[PPOLL_TIME64, 0, 0, 0, 0, 8, 0]]), 0o755);
    let init = vm.kernel.init();
    let argv = [b"wait".to_vec()];
    let before = threads();
    for _ in 0..PROCESSES {
        init.fork().expect("a process").execve(AT_FDCWD, b"/tmp/wait", &argv, &[]).expect("a program");
    }
    assert_eq!(engine.instances(), PROCESSES);
    // The compiler's own threads start with the first module.
    assert!(threads() <= before + 64, "{} threads, {before} before", threads());
    init.kill(-1, Some(Signal::SIGTERM)).expect("processes");
    for _ in 0..PROCESSES {
        block_on(blocking(&*init, WaitOn::Child(WaitTarget::Any), None, || init.wait4(WaitTarget::Any, WaitOptions::empty()))).expect("a child");
    }
    assert_eq!(vm.kernel.stats().processes, 0);
}
