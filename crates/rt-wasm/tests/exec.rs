//! Programs on a real kernel: how they start, fork, wait, are signalled, and end.

mod common;

use agentos_abi::{Signal, WaitStatus};
use agentos_kernel::{Limit, Limits};
use common::{Output, Vm};

#[track_caller]
fn check(out: &Output, stdout: &str, code: i32) {
    assert_eq!((out.stdout.as_str(), out.code()), (stdout, code), "stderr: {}", out.stderr);
}

#[test]
fn echo_says_hello() {
    let out = Vm::boot().sh("echo hello");
    assert_eq!((out.stdout.as_str(), out.stderr.as_str(), out.status), ("hello\n", "", WaitStatus::Exited(0)));
}

#[test]
fn a_pipeline_runs_programs() {
    check(&Vm::boot().sh("echo hello | tr a-z A-Z | sed s/L/l/"), "HElLO\n", 0);
}

#[test]
fn input_and_arguments_arrive() {
    let out = Vm::boot().run(&["/bin/bash", "-c", "cat; printf '[%s]' \"$0\" \"$@\"", "zero", "a b", "", "c"], b"from stdin\n");
    check(&out, "from stdin\n[zero][a b][][c]", 0);
}

#[test]
fn subshells_and_substitutions_are_copies() {
    let out = Vm::boot().sh("x=1; (x=2; echo in $x); echo out $x; y=$(echo a; echo b); echo $y; echo $(echo $(echo deep))");
    check(&out, "in 2\nout 1\na b\ndeep\n", 0);
}

#[test]
fn a_fork_copies_memory_beyond_the_warm_part_of_a_slot() {
    let out = Vm::boot().sh("printf -v x '%*s' 5000000 ''; (x=${x}y; echo ${#x}); echo ${#x}");
    check(&out, "5000001\n5000000\n", 0);
}

#[test]
fn exit_codes_are_those_of_a_shell() {
    check(&Vm::boot().sh("exit 42"), "", 42);
    check(&Vm::boot().sh("nosuchcommand 2>/dev/null; echo $?; /tmp 2>/dev/null; echo $?; (exit 300); echo $?"), "127\n126\n44\n", 0);
}

#[test]
fn a_file_of_unknown_format_is_run_by_the_shell_and_malformed_modules_are_enoexec() {
    let script = r#"cd /tmp; printf 'echo plain $1\n' > s; chmod +x s; ./s arg
        printf '#!/bin/echo one argument\n' > t; chmod +x t; ./t x
        printf '\0asm\1\0\0\0garbage' > m; chmod +x m; ./m 2>/dev/null; echo $?"#;
    check(&Vm::boot().sh(script), "plain arg\none argument ./t x\n126\n", 0);
}

#[test]
fn background_jobs_are_waited_for() {
    check(&Vm::boot().sh("(exit 3) & wait $!; echo $?; { echo bg; } & wait; echo done"), "3\nbg\ndone\n", 0);
}

#[test]
fn traps_run_and_interrupted_waits_return() {
    check(&Vm::boot().sh("trap 'echo usr1' USR1; trap 'echo bye' EXIT; kill -USR1 $$; echo after"), "usr1\nafter\nbye\n", 0);
    check(&Vm::boot().sh("trap 'echo got; kill %1' TERM; sleep 60 & (kill -TERM $$) & wait %1; echo $?"), "got\n143\n", 0);
}

#[test]
fn signals_kill_with_their_status() {
    let out = Vm::boot().sh("kill -TERM $$; echo not reached");
    assert_eq!(out.status, WaitStatus::Signaled { signal: Signal::SIGTERM, core: false });
    check(&Vm::boot().sh("sleep 60 & kill $!; wait $!; echo $?"), "143\n", 0);
}

#[test]
fn a_computing_loop_is_killed() {
    check(&Vm::boot().sh("while :; do :; done & pid=$!; kill -9 $pid; wait $pid; echo $?"), "137\n", 0);
    // No system call in the loop: only the epoch can stop it.
    check(&Vm::boot().sh("awk 'BEGIN { while (1) x++ }' & pid=$!; sleep 0.05; kill -KILL $pid; wait $pid; echo $?"), "137\n", 0);
}

#[test]
fn a_computing_loop_stops_and_continues() {
    let script = "awk 'BEGIN { while (1) x++ }' & pid=$!; kill -STOP $pid; kill -CONT $pid; kill -TERM $pid; wait $pid; echo $?";
    check(&Vm::boot().sh(script), "143\n", 0);
}

