diff <(echo a) <(echo b); cat <(echo hi); echo x > >(cat); sleep 0.2; while read l; do echo "r:$l"; done < <(printf "1\n2\n"); echo done
