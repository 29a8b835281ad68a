printf "1\n2\n3\n" | xargs -n1 -I{} echo "<{}>"; find /etc -maxdepth 1 -name "host*" -type f | sort | head -2 | xargs -n 1 basename; seq 3 | xargs echo
