//! agentos-rt-v8
