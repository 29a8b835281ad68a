//! epoll(7): an interest list whose entries are marked by the files themselves, so that waiting costs what is ready.

use super::eventfd::anonymous_stat;
use crate::fd::Description;
use agentos_abi::{Errno, Events, Fd, Result, Stat};
use agentos_syscall::EpollOp;
use agentos_vfs::File;
use agentos_waiter::{Registration, WaitQueue};
use parking_lot::Mutex;
use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

/// Most entries of one interest list (Linux bounds it by memory: max_user_watches).
const MAX_INTERESTS: usize = 65536;
/// Epoll files inside epoll files (Linux' EP_MAX_NESTS).
const MAX_NESTING: usize = 4;

/// Edge-triggered.
const EPOLLET: u32 = 1 << 31;
/// Off after one event.
const EPOLLONESHOT: u32 = 1 << 30;

/// An entry is about a descriptor and the open file description behind it at the time (epoll(7), Q&A).
type Key = (Fd, u64);

struct Interest {
    /// A closed file leaves the list by itself: the list does not keep it open.
    description: Weak<Description>,
    events: Events,
    flags: u32,
    data: u64,
    mark: Arc<Mark>,
    _registration: Registration,
}

/// Marks an entry as possibly ready when its file says so.
struct Mark {
    key: Key,
    shared: Arc<Shared>,
    queued: AtomicBool,
}

struct Shared {
    /// Entries to look at, in order; each at most once.
    ready: Mutex<VecDeque<Key>>,
    queue: WaitQueue,
}

impl Mark {
    fn set(&self) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.shared.ready.lock().push_back(self.key);
        }
        self.shared.queue.notify(Events::READ);
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.set();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
    }
}

/// An epoll file. Lock order: interests, then a file's own, then ready.
pub(crate) struct Epoll {
    interests: Mutex<BTreeMap<Key, Interest>>,
    shared: Arc<Shared>,
}

impl Epoll {
    pub(crate) fn new() -> Epoll {
        let shared = Arc::new(Shared { ready: Mutex::default(), queue: WaitQueue::new() });
        Epoll { interests: Mutex::default(), shared }
    }

    /// epoll_ctl(2) on `description`, which `fd` refers to.
    ///
    /// # Errors
    /// EEXIST, ENOENT, EPERM (the file is always ready), ELOOP (nested too deep, or in a circle), ENOSPC (too many entries).
    pub(crate) fn control(&self, fd: Fd, description: &Arc<Description>, op: EpollOp) -> Result<()> {
        let key = (fd, description.id);
        match op {
            EpollOp::Add { events, flags, data } => self.add(key, description, events, flags, data),
            EpollOp::Modify { events, flags, data } => self.modify(key, events, flags, data),
            EpollOp::Delete => {
                let removed = self.interests.lock().remove(&key);
                removed.map(drop).ok_or(Errno::ENOENT)
            }
        }
    }

    fn add(&self, key: Key, description: &Arc<Description>, events: Events, flags: u32, data: u64) -> Result<()> {
        let queue = description.file.wait_queue().ok_or(Errno::EPERM)?;
        self.check_nesting(&*description.file)?;
        let mut interests = self.interests.lock();
        interests.retain(|_, interest| interest.description.strong_count() > 0);
        if interests.contains_key(&key) {
            return Err(Errno::EEXIST);
        }
        if interests.len() >= MAX_INTERESTS {
            return Err(Errno::ENOSPC);
        }
        let mark = Arc::new(Mark { key, shared: self.shared.clone(), queued: AtomicBool::new(false) });
        let registration = queue.register(events, &Waker::from(mark.clone()));
        let description = Arc::downgrade(description);
        interests.insert(key, Interest { description, events, flags, data, mark: mark.clone(), _registration: registration });
        drop(interests);
        // It may be ready already.
        mark.set();
        Ok(())
    }

    fn modify(&self, key: Key, events: Events, flags: u32, data: u64) -> Result<()> {
        let mut interests = self.interests.lock();
        let interest = interests.get_mut(&key).ok_or(Errno::ENOENT)?;
        let description = interest.description.upgrade().ok_or(Errno::ENOENT)?;
        let queue = description.file.wait_queue().ok_or(Errno::EPERM)?;
        interest._registration = queue.register(events, &Waker::from(interest.mark.clone()));
        (interest.events, interest.flags, interest.data) = (events, flags, data);
        let mark = interest.mark.clone();
        drop(interests);
        mark.set();
        drop(description);
        Ok(())
    }

