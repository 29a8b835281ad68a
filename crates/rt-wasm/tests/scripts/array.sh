a=(one "two three" four); echo ${#a[@]} "${a[1]}" "${a[@]:1:2}" ${!a[@]}; a+=(five); a[10]=ten; for i in "${!a[@]}"; do echo "$i=${a[$i]}"; done; unset "a[0]"; echo "${a[*]}"; IFS=,; echo "${a[*]}"
