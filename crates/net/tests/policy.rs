//! What a policy lets through, as a table; and what look-ups have to do with it.

mod support;

use agentos_abi::{Errno, Events};
use agentos_net::policy::{Decision, Mode, Policy, Rule, Subject};
use agentos_net::{Limits, Network, NetworkConfig, VirtualNetwork};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use support::*;

use Mode::{Allow, Deny};

fn policy(default: Mode, rules: &[(Mode, &[&str])]) -> Policy {
    Policy::new(default, rules.iter().map(|(mode, patterns)| Rule::parse(*mode, patterns).unwrap()).collect())
}

fn network_with(policy: Policy, outside: Outside) -> Arc<VirtualNetwork> {
    VirtualNetwork::new(NetworkConfig { policy, egress: Some(Arc::new(outside)), ..NetworkConfig::default() })
}

fn connect(network: &VirtualNetwork, to: &str) -> Result<(), Errno> {
    let family = if to.starts_with('[') { agentos_abi::socket::Family::Inet6 } else { agentos_abi::socket::Family::Inet };
    network.socket(family, agentos_abi::socket::SocketType::Stream, 0, 1).unwrap().connect(&inet(to))
}

const OK: Result<(), Errno> = Ok(());
const NO: Result<(), Errno> = Err(Errno::EACCES);
/// Loopback addresses that no rule names belong to the VM, where nobody listens.
const NOBODY: Result<(), Errno> = Err(Errno::ECONNREFUSED);

#[test]
fn addresses_are_judged_by_the_last_matching_rule() {
    type Case<'a> = (Mode, &'a [(Mode, &'a [&'a str])], &'a [(&'a str, Result<(), Errno>)]);
    let cases: [Case; 9] = [
        (Deny, &[], &[("8.8.8.8:443", NO), ("127.0.0.1:80", NOBODY), ("10.0.0.1:80", NO)]),
        (Deny, &[(Allow, &["8.8.8.8:443"])], &[("8.8.8.8:443", OK), ("8.8.8.8:80", NO), ("8.8.4.4:443", NO)]),
        (Deny, &[(Allow, &["8.8.8.8", "1.1.1.1:*", "9.9.9.9:80-90"])], &[("8.8.8.8:1", OK), ("1.1.1.1:65535", OK), ("9.9.9.9:90", OK), ("9.9.9.9:91", NO)]),
        (
            Deny,
            &[(Allow, &["10.0.0.0/8:*"]), (Deny, &["10.1.0.0/16"]), (Allow, &["10.1.2.3:80"])],
            &[("10.9.9.9:5", OK), ("10.1.9.9:5", NO), ("10.1.2.3:80", OK), ("10.1.2.3:81", NO), ("11.0.0.1:5", NO)],
        ),
        (
            Deny,
            &[(Allow, &["127.0.0.1:8080"])],
            &[
                ("127.0.0.1:8080", OK),
                ("127.0.0.1:8081", NOBODY),
                ("127.0.0.2:8080", NOBODY),
                ("[::1]:8080", NOBODY),
                ("[::ffff:127.0.0.1]:8080", OK),
                ("0.0.0.0:8080", OK),
            ],
        ),
        (
            Deny,
            &[(Allow, &["localhost:8080"]), (Deny, &["127.0.0.1:9"])],
            &[("127.0.0.1:8080", OK), ("[::1]:8080", OK), ("127.0.0.2:8080", NOBODY), ("127.0.0.1:9", NO)],
        ),
        (
            Deny,
            &[(Allow, &["*:443"])],
            &[
                ("8.8.8.8:443", OK),
                ("8.8.8.8:80", NO),
                ("10.0.0.1:443", NO),
                ("169.254.169.254:443", NO),
                ("127.0.0.1:443", NOBODY),
                ("[fd00::9]:443", NO),
                ("[2606:4700::1]:443", OK),
            ],
        ),
        (
            Allow,
            &[],
            &[
                ("8.8.8.8:25", OK),
                ("10.0.0.1:80", NO),
                ("192.168.0.1:80", NO),
                ("169.254.169.254:80", NO),
                ("127.0.0.1:22", NOBODY),
                ("[::ffff:10.0.0.1]:80", NO),
                ("[fe80::1]:80", NO),
            ],
        ),
        (
            Allow,
            &[(Deny, &["8.8.8.0/24", "*:25"]), (Allow, &["[fc00::/7]:53", "2001:db8::1"])],
            &[("8.8.8.8:1", NO), ("8.8.9.8:1", OK), ("1.1.1.1:25", NO), ("[fd00::9]:53", OK), ("[fd00::9]:54", NO), ("[2001:db8::1]:7", OK)],
        ),
    ];
    for (default, rules, expected) in cases {
        let network = network_with(policy(default, rules), Outside::default());
        for (to, answer) in expected {
            assert_eq!(connect(&network, to), *answer, "{default:?} {rules:?}: {to}");
        }
    }
}

