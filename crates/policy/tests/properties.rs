//! Properties of every policy, over random rules and objects.

use agentos_policy::{Class, Mode, Operation, Policy, RuleText};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Allow), Just(Mode::Ask), Just(Mode::Deny)]
}

fn path() -> impl Strategy<Value = String> {
    vec("[ab]{1,2}", 1..4).prop_map(|parts| format!("/{}", parts.join("/")))
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => path(),
        1 => path().prop_map(|path| format!("{path}/**")),
        1 => path().prop_map(|path| format!("{path}*")),
        1 => Just("/**".to_owned()),
        1 => Just("**/b".to_owned()),
        1 => Just("/a/*".to_owned()),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop::sample::select(Class::Fs.operations())
}

fn rule() -> impl Strategy<Value = RuleText> {
    let operations = option::of(vec(operation().prop_map(|operation| operation.name().to_owned()), 1..3));
    (mode(), operations, option::of(vec(pattern(), 0..4))).prop_map(|(mode, operations, patterns)| RuleText { mode, operations, patterns })
}

/// The definition, as simply as it can be said.
fn speaks(rule: &RuleText, operation: Operation, path: &str) -> bool {
    let about = |pattern: &String| {
        let below = |tree: &str| path.strip_prefix(tree).is_some_and(|rest| rest.starts_with('/'));
        match pattern.strip_suffix("/**") {
            Some("") => true,
            Some(tree) => below(tree),
            None if pattern.contains('*') => fast_glob::glob_match(pattern, path),
            None => pattern == path || below(pattern),
        }
    };
    rule.operations.as_ref().is_none_or(|names| names.iter().any(|name| name == operation.name()))
        && rule.patterns.as_ref().is_none_or(|patterns| patterns.iter().any(about))
}

proptest! {
    #[test]
    fn the_compiled_policy_is_the_last_speaking_rule(default in mode(), rules in vec(rule(), 0..8), operation in operation(), path in path()) {
        let policy = Policy::compile(Class::Fs, default, &rules).unwrap();
        let expected = rules.iter().rposition(|rule| speaks(rule, operation, &path));
        let verdict = policy.decide(operation, path.as_bytes());
        prop_assert_eq!(verdict.rule.map(|rule| rule as usize), expected);
        prop_assert_eq!(verdict.mode, expected.map_or(default, |at| rules[at].mode));
    }

    #[test]
    fn a_rule_about_everything_at_the_end_decides_all(default in mode(), rules in vec(rule(), 0..8), last in mode(), operation in operation(), path in path()) {
        let all: Vec<RuleText> = rules.into_iter().chain([RuleText { mode: last, ..RuleText::default() }]).collect();
        prop_assert_eq!(Policy::compile(Class::Fs, default, &all).unwrap().decide(operation, path.as_bytes()).mode, last);
    }

    #[test]
    fn a_rule_that_does_not_speak_changes_nothing(default in mode(), rules in vec(rule(), 0..8), extra in rule(), at in 0usize..8, operation in operation(), path in path()) {
        prop_assume!(!speaks(&extra, operation, &path));
        let before = Policy::compile(Class::Fs, default, &rules).unwrap().decide(operation, path.as_bytes()).mode;
        let mut more = rules;
        more.insert(at.min(more.len()), extra);
        prop_assert_eq!(Policy::compile(Class::Fs, default, &more).unwrap().decide(operation, path.as_bytes()).mode, before);
    }

    #[test]
    fn a_narrower_place_never_gives(outer in vec(rule(), 0..6), inner in vec(rule(), 0..6), defaults in (mode(), mode()), operation in operation(), path in path()) {
        let outer = Policy::compile(Class::Fs, defaults.0, &outer).unwrap().decide(operation, path.as_bytes()).mode;
        let inner = Policy::compile(Class::Fs, defaults.1, &inner).unwrap().decide(operation, path.as_bytes()).mode;
        let both = outer.strictest(inner);
        prop_assert!(both >= outer && both >= inner);
    }

    #[test]
    fn a_tree_that_no_rule_speaks_of_is_of_one_mode(default in mode(), rules in vec(rule(), 0..6), operation in operation(), tree in path(), inside in path()) {
        let policy = Policy::compile(Class::Fs, default, &rules).unwrap();
        prop_assume!(!policy.may_speak_below(tree.as_bytes()));
        let below = format!("{tree}{inside}");
        prop_assert_eq!(policy.decide(operation, tree.as_bytes()), policy.decide(operation, below.as_bytes()));
    }

    #[test]
    fn no_text_of_a_pattern_or_an_object_panics(text in ".{0,40}", object in vec(any::<u8>(), 0..40)) {
        for class in Class::ALL {
            let rule = RuleText { mode: Mode::Allow, operations: None, patterns: Some(vec![text.clone()]) };
            if let Ok(policy) = Policy::compile(class, Mode::Deny, &[rule]) {
                policy.decide(class.operations()[0], &object);
                policy.may_speak_below(&object);
            }
        }
    }
}
