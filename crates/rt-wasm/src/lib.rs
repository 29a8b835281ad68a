//! agentos-rt-wasm
