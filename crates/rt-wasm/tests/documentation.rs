//! `docs/syscalls.md` is written from the table of calls: `UPDATE=1 cargo test -p agentos-rt-wasm --test documentation` renews it.

use agentos_rt_wasm::{Support, table};
use std::fmt::Write;
use std::path::Path;

fn render() -> String {
    let mut page = String::from(
        "# System calls\n\nWhat programs compiled to WebAssembly may ask of the kernel, with Linux' numbers for 32-bit machines. A call that is not\n\
         listed answers ENOSYS. *full*: as on Linux; *partial*: with the difference that the note names; *accepted*: answers success\n\
         and does nothing; *refused*: always the error that the note names.\n\n\
         This page is written by a test of `crates/rt-wasm` from `src/linux/table.rs`.\n\n| number | name | support | note |\n|---|---|---|---|\n",
    );
    for call in table() {
        let support = match call.support {
            Support::Full => "full",
            Support::Partial => "partial",
            Support::Accepted => "accepted",
            Support::Refused => "refused",
        };
        writeln!(page, "| {} | `{}` | {support} | {} |", call.number, call.name, call.note).expect("text");
    }
    page
}

#[test]
fn the_page_of_system_calls_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/syscalls.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, render()).expect("docs");
    }
    let page = std::fs::read_to_string(&path).expect("the page exists: renew it with UPDATE=1");
    assert!(page == render(), "docs/syscalls.md is out of date: renew it with UPDATE=1");
}
