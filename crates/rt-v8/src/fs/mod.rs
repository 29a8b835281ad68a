//! Files: one core over the system calls ([`tree`]), and the three faces that the Node layer wants on it.

mod face;
mod file;
mod sys;
pub mod tree;

pub use face::KernelFs;
pub use file::{KernelFile, Stdio, fs_stat, set_time};
