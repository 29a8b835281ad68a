//! The file tree of a test VM: an immutable image with the GNU programs, a writable /tmp, devices.

use agentos_fs_dev::DevFs;
use agentos_fs_proc::ProcFs;
use agentos_fs_tmpfs::{Image, ImageBuilder, Tmpfs};
use agentos_kernel::Kernel;
use agentos_vfs::{Clock, Cred, FileSystem, MountFlags, Namespace, Quota, Walk};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Names of coreutils that the tests use.
const COREUTILS: &[&str] = &[
    "base64",
    "basename",
    "cat",
    "chmod",
    "cp",
    "cut",
    "date",
    "dd",
    "df",
    "dirname",
    "echo",
    "env",
    "expr",
    "false",
    "head",
    "id",
    "join",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mkfifo",
    "mktemp",
    "mv",
    "nice",
    "nohup",
    "nproc",
    "od",
    "paste",
    "printenv",
    "printf",
    "pwd",
    "readlink",
    "realpath",
    "rm",
    "rmdir",
    "seq",
    "sha256sum",
    "sleep",
    "sort",
    "split",
    "stat",
    "stty",
    "sum",
    "tac",
    "tail",
    "tee",
    "test",
    "timeout",
    "touch",
    "tr",
    "true",
    "truncate",
    "tsort",
    "tty",
    "uname",
    "uniq",
    "wc",
    "whoami",
    "yes",
];
/// Other names of programs.
const LINKS: &[(&str, &str)] = &[("sh", "bash"), ("awk", "gawk")];
/// Small files of /etc.
const ETC: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/false\nbin:x:2:2::/:/bin/false\nsys:x:3:3::/:/bin/false\nsync:x:4:4::/:/bin/false\nuser:x:1000:1000::/tmp:/bin/bash\n",
    ),
    ("group", "root:x:0:\nuser:x:1000:\n"),
    ("hostname", "vm\n"),
    ("hosts", "127.0.0.1 localhost\n"),
    ("host.conf", "multi on\n"),
];

/// One image for all VMs of a test binary, as in the product.
static IMAGE: LazyLock<Arc<Image>> = LazyLock::new(|| {
    let mut image = ImageBuilder::new();
    for path in ["/dev", "/etc", "/proc", "/root", "/usr", "/usr/bin", "/usr/lib"] {
        image.directory(path, 0o755, 0, 0).expect("a new directory");
    }
    image.directory("/tmp", 0o1777, 0, 0).expect("a new directory");
    image.symlink("/bin", "usr/bin").expect("a new name");
    for (name, content) in ETC {
        image.file(&format!("/etc/{name}"), content.as_bytes(), 0o644, None).expect("a new file");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../npm/common/bin");
    for entry in std::fs::read_dir(folder).expect("the programs") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let content: &'static [u8] = Vec::leak(std::fs::read(&path).expect("a module"));
        image.file(&format!("/usr/bin/{name}"), content, 0o755, Some(Sha256::digest(content).into())).expect("a new file");
    }
    let core = COREUTILS.iter().map(|name| (*name, "coreutils"));
    for (name, target) in core.chain(LINKS.iter().copied()) {
        image.link(&format!("/usr/bin/{name}"), &format!("/usr/bin/{target}")).expect("a new name");
    }
    image.build()
});

/// The root file system.
pub fn root() -> Arc<dyn FileSystem> {
    IMAGE.clone()
}

/// Mounts what is the VM's own.
pub fn mount(kernel: &Arc<Kernel>, clock: Arc<dyn Clock>) {
    let namespace = kernel.namespace();
    let quota = Arc::new(Quota::new(256 << 20, 10_000));
    let mount = |path: &str, fs: Arc<dyn FileSystem>| namespace.mount(&place(namespace, path), fs, MountFlags::empty(), "none").expect("a directory");
    mount("/dev", DevFs::new(kernel, Arc::new(super::Counter(1.into())), &*clock));
    mount("/proc", ProcFs::new(kernel));
    mount("/tmp", Tmpfs::new(clock, quota));
}

fn place(namespace: &Namespace, path: &str) -> agentos_vfs::Path {
    let root = namespace.root();
    Walk { ns: namespace, root: &root, base: &root, cred: &Cred::root() }.resolve(path.as_bytes(), true).expect("a directory")
}
