//! `snapshot OUT`: makes the file that [`agentos_rt_v8::V8Config`] wants. Run it before the addon is used, from the same sources.
//! `snapshot --list` prints every operation, class and file of the pinned crates, for `data/ops.tsv`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(out) = std::env::args().nth(1) else {
        eprintln!("usage: snapshot OUT | --list");
        return ExitCode::from(2);
    };
    let result = if out == "--list" {
        agentos_rt_v8::audit::names().iter().for_each(|(kind, name)| println!("{kind}\t{name}"));
        Ok(())
    } else {
        agentos_rt_v8::snapshot::create().and_then(|file| {
            println!("{out}: {} bytes", file.len());
            Ok(std::fs::write(&out, file)?)
        })
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snapshot: {error}");
            ExitCode::FAILURE
        }
    }
}
