//! A program that wants too much ends; the host and other programs go on.

use crate::harness::Vm;
use agentos_abi::{Signal, WaitStatus};

fn killed_by_abort(code: &str) {
    let vm = Vm::new();
    let out = vm.node(&["-e", code]);
    assert_eq!(out.status, WaitStatus::Signaled { signal: Signal::SIGABRT, core: false }, "{}", out.stderr);
    assert_eq!(vm.node(&["-p", "1 + 1"]).stdout, "2\n");
}

#[test]
fn a_leak_ends_the_process_and_not_the_host() {
    killed_by_abort("const a = []; for (;;) a.push(new Array(1000).fill({}))");
}

#[test]
fn an_array_that_v8_gives_up_on_ends_the_process_and_not_the_host() {
    killed_by_abort("'x'.repeat(2 ** 28).split('')");
}

#[test]
fn buffers_beyond_the_memory_of_the_vm_are_a_range_error() {
    let out = Vm::new().node(&["-e", "const b = []; try { for (;;) b.push(Buffer.alloc(1 << 28)) } catch (e) { console.log(e.name, b.length > 2) }"]);
    assert_eq!(out.stdout, "RangeError true\n");
}

#[test]
fn a_deep_recursion_is_a_range_error() {
    let out = Vm::new().node(&["-e", "function f() { f() } try { f() } catch (e) { console.log(e instanceof RangeError) }"]);
    assert_eq!(out.stdout, "true\n");
}

#[test]
fn an_endless_loop_can_be_killed() {
    let vm = Vm::new();
    let child = vm.spawn(&["/usr/bin/node", "-e", "console.log('on'); for (;;);"], &[]);
    assert_eq!(child.read_line(), "on\n");
    vm.init.kill(child.pid, Some(Signal::SIGKILL)).unwrap();
    assert_eq!(child.wait(), WaitStatus::Signaled { signal: Signal::SIGKILL, core: false });
}

#[test]
fn memory_is_given_back_at_the_end() {
    let vm = Vm::new();
    vm.node(&["-e", "globalThis.b = Buffer.alloc(1 << 26).fill(1)"]);
    assert_eq!(vm.kernel.stats().memory_bytes, 0);
}
