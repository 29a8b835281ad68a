// Names that are symbolic links in the base image.

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
  "/usr/bin/xzcmp": "xzdiff",
  "/usr/bin/xzegrep": "xzgrep",
  "/usr/bin/xzfgrep": "xzgrep",
};
