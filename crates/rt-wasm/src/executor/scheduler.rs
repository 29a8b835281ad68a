//! Which program runs next.
//!
//! Programs of one VM form a group with one queue. A group's virtual time is the CPU time that its programs have used; a free thread
//! takes the first program of the group with the least. A group that slept does not save up more than [`CREDIT`], so it goes
//! before busy ones without shutting them out. When every thread is busy with groups that are further ahead, one of them is asked
//! to yield at once. A group that is over its CPU share (`maxCpuPercent`) is set aside until its account says otherwise.

use super::local;
use super::task::{Outcome, Task};
use super::ticker::{TICK, Ticker};
use agentos_syscall::CpuAccount;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};
use wasmtime::Engine;

/// Virtual time, in nanoseconds, by which a group that slept may be behind those that did not.
const CREDIT: u64 = 2 * TICK.as_nanos() as u64;
/// How far, in nanoseconds of virtual time, a running group must be ahead of a waiting one to be interrupted for it.
const PREEMPT_MARGIN: u64 = 500_000;
/// Woken programs of a group that go before one of its busy ones.
const MAX_STREAK: u32 = 8;
/// How long a thread without work looks for some before it sleeps, when that paid off the last time: a caller that runs one
/// command after the other comes back about that soon, and waking a thread takes 40 us where CPUs are virtual.
const MAX_SPIN: u32 = 200_000;
/// The same, in nanoseconds too, when it has not paid off for long.
const MIN_SPIN: u32 = 5_000;

pub(super) struct Scheduler {
    state: Mutex<State>,
    /// Programs in queues, to look at without the lock.
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
    /// Set by whoever wants the thread to look for work.
    awake: AtomicBool,
    /// Set to ask what runs on it to yield.
    preempt: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    groups: HashMap<usize, Group>,
    /// Groups with something to run, least virtual time first.
    order: BTreeSet<(u64, usize)>,
    /// Groups over their share, and until when.
    paused: Vec<(Instant, usize)>,
    /// Virtual time of the group that was picked last; never goes back.
    clock: u64,
    /// Threads that sleep.
    idle: Vec<usize>,
    threads: Vec<Option<Thread>>,
    /// What each thread runs: group, its virtual time at the start, the start.
    running: Vec<Option<(usize, u64, Instant)>>,
    stop: bool,
}

/// The programs of one VM.
struct Group {
    account: Arc<CpuAccount>,
    /// Programs that something woke.
    woken: VecDeque<Arc<Task>>,
    /// Programs that used up their slice: they go after the woken ones.
    busy: VecDeque<Arc<Task>>,
    /// Woken programs picked while busy ones wait.
    streak: u32,
    /// CPU time used, in nanoseconds, moved forward after sleep.
    time: u64,
    /// Programs that have not finished.
    tasks: usize,
    paused: bool,
}

impl Scheduler {
    /// Starts `threads` threads and the ticker.
    pub fn start(engine: Engine, threads: usize) -> std::io::Result<Arc<Scheduler>> {
        let worker = || Worker { awake: AtomicBool::new(false), preempt: Arc::default() };
        let state = State { threads: vec![None; threads], running: vec![None; threads], ..State::default() };
        let scheduler = Arc::new(Scheduler {
            state: Mutex::new(state),
            queued: AtomicUsize::new(0),
            spinning: AtomicBool::new(false),
            spin: AtomicU32::new(MIN_SPIN),
            workers: std::iter::repeat_with(worker).take(threads).collect(),
            ticker: Ticker::default(),
            engine: engine.clone(),
        });
        for index in 0..threads {
            let scheduler = scheduler.clone();
            std::thread::Builder::new().name("agentos-wasm".into()).spawn(move || scheduler.work(index))?;
        }
        let weak = Arc::downgrade(&scheduler);
        std::thread::Builder::new().name("agentos-tick".into()).spawn(move || Ticker::run(&engine, &weak))?;
        Ok(scheduler)
    }

    /// One more program in the group of an account; answers the group's key.
    pub fn join(&self, account: &Arc<CpuAccount>) -> usize {
        let key = Arc::as_ptr(account) as usize;
        let mut state = self.state.lock();
        let clock = state.clock;
        // The group holds the account, so that no other can have its address.
        let fresh = || Group { account: account.clone(), woken: VecDeque::new(), busy: VecDeque::new(), streak: 0, time: clock, tasks: 0, paused: false };
        state.groups.entry(key).or_insert_with(fresh).tasks += 1;
        key
    }

    /// Ends the threads; programs that have not finished are given up.
    pub fn stop(&self) {
        let mut state = self.state.lock();
        state.stop = true;
        let queued: Vec<Arc<Task>> = state.groups.values_mut().flat_map(|group| group.woken.drain(..).chain(group.busy.drain(..))).collect();
        state.order.clear();
        let idle = std::mem::take(&mut state.idle);
        let threads: Vec<Option<Thread>> = idle.iter().map(|index| state.threads[*index].clone()).collect();
        drop(state);
        for (index, thread) in idle.into_iter().zip(threads) {
            self.wake(index, thread);
        }
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
        let Some(time) = state.push(task, busy) else { return };
        self.queued.fetch_add(1, Ordering::SeqCst);
        if self.spinning.load(Ordering::SeqCst) {
            return;
        }
        if let Some(index) = state.idle.pop() {
            let thread = state.threads[index].clone();
            drop(state);
            return self.wake(index, thread);
        }
        let victim = state.furthest_ahead(key, time);
        drop(state);
        if let Some(index) = victim {
            self.workers[index].preempt.store(true, Ordering::Relaxed);
            self.engine.increment_epoch();
        }
    }

