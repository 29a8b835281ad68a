//! Small pieces of proc(5)'s text formats.

use std::time::Duration;

/// Clock ticks per second (sysconf(_SC_CLK_TCK)).
const TICKS_PER_SECOND: u128 = 100;

/// A length of time in clock ticks.
pub(crate) fn ticks(time: Duration) -> u128 {
    time.as_nanos() * TICKS_PER_SECOND / 1_000_000_000
}

/// Escapes a path for /proc/mounts: blanks and backslashes as octal.
pub(crate) fn escaped(path: &[u8]) -> String {
    let mut text = String::new();
    for byte in path {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => text.push_str(&format!("\\{byte:03o}")),
            _ => text.push(char::from(*byte)),
        }
    }
    text
}

/// 16 random bytes as a version 4 UUID.
pub(crate) fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_linux() {
        assert_eq!(ticks(Duration::from_millis(12_345)), 1234);
        assert_eq!(escaped(b"/a b\\c"), "/a\\040b\\134c");
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
