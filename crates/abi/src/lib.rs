//! agentos-abi
