//! The policy of files, as the file tree asks it.

use super::check::Want;
use super::scope::{Said, Scope};
use crate::kernel::Kernel;
use crate::process::Process;
use crate::task::Task;
use agentos_abi::{Errno, Result};
use agentos_policy::{Class, Mode, Operation};
use agentos_vfs::{Access, Cred, Guard, Object};
use std::sync::Arc;

/// One process's view of the policy.
struct FsGuard {
    kernel: Arc<Kernel>,
    process: Arc<Process>,
    scope: Arc<Scope>,
}

impl Guard for FsGuard {
    fn check(&self, wanted: &[(Access, Object<'_>)]) -> Result<()> {
        let root = self.kernel.namespace.root();
        let mut wants = Vec::with_capacity(wanted.len());
        for (access, object) in wanted {
            let path = object.path(&root);
            let operation = match access {
                Access::Read => Operation::Read,
                Access::Write => Operation::Write,
                Access::Create => Operation::Create,
                Access::Delete => Operation::Delete,
                Access::Stat => Operation::Stat,
                // As between file systems: programs then move file by file, and each is checked.
                Access::MoveTree if self.scope.may_speak_below(&path) => return Err(Errno::EXDEV),
                Access::MoveTree => continue,
            };
            let said = match self.scope.constant(Class::Fs) {
                Some(mode) => Said { mode, why: format!("permissions.fs.default is {}", mode.name()), ruled: false },
                None => self.scope.decide(Class::Fs, operation, &path),
            };
            wants.push(Want { class: Class::Fs, operation, object: path, said });
        }
        self.kernel.decide(&self.process, &self.scope, &wants)
    }
}

impl Task {
    /// The identity that file permissions are about: effective ids, and the policy where it has something to say.
    pub(crate) fn cred(&self) -> Cred {
        self.guarded(self.process.credentials.read().effective())
    }

    /// An identity under the policy of this process.
    pub(crate) fn guarded(&self, cred: Cred) -> Cred {
        match self.scope() {
            Some(scope) if scope.constant(Class::Fs) != Some(Mode::Allow) => {
                Cred { guard: Some(Arc::new(FsGuard { kernel: self.kernel.clone(), process: self.process.clone(), scope })), ..cred }
            }
            _ => cred,
        }
    }
}
