//! Finding and loading modules, by Node's rules for every file.

mod analyze;
mod code_cache;
mod loader;
mod source;

pub use code_cache::CodeCache;
pub use loader::{AllNpm, Loader, Npm, Services, new_loader};
pub use source::contains_esm_syntax;
