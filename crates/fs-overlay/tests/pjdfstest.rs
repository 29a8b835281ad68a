//! Replays pjdfstest, recorded as system call steps, on tmpfs and on an overlay over an image.
//!
//! The suite is not part of the repository: it is looked for in `shared/suites` beside it, and skipped where it is absent.

#[path = "replay/clock.rs"]
mod clock;
#[path = "replay/process.rs"]
mod process;

use agentos_fs_overlay::OverlayFs;
use agentos_fs_tmpfs::{ImageBuilder, Tmpfs, TmpfsOptions};
use agentos_vfs::{Cred, FileSystem, Namespace, Quota};
use clock::ManualClock;
use process::{NOT_DONE, Process};
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Scripts of the suite.
const SCRIPTS: usize = 168;

#[test]
fn tmpfs_passes_pjdfstest() {
    replay(|clock| tmpfs(&clock));
}

#[test]
fn an_overlay_passes_pjdfstest() {
    replay(|clock| {
        let mut image = ImageBuilder::new();
        image.directory("/box", 0o755, 0, 0).unwrap();
        let quota = Arc::new(Quota::new(1 << 30, 1 << 20));
        OverlayFs::new(tmpfs(&clock), vec![image.build()], clock, quota)
    });
}

fn tmpfs(clock: &Arc<ManualClock>) -> Arc<dyn FileSystem> {
    let options = TmpfsOptions { mode: 0o755, allow_devices: true, ..TmpfsOptions::default() };
    Tmpfs::with_options(clock.clone(), Arc::new(Quota::new(1 << 30, 1 << 20)), options)
}

fn replay(make: impl Fn(Arc<ManualClock>) -> Arc<dyn FileSystem>) {
    let Some(suite) = suite() else {
        println!("skipped: shared/suites/pjdfstest is not there");
        return;
    };
    let scripts = read_all(&suite);
    assert_eq!(scripts.len(), SCRIPTS);
    let failures: Vec<String> = scripts.iter().filter_map(|script| run(script, &make).err()).collect();
    assert!(failures.is_empty(), "{} of {SCRIPTS} scripts fail:\n{}", failures.len(), failures.join("\n"));
}

/// `shared/suites/pjdfstest` beside the repository, or beside a directory that holds working trees of it.
fn suite() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    root.ancestors().skip(1).map(|above| above.join("shared/suites/pjdfstest")).find(|path| path.is_dir())
}

fn read_all(suite: &Path) -> Vec<Value> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().contains(".jsonl"));
    files.sort();
    let text = |path: &PathBuf| match path.extension().is_some_and(|extension| extension == "gz") {
        true => Command::new("gzip").arg("-dc").arg(path).output().unwrap().stdout,
        false => std::fs::read(path).unwrap(),
    };
    let parse = |path: PathBuf| String::from_utf8(text(&path)).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    files.into_iter().flat_map(parse).collect()
}

/// Runs a script on a new file system; the error tells the first step that went wrong.
fn run(script: &Value, make: impl Fn(Arc<ManualClock>) -> Arc<dyn FileSystem>) -> Result<(), String> {
    let clock = Arc::new(ManualClock::new());
    let ns = Namespace::new(make(clock.clone()));
    let mut setup = Process::new(&ns, ns.root(), Cred::root(), 0);
    let made = setup.call(&["mkdir".into(), "box".into(), "0755".into()]);
    assert!(made == "0" || made == "EEXIST");
    let mut seen = HashMap::new();
    for (index, step) in script["steps"].as_array().unwrap().iter().enumerate() {
        let (good, got) = do_step(&ns, &clock, step, &mut seen);
        if !good {
            return Err(format!("{} step {index}: {step} got {got:?}", script["id"]));
        }
    }
    Ok(())
}

