//! The client's address behind trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies that are considered, beginning with the nearest: no real chain is longer.
const MAX_HOPS: usize = 16;

/// The networks whose forwarding headers are trusted.
#[derive(Debug)]
pub(super) struct TrustedProxies(pub(super) Vec<IpNet>);

impl TrustedProxies {
    /// Returns the address of the client: the last one in the chain that is not a trusted proxy's.
    ///
    /// A proxy adds to one of the two headers and passes the other on as the client sent it. Where they
    /// disagree the proxy itself counts as the client.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.ip().to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let by_x = self.last_untrusted(peer, headers, &X_FORWARDED_FOR, parse_address);
        let by_standard = self.last_untrusted(peer, headers, &FORWARDED, parse_for);
        match (by_x, by_standard) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the last address that is not trusted, or the first if all are. An address that cannot be parsed ends the chain.
    fn last_untrusted(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &HeaderName,
        parse: fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let lines: Vec<&str> = headers
            .get_all(name)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        let mut client = None;
        for hop in hops.take(MAX_HOPS) {
            let Some(address) = parse(hop.trim()) else {
                return client.or(Some(peer));
            };
            client = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        client
    }
}

/// Parses an address, with a port or without.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    Some(address.ok()?.to_canonical())
}

/// Parses the parameter `for` of a forwarded element.
/// Source: RFC 7239, section 4.
fn parse_for(element: &str) -> Option<IpAddr> {
    let mut members = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = members.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    parse_address(node.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::TrustedProxies;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "::1/128", "fd00::/8"];
        let networks = networks.map(|it| it.parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted = TrustedProxies(networks.to_vec());
        trusted.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn headers_of_an_untrusted_peer_are_ignored() {
        let claims = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
        ];
        assert_eq!(client("203.0.113.9:1", &claims), "203.0.113.9");
        assert_eq!(client("[::ffff:203.0.113.9]:1", &claims), "203.0.113.9");
    }

    #[test]
    fn the_last_untrusted_address_is_the_client() {
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("1.1.1.1, 192.0.2.1", "192.0.2.1"),
            ("1.1.1.1,192.0.2.1 , 10.1.1.1", "192.0.2.1"),
            ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("192.0.2.1, what", "10.0.0.1"),
            ("what, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, what, 10.1.1.1", "10.1.1.1"),
            ("", "10.0.0.1"),
        ] {
            let header = [("x-forwarded-for", value)];
            assert_eq!(client("10.0.0.1:1", &header), expected, "{value}");
        }
        let lines = [
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        assert_eq!(client("[::1]:1", &lines), "192.0.2.1");
        assert_eq!(client("10.0.0.1:1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_forwarded_header_is_read_too() {
        for (value, expected) in [
            ("for=192.0.2.1", "192.0.2.1"),
            (
                "for=1.1.1.1, For=192.0.2.1;proto=https;by=10.0.0.1",
                "192.0.2.1",
            ),
            ("proto=http;for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=unknown", "10.0.0.1"),
            ("for=_hidden, for=10.1.1.1", "10.1.1.1"),
        ] {
            let header = [("forwarded", value)];
            assert_eq!(client("10.0.0.1:1", &header), expected, "{value}");
        }
        let agree = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
        ];
        assert_eq!(client("10.0.0.1:1", &agree), "192.0.2.1");
        let disagree = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.2"),
        ];
        assert_eq!(client("10.0.0.1:1", &disagree), "10.0.0.1");
    }
}
