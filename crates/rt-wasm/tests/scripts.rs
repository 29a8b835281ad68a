//! Shell scripts whose output GNU bash on Linux recorded: `scripts/NAME.sh` with `scripts/NAME.out`, standard output and then
//! `[exit N]`.

mod common;

use common::Vm;
use std::path::Path;

#[test]
fn scripts_behave_as_on_linux() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "sh"));
    scripts.sort();
    assert!(!scripts.is_empty());
    let only = std::env::var("SCRIPT").ok();
    let mut failed = Vec::new();
    for path in scripts {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let script = std::fs::read_to_string(&path).expect("a script");
        let expected = std::fs::read_to_string(path.with_extension("out")).expect("its output");
        let out = Vm::boot().sh(script.trim_end_matches('\n'));
        let got = format!("{}[exit {}]\n", out.stdout, out.code());
        if got != expected {
            eprintln!("--- {name}: expected\n{expected}--- got\n{got}--- stderr\n{}", out.stderr);
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}
