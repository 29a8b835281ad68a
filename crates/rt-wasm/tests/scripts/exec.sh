exec 5<<< "fd5"; read x <&5; echo $x; exec 6<&5 5<&-; echo ok; exec echo replaced
