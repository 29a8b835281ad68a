//! Socket options, kept as numbers: most only have to be remembered.

use agentos_abi::socket::SockOpt;
use agentos_abi::{Errno, Result};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::Relaxed};

/// Default size of a buffer in bytes (Linux: net.core.wmem_default).
pub(crate) const BUFFER_DEFAULT: usize = 212_992;
/// Smallest send buffer in bytes (Linux: SOCK_MIN_SNDBUF).
const SEND_BUFFER_MIN: usize = 4608;
/// Smallest receive buffer in bytes (Linux: SOCK_MIN_RCVBUF).
const RECEIVE_BUFFER_MIN: usize = 2304;
/// Largest buffer in bytes (Linux: twice net.core.wmem_max).
const BUFFER_MAX: usize = 425_984;

/// The options of one socket.
pub(crate) struct Options {
    pub(crate) reuse_addr: AtomicBool,
    pub(crate) reuse_port: AtomicBool,
    pub(crate) v6_only: AtomicBool,
    pub(crate) no_delay: AtomicBool,
    keep_alive: AtomicBool,
    broadcast: AtomicBool,
    /// Seconds, -1 off.
    linger: AtomicI32,
    send_buffer: AtomicUsize,
    receive_buffer: AtomicUsize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            reuse_addr: AtomicBool::new(false),
            reuse_port: AtomicBool::new(false),
            v6_only: AtomicBool::new(false),
            no_delay: AtomicBool::new(false),
            keep_alive: AtomicBool::new(false),
            broadcast: AtomicBool::new(false),
            linger: AtomicI32::new(-1),
            send_buffer: AtomicUsize::new(BUFFER_DEFAULT),
            receive_buffer: AtomicUsize::new(BUFFER_DEFAULT),
        }
    }
}

impl Options {
    /// SO_RCVBUF in bytes.
    pub(crate) fn receive_buffer(&self) -> usize {
        self.receive_buffer.load(Relaxed)
    }

    /// SO_SNDBUF in bytes.
    pub(crate) fn send_buffer(&self) -> usize {
        self.send_buffer.load(Relaxed)
    }

    fn switch(&self, option: SockOpt) -> Option<&AtomicBool> {
        Some(match option {
            SockOpt::ReuseAddr => &self.reuse_addr,
            SockOpt::ReusePort => &self.reuse_port,
            SockOpt::KeepAlive => &self.keep_alive,
            SockOpt::Broadcast => &self.broadcast,
            SockOpt::NoDelay => &self.no_delay,
            SockOpt::V6Only => &self.v6_only,
            _ => return None,
        })
    }

    /// The value of an option that is stored here; `None` for the ones that a socket computes.
    pub(crate) fn get(&self, option: SockOpt) -> Option<i32> {
        Some(match option {
            SockOpt::Linger => self.linger.load(Relaxed),
            SockOpt::SendBuffer => self.send_buffer() as i32,
            SockOpt::ReceiveBuffer => self.receive_buffer() as i32,
            _ => i32::from(self.switch(option)?.load(Relaxed)),
        })
    }

    /// Stores an option. Sizes of buffers are doubled and clamped, as Linux does (socket(7)).
    ///
    /// # Errors
    /// ENOPROTOOPT for an option that can only be read.
    pub(crate) fn set(&self, option: SockOpt, value: i32) -> Result<()> {
        let size = |least| usize::try_from(value).unwrap_or(BUFFER_MAX).saturating_mul(2).clamp(least, BUFFER_MAX);
        match option {
            SockOpt::Linger => self.linger.store(value.max(-1), Relaxed),
            SockOpt::SendBuffer => self.send_buffer.store(size(SEND_BUFFER_MIN), Relaxed),
            SockOpt::ReceiveBuffer => self.receive_buffer.store(size(RECEIVE_BUFFER_MIN), Relaxed),
            _ => self.switch(option).ok_or(Errno::ENOPROTOOPT)?.store(value != 0, Relaxed),
        }
        Ok(())
    }
}