#[test]
fn the_first_thing_a_policy_does_is_deny() {
    let network = network();
    assert_eq!((connect(&network, "8.8.8.8:443"), network.resolve("example.com")), (NO, Err(Errno::EACCES)));
    let allowed = VirtualNetwork::new(NetworkConfig { policy: policy(Allow, &[]), ..NetworkConfig::default() });
    assert_eq!((connect(&allowed, "8.8.8.8:443"), allowed.resolve("example.com")), (Err(Errno::ENETUNREACH), Err(Errno::EIO)), "without a way out");
}

#[test]
fn a_looked_up_name_speaks_for_its_address() {
    let names = Outside::with(&[("api.example.com", &["8.8.4.4"]), ("evil.com", &["8.8.4.5"]), ("example.com", &["8.8.4.6"])]);
    let network = network_with(policy(Deny, &[(Allow, &["*.example.com:443"])]), names);
    assert_eq!(connect(&network, "8.8.4.4:443"), NO, "before the look-up");
    assert_eq!(network.resolve("API.example.com."), Ok(vec![[8, 8, 4, 4].into()]));
    assert_eq!([connect(&network, "8.8.4.4:443"), connect(&network, "8.8.4.4:80"), connect(&network, "8.8.4.5:443")], [OK, NO, NO]);
    assert_eq!((network.resolve("evil.com"), network.resolve("example.com")), (Err(Errno::EACCES), Err(Errno::EACCES)));
    assert_eq!(network.resolve("none.example.com"), Err(Errno::ENOENT));
    assert_eq!([network.resolve("a b"), network.resolve(""), network.resolve("a..example.com")], [const { Err(Errno::ENOENT) }; 3]);
    // Another VM with the same policy has looked nothing up.
    let other = network_with(policy(Deny, &[(Allow, &["*.example.com:443"])]), Outside::default());
    assert_eq!(connect(&other, "8.8.4.4:443"), NO);
}

#[test]
fn a_name_does_not_lead_to_the_hosts_ground() {
    let private = ["127.0.0.1", "10.0.0.5", "169.254.169.254", "192.168.1.1", "::1", "fd00::5", "::ffff:10.0.0.5", "0.0.0.0"];
    for ip in private {
        let network = network_with(policy(Deny, &[(Allow, &["rebind.example"])]), Outside::with(&[("rebind.example", &[ip])]));
        assert_eq!(network.resolve("rebind.example"), Err(Errno::EACCES), "{ip}");
        let addr: IpAddr = ip.parse().unwrap();
        assert!(connect(&network, &std::net::SocketAddr::new(addr, 80).to_string()).is_err(), "{ip}");
        let open = network_with(policy(Allow, &[]), Outside::with(&[("rebind.example", &[ip])]));
        assert_eq!(open.resolve("rebind.example"), Err(Errno::EACCES), "{ip}");
    }
    // Of mixed addresses the public ones remain.
    let mixed = network_with(policy(Deny, &[(Allow, &["mixed.example:443"])]), Outside::with(&[("mixed.example", &["10.0.0.5", "8.8.4.4"])]));
    assert_eq!(mixed.resolve("mixed.example"), Ok(vec![[8, 8, 4, 4].into()]));
    assert_eq!(connect(&mixed, "10.0.0.5:443"), NO);
}

