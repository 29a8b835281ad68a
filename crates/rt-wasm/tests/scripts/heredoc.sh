x=5; cat <<EOF
v=$x $(echo sub) `echo bt` \$x $((x+1))
EOF
cat <<-"Q"
	no $x
	Q
cat <<< "here $x"
