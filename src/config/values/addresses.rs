//! Parsers of addresses, networks, origins and URLs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use ipnet::IpNet;
use url::Url;

/// Parses the address to listen on: an IP address or the name of one, and a port. A port alone (`:8080`) is one of every
/// IPv4 address of this machine.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let malformed = || {
        format!(
            "'{text}' is not an address and a port, as in '127.0.0.1:8080', 'localhost:8080', \
             '[::1]:8080' or ':8080'"
        )
    };
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (name, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    let port: u16 = port.parse().map_err(|_| malformed())?;
    if name.is_empty() {
        return Ok((Ipv4Addr::UNSPECIFIED, port).into());
    }
    if name.contains(':') || name.contains('/') {
        return Err(malformed());
    }
    let resolved = (name, port).to_socket_addrs();
    let resolved = resolved.map_err(|error| format!("cannot resolve '{name}': {error}"))?;
    // Clients try both protocols for a name; every machine has IPv4's loopback address.
    let mut addresses: Vec<_> = resolved.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let first = addresses.first().copied();
    first.ok_or_else(|| format!("'{name}' has no address"))
}

/// Parses the base of the service's own URLs.
pub(in crate::config) fn public_url(text: &str) -> Result<Url, String> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "'{text}' has a query or a fragment: give the base alone"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password does not belong in a public URL".to_owned());
    }
    Ok(url)
}

fn web_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(format!(
            "'{text}' is not a URL that starts with http:// or https://"
        )),
    }
}

/// Parses origins with commas between, into the form in which browsers send them: no slash at the
/// end, no port where it is the scheme's own.
pub(in crate::config) fn origins(text: &str) -> Result<Vec<String>, String> {
    text.split(',')
        .map(|origin| self::origin(origin.trim()))
        .collect()
}

fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    if text.contains('*') {
        return Err(format!(
            "'{text}' is not an origin: '*' stands for all of them, or none"
        ));
    }
    let url = web_url(text)?;
    let origin = url.origin().ascii_serialization();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!(
            "'{text}' is not an origin: that is its beginning, '{origin}'"
        ));
    }
    Ok(origin)
}

/// Parses networks and single addresses with commas between.
pub(in crate::config) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |it: &str| {
        let it = it.trim();
        let single = it.parse::<IpAddr>().map(IpNet::from);
        single.or_else(|_| it.parse()).map_err(|_| {
            format!("'{it}' is not a network or an address, as in '10.0.0.0/8' or '192.0.2.7'")
        })
    };
    text.split(',').map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::{listen_address, networks, origins, public_url};

    #[test]
    fn listen_addresses_may_have_names_or_ports_alone() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("[::1]:0", "[::1]:0"),
            (":8080", "0.0.0.0:8080"),
        ] {
            assert_eq!(listen_address(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "localhost",
            "8080",
            ":",
            "::1:8080",
            ":80800",
            "http://localhost:80",
        ] {
            let message = listen_address(text).unwrap_err();
            assert!(message.contains("'127.0.0.1:8080'"), "{message}");
        }
        let message = listen_address("no-such-host.invalid:80").unwrap_err();
        assert!(message.contains("'no-such-host.invalid'"), "{message}");
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let parsed = origins("https://App.example.com:443/, http://localhost:3000,*").unwrap();
        assert_eq!(
            parsed,
            ["https://app.example.com", "http://localhost:3000", "*"]
        );
        for text in [
            "",
            "app.example.com",
            "https://a/b",
            "https://a,",
            "https://*.example.com",
        ] {
            assert!(origins(text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_may_be_single_addresses() {
        let parsed = networks("10.0.0.0/8, 192.0.2.7,fd00::/8").unwrap();
        let parsed: Vec<_> = parsed.iter().map(ToString::to_string).collect();
        assert_eq!(parsed, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        for text in ["", "10.0.0.0/33", "proxy.example.com", "10.0.0.0/8,"] {
            assert!(networks(text).is_err(), "{text}");
        }
    }

    #[test]
    fn public_urls_are_bases() {
        assert!(public_url("https://history.example.com/base").is_ok());
        for text in [
            "history.example.com",
            "ftp://x",
            "https://x?y=1",
            "https://x#y",
            "https://u:p@x",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
