//! A guest sees its VM and nothing of the host.

use crate::harness::Vm;
use agentos_abi::WaitStatus;

/// Runs code that prints, and answers what it printed.
fn eval(code: &str) -> String {
    let out = Vm::new().node(&["-e", code]);
    assert_eq!(out.status, WaitStatus::Exited(0), "{}", out.stderr);
    out.stdout
}

/// Whether the code throws, as its message or `""`.
fn thrown(code: &str) -> String {
    eval(&format!("try {{ {code}; }} catch (e) {{ console.log(e.code ?? e.message) }}"))
}

#[test]
fn there_is_no_deno_and_no_way_into_the_layer_below() {
    assert_eq!(
        eval("console.log(typeof Deno, typeof __bootstrap, typeof bootstrap, typeof __agentosHooks, process.versions.deno)"),
        "undefined undefined undefined undefined undefined\n"
    );
    let names = "console.log(Reflect.ownKeys(globalThis).filter((k) => /deno|bootstrap|agentos|internal/i.test(String(k))).length)";
    assert_eq!(eval(names), "0\n");
}

#[test]
fn native_code_cannot_be_loaded() {
    assert_ne!(thrown("process.dlopen({ exports: {} }, '/lib/x.node')"), "");
    assert_ne!(thrown("process.binding('spawn_sync').spawn({ file: '/bin/sh' })"), "");
}

#[test]
fn a_socket_cannot_adopt_a_descriptor_that_the_process_does_not_have() {
    assert_eq!(thrown("new (require('net').Socket)({ fd: 77 })"), "ERR_INVALID_FD_TYPE\n");
    assert_eq!(thrown("require('fs').readSync(77, Buffer.alloc(1))"), "EBADF\n");
}

#[test]
fn what_node_os_tells_is_the_vm() {
    assert_eq!(
        eval(
            "const os = require('os'); console.log(os.hostname(), os.homedir(), os.userInfo().username, os.cpus().length, Object.keys(os.networkInterfaces()))"
        ),
        "vm /home/user agent 1 [ 'lo' ]\n"
    );
    assert_eq!(
        eval("console.log(process.execPath, process.cwd(), process.getuid(), Object.keys(process.env).sort().join())"),
        "/usr/bin/node /home/user 1000 HOME,PATH,USER\n"
    );
}

#[test]
fn error_stacks_have_no_path_of_the_host() {
    let out = eval("console.log(new Error('x').stack); try { require('fs').openSync('/nope') } catch (e) { console.log(e.stack) }");
    for word in ["/root", "/work", ".cargo", "rt-v8", "ext:"] {
        assert!(!out.contains(word), "{word} in {out}");
    }
}

#[test]
fn host_files_are_not_there() {
    for path in ["/etc/hostname", "/root", "/proc/self/environ", "/usr/lib"] {
        assert_eq!(eval(&format!("console.log(require('fs').existsSync('{path}'))")), "false\n", "{path}");
    }
}

#[test]
fn the_environment_of_the_host_cannot_be_read_or_changed() {
    eval("process.env.AGENTOS_LEAK = '1'");
    assert!(std::env::var_os("AGENTOS_LEAK").is_none());
    assert_eq!(eval("console.log(process.env.CARGO, process.env.PATH)"), "undefined /usr/bin:/bin\n");
}

#[test]
fn processes_outside_do_not_exist() {
    assert_eq!(thrown(&format!("process.kill({}, 0)", std::process::id() + 40_000)), "ESRCH\n");
}

#[test]
fn the_process_wide_engine_cannot_be_changed() {
    assert_ne!(thrown("require('v8').setFlagsFromString('--stack-size=1')"), "");
    assert_ne!(thrown("require('v8').writeHeapSnapshot()"), "");
    assert_ne!(thrown("new (require('worker_threads').Worker)('1', { eval: true })"), "");
    assert_ne!(thrown("require('inspector').open()"), "");
}
