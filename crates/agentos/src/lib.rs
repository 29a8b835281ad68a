//! agentos-agentos
