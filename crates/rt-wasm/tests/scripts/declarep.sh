a=(1 "2 3"); declare -p a; declare -A m=([k]=v); declare -p m; x="it's"; declare -p x; declare -f nofn || echo nf; f() { echo hi; }; declare -f f; set | grep -c "^x="
