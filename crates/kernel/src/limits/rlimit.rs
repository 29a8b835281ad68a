//! The limits of one process (getrlimit(2)).

use super::Limits;
use agentos_abi::{Errno, Resource, Result, Rlimit};
use agentos_account::Limit;

/// One value per [`Resource`]; copied by fork(2), kept by execve(2).
#[derive(Clone)]
pub(crate) struct Rlimits([Rlimit; Resource::COUNT]);

impl Rlimits {
    /// What pid 1 starts with. RLIMIT_NPROC is finite: bash sizes its job table by it.
    pub(crate) fn initial(limits: &Limits) -> Rlimits {
        let mut values = [Rlimit::UNLIMITED; Resource::COUNT];
        let (soft, hard) = limits.max_process_files;
        values[Resource::Nofile as usize] = Rlimit { soft, hard: hard.max(soft) };
        values[Resource::Nproc as usize] = Rlimit::fixed(limits.account.bounds().get(Limit::Processes));
        values[Resource::Stack as usize] = Rlimit { soft: 8 << 20, hard: Rlimit::INFINITY };
        values[Resource::Core as usize] = Rlimit { soft: 0, hard: Rlimit::INFINITY };
        values[Resource::Sigpending as usize] = Rlimit::fixed(crate::signal::MAX_QUEUED as u64);
        values[Resource::Memlock as usize] = Rlimit::fixed(8 << 20);
        values[Resource::Msgqueue as usize] = Rlimit::fixed(819_200);
        values[Resource::Nice as usize] = Rlimit::fixed(0);
        values[Resource::Rtprio as usize] = Rlimit::fixed(0);
        Rlimits(values)
    }

    pub(crate) fn get(&self, resource: Resource) -> Rlimit {
        self.0[resource as usize]
    }

    /// Sets one. Errors: EINVAL (soft over hard), EPERM (raising the hard limit unprivileged).
    pub(crate) fn set(&mut self, resource: Resource, new: Rlimit, privileged: bool) -> Result<()> {
        if new.soft > new.hard {
            return Err(Errno::EINVAL);
        }
        let slot = &mut self.0[resource as usize];
        if new.hard > slot.hard && !privileged {
            return Err(Errno::EPERM);
        }
        *slot = new;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_privileged_raise_a_hard_limit() {
        let mut limits = Rlimits::initial(&Limits::default());
        assert_eq!(limits.set(Resource::Nofile, Rlimit { soft: 10, hard: 5 }, true), Err(Errno::EINVAL));
        limits.set(Resource::Nofile, Rlimit::fixed(50), false).unwrap();
        assert_eq!(limits.set(Resource::Nofile, Rlimit::fixed(51), false), Err(Errno::EPERM));
        limits.set(Resource::Nofile, Rlimit::fixed(51), true).unwrap();
        assert_eq!(limits.get(Resource::Nofile), Rlimit::fixed(51));
    }
}
