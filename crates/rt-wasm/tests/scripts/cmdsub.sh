echo "$(echo "nested $(echo deep)")" `echo a \`echo b\``; x=$(printf "a\n\n\n"); echo "[$x]"; echo $(</etc/hostname) | wc -l; echo "$(cat <<E
hd
E
)"
