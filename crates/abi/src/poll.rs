//! Readiness masks of poll(2) and epoll(7).

use bitflags::bitflags;

bitflags! {
    /// What a file is ready for; numbers of poll(2), which epoll shares.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Events: u32 {
        /// Data to read, a connection to accept, or end of file.
        const IN = 0x1;
        /// Exceptional condition.
        const PRI = 0x2;
        /// Room to write.
        const OUT = 0x4;
        /// Error (always reported).
        const ERR = 0x8;
        /// Hang-up (always reported).
        const HUP = 0x10;
        /// Invalid descriptor (poll only).
        const NVAL = 0x20;
        /// Normal data, as IN.
        const RDNORM = 0x40;
        /// As OUT.
        const WRNORM = 0x100;
        /// The peer shut down writing.
        const RDHUP = 0x2000;
    }
}

impl Events {
    /// Reported whether asked for or not.
    pub const ALWAYS: Events = Events::ERR.union(Events::HUP);
    /// IN and its synonym.
    pub const READ: Events = Events::IN.union(Events::RDNORM);
    /// OUT and its synonym.
    pub const WRITE: Events = Events::OUT.union(Events::WRNORM);
}

/// One entry of poll(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollFd {
    /// Descriptor; negative entries are skipped.
    pub fd: i32,
    /// What to look for.
    pub events: Events,
    /// What was found.
    pub revents: Events,
}
