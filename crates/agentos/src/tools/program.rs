//! One process of a toolkit, from its arguments to its exit status.

use super::calls::{Calls, request};
use super::mcp;
use super::streams::{is_piped, read_to_end, while_alive, write_all};
use agentos_abi::fcntl::AT_FDCWD;
use agentos_abi::{Errno, OpenFlags, WaitStatus};
use agentos_syscall::{Syscalls, ToolAnswers, ToolEnd, ToolRefusal, ToolReply, WaitOn, blocking};
use agentos_tools::{Input, Request, Tool, Toolkit, Usage, finish, list, list_json, parse};
use std::sync::Arc;

/// Exit statuses, beside 0: what the tool threw; bad usage; timeout(1)'s; a command that may not be executed.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const TIMED_OUT: i32 = 124;
const DENIED: i32 = 126;

/// What a process ends with before its call has been made: a text for standard error, and the exit status.
type Early = (String, i32);

/// Runs `agentos-NAME ARGS`, or `agentos ARGS` for an empty name, and ends the process.
pub async fn run(calls: Arc<Calls>, task: Arc<dyn Syscalls>, name: String, args: Vec<String>) {
    let work = async {
        match calls.kits().get(&name) {
            Some(kit) => toolkit(&calls, &task, &kit.clone(), &args).await,
            None => agentos(&calls, &task, &args).await,
        }
    };
    let status = while_alive(&*task, work).await;
    // When the process has ended already this changes nothing.
    task.exit(WaitStatus::Exited(status.unwrap_or(FAILED) as u8));
}

/// The command `agentos`.
async fn agentos(calls: &Arc<Calls>, task: &Arc<dyn Syscalls>, args: &[String]) -> i32 {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let usage = "Usage: agentos list [--json]\n       agentos mcp TOOLKIT...\nHost tools of this machine: what there is, and the same as an MCP server on\nstandard input and output.\n";
    match words.as_slice() {
        ["list"] => print(task, list(calls.kits()).as_bytes()).await,
        ["list", "--json"] => print(task, list_json(calls.kits()).as_bytes()).await,
        ["--help" | "-h"] => print(task, usage.as_bytes()).await,
        ["mcp", names @ ..] => match names.iter().find(|name| calls.kits().get(name).is_none()) {
            Some(name) => complain(task, &(format!("agentos: no toolkit {name:?}\n"), USAGE)).await,
            None => mcp::serve(calls, task, names).await,
        },
        _ => complain(task, &(usage.to_owned(), USAGE)).await,
    }
}

async fn toolkit(calls: &Arc<Calls>, task: &Arc<dyn Syscalls>, kit: &Arc<Toolkit>, args: &[String]) -> i32 {
    match parse(kit, args) {
        Ok(Request::Print(text)) => print(task, text.as_bytes()).await,
        Err(Usage(text)) => complain(task, &(text, USAGE)).await,
        Ok(Request::Call { tool, given, input, json_output }) => {
            let Some(tool) = kit.find(&tool) else { return USAGE };
            let arguments = match arguments(task, kit, tool, given, input).await {
                Ok(arguments) => arguments,
                Err(early) => return complain(task, &early).await,
            };
            match begin(calls, task, kit, tool, arguments).await {
                Ok(answers) => deliver(task, kit, tool, answers, json_output).await,
                Err(early) => complain(task, &early).await,
            }
        }
    }
}

