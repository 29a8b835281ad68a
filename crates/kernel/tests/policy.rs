//! What the policy lets processes do, and how they wait for answers.

mod support;

use agentos_abi::fcntl::{AT_FDCWD, R_OK};
use agentos_abi::socket::{Family, SockAddr, SocketType};
use agentos_abi::time::SetTime;
use agentos_abi::{AtFlags, Errno, OpenFlags, RenameFlags, Result, Timespec};
use agentos_fs_tmpfs::Tmpfs;
use agentos_kernel::Limits;
use agentos_kernel::policy::{AuditRecord, MAX_OPEN_QUESTIONS_OF_PROCESS, PolicyConfig, PolicyListener, Question, Reply, Rules, Scope};
use agentos_net::NetworkConfig;
use agentos_net::policy::Rule;
use agentos_policy::{Class, Mode, Operation, Policy, RuleText};
use agentos_syscall::{WaitOn, block_on, blocking};
use agentos_vfs::{Clock, Quota};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use support::{Handle, Machine};

const CREATE: OpenFlags = OpenFlags::RDWR.union(OpenFlags::CREAT);

/// What a listener heard.
#[derive(Debug, PartialEq)]
enum Heard {
    Asked(Question),
    Settled(u64, Option<Reply>),
    Decided(Operation, String, bool),
}

struct Listener(Mutex<Sender<Heard>>);

impl PolicyListener for Listener {
    fn asked(&self, question: &Question) {
        self.0.lock().unwrap().send(Heard::Asked(question.clone())).unwrap();
    }

    fn settled(&self, id: u64, reply: Option<Reply>) {
        self.0.lock().unwrap().send(Heard::Settled(id, reply)).unwrap();
    }

    fn decided(&self, record: &AuditRecord) {
        let object = String::from_utf8_lossy(&record.object).into_owned();
        self.0.lock().unwrap().send(Heard::Decided(record.operation, object, record.allowed)).unwrap();
    }
}

fn rule(mode: Mode, operations: &[&str], patterns: &[&str]) -> RuleText {
    let list = |items: &[&str]| (!items.is_empty()).then(|| items.iter().map(|s| (*s).to_owned()).collect());
    RuleText { mode, operations: list(operations), patterns: list(patterns) }
}

fn policy(class: Class, default: Mode, rules: &[RuleText]) -> Policy {
    Policy::compile(class, default, rules).unwrap()
}

fn fs(rules: &[RuleText]) -> Rules {
    Rules { fs: policy(Class::Fs, Mode::Allow, rules), ..Rules::default() }
}

fn machine(rules: Rules) -> (Machine, Receiver<Heard>) {
    machine_with(rules, NetworkConfig::default())
}

fn machine_with(rules: Rules, network: NetworkConfig) -> (Machine, Receiver<Heard>) {
    let (tell, heard) = channel();
    let config = PolicyConfig { scope: Scope::new(rules), listener: Some(Arc::new(Listener(Mutex::new(tell)))), ..PolicyConfig::default() };
    (on_tmpfs(config, network), heard)
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timespec {
        Timespec { sec: 0, nsec: 0 }
    }
}

fn on_tmpfs(policy: PolicyConfig, network: NetworkConfig) -> Machine {
    Machine::with(Tmpfs::new(Arc::new(Still), Arc::new(Quota::new(1 << 20, 1000))), Limits::default(), policy, network)
}

/// Waits for the next question.
fn question(heard: &Receiver<Heard>) -> Question {
    loop {
        if let Heard::Asked(question) = heard.recv().unwrap() {
            return question;
        }
    }
}

/// Runs a call on a thread of its own, which waits as an engine does.
fn waiting<T: Send + 'static>(task: &Handle, call: impl Fn(&Handle) -> Result<T> + Send + 'static) -> std::thread::JoinHandle<Result<T>> {
    let task = task.clone();
    std::thread::spawn(move || block_on(blocking(&*task, WaitOn::Signal, None, || call(&task))))
}

fn open(task: &Handle, path: &str, flags: OpenFlags) -> Result<i32> {
    task.openat(AT_FDCWD, path.as_bytes(), flags, 0o666)
}

fn rename(task: &Handle, from: &str, to: &str) -> Result<()> {
    task.renameat(AT_FDCWD, from.as_bytes(), AT_FDCWD, to.as_bytes(), RenameFlags::empty())
}

