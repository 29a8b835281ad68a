//! agentos-waiter
