//! Functions of the host as commands: what a command line of `agentos-NAME` means, and what it prints about itself.
//!
//! Pure text and JSON; processes are made in `agentos`. A [`Toolkit`] is a set of tools, a [`Tool`] has a JSON Schema for its
//! arguments, [`Flags`] are the command-line form of that schema, [`parse`] turns a command line into a [`Request`].

mod args;
mod completion;
mod declaration;
mod flags;
mod help;
mod problem;
mod prompt;
mod schema;
mod toolkit;
mod value;

pub use args::{Input, Request, Usage, finish, parse};
pub use completion::bash as bash_completion;
pub use declaration::declaration;
pub use flags::{Flag, Flags, Kind};
pub use help::{list, list_json, tool_help, tool_json, toolkit_help, toolkit_json};
pub use prompt::{instructions, prompt_block};
pub use toolkit::{Tool, ToolSpec, Toolkit, ToolkitSpec, Toolkits};
