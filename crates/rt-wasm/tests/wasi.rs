//! WASI preview 1 programs: the fixture `wasi/program.wasm` is `wasi/program.rs`, compiled.

mod common;

use agentos_abi::{Signal, WaitStatus};
use common::{Output, Vm};

const PROGRAM: &[u8] = include_bytes!("wasi/program.wasm");

/// A VM with the program at /tmp/program.
fn boot() -> Vm {
    let vm = Vm::boot();
    vm.write("/tmp/program", PROGRAM, 0o755);
    vm
}

#[track_caller]
fn check(out: &Output, stdout: &str, code: i32) {
    assert_eq!((out.stdout.as_str(), out.code()), (stdout, code), "stderr: {}", out.stderr);
}

#[test]
fn arguments_and_environment_arrive() {
    check(&boot().sh("GREETING=hi ./program args"), "[\"./program\", \"args\"] Ok(\"hi\")\n", 0);
}

#[test]
fn files_are_those_of_the_vm() {
    check(&boot().sh("./program files; ls -d /tmp/w 2>/dev/null"), "world 11\n101 000 sub\nhello\n", 2);
}

#[test]
fn relative_paths_start_at_the_working_directory() {
    check(&boot().sh("mkdir d; cd d; echo here > relative.txt; ../program relative; ../program relative 3<relative.txt"), "here\nhere\n", 0);
}

#[test]
fn errors_have_their_kinds() {
    check(&boot().sh("./program errors"), "Err(NotFound)\nErr(AlreadyExists)\nErr(NotFound)\n", 0);
}

#[test]
fn streams_are_pipes_like_any_other() {
    check(&boot().sh("printf 'a b' | ./program stdin | tr B X"), "A X\n", 0);
    check(&boot().sh("(sleep 0.05; printf late) | ./program stdin"), "LATE\n", 0);
}

#[test]
fn clocks_run_and_sleeps_end() {
    check(&boot().sh("./program time"), "true true\n", 0);
}

#[test]
fn programs_end_with_their_status() {
    check(&boot().sh("./program exit; echo $?"), "7\n", 0);
    check(&boot().sh("./program abort 2>/dev/null; echo $?"), "132\n", 0);
    let out = boot().sh("./program loop & sleep 0.02; kill -TERM $!; wait $!; echo $?; kill -KILL $$");
    assert_eq!((out.stdout.as_str(), out.status), ("143\n", WaitStatus::Signaled { signal: Signal::SIGKILL, core: false }));
}
