false | true; echo "${PIPESTATUS[@]}"
