//! Node programs in a VM of a real kernel.

mod audit;
mod harness;
mod limits;
mod processes;
mod security;
mod specs;
