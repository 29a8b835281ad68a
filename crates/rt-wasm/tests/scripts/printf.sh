printf "%s-%d-%05.2f-%x-%q\n" a 5 3.14159 255 "a b"; printf "%-5s|%5s|\n" ab cd; printf "%s\n" 1 2 3; printf -v v "%03d" 7; echo $v; printf "%b" "a\tb\n"; printf "%(%Y)T\n" 0
