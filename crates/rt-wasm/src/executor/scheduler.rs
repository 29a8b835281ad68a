//! Which program runs next, and where.
//!
//! Programs of one VM form a group. A group's virtual time is the CPU time that its programs have used; a free thread takes the first
//! program of the group with the least. A group that slept does not save up more than [`CREDIT`], so it goes before busy ones without
//! shutting them out. A group over its CPU share (`maxCpuPercent`) is set aside until its account says otherwise.
//!
//! There are two kinds of threads, as many of each as CPUs. Programs that were just woken run on the first kind. Those that have
//! used up a slice, and all of a group that computes a lot ([`HEAVY`]), run on the second, which the host's scheduler ranks below
//! ([`NICENESS`]): whatever computes in a VM, a command of another VM, and the event loop of the host, find a CPU at once.

use super::group::{Group, State};
use super::local;
use super::task::{Outcome, Task};
use super::ticker::{TICK, Ticker};
use agentos_syscall::CpuAccount;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};
use wasmtime::Engine;

/// Niceness of the threads that run what computes.
const NICENESS: i32 = 5;
/// How long a thread without work looks for some before it sleeps, when that paid off the last time: a caller that runs one
/// command after the other comes back about that soon, and waking a thread takes 40 us where CPUs are virtual.
const MAX_SPIN: u32 = 200_000;
/// The same, in nanoseconds too, when it has not paid off for long.
const MIN_SPIN: u32 = 5_000;

/// The two kinds of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// For what was just woken.
    Prompt = 0,
    /// For what computes.
    Batch = 1,
}

pub(super) struct Scheduler {
    state: Mutex<State>,
    /// Programs that wait for a prompt thread, to look at without the lock.
    queued: AtomicUsize,
    /// One thread at a time spins.
    spinning: AtomicBool,
    /// For how long, in nanoseconds.
    spin: AtomicU32,
    workers: Vec<Worker>,
    pub(super) ticker: Ticker,
    engine: Engine,
}

struct Worker {
    class: Class,
    /// Set by whoever wants the thread to look for work.
    awake: AtomicBool,
    /// Set to ask what runs on it to yield.
    preempt: Arc<AtomicBool>,
}

/// A sleeping thread that is to be woken, once the lock is released.
type Sleeper = Option<(usize, Option<Thread>)>;

impl Scheduler {
    /// Starts `threads` threads of each kind, and the ticker.
    pub fn start(engine: Engine, threads: usize) -> std::io::Result<Arc<Scheduler>> {
        let worker = |class| Worker { class, awake: AtomicBool::new(false), preempt: Arc::default() };
        let classes = [Class::Prompt, Class::Batch].into_iter().flat_map(|class| std::iter::repeat_n(class, threads));
        let scheduler = Arc::new(Scheduler {
            state: Mutex::new(State::new(2 * threads)),
            queued: AtomicUsize::new(0),
            spinning: AtomicBool::new(false),
            spin: AtomicU32::new(MIN_SPIN),
            workers: classes.map(worker).collect(),
            ticker: Ticker::default(),
            engine: engine.clone(),
        });
        for index in 0..scheduler.workers.len() {
            let scheduler = scheduler.clone();
            std::thread::Builder::new().name("agentos-wasm".into()).spawn(move || scheduler.work(index))?;
        }
        let weak = Arc::downgrade(&scheduler);
        std::thread::Builder::new().name("agentos-tick".into()).spawn(move || Ticker::run(&engine, &weak))?;
        Ok(scheduler)
    }

    /// One more program in the group of an account; answers the group's key.
    pub fn join(&self, account: &Arc<CpuAccount>) -> usize {
        self.state.lock().join(account)
    }

