//! agentos-fs-overlay
