//! Checks of the tree that no compiler makes: `cargo xtask layers`, `cargo xtask tidy`; and
//! `cargo xtask userland`, which builds the programs of the software packages.

mod layers;
mod tidy;
mod userland;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let problems = match command.as_str() {
        "layers" => layers::check(),
        "tidy" => tidy::check(),
        "" | "all" => layers::check().and_then(|mut a| {
            a.extend(tidy::check()?);
            a.extend(userland::main(&["--check".to_owned()])?);
            Ok(a)
        }),
        "userland" => userland::main(&std::env::args().skip(2).collect::<Vec<_>>()),
        other => Err(format!("unknown command {other:?}; there are: layers, tidy, userland, all")),
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
