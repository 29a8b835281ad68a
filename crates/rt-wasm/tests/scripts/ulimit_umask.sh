umask 022; umask; [ -n "$(ulimit -n)" ] && echo u; set -x; echo traced 2>/dev/null; set +x 2>/dev/null; times >/dev/null; echo ok
