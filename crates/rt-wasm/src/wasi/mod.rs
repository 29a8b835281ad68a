//! WASI preview 1, the second ABI, for programs in Rust and others that need no processes.
//!
//! Every function is decoded into the same calls of the kernel that the Linux ABI makes, so a WASI program is a process like
//! any other: its descriptors 0 to 2 are its standard streams, pipes and signals work. There is no host behind it.
//!
//! Descriptor 3 is the root directory, preopened as `/`. Preview 1 has no working directory, and its C library drops the leading
//! slash, so `/a/b` and `a/b` both arrive as `a/b` below descriptor 3. [`WasiCall::directory`] tells them apart by what exists.

mod descriptor;
mod errno;
mod layout;
mod path;
mod poll;
mod process;
mod socket;

use crate::call::Call;
use crate::driver::{self, Handler};
use crate::process::Process;
use agentos_abi::fcntl::{AT_FDCWD, Fcntl};
use agentos_abi::{AtFlags, Errno, OpenFlags, Result};
use agentos_syscall::Syscalls;
use wasmtime::{FuncType, Linker, Val, ValType};

/// Import module of preview 1.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

/// Arguments, as many as path_open has.
pub(crate) type Args = [u64; 9];

/// A call of this ABI.
pub(crate) type WasiCall<'a> = Call<'a, Args>;

/// One function: name, the types of its parameters (`i` 32 bits, `I` 64 bits), and what it does. All but proc_exit answer an
/// error number.
struct Function {
    name: &'static str,
    parameters: &'static str,
    handler: Handler<Args>,
}

macro_rules! functions {
    ($($name:ident $parameters:literal $handler:path;)*) => {
        const FUNCTIONS: &[Function] = &[$(Function { name: stringify!($name), parameters: $parameters, handler: $handler }),*];
    };
}

functions! {
    args_get "ii" process::args_get;
    args_sizes_get "ii" process::args_sizes_get;
    environ_get "ii" process::environ_get;
    environ_sizes_get "ii" process::environ_sizes_get;
    clock_res_get "ii" process::clock_res_get;
    clock_time_get "iIi" process::clock_time_get;
    fd_advise "iIIi" descriptor::fd_advise;
    fd_allocate "iII" descriptor::fd_allocate;
    fd_close "i" descriptor::fd_close;
    fd_datasync "i" descriptor::fd_sync;
    fd_fdstat_get "ii" descriptor::fd_fdstat_get;
    fd_fdstat_set_flags "ii" descriptor::fd_fdstat_set_flags;
    fd_fdstat_set_rights "iII" descriptor::fd_fdstat_set_rights;
    fd_filestat_get "ii" descriptor::fd_filestat_get;
    fd_filestat_set_size "iI" descriptor::fd_filestat_set_size;
    fd_filestat_set_times "iIIi" descriptor::fd_filestat_set_times;
    fd_pread "iiiIi" descriptor::fd_pread;
    fd_prestat_get "ii" descriptor::fd_prestat_get;
    fd_prestat_dir_name "iii" descriptor::fd_prestat_dir_name;
    fd_pwrite "iiiIi" descriptor::fd_pwrite;
    fd_read "iiii" descriptor::fd_read;
    fd_readdir "iiiIi" path::fd_readdir;
    fd_renumber "ii" descriptor::fd_renumber;
    fd_seek "iIii" descriptor::fd_seek;
    fd_sync "i" descriptor::fd_sync;
    fd_tell "ii" descriptor::fd_tell;
    fd_write "iiii" descriptor::fd_write;
    path_create_directory "iii" path::path_create_directory;
    path_filestat_get "iiiii" path::path_filestat_get;
    path_filestat_set_times "iiiiIIi" path::path_filestat_set_times;
    path_link "iiiiiii" path::path_link;
    path_open "iiiiiIIii" path::path_open;
    path_readlink "iiiiii" path::path_readlink;
    path_remove_directory "iii" path::path_remove_directory;
    path_rename "iiiiii" path::path_rename;
    path_symlink "iiiii" path::path_symlink;
    path_unlink_file "iii" path::path_unlink_file;
    poll_oneoff "iiii" poll::poll_oneoff;
    proc_raise "i" process::proc_raise;
    random_get "ii" process::random_get;
    sched_yield "" process::sched_yield;
    sock_accept "iii" socket::sock_accept;
    sock_recv "iiiiii" socket::sock_recv;
    sock_send "iiiii" socket::sock_send;
    sock_shutdown "ii" socket::sock_shutdown;
}

