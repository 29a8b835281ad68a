//! agentos-syscall
