//! Checks of the tree that no compiler makes: `cargo xtask layers`, `cargo xtask tidy`.

mod layers;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let problems = match command.as_str() {
        "layers" => layers::check(),
        "tidy" => tidy::check(),
        "" | "all" => layers::check().and_then(|mut a| {
            a.extend(tidy::check()?);
            Ok(a)
        }),
        other => Err(format!("unknown command {other:?}; there are: layers, tidy, all")),
    };
    match problems {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            problems.iter().for_each(|p| eprintln!("{p}"));
            eprintln!("{} problems", problems.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
