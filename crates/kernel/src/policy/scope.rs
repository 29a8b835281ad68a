//! The rules that hold for a process.

use agentos_policy::{Class, Mode, Operation, Policy};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// Most answers "always" that a scope remembers; later ones count once.
const MAX_REMEMBERED: usize = 1024;

/// The policies of one place: a VM's, a session's, or one call's.
#[derive(Clone)]
pub struct Rules {
    /// Files.
    pub fs: Policy,
    /// Programs.
    pub process: Policy,
    /// Variables from outside.
    pub env: Policy,
    /// Host tools.
    pub tool: Policy,
    /// The network; `None` in a VM's rules, whose network has its policy itself, and where nothing is taken away.
    pub network: Option<Arc<agentos_net::policy::Policy>>,
}

impl Default for Rules {
    /// Nothing is taken away: what is not installed, mounted or registered is not there.
    fn default() -> Rules {
        let allow = |class| Policy::constant(class, Mode::Allow);
        Rules { fs: allow(Class::Fs), process: allow(Class::Process), env: allow(Class::Env), tool: allow(Class::Tool), network: None }
    }
}

impl Rules {
    fn of(&self, class: Class) -> Option<&Policy> {
        match class {
            Class::Fs => Some(&self.fs),
            Class::Process => Some(&self.process),
            Class::Env => Some(&self.env),
            Class::Tool => Some(&self.tool),
            Class::Network => None,
        }
    }
}

/// One place, by name.
struct Layer {
    name: Arc<str>,
    rules: Rules,
}

/// The name of a session, which its agent gives it when it runs already.
pub type SessionName = Arc<OnceLock<Arc<str>>>;

/// What was answered with "always".
type Remembered = HashSet<(Operation, Vec<u8>)>;

/// What holds for a process: layers from the VM's on, of which the strictest decides.
pub struct Scope {
    layers: Vec<Arc<Layer>>,
    /// What each class says of every object, where that is one thing. In order of [`Class::ALL`].
    constant: [Option<Mode>; 5],
    network: Vec<Arc<agentos_net::policy::Policy>>,
    session: Option<SessionName>,
    remembered: Arc<Mutex<Remembered>>,
}

/// What a scope says, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) mode: Mode,
    /// `vm: permissions.fs.rules[2]`
    pub(crate) why: String,
    /// Some rule spoke, not only defaults.
    pub(crate) ruled: bool,
}

impl Scope {
    /// The scope of a VM.
    pub fn new(rules: Rules) -> Arc<Scope> {
        Arc::new(Scope::of(vec![Arc::new(Layer { name: "vm".into(), rules })], None, Arc::default()))
    }

    fn of(layers: Vec<Arc<Layer>>, session: Option<SessionName>, remembered: Arc<Mutex<Remembered>>) -> Scope {
        let constant = Class::ALL.map(|class| {
            let modes = layers.iter().filter_map(|layer| layer.rules.of(class)).map(Policy::is_constant);
            modes.reduce(|all, mode| Some(all?.strictest(mode?))).flatten()
        });
        let network = layers.iter().filter_map(|layer| layer.rules.network.clone()).collect();
        Scope { layers, constant, network, session, remembered }
    }

    /// The same scope with further rules, which can only take away. What was allowed "always" before is asked again.
    #[must_use]
    pub fn narrowed(self: &Arc<Self>, name: &str, rules: Rules) -> Arc<Scope> {
        let mut layers = self.layers.clone();
        layers.push(Arc::new(Layer { name: name.into(), rules }));
        Arc::new(Scope::of(layers, self.session.clone(), Arc::default()))
    }

    /// The same scope for the processes of a session, which questions and audit records then name.
    #[must_use]
    pub fn of_session(self: &Arc<Self>, session: SessionName) -> Arc<Scope> {
        Arc::new(Scope::of(self.layers.clone(), Some(session), self.remembered.clone()))
    }

    /// The session that the processes belong to, once it has a name.
    pub fn session(&self) -> Option<&Arc<str>> {
        self.session.as_ref()?.get()
    }

    /// What a class says of every object, if it says the same of all. `None` for the network.
    pub(crate) fn constant(&self, class: Class) -> Option<Mode> {
        self.constant[class as usize]
    }

    /// The policies of the network below the VM's.
    pub(crate) fn network(&self) -> &[Arc<agentos_net::policy::Policy>] {
        &self.network
    }

    /// What the strictest layer says of an object.
    pub(crate) fn decide(&self, class: Class, operation: Operation, object: &[u8]) -> Said {
        let verdicts = self.layers.iter().filter_map(|layer| Some((layer, layer.rules.of(class)?.decide(operation, object))));
        let mut ruled = false;
        let verdicts = verdicts.inspect(|(_, verdict)| ruled |= verdict.rule.is_some());
        // Of equals the first: the outermost is the one to change.
        let strictest = verdicts.reduce(|best, next| if next.1.mode > best.1.mode { next } else { best });
        let Some((layer, verdict)) = strictest else { return Said { mode: Mode::Allow, why: String::new(), ruled } };
        if verdict.mode == Mode::Allow {
            return Said { mode: Mode::Allow, why: String::new(), ruled };
        }
        let place = verdict.rule.map_or_else(|| "default".to_owned(), |rule| format!("rules[{rule}]"));
        Said { mode: verdict.mode, why: format!("{}: permissions.{}.{place}", layer.name, class.name()), ruled }
    }

    /// Whether some layer may say something else of what is below a path than of the path.
    pub(crate) fn may_speak_below(&self, path: &[u8]) -> bool {
        self.layers.iter().any(|layer| layer.rules.fs.may_speak_below(path))
    }

    pub(crate) fn remembers(&self, operation: Operation, object: &[u8]) -> bool {
        let remembered = self.remembered.lock();
        !remembered.is_empty() && remembered.contains(&(operation, object.to_vec()))
    }

    pub(crate) fn remember(&self, operation: Operation, object: &[u8]) {
        let mut remembered = self.remembered.lock();
        if remembered.len() < MAX_REMEMBERED {
            remembered.insert((operation, object.to_vec()));
        }
    }
}