/// /tmp/open and /tmp/secret, each with a file; /tmp/way leads into the secret.
fn with_files(machine: &Machine) {
    for directory in ["/tmp/open", "/tmp/secret"] {
        machine.init.mkdirat(AT_FDCWD, directory.as_bytes(), 0o777).unwrap();
        machine.file(&format!("{directory}/f"), b"content", 0o666);
    }
    machine.init.symlinkat(b"/tmp/secret/f", AT_FDCWD, b"/tmp/way").unwrap();
}

#[test]
fn files_are_checked_where_a_path_leads_and_process_1_may_do_everything() {
    let (machine, _heard) = machine(fs(&[rule(Mode::Deny, &[], &["/tmp/secret"])]));
    with_files(&machine);
    let task = machine.process();
    let denied: [(&str, Result<()>); 16] = [
        ("open", open(&task, "/tmp/secret/f", OpenFlags::empty()).map(drop)),
        ("open by another way", open(&task, "/tmp/open/../secret/f", OpenFlags::empty()).map(drop)),
        ("open through a link", open(&task, "/tmp/way", OpenFlags::empty()).map(drop)),
        ("write through a link", open(&task, "/tmp/way", OpenFlags::WRONLY).map(drop)),
        ("create", open(&task, "/tmp/secret/new", CREATE).map(drop)),
        ("list", open(&task, "/tmp/secret", OpenFlags::DIRECTORY).map(drop)),
        ("mkdir", task.mkdirat(AT_FDCWD, b"/tmp/secret/d", 0o777)),
        ("symlink", task.symlinkat(b"x", AT_FDCWD, b"/tmp/secret/s")),
        ("unlink", task.unlinkat(AT_FDCWD, b"/tmp/secret/f", AtFlags::empty())),
        ("rename away", rename(&task, "/tmp/secret/f", "/tmp/open/g")),
        ("rename into", rename(&task, "/tmp/open/f", "/tmp/secret/g")),
        ("link", task.linkat(AT_FDCWD, b"/tmp/secret/f", AT_FDCWD, b"/tmp/open/l", AtFlags::empty())),
        ("stat", task.fstatat(AT_FDCWD, b"/tmp/secret/f", AtFlags::empty()).map(drop)),
        ("access", task.faccessat(AT_FDCWD, b"/tmp/secret/f", R_OK, AtFlags::empty())),
        ("chmod", task.fchmodat(AT_FDCWD, b"/tmp/secret/f", 0o600, AtFlags::empty())),
        ("truncate", task.truncate(b"/tmp/secret/f", 0)),
    ];
    for (what, outcome) in denied {
        assert_eq!(outcome, Err(Errno::EACCES), "{what}");
    }
    assert_eq!(task.utimensat(AT_FDCWD, Some(b"/tmp/way"), SetTime::Now, SetTime::Now, AtFlags::empty()), Err(Errno::EACCES));
    assert_eq!(rename(&task, "/tmp/secret", "/tmp/moved"), Err(Errno::EACCES));
    assert_eq!(support::cat(&task, "/tmp/open/f").unwrap(), "content");
    assert_eq!(support::cat(&machine.init, "/tmp/secret/f").unwrap(), "content");
}

#[test]
fn a_directory_with_ruled_files_is_not_moved_as_a_whole() {
    let (machine, _heard) = machine(fs(&[rule(Mode::Deny, &["read"], &["/tmp/open/f"])]));
    with_files(&machine);
    let task = machine.process();
    // mv(1) then copies file by file.
    assert_eq!(rename(&task, "/tmp/open", "/tmp/free"), Err(Errno::EXDEV));
    assert_eq!(rename(&task, "/tmp/secret", "/tmp/free"), Ok(()));
}

#[test]
fn operations_are_told_apart() {
    let (machine, _heard) = machine(fs(&[rule(Mode::Deny, &["write", "create", "delete"], &["/tmp/open"])]));
    with_files(&machine);
    let task = machine.process();
    assert_eq!(support::cat(&task, "/tmp/open/f").unwrap(), "content");
    assert_eq!(open(&task, "/tmp/open/f", OpenFlags::RDWR), Err(Errno::EACCES));
    assert_eq!(open(&task, "/tmp/open/new", CREATE), Err(Errno::EACCES));
    assert_eq!(task.unlinkat(AT_FDCWD, b"/tmp/open/f", AtFlags::empty()), Err(Errno::EACCES));
}

