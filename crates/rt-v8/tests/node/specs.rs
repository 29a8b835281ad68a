//! Programs as data: `tests/specs/<case>/` has `main.js` or `main.mjs` (and further files), what it must print (`stdout`), and
//! optionally `stderr`, `stdin`, `args` (one a line) and `exit`.

use crate::harness::Vm;
use agentos_abi::WaitStatus;
use std::path::Path;

#[test]
fn every_program_prints_what_its_case_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs");
    let mut cases: Vec<_> = std::fs::read_dir(&root).expect("tests/specs").flatten().map(|entry| entry.path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    let failures: Vec<String> = cases.iter().filter_map(|case| check(case).err().map(|why| format!("{}: {why}", case.display()))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(case: &Path) -> Result<(), String> {
    let vm = Vm::new();
    let text = |name: &str| std::fs::read_to_string(case.join(name)).ok();
    put(&vm, case, "/home/user");
    let main = if case.join("main.mjs").exists() { "main.mjs" } else { "main.js" };
    let args = text("args").unwrap_or_else(|| main.into());
    let mut argv = vec!["/usr/bin/node"];
    argv.extend(args.lines());
    let out = vm.run(&argv, &text("stdin").unwrap_or_default());
    let expected = text("stdout").unwrap_or_default();
    if out.stdout != expected {
        return Err(format!("stdout\n{}instead of\n{expected}stderr\n{}", out.stdout, out.stderr));
    }
    if let Some(expected) = text("stderr")
        && out.stderr != expected
    {
        return Err(format!("stderr\n{}instead of\n{expected}", out.stderr));
    }
    let code = text("exit").and_then(|code| code.trim().parse().ok()).unwrap_or(0);
    if out.status == WaitStatus::Exited(code) { Ok(()) } else { Err(format!("{:?} instead of {code}: {}", out.status, out.stderr)) }
}

fn put(vm: &Vm, host: &Path, path: &str) {
    for entry in std::fs::read_dir(host).expect("the case").flatten() {
        let target = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            vm.init.mkdirat(agentos_abi::fcntl::AT_FDCWD, target.as_bytes(), 0o755).expect("mkdir");
            put(vm, &entry.path(), &target);
        } else {
            vm.write(&target, &std::fs::read(entry.path()).expect("a file of the case"), 0o755);
        }
    }
}