#[test]
fn a_writer_without_reader_gets_sigpipe() {
    check(&Vm::boot().sh("yes | head -n 2; echo ${PIPESTATUS[*]}"), "y\ny\n141 0\n", 0);
}

#[test]
fn here_documents_globs_and_redirections() {
    let script = "cd /tmp; mkdir g; cd g; touch a.c b.c .h; echo *.c; cat <<X\nx $((1+1))\nX\n{ echo out; echo err >&2; } 2>&1 >/tmp/g/o | cat; cat o";
    check(&Vm::boot().sh(script), "a.c b.c\nx 2\nerr\nout\n", 0);
}

#[test]
fn vfork_children_leave_the_parent_alone() {
    // find, xargs, awk and make spawn through vfork; a program that does not exist ends the child, not the parent.
    let script =
        "cd /tmp; mkdir v; cd v; touch one two; find . -type f -exec basename {} \\; | sort; find . -type f -exec /nonexistent {} \\; 2>/dev/null; echo $?
        seq 3 | xargs -n1 echo n; awk 'BEGIN { system(\"echo from awk\"); \"echo line\" | getline x; print x }'
        printf 'all:\\n\\t@echo made\\n' > Makefile; make";
    check(&Vm::boot().sh(script), "one\ntwo\n0\nn 1\nn 2\nn 3\nfrom awk\nline\nmade\n", 0);
}

#[test]
fn archives_are_compressed_by_children_of_children() {
    // With the archive on a pipe tar forks twice: for the compressor, and for a copier between that and the pipe.
    let script = "cd /tmp; mkdir t out; seq 1000 > t/n; tar czf t.tgz t; tar xzf t.tgz -C out; cmp t/n out/t/n && echo same; tar czf - t | tar tzf -";
    check(&Vm::boot().sh(script), "same\nt/\nt/n\n", 0);
}

#[test]
fn a_timeout_ends_its_command() {
    check(&Vm::boot().sh("timeout 0.1 sleep 60; echo $?; timeout 60 echo ok"), "124\nok\n", 0);
}

#[test]
fn memory_is_bounded_and_comes_back() {
    let vm = Vm::with_limits(Limits::bounded(Limit::Memory, 24 << 20));
    // bash reports that it cannot allocate, and exits by itself.
    let out = vm.sh("printf -v x '%*s' 100000000 ''; echo survived");
    assert!(!out.stdout.contains("survived") && out.code() != 0, "{out:?}");
    assert_eq!(vm.kernel.stats().memory_bytes, 0, "all was given back");
    check(&vm.sh("echo fine"), "fine\n", 0);
}

#[test]
fn a_fork_without_memory_fails_and_the_parent_lives() {
    let vm = Vm::with_limits(Limits::bounded(Limit::Memory, 16 << 20));
    let out = vm.sh("printf -v x '%*s' 5000000 ''; (echo child) ; echo parent");
    assert!(out.stderr.contains("fork"), "{out:?}");
    assert!(!out.stdout.contains("child"), "{out:?}");
}

#[test]
fn a_fork_bomb_meets_the_process_limit() {
    let vm = Vm::with_limits(Limits::bounded(Limit::Processes, 24));
    let out = vm.run(&["/bin/dash", "-c", "b() { b | b & b; }; b"], b"");
    assert_ne!(out.code(), 0, "{out:?}");
    while vm.kernel.processes().len() > 1 {
        vm.kernel.kill(-1, Signal::SIGKILL).ok();
        std::thread::yield_now();
    }
    check(&vm.sh("echo fine"), "fine\n", 0);
}

#[test]
fn too_many_arguments_are_e2big() {
    let out = Vm::boot().sh("printf -v x '%*s' 120000 ''; /bin/true $x.a.$x \"$x\" \"$x\" \"$x\" \"$x\" \"$x\"; echo $?");
    assert!(out.stdout == "126\n" && out.stderr.contains("Argument list too long"), "{out:?}");
}

#[test]
fn deep_recursion_ends_the_program_only() {
    let vm = Vm::boot();
    let out = vm.sh("f() { f; }; f");
    assert!(matches!(out.status, WaitStatus::Signaled { .. }), "{:?}", out.status);
    check(&vm.sh("echo fine"), "fine\n", 0);
}

#[test]
fn many_vms_share_the_engine() {
    let vms: Vec<Vm> = (0..8).map(|_| Vm::boot()).collect();
    std::thread::scope(|scope| {
        for (n, vm) in vms.iter().enumerate() {
            scope.spawn(move || {
                for _ in 0..5 {
                    check(&vm.sh(&format!("echo {n} | cat | (read x; echo got $x)")), &format!("got {n}\n"), 0);
                }
            });
        }
    });
}
