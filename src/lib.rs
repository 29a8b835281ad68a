//! Node-API skin.
