echo $'a\tb\x41\u00e9' "it's" 'q"q' a\ b; echo -e 'x\ny'; echo -n no; echo; x="a   b"; echo $x; echo "$x"; echo 'a'"b"c$'d'