#[test]
fn programs_are_checked_by_their_file_and_their_interpreter() {
    let deny = |names: &[&str]| Rules { process: policy(Class::Process, Mode::Allow, &[rule(Mode::Deny, &["exec"], names)]), ..Rules::default() };
    for (names, expected) in
        [(&["hello"][..], Err(Errno::EACCES)), (&["/bin/hello"], Err(Errno::EACCES)), (&["script"], Err(Errno::EACCES)), (&["other"], Ok(()))]
    {
        let (machine, _heard) = machine(deny(names));
        machine.program("hello", |_, _| Some(0));
        machine.file("/bin/script", b"#!/bin/hello\n", 0o755);
        machine.init.symlinkat(b"/bin/script", AT_FDCWD, b"/bin/alias").unwrap();
        assert_eq!(machine.run("/bin/alias", &["alias"]).map(drop), expected, "{names:?}");
    }
}

#[test]
fn a_question_suspends_the_call_and_the_answer_resumes_it() {
    let (machine, heard) = machine(fs(&[rule(Mode::Ask, &["read"], &["/tmp/secret"])]));
    with_files(&machine);
    let task = machine.process();
    let call = waiting(&task, |task| open(task, "/tmp/way", OpenFlags::empty()));
    let asked = question(&heard);
    assert_eq!((asked.class, asked.operation, asked.object.as_slice(), asked.pid), (Class::Fs, Operation::Read, &b"/tmp/secret/f"[..], task.getpid()));
    assert_eq!(asked.why, "vm: permissions.fs.rules[0]");
    assert_eq!(machine.kernel.questions(), [asked.clone()]);
    assert!(machine.kernel.answer(asked.id, Reply::Once));
    assert!(!machine.kernel.answer(asked.id, Reply::Once), "answered already");
    let fd = call.join().unwrap().unwrap();
    task.close(fd).unwrap();

    // Once was for that call; the next one asks again.
    let call = waiting(&task, |task| open(task, "/tmp/secret/f", OpenFlags::empty()));
    machine.kernel.answer(question(&heard).id, Reply::Reject);
    assert_eq!(call.join().unwrap(), Err(Errno::EACCES));

    let call = waiting(&task, |task| open(task, "/tmp/secret/f", OpenFlags::empty()));
    machine.kernel.answer(question(&heard).id, Reply::Always);
    call.join().unwrap().unwrap();
    let other = machine.process();
    open(&other, "/tmp/secret/f", OpenFlags::empty()).unwrap();
    assert_eq!(machine.kernel.questions(), []);
    let replies: Vec<_> = machine.kernel.audit(10).into_iter().filter_map(|record| record.reply).collect();
    assert_eq!(replies, [Reply::Once, Reply::Reject, Reply::Always]);
}

#[test]
fn answers_that_count_for_ever_do_not_use_up_questions() {
    let (machine, heard) = machine(fs(&[rule(Mode::Ask, &["stat"], &["/tmp"])]));
    let task = machine.process();
    for n in 0..2 * MAX_OPEN_QUESTIONS_OF_PROCESS {
        machine.file(&format!("/tmp/{n}"), b"", 0o666);
        let call = waiting(&task, move |task| task.fstatat(AT_FDCWD, format!("/tmp/{n}").as_bytes(), AtFlags::empty()).map(drop));
        machine.kernel.answer(question(&heard).id, Reply::Always);
        assert_eq!(call.join().unwrap(), Ok(()), "{n}");
    }
}

#[test]
fn a_call_on_two_objects_asks_for_both_and_acts_when_both_are_granted() {
    let (machine, heard) = machine(fs(&[rule(Mode::Ask, &["create", "delete"], &[])]));
    with_files(&machine);
    let task = machine.process();
    let call = waiting(&task, |task| rename(task, "/tmp/open/f", "/tmp/open/g"));
    let (first, second) = (question(&heard), question(&heard));
    assert_eq!((first.operation, second.operation), (Operation::Delete, Operation::Create));
    machine.kernel.answer(second.id, Reply::Once);
    assert!(task.fstatat(AT_FDCWD, b"/tmp/open/f", AtFlags::empty()).is_ok(), "one answer is not enough");
    machine.kernel.answer(first.id, Reply::Once);
    call.join().unwrap().unwrap();
    assert_eq!(task.fstatat(AT_FDCWD, b"/tmp/open/f", AtFlags::empty()), Err(Errno::ENOENT));
}

