// Pi's command line installs an undici dispatcher to lift the time limits of Node's fetch and to read proxy
// variables. In a VM fetch is the kernel's, which has neither those limits nor proxies.
export class EnvHttpProxyAgent {}
export function setGlobalDispatcher() {}
