#!/usr/bin/env bash
set -euo pipefail
IFS=$'\n\t'
log() { printf '[%s] %s\n' "$1" "${*:2}" >&2; }
die() { log ERR "$@"; exit 1; }
declare -A counts=()
while IFS= read -r line || [[ -n "$line" ]]; do
  for w in ${line// /$'\n'}; do counts[$w]=$(( ${counts[$w]:-0} + 1 )); done
done <<'EOF'
the cat the dog
a cat
EOF
for k in "${!counts[@]}"; do echo "${counts[$k]} $k"; done | sort -k1,1nr -k2 
tmp=$(mktemp -d); trap 'rm -rf "$tmp"; echo cleaned' EXIT
cat > "$tmp/x.json" <<JSON
{"a": [1,2], "t": "$(date +%Y | sed 's/./x/g')"}
JSON
grep -o '"t": "[^"]*"' "$tmp/x.json" | cut -d'"' -f4
if [[ ! -d "$tmp/none" ]] && mkdir -p "$tmp/sub/dir"; then find "$tmp" -type d | sed "s#$tmp#T#" | sort; fi
for f in "$tmp"/*.json; do [[ -e $f ]] || continue; echo "$(basename "$f" .json): $(wc -c <"$f" | tr -d ' ')"; done
x=$(false || echo fallback); echo "$x"
