sleep 0.2 & p=$!; wait $p; echo "w $?"; (sleep 0.1; exit 4) & wait $!; echo $?; { sleep 0.1; echo bg; } & wait; echo all; sleep 5 & kill $!; wait $! 2>/dev/null; echo k $?; jobs
