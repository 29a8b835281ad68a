// What the base userland installs, and where. build/manifest.js turns this into manifest.json.

/** The programs that the multi-call module was built with (`coreutils --help`), under the names Debian gives them. */
const COREUTILS = `
  [ b2sum base32 base64 basename basenc cat chcon chgrp chmod chown cksum comm cp csplit cut date dd df dir
  dircolors dirname du echo env expand expr factor false fmt fold groups head id install join kill link ln
  logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pr printenv
  printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred
  shuf sleep sort split stat stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname
  unexpand uniq unlink vdir wc whoami yes
`.trim().split(/\s+/);

/** Module, its main command, and further commands that are hard links to it and act by the name they are called. */
export const PROGRAMS = [
  { module: "bash", links: ["sh", "rbash"] },
  { module: "dash" },
  { module: "coreutils", links: COREUTILS },
  { module: "grep" },
  { module: "sed" },
  { module: "find" },
  { module: "xargs" },
  { module: "gawk", links: ["awk"] },
  { module: "diff" },
  { module: "cmp" },
  { module: "tar" },
  { module: "gzip" },
  { module: "bzip2", links: ["bunzip2", "bzcat"] },
  { module: "xz", links: ["unxz", "xzcat", "lzma", "unlzma", "lzcat"] },
  { module: "zstd", links: ["unzstd", "zstdcat"] },
  { module: "unzip" },
  { module: "less" },
  { module: "tree" },
  { module: "patch" },
  { module: "make", links: ["gmake"] },
  { module: "sqlite3" },
  { module: "lua", command: "lua5.4", links: ["lua"] },
];

/** The names under which Debian's packages install their scripts a second time. */
export const SYMLINKS = {
  "/etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
  "/etc/mtab": "../proc/self/mounts",
  "/usr/bin/bzcmp": "bzdiff",
  "/usr/bin/bzegrep": "bzgrep",
  "/usr/bin/bzfgrep": "bzgrep",
  "/usr/bin/bzless": "bzmore",
  "/usr/bin/lzcmp": "xzdiff",
  "/usr/bin/lzdiff": "xzdiff",
  "/usr/bin/lzegrep": "xzgrep",
  "/usr/bin/lzfgrep": "xzgrep",
  "/usr/bin/lzgrep": "xzgrep",
  "/usr/bin/lzless": "xzless",
  "/usr/bin/lzmore": "xzmore",
  "/usr/bin/pager": "less",
  "/usr/bin/xzcmp": "xzdiff",
  "/usr/bin/xzegrep": "xzgrep",
  "/usr/bin/xzfgrep": "xzgrep",
};
