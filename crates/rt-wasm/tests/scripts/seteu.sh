bash_x() { :; }; set -euo pipefail; x=1; echo ${y:-d}; (set +u; echo "[$zz]"); false || echo ok; if ! false; then echo neg; fi; f() { false; echo no; }; f || echo caught; false; echo never
