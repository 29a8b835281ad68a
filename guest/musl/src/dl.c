/* No dynamic linking. */
void *dlsym(void *handle, const char *name) { return 0; }
