yes | head -2; while :; do echo y; done | head -2; f() { while true; do echo z || break; done; }; f 2>/dev/null | head -1
