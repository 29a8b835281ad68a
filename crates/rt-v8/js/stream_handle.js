(function () { return {}; })();
