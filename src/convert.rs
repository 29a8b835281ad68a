//! Values of the Rust API as JavaScript objects.

use agentos::abi::{FileType, Signal, Stat, Timespec, WaitStatus};
use agentos::files::DirEntry;
use agentos::policy::Reply;
use agentos::process::ExecResult;
use agentos::vm::SpawnRequest;
use agentos::{Error, Permissions, Vm};
use napi::bindgen_prelude::{Either, Uint8Array};
use napi_derive::napi;
use std::collections::HashMap;

/// What to start: a line of shell, or a file with arguments.
#[napi(object, object_to_js = false)]
pub struct JsSpawn {
    /// For `bash -c`.
    pub line: Option<String>,
    /// A path, or a name to look up in PATH.
    pub program: Option<String>,
    /// Arguments after the name.
    pub args: Option<Vec<String>>,
    /// The name that the program sees as its own.
    pub argv0: Option<String>,
    /// Absolute working directory.
    pub cwd: Option<String>,
    /// Environment above the VM's.
    pub env: Option<HashMap<String, String>>,
    /// JSON of what it may not do although the VM may.
    pub permissions: Option<String>,
}

impl JsSpawn {
    /// The request for `vm`.
    ///
    /// # Errors
    /// `ERR_AGENTOS_INVALID_OPTION`.
    pub fn request(self, vm: &Vm) -> agentos::Result<SpawnRequest> {
        let permissions = self.permissions.as_deref().map(narrowed).transpose()?;
        let base = match self.line {
            Some(line) => vm.shell_request(&line),
            None => {
                SpawnRequest { program: self.program.unwrap_or_default(), args: self.args.unwrap_or_default(), argv0: self.argv0, ..SpawnRequest::default() }
            }
        };
        Ok(SpawnRequest { cwd: self.cwd, env: self.env.unwrap_or_default().into_iter().collect(), permissions, ..base })
    }
}

fn narrowed(json: &str) -> agentos::Result<Permissions> {
    let value = serde_json::from_str(json).map_err(|error| Error::new("ERR_AGENTOS_INVALID_OPTION", format!("options.permissions: {error}")))?;
    Permissions::from_json("permissions", &value)
}

/// The answer of that name.
///
/// # Errors
/// `ERR_AGENTOS_INVALID_OPTION`.
pub fn reply(name: &str) -> agentos::Result<Reply> {
    let known = [Reply::Once, Reply::Always, Reply::Reject].into_iter().find(|reply| reply.name() == name);
    known.ok_or_else(|| Error::option("reply", format_args!("{name:?}"), "\"once\", \"always\" or \"reject\""))
}

/// How a program ended.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct JsExit {
    /// As a shell shows it: 128 plus the signal for one that was killed.
    pub exit_code: i32,
    /// Name of the signal that killed it.
    pub signal: Option<String>,
}

impl From<WaitStatus> for JsExit {
    fn from(status: WaitStatus) -> Self {
        let signal = match status {
            WaitStatus::Signaled { signal, .. } => Some(signal.name().to_owned()),
            _ => None,
        };
        JsExit { exit_code: status.shell_code(), signal }
    }
}

/// What a finished program left.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct JsExecResult {
    /// As a shell shows it.
    pub exit_code: i32,
    /// Name of the signal that killed it.
    pub signal: Option<String>,
    /// Standard output.
    pub stdout: Either<String, Uint8Array>,
    /// Standard error.
    pub stderr: Either<String, Uint8Array>,
    /// More was printed than kept.
    pub truncated: bool,
    /// The timeout ended it.
    pub timed_out: bool,
}

impl JsExecResult {
    /// Output as text (bad UTF-8 becomes U+FFFD) or as bytes.
    pub fn new(result: ExecResult, text: bool) -> JsExecResult {
        let JsExit { exit_code, signal } = result.status.into();
        let output = |bytes: Vec<u8>| match text {
            // Valid UTF-8 is not copied.
            true => Either::A(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
            false => Either::B(bytes.into()),
        };
        JsExecResult {
            exit_code,
            signal,
            stdout: output(result.stdout),
            stderr: output(result.stderr),
            truncated: result.truncated,
            timed_out: result.timed_out,
        }
    }
}

/// What stat(2) tells.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct JsStat {
    /// `"file"`, `"directory"`, `"symlink"` and so on.
    pub r#type: &'static str,
    /// Type and permission bits.
    pub mode: u32,
    /// Bytes.
    pub size: f64,
    /// Inode number.
    pub ino: f64,
    /// Number of hard links.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last access, in milliseconds since 1970.
    pub atime_ms: f64,
    /// Last change of the content, in milliseconds since 1970.
    pub mtime_ms: f64,
    /// Last change of the attributes, in milliseconds since 1970.
    pub ctime_ms: f64,
    /// Creation, in milliseconds since 1970.
    pub birthtime_ms: f64,
}

impl From<Stat> for JsStat {
    fn from(stat: Stat) -> Self {
        JsStat {
            r#type: type_name(stat.file_type),
            mode: stat.st_mode(),
            size: stat.size as f64,
            ino: stat.ino as f64,
            nlink: stat.nlink,
            uid: stat.uid,
            gid: stat.gid,
            atime_ms: millis(stat.atime),
            mtime_ms: millis(stat.mtime),
            ctime_ms: millis(stat.ctime),
            birthtime_ms: millis(stat.btime),
        }
    }
}

fn millis(time: Timespec) -> f64 {
    time.sec as f64 * 1e3 + f64::from(time.nsec) / 1e6
}

/// One name of a directory.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct JsDirEntry {
    /// Name.
    pub name: String,
    /// As [`JsStat::type`].
    pub r#type: &'static str,
}

impl From<DirEntry> for JsDirEntry {
    fn from(entry: DirEntry) -> Self {
        JsDirEntry { name: entry.name, r#type: type_name(entry.file_type) }
    }
}

fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::Regular => "file",
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::CharDevice => "characterDevice",
        FileType::BlockDevice => "blockDevice",
        FileType::Fifo => "fifo",
        FileType::Socket => "socket",
    }
}

/// The signal of a name.
///
/// # Errors
/// `ERR_UNKNOWN_SIGNAL`, as in Node.
pub fn signal(name: &str) -> agentos::Result<Signal> {
    Signal::from_name(name).filter(|_| name.starts_with("SIG")).ok_or_else(|| Error::new("ERR_UNKNOWN_SIGNAL", format!("Unknown signal: {name}")))
}

/// A count that JavaScript holds as a number; what is no count is none.
pub fn count(number: f64) -> usize {
    // A float cast saturates, and NaN is 0.
    number as usize
}
