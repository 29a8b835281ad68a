//! Terminals.

use super::guard;
use crate::kernel::Kernel;
use agentos_abi::ioctl::{Ioctl, IoctlReply, TermiosWhen};
use agentos_abi::termios::{InputFlags, LocalFlags, OutputFlags, cc};
use agentos_abi::{Errno, Fd, Termios};
use deno_core::{OpDecl, OpState, op2};
use std::io;

/// isatty(3).
pub fn is_terminal(kernel: &Kernel, fd: Fd) -> bool {
    kernel.task().and_then(|task| task.ioctl(fd, Ioctl::GetTermios)).is_ok()
}

/// cfmakeraw(3) as libuv does it (`UV_TTY_MODE_RAW`): output processing stays on. Leaving raw mode restores a cooked terminal.
pub fn set_raw_mode(kernel: &Kernel, fd: Fd, raw: bool) -> io::Result<()> {
    let task = kernel.task()?;
    let IoctlReply::Termios(mut mode) = task.ioctl(fd, Ioctl::GetTermios)? else { return Err(Errno::ENOTTY.into()) };
    if raw {
        mode.input.remove(InputFlags::BRKINT | InputFlags::ICRNL | InputFlags::INPCK | InputFlags::ISTRIP | InputFlags::IXON);
        mode.output.insert(OutputFlags::ONLCR);
        mode.local.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::IEXTEN | LocalFlags::ISIG);
        mode.cc[cc::VMIN] = 1;
        mode.cc[cc::VTIME] = 0;
    } else {
        let cooked = Termios::default();
        mode.input = cooked.input;
        mode.local = cooked.local;
    }
    task.ioctl(fd, Ioctl::SetTermios(TermiosWhen::Drain, mode))?;
    Ok(())
}

/// Columns and rows.
fn window_size(kernel: &Kernel, fd: Fd) -> Option<(u16, u16)> {
    match kernel.task().ok()?.ioctl(fd, Ioctl::GetWinsize) {
        Ok(IoctlReply::Winsize(size)) => Some((size.cols, size.rows)),
        _ => None,
    }
}

fn kernel(state: &OpState) -> Kernel {
    state.borrow::<Kernel>().clone()
}

#[op2(fast)]
fn op_os_is_tty(state: &mut OpState, #[smi] fd: Fd) -> bool {
    is_terminal(&kernel(state), fd)
}

#[op2(fast)]
#[smi]
fn op_os_set_raw_mode(state: &mut OpState, #[smi] fd: Fd, raw: bool) -> i32 {
    super::stream::number(guard(|| set_raw_mode(&kernel(state), fd, raw).map(|()| 0)))
}

#[op2]
#[serde]
fn op_os_window_size(state: &mut OpState, #[smi] fd: Fd) -> Option<(u16, u16)> {
    window_size(&kernel(state), fd)
}

/// The size of the first standard descriptor that is a terminal.
#[op2]
#[serde]
fn op_agentos_console_size(state: &mut OpState) -> Option<(u16, u16)> {
    [1, 2, 0].into_iter().find_map(|fd| window_size(&kernel(state), fd))
}

/// Resources 0, 1 and 2 are the standard descriptors; no other resource is a terminal.
#[op2(fast)]
fn op_agentos_is_terminal(state: &mut OpState, #[smi] rid: u32) -> bool {
    matches!(rid, 0..=2) && is_terminal(&kernel(state), rid.cast_signed())
}

#[op2(fast)]
fn op_set_raw(state: &mut OpState, #[smi] rid: u32, raw: bool, _cbreak: bool) -> Result<(), io::Error> {
    guard(|| if matches!(rid, 0..=2) { set_raw_mode(&kernel(state), rid.cast_signed(), raw) } else { Err(Errno::EBADF.into()) })
}

/// Upstream asks for a permission of the host's here.
#[op2(fast)]
fn op_tty_allowed(#[smi] _fd: Fd) {}

pub(super) fn own() -> Vec<OpDecl> {
    vec![op_os_is_tty(), op_os_set_raw_mode(), op_os_window_size(), op_agentos_console_size(), op_set_raw()]
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![("op_is_terminal", op_agentos_is_terminal()), ("op_tty_check_fd_permission", op_tty_allowed())]
}
