//! Timings of what a shell does most, as one JSON line each. Not a test of behaviour: `--ignored --nocapture`.

mod common;

use common::Vm;
use std::time::{Duration, Instant};

/// Runs before measuring, so that code and memory are warm.
const WARM_UP: usize = 30;

fn report(name: &str, mut times: Vec<Duration>, per: u32) {
    times.sort();
    let us = |t: Duration| t.as_secs_f64() * 1e6 / f64::from(per);
    let at = |q: usize| us(times[times.len() * q / 100]);
    println!("{{\"name\":\"{name}\",\"min_us\":{:.1},\"median_us\":{:.1},\"p90_us\":{:.1}}}", us(times[0]), at(50), at(90));
}

/// Starts the program `n` times, one after the other.
fn starts(vm: &Vm, name: &str, argv: &[&str], n: usize) {
    for _ in 0..WARM_UP {
        vm.spawn_and_wait(argv);
    }
    let times = (0..n)
        .map(|_| {
            let began = Instant::now();
            vm.spawn_and_wait(argv);
            began.elapsed()
        })
        .collect();
    report(name, times, 1);
}

/// Runs a script that does something `per` times.
fn scripts(vm: &Vm, name: &str, script: &str, per: u32, n: usize) {
    vm.sh(script);
    let times = (0..n)
        .map(|_| {
            let began = Instant::now();
            let out = vm.sh(script);
            assert_eq!(out.code(), 0, "{name}: {}", out.stderr);
            began.elapsed()
        })
        .collect();
    report(name, times, per);
}

#[test]
#[ignore = "a measurement"]
fn timings() {
    let vm = Vm::boot();
    starts(&vm, "true", &["/bin/true"], 1000);
    starts(&vm, "bash -c :", &["/bin/bash", "-c", ":"], 500);
    starts(&vm, "bash -c 'echo hi'", &["/bin/bash", "-c", "echo hi"], 500);
    starts(&vm, "dash -c 'echo hi'", &["/bin/dash", "-c", "echo hi"], 500);
    scripts(&vm, "( : )", "for i in {1..200}; do ( : ); done", 200, 20);
    scripts(&vm, "/bin/true from bash", "for i in {1..200}; do /bin/true; done", 200, 20);
    scripts(&vm, "echo a | cat | wc -l", "for i in {1..100}; do echo a | cat | wc -l; done >/tmp/o", 100, 10);
    scripts(&vm, "$(echo x)", "for i in {1..200}; do x=$(echo x); done", 200, 20);
    scripts(&vm, "fork with 20 MB", "printf -v x '%*s' 20000000 ''; for i in 1 2 3 4 5 6 7 8 9 10; do ( : ); done", 10, 5);
    scripts(&vm, ": builtin", "for ((i=0;i<10000;i++)); do :; done", 10000, 10);
    scripts(&vm, "100 MB through a pipe", "yes | head -c 100000000 | wc -c >/tmp/n", 1, 5);
}
