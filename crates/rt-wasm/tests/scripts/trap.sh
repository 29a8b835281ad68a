trap "echo bye" EXIT; trap "echo int" INT; kill -INT $$; echo after; trap - INT; f() { trap "echo ret" RETURN; echo in; }; f; trap "echo err" ERR; false; (trap "echo sub" EXIT; exit 0); exit 3
