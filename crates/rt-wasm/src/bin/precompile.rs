//! `precompile OUTPUT_DIR PATH...`: compiles WebAssembly programs ahead of time into a directory that `WasmConfig::cache_dir`
//! then names. A path is a module or a directory of modules; what is there already is skipped.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn main() -> ExitCode {
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(output), inputs) = (paths.next(), paths.collect::<Vec<_>>()) else {
        eprintln!("usage: precompile OUTPUT_DIR PATH...");
        return ExitCode::from(2);
    };
    if inputs.is_empty() {
        eprintln!("usage: precompile OUTPUT_DIR PATH...");
        return ExitCode::from(2);
    }
    let (count, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let result = agentos_rt_wasm::precompile(&inputs, &output, &|done| {
        let name = done.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let n = count.fetch_add(1, Ordering::Relaxed) + 1;
        match done.error {
            Some(error) => {
                failed.store(true, Ordering::Relaxed);
                eprintln!("{n:3} {name}: {error}");
            }
            None if done.code_bytes == 0 => println!("{n:3} {name}: up to date"),
            None => println!("{n:3} {name}: {} KB -> {} KB in {:.1} s", done.wasm_bytes / 1024, done.code_bytes / 1024, done.took.as_secs_f64()),
        }
    });
    match result {
        Ok(()) if !failed.load(Ordering::Relaxed) => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("precompile: {error}");
            ExitCode::FAILURE
        }
    }
}