#[test]
fn private_addresses_of_names_need_to_be_said_explicitly() {
    let names = || Outside::with(&[("intra.example", &["10.0.0.5"])]);
    let rule = Rule::parse(Allow, &["intra.example:443"]).unwrap().with_private(true);
    let network = network_with(Policy::new(Deny, vec![rule]), names());
    assert_eq!(connect(&network, "10.0.0.5:443"), NO);
    assert_eq!(network.resolve("intra.example"), Ok(vec![[10, 0, 0, 5].into()]));
    assert_eq!([connect(&network, "10.0.0.5:443"), connect(&network, "10.0.0.5:80")], [OK, NO]);
    // Or the address is allowed literally.
    let network = network_with(policy(Deny, &[(Allow, &["intra.example:443", "10.0.0.0/24:443"])]), names());
    assert_eq!(network.resolve("intra.example"), Ok(vec![[10, 0, 0, 5].into()]));
    // The owner of the VM may name what it likes, and still has to allow it.
    let config =
        |policy| NetworkConfig { policy, egress: Some(Arc::new(names())), hosts: vec![("db".into(), [10, 0, 0, 9].into())], ..NetworkConfig::default() };
    let network = VirtualNetwork::new(config(policy(Deny, &[(Allow, &["db:5432"])])));
    assert_eq!((network.resolve("DB"), connect(&network, "10.0.0.9:5432"), connect(&network, "10.0.0.9:22")), (Ok(vec![[10, 0, 0, 9].into()]), OK, NO));
    let network = VirtualNetwork::new(config(policy(Deny, &[])));
    assert_eq!((network.resolve("db"), connect(&network, "10.0.0.9:5432")), (Ok(vec![[10, 0, 0, 9].into()]), NO));
}

#[test]
fn a_denied_name_and_a_denied_address_hold_against_an_open_default() {
    let names = Outside::with(&[("bad.example", &["8.8.4.4"]), ("partly.example", &["8.8.4.5"]), ("sneaky.example", &["8.8.8.8"])]);
    let network = network_with(policy(Allow, &[(Deny, &["bad.example", "partly.example:80", "8.8.8.0/24"])]), names);
    assert_eq!(network.resolve("bad.example"), Err(Errno::EACCES));
    assert_eq!(network.resolve("partly.example"), Ok(vec![[8, 8, 4, 5].into()]));
    assert_eq!([connect(&network, "8.8.4.5:443"), connect(&network, "8.8.4.5:80")], [OK, NO]);
    assert_eq!((network.resolve("sneaky.example"), connect(&network, "8.8.8.8:443")), (Err(Errno::EACCES), NO));
}

#[test]
fn patterns_that_cannot_be_read_say_why() {
    let cases = [
        ("", "the host is empty"),
        (":443", "the host is empty"),
        ("example.com:", "the port is no number"),
        ("example.com:0", "the port is no number"),
        ("example.com:65536", "the port is no number"),
        ("example.com:+80", "the port is no number"),
        ("example.com:http", "the port is no number"),
        ("example.com:90-80", "the port range is empty"),
        ("https://example.com", "a URL is not a pattern"),
        ("exa*mple.com", "this is no host name"),
        ("a.*.com", "this is no host name"),
        ("*.", "this is no host name"),
        ("exämple.com", "ASCII form"),
        ("exa mple.com", "this is no host name"),
        ("example.com/path", "what precedes the slash is no address"),
        ("10.0.0.0/33", "the prefix length is out of range"),
        ("10.0.0.1/8", "bits beyond the prefix"),
        ("10.0.1", "neither a host name nor a whole address"),
        ("2130706433", "neither a host name nor a whole address"),
        ("[::1", "the bracket is not closed"),
        ("[::1]443", "only a port may follow the bracket"),
    ];
    for (pattern, reason) in cases {
        let error = Rule::parse(Allow, &["fine.example", pattern]).expect_err(pattern);
        let text = error.to_string();
        assert_eq!(error.pattern(), pattern);
        assert!(text.contains(reason) && text.contains("accepted are"), "{pattern}: {text}");
    }
    let fine = [
        "example.com",
        "EXAMPLE.com.:443",
        "*.example.com:*",
        "*",
        "*:80-90",
        "localhost:1",
        "192.0.2.1",
        "::1",
        "[::1]:80",
        "fc00::/7",
        "0.0.0.0/0",
        "_srv.example",
        "xn--exmple-cua.com",
    ];
    Rule::parse(Allow, &fine).unwrap();
}

