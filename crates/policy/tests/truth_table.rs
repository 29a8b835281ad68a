//! What rules say, case by case: the table of docs/permissions.md, and cases beside it.

use agentos_policy::{Class, Mode, Operation, Policy, RuleText, Verdict};

fn rule(mode: Mode, operations: &[&str], patterns: &[&str]) -> RuleText {
    let list = |items: &[&str]| (!items.is_empty()).then(|| items.iter().map(|s| (*s).to_owned()).collect());
    RuleText { mode, operations: list(operations), patterns: list(patterns) }
}

fn policy(class: Class, default: Mode, rules: &[RuleText]) -> Policy {
    Policy::compile(class, default, rules).unwrap()
}

#[test]
fn the_last_rule_that_speaks_decides() {
    use Mode::{Allow, Ask, Deny};
    use Operation::{Create, Read, Write};
    let rules =
        [rule(Deny, &[], &["/work/secret"]), rule(Allow, &["read"], &["/work/**"]), rule(Ask, &["write"], &["/work/**/*.md"]), rule(Deny, &[], &["**/.env"])];
    let policy = policy(Class::Fs, Deny, &rules);
    let cases = [
        (Read, "/work", Deny, None),
        (Read, "/work/a", Allow, Some(1)),
        (Read, "/work/secret", Allow, Some(1)),
        (Write, "/work/secret", Deny, Some(0)),
        (Write, "/work/secret/x", Deny, Some(0)),
        (Write, "/work/secrets", Deny, None),
        (Write, "/work/a/b.md", Ask, Some(2)),
        (Create, "/work/a/b.md", Deny, None),
        (Read, "/work/.env", Deny, Some(3)),
        (Read, "/work/a/.env", Deny, Some(3)),
        (Read, "/workshop", Deny, None),
        (Read, "/", Deny, None),
    ];
    for (operation, path, mode, rule) in cases {
        assert_eq!(policy.decide(operation, path.as_bytes()), Verdict { mode, rule }, "{operation:?} {path}");
    }
}

#[test]
fn objects_of_other_classes_have_their_own_names() {
    use Mode::{Allow, Ask, Deny};
    let process = policy(Class::Process, Allow, &[rule(Deny, &["exec"], &["git", "python*"]), rule(Allow, &[], &["/opt/safe/**"])]);
    for (path, expected) in [("/usr/bin/git", Deny), ("/usr/bin/python3", Deny), ("/opt/safe/git", Allow), ("/usr/bin/gitk", Allow)] {
        assert_eq!(process.decide(Operation::Exec, path.as_bytes()).mode, expected, "{path}");
    }
    let env = policy(Class::Env, Allow, &[rule(Deny, &[], &["AWS_*", "TOKEN"])]);
    for (name, expected) in [("AWS_KEY", Deny), ("TOKEN", Deny), ("TOKENS", Allow), ("PATH", Allow)] {
        assert_eq!(env.decide(Operation::Pass, name.as_bytes()).mode, expected, "{name}");
    }
    let tool = policy(Class::Tool, Allow, &[rule(Ask, &[], &["project"]), rule(Allow, &["call"], &["project.list-*"]), rule(Deny, &[], &["bank.pay"])]);
    for (name, expected) in [("project.close", Ask), ("project.list-issues", Allow), ("bank.pay", Deny), ("bank.balance", Allow), ("projects.x", Allow)] {
        assert_eq!(tool.decide(Operation::Call, name.as_bytes()).mode, expected, "{name}");
    }
}

#[test]
fn a_rule_without_patterns_is_about_everything_and_one_with_an_empty_list_about_nothing() {
    let all = policy(Class::Fs, Mode::Allow, &[rule(Mode::Deny, &["delete"], &[])]);
    assert_eq!(all.decide(Operation::Delete, b"/x").mode, Mode::Deny);
    assert_eq!(all.decide(Operation::Read, b"/x").mode, Mode::Allow);
    let nothing = policy(Class::Fs, Mode::Allow, &[RuleText { mode: Mode::Deny, operations: None, patterns: Some(Vec::new()) }]);
    assert_eq!(nothing.decide(Operation::Delete, b"/x").mode, Mode::Allow);
}

#[test]
fn what_cannot_be_read_is_named() {
    let defect = |class, rule: RuleText| Policy::compile(class, Mode::Deny, &[rule]).unwrap_err().to_string();
    assert_eq!(
        defect(Class::Fs, rule(Mode::Allow, &["red"], &[])),
        "rules[0].operations[0]: got \"red\"; accepted: \"read\", \"write\", \"create\", \"delete\", \"stat\""
    );
    assert_eq!(defect(Class::Tool, rule(Mode::Allow, &["exec"], &[])), "rules[0].operations[0]: got \"exec\"; accepted: \"call\"");
    let text = defect(Class::Fs, rule(Mode::Allow, &[], &["/ok", "relative"]));
    assert!(text.starts_with("rules[0].paths[1]: got \"relative\" (a path starts with"), "{text}");
    let many = vec![RuleText::default(); agentos_policy::MAX_RULES + 1];
    assert_eq!(Policy::compile(Class::Fs, Mode::Deny, &many).unwrap_err().to_string(), "rules: got 1025 rules; accepted: at most 1024");
    let patterns = RuleText { patterns: Some(vec!["/a".into(); agentos_policy::MAX_PATTERNS + 1]), ..RuleText::default() };
    assert_eq!(Policy::compile(Class::Fs, Mode::Deny, &[patterns]).unwrap_err().at, "rules[0].paths");
}

#[test]
fn a_tree_with_ruled_parts_is_known() {
    let policy = policy(Class::Fs, Mode::Allow, &[rule(Mode::Deny, &[], &["/a/b/secret", "/c/**", "/d/*.pem"])]);
    for (tree, expected) in [("/a", true), ("/a/b", true), ("/a/b/secret", false), ("/a/x", false), ("/c", true), ("/c/d", false), ("/d", true), ("/", true)] {
        assert_eq!(policy.may_speak_below(tree.as_bytes()), expected, "{tree}");
    }
}
