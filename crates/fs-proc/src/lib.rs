//! agentos-fs-proc
