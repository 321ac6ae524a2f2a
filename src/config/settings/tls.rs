//! The settings of TLS.

use super::Kind::Text;
use super::{NETWORK, Setting};

pub(in crate::config) const TLS_CERTIFICATE: Setting = Setting {
    flag: "tls-certificate",
    variable: "EVENT_HISTORY_TLS_CERTIFICATE",
    value: Text("FILE"),
    default: None,
    section: NETWORK,
    help: "PEM file of the certificate to serve HTTPS with, intermediate certificates after it. It \
           and its key are read again when they change [default: HTTP]",
};

pub(in crate::config) const TLS_KEY: Setting = Setting {
    flag: "tls-key",
    variable: "EVENT_HISTORY_TLS_KEY",
    value: Text("FILE"),
    default: None,
    section: NETWORK,
    help: "PEM file of the private key of --tls-certificate, not encrypted",
};

pub(in crate::config) const TLS_CLIENT_CA: Setting = Setting {
    flag: "tls-client-ca",
    variable: "EVENT_HISTORY_TLS_CLIENT_CA",
    value: Text("FILE"),
    default: None,
    section: NETWORK,
    help: "PEM file of root certificates: only clients with a certificate issued by one of them \
           can connect (mutual TLS) [default: all clients]",
};