fn do_step(ns: &Namespace, clock: &ManualClock, step: &Value, seen: &mut HashMap<String, String>) -> (bool, Vec<String>) {
    if let Some(seconds) = step["sleep"].as_f64() {
        clock.sleep(seconds);
        return (true, Vec::new());
    }
    if step["fails_on_linux"].as_bool() == Some(true) {
        return (true, Vec::new());
    }
    if let Some(check) = step["check"].as_array() {
        let words: Vec<String> = check.iter().map(|word| word.as_str().unwrap()).map(|word| seen.get(word).cloned().unwrap_or(word.into())).collect();
        return (holds(&words), words);
    }
    let mut process = Process::new(ns, ns.root(), Cred::root(), 0);
    process.chdir("box").unwrap();
    if let Err(errno) = process.chdir(step["cwd"].as_str().unwrap_or("")) {
        return (false, vec![format!("chdir {}", errno.name())]);
    }
    if let Some(line) = step["shell"].as_str() {
        process.umask = 0o022;
        process.shell(line);
        return (true, Vec::new());
    }
    process.cred = cred(step);
    process.umask = step["umask"].as_str().map_or(0, |umask| u32::from_str_radix(umask, 8).unwrap());
    let mut got = Vec::new();
    for call in step["calls"].as_array().unwrap() {
        got.push(process.call(call.as_array().unwrap()));
        if got.last().is_some_and(|result| result == NOT_DONE || agentos_abi::Errno::from_name(result).is_some()) {
            break;
        }
    }
    (got.iter().any(|result| result == NOT_DONE) || agrees(step, &got, seen), got)
}

fn cred(step: &Value) -> Cred {
    let uid = step["uid"].as_u64().unwrap_or(0) as u32;
    let groups: Vec<u32> = step["gids"].as_array().map_or(vec![0], |gids| gids.iter().map(|gid| gid.as_u64().unwrap() as u32).collect());
    Cred { uid, gid: groups[0], groups: groups.into(), privileged: uid == 0, guard: None }
}

fn agrees(step: &Value, got: &[String], seen: &mut HashMap<String, String>) -> bool {
    let last = got.last().map(String::as_str).unwrap_or_default();
    let good = match step["results"].as_array() {
        None => step["last"].as_str() == Some(last),
        Some(results) => results.len() == got.len() && results.iter().zip(got).all(|(want, got)| same(want.as_str().unwrap(), got, seen)),
    };
    good || step["allowed"].as_str().is_some_and(|pattern| matches_alternatives(pattern, last))
}

/// Equal field by field; `*` is anything, `$name` stands for one value throughout.
fn same(want: &str, got: &str, seen: &mut HashMap<String, String>) -> bool {
    let (want, got): (Vec<&str>, Vec<&str>) = (want.split(',').collect(), got.split(',').collect());
    want.len() == got.len()
        && want.iter().zip(got).all(|(want, got)| match *want {
            "*" => true,
            name if name.starts_with('$') => *seen.entry(name.into()).or_insert_with(|| got.into()) == got,
            plain => plain == got,
        })
}

/// The suite's regular expressions are alternatives of errors, modes in parentheses, or one character class.
fn matches_alternatives(pattern: &str, got: &str) -> bool {
    if let Some((alternatives, rest)) = pattern.strip_prefix('(').and_then(|pattern| pattern.split_once(')')) {
        return alternatives.split('|').any(|first| format!("{first}{rest}") == got);
    }
    if let Some((before, class)) = pattern.split_once('[') {
        return class.trim_end_matches(']').chars().any(|last| format!("{before}{last}") == got);
    }
    pattern.split('|').any(|alternative| alternative == got)
}

/// test(1) on two numbers.
fn holds(words: &[String]) -> bool {
    let [a, op, b] = words else { return words.len() == 1 && !words[0].is_empty() };
    let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) else { return a == NOT_DONE || b == NOT_DONE };
    match op.as_str() {
        "-lt" => a < b,
        "-eq" => a == b,
        "-ne" => a != b,
        other => panic!("comparison that is not known here: {other}"),
    }
}
