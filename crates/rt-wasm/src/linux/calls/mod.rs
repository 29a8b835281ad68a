//! Handlers, one file per family. Each decodes, refuses what it does not know, makes one call of the kernel, encodes.

pub(crate) mod event;
pub(crate) mod fd;
pub(crate) mod io;
pub(crate) mod memory;
pub(crate) mod net;
pub(crate) mod path;
pub(crate) mod process;
pub(crate) mod signal;
pub(crate) mod system;
pub(crate) mod time;
pub(crate) mod waitable;
