coproc P { while read l; do echo "got $l"; done; }; echo a >&${P[1]}; read r <&${P[0]}; echo $r; eval "exec ${P[1]}>&-"; wait 2>/dev/null; echo e
