for i in $(seq 1 20000); do echo "line $i"; done | tail -1; f() { seq 1 30000; }; f | wc -l; seq 1 50000 | while read x; do echo "$x"; done | tail -1
