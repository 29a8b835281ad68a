#!/usr/bin/env python3
"""Records random system calls and their results on this machine's Linux: record.py EMPTY_FOLDER_ON_TMPFS SEED SEQUENCES STEPS  (as root)

Every call is made by a process of its own, with the file system root at EMPTY_FOLDER_ON_TMPFS/box. One JSON line per sequence:
{"id", "steps": [[uid, gids, umask, call, result], ...], "tree": [name and attributes, ...]}.
"""
import ctypes, errno, json, os, random, shutil, stat, sys

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW = -100, 0x100, 0x400
UTIME = {"now": (1 << 30) - 1, "omit": (1 << 30) - 2}
TYPES = [(stat.S_ISREG, "regular"), (stat.S_ISDIR, "dir"), (stat.S_ISLNK, "symlink"), (stat.S_ISFIFO, "fifo"), (stat.S_ISCHR, "char")]
NODES = {"o": stat.S_IFREG, "c": stat.S_IFCHR, "d": stat.S_IFDIR}
NAMES = ["a", "b", "c"]
MODES = "0777 0755 0700 0644 0666 0600 0000 0444 0111 04755 02755 02777 06777 02070 0750 0770 0070 0007".split()
IDENTITIES = [(0, [0]), (1000, [1000]), (1000, [1000, 50]), (1001, [1001, 1000])]
OPEN_FLAGS = {"O_CREAT": .6, "O_EXCL": .2, "O_TRUNC": .2, "O_NOFOLLOW": .15, "O_DIRECTORY": .12, "O_PATH": .08, "O_TMPFILE": .05, "O_NOATIME": .08}
WEIGHTS = {"open": 12, "write": 4, "mkdir": 10, "mkfifo": 2, "mknod": 2, "symlink": 6, "link": 6, "renameat2": 14, "unlink": 4, "rmdir": 5, "chmod": 8,
           "chown": 5, "lchown": 2, "truncate": 3, "access": 4, "readlink": 2, "utimensat": 3}
# Each sequence starts with a tree in which something can happen.
SETUP = 13


def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def fields(path):
    st = os.lstat(path)
    kind = next(name for test, name in TYPES if test(st.st_mode))
    size = "*" if kind == "dir" else str(st.st_size)
    return ",".join([kind, "0%o" % (st.st_mode & 0o7777), str(st.st_nlink), str(st.st_uid), str(st.st_gid), size])


def call(name, *a):
    if name == "open":
        flags = sum(getattr(os, flag) for flag in set(a[1].split(",")) if flag != "O_DIRECTORY" or "O_TMPFILE" not in a[1])
        os.close(os.open(a[0], flags | os.O_NONBLOCK, int(a[2], 8)))
    elif name == "write":
        fd = os.open(a[0], os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"xyz")
    elif name in ("mkdir", "mkfifo", "chmod"): getattr(os, name)(a[0], int(a[1], 8))
    elif name == "mknod": os.mknod(a[0], int(a[2], 8) | NODES[a[1]], os.makedev(1, 2))
    elif name in ("symlink", "unlink", "rmdir"): getattr(os, name)(*a)
    elif name == "link": check(LIBC.linkat(AT_FDCWD, a[0].encode(), AT_FDCWD, a[1].encode(), AT_SYMLINK_FOLLOW if a[2] == "follow" else 0))
    elif name == "renameat2": check(LIBC.renameat2(AT_FDCWD, a[0].encode(), AT_FDCWD, a[1].encode(), int(a[2])))
    elif name in ("chown", "lchown"): getattr(os, name)(a[0], int(a[1]), int(a[2]))
    elif name == "truncate": os.truncate(a[0], int(a[1]))
    elif name == "access": check(LIBC.faccessat(AT_FDCWD, a[0].encode(), int(a[1]), 0))
    elif name == "readlink": return os.readlink(a[0])
    elif name == "utimensat":
        times = (ctypes.c_long * 4)(5, UTIME.get(a[1], 7), 6, UTIME.get(a[2], 8))
        check(LIBC.utimensat(AT_FDCWD, a[0].encode(), times, AT_SYMLINK_NOFOLLOW if a[3] == "nofollow" else 0))
    return "0"


