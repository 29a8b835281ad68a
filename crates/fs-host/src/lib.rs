//! agentos-fs-host
