printf "b\na\nc\n" | sort | head -2