def run(box, uid, gids, umask, words):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.chroot(box)
        os.chdir("/")
        if uid:
            os.setgroups(gids)
            os.setresgid(gids[0], gids[0], gids[0])
            os.setresuid(uid, uid, uid)
        os.umask(int(umask, 8))
        try: result = call(*words)
        except OSError as e: result = errno.errorcode[e.errno]
        os.write(w, result.encode())
        os._exit(0)
    os.close(w)
    with os.fdopen(r, "rb") as answer: result = answer.read().decode()
    os.waitpid(pid, 0)
    return result


def random_path(rng):
    parts = [rng.choice(NAMES) for _ in range(rng.choice([1, 1, 1, 2, 2, 2, 3]))]
    if rng.random() < .12: parts.insert(rng.randrange(len(parts) + 1), rng.choice([".", "..", ".."]))
    path = "/".join(parts)
    if rng.random() < .12: path += rng.choice(["/", "//", "/.", "/.."])
    if rng.random() < .06: path = "/" + path
    return path


def random_call(rng):
    name, path = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0], random_path(rng)
    choose = rng.choice
    if name == "open":
        flags = [choose(["O_RDONLY", "O_WRONLY", "O_RDWR"])] + [flag for flag, chance in OPEN_FLAGS.items() if rng.random() < chance]
        return [name, path, ",".join(flags), choose(MODES)]
    if name in ("mkdir", "mkfifo", "chmod"): return [name, path, choose(MODES)]
    if name == "mknod": return [name, path, choose("ocd"), choose(MODES)]
    if name == "symlink": return [name, choose([random_path(rng), random_path(rng), ".", "b", "a/b/", "c/"]), path]
    if name == "link": return [name, path, random_path(rng), choose(["follow", "no"])]
    if name == "renameat2": return [name, path, random_path(rng), choose("00001223")]
    if name in ("chown", "lchown"): return [name, path, choose(["-1", "0", "1000", "1001"]), choose(["-1", "0", "1000", "1001", "50"])]
    if name == "truncate": return [name, path, choose(["0", "5", "70000"])]
    if name == "access": return [name, path, choose("01234567")]
    if name == "utimensat": return [name, path, choose(["now", "omit", "at"]), choose(["now", "omit", "at"]), choose(["follow", "nofollow"])]
    return [name, path]


def setup(rng):
    return [["mkdir", "a", "0777"], ["mkdir", "b", "0777"], ["mkdir", "a/a", "0777"], ["mkdir", "a/b", "0777"], ["mkdir", "b/c", rng.choice(MODES)],
            ["open", "a/c", "O_WRONLY,O_CREAT", "0666"], ["open", "b/a", "O_RDWR,O_CREAT", "0644"], ["symlink", "a/b", "c"], ["symlink", "../b", "a/a/c"],
            ["chown", "a/b", "1000", "1000"], ["open", "a/b/a", "O_RDONLY,O_CREAT", "0755"], ["chmod", "a", rng.choice(["0777", "0755", "02777", "01777"])],
            ["lchown", rng.choice(["c", "a/c", "b"]), "1001", "50"]]


def main():
    box, seed, sequences, steps = os.path.join(sys.argv[1], "box"), *map(int, sys.argv[2:])
    rng = random.Random(seed)
    for sequence in range(sequences):
        shutil.rmtree(box, ignore_errors=True)
        os.mkdir(box)
        os.chmod(box, 0o777)
        calls = setup(rng) + [random_call(rng) for _ in range(steps - SETUP)]
        recorded = []
        for index, words in enumerate(calls):
            uid, gids = rng.choice(IDENTITIES) if index >= SETUP and rng.random() < .55 else IDENTITIES[0]
            umask = rng.choice(["0", "022", "027"])
            recorded.append([uid, gids, umask, words, run(box, uid, gids, umask, words)])
        tree = [os.path.relpath(os.path.join(d, n), box) for d, ds, fs in os.walk(box) for n in ds + fs]
        tree = sorted(path + " " + fields(os.path.join(box, path)) for path in tree)
        print(json.dumps({"id": f"{seed}/{sequence}", "steps": recorded, "tree": tree}, separators=(",", ":")))


main()
