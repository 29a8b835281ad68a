//! agentos-kernel
