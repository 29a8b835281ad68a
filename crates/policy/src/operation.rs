//! What can be asked for.

use std::fmt;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Files, by absolute path.
    Fs,
    /// Destinations outside the VM, by host and port.
    Network,
    /// Programs, by absolute path of their file.
    Process,
    /// Environment variables given from outside, by name.
    Env,
    /// Host tools, by `toolkit.tool`.
    Tool,
}

impl Class {
    /// All.
    pub const ALL: [Class; 5] = [Class::Fs, Class::Network, Class::Process, Class::Env, Class::Tool];

    /// As it is written in options.
    pub fn name(self) -> &'static str {
        match self {
            Class::Fs => "fs",
            Class::Network => "network",
            Class::Process => "process",
            Class::Env => "env",
            Class::Tool => "tool",
        }
    }

    /// The operations of the class.
    pub fn operations(self) -> &'static [Operation] {
        match self {
            Class::Fs => &[Operation::Read, Operation::Write, Operation::Create, Operation::Delete, Operation::Stat],
            Class::Network => &[Operation::Resolve, Operation::Connect],
            Class::Process => &[Operation::Exec],
            Class::Env => &[Operation::Pass],
            Class::Tool => &[Operation::Call],
        }
    }

    /// The operation of this class with that name.
    pub fn operation(self, name: &str) -> Option<Operation> {
        self.operations().iter().copied().find(|operation| operation.name() == name)
    }

    /// What separates the parts of an object's name, if it has any: a pattern without wildcards means an object and all below it.
    pub(crate) fn separator(self) -> Option<u8> {
        match self {
            Class::Fs | Class::Process => Some(b'/'),
            Class::Tool => Some(b'.'),
            Class::Network | Class::Env => None,
        }
    }
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Open for reading, list a directory, read a symbolic link.
    Read,
    /// Open for writing, truncate, change mode, owner or times.
    Write,
    /// Make a name: file, directory, link, the new name of a rename.
    Create,
    /// Remove a name: unlink, rmdir, the old name of a rename.
    Delete,
    /// Look at attributes.
    Stat,
    /// Look up a host name.
    Resolve,
    /// Connect or send to an address.
    Connect,
    /// Run a program.
    Exec,
    /// Let a variable in.
    Pass,
    /// Call a host tool.
    Call,
}

impl Operation {
    /// How many there are.
    pub(crate) const COUNT: usize = 10;

    /// As it is written in options.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Write => "write",
            Operation::Create => "create",
            Operation::Delete => "delete",
            Operation::Stat => "stat",
            Operation::Resolve => "resolve",
            Operation::Connect => "connect",
            Operation::Exec => "exec",
            Operation::Pass => "pass",
            Operation::Call => "call",
        }
    }
}

/// A set of operations.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Operations(u16);

impl Operations {
    /// Every operation.
    pub const ALL: Operations = Operations((1 << Operation::COUNT) - 1);

    /// Whether `operation` is in the set.
    pub fn has(self, operation: Operation) -> bool {
        self.0 & (1 << operation as u16) != 0
    }

    /// The set with `operation` in it.
    #[must_use]
    pub fn with(self, operation: Operation) -> Operations {
        Operations(self.0 | 1 << operation as u16)
    }

    /// The operations of a set, in order of declaration of `class`.
    pub fn of(self, class: Class) -> impl Iterator<Item = Operation> {
        class.operations().iter().copied().filter(move |operation| self.has(*operation))
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(all: I) -> Operations {
        all.into_iter().fold(Operations::default(), Operations::with)
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Class::ALL.into_iter().flat_map(|class| self.of(class))).finish()
    }
}
