//! Which addresses are the public Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a connection may be made. `private` is the operator's grant for the origin: with it everything is reachable that a single
/// host can answer on.
pub(crate) fn may_connect(address: IpAddr, private: bool) -> bool {
    match private {
        true => !address.is_unspecified() && !is_multicast(address) && address != IpAddr::V4(Ipv4Addr::BROADCAST),
        false => is_public(address),
    }
}

fn is_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V6(v6) => {
            v6.is_multicast() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_multicast() || v4.is_unspecified())
        }
        IpAddr::V4(v4) => v4.is_multicast(),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// Everything but the special-purpose blocks of RFC 6890 and its successors.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)             // this network, private, loopback
            | (100, 64..=127, _)         // carrier-grade NAT
            | (169, 254, _)              // link-local, and the clouds' metadata
            | (172, 16..=31, _)          // private
            | (192, 0, 0 | 2)            // protocol assignments, documentation
            | (192, 88, 99)              // 6to4 relays
            | (192, 168, _)              // private
            | (198, 18 | 19, _)          // benchmarks
            | (198, 51, 100)             // documentation
            | (203, 0, 113)              // documentation
            | (224..=255, _, _) // multicast, reserved, broadcast
    )
}

/// Only global unicast (2000::/3) is public, and not the parts of it that are tunnels to, or spellings of, something else. So loopback,
/// link-local, unique-local, multicast, IPv4-mapped and -compatible addresses and NAT64 are all refused without being named.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let special = matches!(
        (a, b),
        (0x2001, 0x0000..=0x01ff)        // protocol assignments, Teredo and ORCHID among them
            | (0x2001, 0x0db8)           // documentation
            | (0x2002, _)                // 6to4
            | (0x3fff, 0x0000..=0x0fff) // documentation
    );
    global && !special
}

#[cfg(test)]
mod tests {
    use super::may_connect;

    #[test]
    fn public_addresses_are_reached() {
        for address in
            ["8.8.8.8", "1.1.1.1", "157.240.1.35", "2606:4700::1111", "2a03:2880:f101::1", "100.128.0.1", "172.32.0.1"]
        {
            assert!(may_connect(address.parse().unwrap(), false), "{address}");
        }
    }

    #[test]
    fn private_addresses_need_a_grant_in_every_spelling() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2001:0:7f00:1::",
            "::ffff:0:127.0.0.1",
            "fec0::1",
            "5f00::1",
        ] {
            let parsed = address.parse().unwrap();
            assert!(!may_connect(parsed, false), "{address}");
            assert!(may_connect(parsed, true), "{address} with a grant");
        }
    }

    #[test]
    fn nobody_can_grant_what_is_no_single_host() {
        for address in [
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "239.1.1.1",
            "::",
            "ff02::1",
            "::ffff:224.0.0.1",
            "::ffff:0.0.0.0",
        ] {
            assert!(!may_connect(address.parse().unwrap(), true), "{address}");
        }
    }
}
