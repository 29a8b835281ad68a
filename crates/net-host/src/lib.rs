//! agentos-net-host
