//! Signals, standard streams and children.

use crate::harness::Vm;
use agentos_abi::{Signal, WaitStatus};

#[test]
fn a_signal_runs_its_listener() {
    let vm = Vm::new();
    let child = vm.spawn(
        &["/usr/bin/node", "-e", "process.on('SIGTERM', (s, n) => { console.log(s, n); process.exit(7) }); console.log('ready'); setInterval(() => {}, 1000)"],
        &[],
    );
    assert_eq!(child.read_line(), "ready\n");
    vm.init.kill(child.pid, Some(Signal::SIGTERM)).unwrap();
    assert_eq!(child.read_line(), "SIGTERM 15\n");
    assert_eq!(child.wait(), WaitStatus::Exited(7));
}

#[test]
fn a_signal_without_listener_ends_a_waiting_program() {
    let vm = Vm::new();
    let child = vm.spawn(&["/usr/bin/node", "-e", "console.log('ready'); setInterval(() => {}, 1000)"], &[]);
    assert_eq!(child.read_line(), "ready\n");
    vm.init.kill(child.pid, Some(Signal::SIGINT)).unwrap();
    assert_eq!(child.wait(), WaitStatus::Signaled { signal: Signal::SIGINT, core: false });
}

#[test]
fn reading_standard_input_does_not_hold_timers_up() {
    let vm = Vm::new();
    let child =
        vm.spawn(&["/usr/bin/node", "-e", "process.stdin.on('data', (d) => console.log('in', String(d))); setTimeout(() => console.log('timer'), 1)"], &[]);
    assert_eq!(child.read_line(), "timer\n");
    child.write_all(b"x");
    assert_eq!(child.read_line(), "in x\n");
    assert_eq!(child.finish().status, WaitStatus::Exited(0));
}

#[test]
fn a_program_from_standard_input_runs() {
    assert_eq!(Vm::new().run(&["/usr/bin/node", "-", "a"], "console.log(process.argv.slice(2))").stdout, "[ 'a' ]\n");
    assert_eq!(Vm::new().run(&["/usr/bin/node"], "console.log(1)").stdout, "1\n");
}

#[test]
fn a_script_names_its_interpreter() {
    let vm = Vm::new();
    vm.write("/home/user/run", b"#!/usr/bin/node\nconsole.log(process.argv.slice(1))\n", 0o755);
    assert_eq!(vm.run(&["/home/user/run", "x"], "").stdout, "[ '/home/user/run', 'x' ]\n");
}

#[test]
fn bad_options_and_missing_files_fail_as_in_node() {
    let out = Vm::new().node(&["--frob"]);
    assert_eq!((out.status, out.stderr.as_str()), (WaitStatus::Exited(9), "/usr/bin/node: bad option: --frob\n"));
    let out = Vm::new().node(&["nope.js"]);
    assert_eq!(out.status, WaitStatus::Exited(1));
    assert!(out.stderr.contains("Error: Cannot find module '/home/user/nope.js'") && out.stderr.contains("code: 'MODULE_NOT_FOUND'"), "{}", out.stderr);
}

#[test]
fn a_large_output_arrives_whole_before_process_exit() {
    let out = Vm::new().node(&["-e", "process.stdout.write('x'.repeat(1 << 20)); process.exit(0)"]);
    assert_eq!(out.stdout.len(), 1 << 20);
}
