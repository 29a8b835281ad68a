//! The command line of `node`.

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Main {
    /// A file.
    File(String),
    /// Code of `-e` or `-p`; with `print`, its value is printed.
    Eval {
        /// The code.
        code: String,
        /// `-p`.
        print: bool,
    },
    /// Code from standard input.
    Stdin,
    /// `node` without a script on a terminal.
    Repl,
    /// Text for standard output, and nothing to run: `--version`, `--help`.
    Print(String),
    /// Text for standard error and an exit code: a bad option.
    Fail(String, u8),
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// `argv[0]`.
    pub argv0: String,
    /// Options of node itself, for `process.execArgv`.
    pub exec_argv: Vec<String>,
    /// What to run.
    pub main: Main,
    /// Arguments after it.
    pub args: Vec<String>,
    /// `-r` modules, in order.
    pub require: Vec<String>,
    /// `--import` modules, in order.
    pub import: Vec<String>,
    /// `--input-type=module`: code of `-e` or standard input is an ES module.
    pub module_input: bool,
    /// `-c`: only parse.
    pub check: bool,
}

/// Options that take no value and change nothing here.
const IGNORED: &[&str] = &[
    "--abort-on-uncaught-exception",
    "--deprecation",
    "--enable-source-maps",
    "--experimental-detect-module",
    "--experimental-fetch",
    "--experimental-import-meta-resolve",
    "--experimental-json-modules",
    "--experimental-require-module",
    "--experimental-specifier-resolution",
    "--experimental-strip-types",
    "--experimental-transform-types",
    "--experimental-vm-modules",
    "--expose-gc",
    "--force-color",
    "--insecure-http-parser",
    "--network-family-autoselection",
    "--no-deprecation",
    "--no-experimental-detect-module",
    "--no-experimental-fetch",
    "--no-experimental-require-module",
    "--no-experimental-strip-types",
    "--no-network-family-autoselection",
    "--no-warnings",
    "--pending-deprecation",
    "--preserve-symlinks",
    "--preserve-symlinks-main",
    "--throw-deprecation",
    "--trace-deprecation",
    "--trace-exit",
    "--trace-uncaught",
    "--trace-warnings",
    "--use-bundled-ca",
    "--use-openssl-ca",
    "--use-system-ca",
    "--verify-base-objects",
    "--warnings",
];

/// As [`IGNORED`], with a value (`--x=v` or `--x v`).
const IGNORED_VALUED: &[&str] = &[
    "--conditions",
    "-C",
    "--disable-warning",
    "--dns-result-order",
    "--icu-data-dir",
    "--max-http-header-size",
    "--max-old-space-size",
    "--max-semi-space-size",
    "--secure-heap",
    "--stack-trace-limit",
    "--title",
    "--tls-cipher-list",
    "--unhandled-rejections",
];

const HELP: &str = "Usage: node [options] [ script.js ] [arguments]

Options:
  -                           script read from stdin (default if no file name is provided, interactive mode if a tty)
  --                          indicate the end of node options
  -c, --check                 syntax check script without executing
  -e, --eval=...              evaluate script
  -h, --help                  print node command line options
  --import=...                ES module to preload (option can be repeated)
  --input-type=...            set module type for string input
  -i, --interactive           always enter the REPL even if stdin does not appear to be a terminal
  -p, --print [...]           evaluate script and print result
  -r, --require=...           CommonJS module to preload (option can be repeated)
  -v, --version               print Node.js version

Documentation can be found at https://nodejs.org/
";

