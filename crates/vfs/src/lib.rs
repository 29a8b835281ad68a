//! agentos-vfs
