//! `node [--put HOST=VM]... -- args`: runs `node args` in a VM of its own, for trying things by hand.

#[path = "../tests/node/harness.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod harness;

use agentos_abi::WaitStatus;
use std::io::Write;

fn main() {
    let vm = harness::Vm::new();
    let mut args = std::env::args().skip(1);
    let mut argv = vec!["/usr/bin/node".to_string()];
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--put" => {
                let pair = args.next().unwrap_or_default();
                let (host, path) = pair.split_once('=').expect("HOST=VM");
                put(&vm, host.as_ref(), path);
            }
            "--" => argv.extend(&mut args),
            other => argv.push(other.into()),
        }
    }
    let start = std::time::Instant::now();
    let out = vm.run(&argv.iter().map(String::as_str).collect::<Vec<_>>(), &std::io::read_to_string(std::io::stdin()).unwrap_or_default());
    eprint!("{}", out.stderr);
    print!("{}", out.stdout);
    let _ = std::io::stdout().flush();
    eprintln!("[{:?} in {:?}]", out.status, start.elapsed());
    std::process::exit(match out.status {
        WaitStatus::Exited(code) => code.into(),
        _ => 128,
    });
}

fn put(vm: &harness::Vm, host: &std::path::Path, path: &str) {
    if !host.is_dir() {
        return vm.write(path, &std::fs::read(host).expect("the host file"), 0o755);
    }
    let _ = vm.init.mkdirat(agentos_abi::fcntl::AT_FDCWD, path.as_bytes(), 0o755);
    for entry in std::fs::read_dir(host).expect("the host directory").flatten() {
        put(vm, &entry.path(), &format!("{path}/{}", entry.file_name().to_string_lossy()));
    }
}
