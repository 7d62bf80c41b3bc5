//! Addresses and networks, as a setting names them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;

/// Some addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// This machine's own.
    #[must_use]
    pub fn loopback() -> Self {
        let v4 = IpNet::new_assert(Ipv4Addr::LOCALHOST.into(), 8);
        Self(vec![v4, IpAddr::from(Ipv6Addr::LOCALHOST).into()])
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one of them, also when IPv6 stands around IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// `10.0.0.7, 172.16.0.0/12`; none in an empty text.
impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let network = |name: &str| {
            let address = name.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| name.parse::<IpNet>()).map_err(|_| {
                "name addresses or networks, with commas between, such as 10.0.0.7,172.16.0.0/12"
                    .to_owned()
            })
        };
        names.map(network).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_known() {
        let networks: Networks = "10.0.0.7, 172.16.0.0/12,::1".parse().unwrap();
        let cases = [
            ("10.0.0.7", true),
            ("::ffff:10.0.0.7", true),
            ("10.0.0.8", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("::1", true),
            ("::2", false),
        ];

        for (address, expected) in cases {
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{address}");
        }
        assert!(Networks::loopback().contains("127.8.0.1".parse().unwrap()));
        assert!("".parse::<Networks>().unwrap().is_empty());
        for text in ["proxy", "10.0.0.0/33", "10.0.0"] {
            assert!(text.parse::<Networks>().is_err(), "{text}");
        }
    }
}