    /// Ends the threads; programs that have not finished are given up.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.stop = true;
        let queued: Vec<Arc<Task>> = state.groups.values_mut().flat_map(Group::drain).collect();
        let sleepers: Vec<Sleeper> = (0..self.workers.len()).map(|index| Some((index, state.threads[index].clone()))).collect();
        drop(state);
        sleepers.into_iter().for_each(|sleeper| self.wake(sleeper));
        self.ticker.stop();
        queued.iter().for_each(|task| task.cancel());
    }

    /// Queues a ready program and sees to it that a thread takes it. `busy`: it was running until now.
    pub fn enqueue(&self, task: Arc<Task>, busy: bool) {
        let mut state = self.state.lock();
        if state.stop {
            drop(state);
            return task.cancel();
        }
        let key = task.group();
        let Some((class, time)) = state.push(task, busy) else { return };
        let spinning = self.publish(&state);
        let sleepers = state.wanted(spinning);
        let served = sleepers[class as usize].is_some() || (spinning && class == Class::Prompt);
        let victim = if served { None } else { state.furthest_ahead(key, time, |index| self.workers[index].class == class) };
        drop(state);
        self.wake_all(sleepers);
        if let Some(index) = victim {
            self.workers[index].preempt.store(true, Ordering::Relaxed);
            self.engine.increment_epoch();
        }
    }

    /// Tells a thread that spins how much there is; answers whether one does.
    fn publish(&self, state: &State) -> bool {
        self.queued.store(state.ready[Class::Prompt as usize].len(), Ordering::SeqCst);
        self.spinning.load(Ordering::SeqCst)
    }

    fn wake_all(&self, sleepers: [Sleeper; 2]) {
        sleepers.into_iter().for_each(|sleeper| self.wake(sleeper));
    }

    fn wake(&self, sleeper: Sleeper) {
        let Some((index, thread)) = sleeper else { return };
        self.workers[index].awake.store(true, Ordering::SeqCst);
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    /// Puts groups whose pause is over back; answers whether any group is set aside.
    pub fn resume_due(&self) -> bool {
        let mut state = self.state.lock();
        if !state.resume_due(Instant::now()) {
            return false;
        }
        // Whoever is woken wakes the next when there is more.
        let spinning = self.publish(&state);
        let sleepers = state.wanted(spinning);
        drop(state);
        self.wake_all(sleepers);
        true
    }

    fn work(self: Arc<Self>, index: usize) {
        if self.workers[index].class == Class::Batch {
            be_nice();
        }
        self.state.lock().threads[index] = Some(std::thread::current());
        while let Some(task) = self.next(index) {
            self.ticker.enter();
            self.run(index, task);
            self.ticker.leave();
        }
    }

    /// Runs a program and then, within one slice, whom it woke.
    fn run(&self, index: usize, task: Arc<Task>) {
        let (group, began) = (task.group(), Instant::now());
        let preempt = &self.workers[index].preempt;
        local::enter(std::ptr::from_ref(self) as usize, group, preempt);
        let (mut current, mut used, mut finished) = (task, Duration::ZERO, 0);
        let again = loop {
            let (outcome, time) = current.run();
            used += time;
            let again = match outcome {
                Outcome::Off => None,
                Outcome::Again => Some(current),
                Outcome::Finished => {
                    finished += 1;
                    None
                }
            };
            // Whoever wants to go on lets others of the queue go first; so does a slice that is used up.
            if again.is_some() || began.elapsed() >= TICK || preempt.load(Ordering::Relaxed) {
                break again;
            }
            match local::take() {
                Some(woken) => current = woken,
                None => break None,
            }
        };
        let left = local::leave();
        let asked = preempt.swap(false, Ordering::Relaxed);
        let mut state = self.state.lock();
        let gone = state.account(index, group, used, finished);
        let spinning = self.publish(&state);
        let sleepers = state.wanted(spinning);
        drop(state);
        drop(gone);
        self.wake_all(sleepers);
        left.into_iter().for_each(|task| self.enqueue(task, false));
        // Who yields to another group before its slice is over has not computed for long.
        again.into_iter().for_each(|task| self.enqueue(task, !(asked && used < TICK / 2)));
    }

    /// The next program for a thread; sleeps until there is one. `None` at the end.
    fn next(&self, index: usize) -> Option<Arc<Task>> {
        let class = self.workers[index].class;
        let mut may_spin = class == Class::Prompt;
        loop {
            let mut state = self.state.lock();
            if state.stop {
                return None;
            }
            let picked = state.pick(index, class);
            let spinning = self.publish(&state);
            if let Some(task) = picked {
                // Whoever queued it woke at most one thread of each kind.
                let sleepers = state.wanted(spinning);
                drop(state);
                self.wake_all(sleepers);
                return Some(task);
            }
            if may_spin && !self.spinning.swap(true, Ordering::SeqCst) {
                drop(state);
                self.spin();
                may_spin = false;
                continue;
            }
            state.idle[class as usize].push(index);
            drop(state);
            self.sleep(index);
            may_spin = class == Class::Prompt;
        }
    }

    fn sleep(&self, index: usize) {
        let asleep = Instant::now();
        while !self.workers[index].awake.swap(false, Ordering::SeqCst) {
            std::thread::park();
        }
        if self.workers[index].class == Class::Prompt && asleep.elapsed() < 2 * Duration::from_nanos(MAX_SPIN.into()) {
            // Looking a little longer would have been better than sleeping.
            self.spin.store(MAX_SPIN, Ordering::Relaxed);
        }
    }

    /// Looks for work for a moment. Whoever queues some meanwhile wakes nobody, and leaves it to the look that follows.
    fn spin(&self) {
        let budget = self.spin.load(Ordering::Relaxed);
        let (began, patience) = (Instant::now(), Duration::from_nanos(budget.into()));
        let found = loop {
            if self.queued.load(Ordering::SeqCst) > 0 {
                break true;
            }
            if began.elapsed() >= patience {
                break false;
            }
            (0..16).for_each(|_| std::hint::spin_loop());
        };
        self.spin.store(if found { MAX_SPIN } else { (budget / 2).max(MIN_SPIN) }, Ordering::Relaxed);
        self.spinning.store(false, Ordering::SeqCst);
    }
}

/// Ranks this thread below others. Failing costs only fairness.
#[allow(unsafe_code, reason = "setpriority has no safe form here")]
fn be_nice() {
    // SAFETY: no memory is involved; 0 is the calling thread on Linux.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}