    fn wake(&self, index: usize, thread: Option<Thread>) {
        self.workers[index].awake.store(true, Ordering::SeqCst);
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    /// Puts groups whose pause is over back; answers whether any group is set aside.
    pub fn resume_due(&self) -> bool {
        let mut state = self.state.lock();
        if state.paused.is_empty() {
            return false;
        }
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut state.paused).into_iter().partition(|(until, _)| *until <= now);
        state.paused = later;
        let due: Vec<(Instant, usize)> = due;
        for (_, key) in due {
            state.resume(key);
        }
        // Whoever is woken wakes the next when there is more.
        let woken = if state.order.is_empty() { None } else { state.idle.pop() };
        let thread = woken.and_then(|index| state.threads[index].clone());
        drop(state);
        if let Some(index) = woken {
            self.wake(index, thread);
        }
        true
    }

    fn work(self: Arc<Self>, index: usize) {
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
        preempt.store(false, Ordering::Relaxed);
        self.account(index, group, used, finished);
        left.into_iter().for_each(|task| self.enqueue(task, false));
        again.into_iter().for_each(|task| self.enqueue(task, true));
    }

    /// Writes down what a thread has used.
    fn account(&self, index: usize, key: usize, used: Duration, finished: usize) {
        let mut state = self.state.lock();
        state.running[index] = None;
        let Some(group) = state.groups.get_mut(&key) else { return };
        let before = group.time;
        group.time += u64::try_from(used.as_nanos()).unwrap_or(0).max(1);
        group.tasks -= finished;
        let (time, gone) = (group.time, group.tasks == 0);
        if state.order.remove(&(before, key)) {
            state.order.insert((time, key));
        }
        let group = if gone { state.groups.remove(&key) } else { None };
        drop(state);
        drop(group);
    }

    /// The next program for a thread; sleeps until there is one. `None` at the end.
    fn next(&self, index: usize) -> Option<Arc<Task>> {
        let mut may_spin = true;
        loop {
            let mut state = self.state.lock();
            if state.stop {
                return None;
            }
            if let Some(task) = state.pick(index) {
                self.queued.fetch_sub(1, Ordering::SeqCst);
                // Whoever queued it woke at most one thread.
                let more = if state.order.is_empty() { None } else { state.idle.pop() };
                let thread = more.and_then(|other| state.threads[other].clone());
                drop(state);
                if let Some(other) = more {
                    self.wake(other, thread);
                }
                return Some(task);
            }
            if may_spin && !self.spinning.swap(true, Ordering::SeqCst) {
                drop(state);
                self.spin();
                may_spin = false;
                continue;
            }
            state.idle.push(index);
            drop(state);
            let asleep = Instant::now();
            while !self.workers[index].awake.swap(false, Ordering::SeqCst) {
                std::thread::park();
            }
            may_spin = true;
            if asleep.elapsed() < 2 * Duration::from_nanos(MAX_SPIN.into()) {
                // Looking a little longer would have been better than sleeping.
                self.spin.store(MAX_SPIN, Ordering::Relaxed);
            }
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

impl Group {
    fn is_empty(&self) -> bool {
        self.woken.is_empty() && self.busy.is_empty()
    }

    fn pop(&mut self) -> Option<Arc<Task>> {
        if !self.woken.is_empty() && (self.busy.is_empty() || self.streak < MAX_STREAK) {
            self.streak = if self.busy.is_empty() { 0 } else { self.streak + 1 };
            return self.woken.pop_front();
        }
        self.streak = 0;
        self.busy.pop_front()
    }
}

impl State {
    /// Queues a program; answers its group's virtual time.
    fn push(&mut self, task: Arc<Task>, busy: bool) -> Option<u64> {
        let (key, clock) = (task.group(), self.clock);
        let group = self.groups.get_mut(&key)?;
        let was_empty = group.is_empty();
        if busy { &mut group.busy } else { &mut group.woken }.push_back(task);
        if was_empty && !group.paused {
            let running = self.running.iter().flatten().any(|(running, ..)| *running == key);
            if !running {
                group.time = group.time.max(clock.saturating_sub(CREDIT));
            }
            self.order.insert((group.time, key));
        }
        Some(group.time)
    }

    /// The first program of the group with the least virtual time that may run.
    fn pick(&mut self, index: usize) -> Option<Arc<Task>> {
        loop {
            let (time, key) = *self.order.first()?;
            let group = self.groups.get_mut(&key)?;
            if let Some(pause) = group.account.pause() {
                group.paused = true;
                self.order.remove(&(time, key));
                self.paused.push((Instant::now() + pause, key));
                continue;
            }
            let task = group.pop();
            if group.is_empty() {
                self.order.remove(&(time, key));
            }
            self.clock = self.clock.max(time);
            self.running[index] = Some((key, time, Instant::now()));
            if task.is_some() {
                return task;
            }
        }
    }

    fn resume(&mut self, key: usize) {
        let clock = self.clock;
        let Some(group) = self.groups.get_mut(&key) else { return };
        group.paused = false;
        if !group.is_empty() {
            group.time = group.time.max(clock.saturating_sub(CREDIT));
            self.order.insert((group.time, key));
        }
    }

    /// The thread whose group is furthest ahead of `time`, when it is far enough and another group.
    fn furthest_ahead(&self, key: usize, time: u64) -> Option<usize> {
        let now = Instant::now();
        let ahead = |(_, since_time, since): &(usize, u64, Instant)| since_time + u64::try_from((now - *since).as_nanos()).unwrap_or(0);
        let running = self.running.iter().enumerate().filter_map(|(index, running)| Some((index, running.as_ref()?)));
        let (index, furthest) = running.filter(|(_, running)| running.0 != key).map(|(index, running)| (index, ahead(running))).max_by_key(|(_, at)| *at)?;
        (furthest > time.saturating_add(PREEMPT_MARGIN)).then_some(index)
    }
}
