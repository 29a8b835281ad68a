//! agentos-fs-dev