#[test]
fn decisions_are_told() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = heard.clone();
    let network = VirtualNetwork::new(NetworkConfig {
        policy: policy(Deny, &[(Allow, &["a.example:443"])]),
        egress: Some(Arc::new(Outside::with(&[("a.example", &["8.8.4.4"])]))),
        on_decision: Some(Arc::new(move |decision: &Decision| sink.lock().unwrap().push(decision.clone()))),
        ..NetworkConfig::default()
    });
    let _ = (network.resolve("a.example"), network.resolve("b.example"));
    let _ = (connect(&network, "8.8.4.4:443"), connect(&network, "8.8.4.4:80"), connect(&network, "127.0.0.1:80"));
    let resolve = |name: &str, mode| Decision { subject: Subject::Resolve { name: name.into() }, mode };
    let connection =
        |to: &str, name: Option<&str>, mode| Decision { subject: Subject::Connect { to: to.parse().unwrap(), name: name.map(String::from) }, mode };
    let expected = [
        resolve("a.example", Allow),
        resolve("b.example", Deny),
        connection("8.8.4.4:443", Some("a.example"), Allow),
        connection("8.8.4.4:80", Some("a.example"), Deny),
    ];
    assert_eq!(*heard.lock().unwrap(), expected);
}

#[test]
fn a_look_up_waits_for_its_answer_and_is_asked_for_once() {
    let outside = Arc::new(Outside { slow: true, ..Outside::default() });
    let config = NetworkConfig { policy: policy(Deny, &[(Allow, &["*.example"])]), egress: Some(outside.clone()), ..NetworkConfig::default() };
    let network = VirtualNetwork::new(NetworkConfig { limits: Limits { lookups: 2, ..Limits::default() }, ..config });
    let answers = ["a.example", "A.example", "b.example", "c.example"].map(|name| network.resolve(name));
    assert_eq!(answers, [Err(Errno::EWAIT), Err(Errno::EWAIT), Err(Errno::EWAIT), Err(Errno::EAGAIN)]);
    let waiting = {
        let network = network.clone();
        std::thread::spawn(move || wait(network.resolve_queue(), Events::IN, || network.resolve("a.example")))
    };
    let mut asked = std::mem::take(&mut *outside.asked.lock().unwrap());
    assert_eq!(asked.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a.example", "b.example"]);
    asked.remove(0).1(Ok(vec![[8, 8, 4, 4].into()]));
    assert_eq!(waiting.join().unwrap(), Ok(vec![[8, 8, 4, 4].into()]));
    asked.remove(0).1(Err(Errno::ETIMEDOUT));
    assert_eq!(network.resolve("b.example"), Err(Errno::EIO));
    assert_eq!(network.resolve("c.example"), Err(Errno::EWAIT), "there is room again");
    // An answer that comes after the end of the VM finds nobody.
    let late = outside.asked.lock().unwrap().pop().unwrap().1;
    drop(network);
    late(Ok(vec![]));
}

#[test]
fn literal_addresses_and_localhost_are_not_looked_up() {
    let network = network();
    assert_eq!(network.resolve("10.1.2.3"), Ok(vec![[10, 1, 2, 3].into()]));
    assert_eq!(network.resolve("::1"), Ok(vec!["::1".parse().unwrap()]));
    assert_eq!(network.resolve("LocalHost."), Ok(vec![[127, 0, 0, 1].into(), "::1".parse().unwrap()]));
    assert_eq!(network.resolve("app.localhost"), network.resolve("localhost"));
}

#[test]
fn connecting_outside_shows_an_address_of_the_vm() {
    let outside = Arc::new(Outside::default());
    let network = VirtualNetwork::new(NetworkConfig { policy: policy(Allow, &[]), egress: Some(outside.clone()), ..NetworkConfig::default() });
    let socket = tcp(&network);
    socket.connect(&inet("8.8.8.8:443")).unwrap();
    assert_eq!((name_of(&socket), socket.peer()), (inet("10.0.2.15:32768"), Ok(agentos_abi::socket::SockAddr::Inet("8.8.8.8:443".parse().unwrap()))));
    send(&socket, b"echo").unwrap();
    assert_eq!(receive(&socket, 9), Ok(b"echo".to_vec()));
    assert_eq!(*outside.connected.lock().unwrap(), ["8.8.8.8:443".parse().unwrap()]);
}
