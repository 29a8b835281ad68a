f() { caller 0 | cut -d" " -f2; }; g() { f; }; g; echo "${BASH_LINENO[0]:-}"; h() { echo "${FUNCNAME[*]}"; }; k() { h; }; k
