//! Which addresses belong to the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is globally reachable unicast (IANA special-purpose address registries, RFC 6890). Everything else, such as
/// loopback, private and link-local networks and the metadata services of clouds, counts as the host's own ground.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(a == 0
        || a == 127
        || a >= 224 // multicast, reserved, broadcast
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_documentation()
        || (a == 100 && b & 0xc0 == 64) // carrier-grade NAT, RFC 6598; clouds put metadata services there
        || (a == 192 && b == 0 && c == 0) // IETF protocol assignments
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && b & 0xfe == 18)) // benchmarks, RFC 2544
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    if s[0] == 0x64 && s[1] == 0xff9b {
        // NAT64 carries an IPv4 address that has to be public itself; the local-use prefix 64:ff9b:1::/48 is not.
        return s[2..6] == [0; 4] && is_public_v4(Ipv4Addr::from_bits(u32::from(s[6]) << 16 | u32::from(s[7])));
    }
    if s[0] == 0x2002 {
        return is_public_v4(Ipv4Addr::from_bits(u32::from(s[1]) << 16 | u32::from(s[2])));
    }
    let global_unicast = s[0] & 0xe000 == 0x2000;
    // 2001::/23 are protocol assignments (Teredo among them, which embeds IPv4), 2001:db8::/32 and 3fff::/20 documentation.
    let special = (s[0] == 0x2001 && (s[1] < 0x200 || s[1] == 0xdb8)) || (s[0] == 0x3fff && s[1] < 0x1000);
    global_unicast && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_link_local_and_embedded_addresses_are_not_public() {
        let hidden = [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.168.1.1",
            "198.19.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
        ];
        for text in hidden {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
