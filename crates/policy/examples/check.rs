//! How long one check takes: prints one JSON object per policy.

use agentos_policy::{Class, Mode, Operation, Policy, RuleText};
use std::hint::black_box;
use std::time::Instant;

/// Checks of one sample, so that the clock's own cost does not count.
const BATCH: u32 = 1000;
const SAMPLES: usize = 300;

fn rules(patterns: impl Iterator<Item = String>) -> Vec<RuleText> {
    patterns.map(|pattern| RuleText { mode: Mode::Deny, operations: Some(vec!["read".into(), "write".into()]), patterns: Some(vec![pattern]) }).collect()
}

fn main() {
    let trees = |n: usize| rules((0..n).map(|i| format!("/work/project{i}/secret")));
    let globs = |n: usize| rules((0..n).map(|i| format!("/work/**/*.{i}.key")));
    let mixed = || [trees(8), globs(2)].concat();
    let cases = [("no rules", Vec::new()), ("10 paths", trees(10)), ("1000 paths", trees(1000)), ("8 paths and 2 globs", mixed()), ("10 globs", globs(10))];
    let object = b"/work/project7/src/deep/down/module.rs";
    for (name, rules) in cases {
        let policy = Policy::compile(Class::Fs, Mode::Allow, &rules).expect("rules that can be read");
        let mut times: Vec<f64> = (0..SAMPLES)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..BATCH {
                    black_box(policy.decide(Operation::Read, black_box(object)));
                }
                start.elapsed().as_nanos() as f64 / f64::from(BATCH)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let at = |q: f64| times[(q * (SAMPLES - 1) as f64) as usize];
        println!(r#"{{"policy":"{name}","unit":"ns per check","n":{},"p50":{:.1},"p99":{:.1}}}"#, SAMPLES as u64 * u64::from(BATCH), at(0.5), at(0.99));
    }
}
