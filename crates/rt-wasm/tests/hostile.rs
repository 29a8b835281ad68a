//! Programs that mean harm: bad pointers in every call, endless recursion and loops, memory without end, malformed modules. Each
//! costs its own process at most.

mod common;

use agentos_abi::{Signal, WaitStatus};
use agentos_kernel::{Limit, Limits};
use agentos_rt_wasm::table;
use common::Vm;
use common::guest::{self, Import, SYSCALL};

const SETITIMER: u32 = 103;
const EXIT_GROUP: u32 = 94;
/// Where the programs keep the value of the alarm that ends a call which waits.
const ALARM_AT: u32 = 1024;
/// One page of memory.
const END: u32 = 65_536;

/// What is passed: nothing, everything, bad pointers, pointers at and over the end, huge lengths behind good pointers.
const ARGUMENTS: [[u32; 6]; 12] = [
    [0; 6],
    [u32::MAX; 6],
    [0x8000_0000; 6],
    [END; 6],
    [END - 1; 6],
    [1, u32::MAX - 3, 16, u32::MAX - 3, 16, u32::MAX],
    [1, 16, u32::MAX, 16, u32::MAX, 16],
    [16, u32::MAX, 16, u32::MAX, 16, u32::MAX],
    [(-100_i32) as u32, END - 2, u32::MAX, END - 2, 8, 8],
    [(-100_i32) as u32, 16, 16, 16, 16, 16],
    [2, 8, END - 8, END - 8, END - 8, 8],
    [0x7fff_ffff, 16, 0x7fff_ffff, 16, 0x7fff_ffff, 8],
];

/// A program that arms an alarm of 20 ms, makes the calls, and exits with 7.
fn program(calls: impl IntoIterator<Item = [u32; 7]>) -> Vec<u8> {
    let mut body = guest::store(ALARM_AT + 12, 20_000);
    body.extend(guest::call(0, &[SETITIMER, 0, ALARM_AT, 0, 0, 0, 0]));
    for args in calls {
        body.extend(guest::call(0, &args));
    }
    body.extend(guest::call(0, &[EXIT_GROUP, 7, 0, 0, 0, 0, 0]));
    guest::module(&[SYSCALL], &body)
}

fn with_number(number: u32, args: [u32; 6]) -> [u32; 7] {
    [number, args[0], args[1], args[2], args[3], args[4], args[5]]
}

fn run(vm: &Vm, module: &[u8]) -> WaitStatus {
    // A new name each time: programs that run may not be written.
    vm.write("/tmp/hostile", module, 0o755);
    let status = vm.spawn_and_wait(&["/tmp/hostile"]);
    vm.kernel.init().unlinkat(agentos_abi::fcntl::AT_FDCWD, b"/tmp/hostile", agentos_abi::AtFlags::empty()).expect("the file");
    status
}

#[test]
fn every_call_survives_hostile_arguments() {
    let vm = Vm::boot();
    for call in table() {
        let status = run(&vm, &program(ARGUMENTS.map(|args| with_number(call.number.into(), args))));
        // It ends by itself, or its alarm ends a call that waits, or it has blocked, or raised, a signal.
        assert!(!matches!(status, WaitStatus::Stopped(_) | WaitStatus::Continued), "{}: {status:?}", call.name);
    }
    assert_eq!(vm.sh("echo alive").stdout, "alive\n");
}

#[test]
fn random_calls_leave_the_machine_usable() {
    let vm = Vm::boot();
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    let values = [0, 1, 2, 3, 8, 16, 100, 1000, END - 4, END - 1, END, END + 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 99, u32::MAX];
    let numbers: Vec<u32> = table().iter().map(|call| call.number.into()).filter(|number| ![93, EXIT_GROUP, SETITIMER, 10_002].contains(number)).collect();
    for _ in 0..60 {
        let calls: Vec<[u32; 7]> = (0..200)
            .map(|_| {
                let number = numbers[next() as usize % numbers.len()];
                with_number(number, std::array::from_fn(|_| values[next() as usize % values.len()]))
            })
            .collect();
        run(&vm, &program(calls));
    }
    assert_eq!(vm.sh("echo alive | cat").stdout, "alive\n");
}

#[test]
fn every_call_is_an_import_of_its_own() {
    let imports: Vec<Import<'_>> = table().iter().map(|call| Import { module: "linux", name: call.name, arity: call.arity.into() }).collect();
    let exit = table().iter().position(|call| call.name == "exit_group").expect("exit_group") as u32;
    assert_eq!(run(&Vm::boot(), &guest::module(&imports, &guest::call(exit, &[7]))), WaitStatus::Exited(7));
}

#[test]
fn endless_recursion_and_loops_end_their_process_only() {
    let vm = Vm::boot();
    let status = run(&vm, &guest::module(&[SYSCALL], &guest::recurse(1)));
    assert_eq!(status, WaitStatus::Signaled { signal: Signal::SIGSEGV, core: true });
    let mut body = guest::store(ALARM_AT + 12, 20_000);
    body.extend(guest::call(0, &[SETITIMER, 0, ALARM_AT, 0, 0, 0, 0]));
    body.extend(guest::spin());
    let status = run(&vm, &guest::module(&[SYSCALL], &body));
    assert_eq!(status, WaitStatus::Signaled { signal: Signal::SIGALRM, core: false });
}

#[test]
fn a_loop_without_calls_sees_that_a_handler_is_due() {
    const START_SIZE: u32 = 10_000;
    const RT_SIGACTION: u32 = 134;
    const PENDING: u32 = 2048;
    const ACTION: u32 = 2064;
    let mut body = guest::store(ALARM_AT + 12, 20_000);
    body.extend(guest::store(ACTION, 20));
    body.extend(guest::call(0, &[START_SIZE, PENDING, 0, 0, 0, 0, 0]));
    body.extend(guest::call(0, &[RT_SIGACTION, Signal::SIGALRM.number() as u32, ACTION, 0, 8, 0, 0]));
    body.extend(guest::call(0, &[SETITIMER, 0, ALARM_AT, 0, 0, 0, 0]));
    body.extend(guest::spin_until_set(PENDING));
    body.extend(guest::call(0, &[EXIT_GROUP, 5, 0, 0, 0, 0, 0]));
    assert_eq!(run(&Vm::boot(), &guest::module(&[SYSCALL], &body)), WaitStatus::Exited(5));
}

#[test]
fn memory_grows_to_the_limit_and_comes_back() {
    let vm = Vm::with_limits(Limits::bounded(Limit::Memory, 64 << 20));
    let before = vm.kernel.stats().memory_bytes;
    for _ in 0..3 {
        assert_eq!(run(&vm, &guest::module(&[SYSCALL], &guest::grow_until_refused(16))), WaitStatus::Exited(0));
    }
    assert_eq!(vm.kernel.stats().memory_bytes, before);
}

#[test]
fn malformed_modules_are_refused() {
    let vm = Vm::boot();
    let good = program([]);
    assert_eq!(run(&vm, &good), WaitStatus::Exited(7));
    for cut in (8..good.len()).step_by(7) {
        vm.write("/tmp/cut", &good[..cut], 0o755);
        let child = vm.kernel.init().fork().expect("a process");
        let argv = [b"cut".to_vec()];
        let result = child.execve(agentos_abi::fcntl::AT_FDCWD, b"/tmp/cut", &argv, &[]);
        assert_eq!(result, Err(agentos_abi::Errno::ENOEXEC), "cut at {cut}");
    }
}