/// Parses `argv`. NODE_OPTIONS is not looked at: it could only name options that change nothing here.
pub fn parse(argv: Vec<String>) -> Command {
    let mut rest = argv.into_iter();
    let mut command = Command {
        argv0: rest.next().unwrap_or_else(|| "node".into()),
        exec_argv: Vec::new(),
        main: Main::Repl,
        args: Vec::new(),
        require: Vec::new(),
        import: Vec::new(),
        module_input: false,
        check: false,
    };
    let (mut eval, mut print) = (None, false);
    while let Some(arg) = rest.next() {
        if arg == "--" {
            break;
        }
        if arg == "-" || !arg.starts_with('-') {
            return finish(command, eval, print, Some(arg), rest.collect());
        }
        command.exec_argv.push(arg.clone());
        let (name, mut value) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_string(), Some(value.to_string())),
            _ => (arg.clone(), None),
        };
        // A value may be the next argument; it belongs to execArgv too.
        let take = |value: &mut Option<String>, command: &mut Command, rest: &mut std::vec::IntoIter<String>| -> Option<String> {
            value.take().or_else(|| rest.next().inspect(|v| command.exec_argv.push(v.clone())))
        };
        match name.as_str() {
            "-v" | "--version" => return text(command, Main::Print(format!("v{}\n", crate::NODE_VERSION))),
            "-h" | "--help" => return text(command, Main::Print(HELP.into())),
            "-c" | "--check" => command.check = true,
            "-i" | "--interactive" => {}
            "-p" | "--print" | "-pe" => {
                print = true;
                // `-p` takes the next argument as code unless it is an option.
                if let Some(code) = value.take() {
                    eval = Some(code);
                } else if rest.as_slice().first().is_some_and(|next| !next.starts_with('-')) {
                    eval = rest.next().inspect(|v| command.exec_argv.push(v.clone()));
                }
            }
            "-e" | "--eval" => match take(&mut value, &mut command, &mut rest) {
                Some(code) => eval = Some(code),
                None => return needs_argument(command, &arg),
            },
            "-r" | "--require" => match take(&mut value, &mut command, &mut rest) {
                Some(module) => command.require.push(module),
                None => return needs_argument(command, &arg),
            },
            "--import" => match take(&mut value, &mut command, &mut rest) {
                Some(module) => command.import.push(module),
                None => return needs_argument(command, &arg),
            },
            "--input-type" => match take(&mut value, &mut command, &mut rest).as_deref() {
                Some("module" | "module-typescript") => command.module_input = true,
                Some("commonjs" | "commonjs-typescript") => {}
                _ => {
                    let message =
                        format!("{}: --input-type must be \"module\",\"commonjs\", \"module-typescript\" or \"commonjs-typescript\"\n", command.argv0);
                    return text(command, Main::Fail(message, 9));
                }
            },
            name if IGNORED.contains(&name) || name.starts_with("--trace-") || name.starts_with("--harmony") => {}
            name if IGNORED_VALUED.contains(&name) => {
                if value.is_none() {
                    take(&mut value, &mut command, &mut rest);
                }
            }
            _ => {
                let message = format!("{}: bad option: {arg}\n", command.argv0);
                return text(command, Main::Fail(message, 9));
            }
        }
    }
    let script = if eval.is_none() && !print { rest.next() } else { None };
    finish(command, eval, print, script, rest.collect())
}

fn text(mut command: Command, main: Main) -> Command {
    command.main = main;
    command
}

fn needs_argument(command: Command, option: &str) -> Command {
    let message = format!("{}: {option} requires an argument\n", command.argv0);
    text(command, Main::Fail(message, 9))
}

fn finish(mut command: Command, eval: Option<String>, print: bool, script: Option<String>, rest: Vec<String>) -> Command {
    command.main = match (eval, script) {
        (Some(code), script) => {
            command.args.extend(script);
            Main::Eval { code, print }
        }
        (None, Some(script)) if print => Main::Eval { code: script, print },
        (None, Some(dash)) if dash == "-" => Main::Stdin,
        (None, Some(script)) => Main::File(script),
        (None, None) => Main::Repl,
    };
    command.args.extend(rest);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(line: &[&str]) -> Command {
        parse(line.iter().map(|s| s.to_string()).collect())
    }

    #[test]
    fn a_script_takes_the_rest_as_its_arguments() {
        let command = cli(&["node", "--no-warnings", "a.js", "-x", "y"]);
        assert_eq!(command.main, Main::File("a.js".into()));
        assert_eq!((command.args, command.exec_argv), (vec!["-x".into(), "y".into()], vec!["--no-warnings".to_string()]));
    }

    #[test]
    fn code_comes_from_eval_and_print() {
        assert_eq!(cli(&["node", "-e", "1", "a"]).main, Main::Eval { code: "1".into(), print: false });
        assert_eq!(cli(&["node", "-e", "1", "a"]).args, ["a"]);
        assert_eq!(cli(&["node", "-p", "1+1"]).main, Main::Eval { code: "1+1".into(), print: true });
        assert_eq!(cli(&["node", "-pe", "1+1"]).main, Main::Eval { code: "1+1".into(), print: true });
        assert_eq!(cli(&["node", "--eval=2"]).main, Main::Eval { code: "2".into(), print: false });
    }

    #[test]
    fn standard_input_is_a_dash_or_nothing() {
        assert_eq!(cli(&["node", "-", "a"]).main, Main::Stdin);
        assert_eq!(cli(&["node"]).main, Main::Repl);
    }

    #[test]
    fn a_bad_option_fails_with_nine() {
        assert_eq!(cli(&["node", "--frob"]).main, Main::Fail("node: bad option: --frob\n".into(), 9));
        assert_eq!(cli(&["node", "-e"]).main, Main::Fail("node: -e requires an argument\n".into(), 9));
    }

    #[test]
    fn modules_are_preloaded_in_order() {
        let command = cli(&["node", "-r", "a", "--require=b", "--import", "c", "x.js"]);
        assert_eq!((command.require, command.import), (vec!["a".into(), "b".into()], vec!["c".to_string()]));
    }
}
