//! The scheduler's books: groups of programs, their virtual time, and who is ready.

use super::scheduler::Class;
use super::task::Task;
use super::ticker::TICK;
use agentos_syscall::CpuAccount;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Virtual time, in nanoseconds, by which a group that slept may be behind those that did not.
const CREDIT: u64 = 2 * TICK.as_nanos() as u64;
/// How far, in nanoseconds of virtual time, a running group must be ahead of a waiting one to be interrupted for it.
const PREEMPT_MARGIN: u64 = 500_000;
/// Woken programs of a group that go before one of its busy ones.
const MAX_STREAK: u32 = 8;
/// Time in which a group's load halves.
const HALF_LIFE: Duration = Duration::from_millis(100);
/// Load, as CPU time, from which a group counts as one that computes: what somewhat more than one CPU adds up to.
const HEAVY: Duration = Duration::from_millis(160);

/// The programs of one VM.
pub(super) struct Group {
    account: Arc<CpuAccount>,
    /// Programs that something woke.
    woken: VecDeque<Arc<Task>>,
    /// Programs that used up their slice: they go after the woken ones.
    busy: VecDeque<Arc<Task>>,
    /// Woken programs picked while busy ones wait.
    streak: u32,
    /// CPU time used, in nanoseconds, moved forward after sleep.
    time: u64,
    /// CPU time used of late: halves every [`HALF_LIFE`].
    load: Duration,
    load_at: Instant,
    /// Programs that have not finished.
    tasks: usize,
    paused: bool,
    /// The virtual times under which it is listed for each kind of thread.
    listed: [Option<u64>; 2],
}

impl Group {
    fn new(account: &Arc<CpuAccount>, time: u64) -> Group {
        Group {
            account: account.clone(),
            woken: VecDeque::new(),
            busy: VecDeque::new(),
            streak: 0,
            time,
            load: Duration::ZERO,
            load_at: Instant::now(),
            tasks: 0,
            paused: false,
            listed: [None; 2],
        }
    }

    /// Takes all programs out of the queues.
    pub fn drain(&mut self) -> Vec<Arc<Task>> {
        self.woken.drain(..).chain(self.busy.drain(..)).collect()
    }

    fn is_heavy(&self) -> bool {
        self.load >= HEAVY
    }

    fn add_load(&mut self, used: Duration, now: Instant) {
        let halvings = now.saturating_duration_since(self.load_at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.load = self.load.mul_f64(0.5_f64.powf(halvings)) + used;
        self.load_at = now;
    }

    /// Whether it has something for a kind of thread.
    fn has(&self, class: Class) -> bool {
        match class {
            _ if self.paused => false,
            Class::Prompt => !self.woken.is_empty() && !self.is_heavy(),
            Class::Batch => !self.busy.is_empty() || (!self.woken.is_empty() && self.is_heavy()),
        }
    }

    fn pop(&mut self, class: Class) -> Option<Arc<Task>> {
        if class == Class::Prompt {
            return self.woken.pop_front();
        }
        let woken_first = self.is_heavy() && !self.woken.is_empty() && (self.busy.is_empty() || self.streak < MAX_STREAK);
        if woken_first {
            self.streak = if self.busy.is_empty() { 0 } else { self.streak + 1 };
            return self.woken.pop_front();
        }
        self.streak = 0;
        self.busy.pop_front()
    }
}

/// What the scheduler's lock guards.
pub(super) struct State {
    pub groups: HashMap<usize, Group>,
    /// For each kind of thread the groups with something to run, least virtual time first.
    pub ready: [BTreeSet<(u64, usize)>; 2],
    /// Groups over their share, and until when.
    paused: Vec<(Instant, usize)>,
    /// Virtual time of the group that was picked last; never goes back.
    clock: u64,
    /// Threads of each kind that sleep.
    pub idle: [Vec<usize>; 2],
    pub threads: Vec<Option<Thread>>,
    /// What each thread runs: group, its virtual time at the start, the start.
    running: Vec<Option<(usize, u64, Instant)>>,
    pub stop: bool,
}

impl State {
    pub fn new(threads: usize) -> State {
        State {
            groups: HashMap::new(),
            ready: Default::default(),
            paused: Vec::new(),
            clock: 0,
            idle: Default::default(),
            threads: vec![None; threads],
            running: vec![None; threads],
            stop: false,
        }
    }

    /// One more program in the group of an account; answers the group's key.
    pub fn join(&mut self, account: &Arc<CpuAccount>) -> usize {
        // The group holds the account, so that no other can have its address.
        let (key, clock) = (Arc::as_ptr(account) as usize, self.clock);
        self.groups.entry(key).or_insert_with(|| Group::new(account, clock)).tasks += 1;
        key
    }