    /// Errors: ELOOP when adding `file` makes a circle or a tower.
    fn check_nesting(&self, file: &dyn File) -> Result<()> {
        match file.as_any().downcast_ref::<Epoll>() {
            None => Ok(()),
            Some(inner) => inner.check_reach(self, MAX_NESTING),
        }
    }

    fn check_reach(&self, target: &Epoll, depth: usize) -> Result<()> {
        if std::ptr::eq(self, target) || depth == 0 {
            return Err(Errno::ELOOP);
        }
        let inner: Vec<Arc<Description>> = self.interests.lock().values().filter_map(|i| i.description.upgrade()).collect();
        let epolls = inner.iter().filter_map(|d| d.file.as_any().downcast_ref::<Epoll>());
        epolls.into_iter().try_for_each(|epoll| epoll.check_reach(target, depth - 1))
    }

    /// epoll_wait(2) without waiting. Errors: EWAIT.
    pub(crate) fn collect(&self, out: &mut [(Events, u64)]) -> Result<usize> {
        let mut found = 0;
        let mut again = Vec::new();
        // Each marked entry is looked at once, however often it is marked meanwhile.
        let mut budget = self.shared.ready.lock().len();
        while found < out.len() && budget > 0 {
            budget -= 1;
            let Some(key) = self.shared.ready.lock().pop_front() else { break };
            if let Some((events, data, level)) = self.look_at(key) {
                out[found] = (events, data);
                found += 1;
                if level {
                    again.push(key);
                }
            }
        }
        // A level-triggered entry stays marked while it is ready, behind the others for fairness.
        for key in again {
            let mark = self.interests.lock().get(&key).map(|interest| interest.mark.clone());
            if let Some(mark) = mark {
                mark.set();
            }
        }
        if found == 0 { Err(Errno::EWAIT) } else { Ok(found) }
    }

    /// What a marked entry is ready for, its data, and whether it is level-triggered.
    fn look_at(&self, key: Key) -> Option<(Events, u64, bool)> {
        let (description, wanted, flags, data) = {
            let interests = self.interests.lock();
            let interest = interests.get(&key)?;
            // Unmarked before the file is asked, so that a change from now on marks it anew.
            interest.mark.queued.store(false, Ordering::Release);
            (interest.description.upgrade()?, interest.events, interest.flags, interest.data)
        };
        let ready = description.file.poll() & (wanted | Events::ALWAYS);
        // A one-shot entry that fired has no events left, not even the unconditional ones.
        if ready.is_empty() || (wanted.is_empty() && flags & EPOLLONESHOT != 0) {
            return None;
        }
        if flags & EPOLLONESHOT != 0 {
            if let Some(interest) = self.interests.lock().get_mut(&key) {
                interest.events = Events::empty();
            }
        }
        Some((ready, data, flags & (EPOLLET | EPOLLONESHOT) == 0))
    }

    fn has_ready(&self) -> bool {
        let marked: Vec<Key> = self.shared.ready.lock().iter().copied().collect();
        marked.into_iter().any(|key| {
            let found = self.interests.lock().get(&key).map(|i| (i.description.upgrade(), i.events));
            matches!(found, Some((Some(description), wanted)) if description.file.poll().intersects(wanted | Events::ALWAYS))
        })
    }
}

impl File for Epoll {
    fn read_at(&self, _buf: &mut [u8], _offset: u64) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    fn write_at(&self, _buf: &[u8], _offset: u64, _append: bool) -> Result<(usize, u64)> {
        Err(Errno::EINVAL)
    }

    fn seekable(&self) -> bool {
        false
    }

    fn poll(&self) -> Events {
        if self.has_ready() { Events::READ } else { Events::empty() }
    }

    fn wait_queue(&self) -> Option<&WaitQueue> {
        Some(&self.shared.queue)
    }

    fn stat(&self) -> Option<Stat> {
        Some(anonymous_stat())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