/// Defines the imports.
pub(crate) fn add_to_linker(linker: &mut Linker<Process>) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    for function in FUNCTIONS {
        let parameters = function.parameters.bytes().map(|kind| if kind == b'I' { ValType::I64 } else { ValType::I32 });
        let ty = FuncType::new(&engine, parameters, [ValType::I32]);
        linker.func_new_async(MODULE, function.name, ty, move |mut caller, params, results| {
            let args = decode(params);
            Box::new(async move {
                let answer = driver::perform(&mut caller, function.handler, &args).await?;
                tracing::trace!(target: "agentos::syscall", "{}({args:x?}) = {answer:?}", function.name);
                results[0] = Val::I32(answer.map_or_else(errno::number, |_| 0));
                Ok(())
            })
        })?;
    }
    let ty = FuncType::new(&engine, [ValType::I32], []);
    linker.func_new_async(MODULE, "proc_exit", ty, |mut caller, params, _| {
        let args = decode(params);
        Box::new(async move { driver::perform(&mut caller, process::proc_exit, &args).await.map(drop) })
    })?;
    Ok(())
}

fn decode(params: &[Val]) -> Args {
    let mut args: Args = [0; 9];
    for (arg, param) in args.iter_mut().zip(params) {
        *arg = match param {
            Val::I32(value) => u64::from(*value as u32),
            Val::I64(value) => *value as u64,
            _ => 0,
        };
    }
    args
}

impl WasiCall<'_> {
    /// Argument `n` as 32 bits: a pointer, a size, flags.
    fn word(&self, n: usize) -> u32 {
        self.args[n] as u32
    }

    /// Argument `n` as a descriptor.
    fn fd(&self, n: usize) -> i32 {
        self.word(n) as i32
    }

    /// The path of arguments `n` (address) and `n + 1` (length). ENAMETOOLONG over PATH_MAX.
    fn path(&self, n: usize) -> Result<&[u8]> {
        let len = self.word(n + 1) as usize;
        if len >= agentos_abi::fcntl::PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.mem.slice(self.word(n), len)
    }

    /// The directory that the path in arguments `path` and `path + 1` below the descriptor in argument `n` starts from. Below the
    /// root it is the working directory when the path's first name exists there, or exists in neither of the two.
    fn directory(&self, n: usize, path: usize) -> Result<i32> {
        let fd = self.fd(n);
        if fd != descriptor::ROOT_FD || self.state.closed_preopen {
            return Ok(fd);
        }
        let first = self.path(path)?.split(|byte| *byte == b'/').next().unwrap_or_default();
        let exists = |at: i32| self.task.fstatat(at, first, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        Ok(if !exists(AT_FDCWD) && exists(fd) { fd } else { AT_FDCWD })
    }

    /// Stores a 32-bit result at the address in argument `n`.
    fn put_word(&mut self, n: usize, value: u32) -> Result<i32> {
        self.mem.put(self.word(n), &value.to_le_bytes())?;
        Ok(0)
    }

    /// Stores a 64-bit result at the address in argument `n`.
    fn put_long(&mut self, n: usize, value: u64) -> Result<i32> {
        self.mem.put(self.word(n), &value.to_le_bytes())?;
        Ok(0)
    }
}

/// Opens the root directory in a process that is about to run a WASI program. A descriptor that is in the way moves up.
pub(crate) fn preopen(task: &dyn Syscalls) -> Result<()> {
    let fd = descriptor::ROOT_FD;
    if task.fcntl(fd, Fcntl::GetFd).is_ok() {
        task.fcntl(fd, Fcntl::Dup { min: 10, cloexec: false })?;
    }
    let directory = task.openat(AT_FDCWD, b"/", OpenFlags::DIRECTORY | OpenFlags::CLOEXEC, 0)?;
    if directory != fd {
        task.dup3(directory, fd, true)?;
        task.close(directory)?;
    }
    Ok(())
}
