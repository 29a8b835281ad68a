//! signalfd(2): pending signals of whoever reads, as records.

use super::eventfd::anonymous_stat;
use crate::process::Process;
use agentos_abi::signal::SigInfo;
use agentos_abi::{Errno, Events, Result, SigSet, Signal, Stat};
use agentos_vfs::File;
use agentos_waiter::WaitQueue;
use parking_lot::Mutex;
use std::any::Any;
use std::sync::Weak;

/// Bytes of `struct signalfd_siginfo`.
const RECORD: usize = 128;

/// The signals to read. They are those of the process that made it; after fork(2) Linux reads the child's own, which few rely on.
pub(crate) struct SignalFd {
    process: Weak<Process>,
    mask: Mutex<SigSet>,
    queue: WaitQueue,
}

impl SignalFd {
    pub(crate) fn new(process: &std::sync::Arc<Process>, mask: SigSet) -> SignalFd {
        SignalFd { process: std::sync::Arc::downgrade(process), mask: Mutex::new(mask), queue: process.signal_files.clone() }
    }

    pub(crate) fn set_mask(&self, mask: SigSet) {
        *self.mask.lock() = mask;
        self.queue.notify(Events::READ);
    }
}

/// `struct signalfd_siginfo`: signal, errno, code, pid, uid; the status or value further on.
fn record(signal: Signal, info: &SigInfo) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    let mut put = |at: usize, value: u32| bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(0, signal.number() as u32);
    put(8, info.code as u32);
    put(12, info.pid as u32);
    put(16, info.uid);
    // ssi_status, ssi_int and ssi_ptr: one of them means something.
    put(40, info.status as u32);
    put(44, info.status as u32);
    put(48, info.status as u32);
    bytes
}

impl File for SignalFd {
    fn read_at(&self, buf: &mut [u8], _offset: u64) -> Result<usize> {
        if buf.len() < RECORD {
            return Err(Errno::EINVAL);
        }
        let mask = *self.mask.lock();
        let process = self.process.upgrade().ok_or(Errno::EWAIT)?;
        let mut signals = process.signals.lock();
        let mut filled = 0;
        for slot in buf.chunks_exact_mut(RECORD) {
            let Some((signal, info)) = signals.take(SigSet(mask.0 & !SigSet::UNBLOCKABLE.0)) else { break };
            slot.copy_from_slice(&record(signal, &info));
            filled += RECORD;
        }
        process.update_attention(&signals);
        if filled == 0 { Err(Errno::EWAIT) } else { Ok(filled) }
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EINVAL)
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        let mask = *self.mask.lock();
        let pending = self.process.upgrade().map_or(SigSet::default(), |process| process.signals.lock().pending());
        if pending.0 & mask.0 & !SigSet::UNBLOCKABLE.0 != 0 { Events::READ } else { Events::empty() }
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.queue)
    }

    fn stat(&self) -> Option<Stat> {
        Some(anonymous_stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
