//! docs/limits.md has the table of limits that the code has. `UPDATE_DOCS=1 cargo test` writes it.

use agentos_account::{Excess, Limit, Unit};
use std::path::Path;

const BEGIN: &str = "<!-- written by crates/account/tests/documentation.rs -->\n";
const END: &str = "<!-- end -->";

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok()).collect();
    parts.join(",")
}

fn default(limit: Limit) -> String {
    match (limit, limit.default_value()) {
        (_, u64::MAX) => "no bound".into(),
        // Without the option it follows another one.
        (Limit::Inodes, _) => "one per 4 KiB of `maxFsBytes`".into(),
        (_, value) if limit.unit() == Unit::MiB => grouped(value >> 20),
        (_, value) if limit.unit() == Unit::Bytes && value % (1 << 30) == 0 => format!("{} GiB", value >> 30),
        (_, value) if limit.unit() == Unit::Bytes && value % (1 << 20) == 0 => format!("{} MiB", value >> 20),
        (_, value) => grouped(value),
    }
}

fn row(limit: Limit) -> String {
    let unit = match limit.unit() {
        Unit::MiB => "MiB",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
        Unit::Percent => "percent",
        Unit::Ms => "ms",
    };
    let excess = match limit.excess() {
        Excess::Errno(errno, calls) => format!("{} from {calls}", errno.name()),
        Excess::Other(text) => text.into(),
    };
    format!("| `{}` | {unit} | {} | {} | {excess} |\n", limit.option(), limit.what(), default(limit))
}

#[test]
fn the_documented_limits_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table's first mark");
    let (documented, after) = rest.split_once(END).expect("the table's last mark");
    let rows: String = Limit::ALL.into_iter().map(row).collect();
    let table = format!("\n| option | unit | what | default | excess |\n|---|---|---|---|---|\n{rows}\n");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(documented, table);
    }
}
