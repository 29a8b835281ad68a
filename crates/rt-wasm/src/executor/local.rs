//! What a thread of the executor knows of the program it runs.
//!
//! A program that the running one wakes goes into the thread's slot when both are of one VM: it runs as soon as the running one
//! waits, without a switch of threads. When the running one does not wait soon, the slot is emptied for other threads to take.

use super::task::Task;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a woken program waits for the thread that woke it before others may take it.
const PATIENCE: Duration = Duration::from_micros(40);

thread_local! {
    /// When the program that this thread runs began its slice.
    static SLICE: Cell<Option<Instant>> = const { Cell::new(None) };
    /// Whether `WAKING` holds a program: the one look that every system call takes.
    static OCCUPIED: Cell<bool> = const { Cell::new(false) };
    static WAKING: RefCell<Waking> = const { RefCell::new(Waking { owner: None, slot: None }) };
}

struct Waking {
    /// The scheduler and group of the program that runs here, and where this thread is asked to yield.
    owner: Option<Owner>,
    slot: Option<(Arc<Task>, Instant)>,
}

struct Owner {
    scheduler: usize,
    group: usize,
    preempt: Arc<AtomicBool>,
}

/// How long the current program has run since it was last polled or accounted for.
pub(crate) fn slice_used() -> Duration {
    SLICE.get().map_or(Duration::ZERO, |since| since.elapsed())
}

/// The same, and a new slice begins: for whoever charges the time at once, as exit(2) must before the parent can look.
pub(crate) fn take_slice() -> Duration {
    let now = Instant::now();
    SLICE.replace(Some(now)).map_or(Duration::ZERO, |since| now - since)
}

/// A slice begins.
pub(super) fn begin_slice(now: Instant) {
    SLICE.set(Some(now));
}

/// From here on this thread runs programs of a group.
pub(super) fn enter(scheduler: usize, group: usize, preempt: &Arc<AtomicBool>) {
    WAKING.with_borrow_mut(|waking| waking.owner = Some(Owner { scheduler, group, preempt: preempt.clone() }));
}

/// This thread runs nothing; answers what was left in the slot.
pub(super) fn leave() -> Option<Arc<Task>> {
    WAKING.with_borrow_mut(|waking| waking.owner = None);
    take()
}

/// The program in the slot.
pub(super) fn take() -> Option<Arc<Task>> {
    OCCUPIED.set(false);
    WAKING.with_borrow_mut(|waking| waking.slot.take().map(|(task, _)| task))
}

/// Puts a woken program into the slot of this thread. Gives it back when the thread runs nothing of its group, or has one already.
pub(super) fn put(task: Arc<Task>) -> Option<Arc<Task>> {
    WAKING.with_borrow_mut(|waking| {
        let fits = waking.owner.as_ref().is_some_and(|o| o.scheduler == task.scheduler_id() && o.group == task.group());
        if !fits || waking.slot.is_some() {
            return Some(task);
        }
        waking.slot = Some((task, Instant::now()));
        OCCUPIED.set(true);
        None
    })
}

/// Lets other threads take what has been waiting in the slot too long. Called at every system call and epoch.
#[inline]
pub(crate) fn flush_stale() {
    if OCCUPIED.get() {
        flush_if_stale();
    }
}

#[cold]
fn flush_if_stale() {
    let stale = WAKING.with_borrow(|waking| waking.slot.as_ref().is_some_and(|(_, since)| since.elapsed() >= PATIENCE));
    if stale && let Some(task) = take() {
        task.hand_over();
    }
}

/// Whether the scheduler has asked the program that runs here to let another VM's go first.
pub(crate) fn wants_to_yield() -> bool {
    WAKING.with_borrow(|waking| waking.owner.as_ref().is_some_and(|owner| owner.preempt.load(Ordering::Relaxed)))
}
