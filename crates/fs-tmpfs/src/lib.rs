//! agentos-fs-tmpfs
