//! /etc/hosts (hosts(5)) of the VM.

use crate::task::Task;
use agentos_abi::OpenFlags;
use agentos_abi::fcntl::AT_FDCWD;
use std::net::IpAddr;

/// The file.
const HOSTS: &[u8] = b"/etc/hosts";
/// Most bytes of it that are looked at.
const HOSTS_MAX_BYTES: usize = 64 << 10;

impl Task {
    /// The addresses that /etc/hosts gives a name; none when it does not know it, or cannot be read.
    ///
    /// The file is the guest's, so it is a convenience and no permission: the policy judges its addresses as bare ones.
    pub(crate) fn hosts_entry(&self, name: &str) -> Vec<IpAddr> {
        let Ok(opened) = self.walk(AT_FDCWD, HOSTS, |walk| walk.open(HOSTS, OpenFlags::empty(), 0, 0)) else { return Vec::new() };
        let Some(file) = opened.file else { return Vec::new() };
        let mut text = vec![0; HOSTS_MAX_BYTES];
        let mut len = 0;
        while len < text.len() {
            match file.read_at(&mut text[len..], len as u64) {
                Ok(read) if read > 0 => len += read,
                _ => break,
            }
        }
        addresses(&text[..len], name)
    }
}

/// The addresses of a name in the text of a hosts file.
fn addresses(text: &[u8], name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let lines = text.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let entries = lines.filter_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let ip = words.next()?.parse().ok()?;
        words.any(|alias| alias.eq_ignore_ascii_case(name)).then_some(ip)
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_addresses_of_every_line_that_lists_it() {
        let text =
            b"127.0.0.1 localhost\n::1\tlocalhost ip6-localhost # loopback\n# 10.0.0.1 hidden\nnonsense localhost\n\xff\xfe x\n10.0.0.2 Box box.example\n";
        let cases: [(&str, &[&str]); 5] =
            [("localhost", &["127.0.0.1", "::1"]), ("LOCALHOST.", &["127.0.0.1", "::1"]), ("box", &["10.0.0.2"]), ("hidden", &[]), ("loopback", &[])];
        for (name, expected) in cases {
            let expected: Vec<IpAddr> = expected.iter().map(|ip| ip.parse().unwrap()).collect();
            assert_eq!(addresses(text, name), expected, "{name}");
        }
    }
}