    /// For each kind of thread that something waits for, one that sleeps. To be asked after every change of the lists: what a group
    /// has used decides for which kind its programs wait. `spinning`: a prompt thread is looking already.
    pub fn wanted(&mut self, spinning: bool) -> [Option<(usize, Option<Thread>)>; 2] {
        [Class::Prompt, Class::Batch].map(|class| {
            let looked_for = class == Class::Prompt && spinning;
            if looked_for || self.ready[class as usize].is_empty() { None } else { self.sleeper(class) }
        })
    }

    /// A sleeping thread of a kind.
    fn sleeper(&mut self, class: Class) -> Option<(usize, Option<Thread>)> {
        let index = self.idle[class as usize].pop()?;
        Some((index, self.threads[index].clone()))
    }

    /// Lists a group where it has something to run.
    fn list(&mut self, key: usize) {
        let Some(group) = self.groups.get_mut(&key) else { return };
        for class in [Class::Prompt, Class::Batch] {
            if let Some(time) = group.listed[class as usize].take() {
                self.ready[class as usize].remove(&(time, key));
            }
            if group.has(class) {
                group.listed[class as usize] = Some(group.time);
                self.ready[class as usize].insert((group.time, key));
            }
        }
    }

    /// Queues a program; answers for which kind of thread, and its group's virtual time.
    pub fn push(&mut self, task: Arc<Task>, busy: bool) -> Option<(Class, u64)> {
        let (key, clock) = (task.group(), self.clock);
        let running = self.running.iter().flatten().any(|(running, ..)| *running == key);
        let group = self.groups.get_mut(&key)?;
        if !running && group.woken.is_empty() && group.busy.is_empty() {
            group.time = group.time.max(clock.saturating_sub(CREDIT));
            group.add_load(Duration::ZERO, Instant::now());
        }
        if busy { &mut group.busy } else { &mut group.woken }.push_back(task);
        let class = if busy || group.is_heavy() { Class::Batch } else { Class::Prompt };
        let time = group.time;
        self.list(key);
        Some((class, time))
    }

    /// The next program of the group with the least virtual time that may run.
    pub fn pick(&mut self, index: usize, class: Class) -> Option<Arc<Task>> {
        loop {
            let (time, key) = *self.ready[class as usize].first()?;
            let group = self.groups.get_mut(&key)?;
            let now = Instant::now();
            let pause = group.account.pause();
            let task = if pause.is_some() { None } else { group.pop(class) };
            if let Some(pause) = pause {
                group.paused = true;
                self.paused.push((now + pause, key));
            }
            self.list(key);
            if task.is_some() {
                self.clock = self.clock.max(time);
                self.running[index] = Some((key, time, now));
                return task;
            }
        }
    }

    /// Writes down what a thread has used; answers the group when that was its last program.
    pub fn account(&mut self, index: usize, key: usize, used: Duration, finished: usize) -> Option<Group> {
        self.running[index] = None;
        let group = self.groups.get_mut(&key)?;
        group.time += u64::try_from(used.as_nanos()).unwrap_or(0).max(1);
        group.add_load(used, Instant::now());
        group.tasks -= finished;
        let gone = group.tasks == 0;
        self.list(key);
        if gone { self.groups.remove(&key) } else { None }
    }

    /// Puts groups whose pause is over back; answers whether any group was set aside.
    pub fn resume_due(&mut self, now: Instant) -> bool {
        if self.paused.is_empty() {
            return false;
        }
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.paused).into_iter().partition(|(until, _)| *until <= now);
        self.paused = later;
        let clock = self.clock;
        for (_, key) in due {
            if let Some(group) = self.groups.get_mut(&key) {
                group.paused = false;
                group.time = group.time.max(clock.saturating_sub(CREDIT));
                self.list(key);
            }
        }
        true
    }

    /// The thread, of those that `may` be asked, whose group is furthest ahead of `time`, when it is far enough and another group.
    pub fn furthest_ahead(&self, key: usize, time: u64, may: impl Fn(usize) -> bool) -> Option<usize> {
        let now = Instant::now();
        let ahead = |(_, since_time, since): &(usize, u64, Instant)| since_time + u64::try_from((now - *since).as_nanos()).unwrap_or(0);
        let running = self.running.iter().enumerate().filter_map(|(index, running)| Some((index, running.as_ref()?)));
        let others = running.filter(|(index, running)| running.0 != key && may(*index));
        let (index, furthest) = others.map(|(index, running)| (index, ahead(running))).max_by_key(|(_, at)| *at)?;
        (furthest > time.saturating_add(PREEMPT_MARGIN)).then_some(index)
    }
}
