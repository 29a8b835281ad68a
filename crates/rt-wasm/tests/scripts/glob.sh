cd $(mktemp -d); touch a.txt b.txt c.md .hid; mkdir -p d/e; touch d/x.txt d/e/y.txt; echo *.txt; echo [ab]*; echo ?.md; shopt -s nullglob; echo *.zip; shopt -s dotglob; echo *; shopt -s globstar; echo **/*.txt; shopt -s extglob
echo !(*.txt); echo @(a|b).txt
