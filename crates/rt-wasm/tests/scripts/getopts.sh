f() { local OPTIND o; while getopts "ab:c" o; do case $o in a) echo A;; b) echo "B $OPTARG";; ?) echo bad;; esac; done; shift $((OPTIND-1)); echo "rest $*"; }; f -a -b val x y; f -z 2>/dev/null
