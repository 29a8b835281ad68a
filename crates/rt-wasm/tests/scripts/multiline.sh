x="line1
line2"; echo "$x" | while read -r l; do echo "[$l]"; done; y=$(cat <<"EOF"
$novar "quoted"
EOF
); echo "$y"; echo one \
  two; if true; then
 echo yes
fi; # comment
echo "${x//$'\n'/,}"