#[test]
fn silence_means_no_and_the_end_of_a_process_ends_its_questions() {
    let (machine, heard) = machine(fs(&[rule(Mode::Ask, &[], &["/tmp/secret"])]));
    with_files(&machine);
    let task = machine.process();
    let call = waiting(&task, |task| open(task, "/tmp/secret/f", OpenFlags::empty()));
    let asked = question(&heard);
    // Set before the question was told or right after it; the alarm is there once the caller waits.
    while machine.alarms() == 0 {
        std::thread::yield_now();
    }
    machine.advance(Duration::from_secs(301));
    assert_eq!(call.join().unwrap(), Err(Errno::EACCES));
    assert!(!machine.kernel.answer(asked.id, Reply::Once));

    let call = waiting(&task, |task| open(task, "/tmp/secret/f", OpenFlags::empty()));
    let asked = question(&heard);
    machine.kernel.kill(task.getpid(), agentos_abi::Signal::SIGKILL).unwrap();
    call.join().unwrap().unwrap_err();
    let settled = heard.iter().find(|heard| matches!(heard, Heard::Settled(id, _) if *id == asked.id));
    assert_eq!(settled, Some(Heard::Settled(asked.id, None)));
    assert_eq!(machine.kernel.questions(), []);
}

#[test]
fn open_questions_are_bounded() {
    let (machine, _heard) = machine(fs(&[rule(Mode::Ask, &["stat"], &["/tmp"])]));
    let task = machine.process();
    let stat = |n: usize| {
        machine.file(&format!("/tmp/{n}"), b"", 0o666);
        task.fstatat(AT_FDCWD, format!("/tmp/{n}").as_bytes(), AtFlags::empty()).map(drop)
    };
    for n in 0..MAX_OPEN_QUESTIONS_OF_PROCESS {
        assert_eq!(stat(n), Err(Errno::EWAIT));
    }
    assert_eq!(stat(MAX_OPEN_QUESTIONS_OF_PROCESS), Err(Errno::EACCES));
    assert_eq!(stat(0), Err(Errno::EWAIT), "the same question is not asked twice");
    let others: Vec<Handle> = (0..4).map(|_| machine.process()).collect();
    let mut refused = 0;
    for other in &others {
        for n in 0..MAX_OPEN_QUESTIONS_OF_PROCESS {
            let path = format!("/tmp/{n}");
            refused += usize::from(other.fstatat(AT_FDCWD, path.as_bytes(), AtFlags::empty()) == Err(Errno::EACCES));
        }
    }
    assert_eq!((machine.kernel.questions().len(), refused), (64, 16));
}

#[test]
fn a_narrowed_process_has_less_and_so_have_its_children() {
    let (machine, _heard) = machine(fs(&[rule(Mode::Deny, &[], &["/tmp/secret"])]));
    with_files(&machine);
    let task = machine.process();
    let inner = fs(&[rule(Mode::Deny, &["write", "create"], &[]), rule(Mode::Allow, &[], &["/tmp/secret"])]);
    let scope = machine.kernel.scope().of_session(Arc::new(OnceLock::from(Arc::from("s1")))).narrowed("exec", inner);
    machine.kernel.enter_scope(task.getpid(), scope).unwrap();
    let child = task.fork().unwrap();
    for process in [&task, &child] {
        assert_eq!(open(process, "/tmp/open/f", OpenFlags::WRONLY), Err(Errno::EACCES));
        assert_eq!(open(process, "/tmp/secret/f", OpenFlags::empty()), Err(Errno::EACCES), "an inner rule gives nothing");
        assert!(open(process, "/tmp/open/f", OpenFlags::empty()).is_ok());
    }
    let record = machine.kernel.audit(10).into_iter().find(|record| !record.allowed).unwrap();
    assert_eq!((record.why.as_str(), record.session.as_deref()), ("exec: permissions.fs.rules[0]", Some("s1")));
    assert!(open(&machine.process(), "/tmp/open/f", OpenFlags::WRONLY).is_ok());
}

#[test]
fn tools_and_variables_are_checked_by_name() {
    let rules = Rules {
        tool: policy(Class::Tool, Mode::Allow, &[rule(Mode::Deny, &[], &["bank"]), rule(Mode::Ask, &[], &["bank.balance"])]),
        env: policy(Class::Env, Mode::Allow, &[rule(Mode::Deny, &[], &["AWS_*"])]),
        ..Rules::default()
    };
    let (machine, heard) = machine(rules);
    let task = machine.process();
    assert_eq!(task.check_tool("weather", "get"), Ok(()));
    assert_eq!(task.check_tool("bank", "pay"), Err(Errno::EACCES));
    let call = waiting(&task, |task| task.check_tool("bank", "balance"));
    machine.kernel.answer(question(&heard).id, Reply::Once);
    assert_eq!(call.join().unwrap(), Ok(()));
    assert_eq!(machine.kernel.may_pass(task.getpid(), "HOME"), Ok(()));
    assert_eq!(machine.kernel.may_pass(task.getpid(), "AWS_SECRET"), Err(Errno::EACCES));
}

