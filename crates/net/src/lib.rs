//! agentos-net
