for x in foo bar.c 123 --opt; do case $x in f*) echo F;; *.c) echo C;; [0-9]*) echo N;; -*) echo O;; *) echo D;; esac; done; case a in a) echo 1;& b) echo 2;;& *) echo 3;; esac