#[test]
fn every_question_is_answered_at_once_for_whom_nobody_watches() {
    let rules = fs(&[rule(Mode::Ask, &[], &["/tmp/secret"])]);
    for (reply, expected) in [(Reply::Always, true), (Reply::Reject, false)] {
        let config = PolicyConfig { scope: Scope::new(rules.clone()), auto_reply: Some(reply), ..PolicyConfig::default() };
        let machine = on_tmpfs(config, NetworkConfig::default());
        with_files(&machine);
        assert_eq!(open(&machine.process(), "/tmp/secret/f", OpenFlags::empty()).is_ok(), expected);
        let record = machine.kernel.audit(1).pop().unwrap();
        assert_eq!((record.mode, record.reply, record.allowed), (Mode::Ask, Some(reply), expected));
    }
}

#[test]
fn destinations_are_asked_for_before_anything_leaves() {
    let policy = agentos_net::policy::Policy::new(Mode::Deny, vec![Rule::parse(Mode::Ask, &["192.0.2.1:80", "*.example"]).unwrap()]);
    let (machine, heard) = machine_with(Rules::default(), NetworkConfig { policy, ..NetworkConfig::default() });
    let task = machine.process();
    let connect = |to: &'static str| {
        waiting(&task, move |task| {
            let fd = task.socket(Family::Inet, SocketType::Stream, 0, OpenFlags::empty())?;
            let outcome = task.connect(fd, &SockAddr::Inet(to.parse().unwrap()));
            task.close(fd)?;
            outcome
        })
    };
    // Without an egress an allowed destination is unreachable, which tells it from a refused one.
    for (reply, expected) in [(Reply::Reject, Errno::EACCES), (Reply::Once, Errno::ENETUNREACH)] {
        let call = connect("192.0.2.1:80");
        let asked = question(&heard);
        assert_eq!((asked.operation, asked.object.as_slice()), (Operation::Connect, &b"192.0.2.1:80"[..]));
        machine.kernel.answer(asked.id, reply);
        assert_eq!(call.join().unwrap(), Err(expected), "{reply:?}");
    }
    assert_eq!(connect("192.0.2.1:81").join().unwrap(), Err(Errno::EACCES));
    assert_eq!(connect("127.0.0.1:81").join().unwrap(), Err(Errno::ECONNREFUSED));
    let call = waiting(&task, |task| task.resolve("www.example").map(drop));
    let asked = question(&heard);
    assert_eq!((asked.operation, asked.object.as_slice()), (Operation::Resolve, &b"www.example"[..]));
    machine.kernel.answer(asked.id, Reply::Reject);
    assert_eq!(call.join().unwrap(), Err(Errno::EACCES));
    let denied = machine.kernel.audit(100).into_iter().filter(|record| !record.allowed).count();
    assert_eq!(denied, 3);
}

#[test]
fn a_narrower_network_policy_takes_away() {
    let allow = |patterns: &[&str]| agentos_net::policy::Policy::new(Mode::Deny, vec![Rule::parse(Mode::Allow, patterns).unwrap()]);
    let (machine, _heard) = machine_with(Rules::default(), NetworkConfig { policy: allow(&["192.0.2.0/24"]), ..NetworkConfig::default() });
    let task = machine.process();
    let scope = machine.kernel.scope().narrowed("exec", Rules { network: Some(Arc::new(allow(&["192.0.2.1", "198.51.100.1"]))), ..Rules::default() });
    machine.kernel.enter_scope(task.getpid(), scope).unwrap();
    for (to, expected) in [("192.0.2.1:80", Errno::ENETUNREACH), ("192.0.2.2:80", Errno::EACCES), ("198.51.100.1:80", Errno::EACCES)] {
        let fd = task.socket(Family::Inet, SocketType::Stream, 0, OpenFlags::empty()).unwrap();
        assert_eq!(task.connect(fd, &SockAddr::Inet(to.parse().unwrap())), Err(expected), "{to}");
    }
}
