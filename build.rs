//! Link settings of the addon.

fn main() {
    napi_build::setup();
    // V8's threads outlive a `Worker` that loaded the addon, so the library must never be unmapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // Node exports zlib, nghttp2, brotli and V8 names of its own: bind ours to our own copies.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic");
}
