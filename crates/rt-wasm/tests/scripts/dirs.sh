cd /tmp; pushd / >/dev/null; dirs -v | head -1 | tr -d " "; popd >/dev/null; pwd; cd - >/dev/null; cd /usr/bin/../lib; pwd; cd -P . ; ls -d ~ | head -c1; echo; OLDPWD=/etc; cd - 
