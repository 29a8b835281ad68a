//! Terminals.

use crate::kernel::Kernel;
use agentos_abi::Pid;
use std::sync::Weak;

pub(crate) struct Tty {
    index: u32,
}

impl Tty {
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn foreground_group(&self) -> Pid {
        -1
    }

    pub(crate) fn hang_up_session(&self) {}
}

pub(crate) struct TtyTable;

impl TtyTable {
    pub(crate) fn new(_kernel: Weak<Kernel>, _limit: usize) -> TtyTable {
        TtyTable
    }

    pub(crate) fn count(&self) -> usize {
        0
    }

    pub(crate) fn hang_up_all(&self) {}
}
