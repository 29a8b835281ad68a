retry() { local n=$1; shift; local i; for ((i=1;i<=n;i++)); do "$@" && return 0; echo "attempt $i failed"; done; return 1; }
c=0; flaky() { c=$((c+1)); [ $c -ge 3 ]; }; retry 5 flaky && echo "ok after $c"
parse() { while [[ $# -gt 0 ]]; do case "$1" in --name=*) name="${1#*=}";; -v|--verbose) v=1;; --) shift; break;; *) pos+=("$1");; esac; shift; done; echo "$name $v ${pos[*]} rest:$*"; }
pos=(); parse --name=bob -v a b -- c d
join_by() { local IFS="$1"; shift; echo "$*"; }; join_by , a b c
stack=(); push() { stack+=("$1"); }; pop() { unset 'stack[-1]'; }; push a; push b; pop; echo "${stack[@]}" "${stack[-1]}"
str="key1=v1;key2=v2"; IFS=';' read -ra kv <<< "$str"; for p in "${kv[@]}"; do echo "${p%%=*} -> ${p#*=}"; done
echo "a:b:c" | awk -F: '{print $2}' | tr a-z A-Z
printf '%s\n' {1..3} | paste -sd+ | { read e; echo $((e)); }
time_it() { "$@" >/dev/null; echo "rc $?"; }; time_it ls /
[[ "v1.2.3" =~ ^v([0-9]+)\.([0-9]+)\.([0-9]+)$ ]] && echo "maj ${BASH_REMATCH[1]} min ${BASH_REMATCH[2]}"
diff -u <(printf 'a\nb\n') <(printf 'a\nc\n') | tail -n +3
