//! The descriptor table of one process.

use super::Description;
use agentos_abi::{Errno, Fd, FdFlags, Result};
use std::sync::Arc;

#[derive(Clone)]
struct Slot {
    description: Arc<Description>,
    cloexec: bool,
}

/// Descriptors to open file descriptions. Copied by fork(2): both copies share the descriptions.
///
/// Methods that take descriptions out answer them, so that the caller drops them after releasing the table's lock:
/// closing a file can wake and signal other processes.
#[derive(Clone, Default)]
pub(crate) struct FdTable {
    slots: Vec<Option<Slot>>,
    /// No free slot is below this.
    lowest_free: usize,
    /// The process has ended: nothing may be installed any more.
    closed: bool,
}

impl FdTable {
    /// Errors: EBADF; ESRCH once the process has ended.
    pub(crate) fn get(&self, fd: Fd) -> Result<&Arc<Description>> {
        match self.slot(fd) {
            Some(slot) => Ok(&slot.description),
            None if self.closed => Err(Errno::ESRCH),
            None => Err(Errno::EBADF),
        }
    }

    fn slot(&self, fd: Fd) -> Option<&Slot> {
        self.slots.get(usize::try_from(fd).ok()?)?.as_ref()
    }

    /// Installs at the lowest free number from `min` on that is below `limit` (RLIMIT_NOFILE). Errors: EMFILE, ESRCH.
    pub(crate) fn install(&mut self, description: Arc<Description>, cloexec: bool, min: usize, limit: u64) -> Result<Fd> {
        if self.closed {
            return Err(Errno::ESRCH);
        }
        let start = min.max(self.lowest_free);
        let at = (start..self.slots.len()).find(|i| self.slots[*i].is_none()).unwrap_or(self.slots.len().max(start));
        if at as u64 >= limit {
            return Err(Errno::EMFILE);
        }
        let fd = Fd::try_from(at).map_err(|_| Errno::EMFILE)?;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, None);
        }
        self.slots[at] = Some(Slot { description, cloexec });
        if at == self.lowest_free {
            self.lowest_free = at + 1;
        }
        Ok(fd)
    }

    /// Errors: EMFILE when no number below `limit` is free, ESRCH.
    pub(crate) fn check_room(&self, limit: u64) -> Result<()> {
        if self.closed {
            return Err(Errno::ESRCH);
        }
        let free = (self.lowest_free..self.slots.len()).find(|at| self.slots[*at].is_none()).unwrap_or(self.slots.len().max(self.lowest_free));
        if (free as u64) < limit { Ok(()) } else { Err(Errno::EMFILE) }
    }

    /// Puts a description at an exact number; answers what was there. Errors: EBADF (over `limit`), ESRCH.
    pub(crate) fn replace(&mut self, fd: Fd, description: Arc<Description>, cloexec: bool, limit: u64) -> Result<Option<Arc<Description>>> {
        if self.closed {
            return Err(Errno::ESRCH);
        }
        let at = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        if at as u64 >= limit {
            return Err(Errno::EBADF);
        }
        if at >= self.slots.len() {
            self.slots.resize(at + 1, None);
        }
        Ok(self.slots[at].replace(Slot { description, cloexec }).map(|slot| slot.description))
    }

    /// Takes one out. Errors: EBADF, ESRCH.
    pub(crate) fn remove(&mut self, fd: Fd) -> Result<Arc<Description>> {
        self.get(fd)?;
        let at = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.lowest_free = self.lowest_free.min(at);
        self.slots[at].take().map(|slot| slot.description).ok_or(Errno::EBADF)
    }

    /// Takes out every descriptor of a range, or marks it CLOEXEC.
    pub(crate) fn close_range(&mut self, first: usize, last: usize, cloexec: bool) -> Vec<Arc<Description>> {
        let mut closed = Vec::new();
        for at in first..self.slots.len().min(last.saturating_add(1)) {
            if cloexec {
                if let Some(slot) = &mut self.slots[at] {
                    slot.cloexec = true;
                }
            } else if let Some(slot) = self.slots[at].take() {
                self.lowest_free = self.lowest_free.min(at);
                closed.push(slot.description);
            }
        }
        closed
    }

    /// Takes out what execve(2) closes.
    pub(crate) fn close_on_exec(&mut self) -> Vec<Arc<Description>> {
        let mut closed = Vec::new();
        for at in 0..self.slots.len() {
            if self.slots[at].as_ref().is_some_and(|slot| slot.cloexec) {
                self.lowest_free = self.lowest_free.min(at);
                closed.extend(self.slots[at].take().map(|slot| slot.description));
            }
        }
        closed
    }

    /// Takes everything out for good.
    pub(crate) fn close(&mut self) -> Vec<Arc<Description>> {
        self.closed = true;
        self.lowest_free = 0;
        std::mem::take(&mut self.slots).into_iter().flatten().map(|slot| slot.description).collect()
    }

    /// F_GETFD
    pub(crate) fn flags(&self, fd: Fd) -> Result<FdFlags> {
        self.get(fd)?;
        Ok(if self.slot(fd).is_some_and(|slot| slot.cloexec) { FdFlags::CLOEXEC } else { FdFlags::empty() })
    }

    /// F_SETFD
    pub(crate) fn set_flags(&mut self, fd: Fd, flags: FdFlags) -> Result<()> {
        self.get(fd)?;
        if let Some(Some(slot)) = usize::try_from(fd).ok().and_then(|at| self.slots.get_mut(at)) {
            slot.cloexec = flags.contains(FdFlags::CLOEXEC);
        }
        Ok(())
    }

    /// Open descriptors, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Fd, &Arc<Description>)> {
        let taken = self.slots.iter().enumerate().filter_map(|(at, slot)| Some((at, slot.as_ref()?)));
        taken.filter_map(|(at, slot)| Some((Fd::try_from(at).ok()?, &slot.description)))
    }
}