async fn arguments(
    task: &Arc<dyn Syscalls>,
    kit: &Toolkit,
    tool: &Tool,
    given: serde_json::Map<String, serde_json::Value>,
    input: Input,
) -> Result<String, Early> {
    let fail = |what: String| (format!("{} {}: {what}\n", kit.command(), tool.spec.name), USAGE);
    let text = match input {
        Input::None => None,
        Input::Text(text) => Some(text),
        Input::StdinIfPiped if !is_piped(&**task, 0) => None,
        Input::Stdin | Input::StdinIfPiped => Some(read(task, 0).await.map_err(|errno| fail(format!("standard input: {}", errno.message())))?),
        Input::File(path) => {
            let opened = task.openat(AT_FDCWD, path.as_bytes(), OpenFlags::CLOEXEC, 0);
            let fd = opened.map_err(|errno| fail(format!("--json-file: {path}: {}", errno.message())))?;
            let text = read(task, fd).await;
            let _ = task.close(fd);
            Some(text.map_err(|errno| fail(format!("--json-file: {path}: {}", errno.message())))?)
        }
    };
    finish(kit, tool, given, text.as_deref()).map(|value| value.to_string()).map_err(|Usage(text)| (text, USAGE))
}

async fn read(task: &Arc<dyn Syscalls>, fd: i32) -> Result<String, Errno> {
    String::from_utf8(read_to_end(&**task, fd).await?).map_err(|_| Errno::EILSEQ)
}

/// Asks the policy, then makes the call.
async fn begin(calls: &Arc<Calls>, task: &Arc<dyn Syscalls>, kit: &Toolkit, tool: &Tool, arguments: String) -> Result<super::calls::Answers, Early> {
    let fail = |what: &str, status| (format!("{} {}: {what}\n", kit.command(), tool.spec.name), status);
    let allowed = blocking(&**task, WaitOn::Signal, None, || task.check_tool(&kit.name, &tool.spec.name)).await;
    allowed.map_err(|_| fail("permission denied by the policy of this machine", DENIED))?;
    calls.begin(request(task, &kit.name, &tool.spec.key, arguments)).map_err(|refusal| match refusal {
        ToolRefusal::Busy => fail("too many calls at once; try again later", FAILED),
        ToolRefusal::Unknown(text) | ToolRefusal::Arguments(text) => fail(&text, USAGE),
    })
}

async fn deliver(task: &Arc<dyn Syscalls>, kit: &Toolkit, tool: &Tool, mut answers: super::calls::Answers, json_output: bool) -> i32 {
    let tell = |what: &str, status| (format!("{} {}: {what}\n", kit.command(), tool.spec.name), status);
    loop {
        let (text, status) = match answers.next().await {
            Some(ToolReply::Chunk(bytes)) => match write_all(&**task, 1, &bytes).await {
                Ok(()) => continue,
                Err(errno) => tell(&format!("write: {}", errno.message()), FAILED),
            },
            Some(ToolReply::End(ToolEnd::Nothing)) => return 0,
            Some(ToolReply::End(ToolEnd::Text(text))) => {
                let text = if json_output { serde_json::Value::String(text).to_string() } else { text };
                return print(task, line(text).as_bytes()).await;
            }
            Some(ToolReply::End(ToolEnd::Json(text))) => return print(task, line(text).as_bytes()).await,
            Some(ToolReply::End(ToolEnd::Bytes(bytes))) => return print(task, &bytes).await,
            Some(ToolReply::End(ToolEnd::Failed(text))) => tell(&text, FAILED),
            Some(ToolReply::End(ToolEnd::BadArguments(text))) => tell(&text, USAGE),
            Some(ToolReply::End(ToolEnd::TimedOut(text))) => tell(&text, TIMED_OUT),
            Some(ToolReply::End(ToolEnd::Aborted(text))) => tell(&text, FAILED),
            None => tell("the host has gone", FAILED),
        };
        return complain(task, &(text, status)).await;
    }
}

/// Text output ends its last line.
fn line(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

async fn print(task: &Arc<dyn Syscalls>, bytes: &[u8]) -> i32 {
    match write_all(&**task, 1, bytes).await {
        Ok(()) => 0,
        Err(errno) => complain(task, &(format!("agentos: write: {}\n", errno.message()), FAILED)).await,
    }
}

async fn complain(task: &Arc<dyn Syscalls>, (text, status): &Early) -> i32 {
    // With standard error closed the status has to do.
    let _ = write_all(&**task, 2, text.as_bytes()).await;
    *status
}
